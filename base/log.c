/* See log.h. */
#include "base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A line: not more than a pipe takes at once, whole or not at all. VALUE: of a field, before it is quoted. */
enum { LINE = 4096, TAIL = 8, VALUE = 2048 };

static const char *const names[] = {"debug", "info", "warn", "error"};

void b_log_init(b_log *l, int fd, b_level level)
{
    *l = (b_log){.fd = fd, .lock = PTHREAD_MUTEX_INITIALIZER};
    atomic_init(&l->level, (int)level);
    atomic_init(&l->format, B_LOG_TEXT);
    atomic_init(&l->lost, 0);
}

void b_log_set(b_log *l, b_level level, b_log_format format)
{
    atomic_store(&l->level, (int)level);
    atomic_store(&l->format, (int)format);
}

const char *b_level_name(b_level l)
{
    return names[l];
}

bool b_level_parse(const char *name, b_level *out)
{
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (b_level)i;
            return true;
        }
    return false;
}

/* --- a line --- */

typedef struct line {
    char p[LINE];
    size_t n;
    bool json;
} line;

/* Room for what must stand behind it is always left. */
static bool put(line *out, const char *p, size_t n)
{
    if (n > sizeof out->p - TAIL - out->n) return false;
    memcpy(out->p + out->n, p, n);
    out->n += n;
    return true;
}

/* Bytes of the UTF-8 character at p; 0: it is none. */
static size_t utf8(const unsigned char *p, size_t n)
{
    static const struct {
        unsigned char first, last, low, high; /* of the first byte, of the second one */
        size_t n;
    } kinds[] = {{0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
                 {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
                 {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (p[0] < kinds[i].first || p[0] > kinds[i].last) continue;
        if (n < kinds[i].n || p[1] < kinds[i].low || p[1] > kinds[i].high) return 0;
        for (size_t k = 2; k < kinds[i].n; k++)
            if (p[k] < 0x80 || p[k] > 0xBF) return 0;
        return kinds[i].n;
    }
    return 0;
}

/* One character of a quoted value; how many bytes of it that were. 0: the line is full. */
static size_t put_quoted(line *out, const char *p, size_t n)
{
    char escaped[8];
    unsigned char c = (unsigned char)*p;
    if (c == '"' || c == '\\') {
        const char pair[2] = {'\\', *p};
        return put(out, pair, 2) ? 1 : 0;
    }
    if (c >= 0x20 && c < 0x7F) return put(out, p, 1) ? 1 : 0;
    size_t wide = c < 0x80 ? 0 : utf8((const unsigned char *)p, n);
    if (wide > 0) return put(out, p, wide) ? wide : 0;
    snprintf(escaped, sizeof escaped, out->json ? "\\u%04x" : "\\x%02x", (unsigned)c);
    return put(out, escaped, strlen(escaped)) ? 1 : 0;
}

static bool is_plain(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] <= 0x20 || (unsigned char)p[i] >= 0x7F || p[i] == '"' || p[i] == '\\' ||
            p[i] == '=')
            return false;
    return n > 0;
}

static void field(line *out, const char *key, size_t nkey, const char *p, size_t n, bool number)
{
    if (out->n + nkey + TAIL > sizeof out->p - TAIL) return;
    bool bare = out->json ? number : is_plain(p, n);
    if (out->n > 0) (void)put(out, out->json ? "," : " ", 1);
    if (out->json) (void)put(out, out->n == 0 ? "{\"" : "\"", out->n == 0 ? 2 : 1);
    (void)put(out, key, nkey);
    (void)put(out, out->json ? "\":" : "=", out->json ? 2 : 1);
    if (bare && put(out, p, n)) return;
    if (!put(out, "\"", 1)) return;
    for (size_t at = 0, used; at < n && (used = put_quoted(out, p + at, n - at)) > 0;) at += used;
    out->p[out->n++] = '"'; /* of the room that is left for it */
}

static void word(line *out, const char *key, const char *value)
{
    field(out, key, strlen(key), value, strlen(value), false);
}

/* --- formats --- */

static bool is_key(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

/* A va_list in a struct: so a function can go on in it. */
typedef struct arguments {
    va_list ap;
} arguments;

/* One value, whose conversion is at *spec; false: it is none that is known. */
static bool value(const char **spec, arguments *a, char out[VALUE], bool *number)
{
    static const char *const known[] = {"%s", "%.*s", "%d", "%u", "%lu", "%llu", "%zu"};
    size_t i = 0;
    while (i < sizeof known / sizeof *known && strncmp(*spec, known[i], strlen(known[i])) != 0) i++;
    *number = i > 1;
    switch (i) {
    case 0: snprintf(out, VALUE, "%s", va_arg(a->ap, const char *)); break;
    case 1: {
        int n = va_arg(a->ap, int);
        snprintf(out, VALUE, "%.*s", n, va_arg(a->ap, const char *));
        break;
    }
    case 2: snprintf(out, VALUE, "%d", va_arg(a->ap, int)); break;
    case 3: snprintf(out, VALUE, "%u", va_arg(a->ap, unsigned)); break;
    case 4: snprintf(out, VALUE, "%lu", va_arg(a->ap, unsigned long)); break;
    case 5: snprintf(out, VALUE, "%llu", va_arg(a->ap, unsigned long long)); break;
    case 6: snprintf(out, VALUE, "%zu", va_arg(a->ap, size_t)); break;
    default: return false;
    }
    *spec += strlen(known[i]);
    return true;
}

/* The fields at the beginning of fmt; returns the rest of it. */
static const char *fields(line *out, const char *fmt, arguments *a) B_PRINTF_REST(2);

static const char *fields(line *out, const char *fmt, arguments *a)
{
    char text[VALUE];
    for (;;) {
        const char *key = fmt, *at = fmt;
        bool number;
        while (is_key(*at)) at++;
        if (at == key || *at != '=' || at[1] != '%') return fmt;
        size_t nkey = (size_t)(at - key);
        at++;
        if (!value(&at, a, text, &number)) return fmt;
        field(out, key, nkey, text, strlen(text), number);
        fmt = *at == ' ' ? at + 1 : at;
    }
}

static void head(line *out, b_level level, const char *component)
{
    char at[64];
    struct timespec ts;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    size_t n = strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(at + n, sizeof at - n, ".%03ldZ", ts.tv_nsec / 1000000);
    word(out, "time", at);
    word(out, "level", names[level]);
    word(out, "component", component);
}

static void tail(line *out)
{
    if (out->json) out->p[out->n++] = '}';
    out->p[out->n++] = '\n';
}

/* --- writing --- */

/* What was taken of it; 0 where it would have to wait, or cannot be. */
static size_t write_now(int fd, const char *p, size_t n)
{
    ssize_t w = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL); /* a socket, as of the journal */
    if (w >= 0) return (size_t)w;
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT)) return 0;
    w = write(fd, p, n);
    return w > 0 ? (size_t)w : 0;
}

static bool write_line(b_log *l, const line *out)
{
    if (l->torn && write_now(l->fd, "\n", 1) == 1) l->torn = false;
    size_t done = l->torn ? 0 : write_now(l->fd, out->p, out->n);
    if (done > 0 && done < out->n) l->torn = true;
    return done == out->n;
}

static void say_lost(b_log *l, bool json)
{
    char text[80];
    line out = {.n = 0, .json = json};
    if (l->unsaid == 0) return;
    snprintf(text, sizeof text, "%lu lines before this one could not be written", l->unsaid);
    head(&out, B_WARN, "log");
    word(&out, "msg", text);
    tail(&out);
    if (write_line(l, &out)) l->unsaid = 0;
}

void b_logf(b_log *l, b_level level, const char *component, const char *fmt, ...)
{
    if (!b_log_on(l, level)) return;
    char text[VALUE];
    line out = {.n = 0, .json = atomic_load(&l->format) == B_LOG_JSON};
    arguments a;
    head(&out, level, component);
    va_start(a.ap, fmt);
    const char *const rest = fields(&out, fmt, &a); /* const, so that clang sees where it is from */
    vsnprintf(text, sizeof text, rest, a.ap);
    va_end(a.ap);
    if (text[0] != '\0') word(&out, "msg", text);
    tail(&out);
    pthread_mutex_lock(&l->lock);
    say_lost(l, out.json);
    if (!write_line(l, &out)) {
        l->unsaid++;
        atomic_fetch_add(&l->lost, 1);
    }
    pthread_mutex_unlock(&l->lock);
}
