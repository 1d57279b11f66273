/* Compression, agreed on with each side by itself: what a client is offered says its listener, what the
 * server is asked for says the configuration of the backend. It begins behind the OK that ends the login.
 * Source: MySQL Internals, "Compression"; MariaDB KB, "Connection". */
#include "session.h"

#include "compress_layer.h"

static const uint64_t bits = MP_CLIENT_COMPRESS | MP_CLIENT_ZSTD_COMPRESSION;

static uint64_t bit_of(mp_compression how)
{
    static const uint64_t all[] = {0, MP_CLIENT_COMPRESS, MP_CLIENT_ZSTD_COMPRESSION};
    return all[how];
}

/* Servers take zlib where both are asked for. */
static mp_compression first_of(uint64_t caps)
{
    if (caps & MP_CLIENT_COMPRESS) return MP_COMPRESS_ZLIB;
    return caps & MP_CLIENT_ZSTD_COMPRESSION ? MP_COMPRESS_ZSTD : MP_COMPRESS_NONE;
}

uint64_t px_compress_offer(const px_session *s)
{
    static const uint64_t offers[] = {[CFG_COMPRESSION_OFF] = 0,
                                      [CFG_COMPRESSION_ZLIB] = MP_CLIENT_COMPRESS,
                                      [CFG_COMPRESSION_ZSTD] = MP_CLIENT_ZSTD_COMPRESSION,
                                      [CFG_COMPRESSION_BOTH] =
                                          MP_CLIENT_COMPRESS | MP_CLIENT_ZSTD_COMPRESSION};
    return offers[s->loop->config->c->listeners[s->listener].compression];
}

static mp_compression wanted(const px_session *s)
{
    static const mp_compression wants[] = {[CFG_COMPRESSION_OFF] = MP_COMPRESS_NONE,
                                           [CFG_COMPRESSION_ZLIB] = MP_COMPRESS_ZLIB,
                                           [CFG_COMPRESSION_ZSTD] = MP_COMPRESS_ZSTD,
                                           [CFG_COMPRESSION_BOTH] = MP_COMPRESS_ZLIB};
    return wants[s->loop->config->c->backend.compression];
}

void px_compress_agree(px_session *s, const mp_login *l)
{
    s->compression.client = first_of(s->caps);
    s->compression.client_level = s->compression.client == MP_COMPRESS_ZSTD ? l->zstd_level : 0;
    s->compression.backend = (s->backend_caps & bit_of(wanted(s))) != 0 ? wanted(s) : MP_COMPRESS_NONE;
    s->caps = (s->caps & ~bits) | bit_of(s->compression.client);
    s->backend_caps = (s->backend_caps & ~bits) | bit_of(s->compression.backend);
}

static bool push(px_session *s, px_conn *c, mp_compression how, int level)
{
    if (how == MP_COMPRESS_NONE) return true;
    px_layer *l = px_compress_layer_new(s->loop->codec, how, level, c == &s->backend);
    if (l == NULL) return false;
    px_conn_push(c, l);
    return true;
}

void px_compress_start(px_session *s)
{
    if (s->compression.client == MP_COMPRESS_NONE && s->compression.backend == MP_COMPRESS_NONE) return;
    px_conn_flush(&s->client); /* the OK is not compressed */
    bool ok = push(s, &s->client, s->compression.client, s->compression.client_level) &&
              push(s, &s->backend, s->compression.backend, 0);
    if (!ok) {
        s->client.broken = true; /* neither side could be understood any more */
        return;
    }
    if (s->compression.client == MP_COMPRESS_NONE) return;
    s->loop->stats.clients_compressed++;
    b_buf early = s->client.in; /* a client need not wait for the OK */
    size_t at = s->client.in_at;
    s->client.in = (b_buf){0};
    s->client.in_at = s->client.need = 0;
    px_conn_feed(&s->client, early.p + at, early.n - at);
    b_buf_deinit(&early);
}
