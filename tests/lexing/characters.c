/* The characters outside ASCII of every character set: those that we know must be the server's. */
#include "lexing.h"
#include "spelling.h"

#include <stdio.h>

typedef struct batch {
    b_buf bytes, want; /* characters, one a line: in the character set, and in UTF-8 */
    unsigned n;
} batch;

static void add(const rw_ctx *ctx, const char *p, uint32_t len, b_arena *arena, batch *b)
{
    if (rw__char_len(ctx->charset, p, len) != len) return;
    b_slice name = rw__name_in_utf8(ctx, b_slice_of(p, len), arena);
    if (rw__unknown_name(name)) return;
    b_buf_add(&b->bytes, p, len);
    b_buf_char(&b->bytes, '\n');
    b_buf_slice(&b->want, name);
    b_buf_char(&b->want, '\n');
    b->n++;
}

static void ask(ts_conn *c, const char *charset, b_slice bytes, b_buf *got)
{
    b_buf sql = {0};
    lx_answer a;
    b_buf_printf(&sql, "SELECT CONVERT(_%s X'", charset);
    for (size_t i = 0; i < bytes.n; i++) b_buf_printf(&sql, "%02X", (unsigned)(unsigned char)bytes.p[i]);
    b_buf_str(&sql, "' USING utf8mb4)");
    lx_answer_get(c, b_buf_view(&sql), &a);
    b_buf_clear(got);
    b_buf_slice(got, b_buf_view(&a.text));
    b_buf_deinit(&sql), b_buf_deinit(&a.text);
}

static void check_one(ts_conn *c, const char *charset, b_slice bytes, b_slice want, unsigned long *bad)
{
    b_buf got = {0}, expect = {0}, text = {0};
    b_buf_printf(&expect, "columns 1\n= %.*s\n", B_ARG(want));
    ask(c, charset, bytes, &got);
    if (!b_slice_eq(b_buf_view(&got), b_buf_view(&expect))) {
        lx_print(bytes, &text);
        b_buf_str(&text, " for us ");
        lx_print(want, &text);
        b_buf_str(&text, ", server: ");
        lx_print(b_buf_view(&got), &text);
        printf("%s: %s\n", charset, b_buf_cstr(&text));
        ++*bad;
    }
    b_buf_deinit(&got), b_buf_deinit(&expect), b_buf_deinit(&text);
}

static b_slice line(b_slice *rest)
{
    size_t n = b_slice_find(*rest, B_LIT("\n"));
    b_slice s = {rest->p, n};
    *rest = b_slice_of(rest->p + n + 1, rest->n - n - 1);
    return s;
}

/* All at once; one by one where that is not right. */
static unsigned flush(ts_conn *c, const char *charset, batch *b, unsigned long *bad)
{
    b_buf got = {0}, expect = {0};
    unsigned n = b->n;
    b_slice bytes = b_buf_view(&b->bytes), want = b_buf_view(&b->want);
    b_buf_printf(&expect, "columns 1\n= %.*s\n", B_ARG(want));
    if (n > 0) ask(c, charset, bytes, &got);
    if (n > 0 && !b_slice_eq(b_buf_view(&got), b_buf_view(&expect))) {
        for (unsigned i = 0; i < n; i++) {
            b_slice one = line(&bytes);
            check_one(c, charset, one, line(&want), bad);
        }
    }
    b_buf_clear(&b->bytes), b_buf_clear(&b->want);
    b->n = 0;
    b_buf_deinit(&got), b_buf_deinit(&expect);
    return n;
}

/* The characters that begin with this byte. */
static void add_lead(const rw_ctx *ctx, unsigned lead, b_arena *arena, batch *b)
{
    char p[4] = {(char)lead};
    if (ctx->charset == RW_CHARSET_SINGLE) {
        add(ctx, p, 1, arena, b);
        return;
    }
    for (unsigned second = 0x40; second < 256; second++) {
        p[1] = (char)second;
        add(ctx, p, 2, arena, b);
    }
    for (unsigned i = 0; ctx->charset == RW_CHARSET_GB18030 && lead < 0x85 && i < 10 * 126 * 10; i++) {
        p[1] = (char)(0x30 + i / 1260), p[2] = (char)(0x81 + i / 10 % 126), p[3] = (char)(0x30 + i % 10);
        add(ctx, p, 4, arena, b);
    }
}

unsigned long lx_characters(ts_conn *c, const char *charset, unsigned *known)
{
    unsigned long bad = 0;
    rw_ctx ctx = {.charset = rw_charset_parse(b_slice_str(charset)),
                  .spelling = rw_charset_number(b_slice_str(charset))};
    batch b = {.n = 0};
    *known = 0;
    for (unsigned lead = 0x80; lead < 256; lead++) {
        b_arena *arena = b_arena_new(0);
        add_lead(&ctx, lead, arena, &b);
        if (ctx.charset != RW_CHARSET_SINGLE || lead == 255) *known += flush(c, charset, &b, &bad);
        b_arena_free(arena);
    }
    b_buf_deinit(&b.bytes), b_buf_deinit(&b.want);
    return bad;
}
