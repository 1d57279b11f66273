/* Small helpers for SQL: results by column name, quoting, transactions. Knows no migrations. */
#include "mig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool mig__mariadb(const mig_db *db)
{
    return strstr(mig_db_server_version(db), "MariaDB") != NULL;
}

/* The server says itself that there is none: information_schema also lacks what the account may not see. */
b_status mig__table_there(mig_db *db, const char *schema, const char *table, bool *yes, b_err *err)
{
    enum { NO_SCHEMA = 1049, NO_TABLE = 1146 };
    b_buf q = {0};
    b_buf_str(&q, "SELECT 1 FROM "), b_buf_ident(&q, b_slice_str(schema));
    b_buf_char(&q, '.'), b_buf_ident(&q, b_slice_str(table)), b_buf_str(&q, " LIMIT 0");
    b_status s = mig__run(db, err, &q);
    b_buf_deinit(&q);
    bool gone = s == B_DATABASE && (err->db_errno == NO_TABLE || err->db_errno == NO_SCHEMA);
    *yes = s == B_OK;
    return gone ? B_OK : s;
}

rw_server mig__server_of(mig_db *db, b_err *err)
{
    rw_server s = {mig__mariadb(db) ? RW_MARIADB : RW_MYSQL, 0, 0};
    const char *v = mig_db_server_version(db);
    if (s.flavour == RW_MARIADB && strncmp(v, "5.5.5-", 6) == 0) v += 6;
    unsigned major = 0, minor = 0, patch = 0;
    if (sscanf(v, "%u.%u.%u", &major, &minor, &patch) < 2) major = 0;
    s.version = major * 10000 + minor * 100 + patch;
    char lower[16];
    if (mig_db_scalar(db, "SELECT @@lower_case_table_names", lower, sizeof lower, err) == B_OK)
        s.lower_case_table_names = atoi(lower);
    return s;
}

b_slice mig__cell(const b_table *t, size_t row, const char *column)
{
    for (size_t i = 0; t != NULL && i < b_table_columns(t); i++)
        if (b_slice_ieq(b_slice_str(b_table_name(t, i)), b_slice_str(column))) return b_table_cell(t, row, i);
    return (b_slice){NULL, 0};
}

uint64_t mig__cell_u64(const b_table *t, size_t row, const char *column)
{
    b_slice c = mig__cell(t, row, column);
    return c.p == NULL ? 0 : strtoull(c.p, NULL, 10);
}

b_status mig__query(mig_db *db, b_table **out, b_err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *sql = NULL;
    int n = vasprintf(&sql, fmt, ap);
    va_end(ap);
    if (n < 0) return b_fail(err, B_NOMEM, "out of memory for a statement of the engine");
    b_status s = mig_db_query(db, sql, out, err);
    free(sql);
    return s;
}

b_status mig__ask(mig_db *db, b_table **out, b_err *err, const b_buf *sql)
{
    if (sql->failed) return b_fail(err, B_NOMEM, "out of memory for a statement of the engine");
    return mig_db_query(db, b_buf_cstr(sql), out, err);
}

b_status mig__run(mig_db *db, b_err *err, const b_buf *sql)
{
    return mig__ask(db, NULL, err, sql);
}

static const char *keep(b_arena *a, b_buf *b)
{
    const char *s = b->failed ? NULL : b_arena_dup(a, b_buf_view(b)).p;
    b_buf_deinit(b);
    return s;
}

const char *mig__q(b_arena *a, const char *text)
{
    b_buf b = {0};
    b_buf_quote(&b, b_slice_str(text == NULL ? "" : text));
    return keep(a, &b);
}

const char *mig__id(b_arena *a, const char *name)
{
    b_buf b = {0};
    b_buf_ident(&b, b_slice_str(name));
    return keep(a, &b);
}

b_status mig__begin(mig_db *db, b_err *err)
{
    return mig_db_query(db, "START TRANSACTION", NULL, err);
}

b_status mig__commit(mig_db *db, b_err *err)
{
    return mig_db_query(db, "COMMIT", NULL, err);
}

void mig__undo(mig_db *db)
{
    b_err ignored;
    if (mig_db_query(db, "ROLLBACK", NULL, &ignored) != B_OK) return; /* the server rolls back by itself */
}

void mig__copy_table(b_table *out, const b_table *t)
{
    for (size_t k = 0; k < b_table_columns(t); k++) b_table_column(out, b_table_name(t, k));
    for (size_t i = 0; i < b_table_rows(t); i++) {
        b_table_row(out);
        for (size_t k = 0; k < b_table_columns(t); k++) {
            b_slice c = b_table_cell(t, i, k);
            if (c.p == NULL)
                b_table_null(out);
            else
                b_table_add(out, c);
        }
    }
}
