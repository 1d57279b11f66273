/* INSERT … ON DUPLICATE KEY UPDATE, and the row alias that it may read. */
#include "transform.h"

/* A name for a column that the row alias has besides the client's. */
static void add_name(rw_planner *p, uint32_t end, b_slice column)
{
    rw_edit *e = rw_edit_after(p->edits, end - 1);
    const char *name = b_arena_printf(p->arena, "straddle_%.*s", B_ARG(column));
    if (name == NULL) {
        p->nomem = true;
        return;
    }
    rw_edit_text(p->edits, e, B_LIT(", "));
    rw_edit_text(p->edits, e, rw__quoted(p, b_slice_str(name)));
}

void rw__insert_alias_columns(rw_planner *p, const rw_insert *in)
{
    uint32_t i = 0;
    const rw_name_list *l = in->s->row_alias_columns, *prev = NULL;
    for (; l != NULL; prev = l, l = l->next, i++) {
        if (i < in->ncols && in->cols[i].drop && prev != NULL) {
            rw__refuse(p, in->mt, "both_columns", "both names of a column in an INSERT with a row alias",
                       "give the value under one of the names only");
        } else if (i < in->ncols && in->cols[i].dup) {
            add_name(p, l->name.end, in->cols[i].pair->to);
        }
    }
    for (i = 0; i < in->nextras && prev != NULL; i++) {
        add_name(p, prev->name.end, in->extras[i].column);
    }
    for (i = 0; i < in->mt->m->npairs && prev != NULL; i++) {
        if (in->pairs[i].add) {
            add_name(p, prev->name.end, in->mt->m->pairs[i].from);
            if (in->pairs[i].add_dup) {
                add_name(p, prev->name.end, in->mt->m->pairs[i].to);
            }
        }
    }
}

/* A row alias without a list of its own: new.B is new.A. */
static void alias_names(rw_planner *p, const rw_insert *in, rw_source *src)
{
    rw_vcol *cols = b_arena_array(p->arena, 2 * (size_t)in->ncols + 1, sizeof *cols);
    uint32_t n = 0;
    if (cols == NULL || src == NULL) {
        p->nomem = p->nomem || cols == NULL;
        return;
    }
    for (uint32_t i = 0; i < in->ncols; i++) {
        const rw_incol *c = &in->cols[i];
        b_slice phys = rw__insert_phys(in, c);
        if (!c->drop) {
            cols[n++] = (rw_vcol){.name = c->name,
                                  .phys = phys,
                                  .first = true,
                                  .star = true,
                                  .mt = c->pair == NULL ? NULL : in->mt,
                                  .pair = c->index,
                                  .new_name = c->new_name};
        }
        if (c->pair != NULL && c->pair->forms == NULL &&
            (c->drop || in->pairs[c->index].second == RW_NO_TOK)) {
            cols[n++] = (rw_vcol){.name = c->new_name ? c->pair->from : c->pair->to,
                                  .phys = phys,
                                  .mt = in->mt,
                                  .pair = c->index,
                                  .new_name = !c->new_name};
        }
    }
    src->cols = cols;
    src->ncols = n;
}

/* VALUES (): all columns have a value, their default. */
static void whole_row(rw_planner *p, const rw_insert *in, const rw_scope *scope, rw_source *src)
{
    const rw_mtab *mt = in->mt;
    rw_vcol *cols = b_arena_array(p->arena, (size_t)mt->ncols + 1, sizeof *cols);
    if (cols == NULL || src == NULL) {
        p->nomem = p->nomem || cols == NULL;
        return;
    }
    for (uint32_t i = 0; i < mt->ncols; i++) {
        cols[i] = mt->cols[i];
        if (cols[i].mt != NULL) {
            cols[i].phys = rw__write_name(&mt->m->pairs[cols[i].pair]);
        }
    }
    src->cols = cols;
    src->ncols = mt->ncols;
    src->phys = scope->src[0].phys;
    src->nphys = scope->src[0].nphys;
}

static void add_row_alias(rw_planner *p, const rw_insert *in, const rw_stmt *s, rw_scope *scope)
{
    uint32_t n = 0, i = 0;
    for (const rw_name_list *l = s->row_alias_columns; l != NULL; l = l->next) {
        n++;
    }
    uint32_t room = n > 0 ? n : (in == NULL ? 0 : in->ncols);
    bool whole = in != NULL && n == 0 && room == 0 && s->query == NULL && !rw__insert_has_forms(in);
    b_slice *names = b_arena_array(p->arena, (size_t)room + 1, sizeof *names);
    if (names == NULL) {
        p->nomem = true;
        return;
    }
    for (const rw_name_list *l = s->row_alias_columns; l != NULL; l = l->next) {
        names[i++] = l->name.part[l->name.n - 1];
    }
    for (i = 0; n == 0 && i < room; i++) {
        names[i] = rw__insert_phys(in, &in->cols[i]);
    }
    rw_source *src = rw__scope_add_names(p, scope, s->row_alias, names, room);
    if (whole) {
        whole_row(p, in, scope, src);
    } else if (n == 0 && in != NULL) {
        alias_names(p, in, src);
    } else if (in != NULL) {
        rw__insert_alias_columns(p, in);
    }
}

/* The tables of the SELECT are in sight, too: looked at again, with edits that are thrown away. */
static void add_select_tables(rw_planner *p, const rw_stmt *s, rw_scope *scope)
{
    const rw_select *sel = s->query == NULL ? NULL : rw__query_first(s->query);
    rw_edits waste = {.arena = p->arena}, *kept = p->edits;
    if (sel == NULL || s->query->left != NULL || sel->group != NULL) {
        return;
    }
    p->edits = &waste;
    if (s->query->ctes != NULL) {
        rw__scope_add_ctes(p, scope, s->query->ctes, s->query->recursive);
    }
    rw__scope_add_from(p, scope, sel->from);
    p->edits = kept;
    p->nomem = p->nomem || waste.failed;
}

/* Is the target read by the SELECT under its own name? Then nothing can be qualified with it. */
static bool target_is_read(const rw_scope *scope)
{
    for (uint32_t i = 1; i < scope->nsrc; i++) {
        if (b_slice_ieq(scope->src[i].name, scope->src[0].name) &&
            b_slice_ieq(scope->src[i].schema, scope->src[0].schema)) {
            return true;
        }
    }
    return false;
}

/* Assignments that see only old values, or cannot name the target: written twice, or refused. */
static void twice_or_refuse(rw_planner *p, rw_assigns *a, const char *todo)
{
    const rw_mtab *mt = NULL;
    const char *why = "an assignment";
    a->keep_noop = a->qualify = false;
    a->form = RW_ASSIGN_TWICE;
    if (rw__assigns_both(p, a, &mt) && !rw__assigns_repeatable(p, a, &why)) {
        rw__refuse(p, mt, "not_repeatable", why, todo);
    }
}

void rw__insert_on_duplicate(rw_planner *p, const rw_insert *in, const rw_stmt *s)
{
    rw_scope target, scope;
    rw__scope_init(&target, NULL);
    rw__scope_init(&scope, NULL);
    rw_source *t = rw__scope_add_table(p, &target, &s->target, (b_slice){NULL, 0});
    rw_source *u = rw__scope_add_table(p, &scope, &s->target, (b_slice){NULL, 0});
    if (rw__stop(p) || t == NULL || u == NULL) {
        return;
    }
    if (in != NULL) {
        const rw_vcol *cols = rw__assign_cols(p, u);
        t->cols = u->cols = cols != NULL ? cols : u->cols;
    }
    if (s->row_alias.n > 0) {
        add_row_alias(p, in, s, &scope);
    }
    add_select_tables(p, s, &scope);
    rw_assigns a = {.stmt = s,
                    .list = s->on_duplicate,
                    .target_scope = &target,
                    .scope = &scope,
                    .in_order = true,
                    .qualify = s->query != NULL || s->row_alias.n > 0};
    a.keep_noop = in != NULL;
    p->insert = in;
    if (p->server.flavour == RW_MARIADB && (p->ctx->sql_mode & RW_MODE_SIMULTANEOUS_ASSIGNMENT) != 0) {
        a.in_order = false;
        twice_or_refuse(p, &a, "take SIMULTANEOUS_ASSIGNMENT out of sql_mode");
    } else if (target_is_read(&scope)) {
        twice_or_refuse(p, &a, "give the table another name in the SELECT (FROM t AS x)");
    }
    rw__emit_assigns(p, &a);
    p->insert = NULL;
}
