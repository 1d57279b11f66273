/* One connection in a thread of its own, sending statements and timing the answers. */
#ifndef LOADGEN_WORKER_H
#define LOADGEN_WORKER_H

#include "common/hist.h"
#include "options.h"

#include <pthread.h>
#include <stdatomic.h>

typedef enum run_phase { RUN_WAIT, RUN_WARM, RUN_MEASURE, RUN_STOP } run_phase;

/* Shared by all workers of a run. */
typedef struct run {
    const options *o;
    atomic_int phase;           /* run_phase; set by main */
    atomic_uint ready, refused; /* workers that are connected, or could not be */
    uint64_t start_us;          /* when the open loop's first statement is due; set before RUN_WARM */
} run;

typedef struct worker {
    run *r;
    unsigned index;
    pthread_t thread;
    hist latency;          /* of statements finished in RUN_MEASURE; read once the thread is joined */
    uint64_t rows, errors; /* in RUN_MEASURE */
    char first_error[256];
} worker;

void *worker_main(void *worker_arg);
uint64_t now_us(void); /* a clock that never goes back */

#endif
