/* The pace of a backfill: its keys, and hours of the day. */
#include "config/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

static void hours(void **state)
{
    static const struct {
        const char *text;
        unsigned minute;
        bool open;
    } rows[] = {
        {"22:00-06:00", 22 * 60, true},
        {"22:00-06:00", 21 * 60 + 59, false},
        {"22:00-06:00", 0, true},
        {"22:00-06:00", 5 * 60 + 59, true},
        {"22:00-06:00", 6 * 60, false},
        {"01:00 - 02:30, 12:00-13:00", 90, true},
        {"01:00 - 02:30,12:00-13:00", 750, true},
        {"01:00 - 02:30, 12:00-13:00", 780, false},
        {"00:00-24:00", 1439, true},
        {"9:05-9:06", 545, true},
        {"9:05-9:06", 546, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cfg_windows w;
        b_err err = {0};
        if (cfg_windows_parse(rows[i].text, &w, &err) != B_OK) fail_msg("row %zu: %s", i, err.msg);
        if (cfg_windows_open(&w, rows[i].minute) != rows[i].open) fail_msg("row %zu", i);
    }
}

static void no_hours(void **state)
{
    static const char *const rows[] = {
        "22:00",       "22-06",        "24:01-06:00", "10:60-11:00",
        "10:00-10:00", "10:00-11:00,", "x",           "10:00-11:00 12:00-13:00",
        "-1:00-02:00"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cfg_windows w;
        b_err err = {0};
        if (cfg_windows_parse(rows[i], &w, &err) != B_INVALID) fail_msg("\"%s\" was taken", rows[i]);
        assert_non_null(strstr(err.msg, "22:00-06:00"));
    }
}

static void settings(void **state)
{
    static const struct {
        const char *name, *value, *says; /* says: of the error; NULL: taken, and reads back */
    } rows[] = {
        {"chunk_rows", "500", NULL},
        {"parallel_ranges", "16", NULL},
        {"parallel_ranges", "17", "1 to 16"},
        {"MAX_LAG_MS", "7", NULL},
        {"check_sql", "SELECT 0", NULL},
        {"check_sql", "", NULL},
        {"check_http", "http://127.0.0.1:1/", NULL},
        {"windows", "22:00-06:00", NULL},
        {"max_p99_percent", "0", NULL},
        {"chunk_rows", "0", "1 to 1000000"},
        {"chunk_rows", "1x", "1 to 1000000"},
        {"chunk_rows", "-1", "1 to 1000000"},
        {"chunk_rows", "", "1 to 1000000"},
        {"chunk_rows", "99999999999999999999", "1 to 1000000"},
        {"speed", "1", "there are chunk_rows, parallel_ranges"},
        {"check_sql", "DROP TABLE t", "a SELECT"},
        {"check_http", "ftp://x", "http://"},
        {"windows", "always", "22:00-06:00"},
    };
    (void)state;
    b_arena *a = b_arena_new(0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cfg_pace p;
        b_err err = {0};
        b_buf out = {0};
        cfg_pace_defaults(&p);
        b_status s = cfg_pace_set(&p, rows[i].name, rows[i].value, a, &err);
        if ((s == B_OK) != (rows[i].says == NULL)) fail_msg("row %zu: %s", i, err.msg);
        if (s != B_OK && strstr(err.msg, rows[i].says) == NULL) fail_msg("row %zu: %s", i, err.msg);
        for (size_t k = 0; s == B_OK && k < cfg_pace_count(); k++)
            if (strcasecmp(cfg_pace_name(k), rows[i].name) == 0) cfg_pace_print(&p, k, &out);
        if (s == B_OK) assert_string_equal(b_buf_cstr(&out), rows[i].value);
        b_buf_deinit(&out);
    }
    b_arena_free(a);
}

static void defaults(void **state)
{
    (void)state;
    cfg_pace p;
    cfg_pace_defaults(&p);
    assert_int_equal(p.chunk_rows, 10000);
    assert_int_equal(p.parallel_ranges, 1);
    assert_int_equal(p.max_lag_ms, 2000);
    assert_int_equal(p.critical_lag_ms, 0);
    assert_int_equal(p.max_p99_percent, 200);
    assert_null(p.windows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hours), cmocka_unit_test(no_hours),
                                       cmocka_unit_test(settings), cmocka_unit_test(defaults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
