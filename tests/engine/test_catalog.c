/* The catalogue is read whole or not at all, whatever another session is doing to a table. MySQL's
 * information_schema always is whole; MariaDB's leaves out what it would have to wait for while the session
 * that reads it has a lock, as the engine's has. */
#include "mig.h"
#include "process.h"
#include "servers.h"
#include "sql.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define AGAIN "CREATE OR REPLACE TABLE t_catalog.t AS SELECT SLEEP(%s) AS a"

typedef struct maker { /* keeps the table to itself for a while */
    pthread_t thread;
    const char *seconds;
    ts_conn *conn;
    long long id;
} maker;

static void *make(void *arg)
{
    const maker *m = arg;
    ts_result *r = ts_query(m->conn, AGAIN, m->seconds);
    ts_result_free(r); /* it may be killed */
    return NULL;
}

static void start(maker *m, ts_conn *look, const char *seconds)
{
    *m = (maker){.seconds = seconds, .conn = ts_root(ts_mariadb(), NULL)};
    m->id = ts_int(m->conn, "SELECT CONNECTION_ID()");
    assert_int_equal(pthread_create(&m->thread, NULL, make, m), 0);
    for (int i = 0; i < 6000; i++, usleep(10000))
        if (ts_int(look, "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE = 'User sleep' AND "
                         "INFO LIKE 'CREATE OR REPLACE TABLE t_catalog%%'") > 0)
            return;
    fail_msg("the statement does not get to its work");
}

static void end(maker *m)
{
    pthread_join(m->thread, NULL);
    ts_close(m->conn);
}

static mig_db *locked(void)
{
    const ts_server *s = ts_mariadb();
    mig_db *db = NULL;
    b_err err = {0};
    mig_db_options o = {.host = s->host, .port = (uint16_t)s->port, .user = "root", .password = ""};
    if (mig_db_open(&o, &db, &err) != B_OK) fail_msg("%s", err.msg);
    if (mig__schema_create(db, &err) != B_OK ||
        mig_db_query(db, "DO GET_LOCK('t_catalog', 1)", NULL, &err) != B_OK)
        fail_msg("%s", err.msg);
    return db;
}

static void want_columns(const rw_catalog *c, const char *name)
{
    const rw_table *t = rw_catalog_find(c, B_LIT("t_catalog"), b_slice_str(name));
    if (t == NULL || t->ncolumns != 1) fail_msg("%s is not whole", name);
}

static void test_whole_or_not(void **state)
{
    (void)state;
    maker m;
    rw_catalog *c = NULL;
    uint64_t hash;
    b_err err = {0};
    ts_conn *look = ts_root(ts_mariadb(), NULL);
    ts_forget_migrations(ts_mariadb());
    ts_do(look, "CREATE OR REPLACE DATABASE t_catalog");
    ts_do(look, "CREATE TABLE t_catalog.t (a INT)");
    ts_do(look, "CREATE VIEW t_catalog.v AS SELECT a FROM t_catalog.t");
    mig_db *db = locked();

    start(&m, look, "600");
    b_status s = mig__catalog_load(db, &c, &hash, &err);
    assert_int_equal(s, B_DATABASE);
    assert_int_equal(err.db_errno, MIG_DB_SKIPPED);
    assert_null(c);
    if (strstr(err.msg, "t_catalog") == NULL) fail_msg("%s", err.msg);
    ts_do(look, "KILL QUERY %lld", m.id);
    end(&m);

    ts_do(look, "CREATE OR REPLACE TABLE t_catalog.t (a INT)");
    start(&m, look, "0.3"); /* it is waited for */
    if (mig__catalog_load(db, &c, &hash, &err) != B_OK) fail_msg("%s", err.msg);
    want_columns(c, "t"), want_columns(c, "v");
    rw_catalog_unref(c);
    end(&m);
    ts_do(look, "DROP DATABASE t_catalog");
    mig_db_close(db);
    ts_close(look);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole_or_not)};
    return cmocka_run_group_tests_name("engine.catalog", tests, NULL, NULL);
}
