/* The preflight's look at the guard against writes that bypass the proxy: whether the server, the account and
 * the columns allow the one that the migration asks for. Reads only. */
#include "bypass.h"
#include "preflight.h"

#include <stdlib.h>
#include <string.h>

bool mig__guarded(const mig__flight *f)
{
    return f->guard != CFG_GUARD_NONE && f->to <= RW_SWITCHED && !f->instant;
}

/* ---- triggers ---- */

static void check_pair(mig__flight *f, const cfg_pair *c, const rw_pair *p)
{
    const char *name = c->from != NULL ? c->from : c->to;
    if (p->one_way)
        mig__finding(f, MIG__BLOCKER, name,
                     "guard: triggers makes each column of the other one; a one-way pair has no way back",
                     "give `down`, or set guard: watch");
    if (rw_pair_zoned(p))
        mig__finding(
            f, MIG__BLOCKER, name,
            "a DATETIME becomes a TIMESTAMP or was one: in a trigger its value hangs on the time zone "
            "of the session that writes",
            "set guard: watch");
    if (p->plain.on_update_now)
        mig__finding(
            f, MIG__BLOCKER, name,
            "ON UPDATE CURRENT_TIMESTAMP: a trigger cannot tell a value that was given from one that "
            "the server has set",
            "set guard: watch");
    if (p->from.n > 0 && p->plain.default_kind == RW_DEFAULT_EXPR)
        mig__finding(f, MIG__BLOCKER, name,
                     "its default is an expression: a trigger cannot tell whether an INSERT gave the old "
                     "column or the new one",
                     "set guard: watch");
    if (p->from.n > 0 && p->plain.default_kind == RW_DEFAULT_LITERAL &&
        b_slice_istarts(p->plain.type, B_LIT("float")))
        mig__finding(f, MIG__BLOCKER, name,
                     "a FLOAT with a default: what is stored is not equal to the literal, so that a trigger "
                     "cannot tell whether an INSERT gave the old column or the new one",
                     "set guard: watch");
}

static void check_binary(mig__flight *f, const char *name, const rw_column *c)
{
    if (name[0] != '\0' && b_slice_istarts(c->type, B_LIT("binary")))
        mig__finding(
            f, MIG__BLOCKER, name,
            "a BINARY column: its values are padded, so that a trigger cannot tell whether an INSERT "
            "gave the old column or the new one",
            "set guard: watch");
}

/* What is refused of the definition, and of a migration that has begun. */
static void check_groups(mig__flight *f, const mig__pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t old = 0;
        check_binary(f, pairs[i].from, &pairs[i].plain), check_binary(f, pairs[i].to, &pairs[i].target);
        for (size_t k = i; pairs[i].group == i && k < n; k++)
            if (pairs[k].group == i && pairs[k].from[0] != '\0') old++;
        if (old > 1)
            mig__finding(f, MIG__BLOCKER, pairs[i].from[0] != '\0' ? pairs[i].from : pairs[i].to,
                         "several old columns become one: in retired a write of one of them would make the "
                         "new one out of the others, which nothing keeps any more",
                         "set guard: watch");
    }
}

static b_status check_begun(mig__flight *f)
{
    mig__m *m = NULL;
    b_status s = mig__load(f->db, f->m->name, &m, f->err);
    if (s != B_OK) return s;
    check_groups(f, m->pairs, m->npairs);
    mig__free(m);
    return B_OK;
}

static const char *text(mig__flight *f, b_slice s)
{
    const char *p = b_arena_dup(f->arena, s).p;
    return p == NULL ? "" : p;
}

static b_status check_defined(mig__flight *f, const rw_pair *pairs)
{
    size_t n = f->m->ncolumns;
    mig__pair *p = b_arena_array(f->arena, n + 1, sizeof *p);
    if (p == NULL) return b_fail(f->err, B_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        p[i] = (mig__pair){.from = text(f, pairs[i].from),
                           .to = text(f, pairs[i].to),
                           .up = text(f, pairs[i].up),
                           .down = text(f, pairs[i].down),
                           .plain = pairs[i].plain,
                           .target = pairs[i].target};
    mig__groups(p, n);
    check_groups(f, p, n);
    return B_OK;
}

static b_status check_pairs(mig__flight *f)
{
    rw_catalog *c = NULL;
    uint64_t hash;
    b_err why = {0};
    b_status s = mig__catalog_load(f->db, &c, &hash, f->err);
    if (s != B_OK) return s;
    const rw_table *t = rw_catalog_find(c, b_slice_str(f->m->schema), b_slice_str(f->m->table));
    rw_pair *pairs = b_arena_array(f->arena, f->m->ncolumns + 1, sizeof *pairs);
    if (pairs == NULL) s = b_fail(f->err, B_NOMEM, "out of memory");
    /* what is wrong with the definition itself, others say */
    if (pairs != NULL && t != NULL && mig_pairs(f->server, f->m, t, f->arena, pairs, &why) == B_OK) {
        for (size_t i = 0; i < f->m->ncolumns; i++) check_pair(f, &f->m->columns[i], &pairs[i]);
        s = check_defined(f, pairs);
    }
    rw_catalog_unref(c);
    return s;
}

bool mig__is_on(mig__flight *f, const char *variable)
{
    char value[32] = "", *sql = b_arena_printf(f->arena, "SELECT @@GLOBAL.%s", variable);
    b_err ignored;
    return sql != NULL && mig_db_scalar(f->db, sql, value, sizeof value, &ignored) == B_OK && value[0] == '1';
}

static b_status check_triggers(mig__flight *f)
{
    bool missing = false, super = false;
    b_status s = f->begun ? check_begun(f) : check_pairs(f);
    if (s == B_OK) s = mig__lacks(f, "TRIGGER", &missing);
    if (s != B_OK) return s;
    if (missing)
        mig__finding(f, MIG__BLOCKER, f->m->schema,
                     "guard: triggers: the engine's account has not TRIGGER on the table",
                     "GRANT TRIGGER ON the schema TO the account of backend.user");
    if (!mig__is_on(f, "log_bin") || mig__is_on(f, "log_bin_trust_function_creators")) return B_OK;
    s = mig__lacks(f, "SUPER", &super);
    if (s == B_OK && super)
        mig__finding(
            f, MIG__BLOCKER, "log_bin_trust_function_creators",
            "guard: triggers: with a binary log the server lets only SUPER make triggers",
            "SET GLOBAL log_bin_trust_function_creators = 1, or GRANT SUPER ON *.* TO the account of "
            "backend.user");
    return s;
}

/* ---- watch ---- */

static bool is_value(mig__flight *f, const char *variable, const char *want)
{
    char value[64] = "", *sql = b_arena_printf(f->arena, "SELECT @@GLOBAL.%s", variable);
    b_err ignored; /* a server that has no such variable has not that feature */
    return sql != NULL && mig_db_scalar(f->db, sql, value, sizeof value, &ignored) == B_OK &&
           b_slice_ieq(b_slice_str(value), b_slice_str(want));
}

static void check_log(mig__flight *f)
{
    if (!mig__is_on(f, "log_bin"))
        mig__finding(f, MIG__BLOCKER, "log_bin",
                     "guard: watch reads the binary log, and the server writes none",
                     "start the server with log_bin, or set guard: triggers");
    else if (!is_value(f, "binlog_format", "ROW"))
        mig__finding(f, MIG__BLOCKER, "binlog_format",
                     "guard: watch reads rows, and the binary log has statements",
                     "set binlog_format to ROW");
    if (mig__is_on(f, "binlog_transaction_compression") || mig__is_on(f, "log_bin_compress"))
        mig__finding(
            f, MIG__BLOCKER, "compression", "guard: watch does not read a compressed binary log",
            "set binlog_transaction_compression (MariaDB: log_bin_compress) to OFF, or guard: triggers");
    if (is_value(f, "binlog_row_value_options", "PARTIAL_JSON"))
        mig__finding(f, MIG__BLOCKER, "binlog_row_value_options",
                     "guard: watch does not read parts of JSON values", "set binlog_row_value_options to ''");
}

static b_status check_watch(mig__flight *f)
{
    static const char *const needed[] = {"REPLICATION SLAVE", "REPLICATION CLIENT"};
    const char *column = NULL;
    b_err why = {0};
    bool missing = false;
    check_log(f);
    if (mig__watched_key(f->db, f->m->schema, f->m->table, &column, f->arena, &why) == B_OK && column != NULL)
        mig__finding(f, MIG__BLOCKER, column,
                     "guard: watch cannot tell a key of this type from the binary log",
                     "set guard: triggers");
    for (size_t i = 0; i < 2; i++) {
        b_status s = mig__lacks(f, f->mariadb && i == 1 ? "BINLOG MONITOR" : needed[i], &missing);
        if (s != B_OK) return s;
        if (missing)
            mig__finding(f, MIG__BLOCKER, needed[i],
                         "guard: watch: the engine's account may not read the binary log or its place",
                         "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the account of backend.user");
    }
    return B_OK;
}

/* On MySQL a BEFORE INSERT trigger spoils the default by which another migration's new column follows. */
static b_status check_others(mig__flight *f)
{
    b_table *t = NULL;
    if (f->mariadb) return B_OK;
    b_status s = mig__query(
        f->db, &t, f->err,
        "SELECT name FROM straddle.migrations WHERE table_schema = %s AND table_name = %s AND name "
        "<> %s AND strategy = 'dual_write' AND phase NOT IN ('contracted', 'finished') AND (guard "
        "= 'triggers') <> %d",
        f->schema, f->table, mig__q(f->arena, f->m->name), f->guard == CFG_GUARD_TRIGGERS);
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++)
        mig__finding(
            f, MIG__BLOCKER, mig__cell(t, i, "name").p,
            "on MySQL either all migrations of a table have guard: triggers, or none: in a table with such a "
            "trigger the new column of another migration does not follow by its default",
            "SET GUARD of both to the same, while they are planned");
    b_table_free(t);
    return s;
}

b_status mig__check_guard(mig__flight *f)
{
    if (f->instant || f->to > RW_RETIRED) return B_OK;
    b_status s = check_others(f);
    if (s != B_OK) return s;
    switch (f->guard) {
    case CFG_GUARD_NONE: return B_OK;
    case CFG_GUARD_TRIGGERS: return check_triggers(f);
    case CFG_GUARD_WATCH: return check_watch(f);
    }
    return B_OK;
}
