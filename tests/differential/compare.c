#include "compare.h"

#include <stdio.h>
#include <string.h>

static size_t line(const char *p, char *out, size_t size)
{
    size_t n = strcspn(p, "\n");
    snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), p);
    return p[n] == '\n' ? n + 1 : n;
}

static const dt_exception *excepted(const dt_case *c, const char *want, const char *got, char why[600])
{
    for (const dt_exception *e = dt_exceptions; e->name != NULL; e++) {
        if (!e->holds(c, want, got) || (e->plan && !c->replanned(c->arg))) continue;
        snprintf(why, 600, "%s", e->name);
        c->fired(c->arg, e->name, want, got);
        return e;
    }
    return NULL;
}

/* A row whose A is not B is wrong whatever the plain table holds (dt_world_watch), and so is a NULL that the
 * plain table could not hold. */
static bool stored_right(const dt_world *w, const char *got, char why[600])
{
    const char *at = strstr(got, "|DIFFER|");
    if (at == NULL && !w->nullable) at = strstr(got, "|equal|NULL\n");
    if (at == NULL) return true;
    while (at > got && at[-1] != '\n') at--;
    snprintf(why, 600, "A and B differ, or are NULL, in the row %.*s", (int)strcspn(at, "\n"), at);
    return false;
}

/* "straddle: CONSTRUCT on migrating table …": the construct, without what it quotes of the statement. */
static bool refused(const char *want, const char *got, char why[600])
{
    const char *at =
        strncmp(got, "E 1235 42000 straddle: ", 23) == 0 ? got : strstr(got, "\nE 1235 42000 straddle: ");
    if (at == NULL) return false;
    at = strstr(at, "straddle: ") + 10;
    const char *end = strstr(at, " on migrating table");
    size_t n = end == NULL ? strcspn(at, "\n") : (size_t)(end - at);
    snprintf(why, 600, "%.*s%s", (int)(n < 150 ? n : 150), at,
             strncmp(want, "E ", 2) == 0 ? " (on the plain table an error, too)" : "");
    return true;
}

/* Is that line one of the warnings that come next? */
static bool follows(const char *rest, const char *wanted)
{
    char next[4096];
    while (*rest == 'W') {
        rest += line(rest, next, sizeof next);
        if (strcmp(next, wanted) == 0) return true;
    }
    return false;
}

dt_verdict dt_compare(const dt_case *c, const char *want, const char *got, char why[600])
{
    char x[4096], y[4096];
    dt_verdict verdict = DT_SAME;
    if (refused(want, got, why)) return DT_REFUSED;
    if ((c->stmt->flags & DT_WRITES) != 0 && !stored_right(c->world, got, why)) return DT_DIFFERS;
    for (const char *p = want, *q = got; *p != '\0' || *q != '\0';) {
        size_t n = line(p, x, sizeof x), m = line(q, y, sizeof y);
        if (n == m && memcmp(p, q, n) == 0) {
            p += n, q += m;
            continue;
        }
        const dt_exception *e = excepted(c, x, y, why);
        if (e == NULL) {
            snprintf(why, 600, "plain:   %.280s\n  proxied: %.280s", x, y);
            return DT_DIFFERS;
        }
        verdict = DT_EXCEPTED;
        bool failed = (x[0] == 'E') != (y[0] == 'E');
        if (e->then == DT_STOP || (e->then == DT_STOP_AT_ERROR && failed)) break;
        /* A warning that only one side has is skipped there. */
        bool left = x[0] == 'W' && (y[0] != 'W' || (follows(p + n, y) && !follows(q + m, x)));
        bool right = y[0] == 'W' && (x[0] != 'W' || (!left && follows(q + m, x)));
        p += right ? 0 : n, q += left ? 0 : m;
    }
    return verdict;
}
