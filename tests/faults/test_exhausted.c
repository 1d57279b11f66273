/* What runs out: open files, and room for the log. Nothing ends, nothing waits that need not, the log says
 * why. */
#include "shop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

enum { FILES = 160, ROOM = 40, MANY = 100 }; /* ROOM: sessions that FILES have room for, with two threads */

static void nap(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static int raw(unsigned port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static bool readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

static double cpu_seconds(pid_t pid)
{
    char path[64], line[1024];
    unsigned long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    fclose(f);
    const char *at = strrchr(line, ')');
    assert_non_null(at);
    assert_int_equal(sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel),
                     2);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static bool log_has(const ts_proxy *p, const char *what)
{
    char path[192], line[4200];
    bool found = false;
    snprintf(path, sizeof path, "%s/log", p->dir);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) found = found || strstr(line, what) != NULL;
    fclose(f);
    return found;
}

static void few_files(void)
{
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){FILES, FILES});
}

/* Those that there is no room for are told so; those that are there go on; and there is room again. */
static void check_sessions(shop *f)
{
    char why[512] = "";
    ts_login l = {
        .host = "127.0.0.1", .port = f->proxy.port_both, .user = "root", .password = "", .schema = "t_mig"};
    ts_conn *c[ROOM + 1] = {NULL};
    for (int i = 0; i < ROOM; i++) c[i] = ts_connect(&l);
    assert_null(ts_try_connect(&l, why));
    if (strstr(why, "1040") == NULL || strstr(why, "open files") == NULL) fail_msg("%s", why);
    for (int i = 0; i < ROOM; i++) ts_do(c[i], "SELECT COUNT(*) FROM transactions");
    for (int i = 0; i < ROOM; i++) ts_close(c[i]);
    for (int i = 0; i < 400 && (c[0] = ts_try_connect(&l, why)) == NULL; i++) nap(50);
    if (c[0] == NULL) fail_msg("%s", why);
    ts_close(c[0]);
    assert_true(log_has(&f->proxy, "the limit of open files has room for 40 sessions"));
}

/* All are gone, by connections that the limit does not count: others wait, without work, and are taken in the
 * end. */
static void check_none_left(shop *f)
{
    ts_login l = {
        .host = "127.0.0.1", .port = f->proxy.port_both, .user = "root", .password = "", .schema = "t_mig"};
    ts_conn *c[ROOM];
    int admin[MANY];
    for (int i = 0; i < ROOM; i++) c[i] = ts_connect(&l);
    for (int i = 0; i < MANY; i++) admin[i] = raw(f->proxy.port_admin); /* who do not log in */
    for (int i = 0; i < 400 && !log_has(&f->proxy, "new connections wait: Too many open files"); i++) nap(50);
    assert_true(log_has(&f->proxy, "new connections wait: Too many open files"));
    double before = cpu_seconds(f->proxy.pid);
    int waits = raw(f->proxy.port_both);
    for (int i = 0; i < 20; i++, nap(100)) ts_do(c[i], "SELECT COUNT(*) FROM transactions");
    double used = cpu_seconds(f->proxy.pid) - before;
    if (used > 1.5) fail_msg("%.2f s of processor time in 2 s of waiting", used);
    for (int i = 0; i < ROOM; i++) ts_close(c[i]);
    for (int i = 0; i < MANY / 2; i++)
        close(admin[i]); /* the others are ended when they have not logged in */
    assert_true(readable(waits, 30000));
    close(waits);
    for (int i = MANY / 2; i < MANY; i++) {
        char junk[256];
        assert_true(readable(admin[i], 60000));
        while (recv(admin[i], junk, sizeof junk, 0) > 0) assert_true(readable(admin[i], 60000));
        close(admin[i]);
    }
    ts_conn *again = ts_proxy_admin(&f->proxy);
    ts_do(again, "SHOW STATS");
    ts_close(again);
}

static void run(const ts_server *s, const ts_setup *setup, void (*check)(shop *f))
{
    shop f = {.server = s};
    ts_forget_migrations(s);
    shop_create(s);
    ts_proxy_start_with(&f.proxy, s, setup);
    f.admin = ts_proxy_admin(&f.proxy), f.direct = ts_root(s, "t_mig");
    shop_fill(f.direct, 0);
    shop_apply(&f, NULL);
    check(&f);
    shop_end(&f);
}

static void check_files(shop *f)
{
    check_sessions(f);
    check_none_left(f);
}

static void test_files(void **state)
{
    (void)state;
    size_t n;
    const ts_server *s = ts_servers(&n);
    for (size_t i = 0; i < n; i++)
        run(&s[i], &(ts_setup){.child = few_files, .extra = "limits: {handshake_timeout_ms: 8000}"},
            check_files);
}

static void small_log(void)
{
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096});
}

/* Logged is much, and none of it gets anywhere. */
static void check_log(shop *f)
{
    ts_do(f->admin, "SET LOG LEVEL debug");
    for (int i = 0; i < 20; i++) {
        ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
        ts_do(c, "UPDATE transactions SET payment_method = '%d' WHERE id = 1", i);
        shop_expect(c,
                    "CREATE TRIGGER x BEFORE INSERT ON transactions FOR EACH ROW SET NEW.payment_method = 1",
                    1235, "straddle");
        ts_close(c);
    }
    ts_go(f->admin, SHOP_MIGRATION, "dual_write");
    assert_true(shop_stat(f->admin, "log_lines_lost") > 20);
}

static void test_log(void **state)
{
    (void)state;
    static const char full[] = "log: {file: /dev/full, refused: true}",
                      large[] = "log: {refused: true, format: json}";
    size_t n;
    const ts_server *s = ts_servers(&n);
    for (size_t i = 0; i < n; i++)
        run(&s[i], &(ts_setup){.extra = i == 0 ? full : large, .child = i == 0 ? NULL : small_log},
            check_log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files), cmocka_unit_test(test_log)};
    return cmocka_run_group_tests_name("faults.exhausted", tests, NULL, NULL);
}
