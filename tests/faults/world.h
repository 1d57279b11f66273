/* What the tests of faults share: a proxy with a relay on either side, a migrating table in dual_write, a
 * bystander that nothing may happen to, and the count of what was acknowledged. */
#ifndef FAULTS_WORLD_H
#define FAULTS_WORLD_H

#include "fault_relay.h"
#include "shop.h"

typedef struct world {
    shop shop;
    fault_relay *front, *back; /* before the proxy, behind it */
    unsigned front_port;
    ts_conn *bystander;
    unsigned next_key;
    char *acknowledged; /* by key: was the write? */
    size_t nkeys;
    unsigned open_files;
} world;

enum { WORLD_KEYS = 40000 };

void world_start(world *w, const ts_server *server, const char *extra);
/* child: as in ts_setup. */
void world_start_with(world *w, const ts_server *server, const char *extra, void (*child)(void));
void world_end(world *w); /* checks what is left: sessions, descriptors, rows, exit status */

ts_conn *world_connect(world *w); /* through both relays; has used the migrating table */
uint64_t world_id(ts_conn *c);    /* on the server */
void world_bystander(world *w);   /* what others do goes on */
/* Every acknowledged write is there once, none twice, both columns are equal. */
void world_check_rows(world *w);
/* Is that an error after which a client knows that it is to connect again? */
bool world_error_is_lost(unsigned error);

#endif
