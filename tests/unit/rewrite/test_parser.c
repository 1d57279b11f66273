/* The parser: statements to trees, compared as the compact text that rw_dump() gives, and what it must not
 * accept. After every parse the ranges of all nodes are checked against each other. */
#include "parser.h"
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const rw_server mysql = {RW_MYSQL, 90704, 0};
static const rw_server mariadb = {RW_MARIADB, 101119, 0};

typedef struct parsed {
    b_arena *arena;
    rw_tokens t;
    rw_stmt *stmt;
    rw_parse_error err;
    b_status status;
} parsed;

static parsed parse_mode(rw_server server, uint32_t sql_mode, b_slice sql)
{
    parsed r;
    memset(&r, 0, sizeof r);
    rw_ctx ctx;
    memset(&ctx, 0, sizeof ctx);
    ctx.multi = ctx.prepared = true;
    ctx.sql_mode = sql_mode;
    r.arena = b_arena_new(0);
    assert_non_null(r.arena);
    assert_int_equal(rw_lex(&ctx, server, sql, r.arena, &r.t), B_OK);
    r.status = rw_parse(&ctx, server, &r.t, r.arena, &r.stmt, &r.err);
    return r;
}

static parsed parse(rw_server server, const char *sql)
{
    return parse_mode(server, 0, b_slice_str(sql));
}

/* ---- Ranges: a node lies within its parent, siblings follow each other ---- */

static void check_query(const rw_query *q, uint32_t lo, uint32_t hi);

static void check_exprs(const rw_expr *e, uint32_t lo, uint32_t hi)
{
    for (; e != NULL; e = e->next) {
        assert_true(e->tok >= lo && e->end > e->tok && e->end <= hi);
        if (e->name.n > 0) assert_true(e->name.tok >= e->tok && e->name.end <= e->end);
        check_exprs(e->kids, e->tok, e->end);
        if (e->kind == RW_E_SUBQUERY) check_query(e->query, e->tok + 1, e->end - 1);
        lo = e->end;
    }
}

static void check_from(const rw_from *f, uint32_t lo, uint32_t hi)
{
    for (; f != NULL; f = f->next) {
        assert_true(f->tok >= lo && f->end > f->tok && f->end <= hi);
        if (f->kind == RW_F_JOIN) {
            check_from(f->left, f->tok, f->end);
            check_from(f->right, f->left->end, f->end);
        }
        if (f->kind == RW_F_DERIVED) check_query(f->query, f->tok + 1, f->end - 1);
        check_exprs(f->exprs, f->tok, f->end);
        lo = f->end;
    }
}

static void check_order(const rw_order *o, uint32_t lo, uint32_t hi)
{
    for (; o != NULL; o = o->next) {
        check_exprs(o->expr, lo, hi);
        lo = o->expr->end;
    }
}

static void check_select(const rw_select *s)
{
    uint32_t lo = s->items_tok;
    for (const rw_item *i = s->items; i != NULL; i = i->next) {
        assert_true(i->tok >= lo && i->end <= s->items_end);
        check_exprs(i->expr, i->tok, i->end);
        lo = i->end;
    }
    check_from(s->from, s->tok, s->end);
    check_exprs(s->where, s->tok, s->end);
    check_order(s->group, s->tok, s->end);
    check_exprs(s->having, s->tok, s->end);
    check_exprs(s->values, s->tok, s->end);
}

static void check_query(const rw_query *q, uint32_t lo, uint32_t hi)
{
    assert_true(q->tok >= lo && q->end > q->tok && q->end <= hi);
    for (const rw_cte *c = q->ctes; c != NULL; c = c->next) check_query(c->query, q->tok, q->end);
    if (q->select != NULL) check_select(q->select);
    if (q->inner != NULL) check_query(q->inner, q->tok + 1, q->end - 1);
    if (q->left != NULL) check_query(q->left, q->tok, q->end);
    if (q->right != NULL) check_query(q->right, q->left->end + 1, q->end);
    check_order(q->order, q->tok, q->end);
    check_exprs(q->limit, q->tok, q->end);
}

static void check_assigns(const rw_assign *a, uint32_t hi)
{
    for (; a != NULL; a = a->next) {
        assert_true(a->col.tok == a->tok && a->value->tok == a->col.end + 1 && a->value->end == a->end);
        assert_true(a->end <= hi);
        check_exprs(a->value, a->tok, a->end);
    }
}

static void check_stmt(const rw_stmt *s)
{
    for (; s != NULL; s = s->next) {
        if (s->query != NULL) check_query(s->query, s->tok, s->end);
        for (const rw_row *r = s->rows; r != NULL; r = r->next)
            check_exprs(r->values, r->tok + 1, r->end - 1);
        check_from(s->from, s->tok, s->end);
        check_assigns(s->set, s->end);
        check_assigns(s->on_duplicate, s->end);
        check_exprs(s->where, s->tok, s->end);
        check_order(s->order, s->tok, s->end);
        check_stmt(s->inner);
    }
}

/* ---- Trees ---- */

typedef struct row {
    const char *sql, *dump;
} row;

static void check_rows(rw_server server, uint32_t sql_mode, const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        parsed r = parse_mode(server, sql_mode, b_slice_str(rows[i].sql));
        if (r.status != B_OK)
            fail_msg("row %zu: %s: %s at token %u", i, rows[i].sql, r.err.what, (unsigned)r.err.tok);
        check_stmt(r.stmt);
        b_buf out;
        b_buf_init(&out, 0);
        rw_dump(&r.t, r.stmt, &out);
        if (strcmp(b_buf_cstr(&out), rows[i].dump) != 0)
            fail_msg("row %zu: %s\n  gave     %s\n  expected %s", i, rows[i].sql, b_buf_cstr(&out),
                     rows[i].dump);
        b_buf_deinit(&out);
        b_arena_free(r.arena);
    }
}
#define CHECK(server, mode, rows) check_rows((server), (mode), (rows), sizeof(rows) / sizeof((rows)[0]))

static const row both_servers[] = {
#include "parser_rows.inc"
};

static void test_trees_mysql(void **state)
{
    (void)state;
    CHECK(mysql, 0, both_servers);
}

static void test_trees_mariadb(void **state)
{
    (void)state;
    CHECK(mariadb, 0, both_servers);
}

static void test_only_mysql(void **state)
{
    (void)state;
    static const row rows[] = {
        {"SELECT a MEMBER OF (b)", "select (MEMBER a b)"},
        {"SELECT JSON_ARRAYAGG(a NULL ON NULL), JSON_ARRAYAGG(b ABSENT ON NULL), JSON_VALUE(c, '$' NULL ON "
         "EMPTY)",
         "select (JSON_ARRAYAGG a) (JSON_ARRAYAGG b) (JSON_VALUE c #)"},
        {"SELECT a -> '$.x', b->>'$.y' FROM t", "select (-> a #) (->> b #) from t"},
        {"SELECT * FROM t, LATERAL (SELECT t.a) AS d (x)", "select * from t lateral{select t.a}:d[x]"},
        {"VALUES ROW(1, 2), ROW(a, 4) ORDER BY 1", "values # # a # order #"},
        {"WITH c AS (SELECT 1) UPDATE t SET a = 1", "with c{select #} update from t set a=#"},
        {"WITH c AS (SELECT 1) DELETE FROM t WHERE a", "with c{select #} delete from t where a"},
        {"SELECT nextval(a) FROM t", "select (nextval a) from t"},
        {"SELECT returning, offset FROM t", "select returning offset from t"},
        {"INSERT INTO t VALUES ROW(1)", "insert t values #"},
        {"SELECT a FROM t FOR SHARE OF t SKIP LOCKED", "select a from t locking[t]"},
    };
    CHECK(mysql, 0, rows);
}

static void test_only_mariadb(void **state)
{
    (void)state;
    static const row rows[] = {
        {"SELECT NEXT VALUE FOR s, nextval(s), a", "select (NEXT) (nextval) a"},
        {"SELECT rank, system, lateral FROM empty", "select rank system lateral from empty"},
        {"VALUES (1, a), (3, 4)", "values # a # #"},
        {"INSERT INTO t VALUES (VALUE(a), IGNORE)", "insert t ((values a) DEFAULT)"},
        {"SELECT a FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '2020-01-01' x", "select a from t system_time #:x"},
        {"ANALYZE FORMAT=JSON SELECT a FROM t", "explain select a from t"},
        {"SELECT COLUMN_GET(a, 'b' AS CHAR) FROM t", "select (COLUMN_GET a #) from t"},
        {"SELECT a FROM t LIMIT 5 ROWS EXAMINED 100", "select a from t limit # #"},
        {"INSERT INTO t (a) VALUES (1) RETURNING a, b AS x, *", "insert t[a] (#) returning a b:x *"},
        {"BEGIN NOT ATOMIC DECLARE v, w INT DEFAULT 1; SELECT a INTO v FROM t; END",
         "compound{compound{declare[v w] #; select a from t into [v]}}"},
        {"IF a THEN SELECT 1; ELSEIF b THEN DELETE FROM t; ELSE BEGIN SET x = 2; END; END IF",
         "compound{eval a; select #; eval b; delete from t; compound{eval #}}"},
        {"FOR r IN (SELECT a FROM t) DO l: LOOP LEAVE l; END LOOP l; END FOR",
         "compound{eval {select a from t}; compound{declare[r] ; other LEAVE l}}"},
        {"CASE a WHEN 1 THEN SELECT 2; END CASE", "compound{eval a; eval #; select #}"},
        {"REPEAT SELECT 1; UNTIL a END REPEAT", "compound{select #; eval a}"},
        {"BEGIN NOT ATOMIC DECLARE c CURSOR FOR SELECT a FROM t; DECLARE EXIT HANDLER FOR NOT FOUND, 1062 "
         "BEGIN END; END",
         "compound{compound{select a from t; compound{}}}"},
        {"BEGIN NOT ATOMIC PREPARE s FROM 'x'; END", "other BEGIN NOT"},
        {"BEGIN", "other BEGIN"},
    };
    CHECK(mariadb, 0, rows);
}

static void test_modes(void **state)
{
    (void)state;
    static const row ansi[] = {
        {"SELECT \"a\" FROM \"t\" AS \"x\"", "select a from t:x"},
    };
    static const row concat[] = {
        {"SELECT a || b + c", "select (+ (|| a b) c)"},
    };
    CHECK(mysql, RW_MODE_ANSI_QUOTES, ansi);
    CHECK(mysql, RW_MODE_PIPES_AS_CONCAT, concat);
}

/* ---- What must not be accepted, and why ---- */

typedef struct bad_row {
    const char *sql, *what;
} bad_row;

static const bad_row bad[] = {
    {"SELECT", "expression"},
    {"SELECT a FROM", "table name"},
    {"SELECT a b c FROM t", "text after the end of the statement"},
    {"SELECT a FROM t WHERE", "expression"},
    {"SELECT (a FROM t", "expression in parentheses"},
    {"SELECT a FROM t ORDER BY", "expression"},
    {"SELECT a FROM t LEFT JOIN u", "outer join without a condition"},
    {"SELECT CASE WHEN a THEN b", "CASE expression"},
    {"SELECT a BETWEEN 1 OR 2", "BETWEEN condition"},
    {"SELECT a IN b", "IN list"},
    {"SELECT EXISTS (a)", "EXISTS condition"},
    {"SELECT INTERVAL a + 1", "INTERVAL expression"},
    {"SELECT CAST(a)(b)", "text after the end of the statement"},
    {"SELECT f(SELECT a FROM t)", "function argument"},
    {"SELECT 1 LIMIT 1 LIMIT 2", "second LIMIT"},
    {"SELECT 1 UNION", "query"},
    {"SELECT 1 LIMIT 1 UNION SELECT 2", "text after the end of the statement"},
    {"SELECT 'abc", "expression"},
    {"INSERT INTO t (a,) VALUES (1)", "column list"},
    {"INSERT INTO t VALUES (1", "VALUES list"},
    {"INSERT INTO t VALUES (1) UNION SELECT 2", "text after the end of the statement"},
    {"INSERT INTO t SET a", "assignment"},
    {"INSERT INTO t VALUES (1) ON DUPLICATE KEY a = 1", "ON DUPLICATE KEY UPDATE clause"},
    {"REPLACE INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 1", "text after the end of the statement"},
    {"UPDATE t a = 1", "UPDATE statement"},
    {"UPDATE t FOR PORTION OF p FROM 1 SET a = 1", "FOR PORTION OF clause"},
    {"DELETE FROM t FOR PORTION p FROM 1 TO 2", "FOR PORTION OF clause"},
    {"DELETE t WHERE a = 1", "DELETE statement"},
    {"LOAD DATA INFILE 'f' TABLE t", "LOAD statement"},
    {"CREATE TEMPORARY TABLE m (a INT) ENGINE=MERGE UNION=(t)", "option of CREATE TABLE"},
    {"WITH c AS (SELECT 1)", "query"},
    {"EXPLAIN SELECT FROM t", "expression"},
    {"SELECT 1; SELECT FROM", "expression"},
};

static void test_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        parsed r = parse(mariadb, bad[i].sql);
        if (r.status != B_MALFORMED) fail_msg("row %zu: %s was accepted", i, bad[i].sql);
        if (strcmp(r.err.what, bad[i].what) != 0)
            fail_msg("row %zu: %s: said %s, not %s", i, bad[i].sql, r.err.what, bad[i].what);
        assert_null(r.stmt);
        b_arena_free(r.arena);
    }
}

/* Each text many times over must be refused, or parsed, without running out of stack. */
static void test_depth(void **state)
{
    (void)state;
    static const struct {
        const char *head, *unit, *tail;
        bool deep;
    } rows[] = {
        {"SELECT ", "(", "a", true},
        {"SELECT * FROM ", "(", "t", true},
        {"", "(", "SELECT 1", true},
        {"SELECT ", "f(", "a", true},
        {"SELECT ", "NOT - ", "a", true},
        {"SELECT ", "CASE ", "a", true},
        {"SELECT ", "@a := ", "a", true},
        {"SELECT ", "(SELECT ", "a", true},
        {"SELECT a", " IS NULL", "", true},
        {"SELECT a", " COLLATE b", "", true},
        {"", "EXPLAIN ", "SELECT 1", false},
        {"SELECT ", "a OR ", "a", false},
        {"SELECT ", "- ", "a", false},
        {"SELECT 1", ", a + b", "", false},
        {"INSERT INTO t VALUES (1)", ", (1, 'a', DEFAULT)", "", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        b_buf sql;
        b_buf_init(&sql, 0);
        b_buf_str(&sql, rows[i].head);
        for (int n = 0; n < 50000; n++) b_buf_str(&sql, rows[i].unit);
        b_buf_str(&sql, rows[i].tail);
        parsed r = parse_mode(mysql, 0, b_buf_view(&sql));
        if (rows[i].deep ? r.status != B_MALFORMED || !r.err.too_deep : r.status != B_OK)
            fail_msg("row %zu: %s%s…: %s", i, rows[i].head, rows[i].unit, b_status_text(r.status));
        b_arena_free(r.arena);
        b_buf_deinit(&sql);
    }
}

/* An arena that is too small must give B_NOMEM, never a crash or half a tree. */
static void test_no_memory(void **state)
{
    (void)state;
    b_slice sql =
        B_LIT("INSERT INTO t (a, b) SELECT x, (SELECT `q``r` FROM u JOIN v USING (k)) FROM w AS z WHERE "
              "z.a IN (1, 2, f(c)) ON DUPLICATE KEY UPDATE a = VALUES(a), b = 1");
    rw_ctx ctx;
    memset(&ctx, 0, sizeof ctx);
    bool done = false;
    for (size_t cap = 4096; !done && cap < 65536; cap += 64) {
        rw_tokens t;
        rw_stmt *stmt = NULL;
        rw_parse_error err;
        b_arena *a = b_arena_new(cap);
        assert_non_null(a);
        b_status s = rw_lex(&ctx, mysql, sql, a, &t);
        if (s == B_OK) s = rw_parse(&ctx, mysql, &t, a, &stmt, &err);
        assert_true(s == B_OK || s == B_NOMEM);
        assert_true((s == B_OK) == (stmt != NULL));
        done = s == B_OK;
        b_arena_free(a);
    }
    assert_true(done);
}

/* ---- Positions that edits are spliced on ---- */

static void assert_text(const parsed *r, uint32_t tok, uint32_t end, const char *expected)
{
    assert_true(tok < end && end <= r->t.n);
    const rw_token *a = &r->t.tok[tok], *b = &r->t.tok[end - 1];
    b_slice got = b_slice_of(r->t.sql.p + a->off, b->off + b->len - a->off);
    if (!b_slice_eq(got, b_slice_str(expected))) fail_msg("got `%.*s`, expected `%s`", B_ARG(got), expected);
}

static void test_insert_positions(void **state)
{
    (void)state;
    parsed r = parse(mysql, "INSERT INTO s . t (a, `b`) VALUES (1, (x)), (f(2), DEFAULT) AS n (c, d) "
                            "ON DUPLICATE KEY UPDATE a = n.c + 1");
    assert_int_equal(r.status, B_OK);
    const rw_stmt *s = r.stmt;
    assert_text(&r, s->target.tok, s->target.end, "s . t");
    assert_text(&r, s->columns_tok, s->columns_end, "(a, `b`)");
    assert_int_equal(s->columns_tok, s->columns_at);
    assert_text(&r, s->values_tok, s->values_tok + 1, "VALUES");
    assert_text(&r, s->rows->tok, s->rows->end, "(1, (x))");
    assert_text(&r, s->rows->values->next->tok, s->rows->values->next->end, "(x)");
    assert_true(s->rows->values->next->parenthesised);
    assert_text(&r, s->rows->values->next->name.tok, s->rows->values->next->name.end, "x");
    assert_int_equal(s->rows->next->n, 2);
    assert_text(&r, s->row_alias_tok, s->row_alias_columns_end + 1, "n (c, d)");
    assert_text(&r, s->on_duplicate->tok, s->on_duplicate->end, "a = n.c + 1");
    b_arena_free(r.arena);
}

static void test_from_positions(void **state)
{
    (void)state;
    parsed r =
        parse(mysql, "SELECT a AS 'x', (t.b) y FROM t PARTITION (p) AS u FORCE INDEX (i) JOIN v USING (k, l) "
                     "WHERE c = (SELECT 1)");
    assert_int_equal(r.status, B_OK);
    const rw_select *s = r.stmt->query->select;
    assert_text(&r, s->items_tok, s->items_end, "a AS 'x', (t.b) y");
    assert_true(s->items->alias_string);
    assert_text(&r, s->items->next->expr->tok, s->items->next->expr->end, "(t.b)");
    assert_text(&r, s->items->next->alias_tok, s->items->next->end, "y");
    assert_text(&r, s->from->left->tok, s->from->left->after_table, "t PARTITION (p) AS u");
    assert_true(s->from->left->partition_clause && s->from->left->index_hints);
    assert_text(&r, s->from->using_tok, s->from->using_end, "USING (k, l)");
    assert_text(&r, s->where->kids->next->tok, s->where->kids->next->end, "(SELECT 1)");
    assert_text(&r, s->where->kids->next->query->tok, s->where->kids->next->query->end, "SELECT 1");
    b_arena_free(r.arena);
}

static void test_load_positions(void **state)
{
    (void)state;
    parsed r =
        parse(mysql, "LOAD DATA INFILE 'f' INTO TABLE t FIELDS TERMINATED BY ',' IGNORE 1 LINES SET a = 1");
    assert_int_equal(r.status, B_OK);
    assert_false(r.stmt->has_columns);
    assert_text(&r, r.stmt->columns_at - 1, r.stmt->columns_at + 1, "LINES SET");
    b_arena_free(r.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees_mysql),
        cmocka_unit_test(test_trees_mariadb),
        cmocka_unit_test(test_only_mysql),
        cmocka_unit_test(test_only_mariadb),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_insert_positions),
        cmocka_unit_test(test_from_positions),
        cmocka_unit_test(test_load_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
