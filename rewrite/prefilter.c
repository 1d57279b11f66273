/* Multi-pattern search without regard to ASCII case, by two methods that find the same.
 *
 * Where the processor has AVX2: 32 places at a time are asked whether the first three bytes of some pattern
 * may stand there. Patterns are dealt out to 8 buckets, one bit each; tables of 16 entries say in which
 * buckets a byte's low half, and its high half, occurs there: both halves of the first two bytes, the low one
 * of the third. What passes all five tables is compared in full.
 *
 * Elsewhere, and with names of less than three bytes, Wu and Manber's method. With m the length of the
 * shortest pattern, only the first m bytes of each are searched for: a window of m bytes moves over the text,
 * and the two bytes at its end say how far it may jump. A jump of 0 means that a pattern may begin at the
 * window's start; those with these two bytes there are then compared in full.
 *
 * Why a miss is a proof: a name without quotes, backslashes or bytes outside ASCII is spelled with its own
 * bytes in every client character set and under every quoting. */
#include "prefilter.h"

#include "base/hash.h"

#include <stdlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_AVX2 1
#else
#define HAVE_AVX2 0
#endif

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
    bool folds;       /* letters outside ASCII may stand for some of a name's */
    uint8_t *shift;   /* by block */
    uint16_t *bucket; /* by block: index in chains, plus 1 */
    pattern **chains;
    size_t nchains;
    bool failed;
    bool wide;    /* the AVX2 way; the fields below are its own */
    bool foreign; /* some pattern begins with bytes outside ASCII */
    pattern *buckets[8];
    uint8_t low[3][16], high[2][16];
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

/* Servers that fold the case of table names fold these two letters into ASCII ones. In character sets other
 * than UTF-8 any byte outside ASCII may belong to one. */
static void add_foreign_letters(rw__prefilter *f, b_slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        bool k = b_lower(name.p[i]) == 'k', dotted = b_lower(name.p[i]) == 'i';
        if (k) add(f, B_LIT("\xE2\x84\xAA"));
        if (dotted) add(f, B_LIT("\xC4\xB0"));
        f->folds = f->folds || k || dotted;
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
    add(f, B_LIT("information_schema"));
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

static void add_to_tables(rw__prefilter *f, unsigned at, char c, uint8_t bit)
{
    f->low[at][(unsigned char)c & 15] |= bit;
    if (at < 2) f->high[at][(unsigned char)c >> 4] |= bit;
    if ((unsigned char)c >= 0x80) f->foreign = true;
}

/* Patterns that begin alike go into one bucket. */
static void build_wide(rw__prefilter *f)
{
    for (pattern *p = f->patterns, *next; p != NULL; p = next) {
        next = p->next;
        unsigned bucket = (unsigned)(b_hash(p->text.p, 3, 0) & 7);
        p->next = f->buckets[bucket];
        f->buckets[bucket] = p;
        for (unsigned i = 0; i < 3; i++) {
            char c = p->text.p[i];
            add_to_tables(f, i, c, (uint8_t)(1u << bucket));
            if (c >= 'a' && c <= 'z') add_to_tables(f, i, (char)(c - 'a' + 'A'), (uint8_t)(1u << bucket));
        }
    }
    f->wide = true;
}

static bool have_avx2(void)
{
#if HAVE_AVX2
    return __builtin_cpu_supports("avx2") != 0;
#else
    return false;
#endif
}

static bool build(rw__prefilter *f)
{
    if (f->n > UINT16_MAX) f->always = true;
    if (f->never || f->always) return true;
    if (f->window >= 3 && have_avx2()) {
        build_wide(f);
        return true;
    }
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

#if HAVE_AVX2
/* bits: the buckets whose patterns may begin at s. */
static bool matches_bucket(const rw__prefilter *f, unsigned bits, const char *s, size_t n)
{
    for (unsigned b = 0; b < 8; b++) {
        if ((bits >> b & 1) == 0) continue;
        for (const pattern *p = f->buckets[b]; p != NULL; p = p->next) {
            if (matches_at(p, s, n)) return true;
        }
    }
    return false;
}

typedef struct wide_tables {
    __m256i low[3], high[2];
} wide_tables;

__attribute__((target("avx2"), always_inline)) static inline __m256i by_low(__m256i table, __m256i text,
                                                                            bool foreign)
{
    /* The instruction takes a byte over 0x7F for one that is in no bucket. */
    return _mm256_shuffle_epi8(table, foreign ? _mm256_and_si256(text, _mm256_set1_epi8(15)) : text);
}

__attribute__((target("avx2"), always_inline)) static inline __m256i by_high(__m256i table, __m256i text)
{
    return _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(text, 4), _mm256_set1_epi8(15)));
}

__attribute__((target("avx2"), always_inline)) static inline __m256i load(const char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* Which buckets may begin at each of the 32 places from p on; 34 bytes are read. */
__attribute__((target("avx2"), always_inline)) static inline __m256i candidates(const wide_tables *t,
                                                                                const char *p, bool foreign)
{
    __m256i a = load(p), b = load(p + 1), c = load(p + 2);
    __m256i first = _mm256_and_si256(by_low(t->low[0], a, foreign), by_high(t->high[0], a));
    __m256i second = _mm256_and_si256(by_low(t->low[1], b, foreign), by_high(t->high[1], b));
    return _mm256_and_si256(_mm256_and_si256(first, second), by_low(t->low[2], c, foreign));
}

/* s: what candidates() looked at, of which n bytes are there to be compared. */
__attribute__((target("avx2"))) static bool check_block(const rw__prefilter *f, __m256i found, const char *s,
                                                        size_t n)
{
    unsigned places = ~(unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(found, _mm256_setzero_si256()));
    if (places == 0) return false;
    uint8_t bits[32];
    _mm256_storeu_si256((__m256i *)(void *)bits, found);
    for (; places != 0; places &= places - 1) {
        unsigned at = (unsigned)__builtin_ctz(places);
        if (at < n && matches_bucket(f, bits[at], s + at, n - at)) return true;
    }
    return false;
}

__attribute__((target("avx2"), always_inline)) static inline __m256i table_of(const uint8_t *from)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)from));
}

__attribute__((target("avx2"), always_inline)) static inline bool
match_tail(const rw__prefilter *f, const wide_tables *t, b_slice sql, bool foreign)
{
    char tail[66] = {0};
    if (sql.n > 0) memcpy(tail, sql.p, sql.n);
    if (check_block(f, candidates(t, tail, foreign), tail, sql.n)) return true;
    return sql.n > 32 && check_block(f, candidates(t, tail + 32, foreign), tail + 32, sql.n - 32);
}

/* Two blocks at a time, as most hold nothing. */
__attribute__((target("avx2"), always_inline)) static inline bool match_blocks(const rw__prefilter *f,
                                                                               b_slice sql, bool foreign)
{
    const wide_tables t = {{table_of(f->low[0]), table_of(f->low[1]), table_of(f->low[2])},
                           {table_of(f->high[0]), table_of(f->high[1])}};
    size_t i = 0;
    for (; sql.n - i >= 66; i += 64) {
        __m256i one = candidates(&t, sql.p + i, foreign), two = candidates(&t, sql.p + i + 32, foreign);
        __m256i any = _mm256_or_si256(one, two);
        if (_mm256_testz_si256(any, any)) continue;
        if (check_block(f, one, sql.p + i, sql.n - i)) return true;
        if (check_block(f, two, sql.p + i + 32, sql.n - i - 32)) return true;
    }
    for (; sql.n - i >= 34; i += 32)
        if (check_block(f, candidates(&t, sql.p + i, foreign), sql.p + i, sql.n - i)) return true;
    return match_tail(f, &t, b_slice_of(sql.p + i, sql.n - i), foreign);
}

__attribute__((target("avx2"))) static bool match_wide(const rw__prefilter *f, b_slice sql)
{
    return f->foreign ? match_blocks(f, sql, true) : match_blocks(f, sql, false);
}
#else
static bool match_wide(const rw__prefilter *f, b_slice sql)
{
    return match_each(f, sql);
}
#endif

static bool all_ascii(b_slice sql)
{
    unsigned char any = 0;
    for (size_t i = 0; i < sql.n; i++) any |= (unsigned char)sql.p[i];
    return any < 0x80;
}

bool rw__prefilter_match(const rw__prefilter *f, rw_charset charset, b_slice sql)
{
    if (f->never) return false;
    if (f->always || (f->folds && charset != RW_CHARSET_SAFE && !all_ascii(sql))) return true;
    if (f->wide) return match_wide(f, sql);
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
