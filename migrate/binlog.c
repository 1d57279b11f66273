/* See binlog.h. */
#include "binlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEADER = 19, CHECKSUM = 4 };

/* Types of columns, as a table map names them. */
enum {
    T_TINY = 1,
    T_SHORT = 2,
    T_LONG = 3,
    T_FLOAT = 4,
    T_DOUBLE = 5,
    T_NULL = 6,
    T_TIMESTAMP = 7,
    T_LONGLONG = 8,
    T_INT24 = 9,
    T_DATE = 10,
    T_TIME = 11,
    T_DATETIME = 12,
    T_YEAR = 13,
    T_NEWDATE = 14,
    T_VARCHAR = 15,
    T_BIT = 16,
    T_TIMESTAMP2 = 17,
    T_DATETIME2 = 18,
    T_TIME2 = 19,
    T_BLOB_COMPRESSED = 140,
    T_VARCHAR_COMPRESSED = 141,
    T_VECTOR = 242,
    T_JSON = 245,
    T_NEWDECIMAL = 246,
    T_ENUM = 247,
    T_SET = 248,
    T_TINY_BLOB = 249,
    T_MEDIUM_BLOB = 250,
    T_LONG_BLOB = 251,
    T_BLOB = 252,
    T_VAR_STRING = 253,
    T_STRING = 254,
    T_GEOMETRY = 255
};

/* ---- reading ---- */

static uint64_t le(const char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = n; i-- > 0;) v = v << 8 | (unsigned char)p[i];
    return v;
}

static uint64_t be(const char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) v = v << 8 | (unsigned char)p[i];
    return v;
}

static bool take(b_slice *s, size_t n, b_slice *out)
{
    if (s->n < n) return false;
    *out = b_slice_of(s->p, n);
    *s = b_slice_of(s->p + n, s->n - n);
    return true;
}

static bool take_le(b_slice *s, size_t n, uint64_t *out)
{
    b_slice v;
    if (!take(s, n, &v)) return false;
    *out = le(v.p, n);
    return true;
}

/* An integer of one to nine bytes. */
static bool take_packed(b_slice *s, uint64_t *out)
{
    uint64_t first;
    if (!take_le(s, 1, &first)) return false;
    *out = first;
    if (first < 251) return true;
    return first == 252   ? take_le(s, 2, out)
           : first == 253 ? take_le(s, 3, out)
                          : first == 254 && take_le(s, 8, out);
}

/* ---- events ---- */

static mig__event_kind kind_of(uint8_t type)
{
    static const struct {
        uint8_t type, kind;
    } kinds[] = {{33, MIG__EV_GROUP},        {34, MIG__EV_GROUP},        {42, MIG__EV_GROUP},
                 {162, MIG__EV_GROUP},       {4, MIG__EV_ROTATE},        {15, MIG__EV_FORMAT},
                 {27, MIG__EV_IDLE},         {41, MIG__EV_IDLE},         {19, MIG__EV_MAP},
                 {23, MIG__EV_WRITE},        {30, MIG__EV_WRITE},        {24, MIG__EV_UPDATE},
                 {31, MIG__EV_UPDATE},       {25, MIG__EV_DELETE},       {32, MIG__EV_DELETE},
                 {39, MIG__EV_UNREAD_ROWS},  {166, MIG__EV_UNREAD_ROWS}, {167, MIG__EV_UNREAD_ROWS},
                 {168, MIG__EV_UNREAD_ROWS}, {169, MIG__EV_UNREAD_ROWS}, {170, MIG__EV_UNREAD_ROWS},
                 {171, MIG__EV_UNREAD_ROWS}, {40, MIG__EV_UNREAD},       {2, MIG__EV_TEXT},
                 {18, MIG__EV_TEXT},         {165, MIG__EV_UNREAD_TEXT}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].type == type) return (mig__event_kind)kinds[i].kind;
    return MIG__EV_OTHER;
}

bool mig__binlog_head(b_slice event, bool checksum, mig__event_head *out)
{
    size_t tail = checksum ? CHECKSUM : 0;
    if (event.n < HEADER + tail) return false;
    out->when = (uint32_t)le(event.p, 4);
    out->type = (uint8_t)event.p[4];
    out->server = (uint32_t)le(event.p + 5, 4);
    out->size = (uint32_t)le(event.p + 9, 4);
    out->next = (uint32_t)le(event.p + 13, 4);
    out->kind = kind_of(out->type);
    out->body = b_slice_of(event.p + HEADER, event.n - HEADER - tail);
    out->whole = b_slice_of(event.p + HEADER, event.n - HEADER);
    return true;
}

bool mig__binlog_checksums(b_slice event)
{
    return event.n > HEADER + CHECKSUM + 1 && event.p[event.n - CHECKSUM - 1] == 1;
}

static bool is_file(b_slice name)
{
    size_t digits = 0;
    while (digits < name.n && name.p[name.n - digits - 1] >= '0' && name.p[name.n - digits - 1] <= '9')
        digits++;
    return digits >= 6 && digits < name.n && name.p[name.n - digits - 1] == '.';
}

bool mig__binlog_rotate(b_slice whole, uint64_t *position, b_slice *file)
{
    if (!take_le(&whole, 8, position)) return false;
    *file = whole;
    if (is_file(*file)) return true;
    if (whole.n <= CHECKSUM) return false;
    *file = b_slice_of(whole.p, whole.n - CHECKSUM);
    return is_file(*file);
}

/* ---- statements ---- */

enum { TYPE_LOAD = 18, STATUS_FLAGS = 0, STATUS_SQL_MODE = 1 };

/* Bits of sql_mode there, the same on both servers. */
static const uint64_t ansi_quotes = 4, no_backslash_escapes = 1 << 20;

/* The sql_mode is the first of the status variables, or the one behind the flags. */
static bool take_mode(b_slice s, uint64_t *mode)
{
    uint64_t code, flags;
    if (!take_le(&s, 1, &code)) return false;
    if (code == STATUS_FLAGS && !(take_le(&s, 4, &flags) && take_le(&s, 1, &code))) return false;
    return code == STATUS_SQL_MODE && take_le(&s, 8, mode);
}

b_status mig__binlog_text(const mig__event_head *h, mig__text *out, b_err *err)
{
    b_slice s = h->body, status, file, zero;
    uint64_t seconds, schema = 0, error, n = 0, mode = 0;
    *out = (mig__text){.thread = 0};
    bool good = take_le(&s, 4, &out->thread) && take_le(&s, 4, &seconds) && take_le(&s, 1, &schema) &&
                take_le(&s, 2, &error) && take_le(&s, 2, &n) &&
                (h->type != TYPE_LOAD || take(&s, 13, &file)) && take(&s, (size_t)n, &status) &&
                take(&s, (size_t)schema, &out->schema) && take(&s, 1, &zero);
    if (!good) return b_fail(err, B_INVALID, "a statement in the binary log is cut off");
    if (!take_mode(status, &mode)) mode = 0;
    out->ansi_quotes = (mode & ansi_quotes) != 0;
    out->no_backslash_escapes = (mode & no_backslash_escapes) != 0;
    out->sql = s;
    return B_OK;
}

/* ---- table maps ---- */

/* Bytes of a type's metadata. */
static size_t meta_size(uint8_t type)
{
    switch (type) {
    case T_FLOAT:
    case T_DOUBLE:
    case T_TIMESTAMP2:
    case T_DATETIME2:
    case T_TIME2:
    case T_BLOB_COMPRESSED:
    case T_VECTOR:
    case T_JSON:
    case T_TINY_BLOB:
    case T_MEDIUM_BLOB:
    case T_LONG_BLOB:
    case T_BLOB:
    case T_GEOMETRY: return 1;
    case T_VARCHAR:
    case T_VARCHAR_COMPRESSED:
    case T_BIT:
    case T_NEWDECIMAL:
    case T_ENUM:
    case T_SET:
    case T_VAR_STRING:
    case T_STRING: return 2;
    default: return 0;
    }
}

/* A string's metadata holds its real type, and two bits of the length in the type's bits. */
static void unfold_string(mig__map_column *c, unsigned char first, unsigned char second)
{
    c->type = first, c->meta = second;
    if ((first & 0x30) == 0x30) return;
    c->type = (uint8_t)(first | 0x30);
    c->meta = (uint16_t)(second | ((first & 0x30) ^ 0x30) << 4);
}

static bool read_meta(b_slice *meta, mig__map_column *c)
{
    b_slice v;
    if (!take(meta, meta_size(c->type), &v)) return false;
    const unsigned char *p = (const unsigned char *)v.p;
    if (c->type == T_STRING || c->type == T_ENUM || c->type == T_SET)
        unfold_string(c, p[0], p[1]);
    else if (c->type == T_NEWDECIMAL)
        c->meta = (uint16_t)(p[0] << 8 | p[1]);
    else if (v.n > 0)
        c->meta = (uint16_t)le(v.p, v.n);
    return true;
}

uint64_t mig__map_id(b_slice body)
{
    return body.n < 6 ? 0 : le(body.p, 6);
}

static bool take_name(b_slice *s, b_slice *out)
{
    uint64_t n;
    b_slice zero;
    return take_le(s, 1, &n) && take(s, (size_t)n, out) && take(s, 1, &zero);
}

b_status mig__binlog_map(b_slice s, mig__map *out, b_err *err)
{
    uint64_t flags, n = 0, meta_bytes = 0;
    b_slice types, meta;
    *out = (mig__map){0};
    bool good = take_le(&s, 6, &out->id) && take_le(&s, 2, &flags) && take_name(&s, &out->schema) &&
                take_name(&s, &out->table) && take_packed(&s, &n) && n <= MIG__MAP_COLUMNS &&
                take(&s, (size_t)n, &types) && take_packed(&s, &meta_bytes) && meta_bytes <= s.n &&
                take(&s, (size_t)meta_bytes, &meta);
    if (!good) return b_fail(err, B_INVALID, "a table map in the binary log is cut off");
    out->columns = calloc((size_t)n + 1, sizeof *out->columns);
    if (out->columns == NULL) return b_fail(err, B_NOMEM, "out of memory for a table map");
    for (; good && out->n < n; out->n++) {
        out->columns[out->n].type = (uint8_t)types.p[out->n];
        good = read_meta(&meta, &out->columns[out->n]);
    }
    if (good) return B_OK;
    mig__map_deinit(out);
    return b_fail(err, B_INVALID, "a table map in the binary log has not the metadata of all its columns");
}

void mig__map_deinit(mig__map *m)
{
    free(m->columns);
    *m = (mig__map){0};
}

/* ---- rows ---- */

b_status mig__binlog_rows(const mig__event_head *h, mig__rows *out, b_err *err)
{
    b_slice s = h->body, skipped;
    uint64_t flags, extra = 2, n = 0;
    bool second =
        h->type >= 30 && h->type <= 32; /* this version has further data, whose length counts itself */
    *out = (mig__rows){.update = h->kind == MIG__EV_UPDATE};
    bool good =
        take_le(&s, 6, &out->table) && take_le(&s, 2, &flags) &&
        (!second || (take_le(&s, 2, &extra) && extra >= 2 && take(&s, (size_t)extra - 2, &skipped))) &&
        take_packed(&s, &n) && n <= MIG__MAP_COLUMNS;
    size_t bits = (size_t)(n + 7) / 8;
    good = good && take(&s, bits, &out->first_set) && (!out->update || take(&s, bits, &out->second_set));
    if (!good) return b_fail(err, B_INVALID, "rows in the binary log are cut off");
    out->n = (size_t)n, out->rest = s, out->last = (flags & 1) != 0;
    return B_OK;
}

static size_t decimal_part(size_t digits)
{
    static const size_t rest[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
    return digits / 9 * 4 + rest[digits % 9];
}

/* Types whose values have a length before them: how many bytes that is; 0: no such type. */
static size_t length_bytes(const mig__map_column *c)
{
    switch (c->type) {
    case T_VARCHAR:
    case T_VARCHAR_COMPRESSED:
    case T_VAR_STRING:
    case T_STRING: return c->meta > 255 ? 2 : 1;
    case T_BLOB_COMPRESSED:
    case T_VECTOR:
    case T_JSON:
    case T_TINY_BLOB:
    case T_MEDIUM_BLOB:
    case T_LONG_BLOB:
    case T_BLOB:
    case T_GEOMETRY: return c->meta >= 1 && c->meta <= 4 ? c->meta : 9; /* 9: no length is that long */
    default: return 0;
    }
}

/* Bytes of a value of fixed length; SIZE_MAX: a type that is not known. */
static size_t fixed_size(const mig__map_column *c)
{
    size_t precision = c->meta >> 8, scale = c->meta & 0xff, half = (size_t)(c->meta + 1) / 2;
    switch (c->type) {
    case T_NULL: return 0;
    case T_TINY:
    case T_YEAR: return 1;
    case T_SHORT: return 2;
    case T_INT24:
    case T_DATE:
    case T_NEWDATE:
    case T_TIME: return 3;
    case T_LONG:
    case T_FLOAT:
    case T_TIMESTAMP: return 4;
    case T_LONGLONG:
    case T_DOUBLE:
    case T_DATETIME: return 8;
    case T_TIMESTAMP2: return half > 3 ? SIZE_MAX : 4 + half;
    case T_DATETIME2: return half > 3 ? SIZE_MAX : 5 + half;
    case T_TIME2: return half > 3 ? SIZE_MAX : 3 + half;
    case T_BIT: return precision + (scale > 0 ? 1 : 0);
    case T_ENUM:
    case T_SET: return c->meta;
    case T_NEWDECIMAL:
        return scale > precision || precision > 65 ? SIZE_MAX
                                                   : decimal_part(precision - scale) + decimal_part(scale);
    default: return SIZE_MAX;
    }
}

static bool take_value(b_slice *s, const mig__map_column *c, b_slice *out)
{
    uint64_t n;
    size_t prefix = length_bytes(c);
    if (prefix > 0) return prefix <= 4 && take_le(s, prefix, &n) && take(s, (size_t)n, out);
    size_t fixed = fixed_size(c);
    return fixed != SIZE_MAX && take(s, fixed, out);
}

static bool bit(b_slice set, size_t i)
{
    return i / 8 < set.n && ((unsigned char)set.p[i / 8] >> (i % 8) & 1) != 0;
}

/* The null bits are counted over the columns that are in the image. */
static bool take_image(mig__rows *r, b_slice set, const mig__map *m, mig__value *out)
{
    size_t present = 0, at = 0;
    b_slice nulls;
    for (size_t i = 0; i < r->n; i++) present += bit(set, i);
    if (!take(&r->rest, (present + 7) / 8, &nulls)) return false;
    for (size_t i = 0; i < r->n; i++) {
        out[i] = (mig__value){.present = bit(set, i)};
        if (!out[i].present) continue;
        out[i].null = bit(nulls, at++);
        if (!out[i].null && !take_value(&r->rest, &m->columns[i], &out[i].bytes)) return false;
    }
    return true;
}

b_status mig__binlog_row(mig__rows *r, const mig__map *m, mig__value *before, mig__value *after, bool *more,
                         b_err *err)
{
    *more = r->rest.n > 0;
    if (!*more) return B_OK;
    if (m->n != r->n)
        return b_fail(err, B_INVALID, "rows in the binary log have not the columns of their table map");
    size_t had = r->rest.n;
    for (size_t i = 0; i < r->n; i++) before[i] = (mig__value){0};
    bool good = !r->update || take_image(r, r->first_set, m, before);
    good = good && take_image(r, r->update ? r->second_set : r->first_set, m, after);
    if (good && r->rest.n < had) return B_OK;
    return b_fail(err, B_INVALID, "a row of %.*s.%.*s in the binary log cannot be read", B_ARG(m->schema),
                  B_ARG(m->table));
}

/* ---- values of keys ---- */

/* Groups of nine digits in four bytes each, fewer in fewer; the sign is the first bit, turned over. */
static bool put_digits(const unsigned char **p, size_t digits, bool negative, bool *some, b_buf *out)
{
    static const size_t bytes[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
    uint64_t v = 0;
    for (size_t i = 0; i < bytes[digits]; i++) v = v << 8 | (negative ? (unsigned char)~(*p)[i] : (*p)[i]);
    *p += bytes[digits];
    uint64_t limit = 1;
    for (size_t i = 0; i < digits; i++) limit *= 10;
    if (v >= limit) return false;
    if (*some)
        b_buf_printf(out, "%0*llu", (int)digits, (unsigned long long)v);
    else if (v > 0)
        b_buf_printf(out, "%llu", (unsigned long long)v);
    *some = *some || v > 0;
    return true;
}

static bool put_decimal(const mig__map_column *c, b_slice v, b_buf *out)
{
    size_t scale = c->meta & 0xff, whole = (c->meta >> 8) - scale;
    unsigned char copy[40];
    if (v.n == 0 || v.n > sizeof copy || fixed_size(c) != v.n) return false;
    memcpy(copy, v.p, v.n);
    bool negative = (copy[0] & 0x80) == 0, some = false, good = true;
    copy[0] ^= 0x80;
    const unsigned char *p = copy;
    if (negative) b_buf_char(out, '-');
    if (whole % 9 > 0) good = put_digits(&p, whole % 9, negative, &some, out);
    for (size_t i = 0; good && i < whole / 9; i++) good = put_digits(&p, 9, negative, &some, out);
    if (!some) b_buf_char(out, '0');
    some = true;
    if (scale > 0) b_buf_char(out, '.');
    for (size_t i = 0; good && i < scale / 9; i++) good = put_digits(&p, 9, negative, &some, out);
    if (good && scale % 9 > 0) good = put_digits(&p, scale % 9, negative, &some, out);
    return good;
}

/* Of a second, as many digits as the column has. */
static void put_fraction(const mig__map_column *c, b_slice bytes, b_buf *out)
{
    uint64_t v = be(bytes.p, bytes.n);
    if (c->meta == 0 || bytes.n == 0) return;
    if (c->meta % 2 == 1) v /= 10; /* stored with one digit more */
    b_buf_printf(out, ".%0*llu", (int)c->meta, (unsigned long long)v);
}

static bool put_datetime(const mig__map_column *c, b_slice v, b_buf *out)
{
    if (c->type != T_DATETIME2 || v.n != fixed_size(c)) return false;
    uint64_t n = be(v.p, 5);
    if ((n & 0x8000000000ULL) == 0) return false; /* before the year 0 */
    n &= 0x7fffffffffULL;
    unsigned months = (unsigned)(n >> 22), day = n >> 17 & 31, hour = n >> 12 & 31, minute = n >> 6 & 63;
    b_buf_printf(out, "'%04u-%02u-%02u %02u:%02u:%02u", months / 13, months % 13, day, hour, minute,
                 (unsigned)(n & 63));
    put_fraction(c, b_slice_of(v.p + 5, v.n - 5), out);
    b_buf_char(out, '\'');
    return true;
}

static bool put_timestamp(const mig__map_column *c, b_slice v, b_buf *out)
{
    struct tm t;
    if (c->type != T_TIMESTAMP2 || v.n != fixed_size(c)) return false;
    time_t seconds = (time_t)be(v.p, 4);
    if (gmtime_r(&seconds, &t) == NULL) return false;
    if (seconds == 0)
        b_buf_str(out, "'0000-00-00 00:00:00");
    else
        b_buf_printf(out, "'%04d-%02d-%02d %02d:%02d:%02d", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                     t.tm_hour, t.tm_min, t.tm_sec);
    put_fraction(c, b_slice_of(v.p + 4, v.n - 4), out);
    b_buf_char(out, '\'');
    return true;
}

static bool put_date(b_slice v, b_buf *out)
{
    if (v.n != 3) return false;
    unsigned n = (unsigned)le(v.p, 3);
    b_buf_printf(out, "'%04u-%02u-%02u'", n >> 9, n >> 5 & 15, n & 31);
    return true;
}

static void put_hex(b_slice v, b_buf *out)
{
    b_buf_str(out, "x'");
    for (size_t i = 0; i < v.n; i++) b_buf_printf(out, "%02X", (unsigned)(unsigned char)v.p[i]);
}

/* A BINARY comes without the zeros at its end. */
static bool put_binary(const mig__map_column *c, b_slice v, b_buf *out)
{
    put_hex(v, out);
    for (size_t i = v.n; c->type == T_STRING && i < c->meta; i++) b_buf_str(out, "00");
    b_buf_char(out, '\'');
    return true;
}

static bool put_int(b_slice v, b_buf *out)
{
    if (v.n == 0 || v.n > 8) return false;
    uint64_t n = le(v.p, v.n), sign = 1ULL << (v.n * 8 - 1);
    if ((n & sign) == 0)
        b_buf_printf(out, "%llu", (unsigned long long)n);
    else
        b_buf_printf(out, "-%llu", (unsigned long long)(sign - (n & (sign - 1))));
    return true;
}

bool mig__binlog_literal(const mig__map_column *c, const mig__literal *how, b_slice v, b_buf *out)
{
    switch (how->kind) {
    case MIG__LIT_INT: return put_int(v, out);
    case MIG__LIT_UINT:
    case MIG__LIT_INDEX:
        if (v.n == 0 || v.n > 8) return false;
        b_buf_printf(out, "%llu", (unsigned long long)le(v.p, v.n));
        return true;
    case MIG__LIT_BIT:
        if (v.n == 0 || v.n > 8) return false;
        b_buf_printf(out, "%llu", (unsigned long long)be(v.p, v.n));
        return true;
    case MIG__LIT_YEAR:
        if (v.n != 1) return false;
        b_buf_printf(out, "%u", v.p[0] == 0 ? 0U : 1900U + (unsigned char)v.p[0]);
        return true;
    case MIG__LIT_DECIMAL: return c->type == T_NEWDECIMAL && put_decimal(c, v, out);
    case MIG__LIT_DATE: return put_date(v, out);
    case MIG__LIT_DATETIME: return put_datetime(c, v, out);
    case MIG__LIT_TIMESTAMP: return put_timestamp(c, v, out);
    case MIG__LIT_STRING:
        b_buf_printf(out, "_%s ", how->charset), put_hex(v, out),
            b_buf_printf(out, "' COLLATE %s", how->collation);
        return true;
    case MIG__LIT_BINARY: return put_binary(c, v, out);
    case MIG__LIT_NONE: return false;
    }
    return false;
}
