/* The plan cache: from a statement without its literals to the plan that was made for it.
 *
 * Two ways lead to a plan. The quick one (quick.c) goes by the bytes of a short statement; the other cuts
 * tokens, and serves all that can be cached. A statement that goes the second way successfully is kept for
 * the first, where it can be; where that did not help, it is tried ever more rarely. */
#include "base/hash.h"
#include "quick.h"

#include <stdlib.h>

enum { MAX_TOKENS = 4096, MAX_WAIT = 1 << 20 }; /* longer statements are not kept */

struct rw_cache {
    rw_plans plans;
    rw_quick quick;
    rw_cache_stats stats;
    char key[RW_KEY_MAX]; /* the key of the statement at hand */
};

rw_cache *rw_cache_new(size_t max_entries)
{
    rw_cache *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    bool ok = rw__plans_init(&c->plans, max_entries);
    ok = rw__plans_init(&c->quick.plans, max_entries) && ok;
    if (ok) return c;
    rw_cache_free(c);
    return NULL;
}

void rw_cache_free(rw_cache *c)
{
    if (c == NULL) return;
    rw__plans_deinit(&c->plans);
    rw__plans_deinit(&c->quick.plans);
    free(c);
}

rw_cache_stats rw_cache_get_stats(const rw_cache *c)
{
    rw_cache_stats s = c->stats;
    s.entries = c->plans.n;
    s.evictions = c->plans.evictions;
    s.bytes = c->plans.bytes + c->quick.plans.bytes;
    return s;
}

/* False: not to be cached. */
static bool make_key(rw_cache *c, const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t, b_slice *key)
{
    if (t->n == 0 || t->n > MAX_TOKENS || t->hints || t->tok[t->n - 1].kind == RW_TOK_BAD) return false;
    rw_key k = {.p = c->key, .room = sizeof c->key};
    rw__key_context(&k, r, ctx);
    rw__key_tokens(&k, t);
    *key = (b_slice){k.p, k.n};
    return !k.full;
}

/* ---- the path of a statement ---- */

typedef struct asked {
    rw_cache *cache; /* NULL: none */
    const rw_ruleset *rules;
    const rw_ctx *ctx;
    b_arena *arena;
    rw_result *out;
} asked;

/* Rows were passed over: is the plan not one that holds for them as well? */
static bool needs_rows(const rw_tokens *t, const rw_plan *plan)
{
    if (t->rows_to == 0) return false;
    if (!plan->cacheable) return true;
    for (const rw_edit *e = plan->edits.first; e != NULL; e = e->next) {
        if (e->at + e->ndel > t->rows_from && e->at <= t->rows_to + 1) return true;
        for (const rw_piece *p = e->pieces; p != NULL; p = p->next)
            if (p->kind != RW_P_TEXT && p->end > t->rows_from && p->tok <= t->rows_to) return true;
    }
    return false;
}

static b_status plan_and_keep(const asked *a, bool keyed, b_slice key, uint64_t hash, const rw_tokens *t,
                              bool *whole)
{
    rw_plan plan = {0};
    rw_cache *c = a->cache;
    b_status s = rw__plan(a->rules, a->ctx, t, a->arena, &plan);
    if (s != B_OK) return s;
    if (plan.verdict == RW_REWRITTEN && plan.edits.failed) return B_NOMEM;
    *whole = needs_rows(t, &plan);
    if (*whole) return B_OK;
    a->out->digest = rw__digest(t);
    if (c != NULL) {
        c->stats.misses++;
        if (!keyed || !plan.cacheable) {
            c->stats.uncacheable++;
        } else if (rw__plans_add(&c->plans, hash, key, &plan, NULL, a->out->digest) != NULL) {
            rw__quick_add(&c->quick, a->rules, a->ctx, t, &plan, a->out->digest, a->arena);
        }
    }
    return rw__finish(a->rules, a->ctx, t, &plan, a->arena, a->out);
}

/* The plan was there, yet the quick way did not lead to it. */
static void keep_for_quick(const asked *a, rw_entry *e, const rw_tokens *t)
{
    if (e->waited++ < e->wait) return;
    e->waited = 0;
    e->wait = e->wait < MAX_WAIT ? e->wait * 2 + 1 : MAX_WAIT;
    rw__quick_add(&a->cache->quick, a->rules, a->ctx, t, &e->plan, e->digest, a->arena);
}

/* *whole: the tokens lack rows that are needed, and nothing was done. */
static b_status by_tokens(const asked *a, const rw_tokens *t, bool *whole)
{
    b_slice key = {"", 0};
    rw_cache *c = a->cache;
    bool keyed = c != NULL && make_key(c, a->rules, a->ctx, t, &key);
    uint64_t hash = keyed ? b_hash(key.p, key.n, 0) : 0;
    rw_entry *e = keyed ? rw__plans_find(&c->plans, hash, key) : NULL;
    if (e == NULL) return plan_and_keep(a, keyed, key, hash, t, whole);
    *whole = needs_rows(t, &e->plan);
    if (*whole) return B_OK;
    c->stats.hits++;
    e->used = true;
    a->out->cached = true;
    a->out->digest = e->digest;
    keep_for_quick(a, e, t);
    return rw__finish(a->rules, a->ctx, t, &e->plan, a->arena, a->out);
}

static void refuse_size(rw_result *out)
{
    out->verdict = RW_REFUSED;
    out->error = 1235;
    out->sqlstate = "42000";
    out->message = B_LIT("straddle: a statement over 1 GiB may touch a migrating table: split it");
    out->code = "too_big";
}

b_status rw_rewrite_cached(rw_cache *c, const rw_ruleset *r, const rw_ctx *ctx, b_slice sql, b_arena *arena,
                           rw_result *out)
{
    *out = (rw_result){.sql = {"", 0}, .message = {"", 0}};
    rw_entry *e = c == NULL ? NULL : rw__quick_find(&c->quick, r, ctx, sql);
    if (e != NULL) {
        c->stats.hits++;
        return rw__quick_apply(&c->quick, e, sql, arena, out);
    }
    rw_server server = rw_catalog_server(rw_ruleset_catalog(r));
    asked a = {c, r, ctx, arena, out};
    rw_tokens t;
    bool whole = false;
    b_status s = rw__lex_rows(ctx, server, sql, arena, &t);
    if (s == B_OK) s = by_tokens(&a, &t, &whole);
    if (s == B_OK && whole) s = rw_lex(ctx, server, sql, arena, &t);
    if (s == B_OK && whole) s = by_tokens(&a, &t, &whole);
    if (s != B_TOO_BIG) return s;
    refuse_size(out);
    return B_OK;
}
