/* The lexer against what MySQL 9.7 and MariaDB 10.11 were seen to do with the same bytes. */
#include "spelling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const rw_server mysql = {RW_MYSQL, 90704, 0}, mariadb = {RW_MARIADB, 101119, 0};

typedef struct row {
    const char *sql;
    const char *want; /* one letter a token: i name, k keyword, q quoted name, s string, n number, h hex, p
                         placeholder, u user variable, v @@, o operator, ! bad */
    uint32_t mode;
    rw_charset charset;
    char server; /* M MySQL, A MariaDB, 0 both */
} row;

static const row rows[] = {
/* clang-format off */
#include "lexer_rows.inc"
    /* clang-format on */
};

static char letter(const rw_token *t)
{
    static const char letters[] = ".iqsnhpuvo!";
    if (t->kind == RW_TOK_IDENT && t->word != RW_WORD_NONE && rw__word_reserved(t->word, mysql)) return 'k';
    return letters[t->kind];
}

static void check(const row *r, rw_server server)
{
    b_arena *a = b_arena_new(0);
    rw_ctx ctx = {.sql_mode = r->mode, .charset = r->charset};
    rw_tokens t;
    char got[64];
    uint32_t n = 0;
    assert_int_equal(rw_lex(&ctx, server, b_slice_str(r->sql), a, &t), B_OK);
    for (; n < t.n && n < sizeof got - 1; n++) got[n] = letter(&t.tok[n]);
    got[n] = '\0';
    if (strcmp(got, r->want) != 0)
        fail_msg("%s on %s: got %s, want %s", r->sql, server.flavour == RW_MYSQL ? "MySQL" : "MariaDB", got,
                 r->want);
    assert_int_equal(t.tok[t.n].kind, RW_TOK_END);
    b_arena_free(a);
}

static void test_tokens(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].server != 'A') check(&rows[i], mysql);
        if (rows[i].server != 'M') check(&rows[i], mariadb);
    }
}

static void test_words(void **state)
{
    (void)state;
#define CHECK_WORD(word, reserved)                                                                           \
    assert_int_equal(rw__word_find(#word, sizeof #word - 1), RW_W_##word);                                   \
    assert_string_equal(rw__word_text(RW_W_##word), #word);                                                  \
    assert_int_equal(rw__word_reserved(RW_W_##word, mysql), ((reserved)&1) != 0);
    RW_WORD_LIST(CHECK_WORD)
#undef CHECK_WORD
    assert_int_equal(rw__word_find("sElEcT", 6), RW_W_SELECT);
    assert_int_equal(rw__word_find("selec", 5), RW_WORD_NONE);
    assert_int_equal(rw__word_find("selects", 7), RW_WORD_NONE);
    assert_int_equal(rw__word_find("zzz", 3), RW_WORD_NONE);
    assert_int_equal(rw__word_find("", 0), RW_WORD_NONE);
    assert_true(rw__word_reserved(RW_W_WINDOW, mysql));
    assert_false(rw__word_reserved(RW_W_WINDOW, mariadb));
    assert_true(rw__word_no_table_alias(RW_W_WINDOW, mariadb));
    assert_true(rw__word_reserved(RW_W_OFFSET, mariadb));
    assert_string_equal(rw__word_text(RW_OP_NULL_SAFE_EQ), "<=>");
    assert_string_equal(rw__word_text(RW_OP_COLON), ":");
}

typedef struct name_row {
    const char *token, *want;
    uint32_t mode;
    rw_charset charset;
} name_row;

static void test_names(void **state)
{
    static const name_row names[] = {
        {"abc", "abc", 0, RW_CHARSET_SAFE},
        {"`a``b`", "a`b", 0, RW_CHARSET_SAFE},
        {"`a\"b`", "a\"b", 0, RW_CHARSET_SAFE},
        {"\"a\"\"b`\"", "a\"b`", RW_MODE_ANSI_QUOTES, RW_CHARSET_SAFE},
        {"'a\\n\\'''\\%b'", "a\n''\\%b", 0, RW_CHARSET_SAFE},
        {"'a\\n'", "a\\n", RW_MODE_NO_BACKSLASH_ESCAPES, RW_CHARSET_SAFE},
        {"`\x81\x60`", "\x81\x60", 0, RW_CHARSET_GBK},
        {"'\x81\x5Cn'", "\x81\x5Cn", 0, RW_CHARSET_GBK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        b_arena *a = b_arena_new(0);
        rw_ctx ctx = {.sql_mode = names[i].mode, .charset = names[i].charset};
        rw_tokens t;
        assert_int_equal(rw_lex(&ctx, mysql, b_slice_str(names[i].token), a, &t), B_OK);
        assert_int_equal(t.n, 1);
        b_slice got = rw__token_bytes(&ctx, &t, 0, a);
        if (!b_slice_eq(got, b_slice_str(names[i].want)))
            fail_msg("%s: got %.*s, want %s", names[i].token, B_ARG(got), names[i].want);
        b_arena_free(a);
    }
}

/* Names outside ASCII are told in UTF-8, whatever the client's character set. */
static void test_spelling(void **state)
{
    static const struct {
        const char *charset, *token, *name; /* name NULL: not known */
    } cases[] = {
        {"latin1", "pr\xE9nom", "pr\xC3\xA9nom"},
        {"latin1", "`pr\xE9nom`", "pr\xC3\xA9nom"},
        {"latin1", "`\x80uro`", NULL}, /* no letter */
        {"utf8mb4", "pr\xC3\xA9nom", "pr\xC3\xA9nom"},
        {"binary", "`pr\xC3\xA9nom`", "pr\xC3\xA9nom"},
        {"ascii", "`pr\xE9nom`", NULL},
        {"gbk", "\xC3\xFB", "\xE5\x90\x8D"},
        {"gb18030", "`\x81\x30\x8A\x31`", "\xC3\xA4"},
        {"gb18030", "`\x81\x30\x81\x30`", NULL}, /* a control character */
        {"big5", "`\xA5\x5C`", "\xE5\x8A\x9F"},
        {"sjis", "\x83\x5C", "\xE3\x82\xBD"},
        {"cp932", "\x83\x5C", "\xE3\x82\xBD"},
        {"euckr", "\xB0\xA1", "\xEA\xB0\x80"},
        {"ujis", "\xA5\xBD", "\xE3\x82\xBD"},
        {"eucjpms", "\xA5\xBD", "\xE3\x82\xBD"},
        {"cp1251", "\xE8\xEC\xFF", "\xD0\xB8\xD0\xBC\xD1\x8F"},
        {"koi8r", "\xC9", "\xD0\xB8"},
        {"tis620", "`\xA1`", "\xE0\xB8\x81"},
        {"macroman", "`\x8E`", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        b_arena *a = b_arena_new(0);
        rw_ctx ctx = {.charset = rw_charset_parse(b_slice_str(cases[i].charset)),
                      .spelling = rw_charset_number(b_slice_str(cases[i].charset))};
        rw_tokens t;
        b_slice back;
        assert_int_equal(rw_lex(&ctx, mysql, b_slice_str(cases[i].token), a, &t), B_OK);
        if (t.n != 1 || t.tok[0].kind == RW_TOK_BAD) fail_msg("case %zu is not one name", i);
        b_slice got = rw__token_name(&ctx, &t, 0, a), want = b_slice_str(cases[i].name);
        if (rw__unknown_name(got) != (cases[i].name == NULL)) fail_msg("case %zu: %.*s", i, B_ARG(got));
        if (cases[i].name != NULL) {
            if (!b_slice_eq(got, want)) fail_msg("case %zu: %.*s", i, B_ARG(got));
            assert_int_equal(rw__text_for_client(&ctx, mysql, got, a, &back), B_OK);
            assert_true(b_slice_eq(back, rw__token_bytes(&ctx, &t, 0, a)));
        }
        b_arena_free(a);
    }
}

/* What cannot be said in a character set, or not quoted. */
static void test_unsayable(void **state)
{
    static const struct {
        const char *charset, *text;
        b_status my, ma;
    } cases[] = {
        {"latin1", "`pr\xC3\xA9nom`, b", B_OK, B_OK},
        {"latin1", "`\xE5\x90\x8D`", B_INVALID, B_INVALID},
        {"ascii", "`pr\xC3\xA9nom`", B_INVALID, B_INVALID},
        {"utf8mb4", "`\xF0\x9F\x98\x80`", B_OK, B_OK},
        {"keybcs2", "`\xC3\xA9`", B_INVALID, B_INVALID},
        {"big5", "`\xE5\x8A\x9F`", B_OK, B_OK},
        {"gbk", "`\xE4\xB9\xA3`", B_OK, B_INVALID}, /* U+4E63 is 0x81 0x60: MariaDB would drop what follows */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        b_arena *a = b_arena_new(0);
        rw_ctx ctx = {.charset = rw_charset_parse(b_slice_str(cases[i].charset)),
                      .spelling = rw_charset_number(b_slice_str(cases[i].charset))};
        b_slice out;
        if (rw__text_for_client(&ctx, mysql, b_slice_str(cases[i].text), a, &out) != cases[i].my ||
            rw__text_for_client(&ctx, mariadb, b_slice_str(cases[i].text), a, &out) != cases[i].ma)
            fail_msg("case %zu", i);
        b_arena_free(a);
    }
}

/* Older versions of MySQL were not asked how they read six digits: where five would run, the text is not cut.
 */
static void test_six_digits(void **state)
{
    static const struct {
        const char *sql;
        uint32_t n;
        rw_token_kind last;
    } cases[] = {
        {"1 /*!050000 + 2*/", 2, RW_TOK_BAD},
        {"1 /*!101100 + 2*/", 2, RW_TOK_BAD},
        {"1 /*!999999 + 2*/", 1, RW_TOK_NUMBER},
        {"1 + /*!500001*/", 3, RW_TOK_NUMBER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        b_arena *a = b_arena_new(0);
        rw_ctx ctx = {0};
        rw_server older = {RW_MYSQL, 80036, 0};
        rw_tokens t;
        assert_int_equal(rw_lex(&ctx, older, b_slice_str(cases[i].sql), a, &t), B_OK);
        if (t.n != cases[i].n || t.tok[t.n - 1].kind != cases[i].last) fail_msg("%s", cases[i].sql);
        b_arena_free(a);
    }
}

/* A NUL ends nothing and hides nothing. */
static void test_nul(void **state)
{
    static const struct {
        b_slice sql;
        uint32_t n;
        rw_token_kind last;
    } cases[] = {
        {B_LIT("a \0 b"), 2, RW_TOK_BAD},         {B_LIT("a 'x\0y' b"), 3, RW_TOK_IDENT},
        {B_LIT("a `x\0y` b"), 2, RW_TOK_BAD},     {B_LIT("a -- \0 b"), 2, RW_TOK_BAD},
        {B_LIT("a /* \0 */ b"), 2, RW_TOK_IDENT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        b_arena *a = b_arena_new(0);
        rw_ctx ctx = {0};
        rw_tokens t;
        assert_int_equal(rw_lex(&ctx, mysql, cases[i].sql, a, &t), B_OK);
        if (t.n != cases[i].n || t.tok[t.n - 1].kind != cases[i].last) fail_msg("case %zu", i);
        b_arena_free(a);
    }
}

static void test_flags(void **state)
{
    (void)state;
    b_arena *a = b_arena_new(0);
    rw_ctx ctx = {0};
    rw_tokens t;
    assert_int_equal(rw_lex(&ctx, mysql, B_LIT("SELECT/*+ NO_MERGE(t) */ f (x), g(y)"), a, &t), B_OK);
    assert_true(t.hints);
    assert_int_equal(t.tok[1].space_before, RW_SPACE);
    assert_int_equal(t.tok[2].space_before, RW_SPACE); /* f ( */
    assert_int_equal(t.tok[7].space_before, 0);        /* g( */
    assert_int_equal(rw_lex(&ctx, mariadb, B_LIT("SELECT /*+ x */ 1"), a, &t), B_OK);
    assert_false(t.hints);
    assert_int_equal(rw_lex(&ctx, mysql, B_LIT("SELECT /*!50000 a */, b"), a, &t), B_OK);
    assert_true(t.version_comment);
    assert_int_equal(t.tok[1].space_before, RW_SPACE | RW_SPACE_OPENED);
    assert_int_equal(t.tok[2].space_before, RW_SPACE | RW_SPACE_CLOSED);
    b_arena_free(a);
}

static void test_settings(void **state)
{
    (void)state;
    assert_int_equal(rw_sql_mode_parse(B_LIT("")), 0);
    assert_int_equal(rw_sql_mode_parse(B_LIT("ansi_quotes, STRICT_ALL_TABLES,NO_ZERO_DATE")),
                     RW_MODE_ANSI_QUOTES | RW_MODE_STRICT);
    assert_int_equal(rw_sql_mode_parse(B_LIT("ANSI")),
                     RW_MODE_ANSI_QUOTES | RW_MODE_PIPES_AS_CONCAT | RW_MODE_IGNORE_SPACE);
    assert_int_equal(rw_charset_parse(B_LIT("UTF8MB4")), RW_CHARSET_SAFE);
    assert_int_equal(rw_charset_parse(B_LIT("latin1")), RW_CHARSET_SINGLE);
    assert_int_equal(rw_charset_parse(B_LIT("swe7")), RW_CHARSET_UNKNOWN);
}

static void test_split(void **state)
{
    (void)state;
    static const char *const want[] = {"select ';' /* ; */", " select `;`", " x"};
    b_slice rest = B_LIT("select ';' /* ; */; select `;`; x"), stmt;
    rw_ctx ctx = {0};
    for (size_t i = 0; i < 3; i++) {
        assert_true(rw_split(&ctx, mysql, &rest, &stmt));
        assert_true(b_slice_eq(stmt, b_slice_str(want[i])));
    }
    assert_false(rw_split(&ctx, mysql, &rest, &stmt));
    rest = B_LIT("a 'open; b");
    assert_true(rw_split(&ctx, mysql, &rest, &stmt));
    assert_int_equal(stmt.n, 10);
}

static void test_digest_text(void **state)
{
    (void)state;
    b_arena *a = b_arena_new(0);
    rw_ctx ctx = {0};
    b_slice sql = B_LIT("SELECT  a,\n'secret' /* x */ FROM t WHERE b=12 AND c = 0x1F");
    b_slice got = rw_digest_text(&ctx, mysql, sql, a, 100);
    assert_string_equal(got.p, "SELECT a, ? FROM t WHERE b=? AND c = ?");
    got = rw_digest_text(&ctx, mysql, sql, a, 10);
    assert_true(got.n <= 10);
    b_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),    cmocka_unit_test(test_words),       cmocka_unit_test(test_names),
        cmocka_unit_test(test_nul),       cmocka_unit_test(test_six_digits),  cmocka_unit_test(test_spelling),
        cmocka_unit_test(test_unsayable), cmocka_unit_test(test_flags),       cmocka_unit_test(test_settings),
        cmocka_unit_test(test_split),     cmocka_unit_test(test_digest_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
