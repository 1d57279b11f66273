/* See inner.h.
 *
 * Where the text needs a parameter at another place, or twice, or not at all, USING's list is written anew;
 * only user variables and literals may be moved so, since their evaluation does nothing.
 *
 * Thread: the planner's. */
#include "inner.h"

#include "parser.h"

/* ---- planning ---------------------------------------------------------------------------------------- */

static bool ascii(b_slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

/* Servers convert the text between character sets in ways of their own. */
static bool certain_bytes(rw_planner *p, const rw_ctx *ctx, b_slice text)
{
    if (ctx->charset == RW_CHARSET_SAFE || ascii(text)) {
        return true;
    }
    rw__refuse_as(
        p, 1235, "42000", "charset",
        "straddle: PREPARE or EXECUTE of text that may name a migrating table, with letters outside "
        "ASCII in a client character set other than UTF-8: SET NAMES utf8mb4, or send the statement "
        "itself");
    return false;
}

static bool is_harmless(const rw_ctx *ctx, rw_server server, const rw_tokens *t, b_arena *arena)
{
    rw_stmt *stmts = NULL;
    rw_parse_error err;

    if (rw_parse(ctx, server, t, arena, &stmts, &err) != B_OK || stmts == NULL) {
        return false;
    }
    return stmts->kind == RW_S_QUERY || stmts->kind == RW_S_INSERT || stmts->kind == RW_S_UPDATE ||
           stmts->kind == RW_S_DELETE || stmts->kind == RW_S_EXPLAIN;
}

static void apply(rw_planner *p, const rw_ctx *ctx, const rw_tokens *t, rw_inner *out)
{
    b_status status = rw_edits_apply(ctx, p->server, t, &out->plan.edits, p->arena, &out->sent, &out->map);

    if (status == B_NOMEM) {
        p->nomem = true;
    } else if (status != B_OK) {
        rw__refuse(p, p->mtabs, "edit", "a text of PREPARE or EXECUTE that cannot be edited safely",
                   "send the statement itself");
    }
}

bool rw__inner_plan(rw_planner *p, const rw_ctx *outer, b_slice text, rw_inner *out)
{
    rw_ctx ctx = *outer;
    rw_tokens t;

    memset(out, 0, sizeof(*out));
    out->text = out->sent = text;
    out->map.identity = true;
    out->touches = rw_may_touch(p->rules, outer->charset, text);
    ctx.prepared = true;
    ctx.multi = false;
    if (out->touches && !certain_bytes(p, &ctx, text)) {
        return false;
    }
    if (rw_lex(&ctx, p->server, text, p->arena, &t) != B_OK) {
        p->nomem = true;
        return false;
    }
    out->harmless = is_harmless(&ctx, p->server, &t, p->arena);
    if (!out->touches) {
        return true;
    }
    if (rw__plan(p->rules, &ctx, &t, p->arena, &out->plan) != B_OK) {
        p->nomem = true;
        return false;
    }
    if (out->plan.verdict == RW_REFUSED) {
        rw__refuse_as(p, out->plan.error, out->plan.sqlstate, out->plan.code, "%.*s",
                      B_ARG(out->plan.message));
    } else if (out->plan.verdict == RW_REWRITTEN) {
        apply(p, &ctx, &t, out);
    }
    return !rw__stop(p) && certain_bytes(p, &ctx, out->sent);
}

/* ---- what it uses ------------------------------------------------------------------------------------ */

/* A table that the text does not use is not met by it: its names are not to be shown for others'. */
static bool has_migration(const rw_mtable *m, uint32_t migration)
{
    for (size_t i = 0; i < m->npairs; i++) {
        if (m->pairs[i].migration == migration) {
            return true;
        }
    }
    return false;
}

static void take_use(rw_planner *p, rw_mtab *mt, const rw_use *u)
{
    for (uint32_t i = 0; mt != NULL && !rw__stop(p) && i < mt->m->npairs; i++) {
        if (mt->m->pairs[i].migration != u->migration) {
            continue;
        }
        if (u->old_name) {
            rw__note_use(mt, i, false, u->write);
        }
        if (u->new_name) {
            rw__note_use(mt, i, true, u->write);
        }
    }
}

void rw__inner_uses(rw_planner *p, const rw_inner *in)
{
    for (size_t i = 0; i < in->plan.nuses && !rw__stop(p); i++) {
        const rw_use *u = &in->plan.uses[i];

        for (size_t k = 0; k < rw__ruleset_tables(p->rules); k++) {
            if (has_migration(rw__ruleset_table(p->rules, k), u->migration)) {
                take_use(p, rw__migrating(p, k), u);
            }
        }
    }
    for (size_t i = 0; i < in->plan.norigins && !rw__stop(p); i++) {
        rw__add_origin(p, in->plan.origins[i]);
    }
    p->zone = in->plan.zone.n > 0 ? in->plan.zone : p->zone;
}

/* ---- USING ------------------------------------------------------------------------------------------- */

static uint32_t count(const rw_expr *e)
{
    uint32_t n = 0;

    for (; e != NULL; e = e->next) {
        n++;
    }
    return n;
}

static bool movable(const rw_expr *e)
{
    for (; e != NULL; e = e->next) {
        if (e->kind != RW_E_USERVAR && e->kind != RW_E_LITERAL) {
            return false;
        }
    }
    return true;
}

static bool has_default(const rw_expr *e)
{
    while (e != NULL && e->kind != RW_E_DEFAULT) {
        e = e->next;
    }
    return e != NULL;
}

static const rw_expr *at(const rw_expr *e, uint32_t i)
{
    while (i > 0 && e != NULL) {
        e = e->next;
        i--;
    }
    return e;
}

static void write_list(rw_planner *p, const rw_stmt *s, const rw_param_map *map, uint32_t n)
{
    uint32_t from = map->nout == 0 ? s->using_tok : s->exprs->tok;
    rw_edit *edit = rw_edit_replace(p->edits, from, at(s->exprs, n - 1)->end);

    for (uint32_t i = 0; i < map->nout; i++) {
        const rw_expr *e = at(s->exprs, map->source[i]);

        if (i > 0) {
            rw_edit_text(p->edits, edit, B_LIT(", "));
        }
        rw_edit_copy(p->edits, edit, e->tok, e->end);
    }
}

void rw__inner_using(rw_planner *p, const rw_stmt *s, const rw_inner *in)
{
    uint32_t n = count(s->exprs);

    if (in->plan.verdict == RW_REWRITTEN && has_default(s->exprs)) {
        rw__refuse(p, p->mtabs, "parameters", "EXECUTE … USING DEFAULT or IGNORE",
                   "write DEFAULT into the text");
    }
    if (rw__stop(p) || in->map.identity) {
        return;
    }
    if (n != in->map.nin) {
        rw__refuse_as(p, 1210, "HY000", "parameters", "Incorrect arguments to EXECUTE");
        return;
    }
    if (!movable(s->exprs)) {
        rw__refuse(p, p->mtabs, "parameters", "EXECUTE with an expression in USING that is needed twice",
                   "put the values in user variables");
        return;
    }
    write_list(p, s, &in->map, n);
}

b_slice rw__inner_literal(rw_planner *p, const rw_ctx *ctx, b_slice text)
{
    const rw_ctx *keep = p->ctx;
    b_slice literal;

    p->ctx = ctx;
    literal = rw__string_literal(p, text);
    p->ctx = keep;
    return literal;
}
