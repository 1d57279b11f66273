/* Reads a schema file: statements, and those that make tables and views in full. */
#include "ddl.h"

/* ---- the cursor ---- */

bool rw__ddl_end(const rw__ddl *d)
{
    return d->status != B_OK || d->pos >= d->t.n;
}

bool rw__ddl_at_word(const rw__ddl *d, uint32_t ahead, rw_word w)
{
    if (d->status != B_OK || d->t.n - d->pos <= ahead) return false;
    return d->t.tok[d->pos + ahead].kind == RW_TOK_IDENT && d->t.tok[d->pos + ahead].word == w;
}

bool rw__ddl_at_op(const rw__ddl *d, uint32_t ahead, rw_op op)
{
    if (d->status != B_OK || d->t.n - d->pos <= ahead) return false;
    return d->t.tok[d->pos + ahead].kind == RW_TOK_OP && d->t.tok[d->pos + ahead].word == op;
}

bool rw__ddl_word(rw__ddl *d, rw_word w)
{
    bool yes = rw__ddl_at_word(d, 0, w);
    d->pos += yes;
    return yes;
}

bool rw__ddl_op(rw__ddl *d, rw_op op)
{
    bool yes = rw__ddl_at_op(d, 0, op);
    d->pos += yes;
    return yes;
}

b_slice rw__ddl_text(const rw__ddl *d, uint32_t from, uint32_t end)
{
    if (d->status != B_OK || from >= end) return (b_slice){"", 0};
    const rw_token *last = &d->t.tok[end - 1];
    return (b_slice){d->t.sql.p + d->t.tok[from].off, last->off + last->len - d->t.tok[from].off};
}

static unsigned line_of(const rw__ddl *d, const char *p)
{
    unsigned line = 1;
    for (const char *s = d->whole.p; s < p; s++) line += *s == '\n';
    return line;
}

void rw__ddl_fail(rw__ddl *d, const char *what)
{
    if (d->status != B_OK) return;
    uint32_t at = d->pos < d->t.n ? d->pos : d->t.n;
    b_slice found = d->pos < d->t.n ? rw__token_text(&d->t, at) : B_LIT("the end of the statement");
    if (found.n > 40) found.n = 40;
    d->status =
        b_fail(d->err, B_MALFORMED, "line %u: expected %s, found %.*s; correct or remove the statement",
               line_of(d, d->t.sql.p + d->t.tok[at].off), what, B_ARG(found));
}

void rw__ddl_need_op(rw__ddl *d, rw_op op)
{
    if (!rw__ddl_op(d, op)) rw__ddl_fail(d, rw__word_text((uint16_t)op));
}

b_slice rw__ddl_name(rw__ddl *d)
{
    rw_token_kind kind = rw__ddl_end(d) ? RW_TOK_END : (rw_token_kind)d->t.tok[d->pos].kind;
    if (kind == RW_TOK_IDENT || kind == RW_TOK_QUOTED || kind == RW_TOK_STRING) {
        b_slice name = rw__token_name(&d->ctx, &d->t, d->pos, d->arena);
        d->pos++;
        if (name.p != NULL) return name;
        d->status = b_fail(d->err, B_NOMEM, "out of memory");
    }
    rw__ddl_fail(d, "a name");
    return (b_slice){"", 0};
}

void rw__ddl_skip_parens(rw__ddl *d)
{
    unsigned depth = 0;
    do {
        if (rw__ddl_at_op(d, 0, RW_OP_LPAREN)) depth++;
        if (rw__ddl_at_op(d, 0, RW_OP_RPAREN) && depth > 0) depth--;
        if (rw__ddl_end(d)) {
            rw__ddl_fail(d, ")");
            return;
        }
        d->pos++;
    } while (depth > 0);
}

/* ---- statements ---- */

static void table_name(rw__ddl *d, rw_table_name *n)
{
    n->schema = d->schema;
    n->name = rw__ddl_name(d);
    if (!rw__ddl_op(d, RW_OP_DOT)) return;
    n->schema = n->name;
    n->name = rw__ddl_name(d);
}

static bool if_exists(rw__ddl *d)
{
    if (!rw__ddl_word(d, RW_W_IF)) return false;
    (void)rw__ddl_word(d, RW_W_NOT);
    return rw__ddl_word(d, RW_W_EXISTS);
}

static void add(rw__ddl *d, const rw_table *t, bool replace, bool only_if_new)
{
    if (d->status != B_OK) return;
    const rw_table *old = rw__catalog_builder_find(d->builder, t->schema, t->name);
    if (old != NULL && only_if_new) return;
    if (old != NULL && (replace || old->is_view)) rw__catalog_builder_remove(d->builder, t->schema, t->name);
    b_status s = rw_catalog_add(d->builder, t);
    if (s == B_EXISTS)
        d->status = b_fail(d->err, s, "line %u: %.*s.%.*s is created twice; remove one",
                           line_of(d, d->t.sql.p + d->t.tok[0].off), B_ARG(t->schema), B_ARG(t->name));
    else if (s != B_OK)
        d->status = b_fail(d->err, s, "out of memory");
}

static void create_table(rw__ddl *d, bool replace)
{
    bool maybe = if_exists(d);
    rw_table_name n;
    table_name(d, &n);
    rw_table t = {.schema = n.schema, .name = n.name};
    rw__ddl_table(d, &t);
    add(d, &t, replace, maybe);
}

typedef struct base_list {
    rw_table_name *v;
    size_t n, room;
} base_list;

static void add_base(rw__ddl *d, base_list *l, rw_table_name name)
{
    for (size_t i = 0; i < l->n; i++) {
        if (b_slice_eq(l->v[i].schema, name.schema) && b_slice_eq(l->v[i].name, name.name)) return;
    }
    if (l->n == l->room) {
        rw_table_name *v = b_arena_array(d->arena, l->room * 2 + 8, sizeof *v);
        if (v == NULL) {
            d->status = b_fail(d->err, B_NOMEM, "out of memory");
            return;
        }
        if (l->n > 0) memcpy(v, l->v, l->n * sizeof *v);
        l->v = v;
        l->room = l->room * 2 + 8;
    }
    l->v[l->n++] = name;
}

/* Every name in the body that a known table bears counts as a base: a few too many do no harm. */
static void view_bases(rw__ddl *d, base_list *l)
{
    for (; !rw__ddl_end(d); d->pos++) {
        rw_token_kind kind = (rw_token_kind)d->t.tok[d->pos].kind;
        if (kind != RW_TOK_IDENT && kind != RW_TOK_QUOTED) continue;
        rw_table_name n = {d->schema, rw__token_name(&d->ctx, &d->t, d->pos, d->arena)};
        if (d->pos >= 2 && d->t.tok[d->pos - 1].word == RW_OP_DOT) /* a column in most cases, not in s.t */
            n.schema = rw__token_name(&d->ctx, &d->t, d->pos - 2, d->arena);
        const rw_table *t = rw__catalog_builder_find(d->builder, n.schema, n.name);
        if (t == NULL) continue;
        for (size_t i = 0; t->is_view && i < t->nbases; i++) add_base(d, l, t->bases[i]);
        add_base(d, l, (rw_table_name){t->schema, t->name});
    }
}

static void create_view(rw__ddl *d)
{
    (void)if_exists(d);
    rw_table_name n;
    table_name(d, &n);
    base_list bases = {0};
    uint32_t from = d->pos;
    view_bases(d, &bases);
    rw_table t = {.schema = n.schema, .name = n.name, .is_view = true, .bases = bases.v, .nbases = bases.n};
    t.definition = rw__ddl_text(d, from, d->t.n);
    add(d, &t, true, false);
}

/* [IF NOT EXISTS] name BEFORE|AFTER INSERT|UPDATE|DELETE ON table … */
static void create_trigger(rw__ddl *d)
{
    (void)if_exists(d);
    rw_table_name trigger, table;
    table_name(d, &trigger);
    bool before = rw__ddl_word(d, RW_W_BEFORE);
    if (!before && !rw__ddl_word(d, RW_W_AFTER)) rw__ddl_fail(d, "BEFORE or AFTER");
    bool delete = rw__ddl_word(d, RW_W_DELETE);
    if (!delete &&!rw__ddl_word(d, RW_W_INSERT) && !rw__ddl_word(d, RW_W_UPDATE)) rw__ddl_fail(d, "INSERT");
    if (!rw__ddl_word(d, RW_W_ON)) rw__ddl_fail(d, "ON");
    table_name(d, &table);
    if (d->status == B_OK)
        rw__catalog_builder_trigger(d->builder, table.schema, table.name, before && !delete);
}

/* OR REPLACE, ALGORITHM = x, DEFINER = x, SQL SECURITY x, up to the word that says what is created. */
static bool create_prefix(rw__ddl *d)
{
    bool replace = rw__ddl_word(d, RW_W_OR) && rw__ddl_word(d, RW_W_REPLACE);
    for (bool more = true; more && !rw__ddl_end(d);) {
        more = false;
        if (rw__ddl_word(d, RW_W_ALGORITHM) || rw__ddl_word(d, RW_W_DEFINER)) {
            rw__ddl_need_op(d, RW_OP_EQ);
            if (!rw__ddl_end(d)) d->pos++;
            if (rw__ddl_at_op(d, 0, RW_OP_LPAREN)) rw__ddl_skip_parens(d); /* CURRENT_USER() */
            if (!rw__ddl_end(d) && d->t.tok[d->pos].kind == RW_TOK_USERVAR) d->pos++;
            more = true;
        } else if (rw__ddl_word(d, RW_W_SQL)) {
            d->pos += rw__ddl_at_word(d, 0, RW_W_SECURITY) ? 2 : 0;
            more = true;
        }
    }
    return replace;
}

static void create(rw__ddl *d)
{
    static const rw_word skipped[] = {RW_W_DATABASE, RW_W_SCHEMA,    RW_W_UNIQUE,   RW_W_INDEX, RW_W_FULLTEXT,
                                      RW_W_SPATIAL,  RW_W_PROCEDURE, RW_W_FUNCTION, RW_W_EVENT, RW_W_SEQUENCE,
                                      RW_W_USER,     RW_W_TEMPORARY, RW_W_AGGREGATE};
    bool replace = create_prefix(d);
    if (rw__ddl_word(d, RW_W_TABLE)) {
        create_table(d, replace);
        return;
    }
    if (rw__ddl_word(d, RW_W_VIEW)) {
        create_view(d);
        return;
    }
    if (rw__ddl_word(d, RW_W_TRIGGER)) {
        create_trigger(d);
        return;
    }
    for (size_t i = 0; i < sizeof skipped / sizeof skipped[0]; i++) {
        if (rw__ddl_at_word(d, 0, skipped[i])) return;
    }
    rw__ddl_fail(d, "TABLE or VIEW");
}

static void drop(rw__ddl *d)
{
    bool view = rw__ddl_word(d, RW_W_VIEW);
    if (!view && !rw__ddl_word(d, RW_W_TABLE)) return;
    (void)if_exists(d);
    do {
        rw_table_name n;
        table_name(d, &n);
        if (d->status == B_OK) rw__catalog_builder_remove(d->builder, n.schema, n.name);
    } while (rw__ddl_op(d, RW_OP_COMMA));
}

static void statement(rw__ddl *d)
{
    static const rw_word passed[] = {RW_W_SET, RW_W_LOCK, RW_W_UNLOCK, RW_W_START, RW_W_COMMIT, RW_W_BEGIN};
    if (rw__ddl_end(d)) return;
    if (rw__ddl_word(d, RW_W_CREATE)) {
        create(d);
    } else if (rw__ddl_word(d, RW_W_DROP)) {
        drop(d);
    } else if (rw__ddl_word(d, RW_W_USE)) {
        d->schema = rw__ddl_name(d);
    } else if (rw__ddl_at_word(d, 0, RW_W_ALTER) &&
               (rw__ddl_at_word(d, 1, RW_W_DATABASE) || rw__ddl_at_word(d, 1, RW_W_SCHEMA))) {
        return;
    } else {
        for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
            if (rw__ddl_at_word(d, 0, passed[i])) return;
        }
        rw__ddl_fail(d, "CREATE TABLE or CREATE VIEW");
    }
}

/* ---- the file ---- */

typedef struct script {
    b_slice rest, delimiter;
} script;

/* DELIMITER x, as clients have it: takes the line. */
static bool delimiter_line(script *s)
{
    b_slice line = b_slice_trim(s->rest);
    if (!b_slice_istarts(line, B_LIT("delimiter "))) return false;
    const char *end = memchr(line.p, '\n', line.n);
    size_t n = end == NULL ? line.n : (size_t)(end - line.p);
    s->delimiter = b_slice_trim((b_slice){line.p + 10, n - 10});
    s->rest = (b_slice){line.p + n, (size_t)(s->rest.p + s->rest.n - line.p) - n};
    return s->delimiter.n > 0;
}

static bool next_statement(rw__ddl *d, script *s, b_slice *out)
{
    while (delimiter_line(s)) {
    }
    if (b_slice_trim(s->rest).n == 0) return false;
    rw_lexer l = {.p = s->rest.p, .n = (uint32_t)s->rest.n, .ctx = &d->ctx, .server = d->server};
    for (;;) {
        rw_token t = rw__lex_next(&l);
        bool end = t.kind == RW_TOK_END || t.kind == RW_TOK_BAD;
        size_t left = s->rest.n - t.off;
        bool hit = !end && t.kind != RW_TOK_STRING && t.kind != RW_TOK_QUOTED && left >= s->delimiter.n &&
                   memcmp(s->rest.p + t.off, s->delimiter.p, s->delimiter.n) == 0;
        if (!end && !hit) continue;
        *out = (b_slice){s->rest.p, end ? s->rest.n : t.off};
        size_t used = end ? s->rest.n : t.off + s->delimiter.n;
        s->rest = (b_slice){s->rest.p + used, s->rest.n - used};
        return true;
    }
}

b_status rw_catalog_read_ddl(rw_catalog_builder *b, b_slice ddl, b_slice schema, b_err *err)
{
    if (ddl.n > 1u << 30) return b_fail(err, B_TOO_BIG, "the schema file is larger than 1 GiB; split it");
    rw__ddl d = {
        .builder = b, .server = rw__catalog_builder_server(b), .whole = ddl, .schema = schema, .err = err};
    b_arena *names = b_arena_new(0); /* for a schema name that outlives its USE statement */
    d.arena = b_arena_new(0);
    if (d.arena == NULL || names == NULL) d.status = b_fail(err, B_NOMEM, "out of memory");
    script s = {ddl, B_LIT(";")};
    b_slice text;
    while (d.status == B_OK && next_statement(&d, &s, &text)) {
        b_arena_reset(d.arena);
        d.pos = 0;
        b_slice before = d.schema;
        d.status = rw_lex(&d.ctx, d.server, text, d.arena, &d.t);
        if (d.status != B_OK) (void)b_fail(err, d.status, "%s", b_status_text(d.status));
        if (d.status == B_OK && d.t.n > 0 && d.t.tok[d.t.n - 1].kind == RW_TOK_BAD) {
            d.pos = d.t.n - 1;
            rw__ddl_fail(&d, "a closed quote or comment");
        }
        statement(&d);
        if (d.schema.p != before.p && d.status == B_OK) d.schema = b_arena_dup(names, d.schema);
    }
    b_arena_free(d.arena);
    b_arena_free(names);
    return d.status;
}
