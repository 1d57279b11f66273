/* PLAN MIGRATION: the server takes every step as the plan says, and the files that it writes do, on a
 * database of their own, what they say: expand, contract, and back to the table as it was. */
#include "shop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static void make(shop *f)
{
    ts_do(f->direct, "DROP DATABASE IF EXISTS t_plan");
    ts_do(f->direct, "CREATE DATABASE t_plan");
    ts_do(f->direct, "USE t_plan");
    ts_do(f->direct,
          "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20) NOT NULL DEFAULT 'x', n INT, KEY ka (a(4), n), "
          "UNIQUE KEY ua (a))");
    ts_do(f->direct, "INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 2)");
}

/* Runs a file statement by statement; a line that begins with -- is none. */
static void run_file(shop *f, const char *content)
{
    while (*content != '\0') {
        size_t n = strcspn(content, "\n");
        if (n > 2 && strncmp(content, "--", 2) != 0) ts_do(f->direct, "%.*s", (int)n - 1, content);
        content += n + (content[n] == '\n' ? 1 : 0);
    }
}

static void table_text(shop *f, char *buf, size_t size)
{
    ts_result *r = ts_query(f->direct, "SHOW CREATE TABLE t_plan.t");
    snprintf(buf, size, "%s", r->cells[1]);
    ts_result_free(r);
}

static const char *file(const ts_result *r, const char *part)
{
    for (size_t i = 0; i < r->nrows; i++)
        if (strstr(ts_cell(r, i, "file"), part) != NULL) return ts_cell(r, i, "content");
    fail_msg("there is no file %s", part);
    return "";
}

static void files(shop *f, const char *format, bool flyway)
{
    char before[2000], after[2000];
    table_text(f, before, sizeof before);
    ts_result *r = ts_query(f->admin, "PLAN MIGRATION plan FORMAT %s", format);
    if (r->error != 0) fail_msg("%s", r->message);
    assert_int_equal(r->nrows, 4);
    run_file(f, file(r, flyway ? "__expand_plan" : "plan_expand.sql"));
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM t WHERE a = b"), 2);
    run_file(f, file(r, flyway ? "__contract_plan" : "plan_contract.sql"));
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM t WHERE b IN ('one', 'two')"), 2);
    assert_int_equal(ts_int(f->direct,
                            "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = "
                            "'t_plan' AND INDEX_NAME IN ('ka', 'ua') AND COLUMN_NAME = 'b'"),
                     2);
    for (size_t i = 4; i-- > 0;) /* the files that undo, last first */
        if (ts_cell(r, i, "file")[0] == 'U' || strstr(ts_cell(r, i, "file"), "_undo") != NULL)
            run_file(f, ts_cell(r, i, "content"));
    table_text(f, after, sizeof after);
    if (strcmp(before, after) != 0) fail_msg("before:\n%s\nafter:\n%s", before, after);
    ts_result_free(r);
}

static void check(shop *f)
{
    make(f);
    ts_do(f->admin,
          "APPLY MIGRATION 'name: plan\ntable: t_plan.t\ncolumns: [{from: a, to: b}]\nobserve_days: 0'");
    ts_result *r = ts_query(f->admin, "PLAN MIGRATION plan");
    if (r->error != 0) fail_msg("%s", r->message);
    unsigned instant = 0, inplace = 0;
    for (size_t i = 0; i < r->nrows; i++) {
        const char *how = ts_cell(r, i, "algorithm");
        if (strcmp(how, "not taken") == 0) fail_msg("%s: %s", ts_cell(r, i, "sql"), ts_cell(r, i, "lock"));
        instant += strstr(how, "INSTANT") != NULL, inplace += strstr(how, "INPLACE") != NULL;
        assert_true(how[0] == '-' || strstr(ts_cell(r, i, "sql"), how) != NULL);
    }
    assert_true(instant >= 2 && inplace >= 3);
    ts_result_free(r);
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = "
                                       "'straddle' AND TABLE_NAME LIKE 'plan\\_%%'"),
                     0);
    files(f, "flyway", true);
    files(f, "sql", false);
    r = ts_query(f->admin, "PLAN MIGRATION plan FORMAT liquibase");
    assert_int_equal(r->nrows, 1);
    assert_non_null(strstr(r->cells[1], "--changeset straddle:plan_contract"));
    assert_non_null(strstr(r->cells[1], "--rollback ALTER TABLE `t_plan`.`t` DROP COLUMN `b`"));
    ts_result_free(r);
    ts_go(f->admin, "plan", "expanded");
    shop_expect(f->admin, "PLAN MIGRATION plan FORMAT sql", 1235, "planned");
    ts_go(f->admin, "plan", "planned");
    ts_do(f->admin, "REMOVE MIGRATION plan");
    ts_do(f->direct, "DROP DATABASE t_plan");
}

/* ---- the way back ---- */

static void abort_from(shop *f, const char *phase, const char *strategy)
{
    make(f);
    ts_do(f->admin,
          "APPLY MIGRATION 'name: plan\ntable: t_plan.t\ncolumns: [{from: a, to: b}]\nobserve_days: "
          "0\nstrategy: %s'",
          strategy);
    ts_go(f->admin, "plan", phase);
    ts_result *r = ts_query(f->admin, "EXPLAIN ROLLBACK plan");
    if (r->error != 0 || r->nrows == 0 || strstr(ts_cell(r, 0, "lost"), "nothing") == NULL)
        fail_msg("%s: %s", phase, r->message);
    ts_result_free(r);
    if (strcmp(phase, "retired") == 0) {
        shop_expect(f->admin, "ABORT MIGRATION plan", 1235, "not filled again yet");
        ts_wait_backfill(f->admin, "plan");
    }
    r = ts_query(f->admin, "ABORT MIGRATION plan");
    if (r->error != 0) fail_msg("%s: %s", phase, r->message);
    assert_string_equal(ts_cell(r, 0, "step"), "cost");
    const char *last = ts_cell(r, r->nrows - 1, "detail");
    if (strcmp(last, "as it was found") != 0) fail_msg("%s: %s", phase, last);
    ts_result_free(r);
    shop_expect(f->admin, "SHOW MIGRATION plan", 1305, "no migration");
}

static void aborts(shop *f)
{
    static const char *const phases[] = {"expanded", "dual_write", "switched", "retired"};
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) abort_from(f, phases[i], "dual_write");
    abort_from(f, "contracted", "instant_rename");
    make(f);
    ts_do(f->admin,
          "APPLY MIGRATION 'name: plan\ntable: t_plan.t\ncolumns: [{from: a, to: b}]\nobserve_days: 0'");
    ts_go(f->admin, "plan", "contracted");
    shop_expect(f->admin, "EXPLAIN ROLLBACK plan", 1235, "the old column is gone");
    shop_expect(f->admin, "ABORT MIGRATION plan", 1235, "the old column is gone");
    ts_go(f->admin, "plan", "finished");
    ts_do(f->admin, "REMOVE MIGRATION plan");
    ts_do(f->direct, "DROP DATABASE t_plan");
}

/* ---- advice ---- */

static void advised(shop *f, const char *way, const char *why)
{
    ts_result *r = ts_query(f->admin, "ADVISE MIGRATION plan");
    if (r->error != 0) fail_msg("%s", r->message);
    for (size_t i = 0; i < r->nrows; i++) {
        bool yes = strcmp(ts_cell(r, i, "advised"), "yes") == 0;
        if (yes != (strcmp(ts_cell(r, i, "way"), way) == 0))
            fail_msg("%s wanted; %s: %s", way, ts_cell(r, i, "way"), ts_cell(r, i, "why"));
        if (yes && strstr(ts_cell(r, i, "why"), why) == NULL) fail_msg("%s", ts_cell(r, i, "why"));
    }
    ts_result_free(r);
}

static void advice(shop *f)
{
    make(f);
    ts_do(f->admin, "APPLY MIGRATION 'name: plan\ntable: t_plan.t\ncolumns: [{from: n, to: m}]'");
    advised(f, "plain_ddl", "an ALTER TABLE at a quiet hour");
    ts_do(f->direct, "ALTER TABLE t DROP INDEX ua");
    for (unsigned i = 2; i < 100000; i *= 2) ts_do(f->direct, "INSERT INTO t SELECT id + %u, a, n FROM t", i);
    ts_do(f->direct, "ANALYZE TABLE t");
    advised(f, "instant_rename", "rows make no difference");
    ts_do(f->direct, "CREATE VIEW v AS SELECT n FROM t");
    advised(f, "shadow_table", "copy all");
    ts_do(f->admin, "REMOVE MIGRATION plan");
    ts_do(f->direct, "DROP DATABASE t_plan");
}

static void test_aborts(void **state)
{
    (void)state;
    shop_each_server(aborts, NULL);
}

static void test_advice(void **state)
{
    (void)state;
    shop_each_server(advice, NULL);
}

static void test_plan(void **state)
{
    (void)state;
    shop_each_server(check, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plan), cmocka_unit_test(test_aborts),
                                       cmocka_unit_test(test_advice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
