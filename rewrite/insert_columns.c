/* Which columns an INSERT or LOAD fills, what has to be added to them, and the list as it is sent.
 *
 * Thread: the planner's. */
#include "transform.h"

static void alloc_columns(rw_planner *p, rw_insert *in, uint32_t n)
{
    in->cols = b_arena_array(p->arena, (size_t)n + 1, sizeof *in->cols);
    in->pairs = b_arena_array(p->arena, in->mt->m->npairs + 1, sizeof *in->pairs);
    in->ncols = 0;
    if (in->cols == NULL || in->pairs == NULL) {
        p->nomem = true;
    }
}

static void add_named(rw_planner *p, rw_insert *in, const rw_name *name)
{
    rw_incol *c = &in->cols[in->ncols++];
    c->at = name;
    c->name = name->n > 0 ? name->part[name->n - 1] : (b_slice){NULL, 0};
    if (name->n == 0 || (c->name.n > 0 && c->name.p[0] == '@')) {
        return;
    }
    c->pair = rw__pair_named(in->mt, c->name, &c->new_name, &c->index);
    if (c->pair == NULL) {
        return;
    }
    if (c->pair->disabled && c->new_name != (p->ctx->version == RW_VERSION_NEW)) {
        rw__refuse_name(p, in->mt, "disabled", "the name `%.*s`", c->name,
                        "use the other name, or ENABLE the migration");
    }
    rw__note_use(in->mt, c->index, c->new_name, true);
}

void rw__insert_listed(rw_planner *p, rw_insert *in, const rw_name_list *list)
{
    uint32_t n = 0;
    for (const rw_name_list *l = list; l != NULL; l = l->next) {
        n++;
    }
    alloc_columns(p, in, n);
    in->listed = true;
    for (const rw_name_list *l = list; l != NULL && !p->nomem; l = l->next) {
        add_named(p, in, &l->name);
    }
}

void rw__insert_assigned(rw_planner *p, rw_insert *in, const rw_assign *list)
{
    uint32_t n = 0;
    for (const rw_assign *a = list; a != NULL; a = a->next) {
        n++;
    }
    alloc_columns(p, in, n);
    in->listed = true;
    for (const rw_assign *a = list; a != NULL && !p->nomem; a = a->next) {
        add_named(p, in, &a->col);
    }
}

void rw__insert_shape(rw_planner *p, rw_insert *in, uint32_t n)
{
    const rw_mtab *mt = in->mt;
    uint32_t all = 0;
    for (uint32_t i = 0; i < mt->ncols; i++) {
        all += mt->cols[i].star;
    }
    uint32_t upto = n == all ? mt->ncols : mt->nplain;
    alloc_columns(p, in, mt->ncols);
    for (uint32_t i = 0; i < upto && !p->nomem; i++) {
        const rw_vcol *v = &mt->cols[i];
        if (v->star) {
            in->cols[in->ncols++] = (rw_incol){.name = v->name,
                                               .pair = v->mt == NULL ? NULL : &mt->m->pairs[v->pair],
                                               .index = v->pair,
                                               .new_name = v->new_name};
        }
    }
    rw__note_shape(p, in->mt, true);
}

b_slice rw__insert_name(const rw_mtab *mt, uint32_t pair, bool new_name)
{
    const rw_pair *p = &mt->m->pairs[pair];
    bool to = rw__twrite(p, new_name) == RW_T_OTHER ? !new_name : new_name;
    return to ? p->to : p->from;
}

b_slice rw__insert_phys(const rw_insert *in, const rw_incol *c)
{
    if (c->pair == NULL) {
        return c->name;
    }
    if (c->pair->forms != NULL) {
        return rw__insert_name(in->mt, c->index, c->new_name);
    }
    const rw_inpair *ip = &in->pairs[c->index];
    if (rw__write_mode(c->pair) == RW_WRITE_BOTH && ip->second != RW_NO_TOK) {
        return c->new_name ? c->pair->to : c->pair->from;
    }
    return rw__write_name(c->pair);
}

/* ---- both names in one statement -------------------------------------------------------------------- */

static const rw_expr *value_at(const rw_row *row, uint32_t i)
{
    const rw_expr *e = row->values;
    while (e != NULL && i > 0) {
        e = e->next;
        i--;
    }
    return e;
}

static bool says_the_same(rw_planner *p, const rw_insert *in, const rw_expr *a, const rw_expr *b,
                          uint32_t pair)
{
    if (a == NULL || b == NULL) {
        return true; /* the server will say that the numbers differ */
    }
    return rw__is_column_of(in->mt, b, pair) ||
           (!rw__reads_pair(in->mt, a, pair) && !rw__assigns_uservars(p, in->s) && rw__same_expr(p, a, b));
}

/* One column is written and the client gives values for both names: fine only when they are one value. */
static void merge(rw_planner *p, rw_insert *in, uint32_t first, uint32_t second)
{
    uint32_t pair = in->cols[first].index;
    bool same = in->s->query == NULL && in->s->kind == RW_S_INSERT;
    if (in->s->set_form) {
        const rw_assign *a = in->s->set, *b = in->s->set;
        for (uint32_t i = 0; i < second; i++) {
            a = i < first ? a->next : a;
            b = b->next;
        }
        same = same && says_the_same(p, in, a->value, b->value, pair);
    }
    for (const rw_row *r = in->s->rows; r != NULL && same; r = r->next) {
        same = says_the_same(p, in, value_at(r, first), value_at(r, second), pair);
    }
    if (!same) {
        rw__refuse(p, in->mt, "both_columns", "different values for both names of a column",
                   "give the value under one of the names only");
        return;
    }
    in->cols[second].drop = true;
}

/* ---- what has to be added --------------------------------------------------------------------------- */

static void plan_omitted(rw_planner *p, rw_insert *in, const rw_pair *pair, rw_inpair *ip)
{
    rw_default_kind k = pair->plain.default_kind;
    rw__check_omitted(p, in->mt, pair, in->s);
    if (rw__write_mode(pair) != RW_WRITE_BOTH) {
        return;
    }
    if (!pair->b_default_up) {
        ip->add = ip->add_dup = k != RW_DEFAULT_NONE || !rw__null_is_error(p, in->s);
    } else {
        /* MariaDB computes B's default before it has filled in a timestamp that was left out. */
        ip->add = k == RW_DEFAULT_EXPR || k == RW_DEFAULT_NOW;
    }
}

static void plan_pair(rw_planner *p, rw_insert *in, uint32_t index)
{
    const rw_pair *pair = &in->mt->m->pairs[index];
    rw_inpair *ip = &in->pairs[index];
    *ip = (rw_inpair){.first = RW_NO_TOK, .second = RW_NO_TOK};
    for (uint32_t i = 0; i < in->ncols; i++) {
        const rw_incol *c = &in->cols[i];
        if (c->pair != pair) {
            continue;
        }
        if (ip->first == RW_NO_TOK) {
            ip->first = i;
        } else if (ip->second == RW_NO_TOK && c->new_name != in->cols[ip->first].new_name) {
            ip->second = i;
        }
    }
    if (pair->forms != NULL) {
        return; /* rw__insert_plan_changes */
    }
    if (ip->first == RW_NO_TOK) {
        plan_omitted(p, in, pair, ip);
    } else if (ip->second != RW_NO_TOK) {
        if (rw__write_mode(pair) != RW_WRITE_BOTH) {
            merge(p, in, ip->first, ip->second);
        }
    } else {
        in->cols[ip->first].dup = rw__write_mode(pair) == RW_WRITE_BOTH && !pair->b_default_up;
    }
}

void rw__insert_plan(rw_planner *p, rw_insert *in)
{
    for (uint32_t i = 0; i < in->mt->m->npairs && !rw__stop(p); i++) {
        plan_pair(p, in, i);
    }
    rw__insert_plan_changes(p, in);
}

/* ---- the list --------------------------------------------------------------------------------------- */

/* Names to be added at the end; true when there were some. */
static void add_extras(rw_planner *p, const rw_insert *in, bool comma, rw_edit *e)
{
    for (uint32_t i = 0; i < in->mt->m->npairs; i++) {
        const rw_pair *pair = &in->mt->m->pairs[i];
        if (!in->pairs[i].add) {
            continue;
        }
        rw_edit_text(p->edits, e, comma ? B_LIT(", ") : B_LIT(""));
        rw_edit_text(p->edits, e, rw__quoted(p, pair->from));
        if (in->pairs[i].add_dup) {
            rw_edit_text(p->edits, e, B_LIT(", "));
            rw_edit_text(p->edits, e, rw__quoted(p, pair->to));
        }
        comma = true;
    }
    for (uint32_t i = 0; i < in->nextras; i++, comma = true) {
        rw_edit_text(p->edits, e, comma ? B_LIT(", ") : B_LIT(""));
        rw_edit_text(p->edits, e, rw__quoted(p, in->extras[i].column));
    }
}

static void write_list(rw_planner *p, const rw_insert *in, bool space, rw_edit *e)
{
    bool comma = false;
    rw_edit_text(p->edits, e, space ? B_LIT(" (") : B_LIT("("));
    for (uint32_t i = 0; i < in->ncols; i++) {
        const rw_incol *c = &in->cols[i];
        if (c->drop) {
            continue;
        }
        rw_edit_text(p->edits, e, comma ? B_LIT(", ") : B_LIT(""));
        rw_edit_text(p->edits, e, rw__quoted(p, rw__insert_phys(in, c)));
        if (c->dup) {
            rw_edit_text(p->edits, e, B_LIT(", "));
            rw_edit_text(p->edits, e, rw__quoted(p, c->pair->to));
        }
        comma = true;
    }
    add_extras(p, in, comma, e);
    rw_edit_text(p->edits, e, B_LIT(")"));
}

static void change_list(rw_planner *p, const rw_insert *in)
{
    for (uint32_t i = 0; i < in->ncols; i++) {
        const rw_incol *c = &in->cols[i];
        if (c->pair == NULL) {
            continue;
        }
        if (c->drop) {
            (void)rw_edit_replace(p->edits, in->cols[i - 1].at->end, c->at->end);
            continue;
        }
        rw__put_name(p, c->at, rw__insert_phys(in, c));
        if (c->dup) {
            rw_edit *e = rw_edit_after(p->edits, c->at->end - 1);
            rw_edit_text(p->edits, e, B_LIT(", "));
            rw_edit_text(p->edits, e, rw__quoted(p, c->pair->to));
        }
    }
    add_extras(p, in, true, rw_edit_after(p->edits, in->cols[in->ncols - 1].at->end - 1));
}

void rw__insert_emit_list(rw_planner *p, const rw_insert *in, uint32_t after)
{
    if (rw__stop(p)) {
        return;
    }
    if (in->listed) {
        change_list(p, in);
    } else if (in->s->has_columns) { /* () */
        write_list(p, in, false, rw_edit_replace(p->edits, in->s->columns_tok, in->s->columns_end));
    } else {
        write_list(p, in, true, rw_edit_after(p->edits, after));
    }
}

bool rw__insert_has_forms(const rw_insert *in)
{
    for (uint32_t i = 0; i < in->mt->m->npairs; i++) {
        if (in->mt->m->pairs[i].forms != NULL) {
            return true;
        }
    }
    return false;
}
