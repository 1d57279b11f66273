/* The error numbers that the console answers with: the server's own, where one fits. */
#ifndef ADMIN_ADMIN_ERRNO_H
#define ADMIN_ADMIN_ERRNO_H

#include "base/status.h"

enum {
    ADM__LOGIN = 1045,
    ADM__UNKNOWN_COMMAND = 1047,
    ADM__SYNTAX = 1064,
    ADM__OTHER = 1105,
    ADM__PACKET = 1153,
    ADM__VARIABLE = 1193,
    ADM__TIMEOUT = 1205,
    ADM__BAD_ARGUMENT = 1210,
    ADM__DENIED = 1227,
    ADM__REFUSED = 1235,
    ADM__PREPARED = 1295,
    ADM__NOT_FOUND = 1305
};

unsigned adm__errno_of(b_status s, const b_err *err);
const char *adm__sqlstate(unsigned sql_errno);

#endif
