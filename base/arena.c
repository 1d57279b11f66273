#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_MIN = 8192 };

typedef struct chunk {
    struct chunk *next;
    size_t size, used;
    alignas(max_align_t) char data[];
} chunk;

struct b_arena {
    chunk *head; /* the one being filled; the others are full */
    size_t cap, used;
};

b_arena *b_arena_new(size_t cap)
{
    b_arena *a = calloc(1, sizeof *a);
    if (a != NULL) a->cap = cap;
    return a;
}

static void free_chunks(chunk *c)
{
    while (c != NULL) {
        chunk *next = c->next;
        free(c);
        c = next;
    }
}

void b_arena_free(b_arena *a)
{
    if (a == NULL) return;
    free_chunks(a->head);
    free(a);
}

void b_arena_reset(b_arena *a)
{
    a->used = 0;
    if (a->head == NULL) return;
    free_chunks(a->head->next);
    a->head->next = NULL;
    a->head->used = 0;
    if (a->head->size > 64 * (size_t)CHUNK_MIN) { /* one huge statement must not be paid for ever after */
        free(a->head);
        a->head = NULL;
    }
}

static chunk *add_chunk(b_arena *a, size_t n)
{
    size_t size = a->head == NULL ? CHUNK_MIN : a->head->size * 2;
    if (size > 64 * (size_t)CHUNK_MIN) size = 64 * (size_t)CHUNK_MIN;
    if (size < n) size = n;
    if (size > SIZE_MAX - sizeof(chunk)) return NULL;
    chunk *c = malloc(sizeof *c + size);
    if (c == NULL) return NULL;
    c->size = size;
    c->used = 0;
    c->next = a->head;
    a->head = c;
    return c;
}

void *b_arena_alloc(b_arena *a, size_t n)
{
    const size_t align = alignof(max_align_t);
    if (n > SIZE_MAX - align) return NULL;
    n = (n + align - 1) & ~(align - 1);
    if (a->cap != 0 && (n > a->cap || a->used > a->cap - n)) return NULL;
    chunk *c = a->head;
    if (c == NULL || c->size - c->used < n) {
        c = add_chunk(a, n);
        if (c == NULL) return NULL;
    }
    void *p = c->data + c->used;
    c->used += n;
    a->used += n;
    return p;
}

void *b_arena_zalloc(b_arena *a, size_t n)
{
    void *p = b_arena_alloc(a, n);
    if (p != NULL && n > 0) memset(p, 0, n);
    return p;
}

void *b_arena_array(b_arena *a, size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size) return NULL;
    return b_arena_zalloc(a, n * size);
}

void *b_arena_regrow(b_arena *a, const void *items, size_t n, size_t room, size_t size)
{
    void *p = room < n ? NULL : b_arena_array(a, room, size);
    if (p != NULL && n > 0) memcpy(p, items, n * size);
    return p;
}

b_slice b_arena_dup(b_arena *a, b_slice s)
{
    char *p = s.n == SIZE_MAX ? NULL : b_arena_alloc(a, s.n + 1);
    if (p == NULL) return (b_slice){NULL, 0};
    if (s.n > 0) memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (b_slice){p, s.n};
}

char *b_arena_strdup(b_arena *a, const char *s)
{
    size_t size = strlen(s) + 1;
    char *p = b_arena_alloc(a, size);
    return p == NULL ? NULL : memcpy(p, s, size);
}

char *b_arena_printf(b_arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : b_arena_alloc(a, (size_t)n + 1);
    if (p == NULL) return NULL;
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

size_t b_arena_used(const b_arena *a)
{
    return a->used;
}
