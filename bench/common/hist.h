/* A latency histogram: logarithmic buckets, about 1.5 % wide, from 1 µs to over an hour. One thread. */
#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include <stdint.h>

enum { HIST_SUB = 64, HIST_BUCKETS = 27 * HIST_SUB };

typedef struct hist {
    uint64_t count, sum_us, max_us;
    uint32_t bucket[HIST_BUCKETS];
} hist;

void hist_add(hist *h, uint64_t us);
void hist_merge(hist *into, const hist *from);
uint64_t hist_quantile(const hist *h, double q); /* in µs, the upper edge of its bucket; 0 when empty */

#endif
