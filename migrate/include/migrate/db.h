/* A connection to a MySQL or MariaDB server for the engine and the tools: a thin, blocking layer over the
 * client library, so that only one file knows which library it is. One thread at a time; never on an event
 * loop's thread. */
#ifndef MIGRATE_DB_H
#define MIGRATE_DB_H

#include "base/slice.h"
#include "base/status.h"
#include "base/table.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct mig_db mig_db;

typedef enum mig_db_tls {
    MIG_DB_TLS_OFF,
    MIG_DB_TLS_PREFERRED, /* where the server has it */
    MIG_DB_TLS_REQUIRED,
    MIG_DB_TLS_VERIFY_CA,      /* and the certificate is signed by tls_ca, which must be given */
    MIG_DB_TLS_VERIFY_IDENTITY /* and is for the host */
} mig_db_tls;

typedef struct mig_db_options {
    const char *host;   /* NULL with a socket */
    const char *socket; /* unix socket path, or NULL */
    uint16_t port;
    const char *user, *password;
    const char *schema;                           /* default schema, or NULL */
    uint32_t connect_timeout_ms, read_timeout_ms; /* 0 = 10 s; and none */
    mig_db_tls tls;
    const char *tls_ca, *tls_certificate, *tls_key, *tls_ciphers; /* NULL or "": not given */
    const char *program_name; /* connection attribute; NULL = "straddle" */
} mig_db_options;

/* B_LOST with *err when it cannot be reached, B_DENIED when it refuses the login. */
b_status mig_db_open(const mig_db_options *o, mig_db **out, b_err *err) B_MUSTCHECK;
void mig_db_close(mig_db *db); /* NULL is fine */

/* In a session with a lock or an open transaction, MariaDB reads information_schema without the tables that
 * another session is just altering, nor the views over them, and says so in a warning of this number
 * (ER_WARN_I_S_SKIPPED_TABLE). */
enum { MIG_DB_SKIPPED = 1684 };

/* Runs one statement. *out (may be NULL) is a new table of the rows, to be freed by the caller, NULL for a
 * statement without rows. B_DATABASE with err->db_errno for a server's error, B_LOST when it went away. A
 * statement that the server answered with something left out is run again, for a second; then it is
 * B_DATABASE, and db_errno is MIG_DB_SKIPPED. */
b_status mig_db_query(mig_db *db, const char *sql, b_table **out, b_err *err) B_MUSTCHECK;
b_status mig_db_exec(mig_db *db, uint64_t *affected, b_err *err, const char *fmt, ...)
    B_PRINTF(4, 5) B_MUSTCHECK;

/* The first cell of the first row, copied into buf; B_NOT_FOUND for no row or NULL. */
b_status mig_db_scalar(mig_db *db, const char *sql, char *buf, size_t size, b_err *err) B_MUSTCHECK;

/* Runs one statement, and gives its rows on as they come (cells[i] NULL: NULL). `row` false: it is enough;
 * then B_TOO_BIG, and the connection can only be closed. Errors do not quote the statement. */
typedef bool mig_db_row(void *arg, const char *const *cells, const unsigned long *lengths, unsigned n);
b_status mig_db_each(mig_db *db, b_slice sql, mig_db_row *row, void *arg, b_err *err) B_MUSTCHECK;

/* A parameter of a prepared statement, as a client has bound it. */
typedef struct mig_param {
    unsigned char type; /* MYSQL_TYPE_* */
    bool is_unsigned, null;
    b_slice value; /* in binary form, without the length that may stand before it */
} mig_param;

bool mig_param_integer(const mig_param *p); /* by its type, whatever its value */
bool mig_param_string(const mig_param *p);

/* mig_db_each of a statement that is prepared, and executed once with these parameters; cells are text, as
 * there. B_INVALID: it cannot be done exactly; then the message is short, and says why. */
b_status mig_db_each_prepared(mig_db *db, b_slice sql, const mig_param *params, size_t n, mig_db_row *row,
                              void *arg, b_err *err) B_MUSTCHECK;

/* The server's own message of the last statement that failed; "" where there is none. */
const char *mig_db_error(mig_db *db);

/* What the server said of the last statement that was done and gave no rows; "" for nothing. */
const char *mig_db_info(mig_db *db);

/* The connection reads the binary log from there on, and is good for nothing else. While there is nothing to
 * read, a heartbeat comes every 100 ms. */
b_status mig_db_binlog_open(mig_db *db, const char *file, uint64_t position, uint32_t server_id,
                            b_err *err) B_MUSTCHECK;
/* The next event, without the packet's first byte; good until the next call. */
b_status mig_db_binlog_next(mig_db *db, b_slice *event, b_err *err) B_MUSTCHECK;

uint64_t mig_db_thread_id(const mig_db *db); /* connection id, as KILL takes it */
const char *mig_db_server_version(const mig_db *db);

/* May be called from another thread: makes a blocked call on db return B_LOST soon (shuts the socket). */
void mig_db_interrupt(mig_db *db);

#endif
