/* Commands about migrations: each asks the engine and gives its answer on. */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

static const char *name_of(const adm__call *call)
{
    return adm__arg_cstr(call, "name");
}

static mig_actor actor(const adm__call *call)
{
    return (mig_actor){call->who->user, call->who->host};
}

static b_status said(adm__call *call, b_status s, const char *what)
{
    if (s == B_OK) b_table_message(call->out, 0, "%s %s", name_of(call), what);
    return s;
}

b_status adm__show_migrations(adm__call *call)
{
    return mig_list(call->console->engine, call->out, call->err);
}

b_status adm__show_migration(adm__call *call)
{
    return mig_show(call->console->engine, name_of(call), call->out, call->err);
}

/* ---- APPLY ---- */

static b_status bad_definition(adm__call *call, b_buf *diag)
{
    b_slice text = b_slice_trim(b_buf_view(diag));
    return b_fail(call->err, B_INVALID, "the definition is not valid, nothing was applied: %.*s",
                  B_ARG(text));
}

static b_status apply(adm__call *call, cfg_migration *m, b_buf *diag)
{
    if (m == NULL) return bad_definition(call, diag);
    mig_actor who = actor(call);
    b_status s = mig_apply(call->console->engine, m, &who, call->err);
    if (s == B_OK) b_table_message(call->out, 1, "%s applied, in phase planned", m->name);
    return s;
}

b_status adm__apply(adm__call *call)
{
    b_buf diag = {0};
    b_slice yaml = adm__arg_get(call, "yaml");
    cfg_migration *m = cfg_migration_parse(yaml.p, yaml.n, "APPLY MIGRATION", &diag);
    b_status s = apply(call, m, &diag);
    cfg_migration_free(m);
    b_buf_deinit(&diag);
    return s;
}

/* A relative path starts at migrations_dir, or else at the folder of the configuration file. */
static void file_path(adm__call *call, b_slice path, b_buf *out)
{
    const adm_host *h = &call->console->host;
    if (path.n > 0 && path.p[0] != '/' && h->config_get != NULL) {
        const cfg_config *c = h->config_get(h->ctx);
        const char *slash = strrchr(c->file, '/');
        if (c->migrations_dir != NULL)
            b_buf_printf(out, "%s/", c->migrations_dir);
        else if (slash != NULL)
            b_buf_add(out, c->file, (size_t)(slash - c->file) + 1);
        h->config_done(h->ctx, c);
    }
    b_buf_slice(out, path);
}

b_status adm__apply_file(adm__call *call)
{
    b_buf diag = {0}, path = {0};
    file_path(call, adm__arg_get(call, "path"), &path);
    cfg_migration *m = cfg_migration_load(b_buf_cstr(&path), &diag);
    b_status s = apply(call, m, &diag);
    cfg_migration_free(m);
    b_buf_deinit(&diag);
    b_buf_deinit(&path);
    return s;
}

b_status adm__remove(adm__call *call)
{
    mig_actor who = actor(call);
    return said(call, mig_remove(call->console->engine, name_of(call), &who, call->err), "removed");
}

b_status adm__check(adm__call *call)
{
    return mig_check(call->console->engine, name_of(call), call->out, call->err);
}

b_status adm__plan(adm__call *call)
{
    const char *format = adm__arg_cstr(call, "flyway|liquibase|sql");
    char lower[16] = "";
    for (size_t i = 0; format != NULL && format[i] != '\0' && i + 1 < sizeof lower; i++)
        lower[i] = b_lower(format[i]);
    return mig_plan(call->console->engine, name_of(call), format == NULL ? NULL : lower, call->out,
                    call->err);
}

/* ---- phases ---- */

b_status adm__advance(adm__call *call)
{
    mig_actor who = actor(call);
    bool force = adm__arg_get(call, "FORCE").p != NULL;
    return mig_advance(call->console->engine, name_of(call), adm__arg_cstr(call, "phase"), force, &who,
                       call->out, call->err);
}

b_status adm__rollback(adm__call *call)
{
    mig_actor who = actor(call);
    return mig_rollback(call->console->engine, name_of(call), adm__arg_cstr(call, "phase"), &who, call->out,
                        call->err);
}

b_status adm__explain_rollback(adm__call *call)
{
    return mig_explain_rollback(call->console->engine, name_of(call), adm__arg_cstr(call, "phase"), call->out,
                                call->err);
}

b_status adm__abort(adm__call *call)
{
    mig_actor who = actor(call);
    return mig_abort(call->console->engine, name_of(call), &who, call->out, call->err);
}

b_status adm__advise(adm__call *call)
{
    return mig_advise(call->console->engine, name_of(call), call->out, call->err);
}

b_status adm__verify(adm__call *call)
{
    mig_actor who = actor(call);
    bool repair = adm__arg_cstr(call, "REPAIR") != NULL;
    return mig_verify(call->console->engine, name_of(call), repair, &who, call->out, call->err);
}

b_status adm__show_differences(adm__call *call)
{
    return mig_differences(call->console->engine, name_of(call), call->out, call->err);
}

b_status adm__show_shadow(adm__call *call)
{
    return mig_shadow(call->console->engine, name_of(call), call->out, call->err);
}

b_status adm__show_recheck(adm__call *call)
{
    return mig_recheck(call->console->engine, call->out, call->err);
}

b_status adm__show_rehearsals(adm__call *call)
{
    return mig_rehearsals(call->console->engine, call->out, call->err);
}

/* ---- backfill ---- */

b_status adm__pause(adm__call *call)
{
    mig_actor who = actor(call);
    return said(call, mig_pause(call->console->engine, name_of(call), &who, call->err), "paused");
}

b_status adm__resume(adm__call *call)
{
    mig_actor who = actor(call);
    return said(call, mig_resume(call->console->engine, name_of(call), &who, call->err), "resumed");
}

b_status adm__show_backfill(adm__call *call)
{
    return mig_pace(call->console->engine, name_of(call), call->out, call->err);
}

b_status adm__set_backfill(adm__call *call)
{
    mig_actor who = actor(call);
    const char *key = adm__arg_cstr(call, "setting");
    char lower[64] = "";
    for (size_t i = 0; key != NULL && key[i] != '\0' && i + 1 < sizeof lower; i++) lower[i] = b_lower(key[i]);
    return said(
        call,
        mig_set(call->console->engine, name_of(call), lower, adm__arg_cstr(call, "value"), &who, call->err),
        "set");
}

b_status adm__show_guard(adm__call *call)
{
    return mig_guard_place(call->console->engine, call->out, call->err);
}

b_status adm__show_bypass(adm__call *call)
{
    return mig_bypass(call->console->engine, name_of(call), call->out, call->err);
}

b_status adm__repair_bypass(adm__call *call)
{
    mig_actor who = actor(call);
    return mig_bypass_repair(call->console->engine, name_of(call), &who, call->out, call->err);
}

b_status adm__set_guard(adm__call *call)
{
    mig_actor who = actor(call);
    const char *guard = adm__arg_cstr(call, "none|watch|triggers");
    return said(call, mig_guard(call->console->engine, name_of(call), guard, &who, call->err), "set");
}

/* ---- rules ---- */

static b_status enable(adm__call *call, bool on)
{
    mig_actor who = actor(call);
    return said(call, mig_enable(call->console->engine, name_of(call), on, &who, call->err),
                on ? "enabled" : "disabled");
}

b_status adm__enable(adm__call *call)
{
    return enable(call, true);
}

b_status adm__disable(adm__call *call)
{
    return enable(call, false);
}

static void add_rule(b_table *out, const rw_migration *m, const rw_pair *p, uint64_t epoch)
{
    b_table_row(out);
    b_table_add(out, m->name);
    b_table_printf(out, "%.*s.%.*s", B_ARG(m->schema), B_ARG(m->table));
    b_table_add(out, p->from);
    b_table_add(out, p->to);
    b_table_str(out, rw_phase_name(m->phase));
    b_table_str(out, m->disabled ? "no" : "yes");
    b_table_int(out, (int64_t)epoch);
}

b_status adm__show_rules(adm__call *call)
{
    static const char *const names[] = {"migration", "table", "from", "to", "phase", "enabled", "epoch"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) b_table_column(call->out, names[i]);
    rw_ruleset *r = mig_engine_ruleset(call->console->engine);
    for (size_t i = 0; r != NULL && i < rw_ruleset_size(r); i++) {
        const rw_migration *m = rw_ruleset_at(r, i);
        for (size_t j = 0; j < m->npairs; j++) add_rule(call->out, m, &m->pairs[j], rw_ruleset_epoch(r));
    }
    if (r != NULL) rw_ruleset_unref(r);
    return B_OK;
}

/* ---- records ---- */

b_status adm__show_history(adm__call *call)
{
    return mig_history(call->console->engine, name_of(call), call->out, call->err);
}

b_status adm__export_history(adm__call *call)
{
    return mig_history_export(call->console->engine, name_of(call), call->out, call->err);
}

b_status adm__show_usage(adm__call *call)
{
    return mig_usage(call->console->engine, call->out, call->err);
}

b_status adm__show_instances(adm__call *call)
{
    return mig_instances(call->console->engine, call->out, call->err);
}
