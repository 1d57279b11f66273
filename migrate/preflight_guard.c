/* The preflight's look at the guard against writes that bypass the proxy: whether the server, the account and
 * the columns allow the one that the migration asks for. Reads only. */
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
                     "give `down`, or leave the guard out");
    if (rw_pair_zoned(p))
        mig__finding(
            f, MIG__BLOCKER, name,
            "a DATETIME becomes a TIMESTAMP or was one: in a trigger its value hangs on the time zone "
            "of the session that writes",
            "leave the guard out, and VERIFY");
    if (p->from.n > 0 && p->plain.default_kind == RW_DEFAULT_EXPR)
        mig__finding(f, MIG__BLOCKER, name,
                     "its default is an expression: a trigger cannot tell whether an INSERT gave the old "
                     "column or the new one",
                     "leave the guard out, and VERIFY");
    if (p->from.n > 0 && p->plain.default_kind == RW_DEFAULT_LITERAL &&
        b_slice_istarts(p->plain.type, B_LIT("float")))
        mig__finding(f, MIG__BLOCKER, name,
                     "a FLOAT with a default: what is stored is not equal to the literal, so that a trigger "
                     "cannot tell whether an INSERT gave the old column or the new one",
                     "leave the guard out, and VERIFY");
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
    if (pairs != NULL && t != NULL && mig_pairs(f->server, f->m, t, f->arena, pairs, &why) == B_OK)
        for (size_t i = 0; i < f->m->ncolumns; i++) check_pair(f, &f->m->columns[i], &pairs[i]);
    rw_catalog_unref(c);
    return s;
}

static bool is_on(mig__flight *f, const char *variable)
{
    char value[32] = "", *sql = b_arena_printf(f->arena, "SELECT @@GLOBAL.%s", variable);
    b_err ignored;
    return sql != NULL && mig_db_scalar(f->db, sql, value, sizeof value, &ignored) == B_OK && value[0] == '1';
}

static b_status check_triggers(mig__flight *f)
{
    bool missing = false, super = false;
    b_status s = f->begun ? B_OK : check_pairs(f);
    if (s == B_OK) s = mig__lacks(f, "TRIGGER", &missing);
    if (s != B_OK) return s;
    if (missing)
        mig__finding(f, MIG__BLOCKER, f->m->schema,
                     "guard: triggers: the engine's account has not TRIGGER on the table",
                     "GRANT TRIGGER ON the schema TO the account of backend.user");
    if (!is_on(f, "log_bin") || is_on(f, "log_bin_trust_function_creators")) return B_OK;
    s = mig__lacks(f, "SUPER", &super);
    if (s == B_OK && super)
        mig__finding(
            f, MIG__BLOCKER, "log_bin_trust_function_creators",
            "guard: triggers: with a binary log the server lets only SUPER make triggers",
            "SET GLOBAL log_bin_trust_function_creators = 1, or GRANT SUPER ON *.* TO the account of "
            "backend.user");
    return s;
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
    case CFG_GUARD_WATCH: return B_OK;
    }
    return B_OK;
}
