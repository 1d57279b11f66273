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

static void test_plan(void **state)
{
    (void)state;
    shop_each_server(check, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
