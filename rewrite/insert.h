/* The columns of an INSERT or LOAD, as the client meant them. Private to emit_insert.c, insert_columns.c and
 * emit_load.c. */
#ifndef REWRITE_INSERT_H
#define REWRITE_INSERT_H

#include "write.h"

typedef struct rw_incol {
    b_slice name;        /* as the client calls it */
    const rw_name *at;   /* where it is written; NULL when there is no list */
    const rw_pair *pair; /* NULL: none of a pair's, or a user variable */
    uint32_t index;      /* of the pair */
    bool new_name;
    bool drop; /* says the same as an earlier column: taken out */
    bool dup;  /* B is written directly after it, with A as its value */
} rw_incol;

typedef struct rw_inpair {  /* one pair of the migration, in this statement */
    uint32_t first, second; /* columns that name it; RW_NO_TOK when there is none */
    bool add;               /* A is left out and has to be added, as DEFAULT */
    bool add_dup;           /* and B after it */
} rw_inpair;

typedef struct rw_extra { /* a column that is added at the end, for pairs whose values change */
    b_slice column;
    const rw_form *form; /* its value, or NULL: */
    b_slice text;
} rw_extra;

typedef struct rw_insert {
    const rw_stmt *s;
    rw_mtab *mt;
    rw_scope *scope; /* of the target alone, reads going to the written column */
    rw_source *src;
    rw_incol *cols;
    uint32_t ncols;
    bool listed;      /* the client wrote the list, with something in it */
    rw_inpair *pairs; /* mt->m->npairs */
    rw_extra *extras;
    uint32_t nextras;
} rw_insert;

/* From the list that the client wrote. */
void rw__insert_listed(rw_planner *p, rw_insert *in, const rw_name_list *list);
/* From the client's version; n: how many values there are, which tells the shapes of `both` apart. */
void rw__insert_shape(rw_planner *p, rw_insert *in, uint32_t n);
/* From the SET form. */
void rw__insert_assigned(rw_planner *p, rw_insert *in, const rw_assign *list);

/* Is the side of the pair among the columns? */
bool rw__insert_names(const rw_insert *in, uint32_t pair, bool new_name);

/* Fills in->pairs, and dup: what has to be added. may_default: DEFAULT can be written as a value. */
void rw__insert_plan(rw_planner *p, rw_insert *in);

/* The column that a value named by this side of a changing pair is written to. */
b_slice rw__insert_name(const rw_mtab *mt, uint32_t pair, bool new_name);

/* The name that the column has to be written as. */
b_slice rw__insert_phys(const rw_insert *in, const rw_incol *c);

/* Writes or changes the column list of VALUES, SELECT and LOAD. after: where a list that is not there goes:
 * after this token. */
void rw__insert_emit_list(rw_planner *p, const rw_insert *in, uint32_t after);

/* Does the table have columns whose values change? */
bool rw__insert_has_forms(const rw_insert *in);

/* ---- insert_tail.c: items that are added to the SELECT ------------------------------------------------- */

/* May there be some? */
bool rw__insert_has_tail(const rw_insert *in);

/* ---- insert_duplicate.c ------------------------------------------------------------------------------- */

/* in: NULL where the target is not a migrating table. */
void rw__insert_on_duplicate(rw_planner *p, const rw_insert *in, const rw_stmt *s);

/* AS new (a, b): names are given by place, so that what was added needs names, too. */
void rw__insert_alias_columns(rw_planner *p, const rw_insert *in);

#endif
