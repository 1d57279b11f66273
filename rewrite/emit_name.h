/* References to columns. Private to emit_name.c, emit_alias.c and emit_expr.c. */
#ifndef REWRITE_EMIT_NAME_H
#define REWRITE_EMIT_NAME_H

#include "emit.h"

static inline const rw_pair *rw__pair_of(const rw_vcol *col)
{
    return &col->mt->m->pairs[col->pair];
}

static inline b_slice rw__last_part(const rw_name *name)
{
    return name->part[name->n - 1];
}

/* Is a name of a migrating pair, spelt like this, within reach of scope s? If not, what the name means is
 * nothing that a migration changes. */
bool rw__in_sight(const rw_scope *s, b_slice name);

/* Has an item of the select list this name, written as its alias? */
bool rw__alias_named(const rw_scope *s, b_slice name);

/* The column is there, and no spelling of the name says so. */
void rw__refuse_lost(rw_planner *p, b_slice name);

/* What an expression that is a name means in another clause. */
rw_binding rw__lookup_in(rw_planner *p, rw_scope *s, rw_clause clause, const rw_expr *e);

/* An ENUM or SET that is read as a text has another order, and no number. */
void rw__check_list(rw_planner *p, rw_scope *s, const rw_expr *e, const char *what);

/* emit_alias.c: an alias of the select list that the physical columns would now hide. */
void rw__emit_alias(rw_planner *p, rw_scope *s, const rw_expr *e, const rw_binding *b, bool whole);

#endif
