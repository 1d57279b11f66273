/* Commands of the client: framing, and which of them are looked at.
 *
 * One command at a time: what is pipelined behind it waits in the client's buffer. A handler that needs a
 * statement of our own to run first answers PX_WAIT; the command stays where it is and is tried again. */
#include "session.h"

#include "protocol/query.h"

#include <stdlib.h>

enum { FRAME_MORE, FRAME_OK, FRAME_TOO_BIG };

/* Under compression clients number the packets of a command as they like: servers do not look then. */
static void renumber(char *p, size_t n, uint8_t *last)
{
    uint8_t seq = 0;
    for (size_t at = 0; at < n; at += MP_HEADER + mp_header_get(p + at).len) {
        *last = seq;
        p[at + 3] = (char)seq++;
    }
}

/* All packets of the command at p. Payloads of several packets are joined in the loop's buffer. */
static int frame(px_session *s, char *p, size_t n, px_cmd *c)
{
    size_t at = 0, total = 0, limit = s->loop->config->c->max_statement_bytes;
    mp_header h;
    do {
        s->client.need = at + MP_HEADER;
        if (n < at + MP_HEADER) return FRAME_MORE;
        h = mp_header_get(p + at);
        total += h.len;
        s->client.need = at + MP_HEADER + h.len;
        c->last_seq = h.seq;
        if (total > limit) return FRAME_TOO_BIG;
        if (n < s->client.need) return FRAME_MORE;
        at = s->client.need;
    } while (h.len == MP_MAX_PAYLOAD);
    s->client.need = 0;
    if (s->compression.client != MP_COMPRESS_NONE) renumber(p, at, &c->last_seq);
    *c = (px_cmd){
        .raw = p, .nraw = at, .payload = {p + MP_HEADER, h.len}, .last_seq = c->last_seq, .one_packet = true};
    if (total == h.len) return FRAME_OK;
    c->one_packet = false;
    b_buf *b = &s->loop->joined;
    b_buf_clear(b);
    for (at = 0; at < c->nraw; at += MP_HEADER + h.len) {
        h = mp_header_get(p + at);
        b_buf_add(b, p + at + MP_HEADER, h.len);
    }
    c->payload = b_buf_view(b);
    return b->failed ? FRAME_TOO_BIG : FRAME_OK;
}

void px_cmd_start(px_session *s, const px_cmd *c)
{
    uint8_t command = (uint8_t)c->payload.p[0];
    s->last_seq = c->last_seq;
    if (s->loop->config->c->log_slow_ms > 0) s->run.sent_ns = uv_hrtime();
    mp_reply reply = mp_command_reply(command);
    if (reply == MP_REPLY_NONE) return;
    mp_response_start(&s->resp, command, s->backend_caps);
    if (command == MP_COM_STMT_EXECUTE && c->payload.n > 5)
        mp_response_flags(&s->resp, (uint8_t)c->payload.p[5]);
    px_session_set_state(s, reply == MP_REPLY_STREAM ? PX_RELAY : PX_RUN);
}

void px_cmd_forward(px_session *s, const px_cmd *c)
{
    px_conn_send(&s->backend, c->raw, c->nraw);
    px_cmd_start(s, c);
}

void px_cmd_replace(px_session *s, const px_cmd *c, uint8_t command, b_slice text)
{
    b_buf *b = px_conn_buf(&s->backend);
    size_t at = mp_packet_begin(b);
    mp_put_int(b, command, 1);
    b_buf_slice(b, c->attributes);
    b_buf_slice(b, text);
    uint8_t next = mp_packet_end(b, at, 0);
    s->run.seq_shift = (uint8_t)(c->last_seq + 1 - next);
    px_cmd_start(s, c);
}

/* --- handlers --- */

static px_done forward(px_session *s, const px_cmd *c)
{
    px_session_take_rules(s);
    px_cmd_forward(s, c);
    return PX_DONE;
}

static px_done unknown(px_session *s, const px_cmd *c)
{
    px_session_error(
        s, (uint8_t)(c->last_seq + 1), 1047, "08S01",
        "straddle: unknown command 0x%02x; it is not passed on, since its answer could not be followed",
        (unsigned)(uint8_t)c->payload.p[0]);
    return PX_DONE;
}

static px_done quit(px_session *s, const px_cmd *c)
{
    px_conn_send(&s->backend, c->raw, c->nraw);
    px_session_close(s);
    return PX_DONE;
}

static px_done change_user(px_session *s, const px_cmd *c)
{
    px_session_take_rules(s);
    s->last_seq = c->last_seq;
    px_session_set_state(s, PX_AUTH);
    px_auth_change_user(s, c->raw, c->nraw, c->payload, c->last_seq);
    return PX_DONE;
}

static px_done reset_connection(px_session *s, const px_cmd *c)
{
    s->run.reset = true;
    return forward(s, c);
}

static px_done set_option(px_session *s, const px_cmd *c)
{
    if (c->payload.n >= 3) {
        s->run.multi_on = c->payload.p[1] == 0;
        s->run.multi_off = c->payload.p[1] == 1;
    }
    return forward(s, c);
}

static px_done refused(px_session *s, const px_cmd *c, const char *why)
{
    s->loop->stats.commands_refused++;
    px_session_error(s, (uint8_t)(c->last_seq + 1), 1235, "42000", "straddle: %s %s",
                     mp_command_name((uint8_t)c->payload.p[0]), why);
    return PX_DONE;
}

static px_done replication(px_session *s, const px_cmd *c)
{
    if (!s->loop->config->c->refuse_replication) return forward(s, c);
    return refused(
        s, c, "is refused by configuration (replication: refuse); connect replicas to the server itself");
}

/* Both sides speak at will in it, so there is no answer to follow. */
static px_done clone_server(px_session *s, const px_cmd *c)
{
    return refused(s, c, "is not relayed; connect to the server itself");
}

typedef px_done (*handler)(px_session *s, const px_cmd *c);

static handler handler_of(uint8_t command)
{
    static const handler special[256] = {
        [MP_COM_QUERY] = px_query,
        [MP_COM_STMT_PREPARE] = px_stmt_prepare,
        [MP_COM_STMT_EXECUTE] = px_stmt_execute,
        [MP_COM_STMT_FETCH] = px_stmt_other,
        [MP_COM_STMT_RESET] = px_stmt_other,
        [MP_COM_STMT_CLOSE] = px_stmt_other,
        [MP_COM_STMT_BULK_EXECUTE] = px_stmt_execute,
        [MP_COM_STMT_SEND_LONG_DATA] = px_stmt_long_data,
        [MP_COM_QUIT] = quit,
        [MP_COM_CHANGE_USER] = change_user,
        [MP_COM_RESET_CONNECTION] = reset_connection,
        [MP_COM_SET_OPTION] = set_option,
        [MP_COM_FIELD_LIST] = px_fields,
        [MP_COM_BINLOG_DUMP] = replication,
        [MP_COM_BINLOG_DUMP_GTID] = replication,
        [MP_COM_REGISTER_SLAVE] = replication,
        [MP_COM_TABLE_DUMP] = replication,
        [MP_COM_CLONE] = clone_server,
    };
    if (special[command] != NULL) return special[command];
    return mp_command_reply(command) == MP_REPLY_UNKNOWN ? unknown : forward;
}

/* The backend is gone: the command is answered with why. */
static void orphan(px_session *s, const px_cmd *c)
{
    if (c->payload.n > 0 && (uint8_t)c->payload.p[0] == MP_COM_QUIT) {
        px_session_close(s);
        return;
    }
    if (s->lost.n > 0) {
        mp_packet_put(px_conn_buf(&s->client), (uint8_t)(c->last_seq + 1), b_buf_view(&s->lost));
        px_session_linger(s);
        return;
    }
    px_session_fail(
        s, (uint8_t)(c->last_seq + 1), 1053, "08S01",
        "straddle: backend %s closed this connection while it was idle; the command was not sent: "
        "connect again",
        s->loop->config->c->backend.address.text);
}

/* False: it is answered already, as the server would. */
static bool find_text(px_session *s, px_cmd *c)
{
    c->attributes = B_LIT("");
    c->text = b_slice_of(c->payload.p + 1, c->payload.n - 1);
    if ((uint8_t)c->payload.p[0] != MP_COM_QUERY) return true;
    if (mp_query_split(c->payload, s->caps, &c->attributes, &c->text) == B_OK) return true;
    px_session_error(s, (uint8_t)(c->last_seq + 1), 1835, "HY000",
                     "straddle: malformed packet: the attributes of this query cannot be followed");
    return false;
}

static px_done one(px_session *s, px_cmd *c)
{
    if (s->state == PX_ORPHAN) {
        orphan(s, c);
        return PX_DONE;
    }
    if (c->payload.n == 0) {
        px_session_error(s, (uint8_t)(c->last_seq + 1), 1835, "HY000",
                         "straddle: malformed packet: an empty command");
        return PX_DONE;
    }
    uint8_t command = (uint8_t)c->payload.p[0];
    s->run = (px_running){.command = command};
    px_again_begin(s);
    if (!find_text(s, c)) return PX_DONE;
    px_done done = handler_of(command)(s, c);
    if (done == PX_WAIT) return done;
    px_hold_forget(s);
    s->hold_over = s->again.back = false;
    s->asked_state = s->rules_counted = false;
    if (s->answer.asked) px_named_done(s);
    s->loop->stats.commands++;
    return done;
}

size_t px_cmd_client(px_session *s, char *p, size_t n)
{
    size_t at = 0;
    while (at < n && (s->state == PX_IDLE || s->state == PX_ORPHAN)) {
        px_cmd c = {.raw = NULL};
        int rc = frame(s, p + at, n - at, &c);
        if (rc == FRAME_MORE) break;
        if (rc == FRAME_TOO_BIG) {
            px_session_fail(
                s, (uint8_t)(c.last_seq + 1), 1153, "08S01",
                "straddle: got a packet bigger than max_statement_bytes (%llu); send less at once or "
                "raise it",
                (unsigned long long)s->loop->config->c->max_statement_bytes);
            return n;
        }
        px_conn_turn(&s->client, n - at - c.nraw);
        if (one(s, &c) == PX_WAIT) break;
        at += c.nraw;
        if (!c.one_packet) b_buf_deinit(&s->loop->joined);
    }
    return at;
}

/* The contents of a file, for LOAD DATA LOCAL INFILE: packets up to an empty one. */
size_t px_cmd_infile(px_session *s, char *p, size_t n)
{
    size_t at = 0;
    s->client.need = 0;
    while (at < n && s->resp.infile) {
        if (s->client_skip == 0) {
            s->client.need = MP_HEADER;
            if (n - at < MP_HEADER) return at;
            s->client.need = 0;
            mp_header h = mp_header_get(p + at);
            mp_response_infile(&s->resp, h);
            p[at + 3] = (char)s->run.infile_seq++;
            s->last_seq = h.seq;
            s->client_skip = h.len + MP_HEADER;
        }
        size_t take = n - at < s->client_skip ? n - at : s->client_skip;
        px_conn_send(&s->backend, p + at, take);
        s->client_skip -= (uint32_t)take;
        at += take;
    }
    if (!s->resp.infile) px_conn_turn(&s->client, n - at);
    return at;
}

/* While a binary log streams, a replica may acknowledge what it has stored; a command waits for the end. */
size_t px_cmd_relay(px_session *s, char *p, size_t n)
{
    enum { SEMISYNC_ACK = 0xEF };
    size_t at = 0;
    while (at < n) {
        s->client.need = MP_HEADER + 1;
        if (n - at < MP_HEADER + 1) return at;
        mp_header h = mp_header_get(p + at);
        s->client.need = 0;
        if (h.len == 0 || (uint8_t)p[at + MP_HEADER] != SEMISYNC_ACK) return at;
        s->client.need = MP_HEADER + (size_t)h.len;
        if (n - at < s->client.need) return at;
        px_conn_send(&s->backend, p + at, s->client.need);
        at += s->client.need;
        s->client.need = 0;
    }
    return at;
}
