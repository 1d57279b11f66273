/* Contexts of TLS from the configuration. See tls_context.h. */
#include "tls_context.h"

#include "tls.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

typedef struct maker {
    const cfg_config *c;
    b_buf *diag;
    bool ok;
} maker;

/* key: as it stands in the file, with what it is in. */
static void problem(maker *m, const char *key, const char *value, const char *remedy)
{
    char why[160];
    px_tls_error_text(why, sizeof why);
    b_buf_printf(m->diag, "%s: %s %s cannot be used: %s; %s\n", m->c->file, key, value, why, remedy);
    m->ok = false;
}

static int version(cfg_tls_version v)
{
    return v == CFG_TLS_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

static void agree(maker *m, SSL_CTX *ctx, const cfg_tls *t)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS); /* 33 KB less for each idle connection */
    if (SSL_CTX_set_min_proto_version(ctx, version(t->min_version)) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, version(t->max_version)) != 1)
        problem(m, "min_version", "of tls", "see what OpenSSL on this machine allows");
    if (t->ciphers != NULL && SSL_CTX_set_cipher_list(ctx, t->ciphers) != 1)
        problem(m, "ciphers", t->ciphers, "`openssl ciphers` lists those that are known");
    if (t->ciphersuites != NULL && SSL_CTX_set_ciphersuites(ctx, t->ciphersuites) != 1)
        problem(m, "ciphersuites", t->ciphersuites,
                "`openssl ciphers -tls1_3 -s` lists those that are known");
}

static void use_certificate(maker *m, SSL_CTX *ctx, const cfg_tls *t)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, t->certificate) != 1)
        problem(m, "certificate", t->certificate, "it must be a PEM file that the proxy can read");
    else if (SSL_CTX_use_PrivateKey_file(ctx, t->key, SSL_FILETYPE_PEM) != 1)
        problem(m, "key", t->key,
                "it must be the PEM file of the certificate's private key, without a passphrase");
}

static void use_ca(maker *m, SSL_CTX *ctx, const char *key, const char *ca)
{
    if (ca == NULL) {
        SSL_CTX_set_default_verify_paths(ctx);
    } else if (SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1) {
        problem(m, key, ca, "it must be a PEM file with at least one certificate");
    }
}

static bool offered(const cfg_config *c)
{
    bool any = c->admin_tls != CFG_TLS_OFF;
    for (size_t i = 0; i < c->nlisteners; i++) any |= c->listeners[i].tls != CFG_TLS_OFF;
    return any;
}

static SSL_CTX *make_clients(maker *m, bool make)
{
    const cfg_tls *t = &m->c->tls;
    static const unsigned char id[] = "straddle";
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL) {
        problem(m, "tls", "", "OpenSSL cannot be used");
        return NULL;
    }
    agree(m, ctx, t);
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets do: nothing is shared by threads */
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
    SSL_CTX_set_dh_auto(ctx, 1);
    if (t->certificate != NULL)
        use_certificate(m, ctx, t);
    else if (make && !px_tls_self_signed(ctx, m->c, m->diag))
        m->ok = false;
    if (t->ca != NULL) {
        use_ca(m, ctx, "client_ca", t->ca);
        SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(t->ca));
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    }
    return ctx;
}

static SSL_CTX *make_backend(maker *m, const cfg_server *s)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) {
        problem(m, "backend.tls", "", "OpenSSL cannot be used");
        return NULL;
    }
    agree(m, ctx, &s->tls);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, px_tls_new_session);
    if (s->tls.certificate != NULL) use_certificate(m, ctx, &s->tls);
    if (s->tls_mode == CFG_TLS_VERIFY_CA || s->tls_mode == CFG_TLS_VERIFY_IDENTITY) {
        use_ca(m, ctx, "backend.tls.ca", s->tls.ca);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    }
    return ctx;
}

/* Only where the way to the server is safe, and that from the client is not, does the proxy decrypt. */
static bool needs_own_key(const cfg_config *c)
{
    return c->backend.address.path != NULL ||
           (c->backend.tls_mode != CFG_TLS_DISABLED && c->backend.tls_mode != CFG_TLS_AS_CLIENT);
}

static mp_rsa *read_key(maker *m, const char *key, const char *file, bool private)
{
    FILE *f = fopen(file, "re");
    if (f == NULL) {
        b_buf_printf(m->diag, "%s: %s %s cannot be opened; see that it exists and may be read\n", m->c->file,
                     key, file);
        m->ok = false;
        return NULL;
    }
    EVP_PKEY *pkey =
        private ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : PEM_read_PUBKEY(f, NULL, NULL, NULL);
    fclose(f);
    mp_rsa *rsa = mp_rsa_take(pkey);
    if (rsa == NULL)
        problem(
            m, key, file,
            private
                ? "it must be the PEM file of an RSA private key of 2048 to 8192 bits, without a passphrase"
                : "it must be the PEM file of the server's RSA public key");
    return rsa;
}

static void make_keys(maker *m, px_tls_contexts *t, const px_tls_contexts *before, bool make)
{
    const cfg_config *c = m->c;
    if (c->backend.public_key != NULL)
        t->backend_key = read_key(m, "backend.public_key", c->backend.public_key, false);
    if (c->rsa_key != NULL)
        t->own = read_key(m, "rsa_key", c->rsa_key, true);
    else if (make && needs_own_key(c))
        t->own = before != NULL && before->own != NULL ? mp_rsa_ref(before->own) : mp_rsa_generate();
    if (m->ok && make && needs_own_key(c) && t->own == NULL)
        problem(m, "rsa_key", "", "a key could not be made");
}

bool px_tls_contexts_load(px_tls_contexts *t, const cfg_config *c, const px_tls_contexts *before, bool make,
                          b_buf *diag)
{
    maker m = {c, diag, true};
    *t = (px_tls_contexts){0};
    if (offered(c)) t->clients = make_clients(&m, make);
    if (c->backend.tls_mode != CFG_TLS_DISABLED) t->backend = make_backend(&m, &c->backend);
    for (size_t i = 0; i < c->nreplicas; i++) /* only looked at: the client library makes its own */
        if (c->replicas[i].tls_given) SSL_CTX_free(make_backend(&m, &c->replicas[i]));
    make_keys(&m, t, before, make);
    if (!m.ok) px_tls_contexts_free(t);
    return m.ok;
}

void px_tls_contexts_free(px_tls_contexts *t)
{
    SSL_CTX_free(t->clients);
    SSL_CTX_free(t->backend);
    mp_rsa_free(t->own);
    mp_rsa_free(t->backend_key);
    *t = (px_tls_contexts){0};
}
