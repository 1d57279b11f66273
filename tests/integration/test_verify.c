/* Rows that somebody has written past the proxy: found by the recheck, kept with both values, made right on
 * request out of the side that applications read. */
#include "servers.h"
#include "shop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define M SHOP_MIGRATION

static void wait_recheck(shop *f, int differing)
{
    char cell[80] = "", want[16];
    snprintf(want, sizeof want, "%d", differing);
    for (int i = 0; i < 1200 && strcmp(cell, want) != 0; i++) {
        nanosleep(&(struct timespec){0, 50000000}, NULL);
        shop_cell(f->admin, "SHOW RECHECK", "differing", cell, sizeof cell);
    }
    assert_string_equal(cell, want);
}

static void expect(ts_conn *c, const char *sql, const char *column, const char *want)
{
    char cell[300];
    shop_cell(c, sql, column, cell, sizeof cell);
    if (strcmp(cell, want) != 0) fail_msg("%s: %s is %s, not %s", sql, column, cell, want);
}

static void check(shop *f)
{
    shop_apply(f, "observe_days: 0\nbackfill: {recheck_percent: 50}");
    ts_do(f->admin, "ADVANCE MIGRATION " M " TO dual_write");
    ts_wait_backfill(f->admin, M);
    wait_recheck(f, 0);
    ts_do(f->direct, "UPDATE t_mig.transactions SET payment_method = 'stray' WHERE id = 2");
    wait_recheck(f, 1);
    shop_await(f->admin, "last_error", "1 of 8 rows differ, first: 2");
    expect(f->admin, "SHOW DIFFERENCES " M, "key", "2");
    expect(f->admin, "SHOW DIFFERENCES " M, "old_value", "wire");
    expect(f->admin, "SHOW DIFFERENCES " M, "new_value", "stray");
    expect(f->admin, "SHOW DIFFERENCES " M, "repaired", "NULL");
    shop_expect(f->admin, "ADVANCE MIGRATION " M, 1235, "not clean: 8 rows, 1 differing");
    ts_result *r = ts_query(f->admin, "VERIFY MIGRATION " M " REPAIR");
    assert_string_equal(ts_cell(r, 0, "repaired"), "1");
    assert_string_equal(ts_cell(r, 0, "differing"), "0");
    assert_string_equal(ts_cell(r, 0, "first_keys"), "2");
    ts_result_free(r);
    expect(f->direct, "SELECT payment_method FROM t_mig.transactions WHERE id = 2", "payment_method", "wire");
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM straddle.differences WHERE repaired IS NULL"),
                     0);
    expect(f->admin, "SHOW HISTORY " M, "action", "repair");
    wait_recheck(f, 0);
    ts_do(f->admin, "ADVANCE MIGRATION " M);
    /* reads go to the new column now: it is the one that is right */
    ts_do(f->direct, "UPDATE t_mig.transactions SET transaction_type = 'old stray' WHERE id = 3");
    ts_do(f->admin, "VERIFY MIGRATION " M " REPAIR");
    expect(f->direct, "SELECT transaction_type FROM t_mig.transactions WHERE id = 3", "transaction_type",
           "card");
    expect(f->direct, "SELECT payment_method FROM t_mig.transactions WHERE id = 3", "payment_method", "card");
    ts_do(f->admin, "ADVANCE MIGRATION " M);
    shop_expect(f->admin, "VERIFY MIGRATION " M " REPAIR", 1235, "retired");
}

static void wait_blocked(shop *f, int sessions)
{
    long long n = -1;
    for (int i = 0; i < 1200 && n != sessions; i++) {
        nanosleep(&(struct timespec){0, 50000000}, NULL);
        n = ts_int(f->direct,
                   "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE = 'Waiting for "
                   "table metadata lock' AND INFO LIKE 'SELECT%%transactions%%'");
    }
    assert_int_equal(n, sessions);
}

/* A round that began in one phase, and reads what the next one has written, tells nobody of it. */
static void check_moved(shop *f)
{
    shop_apply(f, "observe_days: 0\nbackfill: {recheck_percent: 50}");
    ts_do(f->admin, "ADVANCE MIGRATION " M " TO dual_write");
    ts_wait_backfill(f->admin, M);
    wait_recheck(f, 0);
    ts_conn *x = ts_root(f->server, "t_mig");
    ts_do(x, "LOCK TABLES transactions WRITE");
    wait_blocked(f, 1);
    ts_do(x, "UPDATE transactions SET payment_method = 'later' WHERE id = 3");
    ts_do(f->direct, "UPDATE straddle.migrations SET phase = 'retired'");
    ts_do(x, "UNLOCK TABLES");
    wait_blocked(f, 0);
    nanosleep(&(struct timespec){0, 700000000}, NULL);
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM straddle.differences"), 0);
    expect(f->direct, "SELECT COALESCE(last_error, '') AS e FROM straddle.migrations", "e", "");
    ts_do(f->direct, "UPDATE t_mig.transactions SET payment_method = transaction_type WHERE id = 3");
    ts_do(f->direct, "UPDATE straddle.migrations SET phase = 'dual_write'");
    ts_close(x);
}

static void test_moved(void **state)
{
    (void)state;
    shop_each_server(check_moved, NULL);
}

/* Nothing makes the old values again: a repair would put the new ones in their place. */
static void check_one_way(shop *f)
{
    ts_do(f->admin,
          "APPLY MIGRATION 'name: one_way\ntable: t_mig.transactions\nobserve_days: 0\ncolumns:\n  - "
          "{from: note, to: remark, up: UPPER(note)}\n'");
    ts_do(f->admin, "ADVANCE MIGRATION one_way TO dual_write");
    ts_wait_backfill(f->admin, "one_way");
    ts_do(f->admin, "ADVANCE MIGRATION one_way TO switched FORCE");
    shop_expect(f->admin, "VERIFY MIGRATION one_way REPAIR", 1235, "one-way");
    expect(f->direct, "SELECT note FROM t_mig.transactions WHERE id = 2", "note", "second");
}

static void test_one_way(void **state)
{
    (void)state;
    shop_each_server(check_one_way, NULL);
}

static void test_all(void **state)
{
    (void)state;
    shop_each_server(check, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all), cmocka_unit_test(test_one_way),
                                       cmocka_unit_test(test_moved)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
