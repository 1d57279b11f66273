/* The backfill and a replica that falls behind: it waits, says for whom, and goes on by itself. */
#include "servers.h"
#include "shop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

enum { DOUBLINGS = 11 };

static void fill_many(ts_conn *direct)
{
    for (int i = 0; i < DOUBLINGS; i++)
        ts_do(direct,
              "INSERT INTO t_mig.transactions (id, account_id, transaction_type) SELECT id + %d, account_id, "
              "transaction_type FROM t_mig.transactions",
              8 << i);
}

static long long passed(ts_conn *direct)
{
    return ts_int(direct, "SELECT rows_done FROM straddle.backfill");
}

/* Once what ran when the reason was stored is over, no row more is passed. */
static void stands_still(ts_conn *direct)
{
    nanosleep(&(struct timespec){0, 300000000}, NULL);
    long long before = passed(direct);
    nanosleep(&(struct timespec){0, 700000000}, NULL);
    assert_int_equal(passed(direct), before);
    assert_true(before < 8 << DOUBLINGS);
}

static void wait_for_table(ts_conn *replica)
{
    for (int i = 0; i < 600; i++) {
        ts_result *r = ts_query(replica, "SELECT COUNT(*) FROM straddle.heartbeat");
        bool there = r->error == 0;
        ts_result_free(r);
        if (there) return;
        nanosleep(&(struct timespec){0, 50000000}, NULL);
    }
    fail_msg("the replica does not follow");
}

static void check(const ts_server *source)
{
    ts_own replica;
    shop f;
    char extra[200], where[40];
    ts_conn *root = ts_root(source, NULL); /* the replica need not repeat what other tests did */
    ts_do(root, source->mariadb ? "RESET MASTER" : "RESET BINARY LOGS AND GTIDS");
    ts_close(root);
    ts_own_start(&replica, source->mariadb, source);
    snprintf(where, sizeof where, "127.0.0.1:%u", replica.server.port);
    snprintf(extra, sizeof extra, "replicas: [{address: '%s'}]", where);
    shop_start(&f, source, extra);
    fill_many(f.direct);
    ts_conn *on_replica = ts_root(&replica.server, NULL);
    wait_for_table(on_replica);
    shop_apply(&f, "observe_days: 0\nbackfill: {chunk_rows: 50, max_lag_ms: 700}");
    ts_do(f.admin, "ADVANCE MIGRATION " SHOP_MIGRATION " TO dual_write");
    ts_wait_backfill(f.admin, SHOP_MIGRATION);
    ts_do(on_replica, "STOP REPLICA");
    nanosleep(&(struct timespec){1, 0}, NULL); /* so that it lags from the first look on */
    ts_do(f.admin, "ROLLBACK MIGRATION " SHOP_MIGRATION " TO expanded");
    ts_do(f.admin, "ADVANCE MIGRATION " SHOP_MIGRATION " TO dual_write");
    shop_await(f.admin, "throttle", where);
    shop_await(f.admin, "throttle", "lag");
    stands_still(f.direct);
    shop_expect(f.admin, "ADVANCE MIGRATION " SHOP_MIGRATION, 1235, where);
    ts_conn *c = ts_proxy_connect(&f.proxy, f.proxy.port_new, "t_mig"); /* writes go on going to both */
    ts_do(c, "INSERT INTO transactions (id, account_id, payment_method) VALUES (99999, 1, 'while it waits')");
    ts_close(c);
    ts_do(on_replica, "START REPLICA");
    ts_wait_backfill(f.admin, SHOP_MIGRATION);
    ts_do(f.admin, "ADVANCE MIGRATION " SHOP_MIGRATION);
    ts_own_signal(&replica, SIGKILL); /* fails closed: a replica that cannot be asked is one that lags */
    ts_do(f.admin, "ROLLBACK MIGRATION " SHOP_MIGRATION " TO expanded");
    ts_do(f.admin, "ADVANCE MIGRATION " SHOP_MIGRATION " TO dual_write");
    shop_await(f.admin, "throttle", where);
    ts_close(on_replica);
    shop_end(&f);
    ts_own_wipe(&replica);
}

static void test_mysql(void **state)
{
    (void)state;
    check(ts_mysql());
}

static void test_mariadb(void **state)
{
    (void)state;
    check(ts_mariadb());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mysql), cmocka_unit_test(test_mariadb)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
