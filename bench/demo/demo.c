/* The whole case study under live traffic: rename transaction_type to payment_method on shop.transactions,
 * through every phase, with a roll back (or, with --ways-back, one from every phase: ways_back.c) and a kill
 * -9 of the proxy in mid-backfill on the way, while two applications that know only one name each go on. Exit
 * status 0 only if neither saw an error, a wrong row or a wrong column, and the checksum is clean. Started by
 * ./demo, which brings the servers up. */
#include "demo.h"

#include "base/buf.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void demo_nap(unsigned ms)
{
    nanosleep(&(struct timespec){ms / 1000, (long)(ms % 1000) * 1000000}, NULL);
}

double demo_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void create_users(demo *d)
{
    for (int i = 1; i <= 2; i++) {
        ts_do(d->root, "CREATE USER IF NOT EXISTS app_v%d@'127.0.0.1' IDENTIFIED BY 'app'", i);
        ts_do(d->root, "GRANT SELECT, INSERT, UPDATE, DELETE ON shop.* TO app_v%d@'127.0.0.1'", i);
    }
}

static void create_table(demo *d)
{
    ts_do(d->root, "DROP DATABASE IF EXISTS straddle");
    ts_do(d->root, "CREATE DATABASE IF NOT EXISTS shop");
    ts_do(d->root, "DROP TABLE IF EXISTS shop.transactions, shop.beat");
    ts_do(d->root, "CREATE TABLE shop.beat (id INT PRIMARY KEY, at DOUBLE NOT NULL)");
    ts_do(d->root, "INSERT INTO shop.beat VALUES (1, 0)");
    ts_do(d->root, "CREATE TABLE shop.transactions (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, "
                   "account_id INT NOT NULL, transaction_type VARCHAR(32) NOT NULL DEFAULT 'card', amount "
                   "DECIMAL(12,2) NOT NULL DEFAULT 0, note VARCHAR(60) NULL, created TIMESTAMP NOT NULL "
                   "DEFAULT CURRENT_TIMESTAMP, KEY k_account (account_id))");
    printf("Filling shop.transactions with %lld rows\n", d->rows);
    b_buf sql = {0};
    for (long long at = 1; at <= d->rows;) {
        b_buf_clear(&sql);
        b_buf_str(&sql,
                  "INSERT INTO shop.transactions (id, account_id, transaction_type, amount, note) VALUES ");
        for (int i = 0; i < 5000 && at <= d->rows; i++, at++)
            b_buf_printf(&sql, "%s(%lld,%lld,'%s',%lld.50,'n%lld')", i > 0 ? "," : "", at, at % 9973,
                         app_base_value(at), at % 1000, at);
        ts_do(d->root, "%s", b_buf_cstr(&sql));
    }
    b_buf_deinit(&sql);
}

/* The replica's lag, from a row written here and read there; the highest of each phase is kept. */
static void *sample_lag(void *arg)
{
    demo *d = arg;
    ts_conn *source = ts_root(&d->server, "shop");
    while (!atomic_load(&d->shared.stop)) {
        ts_do(source, "UPDATE beat SET at = %.3f WHERE id = 1", demo_now_s());
        char text[64];
        ts_text(d->replica, text, sizeof text, "SELECT COALESCE(MAX(at), 0) FROM shop.beat");
        double lag = (demo_now_s() - atof(text)) * 1000;
        int phase = atomic_load(&d->shared.phase);
        if (atof(text) > 0 && lag > d->lag_ms[phase]) d->lag_ms[phase] = lag;
        demo_nap(50);
    }
    ts_close(source);
    return NULL;
}

static void start_apps(demo *d)
{
    d->shared.host = "127.0.0.1";
    d->shared.port = d->proxy.port_both;
    d->shared.base_rows = d->rows;
    d->shared.rate = d->rate / (2 * APP_PAIRS);
    pthread_mutex_init(&d->shared.say, NULL);
    for (unsigned i = 0; i < 2 * APP_PAIRS; i++) {
        app_pair *pair = &d->pairs[i / 2];
        if (i % 2 == 0) {
            pair->number = i / 2;
            pthread_mutex_init(&pair->lock, NULL);
        }
        d->threads[i] = (app_thread){.shared = &d->shared,
                                     .pair = pair,
                                     .number = i % 2,
                                     .random = 88172645463325252ull + i * 7919ull};
        app_adopt(&d->threads[i]);
        if (pthread_create(&d->threads[i].id, NULL, app_run, &d->threads[i]) != 0)
            ts_die("cannot start a thread");
    }
    if (pthread_create(&d->sampler, NULL, sample_lag, d) != 0) ts_die("cannot start a thread");
}

static uint64_t total(const demo *d, bool errors)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < 2 * APP_PAIRS; i++)
        for (int k = 0; k < APP_PHASES; k++)
            n += errors ? d->threads[i].by_phase[k].errors : d->threads[i].by_phase[k].statements;
    return n;
}

void demo_enter(demo *d, const char *label)
{
    int next = d->labels[0] == NULL ? 0 : atomic_load(&d->shared.phase) + 1;
    if (next >= APP_PHASES) ts_die("the demo has more phases than its tables hold");
    d->labels[next] = label;
    atomic_store(&d->shared.phase, next);
    printf("%-30s statements so far %8llu, errors %llu\n", label, (unsigned long long)total(d, false),
           (unsigned long long)total(d, true));
    fflush(stdout);
}

void demo_admin(demo *d, const char *sql)
{
    double start = demo_now_s();
    ts_result *r = ts_query(d->admin, "%s", sql);
    if (r->error != 0) {
        fprintf(stderr, "%s: error %u: %s\n", sql, r->error, r->message);
        d->failed = true;
    } else {
        printf("  %-50.*s %6.0f ms\n", (int)strcspn(sql, "\n"), sql, (demo_now_s() - start) * 1000);
    }
    ts_result_free(r);
}

static void show_bar(long long done, long long rows, const char *note)
{
    static const char full[] = "########################################";
    int width = rows > 0 ? (int)(done * 40 / rows) : 40;
    if (isatty(1))
        printf("\r  backfill [%-40.*s] %lld of %lld %-30.30s", width, full, done, rows, note);
    else
        printf("  backfill %lld of %lld rows %s\n", done, rows, note);
    fflush(stdout);
}

void demo_watch(demo *d, const char *name, double share)
{
    double end = demo_now_s() + 300 + (double)d->rows / 200,
           *phase_rate = &d->rates[atomic_load(&d->shared.phase)];
    double start = demo_now_s(), said = 0;
    long long first = -1;
    for (; demo_now_s() < end && !d->failed; demo_nap(50)) {
        ts_result *r = ts_query(d->admin, "SHOW MIGRATION %s", name);
        const char *done_text = ts_cell(r, 0, "rows_done"), *rows_text = ts_cell(r, 0, "rows_total");
        const char *state = ts_cell(r, 0, "backfill"), *throttle = ts_cell(r, 0, "throttle");
        if (r->error != 0 || done_text == NULL || state == NULL)
            ts_die("SHOW MIGRATION: %u %s", r->error, r->message);
        long long done = atoll(done_text), rows = rows_text == NULL ? d->rows : atoll(rows_text);
        bool complete = strcmp(state, "complete") == 0;
        if (first < 0) first = done, start = demo_now_s();
        if (demo_now_s() - said > (isatty(1) ? 0.1 : 2.0) || complete) {
            show_bar(done, rows, throttle == NULL ? "" : throttle);
            said = demo_now_s();
        }
        const char *rate =
            ts_cell(r, 0, "rate_rows_s"); /* the engine's own figure, if it was too quick to watch */
        if (complete && done > first && demo_now_s() > start)
            *phase_rate = (double)(done - first) / (demo_now_s() - start);
        else if (complete && rate != NULL)
            *phase_rate = atof(rate);
        ts_result_free(r);
        if (complete || (share < 1 && (double)done > share * (double)d->rows)) {
            if (isatty(1)) printf("\n");
            return;
        }
    }
    d->failed = true;
    fprintf(stderr, "the backfill of %s did not get on in time\n", name);
}

void demo_kill_proxy(demo *d)
{
    printf("  kill -9 of the proxy, pid %d, in mid-backfill\n", (int)d->proxy.pid);
    atomic_store(&d->shared.outage, true);
    ts_close(d->admin);
    ts_proxy_stop(&d->proxy, SIGKILL);
    demo_nap(200);
    ts_proxy_restart(&d->proxy);
    d->admin = ts_proxy_admin(&d->proxy);
    demo_nap(3000); /* all threads are back and have checked all their rows */
    atomic_store(&d->shared.outage, false);
    printf("  the proxy is back, pid %d; the applications have reconnected\n", (int)d->proxy.pid);
}

void demo_verify(demo *d, const char *name)
{
    ts_result *r = ts_query(d->admin, "VERIFY MIGRATION %s", name);
    const char *rows = ts_cell(r, 0, "rows"), *differing = ts_cell(r, 0, "differing");
    bool clean = r->error == 0 && differing != NULL && strcmp(differing, "0") == 0;
    d->checksum_clean = clean && (d->verified++ == 0 || d->checksum_clean);
    printf("  VERIFY: %s rows, %s differing %s\n", rows == NULL ? "?" : rows,
           differing == NULL ? "?" : differing, r->error == 0 ? "" : r->message);
    ts_result_free(r);
}

/* The short way: one roll back, from switched. */
static void walk(demo *d)
{
    unsigned ms = d->seconds * 1000;
    demo_admin(d, "ADVANCE MIGRATION " DEMO_NAME " TO expanded");
    demo_enter(d, "expanded");
    demo_nap(ms);
    demo_admin(d, "ADVANCE MIGRATION " DEMO_NAME " TO dual_write");
    demo_enter(d, "dual_write, backfill");
    demo_watch(d, DEMO_NAME, 0.3);
    demo_kill_proxy(d);
    demo_watch(d, DEMO_NAME, 1.0);
    demo_admin(d, "ADVANCE MIGRATION " DEMO_NAME " TO switched");
    demo_enter(d, "switched");
    demo_nap(ms);
    demo_admin(d, "ROLLBACK MIGRATION " DEMO_NAME " TO dual_write");
    demo_enter(d, "dual_write, rolled back");
    demo_nap(ms);
    demo_admin(d, "ADVANCE MIGRATION " DEMO_NAME " TO switched");
    demo_enter(d, "switched again");
    demo_nap(ms);
    demo_verify(d, DEMO_NAME);
    demo_admin(d, "ADVANCE MIGRATION " DEMO_NAME " TO retired");
    demo_enter(d, "retired");
    demo_nap(ms);
    demo_admin(d, "ADVANCE MIGRATION " DEMO_NAME " TO contracted");
    demo_enter(d, "contracted");
    demo_nap(ms);
}

static void run(demo *d)
{
    demo_enter(d, "planned");
    start_apps(d);
    demo_nap(d->seconds * 1000);
    if (d->ways_back)
        demo_ways_back(d);
    else
        walk(d);
    atomic_store(&d->shared.stop, true);
    for (unsigned i = 0; i < 2 * APP_PAIRS; i++) pthread_join(d->threads[i].id, NULL);
    pthread_join(d->sampler, NULL);
}

static void report_phases(const demo *d)
{
    static hist all;
    printf("\n%-30s %10s %7s %8s %8s %8s %12s %14s\n", "phase", "statements", "errors", "p50 ms", "p95 ms",
           "p99 ms", "max lag ms", "backfill rows/s");
    for (int k = 0; k < APP_PHASES && d->labels[k] != NULL; k++) {
        uint64_t statements = 0, errors = 0;
        memset(&all, 0, sizeof all);
        for (unsigned i = 0; i < 2 * APP_PAIRS; i++) {
            const app_phase *p = &d->threads[i].by_phase[k];
            hist_merge(&all, &p->latency);
            statements += p->statements, errors += p->errors;
        }
        char rate[32] = "-";
        if (d->rates[k] > 0) snprintf(rate, sizeof rate, "%.0f", d->rates[k]);
        printf("%-30s %10llu %7llu %8.2f %8.2f %8.2f %12.0f %14s\n", d->labels[k],
               (unsigned long long)statements, (unsigned long long)errors,
               (double)hist_quantile(&all, 0.50) / 1000, (double)hist_quantile(&all, 0.95) / 1000,
               (double)hist_quantile(&all, 0.99) / 1000, d->lag_ms[k], rate);
    }
}

/* After the end, straight on the database: every shared row as the models have it, every base row untouched.
 */
static bool final_rows(demo *d)
{
    long long wrong = 0;
    for (unsigned i = 0; i < APP_PAIRS; i++)
        for (unsigned row = 0; row < APP_ROWS; row++) {
            const app_pair *p = &d->pairs[i];
            ts_result *r = ts_query(d->root, "SELECT payment_method FROM shop.transactions WHERE id = %lld",
                                    app_row_id(&d->shared, p, row));
            const char *got = ts_cell(r, 0, "payment_method");
            bool right =
                p->row[row].alive ? got != NULL && strcmp(got, p->row[row].value) == 0 : r->nrows == 0;
            if (!right) wrong++;
            ts_result_free(r);
        }
    long long base =
        ts_int(d->root,
               "SELECT COUNT(*) FROM shop.transactions WHERE id <= %lld AND payment_method = ELT(id %% 7 + "
               "1, 'card', 'cash', 'wire', 'gift', 'transfer', 'voucher', 'crypto')",
               d->rows);
    printf("Rows straight from the database: %lld of %lld base rows right, %lld of %d shared rows wrong\n",
           base, d->rows, wrong, APP_PAIRS * APP_ROWS);
    return wrong == 0 && base == d->rows;
}

static int report(demo *d)
{
    report_phases(d);
    printf("\n");
    for (unsigned a = 0; a < 2; a++) {
        uint64_t statements = 0, names = 0, rows = 0, reconnects = 0;
        for (unsigned i = a; i < 2 * APP_PAIRS; i += 2) {
            names += d->threads[i].names_seen, rows += d->threads[i].rows_checked;
            for (int k = 0; k < APP_PHASES; k++)
                statements += d->threads[i].by_phase[k].statements,
                    reconnects += d->threads[i].by_phase[k].reconnects;
        }
        printf("%s says %-17s %8llu statements, %7llu rows checked, %5llu SELECT * of its own shape, %llu "
               "reconnects\n",
               d->threads[a].user, d->threads[a].column, (unsigned long long)statements,
               (unsigned long long)rows, (unsigned long long)names, (unsigned long long)reconnects);
    }
    bool rows_right = final_rows(d);
    uint64_t errors = total(d, true);
    bool ok = errors == 0 && d->checksum_clean && rows_right && !d->failed;
    printf("Checksum of both columns while both were written: %s\n",
           d->checksum_clean ? "clean" : "NOT CLEAN");
    printf("Errors: %llu\n%s\n", (unsigned long long)errors, ok ? "The demo passed." : "THE DEMO FAILED.");
    return ok ? 0 : 1;
}

static void parse(demo *d, int argc, char **argv)
{
    static const struct option options[] = {
        {"rows", required_argument, NULL, 'r'},         {"rate", required_argument, NULL, 'q'},
        {"seconds", required_argument, NULL, 's'},      {"port", required_argument, NULL, 'p'},
        {"replica-port", required_argument, NULL, 'R'}, {"mariadb", no_argument, NULL, 'm'},
        {"ways-back", no_argument, NULL, 'w'},          {NULL, 0, NULL, 0}};
    int o;
    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (o) {
        case 'r': d->rows = atoll(optarg); break;
        case 'q': d->rate = atof(optarg); break;
        case 's': d->seconds = (unsigned)atoi(optarg); break;
        case 'p': d->server.port = (unsigned)atoi(optarg); break;
        case 'R': d->replica_port = (unsigned)atoi(optarg); break;
        case 'w': d->ways_back = true; break;
        case 'm': d->server.mariadb = true; break;
        default: exit(2);
        }
    }
    if (d->rows < 1000 || d->rate < 1 || d->server.port == 0 || d->replica_port == 0) {
        fprintf(stderr, "usage: straddle_demo --port P --replica-port P [--mariadb] [--rows N] [--rate N] "
                        "[--seconds N] [--ways-back]\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static demo d; /* large */
    d.server = (ts_server){.name = "demo", .host = "127.0.0.1"};
    d.rows = 500000, d.rate = 400, d.seconds = 4;
    parse(&d, argc, argv);
    d.root = ts_root(&d.server, NULL);
    create_users(&d);
    create_table(&d);
    ts_server replica = {.name = "replica", .host = "127.0.0.1", .port = d.replica_port};
    d.replica = ts_root(&replica, NULL);
    char extra[512];
    snprintf(extra, sizeof extra,
             "replicas: [{address: \"127.0.0.1:%u\"}]\n"
             "users:\n  - {name: app_v1, schema_version: old}\n  - {name: app_v2, schema_version: new}\n",
             d.replica_port);
    ts_proxy_start(&d.proxy, &d.server, extra);
    d.admin = ts_proxy_admin(&d.proxy);
    ts_apply_rename(d.admin, DEMO_NAME, "shop.transactions", "transaction_type", "payment_method");
    run(&d);
    ts_close(d.admin);
    ts_proxy_end(&d.proxy);
    int rc = report(&d);
    ts_close(d.root), ts_close(d.replica);
    return rc;
}
