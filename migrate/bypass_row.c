/* Which row an event of the binary log is about, and which column was set. No database, but to learn the
 * table's columns. */
#include "bypass.h"

#include <stdlib.h>
#include <string.h>

/* ---- the table's columns ---- */

static b_status read_columns(mig_db *db, const char *schema, const char *table, b_table **out, b_err *err)
{
    b_buf q = {0};
    b_buf_str(&q,
              "SELECT c.COLUMN_NAME AS c, c.ORDINAL_POSITION AS o, c.DATA_TYPE AS dt, c.COLUMN_TYPE AS ct, "
              "c.CHARACTER_SET_NAME AS cs, c.COLLATION_NAME AS co FROM information_schema.COLUMNS c WHERE "
              "c.TABLE_SCHEMA = ");
    b_buf_quote(&q, b_slice_str(schema)), b_buf_str(&q, " AND c.TABLE_NAME = ");
    b_buf_quote(&q, b_slice_str(table)), b_buf_str(&q, " ORDER BY c.ORDINAL_POSITION");
    b_status s = mig__ask(db, out, err, &q);
    b_buf_deinit(&q);
    return s;
}

static mig__literal how_of(const b_table *t, size_t i, b_arena *a)
{
    static const struct {
        const char *type;
        mig__literal_kind kind;
    } kinds[] = {
        {"decimal", MIG__LIT_DECIMAL},   {"year", MIG__LIT_YEAR},           {"bit", MIG__LIT_BIT},
        {"enum", MIG__LIT_INDEX},        {"set", MIG__LIT_INDEX},           {"date", MIG__LIT_DATE},
        {"datetime", MIG__LIT_DATETIME}, {"timestamp", MIG__LIT_TIMESTAMP}, {"char", MIG__LIT_STRING},
        {"varchar", MIG__LIT_STRING},    {"binary", MIG__LIT_BINARY},       {"varbinary", MIG__LIT_BINARY}};
    static const char *const ints[] = {"tinyint", "smallint", "mediumint", "int", "bigint"};
    mig__literal how = {.kind = MIG__LIT_NONE};
    b_slice type = mig__cell(t, i, "dt");
    for (size_t k = 0; k < sizeof ints / sizeof ints[0]; k++)
        if (b_slice_ieq(type, b_slice_str(ints[k])))
            how.kind = b_slice_find(mig__cell(t, i, "ct"), B_LIT("unsigned")) != (size_t)-1 ? MIG__LIT_UINT
                                                                                            : MIG__LIT_INT;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        if (b_slice_ieq(type, b_slice_str(kinds[k].type))) how.kind = kinds[k].kind;
    how.charset = b_arena_dup(a, mig__cell(t, i, "cs")).p,
    how.collation = b_arena_dup(a, mig__cell(t, i, "co")).p;
    if (how.kind == MIG__LIT_STRING && (how.charset == NULL || how.collation == NULL))
        how.kind = MIG__LIT_BINARY;
    return how;
}

static size_t ordinal(const b_table *t, const char *column)
{
    for (size_t i = 0; column[0] != '\0' && i < b_table_rows(t); i++)
        if (b_slice_ieq(mig__cell(t, i, "c"), b_slice_str(column))) return i;
    return SIZE_MAX;
}

/* The key's names are quoted. */
static size_t of_key(const b_table *t, const mig__keycol *k)
{
    for (size_t i = 0; i < b_table_rows(t); i++) {
        b_buf name = {0};
        b_buf_ident(&name, mig__cell(t, i, "c"));
        bool same = strcmp(b_buf_cstr(&name), k->name) == 0;
        b_buf_deinit(&name);
        if (same) return i;
    }
    return SIZE_MAX;
}

static b_status place(mig__watched *w, const b_table *t, b_err *err)
{
    b_arena *a = w->m->arena;
    w->ncolumns = b_table_rows(t);
    w->how = b_arena_array(a, w->key.n + 1, sizeof *w->how),
    w->at = b_arena_array(a, w->key.n + 1, sizeof *w->at);
    w->old_at = b_arena_array(a, w->m->npairs + 1, sizeof *w->old_at);
    w->new_at = b_arena_array(a, w->m->npairs + 1, sizeof *w->new_at);
    if (w->how == NULL || w->at == NULL || w->old_at == NULL || w->new_at == NULL)
        return b_fail(err, B_NOMEM, "out of memory for the guard");
    for (size_t i = 0; i < w->key.n; i++) {
        w->at[i] = of_key(t, &w->key.cols[i]);
        if (w->at[i] == SIZE_MAX)
            return b_fail(err, B_STATE, "the primary key of %s has changed", w->m->table);
        w->how[i] = how_of(t, w->at[i], a);
    }
    w->renames = true;
    for (size_t i = 0; i < w->m->npairs; i++) {
        const mig__pair *p = &w->m->pairs[i];
        w->old_at[i] = ordinal(t, p->from), w->new_at[i] = ordinal(t, p->to);
        w->renames = w->renames && p->up[0] == '\0' && p->down[0] == '\0' &&
                     strcmp(p->a.type, p->b.type) == 0 && strcmp(p->a.collation, p->b.collation) == 0;
    }
    return B_OK;
}

b_status mig__watched_load(mig_db *db, const char *name, mig__watched *out, b_err *err)
{
    b_table *t = NULL;
    *out = (mig__watched){0};
    b_status s = mig__load(db, name, &out->m, err);
    if (s == B_OK) s = mig__key_load(db, out->m->schema, out->m->table, &out->key, err);
    if (s == B_OK) s = read_columns(db, out->m->schema, out->m->table, &t, err);
    if (s == B_OK) s = place(out, t, err);
    b_table_free(t);
    if (s != B_OK) mig__watched_deinit(out);
    return s;
}

void mig__watched_deinit(mig__watched *w)
{
    mig__key_deinit(&w->key);
    mig__free(w->m);
    *w = (mig__watched){0};
}

bool mig__watched_is(const mig__watched *w, const mig__map *map)
{
    return b_slice_eq(map->schema, b_slice_str(w->m->schema)) &&
           b_slice_eq(map->table, b_slice_str(w->m->table));
}

b_status mig__watched_key(mig_db *db, const char *schema, const char *table, const char **column, b_arena *a,
                          b_err *err)
{
    mig__key key;
    b_table *t = NULL;
    *column = NULL;
    b_status s = mig__key_load(db, schema, table, &key, err);
    if (s != B_OK) return s;
    s = read_columns(db, schema, table, &t, err);
    for (size_t i = 0; s == B_OK && i < key.n; i++) {
        size_t at = of_key(t, &key.cols[i]);
        if (at == SIZE_MAX || how_of(t, at, a).kind == MIG__LIT_NONE)
            *column = b_arena_strdup(a, key.cols[i].name);
    }
    b_table_free(t);
    mig__key_deinit(&key);
    return s;
}

/* ---- rows ---- */

/* A value that an image has, or else the one before it. */
static const mig__value *value_of(const mig__value *before, const mig__value *after, size_t at)
{
    return after[at].present ? &after[at] : &before[at];
}

static b_status key_of(const mig__watched *w, const mig__map *map, const mig__value *before,
                       const mig__value *after, b_buf *out, b_err *err)
{
    for (size_t i = 0; i < w->key.n; i++) {
        const mig__value *v = w->at[i] < map->n ? value_of(before, after, w->at[i]) : NULL;
        if (i > 0) b_buf_char(out, '\n');
        if (v == NULL || !v->present || v->null ||
            !mig__binlog_literal(&map->columns[w->at[i]], &w->how[i], v->bytes, out))
            return b_fail(err, B_INVALID, "the key of a row of %s.%s cannot be told", w->m->schema,
                          w->m->table);
    }
    return out->failed ? b_fail(err, B_NOMEM, "out of memory for the guard") : B_OK;
}

static bool same(const mig__value *a, const mig__value *b)
{
    return a->present && b->present && a->null == b->null && (a->null || b_slice_eq(a->bytes, b->bytes));
}

static bool right_at_once(const mig__watched *w, const mig__map *map, const mig__value *after)
{
    bool right = w->renames;
    for (size_t i = 0; right && i < w->m->npairs; i++)
        right = w->old_at[i] < map->n && w->new_at[i] < map->n &&
                same(&after[w->old_at[i]], &after[w->new_at[i]]);
    return right;
}

/* An image of only what was set has the column, or not; a full one differs from the one before. */
static bool was_set(const size_t *at, size_t n, const mig__map *map, const mig__value *before,
                    const mig__value *after)
{
    bool set = false;
    for (size_t i = 0; i < n; i++)
        set = set || (at[i] < map->n && after[at[i]].present && !same(&before[at[i]], &after[at[i]]));
    return set;
}

static bool has_value(const size_t *at, size_t n, const mig__map *map, const mig__value *after)
{
    bool some = false;
    for (size_t i = 0; i < n; i++)
        some = some || (at[i] < map->n && after[at[i]].present && !after[at[i]].null);
    return some;
}

static b_status add(mig__suspects *out, const mig__suspect *one, b_err *err)
{
    if (out->from > 0 && out->from == out->n) out->from = out->n = 0;
    if (out->n == out->cap && out->from > out->cap / 2) {
        memmove(out->v, out->v + out->from, (out->n - out->from) * sizeof *out->v);
        out->n -= out->from, out->from = 0;
    }
    if (out->n == out->cap) {
        size_t cap = out->cap == 0 ? 64 : out->cap * 2;
        mig__suspect *more = realloc(out->v, cap * sizeof *more);
        if (more == NULL) return b_fail(err, B_NOMEM, "out of memory for the guard");
        out->v = more, out->cap = cap;
    }
    out->v[out->n++] = *one;
    out->added++;
    return B_OK;
}

b_status mig__watched_row(const mig__watched *w, size_t watched, const mig__map *map,
                          const mig__value *before, const mig__value *after, bool update,
                          const mig__event_head *h, uint64_t due_ms, mig__suspects *out, b_err *err)
{
    b_buf key = {0};
    if (right_at_once(w, map, after)) return B_OK;
    mig__suspect one = {.watched = watched, .due_ms = due_ms, .when = h->when, .server = h->server};
    if (update) {
        one.by_old = was_set(w->old_at, w->m->npairs, map, before, after);
        one.by_new = was_set(w->new_at, w->m->npairs, map, before, after);
    } else {
        bool old = has_value(w->old_at, w->m->npairs, map, after),
             new = has_value(w->new_at, w->m->npairs, map, after);
        one.by_old = old && !new, one.by_new = new && !old, one.inserted = old &&new;
    }
    b_status s = key_of(w, map, before, after, &key, err);
    if (s == B_OK && key.p == NULL) s = b_fail(err, B_NOMEM, "out of memory");
    one.key = key.p; /* the suspect's from now on */
    if (s == B_OK) s = add(out, &one, err);
    if (s != B_OK) b_buf_deinit(&key);
    return s;
}

uint64_t mig__suspects_first(const mig__suspects *s)
{
    return s->added - (s->n - s->from);
}

void mig__suspects_clear(mig__suspects *s)
{
    for (size_t i = s->from; i < s->n; i++) free(s->v[i].key);
    free(s->v);
    *s = (mig__suspects){0};
}
