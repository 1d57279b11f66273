/* See quick.h. */
#include "quick.h"

#include "base/hash.h"

rw_entry *rw__quick_find(rw_quick *q, const rw_ruleset *r, const rw_ctx *ctx, b_slice sql)
{
    rw_key k = {.p = q->key, .room = sizeof q->key};
    q->nkey = 0;
    if (!rw__skeleton(ctx, sql, &q->skeleton)) return NULL;
    rw__key_context(&k, r, ctx);
    rw__key_put(&k, q->skeleton.text, q->skeleton.n);
    if (k.full) return NULL;
    q->nkey = k.n;
    q->hash = b_hash(k.p, k.n, 0);
    rw_entry *e = rw__plans_find(&q->plans, q->hash, (b_slice){k.p, k.n});
    if (e != NULL) e->used = true;
    return e;
}

b_status rw__quick_apply(const rw_quick *q, const rw_entry *e, b_slice sql, b_arena *arena, rw_result *out)
{
    out->digest = e->digest;
    out->cached = true;
    if (!rw__copy_details(&e->plan, arena, out)) return B_NOMEM;
    if (e->plan.verdict == RW_REFUSED) return B_OK;
    return rw__script_apply(&e->script, sql, &q->skeleton, arena, &out->sql, &out->params);
}

/* Are the values of the skeleton the tokens that a plan does not hang on, one by one? */
static bool same_values(const rw_skeleton *s, const rw_tokens *t)
{
    uint32_t n = 0;
    rw_values seen = {.list = false};
    for (uint32_t i = 0; i < t->n; i++) {
        const rw_token *c = &t->tok[i];
        if (!rw__is_value(&seen, t, i)) continue;
        if (n == s->nvalues || c->kind == RW_TOK_HEX) return false;
        if (s->values[n].off != c->off || s->values[n].len != c->len) return false;
        n++;
    }
    return n == s->nvalues;
}

static uint32_t count_params(const rw_tokens *t)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n; i++) n += t->tok[i].kind == RW_TOK_PARAM;
    return n;
}

/* A statement that passes: its placeholders are as they were. */
static bool make_pass(const rw_tokens *t, b_arena *arena, rw_script *out)
{
    uint32_t n = count_params(t);
    uint32_t *source = b_arena_array(arena, (size_t)n + 1, sizeof *source);
    if (source == NULL) return false;
    for (uint32_t i = 0; i < n; i++) source[i] = i;
    *out = (rw_script){.source = source, .nout = n, .nin = n, .identity = true};
    return true;
}

void rw__quick_add(rw_quick *q, const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t,
                   const rw_plan *plan, uint64_t digest, b_arena *arena)
{
    rw_server server = rw_catalog_server(rw_ruleset_catalog(r));
    rw_script script = {.npieces = 0};
    rw_plan kept = *plan;
    bool ok =
        q->nkey > 0 && t->rows_to == 0 && !t->version_comment && !t->hints && same_values(&q->skeleton, t);
    if (!ok) return;
    switch (plan->verdict) {
    case RW_PASS: ok = make_pass(t, arena, &script); break;
    case RW_REWRITTEN:
        ok = rw__script_make(ctx, server, t, &plan->edits, &q->skeleton, arena, &script) == B_OK;
        break;
    case RW_REFUSED: break;
    }
    kept.edits = (rw_edits){.n = 0};
    if (ok) (void)rw__plans_add(&q->plans, q->hash, (b_slice){q->key, q->nkey}, &kept, &script, digest);
}
