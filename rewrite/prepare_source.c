/* Where the text of PREPARE and EXECUTE IMMEDIATE comes from: a literal; a user variable that the text itself
 * has set to one; or else the server, which the session asks for the value. The rewriter itself evaluates
 * nothing.
 *
 * The session can ask only before the text runs, so what stands first in it. What it asks for must have the
 * same value then and there: literals, user variables, and functions that hang on nothing else. */
#include "inner.h"

/* A user variable that the text has set. */
struct rw_set_var {
    b_slice name, value;
    struct rw_set_var *next;
};

/* ---- variables that the text sets -------------------------------------------------------------------- */

static bool plain(b_slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = b_lower(name.p[i]);

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_') {
            return false;
        }
    }
    return name.n > 0;
}

/* The name behind @, without quotes. Others than plain ones may be equal in ways of the server's collation.
 */
static bool variable_name(const rw_planner *p, uint32_t tok, b_slice *name)
{
    b_slice text = rw__token_text(p->t, tok);

    if (p->t->tok[tok].kind != RW_TOK_USERVAR || text.n < 2) {
        return false;
    }
    *name = b_slice_of(text.p + 1, text.n - 1);
    return plain(*name);
}

static const struct rw_set_var *find(const rw_planner *p, b_slice name)
{
    const struct rw_set_var *v = p->set_vars;

    while (v != NULL && !b_slice_ieq(v->name, name)) {
        v = v->next;
    }
    return v;
}

static bool is_op(const rw_planner *p, uint32_t tok, uint16_t op)
{
    return p->t->tok[tok].kind == RW_TOK_OP && p->t->tok[tok].word == op;
}

/* SET @a = 'literal' [, @b = 'literal' …], and nothing else. */
static bool take_set(rw_planner *p, const rw_stmt *s)
{
    uint32_t i = s->tok + 1;

    do {
        struct rw_set_var *v = B_NEW(p->arena, struct rw_set_var);

        if (v == NULL) {
            p->nomem = true;
            return false;
        }
        *v = (struct rw_set_var){.next = p->set_vars};
        if (i + 3 > s->end || !variable_name(p, i, &v->name) ||
            (!is_op(p, i + 1, RW_OP_EQ) && !is_op(p, i + 1, RW_OP_ASSIGN)) ||
            p->t->tok[i + 2].kind != RW_TOK_STRING) {
            return false;
        }
        v->value = rw__token_name(p->ctx, p->t, i + 2, p->arena);
        if (v->value.p == NULL) {
            p->nomem = true;
            return false;
        }
        p->set_vars = v;
        i += 4;
    } while (i <= s->end && is_op(p, i - 1, RW_OP_COMMA));
    return i == s->end + 1;
}

void rw__follow_variables(rw_planner *p, const rw_stmt *s)
{
    bool set = s->kind == RW_S_EVAL && p->t->tok[s->tok].word == RW_W_SET;
    bool keeps = s->kind == RW_S_DEALLOCATE || (s->kind == RW_S_PREPARE && !s->immediate);

    if ((!set && !keeps) || (set && !take_set(p, s))) {
        p->set_vars = NULL;
    }
}

/* ---- expressions ------------------------------------------------------------------------------------- */

static bool pure_function(b_slice name)
{
    static const char *const pure[] = {"concat", "concat_ws", "replace", "if",     "ifnull", "coalesce",
                                       "nullif", "lower",     "upper",   "lcase",  "ucase",  "trim",
                                       "ltrim",  "rtrim",     "quote",   "repeat", "left",   "right",
                                       "substr", "substring", "lpad",    "rpad",   "char",   "elt"};

    for (size_t i = 0; i < sizeof(pure) / sizeof(pure[0]); i++) {
        if (b_slice_ieq(name, b_slice_str(pure[i]))) {
            return true;
        }
    }
    return false;
}

/* The same whenever and wherever it is evaluated, as long as no user variable is assigned. */
static bool certain(const rw_planner *p, const rw_expr *e)
{
    for (; e != NULL; e = e->next) {
        bool leaf = e->kind == RW_E_LITERAL || e->kind == RW_E_USERVAR;
        bool call =
            e->kind == RW_E_FUNC && e->name.n == 1 && e->over == NULL && pure_function(e->name.part[0]);

        if (!leaf && !call && e->kind != RW_E_OP) {
            return false;
        }
        if (!leaf && (!rw__deterministic(p, e) || !certain(p, e->kids))) {
            return false;
        }
    }
    return true;
}

static b_slice source_of(const rw_planner *p, const rw_expr *e)
{
    const rw_token *from = &p->t->tok[e->tok], *to = &p->t->tok[e->end - 1];

    return b_slice_of(p->t->sql.p + from->off, to->off + to->len - from->off);
}

static bool in_version_comment(const rw_planner *p, const rw_expr *e)
{
    for (uint32_t i = e->tok; i <= e->end; i++) {
        if ((p->t->tok[i].space_before & (RW_SPACE_OPENED | RW_SPACE_CLOSED)) != 0) {
            return true;
        }
    }
    return false;
}

static void refuse_unknown(rw_planner *p, const char *what, const char *todo)
{
    const rw_migration *m = rw__active_migration(p);

    rw__refuse_as(p, 1235, "42000", "prepare",
                  "straddle: PREPARE or EXECUTE IMMEDIATE of %s, while migration %.*s is in phase %s: %s",
                  what, B_ARG(m->name), rw_phase_name(m->phase), todo);
}

/* The session is to ask the server, or has done so. */
static bool ask(rw_planner *p, const rw_expr *e, b_slice *text)
{
    const rw_answer *a = &p->ctx->answer;
    b_slice source = source_of(p, e);

    if (a->source.p != NULL && b_slice_eq(a->source, source)) {
        *text = a->null ? (b_slice){NULL, 0} : a->value;
        return true;
    }
    p->ask = source;
    refuse_unknown(p, "text that is not a literal, and that the server was not asked for",
                   "write the text as one string");
    return false;
}

bool rw__prepare_source(rw_planner *p, const rw_stmt *s, bool first, b_slice *text)
{
    const struct rw_set_var *v = NULL;
    b_slice name;

    *text = (b_slice){NULL, 0};
    if (s->text_tok != RW_NO_TOK) {
        *text = rw__token_name(p->ctx, p->t, s->text_tok, p->arena);
        p->nomem = p->nomem || text->p == NULL;
        return !p->nomem;
    }
    if (s->text->kind == RW_E_USERVAR && variable_name(p, s->text->tok, &name)) {
        v = find(p, name);
    }
    if (v != NULL) {
        *text = v->value;
        return true;
    }
    if (rw__active_migration(p) == NULL) {
        return true;
    }
    if (!certain(p, s->text) || in_version_comment(p, s->text)) {
        refuse_unknown(p, "text that could be another when it runs than when it is looked at",
                       "put it in a user variable first, or write it as one string");
        return false;
    }
    if (!first) {
        refuse_unknown(p, "text that an earlier statement of the same text may change",
                       "send them one by one");
        return false;
    }
    return ask(p, s->text, text);
}
