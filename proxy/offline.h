/* A ruleset without a server: from a schema file, a migration and a phase. Threads: none of its own. */
#ifndef PROXY_OFFLINE_H
#define PROXY_OFFLINE_H

#include "config/config.h"
#include "rewrite/rewrite.h"

typedef struct px_offline {
    const cfg_migration *m;
    rw_phase phase;
} px_offline;

/* For n migrations, each in its phase; several may be of one table. The schema file shows the plain table, or
 * the table as it is in the phase. Columns that the phase has and the file has not are made up as the engine
 * would make them. NULL with *err filled. */
rw_ruleset *px_offline_ruleset(rw_server server, b_slice ddl, b_slice schema, const px_offline *o, size_t n,
                               b_err *err);

#endif
