/* May an expression be evaluated twice? Only what is known to give the same value each time, and to change
 * nothing, is said to be so; a function that is in no list may be anybody's. */
#include "functions.h"
#include "resolve.h"

/* NEXT VALUE FOR s, PREVIOUS VALUE FOR s: whatever the tree makes of them, the words show. */
bool rw__names_sequence(const rw_tokens *tokens, const rw_expr *e)
{
    for (uint32_t i = e->tok; i + 2 < e->end; i++) {
        const rw_token *t = &tokens->tok[i];
        if (t[0].kind == RW_TOK_IDENT && t[1].kind == RW_TOK_IDENT && t[2].kind == RW_TOK_IDENT &&
            t[1].word == RW_W_VALUE && t[2].word == RW_W_FOR) {
            return true;
        }
    }
    return false;
}

/* What reads as a column and is none under sql_mode ORACLE. */
static bool oracle_function(const rw_planner *p, const rw_name *name)
{
    static const char *const bare[] = {"sysdate", "rownum", "systimestamp"};
    b_slice last = name->part[name->n - 1];

    if ((p->ctx->sql_mode & RW_MODE_ORACLE) == 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
        if (name->n == 1 && b_slice_ieq(last, b_slice_str(bare[i]))) {
            return true;
        }
    }
    return b_slice_ieq(last, B_LIT("nextval")) || b_slice_ieq(last, B_LIT("currval"));
}

static bool deterministic_list(const rw_planner *p, const rw_expr *e);

static bool deterministic_one(const rw_planner *p, const rw_expr *e)
{
    switch (e->kind) {
    case RW_E_LITERAL:
    case RW_E_PARAM: return true;
    case RW_E_COLUMN: return !oracle_function(p, &e->name);
    case RW_E_USERVAR: /* the emitters look for assignments in the rest of the statement */
    case RW_E_DEFAULT_OF:
    case RW_E_VALUES_OF: return true;
    case RW_E_FUNC: return (rw__function_of(e) & RW_FN_STEADY) != 0 && deterministic_list(p, e->kids);
    case RW_E_OP: return !rw__names_sequence(p->t, e) && deterministic_list(p, e->kids);
    case RW_E_STAR:
    case RW_E_SUBQUERY:
    case RW_E_SYSVAR:
    case RW_E_ASSIGN:
    case RW_E_DEFAULT: /* its expression may be anything, and it stands for no value elsewhere */
    case RW_E_MATCH: return false;
    }
    return false;
}

static bool deterministic_list(const rw_planner *p, const rw_expr *e)
{
    for (; e != NULL; e = e->next) {
        if (!deterministic_one(p, e)) {
            return false;
        }
    }
    return true;
}

bool rw__deterministic(const rw_planner *p, const rw_expr *e)
{
    return e != NULL && deterministic_one(p, e);
}

static bool window_has_subquery(const rw_window *w)
{
    for (; w != NULL; w = w->next) {
        if (rw__has_subquery(w->exprs)) {
            return true;
        }
    }
    return false;
}

bool rw__has_subquery(const rw_expr *e)
{
    for (; e != NULL; e = e->next) {
        if (e->kind == RW_E_SUBQUERY || rw__has_subquery(e->kids) || window_has_subquery(e->over)) {
            return true;
        }
    }
    return false;
}
