/* Statements that a client has prepared by name: PREPARE s FROM '…', EXECUTE s.
 *
 * What the client's text was is kept here, by name. The rewriter plans it anew at each EXECUTE
 * (rewrite/emit_prepare.c); where the server has another text than comes of that, or the session is no longer
 * as it was at PREPARE, it is prepared again first, unseen, in that context. A text that is not at hand
 * (PREPARE s FROM @x) is asked for from the server. A session that has no such statements never comes here.
 */
#include "kind.h"
#include "session.h"

#include <stdlib.h>

/* --- the list --- */

static px_named **find(px_session *s, b_slice name)
{
    px_named **at = &s->named;
    while (*at != NULL && !b_slice_ieq((*at)->name, name)) at = &(*at)->next;
    return at;
}

static void drop(px_session *s, px_named **at)
{
    px_named *n = *at;
    if (n == NULL) return;
    if (s->hidden.named == n) px_hidden_clear(s);
    *at = n->next;
    s->nnamed--;
    s->stmt_bytes -= n->cost;
    px_context_unref(n->context);
    b_buf_deinit(&n->sent);
    free(n);
}

void px_named_forget(px_session *s)
{
    while (s->named != NULL) drop(s, &s->named);
    s->named_unseen = false;
    px_named_done(s);
}

void px_named_unseen(px_session *s)
{
    while (s->named != NULL) drop(s, &s->named);
    s->named_unseen = true;
}

void px_named_called(px_session *s)
{
    for (px_named *n = s->named; n != NULL; n = n->next) n->unsure = true;
}

/* A text for which max_session_bytes leaves no room is not kept. */
static px_named *make(px_session *s, const rw_effect *e)
{
    enum { OVERHEAD = 256 };
    uint64_t limit = s->loop->config->c->max_session_bytes;
    size_t size = sizeof(px_named) + OVERHEAD + e->name.n, both = e->text.n + e->sent.n;
    bool known = e->text.p != NULL && s->vars.known && s->vars.now != NULL && both <= limit &&
                 s->stmt_bytes + size <= limit - both;
    px_named *n = malloc(sizeof *n + e->name.n + (known ? e->text.n : 0));
    if (n == NULL) return NULL;
    char *p = (char *)(n + 1);
    *n = (px_named){.name = {p, e->name.n}, .text = {NULL, 0}, .cost = size + (known ? both : 0)};
    memcpy(p, e->name.p, e->name.n);
    if (!known) return n;
    n->text = (b_slice){p + e->name.n, e->text.n};
    if (e->text.n > 0) memcpy(p + e->name.n, e->text.p, e->text.n);
    n->context = px_context_ref(s->vars.now);
    b_buf_slice(&n->sent, e->sent);
    if (n->sent.failed) n->text = (b_slice){NULL, 0};
    return n;
}

static void prepared(px_session *s, const rw_effect *e)
{
    drop(s, find(s, e->name));
    px_named *n = make(s, e);
    if (n == NULL) {
        px_named_unseen(s);
        return;
    }
    n->next = s->named;
    s->named = n;
    s->nnamed++;
    s->stmt_bytes += n->cost;
}

void px_named_effect(px_session *s, const rw_effect *e)
{
    if (e->kind == RW_EFFECT_NAMED) prepared(s, e);
    if (e->kind == RW_EFFECT_UNNAMED) drop(s, find(s, e->name));
    if (e->kind == RW_EFFECT_UNSEEN) px_named_unseen(s);
}

void px_named_doubt(px_session *s, b_slice name)
{
    px_named *n = *find(s, name);
    if (n == NULL && !s->run.had_ok) return;
    prepared(s, &(rw_effect){.kind = RW_EFFECT_NAMED, .name = name});
}

/* --- what the rewriter is told --- */

static const rw_named *list(const px_session *s, b_arena *arena)
{
    rw_named *all = b_arena_array(arena, s->nnamed + 1, sizeof *all);
    size_t i = 0;
    if (all == NULL) return NULL;
    for (const px_named *n = s->named; n != NULL; n = n->next) {
        const px_context *c = n->context;
        all[i++] = (rw_named){.name = n->name,
                              .text = c == NULL ? (b_slice){NULL, 0} : n->text,
                              .sent = b_buf_view(&n->sent),
                              .sql_mode = c == NULL ? 0 : c->sql_mode,
                              .charset = c == NULL ? RW_CHARSET_UNKNOWN : c->charset,
                              .schema = c == NULL ? B_LIT("") : c->schema,
                              .lost = n->lost,
                              .unsure = n->unsure};
    }
    return all;
}

void px_named_ctx(px_session *s, rw_ctx *ctx, b_arena *arena)
{
    if (arena == NULL) return;
    ctx->named = list(s, arena);
    ctx->nnamed = ctx->named == NULL ? 0 : s->nnamed;
    ctx->named_unseen = s->named_unseen || ctx->named == NULL;
    if (s->answer.have)
        ctx->answer = (rw_answer){.source = b_buf_view(&s->answer.source),
                                  .value = b_buf_view(&s->answer.value),
                                  .null = s->answer.null};
}

/* --- asking for a text --- */

void px_named_done(px_session *s)
{
    b_buf_deinit(&s->answer.source);
    b_buf_deinit(&s->answer.value);
    s->answer.asked = s->answer.have = s->answer.null = false;
}

bool px_named_ask(px_session *s, const px_cmd *c, const rw_result *res)
{
    if (s->answer.asked) {
        if (!s->hidden.failed || s->hidden.error.n == 0) return false;
        mp_packet_put(px_conn_buf(&s->client), (uint8_t)(c->last_seq + 1), b_buf_view(&s->hidden.error));
        px_hidden_clear(s);
        return true;
    }
    s->answer.asked = true;
    b_buf_clear(&s->answer.source);
    b_buf_slice(&s->answer.source, res->ask);
    if (s->answer.source.failed) return false;
    px_hidden_value(s, b_buf_view(&s->answer.source));
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static bool unhex(b_buf *out, b_slice hex)
{
    b_buf_clear(out);
    for (size_t i = 0; i + 1 < hex.n; i += 2) {
        int high = hex_digit(hex.p[i]), low = hex_digit(hex.p[i + 1]);
        if (high < 0 || low < 0) return false;
        b_buf_char(out, (char)(high << 4 | low));
    }
    if (hex.n == 0) b_buf_str(out, "");
    return hex.n % 2 == 0 && !out->failed;
}

void px_named_value(px_session *s, b_slice row)
{
    mp_reader r = mp_reader_of(row);
    bool no_value = false;
    b_slice is_null = mp_read_lenenc_str(&r);
    mp_reader probe = r;
    (void)mp_read_lenenc(&probe, &no_value);
    b_slice hex = no_value ? B_LIT("") : mp_read_lenenc_str(&r);
    if (r.bad) return;
    s->answer.null = b_slice_eq(is_null, B_LIT("1"));
    s->answer.have = s->answer.null || (!no_value && unhex(&s->answer.value, hex));
}

/* --- EXECUTE --- */

bool px_named_hold(px_session *s)
{
    for (const px_named *n = s->named; n != NULL; n = n->next)
        if (px_hold(s, n->text) || px_hold(s, b_buf_view(&n->sent))) return true;
    return s->answer.have && px_hold(s, b_buf_view(&s->answer.value));
}

const px_context *px_named_context(px_session *s, const rw_result *res)
{
    if (res->nrenewals == 0) return px_vars_now(s); /* EXECUTE IMMEDIATE */
    const px_named *n = *find(s, res->renewals[0].name);
    return n == NULL ? NULL : n->context;
}

static bool is_known(const px_session *s, const rw_effect *e)
{
    const px_named *n = s->named;
    while (n != NULL && !b_slice_ieq(n->name, e->name)) n = n->next;
    return n != NULL;
}

/* As with prepared statements of the protocol. */
static bool admits(px_session *s, const px_cmd *c, const rw_result *res)
{
    size_t more = 0;
    for (size_t i = 0; i < res->neffects; i++)
        more += res->effects[i].kind == RW_EFFECT_NAMED && !is_known(s, &res->effects[i]);
    if (more == 0 || s->nnamed + more <= s->loop->config->c->max_prepared_statements) return true;
    s->loop->stats.commands_refused++;
    px_session_error(s, (uint8_t)(c->last_seq + 1), 1461, "42000",
                     "straddle: this session has %zu statements prepared by name (max_prepared_statements); "
                     "DEALLOCATE some or raise it",
                     s->nnamed);
    return false;
}

static void refuse_elsewhere(px_session *s, const px_cmd *c, const px_named *n)
{
    rw_result why = {.error = 1235,
                     .sqlstate = "42000",
                     .code = "prepared_elsewhere",
                     .message = B_LIT("straddle: the default schema, sql_mode or character set has changed "
                                      "since the PREPARE of this statement on a migrating table, and what "
                                      "they were is not known or cannot be set again: PREPARE it again")};
    px_query_refuse(s, c, n->context, n->text, &why);
}

/* Is the server's statement what it is to be? False: *done. */
static bool renewed(px_session *s, const px_cmd *c, const rw_renewal *r, px_done *done)
{
    px_named *n = *find(s, r->name);
    if (n == NULL || n->context == NULL) return true; /* the text itself prepares it */
    bool same = s->vars.known && px_context_same(s->vars.now, n->context);
    if (!r->stale && (same || n->fresh)) return true;
    *done = PX_DONE;
    if (s->hidden.failed && s->hidden.named == n) { /* that was tried just now */
        mp_packet_put(px_conn_buf(&s->client), (uint8_t)(c->last_seq + 1), b_buf_view(&s->hidden.error));
        px_hidden_clear(s);
        return false;
    }
    bool vague = !s->asked_state && px_context_vague(s->vars.now, n->context);
    if (vague && (s->backend_caps & MP_CLIENT_SESSION_TRACK)) {
        s->asked_state = true;
        px_hidden_state(s);
        *done = PX_WAIT;
        return false;
    }
    if (!s->vars.known || !(same || px_context_reachable(s->vars.now, n->context))) {
        refuse_elsewhere(s, c, n);
        return false;
    }
    px_hidden_named(s, n, r);
    *done = PX_WAIT;
    return false;
}

static bool migrating(const px_session *s)
{
    bool any = false;
    for (size_t i = 0; i < rw_ruleset_size(s->rules) && !any; i++)
        any = rw_ruleset_at(s->rules, i)->phase != RW_FINISHED;
    return any;
}

/* What the statement was prepared in has to be known whole, if it is to be set again: SET NAMES does not tell
 * the collation. Where no migration is under way the client's FOUND_ROWS() is worth more than that. */
static bool ask_collation(px_session *s, const rw_result *res)
{
    bool prepares = false;
    if (!migrating(s)) return false;
    for (size_t i = 0; i < res->neffects; i++)
        prepares = prepares || (res->effects[i].kind == RW_EFFECT_NAMED && res->effects[i].text.p != NULL);
    if (!prepares || !s->vars.known || s->vars.now->collation.n > 0 || s->asked_state) return false;
    if (!(s->backend_caps & MP_CLIENT_SESSION_TRACK)) return false;
    s->asked_state = true;
    px_hidden_state(s);
    return true;
}

bool px_named_ready(px_session *s, const px_cmd *c, const rw_result *res, px_done *done)
{
    *done = PX_WAIT;
    if (ask_collation(s, res)) return false;
    *done = PX_DONE;
    if (!admits(s, c, res)) return false;
    for (size_t i = 0; i < res->nrenewals; i++)
        if (!renewed(s, c, &res->renewals[i], done)) return false;
    for (size_t i = 0; i < res->nrenewals; i++) {
        px_named *n = *find(s, res->renewals[i].name);
        if (n != NULL) n->fresh = false;
    }
    if (res->executed.n == 0) return true;
    s->run.kind = (s->run.kind & ~(unsigned)PX_KIND_CALLS) | (px_kind(res->executed, false) & PX_KIND_CALLS);
    s->run.warnings = s->shown_arena != NULL && b_slice_istarts(b_slice_trim(res->executed), B_LIT("show "));
    return true;
}

void px_named_prepared(px_session *s)
{
    px_named *n = s->hidden.named;
    size_t before = n->sent.n;
    b_buf_clear(&n->sent);
    n->looked = 0;
    if (!s->hidden.failed) b_buf_slice(&n->sent, b_buf_view(&s->hidden.sent));
    n->cost += n->sent.n - before; /* the sum may wrap on its way */
    s->stmt_bytes += n->sent.n - before;
    if (s->hidden.failed) return; /* the server has none of that name now */
    n->fresh = true;
    s->loop->stats.statements_reprepared++;
    px_hidden_clear(s);
}

/* --- statements in which no migrating table shows --- */

static bool as_written(const px_named *n)
{
    return b_slice_eq(n->text, b_buf_view(&n->sent));
}

static bool touches(const px_session *s, px_named *n)
{
    if (n->looked != s->rules_taken) {
        rw_charset in = n->context == NULL ? RW_CHARSET_UNKNOWN : n->context->charset;
        n->touches = n->text.p == NULL || rw_may_touch(s->rules, in, n->text) || !as_written(n);
        n->looked = s->rules_taken;
    }
    return n->touches;
}

/* Can EXECUTE be of a statement that names one? Where no migration is under way, only one that is not on the
 * server as the client wrote it needs a look. */
static bool any_touches(const px_session *s)
{
    bool under_way = migrating(s), any = under_way && s->named_unseen;
    for (px_named *n = s->named; n != NULL && !any; n = n->next)
        any = n->lost || (under_way ? touches(s, n) : !as_written(n));
    return any;
}

/* On a server there is no statement of a name then for which PREPARE has failed, be there one before. Which
 * names those are the rewriter tells. */
void px_named_refused(px_session *s, b_slice sql)
{
    rw_ctx ctx;
    rw_result res = {.verdict = RW_PASS};
    b_arena *arena = s->vars.known ? b_arena_new(0) : NULL;
    if (arena != NULL) px_vars_ctx(s, &ctx, NULL, arena, false);
    if (arena == NULL || rw_rewrite_cached(s->loop->cache, s->rules, &ctx, sql, arena, &res) != B_OK) {
        px_named_unseen(s);
        b_arena_free(arena);
        return;
    }
    for (size_t i = 0; i < res.neffects; i++) {
        px_named *n = res.effects[i].kind == RW_EFFECT_NAMED ? *find(s, res.effects[i].name) : NULL;
        if (n != NULL) n->lost = true;
    }
    b_arena_free(arena);
}

/* Notes what is prepared, while no migration is under way that it could be refused for. */
static px_done note(px_session *s, const px_cmd *c, b_slice from, b_slice sql)
{
    px_done done;
    rw_ctx ctx;
    if (!s->vars.known && !s->asked_state && (s->backend_caps & MP_CLIENT_SESSION_TRACK)) {
        s->asked_state = true;
        px_hidden_state(s);
        return PX_WAIT;
    }
    b_arena *arena = sql.p == from.p ? px_query_arena(s) : s->arena;
    px_vars_ctx(s, &ctx, NULL, arena, false);
    bool seen = s->vars.known && arena != NULL &&
                rw_rewrite_cached(s->loop->cache, s->rules, &ctx, sql, arena, &s->result) == B_OK &&
                s->result.verdict == RW_PASS;
    if (!seen) {
        px_named_unseen(s);
        return px_query_pass(s, c, from, sql);
    }
    if (!px_named_ready(s, c, &s->result, &done)) {
        if (done == PX_DONE) px_named_refused(s, sql);
        return done;
    }
    s->run.res = &s->result;
    return px_query_pass(s, c, from, sql);
}

px_done px_named_query(px_session *s, const px_cmd *c, b_slice from, b_slice sql)
{
    bool prepares = (s->run.kind & PX_KIND_PREPARES) != 0;
    if (s->rules == NULL) {
        if (prepares) px_named_unseen(s);
        return px_query_pass(s, c, from, sql);
    }
    if (!prepares && s->named == NULL && !s->named_unseen) return px_query_pass(s, c, from, sql);
    if (any_touches(s)) return px_query_migrating(s, c, from, sql);
    return note(s, c, from, sql);
}
