/* May an assigned expression be written twice? */
#include "assign.h"
#include "functions.h"
#include "type.h"

/* Under EMPTY_STRING_IS_NULL any text may be NULL: plans do not hang on what is in it. */
static bool may_be_null(const rw_planner *p, const rw_expr *e)
{
    bool empty_is_null = (p->ctx->sql_mode & RW_MODE_EMPTY_STRING_IS_NULL) != 0;
    for (uint32_t i = e->tok; empty_is_null && i < e->end; i++) {
        if (p->t->tok[i].kind == RW_TOK_STRING) return true;
    }
    return rw__is_null(p, e);
}

/* A column of a derived table, of which no more is known than that each place where it stands gives the same.
 */
static const rw_column any_column = {.nullable = true};

/* An aggregate whose value hangs on nothing but the rows it is given. */
static bool steady_aggregate(const rw_planner *p, const rw_expr *e)
{
    bool found = (rw__function_of(e) & RW_FN_OF_ROWS) != 0;
    for (const rw_expr *k = e->kids; k != NULL && found; k = k->next) {
        found = k->kind == RW_E_STAR || rw__deterministic(p, k);
    }
    return found;
}

/* Base tables only, joined or not: nothing in FROM has expressions of its own in the place of columns. */
static bool from_is_stored(rw_planner *p, const rw_from *f)
{
    for (; f != NULL; f = f->next) {
        const rw_table *known = NULL;
        switch (f->kind) {
        case RW_F_TABLE:
            (void)rw__find_base(p, &f->table, &known);
            if (known == NULL || known->is_view) return false;
            break;
        case RW_F_JOIN:
            if (!from_is_stored(p, f->left) || !from_is_stored(p, f->right)) return false;
            break;
        case RW_F_DUAL: break;
        case RW_F_DERIVED:
        case RW_F_JSON_TABLE: return false;
        }
    }
    return true;
}

/* A derived table may be merged, its expressions then run anew at each place; or be written out, when they
 * run once. One SELECT whose item is repeatable gives the same in both cases. LIMIT would choose rows,
 * variables would count evaluations. */
static bool repeatable_item(rw_planner *p, const rw_from *f, b_slice name)
{
    const rw_select *sel = f->query == NULL ? NULL : f->query->select;
    bool found = false;
    if (sel == NULL || sel->is_values || sel->is_table || f->columns != NULL || f->lateral ||
        f->query->limit != NULL || f->query->ctes != NULL || p->stmt->ctes != NULL) {
        return false;
    }
    for (uint32_t i = f->tok; i < f->end; i++) {
        if (p->t->tok[i].kind == RW_TOK_USERVAR) return false;
    }
    for (const rw_item *i = sel->items; i != NULL; i = i->next) {
        if (i->expr == NULL || i->expr->kind == RW_E_STAR) return false;
        if (!b_slice_ieq(rw__item_name(i), name)) continue;
        if (found || !(rw__deterministic(p, i->expr) || steady_aggregate(p, i->expr))) return false;
        found = true;
    }
    return found && from_is_stored(p, sel->from);
}

static bool source_names(const rw_source *src, b_slice name)
{
    for (uint32_t i = 0; i < src->ncols; i++) {
        if (b_slice_ieq(src->cols[i].name, name)) return true;
    }
    return false;
}

/* The base table's own column, whose value one row does not change while it is looked at. */
static const rw_column *stored_column(const rw_source *src, b_slice name)
{
    const rw_column *c = rw_table_column(src->table, name);
    for (uint32_t k = 0; c == NULL && src->mt != NULL && k < src->ncols; k++) {
        c = b_slice_ieq(src->cols[k].name, name) ? src->cols[k].column : NULL;
    }
    for (uint32_t k = 0; src->mt != NULL && k < src->ncols; k++) {
        if (src->cols[k].form != NULL && b_slice_ieq(src->cols[k].name, name)) {
            return &any_column;
        }
    }
    return c;
}

/* Is the column one that gives the same value wherever it stands in the row? NULL: not for certain. */
static const rw_column *base_column(rw_planner *p, const rw_scope *s, const rw_name *name,
                                    bool *null_extended)
{
    b_slice last = name->part[name->n - 1];
    const rw_column *found = NULL;
    for (uint32_t i = 0; i < s->nsrc; i++) {
        const rw_source *src = &s->src[i];
        const rw_column *c = NULL;
        if (name->n > 1 && !b_slice_ieq(src->name, name->part[name->n - 2])) {
            continue;
        }
        if (src->table != NULL && !src->table->is_view) {
            c = stored_column(src, last);
        } else if (!src->known || src->table != NULL) {
            return NULL;
        } else if (source_names(src, last)) {
            bool derived = src->from != NULL && src->from->kind == RW_F_DERIVED;
            if (!derived || !repeatable_item(p, src->from, last)) return NULL;
            c = &any_column;
        }
        if (c != NULL && found == NULL) {
            found = c;
            *null_extended = src->null_extended;
        }
    }
    return found;
}

static bool columns_are_stored(rw_planner *p, const rw_scope *s, const rw_expr *e)
{
    bool ext;
    for (; e != NULL; e = e->next) {
        if (e->kind == RW_E_COLUMN && base_column(p, s, &e->name, &ext) == NULL) {
            return false;
        }
        if (!columns_are_stored(p, s, e->kids)) {
            return false;
        }
    }
    return true;
}

/* Certainly not NULL: a literal, or a NOT NULL column that no outer join extends. */
static bool never_null(rw_planner *p, const rw_scope *s, const rw_expr *e)
{
    bool ext = true;
    if (e->kind == RW_E_LITERAL) {
        return !may_be_null(p, e);
    }
    if (e->kind != RW_E_COLUMN) {
        return false;
    }
    const rw_column *c = base_column(p, s, &e->name, &ext);
    return c != NULL && !c->nullable && !ext;
}

/* NULL into a NOT NULL A becomes '' or 0 where that is no error; the same NULL stays NULL in B. */
static bool null_is_safe(rw_planner *p, const rw_assigns *a, const rw_target *t)
{
    if (t->pair->plain.nullable || never_null(p, a->scope, t->asg->value)) {
        return true;
    }
    return rw__null_is_error(p, a->stmt) && !rw__type_is(t->pair->plain.type, "timestamp");
}

/* May one of the assignments be to the column that the name reads? */
static bool is_assigned(const rw_assigns *a, const rw_name *name)
{
    for (const rw_assign *x = a->list; x != NULL; x = x->next) {
        const rw_name *col = &x->col;
        bool apart =
            col->n > 1 && name->n > 1 && !b_slice_ieq(col->part[col->n - 2], name->part[name->n - 2]);
        if (col->n > 0 && !apart && b_slice_ieq(col->part[col->n - 1], name->part[name->n - 1])) {
            return true;
        }
    }
    return false;
}

/* One of the columns that this statement writes, by whatever name. */
static bool is_of_pair(rw_planner *p, const rw_assigns *a, const rw_target *t)
{
    rw_binding b = rw__lookup(p, a->scope, &t->asg->value->name, false);
    return b.kind == RW_BIND_COLUMN && b.source == t->src && b.col->mt != NULL;
}

/* A changing pair by itself, given a stored column of the same type that nothing here assigns: what the other
 * side's expression would read of the column that is written, it reads of that one. */
static bool derivable_from(rw_planner *p, const rw_assigns *a, const rw_target *t)
{
    const rw_pair *pair = t->pair;
    const rw_expr *x = t->asg->value;
    const rw_column *to = rw_table_column(t->mt->table, t->new_name ? pair->to : pair->from);
    for (uint32_t i = 0; i < t->mt->m->npairs; i++) {
        const rw_pair *q = &t->mt->m->pairs[i];
        if (q != pair && q->forms != NULL && q->group == pair->group) {
            return false;
        }
    }
    return to != NULL && x->kind == RW_E_COLUMN && x->name.n > 0 && !is_assigned(a, &x->name) &&
           !is_of_pair(p, a, t) && rw__is_same_type(p, a->scope, x, to) && null_is_safe(p, a, t);
}

static bool repeatable(rw_planner *p, const rw_assigns *a, const rw_target *t, const char **why)
{
    const rw_expr *x = t->asg->value;
    if (t->pair->forms != NULL) {
        *why = "a column whose values the migration changes, from anything but a column of the same type,";
        return derivable_from(p, a, t);
    }
    if (rw__is_itself(p, a, t)) {
        return true;
    }
    if (rw__is_default(x)) {
        rw_default_kind k = t->pair->plain.default_kind;
        *why = "DEFAULT, where the default is an expression,";
        return k == RW_DEFAULT_LITERAL || k == RW_DEFAULT_NULL;
    }
    *why = "a value that may differ each time it is computed";
    if (!rw__deterministic(p, x) || rw__assigns_uservars(p, a->stmt)) {
        return false;
    }
    rw_expr alone = *x;
    alone.next = NULL;
    if (!columns_are_stored(p, a->scope, &alone)) {
        *why = "a value from a derived table, a view or a table that is not known";
        return false;
    }
    *why = "a value that may be NULL, which this sql_mode or IGNORE turns into another one,";
    return null_is_safe(p, a, t);
}

/* May the expression read either name of the pair, of this table by any alias? */
static bool may_read(rw_planner *p, const rw_assigns *a, const rw_target *t, const rw_expr *e)
{
    for (; e != NULL; e = e->next) {
        if (e->query != NULL) return true; /* it may look outside */
        if (e->kind == RW_E_COLUMN && e->name.n > 0) {
            rw_binding b = rw__lookup(p, a->scope, &e->name, false);
            if (b.kind != RW_BIND_COLUMN || b.col == NULL || b.unsure) return true;
            if (b.col->mt == t->mt && b.col->pair == t->index) return true;
        }
        if (may_read(p, a, t, e->kids)) return true;
    }
    return false;
}

/* Both names of a column, one of them given what the other has: which value of it that is hangs on the plan.
 */
static bool reads_the_other(rw_planner *p, const rw_assigns *a, const rw_target *t)
{
    if (!t->both_named || t->pair->forms != NULL || rw__write_mode(t->pair) != RW_WRITE_BOTH) return false;
    rw_clause was = a->scope->clause;
    a->scope->clause = RW_C_FIELDS;
    rw_expr alone = *t->asg->value;
    alone.next = NULL;
    bool reads = may_read(p, a, t, &alone);
    a->scope->clause = was;
    return reads;
}

static bool repeatable_one(rw_planner *p, const rw_assigns *a, const rw_target *t, const char **why)
{
    if (t->mt == NULL) return true;
    *why = "a name of a column that gets what the column's other name has";
    if (reads_the_other(p, a, t)) return false;
    return t->both_named || !rw__writes_two(t->pair, t->new_name) || repeatable(p, a, t, why);
}

bool rw__assigns_repeatable(rw_planner *p, const rw_assigns *a, const char **why)
{
    const char *phrase = "";
    rw_targets ts = rw__assign_targets(p, a);
    for (uint32_t i = 0; i < ts.n && !rw__stop(p); i++) {
        if (!repeatable_one(p, a, &ts.at[i], &phrase)) {
            if (why != NULL) {
                *why = phrase;
            }
            return false;
        }
    }
    return true;
}
