/* information_schema as the client is to see it: each of its tables that tells of columns or indexes becomes
 * a derived table over itself. Rows of a migrating table are changed to those of the plain table: the column
 * that is read in this phase stands for the pair, under the client's name and in A's place; the other column,
 * and the indexes over it, are left out.
 *
 * No subquery stands in a select list where none is needed, and nothing is grouped: so both servers merge the
 * derived table into the query, and look up the one table that it asks for instead of opening all. */
#include "catview.h"
#include "type.h"

#include "base/buf.h"

#define ROW "straddle_c." /* the alias of the table inside */

typedef struct catview_row {
    const char *name;
    const char *columns[2]; /* by rw_flavour */
    const char *index;      /* the column that has the index's name */
} catview_row;

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

static const catview_row catviews[] = {
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

/* One derived table being written. */
typedef struct view_text {
    rw_planner *p;
    rw_catview v;
    b_buf b;
} view_text;

/* ---- literals ---------------------------------------------------------------------------------------- */

b_slice rw__literal(rw_planner *p, b_slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    bool plain = true;
    char *out = b_arena_alloc(p->arena, 2 * text.n + 16);
    size_t n = 0;

    if (out == NULL) {
        p->nomem = true;
        return (b_slice){NULL, 0};
    }
    for (size_t i = 0; i < text.n; i++) {
        plain = plain && text.p[i] >= ' ' && text.p[i] <= '~' && text.p[i] != '\\';
    }
    if (!plain) {
        memcpy(out, "_utf8mb4 X'", n = 11);
    } else {
        out[n++] = '\'';
    }
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (!plain) {
            out[n++] = digits[c >> 4];
            out[n++] = digits[c & 15];
            continue;
        }
        if (c == '\'') {
            out[n++] = '\'';
        }
        out[n++] = (char)c;
    }
    out[n++] = '\'';
    return b_slice_of(out, n);
}

static void put(view_text *t, const char *text)
{
    b_buf_str(&t->b, text);
}

static void put_literal(view_text *t, b_slice text)
{
    b_buf_slice(&t->b, rw__literal(t->p, text));
}

/* ---- pairs ------------------------------------------------------------------------------------------- */

/* One name of a pair, as it is told of. */
typedef struct told {
    const rw_pair *pair;
    b_slice name;    /* that the client sees */
    b_slice source;  /* the column whose row stands for it */
    rw_column is;    /* what the plain table has */
    bool moves;      /* the source's default, NULL or visibility are, or may be, others */
    bool other_type; /* the source is a column of another type */
    bool added;      /* the source's row stands for another name already: told of in a row of its own */
} told;

/* Of a pair that changes values each column has a row of its own, where it is there for certain. */
static bool own_row(const rw_pair *pair, bool new_name)
{
    return new_name ? pair->phase >= RW_DUAL_WRITE : pair->phase < RW_CONTRACTED;
}

/* The first pair of the group that has the other side: what a column without a counterpart is made from. */
static b_slice group_source(const rw_mtab *mt, const rw_pair *pair, bool new_name)
{
    for (size_t i = pair->group; i < mt->m->npairs; i++) {
        const rw_pair *q = &mt->m->pairs[i];
        b_slice other = new_name ? q->from : q->to;

        if (q->group == pair->group && other.n > 0) {
            return other;
        }
    }
    return pair->from;
}

/* False: the pair has no column on this side. Reads of rows and of the catalogue go the same way for a
 * rename: A is changed while it retires, when B is whole already. */
static bool tell(const rw_mtab *mt, const rw_pair *pair, bool new_name, told *out)
{
    *out = (told){.pair = pair, .name = new_name ? pair->to : pair->from};
    if (out->name.n == 0) {
        return false;
    }
    if (pair->forms == NULL) {
        out->source = rw__pair_read(pair);
        out->is = pair->plain;
        out->moves = pair->phase == RW_SWITCHED || pair->phase == RW_RETIRED;
        return true;
    }
    bool own = own_row(pair, new_name);

    out->source = own ? out->name : group_source(mt, pair, new_name);
    out->is = new_name ? rw__pair_target(pair) : pair->plain;
    out->is.invisible = pair->plain.invisible;
    out->moves = true;
    out->other_type = !own;
    out->added = !own && !b_slice_ieq(out->source, new_name ? pair->from : pair->to);
    return true;
}

static bool tells_new(const rw_planner *p)
{
    return p->ctx->version == RW_VERSION_NEW;
}

/* Physical columns of the pair that no row is to show; their number. */
static unsigned hidden_of(const view_text *t, const rw_mtab *mt, const rw_pair *pair, b_slice out[2])
{
    told row;
    unsigned n = 0;
    bool some = tell(mt, pair, tells_new(t->p), &row) && !row.added;

    if (pair->from.n > 0 && !(some && b_slice_ieq(row.source, pair->from))) {
        out[n++] = pair->from;
    }
    if (pair->to.n > 0 && !(some && b_slice_ieq(row.source, pair->to))) {
        out[n++] = pair->to;
    }
    return n;
}

static bool table_changes(const rw_mtab *mt)
{
    for (size_t i = 0; i < mt->m->npairs; i++) {
        if (mt->m->pairs[i].forms != NULL) {
            return true;
        }
    }
    return false;
}

bool rw__is_as_believed(const rw_planner *p, const rw_mtab *mt)
{
    bool to = p->ctx->version == RW_VERSION_NEW;

    if (p->ctx->version == RW_VERSION_BOTH) {
        return false;
    }
    for (size_t i = 0; i < mt->m->npairs; i++) {
        const rw_pair *pair = &mt->m->pairs[i];

        if (pair->phase != (to ? RW_CONTRACTED : RW_PLANNED) ||
            rw_table_column(mt->table, to ? pair->from : pair->to) != NULL) {
            return false;
        }
    }
    return true;
}

/* ---- conditions -------------------------------------------------------------------------------------- */

/* The row is one of this table. MariaDB compares the names here without regard to case. */
static void put_table(view_text *t, const rw_mtab *mt, const char *alias)
{
    rw_server server = t->p->server;

    b_buf_printf(&t->b, "%sTABLE_SCHEMA = ", alias);
    put_literal(t, mt->m->schema);
    b_buf_printf(&t->b, " AND %sTABLE_NAME = ", alias);
    put_literal(t, mt->m->table);
    if (server.flavour == RW_MARIADB && server.lower_case_table_names == 0) {
        b_buf_printf(&t->b, " AND BINARY %sTABLE_NAME = ", alias);
        put_literal(t, mt->m->table);
    }
}

static void put_hidden_list(view_text *t, const rw_mtab *mt)
{
    const char *sep = "(";

    for (size_t i = 0; i < mt->m->npairs; i++) {
        b_slice hidden[2];
        unsigned n = hidden_of(t, mt, &mt->m->pairs[i], hidden);

        for (unsigned k = 0; k < n; k++) {
            put(t, sep);
            put_literal(t, hidden[k]);
            sep = ", ";
        }
    }
    put(t, sep[0] == '(' ? "('')" : ")");
}

/* Leaves out the rows that the plain table would not have. */
static void put_filter(view_text *t, const rw_mtab *mt)
{
    const catview_row *row = &catviews[t->v];

    put(t, "NOT (");
    put_table(t, mt, ROW);
    if (t->v == RW_CATVIEW_COLUMNS) {
        put(t, " AND " ROW "COLUMN_NAME IN ");
        put_hidden_list(t, mt);
    } else {
        b_buf_printf(&t->b,
                     " AND " ROW "%s IN (SELECT straddle_i.INDEX_NAME FROM information_schema.STATISTICS AS "
                     "straddle_i WHERE ",
                     row->index);
        put_table(t, mt, "straddle_i.");
        put(t, " AND straddle_i.COLUMN_NAME IN ");
        put_hidden_list(t, mt);
        put(t, ")");
    }
    put(t, ")");
}

/* ---- columns ----------------------------------------------------------------------------------------- */

/* A value of A as on the plain table, to be put in the place of column `what`; false: none is to be. */
typedef bool put_value(view_text *t, const told *row);

static bool put_name(view_text *t, const told *row)
{
    if (b_slice_eq(row->name, row->source)) {
        return false;
    }
    put_literal(t, row->name);
    return true;
}

/* ---- what follows from the type ---- */

static bool put_number(view_text *t, const told *row, rw_type_fact fact)
{
    uint64_t n;

    if (!row->other_type) {
        return false;
    }
    if (rw__type_fact(&row->is, fact, &n)) {
        b_buf_printf(&t->b, "%llu", (unsigned long long)n);
    } else {
        put(t, "NULL");
    }
    return true;
}

static bool put_characters(view_text *t, const told *row)
{
    return put_number(t, row, RW_TYPE_CHARACTERS);
}

static bool put_octets(view_text *t, const told *row)
{
    return put_number(t, row, RW_TYPE_OCTETS);
}

static bool put_precision(view_text *t, const told *row)
{
    return put_number(t, row, RW_TYPE_PRECISION);
}

static bool put_scale(view_text *t, const told *row)
{
    return put_number(t, row, RW_TYPE_SCALE);
}

static bool put_fraction(view_text *t, const told *row)
{
    return put_number(t, row, RW_TYPE_FRACTION);
}

static bool put_text(view_text *t, const told *row, b_slice text)
{
    if (!row->other_type) {
        return false;
    }
    if (text.n > 0) {
        put_literal(t, text);
    } else {
        put(t, "NULL");
    }
    return true;
}

static bool put_type(view_text *t, const told *row)
{
    return put_text(t, row, row->is.type);
}

static bool put_type_word(view_text *t, const told *row)
{
    return put_text(t, row, b_slice_of(row->is.type.p, rw__type_word(row->is.type)));
}

static bool put_collation(view_text *t, const told *row)
{
    return put_text(t, row, row->is.collation);
}

static bool put_charset(view_text *t, const told *row)
{
    size_t n = 0;

    while (n < row->is.collation.n && row->is.collation.p[n] != '_') {
        n++;
    }
    return put_text(t, row, b_slice_of(row->is.collation.p, n));
}

static bool put_null(view_text *t, const told *row)
{
    if (t->v == RW_CATVIEW_COLUMNS && !row->moves) {
        return false;
    }
    put(t, row->is.nullable ? "'YES'" : t->v == RW_CATVIEW_COLUMNS ? "'NO'" : "''");
    return true;
}

static bool put_extra(view_text *t, const told *row)
{
    const rw_column *c = &row->is;
    bool generated = t->p->server.flavour == RW_MYSQL &&
                     (c->default_kind == RW_DEFAULT_EXPR || c->default_kind == RW_DEFAULT_NOW);

    if (!row->moves) {
        return false;
    }
    b_buf_printf(&t->b, "'%s%s%s'", generated ? "DEFAULT_GENERATED" : "",
                 generated && c->invisible ? " " : "", c->invisible ? "INVISIBLE" : "");
    return true;
}

/* MySQL shows a literal without its quotes, and an expression with its quotes escaped. */
static b_slice mysql_default(rw_planner *p, const rw_column *c)
{
    b_slice s = c->default_text;
    bool literal = c->default_kind == RW_DEFAULT_LITERAL;
    char *out = b_arena_alloc(p->arena, 2 * s.n + 1);
    size_t n = 0;

    if (out == NULL) {
        p->nomem = true;
        return (b_slice){NULL, 0};
    }
    if (literal && (s.n < 2 || s.p[0] != '\'')) {
        return s; /* a number, 0x…, b'…' */
    }
    if (literal) {
        s = b_slice_of(s.p + 1, s.n - 2);
    }
    for (size_t i = 0; i < s.n; i++) {
        if (literal && i + 1 < s.n && (s.p[i] == '\'' || s.p[i] == '\\') && s.p[i + 1] == s.p[i]) {
            i++;
        } else if (!literal && s.p[i] == '\'') {
            out[n++] = '\\';
        }
        out[n++] = s.p[i];
    }
    return b_slice_of(out, n);
}

static bool put_default(view_text *t, const told *row)
{
    const rw_column *c = &row->is;
    bool mariadb = t->p->server.flavour == RW_MARIADB;

    if (!row->moves) {
        return false;
    }
    switch (c->default_kind) {
    case RW_DEFAULT_NONE:
    case RW_DEFAULT_AUTO_INC: put(t, "NULL"); return true;
    case RW_DEFAULT_NULL: put(t, mariadb ? "'NULL'" : "NULL"); return true;
    case RW_DEFAULT_LITERAL:
    case RW_DEFAULT_EXPR:
    case RW_DEFAULT_NOW: put_literal(t, mariadb ? c->default_text : mysql_default(t->p, c)); return true;
    }
    return false;
}

/* The index's name without the end that makes it a twin's. */
static bool put_index(view_text *t, const rw_mtab *mt)
{
    bool any = false;

    for (size_t i = 0; i < mt->m->npairs; i++) {
        if (!rw__phase_reads_to(mt->m->pairs[i].phase) || mt->m->pairs[i].to.n == 0) {
            continue;
        }
        any = true;
        const char *index = catviews[t->v].index;
        const char *end = b_arena_printf(t->p->arena, "__%.*s", B_ARG(mt->m->pairs[i].to));
        size_t n = end == NULL ? 0 : strlen(end);

        if (end == NULL) {
            t->p->nomem = true;
            return false;
        }
        put(t, "WHEN ");
        put_table(t, mt, ROW);
        b_buf_printf(&t->b, " AND RIGHT(" ROW "%s, %zu) = ", index, n);
        put_literal(t, b_slice_of(end, n));
        b_buf_printf(&t->b, " THEN LEFT(" ROW "%s, CHAR_LENGTH(" ROW "%s) - %zu) ", index, index, n);
    }
    return any;
}

static bool put_whens(view_text *t, const rw_mtab *mt, put_value *value)
{
    bool any = false;

    for (size_t i = 0; i < mt->m->npairs; i++) {
        size_t before = t->b.n;
        told row;

        if (!tell(mt, &mt->m->pairs[i], tells_new(t->p), &row) || row.added) {
            continue;
        }
        put(t, "WHEN ");
        put_table(t, mt, ROW);
        put(t, " AND " ROW "COLUMN_NAME = ");
        put_literal(t, row.source);
        put(t, " THEN ");
        if (value(t, &row)) {
            put(t, " ");
            any = true;
        } else if (!t->b.failed) {
            t->b.n = before;
        }
    }
    return any;
}

/* Where values change, columns come and go in numbers: each row gets the place of what it stands for. */
static void put_position(view_text *t, const rw_mtab *mt)
{
    put(t, " + (");
    put_table(t, mt, ROW);
    put(t, ") * (FIELD(" ROW "COLUMN_NAME");
    for (uint32_t i = 0; i < mt->nplain; i++) {
        const rw_vcol *v = &mt->cols[i];
        b_slice source = v->name;
        told row;

        if (v->mt != NULL && tell(mt, &mt->m->pairs[v->pair], v->new_name, &row)) {
            source = row.added ? B_LIT("") : row.source;
        }
        put(t, ", ");
        put_literal(t, source);
    }
    put(t, ") - CAST(" ROW "ORDINAL_POSITION AS SIGNED))");
}

/* How many left-out columns stand before the row's: a plain comparison where it is known that and where they
 * are there, a count where one may come or go under this ruleset. */
static void put_shift(view_text *t, const rw_mtab *mt)
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
        put(t, " - (");
        put_table(t, mt, ROW);
        if (known) {
            b_buf_printf(&t->b, " AND " ROW "ORDINAL_POSITION > %zu)", (size_t)(c - mt->table->columns) + 1);
            continue;
        }
        put(t, " AND (SELECT COUNT(*) FROM information_schema.COLUMNS AS straddle_o WHERE ");
        put_table(t, mt, "straddle_o.");
        put(t, " AND straddle_o.COLUMN_NAME = ");
        put_literal(t, hidden);
        put(t, " AND straddle_o.ORDINAL_POSITION < " ROW "ORDINAL_POSITION) > 0)");
    }
}

typedef struct changed_column {
    const char *name;
    put_value *value; /* NULL: the index's name */
    bool of_columns, of_statistics, of_keys;
} changed_column;

static const changed_column changed[] = {
    {"COLUMN_NAME", put_name, true, true, true},
    {"COLUMN_DEFAULT", put_default, true, false, false},
    {"IS_NULLABLE", put_null, true, false, false},
    {"EXTRA", put_extra, true, false, false},
    {"DATA_TYPE", put_type_word, true, false, false},
    {"COLUMN_TYPE", put_type, true, false, false},
    {"CHARACTER_MAXIMUM_LENGTH", put_characters, true, false, false},
    {"CHARACTER_OCTET_LENGTH", put_octets, true, false, false},
    {"NUMERIC_PRECISION", put_precision, true, false, false},
    {"NUMERIC_SCALE", put_scale, true, false, false},
    {"DATETIME_PRECISION", put_fraction, true, false, false},
    {"CHARACTER_SET_NAME", put_charset, true, false, false},
    {"COLLATION_NAME", put_collation, true, false, false},
    {"NULLABLE", put_null, false, true, false},
    {"INDEX_NAME", NULL, false, true, false},
    {"CONSTRAINT_NAME", NULL, false, false, true},
};

static const changed_column *find_changed(rw_catview v, b_slice name)
{
    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
        const changed_column *c = &changed[i];
        bool there = v == RW_CATVIEW_COLUMNS      ? c->of_columns
                     : v == RW_CATVIEW_STATISTICS ? c->of_statistics
                                                  : c->of_keys;

        if (there && b_slice_eq(b_slice_str(c->name), name)) {
            return c;
        }
    }
    return NULL;
}

/* Is the table's row to be changed at all? */
static bool applies(const view_text *t, const rw_mtab *mt, const rw_mtab *only)
{
    return only != NULL ? mt == only : !rw__is_as_believed(t->p, mt);
}

/* One column of the derived table, by its own name. */
static void put_column(view_text *t, b_slice name, const rw_mtab *only)
{
    const changed_column *c = find_changed(t->v, name);
    bool ordinal = t->v == RW_CATVIEW_COLUMNS && b_slice_eq(name, B_LIT("ORDINAL_POSITION")), any = false;
    size_t before = t->b.n;

    if (c != NULL) {
        put(t, "CASE ");
        for (const rw_mtab *mt = t->p->mtabs; mt != NULL; mt = mt->next) {
            if (applies(t, mt, only)) {
                any = (c->value != NULL ? put_whens(t, mt, c->value) : put_index(t, mt)) || any;
            }
        }
        if (!any && !t->b.failed) {
            t->b.n = before;
        }
    }
    b_buf_printf(&t->b, "%s" ROW "%.*s", any ? "ELSE " : "", B_ARG(name));
    for (const rw_mtab *mt = t->p->mtabs; mt != NULL && ordinal; mt = mt->next) {
        if (applies(t, mt, only)) {
            put_shift(t, mt);
        }
    }
    if (any || ordinal) {
        b_buf_printf(&t->b, "%s AS %.*s", any ? " END" : "", B_ARG(name));
    }
}

/* The next word of a list; false at its end. */
static bool next_word(const char **list, b_slice *word)
{
    size_t n = strcspn(*list, " ");

    *word = b_slice_of(*list, n);
    *list += n + ((*list)[n] == ' ');
    return n > 0;
}

static const char *columns_of(const rw_planner *p, rw_catview v)
{
    return catviews[v].columns[p->server.flavour == RW_MARIADB];
}

/* What is written out: all of it, but for SHOW COLUMNS, which reads these only. */
static const char *list_of(const view_text *t, const rw_mtab *only)
{
    if (only != NULL && t->v == RW_CATVIEW_COLUMNS) {
        return "COLUMN_NAME ORDINAL_POSITION COLUMN_DEFAULT IS_NULLABLE DATA_TYPE COLLATION_NAME COLUMN_TYPE "
               "COLUMN_KEY EXTRA PRIVILEGES COLUMN_COMMENT";
    }
    return columns_of(t->p, t->v);
}

static void put_select(view_text *t, const rw_mtab *only)
{
    const char *list = list_of(t, only), *sep = "SELECT ";
    b_slice name;

    while (next_word(&list, &name)) {
        put(t, sep);
        put_column(t, name, only);
        sep = ", ";
    }
    b_buf_printf(&t->b, " FROM information_schema.%s AS straddle_c WHERE ", catviews[t->v].name);
    sep = "";
    if (only != NULL) {
        put_table(t, only, ROW);
        sep = " AND ";
    }
    for (const rw_mtab *mt = t->p->mtabs; mt != NULL; mt = mt->next) {
        if (applies(t, mt, only)) {
            put(t, sep);
            put_filter(t, mt);
            sep = " AND ";
        }
    }
}

/* A value of a row that is added, where it is not the source's. */
static bool put_added_value(view_text *t, const told *row, b_slice name)
{
    const changed_column *c = find_changed(t->v, name);
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
    b_buf_printf(&t->b, ROW "%.*s", B_ARG(name));
    return true;
}

/* A name in a row of its own: for version `both` the new one once more, behind all columns; and a column that
 * is made from one which has a row already. */
static void put_added(view_text *t, const rw_mtab *mt, const rw_mtab *only, const told *row,
                      unsigned position)
{
    const char *list = list_of(t, only), *sep = " UNION ALL SELECT ";
    b_slice name;

    while (next_word(&list, &name)) {
        put(t, sep);
        sep = ", ";
        if (b_slice_eq(name, B_LIT("COLUMN_NAME"))) {
            put_literal(t, row->name);
        } else if (b_slice_eq(name, B_LIT("ORDINAL_POSITION"))) {
            b_buf_printf(&t->b, "%u", position);
        } else if (!put_added_value(t, row, name)) {
            put_column(t, name, mt);
        }
    }
    put(t, " FROM information_schema.COLUMNS AS straddle_c WHERE ");
    put_table(t, mt, ROW);
    put(t, " AND " ROW "COLUMN_NAME = ");
    put_literal(t, row->source);
}

/* Columns of the client's version that are made from one which has a row already. */
static void put_parts(view_text *t, const rw_mtab *only)
{
    for (const rw_mtab *mt = t->p->mtabs; mt != NULL; mt = mt->next) {
        for (uint32_t i = 0; applies(t, mt, only) && i < mt->nplain; i++) {
            const rw_vcol *v = &mt->cols[i];
            told row;

            if (v->mt != NULL && tell(mt, &mt->m->pairs[v->pair], v->new_name, &row) && row.added) {
                put_added(t, mt, only, &row, i + 1);
            }
        }
    }
}

static void put_both(view_text *t, const rw_mtab *only)
{
    for (const rw_mtab *mt = t->p->mtabs; mt != NULL; mt = mt->next) {
        if (!applies(t, mt, only)) {
            continue;
        }
        unsigned position = mt->nplain;

        for (uint32_t i = 0; i < mt->m->npairs; i++) {
            told row;

            if (tell(mt, &mt->m->pairs[i], true, &row) && ++position > 0 && !mt->m->pairs[i].disabled) {
                put_added(t, mt, only, &row, position);
            }
        }
    }
}

b_slice rw__catview_sql(rw_planner *p, rw_catview v, rw_mtab *only)
{
    view_text t = {.p = p, .v = v};
    b_slice out = {NULL, 0};
    bool any = only != NULL;

    for (size_t i = 0; only == NULL && i < rw__ruleset_tables(p->rules) && !rw__stop(p); i++) {
        const rw_mtab *mt = rw__migrating(p, i);

        any = any || (mt != NULL && !rw__is_as_believed(p, mt));
    }
    if (!any || rw__stop(p)) {
        return out;
    }
    put(&t, "(");
    put_select(&t, only);
    if (v == RW_CATVIEW_COLUMNS) {
        put_parts(&t, only);
    }
    if (v == RW_CATVIEW_COLUMNS && p->ctx->version == RW_VERSION_BOTH) {
        put_both(&t, only);
    }
    put(&t, ")");
    out = t.b.failed ? out : b_arena_dup(p->arena, b_buf_view(&t.b));
    b_buf_deinit(&t.b);
    p->nomem = p->nomem || out.p == NULL;
    return out;
}

/* ---- in a statement ---------------------------------------------------------------------------------- */

bool rw__catview_named(const rw_planner *p, const rw_name *name, rw_catview *out)
{
    b_slice schema = name->n > 1 ? name->part[name->n - 2] : p->schema;

    if (name->n == 0 || !b_slice_ieq(schema, B_LIT("information_schema"))) {
        return false;
    }
    for (size_t i = 0; i < sizeof(catviews) / sizeof(catviews[0]); i++) {
        if (b_slice_ieq(name->part[name->n - 1], b_slice_str(catviews[i].name))) {
            *out = (rw_catview)i;
            return true;
        }
    }
    return false;
}

static void fill_source(rw_planner *p, rw_source *src, rw_catview v)
{
    const char *list = columns_of(p, v);
    rw_vcols cols = {0};
    b_slice name;

    while (next_word(&list, &name)) {
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
