/* The statement that makes a range of rows right: the new columns out of the old ones, or the other way
 * round, where they differ byte for byte. The backfill runs it, and a repair. */
#include "mig.h"

/* Columns that the server would set by itself when a row changes: each is assigned to itself. */
b_status mig__fill_keep(mig_db *db, const mig__m *m, b_buf *keep, b_err *err)
{
    b_table *t = NULL;
    b_status s = mig__query(
        db, &t, err,
        "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = "
        "%s AND EXTRA LIKE '%%on update%%'",
        mig__q(m->arena, m->schema), mig__q(m->arena, m->table));
    b_buf_clear(keep);
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++) {
        b_buf_str(keep, ", "), b_buf_ident(keep, b_table_cell(t, i, 0));
        b_buf_str(keep, " = "), b_buf_ident(keep, b_table_cell(t, i, 0));
    }
    b_table_free(t);
    return s;
}

static void assignments(const mig__m *m, bool reverse, b_buf *q)
{
    bool some = false;
    for (size_t i = 0; i < m->npairs; i++) {
        const mig__pair *p = &m->pairs[i];
        const char *column = reverse ? p->from : p->to;
        if (column[0] == '\0') continue;
        if (some) b_buf_str(q, ", ");
        b_buf_ident(q, b_slice_str(column)), b_buf_str(q, " = ");
        reverse ? mig__down(p, q) : mig__up(p, q);
        some = true;
    }
}

static void nulls(const mig__m *m, size_t group, bool to, const char *is, const char *between, b_buf *q)
{
    bool some = false;
    for (size_t i = group; i < m->npairs; i++) {
        const char *column = to ? m->pairs[i].to : m->pairs[i].from;
        if (m->pairs[i].group != group || column[0] == '\0') continue;
        if (some) b_buf_str(q, between);
        b_buf_ident(q, b_slice_str(column)), b_buf_str(q, is);
        some = true;
    }
    if (!some) b_buf_str(q, "FALSE");
}

void mig__fill_safe(const mig__m *m, bool reverse, b_buf *where)
{
    for (size_t i = 0; i < m->npairs; i++) {
        const mig__pair *p = &m->pairs[i];
        const char *column = reverse ? p->from : p->to;
        if (p->group == i) {
            b_buf_str(where, " AND NOT ("), nulls(m, i, reverse, " IS NULL", " AND ", where);
            b_buf_str(where, " AND ("), nulls(m, i, !reverse, " IS NOT NULL", " OR ", where);
            b_buf_str(where, "))");
        }
        if (column[0] == '\0') continue;
        b_buf_str(where, " AND ("), b_buf_ident(where, b_slice_str(column));
        b_buf_str(where, " IS NULL OR ("), reverse ? mig__down(p, where) : mig__up(p, where);
        b_buf_str(where, ") IS NOT NULL)");
    }
}

b_status mig__fill_where(mig_db *db, const mig__m *m, const b_buf *where, bool reverse, const char *keep,
                         uint64_t *changed, b_err *err)
{
    b_buf q = {0};
    b_buf_str(&q, "UPDATE "), b_buf_ident(&q, b_slice_str(m->schema));
    b_buf_char(&q, '.'), b_buf_ident(&q, b_slice_str(m->table));
    b_buf_str(&q, " FORCE INDEX (PRIMARY) SET ");
    assignments(m, reverse, &q);
    b_buf_str(&q, keep);
    b_buf_str(&q, " WHERE ");
    b_buf_slice(&q, b_buf_view(where));
    b_buf_str(&q, " AND ");
    mig__differs(m, &q);
    b_status s = q.failed || where->failed
                     ? b_fail(err, B_NOMEM, "out of memory for a statement of the backfill")
                     : mig_db_exec(db, changed, err, "%s", b_buf_cstr(&q));
    b_buf_deinit(&q);
    return s;
}

b_status mig__fill(mig_db *db, const mig__m *m, const mig__key *k, const char *last, const char *upto,
                   bool reverse, bool safe, const char *keep, uint64_t *changed, b_err *err)
{
    b_buf where = {0};
    if (last != NULL) mig__key_after(k, last, &where), b_buf_str(&where, " AND ");
    mig__key_upto(k, upto, &where);
    if (safe) mig__fill_safe(m, reverse, &where);
    b_status s = mig__fill_where(db, m, &where, reverse, keep, changed, err);
    b_buf_deinit(&where);
    return s;
}
