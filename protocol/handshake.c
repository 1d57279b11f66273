/* The connection phase's packets: see protocol/handshake.h.
 *
 * Lenient where real clients are: fields at the end of a login that a capability announces may be missing
 * (servers take them for empty); nothing else may. No state, any thread. */
#include "protocol/handshake.h"

enum {
    VERSION_10 = 10,
    NONCE = 20,
    NONCE_1 = 8, /* the part of the nonce before the capabilities */
    NONCE_2 = NONCE - NONCE_1,
    CHANGE_USER = 0x11,
    LOGIN_FIXED = 32 /* the bytes before the user's name; the whole of a request for TLS */
};

static const char zeros[32];

/* What follows the status flags. */
static void greeting_tail(mp_reader *r, mp_greeting *g)
{
    uint64_t high = mp_read_int(r, 2);
    g->caps |= high << 16;
    (void)mp_read_int(r, 1); /* the nonce's length; both servers send 20 bytes and a NUL */
    (void)mp_read_bytes(r, 6);
    uint32_t own = (uint32_t)mp_read_int(r, 4);
    if (!(g->caps & MP_CLIENT_LONG_PASSWORD)) g->mariadb_caps = own;
    b_slice rest = mp_read_bytes(r, NONCE_2);
    if (rest.n == NONCE_2) memcpy(g->nonce + NONCE_1, rest.p, NONCE_2);
    if (mp_left(r) > 0) (void)mp_read_int(r, 1); /* the nonce's NUL */
    b_slice plugin = mp_read_rest(r);            /* its NUL is missing in some old servers */
    const char *nul = plugin.n == 0 ? NULL : memchr(plugin.p, 0, plugin.n);
    g->plugin = nul == NULL ? plugin : b_slice_of(plugin.p, (size_t)(nul - plugin.p));
}

b_status mp_greeting_parse(b_slice payload, mp_greeting *out)
{
    mp_reader r = mp_reader_of(payload);
    *out = (mp_greeting){.server_version = B_LIT(""), .plugin = B_LIT("")};
    out->version = (uint8_t)mp_read_int(&r, 1);
    if (out->version != VERSION_10) return B_MALFORMED;
    out->server_version = mp_read_nul_str(&r);
    out->thread_id = (uint32_t)mp_read_int(&r, 4);
    b_slice first = mp_read_bytes(&r, NONCE_1);
    if (first.n == NONCE_1) memcpy(out->nonce, first.p, NONCE_1);
    (void)mp_read_int(&r, 1);
    out->caps = mp_read_int(&r, 2);
    out->charset = (uint8_t)mp_read_int(&r, 1);
    out->status = (uint16_t)mp_read_int(&r, 2);
    greeting_tail(&r, out);
    return r.bad || !(out->caps & MP_CLIENT_PROTOCOL_41) ? B_MALFORMED : B_OK;
}

void mp_greeting_put(b_buf *b, const mp_greeting *g)
{
    mp_put_int(b, g->version, 1);
    mp_put_nul_str(b, g->server_version);
    mp_put_int(b, g->thread_id, 4);
    b_buf_add(b, g->nonce, NONCE_1);
    b_buf_char(b, '\0');
    mp_put_int(b, g->caps & 0xFFFF, 2);
    mp_put_int(b, g->charset, 1);
    mp_put_int(b, g->status, 2);
    mp_put_int(b, g->caps >> 16 & 0xFFFF, 2);
    mp_put_int(b, g->caps & MP_CLIENT_PLUGIN_AUTH ? NONCE + 1 : 0, 1);
    b_buf_add(b, zeros, 6);
    mp_put_int(b, g->caps & MP_CLIENT_LONG_PASSWORD ? 0 : g->mariadb_caps, 4);
    b_buf_add(b, g->nonce + NONCE_1, NONCE_2);
    b_buf_char(b, '\0');
    if (g->caps & MP_CLIENT_PLUGIN_AUTH) mp_put_nul_str(b, g->plugin);
}

/* A string at the end of a packet, which may be missing, or lack its NUL. */
static b_slice last_nul_str(mp_reader *r)
{
    if (mp_left(r) == 0) return B_LIT("");
    mp_reader probe = *r;
    b_slice s = mp_read_nul_str(&probe);
    if (probe.bad) return mp_read_rest(r);
    *r = probe;
    return s;
}

static b_slice read_auth(mp_reader *r, uint64_t caps)
{
    if (caps & MP_CLIENT_PLUGIN_AUTH_LENENC) return mp_read_lenenc_str(r);
    if (caps & MP_CLIENT_SECURE_CONNECTION) return mp_read_bytes(r, (size_t)mp_read_int(r, 1));
    return mp_read_nul_str(r);
}

static void put_auth(b_buf *b, uint64_t caps, b_slice auth)
{
    if (caps & MP_CLIENT_PLUGIN_AUTH_LENENC) {
        mp_put_lenenc_str(b, auth);
    } else if (caps & MP_CLIENT_SECURE_CONNECTION) {
        if (auth.n > 0xFF) b->failed = true; /* one byte of length: there is no such packet */
        mp_put_int(b, auth.n, 1);
        b_buf_slice(b, auth);
    } else {
        mp_put_nul_str(b, auth);
    }
}

/* Plugin and attributes, alike in a login and in COM_CHANGE_USER. */
static void read_tail(mp_reader *r, uint64_t caps, mp_login *out)
{
    if (caps & MP_CLIENT_PLUGIN_AUTH) out->plugin = last_nul_str(r);
    if ((caps & MP_CLIENT_CONNECT_ATTRS) && mp_left(r) > 0) out->attrs = mp_read_lenenc_str(r);
}

static mp_login empty_login(void)
{
    b_slice none = B_LIT("");
    return (mp_login){.user = none, .auth = none, .schema = none, .plugin = none, .attrs = none};
}

b_status mp_login_parse(b_slice payload, mp_login *out)
{
    mp_reader r = mp_reader_of(payload);
    *out = empty_login();
    out->caps = mp_read_int(&r, 4);
    out->max_packet = (uint32_t)mp_read_int(&r, 4);
    out->charset = (uint8_t)mp_read_int(&r, 1);
    (void)mp_read_bytes(&r, 19);
    uint32_t own = (uint32_t)mp_read_int(&r, 4);
    if (!(out->caps & MP_CLIENT_LONG_PASSWORD)) out->mariadb_caps = own;
    if (r.bad || !(out->caps & MP_CLIENT_PROTOCOL_41)) return B_MALFORMED;
    if ((out->caps & MP_CLIENT_SSL) && payload.n == LOGIN_FIXED) {
        out->ssl_request = true;
        return B_OK;
    }
    out->user = mp_read_nul_str(&r);
    out->auth = read_auth(&r, out->caps);
    if (out->caps & MP_CLIENT_CONNECT_WITH_DB) out->schema = last_nul_str(&r);
    read_tail(&r, out->caps, out);
    if ((out->caps & MP_CLIENT_ZSTD_COMPRESSION) && mp_left(&r) > 0)
        out->zstd_level = (uint8_t)mp_read_int(&r, 1);
    return r.bad ? B_MALFORMED : B_OK;
}

void mp_login_put(b_buf *b, const mp_login *l)
{
    mp_put_int(b, l->caps & 0xFFFFFFFF, 4);
    mp_put_int(b, l->max_packet, 4);
    mp_put_int(b, l->charset & 0xFF, 1);
    b_buf_add(b, zeros, 19);
    mp_put_int(b, l->caps & MP_CLIENT_LONG_PASSWORD ? 0 : l->mariadb_caps, 4);
    if (l->ssl_request) return;
    mp_put_nul_str(b, l->user);
    put_auth(b, l->caps, l->auth);
    if (l->caps & MP_CLIENT_CONNECT_WITH_DB) mp_put_nul_str(b, l->schema);
    if (l->caps & MP_CLIENT_PLUGIN_AUTH) mp_put_nul_str(b, l->plugin);
    if (l->caps & MP_CLIENT_CONNECT_ATTRS) mp_put_lenenc_str(b, l->attrs);
    if (l->caps & MP_CLIENT_ZSTD_COMPRESSION) mp_put_int(b, l->zstd_level, 1);
}

b_status mp_change_user_parse(b_slice payload, uint64_t caps, mp_login *out)
{
    mp_reader r = mp_reader_of(payload);
    *out = empty_login();
    out->caps = caps;
    (void)mp_read_int(&r, 1);
    out->user = mp_read_nul_str(&r);
    /* Here the length is one byte whatever PLUGIN_AUTH_LENENC says. */
    out->auth = read_auth(&r, caps & ~MP_CLIENT_PLUGIN_AUTH_LENENC);
    out->schema = last_nul_str(&r);
    if (mp_left(&r) >= 2) out->charset = (uint16_t)mp_read_int(&r, 2);
    read_tail(&r, caps, out);
    return r.bad ? B_MALFORMED : B_OK;
}

void mp_change_user_put(b_buf *b, const mp_login *l)
{
    mp_put_int(b, CHANGE_USER, 1);
    mp_put_nul_str(b, l->user);
    put_auth(b, l->caps & ~MP_CLIENT_PLUGIN_AUTH_LENENC, l->auth);
    mp_put_nul_str(b, l->schema);
    mp_put_int(b, l->charset, 2);
    if (l->caps & MP_CLIENT_PLUGIN_AUTH) mp_put_nul_str(b, l->plugin);
    if (l->caps & MP_CLIENT_CONNECT_ATTRS) mp_put_lenenc_str(b, l->attrs);
}

bool mp_is_ssl_request(b_slice payload)
{
    mp_reader r = mp_reader_of(payload);
    uint64_t caps = mp_read_int(&r, 4), want = MP_CLIENT_SSL | MP_CLIENT_PROTOCOL_41;
    return payload.n == LOGIN_FIXED && (caps & want) == want;
}

bool mp_attr_next(b_slice *attrs, b_slice *key, b_slice *value)
{
    mp_reader r = mp_reader_of(*attrs);
    if (mp_left(&r) == 0) return false;
    *key = mp_read_lenenc_str(&r);
    *value = mp_read_lenenc_str(&r);
    if (r.bad) return false;
    *attrs = mp_read_rest(&r);
    return true;
}

b_status mp_auth_switch_parse(b_slice payload, b_slice *plugin, b_slice *data)
{
    mp_reader r = mp_reader_of(payload);
    *plugin = *data = B_LIT("");
    uint64_t first = mp_read_int(&r, 1);
    if (first != 0xFE && first != 0x02) return B_MALFORMED;
    if (mp_left(&r) == 0) return B_OK;
    *plugin = mp_read_nul_str(&r);
    *data = mp_read_rest(&r);
    if (data->n > 0 && data->p[data->n - 1] == '\0') data->n--;
    return r.bad ? B_MALFORMED : B_OK;
}

void mp_auth_switch_put(b_buf *b, b_slice plugin, b_slice data)
{
    mp_put_int(b, 0xFE, 1);
    mp_put_nul_str(b, plugin);
    mp_put_nul_str(b, data);
}

/* Plugins whose packets from the server always carry a header byte. MariaDB lets others send raw data. */
static bool has_headers(b_slice plugin)
{
    static const b_slice known[] = {{"mysql_native_password", 21},
                                    {"caching_sha2_password", 21},
                                    {"sha256_password", 15},
                                    {"mysql_clear_password", 20}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (b_slice_eq(plugin, known[i])) return true;
    return false;
}

mp_auth_step mp_auth_classify(b_slice payload, b_slice plugin, uint64_t caps)
{
    if (payload.n == 0) return MP_AUTH_BAD;
    switch ((unsigned char)payload.p[0]) {
    case 0x00: return MP_AUTH_OK;
    case 0xFF: return MP_AUTH_ERR;
    case 0xFE: return MP_AUTH_SWITCH;
    case 0x02:
        if (caps & MP_CLIENT_MULTI_FACTOR) return MP_AUTH_NEXT;
        return has_headers(plugin) ? MP_AUTH_BAD : MP_AUTH_MORE;
    case 0x01:
        if (payload.n == 2 && payload.p[1] == 0x03 && b_slice_eq(plugin, B_LIT("caching_sha2_password")))
            return MP_AUTH_MORE_FAST_OK;
        return MP_AUTH_MORE;
    default: return has_headers(plugin) ? MP_AUTH_BAD : MP_AUTH_MORE;
    }
}
