/* INSERT, REPLACE, UPDATE and DELETE. */
#include "parse.h"

rw_assign *rw__assignments(rw__parser *p)
{
    rw_assign *first = NULL, **tail = &first;
    do {
        rw_assign *a = RW_NODE(p, rw_assign);
        a->tok = p->pos;
        rw__name(p, &a->col, "column to assign");
        if (!RW_ACCEPT_ANY(p, RW_OP_EQ, RW_OP_ASSIGN)) rw__fail(p, "assignment");
        a->value = rw__expr_or_default(p);
        a->end = p->pos;
        *tail = a;
        tail = &a->next;
    } while (rw__accept(p, RW_OP_COMMA));
    return first;
}

rw_item *rw__returning(rw__parser *p, rw_stmt *s)
{
    if (!rw__is(p, RW_W_RETURNING)) return NULL;
    s->returning_tok = p->pos++;
    return rw__items(p);
}

/* ---- INSERT and REPLACE ---- */

static void insert_options(rw__parser *p, rw_stmt *s)
{
    if (RW_ACCEPT_ANY(p, RW_W_LOW_PRIORITY, RW_W_DELAYED))
        s->low_priority_or_delayed = true;
    else
        rw__accept(p, RW_W_HIGH_PRIORITY);
    s->ignore = rw__accept(p, RW_W_IGNORE);
    rw__accept(p, RW_W_INTO);
}

static void target(rw__parser *p, rw_stmt *s)
{
    rw__name(p, &s->target, "table name");
    if (rw__is2(p, RW_W_PARTITION, RW_OP_LPAREN)) rw__partition_clause(p);
    s->after_target = s->columns_at = p->pos;
}

/* `(a, t.b)`, `()`, and for LOAD `(a, @v)` */
static void column_list(rw__parser *p, rw_stmt *s)
{
    rw__names cols;
    rw__names_init(&cols);
    s->has_columns = true;
    s->columns_tok = p->pos++;
    if (!rw__is(p, RW_OP_RPAREN)) {
        do {
            rw_name *name = rw__names_add(p, &cols);
            if (s->kind == RW_S_LOAD && rw__kind(p, 0) == RW_TOK_USERVAR)
                rw__word_name(p, name);
            else
                rw__name(p, name, "column list");
        } while (rw__accept(p, RW_OP_COMMA));
    }
    rw__expect(p, RW_OP_RPAREN, "column list");
    s->columns_end = p->pos;
    s->columns = cols.first;
}

void rw__column_list(rw__parser *p, rw_stmt *s)
{
    column_list(p, s);
}

static rw_row *value_row(rw__parser *p)
{
    rw_row *row = RW_NODE(p, rw_row);
    rw__exprs values;
    rw__exprs_init(&values);
    row->tok = p->pos;
    rw__expect(p, RW_OP_LPAREN, "VALUES list");
    if (!rw__is(p, RW_OP_RPAREN)) {
        do {
            rw__exprs_add(&values, rw__expr_or_default(p));
            row->n++;
        } while (rw__accept(p, RW_OP_COMMA));
    }
    rw__expect(p, RW_OP_RPAREN, "VALUES list");
    row->values = values.first;
    row->end = p->pos;
    return row;
}

static void value_rows(rw__parser *p, rw_stmt *s)
{
    rw_row **tail = &s->rows;
    s->values_tok = p->pos++;
    do {
        *tail = value_row(p);
        tail = &(*tail)->next;
    } while (rw__accept(p, RW_OP_COMMA) && p->status == B_OK);
}

static void row_alias(rw__parser *p, rw_stmt *s)
{
    rw_name name;
    if (!rw__accept(p, RW_W_AS)) return;
    s->row_alias_tok = p->pos;
    rw__ident(p, &name, "row alias");
    s->row_alias = name.part[0];
    if (!rw__is(p, RW_OP_LPAREN)) return;
    s->row_alias_columns = rw__paren_names(p, "row alias");
    s->row_alias_columns_end = p->pos == 0 ? 0 : p->pos - 1;
}

/* VALUES …, SET … or a query. */
static void insert_source(rw__parser *p, rw_stmt *s)
{
    bool values = rw__is(p, RW_W_VALUES) || rw__is(p, RW_W_VALUE);
    if (values && rw__is_at(p, 1, RW_OP_LPAREN)) {
        value_rows(p, s);
        row_alias(p, s);
    } else if (!s->has_columns && rw__accept(p, RW_W_SET)) {
        s->set_form = true;
        s->set = rw__assignments(p);
        row_alias(p, s);
    } else {
        s->query = rw__query(p);
    }
}

static void on_duplicate(rw__parser *p, rw_stmt *s)
{
    if (s->replace || !rw__accept(p, RW_W_ON)) return;
    if (!rw__accept2(p, RW_W_DUPLICATE, RW_W_KEY)) rw__fail(p, "ON DUPLICATE KEY UPDATE clause");
    rw__expect(p, RW_W_UPDATE, "ON DUPLICATE KEY UPDATE clause");
    s->on_duplicate = rw__assignments(p);
}

/* `(` that begins a column list and not a query: (a, …) or () */
static bool column_list_starts(const rw__parser *p)
{
    return rw__is(p, RW_OP_LPAREN) && !rw__is_at(p, 1, RW_OP_LPAREN) && !rw__query_starts(p, 1);
}

void rw__insert(rw__parser *p, rw_stmt *s)
{
    s->kind = RW_S_INSERT;
    s->replace = rw__is(p, RW_W_REPLACE);
    p->pos++;
    insert_options(p, s);
    target(p, s);
    if (column_list_starts(p)) column_list(p, s);
    insert_source(p, s);
    on_duplicate(p, s);
    s->returning = rw__returning(p, s);
}

/* ---- UPDATE ---- */

static bool one_table(const rw_from *from)
{
    return from != NULL && from->next == NULL && from->kind == RW_F_TABLE;
}

static void where_order_limit(rw__parser *p, rw_stmt *s)
{
    if (rw__accept(p, RW_W_WHERE)) s->where = rw__expr(p);
    if (rw__accept2(p, RW_W_ORDER, RW_W_BY)) s->order = rw__order_list(p, NULL);
    if (rw__accept(p, RW_W_LIMIT)) s->limit = rw__limit(p);
}

void rw__update(rw__parser *p, rw_stmt *s)
{
    s->kind = RW_S_UPDATE;
    p->pos++;
    s->low_priority_or_delayed = rw__accept(p, RW_W_LOW_PRIORITY);
    s->ignore = rw__accept(p, RW_W_IGNORE);
    s->from = rw__from_list(p);
    s->multi_table = !one_table(s->from);
    if (one_table(s->from)) s->target = s->from->table;
    rw__expect(p, RW_W_SET, "UPDATE statement");
    s->set = rw__assignments(p);
    where_order_limit(p, s);
    s->returning = rw__returning(p, s);
}

/* ---- DELETE ---- */

/* `t1, s.t2.*`: tables to delete from, in the multi-table forms. False when this is no such list. */
static bool delete_targets(rw__parser *p, rw_stmt *s)
{
    rw__names names;
    rw__names_init(&names);
    do {
        if (!rw__is_name(p, 0) && !rw__is(p, RW_OP_DOT)) return false;
        rw__name(p, rw__names_add(p, &names), "table name");
        rw__accept2(p, RW_OP_DOT, RW_OP_STAR);
    } while (rw__accept(p, RW_OP_COMMA));
    s->targets = names.first;
    return true;
}

/* DELETE FROM a, b USING …: from after FROM. Else back at the first name, and false. */
static bool delete_using(rw__parser *p, rw_stmt *s)
{
    uint32_t start = p->pos;
    if (delete_targets(p, s) && rw__accept(p, RW_W_USING)) {
        s->from = rw__from_list(p);
        return true;
    }
    s->targets = NULL;
    if (p->status == B_OK) p->pos = start;
    return false;
}

static void delete_single(rw__parser *p, rw_stmt *s)
{
    s->from = rw__from_table(p);
    s->target = s->from->table;
    where_order_limit(p, s);
    s->returning = rw__returning(p, s);
}

void rw__delete(rw__parser *p, rw_stmt *s)
{
    s->kind = RW_S_DELETE;
    p->pos++;
    if (p->server.flavour == RW_MARIADB && rw__is2(p, RW_W_HISTORY, RW_W_FROM)) rw__fail(p, "DELETE HISTORY");
    while (RW_ACCEPT_ANY(p, RW_W_LOW_PRIORITY, RW_W_QUICK, RW_W_IGNORE)) {
        s->ignore |= p->t->tok[p->pos - 1].word == RW_W_IGNORE;
        s->low_priority_or_delayed |= p->t->tok[p->pos - 1].word == RW_W_LOW_PRIORITY;
    }
    if (rw__accept(p, RW_W_FROM)) {
        s->multi_table = delete_using(p, s);
        if (!s->multi_table) {
            delete_single(p, s);
            return;
        }
    } else {
        s->multi_table = true;
        if (!delete_targets(p, s)) rw__fail(p, "DELETE statement");
        rw__expect(p, RW_W_FROM, "DELETE statement");
        s->from = rw__from_list(p);
    }
    where_order_limit(p, s);
    s->returning = rw__returning(p, s);
}
