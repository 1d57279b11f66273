/* Between two that speak the protocol: passes bytes on, and spoils one connection where a test wants it. A
 * connection is known by its id on the server, which the relay reads in the greeting. */
#ifndef FAULTS_FAULT_RELAY_H
#define FAULTS_FAULT_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum fault_kind {
    FAULT_NONE,
    FAULT_CLOSE,   /* after `at` bytes both sides are closed */
    FAULT_RESET,   /* ... by a reset */
    FAULT_TRICKLE, /* from there on one byte at a time */
    FAULT_STOP,    /* ... nothing is passed, nor read */
    FAULT_GARBAGE  /* the one byte behind it is turned over */
} fault_kind;

typedef enum fault_side { FAULT_UP, FAULT_DOWN } fault_side; /* towards the server, from it */

typedef struct fault_relay fault_relay;

fault_relay *fault_relay_start(unsigned to_port, unsigned *port);
void fault_relay_end(fault_relay *r);

/* From now on, on the connection with that id; bytes are counted from now on. Ends the program where no such
 * connection comes within 20 s. */
void fault_relay_arm(fault_relay *r, uint64_t id, fault_kind kind, fault_side side, size_t at);
/* Bytes passed that way since it was armed. */
size_t fault_relay_passed(fault_relay *r, uint64_t id, fault_side side);

#endif
