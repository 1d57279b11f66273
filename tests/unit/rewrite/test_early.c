/* Of which statements an error about a name proves that nothing was carried out. */
#include "rewrite/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define DDL                                                                                                  \
    "CREATE TABLE t (id INT PRIMARY KEY, a INT, n INT);"                                                     \
    "CREATE TABLE o (id INT PRIMARY KEY, a INT);"                                                            \
    "CREATE TABLE fires (id INT PRIMARY KEY, a INT);"                                                        \
    "CREATE TRIGGER tr AFTER DELETE ON fires FOR EACH ROW DO 1;"                                             \
    "CREATE VIEW v AS SELECT id FROM o;"

typedef struct row {
    const char *sql;
    bool early;
    uint32_t mode;
} row;

static const row rows[] = {
    {"SELECT a FROM t", true, 0},
    {"SELECT COUNT(*), MAX(a), COALESCE(n, 1) FROM s.t WHERE a IN (1, 2) AND (n > 3) GROUP BY (n)", true, 0},
    {"SELECT t.a FROM t JOIN o USING (id) LEFT JOIN fires ON (o.id = fires.id) FOR UPDATE", true, 0},
    {"SELECT a INTO @x FROM t", true, 0},
    {"INSERT INTO t (id, a) VALUES (1, 2), (3, ABS(-4))", true, 0},
    {"INSERT INTO t VALUE (1, 2, 3)", true, 0},
    {"INSERT t SET a = NOW() ON DUPLICATE KEY UPDATE a = VALUES(a) + 1", true, 0},
    {"REPLACE INTO t (id, a) SELECT id, a FROM o", true, 0},
    {"UPDATE t SET a = n + 1 WHERE (id = 4) ORDER BY a LIMIT 3", true, 0},
    {"UPDATE t, o SET t.a = o.a WHERE t.id = o.id", true, 0},
    {"DELETE FROM t WHERE a = CAST(3 AS DECIMAL(3, 1))", true, 0},
    {"DELETE t FROM t JOIN o ON t.id = o.id", true, 0},
    /* a routine may be called */
    {"SELECT f(a) FROM t", false, 0},
    {"SELECT RAND() FROM t", false, 0}, /* not in the table of functions */
    {"SELECT s.abs(a) FROM t", false, 0},
    {"SELECT `abs`(a) FROM t", false, 0},
    {"SELECT count (*) FROM t", false, 0},
    {"INSERT INTO t (id, a) VALUES (1, 2), (3, f(4))", false, 0},
    {"UPDATE t SET a = 1 ORDER BY f(a)", false, 0},
    {"CALL p()", false, 0},
    {"DO f()", false, 0},
    {"SET @x = (SELECT a FROM t)", false, 0},
    /* a trigger may fire, or something that is not known be behind a name */
    {"INSERT INTO fires (id) SELECT a FROM t", false, 0},
    {"UPDATE t, fires SET t.a = 1", false, 0},
    {"DELETE FROM fires WHERE a = 1", false, 0},
    {"SELECT a FROM t JOIN v", false, 0},
    {"SELECT a FROM t JOIN nowhere", false, 0},
    {"INSERT INTO nowhere (id) VALUES (1)", false, 0},
    /* what is not looked into */
    {"SELECT a FROM t WHERE id IN (SELECT id FROM v)", false, 0},
    {"SELECT a FROM (SELECT * FROM t) d", false, 0},
    {"SELECT a FROM t UNION SELECT a FROM v", false, 0},
    {"WITH d AS (SELECT 1) SELECT a FROM t", false, 0},
    {"UPDATE t SET a = (SELECT MAX(id) FROM v)", false, 0},
    {"INSERT INTO t (id) TABLE v", false, 0},
    {"LOAD DATA INFILE 'x' INTO TABLE t (a)", false, 0},
    {"EXPLAIN SELECT a FROM t", false, 0},
    {"SELECT a FROM t; SELECT 1", false, 0},
    {"SELECT a FROM t WHERE", false, 0},
    {"SELECT a FROM t", false, RW_MODE_ORACLE},
    {"", false, 0},
};

static void one(const rw_ruleset *r, const row *w, const char *server)
{
    b_arena *arena = b_arena_new(0);
    rw_ctx ctx = {.schema = B_LIT("s"), .multi = true, .sql_mode = w->mode};

    if (rw_fails_early(r, &ctx, b_slice_str(w->sql), arena) != w->early) {
        fail_msg("%s: %s: not %s", server, w->sql, w->early ? "early" : "in doubt");
    }
    b_arena_free(arena);
}

static void test_early(void **state)
{
    static const rw_server servers[] = {{RW_MYSQL, 90704, 0}, {RW_MARIADB, 101119, 0}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        rw_catalog_builder *b = rw_catalog_builder_new(servers[i]);
        b_err err;

        assert_int_equal(rw_catalog_read_ddl(b, B_LIT(DDL), B_LIT("s"), &err), B_OK);
        rw_catalog *c = rw_catalog_build(b);
        rw_ruleset *r = rw_ruleset_new(1, c, NULL, 0, &err);

        rw_catalog_unref(c);
        for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
            one(r, &rows[k], i == 0 ? "mysql" : "mariadb");
        }
        rw_ruleset_unref(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_early)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
