/* Logging in: the server's greeting goes to the client and the client's answers to the server, with only the
 * capabilities taken out that the proxy does not handle. No password is seen or kept.
 * Source: MySQL Internals, "Connection Phase". */
#include "session.h"

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
    MP_CLIENT_REMEMBER_OPTIONS | MP_MARIADB_PROGRESS | MP_MARIADB_BULK | MP_MARIADB_EXTENDED_METADATA |
    MP_MARIADB_CACHE_METADATA;

enum { MAX_AUTH_PACKET = 64 * 1024 };

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
    if (l->plugin.n > 0) copy_name(s->plugin, sizeof s->plugin, l->plugin);
    choose_version(s, l);
}

/* A byte at its end is there for one side only. */
static void login_anew(px_session *s, mp_header h, mp_login *l)
{
    l->caps = s->backend_caps & UINT32_MAX;
    l->mariadb_caps = (uint32_t)(s->backend_caps >> 32);
    l->zstd_level = 3;
    b_buf *b = px_conn_buf(&s->backend);
    size_t at = mp_packet_begin(b);
    mp_login_put(b, l);
    mp_packet_end(b, at, h.seq);
    px_session_set_state(s, PX_AUTH);
}

/* The client's answer to the greeting: capabilities are set in place, the rest goes as it is. */
static void login(px_session *s, mp_header h, char *payload, size_t size)
{
    mp_login l;
    uint8_t next = (uint8_t)(h.seq + 1);
    if (mp_login_parse(b_slice_of(payload, h.len), &l) != B_OK || !(l.caps & MP_CLIENT_PROTOCOL_41)) {
        px_session_fail(s, next, 1043, "08S01",
                        "straddle: bad handshake: only the protocol of MySQL 4.1 and later is spoken here");
        return;
    }
    if (l.ssl_request) {
        px_session_fail(
            s, next, 1105, "HY000",
            "straddle: TLS is not offered on this listener; connect with ssl-mode=PREFERRED or DISABLED");
        return;
    }
    s->caps = (l.caps | (uint64_t)l.mariadb_caps << 32) & s->offered;
    px_compress_agree(s, &l);
    s->backend_caps &= s->caps | MP_CLIENT_SESSION_TRACK | MP_CLIENT_COMPRESS | MP_CLIENT_ZSTD_COMPRESSION;
    take_login(s, &l);
    if ((l.caps | s->backend_caps) & MP_CLIENT_ZSTD_COMPRESSION) {
        login_anew(s, h, &l);
        return;
    }
    b_buf caps = {0};
    mp_put_int(&caps, s->backend_caps, 4);
    mp_put_int(&caps, s->backend_caps >> 32, 4);
    if (!caps.failed) memcpy(payload, caps.p, 4);
    if (!caps.failed && !(l.caps & MP_CLIENT_LONG_PASSWORD)) memcpy(payload + 28, caps.p + 4, 4);
    b_buf_deinit(&caps);
    px_conn_send(&s->backend, payload - MP_HEADER, size);
    px_session_set_state(s, PX_AUTH);
}

size_t px_auth_client(px_session *s, char *p, size_t n)
{
    mp_header h;
    size_t size = whole(s, &s->client, p, n, &h);
    if (size == 0) return 0;
    s->last_seq = h.seq;
    if (s->state == PX_LOGIN)
        login(s, h, p + MP_HEADER, size);
    else
        px_conn_send(&s->backend, p, size);
    px_conn_turn(&s->client, n - size);
    return size;
}

static void logged_in(px_session *s, mp_header h, b_slice payload)
{
    mp_ok ok;
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
               "session=%llu user=%s client=%s program=%s version=%s backend_id=%u",
               (unsigned long long)s->id, s->user, s->host, s->program, rw_version_name(s->version),
               (unsigned)s->backend_id);
    }
    s->changing_user = false;
    px_hidden_state(s);
}

size_t px_auth_backend(px_session *s, char *p, size_t n)
{
    mp_header h;
    size_t size = whole(s, &s->backend, p, n, &h);
    if (size == 0) return 0;
    s->last_seq = h.seq;
    b_slice payload = b_slice_of(p + MP_HEADER, h.len), plugin, data;
    switch (mp_auth_classify(payload, b_slice_str(s->plugin))) {
    case MP_AUTH_OK: logged_in(s, h, payload); return size;
    case MP_AUTH_ERR:
        px_conn_send(&s->client, p, size);
        px_session_linger(s);
        return size;
    case MP_AUTH_SWITCH:
        if (mp_auth_switch_parse(payload, &plugin, &data) == B_OK)
            copy_name(s->plugin, sizeof s->plugin, plugin);
        break;
    case MP_AUTH_MORE:
    case MP_AUTH_MORE_FAST_OK: break;
    case MP_AUTH_BAD:
        px_session_fail(
            s, h.seq, 1105, "HY000",
            "straddle: backend %s sent a packet in the login that is not understood (plugin %s); use an "
            "account with caching_sha2_password or mysql_native_password",
            s->loop->config->c->backend.address.text, s->plugin);
        return size;
    }
    px_conn_send(&s->client, p, size);
    return size;
}

void px_auth_change_user(px_session *s, b_slice payload)
{
    mp_login l;
    px_vars_forget(s);
    if (mp_change_user_parse(payload, s->caps, &l) == B_OK) take_login(s, &l);
    s->changing_user = true;
}
