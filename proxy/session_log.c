/* What the log says of single statements: those that were slow and those that were refused, where the
 * configuration asks for it. Without that nothing is written for a statement, and nothing is kept. Statements
 * are shown without their literals unless the configuration says otherwise; where their quoting is not known
 * they are not shown at all.
 *
 * And of sessions that fail. Anybody can make those that fail before their login in any number, so of them a
 * loop writes a few lines in a while, and how many it has left out. */
#include "session.h"

enum { KEPT = 8192, SHOWN = 1024, UNKNOWN_LINES = 10, UNKNOWN_MS = 10000 };

void px_log_left_out(px_loop *loop)
{
    uint64_t now = uv_now(&loop->uv);
    if (now - loop->unknown.since_ms < UNKNOWN_MS) return;
    if (loop->unknown.left_out > 0)
        b_logf(&loop->app->log, B_WARN, "session",
               "left_out=%u more sessions failed before their login and have no line of their own",
               loop->unknown.left_out);
    loop->unknown = (px_unknown){.since_ms = now};
}

void px_log_failed(px_session *s, const char *why)
{
    px_loop *loop = s->loop;
    if (s->state <= PX_AUTH) {
        px_log_left_out(loop);
        if (loop->unknown.lines == UNKNOWN_LINES) {
            loop->unknown.left_out++;
            return;
        }
        loop->unknown.lines++;
    }
    b_logf(&loop->app->log, B_WARN, "session", "session=%llu user=%s client=%s %s", (unsigned long long)s->id,
           s->user, s->host, why);
}

void px_log_keep(px_session *s, b_slice sql)
{
    if (s->loop->config->c->log_slow_ms == 0) return;
    px_log_drop(s);
    if (px_vars_now(s) != NULL) s->slow_in = px_context_ref(s->vars.now);
    b_buf_add(&s->slow, sql.p, sql.n < KEPT ? sql.n : KEPT);
}

void px_log_drop(px_session *s)
{
    b_buf_deinit(&s->slow);
    px_context_unref(s->slow_in);
    s->slow_in = NULL;
}

/* in: what the text was written in. */
static b_slice shown(px_session *s, const px_context *in, b_slice sql, b_arena *arena)
{
    rw_ctx ctx;
    if (s->loop->config->c->log_sql == 1) return b_slice_of(sql.p, sql.n < SHOWN ? sql.n : SHOWN);
    if (in == NULL || s->rules == NULL || arena == NULL)
        return B_LIT("(not shown: its sql_mode is not known)");
    px_vars_ctx(s, &ctx, in, NULL, false);
    return rw_digest_text(&ctx, rw_catalog_server(rw_ruleset_catalog(s->rules)), sql, arena, SHOWN);
}

/* Of the statement whose answer is over. */
void px_log_slow(px_session *s)
{
    const px_running *r = &s->run;
    uint32_t limit = s->loop->config->c->log_slow_ms;
    uint64_t ms = (uv_hrtime() - r->sent_ns) / 1000000;
    const px_stmt *x = r->stmt == NULL ? NULL : r->stmt->extra;
    b_slice sql = r->stmt != NULL ? b_slice_of(r->stmt->sql, r->stmt->sql_len) : b_buf_view(&s->slow);
    if (limit > 0 && ms >= limit) {
        b_arena *arena = b_arena_new(0);
        b_slice text = shown(s, x != NULL ? x->context : s->slow_in, sql, arena);
        b_logf(&s->loop->app->log, B_WARN, "slow",
               "session=%llu user=%s client=%s command=%s ms=%llu failed=%s sql=%.*s a slow statement",
               (unsigned long long)s->id, s->user, s->host, mp_command_name(r->command),
               (unsigned long long)ms, r->failed ? "yes" : "no", B_ARG(text));
        b_arena_free(arena);
    }
    px_log_drop(s);
}

void px_log_refused(px_session *s, const px_context *in, b_slice sql, b_slice code, b_slice migration,
                    b_slice why)
{
    if (!s->loop->config->c->log_refused) return;
    b_arena *arena = b_arena_new(0);
    b_slice text = shown(s, in, sql, arena);
    b_logf(&s->loop->app->log, B_WARN, "refused",
           "session=%llu user=%s client=%s code=%.*s migration=%.*s sql=%.*s %.*s", (unsigned long long)s->id,
           s->user, s->host, B_ARG(code), B_ARG(migration), B_ARG(text), B_ARG(why));
    b_arena_free(arena);
}
