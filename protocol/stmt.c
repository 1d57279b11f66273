/* The table of a session's prepared statements: see protocol/stmt.h. What EXECUTE is made of is in
 * execute.c. One thread. */
#include "protocol/stmt.h"

#include <stdlib.h>

enum { BUCKETS_MIN = 16, LAST_ADDED = -1, PARAMS_MAX = 0xFFFF };
/* A statement's long data; the servers' own limit for one packet, and so for one value. */
static const size_t long_max = (size_t)1 << 30;

typedef struct node {
    mp_stmt s; /* first: a pointer to it is a pointer to its node */
    struct node *chain;
    struct node *prev, *next; /* in order of addition */
} node;

struct mp_stmts {
    void (*free_extra)(void *extra);
    node **buckets;
    size_t nbuckets, count; /* nbuckets: a power of two */
    node *head, *tail;
    node *last; /* what 0xFFFFFFFF means; NULL once it is gone */
    uint32_t next_id;
};

static node **bucket(mp_stmts *t, uint32_t id)
{
    return &t->buckets[id & (t->nbuckets - 1)]; /* ids are counted up, so they spread by themselves */
}

mp_stmts *mp_stmts_new(void (*free_extra)(void *extra))
{
    mp_stmts *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->buckets = calloc(BUCKETS_MIN, sizeof *t->buckets);
    if (t->buckets == NULL) {
        free(t);
        return NULL;
    }
    t->nbuckets = BUCKETS_MIN;
    t->free_extra = free_extra;
    t->next_id = 1;
    return t;
}

static void free_node(mp_stmts *t, node *n)
{
    mp_stmt_drop_long(&n->s);
    if (t->free_extra != NULL && n->s.extra != NULL) t->free_extra(n->s.extra);
    free(n->s.map.source);
    free(n->s.types);
    free(n->s.sql);
    free(n);
}

void mp_stmts_clear(mp_stmts *t)
{
    for (node *n = t->head; n != NULL;) {
        node *next = n->next;
        free_node(t, n);
        n = next;
    }
    memset(t->buckets, 0, t->nbuckets * sizeof *t->buckets);
    t->head = t->tail = t->last = NULL;
    t->count = 0;
}

void mp_stmts_free(mp_stmts *t)
{
    if (t == NULL) return;
    mp_stmts_clear(t);
    free(t->buckets);
    free(t);
}

static node *find(mp_stmts *t, uint32_t id)
{
    node *n = *bucket(t, id);
    while (n != NULL && n->s.client_id != id) n = n->chain;
    return n;
}

static uint32_t fresh_id(mp_stmts *t)
{
    while (t->next_id == 0 || t->next_id == (uint32_t)LAST_ADDED || find(t, t->next_id) != NULL) t->next_id++;
    return t->next_id++;
}

/* Twice the buckets. Without memory for them the chains are longer, that is all. */
static void grow(mp_stmts *t)
{
    node **more = calloc(t->nbuckets * 2, sizeof *more);
    if (more == NULL) return;
    free(t->buckets);
    t->buckets = more;
    t->nbuckets *= 2;
    for (node *n = t->head; n != NULL; n = n->next) {
        node **b = bucket(t, n->s.client_id);
        n->chain = *b;
        *b = n;
    }
}

static void link_node(mp_stmts *t, node *n)
{
    node **b = bucket(t, n->s.client_id);
    n->chain = *b;
    *b = n;
    n->prev = t->tail;
    if (t->tail != NULL)
        t->tail->next = n;
    else
        t->head = n;
    t->tail = n;
    t->last = n;
    t->count++;
}

mp_stmt *mp_stmts_add(mp_stmts *t, b_slice sql)
{
    node *n = calloc(1, sizeof *n);
    char *copy = malloc(sql.n + 1);
    if (n == NULL || copy == NULL) {
        free(n);
        free(copy);
        return NULL;
    }
    if (sql.n > 0) memcpy(copy, sql.p, sql.n);
    copy[sql.n] = '\0';
    n->s.sql = copy;
    n->s.sql_len = sql.n;
    n->s.long_tail = &n->s.long_data;
    if (t->count >= t->nbuckets) grow(t);
    n->s.client_id = fresh_id(t);
    link_node(t, n);
    return &n->s;
}

mp_stmt *mp_stmts_get(mp_stmts *t, uint32_t client_id)
{
    node *n = client_id == (uint32_t)LAST_ADDED ? t->last : find(t, client_id);
    return n == NULL ? NULL : &n->s;
}

static void unlink_node(mp_stmts *t, node *n)
{
    node **at = bucket(t, n->s.client_id);
    while (*at != n) at = &(*at)->chain;
    *at = n->chain;
    if (n->prev != NULL)
        n->prev->next = n->next;
    else
        t->head = n->next;
    if (n->next != NULL)
        n->next->prev = n->prev;
    else
        t->tail = n->prev;
    if (t->last == n) t->last = NULL;
    t->count--;
}

void mp_stmts_remove(mp_stmts *t, uint32_t client_id)
{
    mp_stmt *s = mp_stmts_get(t, client_id);
    if (s == NULL) return;
    node *n = (node *)s;
    unlink_node(t, n);
    free_node(t, n);
}

void mp_stmts_forget_last(mp_stmts *t)
{
    t->last = NULL;
}

size_t mp_stmts_count(const mp_stmts *t)
{
    return t->count;
}

mp_stmt *mp_stmts_next(mp_stmts *t, const mp_stmt *after)
{
    node *n = after == NULL ? t->head : ((const node *)after)->next;
    return n == NULL ? NULL : &n->s;
}

b_status mp_stmt_set_map(mp_stmt *s, const uint32_t *source, uint32_t nout, uint32_t nin)
{
    if (nout > PARAMS_MAX || nin > PARAMS_MAX) return B_TOO_BIG;
    if (source == NULL && nout != nin) return B_INVALID;
    uint32_t *copy = NULL;
    if (source != NULL) {
        for (uint32_t i = 0; i < nout; i++)
            if (source[i] >= nin) return B_INVALID;
        copy = malloc((nout == 0 ? 1 : nout) * sizeof *copy);
        if (copy == NULL) return B_NOMEM;
        if (nout > 0) memcpy(copy, source, nout * sizeof *copy);
    }
    free(s->map.source);
    s->map = (mp_param_map){copy, nout, nin};
    return B_OK;
}

b_status mp_stmt_keep_long(mp_stmt *s, uint32_t param, b_slice data)
{
    if (param >= s->nparams) return B_INVALID;
    size_t cost = sizeof(mp_long_data) + data.n; /* counted so that empty pieces have a limit, too */
    if (s->long_bytes > long_max || cost > long_max - s->long_bytes) return B_TOO_BIG;
    mp_long_data *d = malloc(cost);
    if (d == NULL) return B_NOMEM;
    d->next = NULL;
    d->param = param;
    d->n = data.n;
    if (data.n > 0) memcpy(d->data, data.p, data.n);
    *s->long_tail = d;
    s->long_tail = &d->next;
    s->long_bytes += cost;
    return B_OK;
}

void mp_stmt_drop_long(mp_stmt *s)
{
    for (mp_long_data *d = s->long_data; d != NULL;) {
        mp_long_data *next = d->next;
        free(d);
        d = next;
    }
    s->long_data = NULL;
    s->long_tail = &s->long_data;
    s->long_bytes = 0;
}
