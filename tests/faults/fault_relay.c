#include "fault_relay.h"

#include "process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { GREETING = 128, STEP_MS = 20, WAIT_MS = 20000 };

typedef struct pair {
    struct pair *next;
    fault_relay *relay;
    pthread_t thread;
    int fd[2]; /* the one that is nearer to the client, the one that is nearer to the server */
    char greeting[GREETING];
    size_t ngreeting;
    atomic_bool over; /* the thread has ended */
    /* under the relay's lock */
    uint64_t id; /* 0: not read yet */
    fault_kind kind;
    fault_side side;
    size_t at, passed[2];
    bool garbled;
} pair;

struct fault_relay {
    pthread_t thread;
    pthread_mutex_t lock;
    unsigned to_port;
    int listener;
    atomic_bool stop;
    pair *pairs;
};

static void nap(long us)
{
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool send_all(int fd, const char *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t w = send(fd, p + at, n - at, MSG_NOSIGNAL);
        if (w <= 0) return false;
        at += (size_t)w;
    }
    return true;
}

/* The id of the connection: behind the version in the greeting. */
static void read_greeting(pair *p, const char *bytes, size_t n)
{
    enum { VERSION = 5 };
    if (p->ngreeting == GREETING) return;
    size_t take = n < GREETING - p->ngreeting ? n : GREETING - p->ngreeting;
    memcpy(p->greeting + p->ngreeting, bytes, take);
    p->ngreeting += take;
    size_t end = VERSION;
    while (end < p->ngreeting && p->greeting[end] != '\0') end++;
    if (end + 5 > p->ngreeting) return;
    uint32_t id;
    memcpy(&id, p->greeting + end + 1, sizeof id);
    pthread_mutex_lock(&p->relay->lock);
    p->id = id;
    pthread_mutex_unlock(&p->relay->lock);
    p->ngreeting = GREETING;
}

/* One byte at a time: each is a packet of its own. */
static bool trickle(int fd, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!send_all(fd, p + i, 1)) return false;
        nap(50);
    }
    return true;
}

/* What is sent of n bytes before the fault begins; *kind: which one begins then, if any does. */
static size_t before_fault(pair *p, fault_side side, size_t n, fault_kind *kind)
{
    pthread_mutex_lock(&p->relay->lock);
    size_t passed = p->passed[side], clean = n;
    *kind = FAULT_NONE;
    if (p->kind != FAULT_NONE && p->side == side && passed + n >= p->at) {
        clean = passed > p->at ? 0 : p->at - passed;
        *kind = p->kind;
    }
    p->passed[side] += n;
    pthread_mutex_unlock(&p->relay->lock);
    return clean;
}

static bool garbled(pair *p)
{
    pthread_mutex_lock(&p->relay->lock);
    bool was = p->garbled;
    p->garbled = true;
    pthread_mutex_unlock(&p->relay->lock);
    return was;
}

static void cut(pair *p, bool reset)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    for (int i = 0; reset && i < 2; i++) setsockopt(p->fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* From one side to the other; false: it is over. */
static bool pass(pair *p, fault_side side)
{
    char bytes[16384];
    fault_kind kind;
    int to = p->fd[side == FAULT_UP ? 1 : 0];
    ssize_t got = recv(p->fd[side == FAULT_UP ? 0 : 1], bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    size_t n = (size_t)got;
    if (side == FAULT_DOWN) read_greeting(p, bytes, n);
    size_t clean = before_fault(p, side, n, &kind);
    if (!send_all(to, bytes, clean)) return false;
    switch (kind) {
    case FAULT_NONE: return true;
    case FAULT_CLOSE:
    case FAULT_RESET: cut(p, kind == FAULT_RESET); return false;
    case FAULT_TRICKLE: return trickle(to, bytes + clean, n - clean);
    case FAULT_STOP: return true;
    case FAULT_GARBAGE:
        if (clean < n && !garbled(p)) bytes[clean] = (char)~bytes[clean];
        return send_all(to, bytes + clean, n - clean);
    }
    return false;
}

static bool stopped(pair *p, fault_side side)
{
    pthread_mutex_lock(&p->relay->lock);
    bool is = p->kind == FAULT_STOP && p->side == side && p->passed[side] >= p->at;
    pthread_mutex_unlock(&p->relay->lock);
    return is;
}

/* A cut before the first byte needs no byte to come. */
static bool cut_at_once(pair *p)
{
    pthread_mutex_lock(&p->relay->lock);
    bool is = (p->kind == FAULT_CLOSE || p->kind == FAULT_RESET) && p->at == 0;
    bool reset = p->kind == FAULT_RESET;
    pthread_mutex_unlock(&p->relay->lock);
    if (is) cut(p, reset);
    return is;
}

static void *pair_main(void *arg)
{
    pair *p = arg;
    bool going = true;
    while (going && !atomic_load(&p->relay->stop) && !cut_at_once(p)) {
        struct pollfd f[2];
        for (int i = 0; i < 2; i++)
            f[i] = (struct pollfd){.fd = stopped(p, (fault_side)i) ? -1 : p->fd[i], .events = POLLIN};
        if (poll(f, 2, STEP_MS) <= 0) continue;
        for (int i = 0; i < 2 && going; i++)
            if (f[i].revents != 0) going = pass(p, (fault_side)i);
    }
    for (int i = 0; i < 2; i++) close(p->fd[i]);
    atomic_store(&p->over, true);
    return NULL;
}

static void start_pair(fault_relay *r, int client)
{
    struct sockaddr_in to = loopback(r->to_port);
    int on = 1, server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pair *p = calloc(1, sizeof *p);
    if (p == NULL || server < 0 || connect(server, (struct sockaddr *)&to, sizeof to) != 0) {
        close(client);
        if (server >= 0) close(server);
        free(p);
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    *p = (pair){.relay = r, .fd = {client, server}};
    pthread_mutex_lock(&r->lock);
    p->next = r->pairs;
    r->pairs = p;
    pthread_mutex_unlock(&r->lock);
    if (pthread_create(&p->thread, NULL, pair_main, p) != 0) ts_die("relay: no thread");
}

/* Those that have ended are let go. */
static void reap(fault_relay *r, bool all)
{
    pthread_mutex_lock(&r->lock);
    for (pair **at = &r->pairs; *at != NULL;) {
        pair *p = *at;
        if (!all && !atomic_load(&p->over)) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        pthread_mutex_unlock(&r->lock);
        pthread_join(p->thread, NULL);
        free(p);
        pthread_mutex_lock(&r->lock);
        at = &r->pairs;
    }
    pthread_mutex_unlock(&r->lock);
}

static void *relay_main(void *arg)
{
    fault_relay *r = arg;
    while (!atomic_load(&r->stop)) {
        struct pollfd f = {.fd = r->listener, .events = POLLIN};
        int client = poll(&f, 1, STEP_MS) > 0 ? accept4(r->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (client >= 0) start_pair(r, client);
        reap(r, false);
    }
    return NULL;
}

fault_relay *fault_relay_start(unsigned to_port, unsigned *port)
{
    fault_relay *r = calloc(1, sizeof *r);
    if (r == NULL) ts_die("out of memory");
    r->to_port = to_port;
    *port = ts_free_port();
    struct sockaddr_in a = loopback(*port);
    int on = 1;
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(r->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(r->listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(r->listener, 64) != 0)
        ts_die("relay: %s", strerror(errno));
    if (pthread_mutex_init(&r->lock, NULL) != 0 || pthread_create(&r->thread, NULL, relay_main, r) != 0)
        ts_die("relay: no thread");
    return r;
}

/* With the lock held. */
static pair *find(fault_relay *r, uint64_t id)
{
    for (pair *p = r->pairs; p != NULL; p = p->next)
        if (p->id == id && !atomic_load(&p->over)) return p;
    return NULL;
}

void fault_relay_arm(fault_relay *r, uint64_t id, fault_kind kind, fault_side side, size_t at)
{
    for (unsigned waited = 0; waited < WAIT_MS; waited++) {
        pthread_mutex_lock(&r->lock);
        pair *p = find(r, id);
        if (p != NULL) {
            p->passed[0] = p->passed[1] = 0;
            p->kind = kind, p->side = side, p->at = at, p->garbled = false;
        }
        pthread_mutex_unlock(&r->lock);
        if (p != NULL) return;
        nap(1000);
    }
    ts_die("relay: connection %llu is not there", (unsigned long long)id);
}

size_t fault_relay_passed(fault_relay *r, uint64_t id, fault_side side)
{
    pthread_mutex_lock(&r->lock);
    const pair *p = find(r, id);
    size_t n = p == NULL ? 0 : p->passed[side];
    pthread_mutex_unlock(&r->lock);
    return n;
}

void fault_relay_end(fault_relay *r)
{
    atomic_store(&r->stop, true);
    pthread_join(r->thread, NULL);
    reap(r, true);
    close(r->listener);
    pthread_mutex_destroy(&r->lock);
    free(r);
}
