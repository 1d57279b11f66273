/* PLAN MIGRATION: every step with its exact SQL and how to undo it. Built by the same functions that build
 * the SQL which is run; what the server makes of each step, plan_trial.c asks it. */
#include "mig.h"

#include <stdio.h>
#include <string.h>

enum { ROWS_PER_SECOND = 40000, VERIFY_ROWS_PER_SECOND = 400000, INDEX_ROWS_PER_SECOND = 300000 };

typedef struct plan {
    mig_db *db;
    const mig__m *m;
    b_table *out;
    uint64_t rows;
    unsigned step;
} plan;

static void add(plan *p, const char *phase, const char *sql, const char *undo, const char *lock,
                const char *estimate)
{
    b_table_row(p->out);
    b_table_int(p->out, ++p->step);
    b_table_str(p->out, phase);
    b_table_str(p->out, sql);
    b_table_str(p->out, undo);
    b_table_str(p->out, lock);
    b_table_str(p->out, estimate);
}

static const char *seconds_for(const plan *p, unsigned rate, char buf[64])
{
    unsigned long long rows = p->rows, seconds = rows / rate + 1;
    snprintf(buf, 64, "about %llu s for %llu rows", seconds, rows);
    return buf;
}

static void alter(const plan *p, b_buf *q)
{
    b_buf_clear(q);
    b_buf_str(q, "ALTER TABLE ");
    b_buf_ident(q, b_slice_str(p->m->schema));
    b_buf_char(q, '.');
    b_buf_ident(q, b_slice_str(p->m->table));
    b_buf_char(q, ' ');
}

static void drop(const plan *p, const char *column, b_buf *q)
{
    alter(p, q);
    b_buf_str(q, "DROP COLUMN ");
    b_buf_ident(q, b_slice_str(column));
    b_buf_str(q, ", ALGORITHM=INSTANT");
}

static const char moment[] =
    "exclusive metadata lock for a moment; the ALTER is killed after 150 ms of waiting, and tried again";

static void plan_expand(plan *p)
{
    b_buf q = {0}, undo = {0};
    for (size_t i = 0; i < p->m->npairs; i++) {
        const mig__pair *c = &p->m->pairs[i];
        if (c->to[0] == '\0') continue;
        alter(p, &q);
        b_buf_str(&q, "ADD COLUMN ");
        mig__column_def(&q, p->db, c, c->to, false, true, MIG__DEF_NONE);
        b_buf_str(&q, " AFTER ");
        b_buf_ident(&q, b_slice_str(mig__after(p->m, i)));
        b_buf_str(&q, ", ALGORITHM=INSTANT");
        drop(p, c->to, &undo);
        add(p, "expanded", b_buf_cstr(&q), b_buf_cstr(&undo), moment, "milliseconds");
        if (!mig__can_default_up(c)) continue;
        alter(p, &q);
        b_buf_str(&q, "ALTER COLUMN ");
        b_buf_ident(&q, b_slice_str(c->to));
        b_buf_str(&q, " SET DEFAULT (");
        mig__up(c, &q);
        b_buf_str(&q, "), ALGORITHM=INSTANT");
        alter(p, &undo);
        b_buf_str(&undo, "ALTER COLUMN ");
        b_buf_ident(&undo, b_slice_str(c->to));
        b_buf_str(&undo, " DROP DEFAULT, ALGORITHM=INSTANT");
        add(p, "expanded", b_buf_cstr(&q), b_buf_cstr(&undo), moment, "milliseconds");
    }
    b_buf_deinit(&q);
    b_buf_deinit(&undo);
}

/* The guard's triggers of a phase; those of the phase before go once they are there. */
static b_status plan_guard(plan *p, rw_phase phase, b_err *err)
{
    b_table *t = b_table_new();
    if (t == NULL) return b_fail(err, B_NOMEM, "out of memory for the plan");
    b_table_column(t, "make"), b_table_column(t, "drop");
    b_status s = mig__guard_plan(p->db, p->m, phase, t, err);
    for (size_t i = 0; s == B_OK && i < b_table_rows(t); i++)
        add(p, rw_phase_name(phase), b_table_cell(t, i, 0).p, b_table_cell(t, i, 1).p,
            "exclusive metadata lock for a moment; killed after 150 ms of waiting, and tried again",
            "milliseconds");
    b_table_free(t);
    return s;
}

static b_status plan_fill(plan *p, b_err *err)
{
    b_buf q = {0}, keep = {0};
    b_status s = mig__fill_keep(p->db, p->m, &keep, err);
    char estimate[64];
    add(p, "dual_write", "-- every write of one column becomes a write of both (no SQL on the table)",
        "ROLLBACK MIGRATION: the new column is written no more",
        "none; waits for statements and transactions of the epoch before", "milliseconds");
    b_buf_str(&q, "UPDATE ");
    b_buf_ident(&q, b_slice_str(p->m->schema));
    b_buf_char(&q, '.');
    b_buf_ident(&q, b_slice_str(p->m->table));
    b_buf_str(&q, " SET ");
    bool some = false;
    for (size_t i = 0; i < p->m->npairs; i++) {
        if (p->m->pairs[i].to[0] == '\0') continue;
        if (some) b_buf_str(&q, ", ");
        b_buf_ident(&q, b_slice_str(p->m->pairs[i].to));
        b_buf_str(&q, " = ");
        mig__up(&p->m->pairs[i], &q);
        some = true;
    }
    b_buf_printf(&q, "%s WHERE ", b_buf_cstr(&keep));
    mig__differs(p->m, &q);
    add(p, "dual_write", b_buf_cstr(&q), "PAUSE BACKFILL",
        "in chunks of the primary key: row locks of one chunk, only on rows that need the change (READ "
        "COMMITTED)",
        seconds_for(p, ROWS_PER_SECOND, estimate));
    add(p, "dual_write", "-- VERIFY: both columns of every row compared, byte for byte", "", "none",
        seconds_for(p, VERIFY_ROWS_PER_SECOND, estimate));
    b_buf_deinit(&q), b_buf_deinit(&keep);
    return s;
}

static b_status plan_twins(plan *p, bool foreign, b_err *err)
{
    b_buf clauses = {0}, q = {0}, undo = {0};
    char estimate[64];
    b_status s =
        foreign ? mig__foreign_list(p->db, p->m, &clauses, err) : mig__twins_list(p->db, p->m, &clauses, err);
    char *next = clauses.p;
    while (s == B_OK && next != NULL && *next != '\0') {
        char *clause = next, *end = strchr(next, '\n'), *name = strchr(clause, '`'),
             *close = name == NULL ? NULL : strchr(name + 1, '`');
        next = end == NULL ? NULL : end + 1;
        if (end != NULL) *end = '\0';
        alter(p, &q);
        b_buf_printf(&q, "%s, ALGORITHM=INPLACE, LOCK=NONE", clause);
        alter(p, &undo);
        b_buf_printf(&undo, "DROP %s %.*s", foreign ? "FOREIGN KEY" : "INDEX",
                     name == NULL || close == NULL ? 0 : (int)(close - name + 1), name == NULL ? "" : name);
        add(p, "dual_write", b_buf_cstr(&q), b_buf_cstr(&undo),
            "online; exclusive metadata lock for a moment at its begin and end",
            foreign ? "milliseconds; rows that refer to nothing are looked up before it"
                    : seconds_for(p, INDEX_ROWS_PER_SECOND, estimate));
    }
    b_buf_deinit(&clauses);
    b_buf_deinit(&q);
    b_buf_deinit(&undo);
    return s;
}

static void modify(const plan *p, b_buf *q, const mig__pair *c, const char *column, bool not_null,
                   bool invisible, mig__def def)
{
    alter(p, q);
    b_buf_str(q, "MODIFY COLUMN ");
    mig__column_def(q, p->db, c, column, not_null, invisible, def);
}

static bool listed(const char *lines, b_slice name)
{
    while (*lines != '\0') {
        size_t n = strcspn(lines, "\n");
        if (b_slice_eq(b_slice_of(lines, n), name)) return true;
        lines += n + (lines[n] == '\n' ? 1 : 0);
    }
    return false;
}

/* The indexes over A: the unique ones before it holds one literal, the others before it goes. */
static b_status plan_index_drops(plan *p, const char *phase, bool unique, b_err *err)
{
    b_buf names = {0}, uniques = {0}, q = {0};
    b_status s = mig__indexes_over_old(p->db, p->m, unique, &names, err);
    if (s == B_OK && !unique) s = mig__indexes_over_old(p->db, p->m, true, &uniques, err);
    for (const char *at = b_buf_cstr(&names); s == B_OK && *at != '\0';) {
        b_slice name = b_slice_of(at, strcspn(at, "\n"));
        at += name.n + (at[name.n] == '\n' ? 1 : 0);
        if (!unique && listed(b_buf_cstr(&uniques), name)) continue; /* gone since retired */
        alter(p, &q);
        b_buf_str(&q, "DROP INDEX "), b_buf_ident(&q, name);
        add(p, phase, b_buf_cstr(&q), unique ? "ROLLBACK MIGRATION makes it anew, after A is filled" : "",
            moment, "milliseconds");
    }
    b_buf_deinit(&names), b_buf_deinit(&uniques), b_buf_deinit(&q);
    return s;
}

static void plan_retire_new(plan *p, const mig__pair *c, b_buf *q, b_buf *undo)
{
    char estimate[64];
    if (c->to[0] == '\0' || c->target.nullable) return;
    modify(p, q, c, c->to, true, true, mig__up_or_own(c));
    modify(p, undo, c, c->to, false, true, mig__up_or_own(c));
    b_buf_str(q, ", ALGORITHM=INPLACE, LOCK=NONE");
    add(p, "retired", b_buf_cstr(q), b_buf_cstr(undo),
        "online rebuild of the table; exclusive metadata lock for a moment at its begin and end",
        seconds_for(p, INDEX_ROWS_PER_SECOND, estimate));
}

static void plan_retire(plan *p)
{
    b_buf q = {0}, undo = {0};
    for (size_t i = 0; i < p->m->npairs; i++) {
        const mig__pair *c = &p->m->pairs[i];
        plan_retire_new(p, c, &q, &undo);
        if (c->from[0] != '\0') {
            modify(p, &q, c, c->from, !c->plain.nullable, true, mig__unread(c));
            modify(p, &undo, c, c->from, !c->plain.nullable, false, MIG__DEF_OWN);
            add(p, "retired", b_buf_cstr(&q), b_buf_cstr(&undo), moment, "milliseconds");
        }
        if (c->to[0] != '\0') {
            modify(p, &q, c, c->to, !c->target.nullable, false, MIG__DEF_OWN);
            modify(p, &undo, c, c->to, !c->target.nullable, true, mig__up_or_own(c));
            add(p, "retired", b_buf_cstr(&q), b_buf_cstr(&undo), moment, "milliseconds");
        }
    }
    b_buf_deinit(&q);
    b_buf_deinit(&undo);
}

/* One entry of the migration back; of columns in common each entry names both. */
static void put_back(const plan *p, size_t i, b_buf *out)
{
    const mig__pair *c = &p->m->pairs[i], *g = &p->m->pairs[c->group];
    const char *from = c->to[0] != '\0' ? c->to : g->to, *to = c->from[0] != '\0' ? c->from : g->from;
    b_buf_printf(out, "  - {from: %s, to: %s", from, to);
    if (c->from[0] != '\0' && strcmp(c->a.type, c->b.type) != 0)
        b_buf_printf(out, ", type: \"%s\"", c->a.type);
    if (c->from[0] != '\0' && c->down[0] != '\0') b_buf_printf(out, ", up: \"%s\"", c->down);
    if (c->to[0] != '\0' && c->up[0] != '\0') b_buf_printf(out, ", down: \"%s\"", c->up);
    b_buf_str(out, "}\n");
}

/* The name in backticks that stands first in a clause, without them. */
static b_slice first_name(const char *clause)
{
    const char *open = strchr(clause, '`'), *close = open == NULL ? NULL : strchr(open + 1, '`');
    return close == NULL ? (b_slice){"", 0} : (b_slice){open + 1, (size_t)(close - open - 1)};
}

/* The twins take the names of what they replaced. As long as they are not built, their clauses name them. */
static b_status plan_names(plan *p, bool foreign, unsigned *n, b_err *err)
{
    b_buf clauses = {0}, q = {0}, undo = {0};
    b_status s =
        foreign ? mig__foreign_list(p->db, p->m, &clauses, err) : mig__twins_list(p->db, p->m, &clauses, err);
    char *next = clauses.p;
    while (s == B_OK && next != NULL && *next != '\0') {
        char *clause = next, *end = strchr(next, '\n');
        next = end == NULL ? NULL : end + 1;
        if (end != NULL) *end = '\0';
        b_slice twin = first_name(clause), name = mig__original_name(p->m, twin);
        if (name.p == NULL) continue;
        alter(p, &q), alter(p, &undo);
        if (foreign) {
            b_buf_str(&q, "ADD CONSTRAINT "), b_buf_ident(&q, name);
            b_buf_printf(&q, "%s, DROP FOREIGN KEY ", twin.p + twin.n + 1), b_buf_ident(&q, twin);
            b_buf_printf(&undo, "%s, DROP FOREIGN KEY ", clause), b_buf_ident(&undo, name);
        } else {
            b_buf_str(&q, "RENAME INDEX "), b_buf_ident(&q, twin);
            b_buf_str(&q, " TO "), b_buf_ident(&q, name);
            b_buf_str(&undo, "RENAME INDEX "), b_buf_ident(&undo, name);
            b_buf_str(&undo, " TO "), b_buf_ident(&undo, twin);
        }
        add(p, "contracted", b_buf_cstr(&q), b_buf_cstr(&undo), moment, "milliseconds");
        ++*n;
    }
    b_buf_deinit(&clauses), b_buf_deinit(&q), b_buf_deinit(&undo);
    return s;
}

/* After the column is gone there is no step back: a migration the other way is, printed whole. */
static b_status plan_contract(plan *p, b_err *err)
{
    unsigned named = 0;
    b_buf q = {0}, undo = {0};
    b_buf_printf(&undo, "APPLY MIGRATION 'name: %s_back\ntable: %s.%s\ncolumns:\n", p->m->name, p->m->schema,
                 p->m->table);
    for (size_t i = 0; i < p->m->npairs; i++) put_back(p, i, &undo);
    b_buf_char(&undo, '\'');
    for (size_t i = 0; i < p->m->npairs; i++) {
        if (p->m->pairs[i].from[0] == '\0') continue;
        drop(p, p->m->pairs[i].from, &q);
        add(p, "contracted", b_buf_cstr(&q), b_buf_cstr(&undo), moment,
            "milliseconds, where the server can drop it instantly; otherwise an online rebuild");
    }
    b_status s = plan_names(p, false, &named, err);
    if (s == B_OK) s = plan_names(p, true, &named, err);
    if (named == 0)
        add(p, "contracted", "-- each twin takes the name of what it replaced (RENAME INDEX)",
            b_buf_cstr(&undo), moment, "milliseconds");
    add(p, "finished", "-- the migration is inert: the old name is unknown", b_buf_cstr(&undo), "none",
        "milliseconds");
    b_buf_deinit(&q);
    b_buf_deinit(&undo);
    return s;
}

/* The foreign keys over A, before it holds one literal. */
static b_status plan_key_drops(plan *p, b_err *err)
{
    b_buf names = {0}, q = {0};
    b_status s = mig__foreign_names(p->db, p->m, &names, err);
    for (const char *at = b_buf_cstr(&names); s == B_OK && *at != '\0';) {
        b_slice name = b_slice_of(at, strcspn(at, "\n"));
        at += name.n + (at[name.n] == '\n' ? 1 : 0);
        alter(p, &q);
        b_buf_str(&q, "DROP FOREIGN KEY "), b_buf_ident(&q, name);
        add(p, "retired", b_buf_cstr(&q), "ROLLBACK MIGRATION makes it anew, after A is filled", moment,
            "milliseconds");
    }
    b_buf_deinit(&names), b_buf_deinit(&q);
    return s;
}

static void plan_rename(plan *p)
{
    b_buf q = {0}, undo = {0};
    alter(p, &q), alter(p, &undo);
    mig__rename_clause(p->m, true, &q), mig__rename_clause(p->m, false, &undo);
    b_buf_str(&q, ", ALGORITHM=INSTANT"), b_buf_str(&undo, ", ALGORITHM=INSTANT");
    add(p, "contracted", b_buf_cstr(&q), b_buf_cstr(&undo),
        "statements on the table wait, for at most gate_ms a try; exclusive metadata lock for a moment",
        "milliseconds");
    add(p, "finished", "-- the migration is inert: the old name is unknown", b_buf_cstr(&undo), "none",
        "milliseconds");
    b_buf_deinit(&q), b_buf_deinit(&undo);
}

static b_status run(plan *p, b_err *err)
{
    static const char *const columns[] = {"step", "phase", "sql", "rollback_sql", "lock", "estimate"};
    b_table *t = NULL;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) b_table_column(p->out, columns[i]);
    b_status s = mig__query(p->db, &t, err,
                            "SELECT COALESCE(TABLE_ROWS, 0) AS n FROM information_schema.TABLES WHERE "
                            "TABLE_SCHEMA = %s AND TABLE_NAME = %s",
                            mig__q(p->m->arena, p->m->schema), mig__q(p->m->arena, p->m->table));
    if (s != B_OK) return s;
    p->rows = mig__cell_u64(t, 0, "n");
    b_table_free(t);
    if (p->m->instant) {
        plan_rename(p);
        return b_table_failed(p->out) ? b_fail(err, B_NOMEM, "out of memory for the plan") : B_OK;
    }
    plan_expand(p);
    s = plan_guard(p, RW_EXPANDED, err);
    if (s != B_OK) return s;
    s = plan_fill(p, err);
    if (s == B_OK) s = plan_twins(p, false, err);
    if (s == B_OK) s = plan_twins(p, true, err);
    if (s != B_OK) return s;
    add(p, "switched", "-- reads move to the new column (no SQL on the table)",
        "ROLLBACK MIGRATION: reads move back",
        "none; waits for statements and transactions of the epoch before", "milliseconds");
    plan_retire(p);
    s = plan_guard(p, RW_RETIRED, err);
    if (s == B_OK) s = plan_key_drops(p, err);
    if (s == B_OK) s = plan_index_drops(p, "retired", true, err);
    if (s == B_OK) s = plan_index_drops(p, "contracted", false, err);
    if (s != B_OK) return s;
    s = plan_contract(p, err);
    if (s != B_OK) return s;
    return b_table_failed(p->out) ? b_fail(err, B_NOMEM, "out of memory for the plan") : B_OK;
}

b_status mig_plan(mig_engine *e, const char *name, const char *format, b_table *out, b_err *err)
{
    plan p = {.out = b_table_new()};
    b_table *tried = format == NULL ? out : b_table_new();
    mig__m *m = NULL;
    b_status s = p.out == NULL || tried == NULL ? b_fail(err, B_NOMEM, "out of memory for the plan") : B_OK;
    if (s == B_OK) s = mig__connect(e, 0, &p.db, err);
    if (s == B_OK) s = mig__load(p.db, name, &m, err);
    p.m = m;
    if (s == B_OK) s = run(&p, err);
    if (s == B_OK) s = mig__plan_try(p.db, m, p.out, tried, err);
    if (s == B_OK && format != NULL) s = mig__plan_files(p.db, m, format, tried, out, err);
    mig__free(m);
    mig_db_close(p.db);
    if (format != NULL) b_table_free(tried);
    b_table_free(p.out);
    return s;
}
