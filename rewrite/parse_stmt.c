/* Which statement is it: the first word decides; and several of them, with semicolons between. */
#include "parse.h"

#include <string.h>

static void query_statement(rw__parser *p, rw_stmt *s)
{
    s->kind = RW_S_QUERY;
    s->query = rw__query(p);
}

/* WITH … SELECT | UPDATE | DELETE: what comes after the list decides. */
static void with_statement(rw__parser *p, rw_stmt *s)
{
    uint32_t tok = p->pos;
    rw__with(p, &s->ctes, &s->recursive);
    if (rw__is(p, RW_W_UPDATE)) {
        rw__update(p, s);
    } else if (rw__is(p, RW_W_DELETE)) {
        rw__delete(p, s);
    } else {
        s->kind = RW_S_QUERY;
        s->query = rw__query_with(p, tok, s->ctes, s->recursive);
        s->ctes = NULL;
        s->recursive = false;
    }
}

static void load_statement(rw__parser *p, rw_stmt *s)
{
    if (rw__is_at(p, 1, RW_W_DATA) || rw__is_at(p, 1, RW_W_XML))
        rw__load(p, s);
    else
        rw__other(p, s);
}

/* ANALYZE TABLE t, or MariaDB's ANALYZE SELECT …, which runs the statement and explains it. */
static void analyze_statement(rw__parser *p, rw_stmt *s)
{
    bool table = rw__is_at(p, 1, RW_W_TABLE) || rw__is_at(p, 1, RW_W_TABLES) ||
                 rw__is_at(p, 1, RW_W_NO_WRITE_TO_BINLOG) || rw__is_at(p, 1, RW_W_LOCAL);
    if (table)
        rw__table_op(p, s);
    else
        rw__explain(p, s);
}

typedef struct dispatch_row {
    uint16_t word;
    void (*parse)(rw__parser *p, rw_stmt *s);
} dispatch_row;

static const dispatch_row dispatch[] = {
    {RW_W_SELECT, query_statement},
    {RW_OP_LPAREN, query_statement},
    {RW_W_VALUES, query_statement},
    {RW_W_TABLE, query_statement},
    {RW_W_WITH, with_statement},
    {RW_W_INSERT, rw__insert},
    {RW_W_REPLACE, rw__insert},
    {RW_W_UPDATE, rw__update},
    {RW_W_DELETE, rw__delete},
    {RW_W_LOAD, load_statement},
    {RW_W_EXPLAIN, rw__explain},
    {RW_W_DESCRIBE, rw__explain},
    {RW_W_DESC, rw__explain},
    {RW_W_ANALYZE, analyze_statement},
    {RW_W_TRUNCATE, rw__table_op},
    {RW_W_OPTIMIZE, rw__table_op},
    {RW_W_CHECK, rw__table_op},
    {RW_W_CHECKSUM, rw__table_op},
    {RW_W_REPAIR, rw__table_op},
    {RW_W_LOCK, rw__table_op},
    {RW_W_FLUSH, rw__table_op},
    {RW_W_CREATE, rw__create},
    {RW_W_DROP, rw__drop},
    {RW_W_PREPARE, rw__prepare},
    {RW_W_EXECUTE, rw__execute},
    {RW_W_DEALLOCATE, rw__deallocate},
    {RW_W_SET, rw__set},
    {RW_W_DO, rw__do},
    {RW_W_CALL, rw__call_statement},
    {RW_W_BEGIN, rw__compound},
    {RW_W_IF, rw__compound},
    {RW_W_CASE, rw__compound},
    {RW_W_LOOP, rw__compound},
    {RW_W_WHILE, rw__compound},
    {RW_W_REPEAT, rw__compound},
    {RW_W_FOR, rw__compound},
};

/* The first word or two, for messages. */
static b_slice head_of(rw__parser *p, uint32_t tok)
{
    const rw_token *a = &p->t->tok[tok], *b = a + 1;
    b_slice first = rw__token_text(p->t, tok);
    if (a->kind != RW_TOK_IDENT && a->kind != RW_TOK_QUOTED &&
        a->kind != RW_TOK_OP) /* others have its plan */
        return B_LIT("a text that begins with a value");
    if (tok + 1 >= p->t->n || a->kind != RW_TOK_IDENT || b->kind != RW_TOK_IDENT) return first;
    /* What stands between the two is none of the message's business, nor of others with the same plan. */
    char *text = rw__alloc(p, (size_t)a->len + 1 + b->len);
    if (text == NULL) return first;
    memcpy(text, first.p, a->len);
    text[a->len] = ' ';
    memcpy(text + a->len + 1, p->t->sql.p + b->off, b->len);
    return b_slice_of(text, (size_t)a->len + 1 + b->len);
}

rw_stmt *rw__statement(rw__parser *p)
{
    rw_stmt *s = RW_NODE(p, rw_stmt);
    s->tok = p->pos;
    s->values_tok = s->row_alias_tok = s->returning_tok = s->text_tok = RW_NO_TOK;
    s->head = head_of(p, p->pos);
    void (*parse)(rw__parser *, rw_stmt *) = rw__other;
    for (size_t i = 0; i < sizeof dispatch / sizeof dispatch[0]; i++)
        if (rw__is(p, dispatch[i].word)) parse = dispatch[i].parse;
    parse(p, s);
    if (!rw__ends(p)) rw__fail(p, "text after the end of the statement");
    s->end = p->pos;
    return s;
}

b_status rw_parse(const rw_ctx *ctx, rw_server server, const rw_tokens *t, b_arena *arena, rw_stmt **out,
                  rw_parse_error *perr)
{
    rw__parser p;
    memset(&p, 0, sizeof p);
    p.server = server;
    p.sql_mode = ctx->sql_mode;
    p.ctx = ctx;
    p.t = t;
    p.arena = arena;
    *out = NULL;
    rw_stmt **tail = out;
    while (p.pos < t->n) {
        if (rw__accept(&p, RW_OP_SEMICOLON)) continue;
        *tail = rw__statement(&p);
        tail = &(*tail)->next;
    }
    *perr = p.err;
    if (p.status != B_OK) *out = NULL;
    return p.status;
}
