/* DDL that somebody runs directly on the database, on a migrating table: it is noticed within a second or
 * two, told, and the rules are made anew; a statement in the meantime is not rewritten by the old ones. */
#include "shop.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static bool told(shop *f, const char *part)
{
    for (int i = 0; i < 1200; i++, usleep(50000)) {
        ts_result *r = ts_query(f->admin, "SHOW HISTORY " SHOP_MIGRATION);
        bool found = false;
        for (size_t k = 0; k < r->nrows && !found; k++)
            found = strcmp(ts_cell(r, k, "action"), "catalogue") == 0 &&
                    strstr(ts_cell(r, k, "result"), part) != NULL;
        ts_result_free(r);
        if (found) return true;
    }
    return false;
}

/* Until the statement is taken again (60 s). */
static void await_taken(ts_conn *c, const char *sql)
{
    char why[512] = "";
    for (int i = 0; i < 1200; i++, usleep(50000)) {
        ts_result *r = ts_query(c, "%s", sql);
        bool taken = r->error == 0;
        snprintf(why, sizeof why, "%s", taken ? "" : r->message);
        ts_result_free(r);
        if (taken) return;
    }
    fail_msg("%s: %s", sql, why);
}

static void noticed(shop *f)
{
    char got[40];
    shop_apply(f, NULL);
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_old, "t_mig"),
            *open = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    ts_result *r = ts_query(c, "SELECT * FROM transactions WHERE id = 1");
    size_t before = r->ncols;
    ts_result_free(r);
    ts_go(f->admin, SHOP_MIGRATION, "dual_write");
    ts_do(open, "BEGIN");
    ts_do(open, "SELECT 1");
    ts_do(f->direct, "ALTER TABLE transactions ADD COLUMN extra INT NULL DEFAULT 7");
    assert_true(told(f, "column extra"));
    r = ts_query(c, "SELECT * FROM transactions WHERE id = 1"); /* waits for the new rules, and shows it */
    if (r->error != 0) fail_msg("%s", r->message);
    assert_int_equal(r->ncols, before + 1);
    ts_result_free(r);
    shop_expect(open, "SELECT transaction_type FROM transactions WHERE id = 1", 1412, "roll back");
    ts_do(open, "ROLLBACK");
    ts_text(open, got, sizeof got, "SELECT extra FROM transactions WHERE id = 1");
    assert_string_equal(got, "7");
    /* An error that tells of it makes it look at once; a phase goes on as ever. */
    ts_do(f->direct, "ALTER TABLE transactions DROP COLUMN extra");
    shop_expect(c, "SELECT extra FROM transactions WHERE id = 1", 1054, "extra");
    ts_go(f->admin, SHOP_MIGRATION, "switched");
    ts_go(f->admin, SHOP_MIGRATION, "planned");
    ts_close(c), ts_close(open);
}

/* The column itself goes: nothing is guessed, statements are refused until it is there again. */
static void column_gone(shop *f)
{
    char got[40];
    shop_apply(f, NULL);
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_new, "t_mig");
    ts_do(c, "PREPARE s FROM 'SELECT payment_method FROM transactions WHERE id = 1'");
    ts_do(f->direct, "ALTER TABLE transactions RENAME COLUMN transaction_type TO other_name");
    assert_true(told(f, "column other_name"));
    shop_expect(c, "SELECT payment_method FROM transactions WHERE id = 1", 1235,
                "has no column transaction_type");
    shop_expect(c, "EXECUTE s", 1235, "has no column transaction_type");
    ts_text(c, got, sizeof got, "SELECT COUNT(*) FROM accounts");
    ts_do(f->direct, "ALTER TABLE transactions RENAME COLUMN other_name TO transaction_type");
    await_taken(c, "SELECT payment_method FROM transactions WHERE id = 1");
    ts_close(c);
}

/* The whole table goes, and the proxy is started anew: it serves all others, and lets the migration be
 * removed. */
static void table_gone(shop *f)
{
    char got[200];
    shop_apply(f, NULL);
    ts_go(f->admin, SHOP_MIGRATION, "dual_write");
    ts_do(f->direct, "RENAME TABLE transactions TO elsewhere");
    ts_close(f->admin);
    ts_proxy_stop(&f->proxy, 15);
    ts_proxy_restart(&f->proxy);
    f->admin = ts_proxy_admin(&f->proxy);
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_old, "t_mig");
    shop_expect(c, "SELECT * FROM transactions", 1235, "there is no table t_mig.transactions");
    ts_text(c, got, sizeof got, "SELECT COUNT(*) FROM elsewhere");
    shop_cell(f->admin, "SHOW MIGRATIONS", "last_error", got, sizeof got);
    if (strstr(got, "there is no table") == NULL) fail_msg("%s", got);
    ts_do(f->direct, "RENAME TABLE elsewhere TO transactions");
    await_taken(c, "SELECT transaction_type FROM transactions");
    shop_cell(f->admin, "SHOW MIGRATIONS", "last_error", got, sizeof got);
    if (strncmp(got, "migration ", 10) == 0) fail_msg("%s", got);
    shop_expect(f->admin, "REMOVE MIGRATION " SHOP_MIGRATION, 1235, "only a planned or finished one");
    ts_do(f->direct, "DROP TABLE transactions");
    ts_do(f->admin, "REMOVE MIGRATION " SHOP_MIGRATION);
    shop_expect(c, "SELECT * FROM transactions", 1146, "");
    ts_close(c);
}

/* What a BEFORE trigger makes of a column, the other one does not get: writes of it are refused. */
static void trigger_made(shop *f)
{
    shop_apply(f, NULL);
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_old, "t_mig");
    ts_go(f->admin, SHOP_MIGRATION, "dual_write");
    ts_do(c, "UPDATE transactions SET transaction_type = 'wire' WHERE id = 1");
    ts_do(f->direct, "CREATE TRIGGER by_hand BEFORE UPDATE ON transactions FOR EACH ROW SET "
                     "NEW.transaction_type = UPPER(NEW.transaction_type)");
    assert_true(told(f, "its BEFORE triggers"));
    shop_expect(c, "UPDATE transactions SET transaction_type = 'cash' WHERE id = 1", 1235, "trigger");
    ts_do(f->direct, "DROP TRIGGER by_hand");
    for (int i = 0; i < 1200; i++, usleep(50000)) {
        ts_result *r = ts_query(c, "UPDATE transactions SET transaction_type = 'cash' WHERE id = 1");
        bool done = r->error == 0;
        ts_result_free(r);
        if (done) break;
    }
    assert_int_equal(ts_int(f->direct,
                            "SELECT COUNT(*) FROM transactions WHERE id = 1 AND payment_method = 'cash' "
                            "AND transaction_type = 'cash'"),
                     1);
    ts_close(c);
}

static void test_trigger_made(void **state)
{
    (void)state;
    shop_each_server(trigger_made, NULL);
}

static void test_noticed(void **state)
{
    (void)state;
    shop_each_server(noticed, NULL);
}

static void test_table_gone(void **state)
{
    (void)state;
    shop_each_server(table_gone, NULL);
}

static void test_column_gone(void **state)
{
    (void)state;
    shop_each_server(column_gone, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_noticed), cmocka_unit_test(test_column_gone),
                                       cmocka_unit_test(test_table_gone),
                                       cmocka_unit_test(test_trigger_made)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
