/* The plan cache: from a statement without its literals to the plan that was made for it.
 *
 * The key is everything that a plan may depend on: the tokens (kind, spacing before, and the bytes of all but
 * the literals that are taken out), the session's settings, the ruleset. It is compared in full; the hash
 * only finds it. What is not a value in an expression keeps its bytes: aliases, ordinals, introduced and
 * adjoining strings. An entry is one block of memory; a clock decides which goes when the cache is full. */
#include "base/hash.h"
#include "plan.h"

#include <stdlib.h>

enum {
    MAX_TOKENS = 4096,          /* longer statements are not kept */
    MAX_KEY = 16 * 1024,        /* nor those with longer keys */
    MAX_TEMPS = 16,             /* nor what is said in sessions with more temporary tables */
    MEAN_ENTRY_BYTES = 8 * 1024 /* all entries together: this times their number */
};

typedef struct entry {
    uint64_t hash;
    struct entry *chain; /* of the same slot */
    size_t index;        /* in the clock */
    size_t bytes;
    bool used; /* since the hand last passed */
    b_slice key;
    uint64_t digest;
    rw_plan plan;
} entry;

struct rw_cache {
    entry **slots;
    size_t nslots; /* a power of two */
    entry **clock;
    size_t n, max, hand;
    size_t bytes;
    rw_cache_stats stats;
    char key[MAX_KEY]; /* the key of the statement at hand */
};

rw_cache *rw_cache_new(size_t max_entries)
{
    rw_cache *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    c->max = max_entries == 0 ? 1 : max_entries;
    c->nslots = 16;
    while (c->nslots < c->max * 2) c->nslots *= 2;
    c->slots = calloc(c->nslots, sizeof(entry *));
    c->clock = calloc(c->max, sizeof(entry *));
    if (c->slots != NULL && c->clock != NULL) return c;
    rw_cache_free(c);
    return NULL;
}

void rw_cache_free(rw_cache *c)
{
    if (c == NULL) return;
    for (size_t i = 0; i < c->n; i++) free(c->clock[i]);
    free(c->slots);
    free(c->clock);
    free(c);
}

rw_cache_stats rw_cache_get_stats(const rw_cache *c)
{
    rw_cache_stats s = c->stats;
    s.entries = c->n;
    s.bytes = c->bytes;
    return s;
}

/* ---- the key ---- */

typedef struct key_writer {
    char *p;
    size_t n;
    bool full;
} key_writer;

static void put(key_writer *k, const void *p, size_t n)
{
    if (k->full || n > MAX_KEY - k->n) {
        k->full = true;
        return;
    }
    if (n > 0) memcpy(k->p + k->n, p, n);
    k->n += n;
}

static void put_slice(key_writer *k, b_slice s)
{
    uint32_t n = (uint32_t)s.n;
    put(k, &n, sizeof n);
    put(k, s.p, s.n);
}

static void put_context(key_writer *k, const rw_ruleset *r, const rw_ctx *ctx)
{
    uint64_t numbers[4] = {rw_ruleset_epoch(r), (uint64_t)(uintptr_t)r, ctx->sql_mode,
                           (uint64_t)ctx->charset << 32 | (uint64_t)ctx->version << 8 |
                               (uint64_t)ctx->multi << 1 | (uint64_t)ctx->prepared};
    put(k, numbers, sizeof numbers);
    put_slice(k, ctx->schema);
    put_slice(k, ctx->time_zone);
    uint32_t n = (uint32_t)ctx->ntemps;
    put(k, &n, sizeof n);
    if (ctx->ntemps > MAX_TEMPS) k->full = true;
    for (size_t i = 0; i < ctx->ntemps && !k->full; i++) {
        put_slice(k, ctx->temps[i].schema);
        put_slice(k, ctx->temps[i].name);
    }
}

/* Words after which a literal is a value in an expression and nothing else. */
static bool value_follows(rw_word w)
{
    static const rw_word words[] = {RW_W_LIKE,  RW_W_AND,    RW_W_OR,      RW_W_BETWEEN, RW_W_THEN,
                                    RW_W_WHEN,  RW_W_ELSE,   RW_W_NOT,     RW_W_REGEXP,  RW_W_RLIKE,
                                    RW_W_DIV,   RW_W_MOD,    RW_W_XOR,     RW_W_LIMIT,   RW_W_OFFSET,
                                    RW_W_WHERE, RW_W_HAVING, RW_W_INTERVAL};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i] == w) return true;
    }
    return false;
}

/* Is the literal at i a value? prev: the token before it. */
static bool is_value(const rw_token *prev)
{
    if (prev == NULL) return false;
    if (prev->kind == RW_TOK_IDENT) return value_follows((rw_word)prev->word);
    return prev->kind == RW_TOK_OP && prev->word != RW_OP_RPAREN && prev->word != RW_OP_DOT &&
           prev->word != RW_OP_STAR;
}

/* After BY, numbers may be ordinals, until what a list of columns cannot hold. */
static bool ends_list(const rw_token *t)
{
    if (t->kind == RW_TOK_OP) return t->word == RW_OP_SEMICOLON;
    return t->kind == RW_TOK_IDENT && (t->word == RW_W_LIMIT || t->word == RW_W_HAVING ||
                                       t->word == RW_W_VALUES || t->word == RW_W_WHERE);
}

static void put_tokens(key_writer *k, const rw_tokens *t)
{
    bool list = false;
    for (uint32_t i = 0; i < t->n && !k->full; i++) {
        const rw_token *c = &t->tok[i];
        if (c->kind == RW_TOK_IDENT && c->word == RW_W_BY)
            list = true;
        else if (list && ends_list(c))
            list = false;
        unsigned char head[2] = {(unsigned char)(c->kind | (c->space_before << 4)), 0};
        bool number = c->kind == RW_TOK_NUMBER, text = c->kind == RW_TOK_STRING || c->kind == RW_TOK_HEX;
        bool take_out = (number || text) && !list && is_value(i == 0 ? NULL : &t->tok[i - 1]);
        head[1] = take_out;
        if (c->kind == RW_TOK_OP) {
            put(k, head, 1);
            put(k, &c->word, sizeof c->word);
            continue;
        }
        put(k, head, sizeof head);
        if (!take_out) put_slice(k, rw__token_text(t, i));
    }
}

/* False: not to be cached. */
static bool make_key(rw_cache *c, const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t, b_slice *key)
{
    if (t->n == 0 || t->n > MAX_TOKENS || t->hints || t->tok[t->n - 1].kind == RW_TOK_BAD) return false;
    key_writer k = {.p = c->key};
    put_context(&k, r, ctx);
    put_tokens(&k, t);
    *key = (b_slice){k.p, k.n};
    return !k.full;
}

/* ---- one block ---- */

/* Hands out memory of one block; with base NULL only counts what would be needed. */
typedef struct packer {
    char *base;
    size_t n;
} packer;

static void *take(packer *p, size_t n)
{
    void *at = p->base == NULL ? NULL : p->base + p->n;
    p->n += (n + 15) & ~(size_t)15;
    return at;
}

static void *pack(packer *p, const void *from, size_t n)
{
    void *at = take(p, n);
    if (at != NULL && n > 0) memcpy(at, from, n);
    return at;
}

static b_slice pack_slice(packer *p, b_slice s)
{
    return (b_slice){pack(p, s.p, s.n), s.n};
}

static rw_piece *pack_pieces(packer *p, const rw_piece *from)
{
    rw_piece *first = NULL, *last = NULL;
    for (; from != NULL; from = from->next) {
        rw_piece *to = pack(p, from, sizeof *to);
        b_slice text = pack_slice(p, from->text);
        if (to == NULL) continue;
        to->text = text;
        to->next = NULL;
        if (last == NULL)
            first = to;
        else
            last->next = to;
        last = to;
    }
    return first;
}

static void pack_edits(packer *p, const rw_edits *from, rw_edits *to)
{
    *to = (rw_edits){.n = from->n};
    for (const rw_edit *e = from->first; e != NULL; e = e->next) {
        rw_edit *copy = pack(p, e, sizeof *copy);
        rw_piece *pieces = pack_pieces(p, e->pieces);
        if (copy == NULL) continue;
        copy->pieces = pieces;
        copy->last = NULL;
        copy->next = NULL;
        if (to->last == NULL)
            to->first = copy;
        else
            to->last->next = copy;
        to->last = copy;
    }
}

static void pack_plan(packer *p, const rw_plan *from, rw_plan *to)
{
    rw_plan plan = *from;
    pack_edits(p, &from->edits, &plan.edits);
    plan.message = pack_slice(p, from->message);
    plan.zone = pack_slice(p, from->zone);
    plan.uses = pack(p, from->uses, from->nuses * sizeof *from->uses);
    rw_effect *effects = pack(p, from->effects, from->neffects * sizeof *effects);
    for (size_t i = 0; i < from->neffects; i++) {
        rw_table_name n = {pack_slice(p, from->effects[i].table.schema),
                           pack_slice(p, from->effects[i].table.name)};
        if (effects != NULL) effects[i].table = n;
    }
    plan.effects = effects;
    rw_shown *shown = pack(p, from->shown, from->nshown * sizeof *shown);
    for (size_t i = 0; i < from->nshown; i++) {
        const rw_shown *s = &from->shown[i];
        rw_shown copy = {{pack_slice(p, s->table.schema), pack_slice(p, s->table.name)},
                         pack_slice(p, s->physical),
                         pack_slice(p, s->shown),
                         s->read};
        if (shown != NULL) shown[i] = copy;
    }
    plan.shown = shown;
    if (to != NULL) *to = plan;
}

static entry *new_entry(uint64_t hash, b_slice key, const rw_plan *plan, uint64_t digest)
{
    packer p = {0};
    (void)take(&p, sizeof(entry));
    (void)pack_slice(&p, key);
    pack_plan(&p, plan, NULL);
    size_t bytes = p.n;
    p = (packer){.base = malloc(bytes)};
    if (p.base == NULL) return NULL;
    entry *e = take(&p, sizeof *e);
    *e = (entry){.hash = hash, .bytes = bytes, .digest = digest, .key = pack_slice(&p, key)};
    pack_plan(&p, plan, &e->plan);
    return e;
}

/* ---- the table ---- */

static entry *find(const rw_cache *c, uint64_t hash, b_slice key)
{
    entry *e = c->slots[hash & (c->nslots - 1)];
    while (e != NULL && !(e->hash == hash && b_slice_eq(e->key, key))) e = e->chain;
    return e;
}

static void drop(rw_cache *c, entry *e)
{
    entry **link = &c->slots[e->hash & (c->nslots - 1)];
    while (*link != e) link = &(*link)->chain;
    *link = e->chain;
    c->clock[e->index] = c->clock[--c->n];
    c->clock[e->index]->index = e->index;
    c->bytes -= e->bytes;
    c->stats.evictions++;
    free(e);
}

/* At most two turns of the hand: the first takes the marks away. */
static void evict(rw_cache *c)
{
    for (;;) {
        if (c->hand >= c->n) c->hand = 0;
        entry *e = c->clock[c->hand];
        if (!e->used) {
            drop(c, e);
            return;
        }
        e->used = false;
        c->hand++;
    }
}

static void insert(rw_cache *c, uint64_t hash, b_slice key, const rw_plan *plan, uint64_t digest)
{
    entry *e = new_entry(hash, key, plan, digest);
    if (e == NULL) return; /* the statement itself does not need it */
    size_t most = c->max * MEAN_ENTRY_BYTES;
    while (c->n > 0 && (c->n == c->max || c->bytes + e->bytes > most)) evict(c);
    entry **slot = &c->slots[hash & (c->nslots - 1)];
    e->chain = *slot;
    *slot = e;
    e->index = c->n;
    c->clock[c->n++] = e;
    c->bytes += e->bytes;
}

/* ---- the path of a statement ---- */

typedef struct asked {
    rw_cache *cache; /* NULL: none */
    const rw_ruleset *rules;
    const rw_ctx *ctx;
    b_arena *arena;
    rw_result *out;
} asked;

/* Rows were passed over: is the plan not one that holds for them as well? */
static bool needs_rows(const rw_tokens *t, const rw_plan *plan)
{
    if (t->rows_to == 0) return false;
    if (!plan->cacheable) return true;
    for (const rw_edit *e = plan->edits.first; e != NULL; e = e->next) {
        if (e->at + e->ndel > t->rows_from && e->at <= t->rows_to + 1) return true;
        for (const rw_piece *p = e->pieces; p != NULL; p = p->next)
            if (p->kind != RW_P_TEXT && p->end > t->rows_from && p->tok <= t->rows_to) return true;
    }
    return false;
}

static b_status plan_and_keep(const asked *a, bool keyed, b_slice key, uint64_t hash, const rw_tokens *t,
                              bool *whole)
{
    rw_plan plan = {0};
    rw_cache *c = a->cache;
    b_status s = rw__plan(a->rules, a->ctx, t, a->arena, &plan);
    if (s != B_OK) return s;
    if (plan.verdict == RW_REWRITTEN && plan.edits.failed) return B_NOMEM;
    *whole = needs_rows(t, &plan);
    if (*whole) return B_OK;
    a->out->digest = rw__digest(t);
    if (c != NULL) {
        c->stats.misses++;
        if (!keyed || !plan.cacheable)
            c->stats.uncacheable++;
        else
            insert(c, hash, key, &plan, a->out->digest);
    }
    return rw__finish(a->rules, a->ctx, t, &plan, a->arena, a->out);
}

/* *whole: the tokens lack rows that are needed, and nothing was done. */
static b_status by_tokens(const asked *a, const rw_tokens *t, bool *whole)
{
    b_slice key = {"", 0};
    rw_cache *c = a->cache;
    bool keyed = c != NULL && make_key(c, a->rules, a->ctx, t, &key);
    uint64_t hash = keyed ? b_hash(key.p, key.n, 0) : 0;
    entry *e = keyed ? find(c, hash, key) : NULL;
    if (e == NULL) return plan_and_keep(a, keyed, key, hash, t, whole);
    *whole = needs_rows(t, &e->plan);
    if (*whole) return B_OK;
    c->stats.hits++;
    e->used = true;
    a->out->cached = true;
    a->out->digest = e->digest;
    return rw__finish(a->rules, a->ctx, t, &e->plan, a->arena, a->out);
}

static void refuse_size(rw_result *out)
{
    out->verdict = RW_REFUSED;
    out->error = 1235;
    out->sqlstate = "42000";
    out->message = B_LIT("straddle: a statement over 1 GiB may touch a migrating table: split it");
    out->code = "too_big";
}

b_status rw_rewrite_cached(rw_cache *c, const rw_ruleset *r, const rw_ctx *ctx, b_slice sql, b_arena *arena,
                           rw_result *out)
{
    *out = (rw_result){.sql = {"", 0}, .message = {"", 0}};
    rw_server server = rw_catalog_server(rw_ruleset_catalog(r));
    asked a = {c, r, ctx, arena, out};
    rw_tokens t;
    bool whole = false;
    b_status s = rw__lex_rows(ctx, server, sql, arena, &t);
    if (s == B_OK) s = by_tokens(&a, &t, &whole);
    if (s == B_OK && whole) s = rw_lex(ctx, server, sql, arena, &t);
    if (s == B_OK && whole) s = by_tokens(&a, &t, &whole);
    if (s != B_TOO_BIG) return s;
    refuse_size(out);
    return B_OK;
}
