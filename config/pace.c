/* See pace.h. Reads the same table of keys as the definition file does. */
#include "config/pace.h"

#include "config/config.h"
#include "schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const cfg__key *key_at(size_t i)
{
    return &cfg__pace_map.keys[i];
}

/* The table's offsets are within a migration, where the pace lies. */
static void *field(cfg_pace *p, const cfg__key *k)
{
    return (char *)p + (k->offset - offsetof(cfg_migration, pace));
}

size_t cfg_pace_count(void)
{
    return cfg__pace_map.nkeys;
}

const char *cfg_pace_name(size_t i)
{
    return key_at(i)->name;
}

const char *cfg_pace_meaning(size_t i)
{
    return key_at(i)->meaning;
}

void cfg_pace_print(const cfg_pace *p, size_t i, b_buf *out)
{
    cfg_pace copy = *p;
    const void *at = field(&copy, key_at(i));
    if (key_at(i)->kind == CFG__U32) {
        uint32_t v;
        memcpy(&v, at, sizeof v);
        b_buf_printf(out, "%" PRIu32, v);
        return;
    }
    char *text;
    memcpy(&text, at, sizeof text);
    b_buf_str(out, text == NULL ? "" : text);
}

static b_status unknown(const char *name, b_err *err)
{
    b_buf all = {0};
    for (size_t i = 0; i < cfg_pace_count(); i++)
        b_buf_printf(&all, "%s%s", i == 0 ? "" : ", ", cfg_pace_name(i));
    b_status s = b_fail(err, B_INVALID, "'%s' cannot be set; there are %s", name, b_buf_cstr(&all));
    b_buf_deinit(&all);
    return s;
}

static b_status set_number(cfg_pace *p, const cfg__key *k, const char *value, b_err *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long long v = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || v < k->min || v > k->max)
        return b_fail(err, B_INVALID, "%s is a number from %" PRIu64 " to %" PRIu64 ", not '%s'", k->name,
                      k->min, k->max, value);
    uint32_t number = (uint32_t)v;
    memcpy(field(p, k), &number, sizeof number);
    return B_OK;
}

b_status cfg__pace_text_check(const char *key, const char *value, b_err *err)
{
    cfg_windows w;
    if (strcmp(key, "windows") == 0) return cfg_windows_parse(value, &w, err);
    if (strcmp(key, "check_http") == 0 && strncasecmp(value, "http://", 7) != 0 &&
        strncasecmp(value, "https://", 8) != 0)
        return b_fail(err, B_INVALID,
                      "check_http is \"%s\"; write an address that begins with http:// or https://", value);
    if (strcmp(key, "check_sql") == 0 && strncasecmp(value, "select", 6) != 0)
        return b_fail(err, B_INVALID, "check_sql is \"%s\"; write a SELECT", value);
    return B_OK;
}

b_status cfg_pace_set(cfg_pace *p, const char *name, const char *value, b_arena *a, b_err *err)
{
    const cfg__key *k = NULL;
    for (size_t i = 0; i < cfg_pace_count(); i++)
        if (strcasecmp(cfg_pace_name(i), name) == 0) k = key_at(i);
    if (k == NULL) return unknown(name, err);
    if (k->kind == CFG__U32) return set_number(p, k, value, err);
    char *copy = NULL;
    if (value[0] != '\0') {
        b_status s = cfg__pace_text_check(k->name, value, err);
        if (s != B_OK) return s;
        if ((copy = b_arena_strdup(a, value)) == NULL) return b_fail(err, B_NOMEM, "out of memory");
    }
    memcpy(field(p, k), &copy, sizeof copy);
    return B_OK;
}

void cfg_pace_defaults(cfg_pace *p)
{
    b_err ignored;
    *p = (cfg_pace){0};
    for (size_t i = 0; i < cfg_pace_count(); i++)
        if (key_at(i)->def != NULL && set_number(p, key_at(i), key_at(i)->def, &ignored) != B_OK)
            return; /* a default is within its own bounds */
}

/* ---- hours ---- */

static bool time_of_day(const char **p, uint16_t *out)
{
    unsigned h, m;
    int n = 0;
    if (sscanf(*p, " %2u:%2u%n", &h, &m, &n) != 2 || n == 0 || m > 59 || h > 24 || (h == 24 && m > 0))
        return false;
    *out = (uint16_t)(h * 60 + m);
    *p += n;
    return true;
}

b_status cfg_windows_parse(const char *text, cfg_windows *out, b_err *err)
{
    const char *p = text;
    *out = (cfg_windows){0};
    while (*p != '\0') {
        bool ok = out->n < sizeof out->at / sizeof out->at[0] && time_of_day(&p, &out->at[out->n].from);
        while (ok && *p == ' ') p++;
        ok = ok && *p++ == '-' && time_of_day(&p, &out->at[out->n].to);
        while (ok && *p == ' ') p++;
        ok = ok && out->at[out->n].from != out->at[out->n].to && (*p == '\0' || *p == ',');
        if (!ok) break;
        out->n++;
        if (*p == ',' && *++p == '\0') break;
        if (*p == '\0') return B_OK;
    }
    return b_fail(err, B_INVALID,
                  "windows is \"%s\"; write times of day as 22:00-06:00, several by commas, 16 at most",
                  text);
}

bool cfg_windows_open(const cfg_windows *w, unsigned minute)
{
    for (size_t i = 0; i < w->n; i++) {
        bool after = minute >= w->at[i].from, before = minute < w->at[i].to;
        if (w->at[i].from < w->at[i].to ? after && before : after || before) return true;
    }
    return w->n == 0;
}
