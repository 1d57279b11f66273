/* Logging in: the server's greeting goes to the client and the client's answers to the server, with only the
 * capabilities taken out that the proxy does not handle. Where one of the two connections is safe (TLS, a
 * unix socket) and the other is not, mp_bridge says what goes where; passwords that pass in the clear on the
 * way are wiped. Each side has sequence ids of its own: a request for TLS takes one, and so does what is
 * bridged. Source: MySQL Internals, "Connection Phase". */
#include "session.h"

#include "tls_layer.h"

#include <stdio.h>
#include <stdlib.h>

/* What may be agreed on; all else falls back. */
static const uint64_t handled =
    MP_CLIENT_LONG_PASSWORD | MP_CLIENT_FOUND_ROWS | MP_CLIENT_LONG_FLAG | MP_CLIENT_CONNECT_WITH_DB |
    MP_CLIENT_NO_SCHEMA | MP_CLIENT_ODBC | MP_CLIENT_LOCAL_FILES | MP_CLIENT_IGNORE_SPACE |
    MP_CLIENT_PROTOCOL_41 | MP_CLIENT_INTERACTIVE | MP_CLIENT_IGNORE_SIGPIPE | MP_CLIENT_TRANSACTIONS |
    MP_CLIENT_RESERVED | MP_CLIENT_SECURE_CONNECTION | MP_CLIENT_MULTI_STATEMENTS | MP_CLIENT_MULTI_RESULTS |
    MP_CLIENT_PS_MULTI_RESULTS | MP_CLIENT_PLUGIN_AUTH | MP_CLIENT_CONNECT_ATTRS |
    MP_CLIENT_PLUGIN_AUTH_LENENC | MP_CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS | MP_CLIENT_SESSION_TRACK |
    MP_CLIENT_DEPRECATE_EOF | MP_CLIENT_OPTIONAL_RESULTSET_METADATA | MP_CLIENT_QUERY_ATTRIBUTES |
    MP_CLIENT_MULTI_FACTOR | MP_CLIENT_REMEMBER_OPTIONS | MP_MARIADB_PROGRESS | MP_MARIADB_BULK |
    MP_MARIADB_EXTENDED_METADATA | MP_MARIADB_CACHE_METADATA;

enum { MAX_AUTH_PACKET = 64 * 1024, BRIDGED = 4096 };

/* A whole packet at p? Its size, or 0 after setting c->need. */
static size_t whole(px_session *s, px_conn *c, const char *p, size_t n, mp_header *h)
{
    c->need = MP_HEADER;
    if (n < MP_HEADER) return 0;
    *h = mp_header_get(p);
    c->need = MP_HEADER + (size_t)h->len;
    if (h->len > MAX_AUTH_PACKET) {
        px_session_fail(s, (uint8_t)(h->seq + 1), 1153, "08S01",
                        "straddle: a packet of %u bytes in the login; at most %d are taken", (unsigned)h->len,
                        (int)MAX_AUTH_PACKET);
        return 0;
    }
    if (n < c->need) return 0;
    size_t size = c->need;
    c->need = 0;
    return size;
}

static void copy_name(char *to, size_t size, b_slice from)
{
    snprintf(to, size, "%.*s", B_ARG(from));
}

size_t px_auth_greeting(px_session *s, char *p, size_t n)
{
    mp_header h;
    mp_greeting g;
    size_t size = whole(s, &s->backend, p, n, &h);
    if (size == 0) return 0;
    b_slice payload = b_slice_of(p + MP_HEADER, h.len);
    if (h.len > 0 && (unsigned char)payload.p[0] == 0xFF) { /* the server's own refusal, as it is */
        px_conn_send(&s->client, p, size);
        px_session_linger(s);
        return size;
    }
    if (mp_greeting_parse(payload, &g) != B_OK) {
        px_session_fail(
            s, 0, 1105, "HY000",
            "straddle: backend %s did not send a MySQL greeting; see that backend.address is a MySQL "
            "or MariaDB server",
            s->loop->config->c->backend.address.text);
        return size;
    }
    s->backend_caps = g.caps | (uint64_t)g.mariadb_caps << 32;
    s->offered = (s->backend_caps & handled) | px_compress_offer(s);
    if (px_tls_offered(s)) s->offered |= MP_CLIENT_SSL;
    memcpy(s->nonce, g.nonce, sizeof s->nonce);
    g.caps = s->offered & UINT32_MAX;
    g.mariadb_caps = (uint32_t)(s->offered >> 32);
    s->backend_id = g.thread_id;
    copy_name(s->plugin, sizeof s->plugin, g.plugin);
    b_buf *b = px_conn_buf(&s->client);
    size_t at = mp_packet_begin(b);
    mp_greeting_put(b, &g);
    mp_packet_end(b, at, h.seq);
    s->last_seq = h.seq;
    px_session_deadline(s, s->loop->config->c->handshake_timeout_ms);
    px_session_set_state(s, PX_LOGIN);
    return size;
}

/* Attribute, then user, then listener. */
static void choose_version(px_session *s, const mp_login *l)
{
    const cfg_config *c = s->loop->config->c;
    s->version = s->listener_version;
    for (size_t i = 0; i < c->nusers; i++)
        if (strcmp(c->users[i].name, s->user) == 0) s->version = (rw_version)c->users[i].schema_version;
    b_slice attrs = l->attrs, key, value;
    while (mp_attr_next(&attrs, &key, &value)) {
        if (b_slice_eq(key, B_LIT("program_name"))) copy_name(s->program, sizeof s->program, value);
        if (b_slice_eq(key, B_LIT("schema_version")) && !rw_version_parse(value, &s->version))
            b_logf(&s->loop->app->log, B_WARN, "session",
                   "session=%llu user=%s connection attribute schema_version is `%.*s`; old, new or both are "
                   "known, "
                   "so %s is used",
                   (unsigned long long)s->id, s->user, B_ARG(value), rw_version_name(s->version));
    }
}

static void take_login(px_session *s, const mp_login *l)
{
    copy_name(s->user, sizeof s->user, l->user);
    s->program[0] = 0;
    s->counted[0] = s->counted[1] = (px_counted){.count = NULL};
    if (l->plugin.n > 0) copy_name(s->plugin, sizeof s->plugin, l->plugin);
    choose_version(s, l);
}

/* Passwords may pass from now on, or no longer. */
static void secret(px_session *s, bool on)
{
    s->client.secret = s->backend.secret = on;
    px_tls_layer_secret(&s->client, on);
    px_tls_layer_secret(&s->backend, on);
}

static void wipe(b_buf *b)
{
    if (b->p != NULL) mp_wipe(b->p, b->size);
    b_buf_deinit(b);
}

void px_auth_end(px_session *s)
{
    wipe(&s->login);
    mp_bridge_end(&s->bridge);
    secret(s, false);
}

static void send_payload(px_conn *c, uint8_t *seq, b_slice payload)
{
    b_buf *b = px_conn_buf(c);
    b_buf_reserve(b, payload.n + MP_HEADER);
    *seq = mp_packet_put(b, *seq, payload);
    px_conn_flush(c);
}

static void refuse(px_session *s)
{
    px_session_fail(s, s->client_seq, 1105, "HY000", "straddle: the login of plugin %s cannot go on: %s",
                    s->plugin, s->bridge.why);
}

/* Does what the bridge says with the packet at p, which came from the other side. */
static void act(px_session *s, mp_bridge_act what, bool from_client, char *p, mp_header h, const b_buf *out)
{
    switch (what) {
    case MP_BRIDGE_RELAY: {
        px_conn *to = from_client ? &s->backend : &s->client;
        uint8_t *seq = from_client ? &s->backend_seq : &s->client_seq;
        mp_header_put(p, h.len, (*seq)++);
        px_conn_send(to, p, MP_HEADER + (size_t)h.len);
        break;
    }
    case MP_BRIDGE_TO_SERVER: send_payload(&s->backend, &s->backend_seq, b_buf_view(out)); break;
    case MP_BRIDGE_TO_CLIENT: send_payload(&s->client, &s->client_seq, b_buf_view(out)); break;
    case MP_BRIDGE_DROP: break;
    case MP_BRIDGE_REFUSE: refuse(s); return;
    }
    if (s->client_seq != 0) s->last_seq = (uint8_t)(s->client_seq - 1);
}

static void take_keys(px_session *s)
{
    s->bridge.own = s->loop->config->tls.own;
    s->bridge.server_key = s->loop->config->tls.backend_key;
}

/* What the login says of capabilities, as the backend is to read it. */
static void set_caps(char *login, uint64_t caps, bool has_own)
{
    for (unsigned i = 0; i < 4; i++) {
        login[i] = (char)(caps >> (8 * i));
        if (has_own) login[28 + i] = (char)(caps >> (32 + 8 * i));
    }
}

/* Puts the login that the backend is to have into s->login. */
static void make_login(px_session *s, mp_login *l, b_slice payload, bool tls)
{
    bool has_own = (l->caps & MP_CLIENT_LONG_PASSWORD) == 0;
    bool as_it_is = mp_bridge_first(&s->bridge, l->plugin, l->auth);
    b_buf_reserve(&s->login, payload.n + 64);
    if (!as_it_is) {
        l->plugin = mp_bridge_nothing;
        l->auth = B_LIT("");
    }
    if (as_it_is && !((l->caps | s->backend_caps) & MP_CLIENT_ZSTD_COMPRESSION)) {
        b_buf_slice(&s->login, payload);
    } else { /* with zstd a byte at its end is there for one side only */
        l->caps = s->backend_caps & UINT32_MAX;
        l->mariadb_caps = (uint32_t)(s->backend_caps >> 32);
        l->zstd_level = 3;
        mp_login_put(&s->login, l);
    }
    uint64_t caps = s->backend_caps & ~MP_CLIENT_SSL;
    if (!s->login.failed) set_caps(s->login.p, tls ? caps | MP_CLIENT_SSL : caps, has_own);
}

static void send_login(px_session *s)
{
    px_session_set_state(s, PX_AUTH);
    send_payload(&s->backend, &s->backend_seq, b_buf_view(&s->login));
    wipe(&s->login);
}

void px_auth_secured(px_session *s)
{
    send_login(s);
}

/* False: it is answered with an error. */
static bool may_log_in(px_session *s, mp_header h, b_slice payload, mp_login *l)
{
    uint8_t next = (uint8_t)(h.seq + 1);
    bool has_tls = px_tls_layer_of(&s->client) != NULL;
    if (px_tls_required(s) && !has_tls) { /* it is not read any further */
        px_session_fail(s, next, 3159, "HY000",
                        "straddle: connections without TLS are not taken on this listener (tls: required); "
                        "connect with ssl-mode=REQUIRED");
        return false;
    }
    bool ok = mp_login_parse(payload, l) == B_OK && (l->caps & MP_CLIENT_PROTOCOL_41);
    if (ok && !has_tls && (l->caps & s->offered & MP_CLIENT_SSL)) ok = false; /* it said TLS, and sent none */
    if (!ok)
        px_session_fail(s, next, 1043, "08S01",
                        "straddle: bad handshake: only the protocol of MySQL 4.1 and later is spoken here");
    return ok;
}

/* The client's answer to the greeting. */
static void login(px_session *s, mp_header h, char *p)
{
    mp_login l;
    b_slice payload = b_slice_of(p, h.len);
    if (!may_log_in(s, h, payload, &l)) return;
    s->client_seq = (uint8_t)(h.seq + 1);
    s->backend_seq = 1;
    bool tls = px_tls_wanted(s);
    s->caps = (l.caps | (uint64_t)l.mariadb_caps << 32) & s->offered;
    s->server_has_tls = (s->backend_caps & MP_CLIENT_SSL) != 0;
    px_compress_agree(s, &l);
    s->backend_caps &= s->caps | MP_CLIENT_SESSION_TRACK | MP_CLIENT_COMPRESS | MP_CLIENT_ZSTD_COMPRESSION;
    take_login(s, &l);
    mp_bridge_begin(&s->bridge, px_tls_leg(&s->client), tls ? MP_LEG_TLS : px_tls_leg(&s->backend), s->nonce);
    take_keys(s);
    secret(s, true);
    make_login(s, &l, payload, tls);
    if (s->login.failed || s->login.n < 32)
        px_session_fail(s, s->client_seq, 1041, "HY000", "straddle: out of memory in the login; try again");
    else if (tls)
        px_tls_connect(s, s->login.p);
    else
        send_login(s);
}

size_t px_auth_client(px_session *s, char *p, size_t n)
{
    mp_header h;
    size_t size = whole(s, &s->client, p, n, &h);
    if (size == 0) return 0;
    if (s->compression.client != MP_COMPRESS_NONE) p[3] = (char)(h.seq = (uint8_t)(s->last_seq + 1));
    s->last_seq = h.seq;
    b_slice payload = b_slice_of(p + MP_HEADER, h.len);
    if (s->state == PX_LOGIN && mp_is_ssl_request(payload)) {
        px_tls_accept(s, h, p + size, n - size);
        return n;
    }
    if (s->state == PX_LOGIN) {
        login(s, h, p + MP_HEADER);
        px_conn_turn(&s->client, n - size);
        return size;
    }
    b_buf out = {0};
    s->client_seq = (uint8_t)(h.seq + 1);
    take_keys(s);
    b_buf_reserve(&out, BRIDGED);
    act(s, mp_bridge_client(&s->bridge, payload, &out), true, p, h, &out);
    wipe(&out);
    px_conn_turn(&s->client, n - size);
    return size;
}

static void logged_in(px_session *s, mp_header h, b_slice payload)
{
    mp_ok ok;
    px_auth_end(s);
    if (!px_peer_admit_user(s, h.seq)) return;
    if (mp_ok_parse(payload, s->backend_caps, &ok) == B_OK) {
        s->status = ok.status;
        px_result_ok(s, h, payload, &ok, h.seq);
    } else {
        px_conn_send(&s->client, payload.p - MP_HEADER, payload.n + MP_HEADER);
    }
    if (!s->changing_user) {
        px_compress_start(s);
        b_logf(&s->loop->app->log, B_DEBUG, "session",
               "session=%llu user=%s client=%s program=%s version=%s backend_id=%u tls=%s backend_tls=%s",
               (unsigned long long)s->id, s->user, s->host, s->program, rw_version_name(s->version),
               (unsigned)s->backend_id, px_tls_text(&s->client), px_tls_text(&s->backend));
    }
    s->changing_user = false;
    px_hidden_state(s);
}

static void bad_packet(px_session *s)
{
    px_session_fail(
        s, s->client_seq, 1105, "HY000",
        "straddle: backend %s sent a packet in the login that is not understood (plugin %s); use an "
        "account with caching_sha2_password or mysql_native_password",
        s->loop->config->c->backend.address.text, s->plugin);
}

size_t px_auth_backend(px_session *s, char *p, size_t n)
{
    mp_header h;
    size_t size = whole(s, &s->backend, p, n, &h);
    if (size == 0) return 0;
    s->backend_seq = (uint8_t)(h.seq + 1);
    b_slice payload = b_slice_of(p + MP_HEADER, h.len), plugin, data;
    mp_bridge_act what = MP_BRIDGE_RELAY;
    b_buf out = {0};
    take_keys(s);
    mp_auth_step step = mp_auth_classify(payload, b_slice_str(s->plugin), s->backend_caps);
    switch (step) {
    case MP_AUTH_OK:
        h.seq = s->last_seq = s->client_seq;
        mp_header_put(p, h.len, h.seq);
        logged_in(s, h, payload);
        return size;
    case MP_AUTH_ERR: break;
    case MP_AUTH_SWITCH:
    case MP_AUTH_NEXT:
        if (mp_auth_switch_parse(payload, &plugin, &data) != B_OK) break;
        copy_name(s->plugin, sizeof s->plugin, plugin);
        what = mp_bridge_switch(&s->bridge, plugin, data);
        break;
    case MP_AUTH_MORE:
    case MP_AUTH_MORE_FAST_OK: what = mp_bridge_server(&s->bridge, payload, &out); break;
    case MP_AUTH_BAD: bad_packet(s); return size;
    }
    act(s, what, false, p, h, &out);
    wipe(&out);
    if (step == MP_AUTH_ERR) {
        px_auth_end(s);
        px_session_linger(s);
    }
    return size;
}

void px_auth_change_user(px_session *s, const char *raw, size_t nraw, b_slice payload, uint8_t seq)
{
    mp_login l;
    px_vars_forget(s);
    s->changing_user = true;
    s->client_seq = s->backend_seq = (uint8_t)(seq + 1);
    mp_bridge_begin(&s->bridge, px_tls_leg(&s->client), px_tls_leg(&s->backend), s->nonce);
    secret(s, true);
    if (mp_change_user_parse(payload, s->caps, &l) != B_OK) {
        px_conn_send(&s->backend, raw, nraw); /* the server says what is wrong with it */
        return;
    }
    take_login(s, &l);
    if (mp_bridge_first(&s->bridge, l.plugin, l.auth)) {
        px_conn_send(&s->backend, raw, nraw);
        return;
    }
    l.plugin = mp_bridge_nothing;
    l.auth = B_LIT("");
    l.caps = s->backend_caps;
    mp_change_user_put(&s->login, &l);
    s->backend_seq = 0;
    send_payload(&s->backend, &s->backend_seq, b_buf_view(&s->login));
    wipe(&s->login);
}
