#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/table.h"

#include <stdint.h>
#include <stdio.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_arena_keeps_what_it_gave(void **state)
{
    (void)state;
    b_arena *a = b_arena_new(0);
    char *blocks[200];
    for (int i = 0; i < 200; i++) blocks[i] = b_arena_printf(a, "block %d %0*d", i, i * 7, i);
    for (int i = 0; i < 200; i++) {
        char want[2048];
        snprintf(want, sizeof want, "block %d %0*d", i, i * 7, i);
        assert_string_equal(blocks[i], want);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
    }
    b_arena_reset(a);
    assert_int_equal(b_arena_used(a), 0);
    assert_non_null(b_arena_alloc(a, 5000000));
    b_arena_reset(a);
    b_arena_free(a);
}

static void test_arena_cap(void **state)
{
    (void)state;
    b_arena *a = b_arena_new(1000);
    assert_non_null(b_arena_alloc(a, 900));
    assert_null(b_arena_alloc(a, 200));
    assert_null(b_arena_alloc(a, SIZE_MAX));
    assert_null(b_arena_array(a, SIZE_MAX / 2, 4));
    static const int two[] = {3, 5};
    const int *four = b_arena_regrow(a, two, 2, 4, sizeof *two);
    assert_non_null(four);
    assert_true(four[0] == 3 && four[1] == 5 && four[2] == 0 && four[3] == 0);
    assert_null(b_arena_regrow(a, two, 2, 1, sizeof *two));
    assert_null(b_arena_regrow(a, two, 2, SIZE_MAX / 2, sizeof *two));
    b_arena_reset(a);
    assert_non_null(b_arena_alloc(a, 900));
    b_arena_free(a);
}

static void test_buf_failure_is_sticky(void **state)
{
    (void)state;
    b_buf b;
    b_buf_init(&b, 10);
    b_buf_str(&b, "12345678");
    b_buf_str(&b, "abc");
    b_buf_str(&b, "x");
    assert_true(b.failed);
    assert_string_equal(b_buf_cstr(&b), "12345678");
    b_buf_clear(&b);
    b_buf_printf(&b, "%d", 42);
    assert_false(b.failed);
    assert_string_equal(b_buf_cstr(&b), "42");
    b_buf_deinit(&b);
}

static void test_buf_quotes(void **state)
{
    (void)state;
    b_buf b = {0};
    b_buf_ident(&b, B_LIT("a`b"));
    b_buf_char(&b, ' ');
    b_buf_quote(&b, B_LIT("it's \\ so"));
    assert_string_equal(b_buf_cstr(&b), "`a``b` 'it''s \\\\ so'");
    b_buf_consume(&b, 7);
    assert_string_equal(b_buf_cstr(&b), "'it''s \\\\ so'");
    b_buf_deinit(&b);
}

static void test_slices(void **state)
{
    (void)state;
    assert_true(b_slice_ieq(B_LIT("Payment_Method"), B_LIT("pAYMENT_mETHOD")));
    assert_false(b_slice_ieq(B_LIT("a"), B_LIT("ab")));
    assert_false(b_slice_ieq(B_LIT("["), B_LIT("{"))); /* not letters */
    assert_true(b_slice_icmp(B_LIT("abc"), B_LIT("ABD")) < 0);
    assert_true(b_slice_eq(b_slice_trim(B_LIT(" \t x y\n")), B_LIT("x y")));
    assert_int_equal(b_slice_find(B_LIT("hello"), B_LIT("lo")), 3);
    assert_int_equal(b_slice_find((b_slice){NULL, 0}, B_LIT("x")), (size_t)-1);
    assert_int_equal(b_slice_ifind(B_LIT("eye EYE"), B_LIT("Eye")), 0);
    assert_int_equal(b_slice_ifind(B_LIT("eyE eye"), B_LIT("eye")), 0);
    assert_int_equal(b_slice_ifind(B_LIT("yye tYYeMpOrAryeYE"), B_LIT("temporary")), (size_t)-1);
    assert_int_equal(b_slice_ifind(B_LIT("y yTeMpOrArY"), B_LIT("temporary")), 3);
    assert_int_equal(b_slice_ifind(B_LIT("a+A+"), B_LIT("A+")), 0);
    assert_int_equal(b_slice_ifind(B_LIT("ye"), B_LIT("eye")), (size_t)-1);
    assert_int_equal(b_slice_ifind(B_LIT("ye"), B_LIT("")), 0);
    assert_int_equal(b_slice_ifind((b_slice){NULL, 0}, B_LIT("x")), (size_t)-1);
    assert_int_equal(b_slice_distance(B_LIT("Listen"), B_LIT("lsiten")), 2);
    assert_int_equal(b_slice_distance(B_LIT(""), B_LIT("abc")), 3);
    assert_int_equal(b_slice_distance(B_LIT("migration"), B_LIT("migrations")), 1);
    assert_int_equal(b_slice_distance(B_LIT("0123456789012345678901234567890123456789012345678"), B_LIT("0")),
                     49);
    assert_int_equal(b_hash_nocase(B_LIT("AbC"), 7), b_hash_nocase(B_LIT("aBc"), 7));
    assert_int_not_equal(b_hash("ab", 2, 0), b_hash("ab\0", 3, 0));
}

static void test_table(void **state)
{
    (void)state;
    b_table *t = b_table_new();
    b_table_column(t, "name");
    b_table_column(t, "value");
    for (int i = 0; i < 50; i++) {
        b_table_row(t);
        b_table_printf(t, "n%d", i);
        if (i % 2 == 0) b_table_int(t, -i);
    }
    assert_int_equal(b_table_rows(t), 50);
    assert_string_equal(b_table_cell(t, 48, 1).p, "-48");
    assert_null(b_table_cell(t, 49, 1).p);
    assert_null(b_table_cell(t, 50, 0).p);
    assert_false(b_table_failed(t));
    b_table_str(t, "fills the last cell");
    b_table_str(t, "one too many");
    assert_true(b_table_failed(t));
    b_table_free(t);
}

static void test_errors(void **state)
{
    (void)state;
    b_err e;
    assert_int_equal(b_fail(&e, B_TIMEOUT, "waited %d ms", 5), B_TIMEOUT);
    assert_int_equal(b_err_prefix(&e, "edge %s", "x"), B_TIMEOUT);
    assert_string_equal(e.msg, "edge x: waited 5 ms");
    char longer[2000];
    memset(longer, 'y', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(b_fail(&e, B_IO, "%s", longer), B_IO);
    assert_int_equal(b_err_prefix(&e, "prefix"), B_IO);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    assert_string_equal(b_status_text(B_OK), "ok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_keeps_what_it_gave),
        cmocka_unit_test(test_arena_cap),
        cmocka_unit_test(test_buf_failure_is_sticky),
        cmocka_unit_test(test_buf_quotes),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
