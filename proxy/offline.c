/* See offline.h. */
#include "offline.h"

#include "migrate/engine.h"

typedef struct shape {
    rw_column *columns;
    size_t n;
} shape;

static size_t index_of(const shape *s, b_slice name)
{
    size_t i = 0;
    while (i < s->n && !b_slice_ieq(s->columns[i].name, name)) i++;
    return i;
}

static void insert_at(shape *s, size_t at, rw_column c)
{
    memmove(s->columns + at + 1, s->columns + at, (s->n - at) * sizeof *s->columns);
    s->columns[at] = c;
    s->n++;
}

static void remove_at(shape *s, size_t at)
{
    memmove(s->columns + at, s->columns + at + 1, (s->n - at - 1) * sizeof *s->columns);
    s->n--;
}

/* B as the engine adds it: nullable, invisible, DEFAULT (up(A)) where that can be. */
static rw_column added(rw_pair *p, b_slice expr)
{
    rw_column b = p->target;
    b.nullable = b.invisible = true;
    b.auto_increment = b.primary_key = false;
    p->b_default_up = p->plain.default_kind != RW_DEFAULT_AUTO_INC && !p->plain.on_update_now;
    b.default_kind = p->b_default_up ? RW_DEFAULT_EXPR : RW_DEFAULT_NULL;
    b.default_text = p->b_default_up ? expr : (b_slice){"", 0};
    return b;
}

/* A as the engine leaves it behind. */
static rw_column retired(rw_column a)
{
    a.invisible = true;
    a.default_kind = a.nullable ? RW_DEFAULT_NULL : RW_DEFAULT_LITERAL;
    a.default_text = a.nullable ? B_LIT("NULL") : B_LIT("''");
    return a;
}

/* Makes the columns what they are in the phase, from the plain table's. after: where B goes. */
static void to_phase(shape *s, size_t after, rw_pair *p, b_slice expr, rw_phase phase)
{
    bool old = p->from.n > 0;
    size_t a = old ? index_of(s, p->from) : 0;
    if (phase == RW_RETIRED && old) s->columns[a] = retired(p->plain);
    if (phase > RW_PLANNED && p->to.n > 0)
        insert_at(s, after + 1, phase < RW_RETIRED ? added(p, expr) : p->target);
    if (phase >= RW_CONTRACTED && old) remove_at(s, a);
}

/* The table is given with B in it: A as it was is known as well as that shows it. */
static void from_phase(const shape *s, size_t a, size_t b, rw_pair *p, rw_phase phase)
{
    bool from_b = a == s->n || phase >= RW_RETIRED;
    p->plain = s->columns[from_b ? b : a];
    p->plain.name = p->from;
    p->plain.invisible = false;
    p->b_default_up = s->columns[b].default_kind == RW_DEFAULT_EXPR && phase < RW_RETIRED;
}

static b_status prepare_pair(shape *s, rw_pair *p, b_arena *arena, const cfg_migration *m, size_t i,
                             rw_phase phase, b_err *err)
{
    const char *old = m->columns[i].from != NULL ? m->columns[i].from : m->columns[i].common;
    size_t a = index_of(s, b_slice_str(old)), b = p->to.n > 0 ? index_of(s, p->to) : s->n, after = a;
    if (a == s->n && b == s->n && p->from.n > 0)
        return b_fail(err, B_NOT_FOUND,
                      "table %s.%s in the schema file has neither column %.*s nor %.*s; check names",
                      m->schema, m->table, B_ARG(p->from), B_ARG(p->to));
    size_t first = a < b ? a : b;
    p->after = first == 0 ? (b_slice){"", 0} : s->columns[first - 1].name;
    if (b < s->n) {
        if (m->columns[i].type != NULL || p->up.n > 0 || p->down.n > 0)
            return b_fail(
                err, B_INVALID,
                "table %s.%s in the schema file has column %.*s already; for a migration that changes "
                "values give the table as it was before",
                m->schema, m->table, B_ARG(p->to));
        from_phase(s, a, b, p, phase);
        if (phase >= RW_CONTRACTED && a < s->n) remove_at(s, a);
        return B_OK;
    }
    for (size_t k = i; p->from.n == 0 && k > 0; k--) { /* a further new column: after the one before it */
        const char *to = m->columns[k - 1].to;
        if (to == NULL || index_of(s, b_slice_str(to)) == s->n) continue;
        after = index_of(s, b_slice_str(to));
        break;
    }
    const char *expr = p->up.n > 0 ? b_arena_printf(arena, "(%.*s)", B_ARG(p->up))
                                   : b_arena_printf(arena, "(`%.*s`)", B_ARG(p->from));
    if (expr == NULL) return b_fail(err, B_NOMEM, "out of memory");
    to_phase(s, after, p, b_slice_str(expr), phase);
    return B_OK;
}

/* The physical table of the phase: *t with new columns, and the pairs filled. */
static b_status prepare_table(rw_server server, rw_table *t, rw_pair *pairs, const cfg_migration *m,
                              rw_phase phase, b_arena *arena, b_err *err)
{
    shape s = {.n = t->ncolumns};
    b_status st = mig_pairs(server, m, t, arena, pairs, err);
    s.columns = b_arena_array(arena, t->ncolumns + m->ncolumns + 1, sizeof *s.columns);
    if (s.columns == NULL) return b_fail(err, B_NOMEM, "out of memory");
    if (t->ncolumns > 0) memcpy(s.columns, t->columns, t->ncolumns * sizeof *s.columns);
    for (size_t i = 0; st == B_OK && i < m->ncolumns; i++)
        st = prepare_pair(&s, &pairs[i], arena, m, i, phase, err);
    if (st != B_OK) return st;
    for (size_t i = 0; i < m->ncolumns; i++) { /* the column before A may itself be another pair's B */
        for (size_t j = 0; j < m->ncolumns; j++) {
            if (pairs[j].to.n > 0 && pairs[j].from.n > 0 && b_slice_ieq(pairs[i].after, pairs[j].to))
                pairs[i].after = pairs[j].from;
        }
    }
    t->columns = s.columns;
    t->ncolumns = s.n;
    return B_OK;
}

/* All tables of one catalogue, with one of them replaced. */
static rw_catalog *rebuild(const rw_catalog *from, const rw_table *old, const rw_table *with)
{
    rw_catalog_builder *b = rw_catalog_builder_new(rw_catalog_server(from));
    for (size_t i = 0; b != NULL && i < rw_catalog_size(from); i++) {
        const rw_table *t = rw_catalog_at(from, i);
        if (rw_catalog_add(b, t == old ? with : t) == B_OK) continue;
        rw_catalog_builder_free(b);
        b = NULL;
    }
    return b == NULL ? NULL : rw_catalog_build(b);
}

/* One migration's table put in the place of what it is so far. */
static rw_catalog *apply(rw_catalog *c, const px_offline *o, rw_migration *out, b_arena *arena, b_err *err)
{
    const cfg_migration *m = o->m;
    const rw_table *found = rw_catalog_find(c, b_slice_str(m->schema), b_slice_str(m->table));
    if (found == NULL) {
        (void)b_fail(err, B_NOT_FOUND,
                     "the schema file has no table %s.%s; check --ddl, --schema and the migration", m->schema,
                     m->table);
        return NULL;
    }
    rw_table t = *found;
    rw_pair *pairs = b_arena_array(arena, m->ncolumns, sizeof *pairs);
    if (pairs == NULL || prepare_table(rw_catalog_server(c), &t, pairs, m, o->phase, arena, err) != B_OK)
        return NULL;
    rw_catalog *next = rebuild(c, found, &t);
    if (next == NULL) (void)b_fail(err, B_NOMEM, "out of memory");
    *out = (rw_migration){.name = b_slice_str(m->name),
                          .schema = b_slice_str(m->schema),
                          .table = b_slice_str(m->table),
                          .phase = o->phase,
                          .time_zone = b_slice_str(m->time_zone == NULL ? "" : m->time_zone),
                          .pairs = pairs,
                          .npairs = m->ncolumns};
    return next;
}

/* What the pairs point to lies in catalogues of earlier steps: all are kept to the end. */
static rw_ruleset *make(rw_catalog *plain, const px_offline *o, size_t n, b_arena *arena, b_err *err)
{
    rw_migration *ms = b_arena_array(arena, n + 1, sizeof *ms);
    rw_catalog **steps = b_arena_array(arena, n + 1, sizeof(rw_catalog *));
    rw_ruleset *r = NULL;
    size_t done = 0;
    if (ms == NULL || steps == NULL) {
        (void)b_fail(err, B_NOMEM, "out of memory");
        return NULL;
    }
    steps[0] = plain;
    while (done < n && (steps[done + 1] = apply(steps[done], &o[done], &ms[done], arena, err)) != NULL)
        done++;
    if (done == n) r = rw_ruleset_new(1, steps[n], ms, n, err);
    for (size_t i = 1; i <= done; i++) rw_catalog_unref(steps[i]);
    return r;
}

rw_ruleset *px_offline_ruleset(rw_server server, b_slice ddl, b_slice schema, const px_offline *o, size_t n,
                               b_err *err)
{
    rw_catalog_builder *b = rw_catalog_builder_new(server);
    if (b != NULL && rw_catalog_read_ddl(b, ddl, schema, err) != B_OK) {
        rw_catalog_builder_free(b);
        return NULL;
    }
    rw_catalog *plain = b == NULL ? NULL : rw_catalog_build(b);
    b_arena *arena = b_arena_new(0);
    rw_ruleset *r = NULL;
    if (plain == NULL || arena == NULL)
        (void)b_fail(err, B_NOMEM, "out of memory");
    else
        r = make(plain, o, n, arena, err);
    b_arena_free(arena);
    rw_catalog_unref(plain);
    return r;
}
