/* COM_FIELD_LIST: a table's columns as definitions without rows, which the mysql client asks for of every
 * table when it starts. Of a migrating table, the answer is changed on its way: of each pair one definition
 * is passed on, under the client's name; for version both a copy goes to the end. Source: MySQL Internals,
 * "COM_FIELD_LIST". */
#include "session.h"

#include "protocol/result.h"

static void refuse(px_session *s, const px_cmd *c, b_slice message, unsigned error)
{
    rw_result why = {.error = error,
                     .sqlstate = error == 1235 ? "42000" : "HY000",
                     .code = error == 1235 ? "field_list" : "memory",
                     .message = message};
    px_query_refuse(s, c, px_vars_now(s), B_LIT("COM_FIELD_LIST"), &why);
}

/* The table's name up to a zero byte, then a pattern. */
static void split(b_slice text, b_slice *table, b_slice *pattern)
{
    const char *end = text.n == 0 ? NULL : memchr(text.p, '\0', text.n);
    size_t n = end == NULL ? text.n : (size_t)(end - text.p);
    *table = b_slice_of(text.p, n);
    *pattern = end == NULL ? B_LIT("") : b_slice_of(end + 1, text.n - n - 1);
}

px_done px_fields(px_session *s, const px_cmd *c)
{
    b_slice table, pattern;
    rw_ctx ctx;
    rw_fields f;
    px_done done;
    px_session_take_rules(s);
    if (!px_query_touches(s, c->text)) {
        px_cmd_forward(s, c);
        return PX_DONE;
    }
    if (px_hold(s, c->text)) return PX_WAIT;
    if (!px_query_ready(s, c, &done)) return done;
    split(c->text, &table, &pattern);
    b_arena *arena = px_query_arena(s);
    px_vars_ctx(s, &ctx, NULL, arena, false);
    if (arena == NULL || rw_field_list(s->rules, &ctx, table, pattern, arena, &f) != B_OK) {
        refuse(s, c, B_LIT("straddle: out of memory; try again"), 1041);
        return PX_DONE;
    }
    if (f.refused.n > 0) {
        refuse(s, c, f.refused, 1235);
        return PX_DONE;
    }
    s->run.fields = f;
    px_cmd_forward(s, c);
    return PX_DONE;
}

static const rw_field *find(const px_session *s, b_slice name, bool *drop)
{
    for (size_t i = 0; i < s->run.fields.n; i++) {
        const rw_field *f = &s->run.fields.fields[i];
        *drop = b_slice_ieq(f->drop, name);
        if (*drop || b_slice_ieq(f->read, name)) return f;
    }
    return NULL;
}

static void put(b_buf *b, mp_column *c, b_slice name, uint8_t seq)
{
    size_t at = mp_packet_begin(b);
    c->name = c->org_name = name;
    mp_column_put(b, c);
    mp_packet_end(b, at, seq);
}

bool px_fields_column(px_session *s, b_slice payload, uint8_t seq)
{
    mp_column c;
    bool drop = false;
    const rw_field *f =
        mp_column_parse(payload, s->backend_caps, &c) == B_OK ? find(s, c.org_name, &drop) : NULL;
    if (f == NULL) return false;
    if (drop) {
        s->run.seq_shift--;
        s->last_seq--;
        return true;
    }
    if (f->last.n > 0) put(&s->run.fields_last, &c, f->last, 0);
    put(px_conn_buf(&s->client), &c, f->shown, seq);
    return true;
}

uint8_t px_fields_last(px_session *s, uint8_t seq)
{
    b_buf *last = &s->run.fields_last;
    uint8_t n = 0;
    for (size_t i = 0; i < last->n; n++) {
        mp_header h = mp_header_get(last->p + i);
        mp_header_put(last->p + i, h.len, (uint8_t)(seq + n));
        i += MP_HEADER + (size_t)h.len;
    }
    b_buf_slice(px_conn_buf(&s->client), b_buf_view(last));
    if (last->failed) px_conn_buf(&s->client)->failed = true; /* out of memory: the connection breaks */
    b_buf_deinit(last);
    return n;
}
