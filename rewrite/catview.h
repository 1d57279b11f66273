/* Tables of information_schema that tell of columns and indexes, as the client of a migrating table is to
 * see them; and SHOW COLUMNS, DESCRIBE and SHOW INDEX, which are built on them. Private to rewrite/. */
#ifndef REWRITE_CATVIEW_H
#define REWRITE_CATVIEW_H

#include "emit.h"

typedef enum rw_catview {
    RW_CATVIEW_COLUMNS,
    RW_CATVIEW_STATISTICS,
    RW_CATVIEW_KEYS,        /* KEY_COLUMN_USAGE */
    RW_CATVIEW_CONSTRAINTS, /* TABLE_CONSTRAINTS */
    RW_CATVIEWS,            /* how many */
} rw_catview;

/* Does the name mean one of them? */
bool rw__catview_named(const rw_planner *p, const rw_name *name, rw_catview *out);

/* "(SELECT …)" with the columns of the server's own table, its rows changed for each unfinished migration to
 * what the plain table of the client's version has. only: of this table's rows alone; NULL for all tables.
 * Empty when the server's own rows are right as they are, and after a failure. */
b_slice rw__catview_sql(rw_planner *p, rw_catview v, rw_mtab *only);

/* A table of a FROM that is one of them: replaced in the text, and brought into scope. False: it is none, or
 * needs nothing. */
bool rw__catview_add(rw_planner *p, rw_scope *s, const rw_from *f);

/* The same for TABLE t. */
bool rw__catview_table_stmt(rw_planner *p, const rw_select *sel);

/* Does this column come from one of this scope? Then *shown is what the server calls it in a result. */
bool rw__catview_column(const rw_planner *p, const rw_scope *s, const rw_expr *e, b_slice *shown);

/* Takes the qualifier information_schema off such a reference: a derived table has none. */
void rw__catview_unqualify(rw_planner *p, const rw_scope *s, const rw_expr *e);

/* Is the table physically what this client believes it to be, so that the server may describe it? */
bool rw__is_as_believed(const rw_planner *p, const rw_mtab *mt);

/* SHOW COLUMNS, SHOW INDEX, DESCRIBE t. False: it is another statement, or one of another table. */
bool rw__plan_show(rw_planner *p, const rw_stmt *st);

#endif
