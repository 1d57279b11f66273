/* See transform.h. Thread: the planner's. */
#include "transform.h"
#include "type.h"

rw_twrite rw__twrite(const rw_pair *pair, bool new_name)
{
    switch (pair->phase) {
    case RW_PLANNED:
    case RW_EXPANDED: return new_name ? RW_T_OTHER : RW_T_DIRECT;
    case RW_DUAL_WRITE: return RW_T_BOTH;
    case RW_SWITCHED: return new_name && pair->one_way ? RW_T_DIRECT : RW_T_BOTH;
    case RW_RETIRED: return new_name ? RW_T_DIRECT : RW_T_BOTH;
    case RW_CONTRACTED:
    case RW_FINISHED: break;
    }
    return new_name ? RW_T_DIRECT : RW_T_OTHER;
}

bool rw__writes_two(const rw_pair *pair, bool new_name)
{
    return pair->forms != NULL ? rw__twrite(pair, new_name) == RW_T_BOTH
                               : rw__write_mode(pair) == RW_WRITE_BOTH;
}

bool rw__side_counts(const rw_pair *pair, bool new_name)
{
    return rw__phase_reads_to(pair->phase) == new_name;
}

/* Every other-side column of the group can be made, and certainly holds what is made. */
static bool derivable(const rw_mtab *mt, uint32_t group, bool new_name, bool *fits)
{
    bool ok = true;
    *fits = true;
    for (size_t i = 0; i < mt->m->npairs; i++) {
        const rw_pair *q = &mt->m->pairs[i];
        if (q->group != group || (new_name ? q->from.n : q->to.n) == 0) {
            continue;
        }
        ok = ok && (new_name ? q->forms->down.n : q->forms->up.n) > 0;
        *fits = *fits && (new_name ? q->forms->down_fits : q->forms->up_fits);
    }
    return ok;
}

static void check_other(rw_planner *p, const rw_mtab *mt, const rw_pair *pair, bool new_name)
{
    const rw_forms *f = pair->forms;
    bool alone = pair->from.n > 0 && pair->to.n > 0 && (new_name ? f->down_same && f->up_fits : f->up_same);
    for (size_t i = 0; i < mt->m->npairs; i++) {
        alone = alone && (mt->m->pairs[i].group != pair->group || &mt->m->pairs[i] == pair);
    }
    if (!alone) {
        rw__refuse_name(p, mt, "transform", "a write of `%.*s`, which is not there in this phase,",
                        new_name ? pair->to : pair->from,
                        new_name ? "write the old name, or wait for phase dual_write" : "write the new name");
    }
}

void rw__check_twrite(rw_planner *p, const rw_mtab *mt, const rw_pair *pair, bool new_name, const rw_stmt *s)
{
    rw_twrite how = rw__twrite(pair, new_name);
    bool fits = true;
    if (how == RW_T_DIRECT) {
        return;
    }
    rw__check_zone(p, mt, pair);
    if (how == RW_T_OTHER) {
        check_other(p, mt, pair, new_name);
        fits = new_name ? pair->forms->up_fits && pair->forms->down_fits : pair->forms->up_fits;
    } else if (!derivable(mt, pair->group, new_name, &fits)) {
        rw__refuse_name(p, mt, "one_way", "a write of `%.*s`", new_name ? pair->to : pair->from,
                        "the migration has no `down` that makes the old value: write the old name");
    }
    if (!fits && !rw__null_is_error(p, s)) {
        rw__refuse_name(p, mt, "transform",
                        "a write of `%.*s` with IGNORE or without a strict sql_mode, where a value that does "
                        "not fit would be changed in one of the columns alone,",
                        new_name ? pair->to : pair->from,
                        "SET sql_mode to a strict one, and leave IGNORE out");
    }
}

void rw__check_both_sides(rw_planner *p, const rw_mtab *mt, const rw_pair *pair, bool all_named)
{
    if (!all_named || !rw__phase_writes_both(pair->phase)) {
        rw__refuse(p, mt, "both_columns", "old and new names of columns that are made from each other",
                   "give the values under the old names only, or under the new names only");
    }
}

/* ---- reads within a write --------------------------------------------------------------------------- */

static void bind_one(const rw_mtab *mt, rw_vcol *v, rw_read read)
{
    const rw_pair *pair = &mt->m->pairs[v->pair];
    v->blind = read == RW_READ_NONE;
    rw__pair_bind(mt, pair, v->new_name, read == RW_READ_DERIVED ? !v->new_name : v->new_name, v);
}

void rw__bind_pair(rw_planner *p, rw_scope *s, const rw_mtab *mt, uint32_t pair, bool new_name, rw_read read)
{
    for (uint32_t i = 0; i < s->nsrc; i++) {
        rw_source *src = &s->src[i];
        if (src->mt != mt) {
            continue;
        }
        rw_vcol *cols = b_arena_array(p->arena, (size_t)src->ncols + 1, sizeof *cols);
        if (cols == NULL) {
            p->nomem = true;
            return;
        }
        for (uint32_t k = 0; k < src->ncols; k++) {
            cols[k] = src->cols[k];
            if (cols[k].mt == mt && cols[k].pair == pair && cols[k].new_name == new_name) {
                bind_one(mt, &cols[k], read);
            }
        }
        src->cols = cols;
    }
}

void rw__bind_written(rw_planner *p, rw_scope *s, const rw_mtab *mt)
{
    for (uint32_t i = 0; i < mt->m->npairs && !rw__stop(p); i++) {
        const rw_pair *pair = &mt->m->pairs[i];
        if (pair->forms != NULL && rw__phase_writes_both(pair->phase)) {
            rw__bind_pair(p, s, mt, i, false, RW_READ_ITSELF);
            rw__bind_pair(p, s, mt, i, true, RW_READ_ITSELF);
        }
    }
}

bool rw__is_same_type(rw_planner *p, rw_scope *s, const rw_expr *e, const rw_column *to)
{
    rw_binding b = {.kind = RW_BIND_NONE};
    if (e->kind == RW_E_COLUMN && e->name.n > 0) {
        b = rw__lookup(p, s, &e->name, false);
    }
    return b.kind == RW_BIND_COLUMN && !b.unsure && b.source->table != NULL && !b.source->table->is_view &&
           b.col->column != NULL && b_slice_ieq(b.col->column->type, to->type) &&
           b_slice_ieq(b.col->column->collation, to->collation);
}

/* ---- text ------------------------------------------------------------------------------------------- */

void rw__put_form(rw_planner *p, const rw_form *f, b_slice table, rw_edit *e)
{
    for (uint32_t i = 0; i < f->n; i++) {
        if (!f->parts[i].column) {
            rw_edit_text(p->edits, e, f->parts[i].text);
            continue;
        }
        if (table.n > 0) {
            rw_edit_text(p->edits, e, rw__quoted(p, table));
            rw_edit_text(p->edits, e, B_LIT("."));
        }
        rw_edit_text(p->edits, e, rw__quoted(p, f->parts[i].text));
    }
}

/* A default as the plain table of that side has it, written out. */
static b_slice default_text(rw_planner *p, const rw_mtab *mt, const rw_pair *pair, bool new_name,
                            const rw_stmt *s)
{
    rw_column c = new_name ? rw__pair_target(pair) : pair->plain;
    b_slice name = new_name ? pair->to : pair->from;
    switch (c.default_kind) {
    case RW_DEFAULT_LITERAL: return c.default_text;
    case RW_DEFAULT_NULL: return B_LIT("NULL");
    case RW_DEFAULT_NOW: return c.default_text;
    case RW_DEFAULT_NONE:
        if (rw__null_is_error(p, s) && !rw__type_is(c.type, "enum")) {
            rw__refuse_as(p, 1364, "HY000", "no_default", "Field '%.*s' doesn't have a default value",
                          B_ARG(name));
            break;
        }
        rw__refuse_name(p, mt, "default", "a write that leaves out `%.*s`, which has no default", name,
                        "give the value, or use a strict sql_mode");
        break;
    case RW_DEFAULT_EXPR:
    case RW_DEFAULT_AUTO_INC:
        rw__refuse_name(p, mt, "default", "a write that leaves `%.*s` to its default", name,
                        "give the value");
        break;
    }
    return B_LIT("NULL");
}

b_slice rw__twrite_default(rw_planner *p, const rw_mtab *mt, const rw_pair *pair, bool new_name,
                           const rw_stmt *s)
{
    bool physical =
        new_name ? !rw__phase_writes_both(pair->phase) && !pair->b_default_up : pair->phase != RW_RETIRED;
    if (rw__twrite(pair, new_name) == RW_T_OTHER || physical) {
        return (b_slice){NULL, 0};
    }
    return default_text(p, mt, pair, new_name, s);
}
