/* A statement with its literals taken out: as a number, and as text for people. And the splitting of
 * scripts. */
#include "base/hash.h"
#include "plan.h"

static bool literal(rw_token_kind kind)
{
    return kind == RW_TOK_STRING || kind == RW_TOK_NUMBER || kind == RW_TOK_HEX;
}

uint64_t rw__digest(const rw_tokens *t)
{
    uint64_t h = 1;
    for (uint32_t i = 0; i < t->n; i++) {
        const rw_token *k = &t->tok[i];
        if (literal((rw_token_kind)k->kind) || k->kind == RW_TOK_PARAM)
            h = b_hash_mix(h, 0xff);
        else if (k->kind == RW_TOK_OP)
            h = b_hash_mix(h, k->word);
        else
            h = b_hash_nocase(rw__token_text(t, i), h);
    }
    return h == 0 ? 1 : h; /* 0 says that nothing was lexed */
}

/* Appends as much of s as there is room for, at whole characters. */
static bool append(const rw_ctx *ctx, char *p, size_t *n, size_t max, b_slice s)
{
    for (size_t i = 0; i < s.n;) {
        uint32_t len = rw__char_len(ctx->charset, s.p + i, s.n - i);
        if (*n + len > max) return false;
        memcpy(p + *n, s.p + i, len);
        *n += len;
        i += len;
    }
    return true;
}

b_slice rw_digest_text(const rw_ctx *ctx, rw_server server, b_slice sql, b_arena *arena, size_t max)
{
    /* Every byte of the text comes from one of the input, but for the spaces. */
    size_t room = sql.n < max / 2 ? sql.n * 2 + 1 : max;
    char *p = b_arena_alloc(arena, room + 1);
    if (p == NULL || sql.n > 1u << 30) return (b_slice){"", 0};
    rw_lexer l = {.p = sql.p, .n = (uint32_t)sql.n, .ctx = ctx, .server = server};
    size_t n = 0;
    for (rw_token t = rw__lex_next(&l); t.kind != RW_TOK_END; t = rw__lex_next(&l)) {
        b_slice s = {sql.p + t.off, t.len};
        if (literal((rw_token_kind)t.kind)) s = B_LIT("?");
        if (t.kind == RW_TOK_BAD) s = B_LIT("…");
        if (t.space_before != 0 && n > 0 && !append(ctx, p, &n, room, B_LIT(" "))) break;
        if (!append(ctx, p, &n, room, s) || t.kind == RW_TOK_BAD) break;
    }
    p[n] = '\0';
    return (b_slice){p, n};
}

bool rw_split(const rw_ctx *ctx, rw_server server, b_slice *rest, b_slice *stmt)
{
    if (rest->n == 0) return false;
    uint32_t n = rest->n > 1u << 30 ? 1u << 30 : (uint32_t)rest->n;
    rw_lexer l = {.p = rest->p, .n = n, .ctx = ctx, .server = server};
    for (;;) {
        rw_token t = rw__lex_next(&l);
        bool end = t.kind == RW_TOK_END || t.kind == RW_TOK_BAD;
        if (!end && !(t.kind == RW_TOK_OP && t.word == RW_OP_SEMICOLON)) continue;
        size_t len = end ? rest->n : t.off, used = end ? rest->n : (size_t)t.off + 1;
        *stmt = (b_slice){rest->p, len};
        *rest = (b_slice){rest->p + used, rest->n - used};
        return true;
    }
}
