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

/* Each of these returns the place behind what it passes, or 0. */

static uint32_t pass_number(const rw_lexer *l, uint32_t p)
{
    uint32_t from = p;
    while (p < l->n && l->p[p] >= '0' && l->p[p] <= '9') p++;
    if (p == from) return 0;
    if (p + 1 < l->n && l->p[p] == '.' && l->p[p + 1] >= '0' && l->p[p + 1] <= '9')
        for (p++; p < l->n && l->p[p] >= '0' && l->p[p] <= '9';) p++;
    return p < l->n && !name_byte(l->p[p]) && l->p[p] != '.' ? p : 0;
}

static uint32_t pass_string(const rw_lexer *l, uint32_t p)
{
    bool escapes = (l->ctx->sql_mode & RW_MODE_NO_BACKSLASH_ESCAPES) == 0;
    if (l->p[p++] != '\'') return 0;
    for (; p < l->n; p++) {
        if (l->p[p] == '\\' && escapes) {
            p++;
        } else if (l->p[p] == '\'') {
            if (p + 1 >= l->n || l->p[p + 1] != '\'') return p + 1;
            p++;
        }
    }
    return 0;
}

static uint32_t pass_word(const rw_lexer *l, uint32_t p, uint16_t word)
{
    uint32_t from = p;
    while (p < l->n && name_byte(l->p[p])) p++;
    if (p == from || p >= l->n || l->p[p] == '.') return 0;
    return rw__word_find(l->p + from, p - from) == word ? p : 0;
}

static uint32_t pass_op(const rw_lexer *l, uint32_t p, uint16_t op)
{
    char c = l->p[p];
    if (op == RW_OP_LPAREN) return c == '(' ? p + 1 : 0;
    if (op == RW_OP_RPAREN) return c == ')' ? p + 1 : 0;
    if (op == RW_OP_COMMA) return c == ',' ? p + 1 : 0;
    bool sign = c == (op == RW_OP_MINUS ? '-' : '+');
    return sign && p + 1 < l->n && l->p[p + 1] >= '0' && l->p[p + 1] <= '9' ? p + 1 : 0;
}

static uint32_t pass_token(const rw_lexer *l, uint32_t p, const rw_token *like)
{
    switch ((rw_token_kind)like->kind) {
    case RW_TOK_OP: return pass_op(l, p, like->word);
    case RW_TOK_NUMBER: return pass_number(l, p);
    case RW_TOK_STRING: return pass_string(l, p);
    case RW_TOK_IDENT: return pass_word(l, p, like->word);
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

static uint32_t pass_space(const rw_lexer *l, uint32_t p)
{
    while (p < l->n && (l->p[p] == ' ' || (l->p[p] >= '\t' && l->p[p] <= '\r'))) p++;
    return p;
}

/* A comma and a row. */
static uint32_t pass_row(const rw_lexer *l, uint32_t p, const rw_token *row, uint32_t n)
{
    p = pass_space(l, p);
    if (p >= l->n || l->p[p] != ',') return 0;
    p++;
    for (uint32_t i = 0; i < n && p != 0; i++) {
        p = pass_space(l, p);
        p = p < l->n ? pass_token(l, p, &row[i]) : 0;
    }
    return p;
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
    for (uint32_t p = l->pos; p != 0;) {
        p = pass_row(l, p, tok + r->from[0], r->to[0] - r->from[0] + 1);
        if (p == 0) break;
        l->pos = p;
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
