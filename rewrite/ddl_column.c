/* A column's type and attributes, in CREATE TABLE. */
#include "ddl.h"

/* ---- types ---- */

typedef struct type_name {
    const char *written, *stored;
    const char *width;       /* what both servers add where none is written */
    const char *maria_width; /* what MariaDB adds: signed, then unsigned */
    const char *maria_unsigned;
} type_name;

static const type_name type_names[] = {
    {"integer", "int", "", "(11)", "(10)"},
    {"int", "int", "", "(11)", "(10)"},
    {"int4", "int", "", "(11)", "(10)"},
    {"tinyint", "tinyint", "", "(4)", "(3)"},
    {"int1", "tinyint", "", "(4)", "(3)"},
    {"smallint", "smallint", "", "(6)", "(5)"},
    {"int2", "smallint", "", "(6)", "(5)"},
    {"mediumint", "mediumint", "", "(9)", "(8)"},
    {"middleint", "mediumint", "", "(9)", "(8)"},
    {"int3", "mediumint", "", "(9)", "(8)"},
    {"bigint", "bigint", "", "(20)", "(20)"},
    {"int8", "bigint", "", "(20)", "(20)"},
    {"bool", "tinyint(1)", "", "", ""},
    {"boolean", "tinyint(1)", "", "", ""},
    {"dec", "decimal", "(10,0)", "", ""},
    {"numeric", "decimal", "(10,0)", "", ""},
    {"fixed", "decimal", "(10,0)", "", ""},
    {"decimal", "decimal", "(10,0)", "", ""},
    {"real", "double", "", "", ""},
    {"float4", "float", "", "", ""},
    {"float8", "double", "", "", ""},
    {"character", "char", "(1)", "", ""},
    {"char", "char", "(1)", "", ""},
    {"nchar", "char", "(1)", "", ""},
    {"nvarchar", "varchar", "", "", ""},
    {"binary", "binary", "(1)", "", ""},
    {"bit", "bit", "(1)", "", ""},
    {"year", "year", "", "(4)", "(4)"},
    {"geomcollection", "geomcollection", "", "", ""},
    {"serial", "bigint", "", "(20)", "(20)"},
};

static const type_name *find_type(b_slice written)
{
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (b_slice_ieq(written, b_slice_str(type_names[i].written))) return &type_names[i];
    }
    return NULL;
}

/* The type's own words; more than one for a few. */
static b_slice type_words(rw__ddl *d)
{
    if (rw__ddl_word(d, RW_W_NATIONAL)) {
        bool var = rw__ddl_word(d, RW_W_VARCHAR) || rw__ddl_word(d, RW_W_VARCHARACTER);
        if (!var && !rw__ddl_word(d, RW_W_CHAR) && !rw__ddl_word(d, RW_W_CHARACTER))
            rw__ddl_fail(d, "a type after NATIONAL");
        if (!var && rw__ddl_word(d, RW_W_VARYING)) var = true;
        return var ? B_LIT("varchar") : B_LIT("char");
    }
    if (rw__ddl_word(d, RW_W_DOUBLE)) {
        (void)rw__ddl_word(d, RW_W_PRECISION);
        return B_LIT("double");
    }
    if (rw__ddl_word(d, RW_W_LONG)) {
        if (rw__ddl_word(d, RW_W_VARBINARY)) return B_LIT("mediumblob");
        bool text = rw__ddl_word(d, RW_W_CHAR) || rw__ddl_word(d, RW_W_CHARACTER);
        if (!rw__ddl_word(d, RW_W_VARCHAR) && text) (void)rw__ddl_word(d, RW_W_VARYING);
        return B_LIT("mediumtext");
    }
    if (rw__ddl_at_word(d, 1, RW_W_VARYING) &&
        (rw__ddl_word(d, RW_W_CHAR) || rw__ddl_word(d, RW_W_CHARACTER) || rw__ddl_word(d, RW_W_NCHAR))) {
        d->pos++;
        return B_LIT("varchar");
    }
    if (d->t.tok[d->pos].kind != RW_TOK_IDENT) rw__ddl_fail(d, "a column type");
    return rw__ddl_name(d);
}

/* (10, 2) or ('a', 'b'), with no spaces between. */
static char *type_arguments(rw__ddl *d, char *text)
{
    uint32_t from = d->pos;
    rw__ddl_skip_parens(d);
    for (uint32_t i = from; i < d->pos && text != NULL; i++) {
        b_slice s = rw__token_text(&d->t, i);
        text = b_arena_printf(d->arena, "%s%.*s", text, B_ARG(s));
    }
    return text;
}

static char *lower(char *s)
{
    for (char *p = s; p != NULL && *p != '\0'; p++) *p = b_lower(*p);
    return s;
}

static void read_type(rw__ddl *d, rw_column *c)
{
    b_slice words = type_words(d);
    bool serial = b_slice_ieq(words, B_LIT("serial")), is_unsigned = serial, zerofill = false;
    const type_name *known = find_type(words);
    char *text = lower(b_arena_printf(d->arena, "%.*s", B_ARG(known ? b_slice_str(known->stored) : words)));
    bool sized = rw__ddl_at_op(d, 0, RW_OP_LPAREN);
    if (sized) text = type_arguments(d, text);
    for (;;) {
        if (rw__ddl_word(d, RW_W_UNSIGNED))
            is_unsigned = true;
        else if (rw__ddl_word(d, RW_W_ZEROFILL))
            is_unsigned = zerofill = true;
        else if (!rw__ddl_word(d, RW_W_SIGNED))
            break;
    }
    const char *width = "";
    if (!sized && known != NULL) {
        width = known->width;
        if (d->server.flavour == RW_MARIADB && *width == '\0')
            width = is_unsigned ? known->maria_unsigned : known->maria_width;
    }
    if (text != NULL)
        text = b_arena_printf(d->arena, "%s%s%s%s", text, width, is_unsigned ? " unsigned" : "",
                              zerofill ? " zerofill" : "");
    if (text == NULL) d->status = B_NOMEM;
    c->type = b_slice_str(text);
    c->auto_increment = serial;
    c->nullable = !serial;
}

bool rw__ddl_has_collation(b_slice type)
{
    static const char *const starts[] = {"char",       "varchar",  "tinytext", "text",
                                         "mediumtext", "longtext", "enum",     "set"};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (b_slice_istarts(type, b_slice_str(starts[i]))) return true;
    }
    return false;
}

b_slice rw__ddl_default_collation(const rw__ddl *d, b_slice charset)
{
    if (b_slice_ieq(charset, B_LIT("utf8mb4")))
        return d->server.flavour == RW_MYSQL ? B_LIT("utf8mb4_0900_ai_ci") : B_LIT("utf8mb4_general_ci");
    if (b_slice_ieq(charset, B_LIT("utf8"))) return B_LIT("utf8mb3_general_ci");
    if (b_slice_ieq(charset, B_LIT("latin1"))) return B_LIT("latin1_swedish_ci");
    if (b_slice_ieq(charset, B_LIT("binary"))) return B_LIT("binary");
    char *text = lower(b_arena_printf(d->arena, "%.*s_general_ci", B_ARG(charset)));
    return b_slice_str(text);
}

/* ---- defaults ---- */

static bool now_word(rw__ddl *d)
{
    return rw__ddl_word(d, RW_W_CURRENT_TIMESTAMP) || rw__ddl_word(d, RW_W_NOW) ||
           rw__ddl_word(d, RW_W_LOCALTIME) || rw__ddl_word(d, RW_W_LOCALTIMESTAMP);
}

static void now_arguments(rw__ddl *d)
{
    if (rw__ddl_at_op(d, 0, RW_OP_LPAREN)) rw__ddl_skip_parens(d);
}

/* A signed number, a string with or without an introducer or DATE before it, TRUE, FALSE. */
static void default_literal(rw__ddl *d)
{
    if (!rw__ddl_op(d, RW_OP_MINUS)) (void)rw__ddl_op(d, RW_OP_PLUS);
    if (rw__ddl_word(d, RW_W_TRUE) || rw__ddl_word(d, RW_W_FALSE)) return;
    if (d->t.tok[d->pos].kind == RW_TOK_IDENT) d->pos++;
    uint32_t from = d->pos;
    while (d->t.tok[d->pos].kind == RW_TOK_STRING || d->t.tok[d->pos].kind == RW_TOK_NUMBER ||
           d->t.tok[d->pos].kind == RW_TOK_HEX)
        d->pos++;
    if (d->pos == from) rw__ddl_fail(d, "a default value");
}

static rw_default_kind default_value(rw__ddl *d)
{
    if (rw__ddl_word(d, RW_W_NULL)) return RW_DEFAULT_NULL;
    if (now_word(d)) {
        now_arguments(d);
        return RW_DEFAULT_NOW;
    }
    if (rw__ddl_at_op(d, 0, RW_OP_LPAREN)) {
        rw__ddl_skip_parens(d);
        return RW_DEFAULT_EXPR;
    }
    if (d->t.tok[d->pos].kind == RW_TOK_IDENT && rw__ddl_at_op(d, 1, RW_OP_LPAREN)) {
        d->pos++;
        rw__ddl_skip_parens(d);
        return RW_DEFAULT_EXPR;
    }
    if (d->t.tok[d->pos].kind == RW_TOK_QUOTED) { /* MariaDB shows DEFAULT (a) as DEFAULT `a` */
        d->pos++;
        return RW_DEFAULT_EXPR;
    }
    default_literal(d);
    return RW_DEFAULT_LITERAL;
}

static void read_default(rw__ddl *d, rw_column *c)
{
    uint32_t from = d->pos;
    c->default_kind = default_value(d);
    c->default_text = rw__ddl_text(d, from, d->pos);
}

/* ---- other attributes ---- */

static void read_generated(rw__ddl *d, rw_column *c)
{
    c->generated = true;
    if (rw__ddl_at_op(d, 0, RW_OP_LPAREN)) {
        rw__ddl_skip_parens(d);
    } else if (rw__ddl_word(d, RW_W_ROW)) {
        if (!rw__ddl_word(d, RW_W_START) && !rw__ddl_word(d, RW_W_END)) rw__ddl_fail(d, "START or END");
    } else {
        rw__ddl_fail(d, "the expression of a generated column");
    }
}

static void read_references(rw__ddl *d)
{
    (void)rw__ddl_name(d);
    if (rw__ddl_op(d, RW_OP_DOT)) (void)rw__ddl_name(d);
    if (rw__ddl_at_op(d, 0, RW_OP_LPAREN)) rw__ddl_skip_parens(d);
    for (;;) { /* MATCH x, ON DELETE x, ON UPDATE SET y */
        if (rw__ddl_word(d, RW_W_ON)) {
            if (!rw__ddl_word(d, RW_W_DELETE) && !rw__ddl_word(d, RW_W_UPDATE)) rw__ddl_fail(d, "DELETE");
            if (!rw__ddl_word(d, RW_W_SET)) (void)rw__ddl_word(d, RW_W_NO);
        } else if (!rw__ddl_word(d, RW_W_MATCH)) {
            return;
        }
        if (!rw__ddl_end(d)) d->pos++;
    }
}

static void one_value(rw__ddl *d)
{
    (void)rw__ddl_op(d, RW_OP_EQ);
    if (!rw__ddl_end(d)) d->pos++;
}

static bool charset_attribute(rw__ddl *d, rw_column *c)
{
    if (rw__ddl_word(d, RW_W_COLLATE)) {
        (void)rw__ddl_op(d, RW_OP_EQ);
        c->collation = rw__ddl_name(d);
    } else if (rw__ddl_at_word(d, 0, RW_W_CHARSET) ||
               (rw__ddl_at_word(d, 0, RW_W_CHARACTER) && rw__ddl_at_word(d, 1, RW_W_SET)) ||
               (rw__ddl_at_word(d, 0, RW_W_CHAR) && rw__ddl_at_word(d, 1, RW_W_SET))) {
        d->pos += rw__ddl_at_word(d, 0, RW_W_CHARSET) ? 1 : 2;
        (void)rw__ddl_op(d, RW_OP_EQ);
        b_slice cs = rw__ddl_name(d);
        if (c->collation.n == 0) c->collation = rw__ddl_default_collation(d, cs);
    } else {
        return rw__ddl_word(d, RW_W_ASCII) || rw__ddl_word(d, RW_W_UNICODE) || rw__ddl_word(d, RW_W_BYTE) ||
               rw__ddl_word(d, RW_W_BINARY);
    }
    return true;
}

static bool key_attribute(rw__ddl *d, rw_column *c)
{
    if (rw__ddl_word(d, RW_W_PRIMARY) || rw__ddl_at_word(d, 0, RW_W_KEY)) {
        if (!rw__ddl_word(d, RW_W_KEY)) rw__ddl_fail(d, "KEY");
        c->primary_key = true;
        c->nullable = false;
        return true;
    }
    if (!rw__ddl_word(d, RW_W_UNIQUE)) return false;
    (void)rw__ddl_word(d, RW_W_KEY);
    return true;
}

static bool value_attribute(rw__ddl *d, rw_column *c)
{
    if (rw__ddl_word(d, RW_W_DEFAULT)) {
        read_default(d, c);
    } else if (rw__ddl_word(d, RW_W_ON)) {
        if (!rw__ddl_word(d, RW_W_UPDATE) || !now_word(d)) rw__ddl_fail(d, "ON UPDATE CURRENT_TIMESTAMP");
        now_arguments(d);
        c->on_update_now = true;
    } else if (rw__ddl_word(d, RW_W_GENERATED)) {
        if (!rw__ddl_word(d, RW_W_ALWAYS) || !rw__ddl_word(d, RW_W_AS)) rw__ddl_fail(d, "ALWAYS AS");
        read_generated(d, c);
    } else if (rw__ddl_word(d, RW_W_AS)) {
        read_generated(d, c);
    } else if (rw__ddl_word(d, RW_W_SERIAL)) {
        if (!rw__ddl_word(d, RW_W_DEFAULT) || !rw__ddl_word(d, RW_W_VALUE)) rw__ddl_fail(d, "DEFAULT VALUE");
        c->auto_increment = true;
        c->nullable = false;
    } else {
        return false;
    }
    return true;
}

static bool flag_attribute(rw__ddl *d, rw_column *c)
{
    if (rw__ddl_word(d, RW_W_NOT)) {
        if (rw__ddl_word(d, RW_W_NULL))
            c->nullable = false;
        else if (!rw__ddl_word(d, RW_W_ENFORCED))
            rw__ddl_fail(d, "NULL");
        return true;
    }
    if (rw__ddl_word(d, RW_W_NULL)) {
        c->nullable = true;
        return true;
    }
    if (rw__ddl_word(d, RW_W_AUTO_INCREMENT)) return c->auto_increment = true;
    if (rw__ddl_word(d, RW_W_INVISIBLE)) return c->invisible = true;
    return rw__ddl_word(d, RW_W_VISIBLE) || rw__ddl_word(d, RW_W_VIRTUAL) || rw__ddl_word(d, RW_W_STORED) ||
           rw__ddl_word(d, RW_W_PERSISTENT) || rw__ddl_word(d, RW_W_ENFORCED);
}

static bool other_attribute(rw__ddl *d)
{
    if (rw__ddl_word(d, RW_W_COMMENT) || rw__ddl_word(d, RW_W_COLUMN_FORMAT) ||
        rw__ddl_word(d, RW_W_STORAGE) || rw__ddl_word(d, RW_W_ENGINE_ATTRIBUTE) ||
        rw__ddl_word(d, RW_W_SECONDARY_ENGINE_ATTRIBUTE) || rw__ddl_word(d, RW_W_SRID) ||
        rw__ddl_word(d, RW_W_REF_SYSTEM_ID)) {
        one_value(d);
    } else if (rw__ddl_word(d, RW_W_REFERENCES)) {
        read_references(d);
    } else if (rw__ddl_word(d, RW_W_CONSTRAINT)) {
        if (!rw__ddl_at_word(d, 0, RW_W_CHECK)) (void)rw__ddl_name(d);
    } else if (rw__ddl_word(d, RW_W_CHECK)) {
        rw__ddl_skip_parens(d);
    } else if (rw__ddl_word(d, RW_W_WITH) || rw__ddl_word(d, RW_W_WITHOUT)) {
        d->pos += rw__ddl_at_word(d, 1, RW_W_VERSIONING) ? 2 : 0;
    } else if (rw__ddl_word(d, RW_W_COMPRESSED)) {
        if (rw__ddl_op(d, RW_OP_EQ)) one_value(d);
    } else {
        return false;
    }
    return true;
}

void rw__ddl_column(rw__ddl *d, rw_column *c)
{
    read_type(d, c);
    while (!rw__ddl_end(d) && !rw__ddl_at_op(d, 0, RW_OP_COMMA) && !rw__ddl_at_op(d, 0, RW_OP_RPAREN)) {
        if (flag_attribute(d, c) || value_attribute(d, c) || key_attribute(d, c) || charset_attribute(d, c) ||
            other_attribute(d))
            continue;
        rw__ddl_fail(d, "a column attribute");
    }
    if (c->auto_increment)
        c->default_kind = RW_DEFAULT_AUTO_INC;
    else if (c->default_text.n == 0)
        c->default_kind = c->nullable ? RW_DEFAULT_NULL : RW_DEFAULT_NONE;
}
