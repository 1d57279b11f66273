#include "run_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dt_replay {
    char *text;
    unsigned n;
    struct {
        const char *at;
        size_t n;
    } v[1000];
};

static const struct {
    char mark;
    const char *name;
} marks[] = {{DT_MARK_NAME, "{name}"},     {DT_MARK_QUOTED, "{quoted}"}, {DT_MARK_UPPER, "{upper}"},
             {DT_MARK_SCHEMA, "{schema}"}, {DT_MARK_TABLE, "{table}"},   {DT_MARK_A, "{A}"},
             {DT_MARK_B, "{B}"},           {DT_MARK_FILE, "{file}"}};

enum { MARKS = sizeof marks / sizeof *marks };

dt_replay *dt_replay_open(const char *path)
{
    FILE *f = fopen(path, "r");
    dt_replay *r = calloc(1, sizeof *r);
    enum { SIZE = 1 << 20 };
    if (f == NULL || r == NULL || (r->text = calloc(1, SIZE)) == NULL) ts_die("cannot read %s", path);
    if (fread(r->text, 1, SIZE - 1, f) == SIZE - 1) ts_die("%s is over a megabyte", path);
    fclose(f);
    for (const char *p = r->text, *end; (end = strstr(p, "\n;\n")) != NULL; p = end + 3) {
        if (r->n == sizeof r->v / sizeof *r->v) ts_die("%s: too many statements", path);
        r->v[r->n].at = p;
        r->v[r->n++].n = (size_t)(end - p);
    }
    return r;
}

void dt_replay_close(dt_replay *r)
{
    if (r == NULL) return;
    free(r->text);
    free(r);
}

unsigned dt_replay_count(const dt_replay *r)
{
    return r->n;
}

static size_t take_mark(const char *p, dt_stmt *s)
{
    for (size_t i = 0; i < MARKS; i++) {
        if (strncmp(p, marks[i].name, strlen(marks[i].name)) != 0) continue;
        b_buf_char(&s->text, marks[i].mark);
        return strlen(marks[i].name);
    }
    b_buf_char(&s->text, *p);
    return 1;
}

void dt_replay_get(const dt_replay *r, unsigned number, dt_stmt *s, unsigned *world)
{
    const char *p = r->v[number].at, *end = p + r->v[number].n;
    b_buf_clear(&s->text);
    s->n = 0, s->flags = DT_WRITES, s->session = 0;
    *world = 0;
    for (int n = 0; sscanf(p, "-- world %u session %u flags %u\n%n", world, &s->session, &s->flags, &n) == 3;)
        p += n;
    if (s->session >= dt_nsessions) ts_die("session %u", s->session);
    while (p < end) p += take_mark(p, s);
}

/* Parameters are written as literals: there is no place for them in the file. */
void dt_replay_print(const dt_stmt *s, unsigned world)
{
    size_t param = 0;
    printf("-- world %u session %u flags %u\n", world, s->session, s->flags);
    for (size_t i = 0; i < s->text.n; i++) {
        char c = s->text.p[i];
        size_t k = 0;
        while (k < MARKS && marks[k].mark != c) k++;
        if (k < MARKS)
            fputs(marks[k].name, stdout);
        else if (c == DT_MARK_PARAM)
            printf("'%s'", s->params[param++].text);
        else
            putchar(c);
    }
    printf("\n;\n");
}
