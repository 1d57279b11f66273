/* The backfill: one thread, one range of the primary key a transaction; on an idle server several at a time,
 * where that is allowed (lanes.c).
 *
 * A chunk's transaction first updates the checkpoint's row where migration, phase, generation, runner and
 * state are still its own; publishing a phase locks the same row, so a chunk can never commit into a later
 * phase. Then B = A (or A = B on the way back from retired) where they differ byte for byte. READ COMMITTED:
 * inserts are not blocked. The chunk's size follows a target time. kill -9 repeats at most one chunk. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RANGES = 16 }; /* of parallel_ranges */
enum { FIRST_ROWS = 1000, LEAST_ROWS = 50, BUSY_MS = 20, IDLE_MS = 150, IDLE_THREADS = 3, LOOK_MS = 100 };
#define REST_MS 500     /* between looks for something to do */
#define PENDING_MS 3000 /* how often work that a phase still needs is tried again */
#define ER_LOCK_WAIT 1205
#define ER_DEADLOCK 1213

typedef struct runner {
    mig_engine *e;
    mig_db *db;
    mig__m *m;
    mig__key key;
    mig__throttle throttle;
    b_buf last; /* literals of the last key done; empty: none */
    b_buf keep; /* columns with ON UPDATE, assigned to themselves */
    uint64_t rows, done, total, since_ms, since_rows, target_ms, looked_ms;
    bool idle;            /* the server is */
    mig__lanes *lanes;    /* NULL: none yet */
    uint64_t *pending_ms; /* when pending work was tried last */
    char said[300];       /* the throttle's reason as stored */
    char locked[300];     /* whose row locks stop the chunk; "" when it got through */
} runner;

static void retry_pending(mig_engine *e, mig_db *db, uint64_t *tried)
{
    if (*tried != 0 && mig__now_ms() - *tried < PENDING_MS) return;
    mig__resume_pending(e, db);
    *tried = mig__now_ms();
}

/* B_CANCELLED: the row is not this runner's any more. */
static b_status checkpoint(runner *r, const char *hi, uint64_t rows, b_err *err)
{
    uint64_t affected = 0, ms = mig__now_ms() - r->since_ms;
    uint64_t rate = ms < 200 ? r->m->bf_rate : (r->done + rows - r->since_rows) * 1000 / ms;
    b_buf q = {0};
    b_buf_quote(&q, b_slice_str(hi));
    b_status s = mig_db_exec(
        r->db, &affected, err,
        "UPDATE straddle.backfill SET beat = beat + 1, last_key = %s, rows_done = rows_done + %llu, "
        "rate = %llu WHERE migration = '%s' AND phase = '%s' AND generation = %llu AND runner = '%s' "
        "AND state = 'running'",
        b_buf_cstr(&q), (unsigned long long)rows, (unsigned long long)rate, r->m->name,
        rw_phase_name(r->m->phase), (unsigned long long)r->m->generation, r->e->id);
    b_buf_deinit(&q);
    if (s == B_OK && affected != 1) return b_fail(err, B_CANCELLED, "the backfill was stopped or taken over");
    return s;
}

static b_status chunk(runner *r, const char *hi, uint64_t rows, b_err *err)
{
    b_status s = mig__begin(r->db, err);
    if (s == B_OK) s = checkpoint(r, hi, rows, err);
    if (s == B_OK)
        s = mig__fill(r->db, r->m, &r->key, r->last.n == 0 ? NULL : b_buf_cstr(&r->last), hi,
                      r->m->bf_reverse, false, b_buf_cstr(&r->keep), NULL, err);
    if (s == B_OK) s = mig__commit(r->db, err);
    if (s != B_OK) mig__undo(r->db);
    return s;
}

static void adapt(runner *r, uint64_t took)
{
    if (took * 2 < r->target_ms)
        r->rows = r->rows * 3 / 2 + 1;
    else if (took > r->target_ms)
        r->rows = r->rows * r->target_ms / took;
    if (r->rows < LEAST_ROWS) r->rows = LEAST_ROWS;
    if (r->rows > r->m->pace.chunk_rows) r->rows = r->m->pace.chunk_rows;
}

static b_status complete(runner *r, b_err *err);

/* The chunk was rolled back. While it waits for one row it holds the others that it has locked, so that it
 * shrinks fast, in the end to the very row that is locked: then it holds nothing that others want. */
static b_status give_way(runner *r, const b_err *err)
{
    bool deadlock = err->db_errno == ER_DEADLOCK;
    r->rows = deadlock ? r->rows / 2 : r->rows / 8;
    if (r->rows == 0) r->rows = 1;
    snprintf(r->locked, sizeof r->locked, "row locks: %s, tried again with %llu row%s",
             deadlock ? "deadlock with another transaction"
                      : "another transaction has held a row of the chunk for more than 1 s",
             (unsigned long long)r->rows, r->rows == 1 ? "" : "s");
    r->looked_ms = 0;
    mig__sleep(r->e, 50 + (uint32_t)(mig__now_ms() % 100));
    return B_OK;
}

static void move_on(runner *r, const b_buf *hi, uint64_t rows)
{
    b_buf_clear(&r->last), b_buf_slice(&r->last, b_buf_view(hi));
    r->done += rows;
    r->locked[0] = '\0';
}

/* One range. *end: the table's end was reached. */
static b_status one_range(runner *r, bool *end, b_err *err)
{
    b_buf hi = {0};
    uint64_t found = 0, started = mig__now_ms();
    const char *last = r->last.n == 0 ? NULL : b_buf_cstr(&r->last);
    b_status s = mig__key_range(r->db, r->m, &r->key, last, r->rows, &hi, &found, err);
    *end = s == B_OK && found == 0;
    if (s == B_OK && found > 0) s = chunk(r, b_buf_cstr(&hi), found, err);
    if (s == B_OK && found > 0) {
        move_on(r, &hi, found);
        adapt(r, mig__now_ms() - started);
    }
    b_buf_deinit(&hi);
    return s;
}

typedef struct wave { /* neighbouring ranges */
    mig__range ranges[MOST_RANGES];
    b_buf hi[MOST_RANGES];
    uint64_t rows[MOST_RANGES];
    size_t n;
} wave;

static b_status plan_wave(runner *r, size_t most, wave *w, b_err *err)
{
    const char *last = r->last.n == 0 ? NULL : b_buf_cstr(&r->last);
    b_status s = B_OK;
    for (w->n = 0; s == B_OK && w->n < most; w->n++) {
        b_buf *hi = &w->hi[w->n];
        s = mig__key_range(r->db, r->m, &r->key, last, r->rows, hi, &w->rows[w->n], err);
        if (s != B_OK || w->rows[w->n] == 0) break;
        w->ranges[w->n].after = last;
        w->ranges[w->n].upto = last = b_buf_cstr(hi);
    }
    return s;
}

/* The checkpoint moves to the last range before which none failed; those behind it find little to do again.
 */
static b_status record_wave(runner *r, const wave *w, b_err *err)
{
    size_t good = 0;
    uint64_t rows = 0;
    while (good < w->n && w->ranges[good].s == B_OK) rows += w->rows[good++];
    if (good > 0) {
        b_status s = mig__begin(r->db, err);
        if (s == B_OK) s = checkpoint(r, b_buf_cstr(&w->hi[good - 1]), rows, err);
        if (s == B_OK) s = mig__commit(r->db, err);
        if (s != B_OK) {
            mig__undo(r->db);
            return s;
        }
        move_on(r, &w->hi[good - 1], rows);
    }
    if (good == w->n) return B_OK;
    *err = w->ranges[good].err;
    return w->ranges[good].s;
}

static b_status several_ranges(runner *r, size_t most, bool *end, b_err *err)
{
    wave *w = calloc(1, sizeof *w);
    uint64_t started = mig__now_ms();
    if (w == NULL) return b_fail(err, B_NOMEM, "out of memory for a chunk of the backfill");
    b_status s = plan_wave(r, most, w, err);
    *end = s == B_OK && w->n == 0;
    if (s == B_OK && w->n > 0) {
        mig__lanes_fill(r->lanes, r->m, &r->key, b_buf_cstr(&r->keep), w->ranges, w->n);
        s = record_wave(r, w, err);
        if (s == B_OK) adapt(r, mig__now_ms() - started);
    }
    for (size_t i = 0; i < MOST_RANGES; i++) b_buf_deinit(&w->hi[i]);
    free(w);
    return s;
}

/* How many ranges at a time: one where there is anything to give way to. */
static size_t width(runner *r)
{
    size_t want = r->m->pace.parallel_ranges < MOST_RANGES ? r->m->pace.parallel_ranges : MOST_RANGES;
    if (want < 2 || !r->idle || r->locked[0] != '\0') return 1;
    if (mig__lanes_count(r->lanes) < want) {
        mig__lanes_free(r->lanes);
        r->lanes = mig__lanes_new(r->e, want);
    }
    return r->lanes == NULL ? 1 : want;
}

static b_status next_ranges(runner *r, bool *end, b_err *err)
{
    size_t n = width(r);
    b_status s = n > 1 ? several_ranges(r, n, end, err) : one_range(r, end, err);
    return s == B_DATABASE && (err->db_errno == ER_LOCK_WAIT || err->db_errno == ER_DEADLOCK)
               ? give_way(r, err)
               : s;
}

/* ---- around the chunks ---- */

static b_status store_reason(runner *r, const char *reason, b_err *err)
{
    if (strcmp(reason, r->said) == 0) return B_OK;
    if (r->said[0] == '\0') mig__hook(r->e, "throttle", r->m->name, NULL, NULL, reason);
    snprintf(r->said, sizeof r->said, "%s", reason);
    return mig__query(r->db, NULL, err, "UPDATE straddle.backfill SET throttle = %s WHERE migration = '%s'",
                      mig__q(r->m->arena, reason), r->m->name);
}

/* A critical level: an operator has to look, and to resume it. */
static b_status pause_for_good(runner *r, b_err *err)
{
    uint64_t affected = 0;
    const char *reason = r->throttle.reason;
    b_status s =
        mig_db_exec(r->db, &affected, err,
                    "UPDATE straddle.backfill SET state = 'paused', throttle = %s WHERE migration = "
                    "'%s' AND generation = %llu AND runner = '%s' AND state = 'running'",
                    mig__q(r->m->arena, reason), r->m->name, (unsigned long long)r->m->generation, r->e->id);
    mig__event ev = {.migration = r->m->name, .action = "pause", .result = reason};
    if (s == B_OK && affected == 1) s = mig__record(r->db, NULL, &ev, err);
    mig__hook(r->e, "throttle", r->m->name, NULL, NULL, reason);
    b_logf(r->e->log, B_WARN, "migrate", "migration=%s backfill paused until RESUME BACKFILL: %s", r->m->name,
           reason);
    return s == B_OK ? b_fail(err, B_CANCELLED, "the backfill was paused") : s;
}

/* Do applications use the table now? Then no row is to be locked for long, however idle the server is. */
static bool in_use(const runner *r)
{
    const mig_host *h = &r->e->host;
    return h->table_p99_us != NULL && h->table_p99_us(h->ctx, r->m->schema, r->m->table) != 0;
}

/* Now and then: settings, pause, throttle. *go false: wait. B_CANCELLED: no longer this runner's work. */
static b_status look(runner *r, bool *go, b_err *err)
{
    mig__m *m = NULL;
    uint64_t now = mig__now_ms();
    *go = true;
    if (now - r->looked_ms < LOOK_MS && r->said[0] == '\0') return B_OK;
    r->looked_ms = now;
    b_status s = mig__load(r->db, r->m->name, &m, err);
    if (s != B_OK) return s;
    bool same = m->phase == r->m->phase && m->generation == r->m->generation &&
                m->bf_reverse == r->m->bf_reverse && strcmp(m->bf_state, "running") == 0 &&
                strcmp(m->bf_runner, r->e->id) == 0;
    mig__free(r->m);
    r->m = m;
    if (!same) return b_fail(err, B_CANCELLED, "the backfill was paused, stopped or taken over");
    s = mig__fill_keep(r->db, m, &r->keep, err);
    if (s != B_OK) return s;
    mig__go how = mig__throttle_check(&r->throttle, r->db, m);
    const mig__vitals *v = &r->throttle.vitals;
    r->idle = v->known[MIG__THREADS_RUNNING] && v->value[MIG__THREADS_RUNNING] <= IDLE_THREADS;
    r->target_ms = r->idle && !in_use(r) ? IDLE_MS : BUSY_MS;
    *go = how == MIG__GO;
    if (how == MIG__PAUSE) return pause_for_good(r, err);
    return store_reason(r, *go ? r->locked : r->throttle.reason, err);
}

static b_status take_over(runner *r, b_err *err)
{
    uint64_t affected = 0;
    b_status s = mig_db_exec(
        r->db, &affected, err,
        "UPDATE straddle.backfill b SET b.runner = '%s', b.beat = b.beat + 1, b.throttle = '', "
        "b.rows_total = COALESCE((SELECT TABLE_ROWS FROM information_schema.TABLES WHERE "
        "TABLE_SCHEMA = %s AND TABLE_NAME = %s), 0) WHERE b.migration = '%s' AND b.generation = %llu "
        "AND b.state = 'running'",
        r->e->id, mig__q(r->m->arena, r->m->schema), mig__q(r->m->arena, r->m->table), r->m->name,
        (unsigned long long)r->m->generation);
    if (s == B_OK && affected != 1) s = b_fail(err, B_CANCELLED, "the backfill was stopped");
    if (s != B_OK) return s;
    mig__m *m = NULL;
    s = mig__load(r->db, r->m->name, &m, err);
    if (s != B_OK) return s;
    mig__free(r->m);
    r->m = m;
    r->rows = FIRST_ROWS < m->pace.chunk_rows ? FIRST_ROWS : m->pace.chunk_rows;
    r->done = r->since_rows = m->bf_done, r->since_ms = mig__now_ms();
    b_buf_clear(&r->last);
    if (m->bf_last_key != NULL) b_buf_str(&r->last, m->bf_last_key);
    return mig__key_load(r->db, m->schema, m->table, &r->key, err);
}

static b_status run_chunks(runner *r, b_err *err)
{
    bool end = false, go = true;
    b_status s = B_OK;
    while (s == B_OK && !end) {
        if (mig__stopping(r->e)) return b_fail(err, B_CANCELLED, "the proxy is being shut down");
        retry_pending(r->e, r->db, r->pending_ms);
        s = look(r, &go, err);
        if (s == B_OK && !go)
            mig__sleep(r->e, LOOK_MS);
        else if (s == B_OK)
            s = next_ranges(r, &end, err);
    }
    return s == B_OK ? complete(r, err) : s;
}

/* The way back is complete when A is proved equal to B: only then it is trusted, shown and made unique again.
 */
static b_status trust_old(runner *r, b_err *err)
{
    mig__op op;
    mig__checksum c;
    b_status s = mig__op_begin(r->e, r->m->name, NULL, NULL, &op, err);
    if (s != B_OK) return s;
    if (op.m->phase != RW_SWITCHED || op.m->generation != r->m->generation || !op.m->bf_reverse)
        s = b_fail(err, B_CANCELLED, "the phase has changed");
    if (s == B_OK) s = mig__verify(r->e, op.db, op.m, false, &c, err);
    if (s == B_OK && c.differing != 0)
        s = b_fail(err, B_STATE, "%llu rows still differ after the reverse backfill, first: %s",
                   (unsigned long long)c.differing, c.first_keys);
    if (s == B_OK) s = mig__unretire_after(&op, err);
    if (s == B_OK)
        s = mig__query(
            op.db, NULL, err,
            "UPDATE straddle.migrations SET a_trusted = 1, checksum_clean = 1, checksum_rows = %llu, "
            "checksum_differing = 0, checksum_at = NOW(3) WHERE name = '%s'",
            (unsigned long long)c.rows, op.m->name);
    if (s == B_OK)
        s = mig__query(op.db, NULL, err,
                       "UPDATE straddle.backfill SET state = 'complete', reverse = 0, runner = '', "
                       "rows_total = rows_done "
                       "WHERE migration = '%s'",
                       op.m->name);
    if (s == B_OK) s = mig__republish(&op, "the old column is trusted again", err);
    mig__op_end(&op);
    return s;
}

static b_status complete(runner *r, b_err *err)
{
    uint64_t affected = 0;
    if (r->m->bf_reverse) return trust_old(r, err);
    b_status s = mig_db_exec(
        r->db, &affected, err,
        "UPDATE straddle.backfill SET state = 'complete', throttle = '', rows_total = rows_done WHERE "
        "migration = '%s' AND phase = '%s' AND generation = %llu AND runner = '%s' AND state = "
        "'running'",
        r->m->name, rw_phase_name(r->m->phase), (unsigned long long)r->m->generation, r->e->id);
    if (s == B_OK && affected == 1)
        b_logf(r->e->log, B_INFO, "migrate", "migration=%s backfill complete, %llu rows", r->m->name,
               (unsigned long long)r->done);
    return s;
}

static void note(runner *r, const b_err *err)
{
    b_err ignored;
    b_slice msg = b_slice_str(err->msg);
    b_buf q = {0};
    b_logf(r->e->log, B_ERROR, "migrate", "migration=%s backfill: %s", r->m->name, err->msg);
    if (msg.n > 900) msg.n = 900;
    b_buf_str(&q, "UPDATE straddle.migrations SET last_error = ");
    b_buf_quote(&q, msg);
    b_buf_printf(&q, " WHERE name = '%s'", r->m->name);
    if (mig__run(r->db, &ignored, &q) != B_OK)
        b_logf(r->e->log, B_WARN, "migrate", "the error could not be stored: %s", ignored.msg);
    b_buf_deinit(&q);
}

/* All of one migration's backfill, as long as it is this instance's. Takes m. */
static b_status run_one(mig_engine *e, mig_db *db, mig__m *m, uint64_t *pending_ms)
{
    runner r = {.e = e, .db = db, .m = m, .pending_ms = pending_ms};
    b_err err = {0};
    b_status s = mig__throttle_init(&r.throttle, e, &err);
    if (s == B_OK) s = take_over(&r, &err);
    if (s == B_OK) s = run_chunks(&r, &err);
    if (s != B_OK && s != B_CANCELLED) note(&r, &err);
    mig__lanes_free(r.lanes);
    mig__throttle_deinit(&r.throttle);
    mig__key_deinit(&r.key);
    b_buf_deinit(&r.last);
    b_buf_deinit(&r.keep);
    mig__free(r.m);
    return s;
}

/* Work for this instance: running, everyone past the epoch that began it, and no other instance at it. */
static b_status find_work(mig_engine *e, mig_db *db, mig__m **out, b_err *err)
{
    char name[140] = "", lock[8] = "";
    bool acked = false;
    *out = NULL;
    b_status s = mig_db_scalar(db,
                               "SELECT b.migration FROM straddle.backfill b JOIN straddle.migrations m ON "
                               "m.name = b.migration WHERE b.state = "
                               "'running' AND m.pending = '' AND m.phase IN ('dual_write', 'switched') AND "
                               "NOT EXISTS (SELECT 1 FROM "
                               "straddle.instances i WHERE i.dead_at IS NOT NULL OR i.lease_until < NOW(6) "
                               "OR i.acked_epoch < m.epoch) LIMIT 1",
                               name, sizeof name, err);
    if (s == B_NOT_FOUND) return mig__fence(e, db, err);
    if (s == B_OK) s = mig__all_acked(e, db, mig__ruleset_epoch(e), &acked, NULL, err);
    if (s != B_OK || !acked) return s;
    s = mig_db_scalar(db, "SELECT GET_LOCK('straddle.backfill', 0)", lock, sizeof lock, err);
    if (s == B_OK && lock[0] == '1') s = mig__load(db, name, out, err);
    return s;
}

void mig__backfill_session_end(mig_engine *e, mig_db **db)
{
    if (*db != NULL) mig_engine_unregister(e, mig_db_thread_id(*db), 0, false);
    mig_db_close(*db);
    *db = NULL;
}

b_status mig__backfill_session(mig_engine *e, mig_db **db, b_err *err)
{
    if (*db != NULL) return B_OK;
    b_status s = mig__connect(e, 0, db, err);
    if (s == B_OK) s = mig__register_own(e, *db, err);
    if (s == B_OK) s = mig_db_query(*db, "SET SESSION innodb_lock_wait_timeout = 1", NULL, err);
    if (s == B_OK || *db == NULL) return s;
    mig__backfill_session_end(e, db);
    return s;
}

static void release(mig_db *db)
{
    b_err ignored;
    if (mig_db_query(db, "DO RELEASE_LOCK('straddle.backfill')", NULL, &ignored) != B_OK)
        return; /* lost: it is free */
}

void *mig__backfill_main(void *engine)
{
    mig_engine *e = engine;
    mig_db *db = NULL;
    uint64_t pending_ms = 0;
    while (!mig__stopping(e)) {
        b_err err = {0};
        mig__m *m = NULL;
        b_status s = mig__backfill_session(e, &db, &err);
        if (s == B_OK) retry_pending(e, db, &pending_ms);
        if (s == B_OK) s = find_work(e, db, &m, &err);
        if (s == B_OK && m != NULL) {
            s = mig__zone_set(db, m, &err);
            if (s == B_OK)
                s = run_one(e, db, m, &pending_ms);
            else
                mig__free(m);
            release(db);
            b_err ignored;
            if (mig__zone_reset(db, &ignored) != B_OK) s = B_LOST;
        }
        if (s == B_LOST || s == B_DENIED) mig__backfill_session_end(e, &db);
        mig__sleep(e, REST_MS);
    }
    mig__backfill_session_end(e, &db);
    return NULL;
}
