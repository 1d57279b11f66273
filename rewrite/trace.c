/* What the planner found on its way, as comment lines for people: see resolve.h. */
#include "resolve.h"

/* How many selects or statements with tables of their own stand around it. */
static unsigned depth_of(const rw_scope *s)
{
    unsigned n = 0;

    for (s = s->outer; s != NULL; s = s->outer) {
        n += s->nsrc > 0 || s->select != NULL;
    }
    return n;
}

static void put_column(b_buf *b, const rw_vcol *c)
{
    b_buf_char(b, ' ');
    b_buf_slice(b, c->name);
    if (!b_slice_eq(c->name, c->phys)) {
        b_buf_printf(b, "=%.*s", B_ARG(c->phys));
    }
    if (!c->first) {
        b_buf_str(b, " (other name)");
    }
}

void rw__trace_source(rw_planner *p, const rw_scope *s, const rw_source *src)
{
    if (p->trace == NULL) {
        return;
    }
    b_buf_printf(p->trace, "-- scope %u: %.*s,%s columns", depth_of(s), B_ARG(src->name),
                 src->mt != NULL ? " migrating," : "");
    for (uint32_t i = 0; src->known && i < src->ncols; i++) {
        put_column(p->trace, &src->cols[i]);
    }
    b_buf_str(p->trace, src->known ? "\n" : " not known\n");
}

void rw__trace_name(rw_planner *p, const rw_name *name, const rw_binding *b)
{
    static const char *const kinds[] = {"nothing here", "a column", "an alias of the select list",
                                        "ambiguous", "perhaps a column of a table that is not known"};

    if (p->trace == NULL || name->n == 0) {
        return;
    }
    b_buf_printf(p->trace, "-- name %.*s, token %u: %s", B_ARG(name->part[name->n - 1]), name->tok,
                 kinds[b->kind]);
    if (b->kind == RW_BIND_COLUMN && b->source != NULL && b->col != NULL) {
        b_buf_printf(p->trace, " of %.*s in scope %u%s, read as %.*s", B_ARG(b->source->name),
                     depth_of(b->scope), b->second ? ", by its other name" : "", B_ARG(b->col->phys));
    }
    b_buf_char(p->trace, '\n');
}
