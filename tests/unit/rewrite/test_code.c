/* Statements that a binary log has as text: which of them may change rows of a table. */
#include "rewrite/code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void changes(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        bool want;
        uint32_t mode;
    } cases[] = {
        {"BEGIN", false, 0},
        {"SAVEPOINT `t`", false, 0},
        {"ALTER TABLE t ADD COLUMN x INT", false, 0},
        {"DELETE FROM t WHERE a = 1", false, 0},
        {"TRUNCATE t", false, 0},
        {"CREATE TABLE u AS SELECT * FROM t", false, 0},
        {"INSERT INTO t VALUES (1)", true, 0},
        {"insert low_priority ignore s.`T` set a = 1", true, 0},
        {"INSERT INTO other.t VALUES (1)", false, 0},
        {"INSERT INTO u SELECT * FROM t", false, 0},
        {"/* app */ REPLACE INTO `u` SELECT a FROM s.t", false, 0},
        {"REPLACE t VALUES (1)", true, 0},
        {"REPLACE \"t\" VALUES (1)", true, RW_MODE_ANSI_QUOTES},
        {"UPDATE t SET a = 1", true, 0},
        {"UPDATE u JOIN s.t ON u.id = t.id SET u.a = 1", true, 0},
        {"UPDATE u SET a = (SELECT MAX(a) FROM t)", false, 0},
        {"UPDATE u SET a = 't'", false, 0},
        {"WITH c AS (SELECT 1) UPDATE t, c SET a = 1", true, 0},
        {"LOAD DATA INFILE 'x' INTO TABLE `t` (a)", true, 0},
        {"LOAD DATA INFILE 't' INTO TABLE `u` (a)", false, 0},
        {"SELECT `s`.`f`(1)", true, 0},
        {"SET STATEMENT max_statement_time = 1 FOR UPDATE t SET a = 1", true, 0},
        {"SET PASSWORD = 'x'", false, 0},
        {"/*!50000 UPDATE */ t SET a = 1", true, 0},
        {"UPDATE u JOIN (SELECT CAST(a AS CHAR CHARACTER SET utf8mb4) FROM v) d JOIN t SET t.a = 1", true, 0},
        {"ANALYZE UPDATE t SET a = 1", true, 0},
        {"ANALYZE FORMAT = JSON INSERT INTO s.t VALUES (1)", true, 0},
        {"ANALYZE UPDATE u SET a = 1", false, 0},
        {"ANALYZE TABLE t", false, 0},
        {"ANALYZE NO_WRITE_TO_BINLOG TABLES t", false, 0},
    };
    b_arena *arena = b_arena_new(0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned f = 0; f < 2; f++) {
            rw_ctx ctx = {.schema = B_LIT("s"), .charset = RW_CHARSET_SAFE, .sql_mode = cases[i].mode};
            rw_server server = {f == 0 ? RW_MYSQL : RW_MARIADB, f == 0 ? 90700 : 101119, 0};
            bool got =
                rw_code_changes(&ctx, server, b_slice_str(cases[i].sql), B_LIT("s"), B_LIT("t"), arena);
            if (got != cases[i].want) fail_msg("%s: %d", cases[i].sql, got);
        }
    b_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(changes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
