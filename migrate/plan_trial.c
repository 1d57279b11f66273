/* What the server really does with each step of a plan: every ALTER is run, in order, on an empty copy of the
 * table (CREATE TABLE … LIKE in schema straddle), with INSTANT, INPLACE without a lock, then COPY asked for
 * by name; the first that it takes is what the plan says. Times follow from reading a few chunks of the table
 * itself against a clock. Writes nothing outside of schema straddle. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SAMPLE_CHUNKS = 5,
    SAMPLE_ROWS = 2000,
    /* rows a second where the sample reads READ of them: measured, docs/internals.md */
    READ = 600000,
    FILL = 60000,
    COMPARE = 400000,
    INDEX = 350000,
    REBUILD = 300000,
    BINLOG_BYTES = 240 /* a row of the backfill, with a full row image */
};

typedef struct trial {
    mig_db *db;
    const mig__m *m;
    const b_table *steps;
    b_table *out;
    char copy[100]; /* `straddle`.`plan_…` */
    b_buf prefix;   /* ALTER TABLE `schema`.`table` */
    uint64_t rows, data, index, nindexes, value_bytes;
    double scale; /* this server and table against the measured ones */
} trial;

typedef struct verdict {
    const char *algorithm, *lock;
    char why[300]; /* the server's message, where it takes none */
    unsigned rate; /* rows a second that the step touches; 0: none */
} verdict;

/* ---- the sample ---- */

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static b_status read_sizes(trial *t, b_err *err)
{
    b_table *r = NULL;
    b_arena *a = t->m->arena;
    b_status s = mig__query(
        t->db, &r, err,
        "SELECT COALESCE(TABLE_ROWS, 0) AS n, COALESCE(DATA_LENGTH, 0) AS d, COALESCE(INDEX_LENGTH, 0) AS i, "
        "(SELECT COUNT(DISTINCT INDEX_NAME) FROM information_schema.STATISTICS s WHERE s.TABLE_SCHEMA = "
        "t.TABLE_SCHEMA AND s.TABLE_NAME = t.TABLE_NAME AND s.INDEX_NAME <> 'PRIMARY') AS k FROM "
        "information_schema.TABLES t WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        mig__q(a, t->m->schema), mig__q(a, t->m->table));
    if (s != B_OK) return s;
    t->rows = mig__cell_u64(r, 0, "n"), t->data = mig__cell_u64(r, 0, "d");
    t->index = mig__cell_u64(r, 0, "i"), t->nindexes = mig__cell_u64(r, 0, "k");
    b_table_free(r);
    return B_OK;
}

/* Bytes of the columns that are filled, in the rows of one chunk. */
static b_status read_chunk(trial *t, const mig__key *k, const char *last, const char *hi, uint64_t *bytes,
                           b_err *err)
{
    b_buf q = {0};
    b_table *r = NULL;
    const char *old = t->m->phase >= RW_CONTRACTED ? NULL : t->m->pairs[0].from;
    b_buf_str(&q, "SELECT COALESCE(SUM(");
    if (old == NULL || old[0] == '\0')
        b_buf_str(&q, "8");
    else
        b_buf_str(&q, "COALESCE(LENGTH("), b_buf_ident(&q, b_slice_str(old)), b_buf_str(&q, "), 0)");
    b_buf_str(&q, "), 0) AS b");
    mig__key_rows(k, t->m, last, hi, &q);
    b_status s = mig__ask(t->db, &r, err, &q);
    if (s == B_OK) *bytes += mig__cell_u64(r, 0, "b");
    b_table_free(r);
    b_buf_deinit(&q);
    return s;
}

static b_status sample(trial *t, b_err *err)
{
    mig__key key;
    b_err why;
    b_buf last = {0}, hi = {0};
    uint64_t seen = 0, bytes = 0, found = SAMPLE_ROWS;
    t->scale = 1;
    b_status s = mig__key_load(t->db, t->m->schema, t->m->table, &key, &why);
    if (s == B_REFUSED) return B_OK; /* an instant rename needs no key */
    if (s != B_OK) return b_fail(err, s, "%s", why.msg);
    uint64_t started = now_us();
    for (int i = 0; s == B_OK && i < SAMPLE_CHUNKS && found == SAMPLE_ROWS; i++) {
        const char *from = last.n > 0 ? b_buf_cstr(&last) : NULL;
        s = mig__key_range(t->db, t->m, &key, from, SAMPLE_ROWS, &hi, &found, err);
        if (s == B_OK && found > 0) s = read_chunk(t, &key, from, b_buf_cstr(&hi), &bytes, err);
        seen += found;
        b_buf_clear(&last), b_buf_slice(&last, b_buf_view(&hi));
    }
    uint64_t took = now_us() - started;
    if (seen >= SAMPLE_ROWS && took > 0) t->scale = (double)seen * 1e6 / (double)took / READ;
    if (t->scale > 2) t->scale = 2;
    if (seen > 0) t->value_bytes = bytes / seen + 1;
    b_buf_deinit(&last), b_buf_deinit(&hi);
    mig__key_deinit(&key);
    return s;
}

/* ---- trying ---- */

static bool starts(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

/* The change of an ALTER of this table, without the algorithm; NULL for anything else. In the arena. */
static const char *change_of(const trial *t, const char *sql)
{
    if (!starts(sql, b_buf_cstr(&t->prefix))) return NULL;
    const char *change = sql + t->prefix.n, *end = NULL;
    for (const char *p = strstr(change, ", ALGORITHM="); p != NULL; p = strstr(p + 1, ", ALGORITHM="))
        end = p;
    return b_arena_printf(t->m->arena, "%.*s", end == NULL ? (int)strlen(change) : (int)(end - change),
                          change);
}

static void try_one(trial *t, const char *change, verdict *v)
{
    static const struct {
        const char *sql, *lock;
    } ways[] = {
        {"ALGORITHM=INSTANT",
         "exclusive metadata lock for a moment; the ALTER is killed after 150 ms of waiting, "
         "and tried again"},
        {"ALGORITHM=INPLACE, LOCK=NONE", "online; exclusive metadata lock for a moment at its begin and end"},
        {"ALGORITHM=COPY", "no writes for as long as it takes; ADVANCE asks for FORCE"},
    };
    b_err why = {0};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        b_status s = mig_db_exec(t->db, NULL, &why, "ALTER TABLE %s %s, %s", t->copy, change, ways[i].sql);
        if (s != B_OK) continue;
        v->algorithm = ways[i].sql, v->lock = ways[i].lock;
        bool rebuild = starts(change, "MODIFY"),
             index = strstr(change, "INDEX") != NULL && starts(change, "ADD");
        v->rate = i == 0 ? 0 : i == 2 ? REBUILD / 2 : rebuild ? REBUILD : index ? INDEX : 0;
        return;
    }
    v->algorithm = "not taken";
    snprintf(v->why, sizeof v->why, "%.290s", why.msg);
    v->lock = v->why;
}

/* ---- the answer ---- */

static void put_time(const trial *t, unsigned rate, const char *as_it_was)
{
    if (rate == 0) {
        b_table_str(t->out, as_it_was);
        return;
    }
    double per_second = (double)rate * t->scale;
    b_table_printf(t->out, "about %.0f s for %llu rows", (double)t->rows / per_second + 1,
                   (unsigned long long)t->rows);
}

static void put_bytes(const trial *t, uint64_t bytes, const char *of)
{
    if (bytes == 0)
        b_table_str(t->out, "none");
    else
        b_table_printf(t->out, "%.1f MiB%s", (double)bytes / 1048576, of);
}

static void put_space(const trial *t, const char *sql, const verdict *v)
{
    bool index = v->rate != 0 && strstr(sql, "INDEX") != NULL;
    if (starts(sql, "UPDATE"))
        put_bytes(t, t->rows * (t->value_bytes + BINLOG_BYTES), ", of it most in the binary log");
    else if (index)
        put_bytes(t, t->nindexes == 0 ? t->rows * 16 : t->index / t->nindexes, "");
    else
        put_bytes(t, v->rate == 0 ? 0 : t->data + t->index, " while it runs");
}

static void put_lag(const trial *t, const char *sql, const verdict *v)
{
    if (starts(sql, "UPDATE"))
        b_table_printf(t->out, "held below %llu ms where replicas are configured",
                       (unsigned long long)t->m->pace.max_lag_ms);
    else if (v->rate != 0)
        b_table_printf(t->out, "about %.0f s: a replica begins when the source is done",
                       (double)t->rows / ((double)v->rate * t->scale) + 1);
    else
        b_table_str(t->out, "none");
}

static void put_step(trial *t, size_t i)
{
    const char *sql = mig__cell(t->steps, i, "sql").p, *undo = mig__cell(t->steps, i, "rollback_sql").p;
    const char *change = change_of(t, sql);
    rw_phase phase = RW_PLANNED;
    bool done = rw_phase_parse(mig__cell(t->steps, i, "phase"), &phase) && phase <= t->m->phase;
    verdict v = {.algorithm = "-", .lock = mig__cell(t->steps, i, "lock").p};
    if (change != NULL && done) v.algorithm = "done";
    if (change != NULL && !done) try_one(t, change, &v);
    if (starts(sql, "UPDATE")) v.rate = FILL;
    if (starts(sql, "-- VERIFY")) v.rate = COMPARE;
    b_table_row(t->out);
    b_table_add(t->out, mig__cell(t->steps, i, "step")), b_table_add(t->out, mig__cell(t->steps, i, "phase"));
    if (change != NULL && !done && v.why[0] == '\0')
        b_table_printf(t->out, "%s%s, %s", b_buf_cstr(&t->prefix), change, v.algorithm);
    else
        b_table_str(t->out, sql);
    b_table_str(t->out, undo), b_table_str(t->out, v.algorithm), b_table_str(t->out, v.lock);
    put_time(t, v.rate, mig__cell(t->steps, i, "estimate").p);
    if (starts(sql, "-- VERIFY")) v.rate = 0;
    put_space(t, sql, &v), put_lag(t, sql, &v);
}

static b_status make_copy(trial *t, b_err *err)
{
    snprintf(t->copy, sizeof t->copy, "`straddle`.`plan_%llu`", (unsigned long long)mig_db_thread_id(t->db));
    b_arena *a = t->m->arena;
    return mig__query(t->db, NULL, err, "CREATE TABLE %s LIKE %s.%s", t->copy, mig__id(a, t->m->schema),
                      mig__id(a, t->m->table));
}

/* Copies whose connection is gone: the process died while it planned. */
static b_status sweep(mig_db *db, b_err *err)
{
    b_table *t = NULL;
    b_status s =
        mig_db_query(db,
                     "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'straddle' AND "
                     "TABLE_NAME LIKE "
                     "'plan\\_%' AND CAST(SUBSTRING(TABLE_NAME, 6) AS UNSIGNED) NOT IN (SELECT ID FROM "
                     "information_schema.PROCESSLIST)",
                     &t, err);
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++)
        s = mig__query(db, NULL, err, "DROP TABLE IF EXISTS straddle.`%s`", b_table_cell(t, i, 0).p);
    b_table_free(t);
    return s;
}

b_status mig__plan_try(mig_db *db, const mig__m *m, const b_table *steps, b_table *out, b_err *err)
{
    static const char *const columns[] = {"step", "phase",    "sql",   "rollback_sql", "algorithm",
                                          "lock", "estimate", "space", "replica_lag"};
    trial t = {.db = db, .m = m, .steps = steps, .out = out};
    b_err ignored;
    b_buf_printf(&t.prefix, "ALTER TABLE %s.%s ", mig__id(m->arena, m->schema), mig__id(m->arena, m->table));
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) b_table_column(out, columns[i]);
    b_status s = sweep(db, err);
    if (s == B_OK) s = read_sizes(&t, err);
    if (s == B_OK) s = sample(&t, err);
    if (s == B_OK)
        s = mig_db_query(db, "SET SESSION foreign_key_checks = 0, sql_mode = 'STRICT_TRANS_TABLES'", NULL,
                         err);
    if (s == B_OK) s = make_copy(&t, err);
    for (size_t i = 0; s == B_OK && i < b_table_rows(steps); i++) put_step(&t, i);
    if (t.copy[0] != '\0') {
        b_status d = mig__query(db, NULL, s == B_OK ? err : &ignored, "DROP TABLE IF EXISTS %s", t.copy);
        if (s == B_OK) s = d;
    }
    if (s == B_OK && (b_table_failed(out) || t.prefix.failed)) s = b_fail(err, B_NOMEM, "out of memory");
    b_buf_deinit(&t.prefix);
    return s;
}
