/* Session settings from the server's words for them, and the shape of characters in each character set that
 * a client may use. */
#include "spelling.h"

/* swe7 is left out: it has letters in the places of `\`, `[` and `{`. letters: found by using each byte in an
 * unquoted name, on both servers; what is no letter is white space, or an error. */
/* clang-format off */
static const rw_charset_entry charsets[] = {
    {NULL, RW_CHARSET_UNKNOWN, NULL, {0}},
    {"utf8mb4", RW_CHARSET_SAFE, NULL, {0}},
    {"utf8", RW_CHARSET_SAFE, NULL, {0}},
    {"utf8mb3", RW_CHARSET_SAFE, NULL, {0}},
    {"gbk", RW_CHARSET_GBK, "GBK", {0}},
    {"big5", RW_CHARSET_BIG5, "BIG5", {0}},
    {"sjis", RW_CHARSET_SJIS, "SJIS", {0}},
    {"cp932", RW_CHARSET_CP932, "CP932", {0}},
    {"gb18030", RW_CHARSET_GB18030, "GB18030", {0}},
    {"euckr", RW_CHARSET_EUCKR, "CP949", {0}},
    {"gb2312", RW_CHARSET_EUCKR, "GB2312", {0}},
    {"eucjpms", RW_CHARSET_EUCKR, "EUC-JP-MS", {0}},
    {"ujis", RW_CHARSET_EUCKR, "EUC-JP", {0}},
    {"ascii", RW_CHARSET_SINGLE, NULL, {0}},
    {"binary", RW_CHARSET_SINGLE, NULL, {0}},
    {"latin1", RW_CHARSET_SINGLE, "CP1252", {0x08, 0x54, 0x00, 0xD4, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF}},
    {"latin2", RW_CHARSET_SINGLE, "ISO-8859-2", {0x00, 0x00, 0x00, 0x00, 0x6A, 0xDE, 0x6A, 0xDE, 0xFF, 0xFF, 0x7E, 0x7F, 0xFF, 0xFF, 0x7F, 0x7F}},
    {"latin5", RW_CHARSET_SINGLE, "ISO-8859-9", {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF}},
    {"latin7", RW_CHARSET_SINGLE, "ISO-8859-13", {0x01, 0x00, 0x00, 0x00, 0x00, 0x84, 0x00, 0x84, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0x7F}},
    {"cp850", RW_CHARSET_SINGLE, "CP850", {0xFF, 0xFF, 0xFF, 0x2F, 0x3F, 0x00, 0xE0, 0x00, 0xC0, 0x00, 0xFF, 0x41, 0xBF, 0x3F, 0x00, 0x00}},
    {"cp852", RW_CHARSET_SINGLE, "CP852", {0xFF, 0xFF, 0xFF, 0xBF, 0xFF, 0x3B, 0xE0, 0x61, 0xC0, 0x00, 0xFF, 0x61, 0xFF, 0x7F, 0x00, 0x38}},
    {"cp866", RW_CHARSET_SINGLE, "CP866", {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0x00}},
    {"cp1250", RW_CHARSET_SINGLE, "CP1250", {0x00, 0xF4, 0x00, 0xF4, 0xA8, 0x84, 0x08, 0xD6, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0x7F}},
    {"cp1251", RW_CHARSET_SINGLE, "CP1251", {0x0B, 0xF4, 0x01, 0xF4, 0x2E, 0x85, 0x1C, 0xF5, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
    {"cp1256", RW_CHARSET_SINGLE, "CP1256", {0x0A, 0x70, 0x01, 0x10, 0x00, 0x00, 0x00, 0x00, 0xFE, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0x1F}},
    {"cp1257", RW_CHARSET_SINGLE, "CP1257", {0x00, 0x00, 0x00, 0x00, 0x00, 0x85, 0x00, 0x85, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0x7F}},
    {"koi8r", RW_CHARSET_SINGLE, "KOI8-R", {0x00, 0x00, 0x00, 0x00, 0x08, 0x00, 0x08, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
    {"koi8u", RW_CHARSET_SINGLE, "KOI8-U", {0x00, 0x00, 0x00, 0x00, 0xD8, 0x20, 0xD8, 0x20, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
    {"greek", RW_CHARSET_SINGLE, "ISO-8859-7", {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0xD7, 0xFF, 0xFF, 0xFB, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F}},
    {"hebrew", RW_CHARSET_SINGLE, "ISO-8859-8", {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0x07}},
    {"tis620", RW_CHARSET_SINGLE, "TIS-620", {0}},
    {"armscii8", RW_CHARSET_SINGLE, NULL, {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F}},
    {"geostd8", RW_CHARSET_SINGLE, NULL, {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0x3F, 0x00, 0x00, 0x00}},
    {"macce", RW_CHARSET_SINGLE, "MAC-CENTRALEUROPE", {0xFF, 0xFF, 0xFF, 0xFF, 0x84, 0xC8, 0x33, 0xFF, 0x33, 0xF8, 0x00, 0xCF, 0xF3, 0xFF, 0xFF, 0x7F}},
    {"macroman", RW_CHARSET_SINGLE, NULL, {0xFE, 0xFF, 0xFF, 0xFF, 0x80, 0xC0, 0x00, 0xC0, 0x10, 0x30, 0x00, 0x03, 0xC0, 0xFF, 0x3E, 0x00}},
    {"dec8", RW_CHARSET_SINGLE, "DEC-MCS", {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF}},
    {"hp8", RW_CHARSET_SINGLE, "HP-ROMAN8", {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x20, 0xD0, 0x99, 0x1D, 0x00, 0x00, 0x00, 0x00}},
    {"keybcs2", RW_CHARSET_SINGLE, NULL, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xBF, 0x6F, 0x00, 0x00}},
};
/* clang-format on */

const rw_charset_entry *rw__charset_entry(uint8_t number)
{
    return &charsets[number < sizeof charsets / sizeof charsets[0] ? number : 0];
}

uint8_t rw_charset_number(b_slice name)
{
    for (size_t i = 1; i < sizeof charsets / sizeof charsets[0]; i++) {
        if (b_slice_ieq(name, b_slice_str(charsets[i].name))) return (uint8_t)i;
    }
    return 0;
}

rw_charset rw_charset_parse(b_slice name)
{
    return charsets[rw_charset_number(name)].charset;
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

bool rw__trail_tick(rw_charset cs, b_slice s, char tick)
{
    for (size_t i = 0; i < s.n;) {
        uint32_t len = rw__char_len(cs, s.p + i, s.n - i);
        if (len > 1 && s.p[i + len - 1] == tick) return true;
        i += len;
    }
    return false;
}
