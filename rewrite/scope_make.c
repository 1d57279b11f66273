/* Scopes: how the tables of a FROM, and what stands for tables, come into them. What a name then means:
 * scope.c. */
#include "emit.h"

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

static void note_alias(rw_planner *p, rw_mtab *mt, b_slice alias)
{
    char *all = b_arena_alloc(p->arena, mt->aliases.n + alias.n + 1);

    if (all == NULL) {
        p->nomem = true;
        return;
    }
    if (mt->aliases.n > 0) {
        memcpy(all, mt->aliases.p, mt->aliases.n);
    }
    memcpy(all + mt->aliases.n, alias.p, alias.n);
    all[mt->aliases.n + alias.n] = '\0';
    mt->aliases = b_slice_of(all, mt->aliases.n + alias.n + 1);
}

static void note_called(rw_planner *p, b_slice name, const rw_mtab *mt)
{
    rw_called *c = B_NEW(p->arena, rw_called);

    if (c == NULL) {
        p->nomem = true;
        return;
    }
    *c = (rw_called){name, mt, p->called};
    p->called = c;
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
    src->base = mt;
    if (mt != NULL && alias.n > 0) {
        note_alias(p, mt, alias);
    }
    if (p->t->hints) {
        note_called(p, src->name, mt);
    }
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
