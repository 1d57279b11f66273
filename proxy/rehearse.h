/* A rehearsal, once its clone is there: the walk through the phases, and its record. One thread. */
#ifndef PROXY_REHEARSE_H
#define PROXY_REHEARSE_H

#include "base/buf.h"
#include "config/config.h"
#include "migrate/rehearsal.h"
#include "rehearse_clone.h"
#include "rehearse_load.h"

typedef struct px_rehearsal {
    const cfg_migration *m;
    const px_clone *clone;
    mig_db *admin, *direct; /* of the proxy before the clone; the clone itself */
    mig_db **replicas;      /* of the clone */
    size_t nreplicas;
    px_script *script;
    px_load *load;
    unsigned seconds;  /* of load in each phase */
    unsigned patience; /* seconds that the backfill may stand still */
    rw_phase at;
    mig_rehearsal record;
    b_buf steps; /* JSON, without the last bracket */
} px_rehearsal;

/* Applies the migration on the clone and takes it forward, back to planned, and forward to the end, as far as
 * the migration can go back, with load in each phase; prints what is left out, and a line a step. Fills
 * r->record, steps included; result: "passed", or what went wrong. B_OK whenever the record is worth keeping.
 */
b_status px_rehearse(px_rehearsal *r, b_err *err) B_MUSTCHECK;

#endif
