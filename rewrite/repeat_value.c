/* Which values of a query hang on nothing but its rows: 'a' and 'A' are one group of most collations, and
 * which of them is shown is the server's choice; 0.1 + 0.2 + 0.3 hangs on the order; LIMIT on it, too. */
#include "functions.h"
#include "repeat.h"

/* ---- columns ---- */

static bool base_tables(const rw__repeat *p, const rw_from *f)
{
    for (; f != NULL; f = f->next) {
        if (f->kind == RW_F_JOIN && base_tables(p, f->left) && base_tables(p, f->right)) continue;
        if (f->kind != RW_F_TABLE || rw__repeat_table(p, &f->table) == NULL) return false;
    }
    return true;
}

static bool called(const rw_from *f, const rw_name *name)
{
    if (name->n == 1) return true;
    b_slice own = f->alias_tok != RW_NO_TOK ? f->alias : f->table.part[f->table.n - 1];
    return b_slice_ieq(own, name->part[name->n - 2]);
}

static void look(const rw__repeat *p, const rw_from *f, const rw_name *name, rw__found *out, unsigned *n)
{
    for (; f != NULL; f = f->next) {
        if (f->kind == RW_F_JOIN) {
            look(p, f->left, name, out, n), look(p, f->right, name, out, n);
            continue;
        }
        const rw_table *t = called(f, name) ? rw__repeat_table(p, &f->table) : NULL;
        const rw_column *c = t == NULL ? NULL : rw_table_column(t, name->part[name->n - 1]);
        if (c == NULL) continue;
        *out = (rw__found){f, c};
        ++*n;
    }
}

rw__found rw__repeat_column(const rw__repeat *p, const rw_from *from, const rw_name *name)
{
    rw__found found = {0};
    unsigned n = 0;
    if (name->n > 0 && base_tables(p, from)) look(p, from, name, &found, &n);
    return n == 1 ? found : (rw__found){0};
}

/* ---- exact values ---- */

static bool type_is(b_slice type, const char *const *names, size_t n)
{
    size_t end = 0;
    while (end < type.n && b_lower(type.p[end]) >= 'a' && b_lower(type.p[end]) <= 'z') end++;
    for (size_t i = 0; i < n; i++)
        if (b_slice_ieq(b_slice_of(type.p, end), b_slice_str(names[i]))) return true;
    return false;
}

static bool exact_type(b_slice type, bool number)
{
    static const char *const numbers[] = {"tinyint", "smallint", "mediumint", "int", "bigint", "decimal"};
    static const char *const dates[] = {"date", "datetime", "timestamp", "time", "year"};
    if (type_is(type, numbers, sizeof numbers / sizeof numbers[0])) return true;
    return !number && type_is(type, dates, sizeof dates / sizeof dates[0]);
}

/* Is it read through an expression in some phase? */
static bool changes(const rw__repeat *p, b_slice name)
{
    for (size_t i = 0; i < rw_ruleset_size(p->rules); i++) {
        const rw_migration *m = rw_ruleset_at(p->rules, i);
        for (size_t k = 0; k < m->npairs; k++) {
            const rw_pair *pair = &m->pairs[k];
            bool named = b_slice_ieq(pair->from, name) || b_slice_ieq(pair->to, name);
            if (named && pair->forms != NULL) return true;
        }
    }
    return false;
}

static bool integer(const rw__repeat *p, const rw_expr *e)
{
    if (e->end != e->tok + 1 || p->t->tok[e->tok].kind != RW_TOK_NUMBER) return false;
    b_slice text = rw__token_text(p->t, e->tok);
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < '0' || text.p[i] > '9') return false;
    return true;
}

static bool arithmetic(const rw__repeat *p, const rw_select *s, const rw_expr *e)
{
    switch ((int)e->op) {
    case RW_OP_PLUS:
    case RW_OP_MINUS:
    case RW_OP_STAR: break;
    default: return false;
    }
    for (const rw_expr *k = e->kids; k != NULL; k = k->next)
        if (!rw__exact(p, s, k, true)) return false;
    return true;
}

bool rw__exact(const rw__repeat *p, const rw_select *s, const rw_expr *e, bool number)
{
    if (e->kind == RW_E_LITERAL) return integer(p, e);
    if (e->kind == RW_E_OP) return arithmetic(p, s, e);
    if (e->kind != RW_E_COLUMN || s == NULL) return false;
    const rw_column *c = rw__repeat_column(p, s->from, &e->name).column;
    return c != NULL && exact_type(c->type, number) && !changes(p, c->name);
}

/* ---- aggregates ---- */

/* Does every column in it belong to this select? One of a query around it would make the aggregate that
 * query's. */
static bool own(const rw__repeat *p, const rw_select *s, const rw_expr *e)
{
    for (; e != NULL; e = e->next) {
        if (e->kind == RW_E_SUBQUERY) return false;
        if (e->kind == RW_E_COLUMN && rw__repeat_column(p, s->from, &e->name).column == NULL) return false;
        if (!own(p, s, e->kids)) return false;
    }
    return true;
}

bool rw__repeat_aggregate(rw__repeat *p, const rw_select *s, const rw_expr *e)
{
    static const char why[] = "an aggregate that hangs on the order of its rows, or on which of equal values";
    static const char *const of_numbers[] = {"sum", "avg", "bit_and", "bit_or", "bit_xor"};
    b_slice name = e->name.part[0];
    if (s == NULL) return rw__unrepeatable(p, why);
    if (b_slice_ieq(name, B_LIT("count")))
        return p->depth == 0 || own(p, s, e->kids) || rw__unrepeatable(p, why);
    bool number = false, known = b_slice_ieq(name, B_LIT("min")) || b_slice_ieq(name, B_LIT("max"));
    for (size_t i = 0; i < sizeof of_numbers / sizeof of_numbers[0] && !known; i++)
        number = known = b_slice_ieq(name, b_slice_str(of_numbers[i]));
    bool one = e->kids != NULL && e->kids->next == NULL && own(p, s, e->kids);
    return (known && one && rw__exact(p, s, e->kids, number)) || rw__unrepeatable(p, why);
}

bool rw__aggregate_in(const rw_expr *e)
{
    for (; e != NULL; e = e->next)
        if (rw__is_aggregate(e) || rw__aggregate_in(e->kids)) return true;
    return false;
}

bool rw__aggregates(const rw_select *s)
{
    for (const rw_item *i = s->items; i != NULL; i = i->next)
        if (rw__aggregate_in(i->expr)) return true;
    return s->having != NULL && rw__aggregate_in(s->having);
}

/* ---- groups ---- */

static bool grouped_by(const rw__repeat *p, const rw_select *s, const rw_name *name)
{
    rw__found at = rw__repeat_column(p, s->from, name);
    for (const rw_order *o = s->group; o != NULL && at.column != NULL; o = o->next) {
        rw__found by = rw__repeat_column(p, s->from, &o->expr->name);
        if (by.from == at.from && by.column == at.column) return true;
    }
    return false;
}

static bool is_alias(const rw_select *s, const rw_name *name)
{
    for (const rw_item *i = s->items; i != NULL; i = i->next)
        if (name->n == 1 && i->alias_tok != RW_NO_TOK && b_slice_ieq(i->alias, name->part[0])) return true;
    return false;
}

/* Made of the columns of GROUP BY, aggregates and constants alone; HAVING: of aliases of such, too. */
static bool of_group(const rw__repeat *p, const rw_select *s, const rw_expr *e, bool having)
{
    for (; e != NULL; e = e->next) {
        if (rw__is_aggregate(e)) continue;
        if (e->kind == RW_E_STAR || e->kind == RW_E_SUBQUERY) return false;
        if (e->kind == RW_E_COLUMN && !grouped_by(p, s, &e->name) &&
            !(having && is_alias(s, &e->name) && base_tables(p, s->from) &&
              rw__repeat_column(p, s->from, &e->name).column == NULL))
            return false;
        if (!of_group(p, s, e->kids, having)) return false;
    }
    return true;
}

static bool distinct(rw__repeat *p, const rw_select *s)
{
    for (const rw_item *i = s->items; i != NULL; i = i->next)
        if (s->group != NULL || !rw__exact(p, s, i->expr, false))
            return rw__unrepeatable(p, "DISTINCT of values that may be equal and not the same");
    return true;
}

bool rw__repeat_groups(rw__repeat *p, const rw_select *s)
{
    static const char why[] = "GROUP BY or an aggregate beside values that may differ within a group";
    if (s->distinct && !distinct(p, s)) return false;
    if (s->rollup) return rw__unrepeatable(p, "WITH ROLLUP");
    if (s->group == NULL && !rw__aggregates(s)) return true;
    for (const rw_order *o = s->group; o != NULL; o = o->next)
        if (o->expr->kind != RW_E_COLUMN || !rw__exact(p, s, o->expr, false)) return rw__unrepeatable(p, why);
    for (const rw_item *i = s->items; i != NULL; i = i->next)
        if (!of_group(p, s, i->expr, false)) return rw__unrepeatable(p, why);
    return s->having == NULL || of_group(p, s, s->having, true) || rw__unrepeatable(p, why);
}

/* ---- order ---- */

static rw_given given(const rw__repeat *p, const rw_expr *e)
{
    size_t i = 0;
    for (uint32_t k = 0; k < e->tok; k++) i += p->t->tok[k].kind == RW_TOK_PARAM;
    return i < p->ngiven ? p->given[i] : RW_GIVEN_OTHER;
}

/* NULL is equal to no key at all. */
static bool number_given(const rw__repeat *p, const rw_expr *e, const rw_column *key)
{
    switch (given(p, e)) {
    case RW_GIVEN_INTEGER:
    case RW_GIVEN_NULL: return true;
    case RW_GIVEN_DIGITS: return !b_slice_istarts(key->type, B_LIT("decimal"));
    case RW_GIVEN_OTHER: break;
    }
    return false;
}

/* Digits alone, as a number or, for a whole one, as a string: few enough to be exact as a double, too. */
static bool number_constant(const rw__repeat *p, const rw_expr *e, const rw_column *key)
{
    if (e->kind == RW_E_PARAM) return number_given(p, e, key);
    if (e->kind != RW_E_LITERAL || e->end != e->tok + 1) return false;
    if (integer(p, e)) return true;
    b_slice text = rw__token_text(p->t, e->tok);
    if (b_slice_istarts(key->type, B_LIT("decimal"))) return false;
    if (p->t->tok[e->tok].kind != RW_TOK_STRING || text.n < 3 || text.n > 17) return false;
    for (size_t i = 1; i + 1 < text.n; i++)
        if (text.p[i] < '0' || text.p[i] > '9') return false;
    return true;
}

/* column = constant, either way round, for a key column that holds numbers. */
static bool fixes(const rw__repeat *p, const rw_from *f, const rw_expr *e, const rw_column *key)
{
    if (e->kind != RW_E_OP || e->op != RW_OP_EQ || e->kids == NULL || e->kids->next == NULL) return false;
    const rw_expr *a = e->kids, *b = a->next;
    if (b->next != NULL || !exact_type(key->type, true)) return false;
    if (a->kind != RW_E_COLUMN) a = b, b = e->kids;
    return a->kind == RW_E_COLUMN && rw__repeat_column(p, f, &a->name).column == key &&
           number_constant(p, b, key);
}

static bool where_fixes(const rw__repeat *p, const rw_from *f, const rw_expr *e, const rw_column *key)
{
    if (e == NULL) return false;
    if (fixes(p, f, e, key)) return true;
    if (e->kind != RW_E_OP || (e->op != RW_W_AND && e->op != RW_OP_AND_AMPS)) return false;
    for (const rw_expr *k = e->kids; k != NULL; k = k->next)
        if (where_fixes(p, f, k, key)) return true;
    return false;
}

/* An alias comes before the columns in ORDER BY. */
static bool hidden(const rw_select *s, const rw_name *name)
{
    for (const rw_item *i = s->items; i != NULL; i = i->next) {
        bool same = i->alias_tok != RW_NO_TOK && b_slice_ieq(i->alias, name->part[0]);
        if (name->n == 1 && same) return true;
    }
    return false;
}

static bool orders_by(const rw__repeat *p, const rw_query *q, const rw_column *key)
{
    for (const rw_order *o = q->order; o != NULL; o = o->next)
        if (o->expr->kind == RW_E_COLUMN && !hidden(q->select, &o->expr->name) &&
            rw__repeat_column(p, q->select->from, &o->expr->name).column == key)
            return true;
    return false;
}

bool rw__repeat_ordered(const rw__repeat *p, const rw_query *q)
{
    const rw_select *s = q->select;
    if (s == NULL || s->distinct || s->group != NULL) return false;
    if (rw__aggregates(s)) return true; /* one row */
    const rw_from *f = s->from;
    const rw_table *t =
        f != NULL && f->next == NULL && f->kind == RW_F_TABLE ? rw__repeat_table(p, &f->table) : NULL;
    bool keyed = false;
    for (size_t i = 0; t != NULL && i < t->ncolumns; i++) {
        if (!t->columns[i].primary_key) continue;
        keyed = true;
        if (!where_fixes(p, f, s->where, &t->columns[i]) && !orders_by(p, q, &t->columns[i])) return false;
    }
    return keyed;
}
