/* Which words of a server's message are columns of the migrating table. */
#include "message.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

/* Table t, also called u, whose column a is shown as b. */
static const struct row {
    unsigned code;
    const char *server, *client;
} rows[] = {
    {1054, "Unknown column 'a' in 'field list'", "Unknown column 'a' in 'field list'"},
    {4025, "CONSTRAINT `t.a` failed for `s`.`t`", "CONSTRAINT `t.b` failed for `s`.`t`"},
    {4025, "CONSTRAINT `o.a` failed for `s`.`o`", "CONSTRAINT `o.a` failed for `s`.`o`"},
    {1048, "Column 'A' cannot be null", "Column 'b' cannot be null"},
    {1055, "column 'u.a' which is not", "column 'u.b' which is not"},
    {1055, "column 'd.a' which is not", "column 'd.a' which is not"},
    {1048, "Column 'ab' cannot be null", "Column 'ab' cannot be null"},
    {1048, "Column 'a' cannot be null", "Column 'b' cannot be null"},
    {1055, "column 's.t.a' which is not", "column 's.t.b' which is not"},
    {1055, "column 'z.t.a' which is not", "column 'z.t.a' which is not"},
    {1366, "Incorrect integer value: 'x' for column `z`.`t`.`a` at row 1",
     "Incorrect integer value: 'x' for column `z`.`t`.`a` at row 1"},
    {1690, "value is out of range in '(`s`.`t`.`a` - 1)'", "value is out of range in '(`s`.`t`.`b` - 1)'"},
    {1690, "value is out of range in '(`u`.`a` - `o`.`a`)'",
     "value is out of range in '(`u`.`b` - `o`.`a`)'"},
    {1690, "value is out of range in '~octet_length(\"s\".\"t\".\"a\")'",
     "value is out of range in '~octet_length(\"s\".\"t\".\"b\")'"},
    {1690, "value is out of range in '(\"s\".\"o\".\"a\" - \"a\")'",
     "value is out of range in '(\"s\".\"o\".\"a\" - \"a\")'"},
    {1292, "Incorrect datetime value: 'a' for column ``.`(temporary)`.`a` at row 1",
     "Incorrect datetime value: 'a' for column ``.`(temporary)`.`b` at row 1"},
    {1093, "You can't specify target table 'a' for update in FROM clause",
     "You can't specify target table 'a' for update in FROM clause"},
    {3156, "Invalid JSON value for CAST to DOUBLE from column a at row 1",
     "Invalid JSON value for CAST to DOUBLE from column b at row 1"},
    {3156, "Invalid JSON value for CAST to DOUBLE from column a at row at row 1",
     "Invalid JSON value for CAST to DOUBLE from column a at row at row 1"},
    {3156, " from column  at row ", " from column  at row "},
    {3156, " at row  from column ", " at row  from column "},
    {1066, "Not unique table/alias: 'a'", "Not unique table/alias: 'a'"},
    {1525, "Incorrect DATE value: 'a'", "Incorrect DATE value: 'a'"},
    {1366, "Incorrect integer value: 'a' for column 'a' at row 1",
     "Incorrect integer value: 'a' for column 'b' at row 1"},
    {1366, "Incorrect integer value: '' for column 'a' at' for column `s`.`t`.`a` at row 1",
     "Incorrect integer value: '' for column 'a' at' for column `s`.`t`.`b` at row 1"},
    {1292, "Truncated incorrect DOUBLE value: 'a'", "Truncated incorrect DOUBLE value: 'a'"},
    {1062, "Duplicate entry 'a' for key 'k'", "Duplicate entry 'a' for key 'k'"},
    {1062, "Duplicate entry 'a' for key 't.k__b'", "Duplicate entry 'a' for key 't.k'"},
    {1062, "Duplicate entry 'a' for key 'k__a'", "Duplicate entry 'a' for key 'k'"},
    {1265, "Data truncated for column 'a' at row 1", "Data truncated for column 'b' at row 1"},
    {1064, "", ""},
    {1064, "'", "'"},
    {1064, "`.`", "`.`"},
};

static void test_rows(void **state)
{
    static const rw_shown t = {.table = {B_LIT("s"), B_LIT("t")},
                               .physical = B_LIT("a"),
                               .shown = B_LIT("b"),
                               .aliases = {"u\0w", 4}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        b_buf out = {0};
        px_message_put(&out, &t, 1, rows[i].code, b_slice_str(rows[i].server));
        assert_string_equal(b_buf_cstr(&out), rows[i].client);
        b_buf_deinit(&out);
    }
}

static void test_unknown(void **state)
{
    static const struct {
        const char *message, *column;
    } some[] = {
        {"Unknown column 'a' in 'field list'", "a"},
        {"Unknown column 's.t.a' in 'where clause'", "a"},
        {"Unbekanntes Tabellenfeld 'ab' in 'SET'", "ab"},
        {"Unknown column 'a", ""},
        {"Unknown column", ""},
        {"'", ""},
        {"", ""},
        {"Unknown column '' in", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        assert_true(
            b_slice_eq(px_message_unknown(b_slice_str(some[i].message)), b_slice_str(some[i].column)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_unknown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
