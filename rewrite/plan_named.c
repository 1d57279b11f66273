/* Statements about named statements in a text of several, and inside compound statements. */
#include "planning.h"
#include "words.h"

/* Later statements of the same text see the statement that this one prepares or forgets. */
static void set_named(rw_planning *s, const rw_effect *e)
{
    rw_named *list = b_arena_array(s->p.arena, s->ctx.nnamed + 1, sizeof(*list));
    size_t n = 0;

    if (list == NULL) {
        s->p.nomem = true;
        return;
    }
    for (size_t i = 0; i < s->ctx.nnamed; i++) {
        if (!b_slice_ieq(s->ctx.named[i].name, e->name)) {
            list[n++] = s->ctx.named[i];
        }
    }
    if (e->kind == RW_EFFECT_NAMED) {
        list[n++] = (rw_named){.name = e->name,
                               .text = e->text,
                               .sent = e->sent,
                               .sql_mode = s->ctx.sql_mode,
                               .charset = s->ctx.charset,
                               .schema = s->p.schema,
                               .here = true};
    }
    s->ctx.named = list;
    s->ctx.nnamed = n;
    s->ctx.named_unseen = s->ctx.named_unseen || e->kind == RW_EFFECT_UNSEEN;
}

/* What the statement executes may make and drop temporary tables, and change what the rest is read by. */
static void take_executed(rw_planning *s, const rw_stmt *st, const rw_about *about)
{
    for (size_t i = 0; i < about->neffects && !rw__stop(&s->p); i++) {
        const rw_effect *e = &about->effects[i];

        if (e->kind == RW_EFFECT_TEMP_CREATED || e->kind == RW_EFFECT_TEMP_DROPPED) {
            rw__set_temporary(s, e->table, e->kind == RW_EFFECT_TEMP_CREATED);
        }
    }
    if (!about->harmless && !rw__stop(&s->p)) {
        rw__check_rest(s, st,
                       st->immediate ? "EXECUTE IMMEDIATE before another statement in the same text"
                                     : "EXECUTE before another statement in the same text");
    }
}

void rw__plan_named(rw_planning *s, const rw_stmt *st)
{
    rw_about about = {.has_effect = false};

    switch ((int)st->kind) {
    case RW_S_EXECUTE: rw__named_execute(&s->p, st, &about); break;
    case RW_S_DEALLOCATE: rw__named_deallocate(&s->p, st, &about); break;
    default:
        if (st->immediate) {
            rw__named_immediate(&s->p, st, s->first, &about);
        } else {
            rw__named_prepare(&s->p, st, s->first, &about);
        }
    }
    take_executed(s, st, &about);
    if (about.has_effect) {
        rw__add_effect(s, about.effect);
        set_named(s, &about.effect);
    }
}

void rw__check_within(rw_planning *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;
    const rw_migration *m = rw__active_migration(p);

    for (uint32_t i = st->tok + 1; st->compound && i < st->end && !rw__stop(p); i++) {
        uint16_t word = p->t->tok[i].kind == RW_TOK_IDENT ? p->t->tok[i].word : RW_WORD_NONE;

        if (word != RW_W_PREPARE && word != RW_W_EXECUTE) {
            continue;
        }
        rw__add_effect(s, (rw_effect){.kind = RW_EFFECT_UNSEEN});
        if (m != NULL) {
            rw__refuse_as(p, 1235, "42000", "prepare",
                          "straddle: PREPARE or EXECUTE inside another statement, while migration %.*s is in "
                          "phase %s: send them one by one",
                          B_ARG(m->name), rw_phase_name(m->phase));
        }
        return;
    }
}

bool rw__begins_named(const rw_planner *p)
{
    bool begins = true;

    if (rw__active_migration(p) == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < p->t->n; i++) {
        uint16_t word = p->t->tok[i].word;
        bool known = p->t->tok[i].kind == RW_TOK_IDENT || p->t->tok[i].kind == RW_TOK_OP;

        if (begins && p->t->tok[i].kind == RW_TOK_IDENT && (word == RW_W_PREPARE || word == RW_W_EXECUTE)) {
            return true;
        }
        begins = known && (word == RW_OP_SEMICOLON || word == RW_W_BEGIN || word == RW_W_THEN ||
                           word == RW_W_ELSE || word == RW_W_DO || word == RW_W_LOOP || word == RW_W_REPEAT ||
                           word == RW_W_ATOMIC || word == RW_OP_COLON);
    }
    return false;
}
