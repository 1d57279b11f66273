/* Statements that change how text is read, SET STATEMENT among them, and those that are expressions only. */
#include "mention.h"
#include "planning.h"

void rw__check_rest(rw_planning *s, const rw_stmt *st, const char *what)
{
    rw_planner *p = &s->p;

    rw__add_effect(s, (rw_effect){.kind = RW_EFFECT_STATE_UNKNOWN});
    p->context_unsure = true;
    for (const rw_stmt *n = st->next; n != NULL && !rw__stop(p); n = n->next) {
        rw_mtab *mt = rw__mention(p, n->tok, n->end, true);

        if (mt != NULL) {
            rw__refuse(p, mt, "multi", what, "send them one by one");
        }
    }
}

/* SET @v = …, DO …, CALL p(…): expressions without tables of their own. */
void rw__plan_eval(rw_planning *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;
    rw_scope scope;

    if (st->sets_system && !p->in_compound) {
        rw__check_rest(s, st, "SET before another statement in the same text");
    }
    if (st->calls) {
        rw__add_effect(s, (rw_effect){.kind = RW_EFFECT_STATE_UNKNOWN});
    }
    rw__scope_init(&scope, NULL);
    if (st->rows_seen) { /* FOR r IN (SELECT …): its columns are seen, by their names */
        rw__emit_query(p, NULL, st->exprs->query, RW_Q_RESULT);
        return;
    }
    rw__emit_exprs(p, &scope, RW_C_FIELDS, st->exprs);
}

/* SET STATEMENT sql_mode = … FOR …: of its modes, those that the statement is executed under. It is read
 * before anything is set. */
static void take_mode(rw_planning *s, const rw_stmt *inner, const rw_expr *value)
{
    bool literal = value->kind == RW_E_LITERAL && value->end == value->tok + 1 &&
                   s->p.t->tok[value->tok].kind == RW_TOK_STRING;
    rw_mtab *mt;

    if (literal) {
        b_slice text = rw__token_name(s->p.ctx, s->p.t, value->tok, s->p.arena);

        s->ctx.sql_mode =
            (s->ctx.sql_mode & RW_READING_MODES) | (rw_sql_mode_parse(text) & ~(uint32_t)RW_READING_MODES);
        s->p.uncacheable = true;
        return;
    }
    mt = rw__mention(&s->p, inner->tok, inner->end, true);
    if (mt != NULL) {
        rw__refuse(&s->p, mt, "sql_mode", "SET STATEMENT sql_mode to something other than a text",
                   "write the modes out as one string");
    }
}

static bool changes_reading(b_slice variable)
{
    return b_slice_ieq(variable, B_LIT("sql_mode")) || b_slice_istarts(variable, B_LIT("character_set")) ||
           b_slice_istarts(variable, B_LIT("collation"));
}

/* SET STATEMENT time_zone = … FOR …: what hangs on the zone is checked against it. */
static void take_zone(rw_planning *s, const rw_expr *value)
{
    bool literal = value->kind == RW_E_LITERAL && value->end == value->tok + 1 &&
                   s->p.t->tok[value->tok].kind == RW_TOK_STRING;

    s->ctx.time_zone = literal ? rw__token_name(s->p.ctx, s->p.t, value->tok, s->p.arena) : (b_slice){"", 0};
    s->p.uncacheable = true;
}

void rw__plan_set_for(rw_planning *s, const rw_stmt *st)
{
    uint32_t mode = s->ctx.sql_mode;
    bool unsure = s->p.context_unsure;
    b_slice zone = s->ctx.time_zone;
    const rw_expr *value = st->exprs;

    for (const rw_name_list *n = st->columns; n != NULL && value != NULL; n = n->next, value = value->next) {
        if (b_slice_ieq(n->name.part[n->name.n - 1], B_LIT("sql_mode"))) {
            take_mode(s, st->inner, value);
        } else if (b_slice_ieq(n->name.part[n->name.n - 1], B_LIT("time_zone"))) {
            take_zone(s, value);
        }
        if (changes_reading(n->name.part[n->name.n - 1])) {
            s->p.context_unsure = true; /* of what PREPARE reads */
        }
    }
    if (st->inner != NULL && !rw__stop(&s->p)) {
        rw__plan_statement(s, st->inner);
    }
    s->ctx.sql_mode = mode;
    s->p.context_unsure = unsure;
    s->ctx.time_zone = zone;
}
