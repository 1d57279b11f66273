/* Splits an admin command into words. A word is bare (up to white space, `=`, `;` or a quote), or quoted in
 * ', " or `; in ' and " a backslash escapes, as the client libraries' quoting functions expect. Comments
 * between words are skipped. Knows no commands. One thread. */
#ifndef ADMIN_WORDS_H
#define ADMIN_WORDS_H

#include "base/arena.h"

typedef struct adm__word {
    b_slice text; /* quotes and escapes undone: borrowed from the input or from the arena */
    b_slice raw;  /* as written */
    bool quoted;  /* never a keyword */
    bool bad;     /* a quote that nobody closed, or out of memory */
} adm__word;

typedef struct adm__words {
    b_slice left;   /* what is not yet read */
    b_arena *arena; /* for words with escapes */
} adm__words;

/* Leaves out a `;` at the end. */
adm__words adm__words_of(b_slice sql, b_arena *arena);
/* False at the end. */
bool adm__next(adm__words *w, adm__word *out);
/* All that is left, comments included, without white space around it. */
b_slice adm__rest(adm__words *w);

bool adm__is(const adm__word *w, const char *keyword); /* bare and the same but for case */

#endif
