/* Names of twins, of indexes and foreign keys: <name>__<B>. No name has more than 64 characters: of a longer
 * one there is the beginning, and eight digits of a hash of it all. Whose twin that is follows from the names
 * in the table's definition as it was found. */
#include "mig.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST = 64, DIGITS = 8 };

void mig__twin_name(b_slice name, const char *column, char out[65])
{
    char whole[400]; /* 64 characters of four bytes, and as many bytes */
    int n = snprintf(whole, sizeof whole, "%.*s__%.64s", B_ARG(name), column);
    size_t keep = LONGEST - 2 - DIGITS;
    if (n <= LONGEST) {
        memcpy(out, whole, (size_t)n + 1);
        return;
    }
    while (keep > 0 && ((unsigned char)whole[keep] & 0xc0) == 0x80) keep--; /* a character is kept whole */
    snprintf(out, LONGEST + 1, "%.*s__%08x", (int)keep, whole,
             (unsigned)(b_hash(whole, (size_t)n, 0) & 0xffffffffU));
}

/* The next name behind KEY or CONSTRAINT in a definition, with its doubled quotes folded. */
static bool next_name(const char **at, char out[LONGEST * 4 + 1])
{
    for (const char *p = *at; (p = strchr(p, '`')) != NULL; p++) {
        bool named = (p - *at >= 4 && memcmp(p - 4, "KEY ", 4) == 0) ||
                     (p - *at >= 11 && memcmp(p - 11, "CONSTRAINT ", 11) == 0);
        size_t n = 0;
        for (p++; *p != '\0' && (*p != '`' || p[1] == '`'); p++) {
            p += *p == '`';
            if (n < (size_t)LONGEST * 4) out[n++] = *p;
        }
        out[n] = '\0';
        if (*p == '\0') return false;
        *at = p + 1;
        if (named) return true;
        p = *at - 1;
    }
    return false;
}

/* Also by the name that earlier versions gave it, cut off at its end. */
static bool is_twin_of(const char *name, const char *column, b_slice twin)
{
    char now[65], before[400];
    mig__twin_name(b_slice_str(name), column, now);
    snprintf(before, sizeof before, "%s__%.64s", name, column);
    if (strlen(before) > LONGEST) before[LONGEST] = '\0';
    return b_slice_ieq(b_slice_str(now), twin) || b_slice_ieq(b_slice_str(before), twin);
}

b_slice mig__original_name(const mig__m *m, b_slice twin)
{
    char name[LONGEST * 4 + 1];
    for (size_t i = 0; i < m->npairs; i++) {
        b_slice end = b_slice_str(m->pairs[i].to);
        if (end.n > 0 && twin.n > end.n + 2 && b_slice_ieq((b_slice){twin.p + twin.n - end.n, end.n}, end) &&
            memcmp(twin.p + twin.n - end.n - 2, "__", 2) == 0)
            return (b_slice){twin.p, twin.n - end.n - 2};
    }
    for (const char *at = m->found; at != NULL && next_name(&at, name);)
        for (size_t i = 0; i < m->npairs; i++)
            if (m->pairs[i].to[0] != '\0' && is_twin_of(name, m->pairs[i].to, twin))
                return b_arena_dup(m->arena, b_slice_str(name));
    return (b_slice){NULL, 0};
}

bool mig__long_twins(const mig__m *m, const char *column, b_arena *a, const rw_twin **out, size_t *n)
{
    char name[LONGEST * 4 + 1], twin[65];
    rw_twin *all = NULL;
    *out = NULL, *n = 0;
    if (column[0] == '\0') return true;
    for (const char *at = m->found; at != NULL && next_name(&at, name);) {
        if (strlen(name) + 2 + strlen(column) <= LONGEST) continue;
        rw_twin *more = b_arena_array(a, *n + 1, sizeof *more);
        if (more == NULL) return false;
        if (*n > 0) memcpy(more, all, *n * sizeof *more);
        mig__twin_name(b_slice_str(name), column, twin);
        more[*n] = (rw_twin){b_arena_dup(a, b_slice_str(name)), b_arena_dup(a, b_slice_str(twin))};
        if (more[*n].index.p == NULL || more[*n].twin.p == NULL) return false;
        *out = all = more, ++*n;
    }
    return true;
}
