/* Keys of plans: everything that a plan may depend on. They are compared in full; the hash only finds them.
 * What is not a value in an expression keeps its bytes: aliases, ordinals, introduced and adjoining strings.
 */
#include "cache_table.h"

enum { MAX_TEMPS = 16 }; /* what is said in sessions with more temporary tables is not kept */

void rw__key_put(rw_key *k, const void *p, size_t n)
{
    if (k->full || n > k->room - k->n) {
        k->full = true;
        return;
    }
    if (n > 0) memcpy(k->p + k->n, p, n);
    k->n += n;
}

void rw__key_slice(rw_key *k, b_slice s)
{
    uint32_t n = (uint32_t)s.n;
    rw__key_put(k, &n, sizeof n);
    rw__key_put(k, s.p, s.n);
}

void rw__key_context(rw_key *k, const rw_ruleset *r, const rw_ctx *ctx)
{
    uint64_t numbers[4] = {rw_ruleset_epoch(r), (uint64_t)(uintptr_t)r, ctx->sql_mode,
                           (uint64_t)ctx->charset << 32 | (uint64_t)ctx->spelling << 16 |
                               (uint64_t)ctx->version << 8 | (uint64_t)ctx->multi << 1 |
                               (uint64_t)ctx->prepared};
    rw__key_put(k, numbers, sizeof numbers);
    rw__key_slice(k, ctx->schema);
    rw__key_slice(k, ctx->time_zone);
    uint32_t n = (uint32_t)ctx->ntemps;
    rw__key_put(k, &n, sizeof n);
    if (ctx->ntemps > MAX_TEMPS) k->full = true;
    for (size_t i = 0; i < ctx->ntemps && !k->full; i++) {
        rw__key_slice(k, ctx->temps[i].schema);
        rw__key_slice(k, ctx->temps[i].name);
    }
}

/* May a literal after this token be a value? */
static bool value_may_follow(const rw_token *prev, bool number)
{
    if (prev->kind == RW_TOK_IDENT)
        return rw__value_follows((rw_word)prev->word) || (number && rw__number_follows((rw_word)prev->word));
    return prev->kind == RW_TOK_OP && prev->word != RW_OP_RPAREN && prev->word != RW_OP_RBRACE &&
           prev->word != RW_OP_DOT && prev->word != RW_OP_STAR;
}

/* After BY, numbers may be ordinals, until what a list of columns cannot hold. */
static bool ends_list(const rw_token *t)
{
    if (t->kind == RW_TOK_OP) return t->word == RW_OP_SEMICOLON;
    return t->kind == RW_TOK_IDENT && rw__ends_list((rw_word)t->word);
}

bool rw__is_value(rw_values *seen, const rw_tokens *t, uint32_t i)
{
    const rw_token *c = &t->tok[i];
    if (c->kind == RW_TOK_IDENT && c->word == RW_W_BY)
        seen->list = true;
    else if (seen->list && ends_list(c))
        seen->list = false;
    bool literal = c->kind == RW_TOK_NUMBER || c->kind == RW_TOK_STRING || c->kind == RW_TOK_HEX;
    return literal && !seen->list && i > 0 && value_may_follow(&t->tok[i - 1], c->kind == RW_TOK_NUMBER);
}

void rw__key_tokens(rw_key *k, const rw_tokens *t)
{
    rw_values seen = {.list = false};
    for (uint32_t i = 0; i < t->n && !k->full; i++) {
        const rw_token *c = &t->tok[i];
        bool take_out = rw__is_value(&seen, t, i);
        unsigned char head[2] = {(unsigned char)(c->kind | (c->space_before << 4)), take_out};
        if (c->kind == RW_TOK_OP) {
            rw__key_put(k, head, 1);
            rw__key_put(k, &c->word, sizeof c->word);
            continue;
        }
        rw__key_put(k, head, sizeof head);
        if (!take_out) rw__key_slice(k, rw__token_text(t, i));
    }
}
