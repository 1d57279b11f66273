#include "words.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static void skip(adm__words *w, size_t n)
{
    if (n > w->left.n) n = w->left.n;
    w->left = b_slice_of(w->left.p + n, w->left.n - n);
}

static bool starts(const adm__words *w, const char *s, size_t n)
{
    return w->left.n >= n && memcmp(w->left.p, s, n) == 0;
}

/* Skips one comment; false when there is none. */
static bool skip_comment(adm__words *w)
{
    bool line = starts(w, "#", 1) || (starts(w, "--", 2) && (w->left.n == 2 || is_space(w->left.p[2])));
    if (line) {
        size_t end = b_slice_find(w->left, B_LIT("\n"));
        skip(w, end == (size_t)-1 ? w->left.n : end + 1);
        return true;
    }
    if (!starts(w, "/*", 2)) return false;
    skip(w, 2);
    size_t end = b_slice_find(w->left, B_LIT("*/"));
    skip(w, end == (size_t)-1 ? w->left.n : end + 2);
    return true;
}

static void skip_blank(adm__words *w)
{
    do {
        while (w->left.n > 0 && is_space(w->left.p[0])) skip(w, 1);
    } while (skip_comment(w));
}

adm__words adm__words_of(b_slice sql, b_arena *arena)
{
    sql = b_slice_trim(sql);
    while (sql.n > 0 && sql.p[sql.n - 1] == ';') sql = b_slice_trim(b_slice_of(sql.p, sql.n - 1));
    return (adm__words){sql, arena};
}

static char unescape(char c)
{
    switch (c) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case '0': return '\0';
    default: return c;
    }
}

/* Length of the quoted word in s, both quotes included; 0 when it is not closed. */
static size_t quoted_length(b_slice s, bool escapes)
{
    char quote = s.p[0];
    for (size_t i = 1; i < s.n; i++) {
        if (escapes && s.p[i] == '\\')
            i++;
        else if (s.p[i] == quote && i + 1 < s.n && s.p[i + 1] == quote)
            i++;
        else if (s.p[i] == quote)
            return i + 1;
    }
    return 0;
}

static void quoted(adm__words *w, adm__word *out)
{
    bool escapes = w->left.p[0] != '`';
    size_t len = quoted_length(w->left, escapes);
    out->quoted = true;
    out->raw = b_slice_of(w->left.p, len == 0 ? w->left.n : len);
    char *text = len == 0 ? NULL : b_arena_alloc(w->arena, len);
    size_t n = 0;
    out->bad = text == NULL;
    for (size_t i = 1; text != NULL && i + 1 < len; i++) {
        bool escaped = escapes && out->raw.p[i] == '\\' && i + 2 < len;
        bool doubled = out->raw.p[i] == out->raw.p[0];
        if (escaped || doubled) i++;
        text[n++] = escaped ? unescape(out->raw.p[i]) : out->raw.p[i];
    }
    out->text = b_slice_of(text == NULL ? "" : text, n);
    skip(w, out->raw.n);
}

static bool ends_bare(char c)
{
    return is_space(c) || c == '=' || c == ';' || c == '\'' || c == '"' || c == '`';
}

bool adm__next(adm__words *w, adm__word *out)
{
    skip_blank(w);
    *out = (adm__word){0};
    if (w->left.n == 0) return false;
    char c = w->left.p[0];
    if (c == '\'' || c == '"' || c == '`') {
        quoted(w, out);
        return true;
    }
    size_t n = 1;
    while (!ends_bare(c) && n < w->left.n && !ends_bare(w->left.p[n])) n++;
    out->text = out->raw = b_slice_of(w->left.p, n);
    skip(w, n);
    return true;
}

b_slice adm__rest(adm__words *w)
{
    b_slice rest = b_slice_trim(w->left);
    w->left = b_slice_of(w->left.p, 0);
    return rest;
}

bool adm__is(const adm__word *w, const char *keyword)
{
    return !w->quoted && b_slice_ieq(w->text, b_slice_str(keyword));
}
