/* Compound statements: each part is planned as a statement of its own, with the names that are declared
 * around it in sight. A declared name means itself wherever an expression may stand, whatever columns have it
 * (the servers decide so when they parse), so the lookup of columns passes it by, and what is written in the
 * place of a name is qualified where a declared one would take it. */
#include "planning.h"

static bool named(const rw_planner *p, b_slice name, bool row)
{
    for (const rw_local *l = p->locals; l != NULL; l = l->next) {
        if ((!row || l->row) && b_slice_ieq(l->name, name)) {
            return true;
        }
    }
    return false;
}

bool rw__is_local(const rw_planner *p, const rw_name *name)
{
    if (p->locals == NULL || name->n == 0 || name->n > 2) {
        return false;
    }
    return named(p, name->part[0], name->n == 2);
}

static void declare(rw_planner *p, const rw_stmt *st)
{
    for (const rw_name_list *n = st->columns; n != NULL; n = n->next) {
        rw_local *l = B_NEW(p->arena, rw_local);

        if (l == NULL) {
            p->nomem = true;
            return;
        }
        *l = (rw_local){.name = n->name.part[0], .row = st->rows_seen, .next = p->locals};
        p->locals = l;
    }
}

/* What runs in the end: EXPLAIN ANALYZE and SET STATEMENT … FOR have it inside. */
static const rw_stmt *innermost(const rw_stmt *st)
{
    while ((st->kind == RW_S_EXPLAIN || st->kind == RW_S_SET_FOR) && st->inner != NULL) {
        st = st->inner;
    }
    return st;
}

/* SET of something other than declared names and user variables, in the midst of the text. */
static void check_set(rw_planner *p, const rw_stmt *st)
{
    bool system = false;

    for (const rw_name_list *n = st->columns; n != NULL; n = n->next) {
        system = system || n->name.n != 1 || !named(p, n->name.part[0], false);
    }
    if (system && p->mtabs != NULL) {
        rw__refuse(p, p->mtabs, "multi", "SET of a system variable inside a compound statement",
                   "set it before");
    }
    p->set_system = p->set_system || system;
}

/* A write adds the names of both columns, as values, too: a declared name of that kind would be taken
 * instead. */
static void check_write(rw_planner *p, const rw_stmt *st)
{
    rw_stmt_kind kind = innermost(st)->kind;
    bool writes = kind == RW_S_INSERT || kind == RW_S_UPDATE || kind == RW_S_LOAD;

    for (const rw_mtab *mt = p->mtabs; writes && mt != NULL && !rw__stop(p); mt = mt->next) {
        for (size_t i = 0; i < mt->m->npairs; i++) {
            const rw_pair *pair = &mt->m->pairs[i];

            if (p->locals != NULL &&
                (pair->forms != NULL || named(p, pair->from, false) || named(p, pair->to, false))) {
                rw__refuse(p, mt, "compound",
                           "a write in a compound statement that declares a name like a column of the pair",
                           "give the variable another name");
                return;
            }
        }
    }
}

static void plan_part(rw_planning *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;
    rw_mtab *before = p->mtabs;

    if (st->kind == RW_S_DECLARE) {
        rw_scope scope;

        rw__scope_init(&scope, NULL);
        rw__emit_exprs(p, &scope, RW_C_FIELDS, st->exprs);
        declare(p, st);
        return;
    }
    if (innermost(st)->kind == RW_S_EVAL && innermost(st)->sets_system) {
        check_set(p, innermost(st));
    }
    rw__plan_statement(s, st);
    if (p->set_system && p->mtabs != before && !rw__stop(p)) {
        rw__refuse(p, p->mtabs, "multi", "SET of a system variable inside a compound statement",
                   "set it before");
    }
    check_write(p, st);
}

void rw__plan_compound(rw_planning *s, const rw_stmt *st)
{
    rw_local *around = s->p.locals;

    s->p.in_compound = true;
    for (const rw_stmt *part = st->inner; part != NULL && !rw__stop(&s->p); part = part->next) {
        plan_part(s, part);
    }
    s->p.locals = around;
}
