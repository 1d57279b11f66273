/* Makes the ruleset of the published epoch out of what the database holds, and puts it in force. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>

#define HOLD_GRACE_MS 3000 /* for the epoch that lets go to be published */

/* Does B now carry DEFAULT (A)? Told from the catalogue, so that it cannot differ from the table. */
static bool default_up(rw_catalog *c, const mig__m *m, const mig__pair *p)
{
    const rw_table *t = rw_catalog_find(c, b_slice_str(m->schema), b_slice_str(m->table));
    const rw_column *b = t == NULL ? NULL : rw_table_column(t, b_slice_str(p->to));
    return b != NULL && !p->no_default_up && p->to[0] != '\0' && b->default_kind == RW_DEFAULT_EXPR &&
           (p->up[0] != '\0' || mig__default_is_column(b->default_text, p->from));
}

static bool fill_migration(rw_catalog *c, const mig__m *m, b_arena *arena, rw_pair *pairs, rw_migration *out)
{
    bool ok = true;
    for (size_t i = 0; i < m->npairs; i++) {
        const mig__pair *p = &m->pairs[i];
        pairs[i] = (rw_pair){.from = b_slice_str(p->from),
                             .to = b_slice_str(p->to),
                             .up = b_slice_str(p->up),
                             .down = b_slice_str(p->down),
                             .one_way = p->one_way,
                             .plain = p->plain,
                             .target = p->target,
                             .after = b_slice_str(p->after),
                             .b_default_up = default_up(c, m, p),
                             .a_stale = m->phase == RW_SWITCHED && !m->a_trusted};
        ok = mig__long_twins(m, p->to, arena, &pairs[i].twins, &pairs[i].ntwins) && ok;
    }
    *out = (rw_migration){.name = b_slice_str(m->name),
                          .schema = b_slice_str(m->schema),
                          .table = b_slice_str(m->table),
                          .phase = m->phase,
                          .disabled = m->disabled,
                          .held_ms = m->held ? m->gate_ms + HOLD_GRACE_MS : 0,
                          .time_zone = b_slice_str(m->time_zone),
                          .pairs = pairs,
                          .npairs = m->npairs};
    return ok;
}

/* One that cannot be followed, as its table or a column of it is gone, keeps nobody else from going on: what
 * names its table is refused. But for `strict`, which is being changed. */
static b_status find_lost(mig_engine *e, rw_catalog *c, rw_migration *ms, size_t n, const char *strict,
                          b_arena *arena, b_err *err)
{
    for (size_t i = 0; i < n; i++) {
        b_err why = {0};
        if (strict != NULL && b_slice_eq(ms[i].name, b_slice_str(strict))) continue;
        if (rw_migration_check(c, &ms[i], &why) != B_NOT_FOUND) continue;
        const char *text = b_arena_strdup(arena, why.msg);
        if (text == NULL) return b_fail(err, B_NOMEM, "out of memory for the rules");
        ms[i].lost = b_slice_str(text);
        b_logf(e->log, B_ERROR, "migrate",
               "migration=%.*s cannot be followed, statements on its table are refused: %s",
               B_ARG(ms[i].name), text);
    }
    return B_OK;
}

static b_status make(mig_engine *e, uint64_t epoch, rw_catalog *c, mig__m **all, size_t n, const char *strict,
                     rw_ruleset **out, b_err *err)
{
    size_t total = 0, used = 0, at = 0;
    for (size_t i = 0; i < n; i++) total += all[i]->npairs;
    rw_migration *ms = calloc(n + 1, sizeof *ms);
    rw_pair *pairs = calloc(total + 1, sizeof *pairs);
    b_arena *arena = b_arena_new(0);
    b_status s = B_OK;
    if (ms == NULL || pairs == NULL || arena == NULL) s = b_fail(err, B_NOMEM, "out of memory for the rules");
    for (size_t i = 0; s == B_OK && i < n; i++) {
        if (all[i]->phase == RW_FINISHED) continue; /* inert; its table may have another by now */
        if (!fill_migration(c, all[i], arena, pairs + at, &ms[used++]))
            s = b_fail(err, B_NOMEM, "out of memory for the rules");
        at += all[i]->npairs;
    }
    if (s == B_OK) s = find_lost(e, c, ms, used, strict, arena, err);
    b_err why = {0};
    if (s == B_OK && (*out = rw_ruleset_new(epoch, c, ms, used, &why)) == NULL)
        s = b_fail(err, why.code == B_OK ? B_INVALID : why.code, "the rules of epoch %llu cannot be made: %s",
                   (unsigned long long)epoch, why.msg);
    free(ms), free(pairs);
    b_arena_free(arena);
    return s;
}

b_status mig__ruleset_make(mig_engine *e, mig_db *db, const char *strict, rw_ruleset **out, uint64_t *hash,
                           b_err *err)
{
    uint64_t epoch = 0;
    mig__m **all = NULL;
    size_t n = 0;
    rw_catalog *c = NULL;
    rw_regex_rules *regex = NULL;
    b_status s = mig__epoch(db, &epoch, err);
    if (s == B_OK) s = mig__load_all(db, &all, &n, err);
    if (s == B_OK) s = mig__rules_load(db, &regex, err);
    if (s == B_OK) s = mig__catalog_load(db, &c, hash, err);
    if (s == B_OK) s = make(e, epoch, c, all, n, strict, out, err);
    if (s == B_OK) rw_ruleset_set_regex(*out, regex);
    rw_regex_rules_unref(regex);
    rw_catalog_unref(c);
    mig__free_all(all, n);
    return s;
}

void mig__ruleset_use(mig_engine *e, rw_ruleset *r, uint64_t hash)
{
    pthread_mutex_lock(&e->publish);
    pthread_mutex_lock(&e->mu);
    rw_ruleset *old = e->ruleset;
    bool newer = old == NULL || rw_ruleset_epoch(r) > rw_ruleset_epoch(old);
    if (newer) e->ruleset = r, e->catalog_hash = hash;
    pthread_mutex_unlock(&e->mu);
    if (newer) e->host.publish(e->host.ctx, r);
    rw_ruleset_unref(newer ? old : r);
    pthread_mutex_unlock(&e->publish);
}

static const rw_migration *migration_named(const rw_ruleset *r, b_slice name)
{
    for (size_t i = 0; i < rw_ruleset_size(r); i++)
        if (b_slice_eq(rw_ruleset_at(r, i)->name, name)) return rw_ruleset_at(r, i);
    return NULL;
}

static b_status set_error(mig_db *db, b_slice name, b_slice text)
{
    b_buf q = {0};
    b_err ignored;
    b_buf_str(&q, "UPDATE straddle.migrations SET last_error = "), b_buf_quote(&q, text);
    b_buf_str(&q, " WHERE name = "), b_buf_quote(&q, name);
    b_status s = mig__run(db, &ignored, &q);
    b_buf_deinit(&q);
    return s;
}

/* In SHOW MIGRATIONS, too, until it is there again: the texts of rw_migration_check begin so. What cannot be
 * written there is in the log. */
void mig__tell_lost(mig_db *db, const rw_ruleset *r)
{
    b_table *told = NULL;
    b_err ignored;
    b_status s = mig_db_query(
        db, "SELECT name FROM straddle.migrations WHERE last_error LIKE CONCAT('migration ', name, ': %')",
        &told, &ignored);
    for (size_t i = 0; s == B_OK && i < b_table_rows(told); i++) {
        const rw_migration *m = migration_named(r, b_table_cell(told, i, 0));
        if (m == NULL || m->lost.n == 0) s = set_error(db, b_table_cell(told, i, 0), B_LIT(""));
    }
    b_table_free(told);
    for (size_t i = 0; s == B_OK && i < rw_ruleset_size(r); i++)
        if (rw_ruleset_at(r, i)->lost.n > 0)
            s = set_error(db, rw_ruleset_at(r, i)->name, rw_ruleset_at(r, i)->lost);
}

/* The rules of one epoch: where another one was published while they were read, they are read again. In a
 * transaction, so that MariaDB says that a table is being altered, and does not wait for it. */
b_status mig__refresh(mig_engine *e, mig_db *db, b_err *err)
{
    enum { TRIES = 5 };
    for (int i = 0; i < TRIES; i++) {
        rw_ruleset *r = NULL;
        uint64_t hash = 0, epoch = 0;
        b_status s = mig__begin(db, err);
        if (s == B_OK) s = mig__ruleset_make(e, db, NULL, &r, &hash, err);
        if (s == B_OK) s = mig__epoch(db, &epoch, err);
        mig__undo(db);
        if (s == B_OK && epoch == rw_ruleset_epoch(r)) {
            mig__tell_lost(db, r);
            mig__ruleset_use(e, r, hash);
            return B_OK;
        }
        rw_ruleset_unref(r);
        if (s != B_OK) return s;
    }
    return b_fail(err, B_TIMEOUT,
                  "epochs follow each other faster than their rules can be read; trying again");
}

uint64_t mig__ruleset_epoch(mig_engine *e)
{
    pthread_mutex_lock(&e->mu);
    uint64_t epoch = e->ruleset == NULL ? 0 : rw_ruleset_epoch(e->ruleset);
    pthread_mutex_unlock(&e->mu);
    return epoch;
}
