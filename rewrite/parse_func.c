/* Function calls, with the odd syntax that some functions have inside their parentheses, and windows.
 *
 * Most oddities begin with a reserved word (DISTINCT, ORDER BY, USING, FROM …) and so cannot be mistaken for
 * anything else: they are understood in every call, and the server complains where they do not belong. Only
 * what would be ambiguous is tied to a function, by the table of functions.c. */
#include "functions.h"
#include "parse.h"

/* Only what is not quoted has odd syntax. */
static unsigned fn_flags(const rw_token *t)
{
    if (t->kind != RW_TOK_IDENT || t->word == RW_WORD_NONE) return 0;
    return rw__function(b_slice_str(rw__word_text(t->word))) & RW_FN_SYNTAX;
}

bool rw__call_starts(const rw__parser *p)
{
    const rw_token *t = rw__peek(p, 0);
    unsigned flags = fn_flags(t);
    bool reserved = t->kind == RW_TOK_IDENT && rw__word_reserved(t->word, p->server);
    if ((flags & RW_FN_NO_PARENS) && reserved) return true;
    if (reserved) return (flags & RW_FN_RESERVED) && rw__is_at(p, 1, RW_OP_LPAREN);
    if (!rw__is_name(p, 0)) return false;
    uint32_t i = 1;
    while (i < 5 && rw__is_at(p, i, RW_OP_DOT) && rw__is_word_or_name(p, i + 1)) i += 2;
    return rw__is_at(p, i, RW_OP_LPAREN);
}

static const uint16_t units[] = {
    RW_W_MICROSECOND,
    RW_W_SECOND,
    RW_W_MINUTE,
    RW_W_HOUR,
    RW_W_DAY,
    RW_W_WEEK,
    RW_W_MONTH,
    RW_W_QUARTER,
    RW_W_YEAR,
    RW_W_SECOND_MICROSECOND,
    RW_W_MINUTE_MICROSECOND,
    RW_W_MINUTE_SECOND,
    RW_W_HOUR_MICROSECOND,
    RW_W_HOUR_SECOND,
    RW_W_HOUR_MINUTE,
    RW_W_DAY_MICROSECOND,
    RW_W_DAY_SECOND,
    RW_W_DAY_MINUTE,
    RW_W_DAY_HOUR,
    RW_W_YEAR_MONTH,
    RW_W_SQL_TSI_DAY,
    RW_W_SQL_TSI_HOUR,
    RW_W_SQL_TSI_MINUTE,
    RW_W_SQL_TSI_MONTH,
    RW_W_SQL_TSI_QUARTER,
    RW_W_SQL_TSI_SECOND,
    RW_W_SQL_TSI_WEEK,
    RW_W_SQL_TSI_YEAR,
};

bool rw__unit(rw__parser *p)
{
    return rw__accept_any(p, units, sizeof units / sizeof units[0]);
}

void rw__type(rw__parser *p)
{
    if (rw__kind(p, 0) != RW_TOK_IDENT) rw__fail(p, "data type");
    bool charset = false; /* whose name may be a string */
    while (rw__kind(p, 0) == RW_TOK_IDENT || rw__is(p, RW_OP_LPAREN) ||
           (charset && rw__kind(p, 0) == RW_TOK_STRING)) {
        charset = RW_IS_ANY(p, RW_W_SET, RW_W_CHARSET);
        if (rw__is(p, RW_OP_LPAREN))
            rw__skip_parens(p, "data type");
        else
            p->pos++;
        if (RW_IS_ANY(p, RW_W_NULL, RW_W_ERROR, RW_W_DEFAULT, RW_W_LEVEL)) return;
    }
}

/* JSON_VALUE(… RETURNING type [NULL | ERROR | DEFAULT v ON EMPTY] [… ON ERROR]) */
static void json_value_rest(rw__parser *p, rw__exprs *kids)
{
    if (rw__accept(p, RW_W_RETURNING)) rw__type(p);
    while (RW_IS_ANY(p, RW_W_NULL, RW_W_ERROR, RW_W_DEFAULT)) {
        bool value = rw__is(p, RW_W_DEFAULT);
        p->pos++;
        if (value) rw__exprs_add(kids, rw__primary(p));
        rw__expect(p, RW_W_ON, "JSON_VALUE clause");
        if (!RW_ACCEPT_ANY(p, RW_W_EMPTY, RW_W_ERROR)) rw__fail(p, "JSON_VALUE clause");
    }
}

/* WEIGHT_STRING(… LEVEL 1 DESC, 2 REVERSE): numbers and words only. */
static void level_rest(rw__parser *p)
{
    if (!rw__accept(p, RW_W_LEVEL)) return;
    while (rw__kind(p, 0) == RW_TOK_NUMBER ||
           RW_IS_ANY(p, RW_W_ASC, RW_W_DESC, RW_W_REVERSE, RW_OP_COMMA, RW_OP_MINUS))
        p->pos++;
}

/* CAST(x AT TIME ZONE '+00:00' AS DATETIME) */
static void at_time_zone(rw__parser *p, rw__exprs *kids)
{
    if (!rw__accept(p, RW_W_AT) || rw__accept(p, RW_W_LOCAL)) return;
    rw__expect(p, RW_W_TIME, "AT TIME ZONE");
    rw__expect(p, RW_W_ZONE, "AT TIME ZONE");
    rw__accept(p, RW_W_INTERVAL);
    rw__exprs_add(kids, rw__primary(p));
}

static void argument_alias(rw__parser *p, unsigned flags)
{
    bool label = (rw__is_name(p, 0) && !rw__is2(p, RW_W_ABSENT, RW_W_ON)) || rw__kind(p, 0) == RW_TOK_STRING;
    if (!rw__accept(p, RW_W_AS)) {
        if (flags == 0 && label) p->pos++; /* f(a b), as f(a AS b) */
        return;
    }
    if (flags & RW_FN_AS_TYPE) {
        rw__type(p);
    } else if (rw__is_name(p, 0) || rw__kind(p, 0) == RW_TOK_STRING) {
        p->pos++; /* f(a AS b), of loadable functions: b is only a label */
    } else {
        rw__fail(p, "alias of an argument");
    }
}

/* JSON_ARRAYAGG(a NULL ON NULL), or ABSENT ON NULL, of MySQL. */
static void json_null_rest(rw__parser *p)
{
    bool clause = rw__is2(p, RW_W_NULL, RW_W_ON) || rw__is2(p, RW_W_ABSENT, RW_W_ON);
    if (p->server.flavour == RW_MYSQL && clause && rw__is_at(p, 2, RW_W_NULL)) p->pos += 3;
}

/* What may come after the last argument. */
static void arguments_rest(rw__parser *p, unsigned flags, rw__exprs *kids)
{
    if (rw__accept(p, RW_W_USING) && !rw__accept(p, RW_W_BINARY) && !rw__accept_kind(p, RW_TOK_STRING)) {
        rw_name charset;
        rw__ident(p, &charset, "character set");
    }
    json_null_rest(p);
    if (flags & RW_FN_LEVEL) level_rest(p);
    if (flags & RW_FN_RETURNING) json_value_rest(p, kids);
    if (rw__accept2(p, RW_W_ORDER, RW_W_BY)) {
        for (rw_order *o = rw__order_list(p, NULL); o != NULL && p->status == B_OK; o = o->next)
            rw__exprs_add(kids, o->expr);
    }
    if (rw__accept(p, RW_W_SEPARATOR)) rw__exprs_add(kids, rw__primary(p));
    if (rw__accept(p, RW_W_LIMIT)) {
        rw_expr *e = rw__limit(p);
        while (e != NULL && p->status == B_OK) {
            rw_expr *next = e->next;
            rw__exprs_add(kids, e);
            e = next;
        }
    }
}

static bool separator(rw__parser *p, unsigned flags)
{
    if (RW_ACCEPT_ANY(p, RW_OP_COMMA, RW_W_FROM, RW_W_FOR)) return true;
    return (flags & RW_FN_IN) && rw__accept(p, RW_W_IN);
}

/* The first argument where it is something else than an expression. */
static bool odd_first(rw__parser *p, unsigned flags, rw__exprs *kids)
{
    rw_name seq;
    if (flags & RW_FN_UNIT) {
        if (!rw__unit(p) && !RW_ACCEPT_ANY(p, RW_W_DATE, RW_W_TIME, RW_W_DATETIME, RW_W_TIMESTAMP))
            rw__fail(p, "unit of time");
        return true;
    }
    if ((flags & RW_FN_TABLE1) && p->server.flavour == RW_MARIADB) return rw__name(p, &seq, "sequence");
    if (rw__is(p, RW_OP_STAR) && rw__is_at(p, 1, RW_OP_RPAREN)) {
        rw_expr *star = rw__node(p, RW_E_STAR, p->pos);
        p->pos++;
        rw__exprs_add(kids, rw__done(p, star));
        return true;
    }
    /* TRIM(LEADING FROM x): nothing stands before FROM */
    return RW_ACCEPT_ANY(p, RW_W_LEADING, RW_W_TRAILING, RW_W_BOTH) && rw__is(p, RW_W_FROM);
}

static rw_expr *argument(rw__parser *p, unsigned flags)
{
    if (rw__query_starts(p, 0) && rw__is(p, RW_W_SELECT)) rw__fail(p, "function argument");
    return rw__expr_prec(p, flags & RW_FN_IN ? RW_PREC_BIT_OR : RW_PREC_ANY);
}

/* From after `(` to before `)`. */
static void arguments(rw__parser *p, unsigned flags, rw__exprs *kids)
{
    RW_ACCEPT_ANY(p, RW_W_DISTINCT, RW_W_ALL, RW_W_UNIQUE);
    if (!odd_first(p, flags, kids)) {
        rw__exprs_add(kids, argument(p, flags));
        if (flags & RW_FN_AS_TYPE) at_time_zone(p, kids);
        argument_alias(p, flags);
    }
    while (separator(p, flags)) {
        if (flags & RW_FN_TYPE2) {
            rw__type(p);
            break;
        }
        rw__exprs_add(kids, argument(p, flags));
        argument_alias(p, flags);
    }
    arguments_rest(p, flags, kids);
}

static bool frame_bound(rw__parser *p, rw__exprs *out)
{
    if (rw__accept2(p, RW_W_CURRENT, RW_W_ROW)) return true;
    bool unbounded = rw__is2(p, RW_W_UNBOUNDED, RW_W_PRECEDING) || rw__is2(p, RW_W_UNBOUNDED, RW_W_FOLLOWING);
    if (unbounded)
        p->pos++;
    else
        rw__exprs_add(out, rw__expr_prec(p, RW_PREC_BIT_OR));
    return RW_ACCEPT_ANY(p, RW_W_PRECEDING, RW_W_FOLLOWING);
}

static void window_frame(rw__parser *p, rw__exprs *out)
{
    bool ok;
    if (!RW_ACCEPT_ANY(p, RW_W_ROWS, RW_W_RANGE, RW_W_GROUPS)) return;
    if (rw__accept(p, RW_W_BETWEEN))
        ok = frame_bound(p, out) && rw__accept(p, RW_W_AND) && frame_bound(p, out);
    else
        ok = frame_bound(p, out);
    if (ok && rw__accept(p, RW_W_EXCLUDE)) {
        ok = rw__accept2(p, RW_W_CURRENT, RW_W_ROW) || rw__accept2(p, RW_W_NO, RW_W_OTHERS) ||
             RW_ACCEPT_ANY(p, RW_W_GROUP, RW_W_TIES);
    }
    if (!ok) rw__fail(p, "window frame");
}

static void add_order(rw__parser *p, rw__exprs *out)
{
    for (rw_order *o = rw__order_list(p, NULL); o != NULL && p->status == B_OK; o = o->next)
        rw__exprs_add(out, o->expr);
}

rw_window *rw__window_body(rw__parser *p)
{
    rw_window *w = RW_NODE(p, rw_window);
    rw__exprs exprs;
    rw__exprs_init(&exprs);
    w->name_tok = RW_NO_TOK;
    rw__expect(p, RW_OP_LPAREN, "window");
    if (rw__is_name(p, 0) && !RW_IS_ANY(p, RW_W_PARTITION, RW_W_ROWS, RW_W_RANGE)) w->name_tok = p->pos++;
    if (rw__accept2(p, RW_W_PARTITION, RW_W_BY)) add_order(p, &exprs);
    rw_expr **order = exprs.tail;
    if (rw__accept2(p, RW_W_ORDER, RW_W_BY)) add_order(p, &exprs);
    rw_expr **frame = exprs.tail;
    window_frame(p, &exprs);
    rw__expect(p, RW_OP_RPAREN, "window");
    w->exprs = exprs.first;
    w->order = order == frame ? NULL : *order;
    w->frame = *frame;
    return w;
}

/* WITHIN GROUP, FROM FIRST, IGNORE NULLS, OVER */
static void call_rest(rw__parser *p, unsigned flags, rw_expr *e, rw__exprs *kids)
{
    if (rw__is2(p, RW_W_WITHIN, RW_W_GROUP) && rw__is_at(p, 2, RW_OP_LPAREN)) {
        p->pos += 3;
        if (!rw__accept2(p, RW_W_ORDER, RW_W_BY)) rw__fail(p, "WITHIN GROUP clause");
        add_order(p, kids);
        rw__expect(p, RW_OP_RPAREN, "WITHIN GROUP clause");
    }
    if ((flags & RW_FN_NTH) && rw__accept(p, RW_W_FROM) && !RW_ACCEPT_ANY(p, RW_W_FIRST, RW_W_LAST))
        rw__fail(p, "NTH_VALUE clause");
    if (!rw__accept2(p, RW_W_RESPECT, RW_W_NULLS)) rw__accept2(p, RW_W_IGNORE, RW_W_NULLS);
    if (!rw__is(p, RW_W_OVER)) return;
    p->pos++;
    if (rw__is(p, RW_OP_LPAREN)) {
        e->over = rw__window_body(p);
        return;
    }
    rw_name window;
    e->over = RW_NODE(p, rw_window);
    e->over->name_tok = p->pos;
    rw__ident(p, &window, "OVER clause");
}

rw_expr *rw__call(rw__parser *p)
{
    rw_expr *e = rw__node(p, RW_E_FUNC, p->pos);
    rw__exprs kids;
    rw__exprs_init(&kids);
    unsigned flags = 0;
    if (rw__is_at(p, 1, RW_OP_DOT)) {
        rw__name(p, &e->name, "function");
    } else {
        flags = fn_flags(rw__peek(p, 0));
        rw__word_name(p, &e->name);
    }
    if ((flags & RW_FN_NO_PARENS) && !rw__is(p, RW_OP_LPAREN)) return rw__done(p, e);
    rw__expect(p, RW_OP_LPAREN, "function");
    if (!rw__is(p, RW_OP_RPAREN)) arguments(p, flags, &kids);
    rw__expect(p, RW_OP_RPAREN, "function argument");
    call_rest(p, flags, e, &kids);
    e->kids = kids.first;
    return rw__done(p, e);
}

/* AGAINST (… IN BOOLEAN MODE) and its like: what follows the expression. */
static void match_mode(rw__parser *p)
{
    if (rw__accept(p, RW_W_IN)) {
        bool boolean = rw__accept(p, RW_W_BOOLEAN);
        if (!boolean) {
            rw__expect(p, RW_W_NATURAL, "MATCH mode");
            rw__expect(p, RW_W_LANGUAGE, "MATCH mode");
        }
        rw__expect(p, RW_W_MODE, "MATCH mode");
    }
    if (rw__accept(p, RW_W_WITH)) {
        rw__expect(p, RW_W_QUERY, "MATCH mode");
        rw__expect(p, RW_W_EXPANSION, "MATCH mode");
    }
}

rw_expr *rw__match(rw__parser *p)
{
    rw_expr *e = rw__node(p, RW_E_MATCH, p->pos);
    rw__exprs kids;
    rw__exprs_init(&kids);
    p->pos++;
    bool paren = rw__accept(p, RW_OP_LPAREN);
    do {
        rw_expr *col = rw__node(p, RW_E_COLUMN, p->pos);
        rw__name(p, &col->name, "MATCH column");
        rw__exprs_add(&kids, rw__done(p, col));
    } while (rw__accept(p, RW_OP_COMMA));
    if (paren) rw__expect(p, RW_OP_RPAREN, "MATCH column");
    rw__expect(p, RW_W_AGAINST, "MATCH expression");
    rw__expect(p, RW_OP_LPAREN, "MATCH expression");
    rw__exprs_add(&kids, rw__expr_prec(p, RW_PREC_BIT_OR));
    match_mode(p);
    rw__expect(p, RW_OP_RPAREN, "MATCH expression");
    e->kids = kids.first;
    return rw__done(p, e);
}
