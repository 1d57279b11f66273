/* The preflight: what in the database stands in the way of a migration, before anything is touched.
 *
 * Each finding is a row: severity (blocker refuses the migration; warning and info do not), object, why it
 * matters, what to do. Bodies of triggers, views, routines and events are searched for the names as whole
 * words: that finds too much rather than too little. Reads only. */
#include "mig.h"

#include <stdlib.h>
#include <string.h>

typedef struct flight {
    mig_db *db;
    const cfg_migration *m;
    b_table *out;
    size_t blockers;
    bool mariadb, begun; /* begun: the migration is past `planned`, B is its own */
    bool instant;        /* strategy instant_rename: A itself gets the name B */
    b_arena *arena;
    const char *schema, *table; /* quoted literals */
    b_err *err;
} flight;

typedef enum severity { BLOCKER, WARNING, INFO } severity;

static void finding(flight *f, severity s, const char *object, const char *why, const char *remedy)
{
    static const char *const names[] = {"blocker", "warning", "info"};
    if (s == BLOCKER) f->blockers++;
    b_table_row(f->out);
    b_table_str(f->out, names[s]);
    b_table_str(f->out, object);
    b_table_str(f->out, why);
    b_table_str(f->out, remedy);
}

static bool word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || (c & 0x80) != 0;
}

/* Does the text hold the name as a whole word, whatever its case? */
static bool mentions(b_slice text, const char *name)
{
    b_slice n = b_slice_str(name);
    for (size_t i = 0; i + n.n <= text.n; i++) {
        if (!b_slice_ieq((b_slice){text.p + i, n.n}, n)) continue;
        bool left = i == 0 || !word_byte(text.p[i - 1]);
        bool right = i + n.n == text.n || !word_byte(text.p[i + n.n]);
        if (left && right) return true;
    }
    return false;
}

static const char *mentions_any(const flight *f, b_slice text)
{
    for (size_t i = 0; i < f->m->ncolumns; i++)
        if (mentions(text, f->m->columns[i].from)) return f->m->columns[i].from;
    return NULL;
}

/* Is this column one of the migration's A columns? */
static bool is_from(const flight *f, b_slice column)
{
    for (size_t i = 0; i < f->m->ncolumns; i++)
        if (b_slice_ieq(b_slice_str(f->m->columns[i].from), column)) return true;
    return false;
}

/* The text with its first `%s` replaced by a, the second by b. */
static const char *say(flight *f, const char *text, const char *a, const char *b)
{
    const char *first = strstr(text, "%s"), *second = first == NULL ? NULL : strstr(first + 2, "%s");
    if (first == NULL) return text;
    const char *end = second == NULL ? "" : second + 2;
    int middle = second == NULL ? (int)strlen(first + 2) : (int)(second - first - 2);
    char *out = b_arena_printf(f->arena, "%.*s%s%.*s%s%s", (int)(first - text), text, a, middle, first + 2,
                               second == NULL ? "" : b, end);
    return out == NULL ? "?" : out;
}

/* ---- one check a function; each reads one thing ---- */

static b_status check_definition(flight *f)
{
    const cfg_migration *m = f->m;
    for (size_t i = 0; i < m->ncolumns; i++) {
        const cfg_pair *p = &m->columns[i];
        if (p->type != NULL || p->up != NULL || p->down != NULL)
            finding(f, BLOCKER, p->from,
                    "this version renames columns; it cannot change their type or transform values",
                    "take type, up and down out of the migration");
    }
    return B_OK;
}

static b_status check_server(flight *f)
{
    rw_server s = mig__server_of(f->db, f->err);
    if (s.flavour == RW_MYSQL && s.version < 80029 && !f->instant)
        finding(f, BLOCKER, mig_db_server_version(f->db),
                "MySQL before 8.0.29 cannot add an invisible column in the middle of a table instantly",
                "upgrade the server");
    if (s.flavour == RW_MARIADB && s.version < 100600)
        finding(f, BLOCKER, mig_db_server_version(f->db), "MariaDB before 10.6 is not supported",
                "upgrade the server");
    b_table *t = NULL;
    b_status st =
        mig_db_query(f->db, "SHOW VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format')", &t, f->err);
    if (st != B_OK) return st;
    const char *format = "", *on = "";
    for (size_t i = 0; i < b_table_rows(t); i++)
        *(b_slice_ieq(b_table_cell(t, i, 0), B_LIT("log_bin")) ? &on : &format) = b_table_cell(t, i, 1).p;
    if (strcmp(on, "ON") == 0 && strcmp(format, "STATEMENT") == 0 && !f->instant)
        finding(f, BLOCKER, "binlog_format",
                "the backfill runs READ COMMITTED, which the server refuses with binlog_format STATEMENT",
                "set binlog_format to ROW");
    b_table_free(t);
    return B_OK;
}

static b_status check_table(flight *f, bool *there)
{
    b_table *t = NULL;
    b_status s =
        mig__query(f->db, &t, f->err,
                   "SELECT TABLE_TYPE AS tt, ENGINE AS en, ROW_FORMAT AS rf FROM information_schema.TABLES "
                   "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
                   f->schema, f->table);
    if (s != B_OK) return s;
    *there = b_table_rows(t) == 1;
    if (!*there) {
        finding(f, BLOCKER, f->table, "there is no such table, or the engine's account may not see it",
                "mend `table:` in the migration, or the grants");
    } else if (!b_slice_ieq(mig__cell(t, 0, "tt"), B_LIT("BASE TABLE"))) {
        finding(f, BLOCKER, f->table, "it is not a plain table (a view, or system-versioned)",
                "migrate the table under it");
        *there = false;
    } else {
        if (!b_slice_ieq(mig__cell(t, 0, "en"), B_LIT("InnoDB")))
            finding(f, BLOCKER, f->table,
                    "its engine is not InnoDB: without transactions a backfill cannot be exact",
                    "ALTER TABLE … ENGINE = InnoDB first");
        if (b_slice_ieq(mig__cell(t, 0, "rf"), B_LIT("Compressed")) && !f->instant)
            finding(f, WARNING, f->table,
                    "ROW_FORMAT=COMPRESSED cannot take a column instantly: ADD COLUMN rebuilds the table",
                    "plan for the rebuild's time and space");
    }
    b_table_free(t);
    return B_OK;
}

static void check_column(flight *f, const b_table *t, size_t i)
{
    b_slice name = mig__cell(t, i, "c"), extra = mig__cell(t, i, "ex"), generated = mig__cell(t, i, "ge"),
            def = mig__cell(t, i, "de");
    const char *hit = mentions_any(f, generated);
    if (hit != NULL)
        finding(f, BLOCKER, name.p, say(f, "it is generated from %s", hit, NULL),
                "drop the generated column, or make it over after the migration");
    bool expression = b_slice_find(extra, B_LIT("DEFAULT_GENERATED")) != (size_t)-1 ||
                      (f->mariadb && def.p != NULL && def.n > 0 && def.p[0] != '\'');
    hit = expression ? mentions_any(f, def) : NULL;
    bool own = f->begun; /* B's default is A */
    if (hit != NULL && !own)
        finding(f, BLOCKER, name.p, say(f, "its default is computed from %s", hit, NULL),
                "give it another default first");
    if (!is_from(f, name) || f->instant) return;
    if (b_slice_find(extra, B_LIT("auto_increment")) != (size_t)-1)
        finding(f, BLOCKER, name.p,
                "AUTO_INCREMENT: a table has only one, so the new column cannot have its own",
                "an AUTO_INCREMENT column cannot be renamed this way");
    if (f->mariadb && b_slice_istarts(mig__cell(t, i, "ty"), B_LIT("timestamp")) &&
        b_slice_ieq(mig__cell(t, i, "nu"), B_LIT("NO")))
        finding(f, WARNING, name.p,
                "a TIMESTAMP NOT NULL column: MariaDB makes the new one NOT NULL only by copying the table, "
                "which blocks writes",
                "ADVANCE to retired will ask for FORCE; plan for the time of the copy");
    if (b_slice_find(extra, B_LIT("on update")) != (size_t)-1)
        finding(f, BLOCKER, name.p, "ON UPDATE CURRENT_TIMESTAMP changes it behind every other update",
                "drop ON UPDATE first, and set it anew afterwards");
    if (generated.n > 0)
        finding(f, BLOCKER, name.p, "it is a generated column: nobody writes it",
                "drop and add it under the new name instead");
    if (b_slice_ieq(mig__cell(t, i, "ck"), B_LIT("PRI")))
        finding(f, BLOCKER, name.p, "it is part of the primary key, which the backfill walks",
                "a primary key's column cannot be renamed this way");
}

static b_status check_columns(flight *f)
{
    b_table *t = NULL;
    b_status s = mig__query(f->db, &t, f->err,
                            "SELECT COLUMN_NAME AS c, EXTRA AS ex, GENERATION_EXPRESSION AS ge, "
                            "COLUMN_DEFAULT AS de, COLUMN_KEY AS ck, COLUMN_TYPE AS ty, IS_NULLABLE AS nu "
                            "FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s "
                            "ORDER BY ORDINAL_POSITION",
                            f->schema, f->table);
    if (s != B_OK) return s;
    for (size_t i = 0; i < b_table_rows(t); i++) check_column(f, t, i);
    for (size_t k = 0; k < f->m->ncolumns && !f->begun; k++) {
        bool from = false, to = false;
        for (size_t i = 0; i < b_table_rows(t); i++) {
            from = from || b_slice_ieq(mig__cell(t, i, "c"), b_slice_str(f->m->columns[k].from));
            to = to || b_slice_ieq(mig__cell(t, i, "c"), b_slice_str(f->m->columns[k].to));
        }
        if (!from)
            finding(f, BLOCKER, f->m->columns[k].from, "the table has no such column",
                    "mend `from:` in the migration");
        if (to)
            finding(f, BLOCKER, f->m->columns[k].to, "the table has a column of this name already",
                    "choose another `to:`, or drop that column");
    }
    b_table_free(t);
    mig__key key;
    b_err why;
    if (f->instant) return B_OK;
    s = mig__key_load(f->db, f->m->schema, f->m->table, &key, &why);
    if (s == B_REFUSED) finding(f, BLOCKER, f->table, why.msg, "give the table a primary key of such types");
    if (s == B_OK) mig__key_deinit(&key);
    return s == B_REFUSED ? B_OK : s == B_OK ? B_OK : b_fail(f->err, s, "%s", why.msg);
}

static b_status check_indexes(flight *f)
{
    b_table *t = NULL;
    b_status s = mig__query(f->db, &t, f->err,
                            "SELECT INDEX_NAME AS i, COLUMN_NAME AS c, INDEX_TYPE AS ty, %s AS ex FROM "
                            "information_schema.STATISTICS "
                            "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
                            f->mariadb ? "NULL" : "EXPRESSION", f->schema, f->table);
    if (s != B_OK) return s;
    for (size_t i = 0; i < b_table_rows(t); i++) {
        b_slice c = mig__cell(t, i, "c"), type = mig__cell(t, i, "ty"), name = mig__cell(t, i, "i");
        if (b_slice_ieq(type, B_LIT("FULLTEXT")) && !f->mariadb && !f->instant)
            finding(f, BLOCKER, name.p,
                    "a table with a FULLTEXT index takes no column but by copying the whole table",
                    "drop the FULLTEXT index for the time of the migration");
        else if (!f->instant && c.p != NULL && is_from(f, c) && !b_slice_ieq(type, B_LIT("BTREE")))
            finding(f, BLOCKER, name.p,
                    "an index of this type over the column has no twin that can be built online",
                    "drop it for the time of the migration");
        const char *hit = mentions_any(f, mig__cell(t, i, "ex"));
        if (hit != NULL)
            finding(f, BLOCKER, name.p, say(f, "it is an index over an expression of %s", hit, NULL),
                    "drop it for the time of the migration");
    }
    b_table_free(t);
    return B_OK;
}

static void check_key(flight *f, const b_table *t, size_t i)
{
    const char *name = mig__cell(t, i, "n").p;
    b_slice on_update = mig__cell(t, i, "up");
    if (on_update.p == NULL)
        finding(
            f, BLOCKER, name,
            "a foreign key of another table refers to the column, which from retired on holds one value in "
            "all new rows",
            "drop that foreign key for the time of the migration, or rename with strategy instant_rename");
    else if (mig__foreign_writes(on_update, mig__cell(t, i, "del")))
        finding(f, WARNING, name,
                "the cascades of this foreign key write the column behind the proxy until its twin is there, "
                "before switched; what they wrote is then found by the checksum, and filled again",
                "change no keys that are referred to while the backfill runs");
    else
        finding(f, INFO, name, "a foreign key over the column gets its twin before switched", "");
}

static b_status check_keys(flight *f)
{
    b_table *t = NULL;
    b_status s = mig__query(
        f->db, &t, f->err,
        "SELECT k.CONSTRAINT_NAME AS n, k.COLUMN_NAME AS c, r.UPDATE_RULE AS up, r.DELETE_RULE AS del FROM "
        "information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS r ON "
        "r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND "
        "r.TABLE_NAME "
        "= k.TABLE_NAME WHERE k.REFERENCED_TABLE_NAME IS NOT NULL AND k.TABLE_SCHEMA = %s AND k.TABLE_NAME = "
        "%s UNION ALL SELECT CONSTRAINT_NAME, REFERENCED_COLUMN_NAME, NULL, NULL FROM "
        "information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_SCHEMA = %s AND REFERENCED_TABLE_NAME = "
        "%s",
        f->schema, f->table, f->schema, f->table);
    if (s != B_OK) return s;
    for (size_t i = 0; !f->instant && i < b_table_rows(t); i++)
        if (is_from(f, mig__cell(t, i, "c"))) check_key(f, t, i);
    b_table_free(t);
    return B_OK;
}

static b_status check_partitions(flight *f)
{
    b_table *t = NULL;
    b_status s = mig__query(f->db, &t, f->err,
                            "SELECT DISTINCT PARTITION_EXPRESSION AS p, SUBPARTITION_EXPRESSION AS sp FROM "
                            "information_schema.PARTITIONS "
                            "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
                            f->schema, f->table);
    if (s != B_OK) return s;
    for (size_t i = 0; i < b_table_rows(t); i++)
        if (mentions_any(f, mig__cell(t, i, "p")) != NULL || mentions_any(f, mig__cell(t, i, "sp")) != NULL)
            finding(f, BLOCKER, f->table, "it is partitioned by the column",
                    "a partitioning column cannot be renamed this way");
    b_table_free(t);
    return B_OK;
}

/* Objects with a body in SQL: rows of name, body. A body that names the table and a column is a blocker. */
static b_status check_bodies(flight *f, const char *what, const char *sql, bool own_table, const char *remedy)
{
    b_table *t = NULL;
    b_status s = mig_db_query(f->db, sql, &t, f->err);
    if (s != B_OK) return s;
    for (size_t i = 0; i < b_table_rows(t); i++) {
        b_slice body = b_table_cell(t, i, 1);
        const char *hit = mentions_any(f, body);
        if (!own_table && !mentions(body, f->m->table)) continue;
        /* a view is stored with every table's schema; other bodies may leave it out */
        if (strcmp(what, "view") == 0 && !mentions(body, f->m->schema)) continue;
        if (hit != NULL)
            finding(f, BLOCKER, b_table_cell(t, i, 0).p,
                    say(f, "this %s names %s, and runs where no proxy can see it", what, hit), remedy);
        else if (strcmp(what, "view") == 0)
            finding(
                f, WARNING, b_table_cell(t, i, 0).p,
                "a view over the table: statements that name the view are refused while the migration is on",
                "let applications name the table");
    }
    b_table_free(t);
    return B_OK;
}

static b_status check_triggers(flight *f)
{
    b_table *t = NULL;
    b_status s =
        mig__query(f->db, &t, f->err,
                   "SELECT TRIGGER_NAME AS n, ACTION_TIMING AS ti, EVENT_MANIPULATION AS ev, "
                   "ACTION_STATEMENT AS body FROM "
                   "information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = %s AND EVENT_OBJECT_TABLE = %s",
                   f->schema, f->table);
    if (s != B_OK) return s;
    for (size_t i = 0; i < b_table_rows(t); i++) {
        const char *name = mig__cell(t, i, "n").p, *hit = mentions_any(f, mig__cell(t, i, "body"));
        bool before = b_slice_ieq(mig__cell(t, i, "ti"), B_LIT("BEFORE")),
             update = b_slice_ieq(mig__cell(t, i, "ev"), B_LIT("UPDATE"));
        if (strncmp(name, "pt_osc_", 7) == 0)
            finding(f, BLOCKER, name, "pt-online-schema-change is at work on this table",
                    "let it finish, or drop its triggers");
        else if (hit != NULL)
            finding(f, BLOCKER, name, say(f, "this trigger names %s", hit, NULL),
                    "drop it for the time of the migration");
        else if (f->instant)
            continue;
        else if (before && !b_slice_ieq(mig__cell(t, i, "ev"), B_LIT("DELETE")))
            finding(f, BLOCKER, name,
                    "a BEFORE trigger may change the row after the new column took its value",
                    "drop it for the time of the migration");
        else if (update)
            finding(f, WARNING, name,
                    "the backfill updates every row once, and so fires this trigger for every row",
                    "disable what must not run, such as auditing");
    }
    b_table_free(t);
    return check_bodies(
        f, "trigger",
        "SELECT CONCAT(TRIGGER_SCHEMA, '.', TRIGGER_NAME), ACTION_STATEMENT FROM information_schema.TRIGGERS",
        false, "drop it for the time of the migration");
}

static b_status check_checks(flight *f)
{
    const char *sql = f->mariadb ? "SELECT CONSTRAINT_NAME AS n, CHECK_CLAUSE AS c FROM "
                                   "information_schema.CHECK_CONSTRAINTS WHERE "
                                   "CONSTRAINT_SCHEMA = %s AND TABLE_NAME = %s"
                                 : "SELECT c.CONSTRAINT_NAME AS n, c.CHECK_CLAUSE AS c FROM "
                                   "information_schema.CHECK_CONSTRAINTS c JOIN "
                                   "information_schema.TABLE_CONSTRAINTS t ON t.CONSTRAINT_SCHEMA = "
                                   "c.CONSTRAINT_SCHEMA AND t.CONSTRAINT_NAME = "
                                   "c.CONSTRAINT_NAME WHERE t.TABLE_SCHEMA = %s AND t.TABLE_NAME = %s";
    const char *whole = say(f, sql, f->schema, f->table);
    b_table *t = NULL;
    b_status s = mig_db_query(f->db, whole, &t, f->err);
    if (s != B_OK) return s;
    for (size_t i = 0; i < b_table_rows(t); i++) {
        const char *hit = mentions_any(f, mig__cell(t, i, "c"));
        if (hit != NULL)
            finding(f, BLOCKER, mig__cell(t, i, "n").p, say(f, "this CHECK constraint names %s", hit, NULL),
                    "drop it for the time of the migration");
    }
    b_table_free(t);
    return B_OK;
}

static b_status check_other_code(flight *f)
{
    static const char not_system[] = " NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')";
    b_status s = check_bodies(f, "view",
                              say(f,
                                  "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), VIEW_DEFINITION FROM "
                                  "information_schema.VIEWS WHERE TABLE_SCHEMA%s%s",
                                  not_system, ""),
                              false, "drop the view, and make it anew after the migration");
    if (s == B_OK)
        s = check_bodies(f, "routine",
                         say(f,
                             "SELECT CONCAT(ROUTINE_SCHEMA, '.', ROUTINE_NAME), ROUTINE_DEFINITION FROM "
                             "information_schema.ROUTINES WHERE ROUTINE_SCHEMA%s%s",
                             not_system, ""),
                         false, "drop it for the time of the migration, or let it work on another table");
    if (s == B_OK)
        s = check_bodies(
            f, "event",
            "SELECT CONCAT(EVENT_SCHEMA, '.', EVENT_NAME), EVENT_DEFINITION FROM information_schema.EVENTS",
            false, "disable and drop the event for the time of the migration");
    return s;
}

static b_status check_other_tools(flight *f)
{
    b_table *t = NULL;
    b_status s = mig__query(f->db, &t, f->err,
                            "SELECT TABLE_NAME AS n FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s",
                            f->schema);
    if (s != B_OK) return s;
    static const char *const endings[] = {"_gho", "_ghc", "_new"};
    for (size_t i = 0; i < b_table_rows(t); i++)
        for (size_t k = 0; k < 3; k++)
            if (b_slice_ieq(mig__cell(t, i, "n"), b_slice_str(say(f, "_%s%s", f->m->table, endings[k]))))
                finding(f, WARNING, mig__cell(t, i, "n").p,
                        "this looks like a table of gh-ost or pt-online-schema-change at work",
                        "let it finish, or drop what it left behind");
    b_table_free(t);
    s = mig_db_query(f->db,
                     "SELECT COUNT(*) AS n, COALESCE(MAX(TIMESTAMPDIFF(SECOND, trx_started, NOW())), 0) AS s "
                     "FROM information_schema.INNODB_TRX WHERE trx_started < NOW() - INTERVAL 60 SECOND",
                     &t, f->err);
    if (s != B_OK) return B_OK; /* without PROCESS it cannot be seen; ADVANCE names a holder anyway */
    if (mig__cell_u64(t, 0, "n") > 0)
        finding(f, WARNING, "open transactions",
                say(f,
                    "%s transactions are open for more than a minute, the oldest for %s s: changes of phase "
                    "wait for them",
                    mig__cell(t, 0, "n").p, mig__cell(t, 0, "s").p),
                "end them first");
    b_table_free(t);
    return B_OK;
}

static b_status read_begun(flight *f)
{
    char phase[32];
    b_buf q = {0};
    b_buf_str(&q, "SELECT phase FROM straddle.migrations WHERE name = ");
    b_buf_quote(&q, b_slice_str(f->m->name));
    b_err none;
    f->begun = !q.failed && mig_db_scalar(f->db, b_buf_cstr(&q), phase, sizeof phase, &none) == B_OK &&
               strcmp(phase, "planned") != 0;
    b_buf_deinit(&q);
    if (f->begun)
        finding(
            f, INFO, f->m->name,
            say(f, "the migration is in phase %s: that its columns are there is not looked at", phase, NULL),
            "");
    return B_OK;
}

static b_status run_all(flight *f)
{
    static b_status (*const checks[])(flight *) = {
        check_columns,  check_indexes, check_keys,       check_partitions,
        check_triggers, check_checks,  check_other_code, check_other_tools,
    };
    bool there = false;
    b_status s = check_definition(f);
    if (s == B_OK) s = check_server(f);
    if (s == B_OK) s = read_begun(f);
    if (s == B_OK) s = check_table(f, &there);
    for (size_t i = 0; s == B_OK && there && i < sizeof checks / sizeof checks[0]; i++) s = checks[i](f);
    if (s == B_OK && f->blockers == 0 && b_table_rows(f->out) == 0)
        finding(f, INFO, f->m->name, "nothing was found that stands in the way", "");
    if (s == B_OK && b_table_failed(f->out)) s = b_fail(f->err, B_NOMEM, "out of memory for the findings");
    return s;
}

b_status mig__preflight(mig_db *db, const cfg_migration *m, b_table *out, size_t *blockers, b_err *err)
{
    static const char *const columns[] = {"severity", "object", "why", "remedy"};
    flight f = {.db = db,
                .m = m,
                .out = out,
                .mariadb = mig__mariadb(db),
                .err = err,
                .arena = b_arena_new(0),
                .instant = m->strategy == CFG_STRATEGY_INSTANT_RENAME};
    *blockers = 0;
    if (f.arena == NULL) return b_fail(err, B_NOMEM, "out of memory");
    f.schema = mig__q(f.arena, m->schema);
    f.table = mig__q(f.arena, m->table);
    for (size_t i = 0; i < 4; i++) b_table_column(out, columns[i]);
    b_status s = f.schema == NULL || f.table == NULL ? b_fail(err, B_NOMEM, "out of memory") : run_all(&f);
    *blockers = f.blockers;
    b_arena_free(f.arena);
    return s == B_OK ? B_OK : b_err_prefix(err, "the preflight of %s could not look at everything", m->name);
}
