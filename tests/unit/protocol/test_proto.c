/* OK, EOF, ERR and session state, with packets as MySQL 9.7 and MariaDB 10.11 sent them. */
#include "protocol/proto.h"

#include "hex.h"

enum { TRACKED = 1, PLAIN = 0 };

static uint64_t caps_of(int tracked)
{
    uint64_t caps = MP_CLIENT_PROTOCOL_41 | MP_CLIENT_TRANSACTIONS;
    return tracked ? caps | MP_CLIENT_SESSION_TRACK | MP_CLIENT_DEPRECATE_EOF : caps;
}

static const struct {
    const char *name, *bytes;
    int tracked;
    uint64_t affected, insert_id;
    unsigned status, warnings;
    const char *info, *state;
} oks[] = {
    {"plain", "00000002000000", PLAIN, 0, 0, 2, 0, "", ""},
    {"REPLACE",
     "00020002000000265265636f7264733a203220204475706c6963617465733a203020205761726e696e67733a2030", PLAIN, 2,
     0, 2, 0, "Records: 2  Duplicates: 0  Warnings: 0", ""},
    {"REPLACE, tracked",
     "00030002000000265265636f7264733a203220204475706c6963617465733a203020205761726e696e67733a2030", TRACKED,
     3, 0, 2, 0, "Records: 2  Duplicates: 0  Warnings: 0", ""},
    {"USE, tracked", "00000002400000 00 050103026434", TRACKED, 0, 0, 0x4002, 0, "", "0103026434"},
    {"end of rows", "fe000022000000", TRACKED, 0, 0, 0x22, 0, "", ""},
    {"large numbers", "00fcfb00fe000000000100000002000300", PLAIN, 251, 0x100000000ULL, 2, 3, "", ""},
    {"info to the end", "000000020000006f6b", PLAIN, 0, 0, 2, 0, "ok", ""},
};

static void test_ok(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof oks / sizeof oks[0]; i++) {
        b_slice in = hex_new(oks[i].bytes);
        mp_ok ok;
        if (mp_ok_parse(in, caps_of(oks[i].tracked), &ok) != B_OK) fail_msg("%s: refused", oks[i].name);
        if (ok.affected != oks[i].affected || ok.insert_id != oks[i].insert_id ||
            ok.status != oks[i].status || ok.warnings != oks[i].warnings)
            fail_msg("%s: numbers", oks[i].name);
        assert_slice(ok.info, b_slice_str(oks[i].info), oks[i].name);
        assert_hex(ok.state, oks[i].state, oks[i].name);
        for (size_t n = 0; n < 5; n++) { /* cut short, it is refused and not overrun */
            b_slice cut = exact_copy(in, n);
            mp_ok none;
            if (mp_ok_parse(cut, caps_of(oks[i].tracked), &none) == B_OK)
                fail_msg("%s cut to %zu", oks[i].name, n);
            hex_free(cut);
        }
        hex_free(in);
    }
}

static void test_ok_put_is_what_servers_send(void **state)
{
    (void)state;
    for (size_t i = 0; i + 1 < sizeof oks / sizeof oks[0]; i++) { /* the last is not a canonical one */
        b_slice in = hex_new(oks[i].bytes);
        mp_ok ok;
        b_buf b = {0};
        assert_int_equal(mp_ok_parse(in, caps_of(oks[i].tracked), &ok), B_OK);
        mp_ok_put(&b, (uint8_t)in.p[0], &ok, caps_of(oks[i].tracked));
        assert_hex(b_buf_view(&b), oks[i].bytes, oks[i].name);
        b_buf_deinit(&b);
        hex_free(in);
    }
}

static void test_state_is_left_out_for_a_client_without_tracking(void **state)
{
    (void)state;
    mp_ok ok = {.status = MP_STATUS_SESSION_STATE_CHANGED | 2, .info = B_LIT(""), .state = B_LIT("\1\3\2d4")};
    b_buf b = {0};
    mp_ok_put(&b, 0, &ok, caps_of(PLAIN));
    assert_hex(b_buf_view(&b), "00000002000000", "without tracking");
    b_buf_deinit(&b);
}

/* SET NAMES utf8mb4, as MySQL answers it. */
static const char set_names[] = "001d146368617261637465725f7365745f636c69656e7407757466386d6234"
                                "0021186368617261637465725f7365745f636f6e6e656374696f6e07757466386d6234"
                                "001e156368617261637465725f7365745f726573756c747307757466386d6234"
                                "0103026434";

static void test_state(void **state)
{
    (void)state;
    static const char *const names[] = {"character_set_client", "character_set_connection",
                                        "character_set_results", ""};
    b_slice all = hex_new(set_names), left = all, name, value;
    unsigned type;
    for (size_t i = 0; i < 4; i++) {
        assert_true(mp_state_next(&left, &type, &name, &value));
        assert_int_equal(type, i < 3 ? MP_TRACK_SYSTEM_VARIABLES : MP_TRACK_SCHEMA);
        assert_slice(name, b_slice_str(names[i]), "name");
        assert_slice(value, i < 3 ? B_LIT("utf8mb4") : B_LIT("d4"), "value");
    }
    assert_false(mp_state_next(&left, &type, &name, &value));
    assert_int_equal(left.n, 0); /* the end, and not something malformed */
    hex_free(all);
}

static void test_state_malformed(void **state)
{
    (void)state;
    static const char *const rows[] = {"00",       "0005",       "000261",
                                       "00030161", "0103056434", "00 fe ffffffffffffffff 01"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        b_slice in = hex_new(rows[i]), left = in, name, value;
        unsigned type;
        if (mp_state_next(&left, &type, &name, &value) || left.n == 0) fail_msg("'%s' was taken", rows[i]);
        hex_free(in);
    }
}

static void test_gtid_and_unknown_state(void **state)
{
    (void)state;
    b_slice in = hex_new("03 04 00 02 6162  20 02 0102"), left = in, name, value;
    unsigned type;
    assert_true(mp_state_next(&left, &type, &name, &value));
    assert_slice(value, B_LIT("ab"), "GTID");
    assert_true(mp_state_next(&left, &type, &name, &value));
    assert_int_equal(type, 0x20);
    assert_int_equal(left.n, 0);
    hex_free(in);
}

static void test_eof(void **state)
{
    (void)state;
    b_slice in = hex_new("fe03004200"), longer = hex_new("fe0300420000"), shorter = hex_new("fe030042");
    mp_ok ok;
    assert_int_equal(mp_eof_parse(in, &ok), B_OK);
    assert_int_equal(ok.warnings, 3);
    assert_int_equal(ok.status, 0x42);
    assert_int_equal(mp_eof_parse(longer, &ok), B_MALFORMED);
    assert_int_equal(mp_eof_parse(shorter, &ok), B_MALFORMED);
    b_buf b = {0};
    mp_eof_put(&b, 3, 0x42);
    assert_hex(b_buf_view(&b), "fe03004200", "written");
    b_buf_deinit(&b);
    hex_free(in), hex_free(longer), hex_free(shorter);
}

static void test_err(void **state)
{
    (void)state;
    b_slice in = hex_new("ff1e04233432533232556e6b6e6f776e"), early = hex_new("ff1004546f6f"),
            cut = hex_new("ff1e");
    mp_error e;
    assert_int_equal(mp_err_parse(in, caps_of(PLAIN), &e), B_OK);
    assert_int_equal(e.code, 1054);
    assert_string_equal(e.sqlstate, "42S22");
    assert_slice(e.message, B_LIT("Unknown"), "message");
    assert_int_equal(mp_err_parse(early, 0, &e), B_OK); /* before capabilities: no SQLSTATE */
    assert_int_equal(e.code, 1040);
    assert_string_equal(e.sqlstate, "HY000");
    assert_slice(e.message, B_LIT("Too"), "early message");
    assert_int_equal(mp_err_parse(cut, 0, &e), B_MALFORMED);
    hex_free(in), hex_free(early), hex_free(cut);
}

static void test_err_packet(void **state)
{
    (void)state;
    b_buf b = {0};
    assert_int_equal(mp_err_packet(&b, 1, 1235, "42000", "straddle: %s", "no"), 2);
    mp_header h = mp_header_get(b.p);
    assert_int_equal(h.len, b.n - MP_HEADER);
    mp_error e;
    assert_int_equal(mp_err_parse(b_slice_of(b.p + MP_HEADER, h.len), 0, &e), B_OK);
    assert_int_equal(e.code, 1235);
    assert_slice(e.message, B_LIT("straddle: no"), "message");
    b_buf_clear(&b);
    (void)mp_err_packet(&b, 1, 1, "42000", "%2000d", 1); /* cut, not overrun */
    assert_true(b.n < 1100);
    b_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ok),
        cmocka_unit_test(test_ok_put_is_what_servers_send),
        cmocka_unit_test(test_state_is_left_out_for_a_client_without_tracking),
        cmocka_unit_test(test_state),
        cmocka_unit_test(test_state_malformed),
        cmocka_unit_test(test_gtid_and_unknown_state),
        cmocka_unit_test(test_eof),
        cmocka_unit_test(test_err),
        cmocka_unit_test(test_err_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
