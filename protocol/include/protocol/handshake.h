/* The connection phase: greeting, handshake response, auth switch, COM_CHANGE_USER.
 * Source: MySQL Internals, "Protocol::HandshakeV10", "HandshakeResponse41", "AuthSwitchRequest",
 * "COM_CHANGE_USER"; MariaDB KB, "Connection". */
#ifndef PROTOCOL_HANDSHAKE_H
#define PROTOCOL_HANDSHAKE_H

#include "protocol/proto.h"

typedef struct mp_greeting {
    uint8_t version; /* 10 */
    b_slice server_version;
    uint32_t thread_id;
    char nonce[20];
    uint64_t caps;
    uint32_t mariadb_caps; /* MariaDB's extended ones, in reserved bytes; only when LONG_PASSWORD is unset */
    uint8_t charset;
    uint16_t status;
    b_slice plugin;
} mp_greeting;

b_status mp_greeting_parse(b_slice payload, mp_greeting *out) B_MUSTCHECK; /* B_MALFORMED; ERR is not one */
void mp_greeting_put(b_buf *b, const mp_greeting *g);                      /* a payload */

typedef struct mp_login {
    uint64_t caps;
    uint32_t max_packet;
    uint32_t mariadb_caps;
    uint16_t charset; /* a login carries its low byte only */
    b_slice user, auth, schema, plugin;
    b_slice attrs;      /* undecoded pairs; see mp_attr_next */
    uint8_t zstd_level; /* with ZSTD_COMPRESSION; 0: none was given */
    bool ssl_request;   /* the short packet that asks for TLS: nothing after charset is set */
} mp_login;

b_status mp_login_parse(b_slice payload, mp_login *out) B_MUSTCHECK;
void mp_login_put(b_buf *b, const mp_login *l); /* a payload, as l->caps says */

/* COM_CHANGE_USER's payload, the command byte included. caps: the session's. */
b_status mp_change_user_parse(b_slice payload, uint64_t caps, mp_login *out) B_MUSTCHECK;

void mp_change_user_put(b_buf *b, const mp_login *l); /* a payload, as l->caps says */

/* Is it the packet that asks for TLS? Looks at nothing beyond its fixed part, which no password is in. */
bool mp_is_ssl_request(b_slice payload);

bool mp_attr_next(b_slice *attrs, b_slice *key, b_slice *value);

/* AuthSwitchRequest: 0xFE, plugin, data (its trailing NUL cut). An old one of one byte has an empty plugin.
 * AuthNextFactor is the same with 0x02. */
b_status mp_auth_switch_parse(b_slice payload, b_slice *plugin, b_slice *data) B_MUSTCHECK;
void mp_auth_switch_put(b_buf *b, b_slice plugin, b_slice data);

/* What the packets of an authentication exchange mean, seen by one who relays them. */
typedef enum mp_auth_step {
    MP_AUTH_OK,           /* done, logged in */
    MP_AUTH_ERR,          /* done, refused */
    MP_AUTH_SWITCH,       /* server asks for another plugin: the client answers */
    MP_AUTH_MORE,         /* server sends data, the client answers */
    MP_AUTH_NEXT,         /* server asks for the next factor, in the form of a switch */
    MP_AUTH_MORE_FAST_OK, /* caching_sha2_password 0x03: server goes on to OK by itself, client is silent */
    MP_AUTH_BAD
} mp_auth_step;

/* plugin: the one in use now. caps: of the leg: AuthNextFactor is one only with MULTI_FACTOR. */
mp_auth_step mp_auth_classify(b_slice payload, b_slice plugin, uint64_t caps);

#endif
