/* Ranges of one backfill that are filled at the same time. The backfill's thread gives out a handful of
 * neighbouring ranges and waits for all of them; what it records then is the last one before which none
 * failed, so that after a crash at most that handful is repeated. */
#include "mig.h"

#include <stdlib.h>

typedef struct lane {
    mig__lanes *of;
    pthread_t thread;
    mig_db *db; /* the thread's; NULL: none yet, or lost */
} lane;

struct mig__lanes {
    mig_engine *e;
    pthread_mutex_t mu; /* guards what follows, up to `lanes` */
    pthread_cond_t work, done;
    bool stop;
    mig__range *ranges;
    size_t n, next, left; /* next to be taken; not done yet */
    const mig__m *m;
    const mig__key *key;
    const char *keep;
    size_t nlanes;
    lane lanes[];
};

static b_status connect_lane(lane *l, const mig__m *m, b_err *err)
{
    if (l->db != NULL) return B_OK;
    b_status s = mig__backfill_session(l->of->e, &l->db, err);
    if (s == B_OK) s = mig__zone_set(l->db, m, err);
    if (s != B_OK) mig__backfill_session_end(l->of->e, &l->db); /* values may hang on the time zone */
    return s;
}

/* Publishing a phase and taking over change this row, and so come before a chunk or after its commit. */
static b_status hold_row(lane *l, const mig__m *m, b_err *err)
{
    b_table *t = NULL;
    b_status s = mig__query(
        l->db, &t, err,
        "SELECT 1 FROM straddle.backfill WHERE migration = '%s' AND phase = '%s' AND generation = %llu AND "
        "runner = '%s' AND state = 'running' LOCK IN SHARE MODE",
        m->name, rw_phase_name(m->phase), (unsigned long long)m->generation, l->of->e->id);
    if (s == B_OK && b_table_rows(t) != 1)
        s = b_fail(err, B_CANCELLED, "the backfill was stopped or taken over");
    b_table_free(t);
    return s;
}

static void fill(lane *l, mig__range *r)
{
    const mig__lanes *all = l->of;
    const mig__m *m = all->m;
    r->s = connect_lane(l, m, &r->err);
    if (r->s == B_OK) r->s = mig__begin(l->db, &r->err);
    if (r->s == B_OK) r->s = hold_row(l, m, &r->err);
    if (r->s == B_OK)
        r->s =
            mig__fill(l->db, m, all->key, r->after, r->upto, m->bf_reverse, false, all->keep, NULL, &r->err);
    if (r->s == B_OK) r->s = mig__commit(l->db, &r->err);
    if (r->s != B_OK && l->db != NULL) mig__undo(l->db);
    if (r->s == B_LOST) mig__backfill_session_end(all->e, &l->db);
}

static void *lane_main(void *arg)
{
    lane *l = arg;
    mig__lanes *all = l->of;
    pthread_mutex_lock(&all->mu);
    while (!all->stop) {
        if (all->next == all->n) {
            pthread_cond_wait(&all->work, &all->mu);
            continue;
        }
        mig__range *r = &all->ranges[all->next++];
        pthread_mutex_unlock(&all->mu);
        fill(l, r);
        pthread_mutex_lock(&all->mu);
        if (--all->left == 0) pthread_cond_signal(&all->done);
    }
    pthread_mutex_unlock(&all->mu);
    mig__backfill_session_end(all->e, &l->db);
    return NULL;
}

mig__lanes *mig__lanes_new(mig_engine *e, size_t n)
{
    mig__lanes *all = calloc(1, sizeof *all + n * sizeof all->lanes[0]);
    if (all == NULL) return NULL;
    all->e = e;
    pthread_mutex_init(&all->mu, NULL);
    pthread_cond_init(&all->work, NULL), pthread_cond_init(&all->done, NULL);
    for (; all->nlanes < n; all->nlanes++) {
        lane *l = &all->lanes[all->nlanes];
        l->of = all;
        if (pthread_create(&l->thread, NULL, lane_main, l) != 0) break;
    }
    if (all->nlanes > 0) return all;
    mig__lanes_free(all);
    return NULL;
}

size_t mig__lanes_count(const mig__lanes *l)
{
    return l == NULL ? 0 : l->nlanes;
}

void mig__lanes_fill(mig__lanes *l, const mig__m *m, const mig__key *k, const char *keep, mig__range *ranges,
                     size_t n)
{
    pthread_mutex_lock(&l->mu);
    l->m = m, l->key = k, l->keep = keep;
    l->ranges = ranges, l->next = 0, l->n = l->left = n;
    pthread_cond_broadcast(&l->work);
    while (l->left > 0) pthread_cond_wait(&l->done, &l->mu);
    l->ranges = NULL, l->next = l->n = 0;
    pthread_mutex_unlock(&l->mu);
}

void mig__lanes_free(mig__lanes *l)
{
    if (l == NULL) return;
    pthread_mutex_lock(&l->mu);
    l->stop = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mu);
    for (size_t i = 0; i < l->nlanes; i++) pthread_join(l->lanes[i].thread, NULL);
    pthread_cond_destroy(&l->work), pthread_cond_destroy(&l->done);
    pthread_mutex_destroy(&l->mu);
    free(l);
}
