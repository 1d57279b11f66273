/* UPDATE, of one table and of several.
 *
 * Which form an assignment to A takes (emit_assign.c) depends on the plan that the server may choose:
 *
 * - one table, nothing that could change the plan: from left to right.
 * - one table, MySQL, a subquery in sight and a value that may be written twice: twice.
 * - one table, MySQL, another value, or partitioned: from left to right, made certain by a LIMIT. An UPDATE
 *   with LIMIT or ORDER BY never becomes one of several tables there.
 * - one table, MariaDB, subqueries that may read the target: twice, or refused; A = A as well, by which 10.11
 *   stores another row's value where the semijoin needs a temporary table for ORDER BY and LIMIT.
 * - one table, MariaDB from 11.1, a subquery in WHERE: twice, or with semijoin off. It may become a semijoin
 *   (MDEV-7487), LIMIT or not.
 * - one table, MariaDB, other subqueries: from left to right.
 * - one table, MariaDB, SIMULTANEOUS_ASSIGNMENT: twice, or refused.
 * - several tables: twice, or refused.
 *
 * Thread: the planner's. */
#include "write.h"

#define NO_LIMIT " LIMIT 18446744073709551615"
#define NO_SEMIJOIN "SET STATEMENT optimizer_switch = 'semijoin=off' FOR "

/* ---- the form --------------------------------------------------------------------------------------- */

static bool has_subquery(const rw_stmt *s)
{
    bool found = s->ctes != NULL || rw__has_subquery(s->where) || rw__has_subquery(s->limit);
    for (const rw_assign *a = s->set; a != NULL; a = a->next) {
        found = found || rw__has_subquery(a->value);
    }
    for (const rw_order *o = s->order; o != NULL; o = o->next) {
        found = found || rw__has_subquery(o->expr);
    }
    return found;
}

static bool avoids_target(rw_planner *p, const rw_stmt *s, const rw_table *target)
{
    bool ok = s->ctes == NULL && rw__exprs_avoid(p, s->where, target) &&
              rw__orders_avoid(p, s->order, target) && rw__exprs_avoid(p, s->limit, target);
    for (const rw_assign *a = s->set; a != NULL; a = a->next) {
        ok = ok && rw__exprs_avoid(p, a->value, target);
    }
    return ok;
}

/* The expression is written twice; which values later ones see is not known. */
static void twice(rw_assigns *a)
{
    a->form = RW_ASSIGN_TWICE;
    a->keep_noop = false;
    a->in_order = false;
}

/* The same, or the statement is refused. */
static void twice_or_refuse(rw_planner *p, rw_assigns *a, const rw_mtab *mt)
{
    const char *why = "an assignment";
    twice(a);
    if (!rw__assigns_repeatable(p, a, &why)) {
        rw__refuse(p, mt, "not_repeatable", why,
                   a->stmt->multi_table
                       ? "compute the value first, or update one table by its key"
                       : "compute the value first, or select the keys in a statement of its own");
    }
}

/* May the value read the column, by either of its names? Every name in it counts, those in its subqueries
 * too. */
static bool may_name(rw_planner *p, const rw_expr *e, const rw_mtab *mt, const rw_name *column)
{
    b_slice wanted = column->part[column->n - 1];
    bool is_new;
    uint32_t pair, other;
    bool paired = rw__pair_named(mt, wanted, &is_new, &pair) != NULL;
    for (uint32_t i = e->tok; i < e->end; i++) {
        rw_token_kind kind = p->t->tok[i].kind;
        if (kind != RW_TOK_IDENT && kind != RW_TOK_QUOTED) continue;
        b_slice name = rw__token_name(p->ctx, p->t, i, p->arena);
        if (b_slice_ieq(name, wanted)) return true;
        if (paired && rw__pair_named(mt, name, &is_new, &other) != NULL && other == pair) return true;
    }
    return false;
}

/* Keeps the server from running it as an UPDATE of several tables, which the plain one might be: no value may
 * hang on what an earlier assignment has changed by then. */
static void keep_single(rw_planner *p, const rw_stmt *s, const rw_mtab *mt)
{
    for (const rw_assign *x = s->set; x != NULL && !rw__stop(p); x = x->next)
        for (const rw_assign *y = s->set; y != x; y = y->next) {
            if (y->col.n == 0 || !may_name(p, x->value, mt, &y->col)) continue;
            rw__refuse(p, mt, "not_repeatable",
                       "an assignment that reads what an earlier one may have changed, beside a subquery,",
                       "select the keys in a statement of its own");
            return;
        }
}

/* A subquery of IN, EXISTS, ANY or ALL: those may become joins on MySQL. One that gives a value does not. */
static bool has_condition(const rw_planner *p, const rw_expr *e)
{
    for (; e != NULL; e = e->next) {
        uint32_t i = e->tok;
        if (e->kind == RW_E_SUBQUERY) {
            while (i > 0 && p->t->tok[i - 1].kind == RW_TOK_OP && p->t->tok[i - 1].word == RW_OP_LPAREN) i--;
            uint16_t before =
                i > 0 && p->t->tok[i - 1].kind == RW_TOK_IDENT ? p->t->tok[i - 1].word : RW_WORD_NONE;
            if (before == RW_W_IN || before == RW_W_EXISTS || before == RW_W_ANY || before == RW_W_SOME ||
                before == RW_W_ALL) {
                return true;
            }
        }
        if (has_condition(p, e->kids)) return true;
    }
    return false;
}

/* Might MySQL run the client's UPDATE of one table as one of several? */
static bool may_become_join(const rw_planner *p, const rw_stmt *s)
{
    if (s->order != NULL || s->limit != NULL) return false;
    bool may = s->ctes != NULL || has_condition(p, s->where);
    for (const rw_assign *a = s->set; a != NULL; a = a->next) may = may || has_condition(p, a->value);
    return may;
}

/* May it be written behind SET STATEMENT … FOR? */
static bool stands_alone(const rw_planner *p, const rw_stmt *s)
{
    return !p->in_compound && (s->tok == 0 || (p->t->tok[s->tok - 1].kind == RW_TOK_OP &&
                                               p->t->tok[s->tok - 1].word == RW_OP_SEMICOLON));
}

static void choose_mariadb(rw_planner *p, rw_assigns *a, const rw_mtab *mt)
{
    const rw_stmt *s = a->stmt;
    if (has_subquery(s) && !avoids_target(p, s, mt->table)) {
        a->write_itself = true;
        twice_or_refuse(p, a, mt);
    } else if (p->server.version < 110100 || !rw__has_subquery(s->where)) {
        return;
    } else if (!stands_alone(p, s) || rw__assigns_repeatable(p, a, NULL)) {
        twice_or_refuse(p, a, mt);
    } else {
        keep_single(p, s, mt);
        rw_edit_text(p->edits, rw_edit_before(p->edits, s->tok), B_LIT(NO_SEMIJOIN));
    }
}

/* An UPDATE of one table that does assign a pair written on both sides. */
static void choose_single(rw_planner *p, rw_assigns *a, const rw_mtab *mt)
{
    const rw_stmt *s = a->stmt;
    bool sub = has_subquery(s);
    a->in_order = (p->ctx->sql_mode & RW_MODE_SIMULTANEOUS_ASSIGNMENT) == 0 || p->server.flavour == RW_MYSQL;
    a->form = RW_ASSIGN_AFTER;
    a->keep_noop = true;
    if (!a->in_order) {
        twice_or_refuse(p, a, mt);
    } else if (p->server.flavour == RW_MARIADB) {
        choose_mariadb(p, a, mt);
    } else if ((sub || mt->table->partitioned) && s->limit == NULL) {
        if (sub && rw__assigns_repeatable(p, a, NULL)) {
            twice(a);
        } else {
            if (may_become_join(p, s)) keep_single(p, s, mt);
            a->limit = true;
        }
    }
}

static void choose_form(rw_planner *p, rw_assigns *a)
{
    const rw_mtab *mt = NULL;
    if (!rw__assigns_both(p, a, &mt) || rw__stop(p)) {
        a->in_order = !a->stmt->multi_table && ((p->ctx->sql_mode & RW_MODE_SIMULTANEOUS_ASSIGNMENT) == 0 ||
                                                p->server.flavour == RW_MYSQL);
        return;
    }
    if (a->stmt->multi_table) {
        a->qualify = true;
        twice_or_refuse(p, a, mt);
    } else {
        choose_single(p, a, mt);
    }
}

/* Any table that the SET list writes has to be one that can be written. */
static void check_targets(rw_planner *p, const rw_scope *scope)
{
    for (uint32_t i = 0; i < scope->nsrc && !rw__stop(p); i++) {
        if (scope->src[i].mt != NULL && scope->src[i].table != NULL) {
            rw__check_writable(p, scope->src[i].mt);
        }
    }
}

/* SET, with every migrating table's names meaning the column that is written. True: a LIMIT has to follow. */
static bool emit_set(rw_planner *p, const rw_stmt *s, rw_scope *scope)
{
    const rw_vcol **reads = b_arena_array(p->arena, scope->nsrc + 1, sizeof(const rw_vcol *));
    if (reads == NULL) {
        p->nomem = true;
        return false;
    }
    for (uint32_t i = 0; i < scope->nsrc; i++) {
        reads[i] = scope->src[i].cols;
        if (scope->src[i].mt != NULL) {
            const rw_vcol *cols = rw__assign_cols(p, &scope->src[i]);
            scope->src[i].cols = cols != NULL ? cols : reads[i];
        }
    }
    rw_assigns a = {
        .stmt = s, .list = s->set, .target_scope = scope, .scope = scope, .qualify = s->multi_table};
    choose_form(p, &a);
    rw__emit_assigns(p, &a);
    for (uint32_t i = 0; i < scope->nsrc; i++) {
        scope->src[i].cols = reads[i];
    }
    return a.limit;
}

void rw__plan_update(rw_planner *p, const rw_stmt *s)
{
    rw_scope scope;
    rw__scope_init(&scope, NULL);
    if (s->ctes != NULL) {
        rw__scope_add_ctes(p, &scope, s->ctes, s->recursive);
    }
    rw__scope_add_from(p, &scope, s->from);
    check_targets(p, &scope);
    if (rw__stop(p)) {
        return;
    }
    bool limit = emit_set(p, s, &scope);
    rw__emit_exprs(p, &scope, RW_C_WHERE, s->where);
    rw__emit_order(p, &scope, RW_C_ORDER, s->order);
    rw__emit_exprs(p, &scope, RW_C_OTHER, s->limit);
    if (limit) {
        rw_edit_text(p->edits, rw_edit_after(p->edits, s->end - 1), B_LIT(NO_LIMIT));
    }
}
