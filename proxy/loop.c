/* Event loops and their listening sockets. See loop.h. */
#include "loop.h"

#include "protocol/compress.h"
#include "session.h"
#include "spread.h"

#include <stdlib.h>

enum { SWEEP_TICKS = 20, USAGE_ENTRIES = 4096, REFUSAL_ENTRIES = 1024 };

typedef struct px_task {
    struct px_task *next;
    void (*fn)(px_loop *loop, void *arg);
    void *arg;
    uv_sem_t done;
} px_task;

/* --- calls from other threads --- */

static void run_tasks(px_loop *loop)
{
    uv_mutex_lock(&loop->lock);
    px_task *t = loop->tasks;
    loop->tasks = NULL;
    uv_mutex_unlock(&loop->lock);
    while (t != NULL) {
        px_task *next = t->next; /* t is gone once its caller is woken */
        t->fn(loop, t->arg);
        uv_sem_post(&t->done);
        t = next;
    }
}

/* Connections first: whoever asks this loop to drain means those that were on the way, too. */
static void on_wake(uv_async_t *a)
{
    px_spread_take(a->data);
    run_tasks(a->data);
}

bool px_loop_call(px_loop *loop, void (*fn)(px_loop *loop, void *arg), void *arg)
{
    px_task t = {.fn = fn, .arg = arg};
    if (uv_sem_init(&t.done, 0) != 0) return false;
    uv_mutex_lock(&loop->lock);
    bool closed = loop->closed;
    if (!closed) {
        px_task **at = &loop->tasks;
        while (*at != NULL) at = &(*at)->next;
        *at = &t;
        uv_async_send(&loop->wake);
    }
    uv_mutex_unlock(&loop->lock);
    if (!closed) uv_sem_wait(&t.done);
    uv_sem_destroy(&t.done);
    return !closed;
}

/* --- what is called that way --- */

void px_loop_take_rules(px_loop *loop, void *unused)
{
    (void)unused;
    rw_ruleset *next = px_app_rules(loop->app);
    if (loop->rules != NULL) rw_ruleset_unref(loop->rules);
    loop->rules = next;
    loop->epoch = next == NULL ? 0 : rw_ruleset_epoch(next);
    for (px_session *s = loop->sessions; s != NULL; s = s->next)
        if (s->state == PX_IDLE) px_session_take_rules(s); /* lets go of old rules soon */
    px_hold_release(loop);
}

void px_loop_deafen(px_loop *loop, void *unused)
{
    (void)unused;
    for (size_t i = 0; i < loop->nlisteners; i++) px_listen_close(&loop->listeners[i].on);
}

void px_loop_drain(px_loop *loop, void *unused)
{
    (void)unused;
    loop->draining = true;
    px_loop_deafen(loop, NULL);
    for (px_session *s = loop->sessions, *next; s != NULL; s = next) {
        next = s->next;
        bool idle = s->state < PX_HIDDEN || s->state == PX_ORPHAN || s->state == PX_IDLE;
        if (idle && !(s->backend.open && px_session_pinned(s))) px_session_end(s, PX_STOPPING);
    }
}

void px_loop_drop(px_loop *loop, void *why)
{
    for (px_session *s = loop->sessions, *next; s != NULL; s = next) {
        next = s->next;
        px_session_end(s, why);
    }
}

/* --- listening --- */

static void on_connection(px_listen *on, int fd)
{
    px_spread(on->arg, fd);
}

static b_status hear(px_loop *loop, const cfg_listener *c, int fd, b_err *err)
{
    px_listener *l = &loop->listeners[loop->nlisteners++];
    *l = (px_listener){.loop = loop, .index = (size_t)(c - loop->config->c->listeners)};
    l->on = (px_listen){.fd = fd,
                        .is_pipe = c->address.path != NULL,
                        .address = c->address.text,
                        .log = &loop->app->log,
                        .take = on_connection,
                        .arg = l};
    int rc = px_listen_start(&l->on, &loop->uv);
    if (rc == 0) return B_OK;
    return b_fail(err, B_IO, "cannot listen on %s: %s", c->address.text, uv_strerror(rc));
}

/* Sockets that were inherited are dealt out to the loops; a loop that gets none makes one. Those of the unix
 * kind, which cannot be spread, are the first loop's. */
static b_status listen_on(px_loop *loop, const cfg_listener *c, b_err *err)
{
    static const unsigned modes[] = {
        [CFG_SOCKET_ALL] = 0666, [CFG_SOCKET_GROUP] = 0660, [CFG_SOCKET_OWNER] = 0600};
    bool is_path = c->address.path != NULL, any = false;
    if (is_path && loop->index != 0) return B_OK;
    size_t step = is_path ? 1 : loop->config->c->threads;
    b_status st = B_OK;
    for (size_t i = loop->index; st == B_OK; i += step) {
        int fd = px_sockets_claim(&loop->app->sockets, &c->address, i);
        if (fd < 0) break;
        any = true;
        st = hear(loop, c, fd, err);
    }
    if (any || st != B_OK) return st;
    int fd;
    st = px_sockets_make(&loop->app->sockets, &c->address, SOCK_STREAM, modes[c->socket_mode], &fd, err);
    return st == B_OK ? hear(loop, c, fd, err) : st;
}

/* --- life --- */

static void on_tick(uv_timer_t *t)
{
    px_loop *loop = t->data;
    bool idle = loop->config->c->idle_timeout_ms > 0;
    uint64_t now = uv_now(&loop->uv);
    bool sweep = ++loop->ticks % SWEEP_TICKS == 0;
    px_hold_tick(loop, now);
    if (sweep) px_log_left_out(loop);
    if (loop->nlimited == 0 && !idle && !sweep) return;
    for (px_session *s = loop->sessions, *next; s != NULL; s = next) {
        next = s->next;
        if (idle) px_session_idle(s, now);
        if (sweep) px_session_rest(s, now);
        px_session_tick(s, now);
    }
}

static b_status make_parts(px_loop *loop, b_err *err)
{
    loop->config = px_app_config(loop->app);
    loop->listeners = calloc(loop->config->c->nlisteners + loop->app->sockets.n + 1, sizeof *loop->listeners);
    loop->cache = rw_cache_new(loop->config->c->plan_cache_entries);
    loop->codec = mp_codec_new();
    loop->rbuf = malloc(PX_READ_BUFFER);
    loop->plain = malloc(PX_READ_BUFFER);
    loop->usage = px_tally_new(USAGE_ENTRIES);
    loop->refusals = px_tally_new(REFUSAL_ENTRIES);
    loop->rule_hits = px_tally_new((size_t)2 * RW_REGEX_MAX_RULES);
    loop->latency = px_latency_new();
    bool ok = loop->listeners != NULL && loop->cache != NULL && loop->codec != NULL && loop->rbuf != NULL &&
              loop->plain != NULL && loop->usage != NULL && loop->refusals != NULL &&
              loop->rule_hits != NULL && loop->latency != NULL;
    if (!ok) return b_fail(err, B_NOMEM, "out of memory while making an event loop");
    px_loop_take_rules(loop, NULL);
    b_status st = B_OK;
    for (size_t i = 0; i < loop->config->c->nlisteners && st == B_OK; i++)
        st = listen_on(loop, &loop->config->c->listeners[i], err);
    return st;
}

b_status px_loop_new(px_app *app, unsigned index, px_loop **out, b_err *err)
{
    px_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) return b_fail(err, B_NOMEM, "out of memory while making an event loop");
    loop->app = app;
    loop->index = index;
    if (uv_loop_init(&loop->uv) != 0 || uv_mutex_init(&loop->lock) != 0 ||
        uv_async_init(&loop->uv, &loop->wake, on_wake) != 0 || uv_timer_init(&loop->uv, &loop->tick) != 0) {
        free(loop);
        return b_fail(err, B_IO, "an event loop cannot be made; see the limit of open files (ulimit -n)");
    }
    loop->wake.data = loop->tick.data = loop;
    *out = loop;
    uv_timer_start(&loop->tick, on_tick, PX_TICK_MS, PX_TICK_MS);
    return make_parts(loop, err);
}

static void loop_main(void *arg)
{
    px_loop *loop = arg;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

b_status px_loop_start(px_loop *loop, b_err *err)
{
    loop->started = uv_thread_create(&loop->thread, loop_main, loop) == 0;
    if (loop->started) return B_OK;
    return b_fail(err, B_IO, "a thread for an event loop cannot be started; see ulimit -u");
}

static void close_all(px_loop *loop, void *unused)
{
    (void)unused;
    uv_mutex_lock(&loop->lock);
    loop->closed = true;
    uv_mutex_unlock(&loop->lock);
    px_loop_deafen(loop, NULL);
    px_spread_discard(loop);
    for (px_session *s = loop->sessions, *next; s != NULL; s = next) {
        next = s->next;
        px_session_close(s);
    }
    uv_close((uv_handle_t *)&loop->tick, NULL);
    uv_close((uv_handle_t *)&loop->wake, NULL);
}

void px_loop_free(px_loop *loop)
{
    if (loop == NULL) return;
    if (loop->started) {
        px_loop_call(loop, close_all, NULL);
        uv_thread_join(&loop->thread);
    } else {
        close_all(loop, NULL);
        uv_run(&loop->uv, UV_RUN_DEFAULT);
    }
    run_tasks(loop); /* what came in while it closed */
    uv_loop_close(&loop->uv);
    uv_mutex_destroy(&loop->lock);
    px_config_unref(loop->config);
    if (loop->rules != NULL) rw_ruleset_unref(loop->rules);
    rw_cache_free(loop->cache);
    free(loop->listeners);
    free(loop->rbuf);
    mp_codec_free(loop->codec);
    free(loop->plain);
    b_buf_deinit(&loop->sealed);
    SSL_SESSION_free(loop->tls_session);
    b_buf_deinit(&loop->joined);
    px_tally_free(loop->usage);
    px_tally_free(loop->refusals);
    px_tally_free(loop->rule_hits);
    rw_matcher_free(loop->matcher);
    px_latency_free(loop->latency);
    free(loop);
}
