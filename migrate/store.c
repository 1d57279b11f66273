/* Schema `straddle`: its tables, and reading migrations out of them. What a table is for is said beside its
 * definition. No phases or DDL of the application's tables here. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ER_DUP_FIELD 1060

static const char *const tables[] = {
    "CREATE DATABASE IF NOT EXISTS straddle CHARACTER SET utf8mb4",
    /* one row: the published epoch and the version of this schema */
    "CREATE TABLE IF NOT EXISTS straddle.state (id TINYINT NOT NULL PRIMARY KEY, epoch BIGINT UNSIGNED NOT "
    "NULL, schema_version INT NOT NULL) ENGINE=InnoDB",
    "INSERT IGNORE INTO straddle.state VALUES (1, 1, 1)",
    /* pending: the edge, from>to, whose work after publishing is not yet recorded as done; held: statements
     * on the table wait in all instances while its columns are being renamed */
    "CREATE TABLE IF NOT EXISTS straddle.migrations (name VARCHAR(128) CHARACTER SET ascii NOT NULL PRIMARY "
    "KEY, table_schema VARCHAR(64) NOT NULL, table_name VARCHAR(64) NOT NULL, definition MEDIUMTEXT NOT "
    "NULL, phase VARCHAR(16) NOT NULL, epoch BIGINT UNSIGNED NOT NULL, generation BIGINT UNSIGNED NOT NULL, "
    "disabled TINYINT NOT NULL DEFAULT 0, a_trusted TINYINT NOT NULL DEFAULT 1, pending VARCHAR(40) NOT NULL "
    "DEFAULT '', observe_days INT UNSIGNED NOT NULL, checksum_clean TINYINT NOT NULL DEFAULT 0, "
    "checksum_rows BIGINT UNSIGNED NOT NULL DEFAULT 0, checksum_differing BIGINT UNSIGNED NOT NULL DEFAULT "
    "0, "
    "checksum_at DATETIME(3) NULL, since DATETIME(3) NOT NULL, last_error VARCHAR(1024) NOT NULL DEFAULT '', "
    "strategy VARCHAR(16) NOT NULL DEFAULT 'dual_write', gate_ms INT UNSIGNED NOT NULL DEFAULT 1000, held "
    "TINYINT NOT NULL DEFAULT 0) ENGINE=InnoDB",
    /* the columns, and A as it was found at apply */
    "CREATE TABLE IF NOT EXISTS straddle.migration_columns (migration VARCHAR(128) CHARACTER SET ascii NOT "
    "NULL, n INT NOT NULL, from_name VARCHAR(64) NOT NULL, to_name VARCHAR(64) NOT NULL, after_name "
    "VARCHAR(64) NOT NULL, type TEXT NOT NULL, charset VARCHAR(64) NOT NULL, collation VARCHAR(64) NOT NULL, "
    "comment TEXT NOT NULL, nullable TINYINT NOT NULL, default_kind INT NOT NULL, default_text TEXT NOT "
    "NULL, on_update TINYINT NOT NULL DEFAULT 0, PRIMARY KEY (migration, n)) ENGINE=InnoDB",
    /* of pairs that change more than the name: the expressions, and B as it is to be */
    "CREATE TABLE IF NOT EXISTS straddle.migration_changes (migration VARCHAR(128) CHARACTER SET ascii NOT "
    "NULL, n "
    "INT NOT NULL, up TEXT NOT NULL, down TEXT NOT NULL, one_way TINYINT NOT NULL, type TEXT NOT NULL, "
    "charset "
    "VARCHAR(64) NOT NULL, collation VARCHAR(64) NOT NULL, nullable TINYINT NOT NULL, default_kind INT NOT "
    "NULL, "
    "default_text TEXT NOT NULL, time_zone VARCHAR(64) NOT NULL, PRIMARY KEY (migration, n)) ENGINE=InnoDB",
    /* the backfill's pace, one row a setting */
    "CREATE TABLE IF NOT EXISTS straddle.pace (migration VARCHAR(128) CHARACTER SET ascii NOT NULL, name "
    "VARCHAR(64) CHARACTER SET ascii NOT NULL, value TEXT NOT NULL, PRIMARY KEY (migration, name)) "
    "ENGINE=InnoDB",
    /* the last round of looking again, one row a migration; and rows that differed, with both values then */
    "CREATE TABLE IF NOT EXISTS straddle.recheck (migration VARCHAR(128) CHARACTER SET ascii NOT NULL "
    "PRIMARY KEY, "
    "rounds BIGINT UNSIGNED NOT NULL, row_count BIGINT UNSIGNED NOT NULL, differing BIGINT UNSIGNED NOT "
    "NULL, "
    "first_keys VARCHAR(512) NOT NULL, ended DATETIME(3) NOT NULL) ENGINE=InnoDB",
    "CREATE TABLE IF NOT EXISTS straddle.differences (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY "
    "KEY, "
    "migration VARCHAR(128) CHARACTER SET ascii NOT NULL, key_hash BINARY(32) NOT NULL, key_text "
    "VARCHAR(700) NOT "
    "NULL, old_value VARBINARY(1000) NULL, new_value VARBINARY(1000) NULL, seen DATETIME(3) NOT NULL, "
    "repaired "
    "DATETIME(3) NULL, UNIQUE KEY (migration, key_hash)) ENGINE=InnoDB",
    /* what came of shadow reads; detail: why it was skipped, the error, or the digest of a statement that
     * differs; blocks: such a difference is not met at a gate until it is settled */
    "CREATE TABLE IF NOT EXISTS straddle.shadow (migration VARCHAR(128) CHARACTER SET ascii NOT NULL, "
    "outcome "
    "VARCHAR(16) CHARACTER SET ascii NOT NULL, detail VARCHAR(160) NOT NULL, seen BIGINT UNSIGNED NOT NULL, "
    "first_seen DATETIME(3) NOT NULL, last_seen DATETIME(3) NOT NULL, settled DATETIME(3) NULL, statement "
    "TEXT NULL, read_rows BIGINT UNSIGNED NULL, other_rows BIGINT UNSIGNED NULL, blocks TINYINT NOT NULL "
    "DEFAULT 0, PRIMARY KEY (migration, outcome, detail)) ENGINE=InnoDB",
    /* where guard: watch is in the binary log of which server, and what could not be read */
    "CREATE TABLE IF NOT EXISTS straddle.guard (id TINYINT NOT NULL PRIMARY KEY, server VARCHAR(100) NOT "
    "NULL, file "
    "VARCHAR(500) NOT NULL, position BIGINT UNSIGNED NOT NULL, runner VARCHAR(160) CHARACTER SET ascii NOT "
    "NULL, kept "
    "DATETIME(3) NOT NULL, missed VARCHAR(1200) NOT NULL DEFAULT '', missed_at DATETIME(3) NULL) "
    "ENGINE=InnoDB",
    /* rows that it found; key_text: as literals, a line each; side: which column the statement set, where one
     */
    "CREATE TABLE IF NOT EXISTS straddle.bypass (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, "
    "migration "
    "VARCHAR(128) CHARACTER SET ascii NOT NULL, key_hash BINARY(32) NOT NULL, key_text TEXT NOT NULL, "
    "server_id INT "
    "UNSIGNED NOT NULL, written DATETIME NOT NULL, seen DATETIME(3) NOT NULL, side VARCHAR(3) NOT NULL, "
    "old_value "
    "VARBINARY(1000) NULL, new_value VARBINARY(1000) NULL, repaired DATETIME(3) NULL, UNIQUE KEY (migration, "
    "key_hash)) "
    "ENGINE=InnoDB",
    /* one row an incarnation of an instance; acked_epoch: nothing older than it is left there, 0: it is
     * joining; dead_at: it is being fenced; gone_at: of its connections none is left; machine, ticks: to see
     * whether its process is gone */
    "CREATE TABLE IF NOT EXISTS straddle.instances (id VARCHAR(160) CHARACTER SET ascii NOT NULL PRIMARY "
    "KEY, "
    "host VARCHAR(128) NOT NULL, pid BIGINT NOT NULL, started DATETIME(3) NOT NULL, lease_until DATETIME(6) "
    "NOT NULL, dead_at DATETIME(6) NULL, seen_epoch BIGINT UNSIGNED NOT NULL, acked_epoch BIGINT UNSIGNED "
    "NOT NULL, holder VARCHAR(300) NOT NULL DEFAULT '', gone_at DATETIME(6) NULL, "
    "machine VARCHAR(80) CHARACTER SET ascii NOT NULL DEFAULT '', ticks BIGINT UNSIGNED NOT NULL DEFAULT 0, "
    "dropped TINYINT NOT NULL DEFAULT 0) ENGINE=InnoDB",
    /* connections that are killed when their instance is fenced; server: one run of the server, since another
     * gives the same ids out again */
    "CREATE TABLE IF NOT EXISTS straddle.connections (instance VARCHAR(160) CHARACTER SET ascii NOT NULL, "
    "server VARCHAR(80) CHARACTER SET ascii NOT NULL, id BIGINT UNSIGNED NOT NULL, PRIMARY KEY (instance, "
    "server, id)) ENGINE=InnoDB",
    /* the checkpoint: a chunk's transaction updates it, publishing does as well */
    "CREATE TABLE IF NOT EXISTS straddle.backfill (migration VARCHAR(128) CHARACTER SET ascii NOT NULL "
    "PRIMARY "
    "KEY, generation BIGINT UNSIGNED NOT NULL, phase VARCHAR(16) NOT NULL, state VARCHAR(16) NOT NULL, "
    "reverse TINYINT NOT NULL DEFAULT 0, runner VARCHAR(160) NOT NULL DEFAULT '', last_key MEDIUMTEXT NULL, "
    "rows_done BIGINT UNSIGNED NOT NULL DEFAULT 0, rows_total BIGINT UNSIGNED NOT NULL DEFAULT 0, rate "
    "BIGINT "
    "UNSIGNED NOT NULL DEFAULT 0, throttle VARCHAR(300) NOT NULL DEFAULT '', beat BIGINT UNSIGNED NOT NULL "
    "DEFAULT 0) ENGINE=InnoDB",
    "CREATE TABLE IF NOT EXISTS straddle.history (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, at "
    "DATETIME(3) NOT NULL, migration VARCHAR(128) NOT NULL, who VARCHAR(128) NOT NULL, from_host "
    "VARCHAR(128) "
    "NOT NULL, action VARCHAR(32) NOT NULL, from_phase VARCHAR(16) NOT NULL, to_phase VARCHAR(16) NOT NULL, "
    "sql_text TEXT NOT NULL, duration_ms BIGINT UNSIGNED NOT NULL, result VARCHAR(1024) NOT NULL, forced "
    "TINYINT NOT NULL) ENGINE=InnoDB",
    /* what `straddle rehearse` has tried on a clone; steps: JSON, with times and latencies */
    "CREATE TABLE IF NOT EXISTS straddle.rehearsals (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, "
    "token CHAR(32) CHARACTER SET ascii NOT NULL UNIQUE, migration VARCHAR(128) CHARACTER SET ascii NOT "
    "NULL, "
    "definition MEDIUMTEXT NOT NULL, clone VARCHAR(300) NOT NULL, started DATETIME(3) NOT NULL, ended "
    "DATETIME(3) NULL, result VARCHAR(1024) NOT NULL DEFAULT '', rows_before BIGINT UNSIGNED NOT NULL "
    "DEFAULT "
    "0, rows_after BIGINT UNSIGNED NOT NULL DEFAULT 0, differing BIGINT UNSIGNED NOT NULL DEFAULT 0, "
    "statements BIGINT UNSIGNED NOT NULL DEFAULT 0, conflicts BIGINT UNSIGNED NOT NULL DEFAULT 0, errors "
    "BIGINT UNSIGNED NOT NULL DEFAULT 0, worst_p99_us BIGINT UNSIGNED NOT NULL DEFAULT 0, worst_lag_ms "
    "BIGINT "
    "UNSIGNED NOT NULL DEFAULT 0, steps MEDIUMTEXT NULL) ENGINE=InnoDB",
    /* written every 100 ms while a backfill runs, read on the replicas */
    "CREATE TABLE IF NOT EXISTS straddle.heartbeat (id TINYINT NOT NULL PRIMARY KEY, at_ms BIGINT UNSIGNED "
    "NOT "
    "NULL) ENGINE=InnoDB",
    /* regex rules; patterns are bytes */
    "CREATE TABLE IF NOT EXISTS straddle.rules (name VARCHAR(128) CHARACTER SET ascii NOT NULL PRIMARY KEY, "
    "ordinal INT UNSIGNED NOT NULL, enabled TINYINT NOT NULL, chained TINYINT NOT NULL, pass_on_error "
    "TINYINT "
    "NOT NULL, max_bytes INT UNSIGNED NOT NULL, action VARCHAR(16) NOT NULL, user_pattern BLOB NOT NULL, "
    "schema_pattern BLOB NOT NULL, program_pattern BLOB NOT NULL, digest VARCHAR(16) NOT NULL, "
    "digest_pattern "
    "BLOB NOT NULL, text_pattern BLOB NOT NULL, replacement BLOB NOT NULL, message BLOB NOT NULL) "
    "ENGINE=InnoDB",
    /* who used which name, from where, by which statement: one row for each process that counts, and one of
     * nobody's for those that are gone */
    "CREATE TABLE IF NOT EXISTS straddle.census (migration VARCHAR(128) CHARACTER SET ascii NOT NULL, name "
    "CHAR(3) "
    "CHARACTER SET ascii NOT NULL, user VARCHAR(128) COLLATE utf8mb4_bin NOT NULL, host VARCHAR(63) COLLATE "
    "utf8mb4_bin "
    "NOT NULL, program VARCHAR(128) COLLATE utf8mb4_bin NOT NULL, digest CHAR(16) CHARACTER SET ascii NOT "
    "NULL, instance "
    "VARCHAR(160) CHARACTER SET ascii NOT NULL, sample TEXT NOT NULL, uses BIGINT UNSIGNED NOT NULL, "
    "first_seen "
    "DATETIME(3) NOT NULL, last_seen DATETIME(3) NOT NULL, PRIMARY KEY (migration, name, user, host, "
    "program, digest, "
    "instance)) ENGINE=InnoDB",
    /* what earlier programs kept of that; taken over at start */
    "CREATE TABLE IF NOT EXISTS straddle.name_usage (migration VARCHAR(128) CHARACTER SET ascii NOT NULL, "
    "old_name TINYINT NOT NULL, last_seen DATETIME(3) NOT NULL, who VARCHAR(300) NOT NULL, PRIMARY KEY "
    "(migration, old_name)) ENGINE=InnoDB",
};

/* Columns that tables of an earlier program do not have yet; as in the tables above. */
static const struct {
    const char *table, *column, *type;
} added[] = {
    {"migrations", "strategy", "VARCHAR(16) NOT NULL DEFAULT 'dual_write'"},
    {"migrations", "gate_ms", "INT UNSIGNED NOT NULL DEFAULT 1000"},
    {"migrations", "held", "TINYINT NOT NULL DEFAULT 0"},
    {"migrations", "guard", "VARCHAR(16) NOT NULL DEFAULT 'none'"},
    {"migrations", "guard_repair", "TINYINT NOT NULL DEFAULT 0"},
    {"migrations", "found", "MEDIUMTEXT NULL"}, /* SHOW CREATE TABLE, when it was applied */
    {"migration_columns", "on_update", "TINYINT NOT NULL DEFAULT 0"},
    {"instances", "gone_at", "DATETIME(6) NULL"},
    {"instances", "machine", "VARCHAR(80) CHARACTER SET ascii NOT NULL DEFAULT ''"},
    {"instances", "ticks", "BIGINT UNSIGNED NOT NULL DEFAULT 0"},
    {"instances", "dropped", "TINYINT NOT NULL DEFAULT 0"},
};

static b_status add_columns(mig_db *db, b_err *err)
{
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < sizeof added / sizeof added[0]; i++) {
        b_table *t = NULL;
        s = mig__query(db, &t, err,
                       "SELECT 1 FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'straddle' AND "
                       "TABLE_NAME = '%s' AND COLUMN_NAME = '%s'",
                       added[i].table, added[i].column);
        bool there = b_table_rows(t) != 0;
        b_table_free(t);
        if (s != B_OK || there) continue;
        s = mig__query(db, NULL, err, "ALTER TABLE straddle.%s ADD COLUMN %s %s", added[i].table,
                       added[i].column, added[i].type);
        if (s != B_OK && err->db_errno == ER_DUP_FIELD) s = B_OK; /* another instance was first */
    }
    return s;
}

b_status mig__schema_create(mig_db *db, b_err *err)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        b_status s = mig_db_query(db, tables[i], NULL, err);
        if (s != B_OK)
            return b_err_prefix(err, "cannot make the tables of schema straddle; the engine's account needs "
                                     "all rights on it");
    }
    b_status added_all = add_columns(db, err);
    if (added_all != B_OK) return added_all;
    char version[16];
    b_status s = mig_db_scalar(db, "SELECT schema_version FROM straddle.state WHERE id = 1", version,
                               sizeof version, err);
    if (s == B_OK && atoi(version) != MIG__SCHEMA_VERSION)
        return b_fail(err, B_STATE,
                      "schema straddle is of version %s, this program knows %d; use a program that fits it",
                      version, MIG__SCHEMA_VERSION);
    return s;
}

b_status mig__epoch(mig_db *db, uint64_t *out, b_err *err)
{
    char text[32];
    b_status s = mig_db_scalar(db, "SELECT epoch FROM straddle.state WHERE id = 1", text, sizeof text, err);
    if (s == B_OK) *out = strtoull(text, NULL, 10);
    return s;
}

/* ---- reading ---- */

static const char *text(b_arena *a, const b_table *t, size_t row, const char *column)
{
    b_slice c = b_arena_dup(a, mig__cell(t, row, column));
    return c.p == NULL ? "" : c.p;
}

typedef struct names { /* of the cells that tell of a column */
    const char *type, *charset, *collation, *default_text, *default_kind, *nullable;
} names;

static void fill_column(b_arena *a, const b_table *t, size_t i, const names *n, const char *name,
                        mig__column *c, rw_column *out)
{
    *c = (mig__column){.type = text(a, t, i, n->type),
                       .charset = text(a, t, i, n->charset),
                       .collation = text(a, t, i, n->collation),
                       .default_text = text(a, t, i, n->default_text)};
    *out = (rw_column){.name = b_slice_str(name),
                       .type = b_slice_str(c->type),
                       .collation = b_slice_str(c->collation),
                       .default_text = b_slice_str(c->default_text),
                       .default_kind = (rw_default_kind)mig__cell_u64(t, i, n->default_kind),
                       .nullable = mig__cell_u64(t, i, n->nullable) != 0};
    /* Said only where it is not the table's own, so that B's definition reads as A's did. */
    if (b_slice_ieq(b_slice_str(c->collation), mig__cell(t, i, "table_collation"))) c->charset = "";
}

static void fill_pair(b_arena *a, const b_table *t, size_t i, mig__pair *p)
{
    static const names of_a = {"type", "charset", "collation", "default_text", "default_kind", "nullable"};
    static const names of_b = {"to_type",    "to_charset", "to_collation",
                               "to_default", "to_kind",    "to_nullable"};
    bool changes = mig__cell(t, i, "to_type").p != NULL;
    p->from = text(a, t, i, "from_name"), p->to = text(a, t, i, "to_name");
    p->after = text(a, t, i, "after_name"), p->comment = text(a, t, i, "comment");
    p->up = text(a, t, i, "up"), p->down = text(a, t, i, "down");
    p->one_way = mig__cell_u64(t, i, "one_way") != 0;
    fill_column(a, t, i, &of_a, p->from, &p->a, &p->plain);
    fill_column(a, t, i, changes ? &of_b : &of_a, p->to, &p->b, &p->target);
    p->plain.on_update_now = mig__cell_u64(t, i, "on_update") != 0;
    p->target.on_update_now = p->plain.on_update_now && !changes;
}

/* Did the table, as it was found, have A as MariaDB has JSON? B is so, too, unless the values change. */
static void set_json(const mig__m *m, const b_table *t, size_t i, mig__pair *p)
{
    const char *check = b_arena_printf(m->arena, " CHECK (" MIG__JSON_CHECK ")", p->from);
    p->a.json = check != NULL && p->from[0] != '\0' && strstr(m->found, check) != NULL;
    p->b.json = p->a.json && mig__cell(t, i, "to_type").p == NULL && p->up[0] == '\0';
}

/* What all pairs together say. */
static void sum_up(mig__m *m, mig__pair *pairs, const b_table *t)
{
    m->time_zone = "";
    for (size_t i = 0; i < m->npairs; i++) {
        rw_pair p = {.from = b_slice_str(pairs[i].from),
                     .to = b_slice_str(pairs[i].to),
                     .up = b_slice_str(pairs[i].up),
                     .down = b_slice_str(pairs[i].down),
                     .plain = pairs[i].plain,
                     .target = pairs[i].target};
        m->one_way = m->one_way || pairs[i].one_way;
        if (rw_pair_zoned(&p)) m->time_zone = text(m->arena, t, i, "time_zone");
    }
    mig__groups(pairs, m->npairs);
}

static b_status load_pairs(mig_db *db, mig__m *m, b_err *err)
{
    b_table *t = NULL;
    b_status s = mig__query(
        db, &t, err,
        "SELECT c.*, x.up, x.down, x.one_way, x.type AS to_type, x.charset AS to_charset, x.collation AS "
        "to_collation, x.nullable AS to_nullable, x.default_kind AS to_kind, x.default_text AS to_default, "
        "x.time_zone, (SELECT TABLE_COLLATION FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s "
        "AND TABLE_NAME = %s) AS table_collation FROM straddle.migration_columns c LEFT JOIN "
        "straddle.migration_changes x ON x.migration = c.migration AND x.n = c.n WHERE c.migration = %s "
        "ORDER BY "
        "c.n",
        mig__q(m->arena, m->schema), mig__q(m->arena, m->table), mig__q(m->arena, m->name));
    if (s != B_OK) return s;
    size_t n = b_table_rows(t);
    mig__pair *pairs = b_arena_array(m->arena, n + 1, sizeof *pairs);
    if (pairs == NULL) {
        s = b_fail(err, B_NOMEM, "out of memory for migration %s", m->name);
    } else {
        for (size_t i = 0; i < n; i++) {
            fill_pair(m->arena, t, i, &pairs[i]);
            set_json(m, t, i, &pairs[i]);
            pairs[i].no_default_up = m->guard == CFG_GUARD_TRIGGERS && !mig__mariadb(db);
        }
        m->pairs = pairs, m->npairs = n;
        sum_up(m, pairs, t);
    }
    b_table_free(t);
    return s;
}

static void fill_backfill(mig__m *m, const b_table *t, size_t i)
{
    m->bf_state = text(m->arena, t, i, "bf_state"), m->bf_throttle = text(m->arena, t, i, "bf_throttle");
    m->bf_runner = text(m->arena, t, i, "bf_runner");
    m->bf_last_key = mig__cell(t, i, "bf_last_key").p == NULL ? NULL : text(m->arena, t, i, "bf_last_key");
    m->bf_reverse = mig__cell_u64(t, i, "bf_reverse") != 0;
    m->bf_done = mig__cell_u64(t, i, "bf_done"), m->bf_total = mig__cell_u64(t, i, "bf_total");
    m->bf_rate = mig__cell_u64(t, i, "bf_rate");
}

static b_status fill(mig_db *db, mig__m *m, const b_table *t, size_t i, b_err *err)
{
    b_arena *a = m->arena;
    m->name = text(a, t, i, "name"), m->schema = text(a, t, i, "table_schema");
    m->table = text(a, t, i, "table_name"), m->definition = text(a, t, i, "definition");
    m->pending = text(a, t, i, "pending"), m->last_error = text(a, t, i, "last_error");
    m->found = text(a, t, i, "found");
    m->epoch = mig__cell_u64(t, i, "epoch"), m->generation = mig__cell_u64(t, i, "generation");
    m->observe_days = mig__cell_u64(t, i, "observe_days");
    m->disabled = mig__cell_u64(t, i, "disabled") != 0, m->a_trusted = mig__cell_u64(t, i, "a_trusted") != 0;
    m->checksum_clean = mig__cell_u64(t, i, "checksum_clean") != 0;
    m->checksum_rows = mig__cell_u64(t, i, "checksum_rows");
    m->checksum_differing = mig__cell_u64(t, i, "checksum_differing");
    m->checksum_at = text(a, t, i, "checksum_at"), m->since = text(a, t, i, "since");
    m->instant = b_slice_eq(mig__cell(t, i, "strategy"), B_LIT("instant_rename"));
    m->gate_ms = (uint32_t)mig__cell_u64(t, i, "gate_ms"), m->held = mig__cell_u64(t, i, "held") != 0;
    fill_backfill(m, t, i);
    m->guard_repair = mig__cell_u64(t, i, "guard_repair") != 0;
    if (!cfg_guard_parse(text(a, t, i, "guard"), &m->guard))
        return b_fail(err, B_STATE, "migration %s has the unknown guard '%s' in straddle.migrations", m->name,
                      text(a, t, i, "guard"));
    if (!rw_phase_parse(mig__cell(t, i, "phase"), &m->phase))
        return b_fail(err, B_STATE, "migration %s has the unknown phase '%s' in straddle.migrations", m->name,
                      text(a, t, i, "phase"));
    b_status s = mig__pace_load(db, m, err);
    return s == B_OK ? load_pairs(db, m, err) : s;
}

#define SELECT_ALL                                                                                           \
    "SELECT m.*, b.state AS bf_state, b.reverse AS bf_reverse, b.runner AS bf_runner, b.last_key AS "        \
    "bf_last_key, "                                                                                          \
    "b.rows_done AS bf_done, b.rows_total AS bf_total, b.rate AS bf_rate, b.throttle AS bf_throttle FROM "   \
    "straddle.migrations m LEFT JOIN straddle.backfill b ON b.migration = m.name "

static b_status one(mig_db *db, const b_table *t, size_t i, mig__m **out, b_err *err)
{
    b_arena *a = b_arena_new(0);
    mig__m *m = a == NULL ? NULL : B_NEW(a, mig__m);
    if (m == NULL) {
        b_arena_free(a);
        return b_fail(err, B_NOMEM, "out of memory while reading migrations");
    }
    m->arena = a;
    b_status s = fill(db, m, t, i, err);
    if (s != B_OK) {
        mig__free(m);
        return s;
    }
    *out = m;
    return B_OK;
}

static b_status not_found(mig_db *db, const char *name, b_err *err)
{
    char all[512];
    b_err ignored;
    if (mig_db_scalar(db, "SELECT GROUP_CONCAT(name ORDER BY name SEPARATOR ', ') FROM straddle.migrations",
                      all, sizeof all, &ignored) != B_OK)
        snprintf(all, sizeof all, "none yet; APPLY MIGRATION makes one");
    return b_fail(err, B_NOT_FOUND, "there is no migration '%s'; there are: %s", name, all);
}

b_status mig__load(mig_db *db, const char *name, mig__m **out, b_err *err)
{
    b_buf q = {0};
    b_table *t = NULL;
    *out = NULL;
    b_buf_quote(&q, b_slice_str(name));
    b_status s = mig__query(db, &t, err, SELECT_ALL "WHERE m.name = %s", b_buf_cstr(&q));
    b_buf_deinit(&q);
    if (s == B_OK && b_table_rows(t) == 0) s = not_found(db, name, err);
    if (s == B_OK) s = one(db, t, 0, out, err);
    b_table_free(t);
    return s;
}

b_status mig__load_all(mig_db *db, mig__m ***out, size_t *n, b_err *err)
{
    b_table *t = NULL;
    *out = NULL, *n = 0;
    b_status s = mig_db_query(db, SELECT_ALL "ORDER BY m.name", &t, err);
    if (s != B_OK) return s;
    mig__m **all = calloc(b_table_rows(t) + 1, sizeof *all);
    if (all == NULL) s = b_fail(err, B_NOMEM, "out of memory while reading migrations");
    size_t got = 0;
    for (; s == B_OK && got < b_table_rows(t); got++) s = one(db, t, got, &all[got], err);
    b_table_free(t);
    if (s != B_OK) {
        mig__free_all(all, got);
        return s;
    }
    *out = all, *n = got;
    return B_OK;
}

void mig__free(mig__m *m)
{
    if (m != NULL) b_arena_free(m->arena);
}

void mig__free_all(mig__m **all, size_t n)
{
    for (size_t i = 0; all != NULL && i < n; i++) mig__free(all[i]);
    free(all);
}

/* ---- history ---- */

b_status mig__record(mig_db *db, const mig_actor *who, const mig__event *ev, b_err *err)
{
    const char *parts[] = {ev->migration,
                           who == NULL ? "straddle" : who->user,
                           who == NULL ? "" : who->host,
                           ev->action,
                           ev->from,
                           ev->to,
                           ev->sql};
    b_buf q = {0};
    b_buf_str(&q,
              "INSERT INTO straddle.history (at, migration, who, from_host, action, from_phase, to_phase, "
              "sql_text, duration_ms, result, forced) VALUES (NOW(3)");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        b_buf_str(&q, ", ");
        b_buf_quote(&q, b_slice_str(parts[i] == NULL ? "" : parts[i]));
    }
    b_buf_printf(&q, ", %llu, ", (unsigned long long)ev->ms);
    b_slice result = b_slice_str(ev->result == NULL ? "ok" : ev->result);
    if (result.n > 1000) result.n = 1000;
    b_buf_quote(&q, result);
    b_buf_printf(&q, ", %d)", ev->forced ? 1 : 0);
    b_status s = mig__run(db, err, &q);
    b_buf_deinit(&q);
    return s;
}
