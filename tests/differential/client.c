#include "client.h"

#include <ctype.h>
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dt_client {
    ts_conn *conn;
    MYSQL *m;
    const dt_world *world;
    dt_side side;
    b_buf sql;
};

dt_client *dt_client_open(const char *host, unsigned port, const dt_world *w, dt_side side, unsigned session)
{
    char schema[32];
    dt_client *c = calloc(1, sizeof *c);
    if (c == NULL) ts_die("out of memory");
    c->world = w, c->side = side;
    c->conn = ts_connect(&(ts_login){.host = host,
                                     .port = port,
                                     .user = "root",
                                     .password = "",
                                     .schema = dt_world_schema(w, side, schema),
                                     .flags = CLIENT_MULTI_STATEMENTS,
                                     .local_infile = true});
    c->m = ts_handle(c->conn);
    ts_do(c->conn, "SET NAMES %s", dt_sessions[session].charset);
    ts_do(c->conn,
          "SET sql_mode = '%s', autocommit = 0, timestamp = 1600000000, insert_id = 1000, "
          "innodb_lock_wait_timeout = 1",
          dt_sessions[session].sql_mode);
    return c;
}

void dt_client_close(dt_client *c)
{
    if (c == NULL) return;
    ts_close(c->conn);
    b_buf_deinit(&c->sql);
    free(c);
}

void dt_client_rollback(dt_client *c)
{
    ts_do(c->conn, "ROLLBACK");
    ts_do(c->conn, "SET insert_id = 1000");
}

void dt_client_rebuild(dt_client *c, dt_side side)
{
    char schema[32];
    b_buf b = {0};
    b_buf_ident(&b, b_slice_str(c->world->names->table));
    ts_do(c->conn, "ALTER TABLE %s.%s FORCE", dt_world_schema(c->world, side, schema), b_buf_cstr(&b));
    dt_client_rollback(c);
    b_buf_deinit(&b);
}

/* ---- lines ---- */

/* What differs between the schemas by name only is written alike. */
static void add_text(b_buf *out, const dt_client *c, const char *p, size_t n)
{
    char schema[32];
    dt_world_schema(c->world, c->side, schema);
    size_t k = strlen(schema);
    for (size_t i = 0; i < n; i++) {
        if (i + k <= n && memcmp(p + i, schema, k) == 0) {
            b_buf_str(out, "SCHEMA");
            i += k - 1;
        } else if (p[i] == '\n') {
            b_buf_str(out, "\\n");
        } else {
            b_buf_char(out, p[i]);
        }
    }
}

static void add_error(b_buf *out, const dt_client *c, unsigned code, const char *state, const char *message)
{
    b_buf_printf(out, "E %u %s ", code, state);
    add_text(out, c, message, strlen(message));
    b_buf_char(out, '\n');
}

static void add_columns(b_buf *out, const dt_client *c, MYSQL_RES *res)
{
    const MYSQL_FIELD *f = mysql_fetch_fields(res);
    for (unsigned i = 0; i < mysql_num_fields(res); i++) {
        b_buf_str(out, "C ");
        add_text(out, c, f[i].name, f[i].name_length);
        b_buf_printf(out, " type %d flags %04x charset %u length %lu decimals %u\n", (int)f[i].type,
                     f[i].flags, f[i].charsetnr, f[i].length, f[i].decimals);
    }
}

typedef struct lines {
    char **v;
    size_t n;
} lines;

static void add_row(lines *l, const dt_client *c, char mark, unsigned n, char *const *cells,
                    const unsigned long *lengths)
{
    b_buf b = {0};
    b_buf_printf(&b, "%c ", mark);
    for (unsigned i = 0; i < n; i++) {
        if (i > 0) b_buf_char(&b, '|');
        if (cells[i] == NULL)
            b_buf_str(&b, "NULL");
        else
            add_text(&b, c, cells[i], lengths[i]);
    }
    l->v = realloc(l->v, (l->n + 1) * sizeof *l->v);
    if (l->v == NULL || b.failed) ts_die("out of memory");
    l->v[l->n++] = b.p; /* which is now the list's */
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_rows(b_buf *out, lines *l, bool ordered)
{
    if (!ordered && l->n > 1) qsort(l->v, l->n, sizeof *l->v, by_text);
    for (size_t i = 0; i < l->n; i++) {
        b_buf_str(out, l->v[i]);
        b_buf_char(out, '\n');
        free(l->v[i]);
    }
    free(l->v);
}

static void add_outcome(b_buf *out, const dt_client *c, uint64_t affected, uint64_t insert_id)
{
    const char *info = mysql_info(c->m);
    b_buf_printf(out, "A %llu %s\nI %llu\n", (unsigned long long)affected, info == NULL ? "" : info,
                 (unsigned long long)insert_id);
}

static void add_result(dt_client *c, MYSQL_RES *res, char mark, bool ordered, b_buf *out)
{
    lines l = {0};
    MYSQL_ROW row;
    if (mark == 'R') add_columns(out, c, res);
    unsigned n = mysql_num_fields(res);
    while ((row = mysql_fetch_row(res)) != NULL) add_row(&l, c, mark, n, row, mysql_fetch_lengths(res));
    put_rows(out, &l, ordered);
    mysql_free_result(res);
}

/* Runs text and keeps every result of it. */
static unsigned run_text(dt_client *c, const char *sql, size_t n, char mark, bool ordered, b_buf *out)
{
    unsigned warnings = 0;
    int rc = mysql_real_query(c->m, sql, (unsigned long)n) == 0 ? 0 : 1;
    while (rc == 0) {
        MYSQL_RES *res = mysql_store_result(c->m);
        warnings = mysql_errno(c->m) == 0 ? mysql_warning_count(c->m) : 0;
        if (res != NULL)
            add_result(c, res, mark, ordered, out);
        else if (mysql_errno(c->m) == 0 && mark == 'R')
            add_outcome(out, c, mysql_affected_rows(c->m), mysql_insert_id(c->m));
        rc = mysql_errno(c->m) != 0 ? 1 : mysql_next_result(c->m);
    }
    if (rc > 0) add_error(out, c, mysql_errno(c->m), mysql_sqlstate(c->m), mysql_error(c->m));
    return rc > 0 ? 0 : warnings;
}

static unsigned run_string(dt_client *c, const char *sql, char mark, bool ordered, b_buf *out)
{
    return run_text(c, sql, strlen(sql), mark, ordered, out);
}

/* ---- prepared ---- */

enum { CELL = 2000, COLUMNS = 64 };

static void fetch(dt_client *c, MYSQL_STMT *s, unsigned n, bool ordered, b_buf *out)
{
    static const MYSQL_BIND zero;
    MYSQL_BIND b[COLUMNS];
    unsigned long lengths[COLUMNS];
    my_bool null[COLUMNS];
    char *cells[COLUMNS], *shown[COLUMNS];
    lines l = {0};
    if (n > COLUMNS) ts_die("a result of %u columns", n);
    for (unsigned i = 0; i < n; i++) {
        if ((cells[i] = malloc(CELL)) == NULL) ts_die("out of memory");
        b[i] = zero;
        b[i].buffer_type = MYSQL_TYPE_STRING, b[i].buffer = cells[i], b[i].buffer_length = CELL;
        b[i].length = &lengths[i], b[i].is_null = &null[i];
    }
    int rc = mysql_stmt_bind_result(s, b) == 0 ? 0 : 1;
    while (rc == 0 && ((rc = mysql_stmt_fetch(s)) == 0 || rc == MYSQL_DATA_TRUNCATED)) {
        for (unsigned i = 0; i < n; i++) {
            shown[i] = null[i] ? NULL : cells[i];
            if (lengths[i] > CELL) lengths[i] = CELL;
        }
        add_row(&l, c, 'R', n, shown, lengths);
        rc = 0;
    }
    put_rows(out, &l, ordered);
    for (unsigned i = 0; i < n; i++) free(cells[i]);
}

static bool bind(MYSQL_STMT *s, const dt_stmt *stmt)
{
    static const MYSQL_BIND zero;
    MYSQL_BIND b[DT_PARAMS];
    long long numbers[DT_PARAMS];
    for (size_t i = 0; i < stmt->n; i++) {
        const ts_param *p = &stmt->params[i];
        b[i] = zero;
        b[i].buffer_type = p->kind == 'i'   ? MYSQL_TYPE_LONGLONG
                           : p->kind == 's' ? MYSQL_TYPE_STRING
                                            : MYSQL_TYPE_NULL;
        numbers[i] = strtoll(p->text, NULL, 10);
        b[i].buffer = p->kind == 'i' ? (void *)&numbers[i] : (void *)(uintptr_t)p->text;
        b[i].buffer_length = p->kind == 's' ? (unsigned long)strlen(p->text) : 0;
    }
    return (stmt->n == 0 || mysql_stmt_bind_param(s, b) == 0) && mysql_stmt_execute(s) == 0;
}

static unsigned run_prepared(dt_client *c, const dt_stmt *stmt, b_buf *out)
{
    unsigned warnings = 0;
    MYSQL_STMT *s = mysql_stmt_init(c->m);
    if (s == NULL) ts_die("out of memory");
    bool ok = mysql_stmt_prepare(s, c->sql.p, (unsigned long)c->sql.n) == 0;
    if (ok && mysql_stmt_param_count(s) != stmt->n)
        b_buf_printf(out, "E 1 - %lu parameters\n", mysql_stmt_param_count(s));
    else if (ok && (ok = bind(s, stmt))) {
        MYSQL_RES *meta = mysql_stmt_result_metadata(s);
        if (meta == NULL) {
            add_outcome(out, c, mysql_stmt_affected_rows(s), mysql_stmt_insert_id(s));
        } else {
            add_columns(out, c, meta);
            if ((ok = mysql_stmt_store_result(s) == 0))
                fetch(c, s, mysql_num_fields(meta), (stmt->flags & DT_ORDERED) != 0, out);
            mysql_free_result(meta);
        }
        warnings = ok ? mysql_warning_count(c->m) : 0;
    }
    if (!ok) add_error(out, c, mysql_stmt_errno(s), mysql_stmt_sqlstate(s), mysql_stmt_error(s));
    if (warnings > 0) run_string(c, "SHOW WARNINGS", 'W', true, out);
    mysql_stmt_close(s);
    return 0;
}

/* ---- a whole statement ---- */

/* Does it name s or arch, which it might then have changed? */
static bool names_others(const dt_stmt *s)
{
    const char *text = s->text.p;
    for (size_t i = 0; i < s->text.n; i++) {
        bool begins = i == 0 || (!isalnum((unsigned char)text[i - 1]) && text[i - 1] != '_');
        size_t left = s->text.n - i;
        if (begins && left >= 4 && memcmp(text + i, "arch", 4) == 0) return true;
        if (begins && text[i] == 's' &&
            (left == 1 || (!isalnum((unsigned char)text[i + 1]) && text[i + 1] != '_')))
            return true;
    }
    return false;
}

void dt_client_run(dt_client *c, const dt_stmt *s, bool new_name, bool prepared, b_buf *transcript)
{
    char sql[64], schema[32];
    b_buf_clear(transcript);
    /* Its type and length are those of what it was given last. */
    if (memmem(s->text.p, s->text.n, "@u", 2) != NULL) ts_do(c->conn, "SET @u = NULL");
    dt_write(s, c->world, new_name, c->side, !prepared, &c->sql);
    unsigned warnings = prepared
                            ? run_prepared(c, s, transcript)
                            : run_text(c, c->sql.p, c->sql.n, 'R', (s->flags & DT_ORDERED) != 0, transcript);
    if (warnings > 0) run_string(c, "SHOW WARNINGS", 'W', true, transcript);
    bool sets = strncmp(c->sql.p, "SET", 3) == 0 || strstr(c->sql.p, "INTO @a") != NULL;
    if (sets && strncmp(b_buf_cstr(transcript), "E ", 2) != 0)
        run_string(c, "SELECT @a", 'T', true, transcript);
    if ((s->flags & DT_MAKES_TABLE) != 0) {
        run_string(c, "SHOW CREATE TABLE made", 'M', true, transcript);
        run_string(c, "SELECT * FROM made", 'M', false, transcript);
        run_string(c, "DROP TABLE IF EXISTS made", 'M', true, transcript);
    }
    if ((s->flags & DT_WRITES) != 0) {
        bool as_new = c->side == DT_MIG && c->world->change != NULL && new_name;
        snprintf(sql, sizeof sql, "CALL dt.%s%s%s()", dt_world_schema(c->world, c->side, schema),
                 as_new ? "_as_new" : "", names_others(s) ? "_all" : "");
        run_string(c, sql, 'T', true, transcript);
    }
}

/* ---- plans ---- */

/* A row of EXPLAIN, cut at `|`: MySQL's has one column more. */
static void add_plan_row(b_buf *out, char *row, bool mysql)
{
    enum { SELECT_TYPE = 1, TABLE = 2, TYPE = 3, KEY = 5, EXTRA = 9, EXTRA_MYSQL = 10 };
    unsigned column = 0;
    for (char *p = row, *next; p != NULL; p = next, column++) {
        unsigned at = mysql && column > TABLE ? column - 1 : column; /* without `partitions` */
        next = strchr(p, '|');
        if (next != NULL) *next++ = '\0';
        if (mysql && column == TYPE) continue;
        if (at == KEY && strstr(p, "__") != NULL) *strstr(p, "__") = '\0';
        if (at == SELECT_TYPE || at == TABLE || at == TYPE || at == KEY ||
            at == (mysql ? EXTRA_MYSQL : EXTRA))
            b_buf_printf(out, "%s ", p);
    }
    b_buf_char(out, '\n');
}

static bool explain(dt_client *c, const dt_stmt *s, const char *text, size_t n, bool prepared, b_buf *plan)
{
    b_buf answer = {0};
    dt_stmt asked = *s;
    bool mysql = strstr(mysql_get_server_info(c->m), "MariaDB") == NULL;
    asked.flags = DT_ORDERED;
    b_buf_clear(&c->sql);
    b_buf_printf(&c->sql, "EXPLAIN %s%.*s", mysql ? "FORMAT=TRADITIONAL " : "", (int)n, text);
    if (prepared)
        (void)run_prepared(c, &asked, &answer);
    else
        (void)run_text(c, c->sql.p, c->sql.n, 'R', true, &answer);
    bool ok = answer.n > 0 && answer.p[0] == 'C';
    for (char *line = answer.p, *next; ok && line != NULL && *line != '\0'; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) *next++ = '\0';
        if (strncmp(line, "R ", 2) == 0) add_plan_row(plan, line + 2, mysql);
    }
    b_buf_deinit(&answer);
    return ok;
}

bool dt_client_plan(dt_client *c, const dt_stmt *s, bool new_name, bool prepared, b_buf *plan)
{
    bool ok = true;
    b_buf text = {0};
    dt_write(s, c->world, new_name, c->side, !prepared, &text);
    /* No literal of the grammar has `; ` in it. */
    for (const char *p = b_buf_cstr(&text), *end; ok && p != NULL; p = end == NULL ? NULL : end + 2) {
        end = strstr(p, "; ");
        ok = explain(c, s, p, end == NULL ? strlen(p) : (size_t)(end - p), prepared, plan);
    }
    b_buf_deinit(&text);
    dt_client_rollback(c);
    return ok;
}
