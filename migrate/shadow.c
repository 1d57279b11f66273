/* Shadow reads, the samples' way: event loops hand in statements, of which a bounded number waits, and a
 * thread takes them up one after the other, no more often than the migration's pace says, and in no more than
 * a fifth of its time. What does not fit is dropped and counted; nobody ever waits for it. */
#include "shadow.h"

#include <stdlib.h>
#include <string.h>

enum {
    QUEUE = 32,
    MOST_BYTES = 64 * 1024, /* of a statement and its parameters */
    LOOK_MS = 1000,
    LOST_MS = 2000,
    REST = 4, /* times as long as a read took */
    MOST_REST_MS = 10000
};

/* ---- from the data path ---- */

bool mig_shadow_on(const mig_engine *e)
{
    return atomic_load_explicit(&e->shadow->percent, memory_order_relaxed) != 0;
}

bool mig_shadow_share(const mig_engine *e, uint32_t dice)
{
    return dice % 100 < atomic_load_explicit(&e->shadow->percent, memory_order_relaxed);
}

/* These three: under the lock. */
static mig__sampled *of_name(mig__shadow *h, b_slice name)
{
    for (size_t k = 0; k < h->ntargets; k++)
        if (b_slice_eq(name, b_slice_str(h->targets[k].name))) return &h->targets[k];
    return NULL;
}

static mig__sampled *of_table(mig__shadow *h, const rw_table_name *table)
{
    for (size_t k = 0; k < h->ntargets; k++) {
        mig__sampled *t = &h->targets[k];
        if (b_slice_ieq(table->schema, b_slice_str(t->schema)) &&
            b_slice_ieq(table->name, b_slice_str(t->table)))
            return t;
    }
    return NULL;
}

/* A statement on a migrating table has uses of its names, or names that are shown in the place of others, or
 * both. */
static mig__sampled *target_of(mig__shadow *h, const rw_ruleset *rules, const rw_result *res)
{
    mig__sampled *t = NULL;
    for (size_t i = 0; i < res->nuses && t == NULL; i++)
        t = of_name(h, rw_ruleset_at(rules, res->uses[i].migration)->name);
    for (size_t i = 0; i < res->nshown && t == NULL; i++) t = of_table(h, &res->shown[i].table);
    return t;
}

static b_slice keep(char **at, b_slice text)
{
    b_slice copy = b_slice_of(*at, text.n);
    if (text.n > 0) memcpy(*at, text.p, text.n);
    *at += text.n;
    return copy;
}

static size_t bytes_of(const mig_read *r)
{
    size_t n = r->sql.n;
    for (size_t i = 0; i < r->nparams; i++) n += sizeof *r->params + r->params[i].value.n;
    return n;
}

static mig_sample *copy(const mig_read *r, const char *migration)
{
    size_t n = r->schema.n + r->mode.n + r->client.n + r->collation.n + r->zone.n;
    mig_sample *s = malloc(sizeof *s + bytes_of(r) + n);
    if (s == NULL) return NULL;
    mig_param *params = (mig_param *)(s + 1);
    char *at = (char *)(params + r->nparams);
    *s = (mig_sample){.read = *r};
    s->read.params = params;
    for (size_t i = 0; i < r->nparams; i++) {
        params[i] = r->params[i];
        params[i].value = keep(&at, r->params[i].value);
    }
    memcpy(s->migration, migration, sizeof s->migration);
    s->read.sql = keep(&at, r->sql), s->read.schema = keep(&at, r->schema);
    s->read.mode = keep(&at, r->mode), s->read.client = keep(&at, r->client);
    s->read.collation = keep(&at, r->collation), s->read.zone = keep(&at, r->zone);
    return s;
}

mig_sample *mig_shadow_sample(mig_engine *e, const mig_read *r, const rw_ruleset *rules, const rw_result *res,
                              uint32_t dice)
{
    mig__shadow *h = e->shadow;
    char name[sizeof h->targets[0].name];
    if (!mig_shadow_share(e, dice)) return NULL;
    pthread_mutex_lock(&h->mu);
    mig__sampled *t = target_of(h, rules, res);
    bool taken = t != NULL && dice % 100 < t->percent;
    if (taken) memcpy(name, t->name, sizeof name);
    if (taken && (h->waiting >= QUEUE || bytes_of(r) > MOST_BYTES)) {
        t->dropped++;
        taken = false;
    }
    pthread_mutex_unlock(&h->mu);
    return taken ? copy(r, name) : NULL;
}

void mig_shadow_offer(mig_engine *e, mig_sample *s)
{
    mig__shadow *h = e->shadow;
    pthread_mutex_lock(&h->mu);
    bool fits = h->waiting < QUEUE && !h->stop;
    if (fits) {
        s->next = NULL;
        *h->last = s, h->last = &s->next;
        h->waiting++;
        pthread_cond_signal(&h->wake);
    }
    mig__sampled *t = fits ? NULL : of_name(h, b_slice_str(s->migration));
    if (t != NULL) t->dropped++;
    pthread_mutex_unlock(&h->mu);
    if (!fits) mig_shadow_free(s);
}

void mig_shadow_free(mig_sample *s)
{
    free(s);
}

/* ---- the thread ---- */

typedef struct worker {
    mig__reader reader;
    mig__shadow_counts counts;
    uint64_t looked_ms;
} worker;

static void put(char *to, size_t size, b_slice from)
{
    size_t n = from.n < size ? from.n : 0; /* too long: no such name */
    if (n > 0) memcpy(to, from.p, n);
    to[n] = '\0';
}

/* Puts new targets in the place of the old ones, whose drops are counted. */
static void replace(mig__shadow *h, const b_table *t, mig__shadow_counts *c)
{
    unsigned percent = 0;
    pthread_mutex_lock(&h->mu);
    for (size_t i = 0; i < h->ntargets; i++)
        if (h->targets[i].dropped > 0)
            (void)mig__shadow_count(c, h->targets[i].name, MIG__SHADOW_DROPPED, "no room",
                                    h->targets[i].dropped);
    h->ntargets = 0;
    for (size_t i = 0; i < b_table_rows(t) && i < MIG__SHADOW_TARGETS; i++) {
        mig__sampled *to = &h->targets[h->ntargets++];
        *to = (mig__sampled){.percent = (uint32_t)mig__cell_u64(t, i, "percent"),
                             .per_s = (uint32_t)mig__cell_u64(t, i, "per_s")};
        put(to->name, sizeof to->name, mig__cell(t, i, "name"));
        put(to->schema, sizeof to->schema, mig__cell(t, i, "table_schema"));
        put(to->table, sizeof to->table, mig__cell(t, i, "table_name"));
        if (to->percent > percent) percent = to->percent;
    }
    pthread_mutex_unlock(&h->mu);
    atomic_store_explicit(&h->percent, percent, memory_order_relaxed);
}

/* Which migrations are to be sampled now; and what was counted is written. */
static b_status look(worker *w, b_err *err)
{
    mig__reader *r = &w->reader;
    b_table *t = NULL;
    if (mig__now_ms() - w->looked_ms < LOOK_MS) return B_OK;
    b_status s = r->db != NULL ? B_OK : mig__reader_connect(r, err);
    if (s == B_OK)
        s = mig__query(r->db, &t, err,
                       "SELECT m.name, m.table_schema, m.table_name, p.value + 0 AS percent, "
                       "COALESCE((SELECT q.value + 0 FROM straddle.pace q WHERE q.migration = m.name AND "
                       "q.name = 'shadow_per_s'), 10) AS per_s FROM straddle.migrations m JOIN "
                       "straddle.backfill b ON b.migration = m.name JOIN straddle.pace p ON p.migration = "
                       "m.name AND p.name = 'shadow_percent' AND p.value <> '0' WHERE " MIG__BOTH_KEPT
                       " ORDER BY m.name LIMIT %d",
                       MIG__SHADOW_TARGETS);
    if (s == B_OK) s = mig__shadow_write(r->db, &w->counts, err); /* makes room for the drops */
    if (s == B_OK) replace(r->e->shadow, t, &w->counts);
    b_table_free(t);
    if (s == B_OK) s = mig__shadow_write(r->db, &w->counts, err);
    if (s == B_OK) w->looked_ms = mig__now_ms();
    return s;
}

/* The next one; NULL: none came for LOOK_MS, or the engine stops. *per_s: of its migration. */
static mig_sample *take(mig__shadow *h, uint32_t *per_s)
{
    struct timespec until = mig__from_now(LOOK_MS);
    pthread_mutex_lock(&h->mu);
    while (h->first == NULL && !h->stop && pthread_cond_timedwait(&h->wake, &h->mu, &until) == 0) continue;
    mig_sample *s = h->stop ? NULL : h->first;
    if (s != NULL) {
        h->first = s->next;
        if (h->first == NULL) h->last = &h->first;
        h->waiting--;
    }
    mig__sampled *t = s == NULL ? NULL : of_name(h, b_slice_str(s->migration));
    *per_s = t == NULL ? 1 : t->per_s;
    pthread_mutex_unlock(&h->mu);
    return s;
}

static b_status read_one(worker *w, const mig_sample *s, b_err *err)
{
    mig__compared c = {0};
    mig__reader *r = &w->reader;
    b_status st = r->db != NULL ? B_OK : mig__reader_connect(r, err);
    if (st == B_OK) st = mig__shadow_read(r, s, &c, err);
    if (st != B_OK) return st;
    if (c.outcome == MIG__SHADOW_DIFFERING) return mig__shadow_found(r->e, r->db, s->migration, &c, err);
    if (mig__shadow_count(&w->counts, s->migration, c.outcome, c.detail, 1)) return B_OK;
    st = mig__shadow_write(r->db, &w->counts, err);
    if (st == B_OK) (void)mig__shadow_count(&w->counts, s->migration, c.outcome, c.detail, 1);
    return st;
}

/* One sample, or a second without one; then a rest. */
static b_status turn(worker *w, b_err *err)
{
    uint32_t per_s = 1;
    b_status st = look(w, err);
    if (st != B_OK) return st;
    mig_sample *s = take(w->reader.e->shadow, &per_s);
    if (s == NULL) return B_OK;
    uint64_t started = mig__now_ms();
    st = read_one(w, s, err);
    mig_shadow_free(s);
    uint64_t rest = (mig__now_ms() - started) * REST, least = 1000 / (per_s == 0 ? 1 : per_s);
    if (rest < least) rest = least;
    mig__sleep(w->reader.e, (uint32_t)(rest < MOST_REST_MS ? rest : MOST_REST_MS));
    return st;
}

static void *shadow_main(void *engine)
{
    mig_engine *e = engine;
    worker w = {.reader = {.e = e}};
    while (!mig__stopping(e)) {
        b_err err = {0};
        if (turn(&w, &err) == B_OK) continue;
        mig_db_close(w.reader.db);
        w.reader.db = NULL;
        if (!mig__stopping(e)) b_logf(e->log, B_WARN, "migrate", "shadow reads: %s", err.msg);
        mig__sleep(e, LOST_MS);
    }
    mig__reader_deinit(&w.reader);
    return NULL;
}

/* ---- life ---- */

mig__shadow *mig__shadow_new(void)
{
    mig__shadow *h = calloc(1, sizeof *h);
    pthread_condattr_t attr;
    if (h == NULL) return NULL;
    atomic_init(&h->percent, 0);
    h->last = &h->first;
    pthread_mutex_init(&h->mu, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->wake, &attr);
    pthread_condattr_destroy(&attr);
    return h;
}

b_status mig__shadow_start(mig_engine *e, b_err *err)
{
    if (pthread_create(&e->shadow->thread, NULL, shadow_main, e) != 0)
        return b_fail(err, B_NOMEM, "cannot start the thread of shadow reads");
    e->shadow->running = true;
    return B_OK;
}

void mig__shadow_stop(mig__shadow *h)
{
    pthread_mutex_lock(&h->mu);
    h->stop = true;
    pthread_cond_broadcast(&h->wake);
    pthread_mutex_unlock(&h->mu);
    if (h->running) pthread_join(h->thread, NULL);
    h->running = false;
}

void mig__shadow_free(mig__shadow *h)
{
    if (h == NULL) return;
    while (h->first != NULL) {
        mig_sample *next = h->first->next;
        mig_shadow_free(h->first);
        h->first = next;
    }
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->mu);
    free(h);
}
