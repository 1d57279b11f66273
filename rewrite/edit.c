/* Building edit scripts, and applying them. */
#include "edit.h"
#include "names.h"

enum { OUTPUT_MAX = 1 << 30 };

/* ---- building ---- */

static rw_edit *add_edit(rw_edits *e, uint32_t at, uint32_t ndel, bool before)
{
    if (e->failed) return NULL;
    rw_edit *n = B_NEW(e->arena, rw_edit);
    if (n == NULL) {
        e->failed = true;
        return NULL;
    }
    n->at = at;
    n->ndel = ndel;
    n->before = before;
    if (e->last == NULL)
        e->first = n;
    else
        e->last->next = n;
    e->last = n;
    e->n++;
    return n;
}

rw_edit *rw_edit_replace(rw_edits *e, uint32_t tok, uint32_t end)
{
    if (end <= tok) e->failed = true; /* an empty range is a bug of the caller's: nothing may be sent */
    return add_edit(e, tok, end - tok, false);
}

rw_edit *rw_edit_before(rw_edits *e, uint32_t tok)
{
    return add_edit(e, tok, 0, true);
}

rw_edit *rw_edit_after(rw_edits *e, uint32_t tok)
{
    return add_edit(e, tok + 1, 0, false);
}

static void add_piece(rw_edits *e, rw_edit *at, const rw_piece *piece)
{
    if (e->failed || at == NULL) return;
    rw_piece *p = B_NEW(e->arena, rw_piece);
    if (p == NULL) {
        e->failed = true;
        return;
    }
    *p = *piece;
    rw_piece **end = at->last == NULL ? &at->pieces : &at->last->next;
    *end = p;
    at->last = p;
}

void rw_edit_text(rw_edits *e, rw_edit *at, b_slice text)
{
    if (e->failed || text.n == 0) return;
    b_slice copy = b_arena_dup(e->arena, text);
    if (copy.p == NULL) e->failed = true;
    add_piece(e, at, &(rw_piece){.kind = RW_P_TEXT, .text = copy});
}

void rw_edit_copy(rw_edits *e, rw_edit *at, uint32_t tok, uint32_t end)
{
    add_piece(e, at, &(rw_piece){.kind = RW_P_COPY, .tok = tok, .end = end});
}

void rw_edit_name(rw_edits *e, rw_edit *at, uint32_t tok, uint32_t end)
{
    add_piece(e, at, &(rw_piece){.kind = RW_P_NAME, .tok = tok, .end = end});
}

/* ---- order ---- */

/* At one place: what goes after the token on the left, what goes before the one on the right, then what
 * replaces that. */
static int rank(const rw_edit *e)
{
    if (e->ndel > 0) return 2;
    return e->before ? 1 : 0;
}

static bool goes_before(const rw_edit *a, const rw_edit *b)
{
    return a->at != b->at ? a->at < b->at : rank(a) < rank(b);
}

static void merge(const rw_edit **v, const rw_edit **tmp, size_t half, size_t n)
{
    size_t i = 0, j = half, k = 0;
    while (i < half || j < n) {
        bool right = i == half || (j < n && goes_before(v[j], v[i]));
        tmp[k++] = right ? v[j++] : v[i++];
    }
    memcpy(v, tmp, n * sizeof *v);
}

/* Bottom up, stable. */
static void sort(const rw_edit **v, const rw_edit **tmp, size_t n)
{
    for (size_t run = 1; run < n; run *= 2) {
        for (size_t i = 0; i + run < n; i += 2 * run)
            merge(v + i, tmp, run, n - i < 2 * run ? n - i : 2 * run);
    }
}

static const rw_edit **in_order(const rw_edits *e, b_arena *arena)
{
    const rw_edit **v = b_arena_alloc(arena, (e->n + 1) * sizeof(rw_edit *));
    if (v == NULL) return NULL;
    size_t n = 0;
    bool sorted = true;
    for (const rw_edit *i = e->first; i != NULL; i = i->next) {
        if (n > 0 && goes_before(i, v[n - 1])) sorted = false;
        v[n++] = i;
    }
    if (sorted) return v;
    const rw_edit **tmp = b_arena_alloc(arena, e->n * sizeof(rw_edit *));
    if (tmp == NULL) return NULL;
    sort(v, tmp, n);
    return v;
}

/* Inside the text, not overlapping, not across the edge of a version comment. */
static bool valid(const rw_tokens *t, const rw_edit **v, size_t n)
{
    uint64_t free_from = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t end = (uint64_t)v[i]->at + v[i]->ndel;
        if (v[i]->at < free_from || end > t->n || (v[i]->at == 0 && rank(v[i]) == 0)) return false;
        if (rw__crosses_version(t, v[i]->at, (uint32_t)end)) return false;
        free_from = end;
    }
    return true;
}

/* ---- writing ---- */

typedef struct writer {
    const rw_ctx *ctx;
    rw_server server;
    const rw_tokens *t;
    char *p; /* NULL: only measuring */
    size_t n;
    char last;              /* last byte written; 0 before the first */
    const uint32_t *params; /* token indices of the input's placeholders */
    uint32_t nparams;
    uint32_t *source; /* as in rw_param_map; NULL: only counting */
    uint32_t nout;
    rw_spans *spans; /* may be NULL */
} writer;

static void put(writer *w, const char *p, size_t n)
{
    if (n == 0) return;
    if (w->p != NULL) memcpy(w->p + w->n, p, n);
    w->n += n;
    w->last = p[n - 1];
}

/* Notes that what is written next is the source from `off` on. */
static void note_span(writer *w, size_t off, size_t len, bool other_text)
{
    rw_spans *s = w->spans;
    if (s == NULL || w->p == NULL) return;
    if (s->n == s->room) {
        uint32_t room = s->room == 0 ? 16 : s->room * 2;
        rw_span *grown = b_arena_regrow(s->arena, s->v, s->n, room, sizeof *grown);
        if (grown == NULL) {
            s->failed = true;
            return;
        }
        s->v = grown;
        s->room = room;
    }
    s->v[s->n++] = (rw_span){w->n, (uint32_t)off, (uint32_t)len, other_text};
}

/* The first placeholder at token tok or later. */
static uint32_t param_from(const writer *w, uint32_t tok)
{
    uint32_t lo = 0, hi = w->nparams;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (w->params[mid] < tok)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void put_params(writer *w, uint32_t tok, uint32_t end)
{
    for (uint32_t i = param_from(w, tok); i < w->nparams && w->params[i] < end; i++) {
        if (w->source != NULL) w->source[w->nout] = i;
        w->nout++;
    }
}

static bool name_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '$' || (unsigned char)c >= 0x80;
}

static bool one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* Could these two bytes, side by side, become part of one token or of a comment? Dots are left alone: an edit
 * that ends in one qualifies the name that follows. */
static bool glues(char a, char b)
{
    static const char op[] = "-/*<>=!|&:";
    if (name_byte(a)) return name_byte(b) || one_of(b, "'\"@");
    if (one_of(a, "'\"`")) return a == b;
    if (one_of(a, "@?")) return name_byte(b) || one_of(b, "@'\"`");
    return one_of(a, op) && one_of(b, op);
}

/* Where text of an edit meets text of the source. */
static void joint(writer *w, char next)
{
    if (glues(w->last, next)) put(w, " ", 1);
}

static bool put_name(writer *w, const rw_piece *piece)
{
    b_slice name;
    if (!rw__auto_name(w->ctx, w->server, w->t, piece->tok, piece->end, &name)) return false;
    const rw_token *first = &w->t->tok[piece->tok], *last = &w->t->tok[piece->end - 1];
    note_span(w, first->off, last->off + last->len - first->off, true);
    put(w, "`", 1);
    for (size_t i = 0; i < name.n;) {
        uint32_t len = rw__char_len(w->ctx->charset, name.p + i, name.n - i);
        if (len == 1 && name.p[i] == '`') put(w, "`", 1);
        put(w, name.p + i, len);
        i += len;
    }
    put(w, "`", 1);
    return true;
}

static bool put_copy(writer *w, const rw_piece *piece)
{
    const rw_tokens *t = w->t;
    if (piece->tok >= piece->end || piece->end > t->n) return false;
    if (rw__crosses_version(t, piece->tok, piece->end)) return false;
    const rw_token *last = &t->tok[piece->end - 1];
    size_t off = t->tok[piece->tok].off, len = last->off + last->len - off;
    note_span(w, off, len, false);
    put(w, t->sql.p + off, len);
    put_params(w, piece->tok, piece->end);
    return true;
}

static bool put_piece(writer *w, const rw_piece *piece)
{
    switch (piece->kind) {
    case RW_P_TEXT: put(w, piece->text.p, piece->text.n); return true;
    case RW_P_COPY: return put_copy(w, piece);
    case RW_P_NAME: return put_name(w, piece);
    }
    return false;
}

/* The byte that a piece begins with, for joint(). */
static char first_byte(const writer *w, const rw_piece *piece)
{
    if (piece->kind == RW_P_TEXT) return piece->text.p[0];
    if (piece->kind == RW_P_NAME || piece->tok >= w->t->n) return '`';
    return w->t->sql.p[w->t->tok[piece->tok].off];
}

/* Where in the source an edit's text goes. An insertion at the very end goes before trailing comments. */
static size_t place(const rw_tokens *t, const rw_edit *e)
{
    bool before = e->ndel > 0 || (e->before && e->at < t->n) || e->at == 0;
    return before ? t->tok[e->at].off : t->tok[e->at - 1].off + (size_t)t->tok[e->at - 1].len;
}

static void put_source(writer *w, size_t from, size_t to)
{
    if (from >= to) return;
    joint(w, w->t->sql.p[from]);
    note_span(w, from, to - from, false);
    put(w, w->t->sql.p + from, to - from);
}

static bool put_edit(writer *w, const rw_edit *e)
{
    for (const rw_piece *p = e->pieces; p != NULL; p = p->next) {
        if (p == e->pieces) joint(w, first_byte(w, p));
        if (!put_piece(w, p) || w->n > OUTPUT_MAX) return false;
    }
    return true;
}

static bool write_all(writer *w, const rw_edit **v, size_t n)
{
    const rw_tokens *t = w->t;
    size_t pos = 0;
    uint32_t tok = 0;
    for (size_t i = 0; i < n; i++) {
        if (v[i]->ndel == 0 && v[i]->pieces == NULL) continue;
        size_t to = place(t, v[i]);
        put_source(w, pos, to);
        put_params(w, tok, v[i]->at);
        if (!put_edit(w, v[i])) return false;
        uint32_t end = v[i]->at + v[i]->ndel;
        pos = v[i]->ndel > 0 ? t->tok[end - 1].off + (size_t)t->tok[end - 1].len : to;
        tok = end;
    }
    put_source(w, pos, t->sql.n);
    put_params(w, tok, t->n);
    return w->n <= OUTPUT_MAX;
}

/* ---- applying ---- */

static bool find_params(writer *w, b_arena *arena)
{
    const rw_tokens *t = w->t;
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n; i++) n += t->tok[i].kind == RW_TOK_PARAM;
    if (n == 0) return true;
    uint32_t *params = b_arena_alloc(arena, n * sizeof *params);
    if (params == NULL) return false;
    w->params = params;
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->tok[i].kind == RW_TOK_PARAM) params[w->nparams++] = i;
    }
    return true;
}

static void fill_map(const writer *w, rw_param_map *map)
{
    *map = (rw_param_map){.source = w->source, .nout = w->nout, .nin = w->nparams};
    map->identity = map->nout == map->nin;
    for (uint32_t i = 0; map->identity && i < map->nout; i++) map->identity = map->source[i] == i;
}

b_status rw_edits_apply(const rw_ctx *ctx, rw_server server, const rw_tokens *t, const rw_edits *e,
                        b_arena *arena, b_slice *out, rw_param_map *map)
{
    return rw__edits_apply_spans(ctx, server, t, e, arena, out, map, NULL);
}

b_status rw__edits_apply_spans(const rw_ctx *ctx, rw_server server, const rw_tokens *t, const rw_edits *e,
                               b_arena *arena, b_slice *out, rw_param_map *map, rw_spans *spans)
{
    if (e->failed) return B_NOMEM;
    writer w = {.ctx = ctx, .server = server, .t = t, .spans = spans};
    const rw_edit **v = in_order(e, arena);
    if (v == NULL || !find_params(&w, arena)) return B_NOMEM;
    if (!valid(t, v, e->n)) return B_INVALID;
    writer measured = w;
    if (!write_all(&measured, v, e->n)) return measured.n > OUTPUT_MAX ? B_TOO_BIG : B_INVALID;
    w.p = b_arena_alloc(arena, measured.n + 1);
    if (measured.nout > 0) w.source = b_arena_alloc(arena, measured.nout * sizeof *w.source);
    if (w.p == NULL || (measured.nout > 0 && w.source == NULL)) return B_NOMEM;
    if (!write_all(&w, v, e->n)) return B_INVALID;
    w.p[w.n] = '\0';
    *out = (b_slice){w.p, w.n};
    fill_map(&w, map);
    return B_OK;
}
