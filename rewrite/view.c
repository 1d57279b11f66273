/* What a view says of the columns of a pair is in its definition, which the server expands by itself. A read
 * passes as long as the columns that are named there have their values; a write, as long as it writes all
 * that has to be written. A view's own columns have names of its own, which a migration does not change. */
#include "view.h"
#include "words.h"

/* Which columns of pairs a view, or one under it, names. */
typedef struct mentions {
    bool known; /* every definition could be read */
    bool from, to;
} mentions;

static bool ends_alias(const rw_tokens *t, uint32_t i)
{
    return i > 0 && t->tok[i - 1].kind == RW_TOK_IDENT && t->tok[i - 1].word == RW_W_AS;
}

static bool is_star(const rw_tokens *t, uint32_t i)
{
    bool first = i > 0 && t->tok[i - 1].kind == RW_TOK_IDENT && t->tok[i - 1].word == RW_W_SELECT;
    bool behind = i > 0 && t->tok[i - 1].kind == RW_TOK_OP &&
                  (t->tok[i - 1].word == RW_OP_DOT || t->tok[i - 1].word == RW_OP_COMMA);

    return t->tok[i].kind == RW_TOK_OP && t->tok[i].word == RW_OP_STAR && (first || behind);
}

/* The server's own text: names in backticks, aliases behind AS. That of a schema file may have a `*`. */
static void read_one(rw_planner *p, b_slice definition, const rw_pair *pair, mentions *m)
{
    rw_ctx ctx = {.charset = RW_CHARSET_SAFE};
    rw_tokens t;

    if (definition.n == 0 || rw_lex(&ctx, p->server, definition, p->arena, &t) != B_OK) {
        m->known = false;
        return;
    }
    for (uint32_t i = 0; i < t.n; i++) {
        bool name = t.tok[i].kind == RW_TOK_IDENT || t.tok[i].kind == RW_TOK_QUOTED;
        b_slice text;

        m->known = m->known && t.tok[i].kind != RW_TOK_BAD && !is_star(&t, i);
        if (!name || ends_alias(&t, i)) {
            continue;
        }
        text = rw__token_name(&ctx, &t, i, p->arena);
        m->from = m->from || (pair->from.n > 0 && b_slice_ieq(text, pair->from));
        m->to = m->to || (pair->to.n > 0 && b_slice_ieq(text, pair->to));
    }
}

static mentions mentions_of(rw_planner *p, const rw_table *view, const rw_pair *pair)
{
    mentions m = {.known = true};

    read_one(p, view->definition, pair, &m);
    for (size_t i = 0; i < view->nbases; i++) {
        const rw_table *t = rw_catalog_find(p->catalog, view->bases[i].schema, view->bases[i].name);

        if (t != NULL && t->is_view) {
            read_one(p, t->definition, pair, &m);
        }
    }
    return m;
}

static rw_mtab *base_at(rw_planner *p, const rw_table *view, size_t i)
{
    const rw_table *known;
    rw_name name = {.n = 2, .part = {view->bases[i].schema, view->bases[i].name}};

    return rw__find_base(p, &name, &known);
}

rw_mtab *rw__view_base(rw_planner *p, const rw_table *view)
{
    rw_mtab *mt = NULL;

    for (size_t i = 0; view->is_view && i < view->nbases && mt == NULL; i++) {
        mt = base_at(p, view, i);
    }
    return mt;
}

/* ---- reads ------------------------------------------------------------------------------------------ */

static bool right(const rw_pair *pair, mentions m)
{
    bool to_right = pair->phase >= RW_SWITCHED;
    bool from_right =
        pair->phase < RW_SWITCHED || (pair->phase == RW_SWITCHED && !pair->a_stale && !pair->one_way);

    return m.known && (!m.from || from_right) && (!m.to || to_right);
}

static void check_base(rw_planner *p, const rw_table *view, rw_mtab *mt)
{
    for (uint32_t i = 0; i < mt->m->npairs && !rw__stop(p); i++) {
        const rw_pair *pair = &mt->m->pairs[i];
        mentions m = mentions_of(p, view, pair);

        if (!right(pair, m)) {
            rw__refuse_name(
                p, mt, "view", "view %.*s", view->name,
                "name the table itself, or make the view anew with the column that has the values");
            return;
        }
        if (m.from) {
            rw__note_use(mt, i, false, false);
        }
        if (m.to) {
            rw__note_use(mt, i, true, false);
        }
    }
}

void rw__check_view(rw_planner *p, const rw_table *view)
{
    for (size_t i = 0; i < view->nbases && !rw__stop(p); i++) {
        rw_mtab *mt = base_at(p, view, i);

        if (mt != NULL) {
            check_base(p, view, mt);
        }
    }
}

/* ---- writes ----------------------------------------------------------------------------------------- */

static void refuse_write(rw_planner *p, const rw_mtab *mt, const rw_table *view)
{
    rw__refuse_name(p, mt, "view", "a write through view %.*s", view->name, "write to the table itself");
}

/* Does B follow by its own default when a row is put in through the view? */
static bool follows(const rw_planner *p, const rw_mtab *mt, const rw_pair *pair, mentions m,
                    const rw_stmt *st)
{
    rw_default_kind k = pair->plain.default_kind;
    bool strict = (p->ctx->sql_mode & RW_MODE_STRICT) != 0 && !st->ignore;
    bool plain = k == RW_DEFAULT_LITERAL || k == RW_DEFAULT_NULL || (k == RW_DEFAULT_NONE && strict);

    return m.known && !m.to && plain && (strict || pair->forms == NULL) && pair->b_default_up &&
           !mt->table->before_triggers && st->kind == RW_S_INSERT && st->on_duplicate == NULL;
}

/* Is a column made from others than the pairs', which the view may assign? */
static bool reads_others(const rw_mtab *mt, const rw_pair *pair)
{
    for (size_t i = 0; pair->forms != NULL && i < mt->table->ncolumns; i++) {
        b_slice c = mt->table->columns[i].name;

        if (rw__pair_named(mt, c, NULL, NULL) == NULL &&
            (rw__form_reads(&pair->forms->up, c) || rw__form_reads(&pair->forms->down, c))) {
            return true;
        }
    }
    return false;
}

/* Both columns are written now: an assignment that may be one of A or B reaches one of them only, and so does
 * a row (insert, else NULL) of which B does not follow by its default. */
static void check_write(rw_planner *p, const rw_table *view, const rw_stmt *insert)
{
    for (size_t i = 0; i < view->nbases && !rw__stop(p); i++) {
        rw_mtab *mt = base_at(p, view, i);

        for (size_t k = 0; mt != NULL && k < mt->m->npairs && !rw__stop(p); k++) {
            const rw_pair *pair = &mt->m->pairs[k];
            mentions m = mentions_of(p, view, pair);

            bool right_so = insert != NULL ? follows(p, mt, pair, m, insert)
                                           : m.known && !m.from && !m.to && !reads_others(mt, pair);

            if (rw__phase_writes_both(pair->phase) && !right_so) {
                refuse_write(p, mt, view);
            }
        }
    }
}

static const rw_table *view_named(rw_planner *p, const rw_name *name)
{
    const rw_table *known;

    (void)rw__find_base(p, name, &known);
    return known != NULL && known->is_view ? known : NULL;
}

static void check_updated(rw_planner *p, const rw_from *f)
{
    for (; f != NULL && !rw__stop(p); f = f->next) {
        if (f->kind == RW_F_JOIN) {
            check_updated(p, f->left);
            check_updated(p, f->right);
        } else if (f->kind == RW_F_TABLE) {
            const rw_table *view = view_named(p, &f->table);

            if (view != NULL) {
                check_write(p, view, NULL);
            }
        }
    }
}

static bool writes_both(const rw_mtab *mt)
{
    for (size_t i = 0; i < mt->m->npairs; i++) {
        if (rw__phase_writes_both(mt->m->pairs[i].phase)) {
            return true;
        }
    }
    return false;
}

/* Without a list of columns MySQL leaves B out instead of giving it its default. */
static void write_list(rw_planner *p, const rw_table *view, const rw_stmt *st)
{
    rw_mtab *mt = rw__view_base(p, view);
    rw_edit *edit;

    if (rw__stop(p) || mt == NULL || !writes_both(mt) || p->server.flavour != RW_MYSQL || st->has_columns ||
        st->set_form || st->kind != RW_S_INSERT) {
        return;
    }
    if (view->ncolumns == 0 || (st->rows != NULL && st->rows->n == 0)) {
        refuse_write(p, mt, view);
        return;
    }
    edit = rw_edit_after(p->edits, st->after_target - 1);
    for (size_t i = 0; i < view->ncolumns; i++) {
        rw_edit_text(p->edits, edit, i == 0 ? B_LIT(" (") : B_LIT(", "));
        rw_edit_text(p->edits, edit, rw__quoted(p, view->columns[i].name));
    }
    rw_edit_text(p->edits, edit, B_LIT(")"));
}

void rw__check_view_writes(rw_planner *p, const rw_stmt *st)
{
    const rw_table *view;

    if (st->kind == RW_S_UPDATE) {
        check_updated(p, st->from);
    } else if (st->kind == RW_S_INSERT || st->kind == RW_S_LOAD) {
        view = view_named(p, &st->target);
        if (view != NULL) {
            check_write(p, view, st);
            write_list(p, view, st);
        }
    }
}
