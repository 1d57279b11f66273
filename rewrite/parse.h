/* What the files of the parser share. Private to parse_*.c.
 *
 * Failure is sticky: rw__fail() notes the first error and moves to the end of the input, where no peek finds
 * anything, so that every loop ends and no caller needs to check before it goes on. Nodes are
 * never NULL; rw_parse() gives none of them away after a failure. Recursion is bounded by rw__enter(). */
#ifndef REWRITE_PARSE_H
#define REWRITE_PARSE_H

#include "parser.h"
#include "words.h"

#define RW_MAX_DEPTH 256u  /* of nested expressions, queries and joins together */
#define RW_MAX_CHAIN 1024u /* of branches of one UNION */
#define RW_MAX_NESTED 16u  /* of operators that nest to the left without parentheses: a IS NULL IS NULL */

typedef struct rw__parser {
    rw_server server;
    uint32_t sql_mode;
    const rw_ctx *ctx;
    const rw_tokens *t;
    b_arena *arena;
    uint32_t pos, depth;
    b_status status;
    rw_parse_error err;
    union {
        rw_expr expr;
        rw_from from;
        rw_select select;
        rw_query query;
        rw_stmt stmt;
    } spill; /* see parse.c */
} rw__parser;

/* A list being built: the address where the next node goes. */
typedef struct rw__exprs {
    rw_expr *first, **tail;
} rw__exprs;

typedef struct rw__names {
    rw_name_list *first, **tail;
} rw__names;

/* ---- parse.c: tokens, names, failure ---- */

void rw__fail(rw__parser *p, const char *what);
void rw__fail_at(rw__parser *p, uint32_t tok, const char *what);
void rw__fail_deep(rw__parser *p);
bool rw__enter(rw__parser *p); /* false: too deep, and failed. Pairs with rw__leave, also when false. */
void rw__leave(rw__parser *p);
void *rw__alloc(rw__parser *p, size_t n);
#define RW_NODE(p, type) ((type *)rw__alloc((p), sizeof(type)))

const rw_token *rw__peek(const rw__parser *p, uint32_t ahead); /* never NULL: the end token past the end */
uint8_t rw__kind(const rw__parser *p, uint32_t ahead);

/* Words and operators share one space of codes. */
bool rw__is(const rw__parser *p, uint16_t code);
bool rw__is_at(const rw__parser *p, uint32_t ahead, uint16_t code);
bool rw__is2(const rw__parser *p, uint16_t first, uint16_t second);
bool rw__accept(rw__parser *p, uint16_t code);
bool rw__accept2(rw__parser *p, uint16_t first, uint16_t second);
bool rw__accept_any(rw__parser *p, const uint16_t *codes, size_t n);
bool rw__is_any(const rw__parser *p, const uint16_t *codes, size_t n);
void rw__expect(rw__parser *p, uint16_t code, const char *what);
#define RW_CODES(...)                                                                                        \
    (const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t)
#define RW_ACCEPT_ANY(p, ...) rw__accept_any((p), RW_CODES(__VA_ARGS__))
#define RW_IS_ANY(p, ...) rw__is_any((p), RW_CODES(__VA_ARGS__))

bool rw__accept_kind(rw__parser *p, rw_token_kind kind);
bool rw__ends(const rw__parser *p); /* at `;` or at the end */

/* May the token be a name here: quoted, or a word that this server does not reserve. */
bool rw__is_name(const rw__parser *p, uint32_t ahead);
bool rw__is_word_or_name(const rw__parser *p, uint32_t ahead); /* any word: right after a dot, after @@ */
b_slice rw__text(rw__parser *p, uint32_t tok);                 /* decoded text of a name or string token */

bool rw__name(rw__parser *p, rw_name *out, const char *what);  /* one to three parts */
bool rw__ident(rw__parser *p, rw_name *out, const char *what); /* exactly one */
void rw__word_name(rw__parser *p, rw_name *out);               /* the present token, keyword or not */

void rw__names_init(rw__names *l);
rw_name *rw__names_add(rw__parser *p, rw__names *l);
rw_name_list *rw__paren_names(rw__parser *p, const char *what); /* `(a, b)`; simple names, not empty */

/* Passes over a balanced (…) without reading it. Only where nothing in it can be a name that matters. */
void rw__skip_parens(rw__parser *p, const char *what);

/* MINUS, which is EXCEPT under MariaDB's sql_mode ORACLE. */
bool rw__is_minus(const rw__parser *p);

/* [AS] alias, in whichever of the three manners. False where there is none. */
bool rw__item_alias(rw__parser *p, rw_item *item);
bool rw__table_alias(rw__parser *p, rw_from *f);

/* ---- parse_expr.c, parse_prim.c, parse_func.c ---- */

void rw__exprs_init(rw__exprs *l);
void rw__exprs_add(rw__exprs *l, rw_expr *e);
rw_expr *rw__node(rw__parser *p, rw_expr_kind kind, uint32_t tok);
rw_expr *rw__done(rw__parser *p, rw_expr *e); /* sets `end` to the present position */

/* Binding strengths, as the least that an expression's operators must have. */
enum {
    RW_PREC_ANY = 0,
    RW_PREC_OR,
    RW_PREC_XOR,
    RW_PREC_AND,
    RW_PREC_NOT,
    RW_PREC_COMPARE,
    RW_PREC_PREDICATE,
    RW_PREC_BIT_OR,
    RW_PREC_BIT_AND,
    RW_PREC_SHIFT,
    RW_PREC_ADD,
    RW_PREC_MULTIPLY,
    RW_PREC_BIT_XOR,
    RW_PREC_CONCAT,
    RW_PREC_UNARY,
};

rw_expr *rw__expr(rw__parser *p);
rw_expr *rw__expr_prec(rw__parser *p, int min_prec);
rw_expr *rw__expr_or_default(rw__parser *p);       /* also DEFAULT and IGNORE */
void rw__expr_list(rw__parser *p, rw__exprs *out); /* one or more, by commas */
rw_expr *rw__primary(rw__parser *p);
rw_expr *rw__parens(rw__parser *p);                     /* `(` e `)`, row, or subquery */
rw_expr *rw__subquery(rw__parser *p, const char *what); /* `(` query `)` and nothing else */
rw_expr *rw__call(rw__parser *p);                       /* at a name or word followed by `(` or `.` */
bool rw__call_starts(const rw__parser *p);
rw_expr *rw__match(rw__parser *p);
void rw__type(rw__parser *p);              /* a data type, passed over */
bool rw__unit(rw__parser *p);              /* a word such as DAY or YEAR_MONTH, accepted */
rw_window *rw__window_body(rw__parser *p); /* at `(` */

/* ---- parse_query.c ---- */

bool rw__query_starts(const rw__parser *p, uint32_t ahead); /* SELECT, WITH, VALUES …, TABLE t */
rw_query *rw__query(rw__parser *p);
/* The same when its WITH clause, which began at tok, was read already. */
rw_query *rw__query_with(rw__parser *p, uint32_t tok, rw_cte *ctes, bool recursive);
/* The rest of a query of which the first operand, in parentheses that began at token tok, was read. */
rw_query *rw__query_after(rw__parser *p, rw_query *inner, uint32_t tok);
bool rw__query_goes_on(const rw__parser *p); /* at UNION …, ORDER BY, LIMIT, FOR UPDATE and so on */
void rw__with(rw__parser *p, rw_cte **ctes, bool *recursive);
rw_order *rw__order_list(rw__parser *p, bool *rollup); /* after ORDER BY or GROUP BY */
rw_expr *rw__limit(rw__parser *p);                     /* after LIMIT */
rw_item *rw__items(rw__parser *p);                     /* a select list */

/* ---- parse_from.c ---- */

rw_from *rw__from_list(rw__parser *p);
rw_from *rw__from_table(rw__parser *p);   /* one named table, with all that may follow it */
void rw__partition_clause(rw__parser *p); /* at PARTITION */

/* ---- parse_dml.c, parse_load.c, parse_other.c: each is called at its first word ---- */

void rw__insert(rw__parser *p, rw_stmt *s);
void rw__update(rw__parser *p, rw_stmt *s);
void rw__delete(rw__parser *p, rw_stmt *s);
void rw__load(rw__parser *p, rw_stmt *s);
void rw__explain(rw__parser *p, rw_stmt *s);
void rw__create(rw__parser *p, rw_stmt *s);
void rw__drop(rw__parser *p, rw_stmt *s);
void rw__prepare(rw__parser *p, rw_stmt *s); /* these three: parse_prepare.c */
void rw__execute(rw__parser *p, rw_stmt *s);
void rw__deallocate(rw__parser *p, rw_stmt *s);
void rw__table_op(rw__parser *p, rw_stmt *s);
void rw__other(rw__parser *p, rw_stmt *s);
void rw__compound(rw__parser *p, rw_stmt *s); /* parse_compound.c */
/* Reads the statement by `parse` where that can follow it to its end; otherwise passes over it. */
void rw__read_or_pass(rw__parser *p, rw_stmt *s, void (*parse)(rw__parser *, rw_stmt *));
void rw__set(rw__parser *p, rw_stmt *s); /* these three: parse_session.c */
void rw__do(rw__parser *p, rw_stmt *s);
void rw__call_statement(rw__parser *p, rw_stmt *s);
void rw__column_list(rw__parser *p, rw_stmt *s); /* at `(` */
rw_assign *rw__assignments(rw__parser *p);
rw_item *rw__returning(rw__parser *p, rw_stmt *s);
rw_stmt *rw__statement(rw__parser *p);

#endif
