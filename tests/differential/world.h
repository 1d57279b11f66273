/* A schema of the differential tester: the same tables three times. `…_old` and `…_new` hold the plain table,
 * with the column under its one or its other name, and are never migrated; in `…_mig` it is migrating. Beside
 * it are o, which has a column called as the new name, p, which has one called as the old name, s, which has
 * neither, and arch, of the plain table's shape. Made from a seed; immutable afterwards. */
#ifndef DIFFERENTIAL_WORLD_H
#define DIFFERENTIAL_WORLD_H

#include "process.h"
#include "sql.h"

enum { DT_PHASES = 6, DT_WORLDS = 4 };
extern const char *const dt_phases[DT_PHASES];

typedef enum dt_side { DT_OLD, DT_NEW, DT_MIG } dt_side;

/* What kind of values a column holds, for the literals that statements use. */
typedef enum dt_kind { DT_TEXT_KIND, DT_NUMBER_KIND, DT_DATE_KIND, DT_ENUM_KIND } dt_kind;

typedef struct dt_type {
    const char *type;
    dt_kind kind;
    const char *dflt; /* as a literal, or NULL where it cannot have one */
    bool no_key;      /* needs a prefix length as a key */
} dt_type;

typedef struct dt_names {
    const char *table, *a, *b;
    bool plain; /* the columns' names need no quotes */
    bool plain_table;
} dt_names;

typedef struct dt_world {
    unsigned number;
    const dt_type *type;
    const dt_names *names;
    bool nullable, has_default, key, unique, partitioned, auto_increment, on_update;
    unsigned place; /* of the column: 0 second, 1 fourth, 2 last */
    char file[64];  /* rows for LOAD DATA: id,k,column,n,note */
} dt_world;

void dt_world_make(dt_world *w, uint64_t seed, unsigned number);
const char *dt_world_schema(const dt_world *w, dt_side side, char buf[32]);
void dt_world_text(const dt_world *w, char *buf, size_t size); /* the plain table's CREATE TABLE */

/* Writes the file; in a folder of the caller's. */
void dt_world_file(dt_world *w, const char *dir);

/* Makes and fills the three schemas; the migration is in no phase. */
void dt_world_create(const dt_world *w, ts_conn *direct);
void dt_world_apply(const dt_world *w, ts_conn *admin);
void dt_world_go(const dt_world *w, ts_conn *admin, int phase);

/* The procedures that show the tables as they are stored and then roll back (client.h): in schema `dt`, which
 * names no migrating table to the proxy. dt.SCHEMA shows the migrating table, dt.SCHEMA_all s and arch, too.
 * Made anew in every phase, since they name physical columns. */
void dt_world_watch(const dt_world *w, ts_conn *direct, int phase);
void dt_world_unwatch(const dt_world *w, ts_conn *direct);

/* The first rows again, for what a rollback does not undo. */
void dt_world_fill(const dt_world *w, ts_conn *direct, int phase);

#endif
