/* Statements of our own on the client's backend connection, while the client's next command waits: reading
 * the session's state, and preparing a statement again. Their answers go no further.
 *
 * The state is read right after login, COM_CHANGE_USER and COM_RESET_CONNECTION, where no earlier statement
 * of the client's can miss its warnings or row count, and otherwise only when tracking has been tampered
 * with. */
#include "session.h"

#include "protocol/query.h"

/* Adds what is missing from the list: a name that is in it twice is an error on MySQL. */
#define TRACKED "@@SESSION.session_track_system_variables"
static const char track_sql[] =
    "SET SESSION session_track_schema = ON, SESSION session_track_system_variables = IF(" TRACKED
    " = '*', '*', CONCAT_WS(',', NULLIF(" TRACKED ", ''), IF(FIND_IN_SET('sql_mode', " TRACKED
    "), NULL, 'sql_mode'), IF(FIND_IN_SET('character_set_client', " TRACKED
    "), NULL, 'character_set_client'), IF(FIND_IN_SET('character_set_connection', " TRACKED
    "), NULL, 'character_set_connection'), IF(FIND_IN_SET('collation_connection', " TRACKED
    "), NULL, 'collation_connection'), IF(FIND_IN_SET('time_zone', " TRACKED "), NULL, 'time_zone')))";
static const char state_sql[] = "SELECT @@SESSION.sql_mode, @@SESSION.character_set_client, "
                                "@@SESSION.collation_connection, @@SESSION.time_zone, "
                                "DATABASE()";

void px_hidden_clear(px_session *s)
{
    b_arena_free(s->hidden.arena);
    b_buf error = s->hidden.error;
    b_buf_clear(&error);
    b_buf_deinit(&s->hidden.columns);
    b_buf_deinit(&s->hidden.sent);
    s->hidden = (px_hidden){.kind = PX_HIDDEN_NONE, .error = error};
}

static void say(px_session *s, uint8_t command, b_slice text, bool returns)
{
    b_buf *b = px_conn_buf(&s->backend);
    size_t at = mp_packet_begin(b);
    mp_put_int(b, command, 1);
    if (command == MP_COM_QUERY) mp_query_no_attributes(b, s->backend_caps);
    b_buf_slice(b, text);
    mp_packet_end(b, at, 0);
    s->hidden.steps[s->hidden.nsteps++] = (px_step){command, returns};
    s->loop->stats.hidden_statements++;
}

static void begin(px_session *s, px_hidden_kind kind)
{
    s->hidden.kind = kind;
    mp_response_start(&s->resp, s->hidden.steps[0].command, s->backend_caps);
    px_session_set_state(s, PX_HIDDEN);
}

void px_hidden_state(px_session *s)
{
    s->vars.known = false;
    if (!(s->backend_caps & MP_CLIENT_SESSION_TRACK)) {
        if (s->state != PX_IDLE) px_session_set_state(s, PX_IDLE);
        return;
    }
    px_hidden_clear(s);
    say(s, MP_COM_QUERY, b_slice_str(track_sql), false);
    say(s, MP_COM_QUERY, b_slice_str(state_sql), false);
    begin(s, PX_HIDDEN_STATE);
}

/* From one context to another, in at most two steps. */
static void go(px_session *s, const px_context *from, const px_context *to, bool returns)
{
    b_buf set = {0};
    b_slice schema = px_context_use(from, to);
    px_context_set(&set, from, to);
    if (set.n > 0) say(s, MP_COM_QUERY, b_buf_view(&set), returns);
    if (schema.n > 0) say(s, MP_COM_INIT_DB, schema, returns);
    if (set.failed) px_conn_buf(&s->backend)->failed = true; /* out of memory: the connection breaks */
    b_buf_deinit(&set);
}

/* In the context of then, and back to where the session is. */
static void say_in(px_session *s, const px_context *then, uint8_t command, b_slice text)
{
    const px_context *now = s->vars.now;
    bool elsewhere = !px_context_same(then, now);
    if (elsewhere) go(s, now, then, false);
    say(s, command, text, false);
    if (elsewhere && then->schema.n > 0) go(s, then, now, true);
    if (elsewhere && then->schema.n == 0) { /* the schema was left alone */
        px_context at = *then;
        at.schema = now->schema;
        go(s, &at, now, true);
    }
}

void px_hidden_prepare(px_session *s, mp_stmt *stmt, b_arena *arena, const rw_result *res)
{
    const px_stmt *x = stmt->extra;
    px_hidden_clear(s);
    s->hidden.stmt = stmt;
    s->hidden.arena = arena;
    s->hidden.res = *res;
    bool plain = arena == NULL || res->verdict == RW_PASS;
    say_in(s, x->context, MP_COM_STMT_PREPARE, plain ? b_slice_of(stmt->sql, stmt->sql_len) : res->sql);
    begin(s, PX_HIDDEN_PREPARE);
}

void px_hidden_named(px_session *s, px_named *n, const rw_renewal *r)
{
    px_hidden_clear(s);
    s->hidden.named = n;
    b_buf_slice(&s->hidden.sent, r->sent);
    say_in(s, n->context, MP_COM_QUERY, r->sql);
    begin(s, PX_HIDDEN_NAMED);
}

/* In hexadecimal of its utf8mb4: no character set of the results can spoil that. */
void px_hidden_value(px_session *s, b_slice expression)
{
    b_buf sql = {0};
    px_hidden_clear(s);
    b_buf_printf(&sql,
                 "SELECT (%.*s) IS NULL, IF(OCTET_LENGTH(%.*s) <= 1000000, HEX(CONVERT((%.*s) USING "
                 "utf8mb4)), NULL)",
                 B_ARG(expression), B_ARG(expression), B_ARG(expression));
    if (sql.failed) px_conn_buf(&s->backend)->failed = true; /* out of memory: the connection breaks */
    say(s, MP_COM_QUERY, b_buf_view(&sql), false);
    b_buf_deinit(&sql);
    begin(s, PX_HIDDEN_VALUE);
}

static void take_state_row(px_session *s, b_slice row)
{
    mp_reader r = mp_reader_of(row);
    bool no_schema = false;
    b_slice mode = mp_read_lenenc_str(&r), client = mp_read_lenenc_str(&r);
    b_slice collation = mp_read_lenenc_str(&r), zone = mp_read_lenenc_str(&r);
    mp_reader probe = r;
    (void)mp_read_lenenc(&probe, &no_schema);
    b_slice schema = no_schema ? B_LIT("") : mp_read_lenenc_str(&r);
    if (r.bad) return;
    s->vars.known = true;
    px_vars_zone(s, zone);
    px_vars_set(s, schema, mode, client, collation);
}

static void close_statement(px_session *s, uint32_t server_id)
{
    b_buf *b = px_conn_buf(&s->backend);
    size_t at = mp_packet_begin(b);
    mp_put_int(b, MP_COM_STMT_CLOSE, 1);
    mp_put_int(b, server_id, 4);
    mp_packet_end(b, at, 0);
}

/* The statement now is what the new epoch makes of it. */
static void prepared(px_session *s)
{
    mp_stmt *stmt = s->hidden.stmt;
    px_stmt *x = stmt->extra;
    b_arena *arena = s->hidden.arena;
    rw_result res = s->hidden.res;
    close_statement(s, stmt->server_id);
    stmt->server_id = s->hidden.made.statement;
    stmt->ncolumns = s->hidden.made.columns;
    stmt->tag = s->epoch;
    x->fresh = true;
    b_buf_deinit(&x->columns);
    x->columns = s->hidden.columns;
    s->hidden.columns = (b_buf){0};
    s->loop->stats.statements_reprepared++;
    s->hidden.arena = NULL;
    if (!px_stmt_set_result(stmt, arena, &res)) stmt->tag = UINT64_MAX; /* looked at again */
    (void)px_stmt_account(s, stmt, 0);
    px_hidden_clear(s);
}

/* The placeholders that the server counted must be those that EXECUTE will be given. */
static bool right_count(const px_session *s)
{
    const px_hidden *h = &s->hidden;
    bool plain = h->arena == NULL || h->res.verdict == RW_PASS || h->res.params.identity;
    return h->made.params == (plain ? h->stmt->nparams : h->res.params.nout);
}

static void prepare_over(px_session *s)
{
    px_hidden *h = &s->hidden;
    if (h->prepared && !h->failed && !right_count(s)) {
        h->failed = true;
        mp_err_put(&h->error, 1105, "HY000",
                   B_LIT("straddle: the server counts other placeholders in a statement that was prepared "
                         "again for a new phase of a migration; please report it, and prepare it again"));
    }
    if (h->failed && h->prepared) close_statement(s, h->made.statement);
    if (!h->stuck && !h->failed) prepared(s);
}

static void stuck(px_session *s)
{
    px_session_fail(s, 1, 1105, "HY000",
                    "straddle: a statement was prepared again for a new phase of a migration, and then the "
                    "session's schema, sql_mode and character set could not be set back; connect again");
}

static void over(px_session *s)
{
    if (s->hidden.kind == PX_HIDDEN_STATE && s->hidden.failed) s->vars.known = false;
    bool is_stuck = s->hidden.stuck;
    if (s->hidden.kind == PX_HIDDEN_PREPARE) prepare_over(s);
    if (s->hidden.kind == PX_HIDDEN_NAMED) px_named_prepared(s);
    if (is_stuck) stuck(s);
    if (s->state == PX_HIDDEN) px_session_set_state(s, PX_IDLE);
}

static void on_error(px_session *s, b_slice payload)
{
    px_hidden *h = &s->hidden;
    if (!h->failed) b_buf_slice(&h->error, payload);
    h->failed = true;
    if (h->steps[h->at].returns) h->stuck = true;
}

static void on_event(px_session *s, mp_event ev, b_slice payload)
{
    px_hidden *h = &s->hidden;
    if (ev == MP_EV_ERR) on_error(s, payload);
    if (ev == MP_EV_ROW && h->kind == PX_HIDDEN_STATE) take_state_row(s, payload);
    if (ev == MP_EV_ROW && h->kind == PX_HIDDEN_VALUE) px_named_value(s, payload);
    if (ev == MP_EV_PREPARE_OK) {
        h->prepared = true;
        h->made = s->resp.prepare;
    }
    bool cached = (s->backend_caps & MP_MARIADB_CACHE_METADATA) != 0;
    if (ev == MP_EV_COLUMN && h->kind == PX_HIDDEN_PREPARE && cached)
        (void)mp_packet_put(&h->columns, 0, payload);
    if (!s->resp.done) return;
    if (++h->at < h->nsteps)
        mp_response_start(&s->resp, h->steps[h->at].command, s->backend_caps);
    else
        over(s);
}

size_t px_hidden_backend(px_session *s, char *p, size_t n)
{
    size_t at = 0;
    if (s->hidden.kind == PX_HIDDEN_REGISTER) return 0; /* nothing was asked: it keeps until then */
    while (at < n && s->state == PX_HIDDEN) {
        s->backend.need = MP_HEADER;
        if (n - at < MP_HEADER) return at;
        mp_header h = mp_header_get(p + at);
        s->backend.need = MP_HEADER + (size_t)h.len;
        if (n - at < s->backend.need) return at;
        size_t size = s->backend.need;
        s->backend.need = 0;
        b_slice payload = b_slice_of(p + at + MP_HEADER, h.len);
        mp_event ev = mp_response_next(&s->resp, h, payload);
        if (ev == MP_EV_BAD) {
            px_session_fail(
                s, 1, 1105, "HY000",
                "straddle: the server's answer to a statement of ours was not understood; connect again");
            return n;
        }
        on_event(s, ev, payload);
        at += size;
    }
    return at;
}
