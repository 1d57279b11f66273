/* Column definitions and text result sets: see protocol/result.h. No state, any thread. */
#include "protocol/result.h"

enum { FIXED = 12, TYPE_VAR_STRING = 0xFD, UTF8MB4 = 45, NOT_FIXED_DECIMALS = 31, BYTES_A_CHAR = 4 };

static bool is_fixed(b_slice rest)
{
    return rest.n >= FIXED + 1 && (unsigned char)rest.p[0] == FIXED;
}

b_status mp_column_parse(b_slice payload, uint64_t caps, mp_column *out)
{
    mp_reader r = mp_reader_of(payload);
    *out = (mp_column){.catalog = mp_read_lenenc_str(&r)};
    out->schema = mp_read_lenenc_str(&r);
    out->table = mp_read_lenenc_str(&r);
    out->org_table = mp_read_lenenc_str(&r);
    out->name = mp_read_lenenc_str(&r);
    out->org_name = mp_read_lenenc_str(&r);
    if (caps & MP_MARIADB_EXTENDED_METADATA) out->extended = mp_read_lenenc_str(&r);
    out->fixed = mp_read_rest(&r);
    return r.bad || !is_fixed(out->fixed) ? B_MALFORMED : B_OK;
}

void mp_column_put(b_buf *b, const mp_column *c)
{
    mp_put_lenenc_str(b, c->catalog);
    mp_put_lenenc_str(b, c->schema);
    mp_put_lenenc_str(b, c->table);
    mp_put_lenenc_str(b, c->org_table);
    mp_put_lenenc_str(b, c->name);
    mp_put_lenenc_str(b, c->org_name);
    if (c->extended.p != NULL) mp_put_lenenc_str(b, c->extended);
    b_buf_slice(b, c->fixed);
}

mp_column_info mp_column_info_get(const mp_column *c)
{
    mp_reader r = mp_reader_of(c->fixed);
    mp_column_info i = {0};
    (void)mp_read_int(&r, 1);
    i.charset = (uint16_t)mp_read_int(&r, 2);
    i.length = (uint32_t)mp_read_int(&r, 4);
    i.type = (uint8_t)mp_read_int(&r, 1);
    i.flags = (uint16_t)mp_read_int(&r, 2);
    i.decimals = (uint8_t)mp_read_int(&r, 1);
    return i;
}

void mp_column_info_put(b_buf *b, const mp_column_info *i)
{
    mp_put_int(b, FIXED, 1);
    mp_put_int(b, i->charset, 2);
    mp_put_int(b, i->length, 4);
    mp_put_int(b, i->type, 1);
    mp_put_int(b, i->flags, 2);
    mp_put_int(b, i->decimals, 1);
    mp_put_int(b, 0, 2);
}

/* The widest cell, or name, of a column, in bytes. */
static size_t width(const b_table *t, size_t column)
{
    size_t w = strlen(b_table_name(t, column));
    for (size_t row = 0; row < b_table_rows(t); row++) {
        size_t n = b_table_cell(t, row, column).n;
        if (n > w) w = n;
    }
    return w > UINT32_MAX / BYTES_A_CHAR ? UINT32_MAX / BYTES_A_CHAR : w;
}

static uint8_t put_column(b_buf *b, uint8_t seq, const b_table *t, size_t column)
{
    mp_column c = {.catalog = B_LIT("def"), .name = b_slice_str(b_table_name(t, column))};
    mp_column_info i = {.charset = UTF8MB4,
                        .length = (uint32_t)(width(t, column) * BYTES_A_CHAR),
                        .type = TYPE_VAR_STRING,
                        .decimals = NOT_FIXED_DECIMALS};
    size_t begin = mp_packet_begin(b);
    mp_column_put(b, &c); /* its fixed part is empty: it comes from i */
    mp_column_info_put(b, &i);
    return mp_packet_end(b, begin, seq);
}

static uint8_t put_row(b_buf *b, uint8_t seq, const b_table *t, size_t row)
{
    size_t begin = mp_packet_begin(b);
    for (size_t column = 0; column < b_table_columns(t); column++) {
        b_slice cell = b_table_cell(t, row, column);
        if (cell.p == NULL)
            mp_put_int(b, 0xFB, 1);
        else
            mp_put_lenenc_str(b, cell);
    }
    return mp_packet_end(b, begin, seq);
}

static uint8_t put_ok(b_buf *b, uint8_t seq, uint8_t header, const mp_ok *ok, uint64_t caps)
{
    size_t begin = mp_packet_begin(b);
    mp_ok_put(b, header, ok, caps);
    return mp_packet_end(b, begin, seq);
}

static uint8_t put_eof(b_buf *b, uint8_t seq, uint16_t status)
{
    size_t begin = mp_packet_begin(b);
    mp_eof_put(b, 0, status);
    return mp_packet_end(b, begin, seq);
}

uint8_t mp_result_put(b_buf *b, uint8_t seq, const b_table *t, uint64_t caps, uint16_t status)
{
    bool deprecate = (caps & MP_CLIENT_DEPRECATE_EOF) != 0;
    size_t columns = b_table_columns(t);
    if (columns == 0) {
        mp_ok ok = {.affected = b_table_affected(t), .status = status, .info = b_slice_str(b_table_info(t))};
        return put_ok(b, seq, 0x00, &ok, caps);
    }
    size_t begin = mp_packet_begin(b);
    mp_put_lenenc(b, columns);
    seq = mp_packet_end(b, begin, seq);
    for (size_t i = 0; i < columns; i++) seq = put_column(b, seq, t, i);
    if (!deprecate) seq = put_eof(b, seq, status);
    for (size_t i = 0; i < b_table_rows(t); i++) seq = put_row(b, seq, t, i);
    mp_ok end = {.status = status};
    return deprecate ? put_ok(b, seq, 0xFE, &end, caps) : put_eof(b, seq, status);
}
