/* Operations: one at a time in all instances (GET_LOCK on the connection that also runs the DDL and writes
 * its record, so that a coordinator that lost its lock can do neither), the wait for acknowledgements, and
 * publishing: the new phase, the new epoch, the backfill's row and the history in one transaction. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_STEP_MS 15
#define MOST_STEPS 16000 /* bytes */

static uint32_t patience(mig__op *op)
{
    return op->patience_ms != 0 ? op->patience_ms : mig__settings_get(op->e).phase_timeout_ms;
}

static b_status lock(mig__op *op, b_err *err)
{
    char got[8] = "", sql[100], holder[32] = "?";
    uint32_t seconds = patience(op) / 1000;
    if (seconds == 0 && op->patience_ms == 0) seconds = 1;
    snprintf(sql, sizeof sql, "SELECT GET_LOCK('" MIG__LOCK "', %u)", seconds);
    b_status s = mig_db_scalar(op->db, sql, got, sizeof got, err);
    if (s != B_OK || got[0] == '1') return s;
    b_err ignored;
    if (mig_db_scalar(op->db, "SELECT IS_USED_LOCK('" MIG__LOCK "')", holder, sizeof holder, &ignored) !=
        B_OK)
        snprintf(holder, sizeof holder, "?");
    return b_fail(err, B_TIMEOUT,
                  "another phase change is running (connection %s on the server holds the coordinator's "
                  "lock); wait for its end, then try again",
                  holder);
}

/* With e->op held; lets go of it where it fails. */
static b_status begin(mig__op *op, const char *name, b_err *err)
{
    op->deadline = mig__now_ms() + patience(op);
    b_status s = mig__connect(op->e, 0, &op->db, err);
    if (s == B_OK) s = mig_db_query(op->db, "USE straddle", NULL, err);
    if (s == B_OK) s = mig__register_own(op->e, op->db, err);
    if (s == B_OK) s = lock(op, err);
    if (s == B_OK && name != NULL) s = mig__load(op->db, name, &op->m, err);
    if (s != B_OK) mig__op_end(op);
    return s;
}

b_status mig__op_begin(mig_engine *e, const char *name, const mig_actor *who, b_table *out, mig__op *op,
                       b_err *err)
{
    *op = (mig__op){.e = e, .who = who, .out = out};
    pthread_mutex_lock(&e->op);
    return begin(op, name, err);
}

b_status mig__op_begin_aside(mig_engine *e, const char *name, mig__op *op, b_err *err)
{
    *op = (mig__op){.e = e, .patience_ms = MIG__ASIDE_MS};
    if (pthread_mutex_trylock(&e->op) != 0)
        return b_fail(err, B_TIMEOUT, "a command of an operator is running");
    return begin(op, name, err);
}

void mig__op_end(mig__op *op)
{
    mig__free(op->m);
    if (op->db != NULL) mig_engine_unregister(op->e, mig_db_thread_id(op->db), 0, false);
    mig_db_close(op->db); /* frees the coordinator's lock as well */
    b_buf_deinit(&op->forced);
    b_buf_deinit(&op->steps);
    pthread_mutex_unlock(&op->e->op);
    op->m = NULL, op->db = NULL;
}

b_status mig__op_reload(mig__op *op, b_err *err)
{
    mig__m *m = NULL;
    b_status s = mig__load(op->db, op->m->name, &m, err);
    if (s != B_OK) return s;
    mig__free(op->m);
    op->m = m;
    return B_OK;
}

void mig__op_step(mig__op *op, const char *step, const char *detail, uint64_t started)
{
    uint64_t ms = mig__now_ms() - started;
    b_logf(op->e->log, B_INFO, "migrate", "migration=%s step=%s ms=%llu %s", op->m == NULL ? "" : op->m->name,
           step, (unsigned long long)ms, detail);
    if (op->steps.n < MOST_STEPS)
        b_buf_printf(&op->steps, "%s: %s (%llu ms)\n", step, detail, (unsigned long long)ms);
    if (op->out == NULL) return;
    b_table_row(op->out);
    b_table_str(op->out, step), b_table_str(op->out, detail), b_table_int(op->out, (int64_t)ms);
}

b_status mig__wait_ack(mig__op *op, b_err *err)
{
    uint64_t epoch = 0, started = mig__now_ms();
    b_buf who = {0};
    bool yes = false;
    op->deadline = started + patience(op);
    b_status s = mig__epoch(op->db, &epoch, err);
    while (s == B_OK) {
        if (mig__ruleset_epoch(op->e) < epoch) s = mig__refresh(op->e, op->db, err);
        if (s == B_OK) s = mig__all_acked(op->e, op->db, epoch, &yes, &who, err);
        if (s != B_OK || yes) break;
        if (mig__stopping(op->e)) s = b_fail(err, B_CANCELLED, "the proxy is being shut down");
        if (mig__now_ms() >= op->deadline)
            s = b_fail(err, B_TIMEOUT,
                       "not everything of the older epochs had ended within %u ms, held up by %s; end that "
                       "transaction (KILL the connection) or wait, then try again",
                       patience(op), b_buf_cstr(&who));
        else
            mig__sleep(op->e, WAIT_STEP_MS);
    }
    b_buf_deinit(&who);
    if (s == B_OK) mig__op_step(op, "wait", "all instances have acknowledged the epoch", started);
    return s;
}

/* ---- publishing ---- */

static b_status change_all(mig__op *op, const mig__change *c, uint64_t epoch, rw_ruleset **r, uint64_t *hash,
                           b_err *err)
{
    uint64_t affected = 0;
    /* the lock on the backfill's row: a chunk commits before, or finds its phase gone */
    b_status s =
        op->m == NULL
            ? B_OK
            : mig__query(op->db, NULL, err,
                         "UPDATE straddle.backfill SET beat = beat + 1 WHERE migration = '%s'", op->m->name);
    if (s == B_OK)
        s = mig_db_exec(op->db, &affected, err,
                        "UPDATE straddle.state SET epoch = epoch + 1 WHERE id = 1 AND epoch = %llu",
                        (unsigned long long)epoch);
    if (s == B_OK && affected != 1)
        s = b_fail(err, B_STATE, "another epoch was published in the meantime; try again");
    for (size_t i = 0; s == B_OK && i < sizeof c->sql / sizeof c->sql[0] && c->sql[i] != NULL; i++)
        s = mig_db_query(op->db, c->sql[i], NULL, err);
    if (s == B_OK && c->event.action != NULL) s = mig__record(op->db, op->who, &c->event, err);
    if (s == B_OK && c->event.to != NULL) {
        char id[24];
        s = mig_db_scalar(op->db, "SELECT LAST_INSERT_ID()", id, sizeof id, err);
        op->history_id = s == B_OK ? strtoull(id, NULL, 10) : 0;
    }
    /* The rules are made before the commit: what cannot be made is not published. */
    const char *strict = op->m != NULL && c->event.to != NULL ? op->m->name : NULL;
    if (s == B_OK) s = mig__ruleset_make(op->e, op->db, strict, r, hash, err);
    if (s == B_OK) s = mig__commit(op->db, err);
    return s;
}

static b_status wait_seen(mig__op *op, uint64_t epoch, b_err *err)
{
    uint64_t until = mig__now_ms() + patience(op);
    char left[16] = "";
    b_status s = mig__ack_self(op->e, op->db, err);
    while (s == B_OK) {
        char sql[200];
        snprintf(sql, sizeof sql,
                 "SELECT COUNT(*) FROM straddle.instances WHERE seen_epoch < %llu AND lease_until > NOW(6)",
                 (unsigned long long)epoch);
        s = mig_db_scalar(op->db, sql, left, sizeof left, err);
        if (s != B_OK || strcmp(left, "0") == 0 || mig__now_ms() > until || mig__stopping(op->e)) break;
        mig__sleep(op->e, WAIT_STEP_MS);
    }
    return s;
}

b_status mig__publish(mig__op *op, const mig__change *c, b_err *err)
{
    uint64_t epoch = 0, hash = 0, started = mig__now_ms();
    rw_ruleset *r = NULL;
    b_status s = c->without_ack ? B_OK : mig__wait_ack(op, err);
    if (s == B_OK) s = mig__epoch(op->db, &epoch, err);
    if (s == B_OK) s = mig__begin(op->db, err);
    if (s == B_OK) s = change_all(op, c, epoch, &r, &hash, err);
    if (s != B_OK) {
        mig__undo(op->db);
        rw_ruleset_unref(r);
        return s;
    }
    mig__tell_lost(op->db, r);
    mig__ruleset_use(op->e, r, hash);
    char detail[128];
    snprintf(detail, sizeof detail, "epoch %llu%s%s", (unsigned long long)epoch + 1,
             c->event.to == NULL ? "" : ", phase ", c->event.to == NULL ? "" : c->event.to);
    mig__op_step(op, "publish", detail, started);
    s = wait_seen(op, epoch + 1, err);
    return s == B_OK && op->m != NULL ? mig__op_reload(op, err) : s;
}

b_status mig__republish(mig__op *op, const char *why, b_err *err)
{
    mig__change c = {
        .event = {.migration = op->m == NULL ? "" : op->m->name, .action = "catalogue", .result = why}};
    b_status s = mig__publish(op, &c, err);
    if (s != B_OK) mig_engine_catalog_changed(op->e); /* the lease's thread publishes it when it can */
    return s;
}
