/* Does a rewritten read give what the plain table would have given? Joins by the names of columns, and
 * statements that stand around others: on both servers, in every phase, against the same statement on a plain
 * table. To add a case, add a row. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
    ONLY_MY = 1 << 0,
    ONLY_MA = 1 << 1,
    NO_STALE = 1 << 2,    /* not while B is NULL */
    REFUSED_RET = 1 << 3, /* refused from retired on */
};

typedef struct read_case {
    const char *sql;
    unsigned flags;
    const char *mode; /* sql_mode; NULL: strict */
} read_case;

static const read_case cases[] = {
    /* o has columns id, tt and pm; s has neither */
    {.sql = "SELECT * FROM t NATURAL JOIN o ORDER BY 1"},
    {.sql = "SELECT * FROM o NATURAL JOIN t ORDER BY 1"},
    {.sql = "SELECT * FROM t NATURAL LEFT JOIN o ORDER BY 1, 2, 3"},
    {.sql = "SELECT tt, t.tt, o.tt, pm FROM t NATURAL LEFT JOIN o ORDER BY 1"},
    {.sql = "SELECT tt, t.tt, o.tt, pm FROM t NATURAL RIGHT JOIN o ORDER BY o.id"},
    {.sql = "SELECT tt, o.id FROM t JOIN o USING (tt) ORDER BY tt"},
    {.sql = "SELECT * FROM t JOIN o USING (tt) ORDER BY tt"},
    {.sql = "SELECT * FROM t x JOIN t y USING (tt) ORDER BY tt"},
    {.sql = "SELECT x.tt, y.n FROM t AS x LEFT JOIN t AS y USING (tt, n) WHERE y.tt > '1' ORDER BY 1"},
    {.sql = "SELECT COUNT(*), tt FROM t JOIN o USING (tt) GROUP BY tt HAVING tt > '0' ORDER BY tt"},
    {.sql = "SELECT tt FROM t JOIN o USING (id, tt) JOIN s USING (id) ORDER BY tt"},
    {.sql = "SELECT tt FROM (t NATURAL JOIN o) JOIN s ON s.id = t.id ORDER BY tt"},
    {.sql = "SELECT d.tt, o.pm FROM (SELECT id, tt FROM t) d NATURAL JOIN o ORDER BY 1"},
    {.sql = "SELECT tt FROM t USE INDEX () JOIN o USING (tt) ORDER BY tt", ONLY_MY},
    {.sql = "SELECT id FROM o WHERE EXISTS (SELECT 1 FROM t NATURAL JOIN s WHERE tt = o.tt) ORDER BY id"},
    {.sql = "SELECT COUNT(*) FROM t NATURAL JOIN t AS u"},
    /* around statements */
    {.sql = "SET STATEMENT max_statement_time = 100 FOR SELECT tt FROM t ORDER BY tt", ONLY_MA},
    {.sql = "SET STATEMENT sql_mode = '' FOR SELECT t.*, tt FROM t ORDER BY tt", ONLY_MA},
    {.sql = "SET SESSION sort_buffer_size = (SELECT 100000 + COUNT(tt) FROM t)"},
    {.sql = "SELECT tt || 'x' FROM t ORDER BY tt", ONLY_MA, "ORACLE"},
    {.sql = "SELECT \"tt\" FROM \"t\" WHERE ROWNUM < 3 ORDER BY \"tt\"", ONLY_MA, "ORACLE"},
    {.sql = "SELECT tt FROM t UNION SELECT v FROM s ORDER BY tt", ONLY_MA, "ORACLE"},
};

static bool skipped(const tw_world *w, const read_case *c)
{
    return ((c->flags & ONLY_MY) != 0 && w->server->mariadb) ||
           ((c->flags & ONLY_MA) != 0 && !w->server->mariadb);
}

static b_slice rewrite(tw_world *w, const read_case *c, rw_version version)
{
    rw_ctx ctx = {.charset = RW_CHARSET_SAFE, .schema = B_LIT("traps_real"), .version = version};
    rw_result res;
    char mode[512];
    ts_text(w->real, mode, sizeof mode, "SELECT @@sql_mode");
    ctx.sql_mode = rw_sql_mode_parse(b_slice_str(mode));
    b_arena_reset(w->arena);
    if (rw_rewrite(w->rules, &ctx, b_slice_str(c->sql), w->arena, &res) != B_OK) ts_die("out of memory");
    if (res.verdict == RW_REFUSED)
        fail_msg("%s, %s: %s is refused: %.*s", w->server->name, w->state->name, c->sql, B_ARG(res.message));
    return res.sql;
}

static void check(tw_world *w, const read_case *c, rw_version version)
{
    char why[512];
    b_slice sql = rewrite(w, c, version);
    ts_result *plain = ts_query(w->plain, "%s", c->sql);
    ts_result *real = ts_query(w->real, "%.*s", B_ARG(sql));
    if (plain->error != 0) fail_msg("%s: %s: %s", w->server->name, c->sql, plain->message);
    if (!ts_same(plain, real, TS_ORDERED, why))
        fail_msg("%s, %s: %s\n became %.*s\n %s%s", w->server->name, w->state->name, c->sql, B_ARG(sql), why,
                 real->message);
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
        tw_set(&w, TW_VARCHAR, &states[s]);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            if (skipped(&w, &cases[i])) continue;
            tw_fill(&w, cases[i].mode);
            check(&w, &cases[i], RW_VERSION_OLD);
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
    return cmocka_run_group_tests(tests, NULL, NULL);
}
