/* A session's life: accept, connect to the backend, move bytes, end. See session.h. */
#include "session.h"

#include "spread.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINGER_MS = 2000 };

static const char *const state_names[] = {
#define PX_STATE_NAME(code, text) text,
    PX_STATE_LIST(PX_STATE_NAME)
#undef PX_STATE_NAME
};

const char *px_session_state_name(px_state state)
{
    return state_names[state];
}

static bool may_follow(px_state from, px_state to)
{
#define TO(x) (1u << (x))
    enum { END = TO(PX_LINGER) | TO(PX_CLOSING) };
    static const unsigned next[] = {
        [PX_HEADER] = TO(PX_CONNECT) | END,
        [PX_CONNECT] = TO(PX_GREETING) | END,
        [PX_GREETING] = TO(PX_LOGIN) | END,
        [PX_LOGIN] = TO(PX_SECURE) | TO(PX_AUTH) | END,
        [PX_SECURE] = TO(PX_AUTH) | END,
        [PX_AUTH] = TO(PX_HIDDEN) | TO(PX_IDLE) | END,
        [PX_HIDDEN] = TO(PX_IDLE) | END,
        [PX_IDLE] = TO(PX_RUN) | TO(PX_HIDDEN) | TO(PX_AUTH) | TO(PX_RELAY) | TO(PX_ORPHAN) | END,
        [PX_RUN] = TO(PX_IDLE) | TO(PX_HIDDEN) | END,
        [PX_RELAY] = TO(PX_IDLE) | END,
        [PX_ORPHAN] = END,
        [PX_LINGER] = TO(PX_CLOSING),
        [PX_CLOSING] = 0,
    };
#undef TO
    return (next[from] & 1u << to) != 0;
}

void px_session_set_state(px_session *s, px_state state)
{
    if (b_log_on(&s->loop->app->log, B_DEBUG))
        b_logf(&s->loop->app->log, B_DEBUG, "session", "session=%llu %s -> %s", (unsigned long long)s->id,
               state_names[s->state], state_names[state]);
    bool right = may_follow(s->state, state);
    assert(right);
    if (!right)
        b_logf(&s->loop->app->log, B_ERROR, "session",
               "session=%llu from %s to %s is not a step that sessions take; please report it",
               (unsigned long long)s->id, state_names[s->state], state_names[state]);
    if (state != PX_IDLE) px_hold_forget(s);
    if (state >= PX_LINGER && s->state < PX_LINGER) px_session_unregister(s);
    s->state = state;
}

void px_session_deadline(px_session *s, uint64_t ms)
{
    uint64_t at = ms == 0 ? 0 : uv_now(&s->loop->uv) + ms;
    if (at != 0 && s->deadline_ms == 0) s->loop->nlimited++;
    if (at == 0 && s->deadline_ms != 0) s->loop->nlimited--;
    s->deadline_ms = at;
}

/* --- the end --- */

static void free_session(px_session *s)
{
    px_loop *loop = s->loop;
    px_hidden_clear(s);
    px_auth_end(s);
    b_buf_deinit(&s->hidden.error);
    b_buf_deinit(&s->run.fields_last);
    px_vars_forget(s);
    mp_stmts_free(s->stmts);
    px_context_unref(s->vars.now);
    b_buf_deinit(&s->lost);
    px_log_drop(s);
    px_again_rest(s);
    px_shadow_drop(s);
    b_arena_free(s->arena);
    px_patch_forget(s);
    if (s->rules != NULL) rw_ruleset_unref(s->rules);
    px_conn_deinit(&s->client);
    px_conn_deinit(&s->backend);
    if (s->prev != NULL) s->prev->next = s->next;
    if (s->next != NULL) s->next->prev = s->prev;
    if (loop->sessions == s) loop->sessions = s->next;
    loop->nsessions--;
    loop->stats.bytes_from_clients += s->client.bytes_in;
    loop->stats.bytes_to_clients += s->client.bytes_out;
    px_spread_left(loop);
    free(s);
}

static void on_closed(uv_handle_t *h)
{
    px_conn *c = h->data;
    px_session *s = c->session;
    if (--s->handles == 0 && s->state == PX_CLOSING) free_session(s);
}

static void close_conn(px_conn *c)
{
    if (!c->open) return;
    c->open = false;
    c->reading = false;
    uv_close(&c->u.handle, on_closed);
}

void px_session_close(px_session *s)
{
    if (s->state == PX_CLOSING) return;
    if (s->state <= PX_AUTH && !s->changing_user) s->loop->stats.logins_failed++;
    px_conn_flush(&s->client);
    px_conn_flush(&s->backend);
    px_session_set_state(s, PX_CLOSING);
    px_peer_leave(s);
    px_session_deadline(s, 0);
    close_conn(&s->client);
    close_conn(&s->backend);
    if (s->handles == 0) free_session(s);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    (void)req, (void)status; /* the client's end of file or the deadline ends the session */
}

void px_session_linger(px_session *s)
{
    if (s->state >= PX_LINGER) return;
    px_conn_flush(&s->backend);
    close_conn(&s->backend);
    px_conn_flush(&s->client);
    px_session_set_state(s, PX_LINGER);
    px_peer_leave(s);
    px_session_deadline(s, LINGER_MS);
    if (s->client.broken || !s->client.open || px_conn_shutdown(&s->client, &s->shutdown, on_shutdown) != 0)
        px_session_close(s);
    else
        px_conn_read(&s->client, true);
}

static void put_error(px_session *s, uint8_t seq, unsigned code, const char *sqlstate, const char *msg)
{
    b_buf *b = px_conn_buf(&s->client);
    if (s->state <= PX_GREETING) { /* before a greeting there is no SQLSTATE */
        size_t at = mp_packet_begin(b);
        mp_put_int(b, 0xFF, 1);
        mp_put_int(b, code, 2);
        b_buf_str(b, msg);
        mp_packet_end(b, at, seq);
    } else {
        mp_err_packet(b, seq, (uint16_t)code, sqlstate, "%s", msg);
    }
}

void px_session_error(px_session *s, uint8_t seq, unsigned code, const char *sqlstate, const char *fmt, ...)
{
    char msg[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    put_error(s, seq, code, sqlstate, msg);
}

void px_session_fail(px_session *s, uint8_t seq, unsigned code, const char *sqlstate, const char *fmt, ...)
{
    char msg[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    if (s->state >= PX_LINGER) return;
    px_log_failed(s, msg);
    bool mid_packet = s->skip > 0;
    if (!mid_packet) put_error(s, seq, code, sqlstate, msg);
    px_session_linger(s);
}

/* --- peers that leave --- */

static void backend_gone(px_session *s, const char *why)
{
    const char *address = s->loop->config->c->backend.address.text;
    close_conn(&s->backend);
    if (s->state == PX_CONNECT || s->state == PX_GREETING) {
        s->loop->stats.backend_refused++;
        px_session_fail(
            s, 0, 1105, "HY000",
            "straddle: cannot reach backend %s: %s; see that the server runs and that backend.address "
            "in straddle's configuration names it, then connect again",
            address, why);
        return;
    }
    s->loop->stats.backend_lost++;
    if (s->state == PX_SECURE) {
        px_tls_backend_failed(s, why);
        return;
    }
    if (s->state == PX_HIDDEN) px_session_set_state(s, PX_IDLE); /* the client's own command was not sent */
    if (s->state == PX_IDLE) {
        s->status = 0;
        px_session_set_state(s, PX_ORPHAN);
        return;
    }
    px_session_fail(
        s, (uint8_t)(s->last_seq + 1), 1053, "08S01",
        "straddle: lost the connection to backend %s in the middle of a command: %s; whether it was "
        "done is not known: connect again and look",
        address, why);
}

/* Bytes that the client's kernel has taken from us. */
static uint64_t taken(const px_session *s)
{
    return s->client.bytes_out - px_conn_queued(&s->client);
}

/* The client is gone, or will say nothing more. What it sent before is still carried out, as the server
 * itself would: a client that has only shut down its side reads its answers, and a statement on a migrating
 * table, or a COMMIT, goes on in the server whatever we do, so the session must hold its epoch until it is
 * answered. */
static void client_left(px_session *s, bool reads)
{
    bool busy = s->state == PX_HIDDEN || s->held || (s->state == PX_RUN && !s->resp.infile);
    if (!busy || (!reads && s->run.res == NULL && !px_session_pinned(s))) {
        px_session_close(s);
        return;
    }
    s->leaving = true;
    s->taken = taken(s);
    px_session_deadline(s, reads ? LINGER_MS : 0);
    if (reads)
        px_conn_read(&s->client, false);
    else
        close_conn(&s->client);
}

/* A client that closed its socket and one that has only shut down its side look alike, and where it left with
 * a full window its kernel may say nothing for a minute. One that takes nothing for a while is gone. */
static void leaving_tick(px_session *s)
{
    bool stuck = px_conn_queued(&s->client) > 0 && taken(s) == s->taken;
    if (stuck) {
        client_left(s, false);
        return;
    }
    s->taken = taken(s);
    px_session_deadline(s, LINGER_MS);
}

static void lost(px_session *s, px_conn *c, int error)
{
    const char *why = px_conn_why(c);
    if (why == NULL) why = error == UV_EOF ? "it closed the connection" : uv_strerror(error);
    if (s->state == PX_CLOSING) return;
    if (s->state == PX_LINGER)
        px_session_close(s);
    else if (c == &s->client)
        client_left(s, error == UV_EOF);
    else if (s->state == PX_RELAY)
        px_session_linger(s); /* what is queued still goes to the client */
    else
        backend_gone(s, why);
}

/* --- moving bytes --- */

static size_t dispatch(px_session *s, px_conn *c, char *p, size_t n)
{
    bool client = c == &s->client;
    switch (s->state) {
    case PX_HEADER: return client ? px_peer_header(s, p, n) : 0;
    case PX_GREETING: return client ? 0 : px_auth_greeting(s, p, n);
    case PX_LOGIN: return client ? px_auth_client(s, p, n) : 0;
    case PX_SECURE: return 0;
    case PX_AUTH: return client ? px_auth_client(s, p, n) : px_auth_backend(s, p, n);
    case PX_HIDDEN: return client ? 0 : px_hidden_backend(s, p, n);
    case PX_IDLE:
    case PX_ORPHAN: return client ? px_cmd_client(s, p, n) : px_result_backend(s, p, n);
    case PX_RUN:
        if (client) return s->resp.infile ? px_cmd_infile(s, p, n) : 0;
        return px_result_backend(s, p, n);
    case PX_RELAY: return client ? px_cmd_relay(s, p, n) : px_result_backend(s, p, n);
    case PX_CONNECT: return 0;
    case PX_LINGER:
    case PX_CLOSING: return n;
    }
    return n;
}

static void flush(px_session *s)
{
    if (px_conn_pending(&s->client)) px_conn_flush(&s->client);
    if (px_conn_pending(&s->backend)) px_conn_flush(&s->backend);
}

/* Uses what waits in c->in, as far as the state allows. True if anything was used. */
static bool pump(px_session *s, px_conn *c)
{
    bool any = false;
    while (s->state < PX_LINGER && px_conn_left(c) > 0 && px_conn_left(c) >= c->need) {
        size_t used = dispatch(s, c, c->in.p + c->in_at, px_conn_left(c));
        flush(s);
        if (used == 0) break;
        px_conn_used(c, used);
        any = true;
    }
    return any;
}

/* Starts and stops reading so that neither side is buffered without bound. */
static void balance(px_session *s)
{
    size_t limit = s->loop->config->c->max_buffer_bytes;
    bool collecting = (s->state == PX_IDLE && !s->held) || s->state == PX_HEADER || s->state == PX_LOGIN ||
                      s->state == PX_AUTH;
    size_t to_backend = px_conn_queued(&s->backend), to_client = px_conn_queued(&s->client);
    bool client_full = to_backend > limit || (!collecting && px_conn_left(&s->client) > limit);
    bool client_free = to_backend <= limit / 2 && (collecting || px_conn_left(&s->client) <= limit);
    if (!s->leaving && (s->client.reading ? client_full : client_free)) {
        if (client_full) s->loop->stats.reads_paused++;
        px_conn_read(&s->client, !client_full);
    }
    if (s->state <= PX_CONNECT) return;
    if (s->backend.reading ? to_client > limit : to_client <= limit / 2) {
        if (to_client > limit) s->loop->stats.reads_paused++;
        px_conn_read(&s->backend, to_client <= limit);
    }
}

/* Takes what layers hold back, a part at a time. */
static bool more(px_session *s)
{
    if ((s->client.top == NULL && s->backend.top == NULL) || s->state >= PX_LINGER) return false;
    balance(s);
    bool client = px_conn_more(&s->client, true), backend = px_conn_more(&s->backend, true);
    return client || backend;
}

/* After anything happened: write, use what is now usable, and look after the rest. */
void px_session_settle(px_session *s)
{
    flush(s);
    do {
        while (s->state < PX_LINGER && (pump(s, &s->client) || pump(s, &s->backend))) {
        }
    } while (more(s));
    if (s->state == PX_CLOSING) return;
    if (s->client.broken && s->client.open) {
        s->client.broken = false;
        lost(s, &s->client, UV_ECONNRESET);
    } else if (s->backend.broken && s->backend.open) {
        s->backend.broken = false;
        lost(s, &s->backend, UV_EPIPE);
    } else if (s->leaving && !s->held && (s->state == PX_IDLE || s->state == PX_ORPHAN)) {
        px_session_close(s);
    } else if (s->state < PX_LINGER) {
        if (s->state == PX_IDLE && s->loop->draining && !px_session_pinned(s)) px_session_end(s, PX_STOPPING);
        if (s->state < PX_LINGER) balance(s);
    }
}

void px_session_read(px_session *s, px_conn *c, char *p, ssize_t n)
{
    s->active_ms = uv_now(&s->loop->uv);
    s->rested = false;
    if (n < 0) {
        do {
            pump(s, c);
        } while (s->state < PX_LINGER && px_conn_more(c, false));
        lost(s, c, (int)n);
        px_session_settle(s);
        return;
    }
    bool secret = c->secret;
    if (px_conn_left(c) == 0) {
        size_t used = dispatch(s, c, p, (size_t)n);
        flush(s);
        if (used < (size_t)n && s->state < PX_LINGER) px_conn_keep(c, p + used, (size_t)n - used);
    } else {
        px_conn_keep(c, p, (size_t)n);
    }
    px_session_settle(s);
    if (secret || c->secret) mp_wipe(p, (size_t)n);
}

void px_session_secured(px_session *s, px_conn *c)
{
    if (c != &s->backend || s->state != PX_SECURE) return;
    px_auth_secured(s);
    px_session_settle(s);
}

void px_session_wake(px_session *s)
{
    s->active_ms = uv_now(&s->loop->uv);
    s->rested = false;
    px_session_settle(s);
}

void px_session_written(px_session *s, px_conn *c, int status)
{
    if (s->state == PX_CLOSING) return;
    if (status < 0) c->broken = true;
    px_session_settle(s);
}

/* --- deadlines, draining --- */

void px_session_tick(px_session *s, uint64_t now_ms)
{
    if (s->deadline_ms == 0) return;
    bool leaving = s->leaving && s->client.open;
    if (s->state > PX_AUTH && s->state < PX_LINGER && !leaving) {
        px_session_deadline(s, 0);
        return;
    }
    if (now_ms < s->deadline_ms) return;
    if (leaving && s->state < PX_LINGER) {
        leaving_tick(s);
        return;
    }
    if (s->state == PX_LINGER) {
        px_session_close(s);
    } else if (s->state == PX_HEADER) {
        px_session_fail(s, 0, 1159, "08S01",
                        "straddle: no PROXY protocol header came in time; connect through the load balancer");
    } else if (s->state <= PX_GREETING) {
        backend_gone(s, "timed out");
    } else {
        px_session_fail(
            s, (uint8_t)(s->last_seq + 1), 1159, "08S01",
            "straddle: the login was not complete in time; connect again, or raise handshake_timeout_ms");
    }
}

/* For a packet to the client that answers nothing it has asked, or breaks off an answer. */
static uint8_t next_seq(const px_session *s)
{
    bool under_way = s->state == PX_RUN || (s->state >= PX_LOGIN && s->state <= PX_AUTH);
    return under_way ? (uint8_t)(s->last_seq + 1) : 0;
}

void px_session_end(px_session *s, const char *why)
{
    if (s->state >= PX_LINGER) return;
    px_session_fail(s, next_seq(s), 1053, "08S01", "%s", why);
}

/* A statement that is running goes on in the server, so the session stays, and its epoch with it, until the
 * server has answered. */
void px_session_kill(px_session *s)
{
    static const char ended[] = "straddle: this session was ended by KILL on the admin port";
    if (s->state != PX_RUN || s->resp.infile || !s->backend.open) {
        px_session_fail(s, next_seq(s), 1053, "08S01", ended);
        return;
    }
    if (s->skip == 0) px_session_error(s, next_seq(s), 1053, "08S01", ended);
    px_conn_flush(&s->client);
    px_conn_used(&s->client, px_conn_left(&s->client));
    s->leaving = true;
    close_conn(&s->client);
}

/* --- accept and connect --- */

static void on_connected(uv_connect_t *req, int status)
{
    px_conn *c = req->handle->data;
    px_session *s = c->session;
    if (s->state != PX_CONNECT) return;
    if (status < 0) {
        backend_gone(s, uv_strerror(status));
        return;
    }
    if (s->loop->config->c->backend.address.path == NULL) {
        uv_tcp_nodelay(&c->u.tcp, 1);
        uv_tcp_keepalive(&c->u.tcp, 1, 60);
    }
    px_session_set_state(s, PX_GREETING);
    px_peer_announce(s);
    px_conn_read(c, true);
}

static void connect_backend(px_session *s)
{
    px_loop *loop = s->loop;
    const cfg_address *a = &loop->config->c->backend.address;
    int rc = px_conn_init(&s->backend, s, &loop->uv, a->path != NULL);
    if (rc == 0) {
        s->handles++;
        if (a->path != NULL)
            uv_pipe_connect(&s->connect, &s->backend.u.pipe, a->path, on_connected);
        else
            rc = uv_tcp_connect(&s->connect, &s->backend.u.tcp, (struct sockaddr *)&loop->config->backend,
                                on_connected);
    }
    if (rc != 0) backend_gone(s, uv_strerror(rc));
}

void px_session_begin(px_session *s)
{
    if (!px_peer_admit_address(s)) return;
    px_session_set_state(s, PX_CONNECT);
    px_session_deadline(s, s->loop->config->c->connect_timeout_ms);
    connect_backend(s);
    if (s->state == PX_CONNECT) px_conn_read(&s->client, true);
}

static px_session *new_session(px_loop *loop, const px_arrival *a)
{
    px_session *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    s->loop = loop;
    s->stmts = mp_stmts_new(px_stmt_free_extra);
    if (s->stmts == NULL || px_conn_init(&s->client, s, &loop->uv, a->is_pipe) != 0) {
        mp_stmts_free(s->stmts);
        free(s);
        return NULL;
    }
    s->handles = 1;
    s->id = atomic_fetch_add(&loop->app->next_session, 1);
    s->listener = a->listener;
    s->listener_version = s->version = (rw_version)loop->config->c->listeners[a->listener].schema_version;
    s->born_ms = s->since_ms = s->active_ms = uv_now(&loop->uv);
    s->next = loop->sessions;
    if (s->next != NULL) s->next->prev = s;
    loop->sessions = s;
    loop->nsessions++;
    return s;
}

/* True: it is answered. Where descriptors are what is short, only the first few are told so, since each that
 * is told has one for a while. */
static bool too_many(px_session *s, unsigned now)
{
    enum { TOLD = 24 };
    px_loop *loop = s->loop;
    unsigned most = loop->config->c->max_connections, files = loop->app->files_for;
    if (now <= most && now <= files) return false;
    loop->stats.connections_rejected++;
    if (now > files && now - files > TOLD)
        px_session_close(s);
    else if (now > files)
        px_session_fail(s, 0, 1040, "08004",
                        "Too many connections (straddle: the limit of open files has room for %u; raise it, "
                        "ulimit -n or LimitNOFILE, or close some)",
                        files);
    else
        px_session_fail(s, 0, 1040, "08004",
                        "Too many connections (straddle: max_connections is %u; close some or raise it)",
                        most);
    return true;
}

void px_session_accept(px_loop *loop, const px_arrival *a)
{
    px_session *s = new_session(loop, a);
    if (s == NULL) {
        b_logf(&loop->app->log, B_ERROR, "listener", "address=%s a connection is closed: out of memory",
               loop->config->c->listeners[a->listener].address.text);
        close(a->fd);
        px_spread_left(loop);
        return;
    }
    loop->stats.connections_total++;
    if (px_stream_open(&s->client.u.stream, a->is_pipe, a->fd) != 0) {
        close(a->fd);
        px_session_close(s);
        return;
    }
    if (!a->is_pipe) {
        uv_tcp_nodelay(&s->client.u.tcp, 1);
        uv_tcp_keepalive(&s->client.u.tcp, 1, 60);
    }
    px_peer_note(s, a->is_pipe);
    if (loop->draining) { /* it was on the way here */
        px_session_end(s, PX_STOPPING);
        return;
    }
    if (too_many(s, a->sessions)) return;
    if (!px_peer_awaits_header(s)) {
        px_session_begin(s);
    } else if (s->state == PX_HEADER) {
        px_session_deadline(s, loop->config->c->handshake_timeout_ms);
        px_conn_read(&s->client, true);
    }
}
