#include "sql.h"

#include "base/buf.h"

#include <mysql.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ts_conn {
    MYSQL *m;
};

void ts_die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "test support: ");
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    exit(3);
}

static void *need(void *p)
{
    if (p == NULL) ts_die("out of memory");
    return p;
}

static void find_server(ts_server *s, const char *env, const char *name, bool mariadb)
{
    const char *v = getenv(env);
    const char *colon = v == NULL ? NULL : strrchr(v, ':');
    if (colon == NULL) ts_die("%s is not set to host:port; start one with tests/servers/%s up", env, name);
    s->name = name;
    s->mariadb = mariadb;
    snprintf(s->host, sizeof s->host, "%.*s", (int)(colon - v), v);
    s->port = (unsigned)strtoul(colon + 1, NULL, 10);
}

const ts_server *ts_servers(size_t *n)
{
    static ts_server all[2];
    if (all[0].name == NULL) {
        find_server(&all[0], "STRADDLE_TEST_MYSQL", "mysql", false);
        find_server(&all[1], "STRADDLE_TEST_MARIADB", "mariadb", true);
    }
    if (n != NULL) *n = 2;
    return all;
}

const ts_server *ts_mysql(void)
{
    return &ts_servers(NULL)[0];
}

const ts_server *ts_mariadb(void)
{
    return &ts_servers(NULL)[1];
}

ts_conn *ts_try_connect(const ts_login *l, char why[512])
{
    ts_conn *c = need(calloc(1, sizeof *c));
    c->m = need(mysql_init(NULL));
    unsigned timeout = 20;
    mysql_options(c->m, MYSQL_OPT_CONNECT_TIMEOUT, &timeout);
    unsigned read_timeout = 60;
    mysql_options(c->m, MYSQL_OPT_READ_TIMEOUT, &read_timeout);
    unsigned on = 1;
    if (l->local_infile) mysql_options(c->m, MYSQL_OPT_LOCAL_INFILE, &on);
    if (l->attr_key != NULL) mysql_options4(c->m, MYSQL_OPT_CONNECT_ATTR_ADD, l->attr_key, l->attr_value);
    if (mysql_real_connect(c->m, l->host, l->user, l->password, l->schema, l->port, NULL, l->flags) == NULL) {
        if (why != NULL)
            snprintf(why, 512, "%u %s: %s", mysql_errno(c->m), mysql_sqlstate(c->m), mysql_error(c->m));
        mysql_close(c->m);
        free(c);
        return NULL;
    }
    return c;
}

ts_conn *ts_connect(const ts_login *l)
{
    char why[512];
    ts_conn *c = ts_try_connect(l, why);
    if (c == NULL) ts_die("cannot connect to %s:%u as %s: %s", l->host, l->port, l->user, why);
    return c;
}

ts_conn *ts_root(const ts_server *s, const char *schema)
{
    return ts_connect(
        &(ts_login){.host = s->host, .port = s->port, .user = "root", .password = "", .schema = schema});
}

void ts_close(ts_conn *c)
{
    if (c == NULL) return;
    mysql_close(c->m);
    free(c);
}

void *ts_handle(ts_conn *c)
{
    return c->m;
}

static void take_error(ts_result *r, unsigned error, const char *state, const char *message)
{
    r->error = error;
    snprintf(r->sqlstate, sizeof r->sqlstate, "%s", state);
    snprintf(r->message, sizeof r->message, "%s", message);
}

static void take_columns(ts_result *r, MYSQL_RES *res)
{
    r->ncols = mysql_num_fields(res);
    r->names = need(calloc(r->ncols + 1, sizeof *r->names));
    r->types = need(calloc(r->ncols + 1, sizeof *r->types));
    r->flags = need(calloc(r->ncols + 1, sizeof *r->flags));
    MYSQL_FIELD *f = mysql_fetch_fields(res);
    for (size_t i = 0; i < r->ncols; i++) {
        r->names[i] = need(strdup(f[i].name));
        r->types[i] = (unsigned)f[i].type;
        r->flags[i] = f[i].flags;
    }
}

static void add_row(ts_result *r, char *const *cells, const unsigned long *lengths)
{
    size_t total = (r->nrows + 1) * r->ncols;
    r->cells = need(realloc(r->cells, (total + 1) * sizeof *r->cells));
    r->lengths = need(realloc(r->lengths, (total + 1) * sizeof *r->lengths));
    for (size_t i = 0; i < r->ncols; i++) {
        char *copy = NULL;
        if (cells[i] != NULL) {
            copy = need(malloc(lengths[i] + 1));
            memcpy(copy, cells[i], lengths[i]);
            copy[lengths[i]] = '\0';
        }
        r->cells[r->nrows * r->ncols + i] = copy;
        r->lengths[r->nrows * r->ncols + i] = copy == NULL ? 0 : lengths[i];
    }
    r->nrows++;
}

/* `?` outside quotes becomes the parameter as a literal. */
static void substitute(b_buf *out, MYSQL *m, const char *sql, const ts_param *params, size_t n)
{
    char quote = 0;
    size_t used = 0;
    for (const char *p = sql; *p != '\0'; p++) {
        if (quote != 0) {
            if (*p == quote) quote = 0;
        } else if (*p == '\'' || *p == '"' || *p == '`') {
            quote = *p;
        } else if (*p == '?' && used < n) {
            const ts_param *q = &params[used++];
            if (q->kind == 's') {
                char *esc = need(malloc(strlen(q->text) * 2 + 1));
                mysql_real_escape_string(m, esc, q->text, (unsigned long)strlen(q->text));
                b_buf_printf(out, "'%s'", esc);
                free(esc);
            } else {
                b_buf_str(out, q->kind == 'n' ? "NULL" : q->text);
            }
            continue;
        }
        b_buf_char(out, *p);
    }
}

static void run_text(ts_conn *c, ts_result *r, const char *sql, const ts_param *params, size_t n)
{
    b_buf text = {0};
    substitute(&text, c->m, sql, params, n);
    if (mysql_real_query(c->m, b_buf_cstr(&text), (unsigned long)text.n) != 0) {
        take_error(r, mysql_errno(c->m), mysql_sqlstate(c->m), mysql_error(c->m));
        b_buf_deinit(&text);
        return;
    }
    b_buf_deinit(&text);
    MYSQL_RES *res = mysql_store_result(c->m);
    if (res != NULL) {
        take_columns(r, res);
        MYSQL_ROW row;
        while ((row = mysql_fetch_row(res)) != NULL) add_row(r, row, mysql_fetch_lengths(res));
        mysql_free_result(res);
    }
    if (mysql_errno(c->m) != 0) take_error(r, mysql_errno(c->m), mysql_sqlstate(c->m), mysql_error(c->m));
    r->affected = mysql_affected_rows(c->m);
    r->insert_id = mysql_insert_id(c->m);
    r->warnings = mysql_warning_count(c->m);
    while (mysql_next_result(c->m) == 0) {
        MYSQL_RES *more = mysql_store_result(c->m);
        if (more != NULL) mysql_free_result(more);
    }
}

enum { CELL_MAX = 1 << 16 };

static void fetch_prepared(MYSQL_STMT *s, ts_result *r)
{
    MYSQL_BIND *b = need(calloc(r->ncols, sizeof *b));
    char **cells = need(calloc(r->ncols, sizeof *cells));
    unsigned long *len = need(calloc(r->ncols, sizeof *len));
    my_bool *null = need(calloc(r->ncols, sizeof *null));
    for (size_t i = 0; i < r->ncols; i++) {
        cells[i] = need(malloc(CELL_MAX));
        b[i] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_STRING,
                            .buffer = cells[i],
                            .buffer_length = CELL_MAX,
                            .length = &len[i],
                            .is_null = &null[i]};
    }
    if (mysql_stmt_bind_result(s, b) == 0) {
        int rc;
        while ((rc = mysql_stmt_fetch(s)) == 0 || rc == MYSQL_DATA_TRUNCATED) {
            char **row = need(calloc(r->ncols, sizeof *row));
            for (size_t i = 0; i < r->ncols; i++) {
                row[i] = null[i] ? NULL : cells[i];
                if (len[i] > CELL_MAX) len[i] = CELL_MAX;
            }
            add_row(r, row, len);
            free(row);
        }
    }
    for (size_t i = 0; i < r->ncols; i++) free(cells[i]);
    free(cells), free(len), free(null), free(b);
}

static void run_prepared(ts_conn *c, ts_result *r, const char *sql, const ts_param *params, size_t n)
{
    MYSQL_STMT *s = need(mysql_stmt_init(c->m));
    MYSQL_BIND *b = need(calloc(n + 1, sizeof *b));
    long long *ints = need(calloc(n + 1, sizeof *ints));
    if (mysql_stmt_prepare(s, sql, (unsigned long)strlen(sql)) != 0) goto failed;
    if (mysql_stmt_param_count(s) != n) {
        take_error(r, 1, "HY000", "the statement has another number of parameters than the test gives");
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        if (params[i].kind == 'i') {
            ints[i] = strtoll(params[i].text, NULL, 10);
            b[i] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &ints[i]};
        } else if (params[i].kind == 's') {
            b[i] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_STRING,
                                .buffer = (void *)(uintptr_t)params[i].text,
                                .buffer_length = (unsigned long)strlen(params[i].text)};
        } else {
            b[i] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_NULL};
        }
    }
    if ((n > 0 && mysql_stmt_bind_param(s, b) != 0) || mysql_stmt_execute(s) != 0) goto failed;
    r->warnings = mysql_warning_count(c->m);
    r->affected = mysql_stmt_affected_rows(s);
    r->insert_id = mysql_stmt_insert_id(s);
    MYSQL_RES *meta = mysql_stmt_result_metadata(s);
    if (meta != NULL) {
        take_columns(r, meta);
        mysql_free_result(meta);
        if (mysql_stmt_store_result(s) != 0) goto failed;
        fetch_prepared(s, r);
        r->affected = mysql_stmt_affected_rows(s);
    }
    goto out;
failed:
    take_error(r, mysql_stmt_errno(s), mysql_stmt_sqlstate(s), mysql_stmt_error(s));
out:
    mysql_stmt_close(s);
    free(b);
    free(ints);
}

ts_result *ts_run(ts_conn *c, ts_mode mode, const char *sql, const ts_param *params, size_t n)
{
    ts_result *r = need(calloc(1, sizeof *r));
    if (mode == TS_TEXT)
        run_text(c, r, sql, params, n);
    else
        run_prepared(c, r, sql, params, n);
    return r;
}

__attribute__((format(printf, 1, 0))) static char *vformat(const char *fmt, va_list ap)
{
    char *s = NULL;
    if (vasprintf(&s, fmt, ap) < 0) ts_die("out of memory");
    return s;
}

#define FORMAT(sql, fmt)                                                                                     \
    va_list ap;                                                                                              \
    va_start(ap, fmt);                                                                                       \
    char *sql = vformat(fmt, ap);                                                                            \
    va_end(ap)

ts_result *ts_query(ts_conn *c, const char *fmt, ...)
{
    FORMAT(sql, fmt);
    ts_result *r = ts_run(c, TS_TEXT, sql, NULL, 0);
    free(sql);
    return r;
}

void ts_do(ts_conn *c, const char *fmt, ...)
{
    FORMAT(sql, fmt);
    ts_result *r = ts_run(c, TS_TEXT, sql, NULL, 0);
    if (r->error != 0) ts_die("%u %s for: %.400s", r->error, r->message, sql);
    ts_result_free(r);
    free(sql);
}

long long ts_int(ts_conn *c, const char *fmt, ...)
{
    FORMAT(sql, fmt);
    ts_result *r = ts_run(c, TS_TEXT, sql, NULL, 0);
    if (r->error != 0 || r->nrows == 0 || r->cells[0] == NULL)
        ts_die("no number (%u %s) from: %.400s", r->error, r->message, sql);
    long long v = strtoll(r->cells[0], NULL, 10);
    ts_result_free(r);
    free(sql);
    return v;
}

char *ts_text(ts_conn *c, char *buf, size_t size, const char *fmt, ...)
{
    FORMAT(sql, fmt);
    ts_result *r = ts_run(c, TS_TEXT, sql, NULL, 0);
    if (r->error != 0 || r->nrows == 0) ts_die("no row (%u %s) from: %.400s", r->error, r->message, sql);
    snprintf(buf, size, "%s", r->cells[0] == NULL ? "NULL" : r->cells[0]);
    ts_result_free(r);
    free(sql);
    return buf;
}

void ts_result_free(ts_result *r)
{
    if (r == NULL) return;
    for (size_t i = 0; i < r->ncols; i++) free(r->names[i]);
    for (size_t i = 0; i < r->ncols * r->nrows; i++) free(r->cells[i]);
    free(r->names), free(r->types), free(r->flags), free(r->cells), free(r->lengths);
    free(r);
}

const char *ts_cell(const ts_result *r, size_t row, const char *column)
{
    for (size_t i = 0; i < r->ncols && row < r->nrows; i++)
        if (strcasecmp(r->names[i], column) == 0) return r->cells[row * r->ncols + i];
    return NULL;
}

static int compare_cells(const ts_result *a, size_t x, const ts_result *b, size_t y)
{
    for (size_t i = 0; i < a->ncols; i++) {
        const char *p = a->cells[x * a->ncols + i], *q = b->cells[y * b->ncols + i];
        if (p == NULL || q == NULL) {
            if (p != q) return p == NULL ? -1 : 1;
            continue;
        }
        size_t n = a->lengths[x * a->ncols + i], m = b->lengths[y * b->ncols + i];
        int d = memcmp(p, q, n < m ? n : m);
        if (d != 0) return d;
        if (n != m) return n < m ? -1 : 1;
    }
    return 0;
}

static int by_cells(const void *x, const void *y, void *r)
{
    return compare_cells(r, *(const size_t *)x, r, *(const size_t *)y);
}

static size_t *row_order(const ts_result *r, bool ordered)
{
    size_t *at = need(calloc(r->nrows + 1, sizeof *at));
    for (size_t i = 0; i < r->nrows; i++) at[i] = i;
    if (!ordered) qsort_r(at, r->nrows, sizeof *at, by_cells, (void *)(uintptr_t)r);
    return at;
}

static bool same_head(const ts_result *a, const ts_result *b, unsigned how, char why[512])
{
    if (a->error != b->error || strcmp(a->sqlstate, b->sqlstate) != 0)
        return snprintf(why, 512, "error %u %s (%.200s) against %u %s (%.200s)", a->error, a->sqlstate,
                        a->message, b->error, b->sqlstate, b->message),
               false;
    if (a->error != 0) return true;
    if (a->ncols != b->ncols || a->nrows != b->nrows)
        return snprintf(why, 512, "%zu columns, %zu rows against %zu columns, %zu rows", a->ncols, a->nrows,
                        b->ncols, b->nrows),
               false;
    if (a->affected != b->affected)
        return snprintf(why, 512, "%llu affected rows against %llu", (unsigned long long)a->affected,
                        (unsigned long long)b->affected),
               false;
    if ((how & TS_WARNINGS) != 0 && a->warnings != b->warnings)
        return snprintf(why, 512, "%u warnings against %u", a->warnings, b->warnings), false;
    for (size_t i = 0; i < a->ncols; i++) {
        if (strcmp(a->names[i], b->names[i]) != 0)
            return snprintf(why, 512, "column %zu is %.200s against %.200s", i, a->names[i], b->names[i]),
                   false;
        if ((how & TS_TYPES) != 0 && (a->types[i] != b->types[i] || a->flags[i] != b->flags[i]))
            return snprintf(why, 512, "column %.100s has type %u flags %#x against type %u flags %#x",
                            a->names[i], a->types[i], a->flags[i], b->types[i], b->flags[i]),
                   false;
    }
    return true;
}

bool ts_same(const ts_result *a, const ts_result *b, unsigned how, char why[512])
{
    if (!same_head(a, b, how, why)) return false;
    if (a->error != 0) return true;
    bool ordered = (how & TS_ORDERED) != 0, same = true;
    size_t *x = row_order(a, ordered), *y = row_order(b, ordered);
    for (size_t i = 0; i < a->nrows && same; i++) {
        if (compare_cells(a, x[i], b, y[i]) == 0) continue;
        same = false;
        size_t at = (size_t)snprintf(why, 512, "row %zu:", i);
        for (size_t k = 0; k < a->ncols && at < 460; k++) {
            const char *p = a->cells[x[i] * a->ncols + k], *q = b->cells[y[i] * b->ncols + k];
            at += (size_t)snprintf(why + at, 512 - at, " %.40s|%.40s", p == NULL ? "NULL" : p,
                                   q == NULL ? "NULL" : q);
        }
    }
    free(x), free(y);
    return same;
}
