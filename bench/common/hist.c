#include "hist.h"

static unsigned bucket_of(uint64_t us)
{
    if (us < HIST_SUB) return (unsigned)us;
    unsigned log = 63u - (unsigned)__builtin_clzll(us); /* 6 and up */
    unsigned sub = (unsigned)(us >> (log - 6)) & (HIST_SUB - 1);
    unsigned b = (log - 5) * HIST_SUB + sub;
    return b < HIST_BUCKETS ? b : HIST_BUCKETS - 1;
}

static uint64_t upper_edge(unsigned b)
{
    if (b < HIST_SUB) return b;
    unsigned log = b / HIST_SUB + 5, sub = b % HIST_SUB;
    return ((uint64_t)(HIST_SUB + sub + 1) << (log - 6)) - 1;
}

void hist_add(hist *h, uint64_t us)
{
    h->bucket[bucket_of(us)]++;
    h->count++;
    h->sum_us += us;
    if (us > h->max_us) h->max_us = us;
}

void hist_merge(hist *into, const hist *from)
{
    for (unsigned i = 0; i < HIST_BUCKETS; i++) into->bucket[i] += from->bucket[i];
    into->count += from->count;
    into->sum_us += from->sum_us;
    if (from->max_us > into->max_us) into->max_us = from->max_us;
}

uint64_t hist_quantile(const hist *h, double q)
{
    uint64_t want = (uint64_t)((double)h->count * q + 0.5), seen = 0;
    if (h->count == 0) return 0;
    if (want == 0) want = 1;
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen >= want) return upper_edge(i) < h->max_us ? upper_edge(i) : h->max_us;
    }
    return h->max_us;
}
