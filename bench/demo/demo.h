/* The driver of the demo: what its two ways through the phases (demo.c, ways_back.c) share. */
#ifndef DEMO_DEMO_H
#define DEMO_DEMO_H

#include "app.h"

#include "process.h"

#define DEMO_NAME "rename_transaction_type"

typedef struct demo {
    ts_server server;
    unsigned replica_port;
    long long rows;
    double rate;
    unsigned seconds; /* of traffic in each phase */
    bool ways_back;
    ts_proxy proxy;
    ts_conn *root, *replica, *admin;
    app_shared shared;
    app_pair pairs[APP_PAIRS];
    app_thread threads[2 * APP_PAIRS];
    const char *labels[APP_PHASES];
    double lag_ms[APP_PHASES], rates[APP_PHASES]; /* of the backfill, where the phase had one */
    unsigned verified;
    bool checksum_clean, failed;
    pthread_t sampler;
} demo;

void demo_nap(unsigned ms);
double demo_now_s(void);

/* A new line of the tables begins. */
void demo_enter(demo *d, const char *label);

/* Runs an admin statement; a refusal ends the demo as failed, with its message. */
void demo_admin(demo *d, const char *sql);

/* Watches the backfill up to a share of the rows (1.0: until it is complete). */
void demo_watch(demo *d, const char *name, double share);

void demo_kill_proxy(demo *d);
void demo_verify(demo *d, const char *name);

/* The long way: back from every phase once, by a migration the other way, and by instant_rename. */
void demo_ways_back(demo *d);

#endif
