/* Session settings from the server's words for them, and the shape of characters in each character set that
 * a client may use. */
#include "lexer.h"

typedef struct charset_name {
    const char *name;
    rw_charset charset;
} charset_name;

/* swe7 is left out: it has letters in the places of `\`, `[` and `{`. */
static const charset_name charsets[] = {
    {"utf8mb4", RW_CHARSET_SAFE},    {"utf8", RW_CHARSET_SAFE},       {"utf8mb3", RW_CHARSET_SAFE},
    {"gbk", RW_CHARSET_GBK},         {"big5", RW_CHARSET_BIG5},       {"sjis", RW_CHARSET_SJIS},
    {"cp932", RW_CHARSET_CP932},     {"gb18030", RW_CHARSET_GB18030}, {"euckr", RW_CHARSET_EUCKR},
    {"gb2312", RW_CHARSET_EUCKR},    {"eucjpms", RW_CHARSET_EUCKR},   {"ujis", RW_CHARSET_EUCKR},
    {"ascii", RW_CHARSET_SINGLE},    {"binary", RW_CHARSET_SINGLE},   {"latin1", RW_CHARSET_SINGLE},
    {"latin2", RW_CHARSET_SINGLE},   {"latin5", RW_CHARSET_SINGLE},   {"latin7", RW_CHARSET_SINGLE},
    {"cp850", RW_CHARSET_SINGLE},    {"cp852", RW_CHARSET_SINGLE},    {"cp866", RW_CHARSET_SINGLE},
    {"cp1250", RW_CHARSET_SINGLE},   {"cp1251", RW_CHARSET_SINGLE},   {"cp1256", RW_CHARSET_SINGLE},
    {"cp1257", RW_CHARSET_SINGLE},   {"koi8r", RW_CHARSET_SINGLE},    {"koi8u", RW_CHARSET_SINGLE},
    {"greek", RW_CHARSET_SINGLE},    {"hebrew", RW_CHARSET_SINGLE},   {"tis620", RW_CHARSET_SINGLE},
    {"armscii8", RW_CHARSET_SINGLE}, {"geostd8", RW_CHARSET_SINGLE},  {"macce", RW_CHARSET_SINGLE},
    {"macroman", RW_CHARSET_SINGLE}, {"dec8", RW_CHARSET_SINGLE},     {"hp8", RW_CHARSET_SINGLE},
    {"keybcs2", RW_CHARSET_SINGLE},
};

rw_charset rw_charset_parse(b_slice name)
{
    for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++) {
        if (b_slice_ieq(name, b_slice_str(charsets[i].name))) return charsets[i].charset;
    }
    return RW_CHARSET_UNKNOWN;
}

typedef struct mode_name {
    const char *name;
    uint32_t bits;
} mode_name;

/* Combination modes come from the server together with what they stand for; ANSI alone may be given by hand.
 */
static const mode_name modes[] = {
    {"ANSI_QUOTES", RW_MODE_ANSI_QUOTES},
    {"NO_BACKSLASH_ESCAPES", RW_MODE_NO_BACKSLASH_ESCAPES},
    {"PIPES_AS_CONCAT", RW_MODE_PIPES_AS_CONCAT},
    {"IGNORE_SPACE", RW_MODE_IGNORE_SPACE},
    {"HIGH_NOT_PRECEDENCE", RW_MODE_HIGH_NOT_PRECEDENCE},
    {"STRICT_TRANS_TABLES", RW_MODE_STRICT},
    {"STRICT_ALL_TABLES", RW_MODE_STRICT},
    {"TRADITIONAL", RW_MODE_STRICT},
    {"SIMULTANEOUS_ASSIGNMENT", RW_MODE_SIMULTANEOUS_ASSIGNMENT},
    {"ORACLE", RW_MODE_ORACLE},
    {"NO_AUTO_VALUE_ON_ZERO", RW_MODE_NO_AUTO_VALUE_ON_ZERO},
    {"EMPTY_STRING_IS_NULL", RW_MODE_EMPTY_STRING_IS_NULL},
    {"ANSI", RW_MODE_ANSI_QUOTES | RW_MODE_PIPES_AS_CONCAT | RW_MODE_IGNORE_SPACE},
};

static uint32_t mode_bits(b_slice word)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (b_slice_ieq(word, b_slice_str(modes[i].name))) return modes[i].bits;
    }
    return 0;
}

uint32_t rw_sql_mode_parse(b_slice text)
{
    uint32_t bits = 0;
    for (size_t i = 0, from = 0; i <= text.n; i++) {
        if (i < text.n && text.p[i] != ',') continue;
        bits |= mode_bits(b_slice_trim((b_slice){text.p + from, i - from}));
        from = i + 1;
    }
    return bits;
}

static bool in(unsigned c, unsigned lo, unsigned hi)
{
    return c >= lo && c <= hi;
}

/* Both bytes of a two-byte character. */
static bool two_bytes(rw_charset cs, unsigned a, unsigned b)
{
    switch (cs) {
    case RW_CHARSET_GBK:
    case RW_CHARSET_GB18030: return in(a, 0x81, 0xFE) && (in(b, 0x40, 0x7E) || in(b, 0x80, 0xFE));
    case RW_CHARSET_BIG5: return in(a, 0xA1, 0xF9) && (in(b, 0x40, 0x7E) || in(b, 0xA1, 0xFE));
    case RW_CHARSET_SJIS:
    case RW_CHARSET_CP932:
        return (in(a, 0x81, 0x9F) || in(a, 0xE0, 0xFC)) && (in(b, 0x40, 0x7E) || in(b, 0x80, 0xFC));
    case RW_CHARSET_EUCKR:
        return in(a, 0x81, 0xFE) && (in(b, 0x41, 0x5A) || in(b, 0x61, 0x7A) || in(b, 0x81, 0xFE));
    case RW_CHARSET_SAFE:
    case RW_CHARSET_SINGLE:
    case RW_CHARSET_UNKNOWN: break;
    }
    return false;
}

static bool follows(const unsigned char *p, size_t n, uint32_t from, uint32_t to)
{
    if (n < to) return false;
    for (uint32_t i = from; i < to; i++) {
        if ((p[i] & 0xC0) != 0x80) return false;
    }
    return true;
}

static uint32_t utf8_len(const unsigned char *p, size_t n)
{
    if (in(p[0], 0xC2, 0xDF)) return follows(p, n, 1, 2) ? 2 : 1;
    if (in(p[0], 0xE0, 0xEF)) {
        if (!follows(p, n, 1, 3) || (p[0] == 0xE0 && p[1] < 0xA0)) return 1;
        return 3;
    }
    if (in(p[0], 0xF0, 0xF4)) {
        if (!follows(p, n, 1, 4) || (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F)) return 1;
        return 4;
    }
    return 1;
}

uint32_t rw__char_len(rw_charset cs, const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] < 0x80 || n < 2) return 1;
    if (cs == RW_CHARSET_SAFE) return utf8_len(p, n);
    if (two_bytes(cs, p[0], p[1])) return 2;
    if (cs == RW_CHARSET_GB18030 && n >= 4 && in(p[0], 0x81, 0xFE) && in(p[1], 0x30, 0x39) &&
        in(p[2], 0x81, 0xFE) && in(p[3], 0x30, 0x39))
        return 4;
    return 1;
}
