/* `straddle serve`: makes the parts, joins them, and takes them down in the right order.
 *
 * Order: engine (first ruleset) → loops → admin port and signals, on this thread. At SIGTERM, SIGINT or
 * SHUTDOWN: loops drain → admin closes → engine stops → loops end. A second signal ends the waiting. */
#include "cmd_serve.h"

#include "admin_server.h"
#include "loop.h"
#include "options.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { POLL_MS = 50 };

typedef struct server {
    px_app app;
    uv_loop_t uv; /* of this thread */
    px_admin *admin;
    uv_signal_t signals[3];
    uv_async_t stop;
    uv_timer_t drain;
    uv_work_t reload;
    uint64_t drain_until;
    bool stopping, reloading, reload_again, admin_closed, drain_over;
    int log_fd;
} server;

static void request_stop(px_app *app)
{
    server *sv = app->stop_arg;
    uv_async_send(&sv->stop);
}

static void close_handles(server *sv)
{
    for (int i = 0; i < 3; i++)
        if (!uv_is_closing((uv_handle_t *)&sv->signals[i])) uv_close((uv_handle_t *)&sv->signals[i], NULL);
    if (!uv_is_closing((uv_handle_t *)&sv->stop)) uv_close((uv_handle_t *)&sv->stop, NULL);
    if (!uv_is_closing((uv_handle_t *)&sv->drain)) uv_close((uv_handle_t *)&sv->drain, NULL);
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

static void on_drain_poll(uv_timer_t *t)
{
    server *sv = t->data;
    unsigned left = atomic_load(&sv->app.sessions);
    if (left > 0 && uv_now(&sv->uv) < sv->drain_until) return;
    if (left > 0)
        b_logf(&sv->app.log, B_WARN, "proxy", "%u sessions did not end in drain_timeout_ms and are closed",
               left);
    each_loop(sv, px_loop_drop, NULL);
    uv_timer_stop(t);
    sv->drain_over = true;
    maybe_end(sv);
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
    each_loop(sv, px_loop_drain, NULL);
    sv->drain_until = uv_now(&sv->uv) + ms;
    uv_timer_start(&sv->drain, on_drain_poll, POLL_MS, POLL_MS);
    px_admin_close(sv->admin, on_admin_closed, sv);
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

static void on_signal(uv_signal_t *h, int number)
{
    server *sv = h->data;
    if (number != SIGHUP) {
        begin_stop(sv);
        return;
    }
    begin_reload(sv);
}

static b_status watch_signals(server *sv, b_err *err)
{
    static const int numbers[] = {SIGHUP, SIGTERM, SIGINT};
    bool ok = uv_async_init(&sv->uv, &sv->stop, on_stop) == 0 && uv_timer_init(&sv->uv, &sv->drain) == 0;
    sv->stop.data = sv->drain.data = sv;
    for (int i = 0; i < 3 && ok; i++) {
        ok = uv_signal_init(&sv->uv, &sv->signals[i]) == 0 &&
             uv_signal_start(&sv->signals[i], on_signal, numbers[i]) == 0;
        sv->signals[i].data = sv;
    }
    return ok ? B_OK : b_fail(err, B_IO, "signals cannot be watched");
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

/* All sockets are bound before any loop runs. The loops are counted in app.nloops once they run. */
static b_status start_loops(server *sv, b_err *err)
{
    px_app *app = &sv->app;
    unsigned n = app->config->c->threads;
    b_status st = B_OK;
    for (unsigned i = 0; i < n && st == B_OK; i++) st = px_loop_new(app, i, &app->loops[i], err);
    for (unsigned i = 0; i < n && st == B_OK; i++) st = px_loop_start(app->loops[i], err);
    return st;
}

static b_status open_log(server *sv, b_err *err)
{
    const char *file = sv->app.config->c->log_file;
    sv->log_fd = -1;
    if (file == NULL) return B_OK;
    sv->log_fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (sv->log_fd < 0)
        return b_fail(err, B_IO,
                      "log.file %s cannot be opened; see that its folder exists and may be written to", file);
    sv->app.log.fd = sv->log_fd;
    return B_OK;
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
    st = start_engine(sv, err);
    if (st == B_OK) st = start_loops(sv, err);
    if (st != B_OK) return st;
    app->nloops = app->config->c->threads;
    each_loop(sv, px_loop_take_rules, NULL); /* what was published meanwhile */
    st = watch_signals(sv, err);
    if (st == B_OK) st = px_admin_new(app, &sv->uv, &sv->admin, err);
    return st;
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
    free(app->loops);
    uv_loop_close(&sv->uv);
    if (sv->log_fd >= 0) close(sv->log_fd);
    px_app_deinit(app);
}

static int serve(px_config *config)
{
    server sv = {.log_fd = -1};
    b_err err = {.code = B_OK};
    if (px_app_init(&sv.app, config) != B_OK || uv_loop_init(&sv.uv) != 0) {
        fputs("straddle: out of memory or of file descriptors at start\n", stderr);
        return PX_EXIT_FAILED;
    }
    b_status st = start(&sv, &err);
    if (st == B_OK) {
        b_logf(&sv.app.log, B_INFO, "proxy",
               "straddle %s serves on %zu listeners with %u threads, admin on %s", STRADDLE_VERSION,
               config->c->nlisteners, config->c->threads, config->c->admin.text);
        uv_run(&sv.uv, UV_RUN_DEFAULT);
        b_logf(&sv.app.log, B_INFO, "proxy", "stopped");
    } else {
        fprintf(stderr, "straddle: %s\n", err.msg);
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
    setenv("UV_THREADPOOL_SIZE", "16", 0); /* admin commands that wait for a phase change each take one */
    px_config *config = px_config_load(o.config, NULL, true, &diag);
    if (diag.n > 0) fputs(b_buf_cstr(&diag), stderr);
    b_buf_deinit(&diag);
    return config == NULL ? PX_EXIT_USAGE : serve(config);
}
