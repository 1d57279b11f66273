/* Statements about named statements: PREPARE, EXECUTE, EXECUTE IMMEDIATE, DEALLOCATE PREPARE. */
#include "parse.h"

/* The text: a lone string can be read; anything else is known only when it runs. */
static void prepared_text(rw__parser *p, rw_stmt *s)
{
    s->kind = RW_S_PREPARE;
    s->text_tok = p->pos;
    rw_expr *e = rw__expr(p);
    if (e->kind == RW_E_LITERAL && e->end == e->tok + 1 && p->t->tok[e->tok].kind == RW_TOK_STRING) return;
    s->text_tok = RW_NO_TOK;
    s->from_var = true;
    s->text = e;
}

static void using_list(rw__parser *p, rw_stmt *s)
{
    rw__exprs used;
    s->using_tok = p->pos;
    if (!rw__accept(p, RW_W_USING)) return;
    rw__exprs_init(&used);
    do {
        rw__exprs_add(&used, rw__expr_or_default(p));
    } while (rw__accept(p, RW_OP_COMMA));
    s->exprs = used.first;
}

void rw__prepare(rw__parser *p, rw_stmt *s)
{
    p->pos++;
    rw__ident(p, &s->like, "PREPARE statement");
    rw__expect(p, RW_W_FROM, "PREPARE statement");
    prepared_text(p, s);
}

void rw__execute(rw__parser *p, rw_stmt *s)
{
    p->pos++;
    if (rw__accept(p, RW_W_IMMEDIATE)) {
        s->immediate = true;
        prepared_text(p, s);
    } else {
        s->kind = RW_S_EXECUTE;
        rw__ident(p, &s->like, "EXECUTE statement");
    }
    using_list(p, s);
}

/* DEALLOCATE PREPARE n, DROP PREPARE n */
void rw__deallocate(rw__parser *p, rw_stmt *s)
{
    p->pos++;
    s->kind = RW_S_DEALLOCATE;
    rw__expect(p, RW_W_PREPARE, "DEALLOCATE statement");
    rw__ident(p, &s->like, "DEALLOCATE statement");
}
