/* The bridge of passwords between two connections, told whatever by both sides: a password that came over a
 * safe connection does not go out over another as it is, what is refused has a reason, and nothing is kept
 * after the end. And what a server may send as its key.
 *
 * Input: byte 0 has the two connections, 1 the plugin, 2 which keys are known; then steps: a byte that says
 * who speaks and whether what is sent is made here (a right nonce, key or sealed password), one with a
 * length, and as many bytes. */
#include "protocol/bridge.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 16, LEAST = 8 /* bytes that are no chance when they are found again */ };

typedef struct world {
    mp_bridge b;
    mp_rsa *own;
    b_buf pem, sealed;
} world;

static void require(bool ok)
{
    if (!ok) abort();
}

static const char nonce[MP_NONCE + 1] = "abcdefghijklmnopqrst";
static const char *const plugins[] = {"caching_sha2_password", "sha256_password", "mysql_clear_password",
                                      "mysql_native_password", ""};

/* Made once: an RSA key takes longer than anything else here. */
static world *the_world(void)
{
    static world w;
    if (w.own != NULL) return &w;
    w.own = mp_rsa_generate();
    require(w.own != NULL);
    b_buf_char(&w.pem, 1);
    mp_rsa_public_pem(w.own, &w.pem);
    require(mp_rsa_seal(w.own, b_slice_of("password", 9), nonce, &w.sealed) == B_OK);
    return &w;
}

static bool secret_kind(const mp_bridge *b)
{
    return b->plugin == MP_PLUGIN_SHA2 || b->plugin == MP_PLUGIN_SHA256;
}

static void check_act(const mp_bridge *b, mp_bridge_act act, const b_buf *out)
{
    require(act <= MP_BRIDGE_REFUSE);
    require((act == MP_BRIDGE_REFUSE) == (act == MP_BRIDGE_REFUSE && b->why != NULL));
    if (act == MP_BRIDGE_TO_SERVER || act == MP_BRIDGE_TO_CLIENT) require(out->n > 0);
}

static void client(world *w, b_slice payload)
{
    mp_bridge_stage stage = w->b.stage;
    bool guarded = w->b.client_safe && !w->b.server_safe && secret_kind(&w->b);
    b_buf out = {0};
    mp_bridge_act act = mp_bridge_client(&w->b, payload, &out);
    check_act(&w->b, act, &out);
    bool password = payload.n > 1 && payload.n != MP_SHA2_PROOF && stage <= MP_BRIDGE_FULL;
    if (guarded && password) require(act != MP_BRIDGE_RELAY);
    if (guarded && payload.n >= LEAST && act == MP_BRIDGE_TO_SERVER)
        require(b_slice_find(b_buf_view(&out), payload) == (size_t)-1);
    b_buf_deinit(&out);
}

static void server(world *w, b_slice payload)
{
    b_buf out = {0};
    check_act(&w->b, mp_bridge_server(&w->b, payload, &out), &out);
    b_buf_deinit(&out);
    mp_rsa *key = mp_rsa_of_pem(payload);
    if (key == NULL) return;
    require(mp_rsa_size(key) >= 128);
    if (mp_rsa_seal(key, b_slice_of("x", 2), nonce, &out) == B_OK) require(out.n == mp_rsa_size(key));
    b_buf_deinit(&out);
    mp_rsa_free(key);
}

/* The step's payload in an allocation of its own size, so that a sanitizer sees a read one byte too far. */
static b_slice step_payload(const world *w, uint8_t kind, b_slice given, char **own)
{
    b_slice s = given;
    if ((kind & 4) != 0) s = (kind & 1) != 0 ? b_buf_view(&w->pem) : b_buf_view(&w->sealed);
    *own = malloc(s.n == 0 ? 1 : s.n);
    require(*own != NULL);
    if (s.n > 0) memcpy(*own, s.p, s.n);
    return b_slice_of(*own, s.n);
}

static void step(world *w, uint8_t kind, b_slice given)
{
    char *own;
    b_slice payload = step_payload(w, kind, given, &own), plugin = b_slice_str(plugins[(kind >> 3) % 5]);
    switch (kind & 3) {
    case 0: client(w, payload); break;
    case 1: server(w, payload); break;
    case 2: (void)!mp_bridge_switch(&w->b, plugin, payload); break;
    default: (void)!mp_bridge_first(&w->b, plugin, payload); break;
    }
    free(own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) return 0;
    world *w = the_world();
    mp_bridge_begin(&w->b, (mp_leg)(data[0] % 3), (mp_leg)(data[0] / 3 % 3), nonce);
    w->b.own = (data[2] & 1) != 0 ? w->own : NULL;
    w->b.server_key = (data[2] & 2) != 0 ? w->own : NULL;
    (void)!mp_bridge_switch(&w->b, b_slice_str(plugins[data[1] % 5]), b_slice_of(nonce, MP_NONCE));
    size_t at = 3;
    for (int i = 0; i < STEPS && size - at >= 2; i++) {
        size_t n = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
        step(w, data[at], b_slice_of(data + at + 2, n));
        at += 2 + n;
    }
    mp_bridge_end(&w->b);
    require(w->b.secret.p == NULL);
    return 0;
}
