/* Reading the binary log over a connection, by the client library's own calls, of which there are two kinds.
 * Gives the bytes of an event on; what they mean: binlog.c. */
#include "db_own.h"

#include <stdlib.h>
#include <string.h>

#ifdef MARIADB_BASE_VERSION
#include <mariadb_rpl.h>

struct mig__dump {
    MARIADB_RPL *rpl;
    MARIADB_RPL_EVENT *event;
};

void mig__dump_free(mig__dump *d)
{
    if (d == NULL) return;
    if (d->event != NULL) mariadb_free_rpl_event(d->event);
    if (d->rpl != NULL) mariadb_rpl_close(d->rpl);
    free(d);
}

static bool begin(mig_db *db, const char *file, uint64_t position, uint32_t server_id)
{
    mig__dump *d = db->dump;
    d->rpl = mariadb_rpl_init(&db->my);
    if (d->rpl == NULL) return false;
    return mariadb_rpl_optionsv(d->rpl, MARIADB_RPL_FILENAME, file, strlen(file)) == 0 &&
           mariadb_rpl_optionsv(d->rpl, MARIADB_RPL_START, (unsigned long)position) == 0 &&
           mariadb_rpl_optionsv(d->rpl, MARIADB_RPL_SERVER_ID, (unsigned int)server_id) == 0 &&
           mariadb_rpl_optionsv(d->rpl, MARIADB_RPL_FLAGS, 0U) == 0 && mariadb_rpl_open(d->rpl) == 0;
}

static bool fetch(mig_db *db, b_slice *out)
{
    mig__dump *d = db->dump;
    MARIADB_RPL_EVENT *e = mariadb_rpl_fetch(d->rpl, d->event);
    if (e == NULL) {
        d->event = NULL; /* the library has freed it */
        return false;
    }
    d->event = e;
    size_t at = e->raw_data_ofs;
    if (e->raw_data == NULL || e->raw_data_size <= at) return false;
    *out = b_slice_of((const char *)e->raw_data + at, e->raw_data_size - at);
    return true;
}
#else

struct mig__dump {
    MYSQL_RPL rpl;
    char file[512];
};

void mig__dump_free(mig__dump *d)
{
    free(d);
}

static bool begin(mig_db *db, const char *file, uint64_t position, uint32_t server_id)
{
    mig__dump *d = db->dump;
    size_t n = strlen(file);
    if (n >= sizeof d->file) return false;
    memcpy(d->file, file, n + 1);
    d->rpl.file_name = d->file, d->rpl.file_name_length = n;
    d->rpl.start_position = position, d->rpl.server_id = server_id;
    return mysql_binlog_open(&db->my, &d->rpl) == 0;
}

static bool fetch(mig_db *db, b_slice *out)
{
    mig__dump *d = db->dump;
    if (mysql_binlog_fetch(&db->my, &d->rpl) != 0 || d->rpl.size <= 1) return false;
    *out = b_slice_of((const char *)d->rpl.buffer + 1, d->rpl.size - 1); /* behind the byte that says OK */
    return true;
}
#endif

b_status mig_db_binlog_open(mig_db *db, const char *file, uint64_t position, uint32_t server_id, b_err *err)
{
    static const char ready[] =
        /* events as they are in the log, with their checksums; both names, as either server knows its own */
        "SET @master_binlog_checksum = @@GLOBAL.binlog_checksum, @source_binlog_checksum = "
        "@@GLOBAL.binlog_checksum, @mariadb_slave_capability = 4, @master_heartbeat_period = 100000000, "
        "@source_heartbeat_period = 100000000, @slave_uuid = UUID(), @replica_uuid = @slave_uuid";
    b_status s = mig_db_query(db, ready, NULL, err);
    if (s != B_OK) return s;
    db->dump = calloc(1, sizeof *db->dump);
    if (db->dump == NULL) return b_fail(err, B_NOMEM, "out of memory for the binary log");
    if (begin(db, file, position, server_id)) return B_OK;
    return mig__db_failed(db, err, "the binary log cannot be read");
}

b_status mig_db_binlog_next(mig_db *db, b_slice *event, b_err *err)
{
    if (fetch(db, event)) return B_OK;
    if (mysql_errno(&db->my) == 0)
        return b_fail(err, B_LOST, "the server has ended the stream of its binary log");
    return mig__db_failed(db, err, "the binary log cannot be read");
}
