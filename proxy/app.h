/* What the process has one of: configuration in force, rules in force, event loops, engine, log.
 *
 * Threads: `lock` guards `config` and `rules`; the atomics stand alone; the rest is set before the loops
 * start and does not change. Event loops keep references of their own and do not take the lock in a
 * statement's way. */
#ifndef PROXY_APP_H
#define PROXY_APP_H

#include "admin/console.h"
#include "base/log.h"
#include "census.h"
#include "config/config.h"
#include "listen.h"
#include "migrate/engine.h"
#include "rewrite/ruleset.h"
#include "tls_context.h"

#include <stdatomic.h>
#include <sys/socket.h>
#include <uv.h>

struct px_loop;

/* One configuration, shared by reference. */
typedef struct px_config {
    cfg_config *c;                   /* owned */
    struct sockaddr_storage backend; /* of a TCP backend, resolved when the file was read */
    px_tls_contexts tls;
    atomic_uint refs;
    unsigned pins; /* by the console; guarded by the app's lock, as is the list */
    struct px_config *next_pinned;
} px_config;

typedef struct px_app {
    b_log log;
    uv_mutex_t lock;
    uv_mutex_t reloading; /* held for a whole reload: a signal and a command may ask at once */
    px_config *config, *pinned;
    rw_ruleset *rules;                   /* NULL before the engine has published any */
    atomic_uint_fast64_t stale_epoch;    /* rules up to this one are not the tables' any more */
    atomic_bool live;                    /* the lease is held: statements on migrating tables may run ... */
    atomic_uint_fast64_t lease_until_ms; /* ... up to then, as uv_hrtime() counts; 0: not limited */
    atomic_uint_fast64_t next_session;
    BIO_METHOD *tls_method;
    px_census *census;    /* of them, by user and by address */
    atomic_uint sessions; /* client connections now */
    unsigned files_for;   /* sessions that the limit of open files has room for */
    px_sockets sockets;   /* that are listened on */
    struct px_loop **loops;
    atomic_uint nloops; /* running; 0 while they are being made */
    mig_engine *engine;
    adm_console *console;
    void (*stop)(struct px_app *app); /* asks the main thread to drain and end; from any thread */
    void *stop_arg;
    uint64_t started_ms; /* uv_hrtime() / 1e6 */
} px_app;

/* Can the patterns of the regex rules be compiled? *diag gets a line for each that cannot. */
bool px_rules_compile(const cfg_config *c, b_buf *diag);

/* Reads the file, resolves the backend, reads certificates and keys. NULL with the reasons in *diag. before:
 * the configuration in force, or NULL; make: see px_tls_contexts_load. */
px_config *px_config_load(const char *file, const px_config *before, bool make, b_buf *diag);
px_config *px_config_ref(px_config *c);
void px_config_unref(px_config *c); /* NULL is fine */

b_status px_app_init(px_app *app, px_config *config) B_MUSTCHECK; /* takes the reference */
void px_app_deinit(px_app *app);

px_config *px_app_config(px_app *app); /* with a reference for the caller */
rw_ruleset *px_app_rules(px_app *app); /* likewise; NULL when there are none */

/* Reads the configuration file anew and puts it in force, everywhere or nowhere. Blocks; not on a loop. */
b_status px_app_reload(px_app *app, b_err *err) B_MUSTCHECK;

/* The callbacks through which the engine and the console see the data path. */
mig_host px_mig_host(px_app *app);
adm_host px_adm_host(px_app *app);

#endif
