/* Twin foreign keys: for every foreign key over A, one over B that refers to the same columns. Added without
 * the server's own check, which would copy the table: rows that refer to nothing are looked up beforehand, in
 * chunks. Only once B is what A is; from then on the server's cascades write both. The key over A goes before
 * A holds one literal in every new row, and comes back when A is filled again; in the end the twin gets its
 * name. What is there is looked up in the server's catalogue each time. */
#include "mig.h"

#include <stdio.h>
#include <string.h>

enum { LOOKUP_ROWS = 20000 };

static const mig__pair *pair_with(const mig__m *m, b_slice column, bool new_name)
{
    for (size_t i = 0; i < m->npairs; i++)
        if (b_slice_ieq(b_slice_str(new_name ? m->pairs[i].to : m->pairs[i].from), column))
            return &m->pairs[i];
    return NULL;
}

/* All of the table, one row a column, a key's columns side by side. A rule that is the server's default is
 * not written, as it was not: MariaDB makes NO ACTION of a RESTRICT that is. */
static b_status read_keys(mig_db *db, const mig__m *m, b_table **out, b_err *err)
{
    const char *usual = mig__mariadb(db) ? "RESTRICT" : "NO ACTION";
    return mig__query(
        db, out, err,
        "SELECT k.CONSTRAINT_NAME AS n, k.COLUMN_NAME AS c, k.REFERENCED_TABLE_SCHEMA AS rs, "
        "k.REFERENCED_TABLE_NAME AS rt, k.REFERENCED_COLUMN_NAME AS rc, r.UPDATE_RULE AS up, r.DELETE_RULE "
        "AS del, IF(r.UPDATE_RULE = '%s', '', CONCAT(' ON UPDATE ', r.UPDATE_RULE)) AS on_up, "
        "IF(r.DELETE_RULE = '%s', '', CONCAT(' ON DELETE ', r.DELETE_RULE)) AS on_del FROM "
        "information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS r ON "
        "r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND "
        "r.TABLE_NAME "
        "= k.TABLE_NAME WHERE k.TABLE_SCHEMA = %s AND k.TABLE_NAME = %s AND k.REFERENCED_TABLE_NAME IS NOT "
        "NULL ORDER BY k.CONSTRAINT_NAME, k.ORDINAL_POSITION",
        usual, usual, mig__q(m->arena, m->schema), mig__q(m->arena, m->table));
}

static size_t key_end(const b_table *t, size_t at)
{
    size_t end = at + 1;
    while (end < b_table_rows(t) && b_slice_eq(mig__cell(t, end, "n"), mig__cell(t, at, "n"))) end++;
    return end;
}

/* The first pair that has a column in it, by its old or its new name. */
static const mig__pair *over(const mig__m *m, const b_table *t, size_t at, size_t end, bool new_name)
{
    const mig__pair *p = NULL;
    for (size_t i = at; p == NULL && i < end; i++) p = pair_with(m, mig__cell(t, i, "c"), new_name);
    return p;
}

/* `a`, `b`: its columns, each under its other name where it has one; to_new: A becomes B, else B becomes A.
 */
static void columns(const mig__m *m, const b_table *t, size_t at, size_t end, bool to_new, b_buf *out)
{
    for (size_t i = at; i < end; i++) {
        const mig__pair *p = pair_with(m, mig__cell(t, i, "c"), !to_new);
        if (i > at) b_buf_str(out, ", ");
        b_buf_ident(out, p == NULL ? mig__cell(t, i, "c") : b_slice_str(to_new ? p->to : p->from));
    }
}

/* FOREIGN KEY (…) REFERENCES … (…), over the columns as they are written. */
static void references(const b_table *t, size_t at, size_t end, b_slice over_columns, b_buf *out)
{
    b_buf_printf(out, "FOREIGN KEY (%.*s) REFERENCES ", B_ARG(over_columns));
    b_buf_ident(out, mig__cell(t, at, "rs")), b_buf_char(out, '.'), b_buf_ident(out, mig__cell(t, at, "rt"));
    for (size_t i = at; i < end; i++) {
        b_buf_str(out, i == at ? " (" : ", ");
        b_buf_ident(out, mig__cell(t, i, "rc"));
    }
    b_buf_char(out, ')');
}

/* … ON UPDATE … ON DELETE … */
static void definition(const b_table *t, size_t at, size_t end, b_slice over_columns, b_buf *out)
{
    references(t, at, end, over_columns, out);
    b_buf_slice(out, mig__cell(t, at, "on_up")), b_buf_slice(out, mig__cell(t, at, "on_del"));
}

/* RESTRICT and NO ACTION are one to InnoDB. */
static bool same_rule(b_slice a, b_slice b)
{
    bool none = b_slice_ieq(a, B_LIT("RESTRICT")) || b_slice_ieq(a, B_LIT("NO ACTION"));
    return b_slice_ieq(a, b) ||
           (none && (b_slice_ieq(b, B_LIT("RESTRICT")) || b_slice_ieq(b, B_LIT("NO ACTION"))));
}

/* Is there a key over these columns that is as the one at `like` otherwise? */
static bool exists(const b_table *t, size_t like, size_t like_end, b_slice over_columns)
{
    bool found = false;
    b_buf wanted = {0};
    references(t, like, like_end, over_columns, &wanted);
    for (size_t at = 0, end; !found && at < b_table_rows(t); at = end) {
        b_buf have = {0}, names = {0};
        end = key_end(t, at);
        for (size_t i = at; i < end; i++) {
            if (i > at) b_buf_str(&names, ", ");
            b_buf_ident(&names, mig__cell(t, i, "c"));
        }
        references(t, at, end, b_buf_view(&names), &have);
        found = !have.failed && !wanted.failed && b_slice_ieq(b_buf_view(&have), b_buf_view(&wanted)) &&
                same_rule(mig__cell(t, at, "up"), mig__cell(t, like, "up")) &&
                same_rule(mig__cell(t, at, "del"), mig__cell(t, like, "del"));
        b_buf_deinit(&names), b_buf_deinit(&have);
    }
    b_buf_deinit(&wanted);
    return found;
}

/* The definition over the columns' other names; false where that key is there already. */
static bool counterpart(const mig__m *m, const b_table *t, size_t at, size_t end, bool to_new, b_buf *out)
{
    b_buf names = {0};
    columns(m, t, at, end, to_new, &names);
    definition(t, at, end, b_buf_view(&names), out);
    if (names.failed) out->failed = true;
    bool there = !out->failed && exists(t, at, end, b_buf_view(&names));
    b_buf_deinit(&names);
    return !there;
}

b_status mig__foreign_list(mig_db *db, const mig__m *m, b_buf *clauses, b_err *err)
{
    b_table *t = NULL;
    b_buf_clear(clauses);
    b_status s = read_keys(db, m, &t, err);
    for (size_t at = 0, end; s == B_OK && at < b_table_rows(t); at = end) {
        b_buf def = {0};
        end = key_end(t, at);
        const mig__pair *p = over(m, t, at, end, false);
        if (p != NULL && counterpart(m, t, at, end, true, &def)) {
            char name[65];
            mig__twin_name(mig__cell(t, at, "n"), p->to, name);
            if (clauses->n > 0) b_buf_char(clauses, '\n');
            b_buf_str(clauses, "ADD CONSTRAINT "), b_buf_ident(clauses, b_slice_str(name));
            b_buf_printf(clauses, " %s", b_buf_cstr(&def));
            if (def.failed) clauses->failed = true;
        }
        b_buf_deinit(&def);
    }
    b_table_free(t);
    return s == B_OK && clauses->failed ? b_fail(err, B_NOMEM, "out of memory") : s;
}

b_status mig__foreign_names(mig_db *db, const mig__m *m, b_buf *out, b_err *err)
{
    b_table *t = NULL;
    b_status s = read_keys(db, m, &t, err);
    for (size_t at = 0, end; s == B_OK && at < b_table_rows(t); at = end) {
        end = key_end(t, at);
        if (over(m, t, at, end, false) == NULL) continue;
        if (out->n > 0) b_buf_char(out, '\n');
        b_buf_slice(out, mig__cell(t, at, "n"));
    }
    b_table_free(t);
    return s;
}

b_status mig__foreign_cascades(mig_db *db, const mig__m *m, bool *yes, b_err *err)
{
    b_table *t = NULL;
    *yes = false;
    b_status s = read_keys(db, m, &t, err);
    for (size_t at = 0, end; s == B_OK && at < b_table_rows(t); at = end) {
        end = key_end(t, at);
        bool writes = mig__foreign_writes(mig__cell(t, at, "up"), mig__cell(t, at, "del"));
        *yes = *yes || (writes && over(m, t, at, end, false) != NULL);
    }
    b_table_free(t);
    return s;
}

bool mig__foreign_writes(b_slice on_update, b_slice on_delete)
{
    return b_slice_ieq(on_update, B_LIT("CASCADE")) || b_slice_istarts(on_update, B_LIT("SET")) ||
           b_slice_istarts(on_delete, B_LIT("SET"));
}

/* ---- rows that refer to nothing ---- */

/* The condition that a row, with alias t, refers to nothing by this key: none of its columns is NULL, and
 * there is no such row. */
static void refers_to_nothing(const mig__m *m, const b_table *t, size_t at, size_t end, b_buf *out)
{
    b_buf_str(out, "NOT EXISTS (SELECT 1 FROM ");
    b_buf_ident(out, mig__cell(t, at, "rs")), b_buf_char(out, '.'), b_buf_ident(out, mig__cell(t, at, "rt"));
    b_buf_str(out, " AS straddle_p WHERE ");
    for (size_t i = at; i < end; i++) {
        const mig__pair *p = pair_with(m, mig__cell(t, i, "c"), false);
        if (i > at) b_buf_str(out, " AND ");
        b_buf_str(out, "straddle_p."), b_buf_ident(out, mig__cell(t, i, "rc"));
        b_buf_printf(out, " = %s.%s.", mig__id(m->arena, m->schema), mig__id(m->arena, m->table));
        b_buf_ident(out, p == NULL ? mig__cell(t, i, "c") : b_slice_str(p->to));
    }
    b_buf_char(out, ')');
    for (size_t i = at; i < end; i++) {
        const mig__pair *p = pair_with(m, mig__cell(t, i, "c"), false);
        b_buf_str(out, " AND ");
        b_buf_ident(out, p == NULL ? mig__cell(t, i, "c") : b_slice_str(p->to));
        b_buf_str(out, " IS NOT NULL");
    }
}

static b_status chunk_violates(mig_db *db, const mig__m *m, const mig__key *k, const char *last,
                               const char *hi, const b_buf *condition, b_slice name, b_err *err)
{
    b_buf q = {0}, key = {0};
    b_table *t = NULL;
    b_buf_str(&q, "SELECT ");
    mig__key_select(k, &q);
    mig__key_rows(k, m, last, hi, &q);
    b_buf_printf(&q, " AND %s LIMIT 1", b_buf_cstr(condition));
    b_status s = mig__ask(db, &t, err, &q);
    if (s == B_OK && b_table_rows(t) > 0) {
        bool known = mig__key_literals(k, t, 0, &key);
        s = b_fail(err, B_REFUSED,
                   "a row of %s.%s (key %s) refers to nothing by foreign key %.*s, so that its twin over the "
                   "new column cannot be added; mend the row, then try again",
                   m->schema, m->table, known ? b_buf_cstr(&key) : "?", B_ARG(name));
    }
    b_buf_deinit(&key), b_buf_deinit(&q);
    b_table_free(t);
    return s;
}

static b_status look_up(mig__op *op, const b_table *t, size_t at, size_t end, b_err *err)
{
    mig__key key;
    b_buf last = {0}, hi = {0}, condition = {0};
    uint64_t found = LOOKUP_ROWS;
    refers_to_nothing(op->m, t, at, end, &condition);
    b_status s = mig__key_load(op->db, op->m->schema, op->m->table, &key, err);
    if (s != B_OK) {
        b_buf_deinit(&condition);
        return s;
    }
    if (condition.failed) s = b_fail(err, B_NOMEM, "out of memory");
    while (s == B_OK && found == LOOKUP_ROWS) {
        const char *from = last.n > 0 ? b_buf_cstr(&last) : NULL;
        if (mig__stopping(op->e)) s = b_fail(err, B_CANCELLED, "the proxy is being shut down");
        if (s == B_OK) s = mig__key_range(op->db, op->m, &key, from, LOOKUP_ROWS, &hi, &found, err);
        if (s != B_OK || found == 0) break;
        s = chunk_violates(op->db, op->m, &key, from, b_buf_cstr(&hi), &condition, mig__cell(t, at, "n"),
                           err);
        b_buf_clear(&last);
        b_buf_slice(&last, b_buf_view(&hi));
        if (last.failed) s = b_fail(err, B_NOMEM, "out of memory");
    }
    b_buf_deinit(&last), b_buf_deinit(&hi), b_buf_deinit(&condition);
    mig__key_deinit(&key);
    return s;
}

/* ---- changes ---- */

/* Without the server's check, so that nothing is copied. */
static b_status alter_unchecked(mig__op *op, const b_buf *change, b_err *err)
{
    b_err ignored;
    if (change->failed) return b_fail(err, B_NOMEM, "out of memory for an ALTER");
    b_status s = mig_db_query(op->db, "SET SESSION foreign_key_checks = 0", NULL, err);
    if (s == B_OK) s = mig__alter(op, b_buf_cstr(change), true, err);
    b_status back =
        mig_db_query(op->db, "SET SESSION foreign_key_checks = 1", NULL, s == B_OK ? err : &ignored);
    return s == B_OK ? back : s;
}

static b_status build_one(mig__op *op, const b_table *t, size_t at, size_t end, b_err *err)
{
    b_buf def = {0}, change = {0};
    char name[65];
    b_status s = B_OK;
    const mig__pair *p = over(op->m, t, at, end, false);
    if (p != NULL && counterpart(op->m, t, at, end, true, &def)) {
        uint64_t started = mig__now_ms();
        mig__twin_name(mig__cell(t, at, "n"), p->to, name);
        s = look_up(op, t, at, end, err);
        b_buf_str(&change, "ADD CONSTRAINT "), b_buf_ident(&change, b_slice_str(name));
        b_buf_printf(&change, " %s", b_buf_cstr(&def));
        if (def.failed) change.failed = true;
        if (s == B_OK) s = alter_unchecked(op, &change, err);
        if (s == B_OK) mig__op_step(op, "twin foreign key", b_buf_cstr(&change), started);
    }
    b_buf_deinit(&def), b_buf_deinit(&change);
    return s;
}

static b_status restore_one(mig__op *op, const b_table *t, size_t at, size_t end, b_err *err)
{
    b_buf def = {0}, change = {0};
    b_slice name = mig__original_name(op->m, mig__cell(t, at, "n"));
    b_status s = B_OK;
    if (name.p != NULL && over(op->m, t, at, end, true) != NULL &&
        counterpart(op->m, t, at, end, false, &def)) {
        b_buf_str(&change, "ADD CONSTRAINT "), b_buf_ident(&change, name);
        b_buf_printf(&change, " %s", b_buf_cstr(&def));
        if (def.failed) change.failed = true;
        s = alter_unchecked(op, &change, err);
    }
    b_buf_deinit(&def), b_buf_deinit(&change);
    return s;
}

/* No server renames a foreign key: the same one is added under the name that is free now, then the twin goes.
 */
static b_status rename_one(mig__op *op, const b_table *t, size_t at, size_t end, b_err *err)
{
    b_buf names = {0}, change = {0};
    b_slice twin = mig__cell(t, at, "n"), name = mig__original_name(op->m, twin);
    bool taken = false;
    if (name.p == NULL || over(op->m, t, at, end, true) == NULL) return B_OK;
    for (size_t i = 0; i < b_table_rows(t); i++) taken = taken || b_slice_ieq(mig__cell(t, i, "n"), name);
    for (size_t i = at; i < end; i++) {
        if (i > at) b_buf_str(&names, ", ");
        b_buf_ident(&names, mig__cell(t, i, "c"));
    }
    b_status s = B_OK;
    if (!taken) {
        b_buf_str(&change, "ADD CONSTRAINT "), b_buf_ident(&change, name), b_buf_char(&change, ' ');
        definition(t, at, end, b_buf_view(&names), &change);
        s = alter_unchecked(op, &change, err);
        b_buf_clear(&change);
    }
    b_buf_str(&change, "DROP FOREIGN KEY "), b_buf_ident(&change, twin);
    if (s == B_OK) s = alter_unchecked(op, &change, err);
    b_buf_deinit(&names), b_buf_deinit(&change);
    return s;
}

static b_status each(mig__op *op, b_status (*one)(mig__op *, const b_table *, size_t, size_t, b_err *),
                     b_err *err)
{
    b_table *t = NULL;
    b_status s = read_keys(op->db, op->m, &t, err);
    for (size_t at = 0, end; s == B_OK && at < b_table_rows(t); at = end) {
        end = key_end(t, at);
        s = one(op, t, at, end, err);
    }
    b_table_free(t);
    return s;
}

b_status mig__foreign_build(mig__op *op, b_err *err)
{
    return each(op, build_one, err);
}

b_status mig__foreign_restore(mig__op *op, b_err *err)
{
    return each(op, restore_one, err);
}

b_status mig__foreign_rename(mig__op *op, b_err *err)
{
    return each(op, rename_one, err);
}

static b_status drop_one(mig__op *op, const b_table *t, size_t at, size_t end, bool new_name, b_err *err)
{
    b_buf change = {0};
    b_status s = B_OK;
    if (over(op->m, t, at, end, new_name) != NULL) {
        b_buf_str(&change, "DROP FOREIGN KEY "), b_buf_ident(&change, mig__cell(t, at, "n"));
        s = alter_unchecked(op, &change, err);
    }
    b_buf_deinit(&change);
    return s;
}

static b_status drop_old_one(mig__op *op, const b_table *t, size_t at, size_t end, b_err *err)
{
    return drop_one(op, t, at, end, false, err);
}

static b_status drop_new_one(mig__op *op, const b_table *t, size_t at, size_t end, b_err *err)
{
    return drop_one(op, t, at, end, true, err);
}

b_status mig__foreign_drop(mig__op *op, bool new_name, b_err *err)
{
    return each(op, new_name ? drop_new_one : drop_old_one, err);
}
