/* The backfill goes on from its checkpoint, whoever is killed or cut off at whatever moment: every row is
 * counted once, none is left out. STRADDLE_CRASHES: at how many random moments, over both servers;
 * STRADDLE_SEED. */
#include "fleet.h"

#include <mysql.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <setjmp.h>
#include <cmocka.h>

#define M FLEET_MIGRATION

static unsigned dice(unsigned *seed, unsigned below)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % below;
}

static void fill(fleet *f)
{
    for (int n = FLEET_ROWS; n < 9000; n *= 2)
        ts_do(f->direct,
              "INSERT INTO t_fleet.pay (id, kind) SELECT id + %d, CONCAT('k', id) FROM t_fleet.pay", n);
}

static long long done(fleet *f)
{
    return ts_int(f->direct, "SELECT rows_done FROM straddle.backfill");
}

static bool complete(fleet *f)
{
    return ts_int(f->direct, "SELECT state = 'complete' FROM straddle.backfill") == 1;
}

static void crash(fleet *f, unsigned *seed)
{
    unsigned i = dice(seed, FLEET);
    fleet_nap((long)dice(seed, 250));
    long long before = done(f);
    if (dice(seed, 4) == 0) {
        relay_cut(f->net, true);
        fleet_nap((long)dice(seed, 300));
        relay_cut(f->net, false);
    } else {
        ts_proxy_stop(&f->proxy[i], SIGKILL);
        ts_proxy_restart(&f->proxy[i]);
    }
    long long after = done(f);
    if (after < before) fail_msg("the backfill went back from %lld rows to %lld", before, after);
}

static void check_all(fleet *f)
{
    long long rows = ts_int(f->direct, "SELECT COUNT(*) FROM t_fleet.pay");
    assert_int_equal(done(f), rows);
    assert_int_equal(
        ts_int(f->direct, "SELECT COUNT(*) FROM t_fleet.pay WHERE NOT (BINARY kind <=> BINARY method)"), 0);
}

static unsigned rounds(fleet *f, unsigned crashes, unsigned *seed)
{
    unsigned n = 0, whole = 0;
    fill(f);
    while (n < crashes) {
        ts_conn *admin = fleet_admin(f, 1);
        ts_go(admin, M, "dual_write");
        ts_close(admin);
        for (; n < crashes && !complete(f); n++) crash(f, seed);
        for (int i = 0; i < 600 && !complete(f); i++) fleet_nap(50);
        check_all(f);
        whole++;
        fleet_settle(f, FLEET);
        admin = fleet_admin(f, 1);
        ts_go(admin, M, "planned");
        ts_close(admin);
    }
    return whole;
}

static void test_resume(void **state)
{
    (void)state;
    const char *many = getenv("STRADDLE_CRASHES"), *given = getenv("STRADDLE_SEED");
    unsigned crashes = many == NULL ? 16 : (unsigned)strtoul(many, NULL, 10);
    unsigned seed = given == NULL || strcmp(given, "random") == 0 ? (unsigned)time(NULL)
                                                                  : (unsigned)strtoul(given, NULL, 10);
    size_t servers;
    const ts_server *s = ts_servers(&servers);
    for (size_t i = 0; i < servers; i++) {
        fleet f;
        print_message("on %s, seed %u\n", s[i].name, seed);
        fleet_start(&f, &s[i], "limits: {lease_ms: 1000, poll_ms: 20}");
        unsigned whole = rounds(&f, crashes / 2, &seed);
        print_message("%u crashes in %u backfills\n", crashes / 2, whole);
        fleet_end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_resume)};
    mysql_library_init(0, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
