/* ADVISE MIGRATION: which way a change of this column goes best, and which figures decide. The ways: a plain
 * ALTER TABLE by hand, an instant rename, dual writes, or a tool that copies the table. Reads only, but for
 * what PLAN tries on an empty copy. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_ROWS = 50000, QUIET_WRITES = 1, WATCH_MS = 1000 };

typedef enum way { PLAIN_DDL, INSTANT, DUAL_WRITE, SHADOW_TABLE, WAYS } way;

typedef struct advice {
    mig_engine *e;
    mig_db *db;
    mig__m *m;
    cfg_migration *definition;
    uint64_t rows, writes; /* rows in the table; rows written a second, while it was watched */
    bool counted;          /* writes is known */
    bool changes;          /* not only the name */
    size_t blockers[2];    /* of an instant rename, of dual writes */
    char first[2][300];
} advice;

/* ---- figures ---- */

/* Rows changed since the server last took statistics; by everybody, also past the proxy. */
static b_status modified(advice *a, uint64_t *n, bool *known, b_err *err)
{
    b_table *t = NULL;
    b_err why;
    const char *table = mig__mariadb(a->db) ? "INNODB_SYS_TABLESTATS" : "INNODB_TABLESTATS";
    b_status s = mig__query(a->db, &t, &why,
                            "SELECT MODIFIED_COUNTER AS n FROM information_schema.%s WHERE NAME = "
                            "CONCAT(%s, '/', %s)",
                            table, mig__q(a->m->arena, a->m->schema), mig__q(a->m->arena, a->m->table));
    *known = s == B_OK && b_table_rows(t) == 1;
    *n = mig__cell_u64(t, 0, "n");
    b_table_free(t);
    return s == B_LOST ? b_fail(err, s, "%s", why.msg) : B_OK;
}

static b_status watch(advice *a, b_err *err)
{
    uint64_t before = 0, after = 0;
    bool known = false;
    b_table *t = NULL;
    b_status s =
        mig__query(a->db, &t, err,
                   "SELECT COALESCE(TABLE_ROWS, 0) AS n FROM information_schema.TABLES WHERE TABLE_SCHEMA "
                   "= %s AND TABLE_NAME = %s",
                   mig__q(a->m->arena, a->m->schema), mig__q(a->m->arena, a->m->table));
    if (s == B_OK) a->rows = mig__cell_u64(t, 0, "n");
    b_table_free(t);
    if (s == B_OK) s = modified(a, &before, &known, err);
    if (s != B_OK || !known) return s;
    mig__sleep(a->e, WATCH_MS);
    s = modified(a, &after, &known, err);
    a->counted = known;
    a->writes = (after >= before ? after - before : after) * 1000 / WATCH_MS;
    return s;
}

static b_status fly(advice *a, cfg_strategy strategy, size_t i, b_err *err)
{
    b_table *found = b_table_new();
    if (found == NULL) return b_fail(err, B_NOMEM, "out of memory for the preflight");
    cfg_strategy own = a->definition->strategy;
    a->definition->strategy = strategy;
    b_status s = mig__preflight(a->db, a->definition, found, &a->blockers[i], err);
    a->definition->strategy = own;
    for (size_t k = 0; s == B_OK && k < b_table_rows(found) && a->first[i][0] == '\0'; k++)
        if (b_slice_ieq(mig__cell(found, k, "severity"), B_LIT("blocker")))
            snprintf(a->first[i], sizeof a->first[i], "%.60s: %.230s", mig__cell(found, k, "object").p,
                     mig__cell(found, k, "why").p);
    b_table_free(found);
    return s;
}

static b_status read_definition(advice *a, b_err *err)
{
    b_buf diag = {0};
    a->definition = cfg_migration_parse(a->m->definition, strlen(a->m->definition), a->m->name, &diag);
    b_status s = B_OK;
    if (a->definition == NULL)
        s = b_fail(err, B_STATE, "the stored definition of migration %s cannot be read: %s", a->m->name,
                   b_buf_cstr(&diag));
    for (size_t i = 0; a->definition != NULL && i < a->definition->ncolumns; i++) {
        const cfg_pair *p = &a->definition->columns[i];
        a->changes = a->changes || p->type != NULL || p->up != NULL || p->down != NULL || p->from == NULL ||
                     p->to == NULL;
    }
    b_buf_deinit(&diag);
    return s;
}

/* ---- the advice ---- */

static way choose(const advice *a)
{
    bool quiet = a->counted && a->writes <= QUIET_WRITES;
    if (a->rows <= SMALL_ROWS && quiet) return PLAIN_DDL;
    if (!a->changes && a->blockers[0] == 0) return INSTANT;
    if (a->blockers[1] == 0) return DUAL_WRITE;
    return SHADOW_TABLE;
}

static const char *rate(const advice *a, char buf[64])
{
    if (!a->counted)
        snprintf(buf, 64, "an unknown number of");
    else
        snprintf(buf, 64, "%llu", (unsigned long long)a->writes);
    return buf;
}

static void say_why(const advice *a, way w, b_table *out)
{
    char buf[64];
    unsigned long long rows = a->rows;
    switch (w) {
    case PLAIN_DDL:
        b_table_printf(
            out,
            "%llu rows, %s rows written a second: up to %d rows and %d a second an ALTER TABLE at a quiet "
            "hour is over before anybody notices; old and new code cannot both run meanwhile",
            rows, rate(a, buf), SMALL_ROWS, QUIET_WRITES);
        return;
    case INSTANT:
        if (a->changes)
            b_table_str(out, "not possible: more than the name changes");
        else if (a->blockers[0] > 0)
            b_table_printf(out, "not possible: %s", a->first[0]);
        else
            b_table_printf(
                out,
                "nothing hangs on the column that stands in the way, and the server renames it by its "
                "metadata alone: %llu rows make no difference; clients that do not come through Straddle "
                "lose the old name at that moment",
                rows);
        return;
    case DUAL_WRITE:
        if (a->blockers[1] > 0)
            b_table_printf(out, "not possible: %s", a->first[1]);
        else
            b_table_printf(
                out,
                "both columns are there for as long as it takes, each phase can be gone back; costs a "
                "backfill of %llu rows beside %s rows written a second, and one rebuild where the column "
                "is NOT NULL",
                rows, rate(a, buf));
        return;
    case SHADOW_TABLE:
        b_table_printf(
            out,
            "gh-ost or pt-online-schema-change copy all %llu rows, and change the name for everybody at "
            "one moment; for what neither of the others can do",
            rows);
        return;
    case WAYS: return;
    }
}

static void answer(const advice *a, b_table *out)
{
    static const char *const names[] = {"plain_ddl", "instant_rename", "dual_write", "shadow_table"};
    static const char *const columns[] = {"way", "advised", "why"};
    way best = choose(a);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) b_table_column(out, columns[i]);
    for (int w = PLAIN_DDL; w < WAYS; w++) {
        b_table_row(out);
        b_table_str(out, names[w]), b_table_str(out, (way)w == best ? "yes" : "no");
        say_why(a, (way)w, out);
    }
}

b_status mig_advise(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    advice a = {.e = e};
    b_status s = mig__connect(e, 0, &a.db, err);
    if (s == B_OK) s = mig__load(a.db, name, &a.m, err);
    if (s == B_OK && a.m->phase != RW_PLANNED)
        s = b_fail(err, B_STATE, "migration %s is in phase %s; advice is for before it begins", name,
                   rw_phase_name(a.m->phase));
    if (s == B_OK) s = read_definition(&a, err);
    if (s == B_OK) s = watch(&a, err);
    if (s == B_OK) s = fly(&a, CFG_STRATEGY_INSTANT_RENAME, 0, err);
    if (s == B_OK) s = fly(&a, CFG_STRATEGY_DUAL_WRITE, 1, err);
    if (s == B_OK) answer(&a, out);
    cfg_migration_free(a.definition);
    mig__free(a.m);
    mig_db_close(a.db);
    return s;
}
