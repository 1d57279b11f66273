/* What the parts of `guard: watch` share. Private to migrate/. */
#ifndef MIGRATE_BYPASS_H
#define MIGRATE_BYPASS_H

#include "binlog.h"
#include "mig.h"

typedef struct mig__watched { /* a migration, and where its columns are in an event's rows */
    mig__m *m;
    mig__key key;
    mig__literal *how;       /* of each column of the key */
    size_t *at;              /* ordinals of the key's columns, from 0 */
    size_t *old_at, *new_at; /* of each pair; SIZE_MAX: it has no such side */
    size_t ncolumns, other;  /* now; and those of events that were found to have others */
    bool renames;            /* names only: same bytes are right */
} mig__watched;

/* B_NOT_FOUND: no such migration. */
b_status mig__watched_load(mig_db *db, const char *name, mig__watched *out, b_err *err) B_MUSTCHECK;
void mig__watched_deinit(mig__watched *w);
bool mig__watched_is(const mig__watched *w, const mig__map *map);
/* Can the key's values be told from the log? *column: which one not. */
b_status mig__watched_key(mig_db *db, const char *schema, const char *table, const char **column, b_arena *a,
                          b_err *err) B_MUSTCHECK;

typedef struct mig__suspect { /* a row to be looked at */
    size_t watched;
    char *key; /* literals, as mig__key_literals writes them */
    uint64_t due_ms;
    uint32_t when, server;
    bool by_old, by_new; /* which column the statement set */
    bool inserted;       /* one that gave both, or which had defaults */
} mig__suspect;
typedef struct mig__suspects { /* in the order in which they are due */
    mig__suspect *v;
    size_t n, cap, from;
    uint64_t added; /* all that ever were */
} mig__suspects;

uint64_t
mig__suspects_first(const mig__suspects *s); /* number of the first that waits; `added` if none does */
void mig__suspects_clear(mig__suspects *s);

/* A row of an event: the one that waits, unless its columns are equal in it. */
b_status mig__watched_row(const mig__watched *w, size_t watched, const mig__map *map,
                          const mig__value *before, const mig__value *after, bool update,
                          const mig__event_head *h, uint64_t due_ms, mig__suspects *out,
                          b_err *err) B_MUSTCHECK;
/* Looks at those that are due (all: at all), reports what is not right, repairs it where it shall. *stale:
 * the phase of one has changed since v was read; they go on waiting. */
b_status mig__suspects_look(mig_engine *e, mig_db *db, const mig__watched *v, size_t n, mig__suspects *s,
                            bool all, bool *stale, b_err *err) B_MUSTCHECK;

/* bypass_text.c. B_INVALID: the statement that the event has as text may have written one of the tables. */
b_status mig__watched_text(const mig__watched *v, size_t n, rw_server server, const mig__event_head *h,
                           b_err *err) B_MUSTCHECK;

/* bypass_repair.c. Repairs that row of straddle.bypass, in a transaction of its own: only the column that
 * reads do not go to, only as it was seen, and never where it may hold the only copy of a value; *done: the
 * row is right, and is marked so. */
b_status mig__bypass_repair_row(mig_db *db, const mig__m *m, const mig__key *k, const char *key, bool *done,
                                b_err *err) B_MUSTCHECK;
/* All of a column's values in the row are NULL or their default. */
void mig__bypass_blank(const mig__m *m, bool old, b_buf *q);

#endif
