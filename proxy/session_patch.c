/* Packets that name a column under its physical name, where the client must see the one it used. */
#include "message.h"
#include "session.h"

#include "protocol/result.h"

#include <string.h>

static const rw_shown *find_shown(const px_session *s, const mp_column *c)
{
    const rw_result *res = s->run.res;
    for (size_t i = 0; i < res->nshown; i++)
        if (res->shown[i].read && b_slice_ieq(res->shown[i].table.name, c->org_table) &&
            (c->schema.n == 0 || b_slice_ieq(res->shown[i].table.schema, c->schema)) &&
            b_slice_ieq(res->shown[i].physical, c->org_name))
            return &res->shown[i];
    return NULL;
}

/* Is it read from the table itself? MySQL gives the table also to the columns of a derived one, whose names
 * may be of other columns: (SELECT note AS B FROM t) AS d. *nulls: an outer join may make it NULL. */
static bool direct(const px_session *s, const mp_column *c, bool *nulls)
{
    const rw_result *res = s->run.res;
    bool found = false;
    *nulls = false;
    for (size_t i = 0; i < res->norigins; i++) {
        const rw_origin *o = &res->origins[i];
        if (!b_slice_ieq(o->called, c->table) || !b_slice_ieq(o->schema, c->schema)) continue;
        found = true;
        *nulls = *nulls || o->nulls;
    }
    return found;
}

/* The pair whose new column this is while it has not A's flags yet: in switched. A table that stands as a
 * derived one has it under either name. NULL for any other column. */
static const rw_pair *find_pair(const px_session *s, const mp_column *c, bool *nulls)
{
    if (!direct(s, c, nulls)) return NULL;
    for (size_t i = 0; i < rw_ruleset_size(s->rules); i++) {
        const rw_migration *m = rw_ruleset_at(s->rules, i);
        if (m->phase != RW_SWITCHED || !b_slice_ieq(m->table, c->org_table) ||
            !b_slice_ieq(m->schema, c->schema))
            continue;
        for (size_t k = 0; k < m->npairs; k++)
            if (b_slice_ieq(m->pairs[k].to, c->org_name) || b_slice_ieq(m->pairs[k].from, c->org_name))
                return &m->pairs[k];
    }
    return NULL;
}

/* As on the plain table: a nullable twin has lost NOT NULL, a twin with a default NO_DEFAULT. nulls: it is on
 * the inner side of an outer join, of which the servers do not say NOT NULL. */
static uint16_t plain_flags(const rw_pair *p, b_slice column, bool nulls, uint16_t flags)
{
    bool to = p->target.name.n > 0 && b_slice_ieq(p->to, column);
    const rw_column *c = to ? &p->target : &p->plain;
    unsigned f = flags & ~(unsigned)(MP_COLUMN_NOT_NULL | MP_COLUMN_NO_DEFAULT);
    if (!c->nullable && !nulls) f |= MP_COLUMN_NOT_NULL;
    if (c->default_kind == RW_DEFAULT_NONE) f |= MP_COLUMN_NO_DEFAULT;
    return (uint16_t)f;
}

static void put_column(px_session *s, mp_column *c, const rw_shown *shown, const uint16_t *flags, uint8_t seq)
{
    b_buf fixed = {0};
    if (flags != NULL) {
        mp_column_info info = mp_column_info_get(c);
        info.flags = *flags;
        mp_column_info_put(&fixed, &info);
        if (c->fixed.n > fixed.n) b_buf_add(&fixed, c->fixed.p + fixed.n, c->fixed.n - fixed.n);
        if (!fixed.failed) c->fixed = b_buf_view(&fixed);
    }
    /* A column under its physical name is one that the client has named so, or a `*` of its version; where it
     * used the other name, the statement gives that as an alias. */
    if (shown != NULL && !b_slice_ieq(c->name, c->org_name)) c->org_name = shown->shown;
    b_buf *b = px_conn_buf(&s->client);
    size_t at = mp_packet_begin(b);
    mp_column_put(b, c);
    mp_packet_end(b, at, seq);
    b_buf_deinit(&fixed);
}

void px_patch_column(px_session *s, b_slice payload, uint8_t seq)
{
    mp_column c;
    const rw_shown *shown = NULL;
    const rw_pair *pair = NULL;
    uint16_t flags = 0;
    bool nulls;
    if (mp_column_parse(payload, s->backend_caps, &c) == B_OK && s->run.res != NULL) {
        shown = find_shown(s, &c);
        pair = find_pair(s, &c, &nulls);
        if (pair != NULL) flags = plain_flags(pair, c.org_name, nulls, mp_column_info_get(&c).flags);
    }
    if (shown == NULL && pair == NULL)
        px_conn_send(&s->client, payload.p - MP_HEADER, payload.n + MP_HEADER);
    else
        put_column(s, &c, shown, pair == NULL ? NULL : &flags, seq);
}

uint8_t px_patch_missing(px_session *s, uint8_t seq)
{
    px_stmt *x = s->run.stmt->extra;
    b_buf *b = px_conn_buf(&s->client);
    uint8_t n = 0;
    size_t at = mp_packet_begin(b);
    mp_put_lenenc(b, s->resp.columns);
    mp_put_int(b, 1, 1);
    mp_packet_end(b, at, seq);
    for (size_t i = 0; i < x->columns.n;) {
        mp_header h = mp_header_get(x->columns.p + i);
        char *p = x->columns.p + i + MP_HEADER;
        mp_header_put(x->columns.p + i, h.len, (uint8_t)(seq + ++n));
        px_patch_column(s, b_slice_of(p, h.len), (uint8_t)(seq + n));
        i += MP_HEADER + (size_t)h.len;
    }
    (void)px_conn_buf(&s->client); /* what is sent by reference is about to go */
    b_buf_deinit(&x->columns);
    return n;
}

void px_patch_error(px_session *s, b_slice payload, uint8_t seq)
{
    mp_error e;
    b_buf text = {0};
    if (mp_err_parse(payload, s->backend_caps, &e) != B_OK) {
        px_conn_send(&s->client, payload.p - MP_HEADER, payload.n + MP_HEADER);
        return;
    }
    px_message_put(&text, s->run.res->shown, s->run.res->nshown, e.code, e.message);
    b_buf *b = px_conn_buf(&s->client);
    size_t at = mp_packet_begin(b);
    mp_err_put(b, e.code, e.sqlstate, text.failed ? e.message : b_buf_view(&text));
    mp_packet_end(b, at, seq);
    b_buf_deinit(&text);
}

static unsigned number_of(b_slice digits)
{
    unsigned n = 0;
    for (size_t i = 0; i < digits.n && i < 6; i++) n = n * 10 + (unsigned)(digits.p[i] - '0');
    return n;
}

void px_patch_warning(px_session *s, b_slice payload, uint8_t seq)
{
    mp_reader r = mp_reader_of(payload);
    b_slice level = mp_read_lenenc_str(&r), code = mp_read_lenenc_str(&r), message = mp_read_lenenc_str(&r);
    b_buf text = {0};
    if (!r.bad) px_message_put(&text, s->shown.shown, s->shown.nshown, number_of(code), message);
    if (r.bad || mp_left(&r) > 0 || text.failed) {
        px_conn_send(&s->client, payload.p - MP_HEADER, payload.n + MP_HEADER);
    } else {
        b_buf *b = px_conn_buf(&s->client);
        size_t at = mp_packet_begin(b);
        mp_put_lenenc_str(b, level);
        mp_put_lenenc_str(b, code);
        mp_put_lenenc_str(b, b_buf_view(&text));
        mp_packet_end(b, at, seq);
    }
    b_buf_deinit(&text);
}

bool px_patch_creates(const px_session *s)
{
    bool rows = s->run.command == MP_COM_QUERY || s->run.command == MP_COM_STMT_EXECUTE;
    return rows && s->run.res != NULL && s->run.res->show_create.schema.n > 0;
}

static b_status plain_text(px_session *s, b_slice text, b_buf *out)
{
    rw_ctx ctx;
    b_arena *a = b_arena_new(0);
    px_vars_ctx(s, &ctx, NULL, NULL, false);
    if (ctx.charset == RW_CHARSET_UNKNOWN) ctx.charset = RW_CHARSET_SAFE;
    b_status st =
        a == NULL ? B_NOMEM : rw_show_create(s->rules, &ctx, &s->run.res->show_create, text, a, out);
    b_arena_free(a);
    return st;
}

/* The table's name and its text: two strings, in a prepared statement's answer behind 0x00 and a null bitmap.
 */
void px_patch_create(px_session *s, b_slice payload, uint8_t seq)
{
    mp_reader r = mp_reader_of(payload);
    b_slice head = mp_read_bytes(&r, s->run.command == MP_COM_STMT_EXECUTE ? 2 : 0);
    b_slice name = mp_read_lenenc_str(&r), create = mp_read_lenenc_str(&r);
    b_buf text = {0};
    if (r.bad || mp_left(&r) > 0 || plain_text(s, create, &text) != B_OK) {
        px_session_fail(
            s, seq, 1105, "HY000",
            "straddle: the answer to SHOW CREATE TABLE of migrating table %.*s was not understood, and "
            "cannot be shown as its plain table's: use SHOW COLUMNS and SHOW INDEX; connect again",
            B_ARG(s->run.res->show_create.name));
    } else {
        b_buf *b = px_conn_buf(&s->client);
        size_t at = mp_packet_begin(b);
        b_buf_slice(b, head);
        mp_put_lenenc_str(b, name);
        mp_put_lenenc_str(b, b_buf_view(&text));
        mp_packet_end(b, at, seq);
    }
    b_buf_deinit(&text);
}

void px_patch_forget(px_session *s)
{
    b_arena_free(s->shown_arena);
    s->shown_arena = NULL;
    s->shown = (rw_result){.nshown = 0};
}

void px_patch_keep(px_session *s, const rw_result *res)
{
    px_patch_forget(s);
    s->shown_arena = b_arena_new(0);
    rw_shown *copy = s->shown_arena == NULL ? NULL : b_arena_array(s->shown_arena, res->nshown, sizeof *copy);
    if (copy == NULL) return;
    for (size_t i = 0; i < res->nshown; i++) {
        copy[i].physical = b_arena_dup(s->shown_arena, res->shown[i].physical);
        copy[i].shown = b_arena_dup(s->shown_arena, res->shown[i].shown);
        copy[i].table.schema = b_arena_dup(s->shown_arena, res->shown[i].table.schema);
        copy[i].table.name = b_arena_dup(s->shown_arena, res->shown[i].table.name);
        copy[i].aliases = b_arena_dup(s->shown_arena, res->shown[i].aliases);
    }
    s->shown.shown = copy;
    s->shown.nshown = res->nshown;
}
