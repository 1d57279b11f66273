/* A bounded table of counts, each under a key of several strings: who used which name of a column, and what
 * was refused to whom. No sockets, no clock: the caller says what time it is. One thread. */
#ifndef PROXY_TALLY_H
#define PROXY_TALLY_H

#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

enum { PX_TALLY_KEYS = 6 };

typedef struct px_tally px_tally;

typedef struct px_count {
    const char *key[PX_TALLY_KEYS]; /* NUL-terminated; "" where not used */
    const char *sample;
    uint64_t count;
    int64_t last_ms; /* Unix time */
} px_count;

/* max: entries kept; what comes when it is full is counted under the last key that fits: all keys "(other)".
 */
px_tally *px_tally_new(size_t max);
void px_tally_free(px_tally *t);

/* The entry of that key, made if it was missing; *fresh (may be NULL) says which. Never NULL unless memory
 * ran out. It stays where it is, under its key, as long as the table is there. */
px_count *px_tally_get(px_tally *t, const b_slice key[PX_TALLY_KEYS], bool *fresh);
void px_tally_sample(px_tally *t, px_count *c, b_slice sample); /* sets it, copied */

void px_tally_merge(px_tally *to, const px_tally *from);
size_t px_tally_size(const px_tally *t);
const px_count *px_tally_at(const px_tally *t, size_t i);

#endif
