/* Takes the worlds of a run through all phases and runs every statement in each, past the proxy and through
 * it. */
#ifndef DIFFERENTIAL_RUN_H
#define DIFFERENTIAL_RUN_H

#include "compare.h"

typedef struct dt_options {
    uint64_t seed;
    unsigned statements; /* a server; each is run in every phase */
    unsigned cells;     /* of version, name and protocol, of which each statement is run in so many a phase */
    unsigned workers;   /* processes a server */
    unsigned shown;     /* cases that are made minimal and printed */
    long only;          /* this statement alone, in all cells; or -1 */
    int phase, version; /* only that one; or -1 */
    const char *weights; /* or NULL */
    const char *tell;    /* an exception, of which each case is printed, or "all"; or NULL */
    const char *replay;  /* a file of statements instead of generated ones; or NULL */
} dt_options;

enum { DT_REASONS = 200 };

typedef struct dt_reason {        /* a refusal or exception, and how often */
    char text[160], example[300]; /* the first statement */
    unsigned long count;
} dt_reason;

typedef struct dt_totals {
    unsigned long compared, refused, excepted, differed;
    dt_reason reasons[DT_REASONS];
} dt_totals;

/* Counts a reason once more, or so often. */
void dt_reason_add(dt_totals *t, const char *text, const char *example, unsigned long count);

void dt_run(const dt_options *o, const ts_server *server, dt_totals *t);

#endif
