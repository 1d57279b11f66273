/* Forms of statements that few clients use: hints that name indexes, SELECT … INTO, LOAD XML, HANDLER, parts
 * of periods, MINUS. On both servers, in every phase: the same answer, warnings included, and the same rows
 * afterwards as on the plain table, or a refusal with the code that docs/rewriting.md has for it. To add a
 * case, add a row. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    ONLY_MY = 1 << 0,
    ONLY_MA = 1 << 1,
    WRITES = 1 << 2,       /* afterwards the rows are compared, and A with B where both are written */
    REFUSED = 1 << 3,      /* in every phase */
    REFUSED_LATE = 1 << 4, /* from retired on, where the old name is not what is written */
    AS_BELIEVED = 1 << 5,  /* not in planned, where the table is what the client believes */
    PERIOD = 1 << 6,       /* the table has a period p */
};

typedef struct form {
    const char *sql; /* %s: the file */
    unsigned flags;
    const char *code; /* of the refusal */
    const char *mode;
} form;

static const form forms[] = {
    /* names of indexes: the twin's where B is read */
    {.sql = "SELECT id, tt FROM t USE INDEX (by_tt) WHERE tt > '1' ORDER BY id"},
    {.sql = "SELECT id FROM t FORCE INDEX (by_tt) WHERE tt > '1' ORDER BY tt"},
    {.sql = "SELECT id FROM t FORCE KEY FOR ORDER BY (`by_tt`, by_n) IGNORE INDEX FOR GROUP BY (PRIMARY) "
            "ORDER BY "
            "tt"},
    {.sql = "SELECT id FROM t USE INDEX (by_t) WHERE tt > '1' ORDER BY tt"},
    {.sql = "SELECT id FROM t USE INDEX () ORDER BY tt"},
    {.sql = "SELECT id FROM t USE INDEX (nope) ORDER BY tt"},
    {.sql = "SELECT id FROM t USE INDEX (by_) ORDER BY tt"},
    {.sql = "SELECT id FROM t USE INDEX (by_tt__pm) ORDER BY tt"},
    {.sql = "SELECT * FROM t AS u FORCE INDEX (by_tt) NATURAL JOIN o ORDER BY 1"},
    {.sql = "SELECT COUNT(*) FROM o JOIN t FORCE INDEX (by_tt) ON t.tt = o.tt"},
    {.sql = "UPDATE t USE INDEX (by_tt) SET n = 9 WHERE tt = '2'", WRITES},
    {.sql = "UPDATE t FORCE INDEX (by_tt), s SET t.tt = s.v WHERE s.id = t.id AND t.tt > '0'", WRITES},
    {.sql = "DELETE t FROM t FORCE INDEX (by_tt) WHERE tt = '2'", WRITES},
    /* optimizer hints */
    {.sql = "SELECT /*+ INDEX(t by_tt) */ id FROM t WHERE tt > '1' ORDER BY id"},
    {.sql = "SELECT /*+ NO_INDEX(u `by_tt`, by_n) MAX_EXECUTION_TIME(60000) */ id FROM t AS u ORDER BY tt"},
    {.sql = "SELECT /*+ QB_NAME(q) JOIN_ORDER(o, t) INDEX(@q t by_tt) */ t.id FROM t JOIN o USING (id) ORDER "
            "BY 1"},
    {.sql = "SELECT /*+ INDEX(t nope) */ id FROM t ORDER BY tt"},
    {.sql = "SELECT (SELECT /*+ ORDER_INDEX(t by_tt) */ MAX(tt) FROM t), id FROM o ORDER BY id"},
    {.sql = "SELECT /*+ SET_VAR(sort_buffer_size = 100000) */ id, tt FROM t ORDER BY tt"},
    {.sql = "UPDATE /*+ INDEX(t by_tt) */ t SET tt = 'x' WHERE tt = '2'", WRITES},
    {.sql = "SELECT /*+ SET_VAR(sql_mode = 'ANSI_QUOTES') */ tt FROM t", REFUSED | ONLY_MY, "sql_mode"},
    {.sql = "INSERT /*+ SET_VAR(time_zone = '+03:00') */ INTO t (tt) VALUES ('x')",
     REFUSED | ONLY_MY,
     "sql_mode"},
    /* where the rows go */
    {.sql = "SELECT tt, n INTO @a, @b FROM t WHERE tt = '2'"},
    {.sql = "SELECT tt FROM t WHERE tt = '3' INTO @a"},
    {.sql = "SELECT @a, @b"},
    {.sql = "SELECT tt, COUNT(*) FROM t GROUP BY tt LIMIT 2 OFFSET 1"},
    {.sql = "SELECT id, tt FROM t ORDER BY tt DESC FETCH FIRST 2 ROWS ONLY", ONLY_MA},
    {.sql = "SELECT id, tt FROM t ORDER BY n LIMIT ROWS EXAMINED 1000", ONLY_MA},
    {.sql = "SELECT id FROM t WHERE (id, n, tt, id, n, tt, id, n, tt) IN ((1, 1, '1', 1, 1, '1', 1, 1, '1'), "
            "(2, 2, "
            "'2', 2, 2, '2', 2, "
            "2, '2')) ORDER BY id"},
    {.sql = "SELECT id, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY n) OVER (PARTITION BY tt) FROM t ORDER "
            "BY id",
     ONLY_MA},
    {.sql = "SELECT id, MEDIAN(n) OVER (PARTITION BY tt) m FROM t ORDER BY id", ONLY_MA},
    {.sql = "SELECT tt FROM t MINUS SELECT v FROM s ORDER BY tt", ONLY_MA, NULL, "ORACLE"},
    {.sql = "SELECT tt MINUS FROM t ORDER BY MINUS"},
    {.sql = "SELECT tt FROM t PROCEDURE ANALYSE()", ONLY_MA | REFUSED, "procedure"},
    {.sql = "SELECT tt FROM t FOR SYSTEM_TIME ALL", ONLY_MA | REFUSED, "system_time"},
    {.sql = "HANDLER t OPEN", REFUSED, "statement"},
    {.sql = "HANDLER t OPEN AS h", REFUSED, "statement"},
    {.sql = "HANDLER t READ by_tt = ('2') WHERE tt = '2'", REFUSED, "statement"},
    {.sql = "SHOW EXTENDED COLUMNS FROM t", ONLY_MY | REFUSED | AS_BELIEVED, "statement"},
    {.sql = "SHOW EXTENDED INDEX FROM t", ONLY_MY | REFUSED | AS_BELIEVED, "statement"},
    {.sql = "SELECT tt FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY tt) = 1", ONLY_MY | REFUSED, "syntax"},
    /* both names, and one from the other */
    {.sql = "UPDATE t SET tt = n, n = tt",
     ONLY_MA | WRITES,
     NULL,
     "STRICT_TRANS_TABLES,SIMULTANEOUS_ASSIGNMENT"},
    {.sql = "UPDATE t, s SET t.tt = s.v, s.k = t.n WHERE s.id = t.id", WRITES},
    /* the file has columns id, tt and n */
    {.sql = "LOAD XML LOCAL INFILE '%s' INTO TABLE t ROWS IDENTIFIED BY '<row>'",
     WRITES | REFUSED_LATE,
     "load_xml"},
    {.sql = "LOAD XML LOCAL INFILE '%s' INTO TABLE t ROWS IDENTIFIED BY '<row>' (id, tt)",
     WRITES | REFUSED_LATE,
     "load_xml"},
    {.sql = "LOAD XML LOCAL INFILE '%s' REPLACE INTO TABLE t ROWS IDENTIFIED BY '<row>' IGNORE 1 ROWS (id, "
            "@tt) SET "
            "tt = "
            "UPPER(@tt), n = 3",
     WRITES},
    {.sql = "UPDATE t FOR PORTION OF p FROM '2020-03-01' TO '2020-06-01' SET tt = CONCAT(tt, 'x') WHERE tt = "
            "'2'",
     ONLY_MA | WRITES | PERIOD},
    {.sql = "DELETE FROM t FOR PORTION OF p FROM '2020-03-01' TO '2020-06-01' WHERE tt = '2'",
     ONLY_MA | WRITES | PERIOD},
};

static char file[] = "/tmp/straddle-forms-XXXXXX";

static void write_file(void)
{
    int fd = mkstemp(file);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (f == NULL) ts_die("no file");
    fputs("<?xml version=\"1.0\"?><l><row><id>11</id><tt>one</tt><n>5</n></row><row id=\"12\" tt=\"two\" "
          "n=\"6\"/>"
          "<row><id>13</id><tt>three</tt><pm>other</pm><n>7</n></row></l>\n",
          f);
    fclose(f);
}

static bool skipped(const tw_world *w, const form *c)
{
    return (c->flags & (w->server->mariadb ? ONLY_MY : ONLY_MA)) != 0;
}

static bool is_refused(const tw_world *w, const form *c)
{
    if ((c->flags & REFUSED_LATE) != 0) return w->state->phase >= RW_RETIRED;
    return (c->flags & REFUSED) != 0 && !((c->flags & AS_BELIEVED) != 0 && w->state->phase == RW_PLANNED);
}

static void add_period(ts_conn *c)
{
    ts_do(c, "ALTER TABLE t ADD COLUMN s DATE NOT NULL DEFAULT '2020-01-01', ADD COLUMN e DATE NOT NULL "
             "DEFAULT '2021-01-01', "
             "ADD PERIOD FOR p (s, e)");
}

static rw_result rewrite(tw_world *w, const char *sql)
{
    rw_ctx ctx = {.charset = RW_CHARSET_SAFE, .schema = B_LIT("traps_real"), .version = RW_VERSION_OLD};
    rw_result res;
    char mode[512];
    ts_text(w->real, mode, sizeof mode, "SELECT @@sql_mode");
    ctx.sql_mode = rw_sql_mode_parse(b_slice_str(mode));
    b_arena_reset(w->arena);
    if (rw_rewrite(w->rules, &ctx, b_slice_str(sql), w->arena, &res) != B_OK) ts_die("out of memory");
    return res;
}

static void same(tw_world *w, const char *sql, b_slice sent, const ts_result *plain, const ts_result *real)
{
    char why[512];
    if (!ts_same(plain, real, TS_ORDERED | TS_WARNINGS, why))
        fail_msg("%s, %s: %s\n became %.*s\n %s; %s", w->server->name, w->state->name, sql, B_ARG(sent), why,
                 real->message);
}

static void same_rows(tw_world *w, const form *c, const char *sql, b_slice sent)
{
    const char *period = (c->flags & PERIOD) != 0 ? ", s, e" : "";
    ts_result *plain = ts_query(w->plain, "SELECT id, n, tt AS x%s FROM t ORDER BY id", period);
    ts_result *real =
        ts_query(w->real, "SELECT id, n, %s AS x%s FROM t ORDER BY id", tw_read_column(w), period);
    same(w, sql, sent, plain, real);
    ts_result_free(plain);
    ts_result_free(real);
    if (!w->state->stale && (w->state->phase == RW_DUAL_WRITE || w->state->phase == RW_SWITCHED) &&
        ts_int(w->real, "SELECT COUNT(*) FROM t WHERE NOT pm <=> tt") != 0)
        fail_msg("%s, %s: %s\n became %.*s\n and the columns differ", w->server->name, w->state->name, sql,
                 B_ARG(sent));
}

static void check(tw_world *w, const form *c)
{
    char sql[1024];
    const char *hole = strstr(c->sql, "%s");
    snprintf(sql, sizeof sql, "%.*s%s%s", (int)(hole == NULL ? strlen(c->sql) : (size_t)(hole - c->sql)),
             c->sql, hole == NULL ? "" : file, hole == NULL ? "" : hole + 2);
    rw_result res = rewrite(w, sql);
    if (is_refused(w, c)) {
        if (res.verdict != RW_REFUSED || strcmp(res.code, c->code) != 0)
            fail_msg("%s, %s: %s is not refused", w->server->name, w->state->name, sql);
        return;
    }
    if (strstr(sql, " INDEX FROM ") !=
        NULL) { /* its cardinality is an estimate: one of the rows as they are */
        ts_do(w->plain, "ANALYZE TABLE t");
        ts_do(w->real, "ANALYZE TABLE t");
    }
    ts_result *plain = ts_query(w->plain, "%s", sql);
    if (res.verdict == RW_REFUSED) {
        if (plain->error != res.error)
            fail_msg("%s, %s: %s is refused: %.*s", w->server->name, w->state->name, sql, B_ARG(res.message));
        ts_result_free(plain);
        return;
    }
    ts_result *real = ts_query(w->real, "%.*s", B_ARG(res.sql));
    /* docs/rewriting.md: which rows count as changed where the backfill has not come by. */
    if (!w->state->stale || (c->flags & WRITES) == 0) same(w, sql, res.sql, plain, real);
    if ((c->flags & WRITES) != 0) same_rows(w, c, sql, res.sql);
    ts_result_free(plain);
    ts_result_free(real);
}

static void check_all(const ts_server *server)
{
    tw_world w;
    size_t n;
    const tw_state *states = tw_states(&n);
    tw_open(&w, server);
    for (size_t s = 0; s < n; s++) {
        tw_set(&w, TW_INDEXED, &states[s]);
        bool period = false;
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
            if (skipped(&w, &forms[i])) continue;
            if ((forms[i].flags & PERIOD) != 0 && !period)
                add_period(w.plain), add_period(w.real), period = true;
            tw_fill(&w, forms[i].mode);
            check(&w, &forms[i]);
        }
    }
    tw_close(&w);
}

static void test_mysql(void **state)
{
    (void)state;
    check_all(ts_mysql());
}

static void test_mariadb(void **state)
{
    (void)state;
    check_all(ts_mariadb());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mysql), cmocka_unit_test(test_mariadb)};
    write_file();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file);
    return failed;
}
