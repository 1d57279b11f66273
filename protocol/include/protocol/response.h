/* Follows a server's answer to one command, packet by packet, to its true end.
 *
 * It looks at headers and as little of each payload as it needs, so rows stream through unseen:
 *
 *   start → first ─┬→ OK / ERR → done (or first again: MORE_RESULTS)
 *                  ├→ 0xFB LOCAL INFILE → infile (client sends) → first
 *                  └→ column count → columns → [EOF] → rows → EOF / OK → done (or first again)
 *   PREPARE: header → params → [EOF] → columns → [EOF] → done
 *
 * Source: MySQL Internals, "ProtocolText::Resultset", "COM_STMT_PREPARE Response", "CLIENT_DEPRECATE_EOF". */
#ifndef PROTOCOL_RESPONSE_H
#define PROTOCOL_RESPONSE_H

#include "protocol/command.h"
#include "protocol/proto.h"

typedef enum mp_event {                 /* what the packet just seen is */
                        MP_EV_OK,       /* OK (or the OK that ends rows under DEPRECATE_EOF): ok is set */
                        MP_EV_ERR,      /* ends the whole response */
                        MP_EV_EOF,      /* ends rows: ok.status and ok.warnings are set */
                        MP_EV_META_EOF, /* the EOF after definitions */
                        MP_EV_COLUMN_COUNT,
                        MP_EV_COLUMN, /* a column definition */
                        MP_EV_PARAM,  /* a parameter definition (PREPARE) */
                        MP_EV_PREPARE_OK,
                        MP_EV_ROW,    /* a row, or a further piece of one over 16 MB */
                        MP_EV_INFILE, /* the server wants a file: the client speaks next */
                        MP_EV_STRING,
                        MP_EV_AUTH, /* COM_CHANGE_USER: one step of the exchange, see mp_auth_classify; not
                                       the end */
                        MP_EV_PROGRESS, /* MariaDB's progress report, in the form of an ERR; not the end */
                        MP_EV_BAD       /* not possible here: the connection cannot be followed further */
} mp_event;

typedef struct mp_prepare_ok {
    uint32_t statement;
    uint16_t columns, params, warnings;
} mp_prepare_ok;

typedef struct mp_response {
    uint8_t command, state;
    uint64_t caps;   /* of the backend leg */
    bool continued;  /* the last packet was full: the next goes on with it */
    bool done;       /* the response is over */
    bool infile;     /* the client has to speak: packets up to an empty one */
    uint64_t left;   /* definitions to come */
    bool cursor;     /* EXECUTE asked for a cursor (assumed until mp_response_flags says otherwise) */
    uint16_t status; /* last status flags seen; valid once have_status */
    bool have_status;
    mp_ok ok; /* of the last OK or EOF; slices borrow from the payload given */
    mp_prepare_ok prepare;
    uint64_t columns; /* of the result set */
    bool metadata;    /* its definitions are sent: always, but with one of MP_CAPS_METADATA_BYTE */
} mp_response;

void mp_response_start(mp_response *r, uint8_t command, uint64_t caps);

/* COM_STMT_EXECUTE only: its flags byte (offset 5 of the payload). An EXECUTE that asked for no cursor is
 * never answered by definitions without rows, whatever the status bits say. */
void mp_response_flags(mp_response *r, uint8_t execute_flags);

/* How many payload bytes mp_response_next must see of a packet with this header and first byte: the whole
 * (len) where it is small and meaningful, 0 or 1 for rows. first is the payload's first byte (0 if len is 0).
 * Lets the caller pass rows on before they are complete. */
uint32_t mp_response_need(const mp_response *r, mp_header h, uint8_t first);

/* One packet: its header and at least mp_response_need bytes of payload. */
mp_event mp_response_next(mp_response *r, mp_header h, b_slice payload);

/* The client's side of LOCAL INFILE: one packet from the client; an empty one hands back to the server. */
void mp_response_infile(mp_response *r, mp_header h);

#endif
