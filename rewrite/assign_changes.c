/* Assignments to columns whose values a migration changes: UPDATE, ON DUPLICATE KEY UPDATE, SET of INSERT and
 * LOAD DATA. Only where the server assigns from left to right, row by row:
 *
 *   A = x                    A = x, B = up(A)
 *   B1 = y (of B1 and B2)    B2 = IF(A <=> down(B1, B2), B2, up2(A)), B1 = y, A = down(B1, B2)
 *
 * The first assignment of the second form is there where the side that is named may be stale in some row, so
 * that its other columns have to be made good before they are read.
 *
 * Thread: the planner's. */
#include "emit.h"
#include "transform.h"

/* The assignments of one statement to one group. */
typedef struct group {
    const rw_target *t; /* the one at hand */
    uint32_t first, last;
    bool old_named, new_named, all_named;
} group;

static bool same_group(const rw_target *a, const rw_target *b)
{
    return b->mt == a->mt && b->src == a->src && b->pair != NULL && b->pair->forms != NULL &&
           b->pair->group == a->pair->group;
}

static bool assigned(const rw_targets *ts, const rw_target *t, uint32_t pair, bool new_name)
{
    for (uint32_t i = 0; i < ts->n; i++) {
        const rw_target *x = &ts->at[i];
        if (x->pair != NULL && same_group(t, x) && x->index == pair && x->new_name == new_name) {
            return true;
        }
    }
    return false;
}

static group group_of(const rw_targets *ts, uint32_t at)
{
    const rw_target *t = &ts->at[at];
    group g = {.t = t, .first = at, .last = at, .all_named = true};
    for (uint32_t i = 0; i < ts->n; i++) {
        if (!same_group(t, &ts->at[i])) {
            continue;
        }
        g.first = i < g.first ? i : g.first;
        g.last = i > g.last ? i : g.last;
        g.old_named = g.old_named || !ts->at[i].new_name;
        g.new_named = g.new_named || ts->at[i].new_name;
    }
    for (uint32_t k = 0; k < t->mt->m->npairs; k++) {
        const rw_pair *q = &t->mt->m->pairs[k];
        if (q->group == t->pair->group) {
            g.all_named = g.all_named && (q->from.n == 0 || assigned(ts, t, k, false)) &&
                          (q->to.n == 0 || assigned(ts, t, k, true));
        }
    }
    return g;
}

/* ---- what is refused -------------------------------------------------------------------------------- */

static void check_read(rw_planner *p, const rw_source *src, b_slice column)
{
    for (size_t i = 0; i < src->mt->m->npairs; i++) {
        const rw_pair *pair = &src->mt->m->pairs[i];
        if (pair->forms == NULL || !rw__phase_writes_both(pair->phase)) {
            continue;
        }
        if (rw__form_reads(&pair->forms->up, column) || rw__form_reads(&pair->forms->down, column)) {
            rw__refuse_name(p, src->mt, "transform",
                            "an assignment to `%.*s`, from which other columns are made,", column,
                            "wait until the migration is finished, or roll it back");
        }
    }
}

void rw__check_changes(rw_planner *p, const rw_assigns *a, const rw_targets *ts)
{
    const rw_scope *s = a->target_scope;
    for (uint32_t i = 0; i < ts->n && !rw__stop(p); i++) {
        const rw_target *t = &ts->at[i];
        const rw_name *col = &t->asg->col;
        for (uint32_t k = 0; t->mt == NULL && col->n > 0 && k < s->nsrc && a->stmt->kind != RW_S_LOAD; k++) {
            bool set_form = a->stmt->kind == RW_S_INSERT && a->form == RW_ASSIGN_ONLY;
            if (s->src[k].mt != NULL && !set_form && rw__source_matches(p, &s->src[k], col)) {
                check_read(p, &s->src[k], col->part[col->n - 1]);
            }
        }
        if (t->pair != NULL && t->pair->forms != NULL) {
            group g = group_of(ts, i);
            if (g.old_named && g.new_named) {
                rw__check_both_sides(p, t->mt, t->pair, g.all_named);
            } else {
                rw__check_twrite(p, t->mt, t->pair, t->new_name, a->stmt);
            }
        }
    }
}

/* ---- text ------------------------------------------------------------------------------------------- */

static b_slice qualifier(const rw_assigns *a, const group *g)
{
    return a->qualify ? g->t->src->name : (b_slice){NULL, 0};
}

static void put_column(rw_planner *p, const rw_assigns *a, const group *g, b_slice column, rw_edit *e)
{
    b_slice table = qualifier(a, g);
    if (table.n > 0) {
        rw_edit_text(p->edits, e, rw__quoted(p, table));
        rw_edit_text(p->edits, e, B_LIT("."));
    }
    rw_edit_text(p->edits, e, rw__quoted(p, column));
}

/* Is this other-side column made from one that is assigned? */
static bool is_derived(const rw_targets *ts, const group *g, const rw_form *f)
{
    const rw_target *t = g->t;
    for (uint32_t k = 0; k < t->mt->m->npairs; k++) {
        const rw_pair *q = &t->mt->m->pairs[k];
        b_slice name = t->new_name ? q->to : q->from;
        if (q->group == t->pair->group && name.n > 0 && assigned(ts, t, k, t->new_name) &&
            rw__form_reads(f, name)) {
            return true;
        }
    }
    return false;
}

/* NULL: of a rename, which is of no such group. */
static const rw_form *other_form(const rw_pair *q, bool new_name, b_slice *column)
{
    *column = new_name ? q->from : q->to;
    if (q->forms == NULL) {
        return NULL;
    }
    return new_name ? &q->forms->down : &q->forms->up;
}

/* Is the named side's column `name` read by an expression that is to be derived? */
static bool is_needed(const rw_targets *ts, const group *g, b_slice name)
{
    const rw_target *t = g->t;
    for (uint32_t k = 0; k < t->mt->m->npairs; k++) {
        const rw_pair *q = &t->mt->m->pairs[k];
        b_slice column;
        const rw_form *f = other_form(q, t->new_name, &column);
        if (q->group == t->pair->group && column.n > 0 && is_derived(ts, g, f) && rw__form_reads(f, name)) {
            return true;
        }
    }
    return false;
}

/* All other-side columns are as the named side makes them: the row needs no filling. */
static void put_right(rw_planner *p, const rw_assigns *a, const group *g, rw_edit *e)
{
    const rw_target *t = g->t;
    bool some = false;
    for (uint32_t k = 0; k < t->mt->m->npairs; k++) {
        const rw_pair *q = &t->mt->m->pairs[k];
        b_slice column;
        const rw_form *f = other_form(q, t->new_name, &column);
        if (q->group != t->pair->group || column.n == 0) {
            continue;
        }
        rw_edit_text(p->edits, e, some ? B_LIT(" AND ") : B_LIT(""));
        put_column(p, a, g, column, e);
        rw_edit_text(p->edits, e, B_LIT(" <=> "));
        rw__put_form(p, f, qualifier(a, g), e);
        some = true;
    }
}

/* The columns of the named side that are read but not assigned, where they may be stale. */
static void emit_fill(rw_planner *p, const rw_assigns *a, const rw_targets *ts, const group *g)
{
    const rw_target *t = g->t;
    if (rw__side_counts(t->pair, t->new_name)) {
        return;
    }
    for (uint32_t k = 0; k < t->mt->m->npairs && !rw__stop(p); k++) {
        const rw_pair *q = &t->mt->m->pairs[k];
        b_slice own = t->new_name ? q->to : q->from;
        if (q->group != t->pair->group || own.n == 0 || assigned(ts, t, k, t->new_name) ||
            !is_needed(ts, g, own)) {
            continue;
        }
        rw_edit *e = rw_edit_before(p->edits, t->asg->tok);
        put_column(p, a, g, own, e);
        rw_edit_text(p->edits, e, B_LIT(" = IF("));
        put_right(p, a, g, e);
        rw_edit_text(p->edits, e, B_LIT(", "));
        put_column(p, a, g, own, e);
        rw_edit_text(p->edits, e, B_LIT(", "));
        rw__put_form(p, t->new_name ? &q->forms->up : &q->forms->down, qualifier(a, g), e);
        rw_edit_text(p->edits, e, B_LIT("), "));
        rw__bind_pair(p, a->scope, t->mt, k, t->new_name, RW_READ_ITSELF);
    }
}

static void emit_derived(rw_planner *p, const rw_assigns *a, const rw_targets *ts, const group *g)
{
    const rw_target *t = g->t;
    for (uint32_t k = 0; k < t->mt->m->npairs && !rw__stop(p); k++) {
        const rw_pair *q = &t->mt->m->pairs[k];
        b_slice column;
        const rw_form *f = other_form(q, t->new_name, &column);
        if (q->group != t->pair->group || column.n == 0) {
            continue;
        }
        rw__bind_pair(p, a->scope, t->mt, k, !t->new_name, RW_READ_ITSELF);
        if (!is_derived(ts, g, f)) {
            continue;
        }
        rw_edit *e = rw_edit_after(p->edits, t->asg->value->end - 1);
        rw_edit_text(p->edits, e, B_LIT(", "));
        put_column(p, a, g, column, e);
        rw_edit_text(p->edits, e, B_LIT(" = "));
        rw__put_form(p, f, qualifier(a, g), e);
    }
}

/* While some columns of a side are assigned and others not yet, the other side is neither old nor new. */
static void emit_between(rw_planner *p, const rw_assigns *a, const group *g)
{
    const rw_target *t = g->t;
    for (uint32_t k = 0; k < t->mt->m->npairs && !rw__stop(p); k++) {
        if (t->mt->m->pairs[k].group == t->pair->group) {
            rw__bind_pair(p, a->scope, t->mt, k, !t->new_name, RW_READ_NONE);
        }
    }
}

/* Where expressions may see old or new values: the other side first, made of the value instead of what is
 * stored. */
static void emit_twice(rw_planner *p, const rw_assigns *a, const group *g)
{
    const rw_target *t = g->t;
    b_slice column, own = t->new_name ? t->pair->to : t->pair->from;
    const rw_form *f = other_form(t->pair, t->new_name, &column);
    rw_edit *e = rw_edit_before(p->edits, t->asg->tok);
    put_column(p, a, g, column, e);
    rw_edit_text(p->edits, e, B_LIT(" = "));
    for (uint32_t i = 0; i < f->n; i++) {
        if (!f->parts[i].column) {
            rw_edit_text(p->edits, e, f->parts[i].text);
        } else if (b_slice_ieq(f->parts[i].text, own)) {
            rw__render_expr(p, a->scope, RW_C_FIELDS, t->asg->value, e);
        } else {
            put_column(p, a, g, f->parts[i].text, e);
        }
    }
    rw_edit_text(p->edits, e, B_LIT(", "));
}

void rw__emit_changing(rw_planner *p, const rw_assigns *a, const rw_targets *ts, uint32_t i)
{
    const rw_target *t = &ts->at[i];
    group g = group_of(ts, i);
    rw_twrite how = rw__twrite(t->pair, t->new_name);
    bool derive = how == RW_T_BOTH && a->form != RW_ASSIGN_ONLY && !(g.old_named && g.new_named);
    b_slice text = rw__is_default(t->asg->value) ? rw__twrite_default(p, t->mt, t->pair, t->new_name, a->stmt)
                                                 : (b_slice){NULL, 0};
    bool twice = derive && a->form == RW_ASSIGN_TWICE;
    if (twice) {
        emit_twice(p, a, &g);
        derive = false;
    }
    if (derive && i == g.first) {
        emit_fill(p, a, ts, &g);
    }
    rw__put_name(p, &t->asg->col, rw__insert_name(t->mt, t->index, t->new_name));
    if (text.n > 0) {
        rw_edit_text(p->edits, rw_edit_replace(p->edits, t->asg->value->tok, t->asg->value->end), text);
    } else {
        rw__emit_expr(p, a->scope, RW_C_FIELDS, t->asg->value);
    }
    rw__bind_pair(p, a->scope, t->mt, t->index, t->new_name,
                  how == RW_T_OTHER ? RW_READ_DERIVED : RW_READ_ITSELF);
    if (derive && i == g.last) {
        emit_derived(p, a, ts, &g);
    } else if (derive) {
        emit_between(p, a, &g);
    }
}
