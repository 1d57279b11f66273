/* Operands of expressions: literals, names, variables, parentheses, CASE and the like. */
#include "parse.h"

static rw_expr *tokens(rw__parser *p, rw_expr_kind kind, uint32_t ntok)
{
    rw_expr *e = rw__node(p, kind, p->pos);
    p->pos += ntok;
    return rw__done(p, e);
}

/* A literal that ends with a string goes on with the strings after it: 'a' 'b' is one. */
static rw_expr *string(rw__parser *p, uint32_t ntok)
{
    rw_expr *e = tokens(p, RW_E_LITERAL, ntok);
    if (p->t->tok[p->pos - 1].kind == RW_TOK_STRING)
        while (rw__accept_kind(p, RW_TOK_STRING)) continue;
    return rw__done(p, e);
}

/* Character sets that can stand before a string, after an underscore. */
static const char *const introducers[] = {
    "armscii8", "ascii",   "big5",   "binary",   "cp1250",  "cp1251",  "cp1256",  "cp1257", "cp850",
    "cp852",    "cp866",   "cp932",  "dec8",     "eucjpms", "euckr",   "gb18030", "gb2312", "gbk",
    "geostd8",  "greek",   "hebrew", "hp8",      "keybcs2", "koi8r",   "koi8u",   "latin1", "latin2",
    "latin5",   "latin7",  "macce",  "macroman", "sjis",    "swe7",    "tis620",  "ucs2",   "ujis",
    "utf16",    "utf16le", "utf32",  "utf8",     "utf8mb3", "utf8mb4",
};

/* `_utf8'…'`, `n'…'`: a word that belongs to the string or the hexadecimal literal after it. To both servers
 * n"…" is a column n with an alias. */
static bool is_introducer(const rw__parser *p)
{
    const rw_token *t = rw__peek(p, 0);
    uint8_t next = rw__kind(p, 1);
    if (t->kind != RW_TOK_IDENT || (next != RW_TOK_STRING && next != RW_TOK_HEX)) return false;
    const char *s = p->t->sql.p + t->off;
    if (t->len == 1) return b_lower(s[0]) == 'n' && s[1] == '\'' && next == RW_TOK_STRING;
    if (s[0] != '_') return false;
    b_slice name = b_slice_of(s + 1, t->len - 1);
    for (size_t i = 0; i < sizeof introducers / sizeof introducers[0]; i++)
        if (b_slice_ieq(name, b_slice_str(introducers[i]))) return true;
    return false;
}

static rw_expr *user_variable(rw__parser *p)
{
    rw_expr *e = rw__node(p, RW_E_USERVAR, p->pos);
    p->pos++;
    if (rw__accept(p, RW_OP_ASSIGN)) {
        e->kind = RW_E_ASSIGN;
        e->kids = rw__expr(p);
    }
    return rw__done(p, e);
}

/* @@x, @@global.x, @@session.`x`.y */
static rw_expr *system_variable(rw__parser *p)
{
    rw_expr *e = rw__node(p, RW_E_SYSVAR, p->pos);
    p->pos++;
    if (!rw__is_word_or_name(p, 0)) rw__fail(p, "system variable");
    p->pos += p->status == B_OK;
    while (rw__is(p, RW_OP_DOT) && rw__is_word_or_name(p, 1)) p->pos += 2;
    return rw__done(p, e);
}

static rw_expr *column(rw__parser *p)
{
    rw_expr *e = rw__node(p, RW_E_COLUMN, p->pos);
    rw__name(p, &e->name, "expression");
    return rw__done(p, e);
}

static rw_expr *case_expr(rw__parser *p)
{
    rw_expr *e = rw__node(p, RW_E_OP, p->pos);
    rw__exprs kids;
    rw__exprs_init(&kids);
    e->op = RW_W_CASE;
    p->pos++;
    if (!rw__is(p, RW_W_WHEN)) rw__exprs_add(&kids, rw__expr(p));
    if (!rw__is(p, RW_W_WHEN)) rw__fail(p, "CASE expression");
    while (rw__accept(p, RW_W_WHEN)) {
        rw__exprs_add(&kids, rw__expr(p));
        rw__expect(p, RW_W_THEN, "CASE expression");
        rw__exprs_add(&kids, rw__expr(p));
    }
    if (rw__accept(p, RW_W_ELSE)) rw__exprs_add(&kids, rw__expr(p));
    rw__expect(p, RW_W_END, "CASE expression");
    e->kids = kids.first;
    return rw__done(p, e);
}

static rw_expr *exists_expr(rw__parser *p)
{
    rw_expr *e = rw__node(p, RW_E_OP, p->pos);
    e->op = RW_W_EXISTS;
    p->pos++;
    e->kids = rw__subquery(p, "EXISTS condition");
    return rw__done(p, e);
}

/* A comma at the first level of the parentheses that begin `ahead` tokens from here. */
static bool has_comma(const rw__parser *p, uint32_t ahead)
{
    uint32_t open = 0;
    for (uint32_t i = ahead; rw__kind(p, i) != RW_TOK_END; i++) {
        if (rw__is_at(p, i, RW_OP_LPAREN)) open++;
        if (rw__is_at(p, i, RW_OP_RPAREN) && --open == 0) return false;
        if (rw__is_at(p, i, RW_OP_COMMA) && open == 1) return true;
    }
    return false;
}

/* INTERVAL 1 DAY, or the function INTERVAL(a, b, …). */
static rw_expr *interval(rw__parser *p)
{
    if (rw__is_at(p, 1, RW_OP_LPAREN) && !rw__query_starts(p, 2) && has_comma(p, 1)) return rw__call(p);
    rw_expr *e = rw__node(p, RW_E_OP, p->pos);
    e->op = RW_W_INTERVAL;
    p->pos++;
    e->kids = rw__expr(p);
    if (!rw__unit(p)) rw__fail(p, "INTERVAL expression");
    return rw__done(p, e);
}

static rw_expr *name_in_parens(rw__parser *p, rw_expr_kind kind, const char *what)
{
    rw_expr *e = rw__node(p, kind, p->pos);
    p->pos++;
    rw__expect(p, RW_OP_LPAREN, what);
    rw__name(p, &e->name, what);
    rw__expect(p, RW_OP_RPAREN, what);
    return rw__done(p, e);
}

/* VALUES(col) from here, and not a table value constructor. */
static bool is_values_of(const rw__parser *p, uint32_t ahead)
{
    bool word = rw__is_at(p, ahead, RW_W_VALUES) ||
                (rw__is_at(p, ahead, RW_W_VALUE) && p->server.flavour == RW_MARIADB);
    if (!word || !rw__is_at(p, ahead + 1, RW_OP_LPAREN) || !rw__is_name(p, ahead + 2)) return false;
    uint32_t i = ahead + 3;
    while (rw__is_at(p, i, RW_OP_DOT) && rw__is_word_or_name(p, i + 1)) i += 2;
    return rw__is_at(p, i, RW_OP_RPAREN);
}

/* {d '2020-01-01'}, {fn f(x)} */
static rw_expr *odbc(rw__parser *p)
{
    rw_expr *e = rw__node(p, RW_E_OP, p->pos);
    e->op = RW_OP_LBRACE;
    p->pos++;
    if (!rw__is_word_or_name(p, 0)) rw__fail(p, "ODBC escape");
    p->pos += p->status == B_OK;
    e->kids = rw__expr(p);
    rw__expect(p, RW_OP_RBRACE, "ODBC escape");
    return rw__done(p, e);
}

/* NEXT VALUE FOR seq, PREVIOUS VALUE FOR seq: the sequence is no column. */
static rw_expr *sequence_value(rw__parser *p)
{
    rw_expr *e = rw__node(p, RW_E_FUNC, p->pos);
    rw_name seq;
    rw__word_name(p, &e->name);
    p->pos += 2;
    rw__name(p, &seq, "sequence");
    return rw__done(p, e);
}

static bool is_sequence_value(const rw__parser *p)
{
    return p->server.flavour == RW_MARIADB && (rw__is(p, RW_W_NEXT) || rw__is(p, RW_W_PREVIOUS)) &&
           rw__is_at(p, 1, RW_W_VALUE) && rw__is_at(p, 2, RW_W_FOR);
}

/* ROW (a, b): the word belongs to the row. */
static rw_expr *row(rw__parser *p)
{
    uint32_t tok = p->pos++;
    rw_expr *in = rw__parens(p);
    rw_expr *e = rw__node(p, RW_E_OP, tok);
    e->op = RW_W_ROW;
    e->kids = in->kind == RW_E_OP && in->op == RW_OP_LPAREN ? in->kids : in;
    return rw__done(p, e);
}

static rw_expr *by_word(rw__parser *p)
{
    uint16_t word = rw__peek(p, 0)->word;
    bool paren = rw__is_at(p, 1, RW_OP_LPAREN);
    switch ((int)word) {
    case RW_W_NULL:
    case RW_W_TRUE:
    case RW_W_FALSE: return tokens(p, RW_E_LITERAL, 1);
    case RW_W_CASE: return case_expr(p);
    case RW_W_EXISTS: return exists_expr(p);
    case RW_W_INTERVAL: return interval(p);
    case RW_W_MATCH: return rw__match(p);
    case RW_W_ROW: return paren ? row(p) : column(p);
    case RW_W_DEFAULT: return name_in_parens(p, RW_E_DEFAULT_OF, "DEFAULT expression");
    case RW_W_VALUES: return name_in_parens(p, RW_E_VALUES_OF, "VALUES function");
    case RW_W_DATE:
    case RW_W_TIME:
    case RW_W_TIMESTAMP:
        if (rw__kind(p, 1) == RW_TOK_STRING) return tokens(p, RW_E_LITERAL, 2);
        break;
    default: break;
    }
    if (is_values_of(p, 0)) return name_in_parens(p, RW_E_VALUES_OF, "VALUE function");
    if (is_sequence_value(p)) return sequence_value(p);
    if (rw__call_starts(p)) return rw__call(p);
    if (is_introducer(p)) return string(p, 2);
    return column(p);
}

rw_expr *rw__parens(rw__parser *p)
{
    uint32_t tok = p->pos;
    rw__exprs kids;
    rw__expect(p, RW_OP_LPAREN, "expression in parentheses");
    rw_expr *e;
    if (rw__query_starts(p, 0) && !is_values_of(p, 0)) {
        e = rw__node(p, RW_E_SUBQUERY, tok);
        e->query = rw__query(p);
        rw__expect(p, RW_OP_RPAREN, "subquery");
        return rw__done(p, e);
    }
    e = rw__expr(p);
    if (e->kind == RW_E_SUBQUERY && e->tok == tok + 1 && rw__query_goes_on(p)) {
        e->query = rw__query_after(p, e->query, e->tok);
        e->tok = tok;
    } else if (rw__is(p, RW_OP_COMMA)) {
        rw_expr *list = rw__node(p, RW_E_OP, tok);
        rw__exprs_init(&kids);
        rw__exprs_add(&kids, e);
        while (rw__accept(p, RW_OP_COMMA)) rw__exprs_add(&kids, rw__expr(p));
        list->kids = kids.first;
        list->op = RW_OP_LPAREN;
        e = list;
    }
    e->tok = tok;
    e->parenthesised = e->kind != RW_E_SUBQUERY;
    rw__expect(p, RW_OP_RPAREN, "expression in parentheses");
    return rw__done(p, e);
}

rw_expr *rw__subquery(rw__parser *p, const char *what)
{
    rw_expr *e = rw__parens(p);
    if (e->kind != RW_E_SUBQUERY) rw__fail(p, what);
    return e;
}

rw_expr *rw__primary(rw__parser *p)
{
    switch ((rw_token_kind)rw__kind(p, 0)) {
    case RW_TOK_NUMBER:
    case RW_TOK_HEX: return tokens(p, RW_E_LITERAL, 1);
    case RW_TOK_STRING: return string(p, 1);
    case RW_TOK_PARAM: return tokens(p, RW_E_PARAM, 1);
    case RW_TOK_USERVAR: return user_variable(p);
    case RW_TOK_SYSVAR: return system_variable(p);
    case RW_TOK_QUOTED: return rw__call_starts(p) ? rw__call(p) : column(p);
    case RW_TOK_IDENT: return by_word(p);
    case RW_TOK_OP:
        if (rw__is(p, RW_OP_LPAREN)) return rw__parens(p);
        if (rw__is(p, RW_OP_LBRACE)) return odbc(p);
        if (rw__is(p, RW_OP_DOT)) return column(p);
        break;
    case RW_TOK_END:
    case RW_TOK_BAD: break;
    }
    rw__fail(p, "expression");
    return rw__node(p, RW_E_LITERAL, p->pos);
}
