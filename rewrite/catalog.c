/* The catalogue: built in one arena, then shared and never changed. */
#include "rewrite/catalog.h"

#include "base/hash.h"
#include "ddl.h"

#include <stdatomic.h>
#include <stdlib.h>

typedef struct entry {
    rw_table table;
    struct entry *next;
} entry;

struct rw_catalog_builder {
    b_arena *arena;
    rw_server server;
    entry *first, *last;
    size_t n;
    bool failed;
};

struct rw_catalog {
    atomic_uint refs;
    b_arena *arena;
    rw_server server;
    const rw_table **tables; /* in the order in which they were added */
    size_t n;
    uint32_t *slots; /* index in tables, plus 1; open addressing; 0 = empty */
    size_t nslots;   /* a power of two, more than twice n */
};

static bool same_name(rw_server server, b_slice a, b_slice b)
{
    return server.lower_case_table_names == 0 ? b_slice_eq(a, b) : b_slice_ieq(a, b);
}

rw_catalog_builder *rw_catalog_builder_new(rw_server server)
{
    rw_catalog_builder *b = calloc(1, sizeof *b);
    if (b == NULL) return NULL;
    b->server = server;
    b->arena = b_arena_new(0);
    if (b->arena == NULL) {
        free(b);
        return NULL;
    }
    return b;
}

void rw_catalog_builder_free(rw_catalog_builder *b)
{
    if (b == NULL) return;
    b_arena_free(b->arena);
    free(b);
}

static b_slice keep(rw_catalog_builder *b, b_slice s)
{
    if (s.p == NULL) return s;
    b_slice copy = b_arena_dup(b->arena, s);
    if (copy.p == NULL) b->failed = true;
    return copy;
}

static void copy_columns(rw_catalog_builder *b, rw_table *t, const rw_table *from)
{
    rw_column *c = b_arena_array(b->arena, from->ncolumns, sizeof *c);
    if (c == NULL) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < from->ncolumns; i++) {
        c[i] = from->columns[i];
        c[i].name = keep(b, c[i].name);
        c[i].type = keep(b, c[i].type);
        c[i].collation = keep(b, c[i].collation);
        c[i].default_text = keep(b, c[i].default_text);
    }
    t->columns = c;
}

static void copy_indexes(rw_catalog_builder *b, rw_table *t, const rw_table *from)
{
    b_slice *n = b_arena_array(b->arena, from->nindexes + 1, sizeof *n);
    if (n == NULL) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < from->nindexes; i++) n[i] = keep(b, from->indexes[i]);
    t->indexes = n;
}

static void copy_bases(rw_catalog_builder *b, rw_table *t, const rw_table *from)
{
    rw_table_name *n = b_arena_array(b->arena, from->nbases, sizeof *n);
    if (n == NULL) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < from->nbases; i++) {
        n[i].schema = keep(b, from->bases[i].schema);
        n[i].name = keep(b, from->bases[i].name);
    }
    t->bases = n;
}

static entry *find_entry(const rw_catalog_builder *b, b_slice schema, b_slice name)
{
    for (entry *e = b->first; e != NULL; e = e->next) {
        if (same_name(b->server, e->table.name, name) && same_name(b->server, e->table.schema, schema))
            return e;
    }
    return NULL;
}

b_status rw_catalog_add(rw_catalog_builder *b, const rw_table *t)
{
    if (find_entry(b, t->schema, t->name) != NULL) return B_EXISTS;
    entry *e = B_NEW(b->arena, entry);
    if (e == NULL) return B_NOMEM;
    e->table = *t;
    e->table.schema = keep(b, t->schema);
    e->table.name = keep(b, t->name);
    copy_columns(b, &e->table, t);
    copy_indexes(b, &e->table, t);
    copy_bases(b, &e->table, t);
    e->table.definition = keep(b, t->definition);
    if (b->failed) return B_NOMEM;
    if (b->last == NULL)
        b->first = e;
    else
        b->last->next = e;
    b->last = e;
    b->n++;
    return B_OK;
}

const rw_table *rw__catalog_builder_find(const rw_catalog_builder *b, b_slice schema, b_slice name)
{
    const entry *e = find_entry(b, schema, name);
    return e == NULL ? NULL : &e->table;
}

void rw__catalog_builder_remove(rw_catalog_builder *b, b_slice schema, b_slice name)
{
    entry *gone = find_entry(b, schema, name), *before = NULL;
    if (gone == NULL) return;
    for (entry *e = b->first; e != gone; e = e->next) before = e;
    if (before == NULL)
        b->first = gone->next;
    else
        before->next = gone->next;
    if (b->last == gone) b->last = before;
    b->n--;
}

void rw__catalog_builder_trigger(rw_catalog_builder *b, b_slice schema, b_slice name, bool before)
{
    entry *e = find_entry(b, schema, name);
    if (e == NULL) return;
    e->table.fires = true;
    if (before) e->table.before_triggers = true;
}

rw_server rw__catalog_builder_server(const rw_catalog_builder *b)
{
    return b->server;
}

static uint64_t name_hash(b_slice schema, b_slice name)
{
    return b_hash_nocase(name, b_hash_nocase(schema, 1));
}

static bool fill(rw_catalog *c, const entry *e, size_t n)
{
    size_t slots = 8;
    while (slots < n * 2 + 1) slots *= 2;
    c->tables = b_arena_array(c->arena, n, sizeof *c->tables);
    c->slots = b_arena_array(c->arena, slots, sizeof *c->slots);
    if (c->tables == NULL || c->slots == NULL) return false;
    c->nslots = slots;
    for (; e != NULL; e = e->next) {
        c->tables[c->n++] = &e->table;
        size_t i = name_hash(e->table.schema, e->table.name) & (slots - 1);
        while (c->slots[i] != 0) i = (i + 1) & (slots - 1);
        c->slots[i] = (uint32_t)c->n;
    }
    return true;
}

rw_catalog *rw_catalog_build(rw_catalog_builder *b)
{
    rw_catalog *c = b->failed ? NULL : calloc(1, sizeof *c);
    if (c != NULL) {
        c->arena = b->arena;
        c->server = b->server;
        atomic_init(&c->refs, 1);
        if (!fill(c, b->first, b->n)) {
            free(c);
            c = NULL;
        } else {
            b->arena = NULL;
        }
    }
    rw_catalog_builder_free(b);
    return c;
}

rw_catalog *rw_catalog_ref(rw_catalog *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void rw_catalog_unref(rw_catalog *c)
{
    if (c == NULL || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) return;
    b_arena_free(c->arena);
    free(c);
}

const rw_table *rw_catalog_find(const rw_catalog *c, b_slice schema, b_slice name)
{
    size_t i = name_hash(schema, name) & (c->nslots - 1);
    for (; c->slots[i] != 0; i = (i + 1) & (c->nslots - 1)) {
        const rw_table *t = c->tables[c->slots[i] - 1];
        if (same_name(c->server, t->name, name) && same_name(c->server, t->schema, schema)) return t;
    }
    return NULL;
}

const rw_column *rw_table_column(const rw_table *t, b_slice name)
{
    for (size_t i = 0; i < t->ncolumns; i++) {
        if (b_slice_ieq(t->columns[i].name, name)) return &t->columns[i];
    }
    return NULL;
}

rw_server rw_catalog_server(const rw_catalog *c)
{
    return c->server;
}

size_t rw_catalog_size(const rw_catalog *c)
{
    return c->n;
}

const rw_table *rw_catalog_at(const rw_catalog *c, size_t i)
{
    return i < c->n ? c->tables[i] : NULL;
}
