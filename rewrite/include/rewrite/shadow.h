/* Shadow reads: a client's SELECT run once more through each column of a pair, to see that both give the
 * same. Which statements can be compared so, and the rules by which they read the other column. Pure. */
#ifndef REWRITE_SHADOW_H
#define REWRITE_SHADOW_H

#include "rewrite/rewrite.h"

/* The rules of r, but that reads of migration i, which is in dual_write or switched, go to the other column.
 * For reads only. NULL with *err filled: it is in another phase, or out of memory. */
rw_ruleset *rw_ruleset_other(const rw_ruleset *r, size_t i, b_err *err);

typedef struct rw_repeat {
    const char *skipped; /* why it cannot be shown to give the same rows when it is run twice on the same
                            data; NULL: it does, where its tables are transactional */
    bool ordered;        /* there is one order only in which its rows can come */
    const rw_table_name *tables; /* base tables that it reads; each may be there several times */
    size_t ntables;
} rw_repeat;

/* What a placeholder of a prepared statement was given, as far as it tells of the order of rows. */
typedef enum rw_given {
    RW_GIVEN_OTHER,
    RW_GIVEN_INTEGER,
    RW_GIVEN_DIGITS, /* a string of digits alone, one to fifteen */
    RW_GIVEN_NULL
} rw_given;

/* May the statement be run twice in one snapshot, for `SET timestamp` to the same, and must its rows then be
 * the same however the server goes about it? given: of each placeholder, where ctx->prepared; it is given the
 * same both times. Strict: what is not known is skipped. *out in the arena, or static. B_NOMEM. */
b_status rw_repeatable(const rw_ruleset *r, const rw_ctx *ctx, b_slice sql, const rw_given *given,
                       size_t ngiven, b_arena *arena, rw_repeat *out) B_MUSTCHECK;

#endif
