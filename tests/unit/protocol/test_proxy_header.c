/* The PROXY protocol's headers, as haproxy 2.6 writes them, and what must not be taken for one. */
#include "protocol/proxy_header.h"

#include "hex.h"

#define SIG "0d0a0d0a000d0a515549540a "

static const struct {
    const char *name, *in; /* in: hex, after ! as it stands */
    b_status want;
    size_t rest; /* bytes behind the header */
    const char *from;
    unsigned port;
} rows[] = {
    {"TCP4", "!PROXY TCP4 192.0.2.7 198.51.100.1 56324 3306\r\nrest", B_OK, 4, "192.0.2.7", 56324},
    {"TCP6", "!PROXY TCP6 2001:db8::7 ::1 1 65535\r\n", B_OK, 0, "2001:db8::7", 1},
    {"UNKNOWN", "!PROXY UNKNOWN\r\n", B_OK, 0, "", 0},
    {"UNKNOWN with more", "!PROXY UNKNOWN ffff::1 ffff::2 1 2\r\nx", B_OK, 1, "", 0},
    {"the first letter", "!P", B_MORE, 0, NULL, 0},
    {"no end yet", "!PROXY TCP4 192.0.2.7 198.51.100.1 56324 3306\r", B_MORE, 0, NULL, 0},
    {"nothing", "!", B_MORE, 0, NULL, 0},
    {"no address", "!PROXY TCP4\r\n", B_MALFORMED, 0, NULL, 0},
    {"half an address", "!PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n", B_MALFORMED, 0, NULL, 0},
    {"another family's address", "!PROXY TCP4 ::1 ::1 1 2\r\n", B_MALFORMED, 0, NULL, 0},
    {"port 65536", "!PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n", B_MALFORMED, 0, NULL, 0},
    {"port 01", "!PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n", B_MALFORMED, 0, NULL, 0},
    {"a signed port", "!PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n", B_MALFORMED, 0, NULL, 0},
    {"two spaces", "!PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n", B_MALFORMED, 0, NULL, 0},
    {"more words", "!PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n", B_MALFORMED, 0, NULL, 0},
    {"UDP4", "!PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n", B_MALFORMED, 0, NULL, 0},
    {"lower case", "!proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n", B_MALFORMED, 0, NULL, 0},
    {"108 bytes without an end",
     "!PROXY UNKNOWN "
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123",
     B_MALFORMED, 0, NULL, 0},
    {"a handshake response", "010000010f", B_MALFORMED, 0, NULL, 0},

    {"v2 TCP4", SIG "21 11 000c c0000207 c6336401 dc04 0cea aa", B_OK, 1, "192.0.2.7", 56324},
    {"v2 TCP6", SIG "21 21 0024 20010db8000000000000000000000007 00000000000000000000000000000001 0001 ffff",
     B_OK, 0, "2001:db8::7", 1},
    {"v2 with a further field", SIG "21 11 0010 c0000207 c6336401 dc04 0cea 04000100", B_OK, 0, "192.0.2.7",
     56324},
    {"v2 LOCAL", SIG "20 00 0000 aabb", B_OK, 2, "", 0},
    {"v2 LOCAL with addresses", SIG "20 11 000c c0000207 c6336401 dc04 0cea", B_OK, 0, "", 0},
    {"v2 unix", SIG "21 31 0002 6161", B_OK, 0, "", 0},
    {"v2 unspecified", SIG "21 00 0001 61", B_OK, 0, "", 0},
    {"v2 signature begun", "0d0a0d0a00", B_MORE, 0, NULL, 0},
    {"v2 signature alone", SIG, B_MORE, 0, NULL, 0},
    {"v2 no length", SIG "21 11 00", B_MORE, 0, NULL, 0},
    {"v2 addresses to come", SIG "21 11 000c c0000207", B_MORE, 0, NULL, 0},
    {"v2 too short for its family", SIG "21 11 0008 c0000207 c6336401", B_MALFORMED, 0, NULL, 0},
    {"v2 UDP", SIG "21 12 000c c0000207 c6336401 dc04 0cea", B_MALFORMED, 0, NULL, 0},
    {"version 3", SIG "31 11 000c c0000207 c6336401 dc04 0cea", B_MALFORMED, 0, NULL, 0},
    {"an unknown command", SIG "22 11 000c c0000207 c6336401 dc04 0cea", B_MALFORMED, 0, NULL, 0},
    {"v2 of 64 KiB", SIG "21 11 ffff", B_MALFORMED, 0, NULL, 0},
};

static b_slice bytes_of(const char *in)
{
    if (in[0] != '!') return hex_new(in);
    return exact_copy(b_slice_str(in + 1), strlen(in + 1));
}

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        b_slice in = bytes_of(rows[i].in);
        mp_peer p;
        size_t used;
        char text[MP_PEER_TEXT];
        b_status st = mp_proxy_header_parse(in, &p, &used);
        if (st != rows[i].want) fail_msg("%s: %s", rows[i].name, b_status_text(st));
        mp_peer_text(&p, text);
        if (st == B_OK && (used != in.n - rows[i].rest || strcmp(text, rows[i].from) != 0 ||
                           (p.family != 0 && p.from_port != rows[i].port)))
            fail_msg("%s: %zu bytes, %s port %u", rows[i].name, used, text, p.from_port);
        hex_free(in);
    }
}

static void test_written_is_read(void **state)
{
    (void)state;
    static const mp_peer peers[] = {
        {.family = 0},
        {.family = 4, .from = {192, 0, 2, 7}, .to = {127, 0, 0, 1}, .from_port = 5, .to_port = 6033},
        {.family = 6,
         .from = {0x20, 1, 13, 0xb8, [15] = 7},
         .to = {[15] = 1},
         .from_port = 65535,
         .to_port = 1},
    };
    for (unsigned version = 1; version <= 2; version++)
        for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
            b_buf b = {0};
            mp_peer p;
            size_t used;
            mp_proxy_header_put(&b, version, &peers[i]);
            assert_int_equal(mp_proxy_header_parse(b_buf_view(&b), &p, &used), B_OK);
            assert_int_equal(used, b.n);
            assert_int_equal(p.family, peers[i].family);
            assert_memory_equal(p.from, peers[i].from, 16);
            assert_memory_equal(p.to, peers[i].to, 16);
            assert_int_equal(p.from_port, peers[i].from_port);
            assert_int_equal(p.to_port, peers[i].to_port);
            b_buf_deinit(&b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_written_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
