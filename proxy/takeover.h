/* A process takes the place of another one without a moment in which nobody listens.
 *
 *   new ── connects to the control socket, says hello ──→ old
 *   new ←── each listening socket (SCM_RIGHTS) with its address, and the control socket ── old
 *   both take connections now
 *   new ── "ready", once it serves ──→ old, which stops listening and lets its sessions end
 *
 * They are the same sockets, so what waits in their queues is not lost. Where the new one ends before it is
 * ready, the old one goes on as if nothing had been; where it is not ready in time the old one tells it
 * "late", and it does not serve. Where the old one stops meanwhile, the new one serves alone. The control
 * socket is a unix one that keeps messages apart (SOCK_SEQPACKET); only root and the user of the process
 * itself are answered. Main thread. */
#ifndef PROXY_TAKEOVER_H
#define PROXY_TAKEOVER_H

#include "listen.h"

/* The old one's side. */
typedef struct px_takeover px_takeover;

/* The control socket is in `sockets` already, or is made. ready: the new one (its process id) serves. */
b_status px_takeover_new(px_sockets *sockets, uv_loop_t *uv, b_log *log, const char *path,
                         void (*ready)(void *arg, int pid), void *arg, px_takeover **out,
                         b_err *err) B_MUSTCHECK;
/* Another process has the sockets and is about to serve: their paths are its own, too. NULL is fine. */
bool px_takeover_given(const px_takeover *t);
void px_takeover_close(px_takeover *t); /* NULL is fine; freed once its handles are */

/* The new one's side: fills `sockets`. *fd: for px_takeover_ready. Blocks for at most 10 s a message. */
b_status px_takeover_ask(const char *path, px_sockets *sockets, int *fd, b_err *err) B_MUSTCHECK;
/* Before it takes connections: fails where the old one waits no more. */
b_status px_takeover_wanted(int fd, b_err *err) B_MUSTCHECK;
void px_takeover_ready(int fd); /* closes it */

#endif
