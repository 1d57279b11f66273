/* EXPLAIN REWRITE. The rules are those in force, or a copy of them with every migration in the phase asked
 * for; the session is one as clients begin it: utf8mb4, strict mode. Runs on the console's worker threads. */
#include "explain.h"

#include "session.h"

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
    if (r != NULL)
        rw_ruleset_set_regex(r, rw_ruleset_regex(now));
    else
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

/* What one EXPLAIN REWRITE needs for each of its statements. */
typedef struct explaining {
    const rw_ruleset *rules;
    rw_matcher *matcher;
    rw_regex_who who;
    b_arena *arena;
    b_table *out;
} explaining;

static void add_names(const explaining *e, const rw_regex_result *r)
{
    b_buf list = {0};
    for (size_t i = 0; i < r->nhits; i++) {
        const rw_regex_rule *rule = rw_regex_rules_at(rw_ruleset_regex(e->rules), r->hits[i].rule);
        b_buf_printf(&list, "%s%.*s%s", i > 0 ? "," : "", B_ARG(rule->name),
                     r->hits[i].erred ? " (error)" : "");
    }
    b_table_add(e->out, b_buf_view(&list));
    b_buf_deinit(&list);
}

/* The regex rules first, then those of migrations on what came of it. */
static b_status both(const explaining *e, b_slice sql, rw_regex_result *regex, rw_result *r,
                     rw_param_map *map)
{
    const rw_regex_rules *rules = rw_ruleset_regex(e->rules);
    *regex = (rw_regex_result){.res = {.verdict = RW_PASS, .sql = sql}};
    b_status s = rules == NULL ? B_OK : rw_regex_apply(rules, e->matcher, &e->who, sql, e->arena, regex);
    *r = regex->res;
    if (s != B_OK || r->verdict == RW_REFUSED) return s;
    s = rw_rewrite(e->rules, e->who.ctx, regex->res.sql, e->arena, r);
    if (s != B_OK || r->verdict == RW_REFUSED) return s;
    if (regex->res.verdict == RW_REWRITTEN) r->verdict = RW_REWRITTEN;
    uint32_t *source = b_arena_array(e->arena, r->params.nout + 1, sizeof *source);
    if (source == NULL) return B_NOMEM;
    for (uint32_t i = 0; i < r->params.nout; i++) {
        source[i] = r->params.source == NULL ? i : r->params.source[i];
        if (regex->res.params.source != NULL) source[i] = regex->res.params.source[source[i]];
    }
    *map = (rw_param_map){.source = source, .nout = r->params.nout};
    return B_OK;
}

static b_status explain_one(const explaining *e, b_slice sql, b_err *err)
{
    static const char *const verdicts[] = {"pass", "rewritten", "refused"};
    rw_regex_result regex;
    rw_result r;
    rw_param_map map = {.source = NULL};
    if (both(e, sql, &regex, &r, &map) != B_OK)
        return b_fail(err, B_NOMEM, "out of memory for this statement");
    b_table_row(e->out);
    b_table_str(e->out, verdicts[r.verdict]);
    if (r.verdict == RW_REFUSED) {
        b_table_null(e->out);
        b_table_null(e->out);
        b_table_add(e->out, r.message);
    } else {
        b_table_add(e->out, r.sql);
        add_parameters(e->out, &map);
        b_table_str(e->out, "");
    }
    add_names(e, &regex);
    return B_OK;
}

static b_status explain_all(explaining *e, b_slice sql, b_err *err)
{
    static const char *const columns[] = {"verdict", "sql", "parameters", "reason", "rules"};
    b_slice rest = sql, one;
    b_status s = B_OK;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) b_table_column(e->out, columns[i]);
    while (s == B_OK && rw_split(e->who.ctx, e->who.server, &rest, &one)) {
        if (b_slice_trim(one).n == 0) continue;
        s = explain_one(e, b_slice_trim(one), err);
        b_arena_reset(e->arena);
    }
    return s;
}

static b_status check_rule(const rw_ruleset *rules, b_slice name, b_err *err)
{
    const rw_regex_rules *all = rw_ruleset_regex(rules);
    for (size_t i = 0; i < rw_regex_rules_size(all); i++)
        if (b_slice_ieq(rw_regex_rules_at(all, i)->name, name)) return B_OK;
    if (name.n == 0) return B_OK;
    return b_fail(err, B_NOT_FOUND, "there is no regex rule '%.*s'; SHOW REGEX RULES lists them",
                  B_ARG(name));
}

static b_status explain_by(rw_ruleset *rules, const rw_ctx *c, const adm_explain *ask, b_table *out,
                           b_err *err)
{
    explaining e = {.rules = rules, .arena = b_arena_new(0), .matcher = px_matcher_new(), .out = out};
    e.who = (rw_regex_who){.ctx = c,
                           .server = rw_catalog_server(rw_ruleset_catalog(rules)),
                           .user = ask->user,
                           .program = ask->program,
                           .also = ask->rule};
    b_status s = e.arena == NULL || e.matcher == NULL ? b_fail(err, B_NOMEM, "out of memory")
                                                      : check_rule(rules, ask->rule, err);
    if (s == B_OK) s = explain_all(&e, ask->sql, err);
    rw_matcher_free(e.matcher);
    b_arena_free(e.arena);
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
    if (s == B_OK) s = explain_by(rules, &c, ask, out, err);
    rw_ruleset_unref(rules);
    return s;
}
