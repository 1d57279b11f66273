/* Column references and the expressions around them.
 *
 * A reference is looked up as the client means it, and what is to be written is looked up among the physical
 * columns: it is left alone, renamed, qualified, or refused, whichever is the first that means the same. */
#include "catview.h"
#include "emit.h"
#include "insert.h"
#include "words.h"

/* ---- one reference ---------------------------------------------------------------------------------- */

static bool same_column(const rw_binding *a, const rw_binding *b)
{
    return b->kind == RW_BIND_COLUMN && a->scope == b->scope && a->source == b->source;
}

static const rw_pair *pair_of(const rw_vcol *col)
{
    return &col->mt->m->pairs[col->pair];
}

static b_slice last_part(const rw_name *name)
{
    return name->part[name->n - 1];
}

/* Is a name of a migrating pair, spelt like this, within reach of scope s? If not, what the name means is
 * nothing that a migration changes. */
static bool in_sight(const rw_scope *s, b_slice name)
{
    for (const rw_scope *at = s; at != NULL; at = at->outer) {
        for (uint32_t i = 0; i < at->nsrc; i++) {
            const rw_source *src = &at->src[i];

            if (src->mt != NULL && rw__pair_named(src->mt, name, NULL, NULL) != NULL) {
                return true;
            }
            for (uint32_t c = 0; c < src->ncols; c++) {
                if (src->cols[c].mt != NULL && b_slice_ieq(src->cols[c].name, name)) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* The migrating table that a message about this name is to speak of. */
static const rw_mtab *table_of(const rw_planner *p, b_slice name)
{
    for (const rw_mtab *mt = p->mtabs; mt != NULL; mt = mt->next) {
        if (rw__pair_named(mt, name, NULL, NULL) != NULL) {
            return mt;
        }
    }
    return p->mtabs;
}

static void refuse_ambiguous(rw_planner *p, const rw_scope *s, const rw_expr *e)
{
    static const char *const mysql[] = {"field list",    "where clause", "on clause",       "group statement",
                                        "having clause", "order clause", "window order by", "field list"};
    static const char *const mariadb[] = {"SELECT", "WHERE",    "ON",       "GROUP BY",
                                          "HAVING", "ORDER BY", "ORDER BY", "SELECT"};
    const char *where = (p->server.flavour == RW_MARIADB ? mariadb : mysql)[s->clause];
    const rw_name *n = &e->name;

    if (n->n > 1) {
        rw__refuse_as(p, 1052, "23000", "ambiguous", "Column '%.*s.%.*s' in %s is ambiguous",
                      B_ARG(n->part[n->n - 2]), B_ARG(last_part(n)), where);
    } else {
        rw__refuse_as(p, 1052, "23000", "ambiguous", "Column '%.*s' in %s is ambiguous", B_ARG(last_part(n)),
                      where);
    }
}

/* In HAVING the server looks at the select list and GROUP BY, then outwards, never at the other columns of
 * the tables: there a name that is only such a column may belong to a query outside. */
static bool reachable_in_having(const rw_scope *s, b_slice name)
{
    if (s->select == NULL) {
        return true;
    }
    for (const rw_order *o = s->select->group; o != NULL; o = o->next) {
        if (o->expr->kind == RW_E_COLUMN && b_slice_ieq(last_part(&o->expr->name), name)) {
            return true;
        }
    }
    for (const rw_item *i = s->select->items; i != NULL; i = i->next) {
        if (i->expr != NULL && i->expr->kind == RW_E_COLUMN && b_slice_ieq(last_part(&i->expr->name), name)) {
            return true;
        }
    }
    return s->outer == NULL;
}

/* With 0, 1 or 2 qualifiers: as the client has it, by the source's name, by schema and name. */
static bool spell(const rw_binding *b, const rw_name *as_written, unsigned way, rw_name *out)
{
    b_slice phys = b->col->phys;

    *out = *as_written;
    if (way == 0) {
        out->part[out->n - 1] = phys;
        return true;
    }
    if (b->source->name.n == 0 || (way == 2 && b->source->schema.n == 0)) {
        return false;
    }
    out->n = way + 1;
    out->part[way] = phys;
    out->part[way - 1] = b->source->name;
    if (way == 2) {
        out->part[0] = b->source->schema;
    }
    return true;
}

static bool alias_named(rw_planner *p, const rw_scope *s, b_slice name)
{
    if (s->select == NULL) {
        return false;
    }
    for (const rw_item *i = s->select->items; i != NULL; i = i->next) {
        if (i->alias_tok != RW_NO_TOK && b_slice_ieq(rw__item_name(p, i), name)) {
            return true;
        }
    }
    return false;
}

static bool right_spelling(rw_planner *p, rw_scope *s, const rw_binding *b, const rw_name *try, bool changed,
                           bool whole)
{
    rw_binding phys = rw__lookup_physical(p, s, try, whole);

    if (!same_column(b, &phys)) {
        return false;
    }
    if (try->n > 1 || !changed) {
        return true;
    }
    if (phys.unsure) {
        return false;
    }
    /* A column and an alias of one name in GROUP BY: the column, but with a warning. */
    return s->clause != RW_C_GROUP || !alias_named(p, s, last_part(try));
}

static void write_name(rw_planner *p, const rw_name *at, const rw_name *name)
{
    rw_edit *edit = rw_edit_replace(p->edits, at->tok, at->end);

    for (uint32_t i = 0; i < name->n; i++) {
        if (i > 0) {
            rw_edit_text(p->edits, edit, B_LIT("."));
        }
        rw_edit_text(p->edits, edit, rw__quoted(p, name->part[i]));
    }
}

static void write_last(rw_planner *p, const rw_name *at, b_slice name)
{
    uint32_t tok = at->part_tok[at->n - 1];

    rw_edit_text(p->edits, rw_edit_replace(p->edits, tok, tok + 1), rw__quoted(p, name));
}

static void refuse_lost(rw_planner *p, b_slice name)
{
    rw__refuse_name(p, table_of(p, name), "name",
                    "column name %.*s, which cannot be told apart from the new column's,", name,
                    "give the tables aliases of their own and qualify the name");
}

static rw_binding lookup_in(rw_planner *p, rw_scope *s, rw_clause clause, const rw_expr *e)
{
    rw_binding b = {.kind = RW_BIND_NONE};
    rw_clause keep = s->clause;

    if (e->kind != RW_E_COLUMN || e->name.n == 0) {
        return b;
    }
    s->clause = clause;
    b = rw__lookup(p, s, &e->name, clause == RW_C_GROUP);
    s->clause = keep;
    return b;
}

/* An ENUM or SET that is read as a text has another order, and no number. */
static void check_list(rw_planner *p, rw_scope *s, const rw_expr *e, const char *what)
{
    rw_binding b = lookup_in(p, s, RW_C_FIELDS, e);

    if (b.kind != RW_BIND_COLUMN || b.col->form == NULL || rw__stop(p)) {
        return;
    }
    if (b.col->new_name ? pair_of(b.col)->forms->to_list : pair_of(b.col)->forms->from_list) {
        rw__refuse_name(
            p, b.col->mt, "transform",
            b_arena_printf(p->arena, "%s of `%%.*s`, an ENUM or SET that is computed as a text here,", what),
            last_part(&e->name), "order by another column, or wait for the next phase");
    }
}

/* One column of a form, spelt so that it is found in the table that the name was bound to. */
static bool put_part(rw_planner *p, rw_scope *s, const rw_expr *e, const rw_binding *b, b_slice column,
                     rw_edit *edit)
{
    rw_vcol col = {.phys = column};
    rw_binding at = *b;
    rw_name bare = {.n = 1, .part = {column}}, name;
    const rw_name *as = e->name.n > 1 ? &e->name : &bare;

    at.col = &col;
    for (unsigned way = 0; way < 3; way++) {
        if (!spell(&at, as, way, &name) || !right_spelling(p, s, &at, &name, true, false)) {
            continue;
        }
        for (uint32_t i = 0; i < name.n; i++) {
            rw_edit_text(p->edits, edit, i > 0 ? B_LIT(".") : B_LIT(""));
            rw_edit_text(p->edits, edit, rw__quoted(p, name.part[i]));
        }
        return true;
    }
    return false;
}

/* A name whose value is derived from the other columns: their expression stands in its place. */
static bool emit_form(rw_planner *p, rw_scope *s, const rw_expr *e, const rw_binding *b)
{
    const rw_form *f = b->col->form;
    b_slice name = last_part(&e->name);
    rw_edit *edit;

    if (b->col->mt == NULL) { /* a form belongs to a table */
        refuse_lost(p, name);
        return false;
    }
    rw__check_zone(p, b->col->mt, pair_of(b->col));
    if (f->n == 0) {
        rw__refuse_name(p, b->col->mt, "one_way", "a read of `%.*s`", name,
                        "the migration has no `down` that makes the old value: read the new name");
    } else if (s->clause == RW_C_HAVING && b->scope == s) {
        rw__refuse_name(p, b->col->mt, "transform", "`%.*s` in HAVING, where it is computed,", name,
                        "select it under an alias and use that");
    } else if (s->clause == RW_C_ORDER || s->clause == RW_C_WINDOW) {
        check_list(p, s, e, "ORDER BY");
    }
    if (rw__stop(p)) {
        return false;
    }
    edit = rw_edit_replace(p->edits, e->name.tok, e->name.end);
    for (uint32_t i = 0; i < f->n; i++) {
        if (!f->parts[i].column) {
            rw_edit_text(p->edits, edit, f->parts[i].text);
        } else if (!put_part(p, s, e, b, f->parts[i].text, edit)) {
            refuse_lost(p, name);
            return false;
        }
    }
    return true;
}

static bool emit_bound(rw_planner *p, rw_scope *s, const rw_expr *e, const rw_binding *b, bool whole)
{
    if (b->col->blind) {
        rw__refuse_name(p, b->col->mt, "transform", "a read of `%.*s` while it is being written",
                        last_part(&e->name), "compute the value first");
        return false;
    }
    if (b->col->form != NULL) {
        return emit_form(p, s, e, b);
    }
    b_slice phys = b->col->phys;
    bool changed = !b_slice_ieq(last_part(&e->name), phys);

    for (unsigned way = 0; way < 3; way++) {
        rw_name name;

        if (!spell(b, &e->name, way, &name) || !right_spelling(p, s, b, &name, changed, whole)) {
            continue;
        }
        if (way > 0) {
            write_name(p, &e->name, &name);
        } else if (changed) {
            write_last(p, &e->name, phys);
        }
        return changed;
    }
    refuse_lost(p, last_part(&e->name));
    return false;
}

/* A whole GROUP BY element that several items of the select list are called: an error, unless all are
 * columns. */
static bool items_clash(const rw_planner *p, const rw_scope *s, const rw_expr *e)
{
    uint32_t named = 0;
    bool other = false;

    if (s->select == NULL || e->name.n > 1) {
        return false;
    }
    for (const rw_item *i = s->select->items; i != NULL; i = i->next) {
        if (b_slice_ieq(rw__item_name(p, i), last_part(&e->name))) {
            named++;
            other = other || i->alias_tok != RW_NO_TOK;
        }
    }
    return named > 1 && other;
}

static bool emit_found(rw_planner *p, rw_scope *s, const rw_expr *e, const rw_binding *b, bool whole)
{
    const rw_vcol *col = b->col;
    b_slice name = last_part(&e->name);

    if (b->second && (b->unsure || (col->mt != NULL && pair_of(col)->disabled))) {
        if (b->unsure) {
            refuse_lost(p, name);
        } else {
            rw__refuse_name(p, col->mt, "disabled", "column %.*s", name,
                            "the other name is switched off by DISABLE; ENABLE the migration's rule, or use "
                            "the name that this client's schema version has");
        }
        return false;
    }
    if (s->clause == RW_C_GROUP && whole && b->scope == s && in_sight(s, name) && items_clash(p, s, e)) {
        refuse_ambiguous(p, s, e);
        return false;
    }
    if (s->clause == RW_C_HAVING && b->scope == s && in_sight(s, name) && !reachable_in_having(s, name)) {
        refuse_lost(p, name);
        return false;
    }
    if (col->mt != NULL) {
        for (rw_mtab *mt = p->mtabs; mt != NULL; mt = mt->next) {
            if (mt == col->mt) {
                rw__note_use(mt, col->pair, col->new_name, false);
            }
        }
    }
    /* A table that stands as a derived one shows its own spelling of the name, not the client's. */
    bool respelt = b->source->table == NULL && col->mt != NULL && !b_slice_eq(col->name, name);
    return emit_bound(p, s, e, b, whole) || respelt;
}

/* ---- aliases ---------------------------------------------------------------------------------------- */

/* The position of an item in the result, counted from 1; 0 where a `*` before it has an unknown width. */
static uint32_t ordinal_of(rw_planner *p, rw_scope *s, const rw_item *item)
{
    uint32_t n = 1;
    rw_mode mode = {.counted = false};

    for (const rw_item *i = s->select->items; i != NULL && i != item; i = i->next) {
        uint32_t width = 1;

        if (i->expr->kind == RW_E_STAR && !rw__star_width(p, s, i->expr, mode, &width)) {
            return 0;
        }
        n += width;
    }
    return n;
}

/* Does the expression hold a name that a migration changes? */
static bool has_candidate(const rw_planner *p, const rw_expr *e)
{
    if (e->kind == RW_E_COLUMN && rw__is_candidate(p, last_part(&e->name))) {
        return true;
    }
    for (const rw_expr *k = e->kids; k != NULL; k = k->next) {
        if (has_candidate(p, k)) {
            return true;
        }
    }
    return false;
}

/* The same value at every place of the select in which it stands. */
static bool repeatable(const rw_planner *p, const rw_expr *e)
{
    if (e->over != NULL || rw__has_subquery(e->kids)) {
        return false;
    }
    if (!rw__is_aggregate(e)) {
        return rw__deterministic(p, e);
    }
    if (p->server.flavour == RW_MARIADB) {
        return false; /* error 1247 there: an alias of an aggregate within an expression */
    }
    for (const rw_expr *k = e->kids; k != NULL; k = k->next) {
        if (k->kind != RW_E_STAR && !rw__deterministic(p, k)) {
            return false;
        }
    }
    return true;
}

/* May the item's expression be written in the place of its alias? In HAVING its names would be looked up
 * another way. Under GROUP BY or DISTINCT the server wants the alias itself, or answers 1055. */
static bool may_copy(const rw_planner *p, const rw_scope *s, const rw_item *item)
{
    if (s->clause == RW_C_HAVING && has_candidate(p, item->expr)) {
        return false;
    }
    if (s->select->distinct || (s->select->group != NULL && !rw__is_aggregate(item->expr))) {
        return false;
    }
    return repeatable(p, item->expr);
}

/* A name that is both an alias and another column in GROUP BY is the column in HAVING. Does the rewriting of
 * GROUP BY make or break such a case? */
static bool grouped_apart(rw_planner *p, rw_scope *s, const rw_item *item, b_slice name)
{
    rw_binding own = lookup_in(p, s, RW_C_FIELDS, item->expr);
    bool before = false, after = false;

    for (const rw_order *o = s->select->group; o != NULL; o = o->next) {
        rw_binding b = lookup_in(p, s, RW_C_GROUP, o->expr);

        if (b.kind != RW_BIND_COLUMN || !rw__is_candidate(p, last_part(&o->expr->name))) {
            continue;
        }
        if (own.kind == RW_BIND_COLUMN && own.source == b.source && b_slice_ieq(own.col->phys, b.col->phys)) {
            continue;
        }
        before = before || b_slice_ieq(last_part(&o->expr->name), name);
        after = after || b_slice_ieq(b.col->phys, name);
    }
    return before != after;
}

/* An alias of the select list that the physical columns would now hide. */
static void emit_alias(rw_planner *p, rw_scope *s, const rw_expr *e, const rw_binding *b, bool whole)
{
    rw_binding phys = rw__lookup_physical(p, s, &e->name, whole);
    b_slice name = last_part(&e->name);
    rw_edit *edit;

    if (!in_sight(s, name)) {
        return;
    }
    if (s->clause == RW_C_ORDER && b->scope == s) {
        check_list(p, s, b->item->expr, "ORDER BY");
    }
    if (phys.kind == RW_BIND_ALIAS && phys.scope == b->scope && phys.item == b->item) {
        if (s->clause == RW_C_HAVING && b->scope == s && grouped_apart(p, s, b->item, name)) {
            refuse_lost(p, name);
        }
        return;
    }
    if (b->scope == s && !b->unsure && whole && s->clause == RW_C_GROUP) {
        uint32_t n = ordinal_of(p, s, b->item);

        if (n > 0) {
            char *text = b_arena_printf(p->arena, "%u", n);

            edit = rw_edit_replace(p->edits, e->tok, e->end);
            rw_edit_text(p->edits, edit, b_slice_str(text));
            return;
        }
    }
    if (b->scope == s && !b->unsure && may_copy(p, s, b->item)) {
        edit = rw_edit_replace(p->edits, e->tok, e->end);
        rw_edit_text(p->edits, edit, B_LIT("("));
        rw__render_expr(p, s, RW_C_FIELDS, b->item->expr, edit);
        rw_edit_text(p->edits, edit, B_LIT(")"));
        return;
    }
    refuse_lost(p, name);
}

/* ---- the reference as a whole ----------------------------------------------------------------------- */

/* Is one of the columns that the name may mean there one of a migrating table's? */
static bool pair_involved(const rw_planner *p, const rw_binding *b, const rw_name *name)
{
    const rw_scope *s = b->scope;

    for (uint32_t i = s->lo; i < s->nsrc && i < s->hi; i++) {
        for (uint32_t c = 0; c < s->src[i].ncols; c++) {
            const rw_vcol *col = &s->src[i].cols[c];

            if (col->mt != NULL && col->first != b->second && b_slice_ieq(col->name, last_part(name)) &&
                rw__source_matches(p, &s->src[i], name)) {
                return true;
            }
        }
    }
    return false;
}

/* The server answers for itself where only other tables are involved, and nothing hides them now. */
static void emit_ambiguous(rw_planner *p, rw_scope *s, const rw_expr *e, const rw_binding *b, bool whole)
{
    rw_binding phys = rw__lookup_physical(p, s, &e->name, whole);
    bool ours = pair_involved(p, b, &e->name);

    if (!ours &&
        (!in_sight(s, last_part(&e->name)) || (phys.kind == RW_BIND_AMBIGUOUS && phys.scope == b->scope))) {
        return;
    }
    refuse_ambiguous(p, s, e);
}

/* `.a`: no server takes it, and it is not to become right here. */
static bool starts_with_dot(const rw_planner *p, const rw_name *name)
{
    const rw_token *t = &p->t->tok[name->tok];

    return name->n == 1 && t->kind == RW_TOK_OP && t->word == RW_OP_DOT;
}

bool rw__emit_column(rw_planner *p, rw_scope *s, const rw_expr *e, bool whole)
{
    rw_binding b;
    b_slice name;

    if (rw__stop(p) || e->name.n == 0) {
        return false;
    }
    name = last_part(&e->name);
    if (!rw__is_candidate(p, name) || starts_with_dot(p, &e->name)) {
        rw__catview_unqualify(p, s, e);
        return false;
    }
    b = rw__lookup(p, s, &e->name, whole);
    rw__trace_name(p, &e->name, &b);
    switch (b.kind) {
    case RW_BIND_NONE:
        if (rw__lookup_physical(p, s, &e->name, whole).kind != RW_BIND_NONE) {
            refuse_lost(p, name);
        }
        return false;
    case RW_BIND_MAYBE:
        /* Qualified, and the table with unknown columns is the one named: nothing of ours. */
        if (e->name.n == 1 && in_sight(s, name)) {
            rw__refuse_name(p, table_of(p, name), "unknown_table",
                            "column name %.*s beside a table whose columns are not known", name,
                            "qualify the name with its table");
        }
        return false;
    case RW_BIND_AMBIGUOUS: emit_ambiguous(p, s, e, &b, whole); return false;
    case RW_BIND_ALIAS: emit_alias(p, s, e, &b, whole); return false;
    case RW_BIND_COLUMN: return emit_found(p, s, e, &b, whole);
    }
    return false;
}

/* ---- expressions ------------------------------------------------------------------------------------ */

bool rw__is_aggregate(const rw_expr *e)
{
    static const char *const names[] = {"avg",        "bit_and",      "bit_or",        "bit_xor",
                                        "count",      "group_concat", "json_arrayagg", "json_objectagg",
                                        "max",        "min",          "std",           "stddev",
                                        "stddev_pop", "stddev_samp",  "sum",           "var_pop",
                                        "var_samp",   "variance",     "st_collect"};

    if (e->kind != RW_E_FUNC || e->name.n != 1 || e->over != NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (b_slice_ieq(e->name.part[0], b_slice_str(names[i]))) {
            return true;
        }
    }
    return false;
}

static void walk(rw_planner *p, rw_scope *s, const rw_expr *e);

static void walk_list(rw_planner *p, rw_scope *s, const rw_expr *list)
{
    for (const rw_expr *e = list; e != NULL && !rw__stop(p); e = e->next) {
        walk(p, s, e);
    }
}

static void walk_as(rw_planner *p, rw_scope *s, rw_clause clause, const rw_expr *list)
{
    rw_clause keep = s->clause;

    s->clause = clause;
    walk_list(p, s, list);
    s->clause = keep;
}

static void walk_subquery(rw_planner *p, rw_scope *s, const rw_expr *e)
{
    rw_mode mode = {.counted = true};
    const rw_token *t = p->t->tok;

    for (uint32_t i = e->tok; i <= e->query->tok && i <= e->tok + 1; i++) {
        mode.exists = mode.exists || (t[i].kind == RW_TOK_IDENT && t[i].word == RW_W_EXISTS);
    }
    if (e->tok > 0 && t[e->tok - 1].kind == RW_TOK_IDENT && t[e->tok - 1].word == RW_W_EXISTS) {
        mode.exists = true;
    }
    (void)rw__emit_query_as(p, s, e->query, mode, NULL);
}

/* DEFAULT(col): B's own default is not the plain table's from switched until it has been moved to it; A's is,
 * where it is a literal, as long as A is the column that is meant (rw__write_cols). */
static bool default_moved(const rw_vcol *c)
{
    const rw_pair *pair = pair_of(c);
    rw_default_kind k = pair->plain.default_kind;

    if (pair->phase == RW_SWITCHED) {
        return !b_slice_eq(c->phys, pair->from) || (k != RW_DEFAULT_LITERAL && k != RW_DEFAULT_NULL);
    }
    return pair->phase == RW_RETIRED && pair->b_default_up;
}

static void walk_default_of(rw_planner *p, rw_scope *s, const rw_expr *e)
{
    rw_binding b;

    if (e->name.n == 0 || !rw__is_candidate(p, last_part(&e->name))) {
        return;
    }
    b = rw__lookup(p, s, &e->name, false);
    if (b.kind == RW_BIND_COLUMN && b.col->mt != NULL && (b.col->form != NULL || default_moved(b.col))) {
        rw__refuse_name(p, b.col->mt, "default", "DEFAULT(%.*s)", last_part(&e->name),
                        "write the value itself, or wait for the next phase");
        return;
    }
    (void)rw__emit_column(p, s, e, false);
}

/* VALUES(col) of a column whose values change: that which the INSERT names is there to be asked for. */
static bool emit_inserted(rw_planner *p, rw_scope *s, const rw_expr *e)
{
    rw_binding b = e->name.n > 0 && rw__is_candidate(p, last_part(&e->name))
                       ? rw__lookup(p, s, &e->name, false)
                       : (rw_binding){.kind = RW_BIND_NONE};

    if (b.kind != RW_BIND_COLUMN || b.col->mt == NULL ||
        (pair_of(b.col)->forms == NULL && !pair_of(b.col)->a_stale)) {
        return false;
    }
    if (p->insert != NULL && pair_of(b.col)->forms == NULL) { /* B's value is given as A's, unless both are */
        const rw_pair *pair = pair_of(b.col);
        bool both =
            rw__insert_names(p->insert, b.col->pair, true) && rw__insert_names(p->insert, b.col->pair, false);

        rw__note_use(s->src[0].mt, b.col->pair, b.col->new_name, false);
        rw__put_name(p, &e->name, both && b.col->new_name ? pair->to : pair->from);
        return true;
    }
    if (p->insert == NULL || !rw__insert_names(p->insert, b.col->pair, b.col->new_name)) {
        rw__refuse_name(p, b.col->mt, "transform", "VALUES(%.*s) of a column that the INSERT does not name",
                        last_part(&e->name), "name in VALUES() what is named in the list");
        return true;
    }
    rw__note_use(s->src[0].mt, b.col->pair, b.col->new_name, false);
    rw__put_name(p, &e->name, rw__insert_name(b.col->mt, b.col->pair, b.col->new_name));
    return true;
}

/* VALUES(col) speaks of the table that is inserted into, the first of its scope, whatever else is there. */
static void walk_values_of(rw_planner *p, rw_scope *s, const rw_expr *e)
{
    uint32_t lo = s->lo, hi = s->hi;

    s->lo = 0;
    s->hi = 1;
    if (!emit_inserted(p, s, e)) {
        (void)rw__emit_column(p, s, e, false);
    }
    s->lo = lo;
    s->hi = hi;
}

/* MariaDB takes a whole element of a window's ORDER BY for an alias of the select list first, as in the
 * query's own ORDER BY; MySQL for a column, as everywhere else. */
void rw__emit_window(rw_planner *p, rw_scope *s, const rw_window *w)
{
    rw_clause keep = s->clause;
    bool order = false;

    for (const rw_expr *e = w->exprs; e != NULL && !rw__stop(p); e = e->next) {
        order = (order || e == w->order) && e != w->frame;
        if (order && p->server.flavour == RW_MARIADB && e->kind == RW_E_COLUMN) {
            s->clause = RW_C_ORDER;
            (void)rw__emit_column(p, s, e, true);
        } else {
            s->clause = RW_C_WINDOW;
            walk(p, s, e);
        }
    }
    s->clause = keep;
}

static void walk_func(rw_planner *p, rw_scope *s, const rw_expr *e)
{
    bool inside = s->clause == RW_C_HAVING && rw__is_aggregate(e);

    walk_as(p, s, inside ? RW_C_FIELDS : s->clause, e->kids);
    if (e->over != NULL) {
        rw__emit_window(p, s, e->over);
    }
}

static void walk_op(rw_planner *p, rw_scope *s, const rw_expr *e)
{
    bool sum = e->op == RW_OP_PLUS || e->op == RW_OP_MINUS || e->op == RW_OP_STAR || e->op == RW_OP_SLASH ||
               e->op == RW_OP_PERCENT;

    for (const rw_expr *k = e->kids; k != NULL && sum; k = k->next) {
        if (k->kind == RW_E_COLUMN && rw__is_candidate(p, last_part(&k->name))) {
            check_list(p, s, k, "arithmetic");
        }
    }
    walk_list(p, s, e->kids);
}

static void walk(rw_planner *p, rw_scope *s, const rw_expr *e)
{
    switch (e->kind) {
    case RW_E_COLUMN: (void)rw__emit_column(p, s, e, false); return;
    case RW_E_SUBQUERY: walk_subquery(p, s, e); return;
    case RW_E_DEFAULT_OF: walk_default_of(p, s, e); return;
    case RW_E_VALUES_OF: walk_values_of(p, s, e); return;
    case RW_E_FUNC: walk_func(p, s, e); return;
    case RW_E_OP: walk_op(p, s, e); return;
    case RW_E_ASSIGN:
    case RW_E_MATCH: walk_list(p, s, e->kids); return;
    case RW_E_LITERAL:
    case RW_E_PARAM:
    case RW_E_STAR:
    case RW_E_USERVAR:
    case RW_E_SYSVAR:
    case RW_E_DEFAULT: walk_list(p, s, e->kids); return;
    }
}

void rw__emit_exprs(rw_planner *p, rw_scope *s, rw_clause clause, const rw_expr *list)
{
    if (!rw__stop(p)) {
        walk_as(p, s, clause, list);
    }
}

void rw__emit_expr(rw_planner *p, rw_scope *s, rw_clause clause, const rw_expr *e)
{
    rw_clause keep = s->clause;

    if (rw__stop(p) || e == NULL) {
        return;
    }
    s->clause = clause;
    walk(p, s, e);
    s->clause = keep;
}

void rw__emit_order(rw_planner *p, rw_scope *s, rw_clause clause, const rw_order *list)
{
    rw_clause keep = s->clause;

    s->clause = clause;
    for (const rw_order *o = list; o != NULL && !rw__stop(p); o = o->next) {
        if (o->expr->kind == RW_E_COLUMN) {
            (void)rw__emit_column(p, s, o->expr, true);
        } else {
            walk(p, s, o->expr);
        }
    }
    s->clause = keep;
}
