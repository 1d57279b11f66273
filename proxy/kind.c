/* See kind.h. */
#include "kind.h"

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t after(b_slice sql, size_t i, b_slice end)
{
    for (; i + end.n <= sql.n; i++)
        if (memcmp(sql.p + i, end.p, end.n) == 0) return i + end.n;
    return sql.n;
}

/* White space and comments at the front; a comment that is run by some server is not passed over. */
static size_t skip_front(b_slice sql)
{
    size_t i = 0;
    while (i < sql.n) {
        char c = sql.p[i], next = i + 1 < sql.n ? sql.p[i + 1] : 0, third = i + 2 < sql.n ? sql.p[i + 2] : 0;
        if (blank(c))
            i++;
        else if (c == '#' || (c == '-' && next == '-' && blank(third)))
            i = after(sql, i, B_LIT("\n"));
        else if (c == '/' && next == '*' && third != '!' && third != 'M' && third != 'm')
            i = after(sql, i + 2, B_LIT("*/"));
        else
            break;
    }
    return i;
}

typedef struct word {
    b_slice text;
    unsigned kind;
} word;

static const word words[] = {
    {{"alter", 5}, PX_KIND_DDL},     {{"create", 6}, PX_KIND_DDL},
    {{"drop", 4}, PX_KIND_DDL},      {{"rename", 6}, PX_KIND_DDL},
    {{"set", 3}, PX_KIND_SETS},      {{"call", 4}, PX_KIND_DDL | PX_KIND_BEGINS | PX_KIND_SETS},
    {{"if", 2}, PX_KIND_BEGINS},     {{"case", 4}, PX_KIND_BEGINS},
    {{"loop", 4}, PX_KIND_BEGINS},   {{"while", 5}, PX_KIND_BEGINS},
    {{"repeat", 6}, PX_KIND_BEGINS}, {{"for", 3}, PX_KIND_BEGINS},
    {{"begin", 5}, PX_KIND_BEGINS},  {{"execute", 7}, PX_KIND_DDL | PX_KIND_BEGINS | PX_KIND_SETS},
};

static bool word_at(b_slice sql, size_t i, b_slice w)
{
    if (!b_slice_istarts(b_slice_of(sql.p + i, sql.n - i), w)) return false;
    char c = i + w.n < sql.n ? b_lower(sql.p[i + w.n]) : ' ';
    return (c < 'a' || c > 'z') && c != '_';
}

static bool has_word(b_slice sql, b_slice w)
{
    for (size_t i = 0; i + w.n <= sql.n; i++)
        if (b_lower(sql.p[i]) == w.p[0] && word_at(sql, i, w)) return true;
    return false;
}

/* A list of statements, or one in a comment that is run. */
static unsigned anywhere(b_slice sql)
{
    unsigned kind = PX_KIND_BEGINS | PX_KIND_SETS;
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if ((words[k].kind & PX_KIND_DDL) && has_word(sql, words[k].text)) kind |= PX_KIND_DDL;
    return kind;
}

static unsigned by_word(b_slice sql, size_t i)
{
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        const word *w = &words[k];
        if (b_lower(sql.p[i]) != w->text.p[0] || !word_at(sql, i, w->text)) continue;
        if (b_slice_istarts(b_slice_of(sql.p + i, sql.n - i), B_LIT("create temporary")) ||
            b_slice_istarts(b_slice_of(sql.p + i, sql.n - i), B_LIT("drop temporary")))
            return 0;
        return w->kind;
    }
    return 0;
}

unsigned px_kind(b_slice sql, bool multi)
{
    size_t i = skip_front(sql);
    if (i == sql.n) return 0;
    if (sql.p[i] == '/') return anywhere(sql);
    const char *semi = multi ? memchr(sql.p + i, ';', sql.n - i) : NULL;
    if (semi != NULL && semi + 1 < sql.p + sql.n) return anywhere(sql);
    return by_word(sql, i);
}
