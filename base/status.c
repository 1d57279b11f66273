#include "base/status.h"

const char *b_status_text(b_status s)
{
    switch (s) {
#define B_STATUS_CASE(code, text)                                                                            \
    case code: return text;
        B_STATUS_LIST(B_STATUS_CASE)
#undef B_STATUS_CASE
    }
    return "unknown status";
}
