/* The whole rewriter. The first three bytes pick server, phase, version, character set and sql_mode; the rest
 * is the statement. What must hold of every answer is in check_result(). */
#include "properties.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char plain_ddl[] =
    "CREATE TABLE transactions (id int PRIMARY KEY, account_id int, transaction_type varchar(20) NOT NULL, "
    "amount int);"
    "CREATE TABLE accounts (id int PRIMARY KEY, name varchar(20), payment_method int);"
    "CREATE VIEW recent AS SELECT * FROM transactions;";
static const char dual_ddl[] =
    "CREATE TABLE transactions (id int PRIMARY KEY, account_id int, transaction_type varchar(20) NOT NULL,"
    "payment_method varchar(20) INVISIBLE DEFAULT (transaction_type), amount int);"
    "CREATE TABLE accounts (id int PRIMARY KEY, name varchar(20), payment_method int);"
    "CREATE VIEW recent AS SELECT * FROM transactions;";
static const char after_ddl[] =
    "CREATE TABLE transactions (id int PRIMARY KEY, account_id int, payment_method varchar(20) NOT NULL, "
    "amount int);"
    "CREATE TABLE accounts (id int PRIMARY KEY, name varchar(20), payment_method int);"
    "CREATE VIEW recent AS SELECT * FROM transactions;";

static const char *ddl_of(rw_phase phase)
{
    if (phase == RW_PLANNED) return plain_ddl;
    return phase >= RW_CONTRACTED ? after_ddl : dual_ddl;
}

static rw_ruleset *make_rules(rw_server server, rw_phase phase)
{
    b_err err = {0};
    rw_catalog_builder *b = rw_catalog_builder_new(server);
    require(b != NULL && rw_catalog_read_ddl(b, b_slice_str(ddl_of(phase)), B_LIT("shop"), &err) == B_OK);
    rw_catalog *c = rw_catalog_build(b);
    require(c != NULL);
    rw_pair p = {.from = B_LIT("transaction_type"),
                 .to = B_LIT("payment_method"),
                 .after = B_LIT("account_id"),
                 .b_default_up = phase >= RW_EXPANDED && phase <= RW_SWITCHED};
    p.plain = (rw_column){.name = p.from,
                          .type = B_LIT("varchar(20)"),
                          .collation = B_LIT("utf8mb4_0900_ai_ci"),
                          .default_kind = RW_DEFAULT_NONE};
    rw_migration m = {.name = B_LIT("m"),
                      .schema = B_LIT("shop"),
                      .table = B_LIT("transactions"),
                      .phase = phase,
                      .pairs = &p,
                      .npairs = 1};
    rw_ruleset *r = rw_ruleset_new(1, c, &m, 1, &err);
    require(r != NULL);
    rw_catalog_unref(c);
    return r;
}

/* Made once for each server and phase: making them takes longer than rewriting a statement. */
static rw_ruleset *rules_for(rw_server server, rw_phase phase)
{
    static rw_ruleset *made[2][RW_FINISHED + 1];
    rw_ruleset **r = &made[server.flavour][phase];
    if (*r == NULL) *r = make_rules(server, phase);
    return *r;
}

/* Output that is sent must be text that the server would read as the same kind of thing. */
static void check_output(const rw_ctx *ctx, rw_server server, b_slice sql, const rw_result *res,
                         b_arena *arena)
{
    rw_tokens in, out;
    require(rw_lex(ctx, server, sql, arena, &in) == B_OK);
    require(rw_lex(ctx, server, res->sql, arena, &out) == B_OK);
    require(out.n > 0 && out.tok[out.n - 1].kind != RW_TOK_BAD);
    uint32_t nin = 0, nout = 0;
    for (uint32_t i = 0; i < in.n; i++) nin += in.tok[i].kind == RW_TOK_PARAM;
    for (uint32_t i = 0; i < out.n; i++) nout += out.tok[i].kind == RW_TOK_PARAM;
    require(res->params.nin == nin && res->params.nout == nout);
    for (uint32_t i = 0; i < nout; i++) require(res->params.source[i] < nin);
}

static void check_result(const rw_ruleset *r, const rw_ctx *ctx, rw_server server, b_slice sql,
                         const rw_result *res, b_arena *arena)
{
    switch (res->verdict) {
    case RW_PASS: require(b_slice_eq(res->sql, sql)); break;
    case RW_REWRITTEN:
        require(rw_may_touch(r, ctx->charset, sql)); /* else the proxy would not have asked */
        check_output(ctx, server, sql, res, arena);
        break;
    case RW_REFUSED:
        require(res->error != 0 && res->sqlstate != NULL && strlen(res->sqlstate) == 5 && res->code != NULL);
        require(res->error != 1235 || b_slice_istarts(res->message, B_LIT("straddle: ")));
        break;
    }
}

static void require_same(const rw_result *a, const rw_result *b)
{
    require(a->verdict == b->verdict && b_slice_eq(a->sql, b->sql) && b_slice_eq(a->message, b->message));
    require(a->digest == b->digest && a->nuses == b->nuses && a->neffects == b->neffects);
    require(a->params.nout == b->params.nout);
}

/* The same statement with other digits, and quotes further apart: what was kept of the one must not be taken
 * for the other's. */
static void check_other_values(rw_cache *cache, const rw_ruleset *r, const rw_ctx *ctx, b_slice sql,
                               b_arena *arena)
{
    b_buf b = {0};
    rw_result plain, cached;
    for (size_t i = 0; i < sql.n; i++) {
        char c = sql.p[i];
        b_buf_char(&b, c >= '0' && c <= '9' ? (char)('0' + (c - '0' + 3) % 10) : c);
        if (c == '\'' && i % 3 == 0) b_buf_str(&b, "x''");
        if (c >= '1' && c <= '9' && i % 2 == 0) b_buf_char(&b, '5');
    }
    require(!b.failed);
    require(rw_rewrite(r, ctx, b_buf_view(&b), arena, &plain) == B_OK);
    require(rw_rewrite_cached(cache, r, ctx, b_buf_view(&b), arena, &cached) == B_OK);
    require_same(&plain, &cached);
    b_buf_deinit(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) return 0;
    rw_server server = {(data[0] & 1) != 0 ? RW_MARIADB : RW_MYSQL, (data[0] & 1) != 0 ? 101119 : 90704, 0};
    rw_phase phase = (rw_phase)((data[0] >> 1) % (RW_FINISHED + 1));
    rw_ctx ctx = {.sql_mode = data[1],
                  .charset = (rw_charset)((data[2] >> 2) % (RW_CHARSET_UNKNOWN + 1)),
                  .schema = B_LIT("shop"),
                  .version = (rw_version)(data[2] % 3),
                  .multi = (data[2] & 4) != 0,
                  .prepared = (data[2] & 8) != 0};
    b_slice sql = {(const char *)data + 3, size - 3};
    rw_ruleset *r = rules_for(server, phase);
    rw_cache *cache = rw_cache_new(8);
    b_arena *arena = b_arena_new(0);
    require(cache != NULL && arena != NULL);
    rw_result plain, miss, hit;
    require(rw_rewrite(r, &ctx, sql, arena, &plain) == B_OK);
    check_memory(sql, arena);
    check_result(r, &ctx, server, sql, &plain, arena);
    check_edits(r, &ctx, sql, &plain, arena);
    require(rw_rewrite_cached(cache, r, &ctx, sql, arena, &miss) == B_OK);
    require(rw_rewrite_cached(cache, r, &ctx, sql, arena, &hit) == B_OK);
    require_same(&plain, &miss);
    require_same(&plain, &hit);
    check_other_values(cache, r, &ctx, sql, arena);
    b_arena_free(arena);
    rw_cache_free(cache);
    return 0;
}
