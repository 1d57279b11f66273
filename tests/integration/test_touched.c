/* A column with ON UPDATE CURRENT_TIMESTAMP is renamed, there and back once, while rows change: both columns
 * hold the same moment, no row is touched by the backfill, and what the server tells of the table is what it
 * tells of the plain one. What statements do is for the traps. */
#include "shop.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

enum { ROWS = 40 };

static void make(ts_conn *c, const char *schema, const char *column)
{
    ts_do(c, "DROP DATABASE IF EXISTS %s", schema);
    ts_do(c, "CREATE DATABASE %s CHARACTER SET utf8mb4", schema);
    ts_do(c,
          "CREATE TABLE %s.touched (id INT PRIMARY KEY, n INT, %s DATETIME(6) NOT NULL DEFAULT "
          "CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), changed DATETIME NULL ON UPDATE "
          "CURRENT_TIMESTAMP)",
          schema, column);
}

static void same_answer(ts_conn *a, ts_conn *b, const char *sql, const char *phase)
{
    char why[512];
    ts_result *x = ts_query(a, "%s", sql), *y = ts_query(b, "%s", sql);
    if (x->error != 0 || !ts_same(x, y, TS_ORDERED, why))
        fail_msg("%s in %s: %s %s\n%s\n%s", sql, phase, x->message, why,
                 x->nrows > 0 ? x->cells[x->ncols - 1] : "", y->nrows > 0 ? y->cells[y->ncols - 1] : "");
    ts_result_free(x), ts_result_free(y);
}

/* One row a phase is changed; the others stay as they were. */
static void look(shop *f, ts_conn *plain, const char *phase, int row)
{
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_old, "t_touched");
    bool both = strcmp(phase, "dual_write") == 0 || strcmp(phase, "switched") == 0;
    same_answer(c, plain, "SHOW COLUMNS FROM touched", phase);
    same_answer(c, plain, "SHOW CREATE TABLE touched", phase);
    same_answer(
        c, plain,
        "SELECT COLUMN_NAME, COLUMN_DEFAULT, EXTRA FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "
        "DATABASE() AND TABLE_NAME = 'touched' ORDER BY ORDINAL_POSITION",
        phase);
    ts_do(c, "UPDATE touched SET n = n + 1 WHERE id = %d", row);
    assert_int_equal(
        ts_int(c, "SELECT COUNT(*) FROM touched WHERE seen > '2015-01-01' AND changed > '2015-01-01'"), row);
    assert_int_equal(
        ts_int(c, "SELECT COUNT(*) FROM touched WHERE seen = '2001-01-01' AND changed = '2001-01-01'"),
        ROWS - row);
    if (both)
        assert_int_equal(
            ts_int(f->direct, "SELECT COUNT(*) FROM t_touched.touched WHERE NOT (seen <=> touched_at)"), 0);
    ts_close(c);
}

static void touched(shop *f)
{
    static const char *const way[] = {"planned",    "expanded", "dual_write", "switched",  "retired",
                                      "dual_write", "switched", "retired",    "contracted"};
    int row = 0;
    make(f->direct, "t_touched", "seen");
    make(f->direct, "t_touched_plain", "seen");
    ts_conn *plain = ts_root(f->server, "t_touched_plain");
    for (int i = 1; i <= ROWS; i++)
        ts_do(f->direct, "INSERT INTO t_touched.touched VALUES (%d, 0, '2001-01-01', '2001-01-01')", i);
    ts_apply_rename(f->admin, "touched_at", "t_touched.touched", "seen", "touched_at");
    for (size_t i = 0; i < sizeof way / sizeof *way; i++) {
        if (i > 0) ts_go(f->admin, "touched_at", way[i]);
        if (strcmp(way[i], "dual_write") == 0) ts_wait_backfill(f->admin, "touched_at");
        look(f, plain, way[i], ++row);
    }
    ts_go(f->admin, "touched_at", "finished");
    ts_close(plain);
    ts_do(f->direct, "DROP DATABASE t_touched");
    ts_do(f->direct, "DROP DATABASE t_touched_plain");
}

/* Where somebody takes ON UPDATE from one of the two, they would part. */
static void parted(shop *f)
{
    make(f->direct, "t_touched", "seen");
    ts_do(f->direct, "INSERT INTO t_touched.touched VALUES (1, 0, '2001-01-01', '2001-01-01')");
    ts_apply_rename(f->admin, "touched_at", "t_touched.touched", "seen", "touched_at");
    ts_go(f->admin, "touched_at", "dual_write");
    ts_do(f->direct, "ALTER TABLE t_touched.touched MODIFY touched_at DATETIME(6) NULL INVISIBLE");
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_touched");
    ts_result *r = NULL;
    for (int i = 0; i < 600 && (r == NULL || r->error != 1235); i++) {
        struct timespec nap = {0, 100000000};
        if (r != NULL) ts_result_free(r);
        r = ts_query(c, "UPDATE touched SET n = n + 1");
        nanosleep(&nap, NULL);
    }
    assert_non_null(strstr(r->message, "ON UPDATE"));
    ts_result_free(r);
    ts_close(c);
    ts_go(f->admin, "touched_at", "planned");
    ts_do(f->direct, "DROP DATABASE t_touched");
}

static void test_touched(void **state)
{
    (void)state;
    shop_each_server(touched, NULL);
}

static void test_parted(void **state)
{
    (void)state;
    shop_each_server(parted, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_touched), cmocka_unit_test(test_parted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
