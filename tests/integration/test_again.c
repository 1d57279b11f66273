/* Error 1054 for a column that the rules have: what is sent once more, and what must not be, as something of
 * it may have been carried out. That no client is told of it where a column moves: test_rename.c. */
#include "shop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define INSTANT "strategy: instant_rename\nobserve_days: 0"

typedef struct epochs {
    pthread_t thread;
    const ts_server *server;
    atomic_bool stop;
} epochs;

static void *epochs_main(void *arg)
{
    epochs *e = arg;
    ts_conn *c = ts_root(e->server, "straddle");
    while (!atomic_load(&e->stop)) {
        ts_do(c, "UPDATE state SET epoch = epoch + 1");
        usleep(20000);
    }
    ts_close(c);
    return NULL;
}

/* New epochs come all the time, and the error names a column that the rules have; but it comes out of a
 * routine or a trigger that has done something before: such a statement must not be sent once more. */
static void in_doubt(shop *f)
{
    static const char *const statements[] = {
        "SELECT id, notes() FROM transactions WHERE id = 1",
        "INSERT INTO transactions (account_id, transaction_type) VALUES (1, 'x')",
        "UPDATE transactions SET transaction_type = 'y' WHERE id = notes()",
    };
    epochs e = {.server = f->server};
    ts_do(f->direct, "CREATE FUNCTION notes() RETURNS INT DETERMINISTIC BEGIN SET @noted = @noted + 1; "
                     "RETURN (SELECT account_id FROM accounts LIMIT 1); END");
    ts_do(f->direct, "CREATE TRIGGER noting AFTER INSERT ON transactions FOR EACH ROW SET @n = notes()");
    shop_apply(f, INSTANT);
    assert_int_equal(pthread_create(&e.thread, NULL, epochs_main, &e), 0);
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        ts_do(c, "SET @noted = 0");
        shop_expect(c, statements[i], 1054, "account_id");
        if (ts_int(c, "SELECT @noted") != 1) fail_msg("%s did not run once", statements[i]);
    }
    assert_int_equal(shop_stat(f->admin, "statements_again"), 0);
    atomic_store(&e.stop, true);
    pthread_join(e.thread, NULL);
    ts_close(c);
}

/* Where a table cascades to another one, that one's triggers may fire. */
static void cascades(shop *f)
{
    static const char wrong[] = "DELETE FROM transactions WHERE accounts.account_id = 1";
    epochs e = {.server = f->server};
    shop_apply(f, INSTANT);
    assert_int_equal(pthread_create(&e.thread, NULL, epochs_main, &e), 0);
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    shop_expect(c, wrong, 1054, "accounts.account_id");
    assert_int_equal(shop_stat(f->admin, "statements_again"), 1);
    ts_do(f->direct,
          "CREATE TABLE child (id BIGINT, FOREIGN KEY (id) REFERENCES transactions (id) ON DELETE CASCADE)");
    long long before = 0, after = 1; /* until the rules know of it */
    for (int i = 0; i < 600 && before != after; i++, usleep(100000)) {
        before = shop_stat(f->admin, "statements_again");
        shop_expect(c, wrong, 1054, "accounts.account_id");
        after = shop_stat(f->admin, "statements_again");
    }
    assert_int_equal(before, after);
    ts_close(c);
    atomic_store(&e.stop, true);
    pthread_join(e.thread, NULL);
}

/* Servers find a name that is not there before they do anything, on a table without transactions, too: what
 * rw_fails_early() relies on. */
static void early(shop *f)
{
    static const char *const statements[] = {
        "INSERT INTO noted (n) VALUES (1), (2), (missing)",
        "INSERT INTO noted (n) SELECT id FROM accounts ORDER BY missing",
        "INSERT INTO noted (n) SELECT id FROM accounts WHERE missing = 1",
        "INSERT INTO noted (n) VALUES (1) ON DUPLICATE KEY UPDATE n = missing",
        "INSERT INTO noted SET n = 1, missing = 2",
        "REPLACE INTO noted (n) VALUES (7), (missing)",
        "UPDATE noted SET n = n + 1 ORDER BY missing",
        "UPDATE noted SET n = n + 1, n = missing",
        "UPDATE noted SET n = n + 1 WHERE n > 0 OR missing",
        "UPDATE noted, accounts SET noted.n = 9 WHERE noted.n = accounts.id OR missing",
        "DELETE FROM noted WHERE n > 0 OR missing",
        "DELETE FROM noted ORDER BY missing",
        "DELETE noted FROM noted JOIN accounts WHERE noted.n = accounts.id OR missing",
    };
    ts_do(f->direct, "CREATE TABLE noted (n INT PRIMARY KEY) ENGINE=MyISAM");
    ts_do(f->direct, "INSERT INTO noted VALUES (5), (6)");
    for (int mode = TS_TEXT; mode <= TS_PREPARED; mode++)
        for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
            ts_result *r = ts_run(f->direct, (ts_mode)mode, statements[i], NULL, 0);
            assert_int_equal(r->error, 1054);
            ts_result_free(r);
            if (ts_int(f->direct, "SELECT SUM(n) * 100 + COUNT(*) FROM noted") != 1102)
                fail_msg("%s: %s did something", f->server->name, statements[i]);
        }
}

/* In a transaction the error is the server's, and the transaction goes on. A statement that is wrong in
 * itself has its error, too, once the tables were looked at. */
static void told(shop *f)
{
    shop_apply(f, INSTANT);
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    shop_expect(c, "SELECT account_id FROM accounts a, transactions t WHERE a.account_id = t.id", 1054,
                "a.account_id");
    ts_do(c, "BEGIN");
    ts_do(c, "INSERT INTO log (what) VALUES ('kept')");
    ts_do(f->direct, "DO GET_LOCK('straddle.coordinator', 60)");
    ts_do(f->direct, "ALTER TABLE transactions RENAME COLUMN transaction_type TO payment_method");
    shop_expect(c, "SELECT transaction_type FROM transactions WHERE id = 1", 1054, "transaction_type");
    ts_do(c, "INSERT INTO log (what) VALUES ('kept')");
    ts_do(c, "COMMIT");
    ts_do(f->direct, "ALTER TABLE transactions RENAME COLUMN payment_method TO transaction_type");
    ts_do(f->direct, "DO RELEASE_LOCK('straddle.coordinator')");
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM log WHERE what = 'kept'"), 2);
    assert_int_equal(shop_stat(f->admin, "statements_again"), 0);
    ts_close(c);
}

static void test_in_doubt(void **state)
{
    (void)state;
    shop_each_server(in_doubt, NULL);
}

static void test_cascades(void **state)
{
    (void)state;
    shop_each_server(cascades, NULL);
}

static void test_early(void **state)
{
    (void)state;
    shop_each_server(early, NULL);
}

static void test_told(void **state)
{
    (void)state;
    shop_each_server(told, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_in_doubt), cmocka_unit_test(test_cascades),
                                       cmocka_unit_test(test_early), cmocka_unit_test(test_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
