/* Two schemas on a real server: traps_plain with the table as it was before any migration, traps_real with
 * the table as it physically is in one phase, and the rewriter set up for the latter. The same statement can
 * be run in each. One thread. */
#ifndef TRAPS_WORLD_H
#define TRAPS_WORLD_H

#include "base/arena.h"
#include "rewrite/rewrite.h"
#include "sql.h"

/* Kinds of the column that is renamed from tt to pm. */
typedef enum tw_kind {
    TW_VARCHAR,     /* NOT NULL, no default */
    TW_NULLABLE,    /* varchar, NULL */
    TW_INT,         /* NOT NULL DEFAULT 7 */
    TW_INT_NULL,    /* INT NULL */
    TW_UUID,        /* an expression as the default */
    TW_NOW,         /* datetime with CURRENT_TIMESTAMP as the default */
    TW_TOUCHED,     /* the same, and ON UPDATE CURRENT_TIMESTAMP */
    TW_ENUM,        /* NOT NULL DEFAULT 'a' */
    TW_DECIMAL,     /* NOT NULL DEFAULT 0.00 */
    TW_PARTITIONED, /* as TW_VARCHAR, partitioned by the key */
    TW_INDEXED      /* as TW_VARCHAR, with indexes by_tt and by_n and the twins that each phase has */
} tw_kind;

/* A phase, as the table physically is in it; two more for what the phases alone do not say. */
typedef struct tw_state {
    const char *name;
    rw_phase phase;
    bool up;    /* B has DEFAULT (A) */
    bool stale; /* in every row B is NULL, or in switched A a constant: the backfill has not begun */
} tw_state;

const tw_state *tw_states(size_t *n);

typedef struct tw_world {
    const ts_server *server;
    ts_conn *plain, *real;
    tw_kind kind;
    const tw_state *state;
    rw_catalog *catalog;
    rw_ruleset *rules;
    b_arena *arena;
} tw_world;

void tw_open(tw_world *w, const ts_server *s);
void tw_close(tw_world *w);

/* Makes the tables anew, and the rewriter for them. */
void tw_set(tw_world *w, tw_kind kind, const tw_state *state);

/* Puts the first rows back into all tables and sets the mode (NULL: the strict default). */
void tw_fill(tw_world *w, const char *sql_mode);

/* The column that clients read in this phase. */
const char *tw_read_column(const tw_world *w);

#endif
