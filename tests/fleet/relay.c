#include "relay.h"

#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 200, STEP_MS = 20 };

struct relay {
    pthread_t thread;
    const ts_server *server;
    int listener;
    atomic_bool cut, stop;
    int pairs[MOST][2]; /* client's, server's; -1: free */
};

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void end_pair(relay *r, int i)
{
    for (int side = 0; side < 2; side++) {
        if (r->pairs[i][side] >= 0) close(r->pairs[i][side]);
        r->pairs[i][side] = -1;
    }
}

static void accept_one(relay *r)
{
    struct sockaddr_in to = loopback(r->server->port);
    int on = 1, client = accept(r->listener, NULL, NULL),
        server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int at = 0;
    while (at < MOST && r->pairs[at][0] >= 0) at++;
    if (client < 0 || server < 0 || at == MOST || connect(server, (struct sockaddr *)&to, sizeof to) != 0) {
        if (client >= 0) close(client);
        if (server >= 0) close(server);
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    r->pairs[at][0] = client, r->pairs[at][1] = server;
}

/* From one side to the other; false: it is over. */
static bool pass(int from, int to)
{
    char bytes[16384];
    ssize_t n = read(from, bytes, sizeof bytes);
    for (ssize_t at = 0; at < n;) {
        ssize_t w = send(to, bytes + at, (size_t)(n - at), MSG_NOSIGNAL);
        if (w <= 0) return false;
        at += w;
    }
    return n > 0;
}

static void step(relay *r)
{
    struct pollfd p[MOST * 2 + 1];
    int who[MOST * 2 + 1];
    nfds_t n = 0;
    p[n] = (struct pollfd){.fd = r->listener, .events = POLLIN}, who[n++] = -1;
    for (int i = 0; i < MOST; i++)
        for (int side = 0; side < 2 && r->pairs[i][0] >= 0; side++)
            p[n] = (struct pollfd){.fd = r->pairs[i][side], .events = POLLIN}, who[n++] = i * 2 + side;
    if (poll(p, n, STEP_MS) <= 0) return;
    for (nfds_t k = 1; k < n; k++) {
        int i = who[k] / 2, side = who[k] % 2;
        if (p[k].revents == 0 || r->pairs[i][0] < 0) continue;
        if (!pass(r->pairs[i][side], r->pairs[i][1 - side])) end_pair(r, i);
    }
    if (p[0].revents != 0) accept_one(r);
}

static void *relay_main(void *arg)
{
    relay *r = arg;
    bool was_cut = false;
    while (!atomic_load(&r->stop)) {
        bool cut = atomic_load(&r->cut);
        for (int i = 0; was_cut && !cut && i < MOST; i++) end_pair(r, i);
        was_cut = cut;
        if (cut)
            usleep(STEP_MS * 1000);
        else
            step(r);
    }
    return NULL;
}

relay *relay_start(const ts_server *server, ts_server *seen)
{
    relay *r = calloc(1, sizeof *r);
    if (r == NULL) ts_die("out of memory");
    memset(r->pairs, -1, sizeof r->pairs);
    *seen = *server;
    seen->port = ts_free_port();
    struct sockaddr_in a = loopback(seen->port);
    int on = 1;
    r->server = server;
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(r->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(r->listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(r->listener, 64) != 0)
        ts_die("relay: %s", strerror(errno));
    if (pthread_create(&r->thread, NULL, relay_main, r) != 0) ts_die("relay: no thread");
    return r;
}

void relay_cut(relay *r, bool cut)
{
    atomic_store(&r->cut, cut);
}

void relay_end(relay *r)
{
    atomic_store(&r->stop, true);
    pthread_join(r->thread, NULL);
    for (int i = 0; i < MOST; i++) end_pair(r, i);
    close(r->listener);
    free(r);
}
