/* Schema files to catalogue, and the checks of a ruleset. */
#include "rewrite/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const rw_server mysql = {RW_MYSQL, 90704, 0}, mariadb = {RW_MARIADB, 101119, 0};

static rw_catalog *read_ddl(rw_server server, const char *ddl, b_err *err)
{
    rw_catalog_builder *b = rw_catalog_builder_new(server);
    assert_non_null(b);
    if (rw_catalog_read_ddl(b, b_slice_str(ddl), B_LIT("shop"), err) == B_OK) return rw_catalog_build(b);
    rw_catalog_builder_free(b);
    return NULL;
}

static rw_catalog *must_read(rw_server server, const char *ddl)
{
    b_err err = {0};
    rw_catalog *c = read_ddl(server, ddl, &err);
    if (c == NULL) fail_msg("%s: %s", ddl, err.msg);
    return c;
}

typedef struct column_row {
    const char *def;  /* the column's definition after its name */
    const char *type; /* NULL: as mysql */
    rw_default_kind kind;
    const char *text;
    const char
        *flags; /* n nullable, i invisible, g generated, a auto_increment, u on update, p primary key */
} column_row;

static const column_row columns[] = {
    {"int", "int", RW_DEFAULT_NULL, "", "n"},
    {"INTEGER UNSIGNED NOT NULL", "int unsigned", RW_DEFAULT_NONE, "", ""},
    {"bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY", "bigint unsigned", RW_DEFAULT_AUTO_INC, "", "ap"},
    {"serial", "bigint unsigned", RW_DEFAULT_AUTO_INC, "", "a"},
    {"varchar(20) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT 'a,)''b' COMMENT 'x, y'",
     "varchar(20)", RW_DEFAULT_LITERAL, "'a,)''b'", ""},
    {"decimal(10, 2) DEFAULT -1.50", "decimal(10,2)", RW_DEFAULT_LITERAL, "-1.50", "n"},
    {"numeric", "decimal(10,0)", RW_DEFAULT_NULL, "", "n"},
    {"enum('a','b c') NOT NULL DEFAULT 'a'", "enum('a','b c')", RW_DEFAULT_LITERAL, "'a'", ""},
    {"double precision DEFAULT NULL", "double", RW_DEFAULT_NULL, "NULL", "n"},
    {"timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)", "timestamp",
     RW_DEFAULT_NOW, "CURRENT_TIMESTAMP(3)", "u"},
    {"datetime DEFAULT now()", "datetime", RW_DEFAULT_NOW, "now()", "n"},
    {"varchar(36) DEFAULT (uuid())", "varchar(36)", RW_DEFAULT_EXPR, "(uuid())", "n"},
    {"varchar(36) DEFAULT uuid()", "varchar(36)", RW_DEFAULT_EXPR, "uuid()", "n"},
    {"varchar(36) DEFAULT _utf8mb4'x'", "varchar(36)", RW_DEFAULT_LITERAL, "_utf8mb4'x'", "n"},
    {"bit(8) DEFAULT b'101'", "bit(8)", RW_DEFAULT_LITERAL, "b'101'", "n"},
    {"int GENERATED ALWAYS AS (a + (1)) VIRTUAL", "int", RW_DEFAULT_NULL, "", "ng"},
    {"int AS (a) STORED INVISIBLE", "int", RW_DEFAULT_NULL, "", "nig"},
    {"int DEFAULT NULL /*!80023 INVISIBLE */", "int", RW_DEFAULT_NULL, "NULL", "ni"},
    {"tinyint(1) NOT NULL CHECK (a > 1)", "tinyint(1)", RW_DEFAULT_NONE, "", ""},
    {"int NOT NULL REFERENCES o (id) ON DELETE SET NULL ON UPDATE CASCADE", "int", RW_DEFAULT_NONE, "", ""},
    {"national varchar(10)", "varchar(10)", RW_DEFAULT_NULL, "", "n"},
    {"character varying(5) UNIQUE KEY", "varchar(5)", RW_DEFAULT_NULL, "", "n"},
    {"geometry NOT NULL SRID 4326", "geometry", RW_DEFAULT_NONE, "", ""},
    {"json", "json", RW_DEFAULT_NULL, "", "n"},
    {"set('x','y') STORAGE DISK COLUMN_FORMAT FIXED", "set('x','y')", RW_DEFAULT_NULL, "", "n"},
};

static void flags_of(const rw_column *c, char *out)
{
    if (c->nullable) *out++ = 'n';
    if (c->invisible) *out++ = 'i';
    if (c->generated) *out++ = 'g';
    if (c->auto_increment) *out++ = 'a';
    if (c->on_update_now) *out++ = 'u';
    if (c->primary_key) *out++ = 'p';
    *out = '\0';
}

static void test_columns(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        const column_row *r = &columns[i];
        char ddl[512], flags[8];
        snprintf(ddl, sizeof ddl, "CREATE TABLE t (a %s, `after` int NOT NULL);", r->def);
        rw_catalog *c = must_read(mysql, ddl);
        const rw_table *t = rw_catalog_find(c, B_LIT("shop"), B_LIT("t"));
        assert_non_null(t);
        assert_int_equal(t->ncolumns, 2);
        const rw_column *a = &t->columns[0];
        flags_of(a, flags);
        if (!b_slice_eq(a->type, b_slice_str(r->type)) || a->default_kind != r->kind ||
            !b_slice_eq(a->default_text, b_slice_str(r->text)) || strcmp(flags, r->flags) != 0)
            fail_msg("%s: type %.*s, default %d %.*s, flags %s", r->def, B_ARG(a->type), a->default_kind,
                     B_ARG(a->default_text), flags);
        rw_catalog_unref(c);
    }
}

static const char dump[] =
    "-- MySQL dump\n"
    "/*!40101 SET NAMES utf8mb4 */;\n"
    "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop`;\nUSE `shop`;\n"
    "DROP TABLE IF EXISTS `transactions`;\n"
    "/*!50503 SET character_set_client = utf8mb4 */;\n"
    "CREATE TABLE `transactions` (\n  `id` int NOT NULL,\n  `when` date NOT NULL,\n"
    "  `note` text COLLATE utf8mb4_bin,\n  `kind` varchar(9) DEFAULT NULL,\n"
    "  PRIMARY KEY (`id`,`when`),\n  UNIQUE KEY `k` (`kind`(3) DESC),\n  FULLTEXT KEY `f` (`note`),\n"
    "  KEY `e` ((cast(`note` as char(10) charset utf8mb4))),\n"
    "  CONSTRAINT `c` CHECK ((`id` > 0)),\n"
    "  CONSTRAINT `fk` FOREIGN KEY (`kind`) REFERENCES `kinds` (`id`)\n"
    ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci COMMENT='a;b'\n"
    "/*!50100 PARTITION BY RANGE (`id`)\n(PARTITION p0 VALUES LESS THAN (10) ENGINE = InnoDB) */;\n"
    "/*!50001 CREATE VIEW `v` AS SELECT 1 AS `id`*/;\n"
    "DELIMITER ;;\n"
    "/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER `tr` BEFORE INSERT ON "
    "`transactions` FOR EACH ROW BEGIN SET NEW.kind = 'x'; SET NEW.note = ''; END */;;\n"
    "DELIMITER ;\n"
    "/*!50001 DROP VIEW IF EXISTS `v`*/;\n"
    "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */\n"
    "/*!50001 VIEW `v` AS select `transactions`.`id` AS `id` from `transactions` */;\n"
    "CREATE OR REPLACE VIEW w AS SELECT * FROM shop.v;\n"
    "CREATE TABLE plain LIKE transactions;\n";

static void test_dump(void **state)
{
    (void)state;
    rw_catalog *c = must_read(mysql, dump);
    const rw_table *t = rw_catalog_find(c, B_LIT("shop"), B_LIT("transactions"));
    assert_non_null(t);
    assert_int_equal(t->ncolumns, 4);
    assert_true(t->partitioned);
    assert_true(t->before_triggers && t->fires);
    assert_true(t->columns[0].primary_key && t->columns[1].primary_key && !t->columns[2].primary_key);
    assert_true(b_slice_eq(t->columns[2].collation, B_LIT("utf8mb4_bin")));
    assert_true(b_slice_eq(t->columns[3].collation, B_LIT("utf8mb4_0900_ai_ci")));
    assert_int_equal(t->columns[0].collation.n, 0);
    assert_non_null(rw_table_column(t, B_LIT("WHEN")));
    const rw_table *w = rw_catalog_find(c, B_LIT("shop"), B_LIT("w"));
    assert_non_null(w);
    assert_true(w->is_view);
    assert_int_equal(w->nbases, 2);
    assert_true(b_slice_eq(w->bases[0].name, B_LIT("transactions")));
    assert_int_equal(rw_catalog_find(c, B_LIT("shop"), B_LIT("plain"))->ncolumns, 4);
    assert_null(rw_catalog_find(c, B_LIT("other"), B_LIT("plain")));
    assert_null(rw_catalog_find(c, B_LIT("shop"), B_LIT("PLAIN")));
    rw_catalog_unref(c);
}

static void test_mariadb(void **state)
{
    (void)state;
    rw_catalog *c = must_read(mariadb, "CREATE TABLE `t` (\n `id` int(11) NOT NULL AUTO_INCREMENT,\n"
                                       " `b` int unsigned INVISIBLE DEFAULT 3,\n"
                                       " `c` timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE "
                                       "current_timestamp(),\n"
                                       " `p` int GENERATED ALWAYS AS (`b` + 1) PERSISTENT,\n"
                                       " `rs` timestamp(6) GENERATED ALWAYS AS ROW START,\n"
                                       " `re` timestamp(6) GENERATED ALWAYS AS ROW END,\n"
                                       " PRIMARY KEY (`id`), PERIOD FOR SYSTEM_TIME (`rs`, `re`)\n"
                                       ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 WITH SYSTEM VERSIONING;");
    const rw_table *t = rw_catalog_at(c, 0);
    assert_int_equal(t->ncolumns, 6);
    assert_true(b_slice_eq(t->columns[1].type, B_LIT("int(10) unsigned")));
    assert_true(t->columns[1].invisible);
    assert_int_equal(t->columns[2].default_kind, RW_DEFAULT_NOW);
    assert_true(t->columns[2].on_update_now);
    assert_true(t->columns[3].generated && t->columns[4].generated);
    rw_catalog_unref(c);
}

static void test_bad_ddl(void **state)
{
    static const struct {
        const char *ddl, *want;
    } cases[] = {
        {"\nCREATE TABLE t (a int\n, b varchar(5) FROBNICATE);", "line 3: expected a column attribute"},
        {"SELECT 1;", "line 1: expected CREATE TABLE"},
        {"CREATE TABLE t (a int;", "expected )"},
        {"CREATE TABLE t (a int) SELECT 1;", "SELECT is not read"},
        {"CREATE TABLE t (a int 'x);", "closed quote"},
        {"CREATE TABLE t (a int);\nCREATE TABLE t (a int);", "line 2: shop.t is created twice"},
        {"CREATE TABLE t LIKE nothing;", "a table that was created before"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        b_err err = {0};
        rw_catalog *c = read_ddl(mysql, cases[i].ddl, &err);
        if (c != NULL || strstr(err.msg, cases[i].want) == NULL)
            fail_msg("%s: got `%s`", cases[i].ddl, err.msg);
    }
}

typedef struct rule_row {
    const char *table, *from, *to;
    rw_phase phase;
    const char *want; /* NULL: accepted */
} rule_row;

static const rule_row rules[] = {
    {"t", "a", "x", RW_PLANNED, NULL},
    {"t", "A", "x", RW_EXPANDED, NULL},
    {"t", "a", "b", RW_DUAL_WRITE, NULL},
    {"t", "gone", "b", RW_CONTRACTED, NULL},
    {"nothing", "a", "b", RW_FINISHED, NULL},
    {"t", "x", "b", RW_PLANNED, "has no column x"},
    {"t", "a", "x", RW_DUAL_WRITE, "has no column x"},
    {"t", "x", "b", RW_SWITCHED, "has no column x"},
    {"t", "b", "x", RW_CONTRACTED, "has no column x"},
    {"u", "a", "b", RW_PLANNED, "no table shop.u"},
    {"v", "a", "b", RW_PLANNED, "is a view"},
    {"t", "a", "A", RW_PLANNED, "renamed to itself"},
    {"t", "a", "\xC3\xA9", RW_PLANNED, "plain ASCII"},
    {"t", "a", "x`y", RW_PLANNED, "plain ASCII"},
    {"t", "a", "", RW_PLANNED, "no expression"},
    {"t", "", "", RW_PLANNED, "no name"},
    {"t", "", "b", RW_PLANNED, "no old column"},
};

static void test_rules(void **state)
{
    (void)state;
    rw_catalog *c = must_read(mysql, "CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a FROM t;");
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        b_err err = {0};
        rw_pair p = {.from = b_slice_str(rules[i].from), .to = b_slice_str(rules[i].to)};
        rw_migration m = {.name = B_LIT("m"),
                          .schema = B_LIT("shop"),
                          .table = b_slice_str(rules[i].table),
                          .phase = rules[i].phase,
                          .pairs = &p,
                          .npairs = 1};
        rw_ruleset *r = rw_ruleset_new(7, c, &m, 1, &err);
        bool ok = rules[i].want == NULL ? r != NULL : r == NULL && strstr(err.msg, rules[i].want) != NULL;
        if (!ok) fail_msg("row %zu: got `%s`", i, err.msg);
        if (r != NULL) assert_int_equal(rw_ruleset_epoch(r), 7);
        rw_ruleset_unref(r);
    }
    rw_catalog_unref(c);
}

static void test_two_migrations(void **state)
{
    (void)state;
    rw_catalog *c = must_read(mysql, "CREATE TABLE t (a int, b int);");
    rw_pair p[2] = {{.from = B_LIT("a"), .to = B_LIT("x")}, {.from = B_LIT("b"), .to = B_LIT("X")}};
    rw_migration m[2] = {
        {.name = B_LIT("m"), .schema = B_LIT("shop"), .table = B_LIT("t"), .pairs = p, .npairs = 1},
        {.name = B_LIT("n"), .schema = B_LIT("shop"), .table = B_LIT("t"), .pairs = p + 1, .npairs = 1},
    };
    b_err err = {0};
    assert_null(rw_ruleset_new(1, c, m, 2, &err));
    assert_non_null(strstr(err.msg, "both on a column of table"));
    p[1].to = B_LIT("y");
    rw_ruleset *r = rw_ruleset_new(1, c, m, 2, &err);
    assert_non_null(r);
    rw_ruleset_unref(r);
    p[1].to = B_LIT("X");
    m[0].phase = RW_FINISHED;
    r = rw_ruleset_new(1, c, m, 2, &err);
    assert_non_null(r);
    rw_ruleset_unref(r);
    m[1].pairs = p;
    m[1].npairs = 2;
    assert_null(rw_ruleset_new(1, c, m + 1, 1, &err));
    assert_non_null(strstr(err.msg, "two pairs"));
    rw_catalog_unref(c);
}

static void expect_lost(const rw_ruleset *r, const char *sql, bool refused)
{
    b_arena *arena = b_arena_new(0);
    rw_ctx ctx = {.charset = RW_CHARSET_SAFE, .schema = B_LIT("shop")};
    rw_result res;
    assert_int_equal(rw_rewrite(r, &ctx, b_slice_str(sql), arena, &res), B_OK);
    if ((res.verdict == RW_REFUSED && strcmp(res.code, "lost") == 0) != refused) fail_msg("%s", sql);
    b_arena_free(arena);
}

/* Its table is gone: what may name it is refused, and others are as they were. */
static void test_lost(void **state)
{
    (void)state;
    rw_catalog *c = must_read(mariadb, "CREATE TABLE t (a int, b int); CREATE TABLE u (a int);");
    rw_pair p = {.from = B_LIT("a"), .to = B_LIT("x")};
    rw_migration m[2] = {
        {.name = B_LIT("m"), .schema = B_LIT("shop"), .table = B_LIT("gone"), .pairs = &p, .npairs = 1},
        {.name = B_LIT("n"), .schema = B_LIT("shop"), .table = B_LIT("t"), .pairs = &p, .npairs = 1},
    };
    b_err err = {0};
    assert_int_equal(rw_migration_check(c, &m[1], &err), B_OK);
    assert_int_equal(rw_migration_check(c, &m[0], &err), B_NOT_FOUND);
    m[0].lost = B_LIT("there is no such table");
    rw_ruleset *r = rw_ruleset_new(1, c, m, 2, &err);
    assert_non_null(r);
    expect_lost(r, "SELECT 1 FROM gone", true);
    expect_lost(r, "INSERT INTO `shop`.`gone` VALUES (1)", true);
    expect_lost(r, "CREATE TABLE gone (a INT)", true);
    expect_lost(r, "SELECT * FROM other.gone", false);
    expect_lost(r, "USE other; SELECT * FROM gone", true);
    expect_lost(r, "EXECUTE IMMEDIATE 'SELECT * FROM gone'", true);
    expect_lost(r, "SELECT 'gone' FROM u /* gone */", false);
    expect_lost(r, "SELECT a FROM t", false);
    rw_ruleset_unref(r);
    rw_catalog_unref(c);
}

static void test_parse_names(void **state)
{
    (void)state;
    rw_phase p;
    rw_version v;
    assert_true(rw_phase_parse(B_LIT("Dual_Write"), &p) && p == RW_DUAL_WRITE);
    assert_false(rw_phase_parse(B_LIT("dual"), &p));
    assert_string_equal(rw_phase_name(RW_RETIRED), "retired");
    assert_true(rw_version_parse(B_LIT("new"), &v) && v == RW_VERSION_NEW);
    assert_false(rw_version_parse(B_LIT("newer"), &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns), cmocka_unit_test(test_dump),
        cmocka_unit_test(test_mariadb), cmocka_unit_test(test_bad_ddl),
        cmocka_unit_test(test_rules),   cmocka_unit_test(test_two_migrations),
        cmocka_unit_test(test_lost),    cmocka_unit_test(test_parse_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
