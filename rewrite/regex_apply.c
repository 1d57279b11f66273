/* Runs a statement's text through the regex rules. */
#include "lexer.h"
#include "plan.h"
#include "regex_set.h"

enum { MAX_OUTPUT = 16 << 20 };

/* A run of bytes of the text before that stands in the text after it. */
typedef struct span {
    size_t out, in, n;
} span;

typedef struct run {
    const rw_regex_rules *rules;
    rw_matcher *m;
    const rw_regex_who *who;
    b_arena *arena;
    b_slice sql; /* as it is by now */
    bool lexed;  /* the two below are of sql */
    uint64_t digest;
    b_slice digest_text;
    uint32_t *source; /* ctx->prepared: of each placeholder of sql, its index in the input; NULL: itself */
    uint32_t nsource, nin;
    rw_regex_hit *hits;
    size_t nhits;
    const char *why; /* of an error */
} run;

/* Why a rule cannot be carried out. */
static b_status erred(run *r, b_status s, const char *why)
{
    r->why = why;
    return s;
}

static b_status found_or_not(run *r, b_status s)
{
    if (s == B_TOO_BIG)
        return erred(r, s, "its pattern needs more steps or memory on this statement than a rule may take");
    if (s == B_TIMEOUT) return erred(r, s, "the rules need more time on this statement than they may take");
    return s;
}

/* ---- does it match? ---- */

static b_status lex(run *r)
{
    rw_tokens t;
    if (r->lexed) return B_OK;
    b_status s = rw_lex(r->who->ctx, r->who->server, r->sql, r->arena, &t);
    if (s == B_TOO_BIG) return erred(r, s, "the statement is too long");
    if (s != B_OK) return s;
    r->digest = rw__digest(&t);
    r->digest_text = rw_digest_text(r->who->ctx, r->who->server, r->sql, r->arena, r->sql.n * 2 + 1);
    if (r->digest_text.p == NULL) return B_NOMEM;
    r->lexed = true;
    return B_OK;
}

static b_slice subject(const run *r, rw__subject which)
{
    switch (which) {
    case RW__USER: return r->who->user;
    case RW__SCHEMA: return r->who->ctx->schema;
    case RW__PROGRAM: return r->who->program;
    case RW__DIGEST_TEXT: return r->digest_text;
    case RW__TEXT:
    case RW__SUBJECTS: break;
    }
    return r->sql;
}

/* The cheap ones first; the text is looked at only where all else fits. */
static b_status matches(run *r, const rw__regex_rule *rule, bool *yes)
{
    bool looks = rule->digest != 0 || rule->patterns[RW__DIGEST_TEXT] != NULL;
    *yes = true;
    for (unsigned k = 0; k < RW__SUBJECTS && *yes; k++) {
        if (k == RW__DIGEST_TEXT && r->sql.n > rule->def.max_bytes &&
            (looks || rule->patterns[RW__TEXT] != NULL))
            return erred(r, B_TOO_BIG, "the statement is longer than its max_bytes");
        if (k == RW__DIGEST_TEXT && looks) {
            b_status s = lex(r);
            if (s != B_OK) return s;
            if (rule->digest != 0 && rule->digest != r->digest) *yes = false;
        }
        if (!*yes || rule->patterns[k] == NULL) continue;
        b_status s = rw__regex_find(rule->patterns[k], r->m, subject(r, (rw__subject)k), 0, yes);
        if (s != B_OK) return found_or_not(r, s);
    }
    return B_OK;
}

/* ---- rewriting ---- */

typedef struct writer {
    b_buf out;
    span *spans;
    size_t n, room;
} writer;

static bool note(run *r, writer *w, b_slice from)
{
    if (!r->who->ctx->prepared || from.n == 0) return true;
    if (w->n == w->room) {
        span *more = b_arena_regrow(r->arena, w->spans, w->n, w->room * 2 + 16, sizeof *more);
        if (more == NULL) return false;
        w->spans = more;
        w->room = w->room * 2 + 16;
    }
    w->spans[w->n++] = (span){w->out.n, (size_t)(from.p - r->sql.p), from.n};
    return true;
}

static bool copy(run *r, writer *w, b_slice from)
{
    if (!note(r, w, from)) return false;
    b_buf_slice(&w->out, from);
    return true;
}

/* The match that was found, from `at` on; *at moves behind it. */
static b_status put_match(run *r, writer *w, const rw__regex_rule *rule, size_t *at)
{
    b_slice whole = rw__matcher_group(r->m, r->sql, 0);
    size_t from = (size_t)(whole.p - r->sql.p);
    if (whole.p == NULL || from < *at)
        return erred(r, B_INVALID, "its match begins before the place where it was looked for (\\K)");
    bool ok = copy(r, w, b_slice_of(r->sql.p + *at, from - *at));
    for (size_t i = 0; ok && i < rule->nparts; i++) {
        const rw__part *part = &rule->parts[i];
        if (part->text.p != NULL)
            b_buf_slice(&w->out, part->text);
        else
            ok = copy(r, w, rw__matcher_group(r->m, r->sql, part->group));
    }
    *at = from + whole.n;
    if (whole.n == 0 && *at < r->sql.n) ok = ok && copy(r, w, b_slice_of(r->sql.p + *at, 1));
    if (whole.n == 0) ++*at;
    return ok ? B_OK : B_NOMEM;
}

static b_status replace_all(run *r, writer *w, const rw__regex_rule *rule)
{
    size_t at = 0;
    bool found = true;
    while (at <= r->sql.n) {
        b_status s = rw__regex_find(rule->patterns[RW__TEXT], r->m, r->sql, at, &found);
        if (s != B_OK) return found_or_not(r, s);
        if (!found) break;
        s = put_match(r, w, rule, &at);
        if (s != B_OK) return s;
        if (w->out.failed) break;
    }
    if (at < r->sql.n && !copy(r, w, b_slice_of(r->sql.p + at, r->sql.n - at))) return B_NOMEM;
    return w->out.failed ? erred(r, B_TOO_BIG, "its output is too long") : B_OK;
}

/* Half a character may look like one of ASCII. */
static bool can_split(rw_charset cs, b_slice sql)
{
    if (cs == RW_CHARSET_SAFE || cs == RW_CHARSET_SINGLE) return false;
    for (size_t i = 0; i < sql.n; i++)
        if ((unsigned char)sql.p[i] >= 0x80) return true;
    return false;
}

/* ---- placeholders ---- */

static uint32_t count_params(const rw_tokens *t)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n; i++) n += t->tok[i].kind == RW_TOK_PARAM;
    return n;
}

/* Which placeholder of `before` stands at that place of the text after. */
static bool origin(const rw_tokens *before, const writer *w, size_t out, uint32_t *index)
{
    for (size_t i = 0; i < w->n; i++) {
        if (out < w->spans[i].out || out - w->spans[i].out >= w->spans[i].n) continue;
        size_t in = w->spans[i].in + (out - w->spans[i].out);
        for (uint32_t k = 0, n = 0; k < before->n; k++) {
            if (before->tok[k].kind != RW_TOK_PARAM) continue;
            *index = n++;
            if (before->tok[k].off == in) return true;
        }
    }
    return false;
}

static b_status map_params(run *r, const writer *w, b_slice after)
{
    rw_tokens a, b;
    b_status s = rw_lex(r->who->ctx, r->who->server, r->sql, r->arena, &b);
    if (s == B_OK) s = rw_lex(r->who->ctx, r->who->server, after, r->arena, &a);
    if (s != B_OK) return s == B_NOMEM ? s : erred(r, s, "the statement is too long");
    uint32_t nin = count_params(&b), nout = count_params(&a), n = 0;
    if (nin + nout > 0 && (r->who->ctx->charset == RW_CHARSET_UNKNOWN || a.tok[a.n - 1].kind == RW_TOK_BAD))
        return erred(r, B_INVALID, "the placeholders of what it makes cannot be told");
    uint32_t *source = b_arena_array(r->arena, nout + 1, sizeof *source);
    if (source == NULL) return B_NOMEM;
    for (uint32_t k = 0; k < a.n; k++) {
        if (a.tok[k].kind != RW_TOK_PARAM) continue;
        if (!origin(&b, w, a.tok[k].off, &source[n]))
            return erred(r, B_INVALID, "it adds a placeholder, for which there is no value");
        if (r->source != NULL) source[n] = r->source[source[n]];
        n++;
    }
    if (r->source == NULL) r->nin = nin;
    r->source = source;
    r->nsource = nout;
    return B_OK;
}

static b_status rewrite(run *r, const rw__regex_rule *rule)
{
    writer w = {.n = 0};
    if (can_split(r->who->ctx->charset, r->sql))
        return erred(
            r, B_INVALID,
            "it would rewrite text that is not ASCII in a character set in which half a character can "
            "look like ASCII; SET NAMES utf8mb4");
    b_buf_init(&w.out, MAX_OUTPUT);
    b_status s = replace_all(r, &w, rule);
    b_slice after = s == B_OK ? b_arena_dup(r->arena, b_buf_view(&w.out)) : B_LIT("");
    b_buf_deinit(&w.out);
    if (after.p == NULL) s = B_NOMEM;
    if (s == B_OK && r->who->ctx->prepared) s = map_params(r, &w, after);
    if (s != B_OK) return s;
    r->sql = after;
    r->lexed = false;
    return B_OK;
}

/* ---- what comes of it ---- */

static bool add_hit(run *r, size_t rule, bool error)
{
    if (r->hits == NULL) r->hits = b_arena_array(r->arena, rw_regex_rules_size(r->rules), sizeof *r->hits);
    if (r->hits == NULL) return false;
    r->hits[r->nhits++] = (rw_regex_hit){(uint32_t)rule, error};
    return true;
}

static b_status refuse(run *r, const rw_regex_rule *d, rw_result *out)
{
    const char *why = r->why;
    char *text =
        why == NULL
            ? b_arena_printf(r->arena, "straddle: %.*s (rule %.*s)", B_ARG(d->message), B_ARG(d->name))
            : b_arena_printf(r->arena,
                             "straddle: refused since rule %.*s failed: %s; see SHOW REGEX RULES on the "
                             "admin port, and ALTER the rule, or set its on_error to pass",
                             B_ARG(d->name), why);
    if (text == NULL) return B_NOMEM;
    *out = (rw_result){.verdict = RW_REFUSED,
                       .sql = {"", 0},
                       .error = 1235,
                       .sqlstate = "42000",
                       .message = b_slice_str(text),
                       .code = why == NULL ? "regex_rule" : "regex_error"};
    return B_OK;
}

/* Rule i on the text as it is by now. *last: no other is to follow. */
static b_status run_rule(run *r, size_t i, rw_result *out, bool *last)
{
    const rw__regex_rule *rule = rw__regex_rules_get(r->rules, i);
    bool yes = false;
    r->why = NULL;
    b_status s = matches(r, rule, &yes);
    if (s == B_OK && yes && rule->def.action == RW_REGEX_REWRITE) s = rewrite(r, rule);
    if (s == B_NOMEM) return s;
    bool error = s != B_OK;
    if (!error && !yes) return B_OK;
    if (!add_hit(r, i, error)) return B_NOMEM;
    if (error && rule->def.pass_on_error) return B_OK;
    *last = error || !rule->def.chain || rule->def.action == RW_REGEX_REFUSE;
    if (error || rule->def.action == RW_REGEX_REFUSE) return refuse(r, &rule->def, out);
    return B_OK;
}

static void finish(const run *r, b_slice sql, rw_result *out)
{
    bool same = r->sql.p == sql.p || b_slice_eq(r->sql, sql);
    *out =
        (rw_result){.verdict = same ? RW_PASS : RW_REWRITTEN, .sql = same ? sql : r->sql, .message = {"", 0}};
    if (same || r->source == NULL) return;
    bool identity = r->nsource == r->nin;
    for (uint32_t k = 0; identity && k < r->nsource; k++) identity = r->source[k] == k;
    out->params = (rw_param_map){r->source, r->nsource, r->nin, identity};
}

b_status rw_regex_apply(const rw_regex_rules *rules, rw_matcher *m, const rw_regex_who *who, b_slice sql,
                        b_arena *arena, rw_regex_result *out)
{
    run r = {.rules = rules, .m = m, .who = who, .arena = arena, .sql = sql};
    bool last = false;
    *out = (rw_regex_result){.nhits = 0};
    rw__matcher_start(m);
    for (size_t i = 0; i < rw_regex_rules_size(rules) && !last; i++) {
        const rw_regex_rule *d = rw_regex_rules_at(rules, i);
        if (!d->enabled && (who->also.n == 0 || !b_slice_ieq(d->name, who->also))) continue;
        b_status s = run_rule(&r, i, &out->res, &last);
        if (s != B_OK) return s;
    }
    if (out->res.verdict != RW_REFUSED) finish(&r, sql, &out->res);
    out->hits = r.hits;
    out->nhits = r.nhits;
    return B_OK;
}
