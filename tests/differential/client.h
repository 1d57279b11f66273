/* A client that runs generated statements and keeps all that it is told as a transcript: lines of text, so
 * that two answers are equal when the transcripts are.
 *
 *   C name type flags character-set length decimals    a result's column
 *   R cell|cell                                         a row
 *   A affected matched-and-changed / I insert-id        of a statement without rows
 *   W level code message                                a warning
 *   E code sqlstate message                             an error
 *   T cell|cell                                         what is stored afterwards
 *   M cell|cell                                         of the table that the statement made
 *
 * One thread. */
#ifndef DIFFERENTIAL_CLIENT_H
#define DIFFERENTIAL_CLIENT_H

#include "gen.h"

typedef struct dt_client dt_client;

/* schema is where it works; host and port are the server's or the proxy's. */
dt_client *dt_client_open(const char *host, unsigned port, const dt_world *w, dt_side side, unsigned session);
void dt_client_close(dt_client *c);
void dt_client_rollback(dt_client *c);
void dt_client_rebuild(dt_client *c, dt_side side); /* the table of that side */

/* Runs the statement under one of the column's names and undoes it. */
void dt_client_run(dt_client *c, const dt_stmt *s, bool new_name, bool prepared, b_buf *transcript);

/* What EXPLAIN says of it, of a row for each table: kind of query, table, kind of access, key, and what else;
 * a twin index under its plain table's name. False where the server does not explain it. */
bool dt_client_plan(dt_client *c, const dt_stmt *s, bool new_name, bool prepared, b_buf *plan);

#endif
