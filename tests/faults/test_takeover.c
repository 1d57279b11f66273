/* A new process takes the place of one that is under load, three times: no connect and no statement fails, on
 * the listeners, on a unix socket and on the admin port, with TLS and without. The proxies run as a user
 * without rights. And what an old one does when the one that asks hangs, ends or outlives it. */
#include "shop.h"

#include <errno.h>
#include <mysql.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define M SHOP_MIGRATION
enum { NOBODY = 65534, CLIENTS = 8, UPGRADES = 3, PROCESSES = UPGRADES + 1 };

static void nap(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

typedef enum way { STAYS, COMES_AND_GOES, WITH_TLS, BY_SOCKET, ADMIN } way;

typedef struct client {
    pthread_t thread;
    const ts_proxy *proxy;
    way way;
    unsigned number;
    atomic_bool stop;
    atomic_uint done;
    char error[600]; /* written before `failed` is set */
    atomic_bool failed;
} client;

static MYSQL *log_in(const client *k)
{
    char path[192];
    MYSQL *m = mysql_init(NULL);
    my_bool yes = 1;
    snprintf(path, sizeof path, "%s/app.sock", k->proxy->dir);
    if (k->way == WITH_TLS) mysql_options(m, MYSQL_OPT_SSL_ENFORCE, &yes);
    bool admin = k->way == ADMIN, by_path = k->way == BY_SOCKET;
    const char *who = admin ? "admin" : "root";
    if (mysql_real_connect(m, by_path ? "localhost" : "127.0.0.1", who, admin ? "admin" : "",
                           admin ? NULL : "t_mig", admin ? k->proxy->port_admin : k->proxy->port_both,
                           by_path ? path : NULL, 0) != NULL)
        return m;
    return m; /* mysql_errno tells */
}

static bool fails(client *k, MYSQL *m, const char *what)
{
    if (mysql_errno(m) == 0) return false;
    snprintf(k->error, sizeof k->error, "way %d, %s after %u: %u %s", (int)k->way, what,
             atomic_load(&k->done), mysql_errno(m), mysql_error(m));
    atomic_store(&k->failed, true);
    return true;
}

static void *client_main(void *arg)
{
    client *k = arg;
    MYSQL *m = NULL;
    char sql[200];
    while (!atomic_load(&k->stop) && !atomic_load(&k->failed)) {
        if (m == NULL) m = log_in(k);
        if (fails(k, m, "connect")) break;
        snprintf(sql, sizeof sql,
                 "INSERT INTO transactions (account_id, payment_method, note, n) VALUES (%u, '%u', 'n%u', 1)",
                 1000 + k->number, k->number, atomic_load(&k->done));
        mysql_query(m, k->way == ADMIN ? "SHOW INSTANCES" : sql);
        MYSQL_RES *r = mysql_store_result(m);
        if (fails(k, m, "statement")) break;
        mysql_free_result(r);
        atomic_fetch_add(&k->done, 1);
        if (k->way != STAYS) mysql_close(m), m = NULL;
        nap(2);
    }
    if (m != NULL) mysql_close(m);
    mysql_thread_end();
    return NULL;
}

typedef struct load { /* not on the stack, which is gone where a test has failed and its clients go on */
    shop shop;
    client clients[CLIENTS];
    pid_t processes[PROCESSES];
} load;

/* What a proxy has started does not end with the test by itself. */
static pid_t started[2 * PROCESSES];
static int nstarted;

static void end_started(void)
{
    for (int i = 0; i < nstarted; i++) kill(started[i], SIGKILL);
}

static void check_failures(load *l)
{
    for (int i = 0; i < CLIENTS; i++)
        if (atomic_load(&l->clients[i].failed)) fail_msg("%s", l->clients[i].error);
}

/* All clients get on. */
static void wait_progress(load *l)
{
    for (int i = 0; i < CLIENTS; i++) {
        unsigned want = atomic_load(&l->clients[i].done) + 4;
        for (int t = 0; t < 1200 && atomic_load(&l->clients[i].done) < want; t++, nap(50)) check_failures(l);
        if (atomic_load(&l->clients[i].done) < want) fail_msg("client %d gets nowhere", i);
    }
}

static void start_clients(load *l, const ts_proxy *p)
{
    static const way ways[CLIENTS] = {STAYS,    STAYS,     COMES_AND_GOES, COMES_AND_GOES,
                                      WITH_TLS, BY_SOCKET, ADMIN,          COMES_AND_GOES};
    for (unsigned i = 0; i < CLIENTS; i++) {
        l->clients[i].proxy = p;
        l->clients[i].way = ways[i];
        l->clients[i].number = i;
        assert_int_equal(pthread_create(&l->clients[i].thread, NULL, client_main, &l->clients[i]), 0);
    }
}

static void stop_clients(load *l)
{
    for (int i = 0; i < CLIENTS; i++) atomic_store(&l->clients[i].stop, true);
    for (int i = 0; i < CLIENTS; i++) pthread_join(l->clients[i].thread, NULL);
    check_failures(l);
}

static bool known(const load *l, pid_t pid, int upto)
{
    for (int i = 0; i < upto; i++)
        if (l->processes[i] == pid) return true;
    return false;
}

/* The process that serves now, once it is another one than those before. The connection to the admin port was
 * made before, and is answered until it is closed. */
static pid_t wait_successor(load *l, ts_conn *admin, int before)
{
    enum { AFTERWARDS = 20 };
    pid_t found = 0;
    for (int t = 0, more = 0; t < 1200 && more < AFTERWARDS; t++, nap(50)) {
        check_failures(l);
        ts_result *r = ts_query(admin, "SHOW INSTANCES");
        if (r->error != 0) fail_msg("the admin port: %u %s", r->error, r->message);
        for (size_t i = 0; i < r->nrows && found == 0; i++) {
            const char *pid = ts_cell(r, i, "pid");
            if (pid != NULL && !known(l, atoi(pid), before)) found = atoi(pid);
        }
        ts_result_free(r);
        more += found != 0;
    }
    if (found == 0) fail_msg("no new process within 60 s");
    return found;
}

/* The replaced ones end by themselves, without anything to complain of. */
static void wait_ends(load *l)
{
    for (int i = 0; i < UPGRADES; i++) {
        int status = -1;
        pid_t got = 0;
        for (int t = 0; t < 1200 && got == 0; t++, nap(50)) got = waitpid(l->processes[i], &status, WNOHANG);
        if (got != l->processes[i]) fail_msg("process %d of the replaced ones does not end", i);
        if (status != 0) fail_msg("process %d of the replaced ones ended with status %#x", i, status);
    }
}

static void check_rows(load *l, ts_conn *direct)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (l->clients[i].way == ADMIN) continue;
        assert_int_equal(ts_int(direct, "SELECT COUNT(*) FROM transactions WHERE account_id = %u", 1000 + i),
                         atomic_load(&l->clients[i].done));
    }
    assert_int_equal(ts_int(direct,
                            "SELECT COUNT(*) FROM transactions WHERE NOT (BINARY transaction_type <=> "
                            "BINARY payment_method)"),
                     0);
}

/* A successor that cannot serve changes nothing. */
static void check_unfit(load *l, const ts_proxy *p)
{
    char from[192], to[192], line[512];
    int status = -1;
    snprintf(from, sizeof from, "%s/straddle.yaml", p->dir);
    snprintf(to, sizeof to, "%s/unfit.yaml", p->dir);
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    assert_true(in != NULL && out != NULL);
    while (fgets(line, sizeof line, in) != NULL)
        fputs(strncmp(line, "backend:", 8) == 0
                  ? "backend: {address: \"127.0.0.1:1\", user: straddle, password: straddle}\n"
                  : line,
              out);
    fclose(in), fclose(out);
    chmod(to, 0644);
    pid_t pid = ts_proxy_successor(p, "unfit.yaml");
    for (int t = 0; t < 1200 && waitpid(pid, &status, WNOHANG) == 0; t++) nap(50);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    unlink(to);
    wait_progress(l);
}

static void check(const ts_server *s)
{
    load *l = calloc(1, sizeof *l);
    assert_non_null(l);
    shop *f = &l->shop;
    f->server = s;
    ts_forget_migrations(s);
    shop_create(s);
    ts_proxy_start_with(&f->proxy, s,
                        &(ts_setup){.extra = "takeover: {socket: control}",
                                    .listeners = "  - {address: DIR/app.sock}\n",
                                    .uid = geteuid() == 0 ? NOBODY : 0});
    ts_proxy *p = &f->proxy;
    f->admin = ts_proxy_admin(p), f->direct = ts_root(s, "t_mig");
    shop_fill(f->direct, 0);
    shop_apply(f, NULL);
    ts_go(f->admin, M, "dual_write");
    ts_close(f->admin);
    start_clients(l, p);
    wait_progress(l);
    check_unfit(l, p);
    l->processes[0] = p->pid;
    for (int i = 0; i < UPGRADES; i++) {
        ts_conn *admin = ts_proxy_admin(p);
        if (i == 0)
            (void)ts_proxy_successor(p, "straddle.yaml");
        else
            kill(l->processes[i], SIGUSR2);
        l->processes[i + 1] = p->pid = wait_successor(l, admin, i + 1);
        ts_close(admin);
        started[nstarted++] = p->pid;
        wait_progress(l);
    }
    stop_clients(l);
    wait_ends(l);
    check_rows(l, f->direct);
    f->admin = ts_proxy_admin(p);
    shop_end(f);
    nstarted = 0; /* all have been waited for */
    free(l);
}

static void test_mysql(void **state)
{
    (void)state;
    check(ts_mysql());
}

static void test_mariadb(void **state)
{
    (void)state;
    check(ts_mariadb());
}

/* --- one that asks for the sockets by hand --- */

static int ask(const ts_proxy *p)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct timeval most = {.tv_sec = 60};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%.90s/control", p->dir);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* Whatever descriptors come with the messages are closed by the kernel, as there is no room for them. */
static void take_all(int fd)
{
    static const char hello[] = "straddle-takeover 1";
    char text[256] = "";
    assert_int_equal(send(fd, hello, strlen(hello), 0), strlen(hello));
    for (int i = 0; i < 100 && strcmp(text, "end") != 0; i++) {
        ssize_t n = recv(fd, text, sizeof text - 1, 0);
        assert_true(n > 0);
        text[n] = '\0';
    }
    assert_string_equal(text, "end");
}

static bool log_has(const ts_proxy *p, const char *part)
{
    char path[192], line[1024];
    bool found = false;
    snprintf(path, sizeof path, "%s/log", p->dir);
    FILE *f = fopen(path, "r");
    while (f != NULL && !found && fgets(line, sizeof line, f) != NULL) found = strstr(line, part) != NULL;
    if (f != NULL) fclose(f);
    return found;
}

static bool is_there(const ts_proxy *p, const char *file)
{
    char path[192];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", p->dir, file);
    return lstat(path, &st) == 0;
}

/* One that stops after it has given its sockets away leaves their paths alone; where the other one is gone by
 * then, it removes them. One that only connects is in nobody's way for long. */
static void test_by_hand(void **state)
{
    (void)state;
    ts_proxy p;
    char text[16] = "";
    ts_forget_migrations(ts_mysql());
    ts_proxy_start_with(
        &p, ts_mysql(),
        &(ts_setup){.extra = "takeover: {socket: control}", .listeners = "  - {address: DIR/app.sock}\n"});
    int fd = ask(&p);
    take_all(fd);
    assert_int_equal(ts_proxy_stop(&p, SIGTERM), 0);
    assert_true(is_there(&p, "app.sock") && is_there(&p, "control"));
    close(fd);
    ts_proxy_restart(&p);
    fd = ask(&p);
    assert_true(recv(fd, text, sizeof text - 1, 0) == 4); /* it says nothing, and waits */
    assert_string_equal(text, "late");
    assert_int_equal(recv(fd, text, sizeof text, 0), 0);
    close(fd);
    assert_true(log_has(&p, "did not ask for the sockets"));
    fd = ask(&p);
    take_all(fd);
    close(fd);
    for (int t = 0; t < 1200 && !log_has(&p, "ended before it had taken over"); t++) nap(50);
    assert_int_equal(ts_proxy_stop(&p, SIGTERM), 0);
    assert_false(is_there(&p, "app.sock") || is_there(&p, "control"));
    ts_proxy_restart(&p);
    ts_proxy_end(&p);
}

/* Where none runs, it says so. */
static void test_nobody_there(void **state)
{
    (void)state;
    ts_output o;
    char dir[] = "/tmp/straddle-takeover-XXXXXX", path[80];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/c.yaml", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("listeners: [{address: 127.0.0.1:1}]\nadmin: {address: 127.0.0.1:2, users: [{name: a, password: "
          "b}]}\nbackend: {address: 127.0.0.1:3, user: s, password: s}\ntakeover: {socket: nobody}\n",
          f);
    fclose(f);
    ts_straddle(&o, NULL, "serve", "-c", path, "--takeover", NULL);
    assert_int_equal(o.status, 1);
    if (strstr(o.err, "no straddle can be reached") == NULL) fail_msg("%s", o.err);
    unlink(path);
    snprintf(path, sizeof path, "%s/straddle-tls.pem", dir);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    atexit(end_started);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* what a proxy has started is waited for here */
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mysql), cmocka_unit_test(test_mariadb),
                                       cmocka_unit_test(test_by_hand), cmocka_unit_test(test_nobody_there)};
    return cmocka_run_group_tests_name("faults.takeover", tests, NULL, NULL);
}
