/* See script.h. */
#include "script.h"

typedef struct maker {
    const rw_skeleton *values;
    rw_script_piece *pieces;
    uint32_t n, room;
    uint32_t from; /* the output's bytes from here on are not yet in a piece */
    b_arena *arena;
} maker;

static b_status add_piece(maker *m, uint32_t to, uint32_t value)
{
    if (m->n == m->room) {
        uint32_t room = m->room == 0 ? 16 : m->room * 2;
        rw_script_piece *grown = b_arena_regrow(m->arena, m->pieces, m->n, room, sizeof *grown);
        if (grown == NULL) return B_NOMEM;
        m->pieces = grown;
        m->room = room;
    }
    m->pieces[m->n++] = (rw_script_piece){m->from, to - m->from, value};
    return B_OK;
}

/* The values that lie in one span. */
static b_status add_span(maker *m, const rw_span *s)
{
    for (uint32_t i = 0; i < m->values->nvalues; i++) {
        const rw_value *v = &m->values->values[i];
        uint32_t end = s->off + s->len, value_end = v->off + v->len;
        if (value_end <= s->off || v->off >= end) continue;
        if (s->other_text || v->off < s->off || value_end > end) return B_INVALID;
        uint32_t at = (uint32_t)s->out + (v->off - s->off);
        b_status status = add_piece(m, at, i);
        if (status != B_OK) return status;
        m->from = at + v->len;
    }
    return B_OK;
}

b_status rw__script_make(const rw_ctx *ctx, rw_server server, const rw_tokens *t, const rw_edits *edits,
                         const rw_skeleton *values, b_arena *arena, rw_script *out)
{
    rw_spans spans = {.arena = arena};
    maker m = {.values = values, .arena = arena};
    rw_param_map map;
    *out = (rw_script){.npieces = 0};
    b_status s = rw__edits_apply_spans(ctx, server, t, edits, arena, &out->text, &map, &spans);
    if (s != B_OK) return s;
    if (spans.failed) return B_NOMEM;
    if (out->text.n > UINT32_MAX) return B_INVALID;
    for (uint32_t i = 0; i < spans.n && s == B_OK; i++) s = add_span(&m, &spans.v[i]);
    if (s == B_OK) s = add_piece(&m, (uint32_t)out->text.n, 0);
    out->pieces = m.pieces;
    out->npieces = m.n;
    out->source = map.source;
    out->nout = map.nout;
    out->nin = map.nin;
    out->identity = map.identity;
    return s;
}

static b_status copy_map(const rw_script *s, b_arena *arena, rw_param_map *map)
{
    *map = (rw_param_map){.nout = s->nout, .nin = s->nin, .identity = s->identity};
    if (s->nout == 0) return B_OK;
    uint32_t *source = b_arena_alloc(arena, s->nout * sizeof *source);
    if (source == NULL) return B_NOMEM;
    memcpy(source, s->source, s->nout * sizeof *source);
    map->source = source;
    return B_OK;
}

b_status rw__script_apply(const rw_script *s, b_slice sql, const rw_skeleton *values, b_arena *arena,
                          b_slice *out, rw_param_map *map)
{
    if (copy_map(s, arena, map) != B_OK) return B_NOMEM;
    if (s->npieces == 0) {
        *out = sql;
        return B_OK;
    }
    size_t n = 0, at = 0;
    for (uint32_t i = 0; i < s->npieces; i++)
        n += s->pieces[i].n + (i + 1 < s->npieces ? values->values[s->pieces[i].value].len : 0);
    char *p = b_arena_alloc(arena, n + 1);
    if (p == NULL) return B_NOMEM;
    for (uint32_t i = 0; i < s->npieces; i++) {
        const rw_script_piece *piece = &s->pieces[i];
        memcpy(p + at, s->text.p + piece->from, piece->n);
        at += piece->n;
        if (i + 1 == s->npieces) break;
        const rw_value *v = &values->values[piece->value];
        memcpy(p + at, sql.p + v->off, v->len);
        at += v->len;
    }
    p[n] = '\0';
    *out = (b_slice){p, n};
    return B_OK;
}
