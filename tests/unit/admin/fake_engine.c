#include "fake_engine.h"

#include <stdarg.h>
#include <stdio.h>

B_PRINTF(3, 4)
static b_status called(mig_engine *e, b_err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->called, sizeof e->called, fmt, ap);
    va_end(ap);
    if (e->answer == B_OK) return B_OK;
    b_fail(err, e->answer, "the engine says no; ask again");
    err->db_errno = e->db_errno;
    return e->answer;
}

static b_status with_row(mig_engine *e, b_table *out, b_err *err, const char *call, const char *name)
{
    if (e->answer == B_OK) {
        b_table_column(out, "name");
        b_table_row(out);
        b_table_str(out, name);
    }
    return called(e, err, "%s %s", call, name == NULL ? "-" : name);
}

static const char *or_dash(const char *s)
{
    return s == NULL ? "-" : s;
}

b_status mig_apply(mig_engine *e, const cfg_migration *m, const mig_actor *who, b_err *err)
{
    return called(e, err, "apply %s by %s@%s", m->name, who->user, who->host);
}
b_status mig_rule_create(mig_engine *e, const cfg_rule *c, const mig_actor *who, b_err *err)
{
    return called(e, err, "create rule %s %s by %s@%s", c->name, or_dash(c->text), who->user, who->host);
}
b_status mig_rule_alter(mig_engine *e, const cfg_rule *c, const mig_actor *who, b_err *err)
{
    return called(e, err, "alter rule %s order %u by %s", c->name, (unsigned)c->order, who->user);
}
b_status mig_rule_drop(mig_engine *e, const char *name, const mig_actor *who, b_err *err)
{
    return called(e, err, "drop rule %s by %s", name, who->user);
}
b_status mig_rule_enable(mig_engine *e, const char *name, bool on, const mig_actor *who, b_err *err)
{
    return called(e, err, "rule %s on %d by %s", name, on, who->user);
}
b_status mig_remove(mig_engine *e, const char *name, const mig_actor *who, b_err *err)
{
    return called(e, err, "remove %s by %s", name, who->user);
}
b_status mig_advance(mig_engine *e, const char *name, const char *to, bool force, const mig_actor *who,
                     b_table *out, b_err *err)
{
    (void)out;
    return called(e, err, "advance %s to %s force %d by %s", name, or_dash(to), force, who->user);
}
b_status mig_rollback(mig_engine *e, const char *name, const char *to, const mig_actor *who, b_table *out,
                      b_err *err)
{
    (void)out;
    return called(e, err, "rollback %s to %s by %s", name, or_dash(to), who->user);
}
b_status mig_pause(mig_engine *e, const char *name, const mig_actor *who, b_err *err)
{
    return called(e, err, "pause %s by %s", name, who->user);
}
b_status mig_resume(mig_engine *e, const char *name, const mig_actor *who, b_err *err)
{
    return called(e, err, "resume %s by %s", name, who->user);
}
b_status mig_set(mig_engine *e, const char *name, const char *key, const char *value, const mig_actor *who,
                 b_err *err)
{
    return called(e, err, "set %s %s=%s by %s", name, key, value, who->user);
}
b_status mig_guard_place(mig_engine *e, b_table *out, b_err *err)
{
    (void)out;
    return called(e, err, "guard place");
}
b_status mig_bypass(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    (void)out;
    return called(e, err, "bypass %s", name);
}
b_status mig_bypass_repair(mig_engine *e, const char *name, const mig_actor *who, b_table *out, b_err *err)
{
    (void)out;
    return called(e, err, "repair bypass %s by %s", name, who->user);
}
b_status mig_guard(mig_engine *e, const char *name, const char *guard, const mig_actor *who, b_err *err)
{
    return called(e, err, "guard %s %s by %s", name, guard, who->user);
}
b_status mig_pace(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    (void)out;
    return called(e, err, "pace %s", name);
}
b_status mig_enable(mig_engine *e, const char *name, bool on, const mig_actor *who, b_err *err)
{
    return called(e, err, "enable %s %d by %s", name, on, who->user);
}
b_status mig_differences(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    (void)out;
    return called(e, err, "differences %s", name);
}
b_status mig_shadow(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    (void)out;
    return called(e, err, "shadow %s", name);
}
b_status mig_rehearsals(mig_engine *e, b_table *out, b_err *err)
{
    (void)out;
    return called(e, err, "rehearsals");
}
b_status mig_recheck(mig_engine *e, b_table *out, b_err *err)
{
    (void)out;
    return called(e, err, "recheck");
}
b_status mig_verify(mig_engine *e, const char *name, bool repair, const mig_actor *who, b_table *out,
                    b_err *err)
{
    (void)who;
    return with_row(e, out, err, repair ? "repair" : "verify", name);
}
b_status mig_explain_rollback(mig_engine *e, const char *name, const char *to, b_table *out, b_err *err)
{
    (void)to;
    return with_row(e, out, err, "explain rollback", name);
}
b_status mig_abort(mig_engine *e, const char *name, const mig_actor *who, b_table *out, b_err *err)
{
    (void)who;
    return with_row(e, out, err, "abort", name);
}
b_status mig_advise(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    return with_row(e, out, err, "advise", name);
}
b_status mig_check(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    return with_row(e, out, err, "check", name);
}
b_status mig_plan(mig_engine *e, const char *name, const char *format, b_table *out, b_err *err)
{
    return with_row(e, out, err, format == NULL ? "plan" : format, name);
}
b_status mig_list(mig_engine *e, b_table *out, b_err *err)
{
    return with_row(e, out, err, "list", NULL);
}
b_status mig_show(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    return with_row(e, out, err, "show", name);
}
b_status mig_history(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    return with_row(e, out, err, "history", name);
}
b_status mig_history_export(mig_engine *e, const char *name, b_table *out, b_err *err)
{
    return with_row(e, out, err, "export", name);
}
b_status mig_usage(mig_engine *e, b_table *out, b_err *err)
{
    return with_row(e, out, err, "usage", NULL);
}
b_status mig_instances(mig_engine *e, b_table *out, b_err *err)
{
    return with_row(e, out, err, "instances", NULL);
}

/* One rule, of a migration m on s.t from a to b. */
static const rw_pair pair = {.from = {"a", 1}, .to = {"b", 1}};
static const rw_migration rule = {.name = {"m", 1},
                                  .schema = {"s", 1},
                                  .table = {"t", 1},
                                  .phase = RW_SWITCHED,
                                  .disabled = true,
                                  .pairs = &pair,
                                  .npairs = 1};

rw_ruleset *mig_engine_ruleset(mig_engine *e)
{
    return (rw_ruleset *)(void *)e;
}
void rw_ruleset_unref(rw_ruleset *r)
{
    (void)r;
}
uint64_t rw_ruleset_epoch(const rw_ruleset *r)
{
    (void)r;
    return 42;
}
size_t rw_ruleset_size(const rw_ruleset *r)
{
    (void)r;
    return 1;
}
const rw_migration *rw_ruleset_at(const rw_ruleset *r, size_t i)
{
    (void)r, (void)i;
    return &rule;
}
const char *rw_phase_name(rw_phase p)
{
    return p == RW_SWITCHED ? "switched" : "?";
}
