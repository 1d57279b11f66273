/* An event loop: one thread, its listening sockets, its sessions, its counters.
 *
 * Everything in it belongs to its thread. Others come in through px_loop_call only, which runs a function
 * on the loop's thread and waits for it; a loop itself never waits for anybody, so that cannot hang. */
#ifndef PROXY_LOOP_H
#define PROXY_LOOP_H

#include "app.h"
#include "latency.h"
#include "listen.h"
#include "rewrite/regex_rule.h"
#include "stats.h"
#include "tally.h"

enum { PX_READ_BUFFER = 64 * 1024, PX_TICK_MS = 100 };

typedef struct px_loop px_loop;
struct px_session;
struct px_task;
struct px_arrival;

typedef struct px_listener {
    px_listen on;
    px_loop *loop;
    size_t index; /* in the configuration */
} px_listener;

/* Lines of the log about sessions that failed before their login. */
typedef struct px_unknown {
    uint64_t since_ms;
    unsigned lines, left_out; /* since then */
} px_unknown;

struct px_loop {
    uv_loop_t uv;
    uv_thread_t thread;
    px_app *app;
    unsigned index;
    uv_async_t wake;
    uv_timer_t tick;
    unsigned ticks;
    uv_mutex_t lock; /* guards tasks, arrivals and closed */
    struct px_task *tasks;
    struct px_arrival *arrivals; /* connections that other loops have taken for this one */
    atomic_uint load;            /* sessions here and on the way here */
    bool closed;
    bool draining, started;

    px_listener *listeners;
    size_t nlisteners;
    struct px_session *sessions;               /* doubly linked */
    struct px_session *held_first, *held_last; /* whose statement waits, in order; session_hold.c */
    size_t nsessions, nlimited;                /* all; those with a deadline */
    size_t nasked;                             /* those whose connection is being registered */

    px_config *config;
    rw_ruleset *rules; /* newest seen; NULL before the first */
    uint64_t epoch;
    rw_cache *cache;
    struct mp_codec *codec;   /* for compressed connections */
    char *rbuf;               /* PX_READ_BUFFER bytes: all reading goes here */
    char *plain;              /* PX_READ_BUFFER bytes: what came out of TLS */
    b_buf sealed;             /* what TLS has written, within one write */
    SSL_SESSION *tls_session; /* to resume with the backend; NULL: none yet */
    b_buf joined;             /* payload of a command of several packets */

    px_stats stats;
    px_tally *usage, *refusals, *rule_hits;
    rw_matcher *matcher; /* of the regex rules; NULL before the first */
    px_latency *latency;
    px_unknown unknown;
    uint64_t dice; /* session_shadow.c; never 0 */
};

/* Opens the sockets (index 0 also the unix ones), or claims those that were inherited, and makes the loop
 * ready; the thread is not started. */
b_status px_loop_new(px_app *app, unsigned index, px_loop **out, b_err *err) B_MUSTCHECK;
b_status px_loop_start(px_loop *loop, b_err *err) B_MUSTCHECK;
/* Ends the thread (all sessions must be gone or are closed) and frees the loop. */
void px_loop_free(px_loop *loop);

/* Runs fn on the loop's thread and waits for it. False when the loop has ended. Before px_loop_start it runs
 * fn at once. Not from a loop's thread. */
bool px_loop_call(px_loop *loop, void (*fn)(px_loop *loop, void *arg), void *arg);

/* For px_loop_call. */
void px_loop_take_rules(px_loop *loop, void *unused); /* takes the newest ruleset of the app */
void px_loop_deafen(px_loop *loop, void *unused);     /* no new sessions */
void px_loop_drain(px_loop *loop, void *unused);      /* ... and idle ones end */
void px_loop_drop(px_loop *loop, void *why);          /* all sessions end; why: const char * */

#endif
