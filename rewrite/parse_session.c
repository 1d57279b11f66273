/* Statements that evaluate something and change no table by themselves: SET, DO, CALL; and MariaDB's
 * SET STATEMENT … FOR, which stands before another statement. */
#include "parse.h"

/* Words that are values of variables, and may be no names. */
static bool value_word(rw__parser *p)
{
    return RW_ACCEPT_ANY(p, RW_W_DEFAULT, RW_W_ON, RW_W_ALL, RW_W_BINARY, RW_W_ROW, RW_W_SYSTEM);
}

static void value(rw__parser *p, rw__exprs *out)
{
    bool call = rw__is_at(p, 1, RW_OP_LPAREN);
    if (call || !value_word(p)) rw__exprs_add(out, rw__expr(p));
}

/* @@global.name, GLOBAL name, name.part: the variable, up to its `=`. */
static void system_variable(rw__parser *p, rw_name *name)
{
    bool sign = rw__accept_kind(p, RW_TOK_SYSVAR);
    if (!sign && !rw__is_at(p, 1, RW_OP_EQ) && !rw__is_at(p, 1, RW_OP_ASSIGN))
        RW_ACCEPT_ANY(p, RW_W_GLOBAL, RW_W_SESSION, RW_W_LOCAL, RW_W_PERSIST, RW_W_PERSIST_ONLY);
    if (sign && rw__is_word_or_name(p, 0) && rw__is_at(p, 1, RW_OP_DOT)) p->pos += 2;
    rw__name(p, name, "SET of a variable");
    if (sign) name->n = 0; /* nothing that could be declared */
}

static void set_variables(rw__parser *p, rw_stmt *s)
{
    rw__exprs values;
    rw__names names;
    rw__exprs_init(&values);
    rw__names_init(&names);
    s->kind = RW_S_EVAL;
    p->pos++;
    do {
        if (!rw__accept_kind(p, RW_TOK_USERVAR)) {
            s->sets_system = true;
            system_variable(p, rw__names_add(p, &names));
        }
        if (!RW_ACCEPT_ANY(p, RW_OP_EQ, RW_OP_ASSIGN)) rw__fail(p, "SET of a variable");
        value(p, &values);
    } while (rw__accept(p, RW_OP_COMMA));
    s->exprs = values.first;
    s->columns = names.first;
}

/* SET STATEMENT a = 1, b = 2 FOR statement */
static void set_for(rw__parser *p, rw_stmt *s)
{
    rw__exprs values;
    rw__names names;
    rw__exprs_init(&values);
    rw__names_init(&names);
    s->kind = RW_S_SET_FOR;
    p->pos += 2;
    do {
        rw__name(p, rw__names_add(p, &names), "SET STATEMENT");
        if (!RW_ACCEPT_ANY(p, RW_OP_EQ, RW_OP_ASSIGN)) rw__fail(p, "SET STATEMENT");
        uint32_t tok = p->pos;
        if (value_word(p))
            rw__exprs_add(&values, rw__done(p, rw__node(p, RW_E_DEFAULT, tok)));
        else
            rw__exprs_add(&values, rw__expr(p));
    } while (rw__accept(p, RW_OP_COMMA));
    s->columns = names.first;
    s->exprs = values.first;
    rw__expect(p, RW_W_FOR, "SET STATEMENT");
    if (rw__enter(p)) s->inner = rw__statement(p);
    rw__leave(p);
}

static void do_values(rw__parser *p, rw_stmt *s)
{
    rw__exprs values;
    rw__exprs_init(&values);
    s->kind = RW_S_EVAL;
    p->pos++;
    rw__expr_list(p, &values);
    s->exprs = values.first;
}

static void call_values(rw__parser *p, rw_stmt *s)
{
    rw__exprs values;
    rw_name name;
    rw__exprs_init(&values);
    s->kind = RW_S_EVAL;
    s->calls = true;
    p->pos++;
    rw__name(p, &name, "CALL statement");
    if (rw__accept(p, RW_OP_LPAREN) && !rw__accept(p, RW_OP_RPAREN)) {
        rw__expr_list(p, &values);
        rw__expect(p, RW_OP_RPAREN, "CALL statement");
    }
    s->exprs = values.first;
}

void rw__set(rw__parser *p, rw_stmt *s)
{
    bool mariadb = p->server.flavour == RW_MARIADB;
    rw__read_or_pass(p, s, mariadb && rw__is_at(p, 1, RW_W_STATEMENT) ? set_for : set_variables);
}

void rw__do(rw__parser *p, rw_stmt *s)
{
    rw__read_or_pass(p, s, do_values);
}

void rw__call_statement(rw__parser *p, rw_stmt *s)
{
    rw__read_or_pass(p, s, call_values);
}
