/* Statements of which only the tables' names matter, EXPLAIN, and all that is not understood. */
#include "parse.h"

#include <string.h>

/* ---- EXPLAIN, DESCRIBE, ANALYZE ---- */

static bool statement_starts(const rw__parser *p)
{
    return RW_IS_ANY(p, RW_W_SELECT, RW_W_WITH, RW_W_INSERT, RW_W_REPLACE, RW_W_UPDATE, RW_W_DELETE,
                     RW_OP_LPAREN, RW_W_TABLE) ||
           rw__query_starts(p, 0);
}

static void explain_options(rw__parser *p)
{
    for (;;) {
        if (rw__accept2(p, RW_W_FORMAT, RW_OP_EQ)) {
            if (!rw__is_word_or_name(p, 0) && rw__kind(p, 0) != RW_TOK_STRING) rw__fail(p, "EXPLAIN format");
            p->pos += p->status == B_OK;
        } else if (rw__is(p, RW_W_INTO) && rw__kind(p, 1) == RW_TOK_USERVAR) {
            p->pos += 2;
        } else if (!RW_ACCEPT_ANY(p, RW_W_ANALYZE, RW_W_EXTENDED, RW_W_PARTITIONS)) {
            return;
        }
    }
}

/* DESCRIBE t [column] */
static void describe_table(rw__parser *p, rw_stmt *s)
{
    rw__names names;
    rw__names_init(&names);
    if (rw__is_name(p, 0)) {
        rw__name(p, rw__names_add(p, &names), "table name");
        s->tables = names.first;
    }
    rw__other(p, s);
}

void rw__explain(rw__parser *p, rw_stmt *s)
{
    uint32_t start = p->pos++;
    explain_options(p);
    if (p->status != B_OK) return;
    if (!statement_starts(p)) {
        p->pos = start + 1;
        describe_table(p, s);
        return;
    }
    s->kind = RW_S_EXPLAIN;
    if (rw__enter(p)) s->inner = rw__statement(p);
    rw__leave(p);
}

/* ---- CREATE TEMPORARY TABLE, DROP TABLE ---- */

static bool as_query_starts(const rw__parser *p)
{
    if (rw__is2(p, RW_W_WITH, RW_W_SYSTEM)) return false;
    if (rw__is(p, RW_OP_LPAREN)) {
        uint32_t i = 1;
        while (rw__is_at(p, i, RW_OP_LPAREN)) i++;
        return rw__query_starts(p, i);
    }
    return rw__query_starts(p, 0);
}

/* Definitions and options, which name no other table but in UNION=(…) and DATA DIRECTORY's like. */
static void table_options(rw__parser *p)
{
    while (!rw__ends(p) && !as_query_starts(p)) {
        if (rw__kind(p, 0) == RW_TOK_BAD || RW_IS_ANY(p, RW_W_UNION, RW_W_PARTITION)) {
            rw__fail(p, "option of CREATE TABLE");
        } else if (rw__is(p, RW_OP_LPAREN)) {
            rw__skip_parens(p, "definition of a table");
        } else {
            p->pos++;
        }
    }
}

static void create_table(rw__parser *p, rw_stmt *s)
{
    rw__names names;
    rw__names_init(&names);
    s->kind = RW_S_CREATE_TABLE;
    if (rw__accept2(p, RW_W_IF, RW_W_NOT)) rw__expect(p, RW_W_EXISTS, "CREATE TABLE statement");
    rw__name(p, rw__names_add(p, &names), "table name");
    s->tables = names.first;
    bool paren = rw__is2(p, RW_OP_LPAREN, RW_W_LIKE);
    if (paren) p->pos++;
    if (rw__accept(p, RW_W_LIKE)) {
        rw__name(p, &s->like, "table name");
        if (paren) rw__expect(p, RW_OP_RPAREN, "CREATE TABLE statement");
        return;
    }
    if (rw__is(p, RW_OP_LPAREN) && !as_query_starts(p)) {
        s->has_columns = true;
        s->columns_tok = p->pos;
        rw__skip_parens(p, "definition of a table");
        s->columns_end = p->pos;
    }
    table_options(p);
    if (!rw__ends(p)) s->query = rw__query(p);
}

/* CREATE TABLE … SELECT: without the query it is for the migration's owner, and read no further. */
static void create_select(rw__parser *p, rw_stmt *s)
{
    p->pos++;
    rw__accept2(p, RW_W_OR, RW_W_REPLACE);
    rw__expect(p, RW_W_TABLE, "CREATE TABLE statement");
    create_table(p, s);
    if (s->query == NULL) rw__fail(p, "CREATE TABLE statement");
}

void rw__read_or_pass(rw__parser *p, rw_stmt *s, void (*parse)(rw__parser *, rw_stmt *))
{
    const rw__parser start = *p;
    const rw_stmt blank = *s;
    parse(p, s);
    if (p->status == B_NOMEM || (p->status == B_OK && rw__ends(p))) return;
    *p = start;
    *s = blank;
    rw__other(p, s);
}

void rw__create(rw__parser *p, rw_stmt *s)
{
    uint32_t start = p->pos++;
    rw__accept2(p, RW_W_OR, RW_W_REPLACE);
    if (rw__accept2(p, RW_W_TEMPORARY, RW_W_TABLE)) {
        s->temporary = true;
        create_table(p, s);
        return;
    }
    p->pos = start;
    rw__read_or_pass(p, s, create_select);
}

static rw_name_list *table_names(rw__parser *p)
{
    rw__names names;
    rw__names_init(&names);
    do {
        rw__name(p, rw__names_add(p, &names), "table name");
    } while (rw__accept(p, RW_OP_COMMA));
    return names.first;
}

void rw__drop(rw__parser *p, rw_stmt *s)
{
    if (rw__is_at(p, 1, RW_W_PREPARE)) {
        rw__deallocate(p, s);
        return;
    }
    uint32_t start = p->pos++;
    s->temporary = rw__accept(p, RW_W_TEMPORARY);
    if (!RW_ACCEPT_ANY(p, RW_W_TABLE, RW_W_TABLES)) {
        p->pos = start;
        s->temporary = false;
        rw__other(p, s);
        return;
    }
    s->kind = RW_S_DROP_TABLE;
    rw__accept2(p, RW_W_IF, RW_W_EXISTS);
    s->tables = table_names(p);
    if (rw__accept(p, RW_W_WAIT)) rw__accept_kind(p, RW_TOK_NUMBER);
    rw__accept(p, RW_W_NOWAIT);
    RW_ACCEPT_ANY(p, RW_W_RESTRICT, RW_W_CASCADE);
}

/* ---- TRUNCATE, ANALYZE TABLE, LOCK TABLES and so on ---- */

static void lock_list(rw__parser *p, rw_stmt *s)
{
    rw__names names;
    rw_from f;
    rw__names_init(&names);
    do {
        rw__name(p, rw__names_add(p, &names), "table name");
        if (!RW_IS_ANY(p, RW_W_READ, RW_W_WRITE, RW_W_LOW_PRIORITY, RW_W_CONCURRENT)) {
            memset(&f, 0, sizeof f);
            rw__table_alias(p, &f);
        }
        while (RW_ACCEPT_ANY(p, RW_W_READ, RW_W_WRITE, RW_W_LOW_PRIORITY, RW_W_CONCURRENT, RW_W_LOCAL))
            continue;
    } while (rw__accept(p, RW_OP_COMMA));
    s->tables = names.first;
}

/* Words that may follow the names and change nothing for us. */
static void op_options(rw__parser *p)
{
    while (RW_ACCEPT_ANY(p, RW_W_QUICK, RW_W_FAST, RW_W_MEDIUM, RW_W_EXTENDED, RW_W_CHANGED, RW_W_USE_FRM,
                         RW_W_FOR, RW_W_UPGRADE, RW_W_WITH, RW_W_READ, RW_W_LOCK, RW_W_EXPORT, RW_W_WAIT,
                         RW_W_NOWAIT, RW_W_DISABLE, RW_W_CHECKPOINT, RW_W_FORCE, RW_W_AND) ||
           rw__accept_kind(p, RW_TOK_NUMBER))
        continue;
}

/* PERSISTENT FOR ALL, or FOR COLUMNS (a, b) | ALL INDEXES (i, j) | ALL */
static void persistent(rw__parser *p, rw_stmt *s)
{
    rw__expect(p, RW_W_FOR, "PERSISTENT clause");
    if (rw__accept(p, RW_W_ALL)) return;
    if (rw__accept(p, RW_W_COLUMNS) && !rw__accept(p, RW_W_ALL)) {
        if (rw__is2(p, RW_OP_LPAREN, RW_OP_RPAREN))
            p->pos += 2;
        else
            s->columns = rw__paren_names(p, "PERSISTENT clause");
    }
    if (rw__accept(p, RW_W_INDEXES) && !rw__accept(p, RW_W_ALL)) rw__skip_parens(p, "PERSISTENT clause");
}

/* UPDATE HISTOGRAM ON a, b [WITH n BUCKETS] [MANUAL | AUTO UPDATE] [USING DATA '…'], DROP HISTOGRAM ON a, b
 */
static void histogram(rw__parser *p, rw_stmt *s)
{
    rw__names names;
    rw__names_init(&names);
    rw__expect(p, RW_W_ON, "HISTOGRAM clause");
    do {
        rw__ident(p, rw__names_add(p, &names), "HISTOGRAM clause");
    } while (rw__accept(p, RW_OP_COMMA));
    s->columns = names.first;
    if (rw__accept(p, RW_W_WITH)) {
        if (!rw__accept_kind(p, RW_TOK_NUMBER)) rw__fail(p, "HISTOGRAM clause");
        rw__expect(p, RW_W_BUCKETS, "HISTOGRAM clause");
    }
    if (RW_ACCEPT_ANY(p, RW_W_MANUAL, RW_W_AUTO)) rw__expect(p, RW_W_UPDATE, "HISTOGRAM clause");
    if (rw__accept2(p, RW_W_USING, RW_W_DATA) && !rw__accept_kind(p, RW_TOK_STRING))
        rw__fail(p, "HISTOGRAM clause");
}

static void names_and_options(rw__parser *p, rw_stmt *s)
{
    s->tables = table_names(p);
    if (rw__accept(p, RW_W_PERSISTENT))
        persistent(p, s);
    else if (rw__accept2(p, RW_W_UPDATE, RW_W_HISTOGRAM) || rw__accept2(p, RW_W_DROP, RW_W_HISTOGRAM))
        histogram(p, s);
    else
        op_options(p);
}

/* The words between the first one and the names. False: this is something else. */
static bool op_head(rw__parser *p)
{
    bool truncate = rw__is(p, RW_W_TRUNCATE);
    p->pos++;
    RW_ACCEPT_ANY(p, RW_W_NO_WRITE_TO_BINLOG, RW_W_LOCAL);
    bool table = RW_ACCEPT_ANY(p, RW_W_TABLE, RW_W_TABLES);
    return (truncate || table) && (rw__is_name(p, 0) || rw__is(p, RW_OP_DOT)) && !rw__is(p, RW_W_WITH);
}

void rw__table_op(rw__parser *p, rw_stmt *s)
{
    uint32_t start = p->pos;
    bool lock = rw__is(p, RW_W_LOCK);
    if (op_head(p)) {
        s->kind = RW_S_TABLE_OP;
        if (lock)
            lock_list(p, s);
        else
            names_and_options(p, s);
        if (rw__accept(p, RW_W_WAIT)) rw__accept_kind(p, RW_TOK_NUMBER);
        rw__accept(p, RW_W_NOWAIT);
        if (rw__ends(p)) return;
    }
    if (p->status != B_OK) return;
    s->kind = RW_S_OTHER;
    s->tables = NULL;
    s->columns = NULL;
    p->pos = start;
    rw__other(p, s);
}

/* ---- The rest ---- */

/* Statements that hold others, with semicolons between them: they take all of the text. */
static bool compound(const rw__parser *p, uint32_t start)
{
    const rw_token *t = &p->t->tok[start];
    if (t->kind != RW_TOK_IDENT && t->kind != RW_TOK_QUOTED) return false;
    if (start + 1 < p->t->n && p->t->tok[start + 1].kind == RW_TOK_OP &&
        p->t->tok[start + 1].word == RW_OP_COLON)
        return true;
    switch ((int)t->word) {
    case RW_W_BEGIN: return start + 1 < p->t->n && p->t->tok[start + 1].word == RW_W_NOT;
    case RW_W_IF:
    case RW_W_CASE:
    case RW_W_LOOP:
    case RW_W_WHILE:
    case RW_W_REPEAT:
    case RW_W_FOR:
    case RW_W_DECLARE: return true;
    default: return false;
    }
}

/* What a CREATE or ALTER is about: 1 = a routine, whose body may hold semicolons; 0 = something else;
 * -1 = this word does not tell. */
static int creates_routine(const rw_token *t)
{
    if (t->kind != RW_TOK_IDENT) return -1;
    switch ((int)t->word) {
    case RW_W_PROCEDURE:
    case RW_W_FUNCTION:
    case RW_W_TRIGGER:
    case RW_W_EVENT:
    case RW_W_PACKAGE: return 1;
    case RW_W_TABLE:
    case RW_W_VIEW:
    case RW_W_INDEX:
    case RW_W_USER:
    case RW_W_ROLE:
    case RW_W_DATABASE:
    case RW_W_SCHEMA:
    case RW_W_SERVER:
    case RW_W_SEQUENCE:
    case RW_W_TABLESPACE: return 0;
    default: return -1;
    }
}

void rw__other(rw__parser *p, rw_stmt *s)
{
    s->kind = RW_S_OTHER;
    bool all = s->compound = compound(p, s->tok);
    const rw_token *first = &p->t->tok[s->tok];
    bool ddl = first->kind == RW_TOK_IDENT && (first->word == RW_W_CREATE || first->word == RW_W_ALTER);
    int routine = ddl ? -1 : 0;
    while (rw__kind(p, 0) != RW_TOK_END && (all || !rw__is(p, RW_OP_SEMICOLON))) {
        if (rw__kind(p, 0) == RW_TOK_BAD) {
            rw__fail(p, "text that cannot be read");
            return;
        }
        if (routine == -1) routine = creates_routine(rw__peek(p, 0));
        all = all || routine == 1;
        p->pos++;
    }
}
