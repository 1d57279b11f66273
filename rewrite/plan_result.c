/* Sums up what came of a text: the names that it used, and those that the client is to be shown. */
#include "planning.h"
#include "spelling.h"

/* Of all pairs of one migration in this statement. */
static uint8_t used_of(const rw_mtab *mt, uint32_t migration)
{
    uint8_t used = 0;

    for (size_t i = 0; i < mt->m->npairs; i++) {
        used |= mt->m->pairs[i].migration == migration ? mt->used[i] : 0;
    }
    return used;
}

static bool fill_uses(const rw_planner *p, rw_plan *out)
{
    size_t n = 0;
    rw_use *uses;

    for (const rw_mtab *mt = p->mtabs; mt != NULL; mt = mt->next) {
        n += mt->m->npairs;
    }
    uses = b_arena_array(p->arena, n + 1, sizeof(*uses));
    if (uses == NULL) {
        return false;
    }
    for (const rw_mtab *mt = p->mtabs; mt != NULL; mt = mt->next) {
        for (size_t i = 0; i < mt->m->npairs; i++) {
            uint32_t migration = mt->m->pairs[i].migration;
            uint8_t used = used_of(mt, migration);

            if (used == 0 || (i > 0 && mt->m->pairs[i - 1].migration == migration)) {
                continue;
            }
            uses[out->nuses++] = (rw_use){.migration = migration,
                                          .old_name = (used & RW_USED_OLD) != 0,
                                          .new_name = (used & RW_USED_NEW) != 0,
                                          .write = (used & RW_USED_WRITE) != 0};
        }
    }
    out->uses = uses;
    return true;
}

/* Which names the client is to be shown: the one that it used, else the one of its schema version. */
static int side_shown(const rw_planner *p, const rw_mtab *mt, const rw_pair *pair)
{
    uint8_t used = used_of(mt, pair->migration);
    bool used_old = (used & RW_USED_OLD) != 0, used_new = (used & RW_USED_NEW) != 0;

    if (pair->from.n == 0 || pair->to.n == 0) {
        return -1;
    }
    if (used_old != used_new) {
        return used_new ? 1 : 0;
    }
    if ((used_old && pair->forms != NULL) || p->ctx->version == RW_VERSION_BOTH) {
        return used_old ? -1 : 0;
    }
    return p->ctx->version == RW_VERSION_NEW ? 1 : 0;
}

static bool fill_shown(const rw_planner *p, rw_plan *out)
{
    size_t n = 0;
    rw_shown *shown;

    for (const rw_mtab *mt = p->mtabs; mt != NULL; mt = mt->next) {
        n += mt->m->npairs;
    }
    shown = b_arena_array(p->arena, n + 1, sizeof(*shown));
    if (shown == NULL) {
        return false;
    }
    for (const rw_mtab *mt = p->mtabs; mt != NULL; mt = mt->next) {
        for (size_t i = 0; i < mt->m->npairs; i++) {
            const rw_pair *pair = &mt->m->pairs[i];
            int side = side_shown(p, mt, pair);

            if (side < 0) {
                continue;
            }
            shown[out->nshown++] = (rw_shown){.table = {mt->m->schema, mt->m->table},
                                              .physical = side == 1 ? pair->from : pair->to,
                                              .shown = side == 1 ? pair->to : pair->from,
                                              .aliases = mt->aliases,
                                              .read = rw__phase_reads_to(pair->phase) == (side == 0)};
        }
    }
    out->shown = shown;
    return true;
}

/* Of a refused text: a PREPARE that fails takes the older statement of that name away. */
static void keep_lost(rw_plan *out, rw_effect *effects)
{
    size_t n = 0;

    for (size_t i = 0; i < out->neffects; i++) {
        if (effects[i].kind == RW_EFFECT_NAMED) {
            effects[n] = effects[i];
            effects[n++].text = (b_slice){NULL, 0};
        }
    }
    out->neffects = n;
}

/* The texts of the edits as the client's character set has them. */
static void spell_edits(rw_planning *s)
{
    rw_planner *p = &s->p;

    for (rw_edit *e = s->edits.first; e != NULL && !rw__stop(p); e = e->next) {
        for (rw_piece *piece = e->pieces; piece != NULL && !rw__stop(p); piece = piece->next) {
            b_status status = B_OK;

            if (piece->kind == RW_P_TEXT) {
                status = rw__text_for_client(p->ctx, p->server, piece->text, p->arena, &piece->text);
            }
            if (status == B_INVALID) {
                rw__refuse_as(
                    p, 1235, "42000", "charset",
                    "straddle: a name outside ASCII that cannot be written in this session's character "
                    "set has to be put into the statement: SET NAMES utf8mb4");
            }
            p->nomem = p->nomem || status == B_NOMEM;
        }
    }
}

b_status rw__sum_up(rw_planning *s, rw_plan *out)
{
    rw_planner *p = &s->p;

    spell_edits(s);

    if (p->nomem || s->edits.failed) {
        return B_NOMEM;
    }
    out->cacheable = !p->uncacheable;
    out->effects = s->effects;
    out->zone = p->zone;
    out->neffects = s->neffects;
    if (!fill_uses(p, out)) {
        return B_NOMEM;
    }
    if (p->refused) {
        out->verdict = RW_REFUSED;
        out->error = p->error;
        out->sqlstate = p->sqlstate;
        out->code = p->code;
        out->message = p->message;
        out->ask = p->ask;
        keep_lost(out, s->effects);
        return B_OK;
    }
    if (!fill_shown(p, out)) {
        return B_NOMEM;
    }
    out->origins = p->origins;
    out->norigins = p->norigins;
    out->verdict = s->edits.n > 0 ? RW_REWRITTEN : RW_PASS;
    out->edits = s->edits;
    out->show_create = p->show_create;
    out->renewals = p->renewals;
    out->nrenewals = p->nrenewals;
    out->executed = p->executed;
    return B_OK;
}
