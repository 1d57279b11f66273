/* Regex rules: what they match, what they make of it, where they stop, and that no pattern takes long. */
#include "rewrite/regex_rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

/* What is not said of a rule. */
static rw_regex_rule filled(rw_regex_rule r)
{
    if (r.name.n == 0) r.name = B_LIT("r");
    if (r.max_bytes == 0) r.max_bytes = 65536;
    if (r.order == 0) r.order = 1000;
    r.enabled = true;
    return r;
}

#define RULE(...) filled((rw_regex_rule){__VA_ARGS__})

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

typedef struct world {
    b_arena *arena;
    rw_matcher *m;
    rw_ctx ctx;
    rw_regex_who who;
    rw_regex_result r;
} world;

static int start(void **state)
{
    world *w = calloc(1, sizeof *w);
    w->arena = b_arena_new(0);
    w->m = rw_matcher_new(cpu_ns);
    w->ctx = (rw_ctx){.schema = B_LIT("shop")};
    w->who = (rw_regex_who){
        .ctx = &w->ctx, .server = {RW_MARIADB, 101119, 0}, .user = B_LIT("app"), .program = B_LIT("report")};
    *state = w;
    return w->arena == NULL || w->m == NULL;
}

static int stop(void **state)
{
    world *w = *state;
    b_arena_free(w->arena);
    rw_matcher_free(w->m);
    free(w);
    return 0;
}

static void run(world *w, const rw_regex_rule *v, size_t n, b_slice sql)
{
    b_err err = {0};
    rw_regex_rules *set = rw_regex_rules_new(v, n, &err);
    if (set == NULL) fail_msg("%s", err.msg);
    b_arena_reset(w->arena);
    assert_int_equal(rw_regex_apply(set, w->m, &w->who, sql, w->arena, &w->r), B_OK);
    rw_regex_rules_unref(set);
}

static void becomes(world *w, const rw_regex_rule *v, size_t n, const char *sql, const char *want)
{
    run(w, v, n, b_slice_str(sql));
    if (!b_slice_eq(w->r.res.sql, b_slice_str(want)))
        fail_msg("%s became %.*s %.*s", sql, B_ARG(w->r.res.sql), B_ARG(w->r.res.message));
}

/* ---- what a rule does ---- */

static void test_replaces(void **state)
{
    static const struct {
        const char *text, *replace, *sql, *want;
    } rows[] = {
        {"orders", "orders_v2", "SELECT * FROM orders, orders o", "SELECT * FROM orders_v2, orders_v2 o"},
        {"^SELECT (.*) FROM (\\w+)$", "SELECT $1 FROM $2 LIMIT 5", "SELECT a FROM t",
         "SELECT a FROM t LIMIT 5"},
        {"(?<a>\\d+)-(?<b>\\d+)", "${b}$$${a}${2}", "1-23", "23$123"},
        {"(a)|b", "<$1>", "ab", "<a><>"},
        {"x*", "-", "axb", "-a--b-"},
        {"$", "!", "abc", "abc!"},
        {"(?i)Select", "", "SELECT select 1", "  1"},
        {"no match", "x", "SELECT 1", "SELECT 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rw_regex_rule r = RULE(.text = b_slice_str(rows[i].text), .replace = b_slice_str(rows[i].replace));
        becomes(*state, &r, 1, rows[i].sql, rows[i].want);
    }
}

static void test_nul_bytes(void **state)
{
    world *w = *state;
    static const char sql[] = "SELECT 'a\0b', c";
    static const char want[] = "SELECT 'a\0b', d\0";
    rw_regex_rule r = RULE(.text = B_LIT("(\\x00.*), c$"), .replace = B_LIT("$1, d"));
    run(w, &r, 1, B_LIT(sql));
    assert_true(w->r.res.sql.n == sizeof want - 2 && memcmp(w->r.res.sql.p, want, sizeof want - 2) == 0);
}

static void test_conditions(void **state)
{
    static const struct {
        rw_regex_rule r;
        bool matches;
    } rows[] = {
        {{.user = {"app", 3}}, true},
        {{.user = {"ap", 2}}, false}, /* the whole name */
        {{.user = {"a.*|root", 8}}, true},
        {{.schema = {"shop", 4}, .program = {"report", 6}}, true},
        {{.schema = {"shop", 4}, .program = {"other", 5}}, false},
        {{.digest_text = {"^SELECT \\? FROM t$", 18}}, true},
        {{.digest_text = {"FROM$", 5}}, false},
        {{.digest = {"0000000000000001", 16}}, false},
        {{.text = {"5", 1}}, true},
        {{.text = {"^5", 2}}, false},
    };
    world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rw_regex_rule r = rows[i].r;
        r.name = B_LIT("r"), r.enabled = true, r.max_bytes = 1000, r.action = RW_REGEX_COUNT;
        run(w, &r, 1, B_LIT("SELECT 5  FROM t"));
        if ((w->r.nhits == 1) != rows[i].matches) fail_msg("row %zu", i);
        assert_int_equal(w->r.res.verdict, RW_PASS);
    }
}

/* The digest is the one that SHOW USAGE shows. */
static void test_digest(void **state)
{
    world *w = *state;
    b_err err = {0};
    rw_catalog_builder *b = rw_catalog_builder_new(w->who.server);
    rw_catalog *c = rw_catalog_build(b);
    rw_ruleset *rules = rw_ruleset_new(1, c, NULL, 0, &err);
    rw_result res;
    char digest[32];
    assert_int_equal(rw_rewrite(rules, &w->ctx, B_LIT("SELECT 7 FROM t"), w->arena, &res), B_OK);
    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)res.digest);
    rw_ruleset_unref(rules);
    rw_catalog_unref(c);
    rw_regex_rule r = RULE(.digest = b_slice_str(digest), .action = RW_REGEX_REFUSE, .message = B_LIT("no"));
    run(w, &r, 1, B_LIT("SELECT 'x'   FROM t"));
    assert_int_equal(w->r.res.verdict, RW_REFUSED);
    assert_string_equal(w->r.res.code, "regex_rule");
    assert_true(b_slice_eq(w->r.res.message, B_LIT("straddle: no (rule r)")));
    run(w, &r, 1, B_LIT("SELECT 'x' FROM u"));
    assert_int_equal(w->r.res.verdict, RW_PASS);
}

static void test_order_and_chain(void **state)
{
    rw_regex_rule v[] = {
        RULE(.name = B_LIT("z"), .order = 1, .text = B_LIT("a"), .replace = B_LIT("b"), .chain = true),
        RULE(.name = B_LIT("y"), .order = 2, .text = B_LIT("b"), .replace = B_LIT("c")),
        RULE(.name = B_LIT("x"), .order = 3, .text = B_LIT("c"), .replace = B_LIT("d"))};
    world *w = *state;
    becomes(w, v, 3, "a", "c");
    assert_int_equal(w->r.nhits, 2);
    v[1].chain = true;
    becomes(w, v, 3, "a", "d");
    v[0].order = 5; /* now the last */
    becomes(w, v, 3, "a", "b");
    v[0].enabled = false;
    becomes(w, v, 3, "a", "a");
    w->who.also = B_LIT("Z"); /* tried all the same */
    becomes(w, v, 3, "a", "b");
}

/* ---- placeholders ---- */

static void test_placeholders(void **state)
{
    static const struct {
        const char *text, *replace, *want;
    } rows[] = {
        {"LIMIT 1", "LIMIT 2", "0,1"},
        {"a = (\\?) AND b = (\\?)", "b = $2 AND a = $1", "1,0"},
        {"a = (\\?)", "a = $1 OR c = $1", "0,0,1"},
        {"a = \\? AND ", "", "1"},
        {"b = \\?", "b = ?", "adds a placeholder"},
        {"b = \\?", "b = '?'", "0"},
    };
    world *w = *state;
    w->ctx.prepared = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rw_regex_rule r = RULE(.text = b_slice_str(rows[i].text), .replace = b_slice_str(rows[i].replace));
        char got[64] = "";
        run(w, &r, 1, B_LIT("SELECT '?' FROM t WHERE a = ? AND b = ? LIMIT 1"));
        if (w->r.res.verdict == RW_REFUSED) {
            assert_non_null(strstr(w->r.res.message.p, rows[i].want));
            continue;
        }
        const rw_param_map *m = &w->r.res.params;
        assert_int_equal(m->nin, 2);
        for (uint32_t k = 0; k < m->nout; k++)
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s%u", k > 0 ? "," : "",
                     (unsigned)m->source[k]);
        assert_string_equal(got, rows[i].want);
        assert_int_equal(m->identity, strcmp(got, "0,1") == 0);
    }
}

/* ---- errors ---- */

static void test_bad_definitions(void **state)
{
    static const struct {
        rw_regex_rule r;
        const char *want;
    } rows[] = {
        {{.text = {"a(b", 3}}, "rule r: text: missing closing parenthesis (at offset 3"},
        {{.user = {"[z-a]", 5}, .action = RW_REGEX_COUNT}, "rule r: user: range out of order"},
        {{.text = {"a", 1}, .replace = {"$1", 2}}, "there is no group 1, the pattern has 0 (at offset 0"},
        {{.text = {"a", 1}, .replace = {"b$", 2}}, "a dollar that names no group (at offset 1"},
        {{.text = {"a", 1}, .replace = {"${x}", 4}}, "not one group of the name x"},
        {{.text = {"a\\Gb", 4}}, "\\G is not to be used here (at offset 1"},
        {{.action = RW_REGEX_COUNT}, "match every statement"},
        {{.user = {"a", 1}}, "needs text"},
        {{.text = {"a", 1}, .action = RW_REGEX_REFUSE}, "needs the message"},
        {{.digest = {"12", 2}, .action = RW_REGEX_LOG}, "16 hexadecimal digits"},
        {{.text = {"a", 1}, .action = RW_REGEX_LOG, .replace = {"x", 1}}, "set action: rewrite"},
        {{.text = {"(*UTF)a", 7}}, "rule r: text:"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        b_err err = {0};
        rw_regex_rule r = rows[i].r;
        r.name = B_LIT("r"), r.max_bytes = 100;
        assert_null(rw_regex_rules_new(&r, 1, &err));
        if (strstr(err.msg, rows[i].want) == NULL) fail_msg("row %zu: %s", i, err.msg);
    }
    rw_regex_rule twice[2] = {RULE(.text = B_LIT("a")), RULE(.text = B_LIT("b"))};
    b_err err = {0};
    assert_null(rw_regex_rules_new(twice, 2, &err));
    assert_non_null(strstr(err.msg, "there twice"));
}

static void test_half_a_character(void **state)
{
    world *w = *state;
    rw_regex_rule r = RULE(.text = B_LIT("`"), .replace = B_LIT("'"));
    w->ctx.charset = RW_CHARSET_BIG5;
    becomes(w, &r, 1, "SELECT `a`", "SELECT 'a'");
    run(w, &r, 1, B_LIT("SELECT \xe6`"));
    assert_string_equal(w->r.res.code, "regex_error");
    assert_int_equal(w->r.hits[0].erred, true);
}

static void test_long_statements(void **state)
{
    world *w = *state;
    rw_regex_rule r = RULE(.text = B_LIT("a"), .replace = B_LIT("b"), .max_bytes = 4);
    becomes(w, &r, 1, "xxxa", "xxxb");
    run(w, &r, 1, B_LIT("xxxxa"));
    assert_int_equal(w->r.res.verdict, RW_REFUSED);
    assert_non_null(strstr(w->r.res.message.p, "max_bytes"));
    r.pass_on_error = true;
    becomes(w, &r, 1, "xxxxa", "xxxxa");
    assert_true(w->r.nhits == 1 && w->r.hits[0].erred);
    r.user = B_LIT("other"); /* is not looked at at all */
    becomes(w, &r, 1, "xxxxa", "xxxxa");
    assert_int_equal(w->r.nhits, 0);
}

/* ---- no pattern takes long ---- */

enum { MOST_MS = 400 }; /* several times what is allowed, for sanitizers and slow machines */

static void test_catastrophic_patterns(void **state)
{
    static const struct {
        const char *pattern;
        char fill;
        size_t n;
    } rows[] = {
        {"(a+)+$", 'a', 30},
        {"(a+)+$", 'a', 2000},
        {"(a+)+$", 'a', 60000},
        {"(a|aa)+!", 'a', 60000},
        {"(.*)(.*)(.*)(.*)x", 'a', 60000},
        {"\\w+=", 'a', 60000},
        {"^(a+)+$", 'a', 60000},
        {"((a{1,50}){1,50}){1,50}!", 'a', 5000},
        {"(x+x+)+y", 'x', 1000000},
        {"(?:a?){50}a{50}!", 'a', 100},
        {"\\w+=", 'a', 1000000},
    };
    world *w = *state;
    static char sql[1000010];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rw_regex_rule v[20];
        memset(sql, rows[i].fill, rows[i].n);
        sql[rows[i].n] = 'b';
        for (size_t k = 0; k < 20; k++) {
            static char names[20][8];
            snprintf(names[k], sizeof names[k], "r%zu", k);
            v[k] = RULE(.text = b_slice_str(rows[i].pattern), .max_bytes = RW_REGEX_MAX_BYTES,
                        .pass_on_error = true);
            v[k].name = b_slice_str(names[k]);
        }
        uint64_t from = cpu_ns();
        run(w, v, 20, b_slice_of(sql, rows[i].n + 1));
        uint64_t ms = (cpu_ns() - from) / 1000000;
        print_message("%-28s %7zu bytes, 20 rules: %llu ms, %zu of them erred\n", rows[i].pattern, rows[i].n,
                      (unsigned long long)ms, w->r.nhits);
        if (ms > MOST_MS) fail_msg("%s took %llu ms", rows[i].pattern, (unsigned long long)ms);
    }
}

/* A match far into a long statement is found, across windows. */
static void test_far_matches(void **state)
{
    world *w = *state;
    static char sql[60001];
    const b_slice near = B_LIT("needle1"), far = B_LIT("needle22");
    rw_regex_rule r = RULE(.text = B_LIT("(?<=a)needle\\d+"), .replace = B_LIT("-"));
    for (size_t at = 3000; at < 3100; at++) {
        memset(sql, 'a', sizeof sql - 1);
        memcpy(sql + at, near.p, near.n);
        memcpy(sql + 59000, far.p, far.n);
        run(w, &r, 1, b_slice_of(sql, 60000));
        assert_int_equal(w->r.res.sql.n, 60000 - 6 - 7);
        assert_true(w->r.res.sql.p[at] == '-' && w->r.res.sql.p[59000 - 6] == '-');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replaces, start, stop),
        cmocka_unit_test_setup_teardown(test_nul_bytes, start, stop),
        cmocka_unit_test_setup_teardown(test_conditions, start, stop),
        cmocka_unit_test_setup_teardown(test_digest, start, stop),
        cmocka_unit_test_setup_teardown(test_order_and_chain, start, stop),
        cmocka_unit_test_setup_teardown(test_placeholders, start, stop),
        cmocka_unit_test(test_bad_definitions),
        cmocka_unit_test_setup_teardown(test_half_a_character, start, stop),
        cmocka_unit_test_setup_teardown(test_long_statements, start, stop),
        cmocka_unit_test_setup_teardown(test_catastrophic_patterns, start, stop),
        cmocka_unit_test_setup_teardown(test_far_matches, start, stop),
    };
    return cmocka_run_group_tests_name("regex rules", tests, NULL, NULL);
}
