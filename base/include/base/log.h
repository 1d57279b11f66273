/* Log lines: `time level component key=value … message`, one write(2) a line, so that threads do not mix.
 *
 * A b_log is made once in main and handed down; there is no global one. Thread-safe. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum b_level { B_DEBUG, B_INFO, B_WARN, B_ERROR } b_level;

typedef struct b_log {
    int fd;           /* where lines go; not owned */
    atomic_int level; /* lines below it are dropped; may be changed at any time */
} b_log;

void b_log_init(b_log *l, int fd, b_level level);
bool b_level_parse(const char *name, b_level *out);
const char *b_level_name(b_level l);

static inline bool b_log_on(const b_log *l, b_level level)
{
    return l != NULL && (int)level >= atomic_load_explicit(&l->level, memory_order_relaxed);
}

/* component: a short word such as "proxy" or "migrate". l may be NULL (nothing is logged). */
void b_logf(b_log *l, b_level level, const char *component, const char *fmt, ...) B_PRINTF(4, 5);

#endif
