/* LOAD DATA: the list of columns is written out, a client's B is A, and B follows A by its default (which
 * both servers apply here) or by an assignment at the end.
 *
 * LOAD XML fills the columns of the list by the names in the file, which are the client's: right where the
 * column that is to be written has the client's name, else refused.
 *
 * Thread: the planner's. */
#include "transform.h"

/* Is the pair assigned in the SET clause? */
static bool is_set(const rw_insert *in, uint32_t index)
{
    for (const rw_assign *a = in->s->set; a != NULL; a = a->next) {
        uint32_t i;
        if (a->col.n > 0 && rw__pair_named(in->mt, a->col.part[a->col.n - 1], NULL, &i) != NULL &&
            i == index) {
            return true;
        }
    }
    return false;
}

/* Both sides, one from the file and one by SET, or in some other mixture: only where both are written. */
static void check_mixed(rw_planner *p, const rw_insert *in)
{
    for (uint32_t i = 0; i < in->mt->m->npairs; i++) {
        if (in->pairs[i].first != RW_NO_TOK && is_set(in, i) && in->mt->m->pairs[i].forms == NULL) {
            rw__refuse(p, in->mt, "both_columns", "LOAD DATA that fills a column from the file and by SET",
                       "read the field into a user variable and assign the column once");
        }
    }
}

static void append(rw_planner *p, rw_edit *e, bool *started, b_slice name, b_slice value)
{
    rw_edit_text(p->edits, e, *started ? B_LIT(", ") : B_LIT(" SET "));
    rw_edit_text(p->edits, e, rw__quoted(p, name));
    rw_edit_text(p->edits, e, B_LIT(" = "));
    rw_edit_text(p->edits, e, value);
    *started = true;
}

/* What goes to the end of SET. */
static void emit_tail(rw_planner *p, const rw_insert *in)
{
    bool started = in->s->set != NULL;
    rw_edit *e = NULL;
    for (uint32_t i = 0; i < in->nextras; i++) {
        e = e != NULL ? e : rw_edit_after(p->edits, in->s->end - 1);
        append(p, e, &started, in->extras[i].column, in->extras[i].text);
        if (in->extras[i].form != NULL) {
            rw__put_form(p, in->extras[i].form, (b_slice){NULL, 0}, e);
        }
    }
    for (uint32_t i = 0; i < in->mt->m->npairs; i++) {
        const rw_pair *pair = &in->mt->m->pairs[i];
        const rw_inpair *ip = &in->pairs[i];
        bool given = ip->first != RW_NO_TOK || is_set(in, i);
        bool omitted_default = !given && (pair->plain.default_kind == RW_DEFAULT_EXPR ||
                                          pair->plain.default_kind == RW_DEFAULT_NOW);
        if (rw__write_mode(pair) != RW_WRITE_BOTH || pair->forms != NULL) {
            continue;
        }
        if (!omitted_default && (pair->b_default_up || ip->second != RW_NO_TOK)) {
            continue;
        }
        e = e != NULL ? e : rw_edit_after(p->edits, in->s->end - 1);
        if (omitted_default) {
            append(p, e, &started, pair->from, B_LIT("DEFAULT"));
        }
        if (!pair->b_default_up) {
            append(p, e, &started, pair->to, rw__quoted(p, pair->from));
        }
    }
}

/* A pair that SET assigns is not left out, though the list has it not. */
static void plan(rw_planner *p, rw_insert *in)
{
    rw__insert_plan(p, in);
    for (uint32_t i = 0; i < in->mt->m->npairs; i++) {
        in->pairs[i].add = in->pairs[i].add_dup = false;
    }
    for (uint32_t i = 0; i < in->ncols; i++) {
        in->cols[i].dup = false;
        if (in->cols[i].drop) {
            rw__refuse(p, in->mt, "both_columns", "LOAD DATA that fills both names of a column",
                       "fill one of the names only");
        }
    }
    check_mixed(p, in);
}

/* Are the names in the file those of the columns that are written? */
static void check_xml(rw_planner *p, const rw_insert *in)
{
    if (!in->listed && p->ctx->version == RW_VERSION_BOTH) {
        rw__refuse(p, in->mt, "load_xml", "LOAD XML without a list of columns", "write the columns out");
    }
    for (uint32_t i = 0; i < in->ncols && !rw__stop(p); i++) {
        const rw_incol *c = &in->cols[i];
        if (c->pair != NULL && !b_slice_ieq(rw__insert_phys(in, c), c->name)) {
            rw__refuse_name(p, in->mt, "load_xml",
                            "LOAD XML into `%.*s`, which is written under its other name,", c->name,
                            "use LOAD DATA, or the other name in the file and the list");
        }
    }
}

static void emit_assigns(rw_planner *p, const rw_insert *in)
{
    rw_assigns a = {.stmt = in->s,
                    .list = in->s->set,
                    .target_scope = in->scope,
                    .scope = in->scope,
                    .in_order = true,
                    .form = RW_ASSIGN_ONLY};
    rw__emit_assigns(p, &a);
}

static void emit_target(rw_planner *p, rw_insert *in)
{
    const rw_stmt *s = in->s;
    if (s->columns != NULL) {
        rw__insert_listed(p, in, s->columns);
    } else {
        rw__insert_shape(p, in, 0);
    }
    plan(p, in);
    if (rw__stop(p)) {
        return;
    }
    if (p->t->tok[s->tok + 1].word == RW_W_XML) {
        check_xml(p, in);
    }
    uint32_t nextras = in->nextras;
    in->nextras = 0; /* they go to SET, not to the list */
    rw__insert_emit_list(p, in, s->columns_at - 1);
    in->nextras = nextras;
    emit_assigns(p, in);
    emit_tail(p, in);
}

void rw__plan_load(rw_planner *p, const rw_stmt *s)
{
    rw_scope scope;
    rw__scope_init(&scope, NULL);
    rw_source *src = rw__scope_add_table(p, &scope, &s->target, (b_slice){NULL, 0});
    if (rw__stop(p) || src == NULL) {
        return;
    }
    if (src->mt == NULL) {
        for (const rw_assign *a = s->set; a != NULL; a = a->next) {
            rw__emit_expr(p, &scope, RW_C_FIELDS, a->value);
        }
        return;
    }
    rw_insert in = {.s = s, .mt = src->mt, .scope = &scope, .src = src};
    const rw_vcol *cols = rw__write_cols(p, src);
    rw__check_writable(p, src->mt);
    if (cols != NULL && !rw__stop(p)) {
        src->cols = cols;
        emit_target(p, &in);
    }
}
