/* Compressed packets: see protocol/compress.h. The only file that knows zlib and zstd. */
#include "protocol/compress.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

enum {
    LEAST = 50, /* bytes for which compressing is tried, as in both servers */
    ZSTD_LEVEL = 3
};

struct mp_codec {
    z_stream pack, unpack;
    bool can_pack, can_unpack;
    int level; /* of pack */
    ZSTD_CCtx *zstd_pack;
    ZSTD_DCtx *zstd_unpack;
};

const char *mp_compression_name(mp_compression c)
{
    static const char *const names[] = {"none", "zlib", "zstd"};
    return names[c];
}

mp_codec *mp_codec_new(void)
{
    return calloc(1, sizeof(mp_codec));
}

void mp_codec_free(mp_codec *c)
{
    if (c == NULL) return;
    if (c->can_pack) (void)deflateEnd(&c->pack);
    if (c->can_unpack) (void)inflateEnd(&c->unpack);
    (void)ZSTD_freeCCtx(c->zstd_pack);
    (void)ZSTD_freeDCtx(c->zstd_unpack);
    free(c);
}

mp_compressed_header mp_compressed_header_get(const void *p)
{
    const unsigned char *b = p;
    return (mp_compressed_header){(uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16, b[3],
                                  (uint32_t)b[4] | (uint32_t)b[5] << 8 | (uint32_t)b[6] << 16};
}

/* --- zlib. Each packet is a stream of its own. --- */

static bool ready_to_pack(mp_codec *c, int level)
{
    if (c->can_pack && c->level == level) return deflateReset(&c->pack) == Z_OK;
    if (c->can_pack) (void)deflateEnd(&c->pack);
    c->pack = (z_stream){.zalloc = Z_NULL};
    c->can_pack = deflateInit(&c->pack, level) == Z_OK;
    c->level = level;
    return c->can_pack;
}

/* Writes at most `room` bytes to `to`; 0: it does not fit, or memory ran out. */
static size_t zlib_pack(mp_codec *c, int level, b_slice raw, char *to, size_t room)
{
    if (!ready_to_pack(c, level == 0 ? Z_DEFAULT_COMPRESSION : level > 9 ? 9 : level)) return 0;
    c->pack.next_in = (Bytef *)(uintptr_t)raw.p;
    c->pack.avail_in = (uInt)raw.n;
    c->pack.next_out = (Bytef *)to;
    c->pack.avail_out = (uInt)room;
    return deflate(&c->pack, Z_FINISH) == Z_STREAM_END ? (size_t)c->pack.total_out : 0;
}

static b_status zlib_unpack(mp_codec *c, b_slice packed, char *to, size_t n)
{
    if (!c->can_unpack) {
        c->unpack = (z_stream){.zalloc = Z_NULL};
        c->can_unpack = inflateInit(&c->unpack) == Z_OK;
        if (!c->can_unpack) return B_NOMEM;
    } else if (inflateReset(&c->unpack) != Z_OK) {
        return B_MALFORMED;
    }
    c->unpack.next_in = (Bytef *)(uintptr_t)packed.p;
    c->unpack.avail_in = (uInt)packed.n;
    c->unpack.next_out = (Bytef *)to;
    c->unpack.avail_out = (uInt)n;
    int rc = inflate(&c->unpack, Z_FINISH);
    if (rc == Z_MEM_ERROR) return B_NOMEM;
    bool whole = rc == Z_STREAM_END && c->unpack.total_out == n && c->unpack.avail_in == 0;
    return whole ? B_OK : B_MALFORMED;
}

/* --- zstd. Each packet is a frame of its own. --- */

static size_t zstd_pack(mp_codec *c, int level, b_slice raw, char *to, size_t room)
{
    if (c->zstd_pack == NULL) c->zstd_pack = ZSTD_createCCtx();
    if (c->zstd_pack == NULL) return 0;
    if (level < 1 || level > ZSTD_maxCLevel()) level = ZSTD_LEVEL;
    size_t n = ZSTD_compressCCtx(c->zstd_pack, to, room, raw.p, raw.n, level);
    return ZSTD_isError(n) ? 0 : n;
}

static b_status zstd_unpack(mp_codec *c, b_slice packed, char *to, size_t n)
{
    if (c->zstd_unpack == NULL) c->zstd_unpack = ZSTD_createDCtx();
    if (c->zstd_unpack == NULL) return B_NOMEM;
    size_t got = ZSTD_decompressDCtx(c->zstd_unpack, to, n, packed.p, packed.n);
    return !ZSTD_isError(got) && got == n ? B_OK : B_MALFORMED;
}

/* --- both --- */

static void put_header(char *p, size_t len, uint8_t seq, size_t raw)
{
    mp_header_put(p, (uint32_t)len, seq);
    for (int i = 0; i < 3; i++) p[4 + i] = (char)(raw >> (8 * i));
}

static void put_one(mp_codec *c, mp_compression how, int level, b_slice raw, uint8_t seq, b_buf *out)
{
    if (!b_buf_reserve(out, MP_COMPRESSED_HEADER + raw.n)) return;
    char *head = out->p + out->n, *body = head + MP_COMPRESSED_HEADER;
    size_t n = 0;
    if (raw.n >= LEAST)
        n = how == MP_COMPRESS_ZSTD ? zstd_pack(c, level, raw, body, raw.n - 1)
                                    : zlib_pack(c, level, raw, body, raw.n - 1);
    put_header(head, n > 0 ? n : raw.n, seq, n > 0 ? raw.n : 0);
    if (n == 0) memcpy(body, raw.p, raw.n);
    out->n += MP_COMPRESSED_HEADER + (n > 0 ? n : raw.n);
    out->p[out->n] = '\0';
}

b_status mp_compress(mp_codec *c, mp_compression how, int level, b_slice raw, uint8_t *seq, b_buf *out)
{
    while (raw.n > 0 && !out->failed) {
        size_t n = raw.n < (size_t)MP_MAX_PAYLOAD ? raw.n : (size_t)MP_MAX_PAYLOAD;
        put_one(c, how, level, b_slice_of(raw.p, n), (*seq)++, out);
        raw = b_slice_of(raw.p + n, raw.n - n);
    }
    return out->failed ? B_NOMEM : B_OK;
}

b_status mp_decompress(mp_codec *c, mp_compression how, mp_compressed_header h, b_slice payload, b_buf *out)
{
    if (payload.n != h.len) return B_MALFORMED;
    if (h.raw == 0) {
        b_buf_slice(out, payload);
        return out->failed ? B_NOMEM : B_OK;
    }
    if (!b_buf_reserve(out, h.raw)) return B_NOMEM;
    char *to = out->p + out->n;
    b_status st =
        how == MP_COMPRESS_ZSTD ? zstd_unpack(c, payload, to, h.raw) : zlib_unpack(c, payload, to, h.raw);
    if (st == B_OK) out->n += h.raw;
    out->p[out->n] = '\0';
    return st;
}
