#include "run_state.h"

#include <string.h>

enum { TRIES = 400 };

typedef struct shrink {
    dt_state *s;
    const dt_cell *cell;
    unsigned session, tries;
    char *why;
} shrink;

/* Does the present record still make a case that differs? Otherwise the one before stays. */
static bool still(shrink *k, const dt_tape *before)
{
    char why[600];
    dt_state *s = k->s;
    if (k->tries > 0) k->tries--;
    dt_tape_repeat(&s->gen.tape);
    dt_generate(&s->gen, s->world, k->session, &s->stmt);
    if (k->tries > 0 && dt_applies(s, k->cell) && dt_try(s, k->cell, NULL, why) == DT_DIFFERS) {
        memcpy(k->why, why, sizeof why);
        return true;
    }
    s->gen.tape = *before;
    return false;
}

static bool cut(shrink *k, size_t at, size_t n)
{
    dt_tape before = k->s->gen.tape, *t = &k->s->gen.tape;
    memmove(t->v + at, t->v + at + n, (t->n - at - n) * sizeof *t->v);
    t->n -= n;
    return still(k, &before);
}

static bool lower(shrink *k, size_t at, uint16_t value)
{
    dt_tape before = k->s->gen.tape;
    k->s->gen.tape.v[at] = value;
    return still(k, &before);
}

static void pass(shrink *k)
{
    dt_tape *t = &k->s->gen.tape;
    for (size_t n = 16; n > 0; n /= 2)
        for (size_t at = t->n; at-- > 0;)
            if (at + n <= t->n) (void)cut(k, at, n);
    for (size_t at = 0; at < t->n; at++)
        if (t->v[at] > 0 && !lower(k, at, 0) && t->v[at] > 1) (void)lower(k, at, t->v[at] / 2);
}

void dt_shrink(dt_state *s, const dt_cell *c, char why[600])
{
    shrink k = {.s = s, .cell = c, .session = s->stmt.session, .tries = TRIES, .why = why};
    for (size_t before = (size_t)-1; k.tries > 0 && s->gen.tape.n < before;) {
        before = s->gen.tape.n;
        pass(&k);
    }
    dt_tape_repeat(&s->gen.tape);
    dt_generate(&s->gen, s->world, k.session, &s->stmt);
}
