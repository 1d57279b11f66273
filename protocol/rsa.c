/* Passwords under RSA: see protocol/rsa.h. */
#include "protocol/rsa.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { BITS = 2048, LEAST_BITS = 1024, MOST_BITS = 8192, MAX_PEM = 16384, LINE = 64, OAEP = 42 };

static const char head[] = "-----BEGIN PUBLIC KEY-----", tail[] = "-----END PUBLIC KEY-----";

struct mp_rsa {
    EVP_PKEY *key;
    atomic_uint refs;
};

mp_rsa *mp_rsa_take(void *pkey)
{
    EVP_PKEY *key = pkey;
    mp_rsa *k = NULL;
    if (key != NULL && EVP_PKEY_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_bits(key) >= LEAST_BITS &&
        EVP_PKEY_bits(key) <= MOST_BITS)
        k = calloc(1, sizeof *k);
    if (k == NULL) {
        EVP_PKEY_free(key);
        return NULL;
    }
    k->key = key;
    atomic_init(&k->refs, 1);
    return k;
}

mp_rsa *mp_rsa_generate(void)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, BITS) != 1 ||
        EVP_PKEY_keygen(ctx, &key) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return mp_rsa_take(key);
}

mp_rsa *mp_rsa_ref(mp_rsa *k)
{
    atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

void mp_rsa_free(mp_rsa *k)
{
    if (k == NULL || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1) return;
    EVP_PKEY_free(k->key);
    free(k);
}

/* The base64 between the two lines, without line ends. */
static bool inner(b_slice pem, b_buf *out)
{
    const char *from = memmem(pem.p, pem.n, head, sizeof head - 1);
    if (from == NULL) return false;
    from += sizeof head - 1;
    const char *to = memmem(from, pem.n - (size_t)(from - pem.p), tail, sizeof tail - 1);
    if (to == NULL) return false;
    for (; from < to; from++)
        if (*from != '\n' && *from != '\r') b_buf_char(out, *from);
    return !out->failed && out->n > 0 && out->n % 4 == 0;
}

mp_rsa *mp_rsa_of_pem(b_slice pem)
{
    b_buf text = {0};
    unsigned char der[MAX_PEM];
    EVP_PKEY *key = NULL;
    if (pem.n > 0 && pem.n <= MAX_PEM && inner(pem, &text)) {
        int n = EVP_DecodeBlock(der, (const unsigned char *)text.p, (int)text.n); /* padding counts as NULs */
        const unsigned char *at = der;
        if (n > 0) key = d2i_PUBKEY(NULL, &at, n);
    }
    b_buf_deinit(&text);
    return mp_rsa_take(key);
}

void mp_rsa_public_pem(const mp_rsa *k, b_buf *out)
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(k->key, &der);
    if (n <= 0) {
        out->failed = true;
        return;
    }
    b_buf_printf(out, "%s\n", head);
    for (int at = 0, part; at < n; at += part) {
        unsigned char line[LINE + 1];
        part = n - at < LINE / 4 * 3 ? n - at : LINE / 4 * 3;
        int m = EVP_EncodeBlock(line, der + at, part);
        b_buf_printf(out, "%.*s\n", m, (char *)line);
    }
    b_buf_printf(out, "%s\n", tail);
    OPENSSL_free(der);
}

size_t mp_rsa_size(const mp_rsa *k)
{
    return (size_t)EVP_PKEY_size(k->key);
}

typedef int (*init_fn)(EVP_PKEY_CTX *ctx);

static EVP_PKEY_CTX *begin(const mp_rsa *k, init_fn init)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->key, NULL);
    if (ctx != NULL && init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static void mix(unsigned char *p, size_t n, const char nonce[MP_NONCE])
{
    for (size_t i = 0; i < n; i++) p[i] ^= (unsigned char)nonce[i % MP_NONCE];
}

b_status mp_rsa_seal(const mp_rsa *k, b_slice password, const char nonce[MP_NONCE], b_buf *out)
{
    unsigned char mixed[MOST_BITS / 8], sealed[MOST_BITS / 8];
    size_t n = mp_rsa_size(k);
    if (n > sizeof sealed || password.n + OAEP > n) return B_TOO_BIG;
    memcpy(mixed, password.p, password.n);
    mix(mixed, password.n, nonce);
    EVP_PKEY_CTX *ctx = begin(k, EVP_PKEY_encrypt_init);
    bool ok = ctx != NULL && EVP_PKEY_encrypt(ctx, sealed, &n, mixed, password.n) == 1;
    EVP_PKEY_CTX_free(ctx);
    mp_wipe(mixed, sizeof mixed);
    if (ok) b_buf_add(out, sealed, n);
    return ok && !out->failed ? B_OK : B_IO;
}

b_status mp_rsa_open(const mp_rsa *k, b_slice sealed, const char nonce[MP_NONCE], b_buf *out)
{
    unsigned char plain[MOST_BITS / 8];
    size_t n = sizeof plain;
    if (sealed.n != mp_rsa_size(k)) return B_MALFORMED;
    EVP_PKEY_CTX *ctx = begin(k, EVP_PKEY_decrypt_init);
    bool ok = ctx != NULL &&
              EVP_PKEY_decrypt(ctx, plain, &n, (const unsigned char *)sealed.p, sealed.n) == 1 && n > 0;
    EVP_PKEY_CTX_free(ctx);
    if (ok) mix(plain, n, nonce);
    ok = ok && plain[n - 1] == '\0';
    if (ok) b_buf_add(out, plain, n);
    mp_wipe(plain, sizeof plain);
    return ok && !out->failed ? B_OK : B_MALFORMED;
}
