/* Statements that the binary log has as text, from a session or a server that does not log rows. What they
 * wrote cannot be looked at. Those that may have written a watched table are said. */
#include "bypass.h"

#include "rewrite/code.h"

static rw_ctx context(const mig__text *x)
{
    return (rw_ctx){.sql_mode = (x->ansi_quotes ? RW_MODE_ANSI_QUOTES : 0) |
                                (x->no_backslash_escapes ? RW_MODE_NO_BACKSLASH_ESCAPES : 0),
                    .schema = x->schema,
                    .charset = RW_CHARSET_SAFE};
}

b_status mig__watched_text(const mig__watched *v, size_t n, rw_server server, const mig__event_head *h,
                           b_err *err)
{
    mig__text x;
    b_status s = mig__binlog_text(h, &x, err);
    if (s != B_OK || b_slice_eq(x.sql, B_LIT("BEGIN")) || b_slice_eq(x.sql, B_LIT("COMMIT"))) return s;
    rw_ctx ctx = context(&x);
    b_arena *arena = b_arena_new(0);
    if (arena == NULL) return b_fail(err, B_NOMEM, "out of memory for a statement of the binary log");
    for (size_t i = 0; s == B_OK && i < n; i++) {
        const mig__m *m = v[i].m;
        if (!rw_code_changes(&ctx, server, x.sql, b_slice_str(m->schema), b_slice_str(m->table), arena))
            continue;
        s = b_fail(
            err, B_INVALID,
            "a statement of connection %llu, which may have written %s.%s, was logged as text; let that "
            "session have binlog_format = ROW",
            (unsigned long long)x.thread, m->schema, m->table);
    }
    b_arena_free(arena);
    return s;
}
