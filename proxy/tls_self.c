/* The certificate that the proxy makes for itself where the configuration names none. See tls_context.h.
 * Key and certificate are one file, so that two proxies that start at once beside one configuration agree on
 * one of theirs. */
#include "tls_context.h"

#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DAYS = 3650, NAME = 256, PATH = 4096 };

static bool add_names(X509 *x)
{
    char host[NAME - 1], names[2 * NAME];
    if (gethostname(host, sizeof host) != 0) snprintf(host, sizeof host, "localhost");
    host[sizeof host - 1] = '\0';
    bool plain =
        host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")] == '\0';
    snprintf(names, sizeof names, "DNS:localhost,IP:127.0.0.1,IP:::1%s%s", plain ? ",DNS:" : "",
             plain ? host : "");
    X509V3_CTX v;
    X509V3_set_ctx_nodb(&v);
    X509V3_set_ctx(&v, x, x, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &v, NID_subject_alt_name, names);
    bool ok = ext != NULL && X509_add_ext(x, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

static X509 *make_certificate(EVP_PKEY *key)
{
    unsigned char random[8];
    X509 *x = X509_new();
    BIGNUM *serial = RAND_bytes(random, sizeof random) == 1 ? BN_bin2bn(random, sizeof random, NULL) : NULL;
    X509_NAME *name = x == NULL ? NULL : X509_get_subject_name(x);
    bool ok =
        name != NULL && serial != NULL && X509_set_version(x, 2) == 1 &&
        BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x)) != NULL &&
        X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
        X509_time_adj_ex(X509_getm_notAfter(x), DAYS, 0, NULL) != NULL && X509_set_pubkey(x, key) == 1 &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"straddle", -1, -1, 0) ==
            1 &&
        X509_set_issuer_name(x, name) == 1 && add_names(x) && X509_sign(x, key, EVP_sha256()) > 0;
    BN_free(serial);
    if (ok) return x;
    X509_free(x);
    return NULL;
}

static void path_of(const cfg_config *c, char out[PATH])
{
    const char *slash = strrchr(c->file, '/');
    int dir = slash == NULL ? 0 : (int)(slash - c->file) + 1;
    snprintf(out, PATH, "%.*sstraddle-tls.pem", dir, c->file);
}

/* The file appears whole or not at all, and the first one stays. False with errno. */
static bool write_file(const char *path, EVP_PKEY *key, X509 *x)
{
    char temp[PATH + 16];
    snprintf(temp, sizeof temp, "%s.XXXXXX", path);
    int fd = mkstemp(temp); /* mode 0600 */
    if (fd < 0) return false;
    FILE *f = fdopen(fd, "w");
    if (f == NULL) {
        close(fd);
        unlink(temp);
        return false;
    }
    bool ok = PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 && PEM_write_X509(f, x) == 1;
    ok = fflush(f) == 0 && fsync(fd) == 0 && ok;
    fclose(f);
    ok = ok && (link(temp, path) == 0 || errno == EEXIST);
    int error = errno;
    unlink(temp);
    errno = error;
    return ok;
}

static bool use_file(SSL_CTX *ctx, const char *path)
{
    return SSL_CTX_use_certificate_chain_file(ctx, path) == 1 &&
           SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) == 1;
}

static bool make(SSL_CTX *ctx, const char *path, b_buf *diag)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = key == NULL ? NULL : make_certificate(key);
    bool ok = x != NULL;
    if (ok && write_file(path, key, x)) {
        b_buf_printf(
            diag,
            "straddle: made a self-signed certificate for TLS: %s; name one of your own under tls in "
            "the configuration for clients that verify it\n",
            path);
        ok = use_file(ctx, path);
    } else if (ok) {
        b_buf_printf(diag,
                     "straddle: made a self-signed certificate for TLS, for this run only, as %s cannot be "
                     "written (%s); name one of your own under tls in the configuration\n",
                     path, strerror(errno));
        ok = SSL_CTX_use_certificate(ctx, x) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1;
    }
    X509_free(x);
    EVP_PKEY_free(key);
    return ok;
}

bool px_tls_self_signed(SSL_CTX *ctx, const cfg_config *c, b_buf *diag)
{
    char path[PATH], why[160];
    path_of(c, path);
    if (access(path, F_OK) == 0 ? use_file(ctx, path) : make(ctx, path, diag)) return true;
    px_tls_error_text(why, sizeof why);
    b_buf_printf(
        diag,
        "%s: the self-signed certificate in %s cannot be used: %s; remove the file for a new one, or "
        "name a certificate under tls\n",
        c->file, path, why);
    return false;
}
