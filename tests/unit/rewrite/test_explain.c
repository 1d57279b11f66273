/* What EXPLAIN tells of a statement: each kind of line, in the order in which a statement is worked on. */
#include "rewrite/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DDL "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9), b VARCHAR(9)); CREATE TABLE o (id INT, n INT);"

static rw_ruleset *make(void)
{
    rw_server server = {RW_MYSQL, 90704, 0};
    rw_catalog_builder *builder = rw_catalog_builder_new(server);
    b_err err = {0};
    rw_pair pair = {.from = B_LIT("a"), .to = B_LIT("b"), .after = B_LIT("id"), .b_default_up = true};
    rw_migration m = {.name = B_LIT("m"),
                      .schema = B_LIT("s"),
                      .table = B_LIT("t"),
                      .phase = RW_SWITCHED,
                      .pairs = &pair,
                      .npairs = 1};
    assert_int_equal(rw_catalog_read_ddl(builder, B_LIT(DDL), B_LIT("s"), &err), B_OK);
    rw_catalog *c = rw_catalog_build(builder);
    pair.plain = *rw_table_column(rw_catalog_find(c, B_LIT("s"), B_LIT("t")), pair.from);
    rw_ruleset *r = rw_ruleset_new(1, c, &m, 1, &err);
    rw_catalog_unref(c);
    assert_non_null(r);
    return r;
}

static void explain(const char *sql, const char *const *lines)
{
    rw_ruleset *r = make();
    rw_ctx ctx = {.schema = B_LIT("s"), .version = RW_VERSION_OLD};
    b_arena *arena = b_arena_new(0);
    b_buf out = {0};
    assert_int_equal(rw_explain(r, &ctx, b_slice_str(sql), arena, &out), B_OK);
    const char *at = b_buf_cstr(&out);
    for (size_t i = 0; lines[i] != NULL; i++) {
        const char *hit = strstr(at, lines[i]);
        if (hit == NULL) fail_msg("%s: no line %s, in this order, in\n%s", sql, lines[i], b_buf_cstr(&out));
        at = hit;
    }
    for (const char *p = b_buf_cstr(&out); *p != '\0'; p = strchr(p, '\n') + 1)
        assert_memory_equal(p, "-- ", 3);
    b_buf_deinit(&out);
    b_arena_free(arena);
    rw_ruleset_unref(r);
}

static void test_select(void **state)
{
    (void)state;
    explain("SELECT a, n AS x FROM t JOIN o USING (id) WHERE EXISTS (SELECT 1 FROM o i WHERE i.n = t.b)",
            (const char *const[]){
                "-- token 0 word SELECT SELECT\n", "-- tree: select a n:x from (t join o using [id])",
                "-- scope 0: t, migrating, columns id a=b b (other name)\n", "-- scope 0: o, columns id n\n",
                "-- name a, token 1: a column of t in scope 0, read as b\n", "-- scope 1: i, columns id n\n",
                "-- name b, token 27: a column of t in scope 0, by its other name, read as b\n",
                "-- verdict: rewritten, plan can be cached\n", "-- edit: tokens 1 to 1 become [b]", NULL});
}

static void test_not_understood(void **state)
{
    (void)state;
    explain("SELECT a FROM t t2 t3\nx",
            (const char *const[]){"-- not understood: text after the end of the statement at token 5\n",
                                  "-- verdict: refused", NULL});
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_select), cmocka_unit_test(test_not_understood)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
