#include "fleet.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void fleet_nap(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

uint64_t fleet_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void create_table(ts_conn *c)
{
    ts_do(c, "DROP DATABASE IF EXISTS t_fleet");
    ts_do(c, "CREATE DATABASE t_fleet CHARACTER SET utf8mb4");
    ts_do(c, "USE t_fleet");
    ts_do(
        c,
        "CREATE TABLE pay (id INT NOT NULL PRIMARY KEY, kind VARCHAR(40) NOT NULL DEFAULT 'none', n INT NOT "
        "NULL DEFAULT 0)");
    ts_do(c, "CREATE TABLE other (id INT NOT NULL PRIMARY KEY, n INT NOT NULL)");
    ts_do(c, "INSERT INTO other VALUES (1, 1)");
    for (int i = 1; i <= FLEET_ROWS; i += 50) {
        char sql[4096] = "INSERT INTO pay (id, kind) VALUES ";
        size_t at = strlen(sql);
        for (int k = 0; k < 50; k++)
            at += (size_t)snprintf(sql + at, sizeof sql - at, "%s(%d, 'start')", k == 0 ? "" : ", ", i + k);
        ts_do(c, "%s", sql);
    }
}

void fleet_start(fleet *f, const ts_server *s, const char *limits)
{
    *f = (fleet){.server = s};
    ts_forget_migrations(s);
    f->direct = ts_root(s, NULL);
    create_table(f->direct);
    f->net = relay_start(s, &f->seen);
    for (int i = 0; i < FLEET; i++) ts_proxy_start(&f->proxy[i], i == FLEET - 1 ? &f->seen : s, limits);
    ts_conn *admin = fleet_admin(f, 0);
    ts_do(admin, "APPLY MIGRATION 'name: " FLEET_MIGRATION "\ntable: t_fleet.pay\ncolumns: [{from: kind, to: "
                 "method}]\nobserve_days: 0\nbackfill: {chunk_rows: 20, parallel_ranges: 3}\n'");
    ts_close(admin);
}

void fleet_end(fleet *f)
{
    for (int i = 0; i < FLEET; i++) ts_proxy_end(&f->proxy[i]);
    relay_end(f->net);
    ts_close(f->direct);
}

ts_conn *fleet_try(fleet *f, int i, char why[512])
{
    return ts_try_connect(&(ts_login){.host = "127.0.0.1",
                                      .port = f->proxy[i].port_both,
                                      .user = "root",
                                      .password = "",
                                      .schema = "t_fleet"},
                          why);
}

ts_conn *fleet_connect(fleet *f, int i)
{
    return ts_proxy_connect(&f->proxy[i], f->proxy[i].port_both, "t_fleet");
}

ts_conn *fleet_try_admin(fleet *f, int i)
{
    return ts_try_connect(
        &(ts_login){
            .host = "127.0.0.1", .port = f->proxy[i].port_admin, .user = "admin", .password = "admin"},
        NULL);
}

ts_conn *fleet_admin(fleet *f, int i)
{
    return ts_proxy_admin(&f->proxy[i]);
}

void fleet_settle(fleet *f, int live)
{
    for (int i = 0; i < 1200; i++, fleet_nap(50)) {
        long long all = ts_int(f->direct, "SELECT COUNT(*) FROM straddle.instances");
        long long good =
            ts_int(f->direct, "SELECT COUNT(*) FROM straddle.instances WHERE dead_at IS NULL AND "
                              "lease_until > NOW(6) AND acked_epoch > 0");
        if (all == live && good == live) return;
    }
    ts_result *r =
        ts_query(f->direct, "SELECT id, dead_at, gone_at, acked_epoch, holder FROM straddle.instances");
    for (size_t i = 0; i < r->nrows; i++)
        fprintf(stderr, "%s dead %s gone %s acked %s %s\n", r->cells[i * 5], r->cells[i * 5 + 1],
                r->cells[i * 5 + 2], r->cells[i * 5 + 3], r->cells[i * 5 + 4]);
    ts_die("after 20 s there are not %d live instances and no others", live);
}

void fleet_wait_stopped(fleet *f, int i)
{
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)f->proxy[i].pid);
    for (int k = 0; k < 200; k++, fleet_nap(20)) {
        FILE *p = fopen(path, "r");
        if (p == NULL) continue;
        size_t n = fread(line, 1, sizeof line - 1, p);
        fclose(p);
        line[n] = '\0';
        const char *at = strrchr(line, ')');
        if (at != NULL && at[1] == ' ' && at[2] == 'T') return;
    }
    ts_die("the process of instance %d is not stopped", i);
}
