/* rw_may_touch: what it must find, and that on random text it agrees with the simplest search there is. */
#include "rewrite/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const char ddl[] =
    "CREATE TABLE transactions (a int); CREATE TABLE ab (a int); CREATE TABLE x (a int);"
    "CREATE TABLE other (a int); CREATE VIEW lately AS SELECT a FROM transactions;"
    "CREATE VIEW deeper AS SELECT a FROM lately; CREATE VIEW far AS SELECT a FROM other;"
    "CREATE VIEW `caf\xC3\xA9s` AS SELECT a FROM ab; CREATE TABLE kiln (a int);";

static rw_ruleset *make(const char *const *tables, size_t n, rw_phase phase, int fold)
{
    rw_server server = {RW_MYSQL, 90704, fold};
    rw_catalog_builder *b = rw_catalog_builder_new(server);
    b_err err = {0};
    assert_int_equal(rw_catalog_read_ddl(b, B_LIT(ddl), B_LIT("shop"), &err), B_OK);
    rw_catalog *c = rw_catalog_build(b);
    rw_pair p = {.from = B_LIT("a"), .to = B_LIT("b")};
    rw_migration m[4];
    for (size_t i = 0; i < n; i++)
        m[i] = (rw_migration){.name = B_LIT("m"),
                              .schema = B_LIT("shop"),
                              .table = b_slice_str(tables[i]),
                              .phase = phase,
                              .pairs = &p,
                              .npairs = 1};
    rw_ruleset *r = rw_ruleset_new(1, c, m, n, &err);
    if (r == NULL) fail_msg("%s", err.msg);
    rw_catalog_unref(c);
    return r;
}

static void test_finds(void **state)
{
    static const struct {
        b_slice sql;
        bool want;
    } cases[] = {
        {B_LIT(""), false},
        {B_LIT("SELECT 1"), false},
        {B_LIT("transactions"), true},
        {B_LIT("SELECT * FROM Transactions"), true},
        {B_LIT("SELECT * FROM `tranSACTions`"), true},
        {B_LIT("SELECT * FROM transaction"), false},
        {B_LIT("SELECT * FROM transactio ns"), false},
        {B_LIT("xtransactionsx"), true},
        {B_LIT("SELECT * FROM other, far"), false},
        {B_LIT("SELECT * FROM lately"), true},
        {B_LIT("SELECT * FROM DEEPER"), true},
        {B_LIT("Prepare s FROM @x"), true},
        {B_LIT("EXECUTE IMMEDIATE @x"), true},
        {B_LIT("CREATE TEMPORARY TABLE y (a int)"), true},
        {B_LIT("SET session_track_schema = 0"), true},
        {B_LIT("SELECT * FROM Information_Schema.COLUMNS"), true},
        {B_LIT("a\0b transactions"), true},
        {B_LIT("ttransactions"), true},
        {B_LIT("transaction\xC5\xBF"), false},
    };
    (void)state;
    static const char *const tables[] = {"transactions"};
    rw_ruleset *r = make(tables, 1, RW_PLANNED, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (rw_may_touch(r, RW_CHARSET_SAFE, cases[i].sql) != cases[i].want)
            fail_msg("%.*s", B_ARG(cases[i].sql));
    }
    rw_ruleset_unref(r);
}

static void test_special(void **state)
{
    (void)state;
    static const char *const ab[] = {"ab"}, *const x[] = {"x"}, *const kiln[] = {"kiln"};
    rw_ruleset *r = make(ab, 1, RW_PLANNED, 0); /* a view over it is called cafés */
    assert_true(rw_may_touch(r, RW_CHARSET_SAFE, B_LIT("select * from `caf\xE9s`")));
    assert_true(rw_may_touch(r, RW_CHARSET_SAFE, B_LIT("grAB")));
    assert_false(rw_may_touch(r, RW_CHARSET_SAFE, B_LIT("a b")));
    rw_ruleset_unref(r);
    r = make(x, 1, RW_PLANNED, 0);
    assert_true(rw_may_touch(r, RW_CHARSET_SAFE, B_LIT("selectX")));
    assert_false(rw_may_touch(r, RW_CHARSET_SAFE, B_LIT("select")));
    rw_ruleset_unref(r);
    r = make(ab, 1, RW_FINISHED, 0);
    assert_false(rw_may_touch(r, RW_CHARSET_SAFE, B_LIT("PREPARE ab")));
    rw_ruleset_unref(r);
    r = make(NULL, 0, RW_PLANNED, 0);
    assert_false(rw_may_touch(r, RW_CHARSET_SAFE, B_LIT("PREPARE s FROM 'x'")));
    rw_ruleset_unref(r);
    /* With lower_case_table_names the Kelvin sign is a k. */
    r = make(kiln, 1, RW_PLANNED, 1);
    assert_true(rw_may_touch(r, RW_CHARSET_SAFE, B_LIT("\xE2\x84\xAAiln")));
    rw_ruleset_unref(r);
    r = make(kiln, 1, RW_PLANNED, 1);
    /* In other character sets it may be any byte outside ASCII. */
    assert_true(rw_may_touch(r, RW_CHARSET_GB18030, B_LIT("\x81\x36\xBF\x32iln")));
    assert_true(rw_may_touch(r, RW_CHARSET_SINGLE, B_LIT("\xDD")));
    assert_false(rw_may_touch(r, RW_CHARSET_SINGLE, B_LIT("ilm")));
    assert_false(rw_may_touch(r, RW_CHARSET_SAFE, B_LIT("\xC3\xA9iln")));
    rw_ruleset_unref(r);
    r = make(kiln, 1, RW_PLANNED, 0);
    assert_false(rw_may_touch(r, RW_CHARSET_SINGLE, B_LIT("\xDD")));
    assert_false(rw_may_touch(r, RW_CHARSET_SAFE, B_LIT("\xE2\x84\xAAiln")));
    rw_ruleset_unref(r);
}

/* What the server takes for the table is the table, however it is spelled. */
static void test_folded_names(void **state)
{
    static const struct {
        const char *charset, *sql;
        int fold;
        rw_verdict want;
    } cases[] = {
        {"utf8mb4", "UPDATE shop.TRANSACT\xC4\xB0ONS SET b = 1", 1, RW_REFUSED},
        {"utf8mb4", "UPDATE TRANSACT\xC4\xB0ONS SET b = 1", 2, RW_REFUSED},
        {"utf8mb4",
         "UPDATE `\xE2\x84\xAA"
         "iln` SET b = 1",
         1, RW_REFUSED},
        {"utf8mb4", "UPDATE shop.TRANSACT\xC4\xB0ONS SET b = 1", 0, RW_PASS},
        {"utf8mb4", "UPDATE elsewhere.TRANSACT\xC4\xB0ONS SET b = 1", 1, RW_PASS},
        {"utf8mb4", "UPDATE TRANSACT\xC4\xB0ON SET b = 1", 1, RW_PASS},
        {"latin5", "UPDATE TRANSACT\xDDONS SET b = 1", 1, RW_REFUSED},
        {"latin5",
         "UPDATE TRANSACT\xDE"
         "ONS SET b = 1",
         1, RW_PASS},
        {"gb18030", "UPDATE `\x81\x36\xBF\x32iln` SET b = 1", 1, RW_REFUSED},
        {"utf8mb4", "SELECT k\xC4\xB0.b FROM kiln AS ki", 1, RW_REWRITTEN},
        {"utf8mb4", "CREATE TEMPORARY TABLE x LIKE TRANSACT\xC4\xB0ONS", 1, RW_REFUSED},
    };
    static const char *const tables[] = {"transactions", "kiln"};
    (void)state;
    b_arena *arena = b_arena_new(0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rw_ruleset *r = make(tables, 2, RW_PLANNED, cases[i].fold);
        b_slice charset = b_slice_str(cases[i].charset), sql = b_slice_str(cases[i].sql);
        rw_ctx ctx = {.schema = B_LIT("shop"),
                      .charset = rw_charset_parse(charset),
                      .spelling = rw_charset_number(charset)};
        rw_result res = {.verdict = RW_PASS};
        if (rw_may_touch(r, ctx.charset, sql)) assert_int_equal(rw_rewrite(r, &ctx, sql, arena, &res), B_OK);
        if (res.verdict != cases[i].want)
            fail_msg("%zu: %s: %d %.*s", i, cases[i].sql, (int)res.verdict, B_ARG(res.message));
        rw_ruleset_unref(r);
    }
    b_arena_free(arena);
}

static bool naive(const char *const *names, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(names[i]);
        for (const char *p = text; *p != '\0'; p++) {
            if (strlen(p) >= len && b_slice_ieq((b_slice){p, len}, (b_slice){names[i], len})) return true;
        }
    }
    return false;
}

/* Against the naive search; first: 0 with a two-letter name among them, 1 without, which is another method.
 */
static void compare(size_t first, const char *alphabet, size_t letters, int rounds)
{
    static const char *const tables[] = {"ab", "transactions", "other"};
    static const char *const names[] = {"ab",        "caf",       "transactions",  "other",
                                        "lately",    "deeper",    "far",           "prepare",
                                        "immediate", "temporary", "session_track", "information_schema"};
    rw_ruleset *r = make(tables + first, 3 - first, RW_PLANNED, 0);
    uint64_t seed = 12345;
    int found = 0;
    for (int i = 0; i < rounds; i++) {
        char text[160];
        size_t n = (size_t)(i % 150);
        for (size_t k = 0; k < n; k++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            text[k] = alphabet[(seed >> 33) % letters];
        }
        if (n > 12 && i % 3 == 0) { /* a whole name somewhere, the end included */
            const char *name = names[(size_t)i / 3 % (sizeof names / sizeof names[0])];
            size_t len = strlen(name);
            if (len <= n) memcpy(text + (seed >> 20) % (n - len + 1), name, len);
        }
        text[n] = '\0';
        bool want = naive(names + 2 * first, sizeof names / sizeof names[0] - 2 * first, text);
        found += want;
        if (rw_may_touch(r, RW_CHARSET_SAFE, b_slice_str(text)) != want) fail_msg("`%s`", text);
    }
    assert_true(found > rounds / 20 && found < rounds);
    rw_ruleset_unref(r);
}

static void test_random(void **state)
{
    (void)state;
    compare(0, "aAcCtTrRfFoOnshe \xC3", 17, 20000);
    compare(1, "aAbBtTrRfFoOcnshe \xC3", 19, 30000);
    compare(1, "qwertyuiopasdfghjklzxcvbnm_", 27, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds),
        cmocka_unit_test(test_special),
        cmocka_unit_test(test_folded_names),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
