/* One compiled pattern, and searching with it within bounds. The only file that knows pcre2. Private to
 * rewrite/. */
#ifndef REWRITE_REGEX_H
#define REWRITE_REGEX_H

#include "rewrite/regex_rule.h"

enum { RW__REGEX_GROUPS = 64 }; /* group 0 among them */

typedef struct rw__regex rw__regex;

/* whole: it must match all of the subject. Not B_OK: *err says what is wrong, and at which offset. */
b_status rw__regex_new(b_slice pattern, bool whole, rw__regex **out, b_err *err) B_MUSTCHECK;
void rw__regex_free(rw__regex *x); /* NULL is fine */

uint32_t rw__regex_groups(const rw__regex *x);
/* 0 where there is none of that name, or several. name is NUL-terminated. */
uint32_t rw__regex_group(const rw__regex *x, const char *name);

/* A new statement: its time begins. */
void rw__matcher_start(rw_matcher *m);

/* The first match that begins at `from` or later. B_OK with *found; B_TOO_BIG: a bound of steps, depth or
 * memory was hit; B_TIMEOUT: that of processor time. */
b_status rw__regex_find(const rw__regex *x, rw_matcher *m, b_slice subject, size_t from,
                        bool *found) B_MUSTCHECK;

/* Of the last match: where group i lies; p is NULL where it took no part. */
b_slice rw__matcher_group(const rw_matcher *m, b_slice subject, uint32_t i);

#endif
