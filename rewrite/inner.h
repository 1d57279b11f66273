/* A text inside a statement, which the server will prepare: EXECUTE IMMEDIATE 'text', PREPARE n FROM 'text',
 * and the text behind EXECUTE n. It is planned as a prepared statement of its own. Private to rewrite/. */
#ifndef REWRITE_INNER_H
#define REWRITE_INNER_H

#include "plan.h"
#include "resolve.h"

typedef struct rw_inner {
    b_slice text;
    rw_plan plan;
    bool touches;     /* it may name a migrating table */
    b_slice sent;     /* what the server is to have */
    rw_param_map map; /* identity where nothing was rewritten */
    bool harmless;    /* it reads or writes rows, and changes nothing that later statements are read by */
} rw_inner;

/* ctx: under which the text is read. False: refused, or out of memory. */
bool rw__inner_plan(rw_planner *p, const rw_ctx *ctx, b_slice text, rw_inner *out);

/* What the text uses counts as used by this statement. */
void rw__inner_uses(rw_planner *p, const rw_inner *in);

/* USING's list becomes what the rewritten text needs. */
void rw__inner_using(rw_planner *p, const rw_stmt *s, const rw_inner *in);

/* The text as a literal under ctx, which must be able to hold it. */
b_slice rw__inner_literal(rw_planner *p, const rw_ctx *ctx, b_slice text);

/* ---- prepare_source.c --------------------------------------------------------------------------------- */

/* The text of PREPARE and EXECUTE IMMEDIATE. *text has p NULL where it is not known and need not be, since no
 * migration is under way, and where it is NULL on the server, which takes no such text. False: refused. */
bool rw__prepare_source(rw_planner *p, const rw_stmt *s, bool first, b_slice *text);

#endif
