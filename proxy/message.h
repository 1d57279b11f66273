/* Messages of errors and warnings, in which the server names columns as they are physically called. Pure. */
#ifndef PROXY_MESSAGE_H
#define PROXY_MESSAGE_H

#include "base/buf.h"
#include "rewrite/rewrite.h"

/* Appends the message of an error or warning of that number with the names that the client used. Values that
 * it quotes, and columns that it gives to tables other than the migrating one, stay as they are. */
void px_message_put(b_buf *out, const rw_shown *shown, size_t nshown, unsigned code, b_slice message);

/* The column that an error 1054 names, without what qualifies it; empty where that is not to be seen. */
b_slice px_message_unknown(b_slice message);

#endif
