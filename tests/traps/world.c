/* See world.h. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRICT "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION"

static const tw_state states[] = {
    {"planned", RW_PLANNED, false, false},
    {"expanded", RW_EXPANDED, true, false},
    {"dual_write", RW_DUAL_WRITE, true, false},
    {"dual_write, stale", RW_DUAL_WRITE, true, true},
    {"dual_write, no default", RW_DUAL_WRITE, false, false},
    {"switched", RW_SWITCHED, true, false},
    {"switched, A not filled", RW_SWITCHED, true, true},
    {"retired", RW_RETIRED, false, false},
    {"contracted", RW_CONTRACTED, false, false},
};

const tw_state *tw_states(size_t *n)
{
    *n = sizeof states / sizeof *states;
    return states;
}

typedef struct kind_text {
    const char *type, *null, *def, *literal; /* literal: what a retired A has as its default */
    const char *more;                        /* attributes that both columns have in every phase */
} kind_text;

static const kind_text kinds[] = {
    [TW_VARCHAR] = {"VARCHAR(40)", "NOT NULL", "", "DEFAULT ''"},
    [TW_NULLABLE] = {"VARCHAR(40)", "NULL", "", "DEFAULT NULL"},
    [TW_INT] = {"INT", "NOT NULL", "DEFAULT 7", "DEFAULT 7"},
    [TW_INT_NULL] = {"INT", "NULL", "", "DEFAULT NULL"},
    [TW_UUID] = {"VARCHAR(40)", "NOT NULL", "DEFAULT (UUID())", "DEFAULT ''"},
    [TW_NOW] = {"DATETIME(6)", "NOT NULL", "DEFAULT CURRENT_TIMESTAMP(6)", "DEFAULT '2000-01-01'"},
    [TW_TOUCHED] = {"DATETIME(6)", "NOT NULL", "DEFAULT CURRENT_TIMESTAMP(6)", "DEFAULT '2000-01-01'",
                    " ON UPDATE CURRENT_TIMESTAMP(6)"},
    [TW_ENUM] = {"ENUM('a','b','c')", "NOT NULL", "DEFAULT 'a'", "DEFAULT 'a'"},
    [TW_DECIMAL] = {"DECIMAL(20,2)", "NOT NULL", "DEFAULT 0.00", "DEFAULT 0.00"},
    [TW_PARTITIONED] = {"VARCHAR(40)", "NOT NULL", "", "DEFAULT ''"},
    [TW_INDEXED] = {"VARCHAR(40)", "NOT NULL", "", "DEFAULT ''"},
};

/* In retired an index over A may be gone already, as a unique one is. */
static const char *indexes(const tw_world *w, bool real)
{
    if (w->kind != TW_INDEXED) return "";
    if (!real || w->state->phase < RW_DUAL_WRITE) return ", KEY by_tt (tt), KEY by_n (n)";
    if (w->state->phase < RW_RETIRED) return ", KEY by_tt (tt), KEY by_tt__pm (pm), KEY by_n (n)";
    return w->state->phase == RW_RETIRED ? ", KEY by_tt__pm (pm), KEY by_n (n)"
                                         : ", KEY by_tt (pm), KEY by_n (n)";
}

static void make_t(tw_world *w, ts_conn *c, const char *columns)
{
    ts_do(c, "DROP TABLE IF EXISTS t");
    ts_do(c,
          "CREATE TABLE t (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, n INT NULL, %s, "
          "ts DATETIME(6) NULL DEFAULT '2000-01-01' ON UPDATE CURRENT_TIMESTAMP(6)%s)%s",
          columns, indexes(w, c == w->real),
          w->kind == TW_PARTITIONED ? " PARTITION BY HASH (id) PARTITIONS 3" : "");
}

/* Has B the default (A), where the state asks for it? The engine gives none to a column with ON UPDATE. */
static bool defaults_up(const tw_world *w)
{
    return w->state->up && w->kind != TW_TOUCHED;
}

static void make_tables(tw_world *w)
{
    const kind_text *k = &kinds[w->kind];
    const char *more = k->more == NULL ? "" : k->more;
    char a[160], b[160], both[400];
    snprintf(a, sizeof a, "tt %s %s %s%s", k->type, k->null, k->def, more);
    snprintf(b, sizeof b, "pm %s %s %s%s", k->type, k->null, k->def, more);
    make_t(w, w->plain, a);
    switch (w->state->phase) {
    case RW_PLANNED: make_t(w, w->real, a); break;
    case RW_EXPANDED:
    case RW_DUAL_WRITE:
    case RW_SWITCHED:
        snprintf(both, sizeof both, "%s, pm %s NULL%s INVISIBLE%s", a, k->type, more,
                 defaults_up(w) ? " DEFAULT (tt)" : "");
        make_t(w, w->real, both);
        break;
    case RW_RETIRED:
        snprintf(both, sizeof both, "tt %s %s %s%s INVISIBLE, %s", k->type, k->null, k->literal, more, b);
        make_t(w, w->real, both);
        break;
    case RW_CONTRACTED:
    case RW_FINISHED: make_t(w, w->real, b); break;
    }
}

static void make_others(ts_conn *c)
{
    ts_do(c, "DROP VIEW IF EXISTS v");
    ts_do(c, "DROP TABLE IF EXISTS s, o, t0");
    ts_do(c,
          "CREATE TABLE s (id INT NOT NULL PRIMARY KEY, v VARCHAR(40) NOT NULL, x VARCHAR(40) NULL, k INT)");
    ts_do(c, "INSERT INTO s VALUES (1, '1', '1', 1), (2, '22', NULL, 2), (7, '77', '5', 7)");
    ts_do(c, "CREATE TABLE o (id INT NOT NULL PRIMARY KEY, tt VARCHAR(40), pm VARCHAR(40))");
    ts_do(c, "INSERT INTO o VALUES (1, '1', '11'), (2, '3', '33')");
    ts_do(c, "CREATE TABLE t0 (id INT NOT NULL PRIMARY KEY, a VARBINARY(200))");
    ts_do(c, "CREATE VIEW v AS SELECT id, v FROM s");
}

/* SHOW CREATE TABLE and VIEW of everything in the connection's schema, as a script. */
static rw_catalog *read_catalog(tw_world *w, ts_conn *c, const char *schema)
{
    static const char *const tables[] = {"t", "s", "o", "t0"};
    char ddl[8192], name[64];
    size_t n = 0;
    b_err err = {0};
    unsigned major = 0, minor = 0, patch = 0;
    rw_server server = {w->server->mariadb ? RW_MARIADB : RW_MYSQL, 0, 0};
    ts_text(c, name, sizeof name, "SELECT VERSION()");
    if (sscanf(name, "%u.%u.%u", &major, &minor, &patch) < 2) ts_die("what version is %s?", name);
    server.version = major * 10000 + minor * 100 + patch;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        ts_result *r = ts_query(c, "SHOW CREATE TABLE %s", tables[i]);
        if (r->error != 0 || r->nrows != 1) ts_die("SHOW CREATE TABLE %s: %s", tables[i], r->message);
        n += (size_t)snprintf(ddl + n, sizeof ddl - n, "%s;\n", r->cells[1]);
        ts_result_free(r);
    }
    n += (size_t)snprintf(ddl + n, sizeof ddl - n, "CREATE VIEW v AS SELECT id, v FROM s;\n");
    rw_catalog_builder *b = rw_catalog_builder_new(server);
    if (b == NULL || rw_catalog_read_ddl(b, b_slice_of(ddl, n), b_slice_str(schema), &err) != B_OK) {
        ts_die("catalogue: %s\n%s", err.msg, ddl);
    }
    return rw_catalog_build(b);
}

static void make_rules(tw_world *w)
{
    b_err err = {0};
    rw_catalog *plain = read_catalog(w, w->plain, "traps_plain");
    w->catalog = read_catalog(w, w->real, "traps_real");
    const rw_table *t = rw_catalog_find(plain, B_LIT("traps_plain"), B_LIT("t"));
    const rw_column *tt = t == NULL ? NULL : rw_table_column(t, B_LIT("tt"));
    if (tt == NULL) ts_die("the catalogue has no column tt");
    rw_pair pair = {.from = B_LIT("tt"),
                    .to = B_LIT("pm"),
                    .plain = *tt,
                    .after = B_LIT("n"),
                    .b_default_up = defaults_up(w),
                    .a_stale = w->state->stale && w->state->phase == RW_SWITCHED};
    rw_migration m = {.name = B_LIT("rename_tt"),
                      .schema = B_LIT("traps_real"),
                      .table = B_LIT("t"),
                      .phase = w->state->phase,
                      .pairs = &pair,
                      .npairs = 1};
    w->rules = rw_ruleset_new(1, w->catalog, &m, 1, &err);
    if (w->rules == NULL) ts_die("ruleset: %s", err.msg);
    rw_catalog_unref(plain);
}

static ts_conn *open_one(const ts_server *s, const char *schema)
{
    ts_conn *c = ts_root(s, NULL);
    ts_do(c, "SET GLOBAL local_infile = 1");
    ts_do(c, "CREATE DATABASE IF NOT EXISTS %s", schema);
    ts_close(c);
    ts_login l = {.host = s->host,
                  .port = s->port,
                  .user = "root",
                  .password = "",
                  .schema = schema,
                  .local_infile = true};
    return ts_connect(&l);
}

void tw_open(tw_world *w, const ts_server *s)
{
    memset(w, 0, sizeof *w);
    w->server = s;
    w->plain = open_one(s, "traps_plain");
    w->real = open_one(s, "traps_real");
    w->arena = b_arena_new(0);
    make_others(w->plain);
    make_others(w->real);
}

static void drop_rules(tw_world *w)
{
    if (w->rules != NULL) rw_ruleset_unref(w->rules);
    if (w->catalog != NULL) rw_catalog_unref(w->catalog);
    w->rules = NULL;
    w->catalog = NULL;
}

void tw_close(tw_world *w)
{
    drop_rules(w);
    ts_do(w->plain, "DROP DATABASE traps_plain");
    ts_do(w->real, "DROP DATABASE traps_real");
    ts_close(w->plain);
    ts_close(w->real);
    b_arena_free(w->arena);
}

void tw_set(tw_world *w, tw_kind kind, const tw_state *state)
{
    drop_rules(w);
    w->kind = kind;
    w->state = state;
    make_tables(w);
    make_rules(w);
}

const char *tw_read_column(const tw_world *w)
{
    return w->state->phase >= RW_SWITCHED ? "pm" : "tt";
}

static const char *first_values(tw_kind k)
{
    switch (k) {
    case TW_NOW:
    case TW_TOUCHED:
        return "(1, 1, '2020-01-01'), (2, 2, '2020-01-02'), (3, 3, '2020-01-03'), (4, 4, '2020-01-04')";
    case TW_ENUM: return "(1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c'), (4, 4, 'a')";
    case TW_NULLABLE:
    case TW_INT_NULL: return "(1, 1, '1'), (2, 2, '2'), (3, 3, '3'), (4, 4, NULL)";
    case TW_VARCHAR:
    case TW_INT:
    case TW_UUID:
    case TW_DECIMAL:
    case TW_PARTITIONED:
    case TW_INDEXED: break;
    }
    return "(1, 1, '1'), (2, 2, '2'), (3, 3, '3'), (4, 4, '4')";
}

static void fill_one(tw_world *w, ts_conn *c, const char *column, const char *sql_mode)
{
    ts_do(c, "SET sql_mode = '" STRICT "'");
    ts_do(c, "DELETE FROM t");
    ts_do(c, "INSERT INTO t (id, n, %s) VALUES %s", column, first_values(w->kind));
    if (c == w->real && w->state->phase >= RW_EXPANDED && w->state->phase <= RW_SWITCHED) {
        bool empty = w->state->stale && w->state->phase == RW_DUAL_WRITE;
        ts_do(c, "UPDATE t SET ts = '2000-01-01', tt = tt, pm = %s",
              empty || w->state->phase == RW_EXPANDED ? "NULL" : "tt");
    }
    if (c == w->real && w->state->stale && w->state->phase == RW_SWITCHED) {
        ts_do(c, "UPDATE t SET ts = '2000-01-01', pm = pm, tt = %s",
              kinds[w->kind].literal + sizeof "DEFAULT");
    }
    ts_do(c, "UPDATE s SET k = id");
    ts_do(c, "DELETE FROM o");
    ts_do(c, "INSERT INTO o VALUES (1, '1', '11'), (2, '3', '33')");
    ts_do(c, "DELETE FROM t0");
    ts_do(c, "INSERT INTO t0 SELECT id, CAST(%s AS BINARY) FROM t",
          c == w->real && w->state->phase == RW_SWITCHED ? "pm" : column);
    ts_do(c, "SET sql_mode = '%s'", sql_mode == NULL ? STRICT : sql_mode);
    ts_do(c, "SET timestamp = 1600000000");
}

void tw_fill(tw_world *w, const char *sql_mode)
{
    fill_one(w, w->plain, "tt", sql_mode);
    fill_one(w, w->real, w->state->phase >= RW_RETIRED ? "pm" : "tt", sql_mode);
}
