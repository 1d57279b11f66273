/* See census.h. */
#include "census.h"

#include "base/hash.h"

#include <stdlib.h>
#include <uv.h>

enum { BUCKETS = 4096 };

typedef struct entry {
    struct entry *next;
    px_census_kind kind;
    unsigned count;
    char name[];
} entry;

struct px_census {
    uv_mutex_t lock;
    entry *buckets[BUCKETS];
};

px_census *px_census_new(void)
{
    px_census *c = calloc(1, sizeof *c);
    if (c != NULL && uv_mutex_init(&c->lock) == 0) return c;
    free(c);
    return NULL;
}

void px_census_free(px_census *c)
{
    if (c == NULL) return;
    for (size_t i = 0; i < BUCKETS; i++)
        for (entry *e = c->buckets[i], *next; e != NULL; e = next) {
            next = e->next;
            free(e);
        }
    uv_mutex_destroy(&c->lock);
    free(c);
}

/* Where the entry is, or would be. */
static entry **find(px_census *c, px_census_kind kind, const char *name)
{
    entry **at = &c->buckets[b_hash(name, strlen(name), kind) % BUCKETS];
    while (*at != NULL && ((*at)->kind != kind || strcmp((*at)->name, name) != 0)) at = &(*at)->next;
    return at;
}

static entry *add(entry **at, px_census_kind kind, const char *name)
{
    size_t n = strlen(name) + 1;
    entry *e = malloc(sizeof *e + n);
    if (e == NULL) return NULL;
    *e = (entry){.kind = kind};
    memcpy(e->name, name, n);
    return *at = e;
}

bool px_census_enter(px_census *c, px_census_kind kind, const char *name, unsigned limit)
{
    uv_mutex_lock(&c->lock);
    entry **at = find(c, kind, name), *e = *at;
    if (e == NULL) e = add(at, kind, name);
    bool room = e != NULL && (limit == 0 || e->count < limit);
    if (room) e->count++;
    uv_mutex_unlock(&c->lock);
    return room;
}

void px_census_leave(px_census *c, px_census_kind kind, const char *name)
{
    uv_mutex_lock(&c->lock);
    entry **at = find(c, kind, name), *e = *at;
    if (e != NULL && --e->count == 0) {
        *at = e->next;
        free(e);
    }
    uv_mutex_unlock(&c->lock);
}
