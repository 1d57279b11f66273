/* Open addressing over an array of entries; strings live in an arena of the table. See tally.h. */
#include "tally.h"

#include "base/arena.h"
#include "base/hash.h"

#include <stdlib.h>

typedef struct entry {
    uint64_t hash;
    px_count count;
} entry;

struct px_tally {
    b_arena *arena;
    entry *entries;  /* max + 1: the last is the one for what did not fit */
    uint32_t *slots; /* index + 1 */
    size_t n, max, nslots;
};

px_tally *px_tally_new(size_t max)
{
    px_tally *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->max = max;
    t->nslots = 16;
    while (t->nslots < 2 * (max + 1)) t->nslots *= 2;
    t->arena = b_arena_new(0);
    t->entries = calloc(max + 1, sizeof *t->entries);
    t->slots = calloc(t->nslots, sizeof *t->slots);
    if (t->arena != NULL && t->entries != NULL && t->slots != NULL) return t;
    px_tally_free(t);
    return NULL;
}

void px_tally_free(px_tally *t)
{
    if (t == NULL) return;
    b_arena_free(t->arena);
    free(t->entries);
    free(t->slots);
    free(t);
}

static uint64_t hash_key(const b_slice *key)
{
    uint64_t h = 0;
    for (int i = 0; i < PX_TALLY_KEYS; i++) h = b_hash_mix(h, b_hash(key[i].p, key[i].n, h));
    return h;
}

static bool same_key(const entry *e, const b_slice *key)
{
    for (int i = 0; i < PX_TALLY_KEYS; i++)
        if (!b_slice_eq(b_slice_str(e->count.key[i]), key[i])) return false;
    return true;
}

static px_count *add(px_tally *t, const b_slice *key, uint64_t h, size_t slot)
{
    entry *e = &t->entries[t->n];
    *e = (entry){.hash = h, .count = {.sample = ""}};
    for (int i = 0; i < PX_TALLY_KEYS; i++) {
        b_slice copy = key[i].n == 0 ? B_LIT("") : b_arena_dup(t->arena, key[i]);
        if (copy.p == NULL) return NULL;
        e->count.key[i] = copy.p;
    }
    t->slots[slot] = (uint32_t)++t->n;
    return &e->count;
}

px_count *px_tally_get(px_tally *t, const b_slice key[PX_TALLY_KEYS], bool *fresh)
{
    static const b_slice other[PX_TALLY_KEYS] = {B_LIT("(other)"), B_LIT("(other)"), B_LIT("(other)"),
                                                 B_LIT("(other)"), B_LIT("(other)"), B_LIT("(other)")};
    if (fresh != NULL) *fresh = false;
    for (int pass = 0; pass < 2; pass++) {
        uint64_t h = hash_key(key);
        size_t slot = (size_t)h & (t->nslots - 1);
        for (; t->slots[slot] != 0; slot = (slot + 1) & (t->nslots - 1)) {
            entry *e = &t->entries[t->slots[slot] - 1];
            if (e->hash == h && same_key(e, key)) return &e->count;
        }
        if (t->n < t->max || pass == 1) {
            if (fresh != NULL) *fresh = true;
            return add(t, key, h, slot);
        }
        key = other;
    }
    return NULL;
}

void px_tally_sample(px_tally *t, px_count *c, b_slice sample)
{
    b_slice copy = b_arena_dup(t->arena, sample);
    if (copy.p != NULL) c->sample = copy.p;
}

void px_tally_merge(px_tally *to, const px_tally *from)
{
    for (size_t i = 0; i < from->n; i++) {
        const px_count *c = &from->entries[i].count;
        b_slice key[PX_TALLY_KEYS];
        for (int k = 0; k < PX_TALLY_KEYS; k++) key[k] = b_slice_str(c->key[k]);
        bool fresh;
        px_count *sum = px_tally_get(to, key, &fresh);
        if (sum == NULL) continue;
        if (fresh) px_tally_sample(to, sum, b_slice_str(c->sample));
        sum->count += c->count;
        if (c->last_ms > sum->last_ms) sum->last_ms = c->last_ms;
    }
}

size_t px_tally_size(const px_tally *t)
{
    return t->n;
}

const px_count *px_tally_at(const px_tally *t, size_t i)
{
    return &t->entries[i].count;
}
