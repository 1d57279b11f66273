/* TLS as a layer of a session's connection. Loop thread only. */
#ifndef PROXY_TLS_LAYER_H
#define PROXY_TLS_LAYER_H

#include "conn.h"
#include "tls.h"

/* Puts TLS on the connection, as a server. p: bytes that came after the packet that asked for it: they are
 * TLS already, and never read as packets. False: out of memory. px_session_secured is called once the
 * handshake is over. */
bool px_tls_layer_start(px_conn *c, SSL_CTX *ctx, char *p, size_t n);
/* As a client: resumes the loop's session with the backend, begins the handshake. server_name: what the
 * certificate must be for; NULL: anything. */
bool px_tls_layer_connect(px_conn *c, SSL_CTX *ctx, const char *server_name);

/* NULL where the connection has no TLS. */
const px_tls *px_tls_layer_of(const px_conn *c);
/* Passwords pass: plaintext is wiped in OpenSSL's own memory, too. */
void px_tls_layer_secret(px_conn *c, bool on);

#endif
