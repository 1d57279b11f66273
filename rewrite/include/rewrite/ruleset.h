/* Everything that decides how a statement is rewritten in one epoch: catalogue, migrations, phases.
 *
 * Immutable and reference-counted; threads share it. Every statement is rewritten under exactly one. */
#ifndef REWRITE_RULESET_H
#define REWRITE_RULESET_H

#include "rewrite/catalog.h"

/* design: docs/internals.md, "Phases". The order is the order of going forward. */
#define RW_PHASE_LIST(X)                                                                                     \
    X(RW_PLANNED, "planned")                                                                                 \
    X(RW_EXPANDED, "expanded")                                                                               \
    X(RW_DUAL_WRITE, "dual_write")                                                                           \
    X(RW_SWITCHED, "switched")                                                                               \
    X(RW_RETIRED, "retired")                                                                                 \
    X(RW_CONTRACTED, "contracted")                                                                           \
    X(RW_FINISHED, "finished")

typedef enum rw_phase {
#define RW_PHASE_ENUM(code, text) code,
    RW_PHASE_LIST(RW_PHASE_ENUM)
#undef RW_PHASE_ENUM
} rw_phase;

const char *rw_phase_name(rw_phase p);
bool rw_phase_parse(b_slice name, rw_phase *out);

/* What a client believes the table looks like. */
typedef enum rw_version { RW_VERSION_OLD, RW_VERSION_NEW, RW_VERSION_BOTH } rw_version;

const char *rw_version_name(rw_version v);
bool rw_version_parse(b_slice name, rw_version *out);

/* One renamed or changed column. Slices are borrowed for the call that takes the struct. */
typedef struct rw_pair {
    b_slice from, to;
    b_slice up, down;  /* SQL expressions; both empty for a rename (up = A, down = B) */
    rw_column plain;   /* A as it was on the plain table, before the migration touched anything */
    b_slice after;     /* the column that A followed on the plain table; empty: A was the first */
    bool b_default_up; /* B now physically carries DEFAULT (up(A)) */
} rw_pair;

typedef struct rw_migration {
    b_slice name;          /* of the migration, for messages and counters */
    b_slice schema, table; /* the migrating table */
    rw_phase phase;
    bool disabled; /* by DISABLE: names of the other side are refused, dual writes go on */
    const rw_pair *pairs;
    size_t npairs;
} rw_migration;

typedef struct rw_ruleset rw_ruleset;

/* Copies the migrations; takes a reference of its own on the catalogue. One migration a table.
 * NULL with *err filled: a table or column that is not in the catalogue as the phase needs it (A missing in
 * planned, B missing in dual_write, …), a name with bytes outside ASCII, two migrations on one table. */
rw_ruleset *rw_ruleset_new(uint64_t epoch, rw_catalog *c, const rw_migration *m, size_t n, b_err *err);
rw_ruleset *rw_ruleset_ref(rw_ruleset *r);
void rw_ruleset_unref(rw_ruleset *r);

uint64_t rw_ruleset_epoch(const rw_ruleset *r);
rw_catalog *rw_ruleset_catalog(const rw_ruleset *r); /* borrowed */
size_t rw_ruleset_size(const rw_ruleset *r);         /* number of migrations */
const rw_migration *rw_ruleset_at(const rw_ruleset *r, size_t i);

/* May these bytes name a migrating table, or a view over one, or be of the few kinds of statement that can
 * name one without showing it (PREPARE, EXECUTE IMMEDIATE), that tell of its columns without naming it
 * (information_schema) or that change what a name means (TEMPORARY, session_track_…)? False is a proof, in
 * every client character set that MySQL allows; true is not. This is the path of every statement: it
 * searches, it does not lex. */
bool rw_may_touch(const rw_ruleset *r, b_slice sql);

#endif
