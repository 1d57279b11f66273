/* See listen.h. */
#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, AT_ONCE = 64, AGAIN_MS = 200, COMPLAIN_MS = 10000 };

/* --- sockets --- */

b_status px_sockets_add(px_sockets *s, const char *address, int fd, bool inherited)
{
    px_socket *list = realloc(s->list, (s->n + 1) * sizeof *list);
    char *copy = strdup(address);
    if (list != NULL) s->list = list;
    if (list == NULL || copy == NULL) {
        free(copy);
        close(fd);
        return B_NOMEM;
    }
    struct sockaddr_storage a = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof a;
    bool is_path = getsockname(fd, (struct sockaddr *)&a, &len) == 0 && a.ss_family == AF_UNIX;
    s->list[s->n++] = (px_socket){copy, fd, inherited, is_path};
    return B_OK;
}

/* A socket that was left behind by one that was killed goes; one that somebody listens on, or another kind of
 * file, stays. */
static int make_way(const struct sockaddr_un *a, int type)
{
    struct stat st;
    if (lstat(a->sun_path, &st) != 0) return errno == ENOENT ? 0 : errno;
    if (!S_ISSOCK(st.st_mode)) return EEXIST;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    bool answers = connect(fd, (const struct sockaddr *)a, sizeof *a) == 0;
    close(fd);
    if (answers) return EADDRINUSE;
    return unlink(a->sun_path) == 0 ? 0 : errno;
}

static int make_unix(const char *path, int type, unsigned mode, int *out)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) return ENAMETOOLONG;
    memcpy(a.sun_path, path, strlen(path) + 1);
    int rc = make_way(&a, type);
    if (rc != 0) return rc;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return errno;
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || chmod(path, (mode_t)mode) != 0 ||
        listen(fd, BACKLOG) != 0) {
        rc = errno;
        close(fd);
        return rc;
    }
    *out = fd;
    return 0;
}

/* Each loop has a socket of its own for an address: the kernel spreads connections over them. */
static int make_tcp(const cfg_address *at, int *out)
{
    char port[8];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE},
                    *found;
    snprintf(port, sizeof port, "%u", (unsigned)at->port);
    if (getaddrinfo(at->host, port, &hints, &found) != 0) return EADDRNOTAVAIL;
    int on = 1, rc = 0, fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
        rc = errno;
    freeaddrinfo(found);
    if (rc != 0 && fd >= 0) close(fd);
    *out = fd;
    return rc;
}

b_status px_sockets_make(px_sockets *s, const cfg_address *a, int type, unsigned mode, int *fd, b_err *err)
{
    int rc = a->path != NULL ? make_unix(a->path, type, mode, fd) : make_tcp(a, fd);
    if (rc == 0) {
        b_status st = px_sockets_add(s, a->text, *fd, false);
        return st == B_OK ? st : b_fail(err, st, "out of memory while listening on %s", a->text);
    }
    return b_fail(err, B_IO, "cannot listen on %s: %s; see what else listens there, or change the address",
                  a->text, strerror(rc));
}

int px_sockets_claim(px_sockets *s, const cfg_address *a, size_t nth)
{
    size_t seen = 0;
    for (size_t i = 0; i < s->n; i++) {
        px_socket *k = &s->list[i];
        if (strcmp(k->address, a->text) != 0 || seen++ != nth) continue;
        if (!k->inherited) return -1;
        k->inherited = false;
        return k->fd;
    }
    return -1;
}

size_t px_sockets_inherited(const px_sockets *s, const cfg_address *a)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) n += s->list[i].inherited && strcmp(s->list[i].address, a->text) == 0;
    return n;
}

void px_sockets_close_unclaimed(px_sockets *s, b_log *log)
{
    for (size_t i = 0; i < s->n; i++) {
        px_socket *k = &s->list[i];
        if (!k->inherited || k->fd < 0) continue;
        b_logf(log, B_WARN, "listener",
               "address=%s the configuration does not name it any more: its socket is closed", k->address);
        close(k->fd);
        k->fd = -1;
    }
}

void px_sockets_close(px_sockets *s, bool remove)
{
    for (size_t i = 0; i < s->n; i++) {
        px_socket *k = &s->list[i];
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        socklen_t len = sizeof a;
        if (k->fd >= 0 && k->is_path && remove && getsockname(k->fd, (struct sockaddr *)&a, &len) == 0)
            unlink(a.sun_path);
        if (k->fd >= 0) close(k->fd);
        free(k->address);
    }
    free(s->list);
    *s = (px_sockets){NULL, 0};
}

/* --- taking connections --- */

static void on_again(uv_timer_t *t);
static void on_readable(uv_poll_t *p, int status, int events);

/* The connection stays in the kernel's queue; to try again at once would only use up the processor. */
static void wait_a_while(px_listen *l, int error)
{
    uint64_t now = uv_now(l->poll.loop);
    uv_poll_stop(&l->poll);
    uv_timer_start(&l->again, on_again, AGAIN_MS, 0);
    if (l->complained_ms != 0 && now - l->complained_ms < COMPLAIN_MS) return;
    l->complained_ms = now;
    bool files = error == EMFILE || error == ENFILE;
    b_logf(l->log, B_ERROR, "listener", "address=%s new connections wait: %s; %s", l->address,
           strerror(error),
           files ? "raise the limit of open files (ulimit -n, LimitNOFILE), or lower limits.max_connections"
                 : "see what the system is short of");
}

static void on_again(uv_timer_t *t)
{
    px_listen *l = t->data;
    int rc = uv_poll_start(&l->poll, UV_READABLE, on_readable);
    if (rc != 0) wait_a_while(l, -rc);
}

static void on_readable(uv_poll_t *p, int status, int events)
{
    (void)status, (void)events;
    px_listen *l = p->data;
    for (int i = 0; i < AT_ONCE && l->open; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            l->take(l, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) wait_a_while(l, errno);
        return; /* EAGAIN, or a client that has left again: whatever else waits is told of anew */
    }
}

static void on_closed(uv_handle_t *h)
{
    px_listen *l = h->data;
    if (--l->handles == 0 && l->closed != NULL) l->closed(l);
}

int px_listen_start(px_listen *l, uv_loop_t *uv)
{
    int rc = uv_timer_init(uv, &l->again);
    if (rc != 0) return rc;
    l->again.data = l->poll.data = l;
    l->handles = 1;
    rc = uv_poll_init(uv, &l->poll, l->fd);
    if (rc == 0) {
        l->handles++;
        rc = uv_poll_start(&l->poll, UV_READABLE, on_readable);
    }
    l->open = true;
    if (rc != 0) px_listen_close(l);
    return rc;
}

void px_listen_close(px_listen *l)
{
    if (!l->open) return;
    l->open = false;
    if (l->handles == 2) uv_close((uv_handle_t *)&l->poll, on_closed);
    uv_close((uv_handle_t *)&l->again, on_closed);
}

int px_stream_open(uv_stream_t *stream, bool is_pipe, int fd)
{
    return is_pipe ? uv_pipe_open((uv_pipe_t *)stream, fd) : uv_tcp_open((uv_tcp_t *)stream, fd);
}

unsigned px_files_limit(unsigned threads)
{
    enum { OURS = 64, A_THREAD = 8, A_SESSION = 2 }; /* the engine's, logs, the admin port's; loops' own */
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0) return UINT32_MAX;
    if (r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r);
        if (getrlimit(RLIMIT_NOFILE, &r) != 0) return UINT32_MAX;
    }
    rlim_t ours = OURS + (rlim_t)A_THREAD * threads;
    if (r.rlim_cur == RLIM_INFINITY || r.rlim_cur / A_SESSION > UINT32_MAX) return UINT32_MAX;
    return r.rlim_cur < ours + A_SESSION ? 1 : (unsigned)((r.rlim_cur - ours) / A_SESSION);
}
