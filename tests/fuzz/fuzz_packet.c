/* Hostile bytes for everything in protocol/ that reads some: framing with the response follower, and each
 * decoder of a payload. What can be written again is, and must then read the same.
 *
 * Input: byte 0 picks the target, 1 the capabilities, 2 the command; the rest is the target's. */
#include "protocol/auth.h"
#include "protocol/compress.h"
#include "protocol/handshake.h"
#include "protocol/proxy_header.h"
#include "protocol/query.h"
#include "protocol/response.h"
#include "protocol/result.h"
#include "protocol/stmt.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t caps_of(uint8_t bits)
{
    static const uint64_t flags[8] = {MP_CLIENT_DEPRECATE_EOF,    MP_CLIENT_SESSION_TRACK,
                                      MP_CLIENT_PLUGIN_AUTH,      MP_CLIENT_CONNECT_ATTRS,
                                      MP_CLIENT_CONNECT_WITH_DB,  MP_CLIENT_SECURE_CONNECTION,
                                      MP_CLIENT_QUERY_ATTRIBUTES, MP_MARIADB_PROGRESS};
    uint64_t caps = MP_CLIENT_PROTOCOL_41 | MP_CLIENT_TRANSACTIONS;
    if (bits & 0x40) caps |= MP_CLIENT_OPTIONAL_RESULTSET_METADATA;
    if (bits & 0x80) caps |= MP_MARIADB_CACHE_METADATA | MP_MARIADB_EXTENDED_METADATA;
    for (int i = 0; i < 8; i++)
        if (bits >> i & 1) caps |= flags[i];
    return caps;
}

static void require(bool what)
{
    if (!what) abort();
}

/* A stream of packets, each given with no byte more than the follower asks for. */
static void follow(b_slice in, uint64_t caps, uint8_t command)
{
    mp_response r;
    size_t at = 0;
    mp_response_start(&r, command, caps);
    if (caps & MP_CLIENT_PLUGIN_AUTH) mp_response_flags(&r, 0);
    while (!r.done && in.n - at >= MP_HEADER) {
        mp_header h = mp_header_get(in.p + at);
        size_t left = in.n - at - MP_HEADER;
        if (r.infile) {
            mp_response_infile(&r, h);
            at += MP_HEADER;
            continue;
        }
        uint32_t need = mp_response_need(&r, h, left > 0 ? (uint8_t)in.p[at + MP_HEADER] : 0);
        require(need <= h.len);
        if (need > left) break;
        char *exact = malloc(need == 0 ? 1 : need);
        if (need > 0) memcpy(exact, in.p + at + MP_HEADER, need);
        mp_event e = mp_response_next(&r, h, b_slice_of(exact, need));
        require(e != MP_EV_BAD || r.done);
        require(e != MP_EV_ERR || r.done);
        free(exact);
        at += MP_HEADER + (h.len < left ? h.len : left);
    }
}

static void read_ok(b_slice in, uint64_t caps, uint8_t command)
{
    mp_ok ok, again;
    mp_error err;
    unsigned type;
    b_slice name, value;
    (void)command;
    (void)!mp_err_parse(in, caps, &err);
    (void)!mp_eof_parse(in, &again);
    if (mp_ok_parse(in, caps, &ok) != B_OK) return;
    b_buf b = {0};
    mp_ok_put(&b, 0, &ok, caps);
    require(mp_ok_parse(b_buf_view(&b), caps, &again) == B_OK);
    require(again.affected == ok.affected &&
            ((again.status ^ ok.status) & ~MP_STATUS_SESSION_STATE_CHANGED) == 0 &&
            b_slice_eq(again.state, ok.state));
    while (mp_state_next(&ok.state, &type, &name, &value)) {
    }
    b_buf_deinit(&b);
}

static void read_column(b_slice in, uint64_t caps, uint8_t command)
{
    mp_column c;
    (void)command;
    if (mp_column_parse(in, caps, &c) != B_OK) return;
    (void)mp_column_info_get(&c);
    b_buf b = {0};
    mp_column_put(&b, &c);
    mp_column again;
    require(mp_column_parse(b_buf_view(&b), caps, &again) == B_OK);
    require(b_slice_eq(again.name, c.name) && b_slice_eq(again.fixed, c.fixed));
    b_buf_deinit(&b);
}

static void walk_attrs(b_slice attrs)
{
    b_slice key, value;
    while (mp_attr_next(&attrs, &key, &value)) {
    }
}

static void read_login(b_slice in, uint64_t caps, uint8_t command)
{
    mp_login l;
    mp_greeting g;
    b_slice plugin, challenge;
    (void)command;
    if (mp_change_user_parse(in, caps, &l) == B_OK) walk_attrs(l.attrs);
    if (mp_greeting_parse(in, &g) == B_OK) (void)mp_auth_classify(in, g.plugin, g.caps);
    (void)!mp_auth_switch_parse(in, &plugin, &challenge);
    if (mp_login_parse(in, &l) != B_OK) return;
    walk_attrs(l.attrs);
    b_buf b = {0};
    mp_login again;
    mp_login_put(&b, &l);
    require(b.failed || (mp_login_parse(b_buf_view(&b), &again) == B_OK && b_slice_eq(again.user, l.user) &&
                         b_slice_eq(again.auth, l.auth)));
    b_buf_deinit(&b);
}

static void read_given(const mp_stmt *s, b_slice in, uint64_t caps)
{
    mp_given given[8];
    bool cursor = false;
    if (mp_stmt_given(s, in, caps, given, &cursor) != B_OK) return;
    for (uint32_t i = 0; i < s->nparams; i++) {
        b_slice v = given[i].value;
        require(v.n == 0 || (v.p >= in.p && v.p + v.n <= in.p + in.n));
        require(!given[i].null || v.n == 0);
    }
}

/* Two EXECUTEs of one statement, so that remembered types count, through a map made of the command's bits. */
static void run_execute(b_slice in, uint64_t caps, uint8_t command)
{
    uint32_t source[8], nin = command & 7, nout = command >> 3 & 7;
    mp_stmts *t = mp_stmts_new(NULL);
    mp_stmt *s = mp_stmts_add(t, in);
    b_buf out = {0};
    for (uint32_t i = 0; i < nout; i++) source[i] = nin == 0 ? 0 : (i * 3 + 1) % nin;
    s->nparams = nin;
    bool mapped = (command & 0x40) != 0 && (nin > 0 || nout == 0);
    if (mapped) require(mp_stmt_set_map(s, source, nout, nin) == B_OK);
    if (command & 0x80 && nin > 0) require(mp_stmt_keep_long(s, nin - 1, B_LIT("long")) == B_OK);
    size_t half = in.n / 2;
    read_given(s, in, caps);
    (void)!mp_stmt_note_types(s, b_slice_of(in.p, half), caps);
    read_given(s, b_slice_of(in.p + half, in.n - half), caps);
    if (mp_stmt_execute(s, b_slice_of(in.p + half, in.n - half), caps, true, &out) == B_OK && !mapped)
        require(mp_stmt_note_types(s, b_buf_view(&out), caps) == B_OK);
    b_buf_clear(&out);
    bool defaults;
    if (mp_stmt_bulk(s, b_slice_of(in.p + half, in.n - half), &defaults, &out) == B_OK && !mapped)
        require(mp_stmt_note_bulk(s, b_buf_view(&out)) == B_OK);
    b_buf_clear(&out);
    require(mp_stmt_put_long(s, &out) == B_OK);
    b_buf_deinit(&out);
    mp_stmts_free(t);
}

static void read_query(b_slice in, uint64_t caps, uint8_t command)
{
    b_slice attributes, text;
    (void)command;
    if (mp_query_split(in, caps, &attributes, &text) != B_OK) return;
    require(in.n <= 1 || attributes.n + text.n + 1 == in.n);
}

static void read_proxy_header(b_slice in, uint64_t caps, uint8_t command)
{
    mp_peer p, again;
    size_t used;
    char text[MP_PEER_TEXT];
    (void)caps;
    if (mp_proxy_header_parse(in, &p, &used) != B_OK) return;
    require(used <= in.n);
    mp_peer_text(&p, text);
    b_buf b = {0};
    mp_proxy_header_put(&b, command % 2 + 1, &p);
    require(mp_proxy_header_parse(b_buf_view(&b), &again, &used) == B_OK && used == b.n);
    require(again.family == p.family && memcmp(again.from, p.from, 16) == 0 && again.to_port == p.to_port);
    b_buf_deinit(&b);
}

/* Packets that come, and what is sent, unpacked again. */
static void unpack(b_slice in, uint64_t caps, uint8_t command)
{
    mp_compression how = command & 1 ? MP_COMPRESS_ZSTD : MP_COMPRESS_ZLIB;
    mp_codec *c = mp_codec_new();
    b_buf out = {0}, packed = {0};
    uint8_t seq = 0;
    (void)caps;
    for (size_t at = 0; in.n - at >= MP_COMPRESSED_HEADER;) {
        mp_compressed_header h = mp_compressed_header_get(in.p + at);
        size_t left = in.n - at - MP_COMPRESSED_HEADER, n = h.len < left ? h.len : left, before = out.n;
        h.len = (uint32_t)n;
        if (h.raw > 65536) h.raw &= 0xFFFF;
        b_status st = mp_decompress(c, how, h, b_slice_of(in.p + at + MP_COMPRESSED_HEADER, n), &out);
        require(out.n - before == (st != B_OK ? 0 : h.raw == 0 ? n : h.raw));
        at += MP_COMPRESSED_HEADER + n;
    }
    b_buf_clear(&out);
    require(mp_compress(c, how, command >> 3, in, &seq, &packed) == B_OK && seq == (in.n > 0));
    if (in.n > 0) {
        mp_compressed_header h = mp_compressed_header_get(packed.p);
        b_slice payload = {packed.p + MP_COMPRESSED_HEADER, packed.n - MP_COMPRESSED_HEADER};
        require(mp_decompress(c, how, h, payload, &out) == B_OK && b_slice_eq(b_buf_view(&out), in));
    }
    b_buf_deinit(&out), b_buf_deinit(&packed);
    mp_codec_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(b_slice, uint64_t, uint8_t) = {
        follow, read_ok, read_column, read_login, run_execute, read_query, read_proxy_header, unpack};
    if (size < 3) return 0;
    /* A copy of its own, so that a read past the end is one past an allocation's. */
    char *exact = malloc(size - 3 + 1);
    memcpy(exact, data + 3, size - 3);
    char *tight = realloc(exact, size > 3 ? size - 3 : 1);
    targets[data[0] % (sizeof targets / sizeof targets[0])](b_slice_of(tight, size - 3), caps_of(data[1]),
                                                            data[2]);
    free(tight);
    return 0;
}
