/* Prepared statements of one session: the client's ids, the server's, and what EXECUTE needs to be carried
 * over when the statement behind an id changes.
 *
 * Client id and server id are one to one while a statement is open. The client's ids are ours (counted up
 * per session); dropped by COM_STMT_CLOSE, all by RESET_CONNECTION, CHANGE_USER or the session's end.
 * Source: MySQL Internals, "COM_STMT_EXECUTE", "COM_STMT_SEND_LONG_DATA"; MariaDB KB,
 * "COM_STMT_BULK_EXECUTE". */
#ifndef PROTOCOL_STMT_H
#define PROTOCOL_STMT_H

#include "protocol/proto.h"

typedef struct mp_param_map { /* output parameter i takes input parameter source[i] */
    uint32_t *source;         /* owned; NULL for identity */
    uint32_t nout, nin;
} mp_param_map;

typedef struct mp_long_data { /* one COM_STMT_SEND_LONG_DATA, kept until EXECUTE */
    struct mp_long_data *next;
    uint32_t param;
    size_t n;
    char data[];
} mp_long_data;

typedef struct mp_stmt {
    uint32_t client_id, server_id;
    char *sql; /* as the client wrote it; owned */
    size_t sql_len;
    uint64_t tag;     /* the owner's: epoch */
    void *extra;      /* the owner's; freed by the table's free_extra */
    uint32_t nparams; /* as the client sees them */
    uint32_t ncolumns;
    unsigned char *types; /* 2 bytes a parameter, the last ones bound; NULL before; owned */
    mp_param_map map;
    mp_long_data *long_data, **long_tail; /* in the order sent */
    size_t long_bytes;                    /* of memory that they take */
    bool long_sent;  /* long data has gone to the server for this server_id and was not executed yet */
    bool keeps_long; /* hold long data here until EXECUTE */
} mp_stmt;

typedef struct mp_stmts mp_stmts;

mp_stmts *mp_stmts_new(void (*free_extra)(void *extra));
void mp_stmts_free(mp_stmts *t);
void mp_stmts_clear(mp_stmts *t);
mp_stmt *mp_stmts_add(mp_stmts *t, b_slice sql); /* a new client id; NULL when out of memory */
/* NULL where there is none. 0xFFFFFFFF: the last one added (MariaDB), until that is removed or forgotten. */
mp_stmt *mp_stmts_get(mp_stmts *t, uint32_t client_id);
void mp_stmts_forget_last(mp_stmts *t); /* after a PREPARE that failed */
void mp_stmts_remove(mp_stmts *t, uint32_t client_id);
size_t mp_stmts_count(const mp_stmts *t);
/* A walk in order of addition; NULL starts. `after` must still be there. */
mp_stmt *mp_stmts_next(mp_stmts *t, const mp_stmt *after);

/* source: nout indices below nin, copied; NULL for identity (nout == nin, as is a map never set). B_INVALID
 * for anything else. */
b_status mp_stmt_set_map(mp_stmt *s, const uint32_t *source, uint32_t nout, uint32_t nin) B_MUSTCHECK;
/* param: as the client numbers them. B_INVALID when the statement has no such one, B_TOO_BIG over 1 GiB. */
b_status mp_stmt_keep_long(mp_stmt *s, uint32_t param, b_slice data) B_MUSTCHECK;
void mp_stmt_drop_long(mp_stmt *s);

/* The long data kept, as whole COM_STMT_SEND_LONG_DATA packets (each with sequence id 0, none answered) for
 * s->server_id, each input's going to every output that takes it. They are sent before EXECUTE. */
b_status mp_stmt_put_long(const mp_stmt *s, b_buf *out) B_MUSTCHECK;

/* A COM_STMT_SEND_LONG_DATA payload, the command byte included. */
b_status mp_send_long_parse(b_slice payload, uint32_t *client_id, uint32_t *param, b_slice *data) B_MUSTCHECK;

/* Re-encodes a COM_STMT_EXECUTE payload (command byte included) for s->server_id and s->map: NULL bitmap,
 * types (remembered from an earlier EXECUTE when this one has none; they are sent again), values in output
 * order. Remembers the types bound. force_types: send types even if unchanged (a fresh server statement).
 * Appends a payload. B_MALFORMED when it cannot be followed. Works for identity maps, too.
 * A parameter that s->long_data holds pieces of has no value in the payload, as the protocol has it. */
b_status mp_stmt_execute(mp_stmt *s, b_slice payload, uint64_t caps, bool force_types,
                         b_buf *out) B_MUSTCHECK;

/* Only remembers the types that this EXECUTE binds, for statements forwarded as they are. Cheap when it
 * binds none. */
b_status mp_stmt_note_types(mp_stmt *s, b_slice payload, uint64_t caps) B_MUSTCHECK;

/* A parameter as an EXECUTE gives it. */
typedef struct mp_given {
    unsigned char type; /* MYSQL_TYPE_* */
    bool is_unsigned, null;
    b_slice value; /* in binary form, without the length that may stand before it */
} mp_given;

/* Fills given[s->nparams] with what this COM_STMT_EXECUTE payload gives, whose types it has or were bound
 * before. *cursor: it asks for one. Slices borrow from the payload. Not where long data was sent. B_MALFORMED
 * as above, B_NOMEM. */
b_status mp_stmt_given(const mp_stmt *s, b_slice payload, uint64_t caps, mp_given *given,
                       bool *cursor) B_MUSTCHECK;

/* The first two for COM_STMT_BULK_EXECUTE. It always sends types. *defaults: some row gives DEFAULT or IGNORE
 * instead of a value or NULL. */
b_status mp_stmt_bulk(mp_stmt *s, b_slice payload, bool *defaults, b_buf *out) B_MUSTCHECK;
b_status mp_stmt_note_bulk(mp_stmt *s, b_slice payload) B_MUSTCHECK;

#endif
