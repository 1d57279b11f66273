/* Every allocation of the rewriter, of the configuration and of the protocol fails once: nothing crashes,
 * nothing is lost (the sanitizers tell), and what comes out is an error or the right answer, never another
 * one. */
#include "failing.h"

#include "config/config.h"
#include "protocol/compress.h"
#include "protocol/handshake.h"
#include "protocol/packet.h"
#include "protocol/result.h"
#include "protocol/stmt.h"
#include "rewrite/rewrite.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

/* ---- the rewriter ---- */

static const char ddl[] =
    "CREATE TABLE transactions (id INT NOT NULL PRIMARY KEY AUTO_INCREMENT, transaction_type VARCHAR(20) NOT "
    "NULL "
    "DEFAULT 'cash', amount INT NOT NULL, note VARCHAR(40) DEFAULT NULL, KEY by_type (transaction_type));"
    "CREATE TABLE orders (id INT NOT NULL PRIMARY KEY, transaction_id INT, payment_method VARCHAR(20), "
    "amount INT);"
    "CREATE VIEW big AS SELECT * FROM transactions WHERE amount > 100;";

static const char *const statements[] = {
    "SELECT * FROM transactions WHERE payment_method = 'card'",
    "SELECT t.*, (SELECT MAX(o.amount) FROM orders o WHERE o.transaction_id = t.id) m FROM transactions t "
    "ORDER BY "
    "transaction_type",
    "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT payment_method, n "
    "FROM "
    "transactions JOIN r ON r.n = id GROUP BY payment_method, n HAVING COUNT(*) > 0",
    "INSERT INTO transactions (payment_method, amount) VALUES ('a', 1), ('b', 2), ('c', 3) ON DUPLICATE KEY "
    "UPDATE "
    "payment_method = CONCAT(VALUES(payment_method), '!')",
    "INSERT INTO transactions SELECT * FROM transactions",
    "UPDATE transactions SET payment_method = UPPER(payment_method), amount = amount + 1 WHERE id IN (SELECT "
    "id FROM "
    "orders)",
    "UPDATE transactions t JOIN orders o ON o.transaction_id = t.id SET t.payment_method = o.payment_method",
    "DELETE FROM transactions WHERE payment_method = 'x' LIMIT 3",
    "SELECT * FROM big NATURAL JOIN orders",
    "SHOW COLUMNS FROM transactions",
    "CREATE TABLE archive AS SELECT * FROM transactions",
    "SELECT nonsense FROM transactions WHERE",
    "PREPARE s FROM 'SELECT payment_method FROM transactions'",
};
enum { STATEMENTS = sizeof statements / sizeof *statements };

typedef struct rewriting {
    const rw_ruleset *rules;
    const char *sql;
    bool cached;
    rw_verdict verdict; /* of the run without a failure */
    char text[4096];
} rewriting;

static b_status rewrite(const rewriting *w, b_arena *arena, rw_result *out)
{
    rw_ctx ctx = {.charset = RW_CHARSET_SAFE, .schema = B_LIT("shop"), .version = RW_VERSION_BOTH};
    if (!w->cached) return rw_rewrite(w->rules, &ctx, b_slice_str(w->sql), arena, out);
    rw_cache *c = rw_cache_new(16);
    if (c == NULL) return B_NOMEM;
    b_status st = rw_rewrite_cached(c, w->rules, &ctx, b_slice_str(w->sql), arena, out);
    if (st == B_OK) st = rw_rewrite_cached(c, w->rules, &ctx, b_slice_str(w->sql), arena, out);
    rw_cache_free(c);
    return st;
}

static void run_rewrite(void *arg, bool fails)
{
    rewriting *w = arg;
    rw_result out = {.verdict = RW_REFUSED};
    b_arena *arena = b_arena_new(0);
    b_status st = arena == NULL ? B_NOMEM : rewrite(w, arena, &out);
    bool failed = failing_over();
    if (!fails || !failed) assert_int_equal(st, B_OK);
    if (st == B_OK && failed && out.verdict == RW_REFUSED && w->verdict != RW_REFUSED) {
        assert_true(out.message.n > 0); /* an answer, if not that of the statement */
    } else if (st == B_OK) {
        assert_int_equal(out.verdict, w->verdict);
        if (out.verdict == RW_REWRITTEN) {
            assert_int_equal(out.sql.n, strlen(w->text));
            assert_memory_equal(out.sql.p, w->text, out.sql.n);
        }
    } else {
        assert_int_equal(st, B_NOMEM);
    }
    b_arena_free(arena);
}

static void try_statement(const rw_ruleset *rules, const char *sql, bool cached)
{
    rewriting w = {.rules = rules, .sql = sql, .cached = cached};
    rw_result out = {.verdict = RW_REFUSED};
    b_arena *arena = b_arena_new(0);
    assert_int_equal(rewrite(&w, arena, &out), B_OK);
    w.verdict = out.verdict;
    if (out.verdict == RW_REWRITTEN) snprintf(w.text, sizeof w.text, "%.*s", B_ARG(out.sql));
    b_arena_free(arena);
    assert_true(failing_each(run_rewrite, &w) > 1);
}

static const world_opts phases[] = {
    {.server = {RW_MYSQL, 90704, 0}, .phase = RW_DUAL_WRITE, .ddl = ddl},
    {.server = {RW_MARIADB, 101119, 0}, .phase = RW_SWITCHED, .ddl = ddl},
    {.server = {RW_MYSQL, 90704, 0}, .phase = RW_RETIRED, .ddl = ddl},
};
enum { PHASES = sizeof phases / sizeof *phases };

static void test_rewrite(void **state)
{
    (void)state;
    for (size_t p = 0; p < PHASES; p++) {
        rw_ruleset *rules = world_new(&phases[p]);
        assert_non_null(rules);
        for (size_t i = 0; i < STATEMENTS; i++) {
            try_statement(rules, statements[i], false);
            try_statement(rules, statements[i], true);
        }
        rw_ruleset_unref(rules);
    }
}

static void run_rules(void *arg, bool fails)
{
    rw_ruleset *r = world_new(arg);
    bool failed = failing_over();
    if (!fails || !failed) assert_non_null(r);
    rw_ruleset_unref(r);
}

static void test_rules(void **state)
{
    (void)state;
    for (size_t p = 0; p < PHASES; p++) {
        world_opts o = phases[p];
        assert_true(failing_each(run_rules, &o) > 10);
    }
}

/* ---- the configuration ---- */

static const char config[] =
    "listeners:\n  - {address: '127.0.0.1:6033', schema_version: old, proxy_protocol: true, "
    "proxy_protocol_from: "
    "'10.0.0.0/8, ::1/128'}\n  - {address: /tmp/app.sock}\n"
    "admin:\n  address: 127.0.0.1:6032\n  users: [{name: a, password: b, role: operator}, {name: r, "
    "password: s}]\n"
    "backend: {address: '127.0.0.1:3306', user: s, password: p, tls: {mode: required}}\n"
    "replicas: [{address: '127.0.0.1:3307'}]\n"
    "users: [{name: app, schema_version: new}]\n"
    "hooks: [{on: 'phase', command: 'true'}]\n"
    "rules: [{name: r, text: 'a+', action: rewrite, replace: b}]\n"
    "migrations:\n  - name: m\n    table: shop.t\n    columns: [{from: a, to: b, type: INT, up: 'a + 1', "
    "down: 'b - "
    "1'}]\n"
    "log: {file: log, level: warn}\ntakeover: {socket: control}\n";

typedef struct loading {
    char path[80];
} loading;

static void run_config(void *arg, bool fails)
{
    const loading *l = arg;
    b_buf diag = {0};
    cfg_config *c = cfg_load(l->path, &diag);
    bool failed = failing_over();
    if (!fails || !failed) {
        if (c == NULL) fail_msg("%s", b_buf_cstr(&diag));
    } else if (c == NULL && !diag.failed && diag.n == 0) {
        fail_msg("the configuration is refused without a word");
    } else if (c != NULL) { /* then it is whole */
        assert_int_equal(c->nlisteners, 2);
        assert_int_equal(c->nmigrations, 1);
        assert_non_null(c->log_file);
        assert_non_null(c->takeover_socket);
        assert_string_equal(c->admin_users[1].password, "s");
        assert_string_equal(c->migrations[0]->table, "t");
        assert_string_equal(c->replicas[0].user, "s");
    }
    cfg_free(c);
    b_buf_deinit(&diag);
}

static void test_config(void **state)
{
    (void)state;
    loading l = {.path = "/tmp/straddle-alloc-XXXXXX"};
    int fd = mkstemp(l.path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, config, sizeof config - 1), sizeof config - 1);
    close(fd);
    assert_true(failing_each(run_config, &l) > 50);
    unlink(l.path);
}

/* ---- the protocol ---- */

static void free_extra(void *extra)
{
    free(extra);
}

/* A prepared statement of two parameters that became three, with long data for the second. */
static void run_statement(void *arg, bool fails)
{
    static const uint32_t source[] = {1, 0, 1};
    static const char execute[] = "\x17\x01\0\0\0\0\1\0\0\0\0\1\x03\0\xfe\0\x07\0\0\0";
    static const char want[] = "\x17\x63\0\0\0\0\1\0\0\0\0\1\xfe\0\x03\0\xfe\0\x07\0\0\0";
    (void)arg;
    b_buf out = {0}, longs = {0};
    mp_stmts *all = mp_stmts_new(free_extra);
    mp_stmt *s = all == NULL ? NULL : mp_stmts_add(all, B_LIT("SELECT ?, ?"));
    b_status st = s == NULL ? B_NOMEM : B_OK;
    if (st == B_OK) s->nparams = 2, s->server_id = 0x63, s->keeps_long = true;
    if (st == B_OK) st = mp_stmt_set_map(s, source, 3, 2);
    if (st == B_OK) st = mp_stmt_keep_long(s, 1, B_LIT("long"));
    if (st == B_OK) st = mp_stmt_put_long(s, &longs);
    if (st == B_OK) st = mp_stmt_execute(s, b_slice_of(execute, sizeof execute - 1), 0, false, &out);
    bool failed = failing_over();
    if (!fails || !failed) assert_int_equal(st, B_OK);
    if (st == B_OK && !out.failed && !longs.failed) {
        assert_int_equal(out.n, sizeof want - 1);
        assert_memory_equal(out.p, want, out.n);
    } else if (st != B_OK) {
        assert_int_equal(st, B_NOMEM);
    }
    mp_stmts_free(all);
    b_buf_deinit(&out), b_buf_deinit(&longs);
}

static void run_packets(void *arg, bool fails)
{
    (void)arg;
    b_buf b = {0};
    mp_login l = {.caps = MP_CLIENT_PROTOCOL_41 | MP_CLIENT_SECURE_CONNECTION | MP_CLIENT_PLUGIN_AUTH,
                  .user = B_LIT("somebody with a long name that needs room, more than a buffer has at first"),
                  .auth = B_LIT("01234567890123456789"),
                  .plugin = B_LIT("caching_sha2_password")};
    size_t at = mp_packet_begin(&b);
    mp_login_put(&b, &l);
    uint8_t next = mp_packet_end(&b, at, 1);
    (void)mp_err_packet(&b, next, 1041, "HY000", "%s", "out of memory");
    bool failed = failing_over();
    assert_int_equal(b.failed, failed);
    mp_login got;
    if (!fails || !failed)
        assert_int_equal(mp_login_parse(b_slice_of(b.p + 4, (size_t)(unsigned char)b.p[0]), &got), B_OK);
    b_buf_deinit(&b);
}

static void run_compress(void *arg, bool fails)
{
    mp_compression how = *(mp_compression *)arg;
    char same[4096] = {0};
    uint8_t seq = 0;
    b_buf out = {0}, back = {0};
    mp_codec *c = mp_codec_new();
    b_status st = c == NULL ? B_NOMEM : mp_compress(c, how, 0, b_slice_of(same, sizeof same), &seq, &out);
    if (st == B_OK && !out.failed) {
        mp_compressed_header h = mp_compressed_header_get(out.p);
        st = mp_decompress(c, how, h, b_slice_of(out.p + MP_COMPRESSED_HEADER, h.len), &back);
    }
    bool failed = failing_over();
    if (!fails || !failed) assert_int_equal(st, B_OK);
    if (st == B_OK && !out.failed && !back.failed) {
        assert_int_equal(back.n, sizeof same);
        assert_memory_equal(back.p, same, sizeof same);
    }
    mp_codec_free(c);
    b_buf_deinit(&out), b_buf_deinit(&back);
}

static void test_protocol(void **state)
{
    (void)state;
    mp_compression zlib = MP_COMPRESS_ZLIB, zstd = MP_COMPRESS_ZSTD;
    assert_true(failing_each(run_statement, NULL) > 4);
    assert_true(failing_each(run_packets, NULL) > 0);
    assert_true(failing_each(run_compress, &zlib) > 1);
    assert_true(failing_each(run_compress, &zstd) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rewrite), cmocka_unit_test(test_rules),
                                       cmocka_unit_test(test_config), cmocka_unit_test(test_protocol)};
    return cmocka_run_group_tests_name("alloc", tests, NULL, NULL);
}
