/* Looks at rows that somebody wrote past the proxy, perhaps: whether they are right. What is not goes into
 * straddle.bypass, into the log and to the hooks, and is repaired where the migration says so, or an operator
 * does. The phase cannot change meanwhile: the row of the backfill is locked, as publishing locks it. */
#include "bypass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 100 };

typedef struct look {
    mig_engine *e;
    mig_db *db;
    const mig__watched *w;
    mig__suspects *waiting;
    const mig__suspect *v; /* the first n of them, of w only */
    size_t n;
    bool *stale; /* the phase has changed since w was read: they have to be looked at again */
} look;

/* ---- which rows need to be right ---- */

/* The condition on rows that have to be right now; *none: there are none. Locks the phase, where told to. */
static b_status bound(const look *l, bool lock, b_buf *out, bool *none, b_err *err)
{
    b_table *t = NULL;
    const mig__m *m = l->w->m;
    *none = true;
    b_status s = mig__query(l->db, &t, err,
                            "SELECT phase, generation, state, last_key FROM straddle.backfill WHERE "
                            "migration = '%s'%s",
                            m->name, lock ? " LOCK IN SHARE MODE" : "");
    if (s != B_OK) return s;
    b_slice state = mig__cell(t, 0, "state"), last = mig__cell(t, 0, "last_key");
    bool both = m->phase == RW_DUAL_WRITE || (m->phase == RW_SWITCHED && !m->one_way);
    bool same = b_table_rows(t) == 1 && mig__cell_u64(t, 0, "generation") == m->generation &&
                b_slice_eq(mig__cell(t, 0, "phase"), b_slice_str(rw_phase_name(m->phase)));
    *l->stale = *l->stale || !same;
    if (both && same) {
        *none = !b_slice_eq(state, B_LIT("complete")) && (last.p == NULL || b_slice_eq(state, B_LIT("none")));
        if (!*none && !b_slice_eq(state, B_LIT("complete"))) {
            b_buf lits = {0};
            b_buf_slice(&lits, last);
            b_buf_str(out, " AND "), mig__key_upto(&l->w->key, b_buf_cstr(&lits), out);
            if (lits.failed) out->failed = true;
            b_buf_deinit(&lits);
        }
    }
    b_table_free(t);
    return B_OK;
}

static void any_of(const look *l, b_buf *out)
{
    b_buf_str(out, " AND (");
    for (size_t i = 0; i < l->n; i++) {
        if (i > 0) b_buf_str(out, " OR ");
        mig__key_is(&l->w->key, l->v[i].key, out);
    }
    b_buf_char(out, ')');
}

/* Rows that are not right: the key, and both values as hexadecimal text. */
static b_status wrong(const look *l, bool lock, b_table **out, b_err *err)
{
    b_buf q = {0}, more = {0};
    bool none = false;
    *out = NULL;
    b_status s = bound(l, lock, &more, &none, err);
    if (s == B_OK && !none) {
        b_buf_str(&q, "SELECT "), mig__key_select(&l->w->key, &q);
        b_buf_str(&q, ", HEX("), mig__values(l->w->m, true, &q);
        b_buf_str(&q, ") AS old_hex, HEX("), mig__values(l->w->m, false, &q), b_buf_str(&q, ") AS new_hex, ");
        mig__bypass_blank(l->w->m, true, &q), b_buf_str(&q, " AS old_blank, ");
        mig__bypass_blank(l->w->m, false, &q), b_buf_str(&q, " AS new_blank");
        mig__key_rows(&l->w->key, l->w->m, NULL, NULL, &q);
        any_of(l, &q), b_buf_slice(&q, b_buf_view(&more)), b_buf_str(&q, " AND "), mig__differs(l->w->m, &q);
        if (more.failed) q.failed = true;
        s = mig__ask(l->db, out, err, &q);
    }
    b_buf_deinit(&q), b_buf_deinit(&more);
    return s;
}

/* ---- what is done about one ---- */

/* The one that wrote it last. */
static const mig__suspect *writer(const look *l, const char *key)
{
    const mig__suspect *last = NULL;
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i].key, key) == 0) last = &l->v[i];
    return last;
}

/* Which column alone was written, by all that wrote the row; "": both were, or it cannot be told. */
static const char *side(const look *l, const b_table *t, size_t row, const char *key)
{
    bool by_old = false, by_new = false, inserted = false;
    for (size_t i = 0; i < l->n; i++) {
        const mig__suspect *x = &l->v[i];
        if (strcmp(x->key, key) != 0) continue;
        by_old = by_old || x->by_old, by_new = by_new || x->by_new, inserted = inserted || x->inserted;
    }
    if (inserted) {
        bool old = mig__cell_u64(t, row, "old_blank") == 0, new = mig__cell_u64(t, row, "new_blank") == 0;
        by_old = by_old || old || !new, by_new = by_new || new || !old;
    }
    return by_old == by_new ? "" : by_old ? "old" : "new";
}

/* Is the row written once more by one that is not due yet? That one is looked at for both. */
static bool deferred(const look *l, const char *key)
{
    for (size_t i = l->waiting->from + l->n; i < l->waiting->n; i++) {
        mig__suspect *x = &l->waiting->v[i];
        if (x->watched != l->v[0].watched || strcmp(x->key, key) != 0) continue;
        for (size_t k = 0; k < l->n; k++) {
            if (strcmp(l->v[k].key, key) != 0) continue;
            x->by_old = x->by_old || l->v[k].by_old, x->by_new = x->by_new || l->v[k].by_new;
            x->inserted = x->inserted || l->v[k].inserted;
        }
        return true;
    }
    return false;
}

static b_status record(const look *l, const b_table *t, size_t i, const char *key, b_err *err)
{
    b_buf q = {0};
    const mig__suspect *by = writer(l, key);
    b_slice old = mig__cell(t, i, "old_hex"), new = mig__cell(t, i, "new_hex");
    b_buf_str(&q, "INSERT INTO straddle.bypass (migration, key_hash, key_text, server_id, written, seen, "
                  "side, old_value, "
                  "new_value) VALUES (");
    b_buf_quote(&q, b_slice_str(l->w->m->name)), b_buf_str(&q, ", UNHEX(SHA2(");
    b_buf_quote(&q, b_slice_str(key)), b_buf_str(&q, ", 256)), "), b_buf_quote(&q, b_slice_str(key));
    b_buf_printf(
        &q,
        ", %u, FROM_UNIXTIME(%u), NOW(3), '%s', x'%.*s', x'%.*s') ON DUPLICATE KEY UPDATE server_id = "
        "VALUES(server_id), written = VALUES(written), seen = VALUES(seen), side = IF(repaired IS NULL AND "
        "side <> VALUES(side), '', VALUES(side)), old_value = VALUES(old_value), new_value = "
        "VALUES(new_value), repaired = NULL",
        by == NULL ? 0 : by->server, by == NULL ? 0 : by->when, side(l, t, i, key), B_ARG(old), B_ARG(new));
    b_status s = mig__run(l->db, err, &q);
    b_buf_deinit(&q);
    return s;
}

static b_status one(const look *l, const b_table *t, size_t i, bool *recorded, b_err *err)
{
    b_buf key = {0};
    if (!mig__key_literals(&l->w->key, t, i, &key)) return b_fail(err, B_NOMEM, "a key cannot be read");
    *recorded = !deferred(l, b_buf_cstr(&key));
    b_status s = *recorded ? record(l, t, i, b_buf_cstr(&key), err) : B_OK;
    b_buf_deinit(&key);
    return s;
}

/* One that cannot be made right, as its value does not fit, is left as one that must not be. */
static b_status make_right(const look *l, const b_table *t, size_t i, size_t *repaired, b_err *err)
{
    b_buf key = {0};
    bool done = false;
    if (!mig__key_literals(&l->w->key, t, i, &key)) return b_fail(err, B_NOMEM, "a key cannot be read");
    b_status s = mig__bypass_repair_row(l->db, l->w->m, &l->w->key, b_buf_cstr(&key), &done, err);
    b_buf_deinit(&key);
    if (s == B_DATABASE && err->db_errno != 1205 && err->db_errno != 1213) {
        b_logf(l->e->log, B_WARN, "migrate", "migration=%s guard: a row is not repaired: %s", l->w->m->name,
               err->msg);
        s = B_OK;
    }
    if (done) ++*repaired;
    return s;
}

static b_status tell(const look *l, const b_table *t, size_t first_row, size_t found, size_t repaired,
                     b_err *err)
{
    char what[400];
    b_buf first = {0};
    const mig__m *m = l->w->m;
    const mig__suspect *by =
        mig__key_literals(&l->w->key, t, first_row, &first) ? writer(l, b_buf_cstr(&first)) : NULL;
    for (size_t i = 0; i < first.n; i++)
        if (first.p[i] == '\n') first.p[i] = ',';
    snprintf(what, sizeof what,
             "%zu rows were written past the proxy, first: %.200s, by server %u; %zu repaired, see SHOW "
             "BYPASS%s",
             found, b_buf_cstr(&first), by == NULL ? 0 : by->server, repaired,
             repaired == found ? "" : " and REPAIR BYPASS");
    b_buf_deinit(&first);
    b_logf(l->e->log, repaired == found ? B_WARN : B_ERROR, "migrate", "migration=%s guard: %s", m->name,
           what);
    mig__hook(l->e, "bypass", m->name, rw_phase_name(m->phase), NULL, what);
    if (repaired == found) return B_OK;
    return mig__query(l->db, NULL, err,
                      "UPDATE straddle.migrations SET last_error = %s, checksum_clean = 0 WHERE name = "
                      "'%s'",
                      mig__q(m->arena, what), m->name);
}

/* ---- a batch ---- */

static size_t rows_of(const b_table *t) /* NULL: no row has to be right */
{
    return t == NULL ? 0 : b_table_rows(t);
}

static b_status report(const look *l, b_err *err)
{
    b_table *t = NULL;
    bool recorded[BATCH] = {false};
    size_t first = BATCH, found = 0, repaired = 0;
    b_status s = mig__begin(l->db, err);
    if (s == B_OK) s = wrong(l, true, &t, err);
    for (size_t i = 0; s == B_OK && i < rows_of(t) && i < BATCH; i++) {
        s = one(l, t, i, &recorded[i], err);
        if (recorded[i] && found++ == 0) first = i;
    }
    if (s == B_OK) s = mig__commit(l->db, err);
    if (s != B_OK) mig__undo(l->db);
    for (size_t i = 0; s == B_OK && l->w->m->guard_repair && i < rows_of(t) && i < BATCH; i++)
        if (recorded[i]) s = make_right(l, t, i, &repaired, err);
    if (s == B_OK && found > 0) s = tell(l, t, first, found, repaired, err);
    b_table_free(t);
    return s;
}

static b_status batch(const look *l, b_err *err)
{
    b_table *t = NULL;
    b_err ignored;
    b_status s = mig__zone_set(l->db, l->w->m, err);
    if (s == B_OK) s = wrong(l, false, &t, err);
    if (s == B_OK && rows_of(t) > 0) s = report(l, err);
    b_table_free(t);
    b_status back = mig__zone_reset(l->db, s == B_OK ? err : &ignored);
    return s == B_OK ? back : s;
}

/* The first ones that are due and of one migration. */
static size_t count(const mig__suspects *s, bool all, uint64_t now)
{
    size_t n = 0;
    const mig__suspect *v = s->v + s->from;
    while (n < BATCH && s->from + n < s->n && v[n].watched == v[0].watched && (all || v[n].due_ms <= now))
        n++;
    return n;
}

b_status mig__suspects_look(mig_engine *e, mig_db *db, const mig__watched *v, size_t nv, mig__suspects *s,
                            bool all, bool *stale, b_err *err)
{
    b_status st = B_OK;
    uint64_t now = mig__now_ms();
    for (size_t n = s->n == s->from ? 0 : count(s, all, now); st == B_OK && n > 0;
         n = s->n == s->from ? 0 : count(s, all, now)) {
        look l = {e, db, NULL, s, s->v + s->from, n, stale};
        if (l.v[0].watched < nv) l.w = &v[l.v[0].watched];
        if (l.w != NULL) st = batch(&l, err);
        if (st == B_OK && *stale) return B_OK;
        if (st == B_DATABASE && (err->db_errno == 1205 || err->db_errno == 1213))
            return B_OK; /* again, soon */
        for (size_t i = 0; st == B_OK && i < n; i++) free(s->v[s->from + i].key);
        if (st == B_OK) s->from += n;
    }
    return st;
}
