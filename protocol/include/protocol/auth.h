/* Password proofs, for the admin port (which checks them) and for tests. The data path relays and needs none.
 * Source: MySQL Internals, "Secure Password Authentication"; MySQL server documentation,
 * "Caching SHA-2 Pluggable Authentication". */
#ifndef PROTOCOL_AUTH_H
#define PROTOCOL_AUTH_H

#include "base/slice.h"
#include "base/status.h"

enum { MP_NONCE = 20, MP_NATIVE_PROOF = 20, MP_SHA2_PROOF = 32 };

/* Random printable bytes without NUL or `$`, as servers send. B_IO when the system has no randomness. */
b_status mp_nonce(char nonce[MP_NONCE]) B_MUSTCHECK;

/* The client's side. (All zero should libcrypto refuse the digest, as a restricted build may.) */
void mp_native_proof(b_slice password, const char nonce[MP_NONCE], unsigned char out[MP_NATIVE_PROOF]);
void mp_sha2_proof(b_slice password, const char nonce[MP_NONCE], unsigned char out[MP_SHA2_PROOF]);

/* In constant time. An empty proof is right for an empty password only. */
bool mp_proof_check(b_slice plugin, b_slice password, const char nonce[MP_NONCE], b_slice proof);

void mp_wipe(void *p, size_t n); /* not optimised away */

#endif
