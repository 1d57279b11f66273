/* What is easily lost over a change of phase: the context of a prepared statement, the epoch of a transaction
 * that an error or a leaving client hides, and commands that stream. Some speak the protocol by hand. */
#include "shop.h"

#include <mysql.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static ts_conn *client(const shop *f, unsigned long flags)
{
    return ts_connect(&(ts_login){.host = "127.0.0.1",
                                  .port = f->proxy.port_both,
                                  .user = "root",
                                  .password = "",
                                  .schema = "t_mig",
                                  .flags = flags});
}

static void expect(ts_conn *c, const char *want, const char *sql)
{
    char got[600];
    ts_text(c, got, sizeof got, "%s", sql);
    if (strcmp(got, want) != 0) fail_msg("%s: %s, not %s", sql, got, want);
}

/* --- the protocol by hand, on a connection that a library has opened --- */

static void send_packet(ts_conn *c, uint8_t seq, const void *payload, size_t n)
{
    unsigned char head[4] = {(unsigned char)n, (unsigned char)(n >> 8), (unsigned char)(n >> 16), seq};
    int fd = (int)mysql_get_socket(ts_handle(c));
    assert_int_equal(send(fd, head, 4, MSG_NOSIGNAL), 4);
    assert_int_equal(send(fd, payload, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void send_text(ts_conn *c, char command, const char *sql)
{
    char packet[600];
    int n = snprintf(packet, sizeof packet, "%c%s", command, sql);
    send_packet(c, 0, packet, (size_t)n);
}

static void get(int fd, unsigned char *p, size_t n)
{
    while (n > 0) {
        struct pollfd w = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&w, 1, 10000), 1);
        ssize_t got = recv(fd, p, n, 0);
        assert_true(got > 0);
        p += got, n -= (size_t)got;
    }
}

/* One packet; its length. */
static size_t get_packet(ts_conn *c, unsigned char *buf, size_t size)
{
    unsigned char head[4];
    int fd = (int)mysql_get_socket(ts_handle(c));
    get(fd, head, 4);
    size_t n = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
    assert_true(n <= size);
    get(fd, buf, n);
    return n;
}

/* The connection is reset at once, as by a client that was killed. */
static void vanish(ts_conn *c)
{
    struct linger reset = {.l_onoff = 1};
    int fd = (int)mysql_get_socket(ts_handle(c)), other = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    assert_int_equal(dup2(other, fd), fd); /* the number stays taken, for the library to close */
    close(other);
}

static void expect_error(ts_conn *c, unsigned code)
{
    unsigned char p[2048];
    size_t n = get_packet(c, p, sizeof p);
    assert_true(n > 9);
    if (p[0] != 0xFF || (p[1] | (unsigned)p[2] << 8) != code)
        fail_msg("first byte 0x%02x, %u %.*s", p[0], p[1] | (unsigned)p[2] << 8, (int)n - 9, (char *)p + 9);
}

/* The `transaction` column of SHOW CLIENTS for a session, by its connection id on the server. */
static const char *in_transaction(const shop *f, long long backend_id, char *buf, size_t size)
{
    char id[32];
    snprintf(id, sizeof id, "%lld", backend_id);
    snprintf(buf, size, "gone");
    ts_result *r = ts_query(f->admin, "SHOW CLIENTS");
    for (size_t i = 0; i < r->nrows; i++)
        if (strcmp(ts_cell(r, i, "backend_id"), id) == 0)
            snprintf(buf, size, "%s", ts_cell(r, i, "transaction"));
    ts_result_free(r);
    return buf;
}

/* Until the server is at work for that connection. */
static void await_running(const shop *f, long long backend_id)
{
    long long running = 0;
    for (int i = 0; i < 600 && running == 0; i++) {
        usleep(50000);
        running = ts_int(f->direct,
                         "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = %lld AND "
                         "COMMAND = 'Query' AND INFO IS NOT NULL",
                         backend_id);
    }
    assert_int_equal(running, 1);
}

static void await_gone(const shop *f, long long backend_id)
{
    char t[16] = "";
    for (int i = 0; i < 600 && strcmp(t, "gone") != 0; i++) {
        in_transaction(f, backend_id, t, sizeof t);
        usleep(50000);
    }
    assert_string_equal(t, "gone");
}

/* part: of the error that is wanted, or NULL. */
static void advance(const shop *f, const char *phase, const char *part)
{
    ts_result *r = ts_query(f->admin, "ADVANCE MIGRATION " SHOP_MIGRATION " TO %s", phase);
    bool right = part == NULL ? r->error == 0 : r->error != 0 && strstr(r->message, part) != NULL;
    if (!right) fail_msg("to %s: %u %s", phase, r->error, r->message);
    ts_result_free(r);
}

/* --- a prepared statement whose session has moved on --- */

typedef struct fixed {
    MYSQL_STMT *read, *write;
} fixed;

static MYSQL_STMT *prepare(ts_conn *c, const char *sql)
{
    MYSQL_STMT *s = mysql_stmt_init(ts_handle(c));
    if (mysql_stmt_prepare(s, sql, strlen(sql)) != 0) fail_msg("%s: %s", sql, mysql_stmt_error(s));
    return s;
}

static void run_read(MYSQL_STMT *s, const char *want)
{
    char got[200] = "";
    unsigned long len = 0;
    MYSQL_BIND out[1];
    memset(out, 0, sizeof out);
    out[0].buffer_type = MYSQL_TYPE_STRING, out[0].buffer = got, out[0].buffer_length = sizeof got - 1;
    out[0].length = &len;
    if (mysql_stmt_execute(s) != 0) fail_msg("%s", mysql_stmt_error(s));
    assert_int_equal(mysql_stmt_bind_result(s, out), 0);
    assert_int_equal(mysql_stmt_fetch(s), 0);
    got[len] = '\0';
    assert_string_equal(got, want);
    mysql_stmt_free_result(s);
}

static void run_write(MYSQL_STMT *s, const char *value)
{
    unsigned long len = strlen(value);
    MYSQL_BIND b[1];
    memset(b, 0, sizeof b);
    b[0].buffer_type = MYSQL_TYPE_STRING, b[0].buffer = (void *)(uintptr_t)value;
    b[0].buffer_length = len, b[0].length = &len;
    assert_int_equal(mysql_stmt_bind_param(s, b), 0);
    if (mysql_stmt_execute(s) != 0) fail_msg("%s", mysql_stmt_error(s));
    assert_int_equal(mysql_stmt_affected_rows(s), 1);
}

#define CONTEXT                                                                                              \
    "SELECT CONCAT_WS(' ', DATABASE(), @@sql_mode, @@character_set_client, @@character_set_connection, "     \
    "@@collation_connection)"

static const char *const moves[][4] = {
    {"USE t_new"},
    {"SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'"},
    {"SET NAMES latin1 COLLATE latin1_bin"},
    {"SET collation_connection = utf8mb4_bin"},
    {"USE t_new", "SET sql_mode = 'PIPES_AS_CONCAT,ANSI_QUOTES,STRICT_TRANS_TABLES'", "SET NAMES gbk"},
    {"SET NAMES gbk", "SET NAMES utf8mb4"},
};
enum { MOVES = sizeof moves / sizeof *moves };

/* Prepared in one context, executed in others, in every phase: the text means what it meant, and the session
 * is as the client left it. */
static void check_context(shop *f)
{
    static const char *const path[] = {"expanded", "dual_write", "switched", "dual_write", "switched"};
    ts_conn *c[MOVES];
    fixed s[MOVES];
    shop_apply(f, NULL);
    for (size_t i = 0; i < MOVES; i++) {
        c[i] = client(f, 0);
        ts_do(c[i], "SET sql_mode = 'STRICT_TRANS_TABLES'");
        ts_do(c[i], "SET NAMES utf8mb4");
        s[i].read = prepare(c[i], "SELECT CONCAT(payment_method, \"-\\\"\", 0 || 1, COLLATION('x')) FROM "
                                  "transactions WHERE id = 5");
        s[i].write =
            prepare(c[i], "UPDATE transactions SET transaction_type = CONCAT(?, \"\\\\\") WHERE id = 5");
        for (size_t k = 0; k < 4 && moves[i][k] != NULL; k++) ts_do(c[i], "%s", moves[i][k]);
    }
    char collation[64];
    ts_conn *plain = client(f, 0);
    ts_do(plain, "SET NAMES utf8mb4");
    ts_text(plain, collation, sizeof collation, "SELECT COLLATION('x')");
    for (size_t p = 0; p < sizeof path / sizeof *path; p++) {
        ts_go(f->admin, SHOP_MIGRATION, path[p]);
        if (strcmp(path[p], "dual_write") == 0) ts_wait_backfill(f->admin, SHOP_MIGRATION);
        for (size_t i = 0; i < MOVES; i++) {
            char before[600], value[32], want[200];
            ts_text(c[i], before, sizeof before, CONTEXT);
            snprintf(value, sizeof value, "p%zu-%zu", p, i);
            snprintf(want, sizeof want, "%s\\-\"1%s", value, collation);
            run_write(s[i].write, value);
            run_read(s[i].read, want);
            expect(c[i], before, CONTEXT);
            expect(c[i], i == 0 || i == 4 ? "t_new" : "t_mig", "SELECT DATABASE()");
        }
    }
    for (size_t i = 0; i < MOVES; i++) {
        mysql_stmt_close(s[i].read), mysql_stmt_close(s[i].write);
        ts_close(c[i]);
    }
    ts_close(plain);
}

/* Where its schema is gone, the client hears that and keeps its own context. */
static void check_context_gone(shop *f)
{
    shop_apply(f, NULL);
    ts_conn *c = client(f, 0);
    ts_do(c, "CREATE DATABASE IF NOT EXISTS t_gone");
    ts_do(c, "USE t_gone");
    MYSQL_STMT *s = prepare(c, "SELECT payment_method FROM t_mig.transactions WHERE id = 1");
    ts_do(c, "USE t_mig");
    ts_do(c, "DROP DATABASE t_gone");
    ts_do(c, "SET sql_mode = 'ANSI_QUOTES'");
    ts_go(f->admin, SHOP_MIGRATION, "dual_write");
    ts_wait_backfill(f->admin, SHOP_MIGRATION);
    ts_go(f->admin, SHOP_MIGRATION, "switched");
    for (int i = 0; i < 2; i++) {
        assert_int_not_equal(mysql_stmt_execute(s), 0);
        assert_int_equal(mysql_stmt_errno(s), 1049);
        expect(c, "t_mig", "SELECT DATABASE()");
        expect(c, "card", "SELECT \"payment_method\" FROM transactions WHERE id = 1");
    }
    mysql_stmt_close(s);
    ts_close(c);
}

static void check_flag(ts_conn *c, const char *sql, unsigned flag)
{
    static const ts_mode how[] = {TS_TEXT, TS_PREPARED};
    for (int i = 0; i < 2; i++) {
        ts_result *r = ts_run(c, how[i], sql, NULL, 0);
        assert_int_equal(r->ncols, 1);
        if ((r->flags[0] & NOT_NULL_FLAG) != flag) fail_msg("%s: flags %x", sql, r->flags[0]);
        ts_result_free(r);
    }
}

/* In switched the new column is nullable, and the client is told the plain table's flags: of that column, by
 * whatever name the table has, not of what a derived table calls so, and not where an outer join may make it
 * NULL. */
static void check_flags(shop *f)
{
    static const char *const column[] = {
        "SELECT payment_method FROM transactions",
        "SELECT t.transaction_type FROM transactions AS t",
        "SELECT t.payment_method FROM t_mig.transactions t JOIN accounts a",
        "SELECT t.transaction_type FROM accounts a RIGHT JOIN transactions t "
        "ON a.id = t.account_id",
        "SELECT transaction_type FROM transactions NATURAL JOIN accounts",
        "SELECT x.payment_method FROM transactions x LEFT JOIN transactions y "
        "ON x.id = y.account_id"};
    static const char *const another[] = {
        "SELECT payment_method FROM (SELECT note AS payment_method FROM transactions) AS d",
        "WITH w (id, payment_method) AS (SELECT id, note FROM transactions WHERE payment_method = 'card') "
        "SELECT "
        "payment_method FROM w",
        "WITH w (payment_method) AS (SELECT note FROM transactions) SELECT payment_method FROM w",
        "SELECT t.transaction_type FROM accounts a LEFT JOIN transactions t ON a.id = t.account_id",
        "SELECT t.payment_method FROM transactions t RIGHT JOIN accounts a ON a.id = t.account_id",
        "SELECT transactions.payment_method FROM (SELECT note AS payment_method FROM transactions) AS "
        "transactions",
        "SELECT t.transaction_type FROM accounts a LEFT JOIN (accounts b JOIN transactions t ON b.id = "
        "t.account_id) ON a.id = b.id"};
    shop_apply(f, NULL);
    ts_go(f->admin, SHOP_MIGRATION, "switched");
    ts_conn *c = client(f, 0);
    for (int i = 0; i < 6; i++) check_flag(c, column[i], NOT_NULL_FLAG);
    for (int i = 0; i < 7; i++) check_flag(c, another[i], 0);
    ts_close(c);
}

/* --- epochs that are easily lost --- */

static void check_hidden_transactions(shop *f)
{
    char t[16];
    ts_conn *c = client(f, CLIENT_MULTI_STATEMENTS);
    long long id = ts_int(c, "SELECT CONNECTION_ID()");
    ts_do(f->direct, "DROP PROCEDURE IF EXISTS t_mig.begins");
    ts_do(f->direct, "CREATE PROCEDURE t_mig.begins() BEGIN START TRANSACTION; SIGNAL SQLSTATE '45000'; END");
    shop_expect(c, "CALL begins()", 1644, "");
    assert_string_equal(in_transaction(f, id, t, sizeof t), "yes");
    ts_do(c, "DO 1");
    assert_string_equal(in_transaction(f, id, t, sizeof t), "yes"); /* the server's own word now */
    ts_do(c, "ROLLBACK");
    assert_string_equal(in_transaction(f, id, t, sizeof t), "no");
    ts_do(c, "SET autocommit = 0");
    assert_string_equal(in_transaction(f, id, t, sizeof t), "no");
    shop_expect(c, "INSERT INTO accounts VALUES (1, 'twice', 'x')", 1062, "");
    assert_string_equal(in_transaction(f, id, t, sizeof t), "yes");
    ts_do(c, "ROLLBACK");
    ts_do(c, "SET autocommit = 1");
    ts_do(c, "XA START 'straddle-test'");
    assert_string_equal(in_transaction(f, id, t, sizeof t), "yes");
    ts_do(c, "UPDATE accounts SET name = 'xa' WHERE id = 1");
    ts_do(c, "XA END 'straddle-test'");
    assert_string_equal(in_transaction(f, id, t, sizeof t), "yes");
    ts_do(c, "XA ROLLBACK 'straddle-test'");
    assert_string_equal(in_transaction(f, id, t, sizeof t), "no");
    ts_do(c, "BEGIN");
    assert_string_equal(in_transaction(f, id, t, sizeof t), "yes");
    assert_int_equal(mysql_reset_connection(ts_handle(c)), 0);
    assert_string_equal(in_transaction(f, id, t, sizeof t), "no");
    ts_do(f->direct, "DROP PROCEDURE t_mig.begins");
    ts_close(c);
}

/* A client that vanishes, or is killed on the admin port, while its statement waits in the server: the
 * statement may still be done, so the epoch is held until it is. */
static void check_leaving_holds(shop *f, bool kill)
{
    char t[16], sql[64];
    ts_do(f->direct, "BEGIN");
    ts_do(f->direct, "UPDATE transactions SET n = n + 1 WHERE id = 6");
    ts_conn *c = client(f, 0);
    long long id = ts_int(c, "SELECT CONNECTION_ID()");
    send_text(c, 3, "UPDATE transactions SET payment_method = 'late' WHERE id = 6");
    await_running(f, id);
    if (kill) {
        ts_result *r = ts_query(f->admin, "SHOW CLIENTS");
        for (size_t i = 0; i < r->nrows; i++)
            if (atoll(ts_cell(r, i, "backend_id")) == id)
                snprintf(sql, sizeof sql, "KILL %s", ts_cell(r, i, "id"));
        ts_result_free(r);
        ts_do(f->admin, "%s", sql);
        expect_error(c, 1053);
    } else {
        vanish(c);
    }
    advance(f, "expanded", "held up by");
    assert_string_not_equal(in_transaction(f, id, t, sizeof t), "gone");
    ts_do(f->direct, "COMMIT");
    await_gone(f, id);
    advance(f, "expanded", NULL);
    ts_close(c);
}

static void check_vanished(shop *f)
{
    shop_apply(f, NULL);
    check_leaving_holds(f, false);
}

static void check_killed(shop *f)
{
    shop_apply(f, NULL);
    check_leaving_holds(f, true);
}

/* A client that vanishes while another statement of its transaction runs. */
static void check_vanished_in_transaction(shop *f)
{
    char t[16];
    ts_conn *c = client(f, 0);
    long long id = ts_int(c, "SELECT CONNECTION_ID()");
    ts_do(c, "BEGIN");
    ts_do(c, "UPDATE accounts SET name = 'open' WHERE id = 2");
    send_text(c, 3, "SELECT SLEEP(5)");
    await_running(f, id);
    vanish(c);
    usleep(200000);
    assert_string_equal(in_transaction(f, id, t, sizeof t), "yes");
    await_gone(f, id);
    ts_close(c);
}

/* --- commands by hand --- */

/* EXECUTE of "the last prepared statement" must not find an older one after a PREPARE that was refused. */
static void check_last_statement(shop *f)
{
    static const unsigned char execute_last[] = {0x17, 0xFF, 0xFF, 0xFF, 0xFF, 0, 1, 0, 0, 0};
    unsigned char p[2048];
    shop_apply(f, NULL);
    ts_conn *c = client(f, CLIENT_MULTI_STATEMENTS);
    shop_expect(c, "SELECT payment_method FROM transactions WHERE id = 0", 0, "");
    send_text(c, 0x16, "INSERT INTO accounts (id, name) VALUES (77, 'old')");
    assert_int_equal(get_packet(c, p, sizeof p), 12);
    assert_int_equal(p[0], 0);
    static const char *const bad[] = {"SELECT nosuch FROM accounts", "ALTER TABLE transactions ADD x INT",
                                      "CREATE VIEW v AS SELECT payment_method FROM transactions"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        send_text(c, 0x16, bad[i]);
        send_packet(c, 0, execute_last, sizeof execute_last); /* pipelined, as MariaDB's connector does */
        expect_error(c, i == 0 ? 1054 : 1235);
        expect_error(c, 1243);
    }
    /* A temporary table may be there or not: then every statement is refused before it is looked at. */
    send_text(c, 3, "CREATE TEMPORARY TABLE transactions (id INT); SELECT nosuch");
    get_packet(c, p, sizeof p);
    expect_error(c, 1054);
    send_text(c, 0x16, "INSERT INTO accounts (id, name) VALUES (78, 'old')");
    assert_int_equal(get_packet(c, p, sizeof p), 12);
    send_text(c, 0x16, "SELECT payment_method FROM transactions");
    send_packet(c, 0, execute_last, sizeof execute_last);
    expect_error(c, 1235);
    expect_error(c, 1243);
    assert_int_equal(ts_int(f->direct, "SELECT COUNT(*) FROM t_mig.accounts WHERE id > 76"), 0);
    ts_close(c);
}

/* A binary log stream is no statement: it holds no epoch. And when the server refuses it, what follows is
 * looked at again. */
static void check_stream(shop *f)
{
    unsigned char dump[11] = {0x12, 4, 0, 0, 0, 0, 0, 0x0F, 0x27, 0, 0}, p[4096];
    shop_apply(f, NULL);
    ts_do(f->direct, "DROP USER IF EXISTS t_plain");
    ts_do(f->direct, "CREATE USER t_plain");
    ts_do(f->direct, "GRANT SELECT ON t_mig.* TO t_plain");
    ts_conn *c = ts_connect(&(ts_login){.host = "127.0.0.1",
                                        .port = f->proxy.port_both,
                                        .user = "t_plain",
                                        .password = "",
                                        .schema = "t_mig"});
    send_packet(c, 0, dump, sizeof dump);                                    /* it may not */
    send_text(c, 3, "SELECT payment_method FROM transactions WHERE id = 1"); /* behind it, not beside it */
    expect_error(c, 1227);
    size_t n = get_packet(c, p, sizeof p);
    if (n < 1 || n > 2 || p[0] != 1) fail_msg("first byte 0x%02x: %.*s", p[0], (int)n, (char *)p);
    ts_close(c);
    ts_do(f->direct, "DROP USER t_plain");
    c = client(f, 0);
    ts_do(c, "SET @source_binlog_checksum = 'NONE', @master_binlog_checksum = 'NONE'");
    send_packet(c, 0, dump, sizeof dump);
    get_packet(c, p, sizeof p);
    advance(f, "expanded", NULL);
    advance(f, "dual_write", NULL);
    ts_close(c);
}

/* --- several results, one of them broken off or asking for a file --- */

static void check_several(shop *f)
{
    char path[] = "/tmp/straddle-infile-XXXXXX", sql[900];
    static const char text[] = "951,1,first,1.50\n952,2,second,2.50\n";
    shop_apply(f, NULL);
    ts_go(f->admin, SHOP_MIGRATION, "dual_write");
    ts_do(f->direct, "SET GLOBAL local_infile = 1");
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
    close(fd);
    ts_conn *c = ts_connect(&(ts_login){.host = "127.0.0.1",
                                        .port = f->proxy.port_both,
                                        .user = "root",
                                        .password = "",
                                        .schema = "t_mig",
                                        .flags = CLIENT_MULTI_STATEMENTS,
                                        .local_infile = true});
    MYSQL *m = ts_handle(c);
    snprintf(
        sql, sizeof sql,
        "SELECT 1; LOAD DATA LOCAL INFILE '%s' INTO TABLE transactions FIELDS TERMINATED BY ',' (id, "
        "account_id, payment_method, amount); SELECT payment_method FROM transactions WHERE id > 950 ORDER "
        "BY id; SELECT (SELECT id FROM transactions), payment_method FROM transactions; SELECT 2",
        path);
    assert_int_equal(mysql_real_query(m, sql, strlen(sql)), 0);
    int results = 0, rows = 0;
    do {
        MYSQL_RES *res = mysql_store_result(m);
        results++;
        if (res == NULL && mysql_errno(m) != 0) break; /* a result that ends in an error */
        if (res == NULL) continue;
        if (results == 3) assert_string_equal(mysql_fetch_field_direct(res, 0)->name, "payment_method");
        rows += (int)mysql_num_rows(res);
        mysql_free_result(res);
    } while (mysql_next_result(m) == 0);
    unlink(path);
    assert_int_equal(mysql_errno(m), 1242); /* the fourth; the fifth is not begun */
    assert_int_equal(results, 4);
    assert_int_equal(rows, 3);
    expect(c, "2",
           "SELECT COUNT(*) FROM transactions WHERE id > 950 AND payment_method <=> transaction_type");
    ts_close(c);
}

/* What a failed statement leaves behind for SHOW WARNINGS is not for the SHOW that tells of the table. */
static void check_show_after_error(shop *f)
{
    char text[2000];
    shop_apply(f, NULL);
    ts_go(f->admin, SHOP_MIGRATION, "dual_write");
    ts_conn *c = client(f, 0);
    ts_do(c, "SET NAMES utf8mb4");
    for (int i = 0; i < 2; i++) {
        shop_expect(c, "SELECT payment_method, nosuch FROM transactions", 1054, "nosuch");
        shop_expect(c, "SHOW COLUMNS FROM transactions WHERE nosuch = 1", 1054, "nosuch");
    }
    ts_close(c);
    c = ts_proxy_connect(&f->proxy, f->proxy.port_old, "t_mig");
    shop_expect(c, "SELECT transaction_type, nosuch FROM transactions", 1054, "nosuch");
    shop_cell(c, "SHOW CREATE TABLE transactions", "Create Table", text, sizeof text);
    assert_non_null(strstr(text, "transaction_type"));
    assert_null(strstr(text, "payment_method"));
    ts_close(c);
}

static void test_context(void **state)
{
    (void)state;
    shop_each_server(check_context, NULL);
}

static void test_context_gone(void **state)
{
    (void)state;
    shop_each_server(check_context_gone, NULL);
}

static void test_flags(void **state)
{
    (void)state;
    shop_each_server(check_flags, NULL);
}

static void test_hidden_transactions(void **state)
{
    (void)state;
    shop_each_server(check_hidden_transactions, NULL);
}

static void test_leaving_holds(void **state)
{
    (void)state;
    shop_each_server(check_vanished, "limits: {phase_timeout_ms: 3000}");
    shop_each_server(check_killed, "limits: {phase_timeout_ms: 3000}");
    shop_each_server(check_vanished_in_transaction, NULL);
}

static void test_last_statement(void **state)
{
    (void)state;
    shop_each_server(check_last_statement, NULL);
}

static void test_stream(void **state)
{
    (void)state;
    shop_each_server(check_stream, "limits: {phase_timeout_ms: 10000}");
}

static void test_several(void **state)
{
    (void)state;
    shop_each_server(check_several, NULL);
}

static void test_show_after_error(void **state)
{
    (void)state;
    shop_each_server(check_show_after_error, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_context_gone),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_hidden_transactions),
        cmocka_unit_test(test_leaving_holds),
        cmocka_unit_test(test_last_statement),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_show_after_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
