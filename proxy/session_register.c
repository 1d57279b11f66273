/* Registering the session's connection on the server, before its first statement on a migrating table: once a
 * connection, through the engine's registrar; the command waits. At the end of the session the engine is told
 * whether something is still in flight. */
#include "session.h"

#include <stdio.h>

void px_session_register(px_session *s)
{
    px_hidden_clear(s);
    s->hidden.kind = PX_HIDDEN_REGISTER;
    s->registration = PX_ASKED;
    s->not_registered[0] = '\0';
    s->loop->nasked++;
    px_session_set_state(s, PX_HIDDEN);
    mig_engine_register(s->loop->app->engine, s->backend_id, s->born_ms);
}

/* What was sent and is not answered goes on in the server when the connection is closed. It matters where it
 * may write to a migrating table: by itself, or as a COMMIT. */
static bool in_flight(const px_session *s)
{
    return s->state == PX_RUN && (s->run.res != NULL || px_session_pinned(s));
}

void px_session_unregister(px_session *s)
{
    if (s->registration == PX_UNREGISTERED) return;
    if (s->registration == PX_ASKED) s->loop->nasked--;
    s->registration = PX_UNREGISTERED;
    mig_engine_unregister(s->loop->app->engine, s->backend_id, s->epoch, in_flight(s));
}

static void answered(px_session *s, const char *why)
{
    s->loop->nasked--;
    s->registration = why[0] == '\0' ? PX_REGISTERED : PX_UNREGISTERED;
    snprintf(s->not_registered, sizeof s->not_registered, "%s", why);
    if (s->state != PX_HIDDEN || s->hidden.kind != PX_HIDDEN_REGISTER) return; /* the backend went away */
    px_hidden_clear(s);
    px_session_set_state(s, PX_IDLE);
    px_session_settle(s);
}

void px_loop_registered(px_loop *loop, void *registered)
{
    const px_registered *r = registered;
    for (px_session *s = loop->sessions, *next; s != NULL && loop->nasked > 0; s = next) {
        next = s->next;
        if (s->registration != PX_ASKED) continue;
        for (size_t i = 0; i < r->n; i++) {
            if (r->connections[i] != s->backend_id) continue;
            answered(s, r->why);
            break;
        }
    }
}
