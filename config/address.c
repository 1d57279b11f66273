#include "config/config.h"

#include <arpa/inet.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SOCKET_PATH = 107 }; /* what sun_path holds */

static b_status no_memory(b_err *err)
{
    return b_fail(err, B_NOMEM, "out of memory; free some and try again");
}

static b_status parse_path(const char *text, const char *path, cfg_address *out, b_err *err)
{
    if (path[0] != '/')
        return b_fail(err, B_INVALID, "\"%s\" is not an absolute path; write unix:/path/to.sock", text);
    if (strlen(path) > MAX_SOCKET_PATH)
        return b_fail(err, B_INVALID, "the socket path \"%s\" is longer than %d bytes; choose a shorter one",
                      text, MAX_SOCKET_PATH);
    out->path = strdup(path);
    return out->path == NULL ? no_memory(err) : B_OK;
}

static bool parse_port(const char *s, uint16_t *out)
{
    unsigned v = 0;
    if (*s == '\0' || strlen(s) > 5) return false;
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9') return false;
        v = v * 10 + (unsigned)(*s - '0');
    }
    *out = (uint16_t)v;
    return v >= 1 && v <= 65535;
}

static bool host_ok(const char *host, size_t n, bool v6)
{
    if (n == 0 || n > 253) return false;
    for (size_t i = 0; i < n; i++) {
        char c = b_lower(host[i]);
        bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
                  (v6 && (c == ':' || c == '%'));
        if (!ok) return false;
    }
    return true;
}

static b_status parse_tcp(const char *text, cfg_address *out, b_err *err)
{
    bool v6 = text[0] == '[';
    const char *host = v6 ? text + 1 : text;
    const char *end = strchr(host, v6 ? ']' : ':');
    const char *port = end == NULL ? NULL : v6 ? end + 1 : end;
    if (end == NULL || *port != ':')
        return b_fail(err, B_INVALID, "\"%s\" has no port; write host:port, [v6]:port or /path/to.sock",
                      text);
    if (!host_ok(host, (size_t)(end - host), v6))
        return b_fail(
            err, B_INVALID,
            "\"%s\" has no valid host before the port; write host:port, an IPv6 address as [v6]:port", text);
    if (!parse_port(port + 1, &out->port))
        return b_fail(err, B_INVALID,
                      "\"%s\" does not end in a port from 1 to 65535; write host:port, an IPv6 address as "
                      "[v6]:port",
                      text);
    out->host = strndup(host, (size_t)(end - host));
    return out->host == NULL ? no_memory(err) : B_OK;
}

b_status cfg_address_parse(const char *text, cfg_address *out, b_err *err)
{
    *out = (cfg_address){.text = strdup(text)};
    if (out->text == NULL) return no_memory(err);
    b_status s;
    if (text[0] == '/')
        s = parse_path(text, text, out, err);
    else if (strncmp(text, "unix:", 5) == 0)
        s = parse_path(text, text + 5, out, err);
    else
        s = parse_tcp(text, out, err);
    if (s != B_OK) cfg_address_deinit(out);
    return s;
}

void cfg_address_deinit(cfg_address *a)
{
    free(a->text);
    free(a->host);
    free(a->path);
    *a = (cfg_address){0};
}

/* ---- networks ---- */

static bool parse_bits(const char *s, unsigned most, unsigned *out)
{
    uint16_t v = 0;
    if (strcmp(s, "0") != 0 && !parse_port(s, &v)) return false;
    *out = v;
    return v <= most;
}

static bool host_bits_zero(const cfg_network *n)
{
    for (unsigned i = n->bits; i < 128; i++)
        if (n->address[i / 8] >> (7 - i % 8) & 1) return false;
    return true;
}

b_status cfg_network_parse(const char *text, cfg_network *out, b_err *err)
{
    char host[64];
    const char *slash = strchr(text, '/');
    size_t n = slash == NULL ? strlen(text) : (size_t)(slash - text);
    static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    *out = (cfg_network){.bits = 128};
    snprintf(host, sizeof host, "%.*s", (int)(n < sizeof host ? n : 0), text);
    memcpy(out->address, mapped, sizeof mapped);
    bool v4 = inet_pton(AF_INET, host, out->address + 12) == 1;
    if (!v4 && inet_pton(AF_INET6, host, out->address) != 1)
        return b_fail(err, B_INVALID,
                      "\"%s\" is no network; write it as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32", text);
    unsigned bits = v4 ? 32 : 128;
    if (slash != NULL && !parse_bits(slash + 1, bits, &bits))
        return b_fail(err, B_INVALID, "\"%s\" has no valid length after the slash; write at most %u", text,
                      bits);
    out->bits = v4 ? bits + 96 : bits;
    if (!host_bits_zero(out))
        return b_fail(err, B_INVALID,
                      "\"%s\" has bits set behind its length of %u; write the network's own address", text,
                      bits);
    return B_OK;
}

bool cfg_network_has(const cfg_network *n, const unsigned char address[16])
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    if (memcmp(n->address, address, whole) != 0) return false;
    return rest == 0 || (n->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}
