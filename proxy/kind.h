/* What a statement may leave behind, by its first word: looked at for every statement, so nothing is lexed
 * here. Errs towards saying yes. Pure. */
#ifndef PROXY_KIND_H
#define PROXY_KIND_H

#include "base/slice.h"

enum {
    PX_KIND_DDL = 1,       /* columns of some table may be others once it is done */
    PX_KIND_BEGINS = 2,    /* may have begun a transaction although it failed: a procedure's body, a list */
    PX_KIND_SETS = 4,      /* may have set variables although it failed */
    PX_KIND_NAMED = 8,     /* of statements that have names: EXECUTE, DEALLOCATE, and PREPARE, */
    PX_KIND_PREPARES = 16, /* which alone is this, too */
    PX_KIND_CALLS = 32     /* may run a routine's PREPARE */
};

/* multi: several statements may stand in the text. */
unsigned px_kind(b_slice sql, bool multi);

#endif
