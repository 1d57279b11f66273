/* Which event loop a connection lives on: the one with the fewest, wherever it was taken. The kernel spreads
 * connections over our listening sockets by a hash, so that of eight on two threads it may give one of them
 * six; and unix sockets are all listened on by the first loop.
 *
 * px_spread runs on the loop that listens; what it gives away goes through the other's list, which its lock
 * guards. A connection counts among the process's sessions and the loop's `load` from then on. */
#ifndef PROXY_SPREAD_H
#define PROXY_SPREAD_H

#include "loop.h"

/* A connection that was taken, on its way to its loop. */
typedef struct px_arrival {
    struct px_arrival *next;
    int fd;
    unsigned listener; /* its index in the configuration */
    bool is_pipe;
    unsigned sessions; /* of the process by then, this one among them */
} px_arrival;

void px_spread(px_listener *l, int fd); /* takes the descriptor */
void px_spread_take(px_loop *loop);     /* what was given to this loop becomes sessions; on its thread */
void px_spread_left(px_loop *loop);     /* a session has ended, or did not begin */
void px_spread_discard(px_loop *loop);  /* closes what was given to it; once `closed` is set */

#endif
