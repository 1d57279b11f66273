/* The lexer: tokens lie in the input, in order, without overlap; what is between them holds nothing but white
 * space and comments; lexing a token's neighbourhood never reads outside. The first byte picks the settings.
 */
#include "lexer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) abort();
}

static void check_tokens(const rw_ctx *ctx, const rw_tokens *t, b_arena *arena)
{
    uint32_t pos = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        const rw_token *k = &t->tok[i];
        require(k->off >= pos && k->off <= t->sql.n && k->len <= t->sql.n - k->off);
        require(k->kind == RW_TOK_BAD ? i == t->n - 1 : k->len > 0);
        require(k->off == pos || k->space_before != 0);
        pos = k->off + k->len;
        if (k->kind != RW_TOK_IDENT && k->kind != RW_TOK_QUOTED && k->kind != RW_TOK_STRING) continue;
        require(rw__token_name(ctx, t, i, arena).n <= (size_t)4 * k->len); /* in UTF-8 */
    }
    require(t->tok[t->n].kind == RW_TOK_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    rw_server server = {(data[0] & 1) != 0 ? RW_MARIADB : RW_MYSQL, (data[0] & 1) != 0 ? 101119 : 90704, 0};
    rw_ctx ctx = {.sql_mode = (uint32_t)(data[0] >> 1 & 3),
                  .charset = (rw_charset)(data[1] % (RW_CHARSET_UNKNOWN + 1))};
    size_t n = size - 2;
    char *exact = malloc(n + 1); /* so that a sanitizer sees a read one byte too far */
    b_arena *arena = b_arena_new(0);
    require(exact != NULL && arena != NULL);
    char *sql = exact + 1;
    memcpy(sql, data + 2, n);
    b_slice input = {sql, n}, rest = input, stmt;
    rw_tokens t;
    if (rw_lex(&ctx, server, input, arena, &t) == B_OK) check_tokens(&ctx, &t, arena);
    size_t sum = 0;
    while (rw_split(&ctx, server, &rest, &stmt)) sum += stmt.n;
    require(sum <= n && rest.n == 0);
    require(rw_digest_text(&ctx, server, input, arena, 64).n <= 64);
    b_arena_free(arena);
    free(exact);
    return 0;
}
