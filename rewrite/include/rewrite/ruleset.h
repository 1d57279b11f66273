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

struct rw_forms; /* rewrite/form.h */

/* An index over A, and its twin over B, where that is not called <index>__<B>: it would be too long. */
typedef struct rw_twin {
    b_slice index, twin;
} rw_twin;

/* One renamed or changed column. Slices are borrowed for the call that takes the struct.
 *
 * Where several columns become one, or one several, the pairs after the first have one name only: `to` alone
 * is a further new column, `from` alone a further old one. Expressions are as rw_expr_check() writes them,
 * over any column of the other side and columns of the table that no migration changes. */
typedef struct rw_pair {
    b_slice from, to;
    b_slice up, down;     /* B from A, A from B; empty: the other column as it is */
    bool one_way;         /* there is no down */
    rw_column plain;      /* A as it was on the plain table, before the migration touched anything */
    rw_column target;     /* B as it is to be when all is over; no name: as A but for the name */
    b_slice after;        /* the column that A followed on the plain table; empty: A was the first */
    bool b_default_up;    /* B now physically carries DEFAULT (up(A)) */
    bool a_stale;         /* in switched, on the way back from retired: A is not filled again yet */
    const rw_twin *twins; /* those that are called otherwise */
    size_t ntwins;

    /* Filled by rw_ruleset_new: */
    rw_phase phase;
    bool disabled;
    uint32_t migration;           /* index in the ruleset */
    uint32_t group;               /* the first of the pairs that are derived from each other: its index */
    const struct rw_forms *forms; /* NULL: a rename, both columns hold the same */
} rw_pair;

/* Does the value of one column hang on the session's time zone when it is made from the other's? */
bool rw_pair_zoned(const rw_pair *p);

/* Does it change more than a name? */
bool rw_pair_changes(const rw_pair *p);

typedef struct rw_migration {
    b_slice name;          /* of the migration, for messages and counters */
    b_slice schema, table; /* the migrating table */
    rw_phase phase;
    bool disabled;     /* by DISABLE: names of the other side are refused, dual writes go on */
    b_slice time_zone; /* in which a DATETIME and a TIMESTAMP mean the same; empty: SYSTEM */
    /* Not 0: its columns are being renamed, no statement on it may be sent before the next epoch; how long
     * one waits for that at most. */
    uint32_t held_ms;
    /* Not empty: its table, or a column that the phase needs, is not in the catalogue, says this text of
     * rw_migration_check. Nothing is known of the table: every statement that names it is refused. */
    b_slice lost;
    const rw_pair *pairs;
    size_t npairs;
} rw_migration;

/* B_NOT_FOUND: the table, or a column of it that the phase needs, is not there. B_INVALID: no catalogue could
 * make it right. */
b_status rw_migration_check(const rw_catalog *c, const rw_migration *m, b_err *err) B_MUSTCHECK;

typedef struct rw_ruleset rw_ruleset;

/* Copies the migrations; takes a reference of its own on the catalogue. A table may have several, in phases
 * of their own. NULL with *err filled: a table or column that is not in the catalogue as the phase needs it
 * (A missing in planned, B missing in dual_write, …) of a migration that is not said to be lost, a name with
 * bytes outside ASCII, a column in two pairs.
 */
rw_ruleset *rw_ruleset_new(uint64_t epoch, rw_catalog *c, const rw_migration *m, size_t n, b_err *err);
rw_ruleset *rw_ruleset_ref(rw_ruleset *r);
void rw_ruleset_unref(rw_ruleset *r);

uint64_t rw_ruleset_epoch(const rw_ruleset *r);
rw_catalog *rw_ruleset_catalog(const rw_ruleset *r); /* borrowed */
size_t rw_ruleset_size(const rw_ruleset *r);         /* number of migrations */
const rw_migration *rw_ruleset_at(const rw_ruleset *r, size_t i);

/* The client character set, by what it does to lexing. */
typedef enum rw_charset {
    RW_CHARSET_SAFE, /* utf8, utf8mb3, utf8mb4: no multi-byte character holds a byte below 0x80 */
    RW_CHARSET_GBK,
    RW_CHARSET_BIG5,
    RW_CHARSET_SJIS,
    RW_CHARSET_CP932,
    RW_CHARSET_GB18030,
    RW_CHARSET_EUCKR,   /* euckr, gb2312, eucjpms, ujis: trail bytes are above 0x7F, or no quote among them */
    RW_CHARSET_SINGLE,  /* latin*, cp125*, ascii, binary, …: one byte a character */
    RW_CHARSET_UNKNOWN, /* statements on migrating tables are refused */
} rw_charset;

/* May these bytes name a migrating table, or a view over one, or be of the few kinds of statement that can
 * name one without showing it (PREPARE, EXECUTE IMMEDIATE), that tell of its columns without naming it
 * (information_schema) or that change what a name means (TEMPORARY, session_track_…)? False is a proof, in
 * every client character set that MySQL allows (its kind is asked for); true is not. This is the path of
 * every statement: it searches, it does not lex. */
bool rw_may_touch(const rw_ruleset *r, rw_charset charset, b_slice sql);

/* held_ms of the migration that is held, 0 for none; and may these bytes, as above, touch one that is? */
uint32_t rw_ruleset_held(const rw_ruleset *r);
bool rw_may_touch_held(const rw_ruleset *r, rw_charset charset, b_slice sql);

#endif
