/* The pace of a backfill: how much at a time, and what it gives way to. One table of keys (schema.c) serves
 * the definition file, SET BACKFILL, what is stored in the database, SHOW BACKFILL and the reference.
 *
 * Of a limit, 0 means that the signal is not looked at; of a critical level, that there is none. */
#ifndef CONFIG_PACE_H
#define CONFIG_PACE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cfg_pace {
    uint32_t chunk_rows;      /* most rows a chunk */
    uint32_t parallel_ranges; /* chunks at the same time, while the server is idle */
    /* where it waits, and where it pauses until an operator resumes it */
    uint32_t max_lag_ms, critical_lag_ms;
    uint32_t max_threads_running, critical_threads_running;
    uint32_t max_lock_waits, critical_lock_waits;         /* transactions that wait for a row lock */
    uint32_t max_deadlocks, critical_deadlocks;           /* a second */
    uint32_t max_history_length, critical_history_length; /* InnoDB's, not yet purged */
    uint32_t max_pending_io, critical_pending_io;         /* reads, writes and syncs under way */
    uint32_t max_p99_percent, critical_p99_percent;       /* of the p99 without the backfill */
    uint32_t recheck_percent;                             /* of the time; 0: none */
    uint32_t shadow_percent;                              /* of the SELECTs; 0: none */
    uint32_t shadow_per_s;                                /* of them a second */
    char *check_sql;  /* NULL: none; its first value: 0 or no row = go on, 1 = wait, 2 and more = pause */
    char *check_http; /* NULL: none; 2xx = go on, 410 = pause, anything else = wait */
    char *windows;    /* NULL: always; see cfg_windows_parse */
} cfg_pace;

size_t cfg_pace_count(void);
const char *cfg_pace_name(size_t i);
const char *cfg_pace_meaning(size_t i);
/* Appends the value as SET BACKFILL takes it; nothing where a text is not set. */
void cfg_pace_print(const cfg_pace *p, size_t i, b_buf *out);
/* Sets one of them; texts are copied into the arena ("" = not set). B_INVALID: no such key, or not a value
 * for it; *err says what is. */
b_status cfg_pace_set(cfg_pace *p, const char *name, const char *value, b_arena *a, b_err *err) B_MUSTCHECK;
/* All at their defaults; nothing is allocated. */
void cfg_pace_defaults(cfg_pace *p);

/* Hours in which the backfill may run: `22:00-06:00, 12:00-13:30`. */
typedef struct cfg_windows {
    struct {
        uint16_t from, to; /* minutes since midnight; to is not in it; from > to: over midnight */
    } at[16];
    size_t n;
} cfg_windows;

b_status cfg_windows_parse(const char *text, cfg_windows *out, b_err *err) B_MUSTCHECK;
bool cfg_windows_open(const cfg_windows *w, unsigned minute); /* no window at all: always open */

#endif
