/* col = expr lists: UPDATE … SET, ON DUPLICATE KEY UPDATE, INSERT … SET, LOAD DATA … SET.
 *
 * How one assignment to A becomes two, where the server assigns from left to right:
 *
 *   A = x, B = A
 *
 * and, while B may still be stale (dual_write, before the backfill has come by) and a row that the plain
 * table leaves alone has to be left alone here too, in affected rows and in ON UPDATE columns:
 *
 *   B = IF(CAST(A AS BINARY) <=> CAST(x AS BINARY), B, A), A = x, B = IF(B IS NULL, B, A)
 *
 * Whatever the comparison says, a pair that was right stays right: in both of its cases B then holds A's old
 * value, which is not NULL, so that the last assignment makes it A's new one. A stale B is NULL: where the
 * comparison finds that A does not change, B stays NULL and the row untouched; otherwise it is filled. x
 * itself never passes through IF(), which would give it another type on its way into the column. A nullable A
 * takes a constant in the place of a NULL while the statement runs.
 *
 * Where the plan may be a multi-table update, whose expressions may see old or new values: B = x, A = x, both
 * of them reading A only. */
#include "emit.h"
#include "transform.h"

typedef rw_target target;
typedef rw_targets targets;

static rw_mtab *source_mtab(const rw_binding *b)
{
    return b->source == NULL ? NULL : b->source->mt;
}

/* What an assigned name means. A name that could be another table's once written physically is refused. */
static void look_up(rw_planner *p, const rw_assigns *a, target *t)
{
    const rw_name *col = &t->asg->col;
    if (col->n == 0 || !rw__is_candidate(p, col->part[col->n - 1])) {
        return;
    }
    rw_clause was = a->target_scope->clause;
    a->target_scope->clause = RW_C_FIELDS;
    rw_binding b = rw__lookup(p, a->target_scope, col, false);
    a->target_scope->clause = was;
    if (b.kind == RW_BIND_AMBIGUOUS) {
        rw__refuse_as(p, 1052, "23000", "ambiguous", "Column '%.*s' in field list is ambiguous",
                      B_ARG(col->part[col->n - 1]));
    } else if (b.kind == RW_BIND_MAYBE) {
        rw__refuse_name(p, p->mtabs, "unknown_table",
                        "an assignment to `%.*s`, which several tables may have,", col->part[col->n - 1],
                        "write the table's name before it");
    } else if (b.kind == RW_BIND_COLUMN && b.col != NULL && b.col->mt != NULL && source_mtab(&b) != NULL) {
        t->src = b.source;
        t->mt = b.source->mt;
        t->index = b.col->pair;
        t->pair = &t->mt->m->pairs[t->index];
        t->new_name = b.col->new_name;
        if (b.second && t->pair->disabled) {
            rw__refuse_name(p, t->mt, "disabled", "an assignment to `%.*s`", col->part[col->n - 1],
                            "the other name is switched off by DISABLE; use the name that this client's "
                            "schema version has, or ENABLE the migration");
        }
    }
}

static targets look_up_all(rw_planner *p, const rw_assigns *a)
{
    targets ts = {NULL, 0};
    for (const rw_assign *s = a->list; s != NULL; s = s->next) {
        ts.n++;
    }
    ts.at = b_arena_array(p->arena, ts.n + 1, sizeof *ts.at);
    if (ts.at == NULL) {
        p->nomem = true;
        ts.n = 0;
        return ts;
    }
    uint32_t i = 0;
    for (const rw_assign *s = a->list; s != NULL; s = s->next, i++) {
        ts.at[i].asg = s;
        look_up(p, a, &ts.at[i]);
    }
    return ts;
}

static bool same_pair(const target *a, const target *b)
{
    return a->mt != NULL && a->src == b->src && a->index == b->index;
}

/* Is the value nothing but the column itself, by either name? */
static bool is_itself(rw_planner *p, const rw_assigns *a, const target *t)
{
    const rw_expr *x = t->asg->value;
    if (x == NULL || x->kind != RW_E_COLUMN || x->name.n == 0 || x->parenthesised) {
        return false;
    }
    rw_clause was = a->scope->clause;
    a->scope->clause = RW_C_FIELDS;
    rw_binding b = rw__lookup(p, a->scope, &x->name, false);
    a->scope->clause = was;
    return b.kind == RW_BIND_COLUMN && !b.unsure && b.col != NULL && b.col->mt == t->mt &&
           b.col->pair == t->index && b.source->mt == t->mt && b_slice_eq(b.source->name, t->src->name);
}

/* Where only one side is written, a second assignment can go only if it says what the first one said. */
static void drop_or_refuse(rw_planner *p, const rw_assigns *a, const target *first, target *second)
{
    if (a->in_order && is_itself(p, a, second)) {
        second->drop = true; /* B = A, after A */
    } else if (!rw__reads_pair(first->mt, first->asg->value, first->index) &&
               rw__same_expr(p, first->asg->value, second->asg->value) && !rw__assigns_uservars(p, a->stmt)) {
        second->drop = true;
    } else {
        rw__refuse(p, first->mt, "both_columns", "different values for both names of a column",
                   "assign one of the names only");
    }
}

static void find_doubles(rw_planner *p, const rw_assigns *a, targets *ts)
{
    for (uint32_t i = 0; i < ts->n; i++) {
        for (uint32_t k = i + 1; k < ts->n; k++) {
            target *x = &ts->at[i], *y = &ts->at[k];
            if (!same_pair(x, y) || x->new_name == y->new_name) {
                continue;
            }
            x->both_named = y->both_named = true;
            if (x->pair->forms != NULL) {
                continue; /* assign_changes.c */
            }
            if (rw__write_mode(x->pair) != RW_WRITE_BOTH && !x->drop && !y->drop) {
                drop_or_refuse(p, a, x, y);
            }
        }
    }
}

/* ---- text ------------------------------------------------------------------------------------------- */

/* Is there a table of the same name from another schema? */
static bool name_is_shared(const rw_scope *s, const rw_source *src)
{
    for (uint32_t i = 0; i < s->nsrc; i++) {
        if (b_slice_ieq(s->src[i].name, src->name) && !b_slice_eq(s->src[i].schema, src->schema)) {
            return true;
        }
    }
    return false;
}

static void add_column(rw_planner *p, const rw_assigns *a, const target *t, b_slice name, rw_edit *e)
{
    if (a->qualify) {
        bool aliased = t->src->from != NULL && t->src->from->alias.n > 0;
        if (t->src->schema.n > 0 && !aliased && name_is_shared(a->scope, t->src)) {
            rw_edit_text(p->edits, e, rw__quoted(p, t->src->schema));
            rw_edit_text(p->edits, e, B_LIT("."));
        }
        rw_edit_text(p->edits, e, rw__quoted(p, t->src->name));
        rw_edit_text(p->edits, e, B_LIT("."));
    }
    rw_edit_text(p->edits, e, rw__quoted(p, name));
}

/* What B holds for a moment where A changes: anything that is not NULL. */
typedef struct marker {
    b_slice constant; /* empty: A itself */
    bool coalesce;    /* A, or the constant where A is NULL */
} marker;

static void add_marker(rw_planner *p, const rw_assigns *a, const target *t, marker m, rw_edit *e)
{
    if (m.constant.n == 0 || m.coalesce) {
        rw_edit_text(p->edits, e, m.coalesce ? B_LIT("COALESCE(") : B_LIT(""));
        add_column(p, a, t, t->pair->from, e);
        rw_edit_text(p->edits, e, m.coalesce ? B_LIT(", ") : B_LIT(""));
    }
    rw_edit_text(p->edits, e, m.constant);
    rw_edit_text(p->edits, e, m.coalesce ? B_LIT(")") : B_LIT(""));
}

/* Words, and % for A, $ for B, ? for the value, ! for the marker. */
static void add_form(rw_planner *p, const rw_assigns *a, const target *t, const char *form, marker m,
                     rw_edit *e)
{
    while (*form != '\0' && !rw__stop(p)) {
        size_t n = strcspn(form, "%$?!");
        rw_edit_text(p->edits, e, b_slice_of(form, n));
        form += n;
        if (*form == '%') {
            add_column(p, a, t, t->pair->from, e);
        } else if (*form == '$') {
            add_column(p, a, t, t->pair->to, e);
        } else if (*form == '?') {
            rw__render_expr(p, a->scope, RW_C_FIELDS, t->asg->value, e);
        } else if (*form == '!') {
            add_marker(p, a, t, m, e);
        } else {
            return;
        }
        form++;
    }
}

/* ---- keeping a row that nothing changes as it is ---------------------------------------------------- */

static bool type_is(b_slice type, const char *word)
{
    size_t n = strlen(word);
    if (!b_slice_istarts(type, b_slice_of(word, n))) {
        return false;
    }
    return type.n == n || type.p[n] == '(' || type.p[n] == ' ';
}

static bool type_in(b_slice type, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (type_is(type, words[i])) {
            return true;
        }
    }
    return false;
}

static const char *const text_types[] = {"char",   "varchar",   "tinytext", "text",
                                         "binary", "varbinary", "tinyblob", "blob"};
static const char *const whole_types[] = {"tinyint", "smallint", "mediumint", "int", "bigint"};
static const char *const other_types[] = {"decimal", "float", "double", "set", "time", "year"};
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* The first member of an ENUM, as it is written in its type; empty where it holds more than plain letters. */
static b_slice first_member(b_slice type)
{
    size_t end = sizeof "enum('" - 1;
    while (end < type.n && type.p[end] != '\'') {
        char c = b_lower(type.p[end]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == ' ')) {
            return (b_slice){NULL, 0};
        }
        end++;
    }
    return end < type.n ? b_slice_of(type.p + 5, end + 1 - 5) : (b_slice){NULL, 0};
}

/* Can the longer form be used for this column? A's old value passes through B, which a zero date or an ENUM's
 * error value could not do under a strict mode: a constant goes in their place. Not for TIMESTAMP, whose hour
 * of a change of clocks IF() would move; nor for dates where a wrong one becomes a zero date instead of an
 * error, which MariaDB's IF() makes NULL. */
static bool keeps_noop(const rw_planner *p, const rw_stmt *s, const rw_pair *pair, marker *m)
{
    b_slice type = pair->plain.type;
    *m = (marker){{NULL, 0}, pair->plain.nullable};
    if (type_in(type, text_types, COUNT(text_types))) {
        m->constant = m->coalesce ? B_LIT("''") : m->constant;
        return true;
    }
    if (type_in(type, whole_types, COUNT(whole_types))) {
        m->constant = m->coalesce ? B_LIT("0") : m->constant;
        return true;
    }
    m->coalesce = false;
    if (type_is(type, "enum")) {
        m->constant = first_member(type);
        return m->constant.n > 0;
    }
    if (type_is(type, "date") || type_is(type, "datetime")) {
        m->constant = B_LIT("'2000-01-01'");
        return rw__null_is_error(p, s);
    }
    return !pair->plain.nullable && type_in(type, other_types, COUNT(other_types));
}

/* ---- one assignment --------------------------------------------------------------------------------- */

static void emit_after(rw_planner *p, const rw_assigns *a, const target *t)
{
    const rw_expr *x = t->asg->value;
    marker m, none = {{NULL, 0}, false};
    bool longer = a->keep_noop && t->pair->phase == RW_DUAL_WRITE && keeps_noop(p, a->stmt, t->pair, &m) &&
                  rw__deterministic(p, x) && !rw__assigns_uservars(p, a->stmt);
    if (longer) {
        rw_edit *e = rw_edit_before(p->edits, t->asg->tok);
        add_form(p, a, t, "$ = IF(CAST(% AS BINARY) <=> CAST(? AS BINARY), $, !), ", m, e);
    }
    rw__put_name(p, &t->asg->col, t->pair->from);
    rw__emit_expr(p, a->scope, RW_C_FIELDS, x);
    rw_edit *e = rw_edit_after(p->edits, x->end - 1);
    add_form(p, a, t, longer ? ", $ = IF($ IS NULL, $, %)" : ", $ = %", none, e);
}

/* A name that is written physically may be one that other tables of the statement have, too. */
static void qualify_target(rw_planner *p, const rw_assigns *a, const target *t, b_slice name)
{
    const rw_name *col = &t->asg->col;
    if (!a->qualify || col->n > 1 || b_slice_ieq(col->part[0], name)) {
        return;
    }
    rw_edit *e = rw_edit_before(p->edits, col->tok);
    rw_edit_text(p->edits, e, rw__quoted(p, t->src->name));
    rw_edit_text(p->edits, e, B_LIT("."));
}

static void emit_twice(rw_planner *p, const rw_assigns *a, const target *t)
{
    marker none = {{NULL, 0}, false};
    rw_edit *e = rw_edit_before(p->edits, t->asg->tok);
    bool is_default = rw__is_default(t->asg->value);
    bool back = t->pair->a_stale && !is_default; /* B is read: it is assigned last */
    b_slice last = back ? t->pair->to : t->pair->from;
    add_form(p, a, t, is_default ? "$ = DEFAULT(%), " : back ? "% = ?, " : "$ = ?, ", none, e);
    qualify_target(p, a, t, last);
    rw__put_name(p, &t->asg->col, last);
    rw__emit_expr(p, a->scope, RW_C_FIELDS, t->asg->value);
}

static void emit_both(rw_planner *p, const rw_assigns *a, const target *t)
{
    if (t->both_named || is_itself(p, a, t)) { /* the client's own dual write; or nothing that changes */
        if (!t->both_named) {
            qualify_target(p, a, t, t->pair->from);
            rw__put_name(p, &t->asg->col, t->pair->from);
        }
        rw__emit_expr(p, a->scope, RW_C_FIELDS, t->asg->value);
        return;
    }
    switch (a->form) {
    case RW_ASSIGN_AFTER: emit_after(p, a, t); break;
    case RW_ASSIGN_TWICE: emit_twice(p, a, t); break;
    case RW_ASSIGN_ONLY:
        if (!t->pair->b_default_up && a->stmt->kind == RW_S_INSERT) {
            emit_after(p, a, t);
            break;
        }
        rw__put_name(p, &t->asg->col, t->pair->from);
        rw__emit_expr(p, a->scope, RW_C_FIELDS, t->asg->value);
        break;
    }
}

/* A column that no migration changes, but whose name may be that of a physical column beside it. */
static void emit_other_name(rw_planner *p, const rw_assigns *a, const target *t)
{
    rw_expr name = {.kind = RW_E_COLUMN, .tok = t->asg->col.tok, .end = t->asg->col.end, .name = t->asg->col};
    rw__emit_expr(p, a->target_scope, RW_C_FIELDS, &name);
}

static void emit_one(rw_planner *p, const rw_assigns *a, const target *t)
{
    if (t->mt == NULL || t->pair == NULL) {
        emit_other_name(p, a, t);
        rw__emit_expr(p, a->scope, RW_C_FIELDS, t->asg->value);
        return;
    }
    rw__note_use(t->mt, t->index, t->new_name, true);
    if (rw__is_default(t->asg->value)) {
        rw__check_omitted(p, t->mt, t->pair, a->stmt);
    }
    if (rw__write_mode(t->pair) == RW_WRITE_BOTH) {
        emit_both(p, a, t);
    } else {
        qualify_target(p, a, t, rw__write_name(t->pair));
        rw__put_name(p, &t->asg->col, rw__write_name(t->pair));
        rw__emit_expr(p, a->scope, RW_C_FIELDS, t->asg->value);
    }
}

/* Takes an assignment out, with the comma before it: a dropped one is never the first. */
static void drop_one(rw_planner *p, const target *before, const target *t)
{
    rw__note_use(t->mt, t->index, t->new_name, true);
    (void)rw_edit_replace(p->edits, before->asg->end, t->asg->end);
}

/* Assigned twice under one name: the row is as it was when the last value is the first that the column had,
 * which the comparison before the first assignment cannot know, nor that before the second. */
static void check_repeats(rw_planner *p, const rw_assigns *a, const targets *ts)
{
    for (uint32_t i = 0; i < ts->n && a->keep_noop && a->form == RW_ASSIGN_AFTER; i++) {
        const target *x = &ts->at[i];
        for (uint32_t k = i + 1; k < ts->n; k++) {
            if (same_pair(x, &ts->at[k]) && x->new_name == ts->at[k].new_name &&
                x->pair->phase == RW_DUAL_WRITE && x->pair->forms == NULL) {
                rw__refuse(p, x->mt, "assigned_twice", "two assignments to one column",
                           "leave the first one out, or send two statements");
            }
        }
    }
}

void rw__emit_assigns(rw_planner *p, const rw_assigns *a)
{
    targets ts = look_up_all(p, a);
    find_doubles(p, a, &ts);
    check_repeats(p, a, &ts);
    rw__check_changes(p, a, &ts);
    for (uint32_t i = 0; i < ts.n && !rw__stop(p); i++) {
        const target *t = &ts.at[i];
        if (t->pair != NULL && t->pair->forms != NULL) {
            rw__note_use(t->mt, t->index, t->new_name, true);
            rw__emit_changing(p, a, &ts, i);
            continue;
        }
        if (t->drop) {
            drop_one(p, &ts.at[i - 1], t);
        } else {
            emit_one(p, a, t);
        }
        if (t->pair == NULL || !t->both_named || !a->in_order) {
            continue;
        }
        if (t->pair->a_stale) {
            rw__bind_pair(p, a->scope, t->mt, t->index, false, RW_READ_ITSELF);
            rw__bind_pair(p, a->scope, t->mt, t->index, true, t->new_name ? RW_READ_ITSELF : RW_READ_DERIVED);
        } else if (t->new_name && rw__write_mode(t->pair) == RW_WRITE_BOTH) {
            rw__own_name(p, a->scope, t->mt, t->index);
        }
    }
}

/* ---- may an expression be written twice? ------------------------------------------------------------ */

static bool is_null_word(const rw_planner *p, const rw_expr *e)
{
    const rw_token *t = &p->t->tok[e->tok];
    return t->kind == RW_TOK_IDENT && t->word == RW_W_NULL;
}

/* A column of a derived table, of which no more is known than that each place where it stands gives the same.
 */
static const rw_column any_column = {.nullable = true};

/* An aggregate whose value hangs on nothing but the rows it is given. */
static bool steady_aggregate(const rw_planner *p, const rw_expr *e)
{
    static const char *const names[] = {"count", "max", "min", "sum"};
    bool found = false;
    for (size_t i = 0; i < COUNT(names) && rw__is_aggregate(e); i++) {
        found = found || b_slice_ieq(e->name.part[0], b_slice_str(names[i]));
    }
    for (const rw_expr *k = e->kids; k != NULL && found; k = k->next) {
        found = k->kind == RW_E_STAR || rw__deterministic(p, k);
    }
    return found;
}

/* Base tables only, joined or not: nothing in FROM has expressions of its own in the place of columns. */
static bool from_is_stored(rw_planner *p, const rw_from *f)
{
    for (; f != NULL; f = f->next) {
        const rw_table *known = NULL;
        switch (f->kind) {
        case RW_F_TABLE:
            (void)rw__find_base(p, &f->table, &known);
            if (known == NULL || known->is_view) return false;
            break;
        case RW_F_JOIN:
            if (!from_is_stored(p, f->left) || !from_is_stored(p, f->right)) return false;
            break;
        case RW_F_DUAL: break;
        case RW_F_DERIVED:
        case RW_F_JSON_TABLE: return false;
        }
    }
    return true;
}

/* A derived table may be merged, its expressions then run anew at each place; or be written out, when they
 * run once. One SELECT whose item is repeatable gives the same in both cases. LIMIT would choose rows,
 * variables would count evaluations. */
static bool repeatable_item(rw_planner *p, const rw_from *f, b_slice name)
{
    const rw_select *sel = f->query == NULL ? NULL : f->query->select;
    bool found = false;
    if (sel == NULL || sel->is_values || sel->is_table || f->columns != NULL || f->lateral ||
        f->query->limit != NULL || f->query->ctes != NULL || p->stmt->ctes != NULL) {
        return false;
    }
    for (uint32_t i = f->tok; i < f->end; i++) {
        if (p->t->tok[i].kind == RW_TOK_USERVAR) return false;
    }
    for (const rw_item *i = sel->items; i != NULL; i = i->next) {
        if (i->expr == NULL || i->expr->kind == RW_E_STAR) return false;
        if (!b_slice_ieq(rw__item_name(p, i), name)) continue;
        if (found || !(rw__deterministic(p, i->expr) || steady_aggregate(p, i->expr))) return false;
        found = true;
    }
    return found && from_is_stored(p, sel->from);
}

static bool source_names(const rw_source *src, b_slice name)
{
    for (uint32_t i = 0; i < src->ncols; i++) {
        if (b_slice_ieq(src->cols[i].name, name)) return true;
    }
    return false;
}

/* The base table's own column, whose value one row does not change while it is looked at. */
static const rw_column *stored_column(const rw_source *src, b_slice name)
{
    const rw_column *c = rw_table_column(src->table, name);
    for (uint32_t k = 0; c == NULL && src->mt != NULL && k < src->ncols; k++) {
        c = b_slice_ieq(src->cols[k].name, name) ? src->cols[k].column : NULL;
    }
    for (uint32_t k = 0; src->mt != NULL && k < src->ncols; k++) {
        if (src->cols[k].form != NULL && b_slice_ieq(src->cols[k].name, name)) {
            return &any_column;
        }
    }
    return c;
}

/* Is the column one that gives the same value wherever it stands in the row? NULL: not for certain. */
static const rw_column *base_column(rw_planner *p, const rw_scope *s, const rw_name *name,
                                    bool *null_extended)
{
    b_slice last = name->part[name->n - 1];
    const rw_column *found = NULL;
    for (uint32_t i = 0; i < s->nsrc; i++) {
        const rw_source *src = &s->src[i];
        const rw_column *c = NULL;
        if (name->n > 1 && !b_slice_ieq(src->name, name->part[name->n - 2])) {
            continue;
        }
        if (src->table != NULL && !src->table->is_view) {
            c = stored_column(src, last);
        } else if (!src->known || src->table != NULL) {
            return NULL;
        } else if (source_names(src, last)) {
            bool derived = src->from != NULL && src->from->kind == RW_F_DERIVED;
            if (!derived || !repeatable_item(p, src->from, last)) return NULL;
            c = &any_column;
        }
        if (c != NULL && found == NULL) {
            found = c;
            *null_extended = src->null_extended;
        }
    }
    return found;
}

static bool columns_are_stored(rw_planner *p, const rw_scope *s, const rw_expr *e)
{
    bool ext;
    for (; e != NULL; e = e->next) {
        if (e->kind == RW_E_COLUMN && base_column(p, s, &e->name, &ext) == NULL) {
            return false;
        }
        if (!columns_are_stored(p, s, e->kids)) {
            return false;
        }
    }
    return true;
}

/* Certainly not NULL: a literal, or a NOT NULL column that no outer join extends. */
static bool never_null(rw_planner *p, const rw_scope *s, const rw_expr *e)
{
    bool ext = true;
    if (e->kind == RW_E_LITERAL) {
        return !is_null_word(p, e);
    }
    if (e->kind != RW_E_COLUMN) {
        return false;
    }
    const rw_column *c = base_column(p, s, &e->name, &ext);
    return c != NULL && !c->nullable && !ext;
}

/* NULL into a NOT NULL A becomes '' or 0 where that is no error; the same NULL stays NULL in B. */
static bool null_is_safe(rw_planner *p, const rw_assigns *a, const target *t)
{
    if (t->pair->plain.nullable || never_null(p, a->scope, t->asg->value)) {
        return true;
    }
    return rw__null_is_error(p, a->stmt) && !type_is(t->pair->plain.type, "timestamp");
}

static bool repeatable(rw_planner *p, const rw_assigns *a, const target *t, const char **why)
{
    const rw_expr *x = t->asg->value;
    if (t->pair->forms != NULL) {
        *why = "a column whose values the migration changes";
        return false;
    }
    if (is_itself(p, a, t)) {
        return true;
    }
    if (rw__is_default(x)) {
        rw_default_kind k = t->pair->plain.default_kind;
        *why = "DEFAULT, where the default is an expression,";
        return k == RW_DEFAULT_LITERAL || k == RW_DEFAULT_NULL;
    }
    *why = "a value that may differ each time it is computed";
    if (!rw__deterministic(p, x) || rw__assigns_uservars(p, a->stmt)) {
        return false;
    }
    rw_expr alone = *x;
    alone.next = NULL;
    if (!columns_are_stored(p, a->scope, &alone)) {
        *why = "a value from a derived table, a view or a table that is not known";
        return false;
    }
    *why = "a value that may be NULL, which this sql_mode or IGNORE turns into another one,";
    return null_is_safe(p, a, t);
}

bool rw__assigns_repeatable(rw_planner *p, const rw_assigns *a, const char **why)
{
    const char *phrase = "";
    targets ts = look_up_all(p, a);
    find_doubles(p, a, &ts);
    for (uint32_t i = 0; i < ts.n && !rw__stop(p); i++) {
        const target *t = &ts.at[i];
        if (t->mt != NULL && !t->both_named && rw__writes_two(t->pair, t->new_name) &&
            !repeatable(p, a, t, &phrase)) {
            if (why != NULL) {
                *why = phrase;
            }
            return false;
        }
    }
    return true;
}

bool rw__assigns_both(rw_planner *p, const rw_assigns *a, const rw_mtab **mt)
{
    targets ts = look_up_all(p, a);
    bool found = false;
    for (uint32_t i = 0; i < ts.n; i++) {
        if (ts.at[i].mt != NULL && rw__writes_two(ts.at[i].pair, ts.at[i].new_name)) {
            *mt = ts.at[i].mt;
            found = true;
        }
    }
    return found;
}
