/* Column definitions and text result sets: reading and patching those of a backend, writing our own.
 * Source: MySQL Internals, "ColumnDefinition41", "ProtocolText::ResultsetRow". */
#ifndef PROTOCOL_RESULT_H
#define PROTOCOL_RESULT_H

#include "base/table.h"
#include "protocol/proto.h"

typedef struct mp_column {
    b_slice catalog, schema, table, org_table, name, org_name;
    b_slice extended; /* MariaDB's extended metadata, undecoded; p == NULL where there is none */
    b_slice fixed;    /* the 12 bytes (charset, length, type, flags, decimals) with their length byte, and
                         whatever follows (COM_FIELD_LIST default) */
} mp_column;

/* caps: of the leg it came on. */
b_status mp_column_parse(b_slice payload, uint64_t caps, mp_column *out) B_MUSTCHECK;
void mp_column_put(b_buf *b, const mp_column *c); /* a payload */

enum { /* flags of a column that an alias loses */
       MP_COLUMN_NOT_NULL = 0x1,
       MP_COLUMN_PRIMARY_KEY = 0x2,
       MP_COLUMN_UNIQUE_KEY = 0x4,
       MP_COLUMN_MULTIPLE_KEY = 0x8,
       MP_COLUMN_NO_DEFAULT = 0x1000
};

typedef struct mp_column_info { /* mp_column.fixed, decoded */
    uint16_t charset;
    uint32_t length; /* bytes, at most */
    uint8_t type;    /* MYSQL_TYPE_* */
    uint16_t flags;
    uint8_t decimals;
} mp_column_info;

mp_column_info mp_column_info_get(const mp_column *c);
void mp_column_info_put(b_buf *b,
                        const mp_column_info *i); /* the 13 bytes that mp_column.fixed begins with */

/* A whole text result set of strings, or an OK packet when t has no columns. Returns the next sequence id. */
uint8_t mp_result_put(b_buf *b, uint8_t seq, const b_table *t, uint64_t caps, uint16_t status);

#endif
