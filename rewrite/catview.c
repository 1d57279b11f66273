/* information_schema as the client is to see it: each of its tables that tells of columns or indexes becomes
 * a derived table over itself. */
#include "catview_text.h"

#define KEY_COLUMNS                                                                                          \
    "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_CATALOG TABLE_SCHEMA TABLE_NAME "            \
    "COLUMN_NAME ORDINAL_POSITION POSITION_IN_UNIQUE_CONSTRAINT REFERENCED_TABLE_SCHEMA "                    \
    "REFERENCED_TABLE_NAME REFERENCED_COLUMN_NAME"
#define COLUMN_COLUMNS                                                                                       \
    "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION COLUMN_DEFAULT IS_NULLABLE "         \
    "DATA_TYPE CHARACTER_MAXIMUM_LENGTH CHARACTER_OCTET_LENGTH NUMERIC_PRECISION NUMERIC_SCALE "             \
    "DATETIME_PRECISION CHARACTER_SET_NAME COLLATION_NAME COLUMN_TYPE COLUMN_KEY EXTRA PRIVILEGES "          \
    "COLUMN_COMMENT "
#define INDEX_COLUMNS                                                                                        \
    "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME NON_UNIQUE INDEX_SCHEMA INDEX_NAME SEQ_IN_INDEX COLUMN_NAME "     \
    "COLLATION CARDINALITY SUB_PART PACKED NULLABLE INDEX_TYPE COMMENT INDEX_COMMENT "
#define CONSTRAINT_COLUMNS                                                                                   \
    "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_SCHEMA TABLE_NAME CONSTRAINT_TYPE"

const rw_catview_row rw__catviews[RW_CATVIEWS] = {
    [RW_CATVIEW_COLUMNS] = {"COLUMNS",
                            {COLUMN_COLUMNS "GENERATION_EXPRESSION SRS_ID",
                             COLUMN_COLUMNS "IS_GENERATED GENERATION_EXPRESSION"},
                            NULL},
    [RW_CATVIEW_STATISTICS] = {"STATISTICS",
                               {INDEX_COLUMNS "IS_VISIBLE EXPRESSION", INDEX_COLUMNS "IGNORED"},
                               "INDEX_NAME"},
    [RW_CATVIEW_KEYS] = {"KEY_COLUMN_USAGE", {KEY_COLUMNS, KEY_COLUMNS}, "CONSTRAINT_NAME"},
    [RW_CATVIEW_CONSTRAINTS] = {"TABLE_CONSTRAINTS",
                                {CONSTRAINT_COLUMNS " ENFORCED", CONSTRAINT_COLUMNS},
                                "CONSTRAINT_NAME"},
};

bool rw__catview_word(const char **list, b_slice *word)
{
    size_t n = strcspn(*list, " ");

    *word = b_slice_of(*list, n);
    *list += n + ((*list)[n] == ' ');
    return n > 0;
}

const char *rw__catview_columns(const rw_planner *p, rw_catview v)
{
    static const char *const of_11_4 = COLUMN_COLUMNS
        "IS_GENERATED GENERATION_EXPRESSION IS_SYSTEM_TIME_PERIOD_START IS_SYSTEM_TIME_PERIOD_END";

    if (v == RW_CATVIEW_COLUMNS && p->server.flavour == RW_MARIADB && p->server.version >= 110401) {
        return of_11_4;
    }
    return rw__catviews[v].columns[p->server.flavour == RW_MARIADB];
}

bool rw__catview_named(const rw_planner *p, const rw_name *name, rw_catview *out)
{
    b_slice schema = name->n > 1 ? name->part[name->n - 2] : p->schema;

    if (name->n == 0 || !b_slice_ieq(schema, B_LIT("information_schema"))) {
        return false;
    }
    for (size_t i = 0; i < RW_CATVIEWS; i++) {
        if (b_slice_ieq(name->part[name->n - 1], b_slice_str(rw__catviews[i].name))) {
            *out = (rw_catview)i;
            return true;
        }
    }
    return false;
}

static void fill_source(rw_planner *p, rw_source *src, rw_catview v)
{
    const char *list = rw__catview_columns(p, v);
    rw_vcols cols = {0};
    b_slice name;

    while (rw__catview_word(&list, &name)) {
        rw__vcols_add(p, &cols, (rw_vcol){.name = name, .phys = name, .first = true, .star = true});
    }
    rw__source_export(p, src, (rw_export){cols.v, cols.n, true});
    src->catalog_view = true;
}

bool rw__catview_add(rw_planner *p, rw_scope *s, const rw_from *f)
{
    b_slice own = f->table.n > 0 ? f->table.part[f->table.n - 1] : (b_slice){NULL, 0}, sql;
    bool alias = f->alias_tok != RW_NO_TOK;
    rw_catview v;
    rw_source *src;
    rw_edit *edit;

    if (rw__stop(p) || !rw__catview_named(p, &f->table, &v)) {
        return false;
    }
    sql = rw__catview_sql(p, v, NULL);
    src = sql.n == 0 || rw__stop(p) ? NULL : rw__scope_push(p, s);
    if (src == NULL) {
        return false;
    }
    memset(src, 0, sizeof(*src));
    src->name = alias ? f->alias : own;
    src->schema = f->table.n > 1 ? f->table.part[f->table.n - 2] : p->schema;
    src->from = f;
    fill_source(p, src, v);
    edit = rw_edit_replace(p->edits, f->table.tok, f->table.end);
    rw_edit_text(p->edits, edit, sql);
    if (!alias) {
        rw_edit_text(p->edits, edit, B_LIT(" AS "));
        rw_edit_text(p->edits, edit, rw__quoted(p, own));
    }
    return true;
}

bool rw__catview_table_stmt(rw_planner *p, const rw_select *sel)
{
    rw_catview v;
    b_slice sql = {NULL, 0};
    rw_edit *edit;

    if (!rw__stop(p) && rw__catview_named(p, &sel->table, &v)) {
        sql = rw__catview_sql(p, v, NULL);
    }
    if (sql.n == 0 || rw__stop(p)) {
        return false;
    }
    edit = rw_edit_replace(p->edits, sel->tok, sel->end);
    rw_edit_text(p->edits, edit, B_LIT("SELECT * FROM "));
    rw_edit_text(p->edits, edit, sql);
    rw_edit_text(p->edits, edit, B_LIT(" AS straddle_v"));
    return true;
}

static const rw_vcol *column_named(const rw_source *src, b_slice name)
{
    for (uint32_t i = 0; i < src->ncols; i++) {
        if (b_slice_ieq(src->cols[i].name, name)) {
            return &src->cols[i];
        }
    }
    return NULL;
}

/* The qualifier as far as it goes: the servers differ in whether its case matters, and say so themselves. */
static bool qualifies(const rw_source *src, const rw_name *name)
{
    return src->catalog_view && (name->n < 2 || b_slice_ieq(src->name, name->part[name->n - 2])) &&
           (name->n < 3 || b_slice_ieq(src->schema, name->part[name->n - 3]));
}

/* The column of a rewritten table in this scope that the name means; NULL for none. */
static const rw_vcol *find_column(const rw_scope *s, const rw_name *name)
{
    for (uint32_t i = 0; i < s->nsrc && name->n > 0; i++) {
        const rw_source *src = &s->src[i];
        const rw_vcol *c = qualifies(src, name) ? column_named(src, name->part[name->n - 1]) : NULL;

        if (c != NULL) {
            return c;
        }
    }
    return NULL;
}

bool rw__catview_column(const rw_planner *p, const rw_scope *s, const rw_expr *e, b_slice *shown)
{
    const rw_vcol *c = find_column(s, &e->name);

    if (c != NULL) {
        *shown = p->server.flavour == RW_MYSQL ? c->name : e->name.part[e->name.n - 1];
    }
    return c != NULL;
}

void rw__catview_unqualify(rw_planner *p, const rw_scope *s, const rw_expr *e)
{
    for (; s != NULL && e->name.n == 3; s = s->outer) {
        if (find_column(s, &e->name) != NULL) {
            (void)rw_edit_replace(p->edits, e->name.part_tok[0], e->name.part_tok[1]);
            return;
        }
    }
}
