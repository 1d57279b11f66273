/* NATURAL JOIN and USING join by names, and both columns of a pair have one. A migrating table whose pair
 * could be among them stands as a derived table with the columns of the plain one: the join, `*`, and every
 * name outside then find what they found there, and the server still merges it into the query.
 *
 * Not where rows of the table itself are meant: targets of UPDATE and DELETE, FOR UPDATE, FOR SYSTEM_TIME. */
#include "emit.h"
#include "index_name.h"
#include "shield.h"

/* A pair of the table whose name this is, on either side. */
static bool names_pair(const rw_mtable *m, b_slice name)
{
    for (size_t i = 0; i < m->npairs; i++) {
        if (b_slice_ieq(m->pairs[i].from, name) || b_slice_ieq(m->pairs[i].to, name)) {
            return true;
        }
    }
    return false;
}

/* Has some table of this tree, other than the one at `not`, a column that may be called like one of a pair?
 */
static bool others_have(rw_planner *p, const rw_scope *s, const rw_from *f, const rw_from * not,
                        const rw_mtable *m)
{
    const rw_table *known;

    if (f == NULL || f == not || f->kind == RW_F_DUAL) {
        return false;
    }
    if (f->kind == RW_F_JOIN) {
        return others_have(p, s, f->left, not, m) || others_have(p, s, f->right, not, m);
    }
    if (f->kind != RW_F_TABLE || rw__find_cte(p, s, &f->table) != NULL) {
        return true;
    }
    (void)rw__find_base(p, &f->table, &known);
    if (known == NULL || known->ncolumns == 0) {
        return true;
    }
    for (size_t i = 0; i < known->ncolumns; i++) {
        if (names_pair(m, known->columns[i].name)) {
            return true;
        }
    }
    return false;
}

static bool holds(const rw_from *f, const rw_from *leaf)
{
    return f == leaf || (f->kind == RW_F_JOIN && (holds(f->left, leaf) || holds(f->right, leaf)));
}

/* Is the leaf joined, somewhere in the tree, by a name of one of its pairs? */
static bool joined_by_pair(rw_planner *p, const rw_scope *s, const rw_from *f, const rw_from *leaf,
                           const rw_mtable *m)
{
    if (f->kind != RW_F_JOIN || !holds(f, leaf)) {
        return false;
    }
    if (f->natural && others_have(p, s, f, leaf, m)) {
        return true;
    }
    for (const rw_name_list *c = f->using_cols; c != NULL; c = c->next) {
        if (names_pair(m, c->name.part[c->name.n - 1])) {
            return true;
        }
    }
    return joined_by_pair(p, s, f->left, leaf, m) || joined_by_pair(p, s, f->right, leaf, m);
}

static bool using_names(const rw_from *f, b_slice name)
{
    if (f->kind != RW_F_JOIN) {
        return false;
    }
    for (const rw_name_list *c = f->using_cols; c != NULL; c = c->next) {
        if (b_slice_ieq(c->name.part[c->name.n - 1], name)) {
            return true;
        }
    }
    return using_names(f->left, name) || using_names(f->right, name);
}

bool rw__joins_as_plain(const rw_planner *p, const rw_scope *s, const rw_mtable *m)
{
    bool is_new = p->ctx->version == RW_VERSION_NEW;

    for (size_t i = 0; i < m->npairs; i++) {
        const rw_pair *pair = &m->pairs[i];

        if (s->item == NULL || pair->phase != (is_new ? RW_CONTRACTED : RW_PLANNED) ||
            using_names(s->item, is_new ? pair->from : pair->to)) {
            return false;
        }
    }
    return true;
}

/* A column that `*` of the plain table does not give cannot be hidden in a derived table. */
static bool has_invisible(const rw_mtab *mt)
{
    for (uint32_t i = 0; i < mt->nplain; i++) {
        if (mt->cols[i].first && !mt->cols[i].star) {
            return true;
        }
    }
    return false;
}

rw_mtab *rw__shielded(rw_planner *p, const rw_scope *s, const rw_from *f)
{
    const rw_table *known;
    rw_mtab *mt;

    if (s->item == NULL || s->item->kind != RW_F_JOIN || f->for_system_time || rw__stop(p)) {
        return NULL;
    }
    mt = rw__find_base(p, &f->table, &known);
    if (mt == NULL || !joined_by_pair(p, s, s->item, f, mt->m) || rw__joins_as_plain(p, s, mt->m)) {
        return NULL;
    }
    return has_invisible(mt) ? NULL : mt;
}

/* What a column of the pair is called in the derived table: as USING calls it, else as on the plain table. */
static b_slice outer_name(const rw_planner *p, const rw_scope *s, const rw_pair *pair)
{
    bool is_new = p->ctx->version == RW_VERSION_NEW;
    b_slice plain = is_new ? pair->to : pair->from, other = is_new ? pair->from : pair->to;

    /* Another value than the plain column's is not reached by the other name. */
    bool same = pair->forms == NULL && other.n > 0;

    return same && using_names(s->item, other) && !using_names(s->item, plain) ? other : plain;
}

/* The plain table's columns under its names; then the other name of each pair, for names outside. */
static rw_export plain_export(rw_planner *p, const rw_scope *s, const rw_mtab *mt)
{
    rw_vcols out = {0};

    for (uint32_t i = 0; i < mt->ncols; i++) {
        rw_vcol v = mt->cols[i];

        if (v.mt != NULL) {
            if (!v.first && mt->m->pairs[v.pair].forms != NULL) {
                continue;
            }
            v.phys = outer_name(p, s, &mt->m->pairs[v.pair]);
        }
        if (v.phys.n == 0) {
            continue;
        }
        v.column = NULL;
        v.form = NULL;
        rw__vcols_add(p, &out, v);
    }
    return (rw_export){out.v, out.n, true};
}

static void write_shield(rw_planner *p, const rw_scope *s, const rw_mtab *mt, const rw_from *f)
{
    rw_edit *edit = rw_edit_replace(p->edits, f->tok, f->end);
    const char *sep = "(SELECT ";

    for (uint32_t i = 0; i < mt->nplain; i++) {
        const rw_vcol *c = &mt->cols[i];
        b_slice name = c->mt == NULL ? c->name : outer_name(p, s, &mt->m->pairs[c->pair]);

        if (!c->first) {
            continue;
        }
        rw_edit_text(p->edits, edit, b_slice_str(sep));
        sep = ", ";
        rw__write_column(p, NULL, 0, c, edit);
        if (!b_slice_eq(c->phys, name)) {
            rw_edit_text(p->edits, edit, B_LIT(" AS "));
            rw_edit_text(p->edits, edit, rw__quoted(p, name));
        }
    }
    rw_edit_text(p->edits, edit, B_LIT(" FROM "));
    rw__copy_from_item(p, mt, f, edit); /* with alias, PARTITION and index hints */
    rw_edit_text(p->edits, edit, B_LIT(") AS "));
    rw_edit_text(p->edits, edit,
                 rw__quoted(p, f->alias_tok != RW_NO_TOK ? f->alias : f->table.part[f->table.n - 1]));
}

/* Its shape uses the plain table's names; the other one only USING does, which says so itself. */
static void note_outer(const rw_planner *p, const rw_scope *s, rw_mtab *mt)
{
    bool is_new = p->ctx->version == RW_VERSION_NEW;

    for (uint32_t i = 0; p->ctx->version != RW_VERSION_BOTH && i < mt->m->npairs; i++) {
        const rw_pair *pair = &mt->m->pairs[i];

        if (b_slice_eq(outer_name(p, s, pair), is_new ? pair->to : pair->from)) {
            rw__note_use(mt, i, is_new, false);
        }
    }
}

void rw__add_shielded(rw_planner *p, rw_scope *s, const rw_from *f, rw_mtab *mt)
{
    rw_source *src = rw__stop(p) ? NULL : rw__scope_push(p, s);

    if (src == NULL) {
        return;
    }
    src->name = f->alias_tok != RW_NO_TOK ? f->alias : f->table.part[f->table.n - 1];
    src->from = f;
    src->base = mt;
    rw__source_export(p, src, plain_export(p, s, mt));
    rw__trace_source(p, s, src);
    note_outer(p, s, mt);
    write_shield(p, s, mt, f);
}
