/* Shadow reads of prepared statements. Every kind of parameter reaches the server as the client has bound it:
 * a row that was spoilt past the proxy is found by it, and no other is. What cannot be taken exactly is
 * counted. Run under ThreadSanitizer as well. */
#include "shadow.h"

#include <mysql.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define M SHOP_MIGRATION

enum { MOST = 3 };

typedef union number {
    int8_t one;
    int16_t two;
    int32_t four;
    int64_t eight;
    float single;
    double real;
    MYSQL_TIME time;
} number;

typedef struct param {
    enum enum_field_types type;
    number value;
    const char *text; /* of strings */
    bool null, is_unsigned;
} param;

typedef struct query {
    const char *where; /* what finds row 2, and no other, by the parameters */
    param params[MOST];
} query;

/* Row 2 as it is before `up` and `down` are kept; the others have n = id, and NULL or 0 in all else. */
#define COLUMNS                                                                                              \
    "ADD small SMALLINT NOT NULL DEFAULT 0, ADD big BIGINT UNSIGNED NOT NULL DEFAULT 0, ADD f FLOAT, ADD d " \
    "DOUBLE, ADD day DATE, ADD at DATETIME(6), ADD gone TIME(3), ADD raw VARBINARY(20), ADD doc JSON, ADD "  \
    "flags BIT(10), ADD made YEAR, ADD seen TIMESTAMP NULL"
#define ROW                                                                                                  \
    "small = -300, big = 18446744073709551615, f = 0.1, d = 1.7e-300, day = '2024-02-29', at = "             \
    "'2024-02-29 23:59:58.000001', gone = '-100:00:01.5', raw = x'00ff', doc = '{\"a\": 1}', flags = 1000, " \
    "made = 1999, seen = '2024-02-29 12:00:00', n = -5, amount = 1234567890.12, note = 'gr\xc3\xbcn'"

#define NUM(kind, member, n)                                                                                 \
    {                                                                                                        \
        .type = MYSQL_TYPE_##kind, .value = {.member = (n) }                                                 \
    }
#define MOMENT(kind, ...)                                                                                    \
    {                                                                                                        \
        .type = MYSQL_TYPE_##kind, .value = {.time = {__VA_ARGS__} }                                         \
    }
#define TEXT(kind, of)                                                                                       \
    {                                                                                                        \
        .type = MYSQL_TYPE_##kind, .text = (of)                                                              \
    }
#define NOTHING(kind)                                                                                        \
    {                                                                                                        \
        .type = MYSQL_TYPE_##kind, .null = true                                                              \
    }
#define DAY .year = 2024, .month = 2, .day = 29

static const query reads[] = {
    {"n = ?", {NUM(TINY, one, -5)}},
    {"small = ?", {NUM(SHORT, two, -300)}},
    {"n + 70000 = ?", {NUM(LONG, four, 69995)}},
    {"id = ? LIMIT ?", {NUM(LONGLONG, eight, 2), NUM(LONG, four, 1)}},
    {"id = ? LIMIT 1", {TEXT(STRING, "2")}},
    {"1 ORDER BY id LIMIT ?, ?", {NUM(LONG, four, 1), NUM(LONGLONG, eight, 1)}},
    {"big = ?", {{.type = MYSQL_TYPE_LONGLONG, .value = {.eight = -1}, .is_unsigned = true}}},
    {"f < ? AND f > 0.09", {NUM(FLOAT, single, 0.25F)}},
    {"d = ?", {NUM(DOUBLE, real, 1.7e-300)}},
    {"amount = ?", {TEXT(NEWDECIMAL, "1234567890.12")}},
    {"amount > ? AND note = ?", {TEXT(NEWDECIMAL, "1234567890.11"), TEXT(VAR_STRING, "gr\xc3\xbcn")}},
    {"note = ? AND id = ?", {TEXT(STRING, "gr\xc3\xbcn"), NUM(LONG, four, 2)}},
    {"transaction_type = ? AND id = 2", {TEXT(STRING, "wire")}},
    {"raw = ?", {TEXT(BLOB, "\xff")}}, /* and a zero before it */
    {"day = ?", {MOMENT(DATE, DAY, .time_type = MYSQL_TIMESTAMP_DATE)}},
    {"at = ?",
     {MOMENT(DATETIME, DAY, .hour = 23, .minute = 59, .second = 58, .second_part = 1,
             .time_type = MYSQL_TIMESTAMP_DATETIME)}},
    {"seen = ?", {MOMENT(TIMESTAMP, DAY, .hour = 12, .time_type = MYSQL_TIMESTAMP_DATETIME)}},
    {"gone = ?",
     {MOMENT(TIME, .neg = 1, .day = 4, .hour = 4, .second = 1, .second_part = 500000,
             .time_type = MYSQL_TIMESTAMP_TIME)}},
    {"? IS NULL AND id = 2", {NOTHING(LONG)}},
    {"COALESCE(?, ?, n) = n AND id = 2", {NOTHING(NULL), NOTHING(STRING)}},
    {"id = 2", {NOTHING(NULL)}},
};

enum { READS = sizeof reads / sizeof reads[0], ALL_TWICE = 2 * READS };

/* ---- a client ---- */

static MYSQL_STMT *prepare(ts_conn *c, const char *sql)
{
    MYSQL_STMT *s = mysql_stmt_init(ts_handle(c));
    if (mysql_stmt_prepare(s, sql, strlen(sql)) != 0) fail_msg("%s: %s", sql, mysql_stmt_error(s));
    return s;
}

static void execute(MYSQL_STMT *s)
{
    if (mysql_stmt_execute(s) != 0 || mysql_stmt_store_result(s) != 0) fail_msg("%s", mysql_stmt_error(s));
    mysql_stmt_free_result(s);
}

static MYSQL_BIND bind_one(param *p, char *room)
{
    bool text = p->text != NULL;
    MYSQL_BIND b = {.buffer_type = p->type, .is_unsigned = p->is_unsigned, .buffer = &p->value};
    if (!text) return b;
    size_t n = strlen(p->text), zero = p->type == MYSQL_TYPE_BLOB; /* a byte that only a length carries */
    room[0] = '\0';
    memcpy(room + zero, p->text, n);
    b.buffer = room, b.buffer_length = (unsigned long)(n + zero);
    return b;
}

static void run(ts_conn *c, const char *sql, const query *r)
{
    query copy = *r;
    char room[MOST][32];
    MYSQL_BIND b[MOST];
    MYSQL_STMT *s = prepare(c, sql);
    for (unsigned long i = 0; i < mysql_stmt_param_count(s); i++) {
        b[i] = bind_one(&copy.params[i], room[i]);
        if (copy.params[i].null) b[i].is_null = &b[i].is_null_value, b[i].is_null_value = 1;
    }
    if (mysql_stmt_param_count(s) > 0) assert_int_equal(mysql_stmt_bind_param(s, b), 0);
    execute(s);
    mysql_stmt_close(s);
}

/* Of all columns, so that values of every type are read, and one that is longer than most. */
static void run_read(ts_conn *c, size_t i)
{
    char sql[300];
    snprintf(sql, sizeof sql,
             "SELECT transactions.*, CONCAT(REPEAT('x', 300), transaction_type) AS c%zu FROM transactions "
             "WHERE %s",
             i, reads[i].where);
    run(c, sql, &reads[i]);
}

static void send_all(void *c)
{
    for (size_t i = 0; i < READS; i++) {
        run_read(c, i);
        usleep(30000);
    }
}

/* ---- each kind of parameter ---- */

static long long found(shop *f, size_t i, const char *what)
{
    return ts_int(
        f->direct,
        "SELECT COALESCE(MAX(%s), 0) FROM straddle.shadow WHERE outcome = 'differing' AND statement "
        "LIKE '%% AS c%zu FROM %%'",
        what, i);
}

static void found_by_each(shop *f, ts_conn *c)
{
    for (size_t i = 0; i < READS; i++) {
        for (int k = 0; k < 300 && found(f, i, "1") == 0; k++) {
            run_read(c, i);
            usleep(50000);
        }
        if (found(f, i, "read_rows") != 1 || found(f, i, "other_rows") > 1)
            fail_msg("WHERE %s: %lld rows, and %lld", reads[i].where, found(f, i, "read_rows"),
                     found(f, i, "other_rows"));
    }
}

static void spoil(shop *f)
{
    ts_do(f->direct,
          "UPDATE t_mig.transactions SET transaction_type = 'wire', payment_method = 'stray' WHERE id = 2");
}

/* ---- in what session ---- */

/* A string is in the character set of the moment; the other column is found by the same parameters. */
static void in_any_session(shop *f)
{
    static const query latin = {"", {TEXT(STRING, "gr\xfcn")}};
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    ts_do(c, "SET NAMES latin1, sql_mode = 'ANSI_QUOTES', time_zone = '+03:00'");
    for (int k = 0; k < 300 && found(f, 100, "1") == 0; k++) {
        run(c, "SELECT id, \"transaction_type\" AS c100 FROM transactions WHERE note = ?", &latin);
        usleep(50000);
    }
    assert_int_equal(found(f, 100, "read_rows"), 1);
    ts_close(c);
}

/* ---- what is not taken ---- */

typedef struct odd {
    ts_conn *c;
    MYSQL_STMT *s;
    bool long_data;
} odd;

static void send_odd(void *arg)
{
    const odd *o = arg;
    if (o->long_data) assert_int_equal(mysql_stmt_send_long_data(o->s, 0, "x", 1), 0);
    execute(o->s);
}

static void skips(shop *f, odd *o, const char *why)
{
    shadow_until_says(f, send_odd, o, why);
    mysql_stmt_close(o->s);
}

static void bind_text(MYSQL_STMT *s, enum enum_field_types type, const char *text, size_t n)
{
    MYSQL_BIND b = {
        .buffer_type = type, .buffer = (void *)(uintptr_t)text, .buffer_length = (unsigned long)n};
    assert_int_equal(mysql_stmt_bind_param(s, &b), 0);
}

static void send_named(void *c)
{
    ts_do(c, "EXECUTE named");
}

static void skipped(shop *f, ts_conn *c)
{
    static const char sql[] = "SELECT transaction_type FROM transactions WHERE note <> ?";
    unsigned long cursor = CURSOR_TYPE_READ_ONLY;
    odd o = {.c = c, .s = prepare(c, sql)};
    bind_text(o.s, MYSQL_TYPE_STRING, "a", 1);
    mysql_stmt_attr_set(o.s, STMT_ATTR_CURSOR_TYPE, &cursor);
    skips(f, &o, "a cursor");
    o = (odd){.c = c, .s = prepare(c, sql), .long_data = true};
    bind_text(o.s, MYSQL_TYPE_BLOB, "", 0);
    skips(f, &o, "long data");
    o = (odd){.c = c, .s = prepare(c, sql)};
    bind_text(o.s, MYSQL_TYPE_STRING, "a", 1);
    ts_do(c, "SET sql_mode = 'ANSI_QUOTES'");
    skips(f, &o, "has changed since PREPARE");
    ts_do(c, "SET sql_mode = DEFAULT");
    o = (odd){.c = c, .s = prepare(c, "SELECT transaction_type FROM transactions LIMIT 3")};
    skips(f, &o, "LIMIT without an order");
    o = (odd){.c = c,
              .s = prepare(c, "SELECT a.transaction_type FROM transactions a, transactions b, "
                              "transactions c, transactions d, transactions e")};
    skips(f, &o, "more than 10,000 rows");
    ts_do(c, "PREPARE named FROM 'SELECT transaction_type FROM transactions'");
    shadow_until_says(f, send_named, c, "EXECUTE in SQL");
}

/* MySQL takes no YEAR from anybody; the client libraries do not agree on it. */
static void odd_type(shop *f, ts_conn *c)
{
    if (!f->server->mariadb) return;
    odd o = {.c = c, .s = prepare(c, "SELECT transaction_type FROM transactions WHERE made = ?")};
    bind_text(o.s, MYSQL_TYPE_YEAR, "\xcf\x07", 2);
    skips(f, &o, "a parameter of a type");
}

static void ruled(shop *f, ts_conn *c)
{
    static const query one = {"", {NUM(LONG, four, 1)}};
    ts_do(f->admin, "CREATE RULE '{name: ruled, text: \"AS ruled\", action: rewrite, replace: \"AS well\"}'");
    odd o = {.c = c, .s = prepare(c, "SELECT transaction_type AS ruled FROM transactions")};
    skips(f, &o, "a regex rule has rewritten");
    for (int k = 0; k < 300 && found(f, 101, "1") == 0; k++) { /* it leaves others alone */
        run(c, "SELECT transaction_type AS c101 FROM transactions WHERE id > ?", &one);
        usleep(50000);
    }
    assert_true(found(f, 101, "1") == 1);
    ts_do(f->admin, "DROP RULE ruled");
}

static void too_long(shop *f, ts_conn *c)
{
    enum { LONG = 70000 };
    char *text = malloc(LONG);
    assert_non_null(text);
    memset(text, 'x', LONG);
    odd o = {.c = c, .s = prepare(c, "SELECT transaction_type FROM transactions WHERE note <> ?")};
    bind_text(o.s, MYSQL_TYPE_STRING, text, LONG);
    shadow_until(f, send_odd, &o, "shadow_dropped", 3);
    mysql_stmt_close(o.s);
    free(text);
}

static void check(shop *f)
{
    ts_do(f->direct, "ALTER TABLE t_mig.transactions " COLUMNS);
    ts_do(f->direct, "UPDATE t_mig.transactions SET amount = 0, note = NULL, n = id");
    ts_do(f->direct, "SET NAMES utf8mb4");
    ts_do(f->direct, "UPDATE t_mig.transactions SET " ROW " WHERE id = 2");
    shadow_begin(f, "");
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    ts_do(c, "SET NAMES utf8mb4");
    shadow_until(f, send_all, c, "shadow_compared", ALL_TWICE);
    assert_int_equal(shadow_number(f, "shadow_skipped"), 0);
    assert_int_equal(shadow_number(f, "shadow_failed"), 0);
    assert_int_equal(shadow_number(f, "shadow_differing"), 0);
    spoil(f);
    found_by_each(f, c);
    in_any_session(f);
    assert_int_equal(shadow_number(f, "shadow_failed"), 0);
    shop_expect(f->admin, "ADVANCE MIGRATION " M, 1235, "gave other rows through the other column");
    skipped(f, c);
    odd_type(f, c);
    ruled(f, c);
    too_long(f, c);
    ts_do(f->admin, "VERIFY MIGRATION " M " REPAIR");
    ts_do(f->admin, "ADVANCE MIGRATION " M);
    long long before = shadow_number(f, "shadow_differing");
    shadow_until(f, send_all, c, "shadow_compared", ALL_TWICE);
    assert_int_equal(shadow_number(f, "shadow_differing"), before);
    assert_int_equal(shadow_number(f, "shadow_failed"), 0);
    ts_close(c);
}

static void test_all(void **state)
{
    (void)state;
    shop_each_server(check, NULL);
}

/* ---- values that change ---- */

static const char *lossy(shop *f, const char *column, char cell[80])
{
    return shop_cell(f->admin, "SHOW MIGRATION lossy", column, cell, 80);
}

/* What is compared with a parameter is the form that stands for the column. */
static void check_changes(shop *f)
{
    static const query by_id = {"", {NUM(LONG, four, 1), TEXT(STRING, "loud")}};
    char cell[80];
    ts_do(f->admin,
          "APPLY MIGRATION 'name: lossy\ntable: t_mig.transactions\nobserve_days: 0\ncolumns:\n  - "
          "{from: note, to: remark, up: LOWER(note), down: remark}\nbackfill: {shadow_percent: 100, "
          "recheck_percent: 0}\n'");
    ts_do(f->admin, "ADVANCE MIGRATION lossy TO dual_write");
    ts_wait_backfill(f->admin, "lossy");
    ts_conn *c = ts_proxy_connect(&f->proxy, f->proxy.port_both, "t_mig");
    ts_do(c, "UPDATE transactions SET note = 'loud' WHERE id = 1");
    for (int i = 0; i < 600 && atoi(lossy(f, "shadow_compared", cell)) < 3; i++) {
        run(c, "SELECT note FROM transactions WHERE id = ? AND note = ? LIMIT 1", &by_id);
        usleep(100000);
    }
    assert_string_equal(lossy(f, "shadow_differing", cell), "0");
    ts_do(c, "UPDATE transactions SET note = 'Loud' WHERE id = 1");
    for (int i = 0; i < 600 && atoi(lossy(f, "shadow_differing", cell)) == 0; i++) {
        run(c, "SELECT note FROM transactions WHERE id = ? AND note = ? LIMIT 1", &by_id);
        usleep(100000);
    }
    assert_true(atoi(lossy(f, "shadow_differing", cell)) > 0);
    assert_string_equal(lossy(f, "shadow_failed", cell), "0");
    assert_int_equal(ts_int(f->direct, "SELECT read_rows FROM straddle.shadow WHERE outcome = 'differing'"),
                     1);
    ts_close(c);
}

static void test_changes(void **state)
{
    (void)state;
    shop_each_server(check_changes, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all), cmocka_unit_test(test_changes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
