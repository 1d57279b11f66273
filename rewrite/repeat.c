/* See rewrite/shadow.h. The tree is walked once; the first thing that cannot be shown to repeat ends it. */
#include "repeat.h"

#include "functions.h"
#include "parser.h"
#include "resolve.h"

bool rw__unrepeatable(rw__repeat *p, const char *why)
{
    if (p->why == NULL) p->why = why;
    return false;
}

static bool query(rw__repeat *p, const rw_query *q, bool top);

/* ---- expressions ---- */

static bool exprs(rw__repeat *p, const rw_select *s, const rw_expr *e);

static bool function(rw__repeat *p, const rw_select *s, const rw_expr *e)
{
    unsigned bits = rw__function_of(e);
    if (e->over != NULL) return rw__unrepeatable(p, "a window function");
    if (!exprs(p, s, e->kids)) return false;
    if (bits & RW_FN_AGGREGATE) return rw__repeat_aggregate(p, s, e);
    if (bits & RW_FN_STEADY) return true;
    return rw__unrepeatable(p, "a function that is not known to give the same again");
}

static bool expr(rw__repeat *p, const rw_select *s, const rw_expr *e)
{
    switch (e->kind) {
    case RW_E_LITERAL:
    case RW_E_COLUMN:
    case RW_E_STAR: return true;
    case RW_E_FUNC: return function(p, s, e);
    case RW_E_OP:
        if (rw__names_sequence(p->t, e)) return rw__unrepeatable(p, "a sequence");
        return exprs(p, s, e->kids);
    case RW_E_SUBQUERY: return query(p, e->query, false);
    case RW_E_USERVAR:
    case RW_E_SYSVAR:
    case RW_E_ASSIGN: return rw__unrepeatable(p, "a variable");
    case RW_E_PARAM: return p->ctx->prepared || rw__unrepeatable(p, "a placeholder");
    case RW_E_MATCH: return rw__unrepeatable(p, "MATCH");
    case RW_E_DEFAULT:
    case RW_E_DEFAULT_OF:
    case RW_E_VALUES_OF: break;
    }
    return rw__unrepeatable(p, "DEFAULT or VALUES as a value");
}

static bool exprs(rw__repeat *p, const rw_select *s, const rw_expr *e)
{
    for (; e != NULL; e = e->next)
        if (!expr(p, s, e)) return false;
    return true;
}

/* An aggregate that stands in ORDER BY alone makes one group of all rows. */
static bool orders(rw__repeat *p, const rw_select *s, const rw_order *o)
{
    for (; o != NULL; o = o->next) {
        if (!expr(p, s, o->expr)) return false;
        bool groups = s == NULL || s->group != NULL || rw__aggregates(s);
        if (!groups && rw__aggregate_in(o->expr)) return rw__unrepeatable(p, "an aggregate in ORDER BY");
    }
    return true;
}

/* ---- FROM ---- */

static bool system_schema(b_slice name)
{
    static const char *const schemas[] = {"information_schema", "performance_schema", "sys", "mysql",
                                          "straddle"};
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++)
        if (b_slice_ieq(name, b_slice_str(schemas[i]))) return true;
    return false;
}

static bool is_cte(const rw__repeat *p, const rw_name *name)
{
    for (const rw_name_list *l = p->ctes; l != NULL; l = l->next)
        if (name->n == 1 && b_slice_ieq(l->name.part[0], name->part[0])) return true;
    return false;
}

static b_slice schema_of(const rw__repeat *p, const rw_name *name)
{
    return name->n > 1 ? name->part[name->n - 2] : p->ctx->schema;
}

const rw_table *rw__repeat_table(const rw__repeat *p, const rw_name *name)
{
    if (name->n == 0 || is_cte(p, name)) return NULL;
    const rw_table *t = rw_catalog_find(p->catalog, schema_of(p, name), name->part[name->n - 1]);
    return t == NULL || t->is_view ? NULL : t;
}

static bool note_table(rw__repeat *p, const rw_table *t)
{
    if (p->ntables == p->room) {
        p->room = p->room * 2 + 8;
        rw_table_name *more = b_arena_regrow(p->arena, p->tables, p->ntables, p->room, sizeof *more);
        if (more == NULL) {
            p->nomem = true;
            return rw__unrepeatable(p, "out of memory");
        }
        p->tables = more;
    }
    p->tables[p->ntables++] = (rw_table_name){t->schema, t->name};
    return true;
}

static bool table(rw__repeat *p, const rw_from *f)
{
    if (f->for_system_time) return rw__unrepeatable(p, "FOR SYSTEM_TIME");
    if (is_cte(p, &f->table)) return true;
    const rw_table *t = rw__repeat_table(p, &f->table);
    if (t == NULL || system_schema(t->schema))
        return rw__unrepeatable(p, "a view, or a table that is not known");
    return note_table(p, t);
}

static bool from(rw__repeat *p, const rw_select *s, const rw_from *f)
{
    for (; f != NULL; f = f->next) {
        bool fine = false;
        switch (f->kind) {
        case RW_F_DUAL: fine = true; break;
        case RW_F_TABLE: fine = table(p, f); break;
        case RW_F_DERIVED: fine = query(p, f->query, false); break;
        case RW_F_JSON_TABLE: rw__unrepeatable(p, "JSON_TABLE"); break;
        case RW_F_JOIN: fine = from(p, s, f->left) && from(p, s, f->right) && exprs(p, s, f->exprs); break;
        }
        if (!fine) return false;
    }
    return true;
}

/* ---- queries ---- */

static bool select_(rw__repeat *p, const rw_select *s)
{
    if (s->is_values || s->is_table) return rw__unrepeatable(p, "VALUES or TABLE in the place of SELECT");
    if (s->windows != NULL || s->qualify != NULL) return rw__unrepeatable(p, "a window function");
    if (!from(p, s, s->from)) return false;
    for (const rw_item *i = s->items; i != NULL; i = i->next)
        if (!expr(p, s, i->expr)) return false;
    if (s->where != NULL && !expr(p, s, s->where)) return false;
    if (s->having != NULL && !expr(p, s, s->having)) return false;
    if (!orders(p, s, s->group)) return false;
    return (!s->distinct && s->group == NULL && !rw__aggregates(s)) || rw__repeat_groups(p, s);
}

/* A name of WITH that a table has, too, may mean either, by where it stands. */
static bool note_cte(rw__repeat *p, const rw_cte *c)
{
    rw_name_list *l = b_arena_alloc(p->arena, sizeof *l);
    if (l == NULL) {
        p->nomem = true;
        return rw__unrepeatable(p, "out of memory");
    }
    if (rw_catalog_find(p->catalog, p->ctx->schema, c->name) != NULL)
        return rw__unrepeatable(p, "a WITH that hides a table");
    *l = (rw_name_list){.name = {.part = {c->name}, .n = 1}, .next = (rw_name_list *)p->ctes};
    p->ctes = l;
    return true;
}

static bool clauses(rw__repeat *p, const rw_query *q)
{
    if (q->into || q->into_outfile || q->into_vars != NULL) return rw__unrepeatable(p, "INTO");
    if (q->locking) return rw__unrepeatable(p, "a lock on rows");
    if (q->procedure) return rw__unrepeatable(p, "PROCEDURE");
    if (q->recursive) return rw__unrepeatable(p, "WITH RECURSIVE");
    for (const rw_cte *c = q->ctes; c != NULL; c = c->next)
        if (!query(p, c->query, false) || !note_cte(p, c)) return false;
    return true;
}

static bool body(rw__repeat *p, const rw_query *q)
{
    if (q->select != NULL) return select_(p, q->select);
    if (q->inner != NULL) return query(p, q->inner, false);
    if (q->left == NULL || q->right == NULL) return rw__unrepeatable(p, "a query that is not understood");
    if (q->set_op != RW_W_UNION || !q->set_all)
        return rw__unrepeatable(p, "UNION, EXCEPT or INTERSECT that leaves rows out");
    return query(p, q->left, false) && query(p, q->right, false);
}

static bool query(rw__repeat *p, const rw_query *q, bool top)
{
    if (!top) p->depth++;
    bool fine = clauses(p, q) && body(p, q) && orders(p, q->select, q->order);
    if (!top) p->depth--;
    if (fine && q->limit != NULL && !(top && rw__repeat_ordered(p, q)))
        return rw__unrepeatable(p, "LIMIT without an order by the primary key");
    for (const rw_expr *e = q->limit; fine && e != NULL; e = e->next)
        fine = e->kind == RW_E_LITERAL || (e->kind == RW_E_PARAM && p->ctx->prepared) ||
               rw__unrepeatable(p, "LIMIT of no constant");
    return fine;
}

/* ---- statements ---- */

/* What stands in the tokens and not in the tree. */
static bool tokens(rw__repeat *p)
{
    if (p->t->hints) return rw__unrepeatable(p, "an optimizer hint");
    for (uint32_t i = 0; i < p->t->n; i++) {
        if (p->t->tok[i].kind != RW_TOK_IDENT) continue;
        switch (p->t->tok[i].word) {
        case RW_W_SQL_CALC_FOUND_ROWS: return rw__unrepeatable(p, "SQL_CALC_FOUND_ROWS");
        case RW_W_EXAMINED:
        case RW_W_TIES:
        case RW_W_MAX_STATEMENT_TIME: return rw__unrepeatable(p, "a limit of its own");
        default: break;
        }
    }
    return true;
}

static bool statement(rw__repeat *p, const rw_stmt *st)
{
    if (p->ctx->sql_mode & RW_MODE_ORACLE) return rw__unrepeatable(p, "sql_mode ORACLE");
    if (st == NULL || st->next != NULL) return rw__unrepeatable(p, "several statements");
    if (st->kind != RW_S_QUERY) return rw__unrepeatable(p, "no SELECT");
    return tokens(p) && query(p, st->query, true);
}

b_status rw_repeatable(const rw_ruleset *r, const rw_ctx *ctx, b_slice sql, const rw_given *given,
                       size_t ngiven, b_arena *arena, rw_repeat *out)
{
    rw_tokens t;
    rw_stmt *st = NULL;
    rw_parse_error ignored = {0};
    rw_catalog *c = rw_ruleset_catalog(r);
    rw__repeat p = {
        .rules = r, .catalog = c, .ctx = ctx, .t = &t, .given = given, .ngiven = ngiven, .arena = arena};
    *out = (rw_repeat){.skipped = "a statement that is not understood"};
    if (ctx->charset == RW_CHARSET_UNKNOWN) return B_OK;
    b_status s = rw_lex(ctx, rw_catalog_server(c), sql, arena, &t);
    if (s == B_OK) s = rw_parse(ctx, rw_catalog_server(c), &t, arena, &st, &ignored);
    if (s != B_OK) return s == B_NOMEM ? s : B_OK;
    (void)statement(&p, st);
    *out = (rw_repeat){.skipped = p.why,
                       .ordered = p.why == NULL && rw__repeat_ordered(&p, st->query),
                       .tables = p.tables,
                       .ntables = p.ntables};
    return p.nomem ? B_NOMEM : B_OK;
}
