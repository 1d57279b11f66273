/* Regex rules through a running proxy: text and prepared statements, before the rules of migrations, tried
 * with EXPLAIN REWRITE, kept over a restart; and that a pattern which backtracks without end holds up nobody.
 */
#include "shop.h"

#include <mysql.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static ts_conn *client(shop *f)
{
    return ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
}

static void rule(shop *f, const char *command, const char *yaml)
{
    ts_do(f->admin, "%s `%s`", command, yaml);
}

static void has_text(ts_conn *c, ts_mode mode, const char *want, const char *sql, const ts_param *p, size_t n)
{
    ts_result *r = ts_run(c, mode, sql, p, n);
    if (r->error != 0 || r->nrows != 1 || strcmp(r->cells[0], want) != 0)
        fail_msg("%s: %u %s %s", sql, r->error, r->message, r->nrows > 0 ? r->cells[0] : "(no row)");
    ts_result_free(r);
}

static long hits(shop *f, const char *name, const char *column)
{
    ts_result *r = ts_query(f->admin, "SHOW REGEX RULES");
    long n = -1;
    for (size_t i = 0; i < r->nrows; i++)
        if (strcmp(ts_cell(r, i, "name"), name) == 0) n = atol(ts_cell(r, i, column));
    ts_result_free(r);
    return n;
}

/* ---- what they do ---- */

static void check_actions(shop *f)
{
    ts_conn *c = client(f);
    has_text(c, TS_TEXT, "1", "SELECT 1", NULL, 0);
    rule(f, "CREATE RULE", "{name: one, text: 'SELECT 1$', action: rewrite, replace: 'SELECT 2'}");
    has_text(c, TS_TEXT, "2", "SELECT 1", NULL, 0);
    has_text(c, TS_PREPARED, "2", "SELECT 1", NULL, 0);
    has_text(c, TS_TEXT, "11", "SELECT 11", NULL, 0);
    assert_int_equal(hits(f, "one", "hits"), 2);
    shop_expect(f->admin, "CREATE RULE `{name: one, text: x, action: count}`", 1235, "ALTER RULE");
    rule(f, "ALTER RULE", "{name: one, user: root, text: 'SELECT 1$', action: refuse, message: 'no ones'}");
    shop_expect(c, "SELECT 1", 1235, "straddle: no ones (rule one)");
    assert_true(ts_int(f->direct, "SELECT COUNT(*) FROM straddle.history WHERE action = 'alter rule'") == 1);
    ts_do(f->admin, "DISABLE RULE one");
    has_text(c, TS_TEXT, "1", "SELECT 1", NULL, 0);
    ts_do(f->admin, "ENABLE RULE one");
    rule(f, "ALTER RULE", "{name: one, user: roo, text: 'SELECT 1$', action: refuse, message: 'no ones'}");
    has_text(c, TS_TEXT, "1", "SELECT 1", NULL, 0);
    rule(f, "ALTER RULE", "{name: one, digest_text: '^SELECT \\?$', schema: t_mig, action: log}");
    has_text(c, TS_TEXT, "1", "SELECT 1", NULL, 0);
    ts_do(c, "USE t_old");
    has_text(c, TS_TEXT, "1", "SELECT 1", NULL, 0);
    assert_int_equal(hits(f, "one", "hits"), 4);
    ts_do(f->admin, "DROP RULE one");
    shop_expect(f->admin, "DROP RULE one", 1305, "no regex rule 'one'");
    assert_int_equal(hits(f, "one", "hits"), -1);
    ts_close(c);
}

static void test_actions(void **state)
{
    (void)state;
    shop_each_server(check_actions, NULL);
}

/* A text with a NUL is matched and sent up to its end. */
static void check_nul(shop *f)
{
    static const char sql[] = "SELECT LENGTH('a\0b') + tail";
    ts_conn *c = client(f);
    rule(f, "CREATE RULE", "{name: nul, text: '(\\x00.*)tail$', action: rewrite, replace: '${1}10'}");
    assert_int_equal(mysql_real_query(ts_handle(c), sql, sizeof sql - 1), 0);
    MYSQL_RES *r = mysql_store_result(ts_handle(c));
    assert_string_equal(mysql_fetch_row(r)[0], "13");
    mysql_free_result(r);
    ts_close(c);
}

static void test_nul(void **state)
{
    (void)state;
    shop_each_server(check_nul, NULL);
}

/* ---- with parameters, and with a migration behind them ---- */

static void check_prepared(shop *f)
{
    static const ts_param p[] = {{'i', "10"}, {'i', "3"}};
    ts_conn *c = client(f);
    rule(f, "CREATE RULE",
         "{name: swap, text: '(\\?) minus (\\?)', action: rewrite, replace: '$2 - $1', chain: true}");
    has_text(c, TS_PREPARED, "-7", "SELECT ? minus ?", p, 2);
    rule(f, "CREATE RULE",
         "{name: twice, order: 2000, text: '- (\\?)', action: rewrite, replace: '- $1 - $1'}");
    has_text(c, TS_PREPARED, "-17", "SELECT ? minus ?", p, 2);
    rule(f, "ALTER RULE", "{name: twice, order: 2000, text: '- (\\?)', action: rewrite, replace: '- ?'}");
    ts_result *r = ts_run(c, TS_PREPARED, "SELECT ? minus ?", p, 2);
    if (r->error != 1235 || strstr(r->message, "adds a placeholder") == NULL)
        fail_msg("%u %s", r->error, r->message);
    ts_result_free(r);
    ts_do(f->admin, "DROP RULE twice");
    ts_do(f->admin, "DROP RULE swap");
    /* The rules of migrations see what it makes: an old spelling of the table. */
    shop_apply(f, NULL);
    rule(f, "CREATE RULE", "{name: table, text: '\\btx\\b', action: rewrite, replace: transactions}");
    for (int phase = 0; phase < 4; phase++) {
        static const ts_param card[] = {{'s', "changed"}, {'i', "1"}};
        if (phase > 0) ts_go(f->admin, SHOP_MIGRATION, shop_phases[phase]);
        ts_do(c, "UPDATE tx SET payment_method = 'text' WHERE id = 1");
        has_text(c, TS_PREPARED, "text", "SELECT payment_method FROM tx WHERE id = 1", NULL, 0);
        r = ts_run(c, TS_PREPARED, "UPDATE tx SET payment_method = ? WHERE id = ?", card, 2);
        if (r->error != 0 || r->affected != 1)
            fail_msg("%s: %u %s", shop_phases[phase], r->error, r->message);
        ts_result_free(r);
        has_text(c, TS_TEXT, "changed", "SELECT transaction_type FROM tx WHERE id = 1", NULL, 0);
    }
    ts_close(c);
}

static void test_prepared(void **state)
{
    (void)state;
    shop_each_server(check_prepared, NULL);
}

/* ---- EXPLAIN REWRITE ---- */

static void explain(shop *f, const char *ask, const char *verdict, const char *sql, const char *rules)
{
    ts_result *r = ts_query(f->admin, "EXPLAIN REWRITE %s", ask);
    if (r->error != 0 || r->nrows != 1) fail_msg("%s: %u %s", ask, r->error, r->message);
    const char *got = ts_cell(r, 0, "sql"), *reason = ts_cell(r, 0, "reason");
    if (strcmp(ts_cell(r, 0, "verdict"), verdict) != 0 || strcmp(ts_cell(r, 0, "rules"), rules) != 0 ||
        strstr(got == NULL ? reason : got, sql) == NULL)
        fail_msg("%s: %s, %s, %s, %s", ask, ts_cell(r, 0, "verdict"), got, reason, ts_cell(r, 0, "rules"));
    ts_result_free(r);
}

static void check_explain(shop *f)
{
    shop_apply(f, NULL);
    rule(f, "CREATE RULE",
         "{name: tx, enabled: false, text: '\\btx\\b', action: rewrite, replace: transactions, chain: true}");
    rule(f, "CREATE RULE",
         "{name: big, order: 2000, program: report.*, text: 'SELECT \\*', action: refuse, message: 'list "
         "the columns'}");
    explain(f, "SCHEMA t_mig SELECT payment_method FROM tx", "pass", "FROM tx", "");
    explain(f, "SCHEMA t_mig RULE tx SELECT payment_method FROM tx", "rewritten",
            "transaction_type AS payment_method FROM transactions", "tx");
    explain(f, "RULE tx SELECT * FROM tx", "rewritten", "SELECT * FROM transactions", "tx");
    explain(f, "RULE tx PROGRAM reporting SELECT * FROM tx", "refused", "list the columns", "tx,big");
    shop_expect(f->admin, "EXPLAIN REWRITE RULE other SELECT 1", 1305, "no regex rule 'other'");
    assert_int_equal(hits(f, "tx", "hits"), 0);
}

static void test_explain(void **state)
{
    (void)state;
    shop_each_server(check_explain, NULL);
}

/* ---- the configuration, and restarts ---- */

static const char two_rules[] =
    "rules:\n"
    "  - {name: from_file, text: 'SELECT 5$', action: rewrite, replace: SELECT 6}\n"
    "  - {name: other, text: 'SELECT 7$', action: rewrite, replace: SELECT 8}\n";

static void check_kept(shop *f)
{
    ts_conn *c = client(f);
    has_text(c, TS_TEXT, "6", "SELECT 5", NULL, 0);
    ts_do(f->admin, "DISABLE RULE other");
    rule(f, "CREATE RULE", "{name: made, text: 'SELECT 9$', action: rewrite, replace: SELECT 10}");
    rule(f, "ALTER RULE", "{name: from_file, text: 'SELECT 5$', action: rewrite, replace: SELECT 66}");
    ts_close(c);
    ts_close(f->admin);
    assert_int_equal(ts_proxy_stop(&f->proxy, 15), 0);
    ts_proxy_restart(&f->proxy);
    f->admin = ts_proxy_admin(&f->proxy);
    c = client(f);
    has_text(c, TS_TEXT, "66", "SELECT 5", NULL, 0); /* what is known stays as it is */
    has_text(c, TS_TEXT, "7", "SELECT 7", NULL, 0);
    has_text(c, TS_TEXT, "10", "SELECT 9", NULL, 0);
    ts_close(c);
}

static void test_kept(void **state)
{
    (void)state;
    shop_each_server(check_kept, two_rules);
}

/* ---- limits ---- */

/* Processor time of the proxy so far, in ms. */
static long cpu_ms(pid_t pid)
{
    char path[64], line[1024] = "";
    unsigned long user = 0, sys = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    assert_non_null(fgets(line, sizeof line, in));
    fclose(in);
    const char *p = strrchr(line, ')');
    assert_int_equal(sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys), 2);
    return (long)((user + sys) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK));
}

static void check_catastrophic(shop *f)
{
    enum { STATEMENTS = 20, MOST_MS = 200 }; /* each; 20 ms are allowed it, a sanitizer takes its share */
    static char sql[40000];
    ts_conn *c = client(f);
    rule(f, "CREATE RULE", "{name: bad, text: '(x+)+$', action: count}");
    rule(f, "CREATE RULE", "{name: worse, order: 2000, text: '(x+)+[=<]', on_error: pass, action: count}");
    snprintf(sql, sizeof sql, "SELECT '");
    memset(sql + 8, 'x', sizeof sql - 10);
    sql[sizeof sql - 2] = '\'';
    long from = cpu_ms(f->proxy.pid);
    for (int i = 0; i < STATEMENTS; i++)
        shop_expect(c, sql, 1235, "rule bad failed: its pattern needs more steps");
    ts_do(f->admin, "DROP RULE bad");
    for (int i = 0; i < STATEMENTS; i++) ts_do(c, "%s", sql);
    long each = (cpu_ms(f->proxy.pid) - from) / (2L * STATEMENTS);
    print_message("%ld ms of the proxy's processor time a statement\n", each);
    assert_true(each < MOST_MS);
    assert_int_equal(hits(f, "worse", "errors"), STATEMENTS);
    char code[64];
    assert_string_equal(shop_cell(f->admin, "SHOW REFUSALS", "code", code, sizeof code), "regex_error");
    ts_close(c);
}

static void test_catastrophic(void **state)
{
    (void)state;
    shop_each_server(check_catastrophic, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_actions), cmocka_unit_test(test_nul),  cmocka_unit_test(test_prepared),
        cmocka_unit_test(test_explain), cmocka_unit_test(test_kept), cmocka_unit_test(test_catastrophic),
    };
    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
