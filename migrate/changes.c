/* What a migration's definition says of its columns, against a table: expressions read and written down,
 * types taken apart. Pure; whether the server takes them too, probe.c finds out. */
#include "mig.h"

#include "rewrite/expr.h"

#include <string.h>
#include <strings.h>

typedef struct changes {
    rw_server server;
    const cfg_migration *m;
    const rw_table *t;
    b_arena *arena;
    b_slice *old_names, *new_names; /* what `up`, what `down` may read */
    size_t nold, nnew;
    b_err *err;
} changes;

static bool is(const char *name, b_slice column)
{
    return name != NULL && b_slice_ieq(b_slice_str(name), column);
}

/* ---- names ---- */

static bool migrates(const cfg_migration *m, b_slice column)
{
    for (size_t i = 0; i < m->ncolumns; i++)
        if (is(m->columns[i].from, column) || is(m->columns[i].to, column)) return true;
    return false;
}

static b_status gather(changes *c)
{
    size_t room = c->m->ncolumns + c->t->ncolumns + 1;
    c->old_names = b_arena_array(c->arena, room, sizeof *c->old_names);
    c->new_names = b_arena_array(c->arena, room, sizeof *c->new_names);
    if (c->old_names == NULL || c->new_names == NULL) return b_fail(c->err, B_NOMEM, "out of memory");
    for (size_t i = 0; i < c->m->ncolumns; i++) {
        const cfg_pair *p = &c->m->columns[i];
        if (p->from != NULL) c->old_names[c->nold++] = b_slice_str(p->from);
        if (p->to != NULL) c->new_names[c->nnew++] = b_slice_str(p->to);
    }
    for (size_t i = 0; i < c->t->ncolumns; i++) {
        const rw_column *column = &c->t->columns[i];
        if (migrates(c->m, column->name) || column->auto_increment) continue;
        c->old_names[c->nold++] = c->new_names[c->nnew++] = column->name;
    }
    return B_OK;
}

/* ---- expressions ---- */

static b_status expression(changes *c, const cfg_pair *p, const char *which, const char *text, b_slice *out)
{
    bool up = which[0] == 'u';
    *out = (b_slice){"", 0};
    if (text == NULL) return B_OK;
    b_err why = {0};
    b_status s = rw_expr_check(c->server, b_slice_str(text), up ? c->old_names : c->new_names,
                               up ? c->nold : c->nnew, c->arena, out, &why);
    return s == B_OK
               ? B_OK
               : b_fail(c->err, s, "migration %s: `%s` of column %s, %s", c->m->name, which,
                        up ? (p->to != NULL ? p->to : p->common) : (p->from != NULL ? p->from : p->common),
                        why.msg);
}

/* ---- types ---- */

static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\'') {
            at = strchr(at + 1, '\'');
            if (at == NULL) return false;
            continue;
        }
        bool start = at == text || at[-1] == ' ' || at[-1] == ')';
        if (start && strncasecmp(at, word, n) == 0 && (at[n] == '\0' || at[n] == ' ')) return true;
    }
    return false;
}

/* A column of this type, read as CREATE TABLE would. */
static b_status read_type(changes *c, const cfg_pair *p, rw_column *out)
{
    static const char *const never[] = {
        "default", "comment", "auto_increment", "generated", "on", "primary",
        "unique",  "key",     "references",     "check",     "as", "invisible"};
    b_err why = {0};
    rw_catalog_builder *b = rw_catalog_builder_new(c->server);
    const char *ddl = b_arena_printf(c->arena, "CREATE TABLE t (c %s)", p->type);
    b_status s = b == NULL || ddl == NULL ? b_fail(&why, B_NOMEM, "out of memory")
                                          : rw_catalog_read_ddl(b, b_slice_str(ddl), B_LIT("s"), &why);
    rw_catalog *catalog = s == B_OK ? rw_catalog_build(b) : NULL;
    const rw_table *t = catalog == NULL ? NULL : rw_catalog_find(catalog, B_LIT("s"), B_LIT("t"));
    bool one = t != NULL && t->ncolumns == 1;
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) one = one && !has_word(p->type, never[i]);
    if (s != B_OK) rw_catalog_builder_free(b);
    if (one) {
        out->type = b_arena_dup(c->arena, t->columns[0].type);
        out->collation = b_arena_dup(c->arena, t->columns[0].collation);
        if (has_word(p->type, "null")) out->nullable = t->columns[0].nullable;
    }
    rw_catalog_unref(catalog);
    if (one && out->type.p != NULL) return B_OK;
    return b_fail(
        c->err, B_INVALID,
        "migration %s: `type` of column %s, \"%s\", is no column type (with CHARACTER SET, COLLATE and "
        "NULL or NOT NULL at most); write it as in CREATE TABLE",
        c->m->name, p->to, p->type);
}

/* A default that is a literal goes through `up` like any value: the expression with it in A's place. */
static b_slice default_of(changes *c, const rw_pair *p)
{
    b_buf out = {0};
    b_slice s = p->up, from = p->plain.name, text;
    b_buf_char(&out, '(');
    for (size_t i = 0; i < s.n; i++) {
        size_t end = i + 1;
        if (s.p[i] != '`') {
            b_buf_char(&out, s.p[i]);
            continue;
        }
        while (end < s.n && s.p[end] != '`') end++;
        if (!b_slice_ieq(b_slice_of(s.p + i + 1, end - i - 1), from)) {
            b_buf_deinit(&out);
            return (b_slice){NULL, 0}; /* of several columns */
        }
        b_buf_slice(&out, p->plain.default_text);
        i = end;
    }
    b_buf_char(&out, ')');
    text = out.failed ? (b_slice){NULL, 0} : b_arena_dup(c->arena, b_buf_view(&out));
    b_buf_deinit(&out);
    return text;
}

static b_status fill_target(changes *c, const cfg_pair *cp, rw_pair *p)
{
    rw_column *t = &p->target;
    *t = p->plain;
    t->name = p->to;
    t->on_update_now = t->on_update_now && cp->type == NULL && p->up.n == 0 && p->down.n == 0;
    b_status s = cp->type == NULL ? B_OK : read_type(c, cp, t);
    if (s != B_OK) return s;
    if (p->up.n > 0 && t->default_kind == RW_DEFAULT_LITERAL) {
        t->default_text = default_of(c, p);
        if (t->default_text.p == NULL) t->default_kind = RW_DEFAULT_EXPR;
    } else if (p->up.n > 0 && t->default_kind == RW_DEFAULT_NOW) {
        t->default_kind = RW_DEFAULT_EXPR;
    }
    if (t->default_kind == RW_DEFAULT_NULL && !t->nullable) t->default_kind = RW_DEFAULT_NONE;
    return B_OK;
}

static b_status fill(changes *c, size_t i, rw_pair *p)
{
    const cfg_pair *cp = &c->m->columns[i];
    const char *old = cp->from != NULL ? cp->from : cp->common;
    const rw_column *a = rw_table_column(c->t, b_slice_str(old));
    *p = (rw_pair){.one_way = cp->one_way};
    if (a != NULL) p->plain = *a;
    if (cp->from != NULL) p->from = a != NULL ? a->name : b_slice_str(cp->from);
    if (cp->to != NULL) p->to = b_slice_str(cp->to);
    b_status s = expression(c, cp, "up", cp->up, &p->up);
    if (s == B_OK) s = expression(c, cp, "down", cp->down, &p->down);
    return s == B_OK && cp->to != NULL ? fill_target(c, cp, p) : s;
}

bool mig__changes(const cfg_migration *m)
{
    for (size_t i = 0; i < m->ncolumns; i++)
        if (m->columns[i].type != NULL || m->columns[i].up != NULL || m->columns[i].down != NULL) return true;
    return false;
}

static bool reads(const mig__pair *p, const mig__pair *q)
{
    return (q->from[0] != '\0' && rw_expr_reads(b_slice_str(p->up), b_slice_str(q->from))) ||
           (q->to[0] != '\0' && rw_expr_reads(b_slice_str(p->down), b_slice_str(q->to)));
}

void mig__groups(mig__pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) pairs[i].group = i;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            size_t a = pairs[i].group, b = pairs[k].group;
            if (i == k || a == b || !reads(&pairs[i], &pairs[k])) continue;
            for (size_t x = 0; x < n; x++)
                if (pairs[x].group == (a > b ? a : b)) pairs[x].group = a > b ? b : a;
        }
}

b_status mig_pairs(rw_server server, const cfg_migration *m, const rw_table *t, b_arena *arena,
                   rw_pair *pairs, b_err *err)
{
    changes c = {.server = server, .m = m, .t = t, .arena = arena, .err = err};
    b_status s = gather(&c);
    for (size_t i = 0; s == B_OK && i < m->ncolumns; i++) s = fill(&c, i, &pairs[i]);
    return s;
}
