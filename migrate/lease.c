/* Instances: this one's lease, what it has seen and acknowledged, and whether all have.
 *
 * The lease's thread renews the lease, polls the epoch and acknowledges. Statements on migrating tables are
 * refused while the lease could not be renewed in time. Whoever finds another's lease over marks that
 * instance dead and fences it (fence.c); it notices at its next renewal, drops its sessions and comes back as
 * a new incarnation, a row of its own. A row that joins is there, with nothing acknowledged, before its epoch
 * is read: so nobody publishes two epochs past it. Clocks: the server's for leases in the table, this
 * machine's monotonic one for its own; what is right does not hang on either. */
#include "mig.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FLUSH_MS 5000
#define RENEWALS 20      /* of one lease */
#define JOINING_LEASES 3 /* how long it may take to read the catalogue */

const char *mig__member(mig_engine *e, char out[160])
{
    pthread_mutex_lock(&e->mu);
    memcpy(out, e->member, sizeof e->member);
    pthread_mutex_unlock(&e->mu);
    return out;
}

/* The next incarnation: its row is there, and holds up every change of phase, before it knows an epoch. */
static b_status add_row(mig_engine *e, mig_db *db, b_err *err)
{
    char host[128] = "", next[160];
    if (gethostname(host, sizeof host - 1) != 0) snprintf(host, sizeof host, "unknown");
    mig__settings st = mig__settings_get(e);
    unsigned n = ++e->incarnation;
    snprintf(next, sizeof next, n == 1 ? "%s" : "%s.%u", e->id, n); /* letters, digits, - and . only */
    b_buf q = {0};
    b_buf_printf(&q,
                 "INSERT INTO straddle.instances (id, host, pid, machine, ticks, started, lease_until, "
                 "seen_epoch, acked_epoch) SELECT '%s', ",
                 next);
    b_buf_quote(&q, b_slice_str(host));
    b_buf_printf(&q, ", %ld, '%s', %llu, NOW(3), NOW(6) + INTERVAL %llu MICROSECOND, 0, 0", (long)getpid(),
                 e->machine, (unsigned long long)e->ticks,
                 (unsigned long long)st.lease_ms * 1000 * JOINING_LEASES);
    b_status s = mig__run(db, err, &q);
    b_buf_deinit(&q);
    if (s != B_OK) return s;
    pthread_mutex_lock(&e->mu);
    memcpy(e->member, next, sizeof next);
    pthread_mutex_unlock(&e->mu);
    return B_OK;
}

/* *held false: another instance has declared this one dead. */
static b_status renew(mig_engine *e, mig_db *db, bool *held, b_err *err)
{
    char id[160];
    uint64_t affected = 0, sent = mig__now_ms();
    mig__settings st = mig__settings_get(e);
    b_status s =
        mig_db_exec(db, &affected, err,
                    "UPDATE straddle.instances SET lease_until = NOW(6) + INTERVAL %llu MICROSECOND WHERE "
                    "id = '%s' AND dead_at IS NULL",
                    (unsigned long long)st.lease_ms * 1000, mig__member(e, id));
    *held = s == B_OK && affected == 1;
    /* a fifth of the lease early: others count from the moment of the renewal on the server */
    if (*held && e->host.set_lease != NULL) e->host.set_lease(e->host.ctx, sent + st.lease_ms * 4 / 5);
    return s;
}

b_status mig__lease_join(mig_engine *e, mig_db *db, b_err *err)
{
    bool held = false;
    b_status s = add_row(e, db, err);
    if (s == B_OK) s = mig__refresh(e, db, err);
    if (s == B_OK) s = renew(e, db, &held, err);
    if (s == B_OK && !held)
        s = b_fail(
            err, B_STATE,
            "this instance took so long to read the catalogue that another one has taken it for dead; raise "
            "limits.lease_ms");
    if (s == B_OK) s = mig__ack_self(e, db, err);
    return s == B_OK ? mig__fence(e, db, err) : s;
}

static void describe(const mig_holder *h, b_buf *out)
{
    if (h->session == 0)
        b_buf_str(out, "an event loop that has not taken the new rules yet");
    else
        b_buf_printf(
            out, "session %llu (user '%s' from %s, connection %llu): %s older than this epoch, for %.1f s",
            (unsigned long long)h->session, h->user, h->client, (unsigned long long)h->backend_id,
            h->transaction ? "a transaction" : "a statement", (double)h->since_ms / 1000);
}

/* Nothing older than that epoch is left in this instance? *text: otherwise what. */
static bool clean(mig_engine *e, uint64_t epoch, b_buf *text)
{
    mig_holder who = {0};
    uint64_t connection = 0;
    if (!e->host.clean(e->host.ctx, epoch, &who)) {
        describe(&who, text);
        return false;
    }
    /* after the sessions: one that ends in between has left its orphan before */
    if (!mig__orphaned(e, epoch, &connection)) return true;
    b_buf_printf(text,
                 "a statement older than this epoch whose session is gone; connection %llu is being killed",
                 (unsigned long long)connection);
    return false;
}

/* *acked: with everything older gone. */
static b_status acknowledge(mig_engine *e, mig_db *db, uint64_t epoch, bool *acked, b_err *err)
{
    char id[160];
    b_buf q = {0}, text = {0};
    b_buf_printf(&q, "UPDATE straddle.instances SET seen_epoch = GREATEST(seen_epoch, %llu)",
                 (unsigned long long)epoch);
    *acked = clean(e, epoch, &text);
    if (*acked) b_buf_printf(&q, ", acked_epoch = GREATEST(acked_epoch, %llu)", (unsigned long long)epoch);
    b_slice cut = b_buf_view(&text);
    if (cut.n > 290) cut.n = 290;
    b_buf_str(&q, ", holder = ");
    b_buf_quote(&q, cut);
    b_buf_printf(&q, " WHERE id = '%s' AND dead_at IS NULL", mig__member(e, id));
    b_status s = mig__run(db, err, &q);
    b_buf_deinit(&q);
    b_buf_deinit(&text);
    return s;
}

b_status mig__ack_self(mig_engine *e, mig_db *db, b_err *err)
{
    bool acked;
    return acknowledge(e, db, mig__ruleset_epoch(e), &acked, err);
}

static void name_holders(const b_table *t, b_buf *who)
{
    for (size_t i = 0; i < b_table_rows(t) && i < 4; i++) {
        b_slice holder = mig__cell(t, i, "holder");
        b_buf_printf(who, "%sinstance %.*s", i == 0 ? "" : "; ", B_ARG(mig__cell(t, i, "id")));
        if (mig__cell(t, i, "gone_at").p != NULL)
            b_buf_str(who, " (it is dead; a transaction that may be its own, begun before "
                           "a migration was applied, is still open on the server)");
        else if (mig__cell(t, i, "dead_at").p != NULL)
            b_buf_printf(who, " (it is dead; its connections are being killed%s%.*s)",
                         holder.n == 0 ? "" : ": ", B_ARG(holder));
        else if (holder.n != 0)
            b_buf_printf(who, ": %.*s", B_ARG(holder));
        else
            b_buf_str(who, " has not acknowledged the epoch");
    }
}

static bool has_row(const b_table *t, const b_table *of, size_t row)
{
    for (size_t i = 0; i < b_table_rows(t); i++) {
        bool same = true;
        for (size_t k = 0; same && k < b_table_columns(t); k++)
            same = b_slice_eq(b_table_cell(t, i, k), b_table_cell(of, row, k));
        if (same) return true;
    }
    return false;
}

/* A prepared XA transaction outlives its session, and commits whenever somebody says so. Those that there are
 * once all have acknowledged the epoch may be older, and must end; what comes later is not. Under e->xa_mu.
 */
static b_status prepared_ones(mig_engine *e, mig_db *db, uint64_t epoch, bool *any, b_err *err)
{
    b_table *now = NULL;
    *any = false;
    if (e->xa_epoch == epoch && e->xa_known == NULL) return B_OK;
    b_status s = mig_db_query(db, "XA RECOVER", &now, err);
    if (s != B_OK)
        return b_err_prefix(
            err, "prepared transactions cannot be listed, which the engine's account must be able to "
                 "(MySQL: GRANT XA_RECOVER_ADMIN)");
    if (e->xa_epoch != epoch) {
        b_table_free(e->xa_known);
        e->xa_epoch = epoch, e->xa_known = now;
        *any = b_table_rows(now) > 0;
    } else {
        for (size_t i = 0; i < b_table_rows(e->xa_known) && !*any; i++) *any = has_row(now, e->xa_known, i);
        b_table_free(now);
    }
    if (*any) return B_OK;
    b_table_free(e->xa_known);
    e->xa_known = NULL;
    return B_OK;
}

static b_status none_prepared(mig_engine *e, mig_db *db, uint64_t epoch, bool *yes, b_buf *who, b_err *err)
{
    bool any = false;
    pthread_mutex_lock(&e->xa_mu);
    b_status s = prepared_ones(e, db, epoch, &any, err);
    pthread_mutex_unlock(&e->xa_mu);
    *yes = s == B_OK && !any;
    if (any && who != NULL)
        b_buf_str(
            who, "a prepared transaction of an older epoch (XA RECOVER lists it; commit it or roll it back)");
    return s;
}

b_status mig__all_acked(mig_engine *e, mig_db *db, uint64_t epoch, bool *yes, b_buf *who, b_err *err)
{
    b_table *t = NULL;
    *yes = false;
    b_status s = mig__ack_self(e, db, err);
    if (s == B_OK) s = mig__fence(e, db, err);
    if (s == B_OK)
        s = mig__query(
            db, &t, err,
            "SELECT id, holder, dead_at, gone_at FROM straddle.instances WHERE acked_epoch < %llu OR "
            "dead_at IS NOT NULL",
            (unsigned long long)epoch);
    if (s != B_OK) return s;
    *yes = b_table_rows(t) == 0;
    if (who != NULL) {
        b_buf_clear(who);
        name_holders(t, who);
    }
    b_table_free(t);
    return *yes ? none_prepared(e, db, epoch, yes, who, err) : B_OK;
}

/* ---- the thread ---- */

typedef struct keeper {
    mig_engine *e;
    mig_db *db;
    uint64_t renewed; /* when the lease was renewed last */
    uint64_t acked;   /* the epoch that was acknowledged then; 0: none */
    uint64_t flushed; /* when the census was written last */
    bool complained;
    bool joining; /* a new incarnation that does not serve yet */
} keeper;

static void set_live(mig_engine *e, bool live)
{
    pthread_mutex_lock(&e->mu);
    bool change = e->live != live;
    e->live = live;
    pthread_mutex_unlock(&e->mu);
    if (change) e->host.set_live(e->host.ctx, live);
}

static void set_db(keeper *k, mig_db *db)
{
    pthread_mutex_lock(&k->e->mu);
    mig_db *old = k->db;
    k->db = k->e->lease_db = db;
    pthread_mutex_unlock(&k->e->mu);
    mig_db_close(old);
}

/* Dead to the others, who go on without it: nothing of what its sessions hold counts any more. */
static b_status rejoin(keeper *k, b_err *err)
{
    mig_engine *e = k->e;
    char old[160];
    set_live(e, false);
    k->joining = true;
    e->host.drop_sessions(e->host.ctx);
    b_status s = mig__query(k->db, NULL, err, "UPDATE straddle.instances SET dropped = 1 WHERE id = '%s'",
                            mig__member(e, old));
    return s == B_OK ? mig__lease_join(e, k->db, err) : s;
}

/* With the lease held. A new incarnation reads the rules once its row is there, and drops what has connected
 * in the meantime: a transaction that began then has the rules of before for as long as it lasts. */
static b_status serve(keeper *k, b_err *err)
{
    mig_engine *e = k->e;
    b_status s = k->joining ? mig__refresh(e, k->db, err) : B_OK;
    if (s != B_OK) return s;
    if (k->joining) {
        e->host.drop_sessions(e->host.ctx);
        b_logf(e->log, B_WARN, "migrate",
               "this instance was declared dead, and is back as incarnation %u; all sessions were dropped",
               e->incarnation);
    }
    k->joining = false;
    set_live(e, true);
    return B_OK;
}

static b_status take_catalog(keeper *k, b_err *err);

static b_status flush_census(keeper *k, b_err *err)
{
    if (mig__now_ms() - k->flushed < FLUSH_MS) return B_OK;
    k->flushed = mig__now_ms();
    return mig__census_write(k->e, k->db, err);
}

static b_status reach(keeper *k, b_err *err)
{
    mig_db *db = NULL;
    if (k->db != NULL) return B_OK;
    b_status s = mig__connect(k->e, mig__settings_get(k->e).lease_ms / 2, &db, err);
    if (s == B_OK) set_db(k, db);
    return s;
}

static b_status renew_and_follow(keeper *k, b_err *err)
{
    mig_engine *e = k->e;
    uint64_t epoch = 0;
    bool held = false, acked = false;
    b_status s = renew(e, k->db, &held, err);
    if (s == B_OK && !held) s = rejoin(k, err);
    if (s == B_OK) s = serve(k, err);
    if (s == B_OK) k->renewed = mig__now_ms();
    if (s == B_OK) s = mig__epoch(k->db, &epoch, err);
    if (s == B_OK && epoch > mig__ruleset_epoch(e)) s = mig__refresh(e, k->db, err);
    epoch = mig__ruleset_epoch(e);
    if (s == B_OK) s = acknowledge(e, k->db, epoch, &acked, err);
    k->acked = s == B_OK && acked ? epoch : 0;
    return s;
}

/* The epoch is the one that was acknowledged, and the lease lasts for many looks at it: nothing to write. */
static b_status quiet(keeper *k, bool *yes, b_err *err)
{
    uint64_t epoch = 0, since_ms = mig__now_ms() - k->renewed;
    *yes = !k->joining && k->acked != 0 && k->acked == mig__ruleset_epoch(k->e) &&
           since_ms < mig__settings_get(k->e).lease_ms / RENEWALS;
    if (!*yes) return B_OK;
    b_status s = mig__epoch(k->db, &epoch, err);
    *yes = epoch == k->acked;
    return s;
}

static b_status beat(keeper *k, b_err *err)
{
    mig_engine *e = k->e;
    bool nothing = false;
    b_status s = reach(k, err);
    pthread_mutex_lock(&e->mu);
    uint64_t suspected = e->suspected;
    pthread_mutex_unlock(&e->mu);
    if (s == B_OK) s = quiet(k, &nothing, err);
    if (s == B_OK && !nothing) s = renew_and_follow(k, err);
    if (s == B_OK) s = mig__watch(e, k->db, suspected, err);
    if (s == B_OK) s = take_catalog(k, err);
    return s == B_OK ? flush_census(k, err) : s;
}

/* DDL was seen: a catalogue that differs is published under a new epoch as soon as all have the present one.
 * An operation that holds the coordinator's lock goes first. */
static b_status publish_catalog(keeper *k, uint64_t epoch, b_err *err)
{
    rw_ruleset *r = NULL;
    uint64_t hash = 0;
    b_status s = mig__begin(k->db, err);
    if (s == B_OK)
        s = mig_db_exec(k->db, NULL, err,
                        "UPDATE straddle.state SET epoch = epoch + 1 WHERE id = 1 AND epoch = %llu",
                        (unsigned long long)epoch);
    if (s == B_OK) s = mig__ruleset_make(k->e, k->db, NULL, &r, &hash, err);
    if (s == B_OK) s = mig__commit(k->db, err);
    if (s != B_OK) {
        mig__undo(k->db);
        rw_ruleset_unref(r);
        return s;
    }
    mig__tell_lost(k->db, r);
    mig__ruleset_use(k->e, r, hash);
    return B_OK;
}

static b_status catalog_locked(keeper *k, b_err *err)
{
    mig_engine *e = k->e;
    rw_catalog *c = NULL;
    uint64_t hash = 0, epoch = mig__ruleset_epoch(e);
    bool acked = false;
    b_status s = mig__all_acked(e, k->db, epoch, &acked, NULL, err);
    if (s != B_OK || !acked) return s;
    s = mig__catalog_load(k->db, &c, &hash, err);
    rw_catalog_unref(c);
    pthread_mutex_lock(&e->mu);
    bool same = hash == e->catalog_hash;
    if (s == B_OK) e->catalog_dirty = false;
    pthread_mutex_unlock(&e->mu);
    return s == B_OK && !same ? publish_catalog(k, epoch, err) : s;
}

static b_status take_catalog(keeper *k, b_err *err)
{
    char got[8] = "";
    pthread_mutex_lock(&k->e->mu);
    bool dirty = k->e->catalog_dirty;
    pthread_mutex_unlock(&k->e->mu);
    if (!dirty) return B_OK;
    b_status s = mig_db_scalar(k->db, "SELECT GET_LOCK('" MIG__LOCK "', 0)", got, sizeof got, err);
    if (s != B_OK || got[0] != '1') return s;
    s = catalog_locked(k, err);
    b_err ignored;
    b_status r = mig_db_query(k->db, "DO RELEASE_LOCK('" MIG__LOCK "')", NULL, &ignored);
    return s == B_OK && r != B_OK ? b_fail(err, r, "%s", ignored.msg) : s;
}

static void failed(keeper *k, const b_err *err)
{
    uint64_t lease_ms = mig__settings_get(k->e).lease_ms;
    if (!k->complained) b_logf(k->e->log, B_ERROR, "migrate", "the lease cannot be renewed: %s", err->msg);
    k->complained = true;
    if (err->code == B_LOST || err->code == B_DENIED) set_db(k, NULL);
    if (mig__now_ms() - k->renewed > lease_ms * 4 / 5) set_live(k->e, false);
}

static void leave(keeper *k)
{
    char id[160];
    b_err ignored;
    if (k->db == NULL && mig__connect(k->e, 2000, &k->db, &ignored) != B_OK) return;
    if (mig_db_exec(k->db, NULL, &ignored,
                    "UPDATE straddle.instances SET lease_until = NOW(6), dropped = 1 WHERE id = '%s'",
                    mig__member(k->e, id)) != B_OK)
        b_logf(k->e->log, B_WARN, "migrate", "could not give the lease back: %s", ignored.msg);
}

void *mig__lease_main(void *engine)
{
    keeper k = {.e = engine, .renewed = mig__now_ms()};
    while (!mig__stopping(k.e)) {
        b_err err = {0};
        if (beat(&k, &err) == B_OK)
            k.complained = false;
        else
            failed(&k, &err);
        mig__sleep(k.e, mig__settings_get(k.e).poll_ms);
    }
    leave(&k);
    set_db(&k, NULL);
    return NULL;
}
