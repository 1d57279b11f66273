/* Migrations that change values, from planned to finished with the way back in between, on both servers: a
 * client of either name, by text and by prepared statements, gets in each phase what a table that has only
 * its own columns would give it, and afterwards that is what both kinds of table hold. What is refused is
 * refused where docs/rewriting.md says so, and nowhere else. */
#include "process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VALUES = 4, SIDES = 2 };

typedef struct side {
    const char *columns;        /* in CREATE TABLE */
    const char *names[2];       /* of one or two columns */
    const char *values[VALUES]; /* for them, by commas; the same in meaning on either side */
    const char *first[VALUES];  /* the first of them */
} side;

typedef struct example {
    const char *label, *yaml; /* entries of columns: */
    side sides[SIDES];        /* old, new */
} example;

static const example examples[] = {
    {"int to bigint",
     "  - {from: a, to: b, type: BIGINT}\n",
     {{"a INT NOT NULL DEFAULT 7", {"a"}, {"1", "-2", "2147483647", "0"}, {"1", "-2", "2147483647", "0"}},
      {"b BIGINT NOT NULL DEFAULT 7",
       {"b"},
       {"1", "-2", "2147483647", "0"},
       {"1", "-2", "2147483647", "0"}}}},
    {"amount to cents",
     "  - {from: amount, to: cents, type: BIGINT, up: \"amount * 100\", down: \"cents * 0.01\"}\n",
     {{"amount DECIMAL(10,2) NULL DEFAULT 1.50",
       {"amount"},
       {"1.5", "-2.25", "NULL", "99999.99"},
       {"1.5", "-2.25", "NULL", "99999.99"}},
      {"cents BIGINT NULL DEFAULT 150",
       {"cents"},
       {"150", "-225", "NULL", "9999999"},
       {"150", "-225", "NULL", "9999999"}}}},
    {"varchar to enum",
     "  - {from: st, to: state, type: \"ENUM('new','paid','sent')\"}\n",
     {{"st VARCHAR(10) NOT NULL DEFAULT 'new'",
       {"st"},
       {"'new'", "'paid'", "'sent'", "'paid'"},
       {"'new'", "'paid'", "'sent'", "'paid'"}},
      {"state ENUM('new','paid','sent') NOT NULL DEFAULT 'new'",
       {"state"},
       {"'new'", "'paid'", "'sent'", "'paid'"},
       {"'new'", "'paid'", "'sent'", "'paid'"}}}},
    {"utf8mb3 to utf8mb4",
     "  - {from: x, to: y, type: VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin}\n",
     {{"x VARCHAR(30) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin NOT NULL",
       {"x"},
       {"'a'", "'\xC3\xA9t\xC3\xA9'", "''", "'\xE2\x82\xAC'"},
       {"'a'", "'\xC3\xA9t\xC3\xA9'", "''", "'\xE2\x82\xAC'"}},
      {"y VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL",
       {"y"},
       {"'a'", "'\xC3\xA9t\xC3\xA9'", "''", "'\xE2\x82\xAC'"},
       {"'a'", "'\xC3\xA9t\xC3\xA9'", "''", "'\xE2\x82\xAC'"}}}},
    {"datetime to timestamp",
     "  - {from: at, to: ts, type: TIMESTAMP}\n",
     {{"at DATETIME NULL",
       {"at"},
       {"'2020-01-02 03:04:05'", "NULL", "'2030-06-01 00:00:00'", "'1999-12-31 23:59:59'"},
       {"'2020-01-02 03:04:05'", "NULL", "'2030-06-01 00:00:00'", "'1999-12-31 23:59:59'"}},
      {"ts TIMESTAMP NULL DEFAULT NULL",
       {"ts"},
       {"'2020-01-02 03:04:05'", "NULL", "'2030-06-01 00:00:00'", "'1999-12-31 23:59:59'"},
       {"'2020-01-02 03:04:05'", "NULL", "'2030-06-01 00:00:00'", "'1999-12-31 23:59:59'"}}}},
    {"split of a name",
     "  - {from: full_name, to: first, type: VARCHAR(40), up: \"SUBSTRING_INDEX(full_name, ' ', 1)\", down: "
     "\"CONCAT(first, ' ', last)\"}\n"
     "  - {from: full_name, to: last, type: VARCHAR(40), up: \"SUBSTRING(full_name, LOCATE(' ', full_name) + "
     "1)\"}\n",
     {{"full_name VARCHAR(81) NOT NULL",
       {"full_name"},
       {"'Ann Lee'", "'Bob Ray'", "'Cy Doe'", "'Di Fox'"},
       {"'Ann Lee'", "'Bob Ray'", "'Cy Doe'", "'Di Fox'"}},
      {"first VARCHAR(40) NOT NULL, last VARCHAR(40) NOT NULL",
       {"first", "last"},
       {"'Ann', 'Lee'", "'Bob', 'Ray'", "'Cy', 'Doe'", "'Di', 'Fox'"},
       {"'Ann'", "'Bob'", "'Cy'", "'Di'"}}}},
    {"merge of two names",
     "  - {from: first, to: full_name, type: VARCHAR(81), up: \"CONCAT(first, ' ', last)\", down: "
     "\"SUBSTRING_INDEX(full_name, ' ', 1)\"}\n"
     "  - {from: last, to: full_name, down: \"SUBSTRING(full_name, LOCATE(' ', full_name) + 1)\"}\n",
     {{"first VARCHAR(40) NOT NULL, last VARCHAR(40) NOT NULL",
       {"first", "last"},
       {"'Ann', 'Lee'", "'Bob', 'Ray'", "'Cy', 'Doe'", "'Di', 'Fox'"},
       {"'Ann'", "'Bob'", "'Cy'", "'Di'"}},
      {"full_name VARCHAR(81) NOT NULL",
       {"full_name"},
       {"'Ann Lee'", "'Bob Ray'", "'Cy Doe'", "'Di Fox'"},
       {"'Ann Lee'", "'Bob Ray'", "'Cy Doe'", "'Di Fox'"}}}},
};

/* # the names, by commas; $ the first; 1 to 4 after %: values, after ^: the first of them; & assignments of
 * the second value's row; ~ assignments of VALUES(). */
typedef struct statement {
    const char *text;
    bool write, select, join;
} statement;

static const statement statements[] = {
    {.text = "SELECT * FROM t ORDER BY id"},
    {.text = "SELECT id, # FROM t WHERE $ = ^1 ORDER BY id"},
    {.text = "SELECT x.id, x.$ FROM t x WHERE x.$ IS NOT NULL ORDER BY x.id DESC LIMIT 3"},
    {.text = "SELECT COUNT(*), COUNT(DISTINCT $) FROM t"},
    {.text = "SELECT d.$ FROM (SELECT id, $ FROM t WHERE id < 3) d ORDER BY d.id"},
    {.text = "SELECT (SELECT COUNT(*) FROM t i WHERE i.$ <=> o.$) AS c FROM t o ORDER BY o.id"},
    {.text = "INSERT INTO t (#, n) VALUES (%2, 7), (%3, 8)", .write = true},
    {.text = "INSERT INTO t (n, #) VALUES (5 + 4, %4)", .write = true},
    {.text = "INSERT INTO t VALUES (NULL, %1, 70)", .write = true},
    {.text = "INSERT INTO t SET n = 9, &", .write = true},
    {.text = "INSERT INTO t (#, n) SELECT #, n + 100 FROM t WHERE id <= 2", .write = true, .select = true},
    {.text = "UPDATE t SET & WHERE id = 1", .write = true},
    {.text = "UPDATE t x JOIN t y ON y.id = 2 SET x.$ = y.$ WHERE x.id = 4", .write = true, .join = true},
    {.text = "UPDATE t SET n = n + 1, & WHERE id IN (SELECT id FROM s)", .write = true},
    {.text = "UPDATE t SET n = 5 WHERE $ = ^3", .write = true},
    {.text = "INSERT INTO t (id, #, n) VALUES (1, %3, 1) ON DUPLICATE KEY UPDATE ~, n = n + 1",
     .write = true},
    {.text = "INSERT INTO t (id, #, n) VALUES (50, %3, 1) ON DUPLICATE KEY UPDATE ~", .write = true},
    {.text = "REPLACE INTO t (id, #, n) VALUES (3, %1, 3)", .write = true},
    {.text = "DELETE FROM t WHERE id > 40"},
    {.text = "SELECT * FROM t ORDER BY id"},
};

static void put(char **at, const char *text)
{
    *at = stpcpy(*at, text);
}

static void put_assigned(char **at, const side *s, bool inserted)
{
    char values[200], *rest = NULL;
    snprintf(values, sizeof values, "%s", s->values[1]);
    char *value = strtok_r(values, ",", &rest);
    for (size_t i = 0; i < 2 && s->names[i] != NULL; i++) {
        if (i > 0) put(at, ", ");
        *at += sprintf(*at, inserted ? "%s = VALUES(%s)" : "%s = %s", s->names[i],
                       inserted        ? s->names[i]
                       : value == NULL ? "NULL"
                                       : value);
        value = strtok_r(NULL, ",", &rest);
    }
}

static void write_out(const char *text, const side *s, char out[1000])
{
    for (const char *p = text; *p != '\0'; p++) {
        switch (*p) {
        case '$': put(&out, s->names[0]); break;
        case '#':
            put(&out, s->names[0]);
            if (s->names[1] != NULL) put(&out, ", "), put(&out, s->names[1]);
            break;
        case '%': put(&out, s->values[*++p - '1']); break;
        case '^': put(&out, s->first[*++p - '1']); break;
        case '&': put_assigned(&out, s, false); break;
        case '~': put_assigned(&out, s, true); break;
        default: *out++ = *p; break;
        }
    }
    *out = '\0';
}

typedef struct world {
    const ts_server *server;
    const example *x;
    ts_proxy proxy;
    ts_conn *admin, *direct, *plain[SIDES], *proxied[SIDES];
    const char *phase;
    unsigned ran, refused, failures;
} world;

static void fail_here(world *w, int at, const char *sql, const char *why)
{
    print_error("%s %s, %s, %s: %s\n  %s\n", w->server->name, w->x->label, w->phase, at == 0 ? "old" : "new",
                why, sql);
    w->failures++;
}

static int phase_number(const char *phase)
{
    static const char *const all[] = {"planned",  "expanded", "dual_write",
                                      "switched", "retired",  "contracted"};
    for (int i = 0; i < 6; i++)
        if (strcmp(all[i], phase) == 0) return i;
    return 6;
}

static bool may_refuse(const world *w, const statement *k, int at)
{
    int phase = phase_number(w->phase);
    if (!k->join && (!k->write || strchr(k->text, '(') == NULL)) {
        if (strncmp(k->text, "UPDATE t SET n = 5", 18) == 0 || !k->write) return false;
    }
    if (at == 1 && phase < 2) return true;
    if (at == 0 && phase >= 5) return true;
    if (k->join) return true; /* a part of a split, or a side that is computed */
    return k->select && ((at == 1 && phase == 2) || (at == 0 && phase == 4));
}

/* Both plain tables go through the same; the proxied one is compared with the one that has this side's
 * columns. */
static void run_one(world *w, const statement *k, int at, ts_mode mode)
{
    char sql[SIDES][1000], why[512];
    for (int i = 0; i < SIDES; i++) write_out(k->text, &w->x->sides[i], sql[i]);
    ts_result *got = ts_run(w->proxied[at], mode, sql[at], NULL, 0);
    if (got->error == 1235) {
        w->refused++;
        if (!may_refuse(w, k, at)) fail_here(w, at, sql[at], got->message);
        ts_result_free(got);
        return;
    }
    ts_result *want = ts_run(w->plain[at], TS_TEXT, sql[at], NULL, 0);
    ts_result *other = ts_run(w->plain[1 - at], TS_TEXT, sql[1 - at], NULL, 0);
    if (!ts_same(want, got, TS_ORDERED, why)) fail_here(w, at, sql[at], why);
    ts_result_free(want), ts_result_free(got), ts_result_free(other);
    w->ran++;
}

/* What a client of each side reads, and is told of the columns, is what its plain table holds and is. */
static void compare_tables(world *w)
{
    static const char *const asked[] = {
        "SELECT * FROM t ORDER BY id",
        "SHOW FULL COLUMNS FROM t",
        "SELECT COLUMN_NAME, ORDINAL_POSITION, COLUMN_DEFAULT, IS_NULLABLE, DATA_TYPE, "
        "CHARACTER_MAXIMUM_LENGTH, CHARACTER_OCTET_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, "
        "DATETIME_PRECISION, CHARACTER_SET_NAME, COLLATION_NAME, COLUMN_TYPE, COLUMN_KEY, EXTRA FROM "
        "information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 't' ORDER BY "
        "ORDINAL_POSITION",
    };
    for (size_t i = 0; i < 2 * sizeof asked / sizeof *asked; i++) {
        char why[512];
        int at = (int)(i % 2);
        const char *sql = asked[i / 2];
        if (at == 0 && strcmp(w->phase, "finished") == 0) continue;
        ts_result *want = ts_query(w->plain[at], "%s", sql), *got = ts_query(w->proxied[at], "%s", sql);
        if (!ts_same(want, got, TS_ORDERED, why)) fail_here(w, at, sql, why);
        ts_result_free(want), ts_result_free(got);
    }
}

static void fill(world *w)
{
    for (int at = 0; at < SIDES; at++) {
        const side *s = &w->x->sides[at];
        char names[1000];
        write_out("#", s, names);
        ts_do(w->plain[at], "DELETE FROM t");
        ts_do(w->plain[at], "ALTER TABLE t AUTO_INCREMENT = 1");
        for (int v = 0; v < VALUES; v++)
            ts_do(w->plain[at], "INSERT INTO t (id, %s, n) VALUES (%d, %s, %d)", names, v + 1, s->values[v],
                  v);
    }
}

/* The same rows into the migrating table, by the side that counts in the phase. */
static void fill_proxied(world *w)
{
    int at = phase_number(w->phase) >= 3 ? 1 : 0;
    const side *s = &w->x->sides[at];
    char names[1000];
    write_out("#", s, names);
    ts_do(w->proxied[at], "DELETE FROM t");
    ts_do(w->direct, "ALTER TABLE t_chg.t AUTO_INCREMENT = 1");
    for (int v = 0; v < VALUES; v++)
        ts_do(w->proxied[at], "INSERT INTO t (id, %s, n) VALUES (%d, %s, %d)", names, v + 1, s->values[v], v);
}

static void check_verify(world *w)
{
    ts_result *r;
    int phase = phase_number(w->phase);
    if (phase != 2 && phase != 3) return;
    ts_wait_backfill(w->admin, "m");
    r = ts_query(w->admin, "VERIFY MIGRATION m");
    if (r->error != 0)
        fail_here(w, 1, "VERIFY MIGRATION m", r->message);
    else if (strcmp(ts_cell(r, 0, "differing"), "0") != 0)
        fail_here(w, 1, "VERIFY MIGRATION m", ts_cell(r, 0, "first_keys"));
    ts_result_free(r);
}

/* What hangs on the time zone is refused in another one, also where it was prepared in the right one. */
static void check_zone(world *w)
{
    for (int at = 0; at < SIDES; at++) {
        ts_do(w->proxied[at], "SET time_zone = '+05:00'");
        ts_result *r =
            ts_query(w->proxied[at], "UPDATE t SET %s = NULL WHERE id = 1", w->x->sides[at].names[0]);
        if (r->error != 1235 || strstr(r->message, "time zone") == NULL)
            fail_here(w, at, "UPDATE in another time zone", r->message);
        ts_result_free(r);
        ts_do(w->proxied[at], "SET time_zone = SYSTEM");
    }
}

static void run_phase(world *w, const char *phase, bool statements_too)
{
    w->phase = phase;
    ts_go(w->admin, "m", phase);
    for (int at = 0; at < SIDES; at++) {
        if (at == 0 && strcmp(phase, "finished") == 0) continue;
        for (int mode = TS_TEXT; mode <= TS_PREPARED; mode++) {
            fill(w);
            fill_proxied(w);
            for (size_t i = 0; statements_too && i < sizeof statements / sizeof *statements; i++)
                run_one(w, &statements[i], at, (ts_mode)mode);
            compare_tables(w);
        }
    }
    if (strcmp(phase, "dual_write") == 0 && strcmp(w->x->label, "datetime to timestamp") == 0) check_zone(w);
    check_verify(w);
}

static ts_conn *plain_table(const ts_server *s, const char *schema, const char *columns)
{
    ts_conn *c = ts_root(s, NULL);
    ts_do(c, "DROP DATABASE IF EXISTS %s", schema);
    ts_do(c, "CREATE DATABASE %s CHARACTER SET utf8mb4", schema);
    ts_do(c,
          "CREATE TABLE %s.t (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, %s, n INT NULL) AUTO_INCREMENT = 1",
          schema, columns);
    ts_do(c, "CREATE TABLE %s.s (id INT NOT NULL PRIMARY KEY)", schema);
    ts_do(c, "INSERT INTO %s.s VALUES (2), (4)", schema);
    ts_close(c);
    return ts_root(s, schema);
}

/* There, back from retired, and to the end. */
static void walk(world *w)
{
    static const char *const phases[] = {"planned", "expanded",   "dual_write", "switched",
                                         "retired", "switched",   "dual_write", "planned",
                                         "retired", "contracted", "finished"};
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) run_phase(w, phases[i], i < 6 || i > 8);
}

static void apply_text(ts_conn *admin, const char *yaml)
{
    char quoted[2000], *at = quoted;
    for (const char *p = yaml; *p != '\0'; p++) {
        if (*p == '\'') *at++ = '\'';
        *at++ = *p;
    }
    *at = '\0';
    ts_do(admin, "APPLY MIGRATION '%s'", quoted);
}

static void apply(world *w)
{
    char yaml[2000];
    snprintf(yaml, sizeof yaml, "name: m\ntable: t_chg.t\nobserve_days: 0\ncolumns:\n%s", w->x->yaml);
    apply_text(w->admin, yaml);
}

static void each(const ts_server *server)
{
    unsigned failures = 0;
    const char *which = getenv("STRADDLE_CHANGES");
    bool some = which != NULL && strcmp(which, "some") == 0;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        if (some && strcmp(examples[i].label, "amount to cents") != 0 &&
            strcmp(examples[i].label, "datetime to timestamp") != 0 &&
            strcmp(examples[i].label, "split of a name") != 0)
            continue;
        world w = {.server = server, .x = &examples[i]};
        ts_forget_migrations(server);
        ts_close(plain_table(server, "t_chg", w.x->sides[0].columns));
        w.plain[0] = plain_table(server, "t_old", w.x->sides[0].columns);
        w.plain[1] = plain_table(server, "t_new", w.x->sides[1].columns);
        w.direct = ts_root(server, NULL);
        ts_proxy_start(&w.proxy, server, NULL);
        w.admin = ts_proxy_admin(&w.proxy);
        w.proxied[0] = ts_proxy_connect(&w.proxy, w.proxy.port_old, "t_chg");
        w.proxied[1] = ts_proxy_connect(&w.proxy, w.proxy.port_new, "t_chg");
        apply(&w);
        walk(&w);
        for (int at = 0; at < SIDES; at++) ts_close(w.plain[at]), ts_close(w.proxied[at]);
        ts_close(w.admin), ts_close(w.direct);
        ts_proxy_end(&w.proxy);
        print_message("%s, %s: %u compared, %u refused, %u differ\n", server->name, w.x->label, w.ran,
                      w.refused, w.failures);
        failures += w.failures;
    }
    assert_int_equal(failures, 0);
}

/* ---- what a plain table cannot be asked for ---- */

typedef struct step {
    const char *sql;
    unsigned port;    /* 0 old, 1 new, 2 both; 3: past the proxy */
    const char *want; /* the first row's cells by '|', "" for no row, or "! part of the error" */
} step;

static void row_text(const ts_result *r, char out[600])
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < r->ncols && r->nrows > 0; i++)
        n += (size_t)snprintf(out + n, 600 - n, "%s%s", i > 0 ? "|" : "",
                              r->cells[i] == NULL ? "NULL" : r->cells[i]);
}

static void run_steps(ts_conn *const conns[4], const ts_server *server, const char *label, const step *steps,
                      size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char got[600];
        ts_result *r = ts_query(conns[steps[i].port], "%s", steps[i].sql);
        bool ok = false;
        if (steps[i].want[0] == '!') {
            snprintf(got, sizeof got, "error %u %.500s", r->error, r->message);
            ok = r->error != 0 && strstr(r->message, steps[i].want + 2) != NULL;
        } else {
            row_text(r, got);
            if (r->error != 0) snprintf(got, sizeof got, "error %u %.500s", r->error, r->message);
            ok = strcmp(got, steps[i].want) == 0;
        }
        if (!ok)
            fail_msg("%s, %s, step %zu, %s: got %s instead of %s", server->name, label, i, steps[i].sql, got,
                     steps[i].want);
        ts_result_free(r);
    }
}

/* In dual_write, with rows that the backfill has not come by. */
static const step stale_steps[] = {
    {"UPDATE t SET first = NULL, last = NULL, cents = NULL WHERE id IN (1, 2)", 3, ""},
    {"SELECT first, last, cents FROM t WHERE id = 1", 1, "Ann|Lee|150"},
    {"UPDATE t SET first = 'Eve' WHERE id = 1", 1, ""},
    {"SELECT full_name, first, last FROM t WHERE id = 1", 3, "Eve Lee|Eve|Lee"},
    {"UPDATE t SET last = CONCAT(last, 'son'), n = CHAR_LENGTH(last) WHERE id = 2", 1, ""},
    {"SELECT full_name, first, last, n FROM t WHERE id = 2", 3, "Bob Rayson|Bob|Rayson|6"},
    {"UPDATE t SET full_name = 'Mary Jane Doe' WHERE id = 3", 0, ""},
    {"UPDATE t SET first = 'Mary Jane', last = 'Doe' WHERE id = 3", 1, ""},
    {"UPDATE t SET last = 'Fox' WHERE id = 3", 1, ""},
    {"SELECT full_name, first, last FROM t WHERE id = 3", 3, "Mary Jane Fox|Mary Jane|Fox"},
    {"UPDATE t SET cents = cents + 1, n = cents WHERE id = 2", 1, ""},
    {"SELECT amount, cents, n FROM t WHERE id = 2", 3, "-2.24|-224|-224"},
    {"UPDATE t SET amount = NULL WHERE id = 2", 0, ""},
    {"SELECT amount, cents FROM t WHERE id = 2", 3, "NULL|NULL"},
    {"UPDATE t SET cents = 99999999999999 WHERE id = 2", 1, "! 'cents'"},
    {"UPDATE t SET first = NULL WHERE id = 2", 1, "! cannot be null"},
    {"UPDATE IGNORE t SET cents = 5 WHERE id = 2", 1, "! IGNORE"},
    {"UPDATE t SET cents = 1, amount = 0.01 WHERE id = 2", 2, ""},
    {"UPDATE t SET first = 'a', full_name = 'a b' WHERE id = 2", 2, "! old and new names"},
    {"UPDATE t JOIN s USING (id) SET t.cents = 7", 1, "! a column whose values the migration changes"},
    {"INSERT INTO t (id, first, amount) VALUES (9, 'x', 1)", 1, "! 'last' doesn't have a default value"},
    {"INSERT INTO t (id, amount, full_name) VALUES (9, 3.5, 'P Q') ON DUPLICATE KEY UPDATE amount = 9", 0,
     ""},
    {"INSERT INTO t (id, amount, full_name) VALUES (9, 3.5, 'P Q') ON DUPLICATE KEY UPDATE cents = cents + "
     "50, "
     "last = 'Z'",
     2, ""},
    {"SELECT amount, cents, full_name, first, last FROM t WHERE id = 9", 3, "4.00|400|P Z|P|Z"},
    {"SELECT cents, amount FROM t WHERE id = 9", 2, "400|4.00"},
    {"SELECT COUNT(*) FROM t WHERE cents = 400 AND first = 'P'", 1, "1"},
    {"DELETE FROM t WHERE id = 9", 1, ""},
};

/* Two migrations of one table, one switched on the way back, its old columns not filled again. */
static const step unfilled_steps[] = {
    {"UPDATE t SET amount = 7, full_name = 'junk' WHERE id = 1", 3, ""},
    {"UPDATE t SET cents = 500, first = 'Ann', last = 'Lee' WHERE id = 1", 3, ""},
    {"SELECT amount, full_name FROM t WHERE id = 1", 0, "5.00|Ann Lee"},
    {"UPDATE t SET amount = amount + 1 WHERE id = 1", 0, ""},
    {"SELECT amount, cents FROM t WHERE id = 1", 3, "6.00|600"},
    {"UPDATE t SET last = 'Low' WHERE id = 1", 1, ""},
    {"SELECT full_name, first, last FROM t WHERE id = 1", 3, "Ann Low|Ann|Low"},
};

static void two_at_once(const ts_server *server)
{
    ts_proxy proxy;
    ts_forget_migrations(server);
    ts_close(plain_table(server, "t_chg", "amount DECIMAL(10,2) NULL, full_name VARCHAR(81) NOT NULL"));
    ts_proxy_start(&proxy, server, NULL);
    ts_conn *admin = ts_proxy_admin(&proxy);
    ts_conn *conns[4] = {ts_proxy_connect(&proxy, proxy.port_old, "t_chg"),
                         ts_proxy_connect(&proxy, proxy.port_new, "t_chg"),
                         ts_proxy_connect(&proxy, proxy.port_both, "t_chg"), ts_root(server, "t_chg")};
    ts_do(conns[3], "INSERT INTO t (amount, full_name, n) VALUES (1.5, 'Ann Lee', 1), (-2.25, 'Bob Ray', 2), "
                    "(NULL, 'Cy Doe', 3)");
    apply_text(admin, "name: money\ntable: t_chg.t\nobserve_days: 0\ncolumns:\n  - {from: amount, to: cents, "
                      "type: BIGINT, up: "
                      "\"amount * 100\", down: \"cents * 0.01\"}\n");
    apply_text(admin,
               "name: names\ntable: t_chg.t\nobserve_days: 0\ncolumns:\n  - {from: full_name, to: first, "
               "type: VARCHAR(40), up: "
               "\"SUBSTRING_INDEX(full_name, ' ', 1)\", down: \"CONCAT(first, ' ', last)\"}\n  - {from: "
               "full_name, to: last, type: VARCHAR(40), up: \"SUBSTRING(full_name, LOCATE(' ', full_name) + "
               "1)\"}\n");
    ts_result *r =
        ts_query(admin, "APPLY MIGRATION 'name: again\ntable: t_chg.t\ncolumns:\n  - {from: amount, to: "
                        "sum}\n'");
    assert_true(r->error != 0 && strstr(r->message, "is on a column of table") != NULL);
    ts_result_free(r);
    ts_go(admin, "money", "dual_write");
    ts_go(admin, "names", "dual_write");
    ts_wait_backfill(admin, "money"), ts_wait_backfill(admin, "names");
    run_steps(conns, server, "stale", stale_steps, sizeof stale_steps / sizeof *stale_steps);
    ts_go(admin, "money", "expanded");
    ts_go(admin, "money", "retired");
    ts_go(admin, "names", "switched");
    ts_go(admin, "money", "switched");
    run_steps(conns, server, "not filled", unfilled_steps, sizeof unfilled_steps / sizeof *unfilled_steps);
    ts_go(admin, "names", "finished");
    ts_go(admin, "money", "contracted");
    for (int i = 0; i < 4; i++) ts_close(conns[i]);
    ts_close(admin);
    ts_proxy_end(&proxy);
}

static void test_two(void **state)
{
    (void)state;
    two_at_once(ts_mysql());
    two_at_once(ts_mariadb());
}

static void test_mysql(void **state)
{
    (void)state;
    each(ts_mysql());
}

static void test_mariadb(void **state)
{
    (void)state;
    each(ts_mariadb());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two), cmocka_unit_test(test_mysql),
                                       cmocka_unit_test(test_mariadb)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
