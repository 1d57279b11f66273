/* Queries: SELECT and what is made of it. Each select is walked in the order in which names become known:
 * FROM first, then everything that looks into it. */
#include "catview.h"
#include "emit.h"

#define NO_EXPORT ((rw_export){NULL, 0, false})

/* ---- the select list -------------------------------------------------------------------------------- */

static void add_alias(rw_planner *p, const rw_item *item, bool renamed)
{
    const rw_expr *e = item->expr;
    rw_edit *edit = rw_edit_after(p->edits, e->end - 1);

    rw_edit_text(p->edits, edit, B_LIT(" AS "));
    if (renamed) {
        rw_edit_text(p->edits, edit, rw__quoted(p, e->name.part[e->name.n - 1]));
    } else {
        rw_edit_name(p->edits, edit, e->tok, e->end);
    }
}

/* What the server would call the column of a table that is a derived one now. */
static void add_shown(rw_planner *p, const rw_item *item, b_slice shown)
{
    rw_edit *edit = rw_edit_after(p->edits, item->expr->end - 1);

    rw_edit_text(p->edits, edit, B_LIT(" AS "));
    rw_edit_text(p->edits, edit, rw__quoted(p, shown));
}

static void emit_item(rw_planner *p, rw_scope *s, const rw_item *item, rw_mode mode, rw_vcols *out,
                      bool *known)
{
    uint32_t before = p->edits->n;
    b_slice name = rw__item_name(item);

    if (item->expr->kind == RW_E_STAR) {
        rw__emit_star(p, s, item->expr, mode, out, known);
        return;
    }
    s->clause = RW_C_FIELDS;
    if (mode.counted && mode.names && item->expr->kind == RW_E_LITERAL && item->alias_tok == RW_NO_TOK) {
        p->uncacheable = true; /* the value names a column for what is outside */
    }
    if (mode.counted && item->alias_string) {
        p->uncacheable = true; /* so does that one */
    }
    if (item->expr->kind == RW_E_COLUMN) {
        b_slice shown;
        bool renamed = rw__emit_column(p, s, item->expr, false);

        if (!renamed && item->alias_tok == RW_NO_TOK && rw__catview_column(p, s, item->expr, &shown)) {
            add_shown(p, item, shown);
        } else if (renamed && mode.names && item->alias_tok == RW_NO_TOK) {
            add_alias(p, item, true);
        }
    } else {
        rw__emit_expr(p, s, RW_C_FIELDS, item->expr);
        if (p->edits->n != before && mode.names && item->alias_tok == RW_NO_TOK) {
            add_alias(p, item, false);
        }
    }
    rw__vcols_add(p, out, (rw_vcol){.name = name, .phys = name, .first = true, .star = true});
}

static rw_export emit_items(rw_planner *p, rw_scope *s, const rw_item *items, rw_mode mode)
{
    rw_vcols out = {0};
    bool known = true;

    for (const rw_item *i = items; i != NULL && !rw__stop(p); i = i->next) {
        emit_item(p, s, i, mode, &out, &known);
    }
    return (rw_export){out.v, out.n, known};
}

void rw__emit_items(rw_planner *p, rw_scope *s, const rw_item *items)
{
    rw_mode mode = {.names = true};

    (void)emit_items(p, s, items, mode);
    if (items != NULL) {
        rw__note_origins(p, s);
    }
}

/* ---- one select ------------------------------------------------------------------------------------- */

static bool has_window(const rw_expr *e)
{
    for (const rw_expr *k = e == NULL ? NULL : e->kids; k != NULL; k = k->next) {
        if (has_window(k)) {
            return true;
        }
    }
    return e != NULL && e->over != NULL;
}

/* Can a name of the select list be seen from within the select itself? */
static bool list_is_seen(const rw_select *sel, const rw_order *order)
{
    if (sel->group != NULL || sel->having != NULL || sel->windows != NULL || order != NULL) {
        return true;
    }
    for (const rw_item *i = sel->items; i != NULL; i = i->next) {
        if (rw__has_subquery(i->expr) || has_window(i->expr)) {
            return true;
        }
    }
    return false;
}

/* VALUES ROW(…): columns that are named by the server. */
static rw_export emit_values(rw_planner *p, rw_scope *s, const rw_select *sel)
{
    rw__emit_exprs(p, s, RW_C_FIELDS, sel->values);
    return NO_EXPORT;
}

static rw_export emit_table(rw_planner *p, rw_scope *s, const rw_select *sel, rw_mode mode)
{
    const rw_cte_env *cte = rw__find_cte(p, s, &sel->table);
    rw_vcols out = {0};
    bool known = false;

    if (cte != NULL) {
        return cte->ready ? cte->cols : NO_EXPORT;
    }
    if (rw__catview_table_stmt(p, sel)) {
        return NO_EXPORT;
    }
    if (rw__scope_add_table(p, s, &sel->table, (b_slice){NULL, 0}) == NULL) {
        return NO_EXPORT;
    }
    if (!mode.counted) {
        rw__note_origins(p, s);
    }
    rw__emit_table_stmt(p, s, sel, mode, &out, &known);
    return (rw_export){out.v, out.n, known};
}

static rw_export emit_select(rw_planner *p, rw_scope *outer, const rw_select *sel, const rw_order *order,
                             rw_mode mode)
{
    rw_scope s;
    rw_export cols;

    rw__scope_init(&s, outer);
    if (sel->is_values || sel->is_table) {
        cols = sel->is_values ? emit_values(p, &s, sel) : emit_table(p, &s, sel, mode);
        rw__emit_order(p, &s, RW_C_ORDER, order);
        return cols;
    }
    s.select = sel;
    s.clause = RW_C_OTHER;
    s.shields = !outer->locked;
    rw__scope_add_from(p, &s, sel->from);
    if (!mode.counted) {
        rw__note_origins(p, &s);
    }
    mode.names = mode.names || list_is_seen(sel, order);
    s.no_star = mode.exists && p->server.flavour == RW_MARIADB;
    if (sel->having != NULL && !s.no_star) {
        mode.exists = false; /* HAVING may name what `*` gives */
    }
    cols = emit_items(p, &s, sel->items, mode);
    if (p->tail != NULL && sel == p->tail_select && !rw__stop(p)) {
        rw__insert_tail(p, &s);
    }
    rw__emit_exprs(p, &s, RW_C_WHERE, sel->where);
    rw__emit_order(p, &s, RW_C_GROUP, sel->group);
    rw__emit_exprs(p, &s, RW_C_HAVING, sel->having);
    for (const rw_window *w = sel->windows; w != NULL; w = w->next) {
        rw__emit_window(p, &s, w);
    }
    rw__emit_order(p, &s, RW_C_ORDER, order);
    if (sel->qualify != NULL && p->mtabs != NULL) {
        rw__refuse(p, p->mtabs, "syntax", "QUALIFY, whose names are not followed,",
                   "number the rows in a derived table and use WHERE");
    }
    return cols;
}

/* ---- query expressions ------------------------------------------------------------------------------ */

/* ORDER BY after a UNION or parentheses sees the result's columns only. */
static void emit_outer_order(rw_planner *p, rw_scope *outer, const rw_query *q, rw_export cols)
{
    rw_scope s;
    rw_source *src;

    if (q->order == NULL || rw__stop(p)) {
        return;
    }
    rw__scope_init(&s, outer);
    src = rw__scope_push(p, &s);
    if (src == NULL) {
        return;
    }
    memset(src, 0, sizeof(*src));
    rw__source_export(p, src, cols);
    for (const rw_order *o = q->order; o != NULL && !rw__stop(p); o = o->next) {
        const rw_expr *e = o->expr;

        if (q->inner != NULL && e->kind == RW_E_COLUMN && rw__is_candidate(p, e->name.part[e->name.n - 1]) &&
            rw__lookup(p, &s, &e->name, true).kind != RW_BIND_COLUMN) {
            rw__refuse_name(p, p->mtabs, "order", "ORDER BY %.*s outside the parentheses of its SELECT",
                            e->name.part[e->name.n - 1], "leave the parentheses out");
        }
    }
    rw__emit_order(p, &s, RW_C_ORDER, q->order);
}

static rw_export emit_set_operation(rw_planner *p, rw_scope *s, const rw_query *q, rw_mode mode,
                                    rw_cte_env *self)
{
    rw_mode left = mode, right = mode;
    rw_export cols;

    left.counted = right.counted = true;
    left.exists = right.exists = false;
    left.names = mode.names || q->order != NULL;
    right.names = false;
    cols = rw__emit_query_as(p, s, q->left, left, self);
    if (self != NULL && !self->ready) {
        rw__cte_set(p, self, cols);
    }
    (void)rw__emit_query_as(p, s, q->right, right, self);
    return cols;
}

rw_export rw__emit_query_as(rw_planner *p, rw_scope *outer, const rw_query *q, rw_mode mode, rw_cte_env *self)
{
    rw_scope s;
    rw_export cols;

    if (rw__stop(p) || q == NULL) {
        return NO_EXPORT;
    }
    rw__scope_init(&s, outer);
    s.clause = RW_C_OTHER;
    s.locked = q->locking || (outer != NULL && outer->select == NULL && outer->nsrc == 0 && outer->locked);
    rw__scope_add_ctes(p, &s, q->ctes, q->recursive);
    if (q->select != NULL) {
        cols = emit_select(p, &s, q->select, q->order, mode);
    } else if (q->inner != NULL) {
        mode.names = mode.names || q->order != NULL;
        cols = rw__emit_query_as(p, &s, q->inner, mode, self);
        emit_outer_order(p, &s, q, cols);
    } else {
        cols = emit_set_operation(p, &s, q, mode, self);
        emit_outer_order(p, &s, q, cols);
    }
    rw__emit_exprs(p, &s, RW_C_OTHER, q->limit);
    if (q->procedure && p->mtabs != NULL) {
        rw__refuse(p, p->mtabs, "procedure", "PROCEDURE ANALYSE", "leave the clause out");
    }
    return cols;
}

void rw__emit_query(rw_planner *p, rw_scope *outer, const rw_query *q, rw_query_use use)
{
    rw_mode mode = {.counted = use != RW_Q_RESULT,
                    .names = use == RW_Q_RESULT || use == RW_Q_DERIVED,
                    .exists = use == RW_Q_EXISTS};

    (void)rw__emit_query_as(p, outer, q, mode, NULL);
}

const rw_select *rw__query_first(const rw_query *q)
{
    while (q != NULL && q->select == NULL) {
        q = q->inner != NULL ? q->inner : q->left;
    }
    return q == NULL ? NULL : q->select;
}
