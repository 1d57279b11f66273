/* TLS of a session: who is offered it, who must have it, and how the two connections come by it.
 *
 * A client asks with a packet of its own after the greeting; what follows that packet is TLS, and never read
 * as packets. The backend is asked once the client's login is here, since a server takes the capabilities
 * from the request for TLS and not from the login after it. */
#include "session.h"

#include "tls_layer.h"

static const cfg_listener *listener_of(const px_session *s)
{
    return &s->loop->config->c->listeners[s->listener];
}

bool px_tls_offered(const px_session *s)
{
    return listener_of(s)->tls != CFG_TLS_OFF && s->loop->config->tls.clients != NULL;
}

bool px_tls_required(const px_session *s)
{
    return listener_of(s)->tls == CFG_TLS_REQUIRED;
}

mp_leg px_tls_leg(const px_conn *c)
{
    if (px_tls_layer_of(c) != NULL) return MP_LEG_TLS;
    return c->u.handle.type == UV_NAMED_PIPE ? MP_LEG_SOCKET : MP_LEG_PLAIN;
}

const char *px_tls_text(const px_conn *c)
{
    const px_tls *t = px_tls_layer_of(c);
    return t == NULL ? "none" : SSL_get_version(t->ssl);
}

void px_tls_accept(px_session *s, mp_header h, char *rest, size_t nrest)
{
    uint8_t next = (uint8_t)(h.seq + 1);
    if (px_tls_layer_of(&s->client) != NULL) {
        px_session_fail(s, next, 1043, "08S01", "straddle: bad handshake: TLS was asked for within TLS");
    } else if (!px_tls_offered(s)) {
        px_session_fail(
            s, next, 1105, "HY000",
            "straddle: TLS is not offered on this listener; connect with ssl-mode=PREFERRED or DISABLED");
    } else if (!px_tls_layer_start(&s->client, s->loop->config->tls.clients, rest, nrest)) {
        px_session_fail(s, next, 1041, "HY000", "straddle: out of memory while TLS began; try again");
    }
}

bool px_tls_wanted(const px_session *s)
{
    bool has = (s->backend_caps & MP_CLIENT_SSL) != 0;
    switch (s->loop->config->c->backend.tls_mode) {
    case CFG_TLS_AS_CLIENT: return has && px_tls_layer_of(&s->client) != NULL;
    case CFG_TLS_DISABLED: return false;
    case CFG_TLS_PREFERRED: return has && s->backend.u.handle.type != UV_NAMED_PIPE;
    case CFG_TLS_MUST:
    case CFG_TLS_VERIFY_CA:
    case CFG_TLS_VERIFY_IDENTITY: return true;
    }
    return true;
}

void px_tls_backend_failed(px_session *s, const char *why)
{
    px_session_fail(
        s, s->client_seq, 1105, "HY000",
        "straddle: TLS to backend %s failed: %s; see backend.tls in straddle's configuration, and the "
        "database's certificate",
        s->loop->config->c->backend.address.text, why);
}

void px_tls_connect(px_session *s, const char *login)
{
    enum { FIXED = 32 };
    const cfg_server *b = &s->loop->config->c->backend;
    if (!s->server_has_tls) {
        px_tls_backend_failed(s, "the database offers no TLS, and backend.tls.mode wants it");
        return;
    }
    s->backend_seq = mp_packet_put(px_conn_buf(&s->backend), s->backend_seq, b_slice_of(login, FIXED));
    px_conn_flush(&s->backend);
    px_session_set_state(s, PX_SECURE);
    const char *name = b->tls_mode == CFG_TLS_VERIFY_IDENTITY ? b->address.host : NULL;
    if (!px_tls_layer_connect(&s->backend, s->loop->config->tls.backend, name))
        px_tls_backend_failed(s, "the handshake could not begin");
}
