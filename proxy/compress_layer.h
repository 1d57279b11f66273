/* The layer of a connection that compresses. See conn.h and protocol/compress.h.
 *
 * Compressed packets have sequence ids of their own: 0 with every command, counted on by both sides until its
 * answer is over. Towards the server the layer sees commands begin by the ids of the packets that it is
 * given; towards the client px_conn_turn says which command the answer to come belongs to, since clients may
 * send the next ones early. */
#ifndef PROXY_COMPRESS_LAYER_H
#define PROXY_COMPRESS_LAYER_H

#include "conn.h"
#include "protocol/compress.h"

/* NULL when out of memory. codec: the loop's. server: the other side is the server. */
px_layer *px_compress_layer_new(mp_codec *codec, mp_compression how, int level, bool server);

#endif
