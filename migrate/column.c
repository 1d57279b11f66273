/* The columns A and B through the phases: what each has to be, and the ALTERs that make it so. Every step
 * looks at the real column first, so that it may be repeated after a crash. MariaDB changes visibility only
 * by MODIFY with the whole definition; MySQL takes one ALTER COLUMN a property. */
#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct shape { /* what a column has to be */
    const char *column;
    bool not_null, invisible;
    mig__def def;
} shape;

static bool starts(const char *type, const char *word)
{
    return b_slice_istarts(b_slice_str(type), b_slice_str(word));
}

bool mig__can_default_up(const mig__pair *p)
{
    if (p->no_default_up || p->plain.on_update_now) return false;
    switch (p->plain.default_kind) {
    case RW_DEFAULT_NONE:
    case RW_DEFAULT_NULL:
    case RW_DEFAULT_LITERAL: return true;
    case RW_DEFAULT_EXPR: /* with A omitted the server would take B's default first, or a zero date */
    case RW_DEFAULT_NOW:
    case RW_DEFAULT_AUTO_INC: return false;
    }
    return false;
}

static bool large_type(const char *type)
{
    static const char *const types[] = {"tiny", "medium", "long", ""};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t n = strlen(types[i]);
        if (starts(type, types[i]) && (starts(type + n, "text") || starts(type + n, "blob"))) return true;
    }
    return starts(type, "json");
}

/* A constant that stands in A where nobody reads it. */
static void literal(b_buf *out, bool mariadb, const mig__column *c)
{
    const char *type = c->type;
    if (c->json) {
        b_buf_str(out, "'[]'");
        return;
    }
    static const struct {
        const char *type, *value;
    } known[] = {
        {"datetime", "'2000-01-01 00:00:00'"},
        {"timestamp", "'2000-01-01 00:00:00'"},
        {"date", "'2000-01-01'"},
        {"time", "'00:00:00'"},
        {"year", "2000"},
        {"tinyint", "0"},
        {"smallint", "0"},
        {"mediumint", "0"},
        {"int", "0"},
        {"bigint", "0"},
        {"decimal", "0"},
        {"float", "0"},
        {"double", "0"},
        {"bit", "b'0'"},
        {"uuid", "'00000000-0000-0000-0000-000000000000'"},
        {"inet6", "'::'"},
        {"inet4", "'0.0.0.0'"},
        {"json", "(JSON_ARRAY())"},
        {"set", "''"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!starts(type, known[i].type)) continue;
        b_buf_str(out, known[i].value);
        return;
    }
    if (starts(type, "enum")) {
        const char *first = strchr(type, '\''), *end = first == NULL ? NULL : first + 1;
        while (end != NULL && *end != '\0' && (*end != '\'' || end[1] == '\'')) end += *end == '\'' ? 2 : 1;
        if (end != NULL && *end == '\'') {
            b_buf_add(out, first, (size_t)(end - first) + 1);
            return;
        }
    }
    b_buf_str(out, large_type(type) && !mariadb ? "('')" : "''");
}

void mig__unread_literal(b_buf *out, bool mariadb, const mig__pair *p)
{
    literal(out, mariadb, &p->a);
}

bool mig__is_new(const mig__pair *p, const char *name)
{
    return p->to[0] != '\0' && strcmp(p->to, name) == 0;
}

static void made_of(const char *expression, const char *column, b_buf *out)
{
    if (expression[0] != '\0')
        b_buf_str(out, expression);
    else
        b_buf_ident(out, b_slice_str(column));
}

void mig__up(const mig__pair *p, b_buf *out)
{
    made_of(p->up, p->from, out);
}

void mig__down(const mig__pair *p, b_buf *out)
{
    made_of(p->down, p->to, out);
}

const char *mig__after(const mig__m *m, size_t pair)
{
    if (m->pairs[pair].from[0] != '\0') return m->pairs[pair].from;
    while (pair-- > 0)
        if (m->pairs[pair].to[0] != '\0') return m->pairs[pair].to;
    return m->pairs[0].from;
}

/* The value behind DEFAULT of column `name`; nothing for no default. */
static void default_value(b_buf *out, bool mariadb, const mig__pair *p, const char *name, bool not_null,
                          mig__def def)
{
    const rw_column *c = mig__is_new(p, name) ? &p->target : &p->plain;
    const mig__column *w = mig__is_new(p, name) ? &p->b : &p->a;
    switch (def) {
    case MIG__DEF_UP: b_buf_char(out, '('), mig__up(p, out), b_buf_char(out, ')'); return;
    case MIG__DEF_LITERAL: literal(out, mariadb, w); return;
    case MIG__DEF_NONE:
        if (!not_null) b_buf_str(out, "NULL");
        return;
    case MIG__DEF_OWN: break;
    }
    switch (c->default_kind) {
    case RW_DEFAULT_LITERAL:
    case RW_DEFAULT_NOW: b_buf_str(out, w->default_text); return;
    case RW_DEFAULT_EXPR: b_buf_printf(out, "(%s)", w->default_text); return;
    case RW_DEFAULT_NULL:
    case RW_DEFAULT_NONE:
    case RW_DEFAULT_AUTO_INC:
        if (!not_null) b_buf_str(out, "NULL");
        return;
    }
}

/* With the precision of the type: servers take no other. */
static void on_update(b_buf *out, const rw_column *c)
{
    size_t paren = b_slice_find(c->type, B_LIT("("));
    if (!c->on_update_now) return;
    b_buf_str(out, " ON UPDATE CURRENT_TIMESTAMP");
    if (paren < c->type.n) b_buf_add(out, c->type.p + paren, c->type.n - paren);
}

void mig__column_def(b_buf *out, const mig_db *db, const mig__pair *p, const char *name, bool not_null,
                     bool invisible, mig__def def)
{
    b_buf value = {0};
    const mig__column *w = mig__is_new(p, name) ? &p->b : &p->a;
    b_buf_ident(out, b_slice_str(name));
    b_buf_printf(out, " %s", w->json ? "json" : w->type);
    if (w->charset[0] != '\0' && !w->json)
        b_buf_printf(out, " CHARACTER SET %s COLLATE %s", w->charset, w->collation);
    b_buf_str(out, not_null ? " NOT NULL" : " NULL");
    default_value(&value, mig__mariadb(db), p, name, not_null, def);
    if (value.n != 0) b_buf_printf(out, " DEFAULT %s", b_buf_cstr(&value));
    if (value.failed) out->failed = true;
    b_buf_deinit(&value);
    on_update(out, mig__is_new(p, name) ? &p->target : &p->plain);
    if (invisible) b_buf_str(out, " INVISIBLE");
    if (p->comment[0] != '\0') b_buf_str(out, " COMMENT "), b_buf_quote(out, b_slice_str(p->comment));
}

b_status mig__column_now(mig_db *db, const mig__m *m, const char *column, mig__live *out, b_err *err)
{
    b_table *t = NULL;
    *out = (mig__live){0};
    b_status s =
        mig__query(db, &t, err,
                   "SELECT COLUMN_TYPE, COLUMN_DEFAULT, IS_NULLABLE, EXTRA FROM information_schema.COLUMNS "
                   "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s AND COLUMN_NAME = %s",
                   mig__q(m->arena, m->schema), mig__q(m->arena, m->table), mig__q(m->arena, column));
    if (s != B_OK) return s;
    if (b_table_rows(t) != 0) {
        b_buf text = {0};
        b_slice extra = mig__cell(t, 0, "EXTRA");
        out->exists = true;
        out->nullable = b_slice_ieq(mig__cell(t, 0, "IS_NULLABLE"), B_LIT("YES"));
        out->invisible = b_slice_find(extra, B_LIT("INVISIBLE")) != (size_t)-1;
        out->on_update = b_slice_find(extra, B_LIT("on update")) != (size_t)-1;
        out->kind = mig__default_parse(mig__mariadb(db), mig__cell(t, 0, "COLUMN_DEFAULT"), extra,
                                       mig__cell(t, 0, "COLUMN_TYPE"), out->nullable, &text);
        snprintf(out->default_text, sizeof out->default_text, "%s", b_buf_cstr(&text));
        b_buf_deinit(&text);
    }
    b_table_free(t);
    return B_OK;
}

static b_slice unquoted(const char *text)
{
    b_slice s = b_slice_str(text);
    if (s.n >= 2 && s.p[0] == '\'' && s.p[s.n - 1] == '\'') s.p++, s.n -= 2;
    return s;
}

static bool default_is(const mig__live *now, const mig_db *db, const mig__pair *p, const shape *want)
{
    b_buf value = {0};
    bool same = false, to = mig__is_new(p, want->column);
    const rw_column *own = to ? &p->target : &p->plain;
    const mig__column *written = to ? &p->b : &p->a;
    default_value(&value, mig__mariadb(db), p, want->column, want->not_null, want->def);
    if (want->def == MIG__DEF_UP)
        same = now->kind == RW_DEFAULT_EXPR &&
               (p->up[0] != '\0' || mig__default_is_column(b_slice_str(now->default_text), p->from));
    else if (value.n == 0)
        same = now->kind == RW_DEFAULT_NONE;
    else if (b_slice_ieq(b_buf_view(&value), B_LIT("NULL")))
        same = now->kind == RW_DEFAULT_NULL;
    else if (want->def == MIG__DEF_OWN)
        same = now->kind == own->default_kind &&
               b_slice_eq(unquoted(now->default_text), unquoted(written->default_text));
    else
        same = now->kind != RW_DEFAULT_NULL && now->kind != RW_DEFAULT_NONE &&
               b_slice_eq(unquoted(now->default_text), unquoted(b_buf_cstr(&value)));
    b_buf_deinit(&value);
    return same;
}

static b_status alter_built(mig__op *op, b_buf *q, bool inplace, b_err *err)
{
    b_status s = q->failed ? b_fail(err, B_NOMEM, "out of memory for an ALTER")
                           : mig__alter(op, b_buf_cstr(q), inplace, err);
    b_buf_deinit(q);
    return s;
}

static b_status modify(mig__op *op, const mig__pair *p, const shape *want, bool inplace, b_err *err)
{
    b_buf q = {0};
    b_buf_str(&q, "MODIFY COLUMN ");
    mig__column_def(&q, op->db, p, want->column, want->not_null, want->invisible, want->def);
    return alter_built(op, &q, inplace, err);
}

static b_status set_default(mig__op *op, const mig__pair *p, const shape *want, b_err *err)
{
    b_buf q = {0}, value = {0};
    default_value(&value, mig__mariadb(op->db), p, want->column, want->not_null, want->def);
    b_buf_str(&q, "ALTER COLUMN "), b_buf_ident(&q, b_slice_str(want->column));
    if (value.n == 0)
        b_buf_str(&q, " DROP DEFAULT");
    else
        b_buf_printf(&q, " SET DEFAULT %s", b_buf_cstr(&value));
    b_buf_deinit(&value);
    return alter_built(op, &q, false, err);
}

static b_status set_visibility(mig__op *op, const shape *want, b_err *err)
{
    b_buf q = {0};
    b_buf_str(&q, "ALTER COLUMN "), b_buf_ident(&q, b_slice_str(want->column));
    b_buf_str(&q, want->invisible ? " SET INVISIBLE" : " SET VISIBLE");
    return alter_built(op, &q, false, err);
}

/* Makes the column so. MySQL's ALTER COLUMN SET DEFAULT takes neither a bare CURRENT_TIMESTAMP nor, for large
 * types, an expression that is only a literal: MODIFY serves. */
static b_status make(mig__op *op, const mig__pair *p, shape want, b_err *err)
{
    mig__live now;
    if (want.column[0] == '\0') return B_OK; /* a pair without that side */
    b_status s = mig__column_now(op->db, op->m, want.column, &now, err);
    if (s != B_OK) return s;
    if (!now.exists)
        return b_fail(err, B_STATE, "column %s of %s.%s is gone; it was dropped by somebody else",
                      want.column, op->m->schema, op->m->table);
    bool same_null = now.nullable == !want.not_null, same_default = default_is(&now, op->db, p, &want);
    bool same_visible = now.invisible == want.invisible, to = mig__is_new(p, want.column);
    bool same_update = now.on_update == (to ? p->target.on_update_now : p->plain.on_update_now);
    if (same_null && same_default && same_visible && same_update) return B_OK;
    rw_default_kind kind = to ? p->target.default_kind : p->plain.default_kind;
    bool by_modify = !same_default && (large_type(to ? p->b.type : p->a.type) ||
                                       (want.def == MIG__DEF_OWN && kind == RW_DEFAULT_NOW));
    if (!same_null || !same_update || mig__mariadb(op->db) || by_modify)
        return modify(op, p, &want, !same_null, err);
    if (!same_default) s = set_default(op, p, &want, err);
    if (s == B_OK && !same_visible) s = set_visibility(op, &want, err);
    return s;
}

/* ---- the steps ---- */

static b_status add_one(mig__op *op, size_t i, b_err *err)
{
    const mig__pair *p = &op->m->pairs[i];
    mig__live now;
    if (p->to[0] == '\0') return B_OK;
    b_status s = mig__column_now(op->db, op->m, p->to, &now, err);
    if (s == B_OK && !now.exists) {
        b_buf q = {0};
        b_buf_str(&q, "ADD COLUMN ");
        mig__column_def(&q, op->db, p, p->to, false, true, MIG__DEF_NONE);
        b_buf_str(&q, " AFTER "), b_buf_ident(&q, b_slice_str(mig__after(op->m, i)));
        s = alter_built(op, &q, false, err);
    }
    shape b = {p->to, false, true, MIG__DEF_UP};
    return s == B_OK && mig__can_default_up(p) ? make(op, p, b, err) : s;
}

b_status mig__new_default_drop(mig__op *op, b_err *err)
{
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < op->m->npairs; i++) {
        const mig__pair *p = &op->m->pairs[i];
        if (p->no_default_up) s = make(op, p, (shape){p->to, false, true, MIG__DEF_NONE}, err);
    }
    return s;
}

/* Would the same statement succeed in a moment? */
static bool may_pass(const b_err *err)
{
    enum { LOCK_WAIT = 1205, DEADLOCK = 1213, INTERRUPTED = 1317, TOO_LONG = 3024, SHUTDOWN = 1053 };
    return err->code != B_DATABASE || err->db_errno == LOCK_WAIT || err->db_errno == DEADLOCK ||
           err->db_errno == INTERRUPTED || err->db_errno == TOO_LONG || err->db_errno == SHUTDOWN;
}

/* Where the server will not have one so, none is left, so that the phase is taken back. */
b_status mig__add_columns(mig__op *op, b_err *err)
{
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < op->m->npairs; i++) s = add_one(op, i, err);
    if (s == B_OK || may_pass(err)) return s;
    b_err ignored = {0};
    if (mig__drop_new(op, &ignored) != B_OK)
        b_logf(op->e->log, B_WARN, "migrate", "migration=%s the new column is left: %s", op->m->name,
               ignored.msg);
    return s;
}

static b_status drop_column(mig__op *op, const char *column, b_err *err)
{
    mig__live now;
    if (column[0] == '\0') return B_OK;
    b_status s = mig__column_now(op->db, op->m, column, &now, err);
    if (s != B_OK || !now.exists) return s;
    b_buf q = {0};
    b_buf_str(&q, "DROP COLUMN "), b_buf_ident(&q, b_slice_str(column));
    return alter_built(op, &q, false, err);
}

b_status mig__drop_new(mig__op *op, b_err *err)
{
    b_status s = mig__twins_drop(op, err);
    for (size_t i = 0; s == B_OK && i < op->m->npairs; i++) s = drop_column(op, op->m->pairs[i].to, err);
    return s;
}

b_status mig__drop_old(mig__op *op, b_err *err)
{
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < op->m->npairs; i++) {
        const mig__pair *p = &op->m->pairs[i];
        s = make(op, p, (shape){p->to, !p->target.nullable, false, MIG__DEF_OWN}, err);
    }
    if (s == B_OK) s = mig__indexes_drop(op, err);
    for (size_t i = 0; s == B_OK && i < op->m->npairs; i++) s = drop_column(op, op->m->pairs[i].from, err);
    return s == B_OK ? mig__twins_rename(op, err) : s;
}

mig__def mig__up_or_own(const mig__pair *p)
{
    return mig__can_default_up(p) ? MIG__DEF_UP : MIG__DEF_OWN;
}

mig__def mig__unread(const mig__pair *p)
{
    return p->plain.default_kind == RW_DEFAULT_NONE ? MIG__DEF_LITERAL : MIG__DEF_OWN;
}

b_status mig__retire_before(mig__op *op, b_err *err)
{
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < op->m->npairs; i++) {
        const mig__pair *p = &op->m->pairs[i];
        s = make(op, p, (shape){p->to, !p->target.nullable, true, mig__up_or_own(p)}, err);
        if (s == B_OK) s = make(op, p, (shape){p->from, !p->plain.nullable, true, mig__unread(p)}, err);
    }
    return s == B_OK ? mig__unique_drop(op, err) : s;
}

b_status mig__retire_after(mig__op *op, b_err *err)
{
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < op->m->npairs; i++) {
        const mig__pair *p = &op->m->pairs[i];
        s = make(op, p, (shape){p->to, !p->target.nullable, false, MIG__DEF_OWN}, err);
    }
    return s;
}

b_status mig__unretire_before(mig__op *op, b_err *err)
{
    b_status s = B_OK;
    for (size_t i = 0; s == B_OK && i < op->m->npairs; i++) {
        const mig__pair *p = &op->m->pairs[i];
        s = make(op, p, (shape){p->from, !p->plain.nullable, true, mig__unread(p)}, err);
        /* without a default it may be NULL at once: an INSERT by the old name does not give it */
        bool not_null = !p->target.nullable && !p->no_default_up;
        if (s == B_OK) s = make(op, p, (shape){p->to, not_null, false, mig__up_or_own(p)}, err);
    }
    return s;
}

b_status mig__unretire_after(mig__op *op, b_err *err)
{
    b_status s = mig__unique_restore(op, err);
    for (size_t i = 0; s == B_OK && i < op->m->npairs; i++) {
        const mig__pair *p = &op->m->pairs[i];
        s = make(op, p, (shape){p->from, !p->plain.nullable, false, MIG__DEF_OWN}, err);
        if (s == B_OK) s = make(op, p, (shape){p->to, !p->target.nullable, true, mig__up_or_own(p)}, err);
    }
    return s;
}
