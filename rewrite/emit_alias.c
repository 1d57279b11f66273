/* A name that is an alias of the select list: written otherwise where the physical columns would now hide it.
 */
#include "emit_name.h"
#include "functions.h"

/* The position of an item in the result, counted from 1; 0 where a `*` before it has an unknown width. */
static uint32_t ordinal_of(rw_planner *p, rw_scope *s, const rw_item *item)
{
    uint32_t n = 1;
    rw_mode mode = {.counted = false};

    for (const rw_item *i = s->select->items; i != NULL && i != item; i = i->next) {
        uint32_t width = 1;

        if (i->expr->kind == RW_E_STAR && !rw__star_width(p, s, i->expr, mode, &width)) {
            return 0;
        }
        n += width;
    }
    return n;
}

/* Does the expression hold a name that a migration changes? */
static bool has_candidate(const rw_planner *p, const rw_expr *e)
{
    if (e->kind == RW_E_COLUMN && rw__is_candidate(p, rw__last_part(&e->name))) {
        return true;
    }
    for (const rw_expr *k = e->kids; k != NULL; k = k->next) {
        if (has_candidate(p, k)) {
            return true;
        }
    }
    return false;
}

/* The same value at every place of the select in which it stands. */
static bool repeatable(const rw_planner *p, const rw_expr *e)
{
    if (e->over != NULL || rw__has_subquery(e->kids)) {
        return false;
    }
    if (!rw__is_aggregate(e)) {
        return rw__deterministic(p, e);
    }
    if (p->server.flavour == RW_MARIADB) {
        return false; /* error 1247 there: an alias of an aggregate within an expression */
    }
    for (const rw_expr *k = e->kids; k != NULL; k = k->next) {
        if (k->kind != RW_E_STAR && !rw__deterministic(p, k)) {
            return false;
        }
    }
    return true;
}

/* May the item's expression be written in the place of its alias? In HAVING its names would be looked up
 * another way. Under GROUP BY or DISTINCT the server wants the alias itself, or answers 1055. */
static bool may_copy(rw_planner *p, const rw_scope *s, const rw_item *item)
{
    bool column = item->expr->kind == RW_E_COLUMN;

    if (s->clause == RW_C_HAVING && column && rw__alias_named(s, rw__last_part(&item->expr->name))) {
        return false;
    }
    if (s->clause == RW_C_HAVING && rw__is_aggregate(item->expr)) { /* whose arguments are the tables' */
        return !rw__has_subquery(item->expr->kids);
    }
    if (s->clause == RW_C_HAVING && has_candidate(p, item->expr)) {
        return false;
    }
    if (column && !s->select->rollup) { /* the list has it: it is there for all to see */
        return true;
    }
    if (s->select->distinct || (s->select->group != NULL && !rw__is_aggregate(item->expr))) {
        return false;
    }
    return repeatable(p, item->expr);
}

/* Is the column that hides the alias the very one that the alias stands for? */
static bool hides_itself(rw_planner *p, rw_scope *s, const rw_item *item, const rw_binding *phys,
                         b_slice name)
{
    rw_binding own = rw__lookup_in(p, s, RW_C_FIELDS, item->expr);

    return phys->kind == RW_BIND_COLUMN && own.kind == RW_BIND_COLUMN && own.source == phys->source &&
           own.col->form == NULL && b_slice_ieq(own.col->phys, name);
}

void rw__emit_alias(rw_planner *p, rw_scope *s, const rw_expr *e, const rw_binding *b, bool whole)
{
    rw_binding phys = rw__lookup_physical(p, s, &e->name, whole);
    b_slice name = rw__last_part(&e->name);
    rw_edit *edit;

    if (!rw__in_sight(s, name)) {
        return;
    }
    if (s->clause == RW_C_ORDER && b->scope == s) {
        rw__check_list(p, s, b->item->expr, "ORDER BY");
    }
    if ((phys.kind == RW_BIND_ALIAS && phys.scope == b->scope && phys.item == b->item) ||
        (b->scope == s && !b->unsure && hides_itself(p, s, b->item, &phys, name))) {
        return;
    }
    /* A number in ORDER BY is a place in the list, in parentheses, too. */
    bool by_place = s->clause == RW_C_GROUP ||
                    (s->clause == RW_C_ORDER && b->item != NULL && b->item->expr->kind == RW_E_LITERAL);
    if (b->scope == s && !b->unsure && whole && by_place) {
        uint32_t n = ordinal_of(p, s, b->item);

        if (n > 0) {
            char *text = b_arena_printf(p->arena, "%u", n);

            edit = rw_edit_replace(p->edits, e->tok, e->end);
            rw_edit_text(p->edits, edit, b_slice_str(text));
            return;
        }
    }
    if (b->scope == s && !b->unsure && may_copy(p, s, b->item)) {
        edit = rw_edit_replace(p->edits, e->tok, e->end);
        rw_edit_text(p->edits, edit, B_LIT("("));
        rw__render_expr(p, s, RW_C_FIELDS, b->item->expr, edit);
        rw_edit_text(p->edits, edit, B_LIT(")"));
        return;
    }
    rw__refuse_lost(p, name);
}
