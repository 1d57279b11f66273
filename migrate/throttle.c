/* Whether the backfill may go on, and if not, why: replica lag and Threads_running. Looks at most every 100
 * ms.
 *
 * Lag is measured with a heartbeat: a row with this process's clock is written on the source and read on each
 * replica, so it is right to a tenth of a second, with a stopped applier, and just after a restart, where
 * Seconds_Behind_Source is NULL or a false 0. Fails closed: what cannot be read stops the backfill. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_EVERY_MS = 100, CONNECT_MS = 1000, READ_MS = 2000 };

static uint64_t wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

b_status mig__throttle_init(mig__throttle *t, mig_engine *e, b_err *err)
{
    *t = (mig__throttle){0};
    pthread_mutex_lock(&e->mu);
    size_t n = e->settings.nreplicas;
    t->servers = calloc(n + 1, sizeof *t->servers);
    t->replicas = (mig_db **)calloc(n + 1, sizeof *t->replicas);
    if (t->servers != NULL && n > 0) memcpy(t->servers, e->settings.replicas, n * sizeof *t->servers);
    pthread_mutex_unlock(&e->mu);
    t->n = n;
    if (t->servers != NULL && t->replicas != NULL) return B_OK;
    mig__throttle_deinit(t);
    return b_fail(err, B_NOMEM, "out of memory for the list of replicas");
}

void mig__throttle_deinit(mig__throttle *t)
{
    for (size_t i = 0; t->replicas != NULL && i < t->n; i++) mig_db_close(t->replicas[i]);
    free((void *)t->replicas);
    free(t->servers);
    *t = (mig__throttle){0};
}

static bool beat(mig__throttle *t, mig_db *db)
{
    b_err err;
    if (t->n == 0) return true;
    if (mig_db_exec(db, NULL, &err, "REPLACE INTO straddle.heartbeat (id, at_ms) VALUES (1, %llu)",
                    (unsigned long long)wall_ms()) == B_OK)
        return true;
    snprintf(t->reason, sizeof t->reason, "the heartbeat cannot be written: %.200s", err.msg);
    return false;
}

/* One replica: false, with the reason, when it lags or cannot be asked. */
static bool replica_fine(mig__throttle *t, size_t i, const mig__m *m)
{
    b_err err;
    char at[32];
    const char *who = t->servers[i].text;
    if (t->replicas[i] == NULL &&
        mig__connect_to(&t->servers[i], CONNECT_MS, READ_MS, &t->replicas[i], &err) != B_OK) {
        t->replicas[i] = NULL;
        snprintf(t->reason, sizeof t->reason, "replica %.60s cannot be reached: %.200s", who, err.msg);
        return false;
    }
    b_status s = mig_db_scalar(t->replicas[i], "SELECT at_ms FROM straddle.heartbeat WHERE id = 1", at,
                               sizeof at, &err);
    if (s != B_OK) {
        snprintf(t->reason, sizeof t->reason, "replica %.60s has no heartbeat: %.200s", who,
                 s == B_NOT_FOUND ? "straddle.heartbeat is empty there" : err.msg);
        if (s == B_LOST) {
            mig_db_close(t->replicas[i]);
            t->replicas[i] = NULL;
        }
        return false;
    }
    uint64_t then = strtoull(at, NULL, 10), now = wall_ms(), lag = now > then ? now - then : 0;
    if (lag < m->max_lag_ms) return true;
    snprintf(t->reason, sizeof t->reason, "replica %.60s lag %.1f s >= %.1f s", who, (double)lag / 1000,
             (double)m->max_lag_ms / 1000);
    return false;
}

static bool threads_fine(mig__throttle *t, mig_db *db, const mig__m *m)
{
    b_err err;
    b_table *rows = NULL;
    if (m->max_threads_running == 0) return true;
    if (mig_db_query(db, "SHOW GLOBAL STATUS LIKE 'Threads_running'", &rows, &err) != B_OK ||
        b_table_rows(rows) != 1) {
        snprintf(t->reason, sizeof t->reason, "Threads_running cannot be read");
        b_table_free(rows);
        return false;
    }
    uint64_t running = strtoull(b_table_cell(rows, 0, 1).p, NULL, 10);
    b_table_free(rows);
    if (running < m->max_threads_running) return true;
    snprintf(t->reason, sizeof t->reason, "threads_running %llu >= %llu", (unsigned long long)running,
             (unsigned long long)m->max_threads_running);
    return false;
}

const char *mig__throttle_check(mig__throttle *t, mig_db *db, const mig__m *m)
{
    uint64_t now = mig__now_ms();
    if (t->looked_ms != 0 && now < t->looked_ms + LOOK_EVERY_MS) return t->reason;
    t->looked_ms = now;
    bool fine = beat(t, db) && threads_fine(t, db, m);
    for (size_t i = 0; fine && i < t->n; i++) fine = replica_fine(t, i, m);
    if (fine) t->reason[0] = '\0';
    return t->reason;
}
