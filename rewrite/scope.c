/* Scopes: which column a name means, as the server would find it.
 *
 * One search serves three worlds: the plain table of the client's version (FIRST), the other names of the
 * pairs (SECOND), and the columns that are physically there (PHYS). Order of the search, as on both servers:
 * scopes from within outwards; in each its tables, and the aliases of its select list where the clause lets
 * them be seen: before the tables for a whole ORDER BY element and in HAVING, after them elsewhere. */
#include "emit.h"

typedef enum lookup_world { FIRST, SECOND, PHYS } lookup_world;

/* ---- one scope -------------------------------------------------------------------------------------- */

bool rw__source_matches(const rw_planner *p, const rw_source *src, const rw_name *name)
{
    if (name->n < 2) {
        return true;
    }
    if (!rw__table_name_eq(p, src->name, name->part[name->n - 2])) {
        return false;
    }
    return name->n < 3 || rw__table_name_eq(p, src->schema, name->part[name->n - 3]);
}

static const rw_vcol *column_in(const rw_source *src, b_slice name, bool first)
{
    for (uint32_t i = 0; i < src->ncols; i++) {
        if (src->cols[i].first == first && b_slice_ieq(src->cols[i].name, name)) {
            return &src->cols[i];
        }
    }
    return NULL;
}

static bool physical_in(const rw_source *src, b_slice name)
{
    for (uint32_t i = 0; i < src->nphys; i++) {
        if (b_slice_ieq(src->phys[i], name)) {
            return true;
        }
    }
    return false;
}

/* Joined by USING: one column, whichever table it is found in first. */
static bool is_coalesced(const rw_scope *s, b_slice name)
{
    for (uint32_t i = 0; i < s->nusing; i++) {
        for (const rw_name_list *c = s->using_cols[i]; c != NULL; c = c->next) {
            if (b_slice_ieq(c->name.part[c->name.n - 1], name)) {
                return true;
            }
        }
    }
    return false;
}

static rw_binding find_in_tables(const rw_planner *p, rw_scope *s, const rw_name *name, lookup_world world)
{
    rw_binding b = {.kind = RW_BIND_NONE, .scope = s};
    b_slice last = name->part[name->n - 1];
    uint32_t hi = s->hi < s->nsrc ? s->hi : s->nsrc;

    for (uint32_t i = s->lo; i < hi; i++) {
        rw_source *src = &s->src[i];
        const rw_vcol *col = NULL;

        if (!rw__source_matches(p, src, name)) {
            continue;
        }
        if (!src->known) {
            b.unsure = true;
            continue;
        }
        if (world != PHYS) {
            col = column_in(src, last, world == FIRST);
        }
        if (world == PHYS ? !physical_in(src, last) : col == NULL) {
            continue;
        }
        if (b.kind == RW_BIND_NONE) {
            b.kind = RW_BIND_COLUMN;
            b.source = src;
            b.col = col;
        } else if (!is_coalesced(s, last) || name->n > 1) {
            b.kind = RW_BIND_AMBIGUOUS;
        }
    }
    if (b.kind == RW_BIND_NONE && b.unsure) {
        b.kind = RW_BIND_MAYBE;
    }
    return b;
}

b_slice rw__item_name(const rw_item *item)
{
    const rw_expr *e = item->expr;

    if (item->alias_tok != RW_NO_TOK) {
        return item->alias;
    }
    if (e == NULL) {
        return (b_slice){NULL, 0};
    }
    if (e->kind == RW_E_COLUMN && e->name.n > 0) {
        return e->name.part[e->name.n - 1];
    }
    return item->text;
}

/* `t.*` gives the columns of t a place in the select list. */
static rw_binding find_in_star(const rw_planner *p, rw_scope *s, const rw_expr *star, const rw_name *name)
{
    rw_binding b = {.kind = RW_BIND_NONE, .scope = s};
    rw_name qualified = star->name;

    if (qualified.n > 2) {
        return b;
    }
    qualified.n++; /* for the column itself */
    for (uint32_t i = 0; i < s->nsrc; i++) {
        rw_source *src = &s->src[i];
        const rw_vcol *col =
            src->known && rw__source_matches(p, src, &qualified) ? column_in(src, name->part[0], true) : NULL;

        if (col != NULL && col->star) {
            b.kind = RW_BIND_COLUMN;
            b.source = src;
            b.col = col;
        }
    }
    return b;
}

/* Of a list item (RW_C_FIELDS) or an element of GROUP BY: the column of a table here that it is. */
static rw_binding column_of(rw_planner *p, rw_scope *s, rw_clause clause, const rw_expr *e)
{
    rw_binding b = {.kind = RW_BIND_NONE};
    rw_clause keep = s->clause;

    if (e == NULL || e->kind != RW_E_COLUMN || e->name.n == 0) {
        return b;
    }
    s->clause = clause;
    b = rw__lookup(p, s, &e->name, clause == RW_C_GROUP);
    s->clause = keep;
    if (b.scope != s) {
        b.kind = RW_BIND_NONE;
    }
    return b;
}

/* Of two items of one name, both of them columns: is it the same column? One that is not known is taken for
 * it. first: found in a `t.*`, or the item of that name before this one. */
static bool same_field(rw_planner *p, rw_scope *s, const rw_binding *first, const rw_item *item)
{
    const rw_name *n = &item->expr->name;

    if (first->kind == RW_BIND_COLUMN) {
        return b_slice_ieq(n->part[n->n - 1], first->col->name) && rw__source_matches(p, first->source, n);
    }
    rw_binding a = column_of(p, s, RW_C_FIELDS, first->item->expr);
    rw_binding b = column_of(p, s, RW_C_FIELDS, item->expr);

    return a.kind != RW_BIND_COLUMN || b.kind != RW_BIND_COLUMN ||
           (a.source == b.source && b_slice_ieq(a.col->phys, b.col->phys));
}

/* Is it an expression where it is sent? Such an item is the one that its name means, whatever columns of that
 * name stand behind it. */
static bool is_computed(rw_planner *p, rw_scope *s, const rw_item *item, lookup_world world)
{
    if (item->expr == NULL || item->expr->kind != RW_E_COLUMN) {
        return true;
    }
    rw_binding b = {.kind = RW_BIND_NONE};
    if (world == PHYS) {
        b = column_of(p, s, RW_C_FIELDS, item->expr);
    }
    return b.kind == RW_BIND_COLUMN && b.col->form != NULL;
}

/* Does a bare `*` give another column of that name than the item is? */
static bool star_clashes(rw_planner *p, rw_scope *s, const rw_item *item, const rw_name *name)
{
    for (const rw_item *i = s->select->items; i != NULL; i = i->next) {
        if (i->expr == NULL || i->expr->kind != RW_E_STAR || i->expr->name.n > 0) {
            continue;
        }
        rw_binding b = find_in_star(p, s, i->expr, name);
        if (b.kind == RW_BIND_COLUMN && !same_field(p, s, &b, item)) {
            return true;
        }
    }
    return false;
}

/* after_tables: a column without an alias is then found in the tables already, or is not to be found. */
static rw_binding find_in_items(rw_planner *p, rw_scope *s, const rw_name *name, lookup_world world,
                                bool after_tables)
{
    rw_binding b = {.kind = RW_BIND_NONE, .scope = s};

    if (world == SECOND || name->n > 1 || s->select == NULL) {
        return b;
    }
    for (const rw_item *item = s->select->items; item != NULL; item = item->next) {
        b_slice its = rw__item_name(item);
        bool star = item->expr != NULL && item->expr->kind == RW_E_STAR && item->expr->name.n > 0;

        if (star && !s->no_star && !after_tables && world == FIRST && b.kind == RW_BIND_NONE) {
            b = find_in_star(p, s, item->expr, name);
        }
        if (item->expr != NULL && item->expr->kind == RW_E_LITERAL && item->alias_tok == RW_NO_TOK &&
            its.n > 0) {
            p->uncacheable = true; /* the literal's value is a name here */
        }
        if (item->alias_string) {
            p->uncacheable = true;
        }
        if (its.n == 0 || !b_slice_ieq(its, name->part[0])) {
            continue;
        }
        if (after_tables && item->alias_tok == RW_NO_TOK && item->expr->kind == RW_E_COLUMN) {
            continue;
        }
        if (is_computed(p, s, item, world)) {
            return (rw_binding){.kind = RW_BIND_ALIAS, .scope = s, .item = item};
        }
        if (b.kind == RW_BIND_NONE) {
            b.kind = RW_BIND_ALIAS;
            b.item = item;
        } else if (!same_field(p, s, &b, item)) {
            b.kind = RW_BIND_AMBIGUOUS;
            return b;
        }
    }
    if (b.kind == RW_BIND_ALIAS && world == FIRST && !after_tables && !s->no_star &&
        !is_coalesced(s, name->part[0]) && star_clashes(p, s, b.item, name)) {
        b.kind = RW_BIND_AMBIGUOUS;
    }
    return b;
}

/* ---- HAVING ----------------------------------------------------------------------------------------- */

/* Does the expression give the column that was found, or `name` among the physical ones? */
static bool is_that_column(rw_planner *p, rw_scope *s, rw_clause clause, const rw_expr *e,
                           const rw_binding *found, b_slice name)
{
    rw_binding b = column_of(p, s, clause, e);

    return b.kind == RW_BIND_COLUMN && b.source == found->source &&
           b_slice_ieq(b.col->phys, found->col == NULL ? name : found->col->phys);
}

static bool star_has(const rw_planner *p, const rw_scope *s, const rw_expr *star, const rw_binding *found,
                     b_slice name)
{
    rw_name probe = star->name;

    probe.n++;
    if (star->kind != RW_E_STAR || s->no_star || star->name.n > 2 ||
        (star->name.n > 0 && !rw__source_matches(p, found->source, &probe))) {
        return false;
    }
    for (uint32_t i = 0; i < found->source->ncols; i++) {
        const rw_vcol *c = &found->source->cols[i];

        if (c->star && b_slice_ieq(c->phys, found->col == NULL ? name : found->col->phys)) {
            return true;
        }
    }
    return false;
}

/* Is GROUP BY by another query's column of that physical name? Unqualified, the name would mean that. */
static bool grouped_outside(rw_planner *p, rw_scope *s, b_slice name)
{
    rw_clause keep = s->clause;
    bool found = false;

    s->clause = RW_C_GROUP;
    for (const rw_order *o = s->select->group; o != NULL && !found; o = o->next) {
        rw_binding b = {.kind = RW_BIND_NONE};

        if (o->expr->kind == RW_E_COLUMN && o->expr->name.n > 0) {
            b = rw__lookup(p, s, &o->expr->name, true);
        }
        found = b.kind == RW_BIND_COLUMN && b.scope != s && b_slice_ieq(b.col->phys, name);
    }
    s->clause = keep;
    return found;
}

/* HAVING sees a column of the tables only where the select list or GROUP BY has it: else the name belongs to
 * a query outside. */
static rw_binding find_in_having(rw_planner *p, rw_scope *s, const rw_name *name, lookup_world world)
{
    rw_binding b = find_in_tables(p, s, name, world);
    b_slice last = name->part[name->n - 1];

    if (b.kind != RW_BIND_COLUMN || s->select == NULL) {
        return b;
    }
    if (world == PHYS && name->n == 1 && grouped_outside(p, s, last)) {
        b.kind = RW_BIND_AMBIGUOUS;
        return b;
    }
    for (const rw_order *o = s->select->group; o != NULL; o = o->next) {
        if (is_that_column(p, s, RW_C_GROUP, o->expr, &b, last)) {
            return b;
        }
    }
    for (const rw_item *i = s->select->items; i != NULL; i = i->next) {
        if (is_that_column(p, s, RW_C_FIELDS, i->expr, &b, last) || star_has(p, s, i->expr, &b, last)) {
            return b;
        }
    }
    b.kind = RW_BIND_NONE;
    return b;
}

static bool named_twice(const rw_select *sel, b_slice name)
{
    unsigned n = 0;

    for (const rw_item *i = sel->items; i != NULL; i = i->next) {
        n += b_slice_ieq(rw__item_name(i), name);
    }
    return n > 1;
}

static bool is_grouped(rw_planner *p, rw_scope *s, const rw_expr *e)
{
    rw_binding b = column_of(p, s, RW_C_FIELDS, e);

    for (const rw_order *o = s->select->group; o != NULL && b.kind == RW_BIND_COLUMN; o = o->next) {
        if (is_that_column(p, s, RW_C_GROUP, o->expr, &b, b.col->phys)) {
            return true;
        }
    }
    return false;
}

/* A name that is both an alias and another column in GROUP BY is the column in HAVING; but MariaDB calls an
 * element of GROUP BY by its alias as well, and then has two of the name. */
static rw_binding prefer_grouped(rw_planner *p, rw_scope *s, const rw_name *name, lookup_world world,
                                 rw_binding alias)
{
    b_slice last = name->part[name->n - 1];

    if (alias.kind != RW_BIND_ALIAS || named_twice(s->select, last)) {
        return alias;
    }
    for (const rw_order *o = s->select->group; o != NULL; o = o->next) {
        rw_binding b = column_of(p, s, RW_C_GROUP, o->expr);

        if (b.kind != RW_BIND_COLUMN ||
            !b_slice_ieq(world == PHYS ? b.col->phys : o->expr->name.part[o->expr->name.n - 1], last)) {
            continue;
        }
        if (is_that_column(p, s, RW_C_FIELDS, alias.item->expr, &b, last)) {
            return alias;
        }
        if (p->server.flavour == RW_MARIADB && is_grouped(p, s, alias.item->expr)) {
            b.kind = RW_BIND_AMBIGUOUS;
        }
        return b;
    }
    return alias;
}

/* A whole element of GROUP BY that several tables have is the item of the select list that is called so, if
 * there is one. `*` lists all of them. Of the physical columns one may be gone by then, and the other found.
 */
static rw_binding prefer_listed(rw_planner *p, rw_scope *s, const rw_name *name, lookup_world world,
                                rw_binding ambiguous)
{
    if (world == PHYS || s->select == NULL) {
        return ambiguous;
    }
    for (const rw_item *i = s->select->items; i != NULL; i = i->next) {
        if (i->expr != NULL && i->expr->kind == RW_E_STAR && i->expr->name.n == 0) {
            return ambiguous;
        }
    }
    rw_binding b = find_in_items(p, s, name, world, false);
    return b.kind == RW_BIND_NONE ? ambiguous : b;
}

/* from: the clause in which the name itself stands. */
static rw_binding find_in_scope(rw_planner *p, rw_scope *s, const rw_name *name, lookup_world world,
                                rw_clause from, bool own, bool whole)
{
    rw_clause c = s->clause;
    bool seen = own ? (c == RW_C_GROUP || c == RW_C_HAVING || c == RW_C_ORDER || c == RW_C_WINDOW)
                    : (c != RW_C_WHERE && c != RW_C_ON && c != RW_C_OTHER);
    /* A subquery in HAVING finds the tables first, but for the names in its own HAVING. */
    bool aliases_first = (c == RW_C_HAVING && from == RW_C_HAVING) || (own && c == RW_C_ORDER && whole);
    rw_binding b;

    if (seen && aliases_first) {
        b = find_in_items(p, s, name, world, false);
        if (b.kind != RW_BIND_NONE) {
            return own && c == RW_C_HAVING ? prefer_grouped(p, s, name, world, b) : b;
        }
        return own && c == RW_C_HAVING ? find_in_having(p, s, name, world)
                                       : find_in_tables(p, s, name, world);
    }
    b = find_in_tables(p, s, name, world);
    if (own && c == RW_C_GROUP && whole && b.kind == RW_BIND_AMBIGUOUS) {
        return prefer_listed(p, s, name, world, b);
    }
    if (seen && (b.kind == RW_BIND_NONE || b.kind == RW_BIND_MAYBE)) {
        rw_binding alias = find_in_items(p, s, name, world, true);

        if (alias.kind != RW_BIND_NONE) {
            alias.unsure = b.kind == RW_BIND_MAYBE;
            return alias;
        }
    }
    return b;
}

/* ---- the chain -------------------------------------------------------------------------------------- */

static rw_binding find_outwards(rw_planner *p, rw_scope *s, const rw_name *name, lookup_world world,
                                bool whole)
{
    rw_binding b = {.kind = RW_BIND_NONE};

    for (rw_scope *at = s; at != NULL; at = at->outer) {
        b = find_in_scope(p, at, name, world, s->clause, at == s, whole);
        if (b.kind != RW_BIND_NONE) {
            break;
        }
    }
    return b;
}

bool rw__is_candidate(const rw_planner *p, b_slice name)
{
    for (const rw_mtab *mt = p->mtabs; mt != NULL; mt = mt->next) {
        if (rw__pair_named(mt, name, NULL, NULL) != NULL) {
            return true;
        }
    }
    return false;
}

rw_binding rw__lookup(rw_planner *p, rw_scope *s, const rw_name *name, bool whole)
{
    rw_binding b = {.kind = RW_BIND_NONE};

    if (rw__is_local(p, name)) {
        return b;
    }
    b = find_outwards(p, s, name, FIRST, whole);
    if (b.kind != RW_BIND_NONE) {
        return b;
    }
    b = find_outwards(p, s, name, SECOND, whole);
    b.second = b.kind != RW_BIND_NONE;
    return b;
}

rw_binding rw__lookup_physical(rw_planner *p, rw_scope *s, const rw_name *name, bool whole)
{
    return rw__is_local(p, name) ? (rw_binding){.kind = RW_BIND_NONE}
                                 : find_outwards(p, s, name, PHYS, whole);
}
