/* What TLS needs of one configuration: certificates, keys, whom to believe. Made when the file is read, and
 * immutable; connections that began under an older one keep that. */
#ifndef PROXY_TLS_CONTEXT_H
#define PROXY_TLS_CONTEXT_H

#include "base/buf.h"
#include "config/config.h"
#include "protocol/rsa.h"

#include <openssl/ssl.h>

typedef struct px_tls_contexts {
    SSL_CTX *clients;    /* NULL: it is offered nowhere */
    SSL_CTX *backend;    /* NULL: mode disabled */
    mp_rsa *own;         /* for passwords from clients without TLS; NULL: none can be needed */
    mp_rsa *backend_key; /* the server's public one; NULL: it is asked */
} px_tls_contexts;

/* False with the reasons in *diag, in the words of the configuration's own. before: those in force, whose
 * made key is taken over; or NULL. make: a certificate that is missing is made, and *diag says so; else it is
 * left out, as for check-config. */
bool px_tls_contexts_load(px_tls_contexts *t, const cfg_config *c, const px_tls_contexts *before, bool make,
                          b_buf *diag) B_MUSTCHECK;
void px_tls_contexts_free(px_tls_contexts *t);

/* tls_self.c: gives ctx the self-signed certificate in `straddle-tls.pem` beside the configuration file,
 * which is made where it is not there. */
bool px_tls_self_signed(SSL_CTX *ctx, const cfg_config *c, b_buf *diag) B_MUSTCHECK;

#endif
