/* A borrowed run of bytes: not NUL-terminated, length in bytes, may hold NULs. Owns nothing. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct b_slice {
    const char *p;
    size_t n;
} b_slice;

/* For printf: "%.*s", B_ARG(slice). Slices longer than INT_MAX are cut. */
#define B_ARG(s) (int)((s).n > 0x7fffffff ? 0x7fffffff : (s).n), (s).p == NULL ? "" : (s).p

/* A slice of a string literal, usable in static initialisers. */
#define B_LIT(lit) ((b_slice){(lit), sizeof(lit) - 1})

static inline b_slice b_slice_of(const void *p, size_t n)
{
    return (b_slice){(const char *)p, n};
}

static inline b_slice b_slice_str(const char *s)
{
    return (b_slice){s, s == NULL ? 0 : strlen(s)};
}

/* Byte for byte. */
static inline bool b_slice_eq(b_slice a, b_slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII letters without regard to case; all other bytes exactly. */
bool b_slice_ieq(b_slice a, b_slice b);
bool b_slice_istarts(b_slice s, b_slice prefix);

/* Like memcmp, shorter first; and the same without regard to ASCII case. */
int b_slice_cmp(b_slice a, b_slice b);
int b_slice_icmp(b_slice a, b_slice b);

/* Without leading and trailing ASCII white space. */
b_slice b_slice_trim(b_slice s);

/* First position of needle in s, or (size_t)-1. */
size_t b_slice_find(b_slice s, b_slice needle);
/* The same without regard to ASCII case; as fast where the needle's last letter is rare in s. */
size_t b_slice_ifind(b_slice s, b_slice needle);

/* How many letters must be put in, left out or exchanged to make b of a, without regard to ASCII case: for
 * "did you mean". Nothing is compared where one is longer than 48 bytes: then it is the longer one's length.
 */
size_t b_slice_distance(b_slice a, b_slice b);

static inline char b_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char)(c + ('a' - 'A')) : c;
}

#endif
