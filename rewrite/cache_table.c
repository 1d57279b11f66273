/* See cache_table.h. */
#include "cache_table.h"

#include <stdlib.h>

enum { MEAN_ENTRY_BYTES = 8 * 1024 }; /* all entries together: this times their number */

/* ---- one block ---- */

/* Hands out memory of one block; with base NULL only counts what would be needed. */
typedef struct packer {
    char *base;
    size_t n;
} packer;

static void *take(packer *p, size_t n)
{
    void *at = p->base == NULL ? NULL : p->base + p->n;
    p->n += (n + 15) & ~(size_t)15;
    return at;
}

static void *pack(packer *p, const void *from, size_t n)
{
    void *at = take(p, n);
    if (at != NULL && n > 0) memcpy(at, from, n);
    return at;
}

static b_slice pack_slice(packer *p, b_slice s)
{
    return (b_slice){pack(p, s.p, s.n), s.n};
}

static rw_piece *pack_pieces(packer *p, const rw_piece *from)
{
    rw_piece *first = NULL, *last = NULL;
    for (; from != NULL; from = from->next) {
        rw_piece *to = pack(p, from, sizeof *to);
        b_slice text = pack_slice(p, from->text);
        if (to == NULL) continue;
        to->text = text;
        to->next = NULL;
        if (last == NULL)
            first = to;
        else
            last->next = to;
        last = to;
    }
    return first;
}

static void pack_edits(packer *p, const rw_edits *from, rw_edits *to)
{
    *to = (rw_edits){.n = from->n};
    for (const rw_edit *e = from->first; e != NULL; e = e->next) {
        rw_edit *copy = pack(p, e, sizeof *copy);
        rw_piece *pieces = pack_pieces(p, e->pieces);
        if (copy == NULL) continue;
        copy->pieces = pieces;
        copy->last = NULL;
        copy->next = NULL;
        if (to->last == NULL)
            to->first = copy;
        else
            to->last->next = copy;
        to->last = copy;
    }
}

static void pack_plan(packer *p, const rw_plan *from, rw_plan *to)
{
    rw_plan plan = *from;
    pack_edits(p, &from->edits, &plan.edits);
    plan.message = pack_slice(p, from->message);
    plan.zone = pack_slice(p, from->zone);
    plan.uses = pack(p, from->uses, from->nuses * sizeof *from->uses);
    rw_effect *effects = pack(p, from->effects, from->neffects * sizeof *effects);
    for (size_t i = 0; i < from->neffects; i++) {
        rw_table_name n = {pack_slice(p, from->effects[i].table.schema),
                           pack_slice(p, from->effects[i].table.name)};
        if (effects != NULL) effects[i].table = n;
    }
    plan.effects = effects;
    rw_shown *shown = pack(p, from->shown, from->nshown * sizeof *shown);
    for (size_t i = 0; i < from->nshown; i++) {
        const rw_shown *s = &from->shown[i];
        rw_shown copy = {{pack_slice(p, s->table.schema), pack_slice(p, s->table.name)},
                         pack_slice(p, s->physical),
                         pack_slice(p, s->shown),
                         pack_slice(p, s->aliases),
                         s->read};
        if (shown != NULL) shown[i] = copy;
    }
    plan.shown = shown;
    rw_origin *origins = pack(p, from->origins, from->norigins * sizeof *origins);
    for (size_t i = 0; i < from->norigins; i++) {
        const rw_origin *o = &from->origins[i];
        rw_origin copy = {pack_slice(p, o->schema), pack_slice(p, o->called), o->nulls};
        if (origins != NULL) origins[i] = copy;
    }
    plan.origins = origins;
    if (to != NULL) *to = plan;
}

static void pack_script(packer *p, const rw_script *from, rw_script *to)
{
    rw_script s = *from;
    b_slice text = pack_slice(p, from->text);
    s.text = text;
    s.pieces = pack(p, from->pieces, from->npieces * sizeof *from->pieces);
    s.source = pack(p, from->source, from->nout * sizeof *from->source);
    if (to != NULL) *to = s;
}

static rw_entry *new_entry(b_slice key, const rw_plan *plan, const rw_script *script)
{
    static const rw_script none = {.npieces = 0};
    if (script == NULL) script = &none;
    packer p = {0};
    (void)take(&p, sizeof(rw_entry));
    (void)pack_slice(&p, key);
    pack_plan(&p, plan, NULL);
    pack_script(&p, script, NULL);
    size_t bytes = p.n;
    p = (packer){.base = malloc(bytes)};
    if (p.base == NULL) return NULL;
    rw_entry *e = take(&p, sizeof *e);
    *e = (rw_entry){.bytes = bytes, .key = pack_slice(&p, key)};
    pack_plan(&p, plan, &e->plan);
    pack_script(&p, script, &e->script);
    return e;
}

/* ---- the table ---- */

bool rw__plans_init(rw_plans *t, size_t max)
{
    *t = (rw_plans){.max = max == 0 ? 1 : max, .nslots = 16};
    while (t->nslots < t->max * 2) t->nslots *= 2;
    t->slots = calloc(t->nslots, sizeof(rw_entry *));
    t->clock = calloc(t->max, sizeof(rw_entry *));
    return t->slots != NULL && t->clock != NULL;
}

void rw__plans_deinit(rw_plans *t)
{
    for (size_t i = 0; i < t->n; i++) free(t->clock[i]);
    free(t->slots);
    free(t->clock);
}

rw_entry *rw__plans_find(const rw_plans *t, uint64_t hash, b_slice key)
{
    rw_entry *e = t->slots[hash & (t->nslots - 1)];
    while (e != NULL && !(e->hash == hash && b_slice_eq(e->key, key))) e = e->chain;
    return e;
}

static void drop(rw_plans *t, rw_entry *e)
{
    rw_entry **link = &t->slots[e->hash & (t->nslots - 1)];
    while (*link != e) link = &(*link)->chain;
    *link = e->chain;
    t->clock[e->index] = t->clock[--t->n];
    t->clock[e->index]->index = e->index;
    t->bytes -= e->bytes;
    t->evictions++;
    free(e);
}

/* At most two turns of the hand: the first takes the marks away. */
static void evict(rw_plans *t)
{
    for (;;) {
        if (t->hand >= t->n) t->hand = 0;
        rw_entry *e = t->clock[t->hand];
        if (!e->used) {
            drop(t, e);
            return;
        }
        e->used = false;
        t->hand++;
    }
}

rw_entry *rw__plans_add(rw_plans *t, uint64_t hash, b_slice key, const rw_plan *plan, const rw_script *script,
                        uint64_t digest)
{
    rw_entry *e = new_entry(key, plan, script);
    if (e == NULL) return NULL;
    e->hash = hash;
    e->digest = digest;
    size_t most = t->max * MEAN_ENTRY_BYTES;
    while (t->n > 0 && (t->n == t->max || t->bytes + e->bytes > most)) evict(t);
    rw_entry **slot = &t->slots[hash & (t->nslots - 1)];
    e->chain = *slot;
    *slot = e;
    e->index = t->n;
    t->clock[t->n++] = e;
    t->bytes += e->bytes;
    return e;
}
