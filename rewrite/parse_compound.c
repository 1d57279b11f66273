/* MariaDB's compound statements that are sent as text: BEGIN NOT ATOMIC … END, IF, CASE, LOOP, WHILE, REPEAT,
 * FOR.
 *
 * The tree is flat: what a block holds is one list of statements, in order, with conditions and values among
 * them as expressions that are evaluated. A block or loop that declares names is a node of its own, since the
 * names are forgotten at its end. Whichever way the statement takes, each part of it is in the list. */
#include "parse.h"

typedef struct parts {
    rw_stmt **tail;
} parts;

static void statements(rw__parser *p, parts *out);

static rw_stmt *part(rw__parser *p, parts *out, rw_stmt_kind kind)
{
    rw_stmt *s = RW_NODE(p, rw_stmt);
    s->kind = kind;
    s->tok = p->pos;
    s->values_tok = s->row_alias_tok = s->returning_tok = s->text_tok = RW_NO_TOK;
    *out->tail = s;
    out->tail = &s->next;
    return s;
}

static void condition(rw__parser *p, parts *out)
{
    rw_stmt *s = part(p, out, RW_S_EVAL);
    s->exprs = rw__expr(p);
    s->end = p->pos;
}

static void end_of(rw__parser *p, uint16_t word)
{
    rw__expect(p, RW_W_END, "compound statement");
    if (word != RW_WORD_NONE) rw__expect(p, word, "compound statement");
    if (!rw__ends(p) && rw__is_name(p, 0)) p->pos++; /* the label */
}

/* ---- DECLARE ---- */

static bool condition_of_handler(rw__parser *p)
{
    if (rw__accept(p, RW_W_SQLSTATE)) {
        rw__accept(p, RW_W_VALUE);
        return rw__accept_kind(p, RW_TOK_STRING);
    }
    if (rw__accept2(p, RW_W_NOT, RW_W_FOUND) || RW_ACCEPT_ANY(p, RW_W_SQLWARNING, RW_W_SQLEXCEPTION))
        return true;
    if (rw__accept_kind(p, RW_TOK_NUMBER)) return true;
    rw_name name;
    return rw__ident(p, &name, "handler");
}

/* DECLARE EXIT HANDLER FOR condition, … statement */
static void handler(rw__parser *p, parts *out)
{
    p->pos++;
    rw__expect(p, RW_W_HANDLER, "handler");
    rw__expect(p, RW_W_FOR, "handler");
    do {
        if (!condition_of_handler(p)) rw__fail(p, "condition of a handler");
    } while (rw__accept(p, RW_OP_COMMA));
    statements(p, out);
}

/* DECLARE c CURSOR FOR SELECT …; DECLARE c CONDITION FOR … */
static bool cursor_or_condition(rw__parser *p, parts *out)
{
    if (rw__is_at(p, 1, RW_W_CURSOR)) {
        p->pos += 2;
        rw__expect(p, RW_W_FOR, "cursor");
        rw_stmt *s = part(p, out, RW_S_QUERY);
        s->query = rw__query(p);
        s->end = p->pos;
        return true;
    }
    if (!rw__is_at(p, 1, RW_W_CONDITION)) return false;
    p->pos += 2;
    rw__expect(p, RW_W_FOR, "condition");
    if (!condition_of_handler(p)) rw__fail(p, "condition");
    return true;
}

static void declare(rw__parser *p, parts *out)
{
    p->pos++;
    if (RW_IS_ANY(p, RW_W_CONTINUE, RW_W_EXIT, RW_W_UNDO)) {
        handler(p, out);
        return;
    }
    if (cursor_or_condition(p, out)) return;
    rw__names names;
    rw__names_init(&names);
    rw_stmt *s = part(p, out, RW_S_DECLARE);
    do {
        rw__ident(p, rw__names_add(p, &names), "declaration");
    } while (rw__accept(p, RW_OP_COMMA));
    s->columns = names.first;
    if (RW_IS_ANY(p, RW_W_TYPE, RW_W_ROW)) rw__fail(p, "type of a declaration");
    rw__type(p);
    if (rw__accept(p, RW_W_DEFAULT)) s->exprs = rw__expr(p);
    s->end = p->pos;
}

/* ---- blocks and loops ---- */

static bool list_ends(const rw__parser *p)
{
    return RW_IS_ANY(p, RW_W_END, RW_W_ELSEIF, RW_W_ELSE, RW_W_WHEN, RW_W_UNTIL) ||
           rw__kind(p, 0) == RW_TOK_END;
}

static void list(rw__parser *p, parts *out)
{
    while (!list_ends(p)) {
        statements(p, out);
        rw__expect(p, RW_OP_SEMICOLON, "compound statement");
    }
}

static void if_statement(rw__parser *p, parts *out)
{
    do {
        p->pos++;
        condition(p, out);
        rw__expect(p, RW_W_THEN, "IF statement");
        list(p, out);
    } while (rw__is(p, RW_W_ELSEIF));
    if (rw__accept(p, RW_W_ELSE)) list(p, out);
    end_of(p, RW_W_IF);
}

static void case_statement(rw__parser *p, parts *out)
{
    p->pos++;
    if (!rw__is(p, RW_W_WHEN)) condition(p, out);
    while (rw__accept(p, RW_W_WHEN)) {
        condition(p, out);
        rw__expect(p, RW_W_THEN, "CASE statement");
        list(p, out);
    }
    if (rw__accept(p, RW_W_ELSE)) list(p, out);
    end_of(p, RW_W_CASE);
}

static void loop_statement(rw__parser *p, parts *out)
{
    p->pos++;
    list(p, out);
    end_of(p, RW_W_LOOP);
}

static void while_statement(rw__parser *p, parts *out)
{
    p->pos++;
    condition(p, out);
    rw__expect(p, RW_W_DO, "WHILE statement");
    list(p, out);
    end_of(p, RW_W_WHILE);
}

static void repeat_statement(rw__parser *p, parts *out)
{
    p->pos++;
    list(p, out);
    rw__expect(p, RW_W_UNTIL, "REPEAT statement");
    condition(p, out);
    end_of(p, RW_W_REPEAT);
}

/* [REVERSE] a..b, or the name of a cursor. Without parentheses no table can be in it, so names in it are
 * those of variables; and the lexer does not cut `1..5` as the server does. */
static void bounds(rw__parser *p)
{
    while (!rw__is(p, RW_W_DO)) {
        if (rw__is(p, RW_OP_LPAREN) || rw__ends(p) || rw__kind(p, 0) == RW_TOK_BAD) {
            rw__fail(p, "bounds of a FOR statement");
            return;
        }
        p->pos++;
    }
}

/* FOR r IN (SELECT …) | cursor | [REVERSE] a..b DO … END FOR: the variable is seen inside only. */
static void for_statement(rw__parser *p, parts *out)
{
    rw__names names;
    rw__names_init(&names);
    p->pos++;
    rw__ident(p, rw__names_add(p, &names), "FOR statement");
    rw__expect(p, RW_W_IN, "FOR statement");
    bool query = rw__is(p, RW_OP_LPAREN) && rw__query_starts(p, 1);
    bool cursor = rw__is_name(p, 0) && rw__is_at(p, 1, RW_W_DO);
    if (query) {
        rw_stmt *rows = part(p, out, RW_S_EVAL);
        rows->exprs = rw__subquery(p, "FOR statement");
        rows->rows_seen = true;
        rows->end = p->pos;
    } else {
        bounds(p);
    }
    rw_stmt *block = part(p, out, RW_S_COMPOUND);
    parts inner = {&block->inner};
    rw_stmt *variable = part(p, &inner, RW_S_DECLARE);
    variable->columns = names.first;
    variable->rows_seen = query || cursor;
    rw__expect(p, RW_W_DO, "FOR statement");
    list(p, &inner);
    end_of(p, RW_W_FOR);
    block->end = p->pos;
}

static void block(rw__parser *p, parts *out)
{
    rw_stmt *s = part(p, out, RW_S_COMPOUND);
    parts inner = {&s->inner};
    p->pos++;
    if (rw__accept2(p, RW_W_NOT, RW_W_ATOMIC)) s->compound = true;
    list(p, &inner);
    end_of(p, RW_WORD_NONE);
    s->end = p->pos;
}

typedef struct dispatch_row {
    uint16_t word;
    void (*parse)(rw__parser *p, parts *out);
} dispatch_row;

static const dispatch_row dispatch[] = {
    {RW_W_BEGIN, block},         {RW_W_IF, if_statement},       {RW_W_CASE, case_statement},
    {RW_W_LOOP, loop_statement}, {RW_W_WHILE, while_statement}, {RW_W_REPEAT, repeat_statement},
    {RW_W_FOR, for_statement},   {RW_W_DECLARE, declare},
};

/* What a text may not hold if it is to be followed: it changes what names mean, or not in every way it goes.
 */
static bool unfollowed(const rw__parser *p)
{
    return RW_IS_ANY(p, RW_W_CREATE, RW_W_DROP, RW_W_ALTER, RW_W_RENAME, RW_W_PREPARE, RW_W_EXECUTE,
                     RW_W_DEALLOCATE, RW_W_USE, RW_W_LOCK);
}

/* One statement, or all that a construct holds. */
static void statements(rw__parser *p, parts *out)
{
    if (!rw__enter(p)) {
        rw__leave(p);
        return;
    }
    if (rw__is_name(p, 0) && rw__is_at(p, 1, RW_OP_COLON)) p->pos += 2;
    void (*parse)(rw__parser *, parts *) = NULL;
    for (size_t i = 0; i < sizeof dispatch / sizeof dispatch[0]; i++)
        if (rw__is(p, dispatch[i].word)) parse = dispatch[i].parse;
    if (unfollowed(p)) {
        rw__fail(p, "statement inside a compound one");
    } else if (parse != NULL) {
        parse(p, out);
    } else {
        *out->tail = rw__statement(p);
        out->tail = &(*out->tail)->next;
    }
    rw__leave(p);
}

static void whole(rw__parser *p, rw_stmt *s)
{
    parts out = {&s->inner};
    s->kind = RW_S_COMPOUND;
    statements(p, &out);
}

void rw__compound(rw__parser *p, rw_stmt *s)
{
    bool plain_begin = rw__is(p, RW_W_BEGIN) && !rw__is_at(p, 1, RW_W_NOT);
    if (plain_begin || p->server.flavour != RW_MARIADB || (p->sql_mode & RW_MODE_ORACLE))
        rw__other(p, s);
    else
        rw__read_or_pass(p, s, whole);
}
