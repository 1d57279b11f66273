/* See rehearse.h. A one-way migration has no way back from switched on, and its two columns are not the same
 * there: it is compared before, and goes no such leg. */
#include "rehearse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_MS = 200 };

typedef struct leg {
    const char *to; /* NULL: the end */
    bool back, fill, new_only, verify, force;
} leg;

static const leg dual_write[] = {
    {.to = "expanded"},
    {.to = "dual_write", .fill = true},
    {.to = "switched", .verify = true},
    {.to = "retired"},
    {.to = "switched", .back = true, .fill = true, .verify = true},
    {.to = "dual_write", .back = true},
    {.to = "expanded", .back = true},
    {.to = "planned", .back = true},
    {.to = "expanded"},
    {.to = "dual_write", .fill = true},
    {.to = "switched"},
    {.to = "retired"},
    {.to = "contracted", .new_only = true, .force = true},
    {.to = "finished", .new_only = true, .force = true},
    {.to = NULL},
};
static const leg one_way[] = {
    {.to = "expanded"},
    {.to = "dual_write", .fill = true, .verify = true},
    {.to = "expanded", .back = true},
    {.to = "planned", .back = true},
    {.to = "expanded"},
    {.to = "dual_write", .fill = true, .verify = true},
    {.to = "switched", .force = true},
    {.to = "retired"},
    {.to = "contracted", .new_only = true, .force = true},
    {.to = "finished", .new_only = true, .force = true},
    {.to = NULL},
};
static const leg instant[] = {
    {.to = "contracted"}, {.to = "planned", .back = true},
    {.to = "contracted"}, {.to = "finished", .new_only = true, .force = true},
    {.to = NULL},
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t number(mig_db *db, const char *sql, b_status *s, b_err *err)
{
    char text[32] = "0";
    if (*s == B_OK) *s = mig_db_scalar(db, sql, text, sizeof text, err);
    return strtoull(text, NULL, 10);
}

static b_status rows(px_rehearsal *r, uint64_t *out, b_err *err)
{
    b_buf q = {0};
    b_status s = B_OK;
    b_buf_str(&q, "SELECT COUNT(*) FROM "), b_buf_ident(&q, b_slice_str(r->m->schema)), b_buf_char(&q, '.');
    b_buf_ident(&q, b_slice_str(r->m->table));
    *out = number(r->direct, b_buf_cstr(&q), &s, err);
    b_buf_deinit(&q);
    return s;
}

/* ---- waiting ---- */

static uint64_t lag_ms(mig_db *replica)
{
    b_table *t = NULL;
    b_err none;
    uint64_t lag = 0;
    if (mig_db_query(replica, "SHOW REPLICA STATUS", &t, &none) == B_OK && b_table_rows(t) > 0)
        for (size_t c = 0; c < b_table_columns(t); c++)
            if (strncmp(b_table_name(t, c), "Seconds_Behind_", 15) == 0 && b_table_cell(t, 0, c).p != NULL)
                lag = strtoull(b_table_cell(t, 0, c).p, NULL, 10) * 1000;
    b_table_free(t);
    return lag;
}

static void look(px_rehearsal *r, uint64_t *worst_lag)
{
    for (size_t i = 0; i < r->nreplicas; i++) {
        uint64_t lag = lag_ms(r->replicas[i]);
        if (lag > *worst_lag) *worst_lag = lag;
    }
    nanosleep(&(struct timespec){0, LOOK_MS * 1000000L}, NULL);
}

static b_slice cell(const b_table *t, const char *name)
{
    for (size_t c = 0; b_table_rows(t) > 0 && c < b_table_columns(t); c++)
        if (strcmp(b_table_name(t, c), name) == 0) return b_table_cell(t, 0, c);
    return (b_slice){NULL, 0};
}

static b_slice or_none(b_slice s)
{
    return s.n == 0 ? B_LIT("nothing") : s;
}

static b_status command(px_rehearsal *r, b_table **out, b_err *err, const char *verb, const char *more)
{
    b_buf q = {0};
    b_buf_printf(&q, "%s %s%s", verb, r->m->name, more);
    b_status s = mig_db_query(r->admin, b_buf_cstr(&q), out, err);
    b_buf_deinit(&q);
    if (s == B_DATABASE && mig_db_error(r->admin)[0] != '\0')
        snprintf(err->msg, sizeof err->msg, "%s", mig_db_error(r->admin));
    return s;
}

static b_status stands_still(const px_rehearsal *r, const b_table *t, b_err *err)
{
    return b_fail(
        err, B_TIMEOUT,
        "the backfill (%.*s) has stood still for %u s, at %.*s of about %.*s rows; it waits for: %.*s; "
        "last error: %.*s; set its limits in the definition, or --patience, and rehearse again",
        B_ARG(cell(t, "direction")), r->patience, B_ARG(cell(t, "rows_done")), B_ARG(cell(t, "rows_total")),
        B_ARG(or_none(cell(t, "throttle"))), B_ARG(or_none(cell(t, "last_error"))));
}

/* Rows, or another state, are progress. */
static bool moved(const b_table *t, char at[100])
{
    char now[100];
    snprintf(now, sizeof now, "%.*s %.*s %.*s", B_ARG(cell(t, "backfill")), B_ARG(cell(t, "direction")),
             B_ARG(cell(t, "rows_done")));
    bool yes = strcmp(now, at) != 0;
    snprintf(at, sizeof now, "%s", now);
    return yes;
}

static b_status filled(px_rehearsal *r, uint64_t *worst_lag, b_err *err)
{
    char at[100] = "";
    uint64_t since = now_ms();
    for (;;) {
        b_table *t = NULL;
        b_status s = command(r, &t, err, "SHOW MIGRATION", "");
        b_slice state = cell(t, "backfill");
        bool complete = s == B_OK && b_slice_eq(state, B_LIT("complete"));
        if (s == B_OK && b_slice_eq(state, B_LIT("paused")))
            s = b_fail(err, B_STATE, "the backfill has paused: %.*s %.*s", B_ARG(cell(t, "throttle")),
                       B_ARG(cell(t, "last_error")));
        if (s == B_OK && moved(t, at)) since = now_ms();
        if (s == B_OK && !complete && now_ms() - since >= UINT64_C(1000) * r->patience)
            s = stands_still(r, t, err);
        b_table_free(t);
        if (s != B_OK || complete) return s;
        look(r, worst_lag);
    }
}

/* ---- a step ---- */

static void tell(px_rehearsal *r, const leg *l, uint64_t ms, uint64_t fill_ms, uint64_t lag,
                 const px_load_figures *f)
{
    mig_rehearsal *k = &r->record;
    printf("%-4s %-11s %8" PRIu64 " ms  fill %8" PRIu64 " ms  %7" PRIu64
           " statements  p99 %7.1f ms  worst %7.1f ms  "
           "lag %6" PRIu64 " ms  errors %" PRIu64 "\n",
           l->back ? "back" : "to", l->to, ms, fill_ms, f->statements, (double)f->p99_us / 1000,
           (double)f->worst_us / 1000, lag, f->errors);
    fflush(stdout);
    b_buf_printf(&r->steps,
                 "%s{\"to\":\"%s\",\"ms\":%" PRIu64 ",\"backfill_ms\":%" PRIu64 ",\"statements\":%" PRIu64
                 ",\"conflicts\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"p50_ms\":%.1f,\"p99_ms\":%.1f,"
                 "\"worst_ms\":%.1f,\"lag_ms\":%" PRIu64 "}",
                 r->steps.n == 0 ? "[" : ",", l->to, ms, fill_ms, f->statements, f->conflicts, f->errors,
                 (double)f->p50_us / 1000, (double)f->p99_us / 1000, (double)f->worst_us / 1000, lag);
    k->statements += f->statements, k->conflicts += f->conflicts, k->errors += f->errors;
    if (f->p99_us > k->worst_p99_us) k->worst_p99_us = f->p99_us;
    if (lag > k->worst_lag_ms) k->worst_lag_ms = lag;
}

static b_status verify(px_rehearsal *r, b_err *err)
{
    b_table *t = NULL;
    b_status s = command(r, &t, err, "VERIFY MIGRATION", "");
    b_slice differing = cell(t, "differing");
    if (s == B_OK && differing.p != NULL) r->record.differing += strtoull(differing.p, NULL, 10);
    if (s == B_OK && r->record.differing > 0)
        s = b_fail(err, B_STATE, "%" PRIu64 " rows differ, first: %.*s", r->record.differing,
                   B_ARG(cell(t, "first_keys")));
    b_table_free(t);
    return s;
}

/* FORCE is for one gate, that the leg is known to be refused by; whatever else it passed has gone wrong. */
static b_status forced_one(const b_table *t, b_err *err)
{
    b_slice last = {"", 0};
    size_t n = 0;
    for (size_t i = 0; i < b_table_rows(t); i++) {
        if (!b_slice_eq(b_table_cell(t, i, 0), B_LIT("forced"))) continue;
        last = b_table_cell(t, i, 1);
        n++;
    }
    return n <= 1 ? B_OK : b_fail(err, B_STATE, "%zu gates are not met, the last: %.*s", n, B_ARG(last));
}

/* While it is on its way only what both phases have may be said. */
static b_status go(px_rehearsal *r, const leg *l, b_err *err)
{
    char more[64];
    b_table *out = NULL;
    rw_phase to = r->at;
    if (!rw_phase_parse(b_slice_str(l->to), &to)) return b_fail(err, B_INVALID, "no phase %s", l->to);
    b_status s = px_load_between(r->load, r->at, to, err);
    snprintf(more, sizeof more, " TO %s%s", l->to, l->force ? " FORCE" : "");
    if (s == B_OK) s = command(r, &out, err, l->back ? "ROLLBACK MIGRATION" : "ADVANCE MIGRATION", more);
    if (s == B_OK && l->force) s = forced_one(out, err);
    b_table_free(out);
    if (s == B_OK) s = px_load_between(r->load, to, to, err);
    if (s == B_OK) r->at = to;
    return s;
}

static b_status step(px_rehearsal *r, const leg *l, b_err *err)
{
    uint64_t lag = 0, fill_ms = 0, began;
    px_load_figures f;
    if (l->new_only) px_load_new_only(r->load);
    began = now_ms();
    b_status s = go(r, l, err);
    uint64_t ms = now_ms() - began;
    if (s == B_OK && l->fill) s = filled(r, &lag, err);
    if (s == B_OK && l->fill) fill_ms = now_ms() - began - ms;
    for (uint64_t until = now_ms() + UINT64_C(1000) * r->seconds; s == B_OK && now_ms() < until;)
        look(r, &lag);
    if (s == B_OK && l->verify) s = verify(r, err);
    px_load_take(r->load, &f);
    tell(r, l, ms, fill_ms, lag, &f);
    if (s == B_OK && f.errors > 0)
        s = b_fail(err, B_STATE, "a statement of the generated load failed: %s", f.first_error);
    return s == B_OK ? s : b_err_prefix(err, "%s %s", l->back ? "back to" : "to", l->to);
}

/* ---- all of them ---- */

static const leg *legs_of(const cfg_migration *m)
{
    if (m->strategy == CFG_STRATEGY_INSTANT_RENAME) return instant;
    return px_script_one_way(m) ? one_way : dual_write;
}

static void json_text(b_buf *out, const char *text, size_t n)
{
    b_buf_char(out, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < ' ')
            b_buf_printf(out, "\\u%04x", c);
        else
            b_buf_printf(out, c == '"' || c == '\\' ? "\\%c" : "%c", c);
    }
    b_buf_char(out, '"');
}

/* Lines of text, on the screen and as the first element of the record. */
static void tell_left_out(px_rehearsal *r, const char *lines)
{
    bool some = false;
    for (const char *p = lines; *p != '\0';) {
        size_t n = strcspn(p, "\n");
        printf("left out: %.*s\n", (int)n, p);
        b_buf_str(&r->steps, some ? "," : "[{\"left_out\":[");
        json_text(&r->steps, p, n);
        p += n + (p[n] == '\n'), some = true;
    }
    if (some) b_buf_str(&r->steps, "]}");
}

static void left_out(px_rehearsal *r)
{
    b_buf all = {0};
    b_buf_str(&all, px_script_left_out(r->script));
    if (legs_of(r->m) == one_way)
        b_buf_str(&all,
                  "the ways back from retired and from switched, and the comparison in switched: the "
                  "migration is one-way, nothing makes the old values of the new ones; it is compared in "
                  "dual_write, and ADVANCE to switched asks for FORCE\n");
    tell_left_out(r, b_buf_cstr(&all));
    b_buf_deinit(&all);
}

static b_status walk(px_rehearsal *r, b_err *err)
{
    b_buf q = {0};
    b_buf_str(&q, "APPLY MIGRATION ");
    b_buf_quote(&q, b_slice_str(r->m->source));
    b_status s = mig_db_query(r->admin, b_buf_cstr(&q), NULL, err);
    b_buf_deinit(&q);
    r->at = RW_PLANNED;
    if (s == B_OK) s = px_load_between(r->load, r->at, r->at, err);
    if (s == B_OK) s = px_load_run(r->load, err);
    for (const leg *l = legs_of(r->m); s == B_OK && l->to != NULL; l++) s = step(r, l, err);
    return s;
}

b_status px_rehearse(px_rehearsal *r, b_err *err)
{
    mig_rehearsal *k = &r->record;
    b_err why = {0};
    b_status s = rows(r, &k->rows_before, err);
    if (s != B_OK) return s;
    left_out(r);
    s = walk(r, &why);
    px_load_new_only(r->load);
    if (s == B_OK) s = rows(r, &k->rows_after, &why);
    if (s == B_OK && k->rows_after != k->rows_before)
        s = b_fail(&why, B_STATE, "the table had %" PRIu64 " rows before and has %" PRIu64 " after",
                   k->rows_before, k->rows_after);
    b_buf_str(&r->steps, r->steps.n == 0 ? "[]" : "]");
    k->steps = b_buf_cstr(&r->steps);
    k->result = s == B_OK ? "passed" : "failed";
    if (s != B_OK) *err = why;
    return s;
}
