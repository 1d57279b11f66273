/* CHECK MIGRATION: what is found, with which weight, and what must not be found: names in strings and
 * comments, columns of other tables, code of other schemas. */
#include "shop.h"

#include <stdio.h>
#include <string.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define TABLE "CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL, n INT)"
#define OTHER "CREATE TABLE o (id INT PRIMARY KEY, a INT)"

typedef struct found {
    const char *what;
    const char *make[4];
    const char *result, *object, *detail; /* result NULL: nothing may name that object */
} found;

static const found cases[] = {
    {"string",
     {TABLE, OTHER,
      "CREATE TRIGGER x AFTER INSERT ON t FOR EACH ROW INSERT INTO o VALUES (NEW.id, "
      "LENGTH('NEW.a'))"},
     NULL,
     "x",
     ""},
    {"comment", {TABLE, OTHER, "CREATE PROCEDURE x() SELECT id /* a of t */ FROM o"}, NULL, "x", ""},
    {"another's column",
     {TABLE, OTHER, "CREATE PROCEDURE x() SELECT o.a FROM o JOIN t ON t.id = o.id"},
     NULL,
     "x",
     ""},
    {"in different statements",
     {TABLE, OTHER, "CREATE PROCEDURE x() BEGIN UPDATE o SET a = 1; UPDATE t SET n = 1; END"},
     NULL,
     "x",
     ""},
    {"one that writes",
     {TABLE, "CREATE PROCEDURE x(q INT) BEGIN IF q > 1 THEN UPDATE t SET a = q; END IF; END"},
     "refused",
     "x",
     "writes the column"},
    {"one that reads",
     {TABLE, "CREATE FUNCTION x() RETURNS INT READS SQL DATA RETURN (SELECT MAX(a) FROM t)"},
     "refused",
     "x",
     "column"},
    {"an event",
     {TABLE, "CREATE EVENT x ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01' DO DELETE FROM t WHERE a = 1"},
     "refused",
     "x",
     "reads the column"},
    {"a spatial column that is not nullable",
     {"CREATE TABLE t (id INT PRIMARY KEY, a POINT NOT NULL, n INT)"},
     "refused",
     "a",
     "spatial"},
    {"JSON, with MariaDB's own CHECK", {"CREATE TABLE t (id INT PRIMARY KEY, a JSON, n INT)"}, NULL, "a", ""},
    {"a CHECK that names the column",
     {"CREATE TABLE t (id INT PRIMARY KEY, a INT, n INT, CONSTRAINT x CHECK (a > n))"},
     "refused",
     "x",
     "CHECK"},
    {"a spatial column", {"CREATE TABLE t (id INT PRIMARY KEY, a POINT, n INT)"}, NULL, "a", ""},
    {"two unique keys",
     {"CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL, n INT, UNIQUE KEY x (a), UNIQUE KEY y (n))"},
     "warning",
     "x",
     "violates both this unique key and y"},
    {"one unique key",
     {"CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL, n INT, UNIQUE KEY x (a, n), KEY y (n))"},
     NULL,
     "x",
     ""},
    {"a view", {TABLE, "CREATE VIEW x AS SELECT id, a + 1 AS c FROM t"}, "refused", "x", "reads the column"},
    {"a view beside it",
     {TABLE, "CREATE VIEW x AS SELECT id, n FROM t"},
     "warning",
     "x",
     "a view over the table"},
    {"a trigger that writes",
     {TABLE, "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET NEW.a = NEW.n"},
     "refused",
     "x",
     "writes the column"},
    {"a trigger for updates",
     {TABLE, OTHER,
      "CREATE TRIGGER x AFTER UPDATE ON t FOR EACH ROW INSERT INTO o "
      "VALUES (NEW.id, 1) ON DUPLICATE KEY UPDATE a = a + 1"},
     "warning",
     "x",
     "every row"},
    {"text made at run time",
     {TABLE, "CREATE PROCEDURE x(s TEXT) BEGIN SET @s = s; PREPARE p FROM @s; EXECUTE p; END"},
     "warning",
     "x",
     "run time"},
    {"gh-ost", {TABLE, "CREATE TABLE _t_ghc (id INT)"}, "warning", "_t_ghc", "gh-ost"},
    {"foreign key",
     {"CREATE TABLE p (id INT PRIMARY KEY)",
      "CREATE TABLE t (id INT PRIMARY KEY, a INT, CONSTRAINT x FOREIGN KEY (a) REFERENCES p (id) "
      "ON UPDATE CASCADE)"},
     "warning",
     "x",
     "cascades"},
    {"column grant",
     {TABLE, "GRANT SELECT (id, a), UPDATE (a) ON t TO t_pre_user@localhost"},
     "warning",
     "t_pre_user",
     "on the column a alone"},
};

static bool names(const char *cell, const char *object)
{
    const char *dot = strrchr(cell, '.');
    return strcmp(dot == NULL ? cell : dot + 1, object) == 0 ||
           (strlen(object) > 1 && strstr(cell, object) != NULL);
}

static void check_one(shop *f, const found *c)
{
    ts_do(f->direct, "DROP DATABASE IF EXISTS t_pre");
    ts_do(f->direct, "CREATE DATABASE t_pre");
    ts_do(f->direct, "USE t_pre");
    ts_do(f->direct, TABLE);
    ts_do(f->admin, "APPLY MIGRATION 'name: pre\ntable: t_pre.t\ncolumns: [{from: a, to: b}]'");
    ts_do(f->direct, "DROP TABLE t");
    for (size_t i = 0; i < 4 && c->make[i] != NULL; i++) ts_do(f->direct, "%s", c->make[i]);
    ts_result *r = ts_query(f->admin, "CHECK MIGRATION pre");
    const char *hit = NULL, *result = NULL;
    for (size_t i = 0; i < r->nrows && r->error == 0; i++)
        if (names(ts_cell(r, i, "check"), c->object))
            hit = ts_cell(r, i, "detail"), result = ts_cell(r, i, "result");
    if (r->error != 0) fail_msg("%s: %s", c->what, r->message);
    if (c->result == NULL && hit != NULL) fail_msg("%s: %s, %s", c->what, result, hit);
    if (c->result != NULL &&
        (hit == NULL || strcmp(result, c->result) != 0 || strstr(hit, c->detail) == NULL))
        fail_msg("%s: %s, %s", c->what, result == NULL ? "nothing" : result, hit == NULL ? "" : hit);
    ts_result_free(r);
    ts_do(f->admin, "REMOVE MIGRATION pre");
}

static void check(shop *f)
{
    ts_do(f->direct, "DROP USER IF EXISTS t_pre_user@localhost");
    ts_do(f->direct, "CREATE USER t_pre_user@localhost");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_one(f, &cases[i]);
    ts_do(f->direct, "DROP DATABASE t_pre");
    ts_do(f->direct, "DROP USER t_pre_user@localhost");
}

static void test_findings(void **state)
{
    (void)state;
    shop_each_server(check, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_findings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
