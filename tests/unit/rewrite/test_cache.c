/* The plan cache: the same answer with and without it, what shares a plan and what must not, and its bound.
 */
#include "plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const char ddl[] =
    "CREATE TABLE transactions (id int PRIMARY KEY, transaction_type varchar(20), amount int);";

static rw_ruleset *make(uint64_t epoch, rw_phase phase)
{
    rw_server server = {RW_MYSQL, 90704, 0};
    rw_catalog_builder *b = rw_catalog_builder_new(server);
    b_err err = {0};
    assert_int_equal(rw_catalog_read_ddl(b, B_LIT(ddl), B_LIT("shop"), &err), B_OK);
    rw_catalog *c = rw_catalog_build(b);
    const rw_column *a = rw_table_column(rw_catalog_at(c, 0), B_LIT("transaction_type"));
    rw_pair p = {
        .from = B_LIT("transaction_type"), .to = B_LIT("payment_method"), .plain = *a, .after = B_LIT("id")};
    rw_migration m = {.name = B_LIT("m"),
                      .schema = B_LIT("shop"),
                      .table = B_LIT("transactions"),
                      .phase = phase,
                      .pairs = &p,
                      .npairs = 1};
    rw_ruleset *r = rw_ruleset_new(epoch, c, &m, 1, &err);
    if (r == NULL) fail_msg("%s", err.msg);
    rw_catalog_unref(c);
    return r;
}

typedef struct world {
    rw_ruleset *r;
    rw_cache *c;
    b_arena *a, *b;
    rw_ctx ctx;
} world;

static void start(world *w, size_t entries)
{
    *w = (world){
        .r = make(1, RW_PLANNED), .c = rw_cache_new(entries), .a = b_arena_new(0), .b = b_arena_new(0)};
    w->ctx = (rw_ctx){.schema = B_LIT("shop"), .version = RW_VERSION_BOTH, .sql_mode = RW_MODE_STRICT};
}

static void stop(world *w)
{
    rw_ruleset_unref(w->r);
    rw_cache_free(w->c);
    b_arena_free(w->a);
    b_arena_free(w->b);
}

/* Runs sql both ways and compares; true when the plan came from the cache. */
static bool ask(world *w, const char *sql)
{
    rw_result with, without;
    b_arena_reset(w->a);
    b_arena_reset(w->b);
    assert_int_equal(rw_rewrite_cached(w->c, w->r, &w->ctx, b_slice_str(sql), w->a, &with), B_OK);
    assert_int_equal(rw_rewrite(w->r, &w->ctx, b_slice_str(sql), w->b, &without), B_OK);
    assert_int_equal(with.verdict, without.verdict);
    assert_int_equal(with.digest, without.digest);
    assert_int_equal(with.nuses, without.nuses);
    assert_int_equal(with.params.nout, without.params.nout);
    if (!b_slice_eq(with.sql, without.sql))
        fail_msg("%s: cached %.*s, plain %.*s", sql, B_ARG(with.sql), B_ARG(without.sql));
    if (!b_slice_eq(with.message, without.message)) fail_msg("%s: messages differ", sql);
    return with.cached;
}

static void test_same_answer(void **state)
{
    static const char *const groups[][3] = {
        {"SELECT payment_method FROM transactions WHERE id = 1",
         "SELECT payment_method FROM transactions WHERE id = 123456",
         "SELECT payment_method FROM transactions WHERE id = 0"},
        {"SELECT payment_method LIKE 'a%' FROM transactions",
         "SELECT payment_method LIKE 'b' FROM transactions",
         "SELECT payment_method LIKE '' FROM transactions"},
        {"SELECT payment_method FROM transactions ORDER BY id LIMIT 1 OFFSET 2",
         "SELECT payment_method FROM transactions ORDER BY id LIMIT 3 OFFSET 44",
         "SELECT payment_method FROM transactions ORDER BY id LIMIT 0 OFFSET 0"},
        {"INSERT INTO transactions (id, payment_method) VALUES (1, 'a')",
         "INSERT INTO transactions (id, payment_method) VALUES (22, 'bbb')",
         "INSERT INTO transactions (id, payment_method) VALUES (-1, '')"},
        {"ALTER TABLE transactions COMMENT = 'a'", "ALTER TABLE transactions COMMENT = 'b'",
         "ALTER TABLE transactions COMMENT = 'c'"},
    };
    (void)state;
    world w;
    start(&w, 100);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        assert_false(ask(&w, groups[i][0]));
        bool second = ask(&w, groups[i][1]), third = ask(&w, groups[i][2]);
        if (i < 4 && (!second || (!third && i != 3))) fail_msg("not cached: %s", groups[i][1]);
    }
    assert_true(rw_cache_get_stats(w.c).hits >= 5);
    stop(&w);
}

/* Each pair differs in something that a plan may depend on. */
static void test_not_shared(void **state)
{
    static const char *const pairs[][2] = {
        {"SELECT payment_method 'a' FROM transactions", "SELECT payment_method 'b' FROM transactions"},
        {"SELECT payment_method AS 'a' FROM transactions", "SELECT payment_method AS 'b' FROM transactions"},
        {"SELECT id, payment_method FROM transactions ORDER BY 1",
         "SELECT id, payment_method FROM transactions ORDER BY 2"},
        {"SELECT id, payment_method FROM transactions ORDER BY id, 1",
         "SELECT id, payment_method FROM transactions ORDER BY id, 2"},
        {"SELECT 1 'payment_method' FROM transactions", "SELECT 1 'x' FROM transactions"},
        {"SELECT (SELECT payment_method FROM (SELECT {d '2020-01-01'} 'foo') d) FROM transactions",
         "SELECT (SELECT payment_method FROM (SELECT {d '2020-01-01'} 'payment_method') d) FROM "
         "transactions"},
        {"SELECT (SELECT payment_method FROM (SELECT offset 'foo' FROM o) d) FROM transactions",
         "SELECT (SELECT payment_method FROM (SELECT offset 'payment_method' FROM o) d) FROM transactions"},
        {"SELECT (SELECT payment_method FROM (SELECT t . where 'foo' FROM t) d) FROM transactions",
         "SELECT (SELECT payment_method FROM (SELECT t . where 'payment_method' FROM t) d) FROM "
         "transactions"},
        {"SELECT payment_method FROM transactions", "SELECT Payment_Method FROM transactions"},
        {"SELECT max(payment_method) FROM transactions", "SELECT max (payment_method) FROM transactions"},
        {"SELECT payment_method FROM transactions WHERE id = 1",
         "SELECT payment_method FROM transactions WHERE id = '1'"},
    };
    (void)state;
    world w;
    start(&w, 100);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        (void)ask(&w, pairs[i][0]);
        if (ask(&w, pairs[i][1])) fail_msg("shared: %s", pairs[i][1]);
    }
    stop(&w);
}

static void test_context(void **state)
{
    (void)state;
    world w;
    static const char sql[] = "SELECT * FROM transactions";
    start(&w, 100);
    assert_false(ask(&w, sql));
    assert_true(ask(&w, sql));
    w.ctx.version = RW_VERSION_OLD;
    assert_false(ask(&w, sql));
    w.ctx.sql_mode |= RW_MODE_ANSI_QUOTES;
    assert_false(ask(&w, sql));
    w.ctx.schema = B_LIT("other");
    assert_false(ask(&w, sql));
    w.ctx.schema = B_LIT("shop");
    assert_true(ask(&w, sql));
    rw_table_name temp = {B_LIT("shop"), B_LIT("transactions")};
    w.ctx.temps = &temp;
    w.ctx.ntemps = 1;
    assert_false(ask(&w, sql));
    w.ctx.ntemps = 0;
    w.ctx.prepared = true;
    assert_false(ask(&w, sql));
    rw_ruleset_unref(w.r);
    w.r = make(2, RW_PLANNED);
    assert_false(ask(&w, sql)); /* another epoch */
    stop(&w);
}

static void test_bound(void **state)
{
    (void)state;
    world w;
    start(&w, 4);
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < 50; i++) {
            char sql[100];
            snprintf(sql, sizeof sql, "SELECT payment_method AS c%d FROM transactions", i);
            (void)ask(&w, sql);
            assert_true(ask(&w, sql));
        }
    }
    rw_cache_stats s = rw_cache_get_stats(w.c);
    assert_int_equal(s.entries, 4);
    assert_int_equal(s.hits + s.misses, 300);
    assert_true(s.hits >= 150 && s.misses >= 100);
    assert_int_equal(s.misses - s.evictions, 4);
    stop(&w);
}

static void test_long(void **state)
{
    (void)state;
    world w;
    static char sql[40000];
    size_t n = (size_t)snprintf(sql, sizeof sql, "SELECT payment_method FROM transactions WHERE id IN (1");
    while (n < sizeof sql - 20) n += (size_t)snprintf(sql + n, sizeof sql - n, ", 23");
    snprintf(sql + n, sizeof sql - n, ")");
    start(&w, 10);
    assert_false(ask(&w, sql));
    assert_false(ask(&w, sql));
    assert_int_equal(rw_cache_get_stats(w.c).entries, 0);
    assert_int_equal(rw_cache_get_stats(w.c).uncacheable, 2);
    stop(&w);
}

/* ---- rows that are passed over ---- */

static b_slice rows(b_arena *a, const char *head, const char *row, size_t n, const char *tail)
{
    b_buf b = {0};
    b_buf_str(&b, head);
    for (size_t i = 0; i < n; i++) b_buf_printf(&b, "%s%s", i == 0 ? "" : i % 2 ? ", " : " ,\n", row);
    b_buf_str(&b, tail);
    b_slice s = b_arena_dup(a, b_buf_view(&b));
    b_buf_deinit(&b);
    return s;
}

/* Without the cache, and cut to its end. */
static void whole(world *w, b_slice sql, rw_result *out)
{
    rw_tokens t;
    rw_plan plan;
    *out = (rw_result){.sql = {"", 0}};
    assert_int_equal(rw_lex(&w->ctx, rw_catalog_server(rw_ruleset_catalog(w->r)), sql, w->b, &t), B_OK);
    assert_int_equal(rw__plan(w->r, &w->ctx, &t, w->b, &plan), B_OK);
    assert_int_equal(rw__finish(w->r, &w->ctx, &t, &plan, w->b, out), B_OK);
}

static void test_many_rows(void **state)
{
    static const struct {
        const char *head, *row, *odd, *tail;
    } cases[] = {
        {"INSERT INTO transactions (id, payment_method) VALUES ", "(1, 'a')", "(NULL, 'a')", ""},
        {"INSERT INTO transactions (id, payment_method) VALUES ", "(-1.5, 'it''s \\' (')", "(1, 'x' 'y')",
         ""},
        {"INSERT INTO transactions (id, payment_method) VALUES ", "(1, 'a')", "(1, 'a' COLLATE x)", ""},
        {"INSERT INTO transactions (id, payment_method) VALUES ", "(1, 'a')", "(1e5, 0x41)", ""},
        {"INSERT INTO transactions VALUES", "(1,'a',NULL)", "(1,payment_method,2)", ""},
        {"REPLACE transactions (id, payment_method, amount) VALUE ", "(1,DEFAULT,-3)", "(1,2 /* ' */ , 3)",
         ""},
        {"INSERT INTO transactions (id, payment_method) VALUES ", "(1, 'a')", "(2, (SELECT 1))",
         " ON DUPLICATE KEY UPDATE payment_method = VALUES(payment_method)"},
        {"INSERT INTO transactions (id) VALUES ", "(1)", "(?)", ""},
        {"INSERT INTO other VALUES ", "(1)", "(payment_method)",
         "; UPDATE transactions SET payment_method = 1"},
        {"INSERT INTO transactions (id, payment_method) VALUES ", "(1, 'a')", "(2, 'b", ""},
        {"INSERT INTO transactions (id, payment_method, transaction_type) VALUES ", "(1, 'a', 'a')",
         "(1, 'a', 'b')", ""},
        {"INSERT INTO transactions (id, payment_method) VALUES ", "(1, 'a')", "(2)", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world w;
        rw_result folded, again, plain;
        start(&w, 10);
        w.ctx.multi = true;
        for (int odd = 0; odd < 2; odd++) {
            b_buf last = {0};
            b_buf_printf(&last, "%s%s%s", odd ? ", " : "", odd ? cases[i].odd : "", cases[i].tail);
            b_slice sql = rows(w.b, cases[i].head, cases[i].row, 500, b_buf_cstr(&last));
            b_buf_deinit(&last);
            whole(&w, sql, &plain);
            assert_int_equal(rw_rewrite_cached(w.c, w.r, &w.ctx, sql, w.a, &folded), B_OK);
            assert_int_equal(rw_rewrite_cached(w.c, w.r, &w.ctx, sql, w.a, &again), B_OK);
            if (folded.verdict != plain.verdict || !b_slice_eq(folded.sql, plain.sql) ||
                !b_slice_eq(again.sql, plain.sql) || folded.params.nout != plain.params.nout)
                fail_msg("case %zu, %d: %d %.*s", i, odd, (int)folded.verdict, B_ARG(folded.message));
        }
        stop(&w);
    }
}

/* Rows that are alike cost no tokens: half a million of them take little more memory than their bytes. */
static void test_rows_are_passed_over(void **state)
{
    world w;
    rw_result res;
    (void)state;
    start(&w, 10);
    b_slice sql = rows(w.b, "INSERT INTO transactions (id, payment_method) VALUES ", "(1, 'a')", 500000, "");
    assert_int_equal(rw_rewrite_cached(w.c, w.r, &w.ctx, sql, w.a, &res), B_OK);
    assert_int_equal(res.verdict, RW_REWRITTEN);
    assert_true(b_arena_used(w.a) < sql.n + (64 << 10));
    stop(&w);
}

/* ---- no memory is asked for where the plan is there ---- */

static size_t allocations; /* counted by the wrappers below */

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n)
{
    allocations++;
    return __real_malloc(n);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    allocations++;
    return __real_calloc(n, size);
}

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n)
{
    allocations++;
    return __real_realloc(p, n);
}

static void test_no_allocation(void **state)
{
    static const char *const sql[] = {
        "SELECT payment_method FROM transactions WHERE payment_method = 'a' AND id BETWEEN 4 AND 5 LIMIT 3",
        "UPDATE transactions SET payment_method = 'b' WHERE id = 7",
        "INSERT INTO transactions (id, payment_method) VALUES (1, 'a'), (2, 'b')"};
    world w;
    rw_result res;
    (void)state;
    start(&w, 10);
    assert_true(allocations > 0); /* they are counted */
    for (int round = 0; round < 100; round++) {
        if (round == 5) allocations = 0;
        for (size_t i = 0; i < sizeof sql / sizeof *sql; i++) {
            b_arena_reset(w.a);
            assert_true(rw_may_touch(w.r, w.ctx.charset, b_slice_str(sql[i])));
            assert_int_equal(rw_rewrite_cached(w.c, w.r, &w.ctx, b_slice_str(sql[i]), w.a, &res), B_OK);
            assert_true(res.verdict == RW_REWRITTEN && (round == 0 || res.cached));
        }
    }
    assert_int_equal(allocations, 0);
    stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_answer),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_rows_are_passed_over),
        cmocka_unit_test(test_no_allocation),
        cmocka_unit_test(test_not_shared),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
