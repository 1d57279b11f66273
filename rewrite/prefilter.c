/* Multi-pattern search by Wu and Manber's method, without regard to ASCII case.
 *
 * With m the length of the shortest pattern, only the first m bytes of each are searched for: a window of m
 * bytes moves over the text, and the two bytes at its end say how far it may jump. A jump of 0 means that a
 * pattern may begin at the window's start; those with these two bytes there are then compared in full.
 *
 * Why a miss is a proof: a name without quotes, backslashes or bytes outside ASCII is spelled with its own
 * bytes in every client character set and under every quoting. */
#include "prefilter.h"

#include <stdlib.h>

enum { BLOCKS = 1 << 16, MAX_SHIFT = 255 };

typedef struct pattern {
    b_slice text;         /* in lower case */
    struct pattern *next; /* with the same block at its window's end */
} pattern;

struct rw__prefilter {
    b_arena *arena;
    pattern *patterns; /* while building: all, linked through next */
    size_t n;
    size_t window; /* m */
    bool never, always;
    uint8_t *shift;   /* by block */
    uint16_t *bucket; /* by block: index in chains, plus 1 */
    pattern **chains;
    size_t nchains;
    bool failed;
};

static unsigned block(const char *p)
{
    return (unsigned)(unsigned char)b_lower(p[0]) << 8 | (unsigned char)b_lower(p[1]);
}

static void add(rw__prefilter *f, b_slice name)
{
    char *text = b_arena_alloc(f->arena, name.n + 1);
    pattern *p = B_NEW(f->arena, pattern);
    if (p == NULL || text == NULL) {
        f->failed = true;
        return;
    }
    for (size_t i = 0; i < name.n; i++) text[i] = b_lower(name.p[i]);
    p->text = (b_slice){text, name.n};
    p->next = f->patterns;
    f->patterns = p;
    f->n++;
    if (f->window == 0 || name.n < f->window) f->window = name.n;
}

static bool plain(char c)
{
    return c >= 0x20 && c < 0x7f && c != '`' && c != '"' && c != '\'' && c != '\\';
}

/* The longest run of bytes of a name that are spelled in one way only. None: every statement matches. */
static void add_name(rw__prefilter *f, b_slice name)
{
    b_slice best = {name.p, 0};
    for (size_t i = 0, from = 0; i <= name.n; i++) {
        if (i < name.n && plain(name.p[i])) continue;
        if (i - from > best.n) best = (b_slice){name.p + from, i - from};
        from = i + 1;
    }
    if (best.n == 0)
        f->always = true;
    else
        add(f, best);
}

/* Servers that fold the case of table names fold these two letters into ASCII ones. */
static void add_foreign_letters(rw__prefilter *f, b_slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (b_lower(name.p[i]) == 'k') add(f, B_LIT("\xE2\x84\xAA"));
        if (b_lower(name.p[i]) == 'i') add(f, B_LIT("\xC4\xB0"));
    }
}

static bool same(const rw_catalog *c, b_slice a, b_slice b)
{
    return rw_catalog_server(c).lower_case_table_names == 0 ? b_slice_eq(a, b) : b_slice_ieq(a, b);
}

static bool view_over(const rw_catalog *c, const rw_table *v, const rw_migration *m)
{
    for (size_t i = 0; v->is_view && i < v->nbases; i++) {
        if (same(c, v->bases[i].schema, m->schema) && same(c, v->bases[i].name, m->table)) return true;
    }
    return false;
}

static void add_migration(rw__prefilter *f, const rw_catalog *c, const rw_migration *m)
{
    bool fold = rw_catalog_server(c).lower_case_table_names != 0;
    add_name(f, m->table);
    if (fold) add_foreign_letters(f, m->table);
    for (size_t i = 0; i < rw_catalog_size(c); i++) {
        const rw_table *t = rw_catalog_at(c, i);
        if (!view_over(c, t, m)) continue;
        add_name(f, t->name);
        if (fold) add_foreign_letters(f, t->name);
    }
}

static void collect(rw__prefilter *f, const rw_catalog *c, const rw_migration *m, size_t n)
{
    size_t live = 0;
    for (size_t i = 0; i < n; i++) {
        if (m[i].phase == RW_FINISHED) continue;
        add_migration(f, c, &m[i]);
        live++;
    }
    f->never = live == 0;
    add(f, B_LIT("prepare"));
    add(f, B_LIT("immediate"));
    add(f, B_LIT("temporary"));
    add(f, B_LIT("session_track"));
}

/* Shifts as if a pattern ended at its window's end. */
static void set_shifts(rw__prefilter *f, const pattern *p)
{
    for (size_t i = 0; i + 2 <= f->window; i++) {
        size_t jump = f->window - 2 - i;
        uint8_t *s = &f->shift[block(p->text.p + i)];
        if (jump < *s) *s = (uint8_t)jump;
    }
}

static void chain(rw__prefilter *f, pattern *p)
{
    unsigned b = block(p->text.p + f->window - 2);
    if (f->bucket[b] == 0) f->bucket[b] = (uint16_t)++f->nchains;
    pattern **head = &f->chains[f->bucket[b] - 1];
    p->next = *head;
    *head = p;
}

static bool build(rw__prefilter *f)
{
    if (f->n > UINT16_MAX) f->always = true;
    if (f->never || f->always) return true;
    if (f->window > MAX_SHIFT) f->window = MAX_SHIFT;
    if (f->window < 2) return true; /* one letter: searched for by itself, see match() */
    f->shift = b_arena_alloc(f->arena, BLOCKS);
    f->bucket = b_arena_array(f->arena, BLOCKS, sizeof *f->bucket);
    f->chains = b_arena_array(f->arena, f->n, sizeof *f->chains);
    if (f->shift == NULL || f->bucket == NULL || f->chains == NULL) return false;
    memset(f->shift, (int)(f->window - 1), BLOCKS);
    for (pattern *p = f->patterns, *next; p != NULL; p = next) {
        next = p->next;
        set_shifts(f, p);
        chain(f, p);
    }
    return true;
}

rw__prefilter *rw__prefilter_new(const rw_catalog *c, const rw_migration *m, size_t n)
{
    rw__prefilter *f = calloc(1, sizeof *f);
    if (f == NULL) return NULL;
    f->arena = b_arena_new(0);
    if (f->arena != NULL) {
        collect(f, c, m, n);
        if (!f->failed && build(f)) return f;
    }
    rw__prefilter_free(f);
    return NULL;
}

void rw__prefilter_free(rw__prefilter *f)
{
    if (f == NULL) return;
    b_arena_free(f->arena);
    free(f);
}

static bool matches_at(const pattern *p, const char *s, size_t n)
{
    if (p->text.n > n) return false;
    for (size_t i = 0; i < p->text.n; i++) {
        if (b_lower(s[i]) != p->text.p[i]) return false;
    }
    return true;
}

/* With a name of one letter there is nothing to jump by. */
static bool match_each(const rw__prefilter *f, b_slice sql)
{
    for (size_t i = 0; i < sql.n; i++) {
        for (const pattern *p = f->patterns; p != NULL; p = p->next) {
            if (matches_at(p, sql.p + i, sql.n - i)) return true;
        }
    }
    return false;
}

bool rw__prefilter_match(const rw__prefilter *f, b_slice sql)
{
    if (f->never) return false;
    if (f->always) return true;
    if (f->window < 2) return match_each(f, sql);
    const size_t window = f->window;
    for (size_t end = window; end <= sql.n;) {
        unsigned b = block(sql.p + end - 2);
        size_t jump = f->shift[b];
        if (jump != 0) {
            end += jump;
            continue;
        }
        const char *start = sql.p + end - window;
        const pattern *p = f->bucket[b] == 0 ? NULL : f->chains[f->bucket[b] - 1];
        for (; p != NULL; p = p->next) {
            if (matches_at(p, start, (size_t)(sql.p + sql.n - start))) return true;
        }
        end++;
    }
    return false;
}
