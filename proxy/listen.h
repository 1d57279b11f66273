/* Listening sockets. They are ours and not libuv's: so they can be handed to another process (takeover.h),
 * and a process that has no descriptor left lets connections wait in the kernel's queue instead of closing
 * them.
 *
 * px_sockets is the list of those that the process has; it is filled before loops run, and does not change
 * after. px_listen takes connections from one of them, on the thread of its loop. */
#ifndef PROXY_LISTEN_H
#define PROXY_LISTEN_H

#include "base/log.h"
#include "config/config.h"

#include <uv.h>

typedef struct px_socket {
    char *address;  /* as the configuration spells it; owned */
    int fd;         /* -1: closed */
    bool inherited; /* from another process, and not claimed yet */
    bool is_path;   /* of a unix socket: removed at the end */
} px_socket;

typedef struct px_sockets {
    px_socket *list;
    size_t n;
} px_sockets;

/* Takes the descriptor, also on failure. */
b_status px_sockets_add(px_sockets *s, const char *address, int fd, bool inherited) B_MUSTCHECK;
/* Makes a socket that listens. mode: of a unix socket; type: SOCK_STREAM or SOCK_SEQPACKET. */
b_status px_sockets_make(px_sockets *s, const cfg_address *a, int type, unsigned mode, int *fd,
                         b_err *err) B_MUSTCHECK;
/* The nth inherited socket of that address, which is claimed by that; -1: there is none. */
int px_sockets_claim(px_sockets *s, const cfg_address *a, size_t nth);
/* How many were inherited for that address. */
size_t px_sockets_inherited(const px_sockets *s, const cfg_address *a);
/* Those that nobody has claimed. */
void px_sockets_close_unclaimed(px_sockets *s, b_log *log);
/* All; remove: unix sockets go from the file system, too. */
void px_sockets_close(px_sockets *s, bool remove);

typedef struct px_listen {
    uv_poll_t poll;
    uv_timer_t again; /* after descriptors had run out */
    int fd;           /* not owned */
    bool is_pipe, open;
    unsigned handles; /* open or closing */
    uint64_t complained_ms;
    const char *address; /* for the log */
    b_log *log;
    void (*take)(struct px_listen *l, int fd); /* takes the descriptor, which does not block */
    void (*closed)(struct px_listen *l);       /* after px_listen_close; NULL: nobody waits for it */
    void *arg;
} px_listen;

/* fd, is_pipe, address, log, take, closed and arg are set. A libuv status; not 0: nothing is open. */
int px_listen_start(px_listen *l, uv_loop_t *uv);
void px_listen_close(px_listen *l);

/* A descriptor that was taken, as a libuv stream that is initialised for it. */
int px_stream_open(uv_stream_t *stream, bool is_pipe, int fd);

/* Raises the limit of open files as far as the system lets us. How many sessions it has room for. */
unsigned px_files_limit(unsigned threads);

#endif
