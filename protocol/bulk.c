/* COM_STMT_BULK_EXECUTE (MariaDB) put together again for another statement: see protocol/stmt.h.
 *
 * Head, types, then rows to the end of the packet; a row has an indicator for each parameter and a value
 * where the indicator says so. As in execute.c values are moved, not looked at. One thread a statement.
 * Source: MariaDB KB, "COM_STMT_BULK_EXECUTE". */
#include "params.h"
#include "protocol/command.h"
#include "protocol/stmt.h"

#include <stdlib.h>

enum { SEND_TYPES = 128, IND_NONE = 0, IND_NULL = 1, IND_IGNORE = 3, ON_STACK = 32 };

typedef struct bulk {
    uint16_t flags;
    mp_reader rows;
} bulk;

/* Reads what stands before the rows and remembers the types. */
static b_status read_head(mp_stmt *s, b_slice payload, bulk *out)
{
    mp_reader r = mp_reader_of(payload);
    if (mp_read_int(&r, 1) != MP_COM_STMT_BULK_EXECUTE) return B_MALFORMED;
    (void)mp_read_int(&r, 4);
    out->flags = (uint16_t)mp_read_int(&r, 2);
    size_t n = 2 * (size_t)s->nparams;
    if (out->flags & SEND_TYPES) {
        b_slice types = mp_read_bytes(&r, n);
        if (r.bad || n == 0) return B_MALFORMED;
        if (s->types == NULL) s->types = malloc(n);
        if (s->types == NULL) return B_NOMEM;
        memcpy(s->types, types.p, n);
    }
    out->rows = r;
    return r.bad || n == 0 ? B_MALFORMED : B_OK;
}

b_status mp_stmt_note_bulk(mp_stmt *s, b_slice payload)
{
    bulk b;
    return read_head(s, payload, &b);
}

/* One parameter of one row, its indicator included. */
static b_slice read_cell(mp_reader *r, unsigned char type, bool *defaults)
{
    const char *start = (const char *)r->p;
    uint64_t indicator = mp_read_int(r, 1);
    if (indicator > IND_IGNORE) r->bad = true;
    if (indicator > IND_NULL) *defaults = true;
    if (indicator == IND_NONE) (void)mp__read_value(r, type);
    return b_slice_of(start, r->bad ? 0 : (size_t)((const char *)r->p - start));
}

static uint32_t outputs(const mp_stmt *s)
{
    return s->map.source == NULL ? s->nparams : s->map.nout;
}

static uint32_t input(const mp_stmt *s, uint32_t i)
{
    return s->map.source == NULL ? i : s->map.source[i];
}

static void put_rows(const mp_stmt *s, mp_reader *r, b_slice *cells, bool *defaults, b_buf *out)
{
    uint32_t n = outputs(s);
    while (!r->bad && mp_left(r) > 0 && !out->failed) {
        for (uint32_t i = 0; i < s->nparams; i++) cells[i] = read_cell(r, s->types[2 * (size_t)i], defaults);
        for (uint32_t i = 0; i < n && !r->bad; i++) b_buf_slice(out, cells[input(s, i)]);
    }
}

b_status mp_stmt_bulk(mp_stmt *s, b_slice payload, bool *defaults, b_buf *out)
{
    bulk b;
    b_slice few[ON_STACK], *cells = few;
    *defaults = false;
    b_status st = read_head(s, payload, &b);
    if (st != B_OK) return st;
    if (s->types == NULL) return B_MALFORMED; /* neither given nor known */
    if (s->map.source != NULL && s->map.nin != s->nparams) return B_INVALID;
    if (s->nparams > ON_STACK) cells = calloc(s->nparams, sizeof *cells);
    if (cells == NULL) return B_NOMEM;
    mp_put_int(out, MP_COM_STMT_BULK_EXECUTE, 1);
    mp_put_int(out, s->server_id, 4);
    mp_put_int(out, b.flags | SEND_TYPES, 2);
    for (uint32_t i = 0; i < outputs(s); i++) b_buf_add(out, s->types + 2 * (size_t)input(s, i), 2);
    put_rows(s, &b.rows, cells, defaults, out);
    if (cells != few) free(cells);
    if (b.rows.bad) return B_MALFORMED;
    return out->failed ? B_NOMEM : B_OK;
}
