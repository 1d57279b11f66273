/* Constants of the protocol, and the packets that both sides know: OK, ERR, EOF.
 * Source: MySQL Internals, "Capabilities Flags", "Status Flags", "OK_Packet", "ERR_Packet", "EOF_Packet";
 * MariaDB KB, "Connection", "OK_Packet". */
#ifndef PROTOCOL_PROTO_H
#define PROTOCOL_PROTO_H

#include "protocol/packet.h"

#define MP_CLIENT_LONG_PASSWORD 0x1ULL
#define MP_CLIENT_FOUND_ROWS 0x2ULL
#define MP_CLIENT_LONG_FLAG 0x4ULL
#define MP_CLIENT_CONNECT_WITH_DB 0x8ULL
#define MP_CLIENT_NO_SCHEMA 0x10ULL
#define MP_CLIENT_COMPRESS 0x20ULL
#define MP_CLIENT_ODBC 0x40ULL
#define MP_CLIENT_LOCAL_FILES 0x80ULL
#define MP_CLIENT_IGNORE_SPACE 0x100ULL
#define MP_CLIENT_PROTOCOL_41 0x200ULL
#define MP_CLIENT_INTERACTIVE 0x400ULL
#define MP_CLIENT_SSL 0x800ULL
#define MP_CLIENT_IGNORE_SIGPIPE 0x1000ULL
#define MP_CLIENT_TRANSACTIONS 0x2000ULL
#define MP_CLIENT_RESERVED 0x4000ULL
#define MP_CLIENT_SECURE_CONNECTION 0x8000ULL
#define MP_CLIENT_MULTI_STATEMENTS 0x10000ULL
#define MP_CLIENT_MULTI_RESULTS 0x20000ULL
#define MP_CLIENT_PS_MULTI_RESULTS 0x40000ULL
#define MP_CLIENT_PLUGIN_AUTH 0x80000ULL
#define MP_CLIENT_CONNECT_ATTRS 0x100000ULL
#define MP_CLIENT_PLUGIN_AUTH_LENENC 0x200000ULL
#define MP_CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS 0x400000ULL
#define MP_CLIENT_SESSION_TRACK 0x800000ULL
#define MP_CLIENT_DEPRECATE_EOF 0x1000000ULL
#define MP_CLIENT_OPTIONAL_RESULTSET_METADATA 0x2000000ULL
#define MP_CLIENT_ZSTD_COMPRESSION 0x4000000ULL
#define MP_CLIENT_QUERY_ATTRIBUTES 0x8000000ULL
#define MP_CLIENT_MULTI_FACTOR 0x10000000ULL
#define MP_CLIENT_PROGRESS_OLD 0x20000000ULL /* MariaDB's, before it had capabilities of its own */
#define MP_CLIENT_REMEMBER_OPTIONS 0x80000000ULL

/* MariaDB's own, bits 32 and up: mariadb_caps of a greeting or login shifted left by 32. */
#define MP_MARIADB_PROGRESS 0x100000000ULL
#define MP_MARIADB_BULK 0x400000000ULL
#define MP_MARIADB_EXTENDED_METADATA 0x800000000ULL
#define MP_MARIADB_CACHE_METADATA 0x1000000000ULL
#define MP_MARIADB_BULK_UNIT_RESULTS 0x2000000000ULL

/* With either, the packet with the number of columns ends in a byte that says whether definitions follow. */
#define MP_CAPS_METADATA_BYTE (MP_CLIENT_OPTIONAL_RESULTSET_METADATA | MP_MARIADB_CACHE_METADATA)

/* Capabilities that change the form of packets in a way this module does not follow: a proxy masks them
 * off in the greeting. Compression and TLS are below packets. */
#define MP_CAPS_NOT_FOLLOWED                                                                                 \
    (MP_CLIENT_COMPRESS | MP_CLIENT_ZSTD_COMPRESSION | MP_CLIENT_SSL | MP_CLIENT_MULTI_FACTOR |              \
     MP_CLIENT_PROGRESS_OLD | MP_MARIADB_BULK_UNIT_RESULTS)

enum {
    MP_STATUS_IN_TRANS = 0x1,
    MP_STATUS_AUTOCOMMIT = 0x2,
    MP_STATUS_MORE_RESULTS = 0x8,
    MP_STATUS_CURSOR_EXISTS = 0x40,
    MP_STATUS_LAST_ROW_SENT = 0x80,
    MP_STATUS_SESSION_STATE_CHANGED = 0x4000,
};

enum {
    MP_TRACK_SYSTEM_VARIABLES = 0,
    MP_TRACK_SCHEMA = 1,
    MP_TRACK_STATE_CHANGE = 2,
    MP_TRACK_GTIDS = 3,
    MP_TRACK_TX_CHARACTERISTICS = 4,
    MP_TRACK_TX_STATE = 5
};

typedef struct mp_ok {
    uint64_t affected, insert_id;
    uint16_t status, warnings;
    b_slice info;
    b_slice state; /* session state changes, undecoded; empty where there are none */
} mp_ok;

/* payload: the whole OK packet (header byte 0x00, or 0xFE with DEPRECATE_EOF). caps: of the leg it came on.
 */
b_status mp_ok_parse(b_slice payload, uint64_t caps, mp_ok *out) B_MUSTCHECK;
/* header: 0x00 or 0xFE. caps: of the leg it goes to; without SESSION_TRACK the state is left out and its
 * status bit cleared. Appends a payload, not a packet. */
void mp_ok_put(b_buf *b, uint8_t header, const mp_ok *ok, uint64_t caps);

/* The EOF packet of five bytes, in use without DEPRECATE_EOF. Fills status and warnings. */
b_status mp_eof_parse(b_slice payload, mp_ok *out) B_MUSTCHECK;
void mp_eof_put(b_buf *b, uint16_t warnings, uint16_t status); /* a payload */

/* Walks the entries of mp_ok.state: false at the end (*state is empty then) or on malformed
 * data (it is not). For MP_TRACK_SYSTEM_VARIABLES
 * name and value are set; for MP_TRACK_SCHEMA value is the schema. */
bool mp_state_next(b_slice *state, unsigned *type, b_slice *name, b_slice *value);

typedef struct mp_error {
    uint16_t code;
    char sqlstate[6];
    b_slice message;
} mp_error;

b_status mp_err_parse(b_slice payload, uint64_t caps, mp_error *out) B_MUSTCHECK;
void mp_err_put(b_buf *b, uint16_t code, const char *sqlstate, b_slice message); /* a payload */

/* A whole ERR packet with a formatted message; returns the next sequence id. */
uint8_t mp_err_packet(b_buf *b, uint8_t seq, uint16_t code, const char *sqlstate, const char *fmt, ...)
    B_PRINTF(5, 6);

#endif
