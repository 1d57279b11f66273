/* Indexes over A that have to go: the unique ones before A holds one literal in every new row, all before A
 * is dropped; and the names that go back to the twins. An index goes only when its twin over B is there,
 * except after a forced step, which said so. */
#include "mig.h"

#include <stdio.h>
#include <string.h>

/* Names of the indexes over A, or over B when `twins` (unique only, or all), one a line. */
static b_status over(mig_db *db, const mig__m *m, bool unique, bool twins, b_buf *out, b_err *err)
{
    b_buf q = {0};
    b_table *t = NULL;
    b_buf_printf(
        &q,
        "SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS WHERE INDEX_NAME <> 'PRIMARY' AND "
        "TABLE_SCHEMA = %s AND TABLE_NAME = %s%s AND COLUMN_NAME IN (",
        mig__q(m->arena, m->schema), mig__q(m->arena, m->table), unique ? " AND NON_UNIQUE = 0" : "");
    for (size_t i = 0; i < m->npairs; i++) {
        if (i > 0) b_buf_str(&q, ", ");
        b_buf_quote(&q, b_slice_str(twins ? m->pairs[i].to : m->pairs[i].from));
    }
    b_buf_str(&q, ") ORDER BY 1");
    b_status s = mig__ask(db, &t, err, &q);
    b_buf_deinit(&q);
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++) {
        if (i > 0) b_buf_char(out, '\n');
        b_buf_slice(out, b_table_cell(t, i, 0));
    }
    b_table_free(t);
    return s;
}

static b_status drop_listed(mig__op *op, const b_buf *names, b_err *err)
{
    b_buf change = {0};
    b_status s = B_OK;
    for (const char *at = b_buf_cstr(names); *at != '\0';) {
        size_t n = strcspn(at, "\n");
        b_buf_str(&change, change.n == 0 ? "DROP INDEX " : ", DROP INDEX ");
        b_buf_ident(&change, b_slice_of(at, n));
        at += n + (at[n] == '\n' ? 1 : 0);
    }
    if (change.failed) s = b_fail(err, B_NOMEM, "out of memory");
    if (s == B_OK && change.n != 0) s = mig__alter(op, b_buf_cstr(&change), true, err);
    b_buf_deinit(&change);
    return s;
}

static b_status drop_over(mig__op *op, bool unique, bool twins, b_err *err)
{
    b_buf names = {0};
    b_status s = over(op->db, op->m, unique, twins, &names, err);
    if (s == B_OK) s = drop_listed(op, &names, err);
    b_buf_deinit(&names);
    return s;
}

b_status mig__indexes_over_old(mig_db *db, const mig__m *m, bool unique, b_buf *out, b_err *err)
{
    return over(db, m, unique, false, out, err);
}

b_status mig__unique_drop(mig__op *op, b_err *err)
{
    b_buf missing = {0};
    bool yes = false;
    b_status s = mig__twins_ready(op->db, op->m, &yes, &missing, err);
    if (s == B_OK && !yes) s = mig__twins_build(op, err);
    b_buf_deinit(&missing);
    if (s == B_OK) s = mig__foreign_drop(op, false, err);
    return s == B_OK ? drop_over(op, true, false, err) : s;
}

b_status mig__indexes_drop(mig__op *op, b_err *err)
{
    b_status s = mig__foreign_drop(op, false, err);
    return s == B_OK ? drop_over(op, false, false, err) : s;
}

/* MariaDB does not drop a column that an index of several columns still names. */
b_status mig__twins_drop(mig__op *op, b_err *err)
{
    b_status s = mig__foreign_drop(op, true, err);
    return s == B_OK ? drop_over(op, false, true, err) : s;
}

b_status mig__twins_strict_drop(mig__op *op, b_err *err)
{
    b_status s = mig__foreign_drop(op, true, err);
    return s == B_OK ? drop_over(op, true, true, err) : s;
}

/* ---- the way back, and the names ---- */

static const mig__pair *pair_to(const mig__m *m, b_slice column)
{
    for (size_t i = 0; i < m->npairs; i++)
        if (b_slice_ieq(b_slice_str(m->pairs[i].to), column)) return &m->pairs[i];
    return NULL;
}

/* Indexes named as twins are, over B: rows twin, unique, column, sub. */
static b_status read_twins(mig_db *db, const mig__m *m, b_table **out, b_err *err)
{
    return mig__query(
        db, out, err,
        "SELECT INDEX_NAME AS twin, NON_UNIQUE = 0 AS uq, COLUMN_NAME AS c, COALESCE(SUB_PART, 0) AS sub, "
        "INDEX_COMMENT AS remark FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = "
        "%s AND INDEX_NAME "
        "LIKE '%%\\_\\_%%' ORDER BY INDEX_NAME, SEQ_IN_INDEX",
        mig__q(m->arena, m->schema), mig__q(m->arena, m->table));
}

static size_t run_end(const b_table *t, size_t at)
{
    size_t end = at + 1;
    while (end < b_table_rows(t) && b_slice_eq(mig__cell(t, end, "twin"), mig__cell(t, at, "twin"))) end++;
    return end;
}

static b_status name_taken(mig_db *db, const mig__m *m, b_slice name, bool *taken, b_err *err)
{
    b_buf q = {0};
    char n[16] = "0";
    b_buf_printf(
        &q,
        "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND "
        "INDEX_NAME = ",
        mig__q(m->arena, m->schema), mig__q(m->arena, m->table));
    b_buf_quote(&q, name);
    b_status s = q.failed ? b_fail(err, B_NOMEM, "out of memory")
                          : mig_db_scalar(db, b_buf_cstr(&q), n, sizeof n, err);
    b_buf_deinit(&q);
    *taken = strcmp(n, "0") != 0;
    return s;
}

static b_status restore_one(mig__op *op, const b_table *t, size_t at, size_t end, b_err *err)
{
    b_slice name = mig__original_name(op->m, mig__cell(t, at, "twin"));
    bool taken = true;
    b_buf change = {0};
    b_status s = B_OK;
    if (name.p == NULL || mig__cell_u64(t, at, "uq") == 0) return B_OK;
    s = name_taken(op->db, op->m, name, &taken, err);
    if (s != B_OK || taken) return s;
    b_buf_str(&change, "ADD UNIQUE INDEX "), b_buf_ident(&change, name), b_buf_str(&change, " (");
    for (size_t i = at; i < end; i++) {
        const mig__pair *p = pair_to(op->m, mig__cell(t, i, "c"));
        uint64_t sub = mig__cell_u64(t, i, "sub");
        if (i > at) b_buf_str(&change, ", ");
        b_buf_ident(&change, p != NULL ? b_slice_str(p->from) : mig__cell(t, i, "c"));
        if (sub > 0) b_buf_printf(&change, "(%llu)", (unsigned long long)sub);
    }
    b_buf_char(&change, ')');
    mig__put_remark(mig__cell(t, at, "remark"), &change);
    s = change.failed ? b_fail(err, B_NOMEM, "out of memory")
                      : mig__alter(op, b_buf_cstr(&change), true, err);
    b_buf_deinit(&change);
    return s;
}

static b_status rename_one(mig__op *op, const b_table *t, size_t at, size_t end, b_err *err)
{
    (void)end;
    b_slice twin = mig__cell(t, at, "twin"), name = mig__original_name(op->m, twin);
    bool taken = true;
    b_status s = name.p == NULL ? B_OK : name_taken(op->db, op->m, name, &taken, err);
    if (s != B_OK || taken) return s;
    b_buf change = {0};
    b_buf_str(&change, "RENAME INDEX "), b_buf_ident(&change, twin);
    b_buf_str(&change, " TO "), b_buf_ident(&change, name);
    s = change.failed ? b_fail(err, B_NOMEM, "out of memory")
                      : mig__alter(op, b_buf_cstr(&change), true, err);
    b_buf_deinit(&change);
    return s;
}

static b_status each_twin(mig__op *op, b_status (*one)(mig__op *, const b_table *, size_t, size_t, b_err *),
                          b_err *err)
{
    b_table *t = NULL;
    b_status s = read_twins(op->db, op->m, &t, err);
    for (size_t at = 0, end; s == B_OK && at < b_table_rows(t); at = end) {
        end = run_end(t, at);
        s = one(op, t, at, end, err);
    }
    b_table_free(t);
    return s;
}

b_status mig__unique_restore(mig__op *op, b_err *err)
{
    b_status s = each_twin(op, restore_one, err);
    return s == B_OK ? mig__foreign_restore(op, err) : s;
}

b_status mig__twins_rename(mig__op *op, b_err *err)
{
    b_status s = each_twin(op, rename_one, err);
    return s == B_OK ? mig__foreign_rename(op, err) : s;
}
