/* Plans a text: parses it, hands each statement to its emitter, and sums up what came of it. A statement that
 * is not understood passes only when no migrating table can be in it. */

#include "index_name.h"
#include "mention.h"
#include "parser.h"
#include "planning.h"
#include "view.h"

static void plan_kind(rw_planning *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;

    switch (st->kind) {
    case RW_S_QUERY: rw__emit_query(p, NULL, st->query, RW_Q_RESULT); return;
    case RW_S_INSERT: rw__plan_insert(p, st); return;
    case RW_S_UPDATE: rw__plan_update(p, st); return;
    case RW_S_DELETE: rw__plan_delete(p, st); return;
    case RW_S_LOAD: rw__plan_load(p, st); return;
    case RW_S_EXPLAIN:
        if (st->inner != NULL) {
            rw__plan_statement(s, st->inner);
        }
        return;
    case RW_S_TABLE_OP: rw__plan_table_op(s, st); return;
    case RW_S_CREATE_TABLE: rw__plan_create_table(s, st); return;
    case RW_S_DROP_TABLE: rw__plan_drop(s, st); return;
    case RW_S_PREPARE:
    case RW_S_EXECUTE:
    case RW_S_DEALLOCATE: rw__plan_named(s, st); return;
    case RW_S_EVAL: rw__plan_eval(s, st); return;
    case RW_S_SET_FOR: rw__plan_set_for(s, st); return;
    case RW_S_COMPOUND: rw__plan_compound(s, st); return;
    case RW_S_DECLARE: return; /* the block's */
    case RW_S_OTHER: rw__plan_other(s, st); return;
    }
}

void rw__plan_statement(rw_planning *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;
    bool hinted = p->t->hints && (st->kind == RW_S_QUERY || st->kind == RW_S_INSERT ||
                                  st->kind == RW_S_UPDATE || st->kind == RW_S_DELETE);

    p->stmt = st;
    p->called = NULL;
    rw__check_view_writes(p, st);
    if (hinted) {
        rw__check_hints(p, st);
    }
    plan_kind(s, st);
    if (hinted) {
        rw__emit_hints(p, st);
    }
}

/* What cannot be read or followed passes only when it cannot name a migrating table. */
static void plan_unparsed(rw_planning *s, const rw_parse_error *err)
{
    rw_planner *p = &s->p;
    const rw_tokens *t = p->t;
    bool bad = t->n > 0 && t->tok[t->n - 1].kind == RW_TOK_BAD;
    rw_mtab *mt = rw__mention(p, 0, t->n, true);
    b_slice near;

    if (rw__stop(p)) {
        return;
    }
    if (mt == NULL && rw__begins_named(p)) {
        rw__refuse_as(
            p, 1235, "42000", "syntax",
            "straddle: PREPARE or EXECUTE in text that is not understood, while a migration is under "
            "way: send it by itself, or check its syntax");
        return;
    }
    if (mt == NULL && bad && rw_may_touch(p->rules, p->ctx->charset, t->sql)) {
        rw__refuse_as(
            p, 1235, "42000", "lex",
            "straddle: text that cannot be read to its end (an unclosed quote or comment?) and may name a "
            "migrating table: close it, and send the statement again");
        return;
    }
    if (mt == NULL) {
        return;
    }
    p->uncacheable = true;
    near = err->tok < t->n ? b_slice_of(t->sql.p + t->tok[err->tok].off, t->tok[err->tok].len)
                           : B_LIT("the end");
    if (near.n > 40) {
        near.n = 40;
    }
    rw__refuse(p, mt, err->too_deep ? "too_deep" : "syntax",
               b_arena_printf(p->arena, "%s near '%.*s' that is not understood",
                              err->what == NULL ? "syntax" : err->what, B_ARG(near)),
               "write the statement in another way, or check its syntax");
}

static void init_state(rw_planning *s, const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t,
                       b_arena *arena)
{
    memset(s, 0, sizeof(*s));
    s->ctx = *ctx;
    s->edits.arena = arena;
    s->p.rules = r;
    s->p.ctx = &s->ctx;
    s->p.t = t;
    s->p.arena = arena;
    s->p.catalog = rw_ruleset_catalog(r);
    s->p.server = rw_catalog_server(s->p.catalog);
    s->p.schema = ctx->schema;
    s->p.edits = &s->edits;
}

b_status rw__plan(const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t, b_arena *arena, rw_plan *out)
{
    return rw__plan_traced(r, ctx, t, arena, NULL, out);
}

b_status rw__plan_traced(const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t, b_arena *arena,
                         b_buf *trace, rw_plan *out)
{
    rw_planning s;
    rw_stmt *stmts = NULL;
    rw_parse_error err = {0};
    b_status status;

    memset(out, 0, sizeof(*out));
    init_state(&s, r, ctx, t, arena);
    s.p.trace = trace;
    if (ctx->charset == RW_CHARSET_UNKNOWN && rw_may_touch(r, ctx->charset, t->sql)) {
        rw__refuse_as(
            &s.p, 1235, "42000", "charset",
            "straddle: a statement that may name a migrating table, in a client character set that is not "
            "known: SET NAMES utf8mb4");
        return rw__sum_up(&s, out);
    }
    rw__check_lost(&s.p);
    if (rw__stop(&s.p)) {
        return rw__sum_up(&s, out);
    }
    status = rw_parse(&s.ctx, s.p.server, t, arena, &stmts, &err);
    if (status == B_NOMEM) {
        return status;
    }
    if (status != B_OK) {
        plan_unparsed(&s, &err);
    }
    for (const rw_stmt *st = stmts; status == B_OK && st != NULL && !rw__stop(&s.p); st = st->next) {
        s.first = st == stmts;
        rw__follow_variables(&s.p, st);
        rw__plan_statement(&s, st);
    }
    if (s.p.mtabs != NULL) {
        rw__check_folding(&s.p);
    }
    return rw__sum_up(&s, out);
}
