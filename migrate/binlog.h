/* Events of the row binary log, as a server sends them: headers, table maps, rows. Pure: bytes in, slices of
 * them out; every length is checked, and what cannot be read is said, never guessed. Formats as MySQL's
 * internals manual and MariaDB's knowledge base describe them. Private to migrate/. */
#ifndef MIGRATE_BINLOG_H
#define MIGRATE_BINLOG_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum mig__event_kind {
    MIG__EV_OTHER,
    MIG__EV_GROUP,  /* a transaction begins here */
    MIG__EV_ROTATE, /* another file follows */
    MIG__EV_FORMAT, /* says whether events end with a checksum */
    MIG__EV_IDLE,   /* heartbeat: nothing is to be sent now */
    MIG__EV_MAP,
    MIG__EV_WRITE,
    MIG__EV_UPDATE,
    MIG__EV_DELETE,
    MIG__EV_UNREAD_ROWS, /* rows in a form that is not read here: compressed, parts of JSON values */
    MIG__EV_UNREAD,      /* whole transactions of that kind */
    MIG__EV_TEXT,        /* a statement as text, LOAD DATA too */
    MIG__EV_UNREAD_TEXT  /* a compressed one */
} mig__event_kind;

typedef struct mig__event_head {
    mig__event_kind kind;
    uint32_t when, server, size, next; /* Unix time in s; server id; position behind it, 0: none */
    uint8_t type;
    b_slice body, whole; /* without header, and without or with checksum */
} mig__event_head;

/* checksum: events end with one. False: it is no event. */
bool mig__binlog_head(b_slice event, bool checksum, mig__event_head *out);
bool mig__binlog_checksums(b_slice format_event); /* of the whole event */
/* whole: a ROTATE that the server makes up may have no checksum where others have one. The name ends in a dot
 * and digits. */
bool mig__binlog_rotate(b_slice whole, uint64_t *position, b_slice *file);

typedef struct mig__text {
    uint64_t thread; /* of the connection that sent it */
    bool ansi_quotes, no_backslash_escapes;
    b_slice schema, sql; /* the default one; in the client's character set */
} mig__text;

b_status mig__binlog_text(const mig__event_head *h, mig__text *out, b_err *err) B_MUSTCHECK;

typedef struct mig__map_column {
    uint8_t type; /* the real one, of strings, too */
    uint16_t meta;
} mig__map_column;

enum { MIG__MAP_COLUMNS = 4096 /* the most that a table has */ };

typedef struct mig__map {
    uint64_t id;
    b_slice schema, table;
    size_t n;
    mig__map_column *columns; /* freed by mig__map_deinit */
} mig__map;

uint64_t mig__map_id(b_slice body);
b_status mig__binlog_map(b_slice body, mig__map *out, b_err *err) B_MUSTCHECK;
void mig__map_deinit(mig__map *m);

typedef struct mig__value {
    bool present, null;
    b_slice bytes;
} mig__value;

typedef struct mig__rows {
    uint64_t table;
    bool update, last; /* before and after images; the statement ends */
    size_t n;
    b_slice first_set, second_set, rest;
} mig__rows;

b_status mig__binlog_rows(const mig__event_head *h, mig__rows *out, b_err *err) B_MUSTCHECK;
/* The next row: before (of an update or delete; its values are not present in an insert) and after, n values
 * each. *more false: there is none. */
b_status mig__binlog_row(mig__rows *r, const mig__map *m, mig__value *before, mig__value *after, bool *more,
                         b_err *err) B_MUSTCHECK;

/* How a key's value is written down: as mig__key_literals does. */
typedef enum mig__literal_kind {
    MIG__LIT_NONE,
    MIG__LIT_INT,
    MIG__LIT_UINT,
    MIG__LIT_DECIMAL,
    MIG__LIT_YEAR,
    MIG__LIT_BIT,
    MIG__LIT_INDEX,
    MIG__LIT_DATE,
    MIG__LIT_DATETIME,
    MIG__LIT_TIMESTAMP,
    MIG__LIT_STRING,
    MIG__LIT_BINARY
} mig__literal_kind;
typedef struct mig__literal {
    mig__literal_kind kind;
    const char *charset, *collation; /* of STRING */
} mig__literal;
/* False: these bytes are no value of that kind. TIMESTAMP in UTC. */
bool mig__binlog_literal(const mig__map_column *c, const mig__literal *how, b_slice bytes, b_buf *out);

#endif
