/* Which statements a shadow read may run twice, and the rules by which it reads the other column. */
#include "rewrite/shadow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DDL                                                                                                  \
    "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9) NOT NULL, b VARCHAR(9) DEFAULT (a) INVISIBLE, n INT, " \
    "price DECIMAL(9,2), f DOUBLE, day DATE, x INT, y INT DEFAULT (x + 1));"                                 \
    "CREATE TABLE u (k INT, l BIGINT, m VARCHAR(9), n INT, d DECIMAL(30,20), PRIMARY KEY (k, l));"           \
    "CREATE TABLE w (d DECIMAL(30,20) PRIMARY KEY, n INT);"                                                  \
    "CREATE TABLE nokey (n INT);"                                                                            \
    "CREATE VIEW v AS SELECT id, a FROM t;"

typedef struct fixture {
    rw_ruleset *rules;
    b_arena *arena;
} fixture;

static rw_ruleset *make(rw_phase phase)
{
    rw_server server = {RW_MYSQL, 90704, 0};
    rw_catalog_builder *builder = rw_catalog_builder_new(server);
    b_err err = {0};
    assert_int_equal(rw_catalog_read_ddl(builder, B_LIT(DDL), B_LIT("s"), &err), B_OK);
    rw_catalog *c = rw_catalog_build(builder);
    const rw_table *t = rw_catalog_find(c, B_LIT("s"), B_LIT("t"));
    rw_pair name = {.from = B_LIT("a"), .to = B_LIT("b"), .after = B_LIT("id"), .b_default_up = true};
    rw_pair value = {.from = B_LIT("x"),
                     .to = B_LIT("y"),
                     .up = B_LIT("`x` + 1"),
                     .down = B_LIT("`y` - 1"),
                     .after = B_LIT("day"),
                     .b_default_up = true};
    name.plain = *rw_table_column(t, B_LIT("a"));
    value.plain = *rw_table_column(t, B_LIT("x"));
    value.target = *rw_table_column(t, B_LIT("y"));
    rw_migration m[] = {
        {.name = B_LIT("rename_a"), .schema = B_LIT("s"), .table = B_LIT("t"), .pairs = &name, .npairs = 1},
        {.name = B_LIT("change_x"), .schema = B_LIT("s"), .table = B_LIT("t"), .pairs = &value, .npairs = 1}};
    m[0].phase = phase, m[1].phase = RW_DUAL_WRITE;
    rw_ruleset *r = rw_ruleset_new(3, c, m, 2, &err);
    if (r == NULL) fail_msg("%s", err.msg);
    rw_catalog_unref(c);
    return r;
}

static int setup(void **state)
{
    static fixture f;
    f.rules = make(RW_DUAL_WRITE);
    f.arena = b_arena_new(0);
    *state = &f;
    return f.arena == NULL;
}

static int teardown(void **state)
{
    fixture *f = *state;
    rw_ruleset_unref(f->rules);
    b_arena_free(f->arena);
    return 0;
}

static rw_ctx context(void)
{
    return (rw_ctx){.sql_mode = RW_MODE_STRICT, .schema = B_LIT("s"), .version = RW_VERSION_BOTH};
}

typedef struct row {
    const char *sql;
    bool ordered;
    const char *why; /* part of it; NULL: it can be repeated */
} row;

static const row rows[] = {
    {"SELECT a, b FROM t WHERE n > 3", false, NULL},
    {"SELECT * FROM t;", false, NULL},
    {"SELECT * FROM s.t AS q WHERE q.a = 'x' ORDER BY a", false, NULL},
    {"SELECT UPPER(a), NOW(), CURRENT_DATE FROM t WHERE day < NOW()", false, NULL},
    {"SELECT t.a FROM t LEFT JOIN u ON u.n = t.n AND u.m IN (SELECT m FROM u) WHERE EXISTS (SELECT 1 FROM "
     "nokey)",
     false, NULL},
    {"SELECT a FROM t UNION ALL SELECT m FROM u ORDER BY 1", false, NULL},
    {"WITH c AS (SELECT a FROM t) SELECT * FROM c", false, NULL},
    {"SELECT a FROM (SELECT a FROM t WHERE n = 1) d", false, NULL},
    /* side effects, values of the session's and of the moment */
    {"UPDATE t SET a = 'x'", false, "no SELECT"},
    {"EXPLAIN SELECT a FROM t", false, "no SELECT"},
    {"SELECT a FROM t; SELECT a FROM t", false, "several statements"},
    {"SELECT a FROM t FOR UPDATE", false, "a lock"},
    {"SELECT a FROM t LOCK IN SHARE MODE", false, "a lock"},
    {"SELECT a FROM (SELECT a FROM t FOR SHARE) d", false, "a lock"},
    {"SELECT a INTO @v FROM t", false, "INTO"},
    {"SELECT a FROM t INTO OUTFILE '/tmp/x'", false, "INTO"},
    {"SELECT @v := a FROM t", false, "a variable"},
    {"SELECT a FROM t WHERE n = @v", false, "a variable"},
    {"SELECT a FROM t WHERE n = @@sql_select_limit", false, "a variable"},
    {"SELECT SQL_CALC_FOUND_ROWS a FROM t", false, "SQL_CALC_FOUND_ROWS"},
    {"SELECT RAND(), a FROM t", false, "a function"},
    {"SELECT a FROM t WHERE SLEEP(1) = 0", false, "a function"},
    {"SELECT a FROM t ORDER BY UUID()", false, "a function"},
    {"SELECT GET_LOCK('x', 1), a FROM t", false, "a function"},
    {"SELECT SYSDATE(), a FROM t", false, "a function"},
    {"SELECT LAST_INSERT_ID(), a FROM t", false, "a function"},
    {"SELECT mine(a) FROM t", false, "a function"},
    {"SELECT s.lower(a) FROM t", false, "a function"},
    {"SELECT a FROM t WHERE MATCH (a) AGAINST ('x')", false, "MATCH"},
    {"SELECT /*+ MAX_EXECUTION_TIME(1) */ a FROM t", false, "hint"},
    {"SELECT a FROM v", false, "a view"},
    {"SELECT a FROM t JOIN elsewhere.z", false, "not known"},
    {"SELECT a FROM t, JSON_TABLE('[]', '$[*]' COLUMNS (j INT PATH '$')) q", false, "JSON_TABLE"},
    {"WITH RECURSIVE c AS (SELECT 1 i UNION ALL SELECT i + 1 FROM c WHERE i < 3) SELECT a FROM t JOIN c",
     false, "WITH RECURSIVE"},
    {"WITH u AS (SELECT a FROM t) SELECT * FROM u", false, "hides a table"},
    /* order and LIMIT */
    {"SELECT a FROM t LIMIT 3", false, "LIMIT"},
    {"SELECT a FROM t ORDER BY n LIMIT 3", false, "LIMIT"},
    {"SELECT a FROM t ORDER BY n, id LIMIT 3", true, NULL},
    {"SELECT a FROM t ORDER BY t.id DESC LIMIT 3, 4", true, NULL},
    {"SELECT n AS id FROM t ORDER BY id LIMIT 3", false, "LIMIT"},
    {"SELECT a FROM t WHERE id = 5 LIMIT 1", true, NULL},
    {"SELECT a FROM t WHERE id = '5' AND n = 1 LIMIT 1", true, NULL},
    {"SELECT a FROM t WHERE id = 5 OR n = 1 LIMIT 1", false, "LIMIT"},
    {"SELECT a FROM t WHERE id = 'x' LIMIT 1", false, "LIMIT"},
    {"SELECT a FROM t WHERE id = n LIMIT 1", false, "LIMIT"},
    {"SELECT a FROM t WHERE id > 5 ORDER BY id LIMIT 1", true, NULL},
    {"SELECT m FROM u ORDER BY k LIMIT 1", false, "LIMIT"},
    {"SELECT m FROM u WHERE k = 1 ORDER BY l LIMIT 1", true, NULL},
    {"SELECT n FROM w WHERE d = 1 LIMIT 1", true, NULL},
    {"SELECT n FROM w WHERE d = '1' LIMIT 1", false, "LIMIT"},
    {"SELECT n FROM nokey ORDER BY n LIMIT 1", false, "LIMIT"},
    {"SELECT a FROM t JOIN u ON t.n = u.n ORDER BY id LIMIT 1", false, "LIMIT"},
    {"SELECT a FROM (SELECT a FROM t ORDER BY id LIMIT 3) d", false, "LIMIT"},
    {"SELECT a FROM t UNION ALL SELECT m FROM u ORDER BY a LIMIT 1", false, "LIMIT"},
    /* equal values that are not the same */
    {"SELECT DISTINCT a FROM t", false, "DISTINCT"},
    {"SELECT DISTINCT n, day FROM t", false, NULL},
    {"SELECT DISTINCT f FROM t", false, "DISTINCT"},
    {"SELECT DISTINCT x FROM t", false, "DISTINCT"}, /* read as y - 1 in one of the forms */
    {"SELECT a FROM t UNION SELECT m FROM u", false, "UNION"},
    {"SELECT COUNT(*) FROM t WHERE a = 'x'", true, NULL},
    {"SELECT COUNT(DISTINCT a), COUNT(b) FROM t", true, NULL},
    {"SELECT MAX(a) FROM t", false, "an aggregate"},
    {"SELECT MAX(n), MIN(day), SUM(price * n), AVG(n) FROM t", true, NULL},
    {"SELECT SUM(f) FROM t", false, "an aggregate"},
    {"SELECT SUM(n * 1.5e0) FROM t", false, "an aggregate"},
    {"SELECT GROUP_CONCAT(a) FROM t", false, "an aggregate"},
    {"SELECT STDDEV(n) FROM t", false, "an aggregate"},
    {"SELECT a, COUNT(*) FROM t GROUP BY a", false, "GROUP BY"},
    {"SELECT n, COUNT(a) FROM t GROUP BY n", false, NULL},
    {"SELECT n, COUNT(a) AS c FROM t GROUP BY n HAVING c > 1 AND n > 2 ORDER BY c", false, NULL},
    {"SELECT n, a FROM t GROUP BY n", false, "GROUP BY"},
    {"SELECT a, COUNT(*) FROM t", false, "GROUP BY"},
    {"SELECT a FROM t ORDER BY COUNT(*)", false, "ORDER BY"},
    {"SELECT COUNT(*) FROM t GROUP BY 1", false, "GROUP BY"},
    {"SELECT n, COUNT(*) FROM t GROUP BY n WITH ROLLUP", false, "ROLLUP"},
    {"SELECT n FROM t JOIN u USING (n) GROUP BY n", false, "GROUP BY"}, /* which of the two? */
    {"SELECT t.n, COUNT(*) FROM t JOIN u ON t.n = u.n GROUP BY t.n", false, NULL},
    {"SELECT t.n FROM t JOIN u ON t.n = u.n GROUP BY u.n", false, "GROUP BY"},
    {"SELECT a, (SELECT COUNT(t.a) FROM u) FROM t", false, "an aggregate"},
    {"SELECT a, (SELECT COUNT(m) FROM u WHERE u.n = t.n) FROM t", false, NULL},
    {"SELECT a, ROW_NUMBER() OVER (ORDER BY n) FROM t", false, "window"},
    {"SELECT FROM", false, "not understood"},
    {"SELECT 'open", false, "not understood"},
};

static void only_what_repeats_is_taken(void **state)
{
    fixture *f = *state;
    rw_ctx ctx = context();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rw_repeat r;
        assert_int_equal(rw_repeatable(f->rules, &ctx, b_slice_str(rows[i].sql), NULL, 0, f->arena, &r),
                         B_OK);
        bool right = rows[i].why == NULL ? r.skipped == NULL
                                         : r.skipped != NULL && strstr(r.skipped, rows[i].why) != NULL;
        if (!right || r.ordered != rows[i].ordered)
            fail_msg("%s: skipped %s, %s", rows[i].sql, r.skipped == NULL ? "(not)" : r.skipped,
                     r.ordered ? "ordered" : "not ordered");
    }
}

static const struct {
    row row;
    const char *given; /* Integer, Digits, NULL, or what else */
} bound[] = {
    {{"SELECT a FROM t WHERE a = ? AND n IN (?, ?)", false, NULL}, "XIN"},
    {{"SELECT UPPER(?), a FROM t WHERE day < ?", false, NULL}, "XX"},
    {{"SELECT COUNT(*), ? FROM t WHERE a = ?", true, NULL}, "XX"},
    {{"SELECT a FROM t ORDER BY id LIMIT ?, ?", true, NULL}, "II"},
    {{"SELECT a FROM t LIMIT ?", false, "LIMIT"}, "I"},
    {{"SELECT a FROM t ORDER BY ? LIMIT 1", false, "LIMIT"}, "I"},
    /* an equality with the primary key, or none */
    {{"SELECT a FROM t WHERE id = ? LIMIT ?", true, NULL}, "II"},
    {{"SELECT a FROM t WHERE ? = id LIMIT 1", true, NULL}, "D"},
    {{"SELECT a FROM t WHERE id = ? LIMIT 1", true, NULL}, "N"},
    {{"SELECT a FROM t WHERE id = ? LIMIT 1", false, "LIMIT"}, "X"},
    {{"SELECT a FROM t WHERE a = ? AND id = ? LIMIT 1", true, NULL}, "XI"},
    {{"SELECT a FROM t WHERE a = ? AND id = ? LIMIT 1", false, "LIMIT"}, "IX"},
    {{"SELECT n FROM w WHERE d = ? LIMIT 1", true, NULL}, "I"},
    {{"SELECT n FROM w WHERE d = ? LIMIT 1", false, "LIMIT"}, "D"},
    /* the type of what comes of it is not known */
    {{"SELECT DISTINCT ?, n FROM t", false, "DISTINCT"}, "I"},
    {{"SELECT SUM(n * ?) FROM t", false, "an aggregate"}, "I"},
    {{"SELECT a INTO @v FROM t WHERE n = ?", false, "INTO"}, "I"},
};

static rw_given given(char c)
{
    return c == 'I'   ? RW_GIVEN_INTEGER
           : c == 'D' ? RW_GIVEN_DIGITS
           : c == 'N' ? RW_GIVEN_NULL
                      : RW_GIVEN_OTHER;
}

static void placeholders_are_the_same_both_times(void **state)
{
    fixture *f = *state;
    rw_ctx ctx = context();
    rw_repeat r;
    b_slice sql = B_LIT("SELECT a FROM t WHERE n = ?");
    assert_int_equal(rw_repeatable(f->rules, &ctx, sql, NULL, 0, f->arena, &r), B_OK);
    assert_non_null(r.skipped); /* a text that is not prepared has none */
    ctx.prepared = true;
    for (size_t i = 0; i < sizeof bound / sizeof bound[0]; i++) {
        const row *w = &bound[i].row;
        rw_given to[4];
        size_t n = strlen(bound[i].given);
        for (size_t k = 0; k < n; k++) to[k] = given(bound[i].given[k]);
        assert_int_equal(rw_repeatable(f->rules, &ctx, b_slice_str(w->sql), to, n, f->arena, &r), B_OK);
        bool right =
            w->why == NULL ? r.skipped == NULL : r.skipped != NULL && strstr(r.skipped, w->why) != NULL;
        if (!right || r.ordered != w->ordered)
            fail_msg("%zu, %s: skipped %s, %s", i, w->sql, r.skipped == NULL ? "(not)" : r.skipped,
                     r.ordered ? "ordered" : "not ordered");
    }
    sql = B_LIT("SELECT a FROM t WHERE id = ? LIMIT 1");
    assert_int_equal(rw_repeatable(f->rules, &ctx, sql, NULL, 0, f->arena, &r), B_OK);
    assert_non_null(r.skipped); /* what it was given is not known */
}

static void sessions_that_cannot_be_told_are_not_taken(void **state)
{
    fixture *f = *state;
    rw_repeat r;
    rw_ctx ctx = context();
    ctx.sql_mode = RW_MODE_ORACLE;
    assert_int_equal(rw_repeatable(f->rules, &ctx, B_LIT("SELECT a FROM t"), NULL, 0, f->arena, &r), B_OK);
    assert_non_null(r.skipped);
    ctx = context();
    ctx.charset = RW_CHARSET_UNKNOWN;
    assert_int_equal(rw_repeatable(f->rules, &ctx, B_LIT("SELECT a FROM t"), NULL, 0, f->arena, &r), B_OK);
    assert_non_null(r.skipped);
    ctx = context();
    ctx.schema = B_LIT("");
    assert_int_equal(rw_repeatable(f->rules, &ctx, B_LIT("SELECT a FROM t"), NULL, 0, f->arena, &r), B_OK);
    assert_non_null(r.skipped);
}

static void tables_are_listed(void **state)
{
    fixture *f = *state;
    rw_ctx ctx = context();
    rw_repeat r;
    b_slice sql = B_LIT("SELECT a FROM t JOIN u ON t.n = u.n WHERE 1 IN (SELECT n FROM nokey)");
    assert_int_equal(rw_repeatable(f->rules, &ctx, sql, NULL, 0, f->arena, &r), B_OK);
    assert_int_equal(r.ntables, 3);
    assert_true(b_slice_eq(r.tables[2].name, B_LIT("nokey")));
    assert_true(b_slice_eq(r.tables[2].schema, B_LIT("s")));
}

static void expect(const rw_ruleset *r, b_arena *a, const char *sql, const char *want)
{
    rw_ctx ctx = context();
    rw_result out;
    assert_int_equal(rw_rewrite(r, &ctx, b_slice_str(sql), a, &out), B_OK);
    if (!b_slice_eq(out.sql, b_slice_str(want)))
        fail_msg("%s became %.*s%.*s", sql, B_ARG(out.sql), B_ARG(out.message));
}

static void the_other_column_is_read(void **state)
{
    fixture *f = *state;
    b_err err = {0};
    rw_ruleset *other = rw_ruleset_other(f->rules, 0, &err), *switched = make(RW_SWITCHED);
    assert_non_null(other);
    assert_true(rw_ruleset_epoch(other) == 3);
    expect(f->rules, f->arena, "SELECT id FROM t WHERE a = 'q'", "SELECT id FROM t WHERE a = 'q'");
    expect(other, f->arena, "SELECT id FROM t WHERE a = 'q'", "SELECT id FROM t WHERE b = 'q'");
    rw_ruleset *back = rw_ruleset_other(switched, 0, &err);
    assert_non_null(back);
    expect(switched, f->arena, "SELECT id FROM t WHERE a = 'q'", "SELECT id FROM t WHERE b = 'q'");
    expect(back, f->arena, "SELECT id FROM t WHERE a = 'q'", "SELECT id FROM t WHERE a = 'q'");
    expect(other, f->arena, "SELECT x FROM t", "SELECT x FROM t"); /* another migration's */
    rw_ruleset_unref(other), rw_ruleset_unref(back), rw_ruleset_unref(switched);
}

static void only_where_both_columns_are_kept(void **state)
{
    (void)state;
    static const rw_phase phases[] = {RW_PLANNED, RW_EXPANDED, RW_RETIRED, RW_CONTRACTED};
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        b_err err = {0};
        rw_ruleset *r = make(phases[i]);
        assert_null(rw_ruleset_other(r, 0, &err));
        assert_null(rw_ruleset_other(r, 7, &err));
        rw_ruleset_unref(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_repeats_is_taken),
        cmocka_unit_test(placeholders_are_the_same_both_times),
        cmocka_unit_test(sessions_that_cannot_be_told_are_not_taken),
        cmocka_unit_test(tables_are_listed),
        cmocka_unit_test(the_other_column_is_read),
        cmocka_unit_test(only_where_both_columns_are_kept),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
