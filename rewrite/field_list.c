/* COM_FIELD_LIST of a migrating table: which definitions the client is to be shown, under which names. */
#include "form.h"
#include "names.h"
#include "rewrite/rewrite.h"

#include <stdio.h>

static bool same(const rw_catalog *c, b_slice a, b_slice b)
{
    return rw_catalog_server(c).lower_case_table_names == 0 ? b_slice_eq(a, b) : b_slice_ieq(a, b);
}

static bool is_temporary(const rw_ctx *ctx, const rw_catalog *c, b_slice table)
{
    for (size_t i = 0; i < ctx->ntemps; i++)
        if (same(c, ctx->temps[i].schema, ctx->schema) && same(c, ctx->temps[i].name, table)) return true;
    return false;
}

static const rw_mtable *find(const rw_ruleset *r, const rw_ctx *ctx, b_slice table)
{
    const rw_catalog *c = rw_ruleset_catalog(r);
    for (size_t i = 0; i < rw__ruleset_tables(r); i++) {
        const rw_mtable *m = rw__ruleset_table(r, i);
        if (same(c, m->schema, ctx->schema) && same(c, m->table, table))
            return is_temporary(ctx, c, table) ? NULL : m;
    }
    return NULL;
}

/* The column whose definition is the plain one's: A as long as nothing was done to it, then B. */
static rw_field field_of(const rw_table *t, const rw_pair *p, rw_version version)
{
    const rw_column *a = rw_table_column(t, p->from);
    bool from = a != NULL && !a->invisible;
    b_slice first = version == RW_VERSION_NEW ? p->to : p->from;
    return (rw_field){.read = from ? p->from : p->to,
                      .drop = from ? p->to : p->from,
                      .shown = first,
                      .last = version == RW_VERSION_BOTH ? p->to : (b_slice){NULL, 0},
                      .pair = p};
}

static const char *why_not(const rw_mtable *m)
{
    for (size_t i = 0; i < m->npairs; i++) {
        const rw_pair *p = &m->pairs[i];
        bool moving = p->a_stale || (p->phase == RW_RETIRED && p->b_default_up);
        if (rw_pair_changes(p)) return "whose values the migration changes: use SHOW COLUMNS";
        if (moving) return "while a default is being moved: try again, or use SHOW COLUMNS";
    }
    return NULL;
}

b_status rw_field_list(const rw_ruleset *r, const rw_ctx *ctx, b_slice table, b_slice pattern, b_arena *arena,
                       rw_fields *out)
{
    const rw_mtable *m = find(r, ctx, table);
    const rw_table *t = m == NULL ? NULL : rw_catalog_find(rw_ruleset_catalog(r), m->schema, m->table);
    *out = (rw_fields){.n = 0};
    if (t == NULL) return B_OK;
    const char *why = why_not(m);
    if (why == NULL && pattern.n > 0 && !b_slice_eq(pattern, B_LIT("%")))
        why = "with a pattern of names: leave the pattern out";
    rw_field *fields = b_arena_array(arena, m->npairs + 1, sizeof *fields);
    const char *text =
        b_arena_printf(arena,
                       "straddle: COM_FIELD_LIST on migrating table %.*s.%.*s (%.*s), %s, or "
                       "start the mysql client with --no-auto-rehash",
                       B_ARG(m->schema), B_ARG(m->table), B_ARG(m->label), why == NULL ? "" : why);
    if (fields == NULL || text == NULL) return B_NOMEM;
    out->refused = why == NULL ? (b_slice){NULL, 0} : b_slice_str(text);
    for (size_t i = 0; i < m->npairs && why == NULL; i++) fields[i] = field_of(t, &m->pairs[i], ctx->version);
    out->n = m->npairs;
    out->fields = fields;
    out->migration = m->pairs[0].migration;
    return B_OK;
}
