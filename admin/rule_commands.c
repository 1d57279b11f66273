/* Commands that change regex rules: each asks the engine. */
#include "commands.h"

static mig_actor actor(const adm__call *call)
{
    return (mig_actor){call->who->user, call->who->host};
}

static b_status from_yaml(adm__call *call, const char *what, const char *done,
                          b_status (*change)(mig_engine *, const cfg_rule *, const mig_actor *, b_err *))
{
    b_buf diag = {0};
    b_slice yaml = adm__arg_get(call, "yaml");
    cfg_rule *rule = cfg_rule_parse(yaml.p, yaml.n, what, &diag);
    mig_actor who = actor(call);
    b_status s = B_INVALID;
    if (rule == NULL) {
        (void)b_fail(call->err, s, "the definition is not valid, nothing was done: %.*s",
                     B_ARG(b_slice_trim(b_buf_view(&diag))));
    } else {
        s = change(call->console->engine, rule, &who, call->err);
        if (s == B_OK) b_table_message(call->out, 1, "rule %s %s", rule->name, done);
    }
    cfg_rule_free(rule);
    b_buf_deinit(&diag);
    return s;
}

b_status adm__create_rule(adm__call *call)
{
    return from_yaml(call, "CREATE RULE", "created", mig_rule_create);
}

b_status adm__alter_rule(adm__call *call)
{
    return from_yaml(call, "ALTER RULE", "altered", mig_rule_alter);
}

static b_status said(adm__call *call, b_status s, const char *done)
{
    if (s == B_OK) b_table_message(call->out, 1, "rule %s %s", adm__arg_cstr(call, "name"), done);
    return s;
}

b_status adm__drop_rule(adm__call *call)
{
    mig_actor who = actor(call);
    b_status s = mig_rule_drop(call->console->engine, adm__arg_cstr(call, "name"), &who, call->err);
    return said(call, s, "dropped");
}

static b_status enable(adm__call *call, bool on, const char *done)
{
    mig_actor who = actor(call);
    b_status s = mig_rule_enable(call->console->engine, adm__arg_cstr(call, "name"), on, &who, call->err);
    return said(call, s, done);
}

b_status adm__enable_rule(adm__call *call)
{
    return enable(call, true, "enabled");
}

b_status adm__disable_rule(adm__call *call)
{
    return enable(call, false, "disabled");
}
