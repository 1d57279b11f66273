/* The command line. */
#include "options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "straddle_loadgen: statements from many connections, and what they cost\n"
    "\n"
    "  --host H --port P      where to (default 127.0.0.1, 3306)\n"
    "  --socket PATH          a unix socket instead\n"
    "  --user U --password P  (default app, app)\n"
    "  --schema S             default schema (default none)\n"
    "  --tls                  with TLS, whatever certificate the server has\n"
    "  --query SQL            a statement; {id} is a random number from 1 to --rows. Given several times, "
    "one\n"
    "                         is picked at random each time\n"
    "  --table T              short for --query 'SELECT * FROM T WHERE id = {id}'\n"
    "  --rows N               (default 10000)\n"
    "  --connections N        one thread each (default 1)\n"
    "  --seconds S            measured time (default 5)\n"
    "  --warmup S             time before it, not measured (default 1)\n"
    "  --mode text|prepared   (default text)\n"
    "  --rate R               open loop: R statements a second in all, evenly spaced; latency counts from "
    "when\n"
    "                         a statement was due. Default 0: each connection sends as soon as it has its "
    "answer\n"
    "  --pid P[,P…]           charge the CPU time of these processes to the statements\n"
    "  --seed N               of the random numbers (default 1)\n"
    "  --count-failed         the latency of statements that fail counts as well, and the exit status is 0\n"
    "\n"
    "Prints one line of key=value. Latencies are in microseconds. Exit status: 0, 1 when a statement "
    "failed,\n"
    "2 for a wrong command line, 3 when a connection could not be made. SIGTERM ends the measured time "
    "early.\n";

static bool number(const char *text, double low, double high, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*out) && *out >= low && *out <= high;
}

static bool add_pids(options *o, char *list)
{
    char *save = NULL;
    for (char *p = strtok_r(list, ",", &save); p != NULL; p = strtok_r(NULL, ",", &save)) {
        double v;
        if (o->npids == PIDS_MAX || !number(p, 1, 1e9, &v)) return false;
        o->pids[o->npids++] = (int)v;
    }
    return true;
}

static bool add_query(options *o, const char *sql)
{
    if (o->nqueries == QUERIES_MAX) return false;
    o->queries[o->nqueries++] = sql;
    return true;
}

static bool add_table(options *o, const char *table)
{
    char *sql; /* lives as long as the program */
    return asprintf(&sql, "SELECT * FROM %s WHERE id = {id}", table) > 0 && add_query(o, sql);
}

static bool set_mode(options *o, const char *mode)
{
    o->prepared = strcmp(mode, "prepared") == 0;
    return o->prepared || strcmp(mode, "text") == 0;
}

static bool set(options *o, int option, char *arg)
{
    double v = 0;
    switch (option) {
    case 'h': o->host = arg; return true;
    case 'S': o->socket = arg; return true;
    case 'u': o->user = arg; return true;
    case 'p': o->password = arg; return true;
    case 'd': o->schema = arg; return true;
    case 'q': return add_query(o, arg);
    case 't': return add_table(o, arg);
    case 'm': return set_mode(o, arg);
    case 'T': return o->tls = true;
    case 'f': return o->count_failed = true;
    case 'i': return add_pids(o, arg);
    case 'P': return number(arg, 1, 65535, &v) && ((o->port = (unsigned)v), true);
    case 'n': return number(arg, 1, 1e15, &v) && ((o->rows = (uint64_t)v), true);
    case 'c': return number(arg, 1, 4096, &v) && ((o->connections = (unsigned)v), true);
    case 's': return number(arg, 0.1, 86400, &o->seconds);
    case 'w': return number(arg, 0, 3600, &o->warmup);
    case 'r': return number(arg, 0, 1e7, &o->rate);
    case 'e': return number(arg, 0, 1e15, &v) && ((o->seed = (uint64_t)v), true);
    default: return false;
    }
}

static const struct option known[] = {{"host", 1, NULL, 'h'},         {"port", 1, NULL, 'P'},
                                      {"socket", 1, NULL, 'S'},       {"user", 1, NULL, 'u'},
                                      {"password", 1, NULL, 'p'},     {"schema", 1, NULL, 'd'},
                                      {"query", 1, NULL, 'q'},        {"table", 1, NULL, 't'},
                                      {"rows", 1, NULL, 'n'},         {"mode", 1, NULL, 'm'},
                                      {"connections", 1, NULL, 'c'},  {"seconds", 1, NULL, 's'},
                                      {"warmup", 1, NULL, 'w'},       {"rate", 1, NULL, 'r'},
                                      {"pid", 1, NULL, 'i'},          {"seed", 1, NULL, 'e'},
                                      {"tls", 0, NULL, 'T'},          {"help", 0, NULL, 'H'},
                                      {"count-failed", 0, NULL, 'f'}, {NULL, 0, NULL, 0}};

bool options_parse(int argc, char **argv, options *o, int *status)
{
    int option, index = 0;
    *o = (options){.host = "127.0.0.1",
                   .user = "app",
                   .password = "app",
                   .port = 3306,
                   .rows = 10000,
                   .connections = 1,
                   .seconds = 5,
                   .warmup = 1,
                   .seed = 1};
    *status = 2;
    while ((option = getopt_long(argc, argv, "", known, &index)) != -1) {
        if (option == 'H') {
            fputs(usage, stdout);
            *status = 0;
            return false;
        }
        if (option == '?') return false;
        if (!set(o, option, optarg)) {
            fprintf(stderr, "straddle_loadgen: --%s cannot be '%s'; see --help\n", known[index].name, optarg);
            return false;
        }
    }
    if (optind < argc || o->nqueries == 0) {
        fputs("straddle_loadgen: give --query or --table, and options only; see --help\n", stderr);
        return false;
    }
    return true;
}
