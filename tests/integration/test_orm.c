/* What ORMs and tools read of a table through the proxy, in each phase and for each schema version, is what
 * they read of the plain table of that version on the server itself. The scripts are in tests/introspection.
 */
#include "process.h"
#include "shop.h"

#include <stdio.h>
#include <string.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static const struct {
    const char *program, *script;
} tools[] = {
    {"/usr/bin/python3", "django_inspect.py"},
    {"/usr/bin/ruby", "activerecord_dump.rb"},
    {"/usr/bin/ruby", "sequel_schema.rb"},
};
enum { TOOLS = sizeof tools / sizeof *tools };

/* The schema's name is in what some of them print. */
static void hide_schema(char *text, const char *schema)
{
    for (char *p = strstr(text, schema); p != NULL; p = strstr(p, schema)) memset(p, 'x', strlen(schema));
}

static void read_by(size_t tool, const char *host, unsigned port, const char *schema, ts_output *o)
{
    char script[200], number[16];
    snprintf(script, sizeof script, STRADDLE_SOURCE_DIR "/tests/introspection/%s", tools[tool].script);
    snprintf(number, sizeof number, "%u", port);
    char *argv[] = {(char *)tools[tool].program, script, (char *)host, number, (char *)schema, NULL};
    ts_command(argv, NULL, 60, o);
    if (o->status != 0 || strstr(o->out, "account_id") == NULL)
        fail_msg("%s on %s: %d %s%s", tools[tool].script, schema, o->status, o->out, o->err);
    hide_schema(o->out, schema);
}

static void first_difference(const char *a, const char *b, char *out, size_t size)
{
    size_t line = 0, i = 0;
    for (; a[i] != '\0' && a[i] == b[i]; i++)
        if (a[i] == '\n') line = i + 1;
    snprintf(out, size, "\n  plain table: %.*s\n  proxy:       %.*s", (int)strcspn(a + line, "\n"), a + line,
             (int)strcspn(b + line, "\n"), b + line);
}

static ts_output plain[TOOLS][2]; /* of t_old and t_new */

static void compare(shop *f, const char *phase)
{
    static ts_output seen;
    for (size_t i = 0; i < TOOLS; i++)
        for (int is_new = 0; is_new < 2; is_new++) {
            char why[1200];
            read_by(i, "127.0.0.1", is_new ? f->proxy.port_new : f->proxy.port_old, "t_mig", &seen);
            if (strcmp(plain[i][is_new].out, seen.out) == 0) continue;
            first_difference(plain[i][is_new].out, seen.out, why, sizeof why);
            fail_msg("%s, %s, %s: %s", tools[i].script, phase, is_new ? "new" : "old", why);
        }
}

static void check(shop *f)
{
    static const int phases[] = {0, SHOP_DUAL, SHOP_SWITCHED, SHOP_CONTRACTED};
    ts_do(f->direct, "ALTER TABLE t_mig.transactions ADD KEY k_type (transaction_type, n)");
    ts_do(f->direct, "ALTER TABLE t_old.transactions ADD KEY k_type (transaction_type, n)");
    ts_do(f->direct, "ALTER TABLE t_new.transactions ADD KEY k_type (payment_method, n)");
    for (size_t i = 0; i < TOOLS; i++) {
        read_by(i, f->server->host, f->server->port, "t_old", &plain[i][0]);
        read_by(i, f->server->host, f->server->port, "t_new", &plain[i][1]);
    }
    shop_apply(f, NULL);
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        if (i > 0) ts_go(f->admin, SHOP_MIGRATION, shop_phases[phases[i]]);
        compare(f, shop_phases[phases[i]]);
        print_message("%s: as the plain tables\n", shop_phases[phases[i]]);
    }
}

static void test_orms(void **state)
{
    (void)state;
    shop_each_server(check, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_orms)};
    return cmocka_run_group_tests_name("orm", tests, NULL, NULL);
}
