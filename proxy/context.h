/* What the meaning of a statement hangs on besides its text: default schema, sql_mode, the client's character
 * set, the collation of its literals. A session has one and replaces it at every change; a prepared statement
 * keeps the one that it was prepared in, so that it can be prepared in it again. Immutable, shared by
 * reference; no I/O, no clock. One thread. */
#ifndef PROXY_CONTEXT_H
#define PROXY_CONTEXT_H

#include "base/buf.h"
#include "rewrite/rewrite.h"

typedef struct px_context {
    unsigned refs;
    uint32_t sql_mode;
    rw_charset charset;
    uint8_t spelling; /* as in rw_ctx */
    uint64_t
        serial; /* of the change of character set that was the last one: equal ones have equal collations */
    b_slice schema;       /* empty: none chosen */
    b_slice mode, client; /* as the server writes them */
    b_slice collation;    /* of the connection; empty: not known (SET NAMES does not report it) */
} px_context;

/* Copies all; NULL when out of memory. */
px_context *px_context_new(b_slice schema, b_slice mode, b_slice client, b_slice collation, uint64_t serial);
px_context *px_context_ref(px_context *c);
void px_context_unref(px_context *c); /* NULL is fine */

bool px_context_same(const px_context *a, const px_context *b);

/* Can a session in `now` go to `then` and come back? */
bool px_context_reachable(const px_context *now, const px_context *then);
/* Would more be known if the session's collation were read? */
bool px_context_vague(const px_context *now, const px_context *then);

/* The SET that takes a session from one to the other, without the schema; nothing where none is needed. */
void px_context_set(b_buf *out, const px_context *from, const px_context *to);
/* The schema to choose on the way, empty for none. */
b_slice px_context_use(const px_context *from, const px_context *to);

#endif
