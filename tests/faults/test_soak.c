/* Everything at once, for STRADDLE_SOAK_SECONDS (8): clients of several kinds, phases that change,
 * configurations that are read again, connections that are cut. At the end no error is unexplained, every
 * acknowledged write is there once, both columns are equal, no descriptor and, from STRADDLE_SOAK_SECONDS=300
 * on, no memory is left. */
#include "world.h"

#include <mysql.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

enum { CLIENTS = 8, FIRST_ACCOUNT = 300, LONG_S = 300 };

static void nap(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

typedef struct client {
    pthread_t thread;
    world *w;
    unsigned number, random;
    bool spoilt, armed; /* its connections are, each once; this one is to be */
    ts_conn *c;
    atomic_bool stop;
    unsigned next, acknowledged, unknown; /* inserts */
    atomic_uint steps, locked;            /* all; ended by the server for a lock, which is no fault */
    char error[700];                      /* one that is not explained; written before `failed` is set */
    atomic_bool failed;
} client;

static unsigned chance(client *k, unsigned n)
{
    k->random = k->random * 1664525u + 1013904223u;
    return (k->random >> 8) % n;
}

/* 0: done; else the connection is to be made anew, or the statement was undone by the server. */
static unsigned say(client *k, ts_mode mode, const char *sql, const ts_param *params, size_t n)
{
    enum { LOCK_WAIT = 1205, DEADLOCK = 1213 };
    ts_result *r = ts_run(k->c, mode, sql, params, n);
    unsigned error = r->error;
    if (error == LOCK_WAIT || error == DEADLOCK) {
        atomic_fetch_add(&k->locked, 1);
    } else if (error != 0 && !(k->spoilt && world_error_is_lost(error))) {
        snprintf(k->error, sizeof k->error, "client %u: %.150s: %u %.400s", k->number, sql, error,
                 r->message);
        atomic_store(&k->failed, true);
    }
    ts_result_free(r);
    return error;
}

static void hang_up(client *k)
{
    if (k->c != NULL) ts_close(k->c);
    k->c = NULL;
    k->armed = false;
}

static bool connected(client *k)
{
    world *w = k->w;
    char why[512] = "";
    ts_login l = {.host = "127.0.0.1",
                  .port = k->spoilt ? w->front_port : w->shop.proxy.port_both,
                  .user = "root",
                  .password = "",
                  .schema = "t_mig"};
    if (k->c == NULL) k->c = ts_try_connect(&l, why);
    if (k->c != NULL) return true;
    snprintf(k->error, sizeof k->error, "client %u cannot connect: %s", k->number, why);
    atomic_store(&k->failed, true);
    return false;
}

static void spoil(client *k)
{
    static const fault_kind kinds[] = {FAULT_CLOSE, FAULT_RESET, FAULT_TRICKLE};
    if (!k->spoilt || k->armed || chance(k, 8) != 0) return;
    k->armed = true;
    fault_relay_arm(chance(k, 2) ? k->w->front : k->w->back, world_id(k->c), kinds[chance(k, 3)],
                    (fault_side)chance(k, 2), chance(k, 250));
}

/* Both names, both protocols, alone and in a transaction. */
static void insert(client *k)
{
    char account[12], seq[12], note[24];
    bool open = chance(k, 3) == 0;
    ts_mode mode = chance(k, 2) ? TS_TEXT : TS_PREPARED;
    snprintf(account, sizeof account, "%u", FIRST_ACCOUNT + k->number);
    snprintf(seq, sizeof seq, "%u", k->next);
    snprintf(note, sizeof note, "soak%u", k->next++);
    const ts_param params[] = {{'i', account}, {'s', seq}, {'s', note}, {'i', seq}};
    unsigned error = open ? say(k, TS_TEXT, "BEGIN", NULL, 0) : 0;
    if (error == 0)
        error = say(k, mode,
                    k->number % 2
                        ? "INSERT INTO transactions (account_id, payment_method, note, n) VALUES (?, ?, ?, ?)"
                        : "INSERT INTO transactions (account_id, transaction_type, note, n) VALUES (?, ?, ?, "
                          "?)",
                    params, 4);
    if (open && error == 0) error = say(k, TS_TEXT, "COMMIT", NULL, 0);
    if (error == 0)
        k->acknowledged++;
    else
        k->unknown++, hang_up(k);
}

static void update(client *k)
{
    char account[12], value[12];
    snprintf(account, sizeof account, "%u", FIRST_ACCOUNT + k->number);
    snprintf(value, sizeof value, "u%u", chance(k, 1000));
    const ts_param params[] = {{'s', value}, {'i', account}};
    if (say(k, chance(k, 2) ? TS_TEXT : TS_PREPARED,
            "UPDATE transactions SET payment_method = ? WHERE account_id = ? ORDER BY id LIMIT 3", params,
            2) != 0)
        hang_up(k);
}

/* Reads much of it, and leaves in the middle. */
static void leave(client *k)
{
    static const char sql[] = "SELECT a.*, REPEAT('z', 20000) FROM transactions a LIMIT 500";
    MYSQL *m = ts_handle(k->c);
    if (!k->spoilt && /* byte by byte it would take minutes, in which it rightly holds up a change of phase */
        mysql_send_query(m, sql, sizeof sql - 1) == 0 && mysql_read_query_result(m) == 0) {
        MYSQL_RES *r = mysql_use_result(m);
        if (r != NULL) (void)mysql_fetch_row(r);
        shutdown((int)mysql_get_socket(m), SHUT_RDWR);
        if (r != NULL) mysql_free_result(r);
    }
    hang_up(k);
}

static void *client_main(void *arg)
{
    client *k = arg;
    while (!atomic_load(&k->stop) && !atomic_load(&k->failed) && connected(k)) {
        spoil(k);
        unsigned what = chance(k, 20);
        if (what < 8)
            insert(k);
        else if (what < 14)
            update(k);
        else if (what < 18 && say(k, TS_TEXT,
                                  "SELECT payment_method, COUNT(*) FROM transactions WHERE id < 50 GROUP BY "
                                  "transaction_type ORDER BY 1",
                                  NULL, 0) != 0)
            hang_up(k);
        else if (what == 18)
            hang_up(k);
        else if (what == 19)
            leave(k);
        atomic_fetch_add(&k->steps, 1);
        nap(3);
    }
    hang_up(k);
    mysql_thread_end();
    return NULL;
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

static void check_failures(client *clients)
{
    for (int i = 0; i < CLIENTS; i++)
        if (atomic_load(&clients[i].failed)) fail_msg("%s", clients[i].error);
}

/* One round of what an operator does. */
static void operate(world *w, unsigned round)
{
    static const char *const phases[] = {"switched",   "dual_write", "switched",
                                         "dual_write", "expanded",   "dual_write"};
    shop *f = &w->shop;
    ts_do(f->admin, "RELOAD CONFIG");
    kill(f->proxy.pid, SIGHUP);
    ts_do(f->admin, "SET LOG LEVEL %s", round % 2 ? "debug" : "warn");
    ts_go(f->admin, SHOP_MIGRATION, phases[round % (sizeof phases / sizeof *phases)]);
    world_bystander(w);
}

static void check_client(const client *k, ts_conn *direct)
{
    unsigned account = FIRST_ACCOUNT + k->number;
    long long rows = ts_int(direct, "SELECT COUNT(*) FROM transactions WHERE account_id = %u", account);
    if (rows < k->acknowledged || rows > (long long)k->acknowledged + k->unknown)
        fail_msg("client %u: %lld rows, %u acknowledged, %u not known", k->number, rows, k->acknowledged,
                 k->unknown);
    assert_int_equal(
        ts_int(direct, "SELECT COUNT(DISTINCT n) FROM transactions WHERE account_id = %u", account), rows);
}

static void calm_allocator(void)
{
    setenv("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:quarantine_size_mb=8",
           1); /* memory is measured */
}

static void check(const ts_server *s, double seconds)
{
    static client clients[CLIENTS];
    world w;
    memset(clients, 0, sizeof clients);
    world_start_with(&w, s, "log: {slow_ms: 200, refused: true}", calm_allocator);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = (client){.w = &w, .number = i, .random = i * 77 + 1, .spoilt = i >= CLIENTS / 2};
        assert_int_equal(pthread_create(&clients[i].thread, NULL, client_main, &clients[i]), 0);
    }
    double began = now_s();
    long warm = 0, last = 0;
    unsigned round = 0;
    do {
        operate(&w, round++);
        check_failures(clients);
        last = resident_kb(w.shop.proxy.pid);
        if (warm == 0 && now_s() - began > seconds / 4) warm = last;
    } while (now_s() - began < seconds);
    ts_go(w.shop.admin, SHOP_MIGRATION, "dual_write"); /* both columns are written: they can be compared */
    for (int i = 0; i < CLIENTS; i++) atomic_store(&clients[i].stop, true);
    for (int i = 0; i < CLIENTS; i++) pthread_join(clients[i].thread, NULL);
    check_failures(clients);
    ts_wait_backfill(w.shop.admin, SHOP_MIGRATION); /* of what was written while only one was */
    world_check_rows(&w);
    unsigned steps = 0, locked = 0;
    for (int i = 0; i < CLIENTS; i++) {
        check_client(&clients[i], w.shop.direct);
        steps += atomic_load(&clients[i].steps), locked += atomic_load(&clients[i].locked);
    }
    char differing[32];
    shop_cell(w.shop.admin, "VERIFY MIGRATION " SHOP_MIGRATION, "differing", differing, sizeof differing);
    assert_string_equal(differing, "0");
    print_message("%s: %u steps of clients, %u ended by locks, %u changes of phase, %ld kB after a quarter, "
                  "%ld kB at the "
                  "end\n",
                  s->name, steps, locked, round, warm, last);
    if (seconds >= LONG_S && last > warm + warm / 10 + 4096)
        fail_msg("memory: %ld kB, then %ld kB", warm, last);
    world_end(&w);
}

static double seconds(void)
{
    const char *text = getenv("STRADDLE_SOAK_SECONDS");
    return text == NULL || text[0] == '\0' ? 8 : atof(text);
}

static void test_mysql(void **state)
{
    (void)state;
    check(ts_mysql(), seconds());
}

static void test_mariadb(void **state)
{
    (void)state;
    check(ts_mariadb(), seconds());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mysql), cmocka_unit_test(test_mariadb)};
    return cmocka_run_group_tests_name("faults.soak", tests, NULL, NULL);
}
