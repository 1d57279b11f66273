/* What the files of the read emitter share with each other. Private to rewrite/: the write emitters use
 * resolve.h only. */
#ifndef REWRITE_EMIT_H
#define REWRITE_EMIT_H

#include "resolve.h"

/* The columns that a query gives to what stands around it: those that it has (first set), and names by which
 * the other side of a pair can be reached (first unset). phys is the name outside the query. */
typedef struct rw_export {
    const rw_vcol *cols;
    uint32_t n;
    bool known;
} rw_export;

struct rw_cte_env {
    b_slice name;
    rw_export cols;
    bool ready; /* unset in the first branch of a recursive one: it may not name itself there */
    const rw_name_list *columns; /* a column list gives the names */
    const rw_cte_env *outer;
};

/* A growing list of columns. */
typedef struct rw_vcols {
    rw_vcol *v;
    uint32_t n, room;
} rw_vcols;

void rw__vcols_add(rw_planner *p, rw_vcols *list, rw_vcol v);

/* ---- scope.c, scope_make.c --------------------------------------------------------------------------- */

/* Adds a source, all zero. The ones before it may move: hold none over this. NULL out of memory. */
rw_source *rw__scope_push(rw_planner *p, rw_scope *s);
void rw__source_export(rw_planner *p, rw_source *src, rw_export cols);

/* Is this what the source is called in `name`'s qualifier? */
bool rw__source_matches(const rw_planner *p, const rw_source *src, const rw_name *name);

/* What the server would find for this name, among the physical columns. */
rw_binding rw__lookup_physical(rw_planner *p, rw_scope *s, const rw_name *name, bool whole);

/* The name that an item has in the result: alias, or what the server makes of the expression when that can be
 * the name of a column; empty otherwise. */
b_slice rw__item_name(const rw_item *item);

/* ---- emit_name.c ------------------------------------------------------------------------------------ */

/* Rewrites one reference. True when its last part now reads otherwise. */
bool rw__emit_column(rw_planner *p, rw_scope *s, const rw_expr *e, bool whole);

/* ---- emit_star.c ------------------------------------------------------------------------------------ */

typedef struct rw_mode { /* what the place of a query asks of it */
    bool counted;        /* the number of columns counts: `both` is `old` */
    bool names;          /* its columns' names can be seen */
    bool exists;         /* nothing of the select list matters */
} rw_mode;

/* `*` or t.*: rewrites it where the server would give something else; adds what it gives to *out. */
void rw__emit_star(rw_planner *p, rw_scope *s, const rw_expr *star, rw_mode mode, rw_vcols *out, bool *known);

/* The same for TABLE t, whose scope holds t alone: becomes SELECT … FROM t where it must. */
void rw__emit_table_stmt(rw_planner *p, rw_scope *s, const rw_select *sel, rw_mode mode, rw_vcols *out,
                         bool *known);

/* The column of source src as it is read, qualified where the scope (NULL: none) has other sources. */
void rw__write_column(rw_planner *p, const rw_scope *s, uint32_t src, const rw_vcol *col, rw_edit *edit);

/* How many columns a star gives, where that is known. */
bool rw__star_width(rw_planner *p, rw_scope *s, const rw_expr *star, rw_mode mode, uint32_t *n);

/* ---- emit_from.c ------------------------------------------------------------------------------------ */

const rw_cte_env *rw__find_cte(rw_planner *p, const rw_scope *s, const rw_name *name);
void rw__cte_set(rw_planner *p, rw_cte_env *env, rw_export cols);

/* ---- insert_tail.c ---------------------------------------------------------------------------------- */

/* Adds the items of p->tail to its SELECT, whose scope s is. */
void rw__insert_tail(rw_planner *p, rw_scope *s);

/* ---- emit_select.c ---------------------------------------------------------------------------------- */

/* self: the recursive CTE whose body this is, or NULL. */
rw_export rw__emit_query_as(rw_planner *p, rw_scope *outer, const rw_query *q, rw_mode mode,
                            rw_cte_env *self);

#endif
