/* Which rows are right: B is what `up` makes of A, or A what `down` makes of B, byte for byte and null-safe.
 * For a rename that is A <=> B. */
#include "mig.h"

#include <string.h>

/* A collation, or JSON's own comparison, calls equal what differs in bytes: what is compared to a text is
 * made one in its character set. */
static void compare(const char *name, const mig__column *c, const rw_column *is, const char *expression,
                    const char *other, bool convert, b_buf *out)
{
    bool text = is->collation.n > 0, json = b_slice_istarts(is->type, B_LIT("json"));
    size_t n = strcspn(c->collation, "_");
    b_buf open = {0}, close = {0};
    b_buf_str(&open, text || json ? "CAST(" : "");
    b_buf_str(&close, text || json ? " AS BINARY)" : "");
    if (text && convert) {
        b_buf_str(&open, "CONVERT(");
        b_buf_clear(&close);
        b_buf_printf(&close, " USING %.*s) AS BINARY)", (int)n, c->collation);
    }
    b_buf_slice(out, b_buf_view(&open));
    b_buf_ident(out, b_slice_str(name));
    b_buf_printf(out, "%s <=> %s", b_buf_cstr(&close), b_buf_cstr(&open));
    if (expression[0] != '\0')
        b_buf_printf(out, "(%s)", expression);
    else
        b_buf_ident(out, b_slice_str(other));
    b_buf_slice(out, b_buf_view(&close));
    if (open.failed || close.failed) out->failed = true;
    b_buf_deinit(&open), b_buf_deinit(&close);
}

static bool changes(const mig__m *m, size_t group)
{
    bool yes = false;
    for (size_t i = group; i < m->npairs; i++) {
        const mig__pair *p = &m->pairs[i];
        if (p->group != group) continue;
        rw_pair r = {.from = b_slice_str(p->from), .to = b_slice_str(p->to), .up = b_slice_str(p->up)};
        r.down = b_slice_str(p->down), r.plain = p->plain, r.target = p->target, r.one_way = p->one_way;
        yes = yes || rw_pair_changes(&r);
    }
    return yes;
}

/* All of the group's B (or A) are as the other side makes them. */
static void side(const mig__m *m, size_t group, bool to, bool convert, b_buf *out)
{
    bool some = false;
    for (size_t i = group; i < m->npairs; i++) {
        const mig__pair *p = &m->pairs[i];
        const char *name = to ? p->to : p->from;
        if (p->group != group || name[0] == '\0') continue;
        if (some) b_buf_str(out, " AND ");
        compare(name, to ? &p->b : &p->a, to ? &p->target : &p->plain, to ? p->up : p->down,
                to ? p->from : p->to, convert, out);
        some = true;
    }
}

static bool reversible(const mig__m *m, size_t group)
{
    bool yes = true, plain = true;
    for (size_t i = group; i < m->npairs; i++) {
        const mig__pair *p = &m->pairs[i];
        if (p->group != group) continue;
        yes = yes && !p->one_way;
        plain = plain && p->up[0] == '\0' && p->down[0] == '\0';
    }
    return yes && !plain;
}

void mig__right(const mig__m *m, size_t group, b_buf *out)
{
    bool changed = changes(m, group);
    b_buf_char(out, '(');
    side(m, group, true, changed, out);
    if (changed && reversible(m, group)) {
        b_buf_str(out, " OR (");
        side(m, group, false, true, out);
        for (size_t i = group; i < m->npairs; i++) { /* a row that was not filled yet */
            const mig__pair *p = &m->pairs[i];
            if (p->group != group || p->to[0] == '\0' || p->target.nullable) continue;
            b_buf_str(out, " AND ");
            b_buf_ident(out, b_slice_str(p->to));
            b_buf_str(out, " IS NOT NULL");
        }
        b_buf_char(out, ')');
    }
    b_buf_char(out, ')');
}

void mig__differs(const mig__m *m, b_buf *out)
{
    bool some = false;
    b_buf_char(out, '(');
    for (size_t i = 0; i < m->npairs; i++) {
        if (m->pairs[i].group != i) continue;
        b_buf_str(out, some ? " OR NOT " : "NOT ");
        mig__right(m, i, out);
        some = true;
    }
    b_buf_char(out, ')');
}

b_status mig__zone_set(mig_db *db, const mig__m *m, b_err *err)
{
    return mig__query(db, NULL, err, "SET SESSION time_zone = %s",
                      m->time_zone[0] == '\0' ? "'+00:00'" : mig__q(m->arena, m->time_zone));
}

b_status mig__zone_reset(mig_db *db, b_err *err)
{
    return mig_db_query(db, "SET SESSION time_zone = 'SYSTEM'", NULL, err);
}
