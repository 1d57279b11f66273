/* A compact text of the syntax tree, for tests and for people who ask why a statement was rewritten so.
 *
 * Expressions: names as they are, literals as `#`, placeholders as `?`, a node with kids as (op kids…). */
#include "parser.h"

#include "base/buf.h"
#include "words.h"

typedef struct dumper {
    b_buf *out;
    const rw_tokens *t;
} dumper;

static void query(const dumper *d, const rw_query *q);
static void exprs(const dumper *d, const rw_expr *e);

static void name(const dumper *d, const rw_name *n)
{
    for (uint32_t i = 0; i < n->n; i++) {
        if (i > 0) b_buf_char(d->out, '.');
        b_buf_slice(d->out, n->part[i]);
    }
}

static void names(const dumper *d, const rw_name_list *l)
{
    b_buf_char(d->out, '[');
    for (; l != NULL; l = l->next) {
        name(d, &l->name);
        if (l->next != NULL) b_buf_char(d->out, ' ');
    }
    b_buf_char(d->out, ']');
}

static void window(const dumper *d, const rw_window *w)
{
    b_buf_str(d->out, " over");
    if (w->name_tok != RW_NO_TOK) {
        b_buf_char(d->out, ' ');
        b_buf_slice(d->out, rw__token_text(d->t, w->name_tok));
    }
    b_buf_char(d->out, '(');
    exprs(d, w->exprs);
    b_buf_char(d->out, ')');
}

static const char *kind_text(const rw_expr *e)
{
    switch (e->kind) {
    case RW_E_LITERAL: return "#";
    case RW_E_PARAM: return "?";
    case RW_E_COLUMN: return "";
    case RW_E_STAR: return "";
    case RW_E_FUNC: return "";
    case RW_E_OP: return e->op == RW_OP_LPAREN ? "row" : rw__word_text(e->op);
    case RW_E_SUBQUERY: return "";
    case RW_E_USERVAR: return "@";
    case RW_E_SYSVAR: return "@@";
    case RW_E_ASSIGN: return ":=";
    case RW_E_DEFAULT: return "DEFAULT";
    case RW_E_DEFAULT_OF: return "default";
    case RW_E_VALUES_OF: return "values";
    case RW_E_MATCH: return "match";
    }
    return "";
}

static bool compound(const rw_expr *e)
{
    return e->kids != NULL || e->kind == RW_E_FUNC || e->kind == RW_E_DEFAULT_OF || e->kind == RW_E_VALUES_OF;
}

static void expr(const dumper *d, const rw_expr *e)
{
    if (compound(e)) b_buf_char(d->out, '(');
    b_buf_str(d->out, kind_text(e));
    if (e->kind == RW_E_DEFAULT_OF || e->kind == RW_E_VALUES_OF) b_buf_char(d->out, ' ');
    if (e->kind == RW_E_COLUMN || e->kind == RW_E_FUNC || e->kind == RW_E_DEFAULT_OF ||
        e->kind == RW_E_VALUES_OF)
        name(d, &e->name);
    if (e->kind == RW_E_STAR) {
        name(d, &e->name);
        b_buf_str(d->out, e->name.n > 0 ? ".*" : "*");
    }
    if (e->kind == RW_E_SUBQUERY && e->query != NULL) {
        b_buf_char(d->out, '{');
        query(d, e->query);
        b_buf_char(d->out, '}');
    }
    if (e->kids != NULL) b_buf_char(d->out, ' ');
    exprs(d, e->kids);
    if (e->over != NULL) window(d, e->over);
    if (compound(e)) b_buf_char(d->out, ')');
}

static void exprs(const dumper *d, const rw_expr *e)
{
    for (; e != NULL; e = e->next) {
        expr(d, e);
        if (e->next != NULL) b_buf_char(d->out, ' ');
    }
}

static void clause(const dumper *d, const char *word, const rw_expr *e)
{
    if (e == NULL) return;
    b_buf_printf(d->out, " %s ", word);
    exprs(d, e);
}

static void order(const dumper *d, const char *word, const rw_order *o)
{
    if (o == NULL) return;
    b_buf_printf(d->out, " %s", word);
    for (; o != NULL; o = o->next) {
        b_buf_char(d->out, ' ');
        expr(d, o->expr);
    }
}

static void items(const dumper *d, const rw_item *i)
{
    for (; i != NULL; i = i->next) {
        expr(d, i->expr);
        if (i->alias_tok != RW_NO_TOK) b_buf_printf(d->out, ":%.*s", B_ARG(i->alias));
        if (i->next != NULL) b_buf_char(d->out, ' ');
    }
}

static void table(const dumper *d, const rw_from *f);

static void join(const dumper *d, const rw_from *f)
{
    b_buf_str(d->out, "(");
    table(d, f->left);
    b_buf_str(d->out, f->natural ? " natural" : "");
    b_buf_str(d->out, f->left_outer ? " left" : f->right_outer ? " right" : "");
    b_buf_str(d->out, " join ");
    table(d, f->right);
    clause(d, "on", f->exprs);
    if (f->using_cols != NULL) {
        b_buf_str(d->out, " using ");
        names(d, f->using_cols);
    }
    b_buf_str(d->out, ")");
}

static void table(const dumper *d, const rw_from *f)
{
    switch (f->kind) {
    case RW_F_TABLE: name(d, &f->table); break;
    case RW_F_DERIVED:
        b_buf_str(d->out, f->lateral ? "lateral{" : "{");
        query(d, f->query);
        b_buf_char(d->out, '}');
        break;
    case RW_F_JOIN: join(d, f); break;
    case RW_F_JSON_TABLE:
        b_buf_str(d->out, "json{");
        exprs(d, f->exprs);
        b_buf_char(d->out, '}');
        break;
    case RW_F_DUAL: b_buf_str(d->out, "dual"); break;
    }
    if (f->for_system_time) clause(d, "system_time", f->exprs);
    if (f->alias_tok != RW_NO_TOK) b_buf_printf(d->out, ":%.*s", B_ARG(f->alias));
    if (f->columns != NULL) names(d, f->columns);
}

static void tables(const dumper *d, const char *word, const rw_from *f)
{
    if (f == NULL) return;
    b_buf_printf(d->out, " %s", word);
    for (; f != NULL; f = f->next) {
        b_buf_char(d->out, ' ');
        table(d, f);
    }
}

static void select_body(const dumper *d, const rw_select *s)
{
    if (s->is_table) {
        b_buf_str(d->out, "table ");
        name(d, &s->table);
        return;
    }
    if (s->is_values) {
        b_buf_str(d->out, "values ");
        exprs(d, s->values);
        return;
    }
    b_buf_str(d->out, s->distinct ? "select distinct " : "select ");
    items(d, s->items);
    tables(d, "from", s->from);
    clause(d, "where", s->where);
    order(d, "group", s->group);
    b_buf_str(d->out, s->rollup ? " rollup" : "");
    clause(d, "having", s->having);
    for (const rw_window *w = s->windows; w != NULL; w = w->next) window(d, w);
    clause(d, "qualify", s->qualify);
}

static void with(const dumper *d, const rw_cte *c, bool recursive)
{
    if (c != NULL) b_buf_str(d->out, recursive ? "with recursive " : "with ");
    for (; c != NULL; c = c->next) {
        b_buf_slice(d->out, c->name);
        if (c->columns != NULL) names(d, c->columns);
        b_buf_char(d->out, '{');
        query(d, c->query);
        b_buf_str(d->out, "} ");
    }
}

static void query(const dumper *d, const rw_query *q)
{
    with(d, q->ctes, q->recursive);
    if (q->select != NULL) {
        select_body(d, q->select);
    } else if (q->inner != NULL) {
        b_buf_char(d->out, '{');
        query(d, q->inner);
        b_buf_char(d->out, '}');
    } else if (q->left != NULL) {
        b_buf_char(d->out, '<');
        query(d, q->left);
        b_buf_printf(d->out, " %s%s ", rw__word_text(q->set_op), q->set_all ? " ALL" : "");
        query(d, q->right);
        b_buf_char(d->out, '>');
    }
    order(d, "order", q->order);
    clause(d, "limit", q->limit);
    if (q->into) b_buf_str(d->out, q->into_outfile ? " into file" : " into ");
    if (q->into && !q->into_outfile) names(d, q->into_vars);
    if (q->locking) b_buf_str(d->out, " locking");
    if (q->lock_of != NULL) names(d, q->lock_of);
    if (q->procedure) b_buf_str(d->out, " procedure");
}

static void assigns(const dumper *d, const char *word, const rw_assign *a)
{
    if (a == NULL) return;
    b_buf_printf(d->out, " %s", word);
    for (; a != NULL; a = a->next) {
        b_buf_char(d->out, ' ');
        name(d, &a->col);
        b_buf_char(d->out, '=');
        expr(d, a->value);
    }
}

static void insert(const dumper *d, const rw_stmt *s)
{
    b_buf_char(d->out, ' ');
    name(d, &s->target);
    if (s->has_columns) names(d, s->columns);
    for (const rw_row *r = s->rows; r != NULL; r = r->next) {
        b_buf_str(d->out, " (");
        exprs(d, r->values);
        b_buf_char(d->out, ')');
    }
    assigns(d, "set", s->set);
    if (s->query != NULL) {
        b_buf_char(d->out, ' ');
        query(d, s->query);
    }
    if (s->row_alias_tok != RW_NO_TOK) {
        b_buf_printf(d->out, " as %.*s", B_ARG(s->row_alias));
        if (s->row_alias_columns != NULL) names(d, s->row_alias_columns);
    }
    assigns(d, "dup", s->on_duplicate);
}

static void change(const dumper *d, const rw_stmt *s)
{
    b_buf_str(d->out, s->multi_table ? " multi" : "");
    if (s->targets != NULL) names(d, s->targets);
    tables(d, "from", s->from);
    assigns(d, "set", s->set);
    clause(d, "where", s->where);
    order(d, "order", s->order);
    clause(d, "limit", s->limit);
}

static void named(const dumper *d, const rw_stmt *s)
{
    if (s->tables != NULL) names(d, s->tables);
    if (s->like.n > 0) {
        b_buf_str(d->out, " like ");
        name(d, &s->like);
    }
    if (s->query != NULL) {
        b_buf_str(d->out, " as ");
        query(d, s->query);
    }
}

static const char *kind_name(const rw_stmt *s)
{
    static const char *const kinds[] = {"",        "insert", "update",   "delete",  "load",    "explain",
                                        "tableop", "temp",   "drop",     "prepare", "execute", "deallocate",
                                        "eval",    "set",    "compound", "declare", "other"};
    if (s->replace && s->kind == RW_S_INSERT) {
        return "replace";
    }
    return s->kind == RW_S_CREATE_TABLE && !s->temporary ? "create" : kinds[s->kind];
}

static void statement(const dumper *d, const rw_stmt *s)
{
    with(d, s->ctes, s->recursive);
    b_buf_str(d->out, kind_name(s));
    switch (s->kind) {
    case RW_S_QUERY: query(d, s->query); break;
    case RW_S_INSERT:
    case RW_S_LOAD: insert(d, s); break;
    case RW_S_UPDATE:
    case RW_S_DELETE: change(d, s); break;
    case RW_S_EXPLAIN:
        b_buf_char(d->out, ' ');
        if (s->inner != NULL) statement(d, s->inner);
        break;
    case RW_S_TABLE_OP:
    case RW_S_CREATE_TABLE:
    case RW_S_DROP_TABLE:
        named(d, s);
        if (s->kind == RW_S_TABLE_OP && s->columns != NULL) names(d, s->columns);
        break;
    case RW_S_EVAL: {
        b_buf_char(d->out, ' ');
        exprs(d, s->exprs);
        break;
    }
    case RW_S_SET_FOR:
        names(d, s->columns);
        b_buf_char(d->out, ' ');
        if (s->inner != NULL) statement(d, s->inner);
        break;
    case RW_S_PREPARE: b_buf_str(d->out, s->from_var ? " var" : " text"); break;
    case RW_S_EXECUTE:
    case RW_S_DEALLOCATE:
        b_buf_char(d->out, ' ');
        name(d, &s->like);
        if (s->exprs != NULL) b_buf_str(d->out, " using ");
        exprs(d, s->exprs);
        break;
    case RW_S_COMPOUND:
        b_buf_char(d->out, '{');
        for (const rw_stmt *i = s->inner; i != NULL; i = i->next) {
            statement(d, i);
            if (i->next != NULL) b_buf_str(d->out, "; ");
        }
        b_buf_char(d->out, '}');
        break;
    case RW_S_DECLARE:
        names(d, s->columns);
        b_buf_char(d->out, ' ');
        exprs(d, s->exprs);
        break;
    case RW_S_OTHER: b_buf_printf(d->out, " %.*s", B_ARG(s->head)); break;
    }
    if (s->returning != NULL) {
        b_buf_str(d->out, " returning ");
        items(d, s->returning);
    }
}

void rw_dump(const rw_tokens *t, const rw_stmt *s, b_buf *out)
{
    dumper d = {out, t};
    for (; s != NULL; s = s->next) {
        statement(&d, s);
        if (s->next != NULL) b_buf_str(out, "; ");
    }
}
