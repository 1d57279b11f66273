/* How long statements on the migrating tables took in the last seconds: a histogram a table, in two halves
 * that take turns. A half is closed after PX_LATENCY_WINDOW_MS, or later, where it holds fewer than
 * PX_LATENCY_LEAST statements; what is older than two of PX_LATENCY_LONGEST_MS is forgotten in any case. One
 * thread; the caller gives the time. */
#ifndef PROXY_LATENCY_H
#define PROXY_LATENCY_H

#include "base/slice.h"

#include <stdint.h>

enum {
    PX_LATENCY_BUCKETS = 256,
    PX_LATENCY_WINDOW_MS = 2000,
    PX_LATENCY_LONGEST_MS = 10000,
    PX_LATENCY_LEAST = 100
};

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
void px_histogram_add(px_histogram *h, uint64_t us);
/* Upper edge, in µs, of the bucket where that part (0 to 1) of all lies; 0 where there are fewer than
 * PX_LATENCY_LEAST: one slow statement among a few is no percentile. */
uint64_t px_histogram_at(const px_histogram *h, double part);

#endif
