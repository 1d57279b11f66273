/* What writes of a migrating table become: the exact text, or the refusal. That the text means the right
 * thing is for tests/traps, which runs it; this says that it stays what was found right there. */
#include "rewrite/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { S_FROM, S_BOTH, S_BARE, S_RETIRED, S_WINDOW, S_TO, S_ENUM, S_SHAPES };

/* tt becomes pm: the table as it is in each phase. */
static const char *const shapes[S_SHAPES] = {
    [S_FROM] = "tt VARCHAR(40) NOT NULL, ",
    [S_BOTH] = "tt VARCHAR(40) NOT NULL, pm VARCHAR(40) NULL DEFAULT (tt) INVISIBLE, ",
    [S_BARE] = "tt VARCHAR(40) NOT NULL, pm VARCHAR(40) NULL INVISIBLE, ",
    [S_RETIRED] = "tt VARCHAR(40) NOT NULL DEFAULT '' INVISIBLE, pm VARCHAR(40) NOT NULL, ",
    [S_WINDOW] = "tt VARCHAR(40) NOT NULL DEFAULT '' INVISIBLE, pm VARCHAR(40) NOT NULL DEFAULT (tt), ",
    [S_TO] = "pm VARCHAR(40) NOT NULL, ",
    [S_ENUM] = "tt ENUM('a','b') NOT NULL, pm ENUM('a','b') NULL DEFAULT (tt) INVISIBLE, ",
};

typedef struct row {
    const char *sql;
    rw_phase phase;
    const char *want; /* the text; "= text" where it must pass; "! code" for a refusal */
    rw_version version;
    const char *mode;
    rw_flavour flavour;
    int shape; /* 0: the phase's own */
    unsigned error;
    const char *params; /* the map of placeholders: "0,0,1" */
} row;

#define UP(a, x, b)                                                                                          \
    b " = IF(CAST(" a " AS BINARY) <=> CAST(" x " AS BINARY), " b ", " a "), " a " = " x ", " b " = IF(" b   \
      " IS NULL, " b ", " a ")"
#define MAX_LIMIT " LIMIT 18446744073709551615"

static const row rows[] = {
    /* one column */
    {.sql = "INSERT INTO t (id, pm) VALUES (1, 'x')",
     .phase = RW_PLANNED,
     .want = "INSERT INTO t (id, tt) VALUES (1, 'x')"},
    {.sql = "INSERT INTO t (id, tt) VALUES (1, 'x')", .phase = RW_PLANNED, .want = "="},
    {.sql = "UPDATE t SET pm = 'x'", .phase = RW_EXPANDED, .want = "UPDATE t SET tt = 'x'"},
    {.sql = "UPDATE t SET tt = 'x'", .phase = RW_RETIRED, .want = "UPDATE t SET pm = 'x'"},
    {.sql = "UPDATE t SET tt = 'x'", .phase = RW_CONTRACTED, .want = "UPDATE t SET pm = 'x'"},
    {.sql = "UPDATE t SET tt = 'x'", .phase = RW_FINISHED, .want = "="},
    {.sql = "INSERT INTO t (id, tt, pm) VALUES (1, 'x', 'x')",
     .phase = RW_EXPANDED,
     .want = "INSERT INTO t (id, tt) VALUES (1, 'x')"},
    {.sql = "INSERT INTO t (id, tt, pm) VALUES (1, 'x', tt)",
     .phase = RW_CONTRACTED,
     .want = "INSERT INTO t (id, pm) VALUES (1, 'x')"},
    {.sql = "INSERT INTO t (id, tt, pm) VALUES (1, 'x', 'y')",
     .phase = RW_EXPANDED,
     .want = "! both_columns"},
    {.sql = "INSERT INTO t (id, tt, pm) VALUES (1, ?, ?)", .phase = RW_EXPANDED, .want = "! both_columns"},
    {.sql = "INSERT INTO t (id, tt, pm) VALUES (1, UUID(), UUID())",
     .phase = RW_EXPANDED,
     .want = "! both_columns"},
    {.sql = "UPDATE t SET tt = 'x', pm = tt", .phase = RW_PLANNED, .want = "UPDATE t SET tt = 'x'"},
    {.sql = "UPDATE t SET pm = tt, tt = 'x'", .phase = RW_PLANNED, .want = "! both_columns"},
    {.sql = "UPDATE t SET tt = CONCAT(tt, 'x'), pm = CONCAT(tt, 'x')",
     .phase = RW_PLANNED,
     .want = "! both_columns"},

    /* one column twice */
    {.sql = "UPDATE t SET tt = 'x', tt = 'y'", .phase = RW_DUAL_WRITE, .want = "! assigned_twice"},
    {.sql = "INSERT INTO t (id) VALUES (1) ON DUPLICATE KEY UPDATE tt = 'x', n = 1, tt = 'y'",
     .phase = RW_DUAL_WRITE,
     .mode = "",
     .want = "! assigned_twice"},
    {.sql = "UPDATE t SET tt = 'x', tt = 'y'",
     .phase = RW_SWITCHED,
     .want = "UPDATE t SET tt = 'x', pm = tt, tt = 'y', pm = tt"},
    {.sql = "UPDATE t SET n = 1, n = 2", .phase = RW_DUAL_WRITE, .want = "="},

    /* values from derived tables */
    {.sql = "UPDATE t JOIN (SELECT id, MAX(v) m FROM s GROUP BY id) d USING (id) SET tt = d.m",
     .phase = RW_SWITCHED,
     .want = "UPDATE t JOIN (SELECT id, MAX(v) m FROM s GROUP BY id) d USING (id) SET t.pm = d.m, tt = d.m"},
    {.sql = "UPDATE t JOIN (SELECT id, RAND() m FROM s) d USING (id) SET tt = d.m",
     .phase = RW_SWITCHED,
     .want = "! not_repeatable"},
    {.sql = "UPDATE t JOIN (SELECT id, GROUP_CONCAT(v) m FROM s GROUP BY id) d USING (id) SET tt = d.m",
     .phase = RW_SWITCHED,
     .want = "! not_repeatable"},
    {.sql = "UPDATE t JOIN (SELECT id, v m FROM s UNION SELECT id, v FROM s) d USING (id) SET tt = d.m",
     .phase = RW_SWITCHED,
     .want = "! not_repeatable"},
    {.sql = "UPDATE t JOIN (SELECT id, v m FROM s ORDER BY v LIMIT 5) d USING (id) SET tt = d.m",
     .phase = RW_SWITCHED,
     .want = "! not_repeatable"},
    {.sql = "UPDATE t JOIN (SELECT id, @v := v m FROM s) d USING (id) SET tt = d.m",
     .phase = RW_SWITCHED,
     .want = "! not_repeatable"},
    {.sql = "UPDATE t JOIN (SELECT * FROM s) d USING (id) SET tt = d.v",
     .phase = RW_SWITCHED,
     .want = "! not_repeatable"},
    {.sql = "UPDATE t JOIN (SELECT x.k, x.id FROM (SELECT RAND() k, id FROM s) x) d USING (id) SET tt = d.k",
     .phase = RW_SWITCHED,
     .want = "! not_repeatable"},

    /* INSERT, both columns */
    {.sql = "INSERT INTO t (id, tt) VALUES (1, UUID())", .phase = RW_DUAL_WRITE, .want = "="},
    {.sql = "INSERT INTO t (id, pm) VALUES (1, UUID())",
     .phase = RW_DUAL_WRITE,
     .want = "INSERT INTO t (id, tt) VALUES (1, UUID())"},
    {.sql = "INSERT INTO t VALUES (1, 'x', 2)",
     .phase = RW_DUAL_WRITE,
     .want = "INSERT INTO t (id, tt, n) VALUES (1, 'x', 2)"},
    {.sql = "INSERT INTO t VALUES (1, 'x', 2)",
     .phase = RW_SWITCHED,
     .want = "INSERT INTO t (id, tt, n) VALUES (1, 'x', 2)",
     .version = RW_VERSION_NEW},
    {.sql = "INSERT INTO t VALUES (1, 'x', 2)",
     .phase = RW_RETIRED,
     .want = "INSERT INTO t (id, pm, n) VALUES (1, 'x', 2)"},
    {.sql = "INSERT INTO t VALUES (1, 'x', 2, 'x')",
     .phase = RW_DUAL_WRITE,
     .want = "INSERT INTO t (id, tt, n, pm) VALUES (1, 'x', 2, 'x')",
     .version = RW_VERSION_BOTH},
    {.sql = "INSERT INTO t VALUES (1, 'x', 2, 'x')",
     .phase = RW_PLANNED,
     .want = "INSERT INTO t (id, tt, n) VALUES (1, 'x', 2)",
     .version = RW_VERSION_BOTH},
    {.sql = "INSERT INTO t () VALUES (1, 'x', 2)",
     .phase = RW_DUAL_WRITE,
     .want = "INSERT INTO t (id, tt, n) VALUES (1, 'x', 2)"},
    {.sql = "INSERT INTO t VALUES ()", .phase = RW_DUAL_WRITE, .want = "="},
    {.sql = "INSERT INTO t /* a */ (id, pm) /* b */ VALUES (1, pm)",
     .phase = RW_SWITCHED,
     .want = "INSERT INTO t /* a */ (id, tt) /* b */ VALUES (1, tt)"},
    {.sql = "INSERT INTO t SET id = 1, pm = 'x'",
     .phase = RW_DUAL_WRITE,
     .want = "INSERT INTO t SET id = 1, tt = 'x'"},
    {.sql = "INSERT INTO t SELECT * FROM t",
     .phase = RW_DUAL_WRITE,
     .want = "INSERT INTO t (id, tt, n) SELECT * FROM t"},
    {.sql = "INSERT INTO t (id, pm) SELECT id, RAND() FROM s",
     .phase = RW_DUAL_WRITE,
     .want = "INSERT INTO t (id, tt) SELECT id, RAND() FROM s"},
    {.sql = "INSERT INTO t (id, tt) VALUES (1, UUID())",
     .phase = RW_DUAL_WRITE,
     .shape = S_BARE,
     .want = "INSERT INTO t (id, tt, pm) VALUES (1, UUID(), tt)"},
    {.sql = "INSERT INTO t (pm, id) VALUES (?, ?), (DEFAULT, ?)",
     .phase = RW_DUAL_WRITE,
     .shape = S_BARE,
     .want = "INSERT INTO t (tt, pm, id) VALUES (?, tt, ?), (DEFAULT, tt, ?)"},
    {.sql = "INSERT INTO t (id, tt) SELECT 1, UUID()",
     .phase = RW_DUAL_WRITE,
     .shape = S_BARE,
     .want = "! insert_select"},
    {.sql = "INSERT INTO t (id, tt) SELECT id, 'x' FROM s",
     .phase = RW_DUAL_WRITE,
     .shape = S_BARE,
     .want = "INSERT INTO t (id, tt, pm) SELECT id, 'x', 'x' FROM s"},

    /* error 1364 where the physical default hides it */
    {.sql = "INSERT INTO t (id) VALUES (1)",
     .phase = RW_RETIRED,
     .shape = S_WINDOW,
     .want = "! no_default",
     .error = 1364},
    {.sql = "INSERT INTO t (id) VALUES (1)",
     .phase = RW_RETIRED,
     .shape = S_WINDOW,
     .want = "! default",
     .mode = "",
     .error = 1235},
    {.sql = "INSERT IGNORE INTO t (id) VALUES (1)",
     .phase = RW_RETIRED,
     .shape = S_WINDOW,
     .want = "! default",
     .error = 1235},
    {.sql = "INSERT INTO t (id) VALUES (1)", .phase = RW_SWITCHED, .want = "! no_default", .error = 1364},
    {.sql = "INSERT INTO t (id) VALUES (1)",
     .phase = RW_SWITCHED,
     .shape = S_ENUM, /* which servers give its first value */
     .want = "! default",
     .error = 1235},
    {.sql = "INSERT INTO t (id) VALUES (1)", .phase = RW_RETIRED, .want = "="},
    {.sql = "INSERT INTO t (id) VALUES (1)", .phase = RW_DUAL_WRITE, .want = "="},

    /* ON DUPLICATE KEY UPDATE */
    {.sql = "INSERT INTO t (id, pm) VALUES (1, 'x') ON DUPLICATE KEY UPDATE pm = VALUES(pm)",
     .phase = RW_SWITCHED,
     .want = "INSERT INTO t (id, tt) VALUES (1, 'x') ON DUPLICATE KEY UPDATE tt = VALUES(tt), pm = tt"},
    {.sql = "INSERT INTO t (id, tt) VALUES (1, 'x') ON DUPLICATE KEY UPDATE tt = 'y'",
     .phase = RW_DUAL_WRITE,
     .want = "INSERT INTO t (id, tt) VALUES (1, 'x') ON DUPLICATE KEY UPDATE " UP("tt", "'y'", "pm")},
    {.sql = "INSERT INTO t (id, tt) SELECT id, v FROM s ON DUPLICATE KEY UPDATE tt = s.v",
     .phase = RW_SWITCHED,
     .want = "INSERT INTO t (id, tt) SELECT id, v FROM s ON DUPLICATE KEY UPDATE tt = s.v, t.pm = t.tt"},
    {.sql = "INSERT INTO t (id, pm) VALUES (1, 'x') AS new ON DUPLICATE KEY UPDATE pm = new.pm",
     .phase = RW_SWITCHED,
     .want =
         "INSERT INTO t (id, tt) VALUES (1, 'x') AS new ON DUPLICATE KEY UPDATE tt = new.tt, t.pm = t.tt"},
    {.sql = "INSERT INTO t (id, tt) VALUES (1, 'x') AS new (i, x) ON DUPLICATE KEY UPDATE tt = x",
     .phase = RW_SWITCHED,
     .shape = S_BARE,
     .want = "INSERT INTO t (id, tt, pm) VALUES (1, 'x', tt) AS new (i, x, straddle_pm) ON DUPLICATE KEY "
             "UPDATE tt = x, t.pm = t.tt"},
    {.sql = "INSERT INTO t (id, tt) VALUES (1, 'x') ON DUPLICATE KEY UPDATE tt = CONCAT(tt, 'y')",
     .phase = RW_DUAL_WRITE,
     .mode = "STRICT_TRANS_TABLES,SIMULTANEOUS_ASSIGNMENT",
     .flavour = RW_MARIADB,
     .want = "INSERT INTO t (id, tt) VALUES (1, 'x') ON DUPLICATE KEY UPDATE pm = CONCAT(tt, 'y'), tt = "
             "CONCAT(tt, 'y')"},

    /* UPDATE */
    {.sql = "UPDATE t SET pm = 'x' WHERE pm = 'y'",
     .phase = RW_SWITCHED,
     .want = "UPDATE t SET tt = 'x', pm = tt WHERE pm = 'y'"},
    {.sql = "UPDATE t SET tt = 'x' WHERE tt = 'y'",
     .phase = RW_DUAL_WRITE,
     .want = "UPDATE t SET " UP("tt", "'x'", "pm") " WHERE tt = 'y'"},
    {.sql = "UPDATE t SET tt = ?, n = ? WHERE id = ?",
     .phase = RW_DUAL_WRITE,
     .want = "UPDATE t SET " UP("tt", "?", "pm") ", n = ? WHERE id = ?",
     .params = "0,0,1,2"},
    {.sql = "UPDATE t SET tt = UUID()", .phase = RW_DUAL_WRITE, .want = "UPDATE t SET tt = UUID(), pm = tt"},
    {.sql = "UPDATE t SET pm = DEFAULT",
     .phase = RW_DUAL_WRITE,
     .want = "UPDATE t SET tt = DEFAULT, pm = tt"},
    {.sql = "UPDATE t SET tt = 'x', pm = 'y'", .phase = RW_DUAL_WRITE, .want = "="},
    {.sql = "UPDATE t SET pm = 'y', tt = pm", .phase = RW_DUAL_WRITE, .want = "="},
    {.sql = "UPDATE t SET tt = CONCAT(tt, ?) WHERE id IN (SELECT id FROM s)",
     .phase = RW_SWITCHED,
     .params = "0,0",
     .want = "UPDATE t SET pm = CONCAT(tt, ?), tt = CONCAT(tt, ?) WHERE id IN (SELECT id FROM s)"},
    {.sql = "UPDATE t SET tt = UUID() WHERE id IN (SELECT id FROM s)",
     .phase = RW_SWITCHED,
     .want = "UPDATE t SET tt = UUID(), pm = tt WHERE id IN (SELECT id FROM s)" MAX_LIMIT},
    {.sql = "UPDATE t SET tt = UUID() WHERE id IN (SELECT id FROM s) LIMIT 5",
     .phase = RW_SWITCHED,
     .want = "UPDATE t SET tt = UUID(), pm = tt WHERE id IN (SELECT id FROM s) LIMIT 5"},
    {.sql = "UPDATE t SET tt = NULL WHERE id IN (SELECT id FROM s)",
     .phase = RW_SWITCHED,
     .mode = "",
     .want = "UPDATE t SET tt = NULL, pm = tt WHERE id IN (SELECT id FROM s)" MAX_LIMIT},
    {.sql = "UPDATE t SET n = 1, tt = (SELECT MAX(v) FROM s) WHERE id = 3",
     .phase = RW_SWITCHED,
     .want = "UPDATE t SET n = 1, tt = (SELECT MAX(v) FROM s), pm = tt WHERE id = 3" MAX_LIMIT},
    {.sql = "UPDATE t SET n = 1, tt = (SELECT MAX(v) FROM s WHERE s.id = n) WHERE id = 3",
     .phase = RW_SWITCHED,
     .want =
         "UPDATE t SET n = 1, tt = (SELECT MAX(v) FROM s WHERE s.id = n), pm = tt WHERE id = 3" MAX_LIMIT},
    {.sql = "UPDATE t SET n = 1, tt = UUID() WHERE id = (SELECT MAX(id) FROM s)",
     .phase = RW_SWITCHED,
     .want = "UPDATE t SET n = 1, tt = UUID(), pm = tt WHERE id = (SELECT MAX(id) FROM s)" MAX_LIMIT},
    {.sql = "UPDATE t SET n = 1, tt = (SELECT MAX(v) FROM s) WHERE id IN (SELECT id FROM s)",
     .phase = RW_SWITCHED,
     .want =
         "UPDATE t SET n = 1, tt = (SELECT MAX(v) FROM s), pm = tt WHERE id IN (SELECT id FROM s)" MAX_LIMIT},
    {.sql = "UPDATE t SET n = 1, tt = (SELECT MAX(`N`) FROM s) WHERE id IN ((SELECT id FROM s))",
     .phase = RW_SWITCHED,
     .want = "! not_repeatable"},
    {.sql = "UPDATE t SET n = 1, tt = CONCAT(n, UUID()) WHERE id IN (SELECT id FROM s) ORDER BY id",
     .phase = RW_SWITCHED,
     .want = "UPDATE t SET n = 1, tt = CONCAT(n, UUID()), pm = tt WHERE id IN (SELECT id FROM s) ORDER BY "
             "id" MAX_LIMIT},
    {.sql = "UPDATE t SET n = 1, tt = CONCAT(n, UUID()) WHERE EXISTS (SELECT 1 FROM s WHERE s.id = t.id)",
     .phase = RW_SWITCHED,
     .want = "! not_repeatable"},
    {.sql = "UPDATE t SET n = 1, tt = CONCAT(n, UUID(), n = ANY (SELECT id FROM s))",
     .phase = RW_SWITCHED,
     .want = "! not_repeatable"},
    {.sql = "UPDATE t SET tt = UUID() WHERE id IN (SELECT id FROM s)",
     .phase = RW_SWITCHED,
     .flavour = RW_MARIADB,
     .want = "UPDATE t SET tt = UUID(), pm = tt WHERE id IN (SELECT id FROM s)"},
    {.sql = "UPDATE t SET tt = UUID() WHERE id IN (SELECT id FROM t)",
     .phase = RW_SWITCHED,
     .flavour = RW_MARIADB,
     .want = "! not_repeatable"},
    {.sql = "UPDATE t SET tt = 'x' WHERE id IN (SELECT id FROM unknown)",
     .phase = RW_SWITCHED,
     .flavour = RW_MARIADB,
     .want = "UPDATE t SET pm = 'x', tt = 'x' WHERE id IN (SELECT id FROM unknown)"},
    {.sql = "UPDATE t SET tt = f(1) WHERE id IN (SELECT id FROM unknown)",
     .phase = RW_SWITCHED,
     .flavour = RW_MARIADB,
     .want = "! not_repeatable"},
    {.sql = "UPDATE t SET tt = @v WHERE id IN (SELECT id FROM t x WHERE (@v := n) > 0)",
     .phase = RW_SWITCHED,
     .flavour = RW_MARIADB,
     .want = "! not_repeatable"},
    {.sql = "UPDATE t, s SET t.tt = CONCAT(t.tt, s.v) WHERE t.id = s.id",
     .phase = RW_DUAL_WRITE,
     .want = "UPDATE t, s SET t.pm = CONCAT(t.tt, s.v), t.tt = CONCAT(t.tt, s.v) WHERE t.id = s.id"},
    {.sql = "UPDATE t JOIN s USING (id) SET pm = ?, v = ?",
     .phase = RW_SWITCHED,
     .params = "0,0,1",
     .want = "UPDATE t JOIN s USING (id) SET t.pm = ?, t.tt = ?, v = ?"},
    {.sql = "UPDATE t, s SET t.tt = RAND()", .phase = RW_DUAL_WRITE, .want = "! not_repeatable"},
    {.sql = "UPDATE t, v SET t.tt = v.v", .phase = RW_DUAL_WRITE, .want = "! not_repeatable"},
    {.sql = "UPDATE t, (SELECT UUID() u) d SET t.tt = d.u",
     .phase = RW_DUAL_WRITE,
     .want = "! not_repeatable"},
    {.sql = "UPDATE t LEFT JOIN s USING (id) SET t.tt = s.v",
     .phase = RW_DUAL_WRITE,
     .mode = "",
     .want = "! not_repeatable"},
    {.sql = "UPDATE t, (SELECT UUID() u) d SET t.tt = d.u", .phase = RW_EXPANDED, .want = "="},

    /* DELETE, LOAD DATA */
    {.sql = "DELETE FROM t WHERE pm = 'x'", .phase = RW_DUAL_WRITE, .want = "DELETE FROM t WHERE tt = 'x'"},
    {.sql = "DELETE t FROM t JOIN s USING (id) WHERE t.tt = s.v",
     .phase = RW_SWITCHED,
     .want = "DELETE t FROM t JOIN s USING (id) WHERE t.pm = s.v"},
    {.sql = "LOAD DATA INFILE 'f' INTO TABLE t",
     .phase = RW_DUAL_WRITE,
     .want = "LOAD DATA INFILE 'f' INTO TABLE t (id, tt, n)"},
    {.sql = "LOAD DATA INFILE 'f' INTO TABLE t LINES TERMINATED BY 'x' IGNORE 1 LINES SET n = 1",
     .phase = RW_DUAL_WRITE,
     .want =
         "LOAD DATA INFILE 'f' INTO TABLE t LINES TERMINATED BY 'x' IGNORE 1 LINES (id, tt, n) SET n = 1"},
    {.sql = "LOAD DATA INFILE 'f' INTO TABLE t (id, @x) SET pm = UPPER(@x)",
     .phase = RW_DUAL_WRITE,
     .want = "LOAD DATA INFILE 'f' INTO TABLE t (id, @x) SET tt = UPPER(@x)"},
    {.sql = "LOAD DATA INFILE 'f' INTO TABLE t (id, tt)",
     .phase = RW_DUAL_WRITE,
     .shape = S_BARE,
     .want = "LOAD DATA INFILE 'f' INTO TABLE t (id, tt) SET pm = tt"},
    {.sql = "LOAD XML INFILE 'f' INTO TABLE t (id, tt)",
     .phase = RW_DUAL_WRITE,
     .want = "LOAD XML INFILE 'f' INTO TABLE t (id, tt)"},
    {.sql = "LOAD XML INFILE 'f' INTO TABLE t (id, tt)", .phase = RW_RETIRED, .want = "! load_xml"},
};

static int shape_of(const row *r)
{
    static const int own[] = {
        [RW_PLANNED] = S_FROM,    [RW_EXPANDED] = S_BOTH, [RW_DUAL_WRITE] = S_BOTH, [RW_SWITCHED] = S_BOTH,
        [RW_RETIRED] = S_RETIRED, [RW_CONTRACTED] = S_TO, [RW_FINISHED] = S_TO};
    return r->shape != 0 ? r->shape : own[r->phase];
}

static rw_catalog *catalog(const row *r, int shape)
{
    char ddl[1024];
    b_err err;
    rw_server server = {r->flavour, r->flavour == RW_MYSQL ? 90704 : 101119, 0};
    rw_catalog_builder *b = rw_catalog_builder_new(server);
    snprintf(ddl, sizeof ddl,
             "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, %s n INT);"
             "CREATE TABLE s (id INT NOT NULL PRIMARY KEY, v VARCHAR(40));"
             "CREATE VIEW v AS SELECT id, v FROM s;",
             shapes[shape]);
    assert_non_null(b);
    assert_int_equal(rw_catalog_read_ddl(b, b_slice_str(ddl), B_LIT("shop"), &err), B_OK);
    return rw_catalog_build(b);
}

static rw_ruleset *ruleset(const row *r)
{
    b_err err = {.msg = ""};
    rw_catalog *plain = catalog(r, shape_of(r) == S_ENUM ? S_ENUM : S_FROM), *real = catalog(r, shape_of(r));
    const rw_table *t = rw_catalog_find(plain, B_LIT("shop"), B_LIT("t"));
    rw_pair pair = {.from = B_LIT("tt"),
                    .to = B_LIT("pm"),
                    .after = B_LIT("id"),
                    .plain = *rw_table_column(t, B_LIT("tt"))};
    int shape = shape_of(r);
    pair.b_default_up = shape == S_BOTH || shape == S_WINDOW;
    rw_migration m = {.name = B_LIT("m"),
                      .schema = B_LIT("shop"),
                      .table = B_LIT("t"),
                      .phase = r->phase,
                      .pairs = &pair,
                      .npairs = 1};
    rw_ruleset *rules = rw_ruleset_new(1, real, &m, 1, &err);
    if (rules == NULL) fail_msg("%s", err.msg);
    rw_catalog_unref(plain);
    rw_catalog_unref(real);
    return rules;
}

static void check_params(const row *r, const rw_result *out)
{
    char map[64] = "";
    size_t n = 0;
    for (uint32_t i = 0; i < out->params.nout && n + 8 < sizeof map; i++) {
        n += (size_t)snprintf(map + n, sizeof map - n, i == 0 ? "%u" : ",%u", out->params.source[i]);
    }
    if (strcmp(map, r->params) != 0) fail_msg("%s: placeholders %s, not %s", r->sql, map, r->params);
}

static bool check_row(const row *r, const rw_result *out)
{
    char got[1024];
    bool same = strcmp(r->want, "=") == 0;
    if (out->verdict == RW_REFUSED) {
        snprintf(got, sizeof got, "! %s", out->code);
    } else {
        snprintf(got, sizeof got, "%.*s", B_ARG(out->sql));
    }
    if (strcmp(got, same ? r->sql : r->want) != 0) {
        print_error("%s (%s)\n  gives %s (%.*s)\n  not   %s\n", r->sql, rw_phase_name(r->phase), got,
                    B_ARG(out->message), r->want);
        return false;
    }
    if (out->verdict == RW_REFUSED) {
        assert_int_equal(out->error, r->error != 0 ? r->error : 1235);
        assert_true(out->error != 1235 || b_slice_istarts(out->message, B_LIT("straddle: ")));
    }
    if (r->params != NULL) check_params(r, out);
    return true;
}

static void writes(void **state)
{
    (void)state;
    b_arena *arena = b_arena_new(0);
    unsigned bad = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const row *r = &rows[i];
        rw_result out;
        rw_ruleset *rules = ruleset(r);
        rw_ctx ctx = {.schema = B_LIT("shop"),
                      .version = r->version,
                      .prepared = r->params != NULL,
                      .sql_mode =
                          rw_sql_mode_parse(b_slice_str(r->mode != NULL ? r->mode : "STRICT_TRANS_TABLES"))};
        b_arena_reset(arena);
        assert_int_equal(rw_rewrite(rules, &ctx, b_slice_str(r->sql), arena, &out), B_OK);
        bad += !check_row(r, &out);
        rw_ruleset_unref(rules);
    }
    b_arena_free(arena);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(writes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
