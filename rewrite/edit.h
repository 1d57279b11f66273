/* Edit scripts: what the emitter decides, in terms of token positions, so that one script serves every
 * statement with the same digest. Private to rewrite/. */
#ifndef REWRITE_EDIT_H
#define REWRITE_EDIT_H

#include "lexer.h"

/* What is put in: a run of pieces, in order. */
typedef enum rw_piece_kind {
    RW_P_TEXT, /* constant text */
    RW_P_COPY, /* the source of tokens [tok, end), placeholders included: they are mapped */
    RW_P_NAME, /* the source of tokens [tok, end) as the automatic column name that the server would give
                  it (comments and cutting by the server's rule), quoted as an identifier */
} rw_piece_kind;

typedef struct rw_piece {
    rw_piece_kind kind;
    b_slice text;
    uint32_t tok, end;
    struct rw_piece *next;
} rw_piece;

/* Tokens [at, at + ndel) are replaced by the pieces. ndel == 0 inserts: before token `at`, hard against it,
 * when `before` is set, otherwise hard after token at - 1. Several edits at one place keep their order. */
typedef struct rw_edit {
    uint32_t at, ndel;
    bool before;
    rw_piece *pieces, *last;
    struct rw_edit *next;
} rw_edit;

/* A list being built, in any order of places. Failure is sticky. */
typedef struct rw_edits {
    b_arena *arena;
    rw_edit *first, *last;
    uint32_t n;
    bool failed;
} rw_edits;

/* Each returns the edit so that pieces can be added to it; NULL once failed (and the adders take NULL). */
rw_edit *rw_edit_replace(rw_edits *e, uint32_t tok, uint32_t end);
rw_edit *rw_edit_before(rw_edits *e, uint32_t tok);
rw_edit *rw_edit_after(rw_edits *e, uint32_t tok);         /* after token tok */
void rw_edit_text(rw_edits *e, rw_edit *at, b_slice text); /* the text is copied */
void rw_edit_copy(rw_edits *e, rw_edit *at, uint32_t tok, uint32_t end);
void rw_edit_name(rw_edits *e, rw_edit *at, uint32_t tok, uint32_t end);

/* Applies the script to a statement's tokens: *out in the arena, and the placeholders' map. B_INVALID when
 * edits overlap or lie outside (a bug: the caller refuses). B_NOMEM, B_TOO_BIG. */
b_status rw_edits_apply(const rw_ctx *ctx, rw_server server, const rw_tokens *t, const rw_edits *e,
                        b_arena *arena, b_slice *out, rw_param_map *map) B_MUSTCHECK;

/* Where the output's bytes are from: len bytes from `out` on are those of the source from `off` on; or,
 * with other_text set, what stands there was made of those. The rest is the edits' own text. */
typedef struct rw_span {
    size_t out;
    uint32_t off, len;
    bool other_text;
} rw_span;

typedef struct rw_spans {
    b_arena *arena;
    rw_span *v;
    uint32_t n, room;
    bool failed;
} rw_spans;

/* The same, and notes the spans, in the output's order. */
b_status rw__edits_apply_spans(const rw_ctx *ctx, rw_server server, const rw_tokens *t, const rw_edits *e,
                               b_arena *arena, b_slice *out, rw_param_map *map, rw_spans *spans) B_MUSTCHECK;

#endif
