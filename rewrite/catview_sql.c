/* The text of the derived table: rows of a migrating table are changed to those of the plain table. The
 * column that is read in this phase stands for the pair, under the client's name and in A's place; the other
 * column, and the indexes over it, are left out. */
#include "catview_text.h"

void rw__view_put(rw_view *t, const char *text)
{
    b_buf_str(&t->b, text);
}

void rw__view_literal(rw_view *t, b_slice text)
{
    b_buf_slice(&t->b, rw__literal(t->p, text));
}

/* ---- conditions -------------------------------------------------------------------------------------- */

/* MariaDB compares the names here without regard to case. */
void rw__view_table(rw_view *t, const rw_mtab *mt, const char *alias)
{
    rw_server server = t->p->server;

    b_buf_printf(&t->b, "%sTABLE_SCHEMA = ", alias);
    rw__view_literal(t, mt->m->schema);
    b_buf_printf(&t->b, " AND %sTABLE_NAME = ", alias);
    rw__view_literal(t, mt->m->table);
    if (server.flavour == RW_MARIADB && server.lower_case_table_names == 0) {
        b_buf_printf(&t->b, " AND BINARY %sTABLE_NAME = ", alias);
        rw__view_literal(t, mt->m->table);
    }
}

static void put_hidden_list(rw_view *t, const rw_mtab *mt)
{
    const char *sep = "(";

    for (size_t i = 0; i < mt->m->npairs; i++) {
        b_slice hidden[2];
        unsigned n = rw__view_hidden(t, mt, &mt->m->pairs[i], hidden);

        for (unsigned k = 0; k < n; k++) {
            rw__view_put(t, sep);
            rw__view_literal(t, hidden[k]);
            sep = ", ";
        }
    }
    rw__view_put(t, sep[0] == '(' ? "('')" : ")");
}

/* Leaves out the rows that the plain table would not have. */
static void put_filter(rw_view *t, const rw_mtab *mt)
{
    const rw_catview_row *row = &rw__catviews[t->v];

    rw__view_put(t, "NOT (");
    rw__view_table(t, mt, RW_CATVIEW_ROW);
    if (t->v == RW_CATVIEW_COLUMNS) {
        rw__view_put(t, " AND " RW_CATVIEW_ROW "COLUMN_NAME IN ");
        put_hidden_list(t, mt);
    } else {
        b_buf_printf(&t->b,
                     " AND " RW_CATVIEW_ROW
                     "%s IN (SELECT straddle_i.INDEX_NAME FROM information_schema.STATISTICS AS "
                     "straddle_i WHERE ",
                     row->index);
        rw__view_table(t, mt, "straddle_i.");
        rw__view_put(t, " AND straddle_i.COLUMN_NAME IN ");
        put_hidden_list(t, mt);
        rw__view_put(t, ")");
    }
    rw__view_put(t, ")");
}

/* ---- columns ----------------------------------------------------------------------------------------- */

static bool table_changes(const rw_mtab *mt)
{
    for (size_t i = 0; i < mt->m->npairs; i++) {
        if (mt->m->pairs[i].forms != NULL) {
            return true;
        }
    }
    return false;
}

/* Where values change, columns come and go in numbers: each row gets the place of what it stands for. */
static void put_position(rw_view *t, const rw_mtab *mt)
{
    rw__view_put(t, " + (");
    rw__view_table(t, mt, RW_CATVIEW_ROW);
    rw__view_put(t, ") * (FIELD(" RW_CATVIEW_ROW "COLUMN_NAME");
    for (uint32_t i = 0; i < mt->nplain; i++) {
        const rw_vcol *v = &mt->cols[i];
        b_slice source = v->name;
        rw_told row;

        if (v->mt != NULL && rw__tell(mt, &mt->m->pairs[v->pair], v->new_name, &row)) {
            source = row.added ? B_LIT("") : row.source;
        }
        rw__view_put(t, ", ");
        rw__view_literal(t, source);
    }
    rw__view_put(t, ") - CAST(" RW_CATVIEW_ROW "ORDINAL_POSITION AS SIGNED))");
}

/* How many left-out columns stand before the row's: a plain comparison where it is known that and where they
 * are there, a count where one may come or go under this ruleset. */
static void put_shift(rw_view *t, const rw_mtab *mt)
{
    if (table_changes(mt)) {
        put_position(t, mt);
        return;
    }
    for (size_t i = 0; i < mt->m->npairs; i++) {
        rw_phase phase = mt->m->pairs[i].phase;
        bool known = rw__phase_has_from(phase) && rw__phase_has_to(phase);
        b_slice hidden = rw__phase_reads_to(phase) ? mt->m->pairs[i].from : mt->m->pairs[i].to;
        const rw_column *c = rw_table_column(mt->table, hidden);

        if (c == NULL) {
            continue;
        }
        rw__view_put(t, " - (");
        rw__view_table(t, mt, RW_CATVIEW_ROW);
        if (known) {
            b_buf_printf(&t->b, " AND " RW_CATVIEW_ROW "ORDINAL_POSITION > %zu)",
                         (size_t)(c - mt->table->columns) + 1);
            continue;
        }
        rw__view_put(t, " AND (SELECT COUNT(*) FROM information_schema.COLUMNS AS straddle_o WHERE ");
        rw__view_table(t, mt, "straddle_o.");
        rw__view_put(t, " AND straddle_o.COLUMN_NAME = ");
        rw__view_literal(t, hidden);
        rw__view_put(t, " AND straddle_o.ORDINAL_POSITION < " RW_CATVIEW_ROW "ORDINAL_POSITION) > 0)");
    }
}

/* Is the table's row to be changed at all? */
static bool applies(const rw_view *t, const rw_mtab *mt, const rw_mtab *only)
{
    return only != NULL ? mt == only : !rw__is_as_believed(t->p, mt);
}

/* One column of the derived table, by its own name. */
static void put_column(rw_view *t, b_slice name, const rw_mtab *only)
{
    const rw_view_column *c = rw__view_changed(t->v, name);
    bool ordinal = t->v == RW_CATVIEW_COLUMNS && b_slice_eq(name, B_LIT("ORDINAL_POSITION")), any = false;
    size_t before = t->b.n;

    if (c != NULL) {
        rw__view_put(t, "CASE ");
        for (const rw_mtab *mt = t->p->mtabs; mt != NULL; mt = mt->next) {
            if (applies(t, mt, only)) {
                any = rw__view_whens(t, mt, c) || any;
            }
        }
        if (!any && !t->b.failed) {
            t->b.n = before;
        }
    }
    b_buf_printf(&t->b, "%s" RW_CATVIEW_ROW "%.*s", any ? "ELSE " : "", B_ARG(name));
    for (const rw_mtab *mt = t->p->mtabs; mt != NULL && ordinal; mt = mt->next) {
        if (applies(t, mt, only)) {
            put_shift(t, mt);
        }
    }
    if (any || ordinal) {
        b_buf_printf(&t->b, "%s AS %.*s", any ? " END" : "", B_ARG(name));
    }
}

/* ---- the whole --------------------------------------------------------------------------------------- */

/* What is written out: all of it, but for SHOW COLUMNS, which reads these only. */
static const char *list_of(const rw_view *t, const rw_mtab *only)
{
    if (only != NULL && t->v == RW_CATVIEW_COLUMNS) {
        return "COLUMN_NAME ORDINAL_POSITION COLUMN_DEFAULT IS_NULLABLE DATA_TYPE COLLATION_NAME COLUMN_TYPE "
               "COLUMN_KEY EXTRA PRIVILEGES COLUMN_COMMENT";
    }
    return rw__catview_columns(t->p, t->v);
}

static void put_select(rw_view *t, const rw_mtab *only)
{
    const char *list = list_of(t, only), *sep = "SELECT ";
    b_slice name;

    while (rw__catview_word(&list, &name)) {
        rw__view_put(t, sep);
        put_column(t, name, only);
        sep = ", ";
    }
    b_buf_printf(&t->b, " FROM information_schema.%s AS straddle_c WHERE ", rw__catviews[t->v].name);
    sep = "";
    if (only != NULL) {
        rw__view_table(t, only, RW_CATVIEW_ROW);
        sep = " AND ";
    }
    for (const rw_mtab *mt = t->p->mtabs; mt != NULL; mt = mt->next) {
        if (applies(t, mt, only)) {
            rw__view_put(t, sep);
            put_filter(t, mt);
            sep = " AND ";
        }
    }
}

/* A value of a row that is added, where it is not the source's. */
static bool put_added_value(rw_view *t, const rw_told *row, b_slice name)
{
    const rw_view_column *c = rw__view_changed(t->v, name);
    size_t before = t->b.n;

    if (row->pair->forms == NULL || c == NULL || c->value == NULL) {
        return false;
    }
    if (c->value(t, row)) {
        b_buf_printf(&t->b, " AS %.*s", B_ARG(name));
        return true;
    }
    if (!t->b.failed) {
        t->b.n = before;
    }
    b_buf_printf(&t->b, RW_CATVIEW_ROW "%.*s", B_ARG(name));
    return true;
}

/* A name in a row of its own: for version `both` the new one once more, behind all columns; and a column that
 * is made from one which has a row already. */
static void put_added(rw_view *t, const rw_mtab *mt, const rw_mtab *only, const rw_told *row,
                      unsigned position)
{
    const char *list = list_of(t, only), *sep = " UNION ALL SELECT ";
    b_slice name;

    while (rw__catview_word(&list, &name)) {
        rw__view_put(t, sep);
        sep = ", ";
        if (b_slice_eq(name, B_LIT("COLUMN_NAME"))) {
            rw__view_literal(t, row->name);
        } else if (b_slice_eq(name, B_LIT("ORDINAL_POSITION"))) {
            b_buf_printf(&t->b, "%u", position);
        } else if (!put_added_value(t, row, name)) {
            put_column(t, name, mt);
        }
    }
    rw__view_put(t, " FROM information_schema.COLUMNS AS straddle_c WHERE ");
    rw__view_table(t, mt, RW_CATVIEW_ROW);
    rw__view_put(t, " AND " RW_CATVIEW_ROW "COLUMN_NAME = ");
    rw__view_literal(t, row->source);
}

/* Columns of the client's version that are made from one which has a row already. */
static void put_parts(rw_view *t, const rw_mtab *only)
{
    for (const rw_mtab *mt = t->p->mtabs; mt != NULL; mt = mt->next) {
        for (uint32_t i = 0; applies(t, mt, only) && i < mt->nplain; i++) {
            const rw_vcol *v = &mt->cols[i];
            rw_told row;

            if (v->mt != NULL && rw__tell(mt, &mt->m->pairs[v->pair], v->new_name, &row) && row.added) {
                put_added(t, mt, only, &row, i + 1);
            }
        }
    }
}

static void put_both(rw_view *t, const rw_mtab *only)
{
    for (const rw_mtab *mt = t->p->mtabs; mt != NULL; mt = mt->next) {
        if (!applies(t, mt, only)) {
            continue;
        }
        unsigned position = mt->nplain;

        for (uint32_t i = 0; i < mt->m->npairs; i++) {
            rw_told row;

            if (rw__tell(mt, &mt->m->pairs[i], true, &row) && ++position > 0 && !mt->m->pairs[i].disabled) {
                put_added(t, mt, only, &row, position);
            }
        }
    }
}

b_slice rw__catview_sql(rw_planner *p, rw_catview v, rw_mtab *only)
{
    rw_view t = {.p = p, .v = v};
    b_slice out = {NULL, 0};
    bool any = only != NULL;

    for (size_t i = 0; only == NULL && i < rw__ruleset_tables(p->rules) && !rw__stop(p); i++) {
        const rw_mtab *mt = rw__migrating(p, i);

        any = any || (mt != NULL && !rw__is_as_believed(p, mt));
    }
    if (!any || rw__stop(p)) {
        return out;
    }
    if (p->locals != NULL) {
        rw__refuse(p, p->mtabs, "compound",
                   "information_schema in a compound statement that declares variables",
                   "read it in a statement of its own");
        return out;
    }
    rw__view_put(&t, "(");
    put_select(&t, only);
    if (v == RW_CATVIEW_COLUMNS) {
        put_parts(&t, only);
    }
    if (v == RW_CATVIEW_COLUMNS && p->ctx->version == RW_VERSION_BOTH) {
        put_both(&t, only);
    }
    rw__view_put(&t, ")");
    out = t.b.failed ? out : b_arena_dup(p->arena, b_buf_view(&t.b));
    b_buf_deinit(&t.b);
    p->nomem = p->nomem || out.p == NULL;
    return out;
}
