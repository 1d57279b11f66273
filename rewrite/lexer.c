/* Bytes to tokens, as the server's own lexer would cut them.
 *
 * Where a server would answer with a syntax error, or where its reading of malformed bytes is not worth
 * following, the token is RW_TOK_BAD, and the statement is refused if it matters: the one thing that must not
 * happen is a different cut. The rules were compared with MySQL 9.7 and MariaDB 10.11. */
#include "rows.h"
#include "spelling.h"

enum { MAX_BYTES = 1 << 30 }; /* so that positions with a little added cannot wrap */

static inline int at(const rw_lexer *l, uint32_t pos)
{
    return pos < l->n ? (unsigned char)l->p[pos] : 0;
}

/* What a byte can be part of: white space, a decimal or a hexadecimal number, an unquoted name in ASCII; a
 * byte over 0x7F may be part of a name, which is looked at later. */
enum { SPACE = 1, DIGIT = 2, HEX = 4, NAME = 8, HIGH = 16 };

#define TEN(what) what, what, what, what, what, what, what, what, what, what
#define SIXTEEN(what) TEN(what), what, what, what, what, what, what

/* clang-format off */
static const uint8_t bytes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, SPACE, SPACE, SPACE, SPACE, SPACE, 0, 0, SIXTEEN(0),
    SPACE, 0, 0, 0, NAME, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* `$` is the one */
    TEN(DIGIT | HEX | NAME), 0, 0, 0, 0, 0, 0,
    0, NAME | HEX, NAME | HEX, NAME | HEX, NAME | HEX, NAME | HEX, NAME | HEX, TEN(NAME), TEN(NAME), 0, 0, 0, 0, NAME,
    0, NAME | HEX, NAME | HEX, NAME | HEX, NAME | HEX, NAME | HEX, NAME | HEX, TEN(NAME), TEN(NAME), 0, 0, 0, 0, 0,
    SIXTEEN(HIGH), SIXTEEN(HIGH), SIXTEEN(HIGH), SIXTEEN(HIGH),
    SIXTEEN(HIGH), SIXTEEN(HIGH), SIXTEEN(HIGH), SIXTEEN(HIGH),
};
/* clang-format on */

static inline bool is_space(int c)
{
    return (bytes[(unsigned char)c] & SPACE) != 0;
}

static inline bool is_digit(int c)
{
    return (bytes[(unsigned char)c] & DIGIT) != 0;
}

static inline bool is_hex(int c)
{
    return (bytes[(unsigned char)c] & HEX) != 0;
}

/* Could begin or go on an unquoted name. */
static inline bool is_name_byte(int c)
{
    return (bytes[(unsigned char)c] & (NAME | HIGH)) != 0;
}

/* ---- white space and comments ---- */

/* Passes over a comment's text up to and with its end. nested: one level of comments inside it counts. */
static bool skip_comment(rw_lexer *l, bool nested)
{
    while (l->pos < l->n) {
        int c = at(l, l->pos), d = at(l, l->pos + 1);
        if (c == '*' && d == '/') {
            l->pos += 2;
            return true;
        }
        if (nested && c == '/' && d == '*') {
            l->pos += 2;
            if (!skip_comment(l, false)) return false;
            continue;
        }
        l->pos++;
    }
    return false;
}

static bool version_runs(const rw_lexer *l, uint32_t version, bool maria)
{
    if (version > l->server.version) return false;
    if (l->server.flavour == RW_MYSQL || maria) return true;
    return version < 50700 || version > 99999;
}

enum { SIX_DIGITS_KNOWN = 90704 }; /* the MySQL that was asked how it reads six digits */

/* The digits of a version comment, 0 to 6: fewer than five are code. MySQL takes six where white space
 * follows, else five. False: an older one, which may take five all the same, and that makes a difference. */
static bool version_digits(const rw_lexer *l, uint32_t *digits, uint32_t *version)
{
    uint32_t n = 0, v = 0;
    while (n < 6 && is_digit(at(l, l->pos + n))) v = v * 10 + (uint32_t)(at(l, l->pos + n++) - '0');
    if (n < 5) n = v = 0;
    if (n == 6 && l->server.flavour == RW_MYSQL) {
        if (!is_space(at(l, l->pos + n)))
            n = 5, v /= 10;
        else if (l->server.version < SIX_DIGITS_KNOWN && v / 10 <= l->server.version)
            return false;
    }
    *digits = n, *version = v;
    return true;
}

/* At a slash and star and `!` or `M!`: enters a version comment that runs, skips one that does not. */
static bool version_comment(rw_lexer *l, uint8_t *space)
{
    bool maria = at(l, l->pos + 2) == 'M';
    uint32_t digits, version;
    l->pos += maria ? 4 : 3;
    if (!version_digits(l, &digits, &version)) return false;
    if (digits > 0 && !version_runs(l, version, maria)) return skip_comment(l, true);
    if (l->in_version) return false; /* each server has its own idea of where that ends */
    l->pos += digits;
    l->in_version = l->version_comment = true;
    *space |= RW_SPACE_OPENED;
    return true;
}

/* At a slash and a star. */
static bool block_comment(rw_lexer *l, uint8_t *space)
{
    int c = at(l, l->pos + 2);
    bool mariadb = l->server.flavour == RW_MARIADB;
    if (c == '!' || (mariadb && c == 'M' && at(l, l->pos + 3) == '!')) return version_comment(l, space);
    if (c == '+' && !mariadb) l->hints = true;
    l->pos += 2;
    return skip_comment(l, false);
}

/* To the end of the line. A NUL ends the comment in the servers' eyes, and is an error after it. */
static bool line_comment(rw_lexer *l)
{
    while (l->pos < l->n && l->p[l->pos] != '\n') {
        if (l->p[l->pos] == '\0') return false;
        l->pos++;
    }
    return true;
}

static bool starts_dash_comment(const rw_lexer *l)
{
    if (at(l, l->pos + 1) != '-') return false;
    int c = at(l, l->pos + 2); /* 0 at the end of input, too */
    return is_space(c) || c < 0x20 || c == 0x7f;
}

/* False: an unclosed comment, or worse. */
static bool skip_space(rw_lexer *l, uint8_t *space)
{
    for (;;) {
        int c = at(l, l->pos);
        bool ok = true;
        if (is_space(c)) {
            l->pos++;
        } else if (c == '#' || (c == '-' && starts_dash_comment(l))) {
            ok = line_comment(l);
        } else if (c == '/' && at(l, l->pos + 1) == '*') {
            ok = block_comment(l, space);
        } else if (c == '*' && l->in_version && at(l, l->pos + 1) == '/') {
            l->in_version = false;
            l->pos += 2;
            *space |= RW_SPACE_CLOSED;
        } else {
            return true;
        }
        *space |= RW_SPACE;
        if (!ok) return false;
    }
}

/* ---- names and numbers ---- */

/* Is the byte by itself one of a name: a letter, or the first byte of a longer character? */
static bool byte_in_name(rw_charset cs, int c)
{
    if (c < 0x80) return (bytes[c] & NAME) != 0;
    switch (cs) {
    case RW_CHARSET_GBK:
    case RW_CHARSET_GB18030: return c > 0x80 && c < 0xFF;
    case RW_CHARSET_BIG5: return c > 0xA0 && c < 0xFA;
    case RW_CHARSET_SJIS:
    case RW_CHARSET_CP932: return (c > 0x80 && c < 0xA0) || (c > 0xDF && c < 0xFD);
    case RW_CHARSET_EUCKR: return c > 0xA0 && c < 0xF8; /* in all of them */
    case RW_CHARSET_SAFE:
    case RW_CHARSET_SINGLE:
    case RW_CHARSET_UNKNOWN: break;
    }
    return true;
}

/* Are all bytes of a character of len bytes bytes of a name? */
static bool whole_in_name(const rw_lexer *l, uint32_t len)
{
    for (uint32_t i = 1; i < len; i++) {
        if (!byte_in_name(l->ctx->charset, at(l, l->pos + i))) return false;
    }
    return true;
}

/* Goes to the end of an unquoted name. False: bytes that the character set does not allow there. bytes_only:
 * after a dot, a digit first, or after `@`. There MySQL goes by bytes, not by characters, and a trail byte
 * that is none of a name ends it. */
static bool scan_name(rw_lexer *l, bool bytes_only)
{
    for (;;) {
        while (l->pos < l->n && (bytes[(unsigned char)l->p[l->pos]] & NAME) != 0) l->pos++;
        if (l->pos >= l->n || (unsigned char)l->p[l->pos] < 0x80) return true;
        uint32_t len = rw__char_len(l->ctx->charset, l->p + l->pos, l->n - l->pos);
        if (len == 1 && !rw__is_letter(l->ctx, l->p[l->pos])) return false;
        if (bytes_only && !whole_in_name(l, len)) return false;
        l->pos += len;
    }
}

static rw_token token(const rw_lexer *l, uint32_t off, rw_token_kind kind, unsigned word)
{
    return (rw_token){.off = off, .len = l->pos - off, .kind = (uint8_t)kind, .word = (uint16_t)word};
}

static rw_token bad(rw_lexer *l, uint32_t off)
{
    if (l->pos <= off && off < l->n) l->pos = off + 1;
    return token(l, off, RW_TOK_BAD, 0);
}

/* $tag$ … $tag$ is a string to newer MySQL servers. */
static bool dollar_quote(const rw_lexer *l, uint32_t off)
{
    if (l->server.flavour != RW_MYSQL || at(l, off) != '$') return false;
    return memchr(l->p + off + 1, '$', l->pos - off - 1) != NULL;
}

static rw_token lex_name(rw_lexer *l, uint32_t off, bool only_name)
{
    if (!scan_name(l, only_name) || dollar_quote(l, off)) return bad(l, off);
    if (only_name || (at(l, l->pos) == '.' && is_name_byte(at(l, l->pos + 1))))
        return token(l, off, RW_TOK_IDENT, RW_WORD_NONE);
    return token(l, off, RW_TOK_IDENT, rw__word_find(l->p + off, l->pos - off));
}

static void skip_digits(rw_lexer *l)
{
    while (is_digit(at(l, l->pos))) l->pos++;
}

/* At an `e` or `E`: takes it with its digits. False, and nothing taken, where no digits follow. */
static bool exponent(rw_lexer *l)
{
    uint32_t p = l->pos + 1;
    int c = at(l, p);
    if (c == '+' || c == '-') c = at(l, ++p);
    if (!is_digit(c)) return false;
    l->pos = p;
    skip_digits(l);
    return true;
}

static bool is_e(int c)
{
    return c == 'e' || c == 'E';
}

/* After the point of a number. */
static rw_token lex_fraction(rw_lexer *l, uint32_t off)
{
    skip_digits(l);
    if (is_e(at(l, l->pos)) && !exponent(l)) return bad(l, off);
    return token(l, off, RW_TOK_NUMBER, 0);
}

/* 0x… and 0b…, in lower case only. */
static bool lex_prefixed(rw_lexer *l, uint32_t off, rw_token *out)
{
    int kind = at(l, off + 1);
    if (at(l, off) != '0' || (kind != 'x' && kind != 'b')) return false;
    uint32_t p = off + 2;
    while (kind == 'x' ? is_hex(at(l, p)) : (at(l, p) == '0' || at(l, p) == '1')) p++;
    if (p == off + 2 || is_name_byte(at(l, p))) return false;
    l->pos = p;
    *out = token(l, off, RW_TOK_HEX, 0);
    return true;
}

/* A digit first: a number, or a name such as 1abc. */
static rw_token lex_number(rw_lexer *l, uint32_t off)
{
    rw_token t;
    if (lex_prefixed(l, off, &t)) return t;
    skip_digits(l);
    int c = at(l, l->pos);
    if (is_e(c) && exponent(l)) return token(l, off, RW_TOK_NUMBER, 0);
    if (is_name_byte(c)) {
        bool raw = c >= 0x80 && l->ctx->charset == RW_CHARSET_SINGLE; /* MySQL takes it for UTF-8 then */
        if (raw || !scan_name(l, true)) return bad(l, off);
        return token(l, off, RW_TOK_IDENT, RW_WORD_NONE);
    }
    if (c != '.') return token(l, off, RW_TOK_NUMBER, 0);
    l->pos++;
    return lex_fraction(l, off);
}

/* ---- quotes ---- */

/* From after the opening quote to after the closing one. */
static bool scan_string(rw_lexer *l, char quote)
{
    bool escapes = (l->ctx->sql_mode & RW_MODE_NO_BACKSLASH_ESCAPES) == 0;
    while (l->pos < l->n) {
        char c = l->p[l->pos];
        if ((unsigned char)c >= 0x80) {
            l->pos += rw__char_len(l->ctx->charset, l->p + l->pos, l->n - l->pos);
        } else if (c == '\\' && escapes) {
            l->pos += 2; /* one byte is escaped, also where it begins a longer character */
        } else if (c != quote) {
            l->pos++;
        } else {
            l->pos++;
            if (l->pos >= l->n || l->p[l->pos] != quote) return true;
            l->pos++;
        }
    }
    return false;
}

/* The same for a quoted name: no escapes. The servers step over a broken character by its first byte alone,
 * and may so miss a quote: a name with one is refused. They halve doubled quotes byte by byte, MariaDB in
 * every name and MySQL where there are any: one with a trail byte that looks like the quote is refused, too.
 */
static bool scan_quoted(rw_lexer *l, char quote)
{
    bool doubled = l->server.flavour == RW_MARIADB;
    uint32_t from = l->pos;
    while (l->pos < l->n) {
        char c = l->p[l->pos];
        if (c == '\0') return false;
        if ((unsigned char)c >= 0x80) {
            uint32_t len = rw__char_len(l->ctx->charset, l->p + l->pos, l->n - l->pos);
            if (len == 1 && l->ctx->charset != RW_CHARSET_SINGLE) return false;
            l->pos += len;
            continue;
        }
        l->pos++;
        if (c != quote) continue;
        if (l->pos >= l->n || l->p[l->pos] != quote)
            return !doubled ||
                   !rw__trail_tick(l->ctx->charset, b_slice_of(l->p + from, l->pos - from), quote);
        doubled = true;
        l->pos++;
    }
    return false;
}

static rw_token lex_quote(rw_lexer *l, uint32_t off)
{
    char q = l->p[off];
    bool name = q == '`' || (q == '"' && (l->ctx->sql_mode & RW_MODE_ANSI_QUOTES) != 0);
    l->pos = off + 1;
    if (!(name ? scan_quoted(l, q) : scan_string(l, q))) {
        l->pos = l->n;
        return token(l, off, RW_TOK_BAD, 0);
    }
    return token(l, off, name ? RW_TOK_QUOTED : RW_TOK_STRING, 0);
}

/* x'…' and b'…' */
static rw_token lex_hex_string(rw_lexer *l, uint32_t off)
{
    bool hex = at(l, off) == 'x' || at(l, off) == 'X';
    uint32_t p = off + 2;
    while (hex ? is_hex(at(l, p)) : (at(l, p) == '0' || at(l, p) == '1')) p++;
    bool odd = hex && (p - off) % 2 != 0;
    l->pos = p < l->n ? p + 1 : l->n;
    if (at(l, p) != '\'' || odd) return bad(l, off);
    return token(l, off, RW_TOK_HEX, 0);
}

/* ---- the rest ---- */

static rw_token lex_at(rw_lexer *l, uint32_t off)
{
    int c = at(l, off + 1);
    l->pos = off + 1;
    if (c == '@') {
        l->pos++;
        return token(l, off, RW_TOK_SYSVAR, 0);
    }
    if (c == '`' || c == '"' || c == '\'') {
        rw_token t = lex_quote(l, off + 1);
        return token(l, off, t.kind == RW_TOK_BAD ? RW_TOK_BAD : RW_TOK_USERVAR, 0);
    }
    for (;;) {
        if (!scan_name(l, true)) return bad(l, off);
        if (at(l, l->pos) != '.') return token(l, off, RW_TOK_USERVAR, 0);
        l->pos++;
    }
}

typedef struct op_text {
    char text[4];
    uint16_t op;
} op_text;

/* Those that begin alike stand together, longer ones before their beginnings. */
static const op_text ops[] = {
    {"<=>", RW_OP_NULL_SAFE_EQ}, {"<=", RW_OP_LE},       {"<>", RW_OP_NE},
    {"<<", RW_OP_SHIFT_LEFT},    {"<", RW_OP_LT},        {">=", RW_OP_GE},
    {">>", RW_OP_SHIFT_RIGHT},   {">", RW_OP_GT},        {"!=", RW_OP_NE},
    {"!!", RW_OP_BANG}, /* by MySQL these three are read as a `!` alone */
    {"!<", RW_OP_BANG},          {"!>", RW_OP_BANG},     {"!", RW_OP_BANG},
    {":=", RW_OP_ASSIGN},        {":", RW_OP_COLON},     {"->>", RW_OP_ARROW_TEXT},
    {"->", RW_OP_ARROW},         {"-", RW_OP_MINUS},     {"||", RW_OP_OR_PIPES},
    {"|", RW_OP_BIT_OR},         {"&&", RW_OP_AND_AMPS}, {"&", RW_OP_BIT_AND},
    {"(", RW_OP_LPAREN},         {")", RW_OP_RPAREN},    {",", RW_OP_COMMA},
    {";", RW_OP_SEMICOLON},      {"*", RW_OP_STAR},      {"+", RW_OP_PLUS},
    {"/", RW_OP_SLASH},          {"%", RW_OP_PERCENT},   {"=", RW_OP_EQ},
    {"^", RW_OP_BIT_XOR},        {"~", RW_OP_BIT_NOT},   {"{", RW_OP_LBRACE},
    {"}", RW_OP_RBRACE},
};

/* Where in ops those that begin with a byte begin, counted from 1; 0: there are none. */
static const uint8_t ops_from[128] = {
    ['<'] = 1,  ['>'] = 6,  ['!'] = 9,  [':'] = 14, ['-'] = 16, ['|'] = 19, ['&'] = 21,
    ['('] = 23, [')'] = 24, [','] = 25, [';'] = 26, ['*'] = 27, ['+'] = 28, ['/'] = 29,
    ['%'] = 30, ['='] = 31, ['^'] = 32, ['~'] = 33, ['{'] = 34, ['}'] = 35,
};

static bool op_matches(const rw_lexer *l, uint32_t off, const op_text *o)
{
    bool mysql =
        o->op == RW_OP_ARROW || o->op == RW_OP_ARROW_TEXT || (o->op == RW_OP_BANG && o->text[1] != '\0');
    if (l->server.flavour == RW_MARIADB && mysql) return false;
    for (uint32_t i = 1; o->text[i] != '\0'; i++)
        if (at(l, off + i) != o->text[i]) return false;
    return true;
}

static rw_token lex_op(rw_lexer *l, uint32_t off)
{
    int c = at(l, off);
    size_t i = c < 128 ? ops_from[c] : 0;
    for (; i > 0 && i <= sizeof ops / sizeof ops[0] && ops[i - 1].text[0] == c; i++) {
        if (!op_matches(l, off, &ops[i - 1])) continue;
        l->pos = off + (uint32_t)strlen(ops[i - 1].text);
        return token(l, off, RW_TOK_OP, ops[i - 1].op);
    }
    return bad(l, off);
}

static rw_token lex_dot(rw_lexer *l, uint32_t off, bool hard_after_name)
{
    l->pos = off + 1;
    int c = at(l, l->pos);
    if (is_digit(c) && !hard_after_name) return lex_fraction(l, off);
    l->after_dot = is_name_byte(c);
    return token(l, off, RW_TOK_OP, RW_OP_DOT);
}

/* `\N`, which MariaDB still takes for NULL; and `?`. */
static rw_token lex_odd(rw_lexer *l, uint32_t off, int c)
{
    if (c == '?') {
        l->pos = off + 1;
        if (is_name_byte(at(l, l->pos))) return bad(l, off);
        return token(l, off, RW_TOK_PARAM, 0);
    }
    if (at(l, off + 1) != 'N' || l->server.flavour != RW_MARIADB) return bad(l, off);
    l->pos = off + 2;
    return token(l, off, RW_TOK_IDENT, RW_W_NULL);
}

static bool starts_hex_string(const rw_lexer *l, uint32_t off, int c)
{
    return at(l, off + 1) == '\'' && (c == 'x' || c == 'X' || c == 'b' || c == 'B');
}

static rw_token lex_one(rw_lexer *l, bool only_name, bool hard_after_name)
{
    uint32_t off = l->pos;
    if (off >= l->n) return token(l, off, l->in_version ? RW_TOK_BAD : RW_TOK_END, 0);
    int c = at(l, off);
    if (only_name) return lex_name(l, off, true);
    if (is_digit(c)) return lex_number(l, off);
    if (starts_hex_string(l, off, c)) return lex_hex_string(l, off);
    if (is_name_byte(c)) return lex_name(l, off, false);
    if (c == '\'' || c == '"' || c == '`') return lex_quote(l, off);
    if (c == '@') return lex_at(l, off);
    if (c == '.') return lex_dot(l, off, hard_after_name);
    if (c == '?' || c == '\\') return lex_odd(l, off, c);
    return lex_op(l, off);
}

rw_token rw__lex_next(rw_lexer *l)
{
    uint8_t space = 0;
    bool only_name = l->after_dot, after_name = l->after_name;
    l->after_dot = l->after_name = false;
    if (!only_name && !skip_space(l, &space)) {
        rw_token t = token(l, l->pos, RW_TOK_BAD, 0);
        t.space_before = space;
        return t;
    }
    rw_token t = lex_one(l, only_name, after_name && space == 0);
    t.space_before = space;
    l->after_name = t.kind == RW_TOK_IDENT;
    return t;
}

/* Room for the tokens grows by doubling; what is left behind goes with the arena. */
static rw_token *grow(b_arena *arena, rw_token *old, size_t n, size_t room)
{
    rw_token *tok = room > SIZE_MAX / sizeof *tok ? NULL : b_arena_alloc(arena, room * sizeof *tok);
    if (tok != NULL && n > 0) memcpy(tok, old, n * sizeof *tok);
    return tok;
}

static b_status lex_all(rw_lexer *l, rw__rows *rows, size_t room, b_arena *arena, rw_tokens *out)
{
    size_t n = 0;
    rw_token *tok = grow(arena, NULL, 0, room);
    for (;;) {
        if (tok == NULL) return B_NOMEM;
        rw_token t = rw__lex_next(l);
        if (n + 2 > room) tok = grow(arena, tok, n, room *= 2);
        if (tok == NULL) return B_NOMEM;
        tok[n] = t;
        if (t.kind == RW_TOK_END) break;
        if (rows != NULL && !rows->done) rw__rows_see(rows, l, tok, (uint32_t)n);
        n++;
        if (t.kind != RW_TOK_BAD) continue;
        tok[n] = (rw_token){.off = l->n, .kind = RW_TOK_END};
        break;
    }
    *out = (rw_tokens){.sql = {l->p, l->n},
                       .tok = tok,
                       .n = (uint32_t)n,
                       .version_comment = l->version_comment,
                       .hints = l->hints};
    if (rows != NULL && rows->passed) out->rows_from = rows->from[0], out->rows_to = rows->to[1];
    return B_OK;
}

b_status rw_lex(const rw_ctx *ctx, rw_server server, b_slice sql, b_arena *arena, rw_tokens *out)
{
    if (sql.n > MAX_BYTES) return B_TOO_BIG;
    rw_lexer l = {.p = sql.p, .n = (uint32_t)sql.n, .ctx = ctx, .server = server};
    return lex_all(&l, NULL, sql.n / 4 + 16, arena, out);
}

b_status rw__lex_rows(const rw_ctx *ctx, rw_server server, b_slice sql, b_arena *arena, rw_tokens *out)
{
    rw__rows rows = {.n = 0};
    if (sql.n < RW__ROWS_LEAST || sql.n > MAX_BYTES) return rw_lex(ctx, server, sql, arena, out);
    rw_lexer l = {.p = sql.p, .n = (uint32_t)sql.n, .ctx = ctx, .server = server};
    return lex_all(&l, &rows, RW__ROWS_LEAST, arena, out);
}
