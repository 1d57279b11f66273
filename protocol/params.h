/* Values of parameters in binary form, shared by EXECUTE, bulk EXECUTE and the attributes of a query. */
#ifndef PROTOCOL_PARAMS_H
#define PROTOCOL_PARAMS_H

#include "protocol/packet.h"

/* One value of that type (MYSQL_TYPE_*), with the length that stands before it. An unknown type is bad. */
b_slice mp__read_value(mp_reader *r, unsigned char type);
/* What it read, without that length. */
b_slice mp__value_bytes(b_slice value, unsigned char type);

#endif
