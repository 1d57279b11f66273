/* Table references: names, derived tables, JSON_TABLE, and joins. */
#include "parse.h"

static rw_from *from_node(rw__parser *p, rw_from_kind kind, uint32_t tok)
{
    rw_from *f = RW_NODE(p, rw_from);
    f->kind = kind;
    f->tok = tok;
    f->alias_tok = RW_NO_TOK;
    return f;
}

static rw_from *from_done(rw__parser *p, rw_from *f)
{
    f->end = p->pos;
    return f;
}

void rw__partition_clause(rw__parser *p)
{
    rw__expect(p, RW_W_PARTITION, "PARTITION clause");
    rw__paren_names(p, "PARTITION clause");
}

static void partition(rw__parser *p, rw_from *f)
{
    if (f->partition_clause || !rw__is2(p, RW_W_PARTITION, RW_OP_LPAREN)) return;
    f->partition_clause = true;
    rw__partition_clause(p);
}

/* FOR SYSTEM_TIME AS OF x | FROM x TO y | BETWEEN x AND y | ALL | BEFORE x */
static void system_time(rw__parser *p, rw_from *f)
{
    rw__exprs points;
    rw__exprs_init(&points);
    f->for_system_time = true;
    p->pos += 2;
    if (rw__accept(p, RW_W_ALL)) return;
    bool between = rw__accept(p, RW_W_BETWEEN), range = between || rw__accept(p, RW_W_FROM);
    if (!range && !rw__accept2(p, RW_W_AS, RW_W_OF) && !rw__accept(p, RW_W_BEFORE))
        rw__fail(p, "FOR SYSTEM_TIME clause");
    for (int i = 0; i <= range; i++) {
        if (i == 1) rw__expect(p, between ? RW_W_AND : RW_W_TO, "FOR SYSTEM_TIME clause");
        bool word =
            rw__is(p, RW_W_TRANSACTION) || (rw__is(p, RW_W_TIMESTAMP) && rw__kind(p, 1) != RW_TOK_STRING);
        if (word && !rw__is_at(p, 1, RW_OP_LPAREN)) p->pos++;
        rw__exprs_add(&points, rw__expr_prec(p, RW_PREC_BIT_OR));
    }
    f->exprs = points.first;
}

/* USE INDEX (a, b), FORCE KEY FOR ORDER BY (…), IGNORE INDEX FOR JOIN (…) */
static void index_hints(rw__parser *p, rw_from *f)
{
    rw__names names;
    rw__names_init(&names);
    for (;;) {
        bool verb = RW_IS_ANY(p, RW_W_USE, RW_W_FORCE, RW_W_IGNORE);
        if (!verb || !(rw__is_at(p, 1, RW_W_INDEX) || rw__is_at(p, 1, RW_W_KEY))) break;
        f->index_hints = true;
        p->pos += 2;
        if (rw__accept(p, RW_W_FOR) && !rw__accept(p, RW_W_JOIN) && !rw__accept2(p, RW_W_ORDER, RW_W_BY) &&
            !rw__accept2(p, RW_W_GROUP, RW_W_BY))
            rw__fail(p, "index hint");
        rw__expect(p, RW_OP_LPAREN, "index hint");
        if (rw__accept(p, RW_OP_RPAREN)) continue;
        do {
            if (!rw__is_word_or_name(p, 0)) rw__fail(p, "index hint");
            if (p->status == B_OK) rw__word_name(p, rw__names_add(p, &names));
        } while (rw__accept(p, RW_OP_COMMA));
        rw__expect(p, RW_OP_RPAREN, "index hint");
    }
    f->index_names = names.first;
}

/* FOR PORTION OF period FROM x TO y, in MariaDB's UPDATE and DELETE: the points are constants. */
static void portion(rw__parser *p, rw_from *f)
{
    rw_name period;
    rw__exprs points;
    rw__exprs_init(&points);
    p->pos += 2;
    rw__expect(p, RW_W_OF, "FOR PORTION OF clause");
    rw__ident(p, &period, "FOR PORTION OF clause");
    rw__expect(p, RW_W_FROM, "FOR PORTION OF clause");
    rw__exprs_add(&points, rw__expr_prec(p, RW_PREC_BIT_OR));
    rw__expect(p, RW_W_TO, "FOR PORTION OF clause");
    rw__exprs_add(&points, rw__expr_prec(p, RW_PREC_BIT_OR));
    f->exprs = points.first;
}

rw_from *rw__from_table(rw__parser *p)
{
    rw_from *f = from_node(p, RW_F_TABLE, p->pos);
    rw__name(p, &f->table, "table name");
    partition(p, f);
    if (rw__is2(p, RW_W_FOR, RW_W_SYSTEM_TIME)) system_time(p, f);
    if (p->server.flavour == RW_MARIADB && rw__is2(p, RW_W_FOR, RW_W_PORTION)) portion(p, f);
    if (rw__is(p, RW_W_TABLESAMPLE)) rw__fail(p, "TABLESAMPLE clause");
    rw__table_alias(p, f);
    partition(p, f);
    f->after_table = p->pos;
    index_hints(p, f);
    return from_done(p, f);
}

/* Alias and column list of a derived table. */
static rw_from *derived_rest(rw__parser *p, rw_from *f)
{
    if (rw__is2(p, RW_W_FOR, RW_W_SYSTEM_TIME)) system_time(p, f);
    bool named = rw__table_alias(p, f);
    if (named && rw__is(p, RW_OP_LPAREN)) f->columns = rw__paren_names(p, "column list of a derived table");
    f->after_table = p->pos;
    return from_done(p, f);
}

static void json_columns(rw__parser *p, rw__names *out);

/* `name type PATH '…' …`, `name FOR ORDINALITY`, `NESTED PATH '…' COLUMNS (…)` */
static void json_column(rw__parser *p, rw__names *out)
{
    if (rw__is2(p, RW_W_NESTED, RW_W_PATH) || (rw__is(p, RW_W_NESTED) && rw__kind(p, 1) == RW_TOK_STRING)) {
        p->pos++;
        rw__accept(p, RW_W_PATH);
        if (!rw__accept_kind(p, RW_TOK_STRING)) rw__fail(p, "JSON_TABLE column");
        rw__expect(p, RW_W_COLUMNS, "JSON_TABLE column");
        json_columns(p, out);
        return;
    }
    rw__ident(p, rw__names_add(p, out), "JSON_TABLE column");
    while (!rw__ends(p) && !rw__is(p, RW_OP_COMMA) && !rw__is(p, RW_OP_RPAREN)) {
        if (rw__is(p, RW_OP_LPAREN))
            rw__skip_parens(p, "JSON_TABLE column");
        else
            p->pos++;
    }
}

static void json_columns(rw__parser *p, rw__names *out)
{
    if (rw__enter(p)) {
        rw__expect(p, RW_OP_LPAREN, "JSON_TABLE columns");
        do {
            json_column(p, out);
        } while (rw__accept(p, RW_OP_COMMA));
        rw__expect(p, RW_OP_RPAREN, "JSON_TABLE columns");
    }
    rw__leave(p);
}

static rw_from *json_table(rw__parser *p)
{
    rw_from *f = from_node(p, RW_F_JSON_TABLE, p->pos);
    rw__names names;
    rw__names_init(&names);
    p->pos++;
    rw__expect(p, RW_OP_LPAREN, "JSON_TABLE");
    f->exprs = rw__expr(p);
    rw__expect(p, RW_OP_COMMA, "JSON_TABLE");
    rw__primary(p);
    rw__expect(p, RW_W_COLUMNS, "JSON_TABLE");
    json_columns(p, &names);
    rw__expect(p, RW_OP_RPAREN, "JSON_TABLE");
    f->columns = names.first;
    rw__table_alias(p, f);
    f->after_table = p->pos;
    return from_done(p, f);
}

static rw_from *derived(rw__parser *p, bool lateral)
{
    rw_from *f = from_node(p, RW_F_DERIVED, p->pos);
    if (lateral) p->pos++;
    f->lateral = lateral;
    rw__expect(p, RW_OP_LPAREN, "derived table");
    f->query = rw__query(p);
    rw__expect(p, RW_OP_RPAREN, "derived table");
    return f;
}

static rw_from *factor(rw__parser *p);
static rw_from *joins(rw__parser *p, rw_from *left);

static rw_from *join_node(rw__parser *p, rw_from *left, rw_from *right)
{
    rw_from *j = from_node(p, RW_F_JOIN, left->tok);
    j->left = left;
    j->right = right;
    return from_done(p, j);
}

/* Is this a query in parentheses, and nothing more: `(SELECT …)` without an alias. */
static bool bare_query(const rw_from *f)
{
    return f->kind == RW_F_DERIVED && f->alias_tok == RW_NO_TOK && !f->lateral;
}

static rw_from *in_parens(rw__parser *p);

static rw_from *in_more_parens(rw__parser *p)
{
    rw_from *f = rw__enter(p) ? in_parens(p) : from_node(p, RW_F_DUAL, p->pos);
    rw__leave(p);
    return f;
}

/* `(`: a derived table, tables in parentheses, or another `(`, which may be either. Without the alias. */
static rw_from *in_parens(rw__parser *p)
{
    uint32_t tok = p->pos;
    if (rw__query_starts(p, 1)) return derived(p, false);
    p->pos++;
    rw_from *f = rw__is(p, RW_OP_LPAREN) ? in_more_parens(p) : NULL;
    if (f != NULL && bare_query(f) && (rw__query_goes_on(p) || rw__is(p, RW_OP_RPAREN))) {
        if (rw__query_goes_on(p)) {
            f->query = rw__query_after(p, f->query, f->tok);
        } else {
            rw_query *outer = RW_NODE(p, rw_query);
            outer->tok = f->tok;
            outer->end = p->pos;
            outer->inner = f->query;
            f->query = outer;
        }
        f->tok = tok;
        rw__expect(p, RW_OP_RPAREN, "derived table");
        return from_done(p, f);
    }
    if (f == NULL)
        f = factor(p);
    else if (bare_query(f))
        derived_rest(p, f);
    f = joins(p, f);
    while (rw__accept(p, RW_OP_COMMA)) f = join_node(p, f, joins(p, factor(p)));
    rw__expect(p, RW_OP_RPAREN, "tables in parentheses");
    f->parenthesised = true;
    f->tok = tok;
    return from_done(p, f);
}

/* { OJ a LEFT JOIN b ON … } */
static rw_from *odbc_join(rw__parser *p)
{
    uint32_t tok = p->pos;
    p->pos++;
    if (!rw__is_word_or_name(p, 0)) rw__fail(p, "ODBC escape");
    p->pos += p->status == B_OK;
    rw_from *f = joins(p, factor(p));
    rw__expect(p, RW_OP_RBRACE, "ODBC escape");
    f->parenthesised = true;
    f->tok = tok;
    return from_done(p, f);
}

static rw_from *dual(rw__parser *p)
{
    rw_from *f = from_node(p, RW_F_DUAL, p->pos);
    p->pos++;
    f->after_table = p->pos;
    return from_done(p, f);
}

static rw_from *factor_here(rw__parser *p)
{
    if (rw__is(p, RW_OP_LPAREN)) {
        rw_from *f = in_parens(p);
        return bare_query(f) ? derived_rest(p, f) : f;
    }
    if (rw__is2(p, RW_W_LATERAL, RW_OP_LPAREN)) return derived_rest(p, derived(p, true));
    if (rw__is2(p, RW_W_JSON_TABLE, RW_OP_LPAREN)) return json_table(p);
    if (rw__is(p, RW_OP_LBRACE)) return odbc_join(p);
    if (rw__is(p, RW_W_DUAL)) return dual(p);
    return rw__from_table(p);
}

static rw_from *factor(rw__parser *p)
{
    rw_from *f = rw__enter(p) ? factor_here(p) : from_node(p, RW_F_DUAL, p->pos);
    rw__leave(p);
    return f;
}

typedef struct join_type {
    bool natural, left, right;
} join_type;

/* Takes the words of a join, up to JOIN. False when there is none here. */
static bool join_words(rw__parser *p, join_type *t)
{
    *t = (join_type){false, false, false};
    if (rw__accept(p, RW_W_STRAIGHT_JOIN)) return true;
    bool any = t->natural = rw__accept(p, RW_W_NATURAL);
    t->left = rw__accept(p, RW_W_LEFT);
    t->right = !t->left && rw__accept(p, RW_W_RIGHT);
    if (t->left || t->right) {
        any = true;
        rw__accept(p, RW_W_OUTER);
    } else {
        any |= RW_ACCEPT_ANY(p, RW_W_INNER, RW_W_CROSS);
    }
    if (rw__accept(p, RW_W_JOIN)) return true;
    if (any) rw__fail(p, "join");
    return false;
}

static bool join_starts(const rw__parser *p)
{
    return RW_IS_ANY(p, RW_W_JOIN, RW_W_STRAIGHT_JOIN, RW_W_NATURAL, RW_W_LEFT, RW_W_RIGHT, RW_W_INNER,
                     RW_W_CROSS);
}

/* ON or USING, hung on the join. False when neither is here; ON DUPLICATE KEY is not ours. */
static bool condition(rw__parser *p, rw_from *j)
{
    if (rw__is(p, RW_W_ON) && !(rw__is_at(p, 1, RW_W_DUPLICATE) && rw__is_at(p, 2, RW_W_KEY))) {
        p->pos++;
        j->exprs = rw__expr(p);
    } else if (rw__is(p, RW_W_USING)) {
        j->using_tok = p->pos++;
        j->using_cols = rw__paren_names(p, "USING clause");
        j->using_end = p->pos;
    } else {
        return false;
    }
    j->end = p->pos;
    return true;
}

/* `a JOIN b JOIN c ON x` without a condition for the first JOIN means (a JOIN b) JOIN c ON x, as the servers
 * take it: j takes the place of the leftmost table of the chain at its right. */
static rw_from *rebalance(const rw__parser *p, rw_from *j)
{
    rw_from *top = j->right, **slot = &top;
    while (p->status == B_OK && (*slot)->kind == RW_F_JOIN && !(*slot)->parenthesised) {
        (*slot)->tok = j->tok;
        slot = &(*slot)->left;
    }
    j->right = *slot;
    j->end = j->right->end;
    *slot = j;
    return top;
}

static rw_from *one_join(rw__parser *p, rw_from *left, join_type t)
{
    rw_from *right = factor(p);
    rw_from *j = join_node(p, left, right);
    j->natural = t.natural;
    j->left_outer = t.left;
    j->right_outer = t.right;
    if (t.natural || condition(p, j)) return j;
    if (join_starts(p)) {
        if (!rw__enter(p)) rw__fail(p, "joins this many");
        j->right = joins(p, right);
        rw__leave(p);
        j->end = p->pos;
        if (condition(p, j)) return j;
    }
    if (t.left || t.right) rw__fail(p, "outer join without a condition");
    return p->status == B_OK ? rebalance(p, j) : j;
}

static rw_from *joins(rw__parser *p, rw_from *left)
{
    join_type t;
    uint32_t n = 0;
    while (join_words(p, &t)) {
        if (++n > RW_MAX_DEPTH) rw__fail(p, "joins this many");
        if (p->status != B_OK) break;
        left = one_join(p, left, t);
    }
    return left;
}

rw_from *rw__from_list(rw__parser *p)
{
    rw_from *first = NULL, **tail = &first;
    do {
        rw_from *f = joins(p, factor(p));
        *tail = f;
        tail = &f->next;
    } while (rw__accept(p, RW_OP_COMMA));
    return first;
}
