/* What subqueries read: does everything in a tree come from base tables other than the one that is written?
 *
 * Thread: the planner's. */
#include "write.h"

static bool query_avoids(rw_planner *p, const rw_query *q, const rw_table *target);

bool rw__exprs_avoid(rw_planner *p, const rw_expr *e, const rw_table *target)
{
    for (; e != NULL; e = e->next) {
        if (e->query != NULL && !query_avoids(p, e->query, target)) {
            return false;
        }
        if (!rw__exprs_avoid(p, e->kids, target)) {
            return false;
        }
        for (const rw_window *w = e->over; w != NULL; w = w->next) {
            if (!rw__exprs_avoid(p, w->exprs, target)) {
                return false;
            }
        }
    }
    return true;
}

bool rw__orders_avoid(rw_planner *p, const rw_order *o, const rw_table *target)
{
    for (; o != NULL; o = o->next) {
        if (!rw__exprs_avoid(p, o->expr, target)) {
            return false;
        }
    }
    return true;
}

static bool name_avoids(rw_planner *p, const rw_name *name, const rw_table *target)
{
    const rw_table *known = NULL;
    (void)rw__find_table(p, name, &known);
    return known != NULL && !known->is_view && known != target;
}

static bool from_avoids(rw_planner *p, const rw_from *f, const rw_table *target)
{
    for (; f != NULL; f = f->next) {
        bool ok = rw__exprs_avoid(p, f->exprs, target);
        switch (f->kind) {
        case RW_F_TABLE: ok = ok && name_avoids(p, &f->table, target); break;
        case RW_F_DERIVED: ok = ok && query_avoids(p, f->query, target); break;
        case RW_F_JOIN: ok = ok && from_avoids(p, f->left, target) && from_avoids(p, f->right, target); break;
        case RW_F_JSON_TABLE:
        case RW_F_DUAL: break;
        }
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool select_avoids(rw_planner *p, const rw_select *s, const rw_table *target)
{
    for (const rw_item *i = s->items; i != NULL; i = i->next) {
        if (!rw__exprs_avoid(p, i->expr, target)) {
            return false;
        }
    }
    for (const rw_window *w = s->windows; w != NULL; w = w->next) {
        if (!rw__exprs_avoid(p, w->exprs, target)) {
            return false;
        }
    }
    if (s->is_table && !name_avoids(p, &s->table, target)) {
        return false;
    }
    return from_avoids(p, s->from, target) && rw__exprs_avoid(p, s->where, target) &&
           rw__orders_avoid(p, s->group, target) && rw__exprs_avoid(p, s->having, target) &&
           rw__exprs_avoid(p, s->values, target);
}

static bool query_avoids(rw_planner *p, const rw_query *q, const rw_table *target)
{
    if (q == NULL) {
        return true;
    }
    if (q->ctes != NULL) { /* its names could hide tables from us */
        return false;
    }
    return (q->select == NULL || select_avoids(p, q->select, target)) && query_avoids(p, q->inner, target) &&
           query_avoids(p, q->left, target) && query_avoids(p, q->right, target) &&
           rw__orders_avoid(p, q->order, target) && rw__exprs_avoid(p, q->limit, target);
}
