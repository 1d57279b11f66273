/* One table's pairs, of all its unfinished migrations: put side by side, each with its own migration's phase,
 * and grouped by what is derived from what. See form.h. */
#include "form.h"

#include "base/buf.h"

static bool same_table(rw_server server, const rw_migration *a, const rw_migration *b)
{
    if (a->phase == RW_FINISHED || b->phase == RW_FINISHED || a->lost.n > 0 || b->lost.n > 0) return false;
    return server.lower_case_table_names == 0
               ? b_slice_eq(a->schema, b->schema) && b_slice_eq(a->table, b->table)
               : b_slice_ieq(a->schema, b->schema) && b_slice_ieq(a->table, b->table);
}

/* ---- groups ---- */

static bool reads_from(const rw_pair *p, const rw_pair *q)
{
    if (p->forms == NULL) return false;
    return (q->from.n > 0 && rw__form_reads(&p->forms->up, q->from)) ||
           (q->to.n > 0 && rw__form_reads(&p->forms->down, q->to));
}

static void join(rw_pair *pairs, size_t n, uint32_t a, uint32_t b)
{
    uint32_t to = a < b ? a : b, from = a < b ? b : a;
    for (size_t i = 0; i < n; i++)
        if (pairs[i].group == from) pairs[i].group = to;
}

static void make_groups(rw_pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) pairs[i].group = (uint32_t)i;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            if (i != k && pairs[i].migration == pairs[k].migration && reads_from(&pairs[i], &pairs[k]))
                join(pairs, n, pairs[i].group, pairs[k].group);
}

static bool grouped(const rw_pair *pairs, size_t n, size_t i)
{
    for (size_t k = 0; k < n; k++)
        if (k != i && pairs[k].group == pairs[i].group) return true;
    return false;
}

/* ---- pairs ---- */

static void fill(rw_server server, const rw_migration *all, rw_pair *pairs, size_t n, b_arena *arena,
                 bool *ok)
{
    for (size_t i = 0; i < n && *ok; i++)
        if (rw_pair_changes(&pairs[i]))
            rw__forms_make(server.flavour, &pairs[i], all[pairs[i].migration].time_zone, arena, ok);
    make_groups(pairs, n);
    for (size_t i = 0; i < n && *ok; i++) /* a rename that others are derived from */
        if (pairs[i].forms == NULL && grouped(pairs, n, i))
            rw__forms_make(server.flavour, &pairs[i], all[pairs[i].migration].time_zone, arena, ok);
}

static size_t copy_pairs(rw_pair *to, rw_migration *m, uint32_t index)
{
    if (m->npairs > 0) memcpy(to, m->pairs, m->npairs * sizeof *to);
    for (size_t k = 0; k < m->npairs; k++) {
        to[k].phase = m->phase;
        to[k].disabled = m->disabled;
        to[k].migration = index;
        to[k].forms = NULL;
    }
    m->pairs = to;
    return m->npairs;
}

static void add_label(b_buf *label, const rw_migration *m)
{
    b_buf_printf(label, "%smigration %.*s, phase %s", label->n == 0 ? "" : "; ", B_ARG(m->name),
                 rw_phase_name(m->phase));
}

/* All of the table of m[first]. */
static bool make_table(rw_server server, rw_migration *m, size_t n, size_t first, b_arena *arena,
                       rw_mtable *out)
{
    size_t total = 0, at = 0;
    b_buf label = {0};
    bool ok = true;
    for (size_t i = first; i < n; i++)
        if (same_table(server, &m[first], &m[i])) total += m[i].npairs;
    rw_pair *pairs = b_arena_array(arena, total + 1, sizeof *pairs);
    if (pairs == NULL) return false;
    for (size_t i = first; i < n; i++) {
        if (!same_table(server, &m[first], &m[i])) continue;
        at += copy_pairs(pairs + at, &m[i], (uint32_t)i);
        add_label(&label, &m[i]);
    }
    *out = (rw_mtable){.schema = m[first].schema, .table = m[first].table, .pairs = pairs, .npairs = total};
    out->label = label.failed ? out->label : b_arena_dup(arena, b_buf_view(&label));
    b_buf_deinit(&label);
    fill(server, m, pairs, total, arena, &ok);
    return ok && out->label.p != NULL;
}

static bool is_first(rw_server server, const rw_migration *m, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (same_table(server, &m[k], &m[i])) return false;
    return m[i].phase != RW_FINISHED;
}

size_t rw__mtables_make(rw_server server, rw_migration *m, size_t n, b_arena *arena, rw_mtable **out,
                        bool *ok)
{
    size_t tables = 0;
    *out = b_arena_array(arena, n + 1, sizeof **out);
    *ok = *out != NULL;
    for (size_t i = 0; i < n && *ok; i++)
        if (is_first(server, m, i)) *ok = make_table(server, m, n, i, arena, &(*out)[tables++]);
    return tables;
}
