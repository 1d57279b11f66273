/* See latency.h. Buckets: eight to a power of two, from 1 µs. */
#include "latency.h"

#include <stdlib.h>

enum { MAX_TABLES = 64, SUB_BITS = 3 };

typedef struct table {
    char *name; /* schema, NUL, table */
    size_t schema_n, name_n;
    uint64_t turned_ms; /* when `now` began */
    px_histogram now, before;
} table;

struct px_latency {
    table tables[MAX_TABLES];
    size_t n;
};

px_latency *px_latency_new(void)
{
    return calloc(1, sizeof(px_latency));
}

void px_latency_free(px_latency *l)
{
    if (l == NULL) return;
    for (size_t i = 0; i < l->n; i++) free(l->tables[i].name);
    free(l);
}

static table *find(px_latency *l, b_slice schema, b_slice name)
{
    for (size_t i = 0; i < l->n; i++) {
        table *t = &l->tables[i];
        if (b_slice_eq(b_slice_of(t->name, t->schema_n), schema) &&
            b_slice_eq(b_slice_of(t->name + t->schema_n, t->name_n), name))
            return t;
    }
    return NULL;
}

static table *find_or_add(px_latency *l, b_slice schema, b_slice name)
{
    table *t = find(l, schema, name);
    if (t != NULL || l->n == MAX_TABLES) return t;
    char *copy = malloc(schema.n + name.n + 1);
    if (copy == NULL) return NULL;
    if (schema.n > 0) memcpy(copy, schema.p, schema.n);
    if (name.n > 0) memcpy(copy + schema.n, name.p, name.n);
    t = &l->tables[l->n++];
    *t = (table){.name = copy, .schema_n = schema.n, .name_n = name.n};
    return t;
}

static void turn(table *t, uint64_t now_ms)
{
    uint64_t age = now_ms - t->turned_ms;
    if (age < (t->now.total < PX_LATENCY_LEAST ? PX_LATENCY_LONGEST_MS : PX_LATENCY_WINDOW_MS)) return;
    t->before = age < UINT64_C(2) * PX_LATENCY_LONGEST_MS ? t->now : (px_histogram){0};
    t->now = (px_histogram){0};
    t->turned_ms = now_ms;
}

static unsigned bucket_of(uint64_t us)
{
    if (us < 1u << SUB_BITS) return (unsigned)us;
    unsigned top = 63u - (unsigned)__builtin_clzll(us);
    unsigned i =
        ((top - SUB_BITS + 1) << SUB_BITS) + (unsigned)((us >> (top - SUB_BITS)) & ((1u << SUB_BITS) - 1));
    return i < PX_LATENCY_BUCKETS ? i : PX_LATENCY_BUCKETS - 1;
}

static uint64_t edge_of(unsigned bucket)
{
    if (bucket < 1u << SUB_BITS) return bucket;
    unsigned top = (bucket >> SUB_BITS) + SUB_BITS - 1;
    uint64_t sub = bucket & ((1u << SUB_BITS) - 1);
    return (1ull << top) + ((sub + 1) << (top - SUB_BITS)) - 1;
}

void px_histogram_add(px_histogram *h, uint64_t us)
{
    h->bucket[bucket_of(us)]++;
    h->total++;
}

void px_latency_note(px_latency *l, b_slice schema, b_slice name, uint64_t now_ms, uint64_t us)
{
    table *t = find_or_add(l, schema, name);
    if (t == NULL) return;
    turn(t, now_ms);
    px_histogram_add(&t->now, us);
}

void px_latency_sum(px_latency *l, b_slice schema, b_slice name, uint64_t now_ms, px_histogram *sum)
{
    table *t = find(l, schema, name);
    if (t == NULL) return;
    turn(t, now_ms);
    for (unsigned i = 0; i < PX_LATENCY_BUCKETS; i++)
        sum->bucket[i] += t->now.bucket[i] + t->before.bucket[i];
    sum->total += t->now.total + t->before.total;
}

uint64_t px_histogram_at(const px_histogram *h, double part)
{
    uint64_t seen = 0, want = (uint64_t)(part * (double)h->total);
    if (h->total < PX_LATENCY_LEAST) return 0;
    for (unsigned i = 0; i < PX_LATENCY_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen > want || seen == h->total) return edge_of(i);
    }
    return edge_of(PX_LATENCY_BUCKETS - 1);
}
