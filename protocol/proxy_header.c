/* The PROXY protocol, read and written: see protocol/proxy_header.h.
 *
 * Strict: whoever may send a header says whose the connection is, so what is not exactly one is none. No
 * state, any thread. */
#include "protocol/proxy_header.h"

#include "protocol/packet.h"

#include <arpa/inet.h>

enum { V1_MAX = 107, V2_HEAD = 16, V2_MAX = 4096, COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };

static const unsigned char signature[12] = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                            0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};

/* --- version 1 --- */

/* The next word of a line whose words are one space apart; empty at its end. */
static b_slice word(b_slice *line)
{
    size_t n = 0;
    while (n < line->n && line->p[n] != ' ') n++;
    b_slice w = b_slice_of(line->p, n);
    size_t skip = n < line->n ? n + 1 : n;
    *line = b_slice_of(line->p + skip, line->n - skip);
    return w;
}

static bool read_address(b_slice w, int family, unsigned char out[16])
{
    char text[MP_PEER_TEXT];
    if (w.n == 0 || w.n >= sizeof text) return false;
    memcpy(text, w.p, w.n);
    text[w.n] = '\0';
    return inet_pton(family, text, out) == 1;
}

static bool read_port(b_slice w, uint16_t *out)
{
    unsigned v = 0;
    if (w.n == 0 || w.n > 5 || (w.n > 1 && w.p[0] == '0')) return false;
    for (size_t i = 0; i < w.n; i++) {
        if (w.p[i] < '0' || w.p[i] > '9') return false;
        v = v * 10 + (unsigned)(w.p[i] - '0');
    }
    *out = (uint16_t)v;
    return v <= 0xFFFF;
}

static b_status parse_line(b_slice line, mp_peer *out)
{
    if (!b_slice_eq(word(&line), B_LIT("PROXY"))) return B_MALFORMED;
    b_slice kind = word(&line);
    if (b_slice_eq(kind, B_LIT("UNKNOWN"))) return B_OK; /* the rest says nothing */
    bool v4 = b_slice_eq(kind, B_LIT("TCP4"));
    if (!v4 && !b_slice_eq(kind, B_LIT("TCP6"))) return B_MALFORMED;
    int family = v4 ? AF_INET : AF_INET6;
    mp_peer p = {.family = v4 ? 4 : 6};
    bool ok = read_address(word(&line), family, p.from) && read_address(word(&line), family, p.to) &&
              read_port(word(&line), &p.from_port) && read_port(word(&line), &p.to_port) && line.n == 0;
    if (ok) *out = p;
    return ok ? B_OK : B_MALFORMED;
}

static b_status parse_v1(b_slice in, mp_peer *out, size_t *used)
{
    size_t end = b_slice_find(in, B_LIT("\r\n"));
    if (end == (size_t)-1) return in.n < V1_MAX ? B_MORE : B_MALFORMED;
    if (end + 2 > V1_MAX) return B_MALFORMED;
    *used = end + 2;
    return parse_line(b_slice_of(in.p, end), out);
}

/* --- version 2 --- */

static b_status read_addresses(mp_reader *r, unsigned family, mp_peer *out)
{
    size_t n = family == 4 ? 4 : 16;
    b_slice from = mp_read_bytes(r, n), to = mp_read_bytes(r, n), ports = mp_read_bytes(r, 4);
    if (r->bad) return B_MALFORMED;
    const unsigned char *p = (const unsigned char *)ports.p;
    *out = (mp_peer){.family = (unsigned char)family,
                     .from_port = (uint16_t)(p[0] << 8 | p[1]),
                     .to_port = (uint16_t)(p[2] << 8 | p[3])};
    memcpy(out->from, from.p, n);
    memcpy(out->to, to.p, n);
    return B_OK;
}

static b_status parse_v2(b_slice in, mp_peer *out, size_t *used)
{
    enum { TCP4 = 0x11, TCP6 = 0x21, UNIX_STREAM = 0x31, UNSPEC = 0x00 };
    mp_reader r = mp_reader_of(in);
    (void)mp_read_bytes(&r, sizeof signature);
    uint64_t command = mp_read_int(&r, 1), kind = mp_read_int(&r, 1);
    uint64_t high = mp_read_int(&r, 1), low = mp_read_int(&r, 1);
    if (r.bad) return B_MORE;
    size_t len = (size_t)(high << 8 | low);
    if ((command != COMMAND_LOCAL && command != COMMAND_PROXY) || len > V2_MAX) return B_MALFORMED;
    if (mp_left(&r) < len) return B_MORE;
    *used = V2_HEAD + len;
    mp_reader body = mp_reader_of(mp_read_bytes(&r, len)); /* further fields of it are passed over */
    if (command == COMMAND_LOCAL || kind == UNSPEC || kind == UNIX_STREAM) return B_OK;
    if (kind != TCP4 && kind != TCP6) return B_MALFORMED;
    return read_addresses(&body, kind == TCP4 ? 4 : 6, out);
}

b_status mp_proxy_header_parse(b_slice in, mp_peer *out, size_t *used)
{
    *out = (mp_peer){.family = 0};
    *used = 0;
    size_t n = in.n < sizeof signature ? in.n : sizeof signature;
    if (n == 0) return B_MORE;
    if (memcmp(in.p, signature, n) == 0) return n < sizeof signature ? B_MORE : parse_v2(in, out, used);
    static const char v1[] = "PROXY ";
    n = in.n < sizeof v1 - 1 ? in.n : sizeof v1 - 1;
    return memcmp(in.p, v1, n) == 0 ? parse_v1(in, out, used) : B_MALFORMED;
}

/* --- writing --- */

static void address_text(unsigned family, const unsigned char *p, char out[MP_PEER_TEXT])
{
    if (family == 0 || inet_ntop(family == 4 ? AF_INET : AF_INET6, p, out, MP_PEER_TEXT) == NULL)
        out[0] = '\0';
}

void mp_peer_text(const mp_peer *p, char out[MP_PEER_TEXT])
{
    address_text(p->family, p->from, out);
}

static void put_v1(b_buf *b, const mp_peer *p)
{
    char from[MP_PEER_TEXT], to[MP_PEER_TEXT];
    address_text(p->family, p->from, from);
    address_text(p->family, p->to, to);
    if (p->family == 0)
        b_buf_str(b, "PROXY UNKNOWN\r\n");
    else
        b_buf_printf(b, "PROXY TCP%u %s %s %u %u\r\n", (unsigned)p->family, from, to, (unsigned)p->from_port,
                     (unsigned)p->to_port);
}

static void put_big_endian(b_buf *b, unsigned v)
{
    b_buf_char(b, (char)(v >> 8));
    b_buf_char(b, (char)v);
}

static void put_v2(b_buf *b, const mp_peer *p)
{
    size_t n = p->family == 0 ? 0 : p->family == 4 ? 4 : 16;
    b_buf_add(b, signature, sizeof signature);
    b_buf_char(b, n == 0 ? COMMAND_LOCAL : COMMAND_PROXY);
    b_buf_char(b, (char)(n == 0 ? 0x00 : n == 4 ? 0x11 : 0x21));
    put_big_endian(b, n == 0 ? 0 : (unsigned)(2 * n + 4));
    b_buf_add(b, p->from, n);
    b_buf_add(b, p->to, n);
    if (n == 0) return;
    put_big_endian(b, p->from_port);
    put_big_endian(b, p->to_port);
}

void mp_proxy_header_put(b_buf *b, unsigned version, const mp_peer *p)
{
    if (version == 1)
        put_v1(b, p);
    else
        put_v2(b, p);
}
