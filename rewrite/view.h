/* Views over migrating tables. Private to rewrite/. */
#ifndef REWRITE_VIEW_H
#define REWRITE_VIEW_H

#include "resolve.h"

/* The first migrating table under the view; NULL when there is none. */
rw_mtab *rw__view_base(rw_planner *p, const rw_table *view);

/* A read of the view: passes where every column of a pair that it names has its values in this phase; refused
 * otherwise. */
void rw__check_view(rw_planner *p, const rw_table *view);

/* An INSERT, REPLACE, LOAD, UPDATE or DELETE: refused where it writes through a view and the other column of
 * a pair would not follow. */
void rw__check_view_writes(rw_planner *p, const rw_stmt *st);

#endif
