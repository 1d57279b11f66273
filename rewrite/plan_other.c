/* Statements that are not parsed: they pass where they cannot name a migrating table. */
#include "catview.h"
#include "mention.h"
#include "planning.h"
#include "words.h"

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
    {RW_W_HANDLER, "it reads the rows as they physically are, and stays open into later phases: use SELECT",
     false},
    {RW_W_SET, "use SELECT … INTO @variable", false},
    {RW_W_DO, "use SELECT", false},
    {RW_W_CALL, "pass the values as variables", false},
    {RW_W_HELP, NULL, true},
    {RW_W_USE, NULL, true},
    {RW_W_SAVEPOINT, NULL, true},
    {RW_W_ROLLBACK, NULL, true},
    {RW_W_RELEASE, NULL, true},
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
static void follow_use(rw_planning *s, const rw_stmt *st)
{
    b_slice name = {NULL, 0};

    if (st->tok + 1 < st->end) {
        name = rw__token_name(s->p.ctx, s->p.t, st->tok + 1, s->p.arena);
    }
    if (name.p != NULL) {
        s->p.schema = s->ctx.schema = name;
    }
    s->p.context_unsure = true;
    rw__add_effect(s, (rw_effect){.kind = RW_EFFECT_STATE_UNKNOWN});
}

static bool describes(const other_row *row)
{
    return row->word == RW_W_SHOW || row->word == RW_W_DESCRIBE || row->word == RW_W_DESC ||
           row->word == RW_W_EXPLAIN;
}

/* SHOW … FROM t FROM s, or IN s: the schema stands by itself, behind the second of these words at the
 * latest. */
static rw_mtab *mention_from_schema(rw_planner *p, const rw_stmt *st)
{
    b_slice keep = p->schema;
    rw_mtab *mt = NULL;
    unsigned n = 0;

    for (uint32_t i = st->tok; i + 1 < st->end && mt == NULL && n < 2; i++) {
        const rw_token *t = &p->t->tok[i];

        if (t->kind != RW_TOK_IDENT || (t->word != RW_W_FROM && t->word != RW_W_IN)) {
            continue;
        }
        n++;
        p->schema = rw__token_name(p->ctx, p->t, i + 1, p->arena);
        mt = rw__mention(p, st->tok + 1, st->end, false);
    }
    p->schema = keep;
    return mt;
}

void rw__plan_other(rw_planning *s, const rw_stmt *st)
{
    rw_planner *p = &s->p;
    const other_row *row = other_of(p, st);
    uint32_t from = st->tok + 1;
    rw_mtab *mt;

    if (row->word == RW_W_USE) {
        follow_use(s, st);
    }
    rw__check_within(s, st);
    if (row->word == RW_W_SET) { /* a form that is not read: NAMES, TRANSACTION, … */
        rw__check_rest(s, st, "SET before another statement in the same text");
    }
    if (row->word == RW_W_CALL) {
        rw__add_effect(s, (rw_effect){.kind = RW_EFFECT_STATE_UNKNOWN});
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
