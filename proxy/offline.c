/* See offline.h. */
#include "offline.h"

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

/* B as the engine adds it: nullable, invisible, DEFAULT (A) where that can be. */
static rw_column added(rw_pair *p, b_slice expr)
{
    rw_column b = p->plain;
    b.name = p->to;
    b.nullable = b.invisible = true;
    b.auto_increment = b.on_update_now = b.primary_key = false;
    p->b_default_up = p->plain.default_kind != RW_DEFAULT_AUTO_INC;
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

/* Makes the columns what they are in the phase, from A alone. */
static void to_phase(shape *s, size_t at, rw_pair *p, b_slice expr, rw_phase phase)
{
    rw_column b = p->plain;
    b.name = p->to;
    switch (phase) {
    case RW_PLANNED: break;
    case RW_EXPANDED:
    case RW_DUAL_WRITE:
    case RW_SWITCHED: insert_at(s, at + 1, added(p, expr)); break;
    case RW_RETIRED:
        insert_at(s, at + 1, b);
        s->columns[at] = retired(p->plain);
        break;
    case RW_CONTRACTED:
    case RW_FINISHED: s->columns[at] = b; break;
    }
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

static b_status prepare_pair(shape *s, rw_pair *p, b_arena *arena, const cfg_migration *m, rw_phase phase,
                             b_err *err)
{
    size_t a = index_of(s, p->from), b = index_of(s, p->to);
    if (a == s->n && b == s->n)
        return b_fail(err, B_NOT_FOUND,
                      "table %s.%s in the schema file has neither column %.*s nor %.*s; check names",
                      m->schema, m->table, B_ARG(p->from), B_ARG(p->to));
    size_t first = a < b ? a : b;
    p->after = first == 0 ? (b_slice){"", 0} : s->columns[first - 1].name;
    if (b < s->n) {
        from_phase(s, a, b, p, phase);
        if (phase >= RW_CONTRACTED && a < s->n) remove_at(s, a);
        return B_OK;
    }
    p->plain = s->columns[a];
    const char *expr = b_arena_printf(arena, "(`%.*s`)", B_ARG(p->from));
    if (expr == NULL) return b_fail(err, B_NOMEM, "out of memory");
    to_phase(s, a, p, b_slice_str(expr), phase);
    return B_OK;
}

static b_status check_supported(const cfg_migration *m, b_err *err)
{
    for (size_t i = 0; i < m->ncolumns; i++) {
        if (m->columns[i].type != NULL || m->columns[i].up != NULL || m->columns[i].down != NULL)
            return b_fail(
                err, B_INVALID,
                "migration %s: column %s has `type`, `up` or `down`, and only renames are supported; take "
                "them out",
                m->name, m->columns[i].from);
    }
    return B_OK;
}

/* The physical table of the phase: *t with new columns, and the pairs filled. */
static b_status prepare_table(rw_table *t, rw_pair *pairs, const cfg_migration *m, rw_phase phase,
                              b_arena *arena, b_err *err)
{
    shape s = {.n = t->ncolumns};
    s.columns = b_arena_array(arena, t->ncolumns + m->ncolumns, sizeof *s.columns);
    if (s.columns == NULL) return b_fail(err, B_NOMEM, "out of memory");
    if (t->ncolumns > 0) memcpy(s.columns, t->columns, t->ncolumns * sizeof *s.columns);
    for (size_t i = 0; i < m->ncolumns; i++) {
        pairs[i].from = b_slice_str(m->columns[i].from);
        pairs[i].to = b_slice_str(m->columns[i].to);
        b_status st = prepare_pair(&s, &pairs[i], arena, m, phase, err);
        if (st != B_OK) return st;
    }
    for (size_t i = 0; i < m->ncolumns; i++) { /* the column before A may itself be another pair's B */
        for (size_t j = 0; j < m->ncolumns; j++) {
            if (b_slice_ieq(pairs[i].after, pairs[j].to)) pairs[i].after = pairs[j].from;
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

static rw_ruleset *make(const rw_catalog *plain, const cfg_migration *m, rw_phase phase, b_arena *arena,
                        b_err *err)
{
    b_slice schema = b_slice_str(m->schema), table = b_slice_str(m->table);
    const rw_table *found = rw_catalog_find(plain, schema, table);
    if (found == NULL) {
        (void)b_fail(err, B_NOT_FOUND,
                     "the schema file has no table %s.%s; check --ddl, --schema and the migration", m->schema,
                     m->table);
        return NULL;
    }
    rw_table t = *found;
    rw_pair *pairs = b_arena_array(arena, m->ncolumns, sizeof *pairs);
    if (pairs == NULL || prepare_table(&t, pairs, m, phase, arena, err) != B_OK) return NULL;
    rw_catalog *c = rebuild(plain, found, &t);
    if (c == NULL) {
        (void)b_fail(err, B_NOMEM, "out of memory");
        return NULL;
    }
    rw_migration rm = {.name = b_slice_str(m->name),
                       .schema = schema,
                       .table = table,
                       .phase = phase,
                       .pairs = pairs,
                       .npairs = m->ncolumns};
    rw_ruleset *r = rw_ruleset_new(1, c, &rm, 1, err);
    rw_catalog_unref(c);
    return r;
}

rw_ruleset *px_offline_ruleset(rw_server server, b_slice ddl, b_slice schema, const cfg_migration *m,
                               rw_phase phase, b_err *err)
{
    if (check_supported(m, err) != B_OK) return NULL;
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
        r = make(plain, m, phase, arena, err);
    b_arena_free(arena);
    rw_catalog_unref(plain);
    return r;
}
