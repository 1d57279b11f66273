/* Around statements: MariaDB's compound statements sent as text, version comments, and COM_FIELD_LIST. */
#include "shop.h"

#include <mysql.h>

#include <stdio.h>
#include <string.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static const char *const path[] = {"planned", "dual_write", "switched", "retired", "contracted"};
enum { STEPS = sizeof path / sizeof *path };

static void expect(ts_conn *c, const char *want, const char *sql)
{
    char got[600];
    ts_text(c, got, sizeof got, "%s", sql);
    if (strcmp(got, want) != 0) fail_msg("%s: %s, not %s", sql, got, want);
}

static void go(shop *f, size_t step)
{
    if (step == 0) return;
    ts_go(f->admin, SHOP_MIGRATION, path[step]);
    if (step == 1) ts_wait_backfill(f->admin, SHOP_MIGRATION);
}

/* --- COM_FIELD_LIST --- */

static void list_fields(ts_conn *c, const char *table, const char *pattern, char *out, size_t size)
{
    MYSQL_RES *r = mysql_list_fields(ts_handle(c), table, pattern);
    size_t n = 0;
    if (r == NULL) {
        snprintf(out, size, "%u %s", mysql_errno(ts_handle(c)), mysql_error(ts_handle(c)));
        return;
    }
    out[0] = '\0';
    for (const MYSQL_FIELD *f; (f = mysql_fetch_field(r)) != NULL && n < size;)
        n += (size_t)snprintf(out + n, size - n, "%s/%s %d %x %lu %s\n", f->name, f->org_name, (int)f->type,
                              f->flags, f->length, f->def == NULL ? "-" : f->def);
    mysql_free_result(r);
}

static void same_fields(ts_conn *c, ts_conn *plain, const char *more)
{
    char got[2000], want[2000];
    list_fields(c, "transactions", NULL, got, sizeof got);
    list_fields(plain, "transactions", NULL, want, sizeof want);
    if (strncmp(got, want, strlen(want)) != 0 || (more == NULL && strlen(got) != strlen(want)) ||
        (more != NULL && strncmp(got + strlen(want), more, strlen(more)) != 0))
        fail_msg("%s, not\n%s%s", got, want, more == NULL ? "" : more);
    expect(c, "1", "SELECT 1");
}

static void check_fields(const shop *f)
{
    char got[2000];
    ts_conn *o = ts_proxy_connect(&f->proxy, f->proxy.port_old, "t_mig");
    ts_conn *n = ts_proxy_connect(&f->proxy, f->proxy.port_new, "t_mig");
    ts_conn *b = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    ts_conn *plain_old = ts_root(f->server, "t_old"), *plain_new = ts_root(f->server, "t_new");
    same_fields(o, plain_old, NULL);
    same_fields(n, plain_new, NULL);
    same_fields(b, plain_old, "payment_method/payment_method ");
    list_fields(b, "accounts", NULL, got, sizeof got);
    assert_non_null(strstr(got, "payment_method/payment_method"));
    list_fields(o, "transactions", "trans%", got, sizeof got);
    assert_non_null(strstr(got, "1235 straddle: COM_FIELD_LIST"));
    list_fields(o, "nosuch_transactions", NULL, got, sizeof got);
    assert_non_null(strstr(got, "1146"));
    ts_close(o), ts_close(n), ts_close(b), ts_close(plain_old), ts_close(plain_new);
}

/* --- compound statements --- */

/* All results of a text; the first cell of each, and an error if one ended it. */
static void run(ts_conn *c, const char *sql, char *out, size_t size)
{
    MYSQL *m = ts_handle(c);
    size_t n = 0;
    int rc = mysql_query(m, sql);
    out[0] = '\0';
    do {
        MYSQL_RES *r = rc == 0 ? mysql_store_result(m) : NULL;
        for (MYSQL_ROW row; r != NULL && (row = mysql_fetch_row(r)) != NULL && n < size;)
            n += (size_t)snprintf(out + n, size - n, "%s=%s;", mysql_fetch_field_direct(r, 0)->name,
                                  row[0] == NULL ? "NULL" : row[0]);
        mysql_free_result(r);
        rc = rc == 0 && mysql_more_results(m) ? mysql_next_result(m) : -1;
    } while (rc == 0);
    if (mysql_errno(m) != 0 && n < size) snprintf(out + n, size - n, "error %u", mysql_errno(m));
}

/* $: the column, as the client calls it. */
static const char *const compounds[] = {
    "BEGIN NOT ATOMIC SELECT $ FROM transactions WHERE id = 1; END",
    "BEGIN NOT ATOMIC DECLARE $ VARCHAR(20) DEFAULT 'wire'; SELECT $, t.$ FROM transactions t WHERE t.$ = $; "
    "SELECT COUNT(*) FROM transactions WHERE $ = 'wire'; END",
    "BEGIN NOT ATOMIC DECLARE id INT DEFAULT 7; SELECT * FROM transactions WHERE amount = 7.75; SELECT id; "
    "END",
    "BEGIN NOT ATOMIC DECLARE v VARCHAR(20); SELECT $ INTO v FROM transactions WHERE id = 2; UPDATE "
    "transactions "
    "SET $ = CONCAT(v, '!') WHERE id = 3; SELECT $ FROM transactions WHERE id = 3; END",
    "FOR r IN (SELECT id, $ FROM transactions WHERE id < 3) DO INSERT INTO archive (id, account_id, kind, "
    "amount, "
    "n) VALUES (r.id, 0, r.$, 0, 0); SELECT r.$; END FOR",
    "FOR i IN 4..5 DO UPDATE transactions SET $ = CONCAT('i', i) WHERE id = i; END FOR",
    "IF (SELECT COUNT(*) FROM transactions WHERE $ = 'i4') = 1 THEN SELECT $ FROM transactions WHERE id = 5; "
    "ELSE "
    "SELECT 'none'; END IF",
    "WHILE (SELECT $ FROM transactions WHERE id = 6) <> 'xx' DO UPDATE transactions SET $ = RIGHT(CONCAT($, "
    "'x'), "
    "2) WHERE id = 6; END WHILE",
    "REPEAT INSERT INTO transactions (account_id, $) VALUES (9, 'rep'); UNTIL (SELECT COUNT(*) FROM "
    "transactions "
    "WHERE $ = 'rep') >= 2 END REPEAT",
    "CASE (SELECT $ FROM transactions WHERE id = 1) WHEN 'card' THEN SELECT 'is card'; ELSE SELECT 'other'; "
    "END CASE",
    "BEGIN NOT ATOMIC DECLARE done INT DEFAULT 0; DECLARE v, all_v VARCHAR(200) DEFAULT ''; DECLARE c CURSOR "
    "FOR "
    "SELECT $ FROM transactions ORDER BY id; DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = 1; OPEN c; l: "
    "LOOP "
    "FETCH c INTO v; IF done THEN LEAVE l; END IF; SET all_v = CONCAT(all_v, '/', v); END LOOP l; CLOSE c; "
    "SELECT "
    "all_v; END",
    "BEGIN NOT ATOMIC DECLARE EXIT HANDLER FOR 1406 SELECT 'too long'; UPDATE transactions SET $ = "
    "REPEAT('x', 30) "
    "WHERE id = 1; END",
    "DELETE FROM transactions WHERE account_id = 9",
    "BEGIN NOT ATOMIC DECLARE $ INT; BEGIN DECLARE x INT; SET $ = 4, x = 1; END; SELECT $; END",
    "/*M!100100 BEGIN NOT ATOMIC SELECT $ FROM transactions WHERE id = 1; END */",
};

/* Comments that are read by some servers, on both kinds; and others around statements. */
static const char *const texts[] = {
    "SELECT /*!50110 $ */ FROM transactions WHERE id = 1",
    "SELECT id /*!50700 , $ */ FROM transactions WHERE id = 1",
    "SELECT /*!80000 $, */ id FROM transactions WHERE id = 1",
    "SELECT /*!99999 $, */ id FROM transactions WHERE id = 1",
    "SELECT /*M!100100 $, */ id FROM transactions WHERE id = 1",
    "SELECT /*!100100 $, */ id FROM transactions WHERE id = 1",
    "SELECT /*!080000 $, */ id FROM transactions WHERE id = 1",
    "SELECT /*! $, */ id FROM transactions WHERE id = 1",
    "SELECT /*!50110 /* inner */ $, */ id FROM transactions WHERE id = 1",
    "SELECT /*!99999 /* inner */ $, */ id FROM transactions WHERE id = 1",
    "SELECT '/*!50110', $ FROM transactions WHERE id = 1",
    "SELECT $ FROM /*!50110 transactions */ WHERE id = 1",
    "/*!50110 SELECT $ FROM transactions WHERE id = 1 */",
    "UPDATE transactions SET /*!50110 $ = 'vc' */ WHERE id = 1",
    "INSERT INTO transactions (account_id /*!50110 , $ */) VALUES (8 /*!50110 , 'vi' */)",
    "DO (SELECT COUNT($) FROM transactions)",
    "SET @x = (SELECT $ FROM transactions WHERE id = 1)",
    "SELECT @x",
    "SHOW COLUMNS FROM transactions LIKE '$'",
    "SHOW TABLE STATUS LIKE 'transactions'",
    "SHOW INDEX FROM transactions FROM information_schema",
    "HELP 'transactions'",
    "DELETE FROM transactions WHERE account_id = 8",
};

static void expand(const char *sql, const char *column, char *out, size_t size)
{
    size_t n = 0;
    for (; *sql != '\0' && n + 30 < size; sql++) {
        if (*sql == '$')
            n += (size_t)snprintf(out + n, size - n, "%s", column);
        else
            out[n++] = *sql;
    }
    out[n] = '\0';
}

static void check_texts(shop *f, int version, size_t step, const char *const *list, size_t n)
{
    static const char *const columns[] = {"transaction_type", "payment_method"}, *const schemas[] = {"t_old",
                                                                                                     "t_new"};
    char sql[800], got[1000], want[1000], why[512];
    unsigned port = version == 0 ? f->proxy.port_old : f->proxy.port_new;
    int phase = step == 0 ? 0 : (int)step + 1;
    ts_conn *c = ts_proxy_connect(&f->proxy, port, "t_mig"), *plain = ts_root(f->server, schemas[version]);
    shop_fill(f->direct, phase);
    for (size_t i = 0; i < n; i++) {
        expand(list[i], columns[version], sql, sizeof sql);
        run(c, sql, got, sizeof got);
        run(plain, sql, want, sizeof want);
        if (strcmp(got, want) != 0)
            fail_msg("%s, %s: %s\n%s, not\n%s", path[step], columns[version], sql, got, want);
    }
    if (!shop_same_data(f->direct, schemas[version], phase, why)) fail_msg("%s: %s", path[step], why);
    if (list == compounds)
        shop_expect(c, "BEGIN NOT ATOMIC DECLARE r ROW TYPE OF transactions; SELECT 1; END", 1235, "BEGIN");
    ts_close(c), ts_close(plain);
}

static void check(shop *f)
{
    shop_apply(f, NULL);
    for (size_t i = 0; i < STEPS; i++) {
        go(f, i);
        check_fields(f);
        for (int v = 0; v < 2; v++) {
            check_texts(f, v, i, texts, sizeof texts / sizeof *texts);
            if (f->server->mariadb) check_texts(f, v, i, compounds, sizeof compounds / sizeof *compounds);
        }
    }
}

static void test_around(void **state)
{
    (void)state;
    shop_each_server(check, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_around)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
