/* References to columns.
 *
 * A reference is looked up as the client means it, and what is to be written is looked up among the physical
 * columns: it is left alone, renamed, qualified, or refused, whichever is the first that means the same. */
#include "catview.h"
#include "emit_name.h"

static bool same_column(const rw_binding *a, const rw_binding *b)
{
    return b->kind == RW_BIND_COLUMN && a->scope == b->scope && a->source == b->source;
}

bool rw__in_sight(const rw_scope *s, b_slice name)
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
                      B_ARG(n->part[n->n - 2]), B_ARG(rw__last_part(n)), where);
    } else {
        rw__refuse_as(p, 1052, "23000", "ambiguous", "Column '%.*s' in %s is ambiguous",
                      B_ARG(rw__last_part(n)), where);
    }
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

bool rw__alias_named(const rw_scope *s, b_slice name)
{
    if (s->select == NULL) {
        return false;
    }
    for (const rw_item *i = s->select->items; i != NULL; i = i->next) {
        if (i->alias_tok != RW_NO_TOK && b_slice_ieq(rw__item_name(i), name)) {
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
    /* A column and an alias of one name in GROUP BY: the column, but with a warning. MariaDB's HAVING has an
     * error. */
    return (s->clause != RW_C_GROUP && s->clause != RW_C_HAVING) || !rw__alias_named(s, rw__last_part(try));
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

void rw__refuse_lost(rw_planner *p, b_slice name)
{
    rw__refuse_name(p, table_of(p, name), "name",
                    "column name %.*s, which cannot be told apart from the new column's,", name,
                    "give the tables aliases of their own and qualify the name");
}

rw_binding rw__lookup_in(rw_planner *p, rw_scope *s, rw_clause clause, const rw_expr *e)
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

void rw__check_list(rw_planner *p, rw_scope *s, const rw_expr *e, const char *what)
{
    rw_binding b = rw__lookup_in(p, s, RW_C_FIELDS, e);

    if (b.kind != RW_BIND_COLUMN || b.col->form == NULL || rw__stop(p)) {
        return;
    }
    if (b.col->new_name ? rw__pair_of(b.col)->forms->to_list : rw__pair_of(b.col)->forms->from_list) {
        rw__refuse_name(
            p, b.col->mt, "transform",
            b_arena_printf(p->arena, "%s of `%%.*s`, an ENUM or SET that is computed as a text here,", what),
            rw__last_part(&e->name), "order by another column, or wait for the next phase");
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
    b_slice name = rw__last_part(&e->name);
    rw_edit *edit;

    if (b->col->mt == NULL) { /* a form belongs to a table */
        rw__refuse_lost(p, name);
        return false;
    }
    rw__check_zone(p, b->col->mt, rw__pair_of(b->col));
    if (f->n == 0) {
        rw__refuse_name(p, b->col->mt, "one_way", "a read of `%.*s`", name,
                        "the migration has no `down` that makes the old value: read the new name");
    } else if (s->clause == RW_C_HAVING && b->scope == s) {
        rw__refuse_name(p, b->col->mt, "transform", "`%.*s` in HAVING, where it is computed,", name,
                        "select it under an alias and use that");
    } else if (s->clause == RW_C_ORDER || s->clause == RW_C_WINDOW) {
        rw__check_list(p, s, e, "ORDER BY");
    }
    if (rw__stop(p)) {
        return false;
    }
    edit = rw_edit_replace(p->edits, e->name.tok, e->name.end);
    for (uint32_t i = 0; i < f->n; i++) {
        if (!f->parts[i].column) {
            rw_edit_text(p->edits, edit, f->parts[i].text);
        } else if (!put_part(p, s, e, b, f->parts[i].text, edit)) {
            rw__refuse_lost(p, name);
            return false;
        }
    }
    return true;
}

static bool emit_bound(rw_planner *p, rw_scope *s, const rw_expr *e, const rw_binding *b, bool whole)
{
    if (b->col->blind) {
        rw__refuse_name(p, b->col->mt, "transform", "a read of `%.*s` while it is being written",
                        rw__last_part(&e->name), "compute the value first");
        return false;
    }
    if (b->col->form != NULL) {
        return emit_form(p, s, e, b);
    }
    b_slice phys = b->col->phys;
    bool changed = !b_slice_ieq(rw__last_part(&e->name), phys);

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
    rw__refuse_lost(p, rw__last_part(&e->name));
    return false;
}

/* A whole GROUP BY element that several items of the select list are called: an error, unless all are
 * columns. */
static bool items_clash(const rw_scope *s, const rw_expr *e)
{
    uint32_t named = 0;
    bool other = false;

    if (s->select == NULL || e->name.n > 1) {
        return false;
    }
    for (const rw_item *i = s->select->items; i != NULL; i = i->next) {
        if (b_slice_ieq(rw__item_name(i), rw__last_part(&e->name))) {
            named++;
            other = other || i->alias_tok != RW_NO_TOK;
        }
    }
    return named > 1 && other;
}

static bool emit_found(rw_planner *p, rw_scope *s, const rw_expr *e, const rw_binding *b, bool whole)
{
    const rw_vcol *col = b->col;
    b_slice name = rw__last_part(&e->name);

    if (b->second && (b->unsure || (col->mt != NULL && rw__pair_of(col)->disabled))) {
        if (b->unsure) {
            rw__refuse_lost(p, name);
        } else {
            rw__refuse_name(p, col->mt, "disabled", "column %.*s", name,
                            "the other name is switched off by DISABLE; ENABLE the migration's rule, or use "
                            "the name that this client's schema version has");
        }
        return false;
    }
    if (s->clause == RW_C_GROUP && whole && b->scope == s && rw__in_sight(s, name) && items_clash(s, e)) {
        refuse_ambiguous(p, s, e);
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

/* ---- the reference as a whole ----------------------------------------------------------------------- */

/* Is one of the columns that the name may mean there one of a migrating table's? */
static bool pair_involved(const rw_planner *p, const rw_binding *b, const rw_name *name)
{
    const rw_scope *s = b->scope;

    for (uint32_t i = s->lo; i < s->nsrc && i < s->hi; i++) {
        for (uint32_t c = 0; c < s->src[i].ncols; c++) {
            const rw_vcol *col = &s->src[i].cols[c];

            if (col->mt != NULL && col->first != b->second && b_slice_ieq(col->name, rw__last_part(name)) &&
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

    if (!ours && (!rw__in_sight(s, rw__last_part(&e->name)) ||
                  (phys.kind == RW_BIND_AMBIGUOUS && phys.scope == b->scope))) {
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
    name = rw__last_part(&e->name);
    if (!rw__is_candidate(p, name) || starts_with_dot(p, &e->name)) {
        rw__catview_unqualify(p, s, e);
        return false;
    }
    b = rw__lookup(p, s, &e->name, whole);
    rw__trace_name(p, &e->name, &b);
    switch (b.kind) {
    case RW_BIND_NONE:
        if (rw__lookup_physical(p, s, &e->name, whole).kind != RW_BIND_NONE) {
            rw__refuse_lost(p, name);
        }
        return false;
    case RW_BIND_MAYBE:
        /* Qualified, and the table with unknown columns is the one named: nothing of ours. */
        if (e->name.n == 1 && rw__in_sight(s, name)) {
            rw__refuse_name(p, table_of(p, name), "unknown_table",
                            "column name %.*s beside a table whose columns are not known", name,
                            "qualify the name with its table");
        }
        return false;
    case RW_BIND_AMBIGUOUS: emit_ambiguous(p, s, e, &b, whole); return false;
    case RW_BIND_ALIAS: rw__emit_alias(p, s, e, &b, whole); return false;
    case RW_BIND_COLUMN: return emit_found(p, s, e, &b, whole);
    }
    return false;
}
