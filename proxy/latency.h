/* How long statements on the migrating tables took in the last seconds: a histogram a table, in two halves
 * that take turns, so that what is older than two windows is forgotten. One thread; the caller gives the
 * time. */
#ifndef PROXY_LATENCY_H
#define PROXY_LATENCY_H

#include "base/slice.h"

#include <stdint.h>

enum { PX_LATENCY_BUCKETS = 256, PX_LATENCY_WINDOW_MS = 5000 };

typedef struct px_histogram {
    uint64_t total;
    uint32_t bucket[PX_LATENCY_BUCKETS];
} px_histogram;

typedef struct px_latency px_latency;

px_latency *px_latency_new(void);
void px_latency_free(px_latency *l);
void px_latency_note(px_latency *l, b_slice schema, b_slice table, uint64_t now_ms, uint64_t us);
/* Adds what is known of the table to *sum. */
void px_latency_sum(px_latency *l, b_slice schema, b_slice table, uint64_t now_ms, px_histogram *sum);
/* Upper edge, in µs, of the bucket where that part (0 to 1) of all lies; 0 when there are none. */
uint64_t px_histogram_at(const px_histogram *h, double part);

#endif
