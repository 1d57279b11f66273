/* Strategy instant_rename: the columns get their new names by one ALTER TABLE that changes metadata only.
 *
 * A statement that meets a name which has just moved would fail, or find another column of that name in an
 * outer query. So an epoch in which the table is held is published first: from the moment that an instance
 * has it, it keeps statements on the table back. Once all instances have acknowledged that epoch, nothing
 * that knows the old names is under way anywhere, and the columns are renamed. The phase that is published
 * then lets go of what waits. All of this has gate_ms; where that is not enough, the old phase goes on, and
 * the whole is tried again. Knows no gates or edges. */
#include "mig.h"

#include <stdio.h>
#include <string.h>

void mig__rename_clause(const mig__m *m, bool forward, b_buf *out)
{
    for (size_t i = 0; i < m->npairs; i++) {
        const mig__pair *p = &m->pairs[i];
        b_buf_str(out, i == 0 ? "RENAME COLUMN " : ", RENAME COLUMN ");
        b_buf_ident(out, b_slice_str(forward ? p->from : p->to));
        b_buf_str(out, " TO ");
        b_buf_ident(out, b_slice_str(forward ? p->to : p->from));
    }
}

b_status mig__renamed(mig__op *op, bool forward, bool *yes, b_err *err)
{
    b_status s = B_OK;
    *yes = true;
    for (size_t i = 0; s == B_OK && *yes && i < op->m->npairs; i++) {
        mig__live now;
        const mig__pair *p = &op->m->pairs[i];
        s = mig__column_now(op->db, op->m, forward ? p->to : p->from, &now, err);
        *yes = now.exists;
    }
    return s;
}

/* Held and its end are epochs like any other, but change no phase. Letting go may pass by an epoch that is
 * still held by somebody: the rules before the hold and after it are the same. */
static b_status publish_held(mig__op *op, bool held, const char *edge, const char *why, b_err *err)
{
    b_arena *a = op->m->arena;
    mig__change c = {.event = {.migration = b_arena_strdup(a, op->m->name),
                               .action = held ? "hold" : "release",
                               .result = why},
                     .without_ack = !held};
    c.sql[0] = b_arena_printf(a, "UPDATE straddle.migrations SET held = %d, pending = '%s' WHERE name = '%s'",
                              held ? 1 : 0, edge, op->m->name);
    if (c.sql[0] == NULL || c.event.migration == NULL) return b_fail(err, B_NOMEM, "out of memory");
    return mig__publish(op, &c, err);
}

b_status mig__release(mig__op *op, const char *why, b_err *err)
{
    return publish_held(op, false, "", why, err);
}

static b_status alter(mig__op *op, bool forward, b_err *err)
{
    b_buf q = {0};
    bool force = op->force;
    op->force = false; /* the table is never copied while its statements are held */
    mig__rename_clause(op->m, forward, &q);
    b_status s = q.failed ? b_fail(err, B_NOMEM, "out of memory for an ALTER")
                          : mig__alter(op, b_buf_cstr(&q), false, err);
    op->force = force;
    b_buf_deinit(&q);
    return s;
}

static uint32_t left(uint64_t until)
{
    uint64_t now = mig__now_ms();
    return now < until ? (uint32_t)(until - now) : 1;
}

b_status mig__rename_held(mig__op *op, bool forward, const char *edge, b_err *err)
{
    uint32_t patience = op->patience_ms;
    b_status s = mig__wait_ack(op, err); /* what is open now has its time before anything is held */
    if (s != B_OK) return s;
    uint64_t started = mig__now_ms(), until = started + op->m->gate_ms;
    op->patience_ms = op->m->gate_ms;
    s = publish_held(op, true, edge, "ok", err);
    op->patience_ms = left(until);
    if (s == B_OK) s = mig__wait_ack(op, err);
    op->patience_ms = left(until);
    if (s == B_OK) s = alter(op, forward, err);
    op->patience_ms = patience;
    if (s == B_OK || !op->m->held) return s;
    b_err why = *err, ignored;
    bool renamed = true;
    if (s == B_LOST || mig__renamed(op, forward, &renamed, &ignored) != B_OK || renamed) return s;
    if (mig__release(op, why.msg, &ignored) != B_OK)
        return b_err_prefix(err, "statements on %s.%s are held until the engine can let go of them",
                            op->m->schema, op->m->table);
    return s;
}
