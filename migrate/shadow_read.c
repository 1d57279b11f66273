/* One shadow read: the statement is planned for either column, and both texts are run in one snapshot in
 * which the migration's state is read, too: both columns are complete there, and the rules are those of that
 * moment. So a difference is one of the data, or of the rules, and never of the time.
 *
 * Bounded in time, rows and bytes. The session has the client's sql_mode, character set, collation, time zone
 * and default schema meanwhile; the rows themselves are only hashed. */
#include "shadow.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 10000, MOST_MS = 1000, READ_TIMEOUT_MS = 5000, STATEMENT = 500 };
static const uint64_t MOST_BYTES = 4 << 20;

#define ER_LOCK_WAIT_TIMEOUT 1205
#define ER_TABLE_DEF_CHANGED 1412
#define ER_STATEMENT_TIMEOUT 1969 /* MariaDB */
#define ER_QUERY_TIMEOUT 3024

/* ---- what came of it ---- */

static b_status outcome(mig__compared *out, mig__outcome what, const char *detail)
{
    out->outcome = what;
    snprintf(out->detail, sizeof out->detail, "%.*s", (int)sizeof out->detail - 1, detail);
    return B_OK;
}

static b_status skip(mig__compared *out, const char *why)
{
    return outcome(out, MIG__SHADOW_SKIPPED, why);
}

/* What an error of the server's means for the sample; a lost connection is passed on. */
static b_status failed(mig__compared *out, const char *where, b_status s, const b_err *err)
{
    char detail[MIG__SHADOW_DETAIL];
    if (s != B_DATABASE) return s;
    switch (err->db_errno) {
    case ER_STATEMENT_TIMEOUT:
    case ER_QUERY_TIMEOUT: return skip(out, "it takes longer than 1000 ms");
    case ER_LOCK_WAIT_TIMEOUT: return skip(out, "a table is locked");
    case ER_TABLE_DEF_CHANGED: return skip(out, "a table was just altered");
    default: break;
    }
    snprintf(detail, sizeof detail, "error %u %s", err->db_errno, where);
    return outcome(out, MIG__SHADOW_FAILED, detail);
}

/* ---- rows ---- */

typedef struct result {
    uint64_t rows, bytes;
    uint64_t any[2], order[2]; /* of the rows in whatever order; in this one */
    bool over;                 /* too many of them */
} result;

static bool add_row(void *arg, const char *const *cells, const unsigned long *lengths, unsigned n)
{
    result *r = arg;
    uint64_t h[2] = {1, 0x9e3779b97f4a7c15ULL};
    for (unsigned i = 0; i < n; i++) {
        for (int k = 0; k < 2; k++)
            h[k] = cells[i] == NULL ? b_hash_mix(h[k], UINT64_MAX)
                                    : b_hash_mix(b_hash(cells[i], lengths[i], h[k]), lengths[i]);
        r->bytes += cells[i] == NULL ? 0 : lengths[i];
    }
    for (int k = 0; k < 2; k++) r->any[k] += h[k], r->order[k] = b_hash_mix(r->order[k], h[k]);
    r->over = ++r->rows > MOST_ROWS || r->bytes > MOST_BYTES;
    return !r->over;
}

static bool same(const result *a, const result *b, bool ordered)
{
    const uint64_t *x = ordered ? a->order : a->any, *y = ordered ? b->order : b->any;
    return a->rows == b->rows && x[0] == y[0] && x[1] == y[1];
}

/* ---- the plan ---- */

typedef struct plan {
    const mig_sample *s;
    rw_ctx ctx;
    size_t at; /* the migration, in the rules */
    const rw_migration *m;
    rw_repeat repeat;
    rw_result form[2]; /* through the column that reads go to, and through the other */
} plan;

static void take_rules(mig__reader *r)
{
    rw_ruleset *now = mig_engine_ruleset(r->e);
    if (now == r->rules) {
        rw_ruleset_unref(now);
        return;
    }
    rw_ruleset_unref(r->rules), rw_ruleset_unref(r->other);
    r->rules = now, r->other = NULL, r->nknown = 0;
}

static b_status make_other(mig__reader *r, size_t at, b_err *err)
{
    if (r->other != NULL && r->other_at == at) return B_OK;
    rw_ruleset_unref(r->other);
    r->other = rw_ruleset_other(r->rules, at, err), r->other_at = at;
    return r->other != NULL ? B_OK : err->code;
}

static bool find(const rw_ruleset *rules, plan *p)
{
    for (p->at = 0; rules != NULL && p->at < rw_ruleset_size(rules); p->at++) {
        p->m = rw_ruleset_at(rules, p->at);
        if (b_slice_eq(p->m->name, b_slice_str(p->s->migration))) return true;
    }
    return false;
}

static bool changes(const rw_migration *m)
{
    for (size_t i = 0; i < m->npairs; i++)
        if (m->pairs[i].forms != NULL) return true;
    return false;
}

static rw_given given_one(const mig_param *p)
{
    enum { MOST_DIGITS = 15 };
    b_slice v = p->value;
    if (p->null) return RW_GIVEN_NULL;
    if (mig_param_integer(p)) return RW_GIVEN_INTEGER;
    if (!mig_param_string(p) || v.n == 0 || v.n > MOST_DIGITS) return RW_GIVEN_OTHER;
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] < '0' || v.p[i] > '9') return RW_GIVEN_OTHER;
    return RW_GIVEN_DIGITS;
}

static const rw_given *given_by(const mig_read *read, b_arena *arena)
{
    rw_given *given = b_arena_array(arena, read->nparams + 1, sizeof *given);
    for (size_t i = 0; i < read->nparams && given != NULL; i++) given[i] = given_one(&read->params[i]);
    return given;
}

/* *out is SKIPPED unless there are two statements to be run. */
static b_status make_plan(mig__reader *r, plan *p, b_arena *arena, mig__compared *out, b_err *err)
{
    const mig_read *read = &p->s->read;
    p->ctx = (rw_ctx){.sql_mode = rw_sql_mode_parse(read->mode),
                      .charset = rw_charset_parse(read->client),
                      .spelling = rw_charset_number(read->client),
                      .schema = read->schema,
                      .time_zone = read->zone,
                      .version = read->version,
                      .prepared = read->prepared};
    take_rules(r);
    if (!find(r->rules, p)) return skip(out, "the migration is gone");
    if (read->unfit != NULL) return skip(out, read->unfit);
    if (read->temps) return skip(out, "the session has temporary tables");
    const rw_given *given = given_by(read, arena);
    if (given == NULL ||
        rw_repeatable(r->rules, &p->ctx, read->sql, given, read->nparams, arena, &p->repeat) != B_OK)
        return b_fail(err, B_NOMEM, "out of memory");
    if (p->repeat.skipped != NULL) return skip(out, p->repeat.skipped);
    b_status s = make_other(r, p->at, err);
    if (s == B_STATE) return skip(out, "the phase has changed");
    if (s == B_OK) s = rw_rewrite(r->rules, &p->ctx, read->sql, arena, &p->form[0]);
    if (s == B_OK) s = rw_rewrite(r->other, &p->ctx, read->sql, arena, &p->form[1]);
    if (s != B_OK) return s;
    if (p->form[0].verdict == RW_REFUSED || p->form[1].verdict == RW_REFUSED)
        return skip(out, "it is refused, through one of the columns");
    if (b_slice_eq(p->form[0].sql, p->form[1].sql)) return skip(out, "it reads no column of the migration");
    out->outcome = MIG__SHADOW_EQUAL;
    out->phase = p->m->phase, out->changes = changes(p->m);
    return B_OK;
}

/* ---- transactional tables ---- */

static b_status transactional(mig__reader *r, const rw_table_name *t, bool *yes, b_err *err)
{
    uint64_t h = b_hash(t->name.p, t->name.n, b_hash(t->schema.p, t->schema.n, 1));
    b_buf q = {0};
    b_table *rows = NULL;
    *yes = true;
    for (size_t i = 0; i < r->nknown; i++)
        if (r->known[i] == h) return B_OK;
    b_buf_str(&q, "SELECT 1 FROM information_schema.TABLES WHERE ENGINE = 'InnoDB' AND TABLE_SCHEMA = ");
    b_buf_quote(&q, t->schema);
    b_buf_str(&q, " AND TABLE_NAME = ");
    b_buf_quote(&q, t->name);
    b_status s = mig__ask(r->db, &rows, err, &q);
    *yes = b_table_rows(rows) > 0;
    if (s == B_OK && *yes && r->nknown < sizeof r->known / sizeof r->known[0]) r->known[r->nknown++] = h;
    b_table_free(rows);
    b_buf_deinit(&q);
    return s;
}

static b_status all_transactional(mig__reader *r, const rw_repeat *repeat, mig__compared *out, b_err *err)
{
    bool yes = true;
    b_status s = B_OK;
    for (size_t i = 0; i < repeat->ntables && yes && s == B_OK; i++)
        s = transactional(r, &repeat->tables[i], &yes, err);
    return s == B_OK && !yes ? skip(out, "a table that is not InnoDB's has no snapshot") : s;
}

/* ---- the session ---- */

static void set(b_buf *q, const char *name, b_slice value)
{
    if (value.n == 0) return;
    b_buf_printf(q, ", %s = ", name);
    b_buf_quote(q, value);
}

/* As the client's, and bounded. All that is written here is understood as the session was before. */
static b_status become(mig__reader *r, const mig_read *read, b_err *err)
{
    b_buf q = {0};
    b_status s = B_OK;
    if (read->schema.n > 0) {
        b_buf_str(&q, "USE ");
        b_buf_ident(&q, read->schema);
        s = mig__run(r->db, err, &q);
        b_buf_clear(&q);
    }
    b_buf_printf(&q, "SET SESSION timestamp = UNIX_TIMESTAMP(), sql_select_limit = %d", MOST_ROWS + 1);
    set(&q, "time_zone", read->zone);
    set(&q, "character_set_client", read->client);
    set(&q, "character_set_connection", read->client);
    set(&q, "collation_connection", read->collation);
    b_buf_str(&q, ", sql_mode = ");
    b_buf_quote(&q, read->mode);
    if (s == B_OK) s = mig__run(r->db, err, &q);
    b_buf_deinit(&q);
    return s;
}

static b_status come_back(mig__reader *r, b_err *err)
{
    return mig_db_query(r->db,
                        "SET SESSION sql_mode = '', character_set_client = 'utf8mb4', collation_connection = "
                        "'utf8mb4_general_ci', time_zone = 'SYSTEM', timestamp = DEFAULT, sql_select_limit = "
                        "DEFAULT",
                        NULL, err);
}

/* Is the migration, in this snapshot, one whose columns are both complete, and are the rules those of it? */
static b_status state(mig__reader *r, const plan *p, mig__compared *out, b_err *err)
{
    b_table *t = NULL;
    b_status s = mig__query(r->db, &t, err,
                            "SELECT m.generation, (SELECT epoch FROM straddle.state WHERE id = 1) AS epoch, "
                            "IS_FREE_LOCK('" MIG__LOCK
                            "') AS free FROM straddle.migrations m JOIN straddle.backfill b ON "
                            "b.migration = m.name WHERE m.name = '%s' AND " MIG__BOTH_KEPT,
                            p->s->migration);
    if (s != B_OK) return s;
    if (b_table_rows(t) == 0 || mig__cell_u64(t, 0, "epoch") != rw_ruleset_epoch(r->rules))
        (void)skip(out, "the phase or the rules have changed");
    else if (mig__cell_u64(t, 0, "free") != 1)
        (void)skip(out, "a command about a migration is running");
    else
        out->generation = mig__cell_u64(t, 0, "generation");
    b_table_free(t);
    return B_OK;
}

/* In the way that the client ran it. */
static b_status execute(mig__reader *r, const mig_read *read, const rw_result *form, b_arena *arena,
                        result *into, b_err *err)
{
    const rw_param_map *map = &form->params;
    if (!read->prepared) return mig_db_each(r->db, form->sql, add_row, into, err);
    if (form->verdict == RW_PASS || map->identity)
        return mig_db_each_prepared(r->db, form->sql, read->params, read->nparams, add_row, into, err);
    mig_param *params = b_arena_array(arena, (size_t)map->nout + 1, sizeof *params);
    if (params == NULL) return b_fail(err, B_NOMEM, "out of memory");
    if (map->nin != read->nparams) return b_fail(err, B_INVALID, "another number of placeholders");
    for (uint32_t i = 0; i < map->nout; i++) params[i] = read->params[map->source[i]];
    return mig_db_each_prepared(r->db, form->sql, params, map->nout, add_row, into, err);
}

static b_status run(mig__reader *r, const plan *p, const rw_result *form, const char *where, b_arena *arena,
                    result *into, mig__compared *out, b_err *err)
{
    b_status s = execute(r, &p->s->read, form, arena, into, err);
    if (s == B_INVALID) return skip(out, err->msg);
    if (s == B_TOO_BIG) {
        mig_db_close(r->db); /* what is left of the rows is not read */
        r->db = NULL;
        return skip(out, "it has more than 10,000 rows, or 4 MiB");
    }
    return s == B_OK ? B_OK : failed(out, where, s, err);
}

/* The text of a statement without its literals, for people; its names may be in any character set. */
static void describe(const mig__reader *r, const plan *p, b_arena *arena, mig__compared *out)
{
    b_slice text = rw_digest_text(&p->ctx, rw_catalog_server(rw_ruleset_catalog(r->rules)), p->s->read.sql,
                                  arena, STATEMENT);
    size_t n = text.n < sizeof out->statement ? text.n : sizeof out->statement - 1;
    memcpy(out->statement, text.p, n);
    out->statement[n] = '\0';
    for (size_t i = 0; i < n && p->ctx.charset != RW_CHARSET_SAFE; i++)
        if ((unsigned char)out->statement[i] >= 0x80) out->statement[i] = '?';
    snprintf(out->detail, sizeof out->detail, "%016llx", (unsigned long long)p->form[0].digest);
}

static b_status compare(mig__reader *r, const plan *p, b_arena *arena, mig__compared *out, b_err *err)
{
    static const char *const through[] = {"through the column that reads go to", "through the other column"};
    result of[2] = {{0}};
    b_status s = B_OK;
    for (int i = 0; i < 2 && s == B_OK && out->outcome == MIG__SHADOW_EQUAL; i++)
        s = run(r, p, &p->form[i], through[i], arena, &of[i], out, err);
    if (s != B_OK || out->outcome != MIG__SHADOW_EQUAL) return s;
    out->rows = of[0].rows, out->other_rows = of[1].rows;
    if (same(&of[0], &of[1], p->repeat.ordered)) return B_OK;
    out->outcome = MIG__SHADOW_DIFFERING;
    describe(r, p, arena, out);
    return B_OK;
}

static b_status in_snapshot(mig__reader *r, const plan *p, b_arena *arena, mig__compared *out, b_err *err)
{
    b_status s = mig_db_query(r->db, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", NULL, err);
    if (s == B_OK) s = state(r, p, out, err);
    if (s == B_OK && out->outcome == MIG__SHADOW_EQUAL) {
        s = become(r, &p->s->read, err);
        if (s != B_OK) s = failed(out, "as the session was set", s, err);
        if (s == B_OK && out->outcome == MIG__SHADOW_EQUAL) s = compare(r, p, arena, out, err);
        if (s == B_OK && r->db != NULL) s = come_back(r, err);
    }
    if (s == B_OK && r->db != NULL) s = mig_db_query(r->db, "ROLLBACK", NULL, err);
    return s;
}

b_status mig__shadow_read(mig__reader *r, const mig_sample *sample, mig__compared *out, b_err *err)
{
    plan p = {.s = sample};
    b_arena *arena = b_arena_new(0);
    *out = (mig__compared){.outcome = MIG__SHADOW_SKIPPED};
    if (arena == NULL) return b_fail(err, B_NOMEM, "out of memory");
    b_status s = make_plan(r, &p, arena, out, err);
    if (s == B_OK && out->outcome == MIG__SHADOW_EQUAL) s = all_transactional(r, &p.repeat, out, err);
    if (s == B_OK && out->outcome == MIG__SHADOW_EQUAL) s = in_snapshot(r, &p, arena, out, err);
    b_arena_free(arena);
    if (s == B_OK && r->db == NULL) s = mig__reader_connect(r, err);
    return s;
}

/* ---- the connection ---- */

b_status mig__reader_connect(mig__reader *r, b_err *err)
{
    b_status s = mig__connect(r->e, READ_TIMEOUT_MS, &r->db, err);
    if (s == B_OK)
        s = mig_db_query(r->db, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", NULL, err);
    if (s == B_OK)
        s = mig__mariadb(r->db)
                ? mig__query(r->db, NULL, err,
                             "SET SESSION lock_wait_timeout = 1, max_statement_time = %d.%03d",
                             MOST_MS / 1000, MOST_MS % 1000)
                : mig__query(r->db, NULL, err, "SET SESSION lock_wait_timeout = 1, max_execution_time = %d",
                             MOST_MS);
    return s;
}

void mig__reader_deinit(mig__reader *r)
{
    mig_db_close(r->db);
    rw_ruleset_unref(r->rules);
    rw_ruleset_unref(r->other);
}
