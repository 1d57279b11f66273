/* The rewritten text of one expression, as pieces of an edit: for writing an expression in a place, or a
 * number of places, other than its own. */
#include "emit.h"

/* Of edits at one token: what follows the token before it, what precedes it, what replaces it. */
static int edit_rank(const rw_edit *e)
{
    return e->ndel > 0 ? 2 : (e->before ? 1 : 0);
}

static bool comes_before(const rw_edit *a, const rw_edit *b)
{
    return a->at != b->at ? a->at < b->at : edit_rank(a) < edit_rank(b);
}

/* Insertion sort, stable: the list is nearly in order, having been made in one walk. */
static rw_edit **sorted(rw_planner *p, const rw_edits *list)
{
    rw_edit **v = b_arena_array(p->arena, (size_t)list->n + 1, sizeof(*v));
    uint32_t n = 0;

    if (v == NULL) {
        p->nomem = true;
        return NULL;
    }
    for (rw_edit *e = list->first; e != NULL && n < list->n; e = e->next) {
        uint32_t i = n++;

        while (i > 0 && comes_before(e, v[i - 1])) {
            v[i] = v[i - 1];
            i--;
        }
        v[i] = e;
    }
    return v;
}

static void add_copy(rw_planner *p, rw_edit *at, uint32_t tok, uint32_t end, bool leading_space)
{
    if (tok >= end) {
        return;
    }
    if (leading_space && p->t->tok[tok].space_before) {
        rw_edit_text(p->edits, at, B_LIT(" "));
    }
    rw_edit_copy(p->edits, at, tok, end);
}

static void add_pieces(rw_planner *p, rw_edit *at, const rw_piece *piece)
{
    for (; piece != NULL; piece = piece->next) {
        switch (piece->kind) {
        case RW_P_TEXT: rw_edit_text(p->edits, at, piece->text); break;
        case RW_P_COPY: rw_edit_copy(p->edits, at, piece->tok, piece->end); break;
        case RW_P_NAME: rw_edit_name(p->edits, at, piece->tok, piece->end); break;
        }
    }
}

static void merge(rw_planner *p, rw_edit *at, const rw_edits *list, uint32_t tok, uint32_t end)
{
    rw_edit **v = sorted(p, list);
    uint32_t cur = tok;

    for (uint32_t i = 0; v != NULL && i < list->n; i++) {
        add_copy(p, at, cur, v[i]->at, cur > tok);
        if (v[i]->ndel > 0 && v[i]->at > tok && p->t->tok[v[i]->at].space_before) {
            rw_edit_text(p->edits, at, B_LIT(" "));
        }
        add_pieces(p, at, v[i]->pieces);
        cur = v[i]->at + v[i]->ndel;
    }
    add_copy(p, at, cur, end, cur > tok);
}

void rw__render_expr(rw_planner *p, rw_scope *s, rw_clause clause, const rw_expr *e, rw_edit *at)
{
    rw_edits own = {.arena = p->arena};
    rw_edits *keep = p->edits;

    if (rw__stop(p)) {
        return;
    }
    p->edits = &own;
    rw__emit_expr(p, s, clause, e);
    p->edits = keep;
    if (own.failed) {
        p->nomem = true;
    }
    if (!rw__stop(p)) {
        merge(p, at, &own, e->tok, e->end);
    }
}
