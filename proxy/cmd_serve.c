/* `straddle serve`: makes the parts, joins them, and takes them down in the right order.
 *
 * Order: signals → engine (first ruleset) → sockets of loops, admin port and takeover → loops run, so one
 * that cannot serve has taken no connection. SIGTERM and SIGINT end it at once until its sockets are there.
 * At SIGTERM, SIGINT or SHUTDOWN: loops drain → admin closes → engine stops → loops end. A second signal ends
 * the waiting.
 *
 * Once another process has taken over (takeover.h) this one listens no more and waits until its sessions have
 * ended by themselves, at most takeover_drain_ms; then, or at a signal, it stops as above. SIGUSR2 starts
 * that other process: the same command with --takeover, so whatever program is at that path by then. */
#include "cmd_serve.h"

#include "admin_server.h"
#include "loop.h"
#include "notify.h"
#include "options.h"
#include "session.h"
#include "takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_FLAGS (O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC)
enum { POLL_MS = 50, SIGNALS = 4, EARLY_SIGNALS = 2, LOG_MODE = 0640, PATIENCE_MS = 120000 };

typedef struct server {
    px_app app;
    uv_loop_t uv; /* of this thread */
    px_admin *admin;
    uv_signal_t signals[SIGNALS];
    px_takeover *takeover; /* NULL: none is asked for */
    uv_process_t successor;
    const px_options *options;
    uv_async_t stop;
    uv_timer_t drain, patience; /* patience: for the successor to come to serving */
    uv_work_t reload;
    uint64_t drain_until, replaced_until;
    bool replaced, starting; /* another process has taken over; is being started */
    bool stopping, reloading, reload_again, admin_closed, drain_over;
    int log_fd;
} server;

static void request_stop(px_app *app)
{
    server *sv = app->stop_arg;
    uv_async_send(&sv->stop);
}

static void on_successor_closed(uv_handle_t *h)
{
    server *sv = h->data;
    sv->starting = false;
}

static void close_handle(void *handle)
{
    uv_handle_t *h = handle; /* data is set once it is open */
    if (h->data != NULL && !uv_is_closing(h)) uv_close(h, NULL);
}

static void close_handles(server *sv)
{
    uv_handle_t *successor = (uv_handle_t *)&sv->successor;
    if (sv->starting && !uv_is_closing(successor)) uv_close(successor, on_successor_closed);
    for (int i = 0; i < SIGNALS; i++) close_handle(&sv->signals[i]);
    close_handle(&sv->stop);
    close_handle(&sv->drain);
    close_handle(&sv->patience);
}

static void each_loop(server *sv, void (*fn)(px_loop *loop, void *arg), void *arg)
{
    for (unsigned i = 0; i < sv->app.nloops; i++) px_loop_call(sv->app.loops[i], fn, arg);
}

static void maybe_end(server *sv)
{
    if (sv->admin_closed && sv->drain_over) close_handles(sv);
}

static void on_admin_closed(void *arg)
{
    server *sv = arg;
    sv->admin_closed = true;
    maybe_end(sv);
}

static void begin_stop(server *sv);

static void on_drain_poll(uv_timer_t *t)
{
    server *sv = t->data;
    if (!sv->stopping) { /* replaced: sessions end by themselves */
        bool left_all = atomic_load(&sv->app.sessions) == 0 && px_admin_left(sv->admin);
        if (left_all || uv_now(&sv->uv) >= sv->replaced_until) begin_stop(sv);
        return;
    }
    bool due = uv_now(&sv->uv) >= sv->drain_until;
    if (due && !sv->admin_closed) px_admin_drop(sv->admin);
    unsigned left = atomic_load(&sv->app.sessions);
    if (sv->drain_over || (left > 0 && !due)) return;
    if (left > 0)
        b_logf(&sv->app.log, B_WARN, "proxy", "%u sessions did not end in drain_timeout_ms and are closed",
               left);
    each_loop(sv, px_loop_drop, (char *)(uintptr_t)PX_STOPPING);
    sv->drain_over = true;
    maybe_end(sv);
}

/* The loops listen no more. The sockets of one that was replaced, or is about to be, are another one's. */
static void let_go_of_sockets(server *sv)
{
    bool another = sv->replaced || px_takeover_given(sv->takeover);
    px_takeover_close(sv->takeover);
    sv->takeover = NULL;
    px_sockets_close(&sv->app.sockets, !another);
}

static void begin_stop(server *sv)
{
    if (sv->stopping) {
        sv->drain_until = 0; /* asked twice: do not wait */
        return;
    }
    sv->stopping = true;
    px_config *config = px_app_config(&sv->app);
    uint32_t ms = config->c->drain_timeout_ms;
    px_config_unref(config);
    b_logf(&sv->app.log, B_INFO, "proxy",
           "stopping: no new connections; statements and transactions have %u ms to end", (unsigned)ms);
    if (!sv->replaced) px_notify("STOPPING=1");
    each_loop(sv, px_loop_drain, NULL);
    sv->drain_until = uv_now(&sv->uv) + ms;
    uv_timer_start(&sv->drain, on_drain_poll, POLL_MS, POLL_MS);
    px_admin_close(sv->admin, on_admin_closed, sv);
    let_go_of_sockets(sv);
}

/* Another process serves at the same sockets. */
static void on_replaced(void *arg, int pid)
{
    server *sv = arg;
    if (sv->stopping || sv->replaced) return;
    px_config *config = px_app_config(&sv->app);
    sv->replaced = true;
    sv->replaced_until = uv_now(&sv->uv) + config->c->takeover_drain_ms;
    b_logf(&sv->app.log, B_INFO, "proxy",
           "pid=%d has taken over; the %u sessions of this process have %u ms to end by themselves", pid,
           atomic_load(&sv->app.sessions), (unsigned)config->c->takeover_drain_ms);
    px_config_unref(config);
    each_loop(sv, px_loop_deafen, NULL);
    px_admin_retire(sv->admin);
    let_go_of_sockets(sv);
    uv_timer_start(&sv->drain, on_drain_poll, POLL_MS, POLL_MS);
}

static void on_stop(uv_async_t *a)
{
    begin_stop(a->data);
}

static void run_reload(uv_work_t *w)
{
    server *sv = w->data;
    b_err err;
    if (px_app_reload(&sv->app, &err) == B_OK)
        b_logf(&sv->app.log, B_INFO, "proxy", "the configuration was read again and is in force");
    else
        b_logf(&sv->app.log, B_ERROR, "proxy", "reload failed: %s", err.msg);
}

static void on_reloaded(uv_work_t *w, int status);

static void begin_reload(server *sv)
{
    sv->reload_again = sv->reloading; /* the file may have changed since it was read */
    if (sv->reloading || sv->stopping) return;
    sv->reload.data = sv;
    sv->reloading = uv_queue_work(&sv->uv, &sv->reload, run_reload, on_reloaded) == 0;
}

static void on_reloaded(uv_work_t *w, int status)
{
    (void)status;
    server *sv = w->data;
    sv->reloading = false;
    if (sv->reload_again) begin_reload(sv);
}

static void on_successor_exit(uv_process_t *p, int64_t status, int signal)
{
    server *sv = p->data;
    b_logf(&sv->app.log, B_ERROR, "proxy",
           "the process that was to take over has ended: status %d, signal %d", (int)status, signal);
    uv_timer_stop(&sv->patience);
    uv_close((uv_handle_t *)p, on_successor_closed);
}

/* So that another one can be started. */
static void on_patience_over(uv_timer_t *t)
{
    server *sv = t->data;
    if (!sv->starting || sv->replaced || sv->stopping) return;
    b_logf(&sv->app.log, B_WARN, "proxy", "pid=%d has not taken over within %d s and is ended",
           (int)sv->successor.pid, PATIENCE_MS / 1000);
    uv_process_kill(&sv->successor, SIGKILL);
}

/* The program is looked for as it was for this process, so an upgraded one is found. */
static void start_successor(server *sv)
{
    static char serve_word[] = "serve", c_word[] = "-c", takeover_word[] = "--takeover";
    char *args[] = {program_invocation_name, serve_word, c_word, sv->options->config, takeover_word, NULL};
    uv_stdio_container_t io[3];
    for (int i = 0; i < 3; i++) io[i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = i};
    uv_process_options_t o = {.exit_cb = on_successor_exit,
                              .file = args[0],
                              .args = args,
                              .flags = UV_PROCESS_DETACHED,
                              .stdio_count = 3,
                              .stdio = io};
    if (sv->takeover == NULL || sv->starting) {
        b_logf(&sv->app.log, B_WARN, "proxy", "SIGUSR2 does nothing: %s",
               sv->starting ? "a process is being started already" : "takeover.socket is not set");
        return;
    }
    sv->starting = true;
    sv->successor.data = sv;
    int rc = uv_spawn(&sv->uv, &sv->successor, &o);
    if (rc != 0) {
        on_successor_exit(&sv->successor, rc, 0);
        return;
    }
    uv_unref((uv_handle_t *)&sv->successor);
    uv_timer_start(&sv->patience, on_patience_over, PATIENCE_MS, 0);
    b_logf(&sv->app.log, B_INFO, "proxy", "pid=%d was started, to take over", (int)sv->successor.pid);
}

/* For programs that move log files away: the one of that name is opened anew. */
static void reopen_log(server *sv)
{
    if (sv->log_fd < 0) return;
    px_config *config = px_app_config(&sv->app); /* a reload may be about to replace it */
    int fd = open(config->c->log_file, LOG_FLAGS, LOG_MODE);
    px_config_unref(config);
    if (fd < 0 || dup3(fd, sv->log_fd, O_CLOEXEC) < 0)
        b_logf(&sv->app.log, B_WARN, "proxy", "log.file cannot be opened again: %s", strerror(errno));
    if (fd >= 0) close(fd);
}

static void on_signal(uv_signal_t *h, int number)
{
    server *sv = h->data;
    if (number == SIGUSR2) {
        start_successor(sv);
    } else if (number != SIGHUP) {
        begin_stop(sv);
    } else {
        reopen_log(sv);
        begin_reload(sv);
    }
}

/* They are acted on once this thread's loop runs. */
static b_status watch_signals(server *sv, int from, int upto, b_err *err)
{
    static const int numbers[SIGNALS] = {SIGHUP, SIGUSR2, SIGTERM, SIGINT};
    bool ok = true;
    for (int i = from; i < upto && ok; i++) {
        ok = uv_signal_init(&sv->uv, &sv->signals[i]) == 0;
        if (ok) sv->signals[i].data = sv;
        ok = ok && uv_signal_start(&sv->signals[i], on_signal, numbers[i]) == 0;
    }
    return ok ? B_OK : b_fail(err, B_IO, "signals cannot be watched");
}

static b_status open_handles(server *sv, b_err *err)
{
    if (uv_async_init(&sv->uv, &sv->stop, on_stop) != 0)
        return b_fail(err, B_IO, "an event loop cannot be made; see the limit of open files (ulimit -n)");
    sv->stop.data = sv;
    uv_timer_init(&sv->uv, &sv->drain);
    uv_timer_init(&sv->uv, &sv->patience);
    sv->drain.data = sv->patience.data = sv;
    return watch_signals(sv, 0, EARLY_SIGNALS, err);
}

static b_status start_engine(server *sv, b_err *err)
{
    px_app *app = &sv->app;
    mig_host mh = px_mig_host(app);
    adm_host ah = px_adm_host(app);
    app->engine = mig_engine_new(app->config->c, &mh, &app->log, err);
    if (app->engine == NULL) return err->code == B_OK ? B_NOMEM : err->code;
    b_status st = mig_engine_start(app->engine, err);
    if (st != B_OK) return st;
    app->console = adm_console_new(&ah, app->engine, &app->log);
    return app->console != NULL ? B_OK : b_fail(err, B_NOMEM, "out of memory while making the admin console");
}

static b_status open_sockets(server *sv, b_err *err)
{
    px_app *app = &sv->app;
    const cfg_config *c = app->config->c;
    b_status st = B_OK;
    for (unsigned i = 0; i < c->threads && st == B_OK; i++) st = px_loop_new(app, i, &app->loops[i], err);
    if (st == B_OK) st = px_admin_new(app, &sv->uv, &sv->admin, err);
    if (st == B_OK && c->takeover_socket != NULL)
        st = px_takeover_new(&app->sockets, &sv->uv, &app->log, c->takeover_socket, on_replaced, sv,
                             &sv->takeover, err);
    return st == B_OK ? watch_signals(sv, EARLY_SIGNALS, SIGNALS, err) : st;
}

/* The loops are counted in app.nloops once they run. */
static b_status start_loops(server *sv, b_err *err)
{
    px_app *app = &sv->app;
    unsigned n = app->config->c->threads;
    b_status st = B_OK;
    for (unsigned i = 0; i < n && st == B_OK; i++) st = px_loop_start(app->loops[i], err);
    if (st == B_OK) app->nloops = n;
    if (st == B_OK) each_loop(sv, px_loop_take_rules, NULL); /* what was published meanwhile */
    return st;
}

static b_status open_log(server *sv, b_err *err)
{
    const char *file = sv->app.config->c->log_file;
    sv->log_fd = -1;
    if (file == NULL) return B_OK;
    sv->log_fd = open(file, LOG_FLAGS, LOG_MODE);
    if (sv->log_fd < 0)
        return b_fail(err, B_IO,
                      "log.file %s cannot be opened; see that its folder exists and may be written to", file);
    sv->app.log.fd = sv->log_fd;
    return B_OK;
}

static b_status ask_for_sockets(server *sv, int *old, b_err *err)
{
    const char *path = sv->app.config->c->takeover_socket;
    if (path == NULL)
        return b_fail(err, B_INVALID,
                      "--takeover needs takeover.socket in the configuration, of the process that runs, too");
    return px_takeover_ask(path, &sv->app.sockets, old, err);
}

static b_status start(server *sv, b_err *err)
{
    px_app *app = &sv->app;
    app->stop = request_stop;
    app->stop_arg = sv;
    b_status st = open_log(sv, err);
    if (st != B_OK) return st;
    app->loops = calloc(app->config->c->threads, sizeof(px_loop *));
    if (app->loops == NULL) return b_fail(err, B_NOMEM, "out of memory");
    int old = -1; /* the process whose place is taken */
    st = open_handles(sv, err);
    if (st == B_OK && sv->options->takeover) st = ask_for_sockets(sv, &old, err);
    if (st == B_OK) st = start_engine(sv, err);
    if (st == B_OK) st = open_sockets(sv, err);
    if (st == B_OK) st = px_takeover_wanted(old, err);
    if (st == B_OK) st = start_loops(sv, err);
    if (st != B_OK) return st;
    px_sockets_close_unclaimed(&app->sockets, &app->log);
    px_takeover_ready(old);
    return B_OK;
}

/* Of one that did not come to serving. */
static void close_unserved(server *sv)
{
    px_takeover_close(sv->takeover);
    if (sv->admin != NULL) px_admin_close(sv->admin, on_admin_closed, sv);
    close_handles(sv);
    uv_run(&sv->uv, UV_RUN_DEFAULT);
}

static void stop(server *sv)
{
    px_app *app = &sv->app;
    if (app->engine != NULL) mig_engine_stop(app->engine);
    unsigned n = app->config->c->threads;
    for (unsigned i = 0; app->loops != NULL && i < n; i++) px_loop_free(app->loops[i]);
    app->nloops = 0;
    adm_console_free(app->console);
    if (app->engine != NULL) mig_engine_free(app->engine);
    px_admin_free(sv->admin);
    px_sockets_close(&app->sockets, !sv->options->takeover); /* where it did not come to serving */
    free(app->loops);
    uv_loop_close(&sv->uv);
    if (sv->log_fd >= 0) close(sv->log_fd);
    px_app_deinit(app);
}

static void say_ready(server *sv)
{
    const cfg_config *c = sv->app.config->c;
    char state[64];
    b_logf(&sv->app.log, B_INFO, "proxy", "straddle %s serves on %zu listeners with %u threads, admin on %s",
           STRADDLE_VERSION, c->nlisteners, c->threads, c->admin.text);
    if (sv->app.files_for < c->max_connections)
        b_logf(
            &sv->app.log, B_WARN, "proxy",
            "the limit of open files has room for %u sessions, limits.max_connections asks for %u; raise it "
            "(ulimit -n, LimitNOFILE)",
            sv->app.files_for, c->max_connections);
    snprintf(state, sizeof state, "READY=1\nMAINPID=%d", (int)getpid());
    px_notify(state);
}

static int serve(px_config *config, const px_options *options)
{
    server sv = {.log_fd = -1, .options = options};
    b_err err = {.code = B_OK};
    if (px_app_init(&sv.app, config) != B_OK || uv_loop_init(&sv.uv) != 0) {
        fputs("straddle: out of memory or of file descriptors at start\n", stderr);
        return PX_EXIT_FAILED;
    }
    b_status st = start(&sv, &err);
    if (st == B_OK) {
        say_ready(&sv);
        uv_run(&sv.uv, UV_RUN_DEFAULT);
        b_logf(&sv.app.log, B_INFO, "proxy", "stopped");
    } else {
        fprintf(stderr, "straddle: %s\n", err.msg);
        close_unserved(&sv);
    }
    stop(&sv);
    return st == B_OK ? PX_EXIT_OK : PX_EXIT_FAILED;
}

int px_cmd_serve(int argc, char **argv)
{
    px_options o;
    if (!px_options_read(argc, argv, "serve", &o)) return PX_EXIT_USAGE;
    b_buf diag = {0};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);              /* a log that may not grow is no reason to end */
    setenv("UV_THREADPOOL_SIZE", "16", 0); /* admin commands that wait for a phase change each take one */
    px_config *config = px_config_load(o.config, NULL, true, &diag);
    if (diag.n > 0) fputs(b_buf_cstr(&diag), stderr);
    b_buf_deinit(&diag);
    return config == NULL ? PX_EXIT_USAGE : serve(config, &o);
}
