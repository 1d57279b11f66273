/* Statements of our own on the client's backend connection, while the client's next command waits: reading
 * the session's state, and preparing a statement again. Their answers go no further.
 *
 * The state is read right after login, COM_CHANGE_USER and COM_RESET_CONNECTION, where no earlier statement
 * of the client's can miss its warnings or row count, and otherwise only when tracking has been tampered
 * with. */
#include "session.h"

/* Adds what is missing from the list: a name that is in it twice is an error on MySQL. */
#define TRACKED "@@SESSION.session_track_system_variables"
static const char track_sql[] =
    "SET SESSION session_track_schema = ON, SESSION session_track_system_variables = IF(" TRACKED
    " = '*', '*', CONCAT_WS(',', NULLIF(" TRACKED ", ''), IF(FIND_IN_SET('sql_mode', " TRACKED
    "), NULL, 'sql_mode'), IF(FIND_IN_SET('character_set_client', " TRACKED
    "), NULL, 'character_set_client')))";
static const char state_sql[] = "SELECT @@SESSION.sql_mode, @@SESSION.character_set_client, DATABASE()";

void px_hidden_clear(px_session *s)
{
    b_arena_free(s->hidden.arena);
    s->hidden.arena = NULL;
    s->hidden.stmt = NULL;
    s->hidden.failed = false;
    s->hidden.kind = PX_HIDDEN_NONE;
}

static void say(px_session *s, uint8_t command, b_slice text)
{
    b_buf *b = px_conn_buf(&s->backend);
    size_t at = mp_packet_begin(b);
    mp_put_int(b, command, 1);
    b_buf_slice(b, text);
    mp_packet_end(b, at, 0);
    s->loop->stats.hidden_statements++;
}

static void begin(px_session *s, px_hidden_kind kind, unsigned answers, uint8_t command)
{
    s->hidden.kind = kind;
    s->hidden.answers = answers;
    s->hidden.failed = false;
    b_buf_clear(&s->hidden.error);
    mp_response_start(&s->resp, command, s->backend_caps);
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
    say(s, MP_COM_QUERY, b_slice_str(track_sql));
    say(s, MP_COM_QUERY, b_slice_str(state_sql));
    begin(s, PX_HIDDEN_STATE, 2, MP_COM_QUERY);
}

bool px_hidden_prepare(px_session *s, mp_stmt *stmt, b_arena *arena, const rw_result *res)
{
    px_hidden_clear(s);
    s->hidden.stmt = stmt;
    s->hidden.arena = arena;
    s->hidden.res = *res;
    bool plain = arena == NULL || res->verdict == RW_PASS;
    say(s, MP_COM_STMT_PREPARE, plain ? b_slice_of(stmt->sql, stmt->sql_len) : res->sql);
    begin(s, PX_HIDDEN_PREPARE, 1, MP_COM_STMT_PREPARE);
    return true;
}

static void take_state_row(px_session *s, b_slice row)
{
    mp_reader r = mp_reader_of(row);
    bool no_schema = false;
    uint32_t mode = rw_sql_mode_parse(mp_read_lenenc_str(&r));
    rw_charset charset = rw_charset_parse(mp_read_lenenc_str(&r));
    mp_reader probe = r;
    (void)mp_read_lenenc(&probe, &no_schema);
    b_slice schema = no_schema ? B_LIT("") : mp_read_lenenc_str(&r);
    if (r.bad) return;
    s->vars.sql_mode = mode;
    s->vars.charset = charset;
    px_vars_set_schema(s, schema);
    s->meaning++;
    s->vars.known = true;
}

/* The statement now is what the new epoch makes of it. */
static void prepared(px_session *s)
{
    mp_stmt *stmt = s->hidden.stmt;
    px_stmt *x = stmt->extra;
    b_buf *b = px_conn_buf(&s->backend);
    size_t at = mp_packet_begin(b);
    mp_put_int(b, MP_COM_STMT_CLOSE, 1);
    mp_put_int(b, stmt->server_id, 4);
    mp_packet_end(b, at, 0);
    stmt->server_id = s->hidden.server_id;
    stmt->tag = s->epoch;
    x->fresh = true;
    s->loop->stats.statements_reprepared++;
    b_arena *arena = s->hidden.arena;
    s->hidden.arena = NULL;
    if (!px_stmt_set_result(stmt, arena, &s->hidden.res)) stmt->tag = UINT64_MAX; /* looked at again */
    px_hidden_clear(s);
}

static void over(px_session *s)
{
    if (s->hidden.kind == PX_HIDDEN_STATE && s->hidden.failed) s->vars.known = false;
    if (s->hidden.kind == PX_HIDDEN_PREPARE && !s->hidden.failed) prepared(s);
    px_session_set_state(s, PX_IDLE);
}

static void on_event(px_session *s, mp_event ev, b_slice payload)
{
    if (ev == MP_EV_ERR && !s->hidden.failed) {
        s->hidden.failed = true;
        b_buf_slice(&s->hidden.error, payload);
    }
    if (ev == MP_EV_ROW && s->hidden.kind == PX_HIDDEN_STATE) take_state_row(s, payload);
    if (ev == MP_EV_PREPARE_OK) s->hidden.server_id = s->resp.prepare.statement;
    if (!s->resp.done) return;
    if (--s->hidden.answers > 0)
        mp_response_start(&s->resp, MP_COM_QUERY, s->backend_caps);
    else
        over(s);
}

size_t px_hidden_backend(px_session *s, char *p, size_t n)
{
    size_t at = 0;
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
