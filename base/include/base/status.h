/* Status codes shared by every module, and the error that goes with one.
 *
 * A function that can fail returns a b_status, 0 (B_OK) for success, and is B_MUSTCHECK. Where a person
 * may read the cause, the function also takes a b_err, which it fills on every return but B_OK. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#define B_MUSTCHECK __attribute__((warn_unused_result))
#define B_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define B_PRINTF_REST(fmt) __attribute__((format_arg(fmt))) /* returns a part of the format that it takes */

/* One list, so that names and codes cannot drift apart. */
#define B_STATUS_LIST(X)                                                                                     \
    X(B_OK, "ok")                                                                                            \
    X(B_NOMEM, "out of memory")                                                                              \
    X(B_TOO_BIG, "larger than the limit")                                                                    \
    X(B_MALFORMED, "malformed input")                                                                        \
    X(B_MORE, "more input needed")                                                                           \
    X(B_INVALID, "invalid argument")                                                                         \
    X(B_NOT_FOUND, "not found")                                                                              \
    X(B_EXISTS, "exists already")                                                                            \
    X(B_DENIED, "denied")                                                                                    \
    X(B_REFUSED, "refused")                                                                                  \
    X(B_STATE, "not possible in this state")                                                                 \
    X(B_TIMEOUT, "timed out")                                                                                \
    X(B_IO, "input or output failed")                                                                        \
    X(B_DATABASE, "the database answered with an error")                                                     \
    X(B_LOST, "connection lost")                                                                             \
    X(B_CANCELLED, "cancelled")

typedef enum b_status {
#define B_STATUS_ENUM(code, text) code,
    B_STATUS_LIST(B_STATUS_ENUM)
#undef B_STATUS_ENUM
} b_status;

/* The text of a code, never NULL. */
const char *b_status_text(b_status s);

/* What went wrong, where, and what to do next, for a person. Lives on the caller's stack. */
typedef struct b_err {
    b_status code;
    unsigned db_errno; /* the server's error number, 0 where none */
    char msg[1024];    /* NUL-terminated, one line */
} b_err;

/* Fills *e (which may be NULL) and returns code. The message is cut, never overrun. */
b_status b_fail(b_err *e, b_status code, const char *fmt, ...) B_PRINTF(3, 4);

/* Puts "<prefix>: " before the message of *e and returns its code. */
b_status b_err_prefix(b_err *e, const char *fmt, ...) B_PRINTF(2, 3);

#endif
