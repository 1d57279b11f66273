/* RSA as sha256_password and caching_sha2_password use it where a connection is not safe by itself: the
 * password and its NUL, mixed with the nonce, encrypted with OAEP.
 * Source: MySQL server documentation, "Caching SHA-2 Pluggable Authentication", "SHA-256 Pluggable
 * Authentication". Immutable once made; any thread. */
#ifndef PROTOCOL_RSA_H
#define PROTOCOL_RSA_H

#include "base/buf.h"
#include "protocol/auth.h"

typedef struct mp_rsa mp_rsa;

mp_rsa *mp_rsa_generate(void);   /* NULL: libcrypto cannot */
mp_rsa *mp_rsa_take(void *pkey); /* an EVP_PKEY *, which it owns then; NULL, and freed, if it is no RSA key of
                                    2048 to 8192 bits (a public one: from 1024) */
mp_rsa *mp_rsa_of_pem(b_slice pem); /* BEGIN PUBLIC KEY, as servers send; NULL: it is none */
mp_rsa *mp_rsa_ref(mp_rsa *k);
void mp_rsa_free(mp_rsa *k); /* NULL is fine */
void mp_rsa_public_pem(const mp_rsa *k, b_buf *out);
size_t mp_rsa_size(const mp_rsa *k); /* bytes of what is encrypted */

/* password: with its NUL. B_TOO_BIG: longer than the key can take; B_IO: libcrypto cannot. */
b_status mp_rsa_seal(const mp_rsa *k, b_slice password, const char nonce[MP_NONCE], b_buf *out) B_MUSTCHECK;
/* Appends the password with its NUL. B_MALFORMED: not encrypted with this key. */
b_status mp_rsa_open(const mp_rsa *k, b_slice sealed, const char nonce[MP_NONCE], b_buf *out) B_MUSTCHECK;

#endif
