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
