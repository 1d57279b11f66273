/* The checksum of A against B: every row, in chunks of the primary key, byte for byte and null-safe. One
 * statement reads both columns of a row in one version of it, so a dual write in motion is no false alarm,
 * and a chunk is a consistent snapshot by itself. Changes rows of the table only to repair them. */
#include "mig.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_ROWS = 20000, KEYS_SHOWN = 5, ROWS_KEPT = 100 /* of a chunk */ };

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

/* One value a pair, as bytes. */
void mig__values(const mig__m *m, bool old, b_buf *q)
{
    b_buf_str(q, "LEFT(CONCAT_WS('; '");
    for (size_t i = 0; i < m->npairs; i++) {
        const char *column = old ? m->pairs[i].from : m->pairs[i].to;
        if (column[0] == '\0') continue;
        b_buf_str(q, ", IFNULL(CAST("), b_buf_ident(q, b_slice_str(column)),
            b_buf_str(q, " AS BINARY), 'NULL')");
    }
    b_buf_str(q, "), 1000)");
}

/* Keeps keys and values of rows that differ, for SHOW DIFFERENCES. */
static b_status keep_rows(mig_db *db, const mig__m *m, const mig__key *k, const char *last, const char *hi,
                          b_err *err)
{
    b_buf q = {0};
    b_buf_str(&q, "INSERT INTO straddle.differences (migration, key_hash, key_text, old_value, new_value, "
                  "seen) SELECT ");
    b_buf_quote(&q, b_slice_str(m->name));
    b_buf_str(&q, ", UNHEX(SHA2(CONCAT_WS(', ', ");
    mig__key_select(k, &q);
    b_buf_str(&q, "), 256)), LEFT(CONCAT_WS(', ', ");
    mig__key_select(k, &q);
    b_buf_str(&q, "), 700), ");
    mig__values(m, true, &q), b_buf_str(&q, ", "), mig__values(m, false, &q), b_buf_str(&q, ", NOW(3)");
    mig__key_rows(k, m, last, hi, &q);
    b_buf_str(&q, " AND ");
    mig__differs(m, &q);
    b_buf_printf(
        &q,
        " LIMIT %d ON DUPLICATE KEY UPDATE old_value = VALUES(old_value), new_value = VALUES(new_value), "
        "seen = VALUES(seen), repaired = NULL",
        ROWS_KEPT);
    b_status s = mig__run(db, err, &q);
    b_buf_deinit(&q);
    return s;
}

b_status mig__verify_range(mig_db *db, const mig__m *m, const mig__key *k, const char *last, const char *hi,
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
    return s == B_OK && differing > 0 ? keep_rows(db, m, k, last, hi, err) : s;
}

/* The column that reads go to is what the application has seen. In switched a row in which that is NULL and
 * the old one is not keeps its only value, and stays different. */
static b_status repair_range(mig_db *db, const mig__m *m, const mig__key *k, const char *last, const char *hi,
                             mig__checksum *out, b_err *err)
{
    b_buf keep = {0};
    uint64_t changed = 0;
    mig__checksum again = {0};
    b_status s = mig__fill_keep(db, m, &keep, err);
    if (s == B_OK)
        s = mig__fill(db, m, k, last, hi, m->phase == RW_SWITCHED, m->phase == RW_SWITCHED, b_buf_cstr(&keep),
                      &changed, err);
    b_buf_deinit(&keep);
    if (s == B_OK) s = mig__verify_range(db, m, k, last, hi, &again, err);
    out->repaired += changed;
    out->differing = again.differing;
    return s;
}

/* What is looked at, and repaired where it is told to. */
static b_status check_chunk(mig_db *db, const mig__m *m, const mig__key *k, const char *last, const char *hi,
                            bool repair, mig__checksum *out, b_err *err)
{
    mig__checksum here = {0};
    b_status s = mig__verify_range(db, m, k, last, hi, &here, err);
    if (s == B_OK && here.differing > 0 && repair) s = repair_range(db, m, k, last, hi, &here, err);
    if (out->first_keys[0] == '\0') memcpy(out->first_keys, here.first_keys, sizeof out->first_keys);
    out->rows += here.rows, out->chunks += here.chunks;
    out->differing += here.differing, out->repaired += here.repaired;
    return s;
}

b_status mig__verify(mig_engine *e, mig_db *db, mig__m *m, bool repair, mig__checksum *out, b_err *err)
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
        s = check_chunk(db, m, &key, from, b_buf_cstr(&hi), repair, out, err);
        b_buf_clear(&last);
        b_buf_slice(&last, b_buf_view(&hi));
        if (last.failed) s = b_fail(err, B_NOMEM, "out of memory");
        if (found < CHUNK_ROWS) break;
    }
    if (s == B_OK && repair && out->differing == 0)
        s = mig_db_exec(
            db, NULL, err,
            "UPDATE straddle.differences SET repaired = NOW(3) WHERE migration = %s AND repaired IS NULL",
            mig__q(m->arena, m->name));
    out->ms = mig__now_ms() - started;
    b_buf_deinit(&last);
    b_buf_deinit(&hi);
    mig__key_deinit(&key);
    b_err ignored; /* leases are compared in the server's own zone on this connection */
    b_status back = mig__zone_reset(db, s == B_OK ? err : &ignored);
    return s == B_OK ? back : s;
}
