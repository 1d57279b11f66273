/* One side of a session: a TCP or unix stream, what was read from it and not used yet, and what is to be
 * written to it.
 *
 * Reading goes into the loop's one buffer; only what is left over (an incomplete packet, a pipelined
 * command) is copied to `in`. Writing collects in `span`, a run of bytes of some read buffer, for as long as
 * the output is one contiguous run of the input; when it is not, in `out`. px_conn_flush must come before the
 * memory behind the span is used again. Loop thread only.
 *
 * Between the session and the stream there may be layers, TLS at the bottom and compression above it:
 *
 *   session ── px_conn_flush ──→ top ──→ … ──→ bottom ──→ stream
 *   session ←── px_session_read ── top ←── … ←── bottom ←── stream
 *
 * Each is a px_layer, put on top of those that are there by px_conn_push. Without any, as after a plain
 * login, the bytes of packets are the bytes of the stream and nothing is copied. What the session counts
 * against max_buffer_bytes is what the stream has not taken yet, below all layers. A layer that makes much of
 * little (compression) holds it back: it calls px_conn_wake when something has come, and the session takes it
 * part by part with px_conn_more, as long as it may read.
 */
#ifndef PROXY_CONN_H
#define PROXY_CONN_H

#include "base/buf.h"

#include <uv.h>

struct px_session;
struct px_conn;
typedef struct px_layer px_layer;

typedef struct px_layer_ops {
    /* Bytes from above. What comes of them goes on with px_layer_down, before this returns. */
    void (*write)(px_layer *l, const char *p, size_t n);
    /* Bytes from below, which may be overwritten. What comes of them goes on with px_layer_up, in memory
     * that nothing else uses until that returns. */
    void (*read)(px_layer *l, char *p, size_t n);
    /* Gives up a part of what it holds back, with px_layer_up; false where it holds nothing. NULL: never
     * does. See px_conn_more. */
    bool (*more)(px_layer *l);
    void (*turn)(px_layer *l, size_t left); /* see px_conn_turn; NULL: of no concern */
    void (*finish)(px_layer *l); /* nothing more will be written: last words to the peer; NULL: none */
    const char *(*why)(const px_layer *l); /* it failed because of this; NULL: it did not */
    void (*free)(px_layer *l);
} px_layer_ops;

struct px_layer {
    const px_layer_ops *ops;
    struct px_conn *conn;
    px_layer *above, *below;
};

typedef struct px_conn {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } u;
    struct px_session *session;
    px_layer *top, *bottom; /* NULL: plain */
    b_buf in;               /* read and not used; the first in_at bytes of it are used */
    size_t in_at;
    size_t need; /* nothing can be done with fewer unused bytes than this */
    const char *span;
    size_t nspan;
    b_buf out; /* goes before the span */
    bool open; /* the handle is initialised and not closing */
    bool reading;
    bool broken;  /* a write failed, or a layer */
    bool secret;  /* passwords pass: what was read or written is wiped */
    bool feeding; /* within px_conn_feed: what comes up is kept, as the session is at work already */
    uint64_t bytes_in, bytes_out;
} px_conn;

int px_conn_init(px_conn *c, struct px_session *s, uv_loop_t *uv, bool pipe);
void px_conn_deinit(px_conn *c); /* memory only; after the close callback */

/* Puts a layer on top; the connection owns it. Nothing may be pending. */
void px_conn_push(px_conn *c, px_layer *l);
/* Gives the top layer bytes that had been read before it was there. */
void px_conn_feed(px_conn *c, char *p, size_t n);
/* For layers that hold back: there is something. */
void px_conn_wake(px_conn *c);
/* Takes a part of what the top layer holds back into `in`. False: there is nothing, or reading is off and
 * that is heeded. */
bool px_conn_more(px_conn *c, bool heed);
/* The client's side has said all that is answered next; `left` bytes are read beyond that. */
void px_conn_turn(px_conn *c, size_t left);
void px_layer_up(px_layer *l, char *p, size_t n);
void px_layer_down(px_layer *l, const char *p, size_t n);
/* All is written: says so to the peer, layer by layer, and then by the stream. UV status. */
int px_conn_shutdown(px_conn *c, uv_shutdown_t *req, uv_shutdown_cb done);
/* Why a layer failed; NULL when none did. */
const char *px_conn_why(const px_conn *c);

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
void px_conn_rest(px_conn *c); /* gives back buffers that are empty */
static inline size_t px_conn_left(const px_conn *c)
{
    return c->in.n - c->in_at;
}
void px_conn_keep(px_conn *c, const char *p, size_t n);   /* appends to `in` */
void px_conn_unread(px_conn *c, const char *p, size_t n); /* puts bytes before those in `in` */
void px_conn_used(px_conn *c, size_t n);                  /* n more bytes of `in` are used */

#endif
