/* See rehearse_load.h. */
#include "rehearse_load.h"

#include "base/buf.h"
#include "latency.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OF_TEN_READS = 6, OF_TEN_CHANGES = 9, PAUSE_MS = 100 };

typedef struct side { /* one version of the table */
    struct px_load *l;
    int where; /* PX_CLONE_OLD or _NEW */
    unsigned seed;
    pthread_t thread;
    atomic_bool running; /* the thread is there, and is to go on */
    px_lines lines;      /* the thread's own, once it is there */
    bool kept;           /* this session has variables for all that can be changed */
    px_lines next;       /* guarded by l->mu: to take before the next statement */
    bool told;           /* guarded by l->mu: `next` is not taken yet */
} side;

struct px_load {
    const px_clone *clone;
    px_script *script;
    const char *schema;
    uint64_t every_us; /* between two statements of a side */
    side sides[2];
    pthread_cond_t taken;
    pthread_mutex_t mu; /* guards the rest */
    px_load_figures now;
    px_histogram times;
};

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- running ---- */

/* The table's own refusals: a value of another row may be taken under a unique key, or fail a check. */
static bool conflict(unsigned code)
{
    static const unsigned codes[] = {1062, 1205, 1213, 1451, 1452, 1020, 3572, 3819, 4025};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i] == code) return true;
    return false;
}

static void note(px_load *l, uint64_t us, b_status s, const b_err *err)
{
    pthread_mutex_lock(&l->mu);
    l->now.statements++;
    if (us > l->now.worst_us) l->now.worst_us = us;
    px_histogram_add(&l->times, us);
    if (s == B_DATABASE && conflict(err->db_errno))
        l->now.conflicts++;
    else if (s != B_OK && l->now.errors++ == 0)
        snprintf(l->now.first_error, sizeof l->now.first_error, "%.390s", err->msg);
    pthread_mutex_unlock(&l->mu);
}

static b_status say(side *w, mig_db *db, const char *what, const char *key)
{
    b_err err = {0};
    b_buf q = {0};
    b_table *t = NULL;
    b_buf_str(&q, what), b_buf_str(&q, key);
    uint64_t began = now_us();
    b_status s =
        q.failed ? b_fail(&err, B_NOMEM, "out of memory") : mig_db_query(db, b_buf_cstr(&q), &t, &err);
    note(w->l, now_us() - began, s, &err);
    b_table_free(t);
    b_buf_deinit(&q);
    return s;
}

/* A value of another row is taken over. Where the old names cannot be read any more, it is the last that
 * could.
 */
static b_status change(side *w, mig_db *db, const char *key, const char *other)
{
    b_status s = w->lines.pick == NULL ? B_OK : say(w, db, w->lines.pick, other);
    if (s == B_OK && w->lines.pick != NULL && w->lines.whole) w->kept = true;
    return s == B_OK && w->lines.change != NULL && w->kept ? say(w, db, w->lines.change, key) : s;
}

static b_status one(side *w, mig_db *db)
{
    const px_script *script = w->l->script;
    size_t n = px_script_keys(script);
    unsigned kind = (unsigned)rand_r(&w->seed) % 10;
    const char *key = px_script_key(script, w->where, (unsigned)rand_r(&w->seed) % n);
    const char *other = px_script_key(script, w->where, (unsigned)rand_r(&w->seed) % n);
    if (kind < OF_TEN_READS) return w->lines.read == NULL ? B_OK : say(w, db, w->lines.read, key);
    if (kind >= OF_TEN_CHANGES && w->lines.again != NULL) return say(w, db, w->lines.again, key);
    return change(w, db, key, other);
}

/* Between two statements: what is said from now on. */
static void take_lines(side *w)
{
    px_load *l = w->l;
    pthread_mutex_lock(&l->mu);
    if (w->told) {
        w->lines = w->next, w->told = false;
        pthread_cond_broadcast(&l->taken);
    }
    pthread_mutex_unlock(&l->mu);
}

static void pause_until(uint64_t us)
{
    struct timespec t = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void *work(void *arg)
{
    side *w = arg;
    px_load *l = w->l;
    mig_db *db = NULL;
    for (uint64_t next = now_us(); atomic_load(&w->running);) {
        b_err err = {0};
        take_lines(w);
        if (db == NULL && px_clone_connect(l->clone, w->where, l->schema, &db, &err) != B_OK) {
            note(l, 0, B_LOST, &err);
            pause_until(now_us() + UINT64_C(1000) * PAUSE_MS);
            continue;
        }
        if (one(w, db) == B_LOST) {
            mig_db_close(db);
            db = NULL, w->kept = false;
        }
        next += l->every_us;
        if (next < now_us()) next = now_us(); /* what could not be sent in time is not sent later */
        pause_until(next);
    }
    mig_db_close(db);
    return NULL;
}

/* ---- from outside ---- */

b_status px_load_new(const px_clone *k, px_script *script, const char *schema, unsigned a_second,
                     px_load **out, b_err *err)
{
    px_load *l = calloc(1, sizeof *l);
    *out = l;
    if (l == NULL) return b_fail(err, B_NOMEM, "out of memory");
    l->clone = k, l->script = script, l->schema = schema;
    l->every_us = a_second == 0 ? 0 : UINT64_C(2000000) / a_second;
    pthread_mutex_init(&l->mu, NULL);
    pthread_cond_init(&l->taken, NULL);
    for (int i = 0; i < 2; i++)
        l->sides[i].l = l, l->sides[i].where = i, l->sides[i].seed = 20261126u + (unsigned)i;
    return B_OK;
}

b_status px_load_between(px_load *l, rw_phase a, rw_phase b, b_err *err)
{
    b_status s = B_OK;
    for (int i = 0; s == B_OK && i < 2; i++) {
        side *w = &l->sides[i];
        px_lines next;
        s = px_script_lines(l->script, i, a, b, &next, err);
        if (s != B_OK) break;
        if (!atomic_load(&w->running)) {
            w->lines = next;
            continue;
        }
        pthread_mutex_lock(&l->mu);
        w->next = next, w->told = true;
        while (w->told) pthread_cond_wait(&l->taken, &l->mu);
        pthread_mutex_unlock(&l->mu);
    }
    return s;
}

b_status px_load_run(px_load *l, b_err *err)
{
    for (int i = 0; i < 2 && px_script_keys(l->script) > 0 && l->every_us > 0; i++) {
        atomic_store(&l->sides[i].running, true);
        if (pthread_create(&l->sides[i].thread, NULL, work, &l->sides[i]) == 0) continue;
        atomic_store(&l->sides[i].running, false);
        return b_fail(err, B_NOMEM, "cannot start a thread");
    }
    return B_OK;
}

void px_load_take(px_load *l, px_load_figures *out)
{
    pthread_mutex_lock(&l->mu);
    *out = l->now;
    out->p50_us = px_histogram_at(&l->times, 0.5), out->p99_us = px_histogram_at(&l->times, 0.99);
    l->now = (px_load_figures){0};
    l->times = (px_histogram){0};
    pthread_mutex_unlock(&l->mu);
}

static void end(side *w)
{
    if (!atomic_exchange(&w->running, false)) return;
    pthread_join(w->thread, NULL);
}

void px_load_new_only(px_load *l)
{
    end(&l->sides[PX_CLONE_OLD]);
}

void px_load_stop(px_load *l)
{
    if (l == NULL) return;
    for (int i = 0; i < 2; i++) end(&l->sides[i]);
    pthread_cond_destroy(&l->taken);
    pthread_mutex_destroy(&l->mu);
    free(l);
}
