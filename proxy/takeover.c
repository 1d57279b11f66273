/* See takeover.h. */
#include "takeover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { MESSAGE = 256, WAIT_S = 10, OWNER_ONLY = 0600, HELLO_MS = 5000, READY_MS = 60000 };

static const char hello[] = "straddle-takeover 1", end[] = "end", ready_word[] = "ready", late[] = "late";

struct px_takeover {
    px_listen on;
    px_sockets *sockets;
    uv_loop_t *uv;
    b_log *log;
    void (*ready)(void *arg, int pid);
    void *arg;
    uv_poll_t poll;   /* of the one that asks */
    uv_timer_t limit; /* until it must have said what is next */
    int fd, pid;      /* -1: nobody asks */
    size_t next;      /* the socket that it gets next */
    bool asked;       /* it has said hello */
    bool given;       /* it has all sockets, and may serve soon */
    bool polling, timing, closing;
};

/* --- messages --- */

static bool send_message(int fd, const char *text, int with)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = (char *)(uintptr_t)text, .iov_len = strlen(text)};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    if (with >= 0) {
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof with);
        memcpy(CMSG_DATA(c), &with, sizeof with);
    }
    return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)part.iov_len;
}

/* False: nothing came, or no message of ours. *with: the descriptor that came along, or -1. */
static bool receive_message(int fd, char text[MESSAGE], int *with)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = text, .iov_len = MESSAGE - 1};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
    ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    *with = -1;
    for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            memcpy(with, CMSG_DATA(c), sizeof *with);
    text[n > 0 ? n : 0] = '\0';
    return n > 0 && (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
}

static void limit_waiting(int fd)
{
    struct timeval t = {.tv_sec = WAIT_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

/* --- the old one --- */

static void maybe_free(px_takeover *t)
{
    if (t->closing && !t->polling && !t->timing && t->on.handles == 0) free(t);
}

static void on_polled(uv_handle_t *h)
{
    px_takeover *t = h->data;
    close(t->fd);
    t->fd = -1;
    t->polling = false;
    maybe_free(t);
}

static void end_conversation(px_takeover *t)
{
    t->given = false;
    uv_timer_stop(&t->limit);
    if (t->polling && !uv_is_closing((uv_handle_t *)&t->poll)) uv_close((uv_handle_t *)&t->poll, on_polled);
}

static void on_message(uv_poll_t *p, int status, int events);
static void on_limit(uv_timer_t *limit);

/* What does not fit into the queue waits until there is room. False: it cannot be given. */
static bool give_sockets(px_takeover *t)
{
    const px_sockets *all = t->sockets;
    bool sent = true;
    while (sent && t->next < all->n) {
        const px_socket *s = &all->list[t->next];
        sent = s->fd < 0 || send_message(t->fd, s->address, s->fd);
        if (sent) t->next++;
    }
    t->given = sent && send_message(t->fd, end, -1);
    if (!t->given && errno != EAGAIN) return false;
    if (t->given) uv_timer_start(&t->limit, on_limit, READY_MS, 0);
    return uv_poll_start(&t->poll, t->given ? UV_READABLE : UV_READABLE | UV_WRITABLE, on_message) == 0;
}

static void gone(px_takeover *t)
{
    b_logf(t->log, B_WARN, "proxy", "process %d ended before it had taken over; this one goes on", t->pid);
    end_conversation(t);
}

static void take_message(px_takeover *t)
{
    char text[MESSAGE];
    int with;
    bool got = receive_message(t->fd, text, &with);
    if (with >= 0) close(with);
    if (got && !t->asked && strcmp(text, hello) == 0) {
        b_logf(t->log, B_INFO, "proxy", "process %d takes over: it gets the listening sockets", t->pid);
        t->asked = true;
        if (!give_sockets(t)) gone(t);
    } else if (got && t->given && strcmp(text, ready_word) == 0) {
        end_conversation(t);
        t->ready(t->arg, t->pid);
    } else {
        gone(t);
    }
}

static void on_message(uv_poll_t *p, int status, int events)
{
    px_takeover *t = p->data;
    if (status != 0)
        gone(t);
    else if ((events & UV_READABLE) != 0)
        take_message(t);
    else if (t->asked && !t->given && !give_sockets(t))
        gone(t);
}

/* Others may ask then. One that has the sockets and hangs is told not to serve any more. */
static void on_limit(uv_timer_t *limit)
{
    px_takeover *t = limit->data;
    b_logf(t->log, B_WARN, "proxy",
           "process %d %s within %d s: it may not take over any more, and this one goes on", t->pid,
           t->given ? "did not come to serving" : "did not ask for the sockets or take them",
           (t->given ? READY_MS : HELLO_MS) / 1000);
    (void)send_message(t->fd, late, -1);
    end_conversation(t);
}

static bool may_ask(int fd, struct ucred *who)
{
    socklen_t len = sizeof *who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, who, &len) == 0 &&
           (who->uid == 0 || who->uid == geteuid());
}

static void on_connection(px_listen *on, int fd)
{
    px_takeover *t = on->arg;
    struct ucred who = {.pid = 0};
    bool may = may_ask(fd, &who);
    if (!may || t->polling) {
        b_logf(t->log, B_WARN, "proxy", "process %d of user %u may not take over: %s", (int)who.pid,
               (unsigned)who.uid, may ? "another one is about to" : "only root and the proxy's own user may");
        close(fd);
        return;
    }
    t->fd = fd;
    t->pid = who.pid;
    if (uv_poll_init(t->uv, &t->poll, fd) != 0) {
        close(fd);
        t->fd = -1;
        return;
    }
    t->polling = true;
    t->asked = t->given = false;
    t->next = 0;
    t->poll.data = t;
    uv_timer_start(&t->limit, on_limit, HELLO_MS, 0);
    if (uv_poll_start(&t->poll, UV_READABLE, on_message) != 0) end_conversation(t);
}

static void on_listener_closed(px_listen *on)
{
    maybe_free(on->arg);
}

b_status px_takeover_new(px_sockets *sockets, uv_loop_t *uv, b_log *log, const char *path,
                         void (*ready)(void *arg, int pid), void *arg, px_takeover **out, b_err *err)
{
    px_takeover *t = calloc(1, sizeof *t);
    if (t == NULL) return b_fail(err, B_NOMEM, "out of memory while making the control socket");
    *t = (px_takeover){.sockets = sockets, .uv = uv, .log = log, .ready = ready, .arg = arg, .fd = -1};
    cfg_address at = {.path = (char *)(uintptr_t)path, .text = (char *)(uintptr_t)path};
    int fd = px_sockets_claim(sockets, &at, 0);
    b_status st = fd >= 0 ? B_OK : px_sockets_make(sockets, &at, SOCK_SEQPACKET, OWNER_ONLY, &fd, err);
    t->on = (px_listen){.fd = fd,
                        .is_pipe = true,
                        .address = path,
                        .log = log,
                        .take = on_connection,
                        .closed = on_listener_closed,
                        .arg = t};
    if (st == B_OK && uv_timer_init(uv, &t->limit) == 0) {
        t->limit.data = t;
        t->timing = true;
        *out = t;
        if (px_listen_start(&t->on, uv) == 0) return B_OK;
        px_takeover_close(t);
    } else {
        free(t);
    }
    *out = NULL;
    return st != B_OK ? st : b_fail(err, B_IO, "cannot listen on %s", path);
}

bool px_takeover_given(const px_takeover *t)
{
    return t != NULL && t->given;
}

static void on_limit_closed(uv_handle_t *h)
{
    px_takeover *t = h->data;
    t->timing = false;
    maybe_free(t);
}

void px_takeover_close(px_takeover *t)
{
    if (t == NULL || t->closing) return;
    t->closing = true;
    end_conversation(t);
    uv_close((uv_handle_t *)&t->limit, on_limit_closed);
    px_listen_close(&t->on);
}

/* --- the new one --- */

static int connect_to(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) return -1;
    memcpy(a.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    limit_waiting(fd);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) return fd;
    close(fd);
    return -1;
}

b_status px_takeover_ask(const char *path, px_sockets *sockets, int *fd, b_err *err)
{
    char text[MESSAGE];
    int with;
    *fd = connect_to(path);
    if (*fd < 0)
        return b_fail(err, B_IO,
                      "no straddle can be reached at takeover.socket %s: %s; start without --takeover where "
                      "none runs",
                      path, strerror(errno));
    bool got = send_message(*fd, hello, -1) && receive_message(*fd, text, &with);
    b_status st = B_OK;
    while (got && st == B_OK && with >= 0) {
        st = px_sockets_add(sockets, text, with, true);
        got = st == B_OK && receive_message(*fd, text, &with);
    }
    if (got && strcmp(text, end) == 0 && sockets->n > 0) return B_OK;
    close(*fd);
    *fd = -1;
    return b_fail(err, B_IO,
                  "the straddle at takeover.socket %s did not hand over its sockets; see its log, or start "
                  "without --takeover once it has ended",
                  path);
}

b_status px_takeover_wanted(int fd, b_err *err)
{
    char text[sizeof late];
    ssize_t n = fd < 0 ? 0 : recv(fd, text, sizeof text, MSG_DONTWAIT);
    if (n != (ssize_t)strlen(late) || memcmp(text, late, strlen(late)) != 0) return B_OK;
    return b_fail(
        err, B_STATE,
        "the process whose place is taken waits no more: it took longer than %d s to come to serving; "
        "see what the start waits for and try again",
        READY_MS / 1000);
}

void px_takeover_ready(int fd)
{
    if (fd < 0) return;
    (void)send_message(fd, ready_word, -1);
    close(fd);
}
