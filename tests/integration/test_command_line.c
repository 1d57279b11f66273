/* The programs of the command line: straddle ctl against a running proxy, check-config, rewrite, and serve
 * where it cannot start. What they print, where, and their exit status. */
#include "shop.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

typedef struct fixture {
    shop shop;
    char config[200], dir[160];
    ts_output *out;
} fixture;

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void expect(const ts_output *o, int status, const char *out, const char *err)
{
    if (o->status != status || strstr(o->out, out) == NULL || strstr(o->err, err) == NULL)
        fail_msg("wanted status %d, \"%s\", \"%s\"; got %d\n%s\n%s", status, out, err, o->status, o->out,
                 o->err);
    if (out[0] == '\0') assert_string_equal(o->out, "");
    if (err[0] == '\0') assert_string_equal(o->err, "");
}

/* ---- ctl ---- */

static void check_tables(fixture *f)
{
    ts_output *o = f->out;
    ts_straddle(o, NULL, "ctl", "-c", f->config, "SHOW MIGRATIONS", NULL);
    expect(o, 0, SHOP_MIGRATION, "");
    const char *head = strstr(o->out, "name"), *row = strstr(o->out, SHOP_MIGRATION);
    assert_non_null(head);
    const char *name_line = head, *phase = strstr(head, "phase"), *value = strstr(row, "planned");
    while (row > o->out && row[-1] != '\n') row--;
    while (name_line > o->out && name_line[-1] != '\n') name_line--;
    assert_int_equal(phase - name_line, value - row); /* aligned */
    ts_straddle(o, NULL, "ctl", "-c", f->config, "--vertical", "SHOW MIGRATION " SHOP_MIGRATION, NULL);
    expect(o, 0, "phase: planned\n", "");
    ts_straddle(o, NULL, "ctl", "-c", f->config, "ADVANCE MIGRATION " SHOP_MIGRATION, NULL);
    expect(o, 0, "publish", "");
    ts_straddle(o, NULL, "ctl", "-c", f->config, "DISABLE MIGRATION " SHOP_MIGRATION, NULL);
    expect(o, 0, SHOP_MIGRATION " disabled\n", "");
}

static void check_json(fixture *f)
{
    json_error_t why;
    ts_straddle(f->out, NULL, "ctl", "-c", f->config, "--json", "SHOW MIGRATION " SHOP_MIGRATION, NULL);
    expect(f->out, 0, "[", "");
    json_t *all = json_loads(f->out->out, 0, &why);
    if (!json_is_array(all)) fail_msg("%s: %s", why.text, f->out->out);
    assert_int_equal(json_array_size(all), 1);
    const json_t *row = json_array_get(all, 0);
    assert_string_equal(json_string_value(json_object_get(row, "name")), SHOP_MIGRATION);
    assert_string_equal(json_string_value(json_object_get(row, "rows_done")), "0"); /* numbers stay strings */
    assert_true(json_is_null(json_object_get(row, "eta_s")));
    json_decref(all);
    ts_straddle(f->out, NULL, "ctl", "-c", f->config, "--json", "ENABLE MIGRATION " SHOP_MIGRATION, NULL);
    json_t *message = json_loads(f->out->out, 0, &why);
    if (!json_is_object(message)) fail_msg("%s: %s", why.text, f->out->out);
    assert_non_null(json_string_value(json_object_get(message, "message")));
    json_decref(message);
    ts_straddle(f->out, NULL, "ctl", "-c", f->config, "--json", "SHOW USAGE", NULL);
    all = json_loads(f->out->out, 0, &why);
    assert_true(json_is_array(all));
    json_decref(all);
}

static void check_statuses(fixture *f)
{
    char other[200], text[700];
    ts_output *o = f->out;
    ts_straddle(o, NULL, "ctl", "-c", f->config, "SHOW MIGRATION none", NULL);
    expect(o, 1, "", "none");
    ts_straddle(o, NULL, "ctl", "-c", f->config, "FROB", NULL);
    expect(o, 1, "", "HELP");
    ts_straddle(o, NULL, "ctl", "-c", f->config, "--user", "reader", "ADVANCE MIGRATION " SHOP_MIGRATION,
                NULL);
    expect(o, 1, "", "operator");
    ts_straddle(o, NULL, "ctl", "-c", f->config, "--user", "nobody", "SHOW STATS", NULL);
    expect(o, 2, "", "nobody");
    ts_straddle(o, NULL, "ctl", "-c", f->config, NULL);
    expect(o, 2, "", "Usage");
    ts_straddle(o, NULL, "ctl", "-c", "/nowhere.yaml", "SHOW STATS", NULL);
    expect(o, 2, "", "/nowhere.yaml");
    snprintf(other, sizeof other, "%s/other.yaml", f->dir);
    snprintf(
        text, sizeof text,
        "listeners: [{address: 127.0.0.1:1}]\nadmin: {address: 127.0.0.1:%u, users: [{name: admin, password: "
        "wrong, role: operator}]}\nbackend: {address: 127.0.0.1:2, user: x, password: x}\n",
        f->shop.proxy.port_admin);
    write_file(other, text);
    ts_straddle(o, NULL, "ctl", "-c", other, "SHOW STATS", NULL);
    expect(o, 2, "", "Access denied");
    write_file(other,
               "listeners: [{address: 127.0.0.1:1}]\nadmin: {address: 127.0.0.1:3, users: [{name: admin, "
               "password: a, role: operator}]}\nbackend: {address: 127.0.0.1:2, user: x, password: x}\n");
    ts_straddle(o, NULL, "ctl", "-c", other, "SHOW STATS", NULL);
    expect(o, 2, "", "127.0.0.1:3");
    unlink(other);
}

static void check_input(fixture *f)
{
    ts_output *o = f->out;
    ts_straddle(
        o, "SHOW RULES;\nHELP SHOW RULES;;\n\nSHOW MIGRATION none; DISABLE MIGRATION " SHOP_MIGRATION ";",
        "ctl", "-c", f->config, "-", NULL);
    expect(o, 1, "SHOW RULES", "none");
    char enabled[16]; /* what follows a failed statement is not sent */
    shop_cell(f->shop.admin, "SHOW RULES", "enabled", enabled, sizeof enabled);
    assert_string_equal(enabled, "yes");
}

static void test_ctl(void **state)
{
    fixture *f = *state;
    shop_start(&f->shop, ts_mysql(), NULL);
    shop_apply(&f->shop, NULL);
    snprintf(f->config, sizeof f->config, "%s/straddle.yaml", f->shop.proxy.dir);
    check_tables(f);
    check_json(f);
    check_statuses(f);
    check_input(f);
    shop_end(&f->shop);
}

/* ---- check-config ---- */

#define HEAD                                                                                                 \
    "listeners: [{address: 127.0.0.1:7033}]\nadmin: {address: 127.0.0.1:7032, users: [{name: a, password: "  \
    "b, "                                                                                                    \
    "role: operator}]}\n"
#define BACKEND "backend: {address: 127.0.0.1:7, user: x, password: hush}\n"

static void test_check_config(void **state)
{
    static const struct {
        const char *text;
        int status;
        const char *part;
    } rows[] = {
        {HEAD BACKEND, 0, ""},
        {HEAD BACKEND "limits: {max_connections: 1_000}\n", 0, ""},
        {HEAD, 2, "backend"},
        {HEAD BACKEND "frob: 1\n", 2, ":4: "},
        {HEAD BACKEND "limits: {lease_ms: soon}\n", 2, "lease_ms"},
        {HEAD BACKEND BACKEND, 2, "backend"},
        {HEAD BACKEND "rules: [{name: r, text: 'a(b', action: count}]\n", 2,
         ":4: rule r: text: missing closing parenthesis (at offset 3 of the pattern)"},
        {HEAD BACKEND
         "rules:\n  - {name: r, text: a, action: count}\n  - {name: R, text: b, action: count}\n",
         2, ":6: rule \"R\" is there twice, first in line 5"},
        {HEAD BACKEND "rules: [{name: r, text: a, action: rewrite, replace: $1}]\n", 2,
         "there is no group 1"},
        {HEAD BACKEND "rules: [{name: r, text: a, action: replace}]\n", 2, "rewrite"},
        {HEAD BACKEND "rules: [{name: r, text: a, action: rewrite, replace: b}]\n", 0, ""},
        {HEAD BACKEND "migrations_dir: nowhere\n", 2, "nowhere"},
        {"[", 2, ":"},
    };
    fixture *f = *state;
    char path[200];
    snprintf(path, sizeof path, "%s/c.yaml", f->dir);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_file(path, rows[i].text);
        ts_straddle(f->out, NULL, "check-config", "-c", path, NULL);
        expect(f->out, rows[i].status, rows[i].status == 0 ? "ok" : "", rows[i].part);
        assert_null(strstr(f->out->err, "hush"));
    }
    unlink(path);
    ts_straddle(f->out, NULL, "check-config", "-c", path, NULL);
    expect(f->out, 2, "", "c.yaml");
    ts_straddle(f->out, NULL, "frob", NULL);
    assert_int_equal(f->out->status, 2);
    assert_true(f->out->err[0] != '\0');
}

/* ---- rewrite ---- */

static const char schema[] = "CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL, n INT);\n";
static const char migration[] = "name: m\ntable: s.t\ncolumns: [{from: a, to: b}]\n";

static void test_rewrite(void **state)
{
    fixture *f = *state;
    char ddl[200], m[200];
    ts_output *o = f->out;
    snprintf(ddl, sizeof ddl, "%s/schema.sql", f->dir);
    snprintf(m, sizeof m, "%s/m.yaml", f->dir);
    write_file(ddl, schema), write_file(m, migration);
    ts_straddle(o,
                "SELECT b FROM t WHERE id = 1; SELECT 'it''s; not two' FROM other;\n-- only a comment\n;\n"
                "DROP TABLE t;\nUPDATE t SET b = 2 WHERE id = 3",
                "rewrite", "--ddl", ddl, "--migration", m, "--phase", "planned", NULL);
    expect(o, 0, "SELECT a AS b FROM t WHERE id = 1;\nSELECT 'it''s; not two' FROM other;\n-- refused: ", "");
    assert_non_null(strstr(o->out, "\nUPDATE t SET a = 2 WHERE id = 3;\n"));
    ts_straddle(o, "SELECT * FROM t;", "rewrite", "--ddl", ddl, "--migration", m, "--phase", "contracted",
                NULL);
    assert_int_equal(o->status, 0);
    assert_null(strstr(o->out, "*"));
    ts_straddle(o, "SELECT 1;", "rewrite", "--ddl", ddl, "--migration", m, "--phase", "sometime", NULL);
    expect(o, 2, "", "sometime");
    ts_straddle(o, "SELECT 1;", "rewrite", "--ddl", "/nowhere.sql", "--migration", m, NULL);
    assert_int_not_equal(o->status, 0);
    assert_non_null(strstr(o->err, "/nowhere.sql"));
    write_file(m, "name: m\n");
    ts_straddle(o, "SELECT 1;", "rewrite", "--ddl", ddl, "--migration", m, NULL);
    expect(o, 2, "", "m.yaml");
    unlink(ddl), unlink(m);
}

/* ---- serve that cannot ---- */

static void test_serve(void **state)
{
    fixture *f = *state;
    char path[200], text[700];
    snprintf(path, sizeof path, "%s/s.yaml", f->dir);
    unsigned closed = ts_free_port();
    snprintf(text, sizeof text, HEAD "backend: {address: 127.0.0.1:%u, user: x, password: hush}\n", closed);
    write_file(path, text);
    ts_straddle(f->out, NULL, "serve", "-c", path, NULL);
    snprintf(text, sizeof text, "127.0.0.1:%u", closed);
    assert_int_equal(f->out->status, 1);
    if (strstr(f->out->err, text) == NULL) fail_msg("it does not say where: %s", f->out->err);
    assert_null(strstr(f->out->err, "hush"));
    snprintf(text, sizeof text, HEAD "backend: {address: 127.0.0.1:%u, user: straddle, password: wrong}\n",
             ts_mysql()->port);
    write_file(path, text);
    ts_straddle(f->out, NULL, "serve", "-c", path, NULL);
    expect(f->out, 1, "", "straddle");
    assert_non_null(strstr(f->out->err, "enied"));
    snprintf(
        text, sizeof text,
        "listeners: [{address: 127.0.0.1:%u}]\nadmin: {address: 127.0.0.1:%u, users: [{name: a, password: b, "
        "role: operator}]}\nbackend: {address: 127.0.0.1:%u, user: straddle, password: straddle}\n",
        ts_mariadb()->port, ts_free_port(), ts_mysql()->port);
    write_file(path, text);
    ts_straddle(f->out, NULL, "serve", "-c", path, NULL); /* the listener's port is taken */
    snprintf(text, sizeof text, "127.0.0.1:%u", ts_mariadb()->port);
    expect(f->out, 1, "", text);
    unlink(path);
}

static int begin(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    if (f == NULL) return -1;
    f->out = calloc(1, sizeof *f->out);
    snprintf(f->dir, sizeof f->dir, "/tmp/straddle-test-XXXXXX");
    *state = f;
    return f->out != NULL && mkdtemp(f->dir) != NULL ? 0 : -1;
}

static int finish(void **state)
{
    fixture *f = *state;
    rmdir(f->dir);
    free(f->out);
    free(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ctl, begin, finish),
        cmocka_unit_test_setup_teardown(test_check_config, begin, finish),
        cmocka_unit_test_setup_teardown(test_rewrite, begin, finish),
        cmocka_unit_test_setup_teardown(test_serve, begin, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
