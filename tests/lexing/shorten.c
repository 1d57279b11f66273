/* A failing text made small, and made readable. */
#include "lexing.h"

static void without(b_slice s, size_t at, size_t n, b_buf *out)
{
    b_buf_clear(out);
    b_buf_add(out, s.p, at);
    b_buf_add(out, s.p + at + n, s.n - at - n);
}

void lx_shorten(ts_conn *c, const rw_ctx *ctx, rw_server server, lx_verdict v, b_buf *sql)
{
    b_buf shorter = {0};
    for (size_t chunk = sql->n / 2; chunk > 0; chunk /= 2) {
        for (size_t at = 0; at + chunk <= sql->n;) {
            without(b_buf_view(sql), at, chunk, &shorter);
            if (shorter.n > 0 && lx_compare(c, ctx, server, b_buf_view(&shorter), NULL) == v) {
                b_buf_clear(sql);
                b_buf_slice(sql, b_buf_view(&shorter));
            } else {
                at += chunk;
            }
        }
    }
    b_buf_deinit(&shorter);
}

void lx_print(b_slice sql, b_buf *out)
{
    for (size_t i = 0; i < sql.n; i++) {
        unsigned char c = (unsigned char)sql.p[i];
        if (c == '\n')
            b_buf_str(out, "\\n");
        else if (c == '\\')
            b_buf_str(out, "\\\\");
        else if (c < 0x20 || c >= 0x7F)
            b_buf_printf(out, "\\x%02X", c);
        else
            b_buf_char(out, (char)c);
    }
}
