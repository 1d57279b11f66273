/* What the rewriter must know of a session: default schema, sql_mode, character set, temporary tables. Read
 * once from the server, then followed by the changes that its OK packets report.
 * Source: MySQL manual, "Server Tracking of Client Session State". */
#include "session.h"

#include <stdlib.h>

void px_vars_set(px_session *s, b_slice schema, b_slice mode, b_slice client, b_slice collation)
{
    px_context *next = px_context_new(schema, mode, client, collation, s->vars.serial);
    if (next == NULL) {
        s->vars.known = false;
        return;
    }
    px_context_unref(s->vars.now);
    s->vars.now = next;
}

void px_vars_zone(px_session *s, b_slice zone)
{
    s->vars.zone_len = zone.n > sizeof s->vars.zone ? 0 : zone.n;
    if (s->vars.zone_len > 0) memcpy(s->vars.zone, zone.p, zone.n);
}

const px_context *px_vars_now(const px_session *s)
{
    return s->vars.known ? s->vars.now : NULL;
}

b_slice px_vars_schema(const px_session *s)
{
    return s->vars.now == NULL ? B_LIT("") : s->vars.now->schema;
}

rw_charset px_vars_charset(const px_session *s)
{
    return s->vars.known && s->vars.now != NULL ? s->vars.now->charset : RW_CHARSET_UNKNOWN;
}

/* What one OK packet reports. */
typedef struct report {
    b_slice schema, mode, client, collation;
    b_slice zone;
    bool charset; /* SET NAMES and its like, which say nothing of the collation */
    bool any;
} report;

static void track_variable(report *r, b_slice name, b_slice value)
{
    if (b_slice_ieq(name, B_LIT("sql_mode"))) {
        r->mode = value;
    } else if (b_slice_ieq(name, B_LIT("collation_connection"))) {
        r->collation = value;
    } else if (b_slice_ieq(name, B_LIT("character_set_client"))) {
        r->client = value;
        r->charset = true;
    } else if (b_slice_ieq(name, B_LIT("character_set_connection"))) {
        r->charset = true;
    } else if (b_slice_ieq(name, B_LIT("time_zone"))) {
        r->zone = value;
        return;
    } else {
        return;
    }
    r->any = true;
}

void px_vars_track(px_session *s, b_slice state)
{
    static const px_context none = {.charset = RW_CHARSET_UNKNOWN};
    const px_context *now = s->vars.now == NULL ? &none : s->vars.now;
    report r = {.schema = now->schema, .mode = now->mode, .client = now->client};
    unsigned type;
    b_slice name, value;
    while (mp_state_next(&state, &type, &name, &value)) {
        if (type == MP_TRACK_SYSTEM_VARIABLES) track_variable(&r, name, value);
        if (type == MP_TRACK_SCHEMA && !b_slice_eq(value, now->schema)) {
            r.schema = value;
            r.any = true;
        }
    }
    if (state.n > 0) s->vars.known = false; /* malformed: ask */
    if (r.zone.n > 0) px_vars_zone(s, r.zone);
    if (!r.any) return;
    if (r.charset || r.collation.n > 0)
        s->vars.serial++;
    else
        r.collation = now->collation;
    px_vars_set(s, r.schema, r.mode, r.client, r.collation);
}

static px_temp **find_temp(px_session *s, const rw_table_name *t)
{
    px_temp **at = &s->temps;
    while (*at != NULL && !(b_slice_ieq((*at)->schema, t->schema) && b_slice_ieq((*at)->name, t->name)))
        at = &(*at)->next;
    return at;
}

static void temp_created(px_session *s, const rw_table_name *t)
{
    if (*find_temp(s, t) != NULL) return;
    px_temp *temp = malloc(sizeof *temp + t->schema.n + t->name.n);
    if (temp == NULL) {
        s->temps_unknown = true;
        return;
    }
    char *p = (char *)(temp + 1);
    if (t->schema.n > 0) memcpy(p, t->schema.p, t->schema.n);
    if (t->name.n > 0) memcpy(p + t->schema.n, t->name.p, t->name.n);
    *temp = (px_temp){s->temps, {p, t->schema.n}, {p + t->schema.n, t->name.n}};
    s->temps = temp;
    s->ntemps++;
}

static void temp_dropped(px_session *s, const rw_table_name *t)
{
    px_temp **at = find_temp(s, t), *temp = *at;
    if (temp == NULL) return;
    *at = temp->next;
    s->ntemps--;
    free(temp);
}

void px_vars_effects(px_session *s, const rw_result *res)
{
    for (size_t i = 0; i < res->neffects; i++) {
        const rw_effect *e = &res->effects[i];
        switch (e->kind) {
        case RW_EFFECT_TEMP_CREATED: temp_created(s, &e->table); break;
        case RW_EFFECT_TEMP_DROPPED: temp_dropped(s, &e->table); break;
        case RW_EFFECT_STATE_UNKNOWN: s->vars.known = false; break;
        case RW_EFFECT_NAMED:
        case RW_EFFECT_UNNAMED:
        case RW_EFFECT_UNSEEN: px_named_effect(s, e); break;
        }
    }
}

void px_vars_forget(px_session *s)
{
    while (s->temps != NULL) {
        px_temp *next = s->temps->next;
        free(s->temps);
        s->temps = next;
    }
    s->ntemps = 0;
    s->temps_unknown = false;
    s->vars.known = false;
    s->long_pending = 0;
    px_hidden_clear(s);
    px_named_forget(s);
    mp_stmts_clear(s->stmts);
}

static const rw_table_name *list_temps(px_session *s, b_arena *arena)
{
    rw_table_name *list = b_arena_array(arena, s->ntemps, sizeof *list);
    size_t i = 0;
    if (list == NULL) return NULL;
    for (const px_temp *t = s->temps; t != NULL; t = t->next) list[i++] = (rw_table_name){t->schema, t->name};
    return list;
}

void px_vars_ctx(px_session *s, rw_ctx *ctx, const px_context *in, b_arena *arena, bool prepared)
{
    if (in == NULL) in = s->vars.now;
    *ctx = (rw_ctx){.sql_mode = in == NULL ? 0 : in->sql_mode,
                    .charset = in == NULL ? RW_CHARSET_UNKNOWN : in->charset,
                    .spelling = in == NULL ? 0 : in->spelling,
                    .schema = in == NULL ? B_LIT("") : in->schema,
                    .time_zone = b_slice_of(s->vars.zone, s->vars.zone_len),
                    .version = s->version,
                    .multi = !prepared && (s->caps & MP_CLIENT_MULTI_STATEMENTS) != 0,
                    .prepared = prepared};
    if (s->named != NULL || s->named_unseen || s->answer.have) px_named_ctx(s, ctx, arena);
    if (arena == NULL || s->ntemps == 0) return;
    ctx->temps = list_temps(s, arena);
    ctx->ntemps = ctx->temps == NULL ? 0 : s->ntemps;
    if (ctx->temps == NULL) ctx->charset = RW_CHARSET_UNKNOWN; /* out of memory: be refused, not wrong */
}
