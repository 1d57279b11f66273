/* Statements that run other text, or change how text is read: PREPARE, EXECUTE IMMEDIATE, SET STATEMENT; and
 * those that are expressions only. */
#include "mention.h"
#include "planning.h"

/* Some migration is under way: text that is not at hand may name its table. */
static const rw_migration *active_migration(const rw_planner *p)
{
    for (size_t i = 0; i < rw_ruleset_size(p->rules); i++) {
        const rw_migration *m = rw_ruleset_at(p->rules, i);

        if (m->phase != RW_FINISHED) {
            return m;
        }
    }
    return NULL;
}

void rw__check_rest(rw_planning *s, const rw_stmt *st, const char *what)
{
    rw_planner *p = &s->p;

    rw__add_effect(s, (rw_effect){.kind = RW_EFFECT_STATE_UNKNOWN});
    for (const rw_stmt *n = st->next; n != NULL && !rw__stop(p); n = n->next) {
        rw_mtab *mt = rw__mention(p, n->tok, n->end, true);

        if (mt != NULL) {
            rw__refuse(p, mt, "multi", what, "send them one by one");
        }
    }
}

/* A prepared statement lives on into later phases, where nobody prepares it anew. */
static void plan_prepare_literal(rw_planner *p, const rw_stmt *st, const rw_migration *m)
{
    b_slice text = rw__token_name(p->ctx, p->t, st->text_tok, p->arena);

    if (text.p == NULL || rw_may_touch(p->rules, text)) {
        rw__refuse_as(
            p, 1235, "42000", "prepare",
            "straddle: PREPARE of text that may name a migrating table, which later phases would find out of "
            "date (migration %.*s, phase %s): send the statement itself, or prepare it through the protocol",
            B_ARG(m->name), rw_phase_name(m->phase));
    }
}

static void plan_immediate(rw_planning *s, const rw_stmt *st)
{
    rw_plan inner;

    rw__plan_immediate(&s->p, st, &inner);
    for (size_t i = 0; i < inner.neffects && !rw__stop(&s->p); i++) {
        const rw_effect *e = &inner.effects[i];

        if (e->kind != RW_EFFECT_STATE_UNKNOWN) {
            rw__set_temporary(s, e->table, e->kind == RW_EFFECT_TEMP_CREATED);
        }
    }
    rw__check_rest(s, st, "EXECUTE IMMEDIATE before another statement in the same text");
}

void rw__plan_prepare(rw_planning *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;
    const rw_migration *m = active_migration(p);

    p->uncacheable = true;
    rw__add_effect(s, (rw_effect){.kind = RW_EFFECT_STATE_UNKNOWN});
    if (m == NULL) {
        return;
    }
    if (st->text_tok == RW_NO_TOK) {
        rw__refuse_as(p, 1235, "42000", "prepare",
                      "straddle: PREPARE or EXECUTE IMMEDIATE of text that is not a literal, while migration "
                      "%.*s is in phase %s: prepare through the protocol, or write the text as one string",
                      B_ARG(m->name), rw_phase_name(m->phase));
    } else if (st->immediate) {
        plan_immediate(s, st);
    } else {
        plan_prepare_literal(p, st, m);
    }
}

/* SET @v = …, DO …, CALL p(…): expressions without tables of their own. */
void rw__plan_eval(rw_planning *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;
    rw_scope scope;

    if (st->sets_system) {
        rw__check_rest(s, st, "SET before another statement in the same text");
    }
    if (st->calls) {
        rw__add_effect(s, (rw_effect){.kind = RW_EFFECT_STATE_UNKNOWN});
    }
    rw__scope_init(&scope, NULL);
    rw__emit_exprs(p, &scope, RW_C_FIELDS, st->exprs);
}

/* The modes that change how a text is cut and read: it is read before SET STATEMENT sets anything. */
enum {
    READING_MODES = RW_MODE_ANSI_QUOTES | RW_MODE_NO_BACKSLASH_ESCAPES | RW_MODE_PIPES_AS_CONCAT |
                    RW_MODE_IGNORE_SPACE | RW_MODE_HIGH_NOT_PRECEDENCE | RW_MODE_ORACLE
};

/* SET STATEMENT sql_mode = … FOR …: of its modes, those that the statement is executed under. */
static void take_mode(rw_planning *s, const rw_stmt *inner, const rw_expr *value)
{
    bool literal = value->kind == RW_E_LITERAL && value->end == value->tok + 1 &&
                   s->p.t->tok[value->tok].kind == RW_TOK_STRING;
    rw_mtab *mt;

    if (literal) {
        b_slice text = rw__token_name(s->p.ctx, s->p.t, value->tok, s->p.arena);

        s->ctx.sql_mode =
            (s->ctx.sql_mode & READING_MODES) | (rw_sql_mode_parse(text) & ~(uint32_t)READING_MODES);
        s->p.uncacheable = true;
        return;
    }
    mt = rw__mention(&s->p, inner->tok, inner->end, true);
    if (mt != NULL) {
        rw__refuse(&s->p, mt, "sql_mode", "SET STATEMENT sql_mode to something other than a text",
                   "write the modes out as one string");
    }
}

void rw__plan_set_for(rw_planning *s, const rw_stmt *st)
{
    uint32_t mode = s->ctx.sql_mode;
    const rw_expr *value = st->exprs;

    for (const rw_name_list *n = st->columns; n != NULL && value != NULL; n = n->next, value = value->next) {
        if (b_slice_ieq(n->name.part[n->name.n - 1], B_LIT("sql_mode"))) {
            take_mode(s, st->inner, value);
        }
    }
    if (st->inner != NULL && !rw__stop(&s->p)) {
        rw__plan_statement(s, st->inner);
    }
    s->ctx.sql_mode = mode;
}
