/* Edit scripts: order, placeholders, version comments, automatic names. */
#include "edit.h"
#include "names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const rw_server mysql = {RW_MYSQL, 90704, 0}, mariadb = {RW_MARIADB, 101119, 0};

typedef struct world {
    b_arena *arena;
    rw_ctx ctx;
    rw_tokens t;
    rw_edits e;
} world;

static void start(world *w, const char *sql)
{
    *w = (world){.arena = b_arena_new(0)};
    w->e.arena = w->arena;
    assert_int_equal(rw_lex(&w->ctx, mysql, b_slice_str(sql), w->arena, &w->t), B_OK);
}

static void expect(world *w, const char *want, const char *map)
{
    b_slice out;
    rw_param_map m;
    char got[32] = "";
    assert_int_equal(rw_edits_apply(&w->ctx, mysql, &w->t, &w->e, w->arena, &out, &m), B_OK);
    assert_string_equal(out.p, want);
    for (uint32_t i = 0; i < m.nout && i < 30; i++) got[i] = (char)('0' + m.source[i]);
    assert_string_equal(got, map);
    b_arena_free(w->arena);
}

static void expect_invalid(world *w)
{
    b_slice out;
    rw_param_map m;
    assert_int_equal(rw_edits_apply(&w->ctx, mysql, &w->t, &w->e, w->arena, &out, &m), B_INVALID);
    b_arena_free(w->arena);
}

static void text(world *w, rw_edit *e, const char *s)
{
    rw_edit_text(&w->e, e, b_slice_str(s));
}

static void test_places(void **state)
{
    (void)state;
    world w;
    start(&w, "a /* x */ b , c -- y");
    expect(&w, "a /* x */ b , c -- y", "");
    start(&w, "a /* x */ b , c -- y");
    text(&w, rw_edit_replace(&w.e, 1, 2), "B");
    text(&w, rw_edit_before(&w.e, 1), "<");
    text(&w, rw_edit_after(&w.e, 1), ">");
    text(&w, rw_edit_after(&w.e, 0), ", 1");
    text(&w, rw_edit_before(&w.e, w.t.n), " end"); /* not into the comment */
    expect(&w, "a, 1 /* x */ <B> , c end -- y", "");
    start(&w, "a b");
    text(&w, rw_edit_after(&w.e, 1), "1");
    text(&w, rw_edit_after(&w.e, 1), "2");
    text(&w, rw_edit_before(&w.e, 0), "3 ");
    expect(&w, "3 a b 1 2", "");
    start(&w, "a b c");
    rw_edit_replace(&w.e, 0, 2);
    expect(&w, " c", "");
}

static void test_glue(void **state)
{
    (void)state;
    world w;
    start(&w, "SELECT`a`,b-c,t.d");
    text(&w, rw_edit_replace(&w.e, 1, 2), "x");
    text(&w, rw_edit_before(&w.e, 3), "t.");
    text(&w, rw_edit_replace(&w.e, 5, 6), "-1");
    text(&w, rw_edit_replace(&w.e, 7, 8), "s");
    expect(&w, "SELECT x,t.b- -1,s.d", "");
}

static void test_params(void **state)
{
    (void)state;
    world w;
    start(&w, "SET a = f(?), b = ? WHERE c = ?");
    rw_edit *e = rw_edit_after(&w.e, 6);
    text(&w, e, ", x = ");
    rw_edit_copy(&w.e, e, 3, 7);
    expect(&w, "SET a = f(?), x = f(?), b = ? WHERE c = ?", "0012");
    start(&w, "? , ? , ?");
    rw_edit_replace(&w.e, 0, 2);
    expect(&w, " ? , ?", "12");
    start(&w, "? , ?");
    e = rw_edit_replace(&w.e, 0, 3);
    rw_edit_copy(&w.e, e, 2, 3);
    text(&w, e, ", ");
    rw_edit_copy(&w.e, e, 0, 1);
    expect(&w, "?, ?", "10");
}

static void test_identity(void **state)
{
    (void)state;
    world w;
    b_slice out;
    rw_param_map m;
    start(&w, "a = ? AND b = ?");
    text(&w, rw_edit_replace(&w.e, 0, 1), "z");
    assert_int_equal(rw_edits_apply(&w.ctx, mysql, &w.t, &w.e, w.arena, &out, &m), B_OK);
    assert_true(m.identity);
    assert_int_equal(m.nin, 2);
    b_arena_free(w.arena);
}

static void test_invalid(void **state)
{
    (void)state;
    world w;
    start(&w, "a b c d");
    text(&w, rw_edit_replace(&w.e, 0, 2), "x");
    text(&w, rw_edit_replace(&w.e, 1, 3), "y");
    expect_invalid(&w);
    start(&w, "a b c d");
    text(&w, rw_edit_replace(&w.e, 0, 3), "x");
    text(&w, rw_edit_before(&w.e, 1), "y");
    expect_invalid(&w);
    start(&w, "a b");
    text(&w, rw_edit_replace(&w.e, 1, 3), "x");
    expect_invalid(&w);
    start(&w, "a b");
    rw_edit_copy(&w.e, rw_edit_after(&w.e, 0), 1, 3);
    expect_invalid(&w);
    start(&w, "a /*!50000 b */ c"); /* half of the comment would go */
    text(&w, rw_edit_replace(&w.e, 0, 2), "x");
    expect_invalid(&w);
    start(&w, "a /*!50000 b */ c");
    text(&w, rw_edit_replace(&w.e, 1, 2), "x");
    expect(&w, "a /*!50000 x */ c", "");
}

static void test_many(void **state)
{
    (void)state;
    enum { N = 5000 };
    static char sql[N * 2 + 1];
    for (int i = 0; i < N; i++) memcpy(sql + i * 2, "a ", 2);
    world w;
    start(&w, sql);
    for (uint32_t i = N; i > 0; i--) /* backwards: they are put into order */
        text(&w, rw_edit_replace(&w.e, i - 1, i), i % 2 == 0 ? "b" : "c");
    b_slice out;
    rw_param_map m;
    assert_int_equal(rw_edits_apply(&w.ctx, mysql, &w.t, &w.e, w.arena, &out, &m), B_OK);
    assert_int_equal(out.n, N * 2);
    for (int i = 0; i < N; i++) assert_int_equal(out.p[i * 2], i % 2 == 1 ? 'b' : 'c');
    b_arena_free(w.arena);
}

typedef struct name_row {
    const char *sql;
    uint32_t tok, end;
    const char *my, *ma; /* NULL: not known for certain */
    rw_charset charset;
} name_row;

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void check_name(const name_row *r, rw_server server, const char *want)
{
    b_arena *a = b_arena_new(0);
    rw_ctx ctx = {.charset = r->charset};
    rw_tokens t;
    b_slice got = {"", 0};
    assert_int_equal(rw_lex(&ctx, server, b_slice_str(r->sql), a, &t), B_OK);
    bool ok = rw__auto_name(&ctx, server, &t, r->tok, r->end, &got);
    if (ok != (want != NULL) || (ok && !b_slice_eq(got, b_slice_str(want))))
        fail_msg("%s: got %.*s", r->sql, B_ARG(got));
    b_arena_free(a);
}

static void test_auto_names(void **state)
{
    static const name_row rows[] = {
        {"SELECT /* c */ a + 1 /* d */, b", 1, 4, "a + 1", "a + 1", 0},
        {"SELECT a /* in */ + 1", 1, 4, "a /* in */ + 1", "a /* in */ + 1", 0},
        {"SELECT 1, /* c */ a+1", 3, 6, "a+1", "/* c */ a+1", 0},
        {"SELECT 1,   a+1 ", 3, 6, "a+1", "a+1", 0},
        {"SELECT 1+/*!50000 1 */", 1, 4, NULL, NULL, 0},
        {"SELECT CONCAT('" HUNDRED HUNDRED "0123456789012345678901234567890123456789012345', 1)", 1, 7,
         "CONCAT('" HUNDRED HUNDRED "0123456789012345678901234567890123456789012345'",
         "CONCAT('" HUNDRED HUNDRED "0123456789012345678901234567890123456789012345'", 0},
        /* where the cut falls on a space */
        {"SELECT CONCAT('" HUNDRED HUNDRED "01234567890123456789012345678901234567890123', 1)", 1, 7, NULL,
         NULL, 0},
        {"SELECT '" HUNDRED HUNDRED TEN TEN TEN TEN TEN "012\xC3\xA9x'", 1, 2,
         "'" HUNDRED HUNDRED TEN TEN TEN TEN TEN "012", "'" HUNDRED HUNDRED TEN TEN TEN TEN TEN "012", 0},
        {"SELECT '\xE9' + 1", 1, 4, "'\xE9' + 1", "'\xE9' + 1", RW_CHARSET_SINGLE},
        {"SELECT '\xE9' + 1", 1, 4, NULL, NULL, RW_CHARSET_SAFE},
        {"SELECT '\x81`x' + 1", 1, 4, "'\x81`x' + 1", NULL,
         RW_CHARSET_GBK}, /* cannot be quoted for MariaDB */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_name(&rows[i], mysql, rows[i].my);
        check_name(&rows[i], mariadb, rows[i].ma);
    }
}

static void test_name_piece(void **state)
{
    (void)state;
    world w;
    start(&w, "SELECT a + `b`");
    rw_edit *e = rw_edit_after(&w.e, 3);
    text(&w, e, " AS ");
    rw_edit_name(&w.e, e, 1, 4);
    expect(&w, "SELECT a + `b` AS `a + ``b```", "");
    start(&w, "");
    *(&w.ctx) = (rw_ctx){.charset = RW_CHARSET_GBK};
    /* In backticks the server would halve those of it byte by byte. */
    b_slice name;
    assert_int_equal(rw_lex(&w.ctx, mysql, B_LIT("SELECT `a`='\x81\x60'"), w.arena, &w.t), B_OK);
    assert_false(rw__auto_name(&w.ctx, mysql, &w.t, 1, 4, &name));
    assert_int_equal(rw_lex(&w.ctx, mysql, B_LIT("SELECT `a`='\x81\x61'"), w.arena, &w.t), B_OK);
    assert_true(rw__auto_name(&w.ctx, mysql, &w.t, 1, 4, &name));
    assert_int_equal(rw_lex(&w.ctx, mysql, B_LIT("SELECT '\x81\x60'+1"), w.arena, &w.t), B_OK);
    e = rw_edit_after(&w.e, 3);
    text(&w, e, " AS ");
    rw_edit_name(&w.e, e, 1, 4);
    expect(&w, "SELECT '\x81\x60'+1 AS `'\x81\x60'+1`", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),     cmocka_unit_test(test_glue),       cmocka_unit_test(test_params),
        cmocka_unit_test(test_identity),   cmocka_unit_test(test_invalid),    cmocka_unit_test(test_many),
        cmocka_unit_test(test_auto_names), cmocka_unit_test(test_name_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
