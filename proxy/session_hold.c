/* Statements on a table whose columns are being renamed wait here, before the server sees them, until the
 * next epoch is there; then they go on in the order in which they came. The command stays in the client's
 * buffer and is looked at anew, so that it is rewritten under the epoch that lets it go. One that nobody lets
 * go of, because the instance that renames has died, is answered with an error; nothing of it was carried
 * out. */
#include "loop.h"
#include "session.h"

enum { STALE_MS = 5000 };

/* Somebody has changed a migrating table past the engine, and the session's rules are older than that. */
static bool stale(const px_session *s)
{
    return s->epoch <= atomic_load_explicit(&s->loop->app->stale_epoch, memory_order_acquire);
}

bool px_hold(px_session *s, b_slice sql)
{
    if (s->rules == NULL || s->hold_over) return false;
    bool old = stale(s) && rw_may_touch(s->rules, px_vars_charset(s), sql) && !px_session_pinned(s);
    if (!old && !px_again_waits(s) && !rw_may_touch_held(s->rules, px_vars_charset(s), sql)) return false;
    if (s->held) return true;
    px_loop *loop = s->loop;
    s->held = true;
    s->held_ms = uv_now(&loop->uv);
    s->held_prev = loop->held_last;
    s->held_next = NULL;
    *(loop->held_last == NULL ? &loop->held_first : &loop->held_last->held_next) = s;
    loop->held_last = s;
    loop->stats.statements_held++;
    return true;
}

void px_hold_forget(px_session *s)
{
    px_loop *loop = s->loop;
    if (!s->held) return;
    *(s->held_prev == NULL ? &loop->held_first : &s->held_prev->held_next) = s->held_next;
    *(s->held_next == NULL ? &loop->held_last : &s->held_next->held_prev) = s->held_prev;
    s->held = false;
    uint64_t ms = uv_now(&loop->uv) - s->held_ms;
    if (ms > loop->stats.longest_hold) loop->stats.longest_hold = ms;
}

const char *px_hold_refuses(const px_session *s)
{
    if (stale(s) && px_session_pinned(s))
        return "straddle: a migrating table was changed directly on the database since this transaction "
               "began, so "
               "that its statements on it cannot be rewritten; roll back, then repeat the transaction";
    if (!s->hold_over) return NULL;
    if (stale(s))
        return "straddle: a migrating table was changed directly on the database, and no new rules could be "
               "made for "
               "it; nothing was sent to the server: see SHOW HISTORY and the log, then send it again";
    return "straddle: a column of this table is being renamed, and the instance that does it did not let "
           "statements go "
           "on in time; nothing was sent to the server: send it again, and see SHOW INSTANCES on the admin "
           "port";
}

/* Those that came first go first; each is looked at anew, and may come back at the end. */
void px_hold_release(px_loop *loop)
{
    if (loop->rules != NULL && rw_ruleset_held(loop->rules) != 0) return;
    const px_session *last = loop->held_last;
    for (bool more = last != NULL; more && loop->held_first != NULL;) {
        px_session *s = loop->held_first;
        more = s != last;
        px_hold_forget(s);
        px_session_take_rules(s);
        px_session_settle(s);
    }
}

/* Does it wait because of an error that it has met? */
static bool met_error(const px_session *s)
{
    return s->again.back && !s->again.over;
}

static bool too_long(const px_session *s, uint64_t now_ms)
{
    uint64_t most = s->rules == NULL ? 0 : rw_ruleset_held(s->rules);
    return now_ms - s->held_ms > (most == 0 ? STALE_MS : most);
}

/* Nobody lets go of it: it is answered with px_hold_refuses, or else with the error that it has met. */
static void give_up(px_session *s)
{
    px_hold_forget(s);
    if (met_error(s))
        s->again.over = true;
    else
        s->hold_over = true;
    px_session_settle(s);
}

void px_hold_tick(px_loop *loop, uint64_t now_ms)
{
    for (px_session *s = loop->held_first, *next; s != NULL; s = next) {
        next = s->held_next;
        if (too_long(s, now_ms) || (met_error(s) && !px_again_waits(s))) give_up(s);
    }
}
