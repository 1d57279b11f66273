/* See rows.h. What is passed over holds nothing but plain numbers, 'strings', NULL and the like, signs,
 * commas and white space, cut as the lexer cuts them; anything else ends it. */
#include "rows.h"

static bool is_op(const rw_token *t, rw_op op)
{
    return t->kind == RW_TOK_OP && t->word == op;
}

static bool is_constant(uint16_t word)
{
    return word == RW_W_NULL || word == RW_W_DEFAULT || word == RW_W_TRUE || word == RW_W_FALSE;
}

static bool name_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '$' || (unsigned char)c >= 0x80;
}

/* What is passed over, and what it has to be like. Held in locals while rows are passed: this is where a
 * statement of many megabytes spends its time. */
typedef struct passing {
    const char *p;
    uint32_t n;
    const rw_token *row; /* one row, its parentheses included */
    uint32_t ntok;
    bool escapes;
} passing;

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Each of these returns the place behind what it passes, or 0. */

static inline uint32_t pass_number(const passing *s, uint32_t at)
{
    const char *p = s->p;
    const uint32_t n = s->n;
    uint32_t i = at;
    while (i < n && is_digit(p[i])) i++;
    if (i == at || i >= n) return 0;
    if (p[i] == ',' || p[i] == ')') return i;
    if (p[i] == '.' && i + 1 < n && is_digit(p[i + 1]))
        for (i++; i < n && is_digit(p[i]);) i++;
    return i < n && !name_byte(p[i]) && p[i] != '.' ? i : 0;
}

/* A bit in each byte of w that is c. Bits may be set above one that is, which does not matter here. */
static inline uint64_t bytes_like(uint64_t w, char c)
{
    const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    uint64_t x = w ^ (ones * (unsigned char)c);
    return (x - ones) & ~x & high;
}

/* The next quote or backslash from `at` on; n where there is none. */
static inline uint32_t text_stop(const char *p, uint32_t at, uint32_t n)
{
    for (; n - at >= 8; at += 8) {
        uint64_t w;
        memcpy(&w, p + at, 8);
        if ((bytes_like(w, '\'') | bytes_like(w, '\\')) != 0) break;
    }
    while (at < n && p[at] != '\'' && p[at] != '\\') at++;
    return at;
}

static inline uint32_t pass_string(const passing *s, uint32_t at)
{
    const char *p = s->p;
    const uint32_t n = s->n;
    if (p[at] != '\'') return 0;
    for (uint32_t i = text_stop(p, at + 1, n); i < n; i = text_stop(p, i, n)) {
        if (p[i] == '\\')
            i += s->escapes ? 2 : 1;
        else if (i + 1 < n && p[i + 1] == '\'')
            i += 2;
        else
            return i + 1;
        if (i > n) return 0;
    }
    return 0;
}

static uint32_t pass_word(const passing *s, uint32_t at, uint16_t word)
{
    uint32_t i = at;
    while (i < s->n && name_byte(s->p[i])) i++;
    if (i == at || i >= s->n || s->p[i] == '.') return 0;
    return rw__word_find(s->p + at, i - at) == word ? i : 0;
}

static inline uint32_t pass_op(const passing *s, uint32_t at, uint16_t op)
{
    char c = s->p[at];
    if (op == RW_OP_COMMA) return c == ',' ? at + 1 : 0;
    if (op == RW_OP_LPAREN) return c == '(' ? at + 1 : 0;
    if (op == RW_OP_RPAREN) return c == ')' ? at + 1 : 0;
    bool sign = c == (op == RW_OP_MINUS ? '-' : '+');
    return sign && at + 1 < s->n && is_digit(s->p[at + 1]) ? at + 1 : 0;
}

static inline uint32_t pass_token(const passing *s, uint32_t at, const rw_token *like)
{
    switch ((rw_token_kind)like->kind) {
    case RW_TOK_OP: return pass_op(s, at, like->word);
    case RW_TOK_NUMBER: return pass_number(s, at);
    case RW_TOK_STRING: return pass_string(s, at);
    case RW_TOK_IDENT: return pass_word(s, at, like->word);
    case RW_TOK_END:
    case RW_TOK_QUOTED:
    case RW_TOK_HEX:
    case RW_TOK_PARAM:
    case RW_TOK_USERVAR:
    case RW_TOK_SYSVAR:
    case RW_TOK_BAD: break;
    }
    return 0;
}

static inline uint32_t pass_space(const passing *s, uint32_t at)
{
    while (at < s->n && is_space(s->p[at])) at++;
    return at;
}

/* A comma and a row. */
static uint32_t pass_row(const passing *s, uint32_t at)
{
    at = pass_space(s, at);
    if (at >= s->n || s->p[at] != ',') return 0;
    at++;
    for (uint32_t i = 0; i < s->ntok; i++) {
        at = pass_space(s, at);
        if (at >= s->n) return 0;
        at = pass_token(s, at, &s->row[i]);
        if (at == 0) return 0;
    }
    return at;
}

/* May rows like this be passed over, and are the two alike? */
static bool plain(const rw__rows *r, const rw_token *tok)
{
    if (r->to[0] - r->from[0] != r->to[1] - r->from[1]) return false;
    for (uint32_t i = 0; i <= r->to[0] - r->from[0]; i++) {
        const rw_token *a = &tok[r->from[0] + i], *b = &tok[r->from[1] + i];
        bool op = is_op(a, RW_OP_LPAREN) || is_op(a, RW_OP_RPAREN) || is_op(a, RW_OP_COMMA) ||
                  is_op(a, RW_OP_MINUS) || is_op(a, RW_OP_PLUS);
        bool value = a->kind == RW_TOK_NUMBER || a->kind == RW_TOK_STRING ||
                     (a->kind == RW_TOK_IDENT && is_constant(a->word));
        if (!(op || value) || a->kind != b->kind || a->word != b->word) return false;
    }
    return true;
}

static void pass_rows(rw__rows *r, rw_lexer *l, const rw_token *tok)
{
    bool bytes = l->ctx->charset == RW_CHARSET_SAFE || l->ctx->charset == RW_CHARSET_SINGLE;
    r->done = true;
    if (!bytes || l->in_version || !plain(r, tok)) return;
    const passing s = {.p = l->p,
                       .n = l->n,
                       .row = tok + r->from[0],
                       .ntok = r->to[0] - r->from[0] + 1,
                       .escapes = (l->ctx->sql_mode & RW_MODE_NO_BACKSLASH_ESCAPES) == 0};
    for (uint32_t at = pass_row(&s, l->pos); at != 0; at = pass_row(&s, at)) {
        l->pos = at;
        r->passed = true;
    }
}

static void see_in_rows(rw__rows *r, rw_lexer *l, const rw_token *tok, uint32_t i)
{
    if (is_op(&tok[i], RW_OP_LPAREN)) {
        if (r->depth++ == 0) r->from[r->n] = i;
    } else if (is_op(&tok[i], RW_OP_RPAREN) && r->depth > 0) {
        if (--r->depth > 0) return;
        r->to[r->n++] = i;
        if (r->n == 2) pass_rows(r, l, tok);
    } else if (r->depth == 0 && !is_op(&tok[i], RW_OP_COMMA)) {
        r->done = true;
    }
}

void rw__rows_see(rw__rows *r, rw_lexer *l, const rw_token *tok, uint32_t i)
{
    uint16_t word = tok[i].kind == RW_TOK_IDENT ? tok[i].word : RW_WORD_NONE;
    if (r->done) return;
    if (r->values)
        see_in_rows(r, l, tok, i);
    else if (i == 0 || tok[i].kind == RW_TOK_BAD || is_op(&tok[i], RW_OP_SEMICOLON))
        r->done = word != RW_W_INSERT && word != RW_W_REPLACE;
    else
        r->values = word == RW_W_VALUES || word == RW_W_VALUE;
}
