/* Prepared statements over a connection, with parameters as another client has bound them: by the client
 * library's own calls, so that type, sign and character set of a value are what they were. A value is taken
 * apart only as far as the library wants it, which puts it together again.
 * Source: MySQL Internals, "Binary Protocol Value". One thread a connection. */
#include "db_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELL = 64 }; /* bytes of a cell at first: all that is no string fits */

#ifdef MARIADB_BASE_VERSION
typedef my_bool flag;
#else
typedef bool flag;
#endif

static const char what[] = "a prepared statement of a client's";

/* Of an error in the middle of the rows a library may tell the connection alone. */
static b_status failed(mig_db *db, MYSQL_STMT *st, b_err *err)
{
    unsigned no = mysql_stmt_errno(st);
    return no == 0 ? mig__db_failed(db, err, what) : mig__db_error(no, mysql_stmt_error(st), err, what);
}

/* ---- parameters ---- */

typedef union value {
    int8_t one;
    int16_t two;
    int32_t four;
    int64_t eight;
    float single;
    double real;
    MYSQL_TIME time;
} value;

typedef struct given {
    value value;
    unsigned long length;
    flag null;
} given;

static uint64_t bytes(b_slice v, size_t at, size_t n)
{
    uint64_t x = 0;
    for (size_t i = 0; i < n && at + i < v.n; i++) x |= (uint64_t)(unsigned char)v.p[at + i] << (8 * i);
    return x;
}

/* FLOAT and DOUBLE have the bytes of the integers that lie in the same place. */
static bool put_number(value *to, b_slice v, size_t n)
{
    uint64_t x = bytes(v, 0, n);
    switch (n) {
    case 1: to->one = (int8_t)x; break;
    case 2: to->two = (int16_t)x; break;
    case 4: to->four = (int32_t)x; break;
    default: to->eight = (int64_t)x; break;
    }
    return v.n == n;
}

static bool in_range(const MYSQL_TIME *t)
{
    return t->hour < 24 && t->minute < 60 && t->second < 60 && t->second_part < 1000000;
}

static bool put_moment(MYSQL_TIME *t, b_slice v, enum enum_mysql_timestamp_type type)
{
    *t = (MYSQL_TIME){.year = (unsigned)bytes(v, 0, 2),
                      .month = (unsigned)bytes(v, 2, 1),
                      .day = (unsigned)bytes(v, 3, 1),
                      .hour = (unsigned)bytes(v, 4, 1),
                      .minute = (unsigned)bytes(v, 5, 1),
                      .second = (unsigned)bytes(v, 6, 1),
                      .second_part = (unsigned long)bytes(v, 7, 4),
                      .time_type = type};
    bool whole = v.n == 0 || v.n == 4 || (type != MYSQL_TIMESTAMP_DATE && (v.n == 7 || v.n == 11));
    return whole && in_range(t); /* 13 bytes have a time zone, too */
}

static bool put_time(MYSQL_TIME *t, b_slice v)
{
    *t = (MYSQL_TIME){.neg = bytes(v, 0, 1) != 0,
                      .day = (unsigned)bytes(v, 1, 4),
                      .hour = (unsigned)bytes(v, 5, 1),
                      .minute = (unsigned)bytes(v, 6, 1),
                      .second = (unsigned)bytes(v, 7, 1),
                      .second_part = (unsigned long)bytes(v, 8, 4),
                      .time_type = MYSQL_TIMESTAMP_TIME};
    return (v.n == 0 || v.n == 8 || v.n == 12) && in_range(t);
}

static bool is_text(unsigned type)
{
    switch (type) {
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL:
    case MYSQL_TYPE_VARCHAR:
    case MYSQL_TYPE_VAR_STRING:
    case MYSQL_TYPE_STRING:
    case MYSQL_TYPE_TINY_BLOB:
    case MYSQL_TYPE_MEDIUM_BLOB:
    case MYSQL_TYPE_LONG_BLOB:
    case MYSQL_TYPE_BLOB:
    case MYSQL_TYPE_JSON: return true;
    default: return false;
    }
}

/* False: either client library has no such type, or would write it otherwise. */
static bool put_value(value *to, const mig_param *p)
{
    b_slice v = p->value;
    switch (p->type) {
    case MYSQL_TYPE_TINY: return put_number(to, v, 1);
    case MYSQL_TYPE_SHORT: return put_number(to, v, 2);
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_FLOAT: return put_number(to, v, 4);
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_DOUBLE: return put_number(to, v, 8);
    case MYSQL_TYPE_DATE: return put_moment(&to->time, v, MYSQL_TIMESTAMP_DATE);
    case MYSQL_TYPE_DATETIME:
    case MYSQL_TYPE_TIMESTAMP: return put_moment(&to->time, v, MYSQL_TIMESTAMP_DATETIME);
    case MYSQL_TYPE_TIME: return put_time(&to->time, v);
    default: return is_text(p->type);
    }
}

static bool type_known(unsigned type)
{
    value ignored;
    mig_param zero = {.type = (unsigned char)type};
    switch (type) { /* their empty values are none */
    case MYSQL_TYPE_NULL:
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_DOUBLE: return true;
    default: return put_value(&ignored, &zero);
    }
}

static bool bind_param(MYSQL_BIND *to, given *g, const mig_param *p)
{
    bool null = p->null || p->type == MYSQL_TYPE_NULL, text = is_text(p->type);
    g->length = (unsigned long)p->value.n;
    g->null = null;
    *to = (MYSQL_BIND){.buffer_type = (enum enum_field_types)p->type,
                       .is_unsigned = p->is_unsigned,
                       .buffer = text && p->value.n > 0 ? (void *)p->value.p : &g->value,
                       .buffer_length = text ? g->length : sizeof g->value,
                       .length = &g->length,
                       .is_null = &g->null};
    return null ? type_known(p->type) : put_value(&g->value, p);
}

bool mig_param_integer(const mig_param *p)
{
    return p->type == MYSQL_TYPE_TINY || p->type == MYSQL_TYPE_SHORT || p->type == MYSQL_TYPE_LONG ||
           p->type == MYSQL_TYPE_LONGLONG;
}

bool mig_param_string(const mig_param *p)
{
    return p->type == MYSQL_TYPE_VARCHAR || p->type == MYSQL_TYPE_VAR_STRING || p->type == MYSQL_TYPE_STRING;
}

/* ---- rows: every cell as the text that the library makes of it ---- */

typedef struct cells {
    unsigned n;
    MYSQL_BIND *bind;
    unsigned long *lengths;
    flag *nulls;
    const char **texts;
} cells;

static void free_cells(cells *c)
{
    for (unsigned i = 0; i < c->n && c->bind != NULL; i++) free(c->bind[i].buffer);
    free(c->bind);
    free(c->lengths);
    free(c->nulls);
    free(c->texts);
}

/* Does the library know how long values of that type are? */
static bool readable(unsigned type)
{
    enum { FIRST_LONG = 245, LAST_LONG = 255 };
    return type <= MYSQL_TYPE_YEAR || type == MYSQL_TYPE_VARCHAR || type == MYSQL_TYPE_BIT ||
           (type >= FIRST_LONG && type <= LAST_LONG);
}

static b_status all_readable(MYSQL_STMT *st, b_err *err)
{
    MYSQL_RES *res = mysql_stmt_result_metadata(st);
    if (res == NULL) return b_fail(err, B_INVALID, "it gives no rows");
    const MYSQL_FIELD *fields = mysql_fetch_fields(res);
    bool yes = true;
    for (unsigned i = 0; i < mysql_num_fields(res); i++) yes = yes && readable(fields[i].type);
    mysql_free_result(res);
    return yes ? B_OK : b_fail(err, B_INVALID, "a column of a type that is not known");
}

static b_status make_cells(cells *c, mig_db *db, MYSQL_STMT *st, b_err *err)
{
    size_t n = mysql_stmt_field_count(st);
    c->n = (unsigned)n;
    c->bind = calloc(n, sizeof *c->bind), c->lengths = calloc(n, sizeof *c->lengths);
    c->nulls = calloc(n, sizeof *c->nulls), c->texts = calloc(n, sizeof *c->texts);
    bool fits = c->bind != NULL && c->lengths != NULL && c->nulls != NULL && c->texts != NULL;
    for (size_t i = 0; i < n && fits; i++) {
        c->bind[i] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_STRING,
                                  .buffer = malloc(CELL),
                                  .buffer_length = CELL,
                                  .length = &c->lengths[i],
                                  .is_null = &c->nulls[i]};
        fits = c->bind[i].buffer != NULL;
    }
    if (!fits) return b_fail(err, B_NOMEM, "out of memory for the rows of %s", what);
    return mysql_stmt_bind_result(st, c->bind) == 0 ? B_OK : failed(db, st, err);
}

/* Cells that did not fit, once more. */
static b_status grow_cells(cells *c, mig_db *db, MYSQL_STMT *st, b_err *err)
{
    bool grown = false;
    for (unsigned i = 0; i < c->n; i++) {
        MYSQL_BIND *b = &c->bind[i];
        if (c->nulls[i] || c->lengths[i] <= b->buffer_length) continue;
        char *more = malloc(c->lengths[i] + 1);
        if (more == NULL) return b_fail(err, B_NOMEM, "out of memory for a row of %s", what);
        free(b->buffer);
        b->buffer = more, b->buffer_length = c->lengths[i];
        grown = true;
        if (mysql_stmt_fetch_column(st, b, i, 0) != 0) return failed(db, st, err);
    }
    return !grown || mysql_stmt_bind_result(st, c->bind) == 0 ? B_OK : failed(db, st, err);
}

static b_status each(mig_db *db, MYSQL_STMT *st, cells *c, mig_db_row *row, void *arg, b_err *err)
{
    for (;;) {
        int got = mysql_stmt_fetch(st);
        if (got == MYSQL_NO_DATA) return B_OK;
        if (got != 0 && got != MYSQL_DATA_TRUNCATED) return failed(db, st, err);
        b_status s = grow_cells(c, db, st, err);
        if (s != B_OK) return s;
        for (unsigned i = 0; i < c->n; i++) c->texts[i] = c->nulls[i] ? NULL : c->bind[i].buffer;
        if (!row(arg, c->texts, c->lengths, c->n))
            return b_fail(err, B_TOO_BIG, "%s has more rows than are wanted", what);
    }
}

/* ---- statements ---- */

static b_status start(mig_db *db, MYSQL_STMT *st, b_slice sql, MYSQL_BIND *binds, size_t n, b_err *err)
{
    if (mysql_stmt_prepare(st, sql.p, (unsigned long)sql.n) != 0) return failed(db, st, err);
    if (mysql_stmt_param_count(st) != n)
        return b_fail(err, B_INVALID, "another number of parameters than it was given");
    if (n > 0 && mysql_stmt_bind_param(st, binds) != 0) return failed(db, st, err);
    return mysql_stmt_execute(st) == 0 ? B_OK : failed(db, st, err);
}

static b_status run(mig_db *db, b_slice sql, MYSQL_BIND *binds, size_t n, mig_db_row *row, void *arg,
                    b_err *err)
{
    cells c = {0};
    MYSQL_STMT *st = mysql_stmt_init(&db->my);
    if (st == NULL) return b_fail(err, B_NOMEM, "out of memory for %s", what);
    b_status s = start(db, st, sql, binds, n, err);
    if (s == B_OK) s = all_readable(st, err);
    if (s == B_OK) s = make_cells(&c, db, st, err);
    if (s == B_OK) s = each(db, st, &c, row, arg, err);
    if (s == B_TOO_BIG) mig_db_interrupt(db); /* closing it would read all that is left */
    (void)mysql_stmt_close(st);
    free_cells(&c);
    return s;
}

static b_status bind_all(MYSQL_BIND *binds, given *values, const mig_param *params, size_t n, b_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!bind_param(&binds[i], &values[i], &params[i]))
            return b_fail(err, B_INVALID, "a parameter of a type that cannot be sent again");
    return B_OK;
}

b_status mig_db_each_prepared(mig_db *db, b_slice sql, const mig_param *params, size_t n, mig_db_row *row,
                              void *arg, b_err *err)
{
    MYSQL_BIND *binds = calloc(n + 1, sizeof *binds);
    given *values = calloc(n + 1, sizeof *values);
    b_status s = B_NOMEM;
    if (binds == NULL || values == NULL)
        (void)b_fail(err, B_NOMEM, "out of memory for %s", what);
    else
        s = bind_all(binds, values, params, n, err);
    if (s == B_OK) s = run(db, sql, binds, n, row, arg, err);
    free(binds);
    free(values);
    return s;
}
