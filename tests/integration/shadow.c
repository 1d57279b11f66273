#include "shadow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define M SHOP_MIGRATION

void shadow_begin(shop *f, const char *more)
{
    char lines[300];
    snprintf(lines, sizeof lines,
             "observe_days: 0\nbackfill: {shadow_percent: 100, shadow_per_s: 1000, recheck_percent: 0%s}",
             more);
    shop_apply(f, lines);
    ts_do(f->admin, "ADVANCE MIGRATION " M " TO dual_write");
    ts_wait_backfill(f->admin, M);
}

long long shadow_number(shop *f, const char *column)
{
    char cell[80];
    return atoll(shop_cell(f->admin, "SHOW MIGRATION " M, column, cell, sizeof cell));
}

static void show(shop *f)
{
    ts_result *r = ts_query(f->admin, "SHOW SHADOW READS " M);
    for (size_t i = 0; i < r->nrows; i++)
        print_error("%s %s: %s\n", ts_cell(r, i, "outcome"), ts_cell(r, i, "detail"), ts_cell(r, i, "reads"));
    ts_result_free(r);
}

void shadow_until(shop *f, void (*send)(void *arg), void *arg, const char *column, long long more)
{
    long long from = shadow_number(f, column);
    for (int i = 0; i < 600; i++) {
        send(arg);
        usleep(100000);
        if (i % 5 == 4 && shadow_number(f, column) >= from + more) return;
    }
    show(f);
    fail_msg("%s stays %lld", column, shadow_number(f, column));
}

static bool says(shop *f, const char *part)
{
    ts_result *r = ts_query(f->admin, "SHOW SHADOW READS " M);
    bool found = false;
    for (size_t i = 0; i < r->nrows; i++) found = found || strstr(ts_cell(r, i, "detail"), part) != NULL;
    ts_result_free(r);
    return found;
}

void shadow_until_says(shop *f, void (*send)(void *arg), void *arg, const char *part)
{
    for (int i = 0; i < 300; i++) {
        if (i % 25 == 0) send(arg); /* seldom: one may take a second, and what waits behind it takes longer */
        usleep(200000);
        if (says(f, part)) return;
    }
    show(f);
    fail_msg("none is %s", part);
}
