/* Validation and ownership of one epoch's migrations. */
#include "rewrite/regex_rule.h"

#include "form.h"
#include "prefilter.h"
#include "rewrite/shadow.h"

#include <stdatomic.h>
#include <stdlib.h>

struct rw_ruleset {
    atomic_uint refs;
    uint64_t epoch;
    rw_catalog *catalog;
    b_arena *arena;
    rw_migration *migrations;
    size_t n;
    rw_mtable *tables;
    size_t ntables;
    rw__prefilter *prefilter, *held; /* held: NULL where no migration is */
    uint32_t held_ms;
    rw_regex_rules *regex; /* NULL: none */
};

static const char *const phase_names[] = {
#define PHASE_NAME(code, text) text,
    RW_PHASE_LIST(PHASE_NAME)
#undef PHASE_NAME
};

static const char *const version_names[] = {"old", "new", "both"};

const char *rw_phase_name(rw_phase p)
{
    return (unsigned)p <= RW_FINISHED ? phase_names[p] : "unknown";
}

bool rw_phase_parse(b_slice name, rw_phase *out)
{
    for (unsigned i = 0; i <= RW_FINISHED; i++) {
        if (!b_slice_ieq(name, b_slice_str(phase_names[i]))) continue;
        *out = (rw_phase)i;
        return true;
    }
    return false;
}

const char *rw_version_name(rw_version v)
{
    return (unsigned)v <= RW_VERSION_BOTH ? version_names[v] : "unknown";
}

bool rw_version_parse(b_slice name, rw_version *out)
{
    for (unsigned i = 0; i <= RW_VERSION_BOTH; i++) {
        if (!b_slice_ieq(name, b_slice_str(version_names[i]))) continue;
        *out = (rw_version)i;
        return true;
    }
    return false;
}

/* ---- validation ---- */

/* The search of rw_may_touch is a proof only for names in plain ASCII that no quoting can disguise. */
static b_status check_name(const rw_migration *m, const char *what, b_slice name, b_err *err)
{
    if (name.n == 0)
        return b_fail(err, B_INVALID, "migration %.*s: the %s has no name; give one", B_ARG(m->name), what);
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (c >= 0x20 && c < 0x7f && c != '`' && c != '"' && c != '\'' && c != '\\') continue;
        return b_fail(err, B_INVALID,
                      "migration %.*s: the name of the %s, %.*s, has a character that is not plain ASCII or "
                      "is a quote or backslash; such names cannot be migrated",
                      B_ARG(m->name), what, B_ARG(name));
    }
    return B_OK;
}

static b_status missing(const rw_migration *m, b_slice column, b_err *err)
{
    return b_fail(err, B_NOT_FOUND,
                  "migration %.*s: table %.*s.%.*s has no column %.*s, which phase %s needs; check the "
                  "table's definition",
                  B_ARG(m->name), B_ARG(m->schema), B_ARG(m->table), B_ARG(column), rw_phase_name(m->phase));
}

static b_status check_columns(const rw_migration *m, const rw_table *t, const rw_pair *p, b_err *err)
{
    bool a = p->from.n == 0 || rw_table_column(t, p->from) != NULL;
    bool b = p->to.n == 0 || rw_table_column(t, p->to) != NULL;
    if (m->held_ms != 0) return B_OK; /* whichever name it has, nothing is rewritten by it now */
    switch (m->phase) {
    case RW_PLANNED: /* B may still be there on the way back, and not yet on the way forward */
    case RW_EXPANDED: return a ? B_OK : missing(m, p->from, err);
    case RW_DUAL_WRITE:
    case RW_SWITCHED:
    case RW_RETIRED:
        if (!a) return missing(m, p->from, err);
        return b ? B_OK : missing(m, p->to, err);
    case RW_CONTRACTED: return b ? B_OK : missing(m, p->to, err);
    case RW_FINISHED: break;
    }
    return B_OK;
}

static bool same(b_slice a, b_slice b)
{
    return a.n > 0 && b_slice_ieq(a, b);
}

static bool clashes(const rw_pair *a, const rw_pair *b)
{
    return same(a->from, b->from) || same(a->to, b->to) || same(a->from, b->to) || same(a->to, b->from);
}

/* A column without a counterpart of its own has an expression; one way goes no other. */
static b_status check_half(const rw_migration *m, const rw_pair *p, b_err *err)
{
    if (p->from.n == 0 && p->to.n == 0)
        return b_fail(err, B_INVALID, "migration %.*s: a pair of columns has no name; give one",
                      B_ARG(m->name));
    if (p == m->pairs && p->from.n == 0)
        return b_fail(err, B_INVALID, "migration %.*s: column %.*s has no old column before it; give one",
                      B_ARG(m->name), B_ARG(p->to));
    if ((p->from.n == 0 && p->up.n == 0) || (p->to.n == 0 && p->down.n == 0 && !p->one_way))
        return b_fail(err, B_INVALID, "migration %.*s: column %.*s has no expression to be made by; give %s",
                      B_ARG(m->name), B_ARG(p->from.n == 0 ? p->to : p->from),
                      p->from.n == 0 ? "up" : "down");
    return B_OK;
}

static b_status check_pair(const rw_migration *m, const rw_table *t, size_t i, b_err *err)
{
    const rw_pair *p = &m->pairs[i];
    b_status s = check_half(m, p, err);
    if (s == B_OK && p->from.n > 0) s = check_name(m, "column `from`", p->from, err);
    if (s == B_OK && p->to.n > 0) s = check_name(m, "column `to`", p->to, err);
    if (s != B_OK) return s;
    if (same(p->from, p->to))
        return b_fail(err, B_INVALID, "migration %.*s: column %.*s is renamed to itself; give two names",
                      B_ARG(m->name), B_ARG(p->from));
    for (size_t j = 0; j < i; j++) {
        if (clashes(p, &m->pairs[j]))
            return b_fail(err, B_INVALID,
                          "migration %.*s: column %.*s or %.*s is in two pairs; name each once",
                          B_ARG(m->name), B_ARG(p->from), B_ARG(p->to));
    }
    return check_columns(m, t, p, err);
}

b_status rw_migration_check(const rw_catalog *c, const rw_migration *m, b_err *err)
{
    b_status s = check_name(m, "table", m->table, err);
    if (s == B_OK) s = check_name(m, "schema", m->schema, err);
    if (s != B_OK) return s;
    if (m->npairs == 0)
        return b_fail(err, B_INVALID, "migration %.*s has no columns; give at least one pair",
                      B_ARG(m->name));
    const rw_table *t = rw_catalog_find(c, m->schema, m->table);
    if (m->phase == RW_FINISHED) return B_OK; /* inert: its table is the owner's own again */
    if (t == NULL)
        return b_fail(err, B_NOT_FOUND, "migration %.*s: there is no table %.*s.%.*s; check the name",
                      B_ARG(m->name), B_ARG(m->schema), B_ARG(m->table));
    if (t->is_view)
        return b_fail(err, B_INVALID, "migration %.*s: %.*s.%.*s is a view; name the table under it",
                      B_ARG(m->name), B_ARG(m->schema), B_ARG(m->table));
    for (size_t i = 0; i < m->npairs; i++) {
        s = check_pair(m, t, i, err);
        if (s != B_OK) return s;
    }
    return B_OK;
}

/* No column may be in pairs of two migrations of one table. */
static b_status check_two(const rw_migration *a, const rw_migration *b, b_err *err)
{
    for (size_t i = 0; i < a->npairs; i++) {
        for (size_t k = 0; k < b->npairs; k++) {
            if (clashes(&a->pairs[i], &b->pairs[k]))
                return b_fail(err, B_EXISTS,
                              "migrations %.*s and %.*s are both on a column of table %.*s.%.*s; finish one "
                              "first",
                              B_ARG(a->name), B_ARG(b->name), B_ARG(b->schema), B_ARG(b->table));
        }
    }
    return B_OK;
}

static b_status check_all(const rw_catalog *c, const rw_migration *m, size_t n, b_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (m[i].lost.n > 0) continue;
        b_status s = rw_migration_check(c, &m[i], err);
        if (s != B_OK) return s;
        const rw_table *t = rw_catalog_find(c, m[i].schema, m[i].table);
        for (size_t j = 0; j < i && m[i].phase != RW_FINISHED && s == B_OK; j++) {
            if (m[j].lost.n == 0 && m[j].phase != RW_FINISHED &&
                rw_catalog_find(c, m[j].schema, m[j].table) == t)
                s = check_two(&m[j], &m[i], err);
        }
        if (s != B_OK) return s;
    }
    return B_OK;
}

/* ---- copying ---- */

static b_slice keep(b_arena *a, b_slice s, bool *ok)
{
    if (s.p == NULL) return s;
    b_slice copy = b_arena_dup(a, s);
    if (copy.p == NULL) *ok = false;
    return copy;
}

static void keep_column(b_arena *a, rw_column *c, bool *ok)
{
    c->name = keep(a, c->name, ok);
    c->type = keep(a, c->type, ok);
    c->collation = keep(a, c->collation, ok);
    c->default_text = keep(a, c->default_text, ok);
}

static void keep_twins(b_arena *a, rw_pair *p, bool *ok)
{
    rw_twin *twins = b_arena_array(a, p->ntwins, sizeof *twins);
    for (size_t i = 0; twins != NULL && i < p->ntwins; i++)
        twins[i] = (rw_twin){keep(a, p->twins[i].index, ok), keep(a, p->twins[i].twin, ok)};
    if (twins == NULL && p->ntwins > 0) *ok = false;
    p->twins = twins;
}

static void keep_pair(b_arena *a, rw_pair *p, bool *ok)
{
    keep_twins(a, p, ok);
    p->from = keep(a, p->from, ok);
    p->to = keep(a, p->to, ok);
    p->up = keep(a, p->up, ok);
    p->down = keep(a, p->down, ok);
    p->after = keep(a, p->after, ok);
    keep_column(a, &p->plain, ok);
    keep_column(a, &p->target, ok);
}

static bool copy_migrations(rw_ruleset *r, const rw_migration *m, size_t n)
{
    bool ok = true;
    r->migrations = b_arena_array(r->arena, n, sizeof *r->migrations);
    if (r->migrations == NULL) return false;
    for (size_t i = 0; i < n && ok; i++) {
        rw_migration *to = &r->migrations[i];
        rw_pair *pairs = b_arena_array(r->arena, m[i].npairs, sizeof *pairs);
        if (pairs == NULL) return false;
        *to = m[i];
        to->name = keep(r->arena, m[i].name, &ok);
        to->schema = keep(r->arena, m[i].schema, &ok);
        to->table = keep(r->arena, m[i].table, &ok);
        to->time_zone = keep(r->arena, m[i].time_zone, &ok);
        to->lost = keep(r->arena, m[i].lost, &ok);
        memcpy(pairs, m[i].pairs, m[i].npairs * sizeof *pairs);
        for (size_t j = 0; j < m[i].npairs; j++) keep_pair(r->arena, &pairs[j], &ok);
        to->pairs = pairs;
    }
    r->n = n;
    if (ok)
        r->ntables =
            rw__mtables_make(rw_catalog_server(r->catalog), r->migrations, n, r->arena, &r->tables, &ok);
    return ok;
}

/* The search for names of held migrations alone; there is none where none is held. */
static bool filter_held(rw_ruleset *r)
{
    rw_migration *held = b_arena_array(r->arena, r->n + 1, sizeof *held);
    size_t n = 0;
    if (held == NULL) return false;
    for (size_t i = 0; i < r->n; i++)
        if (r->migrations[i].held_ms != 0) held[n++] = r->migrations[i];
    for (size_t i = 0; i < n; i++)
        if (held[i].held_ms > r->held_ms) r->held_ms = held[i].held_ms;
    if (n > 0) r->held = rw__prefilter_new(r->catalog, held, n);
    return n == 0 || r->held != NULL;
}

rw_ruleset *rw_ruleset_new(uint64_t epoch, rw_catalog *c, const rw_migration *m, size_t n, b_err *err)
{
    if (check_all(c, m, n, err) != B_OK) return NULL;
    rw_ruleset *r = calloc(1, sizeof *r);
    if (r != NULL) {
        atomic_init(&r->refs, 1);
        r->epoch = epoch;
        r->catalog = rw_catalog_ref(c);
        r->arena = b_arena_new(0);
        if (r->arena != NULL && copy_migrations(r, m, n))
            r->prefilter = rw__prefilter_new(c, r->migrations, n);
        if (r->prefilter != NULL && filter_held(r)) return r;
    }
    rw_ruleset_unref(r);
    (void)b_fail(err, B_NOMEM, "out of memory for the rules of epoch %llu", (unsigned long long)epoch);
    return NULL;
}

/* Reads, and nothing else, are the same in dual_write and in switched but for the column they go to. */
rw_ruleset *rw_ruleset_other(const rw_ruleset *r, size_t i, b_err *err)
{
    const rw_migration *m = rw_ruleset_at(r, i);
    if (m == NULL || (m->phase != RW_DUAL_WRITE && m->phase != RW_SWITCHED)) {
        (void)b_fail(err, B_STATE, "reads can be tried on the other column in dual_write and switched only");
        return NULL;
    }
    rw_ruleset *out = NULL;
    rw_migration *all = calloc(r->n, sizeof *all);
    rw_pair *pairs = calloc(m->npairs, sizeof *pairs);
    if (all != NULL && pairs != NULL) {
        memcpy(all, r->migrations, r->n * sizeof *all);
        memcpy(pairs, m->pairs, m->npairs * sizeof *pairs);
        for (size_t k = 0; k < m->npairs; k++) pairs[k].a_stale = false;
        all[i].pairs = pairs;
        all[i].phase = m->phase == RW_SWITCHED ? RW_DUAL_WRITE : RW_SWITCHED;
        out = rw_ruleset_new(r->epoch, r->catalog, all, r->n, err);
    } else {
        (void)b_fail(err, B_NOMEM, "out of memory for the rules of shadow reads");
    }
    free(all), free(pairs);
    return out;
}

rw_ruleset *rw_ruleset_ref(rw_ruleset *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void rw_ruleset_unref(rw_ruleset *r)
{
    if (r == NULL || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1) return;
    rw__prefilter_free(r->prefilter);
    rw__prefilter_free(r->held);
    rw_regex_rules_unref(r->regex);
    rw_catalog_unref(r->catalog);
    b_arena_free(r->arena);
    free(r);
}

uint64_t rw_ruleset_epoch(const rw_ruleset *r)
{
    return r->epoch;
}

rw_catalog *rw_ruleset_catalog(const rw_ruleset *r)
{
    return r->catalog;
}

size_t rw_ruleset_size(const rw_ruleset *r)
{
    return r->n;
}

const rw_migration *rw_ruleset_at(const rw_ruleset *r, size_t i)
{
    return i < r->n ? &r->migrations[i] : NULL;
}

size_t rw__ruleset_tables(const rw_ruleset *r)
{
    return r->ntables;
}

const rw_mtable *rw__ruleset_table(const rw_ruleset *r, size_t i)
{
    return i < r->ntables ? &r->tables[i] : NULL;
}

void rw_ruleset_set_regex(rw_ruleset *r, rw_regex_rules *x)
{
    rw_regex_rules_unref(r->regex);
    r->regex = x == NULL ? NULL : rw_regex_rules_ref(x);
}

rw_regex_rules *rw_ruleset_regex(const rw_ruleset *r)
{
    return r->regex;
}

bool rw_may_touch(const rw_ruleset *r, rw_charset charset, b_slice sql)
{
    return rw__prefilter_match(r->prefilter, charset, sql);
}

uint32_t rw_ruleset_held(const rw_ruleset *r)
{
    return r->held_ms;
}

bool rw_may_touch_held(const rw_ruleset *r, rw_charset charset, b_slice sql)
{
    return r->held != NULL && rw__prefilter_match(r->held, charset, sql);
}
