/* What must hold of every edit script, checked against an account of it that shares no code with edit.c. */
#ifndef FUZZ_PROPERTIES_H
#define FUZZ_PROPERTIES_H

#include "plan.h"

/* Aborts where an edit lies outside the statement, where two overlap, or where a token outside all edits does
 * not come out as the same token, and in its place. plain: what came of the statement, rows of a long INSERT
 * being passed over; it must be the same here, where they are not. */
void check_edits(const rw_ruleset *r, const rw_ctx *ctx, b_slice sql, const rw_result *plain, b_arena *arena);

/* Aborts where more memory was taken than a statement of that length may take. */
void check_memory(b_slice sql, const b_arena *arena);

static inline void require(bool ok)
{
    if (!ok) __builtin_trap();
}

#endif
