/* One ALTER TABLE, or another DDL on the table, at a time, without stalling the application.
 *
 * The waiting ALTER holds up every later statement on the table, so a second connection watches it and kills
 * it once it has waited for the metadata lock for 150 ms; then a jittered pause, and again, until the bound.
 * The algorithm is asked for by name: INSTANT, else INPLACE with LOCK=NONE; a copy of the table only when the
 * operator forced the step. Knows no phases. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WATCH_MS 50
#define WAITS_ALLOWED 3 /* of WATCH_MS each */
#define TRIES 60
#define ER_LOCK_WAIT 1205
#define ER_KILLED 1317
#define ER_DEADLOCK 1213

typedef struct watchdog {
    pthread_mutex_t mu;
    pthread_cond_t wake;
    bool done;
    mig_db *db;
    uint64_t id;                /* connection that runs the ALTER */
    const char *schema, *table; /* quoted */
    char blocker[400];
} watchdog;

#define HOLDER_MYSQL                                                                                         \
    "SELECT t.PROCESSLIST_ID, t.PROCESSLIST_USER, t.PROCESSLIST_HOST, CONCAT_WS(' ', "                       \
    "t.PROCESSLIST_COMMAND, t.PROCESSLIST_STATE, 'for', t.PROCESSLIST_TIME) FROM "                           \
    "performance_schema.metadata_locks l JOIN performance_schema.threads t ON t.THREAD_ID = "                \
    "l.OWNER_THREAD_ID WHERE l.LOCK_STATUS = 'GRANTED' AND t.PROCESSLIST_ID <> %llu AND l.OBJECT_SCHEMA = "  \
    "%s AND l.OBJECT_NAME = %s ORDER BY t.PROCESSLIST_TIME DESC LIMIT 1"
#define HOLDER_MARIADB                                                                                       \
    "SELECT p.ID, p.USER, p.HOST, CONCAT_WS(' ', p.COMMAND, NULLIF(p.STATE, ''), 'its transaction open "     \
    "for', "                                                                                                 \
    "TIMESTAMPDIFF(SECOND, t.trx_started, NOW())) FROM "                                                     \
    "information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id " \
    "WHERE p.ID <> %llu ORDER BY t.trx_started LIMIT 1"

static void name_blocker(watchdog *w)
{
    b_table *t = NULL;
    b_err ignored;
    bool ma = mig__mariadb(w->db);
    unsigned long long id = w->id;
    b_status s = ma ? mig__query(w->db, &t, &ignored, HOLDER_MARIADB, id)
                    : mig__query(w->db, &t, &ignored, HOLDER_MYSQL, id, w->schema, w->table);
    if (s == B_OK && b_table_rows(t) != 0)
        snprintf(w->blocker, sizeof w->blocker, "connection %.*s of '%.*s' from %.*s, %.*s s",
                 B_ARG(b_table_cell(t, 0, 0)), B_ARG(b_table_cell(t, 0, 1)), B_ARG(b_table_cell(t, 0, 2)),
                 B_ARG(b_table_cell(t, 0, 3)));
    b_table_free(t);
}

static bool waits(watchdog *w)
{
    char sql[200], state[128];
    b_err ignored;
    snprintf(sql, sizeof sql, "SELECT STATE FROM %s WHERE ID = %llu",
             mig__mariadb(w->db) ? "information_schema.PROCESSLIST" : "performance_schema.processlist",
             (unsigned long long)w->id);
    return mig_db_scalar(w->db, sql, state, sizeof state, &ignored) == B_OK &&
           strstr(state, "metadata lock") != NULL;
}

static void *watch(void *arg)
{
    watchdog *w = arg;
    unsigned waited = 0;
    pthread_mutex_lock(&w->mu);
    while (!w->done) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += WATCH_MS * 1000000L;
        if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
        pthread_cond_timedwait(&w->wake, &w->mu, &until);
        if (w->done) break;
        waited = waits(w) ? waited + 1 : 0;
        if (waited < WAITS_ALLOWED) continue;
        name_blocker(w);
        b_err ignored;
        /* The lock is held: the ALTER's thread cannot begin another statement before this KILL is through. */
        if (mig_db_exec(w->db, NULL, &ignored, "KILL QUERY %llu", (unsigned long long)w->id) == B_OK)
            waited = 0;
    }
    pthread_mutex_unlock(&w->mu);
    return NULL;
}

static b_status guarded(watchdog *w, mig_db *db, const char *sql, b_err *err)
{
    pthread_t thread;
    w->done = false;
    if (pthread_create(&thread, NULL, watch, w) != 0) return b_fail(err, B_NOMEM, "cannot start a thread");
    b_status s = mig_db_query(db, sql, NULL, err);
    pthread_mutex_lock(&w->mu);
    w->done = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mu);
    pthread_join(thread, NULL);
    return s;
}

static bool blocked(const b_err *err)
{
    return err->db_errno == ER_LOCK_WAIT || err->db_errno == ER_KILLED || err->db_errno == ER_DEADLOCK;
}

static b_status with_retries(mig__op *op, watchdog *w, const char *sql, b_err *err)
{
    unsigned seed = (unsigned)mig__now_ms();
    b_status s = B_OK;
    for (int i = 0; i < TRIES; i++) {
        *err = (b_err){0};
        s = guarded(w, op->db, sql, err);
        if (s == B_OK || !blocked(err)) return s;
        if (mig__now_ms() >= op->deadline || mig__stopping(op->e)) break;
        mig__sleep(op->e, 100 + (uint32_t)rand_r(&seed) % 400);
    }
    return b_fail(
        err, B_TIMEOUT,
        "%.12s on %s.%s could not get its lock on the table; it was given up after each 150 ms so as not "
        "to stall the application; blocked by %s; end that transaction, then try again",
        sql, op->m->schema, op->m->table,
        w->blocker[0] == '\0' ? "a transaction that has ended since" : w->blocker);
}

static bool wrong_algorithm(const b_err *err)
{
    switch (err->db_errno) { /* not supported: this algorithm, this lock, too many row versions */
    case 1845:
    case 1846:
    case 1847:
    case 1221:
    case 4092:
    case 1878: return true;
    default: return false;
    }
}

/* Runs it, and writes it into the history. */
static b_status run_one(mig__op *op, watchdog *w, const char *sql, bool forced, b_err *err)
{
    uint64_t started = mig__now_ms();
    b_status s = with_retries(op, w, sql, err);
    if (s != B_OK) return s;
    mig__op_step(op, "ddl", sql, started);
    mig__event ev = {.migration = op->m->name,
                     .action = "ddl",
                     .sql = sql,
                     .ms = mig__now_ms() - started,
                     .forced = forced};
    return mig__record(op->db, op->who, &ev, err);
}

static b_status try_algorithms(mig__op *op, watchdog *w, const char *change, bool inplace, b_err *err)
{
    static const char *const algorithms[] = {"ALGORITHM=INSTANT", "ALGORITHM=INPLACE, LOCK=NONE",
                                             "ALGORITHM=COPY"};
    b_status s = B_OK;
    for (size_t i = inplace ? 1 : 0; i < 3; i++) {
        if (i == 2 && !op->force)
            return b_err_prefix(err, "%s.%s would have to be copied, which blocks writes; FORCE allows it",
                                op->m->schema, op->m->table);
        b_buf sql = {0};
        b_buf_str(&sql, "ALTER TABLE "), b_buf_ident(&sql, b_slice_str(op->m->schema));
        b_buf_char(&sql, '.'), b_buf_ident(&sql, b_slice_str(op->m->table));
        b_buf_printf(&sql, " %s, %s", change, algorithms[i]);
        s = sql.failed ? b_fail(err, B_NOMEM, "out of memory for an ALTER")
                       : run_one(op, w, b_buf_cstr(&sql), i == 2, err);
        b_buf_deinit(&sql);
        if (s == B_OK || !wrong_algorithm(err)) return s;
    }
    return s;
}

typedef struct ddl { /* change, tried with each algorithm; or a whole statement */
    const char *change, *statement, *sql_mode;
    bool inplace;
} ddl;

static b_status run_ddl(mig__op *op, const ddl *d, b_err *err)
{
    b_err own = {0};
    watchdog w = {.id = mig_db_thread_id(op->db),
                  .schema = mig__q(op->m->arena, op->m->schema),
                  .table = mig__q(op->m->arena, op->m->table)};
    b_err *to = err == NULL ? &own : err;
    *to = (b_err){0};
    b_status s = mig__connect(op->e, 5000, &w.db, to);
    if (s == B_OK)
        s = mig__query(op->db, NULL, to, "SET SESSION lock_wait_timeout = 1, sql_mode = '%s'", d->sql_mode);
    if (s != B_OK) {
        mig_db_close(w.db);
        return s;
    }
    op->deadline =
        mig__now_ms() + (op->patience_ms != 0 ? op->patience_ms : mig__settings_get(op->e).phase_timeout_ms);
    pthread_mutex_init(&w.mu, NULL);
    pthread_cond_init(&w.wake, NULL);
    s = d->statement != NULL ? run_one(op, &w, d->statement, false, to)
                             : try_algorithms(op, &w, d->change, d->inplace, to);
    pthread_cond_destroy(&w.wake);
    pthread_mutex_destroy(&w.mu);
    mig_db_close(w.db);
    b_err ignored;
    b_status back = mig_db_query(op->db, "SET SESSION lock_wait_timeout = 20, sql_mode = ''", NULL,
                                 s == B_OK ? to : &ignored);
    return s == B_OK ? back : s;
}

/* Strict: NULL to NOT NULL in place asks for it. */
b_status mig__alter(mig__op *op, const char *change, bool inplace, b_err *err)
{
    const ddl d = {.change = change, .sql_mode = "STRICT_TRANS_TABLES", .inplace = inplace};
    return run_ddl(op, &d, err);
}

b_status mig__ddl(mig__op *op, const char *statement, const char *sql_mode, b_err *err)
{
    const ddl d = {.statement = statement, .sql_mode = sql_mode};
    return run_ddl(op, &d, err);
}
