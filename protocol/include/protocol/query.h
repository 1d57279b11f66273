/* COM_QUERY: the attributes that may stand before the text.
 * Source: MySQL Internals, "COM_QUERY". */
#ifndef PROTOCOL_QUERY_H
#define PROTOCOL_QUERY_H

#include "protocol/proto.h"

/* A COM_QUERY payload, the command byte included, taken apart: what stands between that byte and the text
 * (empty without CLIENT_QUERY_ATTRIBUTES, else at least two bytes), and the text. B_MALFORMED where the
 * attributes do not add up: where the text begins is not known then. caps: of the leg it came on. */
b_status mp_query_split(b_slice payload, uint64_t caps, b_slice *attributes, b_slice *text) B_MUSTCHECK;

/* What stands before the text of a query without attributes. Appends. */
void mp_query_no_attributes(b_buf *b, uint64_t caps);

#endif
