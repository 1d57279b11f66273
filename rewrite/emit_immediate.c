/* EXECUTE IMMEDIATE of a literal: the text inside is planned as a prepared statement of its own, and what
 * comes of it is put back as a literal. It runs once and at once, so that no later phase can find it out of
 * date.
 *
 * Where the text needs a parameter at another place, or twice, USING's list is written anew; only user
 * variables may be moved so, since their evaluation does nothing.
 *
 * Thread: the planner's. */
#include "plan.h"
#include "resolve.h"

static uint32_t count(const rw_expr *e)
{
    uint32_t n = 0;

    for (; e != NULL; e = e->next) {
        n++;
    }
    return n;
}

static bool all_user_variables(const rw_expr *e)
{
    for (; e != NULL; e = e->next) {
        if (e->kind != RW_E_USERVAR) {
            return false;
        }
    }
    return true;
}

static const rw_expr *at(const rw_expr *e, uint32_t i)
{
    while (i > 0 && e != NULL) {
        e = e->next;
        i--;
    }
    return e;
}

/* USING's list by the map of the rewritten text's placeholders. */
static void map_using(rw_planner *p, const rw_stmt *s, const rw_param_map *map)
{
    uint32_t n = count(s->exprs);
    rw_edit *edit;

    if (map->identity) {
        return;
    }
    if (n != map->nin) {
        rw__refuse_as(p, 1210, "HY000", "parameters", "Incorrect arguments to EXECUTE");
        return;
    }
    if (!all_user_variables(s->exprs)) {
        rw__refuse(p, p->mtabs, "parameters",
                   "EXECUTE IMMEDIATE with an expression in USING that is needed twice",
                   "put the values in user variables");
        return;
    }
    edit = rw_edit_replace(p->edits, s->exprs->tok, at(s->exprs, n - 1)->end);
    for (uint32_t i = 0; i < map->nout; i++) {
        const rw_expr *e = at(s->exprs, map->source[i]);

        if (i > 0) {
            rw_edit_text(p->edits, edit, B_LIT(", "));
        }
        rw_edit_copy(p->edits, edit, e->tok, e->end);
    }
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

/* What the inner statement used counts as used by this one. */
static void take_uses(rw_planner *p, const rw_plan *inner)
{
    for (size_t i = 0; i < inner->nuses && !rw__stop(p); i++) {
        const rw_use *u = &inner->uses[i];

        for (size_t k = 0; k < rw__ruleset_tables(p->rules); k++) {
            take_use(p, rw__migrating(p, k), u);
        }
    }
}

static void put_back(rw_planner *p, const rw_ctx *ctx, const rw_stmt *s, const rw_tokens *t,
                     const rw_plan *inner)
{
    b_slice sql = {NULL, 0};
    rw_param_map map = {0};
    b_status status = rw_edits_apply(ctx, p->server, t, &inner->edits, p->arena, &sql, &map);

    if (status == B_NOMEM) {
        p->nomem = true;
    } else if (status != B_OK) {
        rw__refuse(p, p->mtabs, "edit", "a text of EXECUTE IMMEDIATE that cannot be edited safely",
                   "send the statement itself");
    }
    if (rw__stop(p)) {
        return;
    }
    rw_edit_text(p->edits, rw_edit_replace(p->edits, s->text_tok, s->text_tok + 1),
                 rw__string_literal(p, sql));
    map_using(p, s, &map);
}

void rw__plan_immediate(rw_planner *p, const rw_stmt *s, rw_plan *inner)
{
    b_slice text = rw__token_name(p->ctx, p->t, s->text_tok, p->arena);
    rw_ctx ctx = *p->ctx;
    rw_tokens t;

    memset(inner, 0, sizeof(*inner));
    ctx.schema = p->schema;
    ctx.prepared = true;
    ctx.multi = false;
    if (text.p == NULL || !rw_may_touch(p->rules, text)) {
        p->nomem = p->nomem || text.p == NULL;
        return;
    }
    if (ctx.charset != RW_CHARSET_SAFE) {
        rw__refuse_as(p, 1235, "42000", "charset",
                      "straddle: EXECUTE IMMEDIATE of text that may name a migrating table, in a client "
                      "character set other than UTF-8: SET NAMES utf8mb4, or send the statement itself");
        return;
    }
    if (rw_lex(&ctx, p->server, text, p->arena, &t) != B_OK ||
        rw__plan(p->rules, &ctx, &t, p->arena, inner) != B_OK) {
        p->nomem = true;
        return;
    }
    if (inner->verdict == RW_REFUSED) {
        rw__refuse_as(p, inner->error, inner->sqlstate, inner->code, "%.*s", B_ARG(inner->message));
        return;
    }
    take_uses(p, inner);
    if (inner->show_create.schema.n > 0) {
        rw__refuse_as(p, 1235, "42000", "statement",
                      "straddle: EXECUTE IMMEDIATE of SHOW CREATE TABLE of a migrating table: send the "
                      "statement itself");
        return;
    }
    p->zone = inner->zone.n > 0 ? inner->zone : p->zone;
    if (inner->verdict == RW_REWRITTEN) {
        put_back(p, &ctx, s, &t, inner);
    }
}
