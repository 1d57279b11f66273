/* Code that the server keeps and runs by itself: bodies of triggers, routines and events, definitions of
 * views. Does it use a column of a migrating table? Statement by statement: what stands in strings and
 * comments, or belongs to another table, is no use. Pure. */
#ifndef REWRITE_CODE_H
#define REWRITE_CODE_H

#include "rewrite/rewrite.h"

typedef struct rw_code {
    bool uses;         /* a statement names the column, as one of this table */
    bool writes;       /* … and assigns it */
    bool unsure;       /* it names table and column, but could not be read with certainty */
    bool dynamic;      /* it runs text that is put together at run time */
    bool table;        /* it names the table */
    b_slice statement; /* the first one that uses it, in the body */
} rw_code;

/* r: rules with that one migration, planned. row: the body of a trigger on the table, where NEW and OLD are
 * its rows. ctx: sql_mode of the object, its schema. B_NOMEM. */
b_status rw_code_look(const rw_ruleset *r, const rw_ctx *ctx, b_slice body, bool row, b_arena *arena,
                      rw_code *out) B_MUSTCHECK;

/* Do the identifiers of an expression name this column? */
bool rw_code_names(const rw_ctx *ctx, rw_server server, b_slice expression, b_slice column, b_arena *arena);

/* A statement that a binary log has as text: may it change a row of this table, other than by deleting it?
 * What triggers and functions do that it sets off is not looked at, but for a function that is all there is
 * of it. ctx: sql_mode and default schema as they were. In doubt, and out of memory: true. */
bool rw_code_changes(const rw_ctx *ctx, rw_server server, b_slice sql, b_slice schema, b_slice table,
                     b_arena *arena);

#endif
