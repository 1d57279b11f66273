/* See place.h. */
#include "place.h"

#include "mig.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define SYSTEM_SCHEMAS "('mysql', 'sys', 'information_schema', 'performance_schema')"

/* ---- servers ---------------------------------------------------------------------------------------- */

static mig_db *admin_of(const ts_own *o)
{
    mig_db_options how = {
        .host = o->server.host, .port = (uint16_t)o->server.port, .user = "root", .password = ""};
    mig_db *db = NULL;
    b_err err = {0};
    how.read_timeout_ms = 60000;
    if (mig_db_open(&how, &db, &err) != B_OK) ts_die("corpora: %s", err.msg);
    if (mig_db_exec(db, NULL, &err, "SET sql_mode = '', foreign_key_checks = 0, lock_wait_timeout = 60") !=
        B_OK)
        ts_die("corpora: %s", err.msg);
    return db;
}

void place_open(place *p, bool mariadb)
{
    unsigned major = 0, minor = 0, patch = 0;
    memset(p, 0, sizeof *p);
    setenv("EXTRA", "skip-log-bin\nmax-connections=50\n", 1);
    ts_own_start(&p->plain_server, mariadb, NULL);
    ts_own_start(&p->phase_server, mariadb, NULL);
    unsetenv("EXTRA");
    p->plain_admin = admin_of(&p->plain_server);
    p->phase_admin = admin_of(&p->phase_server);
    p->arena = b_arena_new(0);
    if (sscanf(mig_db_server_version(p->plain_admin), "%u.%u.%u", &major, &minor, &patch) < 2)
        ts_die("corpora: what version is that?");
    p->server = (rw_server){mariadb ? RW_MARIADB : RW_MYSQL, major * 10000 + minor * 100 + patch, 0};
}

static void drop_rules(place *p)
{
    if (p->rules != NULL) rw_ruleset_unref(p->rules);
    if (p->plain_catalog != NULL) rw_catalog_unref(p->plain_catalog);
    if (p->phase_catalog != NULL) rw_catalog_unref(p->phase_catalog);
    p->rules = NULL;
    p->plain_catalog = p->phase_catalog = NULL;
}

static void forget(place *p, size_t i)
{
    free(p->tables[i].schema);
    free(p->tables[i].name);
    free(p->tables[i].ddl);
    p->tables[i] = p->tables[--p->ntables];
}

static void forget_all(place *p)
{
    while (p->ntables > 0) forget(p, 0);
    while (p->ntemps > 0) {
        free((void *)(uintptr_t)p->temps[--p->ntemps].schema.p);
        free((void *)(uintptr_t)p->temps[p->ntemps].name.p);
    }
}

static void end_sessions(place *p)
{
    ts_close(p->plain_conn);
    ts_close(p->phase_conn);
    p->plain_conn = p->phase_conn = NULL;
}

void place_close(place *p)
{
    end_sessions(p);
    drop_rules(p);
    forget_all(p);
    mig_db_close(p->plain_admin);
    mig_db_close(p->phase_admin);
    b_arena_free(p->arena);
    ts_own_wipe(&p->plain_server);
    ts_own_wipe(&p->phase_server);
}

static bool run(mig_db *db, const char *sql)
{
    b_err err = {0};
    return mig_db_query(db, sql, NULL, &err) == B_OK;
}

/* A session that has just ended may hold its locks for a while. */
static void must_run(mig_db *db, const char *sql)
{
    b_err err = {0};
    for (int i = 0; i < 10; i++)
        if (mig_db_query(db, sql, NULL, &err) == B_OK) return;
    ts_die("corpora: %s: %s", sql, err.msg);
}

/* MySQL has schemas that are read only; MariaDB does not know what this says. */
static void writable(mig_db *db, b_slice schema)
{
    b_buf sql = {0};
    b_buf_str(&sql, "ALTER DATABASE ");
    b_buf_ident(&sql, schema);
    b_buf_str(&sql, " READ ONLY = 0");
    (void)run(db, b_buf_cstr(&sql));
    b_buf_deinit(&sql);
}

/* Out of the way with what the last script left. */
static void empty_server(mig_db *db)
{
    b_table *t = NULL;
    b_err err = {0};
    if (mig_db_query(
            db,
            "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN " SYSTEM_SCHEMAS,
            &t, &err) != B_OK)
        ts_die("corpora: %s", err.msg);
    for (size_t i = 0; i < b_table_rows(t); i++) {
        b_buf sql = {0};
        writable(db, b_table_cell(t, i, 0));
        b_buf_str(&sql, "DROP DATABASE ");
        b_buf_ident(&sql, b_table_cell(t, i, 0));
        must_run(db, b_buf_cstr(&sql));
        b_buf_deinit(&sql);
    }
    b_table_free(t);
    must_run(db, "CREATE DATABASE test");
}

static ts_conn *session(const ts_own *o, MYSQL **m)
{
    ts_conn *c = ts_root(&o->server, "test");
    *m = ts_handle(c);
    ts_do(c, "SET lock_wait_timeout = 3");
    return c;
}

/* ---- what the script speaks of ---------------------------------------------------------------------- */

static bool word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$';
}

static unsigned occurrences(b_slice text, b_slice word)
{
    unsigned n = 0;
    for (size_t i = 0; word.n > 0 && i + word.n <= text.n; i++) {
        if (b_lower(text.p[i]) != b_lower(word.p[0]) || (i > 0 && word_char(text.p[i - 1]))) continue;
        bool end = i + word.n == text.n || !word_char(text.p[i + word.n]);
        n += end && b_slice_ieq(b_slice_of(text.p + i, word.n), word);
    }
    return n;
}

static size_t skip_words(b_slice text, size_t i)
{
    static const char *const words[] = {"if", "not", "exists"};
    for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
        while (i < text.n && (isspace((unsigned char)text.p[i]) || text.p[i] == '`')) i++;
        size_t n = strlen(words[w]);
        if (i + n < text.n && b_slice_ieq(b_slice_of(text.p + i, n), b_slice_str(words[w])) &&
            !word_char(text.p[i + n]))
            i += n;
    }
    while (i < text.n && (isspace((unsigned char)text.p[i]) || text.p[i] == '`')) i++;
    return i;
}

/* The name after CREATE TABLE that occurs most. */
static void choose_favourite(place *p)
{
    unsigned best = 0;
    strcpy(p->favourite, "t1");
    for (size_t i = 0; i + 13 < p->script.n; i++) {
        if (!b_slice_ieq(b_slice_of(p->script.p + i, 13), B_LIT("create table "))) continue;
        size_t from = skip_words(p->script, i + 13), end = from;
        while (end < p->script.n && word_char(p->script.p[end])) end++;
        b_slice name = {p->script.p + from, end - from};
        if (name.n == 0 || name.n >= sizeof p->favourite) continue;
        unsigned n = occurrences(p->script, name);
        if (n <= best) continue;
        best = n;
        snprintf(p->favourite, sizeof p->favourite, "%.*s", B_ARG(name));
        if (n > 200) return;
    }
}

static bool eligible(const rw_column *c)
{
    return !c->generated && !c->auto_increment && !c->on_update_now && !c->invisible && !c->primary_key &&
           c->name.n < 100;
}

/* The columns that the script speaks of most, best first. */
static void choose_columns(const place *p, place_table *e, const rw_table *t)
{
    size_t want = p->how.many ? PLACE_PAIRS : 1;
    for (e->npairs = 0; e->npairs < want; e->npairs++) {
        const rw_column *best = NULL;
        unsigned most = 0;
        for (size_t i = 0; i < t->ncolumns; i++) {
            const rw_column *c = &t->columns[i];
            unsigned n = eligible(c) ? occurrences(p->script, c->name) + 1 : 0;
            bool taken = e->npairs > 0 && b_slice_ieq(c->name, b_slice_str(e->from[0]));
            if (n > most && !taken) best = c, most = n;
        }
        if (best == NULL) return;
        snprintf(e->from[e->npairs], sizeof e->from[0], "%.*s", B_ARG(best->name));
        snprintf(e->to[e->npairs], sizeof e->to[0], "%.*s_new", B_ARG(best->name));
    }
}

static void read_session(place *p)
{
    static const char sql[] = "SELECT @@sql_mode, @@character_set_client, DATABASE()";
    if (mysql_real_query(p->plain, sql, sizeof sql - 1) != 0) return;
    MYSQL_RES *res = mysql_store_result(p->plain);
    MYSQL_ROW row = res == NULL ? NULL : mysql_fetch_row(res);
    if (row != NULL && row[0] != NULL && row[1] != NULL) {
        p->ctx.sql_mode = rw_sql_mode_parse(b_slice_str(row[0]));
        p->ctx.charset = rw_charset_parse(b_slice_str(row[1]));
        snprintf(p->schema, sizeof p->schema, "%s", row[2] == NULL ? "" : row[2]);
        p->ctx.schema = b_slice_str(p->schema);
    }
    mysql_free_result(res);
}

/* Some scripts make a server read only, or break it. */
static bool fit(const place *p, mig_db *db)
{
    b_table *t = NULL;
    b_err err = {0};
    const char *sql = p->server.flavour == RW_MARIADB
                          ? "SELECT @@GLOBAL.read_only OR @@GLOBAL.tx_read_only"
                          : "SELECT @@GLOBAL.read_only OR @@GLOBAL.transaction_read_only";
    bool good = mig_db_query(db, sql, &t, &err) == B_OK && b_slice_eq(b_table_cell(t, 0, 0), B_LIT("0"));
    b_table_free(t);
    return good;
}

static void renew(place *p)
{
    bool mariadb = p->server.flavour == RW_MARIADB;
    printf("a server is gone, or read only: both are made anew\n");
    place_close(p);
    place_open(p, mariadb);
}

void place_begin(place *p, place_how how, b_slice script)
{
    if (!fit(p, p->plain_admin) || !fit(p, p->phase_admin)) renew(p);
    end_sessions(p);
    drop_rules(p);
    forget_all(p);
    empty_server(p->plain_admin);
    empty_server(p->phase_admin);
    p->plain_conn = session(&p->plain_server, &p->plain);
    p->phase_conn = session(&p->phase_server, &p->phase);
    p->how = how;
    p->script = script;
    p->dirty = true;
    p->ctx = (rw_ctx){.version = how.version, .charset = RW_CHARSET_SAFE};
    choose_favourite(p);
    read_session(p);
}

/* ---- the migrating tables -------- */

/* The definition of a column without what a second one may not have. */
static void type_of(const place *p, const place_table *e, const char *column, b_buf *out)
{
    const rw_table *t = rw_catalog_find(p->plain_catalog, b_slice_str(e->schema), b_slice_str(e->name));
    const rw_column *c = t == NULL ? NULL : rw_table_column(t, b_slice_str(column));
    if (c == NULL) return;
    b_buf_slice(out, c->type);
    if (c->collation.n > 0) b_buf_printf(out, " COLLATE %.*s", B_ARG(c->collation));
}

static bool alter(place *p, const place_table *e, const char *fmt, const char *one, const char *two,
                  b_slice type)
{
    b_buf sql = {0};
    b_buf_str(&sql, "ALTER TABLE ");
    b_buf_ident(&sql, b_slice_str(e->name));
    for (const char *f = fmt; *f != '\0'; f++) {
        if (*f == '1')
            b_buf_ident(&sql, b_slice_str(one));
        else if (*f == '2')
            b_buf_ident(&sql, b_slice_str(two));
        else if (*f == '3')
            b_buf_slice(&sql, type);
        else
            b_buf_char(&sql, *f);
    }
    bool ok = run(p->phase_admin, b_buf_cstr(&sql));
    b_buf_deinit(&sql);
    return ok;
}

/* One pair's columns, from A alone to what the phase has. */
static bool to_phase(place *p, place_table *e, size_t i)
{
    const char *a = e->from[i], *b = e->to[i];
    b_buf type = {0};
    bool ok = true;
    type_of(p, e, a, &type);
    e->has_default[i] = false;
    switch (p->how.phase) {
    case RW_PLANNED: break;
    case RW_EXPANDED:
    case RW_DUAL_WRITE:
    case RW_SWITCHED:
        ok = alter(p, e, " ADD COLUMN 2 3 NULL INVISIBLE AFTER 1", a, b, b_buf_view(&type));
        e->has_default[i] = ok && alter(p, e, " ALTER COLUMN 2 SET DEFAULT (1)", a, b, b_buf_view(&type));
        break;
    case RW_RETIRED:
        ok = alter(p, e, " RENAME COLUMN 1 TO 2", a, b, b_buf_view(&type)) &&
             alter(p, e, " ADD COLUMN 1 3 NULL INVISIBLE AFTER 2", a, b, b_buf_view(&type));
        break;
    case RW_CONTRACTED:
    case RW_FINISHED: ok = alter(p, e, " RENAME COLUMN 1 TO 2", a, b, b_buf_view(&type)); break;
    }
    b_buf_deinit(&type);
    return ok;
}

static bool use_schema(mig_db *db, const char *schema)
{
    b_buf sql = {0};
    b_buf_str(&sql, "USE ");
    b_buf_ident(&sql, b_slice_str(schema));
    bool ok = run(db, b_buf_cstr(&sql));
    b_buf_deinit(&sql);
    return ok;
}

static bool make_plain(place *p, const place_table *e)
{
    b_buf sql = {0};
    b_buf_str(&sql, "DROP TABLE IF EXISTS ");
    b_buf_ident(&sql, b_slice_str(e->name));
    bool ok = use_schema(p->phase_admin, e->schema) && run(p->phase_admin, b_buf_cstr(&sql)) &&
              run(p->phase_admin, e->ddl);
    b_buf_deinit(&sql);
    return ok;
}

static void rebuild(place *p, place_table *e, const rw_table *t)
{
    e->stale = false;
    choose_columns(p, e, t);
    if (!make_plain(p, e)) {
        e->npairs = 0;
        return;
    }
    for (size_t i = 0; i < e->npairs; i++) {
        if (to_phase(p, e, i)) continue;
        e->npairs = 0; /* the server will not have this column migrated */
        (void)make_plain(p, e);
        return;
    }
}

static char *show_create(place *p, const rw_table *t)
{
    b_buf sql = {0};
    b_table *rows = NULL;
    b_err err = {0};
    char *ddl = NULL;
    b_buf_str(&sql, "SHOW CREATE TABLE ");
    b_buf_ident(&sql, t->schema);
    b_buf_char(&sql, '.');
    b_buf_ident(&sql, t->name);
    if (mig_db_query(p->plain_admin, b_buf_cstr(&sql), &rows, &err) == B_OK && b_table_rows(rows) == 1 &&
        b_slice_istarts(b_table_cell(rows, 0, 1), B_LIT("CREATE TABLE")))
        ddl = strndup(b_table_cell(rows, 0, 1).p, b_table_cell(rows, 0, 1).n);
    b_table_free(rows);
    b_buf_deinit(&sql);
    return ddl;
}

static place_table *entry_of(place *p, const rw_table *t)
{
    for (size_t i = 0; i < p->ntables; i++)
        if (b_slice_eq(b_slice_str(p->tables[i].schema), t->schema) &&
            b_slice_eq(b_slice_str(p->tables[i].name), t->name))
            return &p->tables[i];
    if (p->ntables == PLACE_TABLES) return NULL;
    place_table *e = &p->tables[p->ntables++];
    *e = (place_table){.schema = strndup(t->schema.p, t->schema.n), .name = strndup(t->name.p, t->name.n)};
    e->stale = true;
    return e;
}

/* CREATE TABLE … LIKE and others that the second server was not given: the table as it is on the first. */
static void copy_table(place *p, const rw_table *t)
{
    char *ddl = show_create(p, t);
    b_buf schema = {0};
    b_buf_slice(&schema, t->schema);
    if (ddl != NULL && use_schema(p->phase_admin, b_buf_cstr(&schema))) (void)run(p->phase_admin, ddl);
    b_buf_deinit(&schema);
    free(ddl);
}

static void sync_table(place *p, const rw_table *t)
{
    if (t->is_view || (!p->how.many && !b_slice_ieq(t->name, b_slice_str(p->favourite)))) return;
    place_table *e = entry_of(p, t);
    char *ddl = e == NULL ? NULL : show_create(p, t);
    if (ddl == NULL) return;
    e->seen = true;
    if (!e->stale && e->ddl != NULL && strcmp(e->ddl, ddl) == 0) {
        free(ddl);
        return;
    }
    free(e->ddl);
    e->ddl = ddl;
    rebuild(p, e, t);
}

/* ---- rules ------------------------------------------------------------------------------------------ */

/* As the engine does it: its own schema is there. */
static bool load(mig_db *db, rw_catalog **out)
{
    enum { NO_SCHEMA = 1049, NO_TABLE = 1146 };
    b_err err = {0};
    uint64_t hash;
    b_status s = mig__catalog_load(db, out, &hash, &err);
    if (s != B_OK && (err.db_errno == NO_SCHEMA || err.db_errno == NO_TABLE)) {
        s = mig__schema_create(db, &err);
        if (s == B_OK) s = mig__catalog_load(db, out, &hash, &err);
    }
    if (s == B_OK) return true;
    fprintf(stderr, "corpora: %s\n", err.msg);
    return false;
}

static size_t fill_pairs(const place *p, const place_table *e, rw_pair *pairs)
{
    const rw_table *t = rw_catalog_find(p->plain_catalog, b_slice_str(e->schema), b_slice_str(e->name));
    size_t n = 0;
    for (size_t i = 0; t != NULL && i < e->npairs; i++) {
        const rw_column *c = rw_table_column(t, b_slice_str(e->from[i]));
        if (c == NULL) continue;
        pairs[n] = (rw_pair){.from = c->name, .to = b_slice_str(e->to[i]), .plain = *c};
        pairs[n].b_default_up = e->has_default[i];
        if (c > t->columns) pairs[n].after = c[-1].name;
        n++;
    }
    return n;
}

static bool make_rules(place *p)
{
    rw_migration m[PLACE_TABLES];
    b_err err = {0};
    size_t n = 0;
    b_arena_reset(p->arena);
    for (size_t i = 0; i < p->ntables; i++) {
        const place_table *e = &p->tables[i];
        rw_pair *pairs = b_arena_array(p->arena, PLACE_PAIRS, sizeof *pairs);
        if (pairs == NULL || e->npairs == 0) continue;
        m[n] = (rw_migration){
            .name = B_LIT("m"), .schema = b_slice_str(e->schema), .table = b_slice_str(e->name)};
        m[n].phase = p->how.phase;
        m[n].pairs = pairs;
        m[n].npairs = fill_pairs(p, e, pairs);
        n += m[n].npairs > 0;
    }
    for (;;) {
        p->rules = rw_ruleset_new(1, p->phase_catalog, m, n, &err);
        if (p->rules != NULL || n == 0) return p->rules != NULL;
        n--; /* a name that cannot be migrated */
    }
}

/* Tables that the second server lacks. */
static bool copy_missing(place *p)
{
    bool any = false;
    for (size_t i = 0; i < rw_catalog_size(p->plain_catalog); i++) {
        const rw_table *t = rw_catalog_at(p->plain_catalog, i);
        if (t->is_view || rw_catalog_find(p->phase_catalog, t->schema, t->name) != NULL) continue;
        copy_table(p, t);
        any = true;
    }
    return any;
}

static bool load_phase(place *p)
{
    rw_catalog_unref(p->phase_catalog);
    p->phase_catalog = NULL;
    return load(p->phase_admin, &p->phase_catalog);
}

bool place_sync(place *p)
{
    if (!p->dirty) return p->rules != NULL;
    p->dirty = false;
    drop_rules(p);
    (void)mysql_query(p->plain, "COMMIT"); /* a transaction's tables cannot be altered */
    (void)mysql_query(p->phase, "COMMIT");
    if (!load(p->plain_admin, &p->plain_catalog)) return false;
    for (size_t i = 0; i < p->ntables; i++) p->tables[i].seen = false;
    for (size_t i = 0; i < rw_catalog_size(p->plain_catalog); i++)
        sync_table(p, rw_catalog_at(p->plain_catalog, i));
    for (size_t i = p->ntables; i-- > 0;)
        if (!p->tables[i].seen) forget(p, i);
    return load_phase(p) && (!copy_missing(p) || load_phase(p)) && make_rules(p);
}

/* ---- what statements change ------------------------------------------------------------------------- */

static void take_temporary(place *p, const rw_effect *e)
{
    for (size_t i = 0; i < p->ntemps; i++) {
        if (!b_slice_eq(p->temps[i].name, e->table.name) || !b_slice_eq(p->temps[i].schema, e->table.schema))
            continue;
        free((void *)(uintptr_t)p->temps[i].schema.p);
        free((void *)(uintptr_t)p->temps[i].name.p);
        p->temps[i] = p->temps[--p->ntemps];
    }
    if (e->kind == RW_EFFECT_TEMP_CREATED && p->ntemps < sizeof p->temps / sizeof *p->temps)
        p->temps[p->ntemps++] =
            (rw_table_name){{strndup(e->table.schema.p, e->table.schema.n), e->table.schema.n},
                            {strndup(e->table.name.p, e->table.name.n), e->table.name.n}};
}

void place_changed(place *p, b_slice sql, const rw_result *r)
{
    for (size_t i = 0; i < r->neffects; i++)
        if (r->effects[i].kind != RW_EFFECT_STATE_UNKNOWN) take_temporary(p, &r->effects[i]);
    p->ctx.temps = p->temps;
    p->ctx.ntemps = p->ntemps;
    read_session(p);
    if (b_slice_istarts(sql, B_LIT("set")) || b_slice_istarts(sql, B_LIT("use"))) return;
    p->dirty = true;
    for (size_t i = 0; i < p->ntables; i++)
        p->tables[i].stale = p->tables[i].stale || b_slice_istarts(sql, B_LIT("drop database")) ||
                             occurrences(sql, b_slice_str(p->tables[i].name)) > 0;
}

static const rw_table *in_catalog(const rw_catalog *c, b_slice name)
{
    for (size_t i = 0; i < rw_catalog_size(c); i++)
        if (b_slice_ieq(rw_catalog_at(c, i)->name, name)) return rw_catalog_at(c, i);
    return NULL;
}

/* A view that was made by `*` of a table in its phase has that table's columns. */
static bool same_columns(const rw_table *a, const rw_table *b)
{
    if (a->ncolumns != b->ncolumns) return false;
    for (size_t i = 0; i < a->ncolumns; i++)
        if (!b_slice_ieq(a->columns[i].name, b->columns[i].name)) return false;
    return true;
}

bool place_lost(const place *p, b_slice name)
{
    const rw_table *plain = in_catalog(p->plain_catalog, name);
    const rw_table *phase = in_catalog(p->phase_catalog, name);
    return plain != NULL && (phase == NULL || (phase->is_view && !same_columns(plain, phase)));
}

const place_table *place_table_named(const place *p, b_slice name)
{
    for (size_t i = 0; i < p->ntables; i++)
        if (p->tables[i].npairs > 0 && b_slice_ieq(b_slice_str(p->tables[i].name), name))
            return &p->tables[i];
    return NULL;
}
