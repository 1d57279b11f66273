/* What the files that look whether a statement can be repeated share: repeat.c walks the tree, repeat_value.c
 * knows when equal values are the same value. Private to them. */
#ifndef REWRITE_REPEAT_H
#define REWRITE_REPEAT_H

#include "ast.h"
#include "rewrite/shadow.h"

typedef struct rw__repeat {
    const rw_ruleset *rules;
    const rw_catalog *catalog;
    const rw_ctx *ctx;
    const rw_tokens *t;
    const rw_given *given; /* of each placeholder */
    size_t ngiven;
    b_arena *arena;
    const rw_name_list *ctes; /* names of WITH that were met */
    unsigned depth;           /* of queries in queries */
    const char *why;          /* sticky: the first thing that stands in the way */
    rw_table_name *tables;
    size_t ntables, room;
    bool nomem;
} rw__repeat;

/* Notes why, and is false. */
bool rw__unrepeatable(rw__repeat *p, const char *why);

/* The base table that an entry of FROM names; NULL: a WITH, a view, or one that is not known. */
const rw_table *rw__repeat_table(const rw__repeat *p, const rw_name *name);

/* A column, and by which entry of FROM. */
typedef struct rw__found {
    const rw_from *from;
    const rw_column *column; /* NULL: it is in none of them, or in several, or that cannot be told */
} rw__found;

/* Does the FROM clause name base tables only? Then a name that one of them has is that column. */
rw__found rw__repeat_column(const rw__repeat *p, const rw_from *from, const rw_name *name);

/* Is an expression such that two values of it that are equal have the same bytes: integers, decimals, dates
 * (number: the first two only)? */
bool rw__exact(const rw__repeat *p, const rw_select *s, const rw_expr *e, bool number);

/* Is the value of this aggregate the same in whatever order its rows come? */
bool rw__repeat_aggregate(rw__repeat *p, const rw_select *s, const rw_expr *e);

/* Of a select with DISTINCT, GROUP BY or aggregates: is what it shows of a group the same whatever row the
 * server takes it from? */
bool rw__repeat_groups(rw__repeat *p, const rw_select *s);
bool rw__aggregates(const rw_select *s); /* in its list or in HAVING */
bool rw__aggregate_in(const rw_expr *e); /* a list: any of it */

/* Can its rows come in one order only: at most one, or ordered by the primary key of its one table? */
bool rw__repeat_ordered(const rw__repeat *p, const rw_query *q);

#endif
