/* Phases moved forward and back under concurrent clients of both names, and a kill -9 in mid-backfill: no
 * error, no wrong row, nothing acknowledged is lost. Run under ThreadSanitizer as well. */
#include "shop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

enum { CLIENTS = 6, ROWS = 20 };

typedef struct client {
    pthread_t thread;
    unsigned number, port;
    const char *column;
    atomic_bool *stop;
    unsigned long statements, errors;
    char first_error[700];
} client;

static void note(client *k, const char *sql, const char *what)
{
    if (k->errors++ == 0) snprintf(k->first_error, sizeof k->first_error, "%.300s: %.300s", sql, what);
}

static ts_result *say(client *k, ts_conn *c, ts_mode mode, const char *sql)
{
    ts_result *r = ts_run(c, mode, sql, NULL, 0);
    k->statements++;
    if (r->error != 0) note(k, sql, r->message);
    return r;
}

static void round_trip(client *k, ts_conn *c, unsigned n)
{
    char sql[300], value[40];
    long long id = 10000 + (long long)k->number * 100 + n % ROWS;
    ts_mode mode = n % 2 == 0 ? TS_TEXT : TS_PREPARED;
    bool transaction = n % 5 == 0;
    snprintf(value, sizeof value, "v%u-%u", k->number, n);
    if (transaction) ts_result_free(say(k, c, TS_TEXT, "BEGIN"));
    if (n % 3 == 0)
        snprintf(sql, sizeof sql,
                 "INSERT INTO transactions (id, account_id, %s) VALUES (%lld, 1, '%s') ON DUPLICATE KEY "
                 "UPDATE %s = VALUES(%s)",
                 k->column, id, value, k->column, k->column);
    else if (n % 3 == 1)
        snprintf(sql, sizeof sql, "REPLACE INTO transactions (id, account_id, %s) VALUES (%lld, 1, '%s')",
                 k->column, id, value);
    else
        snprintf(sql, sizeof sql, "UPDATE transactions SET %s = '%s' WHERE id = %lld", k->column, value, id);
    ts_result *r = say(k, c, mode, sql);
    bool there = r->error == 0 && (n % 3 != 2 || r->affected == 1);
    ts_result_free(r);
    snprintf(sql, sizeof sql, "SELECT %s FROM transactions WHERE id = %lld", k->column, id);
    r = say(k, c, mode, sql);
    if (there && (r->nrows != 1 || r->cells[0] == NULL || strcmp(r->cells[0], value) != 0))
        note(k, sql, "not the row written");
    ts_result_free(r);
    if (transaction) ts_result_free(say(k, c, TS_TEXT, "COMMIT"));
}

static void *client_main(void *arg)
{
    client *k = arg;
    ts_conn *c = ts_connect(
        &(ts_login){.host = "127.0.0.1", .port = k->port, .user = "root", .password = "", .schema = "t_mig"});
    for (unsigned n = 0; !atomic_load(k->stop); n++) {
        round_trip(k, c, n);
        if (n % 50 == 49) { /* a new session now and then */
            ts_close(c);
            c = ts_connect(&(ts_login){
                .host = "127.0.0.1", .port = k->port, .user = "root", .password = "", .schema = "t_mig"});
        }
        usleep(1000);
    }
    ts_close(c);
    return NULL;
}

static void walk_under_traffic(const ts_server *server)
{
    static const char *const path[] = {"expanded",   "dual_write", "switched", "dual_write", "expanded",
                                       "planned",    "dual_write", "switched", "retired",    "switched",
                                       "dual_write", "switched",   "retired",  "contracted"};
    ts_proxy p;
    ts_forget_migrations(server);
    shop_create(server);
    ts_proxy_start(&p, server, NULL);
    ts_conn *admin = ts_proxy_admin(&p), *direct = ts_root(server, "t_mig");
    shop_fill(direct, 0);
    ts_apply_rename(admin, SHOP_MIGRATION, "t_mig.transactions", "transaction_type", "payment_method");
    client clients[CLIENTS];
    atomic_bool stop = false;
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = (client){.number = i,
                              .column = i % 2 == 0 ? "transaction_type" : "payment_method",
                              .stop = &stop,
                              .port = i < 2        ? p.port_both
                                      : i % 2 == 0 ? p.port_old
                                                   : p.port_new};
        assert_int_equal(pthread_create(&clients[i].thread, NULL, client_main, &clients[i]), 0);
    }
    for (size_t i = 0; i < sizeof path / sizeof *path; i++) {
        ts_go(admin, SHOP_MIGRATION, path[i]);
        ts_do(admin, "RELOAD CONFIG");
        usleep(150000);
    }
    atomic_store(&stop, true);
    unsigned long statements = 0, errors = 0;
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        statements += clients[i].statements, errors += clients[i].errors;
        if (clients[i].errors > 0)
            print_error("client %u (%s): %lu errors, first: %s\n", i, clients[i].column, clients[i].errors,
                        clients[i].first_error);
    }
    print_message("%s: %lu statements, %lu errors\n", server->name, statements, errors);
    assert_int_equal(errors, 0);
    assert_true(statements > 500);
    assert_int_equal(ts_int(direct, "SELECT COUNT(*) FROM transactions WHERE id < 10000"), 8);
    ts_close(direct), ts_close(admin);
    ts_proxy_end(&p);
}

static long long migration_number(ts_conn *admin, const char *column)
{
    ts_result *r = ts_query(admin, "SHOW MIGRATION " SHOP_MIGRATION);
    const char *cell = ts_cell(r, 0, column);
    long long v = cell == NULL ? -1 : atoll(cell);
    if (r->error != 0) fail_msg("%s", r->message);
    ts_result_free(r);
    return v;
}

/* kill -9 while the backfill runs: it goes on from its checkpoint, and every row is right in the end. */
static void crash_in_backfill(const ts_server *server)
{
    ts_proxy p;
    ts_forget_migrations(server);
    shop_create(server);
    ts_proxy_start(&p, server, NULL);
    ts_conn *admin = ts_proxy_admin(&p), *direct = ts_root(server, "t_mig");
    shop_fill(direct, 0);
    for (int i = 0; i < 13; i++) /* 8 rows to 65,536 */
        ts_do(direct,
              "INSERT INTO transactions (account_id, transaction_type, amount, note, n) SELECT account_id,"
              " LEFT(CONCAT(transaction_type, id), 20), amount, NULL, n FROM transactions");
    ts_apply_rename(admin, SHOP_MIGRATION, "t_mig.transactions", "transaction_type", "payment_method");
    ts_go(admin, SHOP_MIGRATION, "expanded");
    ts_do(admin,
          "SET BACKFILL " SHOP_MIGRATION " chunk_rows = 10"); /* slow enough to be killed three times */
    ts_do(admin, "ADVANCE MIGRATION " SHOP_MIGRATION);
    long long seen = 0;
    for (int kill_number = 0; kill_number < 3; kill_number++) {
        long long before = seen;
        for (int i = 0; i < 20000 && (seen = migration_number(admin, "rows_done")) < before + 2000; i++)
            usleep(2000);
        assert_true(seen >= before + 2000);
        ts_close(admin);
        ts_proxy_stop(&p, SIGKILL);
        long long stored =
            ts_int(direct, "SELECT COUNT(*) FROM transactions WHERE payment_method IS NOT NULL");
        if (stored < seen || stored >= 65536)
            fail_msg("kill %d: %lld rows are stored, %lld were told", kill_number + 1, stored, seen);
        ts_proxy_restart(&p);
        admin = ts_proxy_admin(&p);
        seen = migration_number(admin, "rows_done");
        assert_true(seen >= before + 2000); /* from the checkpoint, not from the start */
    }
    ts_do(admin, "SET BACKFILL " SHOP_MIGRATION " chunk_rows = 10000");
    ts_wait_backfill(admin, SHOP_MIGRATION);
    assert_int_equal(ts_int(direct, "SELECT COUNT(*) FROM transactions WHERE NOT (BINARY payment_method <=> "
                                    "BINARY transaction_type)"),
                     0);
    ts_result *r = ts_query(admin, "VERIFY MIGRATION " SHOP_MIGRATION);
    if (r->error != 0) fail_msg("%s", r->message);
    assert_string_equal(ts_cell(r, 0, "differing"), "0");
    ts_result_free(r);
    /* A row that differs is found, and the gate stays shut. */
    ts_do(direct, "UPDATE transactions SET payment_method = UPPER(transaction_type) WHERE id = 3");
    r = ts_query(admin, "VERIFY MIGRATION " SHOP_MIGRATION);
    assert_string_equal(ts_cell(r, 0, "differing"), "1");
    ts_result_free(r);
    r = ts_query(admin, "ADVANCE MIGRATION " SHOP_MIGRATION);
    assert_int_not_equal(r->error, 0);
    ts_result_free(r);
    ts_close(direct), ts_close(admin);
    ts_proxy_end(&p);
}

static void test_walk_mysql(void **state)
{
    (void)state;
    walk_under_traffic(ts_mysql());
}

static void test_walk_mariadb(void **state)
{
    (void)state;
    walk_under_traffic(ts_mariadb());
}

static void test_crash_mysql(void **state)
{
    (void)state;
    crash_in_backfill(ts_mysql());
}

static void test_crash_mariadb(void **state)
{
    (void)state;
    crash_in_backfill(ts_mariadb());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk_mysql),
        cmocka_unit_test(test_walk_mariadb),
        cmocka_unit_test(test_crash_mysql),
        cmocka_unit_test(test_crash_mariadb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
