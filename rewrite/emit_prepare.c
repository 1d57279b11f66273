/* PREPARE, EXECUTE, EXECUTE IMMEDIATE, DEALLOCATE PREPARE.
 *
 * The session remembers the client's text of each named statement. EXECUTE plans that text anew, under the
 * present rules, as it was to be read at PREPARE: what comes of it must be what the server has, or the
 * session prepares it again first (rw_renewal); and it says which value belongs to which placeholder. So no
 * statement is executed under rules of long ago, and none is lost with a change of phase.
 *
 * Thread: the planner's. */
#include "inner.h"

const rw_migration *rw__active_migration(const rw_planner *p)
{
    for (size_t i = 0; i < rw_ruleset_size(p->rules); i++) {
        const rw_migration *m = rw_ruleset_at(p->rules, i);

        if (m->phase != RW_FINISHED) {
            return m;
        }
    }
    return NULL;
}

/* Letters, digits, `_` and `$`: names that are the same only where they are spelt the same, but for case. */
static bool plain(b_slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = b_lower(name.p[i]);

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '$') {
            return false;
        }
    }
    return name.n > 0;
}

static const rw_named *find(const rw_planner *p, b_slice name)
{
    for (size_t i = 0; i < p->ctx->nnamed; i++) {
        if (b_slice_ieq(p->ctx->named[i].name, name)) {
            return &p->ctx->named[i];
        }
    }
    return NULL;
}

static b_slice keep(rw_planner *p, b_slice text)
{
    b_slice copy = b_arena_dup(p->arena, text);

    p->nomem = p->nomem || copy.p == NULL;
    return copy;
}

/* ---- PREPARE ----------------------------------------------------------------------------------------- */

static void put_text(rw_planner *p, const rw_stmt *s, const rw_inner *in)
{
    uint32_t tok = s->text_tok, end = tok + 1;

    if (tok == RW_NO_TOK) {
        tok = s->text->tok;
        end = s->text->end;
    }
    rw_edit_text(p->edits, rw_edit_replace(p->edits, tok, end), rw__inner_literal(p, p->ctx, in->sent));
}

/* sql_mode or schema have changed within the text: what the string says is not certain. */
static void check_context(rw_planner *p, b_slice text)
{
    const rw_migration *m = rw__active_migration(p);

    if (p->context_unsure && m != NULL && rw_may_touch(p->rules, p->ctx->charset, text)) {
        rw__refuse_as(p, 1235, "42000", "multi",
                      "straddle: PREPARE or EXECUTE of text that may name a migrating table, behind a "
                      "statement of the same text that may change how it is read (migration %.*s, phase %s): "
                      "send them one by one",
                      B_ARG(m->name), rw_phase_name(m->phase));
    }
}

void rw__named_prepare(rw_planner *p, const rw_stmt *s, bool first, rw_about *out)
{
    b_slice name = s->like.part[0], text;
    rw_inner in;
    bool odd = !plain(name);

    p->uncacheable = true;
    *out = (rw_about){.has_effect = true, .harmless = true};
    out->effect.kind = odd ? RW_EFFECT_UNSEEN : RW_EFFECT_NAMED;
    out->effect.name = keep(p, name);
    out->effect.text = (b_slice){NULL, 0};
    if (rw__stop(p) || !rw__prepare_source(p, s, first, &text) || text.p == NULL) {
        return;
    }
    check_context(p, text);
    if (rw__stop(p) || !rw__inner_plan(p, p->ctx, text, &in)) {
        return;
    }
    if (odd && in.touches && rw__active_migration(p) != NULL) {
        rw__refuse_as(p, 1235, "42000", "name",
                      "straddle: PREPARE, of text that may name a migrating table, under a name with other "
                      "letters than those of ASCII, digits, _ and $: name it otherwise");
        return;
    }
    rw__inner_uses(p, &in);
    if (in.plan.verdict == RW_REWRITTEN) {
        put_text(p, s, &in);
    }
    if (!p->context_unsure) {
        out->effect.text = keep(p, text);
        out->effect.sent = b_slice_eq(text, in.sent) ? out->effect.text : keep(p, in.sent);
    }
}

/* ---- EXECUTE IMMEDIATE ------------------------------------------------------------------------------- */

/* SHOW CREATE TABLE by EXECUTE: its answer is changed where it is alone in its text. */
static void take_show(rw_planner *p, const rw_stmt *s, const rw_inner *in)
{
    if (in->plan.show_create.schema.n == 0) {
        return;
    }
    if (s->tok > 0 || s->next != NULL) {
        rw__refuse(p, p->mtabs, "multi", "SHOW CREATE TABLE beside another statement in the same text",
                   "send them one by one");
    }
    p->show_create = in->plan.show_create;
}

static void take_inner(rw_planner *p, const rw_stmt *s, const rw_inner *in, rw_about *out)
{
    if (s->tok == 0 && s->next == NULL) {
        p->executed = in->text;
    }
    rw__inner_uses(p, in);
    take_show(p, s, in);
    rw__inner_using(p, s, in);
    out->harmless = in->harmless;
    out->effects = in->plan.effects;
    out->neffects = in->plan.neffects;
}

void rw__named_immediate(rw_planner *p, const rw_stmt *s, bool first, rw_about *out)
{
    b_slice text;
    rw_inner in;

    p->uncacheable = true;
    *out = (rw_about){.harmless = false};
    if (!rw__prepare_source(p, s, first, &text) || text.p == NULL) {
        return;
    }
    check_context(p, text);
    if (rw__stop(p) || !rw__inner_plan(p, p->ctx, text, &in)) {
        return;
    }
    take_inner(p, s, &in, out);
    if (!rw__stop(p) && in.plan.verdict == RW_REWRITTEN) {
        put_text(p, s, &in);
    }
}

/* ---- EXECUTE ----------------------------------------------------------------------------------------- */

static void refuse_unseen(rw_planner *p, b_slice name, const char *why)
{
    const rw_migration *m = rw__active_migration(p);
    int n = (int)(name.n > 64 ? 64 : name.n);

    if (m == NULL) {
        rw__refuse_as(p, 1235, "42000", "prepare",
                      "straddle: EXECUTE of %.*s, %s, after a migration of its table: PREPARE it again", n,
                      name.p, why);
        return;
    }
    rw__refuse_as(p, 1235, "42000", "prepare",
                  "straddle: EXECUTE of %.*s, %s, while migration %.*s is in phase %s: PREPARE it again", n,
                  name.p, why, B_ARG(m->name), rw_phase_name(m->phase));
}

static void need_renewal(rw_planner *p, const rw_named *n, const rw_ctx *ctx, const rw_inner *in)
{
    rw_renewal *more = b_arena_array(p->arena, p->nrenewals + 1, sizeof(*more));
    b_slice literal = rw__inner_literal(p, ctx, in->sent);
    const char *sql = b_arena_printf(p->arena, "PREPARE `%.*s` FROM %.*s", B_ARG(n->name), B_ARG(literal));

    if (more == NULL || sql == NULL || rw__stop(p)) {
        p->nomem = p->nomem || more == NULL || sql == NULL;
        return;
    }
    if (p->nrenewals > 0) {
        memcpy(more, p->renewals, p->nrenewals * sizeof(*more));
    }
    more[p->nrenewals++] = (rw_renewal){
        .name = n->name, .sql = b_slice_str(sql), .sent = in->sent, .stale = !b_slice_eq(in->sent, n->sent)};
    p->renewals = more;
}

/* The modes that count when a text is read are those of its PREPARE; when it runs, those of now. */
static rw_ctx context_of(const rw_planner *p, const rw_named *n)
{
    rw_ctx ctx = *p->ctx;

    ctx.sql_mode = (n->sql_mode & RW_READING_MODES) | (p->ctx->sql_mode & ~(uint32_t)RW_READING_MODES);
    ctx.charset = n->charset;
    ctx.schema = n->schema;
    return ctx;
}

static void execute_known(rw_planner *p, const rw_stmt *s, const rw_named *n, rw_about *out)
{
    rw_ctx ctx = context_of(p, n);
    rw_inner in;
    bool was_rewritten = !b_slice_eq(n->sent, n->text);

    if (!rw__inner_plan(p, &ctx, n->text, &in)) {
        return;
    }
    if ((in.touches || was_rewritten) && n->unsure) {
        refuse_unseen(p, n->name, "which a routine that was called since may have prepared anew");
        return;
    }
    take_inner(p, s, &in, out);
    if ((in.plan.nuses > 0 || was_rewritten || in.plan.verdict == RW_REWRITTEN) && !n->here && !rw__stop(p)) {
        need_renewal(p, n, &ctx, &in);
    }
}

void rw__named_execute(rw_planner *p, const rw_stmt *s, rw_about *out)
{
    b_slice name = s->like.part[0];
    const rw_named *n = find(p, name);
    bool any = p->ctx->named_unseen || p->ctx->nnamed > 0;

    p->uncacheable = true;
    *out = (rw_about){.harmless = false};
    if (n != NULL && n->lost) {
        rw__refuse_as(p, 1243, "HY000", "prepare",
                      "Unknown prepared statement handler (%.*s) given to EXECUTE",
                      (int)(name.n > 64 ? 64 : name.n), name.p);
        return;
    }
    if (rw__active_migration(p) == NULL && (n == NULL || b_slice_eq(n->sent, n->text))) {
        return;
    }
    if (n == NULL && any && (p->ctx->named_unseen || !plain(name))) {
        refuse_unseen(p, name, "a statement that straddle does not know by that name");
    } else if (n != NULL && n->text.p == NULL) {
        refuse_unseen(p, name, "a statement of which straddle does not know the text");
    } else if (n != NULL) {
        execute_known(p, s, n, out);
    }
}

void rw__named_deallocate(rw_planner *p, const rw_stmt *s, rw_about *out)
{
    p->uncacheable = true;
    *out = (rw_about){.has_effect = plain(s->like.part[0]), .harmless = true};
    out->effect = (rw_effect){.kind = RW_EFFECT_UNNAMED, .name = keep(p, s->like.part[0])};
}
