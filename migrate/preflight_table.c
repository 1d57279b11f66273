/* The preflight's look at the table itself: kind, columns, indexes, keys, partitions, constraints, grants.
 * Reads only. */
#include "preflight.h"

#include "rewrite/code.h"

#include <string.h>

b_status mig__check_table(mig__flight *f, bool *there)
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
        mig__finding(f, MIG__BLOCKER, f->table,
                     "there is no such table, or the engine's account may not see it",
                     "mend `table:` in the migration, or the grants");
    } else if (!b_slice_ieq(mig__cell(t, 0, "tt"), B_LIT("BASE TABLE"))) {
        mig__finding(f, MIG__BLOCKER, f->table, "it is not a plain table (a view, or system-versioned)",
                     "migrate the table under it");
        *there = false;
    } else {
        if (!b_slice_ieq(mig__cell(t, 0, "en"), B_LIT("InnoDB")))
            mig__finding(f, MIG__BLOCKER, f->table,
                         "its engine is not InnoDB: without transactions a backfill cannot be exact",
                         "ALTER TABLE … ENGINE = InnoDB first");
        if (b_slice_ieq(mig__cell(t, 0, "rf"), B_LIT("Compressed")) && !f->instant)
            mig__finding(
                f, MIG__WARNING, f->table,
                "ROW_FORMAT=COMPRESSED cannot take a column instantly: ADD COLUMN rebuilds the table",
                "plan for the rebuild's time and space");
    }
    b_table_free(t);
    return B_OK;
}

/* The new column gets the same ON UPDATE: the server then sets both to the same moment. */
static void check_on_update(mig__flight *f, const char *name)
{
    if (mig__changes(f->m))
        mig__finding(f, MIG__BLOCKER, name,
                     "ON UPDATE CURRENT_TIMESTAMP: the server sets it whenever the row changes, and a column "
                     "whose values the migration changes would not follow",
                     "drop ON UPDATE first, and set it anew afterwards");
    if (f->guard == CFG_GUARD_WATCH && f->m->guard_repair)
        mig__finding(f, MIG__BLOCKER, name,
                     "ON UPDATE CURRENT_TIMESTAMP: of a row that was written past the proxy the server may "
                     "have set the other column, so that a repair cannot tell which of them was meant",
                     "set guard: none, or guard: watch without repair");
}

static bool is_spatial(b_slice type)
{
    static const char *const types[] = {"geometry",     "point",          "linestring",
                                        "polygon",      "multipoint",     "multilinestring",
                                        "multipolygon", "geomcollection", "geometrycollection"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (b_slice_ieq(type, b_slice_str(types[i]))) return true;
    return false;
}

/* Types for which a server has no default where the migration needs one. */
static void check_type(mig__flight *f, b_slice name, b_slice type, bool nullable)
{
    if (!f->mariadb && b_slice_istarts(type, B_LIT("vector")))
        mig__finding(
            f, MIG__BLOCKER, name.p,
            "a VECTOR: MySQL lets none be the default of another column, by which the new one is filled",
            "use strategy instant_rename");
    if (is_spatial(type) && !nullable)
        mig__finding(
            f, MIG__BLOCKER, name.p,
            "a spatial column that is NOT NULL: it can have no default, which the old one needs once "
            "nobody writes it (retired)",
            "let it be NULL for the time of the migration, or use strategy instant_rename");
}

static void check_column(mig__flight *f, const b_table *t, size_t i)
{
    b_slice name = mig__cell(t, i, "c"), extra = mig__cell(t, i, "ex"), generated = mig__cell(t, i, "ge"),
            def = mig__cell(t, i, "de");
    const char *hit = mig__names_any(f, generated);
    if (hit != NULL)
        mig__finding(f, MIG__BLOCKER, name.p, mig__say(f, "it is generated from %s", hit, NULL),
                     "drop the generated column, or make it over after the migration");
    bool expression = b_slice_find(extra, B_LIT("DEFAULT_GENERATED")) != (size_t)-1 ||
                      (f->mariadb && def.p != NULL && def.n > 0 && def.p[0] != '\'');
    hit = expression ? mig__names_any(f, def) : NULL;
    bool own = f->begun; /* B's default is A */
    if (hit != NULL && !own)
        mig__finding(f, MIG__BLOCKER, name.p, mig__say(f, "its default is computed from %s", hit, NULL),
                     "give it another default first");
    if (!mig__is_from(f, name) || f->instant) return;
    check_type(f, name, mig__cell(t, i, "ty"), b_slice_ieq(mig__cell(t, i, "nu"), B_LIT("YES")));
    if (b_slice_find(extra, B_LIT("auto_increment")) != (size_t)-1)
        mig__finding(f, MIG__BLOCKER, name.p,
                     "AUTO_INCREMENT: a table has only one, so the new column cannot have its own",
                     "an AUTO_INCREMENT column cannot be renamed this way");
    if (f->mariadb && b_slice_istarts(mig__cell(t, i, "ty"), B_LIT("timestamp")) &&
        b_slice_ieq(mig__cell(t, i, "nu"), B_LIT("NO")))
        mig__finding(
            f, MIG__WARNING, name.p,
            "a TIMESTAMP NOT NULL column: MariaDB makes the new one NOT NULL only by copying the table, "
            "which blocks writes",
            "ADVANCE to retired will ask for FORCE; plan for the time of the copy");
    if (b_slice_find(extra, B_LIT("on update")) != (size_t)-1) check_on_update(f, name.p);
    if (generated.n > 0)
        mig__finding(f, MIG__BLOCKER, name.p, "it is a generated column: nobody writes it",
                     "drop and add it under the new name instead");
    if (b_slice_ieq(mig__cell(t, i, "ck"), B_LIT("PRI")))
        mig__finding(f, MIG__BLOCKER, name.p, "it is part of the primary key, which the backfill walks",
                     "a primary key's column cannot be renamed this way");
}

b_status mig__check_columns(mig__flight *f)
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
        const cfg_pair *p = &f->m->columns[k];
        bool from = p->from == NULL, to = false;
        for (size_t i = 0; i < b_table_rows(t); i++) {
            from = from || b_slice_ieq(mig__cell(t, i, "c"), b_slice_str(p->from));
            to = to || (p->to != NULL && b_slice_ieq(mig__cell(t, i, "c"), b_slice_str(p->to)));
        }
        if (!from)
            mig__finding(f, MIG__BLOCKER, f->m->columns[k].from, "the table has no such column",
                         "mend `from:` in the migration");
        if (to)
            mig__finding(f, MIG__BLOCKER, f->m->columns[k].to, "the table has a column of this name already",
                         "choose another `to:`, or drop that column");
    }
    b_table_free(t);
    mig__key key;
    b_err why;
    if (f->instant) return B_OK;
    s = mig__key_load(f->db, f->m->schema, f->m->table, &key, &why);
    if (s == B_REFUSED)
        mig__finding(f, MIG__BLOCKER, f->table, why.msg, "give the table a primary key of such types");
    if (s == B_OK) mig__key_deinit(&key);
    return s == B_REFUSED ? B_OK : s == B_OK ? B_OK : b_fail(f->err, s, "%s", why.msg);
}

/* Where a row violates two unique keys, ON DUPLICATE KEY UPDATE takes the first one, and a twin is made
 * behind the keys that were there before. The primary key is the first one in any case. */
static void check_order(mig__flight *f, const b_table *t)
{
    const char *over = NULL;
    b_slice other = {NULL, 0};
    for (size_t i = 0; i < b_table_rows(t); i++) {
        b_slice name = mig__cell(t, i, "i"), c = mig__cell(t, i, "c");
        bool unique = b_slice_eq(mig__cell(t, i, "nu"), B_LIT("0")) && !b_slice_ieq(name, B_LIT("PRIMARY"));
        if (unique && c.p != NULL && mig__is_from(f, c)) over = over == NULL ? name.p : over;
    }
    for (size_t i = 0; over != NULL && i < b_table_rows(t); i++) {
        b_slice name = mig__cell(t, i, "i");
        if (b_slice_eq(mig__cell(t, i, "nu"), B_LIT("0")) && !b_slice_ieq(name, B_LIT("PRIMARY")) &&
            !b_slice_ieq(name, b_slice_str(over)))
            other = name;
    }
    if (other.p != NULL)
        mig__finding(f, MIG__WARNING, over,
                     mig__say(f,
                              "a row that violates both this unique key and %s may have ON DUPLICATE KEY "
                              "UPDATE change another row from retired on: the twin stands behind %s",
                              other.p, other.p),
                     "see that no INSERT ... ON DUPLICATE KEY UPDATE hangs on which of the two comes first");
}

b_status mig__check_indexes(mig__flight *f)
{
    b_table *t = NULL;
    b_status s = mig__query(f->db, &t, f->err,
                            "SELECT INDEX_NAME AS i, COLUMN_NAME AS c, INDEX_TYPE AS ty, NON_UNIQUE AS nu, "
                            "%s AS ex FROM "
                            "information_schema.STATISTICS "
                            "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
                            f->mariadb ? "NULL" : "EXPRESSION", f->schema, f->table);
    if (s != B_OK) return s;
    for (size_t i = 0; i < b_table_rows(t); i++) {
        b_slice c = mig__cell(t, i, "c"), type = mig__cell(t, i, "ty"), name = mig__cell(t, i, "i");
        if (b_slice_ieq(type, B_LIT("FULLTEXT")) && !f->mariadb && !f->instant)
            mig__finding(f, MIG__BLOCKER, name.p,
                         "a table with a FULLTEXT index takes no column but by copying the whole table",
                         "drop the FULLTEXT index for the time of the migration");
        else if (!f->instant && c.p != NULL && mig__is_from(f, c) && !b_slice_ieq(type, B_LIT("BTREE")))
            mig__finding(f, MIG__BLOCKER, name.p,
                         "an index of this type over the column has no twin that can be built online",
                         "drop it for the time of the migration");
        const char *hit = mig__names_any(f, mig__cell(t, i, "ex"));
        if (hit != NULL)
            mig__finding(f, MIG__BLOCKER, name.p,
                         mig__say(f, "it is an index over an expression of %s", hit, NULL),
                         "drop it for the time of the migration");
    }
    if (!f->instant) check_order(f, t);
    b_table_free(t);
    return B_OK;
}

static bool changes(const mig__flight *f, b_slice column)
{
    for (size_t i = 0; i < f->m->ncolumns; i++) {
        const cfg_pair *p = &f->m->columns[i];
        if (p->from != NULL && b_slice_ieq(b_slice_str(p->from), column))
            return p->to == NULL || p->type != NULL || p->up != NULL || p->down != NULL;
    }
    return false;
}

static void check_key(mig__flight *f, const b_table *t, size_t i)
{
    const char *name = mig__cell(t, i, "n").p;
    b_slice on_update = mig__cell(t, i, "up");
    if (on_update.p == NULL)
        mig__finding(
            f, MIG__BLOCKER, name,
            "a foreign key of another table refers to the column, which from retired on holds one value in "
            "all new rows",
            "drop that foreign key for the time of the migration, or rename with strategy instant_rename");
    else if (changes(f, mig__cell(t, i, "c")))
        mig__finding(
            f, MIG__BLOCKER, name,
            "a foreign key over the column, whose values change: the new ones need not be there in the "
            "table that it refers to",
            "drop the foreign key for the time of the migration");
    else if (f->guard == CFG_GUARD_TRIGGERS && b_slice_ieq(on_update, B_LIT("CASCADE")) &&
             mig__is_on(f, "enable_cascade_triggers"))
        mig__finding(
            f, MIG__BLOCKER, name,
            "its ON UPDATE CASCADE fires triggers (enable_cascade_triggers is on): that of guard: triggers "
            "would write the new column while its twin key still refers to the old value, and the UPDATE of "
            "the other table would fail with error 1452",
            "SET PERSIST enable_cascade_triggers = OFF for the time of the migration, or set guard: watch");
    else if (mig__foreign_writes(on_update, mig__cell(t, i, "del")))
        mig__finding(
            f, MIG__WARNING, name,
            "the cascades of this foreign key write the column behind the proxy until its twin is there, "
            "before switched; what they wrote is then found by the checksum, and filled again",
            "change no keys that are referred to while the backfill runs");
    else
        mig__finding(f, MIG__INFO, name, "a foreign key over the column gets its twin before switched", "");
}

b_status mig__check_keys(mig__flight *f)
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
        if (mig__is_from(f, mig__cell(t, i, "c"))) check_key(f, t, i);
    b_table_free(t);
    return B_OK;
}

b_status mig__check_partitions(mig__flight *f)
{
    b_table *t = NULL;
    b_status s = mig__query(f->db, &t, f->err,
                            "SELECT DISTINCT PARTITION_EXPRESSION AS p, SUBPARTITION_EXPRESSION AS sp FROM "
                            "information_schema.PARTITIONS "
                            "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
                            f->schema, f->table);
    if (s != B_OK) return s;
    for (size_t i = 0; i < b_table_rows(t); i++)
        if (mig__names_any(f, mig__cell(t, i, "p")) != NULL ||
            mig__names_any(f, mig__cell(t, i, "sp")) != NULL)
            mig__finding(f, MIG__BLOCKER, f->table, "it is partitioned by the column",
                         "a partitioning column cannot be renamed this way");
    b_table_free(t);
    return B_OK;
}

/* The one that comes with MariaDB's JSON: the new column gets its own, and the server renames it. */
static bool is_json_check(mig__flight *f, const char *column, b_slice clause)
{
    const char *own = mig__say(f, MIG__JSON_CHECK, column, NULL);
    return f->mariadb && b_slice_eq(clause, b_slice_str(own));
}

b_status mig__check_checks(mig__flight *f)
{
    const char *sql = f->mariadb ? "SELECT CONSTRAINT_NAME AS n, CHECK_CLAUSE AS c FROM "
                                   "information_schema.CHECK_CONSTRAINTS WHERE "
                                   "CONSTRAINT_SCHEMA = %s AND TABLE_NAME = %s"
                                 : "SELECT c.CONSTRAINT_NAME AS n, c.CHECK_CLAUSE AS c FROM "
                                   "information_schema.CHECK_CONSTRAINTS c JOIN "
                                   "information_schema.TABLE_CONSTRAINTS t ON t.CONSTRAINT_SCHEMA = "
                                   "c.CONSTRAINT_SCHEMA AND t.CONSTRAINT_NAME = "
                                   "c.CONSTRAINT_NAME WHERE t.TABLE_SCHEMA = %s AND t.TABLE_NAME = %s";
    const char *whole = mig__say(f, sql, f->schema, f->table);
    b_table *t = NULL;
    b_status s = mig_db_query(f->db, whole, &t, f->err);
    if (s != B_OK) return s;
    for (size_t i = 0; i < b_table_rows(t); i++) {
        const char *hit = mig__names_any(f, mig__cell(t, i, "c"));
        if (hit != NULL && !is_json_check(f, hit, mig__cell(t, i, "c")))
            mig__finding(f, MIG__BLOCKER, mig__cell(t, i, "n").p,
                         mig__say(f, "this CHECK constraint names %s", hit, NULL),
                         "drop it for the time of the migration");
    }
    b_table_free(t);
    return B_OK;
}

/* Privileges on the old column alone do not reach the new one. */
b_status mig__check_grants(mig__flight *f)
{
    b_table *t = NULL;
    b_status s =
        mig__query(f->db, &t, f->err,
                   "SELECT GRANTEE AS g, COLUMN_NAME AS c, PRIVILEGE_TYPE AS p FROM "
                   "information_schema.COLUMN_PRIVILEGES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
                   f->schema, f->table);
    if (s != B_OK) return s;
    for (size_t i = 0; i < b_table_rows(t); i++)
        if (mig__is_from(f, mig__cell(t, i, "c")))
            mig__finding(f, MIG__WARNING, mig__cell(t, i, "g").p,
                         mig__say(f,
                                  "this account has %s on the column %s alone: under its new name the server "
                                  "would refuse it",
                                  mig__cell(t, i, "p").p, mig__cell(t, i, "c").p),
                         "grant the same on the new column once it is there, or on the table");
    b_table_free(t);
    return B_OK;
}
