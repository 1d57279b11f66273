/* Framing and the primitive types of the wire: see protocol/packet.h.
 *
 * The only place in the module that does pointer arithmetic on input: everything else reads through an
 * mp_reader. No state, any thread. */
#include "protocol/packet.h"

enum { LENENC_NULL = 0xFB, LENENC_2 = 0xFC, LENENC_3 = 0xFD, LENENC_8 = 0xFE };

mp_reader mp_reader_of(b_slice payload)
{
    static const unsigned char empty[1];
    const unsigned char *p = payload.p == NULL ? empty : (const unsigned char *)payload.p;
    return (mp_reader){p, p + (payload.p == NULL ? 0 : payload.n), false};
}

static bool take(mp_reader *r, size_t n, const unsigned char **at)
{
    if (r->bad || n > (size_t)(r->end - r->p)) {
        r->bad = true;
        return false;
    }
    *at = r->p;
    r->p += n;
    return true;
}

uint64_t mp_read_int(mp_reader *r, unsigned bytes)
{
    const unsigned char *p;
    uint64_t v = 0;
    if (bytes > 8) r->bad = true;
    if (!take(r, bytes, &p)) return 0;
    for (unsigned i = 0; i < bytes; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint64_t mp_read_lenenc(mp_reader *r, bool *null)
{
    uint64_t first = mp_read_int(r, 1);
    if (null != NULL) *null = false;
    if (r->bad || first < LENENC_NULL) return first;
    if (first == LENENC_2) return mp_read_int(r, 2);
    if (first == LENENC_3) return mp_read_int(r, 3);
    if (first == LENENC_8) return mp_read_int(r, 8);
    if (first == LENENC_NULL && null != NULL)
        *null = true;
    else
        r->bad = true; /* 0xFF, or a NULL where none may be */
    return 0;
}

b_slice mp_read_bytes(mp_reader *r, size_t n)
{
    const unsigned char *p;
    if (!take(r, n, &p)) return (b_slice){"", 0};
    return b_slice_of(p, n);
}

b_slice mp_read_lenenc_str(mp_reader *r)
{
    uint64_t n = mp_read_lenenc(r, NULL);
    if (n > mp_left(r)) { /* compared as 64 bits, so a size_t of 32 cannot cut it */
        r->bad = true;
        return (b_slice){"", 0};
    }
    return mp_read_bytes(r, (size_t)n);
}

b_slice mp_read_nul_str(mp_reader *r)
{
    const unsigned char *nul = r->bad || r->p == r->end ? NULL : memchr(r->p, 0, (size_t)(r->end - r->p));
    if (nul == NULL) {
        r->bad = true;
        return (b_slice){"", 0};
    }
    b_slice s = b_slice_of(r->p, (size_t)(nul - r->p));
    r->p = nul + 1;
    return s;
}

b_slice mp_read_rest(mp_reader *r)
{
    return mp_read_bytes(r, mp_left(r));
}

void mp_put_int(b_buf *b, uint64_t v, unsigned bytes)
{
    unsigned char out[8];
    if (bytes > sizeof out) bytes = sizeof out;
    for (unsigned i = 0; i < bytes; i++) out[i] = (unsigned char)(v >> (8 * i));
    b_buf_add(b, out, bytes);
}

void mp_put_lenenc(b_buf *b, uint64_t v)
{
    unsigned bytes = v < LENENC_NULL ? 1 : v <= 0xFFFF ? 2 : v <= 0xFFFFFF ? 3 : 8;
    if (bytes > 1) mp_put_int(b, bytes == 2 ? LENENC_2 : bytes == 3 ? LENENC_3 : LENENC_8, 1);
    mp_put_int(b, v, bytes);
}

void mp_put_lenenc_str(b_buf *b, b_slice s)
{
    mp_put_lenenc(b, s.n);
    b_buf_slice(b, s);
}

void mp_put_nul_str(b_buf *b, b_slice s)
{
    b_buf_slice(b, s);
    b_buf_char(b, '\0');
}

size_t mp_packet_begin(b_buf *b)
{
    size_t begin = b->n;
    b_buf_add(b, "\0\0\0\0", MP_HEADER);
    return begin;
}

/* Makes room for the headers that a payload over the limit needs, back to front, so that each byte moves
 * once. parts: how many packets it becomes. */
static void spread(char *payload, size_t n, size_t parts, uint8_t seq)
{
    for (size_t i = parts; i-- > 0;) {
        size_t from = i * (size_t)MP_MAX_PAYLOAD;
        size_t len = n - from < (size_t)MP_MAX_PAYLOAD ? n - from : (size_t)MP_MAX_PAYLOAD;
        char *to = payload + from + i * MP_HEADER;
        if (len > 0) memmove(to, payload + from, len);
        mp_header_put(to - MP_HEADER, (uint32_t)len, (uint8_t)(seq + i));
    }
}

uint8_t mp_packet_end(b_buf *b, size_t begin, uint8_t seq)
{
    if (b->failed) return seq;
    size_t n = b->n - begin - MP_HEADER;
    size_t parts = n / MP_MAX_PAYLOAD + 1;
    if (parts > 1) {
        if (!b_buf_reserve(b, (parts - 1) * MP_HEADER)) return seq;
        b->n += (parts - 1) * MP_HEADER;
        b->p[b->n] = '\0';
    }
    spread(b->p + begin + MP_HEADER, n, parts, seq);
    return (uint8_t)(seq + parts);
}

uint8_t mp_packet_put(b_buf *b, uint8_t seq, b_slice payload)
{
    size_t begin = mp_packet_begin(b);
    b_buf_slice(b, payload);
    return mp_packet_end(b, begin, seq);
}
