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

enum { HOLDS = PX_KIND_BEGINS | PX_KIND_CALLS }; /* statements that hold others */

static const word words[] = {
    {{"alter", 5}, PX_KIND_DDL},
    {{"create", 6}, PX_KIND_DDL},
    {{"drop", 4}, PX_KIND_DDL},
    {{"rename", 6}, PX_KIND_DDL},
    {{"set", 3}, PX_KIND_SETS},
    {{"call", 4}, PX_KIND_DDL | PX_KIND_BEGINS | PX_KIND_SETS | PX_KIND_CALLS},
    {{"if", 2}, HOLDS},
    {{"case", 4}, HOLDS},
    {{"loop", 4}, HOLDS},
    {{"while", 5}, HOLDS},
    {{"repeat", 6}, HOLDS},
    {{"for", 3}, HOLDS},
    {{"begin", 5}, PX_KIND_BEGINS},
    {{"execute", 7}, PX_KIND_DDL | PX_KIND_BEGINS | PX_KIND_SETS | PX_KIND_NAMED},
    {{"prepare", 7}, PX_KIND_NAMED | PX_KIND_PREPARES},
    {{"deallocate", 10}, PX_KIND_NAMED},
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

static unsigned named_within(b_slice sql)
{
    unsigned kind = 0;
    if (has_word(sql, B_LIT("prepare"))) kind |= PX_KIND_NAMED | PX_KIND_PREPARES;
    if (has_word(sql, B_LIT("execute")) || has_word(sql, B_LIT("deallocate"))) kind |= PX_KIND_NAMED;
    return kind;
}

/* A list of statements, or one in a comment that is run, or one that holds others. */
static unsigned anywhere(b_slice sql)
{
    unsigned kind = PX_KIND_BEGINS | PX_KIND_SETS | named_within(sql);
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if ((words[k].kind & PX_KIND_DDL) && has_word(sql, words[k].text)) kind |= PX_KIND_DDL;
    if (has_word(sql, B_LIT("call")) || has_word(sql, B_LIT("immediate"))) kind |= PX_KIND_CALLS;
    return kind;
}

/* BEGIN NOT ATOMIC, or BEGIN alone? SET STATEMENT … FOR, or another SET? */
static bool second_word(b_slice rest, size_t first, b_slice w)
{
    rest = b_slice_trim(b_slice_of(rest.p + first, rest.n - first));
    return b_slice_istarts(rest, w);
}

/* What a statement adds that holds others, or is another than its first word says. */
static unsigned within(b_slice rest, const word *w)
{
    bool holds = (w->kind & HOLDS) == HOLDS && !(w->kind & PX_KIND_SETS);
    if (b_slice_ieq(w->text, B_LIT("begin"))) holds = second_word(rest, w->text.n, B_LIT("not"));
    if (holds) return named_within(rest) | PX_KIND_CALLS;
    bool names = b_slice_ieq(w->text, B_LIT("set")) && second_word(rest, w->text.n, B_LIT("statement"));
    names = names || (b_slice_ieq(w->text, B_LIT("drop")) && second_word(rest, w->text.n, B_LIT("prepare")));
    bool immediate =
        b_slice_ieq(w->text, B_LIT("execute")) && second_word(rest, w->text.n, B_LIT("immediate"));
    return (names ? named_within(rest) : 0) | (immediate ? PX_KIND_CALLS : 0);
}

static unsigned by_word(b_slice sql, size_t i)
{
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        const word *w = &words[k];
        if (b_lower(sql.p[i]) != w->text.p[0] || !word_at(sql, i, w->text)) continue;
        if (b_slice_istarts(b_slice_of(sql.p + i, sql.n - i), B_LIT("create temporary")) ||
            b_slice_istarts(b_slice_of(sql.p + i, sql.n - i), B_LIT("drop temporary")))
            return 0;
        return w->kind | within(b_slice_of(sql.p + i, sql.n - i), w);
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
