/* Who may connect, how, and how much: unix sockets, IPv6, PROXY protocol both ways, every limit with its
 * error, commands of replicas; and a server that is shut down in mid-statement. */
#include "shop.h"

#include "protocol/command.h"
#include "protocol/proto.h"
#include "protocol/proxy_header.h"
#include "raw.h"
#include "servers.h"

#include <mysql.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static const ts_server *server;

static unsigned error_of(const b_buf *out)
{
    unsigned seq, low = 0, high = 0;
    if (out->n == 0 || sscanf(out->p, "%u ff%2x%2x", &seq, &low, &high) != 3) return 0;
    return high << 8 | low;
}

static void want_error(ts_raw *r, b_slice command, unsigned error)
{
    b_buf out = {0};
    assert_true(ts_raw_command(r, command, &out));
    if (error_of(&out) != error) fail_msg("wanted %u, got %.400s", error, b_buf_cstr(&out));
    b_buf_deinit(&out);
}

static void want_refused(const ts_raw_login *l, const char *part)
{
    char why[512];
    ts_raw *r = ts_raw_try(l, why);
    if (r != NULL || strstr(why, part) == NULL)
        fail_msg("wanted \"%s\", got \"%s\"", part, r != NULL ? "" : why);
}

/* The first cell of a one-row result, over a connection by hand. */
static void want_cell(ts_raw *r, const char *sql, const char *cell)
{
    b_buf out = {0}, hex = {0};
    assert_true(ts_raw_query(r, NULL, NULL, sql, &out));
    for (const char *p = cell; *p != '\0'; p++) b_buf_printf(&hex, "%02x", (unsigned)(unsigned char)*p);
    if (strstr(b_buf_cstr(&out), b_buf_cstr(&hex)) == NULL)
        fail_msg("%s: no %s in\n%s", sql, cell, b_buf_cstr(&out));
    b_buf_deinit(&out), b_buf_deinit(&hex);
}

static void on_both(void (*check)(void))
{
    size_t n;
    const ts_server *s = ts_servers(&n);
    for (size_t i = 0; i < n; i++) {
        server = &s[i];
        print_message("on %s\n", server->name);
        ts_forget_migrations(server);
        check();
    }
}

/* --- sockets --- */

/* One straddle behind another one: by IPv6, and by a unix socket to the server. */
static void check_sockets(void)
{
    ts_proxy near, far;
    char path[200], socket_of_server[160], listeners[160], address[64];
    struct stat st;
    unsigned v6 = ts_free_port();
    ts_conn *direct = ts_root(server, NULL);
    ts_text(direct, socket_of_server, sizeof socket_of_server, "SELECT @@socket");
    ts_close(direct);
    snprintf(listeners, sizeof listeners,
             "  - {address: \"[::1]:%u\"}\n  - {address: DIR/sock, socket_mode: owner}\n", v6);
    ts_proxy_start_with(&far, server,
                        &(ts_setup){.listeners = listeners, .backend_address = socket_of_server});
    snprintf(address, sizeof address, "[::1]:%u", v6);
    ts_proxy_start_with(&near, server, &(ts_setup){.backend_address = address});
    snprintf(path, sizeof path, "%s/sock", far.dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    const ts_raw_login ways[] = {{.ipv6_port = v6}, {.path = path}, {.port = near.port_both}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        ts_raw *r = ts_raw_connect(&ways[i]);
        char id[32];
        snprintf(id, sizeof id, "%u", ts_raw_thread(r)); /* the server's own, however many are between */
        want_cell(r, "SELECT CONNECTION_ID()", id);
        ts_raw_close(r);
    }
    ts_proxy_end(&near);
    ts_proxy_end(&far);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_sockets(void **state)
{
    (void)state;
    on_both(check_sockets);
}

/* How many clients there are on each of the two event loops. */
static void clients_by_thread(ts_conn *admin, unsigned n[2])
{
    ts_result *r = ts_query(admin, "SHOW CLIENTS");
    assert_int_equal(r->error, 0);
    n[0] = n[1] = 0;
    for (size_t i = 0; i < r->nrows; i++) n[strcmp(ts_cell(r, i, "thread"), "0") != 0]++;
    ts_result_free(r);
}

static void want_spread(ts_conn *admin, const ts_raw_login *l)
{
    enum { EACH = 6 };
    ts_raw *r[2 * EACH];
    unsigned n[2] = {1, 1};
    for (int i = 0; i < 3000 && n[0] + n[1] > 0; i++) { /* those of before have ended */
        clients_by_thread(admin, n);
        usleep(20000);
    }
    for (size_t i = 0; i < 2 * EACH; i++) r[i] = ts_raw_connect(l);
    clients_by_thread(admin, n);
    assert_int_equal(n[0], EACH);
    assert_int_equal(n[1], EACH);
    for (size_t i = 0; i < 2 * EACH; i++) {
        want_cell(r[i], "SELECT 'here'", "here");
        ts_raw_close(r[i]);
    }
}

/* Wherever connections are taken, each event loop has as many. */
static void test_spread(void **state)
{
    (void)state;
    ts_proxy p;
    char path[200];
    ts_proxy_start_with(&p, ts_mysql(), &(ts_setup){.listeners = "  - {address: DIR/sock}\n"});
    ts_conn *admin = ts_proxy_admin(&p);
    snprintf(path, sizeof path, "%s/sock", p.dir);
    want_spread(admin, &(ts_raw_login){.path = path}); /* one loop listens */
    want_spread(admin, &(ts_raw_login){.port = p.port_both});
    ts_close(admin);
    ts_proxy_end(&p);
}

static int listen_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static void serve_on(const char *dir, const char *path, ts_output *o)
{
    char config[256];
    snprintf(config, sizeof config, "%s/c.yaml", dir);
    FILE *f = fopen(config, "w");
    assert_non_null(f);
    fprintf(
        f,
        "listeners: [{address: %s}]\nadmin:\n  address: 127.0.0.1:%u\n  users: [{name: a, password: b, role: "
        "operator}]\nbackend: {address: '%s:%u', user: straddle, password: straddle}\nthreads: 1\n",
        path, ts_free_port(), server->host, server->port);
    fclose(f);
    ts_straddle(o, NULL, "serve", "-c", config, NULL);
    unlink(config);
}

/* A socket that somebody listens on, and a file of another kind, are not taken away. */
static void test_socket_in_the_way(void **state)
{
    (void)state;
    static ts_output o;
    char dir[] = "/tmp/straddle-sock-XXXXXX", path[64];
    struct stat st;
    server = ts_mysql();
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/sock", dir);
    int fd = listen_unix(path);
    serve_on(dir, path, &o);
    assert_int_equal(o.status, 1);
    assert_non_null(strstr(o.err, "Address already in use"));
    close(fd);
    assert_int_equal(stat(path, &st), 0);
    unlink(path);
    fclose(fopen(path, "w"));
    serve_on(dir, path, &o);
    assert_int_equal(o.status, 1);
    assert_non_null(strstr(o.err, "File exists"));
    assert_int_equal(stat(path, &st), 0);
    unlink(path);
    rmdir(dir);
}

/* --- the PROXY protocol --- */

static void want_client(ts_conn *admin, const char *host)
{
    ts_result *r = ts_query(admin, "SHOW CLIENTS");
    assert_int_equal(r->error, 0);
    assert_int_equal(r->nrows, 1);
    assert_string_equal(ts_cell(r, 0, "host"), host);
    ts_result_free(r);
}

static void check_header_in(void)
{
    static const char v1[] = "PROXY TCP4 192.0.2.7 127.0.0.1 40000 3306\r\n";
    static const char v2[] = "\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24 \1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
                             "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1\0\2";
    static const char local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    ts_proxy p;
    char listeners[256];
    unsigned port = ts_free_port(), closed = ts_free_port();
    snprintf(listeners, sizeof listeners,
             "  - {address: 127.0.0.1:%u, proxy_protocol: true, proxy_protocol_from: \"10.0.0.0/8, "
             "127.0.0.0/8\"}\n"
             "  - {address: 127.0.0.1:%u, proxy_protocol: true, proxy_protocol_from: 10.0.0.0/8}\n",
             port, closed);
    ts_proxy_start_with(&p, server,
                        &(ts_setup){.listeners = listeners, .extra = "limits: {handshake_timeout_ms: 1000}"});
    ts_conn *admin = ts_proxy_admin(&p);
    const struct {
        const char *bytes;
        size_t n;
        const char *host;
    } good[] = {{v1, sizeof v1 - 1, "192.0.2.7"},
                {v2, sizeof v2 - 1, "2001:db8::7"},
                {local, sizeof local - 1, "127.0.0.1"},
                {"PROXY UNKNOWN\r\n", 15, "127.0.0.1"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ts_raw *r =
            ts_raw_connect(&(ts_raw_login){.port = port, .preamble = good[i].bytes, .npreamble = good[i].n});
        want_client(admin, good[i].host);
        want_cell(r, "SELECT 'x'", "x");
        ts_raw_close(r);
        usleep(100000);
    }
    want_refused(&(ts_raw_login){.port = port, .preamble = "PROXY TCP4 1 2\r\n", .npreamble = 16}, "1043");
    want_refused(&(ts_raw_login){.port = port}, "no PROXY protocol header came in time");
    want_refused(&(ts_raw_login){.port = closed, .preamble = v1, .npreamble = sizeof v1 - 1},
                 "are not taken from");
    ts_close(admin);
    ts_proxy_end(&p);
}

static void test_header_in(void **state)
{
    (void)state;
    on_both(check_header_in);
}

/* MariaDB takes the header and applies accounts to the address in it. */
static void test_header_out(void **state)
{
    (void)state;
    server = ts_mariadb();
    ts_conn *direct = ts_root(server, NULL);
    ts_do(direct, "SET GLOBAL proxy_protocol_networks = '127.0.0.0/8'");
    ts_do(direct, "CREATE OR REPLACE USER t_peer@'192.0.2.7'");
    static const char v1[] = "PROXY TCP4 192.0.2.7 127.0.0.1 40000 3306\r\n";
    static const char *const versions[] = {"proxy_protocol: v1", "proxy_protocol: v2"};
    for (size_t i = 0; i < 2; i++) {
        ts_proxy p;
        char listeners[128];
        unsigned port = ts_free_port();
        snprintf(listeners, sizeof listeners, "  - {address: 127.0.0.1:%u, proxy_protocol: true}\n", port);
        ts_proxy_start_with(&p, server, &(ts_setup){.listeners = listeners, .backend_keys = versions[i]});
        ts_raw *r = ts_raw_connect(
            &(ts_raw_login){.port = port, .user = "t_peer", .preamble = v1, .npreamble = sizeof v1 - 1});
        want_cell(r, "SELECT USER()", "t_peer@192.0.2.7");
        ts_raw_close(r);
        r = ts_raw_connect(&(ts_raw_login){.port = p.port_both}); /* its own address */
        want_cell(r, "SELECT USER()", "root@127.0.0.1");
        ts_raw_close(r);
        want_refused(&(ts_raw_login){.port = p.port_both, .user = "t_peer"}, "1045");
        ts_proxy_end(&p);
    }
    ts_do(direct, "DROP USER t_peer@'192.0.2.7'");
    ts_do(direct, "SET GLOBAL proxy_protocol_networks = ''");
    ts_close(direct);
}

/* --- limits --- */

static unsigned log_lines(const ts_proxy *p, const char *part)
{
    char path[192], line[1024];
    unsigned n = 0;
    snprintf(path, sizeof path, "%s/log", p->dir);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) n += strstr(line, part) != NULL;
    if (f != NULL) fclose(f);
    return n;
}

/* Who cannot log in cannot fill the log. */
static void test_log_lines(void **state)
{
    (void)state;
    enum { TRIES = 200 };
    ts_proxy p;
    ts_proxy_start(&p, ts_mysql(), "limits: {max_connections: 1}");
    ts_raw_login root = {.port = p.port_both};
    ts_raw *only = NULL;
    char why[512];
    for (int i = 0; i < 3000 && (only = ts_raw_try(&root, why)) == NULL; i++) usleep(20000);
    assert_non_null(only);
    for (int i = 0; i < TRIES; i++) want_refused(&root, "max_connections is 1");
    unsigned told = log_lines(&p, "max_connections is 1");
    assert_true(told > 0 && told < TRIES);
    for (int i = 0; i < 3000 && log_lines(&p, "left_out=") == 0; i++) usleep(20000);
    assert_true(log_lines(&p, "left_out=") > 0);
    ts_raw_close(only);
    ts_proxy_end(&p);
}

static void check_connections(void)
{
    shop f;
    char why[512];
    shop_start(&f, server, "limits: {max_user_connections: 2, max_address_connections: 3}");
    ts_do(f.direct, "CREATE USER IF NOT EXISTS t_other");
    ts_raw_login root = {.port = f.proxy.port_both}, other = {.port = f.proxy.port_both, .user = "t_other"};
    ts_raw *a = ts_raw_connect(&root), *b = ts_raw_connect(&root);
    want_refused(&root, "1203 Too many connections of user root");
    ts_raw *c = NULL; /* the one that was refused counts until it is gone */
    for (int i = 0; i < 3000 && (c = ts_raw_try(&other, why)) == NULL; i++) usleep(20000);
    if (c == NULL) fail_msg("%s", why);
    want_refused(&other, "1040 Too many connections (straddle: max_address_connections is 3");
    ts_raw_close(c);
    for (int i = 0; i < 3000 && (c = ts_raw_try(&other, why)) == NULL; i++) usleep(20000);
    assert_non_null(c);
    /* COM_CHANGE_USER moves the session to another user's account. */
    b_buf change = {0}, out = {0};
    b_buf_add(&change, "\x11t_other\0\0\0", 11);
    b_buf_add(&change, "\x2d\0", 2);
    b_buf_str(&change, server->mariadb ? "mysql_native_password" : "caching_sha2_password");
    b_buf_char(&change, '\0');
    assert_true(ts_raw_command(a, b_buf_view(&change), &out));
    assert_int_equal(error_of(&out), 0);
    ts_raw_close(c);
    for (int i = 0; i < 3000 && (c = ts_raw_try(&root, why)) == NULL; i++) usleep(20000);
    if (c == NULL) fail_msg("%s", why);
    ts_raw_close(a), ts_raw_close(b), ts_raw_close(c);
    b_buf_deinit(&change), b_buf_deinit(&out);
    ts_do(f.direct, "DROP USER t_other");
    shop_end(&f);
}

static void test_connections(void **state)
{
    (void)state;
    on_both(check_connections);
}

static void want_statement(ts_raw *r, const char *sql, unsigned error)
{
    b_buf out = {0};
    assert_true(ts_raw_prepare(r, sql, &out));
    if (error_of(&out) != error) fail_msg("wanted %u, got %.400s", error, b_buf_cstr(&out));
    b_buf_deinit(&out);
}

static void statement_command(ts_raw *r, unsigned command)
{
    b_buf b = {0};
    mp_put_int(&b, command, 1);
    mp_put_int(&b, ts_raw_statement(r), 4);
    assert_true(ts_raw_command(r, b_buf_view(&b), NULL));
    b_buf_deinit(&b);
}

static void send_long(ts_raw *r, size_t n)
{
    b_buf b = {0};
    mp_put_int(&b, MP_COM_STMT_SEND_LONG_DATA, 1);
    mp_put_int(&b, ts_raw_statement(r), 4);
    mp_put_int(&b, 0, 2);
    for (size_t i = 0; i < n; i++) b_buf_char(&b, 'x');
    assert_true(ts_raw_command(r, b_buf_view(&b), NULL));
    b_buf_deinit(&b);
}

static void execute_long(ts_raw *r, unsigned error)
{
    b_buf b = {0};
    mp_put_int(&b, MP_COM_STMT_EXECUTE, 1);
    mp_put_int(&b, ts_raw_statement(r), 4);
    b_buf_add(&b, "\0\1\0\0\0\0\1\xfc\0", 9);
    want_error(r, b_buf_view(&b), error);
    b_buf_deinit(&b);
}

static void check_statements(void)
{
    shop f;
    b_buf sql = {0};
    shop_start(&f, server, "limits: {max_prepared_statements: 4, max_session_bytes: 65536}");
    shop_apply(&f, NULL);
    ts_raw *r = ts_raw_connect(&(ts_raw_login){.port = f.proxy.port_both, .schema = "t_mig"});
    for (int i = 0; i < 4; i++) want_statement(r, "SELECT 1", 0);
    want_statement(r, "SELECT 1", 1461);
    statement_command(r, MP_COM_STMT_CLOSE);
    want_statement(r, "SELECT 1", 0);
    statement_command(r, MP_COM_STMT_CLOSE);
    b_buf_str(&sql, "SELECT '");
    for (int i = 0; i < 66000; i++) b_buf_char(&sql, 'y');
    b_buf_str(&sql, "'");
    want_statement(r, b_buf_cstr(&sql), 1041);
    /* Long data for a migrating table waits here, for any other in the server. */
    want_statement(r, "UPDATE transactions SET payment_method = ? WHERE id = 0", 0);
    for (int i = 0; i < 4; i++) send_long(r, 20000);
    execute_long(r, 1210);
    statement_command(r, MP_COM_STMT_RESET);
    send_long(r, 20000);
    execute_long(r, 0);
    for (int i = 0; i < 10; i++) { /* what was sent is gone */
        send_long(r, 30000);
        execute_long(r, 0);
    }
    statement_command(r, MP_COM_STMT_CLOSE);
    want_statement(r, "UPDATE archive SET note = ? WHERE id = 0", 0);
    for (int i = 0; i < 4; i++) send_long(r, 20000);
    execute_long(r, 0);
    ts_raw_close(r);
    b_buf_deinit(&sql);
    shop_end(&f);
}

static void test_statements(void **state)
{
    (void)state;
    on_both(check_statements);
}

static void check_idle(void)
{
    ts_proxy p;
    b_buf out = {0};
    ts_proxy_start(&p, server, "limits: {idle_timeout_ms: 600}\nreplication: refuse");
    ts_raw *busy = ts_raw_connect(&(ts_raw_login){.port = p.port_both});
    ts_raw *idle = ts_raw_connect(&(ts_raw_login){.port = p.port_both});
    want_error(busy, B_LIT("\x12\4\0\0\0\0\0\x0f\x27\0\0"), 1235);
    want_error(busy, B_LIT("\x15\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), 1235);
    want_error(busy, B_LIT("\x20"), 1235);
    want_cell(busy, "SELECT SLEEP(1.2), 'awake'", "awake"); /* a statement that runs is not idle */
    for (int i = 0; i < 6; i++) {
        usleep(200000);
        want_cell(busy, "SELECT 'x'", "x");
    }
    assert_true(ts_raw_read(idle, &out)); /* why, and then the end */
    assert_int_equal((unsigned char)out.p[0], 0xFF);
    assert_int_equal((unsigned char)out.p[1] | (unsigned char)out.p[2] << 8, 4031);
    assert_false(ts_raw_read(idle, &out));
    ts_raw_close(busy), ts_raw_close(idle);
    b_buf_deinit(&out);
    ts_proxy_end(&p);
}

static void test_idle(void **state)
{
    (void)state;
    on_both(check_idle);
}

/* --- a server that goes away --- */

/* Shut down in mid-statement: the client learns that it was not done or not known to be, and a new connection
 * works once the server is back. */
static void shut_down_in_a_statement(bool mariadb)
{
    ts_own own;
    ts_proxy p;
    char why[512];
    ts_own_start(&own, mariadb, NULL);
    ts_proxy_start(&p, &own.server, NULL);
    ts_raw *r = ts_raw_connect(&(ts_raw_login){.port = p.port_both});
    b_buf out = {0};
    ts_raw_send(r, B_LIT("\3SELECT SLEEP(20)"));
    usleep(300000);
    ts_own_signal(&own, SIGTERM);
    if (ts_raw_read(r, &out) && (unsigned char)out.p[0] != 0xFF) /* MySQL ends the SLEEP, and says 1 */
        while (ts_raw_read(r, &out) && (unsigned char)out.p[0] != 0xFE) {
        }
    assert_true(out.n > 0);
    while (ts_raw_read(r, &out)) {
    }
    ts_raw_close(r);
    for (int i = 0; i < 1200 && kill(own.pid, 0) == 0; i++) usleep(50000);
    want_refused(&(ts_raw_login){.port = p.port_both}, "cannot reach backend");
    ts_own_again(&own);
    for (int i = 0; i < 600 && (r = ts_raw_try(&(ts_raw_login){.port = p.port_both}, why)) == NULL; i++)
        usleep(100000);
    if (r == NULL) fail_msg("%s", why);
    want_cell(r, "SELECT 'back'", "back");
    ts_raw_close(r);
    b_buf_deinit(&out);
    ts_proxy_end(&p);
    ts_own_wipe(&own);
}

static void test_server_shut_down(void **state)
{
    (void)state;
    shut_down_in_a_statement(false);
    shut_down_in_a_statement(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sockets),          cmocka_unit_test(test_socket_in_the_way),
        cmocka_unit_test(test_header_in),        cmocka_unit_test(test_header_out),
        cmocka_unit_test(test_connections),      cmocka_unit_test(test_log_lines),
        cmocka_unit_test(test_statements),       cmocka_unit_test(test_idle),
        cmocka_unit_test(test_server_shut_down), cmocka_unit_test(test_spread),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
