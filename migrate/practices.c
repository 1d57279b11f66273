/* Practices of a careful team that the configuration asks for before a migration begins: a backup that was
 * verified, a rehearsal on a clone, somebody who hears of failures. Findings as the preflight's. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct looking {
    mig_engine *e;
    mig_db *db;
    const mig__m *m;
    b_table *out;
    size_t *blockers;
} looking;

static void found(looking *l, bool blocker, const char *object, const char *why, const char *remedy)
{
    *l->blockers += blocker;
    b_table_row(l->out);
    b_table_str(l->out, blocker ? "blocker" : "info");
    b_table_str(l->out, object), b_table_str(l->out, why), b_table_str(l->out, remedy);
}

static bool stopped(void *engine)
{
    return mig__stopping(engine);
}

static void backup(looking *l, const mig__practices *p)
{
    char line[200] = "", why[400], table[160], name[160];
    int status = 0;
    b_err err = {0};
    if (p->backup_command[0] == '\0') return;
    snprintf(name, sizeof name, "STRADDLE_MIGRATION=%s", l->m->name);
    snprintf(table, sizeof table, "STRADDLE_TABLE=%s.%s", l->m->schema, l->m->table);
    char *more[] = {name, table};
    mig__command_line c = {.command = p->backup_command,
                           .more = more,
                           .nmore = 2,
                           .timeout_ms = p->backup_timeout_ms,
                           .stopped = stopped,
                           .ctx = l->e};
    b_status s = mig__command(&c, line, sizeof line, &status, &err);
    if (s != B_OK)
        snprintf(why, sizeof why, "whether there is one is not known: preflight.backup_command: %.200s",
                 err.msg);
    else
        snprintf(why, sizeof why, "preflight.backup_command says (status %d): %s", status, line);
    bool good = s == B_OK && status == 0;
    found(l, !good, "backup", why, good ? "" : "make one, restore it once, and try again");
}

static void rehearsal(looking *l, const mig__practices *p)
{
    b_table *t = NULL;
    b_err err = {0};
    char why[400];
    if (p->rehearsal_days == 0) return;
    b_status s = mig__query(l->db, &t, &err,
                            "SELECT r.ended AS ended, r.rows_before AS n, COALESCE((SELECT TABLE_ROWS FROM "
                            "information_schema.TABLES "
                            "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s), 0) AS now FROM "
                            "straddle.rehearsals r WHERE r.migration = %s "
                            "AND CAST(r.definition AS BINARY) = CAST(%s AS BINARY) AND r.result = 'passed' "
                            "AND r.ended > NOW() - INTERVAL %u "
                            "DAY ORDER BY r.id DESC "
                            "LIMIT 1",
                            mig__q(l->m->arena, l->m->schema), mig__q(l->m->arena, l->m->table),
                            mig__q(l->m->arena, l->m->name), mig__q(l->m->arena, l->m->definition),
                            (unsigned)p->rehearsal_days);
    bool there = s == B_OK && b_table_rows(t) > 0;
    unsigned long long had = there ? mig__cell_u64(t, 0, "n") : 0,
                       has = there ? mig__cell_u64(t, 0, "now") : 0;
    bool good = there && had >= has / 2;
    if (s != B_OK)
        snprintf(why, sizeof why, "it cannot be read: %.300s", err.msg);
    else if (!there)
        snprintf(why, sizeof why,
                 "of this definition none has passed within %u days (preflight.rehearsal_days)",
                 (unsigned)p->rehearsal_days);
    else
        snprintf(why, sizeof why, "passed at %.*s with %llu rows; the table has about %llu",
                 B_ARG(mig__cell(t, 0, "ended")), had, has);
    found(l, !good, "rehearsal", why,
          good ? "" : "restore a backup into another server and run straddle rehearse on it");
    b_table_free(t);
}

static void alerts(looking *l, const mig__practices *p)
{
    if (!p->alerts) return;
    found(l, !p->heard, "alerts",
          p->heard ? "a hook hears of failures" : "no hook hears of failures (preflight.alerts)",
          p->heard ? "" : "configure one with on: failure");
}

b_status mig__practices_check(mig_engine *e, mig_db *db, const mig__m *m, b_table *out, size_t *blockers,
                              b_err *err)
{
    looking l = {.e = e, .db = db, .m = m, .out = out, .blockers = blockers};
    mig__practices *p = malloc(sizeof *p);
    if (p == NULL) return b_fail(err, B_NOMEM, "out of memory for the preflight");
    *p = mig__settings_get(e).practices;
    backup(&l, p), rehearsal(&l, p), alerts(&l, p);
    free(p);
    return b_table_failed(out) ? b_fail(err, B_NOMEM, "out of memory for the findings") : B_OK;
}

b_status mig__practices_copy(mig__practices *to, const cfg_config *c, b_err *err)
{
    const char *command = c->backup_command == NULL ? "" : c->backup_command;
    *to = (mig__practices){.backup_timeout_ms = c->backup_timeout_ms,
                           .rehearsal_days = c->rehearsal_days,
                           .alerts = c->alerts_required != 0};
    for (size_t i = 0; i < c->nhooks; i++)
        to->heard = to->heard || mig__hook_wants(c->hooks[i].on, "failure");
    return snprintf(to->backup_command, sizeof to->backup_command, "%s", command) <
                   (int)sizeof to->backup_command
               ? B_OK
               : b_fail(err, B_TOO_BIG, "preflight.backup_command is too long; put it into a script");
}
