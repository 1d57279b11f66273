/* Keeping a row that nothing changes as it is: which columns allow the longer form of emit_assign.c. */
#include "assign.h"
#include "type.h"

static bool type_in(b_slice type, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (rw__type_is(type, words[i])) {
            return true;
        }
    }
    return false;
}

static const char *const text_types[] = {"char",   "varchar",   "tinytext", "text",
                                         "binary", "varbinary", "tinyblob", "blob"};
static const char *const whole_types[] = {"tinyint", "smallint", "mediumint", "int", "bigint"};
static const char *const other_types[] = {"decimal", "float", "double", "set", "time", "year"};
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* The first member of an ENUM, as it is written in its type; empty where it holds more than plain letters. */
static b_slice first_member(b_slice type)
{
    size_t end = sizeof "enum('" - 1;
    while (end < type.n && type.p[end] != '\'') {
        char c = b_lower(type.p[end]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == ' ')) {
            return (b_slice){NULL, 0};
        }
        end++;
    }
    return end < type.n ? b_slice_of(type.p + 5, end + 1 - 5) : (b_slice){NULL, 0};
}

bool rw__is_null(const rw_planner *p, const rw_expr *e)
{
    const rw_token *t = &p->t->tok[e->tok];
    return e->kind == RW_E_LITERAL && t->kind == RW_TOK_IDENT && t->word == RW_W_NULL;
}

bool rw__keeps_noop(const rw_planner *p, const rw_stmt *s, const rw_pair *pair, const rw_expr *x,
                    rw_marker *m)
{
    b_slice type = pair->plain.type;
    *m = (rw_marker){{NULL, 0}, pair->plain.nullable};
    if (rw__is_null(p, x) && !pair->plain.nullable) {
        return false;
    }
    if (type_in(type, text_types, COUNT(text_types))) {
        m->constant = m->coalesce ? B_LIT("''") : m->constant;
        return true;
    }
    if (type_in(type, whole_types, COUNT(whole_types))) {
        m->constant = m->coalesce ? B_LIT("0") : m->constant;
        return true;
    }
    m->coalesce = false;
    if (rw__type_is(type, "enum")) {
        m->constant = first_member(type);
        return m->constant.n > 0;
    }
    if (rw__type_is(type, "date") || rw__type_is(type, "datetime")) {
        m->constant = B_LIT("'2000-01-01'");
        return rw__null_is_error(p, s);
    }
    return !pair->plain.nullable && type_in(type, other_types, COUNT(other_types));
}
