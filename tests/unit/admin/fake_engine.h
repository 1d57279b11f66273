/* An engine that writes down what it is asked, in place of migrate's: the console's tests need no database.
 */
#ifndef TESTS_FAKE_ENGINE_H
#define TESTS_FAKE_ENGINE_H

#include "migrate/engine.h"

struct mig_engine {
    char called[1024]; /* the last call, as text */
    b_status answer;   /* what every call returns */
    unsigned db_errno;
};

#endif
