#include "diag.h"

#include <stdarg.h>
#include <stdio.h>

B_PRINTF(5, 0)
static void line_of(cfg__diag *d, const char *file, unsigned line, const char *kind, const char *fmt,
                    va_list ap)
{
    char text[1024];
    vsnprintf(text, sizeof text, fmt, ap);
    for (char *p = text; *p != '\0'; p++)
        if (*p == '\n' || *p == '\r') *p = ' ';
    b_buf_printf(d->out, "%s:%u: %s%s\n", file, line, kind, text);
}

void cfg__problem(cfg__diag *d, const char *file, unsigned line, const char *fmt, ...)
{
    if (++d->problems > CFG__MAX_PROBLEMS) return;
    va_list ap;
    va_start(ap, fmt);
    line_of(d, file, line, "", fmt, ap);
    va_end(ap);
}

void cfg__warning(cfg__diag *d, const char *file, unsigned line, const char *fmt, ...)
{
    if (++d->warnings > CFG__MAX_PROBLEMS) return;
    va_list ap;
    va_start(ap, fmt);
    line_of(d, file, line, "warning: ", fmt, ap);
    va_end(ap);
}

void cfg__diag_end(cfg__diag *d, const char *file)
{
    if (d->problems > CFG__MAX_PROBLEMS)
        b_buf_printf(d->out, "%s:1: %u more problems; mend those above and check again\n", file,
                     d->problems - CFG__MAX_PROBLEMS);
}
