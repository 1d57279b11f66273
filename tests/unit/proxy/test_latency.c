/* The latency of a table: percentiles within an eighth, and forgetting what is old. */
#include "latency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint64_t p99(px_latency *l, const char *table, uint64_t now_ms)
{
    px_histogram sum = {.total = 0};
    px_latency_sum(l, B_LIT("shop"), b_slice_str(table), now_ms, &sum);
    return px_histogram_at(&sum, 0.99);
}

static void note(px_latency *l, int n, uint64_t now_ms, uint64_t us)
{
    for (int i = 0; i < n; i++) px_latency_note(l, B_LIT("shop"), B_LIT("t"), now_ms, us);
}

static void an_edge_is_close_above_the_value(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, 1, 7, 8, 9, 100, 999, 1000, 65535, 1000000, 60000000};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        px_latency *l = px_latency_new();
        note(l, 100, 1000, values[i]);
        uint64_t got = p99(l, "t", 1000);
        if (got < values[i] || got > values[i] + values[i] / 8 + 1)
            fail_msg("%llu µs is told as %llu", (unsigned long long)values[i], (unsigned long long)got);
        px_latency_free(l);
    }
}

static void the_tail_is_found(void **state)
{
    (void)state;
    px_latency *l = px_latency_new();
    note(l, 980, 1000, 100);
    note(l, 20, 1000, 50000);
    assert_in_range(p99(l, "t", 1000), 50000, 57000);
    assert_int_equal(p99(l, "other", 1000), 0);
    px_latency_free(l);
}

static void old_statements_are_forgotten(void **state)
{
    (void)state;
    static const struct {
        uint64_t after_ms;
        bool known;
    } rows[] = {{0, true}, {PX_LATENCY_WINDOW_MS + 1, true}, {2 * PX_LATENCY_LONGEST_MS, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        px_latency *l = px_latency_new();
        note(l, PX_LATENCY_LEAST, 100000, 400);
        if ((p99(l, "t", 100000 + rows[i].after_ms) != 0) != rows[i].known) fail_msg("row %zu", i);
        px_latency_free(l);
    }
}

/* Busy: after two short windows only what is new counts. A few: kept longer, and too few are no percentile.
 */
static void windows_are_as_long_as_they_need_to_be(void **state)
{
    (void)state;
    px_latency *l = px_latency_new();
    note(l, 1000, 100000, 90000);
    for (uint64_t ms = 102000; ms <= 104100; ms += 100) note(l, 100, ms, 300);
    assert_in_range(p99(l, "t", 104100), 300, 340);
    px_latency_free(l);
    l = px_latency_new();
    note(l, PX_LATENCY_LEAST - 1, 100000, 300);
    assert_int_equal(p99(l, "t", 100000), 0);
    note(l, 1, 109000, 300);
    assert_in_range(p99(l, "t", 109000), 300, 340);
    px_latency_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edge_is_close_above_the_value),
        cmocka_unit_test(the_tail_is_found),
        cmocka_unit_test(old_statements_are_forgotten),
        cmocka_unit_test(windows_are_as_long_as_they_need_to_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
