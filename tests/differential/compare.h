/* Whether two transcripts (client.h) tell a client the same, but for the known exceptions. */
#ifndef DIFFERENTIAL_COMPARE_H
#define DIFFERENTIAL_COMPARE_H

#include "gen.h"

typedef enum dt_verdict { DT_SAME, DT_REFUSED, DT_EXCEPTED, DT_DIFFERS } dt_verdict;

typedef struct dt_case { /* under which a statement was run */
    const dt_stmt *stmt;
    const char *sql; /* as the client wrote it */
    bool mariadb, new_name, prepared;
    const char *
        plain; /* the plain table's transcript, where `want` is of the one whose column may be NULL (run.c) */
    int phase;
    dt_side version; /* DT_MIG: both */
    const dt_world *world;
    const char *want, *got; /* the whole transcripts */
    /* Does EXPLAIN show another plan on the migrating table, or does it not explain the statement (DO,
     * EXECUTE)? Asked only where it matters. */
    bool (*replanned)(void *arg);
    /* Told of each pair of lines that an exception covers. */
    void (*fired)(void *arg, const char *name, const char *want, const char *got);
    void *arg;
} dt_case;

/* An exception: a pair of lines that may differ under a case, and why. A line is "" past the end. */
typedef struct dt_exception {
    const char *name, *reason;
    bool (*holds)(const dt_case *c, const char *want, const char *got);
    bool plan; /* only where the plan is another one (replanned) */
    /* Is what follows compared? Not behind an error that only one of the two had. */
    enum { DT_GO_ON, DT_STOP, DT_STOP_AT_ERROR } then;
} dt_exception;
extern const dt_exception dt_exceptions[]; /* ended by one without a name */

/* why gets the first lines that differ, the reason of a refusal, or the name of the exception. */
dt_verdict dt_compare(const dt_case *c, const char *want, const char *got, char why[600]);

#endif
