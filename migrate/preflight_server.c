/* The preflight's look around the table: the server, replication, privileges, space, other tools at work,
 * open transactions. Reads only. */
#include "preflight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

b_status mig__check_server(mig__flight *f)
{
    rw_server s = f->server;
    char read_only[8] = "0";
    b_err ignored;
    if (s.flavour == RW_MYSQL && s.version < 80029 && !f->instant)
        mig__finding(f, MIG__BLOCKER, mig_db_server_version(f->db),
                     "MySQL before 8.0.29 cannot add an invisible column in the middle of a table instantly",
                     "upgrade the server");
    if (s.flavour == RW_MARIADB && s.version < 100600)
        mig__finding(f, MIG__BLOCKER, mig_db_server_version(f->db), "MariaDB before 10.6 is not supported",
                     "upgrade the server");
    if (mig_db_scalar(f->db, "SELECT @@GLOBAL.read_only", read_only, sizeof read_only, &ignored) == B_OK &&
        read_only[0] != '0')
        mig__finding(f, MIG__BLOCKER, "read_only",
                     "the server takes no writes of applications: it may be a replica",
                     "let backend.address name the server that is written to");
    return B_OK;
}

/* ---- replication ---- */

static b_slice variable(const b_table *t, const char *name)
{
    for (size_t i = 0; i < b_table_rows(t); i++)
        if (b_slice_ieq(b_table_cell(t, i, 0), b_slice_str(name))) return b_table_cell(t, i, 1);
    return B_LIT("");
}

static void check_format(mig__flight *f, const b_table *t)
{
    b_slice format = variable(t, "binlog_format");
    if (!b_slice_ieq(variable(t, "log_bin"), B_LIT("ON"))) {
        mig__finding(f, MIG__INFO, "log_bin",
                     "the server writes no binary log: nothing can be restored to a point in time, and no "
                     "replica follows",
                     "");
        return;
    }
    if (b_slice_ieq(format, B_LIT("STATEMENT")) && !f->instant)
        mig__finding(
            f, MIG__BLOCKER, "binlog_format",
            "the backfill runs READ COMMITTED, which the server refuses with binlog_format STATEMENT",
            "set binlog_format to ROW");
    else if (b_slice_ieq(format, B_LIT("STATEMENT")))
        mig__finding(
            f, MIG__WARNING, "binlog_format",
            "statements are replicated as text: a replica that lags runs them under the old name only "
            "if they are in order, which they are, but readers of the log see both names",
            "set binlog_format to ROW");
    if (!f->instant && b_slice_ieq(variable(t, "binlog_row_image"), B_LIT("FULL")))
        mig__finding(f, MIG__INFO, "binlog_row_image",
                     "FULL: the backfill writes every row twice to the binary log, before and after", "");
}

/* What the source leaves out of its log, and what it does as a replica itself. */
static void check_filter(mig__flight *f, const b_table *t, const char *column, bool only)
{
    b_slice list = mig__cell(t, 0, column);
    if (list.n == 0) return;
    mig__finding(
        f, MIG__WARNING, column,
        mig__say(f,
                 only ? "the binary log has only the schemas %s: replicas may miss the migration's DDL "
                        "or schema straddle with its heartbeat"
                      : "the binary log leaves out the schemas %s: replicas may miss the migration's "
                        "DDL or schema straddle with its heartbeat",
                 list.p, NULL),
        "see that the table's schema and straddle are replicated, both or neither");
}

b_status mig__check_replication(mig__flight *f)
{
    b_table *t = NULL;
    b_err ignored;
    b_status s = mig_db_query(
        f->db, "SHOW VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format', 'binlog_row_image')", &t,
        f->err);
    if (s != B_OK) return s;
    check_format(f, t);
    b_table_free(t);
    t = NULL;
    bool status = mig__log_status(f->db, &t, &ignored) == B_OK;
    if (status && b_table_rows(t) > 0) {
        check_filter(f, t, "Binlog_Do_DB", true);
        check_filter(f, t, "Binlog_Ignore_DB", false);
    }
    b_table_free(t);
    return B_OK;
}

/* ---- privileges ---- */

#define HELD                                                                                                 \
    "SELECT COUNT(*) FROM (SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = "   \
    "@g "                                                                                                    \
    "UNION ALL SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES WHERE GRANTEE = @g AND %s "   \
    "LIKE "                                                                                                  \
    "TABLE_SCHEMA UNION ALL SELECT PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES WHERE GRANTEE = " \
    "@g "                                                                                                    \
    "AND TABLE_SCHEMA = %s AND TABLE_NAME = %s) p WHERE PRIVILEGE_TYPE = '%s'"

b_status mig__lacks(mig__flight *f, const char *privilege, bool *missing)
{
    b_table *t = NULL;
    b_status s = mig_db_query(f->db, "SET @g = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')",
                              NULL, f->err);
    if (s == B_OK) s = mig__query(f->db, &t, f->err, HELD, f->schema, f->schema, f->table, privilege);
    *missing = s == B_OK && b_slice_eq(b_table_cell(t, 0, 0), B_LIT("0"));
    b_table_free(t);
    return s;
}

b_status mig__check_privileges(mig__flight *f)
{
    static const char *const needed[] = {"SELECT", "INSERT", "UPDATE", "CREATE",
                                         "ALTER",  "DROP",   "INDEX",  "TRIGGER"};
    b_buf list = {0};
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < sizeof needed / sizeof needed[0]; i++) {
        bool missing = false;
        s = mig__lacks(f, needed[i], &missing);
        if (missing) b_buf_printf(&list, "%s%s", list.n > 0 ? ", " : "", needed[i]);
    }
    if (s == B_OK && list.n > 0)
        mig__finding(
            f, MIG__WARNING, f->m->schema,
            mig__say(f,
                     "the engine's account does not seem to have %s on the table (what it has by a role "
                     "is not seen here): the step that needs it would fail",
                     b_buf_cstr(&list), NULL),
            mig__say(f, "GRANT %s ON the schema TO the account of backend.user", b_buf_cstr(&list), NULL));
    b_buf_deinit(&list);
    return s;
}

/* ---- space ---- */

b_status mig__check_space(mig__flight *f)
{
    b_table *t = NULL;
    char detail[300];
    if (f->instant) return B_OK;
    b_status s =
        mig__query(f->db, &t, f->err,
                   "SELECT COALESCE(TABLE_ROWS, 0) AS n, COALESCE(DATA_LENGTH, 0) AS d, "
                   "COALESCE(INDEX_LENGTH, 0) AS i FROM information_schema.TABLES WHERE TABLE_SCHEMA = "
                   "%s AND TABLE_NAME = %s",
                   f->schema, f->table);
    if (s != B_OK) return s;
    uint64_t rows = mig__cell_u64(t, 0, "n"), data = mig__cell_u64(t, 0, "d"),
             index = mig__cell_u64(t, 0, "i");
    b_table_free(t);
    /* The rebuild that makes the new column NOT NULL has both copies of the table for its time. */
    uint64_t mib = (2 * data + 2 * index + rows * 240) >> 20;
    if (mib < 1024) return B_OK;
    snprintf(
        detail, sizeof detail,
        "about %llu MiB are wanted at most for a time: the new column's values, twin indexes, one rebuild "
        "of the table (%llu MiB now), the binary log of the backfill; the server does not say what is free",
        (unsigned long long)mib, (unsigned long long)((data + index) >> 20));
    mig__finding(f, MIG__WARNING, f->m->table, detail, "look at the free space of its data directory (df)");
    return B_OK;
}

/* ---- who else is there ---- */

b_status mig__check_tools(mig__flight *f)
{
    static const struct {
        const char *pattern, *tool;
    } tools[] = {{"_%s_gho", "gh-ost"},
                 {"_%s_ghc", "gh-ost"},
                 {"_%s_del", "gh-ost"},
                 {"_%s_new", "pt-online-schema-change or spirit"},
                 {"_%s_old", "a shadow-table tool"},
                 {"_%s_chkpnt", "spirit"},
                 {"lhmn_%s", "lhm"},
                 {"__osc_new_%s", "OnlineSchemaChange"},
                 {"__osc_chg_%s", "OnlineSchemaChange"}};
    b_table *t = NULL;
    b_status s = mig__query(f->db, &t, f->err,
                            "SELECT TABLE_NAME AS n FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s",
                            f->schema);
    if (s != B_OK) return s;
    for (size_t i = 0; i < b_table_rows(t); i++)
        for (size_t k = 0; k < sizeof tools / sizeof tools[0]; k++)
            if (b_slice_ieq(mig__cell(t, i, "n"),
                            b_slice_str(mig__say(f, tools[k].pattern, f->m->table, NULL))))
                mig__finding(
                    f, MIG__WARNING, mig__cell(t, i, "n").p,
                    mig__say(f, "this looks like a table of %s at work on this one", tools[k].tool, NULL),
                    "let it finish, or drop what it left behind");
    b_table_free(t);
    return B_OK;
}

b_status mig__check_transactions(mig__flight *f)
{
    b_table *t = NULL;
    b_err ignored;
    b_status s =
        mig_db_query(f->db,
                     "SELECT COUNT(*) AS n, COALESCE(MAX(TIMESTAMPDIFF(SECOND, trx_started, NOW())), 0) AS s "
                     "FROM information_schema.INNODB_TRX WHERE trx_started < NOW() - INTERVAL 60 SECOND",
                     &t, &ignored);
    if (s != B_OK) {
        mig__finding(f, MIG__WARNING, "open transactions",
                     "the engine's account may not see the transactions of others",
                     "GRANT PROCESS ON *.* to it");
        return B_OK;
    }
    if (mig__cell_u64(t, 0, "n") > 0)
        mig__finding(
            f, MIG__WARNING, "open transactions",
            mig__say(f,
                     "%s transactions are open for more than a minute, the oldest for %s s: changes of "
                     "phase wait for them",
                     mig__cell(t, 0, "n").p, mig__cell(t, 0, "s").p),
            "end them first");
    b_table_free(t);
    return B_OK;
}
