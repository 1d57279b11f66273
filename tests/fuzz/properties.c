/* See properties.h. */
#include "properties.h"

enum {
    MAX_EDITS = 64, /* each is applied with all those before it, so that work grows by the square */
    BYTES_FIXED = 256 * 1024,
    BYTES_EACH = 4096 /* a byte may name a column that is written out with its table, or be a `*` */
};

static int place_rank(const rw_edit *e)
{
    if (e->ndel > 0) return 2;
    return e->before ? 1 : 0;
}

static bool later(const rw_edit *a, const rw_edit *b)
{
    return a->at != b->at ? a->at > b->at : place_rank(a) > place_rank(b);
}

/* A copy of the list, in order of place; edits at one place keep their order. */
static rw_edit *sorted(const rw_edits *e, b_arena *arena)
{
    rw_edit *v = b_arena_array(arena, e->n, sizeof *v);
    uint32_t n = 0;
    require(v != NULL);
    for (const rw_edit *i = e->first; i != NULL; i = i->next) {
        uint32_t at = n++;
        for (; at > 0 && later(&v[at - 1], i); at--) v[at] = v[at - 1];
        v[at] = *i;
    }
    require(n == e->n);
    return v;
}

static void check_places(const rw_tokens *t, const rw_edit *v, uint32_t n)
{
    uint64_t free_from = 0;
    for (uint32_t i = 0; i < n; i++) {
        require(v[i].at >= free_from && (uint64_t)v[i].at + v[i].ndel <= t->n);
        free_from = (uint64_t)v[i].at + v[i].ndel;
        for (const rw_piece *p = v[i].pieces; p != NULL; p = p->next)
            require(p->kind == RW_P_TEXT || (p->tok < p->end && p->end <= t->n));
    }
}

/* How long the statement is with the first n edits: what each adds tells where the rest has moved to. */
static size_t length_with(const rw_ctx *ctx, rw_server server, const rw_tokens *t, rw_edit *v, uint32_t n,
                          b_arena *arena)
{
    rw_edits e = {.arena = arena, .first = n == 0 ? NULL : v, .n = n};
    rw_param_map map;
    b_slice out;
    for (uint32_t i = 0; i < n; i++) v[i].next = i + 1 < n ? &v[i + 1] : NULL;
    require(rw_edits_apply(ctx, server, t, &e, arena, &out, &map) == B_OK);
    return out.n;
}

/* Tokens [from, to) of the input, moved by `by` bytes, are tokens of the output. */
static void check_kept(const rw_tokens *in, uint32_t from, uint32_t to, ptrdiff_t by, const rw_tokens *out,
                       uint32_t *at)
{
    for (uint32_t i = from; i < to; i++) {
        const rw_token *a = &in->tok[i];
        ptrdiff_t off = (ptrdiff_t)a->off + by;
        while (*at < out->n && (ptrdiff_t)out->tok[*at].off < off) ++*at;
        const rw_token *b = &out->tok[*at];
        require(*at < out->n && (ptrdiff_t)b->off == off && b->len == a->len && b->kind == a->kind);
        require(memcmp(in->sql.p + a->off, out->sql.p + b->off, a->len) == 0);
    }
}

static void check_tokens_kept(const rw_ctx *ctx, rw_server server, const rw_tokens *in, rw_edit *v,
                              uint32_t n, b_slice sql, b_arena *arena)
{
    rw_tokens out;
    uint32_t from = 0, at = 0;
    ptrdiff_t by = 0;
    size_t before = in->sql.n;
    require(rw_lex(ctx, server, sql, arena, &out) == B_OK);
    for (uint32_t i = 0; i < n; i++) {
        check_kept(in, from, v[i].at, by, &out, &at);
        size_t now = length_with(ctx, server, in, v, i + 1, arena);
        by += (ptrdiff_t)now - (ptrdiff_t)before;
        before = now;
        from = v[i].at + v[i].ndel;
    }
    check_kept(in, from, in->n, by, &out, &at);
    require(before == sql.n);
}

void check_edits(const rw_ruleset *r, const rw_ctx *ctx, b_slice sql, const rw_result *plain, b_arena *arena)
{
    rw_server server = rw_catalog_server(rw_ruleset_catalog(r));
    rw_tokens in;
    rw_plan plan;
    rw_result res = {0};
    require(rw_lex(ctx, server, sql, arena, &in) == B_OK);
    require(rw__plan(r, ctx, &in, arena, &plan) == B_OK);
    require(rw__finish(r, ctx, &in, &plan, arena, &res) == B_OK);
    require(res.verdict == plain->verdict && b_slice_eq(res.sql, plain->sql));
    if (res.verdict != RW_REWRITTEN) return; /* refused: an edit where none can be made */
    rw_edit *v = sorted(&plan.edits, arena);
    check_places(&in, v, plan.edits.n);
    if (plan.edits.n <= MAX_EDITS) check_tokens_kept(ctx, server, &in, v, plan.edits.n, res.sql, arena);
}

void check_memory(b_slice sql, const b_arena *arena)
{
    require(b_arena_used(arena) <= BYTES_FIXED + BYTES_EACH * sql.n);
}
