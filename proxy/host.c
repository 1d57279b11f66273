/* The data path as the engine and the admin console see it: every question is asked of each loop, on its own
 * thread, one after the other. */
#include "app.h"
#include "explain.h"
#include "loop.h"
#include "session.h"

#include <time.h>

static void each_loop(px_app *app, void (*fn)(px_loop *loop, void *arg), void *arg)
{
    for (unsigned i = 0; i < app->nloops; i++) px_loop_call(app->loops[i], fn, arg);
}

/* --- for the engine --- */

static void publish(void *ctx, rw_ruleset *r)
{
    px_app *app = ctx;
    rw_ruleset *next = rw_ruleset_ref(r);
    uv_mutex_lock(&app->lock);
    rw_ruleset *old = app->rules;
    app->rules = next;
    uv_mutex_unlock(&app->lock);
    if (old != NULL) rw_ruleset_unref(old);
    each_loop(app, px_loop_take_rules, NULL);
}

typedef struct scan {
    uint64_t epoch;
    bool clean;
    mig_holder who;
} scan;

/* On the loop's thread, after it has taken the newest rules: what is older than epoch is a session's. */
static void scan_loop(px_loop *loop, void *arg)
{
    scan *c = arg;
    if (loop->epoch < c->epoch) c->clean = false;
    for (const px_session *s = loop->sessions; s != NULL; s = s->next) {
        if (s->epoch >= c->epoch || !px_session_holds(s)) continue;
        mig_holder who;
        px_session_holder(s, &who);
        c->clean = false;
        if (c->who.session == 0 || who.since_ms > c->who.since_ms) c->who = who;
    }
}

static bool clean(void *ctx, uint64_t epoch, mig_holder *who)
{
    px_app *app = ctx;
    scan c = {.epoch = epoch, .clean = true};
    each_loop(app, scan_loop, &c);
    if (who != NULL) *who = c.who;
    return c.clean;
}

static void set_live(void *ctx, bool live)
{
    px_app *app = ctx;
    if (atomic_exchange(&app->live, live) == live) return;
    b_logf(&app->log, live ? B_INFO : B_WARN, "proxy",
           live ? "the lease is held again: statements on migrating tables go on"
                : "the lease is lost: statements on migrating tables are refused until it is renewed");
}

static void set_lease(void *ctx, uint64_t until_ms)
{
    px_app *app = ctx;
    atomic_store(&app->lease_until_ms, until_ms);
}

static void registered(void *ctx, const uint64_t *connections, size_t n, const char *why)
{
    px_registered r = {.connections = connections, .n = n, .why = why};
    each_loop(ctx, px_loop_registered, &r);
}

static void set_stale(void *ctx, uint64_t epoch)
{
    px_app *app = ctx;
    if (atomic_exchange(&app->stale_epoch, epoch) > epoch) each_loop(app, px_loop_take_rules, NULL);
}

static void drop_sessions(void *ctx)
{
    px_app *app = ctx;
    b_logf(&app->log, B_WARN, "proxy", "all sessions are dropped: this instance was fenced");
    each_loop(app, px_loop_drop, (char *)(uintptr_t)PX_FENCED);
}

static void sum_usage(px_loop *loop, void *arg)
{
    px_tally_merge(arg, loop->usage);
}

static void sum_refusals(px_loop *loop, void *arg)
{
    px_tally_merge(arg, loop->refusals);
}

enum { SUM_ENTRIES = 16384 };

static void each_use(void *ctx, void (*each)(void *arg, const mig_use *u), void *arg)
{
    px_tally *sum = px_tally_new(SUM_ENTRIES);
    if (sum == NULL) return;
    each_loop(ctx, sum_usage, sum);
    for (size_t i = 0; i < px_tally_size(sum); i++) {
        const px_count *c = px_tally_at(sum, i);
        mig_use u = {.migration = c->key[0],
                     .user = c->key[2],
                     .host = c->key[3],
                     .program = c->key[4],
                     .digest = c->key[5],
                     .sample = c->sample,
                     .old_name = c->key[1][0] != 'n', /* what could not be told apart counts as old */
                     .count = c->count,
                     .last_seen_ms = c->last_ms};
        each(arg, &u);
    }
    px_tally_free(sum);
}

typedef struct latency_of {
    b_slice schema, table;
    px_histogram sum;
} latency_of;

static void sum_latency(px_loop *loop, void *arg)
{
    latency_of *l = arg;
    px_latency_sum(loop->latency, l->schema, l->table, uv_hrtime() / 1000000, &l->sum);
}

static uint64_t table_p99_us(void *ctx, const char *schema, const char *table)
{
    latency_of l = {.schema = b_slice_str(schema), .table = b_slice_str(table)};
    each_loop(ctx, sum_latency, &l);
    return px_histogram_at(&l.sum, 0.99);
}

mig_host px_mig_host(px_app *app)
{
    return (mig_host){.ctx = app,
                      .publish = publish,
                      .clean = clean,
                      .set_live = set_live,
                      .set_lease = set_lease,
                      .registered = registered,
                      .drop_sessions = drop_sessions,
                      .each_use = each_use,
                      .table_p99_us = table_p99_us,
                      .stale = set_stale};
}

/* --- for the console --- */

static void columns(b_table *out, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) b_table_column(out, names[i]);
}

static void client_row(const px_session *s, b_table *out)
{
    b_table_row(out);
    b_table_int(out, (int64_t)s->id);
    b_table_str(out, s->user);
    b_table_str(out, s->host);
    b_table_str(out, s->program);
    b_table_add(out, px_vars_schema(s));
    b_table_str(out, rw_version_name(s->version));
    b_table_str(out, px_session_state_name(s->state));
    b_table_int(out, (int64_t)s->backend_id);
    b_table_int(out, (int64_t)s->epoch);
    b_table_str(out, s->status & MP_STATUS_IN_TRANS ? "yes" : "no");
    b_table_int(out, (int64_t)s->statements);
    b_table_int(out, (int64_t)s->client.bytes_in);
    b_table_int(out, (int64_t)s->client.bytes_out);
    b_table_int(out, (int64_t)((uv_now(&s->loop->uv) - s->born_ms) / 1000));
    b_table_int(out, (int64_t)s->loop->index);
}

static void client_rows(px_loop *loop, void *arg)
{
    for (const px_session *s = loop->sessions; s != NULL; s = s->next)
        if (s->state != PX_CLOSING) client_row(s, arg);
}

static void clients(void *ctx, b_table *out)
{
    static const char *const names[] = {"id",         "user",     "host",       "program", "schema",
                                        "version",    "state",    "backend_id", "epoch",   "transaction",
                                        "statements", "bytes_in", "bytes_out",  "age_s",   "thread"};
    columns(out, names, sizeof names / sizeof *names);
    each_loop(ctx, client_rows, out);
}

typedef struct stats_sum {
    px_stats stats;
    rw_cache_stats cache;
    size_t sessions, queued;
} stats_sum;

static void sum_stats(px_loop *loop, void *arg)
{
    stats_sum *sum = arg;
    rw_cache_stats c = rw_cache_get_stats(loop->cache);
    px_stats_add(&sum->stats, &loop->stats);
    sum->cache.hits += c.hits;
    sum->cache.misses += c.misses;
    sum->cache.evictions += c.evictions;
    sum->cache.uncacheable += c.uncacheable;
    sum->cache.entries += c.entries;
    sum->cache.bytes += c.bytes;
    sum->sessions += loop->nsessions;
    for (const px_session *s = loop->sessions; s != NULL; s = s->next) {
        sum->queued += px_conn_queued(&s->client) + px_conn_queued(&s->backend);
        sum->stats.bytes_from_clients += s->client.bytes_in;
        sum->stats.bytes_to_clients += s->client.bytes_out;
    }
}

static void number(b_table *out, const char *name, uint64_t value, const char *unit, const char *meaning)
{
    b_table_row(out);
    b_table_str(out, name);
    b_table_printf(out, "%llu", (unsigned long long)value);
    b_table_str(out, unit);
    b_table_str(out, meaning);
}

static void stats(void *ctx, b_table *out)
{
    static const char *const names[] = {"name", "value", "unit", "meaning"};
    px_app *app = ctx;
    stats_sum sum = {.sessions = 0};
    each_loop(app, sum_stats, &sum);
    const rw_cache_stats *c = &sum.cache;
    columns(out, names, sizeof names / sizeof *names);
    number(out, "uptime", uv_hrtime() / 1000000000 - app->started_ms / 1000, "s",
           "since the process started");
    number(out, "threads", app->nloops, "threads", "event loops");
    number(out, "connections", sum.sessions, "connections", "clients connected now");
    px_stats_rows(&sum.stats, out);
    number(out, "log_lines_lost", atomic_load(&app->log.lost), "lines", "could not be written to the log");
    number(out, "write_queue", sum.queued, "bytes", "waiting in our buffers to be written, both directions");
    number(out, "plan_cache_hits", c->hits, "statements", "rewritten by a plan from the cache");
    number(out, "plan_cache_misses", c->misses, "statements", "parsed and resolved anew");
    number(out, "plan_cache_uncacheable", c->uncacheable, "statements", "not of a kind that is kept");
    number(out, "plan_cache_evictions", c->evictions, "plans", "dropped to make room");
    number(out, "plan_cache_entries", c->entries, "plans", "held now, all threads");
    number(out, "plan_cache_bytes", c->bytes, "bytes", "held now, all threads");
    uint64_t all = c->hits + c->misses + c->uncacheable;
    b_table_row(out);
    b_table_str(out, "plan_cache_hit_ratio");
    b_table_printf(out, "%.3f", all == 0 ? 0.0 : (double)c->hits / (double)all);
    b_table_str(out, "ratio");
    b_table_str(out, "hits among all statements that were looked at");
}

static void add_time(b_table *out, int64_t ms)
{
    char text[32];
    struct tm tm;
    time_t t = (time_t)(ms / 1000);
    gmtime_r(&t, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    b_table_str(out, text);
}

static void refusals(void *ctx, b_table *out)
{
    static const char *const names[] = {"code",   "migration", "user",     "message",
                                        "sample", "count",     "last_seen"};
    px_tally *sum = px_tally_new(SUM_ENTRIES);
    columns(out, names, sizeof names / sizeof *names);
    if (sum == NULL) return;
    each_loop(ctx, sum_refusals, sum);
    for (size_t i = 0; i < px_tally_size(sum); i++) {
        const px_count *c = px_tally_at(sum, i);
        b_table_row(out);
        for (int k = 0; k < 4; k++) b_table_str(out, c->key[k]);
        b_table_str(out, c->sample);
        b_table_int(out, (int64_t)c->count);
        add_time(out, c->last_ms);
    }
    px_tally_free(sum);
}

static void sum_rule_hits(px_loop *loop, void *arg)
{
    px_tally_merge(arg, loop->rule_hits);
}

static const px_count *hits_of(const px_tally *sum, b_slice rule, const char *what)
{
    for (size_t i = 0; i < px_tally_size(sum); i++) {
        const px_count *c = px_tally_at(sum, i);
        if (b_slice_ieq(b_slice_str(c->key[0]), rule) && strcmp(c->key[1], what) == 0) return c;
    }
    return NULL;
}

static void regex_row(const rw_regex_rule *r, const px_tally *sum, b_table *out)
{
    static const char *const actions[] = {"rewrite", "refuse", "log", "count"};
    const px_count *hits = hits_of(sum, r->name, "hit"), *errors = hits_of(sum, r->name, "error");
    const b_slice patterns[] = {r->user, r->schema, r->program, r->digest, r->digest_text, r->text};
    int64_t last = hits == NULL ? 0 : hits->last_ms;
    if (errors != NULL && errors->last_ms > last) last = errors->last_ms;
    b_table_row(out);
    b_table_add(out, r->name);
    b_table_int(out, r->order);
    b_table_str(out, r->enabled ? "yes" : "no");
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) b_table_add(out, patterns[i]);
    b_table_str(out, actions[r->action]);
    b_table_add(out, r->replace);
    b_table_add(out, r->message);
    b_table_str(out, r->chain ? "yes" : "no");
    b_table_str(out, r->pass_on_error ? "pass" : "refuse");
    b_table_int(out, r->max_bytes);
    b_table_int(out, hits == NULL ? 0 : (int64_t)hits->count);
    b_table_int(out, errors == NULL ? 0 : (int64_t)errors->count);
    if (last == 0)
        b_table_null(out);
    else
        add_time(out, last);
}

static void regex_rules(void *ctx, b_table *out)
{
    static const char *const names[] = {"name",    "order",   "enabled",     "user",     "schema",
                                        "program", "digest",  "digest_text", "text",     "action",
                                        "replace", "message", "chain",       "on_error", "max_bytes",
                                        "hits",    "errors",  "last_seen"};
    px_app *app = ctx;
    rw_ruleset *rules = px_app_rules(app);
    const rw_regex_rules *regex = rules == NULL ? NULL : rw_ruleset_regex(rules);
    px_tally *sum = px_tally_new(SUM_ENTRIES);
    columns(out, names, sizeof names / sizeof *names);
    if (sum != NULL) {
        each_loop(ctx, sum_rule_hits, sum);
        for (size_t i = 0; i < rw_regex_rules_size(regex); i++)
            regex_row(rw_regex_rules_at(regex, i), sum, out);
    }
    px_tally_free(sum);
    rw_ruleset_unref(rules);
}

/* The snapshot is pinned by a reference; whose it is is found again by its address. */
static const cfg_config *config_get(void *ctx)
{
    px_app *app = ctx;
    px_config *c = px_app_config(app);
    uv_mutex_lock(&app->lock);
    c->pins++;
    bool listed = false;
    for (px_config *p = app->pinned; p != NULL; p = p->next_pinned) listed = listed || p == c;
    if (!listed) {
        c->next_pinned = app->pinned;
        app->pinned = c;
    }
    uv_mutex_unlock(&app->lock);
    return c->c;
}

static void config_done(void *ctx, const cfg_config *config)
{
    px_app *app = ctx;
    uv_mutex_lock(&app->lock);
    px_config **at = &app->pinned, *c;
    while (*at != NULL && (*at)->c != config) at = &(*at)->next_pinned;
    c = *at;
    if (c != NULL && --c->pins == 0) *at = c->next_pinned;
    uv_mutex_unlock(&app->lock);
    px_config_unref(c);
}

static b_status reload(void *ctx, b_err *err)
{
    return px_app_reload(ctx, err);
}

static void shut_down(void *ctx)
{
    px_app *app = ctx;
    app->stop(app);
}

typedef struct kill_one {
    uint64_t id;
    bool found;
} kill_one;

static void kill_in_loop(px_loop *loop, void *arg)
{
    kill_one *k = arg;
    for (px_session *s = loop->sessions; s != NULL; s = s->next) {
        if (s->id != k->id || s->state >= PX_LINGER) continue;
        k->found = true;
        px_session_kill(s);
        return;
    }
}

static bool kill_session(void *ctx, uint64_t session)
{
    kill_one k = {.id = session};
    each_loop(ctx, kill_in_loop, &k);
    return k.found;
}

adm_host px_adm_host(px_app *app)
{
    return (adm_host){.ctx = app,
                      .clients = clients,
                      .stats = stats,
                      .refusals = refusals,
                      .regex_rules = regex_rules,
                      .config_get = config_get,
                      .config_done = config_done,
                      .reload = reload,
                      .shutdown = shut_down,
                      .kill = kill_session,
                      .explain = px_explain};
}
