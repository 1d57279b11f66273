/* Names outside ASCII beside the migrating column, in sessions of every kind of character set: the client's
 * statements and what it is told are the same as on the plain table. */
#include "process.h"

#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MIGRATION "spelling"

typedef struct alphabet {
    const char *charset, *iconv;
    const char *a, *b; /* two names, in UTF-8 */
    bool mysql;        /* MySQL alone has it */
} alphabet;

/* Those in backticks hold a byte that looks like a backslash; after a dot, without quotes, MySQL itself does
 * not know them. */
static const alphabet alphabets[] = {
    {"utf8mb4", "UTF-8", "prénom", "größe", false},
    {"latin1", "CP1252", "prénom", "größe", false},
    {"gbk", "GBK", "名称", "`誠`", false},
    {"big5", "BIG5", "名稱", "`功能`", false},
    {"sjis", "SJIS", "`名前`", "`能力`", false},
    {"gb18030", "GB18030", "名称", "größe", true},
    {"cp1251", "CP1251", "имя", "число", false},
    {"binary", "UTF-8", "`prénom`", "`größe`", false}, /* where no letter is one outside quotes */
};

static void encode(const char *iconv_name, const char *text, char *out, size_t size)
{
    iconv_t how = iconv_open(iconv_name, "UTF-8");
    char *in = (char *)(uintptr_t)text, *to = out;
    size_t left = strlen(text), room = size - 1;
    if (how == (iconv_t)-1 || iconv(how, &in, &left, &to, &room) != 0)
        fail_msg("not in %s: %s", iconv_name, text);
    *to = '\0';
    iconv_close(how);
}

/* { and } in the text stand for the two names. */
static void fill_in(const alphabet *a, const char *text, char *out, size_t size)
{
    size_t n = 0;
    for (; *text != '\0' && n + 40 < size; text++) {
        const char *name = *text == '{' ? a->a : *text == '}' ? a->b : NULL;
        if (name == NULL)
            out[n++] = *text;
        else
            n += (size_t)snprintf(out + n, size - n, "%s", name);
    }
    out[n] = '\0';
}

static void create(ts_conn *c, const char *schema, const alphabet *a)
{
    char names[512];
    ts_do(c, "SET NAMES utf8mb4");
    ts_do(c, "DROP DATABASE IF EXISTS %s", schema);
    ts_do(c, "CREATE DATABASE %s", schema);
    fill_in(a, "(id INT PRIMARY KEY, { INT, s VARCHAR(20), } VARCHAR(20)) CHARACTER SET utf8mb4", names,
            sizeof names);
    ts_do(c, "CREATE TABLE %s.t %s", schema, names);
    fill_in(a, "(id INT, { INT)", names, sizeof names);
    ts_do(c, "CREATE TABLE %s.u %s", schema, names);
    ts_do(c, "INSERT INTO %s.t VALUES (1, 10, 'one', 'x'), (2, 20, 'two', 'y')", schema);
    ts_do(c, "INSERT INTO %s.u VALUES (1, 10), (3, 30)", schema);
}

/* s is the migrating column. */
static const char *const statements[] = {
    "SELECT * FROM t ORDER BY id",
    "SELECT {, s, } FROM t WHERE { > 10",
    "SELECT t.{ AS }, s AS { FROM t ORDER BY }",
    "INSERT INTO t VALUES (3, 30, 'three', 'z')",
    "INSERT INTO t (}, s, {, id) VALUES ('q', 'four', 40, 4)",
    "REPLACE INTO t VALUES (4, 41, 'four again', 'q')",
    "INSERT INTO t SELECT id + 10, {, s, } FROM t",
    "INSERT INTO t SELECT q.id + 50, q.{, q.s, q.} FROM (SELECT * FROM t) q",
    "INSERT INTO t VALUES (1, 11, 'odku', 'x') ON DUPLICATE KEY UPDATE s = VALUES(s), { = { + 1",
    "UPDATE t SET s = CONCAT(s, }), { = { + 1 WHERE { < 30",
    "UPDATE t JOIN u USING (id) SET s = 'joined', t.} = 'j' WHERE u.{ = 10",
    "SELECT s, { FROM t NATURAL JOIN u",
    "SELECT s FROM t JOIN u USING ({)",
    "SELECT x.s, x.} FROM (SELECT * FROM t) x ORDER BY x.id",
    "WITH { AS (SELECT s, } FROM t) SELECT * FROM { ORDER BY 1, 2",
    "SELECT }.s FROM t AS } ORDER BY }.{, }.id",
    "SELECT s AS { FROM t ORDER BY {",
    "DELETE FROM t WHERE { = 40 OR s = 'three'",
    "SELECT * FROM t ORDER BY id",
    "SHOW COLUMNS FROM t",
};

static void same(ts_conn *plain, ts_conn *through, const alphabet *a, const char *text)
{
    char sql[512], bytes[512], why[512] = "";
    fill_in(a, text, sql, sizeof sql);
    encode(a->iconv, sql, bytes, sizeof bytes);
    ts_result *x = ts_query(plain, "%s", bytes), *y = ts_query(through, "%s", bytes);
    if (x->error != 0) fail_msg("%s, plain: %s: %u %s", a->charset, sql, x->error, x->message);
    if (!ts_same(x, y, TS_ORDERED, why))
        fail_msg("%s: %s: %s (%u %s)", a->charset, sql, why, y->error, y->message);
    ts_result_free(x), ts_result_free(y);
}

static void check_phase(const ts_server *s, const ts_proxy *p, const alphabet *a, ts_conn *direct)
{
    ts_conn *plain = ts_root(s, "spell_plain"), *through = ts_proxy_connect(p, p->port_old, "spell_real");
    ts_do(direct, "SET NAMES utf8mb4");
    ts_do(plain, "SET NAMES %s", a->charset);
    ts_do(through, "SET NAMES %s", a->charset);
    ts_do(plain, "START TRANSACTION");
    ts_do(through, "START TRANSACTION");
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        same(plain, through, a, statements[i]);
    ts_do(plain, "ROLLBACK");
    ts_do(through, "ROLLBACK");
    ts_close(plain), ts_close(through);
}

/* What cannot be said in the session's character set is refused, and nothing else. */
static void check_unsayable(const ts_proxy *p, const alphabet *a)
{
    ts_conn *c = ts_proxy_connect(p, p->port_old, "spell_real");
    ts_do(c, "SET NAMES ascii");
    if (strcmp(a->charset, "utf8mb4") != 0) {
        ts_result *r = ts_query(c, "INSERT INTO t VALUES (9, 90, 'nine', 'z')");
        if (r->error != 1235 || strstr(r->message, "outside ASCII") == NULL)
            fail_msg("%s: %u %s", a->charset, r->error, r->message);
        ts_result_free(r);
    }
    ts_do(c, "SELECT id, s FROM t");
    ts_close(c);
}

static void check_alphabet(const ts_server *s, const alphabet *a)
{
    static const char *const phases[] = {"dual_write", "switched"};
    ts_proxy p;
    ts_conn *direct = ts_root(s, NULL);
    ts_forget_migrations(s);
    create(direct, "spell_real", a);
    create(direct, "spell_plain", a);
    ts_proxy_start(&p, s, NULL);
    ts_conn *admin = ts_proxy_admin(&p);
    ts_apply_rename(admin, MIGRATION, "spell_real.t", "s", "state");
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        ts_go(admin, MIGRATION, phases[i]);
        check_phase(s, &p, a, direct);
    }
    check_unsayable(&p, a);
    ts_close(admin), ts_close(direct);
    ts_proxy_end(&p);
}

static void test_alphabets(void **state)
{
    size_t n;
    const ts_server *servers = ts_servers(&n);
    (void)state;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof alphabets / sizeof *alphabets; k++)
            if (!(servers[i].mariadb && alphabets[k].mysql)) check_alphabet(&servers[i], &alphabets[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_alphabets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
