/* Generated statements on one table through both versions of it, for a rehearsal: reads by key, writes of the
 * migrating columns with values of other rows, and whole rows written again. What the table holds stays the
 * same set of rows. Two threads; the calls below are for the one that started them. */
#ifndef PROXY_REHEARSE_LOAD_H
#define PROXY_REHEARSE_LOAD_H

#include "rehearse_clone.h"
#include "rehearse_script.h"

typedef struct px_load px_load;

typedef struct px_load_figures {
    uint64_t statements;
    uint64_t conflicts; /* refused by the table's own keys and checks, or a lock not got */
    uint64_t errors;
    uint64_t p50_us, p99_us, worst_us;
    char first_error[400];
} px_load_figures;

/* script: what is said, borrowed. a_second: statements of both versions together. B_NOMEM. */
b_status px_load_new(const px_clone *k, px_script *script, const char *schema, unsigned a_second,
                     px_load **out, b_err *err) B_MUSTCHECK;
/* From now on only what can be said in both of these phases. Returns when nothing else is under way. */
b_status px_load_between(px_load *l, rw_phase a, rw_phase b, b_err *err) B_MUSTCHECK;
/* Both versions are in use from now on. */
b_status px_load_run(px_load *l, b_err *err) B_MUSTCHECK;
/* What has been since the last call; clears it. */
void px_load_take(px_load *l, px_load_figures *out);
/* From now on by the new names only. Returns when no statement by the old ones is under way. */
void px_load_new_only(px_load *l);
void px_load_stop(px_load *l); /* NULL is fine */

#endif
