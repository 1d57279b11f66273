/* Framing and the primitive types: right values, and no byte read past the end whatever a length says. */
#include "protocol/packet.h"

#include "hex.h"

static const struct {
    const char *name, *bytes;
    bool bad, null;
    uint64_t value;
    const char *canonical; /* what the writer makes of value; NULL where the reader takes more forms */
} lenencs[] = {
    {"zero", "00", false, false, 0, "00"},
    {"largest of one byte", "fa", false, false, 250, "fa"},
    {"smallest of two", "fcfb00", false, false, 251, "fcfb00"},
    {"largest of two", "fcffff", false, false, 65535, "fcffff"},
    {"smallest of three", "fd000001", false, false, 65536, "fd000001"},
    {"largest of three", "fdffffff", false, false, 0xFFFFFF, "fdffffff"},
    {"smallest of eight", "fe0000000100000000", false, false, 0x1000000, "fe0000000100000000"},
    {"largest of eight", "feffffffffffffffff", false, false, UINT64_MAX, "feffffffffffffffff"},
    {"longer than it need be", "fc0100", false, false, 1, NULL},
    {"null", "fb", false, true, 0, NULL},
    {"0xFF", "ff", true, false, 0, NULL},
    {"nothing", "", true, false, 0, NULL},
    {"two bytes cut", "fc01", true, false, 0, NULL},
    {"three bytes cut", "fd0101", true, false, 0, NULL},
    {"eight bytes cut", "fe01020304050607", true, false, 0, NULL},
};

static void test_lenenc(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lenencs / sizeof lenencs[0]; i++) {
        b_slice in = hex_new(lenencs[i].bytes);
        mp_reader r = mp_reader_of(in);
        bool null = false;
        uint64_t v = mp_read_lenenc(&r, &null);
        if (r.bad != lenencs[i].bad || null != lenencs[i].null || (!r.bad && v != lenencs[i].value))
            fail_msg("%s: bad %d, null %d, value %llu", lenencs[i].name, r.bad, null, (unsigned long long)v);
        if (lenencs[i].canonical != NULL) {
            b_buf b = {0};
            mp_put_lenenc(&b, lenencs[i].value);
            assert_hex(b_buf_view(&b), lenencs[i].canonical, lenencs[i].name);
            b_buf_deinit(&b);
        }
        hex_free(in);
    }
}

static void test_null_where_none_may_be(void **state)
{
    (void)state;
    b_slice in = hex_new("fb01");
    mp_reader r = mp_reader_of(in);
    assert_int_equal(mp_read_lenenc(&r, NULL), 0);
    assert_true(r.bad);
    assert_int_equal(mp_read_int(&r, 1), 0); /* sticky */
    assert_int_equal(mp_left(&r), 0);
    hex_free(in);
}

static void test_ints(void **state)
{
    (void)state;
    b_slice in = hex_new("01 0203 040506 0708090a 0b0c0d0e0f10 1112131415161718");
    mp_reader r = mp_reader_of(in);
    assert_int_equal(mp_read_int(&r, 1), 0x01);
    assert_int_equal(mp_read_int(&r, 2), 0x0302);
    assert_int_equal(mp_read_int(&r, 3), 0x060504);
    assert_int_equal(mp_read_int(&r, 4), 0x0a090807);
    assert_true(mp_read_int(&r, 6) == 0x100f0e0d0c0bULL);
    assert_true(mp_read_int(&r, 8) == 0x1817161514131211ULL);
    assert_false(r.bad);
    assert_int_equal(mp_read_int(&r, 1), 0);
    assert_true(r.bad);
    hex_free(in);
}

static const char *const bad_strings[] = {
    "", "05 61626364", "fe ffffffffffffffff 61", "fe 0000000000000080 61", "fd ffffff 61", "fb", "ff"};

static void test_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_strings / sizeof bad_strings[0]; i++) {
        b_slice in = hex_new(bad_strings[i]);
        mp_reader r = mp_reader_of(in);
        b_slice s = mp_read_lenenc_str(&r);
        if (!r.bad || s.n != 0) fail_msg("'%s' was taken for a string", bad_strings[i]);
        hex_free(in);
    }
    b_slice in = hex_new("03616263 646500 00 66");
    mp_reader r = mp_reader_of(in);
    assert_slice(mp_read_lenenc_str(&r), B_LIT("abc"), "length-encoded");
    assert_slice(mp_read_nul_str(&r), B_LIT("de"), "with NUL");
    assert_slice(mp_read_nul_str(&r), B_LIT(""), "empty with NUL");
    mp_reader copy = r;
    assert_slice(mp_read_rest(&copy), B_LIT("f"), "rest");
    assert_false(copy.bad);
    (void)mp_read_nul_str(&r);
    assert_true(r.bad); /* no NUL */
    hex_free(in);
}

static void test_packet_put(void **state)
{
    (void)state;
    b_buf b = {0};
    assert_int_equal(mp_packet_put(&b, 255, B_LIT("abc")), 0);
    assert_int_equal(mp_packet_put(&b, 0, B_LIT("")), 1);
    assert_hex(b_buf_view(&b), "030000ff 616263 00000000", "packets");
    b_buf_deinit(&b);
}

/* Payloads around and over the limit: split, with an empty tail where the last one is full. */
static void test_split(void **state)
{
    (void)state;
    static const size_t sizes[] = {MP_MAX_PAYLOAD - 1, MP_MAX_PAYLOAD, MP_MAX_PAYLOAD + 1,
                                   (size_t)MP_MAX_PAYLOAD * 2, (size_t)MP_MAX_PAYLOAD * 2 + 7};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *payload = malloc(sizes[i]);
        assert_non_null(payload);
        for (size_t k = 0; k < sizes[i]; k++) payload[k] = (char)(k % 251);
        b_buf b = {0};
        b_buf_str(&b, "before");
        uint8_t next = mp_packet_put(&b, 254, b_slice_of(payload, sizes[i]));
        size_t at = 6, done = 0;
        uint8_t seq = 254;
        mp_header h;
        do {
            h = mp_header_get(b.p + at);
            assert_int_equal(h.seq, seq);
            if (memcmp(b.p + at + MP_HEADER, payload + done, h.len) != 0) fail_msg("bytes of packet %u", seq);
            at += MP_HEADER + h.len;
            done += h.len;
            seq++;
        } while (h.len == MP_MAX_PAYLOAD);
        assert_int_equal(done, sizes[i]);
        assert_int_equal(at, b.n);
        assert_int_equal(seq, next);
        b_buf_deinit(&b);
        free(payload);
    }
}

static void test_put_fails_softly(void **state)
{
    (void)state;
    b_buf b;
    b_buf_init(&b, 5);
    (void)mp_packet_put(&b, 0, B_LIT("abc"));
    assert_true(b.failed);
    b_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lenenc),
        cmocka_unit_test(test_null_where_none_may_be),
        cmocka_unit_test(test_ints),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_packet_put),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_put_fails_softly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
