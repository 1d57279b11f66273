/* Shadow reads: clients' SELECTs, run again through both columns in one snapshot. No write that is under way
 * makes a difference; a row that somebody has written past the proxy does, and keeps the next phase from
 * coming. Run under ThreadSanitizer as well. */
#include "servers.h"
#include "shadow.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define M SHOP_MIGRATION

typedef struct sent {
    ts_conn *c;
    const char *sql;
} sent;

static void send_text(void *arg)
{
    const sent *k = arg;
    ts_result *r = ts_query(k->c, "%s", k->sql);
    if (r->error != 0) fail_msg("%s: %s", k->sql, r->message);
    ts_result_free(r);
}

/* Sends the statement again and again until that many more have been counted there. */
static void until(shop *f, ts_conn *c, const char *sql, const char *column, long long more)
{
    shadow_until(f, send_text, &(sent){c, sql}, column, more);
}

static void expect(ts_conn *c, const char *sql, const char *column, const char *part)
{
    char cell[700];
    shop_cell(c, sql, column, cell, sizeof cell);
    if (strstr(cell, part) == NULL) fail_msg("%s: %s is %s, not %s", sql, column, cell, part);
}

/* ---- under writes ---- */

typedef struct client {
    pthread_t thread;
    unsigned port;
    const char *column;
    bool writes, prepared;
    atomic_bool *stop;
    unsigned long statements;
    char error[300];
} client;

static void *client_main(void *arg)
{
    static const char *const values[] = {"card", "wire", "cash", "Card"};
    client *k = arg;
    ts_conn *c = ts_connect(
        &(ts_login){.host = "127.0.0.1", .port = k->port, .user = "root", .password = "", .schema = "t_mig"});
    for (unsigned n = 0; !atomic_load(k->stop) && k->error[0] == '\0'; n++) {
        const char *value = values[n % 4];
        ts_result *r = k->writes ? ts_query(c, "UPDATE transactions SET %s = '%s', n = n + 1 WHERE id = %u",
                                            k->column, value, 1 + n % 8)
                       : k->prepared
                           ? ts_run(c, TS_PREPARED, "SELECT * FROM transactions WHERE n > ? AND id <> ?",
                                    (ts_param[]){{'i', "0"}, {'s', "3"}}, 2)
                           : ts_query(c, "SELECT id, %s, n FROM transactions WHERE %s <> '%s'", k->column,
                                      k->column, value);
        if (r->error != 0) snprintf(k->error, sizeof k->error, "%.290s", r->message);
        ts_result_free(r);
        k->statements++;
        usleep(500);
    }
    ts_close(c);
    return NULL;
}

static void under_writes(shop *f)
{
    client clients[6];
    atomic_bool stop = false;
    long long from = shadow_number(f, "shadow_compared");
    for (unsigned i = 0; i < 6; i++) {
        bool old = i % 2 == 0;
        clients[i] = (client){.port = old ? f->proxy.port_old : f->proxy.port_new,
                              .column = old ? "transaction_type" : "payment_method",
                              .writes = i < 4,
                              .prepared = i == 5,
                              .stop = &stop};
        assert_int_equal(pthread_create(&clients[i].thread, NULL, client_main, &clients[i]), 0);
    }
    for (int i = 0; i < 600 && shadow_number(f, "shadow_compared") < from + 40; i++) usleep(100000);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 6; i++) {
        pthread_join(clients[i].thread, NULL);
        if (clients[i].error[0] != '\0') fail_msg("%s", clients[i].error);
    }
    if (shadow_number(f, "shadow_compared") < from + 40)
        fail_msg("%lld were compared", shadow_number(f, "shadow_compared"));
    assert_int_equal(shadow_number(f, "shadow_differing"), 0);
    assert_int_equal(shadow_number(f, "shadow_failed"), 0);
}

/* ---- what is not compared, and in what session ---- */

static void skips(shop *f, ts_conn *c, const char *sql, const char *why)
{
    shadow_until_says(f, send_text, &(sent){c, sql}, why);
}

static void skipped(shop *f, ts_conn *c)
{
    skips(f, c, "SELECT transaction_type FROM transactions LIMIT 3", "LIMIT without an order");
    skips(f, c,
          "SELECT a.transaction_type FROM transactions a JOIN transactions b JOIN transactions c JOIN "
          "transactions d JOIN transactions e",
          "more than 10,000 rows");                                  /* 8 to the fifth */
    ts_result_free(ts_query(c, "SELECT no_such FROM transactions")); /* an error: is not run again */
}

static void in_any_session(shop *f)
{
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_old");
    ts_do(c, "SET NAMES gbk, sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES', time_zone = '+03:00'");
    until(
        f, c,
        "SELECT \"id\", \"transaction_type\", NOW() FROM \"t_mig\".\"transactions\" WHERE \"payment_method\" "
        "<> '\\'",
        "shadow_compared", 2);
    ts_close(c);
    assert_int_equal(shadow_number(f, "shadow_differing"), 0);
    assert_int_equal(shadow_number(f, "shadow_failed"), 0);
}

/* With no share nothing is sampled any more. */
static void off(shop *f, ts_conn *c)
{
    ts_do(f->admin, "SET BACKFILL " M " shadow_percent = 0");
    for (int i = 0; i < 40; i++) {
        long long before = shadow_number(f, "shadow_sampled");
        for (int k = 0; k < 5; k++)
            ts_result_free(ts_query(c, "SELECT transaction_type FROM transactions WHERE id = 1"));
        usleep(1500000);
        if (shadow_number(f, "shadow_sampled") == before) {
            ts_do(f->admin, "SET BACKFILL " M " shadow_percent = 100");
            return;
        }
    }
    fail_msg("reads are sampled still");
}

/* ---- a difference ---- */

static const char looks[] = "SELECT id, transaction_type FROM transactions WHERE transaction_type = 'wire'";

static void found(shop *f, ts_conn *c)
{
    ts_do(f->direct,
          "UPDATE t_mig.transactions SET transaction_type = 'wire', payment_method = 'stray' WHERE id "
          "= 2");
    until(f, c, looks, "shadow_differing", 1);
    expect(f->admin, "SHOW SHADOW READS " M, "outcome", "differing");
    expect(f->admin, "SHOW SHADOW READS " M, "statement",
           "SELECT id, transaction_type FROM transactions WHERE transaction_type = ?");
    expect(f->admin, "SHOW SHADOW READS " M, "settled", "NULL");
    expect(f->admin, "SHOW MIGRATION " M, "last_error", "a shadow read gave other rows");
    shop_expect(f->admin, "ADVANCE MIGRATION " M, 1235,
                "gave other rows through the other column for 1 statement,");
}

static void check(shop *f)
{
    shadow_begin(f, "");
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    under_writes(f);
    skipped(f, c);
    in_any_session(f);
    off(f, c);
    found(f, c);
    ts_do(f->admin, "VERIFY MIGRATION " M); /* not clean: settles nothing */
    shop_expect(f->admin, "ADVANCE MIGRATION " M, 1235, "VERIFY MIGRATION");
    ts_do(f->admin, "VERIFY MIGRATION " M " REPAIR");
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM straddle.shadow WHERE outcome = 'differing' AND "
                                       "settled IS NULL"),
                     0);
    ts_do(f->admin, "ADVANCE MIGRATION " M);
    long long before = shadow_number(f, "shadow_differing");
    until(f, c, looks, "shadow_compared", 3);
    assert_int_equal(shadow_number(f, "shadow_differing"), before);
    found(f, c); /* in switched; by FORCE it goes on */
    ts_do(f->admin, "ADVANCE MIGRATION " M " FORCE");
    shop_expect(f->admin, "ADVANCE MIGRATION " M, 1235, "ROLLBACK to switched; there VERIFY");
    assert_int_equal(shadow_number(f, "shadow_failed"), 0);
    ts_close(c);
}

static void test_all(void **state)
{
    (void)state;
    shop_each_server(check, NULL);
}

/* What `up` and `down` lose reads differently on purpose: it is told, and the gate compares anew, no more. */
static void check_lossy(shop *f)
{
    char cell[80];
    ts_do(f->admin,
          "APPLY MIGRATION 'name: lossy\ntable: t_mig.transactions\nobserve_days: 0\ncolumns:\n  - "
          "{from: note, to: remark, up: LOWER(note), down: remark}\nbackfill: {shadow_percent: 100, "
          "recheck_percent: 0}\n'");
    ts_do(f->admin, "ADVANCE MIGRATION lossy TO dual_write");
    ts_wait_backfill(f->admin, "lossy");
    ts_do(f->admin, "VERIFY MIGRATION lossy");
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    ts_do(c, "UPDATE transactions SET note = 'Loud' WHERE id = 1");
    for (int i = 0; i < 600; i++) {
        ts_result_free(ts_query(c, "SELECT note FROM transactions WHERE id = 1"));
        usleep(100000);
        shop_cell(f->admin, "SHOW MIGRATION lossy", "shadow_differing", cell, sizeof cell);
        if (atoi(cell) > 0) break;
    }
    assert_true(atoi(cell) > 0);
    shop_cell(f->admin, "SHOW MIGRATION lossy", "checksum", cell, sizeof cell);
    assert_string_equal(cell, "differs"); /* it is not known any more */
    ts_do(f->admin, "SET BACKFILL lossy shadow_percent = 0");
    ts_do(f->admin, "ADVANCE MIGRATION lossy");
    expect(f->admin, "SHOW MIGRATION lossy", "phase", "switched");
    ts_close(c);
}

static void test_lossy(void **state)
{
    (void)state;
    shop_each_server(check_lossy, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all), cmocka_unit_test(test_lossy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
