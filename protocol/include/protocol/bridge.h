/* What becomes of a password between two connections of which only one is safe (TLS, or a unix socket, which
 * sha256_password does not take for safe, however): the
 * plugins that send it in the clear over a safe connection, and under RSA over another, are bridged; those
 * that know no other way than in the clear are refused where that would put it on a network.
 *
 * A mp_bridge follows one login or COM_CHANGE_USER. The caller shows it the plugin in use (from the login,
 * then from every AuthSwitchRequest and AuthNextFactor), what the client sends, and what the server sends as
 * AuthMoreData, and does what it says. It keeps a password only from the client's packet to the server's key,
 * and wipes it.
 *
 *   caching_sha2_password: START ── server: full authentication ──→ FULL ── client: password ──→ DONE
 *   sha256_password:       START ── client: password ──→ DONE
 *   client asks for a key: ── answered by us ──→ OUR_KEY, or by the server ──→ THEIR_KEY ── password ──→ DONE
 *   password in the clear, server not safe: ──→ AWAIT_KEY ── server: key ──→ DONE
 *
 * Source: MySQL server documentation, "Caching SHA-2 Pluggable Authentication", "SHA-256 Pluggable
 * Authentication"; MySQL Internals, "Authentication Method". No I/O, any thread. */
#ifndef PROTOCOL_BRIDGE_H
#define PROTOCOL_BRIDGE_H

#include "base/buf.h"
#include "protocol/rsa.h"

typedef enum mp_bridge_stage {
    MP_BRIDGE_START,
    MP_BRIDGE_FULL,
    MP_BRIDGE_OUR_KEY,
    MP_BRIDGE_THEIR_KEY,
    MP_BRIDGE_AWAIT_KEY,
    MP_BRIDGE_DONE
} mp_bridge_stage;

typedef enum mp_bridge_plugin {
    MP_PLUGIN_OTHER,
    MP_PLUGIN_SHA256,
    MP_PLUGIN_SHA2,
    MP_PLUGIN_CLEAR
} mp_bridge_plugin;

typedef enum mp_leg { MP_LEG_PLAIN, MP_LEG_SOCKET, MP_LEG_TLS } mp_leg;

typedef struct mp_bridge {
    mp_leg client_leg, server_leg;
    bool client_safe, server_safe; /* for the plugin in use */
    const mp_rsa *own;             /* to be set before every call; NULL: none */
    const mp_rsa *server_key;      /* likewise: the server's, where it is known beforehand */
    mp_bridge_plugin plugin;
    mp_bridge_stage stage;
    char nonce[MP_NONCE];
    bool quiet;      /* the client has said all it will: what the server asks for is answered here */
    b_buf secret;    /* the password, until it can be sent */
    const char *why; /* of REFUSE */
} mp_bridge;

typedef enum mp_bridge_act {
    MP_BRIDGE_RELAY,     /* the packet goes on as it is */
    MP_BRIDGE_TO_SERVER, /* out goes to the server, nothing to the client */
    MP_BRIDGE_TO_CLIENT, /* out goes to the client, nothing to the server */
    MP_BRIDGE_DROP,      /* nothing goes anywhere */
    MP_BRIDGE_REFUSE     /* b->why; the login is over */
} mp_bridge_act;

/* nonce: of the greeting; may be NULL. */
void mp_bridge_begin(mp_bridge *b, mp_leg client, mp_leg server, const char *nonce);
void mp_bridge_end(mp_bridge *b); /* wipes; a zeroed mp_bridge is fine */

/* The server asks for this plugin. RELAY or REFUSE. */
mp_bridge_act mp_bridge_switch(mp_bridge *b, b_slice plugin, b_slice data) B_MUSTCHECK;
/* The answer that came within a login or COM_CHANGE_USER. False: it may not go to the server: the packet is
 * sent with mp_bridge_nothing for its plugin and an empty answer, which makes the server ask by itself. */
bool mp_bridge_first(mp_bridge *b, b_slice plugin, b_slice auth) B_MUSTCHECK;
extern const b_slice mp_bridge_nothing;

/* Payloads. out: appended to, with TO_SERVER and TO_CLIENT; the caller wipes it. */
mp_bridge_act mp_bridge_client(mp_bridge *b, b_slice payload, b_buf *out) B_MUSTCHECK;
mp_bridge_act mp_bridge_server(mp_bridge *b, b_slice payload, b_buf *out) B_MUSTCHECK;

#endif
