/* The registrar: a thread that writes which connections of this instance on the server may have statements on
 * migrating tables, many at once, and forgets those that have ended.
 *
 * A connection is registered only while this incarnation lives: the row of straddle.instances is locked while
 * it is looked at, so that whoever marks the instance dead sees all that are registered. What a session
 * leaves in flight (an orphan) is killed here, and until it is gone its epoch is not acknowledged. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 200, IDLE_MS = 200, RETRIES = 5 };
#define ER_LOCK_WAIT 1205
#define ER_DEADLOCK 1213

/* ---- lists; under the lock ---- */

static bool push(mig__conns *c, mig__conn one)
{
    if (c->n == c->cap) {
        size_t cap = c->cap == 0 ? 16 : c->cap * 2;
        mig__conn *v = realloc(c->v, cap * sizeof *v);
        if (v == NULL) return false;
        c->v = v, c->cap = cap;
    }
    c->v[c->n++] = one;
    return true;
}

static void drop_first(mig__conns *c, size_t n)
{
    if (n < c->n) memmove(c->v, c->v + n, (c->n - n) * sizeof *c->v);
    c->n -= n;
}

static bool drop_id(mig__conns *c, uint64_t id)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->v[i].id != id) continue;
        c->v[i] = c->v[--c->n];
        return true;
    }
    return false;
}

/* ---- from the data path ---- */

void mig_engine_register(mig_engine *e, uint64_t connection, uint64_t made_ms)
{
    mig__registrar *r = &e->reg;
    pthread_mutex_lock(&r->mu);
    bool kept = push(&r->asked, (mig__conn){.id = connection, .made_ms = made_ms});
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->mu);
    if (!kept)
        b_logf(e->log, B_ERROR, "migrate", "out of memory: connection %llu is not registered",
               (unsigned long long)connection);
}

void mig_engine_unregister(mig_engine *e, uint64_t connection, uint64_t epoch, bool in_flight)
{
    mig__registrar *r = &e->reg;
    mig__conn c = {.id = connection, .epoch = epoch};
    pthread_mutex_lock(&r->mu);
    bool kept = push(in_flight ? &r->orphans : &r->closed, c);
    if (in_flight) pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->mu);
    if (kept || !in_flight) return; /* a row too many is found gone when this instance ends */
    b_logf(e->log, B_ERROR, "migrate",
           "out of memory: what connection %llu has under way cannot be followed; this process ends, so that "
           "others fence it",
           (unsigned long long)connection);
    abort();
}

bool mig__orphaned(mig_engine *e, uint64_t epoch, uint64_t *connection)
{
    mig__registrar *r = &e->reg;
    bool any = false;
    pthread_mutex_lock(&r->mu);
    for (size_t i = 0; i < r->orphans.n && !any; i++) {
        any = r->orphans.v[i].epoch < epoch;
        *connection = r->orphans.v[i].id;
    }
    pthread_mutex_unlock(&r->mu);
    return any;
}

/* ---- registering ---- */

static void id_list(const mig__conn *v, size_t n, const char *between, b_buf *out)
{
    for (size_t i = 0; i < n; i++)
        b_buf_printf(out, "%s%llu", i == 0 ? "" : between, (unsigned long long)v[i].id);
}

/* Are they there, and does the instance live? For a statement that was done once before, unknown to us. */
static b_status look(mig_engine *e, mig_db *db, const mig__conn *v, size_t n, bool *all, b_err *err)
{
    char member[160];
    b_buf q = {0};
    b_table *t = NULL;
    b_buf_printf(&q,
                 "SELECT COUNT(*) FROM straddle.instances i JOIN straddle.connections c ON c.instance = i.id "
                 "WHERE i.id = '%s' AND i.dead_at IS NULL AND c.server = '%s' AND c.id IN (",
                 mig__member(e, member), e->reg.server);
    id_list(v, n, ", ", &q);
    b_buf_str(&q, ") LOCK IN SHARE MODE");
    b_status s = mig__ask(db, &t, err, &q);
    b_slice cell = s == B_OK ? b_table_cell(t, 0, 0) : (b_slice){NULL, 0};
    *all = cell.p != NULL && strtoull(cell.p, NULL, 10) == n;
    b_table_free(t);
    b_buf_deinit(&q);
    return s;
}

static b_status insert(mig_engine *e, mig_db *db, const mig__conn *v, size_t n, b_err *err)
{
    char member[160];
    uint64_t affected = 0;
    b_buf q = {0};
    bool all = true;
    b_buf_printf(
        &q,
        "INSERT IGNORE INTO straddle.connections (instance, server, id) SELECT i.id, '%s', c.id FROM "
        "straddle.instances i JOIN (SELECT ",
        e->reg.server);
    id_list(v, n, " AS id UNION ALL SELECT ", &q);
    b_buf_printf(&q, " AS id) c WHERE i.id = '%s' AND i.dead_at IS NULL LOCK IN SHARE MODE",
                 mig__member(e, member));
    b_status s = q.failed ? b_fail(err, B_NOMEM, "out of memory while connections are registered")
                          : mig_db_exec(db, &affected, err, "%s", b_buf_cstr(&q));
    b_buf_deinit(&q);
    if (s == B_OK && affected != n) s = look(e, db, v, n, &all, err);
    if (s == B_OK && !all)
        s = b_fail(err, B_STATE, "another instance has taken this one for dead, see SHOW INSTANCES");
    return s;
}

b_status mig__register_own(mig_engine *e, mig_db *db, b_err *err)
{
    char run[80] = "", member[160];
    uint64_t affected = 0;
    b_status s = mig__server_run(db, run, sizeof run, err);
    if (s == B_OK)
        s = mig_db_exec(
            db, &affected, err,
            "INSERT IGNORE INTO straddle.connections (instance, server, id) SELECT id, '%s', %llu FROM "
            "straddle.instances WHERE id = '%s' AND dead_at IS NULL LOCK IN SHARE MODE",
            run, (unsigned long long)mig_db_thread_id(db), mig__member(e, member));
    if (s == B_OK && affected != 1)
        s = b_fail(
            err, B_STATE,
            "this instance has lost its lease, another has taken it for dead; try again in a moment, or see "
            "SHOW INSTANCES");
    return s;
}

/* ---- the thread ---- */

static void answer(mig_engine *e, const mig__conn *v, size_t n, const char *why)
{
    uint64_t ids[BATCH];
    for (size_t i = 0; i < n; i++) ids[i] = v[i].id;
    if (n > 0 && e->host.registered != NULL) e->host.registered(e->host.ctx, ids, n, why);
}

/* The next ones, at most BATCH; sessions of an earlier run of the server are told apart in *stale. */
static size_t take(mig__registrar *r, mig__conn v[BATCH], mig__conn stale[BATCH], size_t *nstale)
{
    size_t n = 0, taken = 0;
    *nstale = 0;
    pthread_mutex_lock(&r->mu);
    for (; taken < r->asked.n && taken < BATCH; taken++) {
        mig__conn c = r->asked.v[taken];
        if (c.made_ms < r->since_ms)
            stale[(*nstale)++] = c;
        else
            v[n++] = c;
    }
    drop_first(&r->asked, taken);
    pthread_mutex_unlock(&r->mu);
    return n;
}

static b_status register_batch(mig_engine *e, b_err *err)
{
    mig__conn v[BATCH], stale[BATCH];
    size_t nstale = 0, n = take(&e->reg, v, stale, &nstale);
    b_status s = B_OK;
    answer(e, stale, nstale, "the server was started anew since this connection was made; connect again");
    if (n == 0) return B_OK;
    for (int i = 0; i < RETRIES; i++) {
        s = insert(e, e->reg.db, v, n, err);
        if (s != B_DATABASE || (err->db_errno != ER_LOCK_WAIT && err->db_errno != ER_DEADLOCK)) break;
    }
    answer(e, v, n, s == B_OK ? "" : err->msg);
    return s == B_STATE ? B_OK : s;
}

static b_status forget_closed(mig_engine *e, b_err *err)
{
    mig__registrar *r = &e->reg;
    mig__conn v[BATCH];
    char member[160];
    b_buf q = {0};
    pthread_mutex_lock(&r->mu);
    size_t n = r->closed.n < BATCH ? r->closed.n : BATCH;
    if (n > 0) memcpy(v, r->closed.v, n * sizeof *v);
    pthread_mutex_unlock(&r->mu);
    if (n == 0) return B_OK;
    b_buf_printf(&q, "DELETE FROM straddle.connections WHERE instance = '%s' AND server = '%s' AND id IN (",
                 mig__member(e, member), r->server);
    id_list(v, n, ", ", &q);
    b_buf_char(&q, ')');
    b_status s = mig__run(r->db, err, &q);
    b_buf_deinit(&q);
    if (s != B_OK) return s;
    pthread_mutex_lock(&r->mu);
    drop_first(&r->closed, n);
    pthread_mutex_unlock(&r->mu);
    return B_OK;
}

/* One of them, or none. */
static bool first_orphan(mig__registrar *r, size_t at, mig__conn *out)
{
    pthread_mutex_lock(&r->mu);
    bool any = at < r->orphans.n;
    if (any) *out = r->orphans.v[at];
    pthread_mutex_unlock(&r->mu);
    return any;
}

static b_status end_orphans(mig_engine *e, b_err *err)
{
    mig__registrar *r = &e->reg;
    mig__conn c;
    for (size_t at = 0; first_orphan(r, at, &c);) {
        bool gone = false;
        b_status s = mig__kill(r->db, c.id, &gone, err);
        if (s != B_OK && s != B_DATABASE) return s;
        if (s == B_DATABASE)
            b_logf(e->log, B_ERROR, "migrate",
                   "connection %llu may have a statement under way and cannot be killed: %s",
                   (unsigned long long)c.id, mig_db_error(r->db));
        if (!gone) {
            at++;
            continue;
        }
        pthread_mutex_lock(&r->mu);
        (void)drop_id(&r->orphans, c.id);
        bool kept = push(&r->closed, c);
        pthread_mutex_unlock(&r->mu);
        if (!kept) return b_fail(err, B_NOMEM, "out of memory for the list of connections");
    }
    return B_OK;
}

/* The server's run has changed: all connections of the one before are gone. */
static void new_run(mig__registrar *r, const char *run)
{
    bool first = r->server[0] == '\0';
    snprintf(r->server, sizeof r->server, "%s", run);
    if (first) return;
    pthread_mutex_lock(&r->mu);
    r->since_ms = mig__now_ms();
    r->orphans.n = r->closed.n = 0;
    pthread_mutex_unlock(&r->mu);
}

static b_status ensure_db(mig_engine *e, b_err *err)
{
    mig__registrar *r = &e->reg;
    char run[80] = "";
    if (r->db != NULL) return B_OK;
    b_status s = mig__connect(e, mig__settings_get(e).lease_ms / 2, &r->db, err);
    if (s == B_OK) s = mig__server_run(r->db, run, sizeof run, err);
    if (s == B_OK && strcmp(run, r->server) != 0) new_run(r, run);
    return s;
}

static void failed(mig_engine *e, const char *why)
{
    mig__conn v[BATCH], stale[BATCH];
    size_t n, nstale;
    b_logf(e->log, B_ERROR, "migrate", "connections cannot be registered: %s", why);
    while ((n = take(&e->reg, v, stale, &nstale)) + nstale > 0)
        answer(e, v, n, why), answer(e, stale, nstale, why);
    mig_db_close(e->reg.db);
    e->reg.db = NULL;
}

static void work(mig_engine *e)
{
    b_err err = {0};
    b_status s = ensure_db(e, &err);
    if (s == B_OK) s = register_batch(e, &err);
    if (s == B_OK) s = end_orphans(e, &err);
    if (s == B_OK) s = forget_closed(e, &err);
    if (s != B_OK) failed(e, err.msg);
}

static void wait_for_work(mig__registrar *r)
{
    struct timespec until = mig__from_now(IDLE_MS);
    while (!r->stop && r->asked.n == 0 && pthread_cond_timedwait(&r->wake, &r->mu, &until) == 0) continue;
}

static void *registrar_main(void *engine)
{
    mig_engine *e = engine;
    mig__registrar *r = &e->reg;
    pthread_mutex_lock(&r->mu);
    while (!r->stop) {
        wait_for_work(r);
        bool any = r->asked.n + r->closed.n + r->orphans.n > 0;
        pthread_mutex_unlock(&r->mu);
        if (any) work(e);
        pthread_mutex_lock(&r->mu);
    }
    pthread_mutex_unlock(&r->mu);
    mig_db_close(r->db);
    r->db = NULL;
    return NULL;
}

/* ---- life ---- */

void mig__registrar_init(mig_engine *e)
{
    pthread_condattr_t attr;
    pthread_mutex_init(&e->reg.mu, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&e->reg.wake, &attr);
    pthread_condattr_destroy(&attr);
}

void mig__registrar_deinit(mig_engine *e)
{
    free(e->reg.asked.v), free(e->reg.closed.v), free(e->reg.orphans.v);
    pthread_cond_destroy(&e->reg.wake);
    pthread_mutex_destroy(&e->reg.mu);
}

b_status mig__registrar_start(mig_engine *e, b_err *err)
{
    if (pthread_create(&e->reg.thread, NULL, registrar_main, e) != 0)
        return b_fail(err, B_NOMEM, "cannot start the registrar's thread");
    e->reg.running = true;
    return B_OK;
}

void mig__registrar_stop(mig_engine *e)
{
    mig__registrar *r = &e->reg;
    if (!r->running) return;
    pthread_mutex_lock(&r->mu);
    r->stop = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->mu);
    pthread_join(r->thread, NULL);
    r->running = false;
}
