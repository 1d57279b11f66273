#include "servers.h"

#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static ts_own running[TS_OWN_MAX]; /* copies: a failed test leaves its frame before these are wiped */

static void script(const ts_own *o, const char *what, ts_output *out)
{
    char port[64], source[64], path[600], command[64];
    snprintf(port, sizeof port, "PORT=%u", o->server.port);
    snprintf(source, sizeof source, "REPLICA_OF=%u", o->source);
    if (o->source == 0) snprintf(source, sizeof source, "REPLICA_OF=");
    snprintf(path, sizeof path, "%s/%s", STRADDLE_SERVERS, o->server.name);
    snprintf(command, sizeof command, "%s", what);
    char *const argv[] = {
        (char[]){"/usr/bin/env"}, (char[]){"-u"}, (char[]){"DIR"}, port, source, path, command, NULL};
    ts_command(argv, NULL, 180, out);
}

static void up(ts_own *o)
{
    ts_output out;
    script(o, "up", &out);
    if (out.status != 0) ts_die("%s on port %u: %s", o->server.name, o->server.port, out.err);
    script(o, "status", &out);
    if (sscanf(out.out, "up %d", &o->pid) != 1) ts_die("no pid of the server: %s", out.out);
}

static void wipe_all(void)
{
    for (size_t i = 0; i < TS_OWN_MAX; i++) {
        ts_own one = running[i];
        if (one.server.port != 0) ts_own_wipe(&one);
    }
}

static void keep(ts_own *o)
{
    static bool registered;
    size_t i = 0;
    if (!registered) registered = atexit(wipe_all) == 0;
    while (i < TS_OWN_MAX && running[i].server.port != 0) i++;
    if (i == TS_OWN_MAX) ts_die("more than %d servers", TS_OWN_MAX);
    running[i] = *o;
}

void ts_own_start(ts_own *o, bool mariadb, const ts_server *source)
{
    *o = (ts_own){.server = {.name = mariadb ? "mariadb" : "mysql", .host = "127.0.0.1", .mariadb = mariadb},
                  .source = source == NULL ? 0 : source->port};
    o->server.port = ts_free_port();
    keep(o);
    up(o);
}

void ts_own_signal(ts_own *o, int sig)
{
    if (o->pid > 0) kill(o->pid, sig);
    for (int i = 0; sig == SIGKILL && i < 600 && kill(o->pid, 0) == 0; i++)
        nanosleep(&(struct timespec){0, 50000000}, NULL);
    if (sig == SIGKILL) o->pid = 0;
}

void ts_own_again(ts_own *o)
{
    up(o);
}

void ts_own_wipe(ts_own *o)
{
    ts_output out;
    for (size_t i = 0; i < TS_OWN_MAX; i++)
        if (running[i].server.port == o->server.port) running[i] = (ts_own){.pid = 0};
    script(o, "wipe", &out);
    o->pid = 0;
}
