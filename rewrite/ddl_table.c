/* The body of CREATE TABLE: columns, keys, options. */
#include "ddl.h"

typedef struct columns {
    rw_column *v;
    size_t n, room;
    b_slice *indexes;
    size_t nindexes, index_room;
} columns;

static void add_index(rw__ddl *d, columns *cs, b_slice name)
{
    if (cs->nindexes == cs->index_room) {
        size_t room = cs->index_room == 0 ? 8 : cs->index_room * 2;
        b_slice *v = b_arena_regrow(d->arena, cs->indexes, cs->nindexes, room, sizeof *v);
        if (v == NULL) {
            d->status = B_NOMEM;
            return;
        }
        cs->indexes = v;
        cs->index_room = room;
    }
    cs->indexes[cs->nindexes++] = name;
}

/* [UNIQUE | FULLTEXT | SPATIAL] [KEY | INDEX] name …: an index without a name is called by its first column.
 */
static void index_name(rw__ddl *d, columns *cs)
{
    bool any =
        rw__ddl_word(d, RW_W_UNIQUE) || rw__ddl_word(d, RW_W_FULLTEXT) || rw__ddl_word(d, RW_W_SPATIAL);
    any = rw__ddl_word(d, RW_W_KEY) || rw__ddl_word(d, RW_W_INDEX) || any;
    if (!any || rw__ddl_end(d)) return;
    uint32_t at = d->pos;
    if (rw__ddl_at_op(d, 0, RW_OP_LPAREN)) d->pos++;
    if (!rw__ddl_at_op(d, 0, RW_OP_LPAREN)) add_index(d, cs, rw__ddl_name(d));
    d->pos = at;
}

static rw_column *add_column(rw__ddl *d, columns *cs)
{
    if (cs->n == cs->room) {
        size_t room = cs->room == 0 ? 16 : cs->room * 2;
        rw_column *v = b_arena_regrow(d->arena, cs->v, cs->n, room, sizeof *v);
        if (v == NULL) {
            d->status = B_NOMEM;
            return NULL;
        }
        cs->v = v;
        cs->room = room;
    }
    rw_column *c = &cs->v[cs->n++];
    *c = (rw_column){.nullable = true};
    return c;
}

/* PRIMARY KEY [name] [USING x] (a, b(10) DESC, …) */
static void primary_key(rw__ddl *d, columns *cs)
{
    while (!rw__ddl_end(d) && !rw__ddl_at_op(d, 0, RW_OP_LPAREN)) d->pos++;
    rw__ddl_need_op(d, RW_OP_LPAREN);
    while (!rw__ddl_end(d) && !rw__ddl_op(d, RW_OP_RPAREN)) {
        b_slice name = rw__ddl_name(d);
        for (size_t i = 0; i < cs->n; i++) {
            if (!b_slice_ieq(cs->v[i].name, name)) continue;
            cs->v[i].primary_key = true;
            cs->v[i].nullable = false;
            if (cs->v[i].default_kind == RW_DEFAULT_NULL && cs->v[i].default_text.n == 0)
                cs->v[i].default_kind = RW_DEFAULT_NONE;
        }
        while (!rw__ddl_end(d) && !rw__ddl_at_op(d, 0, RW_OP_RPAREN) && !rw__ddl_op(d, RW_OP_COMMA)) {
            if (rw__ddl_at_op(d, 0, RW_OP_LPAREN))
                rw__ddl_skip_parens(d);
            else
                d->pos++;
        }
    }
}

static void skip_item(rw__ddl *d)
{
    while (!rw__ddl_end(d) && !rw__ddl_at_op(d, 0, RW_OP_COMMA) && !rw__ddl_at_op(d, 0, RW_OP_RPAREN)) {
        if (rw__ddl_at_op(d, 0, RW_OP_LPAREN))
            rw__ddl_skip_parens(d);
        else
            d->pos++;
    }
}

/* A key, a constraint or a period: true, and it is read. */
static bool not_a_column(rw__ddl *d, columns *cs)
{
    static const rw_word starts[] = {RW_W_UNIQUE,  RW_W_KEY,   RW_W_INDEX,  RW_W_FULLTEXT,
                                     RW_W_SPATIAL, RW_W_CHECK, RW_W_FOREIGN};
    if (rw__ddl_word(d, RW_W_CONSTRAINT)) {
        if (!rw__ddl_at_word(d, 0, RW_W_PRIMARY) && !rw__ddl_at_word(d, 0, RW_W_UNIQUE) &&
            !rw__ddl_at_word(d, 0, RW_W_FOREIGN) && !rw__ddl_at_word(d, 0, RW_W_CHECK))
            (void)rw__ddl_name(d);
    }
    if (rw__ddl_word(d, RW_W_PRIMARY)) {
        primary_key(d, cs);
        add_index(d, cs, B_LIT("PRIMARY"));
        skip_item(d);
        return true;
    }
    bool period = rw__ddl_at_word(d, 0, RW_W_PERIOD) && rw__ddl_at_word(d, 1, RW_W_FOR);
    for (size_t i = 0; i < sizeof starts / sizeof starts[0] && !period; i++)
        period = rw__ddl_at_word(d, 0, starts[i]);
    if (period && !rw__ddl_at_word(d, 0, RW_W_PERIOD)) index_name(d, cs);
    if (period) skip_item(d);
    return period;
}

static void read_items(rw__ddl *d, columns *cs)
{
    rw__ddl_need_op(d, RW_OP_LPAREN);
    do {
        if (not_a_column(d, cs)) continue;
        b_slice name = rw__ddl_name(d);
        rw_column *c = add_column(d, cs);
        if (c == NULL) return;
        c->name = name;
        rw__ddl_column(d, c);
    } while (rw__ddl_op(d, RW_OP_COMMA));
    rw__ddl_need_op(d, RW_OP_RPAREN);
}

/* Options up to the end: the default collation is in *collation. */
static void read_options(rw__ddl *d, rw_table *t, b_slice *collation)
{
    while (!rw__ddl_end(d)) {
        bool charset = rw__ddl_word(d, RW_W_CHARSET);
        if (!charset && rw__ddl_at_word(d, 0, RW_W_CHARACTER) && rw__ddl_at_word(d, 1, RW_W_SET)) {
            d->pos += 2;
            charset = true;
        }
        if (charset) {
            (void)rw__ddl_op(d, RW_OP_EQ);
            b_slice cs = rw__ddl_name(d);
            if (collation->n == 0) *collation = rw__ddl_default_collation(d, cs);
        } else if (rw__ddl_word(d, RW_W_COLLATE)) {
            (void)rw__ddl_op(d, RW_OP_EQ);
            *collation = rw__ddl_name(d);
        } else if (rw__ddl_word(d, RW_W_PARTITION)) {
            t->partitioned = true;
        } else if (rw__ddl_at_word(d, 0, RW_W_SELECT) || rw__ddl_at_word(d, 0, RW_W_AS)) {
            rw__ddl_fail(d, "table options (CREATE TABLE … SELECT is not read; write its columns out)");
        } else if (rw__ddl_at_op(d, 0, RW_OP_LPAREN)) {
            rw__ddl_skip_parens(d);
        } else {
            d->pos++;
        }
    }
}

static void read_like(rw__ddl *d, rw_table *t)
{
    b_slice schema = d->schema, name = rw__ddl_name(d);
    if (rw__ddl_op(d, RW_OP_DOT)) {
        schema = name;
        name = rw__ddl_name(d);
    }
    const rw_table *from = rw__catalog_builder_find(d->builder, schema, name);
    if (from == NULL) {
        if (d->status == B_OK) d->pos--;
        rw__ddl_fail(d, "a table that was created before");
        return;
    }
    t->columns = from->columns;
    t->ncolumns = from->ncolumns;
    t->indexes = from->indexes;
    t->nindexes = from->nindexes;
    t->partitioned = from->partitioned;
}

void rw__ddl_table(rw__ddl *d, rw_table *t)
{
    bool parens = rw__ddl_at_op(d, 0, RW_OP_LPAREN) && rw__ddl_at_word(d, 1, RW_W_LIKE);
    d->pos += parens;
    if (rw__ddl_word(d, RW_W_LIKE)) {
        read_like(d, t);
        return;
    }
    columns cs = {0};
    b_slice collation = {"", 0};
    read_items(d, &cs);
    read_options(d, t, &collation);
    for (size_t i = 0; i < cs.n; i++) {
        if (!rw__ddl_has_collation(cs.v[i].type))
            cs.v[i].collation = (b_slice){"", 0};
        else if (cs.v[i].collation.n == 0)
            cs.v[i].collation = collation;
    }
    t->columns = cs.v;
    t->ncolumns = cs.n;
    t->indexes = cs.indexes;
    t->nindexes = cs.nindexes;
}
