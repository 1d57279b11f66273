/* The state machine of a migration: which edges there are, what must hold before one, what is done before and
 * after it is published.
 *
 *   planned <-> expanded <-> dual_write <-> switched <-> retired -> contracted -> finished
 *
 * An edge is walked in this order: work that a crash left, gates (FORCE passes them), ACK of the published
 * epoch, DDL before, publish (which asks for the ACK again), DDL after. `pending` in the migration's row
 * names the edge from the moment it is published until its work after is recorded, so that any other program
 * can go on with it; every piece of work looks at what is really there first. Where that work fails, the
 * engine tries again by itself; only planned > expanded is taken back, as long as no column was added.
 *
 *   edge                    gates                               before            after
 *   planned > expanded                                                            ACK, ADD B, guard
 *   expanded > dual_write                                                         (backfill starts by itself)
 *   dual_write > switched   backfill, shadow reads, checksum, twins; checksum after cascades
 *   switched > retired      shadow reads, checksum              retire A, B       ACK, B's own default
 *   retired > contracted    no use of the old name, shadow reads, checksum        ACK, DROP A
 *   (all forward edges but the last: the preflight is run again, as the first gate; `guard: triggers` has its
 *   triggers looked at before, or where columns come and go after)
 *   contracted > finished
 *   expanded > planned                                                            ACK, DROP B
 *   dual_write > expanded   (voids completion, checkpoint, generation)            drop strict twins
 *   switched > dual_write   A trusted (never forced)
 *   retired > switched                                          B's default (A)   ACK (then reverse backfill)
 *
 * Strategy instant_rename has edges of its own, planned <-> contracted, in both directions the same: the
 * table is held, its columns are renamed, the phase is published (rename.c). `pending` is set with the hold.
 */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PIECES 8 /* an edge has this many of a kind at most */
#define RENAME_PAUSE_MS 200

typedef b_status piece(mig__op *op, b_err *err);

struct mig__edge {
    rw_phase from, to;
    piece *gates[MAX_PIECES], *before[MAX_PIECES], *after[MAX_PIECES];
    const char *backfill;  /* assignments to the backfill's row, or NULL */
    const char *migration; /* further assignments to the migration's row, or NULL */
    bool rename;           /* of instant_rename: walked by walk_rename */
};

/* ---- gates ---- */

static b_status gate_backfill(mig__op *op, b_err *err)
{
    const mig__m *m = op->m;
    if (strcmp(m->bf_state, "complete") == 0 && !m->bf_reverse) return B_OK;
    uint64_t left = m->bf_total > m->bf_done ? m->bf_total - m->bf_done : 0;
    char eta[64] = "not known yet";
    if (m->bf_rate > 0) snprintf(eta, sizeof eta, "%llu s", (unsigned long long)(left / m->bf_rate));
    return b_fail(
        err, B_REFUSED,
        "the backfill of migration %s is not complete (%s, about %llu of %llu rows left, ETA %s%s%s); wait "
        "for it, see SHOW MIGRATION %s",
        m->name, m->bf_state, (unsigned long long)left, (unsigned long long)m->bf_total, eta,
        m->bf_throttle[0] == '\0' ? "" : ", waiting: ", m->bf_throttle, m->name);
}

static b_status record_checksum(mig__op *op, const mig__checksum *c, b_err *err)
{
    b_status s = mig__query(
        op->db, NULL, err,
        "UPDATE straddle.migrations SET checksum_clean = %d, checksum_rows = %llu, checksum_differing = "
        "%llu, checksum_at = NOW(3) WHERE name = '%s'",
        c->differing == 0 ? 1 : 0, (unsigned long long)c->rows, (unsigned long long)c->differing,
        op->m->name);
    return s == B_OK && c->differing == 0 ? mig__shadow_settle(op->db, op->m->name, c->ms, err) : s;
}

static b_status run_checksum(mig__op *op, b_err *err)
{
    mig__checksum c;
    char detail[700];
    uint64_t started = mig__now_ms();
    b_status s = mig__verify(op->e, op->db, op->m, false, &c, err);
    if (s == B_OK) s = record_checksum(op, &c, err);
    if (s != B_OK) return s;
    snprintf(detail, sizeof detail, "%llu rows, %llu differing%s%s", (unsigned long long)c.rows,
             (unsigned long long)c.differing, c.differing == 0 ? "" : ", first: ", c.first_keys);
    mig__op_step(op, "checksum", detail, started);
    if (c.differing == 0) return mig__op_reload(op, err);
    return b_fail(
        err, B_REFUSED,
        "the checksum of migration %s is not clean: %s; find out who writes past the proxy, ROLLBACK TO "
        "expanded and fill anew",
        op->m->name, detail);
}

static b_status gate_checksum(mig__op *op, b_err *err)
{
    if (op->m->checksum_clean) return B_OK;
    return run_checksum(op, err);
}

/* In switched A is compared once more, as long as it is what B is. */
static b_status gate_checksum_now(mig__op *op, b_err *err)
{
    if (op->m->one_way) return B_OK; /* FORCE said so at switched */
    if (!op->m->a_trusted)
        return b_fail(
            err, B_REFUSED,
            "column A of migration %s is being filled from B again; wait for that, or FORCE to give A up",
            op->m->name);
    return run_checksum(op, err);
}

static b_status gate_checksum_taken(mig__op *op, b_err *err)
{
    if (op->m->checksum_clean) return B_OK;
    return b_fail(err, B_REFUSED,
                  "no clean checksum of migration %s was taken before retired; ROLLBACK to switched and "
                  "VERIFY, or FORCE",
                  op->m->name);
}

static b_status gate_twins(mig__op *op, b_err *err)
{
    b_buf missing = {0};
    bool yes = false;
    b_status s = mig__twins_ready(op->db, op->m, &yes, &missing, err);
    b_buf_deinit(&missing);
    return s == B_OK && !yes ? mig__twins_build(op, err) : s;
}

/* The server's own cascades write A alone until the twin of their foreign key is there: so A is compared anew
 * before that and after it, and where it has run ahead B is filled again. */
static b_status gate_cascades(mig__op *op, b_err *err)
{
    bool cascades = false;
    b_err ignored;
    b_status s = mig__foreign_cascades(op->db, op->m, &cascades, err);
    if (s != B_OK || !cascades) return s;
    s = run_checksum(op, err);
    if (s != B_REFUSED) return s;
    s = mig__query(op->db, NULL, &ignored,
                   "UPDATE straddle.backfill SET state = 'running', last_key = NULL, rows_done = 0 WHERE "
                   "migration = '%s'",
                   op->m->name);
    if (s != B_OK) return b_fail(err, s, "%s", ignored.msg);
    return b_fail(err, B_REFUSED,
                  "a cascade of a foreign key has written the old column of migration %s while the new one "
                  "was being filled; it is filled once more, wait for that and ADVANCE again",
                  op->m->name);
}

/* Nothing makes old values of new ones any more: there is no way back from where the new name is written. */
static b_status gate_two_ways(mig__op *op, b_err *err)
{
    if (!op->m->one_way) return B_OK;
    return b_fail(
        err, B_REFUSED,
        "migration %s is one-way (it has no `down`): from switched on the old name cannot be read, and "
        "there is no way back; FORCE if that is meant",
        op->m->name);
}

static b_status gate_way_back(mig__op *op, b_err *err)
{
    if (!op->m->one_way) return B_OK;
    return b_fail(
        err, B_REFUSED,
        "there is no way back from phase %s of migration %s: it is one-way, nothing makes old values of "
        "the new ones",
        rw_phase_name(op->m->phase), op->m->name);
}

static b_status gate_trusted(mig__op *op, b_err *err)
{
    if (op->m->a_trusted) return B_OK;
    return b_fail(
        err, B_REFUSED,
        "the old column of migration %s is not filled again yet (%llu of %llu rows); wait for the reverse "
        "backfill, see SHOW MIGRATION %s",
        op->m->name, (unsigned long long)op->m->bf_done, (unsigned long long)op->m->bf_total, op->m->name);
}

/* Of instant_rename: there is no phase in which the old name only reads, so it is looked at before it goes.
 */
static b_status gate_unused_instant(mig__op *op, b_err *err)
{
    return op->m->instant ? mig__gate_unused(op, err) : B_OK;
}

/* What was made after APPLY, and stands in the way: triggers, routines, views, keys, other tools. */
static b_status gate_preflight(mig__op *op, b_err *err)
{
    uint64_t started = mig__now_ms();
    b_status s = mig__preflight_again(op->db, op->m, mig__beside(op->m, true), err);
    if (s == B_OK) mig__op_step(op, "preflight", "nothing stands in the way", started);
    return s;
}

/* What the configuration asks for before anything is begun: a backup, a rehearsal, alerts. */
static b_status gate_practices(mig__op *op, b_err *err)
{
    static const char *const columns[] = {"severity", "object", "why", "remedy"};
    size_t blockers = 0;
    b_table *found = b_table_new();
    if (found == NULL) return b_fail(err, B_NOMEM, "out of memory for the preflight");
    for (size_t i = 0; i < 4; i++) b_table_column(found, columns[i]);
    b_status s = mig__practices_check(op->e, op->db, op->m, found, &blockers, err);
    if (s == B_OK && blockers != 0) s = mig__refuse_findings(op->m->name, found, blockers, err);
    b_table_free(found);
    return s;
}

/* ---- the table ---- */

static b_status republish(mig__op *op, b_err *err)
{
    return mig__republish(op, "the columns changed", err);
}

/* ---- the guard's triggers ---- */

/* Those of the phase that stands, looked at anew: others may have made triggers of their own. */
static b_status guard_here(mig__op *op, b_err *err)
{
    return mig__guard_set(op, op->m->phase, err);
}

/* While they are there and the phase still is switched, a write of the new column leaves the old one behind:
 * whatever becomes of the edge, the checksum is void until it is published. */
static b_status guard_retired(mig__op *op, b_err *err)
{
    b_status s =
        op->m->guard != CFG_GUARD_TRIGGERS
            ? B_OK
            : mig__query(op->db, NULL, err,
                         "UPDATE straddle.migrations SET checksum_clean = 0 WHERE name = '%s'", op->m->name);
    return s == B_OK ? mig__guard_set(op, RW_RETIRED, err) : s;
}

/* With what it changes of the catalogue: whether a write may be taken where others have BEFORE triggers. */
static b_status guard_after(mig__op *op, b_err *err)
{
    b_status s = mig__guard_set(op, op->m->phase, err);
    return s == B_OK && op->m->guard == CFG_GUARD_TRIGGERS
               ? mig__republish(op, "the guard's triggers changed", err)
               : s;
}

/* After ADD B. Where they cannot be made, B goes again, so that the phase is taken back. */
static b_status guard_first(mig__op *op, b_err *err)
{
    b_err ignored = {0};
    b_status s = mig__guard_set(op, RW_EXPANDED, err);
    if (s == B_OK || s == B_LOST || s == B_CANCELLED) return s;
    b_status undone = mig__guard_set(op, RW_PLANNED, &ignored);
    if (undone == B_OK) undone = mig__drop_new(op, &ignored);
    if (undone != B_OK)
        b_logf(op->e->log, B_WARN, "migrate", "migration=%s the new column is left: %s", op->m->name,
               ignored.msg);
    return s;
}

#define VOID_BACKFILL                                                                                        \
    "state = 'none', reverse = 0, runner = '', last_key = NULL, rows_done = 0, rate = 0, throttle = ''"
#define VOID_ALL "generation = generation + 1, checksum_clean = 0, checksum_at = NULL"

static const mig__edge edges[] = {
    {RW_PLANNED, RW_EXPANDED, .gates = {gate_preflight, gate_practices},
     .after = {mig__wait_ack, mig__add_columns, guard_first, republish}},
    {RW_EXPANDED, RW_DUAL_WRITE, .gates = {gate_preflight}, .before = {guard_here},
     .backfill = "state = 'running', reverse = 0, last_key = NULL, rows_done = 0, rows_total = 0",
     .migration = VOID_ALL},
    {RW_DUAL_WRITE, RW_SWITCHED,
     .gates = {gate_preflight, gate_two_ways, gate_backfill, mig__gate_shadow, gate_cascades, gate_checksum,
               gate_twins, gate_cascades},
     .before = {guard_here}},
    {RW_SWITCHED, RW_RETIRED, .gates = {gate_preflight, mig__gate_shadow, gate_checksum_now},
     .before = {mig__retire_before, guard_retired}, .after = {mig__wait_ack, mig__retire_after, republish},
     .backfill = VOID_BACKFILL,
     .migration = "checksum_clean = IF(guard = 'triggers', a_trusted = 1 AND checksum_differing = 0, "
                  "checksum_clean), a_trusted = 0"},
    {RW_RETIRED, RW_CONTRACTED,
     .gates = {gate_preflight, mig__gate_unused, mig__gate_shadow, gate_checksum_taken},
     .after = {mig__wait_ack, guard_here, mig__drop_old, republish}},
    {RW_CONTRACTED, RW_FINISHED, .gates = {gate_unused_instant}},
    {RW_EXPANDED, RW_PLANNED, .after = {mig__wait_ack, guard_here, mig__drop_new, republish},
     .backfill = VOID_BACKFILL},
    {RW_DUAL_WRITE, RW_EXPANDED, .after = {mig__twins_strict_drop, guard_here}, .backfill = VOID_BACKFILL,
     .migration = VOID_ALL},
    {RW_SWITCHED, RW_DUAL_WRITE, .gates = {gate_way_back, gate_trusted}, .after = {guard_here},
     .backfill = "state = 'complete', reverse = 0"},
    {RW_RETIRED, RW_SWITCHED, .gates = {gate_way_back}, .before = {mig__unretire_before},
     .after = {mig__wait_ack, guard_after},
     .backfill = "state = 'running', reverse = 1, last_key = NULL, rows_done = 0, rows_total = 0",
     .migration = "generation = generation + 1, checksum_clean = 0"},
    {RW_PLANNED, RW_CONTRACTED, .gates = {gate_preflight, gate_practices}, .migration = "held = 0",
     .rename = true},
    {RW_CONTRACTED, RW_PLANNED, .migration = "held = 0", .rename = true},
};

const mig__edge *mig__edge_find(bool instant, rw_phase from, rw_phase to)
{
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
        if (edges[i].from == from && edges[i].to == to && (instant || !edges[i].rename)) return &edges[i];
    return NULL;
}

/* ---- walking ---- */

static b_status run_pieces(piece *const *pieces, mig__op *op, b_err *err)
{
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < MAX_PIECES && pieces[i] != NULL; i++) s = pieces[i](op, err);
    return s;
}

static b_status run_gates(const mig__edge *edge, mig__op *op, b_err *err)
{
    for (size_t i = 0; i < MAX_PIECES && edge->gates[i] != NULL; i++) {
        b_status s = edge->gates[i](op, err);
        if (s == B_OK) continue;
        mig__hook(op->e, "gate", op->m->name, rw_phase_name(edge->from), rw_phase_name(edge->to), err->msg);
        if (s != B_REFUSED || !op->force || edge->gates[i] == gate_trusted || edge->gates[i] == gate_way_back)
            return s;
        if (op->forced.n != 0) b_buf_str(&op->forced, "; ");
        b_buf_str(&op->forced, err->msg);
        mig__op_step(op, "forced", err->msg, mig__now_ms());
    }
    return B_OK;
}

/* May this edge back be published without the ACK of the present epoch? A new epoch needs all of the one
 * before it, so that only the last two are held by anyone. Where the last one is this migration's edge here
 * from the phase that is gone back to, nobody can be in a third phase. */
static b_status back_is_free(const mig__edge *edge, mig__op *op, bool *free_back, b_err *err)
{
    char from[32] = "";
    uint64_t epoch = 0;
    *free_back = false;
    if (edge->to > edge->from || edge->before[0] != NULL) return B_OK;
    b_status s = mig__epoch(op->db, &epoch, err);
    if (s != B_OK || epoch != op->m->epoch) return s;
    s = mig_db_scalar(op->db,
                      b_arena_printf(op->m->arena,
                                     "SELECT from_phase FROM straddle.history WHERE migration = '%s' AND "
                                     "to_phase <> '' ORDER BY id DESC LIMIT 1",
                                     op->m->name),
                      from, sizeof from, err);
    if (s == B_NOT_FOUND) return B_OK;
    *free_back = s == B_OK && strcmp(from, rw_phase_name(edge->to)) == 0;
    return s;
}

static b_status edge_sql(const mig__edge *edge, mig__op *op, const char *pending, mig__change *c, b_err *err)
{
    b_arena *a = op->m->arena;
    const char *to = rw_phase_name(edge->to);
    c->sql[0] = b_arena_printf(
        a,
        "UPDATE straddle.migrations SET phase = '%s', pending = '%s', since = NOW(3), last_error = '', epoch "
        "= (SELECT epoch FROM straddle.state WHERE id = 1)%s%s WHERE name = '%s'",
        to, pending, edge->migration == NULL ? "" : ", ", edge->migration == NULL ? "" : edge->migration,
        op->m->name);
    c->sql[1] =
        b_arena_printf(a,
                       "UPDATE straddle.backfill SET phase = '%s', generation = (SELECT generation FROM "
                       "straddle.migrations WHERE name = '%s')%s%s WHERE migration = '%s'",
                       to, op->m->name, edge->backfill == NULL ? "" : ", ",
                       edge->backfill == NULL ? "" : edge->backfill, op->m->name);
    return c->sql[0] == NULL || c->sql[1] == NULL ? b_fail(err, B_NOMEM, "out of memory") : B_OK;
}

/* result: NULL = as forced or not. */
static b_status publish_edge(const mig__edge *edge, mig__op *op, const char *result, b_err *err)
{
    const char *from = rw_phase_name(edge->from), *to = rw_phase_name(edge->to);
    b_arena *a = op->m->arena;
    bool work = edge->after[0] != NULL && result == NULL;
    const char *pending = work ? b_arena_printf(a, "%s>%s", from, to) : "";
    if (result == NULL)
        result = op->forced.n == 0 ? "ok" : b_arena_printf(a, "forced: %s", b_buf_cstr(&op->forced));
    mig__change c = {.event = {.migration = b_arena_strdup(a, op->m->name),
                               .action = edge->to > edge->from ? "advance" : "rollback",
                               .from = from,
                               .to = to,
                               .forced = op->forced.n != 0,
                               .result = result}};
    if (pending == NULL || result == NULL) return b_fail(err, B_NOMEM, "out of memory");
    b_status s = edge_sql(edge, op, pending, &c, err);
    if (s == B_OK) s = back_is_free(edge, op, &c.without_ack, err);
    const char *how = c.event.forced ? "forced" : "ok"; /* result goes with the old op->m */
    if (s == B_OK) s = mig__publish(op, &c, err);
    if (s == B_OK) mig__hook(op->e, "phase", op->m->name, from, to, how);
    if (s == B_OK && edge->to == RW_FINISHED) mig__hook(op->e, "done", op->m->name, from, to, how);
    return s;
}

/* planned > expanded was published, but nothing was done to the table: planned again, at once. */
static b_status take_back(const mig__edge *edge, mig__op *op, bool *taken, b_err *err)
{
    b_err why = {0};
    mig__live now = {0};
    b_status s = B_OK;
    *taken = false;
    if (edge->to != RW_EXPANDED || edge->from != RW_PLANNED) return B_OK;
    for (size_t i = 0; s == B_OK && !now.exists && i < op->m->npairs; i++)
        s = mig__column_now(op->db, op->m, op->m->pairs[i].to, &now, &why);
    if (s == B_OK && now.exists) return B_OK;
    const char *reason = b_arena_printf(op->m->arena, "taken back, nothing was changed: %s", err->msg);
    if (s == B_OK)
        s = publish_edge(mig__edge_find(false, RW_EXPANDED, RW_PLANNED), op,
                         reason == NULL ? "taken back" : reason, &why);
    *taken = s == B_OK;
    return s == B_OK ? B_OK : b_fail(err, s, "%s", why.msg);
}

static b_status unfinished(const mig__edge *edge, mig__op *op, b_status s, b_err *err)
{
    bool taken = false;
    b_err why = *err;
    if (s != B_LOST && s != B_CANCELLED && take_back(edge, op, &taken, &why) != B_OK) taken = false;
    if (taken)
        return b_err_prefix(err, "migration %s is in phase planned again, nothing was changed", op->m->name);
    return b_err_prefix(
        err,
        "phase %s of migration %s is published, but its work is not done yet (the engine tries again by "
        "itself, and so does the next ADVANCE or ROLLBACK)",
        rw_phase_name(edge->to), op->m->name);
}

static b_status finish(const mig__edge *edge, mig__op *op, b_err *err)
{
    b_status s = run_pieces(edge->after, op, err);
    if (s != B_OK) return unfinished(edge, op, s, err);
    s = mig__query(op->db, NULL, err,
                   "UPDATE straddle.migrations SET pending = '', last_error = '' WHERE name = '%s'",
                   op->m->name);
    return s == B_OK ? mig__op_reload(op, err) : s;
}

static void note_error(mig__op *op, const b_err *err)
{
    mig__hook(op->e, "failure", op->m->name, rw_phase_name(op->m->phase), NULL, err->msg);
    b_err ignored;
    b_slice msg = b_slice_str(err->msg);
    b_buf q = {0};
    if (msg.n > 1000) msg.n = 1000;
    b_buf_str(&q, "UPDATE straddle.migrations SET last_error = ");
    b_buf_quote(&q, msg);
    b_buf_printf(&q, " WHERE name = '%s'", op->m->name);
    if (mig__run(op->db, &ignored, &q) != B_OK)
        b_logf(op->e->log, B_WARN, "migrate", "migration=%s the error could not be stored: %s", op->m->name,
               ignored.msg);
    b_buf_deinit(&q);
}

/* Tries until phase_timeout_ms is over; between two tries statements flow. */
static b_status walk_rename(const mig__edge *edge, mig__op *op, b_err *err)
{
    bool forward = edge->to > edge->from;
    char name[40];
    unsigned seed = (unsigned)mig__now_ms();
    uint64_t until = mig__now_ms() + mig__settings_get(op->e).phase_timeout_ms;
    snprintf(name, sizeof name, "%s>%s", rw_phase_name(edge->from), rw_phase_name(edge->to));
    for (;;) {
        b_status s = mig__rename_held(op, forward, name, err);
        if (s == B_OK) return publish_edge(edge, op, NULL, err);
        if (s != B_TIMEOUT || mig__now_ms() >= until || mig__stopping(op->e)) return s;
        mig__op_step(op, "again", err->msg, mig__now_ms());
        mig__sleep(op->e, RENAME_PAUSE_MS + (uint32_t)rand_r(&seed) % RENAME_PAUSE_MS);
    }
}

/* What a crash in the middle of a rename left: held, and the columns under their old names or their new ones.
 */
static b_status resume_rename(const mig__edge *edge, mig__op *op, b_err *err)
{
    bool renamed = false;
    b_status s = mig__renamed(op, edge->to > edge->from, &renamed, err);
    if (s == B_OK && !renamed) return mig__release(op, "the rename was interrupted, and is not done", err);
    return s == B_OK ? publish_edge(edge, op, NULL, err) : s;
}

/* How the edge went, into its row; one that was not published gets a row without a phase that it leads to. */
static b_status write_history(mig__op *op, const mig__edge *edge, b_status s, const b_err *why, uint64_t ms,
                              b_err *err)
{
    b_buf q = {0}, result = {0};
    b_status done;
    if (op->history_id != 0) {
        b_buf_printf(&q,
                     "UPDATE straddle.history SET duration_ms = %llu, sql_text = ", (unsigned long long)ms);
        b_buf_quote(&q, b_buf_view(&op->steps));
        if (s != B_OK) {
            b_buf_printf(&result, "; its work is not done: %.600s", why->msg);
            b_buf_str(&q, ", result = CONCAT(result, "), b_buf_quote(&q, b_buf_view(&result)),
                b_buf_char(&q, ')');
        }
        b_buf_printf(&q, " WHERE id = %llu", (unsigned long long)op->history_id);
        done = mig__run(op->db, err, &q);
    } else {
        b_buf_printf(&result, "not %s: %.900s", rw_phase_name(edge->to), why->msg);
        mig__event ev = {.migration = op->m->name,
                         .action = s == B_REFUSED ? "refused" : "failed",
                         .from = rw_phase_name(edge->from),
                         .sql = b_buf_cstr(&op->steps),
                         .ms = ms,
                         .result = b_buf_cstr(&result)};
        done = s == B_OK ? B_OK : mig__record(op->db, op->who, &ev, err);
    }
    b_buf_deinit(&q);
    b_buf_deinit(&result);
    return done;
}

static b_status walk(mig__op *op, const mig__edge *edge, b_err *err);

b_status mig__walk(mig__op *op, const mig__edge *edge, b_err *err)
{
    uint64_t started = mig__now_ms();
    b_err ignored = {0};
    b_buf_clear(&op->steps);
    op->history_id = 0;
    b_status s = walk(op, edge, err);
    if (write_history(op, edge, s, err, mig__now_ms() - started, &ignored) != B_OK)
        b_logf(op->e->log, B_WARN, "migrate", "migration=%s the history could not be written: %s",
               op->m->name, ignored.msg);
    return s;
}

/* The phase was not published: the triggers that were made for it give way to those of the one that stands.
 */
static void guard_again(const mig__edge *edge, mig__op *op)
{
    b_err err = {0};
    if (op->m == NULL || mig__op_reload(op, &err) != B_OK || op->m->guard != CFG_GUARD_TRIGGERS ||
        op->m->phase != edge->from || op->m->phase == RW_PLANNED || op->m->pending[0] != '\0')
        return;
    if (mig__guard_set(op, op->m->phase, &err) != B_OK)
        b_logf(op->e->log, B_WARN, "migrate", "migration=%s the guard's triggers: %s", op->m->name, err.msg);
}

static b_status walk(mig__op *op, const mig__edge *edge, b_err *err)
{
    b_buf_clear(&op->forced);
    b_status s = run_gates(edge, op, err);
    if (edge->rename) {
        if (s == B_OK) s = walk_rename(edge, op, err);
        if (s != B_OK) note_error(op, err);
        return s;
    }
    if (s == B_OK && edge->before[0] != NULL) s = mig__wait_ack(op, err);
    if (s == B_OK) s = run_pieces(edge->before, op, err);
    if (s == B_OK) s = publish_edge(edge, op, NULL, err);
    if (s == B_OK) s = finish(edge, op, err);
    if (s != B_OK) note_error(op, err);
    if (s != B_OK && s != B_LOST) guard_again(edge, op);
    return s;
}

b_status mig__finish_pending(mig__op *op, b_err *err)
{
    if (op->m->pending[0] == '\0') return B_OK;
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s>%s", rw_phase_name(edges[i].from), rw_phase_name(edges[i].to));
        if (strcmp(name, op->m->pending) != 0) continue;
        mig__op_step(op, "pending", op->m->pending, mig__now_ms());
        b_status s = edges[i].rename ? resume_rename(&edges[i], op, err) : finish(&edges[i], op, err);
        if (s != B_OK) note_error(op, err);
        return s;
    }
    return b_fail(err, B_STATE, "migration %s has the unknown pending work '%s'", op->m->name,
                  op->m->pending);
}

void mig__resume_pending(mig_engine *e, mig_db *db)
{
    b_table *t = NULL;
    b_err err = {0};
    b_status s = mig_db_query(
        db,
        "SELECT m.name FROM straddle.migrations m WHERE m.pending <> '' OR (m.guard = 'triggers' AND m.phase "
        "= "
        "'switched' AND EXISTS (SELECT 1 FROM information_schema.TRIGGERS t WHERE t.EVENT_OBJECT_SCHEMA = "
        "m.table_schema AND t.EVENT_OBJECT_TABLE = m.table_name AND t.TRIGGER_NAME LIKE '" MIG__GUARD_PREFIX
        "%\\_r_'))",
        &t, &err);
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++) {
        mig__op op;
        const char *name = b_table_cell(t, i, 0).p;
        b_status one = mig__op_begin_aside(e, name, &op, &err);
        if (one == B_OK) {
            one = mig__finish_pending(&op, &err);
            /* those of retired, of an instance that died before it published that */
            if (one == B_OK && op.m->phase == RW_SWITCHED && op.m->guard == CFG_GUARD_TRIGGERS)
                one = guard_here(&op, &err);
            mig__op_end(&op);
        }
        if (one != B_OK)
            b_logf(e->log, one == B_TIMEOUT ? B_INFO : B_ERROR, "migrate",
                   "migration=%s the work after its phase is not done: %s", name, err.msg);
    }
    b_table_free(t);
}

/* ---- ADVANCE and ROLLBACK ---- */

static void step_columns(b_table *out)
{
    if (out == NULL || b_table_columns(out) != 0) return;
    b_table_column(out, "step"), b_table_column(out, "detail"), b_table_column(out, "ms");
}

/* The phase beside this one; of instant_rename there are only three. */
rw_phase mig__beside(const mig__m *m, bool forward)
{
    if (m->instant && forward && m->phase == RW_PLANNED) return RW_CONTRACTED;
    if (m->instant && !forward && m->phase == RW_CONTRACTED) return RW_PLANNED;
    return (rw_phase)((int)m->phase + (forward ? 1 : -1));
}

b_status mig__target(const mig__m *m, const char *to, bool forward, rw_phase *out, b_err *err)
{
    if (to == NULL || to[0] == '\0') {
        if (forward ? m->phase == RW_FINISHED : m->phase == RW_PLANNED)
            return b_fail(err, B_STATE, "migration %s is in phase %s, there is none %s it", m->name,
                          rw_phase_name(m->phase), forward ? "after" : "before");
        *out = mig__beside(m, forward);
    } else if (!rw_phase_parse(b_slice_str(to), out)) {
        return b_fail(
            err, B_INVALID,
            "'%s' is no phase; the phases are planned, expanded, dual_write, switched, retired, contracted, "
            "finished",
            to);
    }
    if (m->instant && *out > RW_PLANNED && *out < RW_CONTRACTED)
        return b_fail(err, B_STATE,
                      "migration %s is an instant_rename: its phases are planned, contracted and finished",
                      m->name);
    if (forward ? *out < m->phase : *out > m->phase)
        return b_fail(err, B_STATE, "migration %s is in phase %s; use %s to go to %s", m->name,
                      rw_phase_name(m->phase), forward ? "ROLLBACK MIGRATION" : "ADVANCE MIGRATION",
                      rw_phase_name(*out));
    return B_OK;
}

static b_status walk_to(mig__op *op, const char *to, bool forward, b_err *err)
{
    rw_phase goal = RW_PLANNED;
    b_status s = mig__finish_pending(op, err);
    if (s == B_OK) s = mig__target(op->m, to, forward, &goal, err);
    while (s == B_OK && op->m->phase != goal) {
        const mig__edge *edge = mig__edge_find(op->m->instant, op->m->phase, mig__beside(op->m, forward));
        if (edge == NULL)
            return b_fail(
                err, B_REFUSED,
                "there is no way back from phase %s of migration %s: the old column is gone; apply a new "
                "migration the other way (PLAN MIGRATION %s prints it)",
                rw_phase_name(op->m->phase), op->m->name, op->m->name);
        if (!forward) mig__say_cost(op, mig__beside(op->m, false));
        s = mig__walk(op, edge, err);
    }
    return s;
}

static b_status move(mig_engine *e, const char *name, const char *to, bool forward, bool force,
                     const mig_actor *who, b_table *out, b_err *err)
{
    mig__op op;
    step_columns(out);
    b_status s = mig__op_begin(e, name, who, out, &op, err);
    if (s != B_OK) return s;
    op.force = force;
    s = walk_to(&op, to, forward, err);
    mig__op_end(&op);
    return s;
}

b_status mig_advance(mig_engine *e, const char *name, const char *to, bool force, const mig_actor *who,
                     b_table *out, b_err *err)
{
    return move(e, name, to, true, force, who, out, err);
}

b_status mig_rollback(mig_engine *e, const char *name, const char *to, const mig_actor *who, b_table *out,
                      b_err *err)
{
    return move(e, name, to, false, false, who, out, err);
}

b_status mig_verify(mig_engine *e, const char *name, bool repair, const mig_actor *who, b_table *out,
                    b_err *err)
{
    mig__op op;
    mig__checksum c = {0};
    static const char *const columns[] = {"rows", "chunks", "differing", "repaired", "first_keys", "ms"};
    b_status s = mig__op_begin(e, name, who, NULL, &op, err);
    if (s != B_OK) return s;
    if (op.m->phase < RW_DUAL_WRITE || op.m->phase > RW_SWITCHED)
        s = b_fail(err, B_STATE,
                   "migration %s is in phase %s; A and B can be compared in dual_write and switched only",
                   op.m->name, rw_phase_name(op.m->phase));
    if (s == B_OK && repair && op.m->phase == RW_SWITCHED && op.m->one_way)
        s = b_fail(
            err, B_STATE,
            "migration %s is one-way: nothing makes the old values out of the new ones, which are right "
            "in switched, so that nothing is repaired; VERIFY without REPAIR shows what differs",
            op.m->name);
    if (s == B_OK) s = mig__verify(e, op.db, op.m, repair, &c, err);
    if (s == B_OK) s = record_checksum(&op, &c, err);
    mig__event ev = {.migration = name,
                     .action = repair ? "repair" : "verify",
                     .ms = c.ms,
                     .result = c.differing == 0 ? "clean" : "differs"};
    if (s == B_OK) s = mig__record(op.db, who, &ev, err);
    mig__op_end(&op);
    if (s != B_OK) return s;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) b_table_column(out, columns[i]);
    b_table_row(out);
    b_table_int(out, (int64_t)c.rows), b_table_int(out, (int64_t)c.chunks),
        b_table_int(out, (int64_t)c.differing), b_table_int(out, (int64_t)c.repaired);
    b_table_str(out, c.first_keys), b_table_int(out, (int64_t)c.ms);
    return B_OK;
}
