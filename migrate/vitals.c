/* What the server says of itself: the few figures by which one sees that it has enough to do. MySQL tells
 * some in its status variables and some in INNODB_METRICS, MariaDB all in the former. */
#include "mig.h"

#include <stdlib.h>

static const struct {
    const char *name;
    mig__vital vital;
} names[] = {
    {"Threads_running", MIG__THREADS_RUNNING},
    {"Innodb_row_lock_current_waits", MIG__LOCK_WAITS},
    {"Innodb_data_pending_reads", MIG__PENDING_IO},
    {"Innodb_data_pending_writes", MIG__PENDING_IO},
    {"Innodb_data_pending_fsyncs", MIG__PENDING_IO},
    {"Innodb_history_list_length", MIG__HISTORY},
    {"Innodb_deadlocks", MIG__DEADLOCKS},
    {"trx_rseg_history_len", MIG__HISTORY},
    {"lock_deadlocks", MIG__DEADLOCKS},
};

static void take(mig__vitals *v, const b_table *t)
{
    for (size_t i = 0; i < b_table_rows(t); i++)
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            b_slice value = b_table_cell(t, i, 1);
            if (value.p == NULL || !b_slice_ieq(b_table_cell(t, i, 0), b_slice_str(names[k].name))) continue;
            v->value[names[k].vital] += strtoull(value.p, NULL, 10);
            v->known[names[k].vital] = true;
        }
}

b_status mig__vitals_read(mig_db *db, mig__vitals *v, b_err *err)
{
    b_table *t = NULL;
    *v = (mig__vitals){0};
    b_status s = mig_db_query(db,
                              "SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_running', "
                              "'Innodb_row_lock_current_waits', 'Innodb_data_pending_reads', "
                              "'Innodb_data_pending_writes', 'Innodb_data_pending_fsyncs', "
                              "'Innodb_history_list_length', 'Innodb_deadlocks')",
                              &t, err);
    if (s != B_OK) return s;
    take(v, t);
    b_table_free(t);
    if (mig__mariadb(db)) return B_OK;
    s = mig_db_query(
        db,
        "SELECT NAME, COUNT FROM information_schema.INNODB_METRICS WHERE STATUS = 'enabled' AND NAME "
        "IN ('trx_rseg_history_len', 'lock_deadlocks')",
        &t, err);
    if (s == B_OK) take(v, t), b_table_free(t);
    return s;
}
