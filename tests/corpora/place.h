/* Where the statements of one script are tried: two servers of the test's own. On one its tables are as the
 * script makes them, on the other as a migration has them in one phase. Statements that make tables are run
 * on both; the rows are never there. One thread. */
#ifndef CORPORA_PLACE_H
#define CORPORA_PLACE_H

#include "base/arena.h"
#include "rewrite/rewrite.h"
#include "servers.h"

#include <mysql.h>

typedef struct mig_db mig_db;

enum { PLACE_TABLES = 6, PLACE_PAIRS = 2 };

/* A table of the script that a migration is declared on. */
typedef struct place_table {
    char *schema, *name, *ddl; /* as SHOW CREATE TABLE gave it on the plain server */
    char from[PLACE_PAIRS][130], to[PLACE_PAIRS][136];
    bool has_default[PLACE_PAIRS];
    size_t npairs;
    bool stale, seen;
} place_table;

typedef struct place_how { /* what is tried with a script */
    rw_phase phase;
    rw_version version;
    bool many; /* several tables, two columns each; else one column of one table */
} place_how;

typedef struct place {
    ts_own plain_server, phase_server;
    ts_conn *plain_conn, *phase_conn;
    MYSQL *plain, *phase; /* of the two above */
    mig_db *plain_admin, *phase_admin;
    rw_catalog *plain_catalog, *phase_catalog;
    rw_ruleset *rules;
    b_arena *arena; /* of the rules */
    rw_ctx ctx;
    char schema[256];
    rw_server server;
    place_how how;
    b_slice script;
    char favourite[130]; /* the table that the script speaks of most */
    place_table tables[PLACE_TABLES];
    size_t ntables;
    rw_table_name temps[64];
    size_t ntemps;
    bool dirty;
} place;

void place_open(place *p, bool mariadb);
void place_close(place *p);

/* Both servers empty, new sessions. script: the text that the migration is chosen by; must outlive the use.
 */
void place_begin(place *p, place_how how, b_slice script);

/* Brings tables and rules up to date with what ran. False when it cannot be done. */
bool place_sync(place *p);

/* A statement that changes tables or the session was run: what it may have made out of date. */
void place_changed(place *p, b_slice sql, const rw_result *r);

/* Is there a table or view of that name on the plain server only, or a view that has other columns there? */
bool place_lost(const place *p, b_slice name);
const place_table *place_table_named(const place *p, b_slice name);

#endif
