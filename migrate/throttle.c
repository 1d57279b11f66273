/* Whether the backfill may go on, and if not, why. A table of signals, each with a limit, above which it
 * waits, and a critical level, at which it pauses until an operator lets it go on. Looks at most every 100
 * ms, and fails closed: what cannot be read has it wait. */
#include "mig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK_EVERY_MS = 100,
    HTTP_EVERY_MS = 1000,
    P99_LEAST_US = 5000,   /* that much more than the baseline is no alarm */
    P99_FORGETS_MS = 21000 /* the host's readings hold nothing older */
};

/* ---- saying it ---- */

static mig__go stop(mig__throttle *t, mig__go how, const char *fmt, ...) B_PRINTF(3, 4);

static mig__go stop(mig__throttle *t, mig__go how, const char *fmt, ...)
{
    va_list ap;
    int n = how == MIG__PAUSE ? snprintf(t->reason, sizeof t->reason, "critical: ") : 0;
    va_start(ap, fmt);
    vsnprintf(t->reason + n, sizeof t->reason - (size_t)n, fmt, ap);
    va_end(ap);
    return how;
}

/* A figure against its limit and its critical level; 0 is none. */
static mig__go compare(mig__throttle *t, const char *what, uint64_t now, uint64_t limit, uint64_t critical)
{
    if (critical != 0 && now >= critical)
        return stop(t, MIG__PAUSE, "%s %llu >= %llu", what, (unsigned long long)now,
                    (unsigned long long)critical);
    if (limit != 0 && now >= limit)
        return stop(t, MIG__WAIT, "%s %llu >= %llu", what, (unsigned long long)now,
                    (unsigned long long)limit);
    return MIG__GO;
}

/* ---- the signals ---- */

typedef struct looking {
    mig__throttle *t;
    mig_engine *e;
    mig_db *db;
    const mig__m *m;
    uint64_t now;
} looking;

static mig__go windows(looking *l)
{
    cfg_windows w;
    b_err err;
    char minute[16];
    if (l->m->pace.windows == NULL) return MIG__GO;
    b_status s = cfg_windows_parse(l->m->pace.windows, &w, &err);
    if (s == B_OK) /* this connection's own time zone is UTC */
        s = mig_db_scalar(l->db,
                          "SELECT COALESCE(TIME_TO_SEC(TIME(CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', "
                          "@@GLOBAL.time_zone))) DIV 60, 'unknown')",
                          minute, sizeof minute, &err);
    if (s == B_OK && (minute[0] < '0' || minute[0] > '9'))
        s = b_fail(&err, B_STATE, "its time zone is not in the tables of time zones");
    if (s != B_OK) return stop(l->t, MIG__WAIT, "the server's time cannot be read: %.200s", err.msg);
    if (cfg_windows_open(&w, (unsigned)strtoul(minute, NULL, 10))) return MIG__GO;
    return stop(l->t, MIG__WAIT, "outside of its hours, %s", l->m->pace.windows);
}

static mig__go vital(looking *l, mig__vital v, const char *what, uint64_t now, uint64_t limit,
                     uint64_t critical)
{
    if (limit == 0 && critical == 0) return MIG__GO;
    if (!l->t->vitals.known[v]) return stop(l->t, MIG__WAIT, "%s cannot be read", what);
    return compare(l->t, what, now, limit, critical);
}

static uint64_t deadlocks_a_second(mig__throttle *t, uint64_t now_ms)
{
    uint64_t count = t->vitals.value[MIG__DEADLOCKS];
    if (t->deadlocks_ms == 0 || now_ms - t->deadlocks_ms >= 1000) {
        uint64_t ms = now_ms - t->deadlocks_ms;
        t->deadlock_rate =
            t->deadlocks_ms == 0 || count < t->deadlocks ? 0 : (count - t->deadlocks) * 1000 / ms;
        t->deadlocks = count, t->deadlocks_ms = now_ms;
    }
    return t->deadlock_rate;
}

static mig__go server(looking *l)
{
    mig__throttle *t = l->t;
    const cfg_pace *p = &l->m->pace;
    const uint64_t *now = t->vitals.value;
    b_err err;
    if (mig__vitals_read(l->db, &t->vitals, &err) != B_OK)
        return stop(t, MIG__WAIT, "the server's status cannot be read: %.200s", err.msg);
    uint64_t rate = deadlocks_a_second(t, l->now);
    const struct {
        mig__vital vital;
        const char *what;
        uint64_t now, limit, critical;
    } signals[] = {
        {MIG__THREADS_RUNNING, "threads_running", now[MIG__THREADS_RUNNING], p->max_threads_running,
         p->critical_threads_running},
        {MIG__LOCK_WAITS, "lock waits", now[MIG__LOCK_WAITS], p->max_lock_waits, p->critical_lock_waits},
        {MIG__DEADLOCKS, "deadlocks a second", rate, p->max_deadlocks, p->critical_deadlocks},
        {MIG__HISTORY, "history list length", now[MIG__HISTORY], p->max_history_length,
         p->critical_history_length},
        {MIG__PENDING_IO, "pending I/O", now[MIG__PENDING_IO], p->max_pending_io, p->critical_pending_io},
    };
    mig__go worst = MIG__GO;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0] && worst == MIG__GO; i++)
        worst = vital(l, signals[i].vital, signals[i].what, signals[i].now, signals[i].limit,
                      signals[i].critical);
    return worst;
}

static mig__go replicas(looking *l)
{
    mig__throttle *t = l->t;
    const cfg_pace *p = &l->m->pace;
    b_err err;
    if (t->n > 0 && mig__beat(l->db, &err) != B_OK)
        return stop(t, MIG__WAIT, "the heartbeat cannot be written: %.200s", err.msg);
    for (size_t i = 0; i < t->n; i++) {
        uint64_t lag = 0;
        if (mig__replica_lag(&t->servers[i], &t->replicas[i], &lag, &err) != B_OK)
            return stop(t, MIG__WAIT, "%.250s", err.msg);
        bool critical = p->critical_lag_ms != 0 && lag >= p->critical_lag_ms;
        if (critical || lag >= p->max_lag_ms)
            return stop(t, critical ? MIG__PAUSE : MIG__WAIT, "replica %.60s lag %.1f s >= %.1f s",
                        t->servers[i].text, (double)lag / 1000,
                        (double)(critical ? p->critical_lag_ms : p->max_lag_ms) / 1000);
    }
    return MIG__GO;
}

/* The baseline is what was seen before the first chunk, or, where nobody used the table then, first. Where it
 * stays slow although the backfill has waited until nothing of its own can be in the readings, the
 * application has become slower by itself: that is the new baseline. */
static mig__go latency(looking *l)
{
    mig__throttle *t = l->t;
    const cfg_pace *p = &l->m->pace;
    if ((p->max_p99_percent == 0 && p->critical_p99_percent == 0) || l->e->host.table_p99_us == NULL)
        return MIG__GO;
    uint64_t us = l->e->host.table_p99_us(l->e->host.ctx, l->m->schema, l->m->table);
    if (us == 0) return MIG__GO;
    if (t->p99_us == 0 || (t->slow_ms != 0 && l->now - t->slow_ms > P99_FORGETS_MS))
        t->p99_us = us, t->slow_ms = 0;
    uint64_t least = t->p99_us + P99_LEAST_US;
    uint64_t limit = t->p99_us * p->max_p99_percent / 100,
             critical = t->p99_us * p->critical_p99_percent / 100;
    bool pause = p->critical_p99_percent != 0 && us >= critical && us >= least;
    bool wait = p->max_p99_percent != 0 && us >= limit && us >= least;
    if (!pause && !wait) t->slow_ms = 0;
    if (!pause && !wait) return MIG__GO;
    if (t->slow_ms == 0) t->slow_ms = l->now;
    uint64_t passed = pause ? critical : limit;
    return stop(t, pause ? MIG__PAUSE : MIG__WAIT,
                "p99 of statements on the table %.1f ms >= %.1f ms (without it %.1f ms)", (double)us / 1000,
                (double)(passed > least ? passed : least) / 1000, (double)t->p99_us / 1000);
}

static mig__go outside(looking *l)
{
    mig__throttle *t = l->t;
    const cfg_pace *p = &l->m->pace;
    b_err err;
    uint64_t says = 0;
    if (p->check_sql != NULL) {
        if (mig__check_sql(l->db, p->check_sql, &says, &err) != B_OK)
            return stop(t, MIG__WAIT, "check_sql: %.200s", err.msg);
        if (says > 0)
            return stop(t, says > 1 ? MIG__PAUSE : MIG__WAIT, "check_sql says %llu",
                        (unsigned long long)says);
    }
    if (p->check_http == NULL) return MIG__GO;
    if (t->http_ms == 0 || l->now - t->http_ms >= HTTP_EVERY_MS) {
        t->http_ms = l->now;
        t->http_failed[0] = '\0';
        if (mig__check_http(p->check_http, &t->http_says, &err) != B_OK)
            snprintf(t->http_failed, sizeof t->http_failed, "%.250s", err.msg);
    }
    if (t->http_failed[0] != '\0') return stop(t, MIG__WAIT, "check_http: %.200s", t->http_failed);
    if (t->http_says == 0) return MIG__GO;
    return stop(t, t->http_says > 1 ? MIG__PAUSE : MIG__WAIT, "check_http: %.200s does not let it go on",
                p->check_http);
}

/* ---- all of them ---- */

b_status mig__throttle_init(mig__throttle *t, mig_engine *e, b_err *err)
{
    *t = (mig__throttle){.e = e};
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
    if (t->servers != NULL) explicit_bzero(t->servers, t->n * sizeof *t->servers);
    free(t->servers);
    *t = (mig__throttle){0};
}

mig__go mig__throttle_check(mig__throttle *t, mig_db *db, const mig__m *m)
{
    static mig__go (*const signals[])(looking *) = {windows, server, replicas, latency, outside};
    looking l = {t, t->e, db, m, mig__now_ms()};
    if (t->looked_ms != 0 && l.now < t->looked_ms + LOOK_EVERY_MS) return t->go;
    t->looked_ms = l.now;
    t->go = MIG__GO;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0] && t->go == MIG__GO; i++)
        t->go = signals[i](&l);
    if (t->go == MIG__GO) t->reason[0] = '\0';
    return t->go;
}
