/* A connection that is cut at every byte of a statement and of its answer, before the proxy and behind it:
 * the client gets an error after which it connects again, what was acknowledged is there once, nothing is
 * done twice. */
#include "world.h"

#include <stdio.h>
#include <string.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

/* What is done while the connection may be cut. key: of this attempt. Returns the error, 0: acknowledged. */
typedef unsigned (*work)(ts_conn *c, unsigned key);

static unsigned run(ts_conn *c, ts_mode mode, const char *sql, const ts_param *params, size_t n)
{
    ts_result *r = ts_run(c, mode, sql, params, n);
    unsigned error = r->error;
    if (error != 0 && !world_error_is_lost(error))
        fail_msg("%s: error %u %s: not one after which a client connects again", sql, error, r->message);
    ts_result_free(r);
    return error;
}

static unsigned insert(ts_conn *c, ts_mode mode, unsigned key)
{
    char text[8], note[16];
    snprintf(text, sizeof text, "%06u", key);
    snprintf(note, sizeof note, "cut%06u", key);
    return run(c, mode,
               "INSERT INTO transactions (account_id, payment_method, note, n) VALUES (100, ?, ?, ?)",
               (ts_param[]){{'s', text}, {'s', note}, {'i', text}}, 3);
}

static unsigned insert_text(ts_conn *c, unsigned key)
{
    return insert(c, TS_TEXT, key);
}

static unsigned insert_prepared(ts_conn *c, unsigned key)
{
    return insert(c, TS_PREPARED, key);
}

static unsigned insert_committed(ts_conn *c, unsigned key)
{
    unsigned error = run(c, TS_TEXT, "BEGIN", NULL, 0);
    if (error == 0) error = insert(c, TS_TEXT, key);
    return error != 0 ? error : run(c, TS_TEXT, "COMMIT", NULL, 0);
}

/* Counts how often it is executed; the client that gets an error does not repeat it. */
static unsigned update(ts_conn *c, unsigned key)
{
    char text[8];
    snprintf(text, sizeof text, "%06u", key);
    return run(
        c, TS_TEXT,
        "UPDATE transactions SET n = n + 1, payment_method = CONCAT('u', ?) WHERE account_id = 200 AND "
        "note = CONCAT('cut', ?)",
        (ts_param[]){{'s', text}, {'s', text}}, 2);
}

static unsigned select_rows(ts_conn *c, unsigned key)
{
    (void)key;
    return run(c, TS_TEXT, "SELECT id, payment_method FROM transactions WHERE id <= 3", NULL, 0);
}

static const struct kind {
    const char *name;
    work work;
    bool inserts, updates;
} kinds[] = {
    {"INSERT", insert_text, true, false},
    {"INSERT, prepared", insert_prepared, true, false},
    {"BEGIN, INSERT, COMMIT", insert_committed, true, false},
    {"UPDATE", update, false, true},
    {"SELECT", select_rows, false, false},
};

/* at: SIZE_MAX measures. Returns the bytes that passed that way. */
static size_t attempt(world *w, const struct kind *k, fault_relay *relay, fault_side side, size_t at)
{
    unsigned key = w->next_key++;
    assert_true(key < WORLD_KEYS);
    if (k->updates)
        ts_do(w->shop.direct,
              "INSERT INTO transactions (account_id, transaction_type, payment_method, note, n) VALUES (200, "
              "'x', 'x', 'cut%06u', 0)",
              key);
    ts_conn *c = world_connect(w);
    uint64_t id = world_id(c);
    fault_kind kind = at == SIZE_MAX ? FAULT_NONE : at % 2 == 0 ? FAULT_CLOSE : FAULT_RESET;
    fault_relay_arm(relay, id, kind, side, at);
    unsigned error = k->work(c, key);
    size_t passed = fault_relay_passed(relay, id, side);
    if (k->inserts) w->acknowledged[key] = error == 0;
    if (k->updates && error == 0)
        assert_int_equal(ts_int(w->shop.direct,
                                "SELECT n FROM transactions WHERE account_id = 200 AND note = 'cut%06u'",
                                key),
                         1);
    ts_close(c);
    if (key % 8 == 0) world_bystander(w);
    return passed;
}

static void check_kind(world *w, const struct kind *k)
{
    fault_relay *const relays[] = {w->front, w->back};
    for (int i = 0; i < 2; i++)
        for (int side = 0; side < 2; side++) {
            size_t n = attempt(w, k, relays[i], (fault_side)side, SIZE_MAX);
            if (n < 8) fail_msg("%s: only %zu bytes passed", k->name, n);
            for (size_t at = 0; at <= n; at++) attempt(w, k, relays[i], (fault_side)side, at);
            print_message("%s: cut at each of %zu bytes %s, %s the proxy\n", k->name, n,
                          side == FAULT_UP ? "towards the server" : "from the server",
                          i == 0 ? "before" : "behind");
        }
    world_check_rows(w);
}

static void check(const ts_server *s)
{
    world w;
    world_start(&w, s, NULL);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) check_kind(&w, &kinds[i]);
    world_end(&w);
}

static void test_mysql(void **state)
{
    (void)state;
    check(ts_mysql());
}

static void test_mariadb(void **state)
{
    (void)state;
    check(ts_mariadb());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mysql), cmocka_unit_test(test_mariadb)};
    return cmocka_run_group_tests_name("faults.cut", tests, NULL, NULL);
}
