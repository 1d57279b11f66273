/* See rewrite/code.h. A body is cut at `;`; in each piece the statement begins at its first verb (before it
 * stand BEGIN, IF … THEN, a cursor's declaration), and is rewritten as if a client had sent it: the resolver
 * says what it uses. What cannot be parsed so is told by its identifiers alone, and said to be unsure. */
#include "rewrite/code.h"

#include "lexer.h"

#include <string.h>

static bool is_name(const rw_token *t)
{
    return t->kind == RW_TOK_IDENT || t->kind == RW_TOK_QUOTED;
}

/* The first token in [from, end) that is this name; end where none is. */
static uint32_t find_name(const rw_ctx *ctx, const rw_tokens *t, uint32_t from, uint32_t end, b_slice name,
                          b_arena *arena)
{
    for (; from < end; from++)
        if (is_name(&t->tok[from]) && b_slice_ieq(rw__token_name(ctx, t, from, arena), name)) break;
    return from;
}

static bool any_column(const rw_ctx *ctx, const rw_tokens *t, uint32_t from, uint32_t end,
                       const rw_migration *m, b_arena *arena)
{
    bool found = false;
    for (size_t i = 0; !found && i < m->npairs; i++)
        found = m->pairs[i].from.n > 0 && find_name(ctx, t, from, end, m->pairs[i].from, arena) < end;
    return found;
}

static uint32_t first_verb(const rw_tokens *t)
{
    uint32_t i = 0;
    for (; i < t->n; i++) {
        if (t->tok[i].kind != RW_TOK_IDENT) continue;
        switch (t->tok[i].word) {
        case RW_W_SELECT:
        case RW_W_INSERT:
        case RW_W_UPDATE:
        case RW_W_DELETE:
        case RW_W_REPLACE:
        case RW_W_WITH:
        case RW_W_LOAD:
        case RW_W_CALL: return i;
        default: break;
        }
    }
    return i;
}

/* NEW.a or OLD.a; *assigned: SET NEW.a. */
static bool names_row(const rw_ctx *ctx, const rw_tokens *t, const rw_migration *m, b_arena *arena,
                      bool *assigned)
{
    bool found = false;
    for (uint32_t i = 0; i + 2 < t->n; i++) {
        b_slice row = rw__token_text(t, i);
        bool is_row =
            is_name(&t->tok[i]) && (b_slice_ieq(row, B_LIT("new")) || b_slice_ieq(row, B_LIT("old")));
        if (!is_row || !b_slice_eq(rw__token_text(t, i + 1), B_LIT("."))) continue;
        if (!any_column(ctx, t, i + 2, i + 3, m, arena)) continue;
        b_slice before = i == 0 ? B_LIT("") : rw__token_text(t, i - 1);
        b_slice after = i + 3 < t->n ? rw__token_text(t, i + 3) : B_LIT("");
        found = true;
        *assigned = *assigned || ((b_slice_ieq(before, B_LIT("set")) || b_slice_eq(before, B_LIT(","))) &&
                                  (b_slice_eq(after, B_LIT("=")) || b_slice_eq(after, B_LIT(":="))));
    }
    return found;
}

static void note(rw_code *out, b_slice statement, bool writes, bool unsure)
{
    if (!out->uses) out->statement = b_slice_trim(statement);
    out->uses = true;
    out->writes = out->writes || writes;
    out->unsure = out->unsure || unsure;
}

/* As a client's statement: 1 it uses the column, 0 it does not, -1 nobody knows. */
static int resolve(const rw_ruleset *r, const rw_ctx *ctx, b_slice sql, b_arena *arena, bool *writes)
{
    rw_result res;
    if (rw_rewrite(r, ctx, sql, arena, &res) != B_OK || res.verdict == RW_REFUSED) return -1;
    int uses = 0;
    for (size_t i = 0; i < res.nuses; i++) {
        if (!res.uses[i].old_name) continue;
        uses = 1;
        *writes = *writes || res.uses[i].write;
    }
    return uses;
}

static b_status look_at(const rw_ruleset *r, const rw_ctx *ctx, b_slice sql, bool row, b_arena *arena,
                        rw_code *out)
{
    const rw_migration *m = rw_ruleset_at(r, 0);
    rw_tokens t;
    bool writes = false;
    b_status s = rw_lex(ctx, rw_catalog_server(rw_ruleset_catalog(r)), sql, arena, &t);
    if (s != B_OK) return s;
    if (row && names_row(ctx, &t, m, arena, &writes)) note(out, sql, writes, false);
    for (uint32_t i = 0; i < t.n; i++)
        if (t.tok[i].kind == RW_TOK_IDENT &&
            (t.tok[i].word == RW_W_PREPARE || t.tok[i].word == RW_W_IMMEDIATE))
            out->dynamic = true;
    if (find_name(ctx, &t, 0, t.n, m->table, arena) == t.n) return B_OK;
    out->table = true;
    if (!any_column(ctx, &t, 0, t.n, m, arena)) return B_OK;
    uint32_t verb = first_verb(&t);
    bool before = any_column(ctx, &t, 0, verb, m, arena);
    int uses = -1;
    if (verb < t.n && !before)
        uses = resolve(r, ctx, (b_slice){sql.p + t.tok[verb].off, sql.n - t.tok[verb].off}, arena, &writes);
    if (uses != 0) note(out, sql, writes, uses < 0);
    return B_OK;
}

b_status rw_code_look(const rw_ruleset *r, const rw_ctx *ctx, b_slice body, bool row, b_arena *arena,
                      rw_code *out)
{
    b_slice statement;
    b_status s = B_OK;
    *out = (rw_code){.uses = false};
    while (s == B_OK && rw_split(ctx, rw_catalog_server(rw_ruleset_catalog(r)), &body, &statement))
        s = look_at(r, ctx, statement, row, arena, out);
    return s;
}

bool rw_code_names(const rw_ctx *ctx, rw_server server, b_slice expression, b_slice column, b_arena *arena)
{
    rw_tokens t;
    if (rw_lex(ctx, server, expression, arena, &t) != B_OK) return true; /* out of memory: rather too much */
    return find_name(ctx, &t, 0, t.n, column, arena) < t.n;
}

/* ---- statements of a binary log ---- */

static bool word_in(const rw_tokens *t, uint32_t i, const char *words)
{
    b_slice w = rw__token_text(t, i);
    for (const char *p = words; *p != '\0';) {
        size_t n = strcspn(p, " ");
        if (t->tok[i].kind == RW_TOK_IDENT && b_slice_ieq(w, b_slice_of(p, n))) return true;
        p += n + (p[n] == ' ');
    }
    return false;
}

/* Is it the table that stands at token i, qualified or not? */
static bool is_target(const rw_ctx *ctx, const rw_tokens *t, uint32_t i, b_slice schema, b_slice table,
                      b_arena *arena)
{
    if (i >= t->n || !is_name(&t->tok[i])) return true; /* who knows */
    b_slice first = rw__token_name(ctx, t, i, arena);
    bool qualified = i + 2 < t->n && b_slice_eq(rw__token_text(t, i + 1), B_LIT("."));
    if (!qualified) return b_slice_ieq(first, table) && b_slice_ieq(ctx->schema, schema);
    if (!is_name(&t->tok[i + 2])) return true;
    return b_slice_ieq(first, schema) && b_slice_ieq(rw__token_name(ctx, t, i + 2, arena), table);
}

bool rw_code_changes(const rw_ctx *ctx, rw_server server, b_slice sql, b_slice schema, b_slice table,
                     b_arena *arena)
{
    rw_tokens t;
    uint32_t i = 0;
    if (rw_lex(ctx, server, sql, arena, &t) != B_OK) return true;
    if (t.n == 0 || word_in(&t, 0,
                            "BEGIN START COMMIT ROLLBACK SAVEPOINT RELEASE XA DELETE TRUNCATE CREATE ALTER "
                            "DROP RENAME GRANT REVOKE OPTIMIZE REPAIR FLUSH"))
        return false;
    /* MariaDB's ANALYZE of a statement runs it. */
    if (word_in(&t, 0, "ANALYZE") && t.n > 1 && word_in(&t, 1, "TABLE TABLES LOCAL NO_WRITE_TO_BINLOG"))
        return false;
    if (word_in(&t, 0, "SET") && !(t.n > 1 && word_in(&t, 1, "STATEMENT"))) return false;
    if (word_in(&t, 0, "INSERT REPLACE")) {
        for (i = 1; i < t.n && word_in(&t, i, "LOW_PRIORITY DELAYED HIGH_PRIORITY IGNORE INTO");) i++;
        return is_target(ctx, &t, i, schema, table, arena);
    }
    if (word_in(&t, 0, "LOAD")) {
        while (i < t.n && !word_in(&t, i, "TABLE")) i++;
        return is_target(ctx, &t, i + 1, schema, table, arena);
    }
    if (word_in(&t, 0, "SELECT DO CALL")) return true;
    uint32_t end = t.n;
    for (i = 1; word_in(&t, 0, "UPDATE") && i < t.n && end == t.n; i++)
        if (word_in(&t, i, "SET") && !word_in(&t, i - 1, "CHARACTER CHAR")) end = i;
    return find_name(ctx, &t, 0, end, table, arena) < end;
}
