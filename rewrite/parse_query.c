/* Queries: WITH, SELECT, set operations, VALUES, TABLE, and what may follow them. */
#include "parse.h"

static bool starts_values(const rw__parser *p, uint32_t ahead)
{
    return rw__is_at(p, ahead, RW_W_VALUES) &&
           (rw__is_at(p, ahead + 1, RW_W_ROW) || rw__is_at(p, ahead + 1, RW_OP_LPAREN));
}

bool rw__query_starts(const rw__parser *p, uint32_t ahead)
{
    return rw__is_at(p, ahead, RW_W_SELECT) || rw__is_at(p, ahead, RW_W_WITH) || starts_values(p, ahead) ||
           rw__is_at(p, ahead, RW_W_TABLE);
}

static bool set_operator(const rw__parser *p)
{
    return rw__is_minus(p) || RW_IS_ANY(p, RW_W_UNION, RW_W_EXCEPT, RW_W_INTERSECT);
}

static bool fetch_starts(const rw__parser *p)
{
    return rw__is2(p, RW_W_FETCH, RW_W_FIRST) || rw__is2(p, RW_W_FETCH, RW_W_NEXT);
}

bool rw__query_goes_on(const rw__parser *p)
{
    return set_operator(p) || fetch_starts(p) || rw__is2(p, RW_W_ORDER, RW_W_BY) ||
           RW_IS_ANY(p, RW_W_LIMIT, RW_W_OFFSET, RW_W_INTO, RW_W_FOR, RW_W_LOCK);
}

/* `*`, t.* and s.t.*: how many tokens stand before the star; 0xFF when this is none. */
static uint32_t star_at(const rw__parser *p)
{
    uint32_t i = 0;
    if (rw__is(p, RW_OP_STAR)) return 0;
    if (rw__is(p, RW_OP_DOT)) i++;
    if (i == 0 && !rw__is_name(p, 0)) return 0xFF;
    while (i < 6 && rw__is_word_or_name(p, i) && rw__is_at(p, i + 1, RW_OP_DOT)) {
        i += 2;
        if (rw__is_at(p, i, RW_OP_STAR)) return i;
    }
    return 0xFF;
}

static rw_expr *item_expr(rw__parser *p)
{
    uint32_t before = star_at(p);
    if (before == 0xFF) return rw__expr(p);
    rw_expr *e = rw__node(p, RW_E_STAR, p->pos);
    if (before > 0) {
        rw__name(p, &e->name, "select list");
        rw__expect(p, RW_OP_DOT, "select list");
    }
    rw__expect(p, RW_OP_STAR, "select list");
    return rw__done(p, e);
}

/* What a string literal without an alias is called: its text, or that of the first of several. */
static b_slice text_of(rw__parser *p, const rw_item *item)
{
    const rw_expr *e = item->expr;
    bool named = e->kind == RW_E_LITERAL && item->alias_tok == RW_NO_TOK;
    for (uint32_t i = e->tok; named && i < e->end; i++) {
        if (p->t->tok[i].kind == RW_TOK_STRING) return rw__text(p, i);
    }
    return (b_slice){NULL, 0};
}

rw_item *rw__items(rw__parser *p)
{
    rw_item *first = NULL, **tail = &first;
    do {
        rw_item *item = RW_NODE(p, rw_item);
        item->tok = p->pos;
        item->alias_tok = RW_NO_TOK;
        item->expr = item_expr(p);
        if (item->expr->kind != RW_E_STAR) rw__item_alias(p, item);
        item->text = text_of(p, item);
        item->end = p->pos;
        *tail = item;
        tail = &item->next;
    } while (rw__accept(p, RW_OP_COMMA));
    return first;
}

rw_order *rw__order_list(rw__parser *p, bool *rollup)
{
    rw_order *first = NULL, **tail = &first;
    do {
        rw_order *o = RW_NODE(p, rw_order);
        o->expr = rw__expr(p);
        RW_ACCEPT_ANY(p, RW_W_ASC, RW_W_DESC);
        *tail = o;
        tail = &o->next;
    } while (rw__accept(p, RW_OP_COMMA));
    if (rollup != NULL && (rw__accept2(p, RW_W_WITH, RW_W_ROLLUP) || rw__accept2(p, RW_W_WITH, RW_W_CUBE)))
        *rollup = true;
    return first;
}

rw_expr *rw__limit(rw__parser *p)
{
    rw__exprs l;
    rw__exprs_init(&l);
    if (!rw__is(p, RW_W_ROWS)) {
        rw__exprs_add(&l, rw__primary(p));
        if (rw__accept(p, RW_OP_COMMA) || rw__accept(p, RW_W_OFFSET)) rw__exprs_add(&l, rw__primary(p));
    }
    if (rw__accept2(p, RW_W_ROWS, RW_W_EXAMINED)) rw__exprs_add(&l, rw__primary(p));
    return l.first;
}

/* [OFFSET n ROWS] FETCH FIRST n ROWS ONLY */
static rw_expr *fetch(rw__parser *p)
{
    rw__exprs l;
    rw__exprs_init(&l);
    if (rw__accept(p, RW_W_OFFSET)) {
        rw__exprs_add(&l, rw__primary(p));
        if (!RW_ACCEPT_ANY(p, RW_W_ROW, RW_W_ROWS)) rw__fail(p, "OFFSET clause");
    }
    if (!rw__accept(p, RW_W_FETCH)) return l.first;
    if (!RW_ACCEPT_ANY(p, RW_W_FIRST, RW_W_NEXT)) rw__fail(p, "FETCH clause");
    if (!RW_IS_ANY(p, RW_W_ROW, RW_W_ROWS)) rw__exprs_add(&l, rw__primary(p));
    if (!RW_ACCEPT_ANY(p, RW_W_ROW, RW_W_ROWS)) rw__fail(p, "FETCH clause");
    if (!rw__accept(p, RW_W_ONLY) && !rw__accept2(p, RW_W_WITH, RW_W_TIES)) rw__fail(p, "FETCH clause");
    return l.first;
}

static void file_options(rw__parser *p)
{
    if (rw__accept2(p, RW_W_CHARACTER, RW_W_SET) || rw__accept(p, RW_W_CHARSET)) p->pos += !rw__ends(p);
    while (RW_ACCEPT_ANY(p, RW_W_FIELDS, RW_W_COLUMNS, RW_W_LINES, RW_W_TERMINATED, RW_W_OPTIONALLY,
                         RW_W_ENCLOSED, RW_W_ESCAPED, RW_W_STARTING, RW_W_BY) ||
           rw__accept_kind(p, RW_TOK_STRING) || rw__accept_kind(p, RW_TOK_HEX))
        continue;
}

static void into(rw__parser *p, rw_query *q)
{
    rw__names vars;
    rw__names_init(&vars);
    if (q->into) rw__fail(p, "second INTO clause");
    q->into = true;
    if (rw__accept(p, RW_W_OUTFILE) || rw__accept(p, RW_W_DUMPFILE)) {
        q->into_outfile = true;
        if (!rw__accept_kind(p, RW_TOK_STRING)) rw__fail(p, "INTO clause");
        file_options(p);
        return;
    }
    do {
        if (rw__kind(p, 0) != RW_TOK_USERVAR && !rw__is_name(p, 0)) {
            rw__fail(p, "INTO clause");
            return;
        }
        rw__word_name(p, rw__names_add(p, &vars));
    } while (rw__accept(p, RW_OP_COMMA));
    q->into_vars = vars.first;
}

/* FOR UPDATE, FOR SHARE, LOCK IN SHARE MODE, with what may follow. */
static void locking(rw__parser *p, rw_query *q)
{
    q->locking = true;
    if (rw__accept(p, RW_W_LOCK)) {
        bool ok = rw__accept2(p, RW_W_IN, RW_W_SHARE) && rw__accept(p, RW_W_MODE);
        if (!ok) rw__fail(p, "LOCK IN SHARE MODE");
    } else {
        p->pos++;
        if (!RW_ACCEPT_ANY(p, RW_W_UPDATE, RW_W_SHARE)) rw__fail(p, "FOR clause");
    }
    if (rw__accept(p, RW_W_OF)) {
        rw__names of;
        of.first = q->lock_of;
        of.tail = &of.first;
        while (*of.tail != NULL && p->status == B_OK) of.tail = &(*of.tail)->next;
        do {
            rw__name(p, rw__names_add(p, &of), "FOR UPDATE OF");
        } while (rw__accept(p, RW_OP_COMMA));
        q->lock_of = of.first;
    }
    if (rw__accept(p, RW_W_NOWAIT) || rw__accept2(p, RW_W_SKIP, RW_W_LOCKED)) return;
    if (rw__accept(p, RW_W_WAIT) && !rw__accept_kind(p, RW_TOK_NUMBER)) rw__fail(p, "WAIT clause");
}

static void procedure(rw__parser *p, rw_query *q)
{
    rw_name name;
    q->procedure = true;
    p->pos++;
    rw__name(p, &name, "PROCEDURE clause");
    rw__skip_parens(p, "PROCEDURE clause");
}

/* ORDER BY, LIMIT, INTO, FOR UPDATE and their like, behind the body. */
static void query_rest(rw__parser *p, rw_query *q)
{
    for (;;) {
        if (rw__is2(p, RW_W_ORDER, RW_W_BY)) {
            if (q->order != NULL) rw__fail(p, "second ORDER BY");
            if (p->status == B_OK) p->pos += 2;
            q->order = rw__order_list(p, NULL);
        } else if (rw__accept(p, RW_W_LIMIT)) {
            if (q->limit != NULL) rw__fail(p, "second LIMIT");
            q->limit = rw__limit(p);
        } else if (fetch_starts(p) || rw__is(p, RW_W_OFFSET)) {
            if (q->limit != NULL) rw__fail(p, "second LIMIT");
            q->limit = fetch(p);
        } else if (rw__accept(p, RW_W_INTO)) {
            into(p, q);
        } else if (RW_IS_ANY(p, RW_W_FOR, RW_W_LOCK)) {
            locking(p, q);
        } else if (rw__is(p, RW_W_PROCEDURE)) {
            procedure(p, q);
        } else {
            break;
        }
    }
    q->end = p->pos;
}

static void select_options(rw__parser *p, rw_select *s)
{
    for (;;) {
        if (RW_ACCEPT_ANY(p, RW_W_DISTINCT, RW_W_DISTINCTROW)) {
            s->distinct = true;
        } else if (rw__is2(p, RW_W_MAX_STATEMENT_TIME, RW_OP_EQ)) {
            p->pos += 2;
            rw__primary(p);
        } else if (!RW_ACCEPT_ANY(p, RW_W_ALL, RW_W_HIGH_PRIORITY, RW_W_STRAIGHT_JOIN, RW_W_SQL_SMALL_RESULT,
                                  RW_W_SQL_BIG_RESULT, RW_W_SQL_BUFFER_RESULT, RW_W_SQL_CACHE,
                                  RW_W_SQL_NO_CACHE, RW_W_SQL_CALC_FOUND_ROWS)) {
            return;
        }
    }
}

static void named_windows(rw__parser *p, rw_select *s)
{
    rw_window **tail = &s->windows;
    do {
        rw_name name;
        uint32_t tok = p->pos;
        rw__ident(p, &name, "WINDOW clause");
        rw__expect(p, RW_W_AS, "WINDOW clause");
        rw_window *w = rw__window_body(p);
        w->name_tok = tok;
        *tail = w;
        tail = &w->next;
    } while (rw__accept(p, RW_OP_COMMA));
}

static void select_clauses(rw__parser *p, rw_select *s)
{
    if (rw__accept(p, RW_W_FROM)) s->from = rw__from_list(p);
    if (rw__accept(p, RW_W_WHERE)) s->where = rw__expr(p);
    if (rw__accept2(p, RW_W_GROUP, RW_W_BY)) s->group = rw__order_list(p, &s->rollup);
    if (rw__accept(p, RW_W_HAVING)) s->having = rw__expr(p);
    if (rw__accept(p, RW_W_WINDOW)) named_windows(p, s);
    if (p->server.flavour == RW_MYSQL && rw__accept(p, RW_W_QUALIFY)) s->qualify = rw__expr(p);
}

static void select_query(rw__parser *p, rw_query *q, rw_select *s)
{
    p->pos++;
    select_options(p, s);
    s->items_tok = p->pos;
    s->items = rw__items(p);
    s->items_end = p->pos;
    if (rw__accept(p, RW_W_INTO)) into(p, q);
    select_clauses(p, s);
}

/* VALUES ROW(1, 2), ROW(3, 4), or MariaDB's VALUES (1, 2), (3, 4) */
static void values_query(rw__parser *p, rw_select *s)
{
    rw__exprs values;
    rw__exprs_init(&values);
    s->is_values = true;
    p->pos++;
    do {
        rw__accept(p, RW_W_ROW);
        rw__expect(p, RW_OP_LPAREN, "VALUES rows");
        if (rw__accept(p, RW_OP_RPAREN)) continue;
        do {
            rw__exprs_add(&values, rw__expr_or_default(p));
        } while (rw__accept(p, RW_OP_COMMA));
        rw__expect(p, RW_OP_RPAREN, "VALUES rows");
    } while (rw__accept(p, RW_OP_COMMA));
    s->values = values.first;
}

static rw_query *query_node(rw__parser *p, uint32_t tok)
{
    rw_query *q = RW_NODE(p, rw_query);
    q->tok = tok;
    return q;
}

static rw_query *paren_query(rw__parser *p)
{
    rw_query *q = query_node(p, p->pos);
    p->pos++;
    q->inner = rw__query(p);
    rw__expect(p, RW_OP_RPAREN, "query in parentheses");
    q->end = p->pos;
    return q;
}

/* One operand of a set operation. */
static rw_query *query_operand(rw__parser *p)
{
    if (rw__is(p, RW_OP_LPAREN)) return paren_query(p);
    rw_query *q = query_node(p, p->pos);
    rw_select *s = q->select = RW_NODE(p, rw_select);
    s->tok = p->pos;
    if (rw__is(p, RW_W_SELECT)) {
        select_query(p, q, s);
    } else if (starts_values(p, 0)) {
        values_query(p, s);
    } else if (rw__accept(p, RW_W_TABLE)) {
        s->is_table = true;
        rw__name(p, &s->table, "TABLE statement");
    } else {
        rw__fail(p, "query");
    }
    s->end = q->end = p->pos;
    return q;
}

static rw_query *set_node(rw__parser *p, rw_query *left)
{
    rw_query *q = query_node(p, left->tok);
    q->left = left;
    q->set_op = rw__is_minus(p) ? RW_W_EXCEPT : rw__peek(p, 0)->word;
    p->pos++;
    q->set_all = rw__accept(p, RW_W_ALL);
    if (!q->set_all) rw__accept(p, RW_W_DISTINCT);
    return q;
}

/* left INTERSECT …, of which the first operand was read. */
static rw_query *intersections(rw__parser *p, rw_query *left)
{
    for (uint32_t n = 0; rw__is(p, RW_W_INTERSECT); n++) {
        if (n == RW_MAX_CHAIN) rw__fail(p, "set operation of this many queries");
        if (p->status != B_OK) break;
        rw_query *q = set_node(p, left);
        q->right = query_operand(p);
        q->end = p->pos;
        left = q;
    }
    return left;
}

static rw_query *unions(rw__parser *p, rw_query *left)
{
    left = intersections(p, left);
    for (uint32_t n = 0; rw__is_minus(p) || RW_IS_ANY(p, RW_W_UNION, RW_W_EXCEPT); n++) {
        if (n == RW_MAX_CHAIN) rw__fail(p, "set operation of this many queries");
        if (p->status != B_OK) break;
        rw_query *q = set_node(p, left);
        q->right = intersections(p, query_operand(p));
        q->end = p->pos;
        left = q;
    }
    return left;
}

static void cte(rw__parser *p, rw_cte *c)
{
    rw_name name;
    c->name_tok = p->pos;
    rw__ident(p, &name, "WITH clause");
    c->name = name.part[0];
    if (rw__is(p, RW_OP_LPAREN)) c->columns = rw__paren_names(p, "WITH clause");
    rw__expect(p, RW_W_AS, "WITH clause");
    rw__expect(p, RW_OP_LPAREN, "WITH clause");
    c->query = rw__query(p);
    rw__expect(p, RW_OP_RPAREN, "WITH clause");
    if (!rw__accept(p, RW_W_CYCLE)) return;
    rw__names cols;
    rw__names_init(&cols);
    do {
        rw__ident(p, rw__names_add(p, &cols), "CYCLE clause");
    } while (rw__accept(p, RW_OP_COMMA));
    rw__expect(p, RW_W_RESTRICT, "CYCLE clause");
    c->cycle = cols.first;
}

void rw__with(rw__parser *p, rw_cte **ctes, bool *recursive)
{
    rw_cte **tail = ctes;
    if (!rw__accept(p, RW_W_WITH)) return;
    bool rec = rw__accept(p, RW_W_RECURSIVE);
    if (recursive != NULL) *recursive = rec;
    do {
        rw_cte *c = RW_NODE(p, rw_cte);
        cte(p, c);
        *tail = c;
        tail = &c->next;
    } while (rw__accept(p, RW_OP_COMMA));
}

/* Body and rest, once the WITH clause was read. */
rw_query *rw__query_with(rw__parser *p, uint32_t tok, rw_cte *ctes, bool recursive)
{
    rw_query *q = unions(p, query_operand(p));
    q->tok = tok;
    q->ctes = ctes;
    q->recursive = recursive;
    query_rest(p, q);
    return q;
}

rw_query *rw__query(rw__parser *p)
{
    uint32_t tok = p->pos;
    rw_cte *ctes = NULL;
    bool recursive = false;
    rw_query *q;
    if (rw__enter(p)) {
        rw__with(p, &ctes, &recursive);
        q = rw__query_with(p, tok, ctes, recursive);
    } else {
        q = query_node(p, tok);
    }
    rw__leave(p);
    return q;
}

rw_query *rw__query_after(rw__parser *p, rw_query *inner, uint32_t tok)
{
    rw_query *first = query_node(p, tok);
    first->inner = inner;
    first->end = p->pos;
    rw_query *q = unions(p, first);
    query_rest(p, q);
    return q;
}
