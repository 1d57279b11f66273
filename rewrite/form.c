/* See form.h. The text is what rw_expr_check() has written: names of columns, and nothing else, stand in
 * backticks; strings in single quotes, without backslashes. */
#include "form.h"

#include "type.h"

bool rw_pair_changes(const rw_pair *p)
{
    if (p->from.n == 0 || p->to.n == 0 || p->up.n > 0 || p->down.n > 0 || p->one_way) return true;
    return p->target.name.n > 0 &&
           (!b_slice_ieq(p->target.type, p->plain.type) ||
            !b_slice_ieq(p->target.collation, p->plain.collation) || p->target.nullable != p->plain.nullable);
}

rw_column rw__pair_target(const rw_pair *p)
{
    rw_column c = p->target;
    if (c.name.n == 0) c = p->plain;
    c.name = p->to;
    return c;
}

bool rw__form_reads(const rw_form *f, b_slice column)
{
    for (uint32_t i = 0; i < f->n; i++)
        if (f->parts[i].column && b_slice_ieq(f->parts[i].text, column)) return true;
    return false;
}

/* ---- making ---- */

typedef struct maker {
    b_arena *arena;
    rw_fpart *parts;
    uint32_t n, room;
    bool failed;
} maker;

static void add(maker *m, b_slice text, bool column)
{
    if (text.n == 0 || m->failed) return;
    if (m->n == m->room) {
        uint32_t room = m->room == 0 ? 8 : m->room * 2;
        rw_fpart *grown = b_arena_regrow(m->arena, m->parts, m->n, room, sizeof *grown);
        if (grown == NULL) {
            m->failed = true;
            return;
        }
        m->parts = grown, m->room = room;
    }
    m->parts[m->n++] = (rw_fpart){text, column};
}

/* From the quote at `at` past the one that ends it. */
static size_t past_quote(b_slice s, size_t at)
{
    char quote = s.p[at++];
    while (at < s.n && (s.p[at] != quote || (at + 1 < s.n && s.p[at + 1] == quote)))
        at += s.p[at] == quote ? 2 : 1;
    return at < s.n ? at + 1 : s.n;
}

static void add_expression(maker *m, b_slice s)
{
    size_t from = 0, at = 0;
    while (at < s.n) {
        if (s.p[at] == '\'') {
            at = past_quote(s, at);
        } else if (s.p[at] == '`') {
            size_t end = past_quote(s, at);
            add(m, b_slice_of(s.p + from, at - from), false);
            add(m, b_slice_of(s.p + at + 1, end - at - 2), true);
            from = at = end;
        } else {
            at++;
        }
    }
    add(m, b_slice_of(s.p + from, s.n - from), false);
}

static rw_form finish(maker *m)
{
    rw_form f = {.parts = m->parts, .n = m->n};
    size_t n = 0;
    for (uint32_t i = 0; i < m->n; i++) n += m->parts[i].text.n + 2;
    char *text = b_arena_alloc(m->arena, n + 1);
    if (text == NULL) {
        m->failed = true;
        return f;
    }
    n = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        const rw_fpart *p = &m->parts[i];
        if (p->column) text[n++] = '`';
        memcpy(text + n, p->text.p, p->text.n);
        n += p->text.n;
        if (p->column) text[n++] = '`';
    }
    f.text = b_slice_of(text, n);
    return f;
}

static rw_form make(b_arena *arena, b_slice open, b_slice expr, b_slice column, b_slice close, bool *ok)
{
    maker m = {.arena = arena};
    add(&m, b_arena_dup(arena, open), false);
    if (expr.n > 0) {
        add(&m, B_LIT("("), false);
        add_expression(&m, expr);
        add(&m, B_LIT(")"), false);
    } else {
        add(&m, column, true);
    }
    add(&m, b_arena_dup(arena, close), false);
    rw_form f = finish(&m);
    *ok = *ok && !m.failed;
    return f;
}

/* An expression over one column, or that column itself, with the type of another. */
static rw_form make_cast(rw_flavour flavour, b_arena *arena, b_slice expr, b_slice column,
                         const rw_column *to, bool *ok)
{
    b_buf before = {0}, after = {0};
    rw__type_cast(flavour, to, &before, &after);
    rw_form f = make(arena, b_buf_view(&before), expr, column, b_buf_view(&after), ok);
    *ok = *ok && !before.failed && !after.failed;
    b_buf_deinit(&before), b_buf_deinit(&after);
    return f;
}

static rw_form make_read(rw_flavour flavour, b_arena *arena, b_slice expr, const rw_column *from,
                         const rw_column *to, bool *ok)
{
    if (expr.n == 0 && rw__type_alike(from, to)) return make(arena, expr, expr, from->name, expr, ok);
    return make_cast(flavour, arena, expr, from->name, to, ok);
}

static bool is_list(const rw_column *c)
{
    return rw__type_is(c->type, "enum") || rw__type_is(c->type, "set");
}

static bool has_word(b_slice text, const char *word)
{
    b_slice w = b_slice_str(word);
    for (size_t i = 0; i + w.n <= text.n; i++)
        if (b_slice_ieq(b_slice_of(text.p + i, w.n), w)) return true;
    return false;
}

bool rw_pair_zoned(const rw_pair *p)
{
    static const char *const words[] = {"from_unixtime", "unix_timestamp"};
    rw_column b = rw__pair_target(p);
    bool a = rw__type_zoned(&p->plain), same = b_slice_ieq(p->plain.type, b.type);
    for (size_t i = 0; i < 2; i++)
        if (has_word(p->up, words[i]) || has_word(p->down, words[i])) return true;
    return (a || rw__type_zoned(&b)) && !(same && p->up.n == 0 && p->down.n == 0);
}

void rw__forms_make(rw_flavour flavour, rw_pair *p, b_slice zone, b_arena *arena, bool *ok)
{
    rw_column a = p->plain, b = rw__pair_target(p);
    rw_forms *f = B_NEW(arena, rw_forms);
    p->forms = f;
    if (f == NULL) {
        *ok = false;
        return;
    }
    a.name = p->from;
    if (p->to.n > 0) {
        f->up_same = p->up.n == 0;
        f->up_fits = f->up_same && rw__type_fits(&a, &b);
        f->up = make(arena, B_LIT(""), p->up, p->from, B_LIT(""), ok);
        f->read_to = make_read(flavour, arena, p->up, &a, &b, ok);
        f->bare_to = make_cast(flavour, arena, B_LIT(""), b.name, &b, ok);
        f->to_list = is_list(&b) && !(f->up_same && b_slice_ieq(a.type, b.type));
    }
    if (p->from.n > 0 && !p->one_way) {
        f->down_same = p->down.n == 0;
        f->down_fits = f->down_same && rw__type_fits(&b, &a);
        f->down = make(arena, B_LIT(""), p->down, p->to, B_LIT(""), ok);
        f->read_from = make_read(flavour, arena, p->down, &b, &a, ok);
        f->bare_from = make_cast(flavour, arena, p->down, b.name, &a, ok);
        f->from_list = is_list(&a) && !(f->down_same && b_slice_ieq(a.type, b.type));
    }
    if (rw_pair_zoned(p)) f->zone = zone.n > 0 ? zone : B_LIT("SYSTEM");
}
