/* Optimizer hints of MySQL: the comment hard after the word that begins a query or a write. To the lexer they
 * are comments; here they are read for two things only.
 *
 * SET_VAR of sql_mode or time_zone changes under what the statement runs: refused. Hints that name an index
 * of a migrating table name the plain table's: where the twin is meant, the whole hint is put in front of the
 * client's, which the server then leaves unread, as the second one. A hint with quotes or letters that are
 * not understood here stays the client's: it may be slow, not wrong. */
#include "index_name.h"
#include "mention.h"
#include "words.h"

/* The hint that follows the token: what is between its marks. Empty: none does. */
static b_slice hint_after(const rw_tokens *t, uint32_t tok)
{
    const rw_token *a = &t->tok[tok];
    uint32_t from = a->off + a->len, to = t->tok[tok + 1].off;
    bool takes = a->kind == RW_TOK_IDENT &&
                 (a->word == RW_W_SELECT || a->word == RW_W_INSERT || a->word == RW_W_REPLACE ||
                  a->word == RW_W_UPDATE || a->word == RW_W_DELETE);

    while (takes && from < to &&
           (t->sql.p[from] == ' ' || (t->sql.p[from] >= '\t' && t->sql.p[from] <= '\r'))) {
        from++;
    }
    if (!takes || from + 5 > to || memcmp(t->sql.p + from, "/*+", 3) != 0) {
        return (b_slice){NULL, 0};
    }
    b_slice rest = b_slice_of(t->sql.p + from + 3, to - from - 3);
    size_t end = b_slice_find(rest, B_LIT("*/"));

    return end == (size_t)-1 ? (b_slice){NULL, 0} : b_slice_of(rest.p, end);
}

static bool holds(b_slice text, b_slice word)
{
    for (size_t i = 0; i + word.n <= text.n; i++) {
        if (b_slice_istarts(b_slice_of(text.p + i, text.n - i), word)) {
            return true;
        }
    }
    return false;
}

void rw__check_hints(rw_planner *p, const rw_stmt *s)
{
    for (uint32_t i = s->tok; i < s->end && !rw__stop(p); i++) {
        b_slice hint = hint_after(p->t, i);
        rw_mtab *mt;

        if (hint.n == 0 || !holds(hint, B_LIT("set_var")) ||
            !(holds(hint, B_LIT("sql_mode")) || holds(hint, B_LIT("time_zone")))) {
            continue;
        }
        mt = rw__mention(p, s->tok, s->end, true);
        if (mt != NULL) {
            rw__refuse(p, mt, "sql_mode", "SET_VAR of sql_mode or time_zone in an optimizer hint",
                       "SET the variable before the statement");
        }
        return; /* no other hint changes the answer */
    }
}

/* ---- names of indexes ------------------------------------------------------------------------------- */

typedef struct reader {
    b_slice text;
    size_t at;
} reader;

typedef struct word {
    size_t from, to; /* in the text, quotes included; nothing at the end */
    b_slice name;    /* without them; empty for an operator */
} word;

static bool name_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '$' || (unsigned char)c >= 0x80;
}

static word next_word(reader *r)
{
    while (r->at < r->text.n && (unsigned char)r->text.p[r->at] <= ' ') {
        r->at++;
    }
    word w = {.from = r->at, .to = r->at};
    if (r->at == r->text.n) {
        return w;
    }
    if (r->text.p[r->at] == '`') {
        const char *end = memchr(r->text.p + r->at + 1, '`', r->text.n - r->at - 1);

        r->at = end == NULL ? r->text.n : (size_t)(end - r->text.p) + 1;
        w.name = b_slice_of(r->text.p + w.from + 1, r->at - w.from - (end == NULL ? 1 : 2));
    } else if (name_char(r->text.p[r->at])) {
        while (r->at < r->text.n && name_char(r->text.p[r->at])) {
            r->at++;
        }
        w.name = b_slice_of(r->text.p + w.from, r->at - w.from);
    } else {
        r->at++;
    }
    w.to = r->at;
    return w;
}

static bool is_op(const reader *r, const word *w, char c)
{
    return w->name.n == 0 && w->to > w->from && r->text.p[w->from] == c;
}

/* A table of a hint: the migrating table that is called so everywhere in the statement. */
static const rw_mtab *called(const rw_planner *p, b_slice name)
{
    const rw_mtab *mt = NULL;

    for (const rw_called *c = p->called; c != NULL; c = c->next) {
        if (!rw__table_name_eq(p, c->name, name)) {
            continue;
        }
        if (mt != NULL && mt != c->mt) {
            return NULL;
        }
        mt = c->mt;
    }
    return mt;
}

/* Can the names in it be read, and be written again? */
static bool readable(const rw_planner *p, b_slice hint)
{
    bool plain =
        b_slice_find(hint, B_LIT("\"")) == (size_t)-1 && b_slice_find(hint, B_LIT("``")) == (size_t)-1;

    for (size_t i = 0; i < hint.n && plain && p->ctx->charset != RW_CHARSET_SAFE; i++) {
        plain = (unsigned char)hint.p[i] < 0x80;
    }
    return plain;
}

/* The hint with the names of twins in the place of those of indexes. False: nothing changes. */
static bool renamed(rw_planner *p, b_slice hint, b_buf *out)
{
    reader r = {.text = hint};
    const rw_mtab *mt = NULL;
    bool inside = false, first = false, any = false;
    size_t copied = 0;

    for (word w = next_word(&r); w.to > w.from; w = next_word(&r)) {
        if (is_op(&r, &w, '(')) {
            inside = first = true;
        } else if (is_op(&r, &w, ')')) {
            inside = false;
            mt = NULL;
        } else if (is_op(&r, &w, '@')) {
            (void)next_word(&r); /* a query block */
        } else if (inside && w.name.n > 0 && first) {
            first = false;
            mt = called(p, w.name);
        } else if (inside && w.name.n > 0 && mt != NULL) {
            b_slice meant = rw__index_meant(mt, w.name, false);

            if (meant.n > 0 && !b_slice_ieq(meant, w.name)) {
                b_buf_add(out, hint.p + copied, w.from - copied);
                b_buf_ident(out, meant);
                copied = w.to;
                any = true;
            }
        }
    }
    b_buf_add(out, hint.p + copied, hint.n - copied);
    return any;
}

void rw__emit_hints(rw_planner *p, const rw_stmt *s)
{
    for (uint32_t i = s->tok; i < s->end && p->called != NULL && !rw__stop(p); i++) {
        b_slice hint = hint_after(p->t, i);
        b_buf text = {0};

        if (hint.n > 0 && readable(p, hint) && renamed(p, hint, &text)) {
            rw_edit *edit = rw_edit_after(p->edits, i);

            rw_edit_text(p->edits, edit, B_LIT(" /*+"));
            rw_edit_text(p->edits, edit, b_buf_view(&text));
            rw_edit_text(p->edits, edit, B_LIT("*/"));
            p->uncacheable = true;
        }
        p->nomem = p->nomem || text.failed;
        b_buf_deinit(&text);
    }
}
