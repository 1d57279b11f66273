/* The process and what may happen to it: signals, draining, limits, a database that stops, dies and comes
 * back, and kill -9 in the middle of a phase change. */
#include "servers.h"
#include "shop.h"

#include <arpa/inet.h>
#include <mysql.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define M SHOP_MIGRATION

static void nap(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static const char *limit(shop *f, const char *key, char *buf, size_t size)
{
    ts_result *r = ts_query(f->admin, "SHOW CONFIG");
    snprintf(buf, size, "(none)");
    for (size_t i = 0; i < r->nrows; i++)
        if (strcmp(ts_cell(r, i, "key"), key) == 0) snprintf(buf, size, "%s", ts_cell(r, i, "value"));
    ts_result_free(r);
    return buf;
}

/* ---- SIGHUP ---- */

static void check_reload(shop *f)
{
    char got[40] = "";
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    ts_proxy_configure(&f->proxy, "limits: {max_connections: 1}\nmigrations: [{name: " M
                                  ", table: t_mig.transactions, columns: [{from: transaction_type, to: "
                                  "payment_method}]}]");
    kill(f->proxy.pid, SIGHUP);
    for (int i = 0; i < 1200 && strcmp(limit(f, "limits.max_connections", got, sizeof got), "1") != 0; i++)
        nap(50);
    assert_string_equal(got, "1");
    assert_string_equal(shop_cell(f->admin, "SHOW MIGRATION " M, "phase", got, sizeof got), "planned");
    shop_expect(c, "SELECT payment_method FROM transactions", 0,
                ""); /* the session goes on, by the new rules */
    char why[512];
    ts_conn *second = ts_try_connect(
        &(ts_login){.host = "127.0.0.1", .port = f->proxy.port_both, .user = "root", .password = ""}, why);
    assert_null(second);
    if (strstr(why, "1040") == NULL) fail_msg("%s", why);
    for (int i = 0; i < 20; i++) { /* a signal and a command at once */
        kill(f->proxy.pid, SIGHUP);
        ts_do(f->admin, "RELOAD CONFIG");
    }
    ts_proxy_configure(&f->proxy, "limits: {max_connections: none}");
    kill(f->proxy.pid, SIGHUP);
    nap(500);
    assert_string_equal(limit(f, "limits.max_connections", got, sizeof got),
                        "1"); /* a fault: the old one stays */
    ts_close(c);
    for (int i = 0; i < 1200 && second == NULL; i++, nap(50)) /* the place is free again */
        second = ts_try_connect(
            &(ts_login){.host = "127.0.0.1", .port = f->proxy.port_both, .user = "root", .password = ""},
            why);
    assert_non_null(second);
    ts_close(second);
}

static void test_reload(void **state)
{
    (void)state;
    shop_each_server(check_reload, NULL);
}

/* ---- SIGTERM ---- */

/* A command at the admin port, by a thread of its own. */
typedef struct walk {
    pthread_t thread;
    unsigned port;
    const char *sql;
    unsigned error; /* of the answer */
} walk;

static void *walk_main(void *arg)
{
    walk *w = arg;
    ts_conn *c = ts_try_connect(
        &(ts_login){.host = "127.0.0.1", .port = w->port, .user = "admin", .password = "admin"}, NULL);
    if (c == NULL) return NULL;
    ts_result *r = ts_query(c, "%s", w->sql);
    w->error = r->error;
    ts_result_free(r);
    ts_close(c);
    return NULL;
}

static unsigned try_select(ts_conn *c, char why[512])
{
    ts_result *r = ts_query(c, "SELECT COUNT(*) FROM transactions");
    unsigned error = r->error;
    snprintf(why, 512, "%u %.480s", error, r->message);
    ts_result_free(r);
    return error;
}

/* What is open may end; what is idle ends at once; nothing new comes in. */
static void check_drain(shop *f)
{
    int status = -1;
    char why[512];
    shop_apply(f, NULL);
    ts_conn *open = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    ts_conn *idle = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    ts_do(open, "BEGIN");
    ts_do(open, "UPDATE transactions SET payment_method = 'drained' WHERE id = 1");
    kill(f->proxy.pid, SIGTERM);
    nap(300);
    assert_int_not_equal(try_select(idle, why), 0);
    assert_null(ts_try_connect(
        &(ts_login){.host = "127.0.0.1", .port = f->proxy.port_both, .user = "root", .password = ""}, why));
    ts_do(open, "UPDATE transactions SET n = 77 WHERE id = 2");
    ts_do(open, "COMMIT");
    assert_true(ts_proxy_ends(&f->proxy, 5, &status)); /* long before drain_timeout_ms */
    assert_int_equal(status, 0);
    ts_close(open), ts_close(idle);
    assert_int_equal(
        ts_int(f->direct, "SELECT COUNT(*) FROM transactions WHERE transaction_type = 'drained' OR n = 77"),
        2);
}

static void test_drain(void **state)
{
    (void)state;
    shop_each_server(check_drain, NULL);
}

/* Who reads none of the answers of an admin command does not keep the process. */
static void check_drain_deaf(shop *f)
{
    enum { COMMANDS = 6000 };
    static const char packet[] = "\x0c\0\0\0\3SHOW CONFIG";
    int status = -1;
    MYSQL *m = mysql_init(NULL);
    assert_non_null(mysql_real_connect(m, "127.0.0.1", "admin", "admin", NULL, f->proxy.port_admin, NULL, 0));
    int fd = (int)mysql_get_socket(m);
    for (int i = 0; i < COMMANDS; i++) (void)send(fd, packet, sizeof packet - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    nap(500);
    kill(f->proxy.pid, SIGTERM);
    assert_true(ts_proxy_ends(&f->proxy, 60, &status));
    assert_int_equal(status, 0);
    mysql_close(m);
}

static void test_drain_deaf(void **state)
{
    (void)state;
    shop_each_server(check_drain_deaf, "limits: {drain_timeout_ms: 500}");
}

/* An ADVANCE that waits for a transaction is told that the process ends, or goes through when the transaction
 * does; it does not hold the process up for phase_timeout_ms. */
static void check_drain_advance(shop *f)
{
    int status = -1;
    shop_apply(f, NULL);
    ts_do(f->admin, "ADVANCE MIGRATION " M " TO expanded");
    ts_conn *open = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    ts_do(open, "BEGIN");
    ts_do(open, "SELECT COUNT(*) FROM transactions");
    walk w = {.port = f->proxy.port_admin, .sql = "ADVANCE MIGRATION " M " TO dual_write"};
    assert_int_equal(pthread_create(&w.thread, NULL, walk_main, &w), 0);
    nap(300);
    kill(f->proxy.pid, SIGTERM);
    assert_true(ts_proxy_ends(&f->proxy, 10, &status));
    assert_int_equal(status, 0);
    pthread_join(w.thread, NULL);
    if (w.error == 2006 || w.error == 2013) fail_msg("ADVANCE got no answer: %u", w.error);
    ts_close(open);
    ts_proxy_restart(&f->proxy);
    ts_conn *admin = ts_proxy_admin(&f->proxy);
    ts_go(admin, M, "switched");
    ts_close(admin);
}

static void test_drain_advance(void **state)
{
    (void)state;
    shop_each_server(check_drain_advance, "limits: {drain_timeout_ms: 1000}");
}

/* A transaction that does not end is ended, and undone. */
static void check_drain_timeout(shop *f)
{
    int status = -1;
    char why[512];
    ts_conn *open = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    ts_do(open, "BEGIN");
    ts_do(open, "UPDATE transactions SET n = 99");
    uint64_t began = now_ms();
    kill(f->proxy.pid, SIGTERM);
    assert_true(ts_proxy_ends(&f->proxy, 10, &status));
    uint64_t took = now_ms() - began;
    assert_true(took >= 1000 && took < 8000);
    assert_int_equal(status, 0);
    unsigned error = try_select(open, why);
    if (error != 1053 && error != 2006 && error != 2013) fail_msg("%s", why);
    ts_close(open);
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM transactions WHERE n = 99"), 0);
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM straddle.instances WHERE lease_until > NOW(6)"),
                     0);
}

static void test_drain_timeout(void **state)
{
    (void)state;
    shop_each_server(check_drain_timeout, "limits: {drain_timeout_ms: 1000}");
}

/* ---- limits ---- */

static int raw_connect(unsigned port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* All bytes until the end of file, which must come within 60 s. */
static size_t read_to_end(int fd, char *out, size_t size)
{
    size_t n = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 60000) != 1) fail_msg("neither bytes nor an end of file within 60 s");
        ssize_t got = n < size ? read(fd, out + n, size - n) : 0;
        if (got <= 0) return n;
        n += (size_t)got;
    }
}

static void check_login_timeout(shop *f)
{
    char bytes[600] = "";
    uint64_t began = now_ms();
    int fd = raw_connect(f->proxy.port_both);
    size_t n = read_to_end(fd, bytes, sizeof bytes);
    close(fd);
    assert_true(now_ms() - began < 4000);
    size_t first = 4 + (unsigned char)bytes[0];
    assert_true(n > first + 7); /* the greeting, then an error */
    assert_int_equal((unsigned char)bytes[first + 4], 0xFF);
    assert_int_equal((unsigned char)bytes[first + 5] | (unsigned char)bytes[first + 6] << 8, 1159);
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, NULL); /* who has logged in may be silent */
    nap(1200);
    ts_do(c, "SELECT 1");
    ts_close(c);
}

static void check_too_many(shop *f)
{
    char why[512];
    ts_conn *c[3];
    ts_login l = {.host = "127.0.0.1", .port = f->proxy.port_both, .user = "root", .password = ""};
    for (int i = 0; i < 3; i++) c[i] = ts_connect(&l);
    assert_null(ts_try_connect(&l, why));
    if (strstr(why, "1040") == NULL || strstr(why, "max_connections is 3") == NULL) fail_msg("%s", why);
    ts_do(f->admin, "SHOW STATS"); /* the admin port does not count */
    for (int i = 0; i < 3; i++) {
        ts_do(c[i], "SELECT 1");
        ts_close(c[i]);
    }
}

static void check_limits(shop *f)
{
    check_login_timeout(f);
    check_too_many(f);
}

static void test_limits(void **state)
{
    (void)state;
    shop_each_server(check_limits, "limits: {max_connections: 3, handshake_timeout_ms: 500}");
}

/* ---- a database that goes away ---- */

typedef struct client {
    pthread_t thread;
    const shop *shop;
    const char *sql;
    atomic_bool stop;
    atomic_uint done, failed, slowest_ms;
} client;

/* Goes on through errors, by new connections; notes how long anything took. */
static void *client_main(void *arg)
{
    client *k = arg;
    ts_conn *c = NULL;
    ts_login l = {.host = "127.0.0.1",
                  .port = k->shop->proxy.port_both,
                  .user = "root",
                  .password = "",
                  .schema = "t_mig"};
    while (!atomic_load(&k->stop)) {
        uint64_t began = now_ms();
        bool ok = c != NULL || (c = ts_try_connect(&l, NULL)) != NULL;
        if (ok) {
            ts_result *r = ts_query(c, "%s", k->sql);
            ok = r->error == 0;
            ts_result_free(r);
        }
        unsigned took = (unsigned)(now_ms() - began);
        if (took > atomic_load(&k->slowest_ms)) atomic_store(&k->slowest_ms, took);
        atomic_fetch_add(ok ? &k->done : &k->failed, 1);
        if (!ok && c != NULL) ts_close(c), c = NULL;
        nap(ok ? 2 : 50);
    }
    if (c != NULL) ts_close(c);
    return NULL;
}

static void wait_done(client *k, unsigned more, const char *when)
{
    unsigned want = atomic_load(&k->done) + more;
    for (int i = 0; i < 1200; i++) {
        if (atomic_load(&k->done) >= want) return;
        nap(50);
    }
    fail_msg("no statement of a client succeeds within 60 s %s", when);
}

static void fill_many(ts_conn *direct)
{
    for (int i = 0; i < 12; i++)
        ts_do(direct,
              "INSERT INTO transactions (id, account_id, transaction_type) SELECT id + %d, account_id, "
              "transaction_type FROM transactions",
              8 << i);
}

/* The database is killed in mid-backfill and comes back: nobody hangs, and the backfill goes on by itself. */
static void kill_backend(shop *f, ts_own *own, client *k)
{
    shop_apply(f, "observe_days: 0\nbackfill: {chunk_rows: 50}");
    ts_do(f->admin, "ADVANCE MIGRATION " M " TO dual_write");
    for (int i = 0; i < 2400 && ts_int(f->direct, "SELECT rows_done FROM straddle.backfill") < 500; i++)
        nap(10);
    assert_int_equal(ts_int(f->direct, "SELECT state = 'complete' FROM straddle.backfill"), 0);
    ts_close(f->direct);
    ts_own_signal(own, SIGKILL);
    unsigned failed = atomic_load(&k->failed);
    char why[512] = "";
    assert_null(ts_try_connect(
        &(ts_login){.host = "127.0.0.1", .port = f->proxy.port_both, .user = "root", .password = ""}, why));
    if (strstr(why, "backend") == NULL) fail_msg("it does not say what is wrong: %s", why);
    ts_result *r = ts_query(f->admin, "SHOW MIGRATIONS");
    assert_int_not_equal(r->error, 0);
    ts_result_free(r);
    shop_expect(f->admin, "SHOW CONFIG", 0, ""); /* the admin port lives */
    nap(1500);
    assert_true(atomic_load(&k->failed) > failed);
    ts_own_again(own);
    wait_done(k, 5, "after the database came back");
    f->direct = ts_root(&own->server, "t_mig");
    ts_wait_backfill(f->admin, M);
    ts_go(f->admin, M, "switched");
    assert_int_equal(ts_int(f->direct, "SELECT checksum_clean FROM straddle.migrations"), 1);
}

/* A database that says nothing: new clients are told in connect_timeout_ms, who waits gets his answer later.
 */
static void freeze_backend(shop *f, ts_own *own, client *k)
{
    char why[512] = "";
    ts_own_signal(own, SIGSTOP);
    uint64_t began = now_ms();
    ts_conn *c = ts_try_connect(
        &(ts_login){.host = "127.0.0.1", .port = f->proxy.port_both, .user = "root", .password = ""}, why);
    uint64_t took = now_ms() - began;
    ts_own_signal(own, SIGCONT);
    assert_null(c);
    if (took > 4000 || strstr(why, "timed out") == NULL)
        fail_msg("after %lu ms: %s", (unsigned long)took, why);
    wait_done(k, 5, "after the database went on");
    c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    shop_expect(c, "SELECT payment_method FROM transactions LIMIT 1", 0, "");
    ts_close(c);
}

static void backend(bool mariadb)
{
    ts_own own;
    shop f;
    ts_own_start(&own, mariadb, NULL);
    shop_start(&f, &own.server, "limits: {connect_timeout_ms: 1000, lease_ms: 3000}");
    fill_many(f.direct);
    client plain = {.shop = &f, .sql = "SELECT COUNT(*) FROM accounts"};
    client migrating = {.shop = &f, .sql = "UPDATE transactions SET transaction_type = 'x' WHERE id = 5"};
    pthread_create(&plain.thread, NULL, client_main, &plain);
    pthread_create(&migrating.thread, NULL, client_main, &migrating);
    wait_done(&plain, 5, "at first"), wait_done(&migrating, 5, "at first");
    kill_backend(&f, &own, &migrating);
    freeze_backend(&f, &own, &plain);
    wait_done(&migrating, 5, "in the end");
    atomic_store(&plain.stop, true), atomic_store(&migrating.stop, true);
    pthread_join(plain.thread, NULL), pthread_join(migrating.thread, NULL);
    assert_true(atomic_load(&plain.slowest_ms) < 10000 && atomic_load(&migrating.slowest_ms) < 10000);
    shop_end(&f);
    ts_own_wipe(&own);
}

static void test_backend_mysql(void **state)
{
    (void)state;
    backend(false);
}

static void test_backend_mariadb(void **state)
{
    (void)state;
    backend(true);
}

/* ---- kill -9 in the middle of a phase change ---- */

static unsigned dice(unsigned *seed, unsigned below)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % below;
}

static void one_round(shop *f, unsigned *seed, const char *verb, const char *to)
{
    char sql[120];
    walk w = {.port = f->proxy.port_admin, .sql = sql};
    snprintf(sql, sizeof sql, "%s MIGRATION " M " TO %s", verb, to);
    ts_close(f->admin);
    assert_int_equal(pthread_create(&w.thread, NULL, walk_main, &w), 0);
    nap((long)dice(seed, dice(seed, 2) == 0 ? 60 : 301)); /* most work is done early */
    ts_proxy_stop(&f->proxy, SIGKILL);
    pthread_join(w.thread, NULL);
    ts_proxy_restart(&f->proxy);
    f->admin = ts_proxy_admin(&f->proxy);
    ts_conn *c =
        ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig"); /* both names, wherever it stands */
    shop_expect(c, "UPDATE transactions SET payment_method = CONCAT('v', id, n) WHERE id < 5", 0, "");
    shop_expect(c, "SELECT transaction_type, payment_method FROM transactions", 0, "");
    shop_expect(c, "REPLACE INTO transactions (id, account_id, transaction_type) VALUES (50, 9, 'again')", 0,
                "");
    ts_close(c);
}

static void check_crashes(shop *f)
{
    static const char *const path[] = {"expanded", "dual_write", "planned", "dual_write", "planned"};
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    shop_apply(f, NULL);
    for (size_t i = 0; i < sizeof path / sizeof *path; i++) {
        one_round(f, &seed, strcmp(path[i], "planned") == 0 ? "ROLLBACK" : "ADVANCE", path[i]);
        ts_go(f->admin, M, path[i]); /* the same again, and it must work */
    }
    ts_go(f->admin, M, "dual_write");
    ts_wait_backfill(f->admin, M);
    one_round(f, &seed, "ADVANCE", "switched");
    ts_go(f->admin, M, "switched");
    char cell[64];
    assert_string_equal(shop_cell(f->admin, "VERIFY MIGRATION " M, "differing", cell, sizeof cell), "0");
    for (int i = 0; i < 2; i++) {
        one_round(f, &seed, "ADVANCE", "retired");
        ts_go(f->admin, M, "retired");
        if (i == 0) one_round(f, &seed, "ROLLBACK", "switched");
        if (i == 0) ts_go(f->admin, M, "switched");
    }
    one_round(f, &seed, "ADVANCE", "contracted");
    ts_go(f->admin, M, "contracted");
    for (int i = 0; i < 2400;
         i++, nap(50)) /* what the kill left undone is done at start, without being asked */
        if (shop_cell(f->admin, "SHOW MIGRATION " M, "pending", cell, sizeof cell)[0] == '\0') break;
    assert_string_equal(cell, "");
    assert_int_equal(
        ts_int(f->direct, "SELECT COUNT(*) FROM transactions WHERE payment_method = CONCAT('v', id, n)"), 4);
    ts_go(f->admin, M, "finished");
}

static void test_crashes(void **state)
{
    (void)state;
    shop_each_server(check_crashes, "limits: {lease_ms: 1000, poll_ms: 20}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reload),        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_deaf),    cmocka_unit_test(test_drain_timeout),
        cmocka_unit_test(test_drain_advance), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_backend_mysql), cmocka_unit_test(test_backend_mariadb),
        cmocka_unit_test(test_crashes),
    };
    mysql_library_init(0, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
