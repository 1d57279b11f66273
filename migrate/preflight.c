/* The preflight: what in the database stands in the way of a migration, before anything is touched.
 *
 * Each finding is a row: severity (blocker refuses the migration; warning and info do not), object, why it
 * matters, what to do. The checks are in preflight_*.c; this file says which there are. Reads only. */
#include "preflight.h"

#include "rewrite/code.h"

#include <stdlib.h>
#include <string.h>

void mig__finding(mig__flight *f, mig__severity s, const char *object, const char *why, const char *remedy)
{
    static const char *const names[] = {"blocker", "warning", "info"};
    if (s == MIG__BLOCKER) f->blockers++;
    b_table_row(f->out);
    b_table_str(f->out, names[s]);
    b_table_str(f->out, object);
    b_table_str(f->out, why);
    b_table_str(f->out, remedy);
}

const char *mig__say(mig__flight *f, const char *text, const char *a, const char *b)
{
    const char *first = strstr(text, "%s"), *second = first == NULL ? NULL : strstr(first + 2, "%s");
    if (first == NULL) return text;
    const char *end = second == NULL ? "" : second + 2;
    int middle = second == NULL ? (int)strlen(first + 2) : (int)(second - first - 2);
    char *out = b_arena_printf(f->arena, "%.*s%s%.*s%s%s", (int)(first - text), text, a, middle, first + 2,
                               second == NULL ? "" : b, end);
    return out == NULL ? "?" : out;
}

bool mig__is_from(const mig__flight *f, b_slice column)
{
    for (size_t i = 0; i < f->m->ncolumns; i++)
        if (f->m->columns[i].from != NULL && b_slice_ieq(b_slice_str(f->m->columns[i].from), column))
            return true;
    return false;
}

const char *mig__names_any(mig__flight *f, b_slice expression)
{
    static const rw_ctx ctx = {.charset = RW_CHARSET_SAFE};
    if (expression.p == NULL) return NULL;
    for (size_t i = 0; i < f->m->ncolumns; i++) {
        const char *from = f->m->columns[i].from;
        if (from != NULL && rw_code_names(&ctx, f->server, expression, b_slice_str(from), f->arena))
            return from;
    }
    return NULL;
}

static void found_by_probe(void *arg, int severity, const char *object, const char *why, const char *remedy)
{
    mig__finding(arg,
                 severity == 0   ? MIG__BLOCKER
                 : severity == 1 ? MIG__WARNING
                                 : MIG__INFO,
                 object, why, remedy);
}

/* Values that change are tried on rows of the table. */
static b_status check_values(mig__flight *f)
{
    if (!mig__changes(f->m)) return B_OK;
    if (f->instant)
        mig__finding(f, MIG__BLOCKER, f->m->name, "strategy instant_rename changes names only",
                     "use strategy: dual_write");
    if (f->begun || f->blockers > 0) return B_OK;
    return mig__probe_rows(f->db, f->m, f->arena, found_by_probe, f, f->err);
}

static b_status read_begun(mig__flight *f)
{
    char phase[32] = "planned";
    b_buf q = {0};
    b_buf_str(&q, "SELECT phase FROM straddle.migrations WHERE name = ");
    b_buf_quote(&q, b_slice_str(f->m->name));
    b_err none;
    f->begun = !q.failed && mig_db_scalar(f->db, b_buf_cstr(&q), phase, sizeof phase, &none) == B_OK &&
               strcmp(phase, "planned") != 0;
    b_buf_deinit(&q);
    if (!rw_phase_parse(b_slice_str(phase), &f->phase)) f->phase = RW_PLANNED;
    if (f->begun)
        mig__finding(f, MIG__INFO, f->m->name,
                     mig__say(f, "the migration is in phase %s: that its columns are there is not looked at",
                              phase, NULL),
                     "");
    return B_OK;
}

static b_status run_all(mig__flight *f)
{
    static b_status (*const checks[])(mig__flight *) = {
        mig__check_columns,    mig__check_indexes, mig__check_keys,  mig__check_partitions,
        mig__check_checks,     mig__check_grants,  mig__check_code,  mig__check_replication,
        mig__check_privileges, mig__check_space,   mig__check_tools, mig__check_transactions,
        mig__check_guard,      check_values,
    };
    bool there = false;
    b_status s = mig__check_server(f);
    if (s == B_OK) s = read_begun(f);
    if (s == B_OK) s = mig__check_table(f, &there);
    for (size_t i = 0; s == B_OK && there && i < sizeof checks / sizeof checks[0]; i++) s = checks[i](f);
    if (s == B_OK && f->blockers == 0 && b_table_rows(f->out) == 0)
        mig__finding(f, MIG__INFO, f->m->name, "nothing was found that stands in the way", "");
    if (s == B_OK && b_table_failed(f->out)) s = b_fail(f->err, B_NOMEM, "out of memory for the findings");
    return s;
}

static b_status preflight(mig_db *db, const cfg_migration *m, rw_phase to, b_table *out, size_t *blockers,
                          b_err *err)
{
    static const char *const columns[] = {"severity", "object", "why", "remedy"};
    mig__flight f = {.db = db,
                     .m = m,
                     .out = out,
                     .mariadb = mig__mariadb(db),
                     .err = err,
                     .arena = b_arena_new(0),
                     .to = to,
                     .guard = m->guard,
                     .instant = m->strategy == CFG_STRATEGY_INSTANT_RENAME};
    *blockers = 0;
    if (f.arena == NULL) return b_fail(err, B_NOMEM, "out of memory");
    f.server = mig__server_of(db, err);
    f.schema = mig__q(f.arena, m->schema);
    f.table = mig__q(f.arena, m->table);
    for (size_t i = 0; i < 4; i++) b_table_column(out, columns[i]);
    b_status s = f.schema == NULL || f.table == NULL ? b_fail(err, B_NOMEM, "out of memory") : run_all(&f);
    *blockers = f.blockers;
    b_arena_free(f.arena);
    return s == B_OK ? B_OK : b_err_prefix(err, "the preflight of %s could not look at everything", m->name);
}

b_status mig__preflight(mig_db *db, const cfg_migration *m, b_table *out, size_t *blockers, b_err *err)
{
    return preflight(db, m, RW_EXPANDED, out, blockers, err);
}

/* ---- of a migration that is under way ---- */

b_status mig__preflight_of(mig_db *db, const mig__m *m, rw_phase to, b_table *out, size_t *blockers,
                           b_err *err)
{
    b_buf diag = {0};
    cfg_migration *c = cfg_migration_parse(m->definition, strlen(m->definition), m->name, &diag);
    b_status s = B_OK;
    if (c == NULL) {
        s = b_fail(err, B_STATE, "the stored definition of migration %s cannot be read: %s", m->name,
                   b_buf_cstr(&diag));
    } else {
        c->guard = m->guard; /* SET GUARD may have changed it */
        s = preflight(db, c, to, out, blockers, err);
    }
    cfg_migration_free(c);
    b_buf_deinit(&diag);
    return s;
}

b_status mig__refuse_findings(const char *name, const b_table *found, size_t blockers, b_err *err)
{
    b_buf text = {0};
    for (size_t i = 0; i < b_table_rows(found); i++) {
        b_slice remedy = mig__cell(found, i, "remedy");
        if (!b_slice_ieq(mig__cell(found, i, "severity"), B_LIT("blocker"))) continue;
        b_buf_printf(&text, "%s%.*s: %.*s%s%.*s", text.n == 0 ? "" : "; ",
                     B_ARG(mig__cell(found, i, "object")), B_ARG(mig__cell(found, i, "why")),
                     remedy.n == 0 ? "" : ", ", B_ARG(remedy));
    }
    b_status s = b_fail(err, B_REFUSED, "migration %s is refused, %zu blockers: %s", name, blockers,
                        text.n == 0 ? "see CHECK MIGRATION" : b_buf_cstr(&text));
    b_buf_deinit(&text);
    return s;
}

b_status mig__preflight_again(mig_db *db, const mig__m *m, rw_phase to, b_err *err)
{
    size_t blockers = 0;
    b_table *found = b_table_new();
    if (found == NULL) return b_fail(err, B_NOMEM, "out of memory for the preflight");
    b_status s = mig__preflight_of(db, m, to, found, &blockers, err);
    if (s == B_OK && blockers != 0) s = mig__refuse_findings(m->name, found, blockers, err);
    b_table_free(found);
    return s;
}
