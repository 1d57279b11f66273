/* Does a rewritten write do what the plain table would have done? On both servers, in every phase, under
 * every schema version and either name: affected rows, warnings, error, result and stored rows are compared
 * with the same statement on a plain table; and wherever both columns are written they must be equal byte for
 * byte.
 *
 * To add a case, add a row. `$` stands for the column's name: tt on the plain table, tt or pm for the client.
 */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    F_RANDOM = 1 << 0,           /* values differ from run to run: only A <=> B and the counts are compared */
    F_NO_MY = 1 << 1,            /* not MySQL's language */
    F_NO_MA = 1 << 2,            /* not MariaDB's */
    F_REFUSE_MY = 1 << 3,        /* refused by MySQL's rules where both columns are written */
    F_REFUSE_MA = 1 << 4,        /* … MariaDB's */
    F_REFUSE_ONE = 1 << 5,       /* refused where one column is written */
    F_REFUSE_BARE = 1 << 6,      /* refused where B has no default of its own */
    F_WARNINGS = 1 << 7,         /* an expression written twice warns twice */
    F_STALE = 1 << 8,            /* a stale row that the plain table leaves alone is written all the same */
    F_BOTH = 1 << 9,             /* names both columns: no plain statement, only A <=> B */
    F_ONLY_BOTH = 1 << 10,       /* only for version both */
    F_REFUSE_DUAL = 1 << 11,     /* refused in dual_write only */
    F_REFUSE_UNFILLED = 1 << 12, /* … where A is not filled again yet */
};
#define F_REFUSE (F_REFUSE_MY | F_REFUSE_MA)

typedef struct trap {
    const char *name, *sql;
    tw_kind kind;
    unsigned flags;
    const char *mode; /* sql_mode; NULL: strict */
    ts_param params[3];
    size_t nparams;
} trap;

#define LOOSE "NO_ENGINE_SUBSTITUTION"
#define FILE_A "/tmp/straddle_traps.tsv"

static const trap traps[] = {
    /* trap 1: one table, from left to right */
    {.name = "update, literal", "UPDATE t SET $ = '5' WHERE id = 1", TW_VARCHAR},
    {.name = "update, nothing changes", "UPDATE t SET $ = '1' WHERE id = 1", TW_VARCHAR},
    {.name = "update, itself", "UPDATE t SET $ = $", TW_VARCHAR},
    {.name = "update, some change", "UPDATE t SET $ = '2'", TW_VARCHAR},
    {.name = "update, case only", "UPDATE t SET $ = 'AbC' WHERE id < 3", TW_VARCHAR},
    {.name = "update, from itself", "UPDATE t SET $ = CONCAT($, '!'), n = CHAR_LENGTH($)", TW_VARCHAR},
    {.name = "update, read before", "UPDATE t SET n = $ + 100, $ = '9'", TW_VARCHAR},
    {.name = "update, read after", "UPDATE t SET $ = '9', n = $ + 100", TW_VARCHAR},
    {.name = "update, twice", "UPDATE t SET $ = '8', $ = CONCAT($, '9')", TW_VARCHAR, F_REFUSE_DUAL},
    {.name = "update, twice, back again", "UPDATE t SET $ = 'k', $ = '1'", TW_VARCHAR, F_REFUSE_DUAL},
    {.name = "update, qualified", "UPDATE t SET t.$ = CONCAT(t.$, 'q') WHERE t.$ > '1'", TW_VARCHAR},
    {.name = "update, alias",
     "UPDATE t AS a SET a.$ = CONCAT(a.$, 'q') WHERE a.$ > '1' ORDER BY a.$ LIMIT 2",
     TW_VARCHAR},
    {.name = "update, order and limit", "UPDATE t SET $ = 'z' ORDER BY $ DESC LIMIT 2", TW_VARCHAR},
    {.name = "update, uuid", "UPDATE t SET $ = UUID()", TW_VARCHAR, F_RANDOM},
    {.name = "update, rand", "UPDATE t SET $ = RAND() WHERE RAND() < 2", TW_VARCHAR, F_RANDOM},
    {.name = "update, uuid some", "UPDATE t SET $ = IF(n > 2, UUID(), 'k')", TW_VARCHAR, F_RANDOM},
    {.name = "update, now", "UPDATE t SET $ = NOW()", TW_VARCHAR},
    {.name = "update, null is an error", "UPDATE t SET $ = NULL WHERE id = 1", TW_VARCHAR},
    {.name = "update, null loosely", "UPDATE t SET $ = NULL WHERE id = 1", TW_VARCHAR, 0, LOOSE},
    {.name = "update ignore, null", "UPDATE IGNORE t SET $ = NULL", TW_VARCHAR},
    {.name = "update, too long", "UPDATE t SET $ = REPEAT('x', 50)", TW_VARCHAR},
    {.name = "update, too long loosely", "UPDATE t SET $ = REPEAT('x', 50)", TW_VARCHAR, F_WARNINGS, LOOSE},
    {.name = "update, nullable to null", "UPDATE t SET $ = NULL", TW_NULLABLE},
    {.name = "update, nullable from null", "UPDATE t SET $ = '7'", TW_NULLABLE},
    {.name = "update, nullable to empty", "UPDATE t SET $ = ''", TW_NULLABLE},
    {.name = "update, nullable itself", "UPDATE t SET $ = $", TW_NULLABLE},
    {.name = "update, nullable coalesced", "UPDATE t SET $ = COALESCE($, '0')", TW_NULLABLE},
    {.name = "update, int from a string", "UPDATE t SET $ = '2'", TW_INT},
    {.name = "update, int plus", "UPDATE t SET $ = $ + 1, n = $ * 2", TW_INT},
    {.name = "update, int from hex", "UPDATE t SET $ = 0x35", TW_INT},
    {.name = "update, int bad", "UPDATE t SET $ = 'abc'", TW_INT},
    {.name = "update, int bad loosely", "UPDATE t SET $ = 'abc'", TW_INT, F_WARNINGS, LOOSE},
    {.name = "update, int rounds", "UPDATE t SET $ = 1.6", TW_INT, F_STALE},
    {.name = "update, int null column", "UPDATE t SET $ = 0", TW_INT_NULL},
    {.name = "update, int null column, null", "UPDATE t SET $ = NULL WHERE id > 1", TW_INT_NULL},
    {.name = "update, default", "UPDATE t SET $ = DEFAULT WHERE id < 3", TW_INT, F_STALE},
    {.name = "update, default()",
     "UPDATE t SET $ = DEFAULT($) + 1, n = DEFAULT($)",
     TW_INT,
     F_REFUSE_UNFILLED},
    {.name = "update, default uuid", "UPDATE t SET $ = DEFAULT", TW_UUID, F_RANDOM},
    {.name = "update, enum", "UPDATE t SET $ = 2", TW_ENUM, F_STALE},
    {.name = "update, enum by name", "UPDATE t SET $ = 'A'", TW_ENUM, F_STALE},
    {.name = "update, enum to null loosely",
     "UPDATE t SET $ = NULL, n = n + 1 WHERE id < 4",
     TW_ENUM,
     0,
     LOOSE},
    {.name = "update ignore, enum to null", "UPDATE IGNORE t SET $ = NULL WHERE id < 4", TW_ENUM, F_STALE},
    {.name = "update, decimal", "UPDATE t SET $ = 1.005 * $", TW_DECIMAL, F_WARNINGS},
    {.name = "update, decimal same", "UPDATE t SET $ = '2.00'", TW_DECIMAL},
    {.name = "update, datetime", "UPDATE t SET $ = '2020-01-02' WHERE id < 4", TW_NOW, F_STALE},
    {.name = "update, in select",
     "UPDATE t SET $ = '22' WHERE id IN (SELECT id FROM s)",
     TW_VARCHAR,
     F_STALE},
    {.name = "update, in select, itself",
     "UPDATE t SET $ = CONCAT($, 'x'), n = n + 1 WHERE id IN (SELECT id FROM s)",
     TW_VARCHAR},
    {.name = "update, not in select",
     "UPDATE t SET $ = CONCAT($, 'x') WHERE id NOT IN (SELECT id FROM s)",
     TW_VARCHAR},
    {.name = "update, exists",
     "UPDATE t SET $ = 'e' WHERE EXISTS (SELECT 1 FROM s WHERE s.k = t.$)",
     TW_VARCHAR},
    {.name = "update, in select, uuid",
     "UPDATE t SET $ = UUID() WHERE id IN (SELECT id FROM s)",
     TW_VARCHAR,
     F_RANDOM},
    {.name = "update, in select, rand, limit",
     "UPDATE t SET $ = RAND() WHERE id IN (SELECT id FROM s) ORDER BY id LIMIT 5",
     TW_VARCHAR,
     F_RANDOM},
    {.name = "update, reads itself",
     "UPDATE t SET $ = CONCAT($, 'r') WHERE id IN (SELECT d.id FROM (SELECT id FROM t WHERE $ > '1') d)",
     TW_VARCHAR},
    {.name = "update, reads itself, uuid",
     "UPDATE t SET $ = UUID() WHERE id IN (SELECT d.id FROM (SELECT id FROM t) d)",
     TW_VARCHAR,
     F_RANDOM | F_REFUSE_MA},
    {.name = "update, scalar select",
     "UPDATE t SET $ = (SELECT v FROM s WHERE s.id = t.id) WHERE id < 3",
     TW_VARCHAR,
     F_STALE},
    {.name = "update, scalar select of a random",
     "UPDATE t SET $ = (SELECT UUID()) WHERE id < 3",
     TW_VARCHAR,
     F_RANDOM},
    {.name = "update, key too", "UPDATE t SET id = id + 100, $ = CONCAT($, 'k')", TW_VARCHAR},
    {.name = "update, key conflict", "UPDATE IGNORE t SET id = 1, $ = CONCAT($, 'k')", TW_VARCHAR},
    {.name = "update, variable", "UPDATE t SET $ = (@v := n), n = @v + 1", TW_VARCHAR, F_WARNINGS},
    {.name = "update, wrong date",
     "UPDATE IGNORE t SET $ = 'card' WHERE id < 3",
     TW_NOW,
     F_WARNINGS,
     "STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE"},
    {.name = "update, zero date", "UPDATE t SET $ = '0000-00-00'", TW_NOW, 0, LOOSE},
    {.name = "update, zero date strict",
     "UPDATE t SET $ = '0000-00-00'",
     TW_NOW,
     0,
     "STRICT_TRANS_TABLES,NO_ZERO_DATE"},
    {.name = "update, with",
     "WITH c AS (SELECT id FROM s) UPDATE t SET $ = 'c' WHERE id IN (SELECT id FROM c)",
     TW_VARCHAR,
     F_NO_MA},
    {.name = "update, in select of names",
     "UPDATE t SET $ = 'c' WHERE $ IN (SELECT tt FROM o) OR $ IN (SELECT pm FROM o)",
     TW_VARCHAR},
    {.name = "update, quoted", "UPDATE `t` SET `t`.`$` = \"x\\\"y\" /* $ */ WHERE `$` <> '$'", TW_VARCHAR},
    {.name = "update, hex text", "UPDATE t SET $ = x'4142', n = LENGTH($)", TW_VARCHAR},
    {.name = "update, case",
     "UPDATE t SET $ = CASE WHEN $ = '1' THEN '1' WHEN $ = '2' THEN 'zwei' ELSE $ END",
     TW_VARCHAR},
    {.name = "update, partitioned", "UPDATE t SET $ = CONCAT($, 'p') WHERE id > 1", TW_PARTITIONED},
    {.name = "update, partitioned, uuid", "UPDATE t SET $ = UUID()", TW_PARTITIONED, F_RANDOM},
    {.name = "update, partitioned, in select",
     "UPDATE t SET $ = CONCAT($, 'p') WHERE id IN (SELECT id FROM s)",
     TW_PARTITIONED},
    {.name = "update, null in select loosely",
     "UPDATE t SET $ = (SELECT x FROM s WHERE s.id = t.id) WHERE id IN (SELECT id FROM s)",
     TW_VARCHAR,
     F_STALE,
     LOOSE},
    {.name = "update, simultaneous",
     "UPDATE t SET $ = CONCAT($, 'x'), n = $ + 1",
     TW_VARCHAR,
     F_NO_MY,
     "STRICT_TRANS_TABLES,SIMULTANEOUS_ASSIGNMENT"},
    {.name = "update, simultaneous uuid",
     "UPDATE t SET $ = UUID()",
     TW_VARCHAR,
     F_NO_MY | F_RANDOM | F_REFUSE_MA,
     "STRICT_TRANS_TABLES,SIMULTANEOUS_ASSIGNMENT"},
    {.name = "update, parameters",
     "UPDATE t SET n = ?, $ = ? WHERE id > ?",
     TW_VARCHAR,
     0,
     NULL,
     {{'i', "6"}, {'s', "pp"}, {'i', "1"}},
     3},
    {.name = "update, same parameter",
     "UPDATE t SET $ = ? WHERE id = ?",
     TW_VARCHAR,
     0,
     NULL,
     {{'s', "2"}, {'i', "2"}},
     2},
    {.name = "update, number for a string",
     "UPDATE t SET $ = ? WHERE id = ?",
     TW_INT,
     0,
     NULL,
     {{'s', "2"}, {'i', "2"}},
     2},
    {.name = "update, parameter null", "UPDATE t SET $ = ?", TW_NULLABLE, 0, NULL, {{'n', NULL}}, 1},
    {.name = "update, parameter in select",
     "UPDATE t SET n = ?, $ = CONCAT($, ?) WHERE id IN (SELECT id FROM s WHERE id < ?)",
     TW_VARCHAR,
     0,
     NULL,
     {{'i', "6"}, {'s', "pp"}, {'i', "3"}},
     3},
    {.name = "update, nothing of ours", "UPDATE t SET n = n + 1 WHERE $ = '2'", TW_VARCHAR},

    /* trap 2: several tables */
    {.name = "multi", "UPDATE t, s SET t.$ = CONCAT(t.$, s.v) WHERE t.id = s.id", TW_VARCHAR},
    {.name = "multi, target second", "UPDATE s, t SET t.$ = t.$ + 1, t.n = 5 WHERE t.id = s.id", TW_INT},
    {.name = "multi, join",
     "UPDATE t JOIN s ON s.id = t.id SET t.$ = s.v, s.k = 9 WHERE t.$ < '5'",
     TW_VARCHAR,
     F_STALE},
    {.name = "multi, unqualified", "UPDATE t JOIN s USING (id) SET $ = CONCAT($, v)", TW_VARCHAR},
    {.name = "multi, left join", "UPDATE t LEFT JOIN s ON s.id = t.id SET t.$ = s.v", TW_NULLABLE, F_STALE},
    {.name = "multi, left join, null loosely",
     "UPDATE t LEFT JOIN s ON s.id = t.id SET t.$ = s.v",
     TW_VARCHAR,
     F_REFUSE,
     LOOSE},
    {.name = "multi, neighbour", "UPDATE t AS a JOIN t AS b ON b.id = a.id + 1 SET a.$ = b.$", TW_VARCHAR},
    {.name = "multi, neighbour by its name",
     "UPDATE t JOIN t AS b ON b.id = t.id + 1 SET b.$ = CONCAT('n', t.id), t.n = 1",
     TW_VARCHAR},
    {.name = "multi, other row's", "UPDATE t JOIN t AS b ON b.id = t.id + 1 SET b.$ = t.$", TW_VARCHAR},
    {.name = "multi, itself", "UPDATE t JOIN s ON s.id = t.id SET t.$ = t.$", TW_VARCHAR},
    {.name = "multi, read after", "UPDATE t JOIN s ON s.id = t.id SET t.$ = t.$ + 5, t.n = t.$", TW_INT},
    {.name = "multi, read before", "UPDATE t JOIN s ON s.id = t.id SET t.n = t.$ + 1, t.$ = t.n", TW_INT},
    {.name = "multi, default", "UPDATE t JOIN s ON s.id = t.id SET t.$ = DEFAULT", TW_INT},
    {.name = "multi, ignore, null",
     "UPDATE IGNORE t JOIN s ON s.id = t.id SET t.$ = NULL",
     TW_VARCHAR,
     F_REFUSE},
    {.name = "multi, error", "UPDATE t JOIN s ON s.id = t.id SET t.$ = REPEAT('x', 50)", TW_VARCHAR},
    {.name = "multi, names of another",
     "UPDATE t JOIN o ON o.id = t.id SET t.$ = o.pm, t.n = o.tt",
     TW_NULLABLE},
    {.name = "multi, other is written, unqualified",
     "UPDATE t JOIN s ON s.id = t.id SET k = 9, v = t.$, x = CONCAT(v, t.$)",
     TW_VARCHAR},
    {.name = "multi, other is written",
     "UPDATE t JOIN o ON o.id = t.id SET o.pm = t.$ WHERE t.$ = '1'",
     TW_VARCHAR},
    {.name = "multi, uuid",
     "UPDATE t, s SET t.$ = UUID() WHERE t.id = s.id",
     TW_VARCHAR,
     F_RANDOM | F_REFUSE},
    {.name = "multi, derived",
     "UPDATE t, (SELECT id, RAND() r FROM s) d SET t.$ = d.r WHERE t.id = d.id",
     TW_VARCHAR,
     F_RANDOM | F_REFUSE},
    {.name = "multi, derived, steady",
     "UPDATE t JOIN (SELECT id, CONCAT(v, 'd') d FROM s WHERE k < 5) d USING (id) SET t.$ = d.d, n = 4",
     TW_VARCHAR},
    {.name = "multi, derived of itself",
     "UPDATE t JOIN (SELECT id + 1 AS i, CONCAT($, 'd') d FROM t) d ON d.i = t.id SET t.$ = d.d",
     TW_VARCHAR},
    {.name = "multi, derived, grouped",
     "UPDATE t JOIN (SELECT n % 2 AS odd, MAX($) m, COUNT(*) c FROM t GROUP BY n % 2) d ON d.odd = t.n % 2 "
     "SET t.$ = CONCAT(d.m, '-', d.c)",
     TW_VARCHAR},
    {.name = "multi, derived, limit",
     "UPDATE t JOIN (SELECT id, v FROM s LIMIT 1) d USING (id) SET t.$ = d.v",
     TW_VARCHAR,
     F_REFUSE},
    {.name = "multi, derived beside",
     "UPDATE t JOIN (SELECT id AS k2, RAND() r FROM s) d ON d.k2 = t.id JOIN s ON s.id = t.id SET $ = v",
     TW_VARCHAR,
     F_STALE},
    {.name = "multi, derived, variable",
     "UPDATE t JOIN (SELECT id, @r r FROM s) d USING (id) SET t.$ = d.r",
     TW_VARCHAR,
     F_REFUSE},
    {.name = "multi, view", "UPDATE t, v SET t.$ = v.v WHERE t.id = v.id", TW_VARCHAR, F_REFUSE},
    {.name = "multi, parameter",
     "UPDATE t JOIN s ON s.id = t.id SET t.n = ?, t.$ = ? WHERE s.k < ?",
     TW_VARCHAR,
     0,
     NULL,
     {{'i', "6"}, {'s', "mm"}, {'i', "3"}},
     3},

    /* trap 3 and the INSERT details */
    {.name = "insert, list", "INSERT INTO t (id, n, $) VALUES (11, 1, 'x'), (12, 2, 'y')", TW_VARCHAR},
    {.name = "insert, no list",
     "INSERT INTO t VALUES (11, 1, 'x', '2000-01-01'), (12, 2, 'y', NULL)",
     TW_VARCHAR,
     0},
    {.name = "insert, empty list", "INSERT INTO t () VALUES (11, 1, 'x', NULL)", TW_VARCHAR},
    {.name = "insert, VALUES ()", "INSERT INTO t VALUES (), ()", TW_INT},
    {.name = "insert, () VALUES ()", "INSERT INTO t () VALUES ()", TW_NULLABLE},
    {.name = "insert, VALUES () of an expression", "INSERT INTO t () VALUES (), ()", TW_UUID, F_RANDOM},
    {.name = "insert, VALUES () without a default", "INSERT INTO t () VALUES ()", TW_VARCHAR},
    {.name = "insert, VALUES () without a default loosely",
     "INSERT INTO t () VALUES ()",
     TW_VARCHAR,
     0,
     LOOSE},
    {.name = "insert, uuid", "INSERT INTO t (id, $) VALUES (11, UUID()), (12, UUID())", TW_VARCHAR, F_RANDOM},
    {.name = "insert, rand into int", "INSERT INTO t (id, $) VALUES (11, RAND() * 1000)", TW_INT, F_RANDOM},
    {.name = "insert, set", "INSERT INTO t SET id = 11, $ = UUID(), n = 1", TW_VARCHAR, F_RANDOM},
    {.name = "insert, set reads", "INSERT INTO t SET id = 11, $ = 'q', n = CHAR_LENGTH($)", TW_VARCHAR},
    {.name = "insert, values reads", "INSERT INTO t (id, $, n) VALUES (11, 5, $ + 1)", TW_INT},
    {.name = "insert, omitted", "INSERT INTO t (id, n) VALUES (11, 1)", TW_INT},
    {.name = "insert, omitted, no default", "INSERT INTO t (id, n) VALUES (11, 1)", TW_VARCHAR},
    {.name = "insert ignore, omitted, no default", "INSERT IGNORE INTO t (id, n) VALUES (11, 1)", TW_VARCHAR},
    {.name = "insert, omitted, no default loosely",
     "INSERT INTO t (id, n) VALUES (11, 1)",
     TW_VARCHAR,
     0,
     LOOSE},
    {.name = "insert, omitted uuid", "INSERT INTO t (id, n) VALUES (11, 1), (12, 2)", TW_UUID, F_RANDOM},
    /* the server sets both columns, or neither */
    {.name = "touched", "UPDATE t SET n = n + 1 WHERE id < 3", TW_TOUCHED},
    {.name = "touched, nothing changes", "UPDATE t SET n = 1 WHERE id = 1", TW_TOUCHED},
    {.name = "touched, given", "UPDATE t SET $ = '2020-02-02', n = 9 WHERE id < 3", TW_TOUCHED},
    {.name = "touched, given as it is", "UPDATE t SET $ = '2020-01-01' WHERE id = 1", TW_TOUCHED, F_STALE},
    {.name = "touched, itself", "UPDATE t SET n = 9, $ = $ WHERE id < 3", TW_TOUCHED},
    {.name = "touched, default", "UPDATE t SET $ = DEFAULT WHERE id = 1", TW_TOUCHED},
    {.name = "touched, in order", "UPDATE t SET n = n + 1 ORDER BY $ DESC LIMIT 2", TW_TOUCHED},
    {.name = "touched, subquery", "UPDATE t SET n = 7 WHERE id IN (SELECT id FROM s)", TW_TOUCHED},
    {.name = "touched, given, subquery",
     "UPDATE t SET $ = '2020-02-02', n = 7 WHERE id IN (SELECT id FROM s)",
     TW_TOUCHED},
    {.name = "touched, two tables", "UPDATE t, s SET t.n = s.k + 10 WHERE t.id = s.id", TW_TOUCHED},
    {.name = "touched, two tables, the other first",
     "UPDATE s, t SET t.n = s.k + 10, s.k = 5 WHERE t.id = s.id AND t.n > 0",
     TW_TOUCHED},
    {.name = "touched, given, two tables",
     "UPDATE t, s SET t.$ = '2020-02-02', t.n = s.k WHERE t.id = s.id",
     TW_TOUCHED},
    {.name = "touched, itself, two tables",
     "UPDATE t, s SET t.n = s.k + 3, t.$ = t.$ WHERE t.id = s.id",
     TW_TOUCHED},
    {.name = "touched, insert", "INSERT INTO t (id, n) VALUES (11, 1), (12, 2)", TW_TOUCHED},
    {.name = "touched, replace", "REPLACE INTO t (id, n) VALUES (1, 3), (11, 4)", TW_TOUCHED},
    {.name = "touched, on duplicate",
     "INSERT INTO t (id, n) VALUES (1, 5), (11, 6) ON DUPLICATE KEY UPDATE n = VALUES(n) + 1",
     TW_TOUCHED},
    {.name = "touched, on duplicate, nothing",
     "INSERT INTO t (id, n) VALUES (1, 5) ON DUPLICATE KEY UPDATE n = 1",
     TW_TOUCHED},
    {.name = "touched, on duplicate, given",
     "INSERT INTO t (id, n) VALUES (1, 5) ON DUPLICATE KEY UPDATE $ = '2020-02-02', n = 8",
     TW_TOUCHED},
    {.name = "touched, on duplicate, itself",
     "INSERT INTO t (id, n) VALUES (1, 5) ON DUPLICATE KEY UPDATE n = 8, $ = t.$",
     TW_TOUCHED},
    {.name = "insert, omitted now", "INSERT INTO t (id, n) VALUES (11, 1), (12, 2)", TW_NOW},
    {.name = "insert, set, omitted now", "INSERT INTO t SET id = 11, n = 3", TW_NOW},
    {.name = "insert, DEFAULT", "INSERT INTO t (id, $, n) VALUES (11, DEFAULT, 1), (12, 5, DEFAULT)", TW_INT},
    {.name = "insert, DEFAULT uuid", "INSERT INTO t (id, $) VALUES (11, DEFAULT)", TW_UUID, F_RANDOM},
    {.name = "insert, NULL", "INSERT INTO t (id, $) VALUES (11, NULL)", TW_VARCHAR},
    {.name = "insert, NULL loosely",
     "INSERT INTO t (id, $) VALUES (11, NULL), (12, NULL)",
     TW_VARCHAR,
     0,
     LOOSE},
    {.name = "insert ignore, NULL", "INSERT IGNORE INTO t (id, $) VALUES (11, NULL), (1, 'k')", TW_VARCHAR},
    {.name = "insert, too long", "INSERT INTO t (id, $) VALUES (11, REPEAT('x', 50))", TW_VARCHAR},
    {.name = "insert, too long loosely",
     "INSERT INTO t (id, $) VALUES (11, REPEAT('x', 50))",
     TW_VARCHAR,
     0,
     LOOSE},
    {.name = "insert, duplicate", "INSERT INTO t (id, $) VALUES (1, 'd')", TW_VARCHAR},
    {.name = "insert, wrong number", "INSERT INTO t (id, $) VALUES (1)", TW_VARCHAR},
    {.name = "insert, wrong number, no list", "INSERT INTO t VALUES (1, 2)", TW_VARCHAR},
    {.name = "insert, returning",
     "INSERT INTO t (id, $) VALUES (11, 'x') RETURNING id, $, CONCAT($, '!')",
     TW_VARCHAR,
     F_NO_MY},
    {.name = "insert, parameters",
     "INSERT INTO t (n, $, id) VALUES (?, ?, ?)",
     TW_VARCHAR,
     0,
     NULL,
     {{'i', "6"}, {'s', "pp"}, {'i', "21"}},
     3},
    {.name = "insert, select", "INSERT INTO t (id, $) SELECT id + 20, v FROM s", TW_VARCHAR, F_REFUSE_BARE},
    {.name = "insert, select uuid",
     "INSERT INTO t (id, $) SELECT d.id + 20, d.u FROM (SELECT id, UUID() u FROM s) d",
     TW_VARCHAR,
     F_RANDOM | F_REFUSE_BARE},
    {.name = "insert, select rand",
     "INSERT INTO t (id, $) SELECT id + 20, RAND() FROM s",
     TW_VARCHAR,
     F_RANDOM | F_REFUSE_BARE},
    {.name = "insert, select itself",
     "INSERT INTO t (id, $) SELECT id + 20, CONCAT($, 'c') FROM t",
     TW_VARCHAR,
     F_REFUSE_BARE},
    {.name = "insert, select star",
     "INSERT INTO t SELECT id + 20, n, $, ts FROM t",
     TW_VARCHAR,
     F_REFUSE_BARE},
    {.name = "insert, select, omitted now",
     "INSERT INTO t (id, n) SELECT id + 20, 1 FROM s",
     TW_NOW,
     F_REFUSE_BARE},
    {.name = "insert, select, omitted uuid",
     "INSERT INTO t (id, n) SELECT id + 20, 1 FROM s",
     TW_UUID,
     F_RANDOM | F_REFUSE_BARE},
    {.name = "insert, select, no list, both",
     "INSERT INTO t SELECT id + 20, 1, v, NULL, v FROM s",
     TW_VARCHAR,
     F_BOTH | F_ONLY_BOTH | F_REFUSE_ONE},
    {.name = "insert, no list, both",
     "INSERT INTO t VALUES (11, 1, 'v', NULL, 'v'), (12, 1, 'w', NULL, 'w')",
     TW_VARCHAR,
     F_BOTH | F_ONLY_BOTH},
    {.name = "insert, select in values",
     "INSERT INTO t (id, $) VALUES (11, (SELECT v FROM s WHERE id = 1))",
     TW_VARCHAR},
    {.name = "insert, other table", "INSERT INTO o SELECT id + 20, $, n FROM t WHERE $ > '1'", TW_VARCHAR},
    {.name = "replace, other table", "REPLACE INTO o (id, pm, tt) SELECT id, $, $ FROM t", TW_VARCHAR},
    {.name = "insert, union",
     "INSERT INTO t (id, $) SELECT 20, 'a' UNION ALL SELECT 21, 'b'",
     TW_VARCHAR,
     F_REFUSE_BARE},
    {.name = "replace", "REPLACE INTO t (id, $) VALUES (1, 'r'), (11, UUID())", TW_VARCHAR, F_RANDOM},
    {.name = "replace, no list", "REPLACE INTO t VALUES (1, 5, 'r', NULL)", TW_VARCHAR},
    {.name = "replace, set", "REPLACE INTO t SET id = 2, $ = 'r'", TW_VARCHAR},
    {.name = "replace, select", "REPLACE INTO t (id, $) SELECT id, v FROM s", TW_VARCHAR, F_REFUSE_BARE},

    /* ON DUPLICATE KEY UPDATE */
    {.name = "odku, values",
     "INSERT INTO t (id, $) VALUES (1, '9'), (11, 'n') ON DUPLICATE KEY UPDATE $ = VALUES($)",
     TW_VARCHAR,
     F_WARNINGS},
    {.name = "odku, nothing changes",
     "INSERT INTO t (id, $) VALUES (1, '1') ON DUPLICATE KEY UPDATE $ = VALUES($)",
     TW_VARCHAR,
     F_WARNINGS},
    {.name = "odku, literal, nothing changes",
     "INSERT INTO t (id, $) VALUES (1, 'k') ON DUPLICATE KEY UPDATE $ = '1'",
     TW_VARCHAR},
    {.name = "odku, concat",
     "INSERT INTO t (id, $) VALUES (1, '9') ON DUPLICATE KEY UPDATE $ = CONCAT($, VALUES($), '!'), n = $",
     TW_INT,
     F_WARNINGS},
    {.name = "odku, uuid",
     "INSERT INTO t (id, $) VALUES (1, 'k'), (2, 'l') ON DUPLICATE KEY UPDATE $ = UUID()",
     TW_VARCHAR,
     F_RANDOM},
    {.name = "odku, other column",
     "INSERT INTO t (id, n, $) VALUES (1, 3, 'k') ON DUPLICATE KEY UPDATE n = VALUES(n) + 1",
     TW_VARCHAR},
    {.name = "odku, default",
     "INSERT INTO t (id, $) VALUES (1, 3) ON DUPLICATE KEY UPDATE $ = DEFAULT",
     TW_INT},
    {.name = "odku, nullable",
     "INSERT INTO t (id, $) VALUES (4, 'k') ON DUPLICATE KEY UPDATE $ = VALUES($)",
     TW_NULLABLE,
     F_WARNINGS},
    {.name = "odku, null loosely",
     "INSERT INTO t (id, $) VALUES (1, 'k') ON DUPLICATE KEY UPDATE $ = NULL",
     TW_VARCHAR,
     0,
     LOOSE},
    {.name = "odku, row alias",
     "INSERT INTO t (id, $) VALUES (1, 'x'), (11, 'y') AS new ON DUPLICATE KEY UPDATE $ = CONCAT(t.$, new.$)",
     TW_VARCHAR,
     F_NO_MA},
    {.name = "odku, row alias, names",
     "INSERT INTO t (id, $) VALUES (1, 'x') AS new (i, z) ON DUPLICATE KEY UPDATE t.$ = z, n = i + 5",
     TW_VARCHAR,
     F_NO_MA},
    {.name = "odku, row alias, omitted",
     "INSERT INTO t (id, n) VALUES (1, 9) AS new (i, z) ON DUPLICATE KEY UPDATE n = z",
     TW_NOW,
     F_NO_MA},
    {.name = "odku, select",
     "INSERT INTO t (id, $) SELECT id, v FROM s ON DUPLICATE KEY UPDATE $ = CONCAT(t.$, s.v)",
     TW_VARCHAR,
     F_REFUSE_BARE},
    {.name = "odku, select, uuid",
     "INSERT INTO t (id, $) SELECT id, v FROM s ON DUPLICATE KEY UPDATE $ = UUID()",
     TW_VARCHAR,
     F_RANDOM | F_REFUSE_BARE},
    {.name = "odku, select itself",
     "INSERT INTO t (id, $) SELECT id, CONCAT($, 'z') FROM t ON DUPLICATE KEY UPDATE $ = 'x'",
     TW_VARCHAR,
     F_REFUSE_BARE | F_STALE},
    {.name = "odku, select itself, alias",
     "INSERT INTO t (id, $) SELECT id, CONCAT($, 'z') FROM t AS a ON DUPLICATE KEY UPDATE $ = CONCAT(t.$, "
     "a.$)",
     TW_VARCHAR,
     F_REFUSE_BARE},
    {.name = "odku, select, other names",
     "INSERT INTO t (id, $) SELECT id, tt FROM o ON DUPLICATE KEY UPDATE t.$ = CONCAT(o.pm, t.$)",
     TW_VARCHAR,
     F_REFUSE_BARE},
    {.name = "odku, select, derived",
     "INSERT INTO t (id, $) SELECT d.id, d.r FROM (SELECT id, RAND() r FROM s) d ON DUPLICATE KEY UPDATE $ = "
     "d.r",
     TW_VARCHAR,
     F_RANDOM | F_REFUSE_BARE},
    {.name = "odku, union",
     "INSERT INTO t (id, $) SELECT 1, 'a' UNION ALL SELECT 21, 'b' ON DUPLICATE KEY UPDATE $ = 'u'",
     TW_VARCHAR,
     F_REFUSE_BARE},
    {.name = "odku, itself",
     "INSERT INTO t (id, $) VALUES (1, 'x') ON DUPLICATE KEY UPDATE $ = $",
     TW_VARCHAR},
    {.name = "odku, simultaneous",
     "INSERT INTO t (id, $) VALUES (1, 'x') ON DUPLICATE KEY UPDATE $ = CONCAT($, 'x'), n = $",
     TW_VARCHAR,
     F_NO_MY,
     "STRICT_TRANS_TABLES,SIMULTANEOUS_ASSIGNMENT"},
    {.name = "odku, parameters",
     "INSERT INTO t (id, $) VALUES (?, ?) ON DUPLICATE KEY UPDATE $ = ?",
     TW_VARCHAR,
     0,
     NULL,
     {{'i', "1"}, {'s', "pp"}, {'s', "qq"}},
     3},

    /* a client that writes both */
    {.name = "both, update", "UPDATE t SET tt = 'v', pm = 'v' WHERE id = 1", TW_VARCHAR, F_BOTH},
    {.name = "both, update after",
     "UPDATE t SET tt = CONCAT(tt, 'v'), pm = tt WHERE id = 1",
     TW_VARCHAR,
     F_BOTH},
    {.name = "both, insert", "INSERT INTO t (id, tt, pm) VALUES (11, 'v', 'v')", TW_VARCHAR, F_BOTH},
    {.name = "both, insert after", "INSERT INTO t (id, pm, tt) VALUES (11, 'v', pm)", TW_VARCHAR, F_BOTH},
    {.name = "both, update, B first", "UPDATE t SET pm = 'v', tt = pm WHERE id = 1", TW_VARCHAR, F_BOTH},
    {.name = "both, update, B read",
     "UPDATE t SET pm = CONCAT(pm, 'v'), n = CHAR_LENGTH(pm), tt = pm",
     TW_VARCHAR,
     F_BOTH},
    {.name = "both, odku, B first",
     "INSERT INTO t (id, tt, pm) VALUES (1, 'v', 'v') ON DUPLICATE KEY UPDATE pm = 'w', tt = pm",
     TW_VARCHAR,
     F_BOTH},
    {.name = "both, set", "INSERT INTO t SET id = 11, tt = 'v', pm = 'v'", TW_VARCHAR, F_BOTH},

    /* DELETE and LOAD DATA */
    {.name = "delete", "DELETE FROM t WHERE $ > '2'", TW_VARCHAR},
    {.name = "delete, order", "DELETE FROM t ORDER BY $ DESC LIMIT 1", TW_VARCHAR},
    {.name = "delete, multi", "DELETE t FROM t JOIN s ON s.id = t.id WHERE t.$ = '1'", TW_VARCHAR},
    {.name = "delete, using", "DELETE FROM a USING t AS a JOIN s ON s.id = a.id WHERE a.$ = '2'", TW_VARCHAR},
    {.name = "delete, in select", "DELETE FROM t WHERE id IN (SELECT id FROM s WHERE s.v > t.$)", TW_VARCHAR},
    {.name = "delete, returning", "DELETE FROM t WHERE $ = '2' RETURNING id, $", TW_VARCHAR, F_NO_MY},
    {.name = "load", "LOAD DATA LOCAL INFILE '" FILE_A "' INTO TABLE t (id, $)", TW_VARCHAR},
    {.name = "load, no list", "LOAD DATA LOCAL INFILE '" FILE_A "' INTO TABLE t", TW_VARCHAR, 0, LOOSE},
    {.name = "load, variable",
     "LOAD DATA LOCAL INFILE '" FILE_A "' INTO TABLE t (id, @v) SET $ = CONCAT(@v, '!'), n = CHAR_LENGTH($)",
     TW_VARCHAR},
    {.name = "load, replace",
     "LOAD DATA LOCAL INFILE '" FILE_A "' REPLACE INTO TABLE t FIELDS TERMINATED BY '\\t' (id, $)",
     TW_VARCHAR},
    {.name = "load, omitted now", "LOAD DATA LOCAL INFILE '" FILE_A "' INTO TABLE t (id, @x)", TW_NOW},
    {.name = "load, omitted uuid",
     "LOAD DATA LOCAL INFILE '" FILE_A "' INTO TABLE t (id, @x) SET n = 5",
     TW_UUID,
     F_RANDOM},
    {.name = "load, uuid",
     "LOAD DATA LOCAL INFILE '" FILE_A "' INTO TABLE t (id, @x) SET $ = UUID()",
     TW_VARCHAR,
     F_RANDOM},
};
#define NTRAPS (sizeof traps / sizeof *traps)

typedef struct client {
    rw_version version;
    const char *name; /* what it calls the column */
} client;

static const client clients[] = {
    {RW_VERSION_OLD, "tt"},  {RW_VERSION_NEW, "pm"}, {RW_VERSION_BOTH, "tt"},
    {RW_VERSION_BOTH, "pm"}, {RW_VERSION_OLD, "pm"},
};

typedef struct run {
    tw_world *w;
    const trap *t;
    const client *c;
    unsigned *bad;
    char sent[2048];
} run;

static void complain(run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void complain(run *r, const char *fmt, ...)
{
    va_list ap;
    (*r->bad)++;
    fprintf(stderr, "%s, %s, %s as %s: %s: ", r->w->server->name, r->w->state->name,
            rw_version_name(r->c->version), r->c->name, r->t->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n    sent: %s\n", r->sent);
}

static void named(const char *sql, const char *name, char *out, size_t size)
{
    size_t n = 0;
    for (; *sql != '\0' && n + 4 < size; sql++) {
        if (*sql == '$') {
            n += (size_t)snprintf(out + n, size - n, "%s", name);
        } else {
            out[n++] = *sql;
        }
    }
    out[n] = '\0';
}

static bool dual(const run *r)
{
    return r->w->state->phase == RW_DUAL_WRITE || r->w->state->phase == RW_SWITCHED;
}

/* On the way back from retired: until A is filled a write that leaves B as it is may change A. */
static bool unfilled_a(const run *r)
{
    return r->w->state->stale && r->w->state->phase == RW_SWITCHED;
}

static bool should_refuse(const run *r)
{
    unsigned f = r->t->flags;
    if (!dual(r)) return (f & F_REFUSE_ONE) != 0;
    if ((f & F_REFUSE_DUAL) != 0 && r->w->state->phase == RW_DUAL_WRITE) return true;
    if (!r->w->state->up && (f & F_REFUSE_BARE) != 0) return true;
    if (unfilled_a(r) && (f & F_REFUSE_UNFILLED) != 0) return true;
    return (f & (r->w->server->mariadb ? F_REFUSE_MA : F_REFUSE_MY)) != 0;
}

static ts_result *send(ts_conn *c, const trap *t, const char *sql, const rw_param_map *map)
{
    ts_param params[16];
    size_t n = t->nparams;
    memcpy(params, t->params, sizeof t->params);
    if (map != NULL && map->nout > 0) {
        n = map->nout > 16 ? 16 : map->nout;
        for (size_t i = 0; i < n; i++) params[i] = t->params[map->source[i]];
    }
    return ts_run(c, t->nparams > 0 ? TS_PREPARED : TS_TEXT, sql, params, n);
}

/* Every row that has been written has both columns alike; one that is stale is as it was. */
static void check_pairs(run *r)
{
    long long bad;
    if (!dual(r)) return;
    ts_do(r->w->real, "SET sql_mode = ''");
    bad = ts_int(r->w->real,
                 "SELECT COUNT(*) FROM t LEFT JOIN t0 ON t0.id = t.id WHERE "
                 "NOT (CAST(tt AS BINARY) <=> CAST(pm AS BINARY)) AND NOT (%d AND %s AND "
                 "t0.id IS NOT NULL AND t0.a <=> CAST(%s AS BINARY))",
                 r->w->state->stale, unfilled_a(r) ? "TRUE" : "pm IS NULL", tw_read_column(r->w));
    if (bad != 0) complain(r, "%lld rows with A and B different", bad);
}

static void check_rows(run *r)
{
    char why[512];
    const char *p = (r->t->flags & F_RANDOM) ? "1" : "tt";
    const char *q = (r->t->flags & F_RANDOM) ? "1" : tw_read_column(r->w);
    char one[200], two[200];
    const char *kept = unfilled_a(r) ? "1" : "ts = '2000-01-01'";
    snprintf(one, sizeof one, "SELECT id, n, %s AS kept, %s AS c FROM t ORDER BY id", kept, p);
    snprintf(two, sizeof two, "SELECT id, n, %s AS kept, %s AS c FROM t ORDER BY id", kept, q);
    ts_result *a = ts_query(r->w->plain, "%s", one), *b = ts_query(r->w->real, "%s", two);
    if ((r->t->flags & F_STALE) == 0 || !r->w->state->stale || unfilled_a(r)) {
        if (!ts_same(a, b, TS_ORDERED, why)) complain(r, "stored rows: %s", why);
    }
    ts_result_free(a);
    ts_result_free(b);
}

static void check_others(run *r)
{
    char why[512];
    ts_result *a = ts_query(r->w->plain, "SELECT id, pm, tt, (SELECT SUM(k) FROM s) AS k FROM o ORDER BY id");
    ts_result *b = ts_query(r->w->real, "SELECT id, pm, tt, (SELECT SUM(k) FROM s) AS k FROM o ORDER BY id");
    if (!ts_same(a, b, TS_ORDERED, why)) complain(r, "other tables: %s", why);
    ts_result_free(a);
    ts_result_free(b);
}

static void compare(run *r, const ts_result *a, const ts_result *b)
{
    unsigned f = r->t->flags;
    if (a->error != b->error || strcmp(a->sqlstate, b->sqlstate) != 0) {
        complain(r, "error %u (%s) %s, plain %u (%s) %s", b->error, b->sqlstate, b->message, a->error,
                 a->sqlstate, a->message);
        return;
    }
    if (a->error != 0) return;
    if (a->affected != b->affected && !((f & F_STALE) && r->w->state->stale) && !unfilled_a(r)) {
        complain(r, "affected rows %llu, plain %llu", (unsigned long long)b->affected,
                 (unsigned long long)a->affected);
    }
    if (a->warnings != b->warnings && (f & F_WARNINGS) == 0) {
        complain(r, "warnings %u, plain %u", b->warnings, a->warnings);
    }
    if (a->nrows != b->nrows || a->ncols != b->ncols)
        complain(r, "%zu result rows, plain %zu", b->nrows, a->nrows);
}

/* An error that the rewriter answers itself must be the one that the plain table gives. */
static void check_refused(run *r, const rw_result *out)
{
    char sql[1024];
    if (out->error == 1235) {
        if (!should_refuse(r)) complain(r, "refused: %.*s", B_ARG(out->message));
        return;
    }
    named(r->t->sql, "tt", sql, sizeof sql);
    ts_result *a = send(r->w->plain, r->t, sql, NULL);
    if (a->error != out->error) complain(r, "answered %u, plain gives %u", out->error, a->error);
    ts_result_free(a);
}

static void run_rewritten(run *r, const rw_result *out)
{
    char plain[1024];
    ts_result *b = send(r->w->real, r->t, r->sent, &out->params);
    if (r->t->flags & F_BOTH) {
        if (b->error != 0) complain(r, "error %u %s", b->error, b->message);
    } else {
        named(r->t->sql, "tt", plain, sizeof plain);
        ts_result *a = send(r->w->plain, r->t, plain, NULL);
        compare(r, a, b);
        ts_result_free(a);
        check_rows(r);
        check_others(r);
    }
    ts_result_free(b);
    check_pairs(r);
}

static void run_one(run *r)
{
    char sql[1024];
    rw_result out;
    rw_ctx ctx = {.charset = RW_CHARSET_SAFE,
                  .schema = B_LIT("traps_real"),
                  .version = r->c->version,
                  .prepared = r->t->nparams > 0};
    const char *mode = r->t->mode != NULL ? r->t->mode : "STRICT_TRANS_TABLES";
    ctx.sql_mode = rw_sql_mode_parse(b_slice_str(mode));
    tw_fill(r->w, r->t->mode);
    named(r->t->sql, r->c->name, sql, sizeof sql);
    snprintf(r->sent, sizeof r->sent, "(%s)", sql);
    b_arena_reset(r->w->arena);
    if (rw_rewrite(r->w->rules, &ctx, b_slice_str(sql), r->w->arena, &out) != B_OK) {
        complain(r, "rw_rewrite failed");
    } else if (out.verdict == RW_REFUSED) {
        check_refused(r, &out);
    } else if (should_refuse(r)) {
        snprintf(r->sent, sizeof r->sent, "%.*s", B_ARG(out.sql));
        complain(r, "was to be refused");
    } else {
        snprintf(r->sent, sizeof r->sent, "%.*s", B_ARG(out.sql));
        run_rewritten(r, &out);
    }
}

static bool applies(const run *r)
{
    unsigned f = r->t->flags;
    if (f & (r->w->server->mariadb ? F_NO_MA : F_NO_MY)) return false;
    if ((f & F_ONLY_BOTH) && r->c->version != RW_VERSION_BOTH) return false;
    return true;
}

static void run_kind(tw_world *w, tw_kind kind, unsigned *bad, unsigned *done)
{
    size_t n;
    const tw_state *states = tw_states(&n);
    for (size_t s = 0; s < n; s++) {
        tw_set(w, kind, &states[s]);
        for (size_t i = 0; i < NTRAPS; i++) {
            for (size_t c = 0; traps[i].kind == kind && c < sizeof clients / sizeof *clients; c++) {
                run r = {.w = w, .t = &traps[i], .c = &clients[c], .bad = bad};
                if (applies(&r)) {
                    run_one(&r);
                    (*done)++;
                }
            }
        }
    }
}

static void write_file(void)
{
    FILE *f = fopen(FILE_A, "w");
    assert_non_null(f);
    fputs("31\tone\n32\ttwo\n33\t\\N\n", f);
    assert_int_equal(fclose(f), 0);
}

static void run_server(const ts_server *s)
{
    tw_world w;
    unsigned bad = 0, done = 0;
    write_file();
    tw_open(&w, s);
    for (int kind = TW_VARCHAR; kind <= TW_PARTITIONED; kind++) {
        run_kind(&w, (tw_kind)kind, &bad, &done);
    }
    tw_close(&w);
    assert_int_equal(remove(FILE_A), 0);
    print_message("%s: %u runs of %zu statements, %u differences\n", s->name, done, NTRAPS, bad);
    assert_true(done > NTRAPS);
    assert_int_equal(bad, 0);
}

static void mysql_traps(void **state)
{
    (void)state;
    run_server(ts_mysql());
}

static void mariadb_traps(void **state)
{
    (void)state;
    run_server(ts_mariadb());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(mysql_traps), cmocka_unit_test(mariadb_traps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
