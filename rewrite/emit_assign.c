/* col = expr lists: UPDATE … SET, ON DUPLICATE KEY UPDATE, INSERT … SET, LOAD DATA … SET.
 *
 * How one assignment to A becomes two, where the server assigns from left to right:
 *
 *   A = x, B = A
 *
 * and, while B may still be stale (dual_write, before the backfill has come by) and a row that the plain
 * table leaves alone has to be left alone here too, in affected rows and in ON UPDATE columns:
 *
 *   B = IF(CAST(A AS BINARY) <=> CAST(x AS BINARY), B, A), A = x, B = IF(B IS NULL, B, A)
 *
 * Whatever the comparison says, a pair that was right stays right: in both of its cases B then holds A's old
 * value, which is not NULL, so that the last assignment makes it A's new one. A stale B is NULL: where the
 * comparison finds that A does not change, B stays NULL and the row untouched; otherwise it is filled. x
 * itself never passes through IF(), which would give it another type on its way into the column. A nullable A
 * takes a constant in the place of a NULL while the statement runs. An ENUM's error value, which NULL becomes
 * where that is no error, would warn on its way through IF().
 *
 * Where the plan may be a multi-table update, whose expressions may see old or new values: B = x, A = x, both
 * of them reading A only. */

#include "assign.h"

/* ---- text ------------------------------------------------------------------------------------------- */

/* Is there a table of the same name from another schema? */
static bool name_is_shared(const rw_scope *s, const rw_source *src)
{
    for (uint32_t i = 0; i < s->nsrc; i++) {
        if (b_slice_ieq(s->src[i].name, src->name) && !b_slice_eq(s->src[i].schema, src->schema)) {
            return true;
        }
    }
    return false;
}

static void add_column(rw_planner *p, const rw_assigns *a, const rw_target *t, b_slice name, rw_edit *e)
{
    if (a->qualify) {
        bool aliased = t->src->from != NULL && t->src->from->alias.n > 0;
        if (t->src->schema.n > 0 && !aliased && name_is_shared(a->scope, t->src)) {
            rw_edit_text(p->edits, e, rw__quoted(p, t->src->schema));
            rw_edit_text(p->edits, e, B_LIT("."));
        }
        rw_edit_text(p->edits, e, rw__quoted(p, t->src->name));
        rw_edit_text(p->edits, e, B_LIT("."));
    }
    rw_edit_text(p->edits, e, rw__quoted(p, name));
}

static void add_marker(rw_planner *p, const rw_assigns *a, const rw_target *t, rw_marker m, rw_edit *e)
{
    if (m.constant.n == 0 || m.coalesce) {
        rw_edit_text(p->edits, e, m.coalesce ? B_LIT("COALESCE(") : B_LIT(""));
        add_column(p, a, t, t->pair->from, e);
        rw_edit_text(p->edits, e, m.coalesce ? B_LIT(", ") : B_LIT(""));
    }
    rw_edit_text(p->edits, e, m.constant);
    rw_edit_text(p->edits, e, m.coalesce ? B_LIT(")") : B_LIT(""));
}

/* Words, and % for A, $ for B, ? for the value, ! for the marker. */
static void add_form(rw_planner *p, const rw_assigns *a, const rw_target *t, const char *form, rw_marker m,
                     rw_edit *e)
{
    while (*form != '\0' && !rw__stop(p)) {
        size_t n = strcspn(form, "%$?!");
        rw_edit_text(p->edits, e, b_slice_of(form, n));
        form += n;
        if (*form == '%') {
            add_column(p, a, t, t->pair->from, e);
        } else if (*form == '$') {
            add_column(p, a, t, t->pair->to, e);
        } else if (*form == '?') {
            rw__render_expr(p, a->scope, RW_C_FIELDS, t->asg->value, e);
        } else if (*form == '!') {
            add_marker(p, a, t, m, e);
        } else {
            return;
        }
        form++;
    }
}

/* ---- one assignment --------------------------------------------------------------------------------- */

static void emit_after(rw_planner *p, const rw_assigns *a, const rw_target *t)
{
    const rw_expr *x = t->asg->value;
    rw_marker m, none = {{NULL, 0}, false};
    bool longer = a->keep_noop && t->pair->phase == RW_DUAL_WRITE &&
                  rw__keeps_noop(p, a->stmt, t->pair, x, &m) && rw__deterministic(p, x) &&
                  !rw__assigns_uservars(p, a->stmt);
    if (longer) {
        rw_edit *e = rw_edit_before(p->edits, t->asg->tok);
        add_form(p, a, t, "$ = IF(CAST(% AS BINARY) <=> CAST(? AS BINARY), $, !), ", m, e);
    }
    rw__put_name(p, &t->asg->col, t->pair->from);
    rw__emit_expr(p, a->scope, RW_C_FIELDS, x);
    rw_edit *e = rw_edit_after(p->edits, x->end - 1);
    add_form(p, a, t, longer ? ", $ = IF($ IS NULL, $, %)" : ", $ = %", none, e);
}

/* A name that is written physically may be one that other tables of the statement have, too. */
static void qualify_target(rw_planner *p, const rw_assigns *a, const rw_target *t, b_slice name)
{
    const rw_name *col = &t->asg->col;
    if (!a->qualify || col->n > 1 || b_slice_ieq(col->part[0], name)) {
        return;
    }
    rw_edit *e = rw_edit_before(p->edits, col->tok);
    rw_edit_text(p->edits, e, rw__quoted(p, t->src->name));
    rw_edit_text(p->edits, e, B_LIT("."));
}

/* DEFAULT(A) where another table has an A as well, which an INSERT's own table cannot be told apart from. */
static bool default_is_hidden(const rw_assigns *a, const rw_target *t)
{
    if (a->stmt->kind != RW_S_INSERT || !rw__is_default(t->asg->value)) {
        return false;
    }
    for (uint32_t i = 0; i < a->scope->nsrc; i++) {
        const rw_source *src = &a->scope->src[i];

        for (uint32_t k = 0; k < src->nphys && src != t->src; k++) {
            if (b_slice_ieq(src->phys[k], t->pair->from)) {
                return true;
            }
        }
    }
    return false;
}

static void emit_twice(rw_planner *p, const rw_assigns *a, const rw_target *t)
{
    rw_marker none = {{NULL, 0}, false};
    rw_edit *e = rw_edit_before(p->edits, t->asg->tok);
    bool is_default = rw__is_default(t->asg->value);
    bool back = t->pair->a_stale && !is_default; /* B is read: it is assigned last */
    b_slice last = back ? t->pair->to : t->pair->from;

    if (default_is_hidden(a, t)) {
        rw__refuse_name(p, t->mt, "default", "`%.*s` = DEFAULT beside another table that has the column",
                        t->asg->col.part[t->asg->col.n - 1], "write the value itself");
        return;
    }
    add_form(p, a, t, is_default ? "$ = DEFAULT(%), " : back ? "% = ?, " : "$ = ?, ", none, e);
    qualify_target(p, a, t, last);
    rw__put_name(p, &t->asg->col, last);
    rw__emit_expr(p, a->scope, RW_C_FIELDS, t->asg->value);
}

/* A = A: nothing that changes, where the server is right about it (write_itself). But a column that is
 * assigned keeps its value where the server would set it by ON UPDATE, and so must the other one. */
static void emit_itself(rw_planner *p, const rw_assigns *a, const rw_target *t)
{
    rw_marker none = {{NULL, 0}, false};
    const rw_column *b = rw_table_column(t->mt->table, t->pair->to);

    qualify_target(p, a, t, t->pair->from);
    rw__put_name(p, &t->asg->col, t->pair->from);
    rw__emit_expr(p, a->scope, RW_C_FIELDS, t->asg->value);
    if (b != NULL && b->on_update_now) {
        add_form(p, a, t, ", $ = $", none, rw_edit_after(p->edits, t->asg->value->end - 1));
    }
}

static void emit_both(rw_planner *p, const rw_assigns *a, const rw_target *t)
{
    if (t->both_named) { /* the client's own dual write */
        rw__emit_expr(p, a->scope, RW_C_FIELDS, t->asg->value);
        return;
    }
    if (!a->write_itself && rw__is_itself(p, a, t)) {
        emit_itself(p, a, t);
        return;
    }
    switch (a->form) {
    case RW_ASSIGN_AFTER: emit_after(p, a, t); break;
    case RW_ASSIGN_TWICE: emit_twice(p, a, t); break;
    case RW_ASSIGN_ONLY:
        if (!t->pair->b_default_up && a->stmt->kind == RW_S_INSERT) {
            emit_after(p, a, t);
            break;
        }
        rw__put_name(p, &t->asg->col, t->pair->from);
        rw__emit_expr(p, a->scope, RW_C_FIELDS, t->asg->value);
        break;
    }
}

/* A column that no migration changes, but whose name may be that of a physical column beside it. */
static void emit_other_name(rw_planner *p, const rw_assigns *a, const rw_target *t)
{
    rw_expr name = {.kind = RW_E_COLUMN, .tok = t->asg->col.tok, .end = t->asg->col.end, .name = t->asg->col};
    rw__emit_expr(p, a->target_scope, RW_C_FIELDS, &name);
}

static void emit_one(rw_planner *p, const rw_assigns *a, const rw_target *t)
{
    if (t->mt == NULL || t->pair == NULL) {
        emit_other_name(p, a, t);
        rw__emit_expr(p, a->scope, RW_C_FIELDS, t->asg->value);
        return;
    }
    rw__note_use(t->mt, t->index, t->new_name, true);
    if (rw__is_default(t->asg->value)) {
        rw__check_omitted(p, t->mt, t->pair, a->stmt);
    }
    if (rw__write_mode(t->pair) == RW_WRITE_BOTH) {
        emit_both(p, a, t);
    } else {
        qualify_target(p, a, t, rw__write_name(t->pair));
        rw__put_name(p, &t->asg->col, rw__write_name(t->pair));
        rw__emit_expr(p, a->scope, RW_C_FIELDS, t->asg->value);
    }
}

/* Takes an assignment out, with the comma before it: a dropped one is never the first. */
static void drop_one(rw_planner *p, const rw_target *before, const rw_target *t)
{
    rw__note_use(t->mt, t->index, t->new_name, true);
    (void)rw_edit_replace(p->edits, before->asg->end, t->asg->end);
}

/* Assigned twice under one name: the row is as it was when the last value is the first that the column had,
 * which the comparison before the first assignment cannot know, nor that before the second. */
static void check_repeats(rw_planner *p, const rw_assigns *a, const rw_targets *ts)
{
    for (uint32_t i = 0; i < ts->n && a->keep_noop && a->form == RW_ASSIGN_AFTER; i++) {
        const rw_target *x = &ts->at[i];
        for (uint32_t k = i + 1; k < ts->n; k++) {
            if (rw__same_pair(x, &ts->at[k]) && x->new_name == ts->at[k].new_name &&
                x->pair->phase == RW_DUAL_WRITE && x->pair->forms == NULL) {
                rw__refuse(p, x->mt, "assigned_twice", "two assignments to one column",
                           "leave the first one out, or send two statements");
            }
        }
    }
}

void rw__emit_assigns(rw_planner *p, const rw_assigns *a)
{
    rw_targets ts = rw__assign_targets(p, a);
    check_repeats(p, a, &ts);
    rw__check_changes(p, a, &ts);
    for (uint32_t i = 0; i < ts.n && !rw__stop(p); i++) {
        const rw_target *t = &ts.at[i];
        if (t->pair != NULL && t->pair->forms != NULL) {
            rw__note_use(t->mt, t->index, t->new_name, true);
            rw__emit_changing(p, a, &ts, i);
            continue;
        }
        if (t->drop) {
            drop_one(p, &ts.at[i - 1], t);
        } else {
            emit_one(p, a, t);
        }
        if (t->pair == NULL || !t->both_named || !a->in_order) {
            continue;
        }
        if (t->pair->a_stale) {
            rw__bind_pair(p, a->scope, t->mt, t->index, false, RW_READ_ITSELF);
            rw__bind_pair(p, a->scope, t->mt, t->index, true, t->new_name ? RW_READ_ITSELF : RW_READ_DERIVED);
        } else if (t->new_name && rw__write_mode(t->pair) == RW_WRITE_BOTH) {
            rw__own_name(p, a->scope, t->mt, t->index);
        }
    }
}
