/* See admin_server.h. All of it runs on the main thread, but for run_command. */
#include "admin_server.h"

#include "tls.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_BUFFER = 16 * 1024, MAX_CONNECTIONS = 100, TICK_MS = 1000, RETIRED_IDLE_MS = 10000 };

typedef union stream {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
} stream;

typedef struct client {
    struct client *prev, *next;
    px_admin *admin;
    stream u;
    uv_work_t work;
    adm_conn *conn;
    px_tls *tls;  /* NULL: none */
    b_buf sealed; /* what it has written */
    b_buf held;   /* came out of it while a command ran */
    b_buf answer; /* of the running command; the worker's while `busy` */
    bool busy, closing, closed;
    uint64_t since_ms; /* it came */
    uint64_t heard_ms; /* it last said something, or was answered */
    char buffer[READ_BUFFER];
} client;

struct px_admin {
    px_app *app;
    uv_loop_t *uv;
    px_listen on;
    bool open; /* the listener is, or is closing */
    uv_timer_t tick;
    bool ticking; /* the timer is open, or closing */
    bool retired; /* another process listens; who has come is answered here */
    bool ending;  /* running commands are still answered, nothing else is read */
    client *clients;
    unsigned nclients;
    uint32_t next_id;
    void (*done)(void *arg);
    void *done_arg;
};

typedef struct write_req {
    uv_write_t req;
    char data[];
} write_req;

static void maybe_done(px_admin *a)
{
    if (a->open || a->ticking || a->clients != NULL || a->done == NULL) return;
    void (*done)(void *) = a->done;
    a->done = NULL;
    done(a->done_arg);
}

static void free_client(client *c)
{
    px_admin *a = c->admin;
    if (!c->closed || c->busy) return;
    if (c->prev != NULL) c->prev->next = c->next;
    if (c->next != NULL) c->next->prev = c->prev;
    if (a->clients == c) a->clients = c->next;
    a->nclients--;
    adm_conn_free(c->conn);
    b_buf_deinit(&c->answer);
    px_tls_free(c->tls);
    b_buf_deinit(&c->sealed);
    b_buf_deinit(&c->held);
    free(c);
    maybe_done(a);
}

static void on_closed(uv_handle_t *h)
{
    client *c = h->data;
    c->closed = true;
    free_client(c);
}

static void close_client(client *c)
{
    if (c->closing) return;
    c->closing = true;
    uv_close(&c->u.handle, on_closed);
}

static bool over(const client *c)
{
    return c->admin->ending || adm_conn_wants_close(c->conn);
}

static void on_written(uv_write_t *req, int status)
{
    client *c = req->handle->data;
    bool last = uv_stream_get_write_queue_size(req->handle) == 0;
    free(req);
    if (status < 0 || (last && !c->busy && over(c))) close_client(c);
}

static void write_raw(client *c, b_buf *b)
{
    if (b->failed) close_client(c);
    if (c->closing || b->n == 0) return;
    write_req *w = malloc(sizeof *w + b->n);
    if (w == NULL) {
        close_client(c);
        return;
    }
    memcpy(w->data, b->p, b->n);
    uv_buf_t u = uv_buf_init(w->data, (unsigned)b->n);
    if (uv_write(&w->req, &c->u.stream, &u, 1, on_written) != 0) {
        free(w);
        close_client(c);
    }
    b_buf_clear(b);
}

static void write_out(client *c, b_buf *b)
{
    if (c->tls == NULL || b->failed || b->n == 0) {
        write_raw(c, b);
        return;
    }
    c->tls->out = &c->sealed;
    bool ok = px_tls_write(c->tls, b->p, b->n);
    b_buf_clear(b);
    write_raw(c, &c->sealed);
    if (!ok) close_client(c);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    client *c = h->data;
    *buf = uv_buf_init(c->buffer, READ_BUFFER);
}

static void take_input(client *c, const char *p, size_t n);

static void take_tls(client *c, const char *p, size_t n)
{
    char plain[READ_BUFFER];
    px_tls_got got = PX_TLS_BYTES;
    c->tls->in = p;
    c->tls->nin = n;
    while (got == PX_TLS_BYTES && !c->closing) {
        size_t inside;
        c->tls->out = &c->sealed;
        got = px_tls_read(c->tls, plain, sizeof plain, &inside);
        write_raw(c, &c->sealed);
        if (inside > 0 && c->busy)
            b_buf_add(&c->held, plain, inside);
        else if (inside > 0)
            take_input(c, plain, inside);
    }
    if (got == PX_TLS_END || got == PX_TLS_FAILED || c->held.failed) close_client(c);
}

static void start_tls(client *c)
{
    b_buf rest = {0};
    px_app *app = c->admin->app;
    px_config *config = px_app_config(app);
    adm_conn_begin_tls(c->conn, &rest);
    if (config->tls.clients != NULL) c->tls = px_tls_new(config->tls.clients, app->tls_method, true);
    px_config_unref(config);
    if (c->tls == NULL)
        close_client(c);
    else if (rest.n > 0)
        take_tls(c, rest.p, rest.n);
    b_buf_deinit(&rest);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    client *c = s->data;
    c->heard_ms = uv_now(s->loop);
    if (n < 0)
        close_client(c);
    else if (n > 0 && c->tls != NULL)
        take_tls(c, buf->base, (size_t)n);
    else if (n > 0)
        take_input(c, buf->base, (size_t)n);
}

static void run_command(uv_work_t *w)
{
    client *c = w->data;
    adm_conn_run(c->conn, &c->answer);
}

static void on_command_done(uv_work_t *w, int status)
{
    (void)status;
    client *c = w->data;
    c->busy = false;
    c->heard_ms = uv_now(c->admin->uv);
    if (c->closed) {
        free_client(c);
        return;
    }
    write_out(c, &c->answer);
    if (c->admin->ending) {
        if (uv_stream_get_write_queue_size(&c->u.stream) == 0) close_client(c);
        return;
    }
    b_buf held = c->held;
    c->held = (b_buf){0};
    take_input(c, held.p, held.n);
    b_buf_deinit(&held);
    if (!c->closing && !c->busy && uv_read_start(&c->u.stream, on_alloc, on_read) != 0) close_client(c);
}

/* While a command runs nothing is read: adm_conn belongs to the worker then. */
static void take_input(client *c, const char *p, size_t n)
{
    b_buf out = {0};
    if (c->closing) return;
    b_status st = adm_conn_input(c->conn, p, n, &out);
    write_out(c, &out);
    b_buf_deinit(&out);
    if ((st != B_OK || over(c)) && !c->closing && uv_stream_get_write_queue_size(&c->u.stream) == 0)
        close_client(c);
    if (!c->closing && adm_conn_wants_tls(c->conn)) start_tls(c);
    if (c->closing || c->busy || !adm_conn_pending(c->conn)) return;
    c->busy = true;
    c->work.data = c;
    uv_read_stop(&c->u.stream);
    if (uv_queue_work(c->u.handle.loop, &c->work, run_command, on_command_done) == 0) return;
    c->busy = false;
    close_client(c);
}

static void peer_name(client *c, char *out, size_t size)
{
    struct sockaddr_storage a = {0};
    int len = (int)sizeof a;
    snprintf(out, size, "localhost");
    if (c->admin->on.is_pipe || uv_tcp_getpeername(&c->u.tcp, (struct sockaddr *)&a, &len) != 0) return;
    if (a.ss_family == AF_INET) uv_ip4_name((struct sockaddr_in *)&a, out, size);
    if (a.ss_family == AF_INET6) uv_ip6_name((struct sockaddr_in6 *)&a, out, size);
}

static client *new_client(px_admin *a, uv_loop_t *uv)
{
    client *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    c->admin = a;
    if ((a->on.is_pipe ? uv_pipe_init(uv, &c->u.pipe, 0) : uv_tcp_init(uv, &c->u.tcp)) != 0) {
        free(c);
        return NULL;
    }
    c->u.handle.data = c;
    c->since_ms = c->heard_ms = uv_now(uv);
    c->next = a->clients;
    if (c->next != NULL) c->next->prev = c;
    a->clients = c;
    a->nclients++;
    return c;
}

static void on_connection(px_listen *on, int fd)
{
    px_admin *a = on->arg;
    client *c = new_client(a, a->uv);
    char peer[64];
    if (c == NULL || px_stream_open(&c->u.stream, on->is_pipe, fd) != 0) {
        close(fd);
        if (c != NULL) close_client(c);
        return;
    }
    if (a->nclients > MAX_CONNECTIONS) {
        close_client(c);
        return;
    }
    if (!a->on.is_pipe) uv_tcp_nodelay(&c->u.tcp, 1);
    peer_name(c, peer, sizeof peer);
    c->conn = adm_conn_new(a->app->console, ++a->next_id, peer);
    px_config *config = px_app_config(a->app);
    cfg_tls_offer offer = config->c->admin_tls;
    if (c->conn != NULL) adm_conn_offer_tls(c->conn, offer != CFG_TLS_OFF, offer == CFG_TLS_REQUIRED);
    px_config_unref(config);
    if (c->conn == NULL || uv_read_start(&c->u.stream, on_alloc, on_read) != 0)
        close_client(c);
    else
        take_input(c, NULL, 0); /* the greeting */
}

static bool may_stay(const client *c, uint64_t now, uint64_t handshake_ms)
{
    if (c->busy || c->conn == NULL) return true;
    if (c->admin->retired && now - c->heard_ms > RETIRED_IDLE_MS) return false;
    return adm_conn_logged_in(c->conn) || now - c->since_ms <= handshake_ms;
}

/* Who does not log in makes room for those who do. */
static void on_tick(uv_timer_t *t)
{
    px_admin *a = t->data;
    px_config *config = px_app_config(a->app);
    uint64_t most = config->c->handshake_timeout_ms, now = uv_now(a->uv);
    px_config_unref(config);
    for (client *c = a->clients; c != NULL; c = c->next)
        if (!may_stay(c, now, most)) close_client(c);
}

static void on_tick_closed(uv_handle_t *h)
{
    px_admin *a = h->data;
    a->ticking = false;
    maybe_done(a);
}

static void on_listener_closed(px_listen *on)
{
    px_admin *a = on->arg;
    a->open = false;
    maybe_done(a);
}

b_status px_admin_new(px_app *app, uv_loop_t *uv, px_admin **out, b_err *err)
{
    enum { MODE = 0600 };
    const cfg_address *at = &app->config->c->admin;
    px_admin *a = calloc(1, sizeof *a);
    if (a == NULL) return b_fail(err, B_NOMEM, "out of memory while making the admin port");
    *out = a;
    a->app = app;
    a->uv = uv;
    int fd = px_sockets_claim(&app->sockets, at, 0);
    b_status st = fd >= 0 ? B_OK : px_sockets_make(&app->sockets, at, SOCK_STREAM, MODE, &fd, err);
    if (st != B_OK) return st;
    a->on = (px_listen){.fd = fd,
                        .is_pipe = at->path != NULL,
                        .address = at->text,
                        .log = &app->log,
                        .take = on_connection,
                        .closed = on_listener_closed,
                        .arg = a};
    int rc = px_listen_start(&a->on, uv);
    a->open = rc == 0;
    if (rc == 0) rc = uv_timer_init(uv, &a->tick);
    if (rc == 0) {
        a->tick.data = a;
        a->ticking = true;
        rc = uv_timer_start(&a->tick, on_tick, TICK_MS, TICK_MS);
    }
    return rc == 0 ? B_OK : b_fail(err, B_IO, "cannot listen on %s: %s", at->text, uv_strerror(rc));
}

void px_admin_retire(px_admin *a)
{
    a->retired = true;
    if (a->open) px_listen_close(&a->on);
}

bool px_admin_left(const px_admin *a)
{
    return a->clients == NULL;
}

void px_admin_drop(px_admin *a)
{
    for (client *c = a->clients; c != NULL; c = c->next)
        if (!c->busy) close_client(c);
}

void px_admin_close(px_admin *a, void (*done)(void *arg), void *arg)
{
    a->done = done;
    a->done_arg = arg;
    a->ending = true;
    px_admin_drop(a);
    if (a->ticking) uv_close((uv_handle_t *)&a->tick, on_tick_closed);
    if (a->open)
        px_listen_close(&a->on);
    else
        maybe_done(a);
}

void px_admin_free(px_admin *a)
{
    free(a);
}
