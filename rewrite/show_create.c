/* The answer to SHOW CREATE TABLE, made into what the plain table of the client's version would say. The
 * statement itself passes: only the server knows the whole definition.
 *
 * The text is cut into tokens like any other. Its elements (columns, keys, constraints) are kept in order; of
 * a pair, one column stays, under the client's name, and of an index and its twin, one. */
#include "show_create.h"
#include "index_name.h"

#include "lexer.h"
#include "type.h"

enum { MAX_ELEMENTS = 5000 }; /* columns and keys of a table */

typedef struct element {
    uint32_t tok, end;
    size_t off, stop; /* bytes, without what separates elements */
    bool column, dropped;
} element;

typedef struct creator {
    const rw_mtable *m;
    rw_server server;
    bool as_new, both;
    rw_ctx ctx;
    rw_tokens t;
    b_arena *arena;
    element *v;
    uint32_t n;
    uint32_t close; /* the `)` behind the last element */
    b_buf *out;
} creator;

/* ---- reading ---------------------------------------------------------------------------------------- */

static bool is_op(const creator *c, uint32_t i, uint16_t op)
{
    return c->t.tok[i].kind == RW_TOK_OP && c->t.tok[i].word == op;
}

static bool is_word(const creator *c, uint32_t i, uint16_t word)
{
    return c->t.tok[i].kind == RW_TOK_IDENT && c->t.tok[i].word == word;
}

static b_slice name_at(const creator *c, uint32_t i)
{
    if (c->t.tok[i].kind != RW_TOK_QUOTED) {
        return (b_slice){"", 0};
    }
    return rw__token_name(&c->ctx, &c->t, i, c->arena);
}

static size_t trim_end(const creator *c, size_t from, size_t stop)
{
    while (stop > from && (c->t.sql.p[stop - 1] == ' ' || c->t.sql.p[stop - 1] == '\n')) {
        stop--;
    }
    return stop;
}

static bool add_element(creator *c, uint32_t tok, uint32_t end)
{
    size_t off = c->t.tok[tok].off;

    if (tok == end || c->n == MAX_ELEMENTS) {
        return false;
    }
    c->v[c->n++] = (element){.tok = tok,
                             .end = end,
                             .off = off,
                             .stop = trim_end(c, off, c->t.tok[end].off),
                             .column = c->t.tok[tok].kind == RW_TOK_QUOTED};
    return true;
}

/* CREATE TABLE `t` ( element, … ) … : false for anything else, also with names that are not quoted. */
static bool read_elements(creator *c)
{
    uint32_t i = 0, depth = 0, start;

    while (i < c->t.n && c->t.tok[i].kind == RW_TOK_IDENT) {
        i++;
    }
    if (i + 1 >= c->t.n || c->t.tok[i].kind != RW_TOK_QUOTED || !is_op(c, i + 1, RW_OP_LPAREN)) {
        return false;
    }
    start = i + 2;
    for (i = start; i < c->t.n; i++) {
        if (is_op(c, i, RW_OP_LPAREN)) {
            depth++;
        } else if (is_op(c, i, RW_OP_RPAREN) && depth-- == 0) {
            c->close = i;
            return add_element(c, start, i);
        } else if (is_op(c, i, RW_OP_COMMA) && depth == 0) {
            if (!add_element(c, start, i)) {
                return false;
            }
            start = i + 1;
        }
    }
    return false;
}

static element *column_named(creator *c, b_slice name)
{
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->v[i].column && b_slice_ieq(name_at(c, c->v[i].tok), name)) {
            return &c->v[i];
        }
    }
    return NULL;
}

/* The name of a key: the first one that is quoted and stands before the columns. */
static b_slice key_name(const creator *c, const element *e)
{
    for (uint32_t i = e->tok; i < e->end && !is_op(c, i, RW_OP_LPAREN); i++) {
        if (c->t.tok[i].kind == RW_TOK_QUOTED) {
            return name_at(c, i);
        }
    }
    return (b_slice){"", 0};
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static b_slice shown_of(const creator *c, const rw_pair *p)
{
    return c->as_new ? p->to : p->from;
}

static void put_quoted(creator *c, uint32_t like, b_slice name)
{
    char quote = c->t.sql.p[c->t.tok[like].off];

    b_buf_char(c->out, quote);
    b_buf_slice(c->out, name);
    b_buf_char(c->out, quote);
}

static const rw_pair *pair_of(const creator *c, b_slice name)
{
    for (size_t i = 0; i < c->m->npairs && name.n > 0; i++) {
        const rw_pair *p = &c->m->pairs[i];

        if (b_slice_ieq(p->from, name) || b_slice_ieq(p->to, name)) {
            return p;
        }
    }
    return NULL;
}

/* The text of tokens [tok, end) up to byte `stop`, each name of a pair as the client's version has it. Names
 * of columns only: not that of a key or constraint, nor those of the table that a foreign key points to. */
static void put_range(creator *c, uint32_t tok, uint32_t end, size_t stop, bool names_first)
{
    size_t at = c->t.tok[tok].off;
    bool elsewhere = false;

    for (uint32_t i = tok; i < end; i++) {
        const rw_pair *p = pair_of(c, name_at(c, i));

        if (is_word(c, i, RW_W_REFERENCES) && i + 1 < end) {
            elsewhere = !b_slice_ieq(name_at(c, i + 1), c->m->table);
        }
        if (is_op(c, i, RW_OP_LPAREN)) {
            names_first = false;
        }
        if (p == NULL || names_first || elsewhere) {
            continue;
        }
        b_buf_add(c->out, c->t.sql.p + at, c->t.tok[i].off - at);
        put_quoted(c, i, shown_of(c, p));
        at = (size_t)c->t.tok[i].off + c->t.tok[i].len;
    }
    if (stop > at) {
        b_buf_add(c->out, c->t.sql.p + at, stop - at);
    }
}

static void put_separator(creator *c, bool *first)
{
    b_buf_str(c->out, *first ? "\n  " : ",\n  ");
    *first = false;
}

/* Does the attribute end the type of a column? */
static bool attribute(const creator *c, uint32_t i)
{
    static const uint16_t words[] = {RW_W_NOT, RW_W_NULL,    RW_W_DEFAULT, RW_W_INVISIBLE,
                                     RW_W_ON,  RW_W_COMMENT, RW_W_CHECK};

    for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
        if (is_word(c, i, words[k])) {
            return true;
        }
    }
    return false;
}

static void put_default(creator *c, const rw_column *col)
{
    b_slice s = col->default_text;
    bool mysql = c->server.flavour == RW_MYSQL, paren = s.n > 0 && s.p[0] == '(';
    bool number = s.n > 0 && ((s.p[0] >= '0' && s.p[0] <= '9') || s.p[0] == '-' || s.p[0] == '.');

    switch (col->default_kind) {
    case RW_DEFAULT_NONE:
    case RW_DEFAULT_AUTO_INC: return;
    case RW_DEFAULT_NULL:
        if (!mysql || (b_slice_find(col->type, B_LIT("text")) == (size_t)-1 &&
                       b_slice_find(col->type, B_LIT("blob")) == (size_t)-1)) {
            b_buf_str(c->out, " DEFAULT NULL");
        }
        return;
    case RW_DEFAULT_LITERAL:
        b_buf_printf(c->out, mysql && number ? " DEFAULT '%.*s'" : " DEFAULT %.*s", B_ARG(s));
        return;
    case RW_DEFAULT_EXPR:
        b_buf_printf(c->out, mysql && !paren ? " DEFAULT (%.*s)" : " DEFAULT %.*s", B_ARG(s));
        return;
    case RW_DEFAULT_NOW: b_buf_printf(c->out, " DEFAULT %.*s", B_ARG(s)); return;
    }
}

/* B on its way to what A was: its type and comment, and the plain column's attributes. */
static void put_composed(creator *c, const element *e, const rw_pair *p)
{
    uint32_t i = e->tok + 1, depth = 0, rest;
    bool timestamp = b_slice_istarts(p->plain.type, B_LIT("timestamp"));

    for (; i < e->end && (depth > 0 || !attribute(c, i)); i++) {
        depth += is_op(c, i, RW_OP_LPAREN);
        depth -= is_op(c, i, RW_OP_RPAREN);
    }
    put_range(c, e->tok + 1, i, (size_t)c->t.tok[i - 1].off + c->t.tok[i - 1].len, false);
    b_buf_str(c->out, !p->plain.nullable ? " NOT NULL" : timestamp ? " NULL" : "");
    put_default(c, &p->plain);
    if (p->plain.on_update_now) {
        b_buf_str(c->out, " ON UPDATE ");
        rw__type_now(c->server.flavour, &p->plain, c->out);
    }
    for (rest = i, depth = 0; rest < e->end; rest++) {
        depth += is_op(c, rest, RW_OP_LPAREN);
        depth -= is_op(c, rest, RW_OP_RPAREN);
        if (depth == 0 && (is_word(c, rest, RW_W_COMMENT) || is_word(c, rest, RW_W_CHECK))) {
            b_buf_char(c->out, ' ');
            put_range(c, rest, e->end, e->stop, false);
            return;
        }
    }
}

/* The pair's column, under the name given. */
static void put_pair(creator *c, const rw_pair *p, b_slice name)
{
    const element *a = column_named(c, p->from), *b = column_named(c, p->to);
    bool from_b = a == NULL || p->phase == RW_RETIRED;
    const element *e = from_b && b != NULL ? b : a;

    if (e == NULL) {
        return; /* complete() has seen to that */
    }
    put_quoted(c, e->tok, name);
    b_buf_char(c->out, ' ');
    if (a != NULL && from_b) {
        put_composed(c, e, p);
    } else {
        put_range(c, e->tok + 1, e->end, e->stop, false);
    }
}

/* Pairs whose column comes after this one (B alone, which stands elsewhere), or first of all. */
static void put_moved(creator *c, b_slice after, bool *first)
{
    for (size_t i = 0; i < c->m->npairs; i++) {
        const rw_pair *p = &c->m->pairs[i];

        if (column_named(c, p->from) == NULL && b_slice_ieq(p->after, after)) {
            put_separator(c, first);
            put_pair(c, p, shown_of(c, p));
            put_moved(c, p->from, first);
        }
    }
}

static void put_columns(creator *c, bool *first)
{
    put_moved(c, (b_slice){"", 0}, first);
    for (uint32_t i = 0; i < c->n; i++) {
        const element *e = &c->v[i];
        b_slice name = e->column ? name_at(c, e->tok) : (b_slice){"", 0};
        const rw_pair *p = pair_of(c, name);

        if (!e->column || (p != NULL && !b_slice_ieq(name, p->from))) {
            continue;
        }
        put_separator(c, first);
        if (p != NULL) {
            put_pair(c, p, shown_of(c, p));
        } else {
            put_range(c, e->tok, e->end, e->stop, false);
        }
        put_moved(c, name, first);
    }
    for (size_t i = 0; c->both && i < c->m->npairs; i++) {
        put_separator(c, first);
        put_pair(c, &c->m->pairs[i], c->m->pairs[i].to);
    }
}

/* The name of the key that this one is the twin of; empty: of none. */
static b_slice twin_of(const creator *c, const element *e)
{
    b_slice name = key_name(c, e), base = {"", 0};

    for (size_t i = 0; i < c->m->npairs && base.n == 0; i++) {
        base = rw__twin_base(&c->m->pairs[i], name);
    }
    return base;
}

static bool has_key(const creator *c, b_slice name)
{
    for (uint32_t i = 0; i < c->n; i++) {
        if (!c->v[i].column && b_slice_ieq(key_name(c, &c->v[i]), name)) {
            return true;
        }
    }
    return false;
}

static void put_keys(creator *c, bool *first)
{
    for (uint32_t i = 0; i < c->n; i++) {
        const element *e = &c->v[i];
        b_slice base = e->column ? (b_slice){"", 0} : twin_of(c, e);
        uint32_t name = e->tok;

        if (e->column || (base.n > 0 && has_key(c, base))) {
            continue;
        }
        put_separator(c, first);
        while (base.n > 0 && c->t.tok[name].kind != RW_TOK_QUOTED) {
            name++;
        }
        if (base.n > 0) {
            b_buf_add(c->out, c->t.sql.p + e->off, c->t.tok[name].off - e->off);
            put_quoted(c, name, base);
            b_buf_char(c->out, ' ');
            name++;
        }
        put_range(c, name, e->end, e->stop, base.n == 0);
    }
}

/* What stands behind the elements: options, and the columns of PARTITION BY. */
static void put_tail(creator *c)
{
    size_t from = c->t.tok[c->close].off;
    uint32_t part = c->close;

    while (part < c->t.n && !is_word(c, part, RW_W_PARTITION)) {
        part++;
    }
    b_buf_char(c->out, '\n');
    if (part == c->t.n) {
        b_buf_add(c->out, c->t.sql.p + from, c->t.sql.n - from);
        return;
    }
    b_buf_add(c->out, c->t.sql.p + from, c->t.tok[part].off - from);
    put_range(c, part, c->t.n, c->t.sql.n, false);
}

/* ---- entry ------------------------------------------------------------------------------------------ */

bool rw__show_create_can(const rw_mtable *m)
{
    for (size_t i = 0; i < m->npairs; i++) {
        const rw_pair *p = &m->pairs[i];

        if (p->forms != NULL || p->from.n == 0 || p->to.n == 0 || p->plain.invisible) {
            return false;
        }
    }
    return true;
}

static bool complete(creator *c)
{
    for (size_t i = 0; i < c->m->npairs; i++) {
        if (column_named(c, c->m->pairs[i].from) == NULL && column_named(c, c->m->pairs[i].to) == NULL) {
            return false;
        }
    }
    return true;
}

static const rw_mtable *find_table(const rw_ruleset *r, const rw_table_name *name)
{
    for (size_t i = 0; i < rw__ruleset_tables(r); i++) {
        const rw_mtable *m = rw__ruleset_table(r, i);

        if (b_slice_eq(m->schema, name->schema) && b_slice_eq(m->table, name->name)) {
            return m;
        }
    }
    return NULL;
}

b_status rw_show_create(const rw_ruleset *r, const rw_ctx *ctx, const rw_table_name *table, b_slice text,
                        b_arena *arena, b_buf *out)
{
    creator c = {.m = find_table(r, table), .ctx = *ctx, .arena = arena, .out = out};
    bool first = true;
    b_status s;

    if (c.m == NULL || !rw__show_create_can(c.m)) {
        return B_INVALID;
    }
    c.as_new = ctx->version == RW_VERSION_NEW;
    c.both = ctx->version == RW_VERSION_BOTH;
    c.server = rw_catalog_server(rw_ruleset_catalog(r));
    c.v = b_arena_array(arena, MAX_ELEMENTS, sizeof(*c.v));
    s = rw_lex(&c.ctx, c.server, text, arena, &c.t);
    if (s != B_OK || c.v == NULL) {
        return B_NOMEM;
    }
    if (!read_elements(&c) || !complete(&c)) {
        return B_INVALID;
    }
    b_buf_add(out, text.p, c.v[0].off == 0 ? 0 : trim_end(&c, 0, c.v[0].off));
    put_columns(&c, &first);
    put_keys(&c, &first);
    put_tail(&c);
    return out->failed ? B_NOMEM : B_OK;
}
