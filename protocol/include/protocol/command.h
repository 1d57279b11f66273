/* The commands, and how each is answered.
 * Source: MySQL Internals, "Command Phase", "Text Protocol", "Prepared Statements"; MariaDB KB,
 * "COM_STMT_BULK_EXECUTE". */
#ifndef PROTOCOL_COMMAND_H
#define PROTOCOL_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

/* code, name, value, reply */
#define MP_COMMAND_LIST(X)                                                                                   \
    X(SLEEP, 0x00, ERR_ONLY)                                                                                 \
    X(QUIT, 0x01, NONE)                                                                                      \
    X(INIT_DB, 0x02, OK)                                                                                     \
    X(QUERY, 0x03, RESULT)                                                                                   \
    X(FIELD_LIST, 0x04, FIELDS)                                                                              \
    X(CREATE_DB, 0x05, OK)                                                                                   \
    X(DROP_DB, 0x06, OK)                                                                                     \
    X(REFRESH, 0x07, OK)                                                                                     \
    X(SHUTDOWN, 0x08, OK)                                                                                    \
    X(STATISTICS, 0x09, STRING)                                                                              \
    X(PROCESS_INFO, 0x0A, RESULT)                                                                            \
    X(CONNECT, 0x0B, ERR_ONLY)                                                                               \
    X(PROCESS_KILL, 0x0C, OK)                                                                                \
    X(DEBUG, 0x0D, OK)                                                                                       \
    X(PING, 0x0E, OK)                                                                                        \
    X(TIME, 0x0F, ERR_ONLY)                                                                                  \
    X(DELAYED_INSERT, 0x10, ERR_ONLY)                                                                        \
    X(CHANGE_USER, 0x11, AUTH)                                                                               \
    X(BINLOG_DUMP, 0x12, STREAM)                                                                             \
    X(TABLE_DUMP, 0x13, ERR_ONLY)                                                                            \
    X(CONNECT_OUT, 0x14, ERR_ONLY)                                                                           \
    X(REGISTER_SLAVE, 0x15, OK)                                                                              \
    X(STMT_PREPARE, 0x16, PREPARE)                                                                           \
    X(STMT_EXECUTE, 0x17, RESULT)                                                                            \
    X(STMT_SEND_LONG_DATA, 0x18, NONE)                                                                       \
    X(STMT_CLOSE, 0x19, NONE)                                                                                \
    X(STMT_RESET, 0x1A, OK)                                                                                  \
    X(SET_OPTION, 0x1B, OK)                                                                                  \
    X(STMT_FETCH, 0x1C, ROWS)                                                                                \
    X(DAEMON, 0x1D, ERR_ONLY)                                                                                \
    X(BINLOG_DUMP_GTID, 0x1E, STREAM)                                                                        \
    X(RESET_CONNECTION, 0x1F, OK)                                                                            \
    X(CLONE, 0x20, STREAM)                                                                                   \
    X(STMT_BULK_EXECUTE, 0xFA, RESULT)

typedef enum mp_command {
#define MP_COMMAND_ENUM(name, value, reply) MP_COM_##name = value,
    MP_COMMAND_LIST(MP_COMMAND_ENUM)
#undef MP_COMMAND_ENUM
} mp_command;

typedef enum mp_reply {
    MP_REPLY_UNKNOWN,  /* no such command: nothing is known of its answer */
    MP_REPLY_NONE,     /* no answer at all */
    MP_REPLY_OK,       /* one OK, EOF or ERR packet */
    MP_REPLY_ERR_ONLY, /* internal commands: ERR */
    MP_REPLY_STRING,   /* one packet of plain text */
    MP_REPLY_RESULT,   /* OK, ERR, LOCAL INFILE, or result sets, one or more */
    MP_REPLY_FIELDS,   /* column definitions to EOF (or OK with DEPRECATE_EOF) */
    MP_REPLY_ROWS,     /* binary rows to EOF */
    MP_REPLY_PREPARE,  /* PREPARE_OK with parameter and column definitions */
    MP_REPLY_AUTH,     /* an authentication exchange */
    MP_REPLY_STREAM    /* packets without a known end */
} mp_reply;

mp_reply mp_command_reply(uint8_t command);
const char *mp_command_name(uint8_t command); /* "COM_QUERY"; "COM_UNKNOWN" */

#endif
