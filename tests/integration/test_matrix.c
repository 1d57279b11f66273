/* Every phase × either name × text and prepared × each kind of statement, on both servers: through the proxy
 * a client gets what it would get from a table that has only the name it uses, and the same is stored. */
#include "shop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

typedef struct stmt_case {
    const char *kind, *sql; /* $ stands for the column's name */
    ts_param p[4];
    size_t n;
    bool ordered;
} stmt_case;

#define S(text)                                                                                              \
    {                                                                                                        \
        's', text                                                                                            \
    }
#define I(text)                                                                                              \
    {                                                                                                        \
        'i', text                                                                                            \
    }

static const stmt_case cases[] = {
    {"select star", "SELECT * FROM transactions ORDER BY id", {{0}}, 0, true},
    {"select qualified star", "SELECT t.* FROM transactions t WHERE t.id < 4 ORDER BY t.id", {{0}}, 0, true},
    {"select column", "SELECT id, $ FROM transactions WHERE $ = ? ORDER BY id", {S("card")}, 1, true},
    {"select expression",
     "SELECT CONCAT($, '-', amount), UPPER(t.$) FROM transactions AS t ORDER BY t.id",
     {{0}},
     0,
     true},
    {"select alias", "SELECT $ AS method FROM transactions ORDER BY method, id", {{0}}, 0, true},
    {"select quoted", "SELECT `$`, `transactions`.`$` FROM `transactions` ORDER BY `id`", {{0}}, 0, true},
    {"select string with the name",
     "SELECT '$', \"$\" /* $ */ FROM transactions WHERE id = 1",
     {{0}},
     0,
     true},
    {"group by", "SELECT $, COUNT(*), SUM(amount) FROM transactions GROUP BY $ ORDER BY $", {{0}}, 0, true},
    {"having",
     "SELECT $, COUNT(*) AS c FROM transactions GROUP BY $ HAVING c > 1 AND $ <> ? ORDER BY 1",
     {S("x")},
     1,
     true},
    {"order by ordinal", "SELECT id, $ FROM transactions ORDER BY 2, 1 DESC LIMIT 5", {{0}}, 0, true},
    {"join",
     "SELECT t.id, t.$, a.payment_method FROM transactions t JOIN accounts a ON a.id = t.account_id ORDER BY "
     "t.id",
     {{0}},
     0,
     true},
    {"left join",
     "SELECT a.name, t.$ FROM accounts a LEFT JOIN transactions t ON t.account_id = a.id AND t.$ = ? ORDER "
     "BY a.id, t.id",
     {S("wire")},
     1,
     true},
    {"subquery",
     "SELECT name FROM accounts WHERE id IN (SELECT account_id FROM transactions WHERE $ = ?) ORDER BY id",
     {S("cash")},
     1,
     true},
    {"correlated",
     "SELECT name, (SELECT MAX(t.$) FROM transactions t WHERE t.account_id = accounts.id) AS m FROM accounts "
     "ORDER BY id",
     {{0}},
     0,
     true},
    {"exists",
     "SELECT name FROM accounts a WHERE EXISTS (SELECT 1 FROM transactions t WHERE t.account_id = a.id AND "
     "t.$ = a.payment_method) ORDER BY 1",
     {{0}},
     0,
     true},
    {"derived",
     "SELECT d.$, d.c FROM (SELECT $, COUNT(*) AS c FROM transactions GROUP BY $) AS d ORDER BY 1",
     {{0}},
     0,
     true},
    {"derived star",
     "SELECT d.* FROM (SELECT * FROM transactions WHERE id < 5) d ORDER BY d.id",
     {{0}},
     0,
     true},
    {"cte",
     "WITH w AS (SELECT id, $ FROM transactions WHERE amount > ?) SELECT w.$, w.id FROM w ORDER BY w.id",
     {I("5")},
     1,
     true},
    {"cte with names",
     "WITH w (i, k) AS (SELECT id, $ FROM transactions) SELECT k FROM w ORDER BY i",
     {{0}},
     0,
     true},
    {"union",
     "SELECT $ FROM transactions WHERE id = 1 UNION ALL SELECT name FROM accounts WHERE id = 2",
     {{0}},
     0,
     false},
    {"distinct", "SELECT DISTINCT $ FROM transactions ORDER BY $", {{0}}, 0, true},
    {"window",
     "SELECT id, $, ROW_NUMBER() OVER (PARTITION BY $ ORDER BY id) AS r FROM transactions ORDER BY id",
     {{0}},
     0,
     true},
    {"case",
     "SELECT CASE $ WHEN 'card' THEN 1 ELSE 0 END AS is_card FROM transactions ORDER BY id",
     {{0}},
     0,
     true},
    {"count", "SELECT COUNT(DISTINCT $), COUNT($), MIN($) FROM transactions", {{0}}, 0, true},
    {"for update", "SELECT $ FROM transactions WHERE id = ? FOR UPDATE", {I("2")}, 1, true},
    {"into variable", "SELECT $ INTO @v FROM transactions WHERE id = 4", {{0}}, 0, true},
    {"variable read", "SELECT @v", {{0}}, 0, true},
    {"insert with list",
     "INSERT INTO transactions (account_id, $, amount, note, n) VALUES (?, ?, 3.50, ?, 11)",
     {I("1"), S("chèque"), S("new one")},
     3,
     true},
    {"insert in another order",
     "INSERT INTO transactions (note, n, $, account_id) VALUES ('x1', 5, ?, 2), ('x2', 6, 'b''c', 3)",
     {S("a\\b")},
     1,
     true},
    {"insert without list",
     "INSERT INTO transactions VALUES (100, 2, ?, 9.99, 'hundred', 1)",
     {S("cash")},
     1,
     true},
    {"insert without the column",
     "INSERT INTO transactions (account_id, amount, note) VALUES (3, 4.00, 'dflt')",
     {{0}},
     0,
     true},
    {"insert default",
     "INSERT INTO transactions (account_id, $, note) VALUES (3, DEFAULT, 'dflt2')",
     {{0}},
     0,
     true},
    {"insert set", "INSERT INTO transactions SET account_id = 1, $ = ?, note = 'set'", {S("gift")}, 1, true},
    {"insert null", "INSERT INTO transactions (account_id, $) VALUES (1, NULL)", {{0}}, 0, true},
    {"insert ignore null",
     "INSERT IGNORE INTO transactions (account_id, $, note) VALUES (1, NULL, 'ign')",
     {{0}},
     0,
     true},
    {"insert too long",
     "INSERT INTO transactions (account_id, $) VALUES (1, REPEAT('x', 30))",
     {{0}},
     0,
     true},
    {"insert select",
     "INSERT INTO transactions (account_id, $, note) SELECT id, payment_method, 'sel' FROM accounts",
     {{0}},
     0,
     true},
    {"insert select self",
     "INSERT INTO transactions (account_id, $, note) SELECT account_id, $, CONCAT('c', id) FROM transactions "
     "WHERE id <= 3",
     {{0}},
     0,
     true},
    {"insert select star", "INSERT INTO archive SELECT * FROM transactions WHERE id <= 5", {{0}}, 0, true},
    {"insert select random",
     "INSERT INTO transactions (account_id, $, note) SELECT id, LEFT(UUID(), 0), 'uu' FROM accounts",
     {{0}},
     0,
     true},
    {"on duplicate key, new",
     "INSERT INTO transactions (account_id, $, note) VALUES (2, ?, 'odku') ON DUPLICATE KEY UPDATE $ = "
     "CONCAT(VALUES($), '!')",
     {S("fresh")},
     1,
     true},
    {"on duplicate key, there",
     "INSERT INTO transactions (account_id, $, note) VALUES (2, ?, 'odku') ON DUPLICATE KEY UPDATE $ = "
     "CONCAT(VALUES($), '!'), n = n + 1",
     {S("again")},
     1,
     true},
    {"on duplicate key, same value",
     "INSERT INTO transactions (account_id, $, note) VALUES (2, 'again', 'odku') ON DUPLICATE KEY UPDATE $ = "
     "'again!'",
     {{0}},
     0,
     true},
    {"on duplicate key, other column",
     "INSERT INTO transactions (account_id, $, note) VALUES (2, 'zzz', 'odku') ON DUPLICATE KEY UPDATE n = n "
     "+ 10",
     {{0}},
     0,
     true},
    {"replace",
     "REPLACE INTO transactions (id, account_id, $, note) VALUES (3, 2, ?, 'replaced')",
     {S("wire")},
     1,
     true},
    {"update", "UPDATE transactions SET $ = ? WHERE id = 2", {S("transfer")}, 1, true},
    {"update to the same", "UPDATE transactions SET $ = ? WHERE id = 2", {S("transfer")}, 1, true},
    {"update expression",
     "UPDATE transactions SET $ = CONCAT($, '+'), n = n + 1 WHERE $ = ? ORDER BY id LIMIT 2",
     {S("card")},
     1,
     true},
    {"update reads later",
     "UPDATE transactions SET $ = 'abc', note = CONCAT($, id) WHERE id = 4",
     {{0}},
     0,
     true},
    {"update other column", "UPDATE transactions SET amount = amount + 1 WHERE $ LIKE 'w%'", {{0}}, 0, true},
    {"update default", "UPDATE transactions SET $ = DEFAULT WHERE id = 6", {{0}}, 0, true},
    {"update with subquery",
     "UPDATE transactions SET $ = 'sub' WHERE account_id IN (SELECT id FROM accounts WHERE name = 'cy')",
     {{0}},
     0,
     true},
    {"update from subquery",
     "UPDATE transactions SET $ = (SELECT name FROM accounts WHERE id = 1) WHERE id = 1",
     {{0}},
     0,
     true},
    {"update two tables",
     "UPDATE transactions t JOIN accounts a ON a.id = t.account_id SET t.$ = a.payment_method, t.n = ? WHERE "
     "a.id = 2",
     {I("77")},
     1,
     true},
    {"update the other table",
     "UPDATE accounts a JOIN transactions t ON t.account_id = a.id SET a.payment_method = t.$ WHERE t.id = "
     "100",
     {{0}},
     0,
     true},
    {"update too long", "UPDATE transactions SET $ = REPEAT('y', 21) WHERE id = 1", {{0}}, 0, true},
    {"update null", "UPDATE transactions SET $ = NULL WHERE id = 1", {{0}}, 0, true},
    {"delete", "DELETE FROM transactions WHERE $ = ? AND id > 50", {S("gift")}, 1, true},
    {"delete ordered", "DELETE FROM transactions ORDER BY $ DESC, id LIMIT 1", {{0}}, 0, true},
    {"delete two tables",
     "DELETE t FROM transactions t JOIN accounts a ON a.id = t.account_id WHERE t.$ = a.payment_method AND "
     "t.id > 20",
     {{0}},
     0,
     true},
    {"explain", "EXPLAIN SELECT id FROM transactions WHERE id = 1 AND $ = 'x'", {{0}}, 0, false},
    {"unknown column", "SELECT no_such_column, $ FROM transactions", {{0}}, 0, true},
    {"syntax error", "SELECT $ FORM transactions", {{0}}, 0, true},
    {"duplicate key", "INSERT INTO transactions (id, account_id, $) VALUES (1, 1, 'dup')", {{0}}, 0, true},
    {"another table", "INSERT INTO log (what) VALUES ('$ in transactions')", {{0}}, 0, true},
};

static char *with_name(const char *sql, const char *name)
{
    size_t n = 1, len = strlen(name);
    for (const char *p = sql; *p != '\0'; p++) n += *p == '$' ? len : 1;
    char *out = malloc(n), *q = out;
    assert_non_null(out);
    for (const char *p = sql; *p != '\0'; p++) {
        if (*p == '$')
            q = stpcpy(q, name);
        else
            *q++ = *p;
    }
    *q = '\0';
    return out;
}

/* What may differ, and why; the list is meant to stay short. */
static const struct {
    const char *kind, *why;
    bool any_error, warnings;
} known[] = {
    {"syntax error", "refused before the server sees it: what cannot be parsed cannot be proved harmless",
     true, false},
    {"on duplicate key, new", "the expression is written twice, and MySQL warns of VALUES() each time", false,
     true},
    {"on duplicate key, there", "the expression is written twice, and MySQL warns of VALUES() each time",
     false, true},
};

static bool may(const char *kind, bool any_error)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].kind, kind) == 0) return any_error ? known[i].any_error : known[i].warnings;
    return false;
}

typedef struct setting {
    const ts_server *server;
    int phase;
    const char *version, *name, *reference;
    ts_conn *proxied, *plain, *direct;
    unsigned failures, ran;
} setting;

static void run_case(setting *s, const stmt_case *k, ts_mode mode)
{
    char *sql = with_name(k->sql, s->name), why[512];
    if (strcmp(k->kind, "explain") == 0) { /* plans may differ: columns and success are what counts */
        ts_result *r = ts_run(s->proxied, mode, sql, k->p, k->n);
        if (r->error != 0) {
            print_error("%s: %s\n", k->kind, r->message);
            s->failures++;
        }
        ts_result_free(r);
        free(sql);
        return;
    }
    ts_result *want = ts_run(s->plain, mode, sql, k->p, k->n);
    ts_result *got = ts_run(s->proxied, mode, sql, k->p, k->n);
    unsigned how = (k->ordered ? TS_ORDERED : 0u) | (may(k->kind, false) ? 0u : TS_WARNINGS);
    bool same = (may(k->kind, true) && want->error != 0 && got->error != 0) || ts_same(want, got, how, why);
    if (same && !shop_same_data(s->direct, s->reference, s->phase, why)) same = false;
    if (!same) {
        print_error("%s %s, version %s, %s: %s\n  %s\n  plain|proxied: %s\n", s->server->name,
                    shop_phases[s->phase], s->version, mode == TS_TEXT ? "text" : "prepared", k->kind, sql,
                    why);
        s->failures++;
        shop_fill(s->direct, s->phase); /* so that one difference is told once */
    }
    s->ran++;
    ts_result_free(want), ts_result_free(got);
    free(sql);
}

static void run_setting(setting *s, unsigned port)
{
    s->direct = ts_root(s->server, NULL);
    for (int mode = TS_TEXT; mode <= TS_PREPARED; mode++) {
        s->plain = ts_root(s->server, s->reference);
        s->proxied = ts_connect(&(ts_login){
            .host = "127.0.0.1", .port = port, .user = "root", .password = "", .schema = "t_mig"});
        shop_fill(s->direct, s->phase);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) run_case(s, &cases[i], (ts_mode)mode);
        ts_close(s->plain), ts_close(s->proxied);
    }
    ts_close(s->direct);
}

/* In phase `finished` only the new name is left; in every other both are. */
static void run_phase(const ts_server *server, const ts_proxy *p, int phase, unsigned *failures,
                      unsigned *ran)
{
    setting all[] = {
        {.version = "old", .name = "transaction_type", .reference = "t_old"},
        {.version = "new", .name = "payment_method", .reference = "t_new"},
    };
    for (int v = 0; v < 2; v++) {
        if (phase == SHOP_PHASES - 1 && v == 0) continue;
        setting *s = &all[v];
        s->server = server, s->phase = phase;
        run_setting(s, v == 0 ? p->port_old : p->port_new);
        *failures += s->failures, *ran += s->ran;
    }
}

static void walk(const ts_server *server)
{
    ts_proxy p;
    unsigned failures = 0, ran = 0;
    ts_forget_migrations(server);
    shop_create(server);
    ts_proxy_start(&p, server, NULL);
    ts_conn *admin = ts_proxy_admin(&p);
    ts_apply_rename(admin, SHOP_MIGRATION, "t_mig.transactions", "transaction_type", "payment_method");
    for (int phase = 0; phase < SHOP_PHASES; phase++) {
        ts_go(admin, SHOP_MIGRATION, shop_phases[phase]);
        run_phase(server, &p, phase, &failures, &ran);
    }
    ts_close(admin);
    ts_proxy_end(&p);
    print_message("%s: %u comparisons, %u differ\n", server->name, ran, failures);
    assert_int_equal(failures, 0);
}

static void test_mysql(void **state)
{
    (void)state;
    walk(ts_mysql());
}

static void test_mariadb(void **state)
{
    (void)state;
    walk(ts_mariadb());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mysql), cmocka_unit_test(test_mariadb)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
