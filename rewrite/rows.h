/* Long INSERTs: rows of VALUES that are like the first two are passed over, not cut into tokens. Private to
 * rewrite/.
 *
 * Why that is right: the tokens that are left are those of a statement of two rows. Its plan, where it is of
 * the kind that serves every statement with other literals (rw_plan.cacheable), and changes nothing within
 * the rows, says the same of each further row of the same shape. Where it is not, the statement is cut whole
 * and planned anew (cache.c). */
#ifndef REWRITE_ROWS_H
#define REWRITE_ROWS_H

#include "lexer.h"

enum { RW__ROWS_LEAST = 512 }; /* bytes of a statement for which it pays */

typedef struct rw__rows {
    bool done, values;       /* no more to be looked for; VALUES was seen */
    uint32_t depth, n;       /* of parentheses; rows ended */
    uint32_t from[2], to[2]; /* tokens of the first two rows, their parentheses included */
    bool passed;             /* rows were passed over, after the second one */
} rw__rows;

/* Looks at token i, which *l has just cut; after the second row moves *l to the end of the rows like it. */
void rw__rows_see(rw__rows *r, rw_lexer *l, const rw_token *tok, uint32_t i);

#endif
