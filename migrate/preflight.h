/* What the parts of the preflight share. Private to migrate/. */
#ifndef MIGRATE_PREFLIGHT_H
#define MIGRATE_PREFLIGHT_H

#include "mig.h"

typedef enum mig__severity { MIG__BLOCKER, MIG__WARNING, MIG__INFO } mig__severity;

typedef struct mig__flight {
    mig_engine *e; /* NULL: without a configuration */
    mig_db *db;
    const cfg_migration *m;
    b_table *out;
    size_t blockers;
    bool mariadb;
    bool begun;         /* the migration is past `planned`, B is its own */
    rw_phase phase, to; /* the one that stands; the one that is asked for */
    cfg_guard guard;
    bool instant; /* strategy instant_rename: A itself gets the name B */
    rw_server server;
    b_arena *arena;
    const char *schema, *table; /* quoted literals */
    b_err *err;
} mig__flight;

/* A row of the answer. */
void mig__finding(mig__flight *f, mig__severity s, const char *object, const char *why, const char *remedy);
/* The text with its first `%s` replaced by a, the second by b. */
const char *mig__say(mig__flight *f, const char *text, const char *a, const char *b);
/* Is this column one of the migration's A columns? */
bool mig__is_from(const mig__flight *f, b_slice column);
/* The A column that the identifiers of an expression name, or NULL. */
const char *mig__names_any(mig__flight *f, b_slice expression);

/* Each looks at one subject; on failure f->err says what could not be read. */
b_status mig__check_table(mig__flight *f, bool *there); /* preflight_table.c, and the next ones */
b_status mig__check_columns(mig__flight *f);
b_status mig__check_indexes(mig__flight *f);
b_status mig__check_keys(mig__flight *f);
b_status mig__check_partitions(mig__flight *f);
b_status mig__check_checks(mig__flight *f);
b_status mig__check_grants(mig__flight *f);
b_status mig__check_code(mig__flight *f);   /* preflight_code.c: triggers, views, routines, events */
b_status mig__check_server(mig__flight *f); /* preflight_server.c, and the next ones */
b_status mig__check_replication(mig__flight *f);
b_status mig__check_privileges(mig__flight *f);
b_status mig__check_space(mig__flight *f);
b_status mig__check_tools(mig__flight *f);
b_status mig__check_transactions(mig__flight *f);
b_status mig__check_guard(mig__flight *f); /* preflight_guard.c */
/* Does something look after code that uses the old column past the proxy, up to the phase that is asked for?
 * From retired on nothing does. */
bool mig__guarded(const mig__flight *f);
/* Does the engine's account lack this privilege, as far as information_schema tells? */
b_status mig__lacks(mig__flight *f, const char *privilege, bool *missing) B_MUSTCHECK;
/* Is this global variable of the server's on? Not where the server has none of that name. */
bool mig__is_on(mig__flight *f, const char *variable);

#endif
