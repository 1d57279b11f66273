/* Compressed packets: what carries the stream of packets once both sides have agreed on it.
 * Source: MySQL Internals, "Compressed Packet"; MariaDB KB, "0-packet", "Compressed packet".
 *
 * A compressed packet is a header of seven bytes (3 bytes length, 1 byte sequence id of its own, 3 bytes
 * length once unpacked, 0 where what follows is not compressed) and a run of bytes of the stream, at most
 * MP_MAX_PAYLOAD of them; where it is cut has nothing to do with packets. */
#ifndef PROTOCOL_COMPRESS_H
#define PROTOCOL_COMPRESS_H

#include "protocol/packet.h"

enum { MP_COMPRESSED_HEADER = 7 };

typedef enum mp_compression { MP_COMPRESS_NONE, MP_COMPRESS_ZLIB, MP_COMPRESS_ZSTD } mp_compression;

const char *mp_compression_name(mp_compression c); /* "none", "zlib", "zstd" */

/* Working memory for both kinds, made when it is needed first; serves any number of connections, one thread.
 */
typedef struct mp_codec mp_codec;

mp_codec *mp_codec_new(void); /* NULL when out of memory */
void mp_codec_free(mp_codec *c);

typedef struct mp_compressed_header {
    uint32_t len; /* of what follows */
    uint8_t seq;
    uint32_t raw; /* its length once unpacked; 0: it is as it was */
} mp_compressed_header;

/* p: MP_COMPRESSED_HEADER bytes. */
mp_compressed_header mp_compressed_header_get(const void *p);

/* Appends raw as compressed packets; *seq is that of the first, and is counted on. level: 1 to 22 for zstd, 1
 * to 9 for zlib, 0 = the usual one. Little or incompressible is sent as it is. B_NOMEM. */
b_status mp_compress(mp_codec *c, mp_compression how, int level, b_slice raw, uint8_t *seq,
                     b_buf *out) B_MUSTCHECK;

/* Appends what the packet carries. payload: the h.len bytes behind the header. B_MALFORMED when it does not
 * unpack to exactly h.raw bytes; nothing is appended then. */
b_status mp_decompress(mp_codec *c, mp_compression how, mp_compressed_header h, b_slice payload,
                       b_buf *out) B_MUSTCHECK;

#endif
