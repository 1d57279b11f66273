/* The parser by itself: it ends, reads nothing outside, and takes time and memory in proportion to the text,
 * however that nests; what it understood lies in the text, statement by statement, and is the same each time.
 *
 * Byte 0 picks server and sql_mode, 1 the character set, 2 how often a part is repeated: what stands between
 * the first two bytes 0x01 of the text, so that a small input says a long or a deep statement. */
#include "parser.h"

#include <stdlib.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    TEXT_MAX = 65536,
    BYTES_FIXED = 65536,
    BYTES_EACH = 512,         /* of memory for a byte of text: a node and its list for each token */
    NANOSECONDS = 1000000000, /* of CPU for the longest text; it takes some milliseconds, under sanitizers */
};

static void require(bool ok)
{
    if (!ok) abort();
}

static long long cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (long long)t.tv_sec * NANOSECONDS + t.tv_nsec;
}

/* The text in an allocation of just its size, so that a sanitizer sees a read one byte too far. */
static b_slice unfold(b_slice in, unsigned times)
{
    const char *one = memchr(in.p, 1, in.n),
               *two = one == NULL ? NULL : memchr(one + 1, 1, in.n - (size_t)(one + 1 - in.p));
    size_t unit = two == NULL ? 0 : (size_t)(two - one - 1), head = two == NULL ? in.n : (size_t)(one - in.p);
    size_t tail = two == NULL ? 0 : in.n - (size_t)(two + 1 - in.p);
    while (times > 0 && head + times * unit + tail > TEXT_MAX) times--;
    size_t n = head + times * unit + tail;
    char *text = malloc(n == 0 ? 1 : n), *at = text + head;
    require(text != NULL);
    memcpy(text, in.p, head);
    for (unsigned i = 0; i < times && unit > 0; i++, at += unit) memcpy(at, one + 1, unit);
    if (tail > 0) memcpy(at, two + 1, tail);
    return b_slice_of(text, n);
}

/* Statements lie one behind the other. */
static void check_places(const rw_tokens *t, const rw_stmt *s)
{
    uint32_t from = 0;
    for (; s != NULL; s = s->next) {
        require(s->tok >= from && s->end >= s->tok && s->end <= t->n);
        from = s->end;
    }
}

static b_status parse(const rw_ctx *ctx, rw_server server, b_slice text, b_buf *dump, uint32_t *stopped)
{
    rw_tokens t;
    rw_stmt *stmts = NULL;
    rw_parse_error err = {0};
    b_arena *arena = b_arena_new(0);
    require(arena != NULL && rw_lex(ctx, server, text, arena, &t) == B_OK);
    size_t before = b_arena_used(arena);
    b_status st = rw_parse(ctx, server, &t, arena, &stmts, &err);
    require(b_arena_used(arena) - before <= BYTES_FIXED + BYTES_EACH * text.n);
    require(st == B_OK || st == B_MALFORMED);
    if (st == B_OK) {
        check_places(&t, stmts);
        rw_dump(&t, stmts, dump);
    } else {
        require(err.what != NULL && err.tok <= t.n);
    }
    *stopped = err.tok;
    b_arena_free(arena);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) return 0;
    rw_server server = {(data[0] & 1) != 0 ? RW_MARIADB : RW_MYSQL, (data[0] & 1) != 0 ? 101119 : 90704, 0};
    rw_ctx ctx = {
        .sql_mode = data[0] >> 1, .charset = (rw_charset)(data[1] % RW_CHARSET_UNKNOWN), .multi = true};
    b_slice text = unfold(b_slice_of(data + 3, size - 3), data[2] * 16u);
    b_buf dump = {0}, again = {0};
    uint32_t stopped, stopped_again;
    long long from = cpu();
    b_status st = parse(&ctx, server, text, &dump, &stopped);
    require(cpu() - from < NANOSECONDS);
    require(parse(&ctx, server, text, &again, &stopped_again) == st && stopped == stopped_again);
    require(b_slice_eq(b_buf_view(&dump), b_buf_view(&again)));
    b_buf_deinit(&dump), b_buf_deinit(&again);
    free((void *)(uintptr_t)text.p);
    return 0;
}
