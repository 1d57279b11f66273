/* guard: triggers. Somebody writes past the proxy, by the old name or the new one, in every phase, forward
 * and back: both columns stay equal, and what was written last counts. The proxy's own writes and the
 * backfill go through unharmed. What was made after APPLY is found when a migration goes on. */
#include "shop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define M "guarded"

static void make(shop *f, const char *table, const char *definition)
{
    ts_do(f->direct, "DROP DATABASE IF EXISTS t_guard");
    ts_do(f->direct, "CREATE DATABASE t_guard");
    ts_do(f->direct, "USE t_guard");
    ts_do(f->direct, "SET sql_mode = 'STRICT_TRANS_TABLES'");
    ts_do(f->direct, "CREATE TABLE p (id INT PRIMARY KEY)");
    ts_do(f->direct, "INSERT INTO p VALUES (1), (2), (3)");
    ts_do(f->direct, "%s", table);
    ts_do(f->admin, "APPLY MIGRATION 'name: " M "\ntable: t_guard.t\nobserve_days: 0\n%s\n'", definition);
}

static void unmake(shop *f)
{
    ts_do(f->admin, "REMOVE MIGRATION " M);
    ts_do(f->direct, "DROP DATABASE t_guard");
}

static long long guards(shop *f)
{
    return ts_int(f->direct, "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = "
                             "'t_guard' AND TRIGGER_NAME LIKE 'straddle\\_guard\\_%%'");
}

static void same_row(ts_conn *c, long long id, const char *columns, const char *want)
{
    char cell[200], sql[300];
    snprintf(sql, sizeof sql, "SELECT CONCAT_WS(',', %s) AS v FROM t_guard.t WHERE id = %lld", columns, id);
    shop_cell(c, sql, "v", cell, sizeof cell);
    if (strcmp(cell, want) != 0) fail_msg("row %lld: %s are %s, not %s", id, columns, cell, want);
}

/* ---- a rename ---- */

typedef struct write {
    const char *sql;  /* run past the proxy, with an id */
    const char *both; /* value of both columns then */
} write;

/* b has its values in all rows, or is filled later: so each begins with a row of its own. */
static const write writes[] = {
    {"INSERT INTO t (id, a) VALUES (:id, 'one')", "one,one"},
    {"INSERT INTO t (id, b) VALUES (:id, 'two')", "two,two"},
    {"INSERT INTO t (id, n) VALUES (:id, 3)", "card,card"},
    {"INSERT INTO t (id, a, b) VALUES (:id, 'four', 'four')", "four,four"},
    {"REPLACE INTO t (id, a) VALUES (:id, 'six')", "six,six"},
};
enum { WRITES = sizeof writes / sizeof *writes };

static const write updates[] = {
    {"UPDATE t SET a = 'seven' WHERE id = :id", "seven,seven"},
    {"UPDATE t SET b = 'eight' WHERE id = :id", "eight,eight"},
    {"UPDATE t SET b = 'EIGHT' WHERE id = :id", "EIGHT,EIGHT"},
    {"UPDATE t SET n = n + 1 WHERE id = :id", "EIGHT,EIGHT"},
    {"UPDATE t SET a = 'nine', b = 'nine' WHERE id = :id", "nine,nine"},
    {"INSERT INTO t (id) VALUES (:id) ON DUPLICATE KEY UPDATE a = 'ten'", "ten,ten"},
    {"INSERT INTO t (id) VALUES (:id) ON DUPLICATE KEY UPDATE b = 'eleven'", "eleven,eleven"},
    {"UPDATE t JOIN (SELECT 1 AS x) d ON 1 = 1 SET t.a = 'twelve' WHERE id = :id", "twelve,twelve"},
};

/* With the id in the place of `:id`. */
static void run(ts_conn *c, const char *sql, long long id)
{
    const char *at = strstr(sql, ":id");
    ts_do(c, "%.*s%lld%s", (int)(at - sql), sql, id, at + 3);
}

static void both_ways(shop *f, ts_conn *c, long long *id)
{
    for (size_t i = 0; i < WRITES; i++) {
        run(f->direct, writes[i].sql, ++*id);
        same_row(f->direct, *id, "a,b", writes[i].both);
    }
    for (size_t i = 0; i < sizeof updates / sizeof *updates; i++) {
        run(f->direct, updates[i].sql, *id);
        same_row(f->direct, *id, "a,b", updates[i].both);
    }
    ts_do(f->direct, "INSERT INTO t VALUES (%lld, 'card', 1)", ++*id); /* without a list: b is invisible */
    same_row(f->direct, *id, "a,b", "card,card");
    ts_do(c, "INSERT INTO t (id, a) VALUES (%lld, 'p1')", ++*id);
    same_row(f->direct, *id, "a,b", "p1,p1");
    ts_do(c, "UPDATE t SET b = 'p2' WHERE id = %lld", *id);
    same_row(f->direct, *id, "a,b", "p2,p2");
    ts_do(c, "INSERT INTO t (id, b) VALUES (%lld, 'p3')", ++*id);
    same_row(f->direct, *id, "a,b", "p3,p3");
}

/* The old column is read by nobody any more; who writes it still is heard. */
static void retired(shop *f, ts_conn *c, long long *id)
{
    assert_int_equal(guards(f), 2);
    ts_do(f->direct, "INSERT INTO t (id, a) VALUES (%lld, 'late')", ++*id);
    same_row(f->direct, *id, "b", "late");
    ts_do(f->direct, "UPDATE t SET a = 'later' WHERE id = %lld", *id);
    same_row(f->direct, *id, "b", "later");
    ts_do(f->direct, "UPDATE t SET b = 'new' WHERE id = %lld", *id);
    same_row(f->direct, *id, "b", "new");
    ts_do(f->direct, "INSERT INTO t (id) VALUES (%lld)", ++*id);
    same_row(f->direct, *id, "b", "card");
    ts_do(c, "INSERT INTO t (id, b) VALUES (%lld, 'other')", ++*id);
    same_row(f->direct, *id, "b", "other");
    ts_do(c, "INSERT INTO t (id, a) VALUES (%lld, 'other')", ++*id);
    same_row(f->direct, *id, "b", "other");
}

static void verify(shop *f)
{
    ts_result *r = ts_query(f->admin, "VERIFY MIGRATION " M);
    if (r->error != 0) fail_msg("%s", r->message);
    assert_string_equal(ts_cell(r, 0, "differing"), "0");
    ts_result_free(r);
}

static void rename_column(shop *f)
{
    long long id = 100;
    make(f,
         "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20) NOT NULL DEFAULT 'card', n INT NOT NULL DEFAULT "
         "0)",
         "columns: [{from: a, to: b}]\nguard: triggers");
    ts_do(f->direct, "INSERT INTO t (id, a) VALUES (1, 'x'), (2, 'y'), (3, 'z')");
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_guard");
    ts_go(f->admin, M, "expanded");
    assert_int_equal(guards(f), 2);
    both_ways(f, c, &id);
    ts_do(f->direct, "UPDATE t SET n = 5 WHERE id = 2"); /* a row that is not filled yet stays so */
    ts_go(f->admin, M, "dual_write");
    both_ways(f, c, &id);
    ts_wait_backfill(f->admin, M);
    verify(f);
    ts_go(f->admin, M, "switched");
    both_ways(f, c, &id);
    verify(f);
    ts_go(f->admin, M, "retired");
    retired(f, c, &id);
    ts_do(f->admin, "ROLLBACK MIGRATION " M " TO switched");
    both_ways(f, c, &id);
    ts_wait_backfill(f->admin, M);
    both_ways(f, c, &id);
    verify(f);
    ts_go(f->admin, M, "dual_write");
    both_ways(f, c, &id);
    verify(f);
    ts_go(f->admin, M, "expanded");
    both_ways(f, c, &id);
    ts_go(f->admin, M, "planned");
    assert_int_equal(guards(f), 0);
    ts_go(f->admin, M, "contracted");
    assert_int_equal(guards(f), 0);
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM t WHERE b = 'twelve'"), 7);
    ts_go(f->admin, M, "finished");
    ts_close(c);
    unmake(f);
}

/* ---- values that change, a column without a default ---- */

static void change_values(shop *f)
{
    make(f,
         "CREATE TABLE t (id INT PRIMARY KEY, amount DECIMAL(10,2) NOT NULL, kind VARCHAR(40) NOT NULL "
         "DEFAULT 'None')",
         "columns:\n  - {from: amount, to: cents, type: BIGINT, up: \"amount * 100\", down: \"cents * "
         "0.01\"}\n"
         "  - {from: kind, to: title, up: \"LOWER(kind)\", down: title}\nguard: triggers");
    ts_do(f->direct, "INSERT INTO t VALUES (1, 1.50, 'Ann'), (2, 2.25, 'BOB')");
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_guard");
    ts_go(f->admin, M, "dual_write");
    ts_wait_backfill(f->admin, M);
    same_row(f->direct, 1, "amount, cents, kind, title", "1.50,150,Ann,ann"); /* not made alike */
    ts_do(f->direct, "UPDATE t SET amount = 3.10 WHERE id = 1");
    same_row(f->direct, 1, "amount, cents, kind, title", "3.10,310,Ann,ann");
    ts_do(f->direct, "UPDATE t SET cents = 99, title = 'Zoe' WHERE id = 1");
    same_row(f->direct, 1, "amount, cents, kind, title", "0.99,99,Zoe,Zoe");
    ts_do(f->direct, "UPDATE t SET kind = 'CY' WHERE id = 1");
    same_row(f->direct, 1, "amount, cents, kind, title", "0.99,99,CY,cy");
    ts_do(f->direct, "INSERT INTO t (id, amount) VALUES (3, 7)");
    same_row(f->direct, 3, "amount, cents, kind, title", "7.00,700,None,none");
    ts_do(f->direct, "INSERT INTO t (id, amount, cents, title) VALUES (4, 0, 45, 'dan')");
    same_row(f->direct, 4, "amount, cents, kind, title", "0.45,45,dan,dan");
    ts_do(c, "UPDATE t SET cents = 12, title = 'Eve' WHERE id = 4");
    same_row(f->direct, 4, "amount, cents, kind, title", "0.12,12,Eve,Eve");
    ts_go(f->admin, M, "switched");
    ts_do(f->direct, "UPDATE t SET amount = 5 WHERE id = 4");
    same_row(f->direct, 4, "amount, cents", "5.00,500");
    verify(f);
    ts_go(f->admin, M, "planned");
    assert_int_equal(guards(f), 0);
    ts_close(c);
    unmake(f);
}

/* ---- triggers of others ---- */

#define APPLY                                                                                                \
    "APPLY MIGRATION 'name: " M "\ntable: t_guard.t\nobserve_days: 0\ncolumns: [{from: a, to: b}]\n%s'"

/* One that changes the old column after a guard's, and one that does the new one: theirs counts. */
static void with_triggers(shop *f)
{
    ts_do(f->direct, "DROP DATABASE IF EXISTS t_guard");
    ts_do(f->direct, "CREATE DATABASE t_guard");
    ts_do(f->direct, "USE t_guard");
    ts_do(f->direct, "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20) NOT NULL DEFAULT 'card')");
    ts_do(f->direct, "CREATE TRIGGER up_i BEFORE INSERT ON t FOR EACH ROW SET NEW.a = UPPER(NEW.a)");
    ts_do(f->direct, "CREATE TRIGGER up_u BEFORE UPDATE ON t FOR EACH ROW SET NEW.a = UPPER(NEW.a)");
    ts_do(f->direct, "INSERT INTO t (id, a) VALUES (1, 'x')");
    ts_result *r = ts_query(f->admin, APPLY, "");
    assert_int_equal(r->error, 1235);
    assert_non_null(strstr(r->message, "guard: triggers"));
    ts_result_free(r);
    ts_do(f->admin, APPLY, "guard: triggers\n");
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_guard");
    ts_go(f->admin, M, "dual_write");
    assert_int_equal(guards(f), 4);
    ts_wait_backfill(f->admin, M);
    ts_do(c, "INSERT INTO t (id, a) VALUES (2, 'q')");
    ts_do(c, "INSERT INTO t (id, b) VALUES (3, 'r')");
    ts_do(f->direct, "INSERT INTO t (id, a) VALUES (4, 's')");
    ts_do(f->direct, "INSERT INTO t (id, b) VALUES (5, 't')");
    ts_do(f->direct, "UPDATE t SET b = 'new' WHERE id = 4");
    ts_do(c, "UPDATE t SET b = 'newer' WHERE id = 5");
    same_row(f->direct, 2, "a, b", "Q,Q"), same_row(f->direct, 3, "a, b", "R,R");
    same_row(f->direct, 4, "a, b", "NEW,NEW"), same_row(f->direct, 5, "a, b", "NEWER,NEWER");
    ts_go(f->admin, M, "switched");
    shop_expect(f->admin, "ADVANCE MIGRATION " M, 1235, "up_i");
    ts_do(f->direct, "DROP TRIGGER up_i");
    ts_do(f->direct, "DROP TRIGGER up_u");
    ts_do(f->direct, "CREATE TRIGGER low_u BEFORE UPDATE ON t FOR EACH ROW SET NEW.b = LOWER(NEW.b)");
    ts_do(f->admin, "SET GUARD " M " triggers");
    ts_do(c, "UPDATE t SET b = 'ThirD' WHERE id = 5");
    same_row(f->direct, 5, "a, b", "third,third");
    ts_do(f->direct, "UPDATE t SET a = 'FourtH' WHERE id = 5");
    same_row(f->direct, 5, "a, b", "fourth,fourth");
    ts_go(f->admin, M, "retired");
    ts_go(f->admin, M, "finished");
    assert_int_equal(guards(f), 0);
    ts_close(c);
    unmake(f);
}

/* ---- found on the way ---- */

static void found_later(shop *f)
{
    make(f, "CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL)", "columns: [{from: a, to: b}]");
    ts_do(f->direct, "INSERT INTO t VALUES (1, 1)");
    ts_go(f->admin, M, "expanded");
    ts_do(f->direct, "CREATE PROCEDURE p() UPDATE t SET a = a + 1");
    shop_expect(f->admin, "ADVANCE MIGRATION " M, 1235, "writes the column");
    ts_do(f->admin, "SET GUARD " M " triggers");
    ts_go(f->admin, M, "dual_write");
    ts_wait_backfill(f->admin, M);
    ts_do(f->direct, "CALL p()");
    same_row(f->direct, 1, "a, b", "2,2");
    ts_go(f->admin, M, "switched");
    ts_do(f->direct, "CALL p()");
    same_row(f->direct, 1, "a, b", "3,3");
    shop_expect(f->admin, "ADVANCE MIGRATION " M, 1235, "writes the column");
    ts_do(f->admin, "ADVANCE MIGRATION " M " FORCE");
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM straddle.history WHERE migration = '" M
                                       "' AND forced = 1 AND to_phase = 'retired' AND result LIKE "
                                       "'%%t_guard.p%%'"),
                     1);
    ts_do(f->admin, "ROLLBACK MIGRATION " M " TO switched");
    ts_wait_backfill(f->admin, M);
    ts_do(f->admin, "SET GUARD " M " none");
    assert_int_equal(guards(f), 0);
    if (strcmp(f->server->name, "mysql") == 0)
        shop_expect(f->admin, "SET GUARD " M " triggers", 1235, "ROLLBACK to dual_write");
    ts_go(f->admin, M, "dual_write");
    ts_do(f->admin, "SET GUARD " M " triggers");
    ts_do(f->direct, "INSERT INTO t (id, a) VALUES (2, 9)");
    ts_do(f->direct, "INSERT INTO t (id, a, b) VALUES (3, 0, 8)");
    same_row(f->direct, 2, "a, b", "9,9"), same_row(f->direct, 3, "a, b", "8,8");
    ts_do(f->admin, "ABORT MIGRATION " M);
    assert_int_equal(guards(f), 0);
    ts_do(f->direct, "DROP DATABASE t_guard");
}

/* ---- what a trigger could not do right; bytes, not collations ---- */

static void refused(shop *f)
{
    make(f, "CREATE TABLE t (id INT PRIMARY KEY, x VARCHAR(20), y VARCHAR(20), k BINARY(4) DEFAULT 'ab')",
         "columns: [{from: x, to: z, up: \"CONCAT(x, ''-'', y)\", down: \"SUBSTRING_INDEX(z, ''-'', 1)\"}, "
         "{from: y, to: z, down: \"SUBSTRING_INDEX(z, ''-'', -1)\"}, {from: k, to: l}]");
    shop_expect(f->admin, "SET GUARD " M " triggers", 1235, "several old columns become one");
    shop_expect(f->admin, "SET GUARD " M " triggers", 1235, "a BINARY column");
    ts_go(f->admin, M, "dual_write");
    shop_expect(f->admin, "SET GUARD " M " triggers", 1235, "several old columns become one");
    ts_go(f->admin, M, "planned");
    unmake(f);
}

static void bytes(shop *f)
{
    make(f, "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20) NOT NULL DEFAULT 'card', n INT)",
         "columns: [{from: a, to: b}]\nguard: triggers");
    ts_go(f->admin, M, "switched");
    ts_do(f->direct, "INSERT INTO t (id, a) VALUES (1, 'CARD')");
    same_row(f->direct, 1, "a, b", "CARD,CARD");
    ts_do(f->direct, "INSERT INTO t (id, b) VALUES (2, 'CARD')");
    same_row(f->direct, 2, "a, b", "CARD,CARD");
    ts_go(f->admin, M, "retired");
    ts_do(f->direct, "INSERT INTO t (id, a) VALUES (3, 'CARD')");
    same_row(f->direct, 3, "b", "CARD");
    ts_go(f->admin, M, "switched");
    ts_go(f->admin, M, "planned");
    unmake(f);
}

/* Cascades of a foreign key fire no triggers: the twin key writes. Where MySQL 9.7 is told to fire them, the
 * twin would refuse what the guard's trigger writes, and every UPDATE of the other table fail: so that is
 * refused beforehand. */
static void cascades(shop *f)
{
    char cell[20];
    make(f,
         "CREATE TABLE t (id INT PRIMARY KEY, a INT, KEY (a), CONSTRAINT fk_a FOREIGN KEY (a) REFERENCES "
         "p (id) ON UPDATE CASCADE ON DELETE SET NULL)",
         "columns: [{from: a, to: b}]\nguard: triggers\nbackfill: {recheck_percent: 0}");
    ts_do(f->direct, "INSERT INTO t (id, a) VALUES (1, 1), (2, 2), (3, 3)");
    ts_go(f->admin, M, "dual_write");
    ts_wait_backfill(f->admin, M);
    shop_cell(f->direct, "SHOW VARIABLES LIKE 'enable_cascade_triggers'", "Value", cell, sizeof cell);
    if (strcmp(cell, "OFF") == 0) {
        ts_do(f->direct, "SET GLOBAL enable_cascade_triggers = ON");
        shop_expect(f->admin, "ADVANCE MIGRATION " M, 1235, "enable_cascade_triggers");
        ts_do(f->direct, "SET GLOBAL enable_cascade_triggers = OFF");
    }
    ts_go(f->admin, M, "switched");
    ts_do(f->direct, "UPDATE p SET id = 12 WHERE id = 2");
    same_row(f->direct, 2, "a, b", "12,12");
    ts_do(f->direct, "DELETE FROM p WHERE id = 3");
    same_row(f->direct, 3, "COALESCE(a, 'none'), COALESCE(b, 'none')", "none,none");
    ts_go(f->admin, M, "planned");
    unmake(f);
}

/* ---- under load ---- */

typedef struct load {
    ts_conn *c;
    atomic_bool stop;
    unsigned seed, errors, done;
} load;

static void *writer(void *arg)
{
    load *l = arg;
    while (!atomic_load(&l->stop)) {
        unsigned at = l->seed = l->seed * 1103515245 + 12345, id = at / 65536 % 3000;
        const char *column = at / 1024 % 2 == 0 ? "a" : "b";
        ts_result *r =
            at / 2048 % 4 == 0
                ? ts_query(l->c, "REPLACE INTO t_guard.t (id, %s) VALUES (%u, %u)", column, id, at % 99)
                : ts_query(l->c, "UPDATE t_guard.t SET %s = %u WHERE id = %u", column, at % 999, id);
        if (r->error == 1213 || r->error == 1205) r->error = 0; /* the other one's lock; it is rolled back */
        if (r->error != 0 && l->errors++ == 0) print_message("%u %s\n", r->error, r->message);
        ts_result_free(r);
        l->done++;
    }
    return NULL;
}

static void under_load(shop *f)
{
    make(f, "CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL DEFAULT 7)",
         "columns: [{from: a, to: b}]\nguard: triggers\nbackfill: {chunk_rows: 200}");
    ts_do(f->direct,
          "INSERT INTO t SELECT x.n * 1000 + y.n * 100 + z.n * 10 + w.n, 5 FROM (SELECT 0 AS n UNION SELECT "
          "1 UNION SELECT 2) x, (SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 "
          "UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) y, (SELECT 0 AS n "
          "UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION "
          "SELECT 7 UNION SELECT 8 UNION SELECT 9) z, (SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION "
          "SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT "
          "9) w");
    ts_go(f->admin, M, "expanded");
    load l[2] = {{.c = ts_root(f->server, NULL), .seed = 1},
                 {.c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_guard"), .seed = 2}};
    pthread_t t[2];
    for (size_t i = 0; i < 2; i++) pthread_create(&t[i], NULL, writer, &l[i]);
    ts_go(f->admin, M, "dual_write");
    ts_wait_backfill(f->admin, M);
    verify(f);
    ts_go(f->admin, M, "switched");
    verify(f);
    ts_go(f->admin, M, "dual_write");
    verify(f);
    for (size_t i = 0; i < 2; i++) atomic_store(&l[i].stop, true);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(l[i].errors, 0);
        assert_true(l[i].done > 0);
        ts_close(l[i].c);
    }
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM t WHERE NOT (a <=> b)"), 0);
    ts_go(f->admin, M, "planned");
    unmake(f);
}

static void test_rename(void **state)
{
    (void)state;
    shop_each_server(rename_column, NULL);
}

static void test_values(void **state)
{
    (void)state;
    shop_each_server(change_values, NULL);
}

static void test_triggers(void **state)
{
    (void)state;
    shop_each_server(with_triggers, NULL);
}

static void test_found(void **state)
{
    (void)state;
    shop_each_server(found_later, NULL);
}

static void test_load(void **state)
{
    (void)state;
    shop_each_server(under_load, NULL);
}

static void test_refused(void **state)
{
    (void)state;
    shop_each_server(refused, NULL);
}

static void test_cascades(void **state)
{
    (void)state;
    shop_each_server(cascades, NULL);
}

static void test_bytes(void **state)
{
    (void)state;
    shop_each_server(bytes, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused),  cmocka_unit_test(test_bytes),
                                       cmocka_unit_test(test_rename),   cmocka_unit_test(test_values),
                                       cmocka_unit_test(test_triggers), cmocka_unit_test(test_found),
                                       cmocka_unit_test(test_cascades), cmocka_unit_test(test_load)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
