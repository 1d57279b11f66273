/* What the files of assignments share. Private to assign_*.c, emit_assign.c. */
#ifndef REWRITE_ASSIGN_H
#define REWRITE_ASSIGN_H

#include "emit.h"
#include "transform.h"

/* ---- assign_target.c ---------------------------------------------------------------------------------- */

/* All assigned names, looked up; where both names of a pair are assigned, that is found or refused. */
rw_targets rw__assign_targets(rw_planner *p, const rw_assigns *a);

bool rw__same_pair(const rw_target *a, const rw_target *b);

/* Is the value nothing but the column itself, by either name? */
bool rw__is_itself(rw_planner *p, const rw_assigns *a, const rw_target *t);

/* ---- assign_noop.c: keeping a row that nothing changes as it is ---------------------------------------- */

/* What B holds for a moment where A changes: anything that is not NULL. */
typedef struct rw_marker {
    b_slice constant; /* empty: A itself */
    bool coalesce;    /* A, or the constant where A is NULL */
} rw_marker;

/* Can the longer form be used for this column? A's old value passes through B, which a zero date or an ENUM's
 * error value could not do under a strict mode: a constant goes in their place. Not for TIMESTAMP, whose hour
 * of a change of clocks IF() would move; nor for dates where a wrong one becomes a zero date instead of an
 * error, which MariaDB's IF() makes NULL; nor for a NULL that a NOT NULL column gets, to which it is never
 * equal. x: the value. */
bool rw__keeps_noop(const rw_planner *p, const rw_stmt *s, const rw_pair *pair, const rw_expr *x,
                    rw_marker *m);

/* Is it the word NULL? */
bool rw__is_null(const rw_planner *p, const rw_expr *e);

#endif
