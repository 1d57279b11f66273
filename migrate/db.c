/* A connection to the database server: this file, db_binlog.c and db_stmt.c know which client library is in
 * use (MariaDB Connector/C and MySQL's libmysqlclient both serve). It knows SQL text and result tables, no
 * migrations. A mig_db belongs to one thread at a time; only mig_db_interrupt may come from another. */
#include "db_own.h"

#include "base/buf.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENT_ERROR_FIRST 2000 /* the client library's own errors: connection and protocol */
#define CLIENT_ERROR_LAST 2999
#define MAX_STATEMENT ((size_t)16 << 20)

enum { TRIES = 50, AGAIN_MS = 20 };

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void library_init(void)
{
    if (mysql_library_init(0, NULL, NULL) != 0) abort();
}

static unsigned seconds(uint32_t ms)
{
    return ms == 0 ? 0 : (ms + 999) / 1000;
}

static int socket_of(MYSQL *my)
{
#ifdef MARIADB_BASE_VERSION
    return (int)mysql_get_socket(my);
#else
    return (int)my->net.fd;
#endif
}

static const char *given(const char *s)
{
    return s == NULL || s[0] == '\0' ? NULL : s;
}

static void set_tls(MYSQL *my, const mig_db_options *o)
{
    if (o->tls == MIG_DB_TLS_OFF) return;
    mysql_ssl_set(my, given(o->tls_key), given(o->tls_certificate), given(o->tls_ca), NULL,
                  given(o->tls_ciphers));
#ifdef MARIADB_BASE_VERSION
    my_bool yes = 1, verify = o->tls == MIG_DB_TLS_VERIFY_IDENTITY; /* the chain is, wherever a CA is given */
    mysql_options(my, MYSQL_OPT_SSL_ENFORCE,
                  &yes); /* goes on without where the server has none: see has_tls */
    mysql_options(my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
#else
    static const unsigned modes[] = {[MIG_DB_TLS_PREFERRED] = SSL_MODE_PREFERRED,
                                     [MIG_DB_TLS_REQUIRED] = SSL_MODE_REQUIRED,
                                     [MIG_DB_TLS_VERIFY_CA] = SSL_MODE_VERIFY_CA,
                                     [MIG_DB_TLS_VERIFY_IDENTITY] = SSL_MODE_VERIFY_IDENTITY};
    mysql_options(my, MYSQL_OPT_SSL_MODE, &modes[o->tls]);
#endif
}

/* The client library may have gone on without TLS. */
static bool has_tls(MYSQL *my, const mig_db_options *o)
{
    return o->tls <= MIG_DB_TLS_PREFERRED || mysql_get_ssl_cipher(my) != NULL;
}

static void set_options(MYSQL *my, const mig_db_options *o)
{
    unsigned connect = seconds(o->connect_timeout_ms == 0 ? 10000 : o->connect_timeout_ms);
    unsigned protocol = o->socket != NULL ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
    mysql_options(my, MYSQL_OPT_CONNECT_TIMEOUT, &connect);
    mysql_options(my, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_options(my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options4(my, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name",
                   o->program_name == NULL ? "straddle" : o->program_name);
    set_tls(my, o);
    if (o->read_timeout_ms != 0) {
        unsigned s = seconds(o->read_timeout_ms);
        mysql_options(my, MYSQL_OPT_READ_TIMEOUT, &s);
        mysql_options(my, MYSQL_OPT_WRITE_TIMEOUT, &s);
    }
#ifndef MARIADB_BASE_VERSION
    bool yes = true;
    mysql_options(my, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &yes);
#endif
}

b_status mig__db_error(unsigned no, const char *why, b_err *err, const char *sql)
{
    bool lost = (no >= CLIENT_ERROR_FIRST && no <= CLIENT_ERROR_LAST) || no == 1053 || no == 1927;
    char text[512];
    snprintf(text, sizeof text, "%s", why); /* it may point into *err */
    b_status s = b_fail(err, lost ? B_LOST : B_DATABASE, "the database answered error %u (%s) to: %.300s", no,
                        text, sql);
    if (err != NULL) err->db_errno = no;
    return s;
}

b_status mig__db_failed(mig_db *db, b_err *err, const char *sql)
{
    return mig__db_error(mysql_errno(&db->my), mysql_error(&db->my), err, sql);
}

static b_status connect_failed(MYSQL *my, const mig_db_options *o, b_err *err)
{
    unsigned no = mysql_errno(my);
    bool denied = no == 1045 || no == 1044 || no == 1698 || no == 1130 || no == 1049;
    char where[300];
    if (o->socket != NULL)
        snprintf(where, sizeof where, "%s", o->socket);
    else
        snprintf(where, sizeof where, "%s:%u", o->host == NULL ? "127.0.0.1" : o->host, o->port);
    b_status s =
        b_fail(err, denied ? B_DENIED : B_LOST,
               "cannot connect to the database at %s as '%s': %s (error %u); check address, user and "
               "password",
               where, o->user == NULL ? "" : o->user, mysql_error(my), no);
    if (err != NULL) err->db_errno = no;
    return s;
}

b_status mig_db_open(const mig_db_options *o, mig_db **out, b_err *err)
{
    *out = NULL;
    pthread_once(&library_once, library_init);
    mig_db *db = calloc(1, sizeof *db);
    if (db == NULL || mysql_init(&db->my) == NULL) {
        free(db);
        return b_fail(err, B_NOMEM, "out of memory while opening a database connection");
    }
    set_options(&db->my, o);
    const char *host = o->socket != NULL ? "localhost" : (o->host == NULL ? "127.0.0.1" : o->host);
    if (mysql_real_connect(&db->my, host, o->user, o->password, o->schema, o->port, o->socket, 0) == NULL) {
        b_status s = connect_failed(&db->my, o, err);
        mysql_close(&db->my);
        free(db);
        return s;
    }
    if (!has_tls(&db->my, o)) {
        mysql_close(&db->my);
        free(db);
        return b_fail(err, B_LOST,
                      "the server at %s:%u has no TLS, and tls.mode wants it; see the server's certificate",
                      host, o->port);
    }
    snprintf(db->version, sizeof db->version, "%s", mysql_get_server_info(&db->my));
    *out = db;
    return B_OK;
}

void mig_db_close(mig_db *db)
{
    if (db == NULL) return;
    mig__dump_free(db->dump);
    mysql_close(&db->my);
    free(db);
}

static b_table *read_rows(MYSQL_RES *res)
{
    b_table *t = b_table_new();
    if (t == NULL) return NULL;
    unsigned n = mysql_num_fields(res);
    const MYSQL_FIELD *fields = mysql_fetch_fields(res);
    for (unsigned i = 0; i < n; i++) b_table_column(t, fields[i].name);
    for (MYSQL_ROW row = mysql_fetch_row(res); row != NULL; row = mysql_fetch_row(res)) {
        const unsigned long *lengths = mysql_fetch_lengths(res);
        b_table_row(t);
        for (unsigned i = 0; i < n; i++) {
            if (row[i] == NULL)
                b_table_null(t);
            else
                b_table_add(t, b_slice_of(row[i], lengths[i]));
        }
    }
    return t;
}

/* A server may leave out of information_schema what is being altered, and say so in a warning only: rows of
 * which some are missing are none. */
static b_status whole(mig_db *db, const char *sql, b_table **rows, b_err *err)
{
    b_status s = B_OK;
    if (mysql_warning_count(&db->my) == 0) return B_OK;
    if (mysql_query(&db->my, "SHOW WARNINGS") != 0) s = mig__db_failed(db, err, "SHOW WARNINGS");
    MYSQL_RES *res = s == B_OK ? mysql_store_result(&db->my) : NULL;
    if (s == B_OK && res == NULL) s = mig__db_failed(db, err, "SHOW WARNINGS");
    for (MYSQL_ROW w; s == B_OK && (w = mysql_fetch_row(res)) != NULL;) {
        if (w[1] == NULL || w[2] == NULL || strtoul(w[1], NULL, 10) != MIG_DB_SKIPPED) continue;
        s = b_fail(
            err, B_DATABASE,
            "the database left something out of its answer: %.300s; wait for that statement or end it, and "
            "try again (%.200s)",
            w[2], sql);
        if (err != NULL) err->db_errno = MIG_DB_SKIPPED;
    }
    mysql_free_result(res);
    if (s == B_OK) return B_OK;
    b_table_free(*rows);
    *rows = NULL;
    return s;
}

static b_status take_result(mig_db *db, const char *sql, b_table **out, b_err *err)
{
    MYSQL_RES *res = mysql_store_result(&db->my);
    if (res == NULL) return mysql_errno(&db->my) == 0 ? B_OK : mig__db_failed(db, err, sql);
    b_table *t = NULL;
    if (out != NULL) t = read_rows(res);
    mysql_free_result(res);
    if (out == NULL) return B_OK;
    if (t == NULL || b_table_failed(t)) {
        b_table_free(t);
        return b_fail(err, B_NOMEM, "out of memory for the result of: %.300s", sql);
    }
    *out = t;
    return whole(db, sql, out, err);
}

static b_status query(mig_db *db, const char *sql, b_table **out, b_err *err)
{
    if (mysql_real_query(&db->my, sql, (unsigned long)strlen(sql)) != 0) return mig__db_failed(db, err, sql);
    return take_result(db, sql, out, err);
}

/* What makes a server leave something out is mostly the end of an ALTER, and soon over; what it left
 * something out of has only read. */
b_status mig_db_query(mig_db *db, const char *sql, b_table **out, b_err *err)
{
    b_err why = {0};
    if (out != NULL) *out = NULL;
    b_status s = query(db, sql, out, &why);
    for (int i = 1; s == B_DATABASE && why.db_errno == MIG_DB_SKIPPED && i < TRIES; i++) {
        usleep(AGAIN_MS * 1000);
        s = query(db, sql, out, &why);
    }
    if (s != B_OK && err != NULL) *err = why;
    return s;
}

b_status mig_db_each(mig_db *db, b_slice sql, mig_db_row *row, void *arg, b_err *err)
{
    static const char what[] = "a statement of a client's";
    if (mysql_real_query(&db->my, sql.p, (unsigned long)sql.n) != 0) return mig__db_failed(db, err, what);
    MYSQL_RES *res = mysql_use_result(&db->my);
    if (res == NULL) return mysql_errno(&db->my) == 0 ? B_OK : mig__db_failed(db, err, what);
    unsigned n = mysql_num_fields(res);
    bool more = true;
    for (MYSQL_ROW r = mysql_fetch_row(res); r != NULL; r = mysql_fetch_row(res)) {
        more = row(arg, (const char *const *)r, mysql_fetch_lengths(res), n);
        if (!more) break;
    }
    b_status s = more && mysql_errno(&db->my) != 0 ? mig__db_failed(db, err, what) : B_OK;
    if (!more) {
        mig_db_interrupt(db); /* freeing the result would read all that is left of it */
        s = b_fail(err, B_TOO_BIG, "%s has more rows than are wanted", what);
    }
    mysql_free_result(res);
    return s;
}

b_status mig_db_exec(mig_db *db, uint64_t *affected, b_err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *sql = NULL;
    int n = vasprintf(&sql, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n > MAX_STATEMENT) {
        if (n >= 0) free(sql);
        return b_fail(err, n < 0 ? B_NOMEM : B_TOO_BIG, "a statement of the engine could not be built");
    }
    b_status s = mig_db_query(db, sql, NULL, err);
    if (s == B_OK && affected != NULL) *affected = (uint64_t)mysql_affected_rows(&db->my);
    free(sql);
    return s;
}

b_status mig_db_scalar(mig_db *db, const char *sql, char *buf, size_t size, b_err *err)
{
    b_table *t = NULL;
    b_status s = mig_db_query(db, sql, &t, err);
    if (s != B_OK) return s;
    b_slice cell = t == NULL ? (b_slice){NULL, 0} : b_table_cell(t, 0, 0);
    if (cell.p == NULL)
        s = b_fail(err, B_NOT_FOUND, "no value from: %.300s", sql);
    else
        snprintf(buf, size, "%.*s", B_ARG(cell));
    b_table_free(t);
    return s;
}

const char *mig_db_error(mig_db *db)
{
    return mysql_error(&db->my);
}

const char *mig_db_info(mig_db *db)
{
    const char *info = mysql_info(&db->my);
    return info == NULL ? "" : info;
}

uint64_t mig_db_thread_id(const mig_db *db)
{
    return (uint64_t)mysql_thread_id((MYSQL *)&db->my);
}

const char *mig_db_server_version(const mig_db *db)
{
    return db->version;
}

void mig_db_interrupt(mig_db *db)
{
    if (db == NULL) return;
    int fd = socket_of(&db->my);
    if (fd >= 0) shutdown(fd, SHUT_RDWR);
}
