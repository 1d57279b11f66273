/* FROM and WITH: what they bring into scope, and what is to be rewritten inside them. */
#include "catview.h"
#include "emit.h"
#include "index_name.h"
#include "shield.h"
#include "words.h"

/* ---- common table expressions ----------------------------------------------------------------------- */

const rw_cte_env *rw__find_cte(rw_planner *p, const rw_scope *s, const rw_name *name)
{
    const rw_table *known;
    rw_mtab *mt;

    if (name->n != 1) {
        return NULL;
    }
    for (const rw_cte_env *c = s->ctes; c != NULL; c = c->outer) {
        if (rw__table_name_eq(p, c->name, name->part[0])) {
            return c;
        }
        if (!b_slice_ieq(c->name, name->part[0])) {
            continue;
        }
        mt = rw__find_table(p, name, &known);
        if (mt != NULL) {
            rw__refuse_name(p, mt, "name",
                            "common table expression %.*s, which differs from the table's name in case only,",
                            c->name, "give it another name");
        }
    }
    return NULL;
}

/* A column list gives the names, in order; nothing is carried past it. */
static rw_export rename_columns(rw_planner *p, rw_export cols, const rw_name_list *names)
{
    rw_vcols list = {0};

    if (names == NULL) {
        return cols;
    }
    for (const rw_name_list *n = names; n != NULL; n = n->next) {
        b_slice name = n->name.part[n->name.n - 1];

        rw__vcols_add(p, &list, (rw_vcol){.name = name, .phys = name, .first = true, .star = true});
    }
    return (rw_export){list.v, list.n, true};
}

void rw__cte_set(rw_planner *p, rw_cte_env *env, rw_export cols)
{
    env->cols = rename_columns(p, cols, env->columns);
    env->ready = true;
}

/* MariaDB lets recursive ones name each other forwards, which the walk in order does not follow. */
static void check_forward(rw_planner *p, const rw_cte *cte)
{
    for (const rw_cte *c = cte; c != NULL; c = c->next) {
        rw_name name = {.n = 1, .part = {c->name}};
        const rw_table *known;
        rw_mtab *mt = rw__find_table(p, &name, &known);

        if (mt != NULL) {
            rw__refuse_name(p, mt, "cte", "recursive common table expression %.*s", c->name,
                            "give it another name");
        }
    }
}

void rw__scope_add_ctes(rw_planner *p, rw_scope *s, const rw_cte *ctes, bool recursive)
{
    if (recursive && ctes != NULL && ctes->next != NULL && p->server.flavour == RW_MARIADB) {
        check_forward(p, ctes);
    }
    for (const rw_cte *c = ctes; c != NULL && !rw__stop(p); c = c->next) {
        rw_cte_env *env = B_NEW(p->arena, rw_cte_env);
        rw_mode mode = {.counted = true, .names = true};
        rw_scope inner;
        rw_export cols;

        if (env == NULL) {
            p->nomem = true;
            return;
        }
        env->name = c->name;
        env->outer = s->ctes;
        env->columns = c->columns;
        rw__scope_init(&inner, s);
        if (recursive) {
            inner.ctes = env;
        }
        cols = rw__emit_query_as(p, &inner, c->query, mode, recursive ? env : NULL);
        if (!env->ready) {
            rw__cte_set(p, env, cols);
        }
        s->ctes = env;
    }
}

/* ---- tables and derived tables ---------------------------------------------------------------------- */

static void add_cte(rw_planner *p, rw_scope *s, const rw_from *f, const rw_cte_env *cte)
{
    rw_source *src = rw__scope_push(p, s);

    if (src == NULL) {
        return;
    }
    src->name = f->alias_tok != RW_NO_TOK ? f->alias : cte->name;
    src->from = f;
    if (cte->ready) {
        rw__source_export(p, src, cte->cols);
    }
    rw__trace_source(p, s, src);
}

static bool is_dual(const rw_name *n)
{
    return n->n == 1 && b_slice_ieq(n->part[0], B_LIT("dual"));
}

static void add_table(rw_planner *p, rw_scope *s, const rw_from *f)
{
    const rw_cte_env *cte = rw__find_cte(p, s, &f->table);
    rw_source *src;

    if (cte != NULL) {
        add_cte(p, s, f, cte);
        return;
    }
    if (rw__catview_add(p, s, f) || rw__stop(p)) {
        return;
    }
    rw_mtab *shielded = rw__shielded(p, s, f);
    if (shielded != NULL) {
        rw__add_shielded(p, s, f, shielded);
        return;
    }
    src = rw__scope_add_table(p, s, &f->table, f->alias_tok != RW_NO_TOK ? f->alias : (b_slice){NULL, 0});
    if (src == NULL) {
        return;
    }
    src->from = f;
    if (src->mt != NULL) {
        rw__emit_index_names(p, src->mt, f);
    }
    if (src->table == NULL && is_dual(&f->table)) {
        src->known = true;
    }
    if (src->mt != NULL && f->for_system_time) {
        rw__refuse(p, src->mt, "system_time", "FOR SYSTEM_TIME", "read the table's present rows only");
    }
}

static void add_derived(rw_planner *p, rw_scope *s, const rw_from *f)
{
    rw_mode mode = {.counted = true, .names = true};
    rw_clause keep = s->clause;
    uint32_t lo = s->lo, hi = s->hi;
    rw_scope inner;
    rw_export cols;
    rw_source *src;

    /* LATERAL sees the tables before it; other derived tables see what is outside the select. */
    s->lo = 0;
    s->hi = UINT32_MAX;
    s->clause = RW_C_OTHER;
    rw__scope_init(&inner, f->lateral ? s : s->outer);
    inner.ctes = s->ctes;
    cols = rename_columns(p, rw__emit_query_as(p, &inner, f->query, mode, NULL), f->columns);
    s->clause = keep;
    s->lo = lo;
    s->hi = hi;
    src = rw__stop(p) ? NULL : rw__scope_push(p, s);
    if (src == NULL) {
        return;
    }
    src->name = f->alias;
    src->from = f;
    rw__source_export(p, src, cols);
    rw__trace_source(p, s, src);
}

/* The columns that JSON_TABLE's COLUMNS clause gives, under the names that stand there. */
static void export_named(rw_planner *p, rw_source *src, const rw_name_list *names)
{
    rw_export none = {NULL, 0, true};

    rw__source_export(p, src, rename_columns(p, none, names));
}

/* JSON_TABLE, whose document sees the tables before it; and DUAL, which has no columns. */
static void add_given(rw_planner *p, rw_scope *s, const rw_from *f)
{
    uint32_t lo = s->lo, hi = s->hi;
    rw_source *src;

    s->lo = 0;
    s->hi = UINT32_MAX;
    rw__emit_exprs(p, s, RW_C_OTHER, f->exprs);
    s->lo = lo;
    s->hi = hi;
    src = rw__stop(p) ? NULL : rw__scope_push(p, s);
    if (src == NULL) {
        return;
    }
    memset(src, 0, sizeof(*src));
    src->name = f->alias;
    src->from = f;
    export_named(p, src, f->columns);
}

/* ---- joins ------------------------------------------------------------------------------------------ */

static bool source_has(const rw_source *src, b_slice name, bool *first, bool *same, bool *phys)
{
    *first = *same = *phys = false;
    for (uint32_t i = 0; i < src->ncols; i++) {
        const rw_vcol *c = &src->cols[i];

        if (!b_slice_ieq(c->name, name)) {
            continue;
        }
        if (c->first) {
            *first = true;
            *same = b_slice_ieq(c->phys, name);
        }
    }
    for (uint32_t i = 0; i < src->nphys; i++) {
        *phys = *phys || b_slice_ieq(src->phys[i], name);
    }
    return *first || *phys;
}

/* A name of a pair in USING: right as it stands only where the plain table has the name and reads go to it,
 * and no table has it on one side only. */
static void check_using(rw_planner *p, rw_scope *s, uint32_t lo, b_slice name)
{
    const rw_mtab *mt = NULL;
    bool right = true;

    for (uint32_t i = lo; i < s->nsrc; i++) {
        bool first, same, phys, new_name;
        uint32_t pair;

        (void)source_has(&s->src[i], name, &first, &same, &phys);
        if (s->src[i].known && (first != phys || (first && !same))) {
            right = false;
        }
        if (s->src[i].mt != NULL && rw__pair_named(s->src[i].mt, name, &new_name, &pair) != NULL) {
            mt = s->src[i].mt;
            rw__note_use(s->src[i].mt, pair, new_name, false);
        }
    }
    if (mt != NULL && !right) {
        rw__refuse_name(p, mt, "using", "USING (%.*s)", name,
                        "write the condition with ON and qualified names");
    }
}

/* NATURAL joins by every name that both sides show: none may be one of a pair. */
static void check_natural(rw_planner *p, const rw_scope *s, uint32_t lo, const rw_mtab *mt)
{
    for (size_t k = 0; k < 2 * mt->m->npairs; k++) {
        b_slice name = k % 2 == 0 ? mt->m->pairs[k / 2].from : mt->m->pairs[k / 2].to;
        uint32_t have = 0;

        for (uint32_t i = lo; i < s->nsrc; i++) {
            bool first, same, phys;

            have += !s->src[i].known || source_has(&s->src[i], name, &first, &same, &phys);
        }
        if (have > 1) {
            rw__refuse_name(p, mt, "natural_join",
                            "NATURAL JOIN with another table that has (or may have) a column %.*s", name,
                            "write the condition with ON and qualified names");
        }
    }
}

static bool first_in(const rw_scope *s, uint32_t lo, uint32_t hi, b_slice name)
{
    for (uint32_t i = lo; i < hi; i++) {
        bool first, same, phys;

        (void)source_has(&s->src[i], name, &first, &same, &phys);
        if (first) {
            return true;
        }
    }
    return false;
}

/* The names of pairs that a NATURAL join joins by. */
static const rw_name_list *natural_names(rw_planner *p, const rw_scope *s, uint32_t lo, uint32_t middle)
{
    rw_name_list *list = NULL;

    for (const rw_mtab *mt = p->mtabs; mt != NULL; mt = mt->next) {
        for (size_t k = 0; k < 2 * mt->m->npairs; k++) {
            b_slice name = k % 2 == 0 ? mt->m->pairs[k / 2].from : mt->m->pairs[k / 2].to;
            rw_name_list *node;

            if (!first_in(s, lo, middle, name) || !first_in(s, middle, s->nsrc, name)) {
                continue;
            }
            node = B_NEW(p->arena, rw_name_list);
            if (node == NULL) {
                p->nomem = true;
                return NULL;
            }
            node->name = (rw_name){.n = 1, .part = {name}};
            node->next = list;
            list = node;
        }
    }
    return list;
}

static void add_coalesced(rw_planner *p, rw_scope *s, const rw_name_list *names)
{
    if (names == NULL) {
        return;
    }
    if (s->nusing == RW_MAX_USING) {
        rw__refuse(p, p->mtabs, "using", "more than 61 joins by USING", "write the conditions with ON");
        return;
    }
    s->using_cols[s->nusing++] = names;
}

static void check_join(rw_planner *p, rw_scope *s, const rw_from *f, uint32_t lo, uint32_t middle)
{
    bool candidate = false;

    for (uint32_t i = lo; f->natural && i < s->nsrc && !rw__stop(p); i++) {
        if (s->src[i].mt != NULL && !rw__joins_as_plain(p, s, s->src[i].mt->m)) {
            check_natural(p, s, lo, s->src[i].mt);
        }
    }
    for (const rw_name_list *c = f->using_cols; c != NULL && !rw__stop(p); c = c->next) {
        b_slice name = c->name.part[c->name.n - 1];

        if (!rw__is_candidate(p, name)) {
            continue;
        }
        candidate = true;
        check_using(p, s, lo, name);
    }
    if (f->natural && !rw__stop(p)) {
        add_coalesced(p, s, natural_names(p, s, lo, middle));
    } else if (candidate) {
        add_coalesced(p, s, f->using_cols);
    }
}

static void add_one(rw_planner *p, rw_scope *s, const rw_from *f);

static void add_join(rw_planner *p, rw_scope *s, const rw_from *f)
{
    uint32_t first = s->nsrc, middle, lo = s->lo, hi = s->hi;

    add_one(p, s, f->left);
    middle = s->nsrc;
    add_one(p, s, f->right);
    if (rw__stop(p)) {
        return;
    }
    for (uint32_t i = first; i < s->nsrc; i++) {
        if (i < middle ? f->right_outer : f->left_outer) {
            s->src[i].null_extended = true;
        }
    }
    check_join(p, s, f, first, middle);
    s->lo = first;
    s->hi = s->nsrc;
    rw__emit_exprs(p, s, RW_C_ON, f->exprs);
    s->lo = lo;
    s->hi = hi;
}

static void add_one(rw_planner *p, rw_scope *s, const rw_from *f)
{
    if (rw__stop(p) || f == NULL) {
        return;
    }
    switch (f->kind) {
    case RW_F_TABLE: add_table(p, s, f); return;
    case RW_F_DERIVED: add_derived(p, s, f); return;
    case RW_F_JOIN: add_join(p, s, f); return;
    case RW_F_JSON_TABLE:
    case RW_F_DUAL: add_given(p, s, f); return;
    }
}

void rw__scope_add_from(rw_planner *p, rw_scope *s, const rw_from *from)
{
    for (const rw_from *f = from; f != NULL && !rw__stop(p); f = f->next) {
        s->item = s->shields ? f : NULL;
        add_one(p, s, f);
    }
    s->item = NULL;
}
