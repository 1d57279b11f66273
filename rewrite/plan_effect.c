/* What a statement changes for those after it, in the same text and in the session. */
#include "planning.h"

void rw__add_effect(rw_planning *s, rw_effect e)
{
    if (s->neffects == s->room) {
        size_t room = s->room == 0 ? 4 : s->room * 2;
        rw_effect *grown = b_arena_regrow(s->p.arena, s->effects, s->neffects, room, sizeof(*grown));

        if (grown == NULL) {
            s->p.nomem = true;
            return;
        }
        s->effects = grown;
        s->room = room;
    }
    s->effects[s->neffects++] = e;
}

rw_table_name rw__full_name(const rw_planning *s, const rw_name *n)
{
    return (rw_table_name){n->n > 1 ? n->part[n->n - 2] : s->p.schema, n->part[n->n - 1]};
}

void rw__set_temporary(rw_planning *s, rw_table_name name, bool created)
{
    rw_table_name *temps = b_arena_array(s->p.arena, s->ctx.ntemps + 1, sizeof(*temps));
    size_t n = 0;

    if (temps == NULL) {
        s->p.nomem = true;
        return;
    }
    for (size_t i = 0; i < s->ctx.ntemps; i++) {
        const rw_table_name *t = &s->ctx.temps[i];

        if (!rw__table_name_eq(&s->p, t->schema, name.schema) ||
            !rw__table_name_eq(&s->p, t->name, name.name)) {
            temps[n++] = *t;
        }
    }
    if (created) {
        temps[n++] = name;
    }
    s->ctx.temps = temps;
    s->ctx.ntemps = n;
    rw__add_effect(
        s, (rw_effect){.kind = created ? RW_EFFECT_TEMP_CREATED : RW_EFFECT_TEMP_DROPPED, .table = name});
}

bool rw__is_temporary(const rw_planning *s, rw_table_name name)
{
    for (size_t i = 0; i < s->ctx.ntemps; i++) {
        if (rw__table_name_eq(&s->p, s->ctx.temps[i].schema, name.schema) &&
            rw__table_name_eq(&s->p, s->ctx.temps[i].name, name.name)) {
            return true;
        }
    }
    return false;
}
