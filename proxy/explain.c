/* EXPLAIN REWRITE. The rules are those in force, or a copy of them with every migration in the phase asked
 * for; the session is one as clients begin it: utf8mb4, strict mode. Runs on the console's worker threads. */
#include "explain.h"

#include "rewrite/rewrite.h"

#include <stdio.h>

enum { MAX_MIGRATIONS = 256 };

/* The rules with all migrations in one phase; NULL with *err when the tables are not as that phase needs. */
static rw_ruleset *in_phase(rw_ruleset *now, rw_phase phase, b_err *err)
{
    rw_migration all[MAX_MIGRATIONS];
    size_t n = rw_ruleset_size(now);
    if (n > MAX_MIGRATIONS) {
        b_fail(err, B_TOO_BIG, "there are more than %d migrations; leave PHASE out", MAX_MIGRATIONS);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        all[i] = *rw_ruleset_at(now, i);
        all[i].phase = phase;
    }
    rw_ruleset *r = rw_ruleset_new(rw_ruleset_epoch(now), rw_ruleset_catalog(now), all, n, err);
    if (r == NULL)
        b_err_prefix(err, "phase %s cannot be assumed with the columns that are there now",
                     rw_phase_name(phase));
    return r;
}

static b_status pick_rules(px_app *app, const adm_explain *ask, rw_ruleset **out, b_err *err)
{
    rw_phase phase;
    *out = px_app_rules(app);
    if (*out == NULL) return b_fail(err, B_STATE, "no rules are in force yet; try again in a moment");
    if (ask->phase.n == 0) return B_OK;
    rw_ruleset *now = *out;
    *out = NULL;
    if (!rw_phase_parse(ask->phase, &phase))
        b_fail(err, B_INVALID,
               "there is no phase %.*s; planned, expanded, dual_write, switched, retired, contracted and "
               "finished are the phases",
               B_ARG(ask->phase));
    else
        *out = in_phase(now, phase, err);
    rw_ruleset_unref(now);
    return *out == NULL ? err->code : B_OK;
}

/* As a client's own: VERSION, then the user's, then the first listener's. */
static b_status pick_version(px_app *app, const adm_explain *ask, rw_version *out, b_err *err)
{
    if (ask->version.n > 0)
        return rw_version_parse(ask->version, out)
                   ? B_OK
                   : b_fail(err, B_INVALID, "there is no schema version %.*s; old, new and both are",
                            B_ARG(ask->version));
    px_config *config = px_app_config(app);
    *out = (rw_version)config->c->listeners[0].schema_version;
    for (size_t i = 0; i < config->c->nusers; i++)
        if (b_slice_eq(b_slice_str(config->c->users[i].name), ask->user))
            *out = (rw_version)config->c->users[i].schema_version;
    px_config_unref(config);
    return B_OK;
}

static void add_parameters(b_table *out, const rw_param_map *map)
{
    b_buf list = {0};
    for (uint32_t i = 0; i < map->nout; i++)
        b_buf_printf(&list, "%s%u", i > 0 ? "," : "", (map->source == NULL ? i : map->source[i]) + 1);
    b_table_add(out, b_buf_view(&list));
    b_buf_deinit(&list);
}

static b_status explain_one(const rw_ruleset *rules, const rw_ctx *ctx, b_slice sql, b_arena *arena,
                            b_table *out, b_err *err)
{
    static const char *const verdicts[] = {"pass", "rewritten", "refused"};
    rw_result r;
    if (rw_rewrite(rules, ctx, sql, arena, &r) != B_OK)
        return b_fail(err, B_NOMEM, "out of memory for this statement");
    b_table_row(out);
    b_table_str(out, verdicts[r.verdict]);
    if (r.verdict == RW_REFUSED) {
        b_table_null(out);
        b_table_null(out);
        b_table_add(out, r.message);
        return B_OK;
    }
    b_table_add(out, r.sql);
    add_parameters(out, &r.params);
    return B_OK;
}

static b_status explain_all(const rw_ruleset *rules, const rw_ctx *ctx, b_slice sql, b_table *out, b_err *err)
{
    static const char *const columns[] = {"verdict", "sql", "parameters", "reason"};
    b_arena *arena = b_arena_new(0);
    b_slice rest = sql, one;
    b_status s = arena == NULL ? b_fail(err, B_NOMEM, "out of memory") : B_OK;
    for (size_t i = 0; i < 4; i++) b_table_column(out, columns[i]);
    rw_server server = rw_catalog_server(rw_ruleset_catalog(rules));
    while (s == B_OK && rw_split(ctx, server, &rest, &one)) {
        if (b_slice_trim(one).n == 0) continue;
        s = explain_one(rules, ctx, b_slice_trim(one), arena, out, err);
        b_arena_reset(arena);
    }
    b_arena_free(arena);
    return s;
}

b_status px_explain(void *ctx, const adm_explain *ask, b_table *out, b_err *err)
{
    px_app *app = ctx;
    rw_ruleset *rules = NULL;
    rw_ctx c = {.sql_mode = RW_MODE_STRICT,
                .time_zone = B_LIT("SYSTEM"),
                .charset = rw_charset_parse(B_LIT("utf8mb4")),
                .schema = ask->schema,
                .prepared = true};
    b_status s = pick_version(app, ask, &c.version, err);
    if (s == B_OK) s = pick_rules(app, ask, &rules, err);
    if (s == B_OK) s = explain_all(rules, &c, ask->sql, out, err);
    rw_ruleset_unref(rules);
    return s;
}
