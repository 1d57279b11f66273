#include "commands.h"

#include "admin_errno.h"

#include <stdlib.h>

adm_console *adm_console_new(const adm_host *host, mig_engine *engine, b_log *log)
{
    adm_console *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    *c = (adm_console){*host, engine, log, adm__attempts_new()};
    if (c->attempts != NULL) return c;
    free(c);
    return NULL;
}

void adm_console_free(adm_console *c)
{
    if (c != NULL) adm__attempts_free(c->attempts);
    free(c);
}

/* The server's number for what went wrong, so that scripts can tell. docs/admin.md has the list. */
unsigned adm__errno_of(b_status s, const b_err *err)
{
    switch (s) {
    case B_OK: return 0;
    case B_DENIED: return ADM__DENIED;
    case B_INVALID:
    case B_MALFORMED:
    case B_TOO_BIG: return ADM__BAD_ARGUMENT;
    case B_NOT_FOUND: return ADM__NOT_FOUND;
    case B_REFUSED:
    case B_STATE:
    case B_EXISTS: return ADM__REFUSED;
    case B_TIMEOUT: return ADM__TIMEOUT;
    case B_DATABASE: return err->db_errno != 0 ? err->db_errno : ADM__OTHER;
    case B_NOMEM:
    case B_MORE:
    case B_IO:
    case B_LOST:
    case B_CANCELLED: return ADM__OTHER;
    }
    return ADM__OTHER;
}

const char *adm__sqlstate(unsigned sql_errno)
{
    switch (sql_errno) {
    case ADM__SYNTAX:
    case ADM__DENIED:
    case ADM__REFUSED: return "42000";
    case ADM__LOGIN: return "28000";
    case ADM__PACKET: return "08S01";
    default: return "HY000";
    }
}

/* A message is one line, whatever was put into it. */
static void one_line(b_err *err)
{
    for (char *p = err->msg; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20) *p = ' ';
}

static b_status run(adm__call *call, const adm_caller *who)
{
    const adm__command *c = call->command;
    if (c->role == CFG_ROLE_OPERATOR && who->role != CFG_ROLE_OPERATOR)
        return b_fail(call->err, B_DENIED,
                      "Access denied; the role operator is needed for \"%s\": log in as a user that has it "
                      "(admin.users)",
                      c->form);
    b_status s = c->run(call);
    if (s == B_OK && b_table_failed(call->out))
        return b_fail(call->err, B_NOMEM, "out of memory; free some and try again");
    return s;
}

/* The commands that change something are in the log with who gave them; their text is not, it may be long. */
static void note(const adm__call *call, const adm_caller *who, b_status s)
{
    if (call->command->role != CFG_ROLE_OPERATOR) return;
    b_logf(call->console->log, s == B_OK ? B_INFO : B_WARN, "admin",
           "user=%s from=%s command=%s name=%.*s result=%s", who->user, who->host, call->command->form,
           B_ARG(adm__arg_get(call, "name")), s == B_OK ? "ok" : call->err->msg);
}

b_status adm_execute(adm_console *c, const adm_caller *who, b_slice sql, b_table *out, unsigned *sql_errno,
                     b_err *err)
{
    *err = (b_err){0};
    adm__call call = {.console = c, .who = who, .out = out, .err = err, .arena = b_arena_new(0)};
    *sql_errno = ADM__OTHER;
    if (call.arena == NULL) return b_fail(err, B_NOMEM, "out of memory; free some and try again");
    b_status s = B_INVALID;
    call.command = adm__find(sql, &call);
    if (call.command != NULL) s = run(&call, who);
    one_line(err);
    *sql_errno = call.command == NULL ? ADM__SYNTAX : adm__errno_of(s, err);
    if (call.command != NULL) note(&call, who, s);
    b_arena_free(call.arena);
    return s;
}
