/* guard: watch. Rows that somebody wrote past the proxy are found in the binary log, reported with server and
 * key, and made right on request or by themselves, out of the column that was set. What the proxy writes,
 * what the backfill does, and what is right again at once is no finding. A lost connection goes on where it
 * was. */
#include "shop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define M "watched"

static void make(shop *f, const char *table, const char *definition)
{
    ts_do(f->direct, "DROP DATABASE IF EXISTS t_bypass");
    ts_do(f->direct, "CREATE DATABASE t_bypass");
    ts_do(f->direct, "USE t_bypass");
    ts_do(f->direct, "%s", table);
    ts_do(f->admin, "APPLY MIGRATION 'name: " M "\ntable: t_bypass.t\nobserve_days: 0\n%s\n'", definition);
}

static void unmake(shop *f)
{
    ts_go(f->admin, M, "planned");
    ts_do(f->admin, "REMOVE MIGRATION " M);
    ts_do(f->direct, "DROP DATABASE t_bypass");
}

/* Waits until one cell is that (60 s). */
static void await(ts_conn *c, const char *sql, const char *column, const char *want)
{
    char cell[300] = "";
    for (int i = 0; i < 1200; i++) {
        if (strcmp(shop_cell(c, sql, column, cell, sizeof cell), want) == 0) return;
        nanosleep(&(struct timespec){0, 50000000}, NULL);
    }
    fail_msg("%s: %s is %s, not %s", sql, column, cell, want);
}

/* All that is in the log now was looked at. */
static void settle(shop *f)
{
    char rows[40];
    static int marker;
    snprintf(rows, sizeof rows, "m%d", ++marker);
    ts_do(f->direct, "UPDATE t SET b = '%s' WHERE k = 'marker'", rows);
    await(f->direct,
          "SELECT CONVERT(new_value USING utf8mb4) AS v FROM straddle.bypass WHERE key_text LIKE "
          "'%6D61726B6572%'",
          "v", rows);
}

static long long found(shop *f)
{
    return ts_int(f->direct,
                  "SELECT COUNT(*) FROM straddle.bypass WHERE key_text NOT LIKE '%%6D61726B6572%%'");
}

static void watch(shop *f)
{
    char cell[200];
    make(f,
         "CREATE TABLE t (k VARCHAR(20) CHARACTER SET utf8mb4 NOT NULL, d DECIMAL(20,3) NOT NULL, at "
         "DATETIME(3) NOT "
         "NULL, a VARCHAR(20), n INT DEFAULT 0, PRIMARY KEY (k, d, at))",
         "columns: [{from: a, to: b}]\nguard: watch\nbackfill: {recheck_percent: 0}");
    ts_do(f->direct,
          "INSERT INTO t (k, d, at, a) VALUES ('marker', 0, '2026-01-01', 'm'), ('x', -1234567890.125, "
          "'2026-02-03 04:05:06.789', 'one'), ('y', 7, '2026-01-01', 'two')");
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_bypass");
    ts_go(f->admin, M, "dual_write");
    ts_wait_backfill(f->admin, M);
    await(f->direct, "SELECT COUNT(*) AS n FROM straddle.guard", "n", "1"); /* it is there */
    settle(f);
    ts_do(c, "UPDATE t SET a = 'p' WHERE k = 'y'");
    ts_do(c, "INSERT INTO t (k, d, at, b) VALUES ('z', 1.5, '2026-01-01', 'q')");
    ts_do(f->direct, "START TRANSACTION");
    ts_do(f->direct, "UPDATE t SET a = 'wrong' WHERE k = 'y'");
    ts_do(f->direct, "UPDATE t SET b = 'wrong' WHERE k = 'y'");
    ts_do(f->direct, "COMMIT");
    settle(f);
    assert_int_equal(found(f), 0);
    ts_do(f->direct, "UPDATE t SET b = 'stray' WHERE k = 'x'");
    await(f->direct, "SELECT COUNT(*) AS n FROM straddle.bypass WHERE key_text LIKE '%-1234567890.125%'", "n",
          "1");
    shop_cell(f->admin, "SHOW BYPASS " M, "side", cell, sizeof cell);
    assert_string_equal(cell, "new");
    assert_int_equal(ts_int(f->direct,
                            "SELECT @@server_id = server_id FROM straddle.bypass WHERE key_text LIKE "
                            "'%%-1234567890.125%%'"),
                     1);
    await(f->direct, "SELECT last_error LIKE '%written past the proxy%' AS v FROM straddle.migrations", "v",
          "1");
    ts_do(f->admin, "REPAIR BYPASS " M);
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM t WHERE NOT (a <=> b)"), 0);
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM t WHERE k = 'x' AND b = 'one'"), 1);
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM straddle.bypass WHERE repaired IS NULL"), 0);
    ts_close(c);
    unmake(f);
}

/* The stream is cut; what was written meanwhile is found. */
static void goes_on(shop *f)
{
    make(f, "CREATE TABLE t (id INT PRIMARY KEY, a INT)",
         "columns: [{from: a, to: b}]\nguard: watch\nguard_repair: true\nbackfill: {recheck_percent: 0}");
    ts_do(f->direct, "INSERT INTO t VALUES (1, 1), (2, 2), (-3, 3)");
    ts_go(f->admin, M, "switched");
    await(f->direct, "SELECT COUNT(*) AS n FROM straddle.guard", "n", "1"); /* it is there */
    for (int i = 0; i < 2; i++) {
        ts_result *r = ts_query(
            f->direct, "SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%%'");
        for (size_t k = 0; k < r->nrows; k++)
            ts_result_free(ts_query(f->direct, "KILL %s", ts_cell(r, k, "ID")));
        ts_result_free(r);
        ts_do(f->direct, "UPDATE t SET b = %d WHERE id = -3", 30 + i);
        ts_do(f->direct, "FLUSH BINARY LOGS");
        ts_do(f->direct, "UPDATE t SET b = %d WHERE id = 2", 20 + i);
        char want[20];
        snprintf(want, sizeof want, "%d,%d", 30 + i, 30 + i);
        await(f->direct, "SELECT CONCAT_WS(',', a, b) AS v FROM t WHERE id = -3", "v", want);
        snprintf(want, sizeof want, "%d,%d", 20 + i, 20 + i);
        await(f->direct, "SELECT CONCAT_WS(',', a, b) AS v FROM t WHERE id = 2", "v", want);
    }
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM straddle.bypass WHERE repaired IS NULL"), 0);
    await(f->admin, "SHOW GUARD", "missed", "");
    unmake(f);
}

/* In switched a repair makes old values of new ones, and never where the old one may be the only copy. */
static void keeps(shop *f)
{
    make(f, "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20) DEFAULT 'card', n INT NOT NULL DEFAULT 0)",
         "columns: [{from: a, to: b}]\nguard: watch\nguard_repair: true\nbackfill: {recheck_percent: 0}");
    ts_do(f->direct, "INSERT INTO t (id, a) VALUES (1, 'x'), (2, 'x'), (3, 'x'), (4, 'x')");
    ts_go(f->admin, M, "switched");
    await(f->direct, "SELECT COUNT(*) AS n FROM straddle.guard", "n", "1"); /* it is there */
    ts_do(f->direct, "UPDATE t SET a = 'only' WHERE id = 1");
    ts_do(f->direct, "INSERT INTO t (id, a, b) VALUES (5, 'late', NULL)");
    ts_do(f->direct, "UPDATE t SET b = NULL WHERE id = 2");
    ts_do(f->direct, "UPDATE t SET b = 'n' WHERE id = 3");
    ts_do(f->direct, "UPDATE t SET a = 'o' WHERE id = 3");
    ts_do(f->direct, "INSERT INTO t (id, a, b) VALUES (6, 'CARD', 'p'), (7, 'card', 'q')");
    ts_do(f->direct, "UPDATE t SET b = 'y' WHERE id = 4");
    await(f->direct, "SELECT CONCAT_WS(',', a, b) AS v FROM t WHERE id = 4", "v", "y,y");
    await(f->direct,
          "SELECT GROUP_CONCAT(key_text, side, IF(repaired IS NULL, '', '!') ORDER BY key_text) AS v FROM "
          "straddle.bypass",
          "v", "1old,2new,3,4new!,5old,6,7new!");
    for (int i = 0; i < 3; i++) {
        ts_result *r = i == 0   ? NULL
                       : i == 1 ? ts_query(f->admin, "REPAIR BYPASS " M)
                                : ts_query(f->admin, "VERIFY MIGRATION " M " REPAIR");
        if (i == 1) assert_string_equal(ts_cell(r, 0, "left"), "5");
        if (i == 2) assert_string_equal(ts_cell(r, 0, "differing"), "2");
        ts_result_free(r);
        await(f->direct,
              "SELECT GROUP_CONCAT(id, COALESCE(a, '-'), COALESCE(b, '-') ORDER BY id) AS v FROM t", "v",
              i < 2 ? "1onlyx,2x-,3on,4yy,5late-,6CARDp,7qq" : "1xx,2x-,3nn,4yy,5late-,6pp,7qq");
    }
    unmake(f);
}

/* Values that change: each row is asked. */
static void changes(shop *f)
{
    make(f, "CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY, amount DECIMAL(10,2) NOT NULL)",
         "columns: [{from: amount, to: cents, type: BIGINT, up: \"amount * 100\"}]\nguard: watch\n"
         "backfill: {recheck_percent: 0}");
    ts_do(f->direct, "INSERT INTO t VALUES (1, 1.5), (18446744073709551615, 2)");
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_bypass");
    ts_go(f->admin, M, "dual_write");
    ts_wait_backfill(f->admin, M);
    await(f->direct, "SELECT COUNT(*) AS n FROM straddle.guard", "n", "1"); /* it is there */
    ts_do(c, "UPDATE t SET amount = 3 WHERE id = 1");
    ts_do(f->direct, "UPDATE t SET amount = 4 WHERE id = 18446744073709551615");
    await(f->direct, "SELECT GROUP_CONCAT(key_text) AS v FROM straddle.bypass", "v", "18446744073709551615");
    ts_do(f->admin, "REPAIR BYPASS " M);
    assert_int_equal(ts_int(f->direct, "SELECT cents FROM t WHERE amount = 4"), 400);
    ts_close(c);
    unmake(f);
}

static void refused(shop *f)
{
    bool mariadb = strcmp(f->server->name, "mariadb") == 0;
    make(f, "CREATE TABLE t (id TIME PRIMARY KEY, a INT)", "columns: [{from: a, to: b}]");
    shop_expect(f->admin, "SET GUARD " M " watch", 1235, "cannot tell a key of this type");
    ts_do(f->direct, "SET GLOBAL %s = 1", mariadb ? "log_bin_compress" : "binlog_transaction_compression");
    shop_expect(f->admin, "SET GUARD " M " watch", 1235, "compressed");
    ts_do(f->direct, "SET GLOBAL %s = 0", mariadb ? "log_bin_compress" : "binlog_transaction_compression");
    unmake(f);
}

static void test_watch(void **state)
{
    (void)state;
    shop_each_server(watch, NULL);
}

/* MariaDB's ANALYZE of a statement runs it, and is logged as it is written. */
static void analyzed(shop *f, ts_conn *c)
{
    nanosleep(&(struct timespec){2, 0}, NULL); /* until what came before is said */
    ts_do(f->direct, "UPDATE straddle.guard SET missed = ''");
    ts_do(c, "ANALYZE UPDATE t SET b = 9 WHERE id = 1");
    await(f->direct, "SELECT missed LIKE '%t_bypass.t, was logged as text%' AS v FROM straddle.guard", "v",
          "1");
    ts_do(c, "UPDATE t SET b = 1 WHERE id = 1");
}

/* A session that logs statements: what it wrote cannot be looked at, and that is said. One that only reads
 * the table is no finding. */
static void as_text(shop *f)
{
    make(f, "CREATE TABLE t (id INT PRIMARY KEY, a INT)",
         "columns: [{from: a, to: b}]\nguard: watch\nbackfill: {recheck_percent: 0}");
    ts_do(f->direct, "CREATE TABLE sums (id INT PRIMARY KEY, n INT)");
    ts_do(f->direct, "INSERT INTO t VALUES (1, 1), (2, 2)");
    ts_go(f->admin, M, "dual_write");
    ts_wait_backfill(f->admin, M);
    ts_do(f->admin, "VERIFY MIGRATION " M);
    await(f->direct, "SELECT COUNT(*) AS n FROM straddle.guard", "n", "1"); /* it is there */
    await(f->direct, "SELECT checksum_clean AS v FROM straddle.migrations", "v", "1");
    ts_conn *c = ts_root(f->server, "t_bypass");
    ts_do(c, "SET SESSION binlog_format = STATEMENT");
    ts_do(c, "REPLACE INTO sums SELECT 1, SUM(a) FROM t");
    ts_do(c, "DELETE FROM t WHERE id = 2");
    ts_do(f->direct, "UPDATE t SET b = 7 WHERE id = 1"); /* which is found, behind those */
    await(f->direct, "SELECT COUNT(*) AS n FROM straddle.bypass", "n", "1");
    await(f->admin, "SHOW GUARD", "missed", "");
    ts_do(f->admin, "REPAIR BYPASS " M);
    ts_do(f->admin, "VERIFY MIGRATION " M);
    await(f->direct, "SELECT checksum_clean AS v FROM straddle.migrations", "v", "1");
    ts_do(c, "UPDATE t SET b = 8 WHERE id = 1");
    await(f->direct, "SELECT missed LIKE '%t_bypass.t, was logged as text%' AS v FROM straddle.guard", "v",
          "1");
    await(f->direct, "SELECT checksum_clean AS v FROM straddle.migrations", "v", "0");
    ts_do(c, "UPDATE t SET b = 1 WHERE id = 1");
    if (strcmp(f->server->name, "mariadb") == 0) analyzed(f, c);
    ts_close(c);
    unmake(f);
}

/* Another server answers than before, or its log is gone from where it was left: what was written meanwhile
 * was not looked at. That is said, also where it cannot be written down at the first try. */
static void moved(shop *f, const char *place, const char *said)
{
    char sql[200];
    ts_do(f->admin, "VERIFY MIGRATION " M);
    await(f->direct, "SELECT checksum_clean AS v FROM straddle.migrations", "v", "1");
    ts_do(f->direct, "KILL %lld", ts_int(f->direct, "SELECT IS_USED_LOCK('straddle.guard')"));
    assert_int_equal(ts_int(f->direct, "SELECT GET_LOCK('straddle.guard', 20)"), 1); /* it waits now */
    ts_do(f->direct, "UPDATE straddle.guard SET missed = '', %s", place);
    ts_do(f->direct, "START TRANSACTION");
    ts_do(f->direct, "UPDATE straddle.migrations SET last_error = '' WHERE name = '" M "'");
    ts_do(f->direct, "DO RELEASE_LOCK('straddle.guard')");
    nanosleep(&(struct timespec){5, 0}, NULL); /* more than one try, each of which waits for the row */
    ts_do(f->direct, "COMMIT");
    await(f->direct, "SELECT checksum_clean AS v FROM straddle.migrations", "v", "0");
    snprintf(sql, sizeof sql, "SELECT last_error LIKE '%s%%' AS v FROM straddle.migrations", said);
    await(f->direct, sql, "v", "1");
    snprintf(sql, sizeof sql, "SELECT missed LIKE '%s%%' AS v FROM straddle.guard", said);
    await(f->direct, sql, "v", "1");
    settle(f); /* it goes on */
}

static void elsewhere(shop *f)
{
    make(f, "CREATE TABLE t (k VARCHAR(20) CHARACTER SET utf8mb4 NOT NULL PRIMARY KEY, a VARCHAR(20))",
         "columns: [{from: a, to: b}]\nguard: watch\nguard_repair: true\nbackfill: {recheck_percent: 0}");
    ts_do(f->direct, "INSERT INTO t VALUES ('marker', 'm')");
    ts_go(f->admin, M, "dual_write");
    ts_wait_backfill(f->admin, M);
    await(f->direct, "SELECT COUNT(*) AS n FROM straddle.guard", "n", "1"); /* it is there */
    moved(f, "server = 'another'", "the server is another one than before");
    moved(f, "file = 'gone.000001', position = 4", "the binary log cannot be read on from gone.000001:4");
    unmake(f);
}

static void test_elsewhere(void **state)
{
    (void)state;
    shop_each_server(elsewhere, NULL);
}

static void test_as_text(void **state)
{
    (void)state;
    shop_each_server(as_text, NULL);
}

static void test_goes_on(void **state)
{
    (void)state;
    shop_each_server(goes_on, NULL);
}

static void test_keeps(void **state)
{
    (void)state;
    shop_each_server(keeps, NULL);
}

static void test_changes(void **state)
{
    (void)state;
    shop_each_server(changes, NULL);
}

static void test_refused(void **state)
{
    (void)state;
    shop_each_server(refused, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_watch),    cmocka_unit_test(test_goes_on),
                                       cmocka_unit_test(test_changes),  cmocka_unit_test(test_keeps),
                                       cmocka_unit_test(test_as_text),  cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_elsewhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
