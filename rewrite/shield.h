/* Tables that are joined by the names of their columns. Private to rewrite/. */
#ifndef REWRITE_SHIELD_H
#define REWRITE_SHIELD_H

#include "emit.h"

/* The migrating table that f names, when it must stand as a derived table with the plain one's columns; NULL
 * where it need not, or cannot. s->item is the tree of joins that f is in. */
rw_mtab *rw__shielded(rw_planner *p, const rw_scope *s, const rw_from *f);

/* Are the columns of the table, as the server finds them, the plain one's, so that it may join by them? (B is
 * INVISIBLE where it comes under the statement's ruleset.) */
bool rw__joins_as_plain(const rw_planner *p, const rw_scope *s, const rw_mtable *m);

/* Writes it so, and brings it into scope. */
void rw__add_shielded(rw_planner *p, rw_scope *s, const rw_from *f, rw_mtab *mt);

#endif
