/* What a session carries from one statement to the next: default schema, sql_mode, character set, temporary
 * tables, prepared statements over a change of phase, transactions that hold an epoch, the schema version. */
#include "shop.h"

#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static void expect(ts_conn *c, const char *want, const char *sql)
{
    ts_result *r = ts_query(c, "%s", sql);
    const char *got = r->error != 0         ? r->message
                      : r->nrows == 0       ? "(no row)"
                      : r->cells[0] == NULL ? "NULL"
                                            : r->cells[0];
    if (strcmp(got, want) != 0) print_error("%s\n", sql);
    assert_string_equal(got, want);
    ts_result_free(r);
}

static void expect_refused(ts_conn *c, const char *sql, const char *part)
{
    ts_result *r = ts_query(c, "%s", sql);
    if (r->error != 1235 || strstr(r->message, part) == NULL)
        print_error("%s: %u %s\n", sql, r->error, r->message);
    assert_int_equal(r->error, 1235);
    assert_string_equal(r->sqlstate, "42000");
    assert_int_equal(strncmp(r->message, "straddle: ", 10), 0);
    assert_non_null(strstr(r->message, part));
    ts_result_free(r);
}

/* The text of the statement decides nothing; what the session has set does. */
static void check_state(shop *f)
{
    shop_apply(f, NULL);
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, NULL);
    expect(c, "card", "SELECT payment_method FROM t_mig.transactions WHERE id = 1");
    ts_do(c, "USE t_new"); /* not the migrating table there */
    ts_do(c, "UPDATE transactions SET payment_method = 'elsewhere' WHERE id = 1");
    expect(c, "elsewhere", "SELECT payment_method FROM transactions WHERE id = 1");
    assert_int_equal(mysql_select_db(ts_handle(c), "t_mig"), 0);
    expect(c, "card", "SELECT payment_method FROM transactions WHERE id = 1");
    ts_do(c, "SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')");
    expect(c, "card", "SELECT \"payment_method\" FROM \"transactions\" WHERE id = 1");
    ts_do(c, "SET sql_mode = ''");
    expect(c, "payment_method", "SELECT \"payment_method\" FROM transactions WHERE id = 1");
    ts_do(c, "SET NAMES gbk");
    expect(c, "card",
           "SELECT payment_method FROM transactions WHERE id = 1 AND note <> '\x95\x5c' AND note <> "
           "'payment_method'");
    ts_do(c, "SET NAMES utf8mb4");
    ts_do(c, "CREATE TEMPORARY TABLE transactions (payment_method VARCHAR(30))");
    ts_do(c, "INSERT INTO transactions VALUES ('of the temporary one')");
    expect(c, "of the temporary one", "SELECT payment_method FROM transactions");
    expect(c, "of the temporary one", "SELECT * FROM transactions");
    ts_do(c, "DROP TEMPORARY TABLE transactions");
    expect(c, "card", "SELECT payment_method FROM transactions WHERE id = 1");
    assert_int_equal(mysql_reset_connection(ts_handle(c)), 0);
    expect(c, "card", "SELECT payment_method FROM t_mig.transactions WHERE id = 1");
    assert_int_equal(mysql_change_user(ts_handle(c), "root", "", "t_mig"), 0);
    expect(c, "card", "SELECT payment_method FROM transactions WHERE id = 1");
    ts_close(c);
}

static void check_refusals(shop *f)
{
    shop_apply(f, NULL);
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    expect_refused(c, "ALTER TABLE transactions ADD COLUMN x INT", "t_mig.transactions");
    expect_refused(c, "CREATE INDEX i ON transactions (transaction_type)", "t_mig.transactions");
    expect_refused(c, "DROP TABLE transactions", "t_mig.transactions");
    expect_refused(c, "RENAME TABLE transactions TO other", "t_mig.transactions");
    expect_refused(c, "CREATE VIEW v AS SELECT payment_method FROM transactions", "t_mig.transactions");
    expect(c, "8", "SELECT COUNT(*) FROM transactions"); /* and the session goes on */
    ts_result *r = ts_query(f->admin, "SHOW REFUSALS");
    assert_int_equal(r->error, 0);
    assert_true(r->nrows >= 2);
    ts_result_free(r);
    ts_close(c);
}

static void check_versions(shop *f)
{
    shop_apply(f, NULL);
    static const struct {
        const char *attr, *want_a, *want_b;
    } rows[] = {{NULL, "transaction_type", "payment_method"},
                {"old", "transaction_type", NULL},
                {"new", NULL, "payment_method"}};
    for (size_t i = 0; i < 3; i++) {
        ts_conn *c = ts_connect(&(ts_login){.host = "127.0.0.1",
                                            .port = f->proxy.port_both,
                                            .user = "root",
                                            .password = "",
                                            .schema = "t_mig",
                                            .attr_key = rows[i].attr == NULL ? NULL : "schema_version",
                                            .attr_value = rows[i].attr});
        ts_result *r = ts_query(c, "SELECT * FROM transactions WHERE id = 2");
        assert_int_equal(r->error, 0);
        assert_int_equal(r->nrows, 1);
        assert_true((ts_cell(r, 0, "transaction_type") != NULL) == (rows[i].want_a != NULL));
        assert_true((ts_cell(r, 0, "payment_method") != NULL) == (rows[i].want_b != NULL));
        ts_result_free(r);
        ts_close(c);
    }
}

typedef struct held {
    ts_conn *conn;
    MYSQL_STMT *read, *write;
} held;

static void hold_statements(held *h, shop *f)
{
    static const char read[] =
        "SELECT payment_method, id FROM transactions WHERE transaction_type = ? OR id = ?";
    static const char write[] = "UPDATE transactions SET payment_method = CONCAT(?, '-', n), n = n + 1 WHERE "
                                "id = ? AND account_id IN (SELECT id FROM accounts)";
    h->conn = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    h->read = mysql_stmt_init(ts_handle(h->conn));
    h->write = mysql_stmt_init(ts_handle(h->conn));
    assert_int_equal(mysql_stmt_prepare(h->read, read, sizeof read - 1), 0);
    assert_int_equal(mysql_stmt_prepare(h->write, write, sizeof write - 1), 0);
    assert_int_equal(mysql_stmt_param_count(h->read), 2);
    assert_int_equal(mysql_stmt_param_count(h->write), 2);
}

static void execute_write(held *h, const char *value)
{
    long long id = 4;
    unsigned long len = strlen(value);
    MYSQL_BIND b[2];
    memset(b, 0, sizeof b);
    b[0].buffer_type = MYSQL_TYPE_STRING;
    b[0].buffer_length = 100;
    b[0].length = &len;
    b[1].buffer_type = MYSQL_TYPE_LONGLONG;
    b[1].buffer = &id;
    assert_int_equal(mysql_stmt_bind_param(h->write, b), 0);
    assert_int_equal(mysql_stmt_send_long_data(h->write, 0, value, 2), 0);
    assert_int_equal(mysql_stmt_send_long_data(h->write, 0, value + 2, len - 2), 0);
    if (mysql_stmt_execute(h->write) != 0) fail_msg("%s", mysql_stmt_error(h->write));
    assert_int_equal(mysql_stmt_affected_rows(h->write), 1);
}

static void execute_read(held *h, const char *value, const char *want)
{
    long long id = -1, got_id = 0;
    char got[64] = "";
    unsigned long len = strlen(value), got_len = 0;
    MYSQL_BIND b[2], out[2];
    memset(b, 0, sizeof b);
    memset(out, 0, sizeof out);
    b[0].buffer_type = MYSQL_TYPE_STRING;
    b[0].buffer = (void *)(uintptr_t)value;
    b[0].buffer_length = len;
    b[1].buffer_type = MYSQL_TYPE_LONGLONG;
    b[1].buffer = &id;
    out[0].buffer_type = MYSQL_TYPE_STRING;
    out[0].buffer = got;
    out[0].buffer_length = sizeof got - 1;
    out[0].length = &got_len;
    out[1].buffer_type = MYSQL_TYPE_LONGLONG;
    out[1].buffer = &got_id;
    assert_int_equal(mysql_stmt_bind_param(h->read, b), 0);
    if (mysql_stmt_execute(h->read) != 0) fail_msg("%s", mysql_stmt_error(h->read));
    MYSQL_RES *meta = mysql_stmt_result_metadata(h->read);
    assert_string_equal(mysql_fetch_field_direct(meta, 0)->name, "payment_method");
    mysql_free_result(meta);
    assert_int_equal(mysql_stmt_bind_result(h->read, out), 0);
    assert_int_equal(mysql_stmt_fetch(h->read), 0);
    got[got_len] = '\0';
    assert_string_equal(got, want);
    assert_int_equal(got_id, 4);
    assert_int_equal(mysql_stmt_fetch(h->read), MYSQL_NO_DATA);
    mysql_stmt_free_result(h->read);
}

/* Statements prepared once go on in every phase, forward and back, with long data and typed parameters. */
static void check_prepared(shop *f)
{
    shop_apply(f, NULL);
    static const char *const path[] = {"planned",  "expanded", "dual_write", "switched", "dual_write",
                                       "switched", "retired",  "switched",   "retired",  "contracted"};
    held h;
    char why[512];
    hold_statements(&h, f);
    for (size_t i = 0; i < sizeof path / sizeof *path; i++) {
        ts_go(f->admin, SHOP_MIGRATION, path[i]);
        if (strcmp(path[i], "dual_write") == 0) ts_wait_backfill(f->admin, SHOP_MIGRATION);
        char value[32], want[64];
        long long n = ts_int(f->direct, "SELECT n FROM transactions WHERE id = 4");
        snprintf(value, sizeof value, "step%zu", i);
        snprintf(want, sizeof want, "%s-%lld", value, n);
        execute_write(&h, value);
        execute_read(&h, want, want);
        ts_do(f->direct, "UPDATE t_old.transactions SET transaction_type = '%s', n = n + 1 WHERE id = 4",
              want);
        int phase = 0;
        while (strcmp(shop_phases[phase], path[i]) != 0) phase++;
        if (!shop_same_data(f->direct, "t_old", phase, why)) fail_msg("in %s: %s", path[i], why);
    }
    mysql_stmt_close(h.read);
    mysql_stmt_close(h.write);
    ts_close(h.conn);
}

/* An open transaction holds its epoch: the change of phase that must wait for it times out, names it, and
 * goes no further; the transaction reads and writes on, and after COMMIT it goes through. */
static void check_transaction_holds(shop *f)
{
    char phase[32];
    shop_apply(f, NULL);
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    ts_do(c, "SET autocommit = 0");
    ts_do(c, "SELECT * FROM accounts"); /* another table: the transaction's epoch is taken all the same */
    shop_expect(f->admin, "ADVANCE MIGRATION " SHOP_MIGRATION " TO dual_write", 1205, "transaction");
    shop_cell(f->admin, "SHOW MIGRATION " SHOP_MIGRATION, "phase", phase, sizeof phase);
    assert_string_equal(phase, "planned");
    ts_do(c, "UPDATE accounts SET name = 'eve' WHERE id = 1");
    ts_do(c, "COMMIT");
    ts_do(f->admin, "ADVANCE MIGRATION " SHOP_MIGRATION " TO expanded");
    expect(c, "card", "SELECT payment_method FROM transactions WHERE id = 1"); /* a new transaction */
    ts_do(f->admin,
          "ADVANCE MIGRATION " SHOP_MIGRATION " TO dual_write"); /* its neighbour does not mind it */
    shop_expect(f->admin, "ADVANCE MIGRATION " SHOP_MIGRATION " TO switched", 1235, "not complete");
    ts_do(f->admin, "ROLLBACK MIGRATION " SHOP_MIGRATION " TO expanded");
    shop_expect(f->admin, "ADVANCE MIGRATION " SHOP_MIGRATION " TO dual_write", 1205, "transaction");
    shop_cell(f->admin, "SHOW MIGRATION " SHOP_MIGRATION, "phase", phase, sizeof phase);
    assert_string_equal(phase, "expanded");
    ts_do(c, "COMMIT");
    ts_do(f->admin, "ADVANCE MIGRATION " SHOP_MIGRATION " TO dual_write");
    ts_close(c);
}

/* Whatever other name a statement has besides, a result column is called as the client named it, or as `*`
 * has it. */
static void check_names(shop *f)
{
    static const struct {
        const char *sql, *names;
    } rows[] = {
        {"SELECT * FROM transactions WHERE transaction_type = 'card'",
         "id,account_id,transaction_type,amount,note,n,payment_method"},
        {"SELECT * FROM transactions WHERE payment_method = 'card'",
         "id,account_id,transaction_type,amount,note,n,payment_method"},
        {"SELECT payment_method, transaction_type FROM transactions", "payment_method,transaction_type"},
        {"SELECT payment_method FROM transactions WHERE transaction_type = 'card'", "payment_method"},
        {"SELECT transaction_type FROM transactions ORDER BY payment_method", "transaction_type"},
        {"SELECT payment_method AS x, t.transaction_type FROM transactions t", "x,transaction_type"},
    };
    shop_apply(f, "observe_days: 0");
    for (int phase = 0; phase <= SHOP_CONTRACTED; phase++) {
        ts_go(f->admin, SHOP_MIGRATION, shop_phases[phase]);
        const unsigned ports[] = {f->proxy.port_both, f->proxy.port_old, f->proxy.port_new};
        for (size_t i = 0; i < 3 * sizeof rows / sizeof rows[0]; i++) {
            size_t k = i / 3;
            if (k < 2 && i % 3 != 0) continue; /* `*` is as of version both */
            ts_conn *c = ts_proxy_connect(&f->proxy, ports[i % 3], "t_mig");
            for (int mode = TS_TEXT; mode <= TS_PREPARED; mode++) {
                ts_result *r = ts_run(c, (ts_mode)mode, rows[k].sql, NULL, 0);
                char got[300] = "";
                for (size_t n = 0; n < r->ncols; n++)
                    snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", n > 0 ? "," : "",
                             r->names[n]);
                if (r->error != 0 || strcmp(got, rows[k].names) != 0)
                    fail_msg("in %s, port %zu: %s: %s %s", shop_phases[phase], i % 3, rows[k].sql, got,
                             r->message);
                ts_result_free(r);
            }
            ts_close(c);
        }
    }
}

static void test_names(void **state)
{
    (void)state;
    shop_each_server(check_names, NULL);
}

static void test_state(void **state)
{
    (void)state;
    shop_each_server(check_state, NULL);
}

static void test_refusals(void **state)
{
    (void)state;
    shop_each_server(check_refusals, NULL);
}

static void test_versions(void **state)
{
    (void)state;
    shop_each_server(check_versions, NULL);
}

static void test_prepared(void **state)
{
    (void)state;
    shop_each_server(check_prepared, NULL);
}

static void test_transaction_holds(void **state)
{
    (void)state;
    shop_each_server(check_transaction_holds, "limits: {phase_timeout_ms: 3000}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),    cmocka_unit_test(test_state),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_versions),
        cmocka_unit_test(test_prepared), cmocka_unit_test(test_transaction_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
