/* The preflight's look at code that the server keeps: triggers, views, routines, events. Each body is read by
 * the rewriter's own parser, as if a client had sent its statements: what it says of another table, or in a
 * string, is no finding. Reads only. */
#include "preflight.h"

#include "rewrite/code.h"

#include <stdio.h>
#include <string.h>

typedef struct kind { /* of stored code: rows n (name), s (schema), m (sql_mode), b (body) */
    const char *what, *sql, *remedy;
} kind;

#define NOT_SYSTEM " NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')"

static const kind kinds[] = {
    {"view",
     "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) AS n, TABLE_SCHEMA AS s, '' AS m, VIEW_DEFINITION AS b "
     "FROM "
     "information_schema.VIEWS WHERE TABLE_SCHEMA" NOT_SYSTEM,
     "drop the view, and make it anew after the migration"},
    {"routine",
     "SELECT CONCAT(ROUTINE_SCHEMA, '.', ROUTINE_NAME) AS n, ROUTINE_SCHEMA AS s, SQL_MODE AS m, "
     "ROUTINE_DEFINITION AS b FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA" NOT_SYSTEM,
     "drop it for the time of the migration, or let it work on another table"},
    {"event",
     "SELECT CONCAT(EVENT_SCHEMA, '.', EVENT_NAME) AS n, EVENT_SCHEMA AS s, SQL_MODE AS m, EVENT_DEFINITION "
     "AS b "
     "FROM information_schema.EVENTS",
     "disable and drop the event for the time of the migration"},
    {"trigger",
     "SELECT CONCAT(TRIGGER_SCHEMA, '.', TRIGGER_NAME) AS n, TRIGGER_SCHEMA AS s, SQL_MODE AS m, "
     "ACTION_STATEMENT AS b FROM information_schema.TRIGGERS",
     "drop it for the time of the migration"},
};

/* Rules as if the migration were planned; NULL where its columns are not there, which others say. */
static rw_ruleset *planned(mig__flight *f, b_status *s)
{
    const cfg_migration *m = f->m;
    rw_catalog *c = NULL;
    uint64_t hash;
    b_err why;
    rw_ruleset *r = NULL;
    *s = mig__catalog_load(f->db, &c, &hash, f->err);
    if (*s != B_OK) return NULL;
    const rw_table *t = rw_catalog_find(c, b_slice_str(m->schema), b_slice_str(m->table));
    rw_pair *pairs = b_arena_array(f->arena, m->ncolumns + 1, sizeof *pairs);
    size_t n = 0;
    for (size_t i = 0; t != NULL && pairs != NULL && i < m->ncolumns; i++) {
        const rw_column *a =
            m->columns[i].from == NULL ? NULL : rw_table_column(t, b_slice_str(m->columns[i].from));
        if (a == NULL || m->columns[i].to == NULL) continue;
        pairs[n++] = (rw_pair){.from = b_slice_str(m->columns[i].from),
                               .to = b_slice_str(m->columns[i].to),
                               .plain = *a,
                               .after = B_LIT("")};
    }
    rw_migration one = {.name = b_slice_str(m->name),
                        .schema = b_slice_str(m->schema),
                        .table = b_slice_str(m->table),
                        .phase = RW_PLANNED,
                        .pairs = pairs,
                        .npairs = n};
    if (n > 0) r = rw_ruleset_new(1, c, &one, 1, &why);
    rw_catalog_unref(c);
    return r;
}

static rw_ctx context(b_slice mode, b_slice schema)
{
    return (rw_ctx){.sql_mode = rw_sql_mode_parse(mode.p == NULL ? B_LIT("") : mode),
                    .charset = RW_CHARSET_SAFE,
                    .schema = schema,
                    .version = RW_VERSION_NEW};
}

static const char *quoted(mig__flight *f, b_slice statement)
{
    const char *text = b_arena_printf(f->arena, "%.*s%s", statement.n > 120 ? 120 : (int)statement.n,
                                      statement.p, statement.n > 120 ? "…" : "");
    return text == NULL ? "" : text;
}

static void tell(mig__flight *f, const kind *k, b_slice name, const rw_code *code)
{
    bool view = strcmp(k->what, "view") == 0;
    if (code->uses && !code->unsure && !view && mig__guarded(f))
        mig__finding(f, MIG__WARNING, name.p,
                     mig__say(f,
                              code->writes ? "this %s writes the column past the proxy: the guard makes the "
                                             "new one of it, until retired: %s"
                                           : "this %s reads the old column, which has its values until "
                                             "retired: %s",
                              k->what, quoted(f, code->statement)),
                     "let it use the new name once the migration is in switched");
    else if (code->uses && code->unsure)
        mig__finding(f, MIG__BLOCKER, name.p,
                     mig__say(f,
                              "this %s names the table and the column in a statement that cannot be read "
                              "with certainty: %s",
                              k->what, quoted(f, code->statement)),
                     k->remedy);
    else if (code->uses)
        mig__finding(f, MIG__BLOCKER, name.p,
                     mig__say(f,
                              code->writes ? "this %s writes the column where no proxy can see it: %s"
                                           : "this %s reads the column where no proxy can see it: %s",
                              k->what, quoted(f, code->statement)),
                     view || f->to >= RW_RETIRED ? k->remedy
                                                 : mig__say(f, "%s, or set a guard", k->remedy, NULL));
    else if (view && code->table)
        mig__finding(f, MIG__WARNING, name.p,
                     "a view over the table: LOAD, and ON DUPLICATE KEY UPDATE, through it are refused while "
                     "both columns are written",
                     "let applications name the table");
    else if (code->dynamic)
        mig__finding(f, MIG__WARNING, name.p,
                     mig__say(f,
                              "this %s runs text that is put together at run time, which nobody can look at "
                              "beforehand",
                              k->what, NULL),
                     "see that it does not name the column");
}

static b_status look(mig__flight *f, const rw_ruleset *r, const kind *k)
{
    b_table *t = NULL;
    b_status s = mig_db_query(f->db, k->sql, &t, f->err);
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++) {
        rw_code code;
        b_slice name = mig__cell(t, i, "n"), schema = mig__cell(t, i, "s"), body = mig__cell(t, i, "b");
        rw_ctx ctx = context(mig__cell(t, i, "m"), schema);
        const char *dot = strrchr(name.p, '.');
        if (dot != NULL && mig__is_guard(b_slice_str(dot + 1))) continue;
        if (body.p == NULL) {
            mig__finding(f, MIG__WARNING, name.p,
                         mig__say(f, "the engine's account may not read this %s", k->what, NULL),
                         "grant it what docs/admin.md says, or look at it yourself");
            continue;
        }
        s = rw_code_look(r, &ctx, body, false, f->arena, &code);
        if (s != B_OK) s = b_fail(f->err, s, "out of memory while reading %.*s", B_ARG(name));
        if (f->begun && code.uses && mig__names_any(f, body) == NULL) code.uses = false; /* the new name */
        if (s == B_OK) tell(f, k, name, &code);
    }
    b_table_free(t);
    return s;
}

/* ---- triggers of the table itself ---- */

/* One that names the old column. The guard's own triggers come before it and after it. */
static void tell_use(mig__flight *f, const char *name, bool before, const rw_code *code)
{
    bool changes = before && code->writes;
    if (mig__guarded(f) && (f->guard == CFG_GUARD_TRIGGERS || !changes))
        mig__finding(f, MIG__WARNING, name,
                     changes
                         ? "this trigger of the table writes the column: the guard makes the new one of it, "
                           "until retired"
                         : "this trigger of the table reads the old column, which has its values until "
                           "retired",
                     "let it use the new name once the migration is in switched, then SET GUARD again");
    else
        mig__finding(f, MIG__BLOCKER, name,
                     code->writes ? "this trigger of the table writes the column"
                                  : "this trigger of the table reads the column",
                     f->to >= RW_RETIRED || f->instant
                         ? "let it use the new name, or drop it"
                         : "drop it for the time of the migration, or set guard: triggers");
}

static bool names_new(mig__flight *f, b_slice body)
{
    static const rw_ctx ctx = {.charset = RW_CHARSET_SAFE};
    for (size_t i = 0; i < f->m->ncolumns; i++)
        if (f->m->columns[i].to != NULL &&
            rw_code_names(&ctx, f->server, body, b_slice_str(f->m->columns[i].to), f->arena))
            return true;
    return false;
}

static void tell_own(mig__flight *f, const b_table *t, size_t i, const rw_code *code)
{
    const char *name = mig__cell(t, i, "n").p;
    b_slice event = mig__cell(t, i, "ev"), body = mig__cell(t, i, "body");
    bool before = b_slice_ieq(mig__cell(t, i, "ti"), B_LIT("BEFORE")) && !b_slice_ieq(event, B_LIT("DELETE"));
    bool uses = code->uses && !(f->begun && mig__names_any(f, body) == NULL);
    if (strncmp(name, "pt_osc_", 7) == 0)
        mig__finding(f, MIG__BLOCKER, name, "pt-online-schema-change is at work on this table",
                     "let it finish, or drop its triggers");
    else if (uses && before && f->begun && names_new(f, body))
        mig__finding(f, MIG__BLOCKER, name,
                     "this trigger of the table names both columns: which one counts cannot be told",
                     "let it use one of them");
    else if (uses)
        tell_use(f, name, before, code);
    else if (f->instant || f->to >= RW_RETIRED)
        return;
    else if (before && f->guard != CFG_GUARD_TRIGGERS)
        mig__finding(f, MIG__BLOCKER, name,
                     "a BEFORE trigger may change the row after the new column took its value",
                     "drop it for the time of the migration, or set guard: triggers");
    else if (b_slice_ieq(event, B_LIT("UPDATE")))
        mig__finding(f, MIG__WARNING, name,
                     "the backfill updates every row once, and so fires this trigger for every row",
                     "disable what must not run, such as auditing");
}

static b_status own_triggers(mig__flight *f, const rw_ruleset *r)
{
    b_table *t = NULL;
    b_status s =
        mig__query(f->db, &t, f->err,
                   "SELECT TRIGGER_NAME AS n, ACTION_TIMING AS ti, EVENT_MANIPULATION AS ev, SQL_MODE AS m, "
                   "ACTION_STATEMENT AS body FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = %s "
                   "AND EVENT_OBJECT_TABLE = %s",
                   f->schema, f->table);
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++) {
        rw_code code;
        rw_ctx ctx = context(mig__cell(t, i, "m"), b_slice_str(f->m->schema));
        s = rw_code_look(r, &ctx, mig__cell(t, i, "body"), true, f->arena, &code);
        if (s != B_OK) s = b_fail(f->err, s, "out of memory while reading a trigger");
        if (s == B_OK && !mig__is_guard(mig__cell(t, i, "n"))) tell_own(f, t, i, &code);
    }
    b_table_free(t);
    return s;
}

b_status mig__check_code(mig__flight *f)
{
    b_status s = B_OK;
    rw_ruleset *r = planned(f, &s);
    if (s != B_OK || r == NULL) return s;
    s = own_triggers(f, r);
    for (size_t i = 0; s == B_OK && i < sizeof kinds / sizeof kinds[0]; i++) s = look(f, r, &kinds[i]);
    rw_ruleset_unref(r);
    return s;
}
