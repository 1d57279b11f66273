/* SHOW COLUMNS, DESCRIBE t and SHOW INDEX of a migrating table: become the SELECT over information_schema
 * that gives the server's own result columns, with the rows of the plain table of the client's version. LIKE
 * and WHERE stay as written: they see a derived table with these columns. SHOW CREATE TABLE
 * passes: see show_create.c. */
#include "catview.h"
#include "mention.h"
#include "show_create.h"
#include "words.h"

/* A result column of SHOW, and where it comes from. */
typedef struct show_column {
    const char *name, *from;
    bool full;  /* of SHOW FULL COLUMNS only */
    bool on[2]; /* by rw_flavour */
} show_column;

#define ON_BOTH                                                                                              \
    {                                                                                                        \
        true, true                                                                                           \
    }

/* The server shows a literal without its quotes, save for TEXT, BLOB and JSON, whose default is an expression
 * to it; information_schema has the literal as in CREATE TABLE, escaped. */
#define UNESCAPED(text, escaped, plain) "REPLACE(" text ", _utf8mb3 X'" escaped "', _utf8mb3 X'" plain "')"
#define MARIADB_DEFAULT                                                                                      \
    "CASE WHEN DATA_TYPE LIKE '%text' OR DATA_TYPE LIKE '%blob' THEN NULLIF(COLUMN_DEFAULT, 'NULL') "        \
    "WHEN COLUMN_DEFAULT REGEXP '^''([^'']|'''')*''$' THEN " UNESCAPED(                                      \
        UNESCAPED(UNESCAPED(UNESCAPED(UNESCAPED(UNESCAPED("SUBSTRING(COLUMN_DEFAULT, 2, "                    \
                                                          "CHAR_LENGTH(COLUMN_DEFAULT) - 2)",                \
                                                          "2727", "27"),                                     \
                                                "5C5C", "01"),                                               \
                                      "5C6E", "0A"),                                                         \
                            "5C72", "0D"),                                                                   \
                  "5C30", "00"),                                                                             \
        "01", "5C") " ELSE NULLIF(COLUMN_DEFAULT, 'NULL') END"

static const show_column of_columns[] = {
    {"Field", "COLUMN_NAME", false, ON_BOTH},
    {"Type", "COLUMN_TYPE", false, ON_BOTH},
    {"Collation", "COLLATION_NAME", true, ON_BOTH},
    {"Null", "IS_NULLABLE", false, ON_BOTH},
    {"Key", "COLUMN_KEY", false, ON_BOTH},
    {"Default", "COLUMN_DEFAULT", false, {true, false}},
    {"Default", MARIADB_DEFAULT, false, {false, true}},
    {"Extra", "EXTRA", false, ON_BOTH},
    {"Privileges", "PRIVILEGES", true, ON_BOTH},
    {"Comment", "COLUMN_COMMENT", true, ON_BOTH},
    {NULL, NULL, false, {false, false}},
};

static const show_column of_index[] = {
    {"Table", "TABLE_NAME", false, ON_BOTH},
    {"Non_unique", "NON_UNIQUE", false, ON_BOTH},
    {"Key_name", "INDEX_NAME", false, ON_BOTH},
    {"Seq_in_index", "SEQ_IN_INDEX", false, ON_BOTH},
    {"Column_name", "COLUMN_NAME", false, ON_BOTH},
    {"Collation", "COLLATION", false, ON_BOTH},
    {"Cardinality", "CARDINALITY", false, ON_BOTH},
    {"Sub_part", "SUB_PART", false, ON_BOTH},
    {"Packed", "PACKED", false, ON_BOTH},
    {"Null", "NULLABLE", false, ON_BOTH},
    {"Index_type", "INDEX_TYPE", false, ON_BOTH},
    {"Comment", "COMMENT", false, ON_BOTH},
    {"Index_comment", "INDEX_COMMENT", false, ON_BOTH},
    {"Visible", "IS_VISIBLE", false, {true, false}},
    {"Expression", "EXPRESSION", false, {true, false}},
    {"Ignored", "IGNORED", false, {false, true}},
    {NULL, NULL, false, {false, false}},
};

typedef struct show {
    bool index, full;
    rw_name table;
    uint32_t like_tok;             /* the pattern, a string; RW_NO_TOK: none */
    b_slice like;                  /* a pattern that is written as a name: DESCRIBE t c */
    uint32_t where_tok, where_end; /* the condition; empty: none */
} show;

/* ---- reading ----------------------------------------------------------------------------------------- */

static bool is(const rw_planner *p, uint32_t i, uint16_t word)
{
    uint8_t kind = p->t->tok[i].kind;

    return (kind == RW_TOK_IDENT || kind == RW_TOK_OP) && p->t->tok[i].word == word;
}

static bool accept(const rw_planner *p, uint32_t *i, uint16_t word)
{
    bool yes = is(p, *i, word);

    *i += yes;
    return yes;
}

/* t, s.t; false: something else. */
static bool read_name(rw_planner *p, uint32_t *i, rw_name *out)
{
    *out = (rw_name){.tok = *i};
    do {
        uint8_t kind = p->t->tok[*i].kind;

        if (out->n == 2 || (kind != RW_TOK_IDENT && kind != RW_TOK_QUOTED)) {
            return false;
        }
        out->part[out->n++] = rw__token_name(p->ctx, p->t, (*i)++, p->arena);
    } while (accept(p, i, RW_OP_DOT));
    out->end = *i;
    return true;
}

/* FROM t [FROM s]: the schema behind it counts more than the one before the dot. */
static bool read_table(rw_planner *p, uint32_t *i, show *s)
{
    rw_name schema;

    if (!(accept(p, i, RW_W_FROM) || accept(p, i, RW_W_IN)) || !read_name(p, i, &s->table)) {
        return false;
    }
    if (!accept(p, i, RW_W_FROM) && !accept(p, i, RW_W_IN)) {
        return true;
    }
    if (!read_name(p, i, &schema) || schema.n != 1) {
        return false;
    }
    s->table.part[1] = s->table.part[s->table.n - 1];
    s->table.part[0] = schema.part[0];
    s->table.n = 2;
    return true;
}

static bool read_condition(rw_planner *p, uint32_t i, uint32_t end, show *s)
{
    if (!s->index && accept(p, &i, RW_W_LIKE)) {
        s->like_tok = i++;
        return i == end && p->t->tok[s->like_tok].kind == RW_TOK_STRING;
    }
    if (accept(p, &i, RW_W_WHERE)) {
        s->where_tok = i;
        s->where_end = end;
        return i < end;
    }
    return i == end;
}

static bool read_show(rw_planner *p, const rw_stmt *st, show *s)
{
    uint32_t i = st->tok + 1;

    s->full = accept(p, &i, RW_W_FULL);
    if (!s->full && (accept(p, &i, RW_W_INDEX) || accept(p, &i, RW_W_INDEXES) || accept(p, &i, RW_W_KEYS))) {
        s->index = true;
    } else if (!accept(p, &i, RW_W_COLUMNS) && !accept(p, &i, RW_W_FIELDS)) {
        return false;
    }
    return read_table(p, &i, s) && read_condition(p, i, st->end, s);
}

/* DESCRIBE t [c | 'pattern']. A name is a pattern to both servers, too. */
static bool read_describe(rw_planner *p, const rw_stmt *st, show *s)
{
    uint32_t i = st->tok + 1;
    rw_name column;

    if (!read_name(p, &i, &s->table)) {
        return false;
    }
    if (i < st->end && p->t->tok[i].kind == RW_TOK_STRING) {
        s->like_tok = i++;
    } else if (i < st->end) {
        if (!read_name(p, &i, &column) || column.n != 1) {
            return false;
        }
        s->like = column.part[0];
    }
    return i == st->end;
}

static bool read_statement(rw_planner *p, const rw_stmt *st, show *s)
{
    *s = (show){.like_tok = RW_NO_TOK};
    if (is(p, st->tok, RW_W_SHOW)) {
        return read_show(p, st, s);
    }
    return (is(p, st->tok, RW_W_DESCRIBE) || is(p, st->tok, RW_W_DESC) || is(p, st->tok, RW_W_EXPLAIN)) &&
           read_describe(p, st, s);
}

/* ---- writing ----------------------------------------------------------------------------------------- */

static bool shown(const rw_planner *p, const show *s, const show_column *c)
{
    return (!c->full || s->full) && c->on[p->server.flavour == RW_MARIADB];
}

static void put(rw_planner *p, rw_edit *at, const char *text)
{
    rw_edit_text(p->edits, at, b_slice_str(text));
}

static void put_columns(rw_planner *p, const show *s, rw_edit *at, bool inner)
{
    const char *sep = "SELECT ";

    for (const show_column *c = s->index ? of_index : of_columns; c->name != NULL; c++) {
        if (!shown(p, s, c)) {
            continue;
        }
        put(p, at, sep);
        sep = ", ";
        if (inner) {
            put(p, at, c->from);
            put(p, at, " AS ");
        }
        put(p, at, "`");
        put(p, at, c->name);
        put(p, at, "`");
    }
}

static void put_condition(rw_planner *p, const show *s, rw_edit *at)
{
    if (s->where_end > s->where_tok) {
        put(p, at, " WHERE (");
        rw_edit_copy(p->edits, at, s->where_tok, s->where_end);
        put(p, at, ")");
    } else if (s->like_tok != RW_NO_TOK) {
        put(p, at, " WHERE `Field` LIKE ");
        rw_edit_copy(p->edits, at, s->like_tok, s->like_tok + 1);
    } else if (s->like.n > 0) {
        put(p, at, " WHERE `Field` LIKE ");
        rw_edit_text(p->edits, at, rw__literal(p, s->like));
    }
}

/* MariaDB keeps the indexes of one table in their own order when nobody sorts them. */
static const char *order_of(const rw_planner *p, const show *s)
{
    if (!s->index) {
        return " ORDER BY straddle_position";
    }
    return p->server.flavour == RW_MARIADB
               ? ""
               : " ORDER BY `Key_name` <> 'PRIMARY', `Non_unique`, `Key_name`, `Seq_in_index`";
}

static void write_select(rw_planner *p, const rw_stmt *st, const show *s, rw_mtab *mt)
{
    b_slice view = rw__catview_sql(p, s->index ? RW_CATVIEW_STATISTICS : RW_CATVIEW_COLUMNS, mt);
    rw_edit *at = rw__stop(p) ? NULL : rw_edit_replace(p->edits, st->tok, st->end);

    if (at == NULL) {
        return;
    }
    put_columns(p, s, at, false);
    put(p, at, " FROM (");
    put_columns(p, s, at, true);
    if (!s->index) {
        put(p, at, ", ORDINAL_POSITION AS straddle_position");
    }
    put(p, at, " FROM ");
    rw_edit_text(p->edits, at, view);
    put(p, at, " AS straddle_v) AS ");
    put(p, at, s->index ? "`STATISTICS`" : "`COLUMNS`");
    put_condition(p, s, at);
    put(p, at, order_of(p, s));
}

/* SHOW CREATE TABLE t, alone in its text: passes, and its answer is changed. */
static bool plan_show_create(rw_planner *p, const rw_stmt *st)
{
    uint32_t i = st->tok + 1;
    const rw_table *known;
    rw_name table;
    rw_mtab *mt;

    if (!is(p, st->tok, RW_W_SHOW) || !accept(p, &i, RW_W_CREATE) || !accept(p, &i, RW_W_TABLE) ||
        !read_name(p, &i, &table) || i != st->end) {
        return false;
    }
    mt = rw__find_base(p, &table, &known);
    if (mt == NULL || rw__is_as_believed(p, mt) || !rw__show_create_can(mt->m)) {
        return false;
    }
    if (st->tok > 0 || st->next != NULL) {
        rw__refuse(p, mt, "multi", "SHOW CREATE TABLE beside another statement in the same text",
                   "send them one by one");
        return true;
    }
    rw__note_shape(p, mt, false);
    p->uncacheable = true;
    p->show_create = (rw_table_name){mt->m->schema, mt->m->table};
    return true;
}

bool rw__plan_show(rw_planner *p, const rw_stmt *st)
{
    const rw_table *known;
    rw_mtab *mt;
    show s;

    if (!rw__stop(p) && plan_show_create(p, st)) {
        return true;
    }
    if (rw__stop(p) || !read_statement(p, st, &s)) {
        return false;
    }
    for (uint32_t i = 0; i < s.table.n; i++) {
        if (s.table.part[i].p == NULL) {
            p->nomem = true;
            return true;
        }
    }
    mt = rw__find_base(p, &s.table, &known);
    if (mt == NULL || rw__stop(p)) { /* of another table; but who knows what its condition names */
        return !rw__stop(p) &&
               (s.where_end <= s.where_tok || rw__mention(p, s.where_tok, s.where_end, true) == NULL);
    }
    rw__note_shape(p, mt, false);
    if (rw__is_as_believed(p, mt)) {
        return true;
    }
    if (p->in_compound) {
        rw__refuse(p, mt, "compound", "SHOW and DESCRIBE inside a compound statement", "send it by itself");
        return true;
    }
    if (s.where_end > s.where_tok && rw__mention(p, s.where_tok, s.where_end, true) != NULL) {
        rw__refuse(p, mt, "statement", "a subquery of SHOW … WHERE", "leave the table out of the condition");
        return true;
    }
    write_select(p, st, &s, mt);
    return true;
}
