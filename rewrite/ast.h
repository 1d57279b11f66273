/* The syntax tree that the parser gives the resolver. Private to rewrite/.
 *
 * Nodes live in the statement's arena and speak of the source by token index: [tok, end) is a half-open
 * range of rw_tokens. Lists are linked through `next`, in source order. The tree keeps what name resolution
 * and rewriting need; it is not a complete account of the statement. */
#ifndef REWRITE_AST_H
#define REWRITE_AST_H

#include "lexer.h"

#define RW_NO_TOK UINT32_MAX

typedef struct rw_query rw_query;
typedef struct rw_expr rw_expr;

/* A possibly qualified name: up to three parts, unquoted. part[n - 1] is the last, most specific one. */
typedef struct rw_name {
    b_slice part[3];      /* decoded: quotes gone, doubled quotes folded */
    uint32_t part_tok[3]; /* token of each part */
    uint32_t n;           /* number of parts; 0 = no name */
    uint32_t tok, end;    /* the whole, dots included */
} rw_name;

typedef enum rw_expr_kind {
    RW_E_LITERAL,    /* number, string (introducer and adjacent strings included), NULL, TRUE, DATE '…' */
    RW_E_PARAM,      /* ? */
    RW_E_COLUMN,     /* name: a, t.a, s.t.a, .t.a */
    RW_E_STAR,       /* `*` or t.* : in select lists and COUNT(*) */
    RW_E_FUNC,       /* f(args), also with odd syntax inside; kids = all argument expressions */
    RW_E_OP,         /* any operator, CASE, CAST, BETWEEN, IN, row constructor …; kids = operands */
    RW_E_SUBQUERY,   /* (SELECT …), parentheses included; also under EXISTS, IN, ANY, ALL */
    RW_E_USERVAR,    /* @v */
    RW_E_SYSVAR,     /* @@v */
    RW_E_ASSIGN,     /* @v := kids */
    RW_E_DEFAULT,    /* the bare keyword DEFAULT (or IGNORE) as a value */
    RW_E_DEFAULT_OF, /* DEFAULT(col): name */
    RW_E_VALUES_OF,  /* VALUES(col), VALUE(col): name */
    RW_E_MATCH,      /* MATCH (cols) AGAINST (expr): kids = columns, then the expression */
} rw_expr_kind;

typedef struct rw_window { /* an OVER (…) or a named window's body */
    uint32_t name_tok;     /* RW_NO_TOK when unnamed */
    rw_expr *exprs;        /* all expressions of PARTITION BY, ORDER BY and the frame */
    rw_expr *order,
        *frame; /* where in that list those of ORDER BY and of the frame begin; NULL: there are none */
    struct rw_window *next;
} rw_window;

struct rw_expr {
    rw_expr_kind kind;
    uint32_t tok, end;
    rw_expr *next;
    rw_expr *kids;
    rw_name name;    /* COLUMN, STAR (qualifier only), DEFAULT_OF, VALUES_OF; FUNC: its (qualified) name */
    rw_query *query; /* SUBQUERY */
    rw_window *over; /* FUNC with OVER */
    uint16_t op; /* OP: word or operator code of its (first) operator, RW_OP_LPAREN for a row, 0 otherwise */
    bool parenthesised; /* stands in parentheses of its own, which [tok, end) includes; never for SUBQUERY */
};

typedef struct rw_item { /* of a select list or RETURNING */
    rw_expr *expr;
    uint32_t alias_tok; /* RW_NO_TOK when there is none */
    bool alias_string;  /* the alias is written as a string */
    b_slice alias;
    b_slice text;      /* without an alias, of a string: what it is called; p NULL for any other */
    uint32_t tok, end; /* expression and alias */
    struct rw_item *next;
} rw_item;

typedef enum rw_from_kind { RW_F_TABLE, RW_F_DERIVED, RW_F_JOIN, RW_F_JSON_TABLE, RW_F_DUAL } rw_from_kind;

typedef struct rw_name_list {
    rw_name name;
    struct rw_name_list *next;
} rw_name_list;

typedef struct rw_from {
    rw_from_kind kind;
    uint32_t tok, end;
    struct rw_from *next; /* comma list */
    rw_name table;        /* RW_F_TABLE */
    uint32_t alias_tok;   /* RW_NO_TOK when there is none */
    b_slice alias;
    uint32_t after_table; /* token index right after name, PARTITION (…) and alias: before index hints */
    bool partition_clause, index_hints, for_system_time, lateral;
    rw_query *query;           /* RW_F_DERIVED */
    rw_name_list *index_names; /* of USE, FORCE and IGNORE INDEX, in all of them */
    rw_name_list *columns;     /* derived column list; JSON_TABLE: the names of its columns */
    bool parenthesised; /* stands in parentheses or braces of its own, which [tok, end) includes; any kind but
                           DERIVED */
    rw_expr *exprs;     /* JSON_TABLE: its document; RW_F_JOIN: ON condition; FOR SYSTEM_TIME's points */
    struct rw_from *left, *right; /* RW_F_JOIN */
    bool natural, left_outer, right_outer;
    rw_name_list *using_cols;
    uint32_t using_tok, using_end; /* the tokens from USING to `)` */
} rw_from;

typedef struct rw_order {
    rw_expr *expr;
    struct rw_order *next;
} rw_order;

typedef struct rw_select {
    uint32_t tok, end;
    uint32_t items_tok, items_end; /* the select list */
    bool distinct;
    rw_item *items;
    rw_from *from;
    rw_expr *where;
    rw_order *group;
    bool rollup;
    rw_expr *having;
    rw_expr *qualify;
    rw_window *windows;
    /* A table value constructor or TABLE t in the place of a SELECT: */
    bool is_values, is_table;
    rw_expr *values; /* all expressions of VALUES ROW(…), … */
    rw_name table;   /* TABLE t */
} rw_select;

typedef struct rw_cte {
    b_slice name;
    uint32_t name_tok;
    rw_name_list *columns;
    rw_query *query;
    rw_name_list *cycle; /* CYCLE a, b RESTRICT */
    struct rw_cte *next;
} rw_cte;

/* A query expression: [WITH …] body [ORDER BY …] [LIMIT …] [INTO …] [FOR UPDATE …] */
struct rw_query {
    uint32_t tok, end; /* parentheses around it not included */
    rw_cte *ctes;
    bool recursive;
    /* The body is one SELECT, a query in parentheses, or left OP right. */
    rw_select *select;
    rw_query *inner;
    rw_query *left, *right;
    uint16_t set_op; /* RW_W_UNION, RW_W_EXCEPT, RW_W_INTERSECT, with left and right */
    bool set_all;    /* UNION ALL and so on */
    rw_order *order;
    rw_expr *limit; /* expressions of LIMIT, OFFSET, FETCH */
    rw_name_list *into_vars;
    bool into, into_outfile, locking;
    rw_name_list *lock_of; /* FOR UPDATE OF t, … */
    bool procedure;        /* PROCEDURE ANALYSE(…) */
    rw_query *next;
};

typedef struct rw_assign { /* col = expr, in UPDATE, INSERT … SET, ON DUPLICATE KEY UPDATE, LOAD DATA */
    rw_name col;
    rw_expr *value;
    uint32_t tok, end;
    struct rw_assign *next;
} rw_assign;

typedef struct rw_row { /* one (…) of VALUES */
    rw_expr *values;
    uint32_t n;
    uint32_t tok, end; /* parentheses included */
    struct rw_row *next;
} rw_row;

typedef enum rw_stmt_kind {
    RW_S_QUERY,  /* SELECT, WITH, VALUES, TABLE, ( … */
    RW_S_INSERT, /* INSERT and REPLACE */
    RW_S_UPDATE,
    RW_S_DELETE,
    RW_S_LOAD,     /* LOAD DATA | XML */
    RW_S_EXPLAIN,  /* EXPLAIN, DESCRIBE, DESC, ANALYZE (MariaDB) of a statement: `inner` */
    RW_S_TABLE_OP, /* TRUNCATE, ANALYZE TABLE, OPTIMIZE, CHECK, LOCK TABLES …: names in `tables`, may pass;
                      columns: those of a HISTOGRAM or PERSISTENT clause */
    RW_S_CREATE_TABLE, /* CREATE TEMPORARY TABLE, or any with AS SELECT: tables = its name; query when AS
                          SELECT; like = LIKE's name */
    RW_S_DROP_TABLE,   /* DROP [TEMPORARY] TABLE: tables; temporary */
    RW_S_PREPARE,    /* PREPARE n FROM …, EXECUTE IMMEDIATE …: text_tok a string, or from_var and text */
    RW_S_EXECUTE,    /* EXECUTE n */
    RW_S_DEALLOCATE, /* DEALLOCATE | DROP PREPARE n */
    RW_S_EVAL,       /* SET of variables, DO, CALL: exprs */
    RW_S_SET_FOR,    /* SET STATEMENT columns = exprs FOR inner */
    RW_S_COMPOUND,   /* BEGIN … END, and what else declares names: inner, a list */
    RW_S_DECLARE,    /* in a compound statement: columns = names, exprs = DEFAULT */
    RW_S_OTHER,      /* parsed no further; head_tok names it */
} rw_stmt_kind;

typedef struct rw_stmt {
    rw_stmt_kind kind;
    uint32_t tok, end;
    rw_query *query; /* QUERY; INSERT … SELECT; CREATE TEMPORARY … SELECT */

    /* INSERT, REPLACE, LOAD */
    bool replace, ignore, set_form, low_priority_or_delayed;
    bool recursive; /* of ctes */
    rw_cte *ctes;   /* WITH before UPDATE or DELETE, or between INSERT and SELECT's own */
    rw_name target;
    uint32_t after_target;             /* token right after the table's name and PARTITION clause */
    uint32_t columns_at;               /* where the column list stands, or would stand: LOAD, INSERT */
    bool has_columns;                  /* (a, b, …) was written, maybe empty */
    uint32_t columns_tok, columns_end; /* parentheses included */
    rw_name_list *columns;             /* LOAD: may hold user variables, as names that begin with @ */
    uint32_t values_tok;               /* the word VALUES or VALUE, RW_NO_TOK when none */
    rw_row *rows;
    b_slice row_alias; /* … VALUES (…) AS new(a, b) */
    uint32_t row_alias_tok;
    rw_name_list *row_alias_columns;
    uint32_t row_alias_columns_end; /* the `)` of that list */
    rw_assign *set;                 /* INSERT … SET; UPDATE … SET; LOAD DATA … SET */
    rw_assign *on_duplicate;
    rw_item *returning;
    uint32_t returning_tok;

    /* UPDATE, DELETE */
    rw_from *from;         /* table references; for DELETE the FROM or USING list */
    rw_name_list *targets; /* multi-table DELETE: tables to delete from */
    bool multi_table;      /* written in the multi-table form, or more than one table */
    rw_expr *where;
    rw_order *order;
    rw_expr *limit;

    /* EXPLAIN, CREATE TEMPORARY, DROP, table operations, PREPARE */
    struct rw_stmt *inner;
    rw_name_list *tables;
    rw_name like; /* PREPARE, EXECUTE, DEALLOCATE: the statement's name */
    bool temporary;
    uint32_t text_tok;
    bool from_var;
    rw_expr *text;           /* from_var: what gives the text */
    uint32_t using_tok;      /* EXECUTE: the word USING, if exprs is set */
    bool immediate;          /* EXECUTE IMMEDIATE, not PREPARE */
    bool rows_seen;          /* DECLARE: of a row (FOR r IN …); EVAL: its subquery is a cursor's */
    bool compound;           /* OTHER: BEGIN NOT ATOMIC, IF and so on, up to the end of the text */
    bool sets_system, calls; /* EVAL: SET of a variable that is not the user's (columns: their names); CALL */
    rw_expr *exprs;          /* EVAL: what is evaluated; EXECUTE: USING's list; SET_FOR: values */

    b_slice head;         /* first word or two, for messages: "ALTER TABLE" */
    struct rw_stmt *next; /* multi-statements */
} rw_stmt;

#endif
