/* COM_STMT_EXECUTE taken apart and put together again for another statement: see protocol/stmt.h.
 *
 * Values are never converted, only moved: a value's type tells how long it is and nothing else matters. What
 * does not add up to exactly the payload's length is refused, since a value of a misjudged length would
 * shift all the others. One thread a statement. */
#include "params.h"
#include "protocol/command.h"
#include "protocol/stmt.h"

#include <stdlib.h>

enum {
    ID_OFFSET = 1,

    COUNT_GIVEN = 0x08, /* in flags: the number of parameters, attributes counted, is in the packet */
    PARAMS_MAX = 0xFFFF,
    ON_STACK = 32
};

typedef struct param {
    unsigned char type[2];
    bool null, is_long;
    b_slice name, value;
} param;

/* An EXECUTE payload up to its values. */
typedef struct execute {
    mp_reader values; /* what follows the types */
    b_slice head;     /* flags and iterations */
    const unsigned char *nulls;
    const unsigned char *types; /* NULL where none are bound; names between them under `named` */
    uint32_t count;             /* parameters and attributes */
    bool named, counted, bound;
} execute;

static void read_type(mp_reader *r, bool named, param *p)
{
    b_slice type = mp_read_bytes(r, 2);
    if (type.n == 2) memcpy(p->type, type.p, 2);
    p->name = named ? mp_read_lenenc_str(r) : B_LIT("");
}

static b_status read_head(const mp_stmt *s, b_slice payload, uint64_t caps, execute *e)
{
    mp_reader r = mp_reader_of(payload);
    *e = (execute){.named = (caps & MP_CLIENT_QUERY_ATTRIBUTES) != 0, .count = s->nparams};
    if (mp_read_int(&r, 1) != MP_COM_STMT_EXECUTE) return B_MALFORMED;
    (void)mp_read_int(&r, 4);
    e->head = mp_read_bytes(&r, 5);
    if (r.bad || e->head.p == NULL) return B_MALFORMED;
    e->counted = e->named && (e->head.p[0] & COUNT_GIVEN) != 0;
    if (e->counted) {
        uint64_t count = mp_read_lenenc(&r, NULL);
        if (r.bad || count < s->nparams || count > UINT64_C(2) * PARAMS_MAX) return B_MALFORMED;
        e->count = (uint32_t)count;
    }
    if (e->count > 0) {
        e->nulls = (const unsigned char *)mp_read_bytes(&r, (e->count + 7) / 8).p;
        e->bound = mp_read_int(&r, 1) == 1;
    }
    if (r.bad) return B_MALFORMED;
    if (e->bound) e->types = r.p;
    for (uint32_t i = 0; e->bound && i < e->count; i++) {
        param skipped;
        read_type(&r, e->named, &skipped);
    }
    e->values = r;
    return r.bad ? B_MALFORMED : B_OK;
}

/* Keeps the types of the first nparams: attributes are bound anew each time. */
static b_status remember(mp_stmt *s, const execute *e)
{
    if (!e->bound || s->nparams == 0) return B_OK;
    if (s->types == NULL) s->types = malloc(2 * (size_t)s->nparams);
    if (s->types == NULL) return B_NOMEM;
    mp_reader r = {e->types, e->values.p, false};
    for (uint32_t i = 0; i < s->nparams; i++) {
        param p = {.type = {0, 0}};
        read_type(&r, e->named, &p);
        memcpy(s->types + 2 * (size_t)i, p.type, 2);
    }
    return r.bad ? B_MALFORMED : B_OK;
}

b_status mp_stmt_note_types(mp_stmt *s, b_slice payload, uint64_t caps)
{
    execute e;
    b_status st = read_head(s, payload, caps, &e);
    return st == B_OK ? remember(s, &e) : st;
}

/* Everything before the types, for `count` parameters whose NULL bits are still to be written; returns where
 * the bits begin. */
static size_t put_head(const mp_stmt *s, const execute *e, uint32_t count, b_buf *out)
{
    mp_put_int(out, MP_COM_STMT_EXECUTE, 1);
    mp_put_int(out, s->server_id, 4);
    b_buf_slice(out, e->head);
    if (e->counted) mp_put_lenenc(out, count);
    size_t bits = out->n;
    if (count == 0) return bits;
    for (uint32_t i = 0; i < (count + 7) / 8; i++) b_buf_char(out, '\0');
    mp_put_int(out, 1, 1); /* types follow */
    return bits;
}

/* The same parameters for another statement id. Values are not looked at. */
static void put_same(const mp_stmt *s, b_slice payload, b_buf *out)
{
    mp_put_int(out, MP_COM_STMT_EXECUTE, 1);
    mp_put_int(out, s->server_id, 4);
    b_buf_add(out, payload.p + ID_OFFSET + 4, payload.n - ID_OFFSET - 4);
}

static void put_with_types(const mp_stmt *s, const execute *e, b_buf *out)
{
    size_t bits = put_head(s, e, e->count, out);
    if (!out->failed) memcpy(out->p + bits, e->nulls, (e->count + 7) / 8);
    for (uint32_t i = 0; i < e->count; i++) {
        b_buf_add(out, s->types + 2 * (size_t)i, 2);
        if (e->named) mp_put_lenenc(out, 0);
    }
    b_buf_add(out, e->values.p, mp_left(&e->values));
}

/* Fills params with all that was given. Attributes need types of their own in the packet. */
static b_status read_params(const mp_stmt *s, const execute *e, param *params)
{
    mp_reader types = {e->types, e->values.p, false}, values = e->values;
    for (const mp_long_data *d = s->long_data; d != NULL; d = d->next)
        if (d->param < s->nparams) params[d->param].is_long = true;
    for (uint32_t i = 0; i < e->count; i++) {
        param *p = &params[i];
        if (e->bound)
            read_type(&types, e->named, p);
        else
            memcpy(p->type, s->types + 2 * (size_t)i, 2), p->name = B_LIT("");
        p->null = !p->is_long && (e->nulls[i / 8] >> (i % 8) & 1) != 0;
        p->value = p->null || p->is_long ? B_LIT("") : mp__read_value(&values, p->type[0]);
    }
    return types.bad || values.bad || mp_left(&values) != 0 ? B_MALFORMED : B_OK;
}

/* Output i is the input that the map names; after them come the attributes. */
static const param *output(const mp_stmt *s, const param *params, uint32_t i)
{
    return i < s->map.nout ? &params[s->map.source[i]] : &params[s->nparams + (i - s->map.nout)];
}

static void put_mapped(const mp_stmt *s, const execute *e, const param *params, b_buf *out)
{
    uint32_t count = s->map.nout + (e->count - s->nparams);
    size_t bits = put_head(s, e, count, out);
    for (uint32_t i = 0; i < count && !out->failed; i++) {
        const param *p = output(s, params, i);
        if (p->null) out->p[bits + i / 8] = (char)(out->p[bits + i / 8] | 1 << i % 8);
        b_buf_add(out, p->type, 2);
        if (e->named) mp_put_lenenc_str(out, p->name);
    }
    for (uint32_t i = 0; i < count && !out->failed; i++) b_buf_slice(out, output(s, params, i)->value);
}

/* Types neither given nor known; attributes have none to be remembered. */
static bool untyped(const mp_stmt *s, const execute *e)
{
    return !e->bound && e->count > 0 && (s->types == NULL || e->count > s->nparams);
}

static b_status execute_mapped(const mp_stmt *s, const execute *e, b_buf *out)
{
    param few[ON_STACK] = {{.null = false}}, *params = few;
    if (s->map.nin != s->nparams) return B_INVALID;
    if (e->count > ON_STACK) params = calloc(e->count, sizeof *params);
    if (params == NULL) return B_NOMEM;
    b_status st = read_params(s, e, params);
    if (st == B_OK) put_mapped(s, e, params, out);
    if (params != few) free(params);
    return st;
}

b_status mp_stmt_execute(mp_stmt *s, b_slice payload, uint64_t caps, bool force_types, b_buf *out)
{
    execute e;
    b_status st = read_head(s, payload, caps, &e);
    if (st == B_OK) st = remember(s, &e);
    if (st != B_OK) return st;
    if (untyped(s, &e)) return B_MALFORMED;
    if (s->map.source != NULL)
        st = execute_mapped(s, &e, out);
    else if (e.bound || e.count == 0 || !force_types)
        put_same(s, payload, out);
    else
        put_with_types(s, &e, out);
    if (st == B_OK && out->failed) return B_NOMEM;
    return st;
}

b_status mp_stmt_given(const mp_stmt *s, b_slice payload, uint64_t caps, mp_given *given, bool *cursor)
{
    enum { UNSIGNED = 0x80 };
    param few[ON_STACK] = {{.null = false}}, *params = few;
    execute e;
    b_status st = read_head(s, payload, caps, &e);
    if (st != B_OK) return st;
    if (untyped(s, &e)) return B_MALFORMED;
    if (e.count > ON_STACK) params = calloc(e.count, sizeof *params);
    if (params == NULL) return B_NOMEM;
    st = read_params(s, &e, params);
    *cursor = (e.head.p[0] & ~COUNT_GIVEN) != 0;
    for (uint32_t i = 0; i < s->nparams && st == B_OK; i++) {
        const param *p = &params[i];
        given[i] = (mp_given){.type = p->type[0],
                              .is_unsigned = (p->type[1] & UNSIGNED) != 0,
                              .null = p->null,
                              .value = mp__value_bytes(p->value, p->type[0])};
    }
    if (params != few) free(params);
    return st;
}

b_status mp_send_long_parse(b_slice payload, uint32_t *client_id, uint32_t *param_index, b_slice *data)
{
    mp_reader r = mp_reader_of(payload);
    if (mp_read_int(&r, 1) != MP_COM_STMT_SEND_LONG_DATA) return B_MALFORMED;
    *client_id = (uint32_t)mp_read_int(&r, 4);
    *param_index = (uint32_t)mp_read_int(&r, 2);
    *data = mp_read_rest(&r);
    return r.bad ? B_MALFORMED : B_OK;
}

static void put_long(const mp_stmt *s, const mp_long_data *d, uint32_t to, b_buf *out)
{
    size_t begin = mp_packet_begin(out);
    mp_put_int(out, MP_COM_STMT_SEND_LONG_DATA, 1);
    mp_put_int(out, s->server_id, 4);
    mp_put_int(out, to, 2);
    b_buf_add(out, d->data, d->n);
    (void)mp_packet_end(out, begin, 0);
}

/* Which outputs take an input: first[input], then next[output], each one higher than the index; 0 ends. So
 * the work stays proportional to what is sent, whatever the number of pieces. */
static uint32_t *takers(const mp_stmt *s)
{
    uint32_t *first = calloc((size_t)s->map.nin + s->map.nout + 1, sizeof *first);
    if (first == NULL) return NULL;
    for (uint32_t i = s->map.nout; i-- > 0;) {
        uint32_t in = s->map.source[i];
        first[s->map.nin + i] = first[in];
        first[in] = i + 1;
    }
    return first;
}

b_status mp_stmt_put_long(const mp_stmt *s, b_buf *out)
{
    if (s->long_data == NULL) return B_OK;
    uint32_t *first = s->map.source == NULL ? NULL : takers(s);
    if (s->map.source != NULL && first == NULL) return B_NOMEM;
    for (const mp_long_data *d = s->long_data; d != NULL && !out->failed; d = d->next) {
        if (first == NULL)
            put_long(s, d, d->param, out);
        else if (d->param < s->map.nin)
            for (uint32_t i = first[d->param]; i != 0; i = first[s->map.nin + i - 1])
                put_long(s, d, i - 1, out);
    }
    free(first);
    return out->failed ? B_NOMEM : B_OK;
}
