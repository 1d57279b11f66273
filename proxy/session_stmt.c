/* Prepared statements: the client's ids are ours, the text behind them is what the rules of the epoch make of
 * it. When the epoch has moved on, EXECUTE first has the statement looked at again, and prepared again on the
 * server where its text has become another one.
 *
 * A prepared statement means what it meant when it was prepared: where the default schema, sql_mode or
 * character set has changed since, the old ones are set for as long as preparing it again takes. Where that
 * cannot be done, EXECUTE is refused. */
#include "kind.h"
#include "session.h"

#include <stdlib.h>

void px_stmt_free_extra(void *extra)
{
    px_stmt *x = extra;
    b_arena_free(x->arena);
    px_context_unref(x->context);
    b_buf_deinit(&x->columns);
    if (x->total != NULL) *x->total -= x->cost;
    free(x);
}

bool px_stmt_account(px_session *s, mp_stmt *stmt, size_t more)
{
    enum { OVERHEAD = 512 }; /* the structures, and what malloc keeps for itself */
    px_stmt *x = stmt->extra;
    size_t cost = OVERHEAD + stmt->sql_len + stmt->long_bytes + x->columns.n;
    if (x->arena != NULL) cost += b_arena_used(x->arena);
    cost += (stmt->types == NULL ? 0 : 2 * (size_t)stmt->nparams) + sizeof(uint32_t) * (size_t)stmt->map.nout;
    s->stmt_bytes += cost - x->cost;
    x->cost = cost;
    x->total = &s->stmt_bytes;
    uint64_t limit = s->loop->config->c->max_session_bytes;
    return s->stmt_bytes <= limit && more <= limit - s->stmt_bytes;
}

static uint32_t get_id(const px_cmd *c)
{
    const unsigned char *p = (const unsigned char *)c->payload.p;
    if (c->payload.n < 5) return 0;
    return (uint32_t)p[1] | (uint32_t)p[2] << 8 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 24;
}

/* In the packet as it was read: the id lies in the first packet of the command. */
static void set_id(const px_cmd *c, uint32_t id)
{
    for (int i = 0; i < 4; i++) c->raw[MP_HEADER + 1 + i] = (char)(id >> (8 * i));
}

static px_done no_statement(px_session *s, const px_cmd *c)
{
    px_session_error(s, (uint8_t)(c->last_seq + 1), 1243, "HY000",
                     "Unknown prepared statement handler (%u) given to %s", (unsigned)get_id(c),
                     mp_command_name((uint8_t)c->payload.p[0]));
    return PX_DONE;
}

bool px_stmt_set_result(mp_stmt *stmt, b_arena *arena, const rw_result *res)
{
    px_stmt *x = stmt->extra;
    bool plain = arena == NULL || res->verdict == RW_PASS || res->params.identity;
    b_status st = plain ? mp_stmt_set_map(stmt, NULL, 0, 0)
                        : mp_stmt_set_map(stmt, res->params.source, res->params.nout, res->params.nin);
    if (st != B_OK) {
        b_arena_free(arena);
        return false;
    }
    if (x->arena != arena) b_arena_free(x->arena);
    x->arena = arena;
    x->res = arena == NULL ? (rw_result){.verdict = RW_PASS} : *res;
    return true;
}

static bool can_map(const rw_result *res)
{
    return res->verdict == RW_PASS || res->params.identity || res->params.nout >= res->params.nin;
}

static void refuse(px_session *s, const px_cmd *c, const mp_stmt *stmt, const char *code, b_slice message)
{
    rw_result why = {.error = 1235, .sqlstate = "42000", .code = code, .message = message};
    const px_stmt *x = stmt->extra;
    px_query_refuse(s, c, x->context, b_slice_of(stmt->sql, stmt->sql_len), &why);
}

/* --- PREPARE --- */

static mp_stmt *add(px_session *s, b_slice sql)
{
    mp_stmt *stmt = mp_stmts_add(s->stmts, sql);
    px_stmt *x = calloc(1, sizeof *x);
    if (stmt == NULL || x == NULL) {
        free(x);
        if (stmt != NULL) mp_stmts_remove(s->stmts, stmt->client_id);
        return NULL;
    }
    stmt->extra = x;
    stmt->tag = s->epoch;
    x->kind = px_kind(sql, false);
    if (s->vars.known) x->context = px_context_ref(s->vars.now);
    return stmt;
}

/* Is the text to be looked at: does it touch a migrating table, or are there regex rules? */
static bool looked_at(px_session *s, b_slice sql)
{
    return px_rules_any(s) || px_query_touches(s, sql);
}

/* first ran before second: *second's map becomes that of both. */
static bool join_maps(const rw_result *first, rw_result *second, b_arena *arena)
{
    const rw_param_map *a = &first->params, *b = &second->params;
    if (first->verdict == RW_PASS || a->identity) return true;
    uint32_t *source = b_arena_array(arena, b->nout + 1, sizeof *source);
    if (source == NULL) return false;
    for (uint32_t i = 0; i < b->nout; i++) source[i] = a->source[b->source[i]];
    second->params = (rw_param_map){.source = source, .nout = b->nout, .nin = a->nin};
    return true;
}

/* What the rules of migrations make of what the regex rules made of it. False: *done. */
static bool rewrite_after(px_session *s, const px_cmd *c, const mp_stmt *stmt, b_arena *arena, rw_result *res,
                          px_done *done)
{
    const px_stmt *x = stmt->extra;
    rw_result first = *res;
    *done = PX_WAIT;
    if (px_hold(s, first.sql)) return false;
    if (!px_query_ready(s, c, done)) return false;
    if (!px_query_rewrite(s, c, first.sql, x->context, arena, true, res)) return false;
    if (first.verdict == RW_REWRITTEN && res->verdict == RW_PASS) res->verdict = RW_REWRITTEN;
    if (join_maps(&first, res, arena)) return true;
    refuse(s, c, stmt, "memory", B_LIT("straddle: out of memory; try again"));
    return false;
}

/* Rewrites the statement's text into *arena, *res; *arena is NULL where there is nothing to be done with it.
 * False: *done says whether it is answered or waits. */
static bool rewrite(px_session *s, const px_cmd *c, const mp_stmt *stmt, b_arena **arena, rw_result *res,
                    px_done *done)
{
    px_stmt *x = stmt->extra;
    b_slice sql = b_slice_of(stmt->sql, stmt->sql_len);
    *res = (rw_result){.verdict = RW_PASS, .sql = sql, .params = {.identity = true}};
    *arena = b_arena_new(0);
    *done = PX_DONE;
    if (*arena == NULL) {
        refuse(s, c, stmt, "memory", B_LIT("straddle: out of memory; try again"));
        return false;
    }
    bool ok = !px_rules_any(s) || px_rules_run(s, c, sql, x->context, *arena, true, res);
    x->ruled = res->verdict == RW_REWRITTEN;
    bool touches = ok && px_query_touches(s, res->sql);
    if (touches) ok = rewrite_after(s, c, stmt, *arena, res, done);
    if (ok && !can_map(res)) {
        refuse(
            s, c, stmt, "placeholders",
            B_LIT(
                "straddle: a placeholder of this statement would not be sent on once it is rewritten; write "
                "the value once, without a placeholder that is not needed"));
        ok = false;
    }
    if (ok && (touches || res->verdict != RW_PASS)) return true;
    b_arena_free(*arena);
    *arena = NULL;
    return ok;
}

/* Reads the session's state once more for this command, if it is wanted. True: the command waits. */
static bool ask_collation(px_session *s, bool wanted)
{
    if (!wanted || s->asked_state || !(s->backend_caps & MP_CLIENT_SESSION_TRACK)) return false;
    s->asked_state = true;
    px_hidden_state(s);
    return true;
}

/* The map or the memory for a rewritten statement could not be had. */
static px_done not_kept(px_session *s, const px_cmd *c)
{
    px_session_error(s, (uint8_t)(c->last_seq + 1), 1390, "HY000",
                     "straddle: a prepared statement on a migrating table cannot be kept: it has more than "
                     "65535 placeholders once rewritten, or memory ran out; prepare a shorter one");
    return PX_DONE;
}

static px_done too_many(px_session *s, const px_cmd *c)
{
    s->loop->stats.commands_refused++;
    px_session_error(
        s, (uint8_t)(c->last_seq + 1), 1461, "42000",
        "straddle: this session has %zu prepared statements (max_prepared_statements); close some or "
        "raise it",
        mp_stmts_count(s->stmts));
    return PX_DONE;
}

static px_done too_big(px_session *s, const px_cmd *c)
{
    s->loop->stats.commands_refused++;
    px_session_error(s, (uint8_t)(c->last_seq + 1), 1041, "HY000",
                     "straddle: this session's prepared statements would take more than %llu bytes "
                     "(max_session_bytes); close some or raise it",
                     (unsigned long long)s->loop->config->c->max_session_bytes);
    return PX_DONE;
}

px_done px_stmt_prepare(px_session *s, const px_cmd *c)
{
    b_slice sql = c->text;
    px_done done = PX_DONE;
    px_session_take_rules(s);
    mp_stmts_forget_last(s->stmts);
    if (mp_stmts_count(s->stmts) >= s->loop->config->c->max_prepared_statements) return too_many(s, c);
    bool looked = looked_at(s, sql);
    if (looked && !px_query_known(s, c, &done)) return done;
    if (looked && ask_collation(s, s->vars.now->collation.n == 0)) return PX_WAIT;
    mp_stmt *stmt = add(s, sql);
    if (stmt == NULL) {
        px_session_error(s, (uint8_t)(c->last_seq + 1), 1041, "HY000", "straddle: out of memory; try again");
        return PX_DONE;
    }
    px_stmt *x = stmt->extra;
    b_arena *arena = NULL;
    rw_result res = {.verdict = RW_PASS};
    bool ok = !looked || rewrite(s, c, stmt, &arena, &res, &done);
    if (!ok || !px_stmt_set_result(stmt, arena, &res)) {
        mp_stmts_remove(s->stmts, stmt->client_id);
        return ok ? not_kept(s, c) : done;
    }
    if (!px_stmt_account(s, stmt, 0)) {
        mp_stmts_remove(s->stmts, stmt->client_id);
        return too_big(s, c);
    }
    if (px_again_relays(s, c, sql, x->context)) {
        mp_stmts_remove(s->stmts, stmt->client_id);
        return PX_DONE;
    }
    s->run.stmt = stmt;
    s->run.res = x->arena == NULL ? NULL : &x->res;
    px_again_keep(s, c, sql, x->context);
    if (x->res.verdict == RW_PASS)
        px_cmd_forward(s, c);
    else
        px_cmd_replace(s, c, MP_COM_STMT_PREPARE, x->res.sql);
    return PX_DONE;
}

/* --- EXECUTE --- */

static b_slice text_of(const mp_stmt *stmt, b_arena *arena, const rw_result *res)
{
    if (arena == NULL || res->verdict == RW_PASS) return b_slice_of(stmt->sql, stmt->sql_len);
    return res->sql;
}

static bool same_map(const mp_stmt *stmt, b_arena *arena, const rw_result *res)
{
    bool plain = arena == NULL || res->verdict == RW_PASS || res->params.identity;
    if (plain || stmt->map.source == NULL) return plain && stmt->map.source == NULL;
    return stmt->map.nout == res->params.nout && stmt->map.nin == res->params.nin &&
           memcmp(stmt->map.source, res->params.source, res->params.nout * sizeof *res->params.source) == 0;
}

/* Can the statement be prepared again in the context of its PREPARE? False: answered, or *done is WAIT. */
static bool can_go_back(px_session *s, const px_cmd *c, const mp_stmt *stmt, px_done *done)
{
    const px_stmt *x = stmt->extra;
    if (ask_collation(s, !s->vars.known || px_context_vague(s->vars.now, x->context))) {
        *done = PX_WAIT;
        return false;
    }
    if (x->context != NULL && s->vars.known &&
        (px_context_same(s->vars.now, x->context) || px_context_reachable(s->vars.now, x->context)))
        return true;
    refuse(s, c, stmt, "prepared_elsewhere",
           B_LIT("straddle: the default schema, sql_mode or character set has changed since this statement "
                 "on a migrating table was prepared, the migration has moved on, and what they were is not "
                 "known or cannot be set again; prepare it again"));
    return false;
}

/* After a change to the table the server prepares a statement again by itself, but as the session is now. So
 * where that is not as it was at PREPARE, we do it directly before every EXECUTE. */
static bool elsewhere(const px_session *s, const px_stmt *x)
{
    return !x->fresh && !px_context_same(s->vars.now, x->context);
}

/* What it writes or reads hangs on the time zone of the moment: looked at again, which refuses it. */
static bool other_zone(const px_session *s, const px_stmt *x)
{
    return x->res.zone.n > 0 && !b_slice_ieq(x->res.zone, b_slice_of(s->vars.zone, s->vars.zone_len));
}

/* The epoch has moved, or the session: what is the statement now? True: it can be executed. */
static bool renew(px_session *s, const px_cmd *c, mp_stmt *stmt, px_done *done)
{
    px_stmt *x = stmt->extra;
    b_arena *arena = NULL;
    rw_result res = {.verdict = RW_PASS};
    *done = PX_DONE;
    bool looked = looked_at(s, b_slice_of(stmt->sql, stmt->sql_len));
    if (!looked && x->arena == NULL) {
        stmt->tag = s->epoch;
        return true;
    }
    if (looked && !px_query_known(s, c, done)) return false;
    if (s->hidden.failed && s->hidden.stmt == stmt) { /* preparing it again was tried just now */
        if (px_again_hidden(s, b_slice_of(stmt->sql, stmt->sql_len), b_buf_view(&s->hidden.error)))
            *done = PX_WAIT;
        else
            mp_packet_put(px_conn_buf(&s->client), (uint8_t)(c->last_seq + 1), b_buf_view(&s->hidden.error));
        px_hidden_clear(s);
        return false;
    }
    if (looked && !rewrite(s, c, stmt, &arena, &res, done)) return false;
    if (arena == NULL && x->arena == NULL) {
        stmt->tag = s->epoch;
        return true;
    }
    if (!can_go_back(s, c, stmt, done)) {
        b_arena_free(arena);
        return false;
    }
    bool same = b_slice_eq(text_of(stmt, arena, &res), text_of(stmt, x->arena, &x->res)) &&
                same_map(stmt, arena, &res) && !(arena != NULL && elsewhere(s, x));
    if (!same) {
        px_hidden_prepare(s, stmt, arena, &res);
        *done = PX_WAIT;
        return false;
    }
    if (!px_stmt_set_result(stmt, arena, &res)) {
        not_kept(s, c);
        return false;
    }
    stmt->tag = s->epoch;
    return true;
}

static bool is_bulk(const px_cmd *c)
{
    return (uint8_t)c->payload.p[0] == MP_COM_STMT_BULK_EXECUTE;
}

/* A rewritten statement may use a parameter in places where DEFAULT means another column's. */
static void refuse_defaults(px_session *s, const px_cmd *c, mp_stmt *stmt)
{
    refuse(s, c, stmt, "bulk_default",
           B_LIT("straddle: a bulk execution on a migrating table gives DEFAULT or IGNORE for a parameter, "
                 "which is supported for values and NULL only; write DEFAULT into the statement"));
}

static void sample(px_session *s, const px_cmd *c, const mp_stmt *stmt)
{
    const px_stmt *x = stmt->extra;
    if (x->arena != NULL && mig_shadow_on(s->loop->app->engine)) px_shadow_execute(s, c, stmt);
}

static void execute_encoded(px_session *s, const px_cmd *c, mp_stmt *stmt)
{
    px_stmt *x = stmt->extra;
    b_buf *b = px_conn_buf(&s->backend);
    size_t before = b->n;
    bool defaults = false;
    b_status st = mp_stmt_put_long(stmt, b);
    size_t at = mp_packet_begin(b);
    if (st == B_OK)
        st = is_bulk(c) ? mp_stmt_bulk(stmt, c->payload, &defaults, b)
                        : mp_stmt_execute(stmt, c->payload, s->backend_caps, x->fresh, b);
    if (st == B_OK && defaults && x->arena != NULL && x->res.verdict == RW_REWRITTEN) {
        b->n = before;
        refuse_defaults(s, c, stmt);
        return;
    }
    if (st != B_OK) {
        b->n = before;
        px_session_error(
            s, (uint8_t)(c->last_seq + 1), 1210, "HY000",
            "straddle: the parameters of this EXECUTE cannot be followed (%s); prepare the statement "
            "again",
            b_status_text(st));
        return;
    }
    uint8_t next = mp_packet_end(b, at, 0);
    s->run.seq_shift = (uint8_t)(c->last_seq + 1 - next);
    x->fresh = false;
    sample(s, c, stmt);
    px_cmd_start(s, c);
}

px_done px_stmt_execute(px_session *s, const px_cmd *c)
{
    px_done done;
    mp_stmt *stmt = mp_stmts_get(s->stmts, get_id(c));
    if (stmt == NULL) return no_statement(s, c);
    px_stmt *x = stmt->extra;
    px_session_take_rules(s);
    if (px_hold(s, b_slice_of(stmt->sql, stmt->sql_len)) || (x->arena != NULL && px_hold(s, x->res.sql)))
        return PX_WAIT;
    bool stale = stmt->tag != s->epoch || (x->arena != NULL && (elsewhere(s, x) || other_zone(s, x)));
    if (stale && !renew(s, c, stmt, &done)) return done;
    if (x->arena != NULL && !px_query_ready(s, c, &done)) return done;
    if (x->bad_long) {
        px_session_error(s, (uint8_t)(c->last_seq + 1), 1210, "HY000",
                         "Incorrect arguments to mysqld_stmt_send_long_data%s",
                         x->over ? " (straddle: more than max_session_bytes; send less, or raise it)" : "");
        return PX_DONE;
    }
    b_slice sent = text_of(stmt, x->arena, &x->res);
    if (px_again_relays(s, c, sent, x->context)) return PX_DONE;
    px_again_keep(s, c, sent, x->context);
    s->statements++;
    s->run.stmt = stmt;
    s->run.kind = x->kind;
    if (x->arena != NULL) {
        s->run.res = &x->res;
        s->run.started_ns = uv_hrtime();
        if (!s->run.again) px_query_count(s, &x->res, x->context, b_slice_of(stmt->sql, stmt->sql_len));
    }
    uint64_t *count = x->arena == NULL            ? &s->loop->stats.statements_forwarded
                      : x->res.verdict == RW_PASS ? &s->loop->stats.statements_passed
                                                  : &s->loop->stats.statements_rewritten;
    ++*count;
    bool looked_at = is_bulk(c) && x->arena != NULL && x->res.verdict == RW_REWRITTEN;
    if (x->fresh || stmt->map.source != NULL || stmt->long_data != NULL || looked_at) {
        execute_encoded(s, c, stmt);
        return PX_DONE;
    }
    b_status noted = is_bulk(c) ? mp_stmt_note_bulk(stmt, c->payload)
                                : mp_stmt_note_types(stmt, c->payload, s->backend_caps);
    if (noted == B_NOMEM) {
        px_session_error(s, (uint8_t)(c->last_seq + 1), 1041, "HY000", "straddle: out of memory; try again");
        return PX_DONE;
    }
    sample(s, c, stmt);
    set_id(c, stmt->server_id);
    px_cmd_forward(s, c);
    return PX_DONE;
}

static void drop_long(px_session *s, mp_stmt *stmt)
{
    px_stmt *x = stmt->extra;
    if (stmt->long_sent) s->long_pending--;
    stmt->long_sent = false;
    x->bad_long = x->over = false;
    mp_stmt_drop_long(stmt);
    (void)px_stmt_account(s, stmt, 0);
}

void px_stmt_executed(px_session *s, mp_stmt *stmt)
{
    if (stmt->long_sent || stmt->long_data != NULL) drop_long(s, stmt);
}

/* --- the rest --- */

px_done px_stmt_other(px_session *s, const px_cmd *c)
{
    uint8_t command = (uint8_t)c->payload.p[0];
    uint32_t id = get_id(c);
    mp_stmt *stmt = mp_stmts_get(s->stmts, id);
    if (stmt == NULL) return command == MP_COM_STMT_CLOSE ? PX_DONE : no_statement(s, c);
    px_session_take_rules(s);
    set_id(c, stmt->server_id);
    if (command == MP_COM_STMT_RESET || command == MP_COM_STMT_CLOSE) drop_long(s, stmt);
    if (command == MP_COM_STMT_CLOSE) {
        px_hidden_clear(s);
        mp_stmts_remove(s->stmts, stmt->client_id);
    }
    px_cmd_forward(s, c);
    return PX_DONE;
}

/* Kept here where the statement touches a migrating table or has to be looked at again first; else it goes to
 * the server at once, and the session keeps its epoch until EXECUTE. */
px_done px_stmt_long_data(px_session *s, const px_cmd *c)
{
    uint32_t id, param;
    b_slice data;
    if (mp_send_long_parse(c->payload, &id, &param, &data) != B_OK) return PX_DONE;
    mp_stmt *stmt = mp_stmts_get(s->stmts, id);
    if (stmt == NULL) return PX_DONE;
    px_stmt *x = stmt->extra;
    px_session_take_rules(s);
    if (!stmt->long_sent && (x->arena != NULL || stmt->tag != s->epoch)) {
        x->over = x->over || !px_stmt_account(s, stmt, data.n + sizeof(mp_long_data));
        if (x->over || mp_stmt_keep_long(stmt, param, data) != B_OK) x->bad_long = true;
        (void)px_stmt_account(s, stmt, 0);
        return PX_DONE;
    }
    if (!stmt->long_sent) s->long_pending++;
    stmt->long_sent = true;
    set_id(c, stmt->server_id);
    px_cmd_forward(s, c);
    return PX_DONE;
}
