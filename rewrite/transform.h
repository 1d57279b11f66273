/* Writes of columns whose values a migration changes. Private to the emitters of writes.
 *
 * Two sides: the old columns of a group of pairs, and the new ones, each derived from the other by the
 * migration's expressions. A statement that names columns of one side writes those as they stand, and then
 * derives the other side's from what is stored by then: A = x, B = up(A). So a value is converted, cut or
 * refused once, by the column that the client named.
 *
 * One side holds what counts: the old one up to dual_write, the new one from switched on. Until the backfill,
 * there or back, has come by, the other side's columns may hold anything. */
#ifndef REWRITE_TRANSFORM_H
#define REWRITE_TRANSFORM_H

#include "insert.h"

typedef enum rw_twrite {
    RW_T_DIRECT, /* the named column is all that is written */
    RW_T_BOTH,   /* the named one, and the other side is derived */
    RW_T_OTHER,  /* the named one is not there: the other of the pair is written in its stead */
} rw_twrite;

/* How a write that names this side of a changing pair is done in its phase. */
rw_twrite rw__twrite(const rw_pair *pair, bool new_name);

/* Are two columns written when this side of the pair is named? For renames, too. */
bool rw__writes_two(const rw_pair *pair, bool new_name);

/* Does the side that is written as it stands hold what counts before the statement? */
bool rw__side_counts(const rw_pair *pair, bool new_name);

/* Refuses a write by this name that cannot be made right: other side not derivable, time zone, a mode in
 * which a value that does not fit is changed in one column alone. */
void rw__check_twrite(rw_planner *p, const rw_mtab *mt, const rw_pair *pair, bool new_name, const rw_stmt *s);

/* Refuses both sides of one group in one statement, unless the phase writes both and nothing is left over. */
void rw__check_both_sides(rw_planner *p, const rw_mtab *mt, const rw_pair *pair, bool all_named);

/* From here on reads of the pair's two names are of the columns themselves, or of the other side. */
typedef enum rw_read { RW_READ_ITSELF, RW_READ_DERIVED, RW_READ_NONE } rw_read;
void rw__bind_pair(rw_planner *p, rw_scope *s, const rw_mtab *mt, uint32_t pair, bool new_name, rw_read read);

/* The text to write for DEFAULT as the value of this side; empty: the word itself is right. */
b_slice rw__twrite_default(rw_planner *p, const rw_mtab *mt, const rw_pair *pair, bool new_name,
                           const rw_stmt *s);

/* Is the expression a column of a base table, as it is stored there, that column `to` takes as it is? */
bool rw__is_same_type(rw_planner *p, rw_scope *s, const rw_expr *e, const rw_column *to);

/* Writes a form with its columns, qualified where `table` has a name. */
void rw__put_form(rw_planner *p, const rw_form *f, b_slice table, rw_edit *e);

/* Assignments: assign_changes.c. What cannot be assigned beside a changing pair is refused; then each is
 * written in its turn. */
void rw__check_changes(rw_planner *p, const rw_assigns *a, const rw_targets *ts);
void rw__emit_changing(rw_planner *p, const rw_assigns *a, const rw_targets *ts, uint32_t i);

/* INSERT and LOAD: what has to be added for the groups of changing pairs, into in->extras. */
void rw__insert_plan_changes(rw_planner *p, rw_insert *in);

/* RETURNING: all columns hold what they are to. */
void rw__bind_written(rw_planner *p, rw_scope *s, const rw_mtab *mt);

#endif
