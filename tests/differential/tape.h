/* The choices that a generated statement stands for. A generator asks for numbers; while it makes something
 * new they are random and recorded, while it repeats something they come from the record, and are 0 past its
 * end. So a failing case is made smaller by making its record shorter and its numbers lower, whatever the
 * grammar: the first alternative of everything must be the simplest one. One thread. */
#ifndef DIFFERENTIAL_TAPE_H
#define DIFFERENTIAL_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DT_TAPE_MAX = 1500 };

typedef struct dt_tape {
    uint64_t state; /* of the random numbers */
    bool replay;
    size_t n, at; /* numbers recorded; the next one to read */
    uint16_t v[DT_TAPE_MAX];
} dt_tape;

void dt_tape_random(dt_tape *t, uint64_t seed,
                    uint64_t number);     /* a new record, for one statement of a run */
void dt_tape_repeat(dt_tape *t);          /* reads the record from its beginning */
unsigned dt_pick(dt_tape *t, unsigned n); /* a number below n */

/* A random number that belongs to no record. */
unsigned dt_random(uint64_t *state, unsigned n);

#endif
