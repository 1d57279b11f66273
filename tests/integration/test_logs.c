/* The log of a running proxy: fields and JSON, slow and refused statements without their literals, levels
 * that change live, a file that is moved away, and failed logins at the admin port. */
#include "shop.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static void nap(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* The last line with all of these words in it, or NULL. */
static const char *find(const shop *f, const char *file, const char *const *words)
{
    static char found[8192];
    char path[192], line[8192];
    found[0] = '\0';
    snprintf(path, sizeof path, "%s/%s", f->proxy.dir, file);
    FILE *in = fopen(path, "r");
    if (in == NULL) return NULL;
    while (fgets(line, sizeof line, in) != NULL) {
        bool all = true;
        for (size_t i = 0; words[i] != NULL; i++) all = all && strstr(line, words[i]) != NULL;
        if (all) snprintf(found, sizeof found, "%s", line);
    }
    fclose(in);
    return found[0] == '\0' ? NULL : found;
}

#define FIND(f, file, ...) find(f, file, (const char *const[]){__VA_ARGS__, NULL})

static const char *must(const char *line, const char *what)
{
    if (line == NULL) fail_msg("the log does not tell of %s", what);
    return line;
}

static void session_word(ts_conn *c, const shop *f, char *out, size_t size, bool json)
{
    char text[32] = "";
    long long backend = ts_int(c, "SELECT CONNECTION_ID()");
    ts_result *r = ts_query(f->admin, "SHOW CLIENTS");
    for (size_t i = 0; i < r->nrows; i++)
        if (atoll(ts_cell(r, i, "backend_id")) == backend)
            snprintf(text, sizeof text, "%s", ts_cell(r, i, "id"));
    ts_result_free(r);
    assert_true(text[0] != '\0');
    snprintf(out, size, json ? "\"session\":%s," : "session=%s ", text);
}

static void statements(ts_conn *c)
{
    ts_do(c, "SELECT SLEEP(0.3), 'hidden', payment_method FROM transactions WHERE id = 1");
    ts_result *r = ts_run(c, TS_PREPARED, "SELECT SLEEP(?), 'hidden' FROM accounts WHERE id = 1",
                          (ts_param[]){{'s', "0.3"}}, 1);
    assert_int_equal(r->error, 0);
    ts_result_free(r);
    shop_expect(
        c, "CREATE TRIGGER x BEFORE INSERT ON transactions FOR EACH ROW SET NEW.payment_method = 'hidden'",
        1235, "straddle");
}

static void check_text(shop *f)
{
    char session[64];
    shop_apply(f, NULL);
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    session_word(c, f, session, sizeof session, false);
    ts_do(c, "SELECT 1"); /* neither slow nor refused */
    statements(c);
    must(FIND(f, "log", "component=slow", session, "command=COM_QUERY", "SLEEP(?), ?, payment_method"),
         "a slow query");
    must(FIND(f, "log", "component=slow", session, "command=COM_STMT_EXECUTE", "SLEEP(?)"), "a slow EXECUTE");
    must(FIND(f, "log", "component=refused", session, "code=", "CREATE TRIGGER"), "a refused statement");
    assert_null(FIND(f, "log", "hidden"));
    assert_null(FIND(f, "log", "SELECT 1"));
    ts_proxy_configure(&f->proxy, "log: {slow_ms: 100, refused: true, sql: full, format: json}");
    ts_do(f->admin, "RELOAD CONFIG");
    session_word(c, f, session, sizeof session, true);
    statements(c);
    const char *line =
        must(FIND(f, "log", "\"component\":\"slow\"", session, "hidden"), "a slow query, whole");
    json_error_t e;
    json_t *object = json_loads(line, 0, &e);
    if (object == NULL) fail_msg("%s: %s", e.text, line);
    assert_int_equal(json_integer_value(json_object_get(object, "ms")) >= 250, 1);
    assert_string_equal(json_string_value(json_object_get(object, "user")), "root");
    json_decref(object);
    must(FIND(f, "log", "\"component\":\"refused\"", session, "hidden"), "a refused statement, whole");
    ts_close(c);
}

/* At the level as it is, a statement is no line; debug tells each login, from the command on to the reload.
 */
static void check_level(shop *f)
{
    ts_close(ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig"));
    assert_null(FIND(f, "log", "level=debug"));
    ts_do(f->admin, "SET LOG LEVEL debug");
    ts_close(ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig"));
    must(FIND(f, "log", "level=debug", "component=session", "session=", "user=root", "backend_id="),
         "a login");
    ts_do(f->admin, "RELOAD CONFIG");
    shop_expect(f->admin, "SET LOG LEVEL loud", 1064, "SET LOG LEVEL");
    char why[512] = "";
    ts_login bad = {.host = "127.0.0.1", .port = f->proxy.port_admin, .user = "reader", .password = "wrong"};
    for (int i = 0; i < 10; i++) assert_null(ts_try_connect(&bad, why));
    if (strstr(why, "Access denied") == NULL) fail_msg("%s", why);
    bad.password = "reader"; /* the right one, too late */
    assert_null(ts_try_connect(&bad, why));
    if (strstr(why, "too many logins") == NULL) fail_msg("%s", why);
    must(FIND(f, "log", "component=admin", "user=reader", "from=127.0.0.1", "login refused"),
         "a failed login");
    ts_close(ts_proxy_admin(&f->proxy)); /* another user of that address */
}

static void test_text(void **state)
{
    (void)state;
    shop_each_server(check_text, "log: {slow_ms: 100, refused: true}");
}

static void test_level(void **state)
{
    (void)state;
    shop_each_server(check_level, NULL);
}

/* SIGHUP opens the file of that name anew. */
static void check_moved(shop *f)
{
    char from[192], to[192];
    snprintf(from, sizeof from, "%s/own.log", f->proxy.dir);
    snprintf(to, sizeof to, "%s/own.log.1", f->proxy.dir);
    must(FIND(f, "own.log", "serves on"), "the start");
    assert_int_equal(rename(from, to), 0);
    kill(f->proxy.pid, SIGHUP);
    for (int i = 0; i < 600 && FIND(f, "own.log", "read again") == NULL; i++) nap(50);
    must(FIND(f, "own.log", "the configuration was read again"), "the reload, in the new file");
    assert_null(FIND(f, "own.log.1", "read again"));
    unlink(to);
}

static void test_moved(void **state)
{
    (void)state;
    shop_each_server(check_moved, "log: {file: own.log}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text), cmocka_unit_test(test_level),
                                       cmocka_unit_test(test_moved)};
    return cmocka_run_group_tests_name("logs", tests, NULL, NULL);
}
