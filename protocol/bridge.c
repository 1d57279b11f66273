/* Passwords between a safe connection and another: see protocol/bridge.h. */
#include "protocol/bridge.h"

enum { ASK_SHA256 = 0x01, ASK_SHA2 = 0x02, FAST_OK = 0x03, FULL = 0x04, MORE = 0x01, MAX_SECRET = 1024 };

const b_slice mp_bridge_nothing = {"straddle_asks_again", 19};

static mp_bridge_plugin plugin_of(b_slice name)
{
    if (b_slice_eq(name, B_LIT("caching_sha2_password"))) return MP_PLUGIN_SHA2;
    if (b_slice_eq(name, B_LIT("sha256_password"))) return MP_PLUGIN_SHA256;
    if (b_slice_eq(name, B_LIT("mysql_clear_password")) || b_slice_eq(name, B_LIT("dialog")))
        return MP_PLUGIN_CLEAR;
    return MP_PLUGIN_OTHER;
}

static void forget(mp_bridge *b)
{
    if (b->secret.p != NULL) mp_wipe(b->secret.p, b->secret.size);
    b_buf_deinit(&b->secret);
}

void mp_bridge_begin(mp_bridge *b, mp_leg client, mp_leg server, const char *nonce)
{
    forget(b);
    *b = (mp_bridge){.client_leg = client, .server_leg = server};
    if (nonce != NULL) memcpy(b->nonce, nonce, MP_NONCE);
}

void mp_bridge_end(mp_bridge *b)
{
    forget(b);
    *b = (mp_bridge){0};
}

static bool is_safe(mp_leg leg, mp_bridge_plugin plugin)
{
    return leg == MP_LEG_TLS || (leg == MP_LEG_SOCKET && plugin != MP_PLUGIN_SHA256);
}

static void begin_plugin(mp_bridge *b, b_slice plugin)
{
    b->plugin = plugin_of(plugin);
    b->stage = MP_BRIDGE_START;
    b->quiet = false;
    b->client_safe = is_safe(b->client_leg, b->plugin);
    b->server_safe = is_safe(b->server_leg, b->plugin);
}

static mp_bridge_act refuse(mp_bridge *b, const char *why)
{
    forget(b);
    b->why = why;
    return MP_BRIDGE_REFUSE;
}

mp_bridge_act mp_bridge_switch(mp_bridge *b, b_slice plugin, b_slice data)
{
    forget(b);
    begin_plugin(b, plugin);
    if (data.n >= MP_NONCE) memcpy(b->nonce, data.p, MP_NONCE);
    if (b->plugin == MP_PLUGIN_CLEAR && b->client_safe && !b->server_safe)
        return refuse(
            b, "the account's plugin sends the password in the clear, and the connection from the proxy "
               "to the database has no TLS; set backend.tls.mode to as_client or required, and see that "
               "the database has TLS");
    return MP_BRIDGE_RELAY;
}

static bool is_empty(b_slice p)
{
    return p.n == 0 || (p.n == 1 && p.p[0] == '\0');
}

bool mp_bridge_first(mp_bridge *b, b_slice plugin, b_slice auth)
{
    begin_plugin(b, plugin);
    if (b->client_safe == b->server_safe || is_empty(auth)) return true;
    switch (b->plugin) {
    case MP_PLUGIN_OTHER: return true;
    case MP_PLUGIN_SHA256: return false;
    case MP_PLUGIN_SHA2:
        return !b->client_safe || auth.n == MP_SHA2_PROOF; /* else it is the password itself */
    case MP_PLUGIN_CLEAR: return !b->client_safe;
    }
    return false;
}

/* --- the parts of an exchange --- */

static mp_bridge_act give_key(mp_bridge *b, b_buf *out)
{
    if (b->own == NULL)
        return refuse(b, "the proxy has no RSA key to give to a client without TLS; connect with TLS, or set "
                         "tls.rsa_key");
    b_buf_char(out, MORE);
    mp_rsa_public_pem(b->own, out);
    b->stage = MP_BRIDGE_OUR_KEY;
    return MP_BRIDGE_TO_CLIENT;
}

static mp_bridge_act open_sealed(mp_bridge *b, b_slice sealed, b_buf *out)
{
    b->stage = MP_BRIDGE_DONE;
    if (b->own == NULL || mp_rsa_open(b->own, sealed, b->nonce, out) != B_OK)
        return refuse(
            b, "the password is not encrypted with the proxy's RSA key; let the client ask for the key "
               "(get-server-public-key) rather than use the database's from a file, or connect with TLS");
    return MP_BRIDGE_TO_SERVER;
}

static mp_bridge_act seal(mp_bridge *b, const mp_rsa *key, b_buf *out)
{
    b_status st = mp_rsa_seal(key, b_buf_view(&b->secret), b->nonce, out);
    b->stage = MP_BRIDGE_DONE;
    forget(b);
    if (st != B_OK)
        return refuse(b, "the password is too long for the database's RSA key; use TLS to the database");
    return MP_BRIDGE_TO_SERVER;
}

/* The password waits in `secret`. */
static mp_bridge_act ask_key(mp_bridge *b, b_buf *out)
{
    if (b->server_key != NULL) return seal(b, b->server_key, out);
    b_buf_char(out, b->plugin == MP_PLUGIN_SHA2 ? ASK_SHA2 : ASK_SHA256);
    b->stage = MP_BRIDGE_AWAIT_KEY;
    return MP_BRIDGE_TO_SERVER;
}

static bool keep(mp_bridge *b, b_slice password)
{
    forget(b);
    if (password.n > MAX_SECRET || password.n == 0 || password.p[password.n - 1] != '\0') return false;
    b_buf_reserve(&b->secret, password.n); /* at once: no copies are left behind by growing */
    b_buf_slice(&b->secret, password);
    b->quiet = true;
    return !b->secret.failed;
}

static mp_bridge_act not_a_password(mp_bridge *b)
{
    return refuse(b, "the client sent something else than a password of at most 1023 bytes");
}

/* The client's password, or its question for a key, at the point where the plugin wants one of them. */
static mp_bridge_act password(mp_bridge *b, b_slice payload, char ask, b_buf *out)
{
    if (payload.n == 1 && payload.p[0] == ask) {
        if (b->server_safe) return give_key(b, out);
        b->stage = MP_BRIDGE_THEIR_KEY;
        return MP_BRIDGE_RELAY;
    }
    b->stage = MP_BRIDGE_DONE;
    if (b->client_safe == b->server_safe) return MP_BRIDGE_RELAY;
    if (!b->client_safe) return open_sealed(b, payload, out);
    return keep(b, payload) ? ask_key(b, out) : not_a_password(b);
}

/* A client may send its password at once where it thinks the connection safe; the server wants a proof. */
static mp_bridge_act sha2_first(mp_bridge *b, b_slice payload, b_buf *out)
{
    if (payload.n == MP_SHA2_PROOF || !b->client_safe || b->server_safe) return MP_BRIDGE_RELAY;
    unsigned char proof[MP_SHA2_PROOF];
    if (!keep(b, payload)) return not_a_password(b);
    mp_sha2_proof(b_slice_of(b->secret.p, b->secret.n - 1), b->nonce, proof);
    b_buf_add(out, proof, sizeof proof);
    mp_wipe(proof, sizeof proof);
    return MP_BRIDGE_TO_SERVER;
}

mp_bridge_act mp_bridge_client(mp_bridge *b, b_slice payload, b_buf *out)
{
    switch (b->stage) {
    case MP_BRIDGE_START:
        if (is_empty(payload)) return MP_BRIDGE_RELAY;
        if (b->plugin == MP_PLUGIN_SHA2) return sha2_first(b, payload, out);
        return b->plugin == MP_PLUGIN_SHA256 ? password(b, payload, ASK_SHA256, out) : MP_BRIDGE_RELAY;
    case MP_BRIDGE_FULL: return password(b, payload, ASK_SHA2, out);
    case MP_BRIDGE_OUR_KEY: return open_sealed(b, payload, out);
    case MP_BRIDGE_THEIR_KEY: b->stage = MP_BRIDGE_DONE; return MP_BRIDGE_RELAY;
    case MP_BRIDGE_AWAIT_KEY:
    case MP_BRIDGE_DONE: break;
    }
    return refuse(b, "the client sent a packet where the login wants none");
}

static mp_bridge_act take_key(mp_bridge *b, b_slice pem, b_buf *out)
{
    mp_rsa *key = mp_rsa_of_pem(pem);
    if (key == NULL) return refuse(b, "the database did not give a usable RSA key; use TLS to the database");
    mp_bridge_act act = seal(b, key, out);
    mp_rsa_free(key);
    return act;
}

mp_bridge_act mp_bridge_server(mp_bridge *b, b_slice payload, b_buf *out)
{
    bool more = payload.n > 1 && payload.p[0] == MORE;
    if (b->stage == MP_BRIDGE_AWAIT_KEY)
        return more ? take_key(b, b_slice_of(payload.p + 1, payload.n - 1), out)
                    : refuse(b, "the database did not give an RSA key; use TLS to the database");
    if (b->plugin != MP_PLUGIN_SHA2 || payload.n != 2 || !more) return MP_BRIDGE_RELAY;
    if (payload.p[1] == FULL) {
        b->stage = MP_BRIDGE_FULL;
        return b->quiet ? ask_key(b, out) : MP_BRIDGE_RELAY;
    }
    return payload.p[1] == FAST_OK && b->quiet ? MP_BRIDGE_DROP : MP_BRIDGE_RELAY;
}
