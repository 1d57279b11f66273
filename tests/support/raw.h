/* Support for tests: a client that speaks the protocol by hand, with the capabilities that a test wants, and
 * keeps all that it was answered as text, so that two servers' answers can be compared byte for byte. */
#ifndef SUPPORT_RAW_H
#define SUPPORT_RAW_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ts_raw ts_raw;

typedef struct ts_raw_login {
    unsigned port;        /* on 127.0.0.1; 0: path or ipv6_port */
    const char *path;     /* of a unix socket */
    unsigned ipv6_port;   /* on ::1 */
    const void *preamble; /* sent before anything else */
    size_t npreamble;
    const char *schema;
    const char *user; /* NULL: root */
    uint64_t caps;    /* added to those that every client has; MariaDB's own from bit 32 */
} ts_raw_login;

/* With COMPRESS or ZSTD_COMPRESSION agreed on, packets are compressed from then on, and the numbers of the
 * compressed ones are held to what the protocol says. */

/* Logs in without a password. NULL with the server's words in why. */
ts_raw *ts_raw_try(const ts_raw_login *l, char why[512]);
ts_raw *ts_raw_connect(const ts_raw_login *l); /* ends the program on failure */
void ts_raw_close(ts_raw *r);
uint64_t ts_raw_caps(const ts_raw *r); /* agreed on */
int ts_raw_fd(const ts_raw *r);
uint32_t ts_raw_thread(const ts_raw *r); /* connection id in the greeting */

/* Sends a command, and reads its answer to the end. Each packet of it becomes a line "SEQ HEX" of *out, which
 * may be NULL. For PREPARE the statement id is kept (and shown as 0). False when the connection ended or the
 * answer cannot be followed. */
bool ts_raw_command(ts_raw *r, b_slice payload, b_buf *out);
uint32_t ts_raw_statement(const ts_raw *r); /* of the last PREPARE */

/* COM_QUERY, with one attribute of that name and value where name is not NULL. */
bool ts_raw_query(ts_raw *r, const char *name, const char *value, const char *sql, b_buf *out);
/* COM_STMT_PREPARE. */
bool ts_raw_prepare(ts_raw *r, const char *sql, b_buf *out);

void ts_raw_send(ts_raw *r, b_slice payload); /* sequence id 0; no answer is read */
void ts_raw_expect(ts_raw *r, uint8_t outer); /* the number of the next compressed packet */
bool ts_raw_read(ts_raw *r, b_buf *payload);  /* one packet; false at the end, or after 10 s */

#endif
