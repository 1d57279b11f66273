/* What a token says when it stands for a name, and the names that servers make up for columns. */
#include "edit.h"
#include "names.h"
#include "spelling.h"

enum { AUTO_NAME_MAX = 255 }; /* bytes of utf8: where both servers cut */

static b_slice copy_all(b_arena *arena, b_slice s, size_t used)
{
    char *p = b_arena_alloc(arena, s.n + 1);
    if (p != NULL && used > 0) memcpy(p, s.p, used);
    return (b_slice){p, used};
}

/* Folds doubled quotes. s: between the quotes. */
static b_slice fold_quotes(const rw_ctx *ctx, b_slice s, char quote, b_arena *arena)
{
    const char *hit = s.n == 0 ? NULL : memchr(s.p, quote, s.n);
    if (hit == NULL) return s;
    b_slice out = copy_all(arena, s, 0);
    if (out.p == NULL) return out;
    char *w = (char *)out.p;
    for (size_t i = 0; i < s.n;) {
        uint32_t len = rw__char_len(ctx->charset, s.p + i, s.n - i);
        memcpy(w + out.n, s.p + i, len);
        out.n += len;
        i += len;
        if (len == 1 && s.p[i - 1] == quote && i < s.n && s.p[i] == quote) i++;
    }
    return out;
}

/* The byte that a backslash and c stand for; `\%` and `\_` stay as they are, which *both tells. */
static char unescape(char c, bool *both)
{
    static const char from[] = "0abtnrZ", to[] = {'\0', 'a', '\b', '\t', '\n', '\r', '\032'};
    *both = c == '%' || c == '_';
    const char *hit = c == '\0' ? NULL : strchr(from, c);
    return hit == NULL ? c : to[hit - from];
}

static b_slice fold_string(const rw_ctx *ctx, b_slice s, char quote, b_arena *arena)
{
    bool escapes = (ctx->sql_mode & RW_MODE_NO_BACKSLASH_ESCAPES) == 0;
    if (!escapes || s.n == 0 || memchr(s.p, '\\', s.n) == NULL) return fold_quotes(ctx, s, quote, arena);
    b_slice out = copy_all(arena, s, 0);
    if (out.p == NULL) return out;
    char *w = (char *)out.p;
    for (size_t i = 0; i < s.n;) {
        uint32_t len = rw__char_len(ctx->charset, s.p + i, s.n - i);
        if (len > 1) {
            memcpy(w + out.n, s.p + i, len);
            out.n += len;
        } else if (s.p[i] == '\\' && i + 1 < s.n) {
            bool both;
            char c = unescape(s.p[++i], &both);
            if (both) w[out.n++] = '\\';
            w[out.n++] = c;
        } else {
            w[out.n++] = s.p[i];
            if (s.p[i] == quote && i + 1 < s.n && s.p[i + 1] == quote) i++;
        }
        i += len;
    }
    return out;
}

b_slice rw__token_bytes(const rw_ctx *ctx, const rw_tokens *t, uint32_t i, b_arena *arena)
{
    b_slice s = rw__token_text(t, i);
    rw_token_kind kind = (rw_token_kind)t->tok[i].kind;
    if ((kind != RW_TOK_QUOTED && kind != RW_TOK_STRING) || s.n < 2) return s;
    b_slice inner = {s.p + 1, s.n - 2};
    return kind == RW_TOK_QUOTED ? fold_quotes(ctx, inner, s.p[0], arena)
                                 : fold_string(ctx, inner, s.p[0], arena);
}

b_slice rw__token_name(const rw_ctx *ctx, const rw_tokens *t, uint32_t i, b_arena *arena)
{
    return rw__name_in_utf8(ctx, rw__token_bytes(ctx, t, i, arena), arena);
}

bool rw__crosses_version(const rw_tokens *t, uint32_t tok, uint32_t end)
{
    if (!t->version_comment) return false;
    for (uint32_t i = tok + 1; i < end; i++) {
        if ((t->tok[i].space_before & (RW_SPACE_OPENED | RW_SPACE_CLOSED)) != 0) return true;
    }
    return false;
}

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Where the name's text begins. MariaDB takes a comment that follows a comma into it. */
static uint32_t name_start(rw_server server, const rw_tokens *t, uint32_t tok)
{
    uint32_t off = t->tok[tok].off;
    if (server.flavour != RW_MARIADB || tok == 0 || t->tok[tok - 1].word != RW_OP_COMMA ||
        t->tok[tok - 1].kind != RW_TOK_OP)
        return off;
    uint32_t p = t->tok[tok - 1].off + 1;
    while (p < off && blank(t->sql.p[p])) p++;
    return p;
}

/* Bytes to keep, at a whole character; 0 where that is not known or not allowed in a quoted name. */
static size_t cut(rw_charset cs, b_slice s)
{
    size_t i = 0, wide = 0;
    while (i < s.n) {
        bool ascii = (unsigned char)s.p[i] < 0x80;
        uint32_t len = rw__char_len(cs, s.p + i, s.n - i);
        if (s.p[i] == '\0' || (!ascii && len == 1 && cs != RW_CHARSET_SINGLE)) return 0;
        size_t utf8 = ascii ? 1 : cs == RW_CHARSET_SAFE ? len : 4;
        if (wide + utf8 > AUTO_NAME_MAX) return cs == RW_CHARSET_SAFE || wide == i ? i : 0;
        wide += utf8;
        i += len;
    }
    return i;
}

/* In backticks, with those in it doubled: MySQL where there are any, and MariaDB always, then halves them
 * byte by byte, so that one that is the second byte of a character would take the byte behind it away. */
static bool misread(rw_charset cs, rw_server server, b_slice s)
{
    bool tick = server.flavour == RW_MARIADB;
    for (size_t i = 0; i < s.n;) {
        uint32_t len = rw__char_len(cs, s.p + i, s.n - i);
        tick = tick || (len == 1 && s.p[i] == '`');
        i += len;
    }
    return tick && rw__trail_tick(cs, s, '`');
}

bool rw__auto_name(const rw_ctx *ctx, rw_server server, const rw_tokens *t, uint32_t tok, uint32_t end,
                   b_slice *out)
{
    if (tok >= end || end > t->n || rw__crosses_version(t, tok, end)) return false;
    uint32_t from = name_start(server, t, tok);
    bool edge = (t->tok[tok].space_before & (RW_SPACE_OPENED | RW_SPACE_CLOSED)) != 0;
    if (from != t->tok[tok].off && edge) return false;
    b_slice raw = {t->sql.p + from, t->tok[end - 1].off + t->tok[end - 1].len - from};
    raw.n = cut(ctx->charset, raw);
    if (misread(ctx->charset, server, raw)) return false;
    *out = raw;
    /* Where the cut fell on a space: an alias may not end in one. */
    return raw.n > 0 && !blank(raw.p[raw.n - 1]);
}
