/* instant_rename under load: 8 clients at full speed over both names, by text and prepared, in transactions
 * and outside, through one proxy or two, while the columns are renamed forward and back. No error, no wrong
 * row; the longest stall is told. The same where the rename does not wait for anybody, so that statements
 * meet error 1054 and are sent once more. And what stands in its way: a transaction that holds the table, a
 * process that dies in the middle. */
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

/* STALL_MS: what would be no stall any more but a statement left behind; how long one is, is told. */
enum { CLIENTS = 8, TURNS = 6, STALL_MS = 20000 };

#define INSTANT "strategy: instant_rename\nobserve_days: 0\ngate_ms: 400"

typedef struct client {
    pthread_t thread;
    unsigned number, port;
    const char *column;
    bool transactions; /* some */
    atomic_bool *stop;
    unsigned long statements, errors;
    double longest_ms;
    char first_error[700];
} client;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1000000;
}

static void note(client *k, const char *sql, const char *what)
{
    if (k->errors++ == 0) snprintf(k->first_error, sizeof k->first_error, "%.300s: %.300s", sql, what);
}

static ts_result *say(client *k, ts_conn *c, ts_mode mode, const char *sql)
{
    double begun = now_ms();
    ts_result *r = ts_run(c, mode, sql, NULL, 0);
    double took = now_ms() - begun;
    k->statements++;
    if (took > k->longest_ms) k->longest_ms = took;
    if (r->error != 0) note(k, sql, r->message);
    return r;
}

static void round_trip(client *k, ts_conn *c, unsigned n)
{
    char sql[300], value[40];
    long long id = 10000 + (long long)k->number;
    ts_mode mode = n % 2 == 0 ? TS_TEXT : TS_PREPARED;
    bool transaction = k->transactions && n % 5 == 0;
    snprintf(value, sizeof value, "v%u-%u", k->number, n);
    if (transaction) ts_result_free(say(k, c, TS_TEXT, "BEGIN"));
    snprintf(sql, sizeof sql, "REPLACE INTO transactions (id, account_id, %s) VALUES (%lld, 1, '%s')",
             k->column, id, value);
    ts_result_free(say(k, c, mode, sql));
    snprintf(sql, sizeof sql, "SELECT %s FROM transactions WHERE id = %lld", k->column, id);
    ts_result *r = say(k, c, mode, sql);
    if (r->nrows != 1 || r->cells[0] == NULL || strcmp(r->cells[0], value) != 0 ||
        strcmp(r->names[0], k->column) != 0)
        note(k, sql, "not the row written");
    ts_result_free(r);
    if (transaction) ts_result_free(say(k, c, TS_TEXT, "COMMIT"));
}

static void *client_main(void *arg)
{
    client *k = arg;
    ts_conn *c = ts_connect(
        &(ts_login){.host = "127.0.0.1", .port = k->port, .user = "root", .password = "", .schema = "t_mig"});
    for (unsigned n = 0; !atomic_load(k->stop); n++) round_trip(k, c, n);
    ts_close(c);
    return NULL;
}

/* Half of them through the other proxy. */
static void start_clients(const ts_proxy *one, const ts_proxy *other, bool transactions, client *clients,
                          atomic_bool *stop)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        const ts_proxy *p = i < CLIENTS / 2 ? one : other;
        clients[i] = (client){.number = i,
                              .column = i % 2 == 0 ? "transaction_type" : "payment_method",
                              .transactions = transactions,
                              .stop = stop,
                              .port = i % 4 < 2    ? p->port_both
                                      : i % 2 == 0 ? p->port_old
                                                   : p->port_new};
        assert_int_equal(pthread_create(&clients[i].thread, NULL, client_main, &clients[i]), 0);
    }
}

static void end_clients(shop *f, client *clients, atomic_bool *stop)
{
    unsigned long statements = 0, errors = 0;
    double longest = 0;
    atomic_store(stop, true);
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        statements += clients[i].statements, errors += clients[i].errors;
        if (clients[i].longest_ms > longest) longest = clients[i].longest_ms;
        if (clients[i].errors > 0)
            print_error("client %u (%s): %lu errors, first: %s\n", i, clients[i].column, clients[i].errors,
                        clients[i].first_error);
    }
    print_message("%s: %lu statements, %lu errors, longest stall %.0f ms\n", f->server->name, statements,
                  errors, longest);
    assert_int_equal(errors, 0);
    assert_true(statements > 200);
    assert_true(longest < STALL_MS);
}

static long long columns(shop *f, const char *name)
{
    return ts_int(f->direct,
                  "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 't_mig' AND "
                  "TABLE_NAME = 'transactions' AND COLUMN_NAME = '%s'",
                  name);
}

static void turn(shop *f, const ts_proxy *other)
{
    client clients[CLIENTS];
    atomic_bool stop = false;
    shop_apply(f, INSTANT);
    start_clients(&f->proxy, other, true, clients, &stop);
    for (int i = 0; i < TURNS; i++) {
        usleep(100000);
        ts_do(f->admin, i % 2 == 0 ? "ADVANCE MIGRATION " SHOP_MIGRATION " TO contracted"
                                   : "ROLLBACK MIGRATION " SHOP_MIGRATION " TO planned");
        assert_int_equal(columns(f, "payment_method"), i % 2 == 0);
        assert_int_equal(columns(f, "transaction_type"), i % 2);
    }
    end_clients(f, clients, &stop);
    assert_true(ts_int(f->direct, "SELECT COUNT(*) FROM straddle.history WHERE action = 'hold'") >= TURNS);
    assert_int_equal(ts_int(f->direct, "SELECT held FROM straddle.migrations"), 0);
}

static void under_load(shop *f)
{
    turn(f, &f->proxy);
}

static void two_proxies(shop *f)
{
    ts_proxy other;
    ts_proxy_start(&other, f->server, NULL);
    turn(f, &other);
    ts_proxy_end(&other);
}

/* ---- error 1054 ---- */

/* What the engine does, but without a hold and without waiting for anybody. */
static void rename_rashly(shop *f, bool forward)
{
    ts_do(f->direct, "DO GET_LOCK('straddle.coordinator', 60)");
    ts_do(f->direct, "ALTER TABLE transactions RENAME COLUMN %s TO %s",
          forward ? "transaction_type" : "payment_method", forward ? "payment_method" : "transaction_type");
    usleep(300000);
    ts_do(f->direct, "BEGIN");
    ts_do(f->direct, "UPDATE straddle.state SET epoch = epoch + 1");
    ts_do(f->direct, "UPDATE straddle.migrations SET phase = '%s'", forward ? "contracted" : "planned");
    ts_do(f->direct, "COMMIT");
    ts_do(f->direct, "DO RELEASE_LOCK('straddle.coordinator')");
}

static void rashly(shop *f)
{
    client clients[CLIENTS];
    atomic_bool stop = false;
    ts_proxy other;
    ts_proxy_start(&other, f->server, NULL);
    shop_apply(f, INSTANT);
    start_clients(&f->proxy, &other, false, clients, &stop);
    for (int i = 0; i < TURNS; i++) {
        usleep(300000);
        rename_rashly(f, i % 2 == 0);
    }
    end_clients(f, clients, &stop);
    ts_conn *admin = ts_proxy_admin(&other);
    assert_true(shop_stat(f->admin, "statements_again") > 0);
    assert_true(shop_stat(admin, "statements_again") > 0);
    ts_close(admin);
    ts_proxy_end(&other);
}

/* A transaction older than the rename is waited for, without anybody being held; and one that came to stay
 * outside of the proxy keeps the table for itself: it is named, statements go on, and the old phase stands.
 */
static void blocked(shop *f)
{
    char got[200];
    shop_apply(f, INSTANT);
    ts_do(f->direct, "BEGIN");
    ts_do(f->direct, "SELECT COUNT(*) FROM transactions");
    shop_expect(f->admin, "ADVANCE MIGRATION " SHOP_MIGRATION, 1205, "blocked by connection");
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_new, "t_mig");
    ts_text(c, got, sizeof got, "SELECT payment_method FROM transactions WHERE id = 1");
    shop_cell(f->admin, "SHOW MIGRATION " SHOP_MIGRATION, "phase", got, sizeof got);
    assert_string_equal(got, "planned");
    assert_int_equal(ts_int(f->direct, "SELECT held FROM straddle.migrations"), 0);
    ts_do(f->direct, "COMMIT");
    ts_do(f->admin, "ADVANCE MIGRATION " SHOP_MIGRATION);
    shop_expect(f->admin, "ADVANCE MIGRATION " SHOP_MIGRATION " TO retired", 1235, "instant_rename");
    ts_text(c, got, sizeof got, "SELECT transaction_type FROM transactions WHERE id = 1");
    ts_do(f->admin, "ADVANCE MIGRATION " SHOP_MIGRATION);
    shop_expect(c, "SELECT transaction_type FROM transactions WHERE id = 1", 1054, "transaction_type");
    ts_close(c);
}

/* Killed while the table is held: what was begun is undone, or finished, once the process is there again. */
static void dies(shop *f)
{
    char got[200];
    ts_proxy *p = &f->proxy;
    shop_apply(f, INSTANT);
    for (int done = 0; done < 2; done++) {
        ts_close(f->admin);
        assert_int_equal(ts_proxy_stop(p, SIGKILL) & 0x7F, SIGKILL);
        ts_do(f->direct, "UPDATE straddle.migrations SET held = 1, pending = 'planned>contracted'");
        if (done == 1)
            ts_do(f->direct, "ALTER TABLE transactions RENAME COLUMN transaction_type TO payment_method");
        ts_proxy_restart(p);
        f->admin = ts_proxy_admin(p);
        for (int i = 0; i < 1200 && ts_int(f->direct, "SELECT held FROM straddle.migrations") != 0; i++)
            usleep(50000);
        ts_conn *c = ts_proxy_connect(p, p->port_both, "t_mig");
        ts_text(c, got, sizeof got, "SELECT transaction_type FROM transactions WHERE id = 1");
        ts_close(c);
        shop_await(f->admin, "phase", done == 0 ? "planned" : "contracted");
        assert_int_equal(ts_int(f->direct, "SELECT held FROM straddle.migrations"), 0);
    }
}

static void test_under_load(void **state)
{
    (void)state;
    shop_each_server(under_load, NULL);
}

static void test_two_proxies(void **state)
{
    (void)state;
    shop_each_server(two_proxies, NULL);
}

static void test_rashly(void **state)
{
    (void)state;
    shop_each_server(rashly, NULL);
}

static void test_blocked(void **state)
{
    (void)state;
    shop_each_server(blocked, "limits: {phase_timeout_ms: 3000}");
}

static void test_dies(void **state)
{
    (void)state;
    shop_each_server(dies, "limits: {lease_ms: 1000}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_under_load), cmocka_unit_test(test_two_proxies),
                                       cmocka_unit_test(test_rashly), cmocka_unit_test(test_blocked),
                                       cmocka_unit_test(test_dies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
