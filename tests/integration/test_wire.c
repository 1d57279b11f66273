/* The wire: large packets both ways, several results, cursors, LOCAL INFILE, a backend or a client that goes
 * away, pipelined and split input; a plain answer and a proxied one are the same. */
#include "shop.h"

#include <mysql.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static ts_proxy proxy;
static const ts_server *server;
static bool compressed, compressed_backend;

static ts_conn *proxied(void)
{
    return ts_connect(&(ts_login){.host = "127.0.0.1",
                                  .port = proxy.port_both,
                                  .user = "root",
                                  .password = "",
                                  .schema = "t_mig",
                                  .flags = compressed ? CLIENT_COMPRESS : 0});
}

/* That straddle has written to this client. */
static uint64_t proxied_bytes(ts_conn *c)
{
    ts_conn *admin = ts_proxy_admin(&proxy);
    char id[32];
    snprintf(id, sizeof id, "%lld", ts_int(c, "SELECT CONNECTION_ID()"));
    ts_result *r = ts_query(admin, "SHOW CLIENTS");
    uint64_t n = 0;
    for (size_t i = 0; i < r->nrows; i++)
        if (strcmp(ts_cell(r, i, "backend_id"), id) == 0) n = strtoull(ts_cell(r, i, "bytes_out"), NULL, 10);
    ts_result_free(r);
    ts_close(admin);
    assert_int_not_equal(n, 0);
    return n;
}

static void test_large_result(void **state)
{
    (void)state;
    ts_conn *c = proxied();
    ts_do(c, "SET SESSION group_concat_max_len = 1000000");
    for (int i = 0; i < 3; i++) {
        static const char *const sizes[] = {"16777208", "16777215", "20000000"};
        ts_result *r = ts_query(c, "SELECT REPEAT('x', %s) AS big, 7 AS n", sizes[i]);
        if (r->error == 0 && r->cells[0] != NULL) {
            assert_int_equal(r->lengths[0], atoll(sizes[i]));
            assert_string_equal(r->cells[1], "7");
        } else {
            fail_msg("%s: %u %s", sizes[i], r->error, r->message);
        }
        ts_result_free(r);
    }
    ts_close(c);
}

static void test_large_statement(void **state)
{
    (void)state;
    ts_conn *c = proxied();
    size_t n = 20000000;
    char *sql = malloc(n + 200);
    assert_non_null(sql);
    int head = sprintf(sql, "SELECT payment_method, LENGTH('");
    memset(sql + head, 'y', n);
    strcpy(sql + (size_t)head + n, "') FROM transactions WHERE id = 1");
    ts_result *r = ts_run(c, TS_TEXT, sql, NULL, 0);
    if (r->error != 0) fail_msg("%u %s", r->error, r->message);
    assert_string_equal(ts_cell(r, 0, "payment_method"), "card");
    assert_string_equal(r->cells[1], "20000000");
    ts_result_free(r);
    free(sql);
    ts_close(c);
}

static void test_multi_statements(void **state)
{
    (void)state;
    ts_conn *c =
        ts_connect(&(ts_login){.host = "127.0.0.1",
                               .port = proxy.port_both,
                               .user = "root",
                               .password = "",
                               .schema = "t_mig",
                               .flags = CLIENT_MULTI_STATEMENTS | (compressed ? CLIENT_COMPRESS : 0)});
    MYSQL *m = ts_handle(c);
    static const char sql[] =
        "SELECT 1; UPDATE transactions SET payment_method = 'multi' WHERE id = 1; SELECT payment_method FROM "
        "transactions WHERE id = 1; UPDATE transactions SET transaction_type = 'card' WHERE id = 1";
    assert_int_equal(mysql_real_query(m, sql, sizeof sql - 1), 0);
    int results = 0, rows = 0;
    do {
        MYSQL_RES *res = mysql_store_result(m);
        results++;
        if (res == NULL) continue;
        MYSQL_ROW row = mysql_fetch_row(res);
        if (results == 3) assert_string_equal(row[0], "multi");
        if (results == 3) assert_string_equal(mysql_fetch_field_direct(res, 0)->name, "payment_method");
        rows++;
        mysql_free_result(res);
    } while (mysql_next_result(m) == 0);
    assert_int_equal(mysql_errno(m), 0);
    assert_int_equal(results, 4);
    assert_int_equal(rows, 2);
    ts_close(c);
}

static void test_cursor(void **state)
{
    (void)state;
    ts_conn *c = proxied();
    MYSQL_STMT *s = mysql_stmt_init(ts_handle(c));
    unsigned long type = CURSOR_TYPE_READ_ONLY, prefetch = 2;
    static const char sql[] = "SELECT id, payment_method FROM transactions ORDER BY id";
    mysql_stmt_attr_set(s, STMT_ATTR_CURSOR_TYPE, &type);
    mysql_stmt_attr_set(s, STMT_ATTR_PREFETCH_ROWS, &prefetch);
    assert_int_equal(mysql_stmt_prepare(s, sql, sizeof sql - 1), 0);
    for (int round = 0; round < 2; round++) {
        long long id = 0;
        MYSQL_BIND out[2];
        memset(out, 0, sizeof out);
        char text[64];
        out[0].buffer_type = MYSQL_TYPE_LONGLONG, out[0].buffer = &id;
        out[1].buffer_type = MYSQL_TYPE_STRING, out[1].buffer = text, out[1].buffer_length = sizeof text;
        if (mysql_stmt_execute(s) != 0) fail_msg("%s", mysql_stmt_error(s));
        assert_int_equal(mysql_stmt_bind_result(s, out), 0);
        int rows = 0;
        while (mysql_stmt_fetch(s) == 0) assert_int_equal(id, ++rows);
        assert_int_equal(rows, 8);
        mysql_stmt_free_result(s);
    }
    mysql_stmt_close(s);
    ts_close(c);
}

static void test_local_infile(void **state)
{
    (void)state;
    char path[] = "/tmp/straddle-infile-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "901,1,loaded,1.50\n902,2,load\\\\ed,2.50\n";
    assert_int_equal(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    close(fd);
    ts_conn *c = ts_connect(&(ts_login){.host = "127.0.0.1",
                                        .port = proxy.port_both,
                                        .user = "root",
                                        .password = "",
                                        .schema = "t_mig",
                                        .flags = compressed ? CLIENT_COMPRESS : 0,
                                        .local_infile = true});
    ts_result *r = ts_query(c,
                            "LOAD DATA LOCAL INFILE '%s' INTO TABLE transactions FIELDS TERMINATED BY ',' "
                            "(id, account_id, payment_method, amount)",
                            path);
    unlink(path);
    if (r->error != 0) fail_msg("%u %s", r->error, r->message);
    assert_int_equal(r->affected, 2);
    ts_result_free(r);
    assert_int_equal(ts_int(c, "SELECT COUNT(*) FROM transactions WHERE payment_method IN ('loaded', "
                               "'load\\\\ed') AND id > 900"),
                     2);
    assert_int_equal(
        ts_int(c, "SELECT COUNT(*) FROM transactions WHERE id > 900 AND payment_method <=> transaction_type"),
        2);
    ts_do(c, "DELETE FROM transactions WHERE id > 900");
    ts_close(c);
}

/* More packets than there are sequence ids; the file's go on where the server's question ended. */
static void test_local_infile_of_many_packets(void **state)
{
    (void)state;
    char path[] = "/tmp/straddle-infile-XXXXXX";
    FILE *f = fdopen(mkstemp(path), "w");
    assert_non_null(f);
    for (int i = 0; i < 60000; i++) fprintf(f, "%d of many, many, many, many, many lines\n", i);
    fclose(f);
    ts_conn *c = ts_connect(&(ts_login){.host = "127.0.0.1",
                                        .port = proxy.port_both,
                                        .user = "root",
                                        .password = "",
                                        .schema = "t_mig",
                                        .flags = compressed ? CLIENT_COMPRESS : 0,
                                        .local_infile = true});
    ts_result *r = ts_query(c, "LOAD DATA LOCAL INFILE '%s' INTO TABLE log (what)", path);
    unlink(path);
    if (r->error != 0) fail_msg("%u %s", r->error, r->message);
    assert_int_equal(r->affected, 60000);
    ts_result_free(r);
    ts_do(c, "TRUNCATE TABLE log");
    ts_close(c);
}

static void test_compression_is_used(void **state)
{
    (void)state;
    ts_conn *c = proxied();
    char value[16];
    ts_result *r = ts_query(c, "SHOW SESSION STATUS LIKE 'Compression'");
    assert_int_equal(r->nrows, 1);
    snprintf(value, sizeof value, "%s", r->cells[1]);
    ts_result_free(r);
    assert_string_equal(value, compressed_backend ? "ON" : "OFF");
    uint64_t before = proxied_bytes(c);
    ts_do(c, "SELECT REPEAT('x', 100000)");
    assert_int_equal(proxied_bytes(c) - before < 50000, compressed);
    ts_close(c);
}

static void test_backend_lost(void **state)
{
    (void)state;
    ts_conn *c = proxied(), *root = ts_root(server, NULL);
    long long id = ts_int(c, "SELECT CONNECTION_ID()");
    assert_int_equal(ts_int(root, "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = %lld", id),
                     1);
    ts_do(root, "KILL %lld", id);
    ts_result *r = ts_query(c, "SELECT SLEEP(5)");
    assert_int_not_equal(r->error, 0);
    assert_true(strlen(r->message) > 10);
    ts_result_free(r);
    ts_close(c);
    c = proxied();
    assert_int_equal(ts_int(c, "SELECT 5"), 5);
    ts_close(c), ts_close(root);
}

static void test_client_lost(void **state)
{
    (void)state;
    ts_conn *root = ts_root(server, NULL);
    for (int i = 0; i < 5; i++) {
        ts_conn *c = proxied();
        MYSQL *m = ts_handle(c);
        static const char sql[] = "SELECT REPEAT('z', 3000000), a.id FROM accounts a, accounts b, accounts d";
        mysql_real_query(m, sql, sizeof sql - 1);
        MYSQL_RES *res = mysql_use_result(m);
        assert_non_null(res);
        shutdown(mysql_get_socket(m), SHUT_RDWR); /* in mid-result */
        mysql_free_result(res);
        ts_close(c);
    }
    /* The backend's connections go, too. */
    long long left = -1;
    for (int i = 0; i < 1200 && left != 0; i++) {
        left = ts_int(root, "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = 't_mig' AND ID "
                            "<> CONNECTION_ID()");
        if (left != 0) usleep(50000);
    }
    assert_int_equal(left, 0);
    ts_close(root);
}

static int raw(unsigned port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    struct timeval limit = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

/* Garbage, and half a handshake: the proxy lives on. */
static void test_garbage(void **state)
{
    (void)state;
    static const char *const junk[] = {"GET / HTTP/1.0\r\n\r\n", "\xff\xff\xff\x01", "\x01\x00\x00\x01\x00",
                                       "\x04\x00\x00\x05xxxx"};
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
        int fd = raw(proxy.port_both);
        char buf[512];
        (void)!read(fd, buf, sizeof buf);
        (void)!write(fd, junk[i], strlen(junk[i]) + 1);
        close(fd);
        fd = raw(proxy.port_admin);
        (void)!read(fd, buf, sizeof buf);
        (void)!write(fd, junk[i], strlen(junk[i]) + 1);
        close(fd);
    }
    ts_conn *c = proxied();
    assert_int_equal(ts_int(c, "SELECT 6"), 6);
    ts_close(c);
}

/* A backend that is not there: an error packet with a message, not a hang-up. */
static void test_backend_refused(void **state)
{
    (void)state;
    ts_conn *c = proxied(), *admin = ts_proxy_admin(&proxy);
    assert_int_equal(ts_int(c, "SELECT 1"), 1);
    ts_result *r = ts_query(admin, "SHOW CLIENTS");
    assert_int_equal(r->error, 0);
    assert_true(r->nrows >= 1);
    ts_result_free(r);
    ts_close(c), ts_close(admin);
    char why[512];
    ts_conn *no = ts_try_connect(
        &(ts_login){.host = "127.0.0.1", .port = proxy.port_both, .user = "nobody", .password = "x"}, why);
    assert_null(no);
    assert_non_null(strstr(why, "1045"));
}

static int set_up(const ts_server *s)
{
    server = s;
    ts_forget_migrations(s);
    shop_create(s);
    ts_proxy_start_with(&proxy, s,
                        &(ts_setup){.backend_keys = compressed_backend ? "compression: zlib" : NULL});
    ts_conn *direct = ts_root(s, NULL), *admin = ts_proxy_admin(&proxy);
    ts_do(direct, "SET GLOBAL max_allowed_packet = 67108864");
    ts_do(direct, "SET GLOBAL local_infile = 1");
    shop_fill(direct, 0);
    ts_apply_rename(admin, SHOP_MIGRATION, "t_mig.transactions", "transaction_type", "payment_method");
    ts_go(admin, SHOP_MIGRATION, "dual_write");
    ts_wait_backfill(admin, SHOP_MIGRATION);
    ts_close(direct), ts_close(admin);
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
    ts_proxy_end(&proxy);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_result),        cmocka_unit_test(test_large_statement),
        cmocka_unit_test(test_multi_statements),    cmocka_unit_test(test_cursor),
        cmocka_unit_test(test_local_infile),        cmocka_unit_test(test_backend_lost),
        cmocka_unit_test(test_client_lost),         cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_backend_refused),     cmocka_unit_test(test_local_infile_of_many_packets),
        cmocka_unit_test(test_compression_is_used),
    };
    int failed = cmocka_run_group_tests_name("mysql", tests, on_mysql, tear_down);
    failed += cmocka_run_group_tests_name("mariadb", tests, on_mariadb, tear_down);
    compressed = true; /* clients only, then both sides */
    failed += cmocka_run_group_tests_name("mysql, compressed", tests, on_mysql, tear_down);
    compressed_backend = true;
    return failed + cmocka_run_group_tests_name("mariadb, compressed", tests, on_mariadb, tear_down);
}
