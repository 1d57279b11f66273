/* Expressions of migrations: what is taken, as what it is written down, and what is refused for which reason.
 */
#include "rewrite/expr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct row {
    const char *text, *want; /* want: the text written down, or "! part of the message" */
} row;

static const row rows[] = {
    {"amount * 100", "`amount` * 100"},
    {"AMOUNT*100", "`AMOUNT`*100"},
    {"`amount`+\"it's\"", "`amount`+'it''s'"},
    {"CONCAT(first, ' ', last)", "CONCAT(`first`, ' ', `last`)"},
    {"IF(amount IS NOT NULL, 1, 0)", "IF(`amount` IS NOT NULL, 1, 0)"},
    {"amount NOT IN (1, 2)", "`amount` NOT IN (1, 2)"},
    {"CASE first WHEN 'a' THEN 1 ELSE NULL END", "CASE `first` WHEN 'a' THEN 1 ELSE NULL END"},
    {"CAST(first AS CHAR(3) CHARACTER SET utf8mb4)", "CAST(`first` AS CHAR(3) CHARACTER SET utf8mb4)"},
    {"CONCAT(first, '\\n')", "CONCAT(`first`, _utf8mb4 X'0A')"},
    {"CONCAT(first, '\xC3\xA9')", "CONCAT(`first`, _utf8mb4 X'C3A9')"},
    {"CONCAT(first, _latin1'\\t')", "CONCAT(`first`, _latin1X'09')"},
    {"DATE_ADD(first, INTERVAL 1 DAY)", "DATE_ADD(`first`, INTERVAL 1 DAY)"},
    {"amount DIV 100", "`amount` DIV 100"},
    {"amount / 100", "! div_precision_increment"},
    {"first || last", "! OR or CONCAT"},
    {"NOT amount = 1", "! NOT binds otherwise"},
    {"! amount", "! binds otherwise"},
    {"CAST(amount AS CHAR)", "! takes the session's"},
    {"CAST(amount AS CHAR(10))", "! takes the session's"},
    {"CONVERT(amount, CHAR)", "! takes the session's"},
    {"other + 1", "! no column that may stand here"},
    {"t.amount", "! qualified"},
    {"RAND()", "! not known to give the same"},
    {"NOW()", "! not known to give the same"},
    {"my_function(amount)", "! not known to give the same"},
    {"s.f(amount)", "! not known to give the same"},
    {"UNIX_TIMESTAMP()", "! present time"},
    {"(SELECT 1)", "! subquery"},
    {"?", "! cannot be read"},
    {"@v", "! cannot stand"},
    {"@@sql_mode", "! cannot stand"},
    {"COUNT(*)", "! not known"},
    {"amount AS x", "! not one expression"},
    {"amount, first", "! not one expression"},
    {"amount FROM t", "! not one expression"},
    {"amount; DROP TABLE t", "! not one expression"},
    {"amount +", "! "},
    {"'unclosed", "! cannot be read"},
    {"amount /*!40100 + 1 */", "! version comment"},
    {"", "! "},
};

static void test_expressions(void **state)
{
    static const b_slice columns[] = {{"amount", 6}, {"first", 5}, {"last", 4}};
    const rw_server servers[] = {{RW_MYSQL, 90704, 0}, {RW_MARIADB, 101119, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t k = 0; k < 2; k++) {
            b_arena *a = b_arena_new(0);
            b_slice out = {NULL, 0};
            b_err err = {0};
            b_status s = rw_expr_check(servers[k], b_slice_str(rows[i].text), columns, 3, a, &out, &err);
            if (rows[i].want[0] == '!') {
                if (s != B_INVALID || strstr(err.msg, rows[i].want + 2) == NULL)
                    fail_msg("`%s`: %d `%.*s` %s", rows[i].text, (int)s, B_ARG(out), err.msg);
            } else if (s != B_OK || !b_slice_eq(out, b_slice_str(rows[i].want))) {
                fail_msg("`%s`: %d `%.*s` %s", rows[i].text, (int)s, B_ARG(out), err.msg);
            }
            b_arena_free(a);
        }
    }
}

static void test_reads(void **state)
{
    (void)state;
    assert_true(rw_expr_reads(B_LIT("`a` * 100"), B_LIT("A")));
    assert_false(rw_expr_reads(B_LIT("'`a`' + `b`"), B_LIT("a")));
    assert_true(rw_expr_reads(B_LIT("CONCAT('it''s', `b`)"), B_LIT("b")));
    assert_false(rw_expr_reads(B_LIT("a"), B_LIT("a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_expressions), cmocka_unit_test(test_reads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
