/* The commands: one table of forms, roles, handlers and help, and the matching of a text against a form.
 *
 * A form is its own grammar. WORDS in capitals are keywords; words in small letters take a value under that
 * name; a|b|c takes one of those; [ … ] may be left out, neighbouring ones come in any order; a word that
 * ends in ... takes all the rest. */
#ifndef ADMIN_COMMANDS_H
#define ADMIN_COMMANDS_H

#include "attempts.h"
#include "words.h"

#include "admin/console.h"

enum { ADM__MAX_ARGS = 8 };

typedef struct adm__arg {
    b_slice name; /* as in the form; a keyword for an optional group without a value */
    b_slice value;
} adm__arg;

/* One run of a command. */
typedef struct adm__call {
    adm_console *console;
    const adm_caller *who;
    const struct adm__command *command;
    b_arena *arena;
    adm__arg args[ADM__MAX_ARGS];
    size_t nargs;
    b_table *out;
    b_err *err;
} adm__call;

typedef b_status (*adm__handler)(adm__call *call);

typedef struct adm__command {
    const char *form;
    cfg_role role;
    adm__handler run;
    const char *columns; /* of its result, by commas; NULL: an OK */
    const char *meaning;
} adm__command;

extern const adm__command adm__commands[];
extern const size_t adm__ncommands;

/* The command that sql is, with call->args filled. Otherwise NULL, and *err (1064) shows the right form. */
const adm__command *adm__find(b_slice sql, adm__call *call);

/* A value by its name in the form; p is NULL where it was not given. cstr: NUL-terminated, or NULL. */
b_slice adm__arg_get(const adm__call *call, const char *name);
const char *adm__arg_cstr(const adm__call *call, const char *name);

struct adm_console {
    adm_host host;
    mig_engine *engine; /* not owned */
    b_log *log;
    adm__attempts *attempts; /* to log in */
};

/* migration_commands.c */
b_status adm__show_migrations(adm__call *call);
b_status adm__show_migration(adm__call *call);
b_status adm__apply(adm__call *call);
b_status adm__apply_file(adm__call *call);
b_status adm__remove(adm__call *call);
b_status adm__check(adm__call *call);
b_status adm__plan(adm__call *call);
b_status adm__advance(adm__call *call);
b_status adm__rollback(adm__call *call);
b_status adm__pause(adm__call *call);
b_status adm__resume(adm__call *call);
b_status adm__show_backfill(adm__call *call);
b_status adm__set_backfill(adm__call *call);
b_status adm__set_guard(adm__call *call);
b_status adm__show_guard(adm__call *call);
b_status adm__show_bypass(adm__call *call);
b_status adm__repair_bypass(adm__call *call);
b_status adm__verify(adm__call *call);
b_status adm__explain_rollback(adm__call *call);
b_status adm__abort(adm__call *call);
b_status adm__advise(adm__call *call);
b_status adm__show_differences(adm__call *call);
b_status adm__show_recheck(adm__call *call);
b_status adm__show_shadow(adm__call *call);
b_status adm__show_rehearsals(adm__call *call);
b_status adm__enable(adm__call *call);
b_status adm__disable(adm__call *call);
b_status adm__show_history(adm__call *call);
b_status adm__export_history(adm__call *call);
b_status adm__show_instances(adm__call *call);
b_status adm__show_rules(adm__call *call);

/* rule_commands.c */
b_status adm__create_rule(adm__call *call);
b_status adm__alter_rule(adm__call *call);
b_status adm__drop_rule(adm__call *call);
b_status adm__enable_rule(adm__call *call);
b_status adm__disable_rule(adm__call *call);

/* process_commands.c */
b_status adm__show_regex_rules(adm__call *call);
b_status adm__explain(adm__call *call);
b_status adm__show_usage(adm__call *call);
b_status adm__show_refusals(adm__call *call);
b_status adm__show_clients(adm__call *call);
b_status adm__show_stats(adm__call *call);
b_status adm__show_config(adm__call *call);
b_status adm__reload(adm__call *call);
b_status adm__set_log_level(adm__call *call);
b_status adm__kill(adm__call *call);
b_status adm__kill_query(adm__call *call);
b_status adm__shutdown(adm__call *call);
b_status adm__help(adm__call *call);

#endif
