/* Names of indexes in hints: those of the plain table, as SHOW INDEX tells them. Private to rewrite/. */
#ifndef REWRITE_INDEX_NAME_H
#define REWRITE_INDEX_NAME_H

#include "resolve.h"

/* Of which index this one is the twin by the pair; empty: of none. */
b_slice rw__twin_base(const rw_pair *pair, b_slice index);

/* The index that the name means to the client: in the phases that read B the twin stands for the index over
 * A. prefix: an unambiguous beginning of the name will do, as in USE INDEX. Empty: no index of the plain
 * table. */
b_slice rw__index_meant(const rw_mtab *mt, b_slice name, bool prefix);

/* USE, FORCE and IGNORE INDEX of the table: the names written anew where they are others now. */
void rw__emit_index_names(rw_planner *p, const rw_mtab *mt, const rw_from *f);

/* The same where the tokens from f->tok to f->end are put elsewhere. */
void rw__copy_from_item(rw_planner *p, const rw_mtab *mt, const rw_from *f, rw_edit *at);

/* hint.c: refuses optimizer hints that set what the statement is rewritten by, and writes a hint that names
 * indexes anew. */
void rw__check_hints(rw_planner *p, const rw_stmt *s);
void rw__emit_hints(rw_planner *p, const rw_stmt *s);

#endif
