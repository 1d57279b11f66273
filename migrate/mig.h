/* What the parts of the engine share. Private to migrate/.
 *
 * Every operation opens a connection of its own and reads the state it needs from schema `straddle`; what is
 * kept in memory is the ruleset in force and the settings. Threads: the lease (lease.c), the backfill
 * (backfill.c), and whoever calls the public functions, one operation at a time (`op`). */
#ifndef MIGRATE_MIG_H
#define MIGRATE_MIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "migrate/db.h"
#include "migrate/engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define MIG__SCHEMA_VERSION 1
#define MIG__LOCK "straddle.coordinator"

/* ---- the engine ---- */

typedef struct mig__server { /* where to connect, copied out of the configuration */
    char host[256], socket[256], user[128], password[256], text[300];
    uint16_t port;
    mig_db_tls tls;
    char tls_ca[256], tls_certificate[256], tls_key[256], tls_ciphers[512];
} mig__server;

typedef struct mig__practices { /* practices.c: what is asked for before a migration begins */
    char backup_command[2048];
    uint32_t backup_timeout_ms, rehearsal_days;
    bool alerts, heard; /* asked for; a hook hears of failures */
} mig__practices;

typedef struct mig__settings {
    mig__server backend;
    mig__server *replicas;
    size_t nreplicas;
    uint32_t phase_timeout_ms, lease_ms, poll_ms, connect_timeout_ms;
    mig__practices practices;
} mig__settings;

typedef struct mig__conn { /* a connection of the data path */
    uint64_t id, made_ms, epoch;
} mig__conn;
typedef struct mig__conns {
    mig__conn *v;
    size_t n, cap;
} mig__conns;

typedef struct mig__registrar { /* register.c */
    pthread_mutex_t mu;
    pthread_cond_t wake;
    mig__conns asked, closed, orphans; /* to be registered; to be forgotten; to be killed first */
    mig_db *db;
    char server[80];   /* the run of the server that db is connected to */
    uint64_t since_ms; /* connections made before belong to an earlier run */
    pthread_t thread;
    bool running, stop;
} mig__registrar;

typedef struct mig__hooks mig__hooks;
typedef struct mig__shadow mig__shadow;

struct mig_engine {
    const cfg_config *config;
    mig_host host;
    b_log *log;
    char id[128];     /* of the process */
    char member[160]; /* of its incarnation, as in straddle.instances; guarded by mu */
    unsigned incarnation;
    char machine[80]; /* two processes with the same see each other's /proc */
    uint64_t ticks;   /* when this process started, as /proc has it */
    mig__registrar reg;
    pthread_mutex_t census_mu;
    int64_t census_ms;       /* the newest use that was written; under census_mu */
    pthread_mutex_t xa_mu;   /* guards the next two */
    uint64_t xa_epoch;       /* acknowledged by all when xa_known was listed */
    b_table *xa_known;       /* of it: prepared transactions that may be older; NULL: none is left */
    pthread_mutex_t op;      /* one operation of an operator at a time */
    pthread_mutex_t mu;      /* guards all below */
    pthread_mutex_t publish; /* held while a newer ruleset replaces the one in force */
    pthread_cond_t wake;
    mig__settings settings;
    rw_ruleset *ruleset;
    uint64_t catalog_hash;
    mig__hooks *hooks;          /* hooks.c; has its own lock */
    mig__shadow *shadow;        /* shadow.c; likewise */
    uint64_t suspected, looked; /* how often that was said; up to which the tables were looked at since */
    bool suspect;               /* a statement met an error that may tell of somebody's DDL */
    uint64_t watched_ms, told_epoch; /* watch.c: last look; the rules that were last said to be stale */
    bool stop, live, catalog_dirty, lease_running, backfill_running, recheck_running, bypass_running;
    mig_db *lease_db, *backfill_db; /* to be interrupted at stop */
    pthread_t lease_thread, backfill_thread, recheck_thread, bypass_thread;
};

uint64_t mig__now_ms(void);                 /* monotonic */
struct timespec mig__from_now(uint32_t ms); /* the same clock, for pthread_cond_timedwait */
bool mig__stopping(mig_engine *e);
void mig__sleep(mig_engine *e, uint32_t ms); /* ends early at stop */
b_status mig__settings_copy(mig__settings *s, const cfg_config *c, b_err *err) B_MUSTCHECK;
void mig__settings_deinit(mig__settings *s);
mig__settings mig__settings_get(mig_engine *e); /* without replicas */
b_status mig__connect(mig_engine *e, uint32_t read_timeout_ms, mig_db **out, b_err *err) B_MUSTCHECK;
b_status mig__connect_to(const mig__server *s, uint32_t connect_ms, uint32_t read_ms, mig_db **out,
                         b_err *err) B_MUSTCHECK;

/* ---- SQL helpers (sql.c) ---- */

void mig__copy_table(b_table *out, const b_table *t);

bool mig__mariadb(const mig_db *db);
rw_server mig__server_of(mig_db *db, b_err *err);
b_status mig__table_there(mig_db *db, const char *schema, const char *table, bool *yes,
                          b_err *err) B_MUSTCHECK;
b_slice mig__cell(const b_table *t, size_t row, const char *column); /* p == NULL: NULL or no such column */
uint64_t mig__cell_u64(const b_table *t, size_t row, const char *column);
b_status mig__query(mig_db *db, b_table **out, b_err *err, const char *fmt, ...) B_PRINTF(4, 5) B_MUSTCHECK;
/* A statement that was built, for its rows; and for none. */
b_status mig__ask(mig_db *db, b_table **out, b_err *err, const b_buf *sql) B_MUSTCHECK;
b_status mig__run(mig_db *db, b_err *err, const b_buf *sql) B_MUSTCHECK;
/* A quoted literal or identifier in the arena; "''" when out of memory never happens silently: NULL. */
const char *mig__q(b_arena *a, const char *text);
const char *mig__id(b_arena *a, const char *name);
b_status mig__begin(mig_db *db, b_err *err) B_MUSTCHECK;
b_status mig__commit(mig_db *db, b_err *err) B_MUSTCHECK;
void mig__undo(mig_db *db); /* ROLLBACK, whatever comes of it */

/* ---- what is stored of a migration (store.c) ---- */

typedef struct mig__column { /* how a column is written down; "" where there is none */
    const char *type, *charset, *collation, *default_text;
    bool json; /* MariaDB: a LONGTEXT with the server's own CHECK, as JSON is there */
} mig__column;

#define MIG__JSON_CHECK "json_valid(`%s`)" /* as MariaDB writes it, of a column */

/* A further new column has no `from`, a further old one no `to`: "". */
typedef struct mig__pair {
    const char *from, *to, *after; /* after: the column before A; "" = A was the first */
    rw_column plain;               /* A as it was before anything was touched */
    rw_column target;              /* B as it is to be */
    mig__column a, b;
    const char *comment;
    const char *up, *down; /* as rw_expr_check writes them; "": the other column as it is */
    bool one_way;
    bool no_default_up; /* B cannot have `up` as its default, though the column would allow it */
    size_t group;       /* the first of the pairs that are made from each other */
} mig__pair;

typedef struct mig__m {
    b_arena *arena;
    const char *name, *schema, *table, *definition, *pending, *last_error;
    const char *found; /* CREATE TABLE as it was when the migration was applied; "": not known */
    rw_phase phase;
    uint64_t epoch, generation;
    cfg_pace pace;
    uint64_t observe_days;
    bool disabled, a_trusted;
    bool instant, held; /* strategy instant_rename; statements on the table wait in all instances */
    uint32_t gate_ms;
    cfg_guard guard; /* against writes that bypass the proxy */
    bool guard_repair;
    /* the last checksum: of which generation and direction it was, and how it ended */
    bool checksum_clean;
    uint64_t checksum_rows, checksum_differing;
    const char *checksum_at, *since;
    /* the backfill: state none, running, paused, complete; reverse: A = B */
    const char *time_zone; /* in which the values are made; "" where it does not matter */
    bool one_way;          /* of some pair */
    const char *bf_state, *bf_last_key, *bf_throttle, *bf_runner;
    bool bf_reverse;
    uint64_t bf_done, bf_total, bf_rate;
    const mig__pair *pairs;
    size_t npairs;
} mig__m;

b_status mig__schema_create(mig_db *db, b_err *err) B_MUSTCHECK;
b_status mig__epoch(mig_db *db, uint64_t *out, b_err *err) B_MUSTCHECK;
/* B_NOT_FOUND with a message that lists what there is. */
b_status mig__load(mig_db *db, const char *name, mig__m **out, b_err *err) B_MUSTCHECK;
b_status mig__load_all(mig_db *db, mig__m ***out, size_t *n, b_err *err) B_MUSTCHECK;
void mig__free(mig__m *m);
void mig__free_all(mig__m **all, size_t n);
b_status mig__names(mig_db *db, b_table **out, b_err *err) B_MUSTCHECK;

typedef struct mig__event { /* one row of the history */
    const char *migration, *action, *from, *to, *sql, *result;
    uint64_t ms;
    bool forced;
} mig__event;
b_status mig__record(mig_db *db, const mig_actor *who, const mig__event *ev, b_err *err) B_MUSTCHECK;

/* pace.c */
b_status mig__pace_load(mig_db *db, mig__m *m, b_err *err) B_MUSTCHECK;
/* The statement that stores all of it; NULL: out of memory. */
const char *mig__pace_insert(b_arena *a, const char *migration, const cfg_pace *p);

/* ---- catalogue and rules (catalog_load.c, ruleset_make.c) ---- */

/* *hash: of all that was read, to see whether it changed. */
b_status mig__catalog_load(mig_db *db, rw_catalog **out, uint64_t *hash, b_err *err) B_MUSTCHECK;
#define MIG__BEFORE_TRIGGERS                                                                                 \
    "SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, EVENT_MANIPULATION, TRIGGER_NAME FROM "                 \
    "information_schema.TRIGGERS WHERE ACTION_TIMING = 'BEFORE' AND EVENT_MANIPULATION IN "                  \
    "('INSERT', 'UPDATE')"
/* Which triggers of that table such an answer has, but for a guard's; 0: none. */
uint64_t mig__triggers(const b_table *t, b_slice schema, b_slice name);
/* The default of a column as information_schema tells it. text: where default_text shall live. */
rw_default_kind mig__default_parse(bool mariadb, b_slice text, b_slice extra, b_slice type, bool nullable,
                                   b_buf *out);
/* Is that default of B the value of A? */
bool mig__default_is_column(b_slice text, const char *column);
void mig__tell_lost(mig_db *db, const rw_ruleset *r);
/* Builds the ruleset of what the connection sees (in a transaction: its own changes, too). A migration whose
 * table or column is not there is lost (rw_migration), but for `strict` (NULL: none): that is B_NOT_FOUND. */
b_status mig__ruleset_make(mig_engine *e, mig_db *db, const char *strict, rw_ruleset **out, uint64_t *hash,
                           b_err *err) B_MUSTCHECK;
/* Puts r in force if it is newer than what is; takes the reference. */
void mig__ruleset_use(mig_engine *e, rw_ruleset *r, uint64_t hash);
/* Both together. */
b_status mig__refresh(mig_engine *e, mig_db *db, b_err *err) B_MUSTCHECK;
uint64_t mig__ruleset_epoch(mig_engine *e);
/* Looks for somebody's own DDL on migrating tables, at most once a second (watch.c). */
/* suspected: e->suspected before the epoch was read. */
b_status mig__watch(mig_engine *e, mig_db *db, uint64_t suspected, b_err *err) B_MUSTCHECK;

/* ---- regex rules (rule.c) ---- */

/* *out is NULL where there are none. */
b_status mig__rules_load(mig_db *db, rw_regex_rules **out, b_err *err) B_MUSTCHECK;
/* Those of the configuration that the database does not know; what it knows stays as it is. */
b_status mig__rules_create_new(mig_engine *e, const cfg_config *config, b_err *err) B_MUSTCHECK;

/* ---- instances (lease.c) ---- */

b_status mig__lease_join(mig_engine *e, mig_db *db, b_err *err) B_MUSTCHECK;
void *mig__lease_main(void *engine);
/* Writes that this instance has seen and acknowledged what it has. */
b_status mig__ack_self(mig_engine *e, mig_db *db, b_err *err) B_MUSTCHECK;
/* Nothing older than `epoch` is left anywhere? *who (NULL: not wanted) gets the holder's description. */
b_status mig__all_acked(mig_engine *e, mig_db *db, uint64_t epoch, bool *yes, b_buf *who,
                        b_err *err) B_MUSTCHECK;

/* Name of the present incarnation. */
const char *mig__member(mig_engine *e, char out[160]);
/* Is this instance's row, by the name in *m, the one of a living instance? Then its rows may be added to. */
#define MIG__ALIVE "EXISTS (SELECT 1 FROM straddle.instances WHERE id = '%s' AND dead_at IS NULL)"

/* ---- the census (census.c) ---- */

/* This process's counts since its start go into the table, where those of all are. */
b_status mig__census_write(mig_engine *e, mig_db *db, b_err *err) B_MUSTCHECK;
b_status mig__census_fold(mig_db *db, b_err *err) B_MUSTCHECK; /* adds up what processes have left */
typedef struct mig__op mig__op;
b_status mig__gate_unused(mig__op *op, b_err *err) B_MUSTCHECK;

/* ---- the dead (fence.c) ---- */

/* Marks instances dead whose lease is over or whose process is gone; ends what they have left on the server;
 * forgets those of which nothing is left. */
b_status mig__fence(mig_engine *e, mig_db *db, b_err *err) B_MUSTCHECK;
/* KILL. *gone: there is no such connection (any more). */
b_status mig__kill(mig_db *db, uint64_t connection, bool *gone, b_err *err) B_MUSTCHECK;
/* Names one run of the server: an id of a connection is good for that only. */
b_status mig__server_run(mig_db *db, char *out, size_t size, b_err *err) B_MUSTCHECK;
/* Where this process runs and when it started. */
void mig__know_self(mig_engine *e);

/* ---- connections (register.c) ---- */

b_status mig__registrar_start(mig_engine *e, b_err *err) B_MUSTCHECK;
void mig__registrar_stop(mig_engine *e);
void mig__registrar_init(mig_engine *e);
void mig__registrar_deinit(mig_engine *e);
/* A connection of the engine's own that holds a named lock: it goes with the instance, too. */
b_status mig__register_own(mig_engine *e, mig_db *db, b_err *err) B_MUSTCHECK;
/* Is a statement of an epoch before this one still in flight, whose session is gone? *connection: which. */
bool mig__orphaned(mig_engine *e, uint64_t epoch, uint64_t *connection);

/* ---- operations (coordinator.c) ---- */

struct mig__op {
    mig_engine *e;
    mig_db *db; /* holds the coordinator's lock; DDL and its record run on it */
    mig__m *m;
    const mig_actor *who;
    b_table *out; /* rows step, detail, ms; may be NULL */
    bool force;
    b_buf forced;        /* the gates that FORCE passed */
    b_buf steps;         /* of the edge: what was done, a line each */
    uint64_t history_id; /* of the edge's row, once it is published; else 0 */
    uint64_t deadline;
    uint32_t patience_ms; /* how long to wait for others; 0: as the configuration says */
};

#define MIG__ASIDE_MS 500

b_status mig__op_begin(mig_engine *e, const char *name, const mig_actor *who, b_table *out, mig__op *op,
                       b_err *err) B_MUSTCHECK;
/* For what the engine does by itself: gives way at once to an operator's command, and waits briefly. */
b_status mig__op_begin_aside(mig_engine *e, const char *name, mig__op *op, b_err *err) B_MUSTCHECK;
void mig__op_end(mig__op *op);
b_status mig__op_reload(mig__op *op, b_err *err) B_MUSTCHECK;
void mig__op_step(mig__op *op, const char *step, const char *detail, uint64_t started);
b_status mig__wait_ack(mig__op *op, b_err *err) B_MUSTCHECK; /* of the published epoch */
/* In a transaction with the new epoch: `change` (SQL, may be NULL) and the record; then in force. */
typedef struct mig__change {
    const char *sql[10]; /* run in this order; NULL ends */
    mig__event event;
    bool without_ack; /* the caller has shown that this epoch may be published beside the two before it */
} mig__change;
b_status mig__publish(mig__op *op, const mig__change *c, b_err *err) B_MUSTCHECK;
b_status mig__republish(mig__op *op, const char *why, b_err *err) B_MUSTCHECK; /* catalogue changed */

/* ---- phases (phase.c) ---- */

typedef struct mig__edge mig__edge;
const mig__edge *mig__edge_find(bool instant, rw_phase from, rw_phase to);
/* The phase that `to` names, or the one beside this one, if it lies that way. */
b_status mig__target(const mig__m *m, const char *to, bool forward, rw_phase *out, b_err *err) B_MUSTCHECK;
rw_phase mig__beside(const mig__m *m, bool forward);
/* A step that says what going back there costs (abort.c); and the table as it is, kept with the migration. */
void mig__say_cost(mig__op *op, rw_phase to);
b_status mig__remember_table(mig_db *db, const mig__m *m, b_err *err) B_MUSTCHECK;
b_status mig__walk(mig__op *op, const mig__edge *edge, b_err *err) B_MUSTCHECK;
/* The same for all migrations, at start and every few seconds; what fails is in last_error, and tried again.
 */
void mig__resume_pending(mig_engine *e, mig_db *db);
b_status mig__finish_pending(mig__op *op, b_err *err) B_MUSTCHECK; /* what a crash interrupted */

/* ---- hooks.c ---- */

typedef struct mig__command_line { /* command.c; strings are borrowed */
    const char *command;           /* for sh */
    char *const *more;             /* NAME=value, in its environment besides our own */
    size_t nmore;
    uint32_t timeout_ms;
    bool (*stopped)(void *ctx); /* it is to end at once; may be NULL */
    void *ctx;
} mig__command_line;

/* Runs it. line (NULL: its output goes where ours goes): the first line that it prints. *status: its exit
 * status, or 128 + a signal. B_TIMEOUT: it was killed, with all that it had started; B_IO: it did not run. */
b_status mig__command(const mig__command_line *c, char *line, size_t size, int *status,
                      b_err *err) B_MUSTCHECK;

b_status mig__practices_copy(mig__practices *to, const cfg_config *c, b_err *err) B_MUSTCHECK;
/* Adds findings, in the columns of the preflight. */
b_status mig__practices_check(mig_engine *e, mig_db *db, const mig__m *m, b_table *out, size_t *blockers,
                              b_err *err) B_MUSTCHECK;

/* Is the event one of those after `on:`, in words by commas; "all" is every one. */
bool mig__hook_wants(const char *on, const char *name);
/* Tells the operator's hooks of it, later, on a thread of theirs. from, to, detail may be NULL.
 * name: phase, failure, gate, throttle, done. */
void mig__hook(mig_engine *e, const char *name, const char *migration, const char *from, const char *to,
               const char *detail);
mig__hooks *mig__hooks_new(b_log *log);
b_status mig__hooks_set(mig__hooks *k, const cfg_config *c, b_err *err) B_MUSTCHECK;
b_status mig__hooks_start(mig__hooks *k, b_err *err) B_MUSTCHECK;
void mig__hooks_stop(mig__hooks *k);
void mig__hooks_free(mig__hooks *k); /* NULL is fine */

/* ---- instant_rename (rename.c) ---- */

/* Holds the table's statements in all instances, renames its columns, and leaves it held, for the caller to
 * publish the phase that lets go. On failure nothing is held any more; B_TIMEOUT: worth trying again. */
b_status mig__rename_held(mig__op *op, bool forward, const char *edge, b_err *err) B_MUSTCHECK;
/* Lets go of what is held, in the phase that stands. */
b_status mig__release(mig__op *op, const char *why, b_err *err) B_MUSTCHECK;
/* Do the columns have their new names (forward), or their old ones, all of them? */
b_status mig__renamed(mig__op *op, bool forward, bool *yes, b_err *err) B_MUSTCHECK;
/* RENAME COLUMN A TO B, … (forward) or back. */
void mig__rename_clause(const mig__m *m, bool forward, b_buf *out);

/* ---- DDL (ddl.c, column.c, index.c) ---- */

/* Runs ALTER TABLE <table> <change> with the first of the algorithms that the server takes:
 * INSTANT, then INPLACE with LOCK=NONE, then (forced) COPY. `inplace`: begin with INPLACE. */
b_status mig__alter(mig__op *op, const char *change, bool inplace, b_err *err) B_MUSTCHECK;
/* Another statement that needs the table's metadata lock, in the same way. */
b_status mig__ddl(mig__op *op, const char *statement, const char *sql_mode, b_err *err) B_MUSTCHECK;

typedef struct mig__live { /* a column as it is now */
    bool exists, nullable, invisible, on_update;
    rw_default_kind kind;
    char default_text[2048];
} mig__live;
b_status mig__column_now(mig_db *db, const mig__m *m, const char *column, mig__live *out,
                         b_err *err) B_MUSTCHECK;

/* A default, in SQL: "DEFAULT …" for its own, or a literal that stands for none; "" = none. */
typedef enum mig__def { MIG__DEF_OWN, MIG__DEF_UP, MIG__DEF_LITERAL, MIG__DEF_NONE } mig__def;
bool mig__can_default_up(const mig__pair *p);
/* MySQL takes `up` of the defaults, not of what an INSERT gives, as soon as there is a BEFORE INSERT trigger:
 * under `guard: triggers` the new column has no default, and the trigger sees that it was not given. */
b_status mig__new_default_drop(mig__op *op, b_err *err) B_MUSTCHECK;
mig__def mig__up_or_own(const mig__pair *p); /* B's while both are written */
mig__def mig__unread(const mig__pair *p);    /* A's in retired */
/* The constant that stands in A where nobody reads it, as an expression. */
void mig__unread_literal(b_buf *out, bool mariadb, const mig__pair *p);
/* What B is made from, what A is: an expression or the other column's name. */
void mig__up(const mig__pair *p, b_buf *out);
void mig__down(const mig__pair *p, b_buf *out);
/* Is the name B's? */
bool mig__is_new(const mig__pair *p, const char *name);
/* The column that B is added after. */
const char *mig__after(const mig__m *m, size_t pair);
/* Appends the full definition of column `name`, A or B, with A's comment. */
void mig__column_def(b_buf *out, const mig_db *db, const mig__pair *p, const char *name, bool not_null,
                     bool invisible, mig__def def);

/* UNIQUE indexes over A would refuse rows in retired, where A holds one literal: dropped before it (their
 * twins over B keep them), made again after A was filled on the way back. */
b_status mig__unique_drop(mig__op *op, b_err *err) B_MUSTCHECK;
b_status mig__unique_restore(mig__op *op, b_err *err) B_MUSTCHECK;
/* All indexes over A, before the column is dropped; and its twins take their names. */
b_status mig__indexes_drop(mig__op *op, b_err *err) B_MUSTCHECK;
/* Their names, one a line; unique: only those. */
b_status mig__indexes_over_old(mig_db *db, const mig__m *m, bool unique, b_buf *out, b_err *err) B_MUSTCHECK;
b_status mig__twins_drop(mig__op *op, b_err *err) B_MUSTCHECK;
/* Twins that must not stand over a column that is behind: unique ones, foreign keys. */
b_status mig__twins_strict_drop(mig__op *op, b_err *err) B_MUSTCHECK;
void mig__put_remark(b_slice remark, b_buf *out); /* COMMENT of an index; nothing where there is none */
/* name__column; where that is too long, its beginning and a hash of it all (twin_name.c). */
void mig__twin_name(b_slice name, const char *column, char out[65]);
/* Of all indexes and keys of the table as it was found, those whose twins are called otherwise; in the arena.
 */
bool mig__long_twins(const mig__m *m, const char *column, b_arena *a, const rw_twin **out, size_t *n);
b_slice mig__original_name(const mig__m *m, b_slice twin); /* p == NULL: it is no twin's name */

/* Foreign keys over A and their twins over B (foreign.c); called by the functions for indexes above. */
b_status mig__foreign_list(mig_db *db, const mig__m *m, b_buf *clauses, b_err *err) B_MUSTCHECK;
/* The names of those over A, one a line. */
b_status mig__foreign_names(mig_db *db, const mig__m *m, b_buf *out, b_err *err) B_MUSTCHECK;
b_status mig__foreign_build(mig__op *op, b_err *err) B_MUSTCHECK;
b_status mig__foreign_drop(mig__op *op, bool new_name, b_err *err) B_MUSTCHECK; /* over B, or over A */
b_status mig__foreign_restore(mig__op *op, b_err *err) B_MUSTCHECK;
b_status mig__foreign_rename(mig__op *op, b_err *err) B_MUSTCHECK;
/* Does the server write A by itself, by one of its keys; would it by such rules? */
b_status mig__foreign_cascades(mig_db *db, const mig__m *m, bool *yes, b_err *err) B_MUSTCHECK;
bool mig__foreign_writes(b_slice on_update, b_slice on_delete);
b_status mig__twins_rename(mig__op *op, b_err *err) B_MUSTCHECK;
b_status mig__add_columns(mig__op *op, b_err *err) B_MUSTCHECK;
b_status mig__drop_new(mig__op *op, b_err *err) B_MUSTCHECK;
b_status mig__drop_old(mig__op *op, b_err *err) B_MUSTCHECK;
b_status mig__retire_before(mig__op *op, b_err *err) B_MUSTCHECK;
b_status mig__retire_after(mig__op *op, b_err *err) B_MUSTCHECK;
b_status mig__unretire_before(mig__op *op, b_err *err) B_MUSTCHECK;
b_status mig__unretire_after(mig__op *op, b_err *err) B_MUSTCHECK;
b_status mig__twins_build(mig__op *op, b_err *err) B_MUSTCHECK;
b_status mig__twins_ready(mig_db *db, const mig__m *m, bool *yes, b_buf *missing, b_err *err) B_MUSTCHECK;
/* The ALTER clauses that are still to do, one a line: ADD INDEX … (for PLAN, too). */
/* The same of the indexes over A as they are. */
b_status mig__indexes_list(mig_db *db, const mig__m *m, b_buf *clauses, b_err *err) B_MUSTCHECK;
b_status mig__twins_list(mig_db *db, const mig__m *m, b_buf *clauses, b_err *err) B_MUSTCHECK;

/* ---- writes that bypass the proxy (guard_body.c, guard.c) ---- */

/* The triggers that keep the pair equal. FIRST comes before all triggers of others, and makes of one column
 * the other; LAST comes after them, and makes the new column of what they have left in the old one (LAST_NEW:
 * the old of the new, where they write that); RETIRED is for the phase of that name, in which nobody but a
 * bypassing writer names the old column. */
typedef enum mig__trigger {
    MIG__TRIGGER_FIRST,
    MIG__TRIGGER_LAST,
    MIG__TRIGGER_LAST_NEW,
    MIG__TRIGGER_RETIRED
} mig__trigger;
#define MIG__GUARD_PREFIX "straddle_guard_"
/* The trigger's body. update: BEFORE UPDATE; else BEFORE INSERT. */
void mig__guard_body(const mig__m *m, mig__trigger kind, bool update, bool mariadb, b_buf *out);
/* value <=> literal, byte for byte: of a column that is so. */
void mig__is_literal(const char *value, const mig__column *w, const char *literal, b_buf *out);
/* Is this trigger a guard of some migration; is it one that comes LAST? */
bool mig__is_guard(b_slice trigger);
bool mig__is_guard_last(b_slice trigger);
/* Makes the triggers on the table those that the migration needs in that phase: none unless its guard is
 * `triggers`. */
b_status mig__guard_set(mig__op *op, rw_phase phase, b_err *err) B_MUSTCHECK;
/* SQL to make those of one phase, and to drop them; for PLAN. */
b_status mig__guard_plan(mig_db *db, const mig__m *m, rw_phase phase, b_table *make_drop,
                         b_err *err) B_MUSTCHECK;

/* ---- rows: backfill and verify (key.c, backfill.c, throttle.c, verify.c) ---- */

typedef struct mig__keycol {
    char name[260];   /* quoted */
    char select[700]; /* expression that reads it so that `make` can be built from the text */
    char charset[64], collation[64];
    enum { MIG__KEY_NUMBER, MIG__KEY_TEXT, MIG__KEY_BINARY, MIG__KEY_STRING } kind;
} mig__keycol;
typedef struct mig__key {
    mig__keycol *cols;
    size_t n;
} mig__key;

b_status mig__key_load(mig_db *db, const char *schema, const char *table, mig__key *out,
                       b_err *err) B_MUSTCHECK;
void mig__key_deinit(mig__key *k);
/* `a, b` of the key's columns; the expressions that read them; literals out of a row of those. */
void mig__key_columns(const mig__key *k, b_buf *out);
void mig__key_select(const mig__key *k, b_buf *out);
bool mig__key_literals(const mig__key *k, const b_table *row, size_t at, b_buf *out); /* joined by \n */
/* (a > x OR (a = x AND b > y)): `last` says whether the key's own row is in. lits as mig__key_literals. */
void mig__key_after(const mig__key *k, const char *lits, b_buf *out);
void mig__key_upto(const mig__key *k, const char *lits, b_buf *out);
void mig__key_is(const mig__key *k, const char *lits, b_buf *out); /* (a = x AND b = y) */
/* " FROM the table WHERE …": the rows whose key is after last and up to upto (NULL: no bound). */
void mig__key_rows(const mig__key *k, const mig__m *m, const char *last, const char *upto, b_buf *out);
/* The rows that are not right, byte-exact and null-safe: B is not what `up` makes of A, nor A what `down`
 * makes of B; over all groups of pairs, joined by OR. */
void mig__differs(const mig__m *m, b_buf *out);
/* Is the group of that pair right? */
void mig__right(const mig__m *m, size_t group, b_buf *out);

/* Moves on by one range of at most `rows`: *hi gets its last key's literals; *more false at the end. */
b_status mig__key_range(mig_db *db, const mig__m *m, const mig__key *k, const char *last, uint64_t rows,
                        b_buf *hi, uint64_t *found, b_err *err) B_MUSTCHECK;

void *mig__backfill_main(void *engine);
/* A connection of a backfill, registered and with its settings; *db NULL: none yet. */
b_status mig__backfill_session(mig_engine *e, mig_db **db, b_err *err) B_MUSTCHECK;
void mig__backfill_session_end(mig_engine *e, mig_db **db);

/* lanes.c: ranges of one backfill that are filled at the same time, each on a thread and a connection of its
 * own. */
typedef struct mig__lanes mig__lanes;
typedef struct mig__range {
    const char *after, *upto; /* as mig__fill takes them */
    b_status s; /* what came of it: B_CANCELLED when the backfill is not this instance's any more */
    b_err err;
} mig__range;
/* At most n lanes; NULL: no thread could be started. */
mig__lanes *mig__lanes_new(mig_engine *e, size_t n);
size_t mig__lanes_count(const mig__lanes *l); /* 0 for NULL */
/* Returns when all are done. None moves the checkpoint; each holds a shared lock on its row, where migration,
 * phase, generation, runner and state are m's, until it has committed. */
void mig__lanes_fill(mig__lanes *l, const mig__m *m, const mig__key *k, const char *keep, mig__range *ranges,
                     size_t n);
void mig__lanes_free(mig__lanes *l); /* NULL is fine */

/* vitals.c: what the server says of its load. Deadlocks are counted since its start. */
typedef enum mig__vital {
    MIG__THREADS_RUNNING,
    MIG__LOCK_WAITS,
    MIG__DEADLOCKS,
    MIG__HISTORY,
    MIG__PENDING_IO,
    MIG__VITALS
} mig__vital;
typedef struct mig__vitals {
    uint64_t value[MIG__VITALS];
    bool known[MIG__VITALS];
} mig__vitals;
b_status mig__vitals_read(mig_db *db, mig__vitals *v, b_err *err) B_MUSTCHECK;

/* replica.c: the heartbeat, and how far a replica is behind it. *db: NULL at first, kept between calls. */
b_status mig__beat(mig_db *db, b_err *err) B_MUSTCHECK;
b_status mig__replica_lag(const mig__server *server, mig_db **db, uint64_t *lag_ms, b_err *err) B_MUSTCHECK;

/* outside.c: an operator's check: 0 go on, 1 wait, 2 and more pause. */
b_status mig__check_sql(mig_db *db, const char *sql, uint64_t *says, b_err *err) B_MUSTCHECK;
b_status mig__check_http(const char *url, uint64_t *says, b_err *err) B_MUSTCHECK;

/* PAUSE: until an operator resumes it. */
typedef enum mig__go { MIG__GO, MIG__WAIT, MIG__PAUSE } mig__go;
typedef struct mig__throttle {
    mig_engine *e;
    mig_db **replicas;
    mig__server *servers;
    size_t n;
    uint64_t looked_ms;
    mig__vitals vitals;
    uint64_t deadlocks, deadlocks_ms, deadlock_rate;
    uint64_t p99_us, slow_ms; /* without the backfill; since when it has waited for it */
    uint64_t http_ms, http_says;
    char http_failed[256];
    mig__go go;
    char reason[300]; /* "" while it may go on */
} mig__throttle;
b_status mig__throttle_init(mig__throttle *t, mig_engine *e, b_err *err) B_MUSTCHECK;
void mig__throttle_deinit(mig__throttle *t);
mig__go mig__throttle_check(mig__throttle *t, mig_db *db, const mig__m *m);

/* fill.c: B = up(A) (reverse: A = down(B)) in that range, where the pair is not right. keep: of
 * mig__fill_keep. */
b_status mig__fill_keep(mig_db *db, const mig__m *m, b_buf *keep, b_err *err) B_MUSTCHECK;
b_status mig__fill(mig_db *db, const mig__m *m, const mig__key *k, const char *last, const char *upto,
                   bool reverse, bool safe, const char *keep, uint64_t *changed, b_err *err) B_MUSTCHECK;
/* What keeps a repair (safe) from making the only copy of a value NULL, or of one that is read from NULL. */
void mig__fill_safe(const mig__m *m, bool reverse, b_buf *where);

/* Of the rows that a condition says. */
b_status mig__fill_where(mig_db *db, const mig__m *m, const b_buf *where, bool reverse, const char *keep,
                         uint64_t *changed, b_err *err) B_MUSTCHECK;
/* The values of all old columns, or all new ones, as bytes for people. */
void mig__values(const mig__m *m, bool old, b_buf *q);

typedef struct mig__checksum {
    uint64_t rows, chunks, differing, repaired, ms;
    char first_keys[512];
} mig__checksum;
/* repair: what differs is made right out of the column that reads go to; then `differing` is what still does.
 */
b_status mig__verify(mig_engine *e, mig_db *db, mig__m *m, bool repair, mig__checksum *out,
                     b_err *err) B_MUSTCHECK;
/* Adds what is in that range; rows that differ are kept in straddle.differences. */
b_status mig__verify_range(mig_db *db, const mig__m *m, const mig__key *k, const char *last, const char *hi,
                           mig__checksum *out, b_err *err) B_MUSTCHECK;

void *mig__recheck_main(void *engine); /* recheck.c */

/* Of straddle.migrations m and straddle.backfill b: both columns of the migration are written, and all rows
 * are right, but for somebody who writes past the proxy. */
#define MIG__BOTH_KEPT                                                                                       \
    "m.phase IN ('dual_write', 'switched') AND m.pending = '' AND m.a_trusted = 1 AND b.state = 'complete' " \
    "AND b.reverse = 0 AND m.strategy = 'dual_write' AND NOT (m.phase = 'switched' AND EXISTS (SELECT 1 "    \
    "FROM straddle.migration_changes w WHERE w.migration = m.name AND w.one_way = 1))"

/* shadow.c, shadow_keep.c */
mig__shadow *mig__shadow_new(void); /* NULL: out of memory */
b_status mig__shadow_start(mig_engine *e, b_err *err) B_MUSTCHECK;
void mig__shadow_stop(mig__shadow *h);
void mig__shadow_free(mig__shadow *h); /* NULL is fine */
/* Is a difference open that shadow reads of a rename have found? */
b_status mig__gate_shadow(mig__op *op, b_err *err) B_MUSTCHECK;
/* Both columns were found right in a comparison that took so long: what was found before it is settled. */
b_status mig__shadow_settle(mig_db *db, const char *migration, uint64_t took_ms, b_err *err) B_MUSTCHECK;
enum { MIG__SHADOW_TOTALS = 6 }; /* sampled, compared, differing, skipped, failed, dropped */
b_status mig__shadow_totals(mig_db *db, const char *migration, uint64_t out[MIG__SHADOW_TOTALS],
                            b_err *err) B_MUSTCHECK;

void *mig__bypass_main(void *engine); /* bypass.c */
/* SHOW BINARY LOG STATUS, or what older servers have. */
b_status mig__log_status(mig_db *db, b_table **out, b_err *err) B_MUSTCHECK;

/* ---- the plan (plan.c, plan_trial.c, plan_files.c) ---- */

/* steps: step, phase, sql, rollback_sql, lock, estimate; out gets them as the server really takes them. */
b_status mig__plan_try(mig_db *db, const mig__m *m, const b_table *steps, b_table *out,
                       b_err *err) B_MUSTCHECK;
/* out: file, content. format: flyway, liquibase, sql. */
b_status mig__plan_files(mig_db *db, const mig__m *m, const char *format, const b_table *plan, b_table *out,
                         b_err *err) B_MUSTCHECK;

/* The session's time zone while rows are compared or made: the migration's, or one in which every TIMESTAMP
 * is itself; and back. */
b_status mig__zone_set(mig_db *db, const mig__m *m, b_err *err) B_MUSTCHECK;
b_status mig__zone_reset(mig_db *db, b_err *err) B_MUSTCHECK;

/* ---- migrations that change values (changes.c, probe.c) ---- */

/* Does the definition say more than names? */
bool mig__changes(const cfg_migration *m);
/* Numbers the groups of pairs that are made from each other. */
void mig__groups(mig__pair *pairs, size_t n);
/* pairs[m->ncolumns] with the columns as the server makes them, tried in a temporary table, which stays. */
b_status mig__probe(mig_db *db, const cfg_migration *m, b_arena *arena, rw_pair *pairs,
                    b_err *err) B_MUSTCHECK;
/* One finding of a try of `up` and `down` on rows of the table; severity: 0 blocker, 1 warning, 2 info. */
typedef void mig__found(void *arg, int severity, const char *object, const char *why, const char *remedy);
b_status mig__probe_rows(mig_db *db, const cfg_migration *m, b_arena *arena, mig__found *found, void *arg,
                         b_err *err) B_MUSTCHECK;

/* ---- preflight.c ---- */

/* Looks at the database; *blockers counts what refuses the migration. out: severity, object, why, remedy. */
b_status mig__preflight(mig_db *db, const cfg_migration *m, b_table *out, size_t *blockers,
                        b_err *err) B_MUSTCHECK;
/* The same of one that is under way, before it goes on to that phase; B_REFUSED: what stands in the way. */
b_status mig__preflight_again(mig_db *db, const mig__m *m, rw_phase to, b_err *err) B_MUSTCHECK;
/* With the findings. */
b_status mig__preflight_of(mig_db *db, const mig__m *m, rw_phase to, b_table *out, size_t *blockers,
                           b_err *err) B_MUSTCHECK;
/* B_REFUSED with all blockers in *err. */
b_status mig__refuse_findings(const char *name, const b_table *found, size_t blockers,
                              b_err *err) B_MUSTCHECK;

#endif
