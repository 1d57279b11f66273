#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void b_buf_init(b_buf *b, size_t cap)
{
    *b = (b_buf){.cap = cap};
}

void b_buf_deinit(b_buf *b)
{
    free(b->p);
    *b = (b_buf){.cap = b->cap};
}

void b_buf_clear(b_buf *b)
{
    b->n = 0;
    b->failed = false;
    if (b->p != NULL) b->p[0] = '\0';
}

bool b_buf_reserve(b_buf *b, size_t more)
{
    if (b->failed) return false;
    if (more > SIZE_MAX / 2 - b->n || (b->cap != 0 && b->n + more > b->cap)) {
        b->failed = true;
        return false;
    }
    size_t need = b->n + more + 1;
    if (need <= b->size) return true;
    size_t size = b->size == 0 ? 64 : b->size;
    while (size < need) size *= 2;
    char *p = realloc(b->p, size);
    if (p == NULL) {
        b->failed = true;
        return false;
    }
    b->p = p;
    b->size = size;
    return true;
}

void b_buf_add(b_buf *b, const void *p, size_t n)
{
    if (!b_buf_reserve(b, n)) return;
    if (n > 0) memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void b_buf_slice(b_buf *b, b_slice s)
{
    b_buf_add(b, s.p, s.n);
}

void b_buf_str(b_buf *b, const char *s)
{
    b_buf_add(b, s, strlen(s));
}

void b_buf_char(b_buf *b, char c)
{
    b_buf_add(b, &c, 1);
}

void b_buf_printf(b_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !b_buf_reserve(b, (size_t)n)) {
        b->failed = true;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

void b_buf_consume(b_buf *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
    } else if (n > 0) {
        memmove(b->p, b->p + n, b->n - n);
        b->n -= n;
    }
    if (b->p != NULL) b->p[b->n] = '\0';
}

void b_buf_ident(b_buf *b, b_slice name)
{
    b_buf_char(b, '`');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '`') b_buf_char(b, '`');
        b_buf_char(b, name.p[i]);
    }
    b_buf_char(b, '`');
}

void b_buf_quote(b_buf *b, b_slice text)
{
    b_buf_char(b, '\'');
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '\'' || c == '\\') b_buf_char(b, c);
        b_buf_char(b, c);
    }
    b_buf_char(b, '\'');
}
