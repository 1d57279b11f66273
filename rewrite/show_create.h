/* SHOW CREATE TABLE. Private to rewrite/; rw_show_create() is public. */
#ifndef REWRITE_SHOW_CREATE_H
#define REWRITE_SHOW_CREATE_H

#include "form.h"
#include "rewrite/rewrite.h"

/* Can the answer be put right: only renames of columns that are no special case. */
bool rw__show_create_can(const rw_mtable *m);

#endif
