/* The engine on real MySQL and MariaDB, without a data path: the host keeps the ruleset that it is given and
 * answers `clean` as the test says. What is asserted is what stands in the database afterwards. Servers:
 * STRADDLE_TEST_MYSQL and STRADDLE_TEST_MARIADB, host:port, user root without a password. */
#include "migrate/db.h"
#include "migrate/engine.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME "rename_kind"

typedef struct fixture {
    const char *env;
    char address[100], host[80];
    uint16_t port;
    mig_db *db;
    cfg_config config;
    cfg_migration migration, *list[1];
    cfg_pair pair;
    cfg_server replica;
    pthread_mutex_t mu;
    rw_ruleset *rules;
    bool dirty;    /* answer `clean` with no */
    uint64_t held; /* a transaction of this epoch is open; 0: none */
    bool use_old;  /* the census has a use of the old name */
    mig_engine *engine;
    b_log log;
} fixture;

/* ---- the host ---- */

static void host_publish(void *ctx, rw_ruleset *r)
{
    fixture *f = ctx;
    pthread_mutex_lock(&f->mu);
    rw_ruleset_unref(f->rules);
    f->rules = rw_ruleset_ref(r);
    pthread_mutex_unlock(&f->mu);
}

static bool host_clean(void *ctx, uint64_t epoch, mig_holder *who)
{
    fixture *f = ctx;
    pthread_mutex_lock(&f->mu);
    bool clean = !f->dirty && (f->held == 0 || epoch <= f->held) && f->rules != NULL &&
                 rw_ruleset_epoch(f->rules) >= epoch;
    pthread_mutex_unlock(&f->mu);
    if (!clean && who != NULL) {
        *who = (mig_holder){
            .session = 42, .backend_id = 4711, .epoch = 1, .since_ms = 5000, .transaction = true};
        snprintf(who->user, sizeof who->user, "sleepy");
        snprintf(who->client, sizeof who->client, "10.0.0.9:5");
    }
    return clean;
}

static void host_set_live(void *ctx, bool live)
{
    (void)ctx, (void)live;
}

static void host_drop(void *ctx)
{
    (void)ctx;
}

static void host_each_use(void *ctx, void (*each)(void *arg, const mig_use *u), void *arg)
{
    fixture *f = ctx;
    mig_use u = {.migration = NAME,
                 .user = "legacy",
                 .host = "app1",
                 .program = "old-app",
                 .digest = "",
                 .sample = "",
                 .old_name = true,
                 .count = 3,
                 .last_seen_ms = (int64_t)time(NULL) * 1000};
    if (f->use_old) each(arg, &u);
}

static uint64_t host_p99(void *ctx, const char *schema, const char *table)
{
    (void)ctx, (void)schema, (void)table;
    return 0;
}

/* ---- the database ---- */

static void run(fixture *f, const char *sql)
{
    b_err err = {0};
    if (mig_db_query(f->db, sql, NULL, &err) != B_OK) fail_msg("%s", err.msg);
}

static long long number(fixture *f, const char *sql)
{
    char text[64];
    b_err err = {0};
    if (mig_db_scalar(f->db, sql, text, sizeof text, &err) != B_OK) fail_msg("%s", err.msg);
    return atoll(text);
}

static mig_db *connect_root(fixture *f)
{
    mig_db *db = NULL;
    b_err err = {0};
    mig_db_options o = {.host = f->host, .port = f->port, .user = "root", .password = ""};
    if (mig_db_open(&o, &db, &err) != B_OK) fail_msg("%s", err.msg);
    return db;
}

static void make_table(fixture *f, unsigned rows)
{
    char sql[400];
    run(f, "DROP DATABASE IF EXISTS straddle");
    run(f, "DROP DATABASE IF EXISTS t_engine");
    run(f, "CREATE DATABASE t_engine CHARACTER SET utf8mb4");
    run(f, "CREATE TABLE t_engine.t (tenant VARCHAR(10) NOT NULL, id INT NOT NULL, kind VARCHAR(20) NOT NULL "
           "DEFAULT "
           "'card' COMMENT 'how it''s paid', n INT NULL, note VARCHAR(20) NOT NULL, changed TIMESTAMP NOT "
           "NULL DEFAULT "
           "'2020-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP, PRIMARY KEY (tenant, id), KEY k_kind (kind), "
           "UNIQUE KEY "
           "u_kind_id (kind(8), tenant, id))");
    run(f, "CREATE TABLE t_engine.d (d INT PRIMARY KEY)");
    run(f, "INSERT INTO t_engine.d VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)");
    snprintf(sql, sizeof sql,
             "INSERT INTO t_engine.t (tenant, id, kind, note) SELECT CONCAT('t''', x.i %% 3), x.i, ELT(x.i "
             "%% 4 + 1, "
             "'card', 'Card', 'it''s ', ''), 'n' FROM (SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 1 AS "
             "i FROM "
             "t_engine.d a, t_engine.d b, t_engine.d c, t_engine.d e) x WHERE x.i <= %u",
             rows);
    run(f, sql);
}

static void actor_start(fixture *f)
{
    b_err err = {0};
    mig_host host = {.ctx = f,
                     .publish = host_publish,
                     .clean = host_clean,
                     .set_live = host_set_live,
                     .drop_sessions = host_drop,
                     .each_use = host_each_use,
                     .table_p99_us = host_p99};
    f->engine = mig_engine_new(&f->config, &host, &f->log, &err);
    if (f->engine == NULL || mig_engine_start(f->engine, &err) != B_OK) fail_msg("start: %s", err.msg);
}

static void actor_stop(fixture *f)
{
    mig_engine_stop(f->engine);
    mig_engine_free(f->engine);
    f->engine = NULL;
}

static void start(fixture *f, unsigned rows)
{
    if (f->engine != NULL) actor_stop(f); /* of a test that failed */
    make_table(f, rows);
    f->dirty = f->use_old = false;
    f->held = 0;
    f->migration.observe_days = 0;
    cfg_pace_defaults(&f->migration.pace);
    f->migration.pace.recheck_percent = 0;
    f->config.phase_timeout_ms = 5000;
    f->config.nreplicas = 0;
    rw_ruleset_unref(f->rules);
    f->rules = NULL;
    actor_start(f);
}

static const mig_actor tester = {"tester", "127.0.0.1"};

static b_status advance(fixture *f, const char *to, bool force, b_err *err)
{
    b_table *out = b_table_new();
    b_status s = mig_advance(f->engine, NAME, to, force, &tester, out, err);
    b_table_free(out);
    return s;
}

static void refused(fixture *f, const char *to, const char *says)
{
    b_err err = {0};
    b_status s = advance(f, to, false, &err);
    if (s != B_REFUSED || strstr(err.msg, says) == NULL)
        fail_msg("%s: ADVANCE TO %s should be refused with '%s': %s", f->env, to, says,
                 s == B_OK ? "it was done" : err.msg);
}

static void go(fixture *f, const char *to)
{
    b_err err = {0};
    if (advance(f, to, false, &err) != B_OK) fail_msg("%s: ADVANCE TO %s: %s", f->env, to, err.msg);
}

static void back(fixture *f, const char *to)
{
    b_err err = {0};
    b_table *out = b_table_new();
    b_status s = mig_rollback(f->engine, NAME, to, &tester, out, &err);
    b_table_free(out);
    if (s != B_OK) fail_msg("%s: ROLLBACK TO %s: %s", f->env, to, err.msg);
}

static void wait_for(fixture *f, const char *sql, const char *what)
{
    for (int i = 0; i < 600; i++, usleep(50000))
        if (number(f, sql) != 0) return;
    char error[600] = "";
    b_err err;
    if (mig_db_scalar(f->db, "SELECT last_error FROM straddle.migrations", error, sizeof error, &err) != B_OK)
        error[0] = 0;
    fail_msg("%s: %s did not come; last_error: %s", f->env, what, error);
}

static void wait_complete(fixture *f)
{
    wait_for(f, "SELECT COUNT(*) FROM straddle.backfill WHERE state = 'complete'", "the end of the backfill");
}

static long long column(fixture *f, const char *name, const char *condition)
{
    char sql[300];
    snprintf(sql, sizeof sql,
             "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 't_engine' AND "
             "COLUMN_NAME = '%s' AND %s",
             name, condition);
    return number(f, sql);
}

#define DIFFERING "SELECT COUNT(*) FROM t_engine.t WHERE NOT (BINARY kind <=> BINARY method)"
#define INVISIBLE "EXTRA LIKE '%INVISIBLE%'"

/* ---- tests ---- */

static void walks_to_the_end(void **state)
{
    fixture *f = *state;
    start(f, 2500);
    go(f, "expanded");
    assert_int_equal(column(f, "method", INVISIBLE " AND IS_NULLABLE = 'YES' AND ORDINAL_POSITION = 4"), 1);
    run(f, "INSERT INTO t_engine.t (tenant, id, kind, note) VALUES ('x', 1, 'new', '')");
    assert_int_equal(number(f, "SELECT COUNT(*) FROM t_engine.t WHERE method = 'new'"), 1);
    go(f, "dual_write");
    wait_complete(f);
    assert_int_equal(number(f, DIFFERING), 0);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM t_engine.t WHERE changed <> '2020-01-01 00:00:00'"), 0);
    go(f, "switched");
    assert_int_equal(
        number(f, "SELECT COUNT(DISTINCT INDEX_NAME) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = "
                  "'t_engine' AND COLUMN_NAME = 'method'"),
        2);
    go(f, "retired");
    assert_int_equal(column(f, "kind", INVISIBLE), 1);
    assert_int_equal(column(f, "method", "IS_NULLABLE = 'NO' AND EXTRA NOT LIKE '%INVISIBLE%'"), 1);
    run(f, "INSERT INTO t_engine.t (tenant, id, note) VALUES ('x', 2, '')");
    assert_int_equal(
        number(f, "SELECT COUNT(*) FROM t_engine.t WHERE id = 2 AND tenant = 'x' AND method = 'card'"), 1);
    go(f, "finished");
    assert_int_equal(column(f, "kind", "1"), 0);
    assert_int_equal(column(f, "method", "ORDINAL_POSITION = 3 AND COLUMN_COMMENT = 'how it''s paid'"), 1);
    assert_int_equal(
        number(f, "SELECT COUNT(DISTINCT INDEX_NAME) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = "
                  "'t_engine' AND INDEX_NAME IN ('k_kind', 'u_kind_id')"),
        2);
    assert_int_equal(
        number(f, "SELECT COUNT(*) FROM straddle.migrations WHERE phase = 'finished' AND pending = ''"), 1);
    actor_stop(f);
}

static void goes_back_from_each_phase(void **state)
{
    fixture *f = *state;
    start(f, 1500);
    go(f, "expanded");
    back(f, "planned");
    assert_int_equal(column(f, "method", "1"), 0);
    go(f, "dual_write");
    wait_complete(f);
    back(f, "expanded");
    assert_int_equal(
        number(f, "SELECT COUNT(*) FROM straddle.backfill WHERE state = 'none' AND last_key IS NULL"), 1);
    go(f, "dual_write");
    wait_complete(f);
    go(f, "switched");
    back(f, "dual_write");
    go(f, "retired");
    run(f, "UPDATE t_engine.t SET method = 'only b' WHERE id <= 700");
    run(f, "INSERT INTO t_engine.t (tenant, id, method, note) VALUES ('x', 1, 'b', ''), ('x', 2, 'c', '')");
    back(f, "switched");
    wait_for(f, "SELECT a_trusted FROM straddle.migrations", "trust in the old column");
    wait_for(f, "SELECT COUNT(*) FROM straddle.backfill WHERE state = 'complete'",
             "the end of the reverse backfill");
    assert_int_equal(number(f, DIFFERING), 0);
    assert_int_equal(
        number(f, "SELECT COUNT(DISTINCT INDEX_NAME) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = "
                  "'t_engine' AND COLUMN_NAME = 'kind' AND NON_UNIQUE = 0"),
        1);
    assert_int_equal(column(f, "kind", "EXTRA NOT LIKE '%INVISIBLE%'"), 1);
    back(f, "planned");
    assert_int_equal(column(f, "method", "1"), 0);
    assert_int_equal(column(f, "kind", "ORDINAL_POSITION = 3 AND IS_NULLABLE = 'NO'"), 1);
    actor_stop(f);
}

static void gates_refuse_and_force_is_recorded(void **state)
{
    fixture *f = *state;
    b_err err = {0};
    start(f, 1500);
    go(f, "dual_write");
    if (mig_pause(f->engine, NAME, &tester, &err) == B_OK) {
        refused(f, "switched", "not complete");
        assert_int_equal(mig_resume(f->engine, NAME, &tester, &err), B_OK);
    }
    wait_complete(f);
    run(f, "UPDATE t_engine.t SET method = 'WRONG' WHERE id = 7");
    refused(f, "switched", "1 differing");
    run(f, "UPDATE t_engine.t SET method = kind");
    go(f, "retired");
    run(f, "UPDATE straddle.migrations SET observe_days = 7");
    refused(f, "contracted", "watched");
    f->use_old = true;
    refused(f, "contracted", "legacy");
    assert_int_equal(column(f, "kind", "1"), 1);
    if (advance(f, "contracted", true, &err) != B_OK) fail_msg("%s", err.msg);
    assert_int_equal(column(f, "kind", "1"), 0);
    assert_int_equal(
        number(f,
               "SELECT COUNT(*) FROM straddle.history WHERE forced = 1 AND to_phase = 'contracted' AND who = "
               "'tester'"),
        1);
    actor_stop(f);
}

static void timeout_keeps_the_phase(void **state)
{
    fixture *f = *state;
    b_err err = {0};
    start(f, 10);
    go(f, "expanded");
    f->config.phase_timeout_ms = 1500;
    assert_int_equal(mig_engine_reconfigure(f->engine, &f->config, &err), B_OK);
    f->dirty = true;
    /* the epoch was acknowledged already: one that was not */
    run(f, "UPDATE straddle.instances SET acked_epoch = 0");
    assert_int_equal(advance(f, "dual_write", false, &err), B_TIMEOUT);
    assert_non_null(strstr(err.msg, "sleepy"));
    assert_int_equal(number(f, "SELECT COUNT(*) FROM straddle.migrations WHERE phase = 'expanded'"), 1);
    f->dirty = false;
    go(f, "dual_write");
    actor_stop(f);
}

static void blocked_ddl_names_the_blocker(void **state)
{
    fixture *f = *state;
    b_err err = {0};
    char id[32];
    start(f, 10);
    f->config.phase_timeout_ms = 1500;
    assert_int_equal(mig_engine_reconfigure(f->engine, &f->config, &err), B_OK);
    mig_db *other = connect_root(f);
    assert_int_equal(mig_db_query(other, "START TRANSACTION", NULL, &err), B_OK);
    assert_int_equal(mig_db_query(other, "UPDATE t_engine.t SET n = 1", NULL, &err), B_OK);
    assert_int_equal(advance(f, "expanded", false, &err), B_TIMEOUT);
    snprintf(id, sizeof id, "connection %llu", (unsigned long long)mig_db_thread_id(other));
    if (strstr(err.msg, id) == NULL) fail_msg("%s: the blocker, %s, is not named: %s", f->env, id, err.msg);
    mig_db_close(other);
    assert_non_null(strstr(err.msg, "planned again"));
    assert_int_equal(
        number(f, "SELECT COUNT(*) FROM straddle.migrations WHERE phase = 'planned' AND pending = ''"), 1);
    go(f, "dual_write");
    assert_int_equal(column(f, "method", "1"), 1);
    actor_stop(f);
}

static void hold(fixture *f)
{
    wait_for(f, "SELECT MIN(acked_epoch) = (SELECT epoch FROM straddle.state) FROM straddle.instances",
             "the acknowledgement");
    f->held = (uint64_t)number(f, "SELECT epoch FROM straddle.state");
}

static void times_out(fixture *f, const char *to, const char *says, const char *phase)
{
    b_err err = {0};
    char sql[200];
    if (advance(f, to, true, &err) != B_TIMEOUT || strstr(err.msg, "sleepy") == NULL ||
        strstr(err.msg, says) == NULL)
        fail_msg("%s: ADVANCE TO %s should time out with '%s': %s", f->env, to, says, err.msg);
    snprintf(sql, sizeof sql,
             "SELECT COUNT(*) FROM straddle.migrations WHERE phase = '%s' AND last_error LIKE '%%sleepy%%'",
             phase);
    if (number(f, sql) != 1) fail_msg("%s: after ADVANCE TO %s the phase should be %s", f->env, to, phase);
}

/* A transaction that is open while phases change: what it may hold up and what not, edge by edge. */
static void open_transaction_at_each_edge(void **state)
{
    fixture *f = *state;
    b_err err = {0};
    start(f, 300);
    f->config.phase_timeout_ms = 1500;
    assert_int_equal(mig_engine_reconfigure(f->engine, &f->config, &err), B_OK);
    hold(f);
    times_out(f, "expanded", "planned again", "planned");
    assert_int_equal(column(f, "method", "1"), 0);
    f->held = 0;
    go(f, "expanded");
    hold(f);
    go(f, "dual_write"); /* neighbours are safe together; the backfill is not */
    usleep(400000);
    assert_int_equal(number(f, "SELECT rows_done FROM straddle.backfill"), 0);
    back(f, "expanded"); /* nobody can be in a third phase: it need not wait */
    times_out(f, "dual_write", "held up", "expanded");
    f->held = 0;
    go(f, "dual_write");
    wait_complete(f);
    go(f, "switched");
    hold(f);
    back(f, "dual_write");
    f->held = 0;
    go(f, "switched");
    hold(f);
    times_out(f, "retired", "is published", "retired");
    assert_int_equal(column(f, "method", INVISIBLE), 1);
    f->held = 0;
    wait_for(f, "SELECT pending = '' AND last_error = '' FROM straddle.migrations",
             "the end of retired's work");
    assert_int_equal(column(f, "method", INVISIBLE), 0);
    hold(f);
    times_out(f, "contracted", "is published", "contracted");
    assert_int_equal(column(f, "kind", "1"), 1);
    f->held = 0;
    wait_for(f, "SELECT pending = '' FROM straddle.migrations", "the end of contracted's work");
    assert_int_equal(column(f, "kind", "1"), 0);
    actor_stop(f);
}

static void drop_waits_on_the_way_back(void **state)
{
    fixture *f = *state;
    b_err err = {0};
    b_table *out = b_table_new();
    start(f, 10);
    f->config.phase_timeout_ms = 1500;
    assert_int_equal(mig_engine_reconfigure(f->engine, &f->config, &err), B_OK);
    go(f, "expanded");
    hold(f);
    assert_int_equal(mig_rollback(f->engine, NAME, "planned", &tester, out, &err), B_TIMEOUT);
    assert_non_null(strstr(err.msg, "phase planned of migration " NAME " is published"));
    assert_int_equal(column(f, "method", "1"), 1);
    f->held = 0;
    wait_for(f, "SELECT pending = '' AND phase = 'planned' FROM straddle.migrations", "the dropping of B");
    assert_int_equal(column(f, "method", "1"), 0);
    b_table_free(out);
    actor_stop(f);
}

/* A row that stays locked stops the backfill, which says so, and holds no other row meanwhile. */
static void a_locked_row_is_waited_for(void **state)
{
    fixture *f = *state;
    b_err err = {0};
    start(f, 300);
    go(f, "expanded");
    mig_db *other = connect_root(f);
    assert_int_equal(mig_db_query(other, "START TRANSACTION", NULL, &err), B_OK);
    assert_int_equal(
        mig_db_query(other, "UPDATE t_engine.t SET n = 5 WHERE tenant = 't''2' AND id = 200", NULL, &err),
        B_OK);
    go(f, "dual_write");
    wait_for(f, "SELECT COUNT(*) FROM straddle.backfill WHERE throttle LIKE 'row locks: %with 1 row'",
             "the reason");
    run(f, "SET SESSION innodb_lock_wait_timeout = 1");
    run(f, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"); /* locks what it changes only */
    /* By ranges that do not come near it: MariaDB 11.8 waits at a row that somebody else waits for, though it
     * is only passed over. */
    run(f, "UPDATE t_engine.t SET n = 6 WHERE tenant < 't''2'");
    run(f, "UPDATE t_engine.t SET n = 6 WHERE tenant = 't''2' AND id < 190");
    run(f, "UPDATE t_engine.t SET n = 6 WHERE tenant = 't''2' AND id > 200");
    assert_int_equal(mig_db_query(other, "ROLLBACK", NULL, &err), B_OK);
    wait_complete(f);
    assert_int_equal(number(f, DIFFERING), 0);
    assert_int_equal(number(f, "SELECT COUNT(*) FROM straddle.backfill WHERE throttle = ''"), 1);
    mig_db_close(other);
    actor_stop(f);
}

static void backfill_resumes(void **state)
{
    fixture *f = *state;
    b_err err = {0};
    start(f, 900);
    go(f, "expanded");
    assert_int_equal(mig_set(f->engine, NAME, "chunk_rows", "50", &tester, &err), B_OK);
    go(f, "dual_write");
    wait_for(f, "SELECT COUNT(*) FROM straddle.backfill WHERE rows_done > 0", "the first chunk");
    actor_stop(f);
    long long done = number(f, "SELECT rows_done FROM straddle.backfill");
    assert_true(done > 0);
    actor_start(f);
    wait_complete(f);
    assert_int_equal(number(f, DIFFERING), 0);
    assert_int_equal(number(f, "SELECT rows_done FROM straddle.backfill"), 900);
    actor_stop(f);
}

#define AT(n) "(SELECT tenant, id FROM t_engine.t ORDER BY tenant, id LIMIT " #n ", 1)"
#define FILLED(n)                                                                                            \
    "EXISTS (SELECT 1 FROM t_engine.t JOIN " AT(n) " k USING (tenant, id) WHERE method <=> kind)"

static void lock_row(fixture *f, mig_db *other)
{
    char key[64], sql[200];
    b_err err = {0};
    if (mig_db_scalar(f->db, "SELECT CONCAT('tenant = ', QUOTE(tenant), ' AND id = ', id) FROM " AT(75) " k",
                      key, sizeof key, &err) != B_OK)
        fail_msg("%s", err.msg);
    snprintf(sql, sizeof sql, "UPDATE t_engine.t SET n = n + 1 WHERE %s", key);
    assert_int_equal(mig_db_query(other, "START TRANSACTION", NULL, &err), B_OK);
    assert_int_equal(mig_db_query(other, sql, NULL, &err), B_OK);
}

/* With a row of the second range locked, are those behind it filled? Then the checkpoint stays before it. */
static bool others_go_on(fixture *f)
{
    b_err err = {0};
    bool seen = false;
    start(f, 900);
    run(f, "UPDATE t_engine.t SET kind = 'wire'"); /* so that none is right by B's default */
    go(f, "expanded");
    assert_int_equal(mig_set(f->engine, NAME, "chunk_rows", "50", &tester, &err), B_OK);
    assert_int_equal(mig_set(f->engine, NAME, "parallel_ranges", "4", &tester, &err), B_OK);
    mig_db *other = connect_root(f);
    lock_row(f, other);
    go(f, "dual_write");
    for (int i = 0; i < 100 && !seen; i++, usleep(50000))
        seen = number(f, "SELECT " FILLED(25) " AND NOT " FILLED(75) " AND " FILLED(125)) == 1;
    assert_true(number(f, "SELECT rows_done FROM straddle.backfill") < 100);
    assert_int_equal(mig_db_query(other, "ROLLBACK", NULL, &err), B_OK);
    mig_db_close(other);
    wait_complete(f);
    assert_int_equal(number(f, DIFFERING), 0);
    assert_int_equal(number(f, "SELECT rows_done FROM straddle.backfill"), 900);
    actor_stop(f);
    return seen;
}

/* Where the server happens to be busy, there is one range at a time: it need not be seen at once. */
static void ranges_side_by_side(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 10; i++)
        if (others_go_on(f)) return;
    fail_msg("%s: never more than one range at a time", f->env);
}

static void lag_throttles_and_fails_closed(void **state)
{
    fixture *f = *state;
    start(f, 100);
    actor_stop(f);
    f->config.nreplicas = 1; /* a replica that is not there */
    actor_start(f);
    go(f, "dual_write");
    wait_for(f, "SELECT COUNT(*) FROM straddle.backfill WHERE throttle LIKE 'replica 127.0.0.1:1 %'",
             "the reason");
    assert_int_equal(number(f, "SELECT rows_done FROM straddle.backfill"), 0);
    actor_stop(f);
}

static void preflight_refuses(void **state)
{
    static const struct {
        const char *ddl, *says;
    } cases[] = {
        {"ALTER TABLE t_engine.t DROP PRIMARY KEY", "primary key"},
        {"ALTER TABLE t_engine.t ADD COLUMN method INT", "method"},
        {"ALTER TABLE t_engine.t DROP INDEX k_kind, DROP INDEX u_kind_id, CHANGE kind kindx VARCHAR(20)",
         "kind"},
        {"ALTER TABLE t_engine.t ADD g INT AS (LENGTH(kind)) STORED", "g"},
        {"ALTER TABLE t_engine.t ADD FULLTEXT INDEX f (kind)", "f"},
        {"CREATE VIEW t_engine.v AS SELECT kind FROM t_engine.t", "v"},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        b_err err = {0};
        f->config.nmigrations = 0;
        start(f, 5);
        run(f, cases[i].ddl);
        b_status s = mig_apply(f->engine, &f->migration, &tester, &err);
        if (s != B_REFUSED || strstr(err.msg, cases[i].says) == NULL)
            fail_msg("%s: %s: %d %s", f->env, cases[i].ddl, (int)s, s == B_OK ? "applied" : err.msg);
        actor_stop(f);
        f->config.nmigrations = 1;
    }
}

/* ---- set-up ---- */

static int setup(void **state, const char *env)
{
    const char *address = getenv(env), *colon = address == NULL ? NULL : strrchr(address, ':');
    if (colon == NULL) {
        fprintf(stderr, "%s is not set to host:port: this test needs real servers (tests/servers)\n", env);
        return -1;
    }
    fixture *f = calloc(1, sizeof *f);
    if (f == NULL) return -1;
    f->env = env;
    snprintf(f->address, sizeof f->address, "%s", address);
    snprintf(f->host, sizeof f->host, "%.*s", (int)(colon - address), address);
    f->port = (uint16_t)atoi(colon + 1);
    pthread_mutex_init(&f->mu, NULL);
    b_log_init(&f->log, 2, getenv("STRADDLE_TEST_VERBOSE") == NULL ? B_ERROR : B_DEBUG);
    static char root[] = "root", empty[] = "", name[] = NAME, schema[] = "t_engine", table[] = "t",
                from[] = "kind", to[] = "method", none[] = "127.0.0.1:1", local[] = "127.0.0.1",
                source[] = "name: " NAME "\ntable: t_engine.t\ncolumns: [{from: kind, to: method}]\n";
    f->pair = (cfg_pair){.from = from, .to = to};
    f->migration = (cfg_migration){.name = name,
                                   .schema = schema,
                                   .table = table,
                                   .columns = &f->pair,
                                   .ncolumns = 1,
                                   .pace.max_lag_ms = 2000,
                                   .source = source,
                                   .file = empty};
    f->list[0] = &f->migration;
    f->replica = (cfg_server){.address = {.text = none, .host = local, .port = 1}};
    f->config = (cfg_config){.backend = {.address = {.text = f->address, .host = f->host, .port = f->port},
                                         .user = root,
                                         .password = empty},
                             .migrations = f->list,
                             .nmigrations = 1,
                             .replicas = &f->replica,
                             .lease_ms = 10000,
                             .poll_ms = 50,
                             .connect_timeout_ms = 5000};
    f->db = connect_root(f);
    *state = f;
    return 0;
}

static int setup_mysql(void **state)
{
    return setup(state, "STRADDLE_TEST_MYSQL");
}

static int setup_mariadb(void **state)
{
    return setup(state, "STRADDLE_TEST_MARIADB");
}

static int teardown(void **state)
{
    fixture *f = *state;
    if (f == NULL) return 0;
    mig_engine_free(f->engine);
    rw_ruleset_unref(f->rules);
    mig_db_close(f->db);
    pthread_mutex_destroy(&f->mu);
    free(f);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_to_the_end),
        cmocka_unit_test(goes_back_from_each_phase),
        cmocka_unit_test(gates_refuse_and_force_is_recorded),
        cmocka_unit_test(timeout_keeps_the_phase),
        cmocka_unit_test(blocked_ddl_names_the_blocker),
        cmocka_unit_test(open_transaction_at_each_edge),
        cmocka_unit_test(drop_waits_on_the_way_back),
        cmocka_unit_test(a_locked_row_is_waited_for),
        cmocka_unit_test(backfill_resumes),
        cmocka_unit_test(ranges_side_by_side),
        cmocka_unit_test(lag_throttles_and_fails_closed),
        cmocka_unit_test(preflight_refuses),
    };
    int failures = cmocka_run_group_tests_name("mysql", tests, setup_mysql, teardown);
    return failures + cmocka_run_group_tests_name("mariadb", tests, setup_mariadb, teardown);
}
