/* Expressions: operators, by binding strength. Operands are in parse_prim.c.
 *
 * Chains of operators of one strength (`a AND b AND c`, `1 + 2 - 3`) become one node with many kids, so that
 * the depth of the tree is bounded by the nesting of the text and not by its length. */
#include "parse.h"

void rw__exprs_init(rw__exprs *l)
{
    l->first = NULL;
    l->tail = &l->first;
}

void rw__exprs_add(rw__exprs *l, rw_expr *e)
{
    *l->tail = e;
    l->tail = &e->next;
}

rw_expr *rw__node(rw__parser *p, rw_expr_kind kind, uint32_t tok)
{
    rw_expr *e = RW_NODE(p, rw_expr);
    e->kind = kind;
    e->tok = tok;
    e->end = tok;
    return e;
}

rw_expr *rw__done(rw__parser *p, rw_expr *e)
{
    e->end = p->pos;
    return e;
}

/* How an operator goes on after its word or sign. */
typedef enum op_shape {
    OP_NONE,
    OP_INFIX,
    OP_COMPARE, /* or ALL, ANY, SOME and a subquery */
    OP_IS,
    OP_BETWEEN,
    OP_IN,
    OP_LIKE,
    OP_MEMBER,
    OP_SOUNDS,
    OP_COLLATE,
} op_shape;

typedef struct op_info {
    op_shape shape;
    int prec;
    uint32_t ntok; /* NOT LIKE: 2 */
} op_info;

static op_info op_by_word(uint16_t word)
{
    switch ((int)word) {
    case RW_W_OR: return (op_info){OP_INFIX, RW_PREC_OR, 1};
    case RW_W_XOR: return (op_info){OP_INFIX, RW_PREC_XOR, 1};
    case RW_W_AND: return (op_info){OP_INFIX, RW_PREC_AND, 1};
    case RW_W_IS: return (op_info){OP_IS, RW_PREC_COMPARE, 1};
    case RW_W_BETWEEN: return (op_info){OP_BETWEEN, RW_PREC_PREDICATE, 1};
    case RW_W_IN: return (op_info){OP_IN, RW_PREC_PREDICATE, 1};
    case RW_W_LIKE: return (op_info){OP_LIKE, RW_PREC_PREDICATE, 1};
    case RW_W_REGEXP:
    case RW_W_RLIKE: return (op_info){OP_INFIX, RW_PREC_PREDICATE, 1};
    case RW_W_MEMBER: return (op_info){OP_MEMBER, RW_PREC_PREDICATE, 1};
    case RW_W_SOUNDS: return (op_info){OP_SOUNDS, RW_PREC_PREDICATE, 2};
    case RW_W_DIV:
    case RW_W_MOD: return (op_info){OP_INFIX, RW_PREC_MULTIPLY, 1};
    case RW_W_COLLATE: return (op_info){OP_COLLATE, RW_PREC_UNARY, 1};
    default: return (op_info){OP_NONE, 0, 0};
    }
}

static op_info op_by_sign(const rw__parser *p, uint16_t sign)
{
    switch ((int)sign) {
    case RW_OP_OR_PIPES:
        return (op_info){OP_INFIX, p->sql_mode & RW_MODE_PIPES_AS_CONCAT ? RW_PREC_CONCAT : RW_PREC_OR, 1};
    case RW_OP_AND_AMPS: return (op_info){OP_INFIX, RW_PREC_AND, 1};
    case RW_OP_EQ:
    case RW_OP_NULL_SAFE_EQ:
    case RW_OP_LT:
    case RW_OP_GT:
    case RW_OP_LE:
    case RW_OP_GE:
    case RW_OP_NE: return (op_info){OP_COMPARE, RW_PREC_COMPARE, 1};
    case RW_OP_BIT_OR: return (op_info){OP_INFIX, RW_PREC_BIT_OR, 1};
    case RW_OP_BIT_AND: return (op_info){OP_INFIX, RW_PREC_BIT_AND, 1};
    case RW_OP_SHIFT_LEFT:
    case RW_OP_SHIFT_RIGHT: return (op_info){OP_INFIX, RW_PREC_SHIFT, 1};
    case RW_OP_PLUS:
    case RW_OP_MINUS: return (op_info){OP_INFIX, RW_PREC_ADD, 1};
    case RW_OP_STAR:
    case RW_OP_SLASH:
    case RW_OP_PERCENT: return (op_info){OP_INFIX, RW_PREC_MULTIPLY, 1};
    case RW_OP_BIT_XOR: return (op_info){OP_INFIX, RW_PREC_BIT_XOR, 1};
    case RW_OP_ARROW:
    case RW_OP_ARROW_TEXT: return (op_info){OP_INFIX, RW_PREC_UNARY, 1};
    default: return (op_info){OP_NONE, 0, 0};
    }
}

/* MEMBER [OF] (…) is an operator of MySQL only. */
static bool member_of(const rw__parser *p)
{
    return p->server.flavour == RW_MYSQL && (rw__is_at(p, 1, RW_W_OF) || rw__is_at(p, 1, RW_OP_LPAREN));
}

/* The operator at the present token. NOT counts only before LIKE, IN and the like. */
static op_info op_here(const rw__parser *p)
{
    const rw_token *t = rw__peek(p, 0);
    if (t->kind == RW_TOK_OP) return op_by_sign(p, t->word);
    if (t->kind != RW_TOK_IDENT || t->word == RW_WORD_NONE) return (op_info){OP_NONE, 0, 0};
    op_info op = op_by_word(t->word);
    if (op.shape == OP_SOUNDS && !rw__is_at(p, 1, RW_W_LIKE)) op.shape = OP_NONE;
    if (op.shape == OP_MEMBER && !member_of(p)) op.shape = OP_NONE;
    if (t->word != RW_W_NOT) return op;
    const rw_token *next = rw__peek(p, 1);
    if (next->kind != RW_TOK_IDENT) return op;
    op = op_by_word(next->word);
    if (op.prec != RW_PREC_PREDICATE || op.shape == OP_SOUNDS || op.shape == OP_MEMBER) op.shape = OP_NONE;
    op.ntok = 2;
    return op;
}

static void finish_compare(rw__parser *p, rw__exprs *kids)
{
    bool quantified = rw__is(p, RW_W_ALL) ||
                      ((rw__is(p, RW_W_ANY) || rw__is(p, RW_W_SOME)) && rw__is_at(p, 1, RW_OP_LPAREN));
    if (quantified) {
        p->pos++;
        rw__exprs_add(kids, rw__parens(p));
        return;
    }
    rw__exprs_add(kids, rw__expr_prec(p, RW_PREC_COMPARE + 1));
}

static void finish_is(rw__parser *p)
{
    rw__accept(p, RW_W_NOT);
    if (!RW_ACCEPT_ANY(p, RW_W_NULL, RW_W_TRUE, RW_W_FALSE, RW_W_UNKNOWN)) rw__fail(p, "IS condition");
}

static void finish_like(rw__parser *p, rw__exprs *kids)
{
    rw__exprs_add(kids, rw__expr_prec(p, RW_PREC_PREDICATE + 1));
    if (rw__accept(p, RW_W_ESCAPE)) rw__exprs_add(kids, rw__expr_prec(p, RW_PREC_PREDICATE + 1));
}

static void finish_between(rw__parser *p, rw__exprs *kids)
{
    rw__exprs_add(kids, rw__expr_prec(p, RW_PREC_PREDICATE + 1));
    rw__expect(p, RW_W_AND, "BETWEEN condition");
    rw__exprs_add(kids, rw__expr_prec(p, RW_PREC_PREDICATE));
}

static void finish_op(rw__parser *p, op_info op, rw__exprs *kids)
{
    rw_name collation;
    switch (op.shape) {
    case OP_NONE: break;
    case OP_INFIX: rw__exprs_add(kids, rw__expr_prec(p, op.prec + 1)); break;
    case OP_COMPARE: finish_compare(p, kids); break;
    case OP_IS: finish_is(p); break;
    case OP_BETWEEN: finish_between(p, kids); break;
    case OP_IN:
        if (!rw__is(p, RW_OP_LPAREN)) rw__fail(p, "IN list");
        rw__exprs_add(kids, rw__parens(p));
        break;
    case OP_LIKE: finish_like(p, kids); break;
    case OP_MEMBER:
        rw__accept(p, RW_W_OF);
        rw__exprs_add(kids, rw__parens(p));
        break;
    case OP_SOUNDS: rw__exprs_add(kids, rw__expr_prec(p, RW_PREC_PREDICATE + 1)); break;
    case OP_COLLATE:
        if (rw__accept(p, RW_W_BINARY) || rw__accept_kind(p, RW_TOK_STRING)) break;
        rw__ident(p, &collation, "collation");
        break;
    }
}

static rw_expr *prefixed(rw__parser *p, int prec)
{
    rw_expr *e = rw__node(p, RW_E_OP, p->pos);
    e->op = rw__peek(p, 0)->word;
    p->pos++;
    while (rw__is(p, e->op)) p->pos++;
    e->kids = rw__expr_prec(p, prec);
    return rw__done(p, e);
}

static rw_expr *operand(rw__parser *p)
{
    if (rw__is(p, RW_W_NOT)) return prefixed(p, RW_PREC_NOT);
    if (RW_IS_ANY(p, RW_OP_MINUS, RW_OP_PLUS, RW_OP_BIT_NOT, RW_OP_BANG, RW_W_BINARY))
        return prefixed(p, RW_PREC_UNARY);
    return rw__primary(p);
}

/* All operators at least as strong as min_prec, left to right. */
static rw_expr *climb(rw__parser *p, rw_expr *left, int min_prec)
{
    rw__exprs kids;
    unsigned nested = 0;
    int chain = -1; /* the strength of `left`, when more operands can be hung on it */
    rw__exprs_init(&kids);
    for (;;) {
        op_info op = op_here(p);
        if (op.shape == OP_NONE || op.prec < min_prec) return left;
        uint16_t code = rw__peek(p, op.ntok == 2 && op.shape != OP_SOUNDS ? 1 : 0)->word;
        p->pos += op.ntok;
        if (op.shape != OP_INFIX || op.prec != chain) {
            if (++nested > RW_MAX_NESTED) rw__fail_deep(p);
            rw_expr *e = rw__node(p, RW_E_OP, left->tok);
            rw__exprs_init(&kids);
            rw__exprs_add(&kids, left);
            e->kids = left;
            e->op = code;
            left = e;
        }
        finish_op(p, op, &kids);
        rw__done(p, left);
        chain = op.shape == OP_INFIX ? op.prec : -1;
    }
}

rw_expr *rw__expr_prec(rw__parser *p, int min_prec)
{
    uint32_t tok = p->pos;
    rw_expr *e = rw__enter(p) ? climb(p, operand(p), min_prec) : rw__node(p, RW_E_LITERAL, tok);
    rw__leave(p);
    return e;
}

rw_expr *rw__expr(rw__parser *p)
{
    return rw__expr_prec(p, RW_PREC_ANY);
}

rw_expr *rw__expr_or_default(rw__parser *p)
{
    bool bare = (rw__is(p, RW_W_DEFAULT) && !rw__is_at(p, 1, RW_OP_LPAREN)) || rw__is(p, RW_W_IGNORE);
    if (!bare) return rw__expr(p);
    rw_expr *e = rw__node(p, RW_E_DEFAULT, p->pos);
    p->pos++;
    return rw__done(p, e);
}

void rw__expr_list(rw__parser *p, rw__exprs *out)
{
    do {
        rw__exprs_add(out, rw__expr(p));
    } while (rw__accept(p, RW_OP_COMMA));
}
