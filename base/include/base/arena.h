/* Memory that is given back all at once.
 *
 * An arena hands out blocks, aligned for any type, that live until the arena is reset or freed. It never
 * aborts: an allocation that fails, or that would take the arena over its cap, returns NULL. One thread. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"
#include "base/status.h"

#include <stdarg.h>

typedef struct b_arena b_arena;

/* cap: bytes that may be handed out between two resets; 0 = no limit. NULL when out of memory. */
b_arena *b_arena_new(size_t cap);
void b_arena_free(b_arena *a); /* NULL is fine */

/* Forgets all blocks; keeps one chunk for the next use, so a steady user stops calling malloc. */
void b_arena_reset(b_arena *a);

/* NULL on failure. The memory is not cleared; b_arena_zalloc's is. */
void *b_arena_alloc(b_arena *a, size_t n);
void *b_arena_zalloc(b_arena *a, size_t n);

/* Room for n elements of the given size, zeroed; NULL when n * size overflows, too. */
void *b_arena_array(b_arena *a, size_t n, size_t size);

/* A copy of the n elements at items in new room for more of them, the rest zeroed; the old ones stay in the
 * arena until its reset. NULL like b_arena_array, and then items are as they were. */
void *b_arena_regrow(b_arena *a, const void *items, size_t n, size_t room, size_t size);

/* Copies. The copy is followed by a NUL that its length does not count. On failure p is NULL, n is 0. */
b_slice b_arena_dup(b_arena *a, b_slice s);
char *b_arena_strdup(b_arena *a, const char *s);
char *b_arena_printf(b_arena *a, const char *fmt, ...) B_PRINTF(2, 3);

/* Bytes handed out since the last reset. */
size_t b_arena_used(const b_arena *a);

#define B_NEW(arena, type) ((type *)b_arena_zalloc((arena), sizeof(type)))

#endif
