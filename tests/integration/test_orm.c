/* What ORMs and tools read of a table through the proxy, in each phase and for each schema version, is what
 * they read of the plain table of that version on the server itself. tests/introspection/read runs them.
 */
#include "process.h"
#include "shop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

/* The first are those that most people use; the others are run with STRADDLE_ORMS=all. */
static const char *const tools[] = {"django", "rails", "laravel", "hibernate", "sequelize",
                                    "sequel", "knex",  "typeorm", "sqlalchemy"};
enum { TOOLS = sizeof tools / sizeof *tools, SOME = 5 };

static size_t count(void)
{
    const char *which = getenv("STRADDLE_ORMS");
    return which != NULL && strcmp(which, "all") == 0 ? TOOLS : SOME;
}

#define READ STRADDLE_SOURCE_DIR "/tests/introspection/read"

/* The schema's name is in what some of them print. */
static void hide_schema(char *text, const char *schema)
{
    for (char *p = strstr(text, schema); p != NULL; p = strstr(p, schema)) memset(p, 'x', strlen(schema));
}

/* One reading for the old version and one for the new, each at its port and in its schema. */
typedef struct place {
    const char *host;
    unsigned ports[2];
    const char *schemas[2];
} place;

static void read_by(const char *tool, const place *where, ts_output *o)
{
    char numbers[2][16];
    for (int i = 0; i < 2; i++) snprintf(numbers[i], sizeof numbers[i], "%u", where->ports[i]);
    char *argv[] = {(char[]){READ},
                    (char *)tool,
                    (char *)where->host,
                    numbers[0],
                    (char *)where->schemas[0],
                    numbers[1],
                    (char *)where->schemas[1],
                    NULL};
    ts_command(argv, NULL, 120, o);
    if (o->status != 0 || strstr(o->out, "account_id") == NULL)
        fail_msg("%s on %s: %d %s%s", tool, where->schemas[0], o->status, o->out, o->err);
    for (int i = 0; i < 2; i++) hide_schema(o->out, where->schemas[i]);
}

static void fail_at_difference(const char *tool, const char *phase, const char *a, const char *b)
{
    size_t line = 0, i = 0;
    int readings = 0;
    for (; a[i] != '\0' && a[i] == b[i]; i++) {
        if (strncmp(a + i, "== ", 3) == 0) readings++;
        if (a[i] == '\n') line = i + 1;
    }
    fail_msg("%s, %s, %s:\n  plain table: %.*s\n  proxy:       %.*s", tool, phase,
             readings < 2 ? "old" : "new", (int)strcspn(a + line, "\n"), a + line,
             (int)strcspn(b + line, "\n"), b + line);
}

static ts_output plain[TOOLS];

static void compare(shop *f, const char *phase)
{
    static ts_output seen;
    const place proxy = {"127.0.0.1", {f->proxy.port_old, f->proxy.port_new}, {"t_mig", "t_mig"}};
    for (size_t i = 0; i < count(); i++) {
        read_by(tools[i], &proxy, &seen);
        if (strcmp(plain[i].out, seen.out) != 0) fail_at_difference(tools[i], phase, plain[i].out, seen.out);
    }
    print_message("%s: as the plain tables\n", phase);
}

static void index_on(shop *f, const char *schema, const char *column)
{
    ts_do(f->direct, "ALTER TABLE %s.transactions ADD KEY k_type (%s, n)", schema, column);
}

static void check(shop *f)
{
    index_on(f, "t_mig", "transaction_type");
    index_on(f, "t_old", "transaction_type");
    index_on(f, "t_new", "payment_method");
    const unsigned port = f->server->port;
    const place direct = {f->server->host, {port, port}, {"t_old", "t_new"}};
    for (size_t i = 0; i < count(); i++) read_by(tools[i], &direct, &plain[i]);
    shop_apply(f, NULL);
    for (int phase = 0; phase <= SHOP_CONTRACTED; phase++) {
        ts_go(f->admin, SHOP_MIGRATION, shop_phases[phase]);
        if (phase == SHOP_DUAL) ts_wait_backfill(f->admin, SHOP_MIGRATION);
        compare(f, shop_phases[phase]);
    }
}

static void test_orms(void **state)
{
    (void)state;
    shop_each_server(check, NULL);
}

/* Compiled and fetched once. */
static int prepare(void **state)
{
    (void)state;
    static ts_output o;
    char *argv[] = {(char[]){READ}, (char[]){"prepare"}, NULL};
    ts_command(argv, NULL, 400, &o);
    if (o.status != 0) print_error("%s%s", o.out, o.err);
    return o.status;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_orms)};
    return cmocka_run_group_tests_name("orm", tests, prepare, NULL);
}
