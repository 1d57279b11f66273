#include "world.h"

#include <dirent.h>
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static void nap(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static unsigned open_files(pid_t pid)
{
    char path[64];
    unsigned n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(path);
    assert_non_null(d);
    while (readdir(d) != NULL) n++;
    closedir(d);
    return n;
}

uint64_t world_id(ts_conn *c)
{
    return mysql_thread_id(ts_handle(c));
}

static ts_conn *connect_to(unsigned port)
{
    ts_conn *c = ts_connect(
        &(ts_login){.host = "127.0.0.1", .port = port, .user = "root", .password = "", .schema = "t_mig"});
    ts_do(c, "SELECT COUNT(*) FROM transactions WHERE id = 0"); /* from here on it is registered */
    return c;
}

ts_conn *world_connect(world *w)
{
    return connect_to(w->front_port);
}

void world_start(world *w, const ts_server *server, const char *extra)
{
    world_start_with(w, server, extra, NULL);
}

void world_start_with(world *w, const ts_server *server, const char *extra, void (*child)(void))
{
    *w = (world){.nkeys = 0};
    shop *f = &w->shop;
    unsigned back_port;
    char address[40];
    f->server = server;
    w->acknowledged = calloc(WORLD_KEYS, 1);
    assert_non_null(w->acknowledged);
    ts_forget_migrations(server);
    shop_create(server);
    w->back = fault_relay_start(server->port, &back_port);
    snprintf(address, sizeof address, "127.0.0.1:%u", back_port);
    ts_proxy_start_with(&f->proxy, server,
                        &(ts_setup){.extra = extra, .backend_address = address, .child = child});
    w->front = fault_relay_start(f->proxy.port_both, &w->front_port);
    f->admin = ts_proxy_admin(&f->proxy);
    f->direct = ts_root(server, "t_mig");
    shop_fill(f->direct, 0);
    shop_apply(f, NULL);
    ts_go(f->admin, SHOP_MIGRATION, "dual_write");
    ts_wait_backfill(f->admin, SHOP_MIGRATION);
    w->bystander = connect_to(f->proxy.port_both);
    w->open_files = open_files(f->proxy.pid);
}

void world_bystander(world *w)
{
    unsigned k = w->next_key % 8 + 1;
    ts_do(w->bystander, "UPDATE transactions SET payment_method = '%u' WHERE id = %u", w->next_key, k);
    assert_int_equal(ts_int(w->bystander,
                            "SELECT COUNT(*) FROM transactions WHERE transaction_type = '%u' AND id = %u",
                            w->next_key, k),
                     1);
}

/* Only the bystander's session is left: whatever was under way is over. */
static void settle(world *w)
{
    size_t n = 0;
    for (int i = 0; i < 1200; i++, nap(50)) {
        ts_result *r = ts_query(w->shop.admin, "SHOW CLIENTS");
        n = r->nrows;
        ts_result_free(r);
        if (n == 1) return;
    }
    fail_msg("%zu sessions are left of those whose connection was spoilt", n - 1);
}

void world_check_rows(world *w)
{
    ts_conn *c = w->shop.direct;
    char *seen = calloc(WORLD_KEYS, 1);
    assert_non_null(seen);
    settle(w);
    ts_result *r = ts_query(c, "SELECT n, COUNT(*) FROM transactions WHERE account_id = 100 GROUP BY n");
    assert_int_equal(r->error, 0);
    for (size_t i = 0; i < r->nrows; i++) {
        if (strcmp(r->cells[i * 2 + 1], "1") != 0)
            fail_msg("key %s is there %s times", r->cells[i * 2], r->cells[i * 2 + 1]);
        seen[atoi(r->cells[i * 2])] = 1;
    }
    ts_result_free(r);
    for (unsigned k = 0; k < w->next_key; k++)
        if (w->acknowledged[k] && !seen[k]) fail_msg("key %u was acknowledged and is not there", k);
    free(seen);
    assert_int_equal(ts_int(c, "SELECT COUNT(*) FROM transactions WHERE account_id = 200 AND n > 1"), 0);
    assert_int_equal(ts_int(c, "SELECT COUNT(*) FROM transactions WHERE NOT (BINARY transaction_type <=> "
                               "BINARY payment_method)"),
                     0);
}

void world_end(world *w)
{
    shop *f = &w->shop;
    world_check_rows(w);
    unsigned files = 0;
    for (int i = 0; i < 400; i++, nap(50)) /* connections of the engine come and go */
        if ((files = open_files(f->proxy.pid)) <= w->open_files + 2) break;
    if (files > w->open_files + 2) fail_msg("descriptors: %u before, %u after", w->open_files, files);
    world_bystander(w);
    ts_close(w->bystander);
    fault_relay_end(w->front);
    shop_end(f); /* the sanitizers' findings are its exit status */
    fault_relay_end(w->back);
    free(w->acknowledged);
}

bool world_error_is_lost(unsigned error)
{
    enum { SHUTDOWN = 1053, GONE = 2006, LOST = 2013, MALFORMED = 2027 };
    return error == SHUTDOWN || error == GONE || error == LOST || error == MALFORMED;
}
