/* Refusals: the one place that words them. A refused statement never reaches the server, so its message has
 * to say which construct, on which table, under which migration, and what to do instead. The first refusal of
 * a statement stands. Knows nothing of why. */
#include "resolve.h"

#include <stdio.h>

static void set_refusal(rw_planner *p, unsigned error, const char *sqlstate, const char *code,
                        const char *text)
{
    p->refused = true;
    p->error = error;
    p->sqlstate = sqlstate;
    p->code = code;
    p->message = b_arena_dup(p->arena, b_slice_str(text));
    if (p->message.p == NULL) {
        p->nomem = true;
    }
}

/* " on migrating table s.t (migration m, phase p)", or nothing where no table is to be named. */
static void describe(const rw_mtab *mt, char *out, size_t size)
{
    out[0] = '\0';
    if (mt == NULL) {
        return;
    }
    snprintf(out, size, " on migrating table %.*s.%.*s (%.*s)", B_ARG(mt->m->schema), B_ARG(mt->m->table),
             B_ARG(mt->m->label));
}

void rw__refuse(rw_planner *p, const rw_mtab *mt, const char *code, const char *what, const char *todo)
{
    char where[512], text[1024];

    if (p->refused) {
        return;
    }
    describe(mt, where, sizeof(where));
    snprintf(text, sizeof(text), "straddle: %s%s: %s", what, where, todo);
    set_refusal(p, 1235, "42000", code, text);
}

void rw__refuse_name(rw_planner *p, const rw_mtab *mt, const char *code, const char *what, b_slice name,
                     const char *todo)
{
    char line[384];
    const char *hole = strstr(what, "%.*s");

    if (name.n > 128) {
        name.n = 128;
    }
    if (hole == NULL) {
        rw__refuse(p, mt, code, what, todo);
        return;
    }
    snprintf(line, sizeof(line), "%.*s%.*s%s", (int)(hole - what), what, B_ARG(name), hole + 4);
    rw__refuse(p, mt, code, line, todo);
}

void rw__refuse_as(rw_planner *p, unsigned error, const char *sqlstate, const char *code, const char *fmt,
                   ...)
{
    char text[1024];
    va_list ap;

    if (p->refused) {
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    set_refusal(p, error, sqlstate, code, text);
}

void rw__check_zone(rw_planner *p, const rw_mtab *mt, const rw_pair *pair)
{
    b_slice zone = pair->forms == NULL ? (b_slice){NULL, 0} : pair->forms->zone;

    if (zone.n > 0) {
        p->zone = zone;
    }
    if (zone.n > 0 && !b_slice_ieq(zone, p->ctx->time_zone)) {
        rw__refuse_name(p, mt, "time_zone",
                        "a column whose value hangs on the time zone, which is not %.*s here,", zone,
                        "SET time_zone to the migration's");
    }
}
