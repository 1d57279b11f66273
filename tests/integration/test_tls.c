/* TLS and logins: every pairing of a client (plain, TLS, unix socket) and a backend (plain, TLS, unix socket)
 * with every plugin that the servers have; certificates that are verified, and renewed; sessions that are
 * resumed; what is refused; hostile and large traffic. */
#include "servers.h"
#include "shop.h"

#include <mysql.h>

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

enum { PATH = 256 };

static char dir[64]; /* of certificates */
static ts_own own;   /* a MariaDB with TLS */

static const ts_server *server_of(bool mariadb)
{
    return mariadb ? &own.server : ts_mysql();
}

/* --- certificates --- */

static void shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void shell(const char *fmt, ...)
{
    char command[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    ts_output o;
    char *const argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, command, NULL};
    ts_command(argv, NULL, 60, &o);
    if (o.status != 0) ts_die("%s: %s", command, o.err);
}

static void make_ca(const char *name)
{
    shell(
        "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=%s "
        "-keyout %s-key.pem -out %s.pem",
        dir, name, name, name);
}

static void make_certificate(const char *name, const char *ca, const char *names)
{
    shell("cd %s && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=%s -keyout "
          "%s-key.pem "
          "-out %s.csr && printf 'subjectAltName=%s' >ext && openssl x509 -req -in "
          "%s.csr "
          "-CA %s.pem -CAkey %s-key.pem -CAcreateserial -days 30 -extfile ext -out %s.pem",
          dir, name, name, name, names, name, ca, ca, name);
}

static int start_all(void **state)
{
    char extra[1024];
    (void)state;
    strcpy(dir, "/tmp/straddle-tls-XXXXXX");
    if (mkdtemp(dir) == NULL) return -1;
    make_ca("ca");
    make_ca("other");
    make_certificate("db", "ca", "DNS:localhost,IP:127.0.0.1");
    make_certificate("one", "ca", "DNS:localhost,IP:127.0.0.1");
    make_certificate("two", "ca", "DNS:localhost,IP:127.0.0.1");
    snprintf(extra, sizeof extra, "ssl-ca=%s/ca.pem\nssl-cert=%s/db.pem\nssl-key=%s/db-key.pem\n", dir, dir,
             dir);
    setenv("EXTRA", extra, 1);
    ts_own_start(&own, true, NULL);
    unsetenv("EXTRA");
    return 0;
}

static int end_all(void **state)
{
    (void)state;
    ts_own_wipe(&own);
    shell("rm -rf %s", dir);
    return 0;
}

/* --- accounts --- */

static const char password[] = "pass word 'of\" 41 bytes, more than 20.";

typedef struct account {
    const char *name, *plugin;
    bool mariadb;
} account;

static const account accounts[] = {
    {"t_sha2", "caching_sha2_password", false},
    {"t_sha256", "sha256_password", false},
    {"t_native", "mysql_native_password", true},
    {"t_ed25519", "ed25519", true},
};
enum { ACCOUNTS = sizeof accounts / sizeof accounts[0] };

static void make_accounts(const ts_server *s)
{
    ts_conn *root = ts_root(s, NULL);
    if (s->mariadb)
        ts_result_free(ts_query(root, "INSTALL SONAME 'auth_ed25519'")); /* or it is there already */
    for (size_t i = 0; i < ACCOUNTS; i++) {
        if (accounts[i].mariadb != s->mariadb) continue;
        for (int h = 0; h < 2; h++) {
            const char *host = h ? "localhost" : "127.0.0.1";
            ts_do(root, "DROP USER IF EXISTS %s@'%s'", accounts[i].name, host);
            if (s->mariadb && strcmp(accounts[i].plugin, "ed25519") == 0)
                ts_do(root,
                      "CREATE USER %s@'%s' IDENTIFIED VIA ed25519 USING PASSWORD('pass word ''of\" 41 bytes, "
                      "more "
                      "than 20.')",
                      accounts[i].name, host);
            else
                ts_do(root,
                      "CREATE USER %s@'%s' IDENTIFIED %s %s %s 'pass word ''of\" 41 bytes, more than 20.'",
                      accounts[i].name, host, s->mariadb ? "" : "WITH", s->mariadb ? "" : accounts[i].plugin,
                      "BY");
        }
    }
    ts_close(root);
}

typedef struct target {
    unsigned port;
    const char *socket; /* or NULL */
    bool tls;
} target;

static MYSQL *try_login(const target *t, const char *user, const char *pw)
{
    MYSQL *my = mysql_init(NULL);
    my_bool enforce = 1;
    unsigned protocol = t->socket != NULL ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP, seconds = 10;
    mysql_options(my, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_options(my, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    if (t->tls) mysql_options(my, MYSQL_OPT_SSL_ENFORCE, &enforce);
    (void)mysql_real_connect(my, t->socket != NULL ? "localhost" : "127.0.0.1", user, pw, NULL, t->port,
                             t->socket, 0);
    return my; /* with or without an error */
}

static void want_cell(MYSQL *my, const char *sql, unsigned column, const char *part, const char *what)
{
    if (mysql_query(my, sql) != 0) fail_msg("%s: %s: %s", what, sql, mysql_error(my));
    MYSQL_RES *res = mysql_store_result(my);
    MYSQL_ROW row = mysql_fetch_row(res);
    const char *got = row == NULL || row[column] == NULL ? "" : row[column];
    bool ok = part == NULL ? got[0] == '\0' : strstr(got, part) != NULL && got[0] != '\0';
    if (!ok) fail_msg("%s: %s gave '%s', not '%s'", what, sql, got, part == NULL ? "" : part);
    mysql_free_result(res);
}

/* --- pairings --- */

typedef struct backend_kind {
    const char *keys;
    bool socket;
    int tls; /* 0 never, 1 always, 2 as the client */
} backend_kind;

static const backend_kind backends[] = {
    {"tls: {mode: disabled}", false, 0},
    {"tls: {mode: as_client}", false, 2},
    {"tls: {mode: required}", false, 1},
    {"tls: {mode: disabled}", true, 0},
};

static void forget_cached(ts_conn *root)
{
    ts_do(root, "FLUSH PRIVILEGES"); /* caching_sha2_password's cache with it */
}

static void log_in(const ts_server *s, const target *t, const account *a, bool backend_tls, const char *what)
{
    MYSQL *my = try_login(t, a->name, password);
    if (mysql_errno(my) != 0) fail_msg("%s: %u %s", what, mysql_errno(my), mysql_error(my));
    want_cell(my, "SELECT CURRENT_USER()", 0, a->name, what);
    want_cell(my, "SHOW SESSION STATUS LIKE 'Ssl_cipher'", 1, backend_tls ? "_" : NULL, what);
    if (t->tls && mysql_get_ssl_cipher(my) == NULL) fail_msg("%s: no TLS at the client", what);
    for (size_t i = 0; i < ACCOUNTS; i++) { /* COM_CHANGE_USER to all, itself too */
        if (accounts[i].mariadb != s->mariadb) continue;
        if (mysql_change_user(my, accounts[i].name, password, NULL) != 0)
            fail_msg("%s: to %s: %u %s", what, accounts[i].name, mysql_errno(my), mysql_error(my));
        want_cell(my, "SELECT CURRENT_USER()", 0, accounts[i].name, what);
    }
    mysql_close(my);
}

static void refuse_wrong(const target *t, const account *a, const char *what)
{
    MYSQL *my = try_login(t, a->name, "another password");
    if (mysql_errno(my) != 1045)
        fail_msg("%s, wrong password: %u %s", what, mysql_errno(my), mysql_error(my));
    mysql_close(my);
}

static void check_pairings(const ts_server *s, const backend_kind *b)
{
    static const char listeners[] = "  - {address: DIR/s.sock}\n";
    char socket_path[PATH], listen_path[PATH];
    ts_conn *root = ts_root(s, NULL);
    ts_text(root, socket_path, sizeof socket_path, "SELECT @@socket");
    ts_proxy p;
    ts_proxy_start_with(&p, s,
                        &(ts_setup){.listeners = listeners,
                                    .backend_keys = b->keys,
                                    .backend_address = b->socket ? socket_path : NULL});
    snprintf(listen_path, sizeof listen_path, "%s/s.sock", p.dir);
    const target targets[] = {{p.port_both, NULL, false}, {p.port_both, NULL, true}, {0, listen_path, false}};
    for (size_t t = 0; t < 3; t++) {
        for (size_t i = 0; i < ACCOUNTS; i++) {
            char what[PATH];
            if (accounts[i].mariadb != s->mariadb) continue;
            bool tls = b->tls == 1 || (b->tls == 2 && targets[t].tls);
            snprintf(what, sizeof what, "%s, %s to %s%s, %s", s->name,
                     targets[t].tls              ? "TLS"
                     : targets[t].socket != NULL ? "socket"
                                                 : "plain",
                     b->socket ? "socket, " : "", b->keys, accounts[i].plugin);
            forget_cached(root);
            log_in(s, &targets[t], &accounts[i], tls, what);
            log_in(s, &targets[t], &accounts[i], tls, what);
            refuse_wrong(&targets[t], &accounts[i], what);
        }
    }
    ts_proxy_end(&p);
    ts_close(root);
}

static void test_pairings(void **state)
{
    (void)state;
    for (int m = 0; m < 2; m++) {
        make_accounts(server_of(m));
        for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++)
            check_pairings(server_of(m), &backends[i]);
    }
}

/* MySQL's own client knows its plugins by heart. */
static void mysql_client(const target *t, const char *user, const char *mode, const char *want)
{
    char command[1024], port[32];
    const char *cache = getenv("STRADDLE_CACHE"), *home = getenv("HOME");
    snprintf(port, sizeof port, "-P%u", t->port);
    snprintf(command, sizeof command,
             "MYSQL_PWD=\"$PW\" %s%s/mysql/bin/mysql --no-defaults -h127.0.0.1 %s -u%s --ssl-mode=%s "
             "--get-server-public-key -NBe 'SELECT CURRENT_USER()'",
             cache != NULL ? cache : home, cache != NULL ? "" : "/.cache/straddle", port, user, mode);
    setenv("PW", password, 1);
    ts_output o;
    char *const argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, command, NULL};
    ts_command(argv, NULL, 30, &o);
    if (strstr(want, "ERROR") == NULL ? strstr(o.out, want) == NULL : strstr(o.err, want + 6) == NULL)
        fail_msg("%s: %s%s", command, o.out, o.err);
}

static void test_mysql_client(void **state)
{
    (void)state;
    ts_conn *root = ts_root(ts_mysql(), NULL);
    static const char *const keys[] = {"tls: {mode: disabled}", "tls: {mode: required}"};
    make_accounts(ts_mysql());
    for (size_t k = 0; k < 2; k++) {
        ts_proxy p;
        ts_proxy_start_with(&p, ts_mysql(), &(ts_setup){.backend_keys = keys[k]});
        const target t = {p.port_both, NULL, false};
        for (int i = 0; i < 2; i++) {
            for (int cached = 0; cached < 2; cached++) {
                if (!cached) forget_cached(root);
                mysql_client(&t, accounts[i].name, "DISABLED", accounts[i].name);
                if (!cached) forget_cached(root);
                mysql_client(&t, accounts[i].name, "REQUIRED", accounts[i].name);
            }
        }
        ts_proxy_end(&p);
    }
    ts_close(root);
}

/* --- what is refused --- */

static void test_required(void **state)
{
    (void)state;
    unsigned port = ts_free_port();
    char listeners[256];
    snprintf(listeners, sizeof listeners, "  - {address: 127.0.0.1:%u, tls: required}\n", port);
    ts_proxy p;
    ts_proxy_start_with(&p, ts_mysql(), &(ts_setup){.listeners = listeners});
    MYSQL *my = try_login(&(target){port, NULL, false}, "root", "");
    assert_int_equal(mysql_errno(my), 3159);
    mysql_close(my);
    my = try_login(&(target){port, NULL, true}, "root", "");
    assert_int_equal(mysql_errno(my), 0);
    mysql_close(my);
    ts_proxy_end(&p);
}

static void test_off(void **state)
{
    (void)state;
    unsigned port = ts_free_port();
    char listeners[256];
    snprintf(listeners, sizeof listeners, "  - {address: 127.0.0.1:%u, tls: \"off\"}\n", port);
    ts_proxy p;
    ts_proxy_start_with(&p, ts_mysql(), &(ts_setup){.listeners = listeners});
    MYSQL *my = try_login(&(target){port, NULL, true}, "root", "");
    assert_true(mysql_errno(my) != 0 || mysql_get_ssl_cipher(my) == NULL);
    mysql_close(my);
    my = try_login(&(target){port, NULL, false}, "root", "");
    assert_int_equal(mysql_errno(my), 0);
    mysql_close(my);
    ts_proxy_end(&p);
}

static void present(ts_conn *direct, const char *name)
{
    shell("cd %s && cp %s.pem db.pem && cp %s-key.pem db-key.pem", dir, name, name);
    ts_do(direct, "FLUSH SSL");
}

/* The database shows another certificate than the one that the proxy began with. */
static void verified(ts_conn *direct, const char *mode, const char *name, const char *refusal)
{
    char keys[256];
    snprintf(keys, sizeof keys, "tls: {mode: %s, ca: %s/ca.pem}", mode, dir);
    present(direct, "right");
    ts_proxy p;
    ts_proxy_start_with(&p, &own.server, &(ts_setup){.backend_keys = keys});
    const target t = {p.port_both, NULL, false};
    MYSQL *my = try_login(&t, "root", "");
    if (mysql_errno(my) != 0) fail_msg("%s: %s", keys, mysql_error(my));
    mysql_close(my);
    present(direct, name);
    my = try_login(&t, "root", "");
    if (refusal == NULL ? mysql_errno(my) != 0 : strstr(mysql_error(my), refusal) == NULL)
        fail_msg("%s, %s: '%s' is not in '%s'", keys, name, refusal == NULL ? "" : refusal, mysql_error(my));
    mysql_close(my);
    present(direct, "right");
    ts_proxy_end(&p);
}

static void test_verify(void **state)
{
    (void)state;
    ts_conn *direct = ts_root(&own.server, NULL);
    shell("cd %s && cp db.pem right.pem && cp db-key.pem right-key.pem", dir);
    make_certificate("forged", "other", "IP:127.0.0.1");
    make_certificate("stranger", "ca", "DNS:db.elsewhere,IP:192.0.2.1");
    verified(direct, "required", "forged", NULL);
    verified(direct, "verify_ca", "stranger", NULL);
    verified(direct, "verify_ca", "forged", "certificate verify failed");
    verified(direct, "verify_identity", "forged", "certificate verify failed");
    verified(direct, "verify_identity", "stranger", "IP address mismatch");
    ts_close(direct);
}

/* The database has no TLS. */
static void test_backend_without(void **state)
{
    (void)state;
    ts_proxy p;
    ts_proxy_start_with(&p, ts_mariadb(), &(ts_setup){.backend_keys = "tls: {mode: preferred}"});
    MYSQL *my = try_login(&(target){p.port_both, NULL, true}, "root", "");
    if (mysql_errno(my) != 0) fail_msg("%s", mysql_error(my));
    mysql_close(my);
    ts_proxy_end(&p);
}

/* --- certificates renewed, sessions resumed --- */

static void subject(unsigned port, char *out, size_t size)
{
    ts_output o;
    char command[256];
    snprintf(
        command, sizeof command,
        "openssl s_client -starttls mysql -connect 127.0.0.1:%u </dev/null 2>/dev/null | openssl x509 -noout "
        "-subject",
        port);
    char *const argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, command, NULL};
    ts_command(argv, NULL, 30, &o);
    snprintf(out, size, "%.200s", o.out);
}

static void test_reload(void **state)
{
    (void)state;
    char extra[512], seen[256];
    shell("cd %s && cp one.pem now.pem && cp one-key.pem now-key.pem", dir);
    snprintf(extra, sizeof extra, "tls: {certificate: %s/now.pem, key: %s/now-key.pem}", dir, dir);
    ts_proxy p;
    ts_proxy_start(&p, ts_mysql(), extra);
    MYSQL *old = try_login(&(target){p.port_both, NULL, true}, "root", "");
    assert_int_equal(mysql_errno(old), 0);
    subject(p.port_both, seen, sizeof seen);
    assert_non_null(strstr(seen, "one"));
    ts_conn *admin = ts_proxy_admin(&p);
    shell("cd %s && cp two.pem now.pem", dir); /* with the key of the other: nothing changes */
    ts_result *r = ts_query(admin, "RELOAD CONFIG");
    if (r->error == 0 || strstr(r->message, "now-key.pem") == NULL) fail_msg("%u %s", r->error, r->message);
    ts_result_free(r);
    subject(p.port_both, seen, sizeof seen);
    assert_non_null(strstr(seen, "one"));
    shell("cd %s && cp two-key.pem now-key.pem", dir);
    ts_do(admin, "RELOAD CONFIG");
    subject(p.port_both, seen, sizeof seen);
    assert_non_null(strstr(seen, "two"));
    want_cell(old, "SELECT 7", 0, "7", "a connection from before");
    mysql_close(old);
    ts_close(admin);
    ts_proxy_end(&p);
}

/* By our own count: MariaDB 10.11 resumes, but all of its counters of that stand at 0. */
static void check_resumed(const ts_server *s)
{
    ts_proxy p;
    ts_proxy_start_with(&p, s, &(ts_setup){.backend_keys = "tls: {mode: required}"});
    ts_conn *admin = ts_proxy_admin(&p);
    for (int i = 0; i < 20; i++) {
        MYSQL *my = try_login(&(target){p.port_both, NULL, i % 2 == 1}, "root", "");
        if (mysql_errno(my) != 0) fail_msg("%s", mysql_error(my));
        mysql_close(my);
    }
    long long resumed = shop_stat(admin, "backend_tls_resumed");
    if (resumed < 16 || resumed > 19) fail_msg("%s: of 20 sessions %lld were resumed", s->name, resumed);
    assert_int_equal(shop_stat(admin, "backend_tls"), 20);
    assert_int_equal(shop_stat(admin, "clients_tls"), 10);
    ts_close(admin);
    ts_proxy_end(&p);
}

static void test_resumed(void **state)
{
    (void)state;
    check_resumed(ts_mysql());
    check_resumed(&own.server);
}

/* --- traffic --- */

static void test_large(void **state)
{
    (void)state;
    ts_proxy p;
    ts_proxy_start_with(&p, &own.server, &(ts_setup){.backend_keys = "tls: {mode: required}"});
    MYSQL *my = try_login(&(target){p.port_both, NULL, true}, "root", "");
    assert_int_equal(mysql_errno(my), 0);
    ts_conn *direct = ts_root(&own.server, NULL);
    ts_do(direct, "SET GLOBAL max_allowed_packet = 67108864");
    mysql_close(my);
    my = try_login(&(target){p.port_both, NULL, true}, "root", "");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            mysql_query(my, "SELECT REPEAT('x', 20000000), 7 UNION ALL SELECT REPEAT('y', 16777215), 8"), 0);
        MYSQL_RES *res = mysql_use_result(my);
        MYSQL_ROW row = mysql_fetch_row(res);
        assert_int_equal(mysql_fetch_lengths(res)[0], 20000000);
        assert_true(row[0][0] == 'x' && row[0][19999999] == 'x');
        row = mysql_fetch_row(res);
        assert_int_equal(mysql_fetch_lengths(res)[0], 16777215);
        assert_string_equal(row[1], "8");
        mysql_free_result(res);
    }
    size_t n = 20000000;
    char *sql = malloc(n + 64);
    int head = sprintf(sql, "SELECT LENGTH('");
    memset(sql + head, 'y', n);
    memcpy(sql + (size_t)head + n, "')", 3);
    want_cell(my, sql, 0, "20000000", "a large statement");
    free(sql);
    mysql_close(my);
    ts_close(direct);
    ts_proxy_end(&p);
}

static int connect_to(unsigned port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval limit = {5, 0};
    assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

/* After a request for TLS: what comes, and whether the proxy says anything in the clear. */
static void hostile(unsigned port, const char *after, size_t n, bool wait)
{
    static const char request[] =
        "\x20\0\0\1\x05\xaa\x08\0\0\0\0\1\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    char buf[4096];
    int fd = connect_to(port);
    assert_true(read(fd, buf, sizeof buf) > 4);
    assert_int_equal(write(fd, request, 36), 36);
    for (size_t i = 0; i < n; i++)
        if (write(fd, after + i, 1) != 1) break;
    ssize_t got = wait ? read(fd, buf, sizeof buf) : 0;
    if (got > 0 && buf[0] != 0x15 && buf[0] != 0x16)
        fail_msg("an answer that is no TLS: %02x", (unsigned)buf[0]);
    close(fd);
}

static void test_hostile(void **state)
{
    (void)state;
    /* A login in the clear behind the request for TLS, as one who injects would send it. */
    static const char injected[] =
        "\x26\0\0\2\x05\xa2\x08\0\0\0\0\1\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0root\0\0";
    static const char hello[] = "\x16\3\1\2\0\1\0\1\xfc\3\3";
    ts_proxy p;
    ts_proxy_start(&p, ts_mysql(), NULL);
    for (int i = 0; i < 10; i++) {
        hostile(p.port_both, injected, sizeof injected - 1, true);
        hostile(p.port_both, hello, sizeof hello - 1, false); /* hangs up in the handshake */
        hostile(p.port_both, "", 0, false);
        hostile(p.port_both, "GET / HTTP/1.0\r\n\r\n", 18, true);
    }
    MYSQL *my = try_login(&(target){p.port_both, NULL, true}, "root", "");
    assert_int_equal(mysql_errno(my), 0);
    mysql_close(my);
    ts_proxy_end(&p);
}

static void test_admin(void **state)
{
    (void)state;
    ts_proxy p;
    ts_proxy_start(&p, ts_mysql(), NULL);
    MYSQL *my = try_login(&(target){p.port_admin, NULL, true}, "admin", "admin");
    if (mysql_errno(my) != 0) fail_msg("%s", mysql_error(my));
    assert_non_null(mysql_get_ssl_cipher(my));
    for (int i = 0; i < 3; i++) want_cell(my, "SHOW CONFIG", 0, "file", "over TLS");
    mysql_close(my);
    char path[PATH];
    snprintf(path, sizeof path, "%s/straddle.yaml", p.dir);
    ts_output o;
    ts_straddle(&o, NULL, "ctl", "-c", path, "SHOW MIGRATIONS", NULL);
    if (o.status != 0) fail_msg("%s", o.err);
    hostile(p.port_admin, "GET / HTTP/1.0\r\n\r\n", 18, true);
    ts_conn *admin = ts_proxy_admin(&p); /* and without */
    ts_close(admin);
    ts_proxy_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairings), cmocka_unit_test(test_mysql_client),
        cmocka_unit_test(test_required), cmocka_unit_test(test_off),
        cmocka_unit_test(test_verify),   cmocka_unit_test(test_backend_without),
        cmocka_unit_test(test_reload),   cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_large),    cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_admin),
    };
    return cmocka_run_group_tests(tests, start_all, end_all);
}
