/* An allocator that fails when it is told to. The linker puts it in the place of malloc and its like for what
 * is linked into the test (-Wl,--wrap): our own modules, not the libraries they use. */
#ifndef ALLOC_FAILING_H
#define ALLOC_FAILING_H

#include <stdbool.h>

/* Runs it again and again, and each time lets another allocation fail, the first, the second, …, until none
 * is left that could. It gets whether one is to fail, and checks what came of it. Returns how many there
 * were. */
unsigned failing_each(void (*run)(void *arg, bool fails), void *arg);

/* For run: from here on nothing fails, so what it checks with is safe. Did an allocation fail? */
bool failing_over(void);

#endif
