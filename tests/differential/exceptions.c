/* What may differ from the plain table, each with its reason; docs/rewriting.md, "What differs after all",
 * tells users of those that they can see. One that is the plan's choice holds only where EXPLAIN shows that
 * the migrating table has another plan. One more is in run.c (nullable_differs). */
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

/* ---- warnings ---- */

static unsigned long warnings(const char *transcript)
{
    unsigned long n = 0;
    for (const char *p = strstr(transcript, "\nW "); p != NULL; p = strstr(p + 1, "\nW ")) n++;
    return n;
}

/* Two outcomes that differ in the number of their warnings only, of which all are in the transcripts (SHOW
 * WARNINGS has 64 at most), so that their lines say what differs. */
static bool counted(const dt_case *c, const char *want, const char *got)
{
    const char *w = strstr(want, "Warnings: "), *g = strstr(got, "Warnings: ");
    if (!starts(want, "A ") || w == NULL || g == NULL || w - want != g - got) return false;
    unsigned long x = strtoul(w + 10, NULL, 10), y = strtoul(g + 10, NULL, 10), nx = warnings(c->want),
                  ny = warnings(c->got);
    if (memcmp(want, got, (size_t)(w - want)) != 0) return false;
    if (says(c, "; ")) return y <= 2 * x; /* of several statements only the last one's are told */
    return (nx == x || nx == 64) && (ny == y || ny == 64);
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
    if ((c->stmt->flags & DT_WRITES) == 0 || !says(c, "UPDATE")) return false;
    if (c->phase < DT_STALE || c->phase > DT_SWITCHED) return false;
    return counted(c, want, got) || (starts(got, "W ") && warns(c->want, got)) ||
           (starts(want, "W ") && warns(c->got, want));
}

static bool is_conversion(const char *line)
{
    return starts(line, "W ") && (strstr(line, "|1292|") != NULL || strstr(line, "|1366|") != NULL);
}

/* The same conversion more or less often. In `planned`, where the statement is the plain table's own, that
 * differs already: rows are looked at in the order of statistics, which move. */
static bool converted_again(const dt_case *c, const char *want, const char *got)
{
    if (starts(want, "W ") && strstr(want, "|1265|") != NULL && warns(c->got, want)) return true;
    return counted(c, want, got) || (is_conversion(got) && warns(c->want, got)) ||
           (is_conversion(want) && warns(c->got, want));
}

/* Whether a value is converted at all, of a row that is not taken in the end, too; and in a write that is
 * strict about it which one fails first: of the values, and of the rows that violate a key. */
static bool converted(const dt_case *c, const char *want, const char *got)
{
    if (is_conversion(want) || is_conversion(got)) return true;
    if ((starts(want, "E 1525 ") && starts(got, "E 1525 ")) ||
        (starts(want, "E 1062 ") && starts(got, "E 1062 ")))
        return true;
    if ((c->stmt->flags & DT_WRITES) == 0) return false;
    if (says(c, " JOIN ") && starts(got, "E 1048 "))
        return true; /* of the rows that match, one has no value */
    return starts(want, "E 1292 ") || starts(got, "E 1292 ") || starts(want, "E 1264 ") ||
           starts(got, "E 1264 ");
}

/* A wrong date that is no error: the zero date that it becomes is written to the new column, too. */
static bool default_warns(const dt_case *c, const char *want, const char *got)
{
    if (c->world->type->kind != DT_DATE_KIND || c->phase < DT_EXPANDED || c->phase > DT_SWITCHED)
        return false;
    if (starts(got, "E 1292 ") && strstr(got, "'0000-00-00") != NULL)
        return true; /* of a column without default */
    if (!says(c, "LOAD DATA") && !says(c, "IGNORE")) return false;
    return (starts(got, "W ") && strstr(got, "|1264|") != NULL) || counted(c, want, got);
}

/* ---- columns of a result ---- */

enum { NOT_NULL = 1, NO_DEFAULT = 0x1000, LOST = 0xf28e /* those of keys and defaults */ };

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

/* The proxy tells of the new column what the plain table's has, and of NOT NULL also where MariaDB forgets
 * that, in a query with window functions. */
static bool put_back(const dt_case *c, const char *want, const char *got)
{
    if (c->plain == NULL || !flags_differ(want, got, NOT_NULL | NO_DEFAULT)) return false;
    return strstr(c->plain, got) != NULL || (c->mariadb && says(c, " OVER "));
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

/* Of these neither the length nor which one of them it is says anything of the values. */
static bool blob(unsigned type)
{
    return type >= 249 && type <= 252;
}

/* JSON has the character set of the connection where it comes out of a temporary table. */
static bool is_json(unsigned type)
{
    return type == 245;
}

/* Seen in `planned` as well, where the tables are the same and EXPLAIN shows one plan for both statements. In
 * a temporary table flags that tell of keys and defaults are lost, an integer may grow, decimals of what has
 * none (31; MariaDB: 39) are forgotten, and BLOB, TEXT and JSON get another length. */
static bool plan_flags(const dt_case *c, const char *want, const char *got)
{
    column w, g;
    if (!take_column(want, &w) || !take_column(got, &g) || w.name != g.name || memcmp(want, got, w.name) != 0)
        return false;
    bool blobs = blob(w.type) && blob(g.type), jsons = is_json(w.type) && is_json(g.type);
    bool grown = w.type != g.type && integer(w.type) && integer(g.type);
    bool unset = w.decimals > 30 || g.decimals > 30;
    if (w.type != g.type && !grown && !blobs) return false;
    if (w.decimals != g.decimals && !unset) return false;
    if (w.charset != g.charset && !jsons) return false;
    if (w.length != g.length && !jsons && !blobs) return false;
    unsigned lost =
        LOST | (grown ? NOT_NULL : 0u) | (jsons || (c->mariadb && blobs) ? NOT_NULL | NO_DEFAULT : 0u);
    return ((w.flags ^ g.flags) & ~lost) == 0;
}

/* The automatic name of an expression, which MySQL ends with a space where the statement has one there. */
static bool name_space(const dt_case *c, const char *want, const char *got)
{
    const char *w = strstr(want, "  type "), *g = strstr(got, " type ");
    if (c->mariadb || w == NULL || g == NULL || w - want != g - got) return false;
    return memcmp(want, got, (size_t)(w - want)) == 0 && strcmp(w + 1, g) == 0;
}

/* Two columns that are called the same, but for a space at the end; whatever else is told of them. */
static bool same_name(const char *want, const char *got)
{
    const char *w = strstr(want, " type "), *g = strstr(got, " type ");
    if (!starts(want, "C ") || !starts(got, "C ") || w == NULL || g == NULL) return false;
    while (w > want && w[-1] == ' ') w--;
    while (g > got && g[-1] == ' ') g--;
    return w - want == g - got && memcmp(want, got, (size_t)(w - want)) == 0;
}

/* Two rows that are the same but for spaces. */
static bool same_but_spaces(const char *x, const char *y)
{
    for (;; x++, y++) {
        while (*x == ' ') x++;
        while (*y == ' ') y++;
        if (*x != *y || *x == '\0') return *x == *y;
    }
}

/* The answer comes of a SELECT over information_schema; its columns are called the same. MariaDB pads the
 * default of a CHAR under PAD_CHAR_TO_FULL_LENGTH. */
static bool told(const dt_case *c, const char *want, const char *got)
{
    bool padded = strstr(dt_sessions[c->stmt->session].sql_mode, "PAD_CHAR_TO_FULL_LENGTH") != NULL;
    bool shows = starts(c->sql, "SHOW ") || starts(c->sql, "DESC") || starts(c->sql, "EXPLAIN ") ||
                 says(c, "information_schema.");
    if (shows && c->mariadb && padded && starts(want, "R ")) return same_but_spaces(want, got);
    return shows && same_name(want, got);
}

/* ---- errors ---- */

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
    if (starts(want, "E ") || strstr(c->want, "\nE ") != NULL) return true;
    bool early = !c->mariadb && c->world->type->kind == DT_DATE_KIND && c->phase < DT_SWITCHED;
    if (early && says(c, "SELECT") && starts(want, "A 0 ")) return true;
    if (!c->mariadb && c->phase >= DT_STALE && says(c, "UPDATE") && says(c, "= DEFAULT") &&
        starts(want, "A "))
        return says(c, "ON DUPLICATE KEY UPDATE") || starts(want, "A 0 ");
    if (c->phase != DT_SWITCHED || !starts(want, "A ")) return false;
    return (says(c, "ON DUPLICATE KEY UPDATE") && (c->mariadb || says(c, "= DEFAULT"))) ||
           (says(c, "SELECT") && starts(want, "A 0 ")) ||
           (says(c, "UPDATE") && says(c, "= DEFAULT") && starts(want, "A 0 "));
}

/* Names are found to be ambiguous in the order in which the proxy comes by them. */
static bool ambiguous(const dt_case *c, const char *want, const char *got)
{
    if (!starts(got, "E 1052 ")) return false;
    return starts(want, "E ") || !own_name(c) || (strncmp(c->got, got, strlen(got)) == 0 && says(c, "; "));
}

/* NATURAL JOIN and USING get a table as a derived one, where a second column of it would be a common one,
 * too. MySQL does not convert a constant beforehand that is compared with a derived table's column. MariaDB
 * does not see that such a column in ORDER BY and in the select list are the same, tells NOT NULL of one
 * where an outer join became an inner one, and JSON_OBJECT() of one as a TEXT. */
static bool derived(const dt_case *c, const char *want, const char *got)
{
    if (!says(c, "NATURAL ") && !says(c, "USING (")) return false;
    if (c->mariadb) {
        return starts(got, "W Warning|1052|Column ") || flags_differ(want, got, LOST | NOT_NULL) ||
               (says(c, "JSON_OBJECT(") && same_name(want, got));
    }
    return (is_conversion(want) && strstr(want, " for column '") != NULL) ||
           (starts(want, "E 3065 ") && starts(got, "E 3065 ")); /* without the schema in its message */
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

/* A client that uses the other version's name is told that of its own. Otherwise only letters and quotes may
 * differ: the server shows them as they were written, and the proxy writes a name as the table has it. */
static bool message_names(const dt_case *c, const char *want, const char *got)
{
    static const dt_names none = {.a = "\1", .b = "\1"};
    static const dt_world nowhere = {.names = &none};
    static const dt_case written = {.world = &nowhere};
    bool shown = starts(want, "E 1054 ") || starts(want, "E 1064 "); /* as it was sent */
    return message(!own_name(c) || shown ? c : &written, want, got);
}

/* An alias that is called like the column. The warning that a name in GROUP BY may be both, and with it flags
 * that tell of keys; what MariaDB refuses then in HAVING and in windows. Physically only one of the two has
 * that name. */
static bool alias_and_column(const dt_case *c, const char *want, const char *got)
{
    if (c->mariadb && !starts(got, "E ") && (starts(want, "E 1463 ") || starts(want, "E 4016 "))) return true;
    if (strstr(c->want, "|1052|") == NULL) return false;
    return (starts(want, "W ") && strstr(want, "|1052|") != NULL) || flags_differ(want, got, LOST | NOT_NULL);
}

/* ---- outcomes ---- */

static unsigned long number_behind(const char *line, const char *word)
{
    const char *at = strstr(line, word);
    return at == NULL ? 0 : strtoul(at + strlen(word), NULL, 10);
}

/* A stored row that differs by ON UPDATE CURRENT_TIMESTAMP only, which fired (timestamp is set, client.c). */
static bool touched(const dt_case *c, const char *want, const char *got)
{
    static const char now[] = "|2020-09-13 12:26:40|", equal[] = "|equal|";
    const char *w = strstr(want, equal), *g = strstr(got, equal);
    if (!c->world->on_update || w == NULL || g == NULL || w - want != g - got || g - got < 20) return false;
    return memcmp(want, got, (size_t)(w - want) - 19) == 0 && strcmp(w, g) == 0 &&
           memcmp(g - 20, now, sizeof now - 1) == 0;
}

/* A row counts as changed where the column that is not read was still empty, or is not kept any more: with
 * REPLACE where all else is equal, and with UPDATE where that column has to be filled. No row more than those
 * that match. */
static bool other_column(const dt_case *c, const char *want, const char *got)
{
    bool update = c->phase == DT_STALE && says(c, "UPDATE");
    bool replace =
        (c->phase == DT_EXPANDED || c->phase == DT_STALE || c->phase == DT_RETIRED) && says(c, "REPLACE");
    if (update && starts(want, "T ") && touched(c, want, got)) return true;
    if (update && says(c, "DUPLICATE") && starts(want, "I 0") && starts(got, "I "))
        return true; /* its id, then */
    if ((!update && !replace) || !starts(want, "A ") || !starts(got, "A ")) return false;
    if (number_behind(got, "A ") <= number_behind(want, "A ")) return false;
    return number_behind(want, "matched: ") == number_behind(got, "matched: ") &&
           number_behind(got, "Changed: ") <= number_behind(got, "matched: ") &&
           number_behind(want, "Records: ") == number_behind(got, "Records: ");
}

/* Two rows that are the same but for the word MUL or UNI of the first one. */
static bool same_but_key(const char *x, const char *y)
{
    const char *key = strstr(x, "|MUL|");
    if (key == NULL) key = strstr(x, "|UNI|");
    size_t n = key == NULL ? 0 : (size_t)(key - x) + 1;
    return key != NULL && memcmp(x, y, n) == 0 && strcmp(key + 4, y + n) == 0;
}

/* Where values change, a name is an expression over the other column in some phases. It has the type of that,
 * also in a table that is made of it, and no key; it is not what GROUP BY is of under ONLY_FULL_GROUP_BY, and
 * may be NULL as far as the server sees; through a derived table only the first of the two names is reached;
 * a constant that it is compared with is converted otherwise. The other column may not hold what this one
 * would. docs/rewriting.md tells of all that. */
static bool computed(const dt_case *c, const char *want, const char *got)
{
    if (c->world->change == NULL) return false;
    if (starts(want, "C ") && starts(got, "C ")) return same_name(want, got);
    if (starts(want, "M made|") && starts(got, "M made|")) return true;
    if (starts(want, "A 0 ") && (starts(got, "A 0 ") || starts(got, "C "))) return true;
    if (starts(want, "I ") && starts(got, "C ")) return true; /* RETURNING, after the line above */
    if (says(c, "information_schema.statistics")) return true;
    /* MySQL compares a BIGINT column with a constant as numbers in STRCMP(), and an expression as a text. */
    if (!c->mariadb && says(c, "STRCMP(") && starts(want, "T ") && starts(got, "T ")) return true;
    if (starts(want, "R ") && starts(got, "R ")) return same_but_key(want, got);
    if (starts(got, "E 1054 ") && (c->version == DT_MIG || !own_name(c)))
        return says(c, "NATURAL ") || says(c, "USING (");
    if (is_conversion(want) || is_conversion(got) || counted(c, want, got)) return true;
    bool strict = starts(want, "E 1292 ") || starts(got, "E 1292 ") || starts(want, "E 1366 ") ||
                  starts(got, "E 1366 ");
    if ((c->stmt->flags & DT_WRITES) != 0 && strict) return true;
    /* An expression of a derived table that was merged is no column, which an alias could be taken for. */
    if (starts(want, "E 1052 ") && starts(got, "C ")) return true;
    if (starts(want, "E 1690 ") && starts(got, "E 1690 ")) return true; /* which shows the expression */
    if (starts(want, "E 1048 ") && starts(got, "E 1048 ")) return true; /* of two columns, the derived last */
    if (starts(want, "E 1062 ") && starts(got, "E 1062 ")) return true; /* the key's value, as it is stored */
    return starts(got, "E 1264 ") || starts(got, "E 1055 ") || starts(got, "E 3065 ");
}

/* MariaDB does not warn of conversions in the select list of INSERT (columns) SELECT, nor has a strict mode
 * an error then; it does in INSERT SELECT. */
static bool listed(const dt_case *c, const char *want, const char *got)
{
    const char *into = strstr(c->sql, " INTO "), *select = strstr(c->sql, " SELECT ");
    const char *list = into == NULL ? NULL : strchr(into, '(');
    if (!c->mariadb || into == NULL || select == NULL || (list != NULL && list < select)) return false;
    return starts(want, "E 1292 ") && !starts(got, "E ");
}

/* In retired the twin of a unique key stands behind the other one, and of two that a row violates the first
 * one is taken. Where that comes of a NULL alone, nullable_differs (run.c) finds it; DEFAULT is no NULL here.
 */
static bool another_key(const dt_case *c, const char *want, const char *got)
{
    if (c->phase < DT_RETIRED || !c->world->unique || c->world->nullable) return false;
    if (says(c, "IGNORE") && starts(want, "W Warning|1062|")) return starts(got, "W Warning|1062|");
    if (!says(c, "ON DUPLICATE KEY UPDATE") || !says(c, "DEFAULT")) return false;
    return (starts(want, "E 1062 ") || starts(want, "A ")) && (starts(got, "E 1062 ") || starts(got, "A "));
}

/* MariaDB lets UPDATE and DELETE read their own table in a subquery, and what that sees of the rows that are
 * written by then hangs on the plan. The tables here have other indexes, in another order. */
static bool reads_itself(const dt_case *c, const char *want, const char *got)
{
    const char *table = c->world->names->table, *at = c->sql;
    unsigned n = 0;
    if (!c->mariadb || (!starts(c->sql, "UPDATE ") && !starts(c->sql, "DELETE "))) return false;
    for (; (at = strstr(at, table)) != NULL; at += strlen(table)) n++;
    if (n < 2 || !says(c, "(SELECT ")) return false;
    return (starts(want, "A ") && starts(got, "A ")) || (starts(want, "T ") && starts(got, "T "));
}

/* MySQL 9.7 materializes JSON_TABLE in a semijoin once, also where it takes its document from each row, and
 * then finds what it found for one of them: with the plain table alone, other rows by another plan. */
static bool json_table(const dt_case *c, const char *want, const char *got)
{
    if (c->mariadb || !says(c, "JSON_TABLE(") || !(says(c, "EXISTS (") || says(c, " IN ("))) return false;
    if (starts(got, "E 1210 ")) return says(c, "NATURAL ") || says(c, "USING (");
    return !starts(got, "E ") || starts(got, "E 1264 ") || starts(want, "E 1264 ");
}

enum { ANY = 0, PLAN = 1, REST = 2, REST_OF_ERROR = 4 };

#define EXCEPTION(name, reason, holds, how)                                                                  \
    {                                                                                                        \
        name, reason, holds, ((how)&PLAN) != 0,                                                              \
            ((how)&REST) != 0            ? DT_STOP                                                           \
            : ((how)&REST_OF_ERROR) != 0 ? DT_STOP_AT_ERROR                                                  \
                                         : DT_GO_ON                                                          \
    }

const dt_exception dt_exceptions[] = {
    EXCEPTION("volatile", "the statement stores a random value; that A is B is compared nevertheless",
              volatile_value, ANY),
    EXCEPTION("warned again", "an expression that is written twice warns twice", warned_again, ANY),
    EXCEPTION("converted again", "how often a value is converted is the optimizer's choice", converted_again,
              ANY),
    EXCEPTION("converted", "whether a value is converted, and which first, is the plan's choice", converted,
              PLAN | REST_OF_ERROR),
    EXCEPTION("flags", "flags get lost in a temporary table, and whether one is used is the server's choice",
              plan_flags, ANY),
    EXCEPTION("put back",
              "the new column's flags are put right, which the table with a nullable one tells as they are",
              put_back, ANY),
    EXCEPTION("default warns", "a date that becomes a zero date warns in the new column, too", default_warns,
              ANY),
    EXCEPTION("message", "a message shows names as the proxy wrote them, and those of the client's version",
              message_names, ANY),
    EXCEPTION("alias and column", "a name that is an alias and the column, which physically has another one",
              alias_and_column, REST_OF_ERROR),
    EXCEPTION("told", "what SHOW tells comes of a SELECT, whose columns have other lengths", told, ANY),
    EXCEPTION("space", "an alias cannot end with a space, as an automatic name can", name_space, ANY),
    EXCEPTION("computed",
              "where values change, a name is an expression in some phases, and both columns have to hold it",
              computed, REST_OF_ERROR),
    EXCEPTION("both names",
              "a name of the pair that the plain table does not have means the column all the same",
              other_name, REST),
    EXCEPTION("no default",
              "in switched the proxy says itself that a column has none, and before other errors", no_default,
              REST),
    EXCEPTION("ambiguous",
              "error 1052 comes of the proxy, of the first such name that it finds, and before other errors",
              ambiguous, REST),
    EXCEPTION("derived", "a table that stands as a derived one warns otherwise", derived, ANY),
    EXCEPTION("other column",
              "a row counts as changed where the column that is not read was not filled or kept",
              other_column, ANY),
    EXCEPTION("listed", "MariaDB does not look at conversions in a SELECT whose INSERT names its columns",
              listed, REST),
    EXCEPTION("another key",
              "a row that violates two unique keys takes the one that was there before the twin", another_key,
              REST),
    EXCEPTION("JSON_TABLE", "MySQL runs a semijoin with a JSON_TABLE of the row wrong in one of its plans",
              json_table, REST),
    EXCEPTION("reads itself",
              "which rows a self-reading UPDATE of MariaDB finds changed is the plan's choice", reads_itself,
              REST),
    {NULL, NULL, NULL, false, DT_GO_ON},
};
