/* The pure parts of the engine: the edges between phases, the conditions of a key's cursor, defaults as the
 * servers tell them. */
#include "mig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Each edge there is, and no other: one forward from every phase, one back until the old column goes. */
static void edges(void **state)
{
    (void)state;
    for (int from = RW_PLANNED; from <= RW_FINISHED; from++)
        for (int to = RW_PLANNED; to <= RW_FINISHED; to++) {
            bool want = to == from + 1 || (to == from - 1 && from <= RW_RETIRED);
            bool have = mig__edge_find(false, (rw_phase)from, (rw_phase)to) != NULL;
            if (have != want)
                fail_msg("%s > %s: %s", rw_phase_name((rw_phase)from), rw_phase_name((rw_phase)to),
                         have ? "there is such an edge" : "there is no such edge");
        }
    assert_non_null(mig__edge_find(true, RW_PLANNED, RW_CONTRACTED));
    assert_non_null(mig__edge_find(true, RW_CONTRACTED, RW_PLANNED));
    assert_non_null(mig__edge_find(true, RW_CONTRACTED, RW_FINISHED));
}

static void keys(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *literals, *after, *upto;
    } cases[] = {
        {1, "5", "`a` > 5", "`a` <= 5"},
        {2, "5\n'x'", "(`a` >= 5 AND (`a` > 5 OR (`a` = 5 AND `b` > 'x')))",
         "(`a` <= 5 AND (`a` < 5 OR (`a` = 5 AND `b` <= 'x')))"},
        {3, "5\n'x'\n7", "(`a` >= 5 AND (`a` > 5 OR (`a` = 5 AND (`b` > 'x' OR (`b` = 'x' AND `c` > 7)))))",
         "(`a` <= 5 AND (`a` < 5 OR (`a` = 5 AND (`b` < 'x' OR (`b` = 'x' AND `c` <= 7)))))"},
    };
    mig__keycol cols[3] = {{.name = "`a`"}, {.name = "`b`"}, {.name = "`c`"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mig__key k = {cols, cases[i].n};
        b_buf out = {0};
        mig__key_after(&k, cases[i].literals, &out);
        assert_string_equal(b_buf_cstr(&out), cases[i].after);
        b_buf_clear(&out);
        mig__key_upto(&k, cases[i].literals, &out);
        assert_string_equal(b_buf_cstr(&out), cases[i].upto);
        b_buf_deinit(&out);
    }
}

/* Names become the row's, outside strings only; a row that is right is not touched; who changed it counts. */
static void guard_bodies(void **state)
{
    (void)state;
    mig__pair pair = {.from = "a", .to = "b", .up = "CONCAT(`a`, '`a`')", .down = "`b`"};
    pair.plain.type = pair.target.type = B_LIT("int");
    pair.plain.default_kind = pair.target.default_kind = RW_DEFAULT_NULL;
    pair.target.nullable = true;
    pair.a.type = pair.b.type = "int", pair.a.collation = pair.b.collation = "";
    mig__m m = {.pairs = &pair, .npairs = 1};
    b_buf out = {0};
    mig__guard_body(&m, MIG__TRIGGER_FIRST, true, false, &out);
    assert_string_equal(b_buf_cstr(&out), "BEGIN IF NOT (NEW.`b` <=> (CONCAT(NEW.`a`, '`a`')) OR (NEW.`a` "
                                          "<=> (NEW.`b`))) THEN IF (NOT (NEW.`a` <=> "
                                          "OLD.`a`)) AND NOT (NOT (NEW.`b` <=> OLD.`b`)) THEN SET NEW.`b` = "
                                          "CONCAT(NEW.`a`, '`a`'); ELSEIF (NOT "
                                          "(NEW.`b` <=> OLD.`b`)) AND NOT (NOT (NEW.`a` <=> OLD.`a`)) THEN "
                                          "SET NEW.`a` = NEW.`b`; END IF; END IF; END");
    b_buf_clear(&out);
    mig__guard_body(&m, MIG__TRIGGER_RETIRED, false, false, &out);
    assert_non_null(
        strstr(b_buf_cstr(&out), "IF ((NEW.`b` IS NULL)) AND NOT ((NEW.`a` IS NULL)) THEN SET NEW.`b`"));
    assert_null(strstr(b_buf_cstr(&out), "SET NEW.`a`"));
    b_buf_deinit(&out);
    assert_true(mig__is_guard_last(B_LIT("straddle_guard_m_1234_abc_lu")));
    assert_false(mig__is_guard_last(B_LIT("straddle_guard_m_1234_abc_fu")));
    assert_false(mig__is_guard(B_LIT("straddle_audit")));
}

static void defaults(void **state)
{
    (void)state;
    static const struct {
        bool mariadb;
        const char *text, *extra, *type; /* text NULL: no default */
        bool nullable;
        rw_default_kind kind;
        const char *want;
    } cases[] = {
        {false, NULL, "", "int", true, RW_DEFAULT_NULL, ""},
        {false, NULL, "", "int", false, RW_DEFAULT_NONE, ""},
        {false, NULL, "auto_increment", "int", false, RW_DEFAULT_AUTO_INC, ""},
        {false, "7", "", "int", false, RW_DEFAULT_LITERAL, "'7'"},
        {false, "NULL", "", "varchar(9)", true, RW_DEFAULT_LITERAL, "'NULL'"},
        {false, "b'101'", "", "bit(5)", false, RW_DEFAULT_LITERAL, "b'101'"},
        {false, "CURRENT_TIMESTAMP(3)", "DEFAULT_GENERATED", "datetime(3)", false, RW_DEFAULT_NOW,
         "CURRENT_TIMESTAMP(3)"},
        {false, "concat(_utf8mb4\\'it\\\\\\'s\\')", "DEFAULT_GENERATED", "varchar(9)", true, RW_DEFAULT_EXPR,
         "concat(_utf8mb4'it\\'s')"},
        {true, "NULL", "", "int(11)", true, RW_DEFAULT_NULL, ""},
        {true, "'NULL'", "", "varchar(9)", true, RW_DEFAULT_LITERAL, "'NULL'"},
        {true, "-1.5", "", "decimal(5,2)", false, RW_DEFAULT_LITERAL, "-1.5"},
        {true, "b'101'", "", "bit(5)", false, RW_DEFAULT_LITERAL, "b'101'"},
        {true, "current_timestamp()", "", "timestamp", false, RW_DEFAULT_NOW, "current_timestamp()"},
        {true, "1 + 2", "", "int(11)", false, RW_DEFAULT_EXPR, "1 + 2"},
        {true, "uuid()", "", "char(36)", false, RW_DEFAULT_EXPR, "uuid()"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        b_buf out = {0};
        b_slice text = cases[i].text == NULL ? (b_slice){NULL, 0} : b_slice_str(cases[i].text);
        rw_default_kind got = mig__default_parse(cases[i].mariadb, text, b_slice_str(cases[i].extra),
                                                 b_slice_str(cases[i].type), cases[i].nullable, &out);
        if (got != cases[i].kind || strcmp(b_buf_cstr(&out), cases[i].want) != 0)
            fail_msg("row %zu, %s: kind %d, text %s", i, cases[i].text == NULL ? "none" : cases[i].text,
                     (int)got, b_buf_cstr(&out));
        b_buf_deinit(&out);
    }
}

static void default_of_a_column(void **state)
{
    (void)state;
    assert_true(mig__default_is_column(B_LIT("`kind`"), "kind"));
    assert_true(mig__default_is_column(B_LIT("(`kind`)"), "KIND"));
    assert_false(mig__default_is_column(B_LIT("`kind` + 1"), "kind"));
    assert_false(mig__default_is_column(B_LIT("'kind'"), "kind"));
}

/* Back from a twin's name to the one that it is of, also where that is too long to be seen in it. */
static void test_twin_names(void **state)
{
    (void)state;
#define LONG64 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg"
#define LONG50 "index_transactions_on_transaction_type_and_account"
    char one[65], two[65], three[65];
    mig__pair pair = {.from = "transaction_type", .to = "payment_method"};
    mig__m m = {.pairs = &pair,
                .npairs = 1,
                .arena = b_arena_new(0),
                .found = "CREATE TABLE `KEY t` (\n  `a` int,\n  KEY `" LONG50
                         "_ids` (`a`),\n  UNIQUE KEY `" LONG64 "` (`a`),\n  KEY `q``" LONG50
                         "` (`b`),\n  CONSTRAINT `" LONG50 "` FOREIGN KEY (`a`) REFERENCES `x` (`y`)\n)"};
    mig__twin_name(B_LIT("short"), pair.to, one);
    assert_string_equal(one, "short__payment_method");
    assert_true(b_slice_eq(mig__original_name(&m, b_slice_str(one)), B_LIT("short")));
    mig__twin_name(B_LIT(LONG64), pair.to, one);
    mig__twin_name(B_LIT(LONG50), pair.to, two);
    mig__twin_name(B_LIT("q`" LONG50), pair.to, three);
    assert_int_equal(strlen(one), 64);
    assert_int_equal(strlen(two), 64);
    assert_true(b_slice_eq(mig__original_name(&m, b_slice_str(one)), B_LIT(LONG64)));
    assert_true(b_slice_eq(mig__original_name(&m, b_slice_str(two)), B_LIT(LONG50)));
    assert_true(b_slice_eq(mig__original_name(&m, b_slice_str(three)), B_LIT("q`" LONG50)));
    assert_true(b_slice_eq(mig__original_name(&m, B_LIT(LONG50 "__payment_meth")), B_LIT(LONG50)));
    assert_null(mig__original_name(&m, B_LIT("other__column")).p);
    b_arena_free(m.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twin_names), cmocka_unit_test(edges),    cmocka_unit_test(keys),
        cmocka_unit_test(guard_bodies),    cmocka_unit_test(defaults), cmocka_unit_test(default_of_a_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
