/* What the rewriter costs a statement: the search that every statement goes through, the cached path and the
 * uncached one. Prints nanoseconds of processor time. One thread, no server. */
#include "rewrite/rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 200, EACH = 2000, NAMES = 100, LONG = 16 << 20 };

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
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
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
                 "varchar(20) INVISIBLE DEFAULT (transaction_type), amount int, created_at datetime);",
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
    b->sum += rw_may_touch(b->rules, RW_CHARSET_SAFE, b->sql);
}

static void rewrite_one(bench *b)
{
    rw_result res;
    b_arena_reset(b->arena);
    if (rw_rewrite_cached(b->cache, b->rules, &b->ctx, b->sql, b->arena, &res) != B_OK) die("out of memory");
    b->sum += res.sql.n;
}

/* The least of many rounds: what else runs on the machine only adds. Under callgrind one round says it all.
 */
static void measure(const char *what, bench *b, void (*f)(bench *), int rounds, int each)
{
    double least = 1e30;
    for (int i = 0; i < rounds; i++) {
        double from = now_ns();
        for (int k = 0; k < each; k++) f(b);
        double ns = (now_ns() - from) / each;
        if (ns < least) least = ns;
    }
    printf("%-28s %8zu bytes %12.1f ns %8.3f ns/byte %8.0f MB/s\n", what, b->sql.n, least,
           least / (double)b->sql.n, (double)b->sql.n * 1000 / least);
}

static void searches(b_slice text)
{
    static const size_t counts[] = {1, 10, NAMES};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        char what[40];
        bench b = {.rules = make_rules(counts[i]), .sql = text};
        snprintf(what, sizeof what, "search, %zu names", counts[i]);
        measure(what, &b, search, ROUNDS, EACH);
        rw_ruleset_unref(b.rules);
    }
}

static void rewrites(bench *b, const char *what, b_slice sql, int rounds, int each)
{
    char name[64];
    b->sql = sql;
    snprintf(name, sizeof name, "%s, cached", what);
    b->cache = rw_cache_new(1000);
    if (b->cache == NULL) die("out of memory");
    rewrite_one(b);
    measure(name, b, rewrite_one, rounds, each);
    rw_cache_free(b->cache);
    b->cache = NULL;
    snprintf(name, sizeof name, "%s, not cached", what);
    measure(name, b, rewrite_one, rounds, each);
}

/* An INSERT of many rows, and then some. */
static b_slice long_insert(size_t n)
{
    static const char head[] = "INSERT INTO transactions (id, transaction_type, amount) VALUES ";
    static const char row[] = "(1234567, 'card payment', 1999),";
    char *p = malloc(n + 1);
    if (p == NULL) die("out of memory");
    size_t at = sizeof head - 1;
    memcpy(p, head, at);
    for (; at + sizeof row <= n; at += sizeof row - 1) memcpy(p + at, row, sizeof row - 1);
    return (b_slice){p, at - 1};
}

static const char short_sql[] =
    "SELECT t.id, t.transaction_type, t.amount, t.created_at FROM transactions t WHERE t.transaction_type = "
    "'card' "
    "AND t.id > 900 AND t.amount BETWEEN 100 AND 2000 ORDER BY t.created_at DESC LIMIT 20 OFFSET 40";

/* For counting instructions: one kind of work, `each` times, and nothing else. */
static int only(const char *what, int each)
{
    bench b = {.rules = make_rules(1), .arena = b_arena_new(0), .sql = B_LIT(short_sql)};
    b.ctx = (rw_ctx){.schema = B_LIT("shop"), .version = RW_VERSION_BOTH, .sql_mode = RW_MODE_STRICT};
    if (strcmp(what, "cached") == 0) b.cache = rw_cache_new(1000);
    b_slice rows = {NULL, 0};
    if (strcmp(what, "rows") == 0) b.sql = rows = long_insert(1 << 20);
    void (*f)(bench *) = strcmp(what, "search") == 0 ? search : rewrite_one;
    if (strcmp(what, "search") == 0)
        b.sql = B_LIT("SELECT c.id, c.name, o.total FROM orders o JOIN clients c ON "
                      "c.id = o.client WHERE o.total > 100 ORDER BY c.name");
    if (b.arena == NULL) die("out of memory");
    for (int i = 0; i < each; i++) f(&b);
    rw_ruleset_unref(b.rules);
    rw_cache_free(b.cache);
    b_arena_free(b.arena);
    free((void *)(uintptr_t)rows.p);
    return 0;
}

int main(int argc, char **argv)
{
    static char filler[4000];
    static const char part[] =
        "SELECT c.id, c.name, o.total FROM orders o JOIN clients c ON c.id = o.client WHERE ";
    if (argc == 3) return only(argv[1], atoi(argv[2]));
    for (size_t i = 0; i < sizeof filler; i++) filler[i] = part[i % (sizeof part - 1)];
    searches((b_slice){filler, 60});
    searches((b_slice){filler, 200});
    searches((b_slice){filler, sizeof filler});
    bench b = {.rules = make_rules(1), .arena = b_arena_new(0)};
    b.ctx = (rw_ctx){.schema = B_LIT("shop"), .version = RW_VERSION_BOTH, .sql_mode = RW_MODE_STRICT};
    if (b.arena == NULL) die("out of memory");
    rewrites(&b, "SELECT", B_LIT(short_sql), ROUNDS, EACH / 10);
    b_slice insert = long_insert(LONG);
    rewrites(&b, "INSERT of many rows", insert, 5, 1);
    free((void *)(uintptr_t)insert.p);
    printf("(%llu)\n", (unsigned long long)b.sum);
    rw_ruleset_unref(b.rules);
    b_arena_free(b.arena);
    return 0;
}
