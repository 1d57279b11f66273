/* A small database under migration, in any phase: the catalogue and the rules that the golden tests rewrite
 * under. shop.transactions (id, transaction_type, amount, note) is taken to (id, payment_method, …). */
#ifndef GOLDEN_WORLD_H
#define GOLDEN_WORLD_H

#include "rewrite/rewrite.h"

typedef struct world_opts {
    rw_server server;
    rw_phase phase;
    const char *ddl; /* the tables as they are before the migration */
    bool disabled;
    bool no_default; /* B carries no DEFAULT (A), although the phase would let it */
} world_opts;

/* NULL with a message on stderr. One reference, the caller's. */
rw_ruleset *world_new(const world_opts *o);

#endif
