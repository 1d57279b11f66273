/* See tally.h. */
#include "tally.h"

#include <stdio.h>
#include <stdlib.h>

enum { EXAMPLE = 240 };

static char *example_of(const char *path, unsigned line, b_slice sql)
{
    const char *slash = strrchr(path, '/');
    char *text = malloc(strlen(path) + EXAMPLE + 32);
    if (text == NULL) return NULL;
    int n = sprintf(text, "%s:%u: %.*s", slash == NULL ? path : slash + 1, line,
                    (int)(sql.n < EXAMPLE ? sql.n : EXAMPLE), sql.p);
    for (int i = 0; i < n; i++)
        if (text[i] == '\n' || text[i] == '\r' || text[i] == '\0') text[i] = ' ';
    return text;
}

void tally_add(tally *t, b_slice reason, const char *path, unsigned line, b_slice sql)
{
    t->total++;
    for (size_t i = 0; i < t->nrows; i++) {
        if (!b_slice_eq(b_slice_str(t->rows[i].reason), reason)) continue;
        t->rows[i].n++;
        return;
    }
    tally_row *rows = realloc(t->rows, (t->nrows + 1) * sizeof *rows);
    if (rows == NULL) return;
    t->rows = rows;
    rows[t->nrows] = (tally_row){strndup(reason.p, reason.n), example_of(path, line, sql), 1};
    printf("%s: %s\n          %s\n", t->title, rows[t->nrows].reason, rows[t->nrows].example);
    t->nrows++;
}

static int more(const void *a, const void *b)
{
    const tally_row *x = a, *y = b;
    return x->n < y->n ? 1 : x->n > y->n ? -1 : strcmp(x->reason, y->reason);
}

void tally_print(tally *t, size_t most)
{
    printf("%s: %u\n", t->title, t->total);
    if (t->nrows > 0) qsort(t->rows, t->nrows, sizeof *t->rows, more);
    for (size_t i = 0; i < t->nrows && i < most; i++)
        printf("  %6u  %s\n          %s\n", t->rows[i].n, t->rows[i].reason, t->rows[i].example);
}

void tally_free(tally *t)
{
    for (size_t i = 0; i < t->nrows; i++) {
        free(t->rows[i].reason);
        free(t->rows[i].example);
    }
    free(t->rows);
}
