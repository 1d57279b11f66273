/* The way back, said beforehand: what each step costs and what would be lost. And ABORT: all the way to
 * planned, off the list, with a look whether the table is as it was found. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct cost {
    rw_phase from, to;
    const char *cost, *lost;
} cost;

static const cost costs[] = {
    {RW_EXPANDED, RW_PLANNED, "the new column is dropped, at once where the server can",
     "nothing: nobody reads the new column, and the old one has every value"},
    {RW_DUAL_WRITE, RW_EXPANDED,
     "what the backfill has done is done anew the next time; unique twins and foreign keys go",
     "nothing: the old column has every value"},
    {RW_SWITCHED, RW_DUAL_WRITE, "reads move back, no SQL on the table",
     "nothing: both columns were written all the time"},
    {RW_RETIRED, RW_SWITCHED,
     "the old column is filled from the new one again, at the backfill's pace, then compared; until that is "
     "done "
     "there is no further step back",
     "nothing of what applications wrote: the old column takes the new one's values"},
    {RW_CONTRACTED, RW_PLANNED, "the column is renamed back, statements on the table wait for that moment",
     "nothing: it is one column"},
};

static const cost *find(rw_phase from, rw_phase to)
{
    for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++)
        if (costs[i].from == from && costs[i].to == to) return &costs[i];
    return NULL;
}

void mig__say_cost(mig__op *op, rw_phase to)
{
    const cost *c = find(op->m->phase, to);
    const char *text = c == NULL
                           ? NULL
                           : b_arena_printf(op->m->arena, "%s to %s: %s; lost: %s",
                                            rw_phase_name(op->m->phase), rw_phase_name(to), c->cost, c->lost);
    if (text != NULL) mig__op_step(op, "cost", text, mig__now_ms());
}

static void add_cost(b_table *out, const mig__m *m, const cost *c)
{
    bool fills = c->from == RW_RETIRED || c->from == RW_DUAL_WRITE;
    b_table_row(out);
    b_table_str(out, rw_phase_name(c->from)), b_table_str(out, rw_phase_name(c->to));
    if (fills && m->bf_total > 0)
        b_table_printf(out, "%s (about %llu rows)", c->cost, (unsigned long long)m->bf_total);
    else
        b_table_str(out, c->cost);
    b_table_str(out, c->lost);
}

b_status mig_explain_rollback(mig_engine *e, const char *name, const char *to, b_table *out, b_err *err)
{
    static const char *const columns[] = {"from", "to", "cost", "lost"};
    mig_db *db = NULL;
    mig__m *m = NULL;
    rw_phase goal = RW_PLANNED;
    b_status s = mig__connect(e, 0, &db, err);
    if (s == B_OK) s = mig__load(db, name, &m, err);
    mig_db_close(db);
    if (s == B_OK) s = mig__target(m, to, false, &goal, err);
    for (size_t i = 0; s == B_OK && i < sizeof columns / sizeof columns[0]; i++)
        b_table_column(out, columns[i]);
    while (s == B_OK && m->phase > goal) {
        rw_phase next = mig__beside(m, false);
        const cost *c = mig__edge_find(m->instant, m->phase, next) == NULL ? NULL : find(m->phase, next);
        if (c == NULL)
            s = b_fail(
                err, B_REFUSED,
                "there is no way back from phase %s of migration %s: the old column is gone, and with it "
                "what was in it before retired; apply a migration the other way (PLAN MIGRATION %s prints "
                "it)",
                rw_phase_name(m->phase), m->name, m->name);
        else
            add_cost(out, m, c);
        m->phase = next;
    }
    mig__free(m);
    return s;
}

/* ---- the table as it was found ---- */

static b_status create_table(mig_db *db, const mig__m *m, b_buf *out, b_err *err)
{
    b_table *t = NULL;
    b_status s = mig__query(db, &t, err, "SHOW CREATE TABLE %s.%s", mig__id(m->arena, m->schema),
                            mig__id(m->arena, m->table));
    if (s == B_OK) b_buf_slice(out, b_table_cell(t, 0, 1));
    b_table_free(t);
    return s == B_OK && out->failed ? b_fail(err, B_NOMEM, "out of memory") : s;
}

b_status mig__remember_table(mig_db *db, const mig__m *m, b_err *err)
{
    b_buf text = {0}, q = {0};
    b_status s = create_table(db, m, &text, err);
    b_buf_str(&q, "UPDATE straddle.migrations SET found = "), b_buf_quote(&q, b_buf_view(&text));
    b_buf_printf(&q, " WHERE name = %s", mig__q(m->arena, m->name));
    if (s == B_OK) s = mig__run(db, err, &q);
    b_buf_deinit(&text), b_buf_deinit(&q);
    return s;
}

static b_slice next_line(b_slice *rest)
{
    size_t n = b_slice_find(*rest, B_LIT("\n"));
    b_slice line = n == (size_t)-1 ? *rest : (b_slice){rest->p, n};
    size_t used = n == (size_t)-1 ? rest->n : n + 1;
    *rest = (b_slice){rest->p + used, rest->n - used};
    line = b_slice_trim(line);
    if (line.n > 0 && line.p[line.n - 1] == ',') line.n--;
    return line;
}

/* The first line of one that the other has not; the order of indexes, and the counter, do not matter. */
static b_slice only_in(b_slice a, b_slice b)
{
    while (a.n > 0) {
        b_slice line = next_line(&a), rest = b;
        bool found = line.n > 0 && line.p[0] == ')';
        while (!found && rest.n > 0) found = b_slice_eq(next_line(&rest), line);
        if (!found) return line;
    }
    return (b_slice){NULL, 0};
}

static b_status as_found(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    mig_db *db = NULL;
    mig__m *m = NULL;
    b_table *t = NULL;
    b_buf now = {0};
    uint64_t started = mig__now_ms();
    b_status s = mig__connect(e, 0, &db, err);
    if (s == B_OK) s = mig__load(db, name, &m, err);
    if (s == B_OK) s = create_table(db, m, &now, err);
    if (s == B_OK)
        s = mig__query(db, &t, err, "SELECT found FROM straddle.migrations WHERE name = %s",
                       mig__q(m->arena, m->name));
    if (s == B_OK) {
        b_slice then = b_table_cell(t, 0, 0), gone = only_in(then, b_buf_view(&now)),
                more = only_in(b_buf_view(&now), then);
        b_table_row(out);
        b_table_str(out, "table");
        if (then.p == NULL)
            b_table_str(out, "how it was found is not known: it was applied by an earlier version");
        else if (gone.p == NULL && more.p == NULL)
            b_table_str(out, "as it was found");
        else
            b_table_printf(out, "not as it was found, somebody else has changed it: %.*s",
                           gone.p != NULL ? (int)gone.n : (int)more.n, gone.p != NULL ? gone.p : more.p);
        b_table_int(out, (int64_t)(mig__now_ms() - started));
    }
    b_table_free(t);
    b_buf_deinit(&now);
    mig__free(m);
    mig_db_close(db);
    return s;
}

b_status mig_abort(mig_engine *e, const char *name, const mig_actor *who, b_table *out, b_err *err)
{
    mig_db *db = NULL;
    mig__m *m = NULL;
    b_status s = mig__connect(e, 0, &db, err);
    if (s == B_OK) s = mig__load(db, name, &m, err);
    bool back = s == B_OK && (m->phase != RW_PLANNED || m->pending[0] != '\0');
    if (s == B_OK && m->phase == RW_FINISHED)
        s = b_fail(err, B_STATE, "migration %s is finished; REMOVE takes it off the list", name);
    mig__free(m);
    mig_db_close(db);
    if (s == B_OK && back)
        s = mig_rollback(e, name, "planned", who, out, err);
    else if (s == B_OK)
        b_table_column(out, "step"), b_table_column(out, "detail"), b_table_column(out, "ms");
    if (s == B_OK) s = as_found(e, name, out, err);
    return s == B_OK ? mig_remove(e, name, who, err) : s;
}
