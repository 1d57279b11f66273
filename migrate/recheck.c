/* Looks at the pairs again, all the time and slowly, while both columns are kept: whoever writes past the
 * proxy is found within one round. A thread and a connection of its own; a chunk, then a pause that makes the
 * time spent the share that the migration's pace allows, or longer where the backfill would wait, too. Of
 * several instances one does it. Reads only; what it finds is in straddle.recheck, in last_error and in the
 * log. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_ROWS = 2000, LOOK_MS = 1000, LOST_MS = 2000 };

typedef struct round {
    mig__m *m;
    mig__key key;
    b_buf last; /* literals of the last key looked at */
    mig__checksum found;
    mig__throttle throttle;
} round;

static void round_end(round *r)
{
    mig__throttle_deinit(&r->throttle);
    mig__key_deinit(&r->key);
    b_buf_deinit(&r->last);
    mig__free(r->m);
    *r = (round){0};
}

/* The migration whose last round is the oldest, of those whose columns are both right now. */
static b_status next(mig_db *db, char *name, size_t size, b_err *err)
{
    return mig_db_scalar(
        db,
        "SELECT m.name FROM straddle.migrations m JOIN straddle.backfill b ON b.migration = m.name JOIN "
        "straddle.pace p ON p.migration = m.name AND p.name = 'recheck_percent' AND p.value <> '0' LEFT JOIN "
        "straddle.recheck r ON r.migration = m.name WHERE " MIG__BOTH_KEPT
        " ORDER BY r.ended IS NOT NULL, r.ended LIMIT 1",
        name, size, err);
}

/* The phase, or whether A is to be trusted, may have changed since the round began. */
static b_status still(round *r, mig_db *db, bool *same, b_err *err)
{
    mig__m *m = NULL;
    b_status s = mig__load(db, r->m->name, &m, err);
    *same = false;
    if (s == B_NOT_FOUND) return B_OK;
    if (s != B_OK) return s;
    *same = m->phase == r->m->phase && m->generation == r->m->generation && m->a_trusted &&
            m->pending[0] == '\0' && strcmp(m->bf_state, "complete") == 0 && m->pace.recheck_percent != 0;
    mig__free(r->m);
    r->m = m;
    return B_OK;
}

static b_status record(mig_engine *e, mig_db *db, const round *r, b_err *err)
{
    b_arena *a = r->m->arena;
    const mig__checksum *c = &r->found;
    b_status s = mig_db_exec(db, NULL, err,
                             "INSERT INTO straddle.recheck (migration, rounds, row_count, differing, "
                             "first_keys, ended) VALUES (%s, 1, %llu, "
                             "%llu, %s, NOW(3)) ON DUPLICATE KEY UPDATE rounds = rounds + 1, row_count = "
                             "VALUES(row_count), differing = "
                             "VALUES(differing), first_keys = VALUES(first_keys), ended = VALUES(ended)",
                             mig__q(a, r->m->name), (unsigned long long)c->rows,
                             (unsigned long long)c->differing, mig__q(a, c->first_keys));
    if (s != B_OK || c->differing == 0) return s;
    const char *says = b_arena_printf(
        a,
        "%llu of %llu rows differ, first: %s; somebody writes past the proxy, see SHOW "
        "DIFFERENCES and VERIFY MIGRATION %s REPAIR",
        (unsigned long long)c->differing, (unsigned long long)c->rows, c->first_keys, r->m->name);
    if (says == NULL) return b_fail(err, B_NOMEM, "out of memory");
    b_logf(e->log, B_ERROR, "migrate", "migration=%s recheck: %s", r->m->name, says);
    return mig_db_exec(
        db, NULL, err,
        "UPDATE straddle.migrations SET last_error = %s, checksum_clean = 0, checksum_differing = %llu "
        "WHERE name = %s AND generation = %llu",
        mig__q(a, says), (unsigned long long)c->differing, mig__q(a, r->m->name),
        (unsigned long long)r->m->generation);
}

/* A phase that was left in the meantime explains every difference: nothing is kept then. *same: it was not.
 */
static b_status look(mig_db *db, round *r, const char *last, const char *hi, bool *same, b_err *err)
{
    b_err ignored;
    uint64_t before = r->found.differing;
    b_status s = mig_db_query(db, "START TRANSACTION", NULL, err);
    if (s == B_OK) s = mig__verify_range(db, r->m, &r->key, last, hi, &r->found, err);
    if (s == B_OK && r->found.differing > before) s = still(r, db, same, err);
    bool keep = s == B_OK && *same;
    b_status ended = mig_db_query(db, keep ? "COMMIT" : "ROLLBACK", NULL, s == B_OK ? err : &ignored);
    return s == B_OK ? ended : s;
}

/* One chunk; *end: the round is over. *same: the migration is still what it was. */
static b_status step(mig_engine *e, mig_db *db, round *r, bool *same, bool *end, b_err *err)
{
    b_buf hi = {0};
    uint64_t found = 0;
    const char *last = r->last.n == 0 ? NULL : b_buf_cstr(&r->last);
    b_status s = mig__key_range(db, r->m, &r->key, last, CHUNK_ROWS, &hi, &found, err);
    if (s == B_OK && found > 0) s = look(db, r, last, b_buf_cstr(&hi), same, err);
    b_buf_clear(&r->last), b_buf_slice(&r->last, b_buf_view(&hi));
    b_buf_deinit(&hi);
    *end = s == B_OK && found < CHUNK_ROWS;
    return s == B_OK && *same && *end ? record(e, db, r, err) : s;
}

/* A whole round, as long as the migration stays as it was. */
static b_status run(mig_engine *e, mig_db *db, round *r, b_err *err)
{
    bool same = true, end = false;
    b_status s = B_OK;
    while (s == B_OK && same && !end && !mig__stopping(e)) {
        uint64_t started = mig__now_ms();
        s = still(r, db, &same, err);
        if (s != B_OK || !same) break;
        if (mig__throttle_check(&r->throttle, db, r->m) != MIG__GO) {
            mig__sleep(e, LOOK_MS);
            continue;
        }
        s = step(e, db, r, &same, &end, err);
        uint64_t took = mig__now_ms() - started + 1;
        uint64_t pause = took * (100 - r->m->pace.recheck_percent) / r->m->pace.recheck_percent;
        if (s == B_OK) mig__sleep(e, (uint32_t)(pause < 60000 ? pause : 60000));
    }
    return s;
}

static b_status one_round(mig_engine *e, mig_db *db, b_err *err)
{
    round r = {0};
    b_err ignored;
    char name[140];
    b_status s = next(db, name, sizeof name, err);
    if (s == B_NOT_FOUND) return B_OK;
    if (s == B_OK) s = mig__load(db, name, &r.m, err);
    if (s == B_OK) s = mig__zone_set(db, r.m, err);
    if (s == B_OK) s = mig__key_load(db, r.m->schema, r.m->table, &r.key, err);
    if (s == B_OK) s = mig__throttle_init(&r.throttle, e, err);
    if (s == B_OK) s = run(e, db, &r, err);
    round_end(&r);
    b_status back = mig__zone_reset(db, s == B_OK ? err : &ignored);
    return s == B_OK ? back : s;
}

static b_status turn(mig_engine *e, mig_db **db, b_err *err)
{
    char lock[8] = "";
    b_status s = *db != NULL ? B_OK : mig__connect(e, 0, db, err);
    if (s == B_OK) s = mig_db_scalar(*db, "SELECT GET_LOCK('straddle.recheck', 0)", lock, sizeof lock, err);
    if (s != B_OK || lock[0] != '1') return s; /* another instance does it */
    s = one_round(e, *db, err);
    b_err ignored;
    b_status released =
        mig_db_query(*db, "DO RELEASE_LOCK('straddle.recheck')", NULL, s == B_OK ? err : &ignored);
    return s == B_OK ? released : s;
}

void *mig__recheck_main(void *engine)
{
    mig_engine *e = engine;
    mig_db *db = NULL;
    while (!mig__stopping(e)) {
        b_err err = {0};
        b_status s = turn(e, &db, &err);
        if (s != B_OK) {
            mig_db_close(db);
            db = NULL;
            if (!mig__stopping(e)) b_logf(e->log, B_WARN, "migrate", "recheck: %s", err.msg);
        }
        mig__sleep(e, s == B_OK ? LOOK_MS : LOST_MS);
    }
    mig_db_close(db);
    return NULL;
}
