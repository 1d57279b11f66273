/* Which tables of a query's FROM a result column may come straight from: the server tells only by what name
 * the statement calls its table, and a derived table may be called so, too. */
#include "emit.h"

static bool is_switched(const rw_mtab *mt)
{
    for (size_t i = 0; i < mt->m->npairs; i++) {
        if (mt->m->pairs[i].phase == RW_SWITCHED) {
            return true;
        }
    }
    return false;
}

void rw__add_origin(rw_planner *p, rw_origin origin)
{
    if (p->norigins == p->origins_room) {
        size_t room = p->origins_room == 0 ? 4 : p->origins_room * 2;
        rw_origin *grown = b_arena_regrow(p->arena, p->origins, p->norigins, room, sizeof(*grown));

        if (grown == NULL) {
            p->nomem = true;
            return;
        }
        p->origins = grown;
        p->origins_room = room;
    }
    p->origins[p->norigins++] = origin;
}

void rw__note_origins(rw_planner *p, const rw_scope *s)
{
    for (uint32_t i = 0; i < s->nsrc && !rw__stop(p); i++) {
        const rw_source *src = &s->src[i];

        if (src->base != NULL && is_switched(src->base)) {
            rw__add_origin(p, (rw_origin){src->base->m->schema, src->name, src->null_extended});
        }
    }
}
