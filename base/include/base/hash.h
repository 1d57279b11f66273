/* 64-bit hashing for tables and digests. Not for secrets, not against an adversary who picks keys to
 * collide: whoever uses a hash as an identity compares the keys as well. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/slice.h"

#include <stdint.h>

uint64_t b_hash(const void *p, size_t n, uint64_t seed);

/* The same value for names that differ in ASCII case only. */
uint64_t b_hash_nocase(b_slice s, uint64_t seed);

/* Mixes one more value into a running hash. */
static inline uint64_t b_hash_mix(uint64_t h, uint64_t v)
{
    h ^= v + 0x9e3779b97f4a7c15ULL + (h << 6) + (h >> 2);
    h *= 0xff51afd7ed558ccdULL;
    return h ^ (h >> 32);
}

#endif
