/* What the parts of a run share (run.c, workers.c, shrink.c, replay.c). */
#ifndef DIFFERENTIAL_RUN_STATE_H
#define DIFFERENTIAL_RUN_STATE_H

#include "client.h"
#include "run.h"

enum { DT_BLOCK = 40 }; /* statements in a row on one world and session */

typedef struct dt_cell {
    dt_side version; /* DT_MIG: both */
    bool new_name, prepared;
} dt_cell;

/* Of one world and session, made when they are first asked for and kept to the end of the run: opening them
 * takes as long as a dozen statements. */
typedef struct dt_clients {
    dt_client *plain[2], *proxied[3]; /* by name; by version */
    dt_client *nullable[2]; /* by name; where the column is NOT NULL on the plain table, but not here */
} dt_clients;

enum { DT_SESSIONS_MAX = 16 };

typedef struct dt_state {
    const dt_options *o;
    const ts_server *server;
    dt_totals *totals;
    ts_proxy proxy;
    ts_conn *admin, *direct;
    dt_world worlds[DT_WORLDS];
    dt_gen gen;
    dt_stmt stmt;
    int phase;
    unsigned number, count;         /* of the statement; of all */
    unsigned worker, workers;       /* this process is that one of so many */
    const struct dt_replay *replay; /* or NULL */
    const dt_world *world;
    dt_clients clients[DT_WORLDS][DT_SESSIONS_MAX], *at; /* at: those in use */
    char **expected; /* transcripts on the plain tables, four a statement */
    b_buf want, got, sql, other;
} dt_state;

/* Can s->stmt be compared in that cell? */
bool dt_applies(const dt_state *s, const dt_cell *c);
/* Compares s->stmt in a cell; expected: the transcript on the plain table where it is known, or NULL. */
dt_verdict dt_try(dt_state *s, const dt_cell *c, const char *expected, char why[600]);

/* Those of s->world and that session; closed, all or only these. */
void dt_clients_use(dt_state *s, unsigned session);
void dt_clients_close(dt_clients *c);
void dt_clients_close_all(dt_state *s);

/* The processes that run the statements of a phase, each those of worlds of its own; the caller's own process
 * has the admin connection. With one worker (--workers 1, --only) nothing is forked. */
typedef struct dt_workers dt_workers;
dt_workers *dt_workers_start(dt_state *s, void (*run_phase)(dt_state *s));
void dt_workers_phase(dt_workers *w, int phase);    /* until all of them have done it */
void dt_workers_end(dt_workers *w, dt_totals *sum); /* adds what they counted */

/* Makes s->gen's tape as short as it can be while the statement still differs in the cell. */
void dt_shrink(dt_state *s, const dt_cell *c, char why[600]);

/* A file of statements, each ended by a line `;`, with marks by name: {name} {quoted} {upper} {schema}
 * {table} {A} {B} {file}. `-- flags N`, `-- session N` and `-- world N` before a statement say how it is to
 * be taken. */
typedef struct dt_replay dt_replay;
dt_replay *dt_replay_open(const char *path);
void dt_replay_close(dt_replay *r);
unsigned dt_replay_count(const dt_replay *r);
void dt_replay_get(const dt_replay *r, unsigned number, dt_stmt *s, unsigned *world);
void dt_replay_print(const dt_stmt *s, unsigned world); /* in that form */

#endif
