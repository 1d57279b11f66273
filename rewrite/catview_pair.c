/* Which rows of the server's own catalogue stand for a pair, and what they tell the client. */
#include "catview_text.h"

/* Of a pair that changes values each column has a row of its own, where it is there for certain. */
static bool own_row(const rw_pair *pair, bool new_name)
{
    return new_name ? pair->phase >= RW_DUAL_WRITE : pair->phase < RW_CONTRACTED;
}

/* The first pair of the group that has the other side: what a column without a counterpart is made from. */
static b_slice group_source(const rw_mtab *mt, const rw_pair *pair, bool new_name)
{
    for (size_t i = pair->group; i < mt->m->npairs; i++) {
        const rw_pair *q = &mt->m->pairs[i];
        b_slice other = new_name ? q->from : q->to;

        if (q->group == pair->group && other.n > 0) {
            return other;
        }
    }
    return pair->from;
}

bool rw__tell(const rw_mtab *mt, const rw_pair *pair, bool new_name, rw_told *out)
{
    *out = (rw_told){.pair = pair, .name = new_name ? pair->to : pair->from};
    if (out->name.n == 0) {
        return false;
    }
    if (pair->forms == NULL) {
        out->source = rw__pair_read(pair);
        out->is = pair->plain;
        out->moves = pair->phase == RW_SWITCHED || pair->phase == RW_RETIRED;
        return true;
    }
    bool own = own_row(pair, new_name);

    out->source = own ? out->name : group_source(mt, pair, new_name);
    out->is = new_name ? rw__pair_target(pair) : pair->plain;
    out->is.invisible = pair->plain.invisible;
    out->moves = true;
    out->other_type = !own;
    out->added = !own && !b_slice_ieq(out->source, new_name ? pair->from : pair->to);
    return true;
}

bool rw__tells_new(const rw_planner *p)
{
    return p->ctx->version == RW_VERSION_NEW;
}

unsigned rw__view_hidden(const rw_view *t, const rw_mtab *mt, const rw_pair *pair, b_slice out[2])
{
    rw_told row;
    unsigned n = 0;
    bool some = rw__tell(mt, pair, rw__tells_new(t->p), &row) && !row.added;

    if (pair->from.n > 0 && !(some && b_slice_ieq(row.source, pair->from))) {
        out[n++] = pair->from;
    }
    if (pair->to.n > 0 && !(some && b_slice_ieq(row.source, pair->to))) {
        out[n++] = pair->to;
    }
    return n;
}

bool rw__is_as_believed(const rw_planner *p, const rw_mtab *mt)
{
    bool to = p->ctx->version == RW_VERSION_NEW;

    if (p->ctx->version == RW_VERSION_BOTH) {
        return false;
    }
    for (size_t i = 0; i < mt->m->npairs; i++) {
        const rw_pair *pair = &mt->m->pairs[i];

        if (pair->phase != (to ? RW_CONTRACTED : RW_PLANNED) ||
            rw_table_column(mt->table, to ? pair->from : pair->to) != NULL) {
            return false;
        }
    }
    return true;
}
