/* A second straddle, in front of a clone of the database: a child process with a configuration of its own in
 * a folder of its own, reached over unix sockets only. One thread. */
#ifndef PROXY_REHEARSE_CLONE_H
#define PROXY_REHEARSE_CLONE_H

#include "config/config.h"
#include "migrate/db.h"

#include <sys/types.h>

typedef struct px_clone {
    char folder[64], password[33]; /* the admin port's */
    char sockets[3][96];           /* of old, new, admin */
    const cfg_server *server;      /* borrowed */
    pid_t pid;                     /* 0: not running */
} px_clone;

enum { PX_CLONE_OLD, PX_CLONE_NEW, PX_CLONE_ADMIN };

/* c: where TLS, phase_timeout_ms and the replicas' login come from; server: the clone; replicas: of the
 * clone, addresses by commas, or NULL. Waits until it serves, for a minute at most: B_LOST with the place of
 * its log. */
b_status px_clone_start(px_clone *k, const cfg_config *c, const cfg_server *server, const char *replicas,
                        b_err *err) B_MUSTCHECK;
/* Ends the process and takes its folder away; the log stays where `keep`. */
void px_clone_stop(px_clone *k, bool keep);

/* Through it, as the clone's own account, or as operator of its admin port. */
b_status px_clone_connect(const px_clone *k, int where, const char *schema, mig_db **out,
                          b_err *err) B_MUSTCHECK;
#endif
