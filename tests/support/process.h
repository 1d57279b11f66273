/* Support for tests: a straddle process with a configuration of its own, and its admin port. */
#ifndef SUPPORT_PROCESS_H
#define SUPPORT_PROCESS_H

#include "sql.h"

#include <sys/types.h>

typedef struct ts_output {
    int status; /* exit status, or 128 + the signal that ended it */
    char out[65536], err[16384];
} ts_output;

/* Runs a program to its end, at most `seconds`, then kills it: status 128 + SIGKILL. input: what it reads
 * from standard input, or NULL for nothing. What does not fit into out and err is dropped. */
void ts_command(char *const argv[], const char *input, unsigned seconds, ts_output *o);
/* The same for the straddle that is tested; up to 10 arguments, ended by NULL. */
void ts_straddle(ts_output *o, const char *input, ...);
/* Starts it only; what it prints is lost. For the caller to end and wait for. */
pid_t ts_straddle_start(const char *input, ...);

unsigned ts_free_port(void);

typedef struct ts_proxy {
    pid_t pid;
    char dir[128]; /* temporary folder: straddle.yaml, migrations/, log */
    unsigned port_both, port_old, port_new, port_admin;
    const ts_server *backend;
    char extra[1024];                                             /* further YAML at the top level */
    char listeners[512], backend_keys[256], backend_address[160]; /* as in ts_setup */
    unsigned uid;
    void (*child)(void);
} ts_proxy;

typedef struct ts_setup {
    const char *extra;     /* further YAML at the top level, or NULL */
    const char *listeners; /* further listeners, one a line ("  - {address: …}"), or NULL; DIR in them is the
                              proxy's folder */
    const char *backend_keys;    /* further keys of backend ("proxy_protocol: v2"), or NULL */
    const char *backend_address; /* where it is not the server's host and port */
    unsigned uid;                /* it runs as that user, and its folder is that user's; 0: as the test */
    void (*child)(void);         /* called in the process before the program begins */
} ts_setup;

/* Writes the configuration (three listeners, one a schema version; on ports that are free) and starts
 * `straddle serve`. Ends the program, with the log, when it does not come up. extra: further YAML, or NULL.
 */
void ts_proxy_start(ts_proxy *p, const ts_server *backend, const char *extra);
void ts_proxy_start_with(ts_proxy *p, const ts_server *backend, const ts_setup *setup);
/* `serve --takeover` beside it, with the configuration of that name in its folder; returns at once. */
pid_t ts_proxy_successor(const ts_proxy *p, const char *config);
void ts_proxy_restart(ts_proxy *p);                      /* the same configuration, after a kill or stop */
void ts_proxy_configure(ts_proxy *p, const char *extra); /* writes the file anew, with other further YAML */
bool ts_proxy_ends(ts_proxy *p, unsigned seconds, int *status); /* waits for it without a signal */
int ts_proxy_stop(ts_proxy *p, int signal); /* signal and wait; the exit status as waitpid gives it */
void ts_proxy_end(ts_proxy *p);             /* stop with SIGTERM, must exit 0, remove the folder */

/* Schema straddle away: no migration is known. Before ts_proxy_start. */
void ts_forget_migrations(const ts_server *s);

ts_conn *ts_proxy_connect(const ts_proxy *p, unsigned port, const char *schema); /* as root */
ts_conn *ts_proxy_admin(const ts_proxy *p);

/* Applies a rename migration: table "schema.table". */
void ts_apply_rename(ts_conn *admin, const char *name, const char *table, const char *from, const char *to);

/* ADVANCE or ROLLBACK to a phase; waits for the backfill where that stands in the way. Ends the program
 * with the error when it cannot be done within 60 s. */
void ts_go(ts_conn *admin, const char *name, const char *phase);
void ts_wait_backfill(ts_conn *admin, const char *name);

#endif
