/* Instances: this one's lease, what it has seen and acknowledged, and whether all have.
 *
 * The lease's thread renews the lease, polls the epoch and acknowledges. When the lease could not be renewed
 * in time, the host is told to refuse statements on migrating tables; it comes back with its sessions dropped
 * and the lease and the epoch taken in one transaction. An instance whose lease has run out is marked dead,
 * and its row goes when no transaction on the server is older than that mark: it sends nothing after its
 * lease, so that whatever it had sent before is over by then. Clocks: the server's for leases in the table,
 * this machine's monotonic one for its own. */
#include "mig.h"

#include <stdio.h>
#include <unistd.h>

#define FLUSH_MS 5000

static const char *quoted_id(mig_engine *e, char *buf, size_t size)
{
    snprintf(buf, size, "'%s'", e->id); /* made of letters, digits, - and : only */
    return buf;
}

b_status mig__lease_join(mig_engine *e, mig_db *db, b_err *err)
{
    char id[200], host[128] = "";
    if (gethostname(host, sizeof host - 1) != 0) snprintf(host, sizeof host, "unknown");
    mig__settings st = mig__settings_get(e);
    b_buf q = {0};
    b_status s = mig__begin(db, err);
    b_buf_printf(
        &q,
        "REPLACE INTO straddle.instances (id, host, pid, started, lease_until, seen_epoch, acked_epoch) "
        "SELECT %s, ",
        quoted_id(e, id, sizeof id));
    b_buf_quote(&q, b_slice_str(host));
    b_buf_printf(
        &q,
        ", %ld, NOW(3), NOW(6) + INTERVAL %llu MICROSECOND, epoch, epoch FROM straddle.state WHERE id = 1",
        (long)getpid(), (unsigned long long)st.lease_ms * 1000);
    if (s == B_OK) s = mig__run(db, err, &q);
    b_buf_deinit(&q);
    rw_ruleset *r = NULL;
    uint64_t hash = 0;
    if (s == B_OK) s = mig__ruleset_make(e, db, &r, &hash, err);
    if (s == B_OK) s = mig__commit(db, err);
    if (s != B_OK) {
        mig__undo(db);
        rw_ruleset_unref(r);
        return s;
    }
    mig__ruleset_use(e, r, hash);
    return B_OK;
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

b_status mig__ack_self(mig_engine *e, mig_db *db, b_err *err)
{
    uint64_t epoch = mig__ruleset_epoch(e);
    mig_holder who = {0};
    char id[200];
    bool clean = e->host.clean(e->host.ctx, epoch, &who);
    b_buf q = {0};
    b_buf_printf(&q, "UPDATE straddle.instances SET seen_epoch = GREATEST(seen_epoch, %llu)",
                 (unsigned long long)epoch);
    if (clean) {
        b_buf_printf(&q, ", acked_epoch = GREATEST(acked_epoch, %llu), holder = ''",
                     (unsigned long long)epoch);
    } else {
        b_buf text = {0};
        describe(&who, &text);
        b_slice cut = b_buf_view(&text);
        if (cut.n > 290) cut.n = 290;
        b_buf_str(&q, ", holder = ");
        b_buf_quote(&q, cut);
        b_buf_deinit(&text);
    }
    b_buf_printf(&q, " WHERE id = %s", quoted_id(e, id, sizeof id));
    b_status s = mig__run(db, err, &q);
    b_buf_deinit(&q);
    return s;
}

/* Rows of instances whose lease is over: first the mark, then, when nothing older runs, the row goes. */
static b_status fence_expired(mig_db *db, b_err *err)
{
    b_status s = mig_db_query(
        db, "UPDATE straddle.instances SET dead_at = NOW(6) WHERE dead_at IS NULL AND lease_until < NOW(6)",
        NULL, err);
    if (s != B_OK) return s;
    return mig_db_query(
        db,
        "DELETE FROM straddle.instances WHERE dead_at IS NOT NULL AND dead_at < NOW(6) - INTERVAL "
        "1 SECOND AND (SELECT COUNT(*) FROM information_schema.INNODB_TRX t WHERE t.trx_started <= "
        "dead_at AND t.trx_mysql_thread_id <> CONNECTION_ID()) = 0",
        NULL, err);
}

static void name_holders(const b_table *t, b_buf *who)
{
    for (size_t i = 0; i < b_table_rows(t) && i < 4; i++) {
        b_slice holder = mig__cell(t, i, "holder");
        b_buf_printf(who, "%sinstance %.*s", i == 0 ? "" : "; ", B_ARG(mig__cell(t, i, "id")));
        if (mig__cell_u64(t, i, "dead") != 0)
            b_buf_str(
                who, " (its lease has run out; a transaction begun before that is still open on the server)");
        else if (holder.n != 0)
            b_buf_printf(who, ": %.*s", B_ARG(holder));
        else
            b_buf_str(who, " has not acknowledged the epoch");
    }
}

b_status mig__all_acked(mig_engine *e, mig_db *db, uint64_t epoch, bool *yes, b_buf *who, b_err *err)
{
    b_table *t = NULL;
    *yes = false;
    b_status s = mig__ack_self(e, db, err);
    if (s == B_OK) s = fence_expired(db, err);
    if (s == B_OK)
        s = mig__query(
            db, &t, err,
            "SELECT id, holder, dead_at IS NOT NULL AS dead FROM straddle.instances WHERE acked_epoch < "
            "%llu OR dead_at IS NOT NULL",
            (unsigned long long)epoch);
    if (s != B_OK) return s;
    *yes = b_table_rows(t) == 0;
    if (who != NULL) {
        b_buf_clear(who);
        name_holders(t, who);
    }
    b_table_free(t);
    return B_OK;
}

/* ---- the thread ---- */

typedef struct keeper {
    mig_engine *e;
    mig_db *db;
    uint64_t renewed; /* when the renewal that succeeded last was sent */
    uint64_t flushed; /* when the census was written last */
    bool lost, complained;
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

static b_status rejoin(keeper *k, b_err *err)
{
    mig_engine *e = k->e;
    uint64_t sent = mig__now_ms();
    e->host.drop_sessions(e->host.ctx);
    b_status s = mig__lease_join(e, k->db, err);
    if (s != B_OK) return s;
    k->renewed = sent, k->lost = false;
    set_live(e, true);
    b_logf(e->log, B_WARN, "migrate", "the lease is held again; all sessions were dropped");
    return B_OK;
}

static b_status renew(keeper *k, b_err *err)
{
    char id[200];
    uint64_t affected = 0, sent = mig__now_ms();
    mig__settings st = mig__settings_get(k->e);
    b_status s =
        mig_db_exec(k->db, &affected, err,
                    "UPDATE straddle.instances SET lease_until = NOW(6) + INTERVAL %llu MICROSECOND WHERE "
                    "id = %s AND dead_at IS NULL",
                    (unsigned long long)st.lease_ms * 1000, quoted_id(k->e, id, sizeof id));
    if (s != B_OK) return s;
    if (affected == 0) k->lost = true; /* another instance has declared this one dead */
    if (!k->lost) k->renewed = sent;
    return B_OK;
}

static b_status take_catalog(keeper *k, b_err *err);

static b_status flush_census(keeper *k, b_err *err)
{
    if (mig__now_ms() - k->flushed < FLUSH_MS) return B_OK;
    k->flushed = mig__now_ms();
    rw_ruleset *r = mig_engine_ruleset(k->e);
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && r != NULL && i < rw_ruleset_size(r); i++) {
        char name[200];
        snprintf(name, sizeof name, "%.*s", B_ARG(rw_ruleset_at(r, i)->name));
        s = mig__flush_use(k->e, k->db, name, err);
    }
    rw_ruleset_unref(r);
    return s;
}

static b_status beat(keeper *k, b_err *err)
{
    mig_engine *e = k->e;
    b_status s = B_OK;
    if (k->db == NULL) {
        mig_db *db = NULL;
        s = mig__connect(e, mig__settings_get(e).lease_ms / 2, &db, err);
        if (s != B_OK) return s;
        set_db(k, db);
    }
    s = renew(k, err);
    if (s == B_OK && k->lost) set_live(e, false), s = rejoin(k, err);
    uint64_t epoch = 0;
    if (s == B_OK) s = mig__epoch(k->db, &epoch, err);
    if (s == B_OK && epoch > mig__ruleset_epoch(e)) s = mig__refresh(e, k->db, err);
    if (s == B_OK) s = mig__ack_self(e, k->db, err);
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
    if (s == B_OK) s = mig__ruleset_make(k->e, k->db, &r, &hash, err);
    if (s == B_OK) s = mig__commit(k->db, err);
    if (s != B_OK) {
        mig__undo(k->db);
        rw_ruleset_unref(r);
        return s;
    }
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
    /* a fifth of the lease early: others count from the moment of the renewal on the server */
    if (mig__now_ms() - k->renewed > lease_ms * 4 / 5) {
        k->lost = true;
        set_live(k->e, false);
    }
}

static void leave(keeper *k)
{
    char id[200];
    b_err ignored;
    if (k->db == NULL && mig__connect(k->e, 2000, &k->db, &ignored) != B_OK) return;
    if (mig_db_exec(k->db, NULL, &ignored, "UPDATE straddle.instances SET lease_until = NOW(6) WHERE id = %s",
                    quoted_id(k->e, id, sizeof id)) != B_OK)
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
