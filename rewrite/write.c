/* What the emitters of writes share: which column a value goes to, and what cannot be written at all.
 *
 * Pure functions of the planner's state. Thread: the planner's. */
#include "transform.h"
#include "type.h"

rw_write_mode rw__write_mode(const rw_pair *pair)
{
    if (rw__phase_writes_both(pair->phase)) {
        return RW_WRITE_BOTH;
    }
    return rw__phase_writes_to(pair->phase) ? RW_WRITE_TO : RW_WRITE_FROM;
}

b_slice rw__write_name(const rw_pair *pair)
{
    return rw__write_mode(pair) == RW_WRITE_TO ? pair->to : pair->from;
}

void rw__check_writable(rw_planner *p, const rw_mtab *mt)
{
    bool both = false;
    for (size_t i = 0; i < mt->m->npairs; i++) both = both || rw__writes_two(&mt->m->pairs[i], false);
    if (both && mt->table->before_triggers) {
        rw__refuse(p, mt, "trigger", "a write where a BEFORE trigger may change the column",
                   "drop the trigger, or roll the migration back and rename the column without dual writes");
        return;
    }
    for (size_t i = 0; i < mt->m->npairs; i++) {
        const rw_pair *pair = &mt->m->pairs[i];
        const rw_column *a = rw_table_column(mt->table, pair->from);
        const rw_column *b = rw_table_column(mt->table, pair->to);
        const rw_column *plain = &pair->plain;
        bool update_a = a != NULL && a->on_update_now, update_b = b != NULL && b->on_update_now;
        if (rw__write_mode(pair) != RW_WRITE_BOTH || pair->from.n == 0) {
            continue;
        }
        if (plain->auto_increment || plain->default_kind == RW_DEFAULT_AUTO_INC ||
            (a != NULL && a->auto_increment)) {
            rw__refuse(p, mt, "auto_increment", "a write of an AUTO_INCREMENT column",
                       "roll the migration back; such a column cannot be written twice");
        } else if (update_a != update_b || (update_a && pair->forms != NULL)) {
            /* The server sets both, to the same moment, where both have it and a row changes. */
            rw__refuse(p, mt, "on_update",
                       "a write of a column with ON UPDATE CURRENT_TIMESTAMP, which its pair has not",
                       "give both columns the same ON UPDATE, or roll the migration back");
        }
    }
}

static const rw_vcol *bound_cols(rw_planner *p, const rw_source *src, bool stored)
{
    rw_vcol *cols = b_arena_array(p->arena, src->ncols == 0 ? 1 : src->ncols, sizeof *cols);
    if (cols == NULL) {
        p->nomem = true;
        return NULL;
    }
    for (uint32_t i = 0; i < src->ncols; i++) {
        cols[i] = src->cols[i];
        if (cols[i].mt != NULL) {
            const rw_pair *pair = &cols[i].mt->m->pairs[cols[i].pair];
            bool to = pair->forms != NULL
                          ? rw__phase_reads_to(pair->phase)
                          : (rw__write_mode(pair) == RW_WRITE_TO || (stored && pair->a_stale));
            rw__pair_bind(cols[i].mt, pair, cols[i].new_name, to, &cols[i]);
        }
    }
    return cols;
}

const rw_vcol *rw__write_cols(rw_planner *p, const rw_source *src)
{
    return bound_cols(p, src, false);
}

const rw_vcol *rw__assign_cols(rw_planner *p, const rw_source *src)
{
    return bound_cols(p, src, true);
}

void rw__own_name(rw_planner *p, rw_scope *s, const rw_mtab *mt, uint32_t pair)
{
    for (uint32_t i = 0; i < s->nsrc; i++) {
        rw_source *src = &s->src[i];
        rw_vcol *cols = src->mt == mt ? b_arena_array(p->arena, (size_t)src->ncols + 1, sizeof *cols) : NULL;
        if (src->mt != mt) {
            continue;
        }
        if (cols == NULL) {
            p->nomem = true;
            return;
        }
        for (uint32_t k = 0; k < src->ncols; k++) {
            cols[k] = src->cols[k];
            if (cols[k].mt == mt && cols[k].pair == pair && cols[k].new_name) {
                cols[k].phys = mt->m->pairs[pair].to;
                cols[k].column = rw_table_column(mt->table, cols[k].phys);
            }
        }
        src->cols = cols;
    }
}

bool rw__null_is_error(const rw_planner *p, const rw_stmt *s)
{
    bool local = false; /* LOAD DATA LOCAL is an IGNORE */
    for (uint32_t i = s->tok; s->kind == RW_S_LOAD && i < s->end && i < s->tok + 4; i++) {
        local = local || p->t->tok[i].word == RW_W_LOCAL;
    }
    return (p->ctx->sql_mode & RW_MODE_STRICT) != 0 && !s->ignore && !local;
}

/* MySQL computes B's default, which is A, before it says that A has none: of the zero date that A then holds.
 */
static bool default_fails(const rw_planner *p, const rw_pair *pair, const rw_stmt *s)
{
    return p->server.flavour == RW_MYSQL && pair->b_default_up && s->kind != RW_S_UPDATE &&
           (rw__type_is(pair->plain.type, "date") || rw__type_is(pair->plain.type, "datetime") ||
            rw__type_is(pair->plain.type, "timestamp")) &&
           rw__null_is_error(p, s);
}

void rw__check_omitted(rw_planner *p, const rw_mtab *mt, const rw_pair *pair, const rw_stmt *s)
{
    b_slice name = rw__write_name(pair);
    const rw_column *phys = rw_table_column(mt->table, name);
    if (rw__write_mode(pair) == RW_WRITE_TO && pair->b_default_up &&
        (pair->plain.default_kind == RW_DEFAULT_EXPR || pair->plain.default_kind == RW_DEFAULT_NOW)) {
        /* B's default is still A's, and A holds no more than a literal by now. */
        rw__refuse_name(p, mt, "default",
                        "a write that leaves `%.*s` to its default while that is being moved", name,
                        "give the value, or wait until the move to this phase has ended");
        return;
    }
    if (pair->plain.default_kind != RW_DEFAULT_NONE) {
        return;
    }
    bool hidden = phys != NULL && phys->default_kind != RW_DEFAULT_NONE;
    if (!hidden && pair->phase != RW_SWITCHED && !default_fails(p, pair, s)) {
        return;
    }
    b_slice shown = p->ctx->version == RW_VERSION_NEW ? pair->to : pair->from;
    if (rw__null_is_error(p, s) && rw__type_is(pair->plain.type, "enum")) {
        rw__refuse_name(p, mt, "default", "a write that leaves `%.*s` to the first value of its ENUM", shown,
                        "give the value");
    } else if (rw__null_is_error(p, s)) {
        rw__refuse_as(p, 1364, "HY000", "no_default", "Field '%.*s' doesn't have a default value",
                      B_ARG(shown));
    } else if (hidden) {
        rw__refuse_name(p, mt, "default", "a write that leaves out `%.*s`, which has no default", name,
                        "give the value, or use a strict sql_mode");
    }
}

void rw__put_name(rw_planner *p, const rw_name *at, b_slice name)
{
    uint32_t last = at->n - 1;
    if (b_slice_ieq(at->part[last], name)) {
        return;
    }
    rw_edit *e = rw_edit_replace(p->edits, at->part_tok[last], at->part_tok[last] + 1);
    rw_edit_text(p->edits, e, rw__quoted(p, name));
}

bool rw__is_default(const rw_expr *e)
{
    return e != NULL && e->kind == RW_E_DEFAULT;
}

static bool same_token(const rw_planner *p, uint32_t a, uint32_t b)
{
    const rw_token *x = &p->t->tok[a], *y = &p->t->tok[b];
    if (x->kind != y->kind || x->kind == RW_TOK_PARAM) {
        return false;
    }
    return b_slice_eq(rw__token_text(p->t, a), rw__token_text(p->t, b));
}

bool rw__same_expr(rw_planner *p, const rw_expr *a, const rw_expr *b)
{
    p->uncacheable = true;
    if (a == NULL || b == NULL || a->end - a->tok != b->end - b->tok) {
        return false;
    }
    if (!rw__is_default(a) && !rw__deterministic(p, a)) {
        return false;
    }
    for (uint32_t i = 0; i < a->end - a->tok; i++) {
        if (!same_token(p, a->tok + i, b->tok + i)) {
            return false;
        }
    }
    return true;
}

bool rw__is_column_of(const rw_mtab *mt, const rw_expr *e, uint32_t pair)
{
    bool new_name;
    uint32_t index;
    if (e == NULL || e->kind != RW_E_COLUMN || e->name.n == 0) {
        return false;
    }
    if (e->name.n > 1 && !b_slice_ieq(e->name.part[e->name.n - 2], mt->m->table)) {
        return false;
    }
    return rw__pair_named(mt, e->name.part[e->name.n - 1], &new_name, &index) != NULL && index == pair;
}

bool rw__reads_pair(const rw_mtab *mt, const rw_expr *e, uint32_t pair)
{
    bool new_name;
    uint32_t index;
    for (; e != NULL; e = e->next) {
        if (e->name.n > 0 &&
            (e->kind == RW_E_COLUMN || e->kind == RW_E_VALUES_OF || e->kind == RW_E_DEFAULT_OF) &&
            rw__pair_named(mt, e->name.part[e->name.n - 1], &new_name, &index) != NULL && index == pair) {
            return true;
        }
        if (rw__reads_pair(mt, e->kids, pair)) {
            return true;
        }
    }
    return false;
}

bool rw__assigns_uservars(const rw_planner *p, const rw_stmt *s)
{
    for (uint32_t i = s->tok; i < s->end; i++) {
        const rw_token *t = &p->t->tok[i];
        if ((t->kind == RW_TOK_OP && t->word == RW_OP_ASSIGN) ||
            (t->kind == RW_TOK_IDENT && t->word == RW_W_INTO && p->t->tok[i + 1].kind == RW_TOK_USERVAR)) {
            return true;
        }
    }
    return false;
}
