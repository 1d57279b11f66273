/* The PROXY protocol: a header before anything else on a connection that says whose it is.
 * Source: "The PROXY protocol, versions 1 & 2" (haproxy.org, doc/proxy-protocol.txt). */
#ifndef PROTOCOL_PROXY_HEADER_H
#define PROTOCOL_PROXY_HEADER_H

#include "base/buf.h"
#include "base/status.h"

#include <stddef.h>

enum { MP_PEER_TEXT = 46 };

typedef struct mp_peer {            /* who connected to whom; family 0: not known, or a unix socket */
    unsigned char family;           /* 0, 4, 6 */
    unsigned char from[16], to[16]; /* 4 or 16 bytes, network order */
    uint16_t from_port, to_port;
} mp_peer;

/* The header at the front of `in`, of either version. B_OK: *used bytes were it. B_MORE: not all of it is
 * there. B_MALFORMED: it is none, or one that is not understood. Family 0 for UNKNOWN and LOCAL. */
b_status mp_proxy_header_parse(b_slice in, mp_peer *out, size_t *used) B_MUSTCHECK;

/* version: 1 or 2. */
void mp_proxy_header_put(b_buf *b, unsigned version, const mp_peer *p);

/* The address of the one who connected, as text; "" where family is 0. */
void mp_peer_text(const mp_peer *p, char out[MP_PEER_TEXT]);

#endif
