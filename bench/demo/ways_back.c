/* Every way back, once each, under the same traffic: a roll back from each phase, the migration the other way
 * once the old column is gone, and an instant_rename with its own roll back. */
#include "demo.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACK DEMO_NAME "_back"
#define INSTANT "instant_transaction_type"

static void advance(demo *d, const char *phase)
{
    char sql[200];
    snprintf(sql, sizeof sql, "ADVANCE MIGRATION " DEMO_NAME " TO %s", phase);
    demo_admin(d, sql);
}

static void back(demo *d, const char *phase)
{
    char sql[200];
    snprintf(sql, sizeof sql, "ROLLBACK MIGRATION " DEMO_NAME " TO %s", phase);
    demo_admin(d, sql);
}

/* A line of the tables, with its traffic. */
static void stay(demo *d, const char *label)
{
    demo_enter(d, label);
    demo_nap(d->seconds * 1000);
}

/* New releases of both applications: each thread connects anew, and says the names of it. */
static void release(demo *d)
{
    int era = atomic_fetch_add(&d->shared.era, 1) + 1;
    double end = demo_now_s() + 60;
    for (unsigned i = 0; i < 2 * APP_PAIRS; i++)
        while (atomic_load(&d->threads[i].era) != era) {
            if (demo_now_s() > end) ts_die("an application did not take on its new release");
            demo_nap(5);
        }
}

/* What PLAN says takes the last step back: the whole APPLY of a migration the other way. */
static void save_the_other_way(demo *d, b_buf *sql)
{
    ts_result *r = ts_query(d->admin, "PLAN MIGRATION " DEMO_NAME);
    for (size_t i = 0; i < r->nrows; i++) {
        const char *undo = ts_cell(r, i, "rollback_sql");
        if (undo != NULL && strncmp(undo, "APPLY MIGRATION", 15) == 0 && sql->n == 0) b_buf_str(sql, undo);
    }
    if (sql->n == 0) ts_die("PLAN MIGRATION names no migration the other way: %u %s", r->error, r->message);
    ts_result_free(r);
}

static void from_expanded_and_dual_write(demo *d)
{
    advance(d, "expanded");
    stay(d, "expanded");
    back(d, "planned");
    stay(d, "planned, rolled back");
    advance(d, "dual_write");
    demo_enter(d, "dual_write, part of backfill");
    demo_watch(d, DEMO_NAME, 0.3);
    back(d, "expanded");
    stay(d, "expanded, rolled back");
    advance(d, "dual_write");
    demo_enter(d, "dual_write, backfill");
    demo_watch(d, DEMO_NAME, 0.3);
    demo_kill_proxy(d);
    demo_watch(d, DEMO_NAME, 1.0);
    back(d, "expanded");
    stay(d, "expanded, rolled back again");
}

static void from_switched_and_retired(demo *d)
{
    advance(d, "dual_write");
    demo_enter(d, "dual_write, backfill again");
    demo_watch(d, DEMO_NAME, 1.0);
    advance(d, "switched");
    stay(d, "switched");
    back(d, "dual_write");
    stay(d, "dual_write, rolled back");
    advance(d, "switched");
    stay(d, "switched again");
    demo_verify(d, DEMO_NAME);
    advance(d, "retired");
    stay(d, "retired");
    back(d, "switched");
    demo_enter(d, "switched, reverse backfill");
    demo_watch(d, DEMO_NAME, 1.0);
    demo_verify(d, DEMO_NAME);
    demo_nap(d->seconds * 1000);
    advance(d, "retired");
    stay(d, "retired again");
}

/* The old column is gone. Everybody moves to the new name, the migration ends, and one the other way begins:
 * what was new is old in it. */
static void by_the_other_way(demo *d, const char *apply)
{
    advance(d, "contracted");
    stay(d, "contracted");
    release(d); /* APP_MOVED */
    advance(d, "finished");
    stay(d, "finished");
    release(d); /* APP_NEXT */
    demo_admin(d, apply);
    release(d); /* APP_EACH, turned */
    stay(d, "the other way: planned");
    demo_admin(d, "ADVANCE MIGRATION " BACK " TO dual_write");
    demo_enter(d, "the other way: backfill");
    demo_watch(d, BACK, 1.0);
    demo_admin(d, "ADVANCE MIGRATION " BACK " TO switched");
    demo_verify(d, BACK);
    stay(d, "the other way: switched");
    demo_admin(d, "ADVANCE MIGRATION " BACK " TO retired");
    demo_admin(d, "ADVANCE MIGRATION " BACK " TO contracted FORCE"); /* observe_days are not over */
    stay(d, "the other way: contracted");
    release(d); /* APP_MOVED */
    demo_admin(d, "ADVANCE MIGRATION " BACK " TO finished");
    release(d); /* APP_NEXT */
}

static long long longest_hold(demo *d)
{
    long long ms = -1;
    ts_result *r = ts_query(d->admin, "SHOW STATS");
    for (size_t i = 0; i < r->nrows; i++)
        if (strcmp(ts_cell(r, i, "name"), "longest_hold") == 0) ms = atoll(ts_cell(r, i, "value"));
    ts_result_free(r);
    return ms;
}

static double worst_ms(const demo *d, int from, int to)
{
    uint64_t worst = 0;
    for (unsigned i = 0; i < 2 * APP_PAIRS; i++)
        for (int k = from; k <= to; k++)
            if (d->threads[i].by_phase[k].latency.max_us > worst)
                worst = d->threads[i].by_phase[k].latency.max_us;
    return (double)worst / 1000;
}

static void by_instant_rename(demo *d)
{
    demo_admin(d, "APPLY MIGRATION 'name: " INSTANT "\ntable: shop.transactions\nstrategy: instant_rename\n"
                  "observe_days: 0\ncolumns:\n  - {from: transaction_type, to: payment_method}\n'");
    release(d); /* APP_EACH, as in the beginning */
    stay(d, "instant_rename: planned");
    int first = atomic_load(&d->shared.phase) + 1;
    demo_enter(d, "instant_rename: contracted");
    demo_admin(d, "ADVANCE MIGRATION " INSTANT " TO contracted");
    demo_nap(d->seconds * 1000);
    demo_enter(d, "instant_rename: rolled back");
    demo_admin(d, "ROLLBACK MIGRATION " INSTANT " TO planned");
    demo_nap(d->seconds * 1000);
    demo_enter(d, "instant_rename: again");
    demo_admin(d, "ADVANCE MIGRATION " INSTANT " TO contracted");
    demo_nap(d->seconds * 1000);
    printf("  instant_rename with %d clients at work: the longest hold in the proxy since its start %lld ms, "
           "the slowest "
           "statement %.1f ms\n",
           2 * APP_PAIRS, longest_hold(d), worst_ms(d, first, atomic_load(&d->shared.phase)));
}

void demo_ways_back(demo *d)
{
    b_buf apply = {0};
    save_the_other_way(d, &apply);
    from_expanded_and_dual_write(d);
    from_switched_and_retired(d);
    by_the_other_way(d, b_buf_cstr(&apply));
    by_instant_rename(d);
    b_buf_deinit(&apply);
}
