/* Counts under keys of several strings: one entry a key, a bound that is kept, and sums over threads. */
#include "tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static px_count *get(px_tally *t, const char *a, const char *b, bool *fresh)
{
    b_slice key[PX_TALLY_KEYS] = {b_slice_str(a), b_slice_str(b), B_LIT(""), B_LIT(""), B_LIT(""), B_LIT("")};
    px_count *c = px_tally_get(t, key, fresh);
    assert_non_null(c);
    return c;
}

static void one_entry_a_key(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool fresh;
    } rows[] = {{"x", "y", true}, {"x", "y", false}, {"xy", "", true}, {"", "xy", true}, {"X", "y", true}};
    px_tally *t = px_tally_new(10);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool fresh;
        get(t, rows[i].a, rows[i].b, &fresh)->count++;
        if (fresh != rows[i].fresh) fail_msg("row %zu (%s, %s): fresh is %d", i, rows[i].a, rows[i].b, fresh);
    }
    assert_int_equal(px_tally_size(t), 4);
    assert_int_equal(px_tally_at(t, 0)->count, 2);
    px_tally_free(t);
}

static void what_does_not_fit_is_counted_as_other(void **state)
{
    (void)state;
    px_tally *t = px_tally_new(3);
    for (int i = 0; i < 10; i++) {
        char name[16];
        snprintf(name, sizeof name, "k%d", i);
        get(t, name, "", NULL)->count++;
    }
    assert_int_equal(px_tally_size(t), 4);
    assert_string_equal(px_tally_at(t, 3)->key[0], "(other)");
    assert_int_equal(px_tally_at(t, 3)->count, 7);
    assert_string_equal(get(t, "k1", "", NULL)->key[0], "k1"); /* those that fitted are still found */
    px_tally_free(t);
}

static void merging_sums_and_keeps_the_latest(void **state)
{
    (void)state;
    px_tally *a = px_tally_new(10), *b = px_tally_new(10), *sum = px_tally_new(10);
    px_count *c = get(a, "m", "old", NULL);
    c->count = 3, c->last_ms = 100;
    px_tally_sample(a, c, B_LIT("select ?"));
    c = get(b, "m", "old", NULL);
    c->count = 4, c->last_ms = 50;
    get(b, "m", "new", NULL)->count = 1;
    px_tally_merge(sum, a);
    px_tally_merge(sum, b);
    assert_int_equal(px_tally_size(sum), 2);
    assert_int_equal(px_tally_at(sum, 0)->count, 7);
    assert_int_equal(px_tally_at(sum, 0)->last_ms, 100);
    assert_string_equal(px_tally_at(sum, 0)->sample, "select ?");
    px_tally_free(a);
    px_tally_free(b);
    px_tally_free(sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_entry_a_key),
        cmocka_unit_test(what_does_not_fit_is_counted_as_other),
        cmocka_unit_test(merging_sums_and_keeps_the_latest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
