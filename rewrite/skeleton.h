/* The skeleton of a short statement: its bytes with the values taken out, found in one pass without cutting
 * tokens. Private to rewrite/.
 *
 * Two statements with the same skeleton, said in the same context, have the same tokens but for those values,
 * where each value that was taken out of one of them is a token of its own. Why: both scans go in step. A
 * value leaves a byte in the skeleton that stands nowhere else; what is not taken out stands there as it is;
 * and what is taken out is decided by what stands before it. The lexer, too, goes in step: a number or string
 * ends where the lexer ends it, whatever its bytes, and leaves nothing behind but its kind. Comments, and
 * whatever else could make that untrue, give no skeleton. So what is found true of the tokens of one of
 * these statements (quick.c checks them) is true of all. */
#ifndef REWRITE_SKELETON_H
#define REWRITE_SKELETON_H

#include "lexer.h"
#include "words.h"

enum {
    RW_SKELETON_BYTES = 2048, /* longer statements have none */
    RW_SKELETON_VALUES = 256, /* nor those with more values */
};

typedef struct rw_value {
    uint32_t off, len; /* in the statement, with the quotes */
} rw_value;

typedef struct rw_skeleton {
    char text[RW_SKELETON_BYTES + RW_SKELETON_VALUES];
    size_t n;
    rw_value values[RW_SKELETON_VALUES];
    uint32_t nvalues;
} rw_skeleton;

/* False: the statement has none. */
bool rw__skeleton(const rw_ctx *ctx, b_slice sql, rw_skeleton *out);

/* Words after which a literal is a value in an expression and nothing else; those after which a number is;
 * and those after which, in a list after BY, numbers are no ordinals any more. */
bool rw__value_follows(rw_word w);
bool rw__number_follows(rw_word w);
bool rw__ends_list(rw_word w);

#endif
