/* The parser's hands: looking at tokens, taking them, names, and the first error. See parse.h. */
#include "parse.h"

#include <string.h>

/* What nodes are written to when memory has run out, so that nobody needs to check for NULL. Each failed
 * parser has its own, as large as the largest node. */
static void *spill(rw__parser *p, size_t n)
{
    if (n > sizeof p->spill) return NULL;
    memset(&p->spill, 0, sizeof p->spill);
    return &p->spill;
}

void *rw__alloc(rw__parser *p, size_t n)
{
    void *m = b_arena_zalloc(p->arena, n);
    if (m != NULL) return m;
    rw__fail(p, "statement this large");
    p->status = B_NOMEM;
    return spill(p, n);
}

void rw__fail_at(rw__parser *p, uint32_t tok, const char *what)
{
    if (p->status == B_OK) {
        p->status = B_MALFORMED;
        p->err.tok = tok;
        p->err.what = what;
    }
    p->pos = p->t->n;
}

void rw__fail(rw__parser *p, const char *what)
{
    rw__fail_at(p, p->pos, what);
}

void rw__fail_deep(rw__parser *p)
{
    if (p->status == B_OK) p->err.too_deep = true;
    rw__fail(p, "nesting this deep");
}

bool rw__enter(rw__parser *p)
{
    if (++p->depth <= RW_MAX_DEPTH) return true;
    rw__fail_deep(p);
    return false;
}

void rw__leave(rw__parser *p)
{
    p->depth--;
}

const rw_token *rw__peek(const rw__parser *p, uint32_t ahead)
{
    uint32_t left = p->t->n - p->pos;
    return &p->t->tok[p->pos + (ahead < left ? ahead : left)];
}

uint8_t rw__kind(const rw__parser *p, uint32_t ahead)
{
    return rw__peek(p, ahead)->kind;
}

bool rw__is_at(const rw__parser *p, uint32_t ahead, uint16_t code)
{
    const rw_token *t = rw__peek(p, ahead);
    return t->word == code && (t->kind == RW_TOK_IDENT || t->kind == RW_TOK_OP);
}

bool rw__is(const rw__parser *p, uint16_t code)
{
    return rw__is_at(p, 0, code);
}

bool rw__is2(const rw__parser *p, uint16_t first, uint16_t second)
{
    return rw__is_at(p, 0, first) && rw__is_at(p, 1, second);
}

bool rw__accept(rw__parser *p, uint16_t code)
{
    if (!rw__is(p, code)) return false;
    p->pos++;
    return true;
}

bool rw__accept2(rw__parser *p, uint16_t first, uint16_t second)
{
    if (!rw__is2(p, first, second)) return false;
    p->pos += 2;
    return true;
}

bool rw__is_any(const rw__parser *p, const uint16_t *codes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (rw__is(p, codes[i])) return true;
    return false;
}

bool rw__accept_any(rw__parser *p, const uint16_t *codes, size_t n)
{
    if (!rw__is_any(p, codes, n)) return false;
    p->pos++;
    return true;
}

void rw__expect(rw__parser *p, uint16_t code, const char *what)
{
    if (!rw__accept(p, code)) rw__fail(p, what);
}

bool rw__accept_kind(rw__parser *p, rw_token_kind kind)
{
    if (rw__kind(p, 0) != kind || kind == RW_TOK_END) return false;
    p->pos++;
    return true;
}

bool rw__ends(const rw__parser *p)
{
    return rw__kind(p, 0) == RW_TOK_END || rw__is(p, RW_OP_SEMICOLON);
}

bool rw__is_name(const rw__parser *p, uint32_t ahead)
{
    const rw_token *t = rw__peek(p, ahead);
    if (t->kind == RW_TOK_QUOTED) return true;
    return t->kind == RW_TOK_IDENT && !rw__word_reserved(t->word, p->server);
}

bool rw__is_word_or_name(const rw__parser *p, uint32_t ahead)
{
    uint8_t kind = rw__kind(p, ahead);
    return kind == RW_TOK_QUOTED || kind == RW_TOK_IDENT;
}

/* One part of a name, at the present token. */
static void add_part(rw__parser *p, rw_name *out)
{
    out->part[out->n] = rw__text(p, p->pos);
    out->part_tok[out->n] = p->pos;
    out->n++;
    p->pos++;
    out->end = p->pos;
}

void rw__word_name(rw__parser *p, rw_name *out)
{
    memset(out, 0, sizeof *out);
    out->tok = p->pos;
    add_part(p, out);
}

bool rw__ident(rw__parser *p, rw_name *out, const char *what)
{
    memset(out, 0, sizeof *out);
    if (!rw__is_name(p, 0)) {
        rw__fail(p, what);
        return false;
    }
    rw__word_name(p, out);
    return true;
}

bool rw__name(rw__parser *p, rw_name *out, const char *what)
{
    memset(out, 0, sizeof *out);
    out->tok = p->pos;
    bool dot = rw__accept(p, RW_OP_DOT);
    if (dot ? !rw__is_word_or_name(p, 0) : !rw__is_name(p, 0)) {
        rw__fail(p, what);
        return false;
    }
    add_part(p, out);
    while (out->n < 3 && rw__is(p, RW_OP_DOT) && rw__is_word_or_name(p, 1)) {
        p->pos++;
        add_part(p, out);
    }
    return true;
}

void rw__names_init(rw__names *l)
{
    l->first = NULL;
    l->tail = &l->first;
}

rw_name *rw__names_add(rw__parser *p, rw__names *l)
{
    rw_name_list *node = RW_NODE(p, rw_name_list);
    *l->tail = node;
    l->tail = &node->next;
    return &node->name;
}

rw_name_list *rw__paren_names(rw__parser *p, const char *what)
{
    rw__names l;
    rw__names_init(&l);
    rw__expect(p, RW_OP_LPAREN, what);
    do {
        rw__ident(p, rw__names_add(p, &l), what);
    } while (rw__accept(p, RW_OP_COMMA));
    rw__expect(p, RW_OP_RPAREN, what);
    return l.first;
}

void rw__skip_parens(rw__parser *p, const char *what)
{
    uint32_t open = 0;
    if (!rw__is(p, RW_OP_LPAREN)) {
        rw__fail(p, what);
        return;
    }
    do {
        uint8_t kind = rw__kind(p, 0);
        if (kind == RW_TOK_END || kind == RW_TOK_BAD || rw__is(p, RW_OP_SEMICOLON)) {
            rw__fail(p, what);
            return;
        }
        if (rw__is(p, RW_OP_LPAREN)) open++;
        if (rw__is(p, RW_OP_RPAREN)) open--;
        p->pos++;
    } while (open > 0);
}

bool rw__is_minus(const rw__parser *p)
{
    return p->server.flavour == RW_MARIADB && (p->sql_mode & RW_MODE_ORACLE) != 0 && rw__is(p, RW_W_MINUS);
}

bool rw__item_alias(rw__parser *p, rw_item *item)
{
    bool as = rw__accept(p, RW_W_AS);
    uint8_t kind = rw__kind(p, 0);
    item->alias_tok = RW_NO_TOK;
    if (rw__is_minus(p)) return false;
    bool ok = kind == RW_TOK_STRING || kind == RW_TOK_QUOTED;
    if (kind == RW_TOK_IDENT)
        ok = as ? rw__is_name(p, 0) : !rw__word_no_alias(rw__peek(p, 0)->word, p->server);
    if (!ok) {
        if (as) rw__fail(p, "alias");
        return false;
    }
    item->alias_tok = p->pos;
    item->alias_string = kind == RW_TOK_STRING;
    item->alias = rw__text(p, p->pos);
    p->pos++;
    return true;
}

bool rw__table_alias(rw__parser *p, rw_from *f)
{
    bool as = rw__accept(p, RW_W_AS);
    uint8_t kind = rw__kind(p, 0);
    f->alias_tok = RW_NO_TOK;
    if (rw__is_minus(p)) return false;
    bool ok = kind == RW_TOK_QUOTED;
    if (kind == RW_TOK_IDENT)
        ok = as ? rw__is_name(p, 0) : !rw__word_no_table_alias(rw__peek(p, 0)->word, p->server);
    if (!ok) {
        if (as) rw__fail(p, "table alias");
        return false;
    }
    f->alias_tok = p->pos;
    f->alias = rw__text(p, p->pos);
    p->pos++;
    return true;
}

b_slice rw__text(rw__parser *p, uint32_t tok)
{
    uint8_t kind = p->t->tok[tok].kind;
    if (kind != RW_TOK_IDENT && kind != RW_TOK_QUOTED && kind != RW_TOK_STRING)
        return rw__token_text(p->t, tok);
    b_slice s = rw__token_name(p->ctx, p->t, tok, p->arena);
    if (s.p != NULL) return s;
    rw__fail(p, "statement this large");
    p->status = B_NOMEM;
    return (b_slice){"", 0};
}
