/* TLS without sockets: bytes of the wire in, bytes of the peer out, and the other way. What moves them is the
 * caller's: proxy/tls_layer.c for sessions, proxy/admin_server.c for the admin port.
 *
 * The handshake goes on by itself as px_tls_read is called. Nothing may be written before `ready`: then
 * px_tls_write fails, so that no byte ever leaves in the clear. One thread at a time. */
#ifndef PROXY_TLS_H
#define PROXY_TLS_H

#include "base/buf.h"

#include <openssl/ssl.h>

typedef struct px_tls {
    SSL *ssl;
    const char *in; /* what is being read; the caller's */
    size_t nin;
    b_buf *out; /* where bytes for the wire are appended; the caller's; set before every call */
    bool ready; /* the handshake is over */
    bool failed;
    char why[200]; /* it failed because of this */
    /* A session that could be resumed; the callee takes it. NULL: not wanted. */
    void (*on_session)(void *arg, SSL_SESSION *session);
    void *arg;
} px_tls;

/* How an SSL reads and writes a px_tls; one a process, which must outlive all of them. */
BIO_METHOD *px_tls_method_new(void);

px_tls *px_tls_new(SSL_CTX *ctx, const BIO_METHOD *method, bool server); /* NULL: out of memory */
void px_tls_free(px_tls *t);                                             /* NULL is fine */

typedef enum px_tls_got { PX_TLS_BYTES, PX_TLS_MORE, PX_TLS_END, PX_TLS_FAILED } px_tls_got;

/* Reads from `in` until buf is full or more of the wire is needed; *n: bytes in buf, also with MORE and END.
 * END: the peer said that it will send no more. */
px_tls_got px_tls_read(px_tls *t, char *buf, size_t size, size_t *n);
bool px_tls_write(px_tls *t, const char *p, size_t n);
void px_tls_finish(px_tls *t); /* close_notify */
/* Begins a handshake as a client: appends the first message. */
bool px_tls_begin(px_tls *t);

/* For px_tls_context: SSL_CTX_sess_set_new_cb. */
int px_tls_new_session(SSL *ssl, SSL_SESSION *session);

/* The first of libcrypto's errors of this thread, as text; the queue is empty then. */
void px_tls_error_text(char *out, size_t size);

#endif
