/* Regex rules on a statement's text, before anything else looks at it. Nothing here is on the way of a
 * session whose ruleset has none. */
#include "session.h"

#include <time.h>

static uint64_t thread_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int64_t wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

rw_matcher *px_matcher_new(void)
{
    return rw_matcher_new(thread_ns);
}

bool px_rules_any(const px_session *s)
{
    return s->rules != NULL && rw_regex_rules_enabled(rw_ruleset_regex(s->rules));
}

static void count(px_session *s, const rw_regex_rule *rule, bool erred)
{
    b_slice key[PX_TALLY_KEYS] = {
        rule->name, erred ? B_LIT("error") : B_LIT("hit"), B_LIT(""), B_LIT(""), B_LIT(""), B_LIT("")};
    px_count *n = px_tally_get(s->loop->rule_hits, key, NULL);
    if (n == NULL) return;
    n->count++;
    n->last_ms = wall_ms();
}

/* The statement without its literals: the log may be read by more people than the data. */
static void write_log(px_session *s, const rw_regex_rule *rule, const rw_ctx *ctx, b_slice sql,
                      b_arena *arena)
{
    b_slice text = rw_digest_text(ctx, rw_catalog_server(rw_ruleset_catalog(s->rules)), sql, arena, 512);
    b_logf(&s->loop->app->log, B_INFO, "rule", "rule=%.*s session=%llu user=%s host=%s program=%s %.*s",
           B_ARG(rule->name), (unsigned long long)s->id, s->user, s->host, s->program, B_ARG(text));
}

static void record(px_session *s, const rw_regex_rules *rules, const rw_regex_result *r, const rw_ctx *ctx,
                   b_slice sql, b_arena *arena)
{
    for (size_t i = 0; i < r->nhits; i++) {
        const rw_regex_rule *rule = rw_regex_rules_at(rules, r->hits[i].rule);
        count(s, rule, r->hits[i].erred);
        if (rule->action == RW_REGEX_LOG && !r->hits[i].erred) write_log(s, rule, ctx, sql, arena);
    }
}

bool px_rules_run(px_session *s, const px_cmd *c, b_slice sql, const px_context *in, b_arena *arena,
                  bool prepared, rw_result *out)
{
    const rw_regex_rules *rules = rw_ruleset_regex(s->rules);
    rw_ctx ctx;
    rw_regex_result r = {.nhits = 0};
    b_status st = B_NOMEM;
    if (s->loop->matcher == NULL) s->loop->matcher = px_matcher_new();
    if (arena != NULL && s->loop->matcher != NULL) {
        px_vars_ctx(s, &ctx, in, arena, prepared);
        rw_regex_who who = {.ctx = &ctx,
                            .server = rw_catalog_server(rw_ruleset_catalog(s->rules)),
                            .user = b_slice_str(s->user),
                            .program = b_slice_str(s->program)};
        st = rw_regex_apply(rules, s->loop->matcher, &who, sql, arena, &r);
    }
    if (st != B_OK) {
        r.res = (rw_result){.verdict = RW_REFUSED,
                            .error = 1041,
                            .sqlstate = "HY000",
                            .code = "memory",
                            .message = B_LIT("straddle: out of memory for the regex rules; try again")};
    } else if (!s->rules_counted && (uint8_t)c->payload.p[0] != MP_COM_STMT_EXECUTE) {
        record(s, rules, &r, &ctx, sql, arena);
        s->rules_counted = true;
    }
    *out = r.res;
    if (out->verdict != RW_REFUSED) return true;
    px_query_refuse(s, c, in == NULL && !prepared ? px_vars_now(s) : in, sql, out);
    return false;
}
