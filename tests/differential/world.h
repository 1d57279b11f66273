/* A schema of the differential tester: the same tables three times. `…_old` and `…_new` hold the plain table,
 * with the column under its one or its other name, and are never migrated; in `…_mig` it is migrating. Beside
 * it are o, which has a column called as the new name, p, which has one called as the old name, s, which has
 * neither, and arch, of the plain table's shape. Where the column is NOT NULL, `…_nullold` and `…_nullnew`
 * are the plain table with a column that is not: what the migrating table physically is in switched, for
 * differences that come of that alone. Made from a seed; immutable afterwards. */
#ifndef DIFFERENTIAL_WORLD_H
#define DIFFERENTIAL_WORLD_H

#include "process.h"
#include "sql.h"

/* DT_STALE is dual_write before the backfill, which is held by dt.held (dt_world_go): all rows that were
 * there lack the new value. */
enum { DT_PLANNED, DT_EXPANDED, DT_STALE, DT_DUAL_WRITE, DT_SWITCHED, DT_RETIRED, DT_CONTRACTED, DT_PHASES };
enum { DT_WORLDS = 4 };
extern const char *const dt_phases[DT_PHASES];

typedef enum dt_side { DT_OLD, DT_NEW, DT_MIG, DT_OLD_NULL, DT_NEW_NULL, DT_SIDES } dt_side;

/* What kind of values a column holds, for the literals that statements use. */
typedef enum dt_kind { DT_TEXT_KIND, DT_NUMBER_KIND, DT_DATE_KIND, DT_ENUM_KIND, DT_JSON_KIND } dt_kind;

typedef struct dt_type {
    const char *type;
    dt_kind kind;
    const char *dflt; /* as a literal, or NULL where it cannot have one */
    bool no_key;      /* needs a prefix length as a key */
} dt_type;

/* A migration that changes values: what the new column is where the old one has the world's type. */
typedef struct dt_change {
    unsigned of;             /* index of the old type */
    const char *type, *dflt; /* of the new one */
    const char *up, *down;   /* behind a column's name or a value; "" as it is */
    const char *exact[2];    /* types in which the old and the new values are compared and shown */
} dt_change;

typedef struct dt_names {
    const char *table, *a, *b;
    bool plain; /* the columns' names need no quotes */
    bool plain_table;
} dt_names;

typedef struct dt_world {
    unsigned number;
    const dt_type *type;
    const dt_change *change; /* or NULL: a rename */
    const dt_names *names;
    bool instant; /* the strategy, which has planned and contracted only; the column has a FULLTEXT index then
                   */
    bool nullable, has_default, key, unique, partitioned, auto_increment, on_update;
    unsigned place; /* of the column: 0 second, 1 fourth, 2 last */
    char file[64];  /* rows for LOAD DATA: id,k,column,n,note */
} dt_world;

bool dt_world_has_phase(const dt_world *w, int phase);
void dt_world_make(dt_world *w, uint64_t seed, unsigned number, bool mariadb);
const char *dt_world_schema(const dt_world *w, dt_side side, char buf[32]);
void dt_world_text(const dt_world *w, char *buf, size_t size); /* the plain table's CREATE TABLE */

/* Writes the file; in a folder of the caller's. */
void dt_world_file(dt_world *w, const char *dir);

/* Makes and fills the three schemas; the migration is in no phase. */
void dt_world_create(const dt_world *w, ts_conn *direct);
void dt_world_drop(const dt_world *w, ts_conn *direct);
void dt_world_apply(const dt_world *w, ts_conn *admin);
void dt_world_go(const dt_world *w, ts_conn *admin, ts_conn *direct, int phase);

/* The procedures that show the tables as they are stored and then roll back (client.h): in schema `dt`, which
 * names no migrating table to the proxy. dt.SCHEMA shows the migrating table, dt.SCHEMA_all s and arch, too.
 * Made anew in every phase, since they name physical columns. Where values change, dt.SCHEMA_as_new and
 * dt.SCHEMA_as_new_all show the migrating table's in the new column's terms. */
void dt_world_watch(const dt_world *w, ts_conn *direct, int phase);
void dt_world_unwatch(const dt_world *w, ts_conn *direct);

/* The first rows again, for what a rollback does not undo. */
void dt_world_fill(const dt_world *w, ts_conn *direct, int phase);

#endif
