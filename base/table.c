#include "base/table.h"

#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct b_table {
    b_arena *arena;
    const char **names;
    b_slice *cells; /* rows * ncols */
    size_t ncols, nrows, rowcap, at;
    uint64_t affected;
    const char *info;
    bool failed;
};

b_table *b_table_new(void)
{
    b_table *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    t->info = "";
    t->arena = b_arena_new(0);
    if (t->arena == NULL) {
        free(t);
        return NULL;
    }
    return t;
}

void b_table_free(b_table *t)
{
    if (t == NULL) return;
    b_arena_free(t->arena);
    free(t->names);
    free(t->cells);
    free(t);
}

void b_table_column(b_table *t, const char *name)
{
    const char **names = realloc(t->names, (t->ncols + 1) * sizeof *names);
    if (names != NULL) t->names = names;
    const char *copy = names == NULL ? NULL : b_arena_strdup(t->arena, name);
    if (copy == NULL || t->nrows > 0) {
        t->failed = true;
        return;
    }
    t->names[t->ncols++] = copy;
}

void b_table_row(b_table *t)
{
    if (t->failed) return;
    if (t->nrows == t->rowcap) {
        size_t cap = t->rowcap == 0 ? 16 : t->rowcap * 2;
        b_slice *cells = realloc(t->cells, cap * t->ncols * sizeof *cells);
        if (cells == NULL) {
            t->failed = true;
            return;
        }
        t->cells = cells;
        t->rowcap = cap;
    }
    for (size_t i = 0; i < t->ncols; i++) t->cells[t->nrows * t->ncols + i] = (b_slice){NULL, 0};
    t->nrows++;
    t->at = 0;
}

static void put(b_table *t, b_slice s)
{
    if (t->failed || t->nrows == 0 || t->at >= t->ncols) {
        t->failed = true;
        return;
    }
    t->cells[(t->nrows - 1) * t->ncols + t->at++] = s;
}

void b_table_add(b_table *t, b_slice cell)
{
    b_slice s = b_arena_dup(t->arena, cell);
    if (s.p == NULL) t->failed = true;
    put(t, s);
}

void b_table_str(b_table *t, const char *cell)
{
    if (cell == NULL)
        b_table_null(t);
    else
        b_table_add(t, b_slice_str(cell));
}

void b_table_int(b_table *t, int64_t v)
{
    b_table_printf(t, "%lld", (long long)v);
}

void b_table_null(b_table *t)
{
    put(t, (b_slice){NULL, 0});
}

B_PRINTF(2, 0) static char *format(b_table *t, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *p = n < 0 ? NULL : b_arena_alloc(t->arena, (size_t)n + 1);
    if (p != NULL) vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    if (p == NULL) t->failed = true;
    return p;
}

void b_table_printf(b_table *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *p = format(t, fmt, ap);
    va_end(ap);
    put(t, b_slice_str(p));
}

void b_table_message(b_table *t, uint64_t affected, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *p = format(t, fmt, ap);
    va_end(ap);
    t->affected = affected;
    if (p != NULL) t->info = p;
}

size_t b_table_columns(const b_table *t)
{
    return t->ncols;
}

size_t b_table_rows(const b_table *t)
{
    return t->nrows;
}

const char *b_table_name(const b_table *t, size_t column)
{
    return column < t->ncols ? t->names[column] : NULL;
}

b_slice b_table_cell(const b_table *t, size_t row, size_t column)
{
    if (row >= t->nrows || column >= t->ncols) return (b_slice){NULL, 0};
    return t->cells[row * t->ncols + column];
}

bool b_table_failed(const b_table *t)
{
    return t->failed;
}

uint64_t b_table_affected(const b_table *t)
{
    return t->affected;
}

const char *b_table_info(const b_table *t)
{
    return t->info;
}
