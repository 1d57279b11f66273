/* INSERT and REPLACE.
 *
 * While B carries DEFAULT (A), an INSERT that names A fills B too, on both servers and in every form, so that
 * the value is written once, for A. What remains: the column list is always written out (MySQL leaves B NULL
 * without one), A is added as DEFAULT where it is left out and its default is an expression or a timestamp,
 * and ON DUPLICATE KEY UPDATE is an assignment like any other. Without that default A stands before B, and
 * B's value is A.
 *
 * Thread: the planner's. */
#include "transform.h"

/* ---- values ----------------------------------------------------------------------------------------- */

static bool value_is_default(const rw_insert *in, uint32_t col, const rw_expr *value)
{
    return in->cols[col].pair != NULL && rw__is_default(value);
}

static void put_extra(rw_planner *p, const rw_extra *x, b_slice table, rw_edit *e)
{
    if (x->form != NULL) {
        rw__put_form(p, x->form, table, e);
    } else {
        rw_edit_text(p->edits, e, x->text);
    }
}

static void add_extra_values(rw_planner *p, const rw_insert *in, bool comma, rw_edit *e)
{
    for (uint32_t i = 0; i < in->mt->m->npairs; i++) {
        if (!in->pairs[i].add) {
            continue;
        }
        rw_edit_text(p->edits, e, comma ? B_LIT(", DEFAULT") : B_LIT("DEFAULT"));
        if (in->pairs[i].add_dup) {
            rw_edit_text(p->edits, e, B_LIT(", "));
            rw_edit_text(p->edits, e, rw__quoted(p, in->mt->m->pairs[i].from));
        }
        comma = true;
    }
    for (uint32_t i = 0; i < in->nextras; i++, comma = true) {
        rw_edit_text(p->edits, e, comma ? B_LIT(", ") : B_LIT(""));
        put_extra(p, &in->extras[i], (b_slice){NULL, 0}, e);
    }
}

static bool has_extras(const rw_insert *in)
{
    if (in->nextras > 0) {
        return true;
    }
    for (uint32_t i = 0; i < in->mt->m->npairs; i++) {
        if (in->pairs[i].add) {
            return true;
        }
    }
    return false;
}

/* The value of a column whose values change. Later ones of the row may read it. */
static void emit_changing(rw_planner *p, const rw_insert *in, const rw_incol *c, const rw_expr *v)
{
    bool other = rw__twrite(c->pair, c->new_name) == RW_T_OTHER;
    b_slice text =
        rw__is_default(v) ? rw__twrite_default(p, in->mt, c->pair, c->new_name, in->s) : (b_slice){NULL, 0};
    rw_expr alone = *v;
    alone.next = NULL;
    if (text.n > 0) {
        rw_edit_text(p->edits, rw_edit_replace(p->edits, v->tok, v->end), text);
    } else {
        rw__emit_expr(p, in->scope, RW_C_FIELDS, &alone);
    }
    rw__bind_pair(p, in->scope, in->mt, c->index, c->new_name, other ? RW_READ_DERIVED : RW_READ_ITSELF);
}

/* What has no value yet cannot be read. */
static void bind_blind(rw_planner *p, const rw_insert *in)
{
    for (uint32_t i = 0; i < in->mt->m->npairs && !rw__stop(p); i++) {
        if (in->mt->m->pairs[i].forms != NULL) {
            rw__bind_pair(p, in->scope, in->mt, i, false, RW_READ_NONE);
            rw__bind_pair(p, in->scope, in->mt, i, true, RW_READ_NONE);
        }
    }
}

/* One (…). Rows of another length than the list are left so: the server names them. */
static void emit_row(rw_planner *p, const rw_insert *in, const rw_row *row)
{
    const rw_vcol *cols = in->src->cols;
    const rw_expr *prev = NULL;
    uint32_t i = 0;
    bind_blind(p, in);
    for (const rw_expr *v = row->values; v != NULL; prev = v, v = v->next, i++) {
        const rw_incol *c = i < in->ncols ? &in->cols[i] : NULL;
        if (c != NULL && c->drop && prev != NULL) {
            (void)rw_edit_replace(p->edits, prev->end, v->end);
            continue;
        }
        if (c != NULL && c->pair != NULL && c->pair->forms != NULL) {
            emit_changing(p, in, c, v);
            continue;
        }
        if (c != NULL && value_is_default(in, i, v)) {
            rw__check_omitted(p, in->mt, c->pair, in->s);
        }
        rw_expr alone = *v;
        alone.next = NULL;
        rw__emit_expr(p, in->scope, RW_C_FIELDS, &alone);
        if (c != NULL && c->dup && c->pair != NULL) {
            rw_edit *e = rw_edit_after(p->edits, v->end - 1);
            rw_edit_text(p->edits, e, B_LIT(", "));
            rw_edit_text(p->edits, e, rw__quoted(p, c->pair->from));
        }
        if (c != NULL && c->pair != NULL && c->new_name && rw__write_mode(c->pair) == RW_WRITE_BOTH &&
            in->pairs[c->index].second != RW_NO_TOK) {
            rw__own_name(p, in->scope, in->mt, c->index);
        }
    }
    in->src->cols = cols;
    if (has_extras(in)) {
        add_extra_values(p, in, row->values != NULL, rw_edit_before(p->edits, row->end - 1));
    }
}

/* ---- INSERT … SELECT -------------------------------------------------------------------------------- */

/* The items of a SELECT that is all of the query, each giving one column; NULL otherwise. *n: how many. */
static const rw_item *plain_items(const rw_query *q, uint32_t *n)
{
    *n = 0;
    if (q->select == NULL || q->select->is_values || q->select->is_table) {
        return NULL;
    }
    for (const rw_item *i = q->select->items; i != NULL; i = i->next) {
        if (i->expr == NULL || i->expr->kind == RW_E_STAR) {
            return NULL;
        }
        (*n)++;
    }
    return q->select->items;
}

static uint32_t count_items(const rw_query *q)
{
    uint32_t n;
    return plain_items(q, &n) == NULL ? 0 : n;
}

/* B without a default of its own: the item for A is written a second time. */
static void duplicate_item(rw_planner *p, const rw_insert *in, uint32_t col)
{
    uint32_t n = 0;
    const rw_query *q = in->s->query;
    const rw_item *item = plain_items(q, &n);
    for (uint32_t i = 0; i < col && item != NULL; i++) {
        item = item->next;
    }
    bool null_safe = in->cols[col].pair->plain.nullable || rw__null_is_error(p, in->s);
    if (item == NULL || q->select->distinct || q->select->group != NULL || !null_safe ||
        item->expr->kind != RW_E_LITERAL) {
        rw__refuse(p, in->mt, "insert_select",
                   "INSERT … SELECT of a computed value, where it would be computed twice,",
                   "wait until the migration has given the new column its default, or insert with VALUES");
        return;
    }
    rw_edit *e = rw_edit_after(p->edits, item->end - 1);
    rw_edit_text(p->edits, e, B_LIT(", "));
    rw_edit_copy(p->edits, e, item->expr->tok, item->expr->end);
}

/* A is left out of the list and would have to be added as DEFAULT, which a SELECT cannot say. */
static void add_item(rw_planner *p, const rw_insert *in, rw_inpair *ip, const rw_pair *pair)
{
    uint32_t n = 0;
    const rw_query *q = in->s->query;
    const rw_item *item = plain_items(q, &n);
    if (pair->b_default_up && (p->server.flavour == RW_MYSQL || pair->plain.default_kind != RW_DEFAULT_NOW)) {
        ip->add = false; /* the server computes A's default first */
        return;
    }
    if (item == NULL || ip->add_dup || pair->plain.default_kind != RW_DEFAULT_NOW ||
        pair->plain.default_text.n == 0) {
        rw__refuse_name(p, in->mt, "default", "INSERT … SELECT that leaves `%.*s` to its default", pair->from,
                        "name the column and select its value");
        return;
    }
    while (item->next != NULL) {
        item = item->next;
    }
    rw_edit *e = rw_edit_after(p->edits, item->end - 1);
    rw_edit_text(p->edits, e, B_LIT(", "));
    rw_edit_text(p->edits, e, pair->plain.default_text);
}

/* VALUES ROW (…) sees the columns of the row, as VALUES (…) does; any other query does not. */
static rw_scope *row_scope(const rw_insert *in)
{
    const rw_select *sel = in->s->query->select;
    return sel != NULL && sel->is_values && !rw__insert_has_forms(in) ? in->scope : NULL;
}

/* Where values change, what a name of a pair reads there is not followed. */
static void check_row(rw_planner *p, const rw_insert *in, const rw_expr *e)
{
    for (; e != NULL && !rw__stop(p); e = e->next) {
        b_slice name = e->name.n > 0 ? e->name.part[e->name.n - 1] : (b_slice){NULL, 0};
        if (name.n > 0 && rw__pair_named(in->mt, name, NULL, NULL) != NULL) {
            rw__refuse_name(p, in->mt, "transform", "a read of `%.*s` in VALUES ROW", name,
                            "write the value itself");
        }
        check_row(p, in, e->kids);
    }
}

static void emit_select(rw_planner *p, rw_insert *in)
{
    const rw_select *sel = in->s->query->select;
    if (sel != NULL && sel->is_values && rw__insert_has_forms(in)) {
        check_row(p, in, sel->values);
    }
    for (uint32_t i = 0; i < in->mt->m->npairs && !rw__stop(p); i++) {
        if (in->pairs[i].add) {
            add_item(p, in, &in->pairs[i], &in->mt->m->pairs[i]);
        }
    }
    for (uint32_t i = 0; i < in->ncols && !rw__stop(p); i++) {
        if (in->cols[i].dup) {
            duplicate_item(p, in, i);
        }
    }
    rw__insert_emit_list(p, in, in->s->columns_at - 1);
    if (in->nextras > 0) {
        p->tail = in;
        p->tail_select = in->s->query->select;
    }
    rw__emit_query(p, row_scope(in), in->s->query, RW_Q_COUNTED);
    p->tail = NULL;
}

/* ---- forms ------------------------------------------------------------------------------------------ */

static void append_assign(rw_planner *p, rw_edit *e, b_slice name, const char *is, b_slice value)
{
    rw_edit_text(p->edits, e, B_LIT(", "));
    rw_edit_text(p->edits, e, rw__quoted(p, name));
    rw_edit_text(p->edits, e, b_slice_str(is));
    rw_edit_text(p->edits, e, value);
}

/* MariaDB fills a temporary table first with rows that may be made of the target itself: what is added to
 * such a row then sees defaults in the place of its other values, and NULL for a DEFAULT that is an
 * expression. */
static void check_self(rw_planner *p, const rw_insert *in)
{
    bool added = has_extras(in), avoids = true;
    for (uint32_t i = 0; i < in->ncols; i++) {
        added = added || in->cols[i].dup;
    }
    if (p->server.flavour != RW_MARIADB || !added) {
        return;
    }
    for (const rw_row *r = in->s->rows; r != NULL && avoids; r = r->next) {
        avoids = rw__exprs_avoid(p, r->values, in->mt->table);
    }
    for (const rw_assign *a = in->s->set_form ? in->s->set : NULL; a != NULL && avoids; a = a->next) {
        avoids = rw__exprs_avoid(p, a->value, in->mt->table);
    }
    if (!avoids) {
        rw__refuse(p, in->mt, "not_repeatable", "an INSERT of a value that may be read from the table itself",
                   "read the value first");
    }
}

static void emit_set_form(rw_planner *p, rw_insert *in)
{
    const rw_assign *last = in->s->set;
    rw_assigns a = {
        .stmt = in->s, .list = in->s->set, .target_scope = in->scope, .scope = in->scope, .in_order = true};
    a.form = RW_ASSIGN_ONLY; /* B follows by its default, or by an assignment where it has none */
    rw__insert_assigned(p, in, in->s->set);
    rw__insert_plan(p, in);
    if (rw__stop(p) || last == NULL) {
        return;
    }
    const rw_vcol *cols = in->src->cols;
    check_self(p, in);
    bind_blind(p, in);
    rw__emit_assigns(p, &a);
    in->src->cols = cols;
    while (last->next != NULL) {
        last = last->next;
    }
    for (uint32_t i = 0; i < in->nextras; i++) {
        rw_edit *e = rw_edit_after(p->edits, last->end - 1);
        append_assign(p, e, in->extras[i].column, " = ", (b_slice){NULL, 0});
        put_extra(p, &in->extras[i], (b_slice){NULL, 0}, e);
    }
    for (uint32_t i = 0; i < in->mt->m->npairs; i++) {
        if (in->pairs[i].add) {
            rw_edit *e = rw_edit_after(p->edits, last->end - 1);
            append_assign(p, e, in->mt->m->pairs[i].from, " = DEFAULT", (b_slice){NULL, 0});
            if (in->pairs[i].add_dup) {
                append_assign(p, e, in->mt->m->pairs[i].to, " = ", rw__quoted(p, in->mt->m->pairs[i].from));
            }
        }
    }
}

static void emit_values_form(rw_planner *p, rw_insert *in)
{
    check_self(p, in);
    rw__insert_emit_list(p, in, in->s->columns_at - 1);
    for (const rw_row *r = in->s->rows; r != NULL && !rw__stop(p); r = r->next) {
        emit_row(p, in, r);
    }
}

static uint32_t number_of_values(const rw_stmt *s)
{
    return s->query != NULL ? count_items(s->query) : (s->rows == NULL ? 0 : s->rows->n);
}

/* VALUES () or VALUES ROW(): nothing is given. */
static bool gives_nothing(const rw_stmt *s)
{
    if (s->query == NULL) {
        return s->rows != NULL && s->rows->n == 0;
    }
    return s->query->select != NULL && s->query->select->is_values && s->query->select->values == NULL;
}

static void find_columns(rw_planner *p, rw_insert *in)
{
    const rw_stmt *s = in->s;
    if (s->columns != NULL) {
        rw__insert_listed(p, in, s->columns);
    } else if (gives_nothing(s)) {
        rw__insert_listed(p, in, NULL);
        in->listed = false;
    } else {
        rw__insert_shape(p, in, number_of_values(s));
    }
    rw__insert_plan(p, in);
}

/* VALUES () with nothing to add: both servers give B its default by themselves. */
static bool nothing_named(const rw_insert *in)
{
    return in->ncols == 0 && !has_extras(in);
}

static void emit_into(rw_planner *p, rw_insert *in)
{
    if (in->s->set_form) {
        emit_set_form(p, in);
        return;
    }
    find_columns(p, in);
    if (rw__stop(p)) {
        return;
    }
    if (gives_nothing(in->s) && nothing_named(in)) {
        return;
    }
    if (in->s->query != NULL) {
        emit_select(p, in);
    } else {
        emit_values_form(p, in);
    }
}

/* Another table is written; this statement only reads the migrating one. */
static void emit_reads(rw_planner *p, const rw_stmt *s, rw_scope *scope)
{
    for (const rw_row *r = s->rows; r != NULL; r = r->next) {
        rw__emit_exprs(p, scope, RW_C_FIELDS, r->values);
    }
    for (const rw_assign *a = s->set; a != NULL; a = a->next) {
        rw__emit_expr(p, scope, RW_C_FIELDS, a->value);
    }
    if (s->query != NULL) {
        rw__emit_query(p, NULL, s->query, RW_Q_COUNTED);
    }
}

static void begin_target(rw_planner *p, rw_insert *in)
{
    const rw_vcol *cols = rw__write_cols(p, in->src);
    rw__check_writable(p, in->mt);
    if (cols != NULL) {
        in->src->cols = cols;
    }
}

void rw__plan_insert(rw_planner *p, const rw_stmt *s)
{
    rw_scope scope;
    rw__scope_init(&scope, NULL);
    rw_source *src = rw__scope_add_table(p, &scope, &s->target, (b_slice){NULL, 0});
    if (rw__stop(p) || src == NULL) {
        return;
    }
    rw_insert in = {.s = s, .mt = src->mt, .scope = &scope, .src = src};
    if (in.mt != NULL) {
        begin_target(p, &in);
        if (!rw__stop(p)) {
            emit_into(p, &in);
        }
    } else {
        emit_reads(p, s, &scope);
    }
    if (s->on_duplicate != NULL && !rw__stop(p)) {
        rw__insert_on_duplicate(p, in.mt != NULL ? &in : NULL, s);
    } else if (s->row_alias_columns != NULL && in.mt != NULL && !rw__stop(p)) {
        rw__insert_alias_columns(p, &in);
    }
    if (in.mt != NULL) {
        rw__bind_written(p, &scope, in.mt);
    }
    rw__emit_items(p, &scope, s->returning);
}
