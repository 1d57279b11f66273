/* Statements that tell of columns, for a migration of two pairs: what is written is checked by its parts.
 * That the whole says what the plain table would say is for tests/integration, on real servers. */
#include "rewrite/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DDL                                                                                                  \
    "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9) NOT NULL DEFAULT 'it''s', b VARCHAR(9) NULL DEFAULT "  \
    "(a) INVISIBLE, n INT, c INT NULL, d INT NULL DEFAULT (c) INVISIBLE);"                                   \
    "CREATE VIEW v AS SELECT id FROM t;"

static rw_ruleset *make(rw_flavour flavour, rw_phase phase)
{
    rw_server server = {flavour, flavour == RW_MYSQL ? 90704 : 101119, 0};
    rw_catalog_builder *builder = rw_catalog_builder_new(server);
    b_err err;
    rw_pair pairs[] = {{.from = B_LIT("a"), .to = B_LIT("b"), .after = B_LIT("id"), .b_default_up = true},
                       {.from = B_LIT("c"), .to = B_LIT("d"), .after = B_LIT("n"), .b_default_up = true}};
    rw_migration m = {.name = B_LIT("rename_two"),
                      .schema = B_LIT("s"),
                      .table = B_LIT("t"),
                      .phase = phase,
                      .pairs = pairs,
                      .npairs = 2};
    rw_ruleset *r;
    rw_catalog *c;

    assert_int_equal(rw_catalog_read_ddl(builder, B_LIT(DDL), B_LIT("s"), &err), B_OK);
    c = rw_catalog_build(builder);
    for (size_t i = 0; i < 2; i++) {
        pairs[i].plain = *rw_table_column(rw_catalog_find(c, B_LIT("s"), B_LIT("t")), pairs[i].from);
    }
    r = rw_ruleset_new(3, c, &m, 1, &err);
    rw_catalog_unref(c);
    assert_non_null(r);
    return r;
}

typedef struct row {
    const char *sql;
    rw_phase phase;
    rw_version version;
    rw_flavour flavour;
    const char *has[4]; /* parts of the text; "=" alone: it passes; "! code": refused */
    const char *hasnot;
} row;

static const row rows[] = {
    {"SHOW COLUMNS FROM t",
     RW_DUAL_WRITE,
     RW_VERSION_OLD,
     RW_MYSQL,
     {"COLUMN_NAME IN ('b', 'd')", "ORDINAL_POSITION > 3)", "ORDINAL_POSITION > 6)"},
     "THEN"},
    {"SHOW COLUMNS FROM t",
     RW_SWITCHED,
     RW_VERSION_OLD,
     RW_MYSQL,
     {"COLUMN_NAME = 'b' THEN 'a'", "COLUMN_NAME = 'd' THEN 'c'", "THEN 'it''s'", "THEN NULL"},
     NULL},
    {"SHOW COLUMNS FROM t",
     RW_SWITCHED,
     RW_VERSION_NEW,
     RW_MARIADB,
     {"BINARY straddle_c.TABLE_NAME = 't'", "THEN '''it''''s'''", "THEN 'NULL'", "THEN 'NO'"},
     "THEN 'b'"},
    {"SHOW COLUMNS FROM t",
     RW_DUAL_WRITE,
     RW_VERSION_BOTH,
     RW_MYSQL,
     {"UNION ALL SELECT 'b', 5,", "UNION ALL SELECT 'd', 6,"},
     NULL},
    {"SHOW COLUMNS FROM t",
     RW_CONTRACTED,
     RW_VERSION_NEW,
     RW_MYSQL,
     {"SELECT COUNT(*) FROM information_schema.COLUMNS", "IN ('a', 'c')"},
     "THEN"},
    {"SHOW COLUMNS FROM t LIKE 'x\\_%'",
     RW_DUAL_WRITE,
     RW_VERSION_NEW,
     RW_MYSQL,
     {"WHERE `Field` LIKE 'x\\_%' ORDER BY"},
     NULL},
    {"DESC t `x'\\`", RW_DUAL_WRITE, RW_VERSION_NEW, RW_MYSQL, {"LIKE _utf8mb4 X'78275C' ORDER"}, NULL},
    {"SHOW INDEX FROM t",
     RW_SWITCHED,
     RW_VERSION_NEW,
     RW_MYSQL,
     {"RIGHT(straddle_c.INDEX_NAME, 3) = '__b'", "= '__d'", "COLUMN_NAME IN ('a', 'c')"},
     NULL},
    {"SHOW COLUMNS FROM t", RW_FINISHED, RW_VERSION_NEW, RW_MYSQL, {"="}, NULL},
    {"SHOW COLUMNS FROM x.t", RW_SWITCHED, RW_VERSION_NEW, RW_MYSQL, {"="}, NULL},
    {"SHOW COLUMNS FROM v", RW_SWITCHED, RW_VERSION_NEW, RW_MYSQL, {"="}, NULL},
    {"SHOW CREATE TABLE t", RW_SWITCHED, RW_VERSION_NEW, RW_MYSQL, {"="}, NULL},
    {"EXECUTE IMMEDIATE 'SHOW CREATE TABLE t'", RW_SWITCHED, RW_VERSION_OLD, RW_MARIADB, {"="}, NULL},
    {"EXECUTE IMMEDIATE 'SHOW CREATE TABLE t';;SELECT 1",
     RW_SWITCHED,
     RW_VERSION_OLD,
     RW_MARIADB,
     {"! multi"},
     NULL},
    {"SHOW FULL COLUMNS FROM t WHERE EXISTS (SELECT 1 FROM t)",
     RW_SWITCHED,
     RW_VERSION_NEW,
     RW_MYSQL,
     {"! statement"},
     NULL},
    {"SELECT column_name FROM information_schema.columns",
     RW_SWITCHED,
     RW_VERSION_NEW,
     RW_MYSQL,
     {"SELECT column_name AS COLUMN_NAME FROM (SELECT ", ") AS columns"},
     NULL},
    {"SELECT column_name FROM information_schema.columns",
     RW_FINISHED,
     RW_VERSION_NEW,
     RW_MYSQL,
     {"="},
     NULL},
    {"TABLE information_schema.STATISTICS",
     RW_SWITCHED,
     RW_VERSION_NEW,
     RW_MYSQL,
     {"SELECT * FROM (SELECT ", "AS straddle_v"},
     "TABLE i"},
    {"SELECT * FROM information_schema.COLUMNS WHERE TABLE_NAME = ?",
     RW_SWITCHED,
     RW_VERSION_NEW,
     RW_MYSQL,
     {"SELECT * FROM (SELECT ", "AS COLUMNS WHERE TABLE_NAME = ?"},
     NULL},
    {"SELECT * FROM information_schema.TABLES", RW_SWITCHED, RW_VERSION_NEW, RW_MYSQL, {"="}, NULL},
    {"SELECT * FROM other.COLUMNS, information_schema.TABLES",
     RW_SWITCHED,
     RW_VERSION_NEW,
     RW_MYSQL,
     {"="},
     NULL},
};

static bool has(b_slice text, const char *part)
{
    return b_slice_find(text, b_slice_str(part)) != (size_t)-1;
}

static bool as_wanted(const row *w, const rw_result *r)
{
    const char *first = w->has[0];

    if (strcmp(first, "=") == 0) {
        return r->verdict == RW_PASS;
    }
    if (first[0] == '!') {
        return r->verdict == RW_REFUSED && strcmp(r->code, first + 2) == 0;
    }
    for (size_t i = 0; i < 4 && w->has[i] != NULL; i++) {
        if (!has(r->sql, w->has[i])) {
            return false;
        }
    }
    return r->verdict == RW_REWRITTEN && (w->hasnot == NULL || !has(r->sql, w->hasnot));
}

static void texts(void **state)
{
    b_arena *arena = b_arena_new(0);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rw_ruleset *rules = make(rows[i].flavour, rows[i].phase);
        rw_ctx ctx = {.schema = B_LIT("s"), .version = rows[i].version, .prepared = true};
        b_slice sql = b_slice_str(rows[i].sql);
        rw_result r = {.verdict = RW_PASS};

        if (rw_may_touch(rules, ctx.charset, sql)) {
            assert_int_equal(rw_rewrite(rules, &ctx, sql, arena, &r), B_OK);
        }
        if (!as_wanted(&rows[i], &r)) {
            fail_msg("row %zu: %s\n%.*s%.*s", i, rows[i].sql, B_ARG(r.sql), B_ARG(r.message));
        }
        rw_ruleset_unref(rules);
    }
    b_arena_free(arena);
}

/* What is read of columns counts as a use of the client's own names; a look into information_schema at large
 * does not. */
static void uses(void **state)
{
    b_arena *arena = b_arena_new(0);
    rw_ruleset *rules = make(RW_MYSQL, RW_DUAL_WRITE);
    rw_ctx ctx = {.schema = B_LIT("s"), .version = RW_VERSION_OLD};
    rw_result r;

    (void)state;
    assert_int_equal(rw_rewrite(rules, &ctx, B_LIT("DESCRIBE t"), arena, &r), B_OK);
    assert_int_equal(r.nuses, 1);
    assert_true(r.uses[0].old_name && !r.uses[0].new_name && !r.uses[0].write);
    assert_int_equal(rw_rewrite(rules, &ctx, B_LIT("SELECT * FROM information_schema.COLUMNS"), arena, &r),
                     B_OK);
    assert_int_equal(r.nuses, 0);
    rw_ruleset_unref(rules);
    b_arena_free(arena);
}

typedef struct create_row {
    rw_phase phase;
    rw_version version;
    rw_flavour flavour;
    uint32_t mode;
    const char *text, *expected; /* NULL: not understood */
} create_row;

static const create_row creates[] = {
    /* names in strings, in keys' own names, in other tables of a foreign key; a twin; a check */
    {RW_DUAL_WRITE, RW_VERSION_NEW, RW_MYSQL, 0,
     "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  `a` varchar(9) NOT NULL DEFAULT 'it''s `a`' COMMENT 'a, "
     "b',\n"
     "  `b` varchar(9) DEFAULT (`a`) /*!80023 INVISIBLE */,\n  `n` int DEFAULT NULL,\n  `c` int DEFAULT "
     "NULL,\n"
     "  `d` int DEFAULT (`c`) /*!80023 INVISIBLE */,\n  PRIMARY KEY (`id`),\n  KEY `a` (`a`(3),`n`),\n"
     "  KEY `a__b` (`b`(3),`n`),\n  CONSTRAINT `c` FOREIGN KEY (`c`) REFERENCES `o` (`c`),\n"
     "  CONSTRAINT `a_ok` CHECK ((`a` <> _utf8mb4'`a`'))\n) ENGINE=InnoDB COMMENT='a `a`'\n"
     "/*!50100 PARTITION BY HASH (`a`) */",
     "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  `b` varchar(9) NOT NULL DEFAULT 'it''s `a`' COMMENT 'a, "
     "b',\n"
     "  `n` int DEFAULT NULL,\n  `d` int DEFAULT NULL,\n  PRIMARY KEY (`id`),\n  KEY `a` (`b`(3),`n`),\n"
     "  CONSTRAINT `c` FOREIGN KEY (`d`) REFERENCES `o` (`c`),\n"
     "  CONSTRAINT `a_ok` CHECK ((`b` <> _utf8mb4'`a`'))\n) ENGINE=InnoDB COMMENT='a `a`'\n"
     "/*!50100 PARTITION BY HASH (`b`) */"},
    /* B before it is NOT NULL; both */
    {RW_RETIRED, RW_VERSION_BOTH, RW_MARIADB, 0,
     "CREATE TABLE `t` (\n  `id` int(11) NOT NULL,\n  `a` varchar(9) INVISIBLE DEFAULT '',\n  `b` varchar(9) "
     "CHARACTER "
     "SET latin1 DEFAULT `a` COMMENT 'x',\n  `n` int(11) DEFAULT NULL,\n  `c` int(11) DEFAULT NULL,\n"
     "  `d` int(11) DEFAULT NULL,\n  KEY `k__d` (`d`)\n) ENGINE=InnoDB",
     "CREATE TABLE `t` (\n  `id` int(11) NOT NULL,\n  `a` varchar(9) CHARACTER SET latin1 NOT NULL DEFAULT "
     "'it''s' "
     "COMMENT 'x',\n  `n` int(11) DEFAULT NULL,\n  `c` int(11) DEFAULT NULL,\n  `b` varchar(9) CHARACTER SET "
     "latin1 "
     "NOT NULL DEFAULT 'it''s' COMMENT 'x',\n  `d` int(11) DEFAULT NULL,\n  KEY `k` (`c`)\n) ENGINE=InnoDB"},
    /* B alone, at the end */
    {RW_CONTRACTED, RW_VERSION_OLD, RW_MYSQL, RW_MODE_ANSI_QUOTES,
     "CREATE TABLE \"t\" (\n  \"id\" int NOT NULL,\n  \"n\" int,\n  \"d\" int,\n  \"b\" int\n)",
     "CREATE TABLE \"t\" (\n  \"id\" int NOT NULL,\n  \"a\" int,\n  \"n\" int,\n  \"c\" int\n)"},
    {RW_SWITCHED, RW_VERSION_OLD, RW_MYSQL, 0, "CREATE TABLE t (\n  a int\n)", NULL},
    {RW_SWITCHED, RW_VERSION_OLD, RW_MYSQL, 0, "CREATE TABLE `t` (\n  `a` int,\n", NULL},
    {RW_SWITCHED, RW_VERSION_OLD, RW_MYSQL, 0, "CREATE TABLE `t` (\n  `x` int\n)", NULL},
};

static void test_show_create(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof creates / sizeof *creates; i++) {
        const create_row *c = &creates[i];
        rw_ruleset *r = make(c->flavour, c->phase);
        rw_ctx ctx = {.version = c->version, .sql_mode = c->mode};
        rw_table_name t = {B_LIT("s"), B_LIT("t")};
        b_arena *arena = b_arena_new(0);
        b_buf out = {0};
        b_status s = rw_show_create(r, &ctx, &t, b_slice_str(c->text), arena, &out);
        if (c->expected == NULL)
            assert_int_equal(s, B_INVALID);
        else if (s != B_OK || strcmp(b_buf_cstr(&out), c->expected) != 0)
            fail_msg("row %zu gave\n%s\nexpected\n%s", i, b_buf_cstr(&out), c->expected);
        b_buf_deinit(&out);
        b_arena_free(arena);
        rw_ruleset_unref(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_show_create), cmocka_unit_test(texts),
                                       cmocka_unit_test(uses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
