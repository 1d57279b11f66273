/* What the rewriter costs a statement: the search that every statement goes through, the cached path and the
 * uncached one. Prints nanoseconds. One thread, no server. */
#include "rewrite/rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 200000, NAMES = 100 };

typedef struct bench {
    rw_ruleset *rules;
    rw_cache *cache;
    b_arena *arena;
    rw_ctx ctx;
    b_slice sql;
    uint64_t sum; /* so that nothing is optimised away */
} bench;

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "micro_rewrite: %s\n", what);
    exit(1);
}

/* One migration on shop.transactions, and others until there are `names` tables to be searched for. */
static rw_ruleset *make_rules(size_t names)
{
    rw_server server = {RW_MYSQL, 90704, 0};
    rw_catalog_builder *b = rw_catalog_builder_new(server);
    rw_migration m[NAMES];
    char table[NAMES][32], ddl[256];
    b_err err = {0};
    rw_pair p = {.from = B_LIT("transaction_type"),
                 .to = B_LIT("payment_method"),
                 .after = B_LIT("id"),
                 .b_default_up = true};
    p.plain = (rw_column){.name = p.from, .type = B_LIT("varchar(20)"), .default_kind = RW_DEFAULT_NONE};
    for (size_t i = 0; i < names; i++) {
        snprintf(table[i], sizeof table[i], i == 0 ? "transactions" : "customer_%zu", i);
        snprintf(ddl, sizeof ddl,
                 "CREATE TABLE %s (id int PRIMARY KEY, transaction_type varchar(20) NOT NULL, payment_method "
                 "varchar(20) INVISIBLE DEFAULT (transaction_type), amount int);",
                 table[i]);
        if (b == NULL || rw_catalog_read_ddl(b, b_slice_str(ddl), B_LIT("shop"), &err) != B_OK) die(err.msg);
        m[i] = (rw_migration){.name = b_slice_str(table[i]),
                              .schema = B_LIT("shop"),
                              .table = b_slice_str(table[i]),
                              .phase = RW_SWITCHED,
                              .pairs = &p,
                              .npairs = 1};
    }
    rw_catalog *c = rw_catalog_build(b);
    rw_ruleset *r = c == NULL ? NULL : rw_ruleset_new(1, c, m, names, &err);
    if (r == NULL) die(err.msg);
    rw_catalog_unref(c);
    return r;
}

static void search(bench *b)
{
    b->sum += rw_may_touch(b->rules, b->sql);
}

static void rewrite_one(bench *b)
{
    rw_result res;
    b_arena_reset(b->arena);
    if (rw_rewrite_cached(b->cache, b->rules, &b->ctx, b->sql, b->arena, &res) != B_OK) die("out of memory");
    b->sum += res.sql.n;
}

static void measure(const char *what, bench *b, void (*f)(bench *))
{
    for (int i = 0; i < 1000; i++) f(b);
    double from = now_ns();
    for (int i = 0; i < ROUNDS; i++) f(b);
    double each = (now_ns() - from) / ROUNDS;
    printf("%-28s %6zu bytes %10.1f ns %8.3f ns/byte\n", what, b->sql.n, each, each / (double)b->sql.n);
}

static void searches(b_slice text)
{
    static const size_t counts[] = {1, 10, NAMES};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        char what[40];
        bench b = {.rules = make_rules(counts[i]), .sql = text};
        snprintf(what, sizeof what, "search, %zu names", counts[i]);
        measure(what, &b, search);
        rw_ruleset_unref(b.rules);
    }
}

int main(void)
{
    static char filler[4000];
    static const char part[] =
        "SELECT c.id, c.name, o.total FROM orders o JOIN clients c ON c.id = o.client WHERE ";
    for (size_t i = 0; i < sizeof filler; i++) filler[i] = part[i % (sizeof part - 1)];
    searches((b_slice){filler, 60});
    searches((b_slice){filler, 200});
    searches((b_slice){filler, sizeof filler});
    bench b = {.rules = make_rules(1), .cache = rw_cache_new(1000), .arena = b_arena_new(0)};
    b.ctx = (rw_ctx){.schema = B_LIT("shop"), .version = RW_VERSION_BOTH, .sql_mode = RW_MODE_STRICT};
    b.sql = B_LIT(
        "SELECT id, transaction_type, amount FROM transactions WHERE transaction_type = 'card' AND id < 900");
    if (b.cache == NULL || b.arena == NULL) die("out of memory");
    measure("rewrite, cached", &b, rewrite_one);
    rw_cache_free(b.cache);
    b.cache = NULL;
    measure("rewrite, not cached", &b, rewrite_one);
    printf("(%llu)\n", (unsigned long long)b.sum);
    rw_ruleset_unref(b.rules);
    b_arena_free(b.arena);
    return 0;
}
