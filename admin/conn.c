/* One admin connection: the protocol's side of the console. See admin/console.h.
 *
 *   START ─input→ LOGIN ─┬─ wrong plugin → SWITCHED ─┬→ IDLE ⇄ RUNNING
 *                        └───────────────────────────┴→ CLOSED (refused, quit, or not the protocol)
 *
 * `running` is the only thing that adm_conn_run, on a worker's thread, shares with adm_conn_input: input sets
 * it after the statement is in place, run clears it when its answer is complete. */
#include "commands.h"

#include "admin_errno.h"
#include "chatter.h"

#include "protocol/auth.h"
#include "protocol/command.h"
#include "protocol/handshake.h"
#include "protocol/result.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_PACKET = 1 << 20, MAX_QUEUED = MAX_PACKET + 65536, CHARSET = 45 /* utf8mb4_general_ci */ };

static const char sha2_plugin[] = "caching_sha2_password";
static const char native_plugin[] = "mysql_native_password";

#define OUR_CAPS                                                                                             \
    (MP_CLIENT_LONG_PASSWORD | MP_CLIENT_FOUND_ROWS | MP_CLIENT_LONG_FLAG | MP_CLIENT_CONNECT_WITH_DB |      \
     MP_CLIENT_ODBC | MP_CLIENT_IGNORE_SPACE | MP_CLIENT_PROTOCOL_41 | MP_CLIENT_INTERACTIVE |               \
     MP_CLIENT_TRANSACTIONS | MP_CLIENT_SECURE_CONNECTION | MP_CLIENT_MULTI_RESULTS |                        \
     MP_CLIENT_PS_MULTI_RESULTS | MP_CLIENT_PLUGIN_AUTH | MP_CLIENT_CONNECT_ATTRS |                          \
     MP_CLIENT_PLUGIN_AUTH_LENENC | MP_CLIENT_DEPRECATE_EOF)

typedef enum state { START, LOGIN, SWITCHED, IDLE, CLOSED } state;

struct adm_conn {
    adm_console *console;
    uint32_t id;
    char *peer, *user, *schema;
    state state;
    cfg_role role;
    uint64_t caps;
    bool tls_offered, tls_required, wants_tls, has_tls;
    char nonce[MP_NONCE];
    b_buf in;  /* bytes that came and are not used yet */
    b_buf sql; /* the command that runs */
    uint8_t seq;
    atomic_bool running;
};

adm_conn *adm_conn_new(adm_console *console, uint32_t id, const char *peer)
{
    adm_conn *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    c->console = console;
    c->id = id;
    c->peer = strdup(peer);
    atomic_init(&c->running, false);
    if (c->peer != NULL && mp_nonce(c->nonce) == B_OK) return c;
    adm_conn_free(c);
    return NULL;
}

void adm_conn_free(adm_conn *c)
{
    if (c == NULL) return;
    b_buf_deinit(&c->in);
    b_buf_deinit(&c->sql);
    free(c->peer), free(c->user), free(c->schema);
    free(c);
}

bool adm_conn_pending(const adm_conn *c)
{
    return atomic_load_explicit(&c->running, memory_order_acquire);
}

bool adm_conn_wants_close(const adm_conn *c)
{
    return c->state == CLOSED;
}

void adm_conn_offer_tls(adm_conn *c, bool offered, bool required)
{
    c->tls_offered = offered;
    c->tls_required = required;
}

bool adm_conn_logged_in(const adm_conn *c)
{
    return c->state == IDLE;
}

bool adm_conn_wants_tls(const adm_conn *c)
{
    return c->wants_tls;
}

void adm_conn_begin_tls(adm_conn *c, b_buf *rest)
{
    b_buf_slice(rest, b_buf_view(&c->in));
    b_buf_clear(&c->in);
    c->wants_tls = false;
    c->has_tls = true;
}

/* ---- answers ---- */

static void put_ok(adm_conn *c, b_buf *out, const char *info)
{
    mp_ok ok = {.status = MP_STATUS_AUTOCOMMIT, .info = b_slice_str(info)};
    size_t at = mp_packet_begin(out);
    mp_ok_put(out, 0x00, &ok, c->caps);
    c->seq = mp_packet_end(out, at, c->seq);
}

/* The end of an empty list of columns. */
static void put_eof(adm_conn *c, b_buf *out)
{
    mp_ok ok = {.status = MP_STATUS_AUTOCOMMIT};
    size_t at = mp_packet_begin(out);
    if ((c->caps & MP_CLIENT_DEPRECATE_EOF) != 0) {
        mp_ok_put(out, 0xFE, &ok, c->caps);
    } else {
        mp_put_int(out, 0xFE, 1);
        mp_put_int(out, 0, 2);
        mp_put_int(out, ok.status, 2);
    }
    c->seq = mp_packet_end(out, at, c->seq);
}

static void put_err(adm_conn *c, b_buf *out, unsigned code, const char *msg)
{
    c->seq = mp_err_packet(out, c->seq, (uint16_t)code, adm__sqlstate(code), "%s", msg);
}

static b_status close_with(adm_conn *c, b_buf *out, unsigned code, const char *msg)
{
    put_err(c, out, code, msg);
    c->state = CLOSED;
    return B_OK;
}

/* ---- login ---- */

static void put_greeting(adm_conn *c, b_buf *out)
{
    mp_greeting g = {.version = 10,
                     .server_version = B_LIT(ADM__SERVER_VERSION),
                     .thread_id = c->id,
                     .caps = OUR_CAPS | (c->tls_offered ? MP_CLIENT_SSL : 0),
                     .charset = CHARSET,
                     .status = MP_STATUS_AUTOCOMMIT,
                     .plugin = b_slice_of(sha2_plugin, sizeof sha2_plugin - 1)};
    memcpy(g.nonce, c->nonce, sizeof g.nonce);
    size_t at = mp_packet_begin(out);
    mp_greeting_put(out, &g);
    c->seq = mp_packet_end(out, at, 0);
    c->state = LOGIN;
}

static void put_switch(adm_conn *c, b_buf *out)
{
    if (mp_nonce(c->nonce) != B_OK) {
        (void)close_with(c, out, ADM__OTHER, "the system gives no random bytes; try again later");
        return;
    }
    size_t at = mp_packet_begin(out);
    mp_auth_switch_put(out, b_slice_of(sha2_plugin, sizeof sha2_plugin - 1), b_slice_of(c->nonce, MP_NONCE));
    c->seq = mp_packet_end(out, at, c->seq);
    c->state = SWITCHED;
}

/* Looks the user up and checks the proof. An unknown user costs the same work as a known one. */
static bool proof_right(adm_conn *c, b_slice plugin, b_slice proof)
{
    const adm_host *h = &c->console->host;
    const cfg_config *config = h->config_get == NULL ? NULL : h->config_get(h->ctx);
    const cfg_admin_user *found = NULL;
    if (config == NULL) return false;
    for (size_t i = 0; i < config->nadmin_users; i++)
        if (strcmp(config->admin_users[i].name, c->user) == 0) found = &config->admin_users[i];
    bool usable = found != NULL && found->password != NULL && found->password[0] != '\0';
    b_slice password = usable ? b_slice_str(found->password) : B_LIT("no such user");
    bool right = mp_proof_check(plugin, password, c->nonce, proof) && usable;
    if (right) c->role = found->role;
    h->config_done(h->ctx, config);
    return right;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static b_status too_often(adm_conn *c, unsigned seconds, b_buf *out)
{
    char msg[200];
    b_logf(c->console->log, B_WARN, "admin", "user=%s from=%s login not looked at: too many have failed",
           c->user, c->peer);
    snprintf(msg, sizeof msg,
             "too many logins from '%.64s' have failed; wait %u s, whatever the password, and try again",
             c->peer, seconds);
    return close_with(c, out, ADM__LOGIN, msg);
}

static b_status check_proof(adm_conn *c, b_slice plugin, b_slice proof, b_buf *out)
{
    unsigned wait = adm__attempts_wait(c->console->attempts, c->user, c->peer, now_ms());
    if (wait > 0) return too_often(c, wait, out);
    if (!proof_right(c, plugin, proof)) {
        adm__attempts_failed(c->console->attempts, c->user, c->peer, now_ms());
        b_logf(c->console->log, B_WARN, "admin", "user=%s from=%s login refused", c->user, c->peer);
        char msg[256];
        snprintf(msg, sizeof msg,
                 "Access denied for user '%.64s'@'%.64s' (using password: %s); see admin.users in the "
                 "configuration",
                 c->user, c->peer, proof.n > 0 ? "YES" : "NO");
        return close_with(c, out, ADM__LOGIN, msg);
    }
    if (b_slice_eq(plugin, b_slice_of(sha2_plugin, sizeof sha2_plugin - 1)))
        c->seq = mp_packet_put(out, c->seq, B_LIT("\x01\x03")); /* fast authentication succeeded */
    put_ok(c, out, "");
    c->state = IDLE;
    return B_OK;
}

static bool keep(char **at, b_slice s)
{
    char *copy = s.p == NULL ? strdup("") : strndup(s.p, s.n);
    if (copy == NULL) return false;
    free(*at);
    *at = copy;
    return true;
}

static b_status begin_login(adm_conn *c, const mp_login *l, b_buf *out)
{
    if (!keep(&c->user, l->user) || (l->schema.n > 0 && !keep(&c->schema, l->schema))) return B_NOMEM;
    b_slice native = b_slice_of(native_plugin, sizeof native_plugin - 1);
    b_slice plugin = (c->caps & MP_CLIENT_PLUGIN_AUTH) != 0 && l->plugin.n > 0 ? l->plugin : native;
    bool known =
        b_slice_eq(plugin, native) || b_slice_eq(plugin, b_slice_of(sha2_plugin, sizeof sha2_plugin - 1));
    if ((!known || l->auth.n == 0) && (c->caps & MP_CLIENT_PLUGIN_AUTH) != 0) {
        put_switch(c, out);
        return B_OK;
    }
    return check_proof(c, plugin, l->auth, out);
}

static b_status on_login(adm_conn *c, b_slice payload, b_buf *out)
{
    mp_login l;
    if (c->tls_offered && !c->has_tls && mp_is_ssl_request(payload)) {
        c->wants_tls = true;
        return B_OK;
    }
    if (c->tls_required && !c->has_tls) /* it is not read any further */
        return close_with(c, out, ADM__PACKET,
                          "the admin port takes no login without TLS (admin.tls: required); connect with "
                          "ssl-mode=REQUIRED");
    if (mp_login_parse(payload, &l) != B_OK || (l.caps & MP_CLIENT_PROTOCOL_41) == 0 || l.ssl_request)
        return close_with(c, out, ADM__PACKET,
                          "the login packet is not one that the admin port takes; connect "
                          "with a client of protocol 4.1 or newer, and without TLS where admin.tls is off");
    c->caps = l.caps & OUR_CAPS;
    return begin_login(c, &l, out);
}

static b_status on_switched(adm_conn *c, b_slice payload, b_buf *out)
{
    return check_proof(c, b_slice_of(sha2_plugin, sizeof sha2_plugin - 1), payload, out);
}

/* ---- commands ---- */

static void chat(adm_conn *c, b_slice sql, b_buf *out, bool *mine)
{
    b_arena *arena = b_arena_new(4u << 20);
    adm__answer a = {.out = b_table_new()};
    adm__self self = {c->id, c->user, c->peer, c->schema};
    *mine = arena != NULL && a.out != NULL && adm__chatter(sql, &self, arena, &a);
    if (*mine && a.sql_errno != 0) {
        put_err(c, out, a.sql_errno, a.err.msg);
    } else if (*mine) {
        if (a.schema.n > 0) (void)keep(&c->schema, a.schema);
        c->seq = mp_result_put(out, c->seq, a.out, c->caps, MP_STATUS_AUTOCOMMIT);
    }
    b_table_free(a.out);
    b_arena_free(arena);
}

static void on_query(adm_conn *c, b_slice sql, b_buf *out)
{
    bool mine;
    chat(c, sql, out, &mine);
    if (mine) return;
    b_buf_clear(&c->sql);
    b_buf_slice(&c->sql, sql);
    if (c->sql.failed)
        put_err(c, out, ADM__OTHER, "out of memory; free some and try again");
    else
        atomic_store_explicit(&c->running, true, memory_order_release);
}

static void on_init_db(adm_conn *c, b_slice name, b_buf *out)
{
    (void)keep(&c->schema, name);
    put_ok(c, out, "");
}

static void on_ok(adm_conn *c, b_slice rest, b_buf *out)
{
    (void)rest;
    put_ok(c, out, "");
}

static void on_set_option(adm_conn *c, b_slice rest, b_buf *out)
{
    (void)rest;
    put_eof(c, out);
}

static void on_field_list(adm_conn *c, b_slice rest, b_buf *out)
{
    (void)rest;
    put_eof(c, out);
}

static void on_statistics(adm_conn *c, b_slice rest, b_buf *out)
{
    (void)rest;
    c->seq = mp_packet_put(out, c->seq,
                           B_LIT("Straddle " STRADDLE_VERSION " admin console; SHOW STATS has the counters"));
}

static void on_prepare(adm_conn *c, b_slice rest, b_buf *out)
{
    (void)rest;
    put_err(c, out, ADM__PREPARED,
            "The admin port has no prepared statements; send the command as text (for JDBC "
            "useServerPrepStmts=false, for Go interpolateParams=true)");
}

static void on_change_user(adm_conn *c, b_slice rest, b_buf *out)
{
    mp_login l;
    b_slice payload = b_slice_of(rest.p - 1, rest.n + 1); /* with its command byte */
    if (mp_change_user_parse(payload, c->caps, &l) != B_OK || !keep(&c->user, l.user))
        (void)close_with(c, out, ADM__PACKET, "the change of user cannot be read; connect anew");
    else
        put_switch(c, out);
}

static void on_quit(adm_conn *c, b_slice rest, b_buf *out)
{
    (void)rest, (void)out;
    c->state = CLOSED;
}

static void on_nothing(adm_conn *c, b_slice rest, b_buf *out) /* commands that are never answered */
{
    (void)c, (void)rest, (void)out;
}

typedef struct dispatch {
    uint8_t command;
    void (*run)(adm_conn *c, b_slice rest, b_buf *out);
} dispatch;

static const dispatch commands[] = {
    {MP_COM_QUERY, on_query},
    {MP_COM_PING, on_ok},
    {MP_COM_QUIT, on_quit},
    {MP_COM_INIT_DB, on_init_db},
    {MP_COM_RESET_CONNECTION, on_ok},
    {MP_COM_SET_OPTION, on_set_option},
    {MP_COM_STATISTICS, on_statistics},
    {MP_COM_FIELD_LIST, on_field_list},
    {MP_COM_STMT_PREPARE, on_prepare},
    {MP_COM_STMT_CLOSE, on_nothing},
    {MP_COM_STMT_SEND_LONG_DATA, on_nothing},
    {MP_COM_CHANGE_USER, on_change_user},
};

static void on_command(adm_conn *c, b_slice payload, b_buf *out)
{
    uint8_t command = payload.n == 0 ? 0 : (uint8_t)payload.p[0];
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (payload.n > 0 && commands[i].command == command) {
            commands[i].run(c, b_slice_of(payload.p + 1, payload.n - 1), out);
            return;
        }
    char msg[128];
    snprintf(msg, sizeof msg,
             "%s is nothing that the admin port does; send commands as text, HELP lists them",
             mp_command_name(command));
    put_err(c, out, ADM__UNKNOWN_COMMAND, msg);
}

/* ---- bytes ---- */

static b_status on_packet(adm_conn *c, mp_header h, b_slice payload, b_buf *out)
{
    c->seq = (uint8_t)(h.seq + 1);
    switch (c->state) {
    case LOGIN: return on_login(c, payload, out);
    case SWITCHED: return on_switched(c, payload, out);
    case IDLE: on_command(c, payload, out); return B_OK;
    case START:
    case CLOSED: break;
    }
    return B_STATE;
}

b_status adm_conn_input(adm_conn *c, const void *p, size_t n, b_buf *out)
{
    if (c->state == START) put_greeting(c, out);
    if (c->state == CLOSED) return B_OK;
    if (n > 0) b_buf_add(&c->in, p, n);
    b_status s = B_OK;
    size_t used = 0;
    while (s == B_OK && c->state != CLOSED && !c->wants_tls && !adm_conn_pending(c) &&
           c->in.n - used >= MP_HEADER) {
        mp_header h = mp_header_get(c->in.p + used);
        if (h.len > MAX_PACKET) {
            c->seq = (uint8_t)(h.seq + 1);
            s = close_with(c, out, ADM__PACKET,
                           "the packet is larger than 1 MiB, the most that the admin port takes");
            break;
        }
        if (c->in.n - used - MP_HEADER < h.len) break;
        b_slice payload = b_slice_of(c->in.p + used + MP_HEADER, h.len);
        used += MP_HEADER + h.len;
        s = on_packet(c, h, payload, out);
    }
    b_buf_consume(&c->in, used);
    if (c->in.failed || out->failed) return B_NOMEM;
    return c->in.n > MAX_QUEUED ? B_TOO_BIG : s;
}

void adm_conn_run(adm_conn *c, b_buf *out)
{
    if (!adm_conn_pending(c)) return;
    b_err err = {0};
    unsigned code = ADM__OTHER;
    b_table *t = b_table_new();
    adm_caller who = {c->user, c->peer, c->role};
    b_status s = t == NULL ? b_fail(&err, B_NOMEM, "out of memory; free some and try again")
                           : adm_execute(c->console, &who, b_buf_view(&c->sql), t, &code, &err);
    if (s == B_OK)
        c->seq = mp_result_put(out, c->seq, t, c->caps, MP_STATUS_AUTOCOMMIT);
    else
        put_err(c, out, code, err.msg);
    b_table_free(t);
    atomic_store_explicit(&c->running, false, memory_order_release);
}
