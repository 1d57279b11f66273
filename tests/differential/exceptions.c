/* What may differ from the plain table, each with its reason; docs/rewriting.md, "What differs after all",
 * tells users of those that they can see. One that is the plan's choice holds only where EXPLAIN shows that
 * the migrating table has another plan. */
#include "compare.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool starts(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

static bool says(const dt_case *c, const char *word)
{
    return strstr(c->sql, word) != NULL;
}

static bool own_name(const dt_case *c)
{
    return c->version == DT_NEW ? c->new_name : !c->new_name;
}

/* A stored row, but for the column's value, which comes last. */
static bool volatile_value(const dt_case *c, const char *want, const char *got)
{
    const char *w = strrchr(want, '|'), *g = strrchr(got, '|');
    return (c->stmt->flags & DT_VOLATILE) != 0 && (starts(want, "T ") || starts(want, "R ")) && w != NULL &&
           g != NULL && w - want == g - got && memcmp(want, got, (size_t)(w - want)) == 0;
}

/* A random text is no number, no date; which it is not differs. */
static bool volatile_fails(const dt_case *c, const char *want, const char *got)
{
    return (c->stmt->flags & DT_VOLATILE) != 0 && c->world->type->kind != DT_TEXT_KIND &&
           (starts(want, "E ") || starts(got, "E ") || starts(want, "W ") || starts(got, "W ") ||
            starts(want, "A "));
}

/* ---- warnings ---- */

/* Two outcomes that differ in the number of their warnings only. */
static bool counted(const char *want, const char *got)
{
    const char *w = strstr(want, "Warnings: "), *g = strstr(got, "Warnings: ");
    return starts(want, "A ") && w != NULL && g != NULL && w - want == g - got &&
           memcmp(want, got, (size_t)(w - want)) == 0;
}

/* A line that is a warning of the transcript, too, of whichever row. */
static bool warns(const char *transcript, const char *line)
{
    const char *row = strstr(line, " at row ");
    size_t n = row == NULL ? strlen(line) : (size_t)(row - line) + 8;
    for (const char *p = transcript; p != NULL && *p != '\0'; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (strncasecmp(p, line, n) == 0 && (row != NULL || p[n] == '\n')) return true;
    }
    return false;
}

/* The expression was written twice: in the phases in which both columns are written. */
static bool warned_again(const dt_case *c, const char *want, const char *got)
{
    if ((c->stmt->flags & DT_WRITES) == 0 || (c->phase != 2 && c->phase != 3)) return false;
    return counted(want, got) || (starts(got, "W ") && warns(c->want, got)) ||
           (starts(want, "W ") && warns(c->got, want));
}

static bool is_conversion(const char *line)
{
    return starts(line, "W ") && (strstr(line, "|1292|") != NULL || strstr(line, "|1366|") != NULL);
}

/* The same conversion more or less often: the optimizer tries it for each index, of which there is one more.
 */
static bool converted_again(const dt_case *c, const char *want, const char *got)
{
    return counted(want, got) || (is_conversion(got) && warns(c->want, got)) ||
           (is_conversion(want) && warns(c->got, want));
}

/* Whether a value is converted at all is the plan's choice. */
static bool converted(const dt_case *c, const char *want, const char *got)
{
    (void)c;
    return is_conversion(want) || is_conversion(got);
}

/* In switched the server does not see that `x IS NOT NULL OR …` is always true, and computes what comes
 * behind; and an error tells of the left side of a comparison that may be NULL as such. */
static bool may_be_null(const dt_case *c, const char *want, const char *got)
{
    const char *w = strstr(want, " for column '"), *g = strstr(got, " for column '");
    if (c->phase != 3 || c->world->nullable) return false;
    if ((is_conversion(got) || is_conversion(want)) && says(c, "NULL")) return true;
    return starts(want, "E 1292 ") && starts(got, "E 1292 ") && w != NULL && g != NULL &&
           w - want == g - got && memcmp(want, got, (size_t)(w - want)) == 0;
}

/* The same where the write is strict: the plain table's server knows the answer without computing what is no
 * number. */
static bool not_computed(const dt_case *c, const char *want, const char *got)
{
    bool compared =
        says(c, "NULL") || says(c, " ALL (") || says(c, " ANY (") || says(c, " SOME (") || says(c, " IN (");
    return c->phase == 3 && !c->world->nullable && (c->stmt->flags & DT_WRITES) != 0 && compared &&
           starts(got, "E 1292 ") && (starts(want, "A ") || starts(want, "E "));
}

/* In a write that is strict about conversions one of them is an error: which value comes first, and whether
 * it is come by at all. */
static bool conversion(const dt_case *c, const char *want, const char *got)
{
    if (starts(want, "E 1525 ") && starts(got, "E 1525 ")) return true;
    if (starts(want, "E 1062 ") && starts(got, "E 1062 ")) return true; /* the first row that is come by */
    return (c->stmt->flags & DT_WRITES) != 0 && (starts(want, "E 1292 ") || starts(got, "E 1292 "));
}

/* A wrong date that is no error: the zero date that it becomes is written to the new column, too. */
static bool default_warns(const dt_case *c, const char *want, const char *got)
{
    bool loose = says(c, "LOAD DATA") || says(c, "IGNORE");
    return c->phase >= 1 && c->phase <= 3 && loose &&
           ((starts(got, "W ") && strstr(got, "|1264|") != NULL) || counted(want, got));
}

/* An alias that is called like a column, in GROUP BY. */
static bool alias_and_column(const dt_case *c, const char *want, const char *got)
{
    if (strstr(c->want, "|1052|") == NULL) return false;
    return (starts(want, "W ") && strstr(want, "|1052|") != NULL) ||
           (starts(want, "C ") && starts(got, "C "));
}

/* ---- columns of a result ---- */

enum { NOT_NULL = 1, KEY = 8, NO_DEFAULT = 0x1000, PART_KEY = 0x4000, GROUPED = 0x8000 };

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

static bool nullable(const dt_case *c, const char *want, const char *got)
{
    return c->phase == 3 && !c->world->nullable &&
           flags_differ(want, got, NOT_NULL | KEY | NO_DEFAULT | PART_KEY | GROUPED);
}

/* The plain table's server sees by itself that nothing can be NULL, and answers at once. */
static bool impossible(const dt_case *c, const char *want, const char *got)
{
    if (c->phase != 3 || c->world->nullable || !says(c, "NULL")) return false;
    return flags_differ(want, got, 0xffff) ||
           (starts(want, "A 0 ") && (starts(got, "A 0 ") || starts(got, "C ")));
}

typedef struct column { /* a line C, taken apart */
    size_t name;        /* bytes */
    unsigned type, flags, charset, length, decimals;
} column;

static bool take_column(const char *line, column *c)
{
    const char *at = NULL;
    for (const char *p = strstr(line, " type "); p != NULL; p = strstr(p + 1, " type ")) at = p;
    c->name = at == NULL ? 0 : (size_t)(at - line);
    return starts(line, "C ") && at != NULL &&
           sscanf(at, " type %u flags %x charset %u length %u decimals %u", &c->type, &c->flags, &c->charset,
                  &c->length, &c->decimals) == 5;
}

static bool integer(unsigned type)
{
    return type == 1 || type == 2 || type == 3 || type == 8 || type == 9;
}

/* In a temporary table flags that tell of keys and defaults are lost, an integer may grow, and decimals of
 * what has none (31; MariaDB: 39) are forgotten. */
static bool plan_flags(const dt_case *c, const char *want, const char *got)
{
    column w, g;
    unsigned lost = 0xf28e | (c->phase == 3 && !c->world->nullable ? NOT_NULL : 0);
    if (!take_column(want, &w) || !take_column(got, &g) || w.name != g.name || memcmp(want, got, w.name) != 0)
        return false;
    bool grown = w.type != g.type, unset = w.decimals > 30 || g.decimals > 30;
    if (grown && (!integer(w.type) || !integer(g.type))) return false;
    if (w.decimals != g.decimals && !unset) return false;
    return ((w.flags ^ g.flags) & ~(lost | (grown ? NOT_NULL : 0u))) == 0 && w.charset == g.charset &&
           w.length == g.length;
}

/* The automatic name of an expression, which MySQL ends with a space where the statement has one there. */
static bool name_space(const dt_case *c, const char *want, const char *got)
{
    const char *w = strstr(want, "  type "), *g = strstr(got, " type ");
    if (c->mariadb || w == NULL || g == NULL || w - want != g - got) return false;
    return memcmp(want, got, (size_t)(w - want)) == 0 && strcmp(w + 1, g) == 0;
}

/* The answer comes of a SELECT over information_schema; its columns are called the same. */
static bool told(const dt_case *c, const char *want, const char *got)
{
    const char *w = strstr(want, " type "), *g = strstr(got, " type ");
    bool shows = starts(c->sql, "SHOW ") || starts(c->sql, "DESC") || starts(c->sql, "EXPLAIN ") ||
                 says(c, "information_schema.");
    return shows && starts(want, "C ") && starts(got, "C ") && w != NULL && g != NULL &&
           w - want == g - got && memcmp(want, got, (size_t)(w - want)) == 0;
}

/* ---- errors ---- */

/* The message is alike up to what it shows of the statement. */
static bool syntax_error(const dt_case *c, const char *want, const char *got)
{
    (void)c;
    const char *w = strstr(want, " near '"), *g = strstr(got, " near '");
    return starts(want, "E 1064 ") && w != NULL && g != NULL && w - want == g - got &&
           memcmp(want, got, (size_t)(w - want)) == 0;
}

static bool other_name(const dt_case *c, const char *want, const char *got)
{
    (void)got;
    return starts(want, "E 1054 ") &&
           (strstr(want, c->world->names->a) != NULL || strstr(want, c->world->names->b) != NULL);
}

/* In switched the old column may have a default already, so the proxy says itself that the plain table has
 * none: before other errors, before a result's columns, and before it is known whether there is a row to be
 * updated. MariaDB lets an INSERT leave out a column that ON DUPLICATE KEY UPDATE assigns. In the phases
 * before it does so for dates on MySQL, which would have computed the new column's default from a zero date.
 */
static bool no_default(const dt_case *c, const char *want, const char *got)
{
    if (!starts(got, "E 1364 ") || c->world->has_default) return false;
    if (starts(want, "E ") || strstr(c->want, "\nE 1364 ") != NULL) return true;
    if (c->phase != 3) return false;
    return (c->mariadb && says(c, "ON DUPLICATE KEY UPDATE")) ||
           (says(c, "SELECT") && starts(want, "A 0 ")) ||
           (says(c, "UPDATE") && says(c, "= DEFAULT") && starts(want, "A 0 "));
}

/* Names are found to be ambiguous in the order in which the proxy comes by them. */
static bool ambiguous(const dt_case *c, const char *want, const char *got)
{
    if (!starts(got, "E 1052 ")) return false;
    return starts(want, "E ") || !own_name(c) || (strncmp(c->got, got, strlen(got)) == 0 && says(c, "; "));
}

/* A row that violates two unique keys: a twin comes after the keys that were there before it. ON DUPLICATE
 * KEY UPDATE takes the row of the first one. */
static bool two_keys(const dt_case *c, const char *want, const char *got)
{
    if (!c->world->unique || c->world->partitioned || c->phase < 3) return false;
    if ((starts(want, "E 1062 ") && starts(got, "E 1062 ")) ||
        (strstr(want, "|1062|") != NULL && strstr(got, "|1062|") != NULL))
        return (strstr(want, "k_c'") != NULL) != (strstr(got, "k_c'") != NULL);
    return says(c, "ON DUPLICATE KEY UPDATE") &&
           ((starts(want, "A ") && (starts(got, "A ") || starts(got, "E 1062 "))) ||
            (starts(want, "E 1062 ") && starts(got, "A ")) || (starts(want, "T ") && starts(got, "T ")));
}

/* MariaDB 10.11 answers NOT (x >= SOME (SELECT …)) wrongly where x is NOT NULL, the rows of the subquery come
 * by a key, and there are none: it takes the comparison for NULL. */
static bool quantified(const dt_case *c, const char *want, const char *got)
{
    return c->mariadb && c->phase == 3 && !c->world->nullable &&
           (says(c, " SOME (") || says(c, " ANY (") || says(c, " ALL (")) &&
           ((starts(want, "A ") && starts(got, "A ")) || (starts(want, "R ") || starts(got, "R ")));
}

/* A table that stands as a derived one: MariaDB warns, as it does not see that its column in ORDER BY and the
 * one in the select list are the same. */
static bool derived_warns(const dt_case *c, const char *want, const char *got)
{
    (void)want;
    return c->mariadb && starts(got, "W Warning|1052|Column ") && (says(c, "USING (") || says(c, "NATURAL "));
}

static bool called(const char *s, const char *name)
{
    return strncasecmp(s, name, strlen(name)) == 0;
}

/* Lines that are the same when one name of the pair is put for the other, and one quote for another. */
static bool message(const dt_case *c, const char *want, const char *got)
{
    const char *a = c->world->names->a, *b = c->world->names->b;
    if ((!starts(want, "E ") || !starts(got, "E ")) && (!starts(want, "W ") || !starts(got, "W ")))
        return false;
    while (*want != '\0' && *got != '\0') {
        if (called(want, a) && called(got, b)) {
            want += strlen(a), got += strlen(b);
        } else if (called(want, b) && called(got, a)) {
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
    return (!own_name(c) || starts(want, "E 1054 ")) && message(c, want, got);
}

static bool quotes(const dt_case *c, const char *want, const char *got)
{
    (void)c;
    const dt_names none = {.a = "\1", .b = "\1"};
    const dt_world nowhere = {.names = &none};
    const dt_case k = {.world = &nowhere};
    return message(&k, want, got);
}

/* What MariaDB refuses where an alias and a column have one name. */
static bool lenient(const dt_case *c, const char *want, const char *got)
{
    return c->mariadb && !starts(got, "E ") && (starts(want, "E 1463 ") || starts(want, "E 4016 "));
}

/* ---- outcomes ---- */

/* The row's new column was empty until now, or its retired one holds what it was when it retired. */
static bool replaced(const dt_case *c, const char *want, const char *got)
{
    return (c->phase == 1 || c->phase == 2 || c->phase == 4) && says(c, "REPLACE") && starts(want, "A ") &&
           starts(got, "A ");
}

enum { ANY = 0, PLAN = 1, REST = 2 };

#define EXCEPTION(name, reason, holds, how)                                                                  \
    {                                                                                                        \
        name, reason, holds, ((how)&PLAN) != 0, ((how)&REST) != 0                                            \
    }

const dt_exception dt_exceptions[] = {
    EXCEPTION("volatile", "the statement stores a random value; that A is B is compared nevertheless",
              volatile_value, ANY),
    EXCEPTION("volatile fails", "a random value may not fit into the column, each in another way",
              volatile_fails, REST),
    EXCEPTION("warned again", "an expression that is written twice warns twice", warned_again, ANY),
    EXCEPTION("may be NULL", "in switched the new column is nullable, so that more is computed", may_be_null,
              ANY),
    EXCEPTION("not computed", "in switched a comparison with the new column is not known beforehand",
              not_computed, REST),
    EXCEPTION("converted again", "how often a value is converted is the optimizer's choice", converted_again,
              ANY),
    EXCEPTION("converted", "whether a value is converted is the plan's choice", converted, PLAN),
    EXCEPTION("syntax error", "the message shows the statement from the error on, as it was rewritten",
              syntax_error, ANY),
    EXCEPTION("nullable",
              "in switched the new column is nullable, and so is what is computed from it, a UNION too",
              nullable, ANY),
    EXCEPTION("impossible", "in switched the server does not see that the new column cannot be NULL",
              impossible, PLAN | REST),
    EXCEPTION("alias and column",
              "the warning that an alias in GROUP BY is a column, too: physically it has another name",
              alias_and_column, ANY),
    EXCEPTION("plan", "whether a temporary table is used, in which flags get lost, is the plan's choice",
              plan_flags, PLAN),
    EXCEPTION("conversion", "which values of a WHERE are converted, and which first, is the plan's choice",
              conversion, PLAN | REST),
    EXCEPTION("default warns", "a date that becomes a zero date warns in the new column, too", default_warns,
              ANY),
    EXCEPTION(
        "lenient",
        "MariaDB's errors 1463 and 4016 on a name that is both column and alias, which then is only one "
        "of them",
        lenient, REST),
    EXCEPTION("told", "what SHOW tells comes of a SELECT, whose columns have other lengths", told, ANY),
    EXCEPTION("space", "an alias cannot end with a space, as an automatic name can", name_space, ANY),
    EXCEPTION("both names",
              "a name of the pair that the plain table does not have means the column all the same",
              other_name, REST),
    EXCEPTION("no default",
              "in switched the proxy says itself that a column has none, and before other errors", no_default,
              REST),
    EXCEPTION("ambiguous",
              "error 1052 comes of the proxy, of the first such name that it finds, and before other errors",
              ambiguous, REST),
    EXCEPTION("two keys", "of two unique keys that a row violates, a twin is the later one", two_keys, REST),
    EXCEPTION("quantified", "MariaDB answers a quantified comparison by what is NULL in another plan",
              quantified, PLAN | REST),
    EXCEPTION("derived warns", "MariaDB takes a derived table's column in ORDER BY for another one",
              derived_warns, ANY),
    EXCEPTION("message of the other name",
              "a client that uses the other version's name is told its own version's", message_of_other, ANY),
    EXCEPTION("quotes", "a message shows a part of the statement with the quotes that it was rewritten with",
              quotes, ANY),
    EXCEPTION("replaced",
              "REPLACE by an equal row changes it where the column that is not read had another value",
              replaced, ANY),
    {NULL, NULL, NULL, false, false},
};
