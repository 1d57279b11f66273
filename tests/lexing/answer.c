/* What a server says to a text, and what it says to the text anew. */
#include "lexing.h"

#include <mysql/mysql.h>
#include <mysql/mysqld_error.h>
#include <string.h>

enum { ROWS = 50, RESULTS = 20 };

static void put_result(MYSQL *m, b_buf *out)
{
    MYSQL_RES *res = mysql_store_result(m);
    if (res == NULL) {
        b_buf_str(out, "no result\n");
        return;
    }
    unsigned n = mysql_num_fields(res);
    MYSQL_ROW row;
    b_buf_printf(out, "columns %u\n", n);
    for (unsigned k = 0; k < ROWS && (row = mysql_fetch_row(res)) != NULL; k++) {
        unsigned long *lengths = mysql_fetch_lengths(res);
        for (unsigned i = 0; i < n; i++) {
            b_buf_str(out, row[i] == NULL ? "NULL" : "= ");
            if (row[i] != NULL) b_buf_add(out, row[i], lengths[i]);
            b_buf_str(out, "\n");
        }
    }
    mysql_free_result(res);
}

/* The error's number; for a name that is not known the message, which has the name. MariaDB shows one with
 * bytes that are no character in a form of which it cuts off a part when the name is quoted. */
static void put_error(MYSQL *m, lx_answer *out)
{
    unsigned e = mysql_errno(m);
    out->syntax = out->syntax || e == ER_PARSE_ERROR || e == ER_EMPTY_QUERY ||
                  e == ER_INVALID_CHARACTER_STRING; /* MariaDB: only of some spellings of a name */
    out->lost = e >= 2000 && e < 3000;
    const char *message = e == ER_BAD_FIELD_ERROR ? mysql_error(m) : "", *broken = strstr(message, "\\x");
    int n = broken == NULL ? (int)strlen(message) : (int)(broken - message);
    b_buf_printf(&out->text, "error %u %.*s\n", e, n, message);
}

void lx_answer_get(ts_conn *c, b_slice sql, lx_answer *out)
{
    MYSQL *m = ts_handle(c);
    *out = (lx_answer){.syntax = false};
    int more = mysql_real_query(m, sql.p, (unsigned long)sql.n);
    for (int i = 0; i < RESULTS; i++) {
        if (more > 0) {
            put_error(m, out);
            return;
        }
        put_result(m, &out->text);
        more = mysql_next_result(m);
        if (more < 0) return;
    }
    ts_die("more results than a text can have");
}

lx_verdict lx_compare(ts_conn *c, const rw_ctx *ctx, rw_server server, b_slice sql, b_buf *why)
{
    b_buf canon = {0};
    lx_answer a, b = {.syntax = false};
    lx_verdict v;
    bool cut = lx_canon(ctx, server, sql, &canon);
    lx_answer_get(c, sql, &a);
    if (cut) lx_answer_get(c, b_buf_view(&canon), &b);
    if (a.lost || b.lost) ts_die("the connection is lost: %s", b_buf_cstr(a.lost ? &a.text : &b.text));
    if (!cut)
        v = a.syntax ? LX_BOTH_BAD : LX_UNCUT;
    else if (b_slice_eq(b_buf_view(&a.text), b_buf_view(&b.text)))
        v = LX_SAME;
    else
        v = a.syntax ? LX_LOOSER : LX_DIFFERENT;
    if (why != NULL) {
        b_buf_str(why, "anew: ");
        lx_print(b_buf_view(&canon), why);
        b_buf_str(why, "\nanswer: ");
        lx_print(b_buf_view(&a.text), why);
        b_buf_str(why, "\nanswer anew: ");
        lx_print(b_buf_view(&b.text), why);
        b_buf_str(why, "\n");
    }
    b_buf_deinit(&canon), b_buf_deinit(&a.text), b_buf_deinit(&b.text);
    return v;
}
