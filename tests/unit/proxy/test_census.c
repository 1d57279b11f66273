/* Connections counted by user and by address. */
#include "census.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

static void test_limits(void **state)
{
    (void)state;
    px_census *c = px_census_new();
    assert_true(px_census_enter(c, PX_CENSUS_USER, "app", 2));
    assert_true(px_census_enter(c, PX_CENSUS_USER, "app", 2));
    assert_false(px_census_enter(c, PX_CENSUS_USER, "app", 2));
    assert_true(px_census_enter(c, PX_CENSUS_USER, "other", 2));
    assert_true(px_census_enter(c, PX_CENSUS_ADDRESS, "app", 1)); /* a name of another kind */
    px_census_leave(c, PX_CENSUS_USER, "app");
    assert_true(px_census_enter(c, PX_CENSUS_USER, "app", 2));
    assert_true(px_census_enter(c, PX_CENSUS_USER, "app", 0)); /* 0: no limit, counted all the same */
    px_census_leave(c, PX_CENSUS_USER, "app");
    assert_false(px_census_enter(c, PX_CENSUS_USER, "app", 2));
    px_census_leave(c, PX_CENSUS_USER, "nobody"); /* never came: nothing happens */
    px_census_free(c);
}

static void test_many(void **state)
{
    (void)state;
    enum { N = 20000 };
    px_census *c = px_census_new();
    char name[32];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < N; i++) {
            snprintf(name, sizeof name, "10.0.%d.%d", i / 256, i % 256);
            assert_true(px_census_enter(c, PX_CENSUS_ADDRESS, name, 1));
            assert_false(px_census_enter(c, PX_CENSUS_ADDRESS, name, 1));
        }
        for (int i = 0; i < N; i++) {
            snprintf(name, sizeof name, "10.0.%d.%d", i / 256, i % 256);
            px_census_leave(c, PX_CENSUS_ADDRESS, name);
        }
    }
    px_census_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
