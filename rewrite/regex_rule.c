/* Sets of regex rules: checked, compiled, put in order. */
#include "regex_set.h"

#include <stdatomic.h>
#include <stdlib.h>

struct rw_regex_rules {
    atomic_uint refs;
    b_arena *arena;
    rw__regex_rule *v;
    size_t n;
    bool enabled;
};

/* ---- what a match is replaced with ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
    return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static b_status bad_dollar(size_t at, b_err *err)
{
    return b_fail(
        err, B_INVALID,
        "a dollar that names no group (at offset %zu of the text); write $1, ${name}, or $$ for the "
        "character",
        at);
}

/* The number or name of a group in s: 0 is the whole match, anything unknown is an error. */
static b_status group_of(const rw__regex *text, b_slice s, size_t at, uint32_t *out, b_err *err)
{
    char name[64];
    if (s.n == 0 || s.n >= sizeof name) return bad_dollar(at, err);
    memcpy(name, s.p, s.n);
    name[s.n] = '\0';
    if (is_digit(name[0])) {
        char *end = NULL;
        unsigned long n = strtoul(name, &end, 10);
        if (*end != '\0') return bad_dollar(at, err);
        *out = n < RW__REGEX_GROUPS ? (uint32_t)n : RW__REGEX_GROUPS;
    } else {
        *out = rw__regex_group(text, name);
        if (*out == 0)
            return b_fail(err, B_INVALID,
                          "the pattern has not one group of the name %s (at offset %zu of the text)", name,
                          at);
    }
    if (*out > rw__regex_groups(text))
        return b_fail(err, B_INVALID, "there is no group %s, the pattern has %u (at offset %zu of the text)",
                      name, (unsigned)rw__regex_groups(text), at);
    return B_OK;
}

/* At a dollar: *n bytes of s are used. */
static b_status read_group(const rw__regex *text, b_slice s, size_t at, size_t *n, rw__part *out, b_err *err)
{
    size_t from = at + 1, to = from;
    *out = (rw__part){.text = {NULL, 0}};
    if (from < s.n && s.p[from] == '$') {
        *n = 2;
        out->text = (b_slice){s.p + from, 1};
        return B_OK;
    }
    if (from < s.n && s.p[from] == '{') {
        to = ++from;
        while (to < s.n && is_name(s.p[to])) to++;
        if (to >= s.n || s.p[to] != '}') return bad_dollar(at, err);
        *n = to + 1 - at;
    } else {
        while (to < s.n && to < from + 2 && is_digit(s.p[to])) to++;
        *n = to - at;
    }
    return group_of(text, b_slice_of(s.p + from, to - from), at, &out->group, err);
}

static b_status read_replace(b_arena *arena, rw__regex_rule *r, b_err *err)
{
    b_slice s = r->def.replace;
    r->parts = b_arena_array(arena, s.n + 1, sizeof *r->parts);
    if (r->parts == NULL) return b_fail(err, B_NOMEM, "out of memory");
    for (size_t i = 0; i < s.n;) {
        rw__part *part = &r->parts[r->nparts++];
        size_t n = 0;
        if (s.p[i] == '$') {
            b_status st = read_group(r->patterns[RW__TEXT], s, i, &n, part, err);
            if (st != B_OK) return st;
        } else {
            while (i + n < s.n && s.p[i + n] != '$') n++;
            part->text = (b_slice){s.p + i, n};
        }
        i += n;
    }
    return B_OK;
}

/* ---- one rule ---- */

static b_status read_digest(rw__regex_rule *r, b_err *err)
{
    b_slice s = r->def.digest;
    for (size_t i = 0; i < s.n; i++) {
        char c = b_lower(s.p[i]);
        if (s.n != 16 || !(is_digit(c) || (c >= 'a' && c <= 'f')))
            return b_fail(err, B_INVALID, "digest: it has 16 hexadecimal digits, as in SHOW USAGE");
        r->digest = r->digest << 4 | (uint64_t)(is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    return B_OK;
}

static b_status compile(rw__regex_rule *r, b_err *err)
{
    const struct {
        const char *key;
        b_slice pattern;
        bool whole;
    } subjects[RW__SUBJECTS] = {[RW__USER] = {"user", r->def.user, true},
                                [RW__SCHEMA] = {"schema", r->def.schema, true},
                                [RW__PROGRAM] = {"program", r->def.program, true},
                                [RW__DIGEST_TEXT] = {"digest_text", r->def.digest_text, false},
                                [RW__TEXT] = {"text", r->def.text, false}};
    for (size_t i = 0; i < RW__SUBJECTS; i++) {
        if (subjects[i].pattern.n == 0) continue;
        b_status s = rw__regex_new(subjects[i].pattern, subjects[i].whole, &r->patterns[i], err);
        if (s != B_OK) return b_err_prefix(err, "%s", subjects[i].key);
    }
    return B_OK;
}

static b_status check(const rw_regex_rule *d, b_err *err)
{
    bool any = d->user.n + d->schema.n + d->program.n + d->digest.n + d->digest_text.n + d->text.n > 0;
    if (d->name.n == 0) return b_fail(err, B_INVALID, "it has no name; give it one");
    if (!any)
        return b_fail(
            err, B_INVALID,
            "it would match every statement; give text, digest, digest_text, user, schema or program");
    if (d->action == RW_REGEX_REWRITE && d->text.n == 0)
        return b_fail(err, B_INVALID, "it rewrites, so it needs text, of which every match is replaced");
    if (d->action != RW_REGEX_REWRITE && d->replace.n > 0)
        return b_fail(err, B_INVALID, "it has a text for replace, but does not rewrite; set action: rewrite");
    if (d->action == RW_REGEX_REFUSE && d->message.n == 0)
        return b_fail(err, B_INVALID, "it refuses, so it needs the message that the client gets");
    if (d->replace.n > RW_REGEX_MAX_PATTERN || d->message.n > 400)
        return b_fail(err, B_TOO_BIG, "replace has over %d bytes, or message over 400", RW_REGEX_MAX_PATTERN);
    if (d->max_bytes == 0 || d->max_bytes > RW_REGEX_MAX_BYTES)
        return b_fail(err, B_INVALID, "max_bytes is from 1 to %d", RW_REGEX_MAX_BYTES);
    return B_OK;
}

static bool keep(b_arena *a, rw_regex_rule *d)
{
    b_slice *all[] = {&d->name,        &d->user, &d->schema,  &d->program, &d->digest,
                      &d->digest_text, &d->text, &d->replace, &d->message};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        *all[i] = all[i]->n == 0 ? B_LIT("") : b_arena_dup(a, *all[i]);
        if (all[i]->p == NULL) return false;
    }
    return true;
}

static b_status make(b_arena *arena, rw__regex_rule *r, b_err *err)
{
    if (!keep(arena, &r->def)) return b_fail(err, B_NOMEM, "out of memory");
    b_status s = check(&r->def, err);
    if (s == B_OK) s = compile(r, err);
    if (s == B_OK) s = read_digest(r, err);
    if (s == B_OK && r->def.replace.n > 0) s = read_replace(arena, r, err);
    if (s != B_OK) return b_err_prefix(err, "rule %.*s", B_ARG(r->def.name));
    return B_OK;
}

/* ---- the set ---- */

static int in_order(const void *a, const void *b)
{
    const rw_regex_rule *x = &((const rw__regex_rule *)a)->def, *y = &((const rw__regex_rule *)b)->def;
    if (x->order != y->order) return x->order < y->order ? -1 : 1;
    return b_slice_icmp(x->name, y->name);
}

static b_status fill(rw_regex_rules *r, const rw_regex_rule *v, size_t n, b_err *err)
{
    if (n > RW_REGEX_MAX_RULES)
        return b_fail(err, B_TOO_BIG, "%zu regex rules, %d are the most", n, RW_REGEX_MAX_RULES);
    r->v = b_arena_array(r->arena, n + 1, sizeof *r->v);
    if (r->v == NULL) return b_fail(err, B_NOMEM, "out of memory for the regex rules");
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            if (b_slice_ieq(v[i].name, v[j].name))
                return b_fail(err, B_EXISTS, "rule %.*s is there twice; keep one of them", B_ARG(v[i].name));
        r->v[i].def = v[i];
        r->n = i + 1;
        b_status s = make(r->arena, &r->v[i], err);
        if (s != B_OK) return s;
        if (v[i].enabled) r->enabled = true;
    }
    qsort(r->v, n, sizeof *r->v, in_order);
    return B_OK;
}

rw_regex_rules *rw_regex_rules_new(const rw_regex_rule *v, size_t n, b_err *err)
{
    rw_regex_rules *r = calloc(1, sizeof *r);
    b_status s = B_NOMEM;
    if (r != NULL) {
        atomic_init(&r->refs, 1);
        r->arena = b_arena_new(0);
        s = r->arena == NULL ? B_NOMEM : fill(r, v, n, err);
        if (s == B_OK) return r;
    }
    if (r == NULL || r->arena == NULL) (void)b_fail(err, B_NOMEM, "out of memory for the regex rules");
    rw_regex_rules_unref(r);
    return NULL;
}

rw_regex_rules *rw_regex_rules_ref(rw_regex_rules *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void rw_regex_rules_unref(rw_regex_rules *r)
{
    if (r == NULL || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < RW__SUBJECTS; k++) rw__regex_free(r->v[i].patterns[k]);
    b_arena_free(r->arena);
    free(r);
}

size_t rw_regex_rules_size(const rw_regex_rules *r)
{
    return r == NULL ? 0 : r->n;
}

const rw_regex_rule *rw_regex_rules_at(const rw_regex_rules *r, size_t i)
{
    return i < r->n ? &r->v[i].def : NULL;
}

const rw__regex_rule *rw__regex_rules_get(const rw_regex_rules *r, size_t i)
{
    return &r->v[i];
}

bool rw_regex_rules_enabled(const rw_regex_rules *r)
{
    return r != NULL && r->enabled;
}
