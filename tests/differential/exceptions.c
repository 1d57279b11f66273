/* What may differ from the plain table, each with its reason; docs/rewriting.md, "What differs after all",
 * tells users of those that they can see. */
#include "compare.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool starts(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

static bool volatile_value(const dt_case *c, const char *want, const char *got)
{
    (void)want, (void)got;
    return (c->stmt->flags & DT_VOLATILE) != 0;
}

/* The same warning more or less often, or the same outcome but for their number. */
static bool warned_again(const dt_case *c, const char *want, const char *got)
{
    const char *w = strstr(want, "Warnings: "), *g = strstr(got, "Warnings: ");
    if (starts(want, "A ") && w != NULL && g != NULL)
        return w - want == g - got && memcmp(want, got, (size_t)(w - want)) == 0;
    if (starts(want, "W ") && (strstr(want, "|1292|") != NULL || strstr(c->got, want) != NULL)) return true;
    return starts(got, "W ") && (strstr(got, "|1292|") != NULL || strstr(c->want, got) != NULL);
}

static bool syntax_error(const dt_case *c, const char *want, const char *got)
{
    (void)c;
    return starts(want, "E 1064 ") && starts(got, "E 1064 ");
}

/* Two lines of a column that differ in their flags only: are these among the given ones? */
static bool flags_differ(const char *want, const char *got, unsigned flags)
{
    const char *w = strstr(want, " flags "), *g = strstr(got, " flags ");
    if (!starts(want, "C ") || !starts(got, "C ") || w == NULL || g == NULL) return false;
    if (w - want != g - got || memcmp(want, got, (size_t)(w - want)) != 0) return false;
    char *wend, *gend;
    unsigned long x = strtoul(w + 7, &wend, 16), y = strtoul(g + 7, &gend, 16);
    return ((x ^ y) & ~(unsigned long)flags) == 0 && strcmp(wend, gend) == 0;
}

/* Flags of a column that was computed; and what the server sees by itself to be impossible, where the column
 * is NOT NULL. */
static bool nullable(const dt_case *c, const char *want, const char *got)
{
    enum { NOT_NULL = 1, KEY = 8, NO_DEFAULT = 0x1000, PART_KEY = 0x4000 };
    if (c->phase != 3) return false;
    if (flags_differ(want, got, NOT_NULL | KEY | NO_DEFAULT | PART_KEY)) return true;
    return strstr(c->sql, "NULL") != NULL &&
           (flags_differ(want, got, 0xffff) || (starts(want, "A 0 ") && starts(got, "A 0 ")));
}

/* A wrong date that is no error: the zero date that it becomes is written to the new column, too. */
static bool default_warns(const dt_case *c, const char *want, const char *got)
{
    const char *w = strstr(want, "Warnings: "), *g = strstr(got, "Warnings: ");
    bool more = starts(got, "W ") && strstr(got, "|1264|") != NULL;
    bool outcome =
        w != NULL && g != NULL && w - want == g - got && memcmp(want, got, (size_t)(w - want)) == 0;
    bool loose = strstr(c->sql, "LOAD DATA") != NULL || strstr(c->sql, "IGNORE") != NULL;
    return c->phase >= 1 && c->phase <= 3 && loose && (more || outcome);
}

/* An alias that is called like a column, in GROUP BY. */
static bool alias_and_column(const dt_case *c, const char *want, const char *got)
{
    bool warned = strstr(c->want, "|1052|") != NULL;
    if (!warned) return false;
    return (starts(want, "W ") && strstr(want, "|1052|") != NULL) ||
           (starts(want, "C ") && starts(got, "C "));
}

/* Flags that tell of keys and defaults are lost in a temporary table. */
static bool plan_flags(const dt_case *c, const char *want, const char *got)
{
    static const char *const words[] = {"DISTINCT", "GROUP BY", "UNION",  "OVER",
                                        "WITH",     "ORDER BY", "(SELECT"};
    bool may = false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) may |= strstr(c->sql, words[i]) != NULL;
    return may && flags_differ(want, got, 0xf28e);
}

/* In a write that is strict about conversions. */
static bool conversion(const dt_case *c, const char *want, const char *got)
{
    (void)c;
    return strstr(want, "Truncated incorrect") != NULL || strstr(got, "Truncated incorrect") != NULL;
}

static bool other_name(const dt_case *c, const char *want, const char *got)
{
    (void)got;
    return starts(want, "E 1054 ") &&
           (strstr(want, c->names->a) != NULL || strstr(want, c->names->b) != NULL);
}

/* Errors that the proxy tells itself. */
static bool own_error(const dt_case *c, const char *want, const char *got)
{
    bool own = c->version == DT_NEW ? c->new_name : !c->new_name;
    if (starts(want, "E ") && starts(got, "E 1364 ")) return true;
    if (!own && starts(got, "E 1052 ")) return true;
    if (strncmp(c->got, got, strlen(got)) == 0 && starts(got, "E 1052 ") && strstr(c->sql, "; ") != NULL)
        return true;
    return starts(want, "E ") && starts(got, "E 1052 ");
}

/* Lines that are the same when one name of the pair is put for the other, and one quote for another. */
static bool message(const dt_case *c, const char *want, const char *got)
{
    const char *a = c->names->a, *b = c->names->b;
    if ((!starts(want, "E ") || !starts(got, "E ")) && (!starts(want, "W ") || !starts(got, "W ")))
        return false;
    while (*want != '\0' && *got != '\0') {
        if (starts(want, a) && starts(got, b)) {
            want += strlen(a), got += strlen(b);
        } else if (starts(want, b) && starts(got, a)) {
            want += strlen(b), got += strlen(a);
        } else if (tolower((unsigned char)*want) == tolower((unsigned char)*got) ||
                   (strchr("`\"", *want) != NULL && strchr("`\"", *got) != NULL)) {
            want++, got++;
        } else {
            return false;
        }
    }
    return *want == *got;
}

static bool message_of_other(const dt_case *c, const char *want, const char *got)
{
    bool own = c->version == DT_NEW ? c->new_name : !c->new_name;
    return (!own || starts(want, "E 1054 ")) && message(c, want, got);
}

static bool quotes(const dt_case *c, const char *want, const char *got)
{
    (void)c;
    const dt_names none = {.a = "\1", .b = "\1"};
    const dt_case k = {.names = &none};
    return message(&k, want, got);
}

/* The row's new column was empty until now, or its retired one holds what it was when it retired. */
static bool replaced(const dt_case *c, const char *want, const char *got)
{
    return (c->phase == 1 || c->phase == 2 || c->phase == 4) && strstr(c->sql, "REPLACE") != NULL &&
           starts(want, "A ") && starts(got, "A ");
}

/* What MariaDB refuses where an alias and a column have one name. */
static bool lenient(const dt_case *c, const char *want, const char *got)
{
    return c->mariadb && !starts(got, "E ") && (starts(want, "E 1463 ") || starts(want, "E 4016 "));
}

/* The automatic name of an expression, which MySQL ends with a space where the statement has one there. */
static bool name_space(const dt_case *c, const char *want, const char *got)
{
    const char *w = strstr(want, "  type "), *g = strstr(got, " type ");
    if (c->mariadb || w == NULL || g == NULL || w - want != g - got) return false;
    return memcmp(want, got, (size_t)(w - want)) == 0 && strcmp(w + 1, g) == 0;
}

const dt_exception dt_exceptions[] = {
    {"volatile", "the statement stores a random value; that A is B is compared nevertheless", volatile_value,
     false},
    {"warned again",
     "an expression that is written twice warns twice, and how often a value is converted is the plan's "
     "choice",
     warned_again, false},
    {"syntax error", "the message shows the statement from the error on, as it was rewritten", syntax_error,
     false},
    {"nullable", "in switched the new column is nullable, and so is what is computed from it, a UNION too",
     nullable, false},
    {"alias and column",
     "the warning that an alias in GROUP BY is a column, too: physically it has another name",
     alias_and_column, false},
    {"plan", "whether a temporary table is used, in which flags get lost, is the plan's choice", plan_flags,
     false},
    {"conversion", "which values of a WHERE are converted, and which first, is the plan's choice", conversion,
     true},
    {"default warns", "a date that becomes a zero date warns in the new column, too", default_warns, false},
    {"lenient",
     "MariaDB's errors 1463 and 4016 on a name that is both column and alias, which then is only one of them",
     lenient, true},
    {"space", "an alias cannot end with a space, as an automatic name can", name_space, false},
    {"both names", "a name of the pair that the plain table does not have means the column all the same",
     other_name, true},
    {"own error",
     "the proxy says errors 1052 and 1364 itself: of another clause or name first, and before other errors "
     "and statements",
     own_error, true},
    {"message of the other name", "a client that uses the other version's name is told its own version's",
     message_of_other, false},
    {"quotes", "a message shows a part of the statement with the quotes that it was rewritten with", quotes,
     false},
    {"replaced", "REPLACE by an equal row changes it where the column that is not read had another value",
     replaced, false},
    {NULL, NULL, NULL, false},
};
