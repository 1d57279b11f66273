/* See type.h. Types are compared by their text, as information_schema spells them. */
#include "type.h"

#include <stdlib.h>

typedef struct type {
    b_slice word;  /* the first word: "int" */
    uint32_t a, b; /* what stands in brackets: length or precision, scale */
    bool has_a;    /* something stands there */
    bool is_unsigned;
} type;

static uint32_t number(b_slice s, size_t *at)
{
    uint32_t n = 0;
    while (*at < s.n && s.p[*at] == ' ') (*at)++;
    for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9' && n < 100000000; (*at)++)
        n = n * 10 + (uint32_t)(s.p[*at] - '0');
    return n;
}

static type parse(b_slice text)
{
    type t = {.word = text};
    size_t at = 0;
    while (at < text.n && text.p[at] != '(' && text.p[at] != ' ') at++;
    t.word.n = at;
    while (at < text.n && text.p[at] == ' ') at++;
    if (at < text.n && text.p[at] == '(') {
        at++;
        t.has_a = true;
        t.a = number(text, &at);
        while (at < text.n && text.p[at] == ' ') at++;
        if (at < text.n && text.p[at] == ',') {
            at++;
            t.b = number(text, &at);
        }
    }
    t.is_unsigned = b_slice_find(text, B_LIT("unsigned")) != (size_t)-1 ||
                    b_slice_find(text, B_LIT("UNSIGNED")) != (size_t)-1;
    return t;
}

bool rw__type_is(b_slice text, const char *word)
{
    return b_slice_ieq(parse(text).word, b_slice_str(word));
}

/* Bytes of an integer type; 0 for others. */
static unsigned int_bytes(const type *t)
{
    static const struct {
        const char *word;
        unsigned bytes;
    } ints[] = {{"tinyint", 1}, {"smallint", 2}, {"mediumint", 3}, {"int", 4}, {"integer", 4}, {"bigint", 8}};
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++)
        if (b_slice_ieq(t->word, b_slice_str(ints[i].word))) return ints[i].bytes;
    return 0;
}

static bool word_in(const type *t, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (b_slice_ieq(t->word, b_slice_str(words[i]))) return true;
    return false;
}
#define IN(t, ...)                                                                                           \
    word_in((t), (const char *const[]){__VA_ARGS__},                                                         \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static bool is_text(const type *t)
{
    return IN(t, "char", "varchar", "tinytext", "text", "mediumtext", "longtext");
}

static bool is_list(const type *t)
{
    return IN(t, "enum", "set");
}

/* The character set's name, out of a collation's. */
static b_slice charset_of(b_slice collation)
{
    size_t n = 0;
    while (n < collation.n && collation.p[n] != '_') n++;
    return b_slice_of(collation.p, n);
}

static bool charset_fits(const rw_column *a, const rw_column *b)
{
    b_slice x = charset_of(a->collation), y = charset_of(b->collation);
    bool three = b_slice_ieq(x, B_LIT("utf8mb3")) || b_slice_ieq(x, B_LIT("utf8"));
    return b_slice_ieq(x, y) || b_slice_ieq(x, B_LIT("ascii")) || (three && b_slice_ieq(y, B_LIT("utf8mb4")));
}

/* Characters that certainly have room. */
static uint32_t text_room(const type *t)
{
    if (IN(t, "char", "varchar")) return t->has_a ? t->a : 1;
    if (b_slice_ieq(t->word, B_LIT("tinytext"))) return 255 / 4;
    if (b_slice_ieq(t->word, B_LIT("text"))) return 65535 / 4;
    return 16777215 / 4;
}

static bool ints_fit(const type *a, const type *b)
{
    unsigned x = int_bytes(a), y = int_bytes(b);
    if (a->is_unsigned == b->is_unsigned) return x <= y;
    return a->is_unsigned && x < y;
}

static bool decimals_fit(const type *a, const type *b)
{
    uint32_t pa = a->has_a ? a->a : 10, pb = b->has_a ? b->a : 10;
    return b->b >= a->b && pb - b->b >= pa - a->b && (a->is_unsigned || !b->is_unsigned);
}

bool rw__type_fits(const rw_column *a, const rw_column *b)
{
    type x = parse(a->type), y = parse(b->type);
    if (a->nullable && !b->nullable) return false;
    if (b_slice_ieq(a->type, b->type)) return charset_fits(a, b);
    if (int_bytes(&x) != 0 && int_bytes(&y) != 0) return ints_fit(&x, &y);
    if (IN(&x, "decimal") && IN(&y, "decimal")) return decimals_fit(&x, &y);
    if (is_text(&x) && is_text(&y) && !IN(&y, "char"))
        return charset_fits(a, b) && text_room(&x) <= text_room(&y);
    if (IN(&x, "datetime") && IN(&y, "datetime")) return x.a <= y.a;
    if (IN(&x, "timestamp") && IN(&y, "timestamp")) return x.a <= y.a;
    return false;
}

bool rw__type_alike(const rw_column *a, const rw_column *b)
{
    type x = parse(a->type), y = parse(b->type);
    if (b_slice_ieq(a->type, b->type)) return b_slice_ieq(a->collation, b->collation);
    if (int_bytes(&x) != 0 && int_bytes(&y) != 0) return true;
    if (is_text(&x) && is_text(&y)) return b_slice_ieq(a->collation, b->collation);
    if (IN(&x, "datetime", "timestamp") && IN(&y, "datetime", "timestamp")) return x.a == y.a;
    return false;
}

bool rw__type_zoned(const rw_column *c)
{
    return rw__type_is(c->type, "timestamp");
}

static void cast_text(const rw_column *c, b_buf *before, b_buf *after)
{
    b_slice charset = charset_of(c->collation);
    if (charset.n == 0) {
        b_buf_str(before, "("), b_buf_str(after, ")");
        return;
    }
    b_buf_str(before, "(CONVERT(");
    b_buf_printf(after, " USING %.*s) COLLATE %.*s)", B_ARG(charset), B_ARG(c->collation));
}

void rw__type_cast(rw_flavour flavour, const rw_column *c, b_buf *before, b_buf *after)
{
    type t = parse(c->type);
    if (is_text(&t) || is_list(&t)) {
        cast_text(c, before, after);
        return;
    }
    bool known = true;
    if (int_bytes(&t) != 0)
        b_buf_printf(after, " AS %s)", t.is_unsigned ? "UNSIGNED" : "SIGNED");
    else if (IN(&t, "decimal"))
        b_buf_printf(after, " AS DECIMAL(%u,%u))", t.has_a ? t.a : 10, t.b);
    else if (IN(&t, "double") || (IN(&t, "float") && flavour == RW_MARIADB))
        b_buf_str(after, " AS DOUBLE)");
    else if (IN(&t, "float"))
        b_buf_str(after, " AS FLOAT)");
    else if (IN(&t, "datetime", "timestamp"))
        b_buf_printf(after, " AS DATETIME(%u))", t.a);
    else if (IN(&t, "time"))
        b_buf_printf(after, " AS TIME(%u))", t.a);
    else if (IN(&t, "date"))
        b_buf_str(after, " AS DATE)");
    else if (IN(&t, "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"))
        b_buf_str(after, " AS BINARY)");
    else
        known = false;
    b_buf_str(before, known ? "CAST(" : "(");
    if (!known) b_buf_str(after, ")");
}

size_t rw__type_word(b_slice text)
{
    return parse(text).word.n;
}

/* Most bytes of a character. */
static uint64_t char_bytes(const rw_column *c)
{
    static const struct {
        const char *charset;
        uint64_t bytes;
    } wide[] = {{"utf8mb4", 4}, {"gb18030", 4}, {"utf16", 4},   {"utf32", 4},  {"utf8mb3", 3},
                {"utf8", 3},    {"ujis", 3},    {"eucjpms", 3}, {"big5", 2},   {"gbk", 2},
                {"sjis", 2},    {"cp932", 2},   {"euckr", 2},   {"gb2312", 2}, {"ucs2", 2}};
    b_slice charset = charset_of(c->collation);
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
        if (b_slice_ieq(charset, b_slice_str(wide[i].charset))) return wide[i].bytes;
    return 1;
}

/* Of ENUM the longest member, of SET all of them with commas, in characters. */
static uint64_t list_length(b_slice text, bool all)
{
    uint64_t most = 0, sum = 0, n = 0, members = 0;
    bool in = false;
    for (size_t i = 0; i < text.n; i++) {
        bool quote = text.p[i] == '\'';
        if (quote && in && i + 1 < text.n && text.p[i + 1] == '\'') {
            n++, i++;
        } else if (quote) {
            if (in) most = n > most ? n : most, sum += n, members++;
            in = !in, n = 0;
        } else if (in && ((unsigned char)text.p[i] & 0xC0) != 0x80) {
            n++;
        }
    }
    return all ? sum + (members > 0 ? members - 1 : 0) : most;
}

static bool characters(const rw_column *c, const type *t, uint64_t *out)
{
    if (IN(t, "char", "varchar", "binary", "varbinary"))
        *out = t->has_a ? t->a : 1;
    else if (is_list(t))
        *out = list_length(c->type, b_slice_ieq(t->word, B_LIT("set")));
    else
        return false;
    return true;
}

static bool large(const type *t, uint64_t *out)
{
    if (IN(t, "tinytext", "tinyblob"))
        *out = 255;
    else if (IN(t, "text", "blob"))
        *out = 65535;
    else if (IN(t, "mediumtext", "mediumblob"))
        *out = 16777215;
    else if (IN(t, "longtext", "longblob"))
        *out = 4294967295;
    else
        return false;
    return true;
}

static bool precision(const type *t, uint64_t *out)
{
    static const uint64_t digits[] = {0, 3, 5, 7, 10, 0, 0, 0, 19};
    unsigned bytes = int_bytes(t);
    if (bytes > 0)
        *out = bytes == 8 && t->is_unsigned ? 20 : digits[bytes];
    else if (IN(t, "decimal"))
        *out = t->has_a ? t->a : 10;
    else if (IN(t, "float"))
        *out = t->has_a ? t->a : 12;
    else if (IN(t, "double"))
        *out = t->has_a ? t->a : 22;
    else if (IN(t, "bit"))
        *out = t->has_a ? t->a : 1;
    else
        return false;
    return true;
}

bool rw__type_fact(const rw_column *c, rw_type_fact fact, uint64_t *out)
{
    type t = parse(c->type);
    switch (fact) {
    case RW_TYPE_CHARACTERS: return characters(c, &t, out) || large(&t, out);
    case RW_TYPE_OCTETS:
        if (!characters(c, &t, out)) return large(&t, out);
        *out *= char_bytes(c);
        return true;
    case RW_TYPE_PRECISION: return precision(&t, out);
    case RW_TYPE_SCALE:
        *out = t.b;
        return int_bytes(&t) > 0 || IN(&t, "decimal") || (IN(&t, "float", "double") && t.has_a);
    case RW_TYPE_FRACTION: *out = t.a; return IN(&t, "datetime", "timestamp", "time");
    }
    return false;
}

void rw__type_now(rw_flavour flavour, const rw_column *c, b_buf *out)
{
    size_t paren = b_slice_find(c->type, B_LIT("("));
    bool digits = paren < c->type.n;
    b_buf_str(out, flavour == RW_MYSQL ? "CURRENT_TIMESTAMP" : "current_timestamp");
    if (digits)
        b_buf_add(out, c->type.p + paren, c->type.n - paren);
    else if (flavour == RW_MARIADB)
        b_buf_str(out, "()");
}
