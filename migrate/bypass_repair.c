/* Makes a row right that was written past the proxy: by itself, or by REPAIR BYPASS. A repair never destroys
 * the only copy of a value. It changes the column that reads do not go to. In switched that is the old one,
 * and it may be only where the new one was written, and nothing else; in dual_write the new one is made of
 * the old one anyhow. Whatever is in doubt stays as it is, for the operator. */
#include "bypass.h"

#include <string.h>

enum { VALUE_KEPT = 1000 /* bytes in straddle.bypass */ };

void mig__bypass_blank(const mig__m *m, bool old, b_buf *q)
{
    const char *between = "(";
    for (size_t i = 0; i < m->npairs; i++) {
        const mig__pair *p = &m->pairs[i];
        const rw_column *c = old ? &p->plain : &p->target;
        const mig__column *w = old ? &p->a : &p->b;
        b_buf name = {0};
        if ((old ? p->from : p->to)[0] == '\0') continue;
        b_buf_ident(&name, b_slice_str(old ? p->from : p->to));
        b_buf_printf(q, "%s(%s IS NULL", between, b_buf_cstr(&name));
        if (c->default_kind == RW_DEFAULT_LITERAL)
            b_buf_str(q, " OR "), mig__is_literal(b_buf_cstr(&name), w, w->default_text, q);
        b_buf_char(q, ')');
        if (name.failed) q->failed = true;
        b_buf_deinit(&name);
        between = " AND ";
    }
    b_buf_char(q, ')');
}

/* As it was recorded; B_NOT_FOUND: it must not be repaired. Locks the phase. */
static b_status recorded(mig_db *db, const mig__m *m, const char *key, b_table **t, b_err *err)
{
    b_status s = mig__query(db, t, err,
                            "SELECT 1 FROM straddle.backfill WHERE migration = '%s' AND phase = '%s' AND "
                            "generation = %llu LOCK IN SHARE MODE",
                            m->name, rw_phase_name(m->phase), (unsigned long long)m->generation);
    bool same = s == B_OK && b_table_rows(*t) == 1;
    b_table_free(*t);
    *t = NULL;
    if (s != B_OK) return s;
    if (!same) return B_NOT_FOUND;
    s = mig__query(
        db, t, err,
        "SELECT side, HEX(old_value) AS o, HEX(new_value) AS n FROM straddle.bypass WHERE migration "
        "= '%s' AND key_hash = UNHEX(SHA2(%s, 256)) AND repaired IS NULL AND LENGTH(old_value) < "
        "%d AND LENGTH(new_value) < %d",
        m->name, mig__q(m->arena, key), VALUE_KEPT, VALUE_KEPT);
    if (s != B_OK) return s;
    bool may = b_table_rows(*t) == 1 &&
               (m->phase == RW_DUAL_WRITE || (m->phase == RW_SWITCHED && !m->one_way && m->a_trusted &&
                                              b_slice_eq(mig__cell(*t, 0, "side"), B_LIT("new"))));
    return may ? B_OK : B_NOT_FOUND;
}

static b_status fill(mig_db *db, const mig__m *m, const mig__key *k, const char *key, const b_table *t,
                     b_err *err)
{
    b_buf keep = {0}, where = {0};
    uint64_t changed = 0;
    bool reverse = m->phase == RW_SWITCHED;
    b_status s = mig__fill_keep(db, m, &keep, err);
    mig__key_is(k, key, &where);
    b_buf_str(&where, " AND "), mig__values(m, true, &where);
    b_buf_printf(&where, " <=> x'%.*s' AND ", B_ARG(mig__cell(t, 0, "o")));
    mig__values(m, false, &where);
    b_buf_printf(&where, " <=> x'%.*s'", B_ARG(mig__cell(t, 0, "n")));
    mig__fill_safe(m, reverse, &where);
    if (s == B_OK) s = mig__fill_where(db, m, &where, reverse, b_buf_cstr(&keep), &changed, err);
    b_buf_deinit(&keep), b_buf_deinit(&where);
    return s;
}

/* It is marked where the row is right now, or gone. */
static b_status mark(mig_db *db, const mig__m *m, const mig__key *k, const char *key, bool *done, b_err *err)
{
    b_buf q = {0};
    uint64_t marked = 0;
    b_buf_printf(&q,
                 "UPDATE straddle.bypass SET repaired = NOW(3) WHERE migration = '%s' AND key_hash = "
                 "UNHEX(SHA2(%s, 256)) AND repaired IS NULL AND NOT EXISTS (SELECT 1 FROM ",
                 m->name, mig__q(m->arena, key));
    b_buf_ident(&q, b_slice_str(m->schema)), b_buf_char(&q, '.'), b_buf_ident(&q, b_slice_str(m->table));
    b_buf_str(&q, " WHERE "), mig__key_is(k, key, &q), b_buf_str(&q, " AND "), mig__differs(m, &q);
    b_buf_char(&q, ')');
    b_status s = q.failed ? b_fail(err, B_NOMEM, "out of memory for a repair")
                          : mig_db_exec(db, &marked, err, "%s", b_buf_cstr(&q));
    b_buf_deinit(&q);
    *done = s == B_OK && marked == 1;
    return s;
}

b_status mig__bypass_repair_row(mig_db *db, const mig__m *m, const mig__key *k, const char *key, bool *done,
                                b_err *err)
{
    b_table *t = NULL;
    *done = false;
    b_status s = mig__begin(db, err);
    if (s != B_OK) return s;
    s = recorded(db, m, key, &t, err);
    if (s == B_OK) s = fill(db, m, k, key, t, err);
    b_table_free(t);
    if (s == B_OK || s == B_NOT_FOUND) s = mark(db, m, k, key, done, err);
    if (s == B_OK) s = mig__commit(db, err);
    if (s != B_OK) *done = false, mig__undo(db);
    return s;
}

/* ---- REPAIR BYPASS ---- */

static b_status repair_all(mig__op *op, uint64_t *rows, uint64_t *left, b_err *err)
{
    mig__key key;
    b_table *t = NULL;
    b_status s = mig__zone_set(op->db, op->m, err);
    if (s == B_OK) s = mig__key_load(op->db, op->m->schema, op->m->table, &key, err);
    if (s != B_OK) return s;
    s = mig_db_query(op->db, "SET SESSION innodb_lock_wait_timeout = 1", NULL, err);
    if (s == B_OK)
        s = mig__query(op->db, &t, err,
                       "SELECT key_text FROM straddle.bypass WHERE migration = '%s' AND repaired IS NULL",
                       op->m->name);
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++) {
        bool done = false;
        s = mig__bypass_repair_row(op->db, op->m, &key, b_table_cell(t, i, 0).p, &done, err);
        if (s == B_DATABASE) s = B_OK; /* locked by others, or its value does not fit: left */
        ++*(done ? rows : left);
    }
    b_table_free(t);
    mig__key_deinit(&key);
    return s;
}

b_status mig_bypass_repair(mig_engine *e, const char *name, const mig_actor *who, b_table *out, b_err *err)
{
    mig__op op;
    uint64_t rows = 0, left = 0;
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
    if (s == B_OK) s = repair_all(&op, &rows, &left, err);
    mig__event ev = {.migration = name, .action = "repair", .result = "rows of SHOW BYPASS"};
    if (s == B_OK) s = mig__record(op.db, who, &ev, err);
    mig__op_end(&op);
    if (s != B_OK) return s;
    b_table_column(out, "rows"), b_table_column(out, "left");
    b_table_row(out), b_table_int(out, (int64_t)rows), b_table_int(out, (int64_t)left);
    return B_OK;
}
