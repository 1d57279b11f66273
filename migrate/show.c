/* What an operator is shown: migrations, one migration, history, instances, the preflight's findings. Reads
 * only; the columns are those of docs/admin.md. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void columns(b_table *out, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) b_table_column(out, names[i]);
}

#define COLUMNS(out, names) columns((out), (names), sizeof(names) / sizeof((names)[0]))

b_status mig_list(mig_engine *e, b_table *out, b_err *err)
{
    static const char *const names[] = {"name",       "table",    "phase",     "rows_done",
                                        "rows_total", "throttle", "last_error"};
    mig_db *db = NULL;
    mig__m **all = NULL;
    size_t n = 0;
    b_status s = mig__connect(e, 0, &db, err);
    if (s == B_OK) s = mig__load_all(db, &all, &n, err);
    mig_db_close(db);
    if (s != B_OK) return s;
    COLUMNS(out, names);
    for (size_t i = 0; i < n; i++) {
        const mig__m *m = all[i];
        b_table_row(out);
        b_table_str(out, m->name), b_table_printf(out, "%s.%s", m->schema, m->table);
        b_table_str(out, rw_phase_name(m->phase));
        b_table_int(out, (int64_t)m->bf_done), b_table_int(out, (int64_t)m->bf_total);
        b_table_str(out, m->bf_throttle), b_table_str(out, m->last_error);
    }
    mig__free_all(all, n);
    return B_OK;
}

/* Who keeps an epoch older than the published one alive; "" for nobody. */
static b_status waiting_for(mig_engine *e, mig_db *db, b_buf *who, b_err *err)
{
    uint64_t epoch = 0;
    bool yes = false;
    b_status s = mig__epoch(db, &epoch, err);
    return s == B_OK ? mig__all_acked(e, db, epoch, &yes, who, err) : s;
}

static void add_columns_text(b_table *out, const mig__m *m)
{
    b_buf text = {0};
    for (size_t i = 0; i < m->npairs; i++)
        b_buf_printf(&text, "%s%s -> %s", i == 0 ? "" : ", ", m->pairs[i].from, m->pairs[i].to);
    b_table_str(out, b_buf_cstr(&text));
    b_buf_deinit(&text);
}

static void add_eta(b_table *out, const mig__m *m)
{
    if (strcmp(m->bf_state, "running") != 0 || m->bf_rate == 0)
        b_table_null(out);
    else
        b_table_int(out, m->bf_total > m->bf_done ? (int64_t)((m->bf_total - m->bf_done) / m->bf_rate) : 0);
}

static void add_migration(b_table *out, const mig__m *m, const uint64_t shadow[MIG__SHADOW_TOTALS],
                          const char *waiting)
{
    b_table_row(out);
    b_table_str(out, m->name), b_table_printf(out, "%s.%s", m->schema, m->table);
    add_columns_text(out, m);
    b_table_str(out, rw_phase_name(m->phase)), b_table_str(out, m->since);
    b_table_int(out, (int64_t)m->epoch), b_table_int(out, (int64_t)m->generation);
    b_table_str(out, m->disabled ? "no" : "yes"), b_table_str(out, m->a_trusted ? "yes" : "no");
    b_table_str(out, m->pending), b_table_str(out, m->bf_state);
    b_table_str(out, m->bf_reverse ? "reverse" : "forward");
    b_table_int(out, (int64_t)m->bf_done), b_table_int(out, (int64_t)m->bf_total);
    b_table_int(out, (int64_t)m->bf_rate);
    add_eta(out, m);
    b_table_str(out, m->bf_throttle), b_table_int(out, (int64_t)m->pace.chunk_rows);
    b_table_int(out, (int64_t)m->pace.max_lag_ms), b_table_int(out, (int64_t)m->pace.max_threads_running);
    b_table_int(out, (int64_t)m->observe_days);
    b_table_str(out, cfg_guard_name(m->guard));
    b_table_str(out, m->checksum_at[0] == '\0' ? "none" : (m->checksum_clean ? "clean" : "differs"));
    b_table_int(out, (int64_t)m->checksum_rows), b_table_int(out, (int64_t)m->checksum_differing);
    b_table_str(out, m->checksum_at);
    for (size_t i = 0; i < MIG__SHADOW_TOTALS; i++) b_table_int(out, (int64_t)shadow[i]);
    b_table_str(out, waiting), b_table_str(out, m->last_error);
}

/* Of SHOW MIGRATION: about, shadow_names, ends. */
static const char *const about[] = {
    "name",         "table",      "columns",    "phase",         "since",
    "epoch",        "generation", "enabled",    "old_trusted",   "pending",
    "backfill",     "direction",  "rows_done",  "rows_total",    "rate_rows_s",
    "eta_s",        "throttle",   "chunk_rows", "max_lag_ms",    "max_threads_running",
    "observe_days", "guard",      "checksum",   "checksum_rows", "checksum_differing",
    "checksum_at"};
static const char *const shadow_names[MIG__SHADOW_TOTALS] = {"shadow_sampled",   "shadow_compared",
                                                             "shadow_differing", "shadow_skipped",
                                                             "shadow_failed",    "shadow_dropped"};
static const char *const ends[] = {"waiting_for", "last_error"};

b_status mig_show(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    mig_db *db = NULL;
    mig__m *m = NULL;
    b_buf who = {0};
    uint64_t shadow[MIG__SHADOW_TOTALS] = {0};
    b_status s = mig__connect(e, 0, &db, err);
    if (s == B_OK) s = mig__load(db, name, &m, err);
    if (s == B_OK) s = mig__shadow_totals(db, m->name, shadow, err);
    if (s == B_OK) s = waiting_for(e, db, &who, err);
    mig_db_close(db);
    if (s == B_OK) {
        COLUMNS(out, about);
        COLUMNS(out, shadow_names);
        COLUMNS(out, ends);
        add_migration(out, m, shadow, b_buf_cstr(&who));
    }
    b_buf_deinit(&who);
    mig__free(m);
    return s;
}

static b_status show_query(mig_engine *e, const b_buf *q, b_table *out, b_err *err)
{
    mig_db *db = NULL;
    b_table *t = NULL;
    if (q->failed) return b_fail(err, B_NOMEM, "out of memory");
    b_status s = mig__connect(e, 0, &db, err);
    if (s == B_OK) s = mig_db_query(db, b_buf_cstr(q), &t, err);
    if (s == B_OK) mig__copy_table(out, t);
    b_table_free(t);
    mig_db_close(db);
    return s;
}

b_status mig_history(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    b_buf q = {0};
    b_buf_str(&q,
              "SELECT id, at, migration, who, from_host, action, from_phase, to_phase, sql_text AS `sql`, "
              "duration_ms, result, IF(forced, 'yes', 'no') AS forced FROM straddle.history");
    if (name != NULL && name[0] != '\0')
        b_buf_str(&q, " WHERE migration = "), b_buf_quote(&q, b_slice_str(name));
    b_buf_str(&q, " ORDER BY id DESC LIMIT 1000");
    b_status s = show_query(e, &q, out, err);
    b_buf_deinit(&q);
    return s;
}

b_status mig_differences(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    b_buf q = {0};
    b_buf_str(
        &q, "SELECT key_text AS `key`, old_value, new_value, seen, repaired FROM straddle.differences WHERE "
            "migration = ");
    b_buf_quote(&q, b_slice_str(name));
    b_buf_str(&q, " ORDER BY seen DESC, id LIMIT 1000");
    b_status s = show_query(e, &q, out, err);
    b_buf_deinit(&q);
    return s;
}

b_status mig_recheck(mig_engine *e, b_table *out, b_err *err)
{
    b_buf q = {0};
    b_buf_str(
        &q,
        "SELECT migration, rounds, row_count AS `rows`, differing, first_keys, ended FROM straddle.recheck "
        "ORDER BY migration");
    b_status s = show_query(e, &q, out, err);
    b_buf_deinit(&q);
    return s;
}

b_status mig_shadow(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    b_buf q = {0};
    b_buf_str(
        &q,
        "SELECT outcome, detail, seen AS `reads`, statement, read_rows AS `rows`, other_rows, first_seen, "
        "last_seen, settled FROM straddle.shadow WHERE migration = ");
    b_buf_quote(&q, b_slice_str(name));
    b_buf_str(&q, " ORDER BY outcome <> 'differing', settled IS NOT NULL, last_seen DESC LIMIT 1000");
    b_status s = show_query(e, &q, out, err);
    b_buf_deinit(&q);
    return s;
}

/* One object an entry, the oldest first; all of them. */
b_status mig_history_export(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    b_buf q = {0};
    b_buf_str(&q,
              "SELECT JSON_OBJECT('id', id, 'at', CAST(at AS CHAR), 'migration', migration, 'who', who, "
              "'from_host', "
              "from_host, 'action', action, 'from_phase', from_phase, 'to_phase', to_phase, 'sql', sql_text, "
              "'duration_ms', duration_ms, 'result', result, 'forced', IF(forced, 'yes', 'no')) AS json FROM "
              "straddle.history");
    if (name != NULL && name[0] != '\0')
        b_buf_str(&q, " WHERE migration = "), b_buf_quote(&q, b_slice_str(name));
    b_buf_str(&q, " ORDER BY id");
    b_status s = show_query(e, &q, out, err);
    b_buf_deinit(&q);
    return s;
}

b_status mig_instances(mig_engine *e, b_table *out, b_err *err)
{
    b_buf q = {0};
    b_buf_str(
        &q,
        "SELECT id, host, pid, started, CASE WHEN dead_at IS NOT NULL THEN 'dead' WHEN lease_until < NOW(6) "
        "THEN 'expired' WHEN acked_epoch = 0 THEN 'joining' ELSE 'live' END AS state, GREATEST(0, "
        "TIMESTAMPDIFF(MICROSECOND, NOW(6), lease_until) DIV 1000) "
        "AS lease_ms, seen_epoch, acked_epoch, holder AS waiting_for, (SELECT COUNT(*) FROM "
        "straddle.connections c WHERE c.instance = instances.id) AS connections FROM straddle.instances "
        "ORDER BY instances.started");
    b_status s = show_query(e, &q, out, err);
    b_buf_deinit(&q);
    return s;
}

b_status mig_guard_place(mig_engine *e, b_table *out, b_err *err)
{
    b_buf q = {0};
    b_buf_str(&q, "SELECT server, file, position, runner, kept, missed, missed_at FROM straddle.guard");
    b_status s = show_query(e, &q, out, err);
    b_buf_deinit(&q);
    return s;
}

b_status mig_bypass(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    b_buf q = {0};
    b_buf_str(&q, "SELECT REPLACE(key_text, '\\n', ', ') AS `key`, server_id, written, seen, side, "
                  "old_value, new_value, "
                  "repaired FROM straddle.bypass WHERE migration = ");
    b_buf_quote(&q, b_slice_str(name)), b_buf_str(&q, " ORDER BY seen DESC, id DESC LIMIT 1000");
    b_status s = show_query(e, &q, out, err);
    b_buf_deinit(&q);
    return s;
}

static void add_finding(b_table *out, const b_table *found, size_t i)
{
    b_slice severity = mig__cell(found, i, "severity"), remedy = mig__cell(found, i, "remedy");
    bool blocker = b_slice_ieq(severity, B_LIT("blocker")), info = b_slice_ieq(severity, B_LIT("info"));
    b_table_row(out);
    b_table_add(out, mig__cell(found, i, "object"));
    b_table_str(out, blocker ? "refused" : (info ? "ok" : "warning"));
    b_table_printf(out, "%.*s%s%.*s", B_ARG(mig__cell(found, i, "why")), remedy.n == 0 ? "" : "; ",
                   B_ARG(remedy));
}

b_status mig_check(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    static const char *const names[] = {"check", "result", "detail"};
    mig_db *db = NULL;
    mig__m *m = NULL;
    size_t blockers = 0;
    b_table *found = b_table_new();
    if (found == NULL) return b_fail(err, B_NOMEM, "out of memory for the preflight");
    b_status s = mig__connect(e, 0, &db, err);
    if (s == B_OK) s = mig__load(db, name, &m, err);
    if (s == B_OK)
        s = mig__preflight_of(db, m, m->phase == RW_FINISHED ? m->phase : mig__beside(m, true), found,
                              &blockers, err);
    if (s == B_OK && m->phase == RW_PLANNED) s = mig__practices_check(e, db, m, found, &blockers, err);
    if (s == B_OK) {
        COLUMNS(out, names);
        for (size_t i = 0; i < b_table_rows(found); i++) add_finding(out, found, i);
    }
    b_table_free(found);
    mig__free(m);
    mig_db_close(db);
    return s;
}
