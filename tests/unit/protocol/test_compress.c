/* Compressed packets: as MySQL 9.7 and MariaDB 10.11 sent them, there and back, and what does not unpack. */
#include "protocol/compress.h"

#include "hex.h"

static void test_there_and_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 49, 50, 51, 4096, 100000, MP_MAX_PAYLOAD, MP_MAX_PAYLOAD + 1, 20000000};
    mp_codec *c = mp_codec_new();
    for (int how = MP_COMPRESS_ZLIB; how <= MP_COMPRESS_ZSTD; how++)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            b_buf raw = {0}, packed = {0}, back = {0};
            uint8_t seq = 254, want = 254;
            assert_true(b_buf_reserve(&raw, sizes[i]));
            for (size_t k = 0; k < sizes[i]; k++) raw.p[k] = (char)(k * k >> 7);
            raw.n = sizes[i];
            assert_int_equal(mp_compress(c, (mp_compression)how, 0, b_buf_view(&raw), &seq, &packed), B_OK);
            for (size_t at = 0; at < packed.n;) {
                mp_compressed_header h = mp_compressed_header_get(packed.p + at);
                assert_int_equal(h.seq, want++);
                b_slice payload = exact_copy(b_slice_of(packed.p + at + MP_COMPRESSED_HEADER, h.len), h.len);
                assert_int_equal(mp_decompress(c, (mp_compression)how, h, payload, &back), B_OK);
                hex_free(payload);
                at += MP_COMPRESSED_HEADER + h.len;
            }
            assert_int_equal(seq, want);
            assert_slice(b_buf_view(&back), b_buf_view(&raw), mp_compression_name((mp_compression)how));
            b_buf_deinit(&raw), b_buf_deinit(&packed), b_buf_deinit(&back);
        }
    mp_codec_free(c);
}

/* Little and random bytes stay as they are; what repeats becomes little. */
static void test_sizes(void **state)
{
    (void)state;
    mp_codec *c = mp_codec_new();
    b_buf out = {0};
    uint8_t seq = 3;
    assert_int_equal(mp_compress(c, MP_COMPRESS_ZLIB, 0, B_LIT("\1\0\0\0\x0e"), &seq, &out), B_OK);
    assert_hex(b_buf_view(&out), "050000 03 000000 010000000e", "COM_PING");
    char noise[4096];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof noise; i++) {
        x = x * 1664525 + 1013904223;
        noise[i] = (char)(x >> 24);
    }
    for (int how = MP_COMPRESS_ZLIB; how <= MP_COMPRESS_ZSTD; how++) {
        char same[4096] = {0};
        b_buf_clear(&out);
        assert_int_equal(mp_compress(c, (mp_compression)how, 0, b_slice_of(noise, sizeof noise), &seq, &out),
                         B_OK);
        assert_int_equal(out.n, sizeof noise + MP_COMPRESSED_HEADER);
        assert_int_equal(mp_compressed_header_get(out.p).raw, 0);
        b_buf_clear(&out);
        assert_int_equal(mp_compress(c, (mp_compression)how, 22, b_slice_of(same, sizeof same), &seq, &out),
                         B_OK);
        assert_true(out.n < 100);
        assert_int_equal(mp_compressed_header_get(out.p).raw, sizeof same);
    }
    b_buf_deinit(&out);
    mp_codec_free(c);
}

static const struct {
    const char *name;
    mp_compression how;
    uint32_t raw;
    const char *packed;
    b_status want;
} bad[] = {
    {"zlib", MP_COMPRESS_ZLIB, 5, "789ccb48cdc9c90700062c0215", B_OK}, /* hello */
    {"one byte more than said", MP_COMPRESS_ZLIB, 4, "789ccb48cdc9c90700062c0215", B_MALFORMED},
    {"one byte less than said", MP_COMPRESS_ZLIB, 6, "789ccb48cdc9c90700062c0215", B_MALFORMED},
    {"checksum wrong", MP_COMPRESS_ZLIB, 5, "789ccb48cdc9c90700062c0216", B_MALFORMED},
    {"cut", MP_COMPRESS_ZLIB, 5, "789ccb48cdc9c90700062c02", B_MALFORMED},
    {"bytes behind it", MP_COMPRESS_ZLIB, 5, "789ccb48cdc9c90700062c021500", B_MALFORMED},
    {"no zlib", MP_COMPRESS_ZLIB, 5, "68656c6c6f", B_MALFORMED},
    {"nothing", MP_COMPRESS_ZLIB, 5, "", B_MALFORMED},
    {"zlib for zstd", MP_COMPRESS_ZSTD, 5, "789ccb48cdc9c90700062c0215", B_MALFORMED},
    {"zstd", MP_COMPRESS_ZSTD, 5, "28b52ffd 2005 290000 68656c6c6f", B_OK},
    {"zstd, less than said", MP_COMPRESS_ZSTD, 6, "28b52ffd 2005 290000 68656c6c6f", B_MALFORMED},
    {"zstd, more than said", MP_COMPRESS_ZSTD, 4, "28b52ffd 2005 290000 68656c6c6f", B_MALFORMED},
    {"zstd, cut", MP_COMPRESS_ZSTD, 5, "28b52ffd 2005 290000 68656c6c", B_MALFORMED},
    {"zstd, nothing", MP_COMPRESS_ZSTD, 5, "", B_MALFORMED},
};

static void test_unpack(void **state)
{
    (void)state;
    mp_codec *c = mp_codec_new();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        b_slice in = hex_new(bad[i].packed);
        b_buf out = {0};
        mp_compressed_header h = {.len = (uint32_t)in.n, .raw = bad[i].raw};
        b_status st = mp_decompress(c, bad[i].how, h, in, &out);
        if (st != bad[i].want) fail_msg("%s: %s", bad[i].name, b_status_text(st));
        if (st == B_OK) assert_slice(b_buf_view(&out), B_LIT("hello"), bad[i].name);
        if (st != B_OK) assert_int_equal(out.n, 0);
        b_buf_deinit(&out);
        hex_free(in);
    }
    b_buf out = {0};
    mp_compressed_header h = {.len = 3};
    assert_int_equal(mp_decompress(c, MP_COMPRESS_ZLIB, h, B_LIT("ab"), &out), B_MALFORMED);
    b_buf_deinit(&out);
    mp_codec_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_unpack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
