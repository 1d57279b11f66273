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

static void an_edge_is_close_above_the_value(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, 1, 7, 8, 9, 100, 999, 1000, 65535, 1000000, 60000000};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        px_latency *l = px_latency_new();
        px_latency_note(l, B_LIT("shop"), B_LIT("t"), 1000, values[i]);
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
    for (int i = 0; i < 980; i++) px_latency_note(l, B_LIT("shop"), B_LIT("t"), 1000, 100);
    for (int i = 0; i < 20; i++) px_latency_note(l, B_LIT("shop"), B_LIT("t"), 1000, 50000);
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
    } rows[] = {{0, true}, {PX_LATENCY_WINDOW_MS + 1, true}, {3 * PX_LATENCY_WINDOW_MS, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        px_latency *l = px_latency_new();
        px_latency_note(l, B_LIT("shop"), B_LIT("t"), 100000, 400);
        if ((p99(l, "t", 100000 + rows[i].after_ms) != 0) != rows[i].known) fail_msg("row %zu", i);
        px_latency_free(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edge_is_close_above_the_value),
        cmocka_unit_test(the_tail_is_found),
        cmocka_unit_test(old_statements_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
