/* Finding a migrating table by its tokens alone.
 *
 * An identifier that spells the table's name counts, unless it is qualified with another schema, or follows a
 * dot after something else (a column, a routine). That errs on the side of finding it. */
#include "mention.h"
#include "names.h"
#include "spelling.h"
#include "view.h"
#include "words.h"

static bool is_name(const rw_token *t)
{
    return t->kind == RW_TOK_IDENT || t->kind == RW_TOK_QUOTED;
}

static bool is_dot(const rw_token *t)
{
    return t->kind == RW_TOK_OP && t->word == RW_OP_DOT;
}

/* The name at token i with the qualifiers before it. */
static bool name_at(rw_planner *p, uint32_t i, uint32_t tok, rw_name *out)
{
    const rw_token *t = p->t->tok;
    b_slice last;

    if (!is_name(&t[i])) {
        return false;
    }
    last = rw__token_name(p->ctx, p->t, i, p->arena);
    if (last.p == NULL) {
        return false;
    }
    *out = (rw_name){.n = 1, .tok = i, .end = i + 1, .part = {last}};
    if (i >= tok + 2 && is_dot(&t[i - 1]) && is_name(&t[i - 2])) {
        out->part[0] = rw__token_name(p->ctx, p->t, i - 2, p->arena);
        out->part[1] = last;
        out->n = 2;
    }
    return true;
}

rw_mtab *rw__mention(rw_planner *p, uint32_t tok, uint32_t end, bool views)
{
    for (uint32_t i = tok; i < end && !rw__stop(p); i++) {
        const rw_table *known;
        rw_mtab *mt;
        rw_name name;

        if (!name_at(p, i, tok, &name)) {
            continue;
        }
        mt = rw__find_base(p, &name, &known);
        if (views && mt == NULL && known != NULL) {
            mt = rw__view_base(p, known);
        }
        if (mt != NULL) {
            return mt;
        }
    }
    return NULL;
}

/* Without a qualifier it may be one of any schema where the text has a USE of its own. */
static bool may_be(const rw_planner *p, const rw_name *name, b_slice schema, b_slice table)
{
    if (!rw__table_name_eq(p, name->part[name->n - 1], table)) {
        return false;
    }
    for (uint32_t i = 0; i < p->t->n && name->n == 1; i++) {
        if (p->t->tok[i].kind == RW_TOK_IDENT && p->t->tok[i].word == RW_W_USE) {
            return true;
        }
    }
    return rw__table_name_eq(p, name->n == 2 ? name->part[0] : p->ctx->schema, schema);
}

static bool may_be_view(const rw_planner *p, const rw_name *name, const rw_migration *m)
{
    for (size_t i = 0; i < rw_catalog_size(p->catalog); i++) {
        const rw_table *v = rw_catalog_at(p->catalog, i);

        for (size_t b = 0; v->is_view && b < v->nbases; b++) {
            if (rw__table_name_eq(p, v->bases[b].name, m->table) &&
                rw__table_name_eq(p, v->bases[b].schema, m->schema) && may_be(p, name, v->schema, v->name)) {
                return true;
            }
        }
    }
    return false;
}

static void check_lost_one(rw_planner *p, const rw_migration *m)
{
    for (uint32_t i = 0; i < p->t->n && !rw__stop(p); i++) {
        rw_name name;

        if (!name_at(p, i, 0, &name) ||
            (!may_be(p, &name, m->schema, m->table) && !may_be_view(p, &name, m))) {
            continue;
        }
        rw__refuse_as(
            p, 1235, "42000", "lost",
            "straddle: a statement that names %.*s.%.*s, whose migration cannot be followed: %.*s; put it "
            "back, or, where the table is gone for good, REMOVE MIGRATION %.*s",
            B_ARG(m->schema), B_ARG(m->table), B_ARG(m->lost), B_ARG(m->name));
    }
}

void rw__check_lost(rw_planner *p)
{
    for (size_t i = 0; i < rw_ruleset_size(p->rules) && !rw__stop(p); i++) {
        const rw_migration *m = rw_ruleset_at(p->rules, i);

        if (m->lost.n > 0) {
            check_lost_one(p, m);
        }
    }
}

void rw__check_folding(rw_planner *p)
{
    for (uint32_t i = 0; i < p->t->n && !rw__stop(p); i++) {
        b_slice name, plain;

        if (!is_name(&p->t->tok[i])) {
            continue;
        }
        name = rw__token_name(p->ctx, p->t, i, p->arena);
        if (rw__unknown_name(name)) {
            rw__refuse(p, p->mtabs, "charset", "a name outside ASCII whose characters are not known",
                       "SET NAMES utf8mb4");
            return;
        }
        plain = rw__fold_letters(name, p->arena);
        if (plain.p == name.p) {
            continue;
        }
        if (plain.p == NULL) {
            p->nomem = true;
            return;
        }
        for (const rw_mtab *mt = p->mtabs; mt != NULL; mt = mt->next) {
            if (rw__pair_named(mt, plain, NULL, NULL) == NULL) {
                continue;
            }
            rw__refuse(p, mt, "name", "a column's name written with letters outside ASCII",
                       "write it in ASCII");
            return;
        }
    }
}
