/* Three proxies on one database, and a table whose migration they walk. */
#ifndef FLEET_FLEET_H
#define FLEET_FLEET_H

#include "process.h"
#include "relay.h"

enum { FLEET = 3, FLEET_ROWS = 300 };
#define FLEET_MIGRATION "fleet_rename"

typedef struct fleet {
    const ts_server *server;
    ts_server seen; /* the server, as the last proxy has it: through the relay */
    relay *net;
    ts_proxy proxy[FLEET];
    ts_conn *direct;
} fleet;

/* Schema straddle and the table anew; the migration is planned. Rows 1 to FLEET_ROWS hold 'start'. */
void fleet_start(fleet *f, const ts_server *s, const char *limits);
void fleet_end(fleet *f);
/* May fail: why has the error (may be NULL). */
ts_conn *fleet_try(fleet *f, int instance, char why[512]);
ts_conn *fleet_connect(fleet *f, int instance); /* ends the program on failure */
ts_conn *fleet_try_admin(fleet *f, int instance);
ts_conn *fleet_admin(fleet *f, int instance);
/* Waits until that many instances are live and no other is known. Ends the program after 20 s. */
void fleet_settle(fleet *f, int live);
/* Waits until the process is stopped by a signal. */
void fleet_wait_stopped(fleet *f, int instance);

void fleet_nap(long ms);
uint64_t fleet_now_ms(void);

#endif
