/* The connection phase, with greetings and logins as MySQL 9.7, MariaDB 10.11 and their clients sent them. */
#include "protocol/handshake.h"

#include "hex.h"

static const char mysql_greeting[] =
    "0a392e372e342d32000b0000001b06397b1f63685c00ffffff0200ffdf15000000000000000000004e07705653173648072804"
    "3d0063616368696e675f736861325f70617373776f726400";
static const char mariadb_greeting[] =
    "0a352e352e352d31302e31312e31392d4d6172696144422d302b646562313275312d6c6f670006000000453267346936715700"
    "feff2d0200ff81150000000000001d000000417d75537c383f7552782859006d7973716c5f6e61746976655f70617373776f7264"
    "00";

static const struct {
    const char *name, *bytes, *version, *plugin;
    uint32_t thread, own;
    uint64_t caps;
} greetings[] = {
    {"MySQL", mysql_greeting, "9.7.4-2", "caching_sha2_password", 11, 0, 0xdfffffff},
    {"MariaDB", mariadb_greeting, "5.5.5-10.11.19-MariaDB-0+deb12u1-log", "mysql_native_password", 6, 0x1d,
     0x81fffffe},
};

static void test_greeting(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++) {
        b_slice in = hex_new(greetings[i].bytes);
        mp_greeting g;
        assert_int_equal(mp_greeting_parse(in, &g), B_OK);
        assert_slice(g.server_version, b_slice_str(greetings[i].version), greetings[i].name);
        assert_slice(g.plugin, b_slice_str(greetings[i].plugin), greetings[i].name);
        assert_int_equal(g.thread_id, greetings[i].thread);
        assert_true(g.caps == greetings[i].caps);
        assert_int_equal(g.mariadb_caps, greetings[i].own);
        assert_int_equal(g.status, 2);
        b_buf b = {0};
        mp_greeting_put(&b, &g);
        assert_hex(b_buf_view(&b), greetings[i].bytes, greetings[i].name);
        b_buf_deinit(&b);
        hex_free(in);
    }
}

static void test_nonce_is_put_together(void **state)
{
    (void)state;
    b_slice in = hex_new(mysql_greeting);
    mp_greeting g;
    assert_int_equal(mp_greeting_parse(in, &g), B_OK);
    assert_hex(b_slice_of(g.nonce, sizeof g.nonce), "1b06397b1f63685c4e077056531736480728043d", "nonce");
    hex_free(in);
}

/* Every prefix that cuts the fixed part is refused, and none is read past its end. */
static void test_greeting_cut(void **state)
{
    (void)state;
    b_slice in = hex_new(mysql_greeting);
    for (size_t n = 0; n < in.n; n++) {
        b_slice cut = exact_copy(in, n);
        mp_greeting g;
        if (mp_greeting_parse(cut, &g) == B_OK && n < 52) fail_msg("cut to %zu bytes", n);
        hex_free(cut);
    }
    hex_free(in);
    b_slice err = hex_new("ff6a04486f7374");
    mp_greeting g;
    assert_int_equal(mp_greeting_parse(err, &g), B_MALFORMED);
    hex_free(err);
}

static const char native_login[] = "81a29f01000000012d0000000000000000000000000000000000000000000000726f6f740"
                                   "0006d7973716c5f6e61746976655f7061"
                                   "7373776f7264000401610162";

static void test_login(void **state)
{
    (void)state;
    b_slice in = hex_new(native_login);
    mp_login l;
    assert_int_equal(mp_login_parse(in, &l), B_OK);
    assert_slice(l.user, B_LIT("root"), "user");
    assert_int_equal(l.auth.n, 0);
    assert_int_equal(l.schema.n, 0);
    assert_slice(l.plugin, B_LIT("mysql_native_password"), "plugin");
    assert_int_equal(l.max_packet, 1 << 24);
    assert_int_equal(l.charset, 45);
    b_slice key, value;
    assert_true(mp_attr_next(&l.attrs, &key, &value));
    assert_slice(key, B_LIT("a"), "key");
    assert_slice(value, B_LIT("b"), "value");
    assert_false(mp_attr_next(&l.attrs, &key, &value));
    hex_free(in);
}

static const uint64_t login_caps[] = {
    0,
    MP_CLIENT_CONNECT_WITH_DB,
    MP_CLIENT_SECURE_CONNECTION | MP_CLIENT_CONNECT_WITH_DB,
    MP_CLIENT_SECURE_CONNECTION | MP_CLIENT_PLUGIN_AUTH | MP_CLIENT_PLUGIN_AUTH_LENENC,
    MP_CLIENT_SECURE_CONNECTION | MP_CLIENT_PLUGIN_AUTH | MP_CLIENT_CONNECT_WITH_DB | MP_CLIENT_CONNECT_ATTRS,
    MP_CLIENT_LONG_PASSWORD | MP_CLIENT_PLUGIN_AUTH_LENENC | MP_CLIENT_CONNECT_ATTRS,
};

/* What is written for some capabilities is read back the same. */
static void test_login_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof login_caps / sizeof login_caps[0]; i++) {
        uint64_t caps = login_caps[i] | MP_CLIENT_PROTOCOL_41;
        mp_login l = {.caps = caps,
                      .max_packet = 77,
                      .mariadb_caps = caps & MP_CLIENT_LONG_PASSWORD ? 0 : 0x1d,
                      .charset = 255,
                      .user = B_LIT("app"),
                      .auth = B_LIT("0123456789"),
                      .schema = caps & MP_CLIENT_CONNECT_WITH_DB ? B_LIT("shop") : B_LIT(""),
                      .plugin = caps & MP_CLIENT_PLUGIN_AUTH ? B_LIT("plug") : B_LIT(""),
                      .attrs = caps & MP_CLIENT_CONNECT_ATTRS ? B_LIT("\1k\1v") : B_LIT("")};
        b_buf b = {0};
        mp_login_put(&b, &l);
        assert_false(b.failed);
        b_slice in = exact_copy(b_buf_view(&b), b.n);
        mp_login got;
        if (mp_login_parse(in, &got) != B_OK) fail_msg("row %zu refused", i);
        assert_true(got.caps == caps && got.max_packet == 77 && got.charset == 255);
        assert_int_equal(got.mariadb_caps, l.mariadb_caps);
        assert_slice(got.user, l.user, "user");
        assert_slice(got.auth, l.auth, "auth");
        assert_slice(got.schema, l.schema, "schema");
        assert_slice(got.plugin, l.plugin, "plugin");
        assert_slice(got.attrs, l.attrs, "attrs");
        hex_free(in);
        b_buf_deinit(&b);
    }
}

static void test_login_malformed(void **state)
{
    (void)state;
    b_slice in = hex_new(native_login);
    for (size_t n = 0; n < 38; n++) { /* up to the end of the authentication data */
        b_slice cut = exact_copy(in, n);
        mp_login l;
        if (mp_login_parse(cut, &l) == B_OK) fail_msg("cut to %zu bytes", n);
        hex_free(cut);
    }
    hex_free(in);
    b_slice old = hex_new("05a00000000000617070"); /* before 4.1 */
    mp_login l;
    assert_int_equal(mp_login_parse(old, &l), B_MALFORMED);
    hex_free(old);
}

static void test_ssl_request(void **state)
{
    (void)state;
    mp_login l = {.caps = MP_CLIENT_PROTOCOL_41 | MP_CLIENT_SSL | MP_CLIENT_LONG_PASSWORD,
                  .ssl_request = true};
    b_buf b = {0};
    mp_login_put(&b, &l);
    assert_int_equal(b.n, 32);
    mp_login got;
    assert_int_equal(mp_login_parse(b_buf_view(&b), &got), B_OK);
    assert_true(got.ssl_request);
    b_buf_deinit(&b);
}

static void test_long_auth_without_lenenc(void **state)
{
    (void)state;
    char auth[256] = {0};
    mp_login l = {.caps = MP_CLIENT_PROTOCOL_41 | MP_CLIENT_SECURE_CONNECTION, .auth = {auth, sizeof auth}};
    b_buf b = {0};
    mp_login_put(&b, &l);
    assert_true(b.failed); /* its length does not fit: no packet, rather than a wrong one */
    b_buf_deinit(&b);
}

static void test_change_user(void **state)
{
    (void)state;
    uint64_t caps = MP_CLIENT_PROTOCOL_41 | MP_CLIENT_SECURE_CONNECTION | MP_CLIENT_PLUGIN_AUTH |
                    MP_CLIENT_PLUGIN_AUTH_LENENC | MP_CLIENT_CONNECT_ATTRS;
    b_slice in = hex_new("11 61707000 02 9192 643400 0801 706c756700 04 016b0176");
    mp_login l;
    assert_int_equal(mp_change_user_parse(in, caps, &l), B_OK);
    assert_slice(l.user, B_LIT("app"), "user");
    assert_slice(l.auth, B_LIT("\x91\x92"), "auth");
    assert_slice(l.schema, B_LIT("d4"), "schema");
    assert_int_equal(l.charset, 0x108);
    assert_slice(l.plugin, B_LIT("plug"), "plugin");
    assert_slice(l.attrs, B_LIT("\1k\1v"), "attrs");
    for (size_t n = 0; n < 8; n++) {
        b_slice cut = exact_copy(in, n);
        if (mp_change_user_parse(cut, caps, &l) == B_OK) fail_msg("cut to %zu", n);
        hex_free(cut);
    }
    hex_free(in);
    b_slice brief = hex_new("11 61707000 00 643400");
    assert_int_equal(mp_change_user_parse(brief, caps, &l), B_OK);
    assert_slice(l.schema, B_LIT("d4"), "schema");
    hex_free(brief);
}

static void test_auth_switch(void **state)
{
    (void)state;
    b_slice in = hex_new("fe706c7567006e6f6e636500"), one = hex_new("fe"), cut = hex_new("fe706c"), plugin,
            data;
    assert_int_equal(mp_auth_switch_parse(in, &plugin, &data), B_OK);
    assert_slice(plugin, B_LIT("plug"), "plugin");
    assert_slice(data, B_LIT("nonce"), "data");
    b_buf b = {0};
    mp_auth_switch_put(&b, plugin, data);
    assert_slice(b_buf_view(&b), in, "written");
    b_buf_deinit(&b);
    assert_int_equal(mp_auth_switch_parse(one, &plugin, &data), B_OK);
    assert_int_equal(plugin.n, 0);
    assert_int_equal(mp_auth_switch_parse(cut, &plugin, &data), B_MALFORMED);
    hex_free(in), hex_free(one), hex_free(cut);
    b_slice next = hex_new("02706c7567006e6f6e636500");
    assert_int_equal(mp_auth_switch_parse(next, &plugin, &data), B_OK);
    assert_slice(plugin, B_LIT("plug"), "plugin of the next factor");
    hex_free(next);
}

/* What is written reads back the same. */
static void test_change_user_written(void **state)
{
    (void)state;
    uint64_t caps = MP_CLIENT_PROTOCOL_41 | MP_CLIENT_SECURE_CONNECTION | MP_CLIENT_PLUGIN_AUTH |
                    MP_CLIENT_PLUGIN_AUTH_LENENC | MP_CLIENT_CONNECT_ATTRS;
    mp_login in = {.caps = caps,
                   .user = B_LIT("me"),
                   .auth = B_LIT("proof"),
                   .schema = B_LIT("shop"),
                   .charset = 255,
                   .plugin = B_LIT("plug"),
                   .attrs = B_LIT("\1a\1b")},
             out;
    b_buf b = {0};
    mp_change_user_put(&b, &in);
    assert_int_equal(mp_change_user_parse(b_buf_view(&b), caps, &out), B_OK);
    assert_slice(out.user, in.user, "user");
    assert_slice(out.auth, in.auth, "auth");
    assert_slice(out.schema, in.schema, "schema");
    assert_slice(out.plugin, in.plugin, "plugin");
    assert_slice(out.attrs, in.attrs, "attributes");
    assert_int_equal(out.charset, 255);
    b_buf_deinit(&b);
}

/* A login, whole or cut anywhere, is never one. */
static void test_is_ssl_request(void **state)
{
    (void)state;
    uint64_t caps = MP_CLIENT_PROTOCOL_41 | MP_CLIENT_SSL | MP_CLIENT_SECURE_CONNECTION;
    b_slice none = B_LIT("");
    mp_login l = {
        .caps = caps, .user = B_LIT("user"), .auth = none, .schema = none, .plugin = none, .attrs = none};
    b_buf b = {0};
    mp_login_put(&b, &l);
    for (size_t n = 0; n <= b.n; n++)
        if (mp_is_ssl_request(b_slice_of(b.p, n)) != (n == 32)) fail_msg("%zu bytes", n);
    b.p[1] = (char)(b.p[1] & ~0x08); /* CLIENT_SSL */
    assert_false(mp_is_ssl_request(b_slice_of(b.p, 32)));
    b_buf_deinit(&b);
}

static const struct {
    const char *bytes, *plugin;
    mp_auth_step step;
    uint64_t caps;
} steps[] = {
    {"00000002000000", "caching_sha2_password", MP_AUTH_OK, 0},
    {"ff15042332383030304e6f", "caching_sha2_password", MP_AUTH_ERR, 0},
    {"fe6d7900", "caching_sha2_password", MP_AUTH_SWITCH, 0},
    {"fe", "mysql_native_password", MP_AUTH_SWITCH, 0},
    {"0103", "caching_sha2_password", MP_AUTH_MORE_FAST_OK, 0},
    {"0104", "caching_sha2_password", MP_AUTH_MORE, 0},
    {"012d2d2d2d2d", "caching_sha2_password", MP_AUTH_MORE, 0},
    {"0103", "sha256_password", MP_AUTH_MORE, 0},
    {"02", "caching_sha2_password", MP_AUTH_BAD, 0},
    {"0250617373", "dialog", MP_AUTH_MORE, 0},
    {"02706c756700aa", "dialog", MP_AUTH_NEXT, MP_CLIENT_MULTI_FACTOR},
    {"02706c756700aa", "caching_sha2_password", MP_AUTH_NEXT, MP_CLIENT_MULTI_FACTOR},
    {"", "dialog", MP_AUTH_BAD, 0},
};

static void test_classify(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        b_slice in = hex_new(steps[i].bytes);
        if (mp_auth_classify(in, b_slice_str(steps[i].plugin), steps[i].caps) != steps[i].step)
            fail_msg("'%s' under %s", steps[i].bytes, steps[i].plugin);
        hex_free(in);
    }
}

static void test_attrs_malformed(void **state)
{
    (void)state;
    b_slice in = hex_new("016b05"), left = in, key, value;
    assert_false(mp_attr_next(&left, &key, &value));
    hex_free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greeting),       cmocka_unit_test(test_nonce_is_put_together),
        cmocka_unit_test(test_greeting_cut),   cmocka_unit_test(test_login),
        cmocka_unit_test(test_login_forms),    cmocka_unit_test(test_login_malformed),
        cmocka_unit_test(test_ssl_request),    cmocka_unit_test(test_long_auth_without_lenenc),
        cmocka_unit_test(test_change_user),    cmocka_unit_test(test_change_user_written),
        cmocka_unit_test(test_is_ssl_request), cmocka_unit_test(test_auth_switch),
        cmocka_unit_test(test_classify),       cmocka_unit_test(test_attrs_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
