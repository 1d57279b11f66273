/* The checksum of A against B: every row, in chunks of the primary key, byte for byte and null-safe. One
 * statement reads both columns of a row in one version of it, so a dual write in motion is no false alarm,
 * and a chunk is a consistent snapshot by itself. Reads only. */
#include "mig.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_ROWS = 20000, KEYS_SHOWN = 5 };

/* The keys of the first differing rows of a chunk, for people: `3; 17`, or `(3, x'61')` for several columns.
 */
static b_status note_keys(mig_db *db, const mig__m *m, const mig__key *k, const char *last, const char *hi,
                          mig__checksum *out, b_err *err)
{
    b_buf q = {0};
    b_table *t = NULL;
    b_buf_str(&q, "SELECT ");
    mig__key_select(k, &q);
    mig__key_rows(k, m, last, hi, &q);
    b_buf_str(&q, " AND ");
    mig__differs(m, &q);
    b_buf_printf(&q, " LIMIT %d", KEYS_SHOWN);
    b_status s = mig__ask(db, &t, err, &q);
    b_buf_clear(&q);
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++) {
        b_buf one = {0};
        if (mig__key_literals(k, t, i, &one)) {
            for (size_t c = 0; c < one.n; c++)
                if (one.p[c] == '\n') one.p[c] = ',';
            b_buf_printf(&q, "%s%s", i > 0 ? "; " : "", b_buf_cstr(&one));
        }
        b_buf_deinit(&one);
    }
    size_t n = q.n < sizeof out->first_keys - 1 ? q.n : sizeof out->first_keys - 1;
    if (s == B_OK && n > 0) {
        memcpy(out->first_keys, q.p, n);
        out->first_keys[n] = '\0';
    }
    b_buf_deinit(&q);
    b_table_free(t);
    return s;
}

static b_status check_chunk(mig_db *db, const mig__m *m, const mig__key *k, const char *last, const char *hi,
                            mig__checksum *out, b_err *err)
{
    b_buf q = {0};
    b_table *t = NULL;
    b_buf_str(&q, "SELECT COUNT(*) AS n, COALESCE(SUM(");
    mig__differs(m, &q);
    b_buf_str(&q, "), 0) AS d");
    mig__key_rows(k, m, last, hi, &q);
    b_status s = mig__ask(db, &t, err, &q);
    b_buf_deinit(&q);
    if (s != B_OK) return s;
    uint64_t differing = mig__cell_u64(t, 0, "d");
    out->rows += mig__cell_u64(t, 0, "n");
    out->chunks++;
    b_table_free(t);
    if (differing > 0 && out->differing == 0) s = note_keys(db, m, k, last, hi, out, err);
    out->differing += differing;
    return s;
}

b_status mig__verify(mig_engine *e, mig_db *db, mig__m *m, mig__checksum *out, b_err *err)
{
    mig__key key;
    b_buf last = {0}, hi = {0};
    uint64_t started = mig__now_ms(), found = 1;
    *out = (mig__checksum){0};
    b_status s = mig__zone_set(db, m, err);
    if (s == B_OK) s = mig__key_load(db, m->schema, m->table, &key, err);
    if (s != B_OK) return s;
    while (s == B_OK) {
        const char *from = last.n > 0 ? b_buf_cstr(&last) : NULL;
        if (mig__stopping(e))
            s = b_fail(err, B_CANCELLED, "the proxy is stopping; VERIFY MIGRATION %s starts anew", m->name);
        if (s == B_OK) s = mig__key_range(db, m, &key, from, CHUNK_ROWS, &hi, &found, err);
        if (s != B_OK || found == 0) break;
        s = check_chunk(db, m, &key, from, b_buf_cstr(&hi), out, err);
        b_buf_clear(&last);
        b_buf_slice(&last, b_buf_view(&hi));
        if (last.failed) s = b_fail(err, B_NOMEM, "out of memory");
        if (found < CHUNK_ROWS) break;
    }
    out->ms = mig__now_ms() - started;
    b_buf_deinit(&last);
    b_buf_deinit(&hi);
    mig__key_deinit(&key);
    b_err ignored; /* leases are compared in the server's own zone on this connection */
    b_status back = mig__zone_reset(db, s == B_OK ? err : &ignored);
    return s == B_OK ? back : s;
}
