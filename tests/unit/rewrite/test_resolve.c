/* What the rewriter reports beside the text: which names a statement used, what the client is to be shown,
 * what the statement does to later ones, and what its plan depends on. */
#include "rewrite/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DDL                                                                                                  \
    "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9) NOT NULL, b VARCHAR(9) DEFAULT (a) INVISIBLE, n INT);" \
    "CREATE TABLE o (id INT PRIMARY KEY, b VARCHAR(9));"

typedef struct fixture {
    rw_ruleset *rules;
    b_arena *arena;
} fixture;

/* Of one migration, or of two. */
static rw_ruleset *rules_in(rw_phase phase, size_t n)
{
    rw_server server = {RW_MYSQL, 90704, 0};
    rw_catalog_builder *builder = rw_catalog_builder_new(server);
    b_err err;
    rw_pair pair = {.from = B_LIT("a"), .to = B_LIT("b"), .after = B_LIT("id"), .b_default_up = true};
    rw_pair another = {.from = B_LIT("b"), .to = B_LIT("c"), .after = B_LIT("id")};
    rw_migration m[2] = {{.name = B_LIT("rename_a"),
                          .schema = B_LIT("s"),
                          .table = B_LIT("t"),
                          .phase = phase,
                          .pairs = &pair,
                          .npairs = 1},
                         {.name = B_LIT("rename_b"),
                          .schema = B_LIT("s"),
                          .table = B_LIT("o"),
                          .phase = RW_PLANNED,
                          .pairs = &another,
                          .npairs = 1}};
    rw_ruleset *rules;
    rw_catalog *c;

    assert_int_equal(rw_catalog_read_ddl(builder, B_LIT(DDL), B_LIT("s"), &err), B_OK);
    c = rw_catalog_build(builder);
    pair.plain = *rw_table_column(rw_catalog_find(c, B_LIT("s"), B_LIT("t")), B_LIT("a"));
    another.plain = *rw_table_column(rw_catalog_find(c, B_LIT("s"), B_LIT("o")), B_LIT("b"));
    rules = rw_ruleset_new(3, c, m, n, &err);
    rw_catalog_unref(c);
    return rules;
}

static int setup(void **state)
{
    static fixture f;

    f.rules = rules_in(RW_DUAL_WRITE, 1);
    f.arena = b_arena_new(0);
    *state = &f;
    return f.rules == NULL || f.arena == NULL;
}

static int teardown(void **state)
{
    fixture *f = *state;

    rw_ruleset_unref(f->rules);
    b_arena_free(f->arena);
    return 0;
}

static rw_result run(fixture *f, const char *sql, rw_version version, rw_cache *cache)
{
    rw_ctx ctx = {.sql_mode = RW_MODE_STRICT, .schema = B_LIT("s"), .version = version, .multi = true};
    rw_result r;

    assert_int_equal(rw_rewrite_cached(cache, f->rules, &ctx, b_slice_str(sql), f->arena, &r), B_OK);
    return r;
}

typedef struct use_row {
    const char *sql;
    rw_version version;
    int old_name, new_name;       /* -1: no use is reported */
    const char *physical, *shown; /* NULL: nothing is shown in another's place */
} use_row;

static const use_row uses[] = {
    {"SELECT a FROM t", RW_VERSION_BOTH, 1, 0, "b", "a"},
    {"SELECT b FROM t", RW_VERSION_OLD, 0, 1, "a", "b"},
    {"SELECT a, b FROM t", RW_VERSION_BOTH, 1, 1, NULL, NULL},
    {"SELECT a, b FROM t", RW_VERSION_NEW, 1, 1, "a", "b"},
    {"SELECT id FROM t", RW_VERSION_OLD, -1, 0, "b", "a"},
    {"SELECT id FROM t", RW_VERSION_NEW, -1, 0, "a", "b"},
    {"SELECT * FROM t", RW_VERSION_OLD, 1, 0, "b", "a"},
    {"SELECT * FROM t", RW_VERSION_NEW, 0, 1, "a", "b"},
    {"SELECT * FROM t", RW_VERSION_BOTH, -1, 0, "b", "a"},
    {"SELECT 'b' FROM t", RW_VERSION_OLD, -1, 0, "b", "a"},
    {"SELECT b FROM o", RW_VERSION_OLD, -1, 0, NULL, NULL},
    {"SELECT o.b FROM o JOIN t ON o.id = t.id", RW_VERSION_OLD, -1, 0, "b", "a"},
    {"SELECT t.b FROM t JOIN t u USING (id, b)", RW_VERSION_OLD, 0, 1, "a", "b"},
    {"SELECT t.a FROM t JOIN t u USING (id, a)", RW_VERSION_OLD, 1, 0, "b", "a"},
    {"SELECT n FROM (SELECT * FROM t) d WHERE b = 1", RW_VERSION_OLD, 1, 1, "b", "a"},
};

static void names_are_reported(void **state)
{
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        const use_row *row = &uses[i];
        rw_result r = run(*state, row->sql, row->version, NULL);
        bool used = row->old_name >= 0;
        bool right = r.nuses == (used ? 1u : 0u) && r.nshown == (row->physical != NULL ? 1u : 0u);

        right =
            right && (!used || (r.uses[0].old_name == row->old_name && r.uses[0].new_name == row->new_name));
        right = right && (!used || !r.uses[0].write);
        right =
            right && (row->physical == NULL || (b_slice_eq(r.shown[0].physical, b_slice_str(row->physical)) &&
                                                b_slice_eq(r.shown[0].shown, b_slice_str(row->shown))));
        if (!right) {
            fail_msg("%s as %s: uses %zu, shown %zu", row->sql, rw_version_name(row->version), r.nuses,
                     r.nshown);
        }
    }
}

/* The tables that a result column may come straight from: "t", and "t?" on the inner side of an outer join.
 */
static const char *const origins[][2] = {
    {"SELECT a FROM t", "t"},
    {"SELECT x.a FROM t AS x JOIN o", "x"},
    {"SELECT t.a FROM o LEFT JOIN t ON o.id = t.id", "t?"},
    {"SELECT t.a FROM o LEFT JOIN t ON o.id = t.id WHERE t.n = 1", "t?"},
    {"SELECT t.a FROM o RIGHT JOIN t ON o.id = t.id", "t"},
    {"SELECT t.a FROM t RIGHT JOIN o ON o.id = t.id", "t?"},
    {"SELECT t.a FROM o LEFT JOIN (o p JOIN t ON p.id = t.id) ON o.id = t.id", "t?"},
    {"SELECT x.a FROM t x LEFT JOIN t y ON x.id = y.n", "x y?"},
    {"SELECT t.a FROM o NATURAL LEFT JOIN t", "t?"},
    {"SELECT a FROM t JOIN t u USING (a)", "t u"},
    {"SELECT t.a FROM (SELECT t.* FROM o LEFT JOIN t ON o.id = t.id) t", ""},
    {"WITH t AS (SELECT n AS a FROM s.t) SELECT a FROM t", ""},
    {"SELECT (SELECT a FROM t LIMIT 1), a FROM t x", "x"},
    {"SELECT a FROM t UNION SELECT a FROM t", ""},
    {"(SELECT a FROM t)", "t"},
    {"INSERT INTO o SELECT id, a FROM t", ""},
    {"TABLE t", "t"},
    {"SELECT * FROM o", ""},
};

static void origins_are_reported(void **state)
{
    fixture f = {rules_in(RW_SWITCHED, 1), ((fixture *)*state)->arena};

    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
        char told[80] = "";
        rw_result r = run(&f, origins[i][0], RW_VERSION_OLD, NULL);

        for (size_t k = 0; k < r.norigins; k++) {
            const rw_origin *o = &r.origins[k];
            size_t n = strlen(told);

            assert_true(b_slice_eq(o->schema, B_LIT("s")));
            snprintf(told + n, sizeof told - n, "%s%.*s%s", n > 0 ? " " : "", B_ARG(o->called),
                     o->nulls ? "?" : "");
        }
        assert_int_not_equal(r.verdict, RW_REFUSED);
        if (strcmp(told, origins[i][1]) != 0) {
            fail_msg("%s: %s", origins[i][0], told);
        }
    }
    rw_ruleset_unref(f.rules);
}

/* What a text inside the statement uses is shown, and no other migration's names. */
static void names_of_an_inner_text_are_reported(void **state)
{
    fixture f = {rules_in(RW_SWITCHED, 2), ((fixture *)*state)->arena};
    rw_result r = run(&f, "PREPARE p FROM 'UPDATE t SET a = n'", RW_VERSION_OLD, NULL);

    assert_int_equal(r.nuses, 1);
    assert_int_equal(r.nshown, 1);
    assert_true(b_slice_eq(r.shown[0].table.name, B_LIT("t")));
    rw_ruleset_unref(f.rules);
}

static void temporary_tables_shadow_within_a_text(void **state)
{
    rw_result r = run(*state, "CREATE TEMPORARY TABLE t (b INT); SELECT b FROM t", RW_VERSION_OLD, NULL);

    assert_int_equal(r.verdict, RW_PASS);
    assert_int_equal(r.neffects, 1);
    assert_int_equal(r.effects[0].kind, RW_EFFECT_TEMP_CREATED);
    assert_true(b_slice_eq(r.effects[0].table.schema, B_LIT("s")));
    assert_true(b_slice_eq(r.effects[0].table.name, B_LIT("t")));
    r = run(*state, "CREATE TEMPORARY TABLE t (b INT); DROP TABLE t; SELECT b FROM t", RW_VERSION_OLD, NULL);
    assert_int_equal(r.verdict, RW_REWRITTEN);
    assert_int_equal(r.neffects, 2);
    assert_int_equal(r.effects[1].kind, RW_EFFECT_TEMP_DROPPED);
}

/* The name of an unaliased literal is its value: another value may not get this one's plan. */
static void values_that_are_names_are_not_cached(void **state)
{
    static const char *const wanted[] = {"SELECT b FROM (SELECT 'b' FROM t) d",
                                         "SELECT b FROM (SELECT 'c' FROM t) d"};
    rw_cache *cache = rw_cache_new(16);
    rw_result r;

    assert_non_null(cache);
    r = run(*state, wanted[0], RW_VERSION_OLD, cache);
    assert_int_equal(r.verdict, RW_PASS);
    r = run(*state, wanted[1], RW_VERSION_OLD, cache);
    assert_false(r.cached);
    r = run(*state, "SELECT b FROM t WHERE n = 1", RW_VERSION_OLD, cache);
    r = run(*state, "SELECT b FROM t WHERE n = 2", RW_VERSION_OLD, cache);
    assert_true(r.cached);
    assert_true(b_slice_eq(r.sql, B_LIT("SELECT a AS b FROM t WHERE n = 2")));
    rw_cache_free(cache);
}

/* No depth of nesting makes it crash or take for ever. */
static void deep_nesting_is_refused(void **state)
{
    enum { DEPTH = 3000 };
    static char sql[DEPTH * 24];
    size_t n = 0;
    rw_result r;

    for (int i = 0; i < DEPTH; i++) {
        n += (size_t)snprintf(sql + n, sizeof(sql) - n, "SELECT (b) FROM t WHERE (");
        if (n > sizeof(sql) - 64) {
            break;
        }
    }
    r = run(*state, sql, RW_VERSION_OLD, NULL);
    assert_int_equal(r.verdict, RW_REFUSED);
    assert_int_equal(r.error, 1235);
    assert_string_equal(r.sqlstate, "42000");
}

/* ---- optimizer hints, and what is done once only ---- */

/* t in switched, with an index over A and its twin. */
static rw_ruleset *with_twin(void)
{
    rw_catalog_builder *builder = rw_catalog_builder_new((rw_server){RW_MYSQL, 90704, 0});
    rw_pair pair = {.from = B_LIT("a"), .to = B_LIT("b"), .after = B_LIT("id"), .b_default_up = true};
    rw_migration m = {.name = B_LIT("rename_a"),
                      .schema = B_LIT("s"),
                      .table = B_LIT("t"),
                      .phase = RW_SWITCHED,
                      .pairs = &pair,
                      .npairs = 1};
    b_err err;

    assert_int_equal(
        rw_catalog_read_ddl(builder,
                            B_LIT("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9) NOT NULL, "
                                  "b VARCHAR(9) DEFAULT (a) INVISIBLE, KEY i (a), KEY i__b (b))"),
                            B_LIT("s"), &err),
        B_OK);
    rw_catalog *c = rw_catalog_build(builder);
    pair.plain = *rw_table_column(rw_catalog_find(c, B_LIT("s"), B_LIT("t")), B_LIT("a"));
    rw_ruleset *r = rw_ruleset_new(3, c, &m, 1, &err);
    rw_catalog_unref(c);
    assert_non_null(r);
    return r;
}

static void hints_that_are_not_understood_stay(void **state)
{
    static const struct {
        const char *sql, *charset;
        bool changed;
    } rows[] = {
        {"SELECT /*+ INDEX(t i) */ b FROM t", "utf8mb4", true},
        {"SELECT /*+ INDEX(t `i`) */ b FROM t", "latin1", true},
        {"SELECT /*+ INDEX(t i) QB_NAME(\xC3\xA9) */ b FROM t", "utf8mb4", true},
        {"SELECT /*+ INDEX(t i) QB_NAME(\xE9) */ b FROM t", "latin1", false},
        {"SELECT /*+ INDEX(t i) QB_NAME(`x``) INDEX(t i`) */ b FROM t", "utf8mb4", false},
        {"SELECT /*+ QB_NAME(\"INDEX(t i)\") INDEX(t i) */ b FROM t", "utf8mb4", false},
    };
    rw_ruleset *rules = with_twin();
    b_arena *arena = ((fixture *)*state)->arena;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        b_slice charset = b_slice_str(rows[i].charset);
        rw_ctx ctx = {.sql_mode = RW_MODE_ANSI_QUOTES | RW_MODE_STRICT,
                      .schema = B_LIT("s"),
                      .version = RW_VERSION_NEW,
                      .charset = rw_charset_parse(charset),
                      .spelling = rw_charset_number(charset)};
        rw_result r;

        assert_int_equal(rw_rewrite(rules, &ctx, b_slice_str(rows[i].sql), arena, &r), B_OK);
        if ((r.verdict == RW_REWRITTEN) != rows[i].changed || r.verdict == RW_REFUSED) {
            fail_msg("%s: %.*s%.*s", rows[i].sql, B_ARG(r.sql), B_ARG(r.message));
        }
    }
    rw_ruleset_unref(rules);
}

enum { TIMES = 400 };

static b_slice repeated(b_arena *arena, const char *head, const char *part, const char *tail,
                        const char *last)
{
    b_buf b = {0};
    b_buf_str(&b, head);
    for (int i = 0; i < TIMES; i++) b_buf_str(&b, part);
    b_buf_str(&b, tail);
    for (int i = 0; i < TIMES; i++) b_buf_str(&b, last);
    b_slice s = b_arena_dup(arena, b_buf_view(&b));
    b_buf_deinit(&b);
    return s;
}

/* Each reading of such a name takes memory, so that tells how often they are read. */
static void names_are_read_a_few_times_only(void **state)
{
    static const struct {
        const char *head, *part, *tail, *last;
    } rows[] = {
        {"SELECT 1", ", '\xE9\xE9\xE9'", " FROM t ORDER BY id", ", a"},
        {"SHOW INDEXES FROM \xE9\xE9\xE9", " FROM \xE9\xE9\xE9", " WHERE 1", ", \xE9\xE9"},
        {"SELECT 1", " + (SELECT /*+ SET_VAR(sql_mode='') */ \xE9\xE9\xE9)", " FROM \xE9", ", \xE9"},
    };
    rw_ruleset *rules = with_twin();
    b_arena *arena = ((fixture *)*state)->arena, *text = b_arena_new(0);
    rw_ctx ctx = {
        .schema = B_LIT("s"), .charset = RW_CHARSET_SINGLE, .spelling = rw_charset_number(B_LIT("latin1"))};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        b_slice sql = repeated(text, rows[i].head, rows[i].part, rows[i].tail, rows[i].last);
        rw_result r;

        b_arena_reset(arena);
        assert_int_equal(rw_rewrite(rules, &ctx, sql, arena, &r), B_OK);
        if (b_arena_used(arena) > 1 << 20) {
            fail_msg("row %zu takes %zu bytes", i, b_arena_used(arena));
        }
    }
    b_arena_free(text);
    rw_ruleset_unref(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_reported),
        cmocka_unit_test(origins_are_reported),
        cmocka_unit_test(names_of_an_inner_text_are_reported),
        cmocka_unit_test(temporary_tables_shadow_within_a_text),
        cmocka_unit_test(values_that_are_names_are_not_cached),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(hints_that_are_not_understood_stay),
        cmocka_unit_test(names_are_read_a_few_times_only),
    };

    return cmocka_run_group_tests_name("resolve", tests, setup, teardown);
}
