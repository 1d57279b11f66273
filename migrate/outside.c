/* What an operator's own check says of the load: a SELECT of one value, or an HTTP address. */
#include "mig.h"

#include <curl/curl.h>
#include <stdlib.h>

enum { HTTP_MS = 1000, GONE = 410 };

b_status mig__check_sql(mig_db *db, const char *sql, uint64_t *says, b_err *err)
{
    char value[32] = "0";
    b_status s = mig_db_scalar(db, sql, value, sizeof value, err);
    if (s != B_OK && s != B_NOT_FOUND) return s;
    *says = s == B_NOT_FOUND ? 0 : strtoull(value, NULL, 10);
    return B_OK;
}

static size_t drop(char *p, size_t size, size_t n, void *ctx)
{
    (void)p, (void)ctx;
    return size * n;
}

b_status mig__check_http(const char *url, uint64_t *says, b_err *err)
{
    CURL *c = curl_easy_init();
    long code = 0;
    if (c == NULL) return b_fail(err, B_NOMEM, "out of memory for an HTTP request");
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)HTTP_MS);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
    CURLcode rc = curl_easy_perform(c);
    if (rc == CURLE_OK) rc = curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_cleanup(c);
    if (rc != CURLE_OK) return b_fail(err, B_LOST, "%s: %s", url, curl_easy_strerror(rc));
    *says = code >= 200 && code < 300 ? 0 : code == GONE ? 2 : 1;
    return B_OK;
}
