/* The table of functions: in order, so that each is found, and what a few of them are. */
#include "functions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void each_is_found(void **state)
{
    (void)state;
    b_slice last = {NULL, 0};

    for (size_t i = 0; rw__function_name(i).n > 0; i++) {
        b_slice name = rw__function_name(i);

        if (last.n > 0 && strcmp(last.p, name.p) >= 0) {
            fail_msg("%s stands before %s", last.p, name.p);
        }
        if (rw__function(name) == 0) {
            fail_msg("%s is not found", name.p);
        }
        last = name;
    }
    assert_true(last.n > 0);
}

static void bits(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned bits;
    } rows[] = {
        {"concat", RW_FN_FIXED},
        {"CONCAT", RW_FN_FIXED},
        {"now", RW_FN_STEADY}, /* the same within a statement */
        {"date_format", RW_FN_STEADY},
        {"rand", 0},
        {"uuid", 0},
        {"sysdate", 0},
        {"sleep", 0},
        {"last_insert_id", 0},
        {"count", RW_FN_AGGREGATE | RW_FN_OF_ROWS},
        {"group_concat", RW_FN_AGGREGATE},
        {"convert", RW_FN_FIXED | RW_FN_RESERVED | RW_FN_TYPE2},
        {"current_timestamp", RW_FN_STEADY | RW_FN_RESERVED | RW_FN_NO_PARENS},
        {"", 0},
        {"no_such_function_however_long_its_name_may_be", 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned got = rw__function(b_slice_str(rows[i].name));

        if (got != rows[i].bits) {
            fail_msg("%s: %x, not %x", rows[i].name, got, rows[i].bits);
        }
    }
    assert_int_equal(rw__function(b_slice_of("abs\0x", 5)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_found), cmocka_unit_test(bits)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
