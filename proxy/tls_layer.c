/* TLS as a layer of a session's connection. See tls_layer.h.
 *
 * All connections of a loop share two buffers: what SSL_read gives (loop->plain), in use until the session is
 * done with it, and what SSL_write makes (loop->sealed), in use within one write only. */
#include "tls_layer.h"

#include "loop.h"
#include "session.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

typedef struct tls_layer {
    px_layer layer; /* first */
    px_tls *tls;
    bool said_ready;
} tls_layer;

static px_loop *loop_of(const px_layer *l)
{
    return l->conn->session->loop;
}

/* What TLS has written goes down, in one piece. */
static void send_sealed(tls_layer *t)
{
    b_buf *out = &loop_of(&t->layer)->sealed;
    if (out->failed)
        t->layer.conn->broken = true;
    else if (out->n > 0)
        px_layer_down(&t->layer, out->p, out->n);
    b_buf_clear(out);
}

static void layer_write(px_layer *l, const char *p, size_t n)
{
    tls_layer *t = (tls_layer *)l;
    t->tls->out = &loop_of(l)->sealed;
    while (n > 0) {
        size_t part = n < PX_READ_BUFFER ? n : PX_READ_BUFFER;
        bool ok = px_tls_write(t->tls, p, part);
        send_sealed(t);
        if (!ok) {
            l->conn->broken = true;
            return;
        }
        p += part;
        n -= part;
    }
}

static void end(tls_layer *t, int error)
{
    px_conn *c = t->layer.conn;
    if (error != UV_EOF || c->feeding) c->broken = true;
    if (!c->feeding && c->open) px_session_read(c->session, c, NULL, error);
}

static void count_ready(const tls_layer *t)
{
    px_stats *n = &loop_of(&t->layer)->stats;
    if (SSL_is_server(t->tls->ssl)) {
        n->clients_tls++;
        return;
    }
    n->backend_tls++;
    if (SSL_session_reused(t->tls->ssl)) n->backend_tls_resumed++;
}

/* False: the connection is no longer to be read. */
static bool step(tls_layer *t)
{
    px_conn *c = t->layer.conn;
    px_loop *loop = loop_of(&t->layer);
    size_t n;
    t->tls->out = &loop->sealed;
    px_tls_got got = px_tls_read(t->tls, loop->plain, PX_READ_BUFFER, &n);
    send_sealed(t);
    if (t->tls->ready && !t->said_ready) {
        t->said_ready = true;
        count_ready(t);
        px_session_secured(c->session, c);
        if (!c->open || c->broken) return false;
    }
    if (n > 0) px_layer_up(&t->layer, loop->plain, n);
    if (!c->open || c->broken) return false;
    if (got == PX_TLS_END) end(t, UV_EOF);
    if (got == PX_TLS_FAILED) end(t, UV_EPROTO);
    return got == PX_TLS_BYTES;
}

static void layer_read(px_layer *l, char *p, size_t n)
{
    tls_layer *t = (tls_layer *)l;
    t->tls->in = p;
    t->tls->nin = n;
    while (step(t)) {
    }
    t->tls->in = NULL;
    t->tls->nin = 0;
}

static void layer_finish(px_layer *l)
{
    tls_layer *t = (tls_layer *)l;
    t->tls->out = &loop_of(l)->sealed;
    px_tls_finish(t->tls);
    send_sealed(t);
}

static const char *layer_why(const px_layer *l)
{
    const px_tls *t = ((const tls_layer *)l)->tls;
    return t->failed ? t->why : NULL;
}

static void layer_free(px_layer *l)
{
    tls_layer *t = (tls_layer *)l;
    px_tls_free(t->tls);
    free(t);
}

static const px_layer_ops ops = {
    .write = layer_write, .read = layer_read, .finish = layer_finish, .why = layer_why, .free = layer_free};

static tls_layer *push(px_conn *c, SSL_CTX *ctx, bool server)
{
    tls_layer *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->layer.ops = &ops;
    t->tls = px_tls_new(ctx, c->session->loop->app->tls_method, server);
    if (t->tls == NULL) {
        free(t);
        return NULL;
    }
    px_conn_push(c, &t->layer);
    px_tls_layer_secret(c, true);
    return t;
}

bool px_tls_layer_start(px_conn *c, SSL_CTX *ctx, char *p, size_t n)
{
    if (push(c, ctx, true) == NULL) return false;
    b_buf rest = {0}; /* p may be in c->in, which feeding may move */
    b_buf_add(&rest, p, n);
    if (rest.n > 0) px_conn_feed(c, rest.p, rest.n);
    bool ok = !rest.failed;
    b_buf_deinit(&rest);
    return ok;
}

static void keep_session(void *arg, SSL_SESSION *session)
{
    px_loop *loop = arg;
    SSL_SESSION_free(loop->tls_session);
    loop->tls_session = session;
}

/* An address is looked for among the certificate's addresses, a name among its names. */
static bool expect_name(SSL *ssl, const char *name)
{
    unsigned char raw[16];
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    bool address = inet_pton(AF_INET, name, raw) == 1 || inet_pton(AF_INET6, name, raw) == 1;
    if (address) return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

bool px_tls_layer_connect(px_conn *c, SSL_CTX *ctx, const char *server_name)
{
    px_loop *loop = c->session->loop;
    tls_layer *t = push(c, ctx, false);
    if (t == NULL) return false;
    if (server_name != NULL && !expect_name(t->tls->ssl, server_name)) return false;
    if (loop->tls_session != NULL) SSL_set_session(t->tls->ssl, loop->tls_session);
    t->tls->on_session = keep_session;
    t->tls->arg = loop;
    t->tls->out = &loop->sealed;
    bool ok = px_tls_begin(t->tls);
    send_sealed(t);
    return ok;
}

const px_tls *px_tls_layer_of(const px_conn *c)
{
    const px_layer *l = c->bottom;
    return l != NULL && l->ops == &ops ? ((const tls_layer *)l)->tls : NULL;
}

void px_tls_layer_secret(px_conn *c, bool on)
{
    const px_tls *t = px_tls_layer_of(c);
    if (t == NULL) return;
    if (on)
        SSL_set_options(t->ssl, SSL_OP_CLEANSE_PLAINTEXT);
    else
        SSL_clear_options(t->ssl, SSL_OP_CLEANSE_PLAINTEXT);
}
