/* Support for tests on real servers: connections, statements by text and by prepared protocol, and whole
 * results kept as strings so that two of them can be compared. */
#ifndef SUPPORT_SQL_H
#define SUPPORT_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ts_server { /* where a server is, and what it is */
    const char *name;      /* "mysql" or "mariadb" */
    char host[64];
    unsigned port;
    bool mariadb;
} ts_server;

/* The servers that the environment names (STRADDLE_TEST_MYSQL, STRADDLE_TEST_MARIADB, host:port). Ends the
 * program with a message when one is not set: a test without its server has failed, not been skipped. */
const ts_server *ts_mysql(void);
const ts_server *ts_mariadb(void);
const ts_server *ts_servers(size_t *n); /* both */

typedef struct ts_conn ts_conn;

typedef struct ts_login {
    const char *host;
    unsigned port;
    const char *user, *password, *schema;
    const char *attr_key, *attr_value; /* a connection attribute, or NULL */
    unsigned long flags;               /* CLIENT_… */
    bool local_infile;
} ts_login;

/* NULL when it cannot be made; then why (may be NULL) has the error. */
ts_conn *ts_try_connect(const ts_login *l, char why[512]);
ts_conn *ts_connect(const ts_login *l); /* ends the program on failure */
ts_conn *ts_root(const ts_server *s, const char *schema);
void ts_close(ts_conn *c);
void *ts_handle(ts_conn *c); /* the MYSQL * */

typedef struct ts_param {
    char kind; /* 'i' integer, 's' string, 'n' NULL */
    const char *text;
} ts_param;

typedef struct ts_result {
    unsigned error;
    char sqlstate[6], message[512];
    uint64_t affected, insert_id;
    unsigned warnings;
    size_t ncols, nrows;
    char **names;
    unsigned *types, *flags;
    char **cells; /* nrows * ncols, NULL for NULL */
    size_t *lengths;
} ts_result;

typedef enum ts_mode { TS_TEXT, TS_PREPARED } ts_mode;

/* Runs one statement. In text mode each `?` is replaced by its parameter as a literal. Never NULL. */
ts_result *ts_run(ts_conn *c, ts_mode mode, const char *sql, const ts_param *params, size_t n);
ts_result *ts_query(ts_conn *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ts_result_free(ts_result *r);

/* Runs a statement that must succeed; ends the program with its error otherwise. */
void ts_do(ts_conn *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The first cell as a number; ends the program where there is none. */
long long ts_int(ts_conn *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The first cell as a string in memory of the caller's; "NULL" for NULL. */
char *ts_text(ts_conn *c, char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

enum { TS_ORDERED = 1, TS_TYPES = 2, TS_WARNINGS = 4 };

/* Are the two results the same for a client? why says the first difference. Without TS_ORDERED rows are
 * compared as a bag. Errors are compared by number and SQLSTATE. */
bool ts_same(const ts_result *a, const ts_result *b, unsigned how, char why[512]);

const char *ts_cell(const ts_result *r, size_t row, const char *column); /* NULL: NULL or not there */

/* Makes an exit with a message, from any depth of a test. */
void ts_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
