/* Scopes: which column a name means, as the server would find it.
 *
 * One search serves three worlds: the plain table of the client's version (FIRST), the other names of the
 * pairs (SECOND), and the columns that are physically there (PHYS). Order of the search, as on both servers:
 * scopes from within outwards; in each its tables, and the aliases of its select list where the clause lets
 * them be seen: before the tables for a whole ORDER BY element and in HAVING, after them elsewhere. */
#include "emit.h"

typedef enum lookup_world { FIRST, SECOND, PHYS } lookup_world;

/* ---- building --------------------------------------------------------------------------------------- */

void rw__vcols_add(rw_planner *p, rw_vcols *list, rw_vcol v)
{
    if (p->nomem) {
        return;
    }
    if (list->n == list->room) {
        uint32_t room = list->room == 0 ? 16 : list->room * 2;
        rw_vcol *grown = b_arena_regrow(p->arena, list->v, list->n, room, sizeof(*grown));

        if (grown == NULL) {
            p->nomem = true;
            return;
        }
        list->v = grown;
        list->room = room;
    }
    list->v[list->n++] = v;
}

void rw__scope_init(rw_scope *s, rw_scope *outer)
{
    memset(s, 0, sizeof(*s));
    s->outer = outer;
    s->hi = UINT32_MAX;
    s->ctes = outer == NULL ? NULL : outer->ctes;
}

rw_source *rw__scope_push(rw_planner *p, rw_scope *s)
{
    if (p->nomem) {
        return NULL;
    }
    if (s->nsrc == s->room) {
        uint32_t room = s->room == 0 ? 4 : s->room * 2;
        rw_source *grown = b_arena_regrow(p->arena, s->src, s->nsrc, room, sizeof(*grown));

        if (grown == NULL) {
            p->nomem = true;
            return NULL;
        }
        s->src = grown;
        s->room = room;
    }
    rw_source *src = &s->src[s->nsrc++];
    *src = (rw_source){0};
    return src;
}

/* Every name by which the server may find a column: those of the catalogue, and both names of each pair,
 * since either may come or go under one ruleset (ADD COLUMN, DROP COLUMN after publishing). */
static void set_phys(rw_planner *p, rw_source *src)
{
    const rw_table *t = src->table;
    size_t pairs = src->mt == NULL ? 0 : src->mt->m->npairs;
    b_slice *names = b_arena_array(p->arena, t->ncolumns + 2 * pairs + 1, sizeof(*names));

    if (names == NULL) {
        p->nomem = true;
        return;
    }
    src->phys = names;
    for (size_t i = 0; i < t->ncolumns; i++) {
        names[src->nphys++] = t->columns[i].name;
    }
    for (size_t i = 0; i < pairs; i++) {
        const rw_pair *pair = &src->mt->m->pairs[i];

        if (pair->from.n > 0 && rw_table_column(t, pair->from) == NULL) {
            names[src->nphys++] = pair->from;
        }
        if (pair->to.n > 0 && rw_table_column(t, pair->to) == NULL) {
            names[src->nphys++] = pair->to;
        }
    }
}

static void set_plain_columns(rw_planner *p, rw_source *src)
{
    rw_vcols list = {0};

    for (size_t i = 0; i < src->table->ncolumns; i++) {
        const rw_column *c = &src->table->columns[i];

        rw__vcols_add(
            p, &list,
            (rw_vcol){.name = c->name, .phys = c->name, .column = c, .first = true, .star = !c->invisible});
    }
    src->cols = list.v;
    src->ncols = list.n;
}

rw_source *rw__scope_add_table(rw_planner *p, rw_scope *s, const rw_name *table, b_slice alias)
{
    const rw_table *known;
    rw_mtab *mt = rw__find_table(p, table, &known);
    rw_source *src = rw__stop(p) ? NULL : rw__scope_push(p, s);

    if (src == NULL) {
        return NULL;
    }
    src->name = alias.n > 0 ? alias : table->part[table->n - 1];
    src->schema = table->n > 1 ? table->part[table->n - 2] : p->schema;
    src->table = known;
    src->mt = mt;
    if (known == NULL || known->ncolumns == 0) {
        return src;
    }
    src->known = true;
    set_phys(p, src);
    if (mt != NULL) {
        src->cols = mt->cols;
        src->ncols = mt->ncols;
    } else {
        set_plain_columns(p, src);
    }
    rw__trace_source(p, s, src);
    return rw__stop(p) ? NULL : src;
}

void rw__source_export(rw_planner *p, rw_source *src, rw_export cols)
{
    b_slice *names = b_arena_array(p->arena, (size_t)cols.n + 1, sizeof(*names));

    if (names == NULL) {
        p->nomem = true;
        return;
    }
    src->known = cols.known;
    src->cols = cols.cols;
    src->ncols = cols.n;
    src->phys = names;
    for (uint32_t i = 0; i < cols.n; i++) {
        if (cols.cols[i].first) {
            names[src->nphys++] = cols.cols[i].phys;
        }
    }
}

rw_source *rw__scope_add_names(rw_planner *p, rw_scope *s, b_slice alias, const b_slice *names, uint32_t n)
{
    rw_source *src = rw__stop(p) ? NULL : rw__scope_push(p, s);
    rw_vcols list = {0};

    if (src == NULL) {
        return NULL;
    }
    src->name = alias;
    for (uint32_t i = 0; i < n; i++) {
        rw__vcols_add(p, &list, (rw_vcol){.name = names[i], .phys = names[i], .first = true, .star = true});
    }
    rw__source_export(p, src, (rw_export){list.v, list.n, true});
    return rw__stop(p) ? NULL : src;
}

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

/* What a string literal without an alias is called: its text, or that of the first of several. */
static b_slice string_name(const rw_planner *p, const rw_expr *e)
{
    for (uint32_t i = e->tok; i < e->end; i++) {
        if (p->t->tok[i].kind == RW_TOK_STRING) return rw__token_name(p->ctx, p->t, i, p->arena);
    }
    return (b_slice){NULL, 0};
}

b_slice rw__item_name(const rw_planner *p, const rw_item *item)
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
    return e->kind == RW_E_LITERAL ? string_name(p, e) : (b_slice){NULL, 0};
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

/* after_tables: a column without an alias is then found in the tables already, or is not to be found. */
static rw_binding find_in_items(rw_planner *p, rw_scope *s, const rw_name *name, lookup_world world,
                                bool after_tables)
{
    rw_binding b = {.kind = RW_BIND_NONE, .scope = s};

    if (world == SECOND || name->n > 1 || s->select == NULL) {
        return b;
    }
    for (const rw_item *item = s->select->items; item != NULL; item = item->next) {
        b_slice its = rw__item_name(p, item);
        bool star = item->expr != NULL && item->expr->kind == RW_E_STAR && item->expr->name.n > 0;

        if (star && !after_tables && world == FIRST && b.kind == RW_BIND_NONE) {
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
        if (b.kind != RW_BIND_NONE) {
            const rw_name *n = &item->expr->name;
            bool same = item->expr->kind == RW_E_COLUMN && b_slice_ieq(n->part[n->n - 1], name->part[0]);

            b.kind = same ? b.kind : RW_BIND_AMBIGUOUS;
            return b;
        }
        b.kind = RW_BIND_ALIAS;
        b.item = item;
        return b;
    }
    return b;
}

static rw_binding find_in_scope(rw_planner *p, rw_scope *s, const rw_name *name, lookup_world world, bool own,
                                bool whole)
{
    rw_clause c = s->clause;
    bool seen = own ? (c == RW_C_GROUP || c == RW_C_HAVING || c == RW_C_ORDER || c == RW_C_WINDOW)
                    : (c != RW_C_WHERE && c != RW_C_ON && c != RW_C_OTHER);
    bool aliases_first = c == RW_C_HAVING || (own && c == RW_C_ORDER && whole);
    rw_binding b;

    if (seen && aliases_first) {
        b = find_in_items(p, s, name, world, false);
        return b.kind != RW_BIND_NONE ? b : find_in_tables(p, s, name, world);
    }
    b = find_in_tables(p, s, name, world);
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
        b = find_in_scope(p, at, name, world, at == s, whole);
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
    rw_binding b = find_outwards(p, s, name, FIRST, whole);

    if (b.kind != RW_BIND_NONE) {
        return b;
    }
    b = find_outwards(p, s, name, SECOND, whole);
    b.second = b.kind != RW_BIND_NONE;
    return b;
}

rw_binding rw__lookup_physical(rw_planner *p, rw_scope *s, const rw_name *name, bool whole)
{
    return find_outwards(p, s, name, PHYS, whole);
}
