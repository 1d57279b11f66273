/* TLS without sockets. See tls.h. */
#include "tls.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

static int bio_read(BIO *bio, char *buf, int size)
{
    px_tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (t->nin == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t n = t->nin < (size_t)size ? t->nin : (size_t)size;
    memcpy(buf, t->in, n);
    t->in += n;
    t->nin -= n;
    return (int)n;
}

static int bio_write(BIO *bio, const char *p, int n)
{
    px_tls *t = BIO_get_data(bio);
    b_buf_add(t->out, p, (size_t)n);
    return t->out->failed ? -1 : n;
}

static long bio_ctrl(BIO *bio, int command, long larg, void *parg)
{
    (void)bio, (void)larg, (void)parg;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *px_tls_method_new(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "straddle");
    if (m == NULL) return NULL;
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_ctrl(m, bio_ctrl);
    return m;
}

px_tls *px_tls_new(SSL_CTX *ctx, const BIO_METHOD *method, bool server)
{
    px_tls *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->ssl = SSL_new(ctx);
    BIO *bio = BIO_new(method);
    if (t->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        px_tls_free(t);
        return NULL;
    }
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_app_data(t->ssl, t);
    if (server)
        SSL_set_accept_state(t->ssl);
    else
        SSL_set_connect_state(t->ssl);
    return t;
}

void px_tls_free(px_tls *t)
{
    if (t == NULL) return;
    /* Else OpenSSL takes an end without close_notify for an attack and forgets the session. */
    if (t->ssl != NULL && t->ready) SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(t->ssl);
    free(t);
}

void px_tls_error_text(char *out, size_t size)
{
    unsigned long e = ERR_get_error();
    const char *reason = e == 0 ? NULL : ERR_reason_error_string(e);
    snprintf(out, size, "%s", reason == NULL ? "the peer broke the protocol" : reason);
    ERR_clear_error();
}

/* SSL_get_error wants the thread's queue of errors to be empty before. To look is cheaper than to clear. */
static void clear_errors(void)
{
    if (ERR_peek_error() != 0) ERR_clear_error();
}

static bool fail(px_tls *t, int error)
{
    long verified = SSL_get_verify_result(t->ssl);
    char reason[128];
    if (error == SSL_ERROR_SYSCALL && ERR_peek_error() == 0)
        snprintf(reason, sizeof reason, "the connection ended");
    else
        px_tls_error_text(reason, sizeof reason);
    if (verified != X509_V_OK)
        snprintf(t->why, sizeof t->why, "TLS: %s: %s", reason, X509_verify_cert_error_string(verified));
    else
        snprintf(t->why, sizeof t->why, "TLS: %s", reason);
    ERR_clear_error();
    t->failed = true;
    return false;
}

/* True: over, or more is needed. */
static bool handshake(px_tls *t)
{
    ERR_clear_error();
    int rc = SSL_do_handshake(t->ssl);
    if (rc == 1) {
        t->ready = true;
        return true;
    }
    int error = SSL_get_error(t->ssl, rc);
    return error == SSL_ERROR_WANT_READ || fail(t, error);
}

bool px_tls_begin(px_tls *t)
{
    return handshake(t);
}

px_tls_got px_tls_read(px_tls *t, char *buf, size_t size, size_t *n)
{
    *n = 0;
    if (t->failed) return PX_TLS_FAILED;
    if (!t->ready && !handshake(t)) return PX_TLS_FAILED;
    if (!t->ready) return PX_TLS_MORE;
    clear_errors();
    while (*n < size) {
        size_t got = 0;
        int rc = SSL_read_ex(t->ssl, buf + *n, size - *n, &got);
        *n += got;
        if (rc == 1 && t->nin == 0 && SSL_pending(t->ssl) == 0) return PX_TLS_MORE;
        if (rc == 1) continue;
        int error = SSL_get_error(t->ssl, rc);
        if (error == SSL_ERROR_WANT_READ) return PX_TLS_MORE;
        if (error == SSL_ERROR_ZERO_RETURN) return PX_TLS_END;
        fail(t, error);
        return PX_TLS_FAILED;
    }
    return PX_TLS_BYTES;
}

bool px_tls_write(px_tls *t, const char *p, size_t n)
{
    size_t done = 0;
    if (!t->ready || t->failed) return false;
    clear_errors();
    int rc = SSL_write_ex(t->ssl, p, n, &done);
    if (rc == 1 && done == n) return true;
    return fail(t, SSL_get_error(t->ssl, rc));
}

void px_tls_finish(px_tls *t)
{
    if (!t->ready || t->failed) return;
    ERR_clear_error();
    SSL_shutdown(t->ssl);
    ERR_clear_error();
}

int px_tls_new_session(SSL *ssl, SSL_SESSION *session)
{
    px_tls *t = SSL_get_app_data(ssl);
    if (t == NULL || t->on_session == NULL) return 0;
    t->on_session(t->arg, session);
    return 1;
}
