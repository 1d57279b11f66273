/* What came of shadow reads, in straddle.shadow: one row a migration, outcome and what is to be said of it,
 * of all instances. A difference is open until both columns were compared row by row and found right after
 * it; while one is open, the next phase has a gate that is not met. */
#include "shadow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const outcomes[] = {"equal", "differing", "skipped", "failed", "dropped"};

/* ---- counts ---- */

bool mig__shadow_count(mig__shadow_counts *c, const char *migration, mig__outcome outcome, const char *detail,
                       uint64_t n)
{
    size_t i = 0;
    while (i < c->n && !(c->v[i].outcome == outcome && strcmp(c->v[i].migration, migration) == 0 &&
                         strcmp(c->v[i].detail, detail) == 0))
        i++;
    if (i == sizeof c->v / sizeof c->v[0]) return false;
    if (i == c->n) {
        c->v[c->n++].outcome = outcome;
        snprintf(c->v[i].migration, sizeof c->v[i].migration, "%s", migration);
        snprintf(c->v[i].detail, sizeof c->v[i].detail, "%s", detail);
        c->v[i].n = 0;
    }
    c->v[i].n += n;
    return true;
}

static void add_values(b_buf *q, const char *migration, mig__outcome outcome, const char *detail, uint64_t n)
{
    b_buf_char(q, '(');
    b_buf_quote(q, b_slice_str(migration));
    b_buf_printf(q, ", '%s', ", outcomes[outcome]);
    b_buf_quote(q, b_slice_str(detail));
    b_buf_printf(q, ", %llu, NOW(3), NOW(3)", (unsigned long long)n);
}

b_status mig__shadow_write(mig_db *db, mig__shadow_counts *c, b_err *err)
{
    b_buf q = {0};
    if (c->n == 0) return B_OK;
    b_buf_str(
        &q, "INSERT INTO straddle.shadow (migration, outcome, detail, seen, first_seen, last_seen) VALUES ");
    for (size_t i = 0; i < c->n; i++) {
        if (i > 0) b_buf_str(&q, ", ");
        add_values(&q, c->v[i].migration, c->v[i].outcome, c->v[i].detail, c->v[i].n);
        b_buf_char(&q, ')');
    }
    b_buf_str(&q, " ON DUPLICATE KEY UPDATE seen = seen + VALUES(seen), last_seen = VALUES(last_seen)");
    b_status s = mig__run(db, err, &q);
    b_buf_deinit(&q);
    if (s == B_OK) c->n = 0;
    return s;
}

/* ---- differences ---- */

static b_status keep(mig_db *db, const char *migration, const mig__compared *c, b_err *err)
{
    b_buf q = {0};
    b_buf_str(&q, "INSERT INTO straddle.shadow (migration, outcome, detail, seen, first_seen, last_seen, "
                  "statement, read_rows, other_rows, blocks) VALUES ");
    add_values(&q, migration, MIG__SHADOW_DIFFERING, c->detail, 1);
    b_buf_str(&q, ", ");
    b_buf_quote(&q, b_slice_str(c->statement));
    b_buf_printf(&q,
                 ", %llu, %llu, %d) ON DUPLICATE KEY UPDATE seen = seen + 1, last_seen = VALUES(last_seen), "
                 "read_rows = VALUES(read_rows), other_rows = VALUES(other_rows), blocks = VALUES(blocks), "
                 "settled = NULL",
                 (unsigned long long)c->rows, (unsigned long long)c->other_rows, c->changes ? 0 : 1);
    b_status s = mig__run(db, err, &q);
    b_buf_deinit(&q);
    return s;
}

/* Only of the phase and the backfill that it was found in. */
static b_status void_checksum(mig_db *db, const char *migration, const mig__compared *c, const char *says,
                              b_err *err)
{
    b_buf q = {0};
    b_buf_str(&q, "UPDATE straddle.migrations SET checksum_clean = 0");
    if (!c->changes) b_buf_str(&q, ", last_error = "), b_buf_quote(&q, b_slice_str(says));
    b_buf_printf(&q, " WHERE name = '%s' AND phase = '%s' AND generation = %llu", migration,
                 rw_phase_name(c->phase), (unsigned long long)c->generation);
    b_status s = mig__run(db, err, &q);
    b_buf_deinit(&q);
    return s;
}

/* It is told of once, until it is settled. */
static b_status is_open(mig_db *db, const char *migration, const char *digest, bool *yes, b_err *err)
{
    b_table *t = NULL;
    b_status s = mig__query(db, &t, err,
                            "SELECT 1 FROM straddle.shadow WHERE migration = '%s' AND outcome = 'differing' "
                            "AND detail = '%s' AND settled IS NULL",
                            migration, digest);
    *yes = s == B_OK && b_table_rows(t) > 0;
    b_table_free(t);
    return s;
}

b_status mig__shadow_found(mig_engine *e, mig_db *db, const char *migration, const mig__compared *c,
                           b_err *err)
{
    char says[900];
    bool known = false;
    b_status s = is_open(db, migration, c->detail, &known, err);
    if (s != B_OK) return s;
    snprintf(says, sizeof says,
             "a shadow read gave other rows through the other column (%llu rows, %llu there), digest %s: %s; "
             "%s, see SHOW SHADOW READS %s and VERIFY MIGRATION %s",
             (unsigned long long)c->rows, (unsigned long long)c->other_rows, c->detail, c->statement,
             c->changes ? "`up` and `down` may lose something" : "a row's two columns are not the same",
             migration, migration);
    if (!known) {
        b_logf(e->log, c->changes ? B_WARN : B_ERROR, "migrate", "migration=%s %s", migration, says);
        mig__hook(e, "failure", migration, rw_phase_name(c->phase), NULL, says);
    }
    s = keep(db, migration, c, err);
    return s == B_OK ? void_checksum(db, migration, c, says, err) : s;
}

b_status mig__shadow_settle(mig_db *db, const char *migration, uint64_t took_ms, b_err *err)
{
    return mig__query(db, NULL, err,
                      "UPDATE straddle.shadow SET settled = NOW(3) WHERE migration = '%s' AND outcome = "
                      "'differing' AND settled IS NULL AND last_seen < NOW(3) - INTERVAL %llu MICROSECOND",
                      migration, (unsigned long long)took_ms * 1000);
}

b_status mig__gate_shadow(mig__op *op, b_err *err)
{
    const char *name = op->m->name;
    b_table *t = NULL;
    b_status s =
        mig__query(op->db, &t, err,
                   "SELECT detail, statement, last_seen FROM straddle.shadow WHERE migration = '%s' AND "
                   "outcome = 'differing' AND blocks = 1 AND settled IS NULL ORDER BY last_seen DESC",
                   name);
    size_t n = s == B_OK ? b_table_rows(t) : 0;
    if (n > 0)
        s = b_fail(
            err, B_REFUSED,
            "shadow reads of migration %s gave other rows through the other column for %zu statement%s, "
            "last at %.*s for digest %.*s: %.*s; %sVERIFY MIGRATION %s tells which rows differ and, once "
            "it is clean, settles this (REPAIR makes them right; SHOW SHADOW READS %s has all "
            "statements)",
            name, n, n == 1 ? "" : "s", B_ARG(mig__cell(t, 0, "last_seen")), B_ARG(mig__cell(t, 0, "detail")),
            B_ARG(mig__cell(t, 0, "statement")),
            op->m->phase == RW_RETIRED ? "ROLLBACK to switched; there " : "", name, name);
    b_table_free(t);
    return s;
}

b_status mig__shadow_totals(mig_db *db, const char *migration, uint64_t out[MIG__SHADOW_TOTALS], b_err *err)
{
    b_table *t = NULL;
    b_status s = mig__query(
        db, &t, err,
        "SELECT COALESCE(SUM(seen), 0), COALESCE(SUM(IF(outcome IN ('equal', 'differing'), seen, 0)), 0), "
        "COALESCE(SUM(IF(outcome = 'differing', seen, 0)), 0), COALESCE(SUM(IF(outcome = 'skipped', seen, "
        "0)), 0), COALESCE(SUM(IF(outcome = 'failed', seen, 0)), 0), COALESCE(SUM(IF(outcome = 'dropped', "
        "seen, 0)), 0) FROM straddle.shadow WHERE migration = '%s'",
        migration);
    for (size_t i = 0; i < MIG__SHADOW_TOTALS && s == B_OK; i++) {
        char digits[24];
        snprintf(digits, sizeof digits, "%.*s", B_ARG(b_table_cell(t, 0, i)));
        out[i] = strtoull(digits, NULL, 10);
    }
    b_table_free(t);
    return s;
}
