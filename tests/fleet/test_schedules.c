/* Random schedules: three instances under load, two operators who walk the phases through any of them, and
 * what may befall an instance. Watched all the time: no instance is two phases behind; once the backfill is
 * complete the two columns are equal in every row; the backfill's row is of the present phase. In the end:
 * the checksum is clean, and every write that was acknowledged is there.
 *
 * STRADDLE_FLEET_SCHEDULES: how many, over both servers. STRADDLE_SEED: of the first; the others follow from
 * it. */
#include "fleet.h"

#include <mysql.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <setjmp.h>
#include <cmocka.h>

#define M FLEET_MIGRATION

enum {
    WRITERS = 4,
    OPERATORS = 2,
    MINE = FLEET_ROWS / WRITERS,
    DOUBTS = 8,
    SCHEDULE_MS = 2000,
    LEASE_MS = 1000
};

static unsigned dice(unsigned *seed, unsigned below)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % below;
}

typedef struct row {
    char acked[32];         /* the last value that was acknowledged */
    char doubt[DOUBTS][32]; /* of statements that broke off since then: they are done, or are not */
    unsigned doubts;
} row;

struct run;

typedef struct worker {
    struct run *run;
    pthread_t thread;
    unsigned number, seed;
    unsigned long done, failed;
    row rows[MINE];
} worker;

typedef struct run {
    fleet f;
    unsigned seed;
    atomic_bool stop_operators, stop_writers, stop_checker;
    worker writers[WRITERS], operators[OPERATORS];
    pthread_t checker;
    unsigned long looks, complete_looks, moves;
    pthread_mutex_t mu;
    char wrong[600]; /* the first rule that was broken */
} run;

static void wrong(run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void wrong(run *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    pthread_mutex_lock(&r->mu);
    if (r->wrong[0] == '\0') vsnprintf(r->wrong, sizeof r->wrong, fmt, ap);
    pthread_mutex_unlock(&r->mu);
    va_end(ap);
}

/* ---- writers ---- */

static bool broke_off(unsigned error) /* nobody knows whether it was done */
{
    return error == 2006 || error == 2013 || error == 2055 || error == 1053 || error == 1317 ||
           error == 1927 || error == 3169 || error == 1158 || error == 1160 || error == 1161;
}

static unsigned say(ts_conn *c, const char *sql)
{
    ts_result *r = ts_query(c, "%s", sql);
    unsigned error = r->error;
    ts_result_free(r);
    return error;
}

/* Some writes are transactions whose epoch is taken by a statement on another table. */
static unsigned write_row(worker *w, ts_conn *c, int id, const char *value, bool *sent)
{
    char sql[200];
    bool transaction = dice(&w->seed, 3) == 0;
    unsigned error = 0;
    *sent = false;
    snprintf(sql, sizeof sql, "UPDATE pay SET %s = '%s', n = n + 1 WHERE id = %d",
             dice(&w->seed, 2) == 0 ? "kind" : "method", value, id);
    if (transaction) error = say(c, "BEGIN");
    if (transaction && error == 0) error = say(c, "SELECT n FROM other");
    if (transaction) fleet_nap((long)dice(&w->seed, 60));
    if (error != 0) return error;
    *sent = true;
    error = say(c, sql);
    if (error == 0 && transaction) return say(c, "COMMIT");
    if (error != 0 && transaction && !broke_off(error)) (void)say(c, "ROLLBACK");
    if (transaction && broke_off(error)) *sent = false; /* without its COMMIT it is undone */
    return error;
}

/* What was acknowledged is what every instance reads, by both names. */
static void read_row(worker *w, ts_conn *c, const row *mine, int id)
{
    char sql[160];
    snprintf(sql, sizeof sql, "SELECT kind, method FROM pay WHERE id = %d", id);
    ts_result *r = ts_query(c, "%s", sql);
    if (r->error == 0 && r->nrows == 1 && mine->doubts == 0 &&
        (strcmp(r->cells[0], mine->acked) != 0 || strcmp(r->cells[1], mine->acked) != 0))
        wrong(w->run, "row %d was acknowledged as '%s', and read as '%s' and '%s'", id, mine->acked,
              r->cells[0], r->cells[1]);
    ts_result_free(r);
}

static void one_write(worker *w, ts_conn **c, unsigned long n)
{
    unsigned at = dice(&w->seed, MINE);
    row *mine = &w->rows[at];
    int id = (int)(w->number * MINE + at + 1);
    char value[32];
    bool sent = false;
    if (mine->doubts > 0) return; /* a late one could come over a new one */
    snprintf(value, sizeof value, "w%u-%lu", w->number, n);
    unsigned error = write_row(w, *c, id, value, &sent);
    if (error == 0) {
        snprintf(mine->acked, sizeof mine->acked, "%s", value);
        w->done++;
        return;
    }
    w->failed++;
    if (!broke_off(error)) return;
    if (sent && mine->doubts < DOUBTS) snprintf(mine->doubt[mine->doubts++], 32, "%s", value);
    ts_close(*c);
    *c = NULL;
}

static void *writer_main(void *arg)
{
    worker *w = arg;
    ts_conn *c = NULL;
    for (unsigned long n = 1; !atomic_load(&w->run->stop_writers); n++) {
        if (c == NULL) c = fleet_try(&w->run->f, (int)dice(&w->seed, FLEET), NULL);
        if (c == NULL) {
            fleet_nap(50);
            continue;
        }
        one_write(w, &c, n);
        if (c != NULL && dice(&w->seed, 8) == 0) { /* elsewhere, and look from there */
            ts_close(c);
            c = fleet_try(&w->run->f, (int)dice(&w->seed, FLEET), NULL);
            unsigned at = dice(&w->seed, MINE);
            if (c != NULL) read_row(w, c, &w->rows[at], (int)(w->number * MINE + at + 1));
        }
        fleet_nap((long)dice(&w->seed, 12));
    }
    ts_close(c);
    return NULL;
}

/* ---- operators ---- */

static const char *const phases[] = {"planned", "expanded", "dual_write", "switched", "retired"};

static int phase_now(ts_conn *direct)
{
    char text[32];
    ts_text(direct, text, sizeof text, "SELECT phase FROM straddle.migrations WHERE name = '" M "'");
    for (int i = 0; i < 5; i++)
        if (strcmp(text, phases[i]) == 0) return i;
    return -1;
}

static void *operator_main(void *arg)
{
    worker *w = arg;
    ts_conn *direct = ts_root(w->run->f.server, NULL);
    while (!atomic_load(&w->run->stop_operators)) {
        ts_conn *admin = fleet_try_admin(&w->run->f, (int)dice(&w->seed, FLEET));
        int at = phase_now(direct);
        bool forward = at == 0 || (at < 4 && dice(&w->seed, 100) < 72);
        if (admin != NULL && at >= 0) {
            ts_result *r = ts_query(admin, "%s MIGRATION " M " TO %s", forward ? "ADVANCE" : "ROLLBACK",
                                    phases[at + (forward ? 1 : -1)]);
            if (r->error == 0) w->done++;
            if (r->error != 0) w->failed++;
            ts_result_free(r);
        }
        ts_close(admin);
        fleet_nap((long)dice(&w->seed, 150));
    }
    ts_close(direct);
    return NULL;
}

/* ---- the checker ---- */

/* An instance that lives has the published epoch or the one before; one more where a roll back needed no ACK,
 * which leaves phases apart by one. */
static void check_epochs(run *r, ts_conn *c)
{
    ts_result *t =
        ts_query(c, "SELECT s.epoch - MIN(i.acked_epoch), (SELECT action FROM straddle.history WHERE "
                    "to_phase <> '' ORDER BY id DESC LIMIT 1), GROUP_CONCAT(i.id, ' ', i.acked_epoch), "
                    "s.epoch FROM straddle.state s JOIN straddle.instances i WHERE i.dead_at IS NULL AND "
                    "i.acked_epoch > 0 GROUP BY s.epoch");
    if (t->error == 0 && t->nrows == 1) {
        long behind = strtol(t->cells[0], NULL, 10);
        bool back = t->cells[1] != NULL && strcmp(t->cells[1], "rollback") == 0;
        if (behind > (back ? 2 : 1))
            wrong(r, "an instance is %ld epochs behind (last: %s): %s, published %s", behind, t->cells[1],
                  t->cells[2], t->cells[3]);
    }
    ts_result_free(t);
}

static void check_rows(run *r, ts_conn *c)
{
    ts_do(c, "START TRANSACTION WITH CONSISTENT SNAPSHOT");
    ts_result *t =
        ts_query(c, "SELECT m.phase, b.state, b.reverse, m.a_trusted, b.phase, m.generation, "
                    "b.generation, m.pending FROM straddle.migrations m JOIN straddle.backfill b ON "
                    "b.migration = m.name");
    bool ok = t->error == 0 && t->nrows == 1;
    if (ok && (strcmp(t->cells[0], t->cells[4]) != 0 || strcmp(t->cells[5], t->cells[6]) != 0))
        wrong(r, "the backfill's row is of %s, generation %s, the migration of %s, %s", t->cells[4],
              t->cells[6], t->cells[0], t->cells[5]);
    bool complete = ok && strcmp(t->cells[1], "complete") == 0 && strcmp(t->cells[2], "0") == 0 &&
                    strcmp(t->cells[3], "1") == 0 &&
                    (strcmp(t->cells[0], "dual_write") == 0 || strcmp(t->cells[0], "switched") == 0);
    if (complete) {
        ts_result *d =
            ts_query(c, "SELECT COUNT(*), MIN(id) FROM t_fleet.pay WHERE NOT (BINARY kind <=> BINARY "
                        "method)");
        if (d->error == 0 && strcmp(d->cells[0], "0") != 0)
            wrong(r, "%s rows differ in %s after the backfill, the first is %s", d->cells[0], t->cells[0],
                  d->cells[1]);
        if (d->error == 0) r->complete_looks++;
        ts_result_free(d);
    }
    ts_result_free(t);
    ts_do(c, "ROLLBACK");
    r->looks++;
}

static void *checker_main(void *arg)
{
    run *r = arg;
    ts_conn *c = ts_root(r->f.server, NULL);
    ts_do(c, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    while (!atomic_load(&r->stop_checker)) {
        check_epochs(r, c);
        check_rows(r, c);
        fleet_nap(15);
    }
    ts_close(c);
    return NULL;
}

/* ---- what befalls an instance; the processes are the main thread's ---- */

static void killed(run *r, int i)
{
    ts_proxy_stop(&r->f.proxy[i], SIGKILL);
    fleet_nap((long)dice(&r->seed, 600));
    ts_proxy_restart(&r->f.proxy[i]);
}

/* It finds the migration's definition in its file as it was long ago. */
static void restarted_old(run *r, int i)
{
    ts_proxy_stop(&r->f.proxy[i], dice(&r->seed, 2) == 0 ? SIGKILL : SIGTERM);
    ts_proxy_configure(
        &r->f.proxy[i],
        "limits: {lease_ms: 1000, poll_ms: 20, phase_timeout_ms: 1500, drain_timeout_ms: 300}\n"
        "migrations: [{name: " M ", table: t_fleet.pay, observe_days: 9, columns: [{from: kind, to: "
        "method}]}]");
    ts_proxy_restart(&r->f.proxy[i]);
}

static void paused(run *r, int i)
{
    kill(r->f.proxy[i].pid, SIGSTOP);
    fleet_nap(dice(&r->seed, 3) == 0 ? (long)dice(&r->seed, 500)
                                     : LEASE_MS + 200 + (long)dice(&r->seed, 600));
    kill(r->f.proxy[i].pid, SIGCONT);
}

typedef struct late {
    pthread_t thread;
    ts_conn *c;
    char sql[120];
} late;

static void *late_main(void *arg)
{
    late *l = arg;
    (void)say(l->c, l->sql);
    ts_close(l->c);
    return NULL;
}

/* Paused when a statement was decided and before it is sent; the row belongs to nobody else. */
static void paused_deciding(run *r, int i)
{
    late l = {.c = fleet_try(&r->f, i, NULL)};
    if (l.c == NULL) return;
    if (dice(&r->seed, 2) == 0) (void)say(l.c, "SELECT kind FROM pay WHERE id = 1");
    snprintf(l.sql, sizeof l.sql, "UPDATE pay SET %s = 'late' /* straddle test: stop here */ WHERE id = %d",
             dice(&r->seed, 2) == 0 ? "kind" : "method", FLEET_ROWS + 1);
    if (pthread_create(&l.thread, NULL, late_main, &l) != 0) ts_die("no thread");
    fleet_nap(LEASE_MS + 400 + (long)dice(&r->seed, 600));
    kill(r->f.proxy[i].pid, SIGCONT);
    fleet_nap(30);
    kill(r->f.proxy[i].pid, SIGCONT); /* where it came to the statement late */
    fleet_nap(200);
    kill(r->f.proxy[i].pid, SIGCONT);
    pthread_join(l.thread, NULL);
}

static void cut_off(run *r, int unused)
{
    (void)unused;
    relay_cut(r->f.net, true);
    fleet_nap(100 + (long)dice(&r->seed, LEASE_MS + 800));
    relay_cut(r->f.net, false);
}

static const struct {
    const char *name;
    void (*happens)(run *r, int i);
} events[] = {{"killed", killed},
              {"paused", paused},
              {"paused deciding", paused_deciding},
              {"cut off", cut_off},
              {"restarted with an old configuration", restarted_old}};

/* ---- a schedule ---- */

static void start_threads(run *r)
{
    atomic_store(&r->stop_checker, false), atomic_store(&r->stop_operators, false);
    atomic_store(&r->stop_writers, false);
    if (pthread_create(&r->checker, NULL, checker_main, r) != 0) ts_die("no thread");
    for (unsigned i = 0; i < WRITERS; i++) {
        worker *w = &r->writers[i];
        w->run = r, w->number = i, w->seed = r->seed * 31 + i;
        if (pthread_create(&w->thread, NULL, writer_main, w) != 0) ts_die("no thread");
    }
    for (unsigned i = 0; i < OPERATORS; i++) {
        worker *w = &r->operators[i];
        *w = (worker){.run = r, .number = i, .seed = r->seed * 37 + i};
        if (pthread_create(&w->thread, NULL, operator_main, w) != 0) ts_die("no thread");
    }
}

static void check_row(run *r, const worker *w, unsigned at)
{
    const row *mine = &w->rows[at];
    char got[64];
    int id = (int)(w->number * MINE + at + 1);
    ts_text(r->f.direct, got, sizeof got, "SELECT method FROM t_fleet.pay WHERE id = %d", id);
    bool right = strcmp(got, mine->acked) == 0;
    for (unsigned i = 0; i < mine->doubts; i++) right = right || strcmp(got, mine->doubt[i]) == 0;
    if (!right) wrong(r, "row %d was acknowledged as '%s' and is '%s'", id, mine->acked, got);
}

/* What is in doubt is no longer, once it has been looked at with everything at rest. */
static void check_end(run *r)
{
    ts_conn *admin = fleet_admin(&r->f, 0);
    ts_go(admin, M, "switched");
    ts_wait_backfill(admin, M);
    ts_result *v = ts_query(admin, "VERIFY MIGRATION " M);
    if (v->error != 0 || strcmp(ts_cell(v, 0, "differing"), "0") != 0)
        wrong(r, "VERIFY: %u %s %s rows differ", v->error, v->message,
              v->error == 0 ? ts_cell(v, 0, "differing") : "");
    ts_result_free(v);
    for (unsigned i = 0; i < WRITERS; i++)
        for (unsigned k = 0; k < MINE; k++) check_row(r, &r->writers[i], k);
    ts_close(admin);
}

static void learn_rows(run *r)
{
    for (unsigned i = 0; i < WRITERS; i++) {
        for (unsigned k = 0; k < MINE; k++) {
            row *mine = &r->writers[i].rows[k];
            mine->doubts = 0;
            ts_text(r->f.direct, mine->acked, sizeof mine->acked,
                    "SELECT method FROM t_fleet.pay WHERE id = %d", (int)(i * MINE + k + 1));
        }
    }
}

static void stop_threads(run *r)
{
    atomic_store(&r->stop_operators, true);
    for (unsigned i = 0; i < OPERATORS; i++) {
        pthread_join(r->operators[i].thread, NULL);
        r->moves += r->operators[i].done;
    }
    fleet_settle(&r->f, FLEET);
    atomic_store(&r->stop_writers, true);
    for (unsigned i = 0; i < WRITERS; i++) pthread_join(r->writers[i].thread, NULL);
}

static void schedule(run *r, unsigned seed)
{
    print_message("schedule %u:", seed);
    r->seed = seed;
    uint64_t until = fleet_now_ms() + SCHEDULE_MS;
    start_threads(r);
    fleet_nap((long)dice(&r->seed, 300));
    while (fleet_now_ms() < until && r->wrong[0] == '\0') {
        unsigned e = dice(&r->seed, sizeof events / sizeof *events), i = dice(&r->seed, FLEET);
        print_message(" %u %s,", i, events[e].name);
        fflush(stdout);
        events[e].happens(r, (int)i);
        fleet_nap((long)dice(&r->seed, 250));
    }
    stop_threads(r);
    check_end(r);
    atomic_store(&r->stop_checker, true);
    pthread_join(r->checker, NULL);
    unsigned long writes = 0, failed = 0;
    for (unsigned i = 0; i < WRITERS; i++) writes += r->writers[i].done, failed += r->writers[i].failed;
    print_message(" so far %lu moves, %lu writes, %lu failed, %lu looks (%lu after the backfill)\n", r->moves,
                  writes, failed, r->looks, r->complete_looks);
    if (r->wrong[0] != '\0') ts_die("schedule %u: %s", seed, r->wrong);
    learn_rows(r);
    ts_conn *admin = fleet_admin(&r->f, 1);
    ts_go(admin, M, phases[dice(&r->seed, 4)]);
    ts_close(admin);
}

static void test_schedules(void **state)
{
    (void)state;
    const char *many = getenv("STRADDLE_FLEET_SCHEDULES"), *given = getenv("STRADDLE_SEED");
    unsigned n = many == NULL ? 20 : (unsigned)strtoul(many, NULL, 10);
    unsigned seed = given == NULL || strcmp(given, "random") == 0 ? (unsigned)time(NULL) % 100000000
                                                                  : (unsigned)strtoul(given, NULL, 10);
    size_t servers;
    const ts_server *s = ts_servers(&servers);
    for (size_t k = 0; k < servers; k++) {
        run *r = calloc(1, sizeof *r);
        assert_non_null(r);
        pthread_mutex_init(&r->mu, NULL);
        print_message("on %s\n", s[k].name);
        fleet_start(&r->f, &s[k],
                    "limits: {lease_ms: 1000, poll_ms: 20, phase_timeout_ms: 1500, drain_timeout_ms: 300}");
        ts_do(r->f.direct, "INSERT INTO t_fleet.pay (id, kind) VALUES (%d, 'nobody')", FLEET_ROWS + 1);
        for (unsigned i = 0; i < WRITERS; i++)
            for (unsigned m = 0; m < MINE; m++) snprintf(r->writers[i].rows[m].acked, 32, "start");
        for (unsigned i = 0; i < n / servers + (k < n % servers); i++) schedule(r, seed++);
        assert_true(r->moves > 0 && r->complete_looks > 0);
        fleet_end(&r->f);
        pthread_mutex_destroy(&r->mu);
        free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_schedules)};
    mysql_library_init(0, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
