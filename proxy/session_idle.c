/* Sessions without a command: after idle_timeout_ms they end, and before that they give back what only a
 * statement needs, so that thousands of them cost little. */
#include "session.h"

enum { REST_MS = 5000 };

void px_session_idle(px_session *s, uint64_t now_ms)
{
    uint32_t limit = s->loop->config->c->idle_timeout_ms;
    if (s->state != PX_IDLE || s->held || now_ms - s->active_ms <= limit) return;
    s->loop->stats.sessions_idle_ended++;
    px_session_fail(s, 0, 4031, "HY000",
                    "straddle: no command came for %u ms (idle_timeout_ms); connect again, or raise it",
                    limit);
}

/* What is between two commands belongs to none: the results of the last one are over, its names are kept
 * apart (shown_arena), and no bytes wait. */
void px_session_rest(px_session *s, uint64_t now_ms)
{
    if (s->rested || s->state != PX_IDLE || s->held || now_ms - s->active_ms < REST_MS) return;
    s->rested = true;
    b_arena_free(s->arena);
    s->arena = NULL;
    px_again_rest(s);
    px_conn_rest(&s->client);
    px_conn_rest(&s->backend);
}
