/* PLAN … FORMAT: the plan as versioned files, for teams that keep the history of their schema with Flyway or
 * Liquibase, or as plain SQL: one change that expands, one that contracts, and what undoes each. Where
 * Straddle walks the phases on a database itself, the files are marked as run there; everywhere else they are
 * run. */
#include "mig.h"

#include <stdio.h>
#include <string.h>

typedef struct block { /* the statements of one file */
    b_buf up, down;
} block;

static bool is_sql(b_slice s)
{
    return b_slice_istarts(s, B_LIT("ALTER ")) || b_slice_istarts(s, B_LIT("UPDATE "));
}

/* Undoing goes the other way: each is put before those that are there. */
static void put_before(b_buf *all, b_slice statement)
{
    b_buf next = {0};
    b_buf_printf(&next, "%.*s;\n%s", B_ARG(statement), b_buf_cstr(all));
    if (all->failed) next.failed = true;
    b_buf_deinit(all);
    *all = next;
}

static void collect(const b_table *plan, bool contract, block *b)
{
    for (size_t i = 0; i < b_table_rows(plan); i++) {
        rw_phase phase = RW_PLANNED;
        b_slice sql = mig__cell(plan, i, "sql"), undo = mig__cell(plan, i, "rollback_sql");
        bool late = rw_phase_parse(mig__cell(plan, i, "phase"), &phase) && phase >= RW_RETIRED;
        if (late != contract || !is_sql(sql)) continue;
        b_buf_printf(&b->up, "%.*s;\n", B_ARG(sql));
        if (is_sql(undo)) put_before(&b->down, undo);
    }
}

/* The statements of one kind in those that undo: what names twins again comes before the old column is made.
 */
static void keep_names(const b_table *plan, block *b)
{
    b_buf_clear(&b->down);
    for (size_t i = 0; i < b_table_rows(plan); i++) {
        b_slice sql = mig__cell(plan, i, "sql"), undo = mig__cell(plan, i, "rollback_sql");
        bool names = b_slice_find(sql, B_LIT(" RENAME INDEX ")) != (size_t)-1 ||
                     (b_slice_find(sql, B_LIT(" ADD CONSTRAINT ")) != (size_t)-1 &&
                      b_slice_find(sql, B_LIT(" DROP FOREIGN KEY ")) != (size_t)-1);
        if (names) b_buf_printf(&b->down, "%.*s;\n", B_ARG(undo));
    }
}

/* What hung on the old column is made again from the definitions that it has now, in phase planned. */
static b_status undo_indexes(mig_db *db, const mig__m *m, block *b, b_err *err)
{
    b_buf clauses = {0};
    b_status s = mig__indexes_list(db, m, &clauses, err);
    for (const char *at = b_buf_cstr(&clauses); s == B_OK && *at != '\0';) {
        size_t len = strcspn(at, "\n");
        b_buf_printf(&b->down, "ALTER TABLE %s.%s %.*s;\n", mig__id(m->arena, m->schema),
                     mig__id(m->arena, m->table), (int)len, at);
        at += len + (at[len] == '\n' ? 1 : 0);
    }
    b_buf_deinit(&clauses);
    return s;
}

/* After contracting the old column is not there any more: it is made again, and filled. */
static b_status undo_contract(mig_db *db, const mig__m *m, const b_table *plan, block *b, b_err *err)
{
    b_buf fill = {0}, keep = {0};
    b_status s = mig__fill_keep(db, m, &keep, err);
    keep_names(plan, b);
    for (size_t i = 0; i < m->npairs; i++) {
        const mig__pair *p = &m->pairs[i];
        if (p->from[0] == '\0' || p->one_way) continue;
        b_buf_printf(&b->down, "ALTER TABLE %s.%s ADD COLUMN ", mig__id(m->arena, m->schema),
                     mig__id(m->arena, m->table));
        mig__column_def(&b->down, db, p, p->from, false, false, MIG__DEF_NONE);
        if (p->after[0] == '\0')
            b_buf_str(&b->down, " FIRST");
        else
            b_buf_str(&b->down, " AFTER "), b_buf_ident(&b->down, b_slice_str(p->after));
        b_buf_str(&b->down, ";\n");
        b_buf_printf(&fill, "%s%s = ", fill.n == 0 ? "" : ", ", mig__id(m->arena, p->from));
        mig__down(p, &fill);
        if (!p->target.on_update_now) continue; /* it is not there yet, and so not in the list */
        b_buf_printf(&keep, ", %s = %s", mig__id(m->arena, p->to), mig__id(m->arena, p->to));
    }
    if (fill.n > 0)
        b_buf_printf(&b->down, "UPDATE %s.%s SET %s%s;\n", mig__id(m->arena, m->schema),
                     mig__id(m->arena, m->table), b_buf_cstr(&fill), b_buf_cstr(&keep));
    if (m->one_way) b_buf_str(&b->down, "-- the migration is one-way: nothing makes the old values again\n");
    b_buf_clear(&fill);
    for (size_t i = 0; i < m->npairs; i++) {
        const mig__pair *p = &m->pairs[i];
        if (p->from[0] == '\0' || p->one_way) continue;
        b_buf_printf(&b->down, "ALTER TABLE %s.%s MODIFY COLUMN ", mig__id(m->arena, m->schema),
                     mig__id(m->arena, m->table));
        mig__column_def(&b->down, db, p, p->from, !p->plain.nullable, false, MIG__DEF_OWN);
        b_buf_str(&b->down, ";\n");
    }
    b_buf_deinit(&fill), b_buf_deinit(&keep);
    return s == B_OK ? undo_indexes(db, m, b, err) : s;
}

static void undo_rename(const mig__m *m, block *b)
{
    b_buf_clear(&b->down);
    b_buf_printf(&b->down, "ALTER TABLE %s.%s ", mig__id(m->arena, m->schema), mig__id(m->arena, m->table));
    mig__rename_clause(m, false, &b->down);
    b_buf_str(&b->down, ";\n");
}

static void put_file(b_table *out, const b_buf *name, const b_buf *content)
{
    b_table_row(out);
    b_table_str(out, b_buf_cstr(name));
    b_table_str(out, b_buf_cstr(content));
}

static void head(b_buf *out, const mig__m *m, const char *what)
{
    b_buf_printf(
        out,
        "-- %s of migration %s on %s.%s, written by straddle (PLAN MIGRATION). On a database that "
        "Straddle\n-- migrates it is marked as run (flyway: -skipExecutingMigrations=true; liquibase: "
        "changelog-sync);\n-- on all others it is run.\n",
        what, m->name, m->schema, m->table);
}

static void sql_file(b_table *out, const mig__m *m, const char *pattern, const char *stamp, const char *what,
                     const b_buf *sql)
{
    b_buf name = {0}, content = {0};
    const char *verb = strcmp(what, "expand") == 0 ? "expand" : "contract";
    if (strcmp(stamp, "") == 0)
        b_buf_printf(&name, "%s_%s%s.sql", m->name, verb, pattern);
    else
        b_buf_printf(&name, "%s%s__%s_%s.sql", pattern, stamp, verb, m->name);
    head(&content, m, what);
    b_buf_slice(&content, b_buf_view(sql));
    put_file(out, &name, &content);
    b_buf_deinit(&name), b_buf_deinit(&content);
}

static void liquibase(b_table *out, const mig__m *m, const block *b, size_t n)
{
    static const char *const what[] = {"expand", "contract"};
    b_buf name = {0}, content = {0};
    b_buf_printf(&name, "%s.sql", m->name);
    b_buf_str(&content, "--liquibase formatted sql\n");
    head(&content, m, "All");
    for (size_t i = 0; i < n; i++) {
        b_buf_printf(&content, "\n--changeset straddle:%s_%s\n%s", m->name, n == 1 ? "rename" : what[i],
                     b_buf_cstr(&b[i].up));
        for (const char *at = b_buf_cstr(&b[i].down); *at != '\0';) {
            size_t len = strcspn(at, "\n");
            b_buf_printf(&content, "--rollback %.*s\n", (int)len, at);
            at += len + (at[len] == '\n' ? 1 : 0);
        }
    }
    put_file(out, &name, &content);
    b_buf_deinit(&name), b_buf_deinit(&content);
}

static b_status stamps(mig_db *db, const mig__m *m, char at[2][32], b_err *err)
{
    b_table *t = NULL;
    b_status s =
        mig__query(db, &t, err,
                   "SELECT DATE_FORMAT(MIN(at), '%%Y%%m%%d%%H%%i%%s') AS a, DATE_FORMAT(MIN(at) + "
                   "INTERVAL 1 SECOND, '%%Y%%m%%d%%H%%i%%s') AS b FROM straddle.history WHERE migration "
                   "= %s AND action = 'apply'",
                   mig__q(m->arena, m->name));
    if (s != B_OK) return s;
    snprintf(at[0], 32, "%.*s", B_ARG(mig__cell(t, 0, "a")));
    snprintf(at[1], 32, "%.*s", B_ARG(mig__cell(t, 0, "b")));
    b_table_free(t);
    return B_OK;
}

b_status mig__plan_files(mig_db *db, const mig__m *m, const char *format, const b_table *plan, b_table *out,
                         b_err *err)
{
    block b[2] = {{{0}, {0}}, {{0}, {0}}};
    char at[2][32] = {"", ""};
    static const char *const what[] = {"expand", "contract"};
    size_t n = m->instant ? 1 : 2, only = m->instant ? 1 : 0;
    bool flyway = strcmp(format, "flyway") == 0, liqui = strcmp(format, "liquibase") == 0;
    if (!flyway && !liqui && strcmp(format, "sql") != 0)
        return b_fail(err, B_INVALID, "'%s' is no format; there are flyway, liquibase and sql", format);
    if (m->phase != RW_PLANNED)
        return b_fail(
            err, B_STATE,
            "migration %s is in phase %s; files are written in phase planned, when the whole plan is "
            "still to come",
            m->name, rw_phase_name(m->phase));
    for (size_t i = 0; i < n; i++) collect(plan, only + i == 1, &b[i]);
    b_status s = flyway ? stamps(db, m, at, err) : B_OK;
    if (m->instant)
        undo_rename(m, &b[0]);
    else if (s == B_OK)
        s = undo_contract(db, m, plan, &b[1], err);
    b_table_column(out, "file"), b_table_column(out, "content");
    for (size_t i = 0; s == B_OK && !liqui && i < n; i++) {
        sql_file(out, m, flyway ? "V" : "", at[i], what[only + i], &b[i].up);
        sql_file(out, m, flyway ? "U" : "_undo", at[i], what[only + i], &b[i].down);
    }
    if (s == B_OK && liqui) liquibase(out, m, b, n);
    for (size_t i = 0; i < 2; i++) {
        if (b[i].up.failed || b[i].down.failed) s = b_fail(err, B_NOMEM, "out of memory");
        b_buf_deinit(&b[i].up), b_buf_deinit(&b[i].down);
    }
    return s;
}
