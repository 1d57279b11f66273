/* See index_name.h.
 *
 * An index over A has a twin over B, called <index>__<B> (migrate/twin_name.c; a longer name is in the pair),
 * until the twin takes its name in contracted. The client knows of one: in the phases that read B the twin,
 * by the name of the index. */
#include "index_name.h"

b_slice rw__twin_base(const rw_pair *pair, b_slice index)
{
    b_slice to = pair->to;

    if (to.n > 0 && index.n > to.n + 2) {
        b_slice end = b_slice_of(index.p + index.n - to.n, to.n);
        if (b_slice_ieq(end, to) && memcmp(end.p - 2, "__", 2) == 0) {
            return b_slice_of(index.p, index.n - to.n - 2);
        }
    }
    for (size_t i = 0; i < pair->ntwins; i++) {
        if (b_slice_ieq(pair->twins[i].twin, index)) {
            return pair->twins[i].index;
        }
    }
    return (b_slice){"", 0};
}

/* The same by any pair that is read so. */
static b_slice base_of(const rw_mtab *mt, b_slice index, bool reads_to)
{
    b_slice base = {"", 0};

    for (size_t i = 0; i < mt->m->npairs && base.n == 0; i++) {
        if (rw__phase_reads_to(mt->m->pairs[i].phase) == reads_to) {
            base = rw__twin_base(&mt->m->pairs[i], index);
        }
    }
    return base;
}

static bool has_index(const rw_mtab *mt, b_slice name)
{
    for (size_t i = 0; i < mt->table->nindexes; i++) {
        if (b_slice_ieq(mt->table->indexes[i], name)) {
            return true;
        }
    }
    return false;
}

/* What the client calls the index; empty for one that it does not know of. */
static b_slice shown_name(const rw_mtab *mt, b_slice index)
{
    b_slice read = base_of(mt, index, true), unread = base_of(mt, index, false);

    if (read.n > 0) {
        return read;
    }
    return unread.n > 0 && has_index(mt, unread) ? (b_slice){NULL, 0} : index;
}

b_slice rw__index_meant(const rw_mtab *mt, b_slice name, bool prefix)
{
    b_slice found = {NULL, 0}, called = {NULL, 0};
    bool several = false;

    for (size_t i = 0; i < mt->table->nindexes; i++) {
        b_slice index = mt->table->indexes[i], shown = shown_name(mt, index);

        if (shown.n == 0 || name.n == 0 || !b_slice_istarts(shown, name)) {
            continue;
        }
        bool twin = !b_slice_eq(shown, index), exact = shown.n == name.n;
        bool other = called.n > 0 && !b_slice_ieq(called, shown);

        if (exact && (called.n != name.n || twin)) {
            found = index; /* the twin goes before the index itself */
            several = false;
        } else if (called.n == name.n) {
            continue;
        } else if (other) {
            several = true;
        } else if (called.n == 0 || twin) {
            found = index;
        }
        called = exact || called.n == 0 ? shown : called;
    }
    return several || (!prefix && called.n != name.n) ? (b_slice){NULL, 0} : found;
}

/* What the server would take the name for. */
static bool server_finds(const rw_mtab *mt, b_slice name)
{
    size_t n = 0;

    for (size_t i = 0; i < mt->table->nindexes; i++) {
        if (b_slice_ieq(mt->table->indexes[i], name)) {
            return true;
        }
        n += b_slice_istarts(mt->table->indexes[i], name);
    }
    return n == 1;
}

/* What has to be written; empty: the name as it stands. */
static b_slice other_name(rw_planner *p, const rw_mtab *mt, const rw_from *f, const rw_name *name)
{
    b_slice own = name->part[name->n - 1], meant = rw__index_meant(mt, own, true);

    if (meant.n == 0 && server_finds(mt, own)) {
        rw__refuse_as(p, 1176, "42000", "index", "Key '%.*s' doesn't exist in table '%.*s'", B_ARG(own),
                      B_ARG(f->alias_tok != RW_NO_TOK ? f->alias : f->table.part[f->table.n - 1]));
    }
    return b_slice_ieq(meant, own) ? (b_slice){NULL, 0} : meant;
}

void rw__emit_index_names(rw_planner *p, const rw_mtab *mt, const rw_from *f)
{
    for (const rw_name_list *n = f->index_names; n != NULL && !rw__stop(p); n = n->next) {
        b_slice other = other_name(p, mt, f, &n->name);

        if (other.n > 0) {
            rw_edit *edit = rw_edit_replace(p->edits, n->name.tok, n->name.end);

            rw_edit_text(p->edits, edit, rw__quoted(p, other));
        }
    }
}

void rw__copy_from_item(rw_planner *p, const rw_mtab *mt, const rw_from *f, rw_edit *at)
{
    uint32_t tok = f->tok;

    for (const rw_name_list *n = f->index_names; n != NULL && !rw__stop(p); n = n->next) {
        b_slice other = other_name(p, mt, f, &n->name);

        if (other.n > 0) {
            rw_edit_copy(p->edits, at, tok, n->name.tok);
            rw_edit_text(p->edits, at, rw__quoted(p, other));
            tok = n->name.end;
        }
    }
    if (tok < f->end) {
        rw_edit_copy(p->edits, at, tok, f->end);
    }
}
