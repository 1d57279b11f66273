/* Password proofs against values computed apart (by the formula, with another implementation of the digests),
 * and what a server must accept and refuse. */
#include "protocol/auth.h"

#include "hex.h"

static const char nonce[MP_NONCE + 1] = "abcdefghijklmnopqrst";

static const struct {
    const char *password, *native, *sha2;
} vectors[] = {
    {"secret", "8817c50fa779daef010ee7577825b0847df9842e",
     "c76e2898612a4cf042c77fa8c4702c4c64c0c2c557c53c4d75595aaa6abae809"},
    {"p\xc3\xa4ss w\xc3\xb6rd", "f79093bcdd3e3e324107521ac18d976cf9369616",
     "b855bf5cdde36a2569da838104732122b1f1b798dd5e0ec159e9256628ed5755"},
};

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        unsigned char native[MP_NATIVE_PROOF], sha2[MP_SHA2_PROOF];
        mp_native_proof(b_slice_str(vectors[i].password), nonce, native);
        assert_hex(b_slice_of(native, sizeof native), vectors[i].native, "native");
        mp_sha2_proof(b_slice_str(vectors[i].password), nonce, sha2);
        assert_hex(b_slice_of(sha2, sizeof sha2), vectors[i].sha2, "sha2");
    }
}

static bool check(const char *plugin, const char *password, const void *proof, size_t n)
{
    return mp_proof_check(b_slice_str(plugin), b_slice_str(password), nonce, b_slice_of(proof, n));
}

static void test_check(void **state)
{
    (void)state;
    unsigned char native[MP_NATIVE_PROOF], sha2[MP_SHA2_PROOF];
    mp_native_proof(B_LIT("secret"), nonce, native);
    mp_sha2_proof(B_LIT("secret"), nonce, sha2);
    assert_true(check("mysql_native_password", "secret", native, sizeof native));
    assert_true(check("caching_sha2_password", "secret", sha2, sizeof sha2));
    assert_false(check("mysql_native_password", "Secret", native, sizeof native));
    assert_false(check("caching_sha2_password", "secret", native, sizeof native));
    assert_false(check("caching_sha2_password", "secret", sha2, sizeof sha2 - 1));
    assert_false(check("caching_sha2_password", "secret", "", 0));
    assert_false(check("mysql_clear_password", "secret", "secret", 6));
    sha2[31] ^= 1;
    assert_false(check("caching_sha2_password", "secret", sha2, sizeof sha2));
}

static void test_empty_password(void **state)
{
    (void)state;
    unsigned char proof[MP_SHA2_PROOF];
    mp_sha2_proof(B_LIT(""), nonce, proof);
    assert_true(check("caching_sha2_password", "", "", 0));
    assert_true(check("mysql_native_password", "", "", 0));
    assert_false(check("caching_sha2_password", "", proof, sizeof proof));
    assert_false(check("sha256_password", "", "", 0));
}

static void test_nonce(void **state)
{
    (void)state;
    char a[MP_NONCE], b[MP_NONCE];
    for (int i = 0; i < 200; i++) {
        assert_int_equal(mp_nonce(a), B_OK);
        for (int k = 0; k < MP_NONCE; k++) assert_true(a[k] > ' ' && a[k] < 0x7f && a[k] != '$');
    }
    assert_int_equal(mp_nonce(b), B_OK);
    assert_memory_not_equal(a, b, MP_NONCE);
}

static void test_wipe(void **state)
{
    (void)state;
    char secret[8] = "secret!";
    mp_wipe(secret, sizeof secret);
    for (size_t i = 0; i < sizeof secret; i++) assert_int_equal(secret[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_check), cmocka_unit_test(test_empty_password),
        cmocka_unit_test(test_nonce),   cmocka_unit_test(test_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
