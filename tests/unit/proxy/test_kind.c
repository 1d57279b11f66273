/* What a statement may leave behind, by its first word. */
#include "kind.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

enum {
    D = PX_KIND_DDL,
    B = PX_KIND_BEGINS,
    S = PX_KIND_SETS,
    N = PX_KIND_NAMED,
    P = PX_KIND_NAMED | PX_KIND_PREPARES,
    C = PX_KIND_CALLS
};

static const struct row {
    const char *sql;
    bool multi;
    unsigned kind;
} rows[] = {
    {"", false, 0},
    {"SELECT 1", false, 0},
    {"settle", false, 0},
    {"SET NAMES gbk", false, S},
    {"set@x=1", false, S},
    {"alter table t add x int", false, D},
    {" \t\n/* why */ -- so\n# and\nALTER TABLE t ADD x INT", false, D},
    {"/*!40000 ALTER TABLE t DISABLE KEYS */", false, D | B | S},
    {"/*!40000 SELECT 1 */", false, B | S},
    {"/*M! CREATE TABLE t (a INT) */", false, D | B | S},
    {"/* not ended", false, 0},
    {"--5", false, 0},
    {"CREATE TEMPORARY TABLE t (a INT)", false, 0},
    {"DROP TEMPORARY TABLE t", false, 0},
    {"DROP TABLE t", false, D},
    {"RENAME TABLE a TO b", false, D},
    {"CALL p()", false, D | B | S | C},
    {"EXECUTE s", false, D | B | S | N},
    {"execute immediate 'CALL p()'", false, D | B | S | N | C},
    {"EXECUTE immediately", false, D | B | S | N | C},
    {"PREPARE s FROM 'SELECT 1'", false, P},
    {"prepared", false, 0},
    {"DEALLOCATE PREPARE s", false, N},
    {"DROP PREPARE s", false, D | P},
    {"SET STATEMENT max_statement_time = 1 FOR EXECUTE s", false, S | N},
    {"SET @execute = 1", false, S},
    {"BEGIN", false, B},
    {"BEGIN NOT ATOMIC START TRANSACTION; SIGNAL SQLSTATE '45000'; END", false, B | C},
    {"BEGIN NOT ATOMIC PREPARE s FROM 'SELECT 1'; END", false, B | C | P},
    {"IF 1 THEN EXECUTE s; END IF", false, B | C | N},
    {"SELECT 1; PREPARE s FROM @x", true, B | S | P},
    {"SELECT 1; CALL p()", true, D | B | S | C},
    {"SELECT 1; SELECT 2", true, B | S},
    {"SELECT 1; ALTER TABLE t ADD x INT", true, D | B | S},
    {"SELECT 1;", true, 0},
    {"SELECT ';'", false, 0},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned got = px_kind(b_slice_str(rows[i].sql), rows[i].multi);
        if (got != rows[i].kind) fail_msg("%s: %u, not %u", rows[i].sql, got, rows[i].kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
