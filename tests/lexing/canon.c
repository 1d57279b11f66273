/* A text written anew from our tokens: one blank between any two where that is allowed, comments left out,
 * names quoted, strings and numbers in another spelling. */
#include "lexing.h"

#include <stdlib.h>

static const rw_token *tok(const rw_tokens *t, uint32_t i)
{
    return &t->tok[i];
}

static bool is_op(const rw_token *k, rw_op op)
{
    return k->kind == RW_TOK_OP && k->word == op;
}

/* Each byte as itself, quotes doubled, but not within a longer character. */
static void put_quoted(const rw_ctx *ctx, b_slice s, char quote, bool escapes, b_buf *out)
{
    b_buf_char(out, quote);
    for (size_t i = 0; i < s.n;) {
        uint32_t len = rw__char_len(ctx->charset, s.p + i, s.n - i);
        if (s.p[i] == quote || (escapes && s.p[i] == '\\')) b_buf_char(out, s.p[i]);
        b_buf_add(out, s.p + i, len);
        i += len;
    }
    b_buf_char(out, quote);
}

/* What is between the quotes of x'…', 0x…, b'…', 0b…, in the other of the two spellings. */
static void put_hex(b_slice s, b_buf *out)
{
    char kind = b_lower(s.p[0] == '0' ? s.p[1] : s.p[0]);
    b_slice digits = s.p[0] == '0' ? b_slice_of(s.p + 2, s.n - 2) : b_slice_of(s.p + 2, s.n - 3);
    if (digits.n == 0) {
        b_buf_slice(out, s);
    } else if (s.p[0] == '0') {
        b_buf_printf(out, "%c'%s%.*s'", kind, kind == 'x' && digits.n % 2 != 0 ? "0" : "", B_ARG(digits));
    } else {
        b_buf_printf(out, "0%c%.*s", kind, B_ARG(digits));
    }
}

/* N'…'; but n"…" is a name with an alias. */
static bool national(const rw_tokens *t, uint32_t i)
{
    const rw_token *k = tok(t, i + 1);
    return tok(t, i)->len == 1 && b_lower(t->sql.p[tok(t, i)->off]) == 'n' && k->kind == RW_TOK_STRING &&
           k->space_before == 0 && t->sql.p[k->off] == '\'';
}

/* A word that is more than a name: a function's, a character set's before a string, N before one. */
static bool special(const rw_tokens *t, uint32_t i)
{
    b_slice s = rw__token_text(t, i);
    const rw_token *next = tok(t, i + 1);
    if (i > 0 && is_op(tok(t, i - 1), RW_OP_DOT)) return false;
    return tok(t, i)->word != RW_WORD_NONE || is_op(next, RW_OP_LPAREN) || national(t, i) ||
           (i > 0 && tok(t, i - 1)->kind == RW_TOK_SYSVAR) || (i > 0 && is_op(tok(t, i - 1), RW_OP_LBRACE)) ||
           (s.p[0] == '_' && (next->kind == RW_TOK_STRING || next->kind == RW_TOK_HEX));
}

static bool escaped_high(b_slice s)
{
    for (size_t i = 0; i + 1 < s.n; i++) {
        if (s.p[i] == '\\' && (unsigned char)s.p[i + 1] >= 0x80) return true;
    }
    return false;
}

/* A name that cannot be quoted: lexer.c, scan_quoted(). */
static bool halved(const rw_ctx *ctx, rw_server server, b_slice name)
{
    bool doubled = server.flavour == RW_MARIADB || b_slice_find(name, B_LIT("`")) != (size_t)-1;
    return doubled && rw__trail_tick(ctx->charset, name, '`');
}

static void put_token(const rw_ctx *ctx, rw_server server, const rw_tokens *t, uint32_t i, b_arena *arena,
                      b_buf *out)
{
    bool escapes = (ctx->sql_mode & RW_MODE_NO_BACKSLASH_ESCAPES) == 0;
    rw_token_kind kind = (rw_token_kind)tok(t, i)->kind;
    b_slice text = rw__token_text(t, i), name;
    switch (kind) {
    case RW_TOK_IDENT:
    case RW_TOK_QUOTED:
        name = rw__token_bytes(ctx, t, i, arena);
        if (kind == RW_TOK_QUOTED || !(special(t, i) || halved(ctx, server, name)))
            put_quoted(ctx, name, '`', false, out);
        else
            b_buf_slice(out, text);
        return;
    case RW_TOK_STRING:
        if (escaped_high(text)) /* whether such a string counts as ASCII hangs on how it is written */
            b_buf_slice(out, text);
        else
            put_quoted(ctx, rw__token_bytes(ctx, t, i, arena), '\'', escapes, out);
        return;
    case RW_TOK_HEX:
        if (server.flavour ==
            RW_MYSQL) /* x'41' is a string to MariaDB, 0x41 where a number is wanted a number */
            put_hex(text, out);
        else
            b_buf_slice(out, text);
        return;
    case RW_TOK_NUMBER:
    case RW_TOK_PARAM:
    case RW_TOK_USERVAR:
    case RW_TOK_SYSVAR:
    case RW_TOK_OP:
    case RW_TOK_END:
    case RW_TOK_BAD: b_buf_slice(out, text); return;
    }
}

/* What goes before a token: white space; the source's own where it has a meaning: `f (`, N'…', @@x. */
static void part(const rw_tokens *t, uint32_t i, b_buf *out)
{
    static const char *const spaces[] = {"\n", " ", "/**/"};
    const rw_token *prev = i == 0 ? NULL : tok(t, i - 1), *k = tok(t, i);
    if (prev == NULL || prev->kind == RW_TOK_SYSVAR) return;
    bool own = prev->kind == RW_TOK_IDENT && (is_op(k, RW_OP_LPAREN) || k->kind == RW_TOK_STRING);
    size_t end = prev->off + prev->len;
    if (!own)
        b_buf_str(out, spaces[i % 3]);
    else if ((k->space_before & (RW_SPACE_OPENED | RW_SPACE_CLOSED)) != 0)
        b_buf_str(out, "/**/");
    else
        b_buf_add(out, t->sql.p + end, k->off - end);
}

bool lx_canon(const rw_ctx *ctx, rw_server server, b_slice sql, b_buf *out)
{
    rw_tokens t;
    b_arena *arena = b_arena_new(0);
    if (arena == NULL || rw_lex(ctx, server, sql, arena, &t) != B_OK) ts_die("out of memory");
    bool whole = t.n == 0 || tok(&t, t.n - 1)->kind != RW_TOK_BAD;
    if (t.n == 0) b_buf_slice(out, sql);
    for (uint32_t i = 0; whole && i < t.n; i++) {
        part(&t, i, out);
        put_token(ctx, server, &t, i, arena, out);
    }
    if (whole && t.n > 0 && is_op(tok(&t, t.n - 1), RW_OP_SEMICOLON)) { /* a comment is a statement then */
        size_t end = (size_t)tok(&t, t.n - 1)->off + 1;
        b_buf_add(out, sql.p + end, sql.n - end);
    }
    b_arena_free(arena);
    return whole;
}
