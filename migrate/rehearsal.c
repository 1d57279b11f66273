/* Rehearsals: what `straddle rehearse` has tried on a clone of the database, kept beside the migrations. The
 * token that a rehearsal writes here first is how a clone is told from the database itself, and from a
 * replica of it. Knows nothing of how one is run. */
#include "mig.h"

#include "migrate/rehearsal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

b_status mig_server(mig_db *db, rw_server *out, b_err *err)
{
    *err = (b_err){0};
    *out = mig__server_of(db, err);
    return err->code;
}

static b_status token(mig_db *db, char out[33], b_err *err)
{
    return mig_db_scalar(db, "SELECT REPLACE(UUID(), '-', '')", out, 33, err);
}

b_status mig_rehearsal_begin(mig_db *db, const cfg_migration *m, const char *clone, char out[33], b_err *err)
{
    b_buf q = {0};
    b_status s = mig__schema_create(db, err);
    if (s == B_OK) s = token(db, out, err);
    if (s != B_OK) return s;
    b_buf_str(&q, "INSERT INTO straddle.rehearsals (token, migration, definition, clone, started) VALUES (");
    b_buf_quote(&q, b_slice_of(out, 32)), b_buf_str(&q, ", ");
    b_buf_quote(&q, b_slice_str(m->name)), b_buf_str(&q, ", ");
    b_buf_quote(&q, b_slice_str(m->source)), b_buf_str(&q, ", ");
    b_buf_quote(&q, b_slice_str(clone)), b_buf_str(&q, ", NOW(3))");
    s = mig__run(db, err, &q);
    b_buf_deinit(&q);
    return s;
}

static b_status refuse(const char *what, b_err *err)
{
    return b_fail(err, B_REFUSED,
                  "%s; a rehearsal changes and drops columns: give the address of a clone that "
                  "was restored from a backup and is no replica",
                  what);
}

/* There is no schema straddle yet, or no such table; anything else says nothing. */
static bool is_absent(b_status s, const b_err *err)
{
    return s != B_LOST && (err->db_errno == 1049 || err->db_errno == 1146);
}

/* A copy of the files has the same one, and so has the server itself. */
static b_status other_server(mig_db *db, mig_db *clone, b_err *err)
{
    char here[64] = "", there[64] = "";
    if (mig__mariadb(db) || mig__mariadb(clone)) return B_OK; /* it has none */
    b_status s = mig_db_scalar(db, "SELECT @@server_uuid", here, sizeof here, err);
    if (s == B_OK) s = mig_db_scalar(clone, "SELECT @@server_uuid", there, sizeof there, err);
    if (s == B_OK && strcmp(here, there) == 0)
        return refuse("the clone has the @@server_uuid of the database: it is that one, or a copy of its "
                      "files, of which auto.cnf must be removed",
                      err);
    return s;
}

b_status mig_rehearsal_is_clone(mig_db *db, mig_db *clone, const char *token_written, b_err *err)
{
    enum { LOOKS = 20, EVERY_MS = 100 };
    for (int i = 0; i < LOOKS; i++) { /* a replica may be a little behind */
        b_table *t = NULL;
        b_status s =
            mig__query(clone, &t, err, "SELECT 1 FROM straddle.rehearsals WHERE token = '%s'", token_written);
        bool there = s == B_OK && b_table_rows(t) != 0;
        b_table_free(t);
        if (s != B_OK && !is_absent(s, err)) return s;
        if (there) return refuse("this is the database itself, or a replica of it", err);
        nanosleep(&(struct timespec){0, EVERY_MS * 1000000L}, NULL);
    }
    b_table *t = NULL;
    b_status s = mig__query(clone, &t, err, "SHOW REPLICA STATUS");
    bool replica = s == B_OK && b_table_rows(t) != 0;
    b_table_free(t);
    if (s == B_OK && replica) return refuse("this server is set up as a replica", err);
    return s == B_OK ? other_server(db, clone, err) : s;
}

b_status mig_rehearsal_clean(mig_db *clone, b_err *err)
{
    char begun[300] = "";
    b_status s =
        mig_db_scalar(clone,
                      "SELECT GROUP_CONCAT(name, ' (', phase, ')' SEPARATOR ', ') FROM straddle.migrations "
                      "WHERE phase NOT IN ('planned', 'finished')",
                      begun, sizeof begun, err);
    if (s == B_OK)
        return b_fail(err, B_REFUSED,
                      "on the clone a migration has begun: %s; restore a backup from before it, or abort it "
                      "there",
                      begun);
    if (s != B_NOT_FOUND && !is_absent(s, err)) return s;
    return mig_db_query(clone, "DROP DATABASE IF EXISTS straddle", NULL, err);
}

b_status mig_rehearsal_end(mig_db *db, const char *token_written, const mig_rehearsal *r, b_err *err)
{
    b_buf q = {0};
    b_buf_printf(&q,
                 "UPDATE straddle.rehearsals SET ended = NOW(3), rows_before = %llu, rows_after = %llu, "
                 "differing = %llu, statements = %llu, conflicts = %llu, errors = %llu, worst_p99_us = %llu, "
                 "worst_lag_ms = %llu, result = ",
                 (unsigned long long)r->rows_before, (unsigned long long)r->rows_after,
                 (unsigned long long)r->differing, (unsigned long long)r->statements,
                 (unsigned long long)r->conflicts, (unsigned long long)r->errors,
                 (unsigned long long)r->worst_p99_us, (unsigned long long)r->worst_lag_ms);
    b_buf_quote(&q, b_slice_str(r->result)), b_buf_str(&q, ", steps = ");
    b_buf_quote(&q, b_slice_str(r->steps)), b_buf_printf(&q, " WHERE token = '%s'", token_written);
    b_status s = mig__run(db, err, &q);
    b_buf_deinit(&q);
    return s;
}

b_status mig_rehearsals(mig_engine *e, b_table *out, b_err *err)
{
    mig_db *db = NULL;
    b_table *t = NULL;
    b_status s = mig__connect(e, 0, &db, err);
    if (s == B_OK)
        s = mig__query(db, &t, err,
                       "SELECT migration, clone, started, ended, IF(ended IS NULL, 'not ended', result) AS "
                       "result, rows_before AS `rows`, rows_after, differing, statements, conflicts, errors, "
                       "ROUND(worst_p99_us / 1000, 1) AS worst_p99_ms, worst_lag_ms, steps FROM "
                       "straddle.rehearsals ORDER BY id DESC LIMIT 200");
    if (s == B_OK) mig__copy_table(out, t);
    b_table_free(t);
    mig_db_close(db);
    return s;
}
