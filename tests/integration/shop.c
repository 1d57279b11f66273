#include "shop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

const char *const shop_phases[] = {"planned", "expanded",   "dual_write", "switched",
                                   "retired", "contracted", "finished"};

static void create_schema(ts_conn *c, const char *schema, const char *column)
{
    ts_do(c, "DROP DATABASE IF EXISTS %s", schema);
    ts_do(c, "CREATE DATABASE %s CHARACTER SET utf8mb4", schema);
    ts_do(c,
          "CREATE TABLE %s.transactions (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, account_id INT NOT "
          "NULL, %s VARCHAR(20) NOT NULL DEFAULT 'card' COMMENT 'how it was paid', amount DECIMAL(12,2) NOT "
          "NULL DEFAULT 0, note VARCHAR(60) NULL, n INT NOT NULL DEFAULT 0, UNIQUE KEY uq_account_note "
          "(account_id, note), KEY k_amount (amount))",
          schema, column);
    ts_do(c,
          "CREATE TABLE %s.accounts (id INT NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL, payment_method "
          "VARCHAR(20) NOT NULL)",
          schema);
    ts_do(c,
          "CREATE TABLE %s.archive (id BIGINT NOT NULL PRIMARY KEY, account_id INT NOT NULL, kind "
          "VARCHAR(20) NOT NULL, amount DECIMAL(12,2) NOT NULL, note VARCHAR(60) NULL, n INT NOT NULL)",
          schema);
    ts_do(c, "CREATE TABLE %s.log (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, what VARCHAR(60) NOT NULL)",
          schema);
    ts_do(c, "INSERT INTO %s.accounts VALUES (1, 'ann', 'cash'), (2, 'bob', 'card'), (3, 'cy', 'wire')",
          schema);
}

void shop_create(const ts_server *s)
{
    ts_conn *c = ts_root(s, NULL);
    create_schema(c, "t_mig", "transaction_type");
    create_schema(c, "t_old", "transaction_type");
    create_schema(c, "t_new", "payment_method");
    ts_close(c);
}

static const char *const columns[] = {"transaction_type", "payment_method"};

/* Which of the two columns of t_mig are there and trusted in a phase. */
static bool has(int phase, int column)
{
    return column == 0 ? phase <= SHOP_SWITCHED : phase >= SHOP_DUAL;
}

static void fill(ts_conn *c, const char *schema, const char *list, const char *values)
{
    static const char *const rows[][4] = {
        {"1, 1", "card", "10.50", "'first', 1"},  {"2, 1", "wire", "20.00", "'second', 2"},
        {"3, 2", "card", "5.25", "NULL, 3"},      {"4, 2", "cash", "7.75", "'fourth', 4"},
        {"5, 3", "Card", "100.00", "'fifth', 5"}, {"6, 3", "it''s", "0.00", "'sixth', 6"},
        {"7, 1", "", "1.00", "'seventh', 7"},     {"8, 2", "wire ", "2.00", "'eighth', 8"},
    };
    ts_do(c, "DELETE FROM %s.transactions", schema);
    ts_do(c, "ALTER TABLE %s.transactions AUTO_INCREMENT = 1", schema);
    ts_do(c, "DELETE FROM %s.archive", schema);
    ts_do(c, "TRUNCATE TABLE %s.log", schema);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char pair[80];
        if (strcmp(values, "both") == 0)
            snprintf(pair, sizeof pair, "'%s', '%s'", rows[i][1], rows[i][1]);
        else
            snprintf(pair, sizeof pair, "'%s'", rows[i][1]);
        ts_do(c, "INSERT INTO %s.transactions (id, account_id, %s, amount, note, n) VALUES (%s, %s, %s, %s)",
              schema, list, rows[i][0], pair, rows[i][2], rows[i][3]);
    }
}

void shop_fill(ts_conn *c, int phase)
{
    fill(c, "t_old", columns[0], "one");
    fill(c, "t_new", columns[1], "one");
    if (has(phase, 0) && has(phase, 1))
        fill(c, "t_mig", "transaction_type, payment_method", "both");
    else
        fill(c, "t_mig", columns[has(phase, 0) ? 0 : 1], "one");
}

static ts_result *contents(ts_conn *c, const char *schema, const char *column)
{
    return ts_query(c, "SELECT id, account_id, %s AS kind, amount, note, n FROM %s.transactions ORDER BY id",
                    column, schema);
}

static bool same_other_tables(ts_conn *c, const char *reference, char why[512])
{
    static const char *const tables[] = {"archive", "log", "accounts"};
    bool same = true;
    for (size_t i = 0; i < 3 && same; i++) {
        ts_result *a = ts_query(c, "SELECT * FROM t_mig.%s ORDER BY 1", tables[i]);
        ts_result *b = ts_query(c, "SELECT * FROM %s.%s ORDER BY 1", reference, tables[i]);
        same = ts_same(a, b, TS_ORDERED, why);
        ts_result_free(a), ts_result_free(b);
    }
    return same;
}

bool shop_same_data(ts_conn *c, const char *reference, int phase, char why[512])
{
    const char *theirs = strcmp(reference, "t_old") == 0 ? columns[0] : columns[1];
    bool same = true;
    for (int i = 0; i < 2 && same; i++) {
        if (!has(phase, i)) continue;
        ts_result *a = contents(c, "t_mig", columns[i]), *b = contents(c, reference, theirs);
        char inner[512];
        same = ts_same(a, b, TS_ORDERED, inner);
        if (!same) snprintf(why, 512, "stored in %s: %.440s", columns[i], inner);
        ts_result_free(a), ts_result_free(b);
    }
    if (same && has(phase, 0) && has(phase, 1) &&
        ts_int(c, "SELECT COUNT(*) FROM t_mig.transactions WHERE NOT (BINARY transaction_type <=> BINARY "
                  "payment_method)") != 0) {
        snprintf(why, 512, "A and B differ in some row");
        same = false;
    }
    return same && same_other_tables(c, reference, why);
}

/* ---- a proxy before it ---- */

void shop_start(shop *f, const ts_server *server, const char *extra)
{
    f->server = server;
    ts_forget_migrations(server);
    shop_create(server);
    ts_proxy_start(&f->proxy, server, extra);
    f->admin = ts_proxy_admin(&f->proxy);
    f->direct = ts_root(server, "t_mig");
    shop_fill(f->direct, 0);
}

void shop_end(shop *f)
{
    ts_close(f->direct);
    ts_close(f->admin);
    ts_proxy_end(&f->proxy);
}

void shop_apply(shop *f, const char *more)
{
    ts_do(f->admin,
          "APPLY MIGRATION 'name: " SHOP_MIGRATION "\ntable: t_mig.transactions\ncolumns:\n  - {from: "
          "transaction_type, to: payment_method}\n%s\n'",
          more == NULL ? "observe_days: 0" : more);
}

void shop_each_server(void (*check)(shop *), const char *extra)
{
    size_t n;
    const ts_server *s = ts_servers(&n);
    for (size_t i = 0; i < n; i++) {
        shop f;
        print_message("on %s\n", s[i].name);
        shop_start(&f, &s[i], extra);
        check(&f);
        shop_end(&f);
    }
}

void shop_expect(ts_conn *c, const char *sql, unsigned error, const char *part)
{
    ts_result *r = ts_query(c, "%s", sql);
    if (r->error != error || (error != 0 && strstr(r->message, part) == NULL))
        fail_msg("%.900s\nwanted %u with \"%s\", got %u %s", sql, error, part, r->error, r->message);
    ts_result_free(r);
}

const char *shop_cell(ts_conn *c, const char *sql, const char *column, char *buf, size_t size)
{
    ts_result *r = ts_query(c, "%s", sql);
    if (r->error != 0) fail_msg("%s: %u %s", sql, r->error, r->message);
    snprintf(buf, size, "(none)");
    for (size_t i = 0; r->nrows > 0 && i < r->ncols; i++)
        if (strcmp(r->names[i], column) == 0)
            snprintf(buf, size, "%s", r->cells[i] == NULL ? "NULL" : r->cells[i]);
    ts_result_free(r);
    return buf;
}

long long shop_stat(ts_conn *admin, const char *name)
{
    long long value = -1;
    ts_result *r = ts_query(admin, "SHOW STATS");
    for (size_t i = 0; i < r->nrows; i++)
        if (strcmp(ts_cell(r, i, "name"), name) == 0) value = atoll(ts_cell(r, i, "value"));
    ts_result_free(r);
    return value;
}

void shop_await(ts_conn *admin, const char *column, const char *part)
{
    char got[600] = "";
    for (int i = 0; i < 1200; i++) {
        shop_cell(admin, "SHOW MIGRATION " SHOP_MIGRATION, column, got, sizeof got);
        if (strstr(got, part) != NULL) return;
        nanosleep(&(struct timespec){0, 50000000}, NULL);
    }
    fail_msg("%s of the migration is \"%s\" after 60 s, not \"%s\"", column, got, part);
}
