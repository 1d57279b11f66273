/* Streams of a session: reading, writing, back-pressure. See conn.h. */
#include "conn.h"

#include "loop.h"
#include "protocol/auth.h"
#include "session.h"

#include <stdlib.h>

enum { KEEP_BUFFER = 64 * 1024 }; /* larger buffers are given back when they run empty */

typedef struct px_write {
    uv_write_t req;
    size_t secret; /* bytes to be wiped */
    char data[];
} px_write;

int px_conn_init(px_conn *c, px_session *s, uv_loop_t *uv, bool pipe)
{
    int rc = pipe ? uv_pipe_init(uv, &c->u.pipe, 0) : uv_tcp_init(uv, &c->u.tcp);
    if (rc != 0) return rc;
    c->session = s;
    c->u.handle.data = c;
    c->open = true;
    return 0;
}

void px_conn_deinit(px_conn *c)
{
    for (px_layer *l = c->top, *next; l != NULL; l = next) {
        next = l->below;
        l->ops->free(l);
    }
    c->top = c->bottom = NULL;
    b_buf_deinit(&c->in);
    b_buf_deinit(&c->out);
}

void px_conn_send(px_conn *c, const char *p, size_t n)
{
    if (c->nspan > 0 && c->span + c->nspan == p) {
        c->nspan += n;
        return;
    }
    if (c->nspan > 0) b_buf_add(&c->out, c->span, c->nspan);
    c->span = p;
    c->nspan = n;
}

b_buf *px_conn_buf(px_conn *c)
{
    if (c->nspan > 0) b_buf_add(&c->out, c->span, c->nspan);
    c->nspan = 0;
    return &c->out;
}

static void on_written(uv_write_t *req, int status)
{
    px_conn *c = req->handle->data;
    px_write *w = (px_write *)req;
    if (w->secret > 0) mp_wipe(w->data, w->secret);
    free(w);
    px_session_written(c->session, c, status);
}

static void queue(px_conn *c, const char *p, size_t n)
{
    px_write *w = malloc(sizeof *w + n);
    if (w == NULL) {
        c->broken = true;
        return;
    }
    memcpy(w->data, p, n);
    w->secret = c->secret ? n : 0;
    uv_buf_t b = uv_buf_init(w->data, (unsigned)n);
    if (uv_write(&w->req, &c->u.stream, &b, 1, on_written) != 0) {
        c->broken = true;
        free(w);
    }
}

/* To the stream: below all layers. */
static void write_stream(px_conn *c, const char *p, size_t n)
{
    size_t done = 0;
    if (!c->open || c->broken) return;
    c->bytes_out += n;
    if (uv_stream_get_write_queue_size(&c->u.stream) == 0) {
        uv_buf_t b = uv_buf_init((char *)(uintptr_t)p, (unsigned)n);
        int rc = uv_try_write(&c->u.stream, &b, 1);
        if (rc < 0 && rc != UV_EAGAIN) {
            c->broken = true;
            return;
        }
        if (rc > 0) done = (size_t)rc;
    }
    if (done < n) queue(c, p + done, n - done);
}

static void write_out(px_conn *c, const char *p, size_t n)
{
    if (c->top == NULL)
        write_stream(c, p, n);
    else if (c->open && !c->broken)
        c->top->ops->write(c->top, p, n);
}

void px_conn_flush(px_conn *c)
{
    if (c->out.n == 0 && !c->out.failed) {
        if (c->nspan > 0) write_out(c, c->span, c->nspan);
        c->nspan = 0;
        return;
    }
    b_buf *b = px_conn_buf(c);
    if (b->failed)
        c->broken = true;
    else
        write_out(c, b->p, b->n);
    if (c->secret && b->p != NULL) mp_wipe(b->p, b->n);
    if (b->size > KEEP_BUFFER)
        b_buf_deinit(b);
    else
        b_buf_clear(b);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    px_conn *c = h->data;
    px_loop *loop = c->session->loop;
    *buf = uv_buf_init(loop->rbuf, PX_READ_BUFFER);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    px_conn *c = stream->data;
    if (n == 0) return;
    if (n > 0) c->bytes_in += (uint64_t)n;
    if (n < 0 || c->bottom == NULL)
        px_session_read(c->session, c, buf->base, n);
    else
        c->bottom->ops->read(c->bottom, buf->base, (size_t)n);
}

void px_conn_read(px_conn *c, bool on)
{
    if (!c->open || c->reading == on) return;
    c->reading = on;
    if (!on)
        uv_read_stop(&c->u.stream);
    else if (uv_read_start(&c->u.stream, on_alloc, on_read) != 0)
        c->broken = true;
}

/* Growing leaves no copy behind. */
static void make_room(b_buf *b, size_t n)
{
    if (b->n + n < b->size) return;
    b_buf bigger = {0};
    b_buf_reserve(&bigger, 2 * (b->n + n));
    b_buf_add(&bigger, b->p, b->n);
    if (b->p != NULL) mp_wipe(b->p, b->n);
    b_buf_deinit(b);
    *b = bigger;
}

void px_conn_keep(px_conn *c, const char *p, size_t n)
{
    if (c->secret) make_room(&c->in, n);
    b_buf_add(&c->in, p, n);
    if (c->in.failed) c->broken = true;
}

void px_conn_unread(px_conn *c, const char *p, size_t n)
{
    b_buf all = {0};
    b_buf_add(&all, p, n);
    if (px_conn_left(c) > 0) b_buf_add(&all, c->in.p + c->in_at, px_conn_left(c));
    b_buf_deinit(&c->in);
    c->in = all;
    c->in_at = c->need = 0;
    if (c->in.failed) c->broken = true;
}

void px_conn_used(px_conn *c, size_t n)
{
    if (c->secret) mp_wipe(c->in.p + c->in_at, n);
    c->in_at += n;
    if (c->in_at == c->in.n) {
        c->in_at = 0;
        if (c->in.size > KEEP_BUFFER)
            b_buf_deinit(&c->in);
        else
            b_buf_clear(&c->in);
    } else if (c->in_at > c->in.n / 2) {
        b_buf_consume(&c->in, c->in_at);
        c->in_at = 0;
    }
}

void px_conn_rest(px_conn *c)
{
    if (c->in.n == 0) b_buf_deinit(&c->in);
    if (!px_conn_pending(c)) b_buf_deinit(&c->out);
}

/* --- layers --- */

void px_conn_push(px_conn *c, px_layer *l)
{
    l->conn = c;
    l->above = NULL;
    l->below = c->top;
    if (c->top != NULL)
        c->top->above = l;
    else
        c->bottom = l;
    c->top = l;
}

void px_conn_feed(px_conn *c, char *p, size_t n)
{
    if (n == 0) return;
    c->feeding = true;
    c->top->ops->read(c->top, p, n);
    c->feeding = false;
}

void px_conn_wake(px_conn *c)
{
    if (!c->feeding) px_session_wake(c->session);
}

bool px_conn_more(px_conn *c, bool heed)
{
    if (!c->open || c->top == NULL || c->top->ops->more == NULL || (heed && !c->reading)) return false;
    c->feeding = true;
    bool any = c->top->ops->more(c->top);
    c->feeding = false;
    return any;
}

void px_conn_turn(px_conn *c, size_t left)
{
    if (c->top == NULL || c->top->ops->turn == NULL) return;
    px_conn_flush(c); /* the answer before it */
    c->top->ops->turn(c->top, left);
}

void px_layer_up(px_layer *l, char *p, size_t n)
{
    px_conn *c = l->conn;
    if (l->above != NULL)
        l->above->ops->read(l->above, p, n);
    else if (c->feeding)
        px_conn_keep(c, p, n);
    else
        px_session_read(c->session, c, p, (ssize_t)n);
}

void px_layer_down(px_layer *l, const char *p, size_t n)
{
    if (l->below != NULL)
        l->below->ops->write(l->below, p, n);
    else
        write_stream(l->conn, p, n);
}

int px_conn_shutdown(px_conn *c, uv_shutdown_t *req, uv_shutdown_cb done)
{
    for (px_layer *l = c->top; l != NULL; l = l->below)
        if (l->ops->finish != NULL) l->ops->finish(l);
    return uv_shutdown(req, &c->u.stream, done);
}

const char *px_conn_why(const px_conn *c)
{
    for (const px_layer *l = c->top; l != NULL; l = l->below) {
        const char *why = l->ops->why == NULL ? NULL : l->ops->why(l);
        if (why != NULL) return why;
    }
    return NULL;
}
