/* Packets, byte for byte: what a client that speaks by hand is answered through straddle is what the server
 * itself answers it, under every capability that changes the form of packets; on a table that does not
 * migrate and, names put right, on one that does. */
#include "shop.h"

#include "protocol/command.h"
#include "protocol/proto.h"
#include "raw.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static const ts_server *server;
static shop front;

#define OPT MP_CLIENT_OPTIONAL_RESULTSET_METADATA
#define DEP MP_CLIENT_DEPRECATE_EOF
#define ATTR MP_CLIENT_QUERY_ATTRIBUTES
#define PACKED (MP_CLIENT_COMPRESS | MP_CLIENT_ZSTD_COMPRESSION)
#define OWN (MP_MARIADB_BULK | MP_MARIADB_EXTENDED_METADATA | MP_MARIADB_CACHE_METADATA)

static const struct {
    const char *name;
    bool mariadb;
    uint64_t caps;
} forms[] = {
    {"plain", false, 0},
    {"plain", true, 0},
    {"DEPRECATE_EOF", false, DEP},
    {"DEPRECATE_EOF", true, DEP},
    {"optional metadata", false, OPT},
    {"optional metadata, DEPRECATE_EOF", false, OPT | DEP},
    {"query attributes", false, ATTR | DEP},
    {"all of MySQL's", false, OPT | DEP | ATTR | MP_CLIENT_SESSION_TRACK},
    {"MariaDB's own", true, OWN},
    {"MariaDB's own, DEPRECATE_EOF", true, OWN | DEP},
    {"extended metadata alone", true, MP_MARIADB_EXTENDED_METADATA},
    {"zlib", false, MP_CLIENT_COMPRESS},
    {"zlib", true, MP_CLIENT_COMPRESS | DEP | OWN},
    {"zstd", false, MP_CLIENT_ZSTD_COMPRESSION | DEP | ATTR},
    {"zstd", true, MP_CLIENT_ZSTD_COMPRESSION},
    {"both kinds of compression", false, PACKED},
    {"cached metadata alone", true, MP_MARIADB_CACHE_METADATA | DEP},
};

/* --- a conversation --- */

typedef struct talk {
    ts_raw *r;
    b_buf out;
    const char *form;
} talk;

static void must(talk *t, bool ok, const char *what)
{
    if (!ok) fail_msg("%s: %s: the answer ended early; so far:\n%.2000s", t->form, what, b_buf_cstr(&t->out));
}

static void query(talk *t, const char *sql)
{
    b_buf_printf(&t->out, "-- %s\n", sql);
    must(t, ts_raw_query(t->r, NULL, NULL, sql, &t->out), sql);
}

static bool has(const talk *t, uint64_t caps)
{
    return (ts_raw_caps(t->r) & caps) == caps;
}

/* EXECUTE with two parameters, an INT and a string; flags: 1 = cursor. An attribute where there may be one.
 */
static void execute(talk *t, unsigned flags, bool types, uint32_t number, const char *text)
{
    b_buf b = {0};
    bool named = has(t, ATTR);
    b_buf_printf(&t->out, "-- execute\n");
    mp_put_int(&b, MP_COM_STMT_EXECUTE, 1);
    mp_put_int(&b, ts_raw_statement(t->r), 4);
    mp_put_int(&b, flags | (named ? 8 : 0), 1);
    mp_put_int(&b, 1, 4);
    if (named) mp_put_lenenc(&b, 3);
    mp_put_int(&b, text == NULL ? 2 : 0, 1);
    mp_put_int(&b, types || named ? 1 : 0, 1);
    if (types || named) {
        b_buf_add(&b, "\3\0\0", named ? 3 : 2);
        b_buf_add(&b, "\xfd\0\0", named ? 3 : 2);
        if (named) b_buf_add(&b, "\xf\0\1k", 4);
    }
    mp_put_int(&b, number, 4);
    if (text != NULL) mp_put_lenenc_str(&b, b_slice_str(text));
    if (named) mp_put_lenenc_str(&b, B_LIT("kept"));
    must(t, ts_raw_command(t->r, b_buf_view(&b), &t->out), "EXECUTE");
    b_buf_deinit(&b);
}

static void statement_command(talk *t, uint8_t command, uint32_t more, unsigned bytes)
{
    b_buf b = {0};
    b_buf_printf(&t->out, "-- %s\n", mp_command_name(command));
    mp_put_int(&b, command, 1);
    mp_put_int(&b, ts_raw_statement(t->r), 4);
    mp_put_int(&b, more, bytes);
    must(t, ts_raw_command(t->r, b_buf_view(&b), &t->out), mp_command_name(command));
    b_buf_deinit(&b);
}

static void prepare(talk *t, const char *sql)
{
    b_buf_printf(&t->out, "-- prepare %s\n", sql);
    must(t, ts_raw_prepare(t->r, sql, &t->out), sql);
}

/* Rows of (string, INT): a value each, then NULL and a value. */
static void bulk(talk *t, const char *indicators)
{
    b_buf b = {0};
    b_buf_printf(&t->out, "-- bulk\n");
    mp_put_int(&b, MP_COM_STMT_BULK_EXECUTE, 1);
    mp_put_int(&b, ts_raw_statement(t->r), 4);
    mp_put_int(&b, 128, 2);
    b_buf_add(&b, "\xfd\0\3\0", 4);
    for (const char *p = indicators; *p != '\0'; p++) {
        mp_put_int(&b, (unsigned)(*p - '0'), 1);
        if (*p == '0') mp_put_lenenc_str(&b, B_LIT("bulk"));
        mp_put_int(&b, 0, 1);
        mp_put_int(&b, (unsigned)(p - indicators) + 1, 4);
    }
    must(t, ts_raw_command(t->r, b_buf_view(&b), &t->out), "bulk EXECUTE");
    b_buf_deinit(&b);
}

static void other_commands(talk *t)
{
    must(t, ts_raw_command(t->r, B_LIT("\x1b\1\0"), &t->out), "SET_OPTION off");
    query(t, "SELECT 1; SELECT 2");
    must(t, ts_raw_command(t->r, B_LIT("\x1b\0\0"), &t->out), "SET_OPTION on");
    query(t, "SELECT 1; SELECT 2");
    must(t, ts_raw_command(t->r, B_LIT("\x0e"), &t->out), "PING");
    must(t, ts_raw_command(t->r, B_LIT("\x02mysql"), &t->out), "INIT_DB");
    must(t, ts_raw_command(t->r, B_LIT("\x1f"), &t->out), "RESET_CONNECTION");
    query(t, "SELECT DATABASE(), @@sql_mode, @@character_set_client");
}

static void talk_on_accounts(talk *t)
{
    query(t, "SELECT id, name FROM accounts ORDER BY id");
    query(t, "SELECT 1 AS a FROM accounts WHERE id = 0; DO 1; SELECT 'x'");
    query(t, "SELECT nosuch FROM accounts");
    query(t, "SELECT ST_GeomFromText('MULTIPOINT(1 1)') AS g, JSON_OBJECT('a', 1) AS j");
    for (int round = 0; round < 2; round++) {
        prepare(t, "SELECT id, name, ? AS n FROM accounts WHERE name <> ? ORDER BY id");
        execute(t, 0, true, 7, "bob");
        execute(t, 0, false, 8, "bob");
        execute(t, 1, true, 9, "bob");
        statement_command(t, MP_COM_STMT_FETCH, 1, 4);
        statement_command(t, MP_COM_STMT_FETCH, 5, 4);
        statement_command(t, MP_COM_STMT_RESET, 0, 0);
        execute(t, 0, true, 7, NULL);
        statement_command(t, MP_COM_STMT_CLOSE, 0, 0);
        if (round == 0 && has(t, OPT)) query(t, "SET resultset_metadata = NONE");
        if (round == 0 && has(t, OPT)) query(t, "SELECT id, name FROM accounts; SELECT 5");
    }
    if (has(t, MP_MARIADB_BULK)) {
        prepare(t,
                "INSERT INTO archive (note, n, id, account_id, kind, amount) VALUES (?, ?, 0, 1, 'k', 1) ON "
                "DUPLICATE KEY UPDATE n = VALUES(n), note = VALUES(note)");
        bulk(t, "0110");
        query(t, "SELECT note, n FROM archive");
        query(t, "DELETE FROM archive");
    }
    other_commands(t);
}

static void compare(const char *form, talk *want, talk *got)
{
    char *a = want->out.p, *b = got->out.p;
    size_t line = 0;
    for (size_t i = 0; a[i] == b[i] && a[i] != '\0'; i++)
        if (a[i] == '\n' && a[i + 1] == '-') line = i + 1;
    if (strcmp(a, b) != 0)
        fail_msg("%s: %s\n--- the server:\n%.1500s\n--- through straddle:\n%.1500s", form, server->name,
                 a + line, b + line);
}

static void long_data(talk *t, unsigned param, const char *text)
{
    b_buf b = {0};
    mp_put_int(&b, MP_COM_STMT_SEND_LONG_DATA, 1);
    mp_put_int(&b, ts_raw_statement(t->r), 4);
    mp_put_int(&b, param, 2);
    b_buf_str(&b, text);
    must(t, ts_raw_command(t->r, b_buf_view(&b), &t->out), "SEND_LONG_DATA");
    b_buf_deinit(&b);
}

/* Without the value of its second parameter, which came as long data. */
static void execute_long(talk *t, uint32_t number)
{
    b_buf b = {0};
    bool named = has(t, ATTR);
    mp_put_int(&b, MP_COM_STMT_EXECUTE, 1);
    mp_put_int(&b, ts_raw_statement(t->r), 4);
    mp_put_int(&b, named ? 8 : 0, 1);
    mp_put_int(&b, 1, 4);
    if (named) mp_put_lenenc(&b, 2);
    b_buf_add(&b, "\0\1", 2);
    b_buf_add(&b, "\3\0\0", named ? 3 : 2);
    b_buf_add(&b, "\xfc\0\0", named ? 3 : 2);
    mp_put_int(&b, number, 4);
    must(t, ts_raw_command(t->r, b_buf_view(&b), &t->out), "EXECUTE with long data");
    b_buf_deinit(&b);
}

static void bulk_on_transactions(talk *t)
{
    prepare(t,
            "INSERT INTO transactions (payment_method, n, id, account_id) VALUES (?, ?, 50, 1) ON DUPLICATE "
            "KEY UPDATE payment_method = VALUES(payment_method), n = VALUES(n)");
    bulk(t, "000");
    prepare(t, "UPDATE transactions SET payment_method = ? WHERE id > ?");
    bulk(t, "00");
    prepare(
        t, "UPDATE transactions t JOIN accounts a ON a.id = t.account_id SET t.payment_method = ? WHERE a.id "
           "= ?");
    size_t before = t->out.n;
    bulk(t, "000");
    t->out.n = before; /* its status tells of the plan: whether an index was used */
    query(t, "SELECT id, payment_method, n FROM transactions ORDER BY id");
}

static void talk_on_transactions(talk *t)
{
    query(t, "SELECT id, payment_method FROM transactions WHERE payment_method = 'card' ORDER BY id");
    query(t, "UPDATE transactions SET payment_method = 'x' WHERE id = 1; SELECT payment_method FROM "
             "transactions WHERE id = 1");
    query(t, "UPDATE transactions SET payment_method = REPEAT('x', 100) WHERE id = 1");
    query(t, "SELECT nosuch, payment_method FROM transactions");
    if (has(t, ATTR))
        must(t,
             ts_raw_query(
                 t->r, "k", "a value",
                 "SELECT payment_method, mysql_query_attribute_string('k') FROM transactions WHERE id "
                 "= 2",
                 &t->out),
             "attribute");
    for (int round = 0; round < 2; round++) {
        prepare(t, "SELECT payment_method, ? AS n FROM transactions WHERE payment_method <> ? ORDER BY id");
        execute(t, 0, true, 7, "card");
        execute(t, 0, false, 8, "card");
        execute(t, 1, true, 9, "wire");
        statement_command(t, MP_COM_STMT_FETCH, 2, 4);
        statement_command(t, MP_COM_STMT_FETCH, 50, 4);
        prepare(t,
                "UPDATE transactions t JOIN accounts a ON a.id = t.account_id SET t.n = ?, t.payment_method "
                "= ? WHERE t.id = 2");
        execute(t, 0, true, 70, "moved");
        execute(t, 0, false, 71, "moved");
        execute(t, 0, true, 72, NULL);
        long_data(t, 1, "in ");
        long_data(t, 1, "pieces");
        execute_long(t, 73);
        query(t, "SELECT n, payment_method FROM transactions WHERE id = 2");
        if (round == 0 && has(t, OPT)) query(t, "SET resultset_metadata = NONE");
    }
    if (has(t, MP_MARIADB_BULK)) bulk_on_transactions(t);
}

/* t_mig becomes t_new in what the server said. */
static void put_schema(b_buf *out, const char *from, const char *to, bool wanted)
{
    for (char *p = out->p; wanted && (p = strstr(p, from)) != NULL;) memcpy(p, to, strlen(to));
}

/* fn by the server itself and through straddle. direct_schema has a name as long as schema's. */
static void talk_both(const char *form, uint64_t caps, const char *schema, const char *direct_schema,
                      void (*fn)(talk *t))
{
    talk want = {.form = form}, got = {.form = form};
    want.r = ts_raw_connect(
        &(ts_raw_login){.port = server->port, .schema = direct_schema, .caps = caps & ~(uint64_t)PACKED});
    fn(&want);
    ts_raw_close(want.r);
    got.r = ts_raw_connect(&(ts_raw_login){.port = front.proxy.port_both, .schema = schema, .caps = caps});
    if ((ts_raw_caps(got.r) & caps) != caps) fail_msg("%s: not offered", form);
    fn(&got);
    ts_raw_close(got.r);
    put_schema(&got.out, "745f6d6967", "745f6e6577", schema != direct_schema);
    compare(form, &want, &got);
    b_buf_deinit(&want.out), b_buf_deinit(&got.out);
}

static void test_other_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (forms[i].mariadb == server->mariadb)
            talk_both(forms[i].name, forms[i].caps, "t_mig", "t_mig", talk_on_accounts);
}

static void test_migrating_table(void **state)
{
    (void)state;
    ts_conn *direct = ts_root(server, "t_mig");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (forms[i].mariadb != server->mariadb) continue;
        shop_fill(direct, SHOP_DUAL);
        talk_both(forms[i].name, forms[i].caps, "t_mig", "t_new", talk_on_transactions);
        char why[512];
        if (!shop_same_data(direct, "t_new", SHOP_DUAL, why)) fail_msg("%s: %s", forms[i].name, why);
    }
    ts_close(direct);
}

/* What a bulk execution cannot be trusted with is refused, and nothing of it is done. */
static void test_bulk_defaults(void **state)
{
    (void)state;
    if (!server->mariadb) return;
    talk t = {.form = "bulk"};
    t.r =
        ts_raw_connect(&(ts_raw_login){.port = front.proxy.port_both, .schema = "t_mig", .caps = OWN | DEP});
    prepare(&t, "INSERT INTO transactions (payment_method, n, account_id) VALUES (?, ?, 9)");
    b_buf_clear(&t.out);
    bulk(&t, "02");
    assert_non_null(strstr(b_buf_cstr(&t.out), "ffd304")); /* 1235 */
    assert_int_equal(ts_int(front.direct, "SELECT COUNT(*) FROM t_mig.transactions WHERE account_id = 9"), 0);
    bulk(&t, "01");
    assert_int_equal(ts_int(front.direct, "SELECT COUNT(*) FROM t_mig.transactions WHERE account_id = 9"), 0);
    ts_raw_close(t.r);
    b_buf_deinit(&t.out);
}

/* A statement of an older epoch: it is prepared again, unseen, and its attributes and long data come along. A
 * client that caches definitions is given those of the statement that there is now. */
static void test_prepared_again(void **state)
{
    (void)state;
    uint64_t caps = server->mariadb ? OWN | DEP : ATTR | DEP;
    shop_fill(front.direct, SHOP_DUAL);
    talk t = {.form = "prepared again"};
    t.r = ts_raw_connect(&(ts_raw_login){.port = front.proxy.port_both, .schema = "t_mig", .caps = caps});
    prepare(&t, server->mariadb
                    ? "SELECT payment_method, ? FROM transactions WHERE payment_method = ?"
                    : "SELECT payment_method, mysql_query_attribute_string('k'), ? FROM transactions WHERE "
                      "payment_method = ?");
    execute(&t, 0, true, 5, "wire");
    execute(&t, 0, true, 5, "wire");
    size_t before = t.out.n;
    ts_go(front.admin, SHOP_MIGRATION, "switched");
    execute(&t, 0, true, 5, "wire");
    const char *last = b_buf_cstr(&t.out) + before;
    if (strstr(last, "0e7061796d656e745f6d6574686f64") == NULL) fail_msg("no payment_method in:\n%s", last);
    if (server->mariadb && strncmp(last, "-- execute\n1 0201\n", 18) != 0)
        fail_msg("no metadata in:\n%s", last);
    if (!server->mariadb && strstr(last, "6b657074") == NULL) fail_msg("the attribute is lost:\n%s", last);
    before = t.out.n;
    execute(&t, 0, true, 5, "wire");
    last = b_buf_cstr(&t.out) + before;
    if (server->mariadb && strncmp(last, "-- execute\n1 0200\n", 18) != 0)
        fail_msg("metadata again:\n%s", last);
    ts_go(front.admin, SHOP_MIGRATION, "dual_write");
    ts_raw_close(t.r);
    b_buf_deinit(&t.out);
}

/* Attributes that do not add up hide the text: nobody knows which table it is about. */
static void test_malformed_attributes(void **state)
{
    (void)state;
    if (server->mariadb) return;
    b_buf out = {0};
    ts_raw *r =
        ts_raw_connect(&(ts_raw_login){.port = front.proxy.port_both, .schema = "t_mig", .caps = ATTR});
    assert_true(ts_raw_command(r, B_LIT("\3\1\1\0\1\x50\0\1aDELETE FROM transactions"), &out));
    assert_non_null(strstr(b_buf_cstr(&out), "ff2b07")); /* 1835 */
    assert_true(ts_raw_query(r, NULL, NULL, "SELECT 1", &out));
    ts_raw_close(r);
    b_buf_deinit(&out);
}

/* The connections to the server compressed, those of clients in every form. */
static void test_compressed_backend(void **state)
{
    static const char *const kinds[] = {"compression: zlib", "compression: zstd"};
    for (size_t i = 0; i < 2; i++) {
        ts_close(front.admin);
        ts_proxy_stop(&front.proxy, SIGTERM);
        snprintf(front.proxy.backend_keys, sizeof front.proxy.backend_keys, "%s", kinds[i]);
        ts_proxy_configure(&front.proxy, "");
        ts_proxy_restart(&front.proxy);
        front.admin = ts_proxy_admin(&front.proxy);
        test_other_tables(state);
        test_migrating_table(state);
    }
}

/* Commands sent together: each answer's compressed packets are numbered from its own command on. */
static void test_compressed_pipeline(void **state)
{
    (void)state;
    b_buf p = {0};
    ts_raw *r = ts_raw_connect(&(ts_raw_login){.port = front.proxy.port_both, .caps = MP_CLIENT_COMPRESS});
    for (int i = 0; i < 5; i++) ts_raw_send(r, B_LIT("\3DO 1"));
    for (int i = 0; i < 5; i++) {
        ts_raw_expect(r, 1);
        assert_true(ts_raw_read(r, &p));
        assert_int_equal(p.p[0], 0);
    }
    ts_raw_close(r);
    b_buf_deinit(&p);
}

static int set_up(const ts_server *s)
{
    server = s;
    shop_start(&front, s, NULL);
    shop_apply(&front, NULL);
    ts_go(front.admin, SHOP_MIGRATION, "dual_write");
    ts_wait_backfill(front.admin, SHOP_MIGRATION);
    if (!s->mariadb) {
        ts_result *r = ts_query(front.direct, "INSTALL COMPONENT 'file://component_query_attributes'");
        if (r->error != 0 && r->error != 3529)
            fail_msg("%u %s", r->error, r->message); /* 3529: it is there */
        ts_result_free(r);
    }
    return 0;
}

static int on_mysql(void **state)
{
    (void)state;
    return set_up(ts_mysql());
}

static int on_mariadb(void **state)
{
    (void)state;
    return set_up(ts_mariadb());
}

static int tear_down(void **state)
{
    (void)state;
    shop_end(&front);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_tables),         cmocka_unit_test(test_migrating_table),
        cmocka_unit_test(test_bulk_defaults),        cmocka_unit_test(test_prepared_again),
        cmocka_unit_test(test_malformed_attributes), cmocka_unit_test(test_compressed_pipeline),
        cmocka_unit_test(test_compressed_backend),
    };
    int failed = cmocka_run_group_tests_name("mysql", tests, on_mysql, tear_down);
    return failed + cmocka_run_group_tests_name("mariadb", tests, on_mariadb, tear_down);
}
