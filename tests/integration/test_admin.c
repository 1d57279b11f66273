/* The admin port of a running proxy, through a real client: logins and roles, every command with the columns
 * that HELP tells, what is refused and with which words, gates, usage, history, reload and KILL. */
#include "shop.h"

#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define M SHOP_MIGRATION
#define PLANNED "planned"

static ts_conn *login(const shop *f, const char *user, const char *password, char why[512])
{
    return ts_try_connect(
        &(ts_login){.host = "127.0.0.1", .port = f->proxy.port_admin, .user = user, .password = password},
        why);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* ---- logins ---- */

static MYSQL *by_plugin(const shop *f, const char *plugin, const char *password)
{
    MYSQL *m = mysql_init(NULL);
    mysql_options(m, MYSQL_DEFAULT_AUTH, plugin);
    if (mysql_real_connect(m, "127.0.0.1", "admin", password, NULL, f->proxy.port_admin, NULL, 0) != NULL)
        return m;
    mysql_close(m);
    return NULL;
}

static void check_logins(shop *f)
{
    static const char *const wrong[][2] = {{"admin", "wrong"}, {"admin", ""}, {"nobody", "admin"}, {"", ""}};
    static const char *const plugins[] = {"mysql_native_password", "caching_sha2_password"};
    char why[512];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ts_conn *c = login(f, wrong[i][0], wrong[i][1], why);
        if (c != NULL || strstr(why, "1045") == NULL) fail_msg("'%s': %s", wrong[i][0], why);
    }
    for (size_t i = 0; i < 2; i++) {
        MYSQL *m = by_plugin(f, plugins[i], "admin");
        if (m == NULL) fail_msg("no login by %s", plugins[i]);
        assert_int_equal(mysql_query(m, "SHOW MIGRATIONS"), 0);
        mysql_free_result(mysql_store_result(m));
        mysql_close(m);
        m = by_plugin(f, plugins[i], "wrong");
        if (m != NULL) fail_msg("a wrong password passes by %s", plugins[i]);
    }
}

/* ---- every command, and the columns that HELP says it has ---- */

typedef struct example {
    const char *form, *sql;
    unsigned error; /* 0: it must succeed */
} example;

/* In an order in which they can be done; the backfill waits (max_threads_running 1) until it is set free. */
static const example examples[] = {
    {"HELP [command...]", "HELP", 0},
    {"APPLY MIGRATION yaml",
     "APPLY MIGRATION 'name: " M "\ntable: t_mig.transactions\ncolumns:\n  - {from: transaction_type, to: "
     "payment_method}\nobserve_days: 0\n'",
     0},
    {"REMOVE MIGRATION name", "remove migration " M, 0},
    {"APPLY MIGRATION FROM FILE path", "APPLY MIGRATION FROM FILE '%s/m.yaml'", 0},
    {"SHOW MIGRATIONS", "SHOW MIGRATIONS;", 0},
    {"SHOW MIGRATION name", "show  Migration `" M "`", 0},
    {"CHECK MIGRATION name", "CHECK MIGRATION " M, 0},
    {"PLAN MIGRATION name", "PLAN MIGRATION '" M "'", 0},
    {"PLAN MIGRATION name FORMAT flyway|liquibase|sql", "PLAN MIGRATION " M " FORMAT flyway", 0},
    {"PLAN MIGRATION name FORMAT flyway|liquibase|sql", "PLAN MIGRATION " M " FORMAT Liquibase", 0},
    {"PLAN MIGRATION name FORMAT flyway|liquibase|sql", "PLAN MIGRATION " M " FORMAT sql", 0},
    {"ADVISE MIGRATION name", "ADVISE MIGRATION " M, 0},
    {"ADVANCE MIGRATION name [TO phase] [FORCE]", "ADVANCE MIGRATION " M " TO dual_write", 0},
    {"ROLLBACK MIGRATION name [TO phase]", "ROLLBACK MIGRATION " M " TO expanded", 0},
    {"ADVANCE MIGRATION name [TO phase] [FORCE]", "ADVANCE MIGRATION " M, 0},
    {"PAUSE BACKFILL name", "PAUSE BACKFILL " M, 0},
    {"RESUME BACKFILL name", "RESUME BACKFILL " M, 0},
    {"SHOW BACKFILL name", "SHOW BACKFILL " M, 0},
    {"SET BACKFILL name setting = value", "SET BACKFILL " M " max_threads_running = 0", 0},
    {"SET GUARD name none|watch|triggers", "SET GUARD " M " none", 0},
    {"SHOW GUARD", "SHOW GUARD", 0},
    {"SHOW BYPASS name", "SHOW BYPASS " M, 0},
    {"REPAIR BYPASS name", "REPAIR BYPASS " M, 0},
    {"SHOW REHEARSALS", "SHOW REHEARSALS", 0},
    {"VERIFY MIGRATION name [REPAIR]", "VERIFY MIGRATION " M " REPAIR", 0},
    {"SHOW DIFFERENCES name", "SHOW DIFFERENCES " M, 0},
    {"SHOW SHADOW READS name", "SHOW SHADOW READS " M, 0},
    {"SHOW RECHECK", "SHOW RECHECK", 0},
    {"CREATE RULE yaml", "CREATE RULE `{name: r, text: 'x y', action: count}`", 0},
    {"ALTER RULE yaml", "ALTER RULE '{name: r, text: x  y, action: log}'", 0},
    {"SHOW REGEX RULES", "SHOW REGEX RULES", 0},
    {"DISABLE RULE name", "DISABLE RULE r", 0},
    {"ENABLE RULE name", "ENABLE RULE r", 0},
    {"EXPLAIN REWRITE [AS user] [VERSION old|new|both] [SCHEMA schema] [PHASE phase] [PROGRAM program] [RULE "
     "rule] "
     "sql...",
     "EXPLAIN REWRITE SCHEMA t_mig SELECT payment_method FROM transactions", 0},
    {"DROP RULE name", "DROP RULE r", 0},
    {"SHOW USAGE", "SHOW USAGE", 0},
    {"SHOW RULES", "SHOW RULES", 0},
    {"DISABLE MIGRATION name", "DISABLE MIGRATION " M, 0},
    {"ENABLE MIGRATION name", "ENABLE MIGRATION " M, 0},
    {"SHOW REFUSALS", "SHOW REFUSALS", 0},
    {"SHOW CLIENTS", "SHOW CLIENTS", 0},
    {"SHOW INSTANCES", "SHOW INSTANCES", 0},
    {"SHOW STATS", "SHOW STATS", 0},
    {"SHOW CONFIG", "SHOW CONFIG", 0},
    {"EXPORT HISTORY [name]", "EXPORT HISTORY", 0},
    {"EXPORT HISTORY [name]", "EXPORT HISTORY " M, 0},
    {"SHOW HISTORY [name]", "SHOW HISTORY", 0},
    {"SHOW HISTORY [name]", "SHOW HISTORY " M, 0},
    {"RELOAD CONFIG", "RELOAD CONFIG", 0},
    {"EXPLAIN ROLLBACK name [TO phase]", "EXPLAIN ROLLBACK " M, 0},
    {"EXPLAIN ROLLBACK name [TO phase]", "EXPLAIN ROLLBACK " M " TO planned", 0},
    {"ABORT MIGRATION name", "ABORT MIGRATION " M, 0},
    {"SET LOG LEVEL debug|info|warn|error", "SET LOG LEVEL Warn", 0},
    {"KILL QUERY id", "KILL QUERY 1", 1235},
    {"KILL [CONNECTION] id", "KILL CONNECTION 999999", 1305},
    {"SHUTDOWN", NULL, 0}, /* by the test that ends so */
};
enum { EXAMPLES = sizeof examples / sizeof *examples };

static void columns_of(const ts_result *r, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < r->ncols && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i == 0 ? "" : ",", r->names[i]);
}

static const char *help_of(const ts_result *help, const char *form)
{
    for (size_t i = 0; i < help->nrows; i++)
        if (strcmp(ts_cell(help, i, "form"), form) == 0) return ts_cell(help, i, "columns");
    fail_msg("HELP does not have the form \"%s\"", form);
    return NULL;
}

static void run_example(shop *f, const ts_result *help, const example *e)
{
    char sql[600], got[900];
    if (e->sql == NULL) return;
    if (strstr(e->sql, "%s") != NULL)
        snprintf(sql, sizeof sql, "APPLY MIGRATION FROM FILE '%s/m.yaml'", f->proxy.dir);
    else
        snprintf(sql, sizeof sql, "%s", e->sql);
    if (strncmp(sql, "VERIFY", 6) == 0) ts_wait_backfill(f->admin, M);
    ts_result *r = ts_query(f->admin, "%s", sql);
    if (r->error != e->error) fail_msg("%s: %u %s", sql, r->error, r->message);
    columns_of(r, got, sizeof got);
    if (r->error == 0 && strcmp(got, help_of(help, e->form)) != 0)
        fail_msg("%s has the columns\n%s\nbut HELP says\n%s", sql, got, help_of(help, e->form));
    ts_result_free(r);
}

static void check_every_command(shop *f)
{
    char path[200];
    snprintf(path, sizeof path, "%s/m.yaml", f->proxy.dir);
    write_file(path, "name: " M "\ntable: t_mig.transactions\ncolumns:\n  - {from: transaction_type, to: "
                     "payment_method}\nobserve_days: 0\nbackfill: {max_threads_running: 1}\n");
    ts_result *help = ts_query(f->admin, "HELP");
    assert_int_equal(help->error, 0);
    for (size_t i = 0; i < help->nrows; i++) { /* a new command must come here, too */
        size_t k = 0;
        while (k < EXAMPLES && strcmp(examples[k].form, ts_cell(help, i, "form")) != 0) k++;
        if (k == EXAMPLES) fail_msg("no example of %s", ts_cell(help, i, "form"));
    }
    for (size_t k = 0; k < EXAMPLES; k++) run_example(f, help, &examples[k]);
    ts_result_free(help);
    remove(path);
}

/* ---- wrong commands, wrong names, roles ---- */

static void check_wrong(shop *f)
{
    static const struct {
        const char *sql;
        unsigned error;
        const char *part;
    } rows[] = {
        {"FROB", 1064, "HELP"},
        {"SHOW MIGRATOINS", 1064, "SHOW MIGRATIONS"},
        {"ADVANCE " M, 1064, "ADVANCE MIGRATION name [TO phase] [FORCE]"},
        {"ADVANCE MIGRATION", 1064, "ADVANCE MIGRATION name [TO phase] [FORCE]"},
        {"ADVANCE MIGRATION " M " TO", 1064, "ADVANCE MIGRATION name [TO phase] [FORCE]"},
        {"ADVANCE MIGRATION " M " TO expanded NOW", 1064, "ADVANCE MIGRATION name [TO phase] [FORCE]"},
        {"SET BACKFILL " M " speed = 3", 1210, "there are chunk_rows, parallel_ranges"},
        {"ADVANCE MIGRATION " M " TO nowhere", 1210, "planned, expanded, dual_write"},
        {"ADVANCE MIGRATION " M " TO planned; SHOW STATS", 1064, ""},
        {"SET BACKFILL " M " chunk_rows = 0", 1210, "1 to 1000000"},
        {"SET BACKFILL " M " chunk_rows = many", 1210, "many"},
        {"KILL x", 1210, "SHOW CLIENTS"},
        {"HELP FROB", 1305, "HELP alone"},
        {"ROLLBACK MIGRATION " M, 1235, "planned"},
        {"PAUSE BACKFILL " M, 1235, "not running"},
        {"VERIFY MIGRATION " M, 1235, "dual_write"},
        {"APPLY MIGRATION FROM FILE 'nowhere.yaml'", 1210, "nowhere.yaml"},
    };
    static const char *const named[] = {"SHOW MIGRATION none",
                                        "ADVANCE MIGRATION none",
                                        "ROLLBACK MIGRATION none",
                                        "PAUSE BACKFILL none",
                                        "RESUME BACKFILL none",
                                        "VERIFY MIGRATION none",
                                        "REMOVE MIGRATION none",
                                        "CHECK MIGRATION none",
                                        "PLAN MIGRATION none",
                                        "DISABLE MIGRATION none",
                                        "SET BACKFILL none chunk_rows = 1"};
    shop_apply(f, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        shop_expect(f->admin, rows[i].sql, rows[i].error, rows[i].part);
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) shop_expect(f->admin, named[i], 1305, "none");
    char phase[64];
    assert_string_equal(shop_cell(f->admin, "SHOW MIGRATION " M, "phase", phase, sizeof phase), PLANNED);
}

static void check_roles(shop *f)
{
    char why[512], sql[700];
    ts_conn *reader = login(f, "reader", "reader", why);
    if (reader == NULL) fail_msg("%s", why);
    shop_apply(f, NULL);
    ts_result *help = ts_query(reader, "HELP");
    for (size_t k = 0; k < EXAMPLES; k++) {
        const char *role = NULL;
        for (size_t i = 0; i < help->nrows; i++)
            if (strcmp(ts_cell(help, i, "form"), examples[k].form) == 0) role = ts_cell(help, i, "role");
        assert_non_null(role);
        snprintf(sql, sizeof sql, "%s", examples[k].sql == NULL ? "SHUTDOWN" : examples[k].sql);
        bool back = strcmp(sql, "EXPLAIN ROLLBACK " M) == 0; /* there is nothing before planned */
        if (strcmp(role, "operator") == 0)
            shop_expect(reader, sql, 1227, "operator");
        else
            shop_expect(reader, sql, back ? 1235 : 0, PLANNED);
    }
    ts_result_free(help);
    ts_close(reader);
    char phase[64];
    assert_string_equal(shop_cell(f->admin, "SHOW MIGRATION " M, "phase", phase, sizeof phase), PLANNED);
}

/* ---- APPLY ---- */

static void check_bad_definitions(shop *f)
{
    static const char *const rows[][2] = {
        {"name: x", "table"},
        {"name: x\ntable: t.t\ncolumns: [{from: a, to: a}]", "same column"},
        {"name: x\ntable: t.t\ncolumns: [{from: a, to: b}]\ncolour: red", "colour"},
        {"name: x\ntable: t.t\ncolumns: [{from: a, to: b}]\nobserve_days: soon", "observe_days"},
        {"name: x\ntable: t\ncolumns: [{from: a, to: b}]", "schema.table"},
        {"{", "APPLY MIGRATION:"},
        {"", ""},
    };
    char sql[300];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(sql, sizeof sql, "APPLY MIGRATION '%s'", rows[i][0]);
        shop_expect(f->admin, sql, rows[i][0][0] == '\0' ? 1064 : 1210, rows[i][1]);
    }
    ts_result *r = ts_query(f->admin, "SHOW MIGRATIONS");
    assert_int_equal(r->nrows, 0);
    ts_result_free(r);
}

typedef struct obstacle {
    const char *what, *make[3]; /* on t_pre; `t` (id, a, n) is made before it unless it is made here */
    const char *object;         /* that the refusal names */
    const char *more;           /* in the pair */
} obstacle;

#define PLAIN "CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL, n INT)"
static const obstacle obstacles[] = {
    {"no primary key", {"CREATE TABLE t (id INT, a INT)"}, "primary key", ""},
    {"no such column", {"CREATE TABLE t (id INT PRIMARY KEY, c INT)"}, "a: ", ""},
    {"B is there", {"CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT)"}, "b: ", ""},
    {"A is the key", {"CREATE TABLE t (a INT PRIMARY KEY, n INT)"}, "a: ", ""},
    {"trigger", {PLAIN, "CREATE TRIGGER trg_a AFTER INSERT ON t FOR EACH ROW SET @x = NEW.a"}, "trg_a", ""},
    {"trigger elsewhere",
     {PLAIN, "CREATE TABLE o (i INT)",
      "CREATE TRIGGER trg_o AFTER INSERT ON o FOR EACH ROW UPDATE t SET a = 1 WHERE id = NEW.i"},
     "trg_o",
     ""},
    {"generated column", {"CREATE TABLE t (id INT PRIMARY KEY, a INT, twice INT AS (a * 2))"}, "twice", ""},
    {"A generated", {"CREATE TABLE t (id INT PRIMARY KEY, a INT AS (id * 2), n INT)"}, "a: ", ""},
    {"check", {"CREATE TABLE t (id INT PRIMARY KEY, a INT, CONSTRAINT chk_a CHECK (a > 0))"}, "chk_a", ""},
    {"foreign key to it",
     {"CREATE TABLE t (id INT PRIMARY KEY, a INT, UNIQUE KEY (a))",
      "CREATE TABLE p (id INT PRIMARY KEY, r INT, CONSTRAINT fk_r FOREIGN KEY (r) REFERENCES t (a))"},
     "fk_r",
     ""},
    {"view", {PLAIN, "CREATE VIEW v_a AS SELECT id, a FROM t"}, "v_a", ""},
    {"routine", {PLAIN, "CREATE PROCEDURE p_a() UPDATE t SET a = 1"}, "p_a", ""},
    {"auto increment",
     {"CREATE TABLE t (id INT PRIMARY KEY, a INT AUTO_INCREMENT, KEY (a))"},
     "AUTO_INCREMENT",
     ""},
    {"on update, whose values change",
     {"CREATE TABLE t (id INT PRIMARY KEY, a DATETIME DEFAULT CURRENT_TIMESTAMP ON UPDATE "
      "CURRENT_TIMESTAMP)"},
     "ON UPDATE",
     ", type: DATETIME(3)"},
    {"partitioned",
     {"CREATE TABLE t (id INT, a INT, PRIMARY KEY (id, a)) PARTITION BY HASH (a) PARTITIONS 2"},
     "partition",
     ""},
    {"fulltext", {"CREATE TABLE t (id INT PRIMARY KEY, a TEXT, FULLTEXT KEY ft_a (a))"}, "ft_a", ""},
    {"MyISAM", {"CREATE TABLE t (id INT PRIMARY KEY, a INT) ENGINE=MyISAM"}, "InnoDB", ""},
    {"no table", {NULL}, "no such table", ""},
    {"a view as table", {"CREATE VIEW t AS SELECT 1 AS id, 2 AS a"}, "plain table", ""},
    {"up of no column", {PLAIN}, "zz", ", up: \"a + zz\", down: \"b - 1\""},
    {"up that is not the same twice", {PLAIN}, "RAND", ", up: \"a + RAND()\", down: \"b - 1\""},
    {"up that does not fit",
     {PLAIN, "INSERT INTO t VALUES (1, 2147483647, 1)"},
     "does not fit",
     ", up: \"a + 1\""},
    {"down of an old column", {PLAIN}, "down", ", up: \"a + 1\", down: \"a - 1\""},
    {"type that does not hold it",
     {PLAIN, "INSERT INTO t VALUES (1, 300, 1)"},
     "does not fit",
     ", type: TINYINT"},
    {"no type", {PLAIN}, "type", ", type: NUMBERS"},
    {"instant rename",
     {"CREATE TABLE t (id INT PRIMARY KEY, a INT, CONSTRAINT chk_a CHECK (a > 0))"},
     "chk_a",
     "}]\nstrategy: instant_rename\nbackfill: {chunk_rows: 1"},
};

static void make_obstacle(shop *f, const obstacle *o)
{
    ts_do(f->direct, "DROP DATABASE IF EXISTS t_pre");
    ts_do(f->direct, "CREATE DATABASE t_pre");
    ts_do(f->direct, "USE t_pre");
    for (size_t i = 0; i < 3 && o->make[i] != NULL; i++) ts_do(f->direct, "%s", o->make[i]);
}

static void check_preflight(shop *f)
{
    char sql[400];
    for (size_t i = 0; i < sizeof obstacles / sizeof *obstacles; i++) {
        const obstacle *o = &obstacles[i];
        make_obstacle(f, o);
        bool instant = strstr(o->more, "}]") != NULL;
        snprintf(sql, sizeof sql,
                 "APPLY MIGRATION 'name: pre\ntable: t_pre.t\ncolumns: [{from: a, to: b%s%s'", o->more,
                 instant ? "}" : "}]");
        ts_result *r = ts_query(f->admin, "%s", sql);
        if (r->error != 1235 || strstr(r->message, o->object) == NULL)
            fail_msg("%s: %u %s", o->what, r->error, r->message);
        ts_result_free(r);
    }
    make_obstacle(f, &(obstacle){.make = {PLAIN}}); /* and the plain table passes */
    ts_do(f->admin, "APPLY MIGRATION 'name: pre\ntable: t_pre.t\ncolumns: [{from: a, to: b}]'");
    ts_do(f->admin, "APPLY MIGRATION 'name: other\ntable: t_pre.t\ncolumns: [{from: n, to: m}]'");
    shop_expect(f->admin, "APPLY MIGRATION 'name: third\ntable: t_pre.t\ncolumns: [{from: a, to: c}]'", 1235,
                "on a column of table t_pre.t that this one names, too");
    ts_do(f->direct, "DROP DATABASE t_pre");
}

/* ---- gates, history, live settings ---- */

static bool history_has(ts_conn *admin, const char *action, const char *to, const char *forced)
{
    ts_result *r = ts_query(admin, "SHOW HISTORY " M);
    bool found = false;
    for (size_t i = 0; i < r->nrows && r->error == 0; i++)
        found = found ||
                (strcmp(ts_cell(r, i, "action"), action) == 0 && strcmp(ts_cell(r, i, "to_phase"), to) == 0 &&
                 strcmp(ts_cell(r, i, "forced"), forced) == 0 && strcmp(ts_cell(r, i, "who"), "admin") == 0 &&
                 strcmp(ts_cell(r, i, "from_host"), "127.0.0.1") == 0);
    ts_result_free(r);
    return found;
}

static void check_gates(shop *f)
{
    char cell[600];
    shop_apply(f, "observe_days: 7\nbackfill: {max_threads_running: 1}");
    ts_do(f->admin, "ADVANCE MIGRATION " M " TO dual_write");
    shop_await(f->admin, "throttle", "threads_running");
    shop_expect(f->admin, "ADVANCE MIGRATION " M, 1235, "threads_running"); /* why it is not complete */
    shop_expect(f->admin, "ADVANCE MIGRATION " M " TO switched", 1235, "not complete");
    ts_do(f->admin, "PAUSE BACKFILL " M);
    ts_do(f->admin, "SET BACKFILL " M " max_threads_running = 0");
    shop_expect(f->admin, "PAUSE BACKFILL " M, 1235, "paused");
    shop_await(f->admin, "backfill", "paused");
    shop_expect(f->admin, "ADVANCE MIGRATION " M, 1235, "paused");
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM transactions WHERE payment_method IS NOT NULL"),
                     0);
    ts_do(f->admin, "RESUME BACKFILL " M);
    ts_wait_backfill(f->admin, M);
    assert_string_equal(shop_cell(f->admin, "SHOW MIGRATION " M, "rows_done", cell, sizeof cell), "8");
    ts_do(f->direct, "UPDATE transactions SET payment_method = 'bypass' WHERE id = 3");
    shop_expect(f->admin, "ADVANCE MIGRATION " M, 1235, "3"); /* the checksum names the row */
    assert_string_equal(shop_cell(f->admin, "SHOW MIGRATION " M, "checksum", cell, sizeof cell), "differs");
    assert_string_equal(shop_cell(f->admin, "VERIFY MIGRATION " M, "differing", cell, sizeof cell), "1");
    ts_do(f->direct, "UPDATE transactions SET payment_method = transaction_type WHERE id = 3");
    ts_do(f->admin, "ADVANCE MIGRATION " M);
    assert_true(history_has(f->admin, "advance", "switched", "no"));
    assert_string_equal(shop_cell(f->admin, "SHOW MIGRATION " M, "checksum", cell, sizeof cell), "clean");
}

/* A gate that is passed by FORCE is in the history, and so is a use of the old name within observe_days. */
static void check_observation(shop *f)
{
    shop_apply(f, "observe_days: 7");
    ts_go(f->admin, M, "retired");
    shop_expect(f->admin, "ADVANCE MIGRATION " M, 1235, "watched"); /* not for 7 days */
    ts_do(f->direct, "UPDATE straddle.history SET at = at - INTERVAL 8 DAY");
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    ts_do(c, "SELECT transaction_type FROM transactions");
    shop_expect(f->admin, "ADVANCE MIGRATION " M, 1235, "root"); /* by whom */
    ts_close(c);
    ts_do(f->admin, "ADVANCE MIGRATION " M " FORCE");
    assert_true(history_has(f->admin, "advance", "contracted", "yes"));
    assert_false(history_has(f->admin, "advance", "retired", "yes"));
    shop_expect(f->admin, "ROLLBACK MIGRATION " M, 1235, "no way back");
    shop_expect(f->admin, "REMOVE MIGRATION " M, 1235, "contracted");
    ts_do(f->admin, "ADVANCE MIGRATION " M);
    ts_do(f->admin, "REMOVE MIGRATION " M);
    shop_expect(f->admin, "SHOW MIGRATION " M, 1305, M);
    assert_true(history_has(f->admin, "advance", "contracted", "yes"));
}

/* ---- EXPLAIN REWRITE, usage, DISABLE ---- */

static void explain(shop *f, const char *ask, const char *verdict, const char *sql)
{
    char whole[400];
    snprintf(whole, sizeof whole, "EXPLAIN REWRITE %s", ask);
    ts_result *r = ts_query(f->admin, "%s", whole);
    if (r->error != 0 || r->nrows != 1) fail_msg("%s: %u %s", whole, r->error, r->message);
    const char *got = ts_cell(r, 0, "sql"), *reason = ts_cell(r, 0, "reason");
    if (strcmp(ts_cell(r, 0, "verdict"), verdict) != 0 ||
        (sql != NULL && (got == NULL || strstr(got, sql) == NULL)))
        fail_msg("%s: %s, %s, %s", whole, ts_cell(r, 0, "verdict"), got, reason);
    if (strcmp(verdict, "refused") == 0) assert_non_null(reason);
    ts_result_free(r);
}

static void check_explain(shop *f)
{
    shop_apply(f, NULL);
    ts_go(f->admin, M, "dual_write");
    explain(f, "SELECT 1 FROM dual", "pass", "SELECT 1 FROM dual");
    explain(f, "SCHEMA t_mig SELECT payment_method FROM transactions", "rewritten", "transaction_type");
    explain(f, "SCHEMA t_old SELECT payment_method FROM transactions", "pass", "payment_method");
    explain(f, "SCHEMA t_mig VERSION new SELECT * FROM transactions", "rewritten", "payment_method");
    explain(f, "VERSION old SCHEMA t_mig SELECT * FROM transactions", "pass", "SELECT *");
    explain(f, "SCHEMA t_mig AS someone SELECT payment_method FROM transactions", "rewritten", NULL);
    explain(f, "SCHEMA t_mig UPDATE transactions SET payment_method = ? WHERE id = ?", "rewritten",
            "transaction_type");
    explain(f, "SCHEMA t_mig DROP TABLE transactions", "refused", NULL);
    shop_expect(f->admin, "EXPLAIN REWRITE PHASE sometime SELECT 1", 1210, "sometime");
    shop_expect(f->admin, "EXPLAIN REWRITE VERSION sometime SELECT 1", 1210, "sometime");
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM transactions"), 8); /* nothing was sent */
}

static unsigned long uses(shop *f, const char *name, const char *program)
{
    unsigned long sum = 0;
    ts_result *r = ts_query(f->admin, "SHOW USAGE");
    for (size_t i = 0; i < r->nrows; i++) {
        if (strcmp(ts_cell(r, i, "name"), name) != 0 || strcmp(ts_cell(r, i, "program"), program) != 0)
            continue;
        assert_string_equal(ts_cell(r, i, "migration"), M);
        assert_string_equal(ts_cell(r, i, "user"), "root");
        assert_string_equal(ts_cell(r, i, "host"), "127.0.0.1");
        assert_true(strlen(ts_cell(r, i, "digest")) >= 8);
        assert_null(strstr(ts_cell(r, i, "sample"), "secret"));
        sum += strtoul(ts_cell(r, i, "count"), NULL, 10);
    }
    ts_result_free(r);
    return sum;
}

static void check_usage(shop *f)
{
    ts_conn *c = ts_connect(&(ts_login){.host = "127.0.0.1",
                                        .port = f->proxy.port_both,
                                        .user = "root",
                                        .password = "",
                                        .schema = "t_mig",
                                        .attr_key = "program_name",
                                        .attr_value = "billing"});
    shop_apply(f, NULL);
    for (int i = 0; i < 3; i++)
        ts_do(c, "SELECT id FROM transactions WHERE transaction_type = 'secret%d'", i);
    for (int i = 0; i < 2; i++) ts_do(c, "SELECT payment_method FROM transactions WHERE id = %d", i);
    ts_do(c, "SELECT id FROM transactions");
    ts_do(c, "SELECT payment_method FROM accounts");
    assert_int_equal(uses(f, "old", "billing"), 3);
    assert_int_equal(uses(f, "new", "billing"), 2);
    ts_do(f->admin, "DISABLE MIGRATION " M);
    shop_expect(c, "SELECT payment_method FROM transactions", 1235, "DISABLE");
    shop_expect(c, "UPDATE transactions SET payment_method = 'x' WHERE id = 1", 1235, "DISABLE");
    ts_do(c, "SELECT transaction_type FROM transactions");
    char cell[40];
    assert_string_equal(shop_cell(f->admin, "SHOW RULES", "enabled", cell, sizeof cell), "no");
    ts_do(f->admin, "ENABLE MIGRATION " M);
    ts_do(c, "SELECT payment_method FROM transactions");
    assert_string_equal(shop_cell(f->admin, "SHOW REFUSALS", "code", cell, sizeof cell), "disabled");
    ts_close(c);
}

/* ---- the process ---- */

static void check_kill(shop *f)
{
    char id[40], sql[80];
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_new, "t_mig");
    ts_do(c, "BEGIN");
    ts_do(c, "UPDATE transactions SET n = 99 WHERE id = 1");
    long long backend = ts_int(c, "SELECT CONNECTION_ID()");
    ts_result *r = ts_query(f->admin, "SHOW CLIENTS");
    assert_int_equal(r->nrows, 1);
    assert_string_equal(ts_cell(r, 0, "user"), "root");
    assert_string_equal(ts_cell(r, 0, "version"), "new");
    assert_string_equal(ts_cell(r, 0, "schema"), "t_mig");
    assert_string_equal(ts_cell(r, 0, "transaction"), "yes");
    assert_int_equal(strtoll(ts_cell(r, 0, "backend_id"), NULL, 10), backend);
    snprintf(id, sizeof id, "%s", ts_cell(r, 0, "id"));
    ts_result_free(r);
    snprintf(sql, sizeof sql, "KILL QUERY %s", id);
    shop_expect(f->admin, sql, 1235, "KILL QUERY");
    ts_do(c, "SELECT 1");
    ts_do(f->admin, "KILL %s", id);
    r = ts_query(c, "SELECT 1");
    assert_int_not_equal(r->error, 0);
    ts_result_free(r);
    ts_close(c);
    for (int i = 0; i < 1200; i++) { /* the server's connection ends with it */
        if (ts_int(f->direct, "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = %lld",
                   backend) == 0)
            break;
        nanosleep(&(struct timespec){0, 50000000}, NULL);
    }
    assert_int_equal(
        ts_int(f->direct, "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = %lld", backend), 0);
    assert_int_equal(ts_int(f->direct, "SELECT n FROM transactions WHERE id = 1"), 1);
}

static void check_config(shop *f)
{
    ts_result *r = ts_query(f->admin, "SHOW CONFIG");
    bool backend = false;
    for (size_t i = 0; i < r->nrows; i++) {
        const char *key = ts_cell(r, i, "key"), *value = ts_cell(r, i, "value");
        if (strstr(key, "password") != NULL) assert_string_equal(value, "***");
        backend = backend || strcmp(key, "backend.password") == 0;
    }
    assert_true(backend);
    ts_result_free(r);
    ts_proxy_configure(&f->proxy, "limits: {max_connections: 77}\nlisteners: []\nfrob: 1");
    shop_expect(f->admin, "RELOAD CONFIG", 1210, "frob");
    shop_expect(f->admin, "RELOAD CONFIG", 1210, "straddle.yaml:");
    ts_proxy_configure(&f->proxy, "limits: {max_connections: 77}\nlog: {file: elsewhere.log}");
    shop_expect(f->admin, "RELOAD CONFIG", 1235, "log.file");
    r = ts_query(f->admin, "SHOW CONFIG");
    for (size_t i = 0; i < r->nrows; i++)
        if (strcmp(ts_cell(r, i, "key"), "limits.max_connections") == 0)
            assert_string_equal(ts_cell(r, i, "value"), "10000");
    ts_result_free(r);
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    ts_do(c, "SELECT 1");
    ts_close(c);
}

static void test_shutdown(void **state)
{
    (void)state;
    shop f;
    int status = -1;
    shop_start(&f, ts_mariadb(), NULL);
    ts_do(f.admin, "SHUTDOWN");
    assert_true(ts_proxy_ends(&f.proxy, 20, &status));
    assert_int_equal(status, 0);
    shop_end(&f);
}

#define ON_BOTH(name, extra)                                                                                 \
    static void test_##name(void **state)                                                                    \
    {                                                                                                        \
        (void)state;                                                                                         \
        shop_each_server(check_##name, extra);                                                               \
    }

ON_BOTH(logins, NULL)
ON_BOTH(every_command, NULL)
ON_BOTH(wrong, NULL)
ON_BOTH(roles, NULL)
ON_BOTH(bad_definitions, NULL)
ON_BOTH(preflight, NULL)
ON_BOTH(gates, NULL)
ON_BOTH(observation, NULL)
ON_BOTH(explain, NULL)
ON_BOTH(usage, NULL)
ON_BOTH(kill, NULL)
ON_BOTH(config, NULL)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logins),
        cmocka_unit_test(test_every_command),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_bad_definitions),
        cmocka_unit_test(test_preflight),
        cmocka_unit_test(test_gates),
        cmocka_unit_test(test_observation),
        cmocka_unit_test(test_explain),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
