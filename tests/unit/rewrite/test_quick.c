/* The quick way of a statement: that it gives what the rewriter gives without a cache, whatever was kept
 * before and whatever the values are. */
#include "quick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char ddl[] = "CREATE TABLE t (id int PRIMARY KEY, a varchar(20), b varchar(20) INVISIBLE "
                          "DEFAULT (a), n int, d datetime);"
                          "CREATE TABLE o (id int PRIMARY KEY, n int, s varchar(20));";

static rw_ruleset *make(rw_flavour flavour, rw_phase phase, bool by_default)
{
    rw_server server = {flavour, flavour == RW_MYSQL ? 90704 : 101119, 0};
    rw_catalog_builder *b = rw_catalog_builder_new(server);
    b_err err = {0};
    assert_int_equal(rw_catalog_read_ddl(b, b_slice_str(ddl), B_LIT("shop"), &err), B_OK);
    rw_catalog *c = rw_catalog_build(b);
    const rw_column *a = rw_table_column(rw_catalog_at(c, 0), B_LIT("a"));
    rw_pair p = {
        .from = B_LIT("a"), .to = B_LIT("b"), .plain = *a, .after = B_LIT("id"), .b_default_up = by_default};
    rw_migration m = {.name = B_LIT("m"),
                      .schema = B_LIT("shop"),
                      .table = B_LIT("t"),
                      .phase = phase,
                      .pairs = &p,
                      .npairs = 1};
    rw_ruleset *r = rw_ruleset_new(1, c, &m, 1, &err);
    if (r == NULL) fail_msg("%s", err.msg);
    rw_catalog_unref(c);
    return r;
}

/* Said by itself each, and so alike that a scan which is not exact would take one for another. */
static const char *const texts[] = {
    "SELECT b FROM t WHERE id = 1",
    "SELECT b FROM t WHERE id = 1.5",
    "SELECT b FROM t WHERE id = 1.",
    "SELECT b FROM t WHERE id = .5",
    "SELECT b FROM t WHERE id = 1e5",
    "SELECT b FROM t WHERE id = 1e-5",
    "SELECT b FROM t WHERE id = 0x15",
    "SELECT b FROM t WHERE id = x'15'",
    "SELECT b FROM t WHERE id = -1",
    "SELECT b FROM t WHERE id = - 1",
    "SELECT b FROM t WHERE id =1",
    "SELECT b FROM t WHERE id = 1 ",
    "SELECT b FROM t WHERE id = 1;",
    "SELECT b FROM t WHERE id = '1'",
    "SELECT b FROM t WHERE id = \"1\"",
    "SELECT b FROM t WHERE id = `1`",
    "SELECT b FROM t WHERE id = `n`",
    "SELECT b FROM t WHERE id = 'a' 'b'",
    "SELECT b FROM t WHERE id = 'a''b'",
    "SELECT b FROM t WHERE id = 'a\\'b'",
    "SELECT b FROM t WHERE id = 'a\\\\'",
    "SELECT b FROM t WHERE id = 'a\\' OR b = 'c'",
    "SELECT b FROM t WHERE id = 'a' OR b = 'c'",
    "SELECT b FROM t WHERE id = 'a\" OR b = \"c'",
    "SELECT b FROM t WHERE id = \"a' OR b = 'c\"",
    "SELECT b FROM t WHERE id = 'b'",
    "SELECT b FROM t WHERE id = '\x01'",
    "SELECT b FROM t WHERE id = \x01",
    "SELECT b FROM t WHERE id = \x02",
    "SELECT b FROM t WHERE id = '\xc3\xa9'",
    "SELECT b FROM t WHERE id = '\xc3' OR b = '\xa9'",
    "SELECT b FROM t WHERE id = n'a'",
    "SELECT b FROM t WHERE id = _latin1'a'",
    "SELECT b FROM t WHERE id = _latin1 'a'",
    "SELECT b FROM t WHERE id = @1",
    "SELECT b FROM t WHERE id = @'1'",
    "SELECT b FROM t WHERE id = ?",
    "SELECT b FROM t WHERE id = ? AND n = 1",
    "SELECT b FROM t WHERE id = 1 AND n = ?",
    "SELECT b, ? FROM t WHERE b = ? AND id IN (1, ?, 2)",
    "SELECT b FROM t WHERE id = 1 -- 5",
    "SELECT b FROM t WHERE id = 1 # 5",
    "SELECT b FROM t WHERE id = 1 /* 5 */",
    "SELECT b FROM t WHERE id = 1 /*! AND n = 5 */",
    "SELECT b FROM t WHERE id = 1 /*!999999 AND n = 5 */",
    "SELECT /*+ MAX_EXECUTION_TIME(100) */ b FROM t WHERE id = 1",
    "SELECT b FROM t WHERE id = 1 - -5",
    "SELECT b FROM t WHERE id = 1 --5",
    "SELECT 1 FROM t WHERE b = 1",
    "SELECT 'b' FROM t WHERE b = 1",
    "SELECT 1 b FROM t",
    "SELECT b 'x' FROM t",
    "SELECT b AS 'x' FROM t",
    "SELECT b + 1 FROM t",
    "SELECT b+1 FROM t",
    "SELECT b + 1.0 FROM t",
    "SELECT concat(b, 'x') FROM t",
    "SELECT concat(b, 'x'), concat(a, 'y', 1) z FROM t WHERE b LIKE 'x%' LIMIT 5",
    "SELECT CASE WHEN b = 'x' THEN 1 ELSE 2 END FROM t",
    "SELECT id, b FROM t ORDER BY 1",
    "SELECT id, b FROM t ORDER BY 2",
    "SELECT id, b FROM t ORDER BY 2, b LIMIT 1",
    "SELECT id, b FROM t ORDER BY b LIMIT 1 OFFSET 2",
    "SELECT id, b FROM t ORDER BY b = 'x', 2 LIMIT 1",
    "SELECT count(*), b FROM t GROUP BY 2 HAVING count(*) > 1",
    "SELECT t.b FROM t JOIN o ON o.id = t.id WHERE o.s = 'x' AND t.b BETWEEN 'a' AND 'c'",
    "SELECT * FROM t WHERE b = 'x' UNION SELECT * FROM t WHERE id > 5",
    "SELECT x.b FROM (SELECT b, 5 c FROM t WHERE n = 5) x WHERE x.c = 5",
    "SELECT b FROM t WHERE d > DATE '2020-01-01' AND d < d + INTERVAL 1 DAY",
    "SELECT b FROM t WHERE d > TIMESTAMP'2020-01-01 00:00:00'",
    "SELECT b FROM t WHERE MATCH (b) AGAINST ('x' IN BOOLEAN MODE)",
    "SELECT b FROM t AS `t2` WHERE `t2`.b = 'x'",
    "SELECT b FROM t WHERE `b` = '`' AND `a` = 1",
    "SELECT t.5b FROM t WHERE b = 5",
    "SELECT b FROM t WHERE b->'$.x' = 5",
    "SELECT b FROM t WHERE (b, 1) IN (('x', 1), ('y', 2))",
    "INSERT INTO t (id, b) VALUES (1, 'x')",
    "INSERT INTO t (id, b) VALUES (1, 'x'), (2, 'y')",
    "INSERT INTO t (id, b, a) VALUES (1, 'x', 'x')",
    "INSERT INTO t VALUES (1, 'x', 2, NULL)",
    "INSERT INTO t SET id = 1, b = 'x'",
    "INSERT INTO t (id, b) VALUES (1, 'x') ON DUPLICATE KEY UPDATE b = VALUES(b), n = n + 1",
    "INSERT INTO t (id, b) SELECT id, s FROM o WHERE n = 1",
    "REPLACE INTO t (id, b) VALUES (-1, 'x')",
    "UPDATE t SET b = 'x' WHERE id = 1",
    "UPDATE t SET b = 'x', n = n + 1 WHERE id = 1 ORDER BY id LIMIT 1",
    "UPDATE t SET b = concat(b, 'x', ?) WHERE id IN (1, 2, 3) AND b <> 'y'",
    "UPDATE t, o SET t.b = 'x', o.n = 1 WHERE t.id = o.id AND o.n = 5",
    "UPDATE t SET b = rand(5) WHERE id = 1",
    "DELETE FROM t WHERE b = 'x' LIMIT 1",
    "DELETE t FROM t JOIN o ON o.n = t.n WHERE t.b = 'x' AND o.id > 5",
    "ALTER TABLE t COMMENT = 'x'",
    "ALTER  TABLE t COMMENT = 'x'",
    "ALTER /* one */ TABLE t COMMENT = 'x'",
    "ALTER /* another */ TABLE t COMMENT = 'x'",
    "SET @x = (SELECT b FROM t WHERE id = 1)",
    "SELECT b FROM t WHERE id = 1; SELECT b FROM t WHERE id = 2",
    "SELECT b FROM t WHERE id = 1 ORDER BY 1; SELECT b FROM t WHERE id = 2",
    "SELECT b FROM t WHERE id = $1",
    "SELECT b FROM t WHERE id = 1$",
    "SELECT b FROM t WHERE id = ",
    "SELECT b FROM t WHERE id = '",
};

enum { TEXTS = sizeof texts / sizeof texts[0], CONTEXTS = 6 };

typedef struct world {
    rw_ruleset *r;
    rw_cache *c;
    b_arena *a, *b;
    rw_ctx ctx;
} world;

static rw_ctx context(int i)
{
    rw_ctx ctx = {.schema = B_LIT("shop"), .sql_mode = RW_MODE_STRICT, .multi = true, .prepared = i % 2 == 1};
    ctx.version = (rw_version)(i % 3);
    ctx.charset = i == 3 ? RW_CHARSET_GBK : i == 4 ? RW_CHARSET_SINGLE : RW_CHARSET_SAFE;
    if (i == 1) ctx.sql_mode |= RW_MODE_ANSI_QUOTES;
    if (i == 2) ctx.sql_mode |= RW_MODE_NO_BACKSLASH_ESCAPES;
    return ctx;
}

static void same_arrays(const rw_result *x, const rw_result *y, b_slice sql)
{
    bool same = x->params.nout == y->params.nout && x->params.nin == y->params.nin &&
                x->params.identity == y->params.identity && x->nuses == y->nuses &&
                x->neffects == y->neffects && x->nshown == y->nshown && b_slice_eq(x->zone, y->zone);
    for (uint32_t i = 0; same && i < x->params.nout; i++) same = x->params.source[i] == y->params.source[i];
    for (size_t i = 0; same && i < x->nuses; i++)
        same = x->uses[i].write == y->uses[i].write && x->uses[i].old_name == y->uses[i].old_name &&
               x->uses[i].new_name == y->uses[i].new_name;
    for (size_t i = 0; same && i < x->nshown; i++)
        same = b_slice_eq(x->shown[i].physical, y->shown[i].physical) &&
               b_slice_eq(x->shown[i].shown, y->shown[i].shown) &&
               b_slice_eq(x->shown[i].aliases, y->shown[i].aliases) && x->shown[i].read == y->shown[i].read;
    same = same && x->norigins == y->norigins;
    for (size_t i = 0; same && i < x->norigins; i++)
        same = b_slice_eq(x->origins[i].schema, y->origins[i].schema) &&
               b_slice_eq(x->origins[i].called, y->origins[i].called) &&
               x->origins[i].nulls == y->origins[i].nulls;
    if (!same) fail_msg("%.*s: other details", B_ARG(sql));
}

/* Through the cache and without it. */
static void ask(world *w, b_slice sql)
{
    rw_result with, without;
    b_arena_reset(w->a);
    b_arena_reset(w->b);
    assert_int_equal(rw_rewrite_cached(w->c, w->r, &w->ctx, sql, w->a, &with), B_OK);
    assert_int_equal(rw_rewrite(w->r, &w->ctx, sql, w->b, &without), B_OK);
    if (with.verdict != without.verdict || !b_slice_eq(with.sql, without.sql) ||
        !b_slice_eq(with.message, without.message) || with.digest != without.digest ||
        with.error != without.error)
        fail_msg("%.*s: with the cache %.*s%.*s, without %.*s%.*s", B_ARG(sql), B_ARG(with.sql),
                 B_ARG(with.message), B_ARG(without.sql), B_ARG(without.message));
    same_arrays(&with, &without, sql);
}

static void start(world *w, rw_flavour flavour, rw_phase phase, bool by_default)
{
    *w = (world){.r = make(flavour, phase, by_default), .a = b_arena_new(0), .b = b_arena_new(0)};
}

static void stop(world *w)
{
    rw_ruleset_unref(w->r);
    b_arena_free(w->a);
    b_arena_free(w->b);
}

static void each_after_all(void **state)
{
    (void)state;
    for (int k = 0; k < 2 * 3; k++) {
        world w;
        rw_phase phase = k / 2 == 0 ? RW_PLANNED : k / 2 == 1 ? RW_DUAL_WRITE : RW_SWITCHED;
        start(&w, k % 2 == 0 ? RW_MYSQL : RW_MARIADB, phase, k != 3);
        w.c = rw_cache_new((size_t)2 * CONTEXTS * TEXTS);
        for (int round = 0; round < 3; round++) {
            for (int c = 0; c < CONTEXTS; c++) {
                w.ctx = context(c);
                for (size_t i = 0; i < TEXTS; i++) ask(&w, b_slice_str(texts[i]));
            }
        }
        rw_cache_free(w.c);
        stop(&w);
    }
}

/* Other digits and letters in the place of those that are there: in values, and in names too. */
static b_slice vary(b_arena *arena, const char *text, unsigned *seed)
{
    static const char digits[] = "0123456789", odd[] = "'\"\\` .-/*#?;()xe5\x01\xc3\xa9";
    b_slice s = b_arena_dup(arena, b_slice_str(text));
    char *p = (char *)(uintptr_t)s.p;
    for (size_t i = 0; i < s.n; i++) {
        *seed = *seed * 1103515245u + 12345u;
        unsigned dice = *seed >> 16 & 0x7FFF;
        if (p[i] >= '0' && p[i] <= '9') p[i] = digits[dice % 10];
        if ((p[i] == 'x' || p[i] == 'y') && dice % 3 == 0) p[i] = (char)('p' + dice % 7);
        if (dice % 97 == 0) p[i] = odd[dice / 97 % (sizeof odd - 1)];
    }
    return s;
}

static void any_values(void **state)
{
    (void)state;
    unsigned seed = 1;
    for (int k = 0; k < 4; k++) {
        world w;
        b_arena *texts_of = b_arena_new(0);
        start(&w, k % 2 == 0 ? RW_MYSQL : RW_MARIADB, k < 2 ? RW_DUAL_WRITE : RW_SWITCHED, k != 1);
        w.c = rw_cache_new(1000);
        for (int round = 0; round < 60; round++) {
            w.ctx = context(round % CONTEXTS);
            for (size_t i = 0; i < TEXTS; i++) {
                b_arena_reset(texts_of);
                ask(&w, vary(texts_of, texts[i], &seed));
            }
        }
        assert_true(rw_cache_get_stats(w.c).hits > 1000);
        rw_cache_free(w.c);
        b_arena_free(texts_of);
        stop(&w);
    }
}

static void skeletons(void **state)
{
    static const struct {
        const char *sql, *skeleton; /* NULL: none */
        uint32_t values;
    } rows[] = {
        {"SELECT b FROM t WHERE id = 15", "SELECT b FROM t WHERE id = \x01", 1},
        {"a IN (1,'it''s',\"x\")", "a IN (\x01,\x02,\x03)", 3},
        {"a LIKE 'x' AND b BETWEEN 1.5 AND 2", "a LIKE \x02 AND b BETWEEN \x01 AND \x01", 3},
        {"SELECT 1", "SELECT 1", 0},
        {"SELECT a 'x'", "SELECT a 'x'", 0},
        {"ORDER BY 1, 2 LIMIT 3", "ORDER BY 1, 2 LIMIT \x01", 1},
        {"(1e5, 1x, a.5, .5, 0x5, @5)", "(1e5, 1x, a.5, .5, 0x5, @5)", 0},
        {"a = 1 -- x", NULL, 0},
        {"a = 1 /* x */", NULL, 0},
        {"a = 1 # x", NULL, 0},
        {"a = @'x'", NULL, 0},
        {"a = 'x", NULL, 0},
        {"a = `x", NULL, 0},
        {"a = \x01", NULL, 0},
        {"SELECT a '\x01'", NULL, 0},
        {"`\x01`", NULL, 0},
        {"a = \\N", NULL, 0},
    };
    static rw_skeleton s;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rw_ctx ctx = {.charset = RW_CHARSET_SAFE};
        bool some = rw__skeleton(&ctx, b_slice_str(rows[i].sql), &s);
        bool right = some == (rows[i].skeleton != NULL);
        if (right && some)
            right = b_slice_eq(b_slice_of(s.text, s.n), b_slice_str(rows[i].skeleton)) &&
                    s.nvalues == rows[i].values;
        if (!right) fail_msg("%s: %d, %.*s", rows[i].sql, some, (int)s.n, s.text);
    }
}

/* The tests above would pass without it, too. */
static void it_is_used(void **state)
{
    (void)state;
    static rw_quick q;
    world w;
    b_slice sql = B_LIT("UPDATE t SET b = 'x', n = n + 1 WHERE id = 1"),
            other = B_LIT("UPDATE t SET b = 'long''er', n = n + 5 WHERE id = 1234");
    rw_tokens t;
    rw_plan plan;
    rw_result res = {.sql = {"", 0}};
    start(&w, RW_MYSQL, RW_DUAL_WRITE, true);
    w.ctx = context(0);
    assert_true(rw__plans_init(&q.plans, 10));
    assert_null(rw__quick_find(&q, w.r, &w.ctx, sql));
    assert_int_equal(rw_lex(&w.ctx, rw_catalog_server(rw_ruleset_catalog(w.r)), sql, w.a, &t), B_OK);
    assert_int_equal(rw__plan(w.r, &w.ctx, &t, w.a, &plan), B_OK);
    rw__quick_add(&q, w.r, &w.ctx, &t, &plan, 7, w.a);
    rw_entry *e = rw__quick_find(&q, w.r, &w.ctx, other);
    assert_non_null(e);
    assert_int_equal(rw__quick_apply(&q, e, other, w.a, &res), B_OK);
    assert_true(b_slice_find(res.sql, B_LIT("'long''er'")) != (size_t)-1);
    w.ctx.sql_mode |= RW_MODE_ANSI_QUOTES;
    assert_null(rw__quick_find(&q, w.r, &w.ctx, other));
    rw__plans_deinit(&q.plans);
    stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(skeletons),
        cmocka_unit_test(it_is_used),
        cmocka_unit_test(each_after_all),
        cmocka_unit_test(any_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
