/* straddle rehearse: on a clone it walks all phases under load and leaves a record; what is no clone, it does
 * not touch. Migrations that change values are rehearsed with the names that each phase has, and as far back
 * as they can go. */
#include "shop.h"

#include "servers.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

typedef struct fixture {
    shop shop;
    ts_own clone;
    char config[200], file[200];
    ts_output *out;
} fixture;

static const char definition[] = "name: " SHOP_MIGRATION "\ntable: t_mig.transactions\ncolumns:\n  - {from: "
                                 "transaction_type, to: payment_method}\n";

static void define(const fixture *f, const char *text)
{
    FILE *out = fopen(f->file, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void start(fixture *f, bool mariadb)
{
    size_t n;
    const ts_server *s = ts_servers(&n);
    while (n > 1 && s->mariadb != mariadb) s++;
    ts_own_start(&f->clone, mariadb, NULL);
    shop_create(&f->clone.server);
    ts_conn *c = ts_root(&f->clone.server, "t_mig");
    shop_fill(c, 0);
    ts_close(c);
    shop_start(&f->shop, s, NULL);
    snprintf(f->config, sizeof f->config, "%s/straddle.yaml", f->shop.proxy.dir);
    snprintf(f->file, sizeof f->file, "%s/m.yaml", f->shop.proxy.dir);
    define(f, definition);
    f->out = calloc(1, sizeof *f->out);
    assert_non_null(f->out);
}

static void end(fixture *f)
{
    remove(f->file);
    free(f->out);
    shop_end(&f->shop);
    ts_own_wipe(&f->clone);
}

/* The log that a rehearsal leaves where it failed. */
static void remove_log(const fixture *f)
{
    char path[200], *end;
    const char *at = strstr(f->out->err, "/tmp/straddle-rehearsal-");
    if (at == NULL) return;
    snprintf(path, sizeof path, "%.180s", at);
    if ((end = strchr(path, '\n')) != NULL) *end = '\0';
    remove(path);
    if ((end = strrchr(path, '/')) != NULL) *end = '\0';
    assert_int_equal(rmdir(path), 0);
}

static void rehearse(fixture *f, unsigned port, int status, const char *out, const char *err)
{
    char on[64], migration[220];
    snprintf(on, sizeof on, "--on=127.0.0.1:%u", port);
    snprintf(migration, sizeof migration, "--migration=%s", f->file);
    ts_straddle(f->out, NULL, "rehearse", "-c", f->config, migration, on, "--seconds=1", "--rate=200", NULL);
    remove_log(f);
    if (f->out->status != status || strstr(f->out->out, out) == NULL || strstr(f->out->err, err) == NULL)
        fail_msg("wanted status %d, \"%s\", \"%s\"; got %d\n%s\n%s", status, out, err, f->out->status,
                 f->out->out, f->out->err);
}

static void record(fixture *f, const char *column, const char *want)
{
    char got[600];
    shop_cell(f->shop.admin, "SHOW REHEARSALS", column, got, sizeof got);
    if (strstr(got, want) == NULL) fail_msg("%s is \"%s\", not \"%s\"", column, got, want);
}

static void check(bool mariadb)
{
    fixture f = {.out = NULL};
    start(&f, mariadb);
    rehearse(&f, f.shop.server->port, 1, "", "the database itself, or a replica of it");
    record(&f, "result", "failed: this is the database itself");
    assert_int_equal(ts_int(f.shop.direct,
                            "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "
                            "'t_mig' AND COLUMN_NAME = 'payment_method' AND TABLE_NAME = "
                            "'transactions'"),
                     0);
    rehearse(&f, f.clone.server.port, 0, "passed: 8 rows", "");
    record(&f, "result", "passed");
    record(&f, "rows_after", "8");
    assert_int_equal(ts_int(f.shop.direct, "SELECT COUNT(*) FROM straddle.rehearsals WHERE steps LIKE "
                                           "'[%%\"to\":\"finished\"%%]'"),
                     1);
    ts_conn *c = ts_root(&f.clone.server, "t_mig");
    assert_int_equal(ts_int(c, "SELECT COUNT(payment_method) FROM transactions"), 8);
    assert_true(ts_int(f.shop.direct, "SELECT statements FROM straddle.rehearsals WHERE result = 'passed'") >
                500);
    rehearse(&f, f.clone.server.port, 1, "", "transaction_type"); /* the clone is used up */
    record(&f, "result", "failed: ");
    ts_do(c,
          "INSERT INTO straddle.migrations (name, table_schema, table_name, definition, phase, epoch, "
          "generation, observe_days, since) VALUES ('other', 's', 't', '', 'dual_write', 1, 1, 0, NOW(3))");
    rehearse(&f, f.clone.server.port, 1, "", "a migration has begun");
    ts_do(c, "DROP TABLE transactions");
    ts_do(c, "DROP DATABASE straddle");
    rehearse(&f, f.clone.server.port, 1, "", "no table t_mig.transactions");
    ts_close(c);
    end(&f);
}

/* ---- other kinds of migration ---- */

typedef struct kind {
    const char *columns, *values; /* of the table, and of its rows; %d: the row's number */
    const char *definition;       /* without name and table */
    const char *out[8];           /* what the rehearsal says */
    const char *after;            /* how many rows are right in the end */
} kind;

static const kind two_ways = {
    .columns =
        "id INT NOT NULL PRIMARY KEY, first VARCHAR(40) NOT NULL, last VARCHAR(40) NOT NULL, place "
        "VARCHAR(80) NOT NULL, amount DECIMAL(10,2) NOT NULL, size INT NOT NULL, note VARCHAR(20) NOT NULL",
    .values = "%d, 'Ann%d', 'Lee%d', 'Main%d Town%d', %d.25, %d, 'n%d'",
    .definition =
        "columns:\n"
        "  - {from: first, to: full_name, type: VARCHAR(81), up: \"CONCAT(first, ' ', last)\", down: "
        "\"SUBSTRING_INDEX(full_name, ' ', 1)\"}\n"
        "  - {from: last, to: full_name, down: \"SUBSTRING(full_name, LOCATE(' ', full_name) + 1)\"}\n"
        "  - {from: place, to: street, type: VARCHAR(40), up: \"SUBSTRING_INDEX(place, ' ', 1)\", down: "
        "\"CONCAT(street, ' ', town)\"}\n"
        "  - {from: place, to: town, type: VARCHAR(40), up: \"SUBSTRING(place, LOCATE(' ', place) + 1)\"}\n"
        "  - {from: amount, to: cents, type: BIGINT, up: \"amount * 100\", down: \"cents * 0.01\"}\n"
        "  - {from: size, to: bytes, type: BIGINT}\n"
        "  - {from: note, to: remark}\n",
    .out = {"left out: writes of `full_name` by the new names in planned, expanded: ",
            "left out: writes of `street` by the new names in planned, expanded: ",
            "left out: writes of `town` by the new names in planned, expanded: ",
            "left out: writes of `cents` by the new names in planned, expanded: ", "back planned",
            "passed: 50 rows"},
    .after = "SELECT COUNT(*) FROM people WHERE full_name LIKE 'Ann% Lee%' AND street LIKE 'Main%' AND town "
             "LIKE 'Town%' AND cents % 100 = 25 AND bytes > 0 AND remark LIKE 'n%'",
};

static const kind one_way = {
    .columns = "id INT NOT NULL PRIMARY KEY, amount DECIMAL(10,2) NOT NULL, first VARCHAR(40) NOT NULL, last "
               "VARCHAR(40) NOT NULL, note VARCHAR(20) NOT NULL",
    .values = "%d, %d.25, 'Ann%d', 'Lee%d', 'n%d'",
    .definition = "columns:\n"
                  "  - {from: amount, to: cents, type: BIGINT, up: \"amount * 100\"}\n"
                  "  - {from: first, to: full_name, type: VARCHAR(81), up: \"CONCAT(first, ' ', last)\"}\n"
                  "  - {from: last, to: full_name}\n"
                  "  - {from: note, to: remark}\n",
    .out = {"left out: writes of `cents` by the new names in planned, expanded, dual_write: the migration "
            "has no `down`",
            "left out: writes of `full_name` by the new names in planned, expanded, dual_write: ",
            "left out: reads of `amount` by the old names in switched, retired: ",
            "left out: reads of `last` by the old names in switched, retired: ",
            "left out: the ways back from retired and from switched", "back planned", "passed: 50 rows"},
    .after = "SELECT COUNT(*) FROM people WHERE full_name LIKE 'Ann% Lee%' AND cents % 100 = 25 AND remark "
             "LIKE 'n%'",
};

/* The only one in which the key itself may get another name. */
static const kind key_renamed = {
    .columns = "id INT NOT NULL PRIMARY KEY, note VARCHAR(20) NULL",
    .values = "%d, 'n%d'",
    .definition = "strategy: instant_rename\ncolumns:\n  - {from: id, to: person}\n",
    .out = {"to   finished", "passed: 50 rows"},
    .after = "SELECT COUNT(*) FROM people WHERE person > 0 AND note LIKE 'n%'",
};

/* %d in it becomes n, however often it is there. */
static void put_number(char *out, size_t size, const char *text, int n)
{
    size_t at = 0;
    for (const char *p = text; *p != '\0' && at + 12 < size; p++) {
        if (p[0] == '%' && p[1] == 'd') {
            at += (size_t)snprintf(out + at, size - at, "%d", n);
            p++;
        } else {
            out[at++] = *p;
        }
    }
    out[at] = '\0';
}

static void make_people(fixture *f, const kind *k)
{
    ts_conn *c = ts_root(&f->clone.server, "t_mig");
    ts_do(c, "DROP DATABASE IF EXISTS straddle");
    ts_do(c, "DROP TABLE IF EXISTS people");
    ts_do(c, "CREATE TABLE people (%s)", k->columns);
    for (int i = 1; i <= 50; i++) {
        char row[300];
        put_number(row, sizeof row, k->values, i);
        ts_do(c, "INSERT INTO people VALUES (%s)", row);
    }
    ts_close(c);
}

static void define_people(fixture *f, const kind *k, const char *more)
{
    char text[2000];
    snprintf(text, sizeof text, "name: people\ntable: t_mig.people\n%s%s", k->definition, more);
    make_people(f, k);
    define(f, text);
}

static int64_t of_steps(fixture *f, const char *like)
{
    return ts_int(f->shop.direct, "SELECT steps LIKE '%s' FROM straddle.rehearsals ORDER BY id DESC LIMIT 1",
                  like);
}

static void check_kind(fixture *f, const kind *k)
{
    define_people(f, k, "");
    rehearse(f, f->clone.server.port, 0, "passed", "");
    for (size_t i = 0; k->out[i] != NULL; i++)
        if (strstr(f->out->out, k->out[i]) == NULL)
            fail_msg("\"%s\" is not in what it says:\n%s", k->out[i], f->out->out);
    assert_int_equal(of_steps(f, "%%\"to\":\"finished\"%%]"), 1);
    assert_int_equal(of_steps(f, "[{\"left_out\":[%%]},{\"to\":%%"), strstr(f->out->out, "left out") != NULL);
    ts_conn *c = ts_root(&f->clone.server, "t_mig");
    assert_int_equal(ts_int(c, "%s", k->after), 50);
    ts_close(c);
}

static void check_stands_still(fixture *f)
{
    char on[64], migration[220];
    define_people(f, &one_way, "backfill: {check_sql: 'SELECT 1'}\n");
    snprintf(on, sizeof on, "--on=127.0.0.1:%u", f->clone.server.port);
    snprintf(migration, sizeof migration, "--migration=%s", f->file);
    ts_straddle(f->out, NULL, "rehearse", "-c", f->config, migration, on, "--seconds=0", "--patience=3",
                NULL);
    remove_log(f);
    assert_int_equal(f->out->status, 1);
    if (strstr(f->out->err, "to dual_write: the backfill (forward) has stood still for 3 s, at 0 of") ==
            NULL ||
        strstr(f->out->err, "it waits for: check_sql says 1; last error: nothing") == NULL)
        fail_msg("it says:\n%s\n%s", f->out->out, f->out->err);
    record(f, "result", "it waits for: check_sql says 1");
}

/* ---- the process that it starts ---- */

static bool read_text(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
    if (fd >= 0) close(fd);
    out[n < 0 ? 0 : n] = '\0';
    for (ssize_t i = 0; i < n; i++)
        if (out[i] == '\0') out[i] = ' ';
    return n > 0;
}

/* 'Z': ended, and nobody has asked for its status; 0: there is none. */
static char state_of(pid_t pid, pid_t *parent)
{
    char path[64], text[600], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const char *at = read_text(path, text, sizeof text) ? strrchr(text, ')') : NULL;
    if (at == NULL || sscanf(at + 1, " %c %d", &state, parent) != 2) return 0;
    return state;
}

/* The `straddle serve` that this one has started, with its folder; 0: none yet. */
static pid_t child_of(pid_t pid, char folder[64])
{
    DIR *d = opendir("/proc");
    pid_t found = 0;
    assert_non_null(d);
    for (struct dirent *e; found == 0 && (e = readdir(d)) != NULL;) {
        char path[300], text[600];
        pid_t parent = 0, one = (pid_t)atoi(e->d_name);
        if (one <= 0 || state_of(one, &parent) == 0 || parent != pid) continue;
        snprintf(path, sizeof path, "/proc/%d/cmdline", (int)one);
        const char *at = read_text(path, text, sizeof text) ? strstr(text, "/tmp/straddle-rehearsal-") : NULL;
        if (at == NULL) continue;
        snprintf(folder, 64, "%.*s", (int)strlen("/tmp/straddle-rehearsal-XXXXXX"), at);
        found = one;
    }
    closedir(d);
    return found;
}

static void nap(void)
{
    nanosleep(&(struct timespec){0, 50000000}, NULL);
}

static void remove_folder(const char *folder)
{
    static const char *const files[] = {"old.sock", "new.sock", "admin.sock", "straddle.yaml", "log"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        remove(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

/* Rehearses until it is killed: what it has started ends as well. */
static void check_killed(fixture *f)
{
    char on[64], migration[220], folder[64] = "", path[128];
    pid_t parent = 0, child = 0;
    bool ready = false;
    define_people(f, &one_way, "backfill: {check_sql: 'SELECT 1'}\n");
    snprintf(on, sizeof on, "--on=127.0.0.1:%u", f->clone.server.port);
    snprintf(migration, sizeof migration, "--migration=%s", f->file);
    pid_t pid = ts_straddle_start(NULL, "rehearse", "-c", f->config, migration, on, "--seconds=0", NULL);
    for (int i = 0; !ready && i < 1200; i++, nap()) {
        if (child == 0) child = child_of(pid, folder);
        snprintf(path, sizeof path, "%s/admin.sock", folder);
        ready = child != 0 && access(path, F_OK) == 0;
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_true(ready);
    char state = 'R';
    for (int i = 0; i < 1200 && (state = state_of(child, &parent)) != 0 && state != 'Z'; i++) nap();
    if (state != 0 && state != 'Z') kill(child, SIGKILL);
    remove_folder(folder);
    assert_true(state == 0 || state == 'Z');
}

static void check_kinds(bool mariadb)
{
    fixture f = {.out = NULL};
    start(&f, mariadb);
    check_kind(&f, &two_ways);
    check_kind(&f, &one_way);
    check_kind(&f, &key_renamed);
    check_stands_still(&f);
    check_killed(&f);
    end(&f);
}

static void test_kinds_mysql(void **state)
{
    (void)state;
    check_kinds(false);
}

static void test_kinds_mariadb(void **state)
{
    (void)state;
    check_kinds(true);
}

static void test_mysql(void **state)
{
    (void)state;
    check(false);
}

static void test_mariadb(void **state)
{
    (void)state;
    check(true);
}

static void test_usage(void **state)
{
    (void)state;
    ts_output *o = calloc(1, sizeof *o);
    static const char *const wrong[][2] = {
        {"--on=127.0.0.1:1", "--migration and --on are needed"},
        {"--rate=many", "write a whole number"},
        {"--nonsense", "Usage: straddle rehearse"},
        {"--patience=0", "write a whole number from 1"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ts_straddle(o, NULL, "rehearse", wrong[i][0], NULL);
        assert_int_equal(o->status, 2);
        assert_non_null(strstr(o->err, wrong[i][1]));
    }
    ts_straddle(o, NULL, "rehearse", "--help", NULL);
    assert_int_equal(o->status, 0);
    assert_non_null(strstr(o->out, "SHOW REHEARSALS"));
    free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_usage), cmocka_unit_test(test_mysql),
                                       cmocka_unit_test(test_mariadb), cmocka_unit_test(test_kinds_mysql),
                                       cmocka_unit_test(test_kinds_mariadb)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
