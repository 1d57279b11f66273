/* Statements that are prepared by name, in SQL: PREPARE, EXECUTE, EXECUTE IMMEDIATE, DEALLOCATE. */
#include "shop.h"

#include <mysql.h>

#include <stdio.h>
#include <string.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static ts_conn *client(const shop *f, unsigned long flags)
{
    ts_conn *c = ts_connect(&(ts_login){.host = "127.0.0.1",
                                        .port = f->proxy.port_both,
                                        .user = "root",
                                        .password = "",
                                        .schema = "t_mig",
                                        .flags = flags});
    ts_do(c, "SET sql_mode = 'STRICT_TRANS_TABLES'");
    ts_do(c, "SET NAMES utf8mb4");
    return c;
}

static void expect(ts_conn *c, const char *want, const char *sql)
{
    char got[600];
    ts_text(c, got, sizeof got, "%s", sql);
    if (strcmp(got, want) != 0) fail_msg("%s: %s, not %s", sql, got, want);
}

static void go(shop *f, const char *phase)
{
    ts_go(f->admin, SHOP_MIGRATION, phase);
    if (strcmp(phase, "dual_write") == 0) ts_wait_backfill(f->admin, SHOP_MIGRATION);
}

static const char *const path[] = {"planned", "dual_write", "switched", "retired"};
enum { STEPS = sizeof path / sizeof *path };

/* What only one of the columns would tell. */
static void expect_stored(shop *f, size_t step, int id, const char *value)
{
    bool old = strcmp(path[step], "retired") != 0, new = step >= 1;
    char sql[120];
    for (int i = 0; i < 2; i++) {
        if (i == 0 ? !old : !new) continue;
        snprintf(sql, sizeof sql, "SELECT %s FROM t_mig.transactions WHERE id = %d",
                 i == 0 ? "transaction_type" : "payment_method", id);
        expect(f->direct, value, sql);
    }
}

/* --- prepared before the migration was there --- */

static ts_conn *prepare_before(shop *f)
{
    ts_conn *c = client(f, 0);
    ts_do(c, "PREPARE s FROM 'UPDATE transactions SET transaction_type = ? WHERE id = ?'");
    ts_do(c, "SET @q = 'SELECT transaction_type FROM transactions WHERE id = 1', @v = 'early', @id = 1");
    ts_do(c, "PREPARE unseen FROM @q");
    ts_do(c, "PREPARE other FROM 'SELECT 7'");
    expect(c, "card", "EXECUTE unseen");
    return c;
}

/* In dual_write. */
static void use_before(shop *f, ts_conn *c)
{
    ts_do(c, "EXECUTE s USING @v, @id");
    expect(f->direct, "early", "SELECT payment_method FROM t_mig.transactions WHERE id = 1");
    shop_expect(c, "EXECUTE unseen", 1235, "PREPARE it again");
    expect(c, "7", "EXECUTE other");
    ts_do(c, "PREPARE unseen FROM @q");
    expect(c, "early", "EXECUTE unseen");
    ts_close(c);
}

/* --- from phase to phase --- */

static void prepare_all(ts_conn *c)
{
    ts_do(c, "PREPARE rd FROM 'SELECT payment_method FROM transactions WHERE id = ?'");
    ts_do(c, "PREPARE `wr` FROM 'UPDATE transactions SET transaction_type = ? WHERE id = ?'");
    ts_do(c,
          "PREPARE ins FROM 'INSERT INTO transactions (account_id, payment_method, note) VALUES (?, ?, ?)'");
    ts_do(c, "PREPARE two FROM 'UPDATE transactions t JOIN accounts a ON a.id = t.account_id SET "
             "t.payment_method = CONCAT(?, a.name) WHERE t.id = ? AND a.name <> ?'");
    ts_do(c, "PREPARE plain FROM 'SELECT name FROM accounts WHERE id = ?'");
}

static void use_all(shop *f, ts_conn *c, size_t step)
{
    char value[32], sql[100];
    snprintf(value, sizeof value, "v%zu", step);
    ts_do(c, "SET @v = '%s', @id = 5, @two = 2, @note = 'n%zu'", value, step);
    ts_do(c, "EXECUTE WR USING @v, @id");
    expect(c, value, "EXECUTE rd USING @id");
    expect_stored(f, step, 5, value);
    ts_do(c, "EXECUTE two USING @v, @two, @note");
    snprintf(sql, sizeof sql, "%sann", value);
    expect(c, sql, "EXECUTE Rd USING @two");
    expect_stored(f, step, 2, sql);
    ts_do(c, "EXECUTE ins USING @two, @v, @note");
    snprintf(sql, sizeof sql, "SELECT transaction_type FROM transactions WHERE note = 'n%zu'", step);
    expect(c, value, sql);
    expect(c, "bob", "EXECUTE plain USING @two");
}

/* Where nothing migrates nothing is refused, and nothing is asked that the client could see. */
static void use_without(ts_conn *c)
{
    ts_do(c, "CREATE TEMPORARY TABLE scratch (i INT)");
    ts_do(c, "SET @one = 'SELECT 1'");
    for (int i = 0; i < 2; i++) {
        ts_do(c, "PREPARE mine FROM @one");
        expect(c, "1", "EXECUTE mine");
    }
    ts_do(c, "DEALLOCATE PREPARE mine");
    ts_do(c, "SET NAMES utf8mb4");
    ts_do(c, "SELECT SQL_CALC_FOUND_ROWS id FROM transactions LIMIT 2");
    ts_do(c, "PREPARE five FROM 'SELECT 5'");
    expect(c, "8", "SELECT FOUND_ROWS()");
    expect(c, "5", "EXECUTE five");
}

/* A PREPARE that is refused before it is looked at: the older one is gone, as on a server. */
static void lose_older(ts_conn *c)
{
    shop_expect(c, "PREPARE five FROM 'SELECT id FROM transactions WHERE id = 6'", 1235, "temporary table");
    ts_result *r = ts_query(c, "EXECUTE five");
    assert_int_not_equal(r->error, 0);
    ts_result_free(r);
    ts_close(c);
}

static void check_phases(shop *f)
{
    char name[64];
    ts_conn *before = prepare_before(f), *without = client(f, 0);
    use_without(without);
    shop_apply(f, NULL);
    lose_older(without);
    ts_conn *c = client(f, 0), *anew = client(f, 0);
    prepare_all(c);
    for (size_t i = 0; i < STEPS; i++) {
        if (i > 0) go(f, path[i]);
        use_all(f, c, i);
        ts_do(anew, "SET @q = 'SELECT payment_method FROM transactions WHERE id = 5'");
        ts_do(anew, "PREPARE s FROM @q");
        snprintf(name, sizeof name, "v%zu", i);
        expect(anew, name, "EXECUTE s");
        ts_result *r = ts_query(c, "EXECUTE rd USING @id");
        assert_string_equal(r->names[0], "payment_method");
        ts_result_free(r);
        if (i == 1) use_before(f, before);
    }
    ts_do(c, "DEALLOCATE PREPARE rd");
    ts_do(c, "DROP PREPARE two");
    shop_expect(c, "EXECUTE rd USING @id", 1243, "rd");
    shop_expect(c, "EXECUTE two USING @v, @two, @note", 1243, "two");
    ts_close(c), ts_close(anew);
}

/* A transaction keeps its epoch, and what it prepares has that one's text. */
static void check_transaction(shop *f)
{
    ts_conn *c = client(f, 0);
    ts_do(c, "PREPARE w FROM 'UPDATE transactions SET payment_method = ? WHERE id = 1'");
    ts_do(c, "SET @v = 'in'");
    ts_do(c, "BEGIN");
    ts_do(c, "EXECUTE w USING @v");
    go(f, "switched"); /* the session is one epoch behind until it commits */
    ts_do(c, "EXECUTE w USING @v");
    ts_do(c, "COMMIT");
    expect(c, "in", "SELECT payment_method FROM transactions WHERE id = 1");
    ts_do(c, "SET @v = 'on'");
    ts_do(c, "EXECUTE w USING @v");
    expect(f->direct, "1",
           "SELECT transaction_type = 'on' AND payment_method = 'on' FROM transactions WHERE id = 1");
    ts_close(c);
}

/* --- where the text comes from --- */

static void check_sources(shop *f)
{
    ts_conn *c = client(f, 0);
    ts_do(c, "SET @q = NULL");
    shop_expect(c, "PREPARE s FROM @q", 1064, "NULL");
    shop_expect(c, "PREPARE s FROM @nosuch", 1064, "NULL");
    ts_do(c, "SELECT CONCAT('SELECT ''it\\\\\\\\s'', ', 'transaction_type FROM transactions WHERE id = 1') "
             "INTO @q");
    ts_do(c, "PREPARE s FROM @q");
    ts_result *r = ts_query(c, "EXECUTE s");
    assert_int_equal(r->error, 0);
    assert_string_equal(r->cells[0], "it\\s");
    assert_string_equal(r->cells[1], "on");
    assert_string_equal(r->names[1], "transaction_type");
    ts_result_free(r);
    ts_do(c, "SET @q = 'SELECT ''\303\251'', payment_method FROM transactions WHERE id = 2'");
    ts_do(c, "PREPARE s FROM @q");
    expect(c, "\303\251", "EXECUTE s");
    ts_do(c, "SET @q = 'ALTER TABLE transactions ADD x INT'");
    shop_expect(c, "PREPARE s FROM @q", 1235, "ALTER TABLE");
    shop_expect(c, "EXECUTE s", 1243, ""); /* as on a server, the older one is gone */
    if (f->server->mariadb) {
        ts_do(c, "SET @t = 'transactions'");
        ts_do(c, "PREPARE s FROM CONCAT('SELECT transaction_type FROM ', @t, ' WHERE id = ?')");
        expect(c, "on", "EXECUTE s USING 1");
        expect(c, "wire", "EXECUTE IMMEDIATE CONCAT('SELECT transaction_type FROM ', @t, ' WHERE id = 2')");
        ts_do(c, "SET @q = 'UPDATE transactions SET transaction_type = ? WHERE id = ?', @v = 'now', @id = 3");
        ts_do(c, "EXECUTE IMMEDIATE @q USING @v, @id");
        shop_expect(c, "PREPARE s FROM CONCAT('SELECT * FROM transactions WHERE ', RAND())", 1235,
                    "could be another");
        expect(f->direct, "now", "SELECT payment_method FROM t_mig.transactions WHERE id = 3");
        expect(f->direct, "now", "SELECT transaction_type FROM t_mig.transactions WHERE id = 3");
    } else {
        shop_expect(c, "PREPARE s FROM CONCAT('SELECT ', 1)", 1064, "");
    }
    ts_close(c);
}

/* --- what a session forgets, and what it cannot know --- */

static void check_forgets(shop *f)
{
    ts_conn *c = client(f, 0);
    for (int i = 0; i < 2; i++) {
        ts_do(c, "PREPARE s FROM 'SELECT transaction_type FROM transactions WHERE id = 1'");
        expect(c, "on", "EXECUTE s");
        if (i == 0)
            assert_int_equal(mysql_reset_connection(ts_handle(c)), 0);
        else
            assert_int_equal(mysql_change_user(ts_handle(c), "root", "", "t_mig"), 0);
        shop_expect(c, "EXECUTE s", 1243, "");
    }
    ts_do(f->direct, "DROP PROCEDURE IF EXISTS t_mig.prepares");
    ts_do(f->direct, "CREATE PROCEDURE t_mig.prepares() BEGIN PREPARE s FROM 'SELECT 8'; END");
    ts_do(c, "PREPARE s FROM 'SELECT transaction_type FROM transactions WHERE id = 1'");
    ts_do(c, "PREPARE u FROM 'SELECT name FROM accounts WHERE id = 1'");
    ts_do(c, "CALL prepares()");
    shop_expect(c, "EXECUTE s", 1235, "PREPARE it again");
    expect(c, "ann", "EXECUTE u");
    ts_do(c, "PREPARE s FROM 'SELECT transaction_type FROM transactions WHERE id = 1'");
    expect(c, "on", "EXECUTE s");
    shop_expect(c, "PREPARE s FROM 'SELECT nosuch FROM transactions'", 1054, "nosuch");
    shop_expect(c, "EXECUTE s", 1235, "PREPARE it again");
    shop_expect(c, "PREPARE `\303\251` FROM 'SELECT id FROM transactions'", 1235, "name");
    if (f->server->mariadb)
        shop_expect(c, "BEGIN NOT ATOMIC PREPARE s FROM 'SELECT 1'; END", 1235, "one by one");
    ts_do(f->direct, "DROP PROCEDURE t_mig.prepares");
    ts_close(c);
}

/* --- a session that has moved on since --- */

#define CONTEXT                                                                                              \
    "SELECT CONCAT_WS(' ', DATABASE(), @@sql_mode, @@character_set_client, @@collation_connection)"

static void expect_unseen(shop *f, const char *sql)
{
    ts_result *r = ts_query(f->admin, "%s", sql);
    assert_int_equal(r->error, 0);
    assert_true(r->nrows > 0);
    for (size_t i = 0; i < r->nrows; i++)
        if (strstr(ts_cell(r, i, "sample"), "hush") != NULL) fail_msg("%s", ts_cell(r, i, "sample"));
    ts_result_free(r);
}

/* What was a literal at PREPARE is not shown as a name of now. */
static void check_samples(shop *f)
{
    static const char sql[] = "SELECT note FROM transactions WHERE payment_method = \"hush\"";
    ts_conn *c = client(f, 0);
    MYSQL_STMT *st = mysql_stmt_init(ts_handle(c));
    ts_do(c, "PREPARE s FROM 'SELECT id FROM transactions WHERE payment_method = \"hush\"'");
    assert_int_equal(mysql_stmt_prepare(st, sql, sizeof sql - 1), 0);
    ts_do(c, "SET sql_mode = 'ANSI_QUOTES'");
    ts_do(c, "EXECUTE s");
    assert_int_equal(mysql_stmt_execute(st), 0);
    assert_int_equal(mysql_stmt_store_result(st), 0);
    expect_unseen(f, "SHOW USAGE");
    mysql_stmt_close(st);
    ts_close(c);
}

static void check_context(shop *f)
{
    static const char *const moves[] = {
        "USE t_new", "SET sql_mode = 'STRICT_TRANS_TABLES,ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
        "SET NAMES latin1"};
    ts_conn *c[3];
    char before[300];
    shop_apply(f, NULL);
    for (size_t i = 0; i < 3; i++) {
        c[i] = client(f, 0);
        ts_do(c[i],
              "PREPARE s FROM 'SELECT CONCAT(payment_method, \"-\\\\\\\\\") FROM transactions WHERE id = 1'");
        ts_do(c[i], "%s", moves[i]);
    }
    for (size_t k = 1; k < 3; k++) {
        go(f, path[k]);
        for (size_t i = 0; i < 3; i++) {
            ts_text(c[i], before, sizeof before, CONTEXT);
            expect(c[i], "card-\\", "EXECUTE s");
            expect(c[i], before, CONTEXT);
        }
    }
    for (size_t i = 0; i < 3; i++) ts_close(c[i]);
    check_samples(f);
}

/* --- several statements in one text, and what is shown --- */

static void check_texts(shop *f)
{
    ts_conn *c = client(f, CLIENT_MULTI_STATEMENTS);
    ts_do(c, "SET @a = 'multi', @b = 4");
    shop_expect(c,
                "SET @q = 'UPDATE transactions SET payment_method = ? WHERE id = ?'; PREPARE m FROM @q; "
                "EXECUTE m USING @a, @b; DEALLOCATE PREPARE m",
                0, "");
    expect(f->direct, "1",
           "SELECT transaction_type = 'multi' AND payment_method = 'multi' FROM t_mig.transactions WHERE id "
           "= 4");
    shop_expect(c, "EXECUTE m USING @a, @b", 1243, "");
    shop_expect(c, "SELECT 'SELECT * FROM transactions' INTO @q; PREPARE m FROM @q", 1235, "one by one");
    ts_do(c, "PREPARE s FROM 'SHOW CREATE TABLE transactions'");
    ts_result *r = ts_query(c, "EXECUTE s");
    assert_int_equal(r->error, 0);
    assert_non_null(strstr(r->cells[1], "`transaction_type` varchar(20) NOT NULL"));
    ts_result_free(r);
    ts_do(c, "PREPARE s FROM 'SELECT * FROM transactions WHERE id = 1'");
    r = ts_query(c, "EXECUTE s");
    assert_int_equal(r->ncols, 7);
    assert_string_equal(r->names[2], "transaction_type");
    assert_string_equal(r->names[6], "payment_method");
    ts_result_free(r);
    ts_do(c, "PREPARE s FROM 'UPDATE transactions SET transaction_type = ? WHERE id = 1'");
    ts_do(c, "SET @v = REPEAT('x', 30)");
    shop_expect(c, "EXECUTE s USING @v", 1406, "transaction_type");
    shop_expect(c, "EXECUTE s", 1210, "");
    ts_close(c);
}

static void test_phases(void **state)
{
    (void)state;
    shop_each_server(check_phases, NULL);
}

static void check_switched(shop *f)
{
    shop_apply(f, NULL);
    go(f, "dual_write");
    check_transaction(f);
    check_sources(f);
    check_forgets(f);
    check_texts(f);
}

static void test_switched(void **state)
{
    (void)state;
    shop_each_server(check_switched, NULL);
}

static void test_context(void **state)
{
    (void)state;
    shop_each_server(check_context, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_switched),
        cmocka_unit_test(test_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
