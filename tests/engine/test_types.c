/* Columns of many types, nullable or not, with each kind of default, walked through all phases: there, back
 * from retired once, and to the end. What counts is what stands in the database: the rows, and a table whose
 * SHOW CREATE TABLE is that of one which had the new name from the start. The same for key types, two pairs
 * in one migration, and indexes. Servers as in test_engine.c. */
#include "migrate/db.h"
#include "migrate/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MYSQL = 1, MARIADB = 2, BOTH = 3 };

typedef struct fixture {
    int server;
    char address[100], host[80];
    uint16_t port;
    mig_db *db;
    cfg_config config;
    mig_engine *engine;
    b_log log;
    const char *label;
} fixture;

typedef struct example {
    int servers;
    const char *label, *column; /* what follows the column's name */
    const char *values;         /* three rows' worth, by commas outside of brackets: (v), (v), (v) */
    const char *prefix;         /* of an index over it, where the type asks for one; NULL: no index */
} example;

static const example examples[] = {
    {BOTH, "int", "INT NOT NULL", "1|-2|0", ""},
    {BOTH, "int null default", "INT NULL DEFAULT 7", "1|NULL|0", ""},
    {BOTH, "bigint", "BIGINT UNSIGNED NOT NULL DEFAULT 18446744073709551615", "0|18446744073709551615|5", ""},
    {BOTH, "decimal", "DECIMAL(20,5) NOT NULL DEFAULT '-1.50000'", "1.00001|-2|0", ""},
    {BOTH, "double", "DOUBLE NULL DEFAULT 0.1", "0.1|-1e300|NULL", ""},
    {BOTH, "float", "FLOAT NOT NULL", "0.1|2.5|-3", ""},
    {BOTH, "varchar", "VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT 'it''s \\\\ ü'",
     "'a'|'A '|'ü'", "(10)"},
    {BOTH, "varchar empty", "VARCHAR(50) NOT NULL DEFAULT ''", "'a'|''|' '", ""},
    {BOTH, "varchar null word", "VARCHAR(50) NULL DEFAULT 'NULL'", "'a'|NULL|'NULL'", ""},
    {BOTH, "latin1", "VARCHAR(50) CHARACTER SET latin1 COLLATE latin1_swedish_ci NULL", "'a'|NULL|'ä'", ""},
    {BOTH, "char", "CHAR(10) CHARACTER SET latin1 COLLATE latin1_general_cs NOT NULL DEFAULT 'x'",
     "'a'|''|'b'", ""},
    {BOTH, "text", "TEXT NOT NULL", "'a'|''|'A'", "(5)"},
    {BOTH, "text null", "MEDIUMTEXT NULL", "'a'|NULL|'A'", "(5)"},
    {BOTH, "text expression", "TEXT NOT NULL DEFAULT ('x')", "'a'|''|'A'", NULL},
    {BOTH, "blob", "BLOB NULL", "'a'|NULL|x'00ff'", "(5)"},
    {BOTH, "json", "JSON NULL", "'{\"a\": 1}'|NULL|'[]'", NULL},
    {BOTH, "json not null", "JSON NOT NULL", "'{\"a\": 1}'|'1'|'[]'", NULL},
    {BOTH, "enum", "ENUM('b','a','it''s') NOT NULL", "'a'|'b'|'it''s'", ""},
    {BOTH, "enum default", "ENUM('b','a') NULL DEFAULT 'a'", "'a'|NULL|'b'", ""},
    {BOTH, "set", "SET('x','y') NOT NULL DEFAULT 'x,y'", "'x'|''|'x,y'", ""},
    {BOTH, "date", "DATE NOT NULL DEFAULT '2001-02-03'", "'2020-01-01'|'1000-01-01'|'9999-12-31'", ""},
    {BOTH, "datetime", "DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)",
     "'2020-01-01 00:00:00.123'|'2020-01-01'|'1999-01-01'", ""},
    {BOTH, "on update", "DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)",
     "'2020-01-01 00:00:00.123'|'2020-01-01'|'1999-01-01'", ""},
    {BOTH, "on update null", "DATETIME NULL ON UPDATE CURRENT_TIMESTAMP", "NULL|'2020-01-01'|'1999-01-01'",
     ""},
    {BOTH, "on update literal",
     "TIMESTAMP(3) NULL DEFAULT '2020-03-04 05:06:07' ON UPDATE CURRENT_TIMESTAMP(3)",
     "NULL|'2020-01-01'|'1999-01-01'", ""},
    {MYSQL, "on update timestamp", "TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
     "'2020-01-01 01:02:03'|'2020-01-01'|'1999-01-01'", ""},
    {BOTH, "datetime none", "DATETIME NULL", "NULL|'2020-01-01'|'1999-01-01'", ""},
    {MYSQL, "timestamp", "TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP",
     "'2020-01-01 01:02:03'|'2020-01-01'|'1999-01-01'", ""},
    {BOTH, "timestamp literal", "TIMESTAMP NULL DEFAULT '2020-03-04 05:06:07'",
     "NULL|'2020-01-01'|'1999-01-01'", ""},
    {MYSQL, "timestamp not null", "TIMESTAMP NOT NULL", "'2021-02-03'|'2020-01-01'|'1999-01-01'", ""},
    {MYSQL, "timestamp not null literal", "TIMESTAMP NOT NULL DEFAULT '2020-03-04 05:06:07'",
     "'2021-02-03'|'2020-01-01'|'1999-01-01'", ""},
    {BOTH, "time", "TIME NOT NULL DEFAULT '-10:00:00'", "'10:00:00'|'00:00:00'|'-838:59:59'", ""},
    {BOTH, "year", "YEAR NOT NULL DEFAULT 2000", "2001|1999|2155", ""},
    {BOTH, "bit", "BIT(5) NOT NULL DEFAULT b'101'", "b'1'|b'0'|b'11111'", ""},
    {BOTH, "binary", "BINARY(16) NOT NULL", "x'00112233445566778899aabbccddeeff'|''|'a'", ""},
    {BOTH, "varbinary", "VARBINARY(20) NOT NULL DEFAULT 'ab'", "x'00ff'|''|'a '", ""},
    {BOTH, "expression", "INT NOT NULL DEFAULT (1 + 2)", "1|2|3", ""},
    {BOTH, "expression text", "VARCHAR(60) NULL DEFAULT (CONCAT('it''s', CHAR(92)))", "'a'|NULL|'b'", ""},
    {BOTH, "uuid text", "CHAR(36) NOT NULL DEFAULT (UUID())", "'a'|'b'|'c'", ""},
    {MARIADB, "uuid", "UUID NOT NULL", "'123e4567-e89b-12d3-a456-426655440000'|UUID()|UUID()", ""},
    {MARIADB, "inet6", "INET6 NULL", "'::1'|NULL|'::'", ""},
};

/* ---- the host: it has every ruleset at once, and holds nothing ---- */

static void host_publish(void *ctx, rw_ruleset *r)
{
    (void)ctx, (void)r;
}

static bool host_clean(void *ctx, uint64_t epoch, mig_holder *who)
{
    (void)ctx, (void)epoch, (void)who;
    return true;
}

static void host_set_live(void *ctx, bool live)
{
    (void)ctx, (void)live;
}

static void host_drop(void *ctx)
{
    (void)ctx;
}

static void host_each_use(void *ctx, void (*each)(void *arg, const mig_use *u), void *arg)
{
    (void)ctx, (void)each, (void)arg;
}

static uint64_t host_p99(void *ctx, const char *schema, const char *table)
{
    (void)ctx, (void)schema, (void)table;
    return 0;
}

/* ---- helpers ---- */

static const mig_actor tester = {"tester", "127.0.0.1"};

static void run(fixture *f, const char *sql)
{
    b_err err = {0};
    if (mig_db_query(f->db, sql, NULL, &err) != B_OK) fail_msg("%s: %s", f->label, err.msg);
}

static void scalar(fixture *f, const char *sql, char *buf, size_t size)
{
    b_err err = {0};
    if (mig_db_scalar(f->db, sql, buf, size, &err) != B_OK) fail_msg("%s: %s", f->label, err.msg);
}

static void expect_number(fixture *f, const char *want, const char *sql)
{
    char got[64];
    scalar(f, sql, got, sizeof got);
    if (strcmp(got, want) != 0) fail_msg("%s: %s instead of %s from %s", f->label, got, want, sql);
}

static void wait_true(fixture *f, const char *sql)
{
    char got[64] = "";
    for (int i = 0; i < 2400 && strcmp(got, "1") != 0; i++) {
        if (i > 0) usleep(25000);
        scalar(f, sql, got, sizeof got);
    }
    if (strcmp(got, "1") == 0) return;
    char error[1100] = "";
    scalar(f, "SELECT COALESCE(MAX(last_error), '') FROM straddle.migrations", error, sizeof error);
    fail_msg("%s: did not come true: %s; last_error: %s", f->label, sql, error);
}

#define COMPLETE "SELECT state = 'complete' FROM straddle.backfill WHERE migration = 'm'"

static void advance(fixture *f, const char *to)
{
    b_err err = {0};
    b_table *out = b_table_new();
    if (mig_advance(f->engine, "m", to, false, &tester, out, &err) != B_OK)
        fail_msg("%s: ADVANCE TO %s: %s", f->label, to, err.msg);
    b_table_free(out);
}

static void rollback(fixture *f, const char *to)
{
    b_err err = {0};
    b_table *out = b_table_new();
    if (mig_rollback(f->engine, "m", to, &tester, out, &err) != B_OK)
        fail_msg("%s: ROLLBACK TO %s: %s", f->label, to, err.msg);
    b_table_free(out);
}

static void apply(fixture *f, cfg_pair *pairs, size_t n)
{
    b_err err = {0};
    char name[] = "m", schema[] = "t_types", table[] = "t", empty[] = "";
    cfg_migration m = {.name = name,
                       .schema = schema,
                       .table = table,
                       .columns = pairs,
                       .ncolumns = n,
                       .gate_ms = 1000,
                       .source = empty,
                       .file = empty};
    cfg_pace_defaults(&m.pace);
    m.pace.chunk_rows = 1000;
    if (mig_apply(f->engine, &m, &tester, &err) != B_OK) fail_msg("%s: APPLY: %s", f->label, err.msg);
}

static void take_off(fixture *f)
{
    b_err err = {0};
    if (mig_remove(f->engine, "m", &tester, &err) != B_OK) fail_msg("%s: REMOVE: %s", f->label, err.msg);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One line a column, in their order, then the keys, in that of their text: the server lists them by age. */
static void definition(fixture *f, const char *table, char *buf, size_t size)
{
    char sql[100], text[4000], *keys[32], *rest = NULL;
    size_t nkeys = 0, n = 0;
    b_err err = {0};
    b_table *t = NULL;
    snprintf(sql, sizeof sql, "SHOW CREATE TABLE t_types.%s", table);
    if (mig_db_query(f->db, sql, &t, &err) != B_OK) fail_msg("%s: %s", f->label, err.msg);
    snprintf(text, sizeof text, "%.*s", B_ARG(b_table_cell(t, 0, 1)));
    b_table_free(t);
    buf[0] = '\0';
    (void)strtok_r(text, "\n", &rest); /* CREATE TABLE name */
    for (char *line; (line = strtok_r(NULL, "\n", &rest)) != NULL && nkeys < 32;) {
        size_t len = strlen(line);
        if (len > 0 && line[len - 1] == ',') line[len - 1] = '\0';
        if (strncmp(line, "  `", 3) == 0)
            n += (size_t)snprintf(buf + n, size - n, "%s\n", line);
        else
            keys[nkeys++] = line;
    }
    qsort(keys, nkeys, sizeof *keys, by_text);
    for (size_t i = 0; i < nkeys; i++) n += (size_t)snprintf(buf + n, size - n, "%s\n", keys[i]);
}

static void same_definition(fixture *f, const char *when, const char *a, const char *b)
{
    char got[4000], want[4000];
    definition(f, a, got, sizeof got);
    definition(f, b, want, sizeof want);
    if (strcmp(got, want) != 0)
        fail_msg("%s: %s the table is\n%s\ninstead of\n%s", f->label, when, got, want);
}

/* There, back to planned from retired, there again. */
static void walk(fixture *f, const char *rows)
{
    advance(f, "dual_write");
    wait_true(f, COMPLETE);
    advance(f, "retired");
    rollback(f, "switched");
    wait_true(f, "SELECT a_trusted FROM straddle.migrations WHERE name = 'm'");
    wait_true(f, COMPLETE);
    rollback(f, "planned");
    same_definition(f, "back in planned", "t", "old_plain");
    advance(f, "dual_write");
    wait_true(f, COMPLETE);
    advance(f, "finished");
    same_definition(f, "at the end", "t", "new_plain");
    expect_number(f, "0", rows);
    take_off(f);
}

/* ---- A of many types ---- */

/* What a test that failed has left. */
static int clean(void **state)
{
    fixture *f = *state;
    b_err err = {0};
    if (mig_remove(f->engine, "m", &tester, &err) == B_OK || err.code == B_NOT_FOUND) return 0;
    run(f, "DELETE FROM straddle.migrations");
    run(f, "DELETE FROM straddle.migration_columns");
    run(f, "DELETE FROM straddle.backfill");
    return 0;
}

static void create(fixture *f, const char *table, const char *name, const example *x)
{
    char sql[1200], index[200] = "";
    if (x->prefix != NULL)
        snprintf(index, sizeof index, ", KEY k (%s%s), UNIQUE KEY u (x, %s%s)", name, x->prefix, name,
                 x->prefix);
    snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS t_types.%s", table);
    run(f, sql);
    snprintf(
        sql, sizeof sql,
        "CREATE TABLE t_types.%s (id INT NOT NULL PRIMARY KEY, x INT NULL, %s %s COMMENT 'what''s it', y INT "
        "NULL%s)",
        table, name, x->column, index);
    run(f, sql);
}

static void fill(fixture *f, const example *x)
{
    int id = 1;
    for (const char *at = x->values; *at != '\0'; id++) {
        char sql[400];
        size_t n = strcspn(at, "|");
        snprintf(sql, sizeof sql, "INSERT INTO t_types.t (id, x, kind) VALUES (%d, %d, %.*s)", id, id, (int)n,
                 at);
        run(f, sql);
        at += n + (at[n] == '|' ? 1 : 0);
    }
    run(f, "DROP TABLE IF EXISTS t_types.saved");
    run(f, "CREATE TABLE t_types.saved AS SELECT id, kind FROM t_types.t");
}

static void each_type(void **state)
{
    fixture *f = *state;
    char a[] = "kind", b[] = "method";
    const char *types = getenv("STRADDLE_TYPES");
    bool all = types != NULL && strcmp(types, "all") == 0; /* else one server each */
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const example *x = &examples[i];
        if ((x->servers & f->server) == 0) continue;
        if (x->servers == BOTH && !all && (i % 2 == 0) != (f->server == MYSQL)) continue;
        f->label = x->label;
        create(f, "t", a, x);
        create(f, "old_plain", a, x);
        create(f, "new_plain", b, x);
        fill(f, x);
        apply(f, &(cfg_pair){.from = a, .to = b}, 1);
        walk(f, "SELECT COUNT(*) FROM t_types.saved s JOIN t_types.t USING (id) WHERE NOT (HEX(s.kind) <=> "
                "HEX(t.method))");
    }
}

/* ---- keys ---- */

static void each_key(void **state)
{
    static const struct {
        const char *label, *columns, *key, *rows;
    } keys[] = {
        {"enum key", "k ENUM('z','b','a') NOT NULL", "k", "('a'), ('z'), ('b')"},
        {"bit key", "k BIT(40) NOT NULL", "k", "(b'0'), (b'1'), (1099511627775)"},
        {"timestamp key", "k TIMESTAMP(3) NOT NULL DEFAULT '2020-01-01'", "k",
         "('2020-06-01 00:00:00.001'), ('2020-06-01 00:00:00.002'), ('1999-01-01')"},
        {"date key", "k DATE NOT NULL", "k", "('2020-01-01'), ('1000-01-01'), ('9999-12-31')"},
        {"decimal key", "k DECIMAL(30,10) NOT NULL", "k",
         "(-1), (0.0000000001), (12345678901234567890.0123456789)"},
        {"varbinary key", "k VARBINARY(20) NOT NULL", "k", "(x''), (x'00'), (x'0000'), (x'ff27')"},
        {"char key", "k CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL", "k",
         "(''), ('a'), ('B'), ('ß'), ('it''s')"},
        {"latin1 key", "k VARCHAR(5) CHARACTER SET latin1 NOT NULL", "k", "('ä'), ('z'), ('A')"},
        {"three columns", "k INT NOT NULL, l VARCHAR(5) NOT NULL, m DATE NOT NULL", "l, k, m",
         "(1, 'a', '2020-01-01'), (1, 'a', '2020-01-02'), (2, 'a', '2020-01-01'), (1, 'b', '2020-01-01')"},
        {"prefix key", "k TEXT NOT NULL", "k(10)", "('a'), ('b'), ('abcdefghijk')"},
    };
    fixture *f = *state;
    char a[] = "kind", b[] = "method", sql[600], want[32];
    b_err err = {0};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        f->label = keys[i].label;
        run(f, "DROP TABLE IF EXISTS t_types.t");
        snprintf(sql, sizeof sql,
                 "CREATE TABLE t_types.t (%s, kind VARCHAR(9) NOT NULL DEFAULT 'v', PRIMARY KEY (%s))",
                 keys[i].columns, keys[i].key);
        run(f, sql);
        snprintf(sql, sizeof sql, "INSERT INTO t_types.t (%s) VALUES %s",
                 strcmp(keys[i].key, "l, k, m") == 0 ? "k, l, m" : "k", keys[i].rows);
        run(f, sql);
        apply(f, &(cfg_pair){.from = a, .to = b}, 1);
        assert_int_equal(mig_set(f->engine, "m", "chunk_rows", "1", &tester, &err), B_OK);
        advance(f, "dual_write");
        wait_true(f, COMPLETE);
        scalar(f, "SELECT COUNT(*) FROM t_types.t", want, sizeof want);
        expect_number(f, want, "SELECT COUNT(*) FROM t_types.t WHERE method = 'v'");
        expect_number(f, want, "SELECT rows_done FROM straddle.backfill WHERE migration = 'm'");
        rollback(f, "planned");
        take_off(f);
    }
}

/* ---- two pairs, many indexes ---- */

static void plain(fixture *f, const char *table, const char *a, const char *b)
{
    char sql[900];
    snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS t_types.%s", table);
    run(f, sql);
    snprintf(
        sql, sizeof sql,
        "CREATE TABLE t_types.%s (%s INT NOT NULL, id INT NOT NULL PRIMARY KEY, n INT NOT NULL, %s "
        "VARCHAR(40) NULL DEFAULT 'z', UNIQUE KEY both_of_them (%s, %s), KEY part (%s(7)), KEY many (n, %s, "
        "%s(3)), KEY down (%s DESC, n), KEY n_only (n), UNIQUE KEY third (n, id, %s))",
        table, a, b, a, b, b, a, b, a, b);
    run(f, sql);
}

static void two_pairs_with_indexes(void **state)
{
    fixture *f = *state;
    char a[] = "kind", b[] = "method", c[] = "word", d[] = "phrase";
    cfg_pair pairs[] = {{.from = a, .to = b}, {.from = c, .to = d}};
    f->label = "two pairs";
    plain(f, "t", a, c);
    plain(f, "old_plain", a, c);
    plain(f, "new_plain", b, d);
    run(f,
        "INSERT INTO t_types.t (kind, id, n, word) VALUES (1, 1, 1, 'a'), (2, 2, 2, NULL), (3, 3, 3, 'A')");
    apply(f, pairs, 2);
    walk(f,
         "SELECT 3 - COUNT(*) FROM t_types.t WHERE method = id AND CAST(phrase AS BINARY) <=> ELT(id, 'a', "
         "NULL, 'A')");
}

/* What PLAN prints can be run as it stands, in its order. */
static void plan_is_runnable(void **state)
{
    fixture *f = *state;
    char a[] = "kind", b[] = "method", c[] = "word", d[] = "phrase";
    cfg_pair pairs[] = {{.from = a, .to = b}, {.from = c, .to = d}};
    b_err err = {0};
    b_table *out = b_table_new();
    f->label = "plan";
    plain(f, "t", a, c);
    run(f,
        "INSERT INTO t_types.t (kind, id, n, word) VALUES (1, 1, 1, 'a'), (2, 2, 2, NULL), (3, 3, 3, 'A')");
    apply(f, pairs, 2);
    if (mig_plan(f->engine, "m", NULL, out, &err) != B_OK) fail_msg("PLAN: %s", err.msg);
    run(f, "SET SESSION sql_mode = 'STRICT_TRANS_TABLES'");
    for (size_t i = 0; i < b_table_rows(out); i++) {
        b_slice sql = b_table_cell(out, i, 2);
        if (!b_slice_istarts(sql, B_LIT("--"))) run(f, sql.p);
    }
    expect_number(f, "3", "SELECT COUNT(*) FROM t_types.t WHERE method = id");
    expect_number(
        f, "0",
        "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 't_types' AND TABLE_NAME "
        "= 't' AND (COLUMN_NAME IN ('kind', 'word') OR EXTRA LIKE '%INVISIBLE%')");
    b_table_free(out);
    take_off(f);
}

/* ---- set-up ---- */

static int setup(void **state, const char *env, int server)
{
    const char *address = getenv(env), *colon = address == NULL ? NULL : strrchr(address, ':');
    static char root[] = "root", empty[] = "";
    b_err err = {0};
    *state = NULL;
    if (colon == NULL) {
        fprintf(stderr, "%s is not set to host:port: this test needs real servers (tests/servers)\n", env);
        return -1;
    }
    fixture *f = calloc(1, sizeof *f);
    if (f == NULL) return -1;
    f->server = server, f->label = env;
    snprintf(f->address, sizeof f->address, "%s", address);
    snprintf(f->host, sizeof f->host, "%.*s", (int)(colon - address), address);
    f->port = (uint16_t)atoi(colon + 1);
    b_log_init(&f->log, 2, getenv("STRADDLE_TEST_VERBOSE") == NULL ? B_ERROR : B_DEBUG);
    f->config = (cfg_config){.backend = {.address = {.text = f->address, .host = f->host, .port = f->port},
                                         .user = root,
                                         .password = empty},
                             .phase_timeout_ms = 5000,
                             .lease_ms = 10000,
                             .poll_ms = 50,
                             .connect_timeout_ms = 5000};
    mig_db_options o = {.host = f->host, .port = f->port, .user = "root", .password = ""};
    if (mig_db_open(&o, &f->db, &err) != B_OK) fail_msg("%s", err.msg);
    run(f, "DROP DATABASE IF EXISTS straddle");
    run(f, "DROP DATABASE IF EXISTS t_types");
    run(f, "CREATE DATABASE t_types CHARACTER SET utf8mb4");
    mig_host host = {.ctx = f,
                     .publish = host_publish,
                     .clean = host_clean,
                     .set_live = host_set_live,
                     .drop_sessions = host_drop,
                     .each_use = host_each_use,
                     .table_p99_us = host_p99};
    f->engine = mig_engine_new(&f->config, &host, &f->log, &err);
    if (f->engine == NULL || mig_engine_start(f->engine, &err) != B_OK) fail_msg("start: %s", err.msg);
    *state = f;
    return 0;
}

static int setup_mysql(void **state)
{
    return setup(state, "STRADDLE_TEST_MYSQL", MYSQL);
}

static int setup_mariadb(void **state)
{
    return setup(state, "STRADDLE_TEST_MARIADB", MARIADB);
}

static int teardown(void **state)
{
    fixture *f = *state;
    if (f == NULL) return 0;
    mig_engine_free(f->engine);
    mig_db_close(f->db);
    free(f);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_type, clean),
        cmocka_unit_test_setup(each_key, clean),
        cmocka_unit_test_setup(two_pairs_with_indexes, clean),
        cmocka_unit_test_setup(plan_is_runnable, clean),
    };
    int failures = cmocka_run_group_tests_name("mysql", tests, setup_mysql, teardown);
    return failures + cmocka_run_group_tests_name("mariadb", tests, setup_mariadb, teardown);
}
