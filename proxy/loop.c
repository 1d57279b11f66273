/* Event loops and their listening sockets. See loop.h. */
#include "loop.h"

#include "protocol/compress.h"
#include "session.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, USAGE_ENTRIES = 4096, REFUSAL_ENTRIES = 1024 };

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

static void on_wake(uv_async_t *a)
{
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

static void close_listeners(px_loop *loop)
{
    for (size_t i = 0; i < loop->nlisteners; i++) {
        if (loop->listeners[i].open) uv_close(&loop->listeners[i].u.handle, NULL);
        loop->listeners[i].open = false;
    }
}

void px_loop_drain(px_loop *loop, void *unused)
{
    (void)unused;
    loop->draining = true;
    close_listeners(loop);
    for (px_session *s = loop->sessions, *next; s != NULL; s = next) {
        next = s->next;
        bool idle = s->state < PX_HIDDEN || s->state == PX_ORPHAN || s->state == PX_IDLE;
        if (idle && !(s->backend.open && px_session_pinned(s))) px_session_drain(s);
    }
}

void px_loop_drop(px_loop *loop, void *why)
{
    (void)why;
    for (px_session *s = loop->sessions, *next; s != NULL; s = next) {
        next = s->next;
        px_session_drain(s);
    }
}

/* --- listening --- */

static void on_connection(uv_stream_t *server, int status)
{
    px_listener *l = server->data;
    if (status < 0) {
        b_logf(&l->loop->app->log, B_WARN, "listener", "a connection could not be taken: %s",
               uv_strerror(status));
        return;
    }
    px_session_accept(l);
}

/* libuv of this age has no flag for SO_REUSEPORT: it is set between making the socket and binding it. */
static int listen_tcp(px_listener *l, const cfg_address *a)
{
    char port[8];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE},
                    *found;
    snprintf(port, sizeof port, "%u", (unsigned)a->port);
    if (getaddrinfo(a->host, port, &hints, &found) != 0) return UV_EADDRNOTAVAIL;
    uv_os_fd_t fd;
    int on = 1, rc = uv_tcp_init_ex(&l->loop->uv, &l->u.tcp, (unsigned)found->ai_family);
    if (rc == 0) {
        l->open = true;
        rc = uv_fileno(&l->u.handle, &fd);
    }
    if (rc == 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) rc = -errno;
    if (rc == 0) rc = uv_tcp_bind(&l->u.tcp, found->ai_addr, 0);
    freeaddrinfo(found);
    return rc;
}

/* A socket that was left behind by one that was killed goes; one that somebody listens on, or another kind of
 * file, stays. */
static int make_way(const char *path)
{
    struct stat st;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (lstat(path, &st) != 0) return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode)) return UV_EEXIST;
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    bool answers = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    close(fd);
    if (answers) return UV_EADDRINUSE;
    return unlink(path) == 0 ? 0 : -errno;
}

static int listen_pipe(px_listener *l, const cfg_listener *c)
{
    static const mode_t modes[] = {
        [CFG_SOCKET_ALL] = 0666, [CFG_SOCKET_GROUP] = 0660, [CFG_SOCKET_OWNER] = 0600};
    int rc = make_way(c->address.path);
    if (rc == 0) rc = uv_pipe_init(&l->loop->uv, &l->u.pipe, 0);
    if (rc != 0) return rc;
    l->open = true;
    rc = uv_pipe_bind(&l->u.pipe, c->address.path);
    if (rc == 0 && chmod(c->address.path, modes[c->socket_mode]) != 0) rc = -errno;
    return rc;
}

static b_status listen_on(px_loop *loop, const cfg_listener *c, b_err *err)
{
    if (c->address.path != NULL && loop->index != 0) return B_OK;
    px_listener *l = &loop->listeners[loop->nlisteners++];
    *l = (px_listener){.loop = loop,
                       .index = (size_t)(c - loop->config->c->listeners),
                       .version = (rw_version)c->schema_version,
                       .is_pipe = c->address.path != NULL};
    int rc = l->is_pipe ? listen_pipe(l, c) : listen_tcp(l, &c->address);
    l->u.handle.data = l;
    if (rc == 0) rc = uv_listen(&l->u.stream, BACKLOG, on_connection);
    if (rc == 0) return B_OK;
    return b_fail(err, B_IO,
                  "cannot listen on %s: %s; see what else listens there, or change the listener's address",
                  c->address.text, uv_strerror(rc));
}

/* --- life --- */

static void on_tick(uv_timer_t *t)
{
    px_loop *loop = t->data;
    bool idle = loop->config->c->idle_timeout_ms > 0;
    uint64_t now = uv_now(&loop->uv);
    px_hold_tick(loop, now);
    if (loop->nlimited == 0 && !idle) return;
    for (px_session *s = loop->sessions, *next; s != NULL; s = next) {
        next = s->next;
        if (idle) px_session_idle(s, now);
        px_session_tick(s, now);
    }
}

static b_status make_parts(px_loop *loop, b_err *err)
{
    loop->config = px_app_config(loop->app);
    loop->listeners = calloc(loop->config->c->nlisteners + 1, sizeof *loop->listeners);
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
    close_listeners(loop);
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
