/* Password proofs: see protocol/auth.h. The one file of the module that uses libcrypto, and of that only
 * digests, random bytes and constant-time helpers. No state, any thread. */
#include "protocol/auth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

enum { DIGEST_MAX = 32, RANDOM_TRIES = 64 };

/* A byte for a nonce, or 0: of 94 printable ones, not `$`, evenly. */
static char printable(unsigned char random)
{
    if (random >= 94 * 2) return 0;
    char c = (char)('!' + random % 94);
    return c == '$' ? 0 : c;
}

b_status mp_nonce(char nonce[MP_NONCE])
{
    unsigned char random[MP_NONCE * 2];
    size_t n = 0;
    for (int tries = 0; n < MP_NONCE && tries < RANDOM_TRIES; tries++) {
        if (RAND_bytes(random, sizeof random) != 1) return B_IO;
        for (size_t i = 0; i < sizeof random && n < MP_NONCE; i++) {
            nonce[n] = printable(random[i]);
            if (nonce[n] != 0) n++;
        }
    }
    mp_wipe(random, sizeof random);
    return n == MP_NONCE ? B_OK : B_IO;
}

typedef struct digest {
    const EVP_MD *md;
    unsigned size;
    bool nonce_first; /* native: H(nonce, H(H(p))); caching_sha2: H(H(H(p)), nonce) */
} digest;

static bool hash(const digest *d, b_slice first, b_slice second, unsigned char *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, d->md, NULL) == 1 &&
              EVP_DigestUpdate(ctx, first.p, first.n) == 1 &&
              EVP_DigestUpdate(ctx, second.p, second.n) == 1 && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

/* proof = H(p) xor H(nonce and H(H(p)), in the plugin's order). False when libcrypto refuses the digest;
 * out is zeroed then. */
static bool prove(const digest *d, b_slice password, const char *nonce, unsigned char *out)
{
    unsigned char once[DIGEST_MAX] = {0}, twice[DIGEST_MAX] = {0}, mixed[DIGEST_MAX] = {0};
    b_slice none = B_LIT(""), n = {nonce, MP_NONCE}, h = b_slice_of(twice, d->size);
    bool ok = hash(d, password, none, once) && hash(d, b_slice_of(once, d->size), none, twice) &&
              hash(d, d->nonce_first ? n : h, d->nonce_first ? h : n, mixed);
    for (unsigned i = 0; i < d->size; i++) out[i] = ok ? (unsigned char)(once[i] ^ mixed[i]) : 0;
    mp_wipe(once, sizeof once);
    mp_wipe(twice, sizeof twice);
    mp_wipe(mixed, sizeof mixed);
    return ok;
}

static digest native(void)
{
    return (digest){EVP_sha1(), MP_NATIVE_PROOF, true};
}

static digest sha2(void)
{
    return (digest){EVP_sha256(), MP_SHA2_PROOF, false};
}

void mp_native_proof(b_slice password, const char nonce[MP_NONCE], unsigned char out[MP_NATIVE_PROOF])
{
    digest d = native();
    (void)prove(&d, password, nonce, out);
}

void mp_sha2_proof(b_slice password, const char nonce[MP_NONCE], unsigned char out[MP_SHA2_PROOF])
{
    digest d = sha2();
    (void)prove(&d, password, nonce, out);
}

bool mp_proof_check(b_slice plugin, b_slice password, const char nonce[MP_NONCE], b_slice proof)
{
    bool is_native = b_slice_eq(plugin, B_LIT("mysql_native_password"));
    if (!is_native && !b_slice_eq(plugin, B_LIT("caching_sha2_password"))) return false;
    if (password.n == 0) return proof.n == 0;
    digest d = is_native ? native() : sha2();
    unsigned char want[DIGEST_MAX] = {0};
    bool ok =
        prove(&d, password, nonce, want) && proof.n == d.size && CRYPTO_memcmp(want, proof.p, d.size) == 0;
    mp_wipe(want, sizeof want);
    return ok;
}

void mp_wipe(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}
