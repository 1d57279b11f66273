/* Follows a server's answer to its true end: see protocol/response.h for the states' diagram.
 *
 * One handler a state. A handler looks at one whole packet's header and at no more of its payload than
 * mp_response_need asked for. It must not know who sends or where bytes go. No allocation; one mp_response
 * is used by one thread. */
#include "protocol/response.h"

typedef enum state {
    ST_DONE, /* nothing may come */
    ST_ONE,  /* one OK, EOF or ERR */
    ST_STRING,
    ST_FIRST,    /* a result begins */
    ST_COLUMNS,  /* definitions, `left` of them */
    ST_META_EOF, /* the EOF after them */
    ST_ROWS,
    ST_INFILE, /* the client speaks */
    ST_FIELDS, /* definitions without a count */
    ST_PREPARE,
    ST_PARAMS,
    ST_PARAMS_EOF,
    ST_PCOLUMNS,
    ST_PCOLUMNS_EOF,
    ST_AUTH,
    ST_STREAM,
    ST_STATES
} state;

enum {
    OK_BYTE = 0x00,
    INFILE_BYTE = 0xFB,
    EOF_BYTE = 0xFE,
    ERR_BYTE = 0xFF,
    EOF_BELOW = 9,       /* an EOF packet is shorter; a row whose first value has 8 bytes of length is not */
    CURSOR_FLAGS = 0x07, /* of EXECUTE: read only, for update, scrollable */
    PROGRESS_REPORT = 0xFFFF, /* error code that is none */
    COLUMNS_MAX = 0xFFFF
};

static const uint8_t first_state[] = {
    [MP_REPLY_UNKNOWN] = ST_ONE,   [MP_REPLY_NONE] = ST_DONE,     [MP_REPLY_OK] = ST_ONE,
    [MP_REPLY_ERR_ONLY] = ST_ONE,  [MP_REPLY_STRING] = ST_STRING, [MP_REPLY_RESULT] = ST_FIRST,
    [MP_REPLY_FIELDS] = ST_FIELDS, [MP_REPLY_ROWS] = ST_ROWS,     [MP_REPLY_PREPARE] = ST_PREPARE,
    [MP_REPLY_AUTH] = ST_AUTH,     [MP_REPLY_STREAM] = ST_STREAM,
};

static void set_state(mp_response *r, state s)
{
    r->state = (uint8_t)s;
    r->done = s == ST_DONE;
    r->infile = s == ST_INFILE;
}

void mp_response_start(mp_response *r, uint8_t command, uint64_t caps)
{
    *r = (mp_response){.command = command, .caps = caps};
    r->cursor = command == MP_COM_STMT_EXECUTE;
    set_state(r, (state)first_state[mp_command_reply(command)]);
}

void mp_response_flags(mp_response *r, uint8_t execute_flags)
{
    r->cursor = (execute_flags & CURSOR_FLAGS) != 0;
}

static bool deprecate_eof(const mp_response *r)
{
    return (r->caps & MP_CLIENT_DEPRECATE_EOF) != 0;
}

/* Is a packet that starts with 0xFE the end of rows, rather than a row? */
static bool is_end(const mp_response *r, mp_header h)
{
    return deprecate_eof(r) ? h.len < MP_MAX_PAYLOAD : h.len < EOF_BELOW;
}

uint32_t mp_response_need(const mp_response *r, mp_header h, uint8_t first)
{
    if (r->continued || h.len == 0 || r->state == ST_DONE || r->state == ST_INFILE) return 0;
    if (r->state == ST_ROWS || r->state == ST_STREAM) {
        if (first == ERR_BYTE || (first == EOF_BYTE && is_end(r, h)))
            return h.len == MP_MAX_PAYLOAD ? 1 : h.len;
        return 1;
    }
    if (r->state == ST_STRING && first != ERR_BYTE) return 1;
    return h.len == MP_MAX_PAYLOAD ? 1 : h.len; /* a full one is not possible there: no need to wait for it */
}

static mp_event bad(mp_response *r)
{
    set_state(r, ST_DONE);
    return MP_EV_BAD;
}

static void note_status(mp_response *r)
{
    r->status = r->ok.status;
    r->have_status = true;
}

/* After the end of one result: another one, or the end of all. */
static void next_result(mp_response *r)
{
    bool may = mp_command_reply(r->command) == MP_REPLY_RESULT;
    set_state(r, may && (r->ok.status & MP_STATUS_MORE_RESULTS) ? ST_FIRST : ST_DONE);
}

static mp_event on_ok(mp_response *r, b_slice p)
{
    if (mp_ok_parse(p, r->caps, &r->ok) != B_OK) return bad(r);
    note_status(r);
    next_result(r);
    return MP_EV_OK;
}

static mp_event on_eof(mp_response *r, b_slice p)
{
    if (mp_eof_parse(p, &r->ok) != B_OK) return bad(r);
    note_status(r);
    next_result(r);
    return MP_EV_EOF;
}

static mp_event on_err(mp_response *r, b_slice p)
{
    mp_error e;
    if (mp_err_parse(p, r->caps, &e) != B_OK) return bad(r);
    if (e.code == PROGRESS_REPORT && (r->caps & (MP_CLIENT_PROGRESS_OLD | MP_MARIADB_PROGRESS)) != 0)
        return MP_EV_PROGRESS;
    set_state(r, ST_DONE);
    return MP_EV_ERR;
}

/* 0xFE where it ends something: an EOF by its length, else an OK. */
static mp_event on_end(mp_response *r, mp_header h, b_slice p)
{
    return deprecate_eof(r) && h.len > 5 ? on_ok(r, p) : on_eof(r, p);
}

static mp_event at_done(mp_response *r, mp_header h, b_slice p)
{
    (void)h, (void)p;
    return bad(r);
}

static mp_event at_one(mp_response *r, mp_header h, b_slice p)
{
    if (p.n == 0 || p.n != h.len) return bad(r);
    uint8_t first = (uint8_t)p.p[0];
    if (first == ERR_BYTE) return on_err(r, p);
    if (first == OK_BYTE) return on_ok(r, p);
    return first == EOF_BYTE ? on_end(r, h, p) : bad(r);
}

static mp_event at_string(mp_response *r, mp_header h, b_slice p)
{
    if (h.len > 0 && p.n > 0 && (uint8_t)p.p[0] == ERR_BYTE) return p.n == h.len ? on_err(r, p) : bad(r);
    if (h.len == MP_MAX_PAYLOAD) return bad(r);
    set_state(r, ST_DONE);
    return MP_EV_STRING;
}

static state after_columns(const mp_response *r)
{
    return deprecate_eof(r) ? ST_ROWS : ST_META_EOF;
}

static mp_event on_count(mp_response *r, b_slice p)
{
    mp_reader in = mp_reader_of(p);
    uint64_t n = mp_read_lenenc(&in, NULL);
    r->metadata = (r->caps & MP_CAPS_METADATA_BYTE) == 0 || mp_read_int(&in, 1) != 0;
    if (in.bad || mp_left(&in) != 0 || n == 0 || n > COLUMNS_MAX) return bad(r);
    r->columns = n;
    r->left = r->metadata ? n : 0;
    set_state(r, r->metadata ? ST_COLUMNS : after_columns(r));
    return MP_EV_COLUMN_COUNT;
}

static mp_event at_first(mp_response *r, mp_header h, b_slice p)
{
    if (p.n == 0 || p.n != h.len) return bad(r);
    uint8_t first = (uint8_t)p.p[0];
    if (first == OK_BYTE) return on_ok(r, p);
    if (first == ERR_BYTE) return on_err(r, p);
    if (first == EOF_BYTE) return on_end(r, h, p);
    if (first == INFILE_BYTE) {
        set_state(r, ST_INFILE);
        return MP_EV_INFILE;
    }
    return on_count(r, p);
}

/* One of `left` definitions; when they are over, on to `after`. */
static mp_event definition(mp_response *r, mp_header h, b_slice p, mp_event event, state after)
{
    if (p.n == 0 || p.n != h.len) return bad(r);
    uint8_t first = (uint8_t)p.p[0];
    if (first == ERR_BYTE) return on_err(r, p);
    if (first == EOF_BYTE) return bad(r); /* no catalogue's name is that long */
    r->left--;
    if (r->left == 0) set_state(r, after);
    return event;
}

static mp_event at_columns(mp_response *r, mp_header h, b_slice p)
{
    return definition(r, h, p, MP_EV_COLUMN, after_columns(r));
}

/* A procedure that has a cursor of its own open gives its results the same status bit, and there rows do
 * follow; but those always have another result behind them, and an opened cursor has none. */
static bool opened_cursor(const mp_response *r)
{
    unsigned bits = MP_STATUS_CURSOR_EXISTS | MP_STATUS_MORE_RESULTS;
    return r->cursor && (r->ok.status & bits) == MP_STATUS_CURSOR_EXISTS;
}

/* With a cursor open, the EOF after the definitions is the end: rows come by COM_STMT_FETCH. (Under
 * DEPRECATE_EOF the server sends the OK that ends rows directly after the definitions, which at_rows takes.)
 */
static mp_event at_meta_eof(mp_response *r, mp_header h, b_slice p)
{
    if (p.n == 0 || p.n != h.len) return bad(r);
    if ((uint8_t)p.p[0] == ERR_BYTE) return on_err(r, p);
    if (mp_eof_parse(p, &r->ok) != B_OK) return bad(r);
    note_status(r);
    if (opened_cursor(r)) {
        set_state(r, ST_DONE);
        return MP_EV_EOF;
    }
    set_state(r, ST_ROWS);
    return MP_EV_META_EOF;
}

static mp_event at_rows(mp_response *r, mp_header h, b_slice p)
{
    if (h.len == 0 || p.n == 0) return bad(r);
    uint8_t first = (uint8_t)p.p[0];
    if (first < EOF_BYTE) return MP_EV_ROW;
    if (first == EOF_BYTE && !is_end(r, h)) return MP_EV_ROW;
    if (p.n != h.len || h.len == MP_MAX_PAYLOAD) return bad(r);
    return first == ERR_BYTE ? on_err(r, p) : on_end(r, h, p);
}

static mp_event at_fields(mp_response *r, mp_header h, b_slice p)
{
    if (p.n == 0 || p.n != h.len) return bad(r);
    uint8_t first = (uint8_t)p.p[0];
    if (first == ERR_BYTE) return on_err(r, p);
    return first == EOF_BYTE ? on_end(r, h, p) : MP_EV_COLUMN;
}

static state after_pcolumns(const mp_response *r)
{
    return deprecate_eof(r) ? ST_DONE : ST_PCOLUMNS_EOF;
}

/* What follows the parameters' part of PREPARE's answer. An EOF comes also where definitions are left out. */
static void prepare_columns(mp_response *r)
{
    r->left = r->metadata ? r->prepare.columns : 0;
    if (r->prepare.columns == 0)
        set_state(r, ST_DONE);
    else
        set_state(r, r->left > 0 ? ST_PCOLUMNS : after_pcolumns(r));
}

static void prepare_params(mp_response *r)
{
    r->left = r->metadata ? r->prepare.params : 0;
    if (r->left > 0)
        set_state(r, ST_PARAMS);
    else if (r->prepare.params > 0 && !deprecate_eof(r))
        set_state(r, ST_PARAMS_EOF);
    else
        prepare_columns(r);
}

static mp_event at_prepare(mp_response *r, mp_header h, b_slice p)
{
    if (p.n == 0 || p.n != h.len) return bad(r);
    mp_reader in = mp_reader_of(p);
    uint64_t first = mp_read_int(&in, 1);
    if (first == ERR_BYTE) return on_err(r, p);
    if (first != OK_BYTE) return bad(r);
    r->prepare.statement = (uint32_t)mp_read_int(&in, 4);
    r->prepare.columns = (uint16_t)mp_read_int(&in, 2);
    r->prepare.params = (uint16_t)mp_read_int(&in, 2);
    if (in.bad) return bad(r);
    (void)mp_read_int(&in, 1);
    r->prepare.warnings = mp_left(&in) >= 2 ? (uint16_t)mp_read_int(&in, 2) : 0;
    bool optional = (r->caps & MP_CLIENT_OPTIONAL_RESULTSET_METADATA) != 0;
    r->metadata = !optional || mp_left(&in) == 0 || mp_read_int(&in, 1) != 0;
    prepare_params(r);
    return MP_EV_PREPARE_OK;
}

static mp_event at_params(mp_response *r, mp_header h, b_slice p)
{
    mp_event e = definition(r, h, p, MP_EV_PARAM, ST_PARAMS_EOF);
    if (r->state == ST_PARAMS_EOF && deprecate_eof(r)) prepare_columns(r);
    return e;
}

static mp_event at_pcolumns(mp_response *r, mp_header h, b_slice p)
{
    return definition(r, h, p, MP_EV_COLUMN, after_pcolumns(r));
}

static mp_event at_prepare_eof(mp_response *r, mp_header h, b_slice p)
{
    if (p.n == 0 || p.n != h.len) return bad(r);
    if ((uint8_t)p.p[0] == ERR_BYTE) return on_err(r, p);
    if (mp_eof_parse(p, &r->ok) != B_OK) return bad(r);
    note_status(r);
    if (r->state == ST_PARAMS_EOF)
        prepare_columns(r);
    else
        set_state(r, ST_DONE);
    return MP_EV_META_EOF;
}

static mp_event at_auth(mp_response *r, mp_header h, b_slice p)
{
    if (p.n == 0 || p.n != h.len) return bad(r);
    uint8_t first = (uint8_t)p.p[0];
    if (first == OK_BYTE) return on_ok(r, p);
    return first == ERR_BYTE ? on_err(r, p) : MP_EV_AUTH;
}

static mp_event at_stream(mp_response *r, mp_header h, b_slice p)
{
    return at_rows(r, h, p);
}

typedef mp_event (*handler)(mp_response *r, mp_header h, b_slice p);

static const handler handlers[ST_STATES] = {
    [ST_DONE] = at_done,         [ST_ONE] = at_one,
    [ST_STRING] = at_string,     [ST_FIRST] = at_first,
    [ST_COLUMNS] = at_columns,   [ST_META_EOF] = at_meta_eof,
    [ST_ROWS] = at_rows,         [ST_INFILE] = at_done,
    [ST_FIELDS] = at_fields,     [ST_PREPARE] = at_prepare,
    [ST_PARAMS] = at_params,     [ST_PARAMS_EOF] = at_prepare_eof,
    [ST_PCOLUMNS] = at_pcolumns, [ST_PCOLUMNS_EOF] = at_prepare_eof,
    [ST_AUTH] = at_auth,         [ST_STREAM] = at_stream,
};

mp_event mp_response_next(mp_response *r, mp_header h, b_slice payload)
{
    if (r->continued && r->state != ST_INFILE) { /* only rows are let run on */
        r->continued = h.len == MP_MAX_PAYLOAD;
        return MP_EV_ROW;
    }
    if (payload.n > h.len) payload.n = h.len;
    mp_event e = handlers[r->state](r, h, payload);
    r->continued = e == MP_EV_ROW && h.len == MP_MAX_PAYLOAD;
    return e;
}

void mp_response_infile(mp_response *r, mp_header h)
{
    if (r->state != ST_INFILE) return;
    bool tail = r->continued; /* the empty packet after a full one belongs to it, and is not the end */
    r->continued = h.len == MP_MAX_PAYLOAD;
    if (h.len == 0 && !tail) set_state(r, ST_FIRST);
}
