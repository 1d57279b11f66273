/* straddle rehearse: on a clone it walks all phases under load and leaves a record; what is no clone, it does
 * not touch. */
#include "shop.h"

#include "servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    FILE *out = fopen(f->file, "w");
    assert_non_null(out);
    fputs(definition, out);
    fclose(out);
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
    };
    for (size_t i = 0; i < 3; i++) {
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
                                       cmocka_unit_test(test_mariadb)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
