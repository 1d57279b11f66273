/* The expressions of a migration, `up` and `down`: read once, when the migration is applied, and written down
 * so that they mean the same in every session.
 *
 * The text that comes out may stand in a statement of any sql_mode and client character set, and in a
 * DEFAULT: each column's name, and nothing else, stands in backticks; strings are in single quotes, without
 * backslashes. Pure. */
#ifndef REWRITE_EXPR_H
#define REWRITE_EXPR_H

#include "base/arena.h"
#include "rewrite/catalog.h"

/* columns: the names that may stand in it. *out in the arena. B_INVALID with what is wrong and what to do:
 * not an expression, another name, a function that is not certain to give the same always and everywhere, a
 * subquery, an operator whose meaning hangs on the session. B_NOMEM. */
b_status rw_expr_check(rw_server server, b_slice text, const b_slice *columns, size_t ncolumns,
                       b_arena *arena, b_slice *out, b_err *err) B_MUSTCHECK;

/* Does a text that came out of it read this column? */
bool rw_expr_reads(b_slice text, b_slice column);

#endif
