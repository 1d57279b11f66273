/* Expressions: each name in them, and the places where a name means something else than elsewhere. */
#include "emit_name.h"
#include "functions.h"
#include "insert.h"
#include "words.h"

static void walk(rw_planner *p, rw_scope *s, const rw_expr *e);

static void walk_list(rw_planner *p, rw_scope *s, const rw_expr *list)
{
    for (const rw_expr *e = list; e != NULL && !rw__stop(p); e = e->next) {
        walk(p, s, e);
    }
}

static void walk_as(rw_planner *p, rw_scope *s, rw_clause clause, const rw_expr *list)
{
    rw_clause keep = s->clause;

    s->clause = clause;
    walk_list(p, s, list);
    s->clause = keep;
}

static void walk_subquery(rw_planner *p, rw_scope *s, const rw_expr *e)
{
    rw_mode mode = {.counted = true};
    const rw_token *t = p->t->tok;

    for (uint32_t i = e->tok; i <= e->query->tok && i <= e->tok + 1; i++) {
        mode.exists = mode.exists || (t[i].kind == RW_TOK_IDENT && t[i].word == RW_W_EXISTS);
    }
    if (e->tok > 0 && t[e->tok - 1].kind == RW_TOK_IDENT && t[e->tok - 1].word == RW_W_EXISTS) {
        mode.exists = true;
    }
    (void)rw__emit_query_as(p, s, e->query, mode, NULL);
}

/* DEFAULT(col): B's own default is not the plain table's from switched until it has been moved to it; A's is,
 * where it is a literal, as long as A is the column that is meant (rw__write_cols). */
static bool default_moved(const rw_vcol *c)
{
    const rw_pair *pair = rw__pair_of(c);
    rw_default_kind k = pair->plain.default_kind;

    if (pair->phase == RW_SWITCHED) {
        return !b_slice_eq(c->phys, pair->from) || (k != RW_DEFAULT_LITERAL && k != RW_DEFAULT_NULL);
    }
    return pair->phase == RW_RETIRED && pair->b_default_up;
}

static void walk_default_of(rw_planner *p, rw_scope *s, const rw_expr *e)
{
    rw_binding b;

    if (e->name.n == 0 || !rw__is_candidate(p, rw__last_part(&e->name))) {
        return;
    }
    b = rw__lookup(p, s, &e->name, false);
    if (b.kind == RW_BIND_COLUMN && b.col->mt != NULL && (b.col->form != NULL || default_moved(b.col))) {
        rw__refuse_name(p, b.col->mt, "default", "DEFAULT(%.*s)", rw__last_part(&e->name),
                        "write the value itself, or wait for the next phase");
        return;
    }
    (void)rw__emit_column(p, s, e, false);
}

/* VALUES(col) of a column whose values change: that which the INSERT names is there to be asked for. */
static bool emit_inserted(rw_planner *p, rw_scope *s, const rw_expr *e)
{
    rw_binding b = e->name.n > 0 && rw__is_candidate(p, rw__last_part(&e->name))
                       ? rw__lookup(p, s, &e->name, false)
                       : (rw_binding){.kind = RW_BIND_NONE};

    if (b.kind != RW_BIND_COLUMN || b.col->mt == NULL ||
        (rw__pair_of(b.col)->forms == NULL && !rw__pair_of(b.col)->a_stale)) {
        return false;
    }
    if (p->insert != NULL &&
        rw__pair_of(b.col)->forms == NULL) { /* B's value is given as A's, unless both are */
        const rw_pair *pair = rw__pair_of(b.col);
        bool both =
            rw__insert_names(p->insert, b.col->pair, true) && rw__insert_names(p->insert, b.col->pair, false);

        rw__note_use(s->src[0].mt, b.col->pair, b.col->new_name, false);
        rw__put_name(p, &e->name, both && b.col->new_name ? pair->to : pair->from);
        return true;
    }
    if (p->insert == NULL || !rw__insert_names(p->insert, b.col->pair, b.col->new_name)) {
        rw__refuse_name(p, b.col->mt, "transform", "VALUES(%.*s) of a column that the INSERT does not name",
                        rw__last_part(&e->name), "name in VALUES() what is named in the list");
        return true;
    }
    rw__note_use(s->src[0].mt, b.col->pair, b.col->new_name, false);
    rw__put_name(p, &e->name, rw__insert_name(b.col->mt, b.col->pair, b.col->new_name));
    return true;
}

/* VALUES(col) speaks of the table that is inserted into, the first of its scope, whatever else is there. */
static void walk_values_of(rw_planner *p, rw_scope *s, const rw_expr *e)
{
    uint32_t lo = s->lo, hi = s->hi;

    s->lo = 0;
    s->hi = 1;
    if (!emit_inserted(p, s, e)) {
        (void)rw__emit_column(p, s, e, false);
    }
    s->lo = lo;
    s->hi = hi;
}

/* MariaDB takes a whole element of a window's ORDER BY for an alias of the select list first, as in the
 * query's own ORDER BY; MySQL for a column, as everywhere else. */
void rw__emit_window(rw_planner *p, rw_scope *s, const rw_window *w)
{
    rw_clause keep = s->clause;
    bool order = false;

    for (const rw_expr *e = w->exprs; e != NULL && !rw__stop(p); e = e->next) {
        order = (order || e == w->order) && e != w->frame;
        if (order && p->server.flavour == RW_MARIADB && e->kind == RW_E_COLUMN) {
            s->clause = RW_C_ORDER;
            (void)rw__emit_column(p, s, e, true);
        } else {
            s->clause = RW_C_WINDOW;
            walk(p, s, e);
        }
    }
    s->clause = keep;
}

static void walk_func(rw_planner *p, rw_scope *s, const rw_expr *e)
{
    bool inside = s->clause == RW_C_HAVING && rw__is_aggregate(e);

    walk_as(p, s, inside ? RW_C_FIELDS : s->clause, e->kids);
    if (e->over != NULL) {
        rw__emit_window(p, s, e->over);
    }
}

static void walk_op(rw_planner *p, rw_scope *s, const rw_expr *e)
{
    bool sum = e->op == RW_OP_PLUS || e->op == RW_OP_MINUS || e->op == RW_OP_STAR || e->op == RW_OP_SLASH ||
               e->op == RW_OP_PERCENT;

    for (const rw_expr *k = e->kids; k != NULL && sum; k = k->next) {
        if (k->kind == RW_E_COLUMN && rw__is_candidate(p, rw__last_part(&k->name))) {
            rw__check_list(p, s, k, "arithmetic");
        }
    }
    walk_list(p, s, e->kids);
}

static void walk(rw_planner *p, rw_scope *s, const rw_expr *e)
{
    switch (e->kind) {
    case RW_E_COLUMN: (void)rw__emit_column(p, s, e, false); return;
    case RW_E_SUBQUERY: walk_subquery(p, s, e); return;
    case RW_E_DEFAULT_OF: walk_default_of(p, s, e); return;
    case RW_E_VALUES_OF: walk_values_of(p, s, e); return;
    case RW_E_FUNC: walk_func(p, s, e); return;
    case RW_E_OP: walk_op(p, s, e); return;
    case RW_E_ASSIGN:
    case RW_E_MATCH: walk_list(p, s, e->kids); return;
    case RW_E_LITERAL:
    case RW_E_PARAM:
    case RW_E_STAR:
    case RW_E_USERVAR:
    case RW_E_SYSVAR:
    case RW_E_DEFAULT: walk_list(p, s, e->kids); return;
    }
}

void rw__emit_exprs(rw_planner *p, rw_scope *s, rw_clause clause, const rw_expr *list)
{
    if (!rw__stop(p)) {
        walk_as(p, s, clause, list);
    }
}

void rw__emit_expr(rw_planner *p, rw_scope *s, rw_clause clause, const rw_expr *e)
{
    rw_clause keep = s->clause;

    if (rw__stop(p) || e == NULL) {
        return;
    }
    s->clause = clause;
    walk(p, s, e);
    s->clause = keep;
}

void rw__emit_order(rw_planner *p, rw_scope *s, rw_clause clause, const rw_order *list)
{
    rw_clause keep = s->clause;

    s->clause = clause;
    for (const rw_order *o = list; o != NULL && !rw__stop(p); o = o->next) {
        if (o->expr->kind == RW_E_COLUMN) {
            (void)rw__emit_column(p, s, o->expr, true);
        } else {
            walk(p, s, o->expr);
        }
    }
    s->clause = keep;
}
