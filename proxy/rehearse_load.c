/* See rehearse_load.h. */
#include "rehearse_load.h"

#include "base/arena.h"
#include "base/buf.h"
#include "latency.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_KEYS = 1000, OF_TEN_READS = 6, OF_TEN_CHANGES = 9, PAUSE_MS = 100 };

typedef struct side { /* one version of the table */
    struct px_load *l;
    int where;          /* PX_CLONE_OLD or _NEW */
    const char *read;   /* SELECT columns FROM t WHERE */
    const char *pick;   /* SELECT columns INTO @v0, … FROM t WHERE */
    const char *change; /* UPDATE t SET column = @v0, … WHERE */
    const char *again;  /* REPLACE INTO t (…) SELECT … FROM t WHERE; NULL: left out */
    unsigned seed;
    pthread_t thread;
    atomic_bool running; /* the thread is there, and is to go on */
} side;

struct px_load {
    const px_clone *clone;
    const char *schema;
    b_arena *arena;
    const char *keys[MAX_KEYS]; /* conditions, one a row */
    size_t nkeys;
    uint64_t every_us; /* between two statements of a side */
    side sides[2];
    pthread_mutex_t mu; /* guards the rest */
    px_load_figures now;
    px_histogram times;
};

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- running ---- */

/* The table's own refusals: a value of another row may be taken under a unique key, or fail a check. */
static bool conflict(unsigned code)
{
    static const unsigned codes[] = {1062, 1205, 1213, 1451, 1452, 1020, 3572, 3819, 4025};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i] == code) return true;
    return false;
}

static void note(px_load *l, uint64_t us, b_status s, const b_err *err)
{
    pthread_mutex_lock(&l->mu);
    l->now.statements++;
    if (us > l->now.worst_us) l->now.worst_us = us;
    px_histogram_add(&l->times, us);
    if (s == B_DATABASE && conflict(err->db_errno))
        l->now.conflicts++;
    else if (s != B_OK && l->now.errors++ == 0)
        snprintf(l->now.first_error, sizeof l->now.first_error, "%.390s", err->msg);
    pthread_mutex_unlock(&l->mu);
}

static b_status say(side *w, mig_db *db, const char *what, const char *key)
{
    b_err err = {0};
    b_buf q = {0};
    b_table *t = NULL;
    b_buf_str(&q, what), b_buf_str(&q, key);
    uint64_t began = now_us();
    b_status s =
        q.failed ? b_fail(&err, B_NOMEM, "out of memory") : mig_db_query(db, b_buf_cstr(&q), &t, &err);
    note(w->l, now_us() - began, s, &err);
    b_table_free(t);
    b_buf_deinit(&q);
    return s;
}

static b_status one(side *w, mig_db *db)
{
    px_load *l = w->l;
    unsigned kind = (unsigned)rand_r(&w->seed) % 10;
    const char *key = l->keys[(unsigned)rand_r(&w->seed) % l->nkeys];
    const char *other = l->keys[(unsigned)rand_r(&w->seed) % l->nkeys];
    if (kind < OF_TEN_READS) return say(w, db, w->read, key);
    if (kind >= OF_TEN_CHANGES && w->again != NULL) return say(w, db, w->again, key);
    b_status s = say(w, db, w->pick, other);
    return s == B_OK ? say(w, db, w->change, key) : s;
}

static void pause_until(uint64_t us)
{
    struct timespec t = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void *work(void *arg)
{
    side *w = arg;
    px_load *l = w->l;
    mig_db *db = NULL;
    for (uint64_t next = now_us(); atomic_load(&w->running);) {
        b_err err = {0};
        if (db == NULL && px_clone_connect(l->clone, w->where, l->schema, &db, &err) != B_OK) {
            note(l, 0, B_LOST, &err);
            pause_until(now_us() + UINT64_C(1000) * PAUSE_MS);
            continue;
        }
        if (one(w, db) == B_LOST) {
            mig_db_close(db);
            db = NULL;
        }
        next += l->every_us;
        if (next < now_us()) next = now_us(); /* what could not be sent in time is not sent later */
        pause_until(next);
    }
    mig_db_close(db);
    return NULL;
}

/* ---- learning the table ---- */

typedef struct column {
    const char *name; /* quoted */
    const char *to;   /* quoted, of the new version */
    bool pair, bytes, generated, key;
} column;

static const char *quoted(b_arena *a, b_slice name)
{
    b_buf b = {0};
    b_buf_ident(&b, name);
    const char *out = b.failed ? NULL : b_arena_strdup(a, b_buf_cstr(&b));
    b_buf_deinit(&b);
    return out == NULL ? "?" : out;
}

static b_status ask(mig_db *db, const cfg_migration *m, const char *select, const char *more, b_table **out,
                    b_err *err)
{
    b_buf q = {0};
    b_buf_printf(&q, "%s WHERE TABLE_SCHEMA = ", select);
    b_buf_quote(&q, b_slice_str(m->schema)), b_buf_str(&q, " AND TABLE_NAME = ");
    b_buf_quote(&q, b_slice_str(m->table)), b_buf_str(&q, more);
    b_status s =
        q.failed ? b_fail(err, B_NOMEM, "out of memory") : mig_db_query(db, b_buf_cstr(&q), out, err);
    b_buf_deinit(&q);
    return s;
}

static b_status columns(mig_db *db, const cfg_migration *m, b_arena *a, column **out, size_t *n, b_err *err)
{
    b_table *t = NULL;
    b_status s = ask(db, m,
                     "SELECT COLUMN_NAME, DATA_TYPE RLIKE 'binary|blob|bit|geometry', EXTRA RLIKE "
                     "'VIRTUAL|STORED|PERSISTENT', COLUMN_KEY = 'PRI' FROM information_schema.COLUMNS",
                     " ORDER BY ORDINAL_POSITION", &t, err);
    *n = s == B_OK ? b_table_rows(t) : 0;
    *out = b_arena_array(a, *n + 1, sizeof **out);
    if (s == B_OK && *out == NULL) s = b_fail(err, B_NOMEM, "out of memory");
    if (s == B_OK && *n == 0)
        s = b_fail(err, B_NOT_FOUND, "the clone has no table %s.%s", m->schema, m->table);
    for (size_t i = 0; s == B_OK && *out != NULL && i < *n; i++) {
        column *c = &(*out)[i];
        b_slice name = b_table_cell(t, i, 0);
        *c = (column){.name = quoted(a, name)};
        c->to = c->name;
        c->bytes = b_table_cell(t, i, 1).p[0] == '1', c->generated = b_table_cell(t, i, 2).p[0] == '1';
        c->key = b_table_cell(t, i, 3).p[0] == '1';
        for (size_t k = 0; k < m->ncolumns; k++) {
            if (m->columns[k].from == NULL || !b_slice_ieq(b_slice_str(m->columns[k].from), name)) continue;
            c->pair = true;
            if (m->columns[k].to != NULL) c->to = quoted(a, b_slice_str(m->columns[k].to));
        }
    }
    b_table_free(t);
    return s;
}

/* Conditions for some rows from both ends of the table. */
static b_status keys(px_load *l, mig_db *db, const cfg_migration *m, const column *c, size_t n,
                     const char *order, b_err *err)
{
    b_buf q = {0}, one_row = {0};
    b_table *t = NULL;
    const char *names[16];
    bool bytes[16];
    size_t parts = 0;
    b_buf_str(&q, "SELECT ");
    for (size_t i = 0; i < n && parts < 16; i++) {
        if (!c[i].key) continue;
        b_buf_printf(&q, c[i].bytes ? "%sHEX(%s)" : "%s%s", parts == 0 ? "" : ", ", c[i].name);
        names[parts] = c[i].name, bytes[parts++] = c[i].bytes;
    }
    b_buf_printf(&q, " FROM %s.%s ORDER BY", quoted(l->arena, b_slice_str(m->schema)),
                 quoted(l->arena, b_slice_str(m->table)));
    for (size_t i = 0; i < parts; i++) b_buf_printf(&q, "%s %s%s", i == 0 ? "" : ",", names[i], order);
    b_buf_printf(&q, " LIMIT %d", MAX_KEYS / 2);
    b_status s = parts == 0 ? B_OK : mig_db_query(db, b_buf_cstr(&q), &t, err);
    for (size_t r = 0; s == B_OK && r < b_table_rows(t) && parts > 0; r++) {
        b_buf_clear(&one_row);
        for (size_t i = 0; i < parts; i++) {
            b_buf_printf(&one_row, "%s%s = %s", i == 0 ? " " : " AND ", names[i], bytes[i] ? "x" : "");
            b_buf_quote(&one_row, b_table_cell(t, r, i));
        }
        l->keys[l->nkeys] = b_arena_strdup(l->arena, b_buf_cstr(&one_row));
        if (l->keys[l->nkeys] != NULL && !one_row.failed) l->nkeys++;
    }
    b_table_free(t);
    b_buf_deinit(&q), b_buf_deinit(&one_row);
    return s;
}

/* A row may be written again where nothing else hangs on it, and no column is made of others. */
static b_status whole_rows(mig_db *db, const cfg_migration *m, bool *may, char why[200], b_err *err)
{
    b_table *triggers = NULL, *children = NULL;
    b_buf q = {0};
    *may = true;
    for (size_t i = 0; i < m->ncolumns; i++)
        if (m->columns[i].up != NULL || m->columns[i].type != NULL || m->columns[i].from == NULL ||
            m->columns[i].to == NULL)
            *may = false;
    if (!*may) snprintf(why, 200, "rows are not written again: values change");
    b_buf_str(&q, "SELECT 1 FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ");
    b_buf_quote(&q, b_slice_str(m->schema)), b_buf_str(&q, " AND EVENT_OBJECT_TABLE = ");
    b_buf_quote(&q, b_slice_str(m->table));
    b_status s = mig_db_query(db, b_buf_cstr(&q), &triggers, err);
    b_buf_clear(&q);
    b_buf_str(&q, "SELECT 1 FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_SCHEMA = ");
    b_buf_quote(&q, b_slice_str(m->schema)), b_buf_str(&q, " AND REFERENCED_TABLE_NAME = ");
    b_buf_quote(&q, b_slice_str(m->table));
    if (s == B_OK) s = mig_db_query(db, b_buf_cstr(&q), &children, err);
    if (s == B_OK && (b_table_rows(triggers) > 0 || b_table_rows(children) > 0)) {
        *may = false;
        snprintf(why, 200, "rows are not written again: the table has triggers, or others refer to it");
    }
    b_table_free(triggers), b_table_free(children);
    b_buf_deinit(&q);
    return s;
}

/* ---- the statements ---- */

static const char *keep(px_load *l, b_buf *b)
{
    const char *out = b->failed ? NULL : b_arena_strdup(l->arena, b_buf_cstr(b));
    b_buf_clear(b);
    return out == NULL ? "?" : out;
}

static void list(b_buf *q, const column *c, size_t n, bool new_names, bool pairs)
{
    bool first = true;
    for (size_t i = 0; i < n; i++) {
        if (pairs ? !c[i].pair : c[i].generated) continue;
        b_buf_printf(q, "%s%s", first ? "" : ", ", new_names ? c[i].to : c[i].name);
        first = false;
    }
}

static void statements(px_load *l, side *w, const cfg_migration *m, const column *c, size_t n, bool again)
{
    b_buf q = {0};
    bool new_names = w->where == PX_CLONE_NEW, first = true;
    const char *table = quoted(l->arena, b_slice_str(m->table));
    size_t v = 0;
    b_buf_str(&q, "SELECT "), list(&q, c, n, new_names, true), b_buf_printf(&q, " FROM %s WHERE", table);
    w->read = keep(l, &q);
    b_buf_str(&q, "SELECT "), list(&q, c, n, new_names, true), b_buf_str(&q, " INTO ");
    for (size_t i = 0; i < n; i++)
        if (c[i].pair) b_buf_printf(&q, "%s@v%zu", v == 0 ? "" : ", ", v), v++;
    b_buf_printf(&q, " FROM %s WHERE", table);
    w->pick = keep(l, &q);
    b_buf_printf(&q, "UPDATE %s SET ", table);
    v = 0;
    for (size_t i = 0; i < n; i++) {
        if (!c[i].pair) continue;
        b_buf_printf(&q, "%s%s = @v%zu", first ? "" : ", ", new_names ? c[i].to : c[i].name, v++);
        first = false;
    }
    b_buf_str(&q, " WHERE");
    w->change = keep(l, &q);
    if (again) {
        b_buf_printf(&q, "REPLACE INTO %s (", table), list(&q, c, n, new_names, false),
            b_buf_str(&q, ") SELECT ");
        list(&q, c, n, new_names, false), b_buf_printf(&q, " FROM %s WHERE", table);
        w->again = keep(l, &q);
    }
    b_buf_deinit(&q);
}

static b_status learn(px_load *l, mig_db *db, const cfg_migration *m, char why[200], b_err *err)
{
    column *c = NULL;
    size_t n = 0;
    bool again = false;
    b_status s = columns(db, m, l->arena, &c, &n, err);
    if (s == B_OK) s = whole_rows(db, m, &again, why, err);
    if (s == B_OK) s = keys(l, db, m, c, n, "", err);
    if (s == B_OK) s = keys(l, db, m, c, n, " DESC", err);
    if (s == B_OK && l->nkeys == 0)
        snprintf(why, 200, "no statements: the table has no primary key, or no row");
    for (int i = 0; s == B_OK && i < 2; i++) statements(l, &l->sides[i], m, c, n, again);
    return s;
}

/* ---- from outside ---- */

b_status px_load_learn(const px_clone *k, mig_db *direct, const cfg_migration *m, unsigned a_second,
                       px_load **out, char why[200], b_err *err)
{
    px_load *l = calloc(1, sizeof *l);
    why[0] = '\0';
    if (l == NULL || (l->arena = b_arena_new(0)) == NULL) {
        free(l);
        return b_fail(err, B_NOMEM, "out of memory");
    }
    l->clone = k, l->schema = m->schema, l->every_us = a_second == 0 ? 0 : UINT64_C(2000000) / a_second;
    pthread_mutex_init(&l->mu, NULL);
    for (int i = 0; i < 2; i++)
        l->sides[i].l = l, l->sides[i].where = i, l->sides[i].seed = 20261126u + (unsigned)i;
    b_status s = learn(l, direct, m, why, err);
    if (s != B_OK) {
        px_load_stop(l);
        l = NULL;
    }
    *out = l;
    return s;
}

b_status px_load_run(px_load *l, b_err *err)
{
    for (int i = 0; i < 2 && l->nkeys > 0 && l->every_us > 0; i++) {
        atomic_store(&l->sides[i].running, true);
        if (pthread_create(&l->sides[i].thread, NULL, work, &l->sides[i]) == 0) continue;
        atomic_store(&l->sides[i].running, false);
        return b_fail(err, B_NOMEM, "cannot start a thread");
    }
    return B_OK;
}

void px_load_take(px_load *l, px_load_figures *out)
{
    pthread_mutex_lock(&l->mu);
    *out = l->now;
    out->p50_us = px_histogram_at(&l->times, 0.5), out->p99_us = px_histogram_at(&l->times, 0.99);
    l->now = (px_load_figures){0};
    l->times = (px_histogram){0};
    pthread_mutex_unlock(&l->mu);
}

static void end(side *w)
{
    if (!atomic_exchange(&w->running, false)) return;
    pthread_join(w->thread, NULL);
}

void px_load_new_only(px_load *l)
{
    end(&l->sides[PX_CLONE_OLD]);
}

void px_load_stop(px_load *l)
{
    if (l == NULL) return;
    for (int i = 0; i < 2; i++) end(&l->sides[i]);
    pthread_mutex_destroy(&l->mu);
    b_arena_free(l->arena);
    free(l);
}
