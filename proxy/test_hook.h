/* For tests only, and only where the build option STRADDLE_TEST_HOOKS is on (never in the preset release): a
 * statement with a certain comment stops the whole process when it has been decided what is sent, and before
 * it is sent. */
#ifndef PROXY_TEST_HOOK_H
#define PROXY_TEST_HOOK_H

#include "base/slice.h"

#ifdef STRADDLE_TEST_HOOKS

#include <signal.h>
#include <string.h>

static inline void px_test_stop(b_slice sql)
{
    static const char mark[] = "/* straddle test: stop here */";
    if (memmem(sql.p, sql.n, mark, sizeof mark - 1) != NULL) (void)raise(SIGSTOP);
}

#else

static inline void px_test_stop(b_slice sql)
{
    (void)sql;
}

#endif

#endif
