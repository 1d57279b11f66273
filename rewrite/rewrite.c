/* Plans a text: parses it, hands each statement to its emitter, and sums up what came of it. A statement that
 * is not understood passes only when no migrating table can be in it. */
#include "catview.h"
#include "emit.h"
#include "mention.h"
#include "parser.h"
#include "plan.h"
#include "view.h"
#include "words.h"

#include <stdio.h>

typedef struct plan_state {
    rw_planner p;
    rw_ctx ctx; /* as it stands before the statement at hand: earlier ones of the text may change it */
    rw_edits edits;
    rw_effect *effects;
    size_t neffects, room;
} plan_state;

/* ---- effects ---------------------------------------------------------------------------------------- */

static void add_effect(plan_state *s, rw_effect e)
{
    if (s->neffects == s->room) {
        size_t room = s->room == 0 ? 4 : s->room * 2;
        rw_effect *grown = b_arena_regrow(s->p.arena, s->effects, s->neffects, room, sizeof(*grown));

        if (grown == NULL) {
            s->p.nomem = true;
            return;
        }
        s->effects = grown;
        s->room = room;
    }
    s->effects[s->neffects++] = e;
}

static rw_table_name full_name(const plan_state *s, const rw_name *n)
{
    return (rw_table_name){n->n > 1 ? n->part[n->n - 2] : s->p.schema, n->part[n->n - 1]};
}

/* Later statements of the same text see the table that this one makes or drops. */
static void set_temporary(plan_state *s, rw_table_name name, bool created)
{
    rw_table_name *temps = b_arena_array(s->p.arena, s->ctx.ntemps + 1, sizeof(*temps));
    size_t n = 0;

    if (temps == NULL) {
        s->p.nomem = true;
        return;
    }
    for (size_t i = 0; i < s->ctx.ntemps; i++) {
        const rw_table_name *t = &s->ctx.temps[i];

        if (!rw__table_name_eq(&s->p, t->schema, name.schema) ||
            !rw__table_name_eq(&s->p, t->name, name.name)) {
            temps[n++] = *t;
        }
    }
    if (created) {
        temps[n++] = name;
    }
    s->ctx.temps = temps;
    s->ctx.ntemps = n;
    add_effect(s, (rw_effect){created ? RW_EFFECT_TEMP_CREATED : RW_EFFECT_TEMP_DROPPED, name});
}

static bool is_temporary(const plan_state *s, rw_table_name name)
{
    for (size_t i = 0; i < s->ctx.ntemps; i++) {
        if (rw__table_name_eq(&s->p, s->ctx.temps[i].schema, name.schema) &&
            rw__table_name_eq(&s->p, s->ctx.temps[i].name, name.name)) {
            return true;
        }
    }
    return false;
}

/* ---- statements with little to rewrite -------------------------------------------------------------- */

static void plan_statement(plan_state *s, const rw_stmt *st);

/* The new table takes NOT NULL, default and comment from the columns that are read. While the move to
 * retired goes on, B has the default of neither. */
static void check_moving(rw_planner *p)
{
    for (const rw_mtab *mt = p->mtabs; mt != NULL && !rw__stop(p); mt = mt->next) {
        for (size_t i = 0; i < mt->m->npairs && mt->as_plain; i++) {
            if (mt->m->pairs[i].a_stale) {
                rw__refuse(p, mt, "default",
                           "CREATE TABLE … SELECT while the old column is being filled again",
                           "wait until the move to this phase has ended");
            } else if (mt->m->pairs[i].phase == RW_RETIRED && mt->m->pairs[i].b_default_up) {
                rw__refuse(p, mt, "default", "CREATE TABLE … SELECT while a column's default is being moved",
                           "wait until the move to this phase has ended");
            }
        }
    }
}

static void plan_create_table(plan_state *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;
    const rw_table *known;
    rw_mtab *mt = NULL;

    if (st->like.n > 0) {
        mt = rw__find_table(p, &st->like, &known);
        if (mt != NULL) {
            rw__refuse(p, mt, "ddl", "CREATE TABLE … LIKE", "write the columns of the new table out");
        }
    }
    if (!st->temporary && st->query != NULL) { /* the table's own name, REFERENCES and so on */
        mt = rw__mention(p, st->tok + 1, st->query->tok, true);
    }
    if (mt != NULL) {
        rw__refuse_name(p, mt, "statement", "%.*s", st->head,
                        "do it when the migration is finished, or take it back with ROLLBACK MIGRATION");
    }
    p->as_plain = true;
    rw__emit_query(p, NULL, st->query, RW_Q_DERIVED);
    p->as_plain = false;
    check_moving(p);
    if (!rw__stop(p) && st->temporary && st->tables != NULL) {
        set_temporary(s, full_name(s, &st->tables->name), true);
    }
}

static void plan_drop(plan_state *s, const rw_stmt *st)
{
    for (const rw_name_list *n = st->tables; n != NULL && !rw__stop(&s->p); n = n->next) {
        const rw_table *known;
        rw_mtab *mt = st->temporary ? NULL : rw__find_table(&s->p, &n->name, &known);
        rw_table_name name = full_name(s, &n->name);

        if (mt != NULL) {
            rw__refuse(&s->p, mt, "ddl", "DROP TABLE",
                       "take the migration back with ROLLBACK MIGRATION first");
        } else if (st->temporary || is_temporary(s, name)) {
            set_temporary(s, name, false);
        }
    }
}

/* Some migration is under way: text that is not at hand may name its table. */
static const rw_migration *active_migration(const rw_planner *p)
{
    for (size_t i = 0; i < rw_ruleset_size(p->rules); i++) {
        const rw_migration *m = rw_ruleset_at(p->rules, i);

        if (m->phase != RW_FINISHED) {
            return m;
        }
    }
    return NULL;
}

/* What may change how the rest of the text is to be read has to be the last that matters in it. */
static void check_rest(plan_state *s, const rw_stmt *st, const char *what)
{
    rw_planner *p = &s->p;

    add_effect(s, (rw_effect){.kind = RW_EFFECT_STATE_UNKNOWN});
    for (const rw_stmt *n = st->next; n != NULL && !rw__stop(p); n = n->next) {
        rw_mtab *mt = rw__mention(p, n->tok, n->end, true);

        if (mt != NULL) {
            rw__refuse(p, mt, "multi", what, "send them one by one");
        }
    }
}

/* A prepared statement lives on into later phases, where nobody prepares it anew. */
static void plan_prepare_literal(rw_planner *p, const rw_stmt *st, const rw_migration *m)
{
    b_slice text = rw__token_name(p->ctx, p->t, st->text_tok, p->arena);

    if (text.p == NULL || rw_may_touch(p->rules, text)) {
        rw__refuse_as(
            p, 1235, "42000", "prepare",
            "straddle: PREPARE of text that may name a migrating table, which later phases would find out of "
            "date (migration %.*s, phase %s): send the statement itself, or prepare it through the protocol",
            B_ARG(m->name), rw_phase_name(m->phase));
    }
}

static void plan_immediate(plan_state *s, const rw_stmt *st)
{
    rw_plan inner;

    rw__plan_immediate(&s->p, st, &inner);
    for (size_t i = 0; i < inner.neffects && !rw__stop(&s->p); i++) {
        const rw_effect *e = &inner.effects[i];

        if (e->kind != RW_EFFECT_STATE_UNKNOWN) {
            set_temporary(s, e->table, e->kind == RW_EFFECT_TEMP_CREATED);
        }
    }
    check_rest(s, st, "EXECUTE IMMEDIATE before another statement in the same text");
}

static void plan_prepare(plan_state *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;
    const rw_migration *m = active_migration(p);

    p->uncacheable = true;
    add_effect(s, (rw_effect){.kind = RW_EFFECT_STATE_UNKNOWN});
    if (m == NULL) {
        return;
    }
    if (st->text_tok == RW_NO_TOK) {
        rw__refuse_as(p, 1235, "42000", "prepare",
                      "straddle: PREPARE or EXECUTE IMMEDIATE of text that is not a literal, while migration "
                      "%.*s is in phase %s: prepare through the protocol, or write the text as one string",
                      B_ARG(m->name), rw_phase_name(m->phase));
    } else if (st->immediate) {
        plan_immediate(s, st);
    } else {
        plan_prepare_literal(p, st, m);
    }
}

/* SET @v = …, DO …, CALL p(…): expressions without tables of their own. */
static void plan_eval(plan_state *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;
    rw_scope scope;

    if (st->sets_system) {
        check_rest(s, st, "SET before another statement in the same text");
    }
    if (st->calls) {
        add_effect(s, (rw_effect){.kind = RW_EFFECT_STATE_UNKNOWN});
    }
    rw__scope_init(&scope, NULL);
    rw__emit_exprs(p, &scope, RW_C_FIELDS, st->exprs);
}

/* The modes that change how a text is cut and read: it is read before SET STATEMENT sets anything. */
enum {
    READING_MODES = RW_MODE_ANSI_QUOTES | RW_MODE_NO_BACKSLASH_ESCAPES | RW_MODE_PIPES_AS_CONCAT |
                    RW_MODE_IGNORE_SPACE | RW_MODE_HIGH_NOT_PRECEDENCE | RW_MODE_ORACLE
};

/* SET STATEMENT sql_mode = … FOR …: of its modes, those that the statement is executed under. */
static void take_mode(plan_state *s, const rw_stmt *inner, const rw_expr *value)
{
    bool literal = value->kind == RW_E_LITERAL && value->end == value->tok + 1 &&
                   s->p.t->tok[value->tok].kind == RW_TOK_STRING;
    rw_mtab *mt;

    if (literal) {
        b_slice text = rw__token_name(s->p.ctx, s->p.t, value->tok, s->p.arena);

        s->ctx.sql_mode =
            (s->ctx.sql_mode & READING_MODES) | (rw_sql_mode_parse(text) & ~(uint32_t)READING_MODES);
        s->p.uncacheable = true;
        return;
    }
    mt = rw__mention(&s->p, inner->tok, inner->end, true);
    if (mt != NULL) {
        rw__refuse(&s->p, mt, "sql_mode", "SET STATEMENT sql_mode to something other than a text",
                   "write the modes out as one string");
    }
}

static void plan_set_for(plan_state *s, const rw_stmt *st)
{
    uint32_t mode = s->ctx.sql_mode;
    const rw_expr *value = st->exprs;

    for (const rw_name_list *n = st->columns; n != NULL && value != NULL; n = n->next, value = value->next) {
        if (b_slice_ieq(n->name.part[n->name.n - 1], B_LIT("sql_mode"))) {
            take_mode(s, st->inner, value);
        }
    }
    if (st->inner != NULL && !rw__stop(&s->p)) {
        plan_statement(s, st->inner);
    }
    s->ctx.sql_mode = mode;
}

/* A column of which statistics are asked for: that which is read. */
static void plan_statistics(rw_planner *p, rw_mtab *mt, const rw_name_list *columns)
{
    for (const rw_name_list *c = columns; c != NULL; c = c->next) {
        bool new_name;
        uint32_t index;
        const rw_pair *pair = rw__pair_named(mt, c->name.part[0], &new_name, &index);
        rw_edit *edit;

        if (pair == NULL) {
            continue;
        }
        rw__note_use(mt, index, new_name, false);
        if (rw__pair_read(pair).n == 0 || b_slice_ieq(rw__pair_read(pair), c->name.part[0])) {
            continue;
        }
        edit = rw_edit_replace(p->edits, c->name.tok, c->name.end);
        rw_edit_text(p->edits, edit, rw__quoted(p, rw__pair_read(pair)));
    }
}

/* TRUNCATE, LOCK TABLES and so on work on both columns alike. */
static void plan_table_op(plan_state *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;

    for (const rw_name_list *n = st->tables; n != NULL && !rw__stop(p); n = n->next) {
        const rw_table *known;
        rw_mtab *mt = rw__find_table(p, &n->name, &known);

        if (mt != NULL) {
            plan_statistics(p, mt, st->columns);
        }
    }
}

/* ---- statements that are not parsed ----------------------------------------------------------------- */

typedef struct other_row {
    uint16_t word; /* the first word */
    const char *todo;
    bool pass; /* names no table that matters, whatever it says */
} other_row;

static const other_row others[] = {
    {RW_W_ALTER,
     "change the table with APPLY MIGRATION on the admin port, or wait until this migration is finished",
     false},
    {RW_W_CREATE, "do it when the migration is finished, or take it back with ROLLBACK MIGRATION", false},
    {RW_W_RENAME, "take the migration back with ROLLBACK MIGRATION first", false},
    {RW_W_DROP, "take the migration back with ROLLBACK MIGRATION first", false},
    {RW_W_GRANT, "grant on the server itself, for both columns", false},
    {RW_W_REVOKE, "revoke on the server itself, for both columns", false},
    {RW_W_SHOW, "use SHOW COLUMNS, DESCRIBE or SHOW INDEX, or ask the server itself", false},
    {RW_W_DESCRIBE, "ask the server itself; SHOW MIGRATION on the admin port tells the columns", false},
    {RW_W_DESC, "ask the server itself; SHOW MIGRATION on the admin port tells the columns", false},
    {RW_W_EXPLAIN, "ask the server itself; SHOW MIGRATION on the admin port tells the columns", false},
    {RW_W_HANDLER, "use SELECT", false},
    {RW_W_SET, "use SELECT … INTO @variable", false},
    {RW_W_DO, "use SELECT", false},
    {RW_W_CALL, "pass the values as variables", false},
    {RW_W_USE, NULL, true},
    {RW_W_SAVEPOINT, NULL, true},
    {RW_W_ROLLBACK, NULL, true},
    {RW_W_RELEASE, NULL, true},
    {RW_W_EXECUTE, NULL, true},
    {RW_W_DEALLOCATE, NULL, true},
    {RW_W_FLUSH, NULL, true},
    {RW_W_KILL, NULL, true},
    {RW_W_UNLOCK, NULL, true},
    {RW_W_XA, NULL, true},
};

static const other_row *other_of(const rw_planner *p, const rw_stmt *st)
{
    static const other_row any = {RW_WORD_NONE, "run it on the server itself, or write it another way",
                                  false};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (p->t->tok[st->tok].kind == RW_TOK_IDENT && p->t->tok[st->tok].word == others[i].word) {
            return &others[i];
        }
    }
    return &any;
}

/* USE s within the text: later statements have that default schema. */
static void follow_use(plan_state *s, const rw_stmt *st)
{
    b_slice name = {NULL, 0};

    if (st->tok + 1 < st->end) {
        name = rw__token_name(s->p.ctx, s->p.t, st->tok + 1, s->p.arena);
    }
    if (name.p != NULL) {
        s->p.schema = s->ctx.schema = name;
    }
    add_effect(s, (rw_effect){.kind = RW_EFFECT_STATE_UNKNOWN});
}

static bool describes(const other_row *row)
{
    return row->word == RW_W_SHOW || row->word == RW_W_DESCRIBE || row->word == RW_W_DESC ||
           row->word == RW_W_EXPLAIN;
}

/* SHOW … FROM t FROM s, or IN s: the schema stands by itself. */
static rw_mtab *mention_from_schema(rw_planner *p, const rw_stmt *st)
{
    b_slice keep = p->schema;
    rw_mtab *mt = NULL;

    for (uint32_t i = st->tok; i + 1 < st->end && mt == NULL; i++) {
        const rw_token *t = &p->t->tok[i];

        if (t->kind != RW_TOK_IDENT || (t->word != RW_W_FROM && t->word != RW_W_IN)) {
            continue;
        }
        p->schema = rw__token_name(p->ctx, p->t, i + 1, p->arena);
        mt = rw__mention(p, st->tok + 1, st->end, false);
    }
    p->schema = keep;
    return mt;
}

static void plan_other(plan_state *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;
    const other_row *row = other_of(p, st);
    uint32_t from = st->tok + 1;
    rw_mtab *mt;

    if (row->word == RW_W_USE) {
        follow_use(s, st);
    }
    if (row->word == RW_W_SET) { /* a form that is not read: NAMES, TRANSACTION, … */
        check_rest(s, st, "SET before another statement in the same text");
    }
    if (row->word == RW_W_EXECUTE) {
        check_rest(s, st, "EXECUTE before another statement in the same text");
    }
    if (row->word == RW_W_CALL) {
        add_effect(s, (rw_effect){.kind = RW_EFFECT_STATE_UNKNOWN});
    }
    if (row->pass || rw__stop(p) || (describes(row) && rw__plan_show(p, st))) {
        return;
    }
    /* CALL s.p(…): the routine's own name is none of a table. */
    if (row->word == RW_W_CALL) {
        while (from < st->end &&
               !(p->t->tok[from].kind == RW_TOK_OP && p->t->tok[from].word == RW_OP_LPAREN)) {
            from++;
        }
    }
    mt = rw__mention(p, from, st->end, row->word != RW_W_SHOW && row->word != RW_W_DROP);
    if (mt == NULL && row->word == RW_W_SHOW) {
        mt = mention_from_schema(p, st);
    }
    if (mt != NULL && describes(row) && rw__is_as_believed(p, mt)) {
        rw__note_shape(p, mt, false);
        return;
    }
    if (mt != NULL) {
        rw__refuse_name(p, mt, "statement", "%.*s", st->head, row->todo);
    }
}

/* ---- one statement ---------------------------------------------------------------------------------- */

static void plan_statement(plan_state *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;

    p->stmt = st;
    rw__check_view_writes(p, st);
    switch (st->kind) {
    case RW_S_QUERY: rw__emit_query(p, NULL, st->query, RW_Q_RESULT); return;
    case RW_S_INSERT: rw__plan_insert(p, st); return;
    case RW_S_UPDATE: rw__plan_update(p, st); return;
    case RW_S_DELETE: rw__plan_delete(p, st); return;
    case RW_S_LOAD: rw__plan_load(p, st); return;
    case RW_S_EXPLAIN:
        if (st->inner != NULL) {
            plan_statement(s, st->inner);
        }
        return;
    case RW_S_TABLE_OP: plan_table_op(s, st); return;
    case RW_S_CREATE_TABLE: plan_create_table(s, st); return;
    case RW_S_DROP_TABLE: plan_drop(s, st); return;
    case RW_S_PREPARE: plan_prepare(s, st); return;
    case RW_S_EVAL: plan_eval(s, st); return;
    case RW_S_SET_FOR: plan_set_for(s, st); return;
    case RW_S_OTHER: plan_other(s, st); return;
    }
}

/* What cannot be read or followed passes only when it cannot name a migrating table. */
static void plan_unparsed(plan_state *s, const rw_parse_error *err)
{
    rw_planner *p = &s->p;
    const rw_tokens *t = p->t;
    bool bad = t->n > 0 && t->tok[t->n - 1].kind == RW_TOK_BAD;
    rw_mtab *mt = rw__mention(p, 0, t->n, true);
    b_slice near;

    if (rw__stop(p)) {
        return;
    }
    if (mt == NULL && bad && rw_may_touch(p->rules, t->sql)) {
        rw__refuse_as(
            p, 1235, "42000", "lex",
            "straddle: text that cannot be read to its end (an unclosed quote or comment?) and may name a "
            "migrating table: close it, and send the statement again");
        return;
    }
    if (mt == NULL) {
        return;
    }
    p->uncacheable = true;
    near = err->tok < t->n ? b_slice_of(t->sql.p + t->tok[err->tok].off, t->tok[err->tok].len)
                           : B_LIT("the end");
    if (near.n > 40) {
        near.n = 40;
    }
    rw__refuse(p, mt, err->too_deep ? "too_deep" : "syntax",
               b_arena_printf(p->arena, "%s near '%.*s' that is not understood",
                              err->what == NULL ? "syntax" : err->what, B_ARG(near)),
               "write the statement in another way, or check its syntax");
}

/* ---- summing up ------------------------------------------------------------------------------------- */

/* Of all pairs of one migration in this statement. */
static uint8_t used_of(const rw_mtab *mt, uint32_t migration)
{
    uint8_t used = 0;

    for (size_t i = 0; i < mt->m->npairs; i++) {
        used |= mt->m->pairs[i].migration == migration ? mt->used[i] : 0;
    }
    return used;
}

static bool fill_uses(const rw_planner *p, rw_plan *out)
{
    size_t n = 0;
    rw_use *uses;

    for (const rw_mtab *mt = p->mtabs; mt != NULL; mt = mt->next) {
        n += mt->m->npairs;
    }
    uses = b_arena_array(p->arena, n + 1, sizeof(*uses));
    if (uses == NULL) {
        return false;
    }
    for (const rw_mtab *mt = p->mtabs; mt != NULL; mt = mt->next) {
        for (size_t i = 0; i < mt->m->npairs; i++) {
            uint32_t migration = mt->m->pairs[i].migration;
            uint8_t used = used_of(mt, migration);

            if (used == 0 || (i > 0 && mt->m->pairs[i - 1].migration == migration)) {
                continue;
            }
            uses[out->nuses++] = (rw_use){.migration = migration,
                                          .old_name = (used & RW_USED_OLD) != 0,
                                          .new_name = (used & RW_USED_NEW) != 0,
                                          .write = (used & RW_USED_WRITE) != 0};
        }
    }
    out->uses = uses;
    return true;
}

/* Which names the client is to be shown: the one that it used, else the one of its schema version. */
static int side_shown(const rw_planner *p, const rw_mtab *mt, const rw_pair *pair)
{
    uint8_t used = used_of(mt, pair->migration);
    bool used_old = (used & RW_USED_OLD) != 0, used_new = (used & RW_USED_NEW) != 0;

    if (pair->from.n == 0 || pair->to.n == 0) {
        return -1;
    }
    if (used_old != used_new) {
        return used_new ? 1 : 0;
    }
    if ((used_old && pair->forms != NULL) || p->ctx->version == RW_VERSION_BOTH) {
        return used_old ? -1 : 0;
    }
    return p->ctx->version == RW_VERSION_NEW ? 1 : 0;
}

static bool fill_shown(const rw_planner *p, rw_plan *out)
{
    size_t n = 0;
    rw_shown *shown;

    for (const rw_mtab *mt = p->mtabs; mt != NULL; mt = mt->next) {
        n += mt->m->npairs;
    }
    shown = b_arena_array(p->arena, n + 1, sizeof(*shown));
    if (shown == NULL) {
        return false;
    }
    for (const rw_mtab *mt = p->mtabs; mt != NULL; mt = mt->next) {
        for (size_t i = 0; i < mt->m->npairs; i++) {
            const rw_pair *pair = &mt->m->pairs[i];
            int side = side_shown(p, mt, pair);

            if (side < 0) {
                continue;
            }
            shown[out->nshown++] = (rw_shown){.table = {mt->m->schema, mt->m->table},
                                              .physical = side == 1 ? pair->from : pair->to,
                                              .shown = side == 1 ? pair->to : pair->from,
                                              .read = rw__phase_reads_to(pair->phase) == (side == 0)};
        }
    }
    out->shown = shown;
    return true;
}

static b_status fill_plan(plan_state *s, rw_plan *out)
{
    rw_planner *p = &s->p;

    if (p->nomem || s->edits.failed) {
        return B_NOMEM;
    }
    out->cacheable = !p->uncacheable;
    out->effects = s->effects;
    out->zone = p->zone;
    out->neffects = s->neffects;
    if (!fill_uses(p, out)) {
        return B_NOMEM;
    }
    if (p->refused) {
        out->verdict = RW_REFUSED;
        out->error = p->error;
        out->sqlstate = p->sqlstate;
        out->code = p->code;
        out->message = p->message;
        out->neffects = 0;
        return B_OK;
    }
    if (!fill_shown(p, out)) {
        return B_NOMEM;
    }
    out->verdict = s->edits.n > 0 ? RW_REWRITTEN : RW_PASS;
    out->edits = s->edits;
    out->show_create = p->show_create;
    return B_OK;
}

static void init_state(plan_state *s, const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t,
                       b_arena *arena)
{
    memset(s, 0, sizeof(*s));
    s->ctx = *ctx;
    s->edits.arena = arena;
    s->p.rules = r;
    s->p.ctx = &s->ctx;
    s->p.t = t;
    s->p.arena = arena;
    s->p.catalog = rw_ruleset_catalog(r);
    s->p.server = rw_catalog_server(s->p.catalog);
    s->p.schema = ctx->schema;
    s->p.edits = &s->edits;
}

b_status rw__plan(const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t, b_arena *arena, rw_plan *out)
{
    return rw__plan_traced(r, ctx, t, arena, NULL, out);
}

b_status rw__plan_traced(const rw_ruleset *r, const rw_ctx *ctx, const rw_tokens *t, b_arena *arena,
                         b_buf *trace, rw_plan *out)
{
    plan_state s;
    rw_stmt *stmts = NULL;
    rw_parse_error err = {0};
    b_status status;

    memset(out, 0, sizeof(*out));
    init_state(&s, r, ctx, t, arena);
    s.p.trace = trace;
    if (ctx->charset == RW_CHARSET_UNKNOWN && rw_may_touch(r, t->sql)) {
        rw__refuse_as(
            &s.p, 1235, "42000", "charset",
            "straddle: a statement that may name a migrating table, in a client character set that is not "
            "known: SET NAMES utf8mb4");
        return fill_plan(&s, out);
    }
    status = rw_parse(&s.ctx, s.p.server, t, arena, &stmts, &err);
    if (status == B_NOMEM) {
        return status;
    }
    if (status != B_OK) {
        plan_unparsed(&s, &err);
    }
    for (const rw_stmt *st = stmts; status == B_OK && st != NULL && !rw__stop(&s.p); st = st->next) {
        plan_statement(&s, st);
    }
    if (s.p.mtabs != NULL) {
        rw__check_folding(&s.p);
    }
    return fill_plan(&s, out);
}
