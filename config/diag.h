/* The list of problems found while a configuration is read: `file:line: problem; remedy`, one a line.
 *
 * Reading goes on after a problem, so that one run shows them all; after CFG__MAX_PROBLEMS the rest is only
 * counted. One thread. */
#ifndef CONFIG_DIAG_H
#define CONFIG_DIAG_H

#include "base/buf.h"

enum { CFG__MAX_PROBLEMS = 20 };

typedef struct cfg__diag {
    b_buf *out; /* not owned */
    unsigned problems, warnings;
} cfg__diag;

/* The text is `problem; remedy`. */
void cfg__problem(cfg__diag *d, const char *file, unsigned line, const char *fmt, ...) B_PRINTF(4, 5);
void cfg__warning(cfg__diag *d, const char *file, unsigned line, const char *fmt, ...) B_PRINTF(4, 5);
void cfg__diag_end(cfg__diag *d, const char *file); /* says how many were left out */

#endif
