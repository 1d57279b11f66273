/* How far a replica is behind. A heartbeat, a row with this process's clock that is written on the source and
 * read on the replica, is right to a tenth of a second, with a stopped applier, and just after a restart,
 * where Seconds_Behind_Source is NULL or a false 0. Where schema straddle is not replicated or may not be
 * read, what the replica says of itself is taken, in whole seconds. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONNECT_MS = 1000, READ_MS = 2000 };

static uint64_t wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

b_status mig__beat(mig_db *db, b_err *err)
{
    return mig_db_exec(db, NULL, err, "REPLACE INTO straddle.heartbeat (id, at_ms) VALUES (1, %llu)",
                       (unsigned long long)wall_ms());
}

/* SHOW REPLICA STATUS has the older word on MariaDB. */
static b_status by_status(mig_db *db, uint64_t *lag_ms, b_err *err)
{
    b_table *t = NULL;
    b_status s = mig_db_query(db, "SHOW REPLICA STATUS", &t, err);
    if (s != B_OK) return s;
    b_slice behind = mig__cell(t, 0, "Seconds_Behind_Source");
    if (behind.p == NULL) behind = mig__cell(t, 0, "Seconds_Behind_Master");
    if (b_table_rows(t) == 0)
        s = b_fail(err, B_STATE, "it is no replica: SHOW REPLICA STATUS is empty there");
    else if (behind.p == NULL)
        s = b_fail(err, B_STATE, "its replication does not run");
    else
        *lag_ms = strtoull(behind.p, NULL, 10) * 1000;
    b_table_free(t);
    return s;
}

static b_status by_heartbeat(mig_db *db, uint64_t *lag_ms, b_err *err)
{
    char at[32];
    b_status s = mig_db_scalar(db, "SELECT at_ms FROM straddle.heartbeat WHERE id = 1", at, sizeof at, err);
    if (s != B_OK) return s;
    uint64_t then = strtoull(at, NULL, 10), now = wall_ms();
    *lag_ms = now > then ? now - then : 0;
    return B_OK;
}

b_status mig__replica_lag(const mig__server *server, mig_db **db, uint64_t *lag_ms, b_err *err)
{
    b_status s = *db != NULL ? B_OK : mig__connect_to(server, CONNECT_MS, READ_MS, db, err);
    if (s != B_OK) return b_err_prefix(err, "replica %.60s cannot be reached", server->text);
    s = by_heartbeat(*db, lag_ms, err);
    if (s != B_OK && s != B_LOST) s = by_status(*db, lag_ms, err);
    if (s == B_LOST) {
        mig_db_close(*db);
        *db = NULL;
    }
    return s == B_OK ? B_OK : b_err_prefix(err, "the lag of replica %.60s cannot be read", server->text);
}
