/* A connection, for the three files that know which client library it is: db.c, db_binlog.c and db_stmt.c. */
#ifndef MIGRATE_DB_OWN_H
#define MIGRATE_DB_OWN_H

#include "migrate/db.h"

#include <mysql.h>

typedef struct mig__dump mig__dump; /* of db_binlog.c */

struct mig_db {
    MYSQL my;
    char version[128];
    mig__dump *dump; /* NULL: this connection does not read the binary log */
};

void mig__dump_free(mig__dump *d); /* NULL is fine */
/* An error that the client library tells of, by its number and text. */
b_status mig__db_error(unsigned no, const char *text, b_err *err, const char *what) B_MUSTCHECK;
/* What it says of the last call that failed. */
b_status mig__db_failed(mig_db *db, b_err *err, const char *what) B_MUSTCHECK;

#endif
