/* The names that are assigned to, and what they mean. */
#include "assign.h"

static rw_mtab *source_mtab(const rw_binding *b)
{
    return b->source == NULL ? NULL : b->source->mt;
}

/* What an assigned name means. A name that could be another table's once written physically is refused. */
static void look_up(rw_planner *p, const rw_assigns *a, rw_target *t)
{
    const rw_name *col = &t->asg->col;
    if (col->n == 0 || !rw__is_candidate(p, col->part[col->n - 1])) {
        return;
    }
    rw_clause was = a->target_scope->clause;
    a->target_scope->clause = RW_C_FIELDS;
    rw_binding b = rw__lookup(p, a->target_scope, col, false);
    a->target_scope->clause = was;
    if (b.kind == RW_BIND_AMBIGUOUS) {
        rw__refuse_as(p, 1052, "23000", "ambiguous", "Column '%.*s' in field list is ambiguous",
                      B_ARG(col->part[col->n - 1]));
    } else if (b.kind == RW_BIND_MAYBE) {
        rw__refuse_name(p, p->mtabs, "unknown_table",
                        "an assignment to `%.*s`, which several tables may have,", col->part[col->n - 1],
                        "write the table's name before it");
    } else if (b.kind == RW_BIND_COLUMN && b.col != NULL && b.col->mt != NULL && source_mtab(&b) != NULL) {
        t->src = b.source;
        t->mt = b.source->mt;
        t->index = b.col->pair;
        t->pair = &t->mt->m->pairs[t->index];
        t->new_name = b.col->new_name;
        if (b.second && t->pair->disabled) {
            rw__refuse_name(p, t->mt, "disabled", "an assignment to `%.*s`", col->part[col->n - 1],
                            "the other name is switched off by DISABLE; use the name that this client's "
                            "schema version has, or ENABLE the migration");
        }
    }
}

static rw_targets look_up_all(rw_planner *p, const rw_assigns *a)
{
    rw_targets ts = {NULL, 0};
    for (const rw_assign *s = a->list; s != NULL; s = s->next) {
        ts.n++;
    }
    ts.at = b_arena_array(p->arena, ts.n + 1, sizeof *ts.at);
    if (ts.at == NULL) {
        p->nomem = true;
        ts.n = 0;
        return ts;
    }
    uint32_t i = 0;
    for (const rw_assign *s = a->list; s != NULL; s = s->next, i++) {
        ts.at[i].asg = s;
        look_up(p, a, &ts.at[i]);
    }
    return ts;
}

bool rw__same_pair(const rw_target *a, const rw_target *b)
{
    return a->mt != NULL && a->src == b->src && a->index == b->index;
}

bool rw__is_itself(rw_planner *p, const rw_assigns *a, const rw_target *t)
{
    const rw_expr *x = t->asg->value;
    if (x == NULL || x->kind != RW_E_COLUMN || x->name.n == 0 || x->parenthesised) {
        return false;
    }
    rw_clause was = a->scope->clause;
    a->scope->clause = RW_C_FIELDS;
    rw_binding b = rw__lookup(p, a->scope, &x->name, false);
    a->scope->clause = was;
    return b.kind == RW_BIND_COLUMN && !b.unsure && b.col != NULL && b.col->mt == t->mt &&
           b.col->pair == t->index && b.source->mt == t->mt && b_slice_eq(b.source->name, t->src->name);
}

/* Where only one side is written, a second assignment can go only if it says what the first one said. */
static void drop_or_refuse(rw_planner *p, const rw_assigns *a, const rw_target *first, rw_target *second)
{
    if (a->in_order && rw__is_itself(p, a, second)) {
        second->drop = true; /* B = A, after A */
    } else if (!rw__reads_pair(first->mt, first->asg->value, first->index) &&
               rw__same_expr(p, first->asg->value, second->asg->value) && !rw__assigns_uservars(p, a->stmt)) {
        second->drop = true;
    } else {
        rw__refuse(p, first->mt, "both_columns", "different values for both names of a column",
                   "assign one of the names only");
    }
}

static void find_doubles(rw_planner *p, const rw_assigns *a, rw_targets *ts)
{
    for (uint32_t i = 0; i < ts->n; i++) {
        for (uint32_t k = i + 1; k < ts->n; k++) {
            rw_target *x = &ts->at[i], *y = &ts->at[k];
            if (!rw__same_pair(x, y) || x->new_name == y->new_name) {
                continue;
            }
            x->both_named = y->both_named = true;
            if (x->pair->forms != NULL) {
                continue; /* assign_changes.c */
            }
            if (rw__write_mode(x->pair) != RW_WRITE_BOTH && !x->drop && !y->drop) {
                drop_or_refuse(p, a, x, y);
            }
        }
    }
}

rw_targets rw__assign_targets(rw_planner *p, const rw_assigns *a)
{
    rw_targets ts = look_up_all(p, a);
    find_doubles(p, a, &ts);
    return ts;
}

bool rw__assigns_both(rw_planner *p, const rw_assigns *a, const rw_mtab **mt)
{
    rw_targets ts = look_up_all(p, a);
    bool found = false;
    for (uint32_t i = 0; i < ts.n; i++) {
        if (ts.at[i].mt != NULL && rw__writes_two(ts.at[i].pair, ts.at[i].new_name)) {
            *mt = ts.at[i].mt;
            found = true;
        }
    }
    return found;
}
