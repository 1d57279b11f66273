/* The lexer: bytes to tokens, as the server would cut them under the session's sql_mode, character set and
 * version. Private to rewrite/. No allocation but in the arena; never reads past the end. */
#ifndef REWRITE_LEXER_H
#define REWRITE_LEXER_H

#include "rewrite/rewrite.h"
#include "words.h"

typedef enum rw_token_kind {
    RW_TOK_END,     /* after the last token; off = end of input */
    RW_TOK_IDENT,   /* unquoted word, keyword or not: `keyword` tells which */
    RW_TOK_QUOTED,  /* `name`, or "name" under ANSI_QUOTES */
    RW_TOK_STRING,  /* '…' or "…"; n'…' and introducers are separate tokens before it */
    RW_TOK_NUMBER,  /* integer, decimal, float */
    RW_TOK_HEX,     /* 0x…, x'…', b'…', 0b… */
    RW_TOK_PARAM,   /* ?, whether the text is to be prepared or not */
    RW_TOK_USERVAR, /* @name, @'name', @`name` */
    RW_TOK_SYSVAR,  /* @@ (the name follows as tokens) */
    RW_TOK_OP,      /* operator or punctuation; `op` tells which */
    RW_TOK_BAD,     /* unterminated quote or comment, stray byte: the statement cannot be lexed */
} rw_token_kind;

/* Bits of rw_token.space_before. */
enum {
    RW_SPACE = 1,        /* white space or a comment: always set with the others */
    RW_SPACE_OPENED = 2, /* a version comment that runs begins between the token and the one before it */
    RW_SPACE_CLOSED = 4, /* … ends there */
};

typedef struct rw_token {
    uint32_t off, len;    /* span in the input, in bytes */
    uint8_t kind;         /* rw_token_kind */
    uint8_t space_before; /* not 0: something stands before it, which matters for `f (` and `a .b` */
    uint16_t word; /* RW_TOK_IDENT: rw_word of rewrite/words.h; 0 when it is no known word, or can only be
                      a name: hard after a dot, or hard before a dot and a name.
                      RW_TOK_OP: rw_op of rewrite/words.h */
} rw_token;

typedef struct rw_tokens {
    b_slice sql;
    const rw_token *tok; /* ended by one RW_TOK_END */
    uint32_t n;          /* without the RW_TOK_END */
    /* Some part lies in a version comment that this server runs: its tokens are in tok like all others. */
    bool version_comment;
    bool hints; /* there is an optimizer hint comment that this server reads */
    /* rw__lex_rows: rows were passed over after token rows_to, the last of two rows that begin with token
     * rows_from. Both 0: none were. */
    uint32_t rows_from, rows_to;
} rw_tokens;

/* Input over 1 GiB is B_TOO_BIG. A RW_TOK_BAD token ends the list (B_OK is returned all the same). */
b_status rw_lex(const rw_ctx *ctx, rw_server server, b_slice sql, b_arena *arena, rw_tokens *out) B_MUSTCHECK;

/* The same, but rows of a long INSERT may be passed over: rows.h. */
b_status rw__lex_rows(const rw_ctx *ctx, rw_server server, b_slice sql, b_arena *arena,
                      rw_tokens *out) B_MUSTCHECK;

/* The same one token at a time, without memory. Start from a zeroed rw_lexer with the first four set. */
typedef struct rw_lexer {
    const char *p; /* the input; at most 1 GiB */
    uint32_t n;
    const rw_ctx *ctx;
    rw_server server;
    uint32_t pos;
    bool after_dot;  /* the last token was a dot with a name hard after it */
    bool after_name; /* the last token was an unquoted name */
    bool in_version; /* inside a version comment that runs */
    bool version_comment, hints;
} rw_lexer;

/* The next token. After RW_TOK_END or RW_TOK_BAD it must not be called again. */
rw_token rw__lex_next(rw_lexer *l);

static inline b_slice rw__token_text(const rw_tokens *t, uint32_t i)
{
    return (b_slice){t->sql.p + t->tok[i].off, t->tok[i].len};
}

/* A name as the server understands it: quotes off, doubled ones folded. For RW_TOK_IDENT and RW_TOK_QUOTED,
 * and for RW_TOK_STRING where that stands for a name, escapes resolved under ctx's sql_mode, in UTF-8
 * (spelling.h). A view of the input where nothing had to be changed, else in the arena; p is NULL when out of
 * memory. */
b_slice rw__token_name(const rw_ctx *ctx, const rw_tokens *t, uint32_t i, b_arena *arena);
/* The same, in the client's character set still. */
b_slice rw__token_bytes(const rw_ctx *ctx, const rw_tokens *t, uint32_t i, b_arena *arena);

/* Bytes of the character at p[0] (1 to 4), n > 0 bytes being there, as the character set has it; 1 for a byte
 * that begins no whole character. */
uint32_t rw__char_len(rw_charset cs, const char *p, size_t n);

/* Does a longer character of s end in a byte that looks like this quote? */
bool rw__trail_tick(rw_charset cs, b_slice s, char tick);

#endif
