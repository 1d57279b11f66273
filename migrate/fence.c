/* Instances that are dead: marked, ended on the server, forgotten.
 *
 *   live ── lease over, or its process is gone ──→ dead_at ── every registered connection killed and gone ──→
 *   gone_at ── it knew of every migration, or all that it may have sent is over ──→ row deleted
 *
 * A lease proves nothing by itself: what was sent is still executed, also after kill -9 of the sender. But an
 * instance registers a connection before the first statement on a migrating table goes there, and cannot
 * register any once it is marked, so that killing those ends all. Marking one that lives costs it its
 * sessions, nothing else: it comes back as a new incarnation. Every step may be taken by several instances at
 * once. */
#include "mig.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ER_NO_SUCH_THREAD 1094

/* ---- processes of this machine ---- */

/* When the process started, in ticks since the machine did; 0: it has ended and was not yet waited for.
 * False: there is no such process, or it cannot be looked at now (no open files left, a /proc that hides it).
 */
static bool read_ticks(long pid, uint64_t *ticks)
{
    char path[64], line[1024] = "";
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL) return false;
    size_t n = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    line[n] = '\0';
    char *at =
        strrchr(line, ')'); /* behind the name, which may hold anything: state, then 19 numbers before it */
    if (at == NULL || strlen(at) < 3) return false;
    *ticks = 0;
    if (at[2] == 'Z' || at[2] == 'X') return true;
    at += 3;
    for (int i = 0; i < 18 && at != NULL; i++) at = strchr(at + 1, ' ');
    if (at != NULL) *ticks = strtoull(at, NULL, 10);
    return at != NULL;
}

/* Only what is certain: an instance that is taken for dead loses its sessions. */
static bool is_gone(long pid, uint64_t ticks)
{
    uint64_t now;
    if (read_ticks(pid, &now)) return now != ticks;
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

void mig__know_self(mig_engine *e)
{
    char boot[48] = "", space[64] = "";
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
    if (f != NULL && fscanf(f, "%40s", boot) != 1) boot[0] = '\0';
    if (f != NULL) fclose(f);
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    if (!read_ticks((long)getpid(), &e->ticks)) e->ticks = 0;
    if (boot[0] == '\0' || n <= 0 || e->ticks == 0) return; /* no /proc: nothing is known of the others */
    space[n] = '\0';
    snprintf(e->machine, sizeof e->machine, "%.40s/%.36s", boot, space);
}

/* ---- marking ---- */

static b_status mark(mig_db *db, const char *id, b_err *err)
{
    return mig__query(db, NULL, err,
                      "UPDATE straddle.instances SET dead_at = NOW(6) WHERE id = '%s' AND dead_at IS NULL",
                      id);
}

static b_status mark_gone_processes(mig_engine *e, mig_db *db, b_err *err)
{
    b_table *t = NULL;
    if (e->machine[0] == '\0') return B_OK;
    b_status s =
        mig__query(db, &t, err,
                   "SELECT id, pid, ticks FROM straddle.instances WHERE dead_at IS NULL AND machine = "
                   "'%s' AND ticks <> 0",
                   e->machine);
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++)
        if (is_gone((long)mig__cell_u64(t, i, "pid"), mig__cell_u64(t, i, "ticks")))
            s = mark(db, mig__cell(t, i, "id").p, err);
    b_table_free(t);
    return s;
}

static b_status mark_dead(mig_engine *e, mig_db *db, b_err *err)
{
    b_status s = mig_db_query(
        db, "UPDATE straddle.instances SET dead_at = NOW(6) WHERE dead_at IS NULL AND lease_until < NOW(6)",
        NULL, err);
    return s == B_OK ? mark_gone_processes(e, db, err) : s;
}

/* ---- ending what is left ---- */

b_status mig__kill(mig_db *db, uint64_t connection, bool *gone, b_err *err)
{
    *gone = false;
    b_status s = mig__query(db, NULL, err, "KILL %llu", (unsigned long long)connection);
    if (s != B_DATABASE || err->db_errno != ER_NO_SUCH_THREAD) return s;
    *gone = true;
    return B_OK;
}

/* Both the time of the statement and the uptime are counted from one clock reading, so that their difference
 * is the same as long as the server runs. */
b_status mig__server_run(mig_db *db, char *out, size_t size, b_err *err)
{
    return mig_db_scalar(
        db,
        mig__mariadb(db)
            ? "SELECT CONCAT(@@server_id, '@', UNIX_TIMESTAMP() - CAST(VARIABLE_VALUE AS SIGNED)) FROM "
              "information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'UPTIME'"
            : "SELECT CONCAT(@@server_uuid, '@', UNIX_TIMESTAMP() - CAST(VARIABLE_VALUE AS SIGNED)) FROM "
              "performance_schema.global_status WHERE VARIABLE_NAME = 'Uptime'",
        out, size, err);
}

/* The connection can be neither killed nor found gone: said in SHOW INSTANCES, and waited for. */
static b_status note(mig_db *db, const char *instance, uint64_t connection, const char *why, b_err *err)
{
    char text[300];
    b_buf q = {0};
    snprintf(text, sizeof text, "connection %llu cannot be killed (%.120s); see \"Privileges\" in admin.md",
             (unsigned long long)connection, why);
    b_buf_str(&q, "UPDATE straddle.instances SET holder = ");
    b_buf_quote(&q, b_slice_str(text));
    b_buf_printf(&q, " WHERE id = '%s'", instance);
    b_status s = mig__run(db, err, &q);
    b_buf_deinit(&q);
    return s;
}

static b_status end_one(mig_db *db, const char *instance, uint64_t connection, bool *gone, b_err *err)
{
    b_status s = mig__kill(db, connection, gone, err);
    if (s == B_DATABASE) return note(db, instance, connection, mig_db_error(db), err);
    return s;
}

/* *left: connections that are not gone yet. */
static b_status end_connections(mig_db *db, const char *instance, const char *run, size_t *left, b_err *err)
{
    b_table *t = NULL;
    *left = 0;
    b_status s = mig__query(db, &t, err, "SELECT server, id FROM straddle.connections WHERE instance = '%s'",
                            instance);
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++) {
        uint64_t id = mig__cell_u64(t, i, "id");
        b_slice server = mig__cell(t, i, "server");
        bool gone = !b_slice_eq(server, b_slice_str(run)); /* no connection outlives the server */
        if (!gone) s = end_one(db, instance, id, &gone, err);
        if (s != B_OK) break;
        if (!gone)
            ++*left;
        else
            s = mig__query(
                db, NULL, err,
                "DELETE FROM straddle.connections WHERE instance = '%s' AND server = '%.*s' AND id = "
                "%llu",
                instance, B_ARG(server), (unsigned long long)id);
    }
    b_table_free(t);
    return s;
}

/* ---- forgetting ---- */

/* Has every transaction ended that was open at that time? INNODB_TRX is a copy that the server renews only
 * when nobody has read it for 100 ms; it is new enough where a connection made for this is in it. */
static b_status all_newer(mig_engine *e, const char *than, bool *yes, b_err *err)
{
    mig_db *db = NULL;
    b_table *t = NULL;
    *yes = false;
    b_status s = mig__connect(e, 0, &db, err);
    if (s == B_OK) s = mig_db_query(db, "START TRANSACTION WITH CONSISTENT SNAPSHOT", NULL, err);
    if (s == B_OK)
        s = mig__query(
            db, &t, err,
            "SELECT COALESCE(SUM(trx_mysql_thread_id = CONNECTION_ID()), 0) AS me, "
            "COALESCE(SUM(trx_mysql_thread_id <> CONNECTION_ID() AND trx_started <= '%s'), 0) AS older "
            "FROM information_schema.INNODB_TRX",
            than);
    if (s == B_OK) *yes = mig__cell_u64(t, 0, "me") == 1 && mig__cell_u64(t, 0, "older") == 0;
    b_table_free(t);
    mig_db_close(db);
    return s;
}

/* An instance that had not acknowledged the epoch in which a migration was applied does not know that its
 * table is a migrating one: it sends statements there on connections that it has not registered. Then it must
 * be certain that its process is gone, or that it has dropped its sessions; and that nothing is under way
 * that is older, a second being given to what the server has yet to begin. */
static b_status ignorant_is_gone(mig_engine *e, mig_db *db, const b_table *t, size_t i, bool *yes, b_err *err)
{
    b_slice machine = mig__cell(t, i, "machine");
    bool ended = mig__cell_u64(t, i, "dropped") != 0 ||
                 (machine.n != 0 && b_slice_eq(machine, b_slice_str(e->machine)) &&
                  is_gone((long)mig__cell_u64(t, i, "pid"), mig__cell_u64(t, i, "ticks")));
    *yes = false;
    if (ended)
        return mig__cell_u64(t, i, "settled") == 0 ? B_OK
                                                   : all_newer(e, mig__cell(t, i, "gone_at").p, yes, err);
    return mig__query(
        db, NULL, err,
        "UPDATE straddle.instances SET holder = 'it died before it had learnt of a migration that was "
        "applied, and nobody can see here that its process has ended: see to that, then DELETE its row "
        "from straddle.instances' WHERE id = '%s'",
        mig__cell(t, i, "id").p);
}

static b_status forget(mig_engine *e, mig_db *db, b_err *err)
{
    b_table *t = NULL;
    b_status s = mig_db_query(db,
                              "SELECT id, pid, machine, ticks, dropped, gone_at, gone_at < NOW(6) - INTERVAL "
                              "1 SECOND AS settled, EXISTS "
                              "(SELECT 1 FROM straddle.migrations m WHERE m.phase = 'planned' AND m.epoch > "
                              "acked_epoch) AS ignorant FROM "
                              "straddle.instances WHERE gone_at IS NOT NULL",
                              &t, err);
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++) {
        bool gone = true;
        if (mig__cell_u64(t, i, "ignorant") != 0) s = ignorant_is_gone(e, db, t, i, &gone, err);
        if (s == B_OK && gone)
            s = mig__query(db, NULL, err, "DELETE FROM straddle.instances WHERE id = '%s'",
                           mig__cell(t, i, "id").p);
    }
    b_table_free(t);
    return s;
}

b_status mig__fence(mig_engine *e, mig_db *db, b_err *err)
{
    b_table *t = NULL;
    char run[80] = "";
    b_status s = mark_dead(e, db, err);
    if (s == B_OK)
        s = mig_db_query(db, "SELECT id, gone_at FROM straddle.instances WHERE dead_at IS NOT NULL", &t, err);
    if (s != B_OK || b_table_rows(t) == 0) {
        b_table_free(t);
        return s;
    }
    s = mig__server_run(db, run, sizeof run, err);
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++) {
        const char *id = mig__cell(t, i, "id").p;
        size_t left = 0;
        if (mig__cell(t, i, "gone_at").p != NULL) continue;
        s = end_connections(db, id, run, &left, err);
        if (s == B_OK && left == 0)
            s = mig__query(
                db, NULL, err,
                "UPDATE straddle.instances SET gone_at = NOW(6) WHERE id = '%s' AND gone_at IS NULL", id);
    }
    b_table_free(t);
    return s == B_OK ? forget(e, db, err) : s;
}
