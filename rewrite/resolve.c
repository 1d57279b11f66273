/* Migrating tables as a client sees them: which table a name means, and what its columns are called.
 *
 * The shape that a client believes in is computed from the physical columns and the pairs of the migration,
 * in each phase alike. What a statement does with it is the business of scope.c and the emitters. */
#include "resolve.h"
#include "spelling.h"
#include "view.h"

bool rw__phase_has_from(rw_phase p)
{
    return p < RW_CONTRACTED;
}
bool rw__phase_has_to(rw_phase p)
{
    return p > RW_PLANNED;
}
bool rw__phase_reads_to(rw_phase p)
{
    return p >= RW_SWITCHED;
}
bool rw__phase_writes_both(rw_phase p)
{
    return p == RW_DUAL_WRITE || p == RW_SWITCHED;
}
bool rw__phase_writes_to(rw_phase p)
{
    return p >= RW_RETIRED;
}

const rw_pair *rw__pair_named(const rw_mtab *mt, b_slice name, bool *new_name, uint32_t *index)
{
    for (size_t i = 0; i < mt->m->npairs; i++) {
        const rw_pair *pair = &mt->m->pairs[i];
        bool to = b_slice_ieq(pair->to, name);

        if (!to && !b_slice_ieq(pair->from, name)) {
            continue;
        }
        if (new_name != NULL) {
            *new_name = to;
        }
        if (index != NULL) {
            *index = (uint32_t)i;
        }
        return pair;
    }
    return NULL;
}

b_slice rw__pair_read(const rw_pair *pair)
{
    return rw__phase_reads_to(pair->phase) ? pair->to : pair->from;
}

void rw__pair_bind(const rw_mtab *mt, const rw_pair *pair, bool new_name, bool from_new, rw_vcol *v)
{
    v->form = NULL;
    v->phys = from_new ? pair->to : pair->from;
    if (pair->forms != NULL && new_name != from_new) {
        v->form = new_name ? &pair->forms->read_to : &pair->forms->read_from;
        v->phys = v->form->text;
    }
    v->column = v->form == NULL ? rw_table_column(mt->table, v->phys) : NULL;
}

void rw__note_use(rw_mtab *mt, uint32_t pair, bool new_name, bool write)
{
    mt->used[pair] |= new_name ? RW_USED_NEW : RW_USED_OLD;
    if (write) {
        mt->used[pair] |= RW_USED_WRITE;
    }
}

void rw__note_shape(rw_planner *p, rw_mtab *mt, bool write)
{
    for (uint32_t i = 0; p->ctx->version != RW_VERSION_BOTH && i < mt->m->npairs; i++) {
        rw__note_use(mt, i, p->ctx->version == RW_VERSION_NEW, write);
    }
}

/* ---- the shape -------------------------------------------------------------------------------------- */

/* One name of a pair as a column of the table. */
static rw_vcol pair_column(const rw_planner *p, const rw_mtab *mt, uint32_t index, bool new_name)
{
    const rw_pair *pair = &mt->m->pairs[index];
    bool first = new_name == (p->ctx->version == RW_VERSION_NEW);
    bool plain = p->as_plain && pair->phase == RW_SWITCHED && pair->forms == NULL;
    rw_vcol v = {.name = new_name ? pair->to : pair->from, .mt = mt, .pair = index};

    rw__pair_bind(mt, pair, new_name, !plain && rw__phase_reads_to(pair->phase), &v);
    if (p->as_plain && pair->phase == RW_SWITCHED && pair->forms != NULL && pair->b_default_up) {
        v.form = new_name ? &pair->forms->bare_to : &pair->forms->bare_from;
        v.phys = v.form->text;
        v.column = NULL;
    }
    v.new_name = new_name;
    v.first = first;
    v.extra = !first;
    v.star = !pair->plain.invisible && (first || (p->ctx->version == RW_VERSION_BOTH && !pair->disabled));
    return v;
}

/* Where a pair stands on the plain table: the index of the physical column in whose place it is to come, or
 * after which (*after). A itself, where it exists; else the column that A followed; else B's place. */
static size_t pair_place(const rw_mtab *mt, const rw_pair *pair, bool *after)
{
    const rw_column *from = rw_table_column(mt->table, pair->from);
    const rw_column *prev = pair->after.n > 0 ? rw_table_column(mt->table, pair->after) : NULL;
    const rw_column *at = from != NULL ? from : prev;

    if (pair->from.n == 0) {
        return pair_place(mt, pair - 1, after); /* beside the one before it, which is of its group */
    }
    *after = from == NULL && prev != NULL;
    for (size_t i = 0; at == NULL && pair->to.n == 0 && pair->after.n > 0 && i < mt->m->npairs; i++) {
        if (b_slice_ieq(mt->m->pairs[i].from, pair->after)) {
            return pair_place(mt, &mt->m->pairs[i], after); /* both are gone: directly after it */
        }
    }
    if (at == NULL) {
        at = rw_table_column(mt->table, pair->to);
    }
    return at == NULL ? mt->table->ncolumns : (size_t)(at - mt->table->columns);
}

static bool has_side(const rw_pair *pair, bool new_name)
{
    return (new_name ? pair->to.n : pair->from.n) > 0;
}

static uint32_t add_pairs_at(const rw_planner *p, rw_mtab *mt, rw_vcol *cols, uint32_t n, size_t place,
                             bool after)
{
    for (size_t i = 0; i < mt->m->npairs; i++) {
        bool is_after;
        size_t at = pair_place(mt, &mt->m->pairs[i], &is_after);

        if (at == place && is_after == after &&
            has_side(&mt->m->pairs[i], p->ctx->version == RW_VERSION_NEW)) {
            cols[n++] = pair_column(p, mt, (uint32_t)i, p->ctx->version == RW_VERSION_NEW);
        }
    }
    return n;
}

static bool build_shape(rw_planner *p, rw_mtab *mt)
{
    const rw_table *t = mt->table;
    rw_vcol *cols = b_arena_array(p->arena, t->ncolumns + 2 * mt->m->npairs + 1, sizeof(*cols));
    uint32_t n = 0;

    if (cols == NULL) {
        return false;
    }
    for (size_t i = 0; i < t->ncolumns; i++) {
        const rw_column *c = &t->columns[i];

        n = add_pairs_at(p, mt, cols, n, i, false);
        if (rw__pair_named(mt, c->name, NULL, NULL) == NULL) {
            cols[n++] = (rw_vcol){
                .name = c->name, .phys = c->name, .column = c, .first = true, .star = !c->invisible};
        }
        n = add_pairs_at(p, mt, cols, n, i, true);
    }
    n = add_pairs_at(p, mt, cols, n, t->ncolumns, false);
    mt->nplain = n;
    for (size_t i = 0; i < mt->m->npairs; i++) {
        if (has_side(&mt->m->pairs[i], p->ctx->version != RW_VERSION_NEW)) {
            cols[n++] = pair_column(p, mt, (uint32_t)i, p->ctx->version != RW_VERSION_NEW);
        }
    }
    mt->cols = cols;
    mt->ncols = n;
    return true;
}

/* ---- tables by name --------------------------------------------------------------------------------- */

bool rw__table_name_eq(const rw_planner *p, b_slice a, b_slice b)
{
    return p->server.lower_case_table_names == 0 ? b_slice_eq(a, b) : rw__same_folded(a, b);
}

static bool is_temporary(const rw_planner *p, b_slice schema, b_slice name)
{
    for (size_t i = 0; i < p->ctx->ntemps; i++) {
        const rw_table_name *t = &p->ctx->temps[i];

        if (rw__table_name_eq(p, t->schema, schema) && rw__table_name_eq(p, t->name, name)) {
            return true;
        }
    }
    return false;
}

/* The index of this table among those with an unfinished migration; their number when it is none. */
static size_t migration_of(const rw_planner *p, b_slice schema, b_slice name)
{
    size_t i, n = rw__ruleset_tables(p->rules);

    for (i = 0; i < n; i++) {
        const rw_mtable *m = rw__ruleset_table(p->rules, i);

        if (rw__table_name_eq(p, m->schema, schema) && rw__table_name_eq(p, m->table, name)) {
            break;
        }
    }
    return i;
}

/* The migrating table as met in this statement; made on the first call. */
static rw_mtab *get_mtab(rw_planner *p, size_t index, const rw_table *table)
{
    rw_mtab *mt;

    for (mt = p->mtabs; mt != NULL; mt = mt->next) {
        if (mt->index == index && mt->as_plain == p->as_plain) {
            return mt;
        }
    }
    mt = B_NEW(p->arena, rw_mtab);
    if (mt == NULL) {
        p->nomem = true;
        return NULL;
    }
    mt->m = rw__ruleset_table(p->rules, index);
    mt->used = b_arena_array(p->arena, mt->m->npairs, sizeof *mt->used);
    mt->index = (uint32_t)index;
    mt->table = table;
    mt->as_plain = p->as_plain;
    if (mt->used == NULL || !build_shape(p, mt)) {
        p->nomem = true;
        return NULL;
    }
    mt->next = p->mtabs;
    p->mtabs = mt;
    return mt;
}

/* Splits a table's name into schema and name; false when no schema is known. */
static bool split_name(const rw_planner *p, const rw_name *name, b_slice *schema, b_slice *table)
{
    if (name->n == 0) {
        return false;
    }
    *table = name->part[name->n - 1];
    *schema = name->n > 1 ? name->part[name->n - 2] : p->schema;
    return schema->n > 0;
}

/* A name that is in the catalogue only when letters outside ASCII are taken for those that the server takes
 * them for. */
static void check_letters(rw_planner *p, b_slice schema, b_slice table)
{
    b_slice s = rw__fold_letters(schema, p->arena), t = rw__fold_letters(table, p->arena);
    const rw_table *known;
    rw_mtab *mt;
    size_t m;

    if (p->server.lower_case_table_names == 0 || (s.p == schema.p && t.p == table.p)) {
        return;
    }
    p->nomem = p->nomem || s.p == NULL || t.p == NULL;
    known = p->nomem ? NULL : rw_catalog_find(p->catalog, s, t);
    if (known == NULL) {
        return;
    }
    m = migration_of(p, known->schema, known->name);
    mt = m < rw__ruleset_tables(p->rules) ? get_mtab(p, m, known) : rw__view_base(p, known);
    if (mt != NULL) {
        rw__refuse(p, mt, "name", "a table's name written with letters outside ASCII", "write it in ASCII");
    }
}

static rw_mtab *find(rw_planner *p, const rw_name *name, bool views, const rw_table **known)
{
    b_slice schema, table;
    const rw_table *t;
    size_t m;

    *known = NULL;
    if (rw__stop(p) || !split_name(p, name, &schema, &table) || is_temporary(p, schema, table)) {
        return NULL;
    }
    t = rw_catalog_find(p->catalog, schema, table);
    if (t == NULL) {
        check_letters(p, schema, table);
        return NULL;
    }
    *known = t;
    if (t->is_view && views) {
        rw__check_view(p, t);
    }
    m = migration_of(p, t->schema, t->name);
    return m == rw__ruleset_tables(p->rules) ? NULL : get_mtab(p, m, t);
}

rw_mtab *rw__find_table(rw_planner *p, const rw_name *name, const rw_table **known)
{
    return find(p, name, true, known);
}

rw_mtab *rw__find_base(rw_planner *p, const rw_name *name, const rw_table **known)
{
    return find(p, name, false, known);
}

rw_mtab *rw__migrating(rw_planner *p, size_t i)
{
    const rw_mtable *m = rw__ruleset_table(p->rules, i);
    const rw_table *t = rw_catalog_find(p->catalog, m->schema, m->table);

    return t == NULL ? NULL : get_mtab(p, i, t);
}
