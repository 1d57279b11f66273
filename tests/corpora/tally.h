/* Counts by reason, with an example of each. */
#ifndef CORPORA_TALLY_H
#define CORPORA_TALLY_H

#include "base/slice.h"

typedef struct tally_row {
    char *reason, *example;
    unsigned n;
} tally_row;

typedef struct tally {
    const char *title;
    tally_row *rows;
    size_t nrows;
    unsigned total;
} tally;

/* Prints the reason where it is new, so that a long run shows what to mend before it ends. */
void tally_add(tally *t, b_slice reason, const char *path, unsigned line, b_slice sql);
void tally_print(tally *t, size_t most); /* the most frequent first */
void tally_free(tally *t);

#endif
