/* See spread.h. */
#include "spread.h"

#include "session.h"

#include <stdlib.h>
#include <unistd.h>

static px_loop *idlest(px_loop *own)
{
    const px_app *app = own->app;
    px_loop *best = own;
    unsigned n = app->nloops, least = atomic_load(&own->load);
    for (unsigned i = 1; i < n && least > 0; i++) {
        px_loop *l = app->loops[(own->index + i) % n];
        unsigned load = atomic_load(&l->load);
        if (load < least) best = l, least = load;
    }
    return best;
}

/* False: that loop has ended. */
static bool give(px_loop *to, px_arrival *a)
{
    uv_mutex_lock(&to->lock);
    bool open = !to->closed;
    if (open) {
        px_arrival **at = &to->arrivals;
        while (*at != NULL) at = &(*at)->next;
        *at = a;
        uv_async_send(&to->wake);
    }
    uv_mutex_unlock(&to->lock);
    return open;
}

static bool given(px_loop *to, const px_arrival *a)
{
    px_arrival *copy = malloc(sizeof *copy);
    if (copy == NULL) return false;
    *copy = *a;
    atomic_fetch_add(&to->load, 1);
    if (give(to, copy)) return true;
    atomic_fetch_sub(&to->load, 1);
    free(copy);
    return false;
}

void px_spread(px_listener *l, int fd)
{
    px_loop *own = l->loop, *to = idlest(own);
    px_arrival a = {.fd = fd,
                    .listener = (unsigned)l->index,
                    .is_pipe = l->on.is_pipe,
                    .sessions = atomic_fetch_add(&own->app->sessions, 1) + 1};
    if (to != own && given(to, &a)) return;
    atomic_fetch_add(&own->load, 1);
    px_session_accept(own, &a);
}

static px_arrival *take_all(px_loop *loop)
{
    uv_mutex_lock(&loop->lock);
    px_arrival *a = loop->arrivals;
    loop->arrivals = NULL;
    uv_mutex_unlock(&loop->lock);
    return a;
}

void px_spread_take(px_loop *loop)
{
    for (px_arrival *a = take_all(loop), *next; a != NULL; a = next) {
        next = a->next;
        px_session_accept(loop, a);
        free(a);
    }
}

void px_spread_left(px_loop *loop)
{
    atomic_fetch_sub(&loop->load, 1);
    atomic_fetch_sub(&loop->app->sessions, 1);
}

void px_spread_discard(px_loop *loop)
{
    for (px_arrival *a = take_all(loop), *next; a != NULL; a = next) {
        next = a->next;
        close(a->fd);
        free(a);
        px_spread_left(loop);
    }
}
