/* What parsing, resolving and emitting make of one text: everything but the bytes of its literals, so that
 * it serves every text with the same tokens. Private to rewrite/.
 *
 * run.c calls rw__plan and applies the edits; cache.c keeps plans,
 * quick.c scripts of what comes of them. */
#ifndef REWRITE_PLAN_H
#define REWRITE_PLAN_H

#include "edit.h"

typedef struct rw_plan {
    rw_verdict verdict;
    rw_edits edits; /* RW_REWRITTEN */

    /* RW_REFUSED, as in rw_result. Must not quote literals of the statement, unless !cacheable. */
    unsigned error;
    const char *sqlstate; /* static text, as is code */
    b_slice message;
    const char *code;

    const rw_use *uses;
    size_t nuses;
    const rw_effect *effects;
    size_t neffects;
    const rw_shown *shown;
    size_t nshown;
    const rw_origin *origins;
    size_t norigins;
    b_slice zone;

    rw_table_name show_create; /* as in rw_result, with the next four */
    const rw_renewal *renewals;
    size_t nrenewals;
    b_slice executed, ask;

    /* The plan is right for any statement that differs in nothing but the values of its number, string and
     * hexadecimal literals (aliases, ORDER BY and GROUP BY ordinals, comments and hints do not count as such:
     * cache.c keeps them in its key). False where a value was looked at, or copied as RW_P_TEXT. */
    bool cacheable;
} rw_plan;

/* rewrite.c. *t may end in RW_TOK_BAD. All memory is the arena's. B_OK with *out filled, or B_NOMEM. */
b_status rw__plan(const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t, b_arena *arena,
                  rw_plan *out) B_MUSTCHECK;

/* The same, with lines on scopes and resolutions appended to *trace. */
b_status rw__plan_traced(const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t, b_arena *arena,
                         b_buf *trace, rw_plan *out) B_MUSTCHECK;

/* cache.c: 64-bit hash of the tokens with the literals out. */
uint64_t rw__digest(const rw_tokens *t);

/* run.c: fills *out from a plan: applies the edits, copies what the result points to into the arena. */
b_status rw__finish(const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t, const rw_plan *plan,
                    b_arena *arena, rw_result *out) B_MUSTCHECK;

/* run.c: verdict, error and what the result points to, copied into the arena: the plan may be the cache's,
 * which may drop it while the caller still holds the result. False: out of memory. */
bool rw__copy_details(const rw_plan *plan, b_arena *arena, rw_result *out);

#endif
