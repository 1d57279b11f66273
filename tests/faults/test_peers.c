/* Peers that are slow, stop, or talk rubbish, and a database that takes no writes. What others do goes on,
 * and what they hold in the proxy is bounded. */
#include "world.h"

#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static void nap(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static unsigned write_one(world *w, ts_conn *c)
{
    unsigned key = w->next_key++;
    ts_result *r =
        ts_query(c,
                 "INSERT INTO transactions (account_id, payment_method, note, n) VALUES (100, '%u', "
                 "'peer%u', %u)",
                 key, key, key);
    unsigned error = r->error;
    w->acknowledged[key] = error == 0;
    ts_result_free(r);
    return error;
}

/* One byte at a time is slow, and nothing else. */
static void check_trickle(world *w)
{
    fault_relay *const relays[] = {w->front, w->back};
    for (int i = 0; i < 4; i++) {
        ts_conn *c = world_connect(w);
        fault_relay_arm(relays[i / 2], world_id(c), FAULT_TRICKLE, (fault_side)(i % 2), 0);
        assert_int_equal(write_one(w, c), 0);
        assert_int_equal(
            ts_int(c,
                   "SELECT COUNT(*) FROM transactions WHERE payment_method = '%u' AND account_id "
                   "= 100",
                   w->next_key - 1),
            1);
        world_bystander(w);
        ts_close(c);
    }
}

/* A wrong byte behind the header of a packet, from either side: an error, or another answer, and then the
 * end. (What is wrong in a header makes both sides wait for more, until one of them has waited for long
 * enough.) */
static void check_garbage(world *w)
{
    enum { HEADER = 4, BYTES = 8 };
    fault_relay *const relays[] = {w->front, w->back};
    for (int i = 0; i < 4; i++)
        for (size_t at = HEADER; at < HEADER + (i % 2 == FAULT_UP ? BYTES : 1); at++) {
            ts_conn *c = world_connect(w);
            fault_relay_arm(relays[i / 2], world_id(c), FAULT_GARBAGE, (fault_side)(i % 2), at);
            ts_result *r = ts_query(c, "SELECT id FROM transactions WHERE payment_method = 'x'");
            if (at == HEADER && i != FAULT_DOWN && r->error == 0) /* no such command, or no such answer */
                fail_msg("a wrong byte goes through unseen, case %d", i);
            ts_result_free(r);
            ts_close(c);
            world_bystander(w);
        }
}

static long resident_kb(pid_t pid)
{
    char path[64];
    long size = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &size, &resident), 2);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Clients that ask for much and read nothing of it, or a byte now and then. Each has its buffers, and no
 * more. */
static void check_idle_readers(world *w)
{
    enum { READERS = 8, ALLOWED_KB = READERS * 6 * 1024 + 16 * 1024 };
    static const char sql[] =
        "SELECT REPEAT('z', 1000000) FROM accounts a, accounts b, accounts c, accounts d";
    ts_conn *readers[READERS];
    long before = resident_kb(w->shop.proxy.pid);
    for (int i = 0; i < READERS; i++) {
        readers[i] = ts_proxy_connect(&w->shop.proxy, w->shop.proxy.port_both, "t_mig");
        assert_int_equal(mysql_send_query(ts_handle(readers[i]), sql, sizeof sql - 1), 0);
    }
    for (int k = 0; k < 20; k++) {
        char byte;
        for (int i = 0; i < READERS / 2; i++)
            (void)!read((int)mysql_get_socket(ts_handle(readers[i])), &byte, 1);
        world_bystander(w);
        nap(50);
    }
    long after = resident_kb(w->shop.proxy.pid);
    if (after - before > ALLOWED_KB) fail_msg("%ld kB before, %ld kB after", before, after);
    for (int i = 0; i < READERS; i++) {
        close((int)mysql_get_socket(ts_handle(readers[i]))); /* in mid-result */
        ts_close(readers[i]);
    }
    world_check_rows(w);
}

/* The network to the server falls silent for one session: it waits, others do not; when it is back, so is the
 * answer. */
static void check_silence(world *w)
{
    ts_conn *c = world_connect(w);
    MYSQL *m = ts_handle(c);
    fault_relay_arm(w->back, world_id(c), FAULT_STOP, FAULT_DOWN, 0);
    static const char sql[] = "SELECT COUNT(*) FROM transactions WHERE payment_method = 'x'";
    assert_int_equal(mysql_send_query(m, sql, sizeof sql - 1), 0);
    for (int i = 0; i < 20; i++, nap(50)) world_bystander(w);
    fault_relay_arm(w->back, world_id(c), FAULT_NONE, FAULT_DOWN, 0);
    assert_int_equal(mysql_read_query_result(m), 0);
    MYSQL_RES *r = mysql_store_result(m);
    assert_non_null(r);
    mysql_free_result(r);
    ts_close(c);
}

static const ts_server *read_only_server; /* that must not stay so when the test ends early */

static void set_read_only(const ts_server *s, bool on)
{
    ts_conn *root = ts_root(s, NULL);
    ts_do(root, "SET GLOBAL %s = %d", s->mariadb ? "read_only" : "super_read_only", on);
    if (!on) ts_do(root, "SET GLOBAL read_only = 0");
    ts_close(root);
    read_only_server = on ? s : NULL;
}

static void end_read_only(void)
{
    if (read_only_server != NULL) set_read_only(read_only_server, false);
}

/* Writes are refused by the server, or, once the lease could not be renewed, by the proxy; and then they are
 * not. */
static void check_read_only(world *w)
{
    enum { READ_ONLY = 1290 };
    const ts_server *s = w->shop.server;
    ts_conn *root = ts_root(s, NULL);
    ts_do(root, "CREATE USER IF NOT EXISTS faults_app@'%%'");
    ts_do(root, "GRANT SELECT, INSERT, UPDATE, DELETE ON t_mig.* TO faults_app@'%%'");
    ts_close(root);
    ts_conn *c = ts_connect(&(ts_login){.host = "127.0.0.1",
                                        .port = w->shop.proxy.port_both,
                                        .user = "faults_app",
                                        .password = "",
                                        .schema = "t_mig"});
    assert_int_equal(write_one(w, c), 0);
    set_read_only(s, true);
    for (int i = 0; i < 20; i++, nap(100)) assert_int_equal(write_one(w, c), READ_ONLY);
    set_read_only(s, false);
    unsigned error = READ_ONLY;
    for (int i = 0; i < 600 && error == READ_ONLY; i++, nap(100)) error = write_one(w, c);
    assert_int_equal(error, 0);
    ts_close(c);
    root = ts_root(s, NULL);
    ts_do(root, "DROP USER faults_app@'%%'");
    ts_close(root);
}

static void check(const ts_server *s)
{
    world w;
    world_start(&w, s, "limits: {lease_ms: 60000}");
    check_trickle(&w);
    check_garbage(&w);
    check_idle_readers(&w);
    check_silence(&w);
    check_read_only(&w);
    world_end(&w);
}

static void test_mysql(void **state)
{
    (void)state;
    check(ts_mysql());
}

static void test_mariadb(void **state)
{
    (void)state;
    check(ts_mariadb());
}

int main(void)
{
    atexit(end_read_only);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mysql), cmocka_unit_test(test_mariadb)};
    return cmocka_run_group_tests_name("faults.peers", tests, NULL, NULL);
}
