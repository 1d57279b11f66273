/* Primary keys of any type and of several columns, as a cursor: how to read a row's key, how to write it down
 * as SQL literals that compare exactly, and the conditions "after this key", "up to this key".
 *
 * Literals are kept as text, one a line, so that a checkpoint is plain SQL that survives a restart. The
 * session that uses them has one time zone from end to end (mig__zone_set), so that a TIMESTAMP reads and
 * compares as the same instant.
 */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How a type's values are read, and what kind of literal they become. %s is the quoted column. */
static const struct {
    const char *type, *select;
    int kind;
} types[] = {
    {"tinyint", "%s", MIG__KEY_NUMBER},
    {"smallint", "%s", MIG__KEY_NUMBER},
    {"mediumint", "%s", MIG__KEY_NUMBER},
    {"int", "%s", MIG__KEY_NUMBER},
    {"bigint", "%s", MIG__KEY_NUMBER},
    {"decimal", "%s", MIG__KEY_NUMBER},
    {"year", "%s", MIG__KEY_NUMBER},
    {"bit", "%s + 0", MIG__KEY_NUMBER},
    {"enum", "%s + 0", MIG__KEY_NUMBER},
    {"set", "%s + 0", MIG__KEY_NUMBER},
    {"date", "%s", MIG__KEY_TEXT},
    {"time", "%s", MIG__KEY_TEXT},
    {"datetime", "%s", MIG__KEY_TEXT},
    {"timestamp", "%s", MIG__KEY_TEXT},
    {"uuid", "%s", MIG__KEY_TEXT},
    {"inet4", "%s", MIG__KEY_TEXT},
    {"inet6", "%s", MIG__KEY_TEXT},
    {"char", "HEX(%s)", MIG__KEY_STRING},
    {"varchar", "HEX(%s)", MIG__KEY_STRING},
    {"tinytext", "HEX(%s)", MIG__KEY_STRING},
    {"text", "HEX(%s)", MIG__KEY_STRING},
    {"mediumtext", "HEX(%s)", MIG__KEY_STRING},
    {"longtext", "HEX(%s)", MIG__KEY_STRING},
    {"binary", "HEX(%s)", MIG__KEY_BINARY},
    {"varbinary", "HEX(%s)", MIG__KEY_BINARY},
    {"tinyblob", "HEX(%s)", MIG__KEY_BINARY},
    {"blob", "HEX(%s)", MIG__KEY_BINARY},
    {"mediumblob", "HEX(%s)", MIG__KEY_BINARY},
    {"longblob", "HEX(%s)", MIG__KEY_BINARY},
};

static void copy(char *to, size_t size, b_slice from)
{
    size_t n = from.n < size - 1 ? from.n : size - 1;
    if (n > 0) memcpy(to, from.p, n);
    to[n] = '\0';
}

static b_status load_column(const b_table *t, size_t i, mig__keycol *c, b_err *err)
{
    b_buf quoted = {0};
    b_buf_ident(&quoted, mig__cell(t, i, "c"));
    copy(c->name, sizeof c->name, b_buf_view(&quoted));
    b_buf_deinit(&quoted);
    copy(c->charset, sizeof c->charset, mig__cell(t, i, "cs"));
    copy(c->collation, sizeof c->collation, mig__cell(t, i, "co"));
    b_slice type = mig__cell(t, i, "dt");
    for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
        if (!b_slice_ieq(type, b_slice_str(types[k].type))) continue;
        const char *at = strstr(types[k].select, "%s");
        snprintf(c->select, sizeof c->select, "%.*s%s%s", (int)(at - types[k].select), types[k].select,
                 c->name, at + 2);
        switch (types[k].kind) {
        case MIG__KEY_NUMBER: c->kind = MIG__KEY_NUMBER; break;
        case MIG__KEY_TEXT: c->kind = MIG__KEY_TEXT; break;
        case MIG__KEY_STRING: c->kind = MIG__KEY_STRING; break;
        default: c->kind = MIG__KEY_BINARY; break;
        }
        return B_OK;
    }
    return b_fail(
        err, B_REFUSED,
        "the primary key's column %s has type %.*s, whose values cannot be written down exactly; the "
        "backfill needs a key of integers, decimals, dates, strings or binary strings",
        c->name, B_ARG(type));
}

static b_status no_key(mig_db *db, const char *schema, const char *table, b_err *err)
{
    bool there = false;
    b_status s = mig__table_there(db, schema, table, &there, err);
    if (s != B_OK) return s;
    if (!there) return b_fail(err, B_REFUSED, "there is no table %s.%s", schema, table);
    return b_fail(err, B_REFUSED,
                  "%s.%s has no primary key; the backfill walks the table by it: add one first", schema,
                  table);
}

b_status mig__key_load(mig_db *db, const char *schema, const char *table, mig__key *out, b_err *err)
{
    b_buf q = {0};
    b_table *t = NULL;
    *out = (mig__key){0};
    b_buf_str(
        &q,
        "SELECT s.COLUMN_NAME AS c, c.DATA_TYPE AS dt, c.CHARACTER_SET_NAME AS cs, c.COLLATION_NAME AS co "
        "FROM information_schema.STATISTICS s JOIN information_schema.COLUMNS c ON c.TABLE_SCHEMA = "
        "s.TABLE_SCHEMA AND c.TABLE_NAME = s.TABLE_NAME AND c.COLUMN_NAME = s.COLUMN_NAME WHERE "
        "s.INDEX_NAME = 'PRIMARY' AND s.TABLE_SCHEMA = ");
    b_buf_quote(&q, b_slice_str(schema));
    b_buf_str(&q, " AND s.TABLE_NAME = ");
    b_buf_quote(&q, b_slice_str(table));
    b_buf_str(&q, " ORDER BY s.SEQ_IN_INDEX");
    b_status s = mig__ask(db, &t, err, &q);
    b_buf_deinit(&q);
    if (s != B_OK) return s;
    size_t n = b_table_rows(t);
    if (n == 0)
        s = no_key(db, schema, table, err);
    else if ((out->cols = calloc(n, sizeof *out->cols)) == NULL)
        s = b_fail(err, B_NOMEM, "out of memory");
    for (size_t i = 0; s == B_OK && i < n && out->cols != NULL; i++, out->n++)
        s = load_column(t, i, &out->cols[i], err);
    b_table_free(t);
    if (s != B_OK) mig__key_deinit(out);
    return s;
}

void mig__key_deinit(mig__key *k)
{
    free(k->cols);
    *k = (mig__key){0};
}

void mig__key_columns(const mig__key *k, b_buf *out)
{
    for (size_t i = 0; i < k->n; i++) b_buf_printf(out, "%s%s", i > 0 ? ", " : "", k->cols[i].name);
}

void mig__key_select(const mig__key *k, b_buf *out)
{
    for (size_t i = 0; i < k->n; i++) b_buf_printf(out, "%s%s", i > 0 ? ", " : "", k->cols[i].select);
}

bool mig__key_literals(const mig__key *k, const b_table *row, size_t at, b_buf *out)
{
    for (size_t i = 0; i < k->n; i++) {
        b_slice v = b_table_cell(row, at, i);
        const mig__keycol *c = &k->cols[i];
        if (v.p == NULL) return false; /* no column of a primary key is NULL */
        if (i > 0) b_buf_char(out, '\n');
        switch (c->kind) {
        case MIG__KEY_NUMBER: b_buf_slice(out, v); break;
        case MIG__KEY_TEXT: b_buf_quote(out, v); break;
        case MIG__KEY_BINARY: b_buf_printf(out, "x'%.*s'", B_ARG(v)); break;
        case MIG__KEY_STRING:
            b_buf_printf(out, "_%s x'%.*s' COLLATE %s", c->charset, B_ARG(v), c->collation);
            break;
        }
    }
    return !out->failed;
}

/* The i-th line of the literals. */
static b_slice literal(const char *lits, size_t i)
{
    while (i-- > 0) {
        const char *nl = strchr(lits, '\n');
        if (nl == NULL) return B_LIT("NULL");
        lits = nl + 1;
    }
    const char *end = strchr(lits, '\n');
    return (b_slice){lits, end == NULL ? strlen(lits) : (size_t)(end - lits)};
}

/* (a OP x OR (a = x AND (b OP y …))), with `last` for the last column; led by a condition on the first column
 * alone, which the optimizer turns into a range. */
static void compare(const mig__key *k, const char *lits, const char *op, const char *last, const char *lead,
                    b_buf *out)
{
    if (k->n > 1) b_buf_printf(out, "(%s %s %.*s AND ", k->cols[0].name, lead, B_ARG(literal(lits, 0)));
    for (size_t i = 0; i + 1 < k->n; i++) {
        b_slice v = literal(lits, i);
        b_buf_printf(out, "(%s %s %.*s OR (%s = %.*s AND ", k->cols[i].name, op, B_ARG(v), k->cols[i].name,
                     B_ARG(v));
    }
    b_buf_printf(out, "%s %s %.*s", k->cols[k->n - 1].name, last, B_ARG(literal(lits, k->n - 1)));
    for (size_t i = 0; i + 1 < k->n; i++) b_buf_str(out, "))");
    if (k->n > 1) b_buf_char(out, ')');
}

void mig__key_after(const mig__key *k, const char *lits, b_buf *out)
{
    compare(k, lits, ">", ">", ">=", out);
}

void mig__key_upto(const mig__key *k, const char *lits, b_buf *out)
{
    compare(k, lits, "<", "<=", "<=", out);
}

void mig__key_is(const mig__key *k, const char *lits, b_buf *out)
{
    for (size_t i = 0; i < k->n; i++)
        b_buf_printf(out, "%s%s = %.*s", i == 0 ? "(" : " AND ", k->cols[i].name, B_ARG(literal(lits, i)));
    b_buf_char(out, ')');
}

void mig__key_rows(const mig__key *k, const mig__m *m, const char *last, const char *upto, b_buf *out)
{
    b_buf_str(out, " FROM ");
    b_buf_ident(out, b_slice_str(m->schema));
    b_buf_char(out, '.');
    b_buf_ident(out, b_slice_str(m->table));
    b_buf_str(out, " FORCE INDEX (PRIMARY) WHERE 1 = 1");
    if (last != NULL) b_buf_str(out, " AND "), mig__key_after(k, last, out);
    if (upto != NULL) b_buf_str(out, " AND "), mig__key_upto(k, upto, out);
}

static void order(b_buf *q, const mig__key *k, const char *direction)
{
    b_buf_str(q, " ORDER BY ");
    for (size_t i = 0; i < k->n; i++)
        b_buf_printf(q, "%s%s%s", i > 0 ? ", " : "", k->cols[i].name, direction);
}

/* One key into *hi; *got false when there is no such row. */
static b_status key_at(mig_db *db, const mig__m *m, const mig__key *k, const char *last,
                       const char *direction, uint64_t offset, b_buf *hi, bool *got, b_err *err)
{
    b_buf q = {0};
    b_table *t = NULL;
    b_buf_str(&q, "SELECT ");
    mig__key_select(k, &q);
    mig__key_rows(k, m, last, NULL, &q);
    order(&q, k, direction);
    b_buf_printf(&q, " LIMIT 1 OFFSET %llu", (unsigned long long)offset);
    b_status s = mig__ask(db, &t, err, &q);
    b_buf_deinit(&q);
    if (s != B_OK) return s;
    *got = b_table_rows(t) > 0;
    b_buf_clear(hi);
    if (*got && !mig__key_literals(k, t, 0, hi))
        s = b_fail(err, B_NOMEM, "a key of %s.%s cannot be read", m->schema, m->table);
    b_table_free(t);
    return s;
}

b_status mig__key_range(mig_db *db, const mig__m *m, const mig__key *k, const char *last, uint64_t rows,
                        b_buf *hi, uint64_t *found, b_err *err)
{
    bool got = false;
    *found = 0;
    b_status s = key_at(db, m, k, last, "", rows - 1, hi, &got, err);
    if (s != B_OK) return s;
    if (got) {
        *found = rows;
        return B_OK;
    }
    s = key_at(db, m, k, last, " DESC", 0, hi, &got, err);
    if (s != B_OK || !got) return s;
    b_buf q = {0};
    char count[32] = "0";
    b_buf_str(&q, "SELECT COUNT(*)");
    mig__key_rows(k, m, last, b_buf_cstr(hi), &q);
    s = q.failed ? b_fail(err, B_NOMEM, "out of memory")
                 : mig_db_scalar(db, b_buf_cstr(&q), count, sizeof count, err);
    b_buf_deinit(&q);
    *found = strtoull(count, NULL, 10);
    return s;
}
