/* One side of a session: a TCP or unix stream, what was read from it and not used yet, and what is to be
 * written to it.
 *
 * Reading goes into the loop's one buffer; only what is left over (an incomplete packet, a pipelined
 * command) is copied to `in`. Writing collects in `span`, a run of bytes of some read buffer, for as long as
 * the output is one contiguous run of the input; when it is not, in `out`. px_conn_flush must come before the
 * memory behind the span is used again. Loop thread only. */
#ifndef PROXY_CONN_H
#define PROXY_CONN_H

#include "base/buf.h"

#include <uv.h>

struct px_session;

typedef struct px_conn {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } u;
    struct px_session *session;
    b_buf in; /* read and not used; the first in_at bytes of it are used */
    size_t in_at;
    size_t need; /* nothing can be done with fewer unused bytes than this */
    const char *span;
    size_t nspan;
    b_buf out; /* goes before the span */
    bool open; /* the handle is initialised and not closing */
    bool reading;
    bool broken; /* a write failed */
    uint64_t bytes_in, bytes_out;
} px_conn;

int px_conn_init(px_conn *c, struct px_session *s, uv_loop_t *uv, bool pipe);
void px_conn_deinit(px_conn *c); /* memory only; after the close callback */

/* Output. px_conn_send takes a run of bytes by reference; px_conn_buf is for appending one's own. */
void px_conn_send(px_conn *c, const char *p, size_t n);
b_buf *px_conn_buf(px_conn *c);
void px_conn_flush(px_conn *c);
static inline bool px_conn_pending(const px_conn *c)
{
    return c->nspan > 0 || c->out.n > 0;
}
static inline size_t px_conn_queued(const px_conn *c)
{
    return c->open ? uv_stream_get_write_queue_size(&c->u.stream) : 0;
}

void px_conn_read(px_conn *c, bool on);
static inline size_t px_conn_left(const px_conn *c)
{
    return c->in.n - c->in_at;
}
void px_conn_keep(px_conn *c, const char *p, size_t n); /* appends to `in` */
void px_conn_used(px_conn *c, size_t n);                /* n more bytes of `in` are used */

#endif
