/* What the emitters of writes share. Private to emit_insert.c, emit_update.c, emit_load.c, emit_assign.c.
 *
 * A is the old column of a pair, B the new one. While both are written, expressions inside the writing part
 * of a statement (VALUES, SET, ON DUPLICATE KEY UPDATE, RETURNING) read A, whichever side plain reads go to:
 * A is the one that is assigned first, or whose default B's follows, so it holds at every moment what the
 * column of the plain table would. */
#ifndef REWRITE_WRITE_H
#define REWRITE_WRITE_H

#include "resolve.h"

typedef enum rw_write_mode {
    RW_WRITE_FROM, /* only A: planned, expanded */
    RW_WRITE_TO,   /* only B: retired, contracted */
    RW_WRITE_BOTH, /* dual_write, switched */
} rw_write_mode;

rw_write_mode rw__write_mode(const rw_pair *pair);

/* The column that the client's value goes to: A, or B where A is not written any more. */
b_slice rw__write_name(const rw_pair *pair);

/* Refuses what cannot be written in two columns: see docs/internals.md. Called once for each table that is
 * written, before anything is emitted. */
void rw__check_writable(rw_planner *p, const rw_mtab *mt);

/* The source's columns with reads of every pair going to rw__write_name(). NULL once stopped. */
const rw_vcol *rw__write_cols(rw_planner *p, const rw_source *src);

/* The same for assignments to rows that are there: where A is not filled again, what is read is B. */
const rw_vcol *rw__assign_cols(rw_planner *p, const rw_source *src);

/* From here on the client's B means B itself: it has been given a value of its own. */
void rw__own_name(rw_planner *p, rw_scope *s, const rw_mtab *mt, uint32_t pair);

/* Is NULL into a NOT NULL column an error that ends this statement (strict, and not IGNORE)? */
bool rw__null_is_error(const rw_planner *p, const rw_stmt *s);

/* The client leaves the pair out of an INSERT or LOAD, or gives DEFAULT for it. Answers error 1364 where the
 * plain table would and the physical default hides it; refuses where it cannot be told. */
void rw__check_omitted(rw_planner *p, const rw_mtab *mt, const rw_pair *pair, const rw_stmt *s);

/* Writes `name` over the last part of a name, unless it is that already. */
void rw__put_name(rw_planner *p, const rw_name *at, b_slice name);

/* Is the expression the word DEFAULT as a value? */
bool rw__is_default(const rw_expr *e);

/* Do both give the same value for certain: the same tokens, deterministic, no placeholder? */
bool rw__same_expr(rw_planner *p, const rw_expr *a, const rw_expr *b);

/* Is the expression nothing but one side of this pair of the target? */
bool rw__is_column_of(const rw_mtab *mt, const rw_expr *e, uint32_t pair);

/* Does an expression (a list) name a side of this pair anywhere outside subqueries? */
bool rw__reads_pair(const rw_mtab *mt, const rw_expr *e, uint32_t pair);

/* Is `:=` or INTO @v anywhere in the statement, so that @v may change between two evaluations? */
bool rw__assigns_uservars(const rw_planner *p, const rw_stmt *s);

/* ---- avoid.c ------------------------------------------------------------------------------------------ */

/* Do all subqueries of the list read base tables only, and never this one? */
bool rw__exprs_avoid(rw_planner *p, const rw_expr *e, const rw_table *target);
bool rw__orders_avoid(rw_planner *p, const rw_order *o, const rw_table *target);

/* ---- assignments: emit_assign.c --------------------------------------------------------------------- */

typedef enum rw_assign_form {
    RW_ASSIGN_AFTER, /* A = x, B = A: where the server assigns from left to right, row by row */
    RW_ASSIGN_TWICE, /* B = x, A = x: right on every plan; x must be repeatable */
    RW_ASSIGN_ONLY,  /* A = x: B follows by its own default */
} rw_assign_form;

typedef struct rw_assigns {
    const rw_stmt *stmt;
    const rw_assign *list;
    rw_scope *target_scope; /* where the assigned names are looked up */
    rw_scope *scope;        /* where the expressions are */
    rw_assign_form form;
    bool write_itself; /* A = A is written to both sides: the server may store another row's value by it */
    bool keep_noop; /* AFTER: in dual_write B may be stale; a row that the plain table leaves alone must stay
                       as it is */
    bool qualify;   /* names that are added get their table's name */
    bool limit;     /* UPDATE: a LIMIT has to be added for the form to be right */
    bool in_order;  /* assigned from left to right: a later expression sees the earlier value */
} rw_assigns;

/* One assignment, looked up. mt is NULL where it is none of a pair's. */
typedef struct rw_target {
    const rw_assign *asg;
    rw_source *src;
    rw_mtab *mt;
    const rw_pair *pair;
    uint32_t index;
    bool new_name;
    bool both_named; /* the statement assigns the other side too */
    bool drop;       /* says the same as an earlier one: left out */
} rw_target;

typedef struct rw_targets {
    rw_target *at;
    uint32_t n;
} rw_targets;

void rw__emit_assigns(rw_planner *p, const rw_assigns *a);

/* Would RW_ASSIGN_TWICE be right for each assignment to a pair? false: the caller has to find another way.
 * *why (may be NULL) is then a phrase for a refusal. */
bool rw__assigns_repeatable(rw_planner *p, const rw_assigns *a, const char **why);

/* Is one of the assigned columns a side of a pair whose table is written on both sides? *mt: its table. */
bool rw__assigns_both(rw_planner *p, const rw_assigns *a, const rw_mtab **mt);

#endif
