/* What the edits of a plan make of a statement, written down for all statements with the same skeleton: text,
 * and values of the statement in between. Private to rewrite/. */
#ifndef REWRITE_SCRIPT_H
#define REWRITE_SCRIPT_H

#include "edit.h"
#include "skeleton.h"

/* n bytes of the script's text from `from` on, and then a value of the statement, unless it is the last. */
typedef struct rw_script_piece {
    uint32_t from, n, value;
} rw_script_piece;

typedef struct rw_script {
    b_slice text;
    const rw_script_piece *pieces; /* none: the statement stays as it is */
    uint32_t npieces;
    const uint32_t *source; /* as in rw_param_map */
    uint32_t nout, nin;
    bool identity;
} rw_script;

/* From a statement, its edits and its values. All memory is the arena's. B_INVALID where its output is not
 * such a row of pieces; B_NOMEM. */
b_status rw__script_make(const rw_ctx *ctx, rw_server server, const rw_tokens *t, const rw_edits *edits,
                         const rw_skeleton *values, b_arena *arena, rw_script *out) B_MUSTCHECK;

/* *out and *map in the arena. */
b_status rw__script_apply(const rw_script *s, b_slice sql, const rw_skeleton *values, b_arena *arena,
                          b_slice *out, rw_param_map *map) B_MUSTCHECK;

#endif
