/* Whose a connection is: the address it came from or that a PROXY protocol header gives it, how many more of
 * that address and of that user there may be, and what the database is told of it. */
#include "session.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const cfg_listener *listener_of(const px_session *s)
{
    return &s->loop->config->c->listeners[s->listener];
}

/* --- the address of the socket --- */

static void take_sockaddr(const struct sockaddr_storage *a, unsigned char *address, uint16_t *port,
                          unsigned char *family)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
    if (a->ss_family == AF_INET) {
        *family = 4;
        memcpy(address, &v4->sin_addr, 4);
        *port = ntohs(v4->sin_port);
    } else if (a->ss_family == AF_INET6 &&
               IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) { /* a listener of both kinds */
        *family = 4;
        memcpy(address, v6->sin6_addr.s6_addr + 12, 4);
        *port = ntohs(v6->sin6_port);
    } else if (a->ss_family == AF_INET6) {
        *family = 6;
        memcpy(address, &v6->sin6_addr, 16);
        *port = ntohs(v6->sin6_port);
    }
}

static void note_host(px_session *s)
{
    char text[MP_PEER_TEXT];
    mp_peer_text(&s->peer, text);
    snprintf(s->host, sizeof s->host, "%s", text[0] == '\0' ? "localhost" : text);
}

void px_peer_note(px_session *s, bool is_pipe)
{
    struct sockaddr_storage from = {0}, to = {0};
    int len = (int)sizeof from, tlen = (int)sizeof to;
    unsigned char other = 0;
    s->peer = (mp_peer){.family = 0};
    if (!is_pipe && uv_tcp_getpeername(&s->client.u.tcp, (struct sockaddr *)&from, &len) == 0 &&
        uv_tcp_getsockname(&s->client.u.tcp, (struct sockaddr *)&to, &tlen) == 0) {
        take_sockaddr(&from, s->peer.from, &s->peer.from_port, &s->peer.family);
        take_sockaddr(&to, s->peer.to, &s->peer.to_port, &other);
        if (other != s->peer.family) s->peer = (mp_peer){.family = 0};
    }
    note_host(s);
}

/* --- the PROXY protocol --- */

static bool believed(const px_session *s)
{
    const cfg_listener *l = listener_of(s);
    unsigned char address[16] = {[10] = 0xFF, [11] = 0xFF};
    if (l->nproxy_protocol_from == 0) return true;
    if (s->peer.family == 0) return false;
    memcpy(s->peer.family == 4 ? address + 12 : address, s->peer.from, s->peer.family == 4 ? 4 : 16);
    for (size_t i = 0; i < l->nproxy_protocol_from; i++)
        if (cfg_network_has(&l->proxy_protocol_from[i], address)) return true;
    return false;
}

bool px_peer_awaits_header(px_session *s)
{
    if (!listener_of(s)->proxy_protocol) return false;
    if (believed(s)) return true;
    px_session_fail(
        s, 0, 1043, "08S01",
        "straddle: PROXY protocol headers are not taken from %s; connect through the load balancer, "
        "or name its network in proxy_protocol_from",
        s->host);
    return true;
}

size_t px_peer_header(px_session *s, char *p, size_t n)
{
    mp_peer given;
    size_t used;
    b_status st = mp_proxy_header_parse(b_slice_of(p, n), &given, &used);
    s->client.need = st == B_MORE ? n + 1 : 0;
    if (st == B_MORE) return 0;
    if (st != B_OK) {
        px_session_fail(s, 0, 1043, "08S01",
                        "straddle: this connection does not begin with a PROXY protocol header, which "
                        "listener %s wants (proxy_protocol); connect through the load balancer",
                        listener_of(s)->address.text);
        return n;
    }
    if (given.family != 0) {
        s->peer = given;
        note_host(s);
    }
    px_session_begin(s);
    return used;
}

void px_peer_announce(px_session *s)
{
    unsigned version = s->loop->config->c->backend.proxy_protocol;
    if (version == 0) return;
    mp_proxy_header_put(px_conn_buf(&s->backend), version, &s->peer);
    px_conn_flush(&s->backend);
}

/* --- how many --- */

bool px_peer_admit_address(px_session *s)
{
    unsigned limit = s->loop->config->c->max_address_connections;
    s->counted_address = px_census_enter(s->loop->app->census, PX_CENSUS_ADDRESS, s->host, limit);
    if (s->counted_address) return true;
    s->loop->stats.connections_rejected++;
    px_session_fail(
        s, 0, 1040, "08004",
        "Too many connections (straddle: max_address_connections is %u, and %s has as many; close some "
        "or raise it)",
        limit, s->host);
    return false;
}

bool px_peer_admit_user(px_session *s, uint8_t seq)
{
    unsigned limit = s->loop->config->c->max_user_connections;
    if (s->counted_user[0] != '\0')
        px_census_leave(s->loop->app->census, PX_CENSUS_USER, s->counted_user + 1);
    bool room = px_census_enter(s->loop->app->census, PX_CENSUS_USER, s->user, limit);
    if (room)
        snprintf(s->counted_user, sizeof s->counted_user, "+%s", s->user);
    else
        s->counted_user[0] = '\0';
    if (room) return true;
    s->loop->stats.connections_rejected++;
    px_session_fail(
        s, seq, 1203, "42000",
        "Too many connections of user %s (straddle: max_user_connections is %u; close some or raise it)",
        s->user, limit);
    return false;
}

void px_peer_leave(px_session *s)
{
    px_census *c = s->loop->app->census;
    if (s->counted_address) px_census_leave(c, PX_CENSUS_ADDRESS, s->host);
    if (s->counted_user[0] != '\0') px_census_leave(c, PX_CENSUS_USER, s->counted_user + 1);
    s->counted_address = false;
    s->counted_user[0] = '\0';
}
