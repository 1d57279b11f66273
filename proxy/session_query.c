/* COM_QUERY, and what it has in common with COM_STMT_PREPARE: is the statement to be looked at, may it run,
 * what becomes of it, and who is counted for it. */
#include "kind.h"
#include "session.h"
#include "test_hook.h"

#include <stdio.h>
#include <time.h>

enum { SAMPLE_BYTES = 512 };

static int64_t wall_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME_COARSE, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* While there is no migration nobody lexes, but what a later one must know is not missed: temporary tables
 * that may hide its table, and a client that narrows the tracking. */
static void watch(px_session *s, b_slice sql)
{
    if (b_slice_ifind(sql, B_LIT("temporary")) != (size_t)-1) s->temps_unknown = true;
    if (b_slice_ifind(sql, B_LIT("session_track")) != (size_t)-1) s->vars.known = false;
}

bool px_query_touches(px_session *s, b_slice sql)
{
    if (s->rules == NULL || rw_ruleset_size(s->rules) == 0) {
        watch(s, sql);
        return false;
    }
    return rw_may_touch(s->rules, px_vars_charset(s), sql);
}

/* What SHOW USAGE and SHOW REFUSALS give as an example: the text without its literals. Under another sql_mode
 * than its own a literal may be taken for a name, so that it is not shown where that is not known. */
static void sample(px_session *s, px_tally *t, px_count *n, const px_context *in, b_slice sql)
{
    rw_ctx ctx;
    b_arena *a = in == NULL ? NULL : b_arena_new(0);
    if (a == NULL) return;
    px_vars_ctx(s, &ctx, in, NULL, false);
    px_tally_sample(
        t, n, rw_digest_text(&ctx, rw_catalog_server(rw_ruleset_catalog(s->rules)), sql, a, SAMPLE_BYTES));
    b_arena_free(a);
}

void px_query_refuse(px_session *s, const px_cmd *c, const px_context *in, b_slice sql, const rw_result *why)
{
    const char *code = why->code == NULL ? "error" : why->code;
    const rw_migration *m = why->nuses > 0 ? rw_ruleset_at(s->rules, why->uses[0].migration) : NULL;
    b_slice key[PX_TALLY_KEYS] = {
        b_slice_str(code), m == NULL ? B_LIT("") : m->name, b_slice_str(s->user), why->message, B_LIT(""),
        B_LIT("")};
    bool fresh;
    px_count *n = px_tally_get(s->loop->refusals, key, &fresh);
    s->loop->stats.statements_refused++;
    if (n != NULL) {
        if (fresh) sample(s, s->loop->refusals, n, in, sql);
        n->count++;
        n->last_ms = wall_ms();
    }
    px_log_refused(s, in, sql, key[0], key[1], why->message);
    px_session_error(s, (uint8_t)(c->last_seq + 1), why->error, why->sqlstate, "%.*s", B_ARG(why->message));
}

static void refuse(px_session *s, const px_cmd *c, unsigned error, const char *sqlstate, const char *code,
                   const char *message)
{
    rw_result why = {.error = error, .sqlstate = sqlstate, .code = code, .message = b_slice_str(message)};
    uint8_t command = (uint8_t)c->payload.p[0];
    bool executes = command == MP_COM_STMT_EXECUTE || command == MP_COM_STMT_BULK_EXECUTE;
    px_query_refuse(s, c, px_vars_now(s), executes ? B_LIT("EXECUTE") : c->text, &why);
}

/* The state could not be read although we asked just now. */
static void refuse_unknown_state(px_session *s, const px_cmd *c)
{
    char msg[900];
    mp_error e = {.message = B_LIT("the server has no session tracking")};
    if (s->hidden.error.n > 0 && mp_err_parse(b_buf_view(&s->hidden.error), s->backend_caps, &e) != B_OK)
        e.message = B_LIT("its answer was not understood");
    snprintf(
        msg, sizeof msg,
        "straddle: the session's sql_mode and character set could not be read from the server (%.*s); see to "
        "that, then send the statement again",
        B_ARG(e.message));
    refuse(s, c, 1235, "42000", "state_unknown", msg);
}

static bool lease_held(px_app *app)
{
    uint64_t until = atomic_load_explicit(&app->lease_until_ms, memory_order_relaxed);
    return atomic_load_explicit(&app->live, memory_order_acquire) &&
           (until == 0 || uv_hrtime() / 1000000 < until);
}

/* The connection is registered, or is going to be; false: *done. */
static bool registered(px_session *s, const px_cmd *c, px_done *done)
{
    if (s->registration == PX_REGISTERED) return true;
    if (s->not_registered[0] == '\0') {
        px_session_register(s);
        *done = PX_WAIT;
        return false;
    }
    char msg[400];
    snprintf(
        msg, sizeof msg,
        "straddle: this connection could not be registered in schema straddle, which statements on migrating "
        "tables need, and was not executed (%s); try again",
        s->not_registered);
    s->not_registered[0] = '\0';
    refuse(s, c, 1290, "HY000", "register", msg);
    return false;
}

bool px_query_ready(px_session *s, const px_cmd *c, px_done *done)
{
    *done = PX_DONE;
    if (!lease_held(s->loop->app)) {
        refuse(s, c, 1290, "HY000", "lease",
               "straddle: this instance has lost its lease on the migration state (schema straddle), so "
               "statements "
               "on migrating tables wait until it is renewed; try again, or see SHOW INSTANCES on the admin "
               "port");
        return false;
    }
    const char *why = px_hold_refuses(s);
    if (why != NULL) {
        refuse(s, c, s->hold_over ? 1205 : 1412, "HY000", "changed", why);
        return false;
    }
    if (s->temps_unknown) {
        refuse(
            s, c, 1235, "42000", "temp_unknown",
            "straddle: this session may have a temporary table that hides a migrating one, made before the "
            "migration was there or by statements that failed in part; reset the connection or connect "
            "again");
        return false;
    }
    if (!px_query_known(s, c, done)) return false;
    return registered(s, c, done);
}

bool px_query_known(px_session *s, const px_cmd *c, px_done *done)
{
    *done = PX_DONE;
    if (s->vars.known) return true;
    if (s->asked_state || !(s->backend_caps & MP_CLIENT_SESSION_TRACK)) {
        refuse_unknown_state(s, c);
        return false;
    }
    s->asked_state = true;
    px_hidden_state(s);
    *done = PX_WAIT;
    return false;
}

bool px_query_rewrite(px_session *s, const px_cmd *c, b_slice sql, const px_context *in, b_arena *arena,
                      bool prepared, rw_result *out)
{
    rw_ctx ctx;
    px_vars_ctx(s, &ctx, in, arena, prepared);
    *out = (rw_result){.verdict = RW_REFUSED};
    if (rw_rewrite_cached(s->loop->cache, s->rules, &ctx, sql, arena, out) != B_OK) {
        refuse(s, c, 1041, "HY000", "memory",
               "straddle: out of memory; try again, or send a shorter statement");
        return false;
    }
    if (out->verdict == RW_REFUSED && out->ask.n > 0 && !prepared && px_named_ask(s, c, out)) return false;
    if (out->verdict == RW_REFUSED) {
        const px_context *wrote = prepared ? in : px_vars_now(s);
        px_query_count(s, out, wrote, sql);
        px_query_refuse(s, c, wrote, sql, out);
        return false;
    }
    return true;
}

static void hex64(char out[17], uint64_t v)
{
    for (int i = 15; i >= 0; i--, v >>= 4) out[i] = "0123456789abcdef"[v & 15];
    out[16] = 0;
}

/* The entry of a use in the thread's table. The one that a session asked for last is kept at hand. */
static px_count *use_entry(px_session *s, const rw_result *res, b_slice migration, bool old_name,
                           const px_context *in, b_slice sql)
{
    px_counted *last = &s->counted[old_name];
    if (last->count != NULL && last->digest == res->digest &&
        b_slice_eq(b_slice_str(last->count->key[0]), migration))
        return last->count;
    char digest[17];
    hex64(digest, res->digest);
    b_slice key[PX_TALLY_KEYS] = {migration,
                                  old_name ? B_LIT("old") : B_LIT("new"),
                                  b_slice_str(s->user),
                                  b_slice_str(s->host),
                                  b_slice_str(s->program),
                                  b_slice_of(digest, 16)};
    bool fresh;
    px_count *n = px_tally_get(s->loop->usage, key, &fresh);
    if (n == NULL) return NULL;
    if (fresh) sample(s, s->loop->usage, n, in, sql);
    *last = (px_counted){n, res->digest};
    return n;
}

static void count_use(px_session *s, const rw_result *res, const rw_use *u, bool old_name,
                      const px_context *in, b_slice sql)
{
    px_count *n = use_entry(s, res, rw_ruleset_at(s->rules, u->migration)->name, old_name, in, sql);
    if (n == NULL) return;
    n->count++;
    n->last_ms = wall_ms();
}

void px_query_count(px_session *s, const rw_result *res, const px_context *in, b_slice sql)
{
    for (size_t i = 0; i < res->nuses; i++) {
        if (res->uses[i].old_name) count_use(s, res, &res->uses[i], true, in, sql);
        if (res->uses[i].new_name) count_use(s, res, &res->uses[i], false, in, sql);
    }
}

b_arena *px_query_arena(px_session *s)
{
    if (s->arena == NULL)
        s->arena = b_arena_new(0);
    else
        b_arena_reset(s->arena);
    return s->arena;
}

/* On a migrating table, or rewritten by a regex rule already: from is what came, sql what it is by now. */
static void pass_on(px_session *s, const px_cmd *c, b_slice from, b_slice sql, uint64_t *counter)
{
    bool same = sql.p == from.p;
    ++*(same ? counter : &s->loop->stats.statements_rewritten);
    if (same)
        px_cmd_forward(s, c);
    else
        px_cmd_replace(s, c, MP_COM_QUERY, sql);
}

/* s->result is what becomes of it. False: *done. */
static bool planned(px_session *s, const px_cmd *c, b_slice from, b_slice sql, px_done *done)
{
    if (!px_query_ready(s, c, done)) return false;
    b_arena *arena = sql.p == from.p ? px_query_arena(s) : s->arena;
    if (arena == NULL) {
        refuse(s, c, 1041, "HY000", "memory", "straddle: out of memory; try again");
        return false;
    }
    if (!px_query_rewrite(s, c, sql, NULL, arena, false, &s->result)) {
        *done = s->state == PX_HIDDEN ? PX_WAIT : PX_DONE;
        return false;
    }
    return !(s->run.kind & PX_KIND_NAMED) || px_named_ready(s, c, &s->result, done);
}

/* It goes no further for now, or was answered with an error. */
static px_done stopped(px_session *s, b_slice sql, px_done done)
{
    bool multi = (s->caps & MP_CLIENT_MULTI_STATEMENTS) != 0;
    if (done == PX_DONE && s->named != NULL && (px_kind(sql, multi) & PX_KIND_PREPARES))
        px_named_refused(s, sql);
    return done;
}

static void count_planned(px_session *s, b_slice sql)
{
    const rw_result *res = &s->result;
    if (res->executed.n > 0)
        px_query_count(s, res, px_named_context(s, res), res->executed);
    else
        px_query_count(s, res, px_vars_now(s), sql);
}

px_done px_query_migrating(px_session *s, const px_cmd *c, b_slice from, b_slice sql)
{
    px_done done;
    if (px_hold(s, sql) || ((s->run.kind & PX_KIND_NAMED) && px_named_hold(s))) return PX_WAIT;
    if (!planned(s, c, from, sql, &done)) return stopped(s, sql, done);
    s->statements++;
    s->run.res = &s->result;
    s->run.started_ns = uv_hrtime();
    if (!s->run.again) count_planned(s, sql);
    px_test_stop(sql);
    b_slice sent = s->result.verdict == RW_PASS ? sql : s->result.sql;
    if (px_again_relays(s, c, sent, NULL)) return PX_DONE;
    px_again_keep(s, c, sent, NULL);
    if (mig_shadow_on(s->loop->app->engine)) px_shadow_sample(s, sql);
    pass_on(s, c, from, sent, &s->loop->stats.statements_passed);
    return PX_DONE;
}

px_done px_query_pass(px_session *s, const px_cmd *c, b_slice from, b_slice sql)
{
    if (px_again_relays(s, c, sql, NULL)) return PX_DONE;
    s->statements++;
    pass_on(s, c, from, sql, &s->loop->stats.statements_forwarded);
    return PX_DONE;
}

px_done px_query(px_session *s, const px_cmd *c)
{
    b_slice from = c->text, sql = from;
    px_done done;
    px_session_take_rules(s);
    px_log_keep(s, from);
    if (px_rules_any(s)) {
        rw_result res;
        if (!px_query_known(s, c, &done)) return stopped(s, sql, done);
        if (!px_rules_run(s, c, sql, NULL, px_query_arena(s), false, &res)) return stopped(s, sql, PX_DONE);
        if (res.verdict == RW_REWRITTEN) sql = res.sql;
    }
    s->run.kind = px_kind(sql, (s->caps & MP_CLIENT_MULTI_STATEMENTS) != 0);
    s->run.warnings = s->shown_arena != NULL && b_slice_istarts(b_slice_trim(sql), B_LIT("show "));
    if (px_query_touches(s, sql)) return px_query_migrating(s, c, from, sql);
    if (s->run.kind & PX_KIND_NAMED) return px_named_query(s, c, from, sql);
    return px_query_pass(s, c, from, sql);
}
