/* A text while it is planned: the planner of the statement at hand, and what the statements before it have
 * changed for it. Private to rewrite.c and plan_*.c. */
#ifndef REWRITE_PLANNING_H
#define REWRITE_PLANNING_H

#include "plan.h"
#include "resolve.h"

typedef struct rw_planning {
    rw_planner p;
    rw_ctx ctx; /* as it stands before the statement at hand: earlier ones of the text may change it */
    rw_edits edits;
    rw_effect *effects;
    size_t neffects, room;
    bool first; /* the statement at hand is the text's first */
} rw_planning;

/* rewrite.c: one statement, by its kind. */
void rw__plan_statement(rw_planning *s, const rw_stmt *st);

/* ---- plan_effect.c: what later statements see -------------------------------------------------------- */

void rw__add_effect(rw_planning *s, rw_effect e);
rw_table_name rw__full_name(const rw_planning *s, const rw_name *n);

/* Later statements of the same text see the table that this one makes or drops. */
void rw__set_temporary(rw_planning *s, rw_table_name name, bool created);
bool rw__is_temporary(const rw_planning *s, rw_table_name name);

/* ---- plan_table.c: statements about tables as a whole ------------------------------------------------- */

void rw__plan_create_table(rw_planning *s, const rw_stmt *st);
void rw__plan_drop(rw_planning *s, const rw_stmt *st);
void rw__plan_table_op(rw_planning *s, const rw_stmt *st);

/* ---- plan_session.c: SET, DO, CALL ----------------------------------------------------------- */

/* What may change how the rest of the text is to be read has to be the last that matters in it. */
void rw__check_rest(rw_planning *s, const rw_stmt *st, const char *what);

void rw__plan_eval(rw_planning *s, const rw_stmt *st);
void rw__plan_set_for(rw_planning *s, const rw_stmt *st);

/* ---- plan_named.c -------------------------------------------------------------------------------------- */

/* PREPARE, EXECUTE, DEALLOCATE. */
void rw__plan_named(rw_planning *s, const rw_stmt *st);
/* Those inside a compound statement. */
void rw__check_within(rw_planning *s, const rw_stmt *st);
/* Does a statement of a text that is not understood begin with PREPARE or EXECUTE, so that tables may be
 * named which do not show? */
bool rw__begins_named(const rw_planner *p);

/* ---- plan_compound.c ----------------------------------------------------------------------------------- */

void rw__plan_compound(rw_planning *s, const rw_stmt *st);

/* ---- plan_other.c: statements that are not parsed ----------------------------------------------------- */

void rw__plan_other(rw_planning *s, const rw_stmt *st);

/* ---- plan_result.c ------------------------------------------------------------------------------------ */

/* What came of all statements of the text. */
b_status rw__sum_up(rw_planning *s, rw_plan *out) B_MUSTCHECK;

#endif
