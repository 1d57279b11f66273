/* Failed logins: who has failed too often waits, nobody else does. */
#include "attempts.h"

#include <stdio.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void test_user(void **state)
{
    (void)state;
    adm__attempts *a = adm__attempts_new();
    for (unsigned i = 0; i < ADM__ATTEMPTS_USER; i++) {
        assert_int_equal(adm__attempts_wait(a, "eve", "10.0.0.1", 1000), 0);
        adm__attempts_failed(a, "eve", "10.0.0.1", 1000);
    }
    assert_int_equal(adm__attempts_wait(a, "eve", "10.0.0.1", 1000), 60);
    assert_int_equal(adm__attempts_wait(a, "eve", "10.0.0.1", 31000), 30);
    assert_int_equal(adm__attempts_wait(a, "eve", "10.0.0.2", 1000), 0);
    assert_int_equal(adm__attempts_wait(a, "ann", "10.0.0.1", 1000), 0);
    assert_int_equal(adm__attempts_wait(a, "eve", "10.0.0.1", 1000 + ADM__ATTEMPTS_MS), 0);
    adm__attempts_failed(a, "eve", "10.0.0.1", 1000 + ADM__ATTEMPTS_MS); /* counted anew */
    assert_int_equal(adm__attempts_wait(a, "eve", "10.0.0.1", 1000 + ADM__ATTEMPTS_MS), 0);
    adm__attempts_free(a);
}

/* Other names do not help, and the places for them do not push the address out. */
static void test_address(void **state)
{
    (void)state;
    adm__attempts *a = adm__attempts_new();
    char name[24];
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "user%u", i);
        unsigned wait = adm__attempts_wait(a, name, "10.0.0.1", 5);
        assert_int_equal(wait > 0, i >= ADM__ATTEMPTS_ADDRESS);
        adm__attempts_failed(a, name, "10.0.0.1", 5);
    }
    assert_int_equal(adm__attempts_wait(a, "ann", "10.0.0.2", 5), 0);
    adm__attempts_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_user), cmocka_unit_test(test_address)};
    return cmocka_run_group_tests_name("attempts", tests, NULL, NULL);
}
