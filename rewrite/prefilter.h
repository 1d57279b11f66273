/* The search that every statement goes through: does any of these names occur in its bytes? Private to
 * rewrite/. Immutable once built. */
#ifndef REWRITE_PREFILTER_H
#define REWRITE_PREFILTER_H

#include "rewrite/ruleset.h"

typedef struct rw__prefilter rw__prefilter;

/* For all migrations that are not finished, the views over their tables, and the words of rw_may_touch().
 * NULL when out of memory. */
rw__prefilter *rw__prefilter_new(const rw_catalog *c, const rw_migration *m, size_t n);
void rw__prefilter_free(rw__prefilter *f); /* NULL is fine */

bool rw__prefilter_match(const rw__prefilter *f, rw_charset charset, b_slice sql);

#endif
