/* LOAD DATA and LOAD XML. */
#include "parse.h"

/* FIELDS … LINES …: words and strings only. */
static void field_options(rw__parser *p)
{
    bool lines = false;
    for (;;) {
        if (rw__is(p, RW_W_LINES)) {
            lines = true;
            p->pos++;
        } else if (!RW_ACCEPT_ANY(p, RW_W_FIELDS, RW_W_COLUMNS, RW_W_TERMINATED, RW_W_OPTIONALLY,
                                  RW_W_ENCLOSED, RW_W_ESCAPED, RW_W_BY) &&
                   !rw__accept_kind(p, RW_TOK_STRING) && !rw__accept_kind(p, RW_TOK_HEX) &&
                   !(lines && rw__accept(p, RW_W_STARTING))) {
            return;
        }
    }
}

static void rows_identified_by(rw__parser *p)
{
    if (!rw__accept2(p, RW_W_ROWS, RW_W_IDENTIFIED)) return;
    rw__expect(p, RW_W_BY, "ROWS IDENTIFIED BY clause");
    if (!rw__accept_kind(p, RW_TOK_STRING)) rw__fail(p, "ROWS IDENTIFIED BY clause");
}

static void ignore_lines(rw__parser *p)
{
    if (!rw__is(p, RW_W_IGNORE) || rw__kind(p, 1) != RW_TOK_NUMBER) return;
    p->pos += 2;
    if (!RW_ACCEPT_ANY(p, RW_W_LINES, RW_W_ROWS)) rw__fail(p, "IGNORE n LINES clause");
}

static void charset(rw__parser *p)
{
    rw_name name;
    if (!rw__accept2(p, RW_W_CHARACTER, RW_W_SET) && !rw__accept(p, RW_W_CHARSET)) return;
    if (!rw__accept(p, RW_W_BINARY) && !rw__accept_kind(p, RW_TOK_STRING))
        rw__ident(p, &name, "character set");
}

static void load_head(rw__parser *p, rw_stmt *s)
{
    p->pos += 2; /* LOAD DATA, LOAD XML */
    s->low_priority_or_delayed = RW_ACCEPT_ANY(p, RW_W_LOW_PRIORITY, RW_W_CONCURRENT);
    rw__accept(p, RW_W_LOCAL);
    rw__expect(p, RW_W_INFILE, "LOAD statement");
    if (!rw__accept_kind(p, RW_TOK_STRING)) rw__fail(p, "LOAD statement");
    s->replace = rw__accept(p, RW_W_REPLACE);
    s->ignore = !s->replace && rw__accept(p, RW_W_IGNORE);
    rw__expect(p, RW_W_INTO, "LOAD statement");
    rw__expect(p, RW_W_TABLE, "LOAD statement");
}

void rw__load(rw__parser *p, rw_stmt *s)
{
    s->kind = RW_S_LOAD;
    load_head(p, s);
    rw__name(p, &s->target, "table name");
    if (rw__is2(p, RW_W_PARTITION, RW_OP_LPAREN)) rw__partition_clause(p);
    s->after_target = p->pos;
    charset(p);
    rows_identified_by(p);
    field_options(p);
    ignore_lines(p);
    s->columns_at = p->pos;
    if (rw__is(p, RW_OP_LPAREN)) rw__column_list(p, s);
    if (rw__accept(p, RW_W_SET)) s->set = rw__assignments(p);
}
