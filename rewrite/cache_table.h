/* A bounded table of plans by key. Private to rewrite/: cache.c and quick.c have one each.
 *
 * An entry is one block of memory, found by a hash and compared in full; a clock decides which goes when the
 * table is full. */
#ifndef REWRITE_CACHE_TABLE_H
#define REWRITE_CACHE_TABLE_H

#include "plan.h"
#include "script.h"

typedef struct rw_entry {
    uint64_t hash;
    struct rw_entry *chain; /* of the same slot */
    size_t index;           /* in the clock */
    size_t bytes;
    bool used;             /* since the hand last passed */
    uint32_t wait, waited; /* quick.c: hits until it is tried again, and those that were */
    b_slice key;
    uint64_t digest;
    rw_plan plan;
    rw_script script; /* quick.c: in the place of the plan's edits */
} rw_entry;

typedef struct rw_plans {
    rw_entry **slots;
    size_t nslots; /* a power of two */
    rw_entry **clock;
    size_t n, max, hand;
    size_t bytes;
    uint64_t evictions;
} rw_plans;

bool rw__plans_init(rw_plans *t, size_t max);
void rw__plans_deinit(rw_plans *t);

rw_entry *rw__plans_find(const rw_plans *t, uint64_t hash, b_slice key);

/* Keeps a copy of all of it. script may be NULL. NULL out of memory: the statement itself does not need it.
 */
rw_entry *rw__plans_add(rw_plans *t, uint64_t hash, b_slice key, const rw_plan *plan, const rw_script *script,
                        uint64_t digest);

/* ---- keys ---------------------------------------------------------------------------------------------- */

enum { RW_KEY_MAX = 16 * 1024, RW_KEY_CONTEXT = 1024 };

typedef struct rw_key {
    char *p;
    size_t n, room;
    bool full; /* too long: not to be kept */
} rw_key;

void rw__key_put(rw_key *k, const void *p, size_t n);
void rw__key_slice(rw_key *k, b_slice s);

/* All that a plan may depend on besides the text: the session's settings, the ruleset. */
void rw__key_context(rw_key *k, const rw_ruleset *r, const rw_ctx *ctx);

/* The tokens: kind, spacing before, and the bytes of all but the values. */
void rw__key_tokens(rw_key *k, const rw_tokens *t);

/* What was seen of the tokens before one. Begins as all zero. */
typedef struct rw_values {
    bool list; /* after BY: numbers may be ordinals */
} rw_values;

/* Is token i a literal that is a value in an expression, and nothing else? To be asked of each in turn. */
bool rw__is_value(rw_values *seen, const rw_tokens *t, uint32_t i);

#endif
