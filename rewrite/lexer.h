/* The lexer: bytes to tokens, as the server would cut them under the session's sql_mode, character set and
 * version. Private to rewrite/. No allocation but in the arena; never reads past the end. */
#ifndef REWRITE_LEXER_H
#define REWRITE_LEXER_H

#include "rewrite/rewrite.h"

typedef enum rw_token_kind {
    RW_TOK_END,    /* after the last token; off = end of input */
    RW_TOK_IDENT,  /* unquoted word, keyword or not: `keyword` tells which */
    RW_TOK_QUOTED, /* `name`, or "name" under ANSI_QUOTES */
    RW_TOK_STRING, /* '…' or "…"; n'…' and introducers are separate tokens before it */
    RW_TOK_NUMBER, /* integer, decimal, float */
    RW_TOK_HEX,    /* 0x…, x'…', b'…', 0b… */
    RW_TOK_PARAM,  /* ? */
    RW_TOK_USERVAR, /* @name, @'name', @`name` */
    RW_TOK_SYSVAR,  /* @@ (the name follows as tokens) */
    RW_TOK_OP,      /* operator or punctuation; `op` tells which */
    RW_TOK_BAD,     /* unterminated quote or comment, stray byte: the statement cannot be lexed */
} rw_token_kind;

typedef struct rw_token {
    uint32_t off, len; /* span in the input, in bytes */
    uint8_t kind;      /* rw_token_kind */
    uint8_t space_before; /* white space or a comment stands before it: matters for `f (` and `a .b` */
    uint16_t word;     /* RW_TOK_IDENT: rw_word of rewrite/words.h, 0 when it is no known word.
                          RW_TOK_OP: an operator code of rewrite/words.h */
} rw_token;

typedef struct rw_tokens {
    b_slice sql;
    const rw_token *tok; /* ended by one RW_TOK_END */
    uint32_t n;          /* without the RW_TOK_END */
    /* Some part lies in a version comment that this server runs: its tokens are in tok like all others. */
    bool version_comment;
} rw_tokens;

/* Input over 4 GiB is B_TOO_BIG. A RW_TOK_BAD token ends the list (B_OK is returned all the same). */
b_status rw_lex(const rw_ctx *ctx, rw_server server, b_slice sql, b_arena *arena, rw_tokens *out) B_MUSTCHECK;

#endif
