/* `*`, t.* and TABLE t: what they give by the client's schema version, and the list of columns that is
 * written instead where the server would give something else. */
#include "emit.h"

/* A column of `*`: one of a source. */
typedef struct star_col {
    uint32_t src;
    const rw_vcol *col;
} star_col;

typedef struct star_list {
    star_col *v;
    uint32_t n, room;
    bool known;      /* all columns are */
    bool right_join; /* a RIGHT JOIN with USING or NATURAL: the server's order is not followed here */
    bool coalesced;  /* some USING or NATURAL */
} star_list;

static void star_add(rw_planner *p, star_list *l, uint32_t src, const rw_vcol *col)
{
    if (l->n == l->room) {
        uint32_t room = l->room == 0 ? 32 : l->room * 2;
        star_col *grown = b_arena_regrow(p->arena, l->v, l->n, room, sizeof(*grown));

        if (grown == NULL) {
            p->nomem = true;
            return;
        }
        l->v = grown;
        l->room = room;
    }
    l->v[l->n++] = (star_col){src, col};
}

static bool in_star(const rw_vcol *c, rw_mode mode)
{
    return c->star && !(c->extra && mode.counted);
}

/* Stands for all columns of a source that are not known. */
static const rw_vcol unknown_columns = {.star = true};

static void add_source(rw_planner *p, const rw_scope *s, uint32_t i, rw_mode mode, star_list *l)
{
    const rw_source *src = &s->src[i];

    if (!src->known) {
        l->known = false;
        star_add(p, l, i, &unknown_columns);
    }
    for (uint32_t c = 0; c < src->ncols && !p->nomem; c++) {
        if (in_star(&src->cols[c], mode)) {
            star_add(p, l, i, &src->cols[c]);
        }
    }
}

/* ---- the columns of a join -------------------------------------------------------------------------- */

static bool has_name(const star_list *l, b_slice name)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (!l->v[i].col->extra && b_slice_ieq(l->v[i].col->name, name)) {
            return true;
        }
    }
    return false;
}

static bool is_common(const rw_from *f, const star_list *other, const rw_vcol *col)
{
    b_slice name = col->name;

    if (name.n == 0 || col->extra) {
        return false;
    }
    if (f->natural) {
        return has_name(other, name);
    }
    for (const rw_name_list *c = f->using_cols; c != NULL; c = c->next) {
        if (b_slice_ieq(c->name.part[c->name.n - 1], name)) {
            return true;
        }
    }
    return false;
}

/* Those of `from` that are common (or not), in its order. */
static void add_part(rw_planner *p, star_list *out, const rw_from *f, const star_list *from,
                     const star_list *other, bool common)
{
    for (uint32_t i = 0; i < from->n; i++) {
        if (is_common(f, other, from->v[i].col) == common) {
            star_add(p, out, from->v[i].src, from->v[i].col);
        }
    }
}

static star_list list_from(rw_planner *p, const rw_scope *s, const rw_from *f, rw_mode mode, uint32_t *at);

static star_list list_join(rw_planner *p, const rw_scope *s, const rw_from *f, rw_mode mode, uint32_t *at)
{
    star_list left = list_from(p, s, f->left, mode, at);
    star_list right = list_from(p, s, f->right, mode, at);
    star_list out = {.known = left.known && right.known};
    bool merged = f->natural || f->using_cols != NULL;

    out.coalesced = merged || left.coalesced || right.coalesced;
    out.right_join = left.right_join || right.right_join || (merged && f->right_outer);
    if (merged) {
        add_part(p, &out, f, &left, &right, true);
        add_part(p, &out, f, &left, &right, false);
        add_part(p, &out, f, &right, &left, false);
        return out;
    }
    for (uint32_t i = 0; i < left.n; i++) {
        star_add(p, &out, left.v[i].src, left.v[i].col);
    }
    for (uint32_t i = 0; i < right.n; i++) {
        star_add(p, &out, right.v[i].src, right.v[i].col);
    }
    return out;
}

/* One item of a FROM; *at: the index of its first source, moved past its last. */
static star_list list_from(rw_planner *p, const rw_scope *s, const rw_from *f, rw_mode mode, uint32_t *at)
{
    star_list out = {.known = true};

    if (f->kind == RW_F_JOIN) {
        return list_join(p, s, f, mode, at);
    }
    if (*at < s->nsrc) {
        add_source(p, s, (*at)++, mode, &out);
    }
    return out;
}

static star_list list_all(rw_planner *p, const rw_scope *s, rw_mode mode)
{
    star_list out = {.known = true};
    uint32_t at = 0;

    if (s->select == NULL || s->select->from == NULL) {
        for (uint32_t i = 0; i < s->nsrc; i++) {
            add_source(p, s, i, mode, &out);
        }
        return out;
    }
    for (const rw_from *f = s->select->from; f != NULL; f = f->next) {
        star_list part = list_from(p, s, f, mode, &at);

        out.known = out.known && part.known;
        out.coalesced = out.coalesced || part.coalesced;
        out.right_join = out.right_join || part.right_join;
        for (uint32_t i = 0; i < part.n; i++) {
            star_add(p, &out, part.v[i].src, part.v[i].col);
        }
    }
    return out;
}

static star_list list_star(rw_planner *p, const rw_scope *s, const rw_expr *star, rw_mode mode)
{
    star_list out = {.known = true};
    rw_name probe;

    if (star->name.n == 0) {
        return list_all(p, s, mode);
    }
    /* A qualifier alone: what matches a column of that table, without the column. */
    probe = (rw_name){.n = star->name.n + 1};
    for (uint32_t i = 0; i < star->name.n && i < 2; i++) {
        probe.part[i] = star->name.part[i];
    }
    for (uint32_t i = 0; i < s->nsrc; i++) {
        if (probe.n <= 3 && rw__source_matches(p, &s->src[i], &probe)) {
            add_source(p, s, i, mode, &out);
        }
    }
    return out;
}

/* ---- is the server's own answer right? -------------------------------------------------------------- */

/* In these phases the visibility of A and B does not change under the statement's ruleset. */
static bool settled(rw_phase ph)
{
    return ph == RW_PLANNED || ph == RW_EXPANDED || ph == RW_DUAL_WRITE || ph == RW_CONTRACTED;
}

static bool table_star_same(const rw_mtab *mt, rw_mode mode)
{
    size_t at = 0;

    for (size_t i = 0; i < mt->m->npairs; i++) {
        if (!settled(mt->m->pairs[i].phase)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < mt->ncols; i++) {
        const rw_vcol *c = &mt->cols[i];

        if (!in_star(c, mode)) {
            continue;
        }
        while (at < mt->table->ncolumns && mt->table->columns[at].invisible) {
            at++;
        }
        if (at == mt->table->ncolumns || !b_slice_ieq(mt->table->columns[at].name, c->name) ||
            !b_slice_ieq(c->phys, c->name)) {
            return false;
        }
        at++;
    }
    while (at < mt->table->ncolumns && mt->table->columns[at].invisible) {
        at++;
    }
    return at == mt->table->ncolumns;
}

static bool source_star_same(const rw_source *src, rw_mode mode)
{
    if (src->mt != NULL) {
        return table_star_same(src->mt, mode);
    }
    for (uint32_t c = 0; c < src->ncols; c++) {
        if (src->cols[c].extra && in_star(&src->cols[c], mode)) {
            return false;
        }
    }
    return true;
}

/* Does the star cover this source? */
static bool covers(const rw_planner *p, const rw_expr *star, const rw_source *src)
{
    rw_name probe = {.n = star->name.n + 1};

    if (star->name.n == 0) {
        return true;
    }
    for (uint32_t i = 0; i < star->name.n && i < 2; i++) {
        probe.part[i] = star->name.part[i];
    }
    return probe.n <= 3 && rw__source_matches(p, src, &probe);
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static bool name_is_shared(const rw_planner *p, const rw_scope *s, uint32_t i)
{
    for (uint32_t j = 0; j < s->nsrc; j++) {
        if (j != i && rw__table_name_eq(p, s->src[j].name, s->src[i].name)) {
            return true;
        }
    }
    return false;
}

static void write_qualifier(rw_planner *p, const rw_scope *s, uint32_t i, rw_edit *edit)
{
    if (s->src[i].schema.n > 0 && name_is_shared(p, s, i)) {
        rw_edit_text(p->edits, edit, rw__quoted(p, s->src[i].schema));
        rw_edit_text(p->edits, edit, B_LIT("."));
    }
    rw_edit_text(p->edits, edit, rw__quoted(p, s->src[i].name));
    rw_edit_text(p->edits, edit, B_LIT("."));
}

static void refuse_taken(rw_planner *p, const rw_vcol *col, b_slice name)
{
    rw__refuse_name(p, col->mt, "compound", "column %.*s, which a compound statement declares as a variable,",
                    name, "give the variable another name");
}

void rw__write_column(rw_planner *p, const rw_scope *s, uint32_t src, const rw_vcol *col, rw_edit *edit)
{
    rw_fpart whole = {col->phys, true};
    const rw_fpart *parts = col->form != NULL ? col->form->parts : &whole;

    if (col->form != NULL) {
        rw__check_zone(p, col->mt, &col->mt->m->pairs[col->pair]);
    }
    if (col->form != NULL && col->form->n == 0) {
        rw__refuse_name(p, col->mt, "one_way", "`*` that gives `%.*s`", col->name,
                        "the migration has no `down` that makes the old value: write the columns out");
    }
    for (uint32_t i = 0; i < (col->form != NULL ? col->form->n : 1); i++) {
        if (!parts[i].column) {
            rw_edit_text(p->edits, edit, parts[i].text);
            continue;
        }
        bool taken = rw__is_local(p, &(rw_name){.n = 1, .part = {parts[i].text}});
        bool field = s != NULL && rw__is_local(p, &(rw_name){.n = 2, .part = {s->src[src].name}});
        if ((taken && s == NULL) || (field && (taken || s->nsrc > 1))) {
            refuse_taken(p, col, parts[i].text);
        } else if (taken || (s != NULL && s->nsrc > 1)) {
            write_qualifier(p, s, src, edit);
        }
        rw_edit_text(p->edits, edit, rw__quoted(p, parts[i].text));
    }
}

static void write_col(rw_planner *p, const rw_scope *s, const star_col *c, rw_mode mode, rw_edit *edit)
{
    rw__write_column(p, s, c->src, c->col, edit);
    if (mode.names && !b_slice_eq(c->col->phys, c->col->name)) {
        rw_edit_text(p->edits, edit, B_LIT(" AS "));
        rw_edit_text(p->edits, edit, rw__quoted(p, c->col->name));
    }
}

/* The list, with o.* for a run of columns of a source that the server would give the same. */
static void write_list(rw_planner *p, const rw_scope *s, const star_list *l, rw_mode mode, rw_edit *edit)
{
    uint32_t i = 0;

    while (i < l->n && !rw__stop(p)) {
        uint32_t src = l->v[i].src;

        if (i > 0) {
            rw_edit_text(p->edits, edit, B_LIT(", "));
        }
        if (s->nsrc > 1 && !l->coalesced && source_star_same(&s->src[src], mode)) {
            write_qualifier(p, s, src, edit);
            rw_edit_text(p->edits, edit, B_LIT("*"));
            while (i < l->n && l->v[i].src == src) {
                i++;
            }
        } else {
            write_col(p, s, &l->v[i++], mode, edit);
        }
    }
}

/* Can the list be written? Not where a column's name is not known, or the order is the server's own. */
static bool writable(const rw_scope *s, const star_list *l, rw_mode mode)
{
    if (l->right_join || (l->coalesced && !l->known)) {
        return false;
    }
    for (uint32_t i = 0; i < l->n; i++) {
        bool whole = !l->coalesced && s->nsrc > 1 && source_star_same(&s->src[l->v[i].src], mode);

        if (!whole && l->v[i].col->phys.n == 0) {
            return false;
        }
    }
    return true;
}

/* The migrating table that the star covers; for messages and for the census. */
static const rw_mtab *note_tables(rw_planner *p, const rw_scope *s, const rw_expr *star)
{
    const rw_mtab *found = NULL;

    for (uint32_t i = 0; i < s->nsrc; i++) {
        if (s->src[i].mt == NULL || !covers(p, star, &s->src[i])) {
            continue;
        }
        rw__note_shape(p, s->src[i].mt, false);
        found = s->src[i].mt;
    }
    return found == NULL ? p->mtabs : found;
}

static bool needs_writing(const rw_planner *p, const rw_scope *s, const rw_expr *star, rw_mode mode)
{
    for (uint32_t i = 0; i < s->nsrc; i++) {
        if (covers(p, star, &s->src[i]) && !source_star_same(&s->src[i], mode)) {
            return true;
        }
    }
    return false;
}

/* ---- what the star gives to the outside ------------------------------------------------------------- */

/* The other names of the pairs among the columns: from outside, they reach the same columns. */
static void export_others(rw_planner *p, const rw_scope *s, const star_list *l, rw_vcols *out)
{
    for (uint32_t i = 0; i < l->n && !p->nomem; i++) {
        const rw_source *src = &s->src[l->v[i].src];

        for (uint32_t k = 0; k < src->ncols && l->v[i].col->first; k++) {
            rw_vcol other = src->cols[k];

            if (other.first || other.mt == NULL || !b_slice_ieq(other.phys, l->v[i].col->phys) ||
                other.form != l->v[i].col->form) {
                continue;
            }
            other.phys = l->v[i].col->name;
            other.column = NULL;
            other.extra = true;
            rw__vcols_add(p, out, other);
        }
    }
}

static void export_list(rw_planner *p, const rw_scope *s, const star_list *l, rw_vcols *out)
{
    for (uint32_t i = 0; i < l->n && !p->nomem; i++) {
        b_slice name = l->v[i].col->name;

        if (l->v[i].col->first) {
            rw__vcols_add(p, out, (rw_vcol){.name = name, .phys = name, .first = true, .star = true});
        }
    }
    export_others(p, s, l, out);
}

/* ---- entry points ----------------------------------------------------------------------------------- */

void rw__emit_star(rw_planner *p, rw_scope *s, const rw_expr *star, rw_mode mode, rw_vcols *out, bool *known)
{
    star_list l;
    const rw_mtab *mt;

    if (rw__stop(p)) {
        return;
    }
    l = list_star(p, s, star, mode);
    *known = *known && l.known;
    export_list(p, s, &l, out);
    if (mode.exists || p->mtabs == NULL) {
        return;
    }
    mt = note_tables(p, s, star);
    if (!needs_writing(p, s, star, mode)) {
        return;
    }
    if (star->name.n == 0 && !writable(s, &l, mode)) {
        rw__refuse(p, mt, "star", "`*` over a join whose columns cannot be listed", "write the columns out");
        return;
    }
    write_list(p, s, &l, mode, rw_edit_replace(p->edits, star->tok, star->end));
}

void rw__emit_table_stmt(rw_planner *p, rw_scope *s, const rw_select *sel, rw_mode mode, rw_vcols *out,
                         bool *known)
{
    rw_expr star = {.kind = RW_E_STAR};
    star_list l;
    rw_edit *edit;

    if (rw__stop(p)) {
        return;
    }
    l = list_star(p, s, &star, mode);
    *known = l.known;
    export_list(p, s, &l, out);
    if (p->mtabs == NULL || p->server.flavour == RW_MARIADB) {
        return; /* MariaDB has no such statement, and will say so */
    }
    (void)note_tables(p, s, &star);
    if (mode.exists || !needs_writing(p, s, &star, mode)) {
        return;
    }
    edit = rw_edit_replace(p->edits, sel->tok, sel->end);
    rw_edit_text(p->edits, edit, B_LIT("SELECT "));
    write_list(p, s, &l, mode, edit);
    rw_edit_text(p->edits, edit, B_LIT(" FROM "));
    rw_edit_copy(p->edits, edit, sel->table.tok, sel->table.end);
}

bool rw__star_width(rw_planner *p, rw_scope *s, const rw_expr *star, rw_mode mode, uint32_t *n)
{
    star_list l = list_star(p, s, star, mode);

    *n = l.n;
    return l.known;
}
