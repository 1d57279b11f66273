/* Which column or alias does a name mean in GROUP BY, HAVING, ORDER BY and windows? Select lists with aliases
 * that are called like the old column, the new one, or another, times the clauses that may see them, times
 * where the query stands: on both servers, in every phase, against the same statement on the plain table,
 * which has to give the same rows and names or the same error. STRADDLE_NAMES: every so-manieth combination,
 * or `all`. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* The plain table t has id, n and tt; o has id, tt and pm. */
static const char *const lists[] = {
    "tt",
    "t.tt",
    "tt AS x",
    "n AS tt",
    "n AS pm",
    "tt AS pm",
    "tt AS tt",
    "tt AS n",
    "COUNT(*) AS tt",
    "COUNT(*) AS pm",
    "MAX(tt) AS tt",
    "MAX(tt) AS m",
    "*",
    "t.*",
    "UPPER(tt)",
    "CONCAT(tt, n) AS tt",
    "CONCAT(tt, n) AS pm",
    "tt, n AS tt",
    "n AS tt, tt",
    "n, tt AS pm",
    "n AS pm, tt AS n",
    "10 - n AS pm, tt",
    "n",
    "-n AS tt, id",
};
static const char *const groups[] = {"",
                                     " GROUP BY tt",
                                     " GROUP BY t.tt",
                                     " GROUP BY n",
                                     " GROUP BY tt, n",
                                     " GROUP BY pm",
                                     " GROUP BY tt + 0",
                                     " GROUP BY tt WITH ROLLUP"};
static const char *const havings[] = {"",
                                      " HAVING tt > '1'",
                                      " HAVING t.tt > '1'",
                                      " HAVING MAX(tt) > '1'",
                                      " HAVING pm > '1'",
                                      " HAVING n > 1",
                                      " HAVING COUNT(tt) > 0 AND tt",
                                      " HAVING EXISTS (SELECT 1 FROM s WHERE s.v = tt)"};
static const char *const orders[] = {"",
                                     " ORDER BY tt",
                                     " ORDER BY t.tt DESC",
                                     " ORDER BY tt + 0 DESC",
                                     " ORDER BY pm",
                                     " ORDER BY pm + 0 DESC",
                                     " ORDER BY MAX(tt)",
                                     " ORDER BY -n",
                                     " ORDER BY (SELECT MAX(s.v) FROM s WHERE s.id = tt)"};
/* Where the query stands: `%s` by itself, `%j` with another table joined. */
static const char *const places[] = {
    "%s",
    "SELECT * FROM (%s) d",
    "SELECT id FROM o WHERE id IN (%s)",
    "SELECT id, id > ALL (%s) FROM o",
    "SELECT id FROM o WHERE EXISTS (%s)",
    "(%s) UNION ALL SELECT v FROM s",
    "WITH c AS (%s) SELECT * FROM c",
    "%j",
};
#define FROM " FROM t"
#define JOINED " FROM t JOIN s ON s.id = t.id"

static const char *const modes[] = {"STRICT_TRANS_TABLES", "STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY"};

typedef struct tally {
    unsigned tried, refused;
} tally;

/* A name that only the new table has is no error through the proxy. docs/rewriting.md has MariaDB's 1463 and
 * 4016. */
static bool expected(const ts_result *plain, const char *sql)
{
    return (plain->error == 1054 && strstr(sql, "pm") != NULL && strstr(plain->message, "pm") != NULL) ||
           plain->error == 1463 || plain->error == 4016;
}

static b_slice rewrite(tw_world *w, const char *sql, const char *mode, rw_result *res)
{
    rw_ctx ctx = {.charset = RW_CHARSET_SAFE, .schema = B_LIT("traps_real"), .version = RW_VERSION_OLD};
    ctx.sql_mode = rw_sql_mode_parse(b_slice_str(mode));
    b_arena_reset(w->arena);
    if (rw_rewrite(w->rules, &ctx, b_slice_str(sql), w->arena, res) != B_OK) ts_die("out of memory");
    return res->sql;
}

static void check(tw_world *w, const char *sql, const char *mode, tally *y)
{
    rw_result res;
    char why[512];
    b_slice sent = rewrite(w, sql, mode, &res);
    ts_result *plain = ts_query(w->plain, "%s", sql);
    y->tried++;
    if (res.verdict == RW_REFUSED && plain->error == 0) {
        y->refused++;
    } else if (res.verdict != RW_REFUSED && !expected(plain, sql)) {
        ts_result *real = ts_query(w->real, "%.*s", B_ARG(sent));
        bool sorted = strstr(sql, "s.id = tt)") == NULL;
        if (real->error != 1463 && !ts_same(plain, real, sorted ? TS_ORDERED : 0, why))
            fail_msg("%s, %s, %s: %s\n became %.*s\n plain: %s, real: %s: %s", w->server->name,
                     w->state->name, mode, sql, B_ARG(sent), plain->message, real->message, why);
        ts_result_free(real);
    }
    ts_result_free(plain);
}

static const char *take(const char *const *list, size_t n, size_t *i)
{
    const char *text = list[*i % n];
    *i /= n;
    return text;
}

#define TAKE(list, i) take(list, COUNT(list), &(i))

static void one(tw_world *w, size_t i, tally *y)
{
    char sql[1024] = "";
    const char *mode = TAKE(modes, i), *place = TAKE(places, i), *order = TAKE(orders, i);
    const char *having = TAKE(havings, i), *group = TAKE(groups, i), *list = TAKE(lists, i);
    const char *hole = strstr(place, "%");
    snprintf(sql, sizeof sql, "%.*sSELECT %s%s%s%s%s%s", (int)(hole - place), place, list,
             hole[1] == 'j' ? JOINED : FROM, group, having, order, hole + 2);
    ts_do(w->plain, "SET sql_mode = '%s'", mode);
    ts_do(w->real, "SET sql_mode = '%s'", mode);
    check(w, sql, mode, y);
}

static void check_all(const ts_server *server)
{
    const size_t all =
        COUNT(lists) * COUNT(groups) * COUNT(havings) * COUNT(orders) * COUNT(places) * COUNT(modes);
    const char *env = getenv("STRADDLE_NAMES");
    size_t step = env == NULL ? 2003 : strcmp(env, "all") == 0 ? 1 : strtoul(env, NULL, 10);
    tally y = {0};
    tw_world w;
    size_t n;
    const tw_state *states = tw_states(&n);
    tw_open(&w, server);
    for (size_t s = 0; s < n; s++) {
        tw_set(&w, TW_VARCHAR, &states[s]);
        tw_fill(&w, NULL);
        for (size_t i = s % step; i < all; i += step) one(&w, i, &y);
    }
    tw_close(&w);
    printf("%s: %u tried, %u refused that the plain table takes\n", server->name, y.tried, y.refused);
    assert_true(y.refused * 20 < y.tried);
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
