/* Rehearsals: a migration tried on a clone of the database, and the record of that, which the database itself
 * keeps. The calls block, and need no engine; one thread a connection. */
#ifndef MIGRATE_REHEARSAL_H
#define MIGRATE_REHEARSAL_H

#include "config/config.h"
#include "migrate/db.h"
#include "rewrite/catalog.h"

/* A connection as the engine's account has it, without an engine. What `server` does not say is as `or_else`
 * has it. */
b_status mig_connect(const cfg_server *server, const cfg_server *or_else, uint32_t connect_ms, mig_db **out,
                     b_err *err) B_MUSTCHECK;

/* What the rewriter has to know of the server. B_DATABASE, B_LOST. */
b_status mig_server(mig_db *db, rw_server *out, b_err *err) B_MUSTCHECK;

typedef struct mig_rehearsal {
    const char *result; /* "passed", or what went wrong */
    const char *steps;  /* JSON; what was left out first */
    uint64_t rows_before, rows_after, differing;
    uint64_t statements, conflicts, errors; /* conflicts: refused by the table's own keys, or deadlocks */
    uint64_t worst_p99_us, worst_lag_ms;
} mig_rehearsal;

/* A rehearsal of m on `clone` (an address, as text) begins. token: 32 characters and a NUL, which say which.
 */
b_status mig_rehearsal_begin(mig_db *db, const cfg_migration *m, const char *clone, char token[33],
                             b_err *err) B_MUSTCHECK;
/* Looks for two seconds whether the other server is the database that the token was written to, or a replica
 * of it, or anybody's replica: B_REFUSED. */
b_status mig_rehearsal_is_clone(mig_db *db, mig_db *clone, const char *token, b_err *err) B_MUSTCHECK;
/* Drops schema straddle, which came with the backup. B_REFUSED where a migration had begun in it. */
b_status mig_rehearsal_clean(mig_db *clone, b_err *err) B_MUSTCHECK;
b_status mig_rehearsal_end(mig_db *db, const char *token, const mig_rehearsal *r, b_err *err) B_MUSTCHECK;
#endif
