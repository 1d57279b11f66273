/* The two applications of the demo: one says transaction_type, the other payment_method. Each thread keeps a
 * model of the rows it shares with its partner of the other application, and checks every answer against it:
 * a row read must be the row written, under the name and in the shape that the application expects. */
#ifndef DEMO_APP_H
#define DEMO_APP_H

#include "hist.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { APP_PHASES = 26, APP_ROWS = 256, APP_PAIRS = 4 };

typedef struct app_phase { /* what happened while the migration was in one phase */
    hist latency;
    uint64_t statements, errors, reconnects;
} app_phase;

/* Rows that a thread of each application works on; the lock is held for a statement or transaction. */
typedef struct app_pair {
    pthread_mutex_t lock;
    unsigned number;
    struct {
        bool alive;
        char value[24];
    } row[APP_ROWS];
    uint64_t random;
} app_pair;

typedef struct app_shared { /* between the driver and all threads */
    const char *host;
    unsigned port;
    atomic_int phase;   /* index into app_thread.by_phase */
    atomic_bool outage; /* the driver has killed the proxy: lost connections are expected */
    atomic_int era;     /* counts releases of the applications: app_adopt */
    atomic_bool stop;
    long long base_rows; /* rows 1 … base_rows are never changed; their value is a function of the id */
    double rate;         /* statements a second and thread */
    pthread_mutex_t say; /* around messages */
    unsigned told;
} app_shared;

typedef struct app_thread {
    app_shared *shared;
    app_pair *pair;
    const char *user, *column, *other; /* the name it says, and the one that it must never see */
    unsigned number;                   /* of the application: 0 or 1 */
    atomic_int era;                    /* that it has adopted */
    pthread_t id;
    struct ts_conn *conn;
    app_phase by_phase[APP_PHASES];
    uint64_t names_seen, rows_checked;
    uint64_t random;
} app_thread;

/* The eras of both applications, as their releases follow each other. Each says its own name, as a client of
 * the old and of the new schema; the old name has gone, both say the new one; and both say it as what is the
 * old one for the next migration, the other way. Then from the first again, with the names turned. */
enum { APP_EACH, APP_MOVED, APP_NEXT, APP_ERAS };

/* Takes the names of the era that the driver has set, without a new connection. */
void app_adopt(app_thread *t);

void *app_run(void *thread);

/* The value of base row id. */
const char *app_base_value(long long id);

/* The id of a shared row. */
long long app_row_id(const app_shared *s, const app_pair *p, unsigned row);

#endif
