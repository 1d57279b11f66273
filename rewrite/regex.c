/* pcre2, within bounds.
 *
 * Its match limit counts the steps from one starting place, and begins anew at the next; scanning within a
 * step is not counted at all. So a long subject is searched a window of starting places at a time, and
 * between windows the processor time is looked at. A short one is searched at once, with a limit so low that
 * all its places together stay within what one window may take; only where that is hit, windows follow. */
#include "regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>

enum {
    STEPS = 100000,        /* from one place */
    SHORT_STEPS = 1000000, /* from all places of a short subject together */
    SHORT_BYTES = 2048,    /* the square is what scanning may take */
    WINDOW = 32,           /* places between two looks at the time */
    DEPTH = 2000,          /* of backtracking; where there is no JIT */
    HEAP_KIB = 2048,       /* likewise */
    JIT_STACK_LEAST = 32 * 1024,
    JIT_STACK_MOST = 512 * 1024,
    TIME_NS = 20 * 1000 * 1000, /* of a statement, all rules together */
    FREE_SEARCHES = 8           /* before the time is looked at for the first time */
};

struct rw__regex {
    pcre2_code *code;
    uint32_t groups;
    bool one_place; /* can match at one place only */
};

struct rw_matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    uint64_t (*cpu_ns)(void);
    uint64_t deadline; /* 0: not looked at yet */
    unsigned searches; /* for this statement */
};

/* ---- compiling ---- */

/* \G would match where a window begins. */
static bool has_start_anchor(b_slice pattern, size_t *at)
{
    for (size_t i = 0; i + 1 < pattern.n; i++) {
        if (pattern.p[i] != '\\') continue;
        *at = i++;
        if (pattern.p[i] == 'G') return true;
    }
    return false;
}

static b_status fail(b_err *err, int code, size_t at)
{
    PCRE2_UCHAR text[256];
    if (code == PCRE2_ERROR_HEAP_FAILED || code == PCRE2_ERROR_NOMEMORY)
        return b_fail(err, B_NOMEM, "out of memory");
    if (pcre2_get_error_message(code, text, sizeof text) < 0) text[0] = '\0';
    return b_fail(err, B_INVALID, "%s (at offset %zu of the pattern)", (const char *)text, at);
}

static b_status check(rw__regex *x, b_err *err)
{
    uint32_t options = 0, most = 0;
    (void)pcre2_pattern_info(x->code, PCRE2_INFO_ALLOPTIONS, &options);
    (void)pcre2_pattern_info(x->code, PCRE2_INFO_CAPTURECOUNT, &most);
    x->one_place = (options & PCRE2_ANCHORED) != 0;
    x->groups = most;
    if (most >= RW__REGEX_GROUPS)
        return b_fail(err, B_TOO_BIG, "%u groups, %d are the most; write (?: ) where nothing is captured",
                      (unsigned)most, RW__REGEX_GROUPS - 1);
    (void)pcre2_jit_compile(x->code, PCRE2_JIT_COMPLETE); /* where there is none, it is interpreted */
    return B_OK;
}

b_status rw__regex_new(b_slice pattern, bool whole, rw__regex **out, b_err *err)
{
    int code = 0;
    size_t at = 0;
    *out = NULL;
    if (pattern.n > RW_REGEX_MAX_PATTERN)
        return b_fail(err, B_TOO_BIG, "a pattern of %zu bytes, %d are the most", pattern.n,
                      RW_REGEX_MAX_PATTERN);
    if (has_start_anchor(pattern, &at))
        return b_fail(err, B_INVALID, "\\G is not to be used here (at offset %zu of the pattern)", at);
    rw__regex *x = calloc(1, sizeof *x);
    if (x == NULL) return b_fail(err, B_NOMEM, "out of memory");
    uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;
    if (whole) options |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
    x->code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, options, &code, &at, NULL);
    b_status s = x->code == NULL ? fail(err, code, at) : check(x, err);
    if (s != B_OK) {
        rw__regex_free(x);
        return s;
    }
    *out = x;
    return B_OK;
}

void rw__regex_free(rw__regex *x)
{
    if (x == NULL) return;
    pcre2_code_free(x->code);
    free(x);
}

uint32_t rw__regex_groups(const rw__regex *x)
{
    return x->groups;
}

uint32_t rw__regex_group(const rw__regex *x, const char *name)
{
    int n = pcre2_substring_number_from_name(x->code, (PCRE2_SPTR)name);
    return n < 0 ? 0 : (uint32_t)n;
}

/* ---- matching ---- */

rw_matcher *rw_matcher_new(uint64_t (*cpu_ns)(void))
{
    rw_matcher *m = calloc(1, sizeof *m);
    if (m == NULL) return NULL;
    m->cpu_ns = cpu_ns;
    m->data = pcre2_match_data_create(RW__REGEX_GROUPS, NULL);
    m->context = pcre2_match_context_create(NULL);
    m->stack = pcre2_jit_stack_create(JIT_STACK_LEAST, JIT_STACK_MOST, NULL); /* NULL: there is no JIT */
    if (m->data == NULL || m->context == NULL) {
        rw_matcher_free(m);
        return NULL;
    }
    (void)pcre2_set_depth_limit(m->context, DEPTH);
    (void)pcre2_set_heap_limit(m->context, HEAP_KIB);
    if (m->stack != NULL) pcre2_jit_stack_assign(m->context, NULL, m->stack);
    return m;
}

void rw_matcher_free(rw_matcher *m)
{
    if (m == NULL) return;
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    pcre2_jit_stack_free(m->stack);
    free(m);
}

void rw__matcher_start(rw_matcher *m)
{
    m->deadline = 0;
    m->searches = 0;
}

static bool time_is_up(rw_matcher *m)
{
    if (m->cpu_ns == NULL) return false;
    uint64_t now = m->cpu_ns();
    if (m->deadline == 0) m->deadline = now + TIME_NS;
    return now > m->deadline;
}

/* One call, for places from `from` up to `last`. */
static b_status search(const rw__regex *x, rw_matcher *m, b_slice subject, size_t from, size_t last,
                       uint32_t steps, bool *found)
{
    (void)pcre2_set_match_limit(m->context, steps);
    (void)pcre2_set_offset_limit(m->context, last);
    int rc = pcre2_match(x->code, (PCRE2_SPTR)subject.p, subject.n, from, 0, m->data, m->context);
    *found = rc > 0;
    if (rc > 0 || rc == PCRE2_ERROR_NOMATCH) return B_OK;
    return B_TOO_BIG;
}

static b_status search_windows(const rw__regex *x, rw_matcher *m, b_slice subject, size_t from, bool *found)
{
    for (size_t at = from; at <= subject.n; at += WINDOW) {
        if (time_is_up(m)) return B_TIMEOUT;
        b_status s = search(x, m, subject, at, at + WINDOW - 1, STEPS, found);
        if (s != B_OK || *found) return s;
    }
    return B_OK;
}

b_status rw__regex_find(const rw__regex *x, rw_matcher *m, b_slice subject, size_t from, bool *found)
{
    size_t left = subject.n - from;
    *found = false;
    if (subject.p == NULL) subject.p = "";
    if (++m->searches > FREE_SEARCHES && time_is_up(m)) return B_TIMEOUT;
    if (x->one_place) return search(x, m, subject, from, from, SHORT_STEPS, found);
    if (left <= SHORT_BYTES) {
        b_status s = search(x, m, subject, from, subject.n, (uint32_t)(SHORT_STEPS / (left + 1)), found);
        if (s == B_OK) return s;
    }
    return search_windows(x, m, subject, from, found);
}

b_slice rw__matcher_group(const rw_matcher *m, b_slice subject, uint32_t i)
{
    const size_t *v = pcre2_get_ovector_pointer(m->data);
    size_t from = v[2 * (size_t)i], to = v[2 * (size_t)i + 1];
    if (from == PCRE2_UNSET || to < from || to > subject.n) return (b_slice){NULL, 0};
    return (b_slice){subject.p + from, to - from};
}
