/* How long a binary value is, by its type. Values are never converted: nothing else of them matters.
 * Source: MySQL Internals, "Binary Protocol Value". No state, any thread. */
#include "params.h"

/* How a value's length is found: 0..8 = that many bytes. */
enum { BY_BYTE = 16, BY_LENENC = 17, NO_TYPE = 18 };

static unsigned width(unsigned char type)
{
    static const struct {
        unsigned char type, width;
    } table[] = {
        {0, BY_LENENC},   {1, 1},           {2, 2},           {3, 4},           {4, 4},
        {5, 8},           {6, 0},           {7, BY_BYTE},     {8, 8},           {9, 4},
        {10, BY_BYTE},    {11, BY_BYTE},    {12, BY_BYTE},    {13, 2},          {14, BY_BYTE},
        {15, BY_LENENC},  {16, BY_LENENC},  {17, BY_BYTE},    {18, BY_BYTE},    {19, BY_BYTE},
        {242, BY_LENENC}, {245, BY_LENENC}, {246, BY_LENENC}, {247, BY_LENENC}, {248, BY_LENENC},
        {249, BY_LENENC}, {250, BY_LENENC}, {251, BY_LENENC}, {252, BY_LENENC}, {253, BY_LENENC},
        {254, BY_LENENC}, {255, BY_LENENC},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].type == type) return table[i].width;
    return NO_TYPE;
}

b_slice mp__read_value(mp_reader *r, unsigned char type)
{
    const char *start = (const char *)r->p;
    unsigned w = width(type);
    if (w == BY_BYTE)
        (void)mp_read_bytes(r, (size_t)mp_read_int(r, 1));
    else if (w == BY_LENENC)
        (void)mp_read_lenenc_str(r);
    else if (w == NO_TYPE)
        r->bad = true;
    else
        (void)mp_read_bytes(r, w);
    if (r->bad) return B_LIT("");
    return b_slice_of(start, (size_t)((const char *)r->p - start));
}

b_slice mp__value_bytes(b_slice value, unsigned char type)
{
    mp_reader r = mp_reader_of(value);
    unsigned w = width(type);
    if (w == BY_BYTE)
        (void)mp_read_int(&r, 1);
    else if (w == BY_LENENC)
        (void)mp_read_lenenc(&r, NULL);
    return mp_read_rest(&r);
}
