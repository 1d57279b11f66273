/* See compress_layer.h. */
#include "compress_layer.h"

#include <stdlib.h>

enum { KEEP_BUFFER = 64 * 1024 };

/* A compressed packet that came: where in the stream it ended. */
typedef struct mark {
    uint64_t end;
    uint8_t seq;
} mark;

typedef struct layer {
    px_layer base; /* first: a pointer to it is a pointer to its layer */
    mp_codec *codec;
    mp_compression how;
    int level;
    bool server;
    const char *why; /* it failed */

    b_buf in, raw, out; /* read and not unpacked; unpacked; packed */
    size_t in_at;
    uint8_t seq; /* of the next packet to send */

    b_buf marks;        /* client: of the packets whose commands were not answered yet */
    uint64_t up;        /* client: bytes given upwards */
    char head[4];       /* server: header of the packet that is being written */
    size_t nhead, left; /* bytes of it that are there; bytes of its payload to come */
    uint8_t last_seq;   /* server: of the last packet written */
    bool heard;         /* server: something was read since */
} layer;

static void fail(layer *l, const char *why)
{
    l->why = why;
    l->base.conn->broken = true;
}

static void trim(b_buf *b)
{
    if (b->size > KEEP_BUFFER)
        b_buf_deinit(b);
    else
        b_buf_clear(b);
}

/* --- down --- */

static void send_down(layer *l, const char *p, size_t n)
{
    if (n > 0 && mp_compress(l->codec, l->how, l->level, b_slice_of(p, n), &l->seq, &l->out) != B_OK)
        fail(l, "out of memory while compressing");
}

/* Does the packet whose header is complete begin a command? Ids wrap within a file of LOCAL INFILE. */
static bool begins_command(const layer *l)
{
    uint8_t seq = mp_header_get(l->head).seq;
    return seq == 0 && (l->heard || l->last_seq != 0xFF);
}

/* Walks the packets in p; what belongs to one command goes down as one run. */
static void write_commands(layer *l, const char *p, size_t n)
{
    size_t start = 0, at = 0;
    while (at < n) {
        if (l->left > 0) {
            size_t take = n - at < l->left ? n - at : l->left;
            at += take;
            l->left -= take;
            continue;
        }
        if (l->nhead == 0 && at > start) { /* a packet begins: what is before it may end a command */
            uint8_t seq = n - at > 3 ? (uint8_t)p[at + 3] : 1;
            if (seq == 0) {
                send_down(l, p + start, at - start);
                start = at;
            }
        }
        l->head[l->nhead++] = p[at++];
        if (l->nhead < sizeof l->head) continue;
        mp_header h = mp_header_get(l->head);
        if (begins_command(l)) l->seq = 0;
        l->last_seq = h.seq;
        l->heard = false;
        l->left = h.len;
        l->nhead = 0;
    }
    send_down(l, p + start, n - start);
}

static void on_write(px_layer *base, const char *p, size_t n)
{
    layer *l = (layer *)base;
    if (l->server)
        write_commands(l, p, n);
    else
        send_down(l, p, n);
    if (l->why == NULL && l->out.n > 0) px_layer_down(base, l->out.p, l->out.n);
    trim(&l->out);
}

/* --- up --- */

static void note(layer *l, uint8_t seq)
{
    l->heard = true;
    if (l->server) {
        l->seq = (uint8_t)(seq + 1);
        return;
    }
    mark m = {.end = l->up + l->raw.n, .seq = seq};
    b_buf_add(&l->marks, &m, sizeof m);
    if (l->marks.failed) fail(l, "out of memory while reading");
}

/* Unpacks one packet into raw. False: it is not there yet, or not right. */
static bool unpack(layer *l)
{
    const char *p = l->in.p + l->in_at;
    size_t have = l->in.n - l->in_at;
    if (l->why != NULL || have < MP_COMPRESSED_HEADER) return false;
    mp_compressed_header h = mp_compressed_header_get(p);
    if (have - MP_COMPRESSED_HEADER < h.len) return false;
    b_slice payload = b_slice_of(p + MP_COMPRESSED_HEADER, h.len);
    b_buf_clear(&l->raw);
    b_status st = mp_decompress(l->codec, l->how, h, payload, &l->raw);
    if (st != B_OK)
        fail(l, st == B_NOMEM ? "out of memory while uncompressing" : "a compressed packet does not unpack");
    else
        note(l, h.seq);
    l->in_at += MP_COMPRESSED_HEADER + (size_t)h.len;
    if (l->in_at == l->in.n) {
        trim(&l->in);
        l->in_at = 0;
    } else if (l->in_at > l->in.n / 2) {
        b_buf_consume(&l->in, l->in_at);
        l->in_at = 0;
    }
    return st == B_OK && l->why == NULL;
}

/* One packet goes up, so that what a few bytes become is bounded by one packet's limit. */
static bool on_more(px_layer *base)
{
    layer *l = (layer *)base;
    if (!unpack(l)) return false;
    l->up += l->raw.n;
    px_layer_up(base, l->raw.p, l->raw.n);
    return true;
}

static void on_read(px_layer *base, char *p, size_t n)
{
    layer *l = (layer *)base;
    b_buf_add(&l->in, p, n);
    if (l->in.failed) fail(l, "out of memory while reading");
    px_conn_wake(base->conn);
}

static void on_turn(px_layer *base, size_t left)
{
    layer *l = (layer *)base;
    if (l->server) return;
    uint64_t at = l->up - left;
    size_t gone = 0;
    mark m = {.seq = (uint8_t)(l->seq - 1)};
    while (gone + sizeof m <= l->marks.n) {
        memcpy(&m, l->marks.p + gone, sizeof m);
        if (m.end >= at) break;
        gone += sizeof m;
    }
    l->seq = (uint8_t)(m.seq + 1);
    b_buf_consume(&l->marks, gone);
}

static const char *on_why(const px_layer *base)
{
    return ((const layer *)base)->why;
}

static void on_free(px_layer *base)
{
    layer *l = (layer *)base;
    b_buf_deinit(&l->in), b_buf_deinit(&l->raw), b_buf_deinit(&l->out), b_buf_deinit(&l->marks);
    free(l);
}

px_layer *px_compress_layer_new(mp_codec *codec, mp_compression how, int level, bool server)
{
    static const px_layer_ops ops = {
        .write = on_write, .read = on_read, .more = on_more, .turn = on_turn, .why = on_why, .free = on_free};
    layer *l = calloc(1, sizeof *l);
    if (l == NULL) return NULL;
    l->base.ops = &ops;
    l->codec = codec;
    l->how = how;
    l->level = level;
    l->server = server;
    return &l->base;
}
