/* Failed logins, counted: who has failed too often waits, so that passwords cannot be tried one after the
 * other.
 *
 * Counted are those of a user from an address, and those of all users from an address. While one of them is
 * over, not even the right password is taken from there, as that would tell it. Thread-safe. */
#ifndef ADMIN_ATTEMPTS_H
#define ADMIN_ATTEMPTS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    ADM__ATTEMPTS_USER = 10,    /* failures of a user from an address ... */
    ADM__ATTEMPTS_ADDRESS = 50, /* ... of all from an address */
    ADM__ATTEMPTS_MS = 60000    /* within so long */
};

typedef struct adm__attempts adm__attempts;

adm__attempts *adm__attempts_new(void); /* NULL: out of memory */
void adm__attempts_free(adm__attempts *a);

/* 0: go on; else the seconds to wait. now_ms: of a clock that does not jump. */
unsigned adm__attempts_wait(adm__attempts *a, const char *user, const char *address, uint64_t now_ms);
void adm__attempts_failed(adm__attempts *a, const char *user, const char *address, uint64_t now_ms);

#endif
