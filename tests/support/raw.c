#include "raw.h"

#include "protocol/compress.h"
#include "protocol/handshake.h"
#include "protocol/query.h"
#include "protocol/response.h"
#include "sql.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static const uint64_t always = MP_CLIENT_PROTOCOL_41 | MP_CLIENT_SECURE_CONNECTION | MP_CLIENT_PLUGIN_AUTH |
                               MP_CLIENT_TRANSACTIONS | MP_CLIENT_MULTI_STATEMENTS | MP_CLIENT_MULTI_RESULTS |
                               MP_CLIENT_PS_MULTI_RESULTS | MP_CLIENT_LONG_FLAG;

struct ts_raw {
    int fd;
    uint64_t caps;
    uint32_t statement, thread;
    uint8_t seq; /* of the last packet read */
    mp_compression how;
    mp_codec *codec;
    b_buf in; /* unpacked and not read */
    size_t in_at;
    uint8_t outer; /* number of the next compressed packet, either way */
};

static int dial(const ts_raw_login *l)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)l->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_port = htons((uint16_t)l->ipv6_port),
                              .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    const struct sockaddr *to = (const struct sockaddr *)&v4;
    socklen_t n = sizeof v4;
    if (l->path != NULL) {
        snprintf(un.sun_path, sizeof un.sun_path, "%s", l->path);
        to = (const struct sockaddr *)&un, n = sizeof un;
    } else if (l->ipv6_port != 0) {
        to = (const struct sockaddr *)&v6, n = sizeof v6;
    }
    int fd = socket(to->sa_family, SOCK_STREAM, 0);
    struct timeval limit = {.tv_sec = 10};
    if (fd < 0 || connect(fd, to, n) != 0) {
        if (fd >= 0) close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

static bool send_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k <= 0) return false;
        p += k, n -= (size_t)k;
    }
    return true;
}

static bool recv_all(int fd, char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = recv(fd, p, n, 0);
        if (k <= 0) return false;
        p += k, n -= (size_t)k;
    }
    return true;
}

static void send_packet(ts_raw *r, uint8_t seq, b_slice payload)
{
    b_buf b = {0}, packed = {0};
    /* Under compression servers do not look at packets' own numbers, and some clients make use of that. */
    (void)mp_packet_put(&b, r->how == MP_COMPRESS_NONE ? seq : (uint8_t)(seq + 7), payload);
    if (seq == 0) r->outer = 0;
    if (r->how != MP_COMPRESS_NONE &&
        mp_compress(r->codec, r->how, 0, b_buf_view(&b), &r->outer, &packed) != B_OK)
        ts_die("cannot compress");
    b_buf *what = r->how == MP_COMPRESS_NONE ? &b : &packed;
    (void)send_all(r->fd, what->p, what->n);
    b_buf_deinit(&b), b_buf_deinit(&packed);
}

/* One more compressed packet. */
static bool unpack(ts_raw *r)
{
    char head[MP_COMPRESSED_HEADER];
    if (!recv_all(r->fd, head, sizeof head)) return false;
    mp_compressed_header h = mp_compressed_header_get(head);
    if (h.seq != r->outer++)
        ts_die("compressed packet %u came where %u is due", h.seq, (uint8_t)(r->outer - 1));
    b_buf packed = {0};
    bool ok = b_buf_reserve(&packed, h.len) && recv_all(r->fd, packed.p, h.len);
    b_buf_consume(&r->in, r->in_at);
    r->in_at = 0;
    if (ok && mp_decompress(r->codec, r->how, h, b_slice_of(packed.p, h.len), &r->in) != B_OK)
        ts_die("a compressed packet does not unpack");
    b_buf_deinit(&packed);
    return ok;
}

static bool take(ts_raw *r, char *p, size_t n)
{
    if (r->how == MP_COMPRESS_NONE) return recv_all(r->fd, p, n);
    while (r->in.n - r->in_at < n)
        if (!unpack(r)) return false;
    memcpy(p, r->in.p + r->in_at, n);
    r->in_at += n;
    return true;
}

void ts_raw_send(ts_raw *r, b_slice payload)
{
    send_packet(r, 0, payload);
}

bool ts_raw_read(ts_raw *r, b_buf *payload)
{
    char head[MP_HEADER];
    b_buf_clear(payload);
    if (!take(r, head, sizeof head)) return false;
    mp_header h = mp_header_get(head);
    r->seq = h.seq;
    if (!b_buf_reserve(payload, h.len + 1) || !take(r, payload->p, h.len)) return false;
    payload->n = h.len;
    payload->p[h.len] = '\0';
    return true;
}

void ts_raw_expect(ts_raw *r, uint8_t outer)
{
    r->outer = outer;
}

static void say_why(const b_buf *p, char why[512])
{
    mp_error e;
    if (mp_err_parse(b_buf_view(p), 0, &e) == B_OK)
        snprintf(why, 512, "%u %.*s", e.code, B_ARG(e.message));
    else
        snprintf(why, 512, "an answer that was not expected (%zu bytes)", p->n);
}

static bool answer_greeting(ts_raw *r, const ts_raw_login *l, b_buf *p, char why[512])
{
    mp_greeting g;
    if (!ts_raw_read(r, p)) {
        snprintf(why, 512, "no greeting");
        return false;
    }
    if (mp_greeting_parse(b_buf_view(p), &g) != B_OK) {
        say_why(p, why);
        return false;
    }
    r->thread = g.thread_id;
    r->caps = (always | l->caps | (l->schema != NULL ? MP_CLIENT_CONNECT_WITH_DB : 0)) &
              (g.caps | (uint64_t)g.mariadb_caps << 32);
    mp_login in = {.caps = r->caps & UINT32_MAX,
                   .mariadb_caps = (uint32_t)(r->caps >> 32),
                   .max_packet = 1u << 24,
                   .charset = 45,
                   .zstd_level = 3,
                   .user = b_slice_str(l->user == NULL ? "root" : l->user),
                   .auth = B_LIT(""),
                   .plugin = g.plugin,
                   .schema = b_slice_str(l->schema == NULL ? "" : l->schema)};
    b_buf out = {0};
    mp_login_put(&out, &in);
    send_packet(r, (uint8_t)(r->seq + 1), b_buf_view(&out));
    b_buf_deinit(&out);
    return true;
}

static bool log_in(ts_raw *r, const ts_raw_login *l, char why[512])
{
    b_buf p = {0};
    bool ok = answer_greeting(r, l, &p, why);
    while (ok) {
        if (!ts_raw_read(r, &p) || p.n == 0 || (uint8_t)p.p[0] == 0xFF) {
            say_why(&p, why);
            ok = false;
        } else if (p.p[0] == 0) {
            break;
        } else if ((uint8_t)p.p[0] == 0xFE) {
            send_packet(r, (uint8_t)(r->seq + 1), B_LIT(""));
        }
    }
    b_buf_deinit(&p);
    if (r->caps & MP_CLIENT_COMPRESS)
        r->how = MP_COMPRESS_ZLIB;
    else if (r->caps & MP_CLIENT_ZSTD_COMPRESSION)
        r->how = MP_COMPRESS_ZSTD;
    r->codec = mp_codec_new();
    return ok && r->codec != NULL;
}

ts_raw *ts_raw_try(const ts_raw_login *l, char why[512])
{
    ts_raw *r = calloc(1, sizeof *r);
    if (r == NULL) ts_die("out of memory");
    why[0] = '\0';
    r->fd = dial(l);
    if (r->fd < 0) snprintf(why, 512, "cannot connect");
    bool ok =
        r->fd >= 0 && (l->npreamble == 0 || send_all(r->fd, l->preamble, l->npreamble)) && log_in(r, l, why);
    if (ok) return r;
    ts_raw_close(r);
    return NULL;
}

ts_raw *ts_raw_connect(const ts_raw_login *l)
{
    char why[512];
    ts_raw *r = ts_raw_try(l, why);
    if (r == NULL) ts_die("cannot log in by hand: %s", why);
    return r;
}

void ts_raw_close(ts_raw *r)
{
    if (r == NULL) return;
    if (r->fd >= 0) close(r->fd);
    b_buf_deinit(&r->in);
    mp_codec_free(r->codec);
    free(r);
}

uint64_t ts_raw_caps(const ts_raw *r)
{
    return r->caps;
}

int ts_raw_fd(const ts_raw *r)
{
    return r->fd;
}

uint32_t ts_raw_thread(const ts_raw *r)
{
    return r->thread;
}

uint32_t ts_raw_statement(const ts_raw *r)
{
    return r->statement;
}

static void note(b_buf *out, uint8_t seq, const b_buf *p)
{
    static const char digits[] = "0123456789abcdef";
    if (out == NULL) return;
    b_buf_printf(out, "%u ", (unsigned)seq);
    for (size_t i = 0; i < p->n; i++) {
        b_buf_char(out, digits[(unsigned char)p->p[i] >> 4]);
        b_buf_char(out, digits[p->p[i] & 15]);
    }
    b_buf_char(out, '\n');
}

bool ts_raw_command(ts_raw *r, b_slice payload, b_buf *out)
{
    mp_response in;
    b_buf p = {0};
    bool ok = true;
    mp_response_start(&in, (uint8_t)payload.p[0], r->caps);
    if ((uint8_t)payload.p[0] == MP_COM_STMT_EXECUTE) mp_response_flags(&in, (uint8_t)payload.p[5]);
    ts_raw_send(r, payload);
    while (ok && !in.done) {
        ok = ts_raw_read(r, &p);
        if (!ok) break;
        mp_event ev = mp_response_next(&in, (mp_header){(uint32_t)p.n, r->seq}, b_buf_view(&p));
        ok = ev != MP_EV_BAD && ev != MP_EV_INFILE;
        if (ev == MP_EV_PREPARE_OK) {
            r->statement = in.prepare.statement;
            memset(p.p + 1, 0, 4);
        }
        note(out, r->seq, &p);
        bool asks = ev == MP_EV_AUTH && p.n > 0 && (uint8_t)p.p[0] == 0xFE;
        if (asks) send_packet(r, (uint8_t)(r->seq + 1), B_LIT("")); /* no password */
    }
    b_buf_deinit(&p);
    return ok;
}

bool ts_raw_query(ts_raw *r, const char *name, const char *value, const char *sql, b_buf *out)
{
    b_buf b = {0};
    mp_put_int(&b, MP_COM_QUERY, 1);
    if (name == NULL) {
        mp_query_no_attributes(&b, r->caps);
    } else {
        b_buf_add(&b, "\1\1\0\1\x0f\0", 6);
        mp_put_lenenc_str(&b, b_slice_str(name));
        mp_put_lenenc_str(&b, b_slice_str(value));
    }
    b_buf_str(&b, sql);
    bool ok = ts_raw_command(r, b_buf_view(&b), out);
    b_buf_deinit(&b);
    return ok;
}

bool ts_raw_prepare(ts_raw *r, const char *sql, b_buf *out)
{
    b_buf b = {0};
    mp_put_int(&b, MP_COM_STMT_PREPARE, 1);
    b_buf_str(&b, sql);
    bool ok = ts_raw_command(r, b_buf_view(&b), out);
    b_buf_deinit(&b);
    return ok;
}
