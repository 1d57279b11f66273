/* DDL that somebody runs directly on the database: once a second, and at once when a statement met an error
 * that tells of it, the columns and BEFORE triggers of the migrating tables are compared with those that
 * statements are rewritten by. Where they differ, and no operation of the engine is under way, the data path
 * is told that its rules are stale: it holds statements on migrating tables until the catalogue is published
 * anew. */
#include "mig.h"

#include <stdio.h>
#include <string.h>

enum { EVERY_MS = 1000 };

static b_status read_columns(mig_db *db, const rw_migration *m, b_table **out, b_err *err)
{
    b_buf q = {0};
    b_buf_str(&q, "SELECT COLUMN_NAME AS n, COLUMN_TYPE AS t, IS_NULLABLE AS u, EXTRA AS x FROM "
                  "information_schema.COLUMNS WHERE TABLE_SCHEMA = ");
    b_buf_quote(&q, m->schema);
    b_buf_str(&q, " AND TABLE_NAME = "), b_buf_quote(&q, m->table);
    b_buf_str(&q, " ORDER BY ORDINAL_POSITION");
    b_status s = mig__ask(db, out, err, &q);
    b_buf_deinit(&q);
    return s;
}

/* A BEFORE trigger may change a column after the other one was made of it. */
static b_status other_triggers(mig_db *db, const rw_migration *m, const rw_table *known, bool *yes,
                               b_err *err)
{
    b_table *t = NULL;
    b_buf q = {0};
    b_buf_str(&q, MIG__BEFORE_TRIGGERS " AND EVENT_OBJECT_SCHEMA = "), b_buf_quote(&q, m->schema);
    b_buf_str(&q, " AND EVENT_OBJECT_TABLE = "), b_buf_quote(&q, m->table);
    b_buf_str(&q, " ORDER BY 3, ACTION_ORDER");
    b_status s = mig__ask(db, &t, err, &q);
    *yes = s == B_OK && mig__triggers(t, m->schema, m->table) != known->triggers;
    b_table_free(t);
    b_buf_deinit(&q);
    return s;
}

/* The first column that is not as the rules have it; p == NULL where all are. */
static b_slice differs(const b_table *t, const rw_table *known)
{
    size_t n = b_table_rows(t);
    for (size_t i = 0; i < n; i++) {
        b_slice name = mig__cell(t, i, "n");
        const rw_column *c = i < known->ncolumns ? &known->columns[i] : NULL;
        bool invisible = b_slice_find(mig__cell(t, i, "x"), B_LIT("INVISIBLE")) != (size_t)-1;
        bool on_update = b_slice_find(mig__cell(t, i, "x"), B_LIT("on update")) != (size_t)-1;
        if (c == NULL || !b_slice_eq(c->name, name) || !b_slice_eq(c->type, mig__cell(t, i, "t")) ||
            c->nullable != b_slice_ieq(mig__cell(t, i, "u"), B_LIT("YES")) || c->invisible != invisible ||
            c->on_update_now != on_update)
            return name;
    }
    return n < known->ncolumns ? known->columns[n].name : (b_slice){NULL, 0};
}

typedef struct change {
    bool found;
    char migration[200], text[400];
} change;

static b_status look_at(mig_db *db, const rw_ruleset *r, const rw_migration *m, change *c, b_err *err)
{
    b_table *t = NULL;
    const rw_table *known = rw_catalog_find(rw_ruleset_catalog(r), m->schema, m->table);
    if ((known == NULL && m->lost.n == 0) || m->phase == RW_FINISHED || m->held_ms != 0) return B_OK;
    static const rw_table none;
    if (known == NULL) known = &none; /* a table that was gone: is it there again? */
    b_status s = read_columns(db, m, &t, err);
    b_slice column = s == B_OK ? differs(t, known) : (b_slice){NULL, 0};
    bool triggers = false;
    if (s == B_OK && known != &none) s = other_triggers(db, m, known, &triggers, err);
    c->found = s == B_OK && (column.p != NULL || triggers);
    if (c->found) {
        snprintf(c->migration, sizeof c->migration, "%.*s", B_ARG(m->name));
        snprintf(c->text, sizeof c->text, "table %.*s.%.*s was changed directly on the database: %s %.*s",
                 B_ARG(m->schema), B_ARG(m->table), column.p != NULL ? "column" : "its BEFORE triggers",
                 B_ARG(column));
    }
    b_table_free(t);
    return s;
}

static b_status look(mig_engine *e, mig_db *db, change *c, b_err *err)
{
    rw_ruleset *r = mig_engine_ruleset(e);
    b_status s = B_OK;
    c->found = false;
    for (size_t i = 0; s == B_OK && !c->found && r != NULL && i < rw_ruleset_size(r); i++)
        s = look_at(db, r, rw_ruleset_at(r, i), c, err);
    rw_ruleset_unref(r);
    return s;
}

/* With the coordinator's lock held: what differs now is nobody's work but somebody else's. */
static b_status confirm(mig_engine *e, mig_db *db, change *c, b_err *err)
{
    uint64_t epoch = 0;
    char pending[16] = "0";
    b_status s = mig__epoch(db, &epoch, err);
    if (s == B_OK)
        s = mig_db_scalar(db, "SELECT COUNT(*) FROM straddle.migrations WHERE pending <> ''", pending,
                          sizeof pending, err);
    if (s != B_OK || epoch != mig__ruleset_epoch(e) || strcmp(pending, "0") != 0) return s;
    s = look(e, db, c, err);
    if (s != B_OK || !c->found) return s;
    if (e->host.stale != NULL) e->host.stale(e->host.ctx, epoch);
    mig_engine_catalog_changed(e);
    pthread_mutex_lock(&e->mu);
    bool told = e->told_epoch == epoch;
    e->told_epoch = epoch;
    pthread_mutex_unlock(&e->mu);
    if (told) return B_OK;
    b_logf(e->log, B_WARN, "migrate", "migration=%s %s; statements on it wait for the new catalogue",
           c->migration, c->text);
    mig__event ev = {.migration = c->migration, .action = "catalogue", .result = c->text};
    return mig__record(db, NULL, &ev, err);
}

/* What was changed was changed back: the rules hold again. */
static void all_well(mig_engine *e, uint64_t suspected)
{
    pthread_mutex_lock(&e->mu);
    e->looked = suspected;
    bool told = e->told_epoch != 0;
    e->told_epoch = 0;
    pthread_mutex_unlock(&e->mu);
    if (told && e->host.stale != NULL) e->host.stale(e->host.ctx, 0);
}

b_status mig__watch(mig_engine *e, mig_db *db, uint64_t suspected, b_err *err)
{
    change c;
    char got[8] = "";
    b_err ignored;
    uint64_t now = mig__now_ms();
    pthread_mutex_lock(&e->mu);
    bool due = e->suspect || now - e->watched_ms >= EVERY_MS;
    if (due) e->suspect = false, e->watched_ms = now;
    pthread_mutex_unlock(&e->mu);
    if (!due) return B_OK;
    b_status s = look(e, db, &c, err);
    if (s == B_OK && !c.found) all_well(e, suspected);
    if (s != B_OK || !c.found) return s;
    s = mig_db_scalar(db, "SELECT GET_LOCK('" MIG__LOCK "', 0)", got, sizeof got, err);
    if (s != B_OK || got[0] != '1') return s;
    s = confirm(e, db, &c, err);
    b_status r = mig_db_query(db, "DO RELEASE_LOCK('" MIG__LOCK "')", NULL, &ignored);
    return s == B_OK && r != B_OK ? b_fail(err, r, "%s", ignored.msg) : s;
}

uint64_t mig_engine_catalog_suspect(mig_engine *e)
{
    pthread_mutex_lock(&e->mu);
    uint64_t ticket = ++e->suspected;
    e->suspect = true;
    pthread_mutex_unlock(&e->mu);
    return ticket;
}

uint64_t mig_engine_catalog_looked(mig_engine *e)
{
    pthread_mutex_lock(&e->mu);
    uint64_t looked = e->looked;
    pthread_mutex_unlock(&e->mu);
    return looked;
}
