#include "base/slice.h"

int b_slice_cmp(b_slice a, b_slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n == 0 ? 0 : memcmp(a.p, b.p, n);
    if (c != 0) return c;
    return a.n < b.n ? -1 : a.n > b.n;
}

int b_slice_icmp(b_slice a, b_slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    for (size_t i = 0; i < n; i++) {
        unsigned char x = (unsigned char)b_lower(a.p[i]), y = (unsigned char)b_lower(b.p[i]);
        if (x != y) return x < y ? -1 : 1;
    }
    return a.n < b.n ? -1 : a.n > b.n;
}

bool b_slice_ieq(b_slice a, b_slice b)
{
    return a.n == b.n && b_slice_icmp(a, b) == 0;
}

bool b_slice_istarts(b_slice s, b_slice prefix)
{
    return s.n >= prefix.n && b_slice_icmp((b_slice){s.p, prefix.n}, prefix) == 0;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

b_slice b_slice_trim(b_slice s)
{
    while (s.n > 0 && is_space(s.p[0])) s.p++, s.n--;
    while (s.n > 0 && is_space(s.p[s.n - 1])) s.n--;
    return s;
}

size_t b_slice_find(b_slice s, b_slice needle)
{
    if (needle.n == 0) return 0;
    if (s.n == 0) return (size_t)-1;
    const char *at = memmem(s.p, s.n, needle.p, needle.n);
    return at == NULL ? (size_t)-1 : (size_t)(at - s.p);
}

/* By the needle's last byte, which is `last` in the text. */
static size_t find_ending(b_slice s, b_slice needle, char last)
{
    for (size_t at = needle.n - 1; at < s.n; at++) {
        const char *hit = memchr(s.p + at, last, s.n - at);
        if (hit == NULL) break;
        at = (size_t)(hit - s.p);
        size_t from = at - (needle.n - 1);
        if (b_slice_ieq(b_slice_of(s.p + from, needle.n), needle)) return from;
    }
    return (size_t)-1;
}

size_t b_slice_ifind(b_slice s, b_slice needle)
{
    if (needle.n == 0) return 0;
    char lower = b_lower(needle.p[needle.n - 1]);
    size_t at = find_ending(s, needle, lower);
    if (lower < 'a' || lower > 'z') return at;
    size_t other = find_ending(s, needle, (char)(lower - ('a' - 'A')));
    return other < at ? other : at;
}

size_t b_slice_distance(b_slice a, b_slice b)
{
    enum { LONGEST = 48 };
    size_t row[LONGEST + 1];
    if (a.n > LONGEST || b.n > LONGEST) return a.n > b.n ? a.n : b.n;
    for (size_t j = 0; j <= b.n; j++) row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t best = diagonal + (b_lower(a.p[i - 1]) != b_lower(b.p[j - 1]));
            diagonal = row[j];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b.n];
}
