/* Between a proxy and its database: passes bytes on, until it is told to be a network that is cut. */
#ifndef FLEET_RELAY_H
#define FLEET_RELAY_H

#include "sql.h"

typedef struct relay relay;

/* One thread. *seen: the server as the proxy is to see it. */
relay *relay_start(const ts_server *server, ts_server *seen);
/* cut: connections that are open say nothing more, in neither direction, and new ones hang; else they are
 * ended, which each side learns, and new ones work. */
void relay_cut(relay *r, bool cut);
void relay_end(relay *r);

#endif
