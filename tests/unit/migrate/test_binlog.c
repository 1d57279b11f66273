/* The binary log's decoder: values of keys as both servers write them, rows with images of all columns and of
 * some, and events that are cut off at each byte. */
#include "binlog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define B(text) b_slice_of(text, sizeof(text) - 1)

static void literals(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        uint16_t meta;
        mig__literal_kind kind;
        const char *bytes;
        size_t n;
        const char *want; /* NULL: refused */
    } cases[] = {
        {3, 0, MIG__LIT_INT, "\xfd\xff\xff\xff", 4, "-3"},
        {3, 0, MIG__LIT_UINT, "\xfd\xff\xff\xff", 4, "4294967293"},
        {8, 0, MIG__LIT_INT, "\0\0\0\0\0\0\0\x80", 8, "-9223372036854775808"},
        {9, 0, MIG__LIT_INT, "\xff\xff\x7f", 3, "8388607"},
        {13, 0, MIG__LIT_YEAR, "\x7e", 1, "2026"},
        {10, 0, MIG__LIT_DATE, "\x43\xd4\x0f", 3, "'2026-02-03'"},
        {16, 0x0102, MIG__LIT_BIT, "\x01\x02", 2, "258"},
        {246, 0x0402, MIG__LIT_DECIMAL, "\x8c\x22", 2, "12.34"},
        {246, 0x0402, MIG__LIT_DECIMAL, "\x73\xdd", 2, "-12.34"},
        {246, 0x0402, MIG__LIT_DECIMAL, "\x80\x05", 2, "0.05"},
        {246, 0x0402, MIG__LIT_DECIMAL, "\x80", 1, NULL},
        {254, 3, MIG__LIT_BINARY, "\x61", 1, "x'610000'"},
        {15, 20, MIG__LIT_STRING, "ab", 2, "_utf8mb4 x'6162' COLLATE utf8mb4_bin"},
        {17, 0, MIG__LIT_TIMESTAMP, "\0\0\0\x01", 4, "'1970-01-01 00:00:01'"},
        {19, 0, MIG__LIT_NONE, "abc", 3, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mig__map_column c = {cases[i].type, cases[i].meta};
        mig__literal how = {cases[i].kind, "utf8mb4", "utf8mb4_bin"};
        b_buf out = {0};
        bool good = mig__binlog_literal(&c, &how, b_slice_of(cases[i].bytes, cases[i].n), &out);
        if (good != (cases[i].want != NULL)) fail_msg("case %zu", i);
        if (good) assert_string_equal(b_buf_cstr(&out), cases[i].want);
        b_buf_deinit(&out);
    }
}

/* Table 5 of schema s: id INT, a VARCHAR(20). */
#define MAP                                                                                                  \
    "\0\0\0\0\x13\x07\0\0\0\0\0\0\0\x64\0\0\0\0\0"                                                           \
    "\x05\0\0\0\0\0\x01\0\x01s\0\x01t\0\x02\x03\x0f\x02\x14\0\x02"
/* One update: before, all of it (1, 'x'); after, only a ('yy'). */
#define UPDATE                                                                                               \
    "\x09\0\0\0\x1f\x07\0\0\0\0\0\0\0\x65\0\0\0\0\0"                                                         \
    "\x05\0\0\0\0\0\x01\0\x02\0\x02\x03\x02\0\x01\0\0\0\x01x\0\x02yy"

static void update(void **state)
{
    (void)state;
    mig__event_head h;
    mig__map m;
    mig__rows r;
    b_err err = {0};
    bool more = false;
    mig__value before[2], after[2];
    assert_true(mig__binlog_head(B(MAP), false, &h));
    assert_int_equal(h.kind, MIG__EV_MAP);
    assert_int_equal(mig__binlog_map(h.body, &m, &err), B_OK);
    assert_true(b_slice_eq(m.schema, B_LIT("s")) && b_slice_eq(m.table, B_LIT("t")));
    assert_true(mig__binlog_head(B(UPDATE), false, &h));
    assert_int_equal(h.server, 7);
    assert_int_equal(h.when, 9);
    assert_int_equal(mig__binlog_rows(&h, &r, &err), B_OK);
    assert_int_equal(mig__binlog_row(&r, &m, before, after, &more, &err), B_OK);
    assert_true(more && before[0].present && !after[0].present);
    assert_true(b_slice_eq(before[1].bytes, B_LIT("x")) && b_slice_eq(after[1].bytes, B_LIT("yy")));
    assert_int_equal(mig__binlog_row(&r, &m, before, after, &more, &err), B_OK);
    assert_false(more);
    for (size_t n = 0; n + 1 < sizeof UPDATE; n++) { /* in memory of that size, for the sanitizer */
        char *cut = malloc(n + 1);
        assert_non_null(cut);
        memcpy(cut, UPDATE, n);
        bool whole = mig__binlog_head(b_slice_of(cut, n), false, &h) &&
                     mig__binlog_rows(&h, &r, &err) == B_OK && r.rest.n > 0 &&
                     mig__binlog_row(&r, &m, before, after, &more, &err) == B_OK;
        free(cut);
        assert_false(whole);
    }
    mig__map_deinit(&m);
}

static void rotates(void **state)
{
    (void)state;
    uint64_t position = 0;
    b_slice file;
    assert_true(mig__binlog_rotate(B("\x04\0\0\0\0\0\0\0log.000012"), &position, &file));
    assert_true(position == 4 && b_slice_eq(file, B_LIT("log.000012")));
    assert_true(mig__binlog_rotate(B("\x04\0\0\0\0\0\0\0log.000012\x17+\0z"), &position, &file));
    assert_true(b_slice_eq(file, B_LIT("log.000012")));
    assert_false(mig__binlog_rotate(B("\x04\0\0\0\0\0\0\0log"), &position, &file));
}

/* UPDATE t SET a = 1 of connection 258, in schema s, with sql_mode ANSI_QUOTES behind the flags. */
#define TEXT                                                                                                 \
    "\x09\0\0\0\x02\x07\0\0\0\0\0\0\0\x65\0\0\0\0\0"                                                         \
    "\x02\x01\0\0\0\0\0\0\x01\0\0\x0e\0\0\0\0\0\0\x01\x04\0\0\0\0\0\0\0s\0UPDATE t SET a = 1"

static void text(void **state)
{
    (void)state;
    mig__event_head h;
    mig__text x;
    b_err err = {0};
    assert_true(mig__binlog_head(B(TEXT), false, &h));
    assert_int_equal(h.kind, MIG__EV_TEXT);
    assert_int_equal(mig__binlog_text(&h, &x, &err), B_OK);
    assert_int_equal(x.thread, 258);
    assert_true(x.ansi_quotes && !x.no_backslash_escapes);
    assert_true(b_slice_eq(x.schema, B_LIT("s")) && b_slice_eq(x.sql, B_LIT("UPDATE t SET a = 1")));
    size_t fixed = sizeof TEXT - sizeof "UPDATE t SET a = 1";
    for (size_t n = 0; n < fixed; n++) { /* in memory of that size, for the sanitizer */
        char *cut = malloc(n + 1);
        assert_non_null(cut);
        memcpy(cut, TEXT, n);
        bool whole =
            mig__binlog_head(b_slice_of(cut, n), false, &h) && mig__binlog_text(&h, &x, &err) == B_OK;
        free(cut);
        assert_false(whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(literals), cmocka_unit_test(update),
                                       cmocka_unit_test(rotates), cmocka_unit_test(text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
