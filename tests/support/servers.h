/* Support for tests: database servers of a test's own, which it may stop, kill and replicate. They run on
 * ports that are free, and are wiped when the program ends in whatever way it can still notice. */
#ifndef SUPPORT_SERVERS_H
#define SUPPORT_SERVERS_H

#include "sql.h"

#include <sys/types.h>

typedef struct ts_own {
    ts_server server;
    pid_t pid;
    unsigned source; /* port of the server that this one replicates, or 0 */
} ts_own;

enum { TS_OWN_MAX = 4 };

/* Starts a server by tests/servers/<name>; ends the program where it does not come up. */
void ts_own_start(ts_own *o, bool mariadb, const ts_server *source);
void ts_own_signal(ts_own *o, int signal); /* SIGSTOP, SIGCONT; SIGKILL waits until it is gone */
void ts_own_again(ts_own *o);              /* starts it with the same data */
void ts_own_wipe(ts_own *o);

#endif
