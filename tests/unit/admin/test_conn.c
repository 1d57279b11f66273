/* The protocol's side of an admin connection, seen by a client: login in all its ways, commands, what clients
 * send by themselves, and what must not take it down. */
#include "admin/console.h"

#include "fake_engine.h"

#include "protocol/auth.h"
#include "protocol/command.h"
#include "protocol/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define CAPS                                                                                                 \
    (MP_CLIENT_PROTOCOL_41 | MP_CLIENT_SECURE_CONNECTION | MP_CLIENT_PLUGIN_AUTH | MP_CLIENT_LONG_PASSWORD | \
     MP_CLIENT_TRANSACTIONS)

typedef struct client {
    mig_engine engine;
    cfg_config config;
    adm_console *console;
    adm_conn *conn;
    b_buf out; /* what the connection wrote, not yet read */
    mp_greeting greeting;
    char nonce[MP_NONCE];
    uint64_t caps;
    uint8_t seq;
} client;

static cfg_admin_user admins[] = {
    {.name = (char[]){"op"}, .password = (char[]){"secret"}, .role = CFG_ROLE_OPERATOR},
    {.name = (char[]){"ro"}, .password = (char[]){"other"}, .role = CFG_ROLE_READ_ONLY}};

static const cfg_config *config_get(void *ctx)
{
    return &((client *)ctx)->config;
}

static void config_done(void *ctx, const cfg_config *c)
{
    (void)ctx, (void)c;
}

/* Takes the next packet; its payload borrows from c->out until the next call. */
static b_slice receive(client *c)
{
    static char copy[1 << 20];
    if (c->out.n < MP_HEADER) fail_msg("no packet was written");
    mp_header h = mp_header_get(c->out.p);
    assert_true(c->out.n >= MP_HEADER + h.len && h.len < sizeof copy);
    assert_int_equal(h.seq, c->seq);
    c->seq++;
    memcpy(copy, c->out.p + MP_HEADER, h.len);
    b_buf_consume(&c->out, MP_HEADER + h.len);
    return b_slice_of(copy, h.len);
}

static b_status send_packet(client *c, b_slice payload)
{
    b_buf b = {0};
    c->seq = mp_packet_put(&b, c->seq, payload);
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < b.n; i++)
        s = adm_conn_input(c->conn, b.p + i, 1, &c->out); /* byte by byte */
    b_buf_deinit(&b);
    return s;
}

static void command(client *c, uint8_t code, const char *text)
{
    b_buf b = {0};
    b_buf_char(&b, (char)code);
    b_buf_str(&b, text);
    c->seq = 0;
    assert_int_equal(send_packet(c, b_buf_view(&b)), B_OK);
    b_buf_deinit(&b);
}

static void query(client *c, const char *sql)
{
    command(c, MP_COM_QUERY, sql);
    if (adm_conn_pending(c->conn)) adm_conn_run(c->conn, &c->out);
    assert_int_equal(adm_conn_input(c->conn, NULL, 0, &c->out), B_OK);
}

static client *connect_to(uint64_t caps)
{
    client *c = calloc(1, sizeof *c);
    c->config = (cfg_config){.admin_users = admins, .nadmin_users = 2};
    adm_host host = {.ctx = c, .config_get = config_get, .config_done = config_done};
    c->console = adm_console_new(&host, &c->engine, NULL);
    c->conn = adm_conn_new(c->console, 7, "127.0.0.1");
    c->caps = caps;
    assert_int_equal(adm_conn_input(c->conn, NULL, 0, &c->out), B_OK);
    assert_int_equal(mp_greeting_parse(receive(c), &c->greeting), B_OK);
    memcpy(c->nonce, c->greeting.nonce, MP_NONCE);
    return c;
}

static void hang_up(client *c)
{
    adm_conn_free(c->conn);
    adm_console_free(c->console);
    b_buf_deinit(&c->out);
    free(c);
}

static b_slice proof(const client *c, const char *plugin, const char *password, unsigned char *into)
{
    if (strcmp(plugin, "caching_sha2_password") == 0) {
        mp_sha2_proof(b_slice_str(password), c->nonce, into);
        return b_slice_of(into, MP_SHA2_PROOF);
    }
    mp_native_proof(b_slice_str(password), c->nonce, into);
    return b_slice_of(into, MP_NATIVE_PROOF);
}

static void log_in(client *c, const char *user, b_slice auth, const char *plugin)
{
    b_buf b = {0};
    mp_login l = {.caps = c->caps,
                  .max_packet = 1 << 24,
                  .charset = 45,
                  .user = b_slice_str(user),
                  .auth = auth,
                  .plugin = b_slice_str(plugin)};
    mp_login_put(&b, &l);
    assert_int_equal(send_packet(c, b_buf_view(&b)), B_OK);
    b_buf_deinit(&b);
}

static client *logged_in(const char *user, const char *password, uint64_t caps)
{
    unsigned char p[MP_SHA2_PROOF];
    client *c = connect_to(caps);
    log_in(c, user, proof(c, "caching_sha2_password", password, p), "caching_sha2_password");
    assert_true(b_slice_eq(receive(c), B_LIT("\x01\x03")));
    assert_int_equal(receive(c).p[0], 0);
    return c;
}

static void expect_error(client *c, unsigned code, const char *says)
{
    mp_error e;
    b_slice p = receive(c);
    if (mp_err_parse(p, c->caps, &e) != B_OK) fail_msg("not an error, but %d", p.p[0]);
    assert_int_equal(e.code, code);
    char text[1024];
    snprintf(text, sizeof text, "%.*s", B_ARG(e.message));
    if (strstr(text, says) == NULL) fail_msg("says \"%s\", not \"%s\"", text, says);
}

/* ---- login ---- */

static void the_greeting(void **state)
{
    (void)state;
    client *c = connect_to(CAPS);
    assert_int_equal(c->greeting.version, 10);
    assert_int_equal(c->greeting.thread_id, 7);
    assert_true((c->greeting.caps & (MP_CLIENT_SSL | MP_CLIENT_COMPRESS | MP_CLIENT_LOCAL_FILES)) == 0);
    assert_true((c->greeting.caps & MP_CLIENT_DEPRECATE_EOF) != 0);
    hang_up(c);
}

static const struct {
    const char *row, *user, *password, *plugin;
    bool right;
} logins[] = {
    {"sha2", "op", "secret", "caching_sha2_password", true},
    {"native", "op", "secret", "mysql_native_password", true},
    {"sha2, wrong password", "op", "Secret", "caching_sha2_password", false},
    {"native, wrong password", "op", "Secret", "mysql_native_password", false},
    {"unknown user", "nobody", "secret", "caching_sha2_password", false},
    {"unknown user, the stand-in", "nobody", "no such user", "caching_sha2_password", false},
    {"another's password", "ro", "secret", "caching_sha2_password", false},
    {"user in other case", "OP", "secret", "caching_sha2_password", false},
};

static void logins_by_plugin(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof logins / sizeof logins[0]; i++) {
        unsigned char p[MP_SHA2_PROOF];
        client *c = connect_to(CAPS);
        log_in(c, logins[i].user, proof(c, logins[i].plugin, logins[i].password, p), logins[i].plugin);
        bool sha2 = strcmp(logins[i].plugin, "caching_sha2_password") == 0;
        if (adm_conn_wants_close(c->conn) == logins[i].right) fail_msg("%s", logins[i].row);
        if (logins[i].right && sha2) assert_true(b_slice_eq(receive(c), B_LIT("\x01\x03")));
        if (logins[i].right)
            assert_int_equal(receive(c).p[0], 0);
        else
            expect_error(c, 1045, "Access denied");
        assert_int_equal(c->out.n, 0);
        hang_up(c);
    }
}

/* An unknown plugin, or no proof at all: the server asks for caching_sha2_password, with a fresh nonce. */
static void logins_by_switch(void **state)
{
    (void)state;
    static const char *const passwords[] = {"secret", "wrong", ""};
    for (size_t i = 0; i < 3; i++) {
        unsigned char p[MP_SHA2_PROOF];
        client *c = connect_to(CAPS);
        log_in(c, "op", i == 1 ? B_LIT("whatever") : B_LIT(""),
               i == 1 ? "client_ed25519" : "caching_sha2_password");
        b_slice plugin, data;
        assert_int_equal(mp_auth_switch_parse(receive(c), &plugin, &data), B_OK);
        assert_true(b_slice_eq(plugin, B_LIT("caching_sha2_password")));
        assert_int_equal(data.n, MP_NONCE);
        assert_memory_not_equal(data.p, c->nonce, MP_NONCE);
        memcpy(c->nonce, data.p, MP_NONCE);
        b_slice answer = i == 2 ? B_LIT("") : proof(c, "caching_sha2_password", passwords[i], p);
        assert_int_equal(send_packet(c, answer), B_OK);
        if (i == 0)
            assert_true(b_slice_eq(receive(c), B_LIT("\x01\x03")));
        else
            expect_error(c, 1045, "Access denied");
        hang_up(c);
    }
}

static void a_client_that_wants_tls_is_told(void **state)
{
    (void)state;
    client *c = connect_to(CAPS | MP_CLIENT_SSL);
    b_buf b = {0};
    mp_login l = {.caps = c->caps, .charset = 45, .ssl_request = true};
    mp_login_put(&b, &l);
    assert_int_equal(send_packet(c, b_buf_view(&b)), B_OK);
    expect_error(c, 1153, "without TLS");
    assert_true(adm_conn_wants_close(c->conn));
    b_buf_deinit(&b);
    hang_up(c);
}

/* ---- commands ---- */

static const uint64_t both[] = {CAPS, CAPS | MP_CLIENT_DEPRECATE_EOF};

/* Reads a result set of one row; the text of its cell in the given column. */
static void expect_row(client *c, size_t columns, size_t at, const char *want)
{
    bool eof = (c->caps & MP_CLIENT_DEPRECATE_EOF) == 0;
    b_slice p = receive(c);
    if (p.n != 1 || (size_t)p.p[0] != columns)
        fail_msg("not a result of %zu columns: %.*s", columns, B_ARG(p));
    for (size_t i = 0; i < columns; i++) (void)receive(c);
    if (eof) assert_int_equal((unsigned char)receive(c).p[0], 0xFE);
    mp_reader r = mp_reader_of(receive(c));
    for (size_t i = 0; i <= at; i++) {
        bool null;
        uint64_t n = mp_read_lenenc(&r, &null);
        b_slice v = null ? B_LIT("NULL") : mp_read_bytes(&r, n);
        if (i == at && !b_slice_eq(v, b_slice_str(want))) fail_msg("is \"%.*s\", not \"%s\"", B_ARG(v), want);
    }
    p = receive(c);
    assert_int_equal((unsigned char)p.p[0], 0xFE);
    if (eof) assert_int_equal(p.n, 5);
    assert_int_equal(c->out.n, 0);
}

static void commands_run(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        client *c = logged_in("op", "secret", both[i]);
        command(c, MP_COM_QUERY, "PLAN MIGRATION m");
        assert_true(adm_conn_pending(c->conn));
        assert_int_equal(c->out.n, 0);
        adm_conn_run(c->conn, &c->out);
        assert_false(adm_conn_pending(c->conn));
        expect_row(c, 1, 0, "m");
        query(c, "PAUSE BACKFILL m");
        assert_int_equal(receive(c).p[0], 0);
        assert_string_equal(c->engine.called, "pause m by op");
        query(c, "NONSENSE");
        expect_error(c, 1064, "HELP lists all");
        hang_up(c);
    }
}

static void the_role_is_the_users(void **state)
{
    (void)state;
    client *c = logged_in("ro", "other", CAPS);
    query(c, "PAUSE BACKFILL m");
    expect_error(c, 1227, "role operator");
    assert_string_equal(c->engine.called, "");
    hang_up(c);
}

/* What comes while a command runs waits for it, in order. */
static void commands_queue(void **state)
{
    (void)state;
    client *c = logged_in("op", "secret", CAPS);
    command(c, MP_COM_QUERY, "PAUSE BACKFILL one");
    command(c, MP_COM_QUERY, "RESUME BACKFILL two");
    command(c, MP_COM_PING, "");
    assert_string_equal(c->engine.called, "");
    assert_int_equal(c->out.n, 0);
    adm_conn_run(c->conn, &c->out);
    assert_string_equal(c->engine.called, "pause one by op");
    assert_int_equal(adm_conn_input(c->conn, NULL, 0, &c->out), B_OK);
    assert_true(adm_conn_pending(c->conn));
    adm_conn_run(c->conn, &c->out);
    assert_string_equal(c->engine.called, "resume two by op");
    assert_int_equal(adm_conn_input(c->conn, NULL, 0, &c->out), B_OK);
    for (int i = 0; i < 3; i++) {
        c->seq = 1;
        assert_int_equal(receive(c).p[0], 0);
    }
    assert_int_equal(c->out.n, 0);
    hang_up(c);
}

static const struct {
    const char *sql;
    size_t columns, at;
    const char *want; /* NULL: an OK */
} chatter[] = {
    {"select @@version_comment limit 1", 1, 0, "Straddle admin console; HELP lists the commands"},
    {"/* mysql-connector-java-8.0.30 (Revision: 1de2fe8) */SELECT  @@session.auto_increment_increment AS "
     "auto_increment_increment, @@character_set_client AS character_set_client, @@max_allowed_packet AS x",
     3, 2, "1048576"},
    {"SELECT @@max_allowed_packet, 'a,b' AS t, 17, NULL", 4, 1, "a,b"},
    {"SELECT DATABASE()", 1, 0, "NULL"},
    {"SELECT CONNECTION_ID()", 1, 0, "7"},
    {"select USER()", 1, 0, "op@127.0.0.1"},
    {"SELECT VERSION()", 1, 0, "8.0.36-straddle-" STRADDLE_VERSION},
    {"SELECT 1", 1, 0, "1"},
    {"SELECT 1 FROM DUAL", 1, 0, "1"},
    {"SHOW VARIABLES LIKE 'lower_case_%'", 2, 1, "0"},
    {"SHOW SESSION VARIABLES LIKE 'max\\_allowed\\_packet'", 2, 1, "1048576"},
    {"show databases", 1, 0, "straddle"},
    {"SET NAMES utf8mb4", 0, 0, NULL},
    {"SET autocommit=1", 0, 0, NULL},
    {"SET SESSION TRANSACTION READ ONLY", 0, 0, NULL},
    {"START TRANSACTION", 0, 0, NULL},
    {"ROLLBACK", 0, 0, NULL},
    {"COMMIT;", 0, 0, NULL},
    {"/* ping */", 0, 0, NULL},
};

static void clients_chatter(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        client *c = logged_in("op", "secret", both[k]);
        for (size_t i = 0; i < sizeof chatter / sizeof chatter[0]; i++) {
            command(c, MP_COM_QUERY, chatter[i].sql);
            if (adm_conn_pending(c->conn)) fail_msg("%s was taken for a command", chatter[i].sql);
            if (chatter[i].want != NULL)
                expect_row(c, chatter[i].columns, chatter[i].at, chatter[i].want);
            else if (receive(c).p[0] != 0)
                fail_msg("%s: not OK", chatter[i].sql);
        }
        command(c, MP_COM_QUERY, "SELECT @@no_such_thing");
        expect_error(c, 1193, "no_such_thing");
        query(c, "SELECT * FROM t");
        expect_error(c, 1064, "HELP");
        query(c, "select $$");
        expect_error(c, 1064, "HELP");
        hang_up(c);
    }
}

static void the_schema_is_remembered(void **state)
{
    (void)state;
    client *c = logged_in("op", "secret", CAPS);
    command(c, MP_COM_INIT_DB, "shop");
    assert_int_equal(receive(c).p[0], 0);
    command(c, MP_COM_QUERY, "SELECT DATABASE()");
    expect_row(c, 1, 0, "shop");
    command(c, MP_COM_QUERY, "USE `ware house`");
    assert_int_equal(receive(c).p[0], 0);
    command(c, MP_COM_QUERY, "SELECT DATABASE()");
    expect_row(c, 1, 0, "ware house");
    hang_up(c);
}

static void other_commands(void **state)
{
    (void)state;
    client *c = logged_in("op", "secret", CAPS);
    command(c, MP_COM_PING, "");
    assert_int_equal(receive(c).p[0], 0);
    command(c, MP_COM_STATISTICS, "");
    assert_int_equal(receive(c).p[0], 'S');
    command(c, MP_COM_FIELD_LIST, "t");
    assert_int_equal((unsigned char)receive(c).p[0], 0xFE);
    command(c, MP_COM_SET_OPTION, "");
    assert_int_equal((unsigned char)receive(c).p[0], 0xFE);
    command(c, MP_COM_STMT_PREPARE, "SHOW MIGRATIONS");
    expect_error(c, 1295, "prepared");
    command(c, MP_COM_STMT_CLOSE, "xxxx");
    assert_int_equal(c->out.n, 0);
    command(c, MP_COM_BINLOG_DUMP, "");
    expect_error(c, 1047, "COM_BINLOG_DUMP");
    command(c, MP_COM_QUIT, "");
    assert_true(adm_conn_wants_close(c->conn));
    hang_up(c);
}

/* ---- hostile input ---- */

static void a_packet_over_the_limit(void **state)
{
    (void)state;
    client *c = logged_in("op", "secret", CAPS);
    c->seq = 1;
    assert_int_equal(adm_conn_input(c->conn, "\xff\xff\xff\x00", 4, &c->out), B_OK);
    expect_error(c, 1153, "larger than 1 MiB");
    assert_true(adm_conn_wants_close(c->conn));
    hang_up(c);
}

static void a_flood_while_a_command_runs(void **state)
{
    (void)state;
    client *c = logged_in("op", "secret", CAPS);
    static char zeros[65536];
    command(c, MP_COM_QUERY, "PAUSE BACKFILL m");
    b_status s = B_OK;
    int i = 0;
    for (; s == B_OK && i < 100; i++) s = adm_conn_input(c->conn, zeros, sizeof zeros, &c->out);
    assert_int_equal(s, B_TOO_BIG);
    assert_true(i < 20);
    hang_up(c);
}

static void rubbish_instead_of_a_login(void **state)
{
    (void)state;
    static const char *const rubbish[] = {"", "x", "GET / HTTP/1.1", "\x00\x02\x00\x00",
                                          "\x85\xa6\xff\x01\x00\x00\x00\x01\x2d"};
    for (size_t i = 0; i < sizeof rubbish / sizeof rubbish[0]; i++) {
        client *c = connect_to(CAPS);
        (void)send_packet(c, b_slice_str(rubbish[i]));
        assert_true(adm_conn_wants_close(c->conn));
        hang_up(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_greeting),
        cmocka_unit_test(logins_by_plugin),
        cmocka_unit_test(logins_by_switch),
        cmocka_unit_test(a_client_that_wants_tls_is_told),
        cmocka_unit_test(commands_run),
        cmocka_unit_test(the_role_is_the_users),
        cmocka_unit_test(commands_queue),
        cmocka_unit_test(clients_chatter),
        cmocka_unit_test(the_schema_is_remembered),
        cmocka_unit_test(other_commands),
        cmocka_unit_test(a_packet_over_the_limit),
        cmocka_unit_test(a_flood_while_a_command_runs),
        cmocka_unit_test(rubbish_instead_of_a_login),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
