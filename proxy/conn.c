/* Streams of a session: reading, writing, back-pressure. See conn.h. */
#include "conn.h"

#include "loop.h"
#include "session.h"

#include <stdlib.h>

enum { KEEP_BUFFER = 64 * 1024 }; /* larger buffers are given back when they run empty */

typedef struct px_write {
    uv_write_t req;
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
    free(req);
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
    uv_buf_t b = uv_buf_init(w->data, (unsigned)n);
    if (uv_write(&w->req, &c->u.stream, &b, 1, on_written) != 0) {
        c->broken = true;
        free(w);
    }
}

static void write_out(px_conn *c, const char *p, size_t n)
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
    px_session_read(c->session, c, buf->base, n);
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

void px_conn_keep(px_conn *c, const char *p, size_t n)
{
    b_buf_add(&c->in, p, n);
    if (c->in.failed) c->broken = true;
}

void px_conn_used(px_conn *c, size_t n)
{
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
