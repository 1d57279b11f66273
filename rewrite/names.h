/* Names from tokens. Private to rewrite/. rw__token_name is in lexer.h. */
#ifndef REWRITE_NAMES_H
#define REWRITE_NAMES_H

#include "lexer.h"

/* Does a version comment begin or end between two of the tokens [tok, end)? Then they cannot be copied or
 * taken out as they stand. */
bool rw__crosses_version(const rw_tokens *t, uint32_t tok, uint32_t end);

/* The name that the server gives the column of a select item with these tokens, as a view of the input. False
 * where it is not known for certain. */
bool rw__auto_name(const rw_ctx *ctx, rw_server server, const rw_tokens *t, uint32_t tok, uint32_t end,
                   b_slice *out);

#endif
