/* OK, ERR and session state: see protocol/proto.h. No state, any thread. */
#include "protocol/proto.h"

#include <stdarg.h>
#include <stdio.h>

enum { OK_HEADER = 0x00, EOF_HEADER = 0xFE, ERR_HEADER = 0xFF };

/* The info text. With SESSION_TRACK it is length-encoded; without, documentation has it run to the end but
 * servers length-encode it all the same, so a length that fits exactly is taken for one. */
static b_slice read_info(mp_reader *r, uint64_t caps)
{
    if (mp_left(r) == 0) return B_LIT("");
    if (caps & MP_CLIENT_SESSION_TRACK) return mp_read_lenenc_str(r);
    mp_reader probe = *r;
    b_slice info = mp_read_lenenc_str(&probe);
    if (!probe.bad && mp_left(&probe) == 0) {
        *r = probe;
        return info;
    }
    return mp_read_rest(r);
}

b_status mp_ok_parse(b_slice payload, uint64_t caps, mp_ok *out)
{
    mp_reader r = mp_reader_of(payload);
    *out = (mp_ok){.info = B_LIT(""), .state = B_LIT("")};
    uint64_t header = mp_read_int(&r, 1);
    if (header != OK_HEADER && header != EOF_HEADER) return B_MALFORMED;
    out->affected = mp_read_lenenc(&r, NULL);
    out->insert_id = mp_read_lenenc(&r, NULL);
    if (caps & (MP_CLIENT_PROTOCOL_41 | MP_CLIENT_TRANSACTIONS)) out->status = (uint16_t)mp_read_int(&r, 2);
    if (caps & MP_CLIENT_PROTOCOL_41) out->warnings = (uint16_t)mp_read_int(&r, 2);
    out->info = read_info(&r, caps);
    if ((caps & MP_CLIENT_SESSION_TRACK) && (out->status & MP_STATUS_SESSION_STATE_CHANGED))
        out->state = mp_read_lenenc_str(&r);
    return r.bad ? B_MALFORMED : B_OK;
}

void mp_ok_put(b_buf *b, uint8_t header, const mp_ok *ok, uint64_t caps)
{
    bool track = (caps & MP_CLIENT_SESSION_TRACK) && (ok->status & MP_STATUS_SESSION_STATE_CHANGED);
    unsigned status = ok->status;
    if (!track) status &= ~(unsigned)MP_STATUS_SESSION_STATE_CHANGED;
    mp_put_int(b, header, 1);
    mp_put_lenenc(b, ok->affected);
    mp_put_lenenc(b, ok->insert_id);
    if (caps & (MP_CLIENT_PROTOCOL_41 | MP_CLIENT_TRANSACTIONS)) mp_put_int(b, status, 2);
    if (caps & MP_CLIENT_PROTOCOL_41) mp_put_int(b, ok->warnings, 2);
    if (track || ok->info.n > 0) mp_put_lenenc_str(b, ok->info);
    if (track) mp_put_lenenc_str(b, ok->state);
}

b_status mp_eof_parse(b_slice payload, mp_ok *out)
{
    mp_reader r = mp_reader_of(payload);
    *out = (mp_ok){.info = B_LIT(""), .state = B_LIT("")};
    if (mp_read_int(&r, 1) != EOF_HEADER) return B_MALFORMED;
    out->warnings = (uint16_t)mp_read_int(&r, 2);
    out->status = (uint16_t)mp_read_int(&r, 2);
    return r.bad || mp_left(&r) != 0 ? B_MALFORMED : B_OK;
}

void mp_eof_put(b_buf *b, uint16_t warnings, uint16_t status)
{
    mp_put_int(b, EOF_HEADER, 1);
    mp_put_int(b, warnings, 2);
    mp_put_int(b, status, 2);
}

/* The data of one entry. False where it is not as its type says. */
static bool entry_read(unsigned type, b_slice data, b_slice *name, b_slice *value)
{
    mp_reader r = mp_reader_of(data);
    if (type > MP_TRACK_TX_STATE) { /* a kind added later: passed over whole */
        *value = data;
        return true;
    }
    if (type == MP_TRACK_SYSTEM_VARIABLES) *name = mp_read_lenenc_str(&r);
    if (type == MP_TRACK_GTIDS) (void)mp_read_int(&r, 1); /* encoding */
    *value = mp_read_lenenc_str(&r);
    return !r.bad && mp_left(&r) == 0;
}

bool mp_state_next(b_slice *state, unsigned *type, b_slice *name, b_slice *value)
{
    mp_reader r = mp_reader_of(*state);
    *name = *value = B_LIT("");
    if (mp_left(&r) == 0) return false;
    *type = (unsigned)mp_read_int(&r, 1);
    b_slice data = mp_read_lenenc_str(&r);
    if (r.bad || !entry_read(*type, data, name, value))
        return false; /* *state stays: not empty = malformed */
    *state = mp_read_rest(&r);
    return true;
}

b_status mp_err_parse(b_slice payload, uint64_t caps, mp_error *out)
{
    mp_reader r = mp_reader_of(payload);
    *out = (mp_error){.sqlstate = "HY000", .message = B_LIT("")};
    if (mp_read_int(&r, 1) != ERR_HEADER) return B_MALFORMED;
    out->code = (uint16_t)mp_read_int(&r, 2);
    /* Before capabilities are known a server may or may not send the state: its marker tells. */
    (void)caps;
    if (mp_left(&r) >= 6 && *r.p == '#') {
        b_slice state = mp_read_bytes(&r, 6);
        memcpy(out->sqlstate, state.p + 1, 5);
    }
    out->message = mp_read_rest(&r);
    return r.bad ? B_MALFORMED : B_OK;
}

void mp_err_put(b_buf *b, uint16_t code, const char *sqlstate, b_slice message)
{
    mp_put_int(b, ERR_HEADER, 1);
    mp_put_int(b, code, 2);
    b_buf_char(b, '#');
    b_buf_add(b, strlen(sqlstate) == 5 ? sqlstate : "HY000", 5);
    b_buf_slice(b, message);
}

uint8_t mp_err_packet(b_buf *b, uint8_t seq, uint16_t code, const char *sqlstate, const char *fmt, ...)
{
    char text[1024]; /* clients keep 512 bytes of it */
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    size_t begin = mp_packet_begin(b);
    mp_err_put(b, code, sqlstate, b_slice_of(text, len));
    return mp_packet_end(b, begin, seq);
}
