/* Log lines: `time=… level=… component=… key=value … msg="…"`, or the same as a JSON object; one write a
 * line, so that threads do not mix.
 *
 * A b_log is made once in main and handed down; there is no global one. Thread-safe. Nothing here waits: a
 * line that cannot be written at once, as the disk is full or nobody reads the pipe, is dropped and counted,
 * and the next one that can be written is preceded by one that says how many were lost. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/status.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum b_level { B_DEBUG, B_INFO, B_WARN, B_ERROR } b_level;
typedef enum b_log_format { B_LOG_TEXT, B_LOG_JSON } b_log_format;

typedef struct b_log {
    int fd;               /* where lines go; not owned */
    atomic_int level;     /* lines below it are dropped; may be changed at any time */
    atomic_int format;    /* b_log_format; likewise */
    pthread_mutex_t lock; /* of writing, and of the two below */
    bool torn;            /* the last line was written in part */
    unsigned long unsaid; /* lines that could not be written, and were not told of yet */
    atomic_ulong lost;    /* ... in all */
} b_log;

void b_log_init(b_log *l, int fd, b_level level); /* as text */
void b_log_set(b_log *l, b_level level, b_log_format format);
bool b_level_parse(const char *name, b_level *out);
const char *b_level_name(b_level l);

static inline bool b_log_on(const b_log *l, b_level level)
{
    return l != NULL && (int)level >= atomic_load_explicit(&l->level, memory_order_relaxed);
}

/* component: a short word such as "proxy" or "migrate". l may be NULL (nothing is logged).
 *
 * fmt: fields first, as `key=%s` with one space behind each, then the message: "session=%llu user=%s it is
 * late". A value is one conversion, of %s %.*s %d %u %lu %llu %zu, and is quoted where it needs that; the
 * message may hold any. A line that is too long is cut in a value. */
void b_logf(b_log *l, b_level level, const char *component, const char *fmt, ...) B_PRINTF(4, 5);

#endif
