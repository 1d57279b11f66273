/* COM_QUERY and its attributes: see protocol/query.h. No state, any thread. */
#include "protocol/query.h"

#include "params.h"

enum { SETS = 1, ATTRIBUTES_MAX = 0xFFFF };

/* The NULL bits, types, names and values of n attributes. */
static void skip_attributes(mp_reader *r, uint64_t n)
{
    if (n > ATTRIBUTES_MAX) r->bad = true;
    b_slice nulls = mp_read_bytes(r, r->bad ? 0 : (size_t)(n + 7) / 8);
    if (mp_read_int(r, 1) != 1) r->bad = true; /* they are bound anew each time */
    mp_reader types = *r;
    for (uint64_t i = 0; i < n && !r->bad; i++) {
        (void)mp_read_int(r, 2);
        (void)mp_read_lenenc_str(r);
    }
    for (uint64_t i = 0; i < n && !r->bad; i++) {
        unsigned char type = (unsigned char)mp_read_int(&types, 2);
        (void)mp_read_lenenc_str(&types);
        bool null = ((unsigned char)nulls.p[i / 8] >> (i % 8) & 1) != 0;
        if (!null) (void)mp__read_value(r, type);
    }
}

b_status mp_query_split(b_slice payload, uint64_t caps, b_slice *attributes, b_slice *text)
{
    mp_reader r = mp_reader_of(payload);
    (void)mp_read_int(&r, 1);
    const char *start = (const char *)r.p;
    if (caps & MP_CLIENT_QUERY_ATTRIBUTES) {
        uint64_t count = mp_read_lenenc(&r, NULL), sets = mp_read_lenenc(&r, NULL);
        if (sets != SETS) r.bad = true;
        if (count > 0 && !r.bad) skip_attributes(&r, count);
    }
    if (r.bad) {
        *attributes = *text = B_LIT("");
        return B_MALFORMED;
    }
    *attributes = b_slice_of(start, (size_t)((const char *)r.p - start));
    *text = mp_read_rest(&r);
    return B_OK;
}

void mp_query_no_attributes(b_buf *b, uint64_t caps)
{
    if (caps & MP_CLIENT_QUERY_ATTRIBUTES) b_buf_add(b, "\0\1", 2);
}
