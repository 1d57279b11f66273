/* Framing and the primitive types of the wire.
 * Source: MySQL Internals, "MySQL Packets", "Integer Types", "String Types"; MariaDB KB, "0-packet".
 *
 * A packet is a 4-byte header (3 bytes payload length, 1 byte sequence id) and its payload. A payload of
 * exactly MP_MAX_PAYLOAD bytes continues in the next packet; the last one is shorter, maybe empty. Sequence
 * ids wrap at 256 and start at 0 with every command. */
#ifndef PROTOCOL_PACKET_H
#define PROTOCOL_PACKET_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

enum { MP_HEADER = 4, MP_MAX_PAYLOAD = 0xFFFFFF };

typedef struct mp_header {
    uint32_t len; /* of the payload, bytes */
    uint8_t seq;
} mp_header;

static inline mp_header mp_header_get(const void *p)
{
    const unsigned char *b = p;
    return (mp_header){(uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16, b[3]};
}

static inline void mp_header_put(void *p, uint32_t len, uint8_t seq)
{
    unsigned char *b = p;
    b[0] = (unsigned char)len, b[1] = (unsigned char)(len >> 8), b[2] = (unsigned char)(len >> 16),
    b[3] = seq;
}

/* A reader over one payload. Failure is sticky: after a read past the end all reads give 0 or an empty
 * slice and `bad` stays set. Slices borrow from the payload. */
typedef struct mp_reader {
    const unsigned char *p, *end;
    bool bad;
} mp_reader;

mp_reader mp_reader_of(b_slice payload);
uint64_t mp_read_int(mp_reader *r, unsigned bytes); /* 1, 2, 3, 4, 6, 8: little endian */
uint64_t mp_read_lenenc(mp_reader *r, bool *null);  /* null may be NULL: then 0xFB is bad */
b_slice mp_read_bytes(mp_reader *r, size_t n);
b_slice mp_read_lenenc_str(mp_reader *r);
b_slice mp_read_nul_str(mp_reader *r); /* without its NUL, which must be there */
b_slice mp_read_rest(mp_reader *r);
static inline size_t mp_left(const mp_reader *r)
{
    return r->bad ? 0 : (size_t)(r->end - r->p);
}

/* Writers append to a b_buf, whose failure is sticky. */
void mp_put_int(b_buf *b, uint64_t v, unsigned bytes);
void mp_put_lenenc(b_buf *b, uint64_t v);
void mp_put_lenenc_str(b_buf *b, b_slice s);
void mp_put_nul_str(b_buf *b, b_slice s);

/* Packets: begin, append the payload, end. mp_packet_end splits payloads over the limit and returns the
 * next sequence id. One at a time on a buffer. */
size_t mp_packet_begin(b_buf *b);
uint8_t mp_packet_end(b_buf *b, size_t begin, uint8_t seq);
/* A whole packet from a payload; returns the next sequence id. */
uint8_t mp_packet_put(b_buf *b, uint8_t seq, b_slice payload);

#endif
