/* Names and scopes: what the emitters share. Private to rewrite/.
 *
 * A statement is planned in one walk. Each select, and each UPDATE, DELETE or INSERT, has a scope, which
 * holds the tables of its FROM; scopes are chained outwards. A table's columns are known twice over: as the
 * client believes them to be (rw_vcol) and as they physically are (names in `phys`). A name is looked up as
 * on the plain table of the client's schema version first, in every scope outwards; only when that finds
 * nothing is it tried as the other name of a pair. What is then written is looked up once more among the
 * physical names, and is qualified, or the statement refused, when it would no longer mean the same.
 *
 * Only names that are a column of some migration matter: all others are left alone, unread.
 *
 * Failure is sticky in the planner: once p->refused or p->nomem is set, all functions here return at once
 * and the caller need not check after each call. */
#ifndef REWRITE_RESOLVE_H
#define REWRITE_RESOLVE_H

#include "ast.h"
#include "base/buf.h"
#include "edit.h"
#include "form.h"

/* ---- migrating tables ------------------------------------------------------------------------------- */

typedef struct rw_mtab rw_mtab;

/* A column as the client may name it. */
typedef struct rw_vcol {
    b_slice name;            /* what the client calls it */
    b_slice phys;            /* what the server calls it, for reads in this phase */
    const rw_form *form;     /* read through this expression, which is then `phys`, too; NULL: the column */
    const rw_column *column; /* of a base table: the column read; NULL in derived tables and with a form */
    const rw_mtab *mt;       /* non-NULL: one name of a migrating pair */
    uint32_t pair;           /* index in mt->m->pairs */
    bool new_name;           /* `name` is the pair's `to` */
    bool first;              /* the plain table of the client's version has it: found in the first pass */
    bool star;               /* `*` gives it */
    bool blind;              /* not to be read: a write is in the midst of giving it its value */
    bool extra;              /* in `*` by version `both` only: left out where the number of columns counts */
} rw_vcol;

/* A table under migration (never a finished one), as this client sees it. */
struct rw_mtab {
    const rw_mtable *m;
    uint32_t index;        /* among the ruleset's tables */
    const rw_table *table; /* as it physically is */
    /* The columns of the plain table of the client's version, in order (invisible ones have star unset);
     * then the other name of each pair (extra set where `*` gives it). */
    const rw_vcol *cols;
    uint32_t ncols;
    uint32_t nplain; /* cols[0, nplain) is the plain table of the client's version, `both` as `old` */
    uint8_t *used;   /* of each pair: RW_USED_ bits */
    b_slice aliases; /* by which the statement calls it, each ended by NUL */
    bool as_plain;   /* met while the planner's flag of this name was set */
    struct rw_mtab *next;
};

enum { RW_USED_OLD = 1, RW_USED_NEW = 2, RW_USED_WRITE = 4 };

/* Does the table physically have A; B? Do reads go to B? Are writes of one to be writes of both? */
bool rw__phase_has_from(rw_phase p);
bool rw__phase_has_to(rw_phase p);
bool rw__phase_reads_to(rw_phase p);
bool rw__phase_writes_both(rw_phase p);
bool rw__phase_writes_to(rw_phase p); /* where only one is written: B (retired, contracted), not A */

/* The pair that has this name on either side; NULL when none has. *new_name tells the side. */
const rw_pair *rw__pair_named(const rw_mtab *mt, b_slice name, bool *new_name, uint32_t *index);

/* The physical column that reads of the pair go to. */
b_slice rw__pair_read(const rw_pair *pair);

/* How a name of a pair is read from the side that has the values: fills phys, form, column of *v. */
void rw__pair_bind(const rw_mtab *mt, const rw_pair *pair, bool new_name, bool from_new, rw_vcol *v);

/* A migrating table under the name that the statement gives it, for hints. */
typedef struct rw_called {
    b_slice name;
    const rw_mtab *mt; /* NULL: another table of that name */
    const struct rw_called *next;
} rw_called;

/* A name that a compound statement declares. */
typedef struct rw_local {
    b_slice name;
    bool row; /* it has fields: `name.field` is one of it */
    struct rw_local *next;
} rw_local;

/* ---- the planner's state ---------------------------------------------------------------------------- */

typedef struct rw_planner {
    const rw_ruleset *rules;
    const rw_ctx *ctx;
    const rw_tokens *t;
    b_arena *arena;
    rw_server server;
    const rw_catalog *catalog;
    b_slice schema;                 /* default schema; follows USE within the text */
    rw_edits *edits;                /* where edits go; rw__render puts another list here for a while */
    rw_mtab *mtabs;                 /* migrating tables met so far */
    const rw_called *called;        /* tables met so far, where there are optimizer hints */
    const rw_stmt *stmt;            /* the statement at hand, for messages */
    b_slice zone;                   /* the time zone that the session has to be in, and is */
    const struct rw_insert *tail;   /* whose SELECT is to get further items; else NULL */
    const rw_select *tail_select;   /* that SELECT */
    const struct rw_insert *insert; /* whose ON DUPLICATE KEY UPDATE is written; else NULL */
    rw_table_name show_create;      /* the statement is SHOW CREATE TABLE of it, which passes */
    struct rw_set_var *set_vars;    /* user variables that the text has set: emit_prepare.c */
    rw_local *locals;               /* what is declared where the statement at hand stands */
    bool in_compound, set_system;   /* inside one; and a system variable was set there */
    bool context_unsure;            /* sql_mode or schema may be others than at the text's beginning */
    rw_origin *origins;             /* of what the client gets, in all statements of the text */
    size_t norigins, origins_room;
    rw_renewal *renewals;
    size_t nrenewals;
    b_slice executed, ask; /* these: as in rw_result */
    bool as_plain;    /* in switched, read A all the same: it has the plain column's attributes, B not yet */
    bool uncacheable; /* a literal's value took part in the decision */
    b_buf *trace;     /* scopes and resolutions, for EXPLAIN; NULL: nobody asks */
    bool nomem;
    bool refused;
    unsigned error; /* of the refusal */
    const char *sqlstate, *code;
    b_slice message;
} rw_planner;

/* True when there is nothing more to do: refused, or out of memory. */
static inline bool rw__stop(const rw_planner *p)
{
    return p->nomem || p->refused || p->edits->failed;
}

/* The table that the name means here: NULL for one that is not migrating (or whose migration is finished),
 * for a temporary table that shadows it, and for a view over it, which is refused where it cannot be right.
 * CTEs are the scope's business. *known: the catalogue's entry, or NULL when it has none (or it is a
 * temporary table). */
rw_mtab *rw__find_table(rw_planner *p, const rw_name *name, const rw_table **known);

/* As rw__find_table, but views are not looked into. */
rw_mtab *rw__find_base(rw_planner *p, const rw_name *name, const rw_table **known);

/* The ruleset's i-th migrating table, met by this statement from now on; NULL when it is not there. */
rw_mtab *rw__migrating(rw_planner *p, size_t i);

/* Names of schemas, tables, their aliases and common table expressions: by lower_case_table_names. */
bool rw__table_name_eq(const rw_planner *p, b_slice a, b_slice b);

/* ---- refusals: refuse.c ----------------------------------------------------------------------------- */

/* "straddle: <what> on migrating table s.t (migration m, phase p): <todo>", 1235. what and todo are phrases
 * without a full stop; code is a short word, static. The first refusal of a statement stands. */
void rw__refuse(rw_planner *p, const rw_mtab *mt, const char *code, const char *what, const char *todo);
/* As above, with a word of the statement (a column, a function) put into `what` for %.*s. */
void rw__refuse_name(rw_planner *p, const rw_mtab *mt, const char *code, const char *what, b_slice name,
                     const char *todo);
/* An error that the plain table would have given: the server's own number, state and text. */
void rw__refuse_as(rw_planner *p, unsigned error, const char *sqlstate, const char *code, const char *fmt,
                   ...) B_PRINTF(5, 6);

/* Refuses where the pair hangs on the session's time zone and that is another one than the migration's. */
void rw__check_zone(rw_planner *p, const rw_mtab *mt, const rw_pair *pair);

/* ---- quoting: quote.c ------------------------------------------------------------------------------- */

/* The name as it has to be written to be this identifier: bare when it is a plain word that is not
 * reserved on either server, otherwise in backticks (which every sql_mode takes). In the arena. */
b_slice rw__quoted(rw_planner *p, b_slice name);

/* The text as a string literal under the session's sql_mode. For character sets without bytes below 0x80 in
 * wider characters only (RW_CHARSET_SAFE). In the arena. */
b_slice rw__string_literal(rw_planner *p, b_slice text);

/* The text as an SQL string that reads the same in every sql_mode and character set. */
b_slice rw__literal(rw_planner *p, b_slice text);

/* ---- scopes ----------------------------------------------------------------------------------------- */

typedef enum rw_clause {
    RW_C_FIELDS, /* select list; also VALUES and the right sides of SET */
    RW_C_WHERE,
    RW_C_ON,
    RW_C_GROUP,
    RW_C_HAVING,
    RW_C_ORDER,
    RW_C_WINDOW,
    RW_C_OTHER, /* LIMIT, arguments of JSON_TABLE, … */
} rw_clause;

typedef struct rw_source { /* one table of a FROM */
    b_slice name;          /* alias, or the table's own name */
    b_slice schema;        /* of a base table, aliased or not; otherwise empty */
    const rw_from *from;   /* NULL for a target given by name only */
    const rw_table *table; /* base table in the catalogue; NULL otherwise */
    rw_mtab *mt;           /* migrating table; NULL otherwise */
    const rw_mtab *base;   /* the same, also where a derived one stands for it (shield.c) */
    bool known;            /* its columns are known */
    const rw_vcol *cols;
    uint32_t ncols;
    const b_slice *phys; /* every name by which the server will find a column of it */
    uint32_t nphys;
    bool null_extended; /* on the inner side of an outer join */
    bool catalog_view;  /* a table of information_schema, rewritten (catview.c) */
} rw_source;

enum { RW_MAX_USING = 61 }; /* joins in one FROM: as many tables as a server takes */

typedef struct rw_cte_env rw_cte_env; /* common table expressions in sight */

typedef struct rw_scope {
    struct rw_scope *outer;
    rw_source *src; /* in the order written; grows */
    uint32_t nsrc, room;
    uint32_t lo, hi;         /* the part of src in sight: all of it, but for ON */
    const rw_select *select; /* whose select list gives aliases; NULL outside SELECT */
    rw_clause clause;        /* the clause being walked, also for the scopes inside it */
    const rw_cte_env *ctes;
    const rw_name_list *using_cols[RW_MAX_USING]; /* lists of USING in this FROM; what NATURAL joins by */
    uint32_t nusing;
    bool shields;        /* a table may stand as a derived one here (shield.c) */
    bool locked;         /* FOR UPDATE and the like */
    bool no_star;        /* `*` stands for no columns: under EXISTS on MariaDB */
    const rw_from *item; /* of the FROM being walked, when it may */
} rw_scope;

/* outer may be NULL. The scope is the caller's; what it points to is in the arena. Adding a table may move
 * src: keep indexes, not pointers. */
void rw__scope_init(rw_scope *s, rw_scope *outer);

/* Adds a table by name: the target of an INSERT, a single DELETE, TABLE t. alias may be empty. NULL once
 * stopped. */
rw_source *rw__scope_add_table(rw_planner *p, rw_scope *s, const rw_name *table, b_slice alias);

/* Adds everything in a FROM list, and walks what is inside it: derived tables, ON, USING (emit_select.c). */
void rw__scope_add_from(rw_planner *p, rw_scope *s, const rw_from *from);

/* Adds the names of a WITH clause and rewrites their bodies (emit_select.c). */
void rw__scope_add_ctes(rw_planner *p, rw_scope *s, const rw_cte *ctes, bool recursive);

/* Adds a source whose columns are given: a row alias (VALUES … AS new). names are both virtual and physical.
 */
rw_source *rw__scope_add_names(rw_planner *p, rw_scope *s, b_slice alias, const b_slice *names, uint32_t n);

/* ---- for EXPLAIN: trace.c ------------------------------------------------------------------------------ */

/* Adds a comment line where the planner has a trace: a table that came into scope, with its columns as the
 * client may name them; rw__trace_name (below), what a name was found to be. */
void rw__trace_source(rw_planner *p, const rw_scope *s, const rw_source *src);

/* ---- lookup ----------------------------------------------------------------------------------------- */

typedef enum rw_bind_kind {
    RW_BIND_NONE,      /* nothing has this name: the server will say so */
    RW_BIND_COLUMN,    /* scope, source and col are set */
    RW_BIND_ALIAS,     /* an item of the select list: scope and item are set */
    RW_BIND_AMBIGUOUS, /* several tables of one scope have it */
    RW_BIND_MAYBE,     /* a table with unknown columns might have it */
} rw_bind_kind;

typedef struct rw_binding {
    rw_bind_kind kind;
    rw_scope *scope;
    rw_source *source;
    const rw_vcol *col; /* virtual lookups */
    const rw_item *item;
    bool unsure; /* a table with unknown columns, in the same scope, might have it too */
    bool second; /* found in the second pass only: as the other name of a pair */
} rw_binding;

void rw__trace_name(rw_planner *p, const rw_name *name, const rw_binding *b);

/* Does the name mean something that a compound statement declares: plan_compound.c. */
bool rw__is_local(const rw_planner *p, const rw_name *name);

/* Is the name a column of any migration met so far? Others need no lookup. */
bool rw__is_candidate(const rw_planner *p, b_slice name);

/* What the client means by the name, in scope s at s->clause. whole: the name is all of an ORDER BY or
 * GROUP BY element. */
rw_binding rw__lookup(rw_planner *p, rw_scope *s, const rw_name *name, bool whole);

/* ---- emitting: emit_select.c ------------------------------------------------------------------------ */

/* Rewrites column references and subqueries within an expression (a list: all of it, through `next`). */
void rw__emit_expr(rw_planner *p, rw_scope *s, rw_clause clause, const rw_expr *e);
void rw__emit_exprs(rw_planner *p, rw_scope *s, rw_clause clause, const rw_expr *list);
void rw__emit_window(rw_planner *p, rw_scope *s, const rw_window *w);
void rw__emit_order(rw_planner *p, rw_scope *s, rw_clause clause, const rw_order *list);

/* RETURNING: `*` expanded, names kept. */
void rw__emit_items(rw_planner *p, rw_scope *s, const rw_item *items);

/* Adds the rewritten text of one expression to an edit, once more each time it is called: for writing it
 * twice. Its own place in the statement is not touched. */
void rw__render_expr(rw_planner *p, rw_scope *s, rw_clause clause, const rw_expr *e, rw_edit *at);

typedef enum rw_query_use {
    RW_Q_RESULT,  /* the client sees its columns */
    RW_Q_COUNTED, /* the number of its columns counts: INSERT … SELECT, IN, scalar, a branch of a UNION */
    RW_Q_DERIVED, /* a derived table or CTE: names matter, `both` is carried along */
    RW_Q_EXISTS,  /* neither matters */
} rw_query_use;

/* Rewrites a query in place. */
void rw__emit_query(rw_planner *p, rw_scope *outer, const rw_query *q, rw_query_use use);

/* The first SELECT of a query's body. After rw__emit_query its scope is gone; ON DUPLICATE KEY UPDATE of an
 * INSERT … SELECT asks for it again with rw__scope_add_from on a planner whose edits are thrown away. */
const rw_select *rw__query_first(const rw_query *q);

/* The query's columns are the client's: result columns may come from its tables (origin.c). */
void rw__note_origins(rw_planner *p, const rw_scope *s);
void rw__add_origin(rw_planner *p, rw_origin origin);

/* Tells the census that a name was used, and which way. */
void rw__note_use(rw_mtab *mt, uint32_t pair, bool new_name, bool write);
/* The same for a use by shape (`*`, no column list): the client's version says which; none for `both`. */
void rw__note_shape(rw_planner *p, rw_mtab *mt, bool write);

/* ---- properties of expressions ---------------------------------------------------------------------- */

/* True when evaluating it twice gives the same value with no side effect: no RAND(), UUID(), NOW(6) is fine,
 * user variables assigned, stored functions, subqueries, … anything unknown is false. */
bool rw__deterministic(const rw_planner *p, const rw_expr *e);
bool rw__names_sequence(const rw_tokens *t, const rw_expr *e); /* NEXT VALUE FOR … and such in it */
bool rw__has_subquery(const rw_expr *e);                       /* a list: any of it */

/* ---- statements: one emitter each ------------------------------------------------------------------- */

/* Each plans one parsed statement into p->edits, or refuses. emit_insert.c, emit_update.c, … */
void rw__plan_insert(rw_planner *p, const rw_stmt *s);
void rw__plan_update(rw_planner *p, const rw_stmt *s);
void rw__plan_delete(rw_planner *p, const rw_stmt *s);
void rw__plan_load(rw_planner *p, const rw_stmt *s);

/* What a statement about named statements does for the next ones: emit_prepare.c. */
typedef struct rw_about {
    rw_effect effect; /* of the statement itself, where has_effect */
    bool has_effect;
    const rw_effect *effects; /* of what it executes */
    size_t neffects;
    bool harmless; /* what it executes changes nothing that the rest of the text is read by */
} rw_about;

/* first: no statement stands before it in the text. */
void rw__named_prepare(rw_planner *p, const rw_stmt *s, bool first, rw_about *out);
void rw__named_immediate(rw_planner *p, const rw_stmt *s, bool first, rw_about *out);
void rw__named_execute(rw_planner *p, const rw_stmt *s, rw_about *out);
void rw__named_deallocate(rw_planner *p, const rw_stmt *s, rw_about *out);
/* Keeps count of user variables that the text itself sets to literals. Before each statement of several. */
void rw__follow_variables(rw_planner *p, const rw_stmt *s);
/* A migration that is under way, so that its table may be named; NULL for none. */
const rw_migration *rw__active_migration(const rw_planner *p);

#endif
