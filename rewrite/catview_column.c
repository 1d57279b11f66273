/* The columns of a row of information_schema: which of them are told otherwise than the server does, and how.
 */
#include "catview_text.h"
#include "type.h"

static bool put_name(rw_view *t, const rw_told *row)
{
    if (b_slice_eq(row->name, row->source)) {
        return false;
    }
    rw__view_literal(t, row->name);
    return true;
}

/* ---- what follows from the type ----------------------------------------------------------------------- */

static bool put_number(rw_view *t, const rw_told *row, rw_type_fact fact)
{
    uint64_t n;

    if (!row->other_type) {
        return false;
    }
    if (rw__type_fact(&row->is, fact, &n)) {
        b_buf_printf(&t->b, "%llu", (unsigned long long)n);
    } else {
        rw__view_put(t, "NULL");
    }
    return true;
}

static bool put_characters(rw_view *t, const rw_told *row)
{
    return put_number(t, row, RW_TYPE_CHARACTERS);
}

static bool put_octets(rw_view *t, const rw_told *row)
{
    return put_number(t, row, RW_TYPE_OCTETS);
}

static bool put_precision(rw_view *t, const rw_told *row)
{
    return put_number(t, row, RW_TYPE_PRECISION);
}

static bool put_scale(rw_view *t, const rw_told *row)
{
    return put_number(t, row, RW_TYPE_SCALE);
}

static bool put_fraction(rw_view *t, const rw_told *row)
{
    return put_number(t, row, RW_TYPE_FRACTION);
}

static bool put_text(rw_view *t, const rw_told *row, b_slice text)
{
    if (!row->other_type) {
        return false;
    }
    if (text.n > 0) {
        rw__view_literal(t, text);
    } else {
        rw__view_put(t, "NULL");
    }
    return true;
}

static bool put_type(rw_view *t, const rw_told *row)
{
    return put_text(t, row, row->is.type);
}

static bool put_type_word(rw_view *t, const rw_told *row)
{
    return put_text(t, row, b_slice_of(row->is.type.p, rw__type_word(row->is.type)));
}

static bool put_collation(rw_view *t, const rw_told *row)
{
    return put_text(t, row, row->is.collation);
}

static bool put_charset(rw_view *t, const rw_told *row)
{
    size_t n = 0;

    while (n < row->is.collation.n && row->is.collation.p[n] != '_') {
        n++;
    }
    return put_text(t, row, b_slice_of(row->is.collation.p, n));
}

static bool put_null(rw_view *t, const rw_told *row)
{
    if (t->v == RW_CATVIEW_COLUMNS && !row->moves) {
        return false;
    }
    rw__view_put(t, row->is.nullable ? "'YES'" : t->v == RW_CATVIEW_COLUMNS ? "'NO'" : "''");
    return true;
}

static bool put_extra(rw_view *t, const rw_told *row)
{
    const rw_column *c = &row->is;
    bool generated = t->p->server.flavour == RW_MYSQL &&
                     (c->default_kind == RW_DEFAULT_EXPR || c->default_kind == RW_DEFAULT_NOW);

    if (!row->moves) {
        return false;
    }
    b_buf_printf(&t->b, "'%s", generated ? "DEFAULT_GENERATED" : "");
    if (c->on_update_now) {
        b_buf_str(&t->b, generated ? " on update " : "on update ");
        rw__type_now(t->p->server.flavour, c, &t->b);
    }
    if (c->invisible) {
        const char *comma = t->p->server.flavour == RW_MYSQL ? " " : ", ";
        b_buf_printf(&t->b, "%sINVISIBLE", generated || c->on_update_now ? comma : "");
    }
    b_buf_char(&t->b, '\'');
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

static bool put_default(rw_view *t, const rw_told *row)
{
    const rw_column *c = &row->is;
    bool mariadb = t->p->server.flavour == RW_MARIADB;

    if (!row->moves) {
        return false;
    }
    switch (c->default_kind) {
    case RW_DEFAULT_NONE:
    case RW_DEFAULT_AUTO_INC: rw__view_put(t, "NULL"); return true;
    case RW_DEFAULT_NULL: rw__view_put(t, mariadb ? "'NULL'" : "NULL"); return true;
    case RW_DEFAULT_LITERAL:
    case RW_DEFAULT_EXPR:
    case RW_DEFAULT_NOW: rw__view_literal(t, mariadb ? c->default_text : mysql_default(t->p, c)); return true;
    }
    return false;
}

/* ---- all of them ------------------------------------------------------------------------------------- */

static const rw_view_column changed[] = {
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

const rw_view_column *rw__view_changed(rw_catview v, b_slice name)
{
    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
        const rw_view_column *c = &changed[i];
        bool there = v == RW_CATVIEW_COLUMNS      ? c->of_columns
                     : v == RW_CATVIEW_STATISTICS ? c->of_statistics
                                                  : c->of_keys;

        if (there && b_slice_eq(b_slice_str(c->name), name)) {
            return c;
        }
    }
    return NULL;
}

/* WHEN the index has that end THEN its name without it. */
static void put_end(rw_view *t, const rw_mtab *mt, const char *index, b_slice to)
{
    const char *end = b_arena_printf(t->p->arena, "__%.*s", B_ARG(to));
    size_t n = end == NULL ? 0 : strlen(end);

    if (end == NULL) {
        t->p->nomem = true;
        return;
    }
    rw__view_put(t, "WHEN ");
    rw__view_table(t, mt, RW_CATVIEW_ROW);
    b_buf_printf(&t->b, " AND RIGHT(" RW_CATVIEW_ROW "%s, %zu) = ", index, n);
    rw__view_literal(t, b_slice_of(end, n));
    b_buf_printf(&t->b, " THEN LEFT(" RW_CATVIEW_ROW "%s, CHAR_LENGTH(" RW_CATVIEW_ROW "%s) - %zu) ", index,
                 index, n);
}

/* A twin's index by the name of the one that it is of. */
static bool put_index(rw_view *t, const rw_mtab *mt)
{
    const char *index = rw__catviews[t->v].index;
    bool any = false;

    for (size_t i = 0; i < mt->m->npairs && !t->p->nomem; i++) {
        const rw_pair *pair = &mt->m->pairs[i];

        if (!rw__phase_reads_to(pair->phase) || pair->to.n == 0) {
            continue;
        }
        any = true;
        put_end(t, mt, index, pair->to);
        for (size_t k = 0; k < pair->ntwins; k++) {
            rw__view_put(t, "WHEN ");
            rw__view_table(t, mt, RW_CATVIEW_ROW);
            b_buf_printf(&t->b, " AND " RW_CATVIEW_ROW "%s = ", index);
            rw__view_literal(t, pair->twins[k].twin);
            rw__view_put(t, " THEN ");
            rw__view_literal(t, pair->twins[k].index);
            rw__view_put(t, " ");
        }
    }
    return any && !t->p->nomem;
}

bool rw__view_whens(rw_view *t, const rw_mtab *mt, const rw_view_column *c)
{
    bool any = false;

    if (c->value == NULL) {
        return put_index(t, mt);
    }
    for (size_t i = 0; i < mt->m->npairs; i++) {
        size_t before = t->b.n;
        rw_told row;

        if (!rw__tell(mt, &mt->m->pairs[i], rw__tells_new(t->p), &row) || row.added) {
            continue;
        }
        rw__view_put(t, "WHEN ");
        rw__view_table(t, mt, RW_CATVIEW_ROW);
        rw__view_put(t, " AND " RW_CATVIEW_ROW "COLUMN_NAME = ");
        rw__view_literal(t, row.source);
        rw__view_put(t, " THEN ");
        if (c->value(t, &row)) {
            rw__view_put(t, " ");
            any = true;
        } else if (!t->b.failed) {
            t->b.n = before;
        }
    }
    return any;
}
