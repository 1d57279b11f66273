/* What the grammar's text cannot say of writes: lists of columns and of values for them. */
#include "gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { C_NAME, C_ID, C_K, C_N, C_NOTE, C_TS };

static const char t_mark[] = {DT_MARK_TABLE, '\0'};

/* The migrating table, as it is written, as the only thing in reach. */
static void leaf_t_bare(dt_gen *g)
{
    dt_put(g, t_mark);
    dt_source_add(g, DT_T, t_mark);
}

static void leaf_t_here(dt_gen *g)
{
    dt_source_add(g, DT_T, t_mark);
}

static const char *t_qualifier(const dt_gen *g)
{
    if (g->nframes == 0) return t_mark; /* DO and SET have no tables */
    const dt_frame *f = &g->frames[g->nframes - 1];
    for (unsigned i = 0; i < f->n; i++)
        if (f->v[i].columns == DT_T) return f->v[i].qualifier;
    return t_mark;
}

static void leaf_tq(dt_gen *g)
{
    dt_put(g, t_qualifier(g));
}

static void leaf_sq(dt_gen *g)
{
    const dt_frame *f = &g->frames[g->nframes - 1];
    for (unsigned i = 0; i < f->n; i++)
        if (f->v[i].columns == DT_S) dt_put(g, f->v[i].qualifier);
}

/* In an UPDATE of several tables which of the rows that match gives the value is the server's choice, as is
 * whether a column that is assigned elsewhere was assigned already: the value reads the row itself only. */
static void leaf_row_fit(dt_gen *g)
{
    char qualifier[24];
    snprintf(qualifier, sizeof qualifier, "%s", t_qualifier(g));
    dt_frame_push(g)->qualify = true;
    dt_source_add(g, DT_T, qualifier);
    dt_make(g, "fit");
    dt_frame_pop(g);
}

static void put_column(dt_gen *g, unsigned column)
{
    static const char *const names[] = {"", "id", "k", "n", "note", "ts"};
    if (column == C_NAME)
        dt_name(g, dt_pick(&g->tape, 3));
    else
        dt_put(g, names[column]);
}

static void leaf_columns(dt_gen *g)
{
    g->ncolumns = 0;
    if (dt_pick(&g->tape, 12) != 11) g->columns[g->ncolumns++] = C_NAME;
    if (!g->world->auto_increment || dt_pick(&g->tape, 5) == 4) g->columns[g->ncolumns++] = C_ID;
    for (unsigned c = C_K; c <= C_NOTE; c++)
        if (dt_pick(&g->tape, 2) == 1) g->columns[g->ncolumns++] = c;
    if (g->ncolumns > 1 && dt_pick(&g->tape, 2) == 1) {
        unsigned with = 1 + dt_pick(&g->tape, g->ncolumns - 1), first = g->columns[0];
        g->columns[0] = g->columns[with];
        g->columns[with] = first;
    }
}

static void leaf_list(dt_gen *g)
{
    leaf_columns(g);
    dt_put(g, "(");
    for (unsigned i = 0; i < g->ncolumns; i++) {
        if (i > 0) dt_put(g, ", ");
        put_column(g, g->columns[i]);
    }
    dt_put(g, ")");
}

static void put_value(dt_gen *g, unsigned column, bool select)
{
    static const char *const rules[] = {"ins_c", "ins_id", "ins_k", "ins_n", "ins_note", "ins_n"};
    static const char *const selected[] = {"fit", "sel_id", "sel_k", "nu", "sel_note", "nu"};
    dt_make(g, select ? selected[column] : rules[column]);
}

static void leaf_row(dt_gen *g)
{
    dt_put(g, "(");
    for (unsigned i = 0; i < g->ncolumns; i++) {
        if (i > 0) dt_put(g, ", ");
        put_value(g, g->columns[i], false);
    }
    dt_put(g, ")");
}

static void leaf_set(dt_gen *g)
{
    leaf_columns(g);
    for (unsigned i = 0; i < g->ncolumns; i++) {
        if (i > 0) dt_put(g, ", ");
        put_column(g, g->columns[i]);
        dt_put(g, " = ");
        put_value(g, g->columns[i], false);
    }
    if (g->ncolumns == 0) dt_put(g, "k = 1");
}

/* All columns in the plain table's order. */
static void leaf_whole(dt_gen *g)
{
    g->ncolumns = 0;
    g->columns[g->ncolumns++] = C_ID;
    for (unsigned i = 0; i <= 3; i++) {
        if (i == (g->world->place == 0 ? 0 : g->world->place == 1 ? 2 : 3))
            g->columns[g->ncolumns++] = C_NAME;
        if (i < 3) g->columns[g->ncolumns++] = C_K + i;
    }
    if (g->world->on_update) g->columns[g->ncolumns++] = C_TS;
}

static void leaf_select_head(dt_gen *g)
{
    dt_put(g, "SELECT ");
    for (unsigned i = 0; i < g->ncolumns; i++) {
        if (i > 0) dt_put(g, ", ");
        put_value(g, g->columns[i], true);
    }
    if (g->ncolumns == 0) dt_put(g, "1");
    dt_put(g, " FROM ");
}

/* Ordered, since the rows get their numbers in that order. */
static void leaf_query_into(dt_gen *g)
{
    dt_query(g, "into_from", "select_head", "into_tail");
}

/* A statement as a string literal. */
static void leaf_immediate(dt_gen *g)
{
    b_buf *b = &g->stmt->text;
    size_t at = b->n;
    bool before = g->no_params;
    g->no_params = true;
    dt_make(g, "immediate_text");
    g->no_params = before;
    char *copy = strndup(b->p + at, b->n - at);
    if (copy == NULL) ts_die("out of memory");
    b->n = at;
    dt_quoted(g, copy);
    free(copy);
}

static void leaf_volatile(dt_gen *g)
{
    static const char *const rules[] = {"volatile_text", "volatile_number", "volatile_date", "volatile_enum",
                                        "volatile_json"};
    dt_make(g, rules[g->world->type->kind]);
}

static void leaf_unordered(dt_gen *g)
{
    g->stmt->flags &= ~(unsigned)DT_ORDERED;
}

static void leaf_t1(dt_gen *g)
{
    g->aliases = g->aliases < 2 ? 2 : g->aliases;
    dt_source_add(g, DT_T, "t1");
}

const dt_leaf dt_write_leaves[] = {
    {"t1", leaf_t1},
    {"t_bare", leaf_t_bare},
    {"t_here", leaf_t_here},
    {"tq", leaf_tq},
    {"sq", leaf_sq},
    {"row_fit", leaf_row_fit},
    {"list", leaf_list},
    {"row", leaf_row},
    {"set", leaf_set},
    {"whole", leaf_whole},
    {"select_head", leaf_select_head},
    {"query_into", leaf_query_into},
    {"immediate", leaf_immediate},
    {"volatile", leaf_volatile},
    {"unordered", leaf_unordered},
    {NULL, NULL},
};
