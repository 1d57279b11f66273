/* What is known of the servers' own functions: one table. A function that is not in it, or is called with a
 * qualifier, may be anybody's. Private to rewrite/. */
#ifndef REWRITE_FUNCTIONS_H
#define REWRITE_FUNCTIONS_H

#include "ast.h"

enum {
    /* Its value. */
    RW_FN_STEADY = 1,    /* the same for the same arguments within a statement, and changes nothing */
    RW_FN_ANYWHERE = 2,  /* and in every session, at every time */
    RW_FN_AGGREGATE = 4, /* of a group of rows */
    RW_FN_OF_ROWS = 8,   /* an aggregate whose value hangs on nothing but its rows, whatever their order */
    RW_FN_FIXED = RW_FN_STEADY | RW_FN_ANYWHERE, /* may stand in `up` and `down` */

    /* Its syntax, where that is odd. */
    RW_FN_RESERVED = 0x10,    /* the word is reserved by a server, yet names a function when `(` follows */
    RW_FN_NO_PARENS = 0x20,   /* may stand without parentheses */
    RW_FN_UNIT = 0x40,        /* the first argument is a word: DAY, YEAR_MONTH, DATETIME */
    RW_FN_AS_TYPE = 0x80,     /* expr AS type */
    RW_FN_TYPE2 = 0x100,      /* the second argument is a type */
    RW_FN_IN = 0x200,         /* POSITION(a IN b) */
    RW_FN_TABLE1 = 0x400,     /* the first argument names a sequence */
    RW_FN_NTH = 0x800,        /* FROM FIRST | LAST may follow */
    RW_FN_LEVEL = 0x1000,     /* AS CHAR(n) LEVEL … */
    RW_FN_RETURNING = 0x2000, /* RETURNING type … ON EMPTY … ON ERROR */
    RW_FN_SYNTAX = 0x3FF0,    /* all of these */
};

/* The bits of the function of this name, in any case; 0 for one that is not known. */
unsigned rw__function(b_slice name);

/* The call's own: 0, too, where it is no call, has a qualifier or a window. */
unsigned rw__function_of(const rw_expr *e);

static inline bool rw__is_aggregate(const rw_expr *e)
{
    return (rw__function_of(e) & RW_FN_AGGREGATE) != 0;
}

/* For a test: the i-th name of the table, which is sorted; empty behind the last. */
b_slice rw__function_name(size_t i);

#endif
