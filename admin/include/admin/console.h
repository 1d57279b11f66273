/* The admin console: commands in, tables out. No sockets: proxy/ feeds it bytes or statements.
 * Commands, columns and units: docs/admin.md. */
#ifndef ADMIN_CONSOLE_H
#define ADMIN_CONSOLE_H

#include "base/buf.h"
#include "base/log.h"
#include "base/table.h"
#include "config/config.h"
#include "migrate/engine.h"

/* What EXPLAIN REWRITE was asked. Texts are as the operator wrote them, empty where not given. */
typedef struct adm_explain {
    b_slice user;    /* AS: takes this user's schema version where `version` is empty */
    b_slice version; /* old, new or both */
    b_slice schema;  /* default schema */
    b_slice phase;   /* name of the phase to assume for every migration; empty: the phase it is in */
    b_slice program; /* connection attribute program_name, for regex rules */
    b_slice rule;    /* a regex rule that is tried although it is disabled */
    b_slice sql;     /* all the rest */
} adm_explain;

/* The data path and the process, as the console sees them. Called from any thread; each may be NULL, its
 * command then answers that it is not available. Each of the first group adds its columns and rows to an
 * empty table; the columns are those of docs/admin.md (and of admin/commands.c):
 *
 *   clients   id, user, host, program, schema, version, state, backend_id, epoch, transaction, statements,
 *             bytes_in, bytes_out, age_s, thread
 *   stats     name, value, unit, meaning
 *   refusals  code, migration, user, message, sample, count, last_seen
 *   regex_rules  as SHOW REGEX RULES in docs/admin.md */
typedef struct adm_host {
    void *ctx;
    void (*clients)(void *ctx, b_table *out);     /* SHOW CLIENTS */
    void (*stats)(void *ctx, b_table *out);       /* SHOW STATS */
    void (*refusals)(void *ctx, b_table *out);    /* SHOW REFUSALS */
    void (*regex_rules)(void *ctx, b_table *out); /* SHOW REGEX RULES */
    /* The configuration in force, pinned until config_done. */
    const cfg_config *(*config_get)(void *ctx);
    void (*config_done)(void *ctx, const cfg_config *c);
    b_status (*reload)(void *ctx, b_err *err);
    void (*shutdown)(void *ctx);
    bool (*kill)(void *ctx, uint64_t session); /* KILL n; false: no such session */
    /* EXPLAIN REWRITE: adds the columns verdict (pass, rewritten or refused), sql (what would be sent),
     * parameters (which input parameter each output one takes, counted from 1, joined by commas), reason (of
     * a refusal) and rules (regex rules that acted, in order), and one row a statement. Sends nothing. Not
     * B_OK: the question cannot be answered (no such phase, version), *err says why. */
    b_status (*explain)(void *ctx, const adm_explain *ask, b_table *out, b_err *err);
} adm_host;

typedef struct adm_console adm_console;

adm_console *adm_console_new(const adm_host *host, mig_engine *engine, b_log *log);
void adm_console_free(adm_console *c);

typedef struct adm_caller {
    const char *user, *host; /* who is logged in, and from where */
    cfg_role role;
} adm_caller;

/* Runs one command (no trailing `;` needed). May block for as long as a phase change takes, so not on an
 * event loop's thread. On failure *err has the message, which for a bad command shows the right form;
 * *sql_errno is the MySQL error number to answer with. Thread-safe. */
b_status adm_execute(adm_console *c, const adm_caller *who, b_slice sql, b_table *out, unsigned *sql_errno,
                     b_err *err) B_MUSTCHECK;

/* One admin connection's protocol side: bytes in, bytes out, no I/O.
 *
 *   new → (greeting is in *out) → login → idle ⇄ running → closed
 *
 * adm_conn_input takes what the socket gave. When a command is complete, adm_conn_pending gives it (the
 * session is `running` and takes no further command); the owner runs adm_conn_run, on a worker thread, which
 * appends the answer to its own buffer, to be written out. Simple commands that clients send on connecting
 * (SELECT @@version_comment, SET …, COM_PING, SHOW VARIABLES, …) are answered within adm_conn_input.
 *
 * The first adm_conn_input, which may be with n = 0, gives the greeting. While a command runs, input is only
 * stored, up to 1 MiB and some; call adm_conn_free only after the run is over. */
typedef struct adm_conn adm_conn;

adm_conn *adm_conn_new(adm_console *c, uint32_t id, const char *peer);
void adm_conn_free(adm_conn *c);
b_status adm_conn_input(adm_conn *c, const void *p, size_t n, b_buf *out) B_MUSTCHECK; /* not B_OK: close */
bool adm_conn_pending(const adm_conn *c);
void adm_conn_run(adm_conn *c, b_buf *out); /* then call adm_conn_input with n = 0 for what is queued */
bool adm_conn_wants_close(const adm_conn *c);
bool adm_conn_logged_in(const adm_conn *c);

/* TLS, which is the owner's to do: before the first input it says what is offered. After an adm_conn_input
 * that made adm_conn_wants_tls true, what is in *rest (and what comes from then on) is TLS, and
 * adm_conn_input takes what is inside it. required: a login without is refused unread. */
void adm_conn_offer_tls(adm_conn *c, bool offered, bool required);
bool adm_conn_wants_tls(const adm_conn *c);
void adm_conn_begin_tls(adm_conn *c, b_buf *rest);

/* All commands with their forms and meanings, for HELP, docs and the lint test. */
void adm_describe(b_table *out);

#endif
