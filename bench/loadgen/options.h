/* What the load generator was asked to do. Filled once, then read by all threads. */
#ifndef LOADGEN_OPTIONS_H
#define LOADGEN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { QUERIES_MAX = 16, PIDS_MAX = 16 };

typedef struct options {
    const char *host, *socket, *user, *password, *schema;
    unsigned port;
    const char *queries[QUERIES_MAX]; /* templates: {id} is a random number from 1 to rows */
    unsigned nqueries;
    uint64_t rows;
    unsigned connections;
    double seconds, warmup;
    double rate; /* statements a second of all connections together; 0 = as fast as answers come */
    bool prepared, tls;
    bool count_failed;  /* failed statements have a latency, too */
    int pids[PIDS_MAX]; /* whose CPU time is charged to the statements */
    unsigned npids;
    uint64_t seed;
} options;

/* True when the program is to go on; otherwise *status is its exit status. */
bool options_parse(int argc, char **argv, options *o, int *status);

#endif
