/* Reads information_schema into a catalogue: the tables and columns of all schemas that are not the server's
 * own, views with the tables under them, and what a default really is on either server. */
#include "mig.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OWN "('mysql', 'sys', 'information_schema', 'performance_schema', 'straddle')"
#define MAX_VIEW_DEPTH 32

typedef struct bases { /* of one view */
    rw_table_name *names;
    size_t n, cap;
} bases;

typedef struct loader {
    bool mariadb;
    b_arena *arena;
    b_table *tables, *columns, *views, *usage, *triggers, *indexes;
    b_table *firing;  /* tables a change of which may fire a trigger */
    b_table *guarded; /* tables with a migration, as often as they have one */
    uint64_t hash;
} loader;

/* ---- defaults ---- */

static bool istarts(b_slice s, const char *prefix)
{
    return b_slice_istarts(s, b_slice_str(prefix));
}

static bool contains(b_slice s, const char *word)
{
    return b_slice_find(s, b_slice_str(word)) != (size_t)-1;
}

static bool is_now(b_slice s)
{
    return istarts(s, "current_timestamp") || istarts(s, "now(") || istarts(s, "localtimestamp");
}

/* MySQL escapes quotes and backslashes in the text of an expression: _utf8mb4\'x\'. */
static void unescape(b_slice s, b_buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n && (s.p[i + 1] == '\'' || s.p[i + 1] == '\\')) i++;
        b_buf_char(out, s.p[i]);
    }
}

static rw_default_kind default_mysql(b_slice text, b_slice extra, b_slice type, b_buf *out)
{
    if (contains(extra, "DEFAULT_GENERATED")) {
        unescape(text, out);
        return is_now(text) ? RW_DEFAULT_NOW : RW_DEFAULT_EXPR;
    }
    bool bare = (istarts(type, "bit") && istarts(text, "b'")) ||
                ((istarts(type, "binary") || istarts(type, "varbinary")) && istarts(text, "0x"));
    if (bare)
        b_buf_slice(out, text);
    else
        b_buf_quote(out, text);
    return RW_DEFAULT_LITERAL;
}

static rw_default_kind default_mariadb(b_slice text, b_buf *out)
{
    if (b_slice_ieq(text, B_LIT("NULL"))) return RW_DEFAULT_NULL;
    b_buf_slice(out, text);
    if (is_now(text)) return RW_DEFAULT_NOW;
    bool literal = text.n > 0 &&
                   (strchr("'0123456789-.", text.p[0]) != NULL || istarts(text, "b'") || istarts(text, "x'"));
    for (size_t i = 1; literal && text.p[0] != '\'' && text.p[1] != '\'' && i < text.n; i++)
        literal = strchr("0123456789.eE+-xabcdfABCDF", text.p[i]) != NULL;
    return literal ? RW_DEFAULT_LITERAL : RW_DEFAULT_EXPR;
}

rw_default_kind mig__default_parse(bool mariadb, b_slice text, b_slice extra, b_slice type, bool nullable,
                                   b_buf *out)
{
    if (contains(extra, "auto_increment")) return RW_DEFAULT_AUTO_INC;
    if (text.p == NULL) return nullable ? RW_DEFAULT_NULL : RW_DEFAULT_NONE;
    return mariadb ? default_mariadb(text, out) : default_mysql(text, extra, type, out);
}

bool mig__default_is_column(b_slice text, const char *column)
{
    text = b_slice_trim(text);
    while (text.n >= 2 && text.p[0] == '(' && text.p[text.n - 1] == ')')
        text = b_slice_trim((b_slice){text.p + 1, text.n - 2});
    if (text.n >= 2 && text.p[0] == '`' && text.p[text.n - 1] == '`') text.p++, text.n -= 2;
    return b_slice_ieq(text, b_slice_str(column));
}

/* ---- reading ---- */

static uint64_t hash_table(const b_table *t, uint64_t h)
{
    for (size_t i = 0; i < b_table_rows(t); i++)
        for (size_t k = 0; k < b_table_columns(t); k++) {
            b_slice c = b_table_cell(t, i, k);
            h = b_hash_mix(h, c.p == NULL ? 1 : b_hash(c.p, c.n, 7));
        }
    return h;
}

static b_status read_all(loader *l, mig_db *db, b_err *err)
{
    static const char *const usage_mysql = "SELECT VIEW_SCHEMA, VIEW_NAME, TABLE_SCHEMA, TABLE_NAME FROM "
                                           "information_schema.VIEW_TABLE_USAGE WHERE "
                                           "VIEW_SCHEMA NOT IN " OWN " ORDER BY 1, 2, 3, 4";
    static const char *const definitions =
        "SELECT TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION FROM "
        "information_schema.VIEWS WHERE TABLE_SCHEMA NOT IN " OWN " ORDER BY 1, 2";
    /* MySQL 9.7 can be told to fire the triggers of a table to which a foreign key cascades. */
    static const char *const firing =
        "SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS UNION SELECT "
        "UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS "
        "WHERE UPDATE_RULE NOT IN ('NO ACTION', 'RESTRICT') OR DELETE_RULE NOT IN ('NO ACTION', 'RESTRICT') "
        "ORDER BY 1, 2";
    b_status s = mig_db_query(db,
                              "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, CREATE_OPTIONS FROM "
                              "information_schema.TABLES WHERE TABLE_SCHEMA NOT IN " OWN
                              " ORDER BY TABLE_SCHEMA, TABLE_NAME",
                              &l->tables, err);
    if (s == B_OK)
        s = mig_db_query(
            db,
            "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME, "
            "COLUMN_DEFAULT, IS_NULLABLE, EXTRA, COLUMN_KEY FROM information_schema.COLUMNS WHERE "
            "TABLE_SCHEMA NOT IN " OWN " ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION",
            &l->columns, err);
    if (s == B_OK) s = mig_db_query(db, definitions, &l->views, err);
    if (s == B_OK && !l->mariadb) s = mig_db_query(db, usage_mysql, &l->usage, err);
    if (s == B_OK)
        s = mig_db_query(db, MIG__BEFORE_TRIGGERS " ORDER BY 1, 2, 3, ACTION_ORDER", &l->triggers, err);
    if (s == B_OK) s = mig_db_query(db, firing, &l->firing, err);
    if (s == B_OK)
        s = mig_db_query(db,
                         "SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME FROM "
                         "information_schema.STATISTICS WHERE TABLE_SCHEMA NOT IN " OWN
                         " ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME",
                         &l->indexes, err);
    if (s == B_OK)
        s = mig_db_query(db,
                         "SELECT table_schema, table_name FROM straddle.migrations WHERE phase NOT IN "
                         "('planned', 'contracted', 'finished') ORDER BY name",
                         &l->guarded, err);
    if (s != B_OK) return s;
    const b_table *all[] = {l->tables, l->columns, l->views, l->triggers, l->firing, l->indexes};
    l->hash = 11;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) l->hash = hash_table(all[i], l->hash);
    return B_OK;
}

static void add_base(loader *l, bases *b, b_slice schema, b_slice name)
{
    for (size_t i = 0; i < b->n; i++)
        if (b_slice_eq(b->names[i].schema, schema) && b_slice_eq(b->names[i].name, name)) return;
    if (b->n == b->cap) {
        size_t cap = b->cap == 0 ? 8 : b->cap * 2;
        rw_table_name *more = b_arena_array(l->arena, cap, sizeof *more);
        if (more == NULL) return;
        if (b->n != 0) memcpy(more, b->names, b->n * sizeof *more);
        b->names = more, b->cap = cap;
    }
    b->names[b->n++] = (rw_table_name){schema, name};
}

/* MariaDB has no VIEW_TABLE_USAGE, but stores the definition with every table as `schema`.`table`. */
static void bases_by_text(loader *l, b_slice definition, bases *out)
{
    for (size_t i = 0; i < b_table_rows(l->tables); i++) {
        b_slice schema = b_table_cell(l->tables, i, 0), name = b_table_cell(l->tables, i, 1);
        b_buf full = {0};
        b_buf_ident(&full, schema), b_buf_char(&full, '.'), b_buf_ident(&full, name);
        if (!full.failed && b_slice_find(definition, b_buf_view(&full)) != (size_t)-1)
            add_base(l, out, schema, name);
        b_buf_deinit(&full);
    }
}

static void bases_of(loader *l, b_slice schema, b_slice view, bases *out)
{
    const b_table *t = l->mariadb ? l->views : l->usage;
    for (size_t i = 0; i < b_table_rows(t); i++) {
        if (!b_slice_eq(b_table_cell(t, i, 0), schema) || !b_slice_eq(b_table_cell(t, i, 1), view)) continue;
        if (l->mariadb)
            bases_by_text(l, b_table_cell(t, i, 2), out);
        else
            add_base(l, out, b_table_cell(t, i, 2), b_table_cell(t, i, 3));
    }
}

/* Through other views: what a base is made of is a base as well. */
static void all_bases(loader *l, b_slice schema, b_slice view, bases *out)
{
    bases_of(l, schema, view, out);
    size_t from = 0;
    for (int depth = 0; depth < MAX_VIEW_DEPTH && from < out->n; depth++) {
        size_t to = out->n;
        for (; from < to; from++) bases_of(l, out->names[from].schema, out->names[from].name, out);
    }
}

static bool row_is(const b_table *t, size_t i, b_slice schema, b_slice name)
{
    return b_slice_eq(b_table_cell(t, i, 0), schema) && b_slice_eq(b_table_cell(t, i, 1), name);
}

uint64_t mig__triggers(const b_table *t, b_slice schema, b_slice name)
{
    uint64_t h = 0;
    for (size_t i = 0; i < b_table_rows(t); i++) {
        b_slice event = b_table_cell(t, i, 2), trigger = b_table_cell(t, i, 3);
        if (!row_is(t, i, schema, name) || mig__is_guard(trigger)) continue;
        h = b_hash_mix(b_hash_mix(h, b_hash(event.p, event.n, 7)), b_hash(trigger.p, trigger.n, 7));
    }
    return h;
}

/* A BEFORE trigger of somebody's own after which a guard's trigger does not come, one for each migration of
 * the table: it may change a column after the other one was made of it. */
static bool has_trigger(const loader *l, b_slice schema, b_slice name)
{
    size_t migrations = 0, n = b_table_rows(l->triggers);
    for (size_t i = 0; i < b_table_rows(l->guarded); i++) migrations += row_is(l->guarded, i, schema, name);
    for (size_t i = 0; i < n; i++) {
        size_t guards = 0;
        if (!row_is(l->triggers, i, schema, name) || mig__is_guard(b_table_cell(l->triggers, i, 3))) continue;
        for (size_t k = i + 1; k < n; k++)
            guards += row_is(l->triggers, k, schema, name) &&
                      mig__is_guard_last(b_table_cell(l->triggers, k, 3)) &&
                      b_slice_eq(b_table_cell(l->triggers, k, 2), b_table_cell(l->triggers, i, 2));
        if (guards == 0 || guards < migrations) return true;
    }
    return false;
}

static bool may_fire(const loader *l, b_slice schema, b_slice name)
{
    for (size_t i = 0; i < b_table_rows(l->firing); i++)
        if (row_is(l->firing, i, schema, name)) return true;
    return false;
}

static void fill_column(loader *l, size_t i, rw_column *c)
{
    const b_table *t = l->columns;
    b_slice extra = mig__cell(t, i, "EXTRA"), collation = mig__cell(t, i, "COLLATION_NAME");
    b_buf text = {0};
    c->name = mig__cell(t, i, "COLUMN_NAME"), c->type = mig__cell(t, i, "COLUMN_TYPE");
    c->collation = collation.p == NULL ? (b_slice){"", 0} : collation;
    c->nullable = b_slice_ieq(mig__cell(t, i, "IS_NULLABLE"), B_LIT("YES"));
    c->invisible = contains(extra, "INVISIBLE");
    c->generated = contains(extra, "VIRTUAL GENERATED") || contains(extra, "STORED GENERATED") ||
                   contains(extra, "PERSISTENT");
    c->auto_increment = contains(extra, "auto_increment");
    c->on_update_now = contains(extra, "on update");
    c->primary_key = b_slice_ieq(mig__cell(t, i, "COLUMN_KEY"), B_LIT("PRI"));
    c->default_kind =
        mig__default_parse(l->mariadb, mig__cell(t, i, "COLUMN_DEFAULT"), extra, c->type, c->nullable, &text);
    c->default_text = b_arena_dup(l->arena, b_buf_view(&text));
    b_buf_deinit(&text);
}

/* The columns of one table lie side by side; *at moves past them. */
static size_t fill_columns(loader *l, b_slice schema, b_slice name, size_t *at, rw_column **out)
{
    const b_table *t = l->columns;
    size_t start = *at, n = 0;
    while (start < b_table_rows(t) &&
           !(b_slice_eq(b_table_cell(t, start, 0), schema) && b_slice_eq(b_table_cell(t, start, 1), name)))
        start++;
    if (start == b_table_rows(t)) return 0; /* a table made or dropped between the two readings */
    while (start + n < b_table_rows(t) && b_slice_eq(b_table_cell(t, start + n, 0), schema) &&
           b_slice_eq(b_table_cell(t, start + n, 1), name))
        n++;
    *out = b_arena_array(l->arena, n + 1, sizeof **out);
    if (*out == NULL) return 0;
    for (size_t i = 0; i < n; i++) fill_column(l, start + i, &(*out)[i]);
    *at = start + n;
    return n;
}

/* The names of its indexes, which lie side by side. */
static void fill_indexes(loader *l, rw_table *t)
{
    size_t n = b_table_rows(l->indexes), from = 0, to;
    while (from < n && !(b_slice_eq(b_table_cell(l->indexes, from, 0), t->schema) &&
                         b_slice_eq(b_table_cell(l->indexes, from, 1), t->name)))
        from++;
    for (to = from; to < n && b_slice_eq(b_table_cell(l->indexes, to, 0), t->schema) &&
                    b_slice_eq(b_table_cell(l->indexes, to, 1), t->name);)
        to++;
    b_slice *names = b_arena_array(l->arena, to - from + 1, sizeof *names);
    if (names == NULL) return;
    for (size_t i = from; i < to; i++) names[i - from] = b_table_cell(l->indexes, i, 2);
    t->indexes = names;
    t->nindexes = to - from;
}

static b_slice definition_of(const loader *l, b_slice schema, b_slice view)
{
    for (size_t i = 0; i < b_table_rows(l->views); i++)
        if (b_slice_eq(b_table_cell(l->views, i, 0), schema) &&
            b_slice_eq(b_table_cell(l->views, i, 1), view))
            return b_table_cell(l->views, i, 2);
    return (b_slice){"", 0};
}

static b_status add_tables(loader *l, rw_catalog_builder *b, b_err *err)
{
    size_t at = 0;
    for (size_t i = 0; i < b_table_rows(l->tables); i++) {
        b_slice options = mig__cell(l->tables, i, "CREATE_OPTIONS");
        rw_column *columns = NULL;
        bases views = {0};
        rw_table t = {.schema = b_table_cell(l->tables, i, 0), .name = b_table_cell(l->tables, i, 1)};
        t.is_view = b_slice_ieq(b_table_cell(l->tables, i, 2), B_LIT("VIEW"));
        t.partitioned = options.p != NULL && contains(options, "partitioned");
        t.fires = may_fire(l, t.schema, t.name);
        t.before_triggers = has_trigger(l, t.schema, t.name);
        t.triggers = mig__triggers(l->triggers, t.schema, t.name);
        t.ncolumns = fill_columns(l, t.schema, t.name, &at, &columns);
        t.columns = columns;
        if (!t.is_view) fill_indexes(l, &t);
        if (t.is_view)
            all_bases(l, t.schema, t.name, &views), t.definition = definition_of(l, t.schema, t.name);
        t.bases = views.names, t.nbases = views.n;
        if (t.ncolumns == 0 && !t.is_view) continue;
        b_status s = rw_catalog_add(b, &t);
        if (s != B_OK)
            return b_fail(err, s, "cannot take table %.*s.%.*s into the catalogue: %s", B_ARG(t.schema),
                          B_ARG(t.name), b_status_text(s));
    }
    return B_OK;
}

static void unload(loader *l)
{
    b_table_free(l->tables), b_table_free(l->columns);
    b_table_free(l->usage), b_table_free(l->views), b_table_free(l->triggers);
    b_table_free(l->firing), b_table_free(l->indexes);
    b_table_free(l->guarded);
    b_arena_free(l->arena);
}

b_status mig__catalog_load(mig_db *db, rw_catalog **out, uint64_t *hash, b_err *err)
{
    loader l = {.mariadb = mig__mariadb(db), .arena = b_arena_new(0)};
    rw_catalog_builder *b = rw_catalog_builder_new(mig__server_of(db, err));
    b_status s = B_OK;
    *out = NULL;
    if (l.arena == NULL || b == NULL) s = b_fail(err, B_NOMEM, "out of memory for the catalogue");
    if (s == B_OK) s = read_all(&l, db, err);
    if (s == B_OK) s = add_tables(&l, b, err);
    if (s == B_OK) {
        *out = rw_catalog_build(b), b = NULL;
        *hash = l.hash;
        if (*out == NULL) s = b_fail(err, B_NOMEM, "out of memory for the catalogue");
    }
    rw_catalog_builder_free(b);
    unload(&l);
    return s;
}
