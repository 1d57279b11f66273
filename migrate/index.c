/* Twin indexes: for every plain index over A, one over B with the same columns otherwise, built online before
 * reads move to B. Which ones are there is looked up in the server's own catalogue each time, so a build that
 * was interrupted goes on where it stopped. */
#include "mig.h"

#include <stdio.h>
#include <string.h>

static const mig__pair *pair_of(const mig__m *m, b_slice column)
{
    for (size_t i = 0; i < m->npairs; i++)
        if (b_slice_ieq(b_slice_str(m->pairs[i].from), column)) return &m->pairs[i];
    return NULL;
}

static b_status read_indexes(mig_db *db, const mig__m *m, b_table **out, b_err *err)
{
    b_buf q = {0};
    b_buf_printf(&q,
                 "SELECT INDEX_NAME AS i, NON_UNIQUE AS nu, COLUMN_NAME AS c, COALESCE(SUB_PART, 0) AS sub, "
                 "COLLATION AS dir, "
                 "INDEX_TYPE AS type, %s AS hidden FROM information_schema.STATISTICS WHERE INDEX_NAME <> "
                 "'PRIMARY' AND TABLE_SCHEMA = ",
                 mig__mariadb(db) ? "IF(IGNORED = 'YES', 1, 0)" : "IF(IS_VISIBLE = 'NO', 1, 0)");
    b_buf_quote(&q, b_slice_str(m->schema));
    b_buf_str(&q, " AND TABLE_NAME = ");
    b_buf_quote(&q, b_slice_str(m->table));
    b_buf_str(&q, " ORDER BY INDEX_NAME, SEQ_IN_INDEX");
    b_status s =
        q.failed ? b_fail(err, B_NOMEM, "out of memory") : mig_db_query(db, b_buf_cstr(&q), out, err);
    b_buf_deinit(&q);
    return s;
}

/* First row after the index that begins at row `at`. */
static size_t index_end(const b_table *t, size_t at)
{
    size_t end = at + 1;
    while (end < b_table_rows(t) && b_slice_eq(mig__cell(t, end, "i"), mig__cell(t, at, "i"))) end++;
    return end;
}

/* Its columns as SQL, with A's replaced by B's when `twin`: `a`, `b`(10) DESC. False: not a plain index. */
static bool columns_sql(const mig__m *m, const b_table *t, size_t at, size_t end, bool twin,
                        const mig__pair **over, b_buf *out)
{
    *over = NULL;
    if (!b_slice_ieq(mig__cell(t, at, "type"), B_LIT("BTREE"))) return false;
    for (size_t i = at; i < end; i++) {
        b_slice c = mig__cell(t, i, "c");
        if (c.p == NULL) return false; /* an expression */
        const mig__pair *p = pair_of(m, c);
        if (p != NULL) *over = p;
        if (i > at) b_buf_str(out, ", ");
        b_buf_ident(out, p != NULL && twin ? b_slice_str(p->to) : c);
        uint64_t sub = mig__cell_u64(t, i, "sub");
        if (sub > 0) b_buf_printf(out, "(%llu)", (unsigned long long)sub);
        if (b_slice_eq(mig__cell(t, i, "dir"), B_LIT("D"))) b_buf_str(out, " DESC");
    }
    return true;
}

/* Is there an index with exactly these columns, and as unique? */
static bool exists(const mig__m *m, const b_table *t, b_slice columns, bool unique)
{
    bool found = false;
    for (size_t at = 0, end; at < b_table_rows(t) && !found; at = end) {
        b_buf have = {0};
        const mig__pair *over;
        end = index_end(t, at);
        found = columns_sql(m, t, at, end, false, &over, &have) && b_slice_ieq(b_buf_view(&have), columns) &&
                (mig__cell_u64(t, at, "nu") == 0) == unique;
        b_buf_deinit(&have);
    }
    return found;
}

static void twin_name(b_slice index, const char *column, char out[65])
{
    char whole[200];
    snprintf(whole, sizeof whole, "%.64s__%.64s", index.p, column);
    snprintf(out, 65, "%.64s", whole);
}

static void add_clause(const mig__m *m, const mig_db *db, const b_table *t, size_t at, size_t end,
                       b_buf *clauses)
{
    b_buf columns = {0};
    const mig__pair *over = NULL;
    bool unique = mig__cell_u64(t, at, "nu") == 0;
    if (columns_sql(m, t, at, end, true, &over, &columns) && over != NULL &&
        !exists(m, t, b_buf_view(&columns), unique)) {
        char name[65];
        twin_name(mig__cell(t, at, "i"), over->to, name);
        if (clauses->n > 0) b_buf_char(clauses, '\n');
        b_buf_printf(clauses, "ADD %sINDEX ", unique ? "UNIQUE " : "");
        b_buf_ident(clauses, b_slice_str(name));
        b_buf_printf(clauses, " (%s)", b_buf_cstr(&columns));
        if (mig__cell_u64(t, at, "hidden") != 0)
            b_buf_str(clauses, mig__mariadb(db) ? " IGNORED" : " INVISIBLE");
    }
    b_buf_deinit(&columns);
}

b_status mig__twins_list(mig_db *db, const mig__m *m, b_buf *clauses, b_err *err)
{
    b_table *t = NULL;
    b_buf_clear(clauses);
    b_status s = read_indexes(db, m, &t, err);
    if (s != B_OK) return s;
    for (size_t at = 0, end; at < b_table_rows(t); at = end) {
        end = index_end(t, at);
        add_clause(m, db, t, at, end, clauses);
    }
    b_table_free(t);
    return clauses->failed ? b_fail(err, B_NOMEM, "out of memory") : B_OK;
}

b_status mig__twins_ready(mig_db *db, const mig__m *m, bool *yes, b_buf *missing, b_err *err)
{
    b_status s = mig__twins_list(db, m, missing, err);
    *yes = s == B_OK && missing->n == 0;
    return s;
}

b_status mig__twins_build(mig__op *op, b_err *err)
{
    b_buf clauses = {0};
    b_status s = mig__twins_list(op->db, op->m, &clauses, err);
    char *next = clauses.p;
    while (s == B_OK && next != NULL && *next != '\0') {
        char *clause = next, *end = strchr(next, '\n');
        next = end == NULL ? NULL : end + 1;
        if (end != NULL) *end = '\0';
        uint64_t started = mig__now_ms();
        s = mig__alter(op, clause, true, err);
        if (s == B_OK)
            mig__op_step(op, "twin index", clause, started);
        else
            s = b_err_prefix(err, "the twin index cannot be built (%.200s)", clause);
    }
    b_buf_deinit(&clauses);
    return s;
}

/* ---- on the way to contracted, and back ---- */

/* Runs one ALTER clause on an index and notes it as a step. */
static b_status alter_index(mig__op *op, const char *step, const b_buf *clause, b_err *err)
{
    uint64_t started = mig__now_ms();
    if (clause->failed) return b_fail(err, B_NOMEM, "out of memory");
    b_status s = mig__alter(op, b_buf_cstr(clause), true, err);
    if (s == B_OK) mig__op_step(op, step, b_buf_cstr(clause), started);
    return s;
}

/* Drops indexes over A whose twins are there: only unique ones, or all. */
static b_status drop_old(mig__op *op, bool only_unique, b_err *err)
{
    b_table *t = NULL;
    b_status s = read_indexes(op->db, op->m, &t, err);
    if (s != B_OK) return s;
    for (size_t at = 0, end; s == B_OK && at < b_table_rows(t); at = end) {
        b_buf twin = {0}, clause = {0};
        const mig__pair *over = NULL;
        bool unique = mig__cell_u64(t, at, "nu") == 0;
        end = index_end(t, at);
        if (columns_sql(op->m, t, at, end, true, &over, &twin) && over != NULL && (unique || !only_unique)) {
            if (!exists(op->m, t, b_buf_view(&twin), unique)) {
                s = b_fail(err, B_STATE,
                           "index %s has no twin over %s; go back to dual_write, where twins are built",
                           mig__cell(t, at, "i").p, over->to);
            } else {
                b_buf_str(&clause, "DROP INDEX ");
                b_buf_ident(&clause, mig__cell(t, at, "i"));
                s = alter_index(op, "drop index of the old column", &clause, err);
            }
        }
        b_buf_deinit(&twin);
        b_buf_deinit(&clause);
    }
    b_table_free(t);
    return s;
}

b_status mig__unique_drop(mig__op *op, b_err *err)
{
    return drop_old(op, true, err);
}

b_status mig__indexes_drop(mig__op *op, b_err *err)
{
    return drop_old(op, false, err);
}

/* The pair whose suffix `__B` ends an index's name: it is a twin. n: length of the name without it. */
static const mig__pair *twin_of(const mig__m *m, b_slice index, size_t *n)
{
    for (size_t i = 0; i < m->npairs; i++) {
        b_slice to = b_slice_str(m->pairs[i].to);
        if (index.n <= to.n + 2) continue;
        b_slice tail = {index.p + index.n - to.n - 2, to.n + 2};
        if (tail.p[0] != '_' || tail.p[1] != '_' || !b_slice_ieq((b_slice){tail.p + 2, to.n}, to)) continue;
        *n = index.n - tail.n;
        return &m->pairs[i];
    }
    return NULL;
}

static bool name_taken(const b_table *t, b_slice name)
{
    for (size_t i = 0; i < b_table_rows(t); i++)
        if (b_slice_ieq(mig__cell(t, i, "i"), name)) return true;
    return false;
}

/* An index's columns with B's replaced by A's. */
static void columns_back(const mig__m *m, const b_table *t, size_t at, size_t end, b_buf *out)
{
    for (size_t i = at; i < end; i++) {
        b_slice c = mig__cell(t, i, "c");
        for (size_t k = 0; k < m->npairs; k++)
            if (b_slice_ieq(c, b_slice_str(m->pairs[k].to))) c = b_slice_str(m->pairs[k].from);
        if (i > at) b_buf_str(out, ", ");
        b_buf_ident(out, c);
        uint64_t sub = mig__cell_u64(t, i, "sub");
        if (sub > 0) b_buf_printf(out, "(%llu)", (unsigned long long)sub);
        if (b_slice_eq(mig__cell(t, i, "dir"), B_LIT("D"))) b_buf_str(out, " DESC");
    }
}

b_status mig__unique_restore(mig__op *op, b_err *err)
{
    b_table *t = NULL;
    b_status s = read_indexes(op->db, op->m, &t, err);
    if (s != B_OK) return s;
    for (size_t at = 0, end, n = 0; s == B_OK && at < b_table_rows(t); at = end) {
        b_slice name = mig__cell(t, at, "i");
        end = index_end(t, at);
        if (mig__cell_u64(t, at, "nu") != 0 || twin_of(op->m, name, &n) == NULL) continue;
        if (name_taken(t, (b_slice){name.p, n})) continue;
        b_buf clause = {0};
        b_buf_str(&clause, "ADD UNIQUE INDEX ");
        b_buf_ident(&clause, (b_slice){name.p, n});
        b_buf_str(&clause, " (");
        columns_back(op->m, t, at, end, &clause);
        b_buf_char(&clause, ')');
        s = alter_index(op, "unique index of the old column", &clause, err);
        b_buf_deinit(&clause);
    }
    b_table_free(t);
    return s;
}

b_status mig__twins_rename(mig__op *op, b_err *err)
{
    b_table *t = NULL;
    b_status s = read_indexes(op->db, op->m, &t, err);
    if (s != B_OK) return s;
    for (size_t at = 0, n = 0; s == B_OK && at < b_table_rows(t); at = index_end(t, at)) {
        b_slice name = mig__cell(t, at, "i");
        if (twin_of(op->m, name, &n) == NULL || name_taken(t, (b_slice){name.p, n})) continue;
        b_buf clause = {0};
        b_buf_str(&clause, "RENAME INDEX ");
        b_buf_ident(&clause, name);
        b_buf_str(&clause, " TO ");
        b_buf_ident(&clause, (b_slice){name.p, n});
        s = alter_index(op, "twin index takes the old one's name", &clause, err);
        b_buf_deinit(&clause);
    }
    b_table_free(t);
    return s;
}
