/* A growing byte string, for building SQL, packets and messages.
 *
 * Failure is sticky: after an append that ran out of memory or over the cap, all later ones do nothing
 * and `failed` stays set, so that a builder checks once, at the end. One thread. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct b_buf {
    char *p;     /* owned; NUL-terminated once anything was appended */
    size_t n;    /* bytes in use, without the NUL */
    size_t size; /* bytes allocated */
    size_t cap;  /* limit for n in bytes; 0 = none */
    bool failed;
} b_buf;

void b_buf_init(b_buf *b, size_t cap); /* a zeroed b_buf is a valid empty one without a cap */
void b_buf_deinit(b_buf *b);           /* frees; the b_buf is then empty and usable again */
void b_buf_clear(b_buf *b);            /* empty, memory kept, failed unset */

bool b_buf_reserve(b_buf *b, size_t more); /* room for `more` further bytes; false = failed */
void b_buf_add(b_buf *b, const void *p, size_t n);
void b_buf_slice(b_buf *b, b_slice s);
void b_buf_str(b_buf *b, const char *s);
void b_buf_char(b_buf *b, char c);
void b_buf_printf(b_buf *b, const char *fmt, ...) B_PRINTF(2, 3);

/* Drops the first n bytes, moving the rest down. */
void b_buf_consume(b_buf *b, size_t n);

/* SQL quoting. An identifier in backticks (doubled inside); a string literal in single quotes, with ' and
 * \ doubled: right under every sql_mode but NO_BACKSLASH_ESCAPES, and for ASCII-safe character sets. */
void b_buf_ident(b_buf *b, b_slice name);
void b_buf_quote(b_buf *b, b_slice text);

static inline b_slice b_buf_view(const b_buf *b)
{
    return (b_slice){b->p == NULL ? "" : b->p, b->n};
}

/* The string, NUL-terminated, never NULL; valid until the next append. */
static inline const char *b_buf_cstr(const b_buf *b)
{
    return b->p == NULL ? "" : b->p;
}

#endif
