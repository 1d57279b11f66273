#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void nap(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, (ms % 1000) * 1000000}, NULL);
}

static bool is_free(unsigned port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0) close(fd);
    return ok;
}

/* Below the range from which the system takes ports for outgoing connections, so that none of those is in the
 * way a moment later; and none twice. */
unsigned ts_free_port(void)
{
    enum { FIRST = 20000, COUNT = 12000 };
    static unsigned at;
    if (at == 0) at = (unsigned)getpid() * 61u % COUNT;
    for (unsigned i = 0; i < COUNT; i++) {
        at = (at + 1) % COUNT;
        if (is_free(FIRST + at)) return FIRST + at;
    }
    ts_die("no free port from %d on", FIRST);
}

static void write_config(const ts_proxy *p)
{
    char path[192];
    snprintf(path, sizeof path, "%s/straddle.yaml", p->dir);
    FILE *f = fopen(path, "w");
    if (f == NULL) ts_die("%s: %s", path, strerror(errno));
    fprintf(f,
            "listeners:\n"
            "  - {address: 127.0.0.1:%u, schema_version: both}\n"
            "  - {address: 127.0.0.1:%u, schema_version: old}\n"
            "  - {address: 127.0.0.1:%u, schema_version: new}\n"
            "%s"
            "admin:\n"
            "  address: 127.0.0.1:%u\n"
            "  users: [{name: admin, password: admin, role: operator}, {name: reader, password: reader, "
            "role: read_only}]\n"
            "backend: {address: \"%s\", user: straddle, password: straddle%s%s}\n"
            "threads: 2\n"
            "%s\n",
            p->port_both, p->port_old, p->port_new, p->listeners, p->port_admin, p->backend_address,
            p->backend_keys[0] == '\0' ? "" : ", ", p->backend_keys, p->extra);
    fclose(f);
    if (p->uid != 0 && chown(path, p->uid, p->uid) != 0) ts_die("chown: %s", strerror(errno));
}

static void show_log(const ts_proxy *p)
{
    char line[1024];
    snprintf(line, sizeof line, "%s/log", p->dir);
    FILE *f = fopen(line, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) fputs(line, stderr);
    if (f != NULL) fclose(f);
}

static bool answers(unsigned port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0) close(fd);
    return ok;
}

static pid_t spawn(const ts_proxy *p, const char *name, const char *option)
{
    char config[192], log[192];
    snprintf(config, sizeof config, "%s/%s", p->dir, name);
    snprintf(log, sizeof log, "%s/log", p->dir);
    pid_t pid = fork();
    if (pid < 0) ts_die("fork: %s", strerror(errno));
    if (pid > 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that ends early leaves nothing running */
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int program = open(STRADDLE_BIN, O_RDONLY | O_CLOEXEC);
    dup2(fd, 1);
    dup2(fd, 2);
    for (int other = 3; other < 1024; other++) /* above all, the test's own connections */
        if (other != program) close(other);
    if (p->uid != 0 && (setgid(p->uid) != 0 || setuid(p->uid) != 0)) _exit(126);
    if (p->child != NULL) p->child();
    static char straddle[] = STRADDLE_BIN, serve[] = "serve", c[] = "-c";
    char last[32];
    snprintf(last, sizeof last, "%s", option == NULL ? "" : option);
    char *argv[] = {straddle, serve, c, config, option == NULL ? NULL : last, NULL};
    fexecve(program, argv, environ); /* the folders to it may be closed to that user */
    _exit(127);
}

pid_t ts_proxy_successor(const ts_proxy *p, const char *config)
{
    return spawn(p, config, "--takeover");
}

void ts_proxy_restart(ts_proxy *p)
{
    p->pid = spawn(p, "straddle.yaml", NULL);
    for (int i = 0; i < 600; i++) {
        int status;
        if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
            show_log(p);
            ts_die("straddle ended while starting, status %#x", status);
        }
        if (answers(p->port_both) && answers(p->port_admin)) return;
        nap(50);
    }
    show_log(p);
    ts_die("straddle did not come up within 30 s");
}

void ts_proxy_start(ts_proxy *p, const ts_server *backend, const char *extra)
{
    ts_proxy_start_with(p, backend, &(ts_setup){.extra = extra});
}

static void put_dir(const char *from, const char *dir, char *to, size_t size)
{
    const char *at;
    size_t n = 0;
    while (from != NULL && (at = strstr(from, "DIR")) != NULL && n < size) {
        n += (size_t)snprintf(to + n, size - n, "%.*s%s", (int)(at - from), from, dir);
        from = at + 3;
    }
    if (n < size) snprintf(to + n, size - n, "%s", from == NULL ? "" : from);
}

void ts_proxy_start_with(ts_proxy *p, const ts_server *backend, const ts_setup *setup)
{
    *p = (ts_proxy){.backend = backend};
    snprintf(p->extra, sizeof p->extra, "%s", setup->extra == NULL ? "" : setup->extra);
    snprintf(p->backend_keys, sizeof p->backend_keys, "%s",
             setup->backend_keys == NULL ? "" : setup->backend_keys);
    snprintf(p->backend_address, sizeof p->backend_address, "%s:%u", backend->host, backend->port);
    if (setup->backend_address != NULL)
        snprintf(p->backend_address, sizeof p->backend_address, "%s", setup->backend_address);
    snprintf(p->dir, sizeof p->dir, "/tmp/straddle-test-XXXXXX");
    if (mkdtemp(p->dir) == NULL) ts_die("mkdtemp: %s", strerror(errno));
    p->uid = setup->uid;
    p->child = setup->child;
    if (p->uid != 0 && chown(p->dir, p->uid, p->uid) != 0) ts_die("chown: %s", strerror(errno));
    put_dir(setup->listeners, p->dir, p->listeners, sizeof p->listeners);
    p->port_both = ts_free_port(), p->port_old = ts_free_port();
    p->port_new = ts_free_port(), p->port_admin = ts_free_port();
    write_config(p);
    ts_proxy_restart(p);
}

void ts_proxy_configure(ts_proxy *p, const char *extra)
{
    snprintf(p->extra, sizeof p->extra, "%s", extra);
    write_config(p);
}

bool ts_proxy_ends(ts_proxy *p, unsigned seconds, int *status)
{
    for (unsigned i = 0; i < seconds * 20; i++) {
        if (waitpid(p->pid, status, WNOHANG) == p->pid) {
            p->pid = 0;
            return true;
        }
        nap(50);
    }
    return false;
}

int ts_proxy_stop(ts_proxy *p, int sig)
{
    int status = 0;
    if (p->pid <= 0) return 0;
    kill(p->pid, SIGCONT);
    kill(p->pid, sig);
    if (ts_proxy_ends(p, 30, &status)) return status;
    kill(p->pid, SIGKILL);
    waitpid(p->pid, &status, 0);
    show_log(p);
    ts_die("straddle did not end within 30 s of signal %d", sig);
}

void ts_proxy_end(ts_proxy *p)
{
    int status = ts_proxy_stop(p, SIGTERM);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        show_log(p);
        ts_die("straddle ended with status %#x", status);
    }
    char path[192];
    static const char *const files[] = {"straddle.yaml", "log", "straddle-tls.pem"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", p->dir, files[i]);
        unlink(path);
    }
    rmdir(p->dir);
}

void ts_forget_migrations(const ts_server *s)
{
    ts_conn *c = ts_root(s, NULL);
    ts_do(c, "DROP DATABASE IF EXISTS straddle");
    ts_close(c);
}

ts_conn *ts_proxy_connect(const ts_proxy *p, unsigned port, const char *schema)
{
    (void)p;
    return ts_connect(
        &(ts_login){.host = "127.0.0.1", .port = port, .user = "root", .password = "", .schema = schema});
}

ts_conn *ts_proxy_admin(const ts_proxy *p)
{
    return ts_connect(
        &(ts_login){.host = "127.0.0.1", .port = p->port_admin, .user = "admin", .password = "admin"});
}

void ts_apply_rename(ts_conn *admin, const char *name, const char *table, const char *from, const char *to)
{
    ts_do(admin,
          "APPLY MIGRATION 'name: %s\ntable: %s\nstrategy: dual_write\ncolumns:\n  - {from: %s, to: "
          "%s}\nobserve_days: 0\n'",
          name, table, from, to);
}

static const char *const phases[] = {"planned", "expanded",   "dual_write", "switched",
                                     "retired", "contracted", "finished"};

static int phase_index(const char *name)
{
    for (int i = 0; i < 7; i++)
        if (strcmp(phases[i], name) == 0) return i;
    ts_die("no such phase: %s", name);
}

void ts_wait_backfill(ts_conn *admin, const char *name)
{
    char throttle[400] = "";
    for (int i = 0; i < 2400; i++) {
        ts_result *r = ts_query(admin, "SHOW MIGRATION %s", name);
        const char *state = r->nrows == 1 ? ts_cell(r, 0, "backfill") : NULL;
        if (r->nrows == 1) snprintf(throttle, sizeof throttle, "%s", ts_cell(r, 0, "throttle"));
        bool done = state != NULL && strcmp(state, "complete") == 0;
        if (r->error != 0) ts_die("SHOW MIGRATION %s: %u %s", name, r->error, r->message);
        ts_result_free(r);
        if (done) return;
        nap(50);
    }
    ts_die("the backfill of %s is not complete after 120 s; throttle: %s", name, throttle);
}

void ts_go(ts_conn *admin, const char *name, const char *phase)
{
    int want = phase_index(phase);
    for (int step = 0; step < 20; step++) {
        ts_result *r = ts_query(admin, "SHOW MIGRATION %s", name);
        const char *now = r->nrows == 1 ? ts_cell(r, 0, "phase") : NULL;
        if (now == NULL) ts_die("SHOW MIGRATION %s: %u %s", name, r->error, r->message);
        int at = phase_index(now);
        ts_result_free(r);
        if (at == want) return;
        if (at < want && (at == 2 || at == 3)) ts_wait_backfill(admin, name);
        if (at > want && at == 3) ts_wait_backfill(admin, name);
        ts_do(admin, at < want ? "ADVANCE MIGRATION %s" : "ROLLBACK MIGRATION %s", name);
    }
    ts_die("%s did not reach phase %s", name, phase);
}
