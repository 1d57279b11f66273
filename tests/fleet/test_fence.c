/* What a dead or paused instance has left: each case by itself. */
#include "fleet.h"

#include <mysql.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#define M FLEET_MIGRATION
#define STOP "/* straddle test: stop here */"

/* A statement of a client's, by a thread of its own. */
typedef struct call {
    pthread_t thread;
    ts_conn *c;
    const char *sql;
    unsigned error;
    char message[512];
} call;

static void *call_main(void *arg)
{
    call *k = arg;
    ts_result *r = ts_query(k->c, "%s", k->sql);
    k->error = r->error;
    snprintf(k->message, sizeof k->message, "%s", r->message);
    ts_result_free(r);
    return NULL;
}

static void begin(call *k, ts_conn *c, const char *sql)
{
    *k = (call){.c = c, .sql = sql};
    assert_int_equal(pthread_create(&k->thread, NULL, call_main, k), 0);
}

static long long differing(fleet *f)
{
    return ts_int(f->direct, "SELECT COUNT(*) FROM t_fleet.pay WHERE NOT (BINARY kind <=> BINARY method)");
}

static void wait_for(fleet *f, const char *sql, long long want)
{
    for (int i = 0; i < 1200;
         i++, fleet_nap(25)) /* not from INNODB_TRX, which is old when it is read so often */
        if (ts_int(f->direct, "%s", sql) == want) return;
    fail_msg("not %lld after 10 s: %s", want, sql);
}

/* Decided, then paused beyond the lease, then sent: the others have moved on two phases meanwhile. */
static void paused_before_sending(fleet *f)
{
    call k;
    ts_conn *c = fleet_connect(f, 0), *admin = fleet_admin(f, 1);
    ts_go(admin, M, "expanded");
    ts_do(c, "UPDATE pay SET n = n + 1 WHERE id = 1");
    begin(&k, c, "UPDATE pay SET method = 'late' " STOP " WHERE id = 1");
    fleet_wait_stopped(f, 0);
    ts_go(admin, M, "switched");
    assert_int_equal(differing(f), 0);
    kill(f->proxy[0].pid, SIGCONT);
    pthread_join(k.thread, NULL);
    assert_int_not_equal(k.error, 0);
    fleet_settle(f, 3);
    assert_int_equal(differing(f), 0);
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM t_fleet.pay WHERE kind = 'late'"), 0);
    ts_close(c);
    c = fleet_connect(f, 0); /* the new incarnation serves */
    ts_do(c, "UPDATE pay SET kind = 'again' WHERE id = 1");
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM t_fleet.pay WHERE method = 'again'"), 1);
    ts_close(c);
    ts_go(admin, M, "planned");
    ts_close(admin);
}

/* The same with a connection that was not registered yet: it is refused, and nothing is sent. */
static void paused_unregistered(fleet *f)
{
    ts_conn *c = fleet_connect(f, 0), *admin = fleet_admin(f, 1);
    ts_do(c, "BEGIN");
    ts_do(c, "SELECT n FROM other"); /* pins the epoch of phase planned, and a read view */
    kill(f->proxy[0].pid, SIGSTOP);
    ts_go(admin, M, "switched");
    kill(f->proxy[0].pid, SIGCONT);
    ts_result *r = ts_query(c, "UPDATE pay SET kind = 'late' WHERE id = 2");
    assert_int_not_equal(r->error, 0);
    ts_result_free(r);
    ts_close(c);
    fleet_settle(f, 3);
    assert_int_equal(differing(f), 0);
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM t_fleet.pay WHERE kind = 'late'"), 0);
    ts_go(admin, M, "planned");
    ts_close(admin);
}

/* The proxy is gone by kill -9, its statement waits for a row in the server: the next change of phase ends
 * it, without waiting for the lease, which is long here. */
static void killed_in_flight(fleet *f)
{
    call k;
    ts_conn *c = fleet_connect(f, 0), *admin = fleet_admin(f, 1), *locker = ts_root(f->server, "t_fleet");
    ts_go(admin, M, "expanded");
    ts_do(locker, "BEGIN");
    ts_do(locker, "SELECT * FROM other FOR UPDATE");
    ts_do(c, "BEGIN");
    ts_do(c, "UPDATE pay SET kind = 'zombie' WHERE id = 3");
    begin(&k, c, "UPDATE pay JOIN other SET pay.n = 5, other.n = 5 WHERE pay.id = 3");
    wait_for(f, "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'UPDATE pay JOIN%'", 1);
    fleet_nap(100);
    uint64_t began = fleet_now_ms();
    ts_proxy_stop(&f->proxy[0], SIGKILL);
    pthread_join(k.thread, NULL);
    ts_go(admin, M, "switched");
    uint64_t took = fleet_now_ms() - began;
    ts_do(locker, "ROLLBACK");
    print_message("two phases on after kill -9 within %llu ms; the lease is 10 s\n",
                  (unsigned long long)took);
    assert_true(took < 9000);
    assert_int_equal(differing(f), 0);
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM t_fleet.pay WHERE kind = 'zombie'"), 0);
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM straddle.instances"), 2);
    ts_proxy_restart(&f->proxy[0]);
    fleet_settle(f, 3);
    ts_go(admin, M, "planned");
    ts_close(c), ts_close(locker), ts_close(admin);
}

/* A transaction prepared for two-phase commit outlives its session. */
static void prepared(fleet *f)
{
    ts_conn *c = fleet_connect(f, 0), *admin = fleet_admin(f, 1);
    ts_go(admin, M, "expanded");
    ts_do(c, "XA START 'fleet'");
    ts_do(c, "UPDATE pay SET kind = 'prepared' WHERE id = 4");
    ts_do(c, "XA END 'fleet'");
    ts_do(c, "XA PREPARE 'fleet'");
    ts_close(c);
    ts_go(admin, M, "dual_write"); /* it is one epoch behind now; the backfill may not begin */
    fleet_nap(700);
    assert_int_equal(ts_int(f->direct, "SELECT rows_done FROM straddle.backfill"), 0);
    ts_result *r = ts_query(admin, "SHOW MIGRATION " M);
    if (strstr(ts_cell(r, 0, "waiting_for"), "XA RECOVER") == NULL)
        fail_msg("%s", ts_cell(r, 0, "waiting_for"));
    ts_result_free(r);
    ts_do(f->direct, "XA COMMIT 'fleet'");
    ts_go(admin, M, "switched");
    assert_int_equal(differing(f), 0);
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM t_fleet.pay WHERE method = 'prepared'"), 1);
    ts_go(admin, M, "planned");
    ts_close(admin);
}

/* An id that belongs to an earlier run of the server is not killed; a row of a dead instance with it goes. */
static void other_run(fleet *f)
{
    ts_conn *innocent = ts_root(f->server, NULL);
    long long id = ts_int(innocent, "SELECT CONNECTION_ID()");
    ts_do(f->direct, "INSERT INTO straddle.instances (id, host, pid, started, lease_until, seen_epoch, "
                     "acked_epoch) SELECT "
                     "'ghost', 'h', 1, NOW(), NOW() - INTERVAL 1 DAY, epoch, epoch FROM straddle.state");
    ts_do(f->direct, "INSERT INTO straddle.connections VALUES ('ghost', 'another@1', %lld)", id);
    fleet_settle(f, 3);
    assert_int_equal(ts_int(innocent, "SELECT CONNECTION_ID()"), id);
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM straddle.connections WHERE instance = 'ghost'"),
                     0);
    ts_close(innocent);
}

/* Rows of connections that have ended go; statements on other tables make none. */
static void forgotten(fleet *f)
{
    ts_conn *c = fleet_connect(f, 0), *plain = fleet_connect(f, 0);
    long long id = ts_int(c, "SELECT CONNECTION_ID()"), other = ts_int(plain, "SELECT CONNECTION_ID()");
    char sql[200];
    ts_do(plain, "SELECT n FROM other");
    ts_do(c, "SELECT kind FROM pay WHERE id = 1");
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM straddle.connections WHERE id IN (%lld, %lld)", id,
             other);
    assert_int_equal(ts_int(f->direct, "%s", sql), 1);
    ts_close(c), ts_close(plain);
    wait_for(f, sql, 0);
}

static long long counted(ts_conn *admin, const char *name)
{
    long long sum = 0;
    ts_result *r = ts_query(admin, "SHOW USAGE");
    if (r->error != 0) fail_msg("%u %s", r->error, r->message);
    for (size_t i = 0; i < r->nrows; i++)
        if (strcmp(ts_cell(r, i, "name"), name) == 0) sum += atoll(ts_cell(r, i, "count"));
    ts_result_free(r);
    return sum;
}

static void use(fleet *f, int instance, const char *sql, int times)
{
    ts_conn *c = fleet_connect(f, instance);
    for (int i = 0; i < times; i++) ts_do(c, "%s", sql);
    ts_close(c);
}

/* Who said which name, over restarts and through whichever instance; the gate lists them. */
static void census(fleet *f)
{
    use(f, 0, "SELECT kind FROM pay WHERE id = 1", 3);
    ts_conn *admin = fleet_admin(f, 0);
    assert_int_equal(counted(admin, "old"), 3);
    assert_int_equal(counted(admin, "old"), 3);
    ts_close(admin);
    ts_proxy_stop(&f->proxy[0], SIGKILL);
    ts_proxy_restart(&f->proxy[0]);
    use(f, 0, "SELECT kind FROM pay WHERE id = 1", 2);
    use(f, 1, "SELECT COUNT(*) FROM pay WHERE kind = 'x'", 1);
    use(f, 1, "SELECT method FROM pay WHERE id = 1", 4);
    fleet_nap(5500); /* the second instance writes its own */
    admin = fleet_admin(f, 0);
    assert_int_equal(counted(admin, "old"), 6);
    assert_int_equal(counted(admin, "new"), 4);
    ts_go(admin, M, "retired");
    ts_do(f->direct, "UPDATE straddle.migrations SET observe_days = 7");
    ts_result *r = ts_query(admin, "ADVANCE MIGRATION " M);
    if (r->error != 1235 || strstr(r->message, "'root' from 127.0.0.1") == NULL ||
        strstr(r->message, "digest") == NULL || strstr(r->message, "; '") == NULL)
        fail_msg("%u %s", r->error, r->message);
    ts_result_free(r);
    ts_close(admin);
    for (int i = 0; i < 2; i++) { /* so that they do not write it again */
        ts_proxy_stop(&f->proxy[i], SIGKILL);
        ts_proxy_restart(&f->proxy[i]);
    }
    admin = fleet_admin(f, 0);
    ts_do(f->direct, "UPDATE straddle.census SET last_seen = NOW() - INTERVAL 8 DAY, first_seen = last_seen");
    r = ts_query(admin, "ADVANCE MIGRATION " M);
    if (r->error != 1235 || strstr(r->message, "was applied at") == NULL)
        fail_msg("%u %s", r->error, r->message);
    ts_result_free(r);
    ts_do(f->direct, "UPDATE straddle.history SET at = at - INTERVAL 8 DAY");
    ts_do(admin, "ADVANCE MIGRATION " M);
    ts_close(admin);
}

/* What the export tells of the last test: refusals by gates, DDL, durations, one JSON object a row. */
static void history(fleet *f)
{
    ts_conn *admin = fleet_admin(f, 1);
    ts_result *r = ts_query(admin, "EXPORT HISTORY " M);
    int refused = 0, dropped = 0, advanced = 0;
    assert_true(r->nrows > 10 && r->ncols == 1);
    for (size_t i = 0; i < r->nrows; i++) {
        char *json = r->cells[i];
        ts_conn *c = f->direct;
        char quoted[20000];
        mysql_real_escape_string(ts_handle(c), quoted, json, (unsigned long)strlen(json) % 9000);
        assert_int_equal(ts_int(c, "SELECT JSON_VALID('%s')", quoted), 1);
        refused += strstr(json, "\"refused\"") != NULL && strstr(json, "observation") != NULL;
        dropped += strstr(json, "DROP COLUMN") != NULL;
        advanced += strstr(json, "\"advance\"") != NULL && strstr(json, "publish: ") != NULL;
    }
    if (refused != 1 || dropped < 1 || advanced != 5)
        fail_msg("%d refused, %d dropped, %d advanced", refused, dropped, advanced);
    ts_result_free(r);
    ts_close(admin);
}

static void each(const char *limits, void (*const *checks)(fleet *), size_t n)
{
    size_t servers;
    const ts_server *s = ts_servers(&servers);
    for (size_t i = 0; i < servers; i++) {
        fleet f;
        print_message("on %s\n", s[i].name);
        fleet_start(&f, &s[i], limits);
        for (size_t k = 0; k < n; k++) checks[k](&f);
        fleet_end(&f);
    }
}

static void test_paused(void **state)
{
    static void (*const checks[])(fleet *) = {paused_before_sending, paused_unregistered, prepared};
    (void)state;
    each("limits: {lease_ms: 1000, poll_ms: 20, phase_timeout_ms: 5000}", checks, 3);
}

static void test_killed(void **state)
{
    static void (*const checks[])(fleet *) = {forgotten, killed_in_flight, other_run};
    (void)state;
    each("limits: {lease_ms: 10000, poll_ms: 20}", checks, 3);
}

static void test_records(void **state)
{
    static void (*const checks[])(fleet *) = {census, history};
    (void)state;
    each("limits: {lease_ms: 3000, poll_ms: 20}", checks, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_paused), cmocka_unit_test(test_killed),
                                       cmocka_unit_test(test_records)};
    mysql_library_init(0, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
