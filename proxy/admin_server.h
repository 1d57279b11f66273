/* The admin port: connections on the main thread's loop, commands on libuv's worker threads, since they may
 * block for as long as a phase change takes. */
#ifndef PROXY_ADMIN_SERVER_H
#define PROXY_ADMIN_SERVER_H

#include "app.h"

typedef struct px_admin px_admin;

b_status px_admin_new(px_app *app, uv_loop_t *uv, px_admin **out, b_err *err) B_MUSTCHECK;
/* Another process listens at the same address: this one only answers those that are connected, until they
 * have said nothing for 10 s. */
void px_admin_retire(px_admin *a);
bool px_admin_left(const px_admin *a); /* nobody is connected */
/* Stops listening and closes all connections; those with a command running close when it is done. `done` is
 * called once all are gone. */
void px_admin_close(px_admin *a, void (*done)(void *arg), void *arg);
/* After px_admin_close: those that do not read the answer of a command that is done are closed, too. */
void px_admin_drop(px_admin *a);
void px_admin_free(px_admin *a); /* after done */

#endif
