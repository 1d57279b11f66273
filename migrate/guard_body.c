/* Bodies of the triggers that keep a pair equal when somebody writes past the proxy. Pure.
 *
 * A row that is right is never touched: so the proxy's own writes, which give both columns, and the backfill
 * go through as they are. Of a row that is not right, that column counts which the statement has set: in an
 * UPDATE the one that changed, in an INSERT the one that has not its default. Where that does not tell, both
 * were given, and stay; a trigger that comes LAST, after triggers of others, takes the column that they
 * write. */
#include "mig.h"

#include <string.h>

/* The text with the names of columns, which stand in backticks, made those of a row: NEW.`a`. */
static void of_row(const char *row, b_slice text, b_buf *out)
{
    for (size_t i = 0; i < text.n; i++) {
        char quote = text.p[i];
        if (quote != '\'' && quote != '`') {
            b_buf_char(out, quote);
            continue;
        }
        size_t end = i + 1;
        while (end < text.n && text.p[end] != quote) end++;
        if (quote == '`') b_buf_printf(out, "%s.", row);
        b_buf_add(out, text.p + i, (end < text.n ? end + 1 : end) - i);
        i = end;
    }
}

static void take(const char *row, b_buf *text, b_buf *out)
{
    if (text->failed) out->failed = true;
    of_row(row, b_buf_view(text), out);
    b_buf_deinit(text);
}

static const char *side_of(const mig__pair *p, bool to)
{
    return to ? p->to : p->from;
}

/* The next pair of the group that has this side; npairs: none. */
static size_t next(const mig__m *m, size_t group, bool to, size_t i)
{
    while (i < m->npairs && (m->pairs[i].group != group || side_of(&m->pairs[i], to)[0] == '\0')) i++;
    return i;
}

/* SET NEW.b = up, NEW.c = …; (to), or the old columns. */
static void set(const mig__m *m, size_t group, bool to, b_buf *out)
{
    const char *before = "SET NEW.";
    for (size_t i = next(m, group, to, 0); i < m->npairs; i = next(m, group, to, i + 1)) {
        const mig__pair *p = &m->pairs[i];
        b_buf value = {0};
        b_buf_str(out, before), b_buf_ident(out, b_slice_str(side_of(p, to))), b_buf_str(out, " = ");
        to ? mig__up(p, &value) : mig__down(p, &value);
        take("NEW", &value, out);
        before = ", NEW.";
    }
    b_buf_str(out, "; ");
}

/* One of the columns is another one than before, in its bytes. */
static void changed(const mig__m *m, size_t group, bool to, b_buf *out)
{
    const char *between = "(";
    for (size_t i = next(m, group, to, 0); i < m->npairs; i = next(m, group, to, i + 1)) {
        const mig__pair *p = &m->pairs[i];
        const rw_column *c = to ? &p->target : &p->plain;
        bool bytes = c->collation.n > 0 || b_slice_istarts(c->type, B_LIT("json"));
        const char *open = bytes ? "CAST(" : "", *close = bytes ? " AS BINARY)" : "";
        b_buf name = {0};
        b_buf_ident(&name, b_slice_str(side_of(p, to)));
        b_buf_printf(out, "%sNOT (%sNEW.%s%s <=> %sOLD.%s%s)", between, open, b_buf_cstr(&name), close, open,
                     b_buf_cstr(&name), close);
        b_buf_deinit(&name);
        between = " OR ";
    }
    b_buf_char(out, ')');
}

/* The value that the server puts in where none is given; nothing where it takes none. */
static bool own_default(const rw_column *c, const mig__column *w, b_buf *out)
{
    if (c->default_kind != RW_DEFAULT_LITERAL && c->default_kind != RW_DEFAULT_NOW) return false;
    b_buf_str(out, w->default_text);
    return true;
}

/* Byte for byte: a collation calls equal what differs. Of a CHAR trailing blanks are no part of it. */
void mig__is_literal(const char *value, const mig__column *w, const char *literal, b_buf *out)
{
    bool blanks = b_slice_istarts(b_slice_str(w->type), B_LIT("char"));
    const char *open = blanks ? "TRIM(TRAILING ' ' FROM " : "", *close = blanks ? ")" : "";
    int n = (int)strcspn(w->collation, "_");
    if (n == 0)
        b_buf_printf(out, "%s <=> %s", value, literal);
    else
        b_buf_printf(out,
                     "CAST(CONVERT(%s%s%s USING %.*s) AS BINARY) <=> CAST(CONVERT(%s%s%s USING %.*s) AS "
                     "BINARY)",
                     open, value, close, n, w->collation, open, literal, close, n, w->collation);
}

static void is_default(const b_buf *name, const mig__column *w, b_buf *value, b_buf *out)
{
    b_buf is = {0};
    b_buf_printf(&is, "NEW.%.*s", (int)name->n, name->p);
    b_buf_str(out, " OR "), mig__is_literal(b_buf_cstr(&is), w, b_buf_cstr(value), out);
    b_buf_deinit(&is);
}

/* None of the old columns was given, as far as their values tell. */
static void old_omitted(const mig__m *m, size_t group, bool mariadb, b_buf *out)
{
    const char *between = "(";
    for (size_t i = next(m, group, false, 0); i < m->npairs; i = next(m, group, false, i + 1)) {
        const mig__pair *p = &m->pairs[i];
        b_buf value = {0}, name = {0};
        b_buf_ident(&name, b_slice_str(p->from));
        b_buf_printf(out, "%s(NEW.%s IS NULL", between, b_buf_cstr(&name));
        if (!own_default(&p->plain, &p->a, &value) && p->plain.default_kind == RW_DEFAULT_NONE)
            mig__unread_literal(&value, mariadb, p);
        if (value.n > 0) is_default(&name, &p->a, &value, out);
        b_buf_char(out, ')');
        b_buf_deinit(&value), b_buf_deinit(&name);
        between = " AND ";
    }
    b_buf_char(out, ')');
}

/* None of the new ones was. Where its default is `up` of the old column, an omitted one is right. */
static void new_omitted(const mig__m *m, size_t group, bool retired, b_buf *out)
{
    const char *between = "(";
    for (size_t i = next(m, group, true, 0); i < m->npairs; i = next(m, group, true, i + 1)) {
        const mig__pair *p = &m->pairs[i];
        b_buf value = {0}, name = {0};
        b_buf_ident(&name, b_slice_str(p->to));
        b_buf_printf(out, "%s(NEW.%s IS NULL", between, b_buf_cstr(&name));
        if ((retired || !mig__can_default_up(p)) && own_default(&p->target, &p->b, &value))
            is_default(&name, &p->b, &value, out);
        b_buf_char(out, ')');
        b_buf_deinit(&value), b_buf_deinit(&name);
        between = " AND ";
    }
    b_buf_char(out, ')');
}

/* Condition and assignment, of which the first that is true counts. */
static void rule(const char *word, b_buf *condition, const mig__m *m, size_t group, bool to, b_buf *out)
{
    if (condition->failed) out->failed = true;
    b_buf_printf(out, "%s %s THEN ", word, b_buf_cstr(condition));
    b_buf_deinit(condition);
    set(m, group, to, out);
}

static void on_update(const mig__m *m, mig__trigger kind, size_t group, b_buf *out)
{
    b_buf one = {0}, other = {0};
    changed(m, group, false, &one);
    bool last = kind == MIG__TRIGGER_LAST || kind == MIG__TRIGGER_LAST_NEW;
    b_buf_str(&one, last ? " OR " : " AND NOT "), changed(m, group, true, &one);
    rule("IF", &one, m, group, kind != MIG__TRIGGER_LAST_NEW, out);
    if (kind == MIG__TRIGGER_FIRST) {
        changed(m, group, true, &other), b_buf_str(&other, " AND NOT "), changed(m, group, false, &other);
        rule("ELSEIF", &other, m, group, false, out);
    }
    b_buf_str(out, "END IF; ");
}

static void on_insert(const mig__m *m, mig__trigger kind, size_t group, bool mariadb, b_buf *out)
{
    b_buf one = {0}, other = {0};
    bool retired = kind == MIG__TRIGGER_RETIRED;
    if (kind == MIG__TRIGGER_LAST || kind == MIG__TRIGGER_LAST_NEW) {
        set(m, group, kind == MIG__TRIGGER_LAST, out);
        return;
    }
    new_omitted(m, group, retired, &one);
    if (retired) b_buf_str(&one, " AND NOT "), old_omitted(m, group, mariadb, &one);
    rule("IF", &one, m, group, true, out);
    if (!retired) {
        old_omitted(m, group, mariadb, &other);
        rule("ELSEIF", &other, m, group, false, out);
    }
    b_buf_str(out, "END IF; ");
}

void mig__guard_body(const mig__m *m, mig__trigger kind, bool update, bool mariadb, b_buf *out)
{
    b_buf_str(out, "BEGIN ");
    for (size_t i = 0; i < m->npairs; i++) {
        b_buf right = {0};
        if (m->pairs[i].group != i) continue;
        mig__right(m, i, &right);
        b_buf_str(out, "IF NOT "), take("NEW", &right, out), b_buf_str(out, " THEN ");
        update ? on_update(m, kind, i, out) : on_insert(m, kind, i, mariadb, out);
        b_buf_str(out, "END IF; ");
    }
    b_buf_str(out, "END");
}
