/* The parser: tokens to syntax tree. Private to rewrite/. Recursive descent, one file a statement family. */
#ifndef REWRITE_PARSER_H
#define REWRITE_PARSER_H

#include "ast.h"

#include "base/buf.h"

typedef struct rw_parse_error {
    uint32_t tok;     /* where it stopped */
    const char *what; /* what was not understood, as a noun: "PROCEDURE clause"; static text */
    bool too_deep;    /* the nesting limit was reached */
} rw_parse_error;

/* Parses all statements of *t, linked through rw_stmt.next. Text that is no known statement gives
 * RW_S_OTHER, which is not an error. B_MALFORMED with *perr filled when a known kind of statement could not
 * be followed to its end: the caller refuses it if a migrating table may be in it. B_NOMEM. */
b_status rw_parse(const rw_ctx *ctx, rw_server server, const rw_tokens *t, b_arena *arena, rw_stmt **out,
                  rw_parse_error *perr) B_MUSTCHECK;

/* A compact text of the tree, for tests and EXPLAIN. The tree must be one that rw_parse() gave. */
void rw_dump(const rw_tokens *t, const rw_stmt *s, b_buf *out);

#endif
