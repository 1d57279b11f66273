/* `guard: watch`: follows the row binary log, and looks at rows of watched tables that somebody wrote. A
 * thread and two connections of its own; of several instances one does it, the one that has the lock
 * straddle.guard.
 *
 * The log only says which rows to look at: the key is taken out of an event, and a moment later, when the
 * transaction is there for all to see, the row itself is asked whether it is right. So a dual write in
 * motion, or one that was put right meanwhile, is no alarm. A row of a rename whose two columns have the same
 * bytes in the event is right at once. Before the backfill has passed a row it need not be.
 *
 * Where it is in the log is kept in straddle.guard, behind all that was looked at: another instance, or the
 * same one after a lost connection, goes on from there. What could not be read is said there (missed), and in
 * last_error of the watched migrations, whose checksum is void then. */
#include "bypass.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK_AFTER_MS = 300,
    LIST_MS = 1000,
    KEEP_MS = 1000,
    LOST_MS = 1000,
    UNREAD_MS = 1000,
    READ_MS = 10000,
    SAID_AFTER = 3,
    MOST_WAITING = 50000
};

typedef struct known_map { /* a table map of the log, of a watched table */
    mig__map map;
    size_t watched;
} known_map;

typedef struct tail {
    mig_engine *e;
    mig_db *db, *dump;
    mig__watched *v; /* the migrations */
    size_t n;
    uint64_t listed_ms, kept_ms;
    known_map maps[64];
    size_t nmaps, next_map;
    mig__value *before, *after;
    mig__suspects waiting;
    bool checksums, between; /* two transactions */
    unsigned failures;
    uint64_t unread_ms; /* when an event was said to be unread, and one that is still to be said */
    char unread[1200];
    rw_server kind;
    char server[80], file[512], kept_file[512], list[80];
    uint64_t position, kept_position,
        kept_seq; /* of a transaction's beginning; and how far it is to be kept */
} tail;

static void forget_maps(tail *t)
{
    for (size_t i = 0; i < sizeof t->maps / sizeof t->maps[0]; i++) mig__map_deinit(&t->maps[i].map);
    t->nmaps = t->next_map = 0;
}

/* ---- which migrations ---- */

static void drop_list(tail *t)
{
    for (size_t i = 0; i < t->n; i++) mig__watched_deinit(&t->v[i]);
    free(t->v);
    t->v = NULL, t->n = 0;
    forget_maps(t);
}

#define WATCHED                                                                                              \
    "FROM straddle.migrations WHERE guard = 'watch' AND strategy = 'dual_write' AND phase IN ('expanded', "  \
    "'dual_write', 'switched')"

/* Of the migration among those that are watched; SIZE_MAX: it is not. */
static size_t place_of(const tail *t, const char *name)
{
    for (size_t i = 0; t->v != NULL && i < t->n; i++)
        if (strcmp(t->v[i].m->name, name) == 0) return i;
    return SIZE_MAX;
}

static b_status load_list(tail *t, b_err *err)
{
    b_table *names = NULL;
    b_status s = mig_db_query(t->db, "SELECT name " WATCHED " ORDER BY name", &names, err);
    if (s != B_OK) return s;
    mig__watched *old = t->v;
    size_t nold = t->n;
    forget_maps(t);
    t->n = 0, t->v = calloc(b_table_rows(names) + 1, sizeof *t->v);
    if (t->v == NULL) s = b_fail(err, B_NOMEM, "out of memory for the guard");
    for (size_t i = 0; s == B_OK && i < b_table_rows(names); i++) {
        s = mig__watched_load(t->db, b_table_cell(names, i, 0).p, &t->v[t->n], err);
        if (s == B_OK) t->n++;
        if (s == B_NOT_FOUND) s = B_OK; /* removed meanwhile */
    }
    b_table_free(names);
    for (size_t i = t->waiting.from; i < t->waiting.n; i++) {
        size_t was = t->waiting.v[i].watched;
        t->waiting.v[i].watched = was < nold && old != NULL ? place_of(t, old[was].m->name) : SIZE_MAX;
    }
    for (size_t i = 0; i < nold; i++) mig__watched_deinit(&old[i]);
    free(old);
    return s;
}

/* Now and then: is it still the same ones, in the same phases? */
static b_status list(tail *t, b_err *err)
{
    char now[80] = "";
    if (t->listed_ms != 0 && mig__now_ms() - t->listed_ms < LIST_MS) return B_OK;
    b_status s = mig_db_scalar(
        t->db,
        "SELECT COALESCE(SHA2(GROUP_CONCAT(CONCAT_WS(' ', name, phase, generation, guard_repair) "
        "ORDER BY name), 256), 'none') " WATCHED,
        now, sizeof now, err);
    if (s == B_OK && strcmp(now, t->list) != 0) s = load_list(t, err);
    if (s == B_OK) snprintf(t->list, sizeof t->list, "%s", now), t->listed_ms = mig__now_ms();
    return s;
}

/* ---- the place in the log ---- */

static b_status missed(tail *t, const char *what, b_err *err)
{
    b_logf(t->e->log, B_ERROR, "migrate", "guard: %s", what);
    b_buf q = {0};
    b_buf_str(&q, "UPDATE straddle.guard SET missed = "), b_buf_quote(&q, b_slice_str(what));
    b_buf_str(&q, ", missed_at = NOW(3) WHERE id = 1");
    b_status s = mig__run(t->db, err, &q);
    b_buf_clear(&q);
    b_buf_str(&q, "UPDATE straddle.migrations SET checksum_clean = 0, last_error = ");
    b_buf_quote(&q, b_slice_str(what));
    b_buf_str(&q, " WHERE guard = 'watch' AND phase IN ('dual_write', 'switched')");
    if (s == B_OK) s = mig__run(t->db, err, &q);
    for (size_t i = 0; i < t->n; i++) mig__hook(t->e, "failure", t->v[i].m->name, NULL, NULL, what);
    b_buf_deinit(&q);
    return s;
}

static b_status keep(tail *t, b_err *err)
{
    b_buf q = {0};
    b_buf_str(&q, "REPLACE INTO straddle.guard (id, server, file, position, runner, kept, missed, missed_at) "
                  "SELECT 1, ");
    b_buf_quote(&q, b_slice_str(t->server)), b_buf_str(&q, ", ");
    b_buf_quote(&q, b_slice_str(t->kept_file));
    b_buf_printf(
        &q,
        ", %llu, '%s', NOW(3), COALESCE(MAX(missed), ''), MAX(missed_at) FROM straddle.guard WHERE id = 1",
        (unsigned long long)t->kept_position, t->e->id);
    b_status s = mig__run(t->db, err, &q);
    b_buf_deinit(&q);
    return s;
}

/* What was read up to a moment ago is kept once all rows in it were looked at. */
static b_status keep_place(tail *t, b_err *err)
{
    b_status s = B_OK;
    if (t->unread[0] != '\0' || (t->kept_ms != 0 && mig__now_ms() - t->kept_ms < KEEP_MS)) return B_OK;
    if (t->kept_file[0] != '\0' && mig__suspects_first(&t->waiting) >= t->kept_seq) {
        s = keep(t, err);
        t->kept_file[0] = '\0';
    }
    if (t->kept_file[0] == '\0') {
        memcpy(t->kept_file, t->file, sizeof t->kept_file);
        t->kept_position = t->position, t->kept_seq = t->waiting.added;
    }
    t->kept_ms = mig__now_ms();
    return s;
}

b_status mig__log_status(mig_db *db, b_table **out, b_err *err)
{
    enum { ER_PARSE = 1064 };
    b_status s = mig__mariadb(db) ? B_DATABASE : mig_db_query(db, "SHOW BINARY LOG STATUS", out, err);
    if (s == B_DATABASE && (mig__mariadb(db) || err->db_errno == ER_PARSE)) /* MySQL has it from 8.2 on */
        s = mig_db_query(db, "SHOW MASTER STATUS", out, err);
    return s;
}

static b_status end_of_log(tail *t, b_err *err)
{
    b_table *r = NULL;
    b_status s = mig__log_status(t->db, &r, err);
    if (s == B_OK && b_table_rows(r) == 0)
        s = b_fail(err, B_STATE, "the server writes no binary log, which guard: watch reads; set log_bin");
    if (s == B_OK) {
        snprintf(t->file, sizeof t->file, "%.*s", B_ARG(mig__cell(r, 0, "File")));
        t->position = mig__cell_u64(r, 0, "Position");
    }
    b_table_free(r);
    return s;
}

static b_status start_place(tail *t, b_err *err)
{
    b_table *r = NULL;
    b_status s =
        mig_db_scalar(t->db,
                      mig__mariadb(t->db) ? "SELECT CONCAT(@@server_id, '@', @@hostname, ':', @@port)"
                                          : "SELECT @@server_uuid",
                      t->server, sizeof t->server, err);
    if (s == B_OK)
        s = mig_db_query(t->db, "SELECT server, file, position FROM straddle.guard WHERE id = 1", &r, err);
    if (s != B_OK) return s;
    bool have = b_table_rows(r) == 1,
         same = have && b_slice_eq(mig__cell(r, 0, "server"), b_slice_str(t->server));
    if (same) {
        snprintf(t->file, sizeof t->file, "%.*s", B_ARG(mig__cell(r, 0, "file")));
        t->position = mig__cell_u64(r, 0, "position");
    } else {
        s = end_of_log(t, err);
    }
    b_table_free(r);
    memcpy(t->kept_file, t->file, sizeof t->kept_file);
    t->kept_position = t->position;
    if (s == B_OK && have && !same) /* said before the place is kept: what fails here is said the next time */
        s = missed(
            t,
            "the server is another one than before: what was written to the table meanwhile was not looked "
            "at; VERIFY MIGRATION",
            err);
    if (s == B_OK && !same) s = keep(t, err);
    t->kept_file[0] = '\0';
    return s;
}

static b_status open_log(tail *t, b_err *err)
{
    uint32_t id = 0x7e000000U | (uint32_t)(b_hash(t->e->id, strlen(t->e->id), 3) & 0xffffffU);
    b_status s = start_place(t, err);
    if (s == B_OK) t->kind = mig__server_of(t->db, err), s = err->code;
    if (s == B_OK) s = mig__connect(t->e, READ_MS, &t->dump, err);
    if (s == B_OK) s = mig_db_binlog_open(t->dump, t->file, t->position, id, err);
    return s;
}

/* The log is not there any more from where it was left: on from its end, and said. */
static b_status start_anew(tail *t, const b_err *why, b_err *err)
{
    char what[1200];
    snprintf(what, sizeof what,
             "the binary log cannot be read on from %s:%llu (%.300s): what was written to the table "
             "meanwhile was not looked at; VERIFY MIGRATION",
             t->file, (unsigned long long)t->position, why->msg);
    b_status s = end_of_log(t, err);
    memcpy(t->kept_file, t->file, sizeof t->kept_file), t->kept_position = t->position;
    if (s == B_OK) s = missed(t, what, err);
    return s == B_OK ? keep(t, err) : s;
}

/* ---- events ---- */

static known_map *map_of(tail *t, uint64_t id)
{
    for (size_t i = 0; i < t->nmaps; i++)
        if (t->maps[i].map.columns != NULL && t->maps[i].map.id == id) return &t->maps[i];
    return NULL;
}

/* Read again, as somebody changed the table; the maps there are name what is freed. */
static b_status reload(tail *t, size_t at, b_err *err)
{
    mig__watched now;
    b_status s = mig__watched_load(t->db, t->v[at].m->name, &now, err);
    if (s == B_NOT_FOUND) return B_OK; /* it goes with the next list */
    if (s != B_OK) return s;
    for (size_t i = 0; i < t->nmaps; i++) {
        if (t->maps[i].map.columns == NULL || t->maps[i].watched != at) continue;
        t->maps[i].map.schema = b_slice_str(now.m->schema), t->maps[i].map.table = b_slice_str(now.m->table);
    }
    mig__watched_deinit(&t->v[at]);
    t->v[at] = now;
    return B_OK;
}

/* The first migration that watches the table of the map; n: none. B_INVALID where the columns are others. */
static b_status place_of_map(tail *t, const mig__map *m, size_t *first, b_err *err)
{
    b_status s = B_OK;
    *first = t->n;
    for (size_t i = 0; s == B_OK && i < t->n; i++) {
        if (!mig__watched_is(&t->v[i], m)) continue;
        if (*first == t->n) *first = i;
        if (t->v[i].ncolumns != m->n && t->v[i].other != m->n) s = reload(t, i, err);
        if (s != B_OK || t->v[i].ncolumns == m->n) continue;
        t->v[i].other = m->n;
        s = b_fail(err, B_INVALID, "table %s.%s has %zu columns there, and %zu now", t->v[i].m->schema,
                   t->v[i].m->table, m->n, t->v[i].ncolumns);
    }
    return s;
}

static b_status on_map(tail *t, const mig__event_head *h, b_err *err)
{
    mig__map m;
    size_t at = 0;
    b_status s = mig__binlog_map(h->body, &m, err);
    if (s != B_OK) return s;
    s = place_of_map(t, &m, &at, err);
    known_map *k = map_of(t, m.id);
    if (k != NULL) mig__map_deinit(&k->map);
    if (s != B_OK || at == t->n) {
        mig__map_deinit(&m);
        return s;
    }
    if (k == NULL) k = &t->maps[t->next_map++ % (sizeof t->maps / sizeof t->maps[0])];
    if (t->nmaps < t->next_map && t->nmaps < sizeof t->maps / sizeof t->maps[0]) t->nmaps++;
    mig__map_deinit(&k->map);
    m.schema = b_slice_str(t->v[at].m->schema),
    m.table = b_slice_str(t->v[at].m->table); /* those outlive the event */
    *k = (known_map){m, at};
    return B_OK;
}

/* Several migrations may watch one table: each looks at the row. */
static b_status on_row(tail *t, const known_map *k, const mig__event_head *h, bool update, b_err *err)
{
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < t->n; i++)
        if (mig__watched_is(&t->v[i], &k->map))
            s = mig__watched_row(&t->v[i], i, &k->map, t->before, t->after, update, h,
                                 mig__now_ms() + LOOK_AFTER_MS, &t->waiting, err);
    return s;
}

static b_status on_rows(tail *t, const mig__event_head *h, b_err *err)
{
    mig__rows r;
    bool more = true;
    b_status s = mig__binlog_rows(h, &r, err);
    const known_map *k = s == B_OK ? map_of(t, r.table) : NULL;
    while (s == B_OK && k != NULL && more) {
        s = mig__binlog_row(&r, &k->map, t->before, t->after, &more, err);
        if (s == B_OK && more) s = on_row(t, k, h, r.update, err);
    }
    return s;
}

/* What cannot be read is no reason to stop: it is said, and the next event is read. */
static b_status on_event(tail *t, const mig__event_head *h, b_err *err)
{
    b_slice file;
    uint64_t at = 0;
    b_err why = {0};
    b_status s = B_OK;
    switch (h->kind) {
    case MIG__EV_GROUP:
        if (h->next >= h->size) t->position = h->next - h->size;
        return B_OK;
    case MIG__EV_IDLE: return B_OK;
    case MIG__EV_ROTATE:
        if (!mig__binlog_rotate(h->whole, &at, &file) || file.n >= sizeof t->file) return B_OK;
        snprintf(t->file, sizeof t->file, "%.*s", B_ARG(file));
        t->position = at;
        return B_OK;
    case MIG__EV_MAP: s = on_map(t, h, &why); break;
    case MIG__EV_WRITE:
    case MIG__EV_UPDATE: s = on_rows(t, h, &why); break;
    case MIG__EV_UNREAD_ROWS:
        if (map_of(t, mig__map_id(h->body)) == NULL) return B_OK;
        s = b_fail(&why, B_INVALID, "rows are compressed, or hold parts of JSON values");
        break;
    case MIG__EV_UNREAD: s = b_fail(&why, B_INVALID, "a transaction is compressed"); break;
    case MIG__EV_UNREAD_TEXT: s = b_fail(&why, B_INVALID, "a statement is compressed"); break;
    case MIG__EV_TEXT: s = mig__watched_text(t->v, t->n, t->kind, h, &why); break;
    case MIG__EV_FORMAT:
    case MIG__EV_DELETE:
    case MIG__EV_OTHER: return B_OK;
    }
    if (s != B_INVALID) return s == B_OK ? B_OK : b_fail(err, s, "%s", why.msg);
    snprintf(t->unread, sizeof t->unread,
             "an event near %s:%llu could not be read, its rows were not looked at; VERIFY "
             "MIGRATION: %.300s",
             t->file, (unsigned long long)t->position, why.msg);
    return B_OK;
}

/* An event that was not read is said at once, and of many that follow the last one each second. */
static b_status say_unread(tail *t, b_err *err)
{
    if (t->unread[0] == '\0' || (t->unread_ms != 0 && mig__now_ms() - t->unread_ms < UNREAD_MS)) return B_OK;
    b_status s = missed(t, t->unread, err);
    t->unread[0] = '\0', t->unread_ms = mig__now_ms();
    return s;
}

static b_status take_event(tail *t, b_err *err)
{
    b_slice bytes;
    mig__event_head h;
    b_status s = mig_db_binlog_next(t->dump, &bytes, err);
    if (s != B_OK) return s;
    t->between = false;
    if (!mig__binlog_head(bytes, false, &h)) return b_fail(err, B_LOST, "the server sent what is no event");
    if (h.kind == MIG__EV_FORMAT) t->checksums = mig__binlog_checksums(bytes);
    if (h.kind != MIG__EV_FORMAT && !mig__binlog_head(bytes, t->checksums, &h))
        return b_fail(err, B_LOST, "the server sent what is no event");
    /* a map is good for the rows that follow it: the list changes between two transactions only */
    t->between = h.kind == MIG__EV_GROUP || h.kind == MIG__EV_IDLE;
    return on_event(t, &h, err);
}

/* ---- the thread ---- */

static b_status follow(tail *t, b_err *err)
{
    b_status s = B_OK;
    while (s == B_OK && !mig__stopping(t->e)) {
        if (t->between) s = list(t, err);
        if (s != B_OK || t->n == 0) break;
        s = take_event(t, err);
        if (s == B_OK) s = say_unread(t, err);
        bool stale = false;
        if (s == B_OK)
            s = mig__suspects_look(t->e, t->db, t->v, t->n, &t->waiting,
                                   t->waiting.n - t->waiting.from > MOST_WAITING, &stale, err);
        if (stale) t->listed_ms = 0, t->list[0] = '\0';
        if (s == B_OK) s = keep_place(t, err);
    }
    return s;
}

static void close_log(tail *t)
{
    mig_db_close(t->dump);
    t->dump = NULL, t->checksums = false, t->between = true, t->kept_file[0] = '\0', t->kept_ms = 0;
    t->unread[0] = '\0';
    mig__suspects_clear(&t->waiting);
    drop_list(t);
    t->list[0] = '\0', t->listed_ms = 0;
}

static void end_session(tail *t)
{
    if (t->db != NULL) mig_engine_unregister(t->e, mig_db_thread_id(t->db), 0, false);
    mig_db_close(t->db);
    t->db = NULL;
}

static b_status session(tail *t, b_err *err)
{
    b_status s = mig__connect(t->e, 0, &t->db, err);
    if (s == B_OK) s = mig__register_own(t->e, t->db, err);
    if (s == B_OK) s = mig_db_query(t->db, "SET SESSION innodb_lock_wait_timeout = 1", NULL, err);
    return s;
}

/* It does not run, again and again: said where somebody looks. */
static void cannot_run(tail *t, const b_err *why)
{
    b_err ignored;
    b_buf q = {0};
    if (++t->failures != SAID_AFTER || t->db == NULL) return;
    b_buf_str(&q, "UPDATE straddle.migrations SET checksum_clean = 0, last_error = LEFT(CONCAT('guard: watch "
                  "does not run: ', ");
    b_buf_quote(&q, b_slice_str(why->msg));
    b_buf_str(&q, "), 1000) WHERE guard = 'watch' AND phase IN ('expanded', 'dual_write', 'switched')");
    if (mig__run(t->db, &ignored, &q) != B_OK) t->failures--;
    b_buf_deinit(&q);
}

static b_status turn(tail *t, b_err *err)
{
    char lock[8] = "";
    b_err why = {0};
    b_status s = t->db != NULL ? B_OK : session(t, err);
    t->between = true;
    if (s == B_OK) s = mig_db_scalar(t->db, "SELECT GET_LOCK('straddle.guard', 0)", lock, sizeof lock, err);
    if (s != B_OK || lock[0] != '1') return s; /* another instance does it */
    s = list(t, err);
    if (s == B_OK && t->n == 0) /* the next one begins at the end that the log has then */
        s = mig_db_query(t->db, "DELETE FROM straddle.guard", NULL, err);
    else if (s == B_OK && (s = open_log(t, &why)) == B_OK)
        s = follow(t, &why);
    if (s == B_DATABASE && why.db_errno == 1236)
        s = start_anew(t, &why, err);
    else if (s != B_OK && why.msg[0] != '\0')
        s = b_fail(err, s, "%s", why.msg);
    close_log(t);
    b_err ignored;
    b_status released =
        mig_db_query(t->db, "DO RELEASE_LOCK('straddle.guard')", NULL, s == B_OK ? err : &ignored);
    return s == B_OK ? released : s;
}

void *mig__bypass_main(void *engine)
{
    tail *t = calloc(1, sizeof *t);
    mig_engine *e = engine;
    if (t != NULL) t->before = calloc(MIG__MAP_COLUMNS, sizeof *t->before);
    if (t != NULL) t->after = calloc(MIG__MAP_COLUMNS, sizeof *t->after);
    if (t == NULL || t->before == NULL || t->after == NULL)
        b_logf(e->log, B_ERROR, "migrate", "guard: out of memory, nothing is watched");
    while (t != NULL && t->before != NULL && t->after != NULL && !mig__stopping(e)) {
        b_err err = {0};
        t->e = e;
        b_status s = turn(t, &err);
        if (s != B_OK) {
            if (!mig__stopping(e)) b_logf(e->log, B_WARN, "migrate", "guard: %s", err.msg);
            if (!mig__stopping(e) && s != B_LOST) cannot_run(t, &err);
            end_session(t);
        } else {
            t->failures = 0;
        }
        mig__sleep(e, LOST_MS);
    }
    if (t != NULL) {
        end_session(t);
        free(t->before), free(t->after);
    }
    free(t);
    return NULL;
}
