/* See spelling.h. The characters of each set are those of iconv(3); tests/lexing compares them with the
 * servers' own, one by one. Where the two differ, or a character does not come back as it was, it is not
 * known. */
#include "spelling.h"

#include <iconv.h>

enum { CHAR_MAX_BYTES = 8 };

static bool is_ascii(b_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] >= 0x80) return false;
    }
    return true;
}

/* binary: the server takes the bytes for UTF-8. */
static bool alike(const rw_ctx *ctx, b_slice s)
{
    bool binary = ctx->spelling != 0 && ctx->charset == RW_CHARSET_SINGLE &&
                  strcmp(rw__charset_entry(ctx->spelling)->name, "binary") == 0;
    return ctx->charset == RW_CHARSET_SAFE || binary || is_ascii(s);
}

/* One character; 0 where there is none. */
static size_t convert(iconv_t how, const char *p, size_t n, char out[CHAR_MAX_BYTES])
{
    char *in = (char *)(uintptr_t)p, *to = out; /* which iconv does not write to */
    size_t left = n, room = CHAR_MAX_BYTES;
    iconv(how, NULL, NULL, NULL, NULL);
    if (iconv(how, &in, &left, &to, &room) != 0 || left > 0) return 0;
    return CHAR_MAX_BYTES - room;
}

/* Both ways between UTF-8 and the client's character set. */
typedef struct spelling {
    rw_charset charset;
    iconv_t decode, encode;
} spelling;

static bool open_spelling(const rw_ctx *ctx, spelling *s)
{
    const char *name = rw__charset_entry(ctx->spelling)->iconv;
    if (name == NULL) return false;
    *s = (spelling){ctx->charset, iconv_open("UTF-8", name), iconv_open(name, "UTF-8")};
    if (s->decode != (iconv_t)-1 && s->encode != (iconv_t)-1) return true;
    if (s->decode != (iconv_t)-1) iconv_close(s->decode);
    if (s->encode != (iconv_t)-1) iconv_close(s->encode);
    return false;
}

static void close_spelling(const spelling *s)
{
    iconv_close(s->decode), iconv_close(s->encode);
}

/* Letters of the basic plane, as names have them, and the Kelvin sign, which is taken for one. The servers
 * and iconv differ in symbols, in punctuation and in the few letters that are left out here. */
static bool is_letter(unsigned c)
{
    static const unsigned ranges[][2] = {{0xC0, 0x2BF},    {0x300, 0x379},   {0x37B, 0x670},
                                         {0x700, 0x1FFF},  {0x212A, 0x212A}, {0x3040, 0x9FB3},
                                         {0xAC00, 0xD7A3}, {0xF900, 0xFAFF}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
    }
    return false;
}

/* Of one character in UTF-8. */
static bool nameable(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;
    if (n < 2 || rw__char_len(RW_CHARSET_SAFE, s, n) != n) return false;
    if (n == 2) return is_letter((p[0] & 31u) << 6 | (p[1] & 63u));
    return n == 3 && is_letter((p[0] & 15u) << 12 | (p[1] & 63u) << 6 | (p[2] & 63u));
}

/* The character at p, of len bytes, and as it is in the other one of the two; 0: it is not known. */
static size_t decode_char(const spelling *s, const char *p, size_t len, char out[CHAR_MAX_BYTES])
{
    char back[CHAR_MAX_BYTES];
    size_t n = convert(s->decode, p, len, out);
    if (!nameable(out, n)) return 0;
    return convert(s->encode, out, n, back) == len && memcmp(back, p, len) == 0 ? n : 0;
}

static size_t encode_char(const spelling *s, const char *p, size_t len, char out[CHAR_MAX_BYTES])
{
    char back[CHAR_MAX_BYTES];
    size_t n = nameable(p, len) ? convert(s->encode, p, len, out) : 0;
    if (n == 0 || (unsigned char)out[0] < 0x80 || rw__char_len(s->charset, out, n) != n) return 0;
    return convert(s->decode, out, n, back) == len && memcmp(back, p, len) == 0 ? n : 0;
}

/* All characters of text, by one of the two. */
static bool convert_all(const spelling *s, bool decode, b_slice text, char *out, size_t *n)
{
    rw_charset cs = decode ? s->charset : RW_CHARSET_SAFE;
    for (size_t i = 0; i < text.n;) {
        uint32_t len = rw__char_len(cs, text.p + i, text.n - i);
        char c[CHAR_MAX_BYTES] = {text.p[i]};
        size_t made = 1;
        if ((unsigned char)text.p[i] >= 0x80)
            made = decode ? decode_char(s, text.p + i, len, c) : encode_char(s, text.p + i, len, c);
        if (made == 0) return false;
        memcpy(out + *n, c, made);
        *n += made;
        i += len;
    }
    return true;
}

b_slice rw__name_in_utf8(const rw_ctx *ctx, b_slice name, b_arena *arena)
{
    spelling s;
    size_t n = 0;
    if (name.p == NULL || alike(ctx, name)) return name;
    char *out = b_arena_alloc(arena, name.n * 3 + 1);
    if (out == NULL) return b_slice_of(NULL, 0);
    bool open = open_spelling(ctx, &s), known = open && convert_all(&s, true, name, out, &n);
    if (open) close_spelling(&s);
    if (known) return b_slice_of(out, n);
    out[0] = '\xFF';
    memcpy(out + 1, name.p, name.n);
    return b_slice_of(out, name.n + 1);
}

/* The character at p, folded if it is one of the two, else its first byte; its length. */
static size_t fold(const char *p, size_t n, char *out)
{
    if (n >= 2 && memcmp(p, "\xC4\xB0", 2) == 0) {
        *out = 'i';
        return 2;
    }
    if (n >= 3 && memcmp(p, "\xE2\x84\xAA", 3) == 0) {
        *out = 'k';
        return 3;
    }
    *out = *p;
    return 1;
}

b_slice rw__fold_letters(b_slice name, b_arena *arena)
{
    size_t n = 0;
    if (b_slice_find(name, B_LIT("\xC4\xB0")) == (size_t)-1 &&
        b_slice_find(name, B_LIT("\xE2\x84\xAA")) == (size_t)-1)
        return name;
    char *out = b_arena_alloc(arena, name.n);
    for (size_t i = 0; out != NULL && i < name.n;) i += fold(name.p + i, name.n - i, &out[n++]);
    return (b_slice){out, n};
}

bool rw__same_folded(b_slice a, b_slice b)
{
    size_t i = 0, k = 0;
    while (i < a.n && k < b.n) {
        char x, y;
        i += fold(a.p + i, a.n - i, &x);
        k += fold(b.p + k, b.n - k, &y);
        if (b_lower(x) != b_lower(y)) return false;
    }
    return i == a.n && k == b.n;
}

/* Would a quoted name in it be misread: lexer.c, scan_quoted()? */
static bool misread(const rw_ctx *ctx, rw_server server, b_slice s)
{
    bool doubled = server.flavour == RW_MARIADB, tick = false;
    for (size_t i = 0; i < s.n;) {
        uint32_t len = rw__char_len(ctx->charset, s.p + i, s.n - i);
        bool again = len == 1 && s.p[i] == '`';
        doubled = doubled || (tick && again);
        tick = again;
        i += len;
    }
    return doubled && rw__trail_tick(ctx->charset, s, '`');
}

b_status rw__text_for_client(const rw_ctx *ctx, rw_server server, b_slice text, b_arena *arena, b_slice *out)
{
    spelling s;
    size_t n = 0;
    *out = text;
    if (alike(ctx, text)) return B_OK;
    char *p =
        b_arena_alloc(arena, text.n * 2 + 1); /* no character grows to more than twice its bytes in UTF-8 */
    if (p == NULL) return B_NOMEM;
    if (!open_spelling(ctx, &s)) return B_INVALID;
    bool said = convert_all(&s, false, text, p, &n);
    close_spelling(&s);
    *out = b_slice_of(p, n);
    return said && !misread(ctx, server, *out) ? B_OK : B_INVALID;
}
