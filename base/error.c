#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

b_status b_fail(b_err *e, b_status code, const char *fmt, ...)
{
    if (e == NULL) return code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    e->code = code;
    e->db_errno = 0;
    return code;
}

b_status b_err_prefix(b_err *e, const char *fmt, ...)
{
    if (e == NULL) return B_INVALID;
    char old[sizeof e->msg];
    va_list ap;
    memcpy(old, e->msg, sizeof old);
    va_start(ap, fmt);
    int n = vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n + 3 > sizeof e->msg) return e->code;
    size_t at = (size_t)n, room = sizeof e->msg - at - 3, len = strlen(old);
    memcpy(e->msg + at, ": ", 2);
    memcpy(e->msg + at + 2, old, len < room ? len : room);
    e->msg[at + 2 + (len < room ? len : room)] = '\0';
    return e->code;
}
