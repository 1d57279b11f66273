/* Which epoch a session uses and holds. See session.h. */
#include "session.h"

#include <stdio.h>

bool px_session_pinned(const px_session *s)
{
    return (s->status & MP_STATUS_IN_TRANS) != 0 || s->long_pending > 0;
}

bool px_session_holds(const px_session *s)
{
    if (s->state == PX_CLOSING || s->state == PX_RELAY) return false;
    if (s->state == PX_RUN) return true;
    bool prepares = s->hidden.kind == PX_HIDDEN_PREPARE || s->hidden.kind == PX_HIDDEN_NAMED;
    if (s->state == PX_HIDDEN && prepares) return true;
    return s->backend.open && px_session_pinned(s);
}

void px_session_take_rules(px_session *s)
{
    bool nothing_done = s->rules != NULL && rw_ruleset_held(s->rules) != 0;
    if (px_session_pinned(s) && !nothing_done) return;
    if (!px_session_pinned(s)) s->since_ms = uv_now(&s->loop->uv);
    if (s->rules == s->loop->rules) return;
    if (s->rules != NULL) rw_ruleset_unref(s->rules);
    s->rules = s->loop->rules == NULL ? NULL : rw_ruleset_ref(s->loop->rules);
    s->epoch = s->loop->epoch;
    s->rules_taken++;
}

void px_session_holder(const px_session *s, mig_holder *out)
{
    *out = (mig_holder){.session = s->id,
                        .backend_id = s->backend_id,
                        .epoch = s->epoch,
                        .since_ms = uv_now(&s->loop->uv) - s->since_ms,
                        .transaction = (s->status & MP_STATUS_IN_TRANS) != 0};
    snprintf(out->user, sizeof out->user, "%.63s", s->user);
    snprintf(out->client, sizeof out->client, "%s", s->host);
}
