/* Passwords between a safe connection and another: what goes where in every pairing, and that what comes out
 * is what went in. */
#include "protocol/bridge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char nonce[MP_NONCE + 1] = "abcdefghijklmnopqrst";

typedef struct keys {
    mp_rsa *ours, *theirs;
} keys;

static int make_keys(void **state)
{
    static keys k;
    k.ours = mp_rsa_generate();
    k.theirs = mp_rsa_generate();
    *state = &k;
    return k.ours != NULL && k.theirs != NULL ? 0 : -1;
}

static int free_keys(void **state)
{
    keys *k = *state;
    mp_rsa_free(k->ours);
    mp_rsa_free(k->theirs);
    return 0;
}

static b_slice nul(const char *s)
{
    return b_slice_of(s, strlen(s) + 1);
}

static void expect(b_slice got, b_slice want, const char *what)
{
    if (!b_slice_eq(got, want)) fail_msg("%s: %.*s is not %.*s", what, B_ARG(got), B_ARG(want));
}

/* --- RSA --- */

static void what_is_sealed_opens(void **state)
{
    keys *k = *state;
    b_buf pem = {0}, sealed = {0}, plain = {0};
    mp_rsa_public_pem(k->ours, &pem);
    mp_rsa *public = mp_rsa_of_pem(b_buf_view(&pem));
    assert_non_null(public);
    assert_int_equal(mp_rsa_size(public), 256);
    assert_int_equal(mp_rsa_seal(public, nul("a password longer than the nonce of 20"), nonce, &sealed),
                     B_OK);
    assert_int_equal(sealed.n, 256);
    assert_int_equal(mp_rsa_open(k->ours, b_buf_view(&sealed), nonce, &plain), B_OK);
    expect(b_buf_view(&plain), nul("a password longer than the nonce of 20"), "opened");
    assert_int_equal(mp_rsa_open(k->theirs, b_buf_view(&sealed), nonce, &plain), B_MALFORMED);
    assert_int_equal(mp_rsa_open(k->ours, b_slice_of(sealed.p, 255), nonce, &plain), B_MALFORMED);
    assert_int_equal(mp_rsa_open(public, b_buf_view(&sealed), nonce, &plain), B_MALFORMED);
    sealed.p[7] ^= 1;
    assert_int_equal(mp_rsa_open(k->ours, b_buf_view(&sealed), nonce, &plain), B_MALFORMED);
    char longest[256] = {0};
    memset(longest, 'p', 214);
    b_buf_clear(&sealed);
    assert_int_equal(mp_rsa_seal(public, b_slice_of(longest, 214), nonce, &sealed), B_OK);
    assert_int_equal(mp_rsa_seal(public, b_slice_of(longest, 215), nonce, &sealed), B_TOO_BIG);
    mp_rsa_free(public);
    b_buf_deinit(&pem), b_buf_deinit(&sealed), b_buf_deinit(&plain);
}

static void what_is_no_key(void **state)
{
    keys *k = *state;
    static const char *const bad[] = {"",
                                      "key",
                                      "-----BEGIN PUBLIC KEY-----",
                                      "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----",
                                      "-----BEGIN PUBLIC KEY-----\nAAA\n-----END PUBLIC KEY-----",
                                      "-----BEGIN PUBLIC KEY-----\nAA!A\n-----END PUBLIC KEY-----",
                                      "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
                                      "-----END PUBLIC KEY-----\nAAAA\n-----BEGIN PUBLIC KEY-----"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (mp_rsa_of_pem(b_slice_str(bad[i])) != NULL) fail_msg("%s", bad[i]);
    b_buf pem = {0};
    mp_rsa_public_pem(k->ours, &pem);
    for (size_t n = 0; n + 1 < pem.n; n++) { /* cut anywhere; only the last line's end may go */
        mp_rsa *key = mp_rsa_of_pem(b_slice_of(pem.p, n));
        if (key != NULL) fail_msg("cut to %zu of %zu", n, pem.n);
    }
    b_buf_deinit(&pem);
}

/* --- exchanges: a client and a server that do as theirs do --- */

typedef struct world {
    mp_bridge b;
    keys *k;
    b_buf out;
} world;

static void begin(world *w, keys *k, bool client_safe, bool server_safe, const char *plugin)
{
    *w = (world){.k = k};
    mp_bridge_begin(&w->b, client_safe ? MP_LEG_TLS : MP_LEG_PLAIN, server_safe ? MP_LEG_TLS : MP_LEG_PLAIN,
                    NULL);
    w->b.own = k->ours;
    assert_int_equal(mp_bridge_switch(&w->b, b_slice_str(plugin), b_slice_of(nonce, MP_NONCE)),
                     MP_BRIDGE_RELAY);
}

static void end(world *w)
{
    mp_bridge_end(&w->b);
    assert_null(w->b.secret.p);
    b_buf_deinit(&w->out);
}

static void client(world *w, b_slice payload, mp_bridge_act want)
{
    b_buf_clear(&w->out);
    mp_bridge_act got = mp_bridge_client(&w->b, payload, &w->out);
    if (got != want)
        fail_msg("client: %d, not %d: %s", (int)got, (int)want, w->b.why == NULL ? "" : w->b.why);
}

static void server(world *w, b_slice payload, mp_bridge_act want)
{
    b_buf_clear(&w->out);
    mp_bridge_act got = mp_bridge_server(&w->b, payload, &w->out);
    if (got != want)
        fail_msg("server: %d, not %d: %s", (int)got, (int)want, w->b.why == NULL ? "" : w->b.why);
}

static void server_gives_key(world *w, mp_bridge_act want)
{
    b_buf more = {0};
    b_buf_char(&more, 1);
    mp_rsa_public_pem(w->k->theirs, &more);
    server(w, b_buf_view(&more), want);
    b_buf_deinit(&more);
}

static void sealed_for(world *w, const mp_rsa *key, const char *password)
{
    b_buf plain = {0};
    assert_int_equal(mp_rsa_open(key, b_buf_view(&w->out), nonce, &plain), B_OK);
    expect(b_buf_view(&plain), nul(password), "the server's password");
    b_buf_deinit(&plain);
}

/* The client seals for the key that it was given. */
static void client_seals(world *w, const char *password, mp_bridge_act want)
{
    b_buf sealed = {0};
    mp_rsa *key = mp_rsa_of_pem(b_slice_of(w->out.p + 1, w->out.n - 1));
    assert_non_null(key);
    assert_int_equal(mp_rsa_seal(key, nul(password), nonce, &sealed), B_OK);
    client(w, b_buf_view(&sealed), want);
    mp_rsa_free(key);
    b_buf_deinit(&sealed);
}

static const b_slice proof = {"01234567890123456789012345678901", 32}, fast = {"\1\3", 2}, full = {"\1\4", 2};

static void sha2_to_full(world *w)
{
    client(w, proof, MP_BRIDGE_RELAY);
    server(w, full, MP_BRIDGE_RELAY);
}

static void sha2_cached(void **state)
{
    world w;
    for (int i = 0; i < 4; i++) {
        begin(&w, *state, i & 1, i & 2, "caching_sha2_password");
        client(&w, proof, MP_BRIDGE_RELAY);
        server(&w, fast, MP_BRIDGE_RELAY);
        end(&w);
    }
}

static void sha2_full(void **state)
{
    world w;
    begin(&w, *state, true, true, "caching_sha2_password");
    sha2_to_full(&w);
    client(&w, nul("pw"), MP_BRIDGE_RELAY);
    end(&w);
    begin(&w, *state, false, false, "caching_sha2_password");
    sha2_to_full(&w);
    client(&w, B_LIT("\2"), MP_BRIDGE_RELAY);
    server_gives_key(&w, MP_BRIDGE_RELAY);
    client(&w, proof, MP_BRIDGE_RELAY); /* what was sealed is none of ours */
    end(&w);
    begin(&w, *state, true, false, "caching_sha2_password");
    sha2_to_full(&w);
    client(&w, nul("pw"), MP_BRIDGE_TO_SERVER);
    expect(b_buf_view(&w.out), B_LIT("\2"), "asks");
    assert_non_null(w.b.secret.p);
    server_gives_key(&w, MP_BRIDGE_TO_SERVER);
    assert_null(w.b.secret.p);
    sealed_for(&w, w.k->theirs, "pw");
    end(&w);
    begin(&w, *state, false, true, "caching_sha2_password");
    sha2_to_full(&w);
    client(&w, B_LIT("\2"), MP_BRIDGE_TO_CLIENT);
    client_seals(&w, "pw", MP_BRIDGE_TO_SERVER);
    expect(b_buf_view(&w.out), nul("pw"), "opened");
    end(&w);
}

/* A client on a unix socket may not know that it is safe. */
static void sha2_asked_over_a_safe_connection(void **state)
{
    world w;
    begin(&w, *state, true, true, "caching_sha2_password");
    sha2_to_full(&w);
    client(&w, B_LIT("\2"), MP_BRIDGE_TO_CLIENT);
    client_seals(&w, "pw", MP_BRIDGE_TO_SERVER);
    expect(b_buf_view(&w.out), nul("pw"), "opened");
    end(&w);
    begin(&w, *state, true, false, "caching_sha2_password");
    sha2_to_full(&w);
    client(&w, B_LIT("\2"), MP_BRIDGE_RELAY);
    server_gives_key(&w, MP_BRIDGE_RELAY);
    client(&w, proof, MP_BRIDGE_RELAY);
    end(&w);
}

/* A client that sends its password at once, and hears nothing until OK. */
static void sha2_password_at_once(void **state)
{
    unsigned char want[MP_SHA2_PROOF];
    mp_sha2_proof(B_LIT("secret"), nonce, want);
    for (int cached = 0; cached < 2; cached++) {
        world w;
        begin(&w, *state, true, false, "caching_sha2_password");
        client(&w, nul("secret"), MP_BRIDGE_TO_SERVER);
        expect(b_buf_view(&w.out), b_slice_of(want, sizeof want), "proof");
        if (cached) {
            server(&w, fast, MP_BRIDGE_DROP);
        } else {
            server(&w, full, MP_BRIDGE_TO_SERVER);
            expect(b_buf_view(&w.out), B_LIT("\2"), "asks");
            server_gives_key(&w, MP_BRIDGE_TO_SERVER);
            sealed_for(&w, w.k->theirs, "secret");
        }
        end(&w);
    }
}

static void sha256(void **state)
{
    world w;
    begin(&w, *state, true, true, "sha256_password");
    client(&w, nul("pw"), MP_BRIDGE_RELAY);
    end(&w);
    begin(&w, *state, false, false, "sha256_password");
    client(&w, B_LIT("\1"), MP_BRIDGE_RELAY);
    server_gives_key(&w, MP_BRIDGE_RELAY);
    client(&w, proof, MP_BRIDGE_RELAY);
    end(&w);
    begin(&w, *state, true, false, "sha256_password");
    client(&w, nul("pw"), MP_BRIDGE_TO_SERVER);
    expect(b_buf_view(&w.out), B_LIT("\1"), "asks");
    server_gives_key(&w, MP_BRIDGE_TO_SERVER);
    sealed_for(&w, w.k->theirs, "pw");
    end(&w);
    begin(&w, *state, false, true, "sha256_password");
    client(&w, B_LIT("\1"), MP_BRIDGE_TO_CLIENT);
    client_seals(&w, "pw", MP_BRIDGE_TO_SERVER);
    expect(b_buf_view(&w.out), nul("pw"), "opened");
    end(&w);
}

/* A unix socket is safe for one plugin and not for the other. */
static void sockets(void **state)
{
    keys *k = *state;
    world w = {.k = k};
    mp_bridge_begin(&w.b, MP_LEG_PLAIN, MP_LEG_SOCKET, nonce);
    w.b.own = k->ours;
    assert_int_equal(mp_bridge_switch(&w.b, B_LIT("sha256_password"), B_LIT("")), MP_BRIDGE_RELAY);
    client(&w, B_LIT("\1"), MP_BRIDGE_RELAY);
    assert_int_equal(mp_bridge_switch(&w.b, B_LIT("caching_sha2_password"), B_LIT("")), MP_BRIDGE_RELAY);
    sha2_to_full(&w);
    client(&w, B_LIT("\2"), MP_BRIDGE_TO_CLIENT);
    end(&w);
    mp_bridge_begin(&w.b, MP_LEG_SOCKET, MP_LEG_PLAIN, nonce);
    assert_int_equal(mp_bridge_switch(&w.b, B_LIT("sha256_password"), B_LIT("")), MP_BRIDGE_RELAY);
    client(&w, B_LIT("\1"), MP_BRIDGE_RELAY);
    assert_int_equal(mp_bridge_switch(&w.b, B_LIT("caching_sha2_password"), B_LIT("")), MP_BRIDGE_RELAY);
    sha2_to_full(&w);
    client(&w, nul("pw"), MP_BRIDGE_TO_SERVER);
    assert_int_equal(mp_bridge_switch(&w.b, B_LIT("mysql_clear_password"), B_LIT("")), MP_BRIDGE_REFUSE);
    end(&w);
}

static void a_known_key_is_not_asked_for(void **state)
{
    world w;
    begin(&w, *state, true, false, "sha256_password");
    w.b.server_key = w.k->theirs;
    client(&w, nul("pw"), MP_BRIDGE_TO_SERVER);
    sealed_for(&w, w.k->theirs, "pw");
    end(&w);
}

static void no_password_needs_no_bridge(void **state)
{
    static const char *const plugins[] = {"sha256_password", "caching_sha2_password",
                                          "mysql_native_password"};
    for (size_t i = 0; i < 12; i++) {
        world w;
        begin(&w, *state, i & 1, i & 2, plugins[i / 4]);
        client(&w, i % 2 ? B_LIT("") : nul(""), MP_BRIDGE_RELAY);
        end(&w);
    }
}

static void what_is_refused(void **state)
{
    keys *k = *state;
    world w = {.k = k};
    mp_bridge_begin(&w.b, MP_LEG_TLS, MP_LEG_PLAIN, nonce);
    assert_int_equal(mp_bridge_switch(&w.b, B_LIT("mysql_clear_password"), B_LIT("")), MP_BRIDGE_REFUSE);
    assert_non_null(strstr(w.b.why, "backend.tls.mode"));
    assert_int_equal(mp_bridge_switch(&w.b, B_LIT("dialog"), B_LIT("")), MP_BRIDGE_REFUSE);
    end(&w);
    begin(&w, k, false, true, "caching_sha2_password"); /* sealed for another key */
    sha2_to_full(&w);
    b_buf sealed = {0};
    assert_int_equal(mp_rsa_seal(k->theirs, nul("pw"), nonce, &sealed), B_OK);
    client(&w, b_buf_view(&sealed), MP_BRIDGE_REFUSE);
    assert_non_null(strstr(w.b.why, "get-server-public-key"));
    assert_int_equal(w.out.n, 0);
    b_buf_deinit(&sealed);
    end(&w);
    begin(&w, k, true, false, "sha256_password"); /* no key, or no NUL */
    client(&w, B_LIT("pw"), MP_BRIDGE_REFUSE);
    end(&w);
    begin(&w, k, true, false, "sha256_password");
    client(&w, nul("pw"), MP_BRIDGE_TO_SERVER);
    server(&w, B_LIT("\1nonsense"), MP_BRIDGE_REFUSE);
    assert_null(w.b.secret.p);
    end(&w);
    begin(&w, k, true, false, "sha256_password"); /* while the key is awaited */
    client(&w, nul("pw"), MP_BRIDGE_TO_SERVER);
    client(&w, nul("more"), MP_BRIDGE_REFUSE);
    end(&w);
    begin(&w, k, false, true, "sha256_password");
    w.b.own = NULL;
    client(&w, B_LIT("\1"), MP_BRIDGE_REFUSE);
    end(&w);
}

/* Which answers within a login may go to the server: never a password in the clear from a safe client to a
 * server that is not, and never what the server would take for one. */
static void first_answers(void **state)
{
    (void)state;
    static const struct {
        const char *plugin;
        b_slice auth;
        bool from_safe, from_unsafe; /* to the other kind */
    } rows[] = {
        {"mysql_native_password", {"12345678901234567890", 20}, true, true},
        {"client_ed25519", {"x", 1}, true, true},
        {"parsec", {"", 0}, true, true},
        {"caching_sha2_password", {"01234567890123456789012345678901", 32}, true, true},
        {"caching_sha2_password", {"pw", 3}, false, true},
        {"caching_sha2_password", {"", 0}, true, true},
        {"caching_sha2_password", {"\0", 1}, true, true},
        {"sha256_password", {"pw", 3}, false, false},
        {"sha256_password", {"\1", 1}, false, false},
        {"sha256_password", {"\0", 1}, true, true},
        {"mysql_clear_password", {"pw", 3}, false, true},
        {"dialog", {"pw", 3}, false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int pair = 0; pair < 4; pair++) {
            mp_bridge b = {0};
            bool safe = pair & 1, server_safe = pair & 2;
            mp_bridge_begin(&b, safe ? MP_LEG_TLS : MP_LEG_PLAIN, server_safe ? MP_LEG_TLS : MP_LEG_PLAIN,
                            nonce);
            bool want = safe == server_safe || (safe ? rows[i].from_safe : rows[i].from_unsafe);
            if (mp_bridge_first(&b, b_slice_str(rows[i].plugin), rows[i].auth) != want)
                fail_msg("%s of %zu bytes, safe %d to %d", rows[i].plugin, rows[i].auth.n, safe, server_safe);
            mp_bridge_end(&b);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_opens),
        cmocka_unit_test(what_is_no_key),
        cmocka_unit_test(sha2_cached),
        cmocka_unit_test(sha2_full),
        cmocka_unit_test(sha2_asked_over_a_safe_connection),
        cmocka_unit_test(sha2_password_at_once),
        cmocka_unit_test(sha256),
        cmocka_unit_test(sockets),
        cmocka_unit_test(a_known_key_is_not_asked_for),
        cmocka_unit_test(no_password_needs_no_bridge),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(first_answers),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
