/* The migration engine: phases, epochs, DDL, backfill, verification. It runs on threads of its own, talks to
 * the database with the engine's account, and to the data path through mig_host.
 *
 * State that must survive lives in schema `straddle` of the database (docs/internals.md has the tables); the
 * engine holds nothing that a kill -9 may not take. All calls below may come from any thread, and block. */
#ifndef MIGRATE_ENGINE_H
#define MIGRATE_ENGINE_H

#include "base/log.h"
#include "base/status.h"
#include "base/table.h"
#include "config/config.h"
#include "migrate/db.h"
#include "rewrite/regex_rule.h"
#include "rewrite/rewrite.h"

typedef struct mig_engine mig_engine;

/* Who keeps an epoch alive in this instance, for messages. */
typedef struct mig_holder {
    uint64_t session;    /* the proxy's session id; 0 = nobody */
    uint64_t backend_id; /* connection id on the server */
    uint64_t epoch;
    uint64_t since_ms; /* how long it has been holding, in ms */
    bool transaction;  /* a transaction; otherwise a statement in flight */
    char user[64], client[64];
} mig_holder;

/* One line of the census: who used which name. Strings are borrowed for the call. */
typedef struct mig_use {
    const char *migration, *user, *host, *program, *digest, *sample;
    bool old_name;
    uint64_t count;
    int64_t last_seen_ms; /* Unix time in ms */
} mig_use;

/* The data path, as the engine sees it. Called from the engine's threads. */
typedef struct mig_host {
    void *ctx;
    /* The new rules. The host takes its own reference; every event loop has them soon after. */
    void (*publish)(void *ctx, rw_ruleset *r);
    /* True when every event loop has ruleset `epoch` or a newer one and no statement and no transaction of
     * an older one is left. Otherwise false, and *who (may be NULL) names the one that has held longest. */
    bool (*clean)(void *ctx, uint64_t epoch, mig_holder *who);
    /* Lease lost: refuse statements on migrating tables until `live` is true again. */
    void (*set_live)(void *ctx, bool live);
    /* The lease runs to then, by CLOCK_MONOTONIC in ms: after it, the same. */
    void (*set_lease)(void *ctx, uint64_t until_ms);
    /* The answer to mig_engine_register; why: "" or what stands in the way. */
    void (*registered)(void *ctx, const uint64_t *connections, size_t n, const char *why);
    /* Lease lost and fenced: drop all sessions. */
    void (*drop_sessions)(void *ctx);
    /* Walks the census since start. */
    void (*each_use)(void *ctx, void (*each)(void *arg, const mig_use *u), void *arg);
    /* p99 in microseconds of statements on that table in the last 20 seconds at most; 0 = too few to say. */
    uint64_t (*table_p99_us)(void *ctx, const char *schema, const char *table);
    /* The catalogue behind the rules up to this epoch is not the tables' any more: nothing is rewritten by
     * them. May be NULL. */
    void (*stale)(void *ctx, uint64_t epoch);
} mig_host;

/* Copies what it needs of *host; keeps `log`. The configuration is borrowed until the next
 * mig_engine_reconfigure or until the engine is freed. */
mig_engine *mig_engine_new(const cfg_config *config, const mig_host *host, b_log *log, b_err *err);

/* Connects, makes schema straddle and its tables where missing, registers this instance, loads the
 * catalogue and the migrations, publishes the first ruleset, applies the migrations of the configuration
 * that the database does not know yet, and starts the threads (lease, backfill, poll). Returns when the
 * data path may serve. Work that a crash interrupted goes on by itself. */
b_status mig_engine_start(mig_engine *e, b_err *err) B_MUSTCHECK;
void mig_engine_stop(mig_engine *e); /* ends all threads, at the end of the running chunk */
void mig_engine_free(mig_engine *e);

/* The new configuration; migrations in it that are not known are applied (planned). */
b_status mig_engine_reconfigure(mig_engine *e, const cfg_config *config, b_err *err) B_MUSTCHECK;

/* The rules now in force, with a reference for the caller. */
rw_ruleset *mig_engine_ruleset(mig_engine *e);

/* Reads the catalogue anew, under a new epoch if it differs: after DDL was seen. Does not wait. */
void mig_engine_catalog_changed(mig_engine *e);
/* Looks at once whether the migrating tables are still as the rules have them. Does not wait. What it returns
 * is reached by mig_engine_catalog_looked once the epoch was read and the tables looked at after this, and
 * found to be as the rules of that epoch have them. */
uint64_t mig_engine_catalog_suspect(mig_engine *e);
uint64_t mig_engine_catalog_looked(mig_engine *e);

/* Registers a session's connection on the server, before its first statement on a migrating table: when this
 * instance dies, those are killed, and nothing that it has sent can still be done. Does not block; the host's
 * `registered` is called from a thread of the engine. made_ms: when the connection was made, by
 * CLOCK_MONOTONIC: it was to the server as it runs now, or it is gone. */
void mig_engine_register(mig_engine *e, uint64_t connection, uint64_t made_ms);
/* The session has ended. in_flight: its last statement, of that epoch, may still be executed: the epoch
 * counts as held until the connection has been killed and is gone. Does not block. */
void mig_engine_unregister(mig_engine *e, uint64_t connection, uint64_t epoch, bool in_flight);

/* Shadow reads: a share of the clients' SELECTs is run again through both columns, and compared. From here to
 * mig_shadow_free nothing blocks, and all may come from any thread. */
typedef struct mig_read {                               /* a statement, and what its meaning hangs on */
    b_slice sql, schema, mode, client, collation, zone; /* empty where it is not known */
    rw_version version;
    bool temps;    /* the session has temporary tables */
    bool prepared; /* it came as a prepared statement, with these parameters */
    const mig_param *params;
    size_t nparams;
    const char *unfit; /* why it cannot be run again, where that is known already: static; else NULL */
} mig_read;
typedef struct mig_sample mig_sample;
bool mig_shadow_on(const mig_engine *e);                   /* is any to be sampled at all? One load */
bool mig_shadow_share(const mig_engine *e, uint32_t dice); /* ... and may be one that threw this? One, too */
/* A copy of it, or NULL: dice, any number, says that it is not one of the share, or there is no room for it,
 * or its tables are those of no migration that is sampled now. rules, res: what was made of it, by which. */
mig_sample *mig_shadow_sample(mig_engine *e, const mig_read *r, const rw_ruleset *rules, const rw_result *res,
                              uint32_t dice);
/* The server has answered the client without an error: it is run again later. Takes the sample. */
void mig_shadow_offer(mig_engine *e, mig_sample *s);
void mig_shadow_free(mig_sample *s); /* NULL is fine */

/* Who asked: goes into the history. */
typedef struct mig_actor {
    const char *user, *host;
} mig_actor;

/* Fills pairs[m->ncolumns] from a definition and the plain table: names, expressions as rw_expr_check writes
 * them, both columns. Pure; strings are in the arena, the table or the definition. B_INVALID, B_NOMEM. */
b_status mig_pairs(rw_server server, const cfg_migration *m, const rw_table *t, b_arena *arena,
                   rw_pair *pairs, b_err *err) B_MUSTCHECK;

/* Registers a migration in phase planned after the preflight has passed. */
b_status mig_apply(mig_engine *e, const cfg_migration *m, const mig_actor *who, b_err *err) B_MUSTCHECK;
/* Takes a planned or finished migration off the list; its history stays. */
b_status mig_remove(mig_engine *e, const char *name, const mig_actor *who, b_err *err) B_MUSTCHECK;

/* One edge forward, or edge after edge up to `to`. Each waits as its edge asks, at most phase_timeout_ms
 * (config), then the old phase stands and *err says who held it up. A gate that is not met is B_REFUSED and
 * *err says which and what to do; force passes it and is written to the history.
 * *out: one row a step that was done: step, detail, ms. */
b_status mig_advance(mig_engine *e, const char *name, const char *to, bool force, const mig_actor *who,
                     b_table *out, b_err *err) B_MUSTCHECK;
b_status mig_rollback(mig_engine *e, const char *name, const char *to, const mig_actor *who, b_table *out,
                      b_err *err) B_MUSTCHECK;

/* What that would cost, edge by edge: from, to, cost, lost. Nothing is done. */
b_status mig_explain_rollback(mig_engine *e, const char *name, const char *to, b_table *out,
                              b_err *err) B_MUSTCHECK;
/* Back to planned, and off the list; *out as that of a rollback. */
b_status mig_abort(mig_engine *e, const char *name, const mig_actor *who, b_table *out,
                   b_err *err) B_MUSTCHECK;
/* Which way is best, and why: way, advised, why. Watches the table for a second. */
b_status mig_advise(mig_engine *e, const char *name, b_table *out, b_err *err) B_MUSTCHECK;

b_status mig_pause(mig_engine *e, const char *name, const mig_actor *who, b_err *err) B_MUSTCHECK;
b_status mig_resume(mig_engine *e, const char *name, const mig_actor *who, b_err *err) B_MUSTCHECK;
/* key: one of cfg_pace's. Live, and kept. */
b_status mig_set(mig_engine *e, const char *name, const char *key, const char *value, const mig_actor *who,
                 b_err *err) B_MUSTCHECK;
/* SHOW BACKFILL name: all settings of its pace. */
b_status mig_pace(mig_engine *e, const char *name, b_table *out, b_err *err) B_MUSTCHECK;
/* guard: none, watch or triggers. Live, and kept; triggers are made or dropped at once. */
b_status mig_guard(mig_engine *e, const char *name, const char *guard, const mig_actor *who,
                   b_err *err) B_MUSTCHECK;
/* Where guard: watch is in the binary log: SHOW GUARD. Rows that it found: SHOW BYPASS. */
b_status mig_guard_place(mig_engine *e, b_table *out, b_err *err) B_MUSTCHECK;
b_status mig_bypass(mig_engine *e, const char *name, b_table *out, b_err *err) B_MUSTCHECK;
/* Makes those right that are not yet. *out: rows. */
b_status mig_bypass_repair(mig_engine *e, const char *name, const mig_actor *who, b_table *out,
                           b_err *err) B_MUSTCHECK;
/* Rules of one migration on or off for names of the other side (RW disabled). */
b_status mig_enable(mig_engine *e, const char *name, bool on, const mig_actor *who, b_err *err) B_MUSTCHECK;

/* Checksum of A against B. repair: what differs is made right out of the column that reads go to. *out: one
 * row: rows, chunks, differing (after the repair), repaired, first_keys, ms. */
b_status mig_verify(mig_engine *e, const char *name, bool repair, const mig_actor *who, b_table *out,
                    b_err *err) B_MUSTCHECK;
/* Rows that differed, of one migration, newest first: SHOW DIFFERENCES name. */
b_status mig_differences(mig_engine *e, const char *name, b_table *out, b_err *err) B_MUSTCHECK;
/* The last round of looking again, of each migration: SHOW RECHECK. */
b_status mig_recheck(mig_engine *e, b_table *out, b_err *err) B_MUSTCHECK;

/* What came of shadow reads of one migration: SHOW SHADOW READS name. */
b_status mig_shadow(mig_engine *e, const char *name, b_table *out, b_err *err) B_MUSTCHECK;

/* SHOW REHEARSALS: the last 200, the newest first. */
b_status mig_rehearsals(mig_engine *e, b_table *out, b_err *err) B_MUSTCHECK;

/* Regex rules, each change under a new epoch. *err of a definition: "rule NAME: KEY: what is wrong". */
b_status mig_rule_check(const cfg_rule *c, b_err *err) B_MUSTCHECK; /* by itself; changes nothing */
b_status mig_rule_create(mig_engine *e, const cfg_rule *c, const mig_actor *who, b_err *err) B_MUSTCHECK;
b_status mig_rule_alter(mig_engine *e, const cfg_rule *c, const mig_actor *who, b_err *err) B_MUSTCHECK;
b_status mig_rule_drop(mig_engine *e, const char *name, const mig_actor *who, b_err *err) B_MUSTCHECK;
b_status mig_rule_enable(mig_engine *e, const char *name, bool on, const mig_actor *who,
                         b_err *err) B_MUSTCHECK;

/* Each fills *out with rows whose columns docs/admin.md names. */
b_status mig_check(mig_engine *e, const char *name, b_table *out, b_err *err) B_MUSTCHECK; /* preflight */
/* format: NULL, or flyway, liquibase, sql: then *out has the columns file and content. */
b_status mig_plan(mig_engine *e, const char *name, const char *format, b_table *out, b_err *err) B_MUSTCHECK;
b_status mig_list(mig_engine *e, b_table *out, b_err *err) B_MUSTCHECK; /* SHOW MIGRATIONS */
/* SHOW MIGRATION name. */
b_status mig_show(mig_engine *e, const char *name, b_table *out, b_err *err) B_MUSTCHECK;
/* name may be NULL: of all. */
b_status mig_history(mig_engine *e, const char *name, b_table *out, b_err *err) B_MUSTCHECK;
/* One column, json: all entries, the oldest first. */
b_status mig_history_export(mig_engine *e, const char *name, b_table *out, b_err *err) B_MUSTCHECK;
/* The census of all instances, over restarts. */
b_status mig_usage(mig_engine *e, b_table *out, b_err *err) B_MUSTCHECK;
b_status mig_instances(mig_engine *e, b_table *out, b_err *err) B_MUSTCHECK;

#endif
