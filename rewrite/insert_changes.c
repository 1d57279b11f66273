/* INSERT and LOAD DATA of columns whose values a migration changes: what has to be added so that both sides
 * are right. The old side's values make the new side's by its DEFAULT (up); the new side's make the old one's
 * by an expression at the end of the list, which reads what is stored by then.
 *
 * Thread: the planner's. */
#include "transform.h"

typedef struct group {
    rw_planner *p;
    rw_insert *in;
    uint32_t id;
    bool old_named, new_named, all_named;
} group;

/* Is the side of the pair in the list, or set by LOAD DATA's SET? */
static bool is_named(const rw_insert *in, uint32_t pair, bool new_name)
{
    for (uint32_t i = 0; i < in->ncols; i++) {
        if (in->cols[i].pair != NULL && in->cols[i].index == pair && in->cols[i].new_name == new_name) {
            return true;
        }
    }
    for (const rw_assign *a = in->s->kind == RW_S_LOAD ? in->s->set : NULL; a != NULL; a = a->next) {
        uint32_t index;
        bool is_new;
        if (a->col.n > 0 && rw__pair_named(in->mt, a->col.part[a->col.n - 1], &is_new, &index) != NULL &&
            index == pair && is_new == new_name) {
            return true;
        }
    }
    return false;
}

bool rw__insert_names(const rw_insert *in, uint32_t pair, bool new_name)
{
    return is_named(in, pair, new_name);
}

static void add_extra(const group *g, b_slice column, const rw_form *form, b_slice text)
{
    g->in->extras[g->in->nextras++] = (rw_extra){column, form, text};
}

#define EACH(g, i, pair)                                                                                     \
    for (uint32_t i = 0; i < (g)->in->mt->m->npairs && !rw__stop((g)->p); i++)                               \
        for (const rw_pair *pair = &(g)->in->mt->m->pairs[i]; pair != NULL && pair->group == (g)->id;        \
             pair = NULL)

/* A column that no pair has, read by an expression: it has its value by then, unless an expression makes it.
 */
static void check_read(const group *g, const rw_form *f)
{
    for (uint32_t i = 0; i < f->n && !rw__stop(g->p); i++) {
        const rw_column *c = f->parts[i].column ? rw_table_column(g->in->mt->table, f->parts[i].text) : NULL;
        bool listed = c == NULL || rw__pair_named(g->in->mt, c->name, NULL, NULL) != NULL;
        for (uint32_t k = 0; k < g->in->ncols; k++) {
            listed = listed || b_slice_ieq(g->in->cols[k].name, c->name);
        }
        if (!listed && (c->default_kind == RW_DEFAULT_EXPR || c->default_kind == RW_DEFAULT_NOW)) {
            rw__refuse_name(g->p, g->in->mt, "default",
                            "a write that leaves `%.*s` to its default, and needs it", c->name,
                            "give the value");
        }
    }
}

static void derive(const group *g, bool new_side)
{
    EACH(g, i, pair)
    {
        b_slice column = new_side ? pair->to : pair->from;
        const rw_form *f = new_side ? &pair->forms->up : &pair->forms->down;
        if (column.n == 0) {
            continue;
        }
        check_read(g, f);
        if (new_side && pair->b_default_up && rw__phase_writes_both(pair->phase)) {
            continue; /* by its DEFAULT */
        }
        add_extra(g, column, f, (b_slice){NULL, 0});
    }
}

/* Columns of the named side that are left out: what they are by default has to be there for the other side.
 */
static void fill_side(const group *g, bool new_side)
{
    EACH(g, i, pair)
    {
        b_slice column = new_side ? pair->to : pair->from;
        if (column.n == 0 || is_named(g->in, i, new_side)) {
            continue;
        }
        b_slice text = rw__twrite_default(g->p, g->in->mt, pair, new_side, g->in->s);
        rw_default_kind k = pair->plain.default_kind;
        if (text.n > 0) {
            add_extra(g, column, NULL, text);
        } else if (!new_side && (k == RW_DEFAULT_EXPR || k == RW_DEFAULT_NOW)) {
            rw__refuse_name(g->p, g->in->mt, "default", "a write that leaves `%.*s` to its default", column,
                            "give the value");
        }
    }
}

/* Nothing of the group is named. */
static void leave_out(const group *g)
{
    bool add = false;
    EACH(g, i, pair)
    {
        rw_default_kind k = pair->plain.default_kind;
        if (pair->from.n > 0 && pair->to.n > 0) {
            rw__check_omitted(g->p, g->in->mt, pair, g->in->s);
        }
        if (!rw__phase_writes_both(pair->phase) || pair->from.n == 0) {
            continue;
        }
        if (k == RW_DEFAULT_EXPR || k == RW_DEFAULT_NOW) {
            add_extra(g, pair->from, NULL, B_LIT("DEFAULT"));
            add = true;
        }
        add = add || (!pair->b_default_up && pair->to.n > 0 && k != RW_DEFAULT_NONE);
    }
    if (add) {
        derive(g, true);
    }
}

static void plan_group(const group *g, const rw_pair *first)
{
    if (g->old_named && g->new_named) {
        rw__check_both_sides(g->p, g->in->mt, first, g->all_named);
        return;
    }
    if (!g->old_named && !g->new_named) {
        leave_out(g);
        return;
    }
    bool both = false;
    EACH(g, i, pair)
    {
        if (!is_named(g->in, i, g->new_named)) {
            continue;
        }
        rw__check_twrite(g->p, g->in->mt, pair, g->new_named, g->in->s);
        both = both || rw__twrite(pair, g->new_named) == RW_T_BOTH;
    }
    if (both) {
        fill_side(g, g->new_named);
        derive(g, !g->new_named);
    }
}

void rw__insert_plan_changes(rw_planner *p, rw_insert *in)
{
    in->extras = b_arena_array(p->arena, 3 * in->mt->m->npairs + 1, sizeof *in->extras);
    in->nextras = 0;
    if (in->extras == NULL) {
        p->nomem = true;
        return;
    }
    for (uint32_t i = 0; i < in->mt->m->npairs && !rw__stop(p); i++) {
        const rw_pair *first = &in->mt->m->pairs[i];
        group g = {.p = p, .in = in, .id = i, .all_named = true};
        if (first->forms == NULL || first->group != i) {
            continue;
        }
        EACH(&g, k, pair)
        {
            bool o = pair->from.n > 0 && is_named(in, k, false), n = pair->to.n > 0 && is_named(in, k, true);
            g.old_named = g.old_named || o;
            g.new_named = g.new_named || n;
            g.all_named = g.all_named && (o || pair->from.n == 0) && (n || pair->to.n == 0);
        }
        plan_group(&g, first);
    }
    if (in->nextras > 0 && in->s->query != NULL && !rw__insert_has_tail(in)) {
        rw__refuse(p, in->mt, "transform", "INSERT … SELECT that does not give all old columns",
                   "name the old columns, or insert with VALUES");
    }
}
