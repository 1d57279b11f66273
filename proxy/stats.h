/* Counters of one loop, and SHOW STATS from those of all. Plain integers: loop thread only. */
#ifndef PROXY_STATS_H
#define PROXY_STATS_H

#include "base/table.h"

#include <stdint.h>

/* member, unit, meaning */
#define PX_STATS_LIST(X)                                                                                     \
    X(connections_total, "connections", "client connections accepted since start")                           \
    X(connections_rejected, "connections", "refused because of a limit on connections")                      \
    X(sessions_idle_ended, "sessions", "ended because no command came for idle_timeout_ms")                  \
    X(commands_refused, "commands", "commands of replicas refused, and prepared statements over a limit")    \
    X(logins_failed, "connections", "ended before the login was complete")                                   \
    X(backend_refused, "connections", "the backend could not be reached for a client")                       \
    X(backend_lost, "connections", "the backend closed a connection that a client still had")                \
    X(clients_tls, "connections", "client connections that have TLS")                                        \
    X(clients_compressed, "connections", "client connections that are compressed")                           \
    X(backend_tls, "connections", "clients' connections to the database that have TLS")                      \
    X(backend_tls_resumed, "connections", "those of them that resumed an earlier TLS session")               \
    X(commands, "commands", "commands read from clients, of every kind")                                     \
    X(statements_forwarded, "statements", "statements sent on as they came, not lexed")                      \
    X(statements_passed, "statements", "statements looked at and sent on unchanged")                         \
    X(statements_rewritten, "statements", "statements sent on rewritten")                                    \
    X(statements_refused, "statements", "statements refused with an error of ours")                          \
    X(statements_reprepared, "statements", "prepared statements prepared again, unseen, for a new epoch")    \
    X(statements_held, "statements", "statements that waited for an instant rename")                         \
    X(statements_again, "statements", "sent once more after error 1054 for a column that had moved")         \
    X(longest_hold, "ms", "the longest that a statement waited so")                                          \
    X(hidden_statements, "statements", "statements of our own on clients' backend connections")              \
    X(bytes_from_clients, "bytes", "read from clients that have left")                                       \
    X(bytes_to_clients, "bytes", "written to clients that have left")                                        \
    X(reads_paused, "times", "reading stopped because the other side did not take its data")

typedef struct px_stats {
#define PX_STATS_MEMBER(name, unit, meaning) uint64_t name;
    PX_STATS_LIST(PX_STATS_MEMBER)
#undef PX_STATS_MEMBER
} px_stats;

void px_stats_add(px_stats *to, const px_stats *from);
void px_stats_rows(const px_stats *s, b_table *out); /* name, value, unit, meaning; columns are there */

#endif
