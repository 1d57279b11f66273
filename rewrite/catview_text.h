/* One derived table over a table of information_schema, while it is written. Private to catview.c,
 * catview_sql.c, catview_pair.c and catview_column.c.
 *
 * No subquery stands in a select list where none is needed, and nothing is grouped: so both servers merge the
 * derived table into the query, and look up the one table that it asks for instead of opening all. */
#ifndef REWRITE_CATVIEW_TEXT_H
#define REWRITE_CATVIEW_TEXT_H

#include "catview.h"

#include "base/buf.h"

#define RW_CATVIEW_ROW "straddle_c." /* the alias of the table inside */

typedef struct rw_catview_row {
    const char *name;
    const char *columns[2]; /* by rw_flavour */
    const char *index;      /* the column that has the index's name */
} rw_catview_row;

/* By rw_catview. */
extern const rw_catview_row rw__catviews[RW_CATVIEWS];

/* Names of its columns, parted by a space; the next word of such a list, false at its end. */
const char *rw__catview_columns(const rw_planner *p, rw_catview v);
bool rw__catview_word(const char **list, b_slice *word);

/* One derived table being written. */
typedef struct rw_view {
    rw_planner *p;
    rw_catview v;
    b_buf b;
} rw_view;

void rw__view_put(rw_view *t, const char *text);
void rw__view_literal(rw_view *t, b_slice text);

/* The row is one of this table. */
void rw__view_table(rw_view *t, const rw_mtab *mt, const char *alias);

/* ---- catview_pair.c: what rows tell of a pair -------------------------------------------------------- */

/* One name of a pair, as it is told of. */
typedef struct rw_told {
    const rw_pair *pair;
    b_slice name;    /* that the client sees */
    b_slice source;  /* the column whose row stands for it */
    rw_column is;    /* what the plain table has */
    bool moves;      /* the source's default, NULL or visibility are, or may be, others */
    bool other_type; /* the source is a column of another type */
    bool added;      /* the source's row stands for another name already: told of in a row of its own */
} rw_told;

/* False: the pair has no column on this side. Reads of rows and of the catalogue go the same way for a
 * rename: A is changed while it retires, when B is whole already. */
bool rw__tell(const rw_mtab *mt, const rw_pair *pair, bool new_name, rw_told *out);
bool rw__tells_new(const rw_planner *p);

/* Physical columns of the pair that no row is to show; their number. */
unsigned rw__view_hidden(const rw_view *t, const rw_mtab *mt, const rw_pair *pair, b_slice out[2]);

/* ---- catview_column.c: the columns of a row ------------------------------------------------------------ */

/* A value of A as on the plain table, to be put in the place of a column; false: none is to be. */
typedef bool rw_view_value(rw_view *t, const rw_told *row);

typedef struct rw_view_column {
    const char *name;
    rw_view_value *value; /* NULL: the index's name */
    bool of_columns, of_statistics, of_keys;
} rw_view_column;

/* What is to be put in the place of this column; NULL: nothing. */
const rw_view_column *rw__view_changed(rw_catview v, b_slice name);

/* WHEN … THEN … for each pair of the table; false: none was needed. */
bool rw__view_whens(rw_view *t, const rw_mtab *mt, const rw_view_column *c);

#endif
