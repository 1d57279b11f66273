/* What the configuration asks for before a migration leaves planned: a backup, a rehearsal, alerts. */
#include "shop.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static void expect(shop *f, const char *check, const char *result, const char *detail)
{
    ts_result *r = ts_query(f->admin, "CHECK MIGRATION " SHOP_MIGRATION);
    bool found = false;
    for (size_t i = 0; i < r->nrows; i++) {
        if (strcmp(ts_cell(r, i, "check"), check) != 0) continue;
        found = true;
        if (strcmp(ts_cell(r, i, "result"), result) != 0 || strstr(ts_cell(r, i, "detail"), detail) == NULL)
            fail_msg("%s: %s, %s", check, ts_cell(r, i, "result"), ts_cell(r, i, "detail"));
    }
    if (!found) fail_msg("CHECK says nothing of %s", check);
    ts_result_free(r);
}

static void phase(shop *f, const char *want)
{
    char got[32];
    shop_cell(f->admin, "SHOW MIGRATION " SHOP_MIGRATION, "phase", got, sizeof got);
    assert_string_equal(got, want);
}

static void missing(shop *f)
{
    shop_apply(f, NULL);
    expect(f, "backup", "refused", "(status 3): none of t_mig.transactions for " SHOP_MIGRATION);
    expect(f, "rehearsal", "refused", "none has passed within 7 days");
    expect(f, "alerts", "refused", "no hook hears of failures");
    shop_expect(f->admin, "ADVANCE MIGRATION " SHOP_MIGRATION, 1235, "3 blockers: backup");
    phase(f, "planned");
    ts_do(f->admin, "ADVANCE MIGRATION " SHOP_MIGRATION " FORCE");
    phase(f, "expanded");
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM straddle.history WHERE forced = 1"), 1);
}

static void hangs(shop *f)
{
    shop_apply(f, NULL);
    expect(f, "backup", "refused", "killed after 200 ms");
}

static void all_there(shop *f)
{
    shop_apply(f, NULL);
    expect(f, "backup", "ok", "(status 0): of last night");
    expect(f, "alerts", "ok", "a hook hears of failures");
    ts_do(f->direct,
          "INSERT INTO straddle.rehearsals (token, migration, definition, clone, started, ended, result, "
          "rows_before) SELECT 'x', name, definition, 'c:1', NOW(), NOW(), 'passed', 8 FROM "
          "straddle.migrations");
    expect(f, "rehearsal", "ok", "with 8 rows");
    ts_do(f->admin, "ADVANCE MIGRATION " SHOP_MIGRATION);
    ts_do(f->admin, "ROLLBACK MIGRATION " SHOP_MIGRATION);
    ts_do(f->direct, "UPDATE straddle.rehearsals SET definition = UPPER(definition)");
    shop_expect(f->admin, "ADVANCE MIGRATION " SHOP_MIGRATION, 1235, "1 blockers: rehearsal");
    ts_do(f->direct, "UPDATE straddle.rehearsals r JOIN straddle.migrations m ON m.name = r.migration SET "
                     "r.definition = m.definition, r.result = 'failed: x'");
    shop_expect(f->admin, "ADVANCE MIGRATION " SHOP_MIGRATION, 1235, "1 blockers: rehearsal");
}

static void says(shop *f)
{
    uint64_t began = (uint64_t)time(NULL);
    shop_apply(f, NULL);
    expect(f, "backup", "ok", "(status 0): of last night");
    assert_true((uint64_t)time(NULL) - began < 60);
}

static void endless(shop *f)
{
    shop_apply(f, NULL);
    expect(f, "backup", "refused", "killed after 500 ms");
}

static void test_missing(void **state)
{
    (void)state;
    shop_each_server(missing, "preflight: {rehearsal_days: 7, alerts: true, backup_command: 'echo none of "
                              "$STRADDLE_TABLE for $STRADDLE_MIGRATION; echo more; exit 3'}\n"
                              "hooks: [{on: done, command: 'true'}]");
}

static void test_hangs(void **state)
{
    (void)state;
    shop_each_server(hangs, "preflight: {backup_command: 'sleep 600 & sleep 600', backup_timeout_ms: 200}");
}

static void test_all_there(void **state)
{
    (void)state;
    shop_each_server(all_there,
                     "preflight: {rehearsal_days: 7, alerts: true, backup_command: 'echo of last night; "
                     "exec >&-; exit 0'}\nhooks: [{on: 'gate, failure', command: 'true'}]");
}

/* Far more than a pipe holds; only the first line counts. */
static void test_prints_much(void **state)
{
    (void)state;
    shop_each_server(says, "preflight: {backup_command: 'echo of last night; head -c 3000000 /dev/zero'}");
}

static void test_prints_without_end(void **state)
{
    (void)state;
    shop_each_server(endless, "preflight: {backup_command: 'exec yes', backup_timeout_ms: 500}");
}

/* What it has started keeps its output open, one silent and one writing all the time. */
static void test_leaves_others(void **state)
{
    (void)state;
    shop_each_server(says, "preflight: {backup_command: 'echo of last night; sleep 90 & yes & exit 0'}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_missing),
                                       cmocka_unit_test(test_hangs),
                                       cmocka_unit_test(test_all_there),
                                       cmocka_unit_test(test_prints_much),
                                       cmocka_unit_test(test_prints_without_end),
                                       cmocka_unit_test(test_leaves_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
