/* Is an error about a name, as a statement's only answer, proof that nothing of the statement was carried
 * out?
 *
 * Servers resolve all names of a statement before they carry out anything of it. The same error may still
 * come late, out of something that the statement sets off: a routine, a trigger, a view over a function.
 * Where none of these can be, it came early. Which functions are called is told from the tokens, so that no
 * corner of the grammar is missed; what is not understood proves nothing. */
#include "functions.h"
#include "parser.h"

typedef struct looker {
    const rw_catalog *catalog;
    const rw_ctx *ctx;
    rw_server server;
    rw_tokens t;
} looker;

static bool is_op(const rw_token *t, uint16_t op)
{
    return t->kind == RW_TOK_OP && t->word == op;
}

static bool is_word(const rw_token *t, uint16_t word)
{
    return t->kind == RW_TOK_IDENT && t->word == word;
}

/* Does what stands before the `(` after token i call nothing but a function of the server's own? */
static bool harmless_before(const looker *l, const rw_stmt *st, uint32_t i)
{
    const rw_token *t = &l->t.tok[i];

    if (t->kind != RW_TOK_IDENT && t->kind != RW_TOK_QUOTED) {
        return true;
    }
    if ((st->has_columns && i + 1 == st->columns_tok) || i == st->values_tok) {
        return true;
    }
    if (t->kind == RW_TOK_QUOTED || (i > 0 && is_op(t - 1, RW_OP_DOT))) {
        return false;
    }
    if (rw__function(rw__token_text(&l->t, i)) != 0) {
        return t[1].space_before == 0; /* with a space before it, a routine of that name may be meant */
    }
    return rw__word_reserved(t->word, l->server);
}

/* No routine is called, and at most `selects` queries are in it. */
static bool calls_nothing(const looker *l, const rw_stmt *st, uint32_t selects)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < l->t.n; i++) {
        const rw_token *t = &l->t.tok[i];

        if (is_word(t, RW_W_TABLE) || (is_op(t + 1, RW_OP_LPAREN) && !harmless_before(l, st, i))) {
            return false;
        }
        found += is_word(t, RW_W_SELECT);
    }
    return found <= selects;
}

static const rw_table *table_of(const looker *l, const rw_name *name)
{
    b_slice schema = name->n > 1 ? name->part[name->n - 2] : l->ctx->schema;
    const rw_table *t = name->n == 0 ? NULL : rw_catalog_find(l->catalog, schema, name->part[name->n - 1]);

    return t == NULL || t->is_view ? NULL : t;
}

static bool known_table(const looker *l, const rw_name *name, bool written)
{
    const rw_table *t = table_of(l, name);

    return t != NULL && !(written && t->fires);
}

/* Nothing but base tables, which fire no trigger where they may be written. */
static bool known_tables(const looker *l, const rw_from *f, bool written)
{
    for (; f != NULL; f = f->next) {
        bool known =
            f->kind == RW_F_DUAL || (f->kind == RW_F_TABLE && known_table(l, &f->table, written)) ||
            (f->kind == RW_F_JOIN && known_tables(l, f->left, written) && known_tables(l, f->right, written));

        if (!known) {
            return false;
        }
    }
    return true;
}

static bool early_query(const looker *l, const rw_query *q)
{
    bool plain = q->select != NULL && q->inner == NULL && q->left == NULL && q->ctes == NULL;

    return plain && !q->select->is_values && !q->select->is_table && known_tables(l, q->select->from, false);
}

static bool early(const looker *l, const rw_stmt *st)
{
    switch (st->kind) {
    case RW_S_QUERY: return calls_nothing(l, st, 1) && early_query(l, st->query);
    case RW_S_INSERT:
        return st->ctes == NULL && known_table(l, &st->target, true) &&
               calls_nothing(l, st, st->query == NULL ? 0 : 1) &&
               (st->query == NULL || early_query(l, st->query));
    case RW_S_UPDATE:
    case RW_S_DELETE: return st->ctes == NULL && calls_nothing(l, st, 0) && known_tables(l, st->from, true);
    case RW_S_LOAD:
    case RW_S_EXPLAIN:
    case RW_S_TABLE_OP:
    case RW_S_CREATE_TABLE:
    case RW_S_DROP_TABLE:
    case RW_S_PREPARE:
    case RW_S_EXECUTE:
    case RW_S_DEALLOCATE:
    case RW_S_EVAL:
    case RW_S_SET_FOR:
    case RW_S_COMPOUND:
    case RW_S_DECLARE:
    case RW_S_OTHER: return false;
    }
    return false;
}

bool rw_fails_early(const rw_ruleset *r, const rw_ctx *ctx, b_slice sql, b_arena *arena)
{
    rw_catalog *c = rw_ruleset_catalog(r);
    looker l = {.catalog = c, .ctx = ctx, .server = rw_catalog_server(c)};
    rw_stmt *st = NULL;
    rw_parse_error err;

    if (ctx->charset == RW_CHARSET_UNKNOWN || (ctx->sql_mode & RW_MODE_ORACLE) != 0) {
        return false;
    }
    if (rw_lex(ctx, l.server, sql, arena, &l.t) != B_OK || l.t.n == 0 ||
        rw_parse(ctx, l.server, &l.t, arena, &st, &err) != B_OK) {
        return false;
    }
    return st != NULL && st->next == NULL && early(&l, st);
}
