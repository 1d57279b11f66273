/* The quickest way of a statement: by its skeleton to what a plan makes of it, without cutting tokens.
 * Private to rewrite/: a part of the cache. */
#ifndef REWRITE_QUICK_H
#define REWRITE_QUICK_H

#include "cache_table.h"

typedef struct rw_quick {
    rw_plans plans;
    rw_skeleton skeleton; /* of the statement at hand */
    char key[RW_SKELETON_BYTES + RW_SKELETON_VALUES + RW_KEY_CONTEXT];
    size_t nkey; /* 0: it has none */
    uint64_t hash;
} rw_quick;

/* Makes the key of a statement, and looks for it. NULL: it has to go the other way. */
rw_entry *rw__quick_find(rw_quick *q, const rw_ruleset *r, const rw_ctx *ctx, b_slice sql);

/* What is to be done with the statement whose key was made last, and found. */
b_status rw__quick_apply(const rw_quick *q, const rw_entry *e, b_slice sql, b_arena *arena,
                         rw_result *out) B_MUSTCHECK;

/* The plan served the statement whose key was made last: keeps it under that, where it can. */
void rw__quick_add(rw_quick *q, const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t,
                   const rw_plan *plan, uint64_t digest, b_arena *arena);

#endif
