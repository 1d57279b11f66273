/* A worker: connect, prepare, then a loop of pick, send, read to the end, record. */
#include "worker.h"

#include <mysql/mysql.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SQL_MAX = 8192, IDS_MAX = 16, RETRY_US = 50000 };
static const char mark[] = "{id}";

typedef struct session {
    worker *w;
    MYSQL *db;
    MYSQL_STMT *stmts[QUERIES_MAX];
    unsigned nids[QUERIES_MAX]; /* how many {id} a template holds */
    uint64_t random;
} session;

uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void sleep_us(uint64_t us)
{
    struct timespec t = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    nanosleep(&t, NULL);
}

/* xorshift64*: fast, and the same on every machine. */
static uint64_t next_random(session *s)
{
    s->random ^= s->random >> 12;
    s->random ^= s->random << 25;
    s->random ^= s->random >> 27;
    return s->random * 0x2545f4914f6cdd1dULL;
}

static uint64_t random_id(session *s)
{
    return (next_random(s) >> 11) % s->w->r->o->rows + 1;
}

static bool failed(session *s, const char *what, const char *message)
{
    if (atomic_load(&s->w->r->phase) != RUN_WARM) s->w->errors++;
    if (s->w->first_error[0] == '\0')
        snprintf(s->w->first_error, sizeof s->w->first_error, "%s: %s", what, message);
    return false;
}

/* The template with `by` for each {id}, or with random numbers where `by` is NULL. Returns how many there
 * were, or -1 when it does not fit. */
static int fill(session *s, const char *template, const char *by, char out[SQL_MAX])
{
    size_t n = 0;
    int ids = 0;
    for (const char *at = template;; ids++) {
        const char *hit = strstr(at, mark);
        size_t text = hit == NULL ? strlen(at) : (size_t)(hit - at);
        if (n + text + 24 > SQL_MAX) return -1;
        memcpy(out + n, at, text);
        n += text;
        out[n] = '\0';
        if (hit == NULL) return ids;
        int wrote = by != NULL ? snprintf(out + n, 24, "%s", by)
                               : snprintf(out + n, 24, "%llu", (unsigned long long)random_id(s));
        n += (size_t)wrote;
        at = hit + strlen(mark);
    }
}

static bool prepare(session *s, unsigned i)
{
    char sql[SQL_MAX];
    int ids = fill(s, s->w->r->o->queries[i], "?", sql);
    if (ids < 0 || ids > IDS_MAX)
        return failed(s, "prepare", "the statement is too long, or has over 16 {id}");
    s->nids[i] = (unsigned)ids;
    s->stmts[i] = mysql_stmt_init(s->db);
    if (s->stmts[i] == NULL) return failed(s, "prepare", "out of memory");
    if (mysql_stmt_prepare(s->stmts[i], sql, strlen(sql)) != 0)
        return failed(s, "prepare", mysql_stmt_error(s->stmts[i]));
    return true;
}

static void disconnect(session *s)
{
    for (unsigned i = 0; i < QUERIES_MAX; i++) {
        if (s->stmts[i] != NULL) mysql_stmt_close(s->stmts[i]);
        s->stmts[i] = NULL;
    }
    if (s->db != NULL) mysql_close(s->db);
    s->db = NULL;
}

static bool connect_all(session *s)
{
    const options *o = s->w->r->o;
    unsigned timeout = 10;
    s->db = mysql_init(NULL);
    if (s->db == NULL) return failed(s, "connect", "out of memory");
    mysql_options(s->db, MYSQL_OPT_CONNECT_TIMEOUT, &timeout);
    if (o->tls) mysql_optionsv(s->db, MYSQL_OPT_SSL_ENFORCE, &o->tls);
    if (mysql_real_connect(s->db, o->socket == NULL ? o->host : NULL, o->user, o->password, o->schema,
                           o->port, o->socket, 0) == NULL) {
        failed(s, "connect", mysql_error(s->db));
        disconnect(s);
        return false;
    }
    bool good = true;
    for (unsigned i = 0; o->prepared && good && i < o->nqueries; i++) good = prepare(s, i);
    if (!good) disconnect(s);
    return good;
}

static bool run_text(session *s, unsigned i)
{
    char sql[SQL_MAX];
    if (fill(s, s->w->r->o->queries[i], NULL, sql) < 0)
        return failed(s, "query", "the statement is too long");
    if (mysql_real_query(s->db, sql, strlen(sql)) != 0) return failed(s, "query", mysql_error(s->db));
    MYSQL_RES *result = mysql_use_result(s->db);
    if (result == NULL && mysql_errno(s->db) != 0) return failed(s, "query", mysql_error(s->db));
    if (result == NULL) return true;
    while (mysql_fetch_row(result) != NULL) s->w->rows++;
    bool good = mysql_errno(s->db) == 0 || failed(s, "query", mysql_error(s->db));
    mysql_free_result(result);
    return good;
}

static bool run_prepared(session *s, unsigned i)
{
    MYSQL_STMT *stmt = s->stmts[i];
    MYSQL_BIND bind[IDS_MAX];
    uint64_t ids[IDS_MAX];
    memset(bind, 0, sizeof bind);
    for (unsigned k = 0; k < s->nids[i]; k++) {
        ids[k] = random_id(s);
        bind[k].buffer_type = MYSQL_TYPE_LONGLONG;
        bind[k].buffer = &ids[k];
    }
    if (s->nids[i] > 0 && mysql_stmt_bind_param(stmt, bind) != 0)
        return failed(s, "bind", mysql_stmt_error(stmt));
    if (mysql_stmt_execute(stmt) != 0) return failed(s, "execute", mysql_stmt_error(stmt));
    if (mysql_stmt_field_count(stmt) == 0) return true;
    if (mysql_stmt_store_result(stmt) != 0) return failed(s, "execute", mysql_stmt_error(stmt));
    s->w->rows += mysql_stmt_num_rows(stmt);
    mysql_stmt_free_result(stmt);
    return true;
}

/* Waits until the statement with this number is due, in the open loop; returns when that was. */
static uint64_t wait_due(const worker *w, uint64_t number)
{
    const options *o = w->r->o;
    if (o->rate <= 0) return now_us();
    double slot = (double)number * o->connections + w->index;
    uint64_t due = w->r->start_us + (uint64_t)(slot * 1e6 / o->rate);
    uint64_t now = now_us();
    while (now < due && atomic_load(&w->r->phase) != RUN_STOP) {
        sleep_us(due - now < 100000 ? due - now : 100000);
        now = now_us();
    }
    return due;
}

static void one(session *s, uint64_t number)
{
    worker *w = s->w;
    uint64_t start = wait_due(w, number), rows = w->rows;
    int began = atomic_load(&w->r->phase);
    if (began == RUN_STOP) return;
    unsigned i = w->r->o->nqueries == 1 ? 0 : (unsigned)(next_random(s) >> 33) % w->r->o->nqueries;
    bool good = w->r->o->prepared ? run_prepared(s, i) : run_text(s, i);
    if ((good || w->r->o->count_failed) && atomic_load(&w->r->phase) == RUN_MEASURE)
        hist_add(&w->latency, now_us() - start);
    else
        w->rows = rows;
    unsigned code = s->db == NULL ? 2006 : mysql_errno(s->db);
    if (!good && (code == 0 || code >= 2000)) { /* the connection is gone: a new one */
        disconnect(s);
        if (!connect_all(s)) sleep_us(RETRY_US);
    }
}

void *worker_main(void *worker_arg)
{
    worker *w = worker_arg;
    session s = {.w = w, .random = (w->r->o->seed + w->index + 1) * 0x9e3779b97f4a7c15ULL};
    mysql_thread_init();
    bool good = connect_all(&s);
    atomic_fetch_add(good ? &w->r->ready : &w->r->refused, 1);
    while (good && atomic_load(&w->r->phase) == RUN_WAIT) sleep_us(1000);
    for (uint64_t number = 0; good && atomic_load(&w->r->phase) != RUN_STOP; number++) {
        if (s.db != NULL)
            one(&s, number);
        else if (!connect_all(&s))
            sleep_us(RETRY_US);
    }
    disconnect(&s);
    mysql_thread_end();
    return NULL;
}
