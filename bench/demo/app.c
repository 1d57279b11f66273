#include "app.h"

#include "sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const values[] = {"card", "cash", "wire", "gift", "transfer", "voucher", "crypto"};

const char *app_base_value(long long id)
{
    return values[id % 7];
}

long long app_row_id(const app_shared *s, const app_pair *p, unsigned row)
{
    return s->base_rows + 1000000 + (long long)p->number * APP_ROWS + row;
}

void app_adopt(app_thread *t)
{
    static const char *const columns[] = {"transaction_type", "payment_method"};
    static const char *const users[] = {"app_v1", "app_v2"};
    int era = atomic_load(&t->shared->era), kind = era % APP_ERAS;
    unsigned turned = (unsigned)era / APP_ERAS % 2, own = kind == APP_EACH ? t->number : 1;
    t->column = columns[own ^ turned], t->other = columns[own ^ turned ^ 1];
    t->user = users[kind == APP_EACH ? t->number : kind == APP_MOVED];
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static unsigned rnd(app_thread *t, unsigned n)
{
    t->random ^= t->random << 13, t->random ^= t->random >> 7, t->random ^= t->random << 17;
    return (unsigned)((t->random >> 11) % n);
}

static app_phase *stats(app_thread *t)
{
    return &t->by_phase[atomic_load(&t->shared->phase)];
}

/* Something is not as the application was promised. */
static void wrong(app_thread *t, const char *what, const char *detail)
{
    stats(t)->errors++;
    pthread_mutex_lock(&t->shared->say);
    if (t->shared->told++ < 20) fprintf(stderr, "%s: %s: %s\n", t->user, what, detail);
    pthread_mutex_unlock(&t->shared->say);
}

static bool connection_error(unsigned error)
{
    return error == 2006 || error == 2013 || error == 2002 || error == 2003 || error == 1053 || error == 1927;
}

/* Runs one statement and counts it. NULL: the connection is gone, as was to be expected in an outage. */
static ts_result *run(app_thread *t, ts_mode mode, const char *sql, const ts_param *p, size_t n)
{
    uint64_t start = now_us();
    ts_result *r = ts_run(t->conn, mode, sql, p, n);
    app_phase *s = stats(t);
    hist_add(&s->latency, now_us() - start);
    s->statements++;
    if (r->error == 0) return r;
    if (connection_error(r->error) && atomic_load(&t->shared->outage)) {
        ts_result_free(r);
        return NULL;
    }
    char why[900];
    snprintf(why, sizeof why, "%u %s for: %.300s", r->error, r->message, sql);
    wrong(t, "error", why);
    return r;
}

/* The one row that was asked for must hold the value, under the application's own name. */
static void check_row(app_thread *t, const ts_result *r, long long id, const char *value)
{
    char why[300];
    t->rows_checked++;
    if (r->error != 0) return;
    if (value == NULL) {
        if (r->nrows == 0) return;
        snprintf(why, sizeof why, "row %lld is there but was deleted", id);
        wrong(t, "wrong row", why);
        return;
    }
    const char *got = ts_cell(r, 0, t->column);
    if (r->nrows == 1 && got != NULL && strcmp(got, value) == 0) return;
    snprintf(why, sizeof why, "row %lld has %s, was written as %s", id,
             r->nrows != 1 ? "gone"
             : got == NULL ? "NULL"
                           : got,
             value);
    wrong(t, "wrong row", why);
}

static void check_names(app_thread *t, const ts_result *r)
{
    if (r->error != 0) return;
    t->names_seen++;
    bool own = false, other = false;
    for (size_t i = 0; i < r->ncols; i++) {
        own = own || strcmp(r->names[i], t->column) == 0;
        other = other || strcmp(r->names[i], t->other) == 0;
    }
    if (own && !other && r->ncols == 6 && strcmp(r->names[2], t->column) == 0) return;
    wrong(t, "wrong columns", "SELECT * is not the table that this application knows");
}

typedef struct change { /* what a write will have done once it is acknowledged */
    unsigned row;
    bool alive;
    char value[24];
} change;

static void apply(app_thread *t, const change *c)
{
    t->pair->row[c->row].alive = c->alive;
    memcpy(t->pair->row[c->row].value, c->value, sizeof c->value);
}

#define SQL(buf, ...) snprintf(buf, sizeof buf, __VA_ARGS__)

static void id_param(ts_param *p, char text[24], long long id)
{
    snprintf(text, 24, "%lld", id);
    *p = (ts_param){'i', text};
}

/* Reads a shared row: true when the connection held. */
static bool read_shared(app_thread *t, unsigned row)
{
    char sql[200], id[24];
    ts_param p[1];
    bool star = rnd(t, 4) == 0;
    id_param(&p[0], id, app_row_id(t->shared, t->pair, row));
    if (star)
        SQL(sql, "SELECT * FROM transactions WHERE id = ?");
    else
        SQL(sql, "SELECT id, %s FROM transactions WHERE id = ?", t->column);
    ts_result *r = run(t, rnd(t, 2) ? TS_TEXT : TS_PREPARED, sql, p, 1);
    if (r == NULL) return false;
    check_row(t, r, atoll(id), t->pair->row[row].alive ? t->pair->row[row].value : NULL);
    if (star && t->pair->row[row].alive) check_names(t, r);
    ts_result_free(r);
    return true;
}

static bool read_base(app_thread *t)
{
    char sql[200], id[24];
    ts_param p[1];
    long long n =
        1 + (long long)(((uint64_t)rnd(t, 1u << 30) * 2654435761u) % (uint64_t)t->shared->base_rows);
    id_param(&p[0], id, n);
    SQL(sql, "SELECT t.%s, amount FROM transactions AS t WHERE t.id = ? AND t.%s <> ''", t->column,
        t->column);
    ts_result *r = run(t, TS_PREPARED, sql, p, 1);
    if (r == NULL) return false;
    check_row(t, r, n, app_base_value(n));
    ts_result_free(r);
    return true;
}

/* One write. *c says what it does; *sure stays true unless the connection went before the answer. */
static bool write_shared(app_thread *t, change *c)
{
    char sql[300], id[24];
    ts_param p[3];
    unsigned row = c->row;
    bool there = t->pair->row[row].alive;
    SQL(c->value, "%s-%u", values[rnd(t, 7)], rnd(t, 10000));
    c->alive = true;
    id_param(&p[0], id, app_row_id(t->shared, t->pair, row));
    p[1] = (ts_param){'s', c->value};
    size_t n = 2;
    unsigned kind = rnd(t, 10);
    if (there && kind == 0) {
        c->alive = false;
        SQL(sql, "DELETE FROM transactions WHERE id = ?");
        n = 1;
    } else if (there && kind < 6) {
        SQL(sql, "UPDATE transactions SET %s = ?, amount = amount + 1 WHERE id = ?", t->column);
        p[0] = p[1];
        id_param(&p[1], id, app_row_id(t->shared, t->pair, row));
    } else if (there || kind < 4) {
        SQL(sql,
            "INSERT INTO transactions (id, account_id, %s) VALUES (?, 1, ?) ON DUPLICATE KEY UPDATE %s = "
            "VALUES(%s)",
            t->column, t->column, t->column);
    } else {
        SQL(sql, "INSERT INTO transactions (id, account_id, %s, amount) VALUES (?, 2, ?, 9.99)", t->column);
    }
    ts_result *r = run(t, rnd(t, 2) ? TS_TEXT : TS_PREPARED, sql, p, n);
    if (r == NULL) return false;
    if (r->error == 0) apply(t, c);
    ts_result_free(r);
    return true;
}

static bool plain(app_thread *t, const char *sql)
{
    ts_result *r = run(t, TS_TEXT, sql, NULL, 0);
    if (r == NULL) return false;
    ts_result_free(r);
    return true;
}

/* A transaction over two rows: both writes or none. */
static bool transaction(app_thread *t, change c[2])
{
    app_pair before = *t->pair;
    if (!plain(t, "BEGIN")) return false;
    bool ok = write_shared(t, &c[0]) && read_shared(t, c[0].row) && write_shared(t, &c[1]) &&
              read_shared(t, c[1].row);
    bool back = ok && rnd(t, 5) == 0;
    ok = ok && plain(t, back ? "ROLLBACK" : "COMMIT");
    if (!ok || back) memcpy(t->pair->row, before.row, sizeof before.row);
    return ok;
}

static bool login(app_thread *t)
{
    ts_login l = {.host = t->shared->host,
                  .port = t->shared->port,
                  .user = t->user,
                  .password = "app",
                  .schema = "shop"};
    char why[512];
    for (int i = 0; i < 600; i++) {
        t->conn = ts_try_connect(&l, why);
        if (t->conn != NULL) return true;
        if (!atomic_load(&t->shared->outage)) wrong(t, "cannot connect", why);
        nanosleep(&(struct timespec){0, 50000000}, NULL);
        if (atomic_load(&t->shared->stop)) return false;
    }
    return false;
}

/* After an outage: what was in flight has happened or not; everything acknowledged must be there. */
static bool recover(app_thread *t, const change *c, size_t n)
{
    ts_close(t->conn);
    t->conn = NULL;
    if (!login(t)) return false;
    stats(t)->reconnects++;
    for (size_t i = 0; i < n; i++) {
        ts_result *r = ts_query(t->conn, "SELECT %s FROM transactions WHERE id = %lld", t->column,
                                app_row_id(t->shared, t->pair, c[i].row));
        const char *got = ts_cell(r, 0, t->column);
        bool done = c[i].alive ? got != NULL && strcmp(got, c[i].value) == 0 : r->error == 0 && r->nrows == 0;
        if (done) apply(t, &c[i]);
        ts_result_free(r);
    }
    for (unsigned row = 0; row < APP_ROWS; row++)
        if (!read_shared(t, row)) return true; /* lost again: the next round comes back here */
    return true;
}

/* A new release of the application begins with a new connection. */
static bool restart(app_thread *t)
{
    int era = atomic_load(&t->shared->era);
    ts_close(t->conn);
    t->conn = NULL;
    app_adopt(t);
    if (!login(t)) return false;
    atomic_store(&t->era, era);
    return true;
}

static void step(app_thread *t)
{
    change c[2] = {{.row = rnd(t, APP_ROWS)}, {.row = rnd(t, APP_ROWS)}};
    if (c[1].row == c[0].row) c[1].row = (c[0].row + 1) % APP_ROWS;
    unsigned kind = rnd(t, 10);
    size_t n = kind < 5 ? 0 : kind == 9 ? 2 : 1;
    pthread_mutex_lock(&t->pair->lock);
    bool ok = kind < 3    ? read_shared(t, c[0].row)
              : kind < 5  ? read_base(t)
              : kind == 9 ? transaction(t, c)
                          : write_shared(t, &c[0]);
    if (!ok && !recover(t, c, n)) atomic_store(&t->shared->stop, true);
    pthread_mutex_unlock(&t->pair->lock);
}

static uint64_t done_statements(const app_thread *t)
{
    uint64_t n = 0;
    for (int i = 0; i < APP_PHASES; i++) n += t->by_phase[i].statements;
    return n;
}

void *app_run(void *arg)
{
    app_thread *t = arg;
    if (!login(t)) return NULL;
    uint64_t start = now_us();
    while (!atomic_load(&t->shared->stop)) {
        uint64_t due = start + (uint64_t)((double)done_statements(t) / t->shared->rate * 1e6), now = now_us();
        if (now > due + 1000000) { /* after an outage: no burst to catch up */
            start += now - due;
            continue;
        }
        if (due > now) {
            uint64_t us = due - now < 100000 ? due - now : 100000;
            nanosleep(&(struct timespec){0, (long)us * 1000}, NULL);
            continue;
        }
        if (atomic_load(&t->era) != atomic_load(&t->shared->era) && !restart(t)) return NULL;
        step(t);
    }
    ts_close(t->conn);
    return NULL;
}
