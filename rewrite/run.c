/* The uncached path: lex, plan, apply. */
#include "plan.h"

static void refuse(rw_result *out, const char *message, const char *code)
{
    out->verdict = RW_REFUSED;
    out->sql = (b_slice){"", 0};
    out->error = 1235;
    out->sqlstate = "42000";
    out->message = b_slice_str(message);
    out->code = code;
}

static void *copy_array(b_arena *arena, const void *p, size_t n, size_t size, bool *ok)
{
    if (n == 0) return NULL;
    void *copy = b_arena_array(arena, n, size);
    if (copy == NULL)
        *ok = false;
    else
        memcpy(copy, p, n * size);
    return copy;
}

static b_slice keep(b_arena *arena, b_slice s, bool *ok)
{
    if (s.n == 0) return (b_slice){"", 0};
    b_slice copy = b_arena_dup(arena, s);
    if (copy.p == NULL) *ok = false;
    return copy;
}

/* The plan may be the cache's, which may drop it while the caller still holds the result. */
bool rw__copy_details(const rw_plan *plan, b_arena *arena, rw_result *out)
{
    bool ok = true;
    out->uses = copy_array(arena, plan->uses, plan->nuses, sizeof *plan->uses, &ok);
    out->nuses = plan->nuses;
    rw_effect *effects = copy_array(arena, plan->effects, plan->neffects, sizeof *effects, &ok);
    for (size_t i = 0; ok && i < plan->neffects; i++) {
        effects[i].table.schema = keep(arena, effects[i].table.schema, &ok);
        effects[i].table.name = keep(arena, effects[i].table.name, &ok);
    } /* what names statements is of plans that are not cached: it lies in this arena */
    out->effects = effects;
    out->neffects = plan->neffects;
    rw_shown *shown = copy_array(arena, plan->shown, plan->nshown, sizeof *shown, &ok);
    for (size_t i = 0; ok && i < plan->nshown; i++) {
        shown[i].table.schema = keep(arena, shown[i].table.schema, &ok);
        shown[i].table.name = keep(arena, shown[i].table.name, &ok);
        shown[i].physical = keep(arena, shown[i].physical, &ok);
        shown[i].shown = keep(arena, shown[i].shown, &ok);
        shown[i].aliases = keep(arena, shown[i].aliases, &ok);
    }
    out->shown = shown;
    out->nshown = plan->nshown;
    rw_origin *origins = copy_array(arena, plan->origins, plan->norigins, sizeof *origins, &ok);
    for (size_t i = 0; ok && i < plan->norigins; i++) {
        origins[i].schema = keep(arena, origins[i].schema, &ok);
        origins[i].called = keep(arena, origins[i].called, &ok);
    }
    out->origins = origins;
    out->norigins = plan->norigins;
    out->renewals = plan->renewals;
    out->nrenewals = plan->nrenewals;
    out->executed = plan->executed;
    out->ask = plan->ask;
    out->show_create.schema = keep(arena, plan->show_create.schema, &ok);
    out->show_create.name = keep(arena, plan->show_create.name, &ok);
    out->message = keep(arena, plan->message, &ok);
    out->zone = keep(arena, plan->zone, &ok);
    out->verdict = plan->verdict;
    if (plan->verdict == RW_REFUSED) {
        out->error = plan->error;
        out->sqlstate = plan->sqlstate;
        out->code = plan->code;
    }
    return ok;
}

static b_status finish_params(const rw_tokens *t, b_arena *arena, rw_param_map *map)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n; i++) n += t->tok[i].kind == RW_TOK_PARAM;
    uint32_t *source = b_arena_array(arena, n, sizeof *source);
    if (source == NULL) return B_NOMEM;
    for (uint32_t i = 0; i < n; i++) source[i] = i;
    *map = (rw_param_map){.source = source, .nout = n, .nin = n, .identity = true};
    return B_OK;
}

static b_status apply(const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t, const rw_plan *plan,
                      b_arena *arena, rw_result *out)
{
    rw_server server = rw_catalog_server(rw_ruleset_catalog(r));
    b_status s = rw_edits_apply(ctx, server, t, &plan->edits, arena, &out->sql, &out->params);
    if (s == B_INVALID)
        refuse(
            out,
            "straddle: the text of this statement on a migrating table cannot be edited safely (a version "
            "comment or a column's automatic name is in the way): take the version comment out, or give the "
            "column an alias",
            "edit");
    else if (s == B_TOO_BIG)
        refuse(out, "straddle: this statement on a migrating table would grow over 1 GiB: split it",
               "too_big");
    else
        return s;
    return B_OK;
}

b_status rw__finish(const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t, const rw_plan *plan,
                    b_arena *arena, rw_result *out)
{
    if (!rw__copy_details(plan, arena, out)) return B_NOMEM;
    switch (plan->verdict) {
    case RW_PASS: out->sql = t->sql; return finish_params(t, arena, &out->params);
    case RW_REWRITTEN: return apply(r, ctx, t, plan, arena, out);
    case RW_REFUSED: out->sql = (b_slice){"", 0}; return B_OK;
    }
    return B_INVALID;
}

b_status rw_rewrite(const rw_ruleset *r, const rw_ctx *ctx, b_slice sql, b_arena *arena, rw_result *out)
{
    return rw_rewrite_cached(NULL, r, ctx, sql, arena, out);
}
