/* Names outside ASCII. The catalogue has them in UTF-8, a statement in the client's character set:
 * rw__token_name gives UTF-8, the texts of edits are UTF-8 while a statement is planned, and are put into the
 * client's character set when the plan is whole. Private to rewrite/. */
#ifndef REWRITE_SPELLING_H
#define REWRITE_SPELLING_H

#include "lexer.h"

typedef struct rw_charset_entry {
    const char *name;
    rw_charset charset;
    const char *iconv;   /* its name to iconv(3); NULL: its characters outside ASCII are not told */
    uint8_t letters[16]; /* SINGLE: bit b % 8 of byte (b - 128) / 8 is set where byte b may be in an unquoted
                            name */
} rw_charset_entry;

/* By number; the one of number 0 is empty. */
const rw_charset_entry *rw__charset_entry(uint8_t number);

static inline bool rw__is_letter(const rw_ctx *ctx, char c)
{
    unsigned b = (unsigned char)c;
    return b >= 128 && (rw__charset_entry(ctx->spelling)->letters[(b - 128) / 8] >> b % 8 & 1) != 0;
}

/* The name in UTF-8, from the client's character set: itself where both spell it alike, else in the arena; p
 * is NULL when out of memory. One whose characters are not known becomes one that is like no other name:
 * rw__unknown_name(). */
b_slice rw__name_in_utf8(const rw_ctx *ctx, b_slice name, b_arena *arena);

static inline bool rw__unknown_name(b_slice name)
{
    return name.n > 0 && name.p[0] == '\xFF';
}

/* Servers take U+0130 for `i` and U+212A for `k` where case does not count: the characters outside ASCII
 * whose lower case is an ASCII letter. The name with these in their places, itself where it has none; p NULL:
 * out of memory. */
b_slice rw__fold_letters(b_slice name, b_arena *arena);
/* Are the two alike but for those, and for the case of ASCII letters? */
bool rw__same_folded(b_slice a, b_slice b);

/* The other way, for text that is put into the statement. B_INVALID where it cannot be said: a character that
 * the client's character set does not have, or that MariaDB would misread in quotes. */
b_status rw__text_for_client(const rw_ctx *ctx, rw_server server, b_slice text, b_arena *arena,
                             b_slice *out) B_MUSTCHECK;

#endif
