/* Operations that are not changes of phase: taking a migration on and off, pause, resume, settings, and the
 * rules on or off. Each is one transaction with its record in the history. */
#include "mig.h"

#include "rewrite/expr.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- taking on ---- */

static b_status check(mig__op *op, const cfg_migration *m, b_err *err)
{
    b_table *found = b_table_new();
    size_t blockers = 0;
    if (found == NULL) return b_fail(err, B_NOMEM, "out of memory for the preflight");
    b_status s = mig__preflight(op->db, m, found, &blockers, err);
    if (s == B_OK && blockers != 0) s = mig__refuse_findings(m->name, found, blockers, err);
    b_table_free(found);
    return s;
}

static void column_values(b_buf *q, const b_table *t, bool mariadb)
{
    b_slice nullable = mig__cell(t, 0, "IS_NULLABLE"), extra = mig__cell(t, 0, "EXTRA");
    bool null = b_slice_ieq(nullable, B_LIT("YES"));
    static const char *const texts[] = {"AFTER_NAME", "COLUMN_TYPE", "CHARACTER_SET_NAME", "COLLATION_NAME",
                                        "COLUMN_COMMENT"};
    b_buf value = {0};
    rw_default_kind kind = mig__default_parse(mariadb, mig__cell(t, 0, "COLUMN_DEFAULT"), extra,
                                              mig__cell(t, 0, "COLUMN_TYPE"), null, &value);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        b_slice c = mig__cell(t, 0, texts[i]);
        b_buf_str(q, ", "), b_buf_quote(q, c.p == NULL ? (b_slice){"", 0} : c);
    }
    b_buf_printf(q, ", %d, %d, ", null ? 1 : 0, (int)kind);
    b_buf_quote(q, b_buf_view(&value));
    b_buf_printf(q, ", %d)", b_slice_find(extra, B_LIT("on update")) != (size_t)-1);
    b_buf_deinit(&value);
}

/* A as it is now, before anything was touched. */
static b_status column_row(mig__op *op, b_arena *a, const cfg_migration *m, size_t i, b_buf *q, b_err *err)
{
    b_table *t = NULL;
    const cfg_pair *p = &m->columns[i];
    const char *old = p->from != NULL ? p->from : p->common;
    b_status s =
        mig__query(op->db, &t, err,
                   "SELECT c.*, COALESCE((SELECT b.COLUMN_NAME FROM information_schema.COLUMNS b WHERE "
                   "b.TABLE_SCHEMA = c.TABLE_SCHEMA AND b.TABLE_NAME = c.TABLE_NAME AND b.ORDINAL_POSITION < "
                   "c.ORDINAL_POSITION ORDER BY b.ORDINAL_POSITION DESC LIMIT 1), '') AS AFTER_NAME FROM "
                   "information_schema.COLUMNS c WHERE c.TABLE_SCHEMA = %s AND c.TABLE_NAME = %s AND "
                   "c.COLUMN_NAME = %s",
                   mig__q(a, m->schema), mig__q(a, m->table), mig__q(a, old));
    if (s == B_OK && b_table_rows(t) != 1)
        s = b_fail(err, B_REFUSED, "table %s.%s has no column %s", m->schema, m->table, old);
    if (s == B_OK) {
        b_slice name = mig__cell(t, 0, "COLUMN_NAME"); /* as the server spells it */
        b_buf_printf(q, "%s(%s, %zu, ", i == 0 ? "" : ", ", mig__q(a, m->name), i);
        b_buf_quote(q, p->from != NULL ? name : B_LIT(""));
        b_buf_printf(q, ", %s", mig__q(a, p->to));
        column_values(q, t, mig__mariadb(op->db));
    }
    b_table_free(t);
    return s;
}

/* What changes besides names; nothing where nothing does. */
static b_status changes_rows(mig__op *op, b_arena *a, const cfg_migration *m, b_buf *q, b_err *err)
{
    rw_pair *pairs = b_arena_array(a, m->ncolumns + 1, sizeof *pairs);
    if (!mig__changes(m)) return B_OK;
    if (pairs == NULL) return b_fail(err, B_NOMEM, "out of memory");
    b_status s = mig__probe(op->db, m, a, pairs, err);
    b_buf_str(
        q,
        "INSERT INTO straddle.migration_changes (migration, n, up, down, one_way, type, charset, collation, "
        "nullable, default_kind, default_text, time_zone) VALUES ");
    for (size_t i = 0; s == B_OK && i < m->ncolumns; i++) {
        const rw_column *t = &pairs[i].target;
        size_t n = 0;
        while (n < t->collation.n && t->collation.p[n] != '_') n++;
        b_buf_printf(q, "%s(%s, %zu, ", i == 0 ? "" : ", ", mig__q(a, m->name), i);
        b_buf_quote(q, pairs[i].up), b_buf_str(q, ", "), b_buf_quote(q, pairs[i].down);
        b_buf_printf(q, ", %d, ", pairs[i].one_way ? 1 : 0);
        b_buf_quote(q, t->type), b_buf_str(q, ", ");
        b_buf_quote(q, b_slice_of(t->collation.p, n)), b_buf_str(q, ", "), b_buf_quote(q, t->collation);
        b_buf_printf(q, ", %d, %d, ", t->nullable ? 1 : 0, (int)t->default_kind);
        b_buf_quote(q, t->default_text);
        b_buf_printf(q, ", %s)", mig__q(a, m->time_zone == NULL ? "SYSTEM" : m->time_zone));
    }
    return s;
}

static b_status publish_planned(mig__op *op, b_arena *a, const cfg_migration *m, const char *columns,
                                const char *changes, b_err *err)
{
    mig__change c = {
        .event = {.migration = m->name, .action = "apply", .from = "", .to = "planned", .sql = m->source}};
    const char *definition = mig__q(a, m->source);
    c.sql[0] = b_arena_printf(
        a,
        "INSERT INTO straddle.migrations (name, table_schema, table_name, definition, phase, epoch, "
        "generation, observe_days, strategy, gate_ms, guard, guard_repair, since) SELECT %s, %s, %s, %s, "
        "'planned', epoch, 1, %u, '%s', %u, '%s', %d, NOW(3) FROM straddle.state WHERE id = 1",
        mig__q(a, m->name), mig__q(a, m->schema), mig__q(a, m->table), definition, m->observe_days,
        m->strategy == CFG_STRATEGY_INSTANT_RENAME ? "instant_rename" : "dual_write", m->gate_ms,
        cfg_guard_name(m->guard), m->guard_repair ? 1 : 0);
    c.sql[1] = columns;
    c.sql[2] =
        b_arena_printf(a,
                       "REPLACE INTO straddle.backfill (migration, generation, phase, state) VALUES (%s, 1, "
                       "'planned', 'none')",
                       mig__q(a, m->name));
    c.sql[3] = mig__pace_insert(a, m->name, &m->pace);
    c.sql[4] = changes[0] == '\0' ? NULL : changes;
    if (c.sql[0] == NULL || columns == NULL || c.sql[2] == NULL || c.sql[3] == NULL)
        return b_fail(err, B_NOMEM, "out of memory");
    return mig__publish(op, &c, err);
}

static b_status not_yet(mig__op *op, b_arena *a, const cfg_migration *m, b_err *err)
{
    b_table *t = NULL;
    b_status s = mig__query(op->db, &t, err, "SELECT phase FROM straddle.migrations WHERE name = %s",
                            mig__q(a, m->name));
    if (s == B_OK && b_table_rows(t) != 0)
        s = b_fail(err, B_EXISTS, "migration %s is applied already, it is in phase %.*s", m->name,
                   B_ARG(mig__cell(t, 0, "phase")));
    b_table_free(t);
    return s;
}

static bool names(const cfg_migration *m, const char *column)
{
    b_slice c = b_slice_str(column);
    for (size_t i = 0; i < m->ncolumns && c.n > 0; i++) {
        const cfg_pair *p = &m->columns[i];
        if ((p->from != NULL && b_slice_ieq(b_slice_str(p->from), c)) ||
            (p->to != NULL && b_slice_ieq(b_slice_str(p->to), c)))
            return true;
    }
    return false;
}

/* As a whole word, quoted or not: finds too much rather than too little. */
static bool has_name(b_slice text, b_slice name)
{
    for (size_t i = 0; i + name.n <= text.n; i++) {
        char before = i == 0 ? ' ' : text.p[i - 1], after = i + name.n == text.n ? ' ' : text.p[i + name.n];
        if (b_slice_ieq(b_slice_of(text.p + i, name.n), name) && !isalnum((unsigned char)before) &&
            before != '_' && !isalnum((unsigned char)after) && after != '_')
            return true;
    }
    return false;
}

/* Do the two have a column in common, or does one's expression read the other's? */
static bool meets(const cfg_migration *m, const rw_pair *mine, const mig__m *o)
{
    for (size_t i = 0; i < o->npairs; i++) {
        const mig__pair *p = &o->pairs[i];
        const char *both[] = {p->from, p->to};
        for (size_t k = 0; k < 2; k++) {
            if (names(m, both[k])) return true;
            for (size_t j = 0; j < m->ncolumns && both[k][0] != '\0'; j++)
                if (has_name(mine[j].up, b_slice_str(both[k])) ||
                    has_name(mine[j].down, b_slice_str(both[k])))
                    return true;
        }
        for (size_t j = 0; j < m->ncolumns; j++) {
            const char *own[] = {m->columns[j].from, m->columns[j].to};
            for (size_t k = 0; k < 2; k++)
                if (own[k] != NULL && (rw_expr_reads(b_slice_str(p->up), b_slice_str(own[k])) ||
                                       rw_expr_reads(b_slice_str(p->down), b_slice_str(own[k]))))
                    return true;
        }
    }
    return false;
}

/* Other migrations of the table may be under way, on other columns. */
static b_status check_others(mig__op *op, b_arena *a, const cfg_migration *m, b_err *err)
{
    mig__m **all = NULL;
    size_t n = 0;
    rw_pair *mine = b_arena_array(a, m->ncolumns + 1, sizeof *mine);
    if (mine == NULL) return b_fail(err, B_NOMEM, "out of memory");
    for (size_t i = 0; i < m->ncolumns; i++) { /* as written is near enough: names stand in it */
        mine[i].up = b_slice_str(m->columns[i].up == NULL ? "" : m->columns[i].up);
        mine[i].down = b_slice_str(m->columns[i].down == NULL ? "" : m->columns[i].down);
    }
    b_status s = mig__load_all(op->db, &all, &n, err);
    for (size_t i = 0; s == B_OK && i < n; i++) {
        if (all[i]->phase == RW_FINISHED || strcasecmp(all[i]->schema, m->schema) != 0 ||
            strcasecmp(all[i]->table, m->table) != 0 || !meets(m, mine, all[i]))
            continue;
        s = b_fail(
            err, B_REFUSED,
            "migration %s (phase %s) is on a column of table %s.%s that this one names, too; finish or "
            "REMOVE it first",
            all[i]->name, rw_phase_name(all[i]->phase), m->schema, m->table);
    }
    mig__free_all(all, n);
    return s;
}

static b_status apply(mig__op *op, b_arena *a, const cfg_migration *m, b_err *err)
{
    b_buf q = {0}, changes = {0};
    b_status s = not_yet(op, a, m, err);
    if (s == B_OK) s = check_others(op, a, m, err);
    if (s == B_OK) s = check(op, m, err);
    if (s == B_OK) s = changes_rows(op, a, m, &changes, err);
    b_buf_str(&q, "INSERT INTO straddle.migration_columns (migration, n, from_name, to_name, after_name, "
                  "type, charset, "
                  "collation, comment, nullable, default_kind, default_text, on_update) VALUES ");
    for (size_t i = 0; s == B_OK && i < m->ncolumns; i++) s = column_row(op, a, m, i, &q, err);
    if (s == B_OK && (q.failed || changes.failed)) s = b_fail(err, B_NOMEM, "out of memory");
    if (s == B_OK) s = publish_planned(op, a, m, b_buf_cstr(&q), b_buf_cstr(&changes), err);
    b_buf_deinit(&q), b_buf_deinit(&changes);
    return s;
}

b_status mig_apply(mig_engine *e, const cfg_migration *m, const mig_actor *who, b_err *err)
{
    mig__op op;
    b_buf text = {0};
    cfg_migration whole = *m; /* with its text, from which ADVANCE reads it again */
    b_arena *a = b_arena_new(0);
    if (a == NULL) return b_fail(err, B_NOMEM, "out of memory");
    if (m->source == NULL || m->source[0] == '\0')
        cfg_migration_emit(m, &text), whole.source = b_arena_strdup(a, b_buf_cstr(&text));
    b_buf_deinit(&text);
    if (whole.source == NULL) {
        b_arena_free(a);
        return b_fail(err, B_NOMEM, "out of memory");
    }
    b_status s = mig__op_begin(e, NULL, who, NULL, &op, err);
    if (s == B_OK) {
        s = apply(&op, a, &whole, err);
        if (s == B_OK) s = mig__load(op.db, m->name, &op.m, err);
        if (s == B_OK) s = mig__remember_table(op.db, op.m, err);
        mig__op_end(&op);
    }
    b_arena_free(a);
    return s;
}

/* ---- small changes: one or two statements under a new epoch or without ---- */

static b_status change_row(mig__op *op, const char *action, const char *what, const char *sql, bool publish,
                           b_err *err)
{
    mig__change c = {
        .sql = {sql},
        .event = {.migration = b_arena_strdup(op->m->arena, op->m->name), .action = action, .sql = what}};
    if (sql == NULL) return b_fail(err, B_NOMEM, "out of memory");
    if (publish) return mig__publish(op, &c, err);
    b_status s = mig__begin(op->db, err);
    if (s == B_OK) s = mig_db_query(op->db, sql, NULL, err);
    if (s == B_OK) s = mig__record(op->db, op->who, &c.event, err);
    if (s == B_OK) s = mig__commit(op->db, err);
    if (s != B_OK) mig__undo(op->db);
    return s;
}

/* Everything but the history and the rehearsals. */
static b_status removal(const mig__m *m, mig__change *c, b_err *err)
{
    static const char *const tables[] = {
        "migration_columns", "migration_changes", "backfill", "pace", "census", "bypass",
        "recheck",           "differences",       "shadow"};
    enum { TABLES = sizeof tables / sizeof tables[0] };
    bool ok = true;
    _Static_assert(TABLES + 1 <= sizeof c->sql / sizeof c->sql[0], "room for all of them");
    for (size_t i = 0; i < TABLES; i++)
        ok = (c->sql[i] = b_arena_printf(m->arena, "DELETE FROM straddle.%s WHERE migration = '%s'",
                                         tables[i], m->name)) != NULL &&
             ok;
    c->sql[TABLES] = b_arena_printf(m->arena, "DELETE FROM straddle.migrations WHERE name = '%s'", m->name);
    return ok && c->sql[TABLES] != NULL ? B_OK : b_fail(err, B_NOMEM, "out of memory");
}

/* In between only where the table is gone, and with it all that there was to be kept. */
static b_status may_remove(mig__op *op, b_err *err)
{
    bool there = false;
    b_status s = mig__table_there(op->db, op->m->schema, op->m->table, &there, err);
    if (s != B_OK || !there) return s;
    s = mig__finish_pending(op, err);
    if (s == B_OK && op->m->phase != RW_PLANNED && op->m->phase != RW_FINISHED)
        s = b_fail(err, B_STATE,
                   "migration %s is in phase %s; only a planned or finished one can be removed: ROLLBACK or "
                   "ADVANCE it first",
                   op->m->name, rw_phase_name(op->m->phase));
    return s;
}

b_status mig_remove(mig_engine *e, const char *name, const mig_actor *who, b_err *err)
{
    mig__op op;
    b_status s = mig__op_begin(e, name, who, NULL, &op, err);
    if (s != B_OK) return s;
    s = may_remove(&op, err);
    if (s == B_OK) {
        mig__m *m = op.m;
        mig__change c = {
            .event = {.migration = m->name, .action = "remove", .from = rw_phase_name(m->phase)}};
        s = removal(m, &c, err);
        op.m = NULL; /* there is nothing to read again afterwards */
        if (s == B_OK) s = mig__publish(&op, &c, err);
        mig__free(m);
    }
    mig__op_end(&op);
    return s;
}

static b_status set_state(mig_engine *e, const char *name, const char *from, const char *to,
                          const char *action, const mig_actor *who, b_err *err)
{
    mig__op op;
    b_status s = mig__op_begin(e, name, who, NULL, &op, err);
    if (s != B_OK) return s;
    if (strcmp(op.m->bf_state, from) != 0)
        s = b_fail(err, B_STATE, "the backfill of migration %s is not %s, it is: %s", name, from,
                   op.m->bf_state);
    else
        s = change_row(
            &op, action, "",
            b_arena_printf(op.m->arena,
                           "UPDATE straddle.backfill SET state = '%s', throttle = '' WHERE migration = '%s'",
                           to, op.m->name),
            false, err);
    mig__op_end(&op);
    return s;
}

b_status mig_pause(mig_engine *e, const char *name, const mig_actor *who, b_err *err)
{
    return set_state(e, name, "running", "paused", "pause", who, err);
}

b_status mig_resume(mig_engine *e, const char *name, const mig_actor *who, b_err *err)
{
    return set_state(e, name, "paused", "running", "resume", who, err);
}

b_status mig_set(mig_engine *e, const char *name, const char *key, const char *value, const mig_actor *who,
                 b_err *err)
{
    mig__op op;
    b_status s = mig__op_begin(e, name, who, NULL, &op, err);
    if (s != B_OK) return s;
    b_arena *a = op.m->arena;
    s = cfg_pace_set(&op.m->pace, key, value, a, err);
    if (s == B_OK)
        s = change_row(&op, "set", b_arena_printf(a, "%s = %s", key, value),
                       mig__pace_insert(a, op.m->name, &op.m->pace), false, err);
    mig__op_end(&op);
    return s;
}

b_status mig_enable(mig_engine *e, const char *name, bool on, const mig_actor *who, b_err *err)
{
    mig__op op;
    b_status s = mig__op_begin(e, name, who, NULL, &op, err);
    if (s != B_OK) return s;
    s = change_row(&op, on ? "enable" : "disable", "",
                   b_arena_printf(op.m->arena,
                                  "UPDATE straddle.migrations SET disabled = %d WHERE name = '%s'",
                                  on ? 0 : 1, op.m->name),
                   true, err);
    mig__op_end(&op);
    return s;
}

/* ---- the guard ---- */

static b_status may_guard(mig__op *op, cfg_guard before, cfg_guard guard, b_err *err)
{
    const mig__m *m = op->m;
    if (guard == CFG_GUARD_NONE || m->phase >= RW_CONTRACTED) return B_OK;
    if (m->instant)
        return b_fail(err, B_STATE, "migration %s is an instant_rename: there is nothing to keep equal",
                      m->name);
    if (guard == CFG_GUARD_TRIGGERS && before != guard && m->phase == RW_SWITCHED && !mig__mariadb(op->db))
        return b_fail(
            err, B_STATE,
            "migration %s is in phase switched, in which MySQL cannot be given the triggers without a "
            "moment in which a row could miss a column that is read; ROLLBACK to dual_write first",
            m->name);
    return mig__preflight_again(op->db, m, m->phase < RW_EXPANDED ? RW_EXPANDED : m->phase, err);
}

/* Rows that were inserted between the default's going and the trigger's coming have no new column: they are
 * filled like all others. */
static b_status fill_again(mig__op *op, b_err *err)
{
    if (op->m->phase != RW_DUAL_WRITE) return B_OK;
    b_status s = mig__query(op->db, NULL, err,
                            "UPDATE straddle.backfill SET state = IF(state = 'paused', state, 'running'), "
                            "last_key = NULL, rows_done = 0 WHERE migration = '%s'",
                            op->m->name);
    return s != B_OK ? s
                     : mig__query(op->db, NULL, err,
                                  "UPDATE straddle.migrations SET checksum_clean = 0 WHERE name = '%s'",
                                  op->m->name);
}

/* The rules come first, then the triggers: on MySQL the rules must not count on the new column's default any
 * more when it goes. */
static b_status set_guard(mig__op *op, cfg_guard guard, b_err *err)
{
    b_status s = mig__finish_pending(op, err);
    cfg_guard before = op->m->guard;
    op->m->guard = guard;
    if (s == B_OK) s = may_guard(op, before, guard, err);
    if (s == B_OK)
        s = change_row(op, "guard", cfg_guard_name(guard),
                       b_arena_printf(op->m->arena,
                                      "UPDATE straddle.migrations SET guard = '%s'%s WHERE name = '%s'",
                                      cfg_guard_name(guard),
                                      guard == CFG_GUARD_WATCH ? "" : ", guard_repair = 0", op->m->name),
                       true, err);
    if (s == B_OK) s = mig__wait_ack(op, err);
    bool bare = op->m->phase == RW_EXPANDED || op->m->phase == RW_DUAL_WRITE;
    if (s == B_OK && bare) s = mig__new_default_drop(op, err);
    if (s == B_OK) s = mig__guard_set(op, op->m->phase, err);
    if (s == B_OK && bare && guard == CFG_GUARD_TRIGGERS && before != guard && !mig__mariadb(op->db))
        s = fill_again(op, err);
    if (s == B_OK && (guard == CFG_GUARD_TRIGGERS || before == CFG_GUARD_TRIGGERS))
        s = mig__republish(op, "the guard's triggers changed", err);
    return s;
}

b_status mig_guard(mig_engine *e, const char *name, const char *guard, const mig_actor *who, b_err *err)
{
    mig__op op;
    cfg_guard g;
    if (!cfg_guard_parse(guard, &g))
        return b_fail(err, B_INVALID, "'%s' is no guard; there are none, watch and triggers", guard);
    b_status s = mig__op_begin(e, name, who, NULL, &op, err);
    if (s != B_OK) return s;
    s = set_guard(&op, g, err);
    mig__op_end(&op);
    return s;
}
