/* What the backfill gives way to, signal by signal: it waits and says why, goes on by itself, and at a
 * critical level stays paused until an operator resumes it. */
#include "servers.h"
#include "shop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define M SHOP_MIGRATION

static void set(shop *f, const char *setting, const char *value)
{
    ts_do(f->admin, "SET BACKFILL " M " %s = %s", setting, value);
}

static void begin(shop *f, const char *pace)
{
    char more[300];
    snprintf(more, sizeof more, "observe_days: 0\nbackfill: {chunk_rows: 2, %s}", pace);
    shop_apply(f, more);
    ts_do(f->admin, "ADVANCE MIGRATION " M " TO dual_write");
}

/* Of a migration that was removed there is nothing but its history. */
static void check_removed(shop *f)
{
    char name[80];
    ts_result *r =
        ts_query(f->direct, "SELECT TABLE_NAME AS t FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "
                            "'straddle' AND COLUMN_NAME = 'migration' AND TABLE_NAME NOT IN ('history', "
                            "'rehearsals')");
    assert_true(r->nrows > 8);
    for (size_t i = 0; i < r->nrows; i++) {
        snprintf(name, sizeof name, "%s", ts_cell(r, i, "t"));
        if (ts_int(f->direct, "SELECT COUNT(*) FROM straddle.%s WHERE migration = '" M "'", name) != 0)
            fail_msg("straddle.%s has rows of a migration that was removed", name);
    }
    ts_result_free(r);
}

static void done(shop *f)
{
    ts_wait_backfill(f->admin, M);
    ts_do(f->direct, "INSERT IGNORE INTO straddle.recheck VALUES ('" M "', 1, 1, 0, '', NOW())");
    ts_do(f->direct, "INSERT INTO straddle.differences (migration, key_hash, key_text, seen) VALUES ('" M
                     "', '', '', NOW())");
    ts_do(f->admin, "ROLLBACK MIGRATION " M " TO planned");
    ts_do(f->admin, "REMOVE MIGRATION " M);
    check_removed(f);
}

static void stays_paused(shop *f, const char *reason)
{
    char cell[300];
    shop_await(f->admin, "backfill", "paused");
    shop_await(f->admin, "throttle", reason);
    shop_cell(f->admin, "SHOW HISTORY " M, "result", cell, sizeof cell);
    if (strstr(cell, reason) == NULL) fail_msg("the history says %s, not %s", cell, reason);
    nanosleep(&(struct timespec){0, 300000000}, NULL);
    shop_await(f->admin, "backfill", "paused");
    assert_int_equal(ts_int(f->direct, "SELECT rows_done FROM straddle.backfill"), 0);
}

static void check_sql(shop *f)
{
    ts_do(f->direct, "CREATE TABLE t_mig.load_now (v INT)");
    ts_do(f->direct, "INSERT INTO t_mig.load_now VALUES (1)");
    begin(f, "check_sql: SELECT v FROM t_mig.load_now");
    shop_await(f->admin, "throttle", "check_sql says 1");
    ts_do(f->direct, "UPDATE t_mig.load_now SET v = 2");
    stays_paused(f, "critical: check_sql says 2");
    ts_do(f->direct, "DROP TABLE t_mig.load_now"); /* what cannot be asked has it wait */
    ts_do(f->admin, "RESUME BACKFILL " M);
    shop_await(f->admin, "throttle", "check_sql: ");
    set(f, "check_sql", "''");
    done(f);
}

static void hours(shop *f)
{
    char window[40], now[16];
    ts_text(f->direct, now, sizeof now, "SELECT HOUR(NOW())");
    int hour = (now[0] - '0') * (now[1] == '\0' ? 1 : 10) + (now[1] == '\0' ? 0 : now[1] - '0');
    snprintf(window, sizeof window, "windows: %02d:00-%02d:00", (hour + 10) % 24, (hour + 12) % 24);
    begin(f, window);
    shop_await(f->admin, "throttle", "outside of its hours");
    snprintf(window, sizeof window, "'%02d:00-%02d:00'", (hour + 23) % 24, (hour + 2) % 24);
    set(f, "windows", window);
    done(f);
}

/* Its own look is one that runs. */
static void threads(shop *f)
{
    begin(f, "critical_threads_running: 1");
    stays_paused(f, "critical: threads_running");
    set(f, "critical_threads_running", "0");
    ts_do(f->admin, "RESUME BACKFILL " M);
    done(f);
}

/* Every figure that can be limited is one that this server gives: nothing says that it cannot be read. */
static void figures(shop *f)
{
    char reason[300];
    begin(f, "max_lock_waits: 100000, max_deadlocks: 100000, max_history_length: 4000000000, max_pending_io: "
             "100000, max_p99_percent: 100000");
    ts_wait_backfill(f->admin, M);
    assert_string_equal(shop_cell(f->admin, "SHOW MIGRATION " M, "throttle", reason, sizeof reason), "");
    done(f);
}

/* ---- HTTP ---- */

static _Atomic int status_code;
static _Atomic bool listening;

static void *answer(void *arg)
{
    int fd = *(int *)arg;
    while (listening) {
        char text[200], got[2048];
        int c = accept(fd, NULL, NULL);
        if (c < 0) break;
        if (read(c, got, sizeof got) > 0) {
            int n = snprintf(text, sizeof text,
                             "HTTP/1.1 %d x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status_code);
            if (write(c, text, (size_t)n) != n) listening = false;
        }
        close(c);
    }
    return NULL;
}

static void check_http(shop *f)
{
    pthread_t thread;
    char pace[100];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    listening = true;
    status_code = 503;
    assert_int_equal(pthread_create(&thread, NULL, answer, &fd), 0);
    snprintf(pace, sizeof pace, "check_http: http://127.0.0.1:%u/load", ntohs(at.sin_port));
    begin(f, pace);
    shop_await(f->admin, "throttle", "does not let it go on");
    status_code = 410;
    stays_paused(f, "critical: check_http");
    status_code = 200;
    ts_do(f->admin, "RESUME BACKFILL " M);
    ts_wait_backfill(f->admin, M);
    listening = false;
    shutdown(fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(fd);
    ts_do(f->admin, "ROLLBACK MIGRATION " M " TO expanded");
    ts_do(f->admin, "ADVANCE MIGRATION " M);
    shop_await(f->admin, "throttle", "check_http: http://127.0.0.1"); /* nobody answers there now */
    set(f, "check_http", "''");
    done(f);
}

/* ---- the application's own latency ---- */

static void many(ts_conn *c, int n, const char *seconds)
{
    for (int i = 0; i < n; i++)
        ts_result_free(
            ts_query(c, "SELECT transaction_type, SLEEP(%s) FROM transactions WHERE id = 1", seconds));
}

static void latency(shop *f)
{
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_old, "t_mig");
    ts_do(f->direct, "CREATE TABLE t_mig.load_now (v INT)");
    ts_do(f->direct, "INSERT INTO t_mig.load_now VALUES (1)");
    shop_apply(f, "observe_days: 0\nbackfill: {chunk_rows: 2, check_sql: SELECT v FROM t_mig.load_now}");
    ts_do(f->admin, "ADVANCE MIGRATION " M " TO expanded");
    many(c, 100, "0");
    ts_do(f->admin, "ADVANCE MIGRATION " M);
    shop_await(f->admin, "throttle", "check_sql says 1"); /* by now the p99 without it is known */
    many(c, 10, "0.1");
    shop_await(f->admin, "throttle", "p99 of statements on the table 1");
    ts_do(f->direct, "UPDATE t_mig.load_now SET v = 0");
    shop_await(f->admin, "throttle", "p99 of statements on the table 1");
    assert_int_equal(ts_int(f->direct, "SELECT rows_done FROM straddle.backfill"), 0);
    many(c, 1500, "0");
    done(f);
    ts_do(f->direct, "DROP TABLE t_mig.load_now");
    ts_close(c);
}

static void check(shop *f)
{
    check_sql(f);
    hours(f);
    threads(f);
    figures(f);
    check_http(f);
    latency(f);
}

static void test_all(void **state)
{
    (void)state;
    shop_each_server(check, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
