#include "tape.h"

unsigned dt_random(uint64_t *state, unsigned n)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (unsigned)((z ^ (z >> 31)) % n);
}

void dt_tape_random(dt_tape *t, uint64_t seed, uint64_t number)
{
    t->state = seed * 0x2545f4914f6cdd1du + number * 0xd1342543de82ef95u;
    t->replay = false;
    t->n = t->at = 0;
}

void dt_tape_repeat(dt_tape *t)
{
    t->replay = true;
    t->at = 0;
}

unsigned dt_pick(dt_tape *t, unsigned n)
{
    if (n < 2) return 0;
    if (t->replay) return t->at < t->n ? t->v[t->at++] % n : 0;
    if (t->n == DT_TAPE_MAX) return 0;
    unsigned v = dt_random(&t->state, n);
    t->v[t->n++] = (uint16_t)v;
    return v;
}
