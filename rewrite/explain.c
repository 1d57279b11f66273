/* What the lexer and the emitter made of a statement, for `straddle rewrite --explain`. */
#include "parser.h"
#include "plan.h"

static void print_token(b_buf *out, const rw_tokens *t, uint32_t i)
{
    static const char *const kinds[] = {"end",   "word",    "quoted", "string", "number", "hex",
                                        "param", "uservar", "sysvar", "op",     "bad"};
    b_slice text = rw__token_text(t, i);
    b_buf_printf(out, "-- token %u %s", i, kinds[t->tok[i].kind]);
    if (t->tok[i].kind == RW_TOK_IDENT && t->tok[i].word != RW_WORD_NONE)
        b_buf_printf(out, " %s", rw__word_text(t->tok[i].word));
    b_buf_char(out, ' ');
    for (size_t k = 0; k < text.n; k++)
        b_buf_char(out, text.p[k] == '\n' || text.p[k] == '\r' ? ' ' : text.p[k]);
    b_buf_char(out, '\n');
}

static void print_edit(b_buf *out, const rw_edit *e)
{
    if (e->ndel > 0)
        b_buf_printf(out, "-- edit: tokens %u to %u become", e->at, e->at + e->ndel - 1);
    else if (e->before)
        b_buf_printf(out, "-- edit: before token %u put", e->at);
    else
        b_buf_printf(out, "-- edit: after token %u put", e->at - 1);
    for (const rw_piece *p = e->pieces; p != NULL; p = p->next) {
        switch (p->kind) {
        case RW_P_TEXT: b_buf_printf(out, " [%.*s]", B_ARG(p->text)); break;
        case RW_P_COPY: b_buf_printf(out, " copy(%u to %u)", p->tok, p->end - 1); break;
        case RW_P_NAME: b_buf_printf(out, " name(%u to %u)", p->tok, p->end - 1); break;
        }
    }
    b_buf_char(out, '\n');
}

/* The tree of rw_dump(), or where the parser stopped. */
static b_status print_tree(const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t, b_arena *arena,
                           b_buf *out)
{
    rw_stmt *stmts = NULL;
    rw_parse_error err = {0};
    b_status s = rw_parse(ctx, rw_catalog_server(rw_ruleset_catalog(r)), t, arena, &stmts, &err);
    if (s == B_OK) {
        b_buf_str(out, "-- tree: ");
        size_t from = out->n;
        rw_dump(t, stmts, out);
        for (size_t i = from; i < out->n; i++)
            if (out->p[i] == '\n' || out->p[i] == '\r') out->p[i] = ' ';
        b_buf_char(out, '\n');
    } else if (s != B_NOMEM) {
        b_buf_printf(out, "-- not understood: %s at token %u\n", err.what == NULL ? "syntax" : err.what,
                     err.tok);
    }
    return s == B_NOMEM ? s : B_OK;
}

b_status rw_explain(const rw_ruleset *r, const rw_ctx *ctx, b_slice sql, b_arena *arena, b_buf *out)
{
    static const char *const verdicts[] = {"pass", "rewritten", "refused"};
    rw_tokens t;
    rw_plan plan = {0};
    b_status s = rw_lex(ctx, rw_catalog_server(rw_ruleset_catalog(r)), sql, arena, &t);
    if (s != B_OK) return s;
    for (uint32_t i = 0; i < t.n; i++) print_token(out, &t, i);
    s = print_tree(r, ctx, &t, arena, out);
    if (s == B_OK) s = rw__plan_traced(r, ctx, &t, arena, out, &plan);
    if (s != B_OK) return s;
    b_buf_printf(out, "-- verdict: %s, plan %s\n", verdicts[plan.verdict],
                 plan.cacheable ? "can be cached" : "is for this text only");
    for (const rw_edit *e = plan.edits.first; e != NULL && plan.verdict == RW_REWRITTEN; e = e->next)
        print_edit(out, e);
    return out->failed ? B_NOMEM : B_OK;
}
