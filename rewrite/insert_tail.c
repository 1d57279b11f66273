/* INSERT … SELECT that names one side of columns whose values a migration changes: the other side's columns
 * are made by further items of the SELECT. What is stored is not there to be read yet, so an expression reads
 * the item that gives the column instead: only where that item is a stored column of the very same type,
 * whose value the server stores as it is.
 *
 * Thread: the planner's. */
#include "emit.h"
#include "transform.h"

static void refuse(rw_planner *p, const rw_insert *in)
{
    rw__refuse(
        p, in->mt, "transform",
        "INSERT … SELECT of the new columns, or of some old ones, from anything but columns of the same type",
        "name the old columns, or insert with VALUES");
}

/* One SELECT, each of whose items gives one column of the list. */
bool rw__insert_has_tail(const rw_insert *in)
{
    const rw_query *q = in->s->query;
    const rw_select *sel = q->select;
    uint32_t n = 0;
    if (sel == NULL || sel->is_values || sel->is_table || sel->group != NULL || sel->having != NULL ||
        in->s->on_duplicate != NULL) {
        return false;
    }
    for (const rw_item *i = sel->items; i != NULL; i = i->next, n++) {
        if (i->expr->kind == RW_E_STAR) {
            return false;
        }
    }
    return n == in->ncols;
}

/* The item for a column of the list; NULL when the list has it not. */
static const rw_item *item_for(const rw_insert *in, b_slice column)
{
    const rw_item *item = in->s->query->select->items;
    for (uint32_t i = 0; i < in->ncols && item != NULL; i++, item = item->next) {
        if (b_slice_ieq(rw__insert_phys(in, &in->cols[i]), column)) {
            return item;
        }
    }
    return NULL;
}

static void put_value(rw_planner *p, rw_scope *s, const rw_insert *in, const rw_form *f, rw_edit *e)
{
    for (uint32_t i = 0; i < f->n && !rw__stop(p); i++) {
        if (!f->parts[i].column) {
            rw_edit_text(p->edits, e, f->parts[i].text);
            continue;
        }
        const rw_item *item = item_for(in, f->parts[i].text);
        const rw_column *to = rw_table_column(in->mt->table, f->parts[i].text);
        if (item == NULL || to == NULL || !rw__is_same_type(p, s, item->expr, to)) {
            refuse(p, in);
            return;
        }
        rw__render_expr(p, s, RW_C_FIELDS, item->expr, e);
    }
}

void rw__insert_tail(rw_planner *p, rw_scope *s)
{
    const rw_insert *in = p->tail;
    const rw_item *last = s->select->items;
    s->clause = RW_C_FIELDS;
    while (last->next != NULL) {
        last = last->next;
    }
    for (uint32_t i = 0; i < in->nextras && !rw__stop(p); i++) {
        const rw_extra *x = &in->extras[i];
        rw_edit *e = rw_edit_after(p->edits, last->end - 1);
        rw_edit_text(p->edits, e, B_LIT(", "));
        if (x->form != NULL) {
            put_value(p, s, in, x->form, e);
        } else if (b_slice_ieq(x->text, B_LIT("DEFAULT"))) { /* no SELECT can say so */
            refuse(p, in);
        } else {
            rw_edit_text(p->edits, e, x->text);
        }
    }
}
