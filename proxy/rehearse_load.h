/* Generated statements on one table through both versions of it, for a rehearsal: reads by key, writes of the
 * migrating columns with values of other rows, and whole rows written again. What the table holds stays the
 * same set of rows. Two threads; the calls below are for the one that started them. */
#ifndef PROXY_REHEARSE_LOAD_H
#define PROXY_REHEARSE_LOAD_H

#include "rehearse_clone.h"

typedef struct px_load px_load;

typedef struct px_load_figures {
    uint64_t statements;
    uint64_t conflicts; /* refused by the table's own keys and checks, or a lock not got */
    uint64_t errors;
    uint64_t p50_us, p99_us, worst_us;
    char first_error[400];
} px_load_figures;

/* direct: the clone itself, to learn keys and columns from, before the first phase. a_second: statements of
 * both versions together. *why: "" or what is left out of the load, and why. B_DATABASE, B_LOST, B_NOMEM. */
b_status px_load_learn(const px_clone *k, mig_db *direct, const cfg_migration *m, unsigned a_second,
                       px_load **out, char why[200], b_err *err) B_MUSTCHECK;
/* Both versions are in use from now on. */
b_status px_load_run(px_load *l, b_err *err) B_MUSTCHECK;
/* What has been since the last call; clears it. */
void px_load_take(px_load *l, px_load_figures *out);
/* From now on by the new names only. Returns when no statement by the old ones is under way. */
void px_load_new_only(px_load *l);
void px_load_stop(px_load *l); /* NULL is fine */

#endif
