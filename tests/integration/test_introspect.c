/* What a client is told of a migrating table's columns and indexes: through the proxy, in every phase and by
 * text and prepared, the same as of the plain table of its schema version. */
#include "shop.h"

#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define A "transaction_type"
#define B "payment_method"

typedef struct show_case {
    const char *sql; /* $ stands for the column's name, # for the schema */
    bool ordered;
} show_case;

#define HERE "TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'transactions'"

static const show_case cases[] = {
    {"SHOW COLUMNS FROM transactions", true},
    {"SHOW FULL COLUMNS FROM transactions", true},
    {"SHOW FIELDS IN `transactions` IN #", true},
    {"SHOW FULL FIELDS FROM transactions FROM `#`", true},
    {"SHOW COLUMNS FROM #.transactions LIKE '%t\\_%'", true},
    {"SHOW COLUMNS FROM transactions LIKE '$'", true},
    {"SHOW COLUMNS FROM transactions WHERE Field = '$'", true},
    {"SHOW COLUMNS FROM transactions WHERE `Null` = 'NO' AND (`Key` = '' OR Type LIKE 'varchar%')", true},
    {"SHOW FULL COLUMNS FROM transactions WHERE `Default` = 'card' OR Comment <> ''", true},
    {"DESCRIBE transactions", true},
    {"SHOW CREATE TABLE transactions", true},
    {"show create table `#`.`transactions`", true},
    {"DESC #.transactions $", true},
    {"DESC transactions 'n%'", true},
    {"EXPLAIN transactions", true},
    {"SHOW INDEX FROM transactions WHERE 1 = 1 AND Key_name <> 'none'", false},
    {"SHOW KEYS IN transactions FROM #", false},
    {"SHOW INDEXES FROM transactions WHERE Column_name = '$'", false},
    {"SELECT column_name, ordinal_position, Column_Default, is_nullable, data_type, "
     "character_maximum_length, column_type, column_key, extra, column_comment, collation_name, privileges "
     "FROM information_schema.columns WHERE " HERE " ORDER BY ordinal_position",
     true},
    {"SELECT COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS AS c WHERE c." HERE " AND c.COLUMN_NAME = '$'",
     true},
    {"SELECT `COLUMNS`.`COLUMN_NAME`, MAX(`COLUMNS`.`ORDINAL_POSITION`) FROM "
     "`information_schema`.`COLUMNS` WHERE " HERE " GROUP BY `COLUMNS`.`COLUMN_NAME` ORDER BY 2",
     true},
    {"SELECT COUNT(*), GROUP_CONCAT(column_name ORDER BY ordinal_position), SUM(ordinal_position) FROM "
     "information_schema.columns WHERE " HERE,
     true},
    {"SELECT information_schema.columns.column_name, UPPER(information_schema.columns.data_type) FROM "
     "information_schema.columns WHERE information_schema.columns.table_schema = '#' AND "
     "information_schema.columns.table_name = 'transactions' ORDER BY "
     "information_schema.columns.ordinal_position",
     true},
    {"SELECT d.column_name FROM (SELECT column_name, ordinal_position FROM information_schema.columns "
     "WHERE " HERE ") d ORDER BY d.ordinal_position",
     true},
    {"SELECT index_name, seq_in_index, column_name, non_unique, collation, sub_part, nullable, index_type "
     "FROM information_schema.statistics WHERE " HERE " ORDER BY index_name, seq_in_index",
     true},
    {"SELECT CONSTRAINT_NAME, COLUMN_NAME, ORDINAL_POSITION FROM information_schema.KEY_COLUMN_USAGE "
     "WHERE " HERE " ORDER BY 1, 3",
     true},
    {"SELECT c.column_name, s.index_name, k.constraint_name, k.ordinal_position FROM "
     "information_schema.columns c LEFT JOIN "
     "information_schema.statistics s ON s.table_schema = c.table_schema AND s.table_name = c.table_name "
     "AND s.column_name = c.column_name LEFT JOIN information_schema.key_column_usage k ON k.table_schema = "
     "c.table_schema AND k.table_name = c.table_name AND k.column_name = c.column_name AND "
     "k.constraint_name = s.index_name WHERE c.table_schema = DATABASE() AND c.table_name = 'transactions'",
     false},
    {"SELECT constraint_name, constraint_type FROM information_schema.table_constraints WHERE " HERE
     " ORDER BY 1",
     true},
    {"SELECT * FROM information_schema.columns WHERE " HERE " ORDER BY ordinal_position", true},
    {"SELECT s.* FROM information_schema.STATISTICS AS s WHERE " HERE, false},
    {"SELECT * FROM `information_schema`.KEY_COLUMN_USAGE WHERE " HERE, false},
    {"SELECT * FROM information_schema.TABLE_CONSTRAINTS WHERE " HERE, false},
    {"SELECT COUNT(*), MAX(ordinal_position) FROM information_schema.columns WHERE table_schema = DATABASE()",
     true},
    {"SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND "
     "table_name IN ('accounts', 'transactions', 'log') ORDER BY table_name, ordinal_position",
     true},
    {"SELECT column_name FROM information_schema.columns WHERE " HERE " UNION SELECT index_name FROM "
     "information_schema.statistics WHERE " HERE " ORDER BY column_name",
     true},
    {"SELECT $ FROM transactions WHERE EXISTS (SELECT 1 FROM information_schema.columns c WHERE "
     "c.table_schema = DATABASE() AND c.table_name = 'transactions' AND c.column_name = '$') ORDER BY id",
     true},
    {"SELECT column_name AS a, data_type `T`, (column_key) FROM information_schema.columns WHERE " HERE
     " HAVING a <> 'id' ORDER BY a",
     true},
    {"SELECT column_name, COUNT(*) FROM information_schema.columns WHERE " HERE
     " GROUP BY column_name HAVING column_name LIKE '%a%' ORDER BY column_name",
     true},
    {"SELECT t.table_name, (SELECT COUNT(*) FROM information_schema.columns c WHERE c.table_schema = "
     "t.table_schema AND c.table_name = t.table_name) AS n FROM information_schema.tables t WHERE "
     "t." HERE,
     true},
};

typedef struct setting {
    const ts_server *server;
    const char *phase, *name, *reference;
    ts_conn *proxied, *plain;
    unsigned failures, ran;
} setting;

static char *filled(const char *sql, const char *name, const char *schema)
{
    size_t n = strlen(sql) + 1;
    for (const char *p = sql; *p != '\0'; p++) n += *p == '$' || *p == '#' ? 64 : 0;
    char *out = malloc(n), *q = out;
    assert_non_null(out);
    for (const char *p = sql; *p != '\0'; p++) {
        if (*p == '$' || *p == '#')
            q = stpcpy(q, *p == '$' ? name : schema);
        else
            *q++ = *p;
    }
    *q = '\0';
    return out;
}

/* Estimates, which no two tables have in common, and the schema where a result tells it. */
static void forget(ts_result *r)
{
    static const char *const names[] = {"CARDINALITY", "TABLE_SCHEMA", "INDEX_SCHEMA", "CONSTRAINT_SCHEMA"};
    for (size_t c = 0; c < r->ncols; c++)
        for (size_t i = 0; i < 4; i++)
            for (size_t row = 0; row < r->nrows && strcasecmp(r->names[c], names[i]) == 0; row++) {
                free(r->cells[row * r->ncols + c]);
                r->cells[row * r->ncols + c] = NULL;
                r->lengths[row * r->ncols + c] = 0;
            }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of SHOW CREATE TABLE in an order of their own: twins of indexes stand behind all others. */
static void sort_lines(ts_result *r)
{
    char *lines[64], *copy;
    size_t n = 0;
    if (r->ncols != 2 || r->nrows != 1 || strcmp(r->names[1], "Create Table") != 0) return;
    copy = strdup(r->cells[1]);
    assert_non_null(copy);
    for (char *at = strtok(copy, "\n"); at != NULL && n < 64; at = strtok(NULL, "\n")) {
        size_t len = strlen(at);
        if (len > 0 && at[len - 1] == ',') at[len - 1] = '\0';
        lines[n++] = at;
    }
    qsort(lines, n, sizeof *lines, by_text);
    char *out = r->cells[1];
    for (size_t i = 0; i < n; i++) out = stpcpy(stpcpy(out, lines[i]), "\n");
    r->lengths[1] = (size_t)(out - r->cells[1]);
    free(copy);
}

static void run_case(setting *s, const show_case *k, ts_mode mode)
{
    char *sql = filled(k->sql, s->name, "t_mig"), *plain = filled(k->sql, s->name, s->reference), why[512];
    ts_result *want = ts_run(s->plain, mode, plain, NULL, 0), *got = ts_run(s->proxied, mode, sql, NULL, 0);
    forget(want), forget(got);
    sort_lines(want), sort_lines(got);
    if (want->error != 0 || !ts_same(want, got, k->ordered ? TS_ORDERED : 0, why)) {
        print_error("%s %s, %s, %s: %s\n  plain|proxied: %s %s\n", s->server->name, s->phase, s->name,
                    mode == TS_TEXT ? "text" : "prepared", sql, want->error != 0 ? want->message : why,
                    got->message);
        s->failures++;
    }
    s->ran++;
    ts_result_free(want), ts_result_free(got);
    free(sql), free(plain);
}

static void run_setting(setting *s, unsigned port)
{
    s->plain = ts_root(s->server, s->reference);
    s->proxied = ts_connect(
        &(ts_login){.host = "127.0.0.1", .port = port, .user = "root", .password = "", .schema = "t_mig"});
    for (int mode = TS_TEXT; mode <= TS_PREPARED; mode++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) run_case(s, &cases[i], (ts_mode)mode);
    ts_close(s->plain), ts_close(s->proxied);
}

/* The statements that tell most, by text. */
static void run_few(setting *s, unsigned port)
{
    static const size_t few[] = {0, 1, 6, 13, 16};
    s->plain = ts_root(s->server, s->reference);
    s->proxied = ts_connect(
        &(ts_login){.host = "127.0.0.1", .port = port, .user = "root", .password = "", .schema = "t_mig"});
    for (size_t i = 0; i < sizeof few / sizeof *few; i++) run_case(s, &cases[few[i]], TS_TEXT);
    ts_close(s->plain), ts_close(s->proxied);
}

/* The first column of each row, one after the other. */
static void expect_list(ts_conn *c, const char *sql, const char *want)
{
    char got[1024] = "";
    ts_result *r = ts_query(c, "%s", sql);
    if (r->error != 0) print_error("%s: %s\n", sql, r->message);
    for (size_t i = 0; i < r->nrows && r->error == 0; i++) {
        size_t n = strlen(got);
        snprintf(got + n, sizeof got - n, "%s%s", i > 0 ? " " : "", r->cells[i * r->ncols]);
    }
    ts_result_free(r);
    assert_string_equal(got, want);
}

/* A client of version `both`: A in its place and B last, whichever of them exists. */
static void check_both(const ts_proxy *p)
{
    static const char list[] = "id account_id " A " amount note n d e f g h i j k l m " B;
    ts_conn *c = ts_connect(&(ts_login){
        .host = "127.0.0.1", .port = p->port_both, .user = "root", .password = "", .schema = "t_mig"});
    expect_list(c, "SHOW COLUMNS FROM transactions", list);
    expect_list(c, "SHOW FULL COLUMNS FROM transactions", list);
    expect_list(c, "DESCRIBE transactions", list);
    expect_list(c,
                "SELECT column_name FROM information_schema.columns WHERE " HERE " ORDER BY ordinal_position",
                list);
    expect_list(c, "SHOW COLUMNS FROM transactions WHERE `Null` = 'NO' AND `Default` = 'card'", A " " B);
    ts_close(c);
}

/* As one that has both columns; and where more than one statement would answer, not at all. */
static void check_create(const ts_proxy *p)
{
    ts_conn *c = ts_connect(&(ts_login){.host = "127.0.0.1",
                                        .port = p->port_both,
                                        .user = "root",
                                        .password = "",
                                        .schema = "t_mig",
                                        .flags = CLIENT_MULTI_STATEMENTS});
    ts_result *r = ts_query(c, "SHOW CREATE TABLE transactions");
    assert_int_equal(r->error, 0);
    assert_non_null(strstr(r->cells[1], "\n  `" A "` varchar(20)"));
    assert_non_null(strstr(r->cells[1], "\n  `" B "` varchar(20)"));
    assert_null(strstr(r->cells[1], "KEY `k_kind__"));
    ts_result_free(r);
    r = ts_query(c, "SHOW CREATE TABLE transactions; SELECT 1");
    assert_int_equal(r->error, 1235);
    ts_result_free(r);
    ts_close(c);
}

/* A view that leaves the pair out (the preflight sees to that) is read and written, and B goes along with A.
 */
static void check_view(const ts_server *server, const ts_proxy *p, int phase)
{
    static const char *const statements[] = {
        "SELECT id, amount FROM app.seen ORDER BY id",
        "SELECT s.amount, t." B " FROM app.seen s JOIN transactions t ON s.id = t.id ORDER BY t.id",
        "UPDATE app.seen SET amount = amount WHERE id = 1",
        ("INSERT INTO app.seen (account_id, amount, id) SELECT account_id, amount, -9001 FROM app.seen WHERE "
         "id = 1"),
        "INSERT INTO app.seen SELECT -9002, account_id, amount FROM app.seen WHERE id = 1",
        "REPLACE INTO app.seen SET id = -9003, account_id = 1, amount = 3",
        "DELETE FROM app.seen WHERE id = -9003"};
    bool dual = strcmp(shop_phases[phase], "dual_write") == 0 || strcmp(shop_phases[phase], "switched") == 0;
    ts_conn *c = ts_connect(&(ts_login){
        .host = "127.0.0.1", .port = p->port_both, .user = "root", .password = "", .schema = "t_mig"});
    ts_conn *root = ts_root(server, "t_mig");
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        ts_result *r = ts_query(c, "%s", statements[i]);
        if (r->error != 0)
            fail_msg("%s %s: %s: %u %s", server->name, shop_phases[phase], statements[i], r->error,
                     r->message);
        ts_result_free(r);
    }
    if (dual)
        assert_int_equal(ts_int(root, "SELECT COUNT(*) FROM transactions WHERE NOT (" A " <=> " B ")"), 0);
    ts_do(c, "DELETE FROM transactions WHERE id < -9000");
    ts_close(root);
    ts_close(c);
}

static void run_phase(const ts_server *server, const ts_proxy *p, int phase, unsigned *failures,
                      unsigned *ran)
{
    setting all[] = {{.name = A, .reference = "t_old"}, {.name = B, .reference = "t_new"}};
    for (int v = phase == SHOP_PHASES - 1 ? 1 : 0; v < 2; v++) {
        setting *s = &all[v];
        s->server = server, s->phase = shop_phases[phase];
        run_setting(s, v == 0 ? p->port_old : p->port_new);
        *failures += s->failures, *ran += s->ran;
    }
    if (phase < SHOP_PHASES - 1) check_both(p);
    if (phase < SHOP_PHASES - 1) check_create(p), check_view(server, p, phase);
}

/* Indexes over A of several kinds, and defaults that the servers write in ways of their own. */
static void add_more(const ts_server *server)
{
    static const char *const schemas[][2] = {{"t_mig", A}, {"t_old", A}, {"t_new", B}};
    ts_conn *c = ts_root(server, NULL);
    for (size_t i = 0; i < 3; i++) {
        ts_do(c,
              "ALTER TABLE %s.transactions ADD COLUMN d VARCHAR(30) DEFAULT 'it''s \\\\ \\n \"q\"', ADD "
              "COLUMN e DATETIME(3) NULL DEFAULT CURRENT_TIMESTAMP(3), ADD COLUMN f TEXT DEFAULT ('abc'), "
              "ADD COLUMN g BLOB NULL, ADD COLUMN h BINARY(3) DEFAULT 'x', ADD COLUMN i BIT(3) DEFAULT "
              "b'101', ADD COLUMN j ENUM('a','b') NOT NULL DEFAULT 'b', ADD COLUMN k VARCHAR(9) DEFAULT "
              "'NULL', ADD COLUMN l VARCHAR(20) DEFAULT (CONCAT('a', 'b')), ADD COLUMN m TIMESTAMP NULL ON "
              "UPDATE CURRENT_TIMESTAMP, ADD KEY k_kind (%s), ADD KEY k_two "
              "(%s(7), amount), ADD KEY k_last (note, %s), ADD UNIQUE KEY u_kind (%s, id)",
              schemas[i][0], schemas[i][1], schemas[i][1], schemas[i][1], schemas[i][1]);
    }
    ts_close(c);
}

static void walk(const ts_server *server)
{
    ts_proxy p;
    unsigned failures = 0, ran = 0;
    ts_forget_migrations(server);
    shop_create(server);
    add_more(server);
    ts_conn *root = ts_root(server, NULL);
    ts_do(root, "CREATE OR REPLACE VIEW app.seen AS SELECT id, account_id, amount FROM t_mig.transactions");
    ts_proxy_start(&p, server, NULL);
    ts_conn *admin = ts_proxy_admin(&p);
    ts_apply_rename(admin, SHOP_MIGRATION, "t_mig.transactions", A, B);
    for (int phase = 0; phase < SHOP_PHASES; phase++) {
        ts_go(admin, SHOP_MIGRATION, shop_phases[phase]);
        run_phase(server, &p, phase, &failures, &ran);
    }
    ts_close(admin);
    ts_proxy_end(&p);
    ts_do(root, "DROP VIEW app.seen");
    ts_close(root);
    print_message("%s: %u comparisons, %u differ\n", server->name, ran, failures);
    assert_int_equal(failures, 0);
}

/* What A may be on the plain table, for the servers' ways to write a default. */
static const char *const definitions[] = {
    "VARCHAR(30) NULL",
    "VARCHAR(30) NOT NULL COMMENT 'it''s'",
    "VARCHAR(30) DEFAULT 'it''s \\\\ \\n \"q\"'",
    "DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)",
    "VARCHAR(40) DEFAULT (CONCAT('a', UPPER('b')))",
    "BIT(4) NOT NULL DEFAULT b'101'",
    "INT UNSIGNED NULL DEFAULT 7",
    "VARBINARY(8) DEFAULT 'x'",
    "ENUM('a','b''c') CHARACTER SET latin1 NOT NULL DEFAULT 'b''c'",
    "DECIMAL(9,2) NOT NULL DEFAULT 1.50",
    "VARCHAR(9) NULL DEFAULT 'NULL'",
};

static void run_definition(const ts_server *server, const ts_proxy *p, const char *definition, size_t i)
{
    static const char *const schemas[][2] = {{"t_mig", A}, {"t_old", A}, {"t_new", B}};
    char name[40];
    unsigned failures = 0, ran = 0;
    ts_conn *admin = ts_proxy_admin(p), *c = ts_root(server, NULL);
    shop_create(server);
    for (size_t k = 0; k < 3; k++)
        ts_do(c, "ALTER TABLE %s.transactions MODIFY COLUMN %s %s", schemas[k][0], schemas[k][1], definition);
    snprintf(name, sizeof name, "rename_%zu", i);
    ts_apply_rename(admin, name, "t_mig.transactions", A, B);
    for (int phase = 0; phase < SHOP_PHASES; phase++) {
        ts_go(admin, name, shop_phases[phase]);
        setting all[] = {{.name = A, .reference = "t_old"}, {.name = B, .reference = "t_new"}};
        for (int v = phase == SHOP_PHASES - 1 ? 1 : 0; v < 2; v++) {
            all[v].server = server, all[v].phase = shop_phases[phase];
            run_few(&all[v], v == 0 ? p->port_old : p->port_new);
            failures += all[v].failures, ran += all[v].ran;
        }
    }
    ts_close(admin), ts_close(c);
    if (failures != 0) print_error("%s: %s: %u of %u differ\n", server->name, definition, failures, ran);
    assert_int_equal(failures, 0);
}

static void walk_definitions(const ts_server *server)
{
    ts_proxy p;
    ts_forget_migrations(server);
    shop_create(server);
    ts_proxy_start(&p, server, NULL);
    for (size_t i = 0; i < sizeof definitions / sizeof *definitions; i++)
        run_definition(server, &p, definitions[i], i);
    ts_proxy_end(&p);
}

static void test_definitions_mysql(void **state)
{
    (void)state;
    walk_definitions(ts_mysql());
}

static void test_definitions_mariadb(void **state)
{
    (void)state;
    walk_definitions(ts_mariadb());
}

static void test_mysql(void **state)
{
    (void)state;
    walk(ts_mysql());
}

static void test_mariadb(void **state)
{
    (void)state;
    walk(ts_mariadb());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mysql), cmocka_unit_test(test_mariadb),
                                       cmocka_unit_test(test_definitions_mysql),
                                       cmocka_unit_test(test_definitions_mariadb)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
