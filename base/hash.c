#include "base/hash.h"

uint64_t b_hash(const void *p, size_t n, uint64_t seed)
{
    const unsigned char *s = p;
    uint64_t h = seed ^ (n * 0x9e3779b97f4a7c15ULL);
    while (n >= 8) {
        uint64_t w;
        memcpy(&w, s, 8);
        h = b_hash_mix(h, w);
        s += 8, n -= 8;
    }
    uint64_t w = 0;
    if (n > 0) memcpy(&w, s, n);
    return b_hash_mix(h, w);
}

uint64_t b_hash_nocase(b_slice s, uint64_t seed)
{
    uint64_t h = seed ^ s.n;
    for (size_t i = 0; i < s.n; i++) h = (h ^ (unsigned char)b_lower(s.p[i])) * 0x100000001b3ULL;
    return b_hash_mix(h, s.n);
}
