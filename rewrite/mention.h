/* Finding a migrating table by its tokens alone: for statements that are not parsed. Private to rewrite/. */
#ifndef REWRITE_MENTION_H
#define REWRITE_MENTION_H

#include "resolve.h"

/* The first unfinished migration whose table (or, with views, a view over it) may be named by an identifier
 * among tokens [tok, end); NULL when none is. Strings and comments name nothing. */
rw_mtab *rw__mention(rw_planner *p, uint32_t tok, uint32_t end, bool views);

/* Refuses a statement with a name, in any place, that may be a lost migration's table or a view over it. */
void rw__check_lost(rw_planner *p);

/* MySQL takes U+0130 for `i` and U+212A for `k` in names of columns. Refuses a statement on a migrating table
 * that spells one of a pair so: everything else here compares ASCII letters only. */
void rw__check_folding(rw_planner *p);

#endif
