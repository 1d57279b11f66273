/* The triggers of `guard: triggers` on the table: which there have to be in a phase, which there are, and the
 * DDL that makes the one the other. A trigger's name has a hash of all that it is, so that one that changes
 * has another name: the new one is made before the old one is dropped, and no write is missed. They are made
 * on the connection that holds the coordinator's lock, each under the watchdog. */
#include "mig.h"

#include "base/hash.h"
#include "rewrite/code.h"

#include <stdio.h>
#include <string.h>

/* What the server stores is checked as strictly as a client's write is by default; dates as they are. */
#define SQL_MODE "STRICT_TRANS_TABLES,ALLOW_INVALID_DATES"

enum { MOST = 4, NAME_SHOWN = 20 };

typedef struct trigger { /* one that has to be */
    char name[80], ends[4];
    bool update;
    mig__trigger kind;
    const char *anchor; /* PRECEDES that one, or FOLLOWS it; NULL: there is no other */
    b_buf body;
    bool there;
} trigger;

typedef struct guard {
    mig_db *db;
    const mig__m *m;
    bool mariadb;
    rw_server server;
    b_table *now; /* n(ame), ev(ent) and body of the BEFORE triggers of INSERT and UPDATE, in order */
    trigger want[MOST];
    size_t n;
} guard;

bool mig__is_guard(b_slice name)
{
    return b_slice_istarts(name, B_LIT(MIG__GUARD_PREFIX));
}

bool mig__is_guard_last(b_slice name)
{
    return mig__is_guard(name) && name.n > 3 && b_slice_ieq(b_slice_of(name.p + name.n - 3, 2), B_LIT("_l"));
}

/* What all names of this migration's triggers begin with. */
static void prefix(const mig__m *m, char out[56])
{
    b_slice name = b_slice_str(m->name);
    snprintf(out, 56, MIG__GUARD_PREFIX "%.*s_%08x_", NAME_SHOWN, m->name,
             (unsigned)(b_hash_nocase(name, 1) & 0xffffffffU));
}

static bool mine(const guard *g, b_slice name)
{
    char start[56];
    prefix(g->m, start);
    return b_slice_istarts(name, b_slice_str(start));
}

static bool of_event(const guard *g, size_t i, bool update)
{
    return b_slice_ieq(mig__cell(g->now, i, "ev"), update ? B_LIT("UPDATE") : B_LIT("INSERT"));
}

/* The first or the last trigger of that event which is nobody's guard; npos: none. */
static size_t other(const guard *g, bool update, bool last)
{
    size_t found = (size_t)-1;
    for (size_t i = 0; i < b_table_rows(g->now); i++) {
        if (!of_event(g, i, update) || mig__is_guard(mig__cell(g->now, i, "n"))) continue;
        if (last || found == (size_t)-1) found = i;
    }
    return found;
}

/* Does it stand on the right side of all triggers of others? */
static bool in_order(const guard *g, size_t at, const trigger *t)
{
    for (size_t i = 0; i < b_table_rows(g->now); i++) {
        if (!of_event(g, i, t->update) || mig__is_guard(mig__cell(g->now, i, "n"))) continue;
        if (t->kind == MIG__TRIGGER_FIRST ? i < at : i > at) return false;
    }
    return true;
}

static size_t find(const guard *g, const char *name)
{
    for (size_t i = 0; i < b_table_rows(g->now); i++)
        if (b_slice_ieq(mig__cell(g->now, i, "n"), b_slice_str(name))) return i;
    return (size_t)-1;
}

/* Gives it a name that none has but itself, as it is to be. */
static void name_it(const guard *g, trigger *t)
{
    char start[56], ends[sizeof t->ends];
    prefix(g->m, start);
    memcpy(ends, t->ends, sizeof ends);
    uint64_t h = b_hash(b_buf_cstr(&t->body), t->body.n, 7);
    if (t->anchor != NULL) h = b_hash_nocase(b_slice_str(t->anchor), h);
    for (unsigned salt = 0; salt < 16; salt++) {
        snprintf(t->name, sizeof t->name, "%s%06x_%s", start, (unsigned)((h + salt) & 0xffffffU), ends);
        size_t at = find(g, t->name);
        t->there = at != (size_t)-1 && in_order(g, at, t);
        if (at == (size_t)-1 || t->there) return;
    }
}

static void add(guard *g, mig__trigger kind, bool update)
{
    static const char letters[] = {'f', 'l', 'l', 'r'};
    trigger *t = &g->want[g->n++];
    size_t at = other(g, update, kind != MIG__TRIGGER_FIRST);
    *t = (trigger){.kind = kind, .update = update};
    if (at != (size_t)-1) t->anchor = mig__cell(g->now, at, "n").p;
    snprintf(t->ends, sizeof t->ends, "%c%c", letters[kind], update ? 'u' : 'i');
    mig__guard_body(g->m, kind, update, g->mariadb, &t->body);
    name_it(g, t);
}

static bool kept(rw_phase phase) /* both columns are */
{
    return phase == RW_EXPANDED || phase == RW_DUAL_WRITE || phase == RW_SWITCHED;
}

static bool named(const guard *g, size_t at, bool new_name)
{
    static const rw_ctx ctx = {.charset = RW_CHARSET_SAFE};
    for (size_t i = 0; i < g->m->npairs; i++) {
        const char *column = new_name ? g->m->pairs[i].to : g->m->pairs[i].from;
        if (column[0] != '\0' &&
            rw_code_names(&ctx, g->server, mig__cell(g->now, at, "body"), b_slice_str(column), g->m->arena))
            return true;
    }
    return false;
}

/* Which column triggers of others write: the new one where they name that and never the old one. */
static mig__trigger last_of(const guard *g, bool update)
{
    bool by_new = false, by_old = false;
    for (size_t i = 0; i < b_table_rows(g->now); i++) {
        if (!of_event(g, i, update) || mig__is_guard(mig__cell(g->now, i, "n"))) continue;
        by_new = by_new || named(g, i, true);
        by_old = by_old || named(g, i, false);
    }
    return by_new && !by_old ? MIG__TRIGGER_LAST_NEW : MIG__TRIGGER_LAST;
}

static b_status look(guard *g, rw_phase phase, b_err *err)
{
    b_status s = mig__query(
        g->db, &g->now, err,
        "SELECT TRIGGER_NAME AS n, EVENT_MANIPULATION AS ev, ACTION_STATEMENT AS body FROM "
        "information_schema.TRIGGERS "
        "WHERE EVENT_OBJECT_SCHEMA = %s AND EVENT_OBJECT_TABLE = %s AND ACTION_TIMING = 'BEFORE' AND "
        "EVENT_MANIPULATION IN ('INSERT', 'UPDATE') ORDER BY EVENT_MANIPULATION, ACTION_ORDER",
        mig__q(g->m->arena, g->m->schema), mig__q(g->m->arena, g->m->table));
    if (s != B_OK || g->m->guard != CFG_GUARD_TRIGGERS) return s;
    for (int update = 0; update < 2; update++) {
        if (kept(phase)) add(g, MIG__TRIGGER_FIRST, update != 0);
        if (kept(phase) && other(g, update != 0, true) != (size_t)-1)
            add(g, last_of(g, update != 0), update != 0);
        if (phase == RW_RETIRED) add(g, MIG__TRIGGER_RETIRED, update != 0);
    }
    return B_OK;
}

static void done(guard *g)
{
    for (size_t i = 0; i < g->n; i++) b_buf_deinit(&g->want[i].body);
    b_table_free(g->now);
}

static void create(const guard *g, const trigger *t, b_buf *q)
{
    b_buf_str(q, "CREATE TRIGGER "), b_buf_ident(q, b_slice_str(g->m->schema)), b_buf_char(q, '.');
    b_buf_ident(q, b_slice_str(t->name));
    b_buf_printf(q, " BEFORE %s ON ", t->update ? "UPDATE" : "INSERT");
    b_buf_ident(q, b_slice_str(g->m->schema)), b_buf_char(q, '.');
    b_buf_ident(q, b_slice_str(g->m->table)), b_buf_str(q, " FOR EACH ROW ");
    if (t->anchor != NULL) {
        b_buf_str(q, t->kind == MIG__TRIGGER_FIRST ? "PRECEDES " : "FOLLOWS ");
        b_buf_ident(q, b_slice_str(t->anchor)), b_buf_char(q, ' ');
    }
    if (t->body.failed) q->failed = true;
    b_buf_slice(q, b_buf_view(&t->body));
}

static void drop(const guard *g, b_slice name, b_buf *q)
{
    b_buf_str(q, "DROP TRIGGER IF EXISTS "), b_buf_ident(q, b_slice_str(g->m->schema)), b_buf_char(q, '.');
    b_buf_ident(q, name);
}

static b_status run(mig__op *op, b_buf *q, b_err *err)
{
    b_status s = q->failed ? b_fail(err, B_NOMEM, "out of memory for a trigger")
                           : mig__ddl(op, b_buf_cstr(q), SQL_MODE, err);
    b_buf_clear(q);
    return s;
}

b_status mig__guard_set(mig__op *op, rw_phase phase, b_err *err)
{
    guard g = {.db = op->db, .m = op->m, .mariadb = mig__mariadb(op->db)};
    b_buf q = {0};
    g.server = mig__server_of(op->db, err);
    b_status s = look(&g, phase, err);
    for (size_t i = 0; s == B_OK && i < g.n; i++) {
        if (g.want[i].there) continue;
        create(&g, &g.want[i], &q);
        s = run(op, &q, err);
        if (s != B_OK) s = s == B_LOST ? s : b_err_prefix(err, "the guard's trigger cannot be made");
    }
    for (size_t i = 0; s == B_OK && i < b_table_rows(g.now); i++) {
        b_slice name = mig__cell(g.now, i, "n");
        bool wanted = false;
        for (size_t k = 0; k < g.n; k++) wanted = wanted || b_slice_ieq(name, b_slice_str(g.want[k].name));
        if (!mine(&g, name) || wanted) continue;
        drop(&g, name, &q);
        s = run(op, &q, err);
    }
    b_buf_deinit(&q);
    done(&g);
    return s;
}

b_status mig__guard_plan(mig_db *db, const mig__m *m, rw_phase phase, b_table *out, b_err *err)
{
    guard g = {.db = db, .m = m, .mariadb = mig__mariadb(db)};
    b_buf make = {0}, undo = {0};
    g.server = mig__server_of(db, err);
    b_status s = look(&g, phase, err);
    for (size_t i = 0; s == B_OK && i < g.n; i++) {
        b_buf_clear(&make), b_buf_clear(&undo);
        create(&g, &g.want[i], &make), drop(&g, b_slice_str(g.want[i].name), &undo);
        if (make.failed || undo.failed) s = b_fail(err, B_NOMEM, "out of memory for the plan");
        b_table_row(out), b_table_str(out, b_buf_cstr(&make)), b_table_str(out, b_buf_cstr(&undo));
    }
    b_buf_deinit(&make), b_buf_deinit(&undo);
    done(&g);
    return s;
}
