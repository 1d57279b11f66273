/* Commands about this process: what its host knows, its configuration, and the list of commands itself. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static b_status not_here(adm__call *call)
{
    return b_fail(call->err, B_STATE, "\"%s\" is not available in this program; ask a running straddle serve",
                  call->command->form);
}

static b_status fill(adm__call *call, void (*rows)(void *ctx, b_table *out))
{
    if (rows == NULL) return not_here(call);
    rows(call->console->host.ctx, call->out);
    return B_OK;
}

b_status adm__show_refusals(adm__call *call)
{
    return fill(call, call->console->host.refusals);
}

b_status adm__show_regex_rules(adm__call *call)
{
    return fill(call, call->console->host.regex_rules);
}

b_status adm__show_clients(adm__call *call)
{
    return fill(call, call->console->host.clients);
}

b_status adm__show_stats(adm__call *call)
{
    return fill(call, call->console->host.stats);
}

/* An option that was not understood must not be taken for a statement, of which it would say "pass". */
static b_status option_left(adm__call *call, b_slice sql)
{
    static const char *const options[] = {"AS", "VERSION", "SCHEMA", "PHASE", "PROGRAM", "RULE"};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        size_t n = strlen(options[i]);
        if (sql.n > n && b_slice_istarts(sql, b_slice_str(options[i])) && (unsigned char)sql.p[n] <= 0x20)
            return b_fail(call->err, B_INVALID, "\"%.*s\" is not a statement, nor an option as in: %s",
                          (int)(sql.n < 60 ? sql.n : 60), sql.p, call->command->form);
    }
    return B_OK;
}

b_status adm__explain(adm__call *call)
{
    const adm_host *h = &call->console->host;
    if (h->explain == NULL) return not_here(call);
    b_status s = option_left(call, adm__arg_get(call, "sql..."));
    if (s != B_OK) return s;
    adm_explain ask = {.user = adm__arg_get(call, "user"),
                       .version = adm__arg_get(call, "old|new|both"),
                       .schema = adm__arg_get(call, "schema"),
                       .phase = adm__arg_get(call, "phase"),
                       .program = adm__arg_get(call, "program"),
                       .rule = adm__arg_get(call, "rule"),
                       .sql = adm__arg_get(call, "sql...")};
    return h->explain(h->ctx, &ask, call->out, call->err);
}

/* ---- SHOW CONFIG ---- */

static void put(b_table *t, const char *key, const char *value)
{
    if (value == NULL) return;
    b_table_row(t);
    b_table_str(t, key);
    b_table_str(t, value);
}

static void put_number(b_table *t, const char *key, uint64_t v)
{
    b_table_row(t);
    b_table_str(t, key);
    b_table_printf(t, "%" PRIu64, v);
}

static void put_at(b_table *t, const char *list, size_t i, const char *key, const char *value)
{
    char full[64];
    snprintf(full, sizeof full, "%s[%zu].%s", list, i, key);
    put(t, full, value);
}

static const char *secret(const char *password)
{
    return password == NULL ? NULL : "***";
}

static void put_lists(b_table *t, const cfg_config *c)
{
    for (size_t i = 0; i < c->nlisteners; i++) {
        put_at(t, "listeners", i, "address", c->listeners[i].address.text);
        put_at(t, "listeners", i, "schema_version", cfg_version_name(c->listeners[i].schema_version));
    }
    put(t, "admin.address", c->admin.text);
    for (size_t i = 0; i < c->nadmin_users; i++) {
        put_at(t, "admin.users", i, "name", c->admin_users[i].name);
        put_at(t, "admin.users", i, "password", secret(c->admin_users[i].password));
        put_at(t, "admin.users", i, "role",
               c->admin_users[i].role == CFG_ROLE_OPERATOR ? "operator" : "read_only");
    }
    put(t, "backend.address", c->backend.address.text);
    put(t, "backend.user", c->backend.user);
    put(t, "backend.password", secret(c->backend.password));
    for (size_t i = 0; i < c->nreplicas; i++) {
        put_at(t, "replicas", i, "address", c->replicas[i].address.text);
        put_at(t, "replicas", i, "user", c->replicas[i].user);
        put_at(t, "replicas", i, "password", secret(c->replicas[i].password));
    }
    for (size_t i = 0; i < c->nusers; i++) {
        put_at(t, "users", i, "name", c->users[i].name);
        put_at(t, "users", i, "schema_version", cfg_version_name(c->users[i].schema_version));
    }
    for (size_t i = 0; i < c->nmigrations; i++) put_at(t, "migrations", i, "name", c->migrations[i]->name);
}

static void put_limits(b_table *t, const cfg_config *c)
{
    const struct {
        const char *key;
        uint64_t value;
    } limits[] = {
        {"threads", c->threads},
        {"limits.max_statement_bytes", c->max_statement_bytes},
        {"limits.max_buffer_bytes", c->max_buffer_bytes},
        {"limits.max_connections", c->max_connections},
        {"limits.connect_timeout_ms", c->connect_timeout_ms},
        {"limits.handshake_timeout_ms", c->handshake_timeout_ms},
        {"limits.drain_timeout_ms", c->drain_timeout_ms},
        {"limits.takeover_drain_ms", c->takeover_drain_ms},
        {"limits.phase_timeout_ms", c->phase_timeout_ms},
        {"limits.plan_cache_entries", c->plan_cache_entries},
        {"limits.lease_ms", c->lease_ms},
        {"limits.poll_ms", c->poll_ms},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        put_number(t, limits[i].key, limits[i].value);
    put(t, "migrations_dir", c->migrations_dir);
    put(t, "log.level", b_level_name(c->log_level));
    put(t, "log.file", c->log_file);
    put(t, "log.format", c->log_format == B_LOG_JSON ? "json" : "text");
    put(t, "log.refused", c->log_refused ? "true" : "false");
    put(t, "log.sql", c->log_sql == 1 ? "full" : "digest");
    put_number(t, "log.slow_ms", c->log_slow_ms);
    put(t, "takeover.socket", c->takeover_socket);
}

b_status adm__show_config(adm__call *call)
{
    const adm_host *h = &call->console->host;
    if (h->config_get == NULL) return not_here(call);
    b_table_column(call->out, "key");
    b_table_column(call->out, "value");
    const cfg_config *c = h->config_get(h->ctx);
    put(call->out, "file", c->file);
    put_lists(call->out, c);
    put_limits(call->out, c);
    h->config_done(h->ctx, c);
    return B_OK;
}

/* ---- the process ---- */

b_status adm__reload(adm__call *call)
{
    const adm_host *h = &call->console->host;
    if (h->reload == NULL) return not_here(call);
    b_status s = h->reload(h->ctx, call->err);
    if (s == B_OK) b_table_message(call->out, 0, "the configuration was read anew and is in force");
    return s;
}

b_status adm__set_log_level(adm__call *call)
{
    b_slice word = adm__arg_get(call, "debug|info|warn|error");
    char name[8] = "";
    b_level level;
    for (size_t i = 0; i < word.n && i < sizeof name - 1; i++) name[i] = b_lower(word.p[i]);
    if (!b_level_parse(name, &level))
        return b_fail(call->err, B_INVALID, "\"%.*s\" is no level; debug, info, warn or error", B_ARG(word));
    if (call->console->log != NULL) atomic_store(&call->console->log->level, (int)level);
    b_table_message(call->out, 0, "the log has lines of level %s and above now", name);
    return B_OK;
}

b_status adm__kill(adm__call *call)
{
    const adm_host *h = &call->console->host;
    b_slice text = adm__arg_get(call, "id");
    uint64_t id = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || id > UINT64_MAX / 10 - 1)
            return b_fail(call->err, B_INVALID,
                          "\"%.*s\" is not the id of a client; take one from SHOW CLIENTS", B_ARG(text));
        id = id * 10 + (uint64_t)(text.p[i] - '0');
    }
    if (h->kill == NULL) return not_here(call);
    if (!h->kill(h->ctx, id))
        return b_fail(call->err, B_NOT_FOUND,
                      "no client has the id %" PRIu64 "; SHOW CLIENTS lists those there are", id);
    b_table_message(call->out, 1, "client %" PRIu64 " ended", id);
    return B_OK;
}

/* Interrupt keys of clients send KILL QUERY with the id of their own connection here, which may well be the
 * id of somebody's session. */
b_status adm__kill_query(adm__call *call)
{
    return b_fail(call->err, B_REFUSED,
                  "KILL QUERY does nothing on the admin port (a command that runs here goes on to its end); "
                  "KILL %.*s would end client %.*s",
                  B_ARG(adm__arg_get(call, "id")), B_ARG(adm__arg_get(call, "id")));
}

b_status adm__shutdown(adm__call *call)
{
    const adm_host *h = &call->console->host;
    if (h->shutdown == NULL) return not_here(call);
    h->shutdown(h->ctx);
    b_table_message(call->out, 0, "shutting down");
    return B_OK;
}

b_status adm__help(adm__call *call)
{
    static const char *const names[] = {"form", "role", "columns", "meaning"};
    b_slice prefix = adm__arg_get(call, "command...");
    size_t found = 0;
    for (size_t i = 0; i < 4; i++) b_table_column(call->out, names[i]);
    for (size_t i = 0; i < adm__ncommands; i++) {
        const adm__command *c = &adm__commands[i];
        if (!b_slice_istarts(b_slice_str(c->form), prefix)) continue;
        found++;
        b_table_row(call->out);
        b_table_str(call->out, c->form);
        b_table_str(call->out, c->role == CFG_ROLE_OPERATOR ? "operator" : "read_only");
        b_table_str(call->out, c->columns == NULL ? "" : c->columns);
        b_table_str(call->out, c->meaning);
    }
    if (found > 0) return B_OK;
    return b_fail(call->err, B_NOT_FOUND, "no command begins with \"%.*s\"; HELP alone lists all",
                  B_ARG(prefix));
}
