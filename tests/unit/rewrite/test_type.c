/* Column types: what certainly holds what, and how an expression gets the look of a column. */
#include "type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct fits_row {
    const char *a, *ca, *b, *cb; /* types and collations */
    bool fits, alike;
} fits_row;

static const fits_row fits[] = {
    {"int", "", "bigint", "", true, true},
    {"bigint", "", "int", "", false, true},
    {"int(11)", "", "bigint(20)", "", true, true},
    {"int unsigned", "", "bigint", "", true, true},
    {"int", "", "bigint unsigned", "", false, true},
    {"bigint unsigned", "", "bigint", "", false, true},
    {"decimal(10,2)", "", "decimal(12,2)", "", true, false},
    {"decimal(10,2)", "", "decimal(12,5)", "", false, false},
    {"decimal(10,2)", "", "bigint", "", false, false},
    {"varchar(10)", "utf8mb4_bin", "varchar(20)", "utf8mb4_bin", true, true},
    {"varchar(20)", "utf8mb4_bin", "varchar(10)", "utf8mb4_bin", false, true},
    {"varchar(20)", "utf8mb3_bin", "varchar(20)", "utf8mb4_bin", true, false},
    {"varchar(20)", "utf8mb4_bin", "varchar(20)", "utf8mb3_bin", false, false},
    {"varchar(20)", "latin1_bin", "text", "latin1_bin", true, true},
    {"varchar(20)", "utf8mb4_bin", "char(20)", "utf8mb4_bin", false, true},
    {"datetime", "", "datetime(3)", "", true, false},
    {"datetime", "", "timestamp", "", false, true},
    {"varchar(10)", "utf8mb4_bin", "enum('a')", "utf8mb4_bin", false, false},
    {"enum('a')", "utf8mb4_bin", "enum('a')", "utf8mb4_bin", true, true},
};

static void test_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fits / sizeof fits[0]; i++) {
        rw_column a = {.type = b_slice_str(fits[i].a), .collation = b_slice_str(fits[i].ca)};
        rw_column b = {.type = b_slice_str(fits[i].b), .collation = b_slice_str(fits[i].cb)};
        if (rw__type_fits(&a, &b) != fits[i].fits || rw__type_alike(&a, &b) != fits[i].alike)
            fail_msg("row %zu: %s to %s", i, fits[i].a, fits[i].b);
        a.nullable = true;
        assert_false(rw__type_fits(&a, &b));
    }
}

static void test_cast(void **state)
{
    static const struct {
        const char *type, *collation, *want;
    } rows[] = {
        {"bigint", "", "CAST(x AS SIGNED)"},
        {"int(10) unsigned", "", "CAST(x AS UNSIGNED)"},
        {"decimal(10,2)", "", "CAST(x AS DECIMAL(10,2))"},
        {"datetime(3)", "", "CAST(x AS DATETIME(3))"},
        {"timestamp", "", "CAST(x AS DATETIME(0))"},
        {"varchar(5)", "utf8mb4_bin", "(CONVERT(x USING utf8mb4) COLLATE utf8mb4_bin)"},
        {"enum('a')", "latin1_swedish_ci", "(CONVERT(x USING latin1) COLLATE latin1_swedish_ci)"},
        {"json", "", "(x)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rw_column c = {.type = b_slice_str(rows[i].type), .collation = b_slice_str(rows[i].collation)};
        b_buf out = {0}, after = {0};
        rw__type_cast(RW_MYSQL, &c, &out, &after);
        b_buf_char(&out, 'x');
        b_buf_slice(&out, b_buf_view(&after));
        assert_string_equal(b_buf_cstr(&out), rows[i].want);
        b_buf_deinit(&out), b_buf_deinit(&after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fits), cmocka_unit_test(test_cast)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
