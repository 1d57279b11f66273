/* See rewrite/expr.h. */
#include "rewrite/expr.h"

#include "functions.h"
#include "parser.h"
#include "words.h"

typedef struct checker {
    rw_server server;
    rw_ctx ctx;
    rw_tokens t;
    const b_slice *columns;
    size_t ncolumns;
    b_arena *arena;
    b_err *err;
    bool bad;
    uint8_t *is_column; /* of each token */
} checker;

/* From token tok on; the text of the migration begins after SELECT. */
static void bad(checker *c, uint32_t tok, const char *what, const char *todo)
{
    b_slice near = tok < c->t.n ? rw__token_text(&c->t, tok) : B_LIT("its end");
    if (near.n > 60) near.n = 60;
    if (!c->bad) (void)b_fail(c->err, B_INVALID, "at \"%.*s\": %s; %s", B_ARG(near), what, todo);
    c->bad = true;
}

/* ---- the tree ---- */

static void check_list(checker *c, const rw_expr *e);

static void check_column(checker *c, const rw_expr *e)
{
    if (e->name.n != 1) {
        bad(c, e->tok, "a qualified name", "write the column's name alone");
        return;
    }
    for (size_t i = 0; i < c->ncolumns; i++) {
        if (!b_slice_ieq(c->columns[i], e->name.part[0])) continue;
        c->is_column[e->name.part_tok[0]] = 1;
        return;
    }
    bad(c, e->tok, "this is no column that may stand here",
        "`up` may name old columns, `down` new ones, both such columns of the table as no migration changes");
}

static void check_func(checker *c, const rw_expr *e)
{
    if ((rw__function_of(e) & RW_FN_ANYWHERE) == 0) {
        bad(c, e->tok, "this function is not known to give the same always and in every session",
            "use another; docs/migrations.md lists them");
        return;
    }
    bool date = b_slice_ieq(e->name.part[0], B_LIT("unix_timestamp"));
    if (date && e->kids == NULL) bad(c, e->tok, "the present time", "name a column");
    check_list(c, e->kids);
}

static void check_one(checker *c, const rw_expr *e)
{
    switch (e->kind) {
    case RW_E_LITERAL: return;
    case RW_E_COLUMN: check_column(c, e); return;
    case RW_E_FUNC: check_func(c, e); return;
    case RW_E_OP: check_list(c, e->kids); return;
    case RW_E_PARAM: bad(c, e->tok, "a placeholder", "write the value"); return;
    case RW_E_SUBQUERY: bad(c, e->tok, "a subquery", "only columns of the row may be read"); return;
    case RW_E_STAR:
    case RW_E_USERVAR:
    case RW_E_SYSVAR:
    case RW_E_ASSIGN:
    case RW_E_DEFAULT:
    case RW_E_DEFAULT_OF:
    case RW_E_VALUES_OF:
    case RW_E_MATCH:
        bad(c, e->tok, "this cannot stand in an expression of a migration",
            "use columns, literals, operators and functions");
        return;
    }
}

static void check_list(checker *c, const rw_expr *e)
{
    for (; e != NULL && !c->bad; e = e->next) check_one(c, e);
}

/* ---- the tokens ---- */

static bool is_op(const checker *c, uint32_t i, uint16_t op)
{
    return i < c->t.n && c->t.tok[i].kind == RW_TOK_OP && c->t.tok[i].word == op;
}

static bool is_word(const checker *c, uint32_t i, uint16_t word)
{
    return i < c->t.n && c->t.tok[i].kind == RW_TOK_IDENT && c->t.tok[i].word == word;
}

/* NOT before an operand binds as HIGH_NOT_PRECEDENCE says. */
static void check_not(checker *c, uint32_t i)
{
    static const uint16_t after[] = {RW_W_IN, RW_W_LIKE, RW_W_BETWEEN, RW_W_REGEXP, RW_W_RLIKE};
    bool fine = is_word(c, i - 1, RW_W_IS);
    for (size_t k = 0; k < sizeof after / sizeof after[0]; k++) fine = fine || is_word(c, i + 1, after[k]);
    if (!fine) bad(c, i, "NOT binds otherwise in some sql_mode", "write IF(…, 0, 1)");
}

/* CAST(x AS CHAR) gives the connection's character set. */
static void check_char(checker *c, uint32_t i)
{
    uint32_t next = i + 1;
    if (!is_word(c, i - 1, RW_W_AS) && !(is_op(c, i - 1, RW_OP_COMMA) && is_op(c, next, RW_OP_RPAREN)))
        return;
    while (next < c->t.n && (is_op(c, next, RW_OP_LPAREN) || c->t.tok[next].kind == RW_TOK_NUMBER)) next++;
    if (is_op(c, next, RW_OP_RPAREN) && is_op(c, next - 1, RW_OP_LPAREN)) return;
    if (next > i + 1) next++;
    if (is_word(c, next, RW_W_CHARACTER) || is_word(c, next, RW_W_CHARSET)) return;
    bad(c, i, "CHAR without a character set takes the session's", "write CHAR CHARACTER SET utf8mb4");
}

static void check_token(checker *c, uint32_t i)
{
    if (c->t.tok[i].kind == RW_TOK_PARAM || c->t.tok[i].kind == RW_TOK_BAD)
        bad(c, i, "this cannot be read", "write the value");
    else if (is_op(c, i, RW_OP_OR_PIPES))
        bad(c, i, "|| is OR or CONCAT, as the sql_mode has it", "write OR or CONCAT()");
    else if (is_op(c, i, RW_OP_BANG))
        bad(c, i, "`!` binds otherwise in some sql_mode", "write IF(…, 0, 1)");
    else if (is_op(c, i, RW_OP_SLASH))
        bad(c, i, "the digits of a quotient hang on div_precision_increment",
            "multiply (* 0.01 for / 100), or use DIV");
    else if (is_word(c, i, RW_W_NOT))
        check_not(c, i);
    else if (is_word(c, i, RW_W_CHAR))
        check_char(c, i);
}

/* ---- writing ---- */

static void put_string(checker *c, uint32_t i, b_buf *out)
{
    b_slice s = rw__token_name(&c->ctx, &c->t, i, c->arena);
    bool plain = true;
    for (size_t k = 0; k < s.n; k++) plain = plain && s.p[k] >= ' ' && s.p[k] <= '~' && s.p[k] != '\\';
    if (plain) {
        b_buf_char(out, '\'');
        for (size_t k = 0; k < s.n; k++) {
            if (s.p[k] == '\'') b_buf_char(out, '\'');
            b_buf_char(out, s.p[k]);
        }
        b_buf_char(out, '\'');
        return;
    }
    b_slice before = rw__token_text(&c->t, i - 1);
    bool introduced = c->t.tok[i - 1].kind == RW_TOK_IDENT && before.n > 1 && before.p[0] == '_';
    if (c->t.tok[i - 1].kind == RW_TOK_STRING || c->t.tok[i + 1].kind == RW_TOK_STRING)
        bad(c, i, "strings side by side", "write one string");
    b_buf_str(out, introduced ? "X'" : "_utf8mb4 X'");
    for (size_t k = 0; k < s.n; k++) b_buf_printf(out, "%02X", (unsigned)(unsigned char)s.p[k]);
    b_buf_char(out, '\'');
}

static void put_token(checker *c, uint32_t i, b_buf *out)
{
    if (c->is_column[i])
        b_buf_ident(out, rw__token_name(&c->ctx, &c->t, i, c->arena));
    else if (c->t.tok[i].kind == RW_TOK_STRING)
        put_string(c, i, out);
    else if (c->t.tok[i].kind == RW_TOK_QUOTED)
        bad(c, i, "a quoted name that is no column", "write functions without quotes");
    else
        b_buf_slice(out, rw__token_text(&c->t, i));
}

static b_slice write_out(checker *c)
{
    b_buf out = {0};
    b_slice text = {NULL, 0};
    for (uint32_t i = 1; i < c->t.n && !c->bad; i++) {
        if (i > 1 && c->t.tok[i].space_before) b_buf_char(&out, ' ');
        put_token(c, i, &out);
    }
    if (!out.failed) text = b_arena_dup(c->arena, b_buf_view(&out));
    b_buf_deinit(&out);
    return text;
}

/* ---- all ---- */

/* The one expression of SELECT text; NULL after a failure. */
static const rw_expr *read(checker *c)
{
    rw_stmt *st = NULL;
    rw_parse_error perr = {0};
    b_status s = rw_parse(&c->ctx, c->server, &c->t, c->arena, &st, &perr);
    const rw_query *q = s == B_OK && st != NULL && st->kind == RW_S_QUERY ? st->query : NULL;
    const rw_item *item = q == NULL || q->select == NULL ? NULL : q->select->items;
    if (s == B_NOMEM) {
        c->bad = true;
        (void)b_fail(c->err, B_NOMEM, "out of memory while reading an expression");
    } else if (s != B_OK) {
        bad(c, perr.tok, perr.what == NULL ? "this is not understood" : perr.what, "check its syntax");
    } else if (item == NULL || item->next != NULL || item->alias_tok != RW_NO_TOK || item->expr == NULL ||
               st->next != NULL || item->expr->tok != 1 || item->expr->end != c->t.n) {
        bad(c, 1, "this is not one expression", "give one value, made of columns");
    }
    return c->bad || item == NULL ? NULL : item->expr;
}

b_status rw_expr_check(rw_server server, b_slice text, const b_slice *columns, size_t ncolumns,
                       b_arena *arena, b_slice *out, b_err *err)
{
    b_err own = {0};
    checker c = {.server = server,
                 .ctx = {.charset = RW_CHARSET_SAFE, .version = RW_VERSION_BOTH},
                 .columns = columns,
                 .ncolumns = ncolumns,
                 .arena = arena,
                 .err = err == NULL ? &own : err};
    const char *sql = b_arena_printf(arena, "SELECT %.*s", B_ARG(text));
    if (sql == NULL || rw_lex(&c.ctx, server, b_slice_str(sql), arena, &c.t) != B_OK)
        return b_fail(err, B_NOMEM, "out of memory while reading an expression");
    c.is_column = b_arena_array(arena, c.t.n + 1, sizeof *c.is_column);
    if (c.is_column == NULL) return b_fail(err, B_NOMEM, "out of memory while reading an expression");
    if (c.t.version_comment || c.t.hints) bad(&c, 1, "a version comment or hint", "leave it out");
    for (uint32_t i = 1; i < c.t.n && !c.bad; i++) check_token(&c, i);
    const rw_expr *e = c.bad ? NULL : read(&c);
    if (e != NULL) check_list(&c, e);
    if (!c.bad) *out = write_out(&c);
    if (c.bad) return c.err->code == B_NOMEM ? B_NOMEM : B_INVALID;
    return out->p == NULL ? b_fail(err, B_NOMEM, "out of memory while reading an expression") : B_OK;
}

bool rw_expr_reads(b_slice text, b_slice column)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\'') {
            for (i++; i < text.n && text.p[i] != '\''; i++) continue;
        } else if (text.p[i] == '`') {
            size_t from = ++i;
            while (i < text.n && text.p[i] != '`') i++;
            if (b_slice_ieq(b_slice_of(text.p + from, i - from), column)) return true;
        }
    }
    return false;
}
