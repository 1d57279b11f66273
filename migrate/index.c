/* Twin indexes: for every plain index over A, one over B with the same columns otherwise, built online before
 * reads move to B. Which ones are there is looked up in the server's own catalogue each time, so a build that
 * was interrupted goes on where it stopped. */
#include "mig.h"

#include <stdio.h>
#include <string.h>

static const mig__pair *pair_of(const mig__m *m, b_slice column)
{
    const mig__pair *p = NULL;
    for (size_t i = 0; i < m->npairs; i++)
        if (m->pairs[i].from[0] != '\0' && b_slice_ieq(b_slice_str(m->pairs[i].from), column))
            p = &m->pairs[i];
    for (size_t i = 0; p != NULL && i < m->npairs; i++) /* made of several, or several of it: no twin */
        if (p->to[0] == '\0' || (&m->pairs[i] != p && m->pairs[i].group == p->group)) return NULL;
    return p;
}

static b_status read_indexes(mig_db *db, const mig__m *m, b_table **out, b_err *err)
{
    b_buf q = {0};
    b_buf_printf(&q,
                 "SELECT INDEX_NAME AS i, NON_UNIQUE AS nu, COLUMN_NAME AS c, COALESCE(SUB_PART, 0) AS sub, "
                 "COLLATION AS dir, INDEX_TYPE AS type, INDEX_COMMENT AS remark, %s AS hidden FROM "
                 "information_schema.STATISTICS "
                 "WHERE INDEX_NAME <> 'PRIMARY' AND TABLE_SCHEMA = ",
                 mig__mariadb(db) ? "IF(IGNORED = 'YES', 1, 0)" : "IF(IS_VISIBLE = 'NO', 1, 0)");
    b_buf_quote(&q, b_slice_str(m->schema));
    b_buf_str(&q, " AND TABLE_NAME = ");
    b_buf_quote(&q, b_slice_str(m->table));
    b_buf_str(&q, " ORDER BY INDEX_NAME, SEQ_IN_INDEX");
    b_status s = mig__ask(db, out, err, &q);
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

static bool takes_prefix(const char *type)
{
    static const char *const words[] = {"char",   "varchar", "binary", "varbinary", "tiny",
                                        "medium", "long",    "text",   "blob"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (b_slice_istarts(b_slice_str(type), b_slice_str(words[i])) && strstr(type, "int") == NULL)
            return true;
    return false;
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
        if (p != NULL && twin && !takes_prefix(p->b.type)) sub = 0;
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

void mig__put_remark(b_slice remark, b_buf *out)
{
    b_buf quoted = {0};
    if (remark.n == 0) return;
    b_buf_quote(&quoted, remark);
    b_buf_str(out, " COMMENT ");
    for (size_t i = 0; i < quoted.n; i++) {
        if (quoted.p[i] == '\n')
            b_buf_str(out, "\\n"); /* clauses are a line each */
        else
            b_buf_char(out, quoted.p[i]);
    }
    if (quoted.failed) out->failed = true;
    b_buf_deinit(&quoted);
}

/* twin: of the one over B, where it is not there; else of the index itself. */
static void add_clause(const mig__m *m, const mig_db *db, const b_table *t, size_t at, size_t end, bool twin,
                       b_buf *clauses)
{
    b_buf columns = {0};
    const mig__pair *over = NULL;
    bool unique = mig__cell_u64(t, at, "nu") == 0;
    if (columns_sql(m, t, at, end, twin, &over, &columns) && over != NULL &&
        !(twin && exists(m, t, b_buf_view(&columns), unique))) {
        char name[65];
        b_slice own = mig__cell(t, at, "i");
        if (twin)
            mig__twin_name(own, over->to, name);
        else
            snprintf(name, sizeof name, "%.*s", B_ARG(own));
        if (clauses->n > 0) b_buf_char(clauses, '\n');
        b_buf_printf(clauses, "ADD %sINDEX ", unique ? "UNIQUE " : "");
        b_buf_ident(clauses, b_slice_str(name));
        b_buf_printf(clauses, " (%s)", b_buf_cstr(&columns));
        if (mig__cell_u64(t, at, "hidden") != 0)
            b_buf_str(clauses, mig__mariadb(db) ? " IGNORED" : " INVISIBLE");
        mig__put_remark(mig__cell(t, at, "remark"), clauses);
    }
    b_buf_deinit(&columns);
}

static b_status list(mig_db *db, const mig__m *m, bool twins, b_buf *clauses, b_err *err)
{
    b_table *t = NULL;
    b_buf_clear(clauses);
    b_status s = read_indexes(db, m, &t, err);
    if (s != B_OK) return s;
    for (size_t at = 0, end; at < b_table_rows(t); at = end) {
        end = index_end(t, at);
        add_clause(m, db, t, at, end, twins, clauses);
    }
    b_table_free(t);
    return clauses->failed ? b_fail(err, B_NOMEM, "out of memory") : B_OK;
}

b_status mig__twins_list(mig_db *db, const mig__m *m, b_buf *clauses, b_err *err)
{
    return list(db, m, true, clauses, err);
}

b_status mig__indexes_list(mig_db *db, const mig__m *m, b_buf *clauses, b_err *err)
{
    return list(db, m, false, clauses, err);
}

b_status mig__twins_ready(mig_db *db, const mig__m *m, bool *yes, b_buf *missing, b_err *err)
{
    b_buf keys = {0};
    b_status s = mig__twins_list(db, m, missing, err);
    if (s == B_OK) s = mig__foreign_list(db, m, &keys, err);
    *yes = s == B_OK && missing->n == 0 && keys.n == 0;
    b_buf_deinit(&keys);
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
    return s == B_OK ? mig__foreign_build(op, err) : s;
}
