/* The census: who uses which name of a migration, kept in straddle.census over restarts and for all
 * instances, and the gate before contracted that reads it.
 *
 * A process writes its own counts since its start, under its own id, so that writing the same twice changes
 * nothing. What processes have left that are gone is added up in rows of nobody's when another starts. */
#include "mig.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 50, LISTED = 4, SLACK_MS = 2000 };

/* ---- writing ---- */

typedef struct writer {
    mig_engine *e;
    mig_db *db;
    b_err *err;
    b_status status;
    b_buf sql;
    size_t rows;
    int64_t newest_ms;
} writer;

static void send(writer *w)
{
    if (w->rows == 0 || w->status != B_OK) return;
    b_buf_str(&w->sql, " ON DUPLICATE KEY UPDATE uses = VALUES(uses), last_seen = VALUES(last_seen)");
    w->status = mig__run(w->db, w->err, &w->sql);
    b_buf_clear(&w->sql);
    w->rows = 0;
}

static void quoted(b_buf *q, const char *text, size_t most)
{
    b_slice s = b_slice_str(text == NULL ? "" : text);
    if (s.n > most) {
        for (s.n = most; s.n > 0 && ((unsigned char)s.p[s.n] & 0xC0) == 0x80; s.n--)
            continue; /* whole characters */
    }
    b_buf_str(q, ", ");
    b_buf_quote(q, s);
}

static void add_use(void *arg, const mig_use *u)
{
    writer *w = arg;
    if (u->last_seen_ms < w->e->census_ms - SLACK_MS || w->status != B_OK) return; /* it is there already */
    if (u->last_seen_ms > w->newest_ms) w->newest_ms = u->last_seen_ms;
    b_buf *q = &w->sql;
    b_buf_str(q, w->rows++ > 0
                     ? ", ('"
                     : "INSERT INTO straddle.census (instance, migration, name, user, host, program, digest, "
                       "sample, uses, first_seen, last_seen) VALUES ('");
    b_buf_str(q, w->e->id), b_buf_char(q, '\'');
    quoted(q, u->migration, 128), quoted(q, u->old_name ? "old" : "new", 3), quoted(q, u->user, 128);
    quoted(q, u->host, 63), quoted(q, u->program, 128), quoted(q, u->digest, 16), quoted(q, u->sample, 1000);
    b_buf_printf(q, ", %llu, FROM_UNIXTIME(%lld.%03lld), FROM_UNIXTIME(%lld.%03lld))",
                 (unsigned long long)u->count, (long long)u->last_seen_ms / 1000,
                 (long long)u->last_seen_ms % 1000, (long long)u->last_seen_ms / 1000,
                 (long long)u->last_seen_ms % 1000);
    if (w->rows == ROWS) send(w);
}

b_status mig__census_write(mig_engine *e, mig_db *db, b_err *err)
{
    writer w = {.e = e, .db = db, .err = err};
    if (e->host.each_use == NULL) return B_OK;
    pthread_mutex_lock(&e->census_mu);
    e->host.each_use(e->host.ctx, add_use, &w);
    send(&w);
    if (w.status == B_OK && w.newest_ms > e->census_ms) e->census_ms = w.newest_ms;
    pthread_mutex_unlock(&e->census_mu);
    b_buf_deinit(&w.sql);
    return w.status;
}

/* Rows of processes that are gone; the row of straddle.state is held, so that two that start add nothing
 * twice. */
#define OF_THE_GONE                                                                                          \
    "c.instance <> '' AND NOT EXISTS (SELECT 1 FROM straddle.instances i WHERE i.id = c.instance OR i.id "   \
    "LIKE "                                                                                                  \
    "CONCAT(c.instance, '.%'))"

static b_status fold(mig_db *db, b_err *err)
{
    static const char *const sql[] = {
        "SELECT id FROM straddle.state WHERE id = 1 FOR UPDATE",
        "INSERT INTO straddle.census (instance, migration, name, user, host, program, digest, sample, uses, "
        "first_seen, last_seen) SELECT '', d.migration, d.name, d.user, d.host, d.program, d.digest, "
        "d.sample, d.n, "
        "d.first, d.last FROM (SELECT c.migration, c.name, c.user, c.host, c.program, c.digest, "
        "MIN(c.sample) AS "
        "sample, SUM(c.uses) AS n, MIN(c.first_seen) AS first, MAX(c.last_seen) AS last FROM straddle.census "
        "c WHERE " OF_THE_GONE
        " GROUP BY c.migration, c.name, c.user, c.host, c.program, c.digest) d ON DUPLICATE KEY UPDATE "
        "uses = uses + VALUES(uses), first_seen = LEAST(straddle.census.first_seen, VALUES(first_seen)), "
        "last_seen = "
        "GREATEST(straddle.census.last_seen, VALUES(last_seen))",
        "DELETE c FROM straddle.census c WHERE " OF_THE_GONE,
        /* what earlier programs kept: the last use of the old name */
        "INSERT IGNORE INTO straddle.census (instance, migration, name, user, host, program, digest, sample, "
        "uses, "
        "first_seen, last_seen) SELECT '', migration, 'old', LEFT(who, 128), '', '', '', '', 1, last_seen, "
        "last_seen "
        "FROM straddle.name_usage WHERE old_name = 1",
        "DELETE FROM straddle.name_usage"};
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < sizeof sql / sizeof sql[0]; i++) {
        b_table *t = NULL;
        s = mig_db_query(db, sql[i], &t, err);
        b_table_free(t);
    }
    return s;
}

b_status mig__census_fold(mig_db *db, b_err *err)
{
    b_status s = mig_db_query(db, "USE straddle", NULL, err);
    if (s == B_OK) s = mig__begin(db, err);
    if (s == B_OK) s = fold(db, err);
    if (s == B_OK) s = mig__commit(db, err);
    if (s != B_OK) mig__undo(db);
    return s;
}

/* ---- reading ---- */

b_status mig_usage(mig_engine *e, b_table *out, b_err *err)
{
    mig_db *db = NULL;
    b_table *t = NULL;
    b_status s = mig__connect(e, 0, &db, err);
    if (s == B_OK) s = mig__census_write(e, db, err);
    if (s == B_OK)
        s = mig_db_query(
            db,
            "SELECT migration, name, user, host, program, digest, MIN(sample) AS sample, SUM(uses) AS "
            "count, MIN(first_seen) AS first_seen, MAX(last_seen) AS last_seen FROM straddle.census GROUP "
            "BY migration, name, user, host, program, digest ORDER BY migration, name DESC, MAX(last_seen) "
            "DESC",
            &t, err);
    mig_db_close(db);
    if (s == B_OK) mig__copy_table(out, t);
    b_table_free(t);
    return s;
}

/* ---- the gate ---- */

static b_status watched(mig__op *op, b_err *err)
{
    b_table *t = NULL;
    b_status s =
        mig__query(op->db, &t, err,
                   "SELECT MIN(at) FROM straddle.history WHERE migration = '%s' AND action = 'apply' HAVING "
                   "MIN(at) > NOW() - INTERVAL %llu DAY",
                   op->m->name, (unsigned long long)op->m->observe_days);
    if (s == B_OK && b_table_rows(t) != 0)
        s = b_fail(err, B_REFUSED,
                   "migration %s was applied at %.*s, so that use of the old name has not been watched for "
                   "%llu days; "
                   "wait, or FORCE",
                   op->m->name, B_ARG(b_table_cell(t, 0, 0)), (unsigned long long)op->m->observe_days);
    b_table_free(t);
    return s;
}

static b_status refuse(mig__op *op, const b_table *t, b_err *err)
{
    b_buf who = {0};
    size_t n = b_table_rows(t);
    for (size_t i = 0; i < n && i < LISTED; i++)
        b_buf_printf(&who, "%s'%.*s' from %.*s (%.*s), digest %.*s, last at %.*s", i == 0 ? "" : "; ",
                     B_ARG(mig__cell(t, i, "user")), B_ARG(mig__cell(t, i, "host")),
                     B_ARG(mig__cell(t, i, "program")), B_ARG(mig__cell(t, i, "digest")),
                     B_ARG(mig__cell(t, i, "last")));
    if (n > LISTED) b_buf_printf(&who, "; and %zu more", n - LISTED);
    b_status s =
        b_fail(err, B_REFUSED,
               "migration %s: the old name was used within the %llu days of observation by %.700s; move them "
               "over (SHOW USAGE has all), or FORCE",
               op->m->name, (unsigned long long)op->m->observe_days, b_buf_cstr(&who));
    b_buf_deinit(&who);
    return s;
}

b_status mig__gate_unused(mig__op *op, b_err *err)
{
    b_table *t = NULL;
    if (op->m->observe_days == 0) return B_OK;
    b_status s = mig__census_write(op->e, op->db, err);
    if (s == B_OK)
        s = mig__query(
            op->db, &t, err,
            "SELECT user, host, program, digest, MAX(last_seen) AS last FROM straddle.census WHERE migration "
            "= '%s' AND name = 'old' AND last_seen > NOW() - INTERVAL %llu DAY GROUP BY user, host, program, "
            "digest ORDER BY MAX(last_seen) DESC",
            op->m->name, (unsigned long long)op->m->observe_days);
    if (s == B_OK && b_table_rows(t) != 0) s = refuse(op, t, err);
    b_table_free(t);
    return s == B_OK ? watched(op, err) : s;
}
