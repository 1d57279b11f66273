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
    const mig__suspect *v; /* of w only */
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
        b_buf_str(&q, ") AS old_hex, HEX("), mig__values(l->w->m, false, &q), b_buf_str(&q, ") AS new_hex");
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

/* Which column counts: the one that was set alone, by all that wrote the row; else the one that is read. */
static const char *side(const look *l, const char *key)
{
    bool by_old = false, by_new = false, both = false;
    for (size_t i = 0; i < l->n; i++) {
        const mig__suspect *x = &l->v[i];
        if (strcmp(x->key, key) != 0) continue;
        both = both || x->by_old == x->by_new;
        by_old = by_old || x->by_old, by_new = by_new || x->by_new;
    }
    return both || by_old == by_new ? "" : by_old ? "old" : "new";
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
        "VALUES(server_id), written = VALUES(written), seen = VALUES(seen), side = VALUES(side), old_value "
        "= VALUES(old_value), new_value = VALUES(new_value), repaired = NULL",
        by == NULL ? 0 : by->server, by == NULL ? 0 : by->when, side(l, key), B_ARG(old), B_ARG(new));
    b_status s = mig__run(l->db, err, &q);
    b_buf_deinit(&q);
    return s;
}

static b_status repair(mig_db *db, const mig__m *m, const mig__key *k, const char *key, const char *from,
                       b_err *err)
{
    b_buf keep = {0}, where = {0};
    uint64_t changed = 0;
    bool reverse = from[0] == '\0' ? m->phase == RW_SWITCHED : strcmp(from, "new") == 0;
    b_status s = mig__fill_keep(db, m, &keep, err);
    mig__key_is(k, key, &where);
    if (s == B_OK)
        s = mig__fill_where(db, m, &where, reverse && !m->one_way, b_buf_cstr(&keep), &changed, err);
    b_buf_deinit(&keep), b_buf_deinit(&where);
    if (s != B_OK) return s;
    return mig__query(db, NULL, err,
                      "UPDATE straddle.bypass SET repaired = NOW(3) WHERE migration = '%s' AND key_hash = "
                      "UNHEX(SHA2(%s, 256))",
                      m->name, mig__q(m->arena, key));
}

static b_status one(const look *l, const b_table *t, size_t i, b_err *err)
{
    b_buf key = {0};
    if (!mig__key_literals(&l->w->key, t, i, &key)) return b_fail(err, B_NOMEM, "a key cannot be read");
    b_status s = record(l, t, i, b_buf_cstr(&key), err);
    if (s == B_OK && l->w->m->guard_repair)
        s = repair(l->db, l->w->m, &l->w->key, b_buf_cstr(&key), side(l, b_buf_cstr(&key)), err);
    b_buf_deinit(&key);
    return s;
}

static b_status tell(const look *l, const b_table *t, b_err *err)
{
    char what[400];
    b_buf first = {0};
    const mig__m *m = l->w->m;
    const mig__suspect *by =
        mig__key_literals(&l->w->key, t, 0, &first) ? writer(l, b_buf_cstr(&first)) : NULL;
    for (size_t i = 0; i < first.n; i++)
        if (first.p[i] == '\n') first.p[i] = ',';
    snprintf(what, sizeof what, "%zu rows were written past the proxy, first: %.200s, by server %u; %s",
             b_table_rows(t), b_buf_cstr(&first), by == NULL ? 0 : by->server,
             m->guard_repair ? "repaired, see SHOW BYPASS" : "see SHOW BYPASS and REPAIR BYPASS");
    b_buf_deinit(&first);
    b_logf(l->e->log, m->guard_repair ? B_WARN : B_ERROR, "migrate", "migration=%s guard: %s", m->name, what);
    mig__hook(l->e, "bypass", m->name, rw_phase_name(m->phase), NULL, what);
    if (m->guard_repair) return B_OK;
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
    b_status s = mig__begin(l->db, err);
    if (s == B_OK) s = wrong(l, true, &t, err);
    for (size_t i = 0; s == B_OK && i < rows_of(t); i++) s = one(l, t, i, err);
    if (s == B_OK) s = mig__commit(l->db, err);
    if (s != B_OK) mig__undo(l->db);
    if (s == B_OK && rows_of(t) > 0) s = tell(l, t, err);
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
        look l = {e, db, NULL, s->v + s->from, n, stale};
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

/* ---- REPAIR BYPASS ---- */

static b_status repair_all(mig__op *op, uint64_t *rows, b_err *err)
{
    mig__key key;
    b_table *t = NULL;
    b_status s = mig__zone_set(op->db, op->m, err);
    if (s == B_OK) s = mig__key_load(op->db, op->m->schema, op->m->table, &key, err);
    if (s != B_OK) return s;
    s = mig__query(op->db, &t, err,
                   "SELECT key_text, side FROM straddle.bypass WHERE migration = '%s' AND repaired IS NULL",
                   op->m->name);
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++, ++*rows)
        s = repair(op->db, op->m, &key, b_table_cell(t, i, 0).p, b_table_cell(t, i, 1).p, err);
    b_table_free(t);
    mig__key_deinit(&key);
    return s;
}

b_status mig_bypass_repair(mig_engine *e, const char *name, const mig_actor *who, b_table *out, b_err *err)
{
    mig__op op;
    uint64_t rows = 0;
    b_status s = mig__op_begin(e, name, who, NULL, &op, err);
    if (s != B_OK) return s;
    const mig__m *m = op.m;
    if (m->phase < RW_DUAL_WRITE || m->phase > RW_SWITCHED || !m->a_trusted)
        s = b_fail(err, B_STATE,
                   "migration %s is in phase %s%s; rows are repaired while both columns are kept: in "
                   "dual_write and switched",
                   name, rw_phase_name(m->phase), m->a_trusted ? "" : ", and its old column is being filled");
    if (s == B_OK && m->one_way && m->phase == RW_SWITCHED)
        s = b_fail(err, B_STATE, "migration %s is one-way: nothing makes its old values in switched", name);
    if (s == B_OK) s = repair_all(&op, &rows, err);
    mig__event ev = {.migration = name, .action = "repair", .result = "rows of SHOW BYPASS"};
    if (s == B_OK) s = mig__record(op.db, who, &ev, err);
    mig__op_end(&op);
    if (s != B_OK) return s;
    b_table_column(out, "rows"), b_table_row(out), b_table_int(out, (int64_t)rows);
    return B_OK;
}
